//! Algorithm 6 for activations that bend: powers, exponentials and the user's own (Appendix G.1).
//!
//! The zeros of a unit determine its combination of labels whatever f is, since f vanishes for t ≤ 0 alone. The values before
//! the activation are then f⁻¹(s z) for the scale s of the activations: s = 1 without loss for f(s t) = sᶜ f(t), and otherwise
//! the one number for which f⁻¹(s z) is an affine function of the inputs.

use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::spectrum::LeastSingular;
use orthant_linalg::{Mat, product, spectrum, tolerance};
use orthant_network::{Activation, SignPattern};

use super::{GAP_RATIO, Rejection, SPARE_EQUATIONS, Unit, column, pick_rows};
use crate::frame::{Frame, input_tolerance};

/// As [`super::unit_from_pattern`].
pub(super) fn unit_from_pattern(frame: &Frame, pattern: &SignPattern) -> Result<Unit, Rejection> {
    Curve::fit(frame, pattern)?.into_unit(frame)
}

/// Parts of the inactive samples, the most negative ones, that are taken for certain in turn.
const CONFIDENT: [f64; 5] = [1.0, 0.8, 0.6, 0.4, 0.2];

/// Rounds of fitting in [`settle`].
const MAX_ROUNDS: usize = 6;

/// As [`super::settle`]. A wrong zero spoils the combination here, with no active equation to outvote it: so the samples nearest
/// to the kink are left out first, and once the rest determine the combination, its values show the pattern.
pub(super) fn settle(frame: &Frame, preactivations: &[f64]) -> Result<Unit, Rejection> {
    let unknowns = frame.extended().ncols();
    let mut t = preactivations.to_vec();
    let mut last = Rejection::TooFewEquations { equations: 0, unknowns };
    for _ in 0..MAX_ROUNDS {
        let mut inactive: Vec<usize> = (0..t.len()).filter(|&j| t[j] <= 0.0).collect();
        inactive.sort_by(|&i, &j| t[i].total_cmp(&t[j]));
        let mut best: Option<(f64, Vec<f64>)> = None;
        for part in CONFIDENT {
            let count = (part * inactive.len() as f64).floor() as usize;
            if count + 1 < unknowns + SPARE_EQUATIONS {
                break;
            }
            let mut zeros = inactive[..count].to_vec();
            zeros.sort_unstable();
            let (least, values) = combination(frame, &zeros, &t)?;
            if least.sigma_min <= frame.null_tolerance() {
                let largest = values.iter().fold(0.0f64, |s, v| s.max(v.abs()));
                let zero = frame.zero_tolerance() * largest;
                return follow(frame, SignPattern::of(values.into_iter().map(|z| z - zero)));
            }
            last = Rejection::NoSolution { residual: least.sigma_min, allowed: frame.null_tolerance() };
            // Fewer equations are easier to satisfy: singular values count relative to their next.
            let misfit = least.sigma_min / least.sigma_next;
            if best.as_ref().is_none_or(|(known, _)| misfit < *known) {
                best = Some((misfit, values));
            }
        }
        let Some((_, values)) = best else { return Err(last) };
        let pattern = SignPattern::of(values.iter().copied());
        let active: Vec<usize> = pattern.active().collect();
        if active.len() <= frame.inputs().ncols() {
            return Err(last);
        }
        let image = Image::new(frame, &active, &values)?;
        let scale = image.scale(frame.activation())?;
        let (direction, _) = image.direction(frame.activation(), scale)?;
        let direction = Mat::from_fn(direction.len(), 1, |i, _| direction[i]);
        let next = column(&product::matmul(frame.inputs(), direction.as_ref()));
        if SignPattern::of(next.iter().copied()) == SignPattern::of(t.iter().copied()) {
            return Err(last);
        }
        t = next;
    }
    Err(last)
}

