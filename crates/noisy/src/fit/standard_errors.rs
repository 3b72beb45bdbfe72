//! Standard errors of all weights from the information about them.

use orthant_linalg::cholesky::Cholesky;
use orthant_linalg::{Mat, eigen, product, tolerance};

use super::information::Information;
use crate::error::NoisyError;

/// Standard errors of the weights of a network in normal form; infinite for weights that the samples do not determine.
///
/// They come from the linearised network. At ten samples for each weight of a unit the kinks of the loss add to the errors: measured ones
/// were 2 to 7 % larger there, and not at many samples.
#[derive(Debug, Clone, PartialEq)]
pub struct StandardErrors {
    /// Of V, k × d. Where rows have unit norm, errors along the row are none: what is left is tangent to the sphere.
    pub v: Mat<f64>,
    /// Of U, m × k.
    pub u: Mat<f64>,
    /// Of b, length k, when there is a hidden bias.
    pub b: Option<Vec<f64>>,
    /// Of c, length m, when there is an output bias.
    pub c: Option<Vec<f64>>,
    /// The covariances of v_i and b_i of each unit, h × h with h = d + 1 with a hidden bias and d without; those of undetermined
    /// weights are meaningless.
    pub units: Vec<Mat<f64>>,
    /// Directions in the space of all hidden weights that the samples do not determine.
    pub undetermined: usize,
    /// Smallest over largest eigenvalue of the information about hidden weights, scaled to unit diagonal before the elimination of
    /// the output layer, among those that are determined; a lower bound when all are.
    pub conditioning: f64,
}

impl Information {
    /// Standard errors at the optimum for Gaussian noise of a variance: roots of the diagonal of variance · (J'J)⁻¹.
    ///
    /// The scale of a unit is free where the activation has a degree: rows of V have unit norm in the normal form. A change of
    /// weights that keeps the normal form has v_i'δv_i = 0, b_i and u_i are unrestricted, and every change is equivalent to one of
    /// these: so the information is restricted to them before it is inverted.
    ///
    /// # Shapes
    /// A weight counts as undetermined, with an infinite standard error, when it takes part in a direction along which J is zero to
    /// the rounding of J'J.
    ///
    /// # Errors
    /// [`NoisyError::Linalg`] when the information is not finite.
    ///
    /// # Cost
    /// 2(kh)³ operations with h = d + 1, and 20(kh)³ when it is singular.
    pub fn standard_errors(&self, noise_variance: f64) -> Result<StandardErrors, NoisyError> {
        let (d, h, k, m) = (self.shape.d, self.shape.h(), self.shape.k, self.shape.m);
        let distinct = self.distinct_outputs();
        let outputs: Vec<Inverse> = (0..distinct)
            .map(|o| {
                let block = self.output(o);
                let diagonal = diagonal(&block);
                Inverse::of(&block, &diagonal)
            })
            .collect::<Result<_, _>>()?;
        let inverses: Vec<Mat<f64>> = outputs.iter().map(|output| output.inverse.clone()).collect();
        let tangents = self.tangents();
        let mut hidden = self.hidden();
        let whole = restrict(&hidden, &tangents, h);
        hidden -= &self.explained(&inverses);
        let restricted = Inverse::of(&restrict(&hidden, &tangents, h), &diagonal(&whole))?;
        let covariance = extend(&restricted.inverse, &tangents, h);
        let mut hidden_variance = diagonal(&covariance);
        let null = extend_columns(&restricted.null, &tangents, h);
        mark(&mut hidden_variance, &null);
        let root = |variance: f64| (noise_variance * variance.max(0.0)).sqrt();
        let mut errors = StandardErrors {
            v: Mat::from_fn(k, d, |i, r| root(hidden_variance[i * h + r])),
            u: Mat::zeros(m, k),
            b: self.shape.hidden_bias.then(|| (0..k).map(|i| root(hidden_variance[i * h + d])).collect()),
            c: self.shape.output_bias.then(|| vec![0.0; m]),
            units: (0..k)
                .map(|i| noise_variance * covariance.as_ref().submatrix(i * h, i * h, h, h).to_owned())
                .collect(),
            undetermined: restricted.null.ncols(),
            conditioning: restricted.conditioning,
        };
        for o in 0..m {
            let output = &outputs[o.min(distinct - 1)];
            let follow = product::matmul(output.inverse.as_ref(), self.coupling(o).transpose());
            let spread = product::matmul(follow.as_ref(), covariance.as_ref());
            let mut variance = diagonal(&output.inverse);
            for (p, variance) in variance.iter_mut().enumerate() {
                *variance += (0..h * k).map(|i| spread[(p, i)] * follow[(p, i)]).sum::<f64>();
            }
            mark(&mut variance, &output.null);
            // What the directions of the hidden layer take with them, in units of the outputs' own terms: rounding is left out.
            let followed = product::matmul(follow.as_ref(), null.as_ref());
            let sizes = diagonal(&self.output(o));
            for (p, variance) in variance.iter_mut().enumerate() {
                if followed.row(p).norm_l2() * sizes[p].sqrt() > tolerance::EPS.sqrt() {
                    *variance = f64::INFINITY;
                }
            }
            (0..k).for_each(|i| errors.u[(o, i)] = root(variance[i]));
            if let Some(c) = &mut errors.c {
                c[o] = root(variance[k]);
            }
        }
        Ok(errors)
    }

