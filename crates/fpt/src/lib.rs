//! Recovery in fixed-parameter time: what the paper does where U has no full column rank, or the errors any distribution.
//!
//! | module | what |
//! |---|---|
//! | [`one_sparse`] | U of any rank, no two columns positive multiples: Algorithm 8, Theorem 65 |

pub mod one_sparse;

mod error;

pub use error::FptError;