/// Pattern, fit, values before the activation, pattern again, until it repeats: activations near the kink may be below what
/// can be told from zero, where t is not.
fn follow(frame: &Frame, mut pattern: SignPattern) -> Result<Unit, Rejection> {
    let mut curve = Curve::fit(frame, &pattern)?;
    for _ in 0..MAX_ROUNDS {
        let next = SignPattern::of(curve.preactivations(frame).into_iter());
        if next == pattern || curve.input_rank < frame.inputs().ncols() {
            break;
        }
        curve = Curve::fit(frame, &next)?;
        pattern = next;
    }
    curve.into_unit(frame)
}

/// The combination of labels, of unit norm, that is nearest to zero on the given samples, and its values on all; positive where
/// `guide` is, on the whole.
fn combination(
    frame: &Frame,
    zeros: &[usize],
    guide: &[f64],
) -> Result<(LeastSingular, Vec<f64>), Rejection> {
    let mut least = spectrum::least_singular(pick_rows(frame.extended(), zeros))?;
    let w = Mat::from_fn(least.vector.len(), 1, |i, _| least.vector[i]);
    let mut values = column(&product::matmul(frame.extended(), w.as_ref()));
    if values.iter().zip(guide).map(|(z, t)| z * t.max(0.0)).sum::<f64>() < 0.0 {
        least.vector.iter_mut().for_each(|w| *w = -*w);
        values.iter_mut().for_each(|z| *z = -*z);
    }
    Ok((least, values))
}

/// However uncertain the combination, a larger misfit is that of another function: f⁻¹ of values with the zeros of a unit but of another
/// activation is off by parts of itself.
const MAX_MISFIT: f64 = 1e-6;

/// However flat f is at the kink, samples beyond this part of the largest value before the activation count as off it: they must be
/// inactive, and do not pass for samples on the kink.
const MAX_KINK: f64 = 1e-3;

/// The combination that vanishes off a pattern, and the affine function whose image it is on it.
struct Curve {
    pattern: SignPattern,
    /// Combination of the extended labels, of unit norm, and its values, with the weights of the frame.
    combination: Vec<f64>,
    values: Vec<f64>,
    /// f(Z direction) = scale · values / weights on the pattern.
    direction: Vec<f64>,
    scale: f64,
    /// Relative error of the scale for an error of norm one in the combination; 0 where the scale is free.
    scale_condition: f64,
    /// Least singular value of the inactive rows, and the next.
    residual: f64,
    gap: f64,
    /// Root mean square of the error of the fit, each term in units of what an error of norm one in the combination explains.
    misfit: f64,
    input_rank: usize,
}

impl Curve {
    fn fit(frame: &Frame, pattern: &SignPattern) -> Result<Curve, Rejection> {
        let unknowns = frame.extended().ncols();
        let active: Vec<usize> = pattern.active().collect();
        let inactive: Vec<usize> = pattern.inactive().collect();
        let too_few = |equations| Rejection::TooFewEquations { equations, unknowns };
        let enough = inactive.len() + 1 >= unknowns + SPARE_EQUATIONS;
        if unknowns == 0 || active.is_empty() || !enough {
            return Err(too_few(inactive.len()));
        }
        let mut guide = vec![0.0; frame.n()];
        active.iter().for_each(|&j| guide[j] = 1.0);
        let (least, values) = combination(frame, &inactive, &guide)?;
        let image = Image::new(frame, &active, &values)?;
        let rank = image.rank;
        if frame.activation().degree().is_none() && active.len() < rank + 2 {
            return Err(too_few(active.len()));
        }
        let scale = image.scale(frame.activation())?;
        let (direction, misfit) = image.direction(frame.activation(), scale)?;
        Ok(Curve {
            pattern: pattern.clone(),
            combination: least.vector,
            values,
            direction,
            scale,
            scale_condition: image.scale_condition(frame.activation(), scale)?,
            residual: least.sigma_min,
            gap: least.sigma_next,
            misfit,
            input_rank: rank,
        })
    }

