//! Why a search ended early.

use orthant_linalg::LinalgError;

use crate::hypothesis::HypothesisError;
use crate::progress::Cancelled;

/// Why a search ended without an answer.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum SearchError {
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// A factorisation overflowed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

impl From<Cancelled> for SearchError {
    fn from(_: Cancelled) -> SearchError {
        SearchError::Cancelled
    }
}

/// Why a moment method did not find all units.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum EstimateError {
    /// The caller asked to stop, or a factorisation overflowed.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// Units are missing, and the data refute what the method assumes.
    #[error(transparent)]
    Hypothesis(#[from] HypothesisError),
}

impl From<Cancelled> for EstimateError {
    fn from(cancelled: Cancelled) -> EstimateError {
        EstimateError::Search(cancelled.into())
    }
}

impl From<LinalgError> for EstimateError {
    fn from(error: LinalgError) -> EstimateError {
        EstimateError::Search(error.into())
    }
}
