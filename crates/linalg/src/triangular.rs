//! Null space and conditioning of a triangular factor, without an SVD.

use faer::linalg::{triangular_inverse, triangular_solve};
use faer::{Mat, MatMut, MatRef, Par};

use crate::LinalgError;
use crate::product;
use crate::qr::Qr;
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
    let mut block =
        Qr::factor(random::gaussian(q, r, &mut random::stream(0, "inverse iteration", 0))).thin_q();
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

/// A lower bound for the singular value of a triangle that follows those of given right singular vectors, which are the
/// smallest: 1 / ‖R⁻¹(I − UU')‖_F, where U spans the images of these vectors.
///
/// On the vectors x with R x ⊥ U, a subspace of the complementary dimension, |R x| ≥ |x| / ‖R⁻¹(I − UU')‖, so the bound holds
/// by Courant and Fischer, whatever the vectors are; the better they are, the higher it is, up to 1/√q of the value. With no
/// vectors it bounds the smallest singular value.
///
/// # Shapes
/// `upper` is q × q, `vectors` q × r with independent columns. The inverse is subtracted from itself along U, so singular
/// values of about √ε or more are wanted: shift a triangle that may be singular.
///
/// # Cost
/// q³/3 + 4rq² operations.
pub fn next_singular_bound(upper: MatRef<'_, f64>, vectors: MatRef<'_, f64>) -> f64 {
    let q = upper.nrows();
    if (0..q).any(|i| upper[(i, i)] == 0.0) {
        return 0.0;
    }
    let mut inverse = Mat::zeros(q, q);
    triangular_inverse::invert_upper_triangular(inverse.as_mut(), upper, Par::Seq);
    if vectors.ncols() > 0 {
        let images = Qr::factor(product::matmul(upper, vectors)).thin_q();
        let along = product::matmul(inverse.as_ref(), images.as_ref());
        product::matmul_add(inverse.as_mut(), -1.0, along.as_ref(), images.transpose());
    }
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

/// Overwrites `b` with L⁻¹b for a lower triangular L. See [`solve_upper`].
///
/// # Shapes
/// `lower` is q × q with a non-zero diagonal, `b` is q × s.
///
/// # Cost
/// q²s operations.
pub fn solve_lower(lower: MatRef<'_, f64>, b: MatMut<'_, f64>) {
    triangular_solve::solve_lower_triangular_in_place(lower, b, Par::Seq);
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
    use crate::qr;

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
    fn bound_is_below_the_next_singular_value_and_near_it() {
        let (r, tall) = planted(40, 3);
        let shift = 1e-8 * product::frobenius(r.as_ref());
        let shifted = qr::stack_r(r.as_ref(), (shift * Mat::<f64>::identity(40, 40)).as_ref());
        let null = smallest_singular(shifted.as_ref(), 3).expect("finite").basis;
        let sigma = spectrum::singular_values(tall.as_ref()).expect("finite")[36].hypot(shift);
        let bound = next_singular_bound(shifted.as_ref(), null.as_ref());
        // The bound is a Frobenius norm of rank 37 in the place of its largest singular value.
        assert!(
            bound <= sigma * (1.0 + 1e-6) && bound >= sigma / 37.0f64.sqrt() / (1.0 + 1e-6),
            "{bound} {sigma}"
        );
        let too_few = next_singular_bound(shifted.as_ref(), null.as_ref().subcols(0, 2));
        assert!(too_few <= shift * (1.0 + 1e-6));
    }
}
