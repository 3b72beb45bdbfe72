//! The rule that what takes time is timed.

use super::{File, Finding};

/// Crates whose functions are timed.
const TIMED: [&str; 8] = ["linalg", "network", "tensor", "estimate", "exact", "noisy", "fpt", "hardness"];

/// Functions that are not: formulas and decisions of a few operations.
const UNTIMED: [&str; 13] = [
    "decision",
    "decoding_radius",
    "expected_samples",
    "fixed_point_bits",
    "input_tolerance",
    "is_decimal",
    "is_dense",
    "is_single_precision",
    "lone_probability_bound",
    "rank_at",
    "significant_bits",
    "significant_digits",
    "theorem_78_corrected",
];

/// Public functions outside of types, by their names: methods are left to their author.
pub fn check(files: &[File], findings: &mut Vec<Finding>) {
    let benchmarks: Vec<&str> = files
        .iter()
        .filter(|file| file.path.starts_with("benches/benches/"))
        .map(|file| file.text.as_str())
        .collect();
    for file in files {
        let Some((krate, _)) = file.path.strip_prefix("crates/").and_then(|path| path.split_once("/src/"))
        else {
            continue;
        };
        if !TIMED.contains(&krate) {
            continue;
        }
        for (i, line) in file.text.lines().enumerate() {
            let Some(rest) = line.strip_prefix("pub fn ") else { continue };
            let name = rest.split(|c: char| !is_word(c)).next().unwrap_or_default();
            if UNTIMED.contains(&name)
                || benchmarks.iter().any(|text| text.split(|c| !is_word(c)).any(|word| word == name))
            {
                continue;
            }
            let message =
                format!("{name} is in no benchmark: add one, or name it in xtask/src/tidy/benchmarks.rs");
            findings.push(Finding { path: file.path.clone(), line: i + 1, rule: "benchmarks", message });
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(source: (&str, &str), benchmark: &str) -> Vec<usize> {
        let file = |path: &str, text: &str| File { path: path.to_string(), text: text.to_string() };
        let mut findings = Vec::new();
        check(&[file(source.0, source.1), file("benches/benches/a.rs", benchmark)], &mut findings);
        findings.into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn public_functions_are_timed() {
        let text =
            "use a;\npub fn solve(a: u8) {}\npub fn rank_at() {}\nfn own() {}\n    pub fn method() {}\n";
        assert_eq!(lines(("crates/linalg/src/a.rs", text), ""), [2]);
        assert_eq!(lines(("crates/linalg/src/a.rs", text), "solve_all(); resolve()"), [2]);
        assert_eq!(lines(("crates/linalg/src/a.rs", text), "use a::{b, solve};"), [0; 0]);
        assert_eq!(lines(("crates/cli/src/a.rs", text), ""), [0; 0]);
        assert_eq!(lines(("crates/linalg/tests/a.rs", text), ""), [0; 0]);
    }
}
