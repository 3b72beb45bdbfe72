//! From a crude estimate of a unit to the unit: zeros first where the estimate is sure of them.

use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::{LinalgError, Mat, MatRef, product, random, spectrum};
use rand::seq::SliceRandom;
use rayon::prelude::*;

use crate::frame::{Frame, input_tolerance};
use crate::unit::{self, Rejection, Transfer, Unit};

/// Follows crude estimates to the units near them.
///
/// An estimate is a vector of values before the activation, right to a part of 0.3 or even 0.5. Where it is far below zero, the
/// unit is inactive with near certainty: P(t > 0) = Φ(−τ/δ) where the estimate is −τ standard deviations and its error is δ of
/// them. So the combination of labels that vanishes on the samples of the lowest estimates is taken for the unit, and what it is
/// on the highest ones tells the direction much better than the estimate did.
#[derive(Debug)]
pub struct Finish<'a> {
    frame: &'a Frame,
    part: Option<Part>,
}

/// A part of the samples that is large enough to identify a unit by.
#[derive(Debug)]
struct Part {
    samples: Vec<usize>,
    frame: Frame,
    transfer: Transfer,
}

/// What an estimate led to.
enum Outcome {
    New(Box<Unit>),
    Known,
}

/// Parts of the samples with negative estimates that are taken for inactive, in the order in which they are tried. A small part
/// is surer, a large one leaves less room for other units that are inactive on the same samples.
const LEVELS: [f64; 7] = [0.1, 0.02, 0.3, 0.003, 0.6, 0.9, 0.0];

/// Most equations that are taken of each kind: enough that the rest would add nothing but time.
const MAX_EQUATIONS: usize = 3000;

/// Equations beyond the number of unknowns that a level has at least.
const SPARE_EQUATIONS: usize = 8;

/// Samples for each dimension of the two spaces on which units are identified, when there are twice as many.
const SAMPLES_PER_DIMENSION: usize = 20;

/// Samples beyond that, for small problems.
const EXTRA_SAMPLES: usize = 400;

/// One less the cosine below which activations on the part are those of one unit: units that are known there, to rounding.
const SAME: f64 = 1e-6;

/// Singular values below this times the norm of the equations do not single out a combination.
const SEPARATION: f64 = 1e-6;

