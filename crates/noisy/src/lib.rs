//! Recovery of two-layer rectified networks from labels with errors.
//!
//! Given inputs X (d × n) and labels A = U f(VX + b1') + c1' + E (m × n), find U (m × k), V (k × d), b and c, where E is noise in every
//! label, or gross errors in some, or what rounding or cutting off at bounds has done.
//!
//! # What is guaranteed
//!
//! Labels with an error in every entry determine a network up to statistical errors at best. [`recover_noisy`] returns a local optimum of
//! the sum of squared residuals over all samples, which for normal errors is the maximum-likelihood estimate if it is the global one;
//! [`NoiseReport`] says how many starts ended there, what each unit is worth, and what keeps the verdict from being better. The verdict
//! is `approximate` at best. `exact` is given for the other kinds of errors only, under the conditions of [`orthant_exact`], and only
//! when the network agrees with every label that is not reported as an error. For gross errors it rests on their being at random
//! positions: see [`recover_sparse`] for what can pass for them.
//!
//! Of the paper, Theorem 62 is for Gaussian inputs, rank(U) = rank(V) = k, no biases, and E of independent sub-Gaussian entries of one
//! variance: weights within ε for n polynomial in 1/ε and the rest; [`route`] is its way, and [`recover_noisy`] goes beyond it, to the
//! optimum, without its hypotheses on X, U and biases. Corollary 84 is for Gaussian inputs, orthonormal columns of U that are incoherent,
//! k up to m / polylog(n), and errors at random positions in a small enough share of the labels: then the weights are exact.
//!
//! # Entry points
//!
//! | errors E | entry point | what comes back |
//! |---|---|---|
//! | independent, of mean zero and one variance, sub-Gaussian | [`recover_noisy`] | the least-squares optimum, standard errors, noise level; `approximate` |
//! | any size, in a few entries | [`recover_sparse`] | the exact network, and the errors |
//! | cut off at bounds | [`recover_clipped`] | the exact network, checked against the labels at bounds |
//! | rounding | [`recover_noisy`]; [`precision`] says how labels were rounded | as for noise of known size |
//! | unknown | [`recover`] with [`NoiseModel::Auto`] | the first of these that explains the labels |
//!
//! # When not to use it
//!
//! Errors that depend on the inputs, differ in size between outputs or are correlated are fitted as if they were not: the estimate is
//! then not the best one and standard errors are wrong. Errors with heavy tails are neither sub-Gaussian nor sparse.
//!
//! # Example
//!
//! ```
//! use std::ops::ControlFlow;
//! use orthant_exact::Verdict;
//! use orthant_network::{NoiseKind, PlantedSpec, Samples};
//! use orthant_noisy::{NoiseModel, Settings, recover_noisy};
//!
//! let planted = PlantedSpec { m: 6, k: 3, d: 5, seed: 1, ..PlantedSpec::default() }.plant(500)?;
//! let labels = &planted.a + &NoiseKind::Gaussian.errors(6, 500, 0.1, 1);
//! let samples = Samples::new(planted.x.as_ref(), labels.as_ref())?;
//! let settings = Settings { noise: NoiseModel::Gaussian, ..Settings::default() };
//! let found = recover_noisy(&samples, &settings, &mut |_| ControlFlow::Continue(()))?;
//! assert_eq!(found.report.verdict, Verdict::Approximate);
//! assert_eq!(found.network.k(), 3);
//! assert!((found.report.noise_std / 0.1 - 1.0).abs() < 0.1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where things are
//!
//! | module | what | paper |
//! |---|---|---|
//! | `recover` | which kind of recovery the labels call for | |
//! | `fitted` | noise in every label: search, width, refinement over all samples, report | in place of Theorem 62 |
//! | [`search`] | the optimum from nothing, by restarts until they agree | |
//! | [`width`] | how many units, by the Bayesian information criterion | |
//! | [`fit`] | refinement of all weights in streamed passes; information and standard errors | |
//! | [`route`] | the paper's own way: moments, signs, regression | Theorem 62 |
//! | [`signs`] | signs by projection residuals | Algorithm 7 |
//! | [`regression`] | U given V | Lemma 61 |
//! | [`precision`] | how labels were rounded or cut off | |
//! | `clipped` | exact labels cut off at bounds | |
//! | [`sparse`] | gross errors: label space by consensus, exact recovery, errors located | Corollary 84 |
//! | [`sparse::rpca`] | principal component pursuit | Theorem 83 |

mod clipped;
mod error;
pub mod fit;
mod fitted;
pub mod precision;
mod projection;
mod recover;
pub mod regression;
mod report;
pub mod route;
pub mod search;
mod settings;
pub mod signs;
pub mod sparse;
pub mod width;

pub use clipped::{ClippedRecovery, recover_clipped};
pub use error::NoisyError;
pub use fit::StandardErrors;
pub use fitted::recover_noisy;
pub use recover::{Answer, recover};
pub use report::{NoiseReason, NoiseReport, NoisyRecovery, NoisyUnit};
pub use settings::{NoiseModel, Settings};
pub use sparse::{GrossError, SparseRecovery, recover_sparse};