    fn preactivations(&self, frame: &Frame) -> Vec<f64> {
        let direction = Mat::from_fn(self.direction.len(), 1, |i, _| self.direction[i]);
        column(&product::matmul(frame.inputs(), direction.as_ref()))
    }

    fn into_unit(mut self, frame: &Frame) -> Result<Unit, Rejection> {
        let allowed = frame.null_tolerance();
        if self.residual > allowed {
            return Err(Rejection::NoSolution { residual: self.residual, allowed });
        }
        let f = frame.activation();
        let t = self.preactivations(frame);
        let largest = self.values.iter().fold(0.0f64, |s, v| s.max(v.abs()));
        let zero = frame.zero_tolerance() * largest;
        // What f takes to rounding level may be on the kink.
        let steepest = t.iter().fold(0.0f64, |s, t| s.max(t.abs()));
        let kink = |j: usize| {
            let invisible = f.inverse(self.scale * zero / frame.weight(j));
            (frame.zero_tolerance() * steepest).max(invisible.min(MAX_KINK * steepest))
        };
        let off_kink: Vec<usize> = self.pattern.inactive().filter(|&j| t[j].abs() > kink(j)).collect();
        if off_kink.len() < self.pattern.n_inactive() {
            let unknowns = frame.extended().ncols();
            if off_kink.len() + 1 < unknowns + SPARE_EQUATIONS {
                return Err(Rejection::TooFewEquations { equations: off_kink.len(), unknowns });
            }
            self.gap = spectrum::least_singular(pick_rows(frame.extended(), &off_kink))?.sigma_next;
        }
        let needed = GAP_RATIO * allowed.max(self.residual);
        if self.gap < needed {
            return Err(Rejection::NotUnique { gap: self.gap, needed });
        }
        // The combination is known to the angle over the gap, and the misfit is in units of its error.
        let explained = (allowed / self.gap).min(MAX_MISFIT);
        if self.misfit.is_nan() || self.misfit > explained {
            return Err(Rejection::NoSolution { residual: self.misfit, allowed: explained });
        }
        let signs_fit = self.pattern.active().all(|j| self.values[j] >= -zero)
            && self.pattern.inactive().all(|j| self.values[j].abs() <= zero);
        let determined = self.input_rank == frame.inputs().ncols();
        if !signs_fit
            || (determined && self.pattern.inactive().any(|j| t[j] > kink(j)))
            || self.values.iter().all(|&v| v <= zero)
        {
            return Err(Rejection::WrongPattern);
        }
        let mut activations = vec![0.0; frame.n()];
        for j in self.pattern.active() {
            activations[j] = self.values[j].max(0.0);
        }
        let norm = product::norm(&activations);
        activations.iter_mut().for_each(|v| *v /= norm);
        // f(t) = scale · values; with a degree the factor moves into the direction, so that f(t) = activations.
        let (stretch, amplitude) = match f.degree() {
            Some(degree) => ((self.scale * norm).powf(-1.0 / degree), 1.0),
            None => (1.0, self.scale * norm),
        };
        Ok(Unit {
            combination: self.combination.iter().map(|w| w / norm).collect(),
            direction: self.direction.iter().map(|v| v * stretch).collect(),
            pattern: self.pattern,
            activations,
            amplitude,
            scale_error: self.scale_condition * allowed / self.gap,
            null_residual: self.residual,
            null_gap: self.gap,
            input_rank: self.input_rank,
        })
    }
}

/// Scales tried: those that bring the largest value before the activation to 10^(−3 + i/32).
const SCALES: usize = 160;

/// Times that the distance between two scales is halved around the best: for exp(t²) − 1 those of the grid are up to a factor of e² apart.
const HALVINGS: usize = 2;

/// Gauss-Newton steps for scale and direction together.
const MAX_STEPS: usize = 30;

/// Weights in a fit are at most this multiple of their median: beyond it a single sample would decide.
const MAX_WEIGHT: f64 = 1e3;

