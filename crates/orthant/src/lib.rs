//! Recovers the weights of a two-layer rectified network from samples of it: exactly where that is possible, with a verdict
//! that says where it is not.
//!
//! # The problem
//!
//! An unknown network maps x ∈ ℝᵈ to U f(Vx + b) + c ∈ ℝᵐ with k hidden units and f(t) = max(t, 0), or another
//! [`Activation`]. Given n inputs X (d × n,
//! one sample per column) and their labels A (m × n), find U (m × k), V (k × d), b and c. The weights are determined at most up
//! to the order of the units and a positive factor per unit; rows of V have unit norm here.
//!
//! The paper behind this library is Bakshi, Jayaram, Woodruff, *Learning Two Layer Rectified Neural Networks in Polynomial
//! Time*, COLT 2019 (PMLR 99:195-268).
//!
//! # What is guaranteed
//!
//! A network comes with a verdict. [`Verdict::Exact`] says that it has the labels of all samples to rounding, that every unit is
//! determined by the samples, and that samples kept aside agree; [`exact`] has the exact wording, and the uniqueness that follows.
//! When a search succeeds is another matter. The theorems of the table below promise it of the paper's algorithms, with high probability,
//! for n polynomial in d, m and the condition numbers of U and V (exponential in k where U may have any rank). The methods here deviate
//! from these algorithms where their documentation says so, and are not confined to the hypotheses; the verdict says how it went. Whether
//! any network fits given samples is NP-hard to decide, for two units already (Theorem 23).
//!
//! # Which entry point
//!
//! | assumption | entry point | theorem |
//! |---|---|---|
//! | rank(A) = k, exact labels, any inputs, any biases | [`recover`] | Theorem 49, extended |
//! | the same, and n at least about k(k+1)/2 + kd | [`recover`] with [`Method::Lift`], or as part of [`Method::Auto`] | uniqueness by lift |
//! | fewer outputs than units, exact labels, any inputs, any biases | [`recover`] ([`Method::Restarts`] alone) | beyond the paper's Algorithm 8 |
//! | rank(A) = k, exact labels, any inputs, small k: the network, or a proof that there is none | [`recover`] with [`Method::WorstCase`] | Theorem 11, Algorithms 2 and 3 |
//! | output weights of any rank, m ≥ 2, Gaussian inputs | [`fpt::one_sparse`] | Algorithm 8, Theorem 65 |
//! | errors of any distribution that do not depend on Gaussian inputs, k ≤ 4 | [`fpt::half_spaces`] | Algorithm 9, Theorems 69 and 78 |
//! | Gaussian inputs, of any mean and covariance | [`recover`] with [`Method::Tensor`] or [`Method::Power`] | Algorithm 5, Theorems 40 and 49, Remark 24 |
//! | Gaussian inputs, orthonormal rows of V | [`recover`] with [`Method::Ica`] | Algorithm 4, Theorem 36 |
//! | inputs symmetric about zero, no hidden bias | [`recover`] with [`Method::Symmetric`] | Section C.3, Corollary 53 |
//! | queries at x and −x, no hidden bias | [`recover`] with [`Method::Paired`], or [`estimate::paired`] | Section C.3, without the distribution |
//! | another activation than max(t, 0) | [`Settings::activation`] | Appendix G.1 |
//! | labels with independent errors, sub-Gaussian | [`noisy::recover_noisy`]; the paper's own way [`noisy::route::paper_route`] | Theorem 62 |
//! | errors of any size in a few labels, m > k | [`noisy::recover_sparse`] | Theorem 83, Corollary 84 |
//! | errors of an unknown kind | [`noisy::recover`] with [`noisy::NoiseModel::Auto`] | |
//! | a sparsity pattern is known | [`estimate::unit::unit_from_pattern`] | Algorithm 6, Lemma 33 |
//! | a network from elsewhere is to be judged | [`exact::certify`] | |
//! | exact labels, m ≥ k, max(t, 0): weights as fractions, with a certificate | [`exact::rational::recover`]; checked by [`certificate::check()`] | Algorithm 6 in exact arithmetic |
//! | how many digits of the weights are right is to be proved | [`exact::bounds::error_bounds`] | |
//! | hard instances are wanted | [`hardness`] | Theorem 23, Lemma 55 |
//! | nothing known | [`diagnose`] says which hypotheses hold | |
//!
//! # Example
//!
//! ```
//! use std::ops::ControlFlow;
//! use orthant::{Samples, Settings, Verdict, recover};
//! use orthant::network::PlantedSpec;
//!
//! // Any d × n inputs and m × n labels will do; these come from a random network.
//! let planted = PlantedSpec { m: 6, k: 5, d: 8, seed: 1, ..PlantedSpec::default() }.plant(100)?;
//! let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref())?;
//!
//! let recovery = recover(&samples, &Settings::default(), &mut |_| ControlFlow::Continue(()))?;
//! assert_eq!(recovery.report.verdict, Verdict::Exact);
//! assert_eq!(recovery.network.k(), 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The way from arrays to weights and back, step by step, is the [`guide`].
//!
//! # Crates
//!
//! This crate re-exports the layers below it and has no algorithm of its own: [`linalg`] (dense linear algebra), [`network`]
//! (networks, activations, samples, planted instances, alignment), [`tensor`] (moments and decompositions on plain matrices),
//! [`estimate`] (searches for units), [`exact`] (weights and verdict), [`noisy`] (labels with errors), [`fpt`] (any output weights, any
//! errors) and [`hardness`] (instances that no method can be expected to solve).
//! Each can be depended on alone. Matrices in signatures are [`faer`]'s, re-exported here.

pub mod guide;

pub use orthant_certificate as certificate;
pub use orthant_estimate as estimate;
pub use orthant_exact as exact;
pub use orthant_exact::{
    BiasModel, Callback, Diagnosis, Method, Progress, Reason, RecoverError, Recovery, Report, Settings,
    Verdict, diagnose, recover,
};
pub use orthant_fpt as fpt;
pub use orthant_hardness as hardness;
pub use orthant_linalg as linalg;
pub use orthant_linalg::{Mat, MatRef, faer};
pub use orthant_network as network;
pub use orthant_network::{Activation, Network, Samples, align};
pub use orthant_noisy as noisy;
pub use orthant_tensor as tensor;
