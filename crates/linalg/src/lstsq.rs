//! Rank-revealing least squares.

use faer::{Mat, MatRef};

use crate::LinalgError;
use crate::product;
use crate::qr::Qr;
use crate::spectrum::{self, RankDecision, Svd};

/// The factorisation of a p × q matrix that answers least-squares questions at its numerical rank.
///
/// It is a QR followed by the SVD of the triangle, so that neither the rank nor the solutions go through a Gram matrix.
#[derive(Debug, Clone)]
pub struct RankRevealing {
    qr: Qr,
    svd: Svd,
    rank: RankDecision,
    rows: usize,
}

impl RankRevealing {
    /// Factors `a`; singular values at or below `relative` · σ_1 count as zero.
    ///
    /// # Errors
    /// [`LinalgError::NoConvergence`] on overflow.
    ///
    /// # Cost
    /// 2pq² + O(q³) operations.
    pub fn new(a: Mat<f64>, relative: f64) -> Result<RankRevealing, LinalgError> {
        let rows = a.nrows();
        let qr = Qr::factor(a);
        let svd = spectrum::thin_svd(qr.r().as_ref())?;
        let rank = spectrum::rank_at(&svd.s, relative);
        Ok(RankRevealing { qr, svd, rank, rows })
    }

    /// The rank with the singular values on both sides of it.
    pub fn rank(&self) -> RankDecision {
        self.rank
    }

    /// Singular values, descending.
    pub fn singular_values(&self) -> &[f64] {
        &self.svd.s
    }

    /// Orthonormal basis of the row space, q × rank: the directions in which the rows vary.
    pub fn row_space(&self) -> MatRef<'_, f64> {
        self.svd.v.as_ref().subcols(0, self.rank.rank)
    }

    /// The x of least norm among those that minimise |A x − b|, for each column b.
    ///
    /// # Shapes
    /// `b` is p × s; the result is q × s.
    ///
    /// # Panics
    /// When `b` does not have p rows.
    pub fn solve(&self, b: MatRef<'_, f64>) -> Mat<f64> {
        let r = self.rank.rank;
        let mut coords = self.coordinates(b);
        for j in 0..coords.ncols() {
            for i in 0..r {
                coords[(i, j)] /= self.svd.s[i];
            }
        }
        product::matmul(self.row_space(), coords.as_ref())
    }

    /// Coordinates of the columns of `b` in the column space: rank × s.
    fn coordinates(&self, b: MatRef<'_, f64>) -> Mat<f64> {
        assert_eq!(b.nrows(), self.rows, "right-hand side has the wrong number of rows");
        let mut rotated = b.to_owned();
        self.qr.apply_transpose(rotated.as_mut());
        let left = self.svd.u.as_ref().subcols(0, self.rank.rank);
        product::matmul(left.transpose(), rotated.as_ref().subrows(0, left.nrows()))
    }

    /// What is left of `b` outside the column space, in orthonormal coordinates: p × s, of the same Gram matrix as
    /// (I − P)b.
    ///
    /// The coordinates are enough for norms and least singular vectors, and cost one product less than (I − P)b itself.
    ///
    /// # Panics
    /// When `b` does not have p rows.
    pub fn complement(&self, b: MatRef<'_, f64>) -> Mat<f64> {
        assert_eq!(b.nrows(), self.rows, "right-hand side has the wrong number of rows");
        let mut rotated = b.to_owned();
        self.qr.apply_transpose(rotated.as_mut());
        let left = self.svd.u.as_ref().subcols(0, self.rank.rank);
        let size = left.nrows();
        if self.rank.rank == size {
            rotated.as_mut().subrows_mut(0, size).fill(0.0);
        } else {
            let coords = product::matmul(left.transpose(), rotated.as_ref().subrows(0, size));
            product::matmul_add(rotated.as_mut().subrows_mut(0, size), -1.0, left, coords.as_ref());
        }
        rotated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{random, tolerance};

    #[test]
    fn solutions_of_deficient_systems_have_minimum_norm() {
        let rng = &mut random::stream(8, "lstsq", 0);
        let a = product::matmul(random::gaussian(20, 3, rng).as_ref(), random::gaussian(3, 6, rng).as_ref());
        let x = random::gaussian(6, 2, rng);
        let b = product::matmul(a.as_ref(), x.as_ref());
        let factor = RankRevealing::new(a.clone(), tolerance::backward(20, 6)).expect("finite");
        assert_eq!(factor.rank().rank, 3);
        let solved = factor.solve(b.as_ref());
        let residual = &product::matmul(a.as_ref(), solved.as_ref()) - &b;
        let tol = tolerance::backward(20, 6) * product::frobenius(b.as_ref()) / factor.rank().smallest_kept;
        assert!(product::frobenius(residual.as_ref()) <= tol);
        for j in 0..2 {
            assert!(solved.col(j).norm_l2() <= x.col(j).norm_l2() * (1.0 + tol));
        }
    }

    #[test]
    fn complement_has_the_norm_of_the_residual() {
        let rng = &mut random::stream(9, "lstsq", 0);
        for rank in [2, 4] {
            let a = product::matmul(
                random::gaussian(15, rank, rng).as_ref(),
                random::gaussian(rank, 4, rng).as_ref(),
            );
            let b = random::gaussian(15, 1, rng);
            let factor = RankRevealing::new(a.clone(), 1e3 * tolerance::backward(15, 4)).expect("finite");
            assert_eq!(factor.rank().rank, rank);
            let residual = &product::matmul(a.as_ref(), factor.solve(b.as_ref()).as_ref()) - &b;
            let direct = product::frobenius(residual.as_ref());
            let coords = product::frobenius(factor.complement(b.as_ref()).as_ref());
            assert!((direct - coords).abs() <= 1e3 * tolerance::backward(15, 4) / factor.rank().smallest_kept);
        }
    }
}
