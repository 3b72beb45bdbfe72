//! Pursuit for activations that bend: the graph of a power, on samples brought to equal size.

use orthant_linalg::{Mat, MatRef, product, qr, random};
use orthant_network::Activation;

use crate::frame::Frame;

/// Root mean squares of values before the activation for which an activation without a degree is given its amplitude, for one start
/// after the other: most networks have inputs and weights of size one. A factor of two either way makes little difference.
const GUESSED_SCALES: [f64; 4] = [1.0, 0.5, 1.0, 2.0];

/// Activations that leave zero more steeply than this power are treated as it is.
const LEAST_EXPONENT: f64 = 0.25;

/// f is cut off here, to stay in the range of single precision.
const LARGEST: f64 = 1e30;

/// Gauss-Newton steps towards the nearest point of the curve. Four, from the best point of a grid, hardly change the number of
/// iterations.
const STEPS: usize = 2;

/// The graph z = amplitude · f(t) as pursuit sees it. For powers it is a cone, and the scale is free, as it is for max(t, 0); for an
/// activation without a degree the amplitude is a guess. Rows of the labels are weighted.
pub(super) struct Curve {
    /// Weight of each sample, beside that of the frame: zeros stay zeros, and no sample outweighs the others. Labels that grow faster
    /// than their inputs have a few samples that are larger than all others together.
    weights: Vec<f64>,
    /// The same times the weights that the frame has, of mean square 1.
    total: Vec<f32>,
    /// Orthonormal basis of the weighted labels.
    basis: Mat<f64>,
    /// Takes coordinates of the extended labels to those in `basis`.
    change: Mat<f64>,
    shapes: Vec<Shape>,
    activation: Activation,
}

/// The curve z = amplitude · f(t).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    /// c where f(t) = tᶜ; otherwise that of the power that is nearest to f where most values are.
    exponent: f32,
    amplitude: f32,
}

impl Shape {
    /// A power, with a mean square of 1/2 for standard normal t, as max(t, 0) has it.
    fn power(exponent: f64) -> Shape {
        let (step, end) = (1.0 / 64.0, 12.0);
        let density = |t: f64| t.powf(2.0 * exponent) * (-t * t / 2.0).exp() / std::f64::consts::TAU.sqrt();
        let count = (end / step) as usize;
        let square: f64 = (0..count).map(|i| step * density((i as f64 + 0.5) * step)).sum();
        Shape { exponent: exponent as f32, amplitude: (0.5 / square).sqrt() as f32 }
    }

    /// The amplitude that gives a unit a mean square of 1/2 if values before the activation have the root mean square `scale`: that
    /// of k random units whose labels, for orthogonal columns of U, have the size of those given. `own` is the size of the curve's
    /// weights in proportion to that of the weights in total.
    fn guess(frame: &Frame, scale: f64, own: f64) -> Shape {
        let (n, k) = (frame.n(), frame.k());
        let draws = random::gaussian(frame.inputs().ncols(), k, &mut random::stream(0, "curve", 0));
        let t = product::matmul(frame.inputs(), draws.as_ref());
        let unit = scale * ((n * k) as f64).sqrt() / product::frobenius(t.as_ref());
        let f = |t: f64| frame.activation().value(unit * t);
        let square = |j: usize| t.row(j).iter().map(|&t| f(t).powi(2)).sum::<f64>();
        let mut sizes: Vec<f64> = (0..n).map(|j| frame.weight(j) * square(j).sqrt()).collect();
        sizes.sort_by(f64::total_cmp);
        let size = (sizes[n / 2] / (k as f64).sqrt()).max(f64::MIN_POSITIVE.sqrt());
        let exponent = scale * frame.activation().derivative(scale) / frame.activation().value(scale);
        Shape {
            exponent: if exponent.is_finite() { exponent.max(LEAST_EXPONENT) as f32 } else { 1.0 },
            amplitude: (0.5f64.sqrt() / (own * size)) as f32,
        }
    }
}