/// The active samples of a unit: values z to be explained as f(t) / s with t affine in the inputs.
struct Image {
    /// Active inputs, and the positive part of the active values, without the weights of the frame.
    inputs: Mat<f64>,
    values: Vec<f64>,
    /// Norms of the rows of the extended labels, since an error δ in the combination changes a value by |q_j| δ; at least 1/√n,
    /// the share of a row in an error δ of the basis itself. Without the weights of the frame.
    sensitivity: Vec<f64>,
    factor: RankRevealing,
    rank: usize,
    /// Whether the inputs contain the constants.
    constant: bool,
}

impl Image {
    fn new(frame: &Frame, active: &[usize], values: &[f64]) -> Result<Image, Rejection> {
        let inputs = pick_rows(frame.inputs(), active);
        let factor = RankRevealing::new(inputs.clone(), input_tolerance(active.len(), inputs.ncols()))?;
        let share = 1.0 / (frame.n() as f64).sqrt();
        let norm = |j: usize| frame.extended().row(j).norm_l2();
        let sensitivity = active.iter().map(|&j| norm(j).max(share) / frame.weight(j)).collect();
        Ok(Image {
            rank: factor.rank().rank,
            inputs,
            values: active.iter().map(|&j| values[j].max(0.0) / frame.weight(j)).collect(),
            sensitivity,
            factor,
            constant: frame.bias().hidden(),
        })
    }

    fn preimage(&self, f: &Activation, scale: f64) -> Vec<f64> {
        self.values.iter().map(|&z| if z > 0.0 { f.inverse(scale * z) } else { 0.0 }).collect()
    }

    /// Weights of the samples in a fit of values before the activation: dt = dz / f'(t), and dz is of the size of |q_j|.
    fn weights(&self, f: &Activation, scale: f64, t: &[f64]) -> Vec<f64> {
        let raw: Vec<f64> = (0..t.len())
            .map(|j| f.derivative(t[j]) / (scale * self.sensitivity[j]).max(f64::MIN_POSITIVE))
            .map(|weight| if weight.is_finite() { weight } else { 0.0 })
            .collect();
        let mut sorted = raw.clone();
        sorted.sort_by(f64::total_cmp);
        let limit = MAX_WEIGHT * sorted[sorted.len() / 2];
        raw.into_iter().map(|weight| weight.min(limit)).collect()
    }

    /// The scale s for which f⁻¹(s z) is an affine function of the inputs: the best of a grid, polished by Gauss-Newton.
    fn scale(&self, f: &Activation) -> Result<f64, Rejection> {
        let largest = self.values.iter().fold(0.0f64, |s, &z| s.max(z));
        if f.degree().is_some() || largest == 0.0 {
            return Ok(1.0);
        }
        let at = |exponent: f64| f.value(10f64.powf(exponent)) / largest;
        let mut best = (f64::INFINITY, 0.0);
        let mut consider = |exponents: &[f64]| {
            for &exponent in exponents.iter().filter(|&&e| at(e).is_finite() && at(e) > 0.0) {
                let curvature = self.curvature(f, at(exponent));
                if curvature < best.0 {
                    best = (curvature, exponent);
                }
            }
            best.1
        };
        let mut distance = 1.0 / 32.0;
        let mut exponent = consider(&(0..SCALES).map(|i| -3.0 + distance * i as f64).collect::<Vec<_>>());
        for _ in 0..HALVINGS {
            distance /= 2.0;
            exponent = consider(&[exponent - distance, exponent + distance]);
        }
        let mut scale = at(exponent);
        for _ in 0..MAX_STEPS {
            let t = self.preimage(f, scale);
            let weights = self.weights(f, scale, &t);
            let (rows, r) = self.inputs.shape();
            let per_scale = self.per_scale(f, scale, &t);
            let system = Mat::from_fn(rows, r + 1, |j, i| {
                weights[j] * if i < r { self.inputs[(j, i)] } else { -per_scale[j] }
            });
            let target = Mat::from_fn(rows, 1, |j, _| weights[j] * t[j]);
            let step = RankRevealing::new(system, tolerance::backward(rows, r + 1))?.solve(target.as_ref());
            let step = step[(r, 0)].clamp(-0.5, 0.5);
            scale *= step.exp();
            if step.abs() <= 4.0 * tolerance::EPS || !scale.is_finite() {
                break;
            }
        }
        Ok(scale)
    }

