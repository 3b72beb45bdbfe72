//! Cholesky factorisation, for matrices that are statistics themselves: information, curvature, covariance.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor;
use faer::linalg::{matmul::triangular, triangular_inverse, triangular_solve};
use faer::{Accum, Mat, MatMut, MatRef, Par};

/// The factorisation A = LL' of a symmetric positive definite q × q matrix.
#[derive(Debug, Clone)]
pub struct Cholesky {
    lower: Mat<f64>,
    smallest_pivot: f64,
}

impl Cholesky {
    /// Factors `a`, of which the lower triangle is read; `None` unless it is positive definite and finite.
    ///
    /// # Shapes
    /// `a` is q × q.
    ///
    /// # Panics
    /// When the matrix is not square.
    ///
    /// # Cost
    /// q³/3 operations.
    pub fn factor(mut a: Mat<f64>) -> Option<Cholesky> {
        let q = a.nrows();
        assert_eq!(q, a.ncols(), "Cholesky factorisation of a matrix that is not square");
        let diagonal: Vec<f64> = (0..q).map(|i| a[(i, i)]).collect();
        if q > 0 {
            let scratch = factor::cholesky_in_place_scratch::<f64>(q, Par::Seq, Default::default());
            factor::cholesky_in_place(
                a.as_mut(),
                Default::default(),
                Par::Seq,
                MemStack::new(&mut MemBuffer::new(scratch)),
                Default::default(),
            )
            .ok()?;
        }
        let ratio = |i: usize| a[(i, i)] * a[(i, i)] / diagonal[i];
        let smallest_pivot = (0..q).map(ratio).fold(1.0, f64::min);
        let finite = (0..q).all(|j| (j..q).all(|i| a[(i, j)].is_finite()));
        for j in 0..q {
            a.col_as_slice_mut(j)[..j].fill(0.0);
        }
        finite.then_some(Cholesky { lower: a, smallest_pivot })
    }

    /// The least l_ii² / a_ii: the share of a coordinate's variance that the coordinates before it leave unexplained.
    pub fn smallest_pivot(&self) -> f64 {
        self.smallest_pivot
    }

    /// Overwrites `b` (q × s) with A⁻¹b.
    ///
    /// # Panics
    /// When `b` does not have q rows.
    ///
    /// # Cost
    /// 2q²s operations.
    pub fn solve(&self, mut b: MatMut<'_, f64>) {
        triangular_solve::solve_lower_triangular_in_place(self.lower.as_ref(), b.as_mut(), Par::Seq);
        triangular_solve::solve_upper_triangular_in_place(self.lower.transpose(), b, Par::Seq);
    }

    /// A⁻¹, q × q.
    ///
    /// # Cost
    /// 4q³/3 operations.
    pub fn inverse(&self) -> Mat<f64> {
        let q = self.lower.nrows();
        let mut root = Mat::zeros(q, q);
        triangular_inverse::invert_lower_triangular(root.as_mut(), self.lower.as_ref(), Par::Seq);
        let mut inverse = Mat::zeros(q, q);
        triangular::matmul(
            inverse.as_mut(),
            triangular::BlockStructure::Rectangular,
            Accum::Replace,
            root.transpose(),
            triangular::BlockStructure::TriangularUpper,
            root.as_ref(),
            triangular::BlockStructure::TriangularLower,
            1.0,
            Par::Seq,
        );
        inverse
    }

    /// log det A.
    pub fn log_determinant(&self) -> f64 {
        (0..self.lower.nrows()).map(|i| 2.0 * self.lower[(i, i)].ln()).sum()
    }
}

/// Adds a · a' to the lower triangle of `dst`; what is above the diagonal is left alone.
///
/// # Shapes
/// `a` is q × p, `dst` is q × q.
///
/// # Panics
/// When the shapes do not fit.
///
/// # Cost
/// q²p operations.
pub fn add_outer(dst: MatMut<'_, f64>, a: MatRef<'_, f64>, alpha: f64) {
    triangular::matmul(
        dst,
        triangular::BlockStructure::TriangularLower,
        Accum::Add,
        a,
        triangular::BlockStructure::Rectangular,
        a.transpose(),
        triangular::BlockStructure::Rectangular,
        alpha,
        Par::Seq,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{product, random, tolerance};

    fn positive(q: usize) -> Mat<f64> {
        let root = random::with_condition(q, q, 10.0, &mut random::stream(21, "cholesky", q as u64));
        product::matmul(root.as_ref(), root.transpose())
    }

    #[test]
    fn solutions_and_inverses_satisfy_their_equations() {
        for q in [1, 6, 40] {
            let a = positive(q);
            let factor = Cholesky::factor(a.clone()).expect("positive definite");
            // The condition number of A is 100.
            let tol = 100.0 * tolerance::backward(q, q);
            let identity = Mat::<f64>::identity(q, q);
            let product = product::matmul(a.as_ref(), factor.inverse().as_ref());
            assert!(product::frobenius((&product - &identity).as_ref()) <= tol);
            let mut solved = a.clone();
            factor.solve(solved.as_mut());
            assert!(product::frobenius((&solved - &identity).as_ref()) <= tol);
            let values = crate::eigen::symmetric_eigenvectors(a.as_ref()).expect("finite").values;
            let expected: f64 = values.iter().map(|v| v.ln()).sum();
            assert!((factor.log_determinant() - expected).abs() <= tol);
        }
    }

    #[test]
    fn what_is_not_positive_definite_has_no_factor() {
        let mut a = positive(5);
        a[(3, 3)] = -1.0;
        assert!(Cholesky::factor(a).is_none());
        assert!(Cholesky::factor(Mat::from_fn(2, 2, |_, _| f64::NAN)).is_none());
        assert_eq!(Cholesky::factor(Mat::zeros(0, 0)).expect("empty").log_determinant(), 0.0);
    }

    #[test]
    fn the_smallest_pivot_is_what_is_left_of_a_coordinate() {
        let cosine = 0.6;
        let a = Mat::from_fn(2, 2, |i, j| if i == j { 4.0 } else { 4.0 * cosine });
        let pivot = Cholesky::factor(a).expect("positive definite").smallest_pivot();
        assert!((pivot - (1.0 - cosine * cosine)).abs() <= tolerance::backward(2, 2));
    }

    #[test]
    fn outer_products_fill_the_lower_triangle() {
        let a = random::gaussian(4, 9, &mut random::stream(22, "cholesky", 0));
        let full = product::matmul(a.as_ref(), a.transpose());
        let mut sum = Mat::zeros(4, 4);
        add_outer(sum.as_mut(), a.as_ref(), 2.0);
        for j in 0..4 {
            for i in 0..4 {
                let expected = if i >= j { 2.0 * full[(i, j)] } else { 0.0 };
                assert!((sum[(i, j)] - expected).abs() <= tolerance::backward(4, 9) * 40.0);
            }
        }
    }
}
