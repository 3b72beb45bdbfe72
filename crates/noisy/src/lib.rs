//! Recovery of two-layer rectified networks from labels with errors: sub-Gaussian noise, gross errors, rounding and clipping.

mod error;
pub mod fit;
mod projection;
pub mod regression;
pub mod route;
pub mod search;
pub mod signs;
pub mod sparse;

pub use error::NoisyError;
