//! Rank-revealing least squares.

use faer::{Mat, MatRef};

use crate::LinalgError;
use crate::product;
use crate::qr::Qr;
use crate::spectrum::{self, RankDecision, Svd};
use crate::triangular;

/// The factorisation of a p × q matrix that answers least-squares questions at its numerical rank.
///
/// It is a QR, followed by the SVD of the triangle only when the triangle is not certainly of full rank, so that neither
/// the rank nor the solutions go through a Gram matrix.
#[derive(Debug, Clone)]
pub struct RankRevealing {
    qr: Qr,
    /// The triangle, kept for solves at full column rank.
    r: Mat<f64>,
    /// Present when the rank had to be read off singular values.
    svd: Option<Svd>,
    rank: RankDecision,
    rows: usize,
}

impl RankRevealing {
    /// Factors `a`; singular values at or below `relative` · σ_1 count as zero.
    ///
    /// # Shapes
    /// `a` is p × q with any p and q.
    ///
    /// # Errors
    /// [`LinalgError::NoConvergence`] on overflow.
    ///
    /// # Cost
    /// 2pq² operations, and O(q³) more for the rank.
    pub fn new(a: Mat<f64>, relative: f64) -> Result<RankRevealing, LinalgError> {
        let (rows, cols) = a.shape();
        let qr = Qr::factor(a);
        let r = qr.r();
        if rows >= cols {
            let bound = triangular::next_singular_bound(r.as_ref(), Mat::zeros(cols, 0).as_ref());
            let smallest_kept = bound / product::frobenius(r.as_ref()).max(f64::MIN_POSITIVE);
            if smallest_kept > relative && cols > 0 {
                let rank = RankDecision { rank: cols, smallest_kept, largest_dropped: 0.0 };
                return Ok(RankRevealing { qr, r, svd: None, rank, rows });
            }
        }
        let svd = spectrum::thin_svd(r.as_ref())?;
        let rank = spectrum::rank_at(&svd.s, relative);
        Ok(RankRevealing { qr, r, svd: Some(svd), rank, rows })
    }

    /// The rank with the singular values on both sides of it. At full column rank `smallest_kept` is a lower bound, within
    /// a factor q of the value.
    pub fn rank(&self) -> RankDecision {
        self.rank
    }

    /// Orthonormal basis of the null space, q × (q − rank): the directions in which the rows do not vary.
    ///
    /// # Cost
    /// O(q³) operations unless the null space is empty.
    pub fn null_space(&self) -> Mat<f64> {
        let cols = self.r.ncols();
        let Some(svd) = &self.svd else { return Mat::zeros(cols, 0) };
        // The row space is completed to a full orthonormal basis by a QR of it.
        let row_space = svd.v.as_ref().subcols(0, self.rank.rank);
        let mut padded = Mat::zeros(cols, cols + self.rank.rank);
        padded.as_mut().subcols_mut(0, self.rank.rank).copy_from(row_space);
        padded.as_mut().subcols_mut(self.rank.rank, cols).copy_from(Mat::<f64>::identity(cols, cols));
        let q = Qr::factor(padded).thin_q();
        q.as_ref().subcols(self.rank.rank, cols - self.rank.rank).to_owned()
    }

    /// The x of least norm among those that minimise |A x − b|, for each column b.
    ///
    /// # Shapes
    /// `b` is p × s; the result is q × s.
    ///
    /// # Panics
    /// When `b` does not have p rows.
    ///
    /// # Cost
    /// 4pqs operations, and at most 4q²s more.
    pub fn solve(&self, b: MatRef<'_, f64>) -> Mat<f64> {
        let mut rotated = self.rotate(b);
        let Some(svd) = &self.svd else {
            let mut x = rotated.as_ref().subrows(0, self.r.ncols()).to_owned();
            triangular::solve_upper(self.r.as_ref(), x.as_mut());
            return x;
        };
        rotated.truncate(svd.u.nrows(), b.ncols());
        let rank = self.rank.rank;
        let mut coords = product::matmul(svd.u.as_ref().subcols(0, rank).transpose(), rotated.as_ref());
        for j in 0..coords.ncols() {
            for i in 0..rank {
                coords[(i, j)] /= svd.s[i];
            }
        }
        product::matmul(svd.v.as_ref().subcols(0, rank), coords.as_ref())
    }

    /// What is left of `b` outside the column space, in orthonormal coordinates: p × s, of the same Gram matrix as
    /// (I − P)b.
    ///
    /// The coordinates are enough for norms and least singular vectors, and cost one product less than (I − P)b itself.
    ///
    /// # Shapes
    /// `b` is p × s, and so is the result.
    ///
    /// # Panics
    /// When `b` does not have p rows.
    ///
    /// # Cost
    /// 4pqs operations, and at most 4q²s more where the rank is below q.
    pub fn complement(&self, b: MatRef<'_, f64>) -> Mat<f64> {
        let mut rotated = self.rotate(b);
        let size = self.r.nrows();
        match &self.svd {
            None => rotated.as_mut().subrows_mut(0, size).fill(0.0),
            Some(svd) => {
                let left = svd.u.as_ref().subcols(0, self.rank.rank);
                let coords = product::matmul(left.transpose(), rotated.as_ref().subrows(0, size));
                product::matmul_add(rotated.as_mut().subrows_mut(0, size), -1.0, left, coords.as_ref());
            }
        }
        rotated
    }

    fn rotate(&self, b: MatRef<'_, f64>) -> Mat<f64> {
        assert_eq!(b.nrows(), self.rows, "right-hand side has the wrong number of rows");
        let mut rotated = b.to_owned();
        self.qr.apply_transpose(rotated.as_mut());
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
    fn null_space_is_orthonormal_and_annihilated() {
        let rng = &mut random::stream(13, "lstsq", 0);
        let a = product::matmul(random::gaussian(20, 3, rng).as_ref(), random::gaussian(3, 6, rng).as_ref());
        let tol = tolerance::backward(20, 6);
        let null = RankRevealing::new(a.clone(), tol).expect("finite").null_space();
        assert_eq!(null.ncols(), 3);
        let gram = product::matmul(null.transpose(), null.as_ref());
        assert!(product::frobenius((&gram - &Mat::<f64>::identity(3, 3)).as_ref()) <= tol);
        let image = product::matmul(a.as_ref(), null.as_ref());
        assert!(product::frobenius(image.as_ref()) <= 10.0 * tol * product::frobenius(a.as_ref()));
    }

    #[test]
    fn full_rank_solutions_agree_with_the_definition() {
        let rng = &mut random::stream(14, "lstsq", 0);
        let (a, b) = (random::gaussian(30, 7, rng), random::gaussian(30, 2, rng));
        let x = RankRevealing::new(a.clone(), tolerance::backward(30, 7)).expect("finite").solve(b.as_ref());
        let residual = &product::matmul(a.as_ref(), x.as_ref()) - &b;
        let normal = product::matmul(a.transpose(), residual.as_ref());
        let scale = product::frobenius(a.as_ref()) * product::frobenius(b.as_ref());
        assert!(product::frobenius(normal.as_ref()) <= tolerance::backward(30, 7) * scale);
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
            assert!(
                (direct - coords).abs() <= 1e3 * tolerance::backward(15, 4) / factor.rank().smallest_kept
            );
        }
    }
}
