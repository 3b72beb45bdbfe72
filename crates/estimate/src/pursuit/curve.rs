//! Pursuit for activations that bend: the graph of a power, on samples brought to equal size.

use orthant_linalg::{Mat, MatRef, product, qr};
use orthant_network::Activation;

/// Values before the activation, in units of their root mean square, at which an activation without a degree is compared with a
/// power, for one start after the other. The scale of the inputs that a unit sees is unknown; 1.5 is where an activation that
/// grows has most of its weight, and most networks have inputs and weights of size one.
const COMPARED_AT: [f64; 4] = [1.5, 0.75, 1.5, 3.0];

/// Powers beyond these are no better guesses, and their tails leave the range of single precision.
const POWERS: (f64, f64) = (0.25, 6.0);

/// Gauss-Newton steps towards the nearest point of the curve. Four, from the best point of a grid, hardly change the number of
/// iterations.
const STEPS: usize = 2;

/// The graph z = f(t) as pursuit sees it: the power tᶜ, or for an activation without a degree one that is near it, so that the
/// graph is a cone and the scale is free, as it is for max(t, 0). Rows of the labels are weighted.
pub(super) struct Curve {
    /// Weight of each sample, of mean square 1: zeros stay zeros, and no sample outweighs the others. Labels that grow faster
    /// than their inputs have a few samples that are larger than all others together.
    weights: Vec<f64>,
    weights_single: Vec<f32>,
    /// Orthonormal basis of the weighted labels.
    basis: Mat<f64>,
    /// Takes coordinates of the extended labels to those in `basis`.
    change: Mat<f64>,
    powers: Vec<Power>,
    approximate: bool,
}

/// The curve z = amplitude · tᶜ, with a mean square of 1/2 for standard normal t, as max(t, 0) has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Power {
    exponent: f32,
    amplitude: f32,
}

impl Power {
    pub(super) fn new(exponent: f64) -> Power {
        let (step, end) = (1.0 / 64.0, 12.0);
        let density = |t: f64| t.powf(2.0 * exponent) * (-t * t / 2.0).exp() / std::f64::consts::TAU.sqrt();
        let count = (end / step) as usize;
        let square: f64 = (0..count).map(|i| step * density((i as f64 + 0.5) * step)).sum();
        Power { exponent: exponent as f32, amplitude: (0.5 / square).sqrt() as f32 }
    }
}

impl Curve {
    /// `None` for max(t, 0), leaky ReLU and |t|, whose graphs are two rays.
    ///
    /// # Cost
    /// A QR of the extended labels.
    pub(super) fn new(activation: &Activation, extended: MatRef<'_, f64>) -> Option<Curve> {
        if activation.is_relu() || activation.negative_slope().is_some() {
            return None;
        }
        let (n, q) = extended.shape();
        // The leverage of a sample is q/n on average. Its fourth root equalises sizes without blowing up samples that are
        // nearly zero.
        let floor = 1e-3 * (q as f64 / n as f64).sqrt();
        let raw: Vec<f64> = (0..n).map(|j| extended.row(j).norm_l2().max(floor).sqrt().recip()).collect();
        let size = product::norm(&raw) / (n as f64).sqrt();
        let weights: Vec<f64> = raw.into_iter().map(|weight| weight / size).collect();
        let factor = qr::Qr::factor(Mat::from_fn(n, q, |j, i| weights[j] * extended[(j, i)]));
        let powers = match activation.degree() {
            Some(degree) => vec![Power::new(degree)],
            None => COMPARED_AT.iter().map(|&t| Power::new(local_exponent(activation, t))).collect(),
        };
        Some(Curve {
            weights_single: weights.iter().map(|&weight| weight as f32).collect(),
            weights,
            basis: factor.thin_q(),
            change: factor.r(),
            powers,
            approximate: activation.degree().is_none(),
        })
    }

