//! All experiments, one file each.

use crate::experiment::Experiment;

mod hardness;
mod order_three;
mod worst_case;
mod worst_case_time;

/// The experiments in the order of the report.
pub fn all() -> Vec<&'static dyn Experiment> {
    vec![
        &order_three::OrderThree,
        &worst_case::WorstCase,
        &worst_case_time::WorstCaseTime,
        &hardness::Hardness,
    ]
}
