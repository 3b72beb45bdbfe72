//! The certificate and its file.

use serde::{Deserialize, Serialize};

use crate::network::RationalNetwork;

/// What a file of this format names itself.
pub const FORMAT: &str = "orthant certificate, version 1";

/// A network with rational weights, and what shows that it is the only one with given labels.
///
/// Nothing in it is to be trusted: [`check`](crate::check()) computes all of it again from the samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// [`FORMAT`].
    pub format: String,
    /// What is shown, in words: [`Certificate::claimed`].
    pub statement: String,
    /// The samples that it is about.
    pub samples: Fingerprint,
    /// The networks that it is about: those of the width of `network` with these biases.
    pub class: Class,
    /// The network.
    pub network: RationalNetwork,
    /// For each unit, `1` for samples on which it is active (its value before the rectifier is positive) and `0` for others.
    pub patterns: Vec<String>,
    /// What shows the claim.
    pub evidence: Evidence,
}

/// The size and the hash of samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// Inputs d.
    pub inputs: usize,
    /// Outputs m.
    pub outputs: usize,
    /// Samples n.
    pub count: usize,
    /// [`RationalSamples::sha256`](crate::RationalSamples::sha256).
    pub sha256: String,
}

/// The biases that networks of a class may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Hidden biases b.
    pub hidden_biases: bool,
    /// Output biases c.
    pub output_biases: bool,
}

impl Class {
    /// The number of monomials of the quadratic lift for networks of `k` units and `d` inputs: z_a z_b for a < b; z_a x_j; z_a with biases
    /// of either kind; x_j and 1 with output biases. None when it is more than a number holds.
    pub fn monomials(self, k: usize, d: usize) -> Option<usize> {
        let pairs = k.checked_mul(k.saturating_sub(1))? / 2;
        let has_units = self.hidden_biases || self.output_biases;
        let units = k.checked_mul(d.checked_add(usize::from(has_units))?)?;
        let others = if self.output_biases { d.checked_add(1)? } else { 0 };
        pairs.checked_add(units)?.checked_add(others)
    }
}

/// How much is claimed. The order is that of strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Claim {
    /// The network has these labels, each of them, with equality.
    Fits,
    /// It also is the only one of the class that has them with these activation patterns, up to order and scale of its units.
    UniqueGivenPatterns,
    /// It also is the only one of the class that has them, whatever its activation patterns, up to order and scale of its units.
    Unique,
}

impl std::fmt::Display for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Claim::Fits => "fits",
            Claim::UniqueGivenPatterns => "unique given the patterns",
            Claim::Unique => "unique",
        })
    }
}

/// What shows a claim: samples and outputs on which ranks are full modulo a prime, and therefore over the reals. As many are
/// named as the rank takes. All indices are from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "claim", deny_unknown_fields)]
pub enum Evidence {
    /// [`Claim::Fits`]: the samples are enough.
    #[serde(rename = "fits")]
    Fits {},
    /// [`Claim::UniqueGivenPatterns`].
    #[serde(rename = "unique given the patterns")]
    GivenPatterns {
        /// One of [`primes`](crate::primes()).
        prime: u32,
        /// That the network has no fewer units than it seems.
        width: WidthEvidence,
        /// In the order of the units.
        units: Vec<UnitEvidence>,
    },
    /// [`Claim::Unique`].
    #[serde(rename = "unique")]
    AllPatterns {
        /// One of [`primes`](crate::primes()).
        prime: u32,
        /// That the network has no fewer units than it seems.
        width: WidthEvidence,
        /// The quadratic lift.
        lift: LiftEvidence,
    },
}

/// Outputs whose rows of U are independent, as many as units; and samples on which the activations are, together with the constant if
/// the class has output biases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WidthEvidence {
    /// Rows of U.
    pub outputs: Vec<usize>,
    /// Samples.
    pub samples: Vec<usize>,
}

/// What determines one unit, given its pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitEvidence {
    /// Samples on which the activations of the other units, the constant if the class has output biases, and the inputs where the unit
    /// is active (with the constant if the class has hidden biases) are independent.
    pub samples: Vec<usize>,
}

/// Samples on which the monomials of the quadratic lift have a rank that determines the network
/// ([the theorem](crate::uniqueness#level-3)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiftEvidence {
    /// Samples on which the monomials have that rank.
    pub samples: Vec<usize>,
    /// By how much the rank is below the number of monomials.
    pub deficit: usize,
}

/// A file that is no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// Not JSON, or not of this form.
    #[error("{0}")]
    Json(String),
    /// Another format, or another version of this one.
    #[error("the format is {0:?}, expected {FORMAT:?}")]
    Version(String),
}

impl Certificate {
    /// Reads a file.
    ///
    /// # Errors
    /// [`FormatError`]. What it claims is not checked.
    pub fn from_json(text: &str) -> Result<Certificate, FormatError> {
        let certificate: Certificate =
            serde_json::from_str(text).map_err(|error| FormatError::Json(error.to_string()))?;
        if certificate.format != FORMAT {
            return Err(FormatError::Version(certificate.format.chars().take(80).collect()));
        }
        Ok(certificate)
    }

    /// The text of its file.
    pub fn to_json(&self) -> String {
        // Maps with keys that are strings, and no number that JSON has not.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// How much is claimed.
    pub fn claim(&self) -> Claim {
        match self.evidence {
            Evidence::Fits {} => Claim::Fits,
            Evidence::GivenPatterns { .. } => Claim::UniqueGivenPatterns,
            Evidence::AllPatterns { .. } => Claim::Unique,
        }
    }

    /// Whether the pattern of a unit has the digit 1 at a sample.
    pub(crate) fn is_active(&self, unit: usize, sample: usize) -> bool {
        self.patterns[unit].as_bytes()[sample] == b'1'
    }

    /// What is claimed, in words.
    pub fn claimed(&self) -> String {
        let Class { hidden_biases, output_biases } = self.class;
        let biases = match (hidden_biases, output_biases) {
            (false, false) => "without biases",
            (true, false) => "with hidden biases",
            (false, true) => "with output biases",
            (true, true) => "with hidden and output biases",
        };
        let samples = &self.samples;
        let fits = format!(
            "U max(V x + b, 0) + c equals the label, exactly, on each of the {} samples.",
            samples.count
        );
        let only = |among: &str| {
            format!(
                "{fits} No other network of {} hidden unit{} {biases} does{among}, up to the order of its units and a positive factor \
                 that moves from a row of (V, b) to a column of U.",
                self.network.k(),
                if self.network.k() == 1 { "" } else { "s" }
            )
        };
        match self.claim() {
            Claim::Fits => format!("{fits} Whether other networks do is not shown."),
            Claim::UniqueGivenPatterns => {
                only(
                    " with the same activation patterns (the samples on which each unit's value before the rectifier is positive)",
                ) + " Whether one with other patterns does is not shown."
            }
            Claim::Unique => only(", whatever its activation patterns"),
        }
    }
}
