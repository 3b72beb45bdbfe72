//! Recovery in fixed-parameter time: what the paper does where U has no full column rank, or the errors any distribution.
//!
//! | module | what |
//! |---|---|
//! | [`one_sparse`] | U of any rank, no two columns positive multiples: Algorithm 8, Theorem 65 |
//! | [`half_spaces`] | Algorithm 9: a fit under errors of any distribution, or none, that do not depend on the inputs |

mod error;
pub mod half_spaces;
pub mod one_sparse;

pub use error::FptError;
