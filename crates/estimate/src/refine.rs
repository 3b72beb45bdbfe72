//! Refinement to the least-squares optimum: Levenberg-Marquardt with the output layer eliminated.

use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::qr::Qr;
use orthant_linalg::{LinalgError, Mat, MatRef, product, tolerance};

use crate::error::SearchError;
use crate::frame::Frame;
use crate::progress::Reporter;

/// Settings of [`refine`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RefineSettings {
    /// Steps of the outer iteration at most. From a start inside the basin 4 to 20 suffice.
    pub max_steps: usize,
    /// Relative decrease of the residual below which the iteration has converged.
    pub stall: f64,
}

impl Default for RefineSettings {
    fn default() -> RefineSettings {
        RefineSettings { max_steps: 60, stall: 1e-10 }
    }
}

/// A local optimum of |U f(t) + c − A|² with t in the row space of the inputs.
#[derive(Debug, Clone)]
pub struct Refined {
    /// Coordinates of each unit's values before the rectifier in [`Frame::inputs`], r × k.
    pub directions: Mat<f64>,
    /// Frobenius norm of the residual over that of the labels (centred when an output bias is fitted).
    pub residual: f64,
    /// Outer steps taken.
    pub steps: usize,
    /// Whether the residual stalled before the steps ran out.
    pub converged: bool,
}

/// Conjugate-gradient steps on each linearised problem: enough for the accuracy of a Gauss-Newton step at the conditioning of
/// whitened inputs, and the steps stop earlier when the residual says so.
const MAX_INNER: usize = 60;

/// Minimises |U f(t) + c − A|_F over directions and the output layer, from given directions.
///
/// # Shapes
/// `labels` is n × m (one sample per row), `start` is r × k: column i has the coordinates in [`Frame::inputs`] of unit i.
///
/// # Guarantee
/// The residual never grows. With E = 0 and a start in the basin of the true network, it converges quadratically to rounding
/// level; with Gaussian errors the optimum is the maximum-likelihood estimate.
///
/// # Errors
/// [`SearchError`]; running out of steps is not an error: [`Refined::converged`] tells.
///
/// # Cost
/// A step takes at most 60 inner iterations of 4n(r + 2k)k operations, and a QR of the n × (k + 1) activations.
///
/// # Paper
/// Not in the paper, which ends with the regression for U. The elimination of the output layer is variable projection (Golub
/// and Pereyra 1973) with Kaufman's Jacobian; inner steps are CGLS on the data, never on a Gram matrix.
pub fn refine(
    frame: &Frame,
    labels: MatRef<'_, f64>,
    start: Mat<f64>,
    settings: &RefineSettings,
    reporter: &mut Reporter<'_>,
) -> Result<Refined, SearchError> {
    let k = start.ncols();
    let scale = product::frobenius(labels).max(f64::MIN_POSITIVE);
    let mut point = Point::at(frame, labels, start)?;
    let mut damping = 1e-3;
    let mut steps = 0;
    let mut converged = false;
    while steps < settings.max_steps && !converged {
        reporter.report("refinement", k, k, steps)?;
        steps += 1;
        let mut improved = false;
        // Each failure multiplies the damping by 8, so that ten of them cover nine orders of magnitude.
        for _ in 0..10 {
            let step = point.damped_step(frame, damping);
            let candidate = Point::at(frame, labels, &point.directions + &step)?;
            if candidate.residual < point.residual {
                let decrease = 1.0 - candidate.residual / point.residual;
                converged = decrease < settings.stall || candidate.residual <= tolerance::EPS * scale;
                point = candidate;
                damping = (damping / 8.0).max(1e-14);
                improved = true;
                break;
            }
            damping *= 8.0;
        }
        if !improved {
            converged = true;
        }
    }
    Ok(Refined { directions: point.directions, residual: point.residual / scale, steps, converged })
}

/// A set of directions with everything that depends on it.
struct Point {
    directions: Mat<f64>,
    /// f'(t) of each unit on each sample, n × k.
    slopes: Mat<f64>,
    /// Orthonormal basis of the activations and the constant.
    span: Mat<f64>,
    /// Triangle of the QR of U, k × k: what the output layer does to lengths.
    output: Mat<f64>,
    /// The residual in the coordinates of the column space of U, n × k.
    reduced: Mat<f64>,
    /// Frobenius norm of the whole residual.
    residual: f64,
}

impl Point {
    fn at(frame: &Frame, labels: MatRef<'_, f64>, directions: Mat<f64>) -> Result<Point, LinalgError> {
        let (n, k) = (frame.n(), directions.ncols());
        let constant = usize::from(frame.bias().output());
        let t = product::matmul(frame.inputs(), directions.as_ref());
        let f = frame.activation();
        let slopes = Mat::from_fn(n, k, |i, j| f.derivative(t[(i, j)]));
        let design = Mat::from_fn(n, k + constant, |i, j| if j < k { f.value(t[(i, j)]) } else { 1.0 });
        let factor = RankRevealing::new(design.clone(), tolerance::backward(n, k + constant))?;
        let solution = factor.solve(labels);
        let mut residual = labels.to_owned();
        product::matmul_add(residual.as_mut(), -1.0, design.as_ref(), solution.as_ref());
        let u = solution.as_ref().subrows(0, k).transpose().to_owned();
        let qr = Qr::factor(u);
        let reduced = product::matmul(residual.as_ref(), qr.thin_q().as_ref());
        let norm = product::frobenius(residual.as_ref());
        let span = Qr::factor(design).thin_q();
        Ok(Point { directions, slopes, span, output: qr.r(), reduced, residual: norm })
    }

