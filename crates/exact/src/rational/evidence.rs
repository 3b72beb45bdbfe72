//! What shows that a network is the only one: ranks, and the samples that show them.

use orthant_certificate::{
    Certificate, CheckError, Claim, Class, Evidence, FORMAT, Fingerprint, LiftEvidence, MAX_DEFICIT,
    MAX_MONOMIALS, Rational, RationalNetwork, RationalSamples, UnitEvidence, WidthEvidence, check, primes,
};
use orthant_estimate::Reporter;
use orthant_linalg::random;
use orthant_linalg::rational::dyadic::scale_rational_rows;
use orthant_linalg::rational::modular::{PrimeField, RankProfile, ResidueMatrix};
use orthant_linalg::rational::{Integer, IntegerMatrix};
use rand::seq::SliceRandom;

use super::weights::{MAX_BITS, Stage};
use super::{ExactError, Misfit};

/// Samples in which functions are looked for that are independent on them: first so many quarters of the number of functions, and where
/// these do not show it, as where units are seldom active, more.
const SAMPLES: [usize; 2] = [5, 16];

/// Operations of an elimination that takes no more than some seconds, so that more samples are looked at where there are.
const STEPS: usize = 1 << 32;

/// Primes that ranks are looked for modulo. A rank is smaller modulo one of them by chance once in about ten thousand.
const PRIMES: usize = 2;

/// Primes modulo which the width is looked for: all samples are dependent modulo primes that divide all inputs, or all their denominators.
const WIDTH_PRIMES: usize = 16;