    /// For each unit an orthonormal basis of the changes of (v_i, b_i) that keep the normal form, h × h or h × (h − 1).
    fn tangents(&self) -> Vec<Mat<f64>> {
        let (d, h) = (self.shape.d, self.shape.h());
        let basis = |i: usize| {
            let row = &self.weights.hidden.col_as_slice(i)[..d];
            let norm = product::norm(row);
            if self.shape.activation.degree().is_none() || norm == 0.0 {
                return Mat::identity(h, h);
            }
            // The Householder reflection that takes the row to a multiple of the first unit vector; its other columns are tangent.
            let sign = if row[0] < 0.0 { -1.0 } else { 1.0 };
            let mut normal: Vec<f64> = row.iter().map(|v| v / norm).collect();
            normal[0] += sign;
            let scale = 2.0 / product::dot(&normal, &normal);
            Mat::from_fn(h, h - 1, |r, s| {
                let identity = if r == s + 1 { 1.0 } else { 0.0 };
                if r < d && s + 1 < d { identity - scale * normal[r] * normal[s + 1] } else { identity }
            })
        };
        (0..self.shape.k).map(basis).collect()
    }
}

/// N'AN for the block diagonal N of the bases.
fn restrict(a: &Mat<f64>, bases: &[Mat<f64>], h: usize) -> Mat<f64> {
    let half = restrict_rows(a, bases, h);
    restrict_rows(&half.transpose().to_owned(), bases, h).transpose().to_owned()
}

fn restrict_rows(a: &Mat<f64>, bases: &[Mat<f64>], h: usize) -> Mat<f64> {
    let size = bases.iter().map(Mat::ncols).sum();
    let mut rows = Mat::zeros(size, a.ncols());
    let mut first = 0;
    for (i, basis) in bases.iter().enumerate() {
        let part = rows.as_mut().subrows_mut(first, basis.ncols());
        product::matmul_into(part, basis.transpose(), a.as_ref().subrows(i * h, h));
        first += basis.ncols();
    }
    rows
}

/// N A N'.
fn extend(a: &Mat<f64>, bases: &[Mat<f64>], h: usize) -> Mat<f64> {
    let half = extend_columns(a, bases, h);
    extend_columns(&half.transpose().to_owned(), bases, h)
}

/// N A.
fn extend_columns(a: &Mat<f64>, bases: &[Mat<f64>], h: usize) -> Mat<f64> {
    let mut rows = Mat::zeros(bases.len() * h, a.ncols());
    let mut first = 0;
    for (i, basis) in bases.iter().enumerate() {
        let part = a.as_ref().subrows(first, basis.ncols());
        product::matmul_into(rows.as_mut().subrows_mut(i * h, h), basis.as_ref(), part);
        first += basis.ncols();
    }
    rows
}

fn diagonal(a: &Mat<f64>) -> Vec<f64> {
    (0..a.nrows()).map(|i| a[(i, i)]).collect()
}

/// Makes the variance of everything infinite that takes part in one of the directions.
fn mark(variances: &mut [f64], directions: &Mat<f64>) {
    for j in 0..directions.ncols() {
        let direction = directions.col_as_slice(j);
        let largest = direction.iter().fold(0.0f64, |s, v| s.max(v.abs()));
        for (variance, value) in variances.iter_mut().zip(direction) {
            // Eigenvectors are accurate to rounding over the gap, which is of order 1 for zero eigenvalues.
            if value.abs() > tolerance::EPS.sqrt() * largest {
                *variance = f64::INFINITY;
            }
        }
    }
}

/// The inverse of an information matrix on the space where it is not zero.
struct Inverse {
    inverse: Mat<f64>,
    /// Basis of the null space, of unit vectors in the scaled coordinates.
    null: Mat<f64>,
    conditioning: f64,
}

impl Inverse {
    /// Inverts `a`, scaled so that `reference` becomes 1: the size of the terms that `a` is a difference of, and so of its rounding.
    fn of(a: &Mat<f64>, reference: &[f64]) -> Result<Inverse, NoisyError> {
        let size = a.nrows();
        let largest = reference.iter().fold(0.0f64, |s, &v| s.max(v));
        let relative = tolerance::backward(size, size);
        let scale: Vec<f64> = reference
            .iter()
            .map(|&v| if v > relative * relative * largest { 1.0 / v.sqrt() } else { 0.0 })
            .collect();
        // A coordinate without any information is a null vector, which the unit diagonal keeps apart from the others.
        let scaled = Mat::from_fn(size, size, |i, j| scale[i] * a[(i, j)] * scale[j]);
        let scale: Vec<f64> = scale.into_iter().map(|s| if s > 0.0 { s } else { 1.0 }).collect();
        let rescale =
            |inverse: Mat<f64>| Mat::from_fn(size, size, |i, j| scale[i] * inverse[(i, j)] * scale[j]);
        if let Some(factor) = Cholesky::factor(scaled.clone()) {
            let inverse = factor.inverse();
            let conditioning = 1.0 / product::frobenius(inverse.as_ref()) / (size.max(1) as f64);
            if conditioning > relative {
                return Ok(Inverse { inverse: rescale(inverse), null: Mat::zeros(size, 0), conditioning });
            }
        }
        let eigen = eigen::symmetric_eigenvectors(scaled.as_ref())?;
        let top = eigen.values.first().map_or(0.0, |v| v.abs());
        let kept = eigen.values.iter().take_while(|&&value| value > relative * top).count();
        let vectors = eigen.vectors.as_ref().subcols(0, kept);
        let weighted = Mat::from_fn(size, kept, |i, j| vectors[(i, j)] / eigen.values[j]);
        let inverse = product::matmul(weighted.as_ref(), vectors.transpose());
        let null = Mat::from_fn(size, size - kept, |i, j| scale[i] * eigen.vectors[(i, kept + j)]);
        let last = if kept > 0 { eigen.values[kept - 1] / top } else { 0.0 };
        Ok(Inverse { inverse: rescale(inverse), null, conditioning: last })
    }
}
