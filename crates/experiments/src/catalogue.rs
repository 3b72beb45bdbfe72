//! All experiments, one file each.

use crate::experiment::Experiment;

mod activations;
mod arbitrary_errors;
mod exactness;
mod few_outputs;
mod hardness;
mod inputs;
mod label_rank;
mod moments;
mod noise;
mod one_sparse;
mod order_three;
mod orthonormal;
mod phase_transition;
mod real_networks;
mod sample_need;
mod signs;
mod sparse_errors;
mod time_and_memory;
mod worst_case;
mod worst_case_time;
mod zero_error;

/// The experiments in the order of the report.
pub fn all() -> Vec<&'static dyn Experiment> {
    vec![
        &phase_transition::PhaseTransition,
        &exactness::Exactness,
        &zero_error::ZeroError,
        &sample_need::SampleNeed,
        &label_rank::LabelRank,
        &order_three::OrderThree,
        &moments::MomentEstimates,
        &orthonormal::Orthonormal,
        &inputs::Inputs,
        &activations::Activations,
        &few_outputs::FewOutputs,
        &one_sparse::OneSparse,
        &noise::Noise,
        &signs::Signs,
        &sparse_errors::SparseErrors,
        &arbitrary_errors::ArbitraryErrors,
        &worst_case::WorstCase,
        &worst_case_time::WorstCaseTime,
        &hardness::Hardness,
        &real_networks::RealNetworks,
        &time_and_memory::TimeAndMemory,
    ]
}
