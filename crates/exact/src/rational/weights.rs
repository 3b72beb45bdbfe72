//! From patterns to weights over the rationals: Algorithm 6, steps 2 to 7.

use std::ops::ControlFlow;

use orthant_certificate::{Class, Rational, RationalMatrix, RationalNetwork, RationalSamples};
use orthant_estimate::Reporter;
use orthant_linalg::rational::dyadic::scale_rational_rows;
use orthant_linalg::rational::modular::{PrimeField, RankProfile, rank_profile};
use orthant_linalg::rational::{self, Integer, IntegerMatrix, RationalError};
use orthant_linalg::tolerance;
use orthant_network::Network;

use super::{ExactError, Misfit, nearest};
use crate::error::RecoverError;

/// Bits of an integer of a system: thousands of times what 64-bit samples take.
pub(super) const MAX_BITS: usize = 1 << 18;

/// The part of a unit's largest value before the rectifier that others must exceed for their sign to be believed: half the digits.
fn margin() -> f64 {
    tolerance::EPS.sqrt()
}

impl From<RationalError> for ExactError {
    fn from(error: RationalError) -> ExactError {
        match error {
            RationalError::Cancelled => RecoverError::Cancelled.into(),
            RationalError::TooManyBits { limit, .. } => ExactError::TooLarge { bits: limit },
            other => ExactError::Undetermined(format!("the weights: {other}")),
        }
    }
}

/// A stage of the work, for the caller's callback.
pub(super) struct Stage<'a, 'b> {
    pub reporter: &'a mut Reporter<'b>,
    pub name: &'static str,
    pub found: usize,
    pub wanted: usize,
}

impl Stage<'_, '_> {
    /// What exact linear algebra asks whether to go on.
    pub(super) fn interrupt(&mut self) -> impl FnMut() -> ControlFlow<()> {
        let mut attempts = 0;
        move || {
            attempts += 1;
            match self.reporter.report(self.name, self.found, self.wanted, attempts) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        }
    }
}

/// The network over the rationals with the patterns of one in floating point.
pub(super) fn exact_network(
    samples: &RationalSamples,
    near: &Network,
    class: Class,
    reporter: &mut Reporter<'_>,
) -> Result<RationalNetwork, ExactError> {
    let (k, n) = (near.k(), samples.n());
    let mut stage = Stage { reporter, name: "exact weights", found: 0, wanted: k };
    let labels = label_coordinates(samples, k, class, &mut stage)?;
    let t = near.preactivations(nearest(samples.inputs()).as_ref());
    let mut rows = Vec::with_capacity(k);
    for unit in 0..k {
        stage.found = unit;
        let row = t.row(unit);
        let least = margin() * row.iter().fold(0.0, |s: f64, t| s.max(t.abs()));
        let active: Vec<usize> = (0..n).filter(|&j| row[j] > least).collect();
        let inactive: Vec<usize> = (0..n).filter(|&j| row[j] < -least).collect();
        let activations = activations(&labels, unit, &active, &inactive, &mut stage, k)?;
        rows.push(hidden_weights(samples, unit, &active, &activations, class, &mut stage, k)?);
    }
    let d = samples.inputs().nrows();
    let b = class.hidden_biases.then(|| rows.iter().map(|row| row[d].clone()).collect::<Vec<_>>());
    let v = RationalMatrix::from_fn(k, d, |i, r| rows[i][r].clone());
    let (u, c) = output_weights(samples, &v, b.as_deref(), class, &mut stage)?;
    let present = |bias: Option<Vec<Rational>>| bias.filter(|bias| bias.iter().any(|b| !b.is_zero()));
    RationalNetwork::new(u, v, present(b), present(c))
        .map_err(|error| ExactError::Undetermined(error.to_string()))
}

/// Label coordinates: independent rows of the label matrix and the constant, one row per sample, each scaled to integers.
struct LabelCoordinates {
    scaled: IntegerMatrix,
    scales: Vec<Rational>,
}

