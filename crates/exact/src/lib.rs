//! Exact recovery.

mod report;
mod settings;

use std::ops::ControlFlow;

use orthant_network::Samples;
pub use report::{Reason, Recovery, Report, Uniqueness, UniquenessLevel, UnitReason, UnitReport, Verdict};
pub use settings::{BiasModel, Method, Settings};

/// Why there is no answer at all.
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
    #[error("{n} samples cannot identify a network with {d} inputs: at least {needed} are needed")]
    TooFewSamples {
        /// Samples given.
        n: usize,
        /// Input dimension.
        d: usize,
        /// The least number.
        needed: usize,
    },
    /// The caller's progress callback asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// A factorisation overflowed.
    #[error(transparent)]
    Linalg(#[from] orthant_linalg::LinalgError),
}

/// What the search is doing, for progress bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Name of the stage, fit for display.
    pub stage: &'static str,
    /// Units found so far.
    pub found: usize,
    /// Units wanted.
    pub wanted: usize,
    /// Starts, pins or blocks done in this stage.
    pub attempts: usize,
}

/// Called between bounded pieces of work; `Break` cancels.
pub type Callback<'a> = dyn FnMut(Progress) -> ControlFlow<()> + 'a;

/// Recovers.
///
/// # Errors
/// [`RecoverError`].
pub fn recover(samples: &Samples<'_>, settings: &Settings, progress: &mut Callback<'_>) -> Result<Recovery, RecoverError> {
    settings.validate()?;
    let _ = (samples, progress);
    Err(RecoverError::Cancelled)
}
