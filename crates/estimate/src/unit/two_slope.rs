//! Algorithm 6 for leaky ReLU and |t|: one linear system again, since z is t on the pattern and a known multiple of it elsewhere.

use orthant_linalg::spectrum::{self, LeastSingular};
use orthant_linalg::{Mat, product};
use orthant_network::SignPattern;

use super::{GAP_RATIO, Rejection, SPARE_EQUATIONS, Unit, column};
use crate::frame::Frame;

/// As [`super::unit_from_pattern`].
pub(super) fn unit_from_pattern(frame: &Frame, slope: f64, pattern: &SignPattern) -> Result<Unit, Rejection> {
    Pair::solve(frame, slope, pattern.clone())?.into_unit(frame, slope)
}

/// Patterns tried in [`settle`].
const MAX_PATTERNS: usize = 11;

/// As [`super::settle`].
pub(super) fn settle(frame: &Frame, slope: f64, preactivations: &[f64]) -> Result<Unit, Rejection> {
    let mut pair = Pair::solve(frame, slope, SignPattern::of(preactivations.iter().copied()))?;
    for _ in 1..MAX_PATTERNS {
        let next = SignPattern::of(pair.preactivations.iter().copied());
        if next == pair.pattern {
            break;
        }
        pair = Pair::solve(frame, slope, next)?;
    }
    pair.into_unit(frame, slope)
}

/// The least singular vector (w, v) of [Q, −D Z], where D is 1 on the pattern and the slope off it.
struct Pair {
    pattern: SignPattern,
    combination: Vec<f64>,
    direction: Vec<f64>,
    values: Vec<f64>,
    preactivations: Vec<f64>,
    residual: f64,
    gap: f64,
}

impl Pair {
    fn solve(frame: &Frame, slope: f64, pattern: SignPattern) -> Result<Pair, Rejection> {
        let q = frame.extended().ncols();
        let unknowns = q + frame.inputs().ncols();
        if pattern.n_active() == 0 || pattern.n_inactive() == 0 {
            return Err(Rejection::TooFewEquations { equations: 0, unknowns });
        }
        let all: Vec<usize> = (0..frame.n()).collect();
        let least = least_singular(frame, slope, &pattern, &all)?;
        let part = |first: usize, count: usize| Mat::from_fn(count, 1, |i, _| least.vector[first + i]);
        let (mut w, mut v) = (part(0, q), part(q, unknowns - q));
        let mut t = product::matmul(frame.inputs(), v.as_ref());
        let sides = |t: &Mat<f64>| {
            let sum = |samples: &mut dyn Iterator<Item = usize>| samples.map(|j| t[(j, 0)]).sum::<f64>();
            sum(&mut pattern.active()) - sum(&mut pattern.inactive())
        };
        if sides(&t) < 0.0 {
            (w, v, t) = (-w, -v, -t);
        }
        Ok(Pair {
            values: column(&product::matmul(frame.extended(), w.as_ref())),
            combination: column(&w),
            direction: column(&v),
            preactivations: column(&t),
            residual: least.sigma_min,
            gap: least.sigma_next,
            pattern,
        })
    }

    fn into_unit(mut self, frame: &Frame, slope: f64) -> Result<Unit, Rejection> {
        let allowed = frame.null_tolerance();
        if self.residual > allowed {
            return Err(Rejection::NoSolution { residual: self.residual, allowed });
        }
        // Samples on the kink fit either side: uniqueness must stand without them.
        let largest = self.preactivations.iter().fold(0.0f64, |s, t| s.max(t.abs()));
        let kink = frame.zero_tolerance() * largest;
        let off_kink: Vec<usize> = (0..frame.n()).filter(|&j| self.preactivations[j].abs() > kink).collect();
        if off_kink.len() < frame.n() {
            self.gap = least_singular(frame, slope, &self.pattern, &off_kink)?.sigma_next;
        }
        let needed = GAP_RATIO * allowed.max(self.residual);
        if self.gap < needed {
            return Err(Rejection::NotUnique { gap: self.gap, needed });
        }
        let wrong = |j: usize, sign: f64| sign * self.preactivations[j] < -kink;
        let norm = product::norm(&self.values);
        if largest == 0.0
            || norm == 0.0
            || self.pattern.active().any(|j| wrong(j, 1.0))
            || self.pattern.inactive().any(|j| wrong(j, -1.0))
        {
            return Err(Rejection::WrongPattern);
        }
        let scaled = |values: Vec<f64>| values.into_iter().map(|v| v / norm).collect::<Vec<_>>();
        Ok(Unit {
            combination: scaled(self.combination),
            direction: scaled(self.direction),
            pattern: self.pattern,
            activations: scaled(self.values),
            amplitude: 1.0,
            scale_error: 0.0,
            null_residual: self.residual,
            null_gap: self.gap,
            // A gap off the kink leaves no direction open: the inputs enter the system on both sides.
            input_rank: frame.inputs().ncols(),
        })
    }
}

