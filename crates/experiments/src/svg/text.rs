//! Text: how wide it is, without a font at hand, and its elements.

use maud::{Markup, html};

use super::palette::{self, hex};
use super::{LINE, NORMAL};

/// About how wide a text is at a size of letters, rather too wide than too narrow.
///
/// The shares of an em are those of DejaVu Sans, the widest of the usual fonts.
pub fn width(text: &str, size: f64) -> f64 {
    text.chars().map(em).sum::<f64>() * size
}

fn em(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '|' | '!' | '\'' | ' ' | '\u{202f}' => 0.33,
        'f'
        | 'r'
        | 't'
        | '('
        | ')'
        | '['
        | ']'
        | '-'
        | '/'
        | '"'
        | '⁰'
        | '¹'
        | '²'
        | '³'
        | '⁴'..='⁹'
        | '⁻' => 0.43,
        'm' | 'w' | 'M' | 'W' | '%' | '@' | '+' | '=' | '<' | '>' | '−' | '→' | '≤' | '≥' | '×' => {
            0.98
        }
        'A'..='Z' => 0.74,
        _ if letter >= '\u{1100}' => 1.05,
        _ => 0.63,
    }
}

/// The text without what XML forbids: such characters become U+FFFD, and all kinds of blanks become one blank.
pub fn clean(text: &str) -> String {
    let allowed = |c: char| match c {
        '\u{fffe}' | '\u{ffff}' => false,
        _ => c == ' ' || !c.is_control(),
    };
    let replaced: String = text
        .chars()
        .map(|c| if matches!(c, '\t' | '\n' | '\r') { ' ' } else { c })
        .map(|c| if allowed(c) { c } else { '\u{fffd}' })
        .collect();
    replaced.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Lines of at most this width, broken between words, or within a word that is too long for a line.
///
/// The text is cleaned first. No line is empty; an empty text has no lines.
pub fn wrap(text: &str, limit: f64, size: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in clean(text).split(' ').filter(|word| !word.is_empty()) {
        if let Some(line) = lines.last_mut()
            && width(line, size) + width(" ", size) + width(word, size) <= limit
        {
            line.push(' ');
            line.push_str(word);
            continue;
        }
        let mut rest = String::new();
        for letter in word.chars() {
            if !rest.is_empty() && width(&rest, size) + em(letter) * size > limit {
                lines.push(std::mem::take(&mut rest));
            }
            rest.push(letter);
        }
        lines.push(rest);
    }
    lines
}

/// A number of this many units, with one digit after the point.
pub fn units(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_string)
}

/// Letters whose middle is at this height.
pub fn letters(text: &str, x: f64, y: f64, size: f64, anchor: &str) -> Markup {
    let fill = hex(if size < NORMAL { palette::MUTED.light } else { palette::TEXT.light });
    html! {
        text x=(units(x)) y=(units(y + 0.36 * size)) font-family="sans-serif" font-size=(units(size))
            text-anchor=(anchor) fill=(fill) { (text) }
    }
}

/// Lines from this height on.
pub fn label(lines: &[String], x: f64, top: f64, anchor: &str) -> Markup {
    html! {
        @for (i, line) in lines.iter().enumerate() {
            (letters(line, x, top + (i as f64 + 0.5) * LINE, NORMAL, anchor))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_short_enough_and_keep_all_letters() {
        let text = "a\tfew words and Donaudampfschifffahrtsgesellschaftskapitän";
        let lines = wrap(text, 80.0, 12.0);
        assert!(lines.len() > 4, "{lines:?}");
        assert!(lines.iter().all(|line| width(line, 12.0) <= 80.0), "{lines:?}");
        let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        assert_eq!(letters(&lines.concat()), letters(text));
        assert_eq!(wrap(" ", 80.0, 12.0), Vec::<String>::new());
        // A limit below one letter still ends.
        assert_eq!(wrap("ab", 1.0, 12.0), ["a", "b"]);
    }

    #[test]
    fn what_xml_forbids_is_replaced() {
        assert_eq!(clean("a\u{0}b\n c\u{ffff}"), "a\u{fffd}b c\u{fffd}");
    }
}
