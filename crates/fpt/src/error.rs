//! Why there is no answer at all.

use orthant_exact::RecoverError;
use orthant_linalg::LinalgError;

/// Why there is no answer at all. Data that no network found explains are not an error but a verdict.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FptError {
    /// With one output every two labels of one sign are positive multiples of each other, so that this says nothing about units.
    #[error(
        "one output: any two labels of one sign are multiples of each other, whichever units are active, so lone samples cannot be told from others; use method restarts, or tensor for Gaussian inputs"
    )]
    SingleOutput,
    /// Labels known to so few digits that their directions agree by chance.
    #[error(
        "labels known to {precision:.1e} of themselves: among {directions} directions groups of any size agree by chance"
    )]
    CoarseLabels {
        /// Relative precision of the labels.
        precision: f64,
        /// Labels that have a direction.
        directions: usize,
    },
    /// No group of labels of one direction is large enough to determine a unit.
    #[error(
        "no {needed} labels of one direction whose sizes are linear in the inputs (the largest group has {largest} of {directions} labels): too few samples, two units whose output weights are positive multiples, or noise"
    )]
    NoLoneSamples {
        /// Labels that have a direction.
        directions: usize,
        /// Members that a group must have.
        needed: usize,
        /// Members that the largest group has.
        largest: usize,
    },
    /// A number out of its range.
    #[error("{name} is {value}, allowed: {allowed}")]
    Setting {
        /// What it is.
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
    /// The samples, the settings, or the caller's wish to stop.
    #[error(transparent)]
    Recover(#[from] RecoverError),
}

impl From<LinalgError> for FptError {
    fn from(error: LinalgError) -> FptError {
        FptError::Recover(error.into())
    }
}
