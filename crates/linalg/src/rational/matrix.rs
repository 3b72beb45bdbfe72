//! Dense matrices of integers, and vectors of fractions over one denominator.

use dashu_base::{BitTest, Gcd, Sign, Signed};

use super::{Integer, Rational, RationalError};

/// A dense matrix of integers of any size, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegerMatrix {
    nrows: usize,
    ncols: usize,
    /// `nrows` · `ncols` numbers.
    entries: Vec<Integer>,
}

impl IntegerMatrix {
    /// The zero matrix.
    ///
    /// # Panics
    /// When the number of entries overflows.
    pub fn zeros(nrows: usize, ncols: usize) -> Self {
        Self::from_fn(nrows, ncols, |_, _| Integer::ZERO)
    }

    /// The matrix with these entries, asked for row by row.
    ///
    /// # Panics
    /// When the number of entries overflows.
    pub fn from_fn(nrows: usize, ncols: usize, mut entry: impl FnMut(usize, usize) -> Integer) -> Self {
        let n_entries = nrows.checked_mul(ncols);
        assert!(n_entries.is_some(), "a {nrows} x {ncols} matrix has too many entries");
        let mut entries = Vec::with_capacity(n_entries.unwrap_or_default());
        for i in 0..nrows {
            entries.extend((0..ncols).map(|j| entry(i, j)));
        }
        Self { nrows, ncols, entries }
    }

    /// The matrix with these rows of `ncols` entries each.
    ///
    /// # Errors
    /// [`RationalError::Shape`] when a row has another length.
    pub fn from_rows(ncols: usize, rows: Vec<Vec<Integer>>) -> Result<Self, RationalError> {
        let nrows = rows.len();
        let mut entries = Vec::new();
        for row in rows {
            if row.len() != ncols {
                return Err(RationalError::Shape { what: "row", expected: ncols, found: row.len() });
            }
            entries.extend(row);
        }
        Ok(Self { nrows, ncols, entries })
    }

    /// The matrix of one column.
    pub fn from_column(column: Vec<Integer>) -> Self {
        Self { nrows: column.len(), ncols: 1, entries: column }
    }

    /// Number of rows.
    pub fn nrows(&self) -> usize {
        self.nrows
    }

    /// Number of columns.
    pub fn ncols(&self) -> usize {
        self.ncols
    }

    /// The entry of row `i` and column `j`.
    ///
    /// # Panics
    /// When there is none.
    pub fn get(&self, i: usize, j: usize) -> &Integer {
        &self.row(i)[j]
    }

    /// Replaces the entry of row `i` and column `j`.
    ///
    /// # Panics
    /// When there is none.
    pub fn set(&mut self, i: usize, j: usize, value: Integer) {
        assert!(j < self.ncols, "column {j} of {}", self.ncols);
        self.entries[i * self.ncols + j] = value;
    }

    /// A row, `ncols` numbers.
    ///
    /// # Panics
    /// When there is none.
    pub fn row(&self, i: usize) -> &[Integer] {
        assert!(i < self.nrows, "row {i} of {}", self.nrows);
        &self.entries[i * self.ncols..(i + 1) * self.ncols]
    }

    /// A copy of a column, `nrows` numbers.
    ///
    /// # Panics
    /// When there is none.
    pub fn column(&self, j: usize) -> Vec<Integer> {
        (0..self.nrows).map(|i| self.get(i, j).clone()).collect()
    }

    /// The matrix of these rows, in this order.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn select_rows(&self, rows: &[usize]) -> Self {
        Self::from_fn(rows.len(), self.ncols, |i, j| self.get(rows[i], j).clone())
    }

    /// The matrix of these columns, in this order.
    ///
    /// # Panics
    /// When there is no such column.
    pub fn select_columns(&self, columns: &[usize]) -> Self {
        Self::from_fn(self.nrows, columns.len(), |i, j| self.get(i, columns[j]).clone())
    }

    /// The transposed matrix.
    pub fn transpose(&self) -> Self {
        Self::from_fn(self.ncols, self.nrows, |i, j| self.get(j, i).clone())
    }

    /// The product with a vector of length `ncols`.
    ///
    /// # Panics
    /// When the vector has another length.
    ///
    /// # Cost
    /// `nrows` · `ncols` products of integers.
    pub fn product_vec(&self, x: &[Integer]) -> Vec<Integer> {
        (0..self.nrows).map(|i| dot(self.row(i), x)).collect()
    }

    /// Bits of the largest entry, sign not counted.
    pub fn max_bits(&self) -> usize {
        self.entries.iter().map(BitTest::bit_len).max().unwrap_or(0)
    }
}

/// Sum of the products of two vectors of integers.
pub(super) fn dot(x: &[Integer], y: &[Integer]) -> Integer {
    assert_eq!(x.len(), y.len(), "lengths of the vectors of an inner product");
    let mut sum = Integer::ZERO;
    for (x, y) in x.iter().zip(y) {
        if !x.is_zero() && !y.is_zero() {
            sum += x * y;
        }
    }
    sum
}

