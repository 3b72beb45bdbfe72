//! The checker: everything a certificate says, computed again from the samples.

mod lift;

use dashu_int::IBig;
use dashu_ratio::RBig;

use crate::certificate::{
    Certificate, Claim, Evidence, FORMAT, LiftEvidence, PRIME_NAME, UnitEvidence, WidthEvidence,
};
use crate::modular::{self, Echelon};
use crate::network::{Activations, Integers, RationalNetwork, RationalSamples, Scaled};

pub use lift::{MAX_DEFICIT, MAX_MONOMIALS};

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
    /// The prime divides a denominator, so that ranks modulo it say nothing.
    #[error("{PRIME_NAME} divides a denominator")]
    PrimeDivides,
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
/// k (d + m) n products of integers; k eliminations of (k + 1)² and (d + 1)² residues for
/// [`Claim::UniqueGivenPatterns`], one of N² with N = k(k − 1)/2 + k d + … for [`Claim::Unique`], where as many samples are named as the
/// rank takes. A deficit D adds relations, k³ (k + d) at most, each eliminated in D⁴ operations; few are needed where they show it.
pub fn check(certificate: &Certificate, samples: &RationalSamples) -> Result<Claim, CheckError> {
    let network = &certificate.network;
    check_form(certificate, samples)?;
    let activations = Activations::new(network, samples.inputs());
    check_patterns(certificate, &activations)?;
    check_labels(network, samples, &activations)?;
    match &certificate.evidence {
        Evidence::Fits {} => {}
        Evidence::GivenPatterns { prime, width, units } => {
            let residues = Residues::new(certificate, samples, &activations, prime)?;
            residues.check_width(width)?;
            residues.check_units(units, &activations)?;
        }
        Evidence::AllPatterns { prime, width, lift: LiftEvidence { samples: named, deficit } } => {
            let residues = Residues::new(certificate, samples, &activations, prime)?;
            residues.check_width(width)?;
            residues.check_indices("lift", named, samples.n())?;
            lift::check(&residues, named, *deficit)?;
        }
    }
    Ok(certificate.claim())
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
    if about.sha256 != given {
        // As a string of Rust: letters that a terminal obeys are shown as such.
        let certified = format!("{:?}", about.sha256.chars().take(64).collect::<String>());
        return Err(CheckError::OtherSamples { what: "hash", certified, given });
    }
    Ok(())
}

/// That the patterns, one digit for each sample, are those of the network.
fn check_patterns(certificate: &Certificate, activations: &Activations) -> Result<(), CheckError> {
    for (unit, pattern) in certificate.patterns.iter().enumerate() {
        let differs = |(j, digit): &(usize, u8)| activations.is_active(unit, *j) != (*digit == b'1');
        if let Some((sample, _)) = pattern.bytes().enumerate().find(differs) {
            return Err(CheckError::Pattern { unit, sample });
        }
    }
    Ok(())
}

/// That U max(V x + b, 0) + c is the label, on every sample.
fn check_labels(
    network: &RationalNetwork,
    samples: &RationalSamples,
    activations: &Activations,
) -> Result<(), CheckError> {
    let zero = RBig::ZERO;
    let activations_and_one: Vec<Integers> = activations.scaled.iter().cloned().map(Integers::new).collect();
    for output in 0..network.m() {
        // The denominators of the units go into U.
        let units = activations.unit_denominators.iter();
        let weights: Vec<RBig> = network.u().row(output).iter().zip(units).map(|(u, own)| u / own).collect();
        let bias = network.c().map_or(&zero, |c| &c[output]);
        let row = Scaled::new(weights.iter().chain([bias]));
        let (weights, denominator) = (Integers::new(row.numerators), IBig::from(row.denominator));
        for (sample, z) in activations_and_one.iter().enumerate() {
            let value = weights.inner(z);
            let own = IBig::from(activations.sample_denominators[sample].clone());
            let label = samples.labels().get(output, sample);
            if value * IBig::from(label.denominator().clone()) != &denominator * own * label.numerator() {
                return Err(CheckError::Label { output, sample });
            }
        }
    }
    Ok(())
}

/// Weights, inputs and activations modulo the prime.
struct Residues<'a> {
    certificate: &'a Certificate,
    /// Row i of (V, b); b is zero where there is none.
    weights: Vec<Vec<u32>>,
    /// Per sample.
    inputs: Vec<Vec<u32>>,
    /// Per sample.
    activations: Vec<Vec<u32>>,
}

