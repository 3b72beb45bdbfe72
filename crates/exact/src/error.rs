//! Why there is no answer at all.

use orthant_estimate::SearchError;
use orthant_linalg::LinalgError;

/// Why there is no answer at all. Data that no network explains are not an error but a verdict.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// A setting is out of its range.
    #[error("{name} is {value}, allowed: {allowed}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The range.
        allowed: &'static str,
    },
    /// Fewer samples than can identify anything.
    #[error("{n} distinct samples cannot identify a network with {d} inputs: at least {needed} are needed")]
    TooFewSamples {
        /// Distinct samples given.
        n: usize,
        /// Input dimension.
        d: usize,
        /// The least number.
        needed: usize,
    },
    /// The data do not meet what the method assumes, and it did not find the network.
    #[error("method {method} assumes {hypothesis}; try {instead}")]
    Hypothesis {
        /// The method.
        method: &'static str,
        /// What it assumes, with what was measured.
        hypothesis: String,
        /// The method that would do.
        instead: &'static str,
    },
    /// The caller's progress callback asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// A factorisation overflowed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

impl From<SearchError> for RecoverError {
    fn from(error: SearchError) -> RecoverError {
        match error {
            SearchError::Linalg(error) => RecoverError::Linalg(error),
            SearchError::Cancelled => RecoverError::Cancelled,
        }
    }
}
