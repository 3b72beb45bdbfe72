//! An array of arrays of numbers, one for each sample. Numbers are strings or integers: a decimal of JSON has been rounded before
//! anyone sees it.

use std::fmt;

use anyhow::anyhow;
use orthant::certificate::Rational;
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

use super::{Reading, Table};
use crate::text_file;

/// Reads text.
///
/// # Errors
/// One line with the row and the column, and where in the text that is: what is not an array of arrays of strings and integers of 64 bits, rows of
/// different lengths, more than `most` numbers.
///
/// # Cost
/// Linear in the length of the text, up to that of its longest number; nothing is kept of the text but its numbers.
pub fn parse(text: &str, most: usize) -> anyhow::Result<Table> {
    let mut reading = Reading::new(most);
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Rows(&mut reading).deserialize(&mut json).and_then(|()| json.end());
    read.map_err(|error| anyhow!(text_file::shortened(&error.to_string())))?;
    reading.finish()
}

struct Rows<'a>(&'a mut Reading);

struct Row<'a>(&'a mut Reading);

struct Number<'a>(&'a mut Reading);

impl<'de> DeserializeSeed<'de> for Rows<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while rows.next_element_seed(Row(self.0))?.is_some() {}
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of numbers as row {} (sample), counted from 0", self.0.row)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<(), A::Error> {
        while numbers.next_element_seed(Number(self.0))?.is_some() {}
        self.0.end_row().map_err(A::Error::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Number<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Number<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a string, as \"-5/4\" or \"0.1\", or an integer of 64 bits, {}", self.0.place())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.0.push(Rational::from(value)).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.0.push(Rational::from(value)).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.push_text(text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact_samples::tests::table;

    #[test]
    fn strings_and_integers_are_read_exactly() {
        let found = parse(" [[\"0.1\", -3], [9223372036854775807, \"-5/4\"]]\n", 4).expect("valid");
        assert_eq!(found, table(2, &[(1, 10), (-3, 1), (i64::MAX, 1), (-5, 4)]));
        let unsigned = parse("[[18446744073709551615]]", 1).expect("valid");
        assert_eq!(unsigned, Table::new(1, vec![Rational::from(u64::MAX)]).expect("one row"));
    }

    #[test]
    fn each_defect_is_named_with_its_place() {
        for (text, expected) in [
            ("", "EOF while parsing"),
            ("[]", "has no numbers"),
            ("[[]]", "row 0 (sample), counted from 0, is empty"),
            ("{}", "expected an array of rows"),
            ("[1]", "expected an array of numbers as row 0 (sample)"),
            ("[[1], 2]", "as row 1 (sample), counted from 0"),
            ("[[1, 2], [3, 0.1]]", "invalid type: floating point `0.1`, expected a string"),
            ("[[1, 2], [3, 0.1]]", "at row 1 (sample), column 1, both counted from 0"),
            ("[[18446744073709551616]]", "expected a string"),
            ("[[null]]", "invalid type: null"),
            ("[[[1]]]", "invalid type: sequence"),
            ("[[\"x\"]]", "\"x\" is not a number"),
            ("[[1, \"1/0\"]]", "divides by zero, at row 0 (sample), column 1"),
            ("[[1, 2], [3]]", "row 1 (sample), counted from 0, has 1 columns, row 0 has 2"),
            ("[[1]] 2", "trailing characters"),
            ("[[1, 2], [3, 4]]", "has more than 3 numbers"),
        ] {
            let message = parse(text, 3).expect_err(text).to_string();
            assert!(message.contains(expected), "{text:?}: {message:?} does not say {expected:?}");
        }
        // Nesting ends at the first place where a number should be.
        assert!(parse(&"[".repeat(1_000_000), 3).is_err());
        let long = format!("[\"{}\"]", "x".repeat(100_000));
        let message = parse(&long, 3).expect_err("no row").to_string();
        assert!(message.len() < 400 && message.ends_with("column 100003"), "{message}");
    }
}
