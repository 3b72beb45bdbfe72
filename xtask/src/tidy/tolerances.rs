//! Rules about small numbers.

use super::Finding;
use super::source::{Part, Source, identifiers};

/// Literals up to this size in an assertion are taken for tolerances.
const SMALL: f64 = 0.01;

/// The one library file that may turn machine epsilon into a tolerance.
const EPSILON_PLACE: &str = "crates/linalg/src/tolerance.rs";

pub fn check(source: &Source<'_>, findings: &mut Vec<Finding>) {
    let mut report = |line, message: String| {
        findings.push(Finding { path: source.path.to_string(), line, rule: "tolerance", message });
    };
    if source.part == Part::Tests && source.path.contains("/tests/") {
        for (number, literal) in bare_tolerances(source) {
            report(
                number,
                format!("tolerance {literal} without a comment that derives it, here or on the line above"),
            );
        }
    }
    if source.path != EPSILON_PLACE && source.part == Part::Src {
        for (number, line) in source.library_lines() {
            let mut words = identifiers(&line.code);
            if words.any(|(word, after)| ["f64", "f32"].contains(&word) && after.starts_with("::EPSILON")) {
                report(
                    number,
                    format!("machine epsilon belongs to {EPSILON_PLACE}: name the tolerance there"),
                );
            }
        }
    }
}

/// Small literals inside assertions that no comment explains.
fn bare_tolerances(source: &Source<'_>) -> Vec<(usize, String)> {
    let explained = |line: usize| !source.lines[line].comment.trim().is_empty();
    let mut found = Vec::new();
    let mut first = 0;
    while first < source.lines.len() {
        let Some(after) = assertion(&source.lines[first].code) else {
            first += 1;
            continue;
        };
        let above = first > 0 && explained(first - 1);
        let mut depth = 0usize;
        let mut code = after;
        loop {
            let bare = !(above || explained(first) || first > 0 && explained(first - 1));
            if let Some(literal) = small_literal(code).filter(|_| bare) {
                found.push((first + 1, literal));
            }
            for c in code.chars() {
                match c {
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
            first += 1;
            if depth == 0 || first >= source.lines.len() {
                break;
            }
            code = &source.lines[first].code;
        }
    }
    found
}

/// What follows the name of an assertion macro.
fn assertion(code: &str) -> Option<&str> {
    identifiers(code)
        .find(|(word, after)| word.contains("assert") && after.starts_with('!'))
        .map(|(_, after)| after)
}

/// The first literal in (0, SMALL].
fn small_literal(code: &str) -> Option<String> {
    let bytes = code.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        let inside_word =
            i > 0 && (bytes[i - 1].is_ascii_alphanumeric() || [b'_', b'.'].contains(&bytes[i - 1]));
        if !bytes[i].is_ascii_digit() || inside_word {
            i += 1;
            continue;
        }
        let start = i;
        while i < bytes.len() {
            let exponent_sign = [b'-', b'+'].contains(&bytes[i]) && [b'e', b'E'].contains(&bytes[i - 1]);
            if !(bytes[i].is_ascii_alphanumeric() || [b'.', b'_'].contains(&bytes[i]) || exponent_sign) {
                break;
            }
            i += 1;
        }
        let literal = &code[start..i];
        let digits = literal.trim_end_matches("f64").trim_end_matches("f32").replace('_', "");
        if digits.parse::<f64>().is_ok_and(|value| value > 0.0 && value <= SMALL) {
            return Some(literal.to_string());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::tests::fired;

    #[test]
    fn a_tolerance_in_an_assertion_is_derived() {
        let bad = [
            "assert!(error < 1e-6);",
            "    prop_assert!(error <= 1.0e-12 * scale, \"{error}\");",
            "assert!(error < 0.001);",
            "debug_assert!(x < 1_0e-9_f64);",
        ];
        for text in bad {
            assert_eq!(fired("crates/exact/tests/a.rs", text), [(1, "tolerance")], "{text}");
            assert_eq!(fired("crates/exact/src/a.rs", text), [], "{text}");
        }
        let split = "// Not about the tolerance.\n\nassert!(\n    error\n        < 1e-6\n);";
        assert_eq!(fired("crates/exact/tests/deep/a.rs", split), [(5, "tolerance")]);
        let good = [
            "// Twice the rounding of a sum of n terms.\nassert!(error < 1e-6);",
            "assert!(error < 1e-6); // as the issue asks",
            "assert!(\n    // derived\n    error < 1e-6\n);",
            "assert!(error < tolerance::backward(3, 4) * 8.0);",
            "let start = 1e-6;\nassert_eq!(x.0, 0.5);",
            "assert!(x > 1e6, \"1e-6\");",
        ];
        for text in good {
            assert_eq!(fired("crates/exact/tests/a.rs", text), [], "{text}");
        }
    }

    #[test]
    fn machine_epsilon_has_one_place() {
        let bad = "let t = 8.0 * f64::EPSILON;";
        assert_eq!(fired("crates/exact/src/a.rs", bad), [(1, "tolerance")]);
        assert_eq!(fired("crates/linalg/src/tolerance.rs", bad), []);
        assert_eq!(fired("crates/exact/tests/a.rs", bad), []);
        assert_eq!(
            fired("crates/exact/src/a.rs", "#[cfg(test)]\nmod tests {\n const T: f64 = f64::EPSILON;\n}"),
            []
        );
    }
}
