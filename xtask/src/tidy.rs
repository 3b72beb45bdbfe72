//! The rules of the house that no other tool checks.

mod benchmarks;
mod documents;
mod manifest;
mod sections;
mod source;
mod tolerances;
mod wording;

use std::fmt;
use std::path::Path;

use crate::Outcome;

pub const HELP: &str = "\
Checks the rules of the house that no other tool checks; CONTRIBUTING.md gives their reasons.

Usage: cargo xtask tidy

  layers     A crate depends on crates of strictly lower layers; testkit is for tests
  manifest   Package keys, lints and dependencies are inherited from the workspace
  words      linalg knows no Network and no Samples; estimate, exact, noisy and fpt know nothing planted
  outside    Files, environment, clocks and terminal belong to cli, experiments, xtask and benches
  names      No utils.rs, helpers.rs, common.rs, misc.rs; no `pub use x::*`
  length     At most 400 lines per file, tests not counted
  leftovers  No todo!, unimplemented!, dbg!, no work markers; no .unwrap() in library code;
             #[ignore] comes with the command that runs the test
  tolerance  A small literal in an assertion of tests/ has a comment that derives it;
             machine epsilon is used in linalg/src/tolerance.rs and in tests only
  sections   Sections of documentation come in their order; a public function that returns a Result
             has one on its errors
  documents  The four documents exist, ARCHITECTURE.md names every crate, links lead somewhere
  benchmarks Public functions of the crates of algorithms are named in benches/

Exit codes: 0 nothing found, 1 something found, 2 bad usage.";

/// A text file of the workspace.
struct File {
    /// From the root of the workspace, with `/` between the parts.
    path: String,
    text: String,
}

/// A rule broken at a place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    /// Counted from 1; 0 when the finding is about the whole file.
    line: usize,
    rule: &'static str,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { path, line, rule, message } = self;
        if *line == 0 {
            write!(f, "{path}: {message} [{rule}]")
        } else {
            write!(f, "{path}:{line}: {message} [{rule}]")
        }
    }
}

pub fn run(root: &Path, options: &[String]) -> Outcome {
    match options.first() {
        Some(option) => Outcome::Usage(format!("tidy takes no option {option:?}")),
        None if passes(root) => Outcome::Done,
        None => Outcome::Failed,
    }
}

/// Checks the workspace and prints what it finds.
pub fn passes(root: &Path) -> bool {
    let mut files = Vec::new();
    if let Err(error) = collect(root, "", &mut files) {
        eprintln!("error: cannot read the workspace: {error}");
        return false;
    }
    let findings = check(&files, &|path| root.join(path).exists());
    for finding in &findings {
        println!("{finding}");
    }
    println!("tidy: {} files, {} findings", files.len(), findings.len());
    findings.is_empty()
}

/// Reads the files that rules speak about. Hidden directories and build output hold none of them.
fn collect(root: &Path, relative: &str, files: &mut Vec<File>) -> std::io::Result<()> {
    let mut entries = std::fs::read_dir(root.join(relative))?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if relative.is_empty() { name.clone() } else { format!("{relative}/{name}") };
        if entry.file_type()?.is_dir() {
            if !name.starts_with('.') && name != "target" && name != "out" {
                collect(root, &path, files)?;
            }
        } else if name == "Cargo.toml" || name.ends_with(".rs") || name.ends_with(".md") {
            files.push(File { text: std::fs::read_to_string(entry.path())?, path });
        }
    }
    Ok(())
}

/// Applies every rule. `exists` answers for the targets of links, by path from the root.
fn check(files: &[File], exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = manifest::check(files);
    for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
        let source = source::Source::new(file);
        wording::check(&source, &mut findings);
        tolerances::check(&source, &mut findings);
        sections::check(&source, &mut findings);
    }
    documents::check(files, exists, &mut findings);
    benchmarks::check(files, &mut findings);
    findings.sort();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules that fire on one file, in the order of their lines.
    pub fn fired(path: &str, text: &str) -> Vec<(usize, &'static str)> {
        let file = File { path: path.to_string(), text: text.to_string() };
        let source = source::Source::new(&file);
        let mut findings = Vec::new();
        wording::check(&source, &mut findings);
        tolerances::check(&source, &mut findings);
        sections::check(&source, &mut findings);
        findings.sort();
        findings.into_iter().map(|finding| (finding.line, finding.rule)).collect()
    }

    #[test]
    fn every_rule_has_its_line_in_the_help() {
        for rule in [
            "layers",
            "manifest",
            "words",
            "outside",
            "names",
            "length",
            "leftovers",
            "tolerance",
            "sections",
            "documents",
            "benchmarks",
        ] {
            assert!(HELP.contains(&format!("\n  {rule:<10} ")), "{rule}");
        }
    }

    #[test]
    fn a_finding_names_its_place() {
        let mut finding = Finding { path: "a.rs".into(), line: 3, rule: "words", message: "no".into() };
        assert_eq!(finding.to_string(), "a.rs:3: no [words]");
        finding.line = 0;
        assert_eq!(finding.to_string(), "a.rs: no [words]");
    }
}