    /// The derivative of f⁻¹(s z) in the logarithm of s: s z / f'(t).
    fn per_scale(&self, f: &Activation, scale: f64, t: &[f64]) -> Vec<f64> {
        let slopes = t.iter().zip(&self.values).map(|(&t, z)| scale * z / f.derivative(t));
        slopes.map(|slope| if slope.is_finite() { slope } else { 0.0 }).collect()
    }

    /// Relative error of the scale that an error of norm one in the combination explains; 0 where the scale is free.
    ///
    /// Such an error moves each weighted value by one at most, so that it is √n over the distance of the weighted derivative in
    /// log s from the affine functions. That vanishes as f becomes a power of t on the values there are: eᵗ − 1 is t for small t.
    fn scale_condition(&self, f: &Activation, scale: f64) -> Result<f64, Rejection> {
        if f.degree().is_some() {
            return Ok(0.0);
        }
        let (rows, r) = self.inputs.shape();
        let t = self.preimage(f, scale);
        let weights = self.weights(f, scale, &t);
        let per_scale = self.per_scale(f, scale, &t);
        let weighted = Mat::from_fn(rows, r, |j, i| weights[j] * self.inputs[(j, i)]);
        let derivative = Mat::from_fn(rows, 1, |j, _| weights[j] * per_scale[j]);
        let factor = RankRevealing::new(weighted, input_tolerance(rows, r))?;
        let distance = product::frobenius(factor.complement(derivative.as_ref()).as_ref());
        // A distance at rounding level is none.
        let rounding = tolerance::backward(rows, r + 1) * product::frobenius(derivative.as_ref());
        Ok(if distance > rounding { (rows as f64).sqrt() / distance } else { f64::MAX.sqrt() })
    }

    /// The part of f⁻¹(s z) that is not affine in the inputs, relative to its variation.
    fn curvature(&self, f: &Activation, scale: f64) -> f64 {
        let t = self.preimage(f, scale);
        let target = Mat::from_fn(t.len(), 1, |j, _| t[j]);
        let rest = self.factor.complement(target.as_ref());
        let mean = if self.constant { t.iter().sum::<f64>() / t.len() as f64 } else { 0.0 };
        let variation = t.iter().map(|t| (t - mean) * (t - mean)).sum::<f64>().sqrt();
        product::frobenius(rest.as_ref()) / variation
    }

