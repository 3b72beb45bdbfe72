//! Recovery in fixed-parameter time: what the paper does where U has no full column rank, or the errors any distribution.
//!
//! | module | what |
//! |---|---|
//! | [`half_spaces`] | Algorithm 9: a fit under errors of any distribution, or none, that do not depend on the inputs |

mod error;
pub mod half_spaces;

pub use error::FptError;
