//! The experiments: every claim of the paper measured, plotted and checked.
//!
//! An [`Experiment`](experiment::Experiment) names its measurements and turns their rows into figures and checks.
//! The [`catalogue`] has one file per experiment; [`claims`] says which theorem each of them measures.

pub mod catalogue;
pub mod claims;
#[cfg(test)]
mod demo;
pub mod experiment;
pub mod figure;
pub mod machine;
pub mod page;
pub mod peer;
pub mod progress;
pub mod provenance;
pub mod record;
pub mod report;
pub mod rows;
pub mod runner;
pub mod statistics;
pub mod store;
pub mod svg;
pub mod trained;
pub mod trial;
