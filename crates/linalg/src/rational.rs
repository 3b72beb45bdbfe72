//! Exact linear algebra over the rationals, on matrices of integers.
//!
//! | module | what |
//! |---|---|
//! | [`matrix`] | matrices of integers, vectors over one denominator |
//! | [`dyadic`] | floating-point numbers and fractions, scaled to integers |
//! | [`modular`] | residues modulo a prime, and the rank there |
//! | [`bareiss`] | fraction-free elimination |
//! | [`dixon`] | p-adic lifting |
//!
//! Milliseconds for n × n systems with s right-hand sides and uniform entries, elimination / lifting (`benches/rational.rs`, one core of
//! a busy machine):
//!
//! | n, s | 8 bits | 53 bits | 200 bits |
//! |---|---|---|---|
//! | 8, 1 | 0.009 / 0.026 | 0.027 / 0.088 | 0.15 / 0.61 |
//! | 12, 1 | 0.031 / 0.040 | 0.11 / 0.13 | 0.66 / 1.2 |
//! | 16, 1 | 0.075 / 0.074 | 0.36 / 0.24 | 1.7 / 1.5 |
//! | 20, 1 | 0.16 / 0.12 | 0.80 / 0.34 | 4.4 / 2.4 |
//! | 40, 1 | 2.2 / 0.47 | 13 / 1.5 | 109 / 14 |
//! | 100, 1 | – / 5.4 | – / 14 | – / 114 |
//! | 16, 16 | 0.31 / 0.48 | 1.4 / 2.1 | 6.9 / 13 |
//! | 24, 24 | 1.4 / 1.5 | 9.2 / 7.5 | 60 / 69 |
//! | 32, 32 | 4.8 / 4.1 | 21 / 14 | 184 / 122 |
//! | 40, 40 | 12 / 9.5 | 57 / 31 | 535 / 278 |
//!
//! Lifting stops as soon as the answer is complete, so that it is faster still for answers with few digits.
//!
//! The functions of this module take the faster way by size. What they return does not depend on the way, nor on a prime; whatever they
//! find by residues or by an early end is checked over the integers before it is returned.
//!
//! ```
//! use std::ops::ControlFlow;
//! use orthant_linalg::rational::{self, Integer, IntegerMatrix, Rational};
//!
//! let go_on = &mut || ControlFlow::Continue(());
//! let hilbert = IntegerMatrix::from_fn(3, 3, |i, j| Integer::from(60 / (i + j + 1)));
//! let x = rational::solve(&hilbert, &IntegerMatrix::from_column(vec![60.into(); 3]), go_on)?;
//! assert_eq!(x[0].to_rationals(), [3, -24, 30].map(Rational::from));
//! # Ok::<(), orthant_linalg::rational::RationalError>(())
//! ```

use std::ops::ControlFlow;

pub mod bareiss;
pub mod dixon;
pub mod dyadic;
pub mod matrix;
pub mod modular;
mod reconstruct;
mod square;

pub use dashu_int::IBig as Integer;
pub use dashu_ratio::RBig as Rational;

pub use matrix::{IntegerMatrix, RationalVector};

use square::Method;

/// Rows of a square system with one right-hand side from which on lifting is faster than elimination: see the table of this module.
///
/// With s of them it is faster from s − 1 more rows on, and from twice as many for any s: elimination shares more of its work.
const DIXON_FROM: usize = 16;

/// Asked from time to time whether to go on.
pub type Interrupt<'a> = &'a mut dyn FnMut() -> ControlFlow<()>;

