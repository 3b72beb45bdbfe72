//! Exact recovery of two-layer rectified networks from noiseless samples, with an honest verdict.
//!
//! Given n samples X (d × n) with labels A = U f(VX + b1') + c1' (m × n) of an unknown network with k hidden units, f(t) =
//! max(t, 0) or another [`Activation`](orthant_network::Activation), [`recover`] returns U (m × k), V (k × d, unit rows where f
//! is multiplicative), b and c, up to the order of the units, and says how far the answer can be trusted.
//!
//! # What is guaranteed
//!
//! The verdict [`Verdict::Exact`] is given only when all of these hold, and each is a number in the [`Report`]:
//!
//! 1. the residual is zero at the precision of the labels;
//! 2. each unit's activations are the only combination of the labels with their sparsity pattern (a one-dimensional null
//!    space, with its singular gap); or, where m < k, the linear system of all units given all patterns has full column rank, and
//!    the sign of each unit follows from the labels;
//! 3. the active inputs of each unit have full column rank, with a sample to spare;
//! 4. samples that took no part in the fit agree, or all patterns have been searched ([`Method::WorstCase`]).
//!
//! [`Report::uniqueness`] says what follows: `proved by lift` or `proved by enumeration` (no other network of this width has these
//! labels, whatever its activation patterns), `given patterns` (no other one active on the same samples), or `not shown`. Beyond the patterns found,
//! uniqueness for generic inputs is Lemma 33 of the paper.
//!
//! When recovery succeeds is another matter. Theorem 49 promises it of the paper's algorithm for Gaussian inputs, rank(U) = rank(V) = k, no
//! biases and n polynomial in d, m, κ(U) and κ(V). The default method takes a few times d samples of any distribution on the instances
//! measured, which no theorem promises. For any inputs and rank(A) = k, [`Method::WorstCase`] decides to rounding (Theorem 11), in time
//! n^O(k) at worst.
//!
//! # Entry points
//!
//! | entry point | what | paper |
//! |---|---|---|
//! | [`recover`] | the network, with its verdict | Theorem 49, for any inputs |
//! | [`certify`] | the verdict on a network from elsewhere, with [`Split`] for what it may have seen | |
//! | [`rational::recover`] | weights as fractions, with zero error, and their certificate | Theorem 49 as it is stated |
//! | [`rational::certify`] | the same from a network that is near | |
//! | [`bounds::error_bounds`] | how far each weight of a floating-point answer is from the exact one, at most | |
//! | [`diagnose()`] | which methods' hypotheses the samples meet | |
//!
//! # When not to use it
//!
//! The labels must be exact up to rounding: with noise the answer is `approximate` or `not recovered`, never a wrong `exact`. With
//! m < k all units are sought at once, which is bounded to some tens of units and may fail where it applies.
//!
//! # Example
//!
//! ```
//! use std::ops::ControlFlow;
//! use orthant_exact::{Settings, Verdict, recover};
//! use orthant_network::{PlantedSpec, Samples, align};
//!
//! let planted = PlantedSpec { m: 6, k: 5, d: 8, seed: 1, ..PlantedSpec::default() }.plant(100)?;
//! let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref())?;
//! let recovery = recover(&samples, &Settings::default(), &mut |_| ControlFlow::Continue(()))?;
//! assert_eq!(recovery.report.verdict, Verdict::Exact);
//! assert!(align(&recovery.network, &planted.network).worst() < 1e-10);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where things are
//!
//! | module | what | paper |
//! |---|---|---|
//! | `recover` | the whole way | Theorem 49 |
//! | `scaled` | samples of extreme size | |
//! | `search` | which method is run when; Algorithms 4 and 5, symmetry and pairs in `search::random_inputs` | Section C |
//! | `weights` | patterns to V, b, U, c | Algorithm 6, steps 5 to 7 |
//! | `answer` | refinement, missing units, biases left out | |
//! | `wide` | m < k: restarts, signs, all units at once | |
//! | `joint` | all units at once: the network, the evidence for each unit | |
//! | `certify` | the verdict on a network that someone proposes | |
//! | `split` | which samples are kept aside | |
//! | `worst_case` | any inputs, rank(A) = k: every unit, one network, several, or none | Theorem 11, Algorithm 3 |
//! | `identify`, `evidence` | the evidence for each unit | Lemma 31, 33 |
//! | `verdict` | evidence to verdict | |
//! | [`rational`] | the same over the rationals, and certificates | Algorithm 6, exact |
//! | [`bounds`] | error bounds of an answer, proved in floating point | Algorithm 6, verified |
//! | [`diagnose`] | which hypotheses the data fulfil | |
//! | [`orthant_estimate::unit`] | a pattern to its unit | Algorithm 6, steps 2 to 4 |

mod answer;
pub mod bounds;
mod certify;
mod diagnose;
mod error;
mod evidence;
mod identify;
mod joint;
mod pairs;
pub mod rational;
mod recover;
mod report;
mod scaled;
mod search;
mod settings;
mod split;
mod verdict;
mod weights;
mod wide;
mod worst_case;

pub use certify::certify;
pub use diagnose::{
    Diagnosis, Finding, Hypothesis, HypothesisCheck, InputFacts, LabelFacts, MethodCheck, Spectrum,
    Statistic, diagnose,
};
pub use error::RecoverError;
pub use orthant_estimate::{Callback, Progress};
pub use recover::recover;
pub use report::{Reason, Recovery, Report, Uniqueness, UniquenessLevel, UnitReason, UnitReport, Verdict};
pub use scaled::Scaled;
pub use settings::{BiasModel, Method, Settings};
pub use split::Split;