    pub(super) fn basis(&self) -> MatRef<'_, f64> {
        self.basis.as_ref()
    }

    pub(super) fn change(&self) -> MatRef<'_, f64> {
        self.change.as_ref()
    }

    pub(super) fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Whether the curve is not the activation's own, so that the iteration has no point to converge to.
    pub(super) fn is_approximate(&self) -> bool {
        self.approximate
    }

    /// The curve of a start.
    pub(super) fn power(&self, start: usize) -> Power {
        self.powers[start % self.powers.len()]
    }

    /// Near point of the graph in the metric |t|² + λ²|z|², entry by entry, with λ² = `weight` for exponents of at least 1, and
    /// the more the steeper the curve leaves zero: at c = 1/2 the iteration needs 2λ. The nearest one up to what two Gauss-Newton
    /// steps leave.
    pub(super) fn project(
        &self,
        power: Power,
        weight: f32,
        (t, z): (&[f32], &[f32]),
        (graph_t, graph_z): (&mut [f32], &mut [f32]),
    ) {
        let c = power.exponent;
        let weight = weight / c.min(1.0).powi(2);
        for (j, (&t, &z)) in t.iter().zip(z).enumerate() {
            let negative = t.min(0.0);
            graph_t[j] = negative;
            graph_z[j] = 0.0;
            if t <= 0.0 && z <= 0.0 {
                continue;
            }
            let scale = power.amplitude * self.weights_single[j];
            let at = |tau: f32| {
                let value = scale * tau.powf(c);
                (value, (t - tau) * (t - tau) + weight * (z - value) * (z - value))
            };
            // Starts: the points with the same t, with the same z, and between the two.
            let (same_t, same_z) = (t.max(1e-3), (z.max(0.0) / scale).powf(c.recip()).max(1e-3));
            let mut best = same_t;
            let (mut value, mut cost) = at(best);
            for tau in [same_z, 0.5 * (same_t + same_z)] {
                let (other_value, other_cost) = at(tau);
                if other_cost < cost {
                    (best, value, cost) = (tau, other_value, other_cost);
                }
            }
            for _ in 0..STEPS {
                let slope = c * value / best;
                let step = ((t - best) + weight * slope * (z - value)) / (1.0 + weight * slope * slope);
                let tau = (best + step).clamp(0.3 * best, 3.0 * best + 0.1);
                let (other_value, other_cost) = at(tau);
                if other_cost < cost {
                    (best, value, cost) = (tau, other_value, other_cost);
                }
            }
            if cost < (t - negative) * (t - negative) + weight * z * z {
                graph_t[j] = best;
                graph_z[j] = value;
            }
        }
    }
}

/// d log f / d log t: the power that f is nearest to at t.
fn local_exponent(activation: &Activation, t: f64) -> f64 {
    let exponent = t * activation.derivative(t) / activation.value(t);
    if exponent.is_finite() { exponent.clamp(POWERS.0, POWERS.1) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::random;

    #[test]
    fn projections_lie_on_the_graph_and_are_near() {
        let extended = random::gaussian(400, 5, &mut random::stream(1, "curve", 0));
        for exponent in [0.5, 1.5, 3.0] {
            let activation = Activation::power(exponent).expect("positive");
            let curve = Curve::new(&activation, extended.as_ref()).expect("bends");
            let power = curve.power(0);
            let draw = |index| {
                let values = random::gaussian_vec(400, &mut random::stream(2, "curve", index));
                values.into_iter().map(|v| v as f32).collect::<Vec<_>>()
            };
            let (t, z) = (draw(0), draw(1));
            let (mut graph_t, mut graph_z) = (vec![0.0; 400], vec![0.0; 400]);
            curve.project(power, 16.0, (&t, &z), (&mut graph_t, &mut graph_z));
            let weight = 16.0 / (exponent as f32).min(1.0).powi(2);
            let (mut found, mut least) = (0.0, 0.0);
            for j in 0..400 {
                let on_curve =
                    |tau: f32| power.amplitude * curve.weights_single[j] * tau.powf(power.exponent);
                let square = |tau: f32, zeta: f32| (t[j] - tau).powi(2) + weight * (z[j] - zeta).powi(2);
                let expected = if graph_t[j] > 0.0 { on_curve(graph_t[j]) } else { 0.0 };
                assert!((graph_z[j] - expected).abs() <= 1e-5 * expected, "{exponent} {j}");
                let inactive = square(t[j].min(0.0), 0.0);
                let grid = (1..4000).map(|i| i as f32 * 2e-3);
                let nearest = grid.map(|tau| square(tau, on_curve(tau))).fold(inactive, f32::min);
                let here = square(graph_t[j], graph_z[j]);
                assert!(here <= inactive, "{exponent} {j}");
                found += here;
                least += nearest;
            }
            // Two steps leave little of what is to be gained.
            assert!(found <= 1.05 * least, "{exponent}: {found} against {least}");
        }
    }

    #[test]
    fn powers_have_the_mean_square_of_the_rectifier() {
        // E t₊^(2c) = 1/2, 3/2, 15/2 for c = 1, 2, 3.
        for (exponent, square) in [(1.0, 0.5), (2.0, 1.5), (3.0, 7.5)] {
            let amplitude = f64::from(Power::new(exponent).amplitude);
            assert!((amplitude * amplitude * square - 0.5).abs() < 1e-6, "{exponent}");
        }
    }
}