/// The least singular vector of [Q, −D Z] on some of the samples.
fn least_singular(
    frame: &Frame,
    slope: f64,
    pattern: &SignPattern,
    samples: &[usize],
) -> Result<LeastSingular, Rejection> {
    let (labels, inputs) = (frame.extended(), frame.inputs());
    let (q, r) = (labels.ncols(), inputs.ncols());
    if samples.len() + 1 < q + r + SPARE_EQUATIONS {
        return Err(Rejection::TooFewEquations { equations: samples.len(), unknowns: q + r });
    }
    let mut factor = vec![slope; frame.n()];
    pattern.active().for_each(|j| factor[j] = 1.0);
    let matrix = Mat::from_fn(samples.len(), q + r, |i, c| {
        let j = samples[i];
        if c < q { labels[(j, c)] } else { -factor[j] * inputs[(j, c - q)] }
    });
    Ok(spectrum::least_singular(matrix)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::random;
    use orthant_network::{Activation, BiasKind, PlantedSpec, Samples};

    #[test]
    fn a_pattern_gives_the_unit_and_a_near_one_leads_to_it() {
        for name in ["leaky-relu:0.1", "leaky-relu:0.5", "leaky-relu:-0.7", "abs"] {
            for bias in [BiasKind::None, BiasKind::Both] {
                let activation: Activation = name.parse().expect("built in");
                let spec =
                    PlantedSpec { m: 6, k: 4, d: 5, bias, activation, seed: 2, ..PlantedSpec::default() };
                let p = spec.plant(120).expect("valid");
                let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
                let frame = Frame::new(&samples, bias, None).expect("finite").0;
                let frame = frame.with_activation(spec.activation.clone());
                let planted = p.network.preactivations(p.x.as_ref());
                for i in 0..4 {
                    let t: Vec<f64> = planted.row(i).iter().copied().collect();
                    let noise = random::gaussian_vec(120, &mut random::stream(3, "two slopes", i as u64));
                    let near: Vec<f64> = t.iter().zip(&noise).map(|(t, e)| t + 0.02 * e).collect();
                    let pattern = SignPattern::of(t.iter().copied());
                    let exact = super::super::unit_from_pattern(&frame, &pattern);
                    for unit in [exact, super::super::settle(&frame, &near)] {
                        let unit = unit.unwrap_or_else(|error| panic!("{name} {bias:?} {i}: {error}"));
                        assert_eq!(unit.pattern, pattern, "{name} {bias:?} {i}");
                        let z: Vec<f64> = t.iter().map(|&t| spec.activation.value(t)).collect();
                        let scale = 1.0 / product::norm(&z);
                        let direction = Mat::from_fn(unit.direction.len(), 1, |r, _| unit.direction[r]);
                        let found = product::matmul(frame.inputs(), direction.as_ref());
                        // Known to the angle over the gap.
                        let allowed = GAP_RATIO * frame.null_tolerance() / unit.null_gap;
                        for j in 0..120 {
                            let errors = [unit.activations[j] - scale * z[j], found[(j, 0)] - scale * t[j]];
                            assert!(
                                errors.iter().all(|e| e.abs() <= allowed),
                                "{name} {bias:?} {i}: {errors:?}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn other_patterns_are_refused() {
        let activation = Activation::leaky_relu(0.3).expect("a slope");
        let spec = PlantedSpec { m: 6, k: 4, d: 5, activation, seed: 2, ..PlantedSpec::default() };
        let p = spec.plant(120).expect("valid");
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let frame = Frame::new(&samples, BiasKind::None, None).expect("finite").0;
        let frame = frame.with_activation(spec.activation.clone());
        let t = p.network.preactivations(p.x.as_ref());
        let refused = |values: Vec<f64>| {
            super::super::unit_from_pattern(&frame, &SignPattern::of(values.into_iter())).err()
        };
        let noise = random::gaussian_vec(120, &mut random::stream(4, "two slopes", 0));
        assert!(matches!(refused(noise), Some(Rejection::NoSolution { .. })));
        assert!(matches!(refused(vec![1.0; 120]), Some(Rejection::TooFewEquations { .. })));
        // The two sides of a kink cannot be exchanged.
        let flipped = t.row(0).iter().map(|t| -t).collect();
        assert!(matches!(refused(flipped), Some(Rejection::NoSolution { .. })));
    }
}
