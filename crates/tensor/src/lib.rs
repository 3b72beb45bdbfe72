//! Moments and decompositions on plain matrices.

pub mod ica;
pub mod moment;
pub mod power;
pub mod quadrature;
pub mod score;
pub mod simultaneous;
pub mod whiten;

mod error;

pub use error::TensorError;
