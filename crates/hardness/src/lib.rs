//! Instances that make the recovery of rectified networks hard.
//!
//! | module | what |
//! |---|---|
pub mod formula;
pub mod kappa_pair;
pub mod separability;
