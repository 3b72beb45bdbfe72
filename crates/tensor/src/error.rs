//! What can go wrong in a moment or a decomposition.

use orthant_linalg::spectrum::RankDecision;
use orthant_linalg::{LinalgError, MatRef};

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// An entry is infinite or not a number.
    #[error("the {what} has an entry that is not finite")]
    NotFinite {
        /// The argument.
        what: &'static str,
    },
    /// A dimension is not what it has to be.
    #[error("the {what} is {found}, not {wanted}")]
    Shape {
        /// Which dimension of which argument.
        what: &'static str,
        /// What it is.
        found: usize,
        /// What it has to be, or at least has to be where more is allowed.
        wanted: usize,
    },
    /// The rank is smaller than the number of components asked for.
    #[error("the {what} has rank {} and not {wanted} (next singular value {:e})", .rank.rank, .rank.largest_dropped)]
    RankDeficient {
        /// The matrix.
        what: &'static str,
        /// Its rank with the singular values on both sides of it.
        rank: RankDecision,
        /// The rank wanted.
        wanted: usize,
    },
    /// Components cannot be told apart: the error of one, estimated from what does not fit, is as large as itself.
    /// Complex eigenvalues show in this way too.
    #[error("the components are not separated: estimated relative error {uncertainty}")]
    NotSeparated {
        /// Estimated relative error of the worst component.
        uncertainty: f64,
        /// What the decomposition does not explain, relative to the norm of the slices.
        residual: f64,
    },
    /// Sources that should be independent are not.
    #[error(
        "the sources depend on each other: their squares are correlated by {correlation}, {deviations} standard errors"
    )]
    NotIndependent {
        /// Root mean square of the correlations of the squares of two sources.
        correlation: f64,
        /// The same in standard errors: about 1 for independent sources.
        deviations: f64,
    },
    /// An iteration reached its limit.
    #[error("the {what} did not converge in {iterations} iterations (residual {residual:e})")]
    NoConvergence {
        /// The iteration.
        what: &'static str,
        /// Iterations made.
        iterations: usize,
        /// The best residual reached.
        residual: f64,
    },
    /// A factorisation overflowed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

/// Refuses a matrix with an entry that is not finite.
pub(crate) fn finite(what: &'static str, a: MatRef<'_, f64>) -> Result<(), TensorError> {
    if a.is_all_finite() { Ok(()) } else { Err(TensorError::NotFinite { what }) }
}

/// Refuses a dimension that differs from the one wanted.
pub(crate) fn dimension(what: &'static str, found: usize, wanted: usize) -> Result<(), TensorError> {
    if found == wanted { Ok(()) } else { Err(TensorError::Shape { what, found, wanted }) }
}

/// Refuses a dimension that is too small.
pub(crate) fn at_least(what: &'static str, found: usize, wanted: usize) -> Result<(), TensorError> {
    if found >= wanted { Ok(()) } else { Err(TensorError::Shape { what, found, wanted }) }
}