    /// The affine function nearest to f⁻¹(s z), of minimum norm where the active inputs leave directions undetermined, and the
    /// misfit.
    fn direction(&self, f: &Activation, scale: f64) -> Result<(Vec<f64>, f64), Rejection> {
        let (rows, r) = self.inputs.shape();
        let t = self.preimage(f, scale);
        let weights = self.weights(f, scale, &t);
        let weighted = Mat::from_fn(rows, r, |j, i| weights[j] * self.inputs[(j, i)]);
        let factor = RankRevealing::new(weighted, input_tolerance(rows, r))?;
        // Weights that hide a direction which the inputs determine are left out.
        let (factor, plain) =
            if factor.rank().rank == self.rank { (&factor, false) } else { (&self.factor, true) };
        let weight = |j: usize| if plain { 1.0 } else { weights[j] };
        let target = Mat::from_fn(rows, 1, |j, _| weight(j) * t[j]);
        let direction = factor.solve(target.as_ref());
        let fitted = product::matmul(self.inputs.as_ref(), direction.as_ref());
        // Rounding of t itself is no misfit.
        let rounding = tolerance::backward(rows, r) * t.iter().fold(0.0f64, |s, &t| s.max(t));
        let square = |j: usize| (weights[j] * ((fitted[(j, 0)] - t[j]).abs() - rounding).max(0.0)).powi(2);
        let misfit = ((0..rows).map(square).sum::<f64>() / rows as f64).sqrt();
        Ok((column(&direction), misfit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::random;
    use orthant_network::{BiasKind, PlantedSpec, Samples};

    const NAMES: [&str; 6] = ["power:0.5", "power:1.5", "power:2", "power:3", "expm1", "expm1-square"];

    #[test]
    fn the_pattern_of_a_unit_gives_its_activations_and_weights() {
        for name in NAMES {
            for bias in [BiasKind::None, BiasKind::Both] {
                let activation: Activation = name.parse().expect("built in");
                let spec =
                    PlantedSpec { m: 6, k: 4, d: 5, bias, activation, seed: 2, ..PlantedSpec::default() };
                let p = spec.plant(120).expect("valid");
                let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
                let frame = Frame::for_activation(&samples, bias, None, &spec.activation).expect("finite").0;
                let t = p.network.preactivations(p.x.as_ref());
                for i in 0..4 {
                    let t: Vec<f64> = t.row(i).iter().copied().collect();
                    let noise = random::gaussian_vec(120, &mut random::stream(3, "curved", i as u64));
                    let near: Vec<f64> = t.iter().zip(&noise).map(|(t, e)| t + 0.02 * e).collect();
                    let exact = unit_from_pattern(&frame, &SignPattern::of(t.iter().copied()));
                    let settled = settle(&frame, &near);
                    for unit in [exact, settled] {
                        let unit = unit.unwrap_or_else(|error| panic!("{name} {bias:?} {i}: {error}"));
                        let weighted = |(j, &t): (usize, &f64)| frame.weight(j) * spec.activation.value(t);
                        let z: Vec<f64> = t.iter().enumerate().map(weighted).collect();
                        let cosine = product::dot(&unit.activations, &z) / product::norm(&z);
                        assert!((cosine - 1.0).abs() <= 1e-9, "{name} {bias:?} {i}: {cosine}");
                        let direction = Mat::from_fn(unit.direction.len(), 1, |r, _| unit.direction[r]);
                        let found = product::matmul(frame.inputs(), direction.as_ref());
                        // For a multiplicative activation the scale is free; here it is not.
                        let factor = match spec.activation.degree() {
                            Some(_) => product::norm(&t) / product::frobenius(found.as_ref()),
                            None => 1.0,
                        };
                        // Known to the angle over the gap; 10⁻⁹ is the misfit that a false unit could not have.
                        let error =
                            (0..120).map(|j| (factor * found[(j, 0)] - t[j]).abs()).fold(0.0, f64::max);
                        assert!(error <= 1e-9 * product::norm(&t), "{name} {bias:?} {i}: {error:e}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_pattern_of_no_unit_and_a_wrong_activation_are_refused() {
        let activation = Activation::power(2.0).expect("positive");
        let spec = PlantedSpec { m: 6, k: 4, d: 5, activation, seed: 2, ..PlantedSpec::default() };
        let p = spec.plant(120).expect("valid");
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let frame = Frame::new(&samples, BiasKind::None, None).expect("finite").0;
        let values = random::gaussian_vec(120, &mut random::stream(4, "curved", 0));
        let square = frame.clone().with_activation(spec.activation.clone());
        assert!(matches!(
            unit_from_pattern(&square, &SignPattern::of(values.into_iter())),
            Err(Rejection::NoSolution { .. })
        ));
        let t = p.network.preactivations(p.x.as_ref());
        let pattern = SignPattern::of(t.row(0).iter().copied());
        assert!(unit_from_pattern(&square, &pattern).is_ok());
        // The zeros are those of a unit, but the square root is not what makes its activations linear.
        for other in [Activation::power(3.0).expect("positive"), Activation::expm1()] {
            let wrong = frame.clone().with_activation(other);
            assert!(matches!(unit_from_pattern(&wrong, &pattern), Err(Rejection::NoSolution { .. })));
        }
    }
}
