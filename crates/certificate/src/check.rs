//! The checker: everything a certificate says, computed again from the samples.

mod lift;
mod ranks;
mod scaled;
mod values;

use crate::certificate::{Certificate, Claim, Evidence, FORMAT, LiftEvidence};
use crate::modular::Field;
use crate::network::RationalSamples;

use ranks::Residues;

pub use lift::{MAX_DEFICIT, MAX_MONOMIALS};
pub use scaled::{MAX_PRODUCTS, MAX_WORDS};

/// What a certificate says and is not so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// A part of the file is not what the others call for.
    #[error("the certificate's {part} {problem}")]
    Inconsistent {
        /// The part.
        part: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// It was made for other samples.
    #[error("the certificate is about other samples: their {what} is {certified}, that of these is {given}")]
    OtherSamples {
        /// A size, or the hash.
        what: &'static str,
        /// In the certificate.
        certified: String,
        /// Of the samples given.
        given: String,
    },
    /// A unit is active where its pattern says it is not, or the other way round.
    #[error("unit {unit} has another activation pattern on sample {sample}")]
    Pattern {
        /// From 0.
        unit: usize,
        /// From 0.
        sample: usize,
    },
    /// The network does not have this label.
    #[error("the network's output {output} on sample {sample} is not the label")]
    Label {
        /// From 0.
        output: usize,
        /// From 0.
        sample: usize,
    },
    /// What is claimed to be independent is not, modulo the prime.
    #[error("{what} are not independent on the samples named")]
    Dependent {
        /// The functions or rows.
        what: String,
    },
    /// The rank that the lift is said to have it has not, or it does not determine the network.
    #[error("the quadratic lift does not show it: {0}")]
    Lift(String),
    /// Numbers are so large that checking them would take more than [`MAX_PRODUCTS`] or [`MAX_WORDS`].
    #[error(
        "the numbers are too large to be checked: over their common denominators they take too many bits"
    )]
    TooLarge,
}

fn inconsistent(part: &'static str, problem: impl Into<String>) -> CheckError {
    CheckError::Inconsistent { part, problem: problem.into() }
}

/// Checks a certificate against the samples it is about, and says what it shows.
///
/// Shares nothing with what finds networks: products of integers, and eliminations modulo a prime. What is shown is stated and
/// proved in [`uniqueness`](crate::uniqueness).
///
/// # Errors
/// [`CheckError`]: the first thing that is not as the certificate says.
///
/// # Cost
/// k (d + m) n products of integers; k eliminations of (k + d + 1)² residues for
/// [`Claim::UniqueGivenPatterns`], one of N² with N = k(k − 1)/2 + k d + … for [`Claim::Unique`]. A deficit D adds relations, each
/// eliminated in D⁴/4 operations at most, or (D²/2 + D k)² where squares take part; a few more than the number of products are needed
/// where they show it.
pub fn check(certificate: &Certificate, samples: &RationalSamples) -> Result<Claim, CheckError> {
    check_form(certificate, samples)?;
    match &certificate.evidence {
        Evidence::Fits {} => values::check(certificate, samples)?,
        Evidence::GivenPatterns { prime, width, units } => {
            let residues = residues(certificate, samples, *prime)?;
            residues.check_width(width)?;
            residues.check_units(units)?;
        }
        Evidence::AllPatterns { prime, width, lift: LiftEvidence { samples: named, deficit } } => {
            let residues = residues(certificate, samples, *prime)?;
            residues.check_width(width)?;
            lift::check(&residues, named, *deficit)?;
        }
    }
    Ok(certificate.claim())
}

fn residues<'a>(
    certificate: &'a Certificate,
    samples: &RationalSamples,
    prime: u32,
) -> Result<Residues<'a>, CheckError> {
    let field =
        Field::new(prime).ok_or_else(|| inconsistent("prime", "is not one of those that are used"))?;
    Ok(Residues { certificate, field, of: values::check_residues(certificate, samples, field)? })
}

/// That the parts of the file fit together and are about these samples.
fn check_form(certificate: &Certificate, samples: &RationalSamples) -> Result<(), CheckError> {
    let (network, about) = (&certificate.network, &certificate.samples);
    if certificate.format != FORMAT {
        return Err(inconsistent("format", format!("is not {FORMAT:?}")));
    }
    if certificate.statement != certificate.claimed() {
        return Err(inconsistent("statement", "is not what the evidence is for"));
    }
    if network.b().is_some() && !certificate.class.hidden_biases {
        return Err(inconsistent("class", "has no hidden biases, but the network has"));
    }
    if network.c().is_some() && !certificate.class.output_biases {
        return Err(inconsistent("class", "has no output biases, but the network has"));
    }
    if network.d() != about.inputs || network.m() != about.outputs {
        return Err(inconsistent("network", "is not of the samples' sizes"));
    }
    let sizes = [
        ("number of inputs", about.inputs, samples.inputs().nrows()),
        ("number of outputs", about.outputs, samples.labels().nrows()),
        ("number", about.count, samples.n()),
    ];
    for (what, certified, given) in sizes {
        if certified != given {
            let (certified, given) = (certified.to_string(), given.to_string());
            return Err(CheckError::OtherSamples { what, certified, given });
        }
    }
    // The file then is at least as long as the activations are many, which bounds what is computed.
    let (k, n) = (network.k(), samples.n());
    if certificate.patterns.len() != k {
        return Err(inconsistent("patterns", format!("are {}, for {k} units", certificate.patterns.len())));
    }
    let is_wrong = |pattern: &String| pattern.len() != n || !pattern.bytes().all(|b| b == b'0' || b == b'1');
    if let Some(unit) = certificate.patterns.iter().position(is_wrong) {
        return Err(inconsistent("patterns", format!("have other than {n} digits 0 and 1 at unit {unit}")));
    }
    let given = samples.sha256();
    if !about.sha256.eq_ignore_ascii_case(&given) {
        // As a string of Rust: letters that a terminal obeys are shown as such.
        let certified = format!("{:?}", about.sha256.chars().take(64).collect::<String>());
        return Err(CheckError::OtherSamples { what: "hash", certified, given });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
