//! Refinement to the least-squares optimum: Levenberg-Marquardt with the output layer eliminated.

use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::qr::Qr;
use orthant_linalg::{LinalgError, Mat, product, tolerance, triangular};

use crate::error::SearchError;
use crate::problem::Problem;
use crate::progress::Reporter;

/// Settings of [`refine`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RefineSettings {
    /// Steps of the outer iteration at most. From a start inside the basin 4 to 20 suffice.
    pub max_steps: usize,
    /// Relative decrease of the residual below which a step counts as slow; three slow steps end the iteration.
    pub stall: f64,
    /// Relative residual at which the iteration has arrived.
    pub target: f64,
    /// How the linearised problem of each step is solved.
    pub solver: LinearSolver,
}

/// How [`refine`] solves its linearised problems.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LinearSolver {
    /// To rounding: factored while they are small, by conjugate gradients when they are large. For residuals that go to zero.
    Accurate,
    /// By conjugate gradients until the gradient has fallen to this share (an inexact Newton method). Enough where the residual stays
    /// above zero, because of noise or of too few units, and the steps cannot converge quadratically.
    Inexact(f64),
}

impl LinearSolver {
    /// Whether problems of this size are factored.
    fn factors(self, n: usize, r: usize, k: usize) -> bool {
        self == LinearSolver::Accurate && is_dense(n, r, k)
    }

    /// The operations of one step of [`refine`], about, for n samples, r inputs, k units and m outputs.
    pub fn operations(self, n: usize, r: usize, k: usize, m: usize) -> f64 {
        let (rows, inputs, units) = (n as f64, r as f64, k as f64);
        let product = 4.0 * rows * (inputs + 2.0 * units) * units;
        match self {
            LinearSolver::Accurate if is_dense(n, r, k) => {
                let q = units * inputs;
                let triangles = 3.0 * q.powi(3) * (m.min(k) + 1) as f64;
                2.0 * rows * q * q + 4.0 * rows * q * (units + inputs) + triangles
            }
            LinearSolver::Accurate => MAX_INNER as f64 * product,
            LinearSolver::Inexact(_) => TYPICAL_INNER * product,
        }
    }

    /// Share of the gradient at which conjugate gradients end.
    fn share(self) -> f64 {
        match self {
            LinearSolver::Accurate => ACCURATE,
            LinearSolver::Inexact(share) => share,
        }
    }
}

/// Share of the gradient at which conjugate gradients have solved a problem to rounding, or nearly.
const ACCURATE: f64 = 1e-12;

impl Default for RefineSettings {
    fn default() -> RefineSettings {
        RefineSettings { max_steps: 60, stall: 1e-10, target: tolerance::EPS, solver: LinearSolver::Accurate }
    }
}

/// A local optimum of |U f(t) + c − A|² with t in the row space of the inputs.
#[derive(Debug, Clone)]
pub struct Refined {
    /// Coordinates of each unit's values before the activation in [`Problem::inputs`], r × k; columns have unit norm where the
    /// activation has a degree.
    pub directions: Mat<f64>,
    /// Frobenius norm of the residual over that of the labels.
    pub residual: f64,
    /// Outer steps taken.
    pub steps: usize,
    /// Whether the residual arrived or stalled before the steps ran out.
    pub converged: bool,
}

/// Conjugate-gradient steps on each linearised problem: enough for the accuracy of a Gauss-Newton step at the conditioning of
/// whitened inputs, and the steps stop earlier when the residual says so.
const MAX_INNER: usize = 60;

/// Conjugate-gradient steps when they end early, about.
const TYPICAL_INNER: f64 = 12.0;

/// Linearised problems are factored when they have at most this many unknowns, kr, and conjugate gradients solve the larger ones.
const MAX_DENSE: usize = 640;

/// And at most this many entries: 64 MB.
const MAX_DENSE_ENTRIES: usize = 8_000_000;

/// Slow steps in a row that end the iteration.
const SLOW_STEPS: usize = 3;

