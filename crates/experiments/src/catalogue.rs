//! All experiments, one file each.

use crate::experiment::Experiment;

mod order_three;

/// The experiments in the order of the report.
pub fn all() -> Vec<&'static dyn Experiment> {
    vec![&order_three::OrderThree]
}
