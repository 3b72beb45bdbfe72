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
//! # Example
//! The file of a certificate that x ↦ 3 max(x, 0) is the only network of one unit without biases with the labels 3/2 at 1/2 and 0 at −1:
//!
//! ```
//! use orthant_certificate::{Certificate, Claim, RationalMatrix, RationalSamples, check, number};
//!
//! let file = concat!(
//!     r#"{ "format": "orthant certificate, version 1", "#,
//!     r#""statement": "U max(V x + b, 0) + c equals the label, exactly, on each of the 2 samples. No other network of "#,
//!     r#"1 hidden unit without biases does, whatever its activation patterns, up to the order of its units and a "#,
//!     r#"positive factor that moves from a row of (V, b) to a column of U.","#,
//!     r#""samples": { "inputs": 1, "outputs": 1, "count": 2, "#,
//!     r#""sha256": "619b7871b9f05457ff6f4928db0c1e5ae1267decea8e05291d73a9c08720987b" }, "#,
//!     r#""class": { "hidden_biases": false, "output_biases": false }, "#,
//!     r#""network": { "u": [["3"]], "v": [["1"]] }, "patterns": ["10"], "#,
//!     r#""evidence": { "claim": "unique", "prime": 11579, "width": { "outputs": [0], "samples": [0] }, "#,
//!     r#""lift": { "samples": [0], "deficit": 0 } } }"#,
//! );
//! // A row for each input or output, a column for each sample.
//! let inputs = RationalMatrix::new(1, 2, vec![number::parse("1/2")?, number::parse("-1")?])?;
//! let labels = RationalMatrix::new(1, 2, vec![number::parse("1.5")?, number::parse("0")?])?;
//! let samples = RationalSamples::new(inputs, labels)?;
//!
//! let certificate = Certificate::from_json(file)?;
//! let claim = check(&certificate, &samples)?;
//! assert_eq!(claim, Claim::Unique);
//! println!("{claim}: {}", certificate.claimed());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where things are
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
pub use matrix::{RationalMatrix, ShapeError};
pub use modular::primes;
pub use network::{RationalNetwork, RationalSamples};

/// A fraction of integers of any size, in lowest terms: the `RBig` of `dashu-ratio`.
pub type Rational = dashu_ratio::RBig;
