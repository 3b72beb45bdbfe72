//! Why there is no answer at all.

use orthant_estimate::progress::Cancelled;
use orthant_estimate::{EstimateError, SearchError};
use orthant_exact::RecoverError;
use orthant_linalg::LinalgError;

/// Why there is no answer at all. Labels that no network explains are not an error but a verdict.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NoisyError {
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
    /// Fewer equations than unknowns.
    #[error("{n} samples cannot determine {unknowns} weights: at least {needed} are needed")]
    TooFewSamples {
        /// Samples given.
        n: usize,
        /// Weights to determine.
        unknowns: usize,
        /// The least number of samples.
        needed: usize,
    },
    /// Two arguments disagree on a dimension.
    #[error("{what} is {found}, expected {expected}")]
    Dimension {
        /// The dimension.
        what: &'static str,
        /// What it is.
        found: usize,
        /// What the other arguments call for.
        expected: usize,
    },
    /// The method is not for units of this activation.
    #[error("{method} is not for the activation {activation}")]
    Activation {
        /// The method.
        method: &'static str,
        /// The activation.
        activation: String,
    },
    /// Recovery from the clean part of the labels ended without an answer.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// A moment method did not find all units.
    #[error(transparent)]
    Estimate(EstimateError),
    /// The caller's progress callback asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// The network's outputs at the samples, or their squares, are beyond the range of numbers.
    #[error("the network's outputs overflow at the samples")]
    Overflow,
    /// The weights that lead from such inputs to such labels are no numbers, or have lost digits.
    #[error(
        "weights that lead from inputs of size {inputs:e} to labels of size {labels:e} are out of the range of numbers"
    )]
    WeightsOutOfRange {
        /// A power of two near the largest input.
        inputs: f64,
        /// A power of two near the largest label.
        labels: f64,
    },
    /// A factorisation overflowed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

impl From<Cancelled> for NoisyError {
    fn from(_: Cancelled) -> NoisyError {
        NoisyError::Cancelled
    }
}

impl From<SearchError> for NoisyError {
    fn from(error: SearchError) -> NoisyError {
        match error {
            SearchError::Cancelled => NoisyError::Cancelled,
            SearchError::Linalg(error) => NoisyError::Linalg(error),
        }
    }
}

impl From<EstimateError> for NoisyError {
    fn from(error: EstimateError) -> NoisyError {
        match error {
            EstimateError::Search(error) => error.into(),
            other => NoisyError::Estimate(other),
        }
    }
}
