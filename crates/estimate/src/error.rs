//! Why a search ended early.

use orthant_linalg::LinalgError;

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
