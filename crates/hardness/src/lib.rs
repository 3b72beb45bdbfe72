//! Instances that make the recovery of rectified networks hard.
//!
//! | module | what |
//! |---|---|
