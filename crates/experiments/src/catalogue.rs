//! All experiments, one file each.

use crate::experiment::Experiment;

mod order_three;
mod phase_transition;

/// The experiments in the order of the report.
pub fn all() -> Vec<&'static dyn Experiment> {
    vec![&phase_transition::PhaseTransition, &order_three::OrderThree]
}
