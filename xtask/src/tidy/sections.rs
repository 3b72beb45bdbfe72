//! Sections of documentation comments.

use super::Finding;
use super::source::{Line, Part, Source, identifiers};

/// The sections of CONTRIBUTING.md, in the order in which they come.
const ORDER: [&str; 7] = ["Shapes", "Guarantee", "Errors", "Panics", "Cost", "Paper", "Examples"];

pub fn check(source: &Source<'_>, findings: &mut Vec<Finding>) {
    if !source.path.starts_with("crates/") || source.part != Part::Src {
        return;
    }
    let mut report = |line, message: String| {
        findings.push(Finding { path: source.path.to_string(), line, rule: "sections", message });
    };
    let lines: Vec<(usize, &Line)> = source.library_lines().collect();
    let mut sections: Vec<&str> = Vec::new();
    let (mut example, mut attribute) = (false, 0);
    for (at, &(number, line)) in lines.iter().enumerate() {
        let code = line.code.trim();
        if code.is_empty() {
            let Some(text) = line.comment.strip_prefix('/') else { continue };
            if text.trim_start().starts_with("```") {
                example = !example;
            } else if let Some(name) = text.trim_start().strip_prefix("# ").filter(|_| !example) {
                sections.push(name.trim());
            }
            continue;
        }
        if attribute > 0 || code.starts_with("#[") {
            attribute += code.matches('[').count();
            attribute -= code.matches(']').count().min(attribute);
            continue;
        }
        let places: Vec<usize> =
            sections.iter().filter_map(|name| ORDER.iter().position(|other| other == name)).collect();
        if !places.is_sorted() {
            report(
                number,
                format!("sections {} are not in the order {}", sections.join(", "), ORDER.join(", ")),
            );
        }
        if is_public_function(code) && returns_result(&lines[at..]) && !sections.contains(&"Errors") {
            report(number, "a public function that returns a Result has no section Errors".to_string());
        }
        sections.clear();
    }
}

fn is_public_function(code: &str) -> bool {
    code.strip_prefix("pub ").is_some_and(|rest| {
        identifiers(rest).map(|(word, _)| word).find(|word| !["const", "unsafe", "async"].contains(word))
            == Some("fn")
    })
}

/// Whether the signature that begins on the first line has a Result behind its last parenthesis.
fn returns_result(lines: &[(usize, &Line)]) -> bool {
    let text: Vec<&str> = lines.iter().map(|(_, line)| line.code.as_str()).collect();
    let text = text.join(" ");
    let mut depth = 0;
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            '{' | ';' if depth == 0 => return false,
            '>' if depth == 0 && text[..i].ends_with('-') => {
                let end = text[i..].find(['{', ';']).map_or(text.len(), |end| i + end);
                let returned = text[i + 1..end].split(" where ").next().unwrap_or("");
                return identifiers(returned).any(|(word, _)| word == "Result");
            }
            'w' if depth == 0 && text[i..].starts_with("where ") => return false,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::tests::fired;

    #[test]
    fn results_have_a_section_errors() {
        for bad in [
            "/// Does it.\npub fn f() -> Result<u8, E> {}",
            "/// Does it.\n///\n/// # Cost\n/// None.\npub fn f(\n    x: &[u8],\n) -> io::Result<()> {\n}",
            "/// Does it.\n#[must_use]\npub const fn f() -> Result<u8, E>;",
            "/// ```\n/// # Errors\n/// ```\npub fn f() -> Result<u8, E> {}",
        ] {
            let found = fired("crates/exact/src/a.rs", bad);
            assert_eq!(found.iter().map(|(_, rule)| *rule).collect::<Vec<_>>(), ["sections"], "{bad}");
            assert_eq!(fired("xtask/src/a.rs", bad), []);
        }
        for good in [
            "/// Does it.\n///\n/// # Errors\n/// [`E`].\n#[cfg(\n    unix\n)]\npub fn f() -> Result<u8, E> {}",
            "pub(crate) fn f() -> Result<u8, E> {}",
            "fn f() -> Result<u8, E> {}",
            "pub fn f(g: impl Fn() -> Result<u8, E>) -> u8 { let x: Result<u8, E>; }",
            "pub fn f<G>(g: G) where G: Fn() -> Result<u8, E> {}",
            "pub struct Result<A, B>;",
            "#[cfg(test)]\nmod tests {\n    pub fn f() -> Result<u8, E> {}\n}",
        ] {
            assert_eq!(fired("crates/exact/src/a.rs", good), [], "{good}");
        }
    }

    #[test]
    fn sections_come_in_their_order() {
        let bad = "/// Does it.\n///\n/// # Cost\n/// None.\n///\n/// # Panics\n/// Never.\nfn f() {}";
        assert_eq!(fired("crates/exact/src/a.rs", bad), [(8, "sections")]);
        let good = "/// Does it.\n///\n/// # Shapes\n/// # Proof\n/// # Cost\n/// ```\n/// # Errors\n/// ```\nfn f() {}\n\
                    /// # Errors\nfn g() {}";
        assert_eq!(fired("crates/exact/src/a.rs", good), []);
    }
}
