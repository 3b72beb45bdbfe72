//! Instances that make the recovery of rectified networks hard.
//!
//! Asked for are U (m × k) and V (k × d) with U f(VX) = A for given X (d × n) and A (m × n), f(t) = max(t, 0), where such a
//! network may not exist. Deciding whether it does is NP-hard for k = 2 already, with U given or not (Theorem 23); this crate carries
//! the reduction out: formula, points to separate, samples, and back from a network to a satisfying assignment.
//!
//! # What is guaranteed
//!
//! A network of two units fits the samples of an [`Instance`] exactly when its formula is satisfiable, and whatever
//! [`Instance::decode`] returns satisfies it; the proofs are at [`formula::Reversible`], [`separability::Separability`], [`Instance`]
//! and [`separability::decoding_radius`]. That a formula is *unsatisfiable* rests on the SAT solver.
//!
//! # When not to use it
//!
//! Hardness is of the worst case: small instances are easy for a SAT solver, random ones hard at most near the phase transition of their
//! [`family`].
//!
//! | module | what | paper |
//! |---|---|---|
//! | [`formula`] | formulas, DIMACS text, reversible formulas, satisfiability | Definition 19, Proposition 20 |
//! | [`separability`] | formula to points that two rectified functions must separate | Definition 21, Proposition 22 |
//! | [`instance`] | points to inputs and labels, assignment to network, metadata | Theorem 23 |
//! | [`certificate`] | network to assignment, checked | Theorem 23 |
//! | [`family`] | random formulas: planted, unsatisfiable, at a density | |
//! | [`kappa_pair`] | two networks that few samples tell apart | Lemma 55 |
//!
//! ```
//! use orthant_hardness::formula::Formula;
//! use orthant_hardness::{Instance, Options};
//!
//! let formula = Formula::from_dimacs(b"p cnf 3 2\n1 -2 3 0\n-1 2 0\n")?;
//! let instance = Instance::from_formula(&formula, &Options::default())?;
//! let network = instance.network_of(instance.satisfying().expect("the formula is satisfiable"));
//! let decoded = instance.decode(&network)?;
//! assert!(decoded.fit.to_rounding && formula.is_satisfied_by(&decoded.original));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod certificate;
pub mod family;
pub mod formula;
pub mod instance;
pub mod kappa_pair;
pub mod separability;

pub use certificate::{DecodeError, Decoded, Fit};
pub use family::{ClauseKind, Family, Recipe, RecipeError};
pub use instance::{Instance, InstanceError, Metadata, Options, Variant};
pub use kappa_pair::{KappaPair, KappaPairError, KappaPairMetadata, MAX_INPUTS, MIN_ANGLE};
