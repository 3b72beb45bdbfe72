//! What shows that a network is the only one: ranks, and the samples that show them.

use orthant_certificate::{
    Certificate, CheckError, Claim, Class, Evidence, FORMAT, Fingerprint, LiftEvidence, MAX_DEFICIT,
    MAX_MONOMIALS, Rational, RationalMatrix, RationalNetwork, RationalSamples, UnitEvidence, WidthEvidence,
    check, primes,
};
use orthant_estimate::Reporter;
use orthant_linalg::rational::modular::{PrimeField, RankProfile, ResidueMatrix};

use super::weights::{Stage, exact_activations};
use super::{ExactError, Misfit};

/// Samples in which the rank of the lift is looked for, in multiples of its monomials.
const LIFT_SAMPLES: usize = 4;

/// Primes that ranks are looked for modulo. A rank is smaller modulo one of them by chance once in about ten thousand.
const PRIMES: usize = 2;

/// The certificate of the strongest claim that can be shown of a network.
pub(super) fn certificate(
    samples: &RationalSamples,
    network: RationalNetwork,
    class: Class,
    reporter: &mut Reporter<'_>,
) -> Result<Certificate, ExactError> {
    let width = network.k();
    let activations = exact_activations(network.v(), network.b(), samples.inputs());
    let mut certificate = Certificate {
        format: FORMAT.to_string(),
        statement: String::new(),
        samples: Fingerprint {
            inputs: samples.inputs().nrows(),
            outputs: samples.labels().nrows(),
            count: samples.n(),
            sha256: samples.sha256(),
        },
        class,
        patterns: patterns(&activations),
        network,
        evidence: Evidence::Fits {},
    };
    certificate.statement = certificate.claimed();
    match check(&certificate, samples) {
        Ok(_) => {}
        Err(CheckError::Label { output, sample }) => {
            return Err(ExactError::NotExact { width, misfit: Misfit::Label { output, sample } });
        }
        Err(error) => return Err(ExactError::Undetermined(format!("a certificate: {error}"))),
    }
    let lift_count = lift_count(width, samples.inputs().nrows(), class)
        .filter(|&count| count <= MAX_MONOMIALS && count <= samples.n() + MAX_DEFICIT);
    let strongest = if lift_count.is_some() { Claim::Unique } else { Claim::UniqueGivenPatterns };
    let mut tried = 0;
    for prime in primes() {
        if tried == PRIMES || certificate.claim() == strongest {
            break;
        }
        let Some(residues) = Residues::new(prime, &certificate.network, &activations, samples) else {
            continue;
        };
        tried += 1;
        let stage = Stage { reporter: &mut *reporter, name: "certificate", found: width, wanted: width };
        let mut prover = Prover { activations: &activations, class, residues, stage };
        let Some(width) = prover.width()? else { continue };
        for claim in [Claim::Unique, Claim::UniqueGivenPatterns] {
            if claim <= certificate.claim() {
                continue;
            }
            let evidence = match (claim, lift_count) {
                (Claim::Unique, Some(count)) => prover.lift(&width, count)?,
                (Claim::UniqueGivenPatterns, _) => prover.given_patterns(&width)?,
                _ => None,
            };
            let Some(evidence) = evidence else { continue };
            let mut stronger = Certificate { evidence, ..certificate.clone() };
            stronger.statement = stronger.claimed();
            // Believed when the checker shows it.
            if check(&stronger, samples).is_ok() {
                certificate = stronger;
            }
        }
    }
    Ok(certificate)
}

/// For each unit, `1` for samples on which it is active.
fn patterns(activations: &RationalMatrix) -> Vec<String> {
    let digit = |z: &Rational| if *z > Rational::ZERO { '1' } else { '0' };
    (0..activations.nrows()).map(|i| activations.row(i).iter().map(digit).collect()).collect()
}

/// The number of monomials of the lift; none when it is more than a number holds.
fn lift_count(k: usize, d: usize, class: Class) -> Option<usize> {
    let pairs = k.checked_mul(k - 1)? / 2;
    let has_units = class.hidden_biases || class.output_biases;
    let linear = k.checked_mul(d + usize::from(has_units))?;
    pairs.checked_add(linear)?.checked_add(if class.output_biases { d + 1 } else { 0 })
}

/// Values modulo a prime.
struct Residues {
    field: PrimeField,
    prime: u32,
    /// z on each sample.
    z: Vec<Vec<u64>>,
    /// Each input.
    x: Vec<Vec<u64>>,
    /// Each row of U.
    u: Vec<Vec<u64>>,
}

impl Residues {
    /// None where the prime divides a denominator.
    fn new(
        prime: u32,
        network: &RationalNetwork,
        activations: &RationalMatrix,
        samples: &RationalSamples,
    ) -> Option<Residues> {
        let field = PrimeField::new(u64::from(prime))?;
        let z = columns(activations, field)?;
        let (x, u) = (columns(samples.inputs(), field)?, columns(&transposed(network.u()), field)?);
        Some(Residues { field, prime, z, x, u })
    }
}

/// Functions of the samples modulo a prime.
struct Prover<'a, 'b, 'c> {
    /// Entry (i, j): z_i on sample j.
    activations: &'a RationalMatrix,
    class: Class,
    residues: Residues,
    stage: Stage<'b, 'c>,
}

