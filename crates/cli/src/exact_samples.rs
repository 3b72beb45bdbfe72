//! Exact samples from files: integers, decimals and fractions, none of them rounded. Rows are samples.
//!
//! | file | what is read |
//! |---|---|
//! | `.csv` | fields separated by commas, after a line of names or none |
//! | `.json` | an array of arrays of strings or integers |
//! | any other | `.npy`: the exact values of floating-point numbers and integers |

mod csv;
mod json;

use std::path::Path;

use anyhow::{Context, anyhow, bail, ensure};
use orthant::certificate::number;
use orthant::certificate::{Rational, RationalMatrix, RationalSamples};

use crate::npy;
use crate::samples::count_mismatch;
use crate::text_file;

/// The largest file of text that is read, in bytes.
const MAX_BYTES: u64 = 256 << 20;

/// The most numbers of a file: a power of ten takes half a kilobyte at worst, others as much as their letters, and exact arithmetic takes
/// days on far fewer.
const MAX_NUMBERS: usize = 1 << 21;

/// Whether exact samples are read from such a file, and floating-point ones are not.
pub fn is_text(path: &Path) -> bool {
    Format::of(path) != Format::Npy
}

/// Reads inputs and labels.
///
/// # Errors
/// One line that names the file, or both with their counts.
pub fn read(inputs: &Path, labels: &Path) -> anyhow::Result<RationalSamples> {
    let (x, a) = (table(inputs)?, table(labels)?);
    let (n_inputs, n_labels) = (x.rows(), a.rows());
    RationalSamples::new(x.into_columns(), a.into_columns())
        .map_err(|_| count_mismatch((inputs, n_inputs), (labels, n_labels)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Npy,
    Csv,
    Json,
}

impl Format {
    fn of(path: &Path) -> Format {
        let is = |wanted: &str| path.extension().is_some_and(|own| own.eq_ignore_ascii_case(wanted));
        match (is("csv"), is("json")) {
            (true, _) => Format::Csv,
            (_, true) => Format::Json,
            _ => Format::Npy,
        }
    }
}

fn table(path: &Path) -> anyhow::Result<Table> {
    let parse = match Format::of(path) {
        Format::Npy => return npy::read_exact(path, MAX_NUMBERS),
        Format::Csv => csv::parse,
        Format::Json => json::parse,
    };
    let text = text_file::read(path, MAX_BYTES)?;
    parse(&text, MAX_NUMBERS).with_context(|| path.display().to_string())
}

/// Rows of rationals, all of one length; at least one row and one column.
#[derive(Debug, PartialEq)]
pub struct Table {
    columns: usize,
    entries: Vec<Rational>,
}

impl Table {
    /// The table with these entries, row by row.
    ///
    /// # Errors
    /// When they are none, or do not make whole rows.
    pub fn new(columns: usize, entries: Vec<Rational>) -> anyhow::Result<Table> {
        ensure!(!entries.is_empty(), "has no numbers");
        ensure!(entries.len().checked_rem(columns) == Some(0), "has rows of different lengths");
        Ok(Table { columns, entries })
    }

    fn rows(&self) -> usize {
        self.entries.len() / self.columns
    }

    /// One sample per column.
    fn into_columns(mut self) -> RationalMatrix {
        let (rows, columns) = (self.rows(), self.columns);
        RationalMatrix::from_fn(columns, rows, |i, j| std::mem::take(&mut self.entries[j * columns + i]))
    }
}

/// A table that is being read. Errors name row and column.
#[derive(Debug)]
struct Reading {
    most: usize,
    entries: Vec<Rational>,
    /// Of the first row, once it has ended.
    columns: Option<usize>,
    row: usize,
    /// Of the row that has not ended.
    column: usize,
}

impl Reading {
    /// A table of at most `most` numbers.
    fn new(most: usize) -> Reading {
        Reading { most, entries: Vec::new(), columns: None, row: 0, column: 0 }
    }

    /// The place of the next number.
    fn place(&self) -> String {
        format!("at row {} (sample), column {}, both counted from 0", self.row, self.column)
    }

    fn push_text(&mut self, text: &str) -> anyhow::Result<()> {
        let number = number::parse(text).map_err(|error| anyhow!("{error}, {}", self.place()))?;
        self.push(number)
    }

    fn push(&mut self, number: Rational) -> anyhow::Result<()> {
        if self.entries.len() >= self.most {
            bail!("has more than {} numbers, which is the most that is read", self.most);
        }
        self.entries.push(number);
        self.column += 1;
        Ok(())
    }

    fn end_row(&mut self) -> anyhow::Result<()> {
        let columns = *self.columns.get_or_insert(self.column);
        ensure!(self.column > 0, "row {} (sample), counted from 0, is empty", self.row);
        ensure!(
            self.column == columns,
            "row {} (sample), counted from 0, has {} columns, row 0 has {columns}",
            self.row,
            self.column
        );
        (self.row, self.column) = (self.row + 1, 0);
        Ok(())
    }

    fn finish(self) -> anyhow::Result<Table> {
        Table::new(self.columns.unwrap_or_default(), self.entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The table with these fractions, row by row.
    pub(super) fn table(columns: usize, entries: &[(i64, i64)]) -> Table {
        Table::new(columns, entries.iter().map(|&(p, q)| rational(p, q)).collect()).expect("whole rows")
    }

    fn rational(p: i64, q: i64) -> Rational {
        Rational::from_parts_signed(p.into(), q.into())
    }

    #[test]
    fn the_three_formats_hold_the_same_samples() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name);
        let inputs = orthant::Mat::from_fn(2, 3, |r, j| [[0.5, -1.0], [0.0, 2.25], [3.0, 4.0]][j][r]);
        let mut npy = Vec::new();
        npy::write(&mut npy, inputs.as_ref()).expect("written");
        std::fs::write(path("x.npy"), npy).expect("written");
        std::fs::write(path("x.CSV"), "first,second\n1/2,-1\n0,2.25\n3,4e0\n").expect("written");
        std::fs::write(path("x.json"), r#"[["1/2", -1], [0, "9/4"], [3, "4"]]"#).expect("written");
        std::fs::write(path("a.csv"), "1\n2\n0.1\n").expect("written");
        let samples = ["x.npy", "x.CSV", "x.json"]
            .map(|name| read(&path(name), &path("a.csv")).unwrap_or_else(|error| panic!("{error:#}")));
        assert_eq!(samples[0].inputs().row(0), [rational(1, 2), rational(0, 1), rational(3, 1)]);
        assert_eq!(samples[0].inputs().row(1), [rational(-1, 1), rational(9, 4), rational(4, 1)]);
        assert_eq!(samples[0].labels().row(0), [rational(1, 1), rational(2, 1), rational(1, 10)]);
        assert_eq!((&samples[0], &samples[0]), (&samples[1], &samples[2]));
        std::fs::write(path("a.csv"), "1\n2\n").expect("written");
        let message = read(&path("x.npy"), &path("a.csv")).expect_err("one is missing").to_string();
        assert!(message.contains("has 3 rows (samples) but") && message.contains("has 2"), "{message}");
    }

    #[test]
    fn tables_have_whole_rows() {
        assert!(Table::new(0, Vec::new()).is_err() && Table::new(0, vec![Rational::ONE]).is_err());
        assert!(Table::new(2, vec![Rational::ONE; 3]).is_err());
        assert_eq!(Table::new(2, vec![Rational::ONE; 4]).expect("two rows").rows(), 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, rng_seed: proptest::test_runner::RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read(
            columns in 1usize..5,
            rows in 1usize..5,
            values in prop::collection::vec((any::<i64>(), 1..i64::MAX), 16),
            named in any::<bool>(),
        ) {
            let expected = table(columns, &values[..rows * columns]);
            let fields: Vec<Vec<String>> =
                expected.entries.chunks(columns).map(|row| row.iter().map(ToString::to_string).collect()).collect();
            let header = named.then(|| vec!["name"; columns].join(","));
            let lines = header.into_iter().chain(fields.iter().map(|row| row.join(",")));
            let text = lines.collect::<Vec<_>>().join("\n");
            prop_assert_eq!(&csv::parse(&text, 16).expect("valid"), &expected);
            let text = serde_json::to_string(&fields).expect("written");
            prop_assert_eq!(&json::parse(&text, 16).expect("valid"), &expected);
        }

        /// Whatever the text: a table of at most as many numbers as are allowed, or an error on one line.
        #[test]
        fn no_text_panics(
            like_csv in "[-+0-9./eE,\n\r\" a#]{0,60}",
            like_json in r#"[\[\],"0-9/.e{}: n-]{0,60}"#,
            any in ".{0,60}",
            damaged in 0usize..30,
            byte in any::<char>(),
        ) {
            let mut valid: Vec<char> = r#"[["1/2", 3], ["0.1", "-4"]]"#.chars().collect();
            let place = damaged % valid.len();
            valid[place] = byte;
            for text in [like_csv, like_json, any, valid.into_iter().collect()] {
                for read in [csv::parse(&text, 8), json::parse(&text, 8)] {
                    match read {
                        Ok(table) => prop_assert!(table.entries.len() <= 8 && table.rows() > 0),
                        Err(error) => prop_assert!(!error.to_string().contains('\n')),
                    }
                }
            }
        }
    }
}