impl Curve {
    /// `None` for max(t, 0), leaky ReLU and |t|, whose graphs are two rays.
    ///
    /// # Cost
    /// A QR of the extended labels.
    pub(super) fn new(frame: &Frame) -> Option<Curve> {
        let (activation, extended) = (frame.activation(), frame.extended());
        if !activation.bends() {
            return None;
        }
        let (n, q) = extended.shape();
        // The leverage of a sample is q/n on average. Its fourth root equalises sizes without blowing up samples that are
        // nearly zero.
        let floor = 1e-3 * (q as f64 / n as f64).sqrt();
        let weights: Vec<f64> = (0..n).map(|j| extended.row(j).norm_l2().max(floor).sqrt().recip()).collect();
        let total: Vec<f64> = (0..n).map(|j| weights[j] * frame.weight(j)).collect();
        let size = product::norm(&total) / (n as f64).sqrt();
        let factor = qr::Qr::factor(Mat::from_fn(n, q, |j, i| weights[j] * extended[(j, i)]));
        let shapes = match activation.degree() {
            Some(degree) => vec![Shape::power(degree)],
            None => {
                let own = product::norm(&weights) / (n as f64).sqrt() / size;
                GUESSED_SCALES.iter().map(|&scale| Shape::guess(frame, scale, own)).collect()
            }
        };
        Some(Curve {
            total: total.into_iter().map(|weight| (weight / size) as f32).collect(),
            weights,
            basis: factor.thin_q(),
            change: factor.r(),
            shapes,
            activation: activation.clone(),
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
        self.activation.degree().is_none()
    }

    /// The curve of a start.
    pub(super) fn shape(&self, start: usize) -> Shape {
        self.shapes[start % self.shapes.len()]
    }

    /// Near point of the graph in the metric |t|² + λ²|z|², entry by entry, with λ² = `weight` for exponents of at least 1, and
    /// the more the steeper the curve leaves zero: at c = 1/2 the iteration needs 2λ. The nearest one up to what two Gauss-Newton
    /// steps leave.
    pub(super) fn project(
        &self,
        shape: Shape,
        weight: f32,
        (t, z): (&[f32], &[f32]),
        (graph_t, graph_z): (&mut [f32], &mut [f32]),
    ) {
        let c = shape.exponent;
        let weight = weight / c.min(1.0).powi(2);
        let (activation, own) = (&self.activation, self.is_approximate());
        let f = |tau: f32| {
            if own { activation.value(f64::from(tau)).min(LARGEST) as f32 } else { tau.powf(c) }
        };
        let inverse = |z: f32| if own { activation.inverse(f64::from(z)) as f32 } else { z.powf(c.recip()) };
        for (j, (&t, &z)) in t.iter().zip(z).enumerate() {
            let negative = t.min(0.0);
            graph_t[j] = negative;
            graph_z[j] = 0.0;
            if t <= 0.0 && z <= 0.0 {
                continue;
            }
            let scale = shape.amplitude * self.total[j];
            let at = |tau: f32| {
                let value = scale * f(tau);
                (value, (t - tau) * (t - tau) + weight * (z - value) * (z - value))
            };
            // Starts: the points with the same t, with the same z, and between the two.
            let (same_t, same_z) = (t.max(1e-3), inverse(z.max(0.0) / scale).max(1e-3));
            let mut best = same_t;
            let (mut value, mut cost) = at(best);
            for tau in [same_z, 0.5 * (same_t + same_z)] {
                let (other_value, other_cost) = at(tau);
                if other_cost < cost {
                    (best, value, cost) = (tau, other_value, other_cost);
                }
            }
            for _ in 0..STEPS {
                let slope = if own {
                    scale * activation.derivative(f64::from(best)).min(LARGEST) as f32
                } else {
                    c * value / best
                };
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

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_network::{BiasKind, PlantedSpec, Samples};

    #[test]
    fn projections_lie_on_the_graph_and_are_near() {
        for name in ["power:0.5", "power:1.5", "power:3", "expm1", "expm1-square"] {
            let activation: Activation = name.parse().expect("built in");
            let spec = PlantedSpec { m: 5, k: 5, d: 5, activation, seed: 1, ..PlantedSpec::default() };
            let p = spec.plant(400).expect("valid");
            let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
            let frame = Frame::for_activation(&samples, BiasKind::None, None, &spec.activation);
            let curve = Curve::new(&frame.expect("finite").0).expect("bends");
            let shape = curve.shape(0);
            let draw = |index| {
                let values = random::gaussian_vec(400, &mut random::stream(2, "curve", index));
                values.into_iter().map(|v| v as f32).collect::<Vec<_>>()
            };
            let (t, z) = (draw(0), draw(1));
            let (mut graph_t, mut graph_z) = (vec![0.0; 400], vec![0.0; 400]);
            curve.project(shape, 16.0, (&t, &z), (&mut graph_t, &mut graph_z));
            let weight = 16.0 / shape.exponent.min(1.0).powi(2);
            let (mut found, mut least) = (0.0, 0.0);
            for j in 0..400 {
                let f = |tau: f32| spec.activation.value(f64::from(tau)).min(LARGEST) as f32;
                let on_curve = |tau: f32| shape.amplitude * curve.total[j] * f(tau);
                let square = |tau: f32, zeta: f32| (t[j] - tau).powi(2) + weight * (z[j] - zeta).powi(2);
                let expected = if graph_t[j] > 0.0 { on_curve(graph_t[j]) } else { 0.0 };
                assert!((graph_z[j] - expected).abs() <= 1e-5 * expected, "{name} {j}");
                let inactive = square(t[j].min(0.0), 0.0);
                let grid = (1..4000).map(|i| i as f32 * 2e-3);
                let nearest = grid.map(|tau| square(tau, on_curve(tau))).fold(inactive, f32::min);
                let here = square(graph_t[j], graph_z[j]);
                assert!(here <= inactive, "{name} {j}");
                found += here;
                least += nearest;
            }
            // Two steps leave little of what is to be gained.
            assert!(found <= 1.05 * least, "{name}: {found} against {least}");
        }
    }

    #[test]
    fn powers_have_the_mean_square_of_the_rectifier() {
        // E t₊^(2c) = 1/2, 3/2, 15/2 for c = 1, 2, 3.
        for (exponent, square) in [(1.0, 0.5), (2.0, 1.5), (3.0, 7.5)] {
            let amplitude = f64::from(Shape::power(exponent).amplitude);
            assert!((amplitude * amplitude * square - 0.5).abs() < 1e-6, "{exponent}");
        }
    }
}