/// The certificate of the strongest claim that can be shown of a network.
pub(super) fn certificate(
    samples: &RationalSamples,
    network: RationalNetwork,
    class: Class,
    reporter: &mut Reporter<'_>,
) -> Result<Certificate, ExactError> {
    let width = network.k();
    let multiples = Multiples::new(&network, samples)?;
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
        patterns: patterns(&multiples.activations, width),
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
    let lift_count = class
        .monomials(width, samples.inputs().nrows())
        .filter(|&count| count <= MAX_MONOMIALS && count <= samples.n() + MAX_DEFICIT);
    let strongest = if lift_count.is_some() { Claim::Unique } else { Claim::UniqueGivenPatterns };
    let mut tried = 0;
    for residues in primes().filter_map(|prime| Residues::new(prime, &multiples)).take(WIDTH_PRIMES) {
        if tried == PRIMES || certificate.claim() == strongest {
            break;
        }
        let stage = Stage { reporter: &mut *reporter, name: "certificate", found: width, wanted: width };
        let mut prover = Prover { multiples: &multiples, class, residues, stage };
        let Some(width) = prover.width()? else { continue };
        tried += 1;
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
fn patterns(activations: &[Vec<Integer>], width: usize) -> Vec<String> {
    let digit = |z: &Integer| if *z > Integer::ZERO { '1' } else { '0' };
    (0..width).map(|i| activations.iter().map(|z| digit(&z[i])).collect()).collect()
}

/// Integers that are proportional to what ranks are taken of: those of the checker.
struct Multiples {
    /// Per sample: the inputs and the constant, times their common denominator.
    inputs: Vec<Vec<Integer>>,
    /// Per sample: the activations, times the denominators of the sample and of the units.
    activations: Vec<Vec<Integer>>,
    /// Rows of U, of units multiplied by their denominators.
    outputs: Vec<Vec<Integer>>,
}

impl Multiples {
    fn new(network: &RationalNetwork, samples: &RationalSamples) -> Result<Multiples, ExactError> {
        let (k, d) = (network.k(), network.d());
        let unit = |i: usize| {
            let bias = network.b().map_or(Rational::ZERO, |b| b[i].clone());
            network.v().row(i).iter().cloned().chain([bias]).collect()
        };
        let (units, denominators) = integers(d + 1, &(0..k).map(unit).collect::<Vec<_>>())?;
        let input =
            |j: usize| (0..d).map(|r| samples.inputs().get(r, j).clone()).chain([Rational::ONE]).collect();
        let (inputs, _) = integers(d + 1, &(0..samples.n()).map(input).collect::<Vec<_>>())?;
        let units = IntegerMatrix::from_rows(d + 1, units)?;
        let rectified =
            |x: &Vec<Integer>| units.product_vec(x).into_iter().map(|t| t.max(Integer::ZERO)).collect();
        let activations = inputs.iter().map(rectified).collect();
        let output = |o: usize| network.u().row(o).iter().zip(&denominators).map(|(u, q)| u / q).collect();
        let (outputs, _) = integers(k, &(0..network.m()).map(output).collect::<Vec<_>>())?;
        Ok(Multiples { inputs, activations, outputs })
    }
}

/// Rows of fractions times their common denominators, and these.
fn integers(columns: usize, rows: &[Vec<Rational>]) -> Result<(Vec<Vec<Integer>>, Vec<Integer>), ExactError> {
    let scaled = scale_rational_rows(columns, rows, MAX_BITS)?;
    // They were multiplied by a denominator, and divided by what the numerators have in common.
    let common = scaled.scales.iter().map(|scale| Integer::from(scale.denominator().clone()));
    let rows =
        common.enumerate().map(|(i, common)| scaled.matrix.row(i).iter().map(|x| x * &common).collect());
    let denominators = scaled.scales.iter().map(|scale| scale.numerator().clone()).collect();
    Ok((rows.collect(), denominators))
}

/// The same modulo a prime.
struct Residues {
    field: PrimeField,
    prime: u32,
    /// z on each sample.
    z: Vec<Vec<u64>>,
    /// Each input, and the constant.
    x: Vec<Vec<u64>>,
    /// Each row of U.
    u: Vec<Vec<u64>>,
}

impl Residues {
    /// None for numbers that are no primes.
    fn new(prime: u32, of: &Multiples) -> Option<Residues> {
        let field = PrimeField::new(u64::from(prime))?;
        let residues = |rows: &[Vec<Integer>]| {
            rows.iter().map(|row| row.iter().map(|value| field.reduce(value)).collect()).collect()
        };
        let (z, x, u) = (residues(&of.activations), residues(&of.inputs), residues(&of.outputs));
        Some(Residues { field, prime, z, x, u })
    }

    /// The monomials of the lift on a sample.
    fn monomials(&self, sample: usize, class: Class, count: usize) -> Vec<u64> {
        let Class { hidden_biases, output_biases } = class;
        let (field, z, x) = (self.field, &self.z[sample], &self.x[sample]);
        let (constant, inputs) = x.split_last().map_or((0, &x[..]), |(&constant, inputs)| (constant, inputs));
        let mut row = Vec::with_capacity(count);
        for (a, &own) in z.iter().enumerate() {
            row.extend(z[a + 1..].iter().map(|&other| field.mul(own, other)));
        }
        z.iter().for_each(|&z| row.extend(inputs.iter().map(|&x| field.mul(z, x))));
        if hidden_biases || output_biases {
            row.extend(z.iter().map(|&z| field.mul(z, constant)));
        }
        if output_biases {
            row.extend(x.iter().map(|&x| field.mul(x, constant)));
        }
        row
    }

    /// The activations on a sample, and the constant.
    fn functions(&self, sample: usize, constant: bool) -> Vec<u64> {
        self.z[sample].iter().chain(self.x[sample].last().filter(|_| constant)).copied().collect()
    }
}

/// Functions of the samples modulo a prime.
struct Prover<'a, 'b, 'c> {
    multiples: &'a Multiples,
    class: Class,
    residues: Residues,
    stage: Stage<'b, 'c>,
}

impl Prover<'_, '_, '_> {
    fn k(&self) -> usize {
        self.multiples.activations.first().map_or(0, Vec::len)
    }

    fn n(&self) -> usize {
        self.multiples.activations.len()
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
        let (k, output_biases) = (self.k(), self.class.output_biases);
        let all: Vec<usize> = (0..self.n()).collect();
        let functions: Vec<_> = all.iter().map(|&j| self.residues.functions(j, output_biases)).collect();
        let Some(samples) = self.independent(&all, &functions, k + usize::from(output_biases))? else {
            return Ok(None);
        };
        let rows = self.residues.u.clone();
        let outputs: Vec<usize> = (0..rows.len()).collect();
        let outputs = self.independent(&outputs, &rows, k)?;
        Ok(outputs.map(|outputs| WidthEvidence { outputs, samples }))
    }

    fn given_patterns(&mut self, width: &WidthEvidence) -> Result<Option<Evidence>, ExactError> {
        let (k, prime) = (self.k(), self.residues.prime);
        let Class { hidden_biases, output_biases } = self.class;
        // The constant is the last of the inputs.
        let weights = self.residues.x.first().map_or(0, Vec::len).saturating_sub(usize::from(!hidden_biases));
        let count = k - 1 + usize::from(output_biases) + weights;
        let mut units = Vec::with_capacity(k);
        for unit in 0..k {
            let activations = &self.multiples.activations;
            let functions = |residues: &Residues, j: usize| {
                let mut functions = residues.functions(j, output_biases);
                functions.remove(unit);
                let is_active = activations[j][unit] > Integer::ZERO;
                functions.extend(residues.x[j][..weights].iter().map(|&x| if is_active { x } else { 0 }));
                functions
            };
            let samples = self.spanning(count, functions)?;
            if samples.len() < count {
                return Ok(None);
            }
            units.push(UnitEvidence { samples });
        }
        Ok(Some(Evidence::GivenPatterns { prime, width: width.clone(), units }))
    }

    /// The quadratic lift of so many monomials.
    fn lift(&mut self, width: &WidthEvidence, count: usize) -> Result<Option<Evidence>, ExactError> {
        let (class, prime) = (self.class, self.residues.prime);
        let samples = self.spanning(count, |residues, j| residues.monomials(j, class, count))?;
        let deficit = count - samples.len();
        let lift = LiftEvidence { samples, deficit };
        Ok((deficit <= MAX_DEFICIT).then(|| Evidence::AllPatterns { prime, width: width.clone(), lift }))
    }

    /// Samples on which so many functions have the rank that they have on all of the samples looked at, as many as that.
    fn spanning(
        &mut self,
        count: usize,
        functions: impl Fn(&Residues, usize) -> Vec<u64>,
    ) -> Result<Vec<usize>, ExactError> {
        // Samples in a file may be in order: the first of them need not be like the others.
        let mut samples: Vec<usize> = (0..self.n()).collect();
        samples.shuffle(&mut random::stream(0, "certificate", 0));
        let [few, more] = SAMPLES.map(|quarters| (quarters * count / 4).min(samples.len()));
        let many = (STEPS / (count * count).max(1)).clamp(more, samples.len());
        let mut profile = |looked_at: usize| {
            let rows: Vec<_> = samples[..looked_at].iter().map(|&j| functions(&self.residues, j)).collect();
            self.profile(&rows, count)
        };
        let mut found = profile(few)?;
        if found.rank < count && few < many {
            found = profile(many)?;
        }
        let mut named: Vec<usize> = found.rows.iter().map(|&i| samples[i]).collect();
        named.sort_unstable();
        Ok(named)
    }
}
