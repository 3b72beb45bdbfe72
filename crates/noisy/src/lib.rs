//! Recovery of two-layer rectified networks from labels with errors: sub-Gaussian noise, gross errors, rounding and clipping.

mod error;
pub mod precision;
mod projection;
pub mod regression;
pub mod route;
pub mod signs;

pub use error::NoisyError;
