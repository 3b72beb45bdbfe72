//! Recovery in time that is polynomial for a fixed number of units: where U has no full column rank, or the errors any distribution.
//!
//! Given inputs X (d × n) and labels A = U f(VX) + E (m × n), f(t) = max(t, 0), find U (m × k) and V (k × d, rows of unit norm).
//! The paper's polynomial algorithms need rank(U) = k, and errors E that are zero, sub-Gaussian or few. Here either U has any rank,
//! so that m < k is allowed, and E = 0; or E has any distribution, and what is found is a fit.
//!
//! # What is guaranteed
//!
//! - [`one_sparse::recover`], by Theorem 65: for standard normal inputs, E = 0, rank(V) = k, m ≥ 2, no column of U a positive multiple of
//!   another, and n from κ(V)^O(k) poly(d, k, m), the weights are found exactly with high probability;
//!   [`one_sparse::expected_samples`] is that n, with its constants. The verdict rests on samples kept aside, not on the theorem.
//! - [`half_spaces::fit`], by Theorem 78: for rank(U) = k, standard normal inputs and E independent of them, a loss |A − U f(VX)|_F of at most |E|_F
//!   and a term that vanishes with the accuracy asked for, in time exponential in k². As printed that term is too small;
//!   [`half_spaces`] says why, and has the corrected bound. A small loss does not mean weights near the true ones.
//!
//! # Entry points
//!
//! | entry point | what | paper |
//! |---|---|---|
//! | [`one_sparse::recover`] | the network, from samples on which one unit is alone active | Algorithm 8, Theorem 65 |
//! | [`one_sparse::expected_samples`] | how many samples that takes | Lemma 64, with constants |
//! | [`half_spaces::fit`] | networks that fit labels with errors of any distribution | Algorithm 9, Theorem 78 |
//! | [`half_spaces::half_space()`] | the direction of one half-space from noisy signs | Theorem 69 |
//!
//! # Example
//!
//! Three units with two outputs: the rank of the labels is 2.
//!
//! ```
//! use std::ops::ControlFlow;
//! use orthant_exact::{Settings, Verdict};
//! use orthant_fpt::one_sparse;
//! use orthant_network::{PlantedSpec, Samples};
//!
//! let spec = PlantedSpec { m: 2, k: 3, d: 4, kappa_v: Some(1.5), seed: 1, ..PlantedSpec::default() };
//! let planted = spec.plant(one_sparse::expected_samples(3, 5, 2.0, 0.01)? as usize)?;
//! let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref())?;
//! let found = one_sparse::recover(&samples, &Settings::default(), &mut |_| ControlFlow::Continue(()))?;
//! assert_eq!(found.recovery.report.verdict, Verdict::Exact);
//! assert_eq!(found.recovery.network.k(), 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
pub mod half_spaces;
pub mod one_sparse;

pub use error::FptError;
