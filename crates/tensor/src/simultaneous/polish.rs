//! The joint iteration: a basis in which all slices are as diagonal as possible, from a basis near it.

use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::{LinalgError, Mat, product, tolerance};

use crate::error::TensorError;

/// How a basis C acts on a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// C⁻¹ B C.
    Similarity,
    /// C⁻¹ T C⁻', for symmetric T.
    Congruence,
}

/// A basis and how well it diagonalises.
#[derive(Debug, Clone)]
pub(super) struct Polished {
    /// Columns of unit norm.
    pub basis: Mat<f64>,
    /// Diagonal of each slice in this basis, one column per slice.
    pub diagonals: Mat<f64>,
    /// Norm of the off-diagonal parts over that of the diagonals.
    pub residual: f64,
    /// Estimated relative error of the worst column.
    pub uncertainty: f64,
    /// Whether the iteration came to rest.
    pub converged: bool,
}

/// Largest entry of a step: the first-order model holds for small ones.
const MAX_STEP: f64 = 0.5;

/// Halvings of a step that does not improve.
const MAX_HALVINGS: usize = 6;

/// The iteration rests when the squared residual falls by less than this part: near an exact solution it falls by orders of
/// magnitude per step, and on noisy slices nothing is gained below the noise.
const LEAST_DECREASE: f64 = 1e-4;

/// Makes the slices as diagonal as possible, starting from `basis`; with `max_iterations` of 0 only measures it.
///
/// Written in the present basis, slices are D_l = Λ_l + O_l. A step C ← C(I + E) changes the entry (i, j) of D_l, to first order,
/// by E_ij (λ_li − λ_lj) in a similarity and by −E_ij λ_lj − E_ji λ_li in a congruence: for each pair of components a
/// least-squares problem of its own, with one or two unknowns and one equation per slice.
pub(super) fn polish(
    slices: &[Mat<f64>],
    form: Form,
    basis: Mat<f64>,
    max_iterations: usize,
) -> Result<Polished, TensorError> {
    let mut state = State::new(slices, form, basis)?;
    let mut converged = false;
    for _ in 0..max_iterations {
        let (step, _) = state.step(form);
        match state.improved(slices, form, &step)? {
            Some(next) => {
                let decrease = 1.0 - next.off / state.off;
                state = next;
                // At rounding level another step only changes the rounding.
                let rounding = tolerance::backward(state.basis.nrows(), state.basis.nrows()).powi(2);
                if decrease < LEAST_DECREASE || state.off <= rounding * state.diagonal {
                    converged = true;
                    break;
                }
            }
            None => {
                converged = true;
                break;
            }
        }
    }
    let (_, uncertainty) = state.step(form);
    let residual = if state.diagonal > 0.0 { (state.off / state.diagonal).sqrt() } else { f64::INFINITY };
    Ok(Polished { diagonals: state.diagonals(), basis: state.basis, residual, uncertainty, converged })
}

/// What a squared separation is beyond what noise alone makes of components with the same coefficients.
///
/// Noise of variance σ² off the diagonals is about 2σ² on differences of diagonals; the sum over f degrees of freedom has mean
/// 2fσ² and relative standard deviation √(2/f), and four of these are allowed for the freedom to choose the basis.
pub(super) fn beyond_noise(separation: f64, noise: f64, freedom: f64) -> f64 {
    separation - 2.0 * freedom * noise * (1.0 + 4.0 * (2.0 / freedom).sqrt())
}

pub(super) fn quotient(noise: f64, separation: f64) -> f64 {
    if separation > 0.0 { noise / separation } else { f64::INFINITY }
}

struct State {
    basis: Mat<f64>,
    transformed: Vec<Mat<f64>>,
    /// Squared norm of the off-diagonal parts.
    off: f64,
    /// Squared norm of the diagonals.
    diagonal: f64,
}

impl State {
    fn new(slices: &[Mat<f64>], form: Form, mut basis: Mat<f64>) -> Result<State, LinalgError> {
        let q = basis.nrows();
        for j in 0..q {
            let norm = basis.col(j).norm_l2();
            basis.as_mut().col_mut(j).iter_mut().for_each(|x| *x /= norm);
        }
        let factor = RankRevealing::new(basis.clone(), tolerance::backward(q, q))?;
        if factor.rank().rank < q {
            return Err(LinalgError::NoConvergence { what: "inverse of a basis", rows: q, cols: q });
        }
        let (mut off, mut diagonal) = (0.0, 0.0);
        let mut transformed = Vec::with_capacity(slices.len());
        for slice in slices {
            let d = match form {
                Form::Similarity => factor.solve(product::matmul(slice.as_ref(), basis.as_ref()).as_ref()),
                Form::Congruence => factor.solve(factor.solve(slice.as_ref()).transpose()),
            };
            let on: f64 = (0..q).map(|i| d[(i, i)] * d[(i, i)]).sum();
            off += (0..q)
                .map(|j| (0..q).filter(|&i| i != j).map(|i| d[(i, j)] * d[(i, j)]).sum::<f64>())
                .sum::<f64>();
            diagonal += on;
            transformed.push(d);
        }
        Ok(State { basis, transformed, off, diagonal })
    }

