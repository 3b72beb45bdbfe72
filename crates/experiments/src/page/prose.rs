//! Sentences of the experiments as HTML.

use maud::{Markup, html};

/// Text with names between backticks as code, and outside of them with exponents, indices and powers of ten as they are printed:
/// `n^(−1/2)`, `n^O(k)`, `k^2.3`, `|E|_F`, `1.4e-12`.
pub fn prose(text: &str) -> Markup {
    html! {
        @for (i, part) in text.split('`').enumerate() {
            @if i % 2 == 1 { code { (part) } } @else { (formulas(part)) }
        }
    }
}

/// What is raised or lowered, and the plain text between.
enum Piece<'a> {
    Plain(&'a str),
    Raised(&'a str),
    Lowered(&'a str),
}

fn formulas(text: &str) -> Markup {
    html! {
        @for piece in pieces(text) {
            @match piece {
                Piece::Plain(plain) => (plain),
                Piece::Raised(exponent) => sup { (without_brackets(exponent).replace('-', "−")) },
                Piece::Lowered(index) => sub { (index) },
            }
        }
    }
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let after = at + letter.len_utf8();
        let (before, rest) = (&text[start..at], &text[after..]);
        let end = match letter {
            '^' => after + exponent_length(rest),
            '_' => after + index_length(&text[..at], rest),
            'e' => after + power_of_ten_length(&text[..at], rest),
            _ => after,
        };
        if end > after {
            match letter {
                // A mantissa of 1 is not written; one that began before the last piece is none.
                'e' if number_before(before) == "1" => {
                    pieces.push(Piece::Plain(&before[..before.len() - 1]));
                    pieces.push(Piece::Plain("10"));
                }
                'e' => pieces.extend([Piece::Plain(before), Piece::Plain("\u{202f}·\u{202f}10")]),
                _ => pieces.push(Piece::Plain(before)),
            }
            let marked = &text[after..end];
            pieces.push(if letter == '_' { Piece::Lowered(marked) } else { Piece::Raised(marked) });
            start = end;
        }
        at = end;
    }
    pieces.push(Piece::Plain(&text[start..]));
    pieces
}

/// The digits and points that a text ends with.
fn number_before(text: &str) -> &str {
    &text[text.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').len()..]
}

/// How many bytes of a text are the exponent of ten behind a number and `e`.
fn power_of_ten_length(before: &str, text: &str) -> usize {
    let number = number_before(before);
    let apart =
        before[..before.len() - number.len()].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
    let sign = usize::from(text.starts_with('-'));
    let digits = text[sign..].bytes().take_while(u8::is_ascii_digit).count();
    let ends = text[sign + digits..].chars().next().is_none_or(|c| !c.is_alphanumeric());
    if number.is_empty() || !apart || !ends || digits == 0 { 0 } else { sign + digits }
}

/// How many bytes of a text are an index of what stands before it: some letters behind a single letter or a bar, not part of a name.
fn index_length(before: &str, text: &str) -> usize {
    let mut last = before.chars().rev();
    let single = match last.next() {
        Some('|') => true,
        Some(c) => c.is_alphabetic() && last.next().is_none_or(|c| !c.is_alphanumeric() && c != '_'),
        None => false,
    };
    let length = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    if single && length <= 3 { length } else { 0 }
}

/// How many bytes of a text belong to the exponent that it begins with: letters, a number, and what is in brackets behind.
fn exponent_length(text: &str) -> usize {
    let is_digit = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let ends = |(at, c): (usize, char)| {
        let decimal = c == '.' && at > 0 && is_digit(at - 1) && is_digit(at + 1);
        !c.is_alphanumeric() && c != '−' && !decimal
    };
    let word = text.char_indices().find(|&letter| ends(letter)).map_or(text.len(), |(at, _)| at);
    let mut depth = 0;
    if text[word..].starts_with('(') {
        for (i, letter) in text[word..].char_indices() {
            depth += i32::from(letter == '(') - i32::from(letter == ')');
            if depth == 0 {
                return word + i + 1;
            }
        }
    }
    word
}

fn without_brackets(exponent: &str) -> &str {
    exponent.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_formulas_are_marked() {
        for (text, html) in [
            ("as n^(−1/2) & more", "as n<sup>−1/2</sup> &amp; more"),
            ("n^O(k), 2^k.", "n<sup>O(k)</sup>, 2<sup>k</sup>."),
            ("n^(f(d) + 1)!", "n<sup>f(d) + 1</sup>!"),
            ("`recover` of `a^b`", "<code>recover</code> of <code>a^b</code>"),
            ("κ^−2 in R^(n", "κ<sup>−2</sup> in R^(n"),
            ("k^2.3, n^(-0.49), 2^k.", "k<sup>2.3</sup>, n<sup>−0.49</sup>, 2<sup>k</sup>."),
            ("|E|_F, σ_min √n, a_i⁺", "|E|<sub>F</sub>, σ<sub>min</sub> √n, a<sub>i</sub>⁺"),
            ("row_error a_b_c _x |_long", "row_error a<sub>b</sub>_c _x |_long"),
            (
                "1e-6 (2.5e12, 11e-3)",
                "10<sup>−6</sup> (2.5\u{202f}·\u{202f}10<sup>12</sup>, 11\u{202f}·\u{202f}10<sup>−3</sup>)",
            ),
            ("the 2e, e-3, f32e5, 1e5x", "the 2e, e-3, f32e5, 1e5x"),
            ("^ alone^", "^ alone^"),
        ] {
            assert_eq!(prose(text).into_string(), html);
        }
    }
}
