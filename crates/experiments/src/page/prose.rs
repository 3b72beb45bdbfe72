//! Sentences of the experiments as HTML.

use maud::{Markup, html};

/// Text with names between backticks as code, and exponents after a circumflex as superscripts: `n^(−1/2)`, `n^O(k)`, `2^k`.
pub fn prose(text: &str) -> Markup {
    html! {
        @for (i, part) in text.split('`').enumerate() {
            @if i % 2 == 1 { code { (part) } } @else { (exponents(part)) }
        }
    }
}

fn exponents(text: &str) -> Markup {
    let mut parts = text.split('^');
    let first = parts.next().unwrap_or_default();
    html! {
        (first)
        @for part in parts {
            @let (exponent, rest) = part.split_at(exponent_length(part));
            @if exponent.is_empty() { "^" } @else { sup { (without_brackets(exponent)) } }
            (rest)
        }
    }
}

/// How many bytes of a text belong to the exponent that it begins with: letters and digits, and what is in brackets behind.
fn exponent_length(text: &str) -> usize {
    let word = text.find(|c: char| !c.is_alphanumeric() && c != '−').unwrap_or(text.len());
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
    fn code_and_exponents_are_marked() {
        for (text, html) in [
            ("as n^(−1/2) & more", "as n<sup>−1/2</sup> &amp; more"),
            ("n^O(k), 2^k.", "n<sup>O(k)</sup>, 2<sup>k</sup>."),
            ("n^(f(d) + 1)!", "n<sup>f(d) + 1</sup>!"),
            ("`recover` of `a^b`", "<code>recover</code> of <code>a^b</code>"),
            ("κ^−2 in R^(n", "κ<sup>−2</sup> in R^(n"),
            ("^ alone^", "^ alone^"),
        ] {
            assert_eq!(prose(text).into_string(), html);
        }
    }
}
