//! Exact recovery (front page follows).

mod diagnose;
mod error;
mod identify;
mod recover;
mod report;
mod search;
mod settings;
mod split;
mod verdict;
mod weights;

pub use diagnose::{
    Diagnosis, Finding, Hypothesis, HypothesisCheck, InputFacts, LabelFacts, MethodCheck, Spectrum, Statistic, diagnose,
};
pub use error::RecoverError;
pub use orthant_estimate::{Callback, Progress};
pub use recover::recover;
pub use report::{Reason, Recovery, Report, Uniqueness, UniquenessLevel, UnitReason, UnitReport, Verdict};
pub use settings::{BiasModel, Method, Settings};