impl Prover<'_, '_, '_> {
    fn n(&self) -> usize {
        self.activations.ncols()
    }

    fn is_active(&self, unit: usize, sample: usize) -> bool {
        *self.activations.get(unit, sample) > Rational::ZERO
    }

    /// The first independent rows of functions on samples; none when these functions are dependent there.
    fn independent(
        &mut self,
        samples: &[usize],
        rows: &[Vec<u64>],
        columns: usize,
    ) -> Result<Option<Vec<usize>>, ExactError> {
        let profile = self.profile(rows, columns)?;
        Ok((profile.rank == columns).then(|| profile.rows.iter().map(|&i| samples[i]).collect()))
    }

    fn profile(&mut self, rows: &[Vec<u64>], columns: usize) -> Result<RankProfile, ExactError> {
        let matrix = ResidueMatrix::from_fn(self.residues.field, rows.len(), columns, |i, j| rows[i][j]);
        Ok(matrix.rank_profile(&mut self.stage.interrupt())?)
    }

    fn width(&mut self) -> Result<Option<WidthEvidence>, ExactError> {
        let (k, output_biases) = (self.activations.nrows(), self.class.output_biases);
        let all: Vec<usize> = (0..self.n()).collect();
        let functions: Vec<_> = self.residues.z.iter().map(|z| with_constant(z, output_biases)).collect();
        let Some(samples) = self.independent(&all, &functions, k + usize::from(output_biases))? else {
            return Ok(None);
        };
        let rows = self.residues.u.clone();
        let outputs: Vec<usize> = (0..rows.len()).collect();
        let outputs = self.independent(&outputs, &rows, k)?;
        Ok(outputs.map(|outputs| WidthEvidence { outputs, samples }))
    }

    fn given_patterns(&mut self, width: &WidthEvidence) -> Result<Option<Evidence>, ExactError> {
        let (k, d) = (self.activations.nrows(), self.residues.x.first().map_or(0, Vec::len));
        let Class { hidden_biases, output_biases } = self.class;
        let mut units = Vec::with_capacity(k);
        for unit in 0..k {
            let (active, inactive): (Vec<usize>, Vec<usize>) =
                (0..self.n()).partition(|&j| self.is_active(unit, j));
            let Residues { z, x, .. } = &self.residues;
            let others = |j: &usize| {
                let mut others = with_constant(&z[*j], output_biases);
                others.remove(unit);
                others
            };
            let functions: Vec<_> = inactive.iter().map(others).collect();
            let inputs: Vec<_> = active.iter().map(|&j| with_constant(&x[j], hidden_biases)).collect();
            let inactive = self.independent(&inactive, &functions, k - 1 + usize::from(output_biases))?;
            let active = self.independent(&active, &inputs, d + usize::from(hidden_biases))?;
            let (Some(inactive), Some(active)) = (inactive, active) else { return Ok(None) };
            units.push(UnitEvidence { inactive, active });
        }
        Ok(Some(Evidence::GivenPatterns { prime: self.residues.prime, width: width.clone(), units }))
    }

    /// The quadratic lift of so many monomials.
    fn lift(&mut self, width: &WidthEvidence, count: usize) -> Result<Option<Evidence>, ExactError> {
        let Class { hidden_biases, output_biases } = self.class;
        let Residues { field, prime, z, x, .. } = &self.residues;
        let (field, prime) = (*field, *prime);
        let row = |(z, x): (&Vec<u64>, &Vec<u64>)| {
            let mut row = Vec::with_capacity(count);
            for (a, &own) in z.iter().enumerate() {
                row.extend(z[a + 1..].iter().map(|&other| field.mul(own, other)));
            }
            z.iter().for_each(|&z| row.extend(x.iter().map(|&x| field.mul(z, x))));
            if hidden_biases || output_biases {
                row.extend(z);
            }
            if output_biases {
                row.extend(x);
                row.push(1);
            }
            row
        };
        let rows: Vec<Vec<u64>> = z.iter().zip(x).take(LIFT_SAMPLES * count).map(row).collect();
        let profile = self.profile(&rows, count)?;
        let lift = LiftEvidence { deficit: count - profile.rank, samples: profile.rows };
        let is_checked = lift.deficit <= MAX_DEFICIT;
        Ok(is_checked.then(|| Evidence::AllPatterns { prime, width: width.clone(), lift }))
    }
}

/// Values of some functions on a sample, and 1.
fn with_constant(values: &[u64], constant: bool) -> Vec<u64> {
    values.iter().copied().chain(constant.then_some(1)).collect()
}

fn transposed(matrix: &RationalMatrix) -> RationalMatrix {
    RationalMatrix::from_fn(matrix.ncols(), matrix.nrows(), |i, j| matrix.get(j, i).clone())
}

/// The residues of each column; none when the prime divides a denominator.
fn columns(matrix: &RationalMatrix, field: PrimeField) -> Option<Vec<Vec<u64>>> {
    let column = |j: usize| (0..matrix.nrows()).map(|i| field.reduce_rational(matrix.get(i, j))).collect();
    (0..matrix.ncols()).map(column).collect()
}
