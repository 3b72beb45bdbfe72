//! Moments and decompositions on plain matrices.

pub mod simultaneous;

mod error;

pub use error::TensorError;