impl<'a> Residues<'a> {
    fn new(
        certificate: &'a Certificate,
        samples: &RationalSamples,
        activations: &Activations,
        prime: &str,
    ) -> Result<Residues<'a>, CheckError> {
        if prime != PRIME_NAME {
            return Err(inconsistent("prime", format!("is not {PRIME_NAME}")));
        }
        let network = &certificate.network;
        let (d, k) = (network.d(), network.k());
        let residue = |value: &RBig| modular::of_rational(value).ok_or(CheckError::PrimeDivides);
        let inverse = |denominator| match modular::of_natural(denominator) {
            0 => Err(CheckError::PrimeDivides),
            own => Ok(modular::inverse(own)),
        };
        let units: Vec<u32> = activations.unit_denominators.iter().map(inverse).collect::<Result<_, _>>()?;
        let own: Vec<u32> = activations.sample_denominators.iter().map(inverse).collect::<Result<_, _>>()?;
        let weights = (0..k)
            .map(|i| {
                let bias = network.b().map_or(Ok(0), |b| residue(&b[i]))?;
                let mut row: Vec<u32> = network.v().row(i).iter().map(residue).collect::<Result<_, _>>()?;
                row.push(bias);
                Ok(row)
            })
            .collect::<Result<_, CheckError>>()?;
        let inputs = (0..samples.n())
            .map(|j| (0..d).map(|r| residue(samples.inputs().get(r, j))).collect())
            .collect::<Result<_, _>>()?;
        let activations = (0..samples.n())
            .map(|j| {
                let value = |i: usize| {
                    let scaled = modular::of_integer(&activations.scaled[j][i]);
                    modular::product(scaled, modular::product(units[i], own[j]))
                };
                (0..k).map(value).collect()
            })
            .collect();
        Ok(Residues { certificate, weights, inputs, activations })
    }

    /// That indices are those of something, without repetition.
    fn check_indices(&self, part: &'static str, indices: &[usize], count: usize) -> Result<(), CheckError> {
        let mut named = vec![false; count];
        for &index in indices {
            match named.get_mut(index) {
                None => return Err(inconsistent(part, format!("names {index}, of {count}"))),
                Some(true) => return Err(inconsistent(part, format!("names {index} twice"))),
                Some(new) => *new = true,
            }
        }
        Ok(())
    }

    /// The activations of a sample but for one unit's, and the constant if the class has output biases.
    fn functions(&self, sample: usize, but: Option<usize>) -> Vec<u32> {
        let others = self.activations[sample].iter().enumerate().filter(|(i, _)| Some(*i) != but);
        let constant = self.certificate.class.output_biases.then_some(1);
        others.map(|(_, &z)| z).chain(constant).collect()
    }

    fn check_width(&self, width: &WidthEvidence) -> Result<(), CheckError> {
        let network = &self.certificate.network;
        self.check_indices("width", &width.outputs, network.m())?;
        self.check_indices("width", &width.samples, self.inputs.len())?;
        let row = |output: usize| {
            let row = network.u().row(output).iter().map(modular::of_rational);
            row.collect::<Option<Vec<u32>>>().ok_or(CheckError::PrimeDivides)
        };
        let rows = width.outputs.iter().map(|&output| row(output)).collect::<Result<Vec<_>, _>>()?;
        require_full(rows, network.k(), || "rows of U".to_string())?;
        let functions = width.samples.iter().map(|&j| self.functions(j, None));
        let count = network.k() + usize::from(self.certificate.class.output_biases);
        require_full(functions, count, || "the activations of all units".to_string())
    }

    fn check_units(&self, units: &[UnitEvidence], activations: &Activations) -> Result<(), CheckError> {
        let network = &self.certificate.network;
        let class = self.certificate.class;
        if units.len() != network.k() {
            return Err(inconsistent("evidence", format!("is of {} units, of {}", units.len(), network.k())));
        }
        for (i, unit) in units.iter().enumerate() {
            for (named, active) in [(&unit.inactive, false), (&unit.active, true)] {
                self.check_indices("evidence", named, self.inputs.len())?;
                if let Some(j) = named.iter().find(|&&j| activations.is_active(i, j) != active) {
                    let what = if active { "inactive" } else { "active" };
                    return Err(inconsistent(
                        "evidence",
                        format!("names sample {j}, where unit {i} is {what}"),
                    ));
                }
            }
            let others = unit.inactive.iter().map(|&j| self.functions(j, Some(i)));
            let count = network.k() - 1 + usize::from(class.output_biases);
            require_full(others, count, || format!("the activations of units other than {i}"))?;
            let inputs = unit.active.iter().map(|&j| {
                let constant = class.hidden_biases.then_some(1);
                self.inputs[j].iter().copied().chain(constant).collect()
            });
            let count = network.d() + usize::from(class.hidden_biases);
            require_full(inputs, count, || format!("the inputs where unit {i} is active"))?;
        }
        Ok(())
    }
}

/// That rows of this length span all there is.
fn require_full(
    rows: impl IntoIterator<Item = Vec<u32>>,
    columns: usize,
    what: impl Fn() -> String,
) -> Result<(), CheckError> {
    let mut echelon = Echelon::new(columns);
    for row in rows {
        if echelon.is_full() {
            break;
        }
        echelon.add(row);
    }
    if echelon.is_full() { Ok(()) } else { Err(CheckError::Dependent { what: what() }) }
}

#[cfg(test)]
mod tests;
