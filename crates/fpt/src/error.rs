//! Why there is no answer at all.

use orthant_linalg::LinalgError;

/// Why there is no answer at all.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FptError {
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
    #[error("{n} samples cannot determine the weights: at least {needed} are needed")]
    TooFewSamples {
        /// Samples given.
        n: usize,
        /// The least number of samples.
        needed: usize,
    },
    /// U cannot have full column rank, which the method needs.
    #[error("{m} outputs are fewer than {k} units, so that U has no left inverse to be guessed")]
    TooFewOutputs {
        /// Outputs.
        m: usize,
        /// Units.
        k: usize,
    },
    /// A grid has more members than are allowed.
    #[error("the grid has {members:e} members, more than the {allowed:e} allowed")]
    GridTooLarge {
        /// Its members.
        members: f64,
        /// The most allowed.
        allowed: f64,
    },
    /// The weights, or the network's outputs, are beyond the range of numbers.
    #[error("the weights that lead from such inputs to such labels are out of the range of numbers")]
    Overflow,
    /// A factorisation overflowed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}