/// Minimises |U f(t) + c − A|_F over directions and the output layer, from given directions.
///
/// # Shapes
/// `start` is r × k: column i has the coordinates in [`Problem::inputs`] of unit i.
///
/// # Guarantee
/// The residual never grows. With E = 0 and a start in the basin of the true network, it converges quadratically to rounding
/// level; with Gaussian errors the optimum is the maximum-likelihood estimate.
///
/// # Errors
/// [`SearchError`]; running out of steps is not an error: [`Refined::converged`] tells.
///
/// # Cost
/// With q = kr up to 640, a step takes one QR of an n × q matrix, 2nq² operations, min(m, k) − 1 more of q × q, and 3q³ for each
/// damping tried; beyond that, at most 60 inner iterations of 4n(r + 2k)k. See [`LinearSolver::operations`].
///
/// # Paper
/// Not in the paper, which ends with the regression for U. The elimination of the output layer is variable projection (Golub
/// and Pereyra 1973) with Kaufman's Jacobian; inner steps are QR or CGLS on the data, never on a Gram matrix.
pub fn refine(
    problem: &Problem<'_>,
    start: Mat<f64>,
    settings: &RefineSettings,
    reporter: &mut Reporter<'_>,
) -> Result<Refined, SearchError> {
    let k = start.ncols();
    let scale = product::frobenius(problem.labels).max(f64::MIN_POSITIVE);
    let target = settings.target.max(tolerance::EPS) * scale;
    let mut point = Point::at(problem, start)?;
    let mut damping = 1e-3;
    let (mut steps, mut slow) = (0, 0);
    let mut converged = point.residual <= target || k == 0;
    while steps < settings.max_steps && !converged {
        reporter.report("refinement", k, k, steps)?;
        steps += 1;
        let mut improved = false;
        let (n, r) = problem.inputs.shape();
        let dense = settings.solver.factors(n, r, k).then(|| point.factored(problem));
        // Each failure multiplies the damping by 8, so that ten of them cover nine orders of magnitude.
        for _ in 0..10 {
            let step = match &dense {
                Some(dense) => dense.damped_step(&point, damping),
                None => point.damped_step(problem, damping, settings.solver.share()),
            };
            // A step so long that an exponential overflows is too long.
            let candidate = Point::at(problem, &point.directions + &step).ok();
            if let Some(candidate) = candidate.filter(|candidate| candidate.residual < point.residual) {
                slow =
                    if candidate.residual > (1.0 - settings.stall) * point.residual { slow + 1 } else { 0 };
                converged = slow == SLOW_STEPS || candidate.residual <= target;
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

/// Whether linearised problems of this size are factored.
pub fn is_dense(n: usize, r: usize, k: usize) -> bool {
    r * k <= MAX_DENSE && n * r * k <= MAX_DENSE_ENTRIES
}

/// A set of directions with everything that depends on it.
struct Point {
    directions: Mat<f64>,
    /// f'(t) of each unit on each sample, n × k.
    slope: Mat<f64>,
    /// Orthonormal basis of what is fitted linearly.
    span: Mat<f64>,
    /// Triangle of the QR of U, min(m, k) × k: what the output layer does to lengths.
    output: Mat<f64>,
    /// The residual in the coordinates of the column space of U, n × min(m, k).
    reduced: Mat<f64>,
    /// Frobenius norm of the whole residual.
    residual: f64,
}

impl Point {
    fn at(problem: &Problem<'_>, mut directions: Mat<f64>) -> Result<Point, LinalgError> {
        let (n, k) = (problem.n(), directions.ncols());
        let scaled_by_output = if problem.activation.degree().is_some() { k } else { 0 };
        for j in 0..scaled_by_output {
            // The scale of a unit is the output layer's.
            let norm = product::norm(directions.col_as_slice(j));
            if norm > 0.0 {
                directions.col_as_slice_mut(j).iter_mut().for_each(|v| *v /= norm);
            }
        }
        let t = product::matmul(problem.inputs, directions.as_ref());
        let slope = Mat::from_fn(n, k, |i, j| problem.activation.derivative(t[(i, j)]));
        let design = problem.design(&t);
        let factor = RankRevealing::new(design.clone(), tolerance::backward(n, design.ncols()))?;
        let solution = factor.solve(problem.labels);
        let mut residual = problem.labels.to_owned();
        product::matmul_add(residual.as_mut(), -1.0, design.as_ref(), solution.as_ref());
        let u = solution.as_ref().subrows(0, k).transpose().to_owned();
        let qr = Qr::factor(u);
        let reduced = product::matmul(residual.as_ref(), qr.thin_q().as_ref());
        let norm = product::frobenius(residual.as_ref());
        let span = Qr::factor(design).thin_q();
        Ok(Point { directions, slope, span, output: qr.r(), reduced, residual: norm })
    }

    /// The change of activations, as seen in the labels once the output layer has followed: (I − P)(f'(t) ∘ Z d) R'.
    fn forward(&self, problem: &Problem<'_>, change: &Mat<f64>) -> Mat<f64> {
        let mut moved = product::matmul(problem.inputs, change.as_ref());
        multiply_entries(&mut moved, &self.slope);
        self.remove_span(&mut moved);
        product::matmul(moved.as_ref(), self.output.transpose())
    }

    /// The transpose of [`Point::forward`].
    fn backward(&self, problem: &Problem<'_>, values: &Mat<f64>) -> Mat<f64> {
        let mut pulled = product::matmul(values.as_ref(), self.output.as_ref());
        self.remove_span(&mut pulled);
        multiply_entries(&mut pulled, &self.slope);
        product::matmul(problem.inputs.transpose(), pulled.as_ref())
    }

    fn remove_span(&self, values: &mut Mat<f64>) {
        let coords = product::matmul(self.span.transpose(), values.as_ref());
        product::matmul_add(values.as_mut(), -1.0, self.span.as_ref(), coords.as_ref());
    }

    /// The linearised problem as a triangle. With B = (I − P)[S_1 ∘ Z, …, S_k ∘ Z] = QT, the Jacobian of output coordinate o is
    /// B diag(R_oi): the QR of B serves all of them, and what remains is that of the scaled triangles.
    fn factored(&self, problem: &Problem<'_>) -> Factored {
        let (r, k) = self.directions.shape();
        let (n, q) = (problem.n(), r * k);
        let mut moved = Mat::zeros(n, q);
        for i in 0..k {
            let slope = self.slope.col_as_slice(i);
            for j in 0..r {
                let column = moved.col_as_slice_mut(i * r + j);
                for (row, value) in column.iter_mut().enumerate() {
                    *value = slope[row] * problem.inputs[(row, j)];
                }
            }
        }
        self.remove_span(&mut moved);
        let first = Qr::factor(moved);
        let triangle = first.r();
        let mut rotated = self.reduced.clone();
        first.apply_transpose(rotated.as_mut());
        let (height, coordinates) = (triangle.nrows(), self.output.nrows());
        let stacked = Mat::from_fn(height * coordinates, q, |row, j| {
            triangle[(row % height, j)] * self.output[(row / height, j / r)]
        });
        let mut target =
            Mat::from_fn(height * coordinates, 1, |row, _| rotated[(row % height, row / height)]);
        if coordinates == 1 {
            return Factored { triangle: stacked, target };
        }
        let second = Qr::factor(stacked);
        second.apply_transpose(target.as_mut());
        let triangle = second.r();
        target.truncate(triangle.nrows(), 1);
        Factored { triangle, target }
    }

    /// CGLS on |forward(d) − residual|² + damping |D d|², with D the norms of the output columns: the step in directions.
    fn damped_step(&self, problem: &Problem<'_>, damping: f64, share: f64) -> Mat<f64> {
        let (r, k) = self.directions.shape();
        // Unit i is scaled by the norm of its column of U, so that every unit counts alike.
        let weights: Vec<f64> =
            (0..k).map(|i| 1.0 / self.output.col(i).norm_l2().max(f64::MIN_POSITIVE.sqrt())).collect();
        let scaled = |a: &Mat<f64>| Mat::from_fn(r, k, |i, j| a[(i, j)] * weights[j]);
        let mut step = Mat::zeros(r, k);
        let mut left = self.reduced.clone();
        let mut gradient = scaled(&self.backward(problem, &left));
        let mut direction = gradient.clone();
        let mut slope = product::frobenius(gradient.as_ref()).powi(2);
        let first = slope;
        for _ in 0..MAX_INNER {
            if slope <= share * share * first || slope == 0.0 {
                break;
            }
            let image = self.forward(problem, &scaled(&direction));
            let curvature = product::frobenius(image.as_ref()).powi(2)
                + damping * product::frobenius(direction.as_ref()).powi(2);
            let length = slope / curvature;
            step += length * &direction;
            left -= length * &image;
            gradient = scaled(&self.backward(problem, &left)) - damping * &step;
            let next = product::frobenius(gradient.as_ref()).powi(2);
            direction = &gradient + (next / slope) * &direction;
            slope = next;
        }
        scaled(&step)
    }
}

/// |T d − target|, which is the linearised problem up to a constant.
struct Factored {
    triangle: Mat<f64>,
    target: Mat<f64>,
}

/// Least diagonal of the damping over the largest: directions without any effect are damped as if they had this much.
const LEAST_DAMPED: f64 = 1e-6;

impl Factored {
    /// The step of Marquardt: damping in proportion to the norms of the columns.
    fn damped_step(&self, point: &Point, damping: f64) -> Mat<f64> {
        let (r, k) = point.directions.shape();
        let q = r * k;
        let norms: Vec<f64> = (0..q).map(|j| self.triangle.col(j).norm_l2()).collect();
        let largest = norms.iter().fold(0.0f64, |s, &norm| s.max(norm));
        if largest == 0.0 {
            return Mat::zeros(r, k);
        }
        let height = self.triangle.nrows();
        let mut stacked = Mat::zeros(height + q, q);
        stacked.as_mut().subrows_mut(0, height).copy_from(self.triangle.as_ref());
        for (j, norm) in norms.iter().enumerate() {
            stacked[(height + j, j)] = damping.sqrt() * norm.max(LEAST_DAMPED * largest);
        }
        let mut target = Mat::zeros(height + q, 1);
        target.as_mut().subrows_mut(0, height).copy_from(self.target.as_ref());
        let factor = Qr::factor(stacked);
        factor.apply_transpose(target.as_mut());
        target.truncate(q, 1);
        triangular::solve_upper(factor.r().as_ref(), target.as_mut());
        Mat::from_fn(r, k, |i, j| target[(j * r + i, 0)])
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
    use crate::frame::Frame;
    use orthant_linalg::random;
    use orthant_network::{Activation, BiasKind, PlantedSpec, Samples};
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
        let problem = Problem {
            inputs: frame.inputs(),
            labels: p.a.transpose(),
            bias: BiasKind::Both,
            affine: false,
            activation: &Activation::RELU,
        };
        let refined = refine(&problem, start, &RefineSettings::default(), &mut reporter).expect("finite");
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
