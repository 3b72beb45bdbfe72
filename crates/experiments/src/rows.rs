//! Questions to the rows of an experiment.

use crate::figure::Mean;
use crate::record::{Row, Value};
use crate::statistics::{quantile, wilson};

/// Some rows of an experiment.
///
/// ```text
/// let pursuit = rows.having("method", "pursuit");
/// for (n, rows) in pursuit.by_number("n") {
///     let rate = rows.rate("exact");       // with its Wilson interval
/// }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Rows<'a>(Vec<&'a Row>);

/// How often something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Rows that say yes.
    pub hits: usize,
    /// Rows that say yes or no.
    pub of: usize,
}

impl Rate {
    /// The share, 0 of no rows.
    pub fn share(self) -> f64 {
        if self.of == 0 { 0.0 } else { self.hits as f64 / self.of as f64 }
    }

    /// A point of a chart with the 95 % Wilson interval as its band.
    pub fn at(self, x: f64) -> Mean {
        Mean { x, y: self.share(), band: Some(wilson(self.hits, self.of)) }
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.hits, self.of)
    }
}

impl<'a> Rows<'a> {
    /// All of these rows.
    pub fn new(rows: &'a [Row]) -> Rows<'a> {
        Rows(rows.iter().collect())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One by one.
    pub fn iter(&self) -> impl Iterator<Item = &'a Row> + '_ {
        self.0.iter().copied()
    }

    /// Those with this value under this name.
    #[must_use]
    pub fn having(&self, name: &str, value: impl Into<Value>) -> Rows<'a> {
        let value = value.into();
        self.filter(|row| row.get(name) == Some(&value))
    }

    /// Those that the condition keeps.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&Row) -> bool) -> Rows<'a> {
        Rows(self.iter().filter(|row| keep(row)).collect())
    }

    /// Groups with the same number under this name, in increasing order; rows without it are left out.
    pub fn by_number(&self, name: &str) -> Vec<(f64, Rows<'a>)> {
        let mut groups: Vec<(f64, Rows<'a>)> = Vec::new();
        for row in self.iter() {
            let Some(number) = row.number(name) else { continue };
            match groups.iter_mut().find(|(own, _)| *own == number) {
                Some((_, rows)) => rows.0.push(row),
                None => groups.push((number, Rows(vec![row]))),
            }
        }
        groups.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        groups
    }

    /// Groups with the same text under this name, in the order of their first rows; rows without it are left out.
    pub fn by_text(&self, name: &str) -> Vec<(String, Rows<'a>)> {
        let mut groups: Vec<(String, Rows<'a>)> = Vec::new();
        for row in self.iter().filter(|row| !row.text(name).is_empty()) {
            match groups.iter_mut().find(|(own, _)| own == row.text(name)) {
                Some((_, rows)) => rows.0.push(row),
                None => groups.push((row.text(name).to_string(), Rows(vec![row]))),
            }
        }
        groups
    }

    /// How often the flag of this name is set; rows without it do not count.
    pub fn rate(&self, name: &str) -> Rate {
        let flags: Vec<bool> = self
            .iter()
            .filter_map(|row| match row.get(name) {
                Some(Value::Flag(flag)) => Some(*flag),
                _ => None,
            })
            .collect();
        Rate { hits: flags.iter().filter(|flag| **flag).count(), of: flags.len() }
    }

    /// The numbers of this name in increasing order; rows without it are left out.
    pub fn numbers(&self, name: &str) -> Vec<f64> {
        let mut numbers: Vec<f64> = self.iter().filter_map(|row| row.number(name)).collect();
        numbers.sort_by(f64::total_cmp);
        numbers
    }

    /// Their median; nothing without any.
    pub fn median(&self, name: &str) -> Option<f64> {
        quantile(&self.numbers(name), 0.5)
    }

    /// The largest of them; nothing without any.
    pub fn max(&self, name: &str) -> Option<f64> {
        self.numbers(name).last().copied()
    }

    /// A point of a chart: the median of this name, with the quartiles as its band; nothing without any.
    pub fn quartiles(&self, name: &str, x: f64) -> Option<Mean> {
        let numbers = self.numbers(name);
        let at = |p| quantile(&numbers, p);
        Some(Mean { x, y: at(0.5)?, band: Some((at(0.25)?, at(0.75)?)) })
    }
}
