//! All experiments, one file each.

use crate::experiment::Experiment;

mod activations;
mod few_outputs;
mod inputs;
mod moments;
mod one_sparse;
mod order_three;
mod orthonormal;

/// The experiments in the order of the report.
pub fn all() -> Vec<&'static dyn Experiment> {
    vec![
        &order_three::OrderThree,
        &moments::MomentEstimates,
        &orthonormal::Orthonormal,
        &inputs::Inputs,
        &activations::Activations,
        &few_outputs::FewOutputs,
        &one_sparse::OneSparse,
    ]
}