impl<'a> Finish<'a> {
    /// Prepares to follow estimates in a frame; `seed` chooses the part of the samples on which that is done.
    ///
    /// # Errors
    /// [`LinalgError::NoConvergence`] on overflow.
    ///
    /// # Cost
    /// Two SVDs of the part, which has some 20(r + k) samples.
    pub fn new(frame: &'a Frame, seed: u64) -> Result<Finish<'a>, LinalgError> {
        let dimensions = frame.extended().ncols() + frame.inputs().ncols();
        let few = SAMPLES_PER_DIMENSION * dimensions + EXTRA_SAMPLES;
        if frame.n() < 2 * few {
            return Ok(Finish { frame, part: None });
        }
        let mut samples: Vec<usize> = (0..frame.n()).collect();
        samples.shuffle(&mut random::stream(seed, "confident subset", 0));
        samples.truncate(few);
        samples.sort_unstable();
        let Some(restricted) = frame.restrict(&samples)? else {
            return Ok(Finish { frame, part: None });
        };
        let transfer = Transfer::new(frame, &samples)?;
        Ok(Finish { frame, part: Some(Part { samples, frame: restricted, transfer }) })
    }

    /// The unit near an estimate.
    ///
    /// # Shapes
    /// `estimate` has length n: values before the activation, of any positive scale.
    ///
    /// # Guarantee
    /// The unit has passed [`unit::unit_from_pattern`] on all samples. It is the one estimated when the estimate is nearer to that
    /// one than to others; in any case it is a unit.
    ///
    /// # Errors
    /// [`Rejection`] of the last attempt when none succeeds.
    ///
    /// # Cost
    /// A sort of the estimate; for each level tried, a QR of up to 3000 × k equations and a call of [`unit::settle`] on the
    /// part of the samples.
    ///
    /// # Paper
    /// Steps 2 to 5 of Algorithm 6, and 4 to 8 of Algorithm 4, which round all values below one threshold to zero and need
    /// every sign right. Here only the surest samples count at first, so that an estimate to a few tenths is enough; the other
    /// samples follow from the combination that these determine.
    pub fn unit(&self, estimate: &[f64]) -> Result<Unit, Rejection> {
        match self.follow(estimate, &[])? {
            Outcome::New(unit) => Ok(*unit),
            // Nothing was known, so that nothing can have been found again.
            Outcome::Known => Err(Rejection::WrongPattern),
        }
    }

    fn follow(&self, estimate: &[f64], known: &[Unit]) -> Result<Outcome, Rejection> {
        let n = self.frame.n();
        let unknowns = self.frame.extended().ncols();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_unstable_by(|&i, &j| estimate[i].total_cmp(&estimate[j]));
        let negative = order.partition_point(|&j| estimate[j] < 0.0);
        let least = unknowns + SPARE_EQUATIONS;
        let (low, high) = order.split_at(negative);
        if low.len() < least || high.is_empty() {
            return Err(Rejection::TooFewEquations { equations: low.len(), unknowns });
        }
        let fitted = self.frame.inputs().ncols() + SPARE_EQUATIONS;
        let mut failure = Rejection::WrongPattern;
        let mut tried = Vec::new();
        for level in LEVELS {
            let count = |all: usize, least: usize| ((level * all as f64) as usize).max(least).min(all);
            let (inactive, active) = (count(low.len(), least), count(high.len(), fitted));
            if tried.contains(&(inactive, active)) {
                continue;
            }
            tried.push((inactive, active));
            let lowest = thinned(&low[..inactive]);
            let highest = thinned(&high[high.len() - active..]);
            let outcome =
                self.direction(&lowest, &highest).and_then(|direction| self.settle(&direction, known));
            match outcome {
                Ok(outcome) => return Ok(outcome),
                Err(rejection) => failure = rejection,
            }
        }
        Err(failure)
    }

    /// Follows estimates in parallel, a column each, and appends the units that are new, until `wanted` are known.
    ///
    /// # Shapes
    /// `estimates` is n × s: values before the activation, each column of any positive scale.
    ///
    /// # Cost
    /// That of [`Finish::unit`] for each.
    pub fn collect(&self, estimates: MatRef<'_, f64>, wanted: usize, found: &mut Vec<Unit>) {
        let known: &[Unit] = found;
        let outcomes: Vec<Result<Outcome, Rejection>> = (0..estimates.ncols())
            .into_par_iter()
            .map(|i| self.follow(&estimates.col(i).iter().copied().collect::<Vec<f64>>(), known))
            .collect();
        for outcome in outcomes {
            if let Ok(Outcome::New(unit)) = outcome
                && found.len() < wanted
                && !found.iter().any(|known| unit::same_unit(known, &unit))
            {
                found.push(*unit);
            }
        }
    }

    /// The direction (in [`Frame::inputs`]) along which the combination that vanishes on `lowest` increases over `highest`.
    fn direction(&self, lowest: &[usize], highest: &[usize]) -> Result<Mat<f64>, Rejection> {
        let equations = rows(self.frame.extended(), lowest);
        let norm = product::frobenius(equations.as_ref());
        let least = spectrum::least_singular(equations)?;
        let needed = SEPARATION.max(self.frame.null_tolerance()) * norm;
        if least.sigma_next < needed {
            return Err(Rejection::NotUnique { gap: least.sigma_next, needed });
        }
        let w = Mat::from_fn(least.vector.len(), 1, |i, _| least.vector[i]);
        let mut values = product::matmul(rows(self.frame.extended(), highest).as_ref(), w.as_ref());
        if values.col(0).iter().sum::<f64>() < 0.0 {
            values = -values;
        }
        let inputs = rows(self.frame.inputs(), highest);
        let tolerance = input_tolerance(highest.len(), inputs.ncols());
        Ok(RankRevealing::new(inputs, tolerance)?.solve(values.as_ref()))
    }

    fn settle(&self, direction: &Mat<f64>, known: &[Unit]) -> Result<Outcome, Rejection> {
        let new = |unit| Ok(Outcome::New(Box::new(unit)));
        let Some(part) = &self.part else {
            let t = product::matmul(self.frame.inputs(), direction.as_ref());
            return new(unit::settle(self.frame, t.col_as_slice(0))?);
        };
        let t = product::matmul(rows(self.frame.inputs(), &part.samples).as_ref(), direction.as_ref());
        let near = unit::settle(&part.frame, t.col_as_slice(0))?;
        if known.iter().any(|unit| part.overlap(unit, &near) > 1.0 - SAME) {
            return Ok(Outcome::Known);
        }
        new(part.transfer.carry(self.frame, &part.frame, &near)?)
    }
}

impl Part {
    /// Cosine between the activations of two units on the part, the first of them given on all samples.
    fn overlap(&self, whole: &Unit, near: &Unit) -> f64 {
        let here: Vec<f64> = self.samples.iter().map(|&j| whole.activations[j]).collect();
        product::dot(&here, &near.activations) / product::norm(&here).max(f64::MIN_POSITIVE)
    }
}

/// At most [`MAX_EQUATIONS`] of the samples, evenly spread over their order.
fn thinned(samples: &[usize]) -> Vec<usize> {
    let kept = samples.len().min(MAX_EQUATIONS);
    (0..kept).map(|i| samples[i * samples.len() / kept]).collect()
}

fn rows(a: MatRef<'_, f64>, samples: &[usize]) -> Mat<f64> {
    Mat::from_fn(samples.len(), a.ncols(), |i, j| a[(samples[i], j)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_network::{BiasKind, PlantedSpec, Samples};

    /// Estimates off by 0.4 of their own size, 8 networks of 5 units: all 40 units. An estimate at random is near none.
    #[test]
    fn estimates_off_by_four_tenths_are_followed_to_their_units() {
        for bias in [BiasKind::None, BiasKind::Both] {
            for seed in 0..4 {
                let spec = PlantedSpec { m: 6, k: 5, d: 8, bias, seed, ..PlantedSpec::default() };
                let p = spec.plant(600).expect("valid");
                let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
                let frame = Frame::new(&samples, bias, None).expect("finite").0;
                let finish = Finish::new(&frame, seed).expect("finite");
                let t = p.network.preactivations(p.x.as_ref());
                for i in 0..5 {
                    let rng = &mut random::stream(seed, "error", i as u64);
                    let error = random::gaussian(1, 8, rng);
                    let noise = product::matmul(error.as_ref(), p.x.as_ref());
                    let off = 0.4 / 8.0f64.sqrt();
                    let estimate: Vec<f64> = (0..600).map(|j| t[(i, j)] + off * noise[(0, j)]).collect();
                    let unit = finish.unit(&estimate).expect("near a unit");
                    let z: Vec<f64> = t.row(i).iter().map(|t| t.max(0.0)).collect();
                    let cosine = product::dot(&unit.activations, &z) / product::norm(&z);
                    assert!(
                        1.0 - cosine <= frame.null_tolerance() / unit.null_gap,
                        "{bias:?} {seed} {i}: {cosine}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_estimate_without_negative_values_is_refused() {
        let p = PlantedSpec { m: 3, k: 2, d: 3, ..PlantedSpec::default() }.plant(100).expect("valid");
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let frame = Frame::new(&samples, BiasKind::None, None).expect("finite").0;
        let finish = Finish::new(&frame, 0).expect("finite");
        assert!(matches!(finish.unit(&[1.0; 100]), Err(Rejection::TooFewEquations { equations: 0, .. })));
    }
}
