//! Rust files, split into code, comments and strings.

use super::File;

/// What part of a crate a file belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Compiled into the crate.
    Src,
    /// Compiled for tests only.
    Tests,
    /// A program that shows or measures something.
    Examples,
}

/// A Rust file as the rules see it.
pub struct Source<'a> {
    /// From the root of the workspace.
    pub path: &'a str,
    /// Directory name of the crate; empty for a file outside of all crates.
    pub krate: &'a str,
    /// The part of the crate.
    pub part: Part,
    /// The lines.
    pub lines: Vec<Line>,
}

/// A line of a Rust file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Line {
    /// As it stands.
    pub raw: String,
    /// Without comments, and with blanks for the contents of strings and characters.
    pub code: String,
    /// The text of its comments.
    pub comment: String,
    /// Whether it is compiled for tests only.
    pub test: bool,
}

impl<'a> Source<'a> {
    pub fn new(file: &'a File) -> Source<'a> {
        let parts: Vec<&str> = file.path.split('/').collect();
        let (krate, inside) = match parts.as_slice() {
            ["crates", krate, inside @ ..] => (*krate, inside),
            [krate @ ("xtask" | "benches"), inside @ ..] => (*krate, inside),
            other => ("", other),
        };
        let part = match inside {
            ["tests", ..] => Part::Tests,
            ["examples" | "benches", ..] => Part::Examples,
            [.., "tests.rs"] => Part::Tests,
            _ if inside.contains(&"tests") => Part::Tests,
            _ => Part::Src,
        };
        let mut lines = split(&file.text);
        mark_tests(&mut lines, part == Part::Tests);
        Source { path: &file.path, krate, part, lines }
    }

    /// The lines that are compiled into the crate, with their numbers from 1.
    pub fn library_lines(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.numbered().filter(|(_, line)| !line.test)
    }

    /// All lines with their numbers from 1.
    pub fn numbered(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.lines.iter().enumerate().map(|(i, line)| (i + 1, line))
    }
}

/// The identifiers of a piece of code, each with what follows it.
pub fn identifiers(code: &str) -> impl Iterator<Item = (&str, &str)> {
    let part_of_one = |c: char| c.is_alphanumeric() || c == '_';
    let mut rest = code;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c| !part_of_one(c));
        let end = rest.find(|c| !part_of_one(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        (!word.is_empty()).then_some((word, after))
    })
}

/// Whether a macro is called in a line of code.
pub fn calls_macro(code: &str, name: &str) -> bool {
    identifiers(code).any(|(word, after)| word == name && after.starts_with('!') && !after.starts_with("!="))
}

/// What the next character belongs to.
enum State {
    Code,
    LineComment,
    /// Nested this deep.
    BlockComment(usize),
    Text,
    /// Ends at a quote with this many hashes.
    RawText(usize),
}

fn split(text: &str) -> Vec<Line> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\n');
    let mut lines: Vec<Line> = Vec::new();
    let mut line = Line::default();
    let mut state = State::Code;
    let mut i = 0;
    while i < chars.len() {
        let (c, start) = (chars[i], i);
        i += 1;
        if c == '\n' {
            if matches!(state, State::LineComment) {
                state = State::Code;
            }
            lines.push(std::mem::take(&mut line));
            continue;
        }
        match state {
            State::LineComment => line.comment.push(c),
            State::BlockComment(depth) => {
                line.comment.push(c);
                if c == '*' && at(i) == '/' {
                    i += 1;
                    state = if depth == 1 { State::Code } else { State::BlockComment(depth - 1) };
                } else if c == '/' && at(i) == '*' {
                    i += 1;
                    state = State::BlockComment(depth + 1);
                }
            }
            State::Text => match c {
                '"' => {
                    line.code.push('"');
                    state = State::Code;
                }
                // An escaped end of line still ends the line.
                '\\' if at(i) != '\n' => {
                    line.code.push_str("  ");
                    i += 1;
                }
                _ => line.code.push(' '),
            },
            State::RawText(hashes) => {
                if c == '"' && (0..hashes).all(|h| at(i + h) == '#') {
                    i += hashes;
                    line.code.push('"');
                    state = State::Code;
                } else {
                    line.code.push(' ');
                }
            }
            State::Code => match c {
                '/' if at(i) == '/' => {
                    i += 1;
                    state = State::LineComment;
                }
                '/' if at(i) == '*' => {
                    i += 1;
                    state = State::BlockComment(1);
                }
                '"' => {
                    line.code.push('"');
                    let hashes =
                        line.code.trim_end_matches('"').chars().rev().take_while(|&h| h == '#').count();
                    let before = line.code.trim_end_matches('"').trim_end_matches('#');
                    state = if is_raw_prefix(before) { State::RawText(hashes) } else { State::Text };
                }
                '\'' => {
                    line.code.push('\'');
                    if let Some(end) = end_of_character(&chars, i) {
                        line.code.extend((i..end).map(|_| ' '));
                        line.code.push('\'');
                        i = end + 1;
                    }
                }
                _ => line.code.push(c),
            },
        }
        line.raw.extend(&chars[start..i]);
    }
    if !line.raw.is_empty() {
        lines.push(line);
    }
    lines
}

