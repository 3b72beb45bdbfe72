//! Systems of any shape by way of the square ones inside them: the rank modulo a prime says which, and what their solutions do to the
//! other rows is checked.

use super::dixon::Lifting;
use super::matrix::{dot, primitive};
use super::modular::{PrimeField, RankProfile, rank_profile};
use super::{
    DIXON_FROM, Integer, IntegerMatrix, Interrupt, RationalError, RationalVector, bareiss, same_rows,
};

/// How square systems are solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// By p-adic lifting.
    Lifting,
    /// By elimination or by lifting, as [`DIXON_FROM`] says.
    BySize,
}

/// The solver of square systems with one matrix that is not singular modulo a prime.
enum Square<'a> {
    Lifting(Box<Lifting<'a>>),
    Elimination(&'a IntegerMatrix),
}

impl<'a> Square<'a> {
    fn new(
        a: &'a IntegerMatrix,
        field: PrimeField,
        n_right: usize,
        method: Method,
        interrupt: Interrupt<'_>,
    ) -> Result<Self, RationalError> {
        let lifting_from = DIXON_FROM + n_right.saturating_sub(1).min(DIXON_FROM);
        if method == Method::BySize && a.nrows() < lifting_from {
            return Ok(Square::Elimination(a));
        }
        // Rows and columns of the profile make a matrix that is not singular modulo the prime.
        Lifting::new(a, field, interrupt)?
            .map(|lifting| Square::Lifting(Box::new(lifting)))
            .ok_or(RationalError::Unverified)
    }

    /// The solutions for all columns of `b`. Lifting has checked its own.
    fn solve(
        &self,
        b: &IntegerMatrix,
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<RationalVector>, RationalError> {
        match self {
            Square::Lifting(lifting) => lifting.solve(b, interrupt),
            Square::Elimination(a) => {
                let solutions = bareiss::solve(a, b, interrupt)?;
                let right = |(s, x): (usize, &RationalVector)| satisfies(a, x, &b.column(s));
                if !solutions.iter().enumerate().all(right) {
                    return Err(RationalError::Unverified);
                }
                Ok(solutions)
            }
        }
    }
}

/// Whether A x = b.
pub(super) fn satisfies(a: &IntegerMatrix, x: &RationalVector, b: &[Integer]) -> bool {
    (0..a.nrows()).all(|i| satisfies_row(a.row(i), x, &b[i]))
}

fn satisfies_row(row: &[Integer], x: &RationalVector, b: &Integer) -> bool {
    dot(row, x.numerators()) == x.denominator() * b
}

/// The primes, largest first. Few divide all the largest minors of a matrix, so that trying them in turn ends.
fn primes() -> impl Iterator<Item = PrimeField> {
    let mut last = None;
    // The next prime is looked for when it is asked for, which is hardly ever.
    std::iter::from_fn(move || {
        last = last.map_or(Some(PrimeField::largest()), PrimeField::next_smaller);
        last
    })
}

/// See [`super::solve`].
pub(super) fn solve(
    a: &IntegerMatrix,
    b: &IntegerMatrix,
    method: Method,
    interrupt: Interrupt<'_>,
) -> Result<Vec<RationalVector>, RationalError> {
    same_rows(a, b)?;
    let n = a.ncols();
    for field in primes() {
        let profile = rank_profile(a, field, interrupt)?;
        if profile.rank < n {
            // A combination of columns that vanishes proves that they are dependent; without one it was the prime.
            let first = (0..n).find(|j| profile.columns.binary_search(j).is_err());
            if null_vectors(a, field, &profile, first.as_slice(), method, interrupt)?.is_some() {
                return Err(RationalError::RankDeficient { rank: profile.rank, columns: n });
            }
            continue;
        }
        let matrix = a.select_rows(&profile.rows);
        let solutions = Square::new(&matrix, field, b.ncols(), method, interrupt)?
            .solve(&b.select_rows(&profile.rows), interrupt)?;
        let others = (0..a.nrows()).filter(|i| profile.rows.binary_search(i).is_err());
        for i in others {
            if solutions.iter().enumerate().any(|(s, x)| !satisfies_row(a.row(i), x, b.get(i, s))) {
                return Err(RationalError::Inconsistent { row: i });
            }
        }
        return Ok(solutions);
    }
    Err(RationalError::Unverified)
}

/// See [`super::null_space`].
pub(super) fn null_space(
    a: &IntegerMatrix,
    method: Method,
    interrupt: Interrupt<'_>,
) -> Result<Vec<Vec<Integer>>, RationalError> {
    for field in primes() {
        let profile = rank_profile(a, field, interrupt)?;
        let free: Vec<usize> = (0..a.ncols()).filter(|j| profile.columns.binary_search(j).is_err()).collect();
        if let Some(basis) = null_vectors(a, field, &profile, &free, method, interrupt)? {
            return Ok(basis);
        }
    }
    Err(RationalError::Unverified)
}

/// The vectors of the null space that have a column each to themselves, and else the columns of the profile.
///
/// `None` when one of them is none, or has a later column: the rank is larger than modulo the prime, or has other first columns.
fn null_vectors(
    a: &IntegerMatrix,
    field: PrimeField,
    profile: &RankProfile,
    free: &[usize],
    method: Method,
    interrupt: Interrupt<'_>,
) -> Result<Option<Vec<Vec<Integer>>>, RationalError> {
    if free.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let top = a.select_rows(&profile.rows);
    let matrix = top.select_columns(&profile.columns);
    let solutions = Square::new(&matrix, field, free.len(), method, interrupt)?
        .solve(&top.select_columns(free), interrupt)?;
    let mut basis = Vec::with_capacity(free.len());
    for (&free, x) in free.iter().zip(&solutions) {
        let mut vector = vec![Integer::ZERO; a.ncols()];
        for (&col, value) in profile.columns.iter().zip(x.numerators()) {
            if col > free && !value.is_zero() {
                return Ok(None);
            }
            vector[col] = -value;
        }
        vector[free] = x.denominator().clone();
        if (0..a.nrows()).any(|i| !dot(a.row(i), &vector).is_zero()) {
            return Ok(None);
        }
        basis.push(primitive(vector));
    }
    Ok(Some(basis))
}