/// Whether a vector is zero.
pub(super) fn is_zero(x: &[Integer]) -> bool {
    x.iter().all(Integer::is_zero)
}

/// Greatest common divisor, zero when all numbers are.
fn content<'a>(numbers: impl IntoIterator<Item = &'a Integer>) -> Integer {
    let mut gcd = Integer::ZERO;
    for number in numbers {
        if gcd.is_one() {
            break;
        }
        if !number.is_zero() {
            gcd = if gcd.is_zero() { number.clone() } else { Integer::from(gcd.gcd(number)) };
        }
    }
    if gcd.is_negative() { -gcd } else { gcd }
}

/// The multiple of a vector with coprime integers whose first that is not zero is positive; zero stays zero.
pub(super) fn primitive(mut vector: Vec<Integer>) -> Vec<Integer> {
    let mut divisor = content(&vector);
    let first = vector.iter().find(|x| !x.is_zero());
    if first.is_some_and(|x| x.sign() == Sign::Negative) {
        divisor = -divisor;
    }
    if !divisor.is_zero() && !divisor.is_one() {
        for x in vector.iter_mut().filter(|x| !x.is_zero()) {
            *x /= &divisor;
        }
    }
    vector
}

/// A vector of fractions over their least common denominator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RationalVector {
    numerators: Vec<Integer>,
    /// Positive, and coprime to the numerators taken together.
    denominator: Integer,
}

impl RationalVector {
    /// The vector of these numerators over a denominator, brought to lowest terms.
    ///
    /// # Panics
    /// When the denominator is zero.
    pub fn new(mut numerators: Vec<Integer>, mut denominator: Integer) -> Self {
        assert!(!denominator.is_zero(), "a denominator is zero");
        let mut divisor = content(std::iter::once(&denominator).chain(&numerators));
        if denominator.is_negative() {
            divisor = -divisor;
        }
        if !divisor.is_one() {
            denominator /= &divisor;
            for x in numerators.iter_mut().filter(|x| !x.is_zero()) {
                *x /= &divisor;
            }
        }
        Self { numerators, denominator }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.numerators.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.numerators.is_empty()
    }

    /// The numerators over [`RationalVector::denominator`].
    pub fn numerators(&self) -> &[Integer] {
        &self.numerators
    }

    /// The least common denominator, positive.
    pub fn denominator(&self) -> &Integer {
        &self.denominator
    }

    /// An entry in lowest terms.
    ///
    /// # Panics
    /// When there is none.
    pub fn get(&self, i: usize) -> Rational {
        Rational::from_parts_signed(self.numerators[i].clone(), self.denominator.clone())
    }

    /// All entries in lowest terms.
    pub fn to_rationals(&self) -> Vec<Rational> {
        (0..self.len()).map(|i| self.get(i)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integers(values: &[i64]) -> Vec<Integer> {
        values.iter().map(|&x| Integer::from(x)).collect()
    }

    #[test]
    fn selections_products_and_transposes() {
        let a = IntegerMatrix::from_rows(3, vec![integers(&[1, 2, 3]), integers(&[4, 5, -6])])
            .expect("rows of one length");
        assert_eq!(a.product_vec(&integers(&[1, 0, 2])), integers(&[7, -8]));
        assert_eq!(a.select_columns(&[2, 0]).row(1), integers(&[-6, 4]));
        assert_eq!(a.select_rows(&[1]).row(0), integers(&[4, 5, -6]));
        assert_eq!(a.transpose().column(1), integers(&[4, 5, -6]));
        assert_eq!(a.max_bits(), 3);
        let ragged = IntegerMatrix::from_rows(2, vec![integers(&[1, 2]), integers(&[1])]);
        assert_eq!(ragged, Err(RationalError::Shape { what: "row", expected: 2, found: 1 }));
    }

    #[test]
    fn matrices_without_rows_or_columns_are_matrices() {
        let empty = IntegerMatrix::zeros(0, 3);
        assert!(empty.product_vec(&integers(&[1, 2, 3])).is_empty());
        assert_eq!(empty.transpose(), IntegerMatrix::zeros(3, 0));
        assert_eq!(empty.transpose().product_vec(&[]), integers(&[0, 0, 0]));
        assert_eq!(empty.transpose().row(2), &[] as &[Integer]);
    }

    #[test]
    fn vectors_are_brought_to_lowest_terms() {
        assert_eq!(primitive(integers(&[0, -6, 4])), integers(&[0, 3, -2]));
        assert_eq!(primitive(integers(&[0, 0])), integers(&[0, 0]));
        let half = RationalVector::new(integers(&[2, -4, 0]), Integer::from(-4));
        assert_eq!(half.numerators(), integers(&[-1, 2, 0]));
        assert_eq!(half.denominator(), &Integer::from(2));
        assert_eq!(half.get(1), Rational::ONE);
        assert_eq!(half.to_rationals().len(), half.len());
        assert_eq!(RationalVector::new(integers(&[0, 0]), Integer::from(7)).denominator(), &Integer::ONE);
    }
}
