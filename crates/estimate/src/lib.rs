//! Hidden units of a two-layer rectified network, found from samples of it.
//!
//! Given X (d × n) and A = U f(VX + b1') + c1' (m × n) with rank(U) = k, the activations of each hidden unit are a vector of
//! the row space of A (and the constants) that is the rectification of a vector of the row space of X (and the constants). A
//! [`Frame`] holds orthonormal bases of both spaces; everything here looks for such vectors.
//!
//! # What is guaranteed
//!
//! Every unit returned by a method for m ≥ k has passed [`unit::unit_from_pattern`], which is Algorithm 6 of the paper: the least
//! singular vector of one linear system, with the gap that makes it unique. So a search can fail to find a unit, but what it
//! returns is one, whatever the inputs. When a search succeeds is said by its module: the theorems of the paper are for Gaussian inputs
//! and n polynomial in d, m, κ(U) and κ(V) (Theorems 36 and 49), or for inputs symmetric about zero (Corollary 53); [`worst_case`] and
//! [`exhaustive`] need no hypothesis but rank(A) = k (Theorem 11).
//!
//! # Searches
//!
//! | module | needs | strength | cost |
//! |---|---|---|---|
//! | [`pursuit`] | n of about 2.5 to 4 times (d + k)/2, any inputs | few samples, large k | 4n(r + k) per start-iteration |
//! | [`cone`] | units with many zeros, or nearly none | natural inputs, units rarely or nearly always active | linear programmes |
//! | [`lift`] | n ≥ k(k+1)/2 + kd − k or so | no search; proves uniqueness | 6N³ |
//! | [`exhaustive`] | k of 2 to 4, n of tens; any inputs | decides: units, or the proof that there are none | n^(k − 1) patterns, of which [`cells`] makes millions a second |
//! | [`gaussian`] | Gaussian inputs, k ≤ d, no two units alike | no search, a few passes; biases do not matter | nk⁴ |
//! | [`orthonormal`] | Gaussian inputs, orthonormal V | no search, one pass | nk³ |
//! | [`symmetric`](mod@symmetric) | symmetric inputs, no hidden bias | no search | nk⁴ |
//! | [`paired`](mod@paired) | queries at x and −x, no hidden bias | k(k − 1)/2 pairs of any distribution | pk⁴ |
//! | [`multistart`] | m < k; up to some tens of units | all units at once; then [`orient`] and [`joint`] | QR of n × kr per step |
//! | [`moment_start`] | Gaussian inputs, m < k ≤ d, large n | starts without search | n d² per slice |
//! | [`directions`](mod@directions) | Gaussian inputs, k ≤ d, k ≤ m | rows of V up to sign from labels with noise, as starts | nk⁴ |
//! | [`worst_case`] | any inputs, any n; small k | every unit, and so a proof of uniqueness or that there is no network | about 3.5 k² nodes of 8n(k + r)² on planted samples, at worst as many as faces |
//! | [`refine`](mod@refine) | a start in the basin | labels with rounding noise | Levenberg-Marquardt |
//!
//! The moments of [`gaussian`], [`orthonormal`] and [`symmetric`](mod@symmetric) give crude directions, and [`confident`] leads from
//! there to units. They try further decompositions of the same moments while units are missing: with fewer samples than the
//! moments need, that is a search from random starts, which `estimates` in their histories shows. [`hypothesis`] tests what they
//! assume.
//!
//! # When not to use it
//!
//! For m < k, or labels with noise beyond rounding, the row space of A does not contain the activations: single units cannot be
//! found, and only [`multistart`] applies.
//!
//! # Example
//!
//! ```
//! use std::ops::ControlFlow;
//! use orthant_estimate::pursuit::{PursuitSettings, pursue};
//! use orthant_estimate::{Frame, Reporter};
//! use orthant_network::{BiasKind, PlantedSpec, Samples};
//!
//! let planted = PlantedSpec { m: 6, k: 5, d: 8, seed: 1, ..PlantedSpec::default() }.plant(100)?;
//! let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref())?;
//! let (frame, spectrum) = Frame::new(&samples, BiasKind::None, None)?;
//! assert_eq!(spectrum.rank.rank, 5);
//!
//! let mut units = Vec::new();
//! let settings = PursuitSettings { seed: 0, patience: 30_000, max_failures: 1000 };
//! let mut callback = |_| ControlFlow::Continue(());
//! pursue(&frame, &mut units, &settings, &mut Reporter::new(&mut callback))?;
//! assert_eq!(units.len(), 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod blocks;
pub mod cells;
pub mod cone;
pub mod confident;
pub mod directions;
mod error;
pub mod exhaustive;
mod expansion;
pub mod frame;
pub mod gaussian;
pub mod hypothesis;
pub mod joint;
pub mod lift;
pub mod moment_start;
pub mod multistart;
pub mod orient;
pub mod orthonormal;
mod pair;
pub mod paired;
pub mod problem;
pub mod progress;
pub mod pursuit;
pub mod refine;
pub mod symmetric;
pub mod unit;
pub mod weighting;
pub mod worst_case;

pub use error::{EstimateError, SearchError};
pub use frame::{Frame, LabelSpectrum};
pub use progress::{Callback, Progress, Reporter};
pub use unit::{Rejection, Unit};
