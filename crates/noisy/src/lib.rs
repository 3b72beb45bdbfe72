//! Recovery of two-layer rectified networks from labels with errors: sub-Gaussian noise, gross errors, rounding and clipping.

mod error;
pub mod fit;
pub mod search;
pub mod sparse;

pub use error::NoisyError;
