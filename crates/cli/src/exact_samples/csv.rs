//! Numbers separated by commas, a line for each sample.

use super::{Reading, Table};

/// Words for values that are missing or not finite: not the names of columns.
const NOT_NAMES: [&str; 8] = ["nan", "inf", "infinity", "na", "null", "none", "true", "false"];

/// Reads text.
///
/// A first line of names, all of which begin with a letter, is passed over. Numbers may be in double quotes. Empty lines at the end do not
/// count.
///
/// # Errors
/// One line with the row and the column: fields that are not numbers, rows of different lengths, more than `most` numbers.
///
/// # Cost
/// Linear in the length of the text, up to that of its longest number.
pub fn parse(text: &str, most: usize) -> anyhow::Result<Table> {
    let mut lines = text.strip_prefix('\u{feff}').unwrap_or(text).trim_end().lines().peekable();
    lines.next_if(|line| is_header(line));
    let mut reading = Reading::new(most);
    for line in lines {
        for field in line.split(',') {
            reading.push_text(unquoted(field))?;
        }
        reading.end_row()?;
    }
    reading.finish()
}

/// Whether a line names columns; NumPy puts a `#` before such a line.
fn is_header(line: &str) -> bool {
    let line = line.trim_start();
    line.strip_prefix('#').unwrap_or(line).split(',').all(|field| {
        let name = unquoted(field);
        let is_word = name.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_');
        is_word && !NOT_NAMES.iter().any(|word| name.eq_ignore_ascii_case(word))
    })
}

fn unquoted(field: &str) -> &str {
    let field = field.trim();
    field.strip_prefix('"').and_then(|field| field.strip_suffix('"')).unwrap_or(field).trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact_samples::tests::table;

    #[test]
    fn numbers_are_read_exactly_after_names_or_none() {
        let expected = table(2, &[(1, 10), (-5, 4), (3, 1), (1, 800)]);
        for text in [
            "0.1,-5/4\n3,1.25e-3",
            "0.1,-5/4\n3,1.25e-3\n\n  \n",
            "\u{feff}a,b\r\n 0.1 , -5/4\r\n3,1.25e-3\r\n",
            "\"a\",\"b 2\"\n\"0.1\",\"-5/4\"\n\"3\",1.25e-3\n",
            "# x_0,_1\n1/10,-10/8\n+3,1/800\n",
        ] {
            assert_eq!(parse(text, 4).unwrap_or_else(|error| panic!("{text:?}: {error}")), expected);
        }
    }

    #[test]
    fn each_defect_is_named_with_its_place() {
        for (text, expected) in [
            ("", "has no numbers"),
            ("a,b\n", "has no numbers"),
            ("1,2\n3,x", "\"x\" is not a number (an integer as -12, a decimal"),
            ("1,2\n3,x", "at row 1 (sample), column 1, both counted from 0"),
            ("a,b\n1,x", "at row 0 (sample), column 1"),
            ("a,1\n1,2", "\"a\" is not a number"),
            ("nan,NaN\n1,2", "\"nan\" is not a number"),
            ("a,\n1,2", "\"a\" is not a number"),
            ("1,2\n3", "row 1 (sample), counted from 0, has 1 columns, row 0 has 2"),
            ("1,2\n3,4,5", "row 1 (sample), counted from 0, has 3 columns, row 0 has 2"),
            ("1\n\n2", "\"\" is not a number"),
            ("1,2,", "\"\" is not a number"),
            ("1;2", "\"1;2\" is not a number"),
            ("1,1/0", "\"1/0\" divides by zero, at row 0 (sample), column 1"),
            ("a\nb\n1", "\"b\" is not a number"),
            ("1,2\n3,4\n5,6", "has more than 5 numbers"),
        ] {
            let message = parse(text, 5).expect_err(text).to_string();
            assert!(message.contains(expected), "{text:?}: {message:?} does not say {expected:?}");
        }
        assert!(parse(&"9".repeat(100_000), 1).expect_err("too long").to_string().len() < 300);
    }
}