/// What can go wrong in exact linear algebra.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RationalError {
    /// Sizes do not fit together.
    #[error("{what}: {found} where {expected} are needed")]
    Shape {
        /// Of what.
        what: &'static str,
        /// The size that fits.
        expected: usize,
        /// The size that was given.
        found: usize,
    },
    /// An entry is infinite or no number.
    #[error("entry ({row}, {col}) is not finite")]
    NotFinite {
        /// Its row.
        row: usize,
        /// Its column.
        col: usize,
    },
    /// Scaled to integers, a row or column has too large ones.
    #[error("line {line} takes integers of more than {limit} bits")]
    TooManyBits {
        /// The row or column.
        line: usize,
        /// The bits that are allowed.
        limit: usize,
    },
    /// The columns of a system are dependent, so that it has no or many solutions.
    #[error("the {columns} columns of the system are dependent, {rank} of them are not")]
    RankDeficient {
        /// The rank modulo a prime; over the rationals it is no lower, and below `columns`.
        rank: usize,
        /// Number of columns.
        columns: usize,
    },
    /// A system has no solution: the equations before this one determine another one.
    #[error("equation {row} contradicts the others")]
    Inconsistent {
        /// The equation.
        row: usize,
    },
    /// The caller wanted no more.
    #[error("cancelled")]
    Cancelled,
    /// An answer did not pass the check that it has to: the arithmetic is at fault.
    #[error("the answer does not satisfy its equations: the arithmetic is at fault")]
    Unverified,
}

/// The rank.
///
/// That modulo a prime is no higher. When it is not full, as many vectors as are missing are found, and checked, in the null space of the
/// matrix or of its transpose, whichever is smaller.
///
/// # Errors
/// [`RationalError::Cancelled`].
///
/// # Cost
/// rank · `nrows` · `ncols` multiplications of words when the rank is full; else that of [`null_space`].
pub fn rank(a: &IntegerMatrix, interrupt: Interrupt<'_>) -> Result<usize, RationalError> {
    let (nrows, ncols) = (a.nrows(), a.ncols());
    if modular::rank_profile(a, modular::PrimeField::largest(), interrupt)?.rank == nrows.min(ncols) {
        return Ok(nrows.min(ncols));
    }
    let basis =
        if nrows < ncols { null_space(&a.transpose(), interrupt)? } else { null_space(a, interrupt)? };
    Ok(nrows.min(ncols) - basis.len())
}

/// The x with A x = b, for each column b of a matrix.
///
/// Rows that make a square system are chosen modulo a prime; the others are checked.
///
/// # Shapes
/// `a` is m × n of rank n, `b` is m × s; s vectors of length n.
///
/// # Errors
/// [`RationalError::Shape`]; [`RationalError::RankDeficient`] when the columns of `a` are dependent; [`RationalError::Inconsistent`] when
/// there is no solution; [`RationalError::Cancelled`]. `interrupt` is asked at each column of an elimination, and for each digit.
///
/// # Cost
/// Of [`dixon::solve`]; of [`bareiss::solve`] on n rows for n below 16 to 32, more for more right-hand sides.
pub fn solve(
    a: &IntegerMatrix,
    b: &IntegerMatrix,
    interrupt: Interrupt<'_>,
) -> Result<Vec<RationalVector>, RationalError> {
    square::solve(a, b, Method::BySize, interrupt)
}

/// The basis of the null space that the reduced row echelon form gives, as vectors of coprime integers with positive first entries.
///
/// There is one vector for each column that depends on the columns before it; it is zero on all later columns and on all other such
/// columns. So a null space of dimension 1 has one basis only.
///
/// # Shapes
/// `a` is m × n of rank r; n − r vectors of length n.
///
/// # Errors
/// [`RationalError::Cancelled`]. `interrupt` is asked at each column of an elimination, and for each digit.
///
/// # Cost
/// That of [`solve`] for a square matrix of size r and n − r columns, and m(n − r)(r + 1) products to check.
pub fn null_space(a: &IntegerMatrix, interrupt: Interrupt<'_>) -> Result<Vec<Vec<Integer>>, RationalError> {
    square::null_space(a, Method::BySize, interrupt)
}

/// Asks whether to go on.
fn proceed(interrupt: Interrupt<'_>) -> Result<(), RationalError> {
    match interrupt() {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(RationalError::Cancelled),
    }
}

/// Checks that a system has one equation for each right-hand side.
fn same_rows(a: &IntegerMatrix, b: &IntegerMatrix) -> Result<(), RationalError> {
    if a.nrows() != b.nrows() {
        return Err(RationalError::Shape { what: "right-hand side", expected: a.nrows(), found: b.nrows() });
    }
    Ok(())
}
