//! Rules about what may be written where.

use super::Finding;
use super::source::{Part, Source, calls_macro, identifiers};

/// Crates that may touch files, environment, clocks and the terminal.
const OUTSIDE: [&str; 4] = ["cli", "experiments", "xtask", "benches"];

/// Crates that recover, and so must not be able to see the answer.
const BLIND: [&str; 4] = ["estimate", "exact", "noisy", "fpt"];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 4] = ["utils", "helpers", "common", "misc"];

/// Lines that a file may have, tests not counted.
const MAX_LINES: usize = 400;

/// Marks of work left for later, in pieces so that this file has none.
const MARKERS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

pub fn check(source: &Source<'_>, findings: &mut Vec<Finding>) {
    let mut report = |line, rule, message: String| {
        findings.push(Finding { path: source.path.to_string(), line, rule, message });
    };
    names(source, &mut report);
    words(source, &mut report);
    outside(source, &mut report);
    leftovers(source, &mut report);
    let length = source.library_lines().count();
    if length > MAX_LINES {
        report(
            0,
            "length",
            format!("{length} lines without tests, at most {MAX_LINES}: split by mathematical step"),
        );
    }
}

type Report<'a> = dyn FnMut(usize, &'static str, String) + 'a;

fn names(source: &Source<'_>, report: &mut Report<'_>) {
    let components = source.path.trim_end_matches(".rs").split('/');
    for name in components.filter(|name| EMPTY_NAMES.contains(name)) {
        report(0, "names", format!("{name:?} says nothing about what is inside"));
    }
    for (number, line) in source.numbered() {
        let code = line.code.trim();
        if code.starts_with("pub use ") && code.contains("::*") {
            report(number, "names", "`pub use x::*` hides what is public".to_string());
        }
    }
}

fn words(source: &Source<'_>, report: &mut Report<'_>) {
    for (number, line) in source.numbered() {
        for (word, _) in identifiers(&line.code) {
            if source.krate == "linalg" && ["Network", "Samples"].contains(&word) {
                report(number, "words", format!("linalg must not know `{word}`"));
            }
            let blind = BLIND.contains(&source.krate) && source.part == Part::Src && !line.test;
            if blind && word.to_lowercase().contains("planted") {
                report(
                    number,
                    "words",
                    format!("`{word}`: the truth must not be reachable from an algorithm"),
                );
            }
            // A unit test there would see its own crate's types twice.
            let low = ["linalg", "network", "tensor"].contains(&source.krate) && source.part == Part::Src;
            if low && word == "orthant_testkit" {
                report(number, "layers", format!("{} may use testkit from tests/ only", source.krate));
            }
        }
    }
}

fn outside(source: &Source<'_>, report: &mut Report<'_>) {
    if OUTSIDE.contains(&source.krate) || source.krate.is_empty() {
        return;
    }
    for (number, module) in std_modules(source) {
        let test = source.lines[number - 1].test || source.part == Part::Examples;
        // Tests may read files, but a result that depends on a clock is no result.
        if module == "time" || (!test && ["fs", "env"].contains(&module.as_str())) {
            report(number, "outside", format!("std::{module} in a library: only {} may", OUTSIDE.join(", ")));
        }
    }
    for (number, line) in source.numbered().filter(|_| source.part != Part::Examples) {
        for name in ["println", "eprintln", "print", "eprint"] {
            if calls_macro(&line.code, name) {
                report(number, "outside", format!("{name}! in a library: report through the callback"));
            }
        }
    }
}

/// The modules of std that are named, as `std::fs` or as `std::{fs, …}`, with their lines.
fn std_modules(source: &Source<'_>) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    // Depth of braces inside a group `std::{`, when in one.
    let mut group: Option<usize> = None;
    let mut names_module = false;
    for (number, line) in source.numbered() {
        let mut rest = line.code.as_str();
        while let Some(c) = rest.chars().next() {
            let (word, after) = match identifiers(rest).next() {
                Some((word, after)) if rest.starts_with(word) => (word, after),
                _ => ("", &rest[c.len_utf8()..]),
            };
            if !word.is_empty() {
                if names_module {
                    found.push((number, word.to_string()));
                    names_module = false;
                } else if word == "std"
                    && group.is_none()
                    && let Some(path) = after.strip_prefix("::")
                {
                    names_module = true;
                    rest = path;
                    if path.starts_with('{') {
                        group = Some(0);
                    }
                    continue;
                }
            } else if let Some(depth) = group {
                match c {
                    '{' => group = Some(depth + 1),
                    '}' => group = (depth > 1).then(|| depth - 1),
                    ',' => names_module = depth == 1,
                    _ => {}
                }
            }
            rest = after;
        }
    }
    found
}

