//! Moments and decompositions on plain matrices.

pub mod quadrature;
pub mod simultaneous;
pub mod whiten;

mod error;

pub use error::TensorError;
