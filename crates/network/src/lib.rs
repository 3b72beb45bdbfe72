//! The vocabulary of the workspace: what a network is and what a sample is.
//!
//! A two-layer rectified network with k hidden units maps x ∈ ℝᵈ to U f(Vx + b) + c ∈ ℝᵐ, where f(t) = max(t, 0) (or
//! another [`Activation`]) entry by entry, U is m × k, V is k × d, and the biases b, c are optional. Its weights are determined by its values at most up to
//! the order of the units and a positive factor per unit; [`Network`] removes the factor by giving the rows of V unit norm,
//! [`alignment`] removes the order.
//!
//! | type | what |
//! |---|---|
//! | [`Network`] | the weights, in unit-row normal form |
//! | [`Activation`] | f: rectified powers and exponentials, leaky ReLU, the absolute value, your own |
//! | [`Samples`] | views of inputs X (d × n) and labels A (m × n), checked once |
//! | [`SignPattern`] | the samples on which a unit is active (Def. 9) |
//! | [`PlantedSpec`] | random networks with samples: dimensions, conditioning, biases, input distribution, seed |
//! | [`IntegerSpec`] | networks of small integers, whose labels are exact in `f64` |
//! | [`NoiseKind`], [`gross_errors`] | errors in labels |
//! | [`align`] | the best one-to-one match of two networks, with the error of each unit |
//!
//! ```
//! use orthant_network::{PlantedSpec, align};
//!
//! let planted = PlantedSpec { m: 5, k: 3, d: 4, seed: 1, ..PlantedSpec::default() }.plant(100)?;
//! let alignment = align(&planted.network, &planted.network);
//! assert!(alignment.pairs.iter().all(|pair| pair.error == 0.0));
//! # Ok::<(), orthant_network::SpecError>(())
//! ```

pub mod activation;
pub mod alignment;
mod corruption;
mod integers;
mod network;
mod pattern;
mod planted;
mod samples;

pub use activation::{Activation, Rectifier, RowScale, UnknownActivation};
pub use alignment::{Alignment, UnitPair, align};
pub use corruption::{NoiseKind, gross_errors};
pub use integers::{IntegerPlanted, IntegerSpec, IntegerSpecError};
pub use network::{Network, ShapeError};
pub use pattern::SignPattern;
pub use planted::{BiasKind, InputKind, Planted, PlantedSpec, SpecError};
pub use samples::{Samples, SamplesError, Subset};