fn label_coordinates(
    samples: &RationalSamples,
    k: usize,
    class: Class,
    stage: &mut Stage<'_, '_>,
) -> Result<LabelCoordinates, ExactError> {
    let constants = usize::from(class.output_biases);
    let labels = samples.labels();
    let m = labels.nrows();
    let row = |j: usize| {
        let constant = class.output_biases.then_some(Rational::ONE);
        constant.into_iter().chain((0..m).map(|o| labels.get(o, j).clone())).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<Rational>> = (0..samples.n()).map(row).collect();
    let scaled = scale_rational_rows(m + constants, &rows, MAX_BITS)?;
    let profile = rank_profile(&scaled.matrix, PrimeField::largest(), &mut stage.interrupt())?;
    let rank = profile.rank - constants.min(profile.rank);
    if rank > k {
        return Err(ExactError::NotExact { width: k, misfit: Misfit::LabelRank { rank } });
    }
    if rank < k {
        return Err(ExactError::Undetermined(format!(
            "{k} units: the label matrix has rank {rank} only, as when output weights are dependent"
        )));
    }
    let matrix = scaled.matrix.select_columns(&profile.columns);
    Ok(LabelCoordinates { scaled: matrix, scales: scaled.scales })
}

/// The activations of a unit where it is active: those of the combination of the labels that is zero where it is inactive.
fn activations(
    labels: &LabelCoordinates,
    unit: usize,
    active: &[usize],
    inactive: &[usize],
    stage: &mut Stage<'_, '_>,
    width: usize,
) -> Result<Vec<Rational>, ExactError> {
    let not_exact = |misfit| Err(ExactError::NotExact { width, misfit });
    let zeros = labels.scaled.select_rows(inactive);
    let interrupt = &mut stage.interrupt();
    let RankProfile { rank, rows, .. } = rank_profile(&zeros, PrimeField::largest(), interrupt)?;
    let columns = zeros.ncols();
    if rank == columns {
        return not_exact(Misfit::Zeros { unit });
    }
    if rank + 1 < columns {
        return Err(ExactError::Undetermined(format!(
            "unit {unit}: too few samples on which it is inactive"
        )));
    }
    let null = rational::null_space(&zeros.select_rows(&rows), interrupt)?;
    let [combination] = null.as_slice() else {
        return Err(ExactError::Undetermined(format!(
            "unit {unit}: too few samples on which it is inactive"
        )));
    };
    if zeros.product_vec(combination).iter().any(|value| *value != Integer::ZERO) {
        return not_exact(Misfit::Zeros { unit });
    }
    let values = labels.scaled.select_rows(active).product_vec(combination);
    let sign = values.iter().find(|value| **value != Integer::ZERO).map_or(Integer::ONE, signum);
    let mut activations = Vec::with_capacity(active.len());
    for (value, &sample) in values.into_iter().zip(active) {
        let value = value * &sign;
        if value < Integer::ZERO {
            return not_exact(Misfit::Sign { unit, sample });
        }
        activations.push(Rational::from(value) / &labels.scales[sample]);
    }
    Ok(activations)
}

fn signum(value: &Integer) -> Integer {
    if *value < Integer::ZERO { Integer::NEG_ONE } else { Integer::ONE }
}

/// The row of V of a unit, and its bias if the class has them, scaled so that the first entry of V that is not zero is 1 or −1.
fn hidden_weights(
    samples: &RationalSamples,
    unit: usize,
    active: &[usize],
    activations: &[Rational],
    class: Class,
    stage: &mut Stage<'_, '_>,
    width: usize,
) -> Result<Vec<Rational>, ExactError> {
    let d = samples.inputs().nrows();
    let unknowns = d + usize::from(class.hidden_biases);
    let constant = class.hidden_biases.then_some(Rational::ONE);
    let row = |(&j, activation): (&usize, &Rational)| {
        let inputs = (0..d).map(|r| samples.inputs().get(r, j).clone());
        inputs.chain(constant.clone()).chain([activation.clone()]).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<Rational>> = active.iter().zip(activations).map(row).collect();
    let system = scale_rational_rows(unknowns + 1, &rows, MAX_BITS)?.matrix;
    let left = system.select_columns(&(0..unknowns).collect::<Vec<_>>());
    let interrupt = &mut stage.interrupt();
    let profile = rank_profile(&left, PrimeField::largest(), interrupt)?;
    if profile.rank < unknowns {
        return Err(ExactError::Undetermined(format!(
            "the weights of unit {unit}: too few samples on which it is active"
        )));
    }
    let chosen = left.select_rows(&profile.rows);
    let right = system.select_columns(&[unknowns]).select_rows(&profile.rows);
    let solution = rational::solve(&chosen, &right, interrupt)?.swap_remove(0);
    // Whether the equations that were not solved hold as well: row · (numerators, −denominator) = 0.
    let homogeneous: Vec<Integer> =
        solution.numerators().iter().cloned().chain([-solution.denominator()]).collect();
    let rest = system.product_vec(&homogeneous);
    if let Some(at) = rest.iter().position(|value| *value != Integer::ZERO) {
        return Err(ExactError::NotExact { width, misfit: Misfit::Weights { unit, sample: active[at] } });
    }
    let weights = solution.to_rationals();
    let Some(first) = weights[..d].iter().find(|v| !v.is_zero()) else {
        return Err(ExactError::Undetermined(format!("unit {unit}, which is constant")));
    };
    let scale = if *first < Rational::ZERO { -first } else { first.clone() };
    Ok(weights.iter().map(|v| v / &scale).collect())
}

/// max(Vx + b, 0), k × n.
fn exact_activations(v: &RationalMatrix, b: Option<&[Rational]>, inputs: &RationalMatrix) -> RationalMatrix {
    RationalMatrix::from_fn(v.nrows(), inputs.ncols(), |i, j| {
        let bias = b.map_or(Rational::ZERO, |b| b[i].clone());
        let t = (0..v.ncols()).fold(bias, |s, r| s + v.get(i, r) * inputs.get(r, j));
        if t > Rational::ZERO { t } else { Rational::ZERO }
    })
}

/// U and c from V and b: the first independent samples; whether they have the other labels is checked with the certificate.
fn output_weights(
    samples: &RationalSamples,
    v: &RationalMatrix,
    b: Option<&[Rational]>,
    class: Class,
    stage: &mut Stage<'_, '_>,
) -> Result<(RationalMatrix, Option<Vec<Rational>>), ExactError> {
    let (k, m) = (v.nrows(), samples.labels().nrows());
    let unknowns = k + usize::from(class.output_biases);
    let z = exact_activations(v, b, samples.inputs());
    let constant = class.output_biases.then_some(Rational::ONE);
    let row = |j: usize| {
        let activations = (0..k).map(|i| z.get(i, j).clone());
        let labels = (0..m).map(|o| samples.labels().get(o, j).clone());
        activations.chain(constant.clone()).chain(labels).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<Rational>> = (0..samples.n()).map(row).collect();
    let system = scale_rational_rows(unknowns + m, &rows, MAX_BITS)?.matrix;
    let left = system.select_columns(&(0..unknowns).collect::<Vec<_>>());
    let interrupt = &mut stage.interrupt();
    let profile = rank_profile(&left, PrimeField::largest(), interrupt)?;
    if profile.rank < unknowns {
        return Err(ExactError::Undetermined(
            "the output weights: the activations are dependent".to_string(),
        ));
    }
    let right = system.select_columns(&(unknowns..unknowns + m).collect::<Vec<_>>());
    let (left, right) = (left.select_rows(&profile.rows), right.select_rows(&profile.rows));
    let columns = rational::solve(&left, &right, interrupt)?;
    let u = RationalMatrix::from_fn(m, k, |o, i| columns[o].get(i));
    let c = class.output_biases.then(|| columns.iter().map(|column| column.get(k)).collect());
    Ok((u, c))
}
