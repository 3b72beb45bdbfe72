//! Rules about the documents.

use super::{File, Finding};

/// The documents at the top of the repository.
const DOCUMENTS: [&str; 4] = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md"];

pub fn check(files: &[File], exists: &dyn Fn(&str) -> bool, findings: &mut Vec<Finding>) {
    let mut report = |path: &str, line, message| {
        findings.push(Finding { path: path.to_string(), line, rule: "documents", message });
    };
    for document in DOCUMENTS {
        if !files.iter().any(|file| file.path == document) {
            report(document, 0, "the document is missing".to_string());
        }
    }
    if let Some(architecture) = files.iter().find(|file| file.path == "ARCHITECTURE.md") {
        let crates =
            files.iter().filter_map(|file| file.path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml"));
        for krate in crates.filter(|krate| !names(&architecture.text, krate)) {
            report(
                "ARCHITECTURE.md",
                0,
                format!("the crate {krate} is not named, as `{krate}` or crates/{krate}"),
            );
        }
    }
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        for (line, target) in links(&file.text) {
            let Some(path) = resolve(&file.path, &target) else {
                report(&file.path, line, format!("the link {target:?} leaves the repository"));
                continue;
            };
            if !exists(&path) {
                report(&file.path, line, format!("the link {target:?} leads nowhere"));
            }
        }
    }
}

/// Whether a text names a crate as such: many crates have names that are ordinary words.
fn names(text: &str, krate: &str) -> bool {
    [format!("`{krate}`"), format!("`{krate}/"), format!("crates/{krate}")]
        .iter()
        .any(|form| text.contains(form))
        || text
            .lines()
            .any(|line| line.trim_start_matches([' ', '│', '├', '└', '─']).starts_with(&format!("{krate}/ ")))
}

/// Targets of links to files, without fragments, with their lines: `[text](target)` and `[label]: target`.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (i, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        let prose = without_code(line);
        let mut targets: Vec<&str> =
            prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        if let Some((_, target)) = prose.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
            targets.push(target);
        }
        for target in targets {
            let target = target.split_whitespace().next().unwrap_or("").trim_matches(['<', '>']);
            let path = target.split('#').next().unwrap_or("");
            if !(path.is_empty() || path.contains("://") || path.starts_with("mailto:")) {
                found.push((i + 1, path.to_string()));
            }
        }
    }
    found
}

/// Blanks what stands between backticks.
fn without_code(line: &str) -> String {
    line.split('`')
        .enumerate()
        .map(|(i, piece)| if i % 2 == 0 { piece } else { " " })
        .collect::<Vec<_>>()
        .join("`")
}

/// The path from the root that a link in a file leads to; `None` when it leaves the repository.
fn resolve(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    if target.starts_with('/') {
        return None;
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(documents: &[(&str, &str)]) -> Vec<String> {
        let mut files: Vec<File> = documents
            .iter()
            .map(|(path, text)| File { path: path.to_string(), text: text.to_string() })
            .collect();
        for document in DOCUMENTS.iter().filter(|path| !documents.iter().any(|(other, _)| other == *path)) {
            files.push(File { path: document.to_string(), text: String::new() });
        }
        let mut findings = Vec::new();
        check(&files, &|path| ["a.md", "data/b.md", "data"].contains(&path), &mut findings);
        findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn documents_exist() {
        let mut findings = Vec::new();
        check(&[], &|_| true, &mut findings);
        assert_eq!(findings.len(), DOCUMENTS.len());
    }

    #[test]
    fn architecture_names_every_crate() {
        let krate = ("crates/exact/Cargo.toml", "");
        let missing = ["the crate exact is not named, as `exact` or crates/exact"];
        assert_eq!(found(&[krate, ("ARCHITECTURE.md", "We are exact.")]), missing);
        for good in ["`exact` recovers", "`exact/`", "see crates/exact", "  exact/   L3  recovers"] {
            assert_eq!(found(&[krate, ("ARCHITECTURE.md", good)]), [""; 0], "{good}");
        }
    }

    #[test]
    fn links_lead_somewhere() {
        assert_eq!(found(&[("README.md", "[x](gone.md)")]), ["the link \"gone.md\" leads nowhere"]);
        assert_eq!(found(&[("data/README.md", "[x](a.md)")]), ["the link \"a.md\" leads nowhere"]);
        assert_eq!(found(&[("README.md", "[x]: gone.md")]), ["the link \"gone.md\" leads nowhere"]);
        assert_eq!(found(&[("README.md", "[x](../a.md)")]), ["the link \"../a.md\" leaves the repository"]);
        assert_eq!(found(&[("README.md", "[x](/a.md)")]), ["the link \"/a.md\" leaves the repository"]);
        let good = "[x](a.md#part) [y](data/) [z](#here) [w](https://x.org/a) `[v](gone)` ![i](data/../a.md \"t\")\n\
                    ```\n[u](gone)\n```\n";
        assert_eq!(found(&[("README.md", good)]), [""; 0]);
    }
}
