//! Samples in the coordinates that all units are sought in at once, and what is linear there.

use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::qr::{self, Qr};
use orthant_linalg::{LinalgError, Mat, MatRef, product, tolerance, triangular};
use orthant_network::{Activation, BiasKind};

/// Samples in the coordinates that refinement works in.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    /// Inputs, n × r: rows of [`crate::Frame::inputs`], all of them or some, with the constant among the columns when a hidden
    /// bias is fitted. Columns that are orthonormal up to a common factor, of root mean square about 1, make well-conditioned steps.
    pub inputs: MatRef<'a, f64>,
    /// Labels, n × m, one sample per row.
    pub labels: MatRef<'a, f64>,
    /// Which biases are fitted.
    pub bias: BiasKind,
    /// The activation of the units.
    pub activation: &'a Activation,
    /// Whether an affine function of the inputs is fitted along with the units.
    ///
    /// Since f(t) − f(−t) = t for max(t, 0), a unit and its mirror image are then the same, which halves the number of
    /// directions to be told apart; [`crate::orient`] finds the signs afterwards.
    pub affine: bool,
}

impl Problem<'_> {
    /// Number of samples.
    pub fn n(&self) -> usize {
        self.inputs.nrows()
    }

    /// The columns fitted beside the units: the inputs, and the constant unless they contain it.
    fn n_beside(&self) -> usize {
        let affine = if self.affine { self.inputs.ncols() } else { 0 };
        affine + usize::from(self.has_constant())
    }

    fn has_constant(&self) -> bool {
        self.bias.output() && !(self.affine && self.bias.hidden())
    }

    /// The columns that are fitted linearly for given values before the rectifier: activations, inputs, constant.
    pub(crate) fn design(&self, t: &Mat<f64>) -> Mat<f64> {
        let k = t.ncols();
        let affine = if self.affine { self.inputs.ncols() } else { 0 };
        let mut design = Mat::zeros(self.n(), k + self.n_beside());
        for j in 0..k {
            let column = design.col_as_slice_mut(j);
            column.iter_mut().zip(t.col_as_slice(j)).for_each(|(z, &t)| *z = self.activation.value(t));
        }
        design.as_mut().subcols_mut(k, affine).copy_from(self.inputs.subcols(0, affine));
        if self.has_constant() {
            design.col_as_slice_mut(k + affine).fill(1.0);
        }
        design
    }
}

/// What each unit adds to the fit: the norm of the part of the labels that is lost when it alone is left out, directions unchanged,
/// over the norm of the labels; and the residual of the fit over the same.
///
/// # Shapes
/// `directions` is r × k; the first part of the result has length k.
///
/// # Errors
/// [`LinalgError::NoConvergence`] on overflow.
///
/// # Cost
/// A QR of the n × (k + r) design.
pub fn contributions(problem: &Problem<'_>, directions: &Mat<f64>) -> Result<(Vec<f64>, f64), LinalgError> {
    let (n, k) = (problem.n(), directions.ncols());
    let scale = product::frobenius(problem.labels).max(f64::MIN_POSITIVE);
    let design = problem.design(&product::matmul(problem.inputs, directions.as_ref()));
    let columns = design.ncols();
    let solution = RankRevealing::new(design.clone(), tolerance::backward(n, columns))?.solve(problem.labels);
    let mut residual = problem.labels.to_owned();
    product::matmul_add(residual.as_mut(), -1.0, design.as_ref(), solution.as_ref());
    // Row i of the inverse triangle has the norm of one over the distance of column i from the others.
    let floor = tolerance::backward(n, columns) * product::frobenius(design.as_ref());
    let guard = floor * Mat::<f64>::identity(columns, columns);
    let upper = qr::stack_r(Qr::factor(design).r().as_ref(), guard.as_ref());
    let mut inverse = Mat::identity(columns, columns);
    triangular::solve_upper(upper.as_ref(), inverse.as_mut());
    let sizes = (0..k).map(|i| solution.row(i).norm_l2() / inverse.row(i).norm_l2() / scale).collect();
    Ok((sizes, product::frobenius(residual.as_ref()) / scale))
}