    fn diagonals(&self) -> Mat<f64> {
        Mat::from_fn(self.basis.nrows(), self.transformed.len(), |i, l| self.transformed[l][(i, i)])
    }

    /// The first-order step E, and the estimated relative error of the worst column.
    fn step(&self, form: Form) -> (Mat<f64>, f64) {
        let q = self.basis.nrows();
        let mut step = Mat::zeros(q, q);
        let mut variances = vec![0.0f64; q];
        for j in 0..q {
            for i in 0..j {
                let solved = match form {
                    Form::Similarity => self.similarity_pair(i, j),
                    Form::Congruence => self.congruence_pair(i, j),
                };
                for ((row, col), (value, variance)) in [(i, j), (j, i)].into_iter().zip(solved) {
                    // Column `col` of the basis is off by `value` times column `row`.
                    step[(row, col)] = value;
                    variances[col] += variance;
                }
            }
        }
        let worst =
            variances.into_iter().fold(0.0f64, |a, b| if b.is_nan() { f64::INFINITY } else { a.max(b) });
        (step, worst.sqrt())
    }

    /// Values and variances of E_ij and E_ji.
    fn similarity_pair(&self, i: usize, j: usize) -> [(f64, f64); 2] {
        let freedom = self.transformed.len().saturating_sub(1).max(1) as f64;
        let mut separation = 0.0;
        let mut projections = [0.0; 2];
        for d in &self.transformed {
            let difference = d[(i, i)] - d[(j, j)];
            separation += difference * difference;
            projections[0] -= difference * d[(i, j)];
            projections[1] += difference * d[(j, i)];
        }
        if separation == 0.0 {
            return [(0.0, f64::INFINITY); 2];
        }
        let values = projections.map(|p| p / separation);
        let mut left = [0.0; 2];
        for d in &self.transformed {
            let difference = d[(i, i)] - d[(j, j)];
            left[0] += (d[(i, j)] + difference * values[0]).powi(2);
            left[1] += (d[(j, i)] - difference * values[1]).powi(2);
        }
        let noise = (left[0] + left[1]) / 2.0 / freedom;
        let separation = beyond_noise(separation, noise, freedom);
        [0, 1].map(|s| (values[s], quotient(noise, separation)))
    }

    /// Values and variances of E_ij and E_ji.
    fn congruence_pair(&self, i: usize, j: usize) -> [(f64, f64); 2] {
        let freedom = self.transformed.len().saturating_sub(2).max(1) as f64;
        let (mut ii, mut jj, mut ij) = (0.0, 0.0, 0.0);
        let (mut right_i, mut right_j) = (0.0, 0.0);
        for d in &self.transformed {
            let (a, b, o) = (d[(i, i)], d[(j, j)], 0.5 * (d[(i, j)] + d[(j, i)]));
            ii += a * a;
            jj += b * b;
            ij += a * b;
            right_i += a * o;
            right_j += b * o;
        }
        // o + E_ij b + E_ji a = 0 over the slices; the determinant vanishes when the two are parallel.
        let determinant = ii * jj - ij * ij;
        if determinant <= tolerance::EPS * ii * jj {
            return [(0.0, f64::INFINITY); 2];
        }
        let e_ij = (right_j * ii - right_i * ij) / determinant;
        let e_ji = (right_i * jj - right_j * ij) / determinant;
        let left: f64 = self
            .transformed
            .iter()
            .map(|d| {
                let o = 0.5 * (d[(i, j)] + d[(j, i)]);
                (o - e_ij * d[(j, j)] - e_ji * d[(i, i)]).powi(2)
            })
            .sum();
        let noise = left / freedom;
        // Squared distance of one coefficient vector from the line of the other.
        let (i_apart, j_apart) = (determinant / jj, determinant / ii);
        let significant = beyond_noise(i_apart.min(j_apart), noise, freedom) / i_apart.min(j_apart);
        [(e_ij, quotient(noise, j_apart * significant)), (e_ji, quotient(noise, i_apart * significant))]
    }

    /// The state after the step, shortened until it improves; `None` when it does not.
    fn improved(
        &self,
        slices: &[Mat<f64>],
        form: Form,
        step: &Mat<f64>,
    ) -> Result<Option<State>, TensorError> {
        let q = self.basis.nrows();
        let largest = step.norm_max();
        if largest == 0.0 {
            return Ok(None);
        }
        let mut length = (MAX_STEP / largest).min(1.0);
        for _ in 0..=MAX_HALVINGS {
            let change = Mat::from_fn(q, q, |i, j| length * step[(i, j)] + f64::from(u8::from(i == j)));
            let basis = product::matmul(self.basis.as_ref(), change.as_ref());
            if let Ok(next) = State::new(slices, form, basis)
                && next.off < self.off
            {
                return Ok(Some(next));
            }
            length *= 0.5;
        }
        Ok(None)
    }
}
