//! What shows that a network is the only one: ranks, and the samples that show them.

use orthant_certificate::{
    Certificate, CheckError, Claim, Class, Evidence, FORMAT, Fingerprint, LiftEvidence, MAX_DEFICIT,
    MAX_MONOMIALS, PRIME, PRIME_NAME, Rational, RationalMatrix, RationalNetwork, RationalSamples,
    UnitEvidence, WidthEvidence, check,
};
use orthant_estimate::Reporter;
use orthant_linalg::rational::modular::{PrimeField, RankProfile, ResidueMatrix};

use super::weights::{Stage, exact_activations};
use super::{ExactError, Misfit};

/// Samples in which the rank of the lift is looked for, in multiples of its monomials.
const LIFT_SAMPLES: usize = 4;

/// The certificate of the strongest claim that can be shown of a network.
pub(super) fn certificate(
    samples: &RationalSamples,
    network: RationalNetwork,
    class: Class,
    reporter: &mut Reporter<'_>,
) -> Result<Certificate, ExactError> {
    let width = network.k();
    let stage = Stage { reporter, name: "certificate", found: width, wanted: width };
    let mut prover = Prover::new(samples, &network, class, stage);
    let lift = prover.lift()?;
    let given_patterns = prover.given_patterns()?;
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
        patterns: prover.patterns(),
        network,
        evidence: Evidence::Fits {},
    };
    // Each is believed when the checker shows it, and the next weaker one tried when not.
    for evidence in [lift, given_patterns, Some(Evidence::Fits {})].into_iter().flatten() {
        certificate.evidence = evidence;
        certificate.statement = certificate.claimed();
        match check(&certificate, samples) {
            Ok(claim) => {
                debug_assert_eq!(claim, certificate.claim());
                return Ok(certificate);
            }
            Err(CheckError::Label { output, sample }) => {
                return Err(ExactError::NotExact { width, misfit: Misfit::Label { output, sample } });
            }
            Err(error) if certificate.claim() == Claim::Fits => {
                return Err(ExactError::Undetermined(format!("a certificate: {error}")));
            }
            Err(_) => {}
        }
    }
    Err(ExactError::Undetermined("a certificate".to_string()))
}

/// Functions of the samples modulo a prime.
struct Prover<'a, 'b, 'c> {
    network: &'a RationalNetwork,
    class: Class,
    field: PrimeField,
    /// Entry (i, j): z_i on sample j.
    activations: RationalMatrix,
    /// Residues of z on each sample; none where the prime divides a denominator.
    z: Option<Vec<Vec<u64>>>,
    /// Residues of each input.
    x: Option<Vec<Vec<u64>>>,
    stage: Stage<'b, 'c>,
}

impl<'a, 'b, 'c> Prover<'a, 'b, 'c> {
    fn new(
        samples: &RationalSamples,
        network: &'a RationalNetwork,
        class: Class,
        stage: Stage<'b, 'c>,
    ) -> Prover<'a, 'b, 'c> {
        // A prime.
        let field = PrimeField::new(u64::from(PRIME)).unwrap_or_else(PrimeField::largest);
        let activations = exact_activations(network.v(), network.b(), samples.inputs());
        let (z, x) = (columns(&activations, field), columns(samples.inputs(), field));
        Prover { network, class, field, activations, z, x, stage }
    }

    fn n(&self) -> usize {
        self.activations.ncols()
    }

    fn is_active(&self, unit: usize, sample: usize) -> bool {
        *self.activations.get(unit, sample) > Rational::ZERO
    }

    fn patterns(&self) -> Vec<String> {
        let digit = |i: usize, j: usize| if self.is_active(i, j) { '1' } else { '0' };
        (0..self.network.k()).map(|i| (0..self.n()).map(|j| digit(i, j)).collect()).collect()
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
        let matrix = ResidueMatrix::from_fn(self.field, rows.len(), columns, |i, j| rows[i][j]);
        Ok(matrix.rank_profile(&mut self.stage.interrupt())?)
    }

    fn width(&mut self) -> Result<Option<WidthEvidence>, ExactError> {
        let Some(z) = &self.z else { return Ok(None) };
        let k = self.network.k();
        let all: Vec<usize> = (0..self.n()).collect();
        let functions: Vec<_> = z.iter().map(|z| with_constant(z, self.class.output_biases)).collect();
        let Some(u) = columns(&transposed(self.network.u()), self.field) else { return Ok(None) };
        let Some(samples) = self.independent(&all, &functions, k + usize::from(self.class.output_biases))?
        else {
            return Ok(None);
        };
        let outputs: Vec<usize> = (0..u.len()).collect();
        let outputs = self.independent(&outputs, &u, k)?;
        Ok(outputs.map(|outputs| WidthEvidence { outputs, samples }))
    }

    fn given_patterns(&mut self) -> Result<Option<Evidence>, ExactError> {
        let Some(width) = self.width()? else { return Ok(None) };
        let (k, d) = (self.network.k(), self.network.d());
        let Class { hidden_biases, output_biases } = self.class;
        let mut units = Vec::with_capacity(k);
        for unit in 0..k {
            let (active, inactive): (Vec<usize>, Vec<usize>) =
                (0..self.n()).partition(|&j| self.is_active(unit, j));
            let (Some(z), Some(x)) = (&self.z, &self.x) else { return Ok(None) };
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
        Ok(Some(Evidence::GivenPatterns { prime: PRIME_NAME.to_string(), width, units }))
    }

    /// The quadratic lift, where there are samples enough for it.
    fn lift(&mut self) -> Result<Option<Evidence>, ExactError> {
        let (k, d, n) = (self.network.k(), self.network.d(), self.n());
        let Class { hidden_biases, output_biases } = self.class;
        let has_units = hidden_biases || output_biases;
        let count = k.saturating_mul(k - 1) / 2
            + k.saturating_mul(d + usize::from(has_units))
            + if output_biases { d + 1 } else { 0 };
        if count > MAX_MONOMIALS || n + MAX_DEFICIT < count {
            return Ok(None);
        }
        let Some(width) = self.width()? else { return Ok(None) };
        let (Some(z), Some(x)) = (&self.z, &self.x) else { return Ok(None) };
        let field = self.field;
        let row = |j: usize| {
            let (z, x) = (&z[j], &x[j]);
            let mut row = Vec::with_capacity(count);
            for a in 0..k {
                row.extend((a + 1..k).map(|b| field.mul(z[a], z[b])));
            }
            z.iter().for_each(|&z| row.extend(x.iter().map(|&x| field.mul(z, x))));
            if has_units {
                row.extend(z);
            }
            if output_biases {
                row.extend(x);
                row.push(1);
            }
            row
        };
        let rows: Vec<Vec<u64>> = (0..n.min(LIFT_SAMPLES * count)).map(row).collect();
        let profile = self.profile(&rows, count)?;
        let deficit = count - profile.rank;
        let lift = LiftEvidence { samples: profile.rows, deficit };
        let evidence = Evidence::AllPatterns { prime: PRIME_NAME.to_string(), width, lift };
        Ok((deficit <= MAX_DEFICIT).then_some(evidence))
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
