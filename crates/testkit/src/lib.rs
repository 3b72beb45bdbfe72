//! Property tests of recovery guarantees: ours, or those of your own method.
//!
//! A network maps x ∈ ℝᵈ to A = U f(Vx + b) + c ∈ ℝᵐ with f(z) = max(z, 0), U of size m × k, V of size k × d. A recovery
//! method is given inputs X (d × n) and labels A (m × n) and returns a network, or none. A guarantee says: under these
//! hypotheses the network returned is the one planted, up to the order of the units and a positive factor per unit. This
//! crate builds instances that satisfy the hypotheses, instances that break exactly one of them, and judges answers by an
//! error bound that is derived from the condition numbers measured on the instance, never tuned.
//!
//! # Guarantee
//! An answer judged [`Judgement::Recovered`] has, for each unit, weights within [`Instance::tolerance`] of the planted ones,
//! relative; a backward stable method that sees the right activation patterns meets that bound (derivation at
//! [`Condition`]). An instance whose samples do not determine its network is refused ([`Judgement::Undetermined`]), so that
//! no test passes for want of a bound.
//!
//! # When not to use it
//! For methods that only claim a small loss: an answer that fits every sample with other weights is judged wrong here.
//!
//! | module | what |
//! |---|---|
//! | [`strategy`] | proptest strategies for networks and planted samples; they shrink towards small k, d, m and κ = 1 |
//! | [`suite`] | named instances, necessity instances with one hypothesis dropped each, and impostors |
//! | [`check`] | runs a method over instances and judges its answers, one by one or as a success rate |
//! | [`invariance`] | transformations of an instance that transform its answer in a known way |
//! | [`tolerance`] | error bounds c · dim · ε · κ |
//! | [`errors`] | error matrices of every kind that does not depend on the inputs |
//! | [`binomial`] | how many failures T seeds may show when a failure has probability at most δ |
//! | [`recipe`], [`instance`], [`condition`] | how instances are described, planted and measured |
//!
//! # Examples
//! A method for one unit without biases: least squares on the samples with a positive label.
//!
//! ```
//! use orthant_linalg::lstsq::RankRevealing;
//! use orthant_linalg::{Mat, MatRef, tolerance};
//! use orthant_network::Network;
//! use orthant_testkit::{check, invariance, strategy};
//!
//! fn one_unit(x: MatRef<'_, f64>, a: MatRef<'_, f64>) -> Option<Network> {
//!     let energy = |j: usize| a.col(j).squared_norm_l2();
//!     let largest = (0..a.ncols()).max_by(|&i, &j| energy(i).total_cmp(&energy(j)))?;
//!     let u = a.subcols(largest, 1).to_owned();
//!     let active: Vec<usize> = (0..a.ncols()).filter(|&j| energy(j) > 0.0).collect();
//!     let inputs = Mat::from_fn(active.len(), x.nrows(), |i, r| x[(r, active[i])]);
//!     let level = Mat::from_fn(active.len(), 1, |i, _| {
//!         (0..a.nrows()).map(|o| a[(o, active[i])] * u[(o, 0)]).sum::<f64>() / energy(largest)
//!     });
//!     let factor = RankRevealing::new(inputs, tolerance::backward(x.nrows(), active.len())).ok()?;
//!     let v = factor.solve(level.as_ref()).transpose().to_owned();
//!     Network::new(u, v, None, None).ok()
//! }
//!
//! // Any planted network with one unit is recovered.
//! let limits = strategy::Limits { max_k: 1, biases: vec![orthant_network::BiasKind::None], ..Default::default() };
//! strategy::for_all(32, &strategy::instances(&limits), |instance| {
//!     check::recovers(one_unit, [instance]).require()
//! });
//!
//! // The answer follows when samples are reordered, inputs rotated, labels scaled.
//! let instance = strategy::first(&strategy::instances(&limits));
//! check::recovers(one_unit, invariance::variants(&instance, 1)).assert_all();
//!
//! // With two units the method has no guarantee, and the check says so.
//! let two = orthant_testkit::suite::instance("gaussian").expect("in the suite").plant();
//! assert_eq!(check::recovers(one_unit, [two]).failures().count(), 1);
//! ```
//!
//! The layers of the workspace and their rules are in `ARCHITECTURE.md` at its root. This crate knows nothing of the methods
//! in it, so that it can be used with any other.

pub mod binomial;
pub mod check;
pub mod condition;
pub mod errors;
pub mod instance;
pub mod invariance;
pub mod recipe;
pub mod strategy;
pub mod suite;
pub mod tolerance;

pub use check::{Judgement, Outcome, Results};
pub use condition::Condition;
pub use instance::Instance;
pub use recipe::{Departure, LabelKind, Recipe};
