//! Recovery in fixed-parameter time: what the paper does where U has no full column rank, or the errors any distribution.
//!
//! | module | what |
//! |---|---|
