//! Dense matrices of rationals.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Rational;
use crate::number;

/// A matrix of rationals, stored row by row. Of samples, each column is one: inputs are d × n, labels m × n.
#[derive(Clone, PartialEq, Eq)]
pub struct RationalMatrix {
    rows: usize,
    columns: usize,
    entries: Vec<Rational>,
}

/// Parts that do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part} has {found} {axis}, expected {expected}")]
pub struct ShapeError {
    /// The part that does not fit.
    pub part: &'static str,
    /// Rows, columns or entries.
    pub axis: &'static str,
    /// What it has.
    pub found: usize,
    /// What the other parts call for.
    pub expected: usize,
}

impl RationalMatrix {
    /// The matrix with these entries, given row by row.
    ///
    /// # Errors
    /// [`ShapeError`] when their number is not `rows` × `columns`.
    pub fn new(rows: usize, columns: usize, entries: Vec<Rational>) -> Result<RationalMatrix, ShapeError> {
        match rows.checked_mul(columns) {
            Some(count) if count == entries.len() => Ok(RationalMatrix { rows, columns, entries }),
            count => Err(ShapeError {
                part: "the matrix",
                axis: "entries",
                found: entries.len(),
                expected: count.unwrap_or(usize::MAX),
            }),
        }
    }

    /// The matrix whose entry (i, j) is `entry(i, j)`.
    pub fn from_fn(
        rows: usize,
        columns: usize,
        mut entry: impl FnMut(usize, usize) -> Rational,
    ) -> RationalMatrix {
        let places = (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j)));
        let entries = places.map(|(i, j)| entry(i, j)).collect();
        RationalMatrix { rows, columns, entries }
    }

    /// The number of rows.
    pub fn nrows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    pub fn ncols(&self) -> usize {
        self.columns
    }

    /// Entry (i, j).
    ///
    /// # Panics
    /// When there is none.
    pub fn get(&self, i: usize, j: usize) -> &Rational {
        assert!(j < self.columns, "column {j} of {}", self.columns);
        &self.entries[i * self.columns + j]
    }

    /// Row i.
    ///
    /// # Panics
    /// When there is none.
    pub fn row(&self, i: usize) -> &[Rational] {
        &self.entries[i * self.columns..][..self.columns]
    }
}

impl std::fmt::Debug for RationalMatrix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rows = (0..self.rows).map(|i| self.row(i).iter().map(ToString::to_string).collect::<Vec<_>>());
        f.debug_list().entries(rows).finish()
    }
}

/// As an array of arrays of strings.
impl Serialize for RationalMatrix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = (0..self.rows).map(|i| self.row(i).iter().map(ToString::to_string).collect::<Vec<_>>());
        serializer.collect_seq(rows)
    }
}

impl<'de> Deserialize<'de> for RationalMatrix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RationalMatrix, D::Error> {
        let rows: Vec<Vec<Entry>> = Vec::deserialize(deserializer)?;
        let columns = rows.first().map_or(0, Vec::len);
        if let Some(i) = rows.iter().position(|row| row.len() != columns) {
            let found = rows[i].len();
            return Err(D::Error::custom(format!("row {i} has {found} entries, row 0 has {columns}")));
        }
        let count = rows.len();
        let entries = rows.into_iter().flatten().map(|entry| entry.0).collect();
        Ok(RationalMatrix { rows: count, columns, entries })
    }
}

/// A number in a file of JSON: a string, or an integer as it stands.
struct Entry(Rational);

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entry, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Integer(i64),
            Text(String),
        }
        match Form::deserialize(deserializer) {
            Ok(Form::Integer(value)) => Ok(Entry(value.into())),
            Ok(Form::Text(text)) => number::parse(&text).map(Entry).map_err(D::Error::custom),
            // A decimal of JSON has been rounded by then.
            Err(_) => {
                Err(D::Error::custom("numbers are strings, as \"-5/4\" or \"0.1\", or integers of 64 bits"))
            }
        }
    }
}

/// Vectors of numbers that may be missing, for serde.
pub(crate) mod optional_vector {
    use super::{Deserialize, Deserializer, Entry, Rational, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        values: &Option<Vec<Rational>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match values {
            Some(values) => serializer.collect_seq(values.iter().map(ToString::to_string)),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<Rational>>, D::Error> {
        let entries: Option<Vec<Entry>> = Option::deserialize(deserializer)?;
        Ok(entries.map(|entries| entries.into_iter().map(|entry| entry.0).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_are_written_and_read() {
        let matrix = RationalMatrix::from_fn(2, 3, |i, j| {
            Rational::from_parts((i as i64 - 1).into(), (j as u8 + 1).into())
        });
        let text = serde_json::to_string(&matrix).expect("writes");
        assert_eq!(text, r#"[["-1","-1/2","-1/3"],["0","0","0"]]"#);
        assert_eq!(serde_json::from_str::<RationalMatrix>(&text).expect("reads"), matrix);
        let mixed: RationalMatrix = serde_json::from_str(r#"[[3, "0.1"]]"#).expect("reads");
        assert_eq!(mixed.get(0, 1), &Rational::from_parts(1.into(), 10u8.into()));
    }

    #[test]
    fn what_is_no_matrix_is_refused() {
        for (text, why) in [
            (r#"[["1"],["1","2"]]"#, "row 1 has 2 entries, row 0 has 1"),
            ("[[0.1]]", "numbers are strings"),
            (r#"[["x"]]"#, "is not a number"),
            ("[[18446744073709551615]]", "numbers are strings"),
        ] {
            let error = serde_json::from_str::<RationalMatrix>(text).expect_err(text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        let few = RationalMatrix::new(2, 2, vec![Rational::ZERO; 3]).expect_err("three entries");
        assert_eq!(few.to_string(), "the matrix has 3 entries, expected 4");
        assert!(RationalMatrix::new(usize::MAX, 2, Vec::new()).is_err());
    }
}
