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

/// Where a unit is not determined without the other samples, they are taken for inactive up to these parts of that value, for active beyond:
/// first all of them for inactive, then those on which three quarters of the digits cancel.
fn kinks() -> [f64; 2] {
    [margin(), tolerance::EPS.powf(0.75)]
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
        let row: Vec<f64> = t.row(unit).iter().copied().collect();
        let size = row.iter().fold(0.0, |s: f64, t| s.max(t.abs()));
        let above = |level: f64| (0..n).filter(|&j| row[j] > level * size).collect::<Vec<_>>();
        let up_to = |level: f64| (0..n).filter(|&j| row[j] <= level * size).collect::<Vec<_>>();
        let beyond = (0..n).filter(|&j| row[j] < -margin() * size).collect();
        let unit =
            |active, inactive| Unit { samples, labels: &labels, class, width: k, unit, active, inactive };
        let certain = unit(above(margin()), beyond);
        let solution = match certain.solve(&mut stage) {
            Err(open @ ExactError::Undetermined(_)) if certain.leaves_out_samples() => {
                let readings = kinks().map(|level| unit(above(level), up_to(level)));
                consistent(&readings, &mut stage)?.ok_or(open)?
            }
            solution => solution?,
        };
        rows.push(certain.normalised(&solution.weights)?);
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

/// The first solution that is the activation of the unit on every sample: what its pattern was taken for then does not matter.
fn consistent(readings: &[Unit<'_>], stage: &mut Stage<'_, '_>) -> Result<Option<Solution>, ExactError> {
    for unit in readings {
        match unit.solve(stage) {
            Ok(solution) if unit.is_activation(&solution) => return Ok(Some(solution)),
            Err(cancelled @ ExactError::Recover(_)) => return Err(cancelled),
            _ => {}
        }
    }
    Ok(None)
}

/// What is known of a unit from its pattern, up to one positive factor for both.
struct Solution {
    /// The combination of the label coordinates that is its activation.
    combination: Vec<Integer>,
    /// Its row of V, and its bias if the class has them.
    weights: Vec<Rational>,
}

/// A unit whose pattern is known where it is certain.
struct Unit<'a> {
    samples: &'a RationalSamples,
    labels: &'a LabelCoordinates,
    class: Class,
    /// Units of the network.
    width: usize,
    unit: usize,
    active: Vec<usize>,
    inactive: Vec<usize>,
}

impl Unit<'_> {
    fn not_exact<T>(&self, misfit: Misfit) -> Result<T, ExactError> {
        Err(ExactError::NotExact { width: self.width, misfit })
    }

    fn leaves_out_samples(&self) -> bool {
        self.active.len() + self.inactive.len() < self.samples.n()
    }

    fn solve(&self, stage: &mut Stage<'_, '_>) -> Result<Solution, ExactError> {
        match self.combination(stage)? {
            Some(combination) => {
                let weights = self.hidden_weights(&combination, stage)?;
                Ok(Solution { combination, weights })
            }
            None => self.solve_at_once(stage),
        }
    }

    /// The combination of the labels that is zero where the unit is inactive, and not negative where it is active. None when there are several.
    fn combination(&self, stage: &mut Stage<'_, '_>) -> Result<Option<Vec<Integer>>, ExactError> {
        let unit = self.unit;
        let zeros = self.labels.scaled.select_rows(&self.inactive);
        let interrupt = &mut stage.interrupt();
        let RankProfile { rank, rows, .. } = rank_profile(&zeros, PrimeField::largest(), interrupt)?;
        if rank == zeros.ncols() {
            return self.not_exact(Misfit::Zeros { unit });
        }
        if rank + 1 < zeros.ncols() {
            return Ok(None);
        }
        let null = rational::null_space(&zeros.select_rows(&rows), interrupt)?;
        let [combination] = null.as_slice() else { return Ok(None) };
        if zeros.product_vec(combination).iter().any(|value| *value != Integer::ZERO) {
            return self.not_exact(Misfit::Zeros { unit });
        }
        let sign = self.sign(combination)?;
        Ok(Some(combination.iter().map(|entry| entry * &sign).collect()))
    }

    /// The sign that makes a combination of the labels positive where the unit is active.
    fn sign(&self, combination: &[Integer]) -> Result<Integer, ExactError> {
        let values = self.labels.scaled.select_rows(&self.active).product_vec(combination);
        let sign = values.iter().find(|value| **value != Integer::ZERO).map_or(Integer::ONE, signum);
        match values.iter().position(|value| value * &sign < Integer::ZERO) {
            Some(at) => self.not_exact(Misfit::Sign { unit: self.unit, sample: self.active[at] }),
            None => Ok(sign),
        }
    }

    /// The row of V of the unit, and its bias if the class has them, from the combination that is its activation.
    fn hidden_weights(
        &self,
        combination: &[Integer],
        stage: &mut Stage<'_, '_>,
    ) -> Result<Vec<Rational>, ExactError> {
        let unit = self.unit;
        let activations = self.labels.scaled.select_rows(&self.active).product_vec(combination);
        let row = |(&j, activation): (&usize, Integer)| {
            let activation = Rational::from(activation) / &self.labels.scales[j];
            self.inputs(j).chain([activation]).collect::<Vec<_>>()
        };
        let rows: Vec<Vec<Rational>> = self.active.iter().zip(activations).map(row).collect();
        let unknowns = self.samples.inputs().nrows() + usize::from(self.class.hidden_biases);
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
            return self.not_exact(Misfit::Weights { unit, sample: self.active[at] });
        }
        Ok(solution.to_rationals())
    }

    /// The same where zeros alone do not determine the activations, as for a unit outside which another is never active: the combination of
    /// the labels that is zero where the unit is inactive and linear in the inputs where it is active, with the weights of both.
    fn solve_at_once(&self, stage: &mut Stage<'_, '_>) -> Result<Solution, ExactError> {
        let (unit, labels) = (self.unit, self.labels);
        let coordinates = labels.scaled.ncols();
        let unknowns = coordinates + self.samples.inputs().nrows() + usize::from(self.class.hidden_biases);
        let label = |j: usize| labels.scaled.row(j).iter().cloned().map(Rational::from);
        let zero =
            |&j: &usize| label(j).chain(std::iter::repeat(Rational::ZERO)).take(unknowns).collect::<Vec<_>>();
        let linear = |&j: &usize| {
            let scale = &labels.scales[j];
            label(j).chain(self.inputs(j).map(|x| -(x * scale))).collect::<Vec<_>>()
        };
        let rows: Vec<_> = self.inactive.iter().map(zero).chain(self.active.iter().map(linear)).collect();
        let system = scale_rational_rows(unknowns, &rows, MAX_BITS)?.matrix;
        let interrupt = &mut stage.interrupt();
        let RankProfile { rank, rows, .. } = rank_profile(&system, PrimeField::largest(), interrupt)?;
        if rank == unknowns {
            return self.not_exact(Misfit::Unit { unit });
        }
        let open = || ExactError::Undetermined(format!("unit {unit}: too few samples, given its pattern"));
        if rank + 1 < unknowns {
            return Err(open());
        }
        let null = rational::null_space(&system.select_rows(&rows), interrupt)?;
        let [solution] = null.as_slice() else { return Err(open()) };
        if system.product_vec(solution).iter().any(|value| *value != Integer::ZERO) {
            return self.not_exact(Misfit::Unit { unit });
        }
        let (combination, weights) = solution.split_at(coordinates);
        let sign = self.sign(combination)?;
        Ok(Solution {
            combination: combination.iter().map(|entry| entry * &sign).collect(),
            weights: weights.iter().map(|weight| Rational::from(weight * &sign)).collect(),
        })
    }

    /// Whether the combination of the labels is max(v·x + b, 0) on every sample, whatever the pattern, and positive on some.
    fn is_activation(&self, solution: &Solution) -> bool {
        let values = self.labels.scaled.product_vec(&solution.combination);
        let activation = |j: usize| {
            let t = self.inputs(j).zip(&solution.weights).fold(Rational::ZERO, |t, (x, v)| t + x * v);
            if t > Rational::ZERO { t * &self.labels.scales[j] } else { Rational::ZERO }
        };
        values.iter().any(|value| *value > Integer::ZERO)
            && values.into_iter().enumerate().all(|(j, value)| Rational::from(value) == activation(j))
    }

    /// The inputs of a sample, and the constant if the class has hidden biases.
    fn inputs(&self, sample: usize) -> impl Iterator<Item = Rational> {
        let inputs = self.samples.inputs();
        let constant = self.class.hidden_biases.then_some(Rational::ONE);
        (0..inputs.nrows()).map(move |r| inputs.get(r, sample).clone()).chain(constant)
    }

    /// Weights in the scale in which the first of them that is not zero is 1 or −1.
    fn normalised(&self, weights: &[Rational]) -> Result<Vec<Rational>, ExactError> {
        let Some(first) = weights.iter().find(|v| !v.is_zero()) else {
            return Err(ExactError::Undetermined(format!("unit {}: its weights are all zero", self.unit)));
        };
        let scale = if *first < Rational::ZERO { -first } else { first.clone() };
        Ok(weights.iter().map(|v| v / &scale).collect())
    }
}

fn signum(value: &Integer) -> Integer {
    if *value < Integer::ZERO { Integer::NEG_ONE } else { Integer::ONE }
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