    /// The change of activations, as seen in the labels once the output layer has followed: (I − P)(f'(t) ∘ Z d) R'.
    fn forward(&self, frame: &Frame, change: &Mat<f64>) -> Mat<f64> {
        let mut moved = product::matmul(frame.inputs(), change.as_ref());
        multiply_entries(&mut moved, &self.slopes);
        self.remove_span(&mut moved);
        product::matmul(moved.as_ref(), self.output.transpose())
    }

    /// The transpose of [`Point::forward`].
    fn backward(&self, frame: &Frame, values: &Mat<f64>) -> Mat<f64> {
        let mut pulled = product::matmul(values.as_ref(), self.output.as_ref());
        self.remove_span(&mut pulled);
        multiply_entries(&mut pulled, &self.slopes);
        product::matmul(frame.inputs().transpose(), pulled.as_ref())
    }

    fn remove_span(&self, values: &mut Mat<f64>) {
        let coords = product::matmul(self.span.transpose(), values.as_ref());
        product::matmul_add(values.as_mut(), -1.0, self.span.as_ref(), coords.as_ref());
    }

    /// CGLS on |forward(d) − residual|² + damping |D d|², with D the norms of the output columns: the step in directions.
    fn damped_step(&self, frame: &Frame, damping: f64) -> Mat<f64> {
        let (r, k) = self.directions.shape();
        // Unit i is scaled by the norm of its column of U, so that every unit counts alike.
        let weights: Vec<f64> =
            (0..k).map(|i| 1.0 / self.output.col(i).norm_l2().max(f64::MIN_POSITIVE.sqrt())).collect();
        let scaled = |a: &Mat<f64>| Mat::from_fn(r, k, |i, j| a[(i, j)] * weights[j]);
        let mut step = Mat::zeros(r, k);
        let mut left = self.reduced.clone();
        let mut gradient = scaled(&self.backward(frame, &left));
        let mut direction = gradient.clone();
        let mut slope = product::frobenius(gradient.as_ref()).powi(2);
        let first = slope;
        for _ in 0..MAX_INNER {
            if slope <= 1e-24 * first || slope == 0.0 {
                break;
            }
            let image = self.forward(frame, &scaled(&direction));
            let curvature = product::frobenius(image.as_ref()).powi(2)
                + damping * product::frobenius(direction.as_ref()).powi(2);
            let length = slope / curvature;
            step += length * &direction;
            left -= length * &image;
            gradient = scaled(&self.backward(frame, &left)) - damping * &step;
            let next = product::frobenius(gradient.as_ref()).powi(2);
            direction = &gradient + (next / slope) * &direction;
            slope = next;
        }
        scaled(&step)
    }
}

fn multiply_entries(values: &mut Mat<f64>, factors: &Mat<f64>) {
    for j in 0..values.ncols() {
        for (value, factor) in values.col_as_slice_mut(j).iter_mut().zip(factors.col_as_slice(j)) {
            *value *= factor;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::random;
    use orthant_network::{BiasKind, PlantedSpec, Samples};
    use std::ops::ControlFlow;

    #[test]
    fn a_perturbed_network_is_refined_to_rounding_level() {
        let spec = PlantedSpec { m: 6, k: 4, d: 5, bias: BiasKind::Both, seed: 1, ..PlantedSpec::default() };
        let p = spec.plant(200).expect("valid");
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let (frame, _) = Frame::new(&samples, BiasKind::Both, None).expect("finite");
        let t = p.network.preactivations(p.x.as_ref()).transpose().to_owned();
        let exact = product::matmul(frame.inputs().transpose(), t.as_ref());
        let noise = random::gaussian(exact.nrows(), 4, &mut random::stream(2, "refine", 0));
        let size = product::frobenius(exact.as_ref()) / product::frobenius(noise.as_ref());
        let start = &exact + 0.05 * size * &noise;
        let mut callback = |_| ControlFlow::Continue(());
        let mut reporter = Reporter::new(&mut callback);
        let refined = refine(&frame, p.a.transpose(), start, &RefineSettings::default(), &mut reporter)
            .expect("finite");
        assert!(refined.converged);
        assert!(refined.residual <= frame.null_tolerance(), "{}", refined.residual);
        // Directions are determined up to a positive factor.
        for i in 0..4 {
            let (found, expected) = (refined.directions.col_as_slice(i), exact.col_as_slice(i));
            let cosine = product::dot(found, expected) / (product::norm(found) * product::norm(expected));
            assert!(1.0 - cosine <= frame.null_tolerance(), "{cosine}");
        }
    }
}
