//! All experiments, one file each.

use crate::experiment::Experiment;

mod arbitrary_errors;
mod noise;
mod order_three;
mod signs;
mod sparse_errors;

/// The experiments in the order of the report.
pub fn all() -> Vec<&'static dyn Experiment> {
    vec![
        &order_three::OrderThree,
        &noise::Noise,
        &signs::Signs,
        &sparse_errors::SparseErrors,
        &arbitrary_errors::ArbitraryErrors,
    ]
}