/// Whether code ends with the r of a raw string.
fn is_raw_prefix(before: &str) -> bool {
    let word =
        before.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(before, |i| &before[i + 1..]);
    matches!(word, "r" | "br" | "cr")
}

/// The index of the closing quote of a character whose first character is at `i`; `None` for a lifetime.
fn end_of_character(chars: &[char], i: usize) -> Option<usize> {
    match (chars.get(i)?, chars.get(i + 1)?) {
        // The character after the backslash may be a quote itself.
        ('\\', _) => chars.iter().skip(i + 2).position(|&c| c == '\'').map(|offset| i + 2 + offset),
        (_, '\'') => Some(i + 1),
        _ => None,
    }
}

/// Marks what `#[cfg(test)]` applies to: up to the end of the item that follows it.
fn mark_tests(lines: &mut [Line], all: bool) {
    let all = all || lines.iter().any(|line| line.code.contains("#![cfg(test)]"));
    let mut first = 0;
    while first < lines.len() {
        let Some(column) = lines[first].code.find("#[cfg(test)]") else {
            lines[first].test = all;
            first += 1;
            continue;
        };
        let mut depth = 0;
        let mut skip = column + "#[cfg(test)]".len();
        let mut last = first;
        'item: while last < lines.len() {
            for c in lines[last].code[skip..].chars() {
                match c {
                    '{' | '(' | '[' => depth += 1,
                    '}' | ')' | ']' => depth -= 1,
                    _ => {}
                }
                if depth == 0 && matches!(c, ';' | '}') {
                    break 'item;
                }
            }
            skip = 0;
            last += 1;
        }
        let end = (last + 1).min(lines.len());
        lines[first..end].iter_mut().for_each(|line| line.test = true);
        first = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Vec<String> {
        split(text).into_iter().map(|line| line.code.trim_end().to_string()).collect()
    }

    fn tested(path: &str, text: &str) -> Vec<bool> {
        let file = File { path: path.to_string(), text: text.to_string() };
        Source::new(&file).lines.iter().map(|line| line.test).collect()
    }

    #[test]
    fn comments_and_strings_are_not_code() {
        assert_eq!(code("a; // b\nc /* d /* e */\n f */ g"), ["a;", "c", " g"]);
        assert_eq!(code("f(\"x\\\"y\", 'z', '\\'', b'{');"), ["f(\"    \", ' ', '  ', b' ');"]);
        assert_eq!(code("r\"\\\" + r#\"a\"b\"# + br##\"c\"#\"##;"), ["r\" \" + r#\"   \" + br##\"   \";"]);
        assert_eq!(code("fn f<'a>(x: &'a str) {}"), ["fn f<'a>(x: &'a str) {}"]);
        assert_eq!(code("\"a \\\n  // b\";\nc"), ["\"", "      \";", "c"]);
        assert_eq!(split("/// a\n//! b")[1].comment, "! b");
        assert_eq!(split("a /* b */ \"c\"")[0].raw, "a /* b */ \"c\"");
    }

    #[test]
    fn tests_end_with_their_item() {
        let text = "use a;\n#[cfg(test)]\nmod tests {\n    fn f() { '}'; }\n}\nfn g() {}\n";
        assert_eq!(tested("crates/x/src/a.rs", text), [false, true, true, true, true, false]);
        assert_eq!(tested("crates/x/src/a.rs", "#[cfg(test)]\nmod tests;\nfn g() {}"), [true, true, false]);
        assert_eq!(
            tested("crates/x/src/a.rs", "#[cfg(test)]\nfn f(a: [u8; 3]) {\n}\nb"),
            [true, true, true, false]
        );
        assert_eq!(tested("crates/x/src/a/tests.rs", "fn f() {}"), [true]);
        assert_eq!(tested("crates/x/tests/a.rs", "fn f() {}"), [true]);
    }

    #[test]
    fn crates_and_parts_follow_from_the_path() {
        let of = |path: &str| {
            let file = File { path: path.to_string(), text: String::new() };
            let source = Source::new(&file);
            (source.krate.to_string(), source.part)
        };
        assert_eq!(of("crates/x/src/a/b.rs"), ("x".to_string(), Part::Src));
        assert_eq!(of("crates/x/tests/program/b.rs"), ("x".to_string(), Part::Tests));
        assert_eq!(of("crates/x/examples/b.rs"), ("x".to_string(), Part::Examples));
        assert_eq!(of("benches/benches/b.rs"), ("benches".to_string(), Part::Examples));
        assert_eq!(of("xtask/src/main.rs"), ("xtask".to_string(), Part::Src));
    }

    #[test]
    fn macros_are_told_from_comparisons() {
        assert!(calls_macro("  todo!()", "todo"));
        assert!(
            !calls_macro("todo != 3", "todo")
                && !calls_macro("todo!=3", "todo")
                && !calls_macro("my_todo!()", "todo")
        );
    }
}
