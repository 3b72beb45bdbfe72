//! Null space and conditioning of a triangular factor, without an SVD.

use faer::linalg::{triangular_inverse, triangular_solve};
use faer::{Mat, MatMut, MatRef, Par};

use crate::LinalgError;
use crate::product;
use crate::qr::{self, Qr};
use crate::random;
use crate::spectrum;
use crate::tolerance;

/// The small end of the spectrum of a q × q triangle.
#[derive(Debug, Clone)]
pub struct NullSpace {
    /// Orthonormal right singular vectors of the smallest singular values, q × r, smallest first.
    pub basis: Mat<f64>,
    /// The singular values that belong to them, ascending.
    pub sigma: Vec<f64>,
}

/// The `r` smallest singular values of an upper triangular matrix with their vectors, by block inverse iteration.
///
/// An SVD of the triangle costs 20q³ and more; this costs four triangular solves per step with r columns, and the
/// iteration converges at the ratio of the singular values squared, so four steps settle a null space at rounding level.
/// Values inside a cluster that continues past the block are upper bounds only.
///
/// # Shapes
/// `upper` is q × q; r ≤ q.
///
/// # Errors
/// As [`spectrum::thin_svd`].
///
/// # Cost
/// 16q²r operations and an orthonormalisation, 16qr².
pub fn smallest_singular(upper: MatRef<'_, f64>, r: usize) -> Result<NullSpace, LinalgError> {
    let q = upper.nrows();
    let r = r.min(q);
    let guarded = guard_diagonal(upper);
    let lower = guarded.transpose().to_owned();
    let mut block = Qr::factor(random::gaussian(q, r, &mut random::stream(0, "inverse iteration", 0))).thin_q();
    for _ in 0..4 {
        triangular_solve::solve_lower_triangular_in_place(lower.as_ref(), block.as_mut(), Par::Seq);
        // Orthonormalising between the two solves keeps the block from overflowing when the triangle is singular.
        block = Qr::factor(block).thin_q();
        triangular_solve::solve_upper_triangular_in_place(guarded.as_ref(), block.as_mut(), Par::Seq);
        block = Qr::factor(block).thin_q();
    }
    let svd = spectrum::thin_svd(product::matmul(upper, block.as_ref()).as_ref())?;
    let order: Vec<usize> = (0..r).rev().collect();
    let rotation = Mat::from_fn(r, r, |i, j| svd.v[(i, order[j])]);
    Ok(NullSpace {
        basis: product::matmul(block.as_ref(), rotation.as_ref()),
        sigma: order.iter().map(|&i| svd.s[i]).collect(),
    })
}

/// A lower bound for the smallest singular value of `[upper; extra]`: 1 / ‖R⁻¹‖_F, with R its triangular factor.
///
/// The bound is true up to the backward error of the QR and of the inversion, and within √q of the value. With `extra` an
/// orthonormal basis of the null space of `upper`, transposed, a positive bound shows that this null space is all of it.
///
/// # Shapes
/// `upper` is q × q, `extra` is r × q.
///
/// # Cost
/// 2rq² + q³/3 operations.
pub fn smallest_singular_bound(upper: MatRef<'_, f64>, extra: MatRef<'_, f64>) -> f64 {
    let r = qr::stack_r(upper, extra);
    let q = r.nrows();
    if (0..q).any(|i| r[(i, i)] == 0.0) {
        return 0.0;
    }
    let mut inverse = Mat::zeros(q, q);
    triangular_inverse::invert_upper_triangular(inverse.as_mut(), r.as_ref(), Par::Seq);
    let norm = product::frobenius(inverse.as_ref());
    if norm.is_finite() && norm > 0.0 { 1.0 / norm } else { 0.0 }
}

/// Overwrites `b` with R⁻¹b for an upper triangular R.
///
/// # Shapes
/// `upper` is q × q with a non-zero diagonal, `b` is q × s.
///
/// # Cost
/// q²s operations.
pub fn solve_upper(upper: MatRef<'_, f64>, b: MatMut<'_, f64>) {
    triangular_solve::solve_upper_triangular_in_place(upper, b, Par::Seq);
}

/// The triangle with diagonal entries kept away from zero by a backward error, so that solves do not divide by zero.
fn guard_diagonal(upper: MatRef<'_, f64>) -> Mat<f64> {
    let q = upper.nrows();
    let scale = product::frobenius(upper).max(f64::MIN_POSITIVE);
    let floor = tolerance::EPS * scale / (q.max(1) as f64).sqrt();
    let mut guarded = upper.to_owned();
    for i in 0..q {
        let value = guarded[(i, i)];
        if value.abs() < floor {
            guarded[(i, i)] = floor.copysign(value);
        }
    }
    guarded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planted(q: usize, null: usize) -> (Mat<f64>, Mat<f64>) {
        let rng = &mut random::stream(11, "triangular", 0);
        let tall = product::matmul(
            random::gaussian(q + 10, q - null, rng).as_ref(),
            random::gaussian(q - null, q, rng).as_ref(),
        );
        (Qr::factor(tall.clone()).r(), tall)
    }

    #[test]
    fn inverse_iteration_finds_the_null_space() {
        let (r, tall) = planted(40, 3);
        let small = smallest_singular(r.as_ref(), 5).expect("finite");
        let tol = tolerance::backward(50, 40) * product::frobenius(tall.as_ref());
        assert!(small.sigma[2] <= tol && small.sigma[3] > 1e6 * tol, "{:?}", small.sigma);
        let image = product::matmul(tall.as_ref(), small.basis.as_ref().subcols(0, 3));
        assert!(product::frobenius(image.as_ref()) <= 10.0 * tol);
    }

    #[test]
    fn bound_is_below_the_smallest_singular_value_and_near_it() {
        let (r, tall) = planted(40, 3);
        let null = smallest_singular(r.as_ref(), 3).expect("finite").basis;
        let bound = smallest_singular_bound(r.as_ref(), null.transpose());
        let s = spectrum::singular_values(tall.as_ref()).expect("finite");
        let sigma = s[36].min(1.0);
        assert!(bound <= sigma * (1.0 + 1e3 * tolerance::backward(50, 40)));
        assert!(bound >= sigma / 7.0, "{bound} against {sigma}");
        let too_few = smallest_singular_bound(r.as_ref(), null.as_ref().subcols(0, 2).transpose());
        assert!(too_few <= tolerance::backward(50, 40) * s[0]);
    }
}