fn leftovers(source: &Source<'_>, report: &mut Report<'_>) {
    for (number, line) in source.numbered() {
        for name in ["todo", "unimplemented", "dbg"] {
            if calls_macro(&line.code, name) {
                report(number, "leftovers", format!("{name}! is left over"));
            }
        }
        for marker in
            MARKERS.iter().filter(|&&marker| identifiers(&line.comment).any(|(word, _)| word == marker))
        {
            report(number, "leftovers", format!("a comment says {marker}: do it, or open an issue"));
        }
        let library = source.path.starts_with("crates/") && source.part == Part::Src && !line.test;
        if library && line.code.contains(".unwrap()") {
            report(
                number,
                "leftovers",
                ".unwrap() in library code: `expect` with the reason it cannot fail".into(),
            );
        }
        if line.code.contains("#[ignore") {
            let next = source.lines.get(number).map_or("", |next| next.comment.as_str());
            if !line.raw.contains("cargo ") && !next.contains("cargo ") {
                report(number, "leftovers", "#[ignore] without the command that runs the test".to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::fired;
    use super::*;

    #[test]
    fn linalg_knows_no_networks() {
        let bad = "//! The Network is fine here.\nfn f(n: &Network, s: Samples<'_>) {}";
        assert_eq!(fired("crates/linalg/src/a.rs", bad), [(2, "words"), (2, "words")]);
        assert_eq!(fired("crates/network/src/a.rs", bad), []);
        assert_eq!(fired("crates/linalg/src/a.rs", "struct NetworkFlow;"), []);
    }

    #[test]
    fn algorithms_know_nothing_planted() {
        let bad = "fn f(planted_v: &PlantedSpec) {}";
        for krate in BLIND {
            assert_eq!(fired(&format!("crates/{krate}/src/a.rs"), bad), [(1, "words"), (1, "words")]);
            assert_eq!(fired(&format!("crates/{krate}/tests/a.rs"), bad), []);
        }
        assert_eq!(fired("crates/testkit/src/a.rs", bad), []);
        assert_eq!(
            fired("crates/exact/src/a.rs", "// planted\n#[cfg(test)]\nmod tests { use x::Planted; }"),
            []
        );
    }

    #[test]
    fn testkit_is_not_for_unit_tests_of_the_lowest_crates() {
        let bad = "#[cfg(test)]\nmod tests {\n    use orthant_testkit::suite;\n}";
        assert_eq!(fired("crates/network/src/a.rs", bad), [(3, "layers")]);
        assert_eq!(fired("crates/network/tests/a.rs", bad), []);
        assert_eq!(fired("crates/estimate/src/a.rs", bad), []);
    }

    #[test]
    fn libraries_do_not_touch_the_outside() {
        let bad = [
            "use std::fs;",
            "let x = std::env::var(y);",
            "use std::time::Instant;",
            "use std::{fmt, time::Instant};",
            "use std::{\n    collections::{HashMap, HashSet},\n    fs::File,\n};",
            "println!();",
            "eprintln!(\"{x}\");",
            "print!(\"{x}\");",
        ];
        for text in bad {
            let rules: Vec<_> =
                fired("crates/exact/src/a.rs", text).into_iter().map(|(_, rule)| rule).collect();
            assert_eq!(rules, ["outside"], "{text}");
            for krate in ["crates/cli", "crates/experiments", "xtask", "benches"] {
                assert_eq!(fired(&format!("{krate}/src/a.rs"), text), [], "{text}");
            }
        }
        assert_eq!(
            fired("crates/exact/src/a.rs", "use std::{fmt, io::{env, time}};\nlet std = 1; // std::fs"),
            []
        );
        assert_eq!(fired("crates/exact/tests/a.rs", "use std::fs;"), []);
        assert_eq!(fired("crates/exact/tests/a.rs", "use std::time::Instant;"), [(1, "outside")]);
    }

    #[test]
    fn names_say_something() {
        for name in EMPTY_NAMES {
            assert_eq!(fired(&format!("crates/exact/src/{name}.rs"), ""), [(0, "names")]);
            assert_eq!(fired(&format!("crates/exact/tests/{name}/mod.rs"), ""), [(0, "names")]);
        }
        assert_eq!(fired("crates/exact/src/a.rs", "pub use crate::report::*;"), [(1, "names")]);
        assert_eq!(fired("crates/exact/src/a.rs", "use super::*;\npub use crate::report::Report;"), []);
    }

    #[test]
    fn files_are_short() {
        let line = "let x = 1;\n";
        assert_eq!(fired("crates/exact/src/a.rs", &line.repeat(MAX_LINES)), []);
        assert_eq!(fired("crates/exact/src/a.rs", &line.repeat(MAX_LINES + 1)), [(0, "length")]);
        let tests = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", line.repeat(MAX_LINES), line.repeat(50));
        assert_eq!(fired("crates/exact/src/a.rs", &tests), []);
    }

    #[test]
    fn nothing_is_left_over() {
        for text in
            ["todo!()", "unimplemented!()", "dbg!(x)", "x.unwrap();", "#[ignore]", "#[ignore = \"slow\"]"]
        {
            assert_eq!(fired("crates/exact/src/a.rs", text), [(1, "leftovers")], "{text}");
        }
        for marker in MARKERS {
            assert_eq!(fired("xtask/src/a.rs", &format!("// {marker}: later")), [(1, "leftovers")]);
        }
        let good = [
            "#[ignore = \"slow: cargo test -p orthant-exact -- --ignored\"]",
            "#[ignore]\n// cargo test -- --ignored",
            "// A dbg! in a comment, \"todo!\" in a string.\nlet x = \"todo!()\";",
            "#[cfg(test)]\nmod tests { fn f() { x.unwrap(); } }",
        ];
        for text in good {
            assert_eq!(fired("crates/exact/src/a.rs", text), [], "{text}");
        }
    }
}
