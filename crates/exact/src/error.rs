//! Why there is no answer at all.

use orthant_estimate::hypothesis::HypothesisError;
use orthant_estimate::paired::PairedError;
use orthant_estimate::{EstimateError, SearchError};
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
    /// The method is not for units of this activation.
    #[error("method {method} is not for the activation {activation}; use {instead}")]
    Activation {
        /// The method.
        method: &'static str,
        /// The activation.
        activation: String,
        /// The method that is.
        instead: &'static str,
    },
    /// A network was proposed that cannot be one of these samples, or not of the kind asked for.
    #[error("the proposed network has {found} {what}, expected {expected}")]
    Proposal {
        /// Inputs, outputs, hidden units or biases.
        what: &'static str,
        /// How many it has.
        found: usize,
        /// How many it should have, or may have at most.
        expected: usize,
    },
    /// Units are missing, and the data refute what the method assumes.
    #[error(transparent)]
    Hypothesis(#[from] HypothesisError),
    /// The pairs x, −x among the samples gave nothing.
    #[error("pairs x, -x among the samples: {0}")]
    Pairs(PairedError),
    /// The caller's progress callback asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// A factorisation overflowed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

impl From<EstimateError> for RecoverError {
    fn from(error: EstimateError) -> RecoverError {
        match error {
            EstimateError::Search(error) => error.into(),
            EstimateError::Hypothesis(error) => RecoverError::Hypothesis(error),
        }
    }
}

impl From<PairedError> for RecoverError {
    fn from(error: PairedError) -> RecoverError {
        match error {
            PairedError::Search(error) => error.into(),
            other => RecoverError::Pairs(other),
        }
    }
}

impl From<SearchError> for RecoverError {
    fn from(error: SearchError) -> RecoverError {
        match error {
            SearchError::Linalg(error) => RecoverError::Linalg(error),
            SearchError::Cancelled => RecoverError::Cancelled,
        }
    }
}