/// The linear part of a fit.
#[derive(Debug, Clone)]
pub struct LinearFit {
    /// Output weights, m × k.
    pub u: Mat<f64>,
    /// Coefficients of the inputs, r × m, when an affine function is fitted along, 0 × m otherwise.
    pub affine: Mat<f64>,
    coefficients: Mat<f64>,
}

impl LinearFit {
    /// Relative residual on other samples.
    ///
    /// # Shapes
    /// `directions` is r × k, those that were fitted.
    ///
    /// # Panics
    /// When `other` has other dimensions or biases than the problem that was fitted.
    ///
    /// # Cost
    /// 2n(rk + qm) operations for a design of q columns and n other samples.
    pub fn residual_on(&self, other: &Problem<'_>, directions: &Mat<f64>) -> f64 {
        let design = other.design(&product::matmul(other.inputs, directions.as_ref()));
        let mut residual = other.labels.to_owned();
        product::matmul_add(residual.as_mut(), -1.0, design.as_ref(), self.coefficients.as_ref());
        product::frobenius(residual.as_ref()) / product::frobenius(other.labels).max(f64::MIN_POSITIVE)
    }
}

/// Fits what is linear, for given directions.
///
/// # Shapes
/// `directions` is r × k.
///
/// # Errors
/// [`LinalgError::NoConvergence`] on overflow.
///
/// # Cost
/// A QR of the n × (k + r) design.
pub fn linear_fit(problem: &Problem<'_>, directions: &Mat<f64>) -> Result<LinearFit, LinalgError> {
    let (n, k) = (problem.n(), directions.ncols());
    let design = problem.design(&product::matmul(problem.inputs, directions.as_ref()));
    let columns = design.ncols();
    let coefficients = RankRevealing::new(design, tolerance::backward(n, columns))?.solve(problem.labels);
    let affine = if problem.affine { problem.inputs.ncols() } else { 0 };
    let u = coefficients.as_ref().subrows(0, k).transpose().to_owned();
    let affine = coefficients.as_ref().subrows(k, affine).to_owned();
    Ok(LinearFit { u, affine, coefficients })
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::random;

    /// A = f(t_1) + 10⁻³ f(t_2) + x_1: the fit finds the weights, and each unit contributes what leaving it out costs.
    #[test]
    fn contributions_are_what_leaving_a_unit_out_costs() {
        let rng = &mut random::stream(1, "problem", 0);
        let (x, v) = (random::gaussian(200, 3, rng), random::gaussian(3, 2, rng));
        let t = product::matmul(x.as_ref(), v.as_ref());
        let a = Mat::from_fn(200, 1, |j, _| t[(j, 0)].max(0.0) + 1e-3 * t[(j, 1)].max(0.0) + x[(j, 0)]);
        let problem = Problem {
            inputs: x.as_ref(),
            labels: a.as_ref(),
            bias: BiasKind::None,
            affine: true,
            activation: &Activation::RELU,
        };
        let (sizes, residual) = contributions(&problem, &v).expect("finite");
        let tol = 100.0 * tolerance::backward(200, 5);
        assert!(residual <= tol);
        for (left_out, size) in sizes.iter().enumerate() {
            let other = v.as_ref().subcols(1 - left_out, 1).to_owned();
            let (_, without) = contributions(&problem, &other).expect("finite");
            assert!((without / size - 1.0).abs() <= tol / size, "{without} {size}");
        }
        let fit = linear_fit(&problem, &v).expect("finite");
        assert!((fit.u[(0, 0)] - 1.0).abs() <= tol && (fit.u[(0, 1)] - 1e-3).abs() <= tol);
        assert!((fit.affine[(0, 0)] - 1.0).abs() <= tol && fit.affine[(1, 0)].abs() <= tol);
        assert!(fit.residual_on(&problem, &v) <= tol);
    }
}
