//! Networks with rational weights, and certificates that they are the only ones with given labels.
//!
//! Who is given a [`Certificate`] and the samples need not trust the program that found the network: [`check()`] computes
//! everything it says again, with integers and residues only, and shares no code with what finds networks. What the three levels of
//! [`Claim`] mean, and why what is checked shows them, is in [`uniqueness`].
//!
//! # Guarantee
//! A claim that [`check()`] returns is a theorem about the samples given: no rounding, no probability.
//!
//! # When not to use it
//! For labels that were rounded when they were computed, as those of every network that runs in floating point are: they are not
//! exactly the labels of any small network, and no certificate can say so.
//!
//! | item | what |
//! |---|---|
//! | [`check()`] | what a certificate shows about samples |
//! | [`Certificate`] | the file |
//! | [`uniqueness`] | the theorem and its proof |
//! | [`RationalNetwork`], [`RationalSamples`], [`RationalMatrix`] | exact weights, inputs and labels |
//! | [`number`] | rationals as text and `f64` |

mod certificate;
mod check;
mod matrix;
mod modular;
mod network;
pub mod number;
pub mod uniqueness;

pub use certificate::{
    Certificate, Claim, Class, Evidence, FORMAT, Fingerprint, FormatError, LiftEvidence, UnitEvidence,
    WidthEvidence,
};
pub use check::{CheckError, MAX_DEFICIT, MAX_MONOMIALS, MAX_PRODUCTS, MAX_WORDS, check};
pub use dashu_ratio::RBig as Rational;
pub use matrix::{RationalMatrix, ShapeError};
pub use modular::primes;
pub use network::{RationalNetwork, RationalSamples};
