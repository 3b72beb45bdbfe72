//! All experiments, one file each.

use crate::experiment::Experiment;

mod exactness;
mod label_rank;
mod order_three;
mod phase_transition;
mod sample_need;
mod time_and_memory;

/// The experiments in the order of the report.
pub fn all() -> Vec<&'static dyn Experiment> {
    vec![
        &phase_transition::PhaseTransition,
        &exactness::Exactness,
        &sample_need::SampleNeed,
        &label_rank::LabelRank,
        &order_three::OrderThree,
        &time_and_memory::TimeAndMemory,
    ]
}
