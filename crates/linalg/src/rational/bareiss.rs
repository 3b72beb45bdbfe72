//! Fraction-free elimination (Bareiss 1968): every number on the way is a minor of the matrix, so that it stays an integer and no larger
//! than Hadamard's bound.

use dashu_base::{BitTest, DivExact};

use super::matrix::{is_zero, primitive};
use super::{Integer, IntegerMatrix, Interrupt, RationalError, RationalVector, proceed, same_rows};

/// A matrix brought to row echelon form without fractions.
struct Echelon {
    /// The rows, pivots first.
    rows: Vec<Vec<Integer>>,
    /// The original place of each row.
    places: Vec<usize>,
    /// The column of the pivot of each of the first rows, ascending.
    columns: Vec<usize>,
    /// The last pivot: up to its sign the minor of all pivots. 1 when there is none.
    minor: Integer,
    /// Whether the order of the rows is an odd permutation.
    is_odd: bool,
}

/// Eliminates below the pivots of the first `n_pivot` columns; the others are carried along.
fn eliminate(
    mut rows: Vec<Vec<Integer>>,
    n_pivot: usize,
    interrupt: Interrupt<'_>,
) -> Result<Echelon, RationalError> {
    let mut places: Vec<usize> = (0..rows.len()).collect();
    let (mut columns, mut minor, mut is_odd) = (Vec::new(), Integer::ONE, false);
    for col in 0..n_pivot {
        let done = columns.len();
        proceed(interrupt)?;
        let candidates = (done..rows.len()).filter(|&i| !rows[i][col].is_zero());
        let Some(at) = candidates.min_by_key(|&i| rows[i][col].bit_len()) else { continue };
        if at != done {
            rows.swap(at, done);
            places.swap(at, done);
            is_odd = !is_odd;
        }
        let (top, below) = rows.split_at_mut(done + 1);
        let pivot_row = &top[done];
        let pivot = &pivot_row[col];
        for row in below {
            let head = std::mem::take(&mut row[col]);
            for (x, above) in row.iter_mut().zip(pivot_row).skip(col + 1) {
                let product = pivot * std::mem::take(x);
                let numerator =
                    if head.is_zero() || above.is_zero() { product } else { product - &head * above };
                *x = exact_quotient(numerator, &minor);
            }
        }
        minor = pivot.clone();
        columns.push(col);
    }
    Ok(Echelon { rows, places, columns, minor, is_odd })
}

/// A quotient of two minors that is an integer.
fn exact_quotient(numerator: Integer, divisor: &Integer) -> Integer {
    // dashu-int 0.6.2 does not divide zero by more than two words.
    if numerator.is_zero() || divisor.is_one() {
        return numerator;
    }
    numerator.div_exact(divisor.clone(), &()).expect("minors divide by Sylvester's identity")
}

impl Echelon {
    /// The solution of the triangular system of the pivots times the last pivot, which makes it integral by Cramer's rule.
    fn back_substitute(&self, right: impl Fn(&[Integer]) -> Integer) -> Vec<Integer> {
        let rank = self.columns.len();
        let mut y = vec![Integer::ZERO; rank];
        for i in (0..rank).rev() {
            let row = &self.rows[i];
            let mut sum = &self.minor * right(row);
            for j in i + 1..rank {
                sum -= &row[self.columns[j]] * &y[j];
            }
            y[i] = exact_quotient(sum, &row[self.columns[i]]);
        }
        y
    }
}

fn rows_of(a: &IntegerMatrix) -> Vec<Vec<Integer>> {
    (0..a.nrows()).map(|i| a.row(i).to_vec()).collect()
}

/// The rank.
///
/// # Errors
/// [`RationalError::Cancelled`]; `interrupt` is asked once for each column.
///
/// # Cost
/// rank · `nrows` · `ncols` times two products and a quotient of minors at most.
pub fn rank(a: &IntegerMatrix, interrupt: Interrupt<'_>) -> Result<usize, RationalError> {
    Ok(eliminate(rows_of(a), a.ncols(), interrupt)?.columns.len())
}

/// The determinant; that of a matrix without rows is 1.
///
/// # Errors
/// [`RationalError::Shape`] when the matrix is not square; [`RationalError::Cancelled`].
///
/// # Cost
/// n³/3 times two products and a quotient of minors.
pub fn determinant(a: &IntegerMatrix, interrupt: Interrupt<'_>) -> Result<Integer, RationalError> {
    let n = a.nrows();
    if a.ncols() != n {
        return Err(RationalError::Shape { what: "square matrix", expected: n, found: a.ncols() });
    }
    let echelon = eliminate(rows_of(a), n, interrupt)?;
    Ok(match (echelon.columns.len() == n, echelon.is_odd) {
        (false, _) => Integer::ZERO,
        (true, false) => echelon.minor,
        (true, true) => -echelon.minor,
    })
}

/// The x with A x = b, for each column b of a matrix.
///
/// # Shapes
/// `a` is m × n of rank n, `b` is m × s; s vectors of length n.
///
/// # Errors
/// [`RationalError::Shape`]; [`RationalError::RankDeficient`] when the columns of `a` are dependent; [`RationalError::Inconsistent`];
/// [`RationalError::Cancelled`].
///
/// # Cost
/// mn(n + s) times two products and a quotient of minors at most: of all rows. The function of the same name one module up chooses n rows.
pub fn solve(
    a: &IntegerMatrix,
    b: &IntegerMatrix,
    interrupt: Interrupt<'_>,
) -> Result<Vec<RationalVector>, RationalError> {
    same_rows(a, b)?;
    let n = a.ncols();
    let rows = (0..a.nrows()).map(|i| [a.row(i), b.row(i)].concat()).collect();
    let echelon = eliminate(rows, n, interrupt)?;
    let rank = echelon.columns.len();
    if rank < n {
        return Err(RationalError::RankDeficient { rank, columns: n });
    }
    if let Some(at) = (rank..a.nrows()).find(|&i| !is_zero(&echelon.rows[i][n..])) {
        return Err(RationalError::Inconsistent { row: echelon.places[at] });
    }
    let mut solutions = Vec::with_capacity(b.ncols());
    for s in 0..b.ncols() {
        proceed(interrupt)?;
        let y = echelon.back_substitute(|row| row[n + s].clone());
        solutions.push(RationalVector::new(y, echelon.minor.clone()));
    }
    Ok(solutions)
}

/// The basis of the null space that the reduced row echelon form gives, as vectors of coprime integers with positive first entries: one
/// vector for each column that depends on the columns before it, zero on all later such columns.
///
/// # Errors
/// [`RationalError::Cancelled`]; `interrupt` is asked once for each column.
///
/// # Cost
/// That of the elimination, and rank²/2 products for each vector.
pub fn null_space(a: &IntegerMatrix, interrupt: Interrupt<'_>) -> Result<Vec<Vec<Integer>>, RationalError> {
    let n = a.ncols();
    let echelon = eliminate(rows_of(a), n, interrupt)?;
    let mut basis = Vec::with_capacity(n - echelon.columns.len());
    for free in (0..n).filter(|j| echelon.columns.binary_search(j).is_err()) {
        proceed(interrupt)?;
        let y = echelon.back_substitute(|row| -&row[free]);
        let mut vector = vec![Integer::ZERO; n];
        vector[free] = echelon.minor.clone();
        for (&col, value) in echelon.columns.iter().zip(y) {
            vector[col] = value;
        }
        basis.push(primitive(vector));
    }
    Ok(basis)
}
