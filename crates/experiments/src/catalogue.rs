//! All experiments, one file each.

use crate::experiment::Experiment;

mod arbitrary_errors;
mod exactness;
mod label_rank;
mod noise;
mod order_three;
mod phase_transition;
mod signs;
mod sparse_errors;

/// The experiments in the order of the report.
pub fn all() -> Vec<&'static dyn Experiment> {
    vec![
        &phase_transition::PhaseTransition,
        &exactness::Exactness,
        &label_rank::LabelRank,
        &order_three::OrderThree,
        &noise::Noise,
        &signs::Signs,
        &sparse_errors::SparseErrors,
        &arbitrary_errors::ArbitraryErrors,
    ]
}
