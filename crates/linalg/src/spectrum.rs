//! Singular values and what is decided by them: ranks with their gap, least singular vectors.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::svd;
use faer::{Mat, MatRef, Par};

use crate::LinalgError;
use crate::product;
use crate::qr::Qr;
use crate::triangular;

/// A thin singular value decomposition A = U diag(s) V'.
#[derive(Debug, Clone)]
pub struct Svd {
    /// Left singular vectors, p × r with r = min(p, q).
    pub u: Mat<f64>,
    /// Singular values, descending.
    pub s: Vec<f64>,
    /// Right singular vectors, q × r.
    pub v: Mat<f64>,
}

/// The thin SVD of a p × q matrix.
///
/// # Errors
/// [`LinalgError::NoConvergence`], which finite input of moderate size does not cause.
///
/// # Cost
/// For p much larger than q: one QR and an SVD of the q × q triangle, 6pq² + O(q³) operations.
pub fn thin_svd(a: MatRef<'_, f64>) -> Result<Svd, LinalgError> {
    let (rows, cols) = a.shape();
    if rows > 2 * cols && cols > 0 {
        let qr = Qr::factor(a.to_owned());
        let inner = dense_svd(qr.r().as_ref(), true)?;
        let u = product::matmul(qr.thin_q().as_ref(), inner.u.as_ref());
        return Ok(Svd { u, s: inner.s, v: inner.v });
    }
    dense_svd(a, true)
}

/// The singular values of a matrix, descending.
///
/// # Shapes
/// `a` is p × q; the result has length min(p, q).
///
/// # Errors
/// As [`thin_svd`].
///
/// # Cost
/// For p much larger than q: one QR and the singular values of the q × q triangle, 2pq² + O(q³) operations.
pub fn singular_values(a: MatRef<'_, f64>) -> Result<Vec<f64>, LinalgError> {
    let (rows, cols) = a.shape();
    if rows > 2 * cols && cols > 0 {
        return Ok(dense_svd(Qr::factor(a.to_owned()).r().as_ref(), false)?.s);
    }
    Ok(dense_svd(a, false)?.s)
}

fn dense_svd(a: MatRef<'_, f64>, vectors: bool) -> Result<Svd, LinalgError> {
    let (rows, cols) = a.shape();
    let size = rows.min(cols);
    let kept = if vectors { size } else { 0 };
    let mut u = Mat::zeros(rows, kept);
    let mut v = Mat::zeros(cols, kept);
    let mut s = Diag::zeros(size);
    if size > 0 {
        let compute = if vectors { svd::ComputeSvdVectors::Thin } else { svd::ComputeSvdVectors::No };
        let scratch = svd::svd_scratch::<f64>(rows, cols, compute, compute, Par::Seq, Default::default());
        svd::svd(
            a,
            s.as_mut(),
            vectors.then(|| u.as_mut()),
            vectors.then(|| v.as_mut()),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
            Default::default(),
        )
        .map_err(|_| LinalgError::NoConvergence { what: "SVD", rows, cols })?;
    }
    let s = (0..size).map(|i| s[i]).collect();
    Ok(Svd { u, s, v })
}

/// A rank read off singular values, with the evidence for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankDecision {
    /// The rank.
    pub rank: usize,
    /// σ_rank / σ_1: how far the last singular value counted is below the first. 0 for rank 0.
    pub smallest_kept: f64,
    /// σ_(rank+1) / σ_1: the largest one not counted, or 0 when there is none.
    pub largest_dropped: f64,
}

impl RankDecision {
    /// σ_rank / σ_(rank+1), infinite when nothing was dropped or what was dropped is zero.
    pub fn gap(&self) -> f64 {
        if self.largest_dropped > 0.0 { self.smallest_kept / self.largest_dropped } else { f64::INFINITY }
    }
}

/// The number of singular values above `relative` · σ_1.
///
/// # Shapes
/// `s` is descending and non-negative.
pub fn rank_at(s: &[f64], relative: f64) -> RankDecision {
    let top = s.first().copied().unwrap_or(0.0);
    let rank = if top > 0.0 { s.iter().take_while(|&&x| x > relative * top).count() } else { 0 };
    decision(s, rank)
}

/// The evidence for a rank that was decided by other means.
///
/// # Shapes
/// `s` is descending and non-negative; `rank` is cut to its length.
pub fn decision(s: &[f64], rank: usize) -> RankDecision {
    let top = s.first().copied().unwrap_or(0.0);
    let rank = rank.min(s.len());
    let relative_to_top = |i: usize| if top > 0.0 { s.get(i).map_or(0.0, |x| x / top) } else { 0.0 };
    RankDecision {
        rank,
        smallest_kept: if rank > 0 { relative_to_top(rank - 1) } else { 0.0 },
        largest_dropped: relative_to_top(rank),
    }
}

/// An orthonormal basis of the column space: singular values at or below `relative` · σ_1 count as zero.
///
/// # Shapes
/// `a` is p × q, the result p × rank.
///
/// # Errors
/// As [`thin_svd`].
///
/// # Cost
/// That of [`thin_svd`].
pub fn column_space(a: MatRef<'_, f64>, relative: f64) -> Result<Mat<f64>, LinalgError> {
    let svd = thin_svd(a)?;
    let rank = rank_at(&svd.s, relative).rank;
    Ok(svd.u.as_ref().subcols(0, rank).to_owned())
}

/// The direction in which a matrix is smallest.
#[derive(Debug, Clone)]
pub struct LeastSingular {
    /// Right singular vector of the least singular value: unit norm, length q.
    pub vector: Vec<f64>,
    /// The least singular value.
    pub sigma_min: f64,
    /// The one above it; infinite when q = 1.
    pub sigma_next: f64,
}

/// The least right singular vector of a p × q matrix, and the two least singular values.
///
/// When p < q the null space has dimension q − p at least: the value zero counts once for each missing row, so
/// `sigma_min` is 0, and `sigma_next` too unless p = q − 1.
///
/// # Errors
/// As [`thin_svd`].
///
/// # Panics
/// When q = 0.
///
/// # Cost
/// One QR of the matrix, 2pq² operations; for the triangle, its SVD up to q = 64 and inverse iteration beyond, where
/// `sigma_next` is exact to a few per cent at worst (a cluster of more than six values just above it).
pub fn least_singular(a: Mat<f64>) -> Result<LeastSingular, LinalgError> {
    let cols = a.ncols();
    assert!(cols > 0, "least_singular of a matrix without columns");
    let mut r = Qr::factor(a).r();
    if r.nrows() < cols {
        r.resize_with(cols, cols, |_, _| 0.0);
    }
    if cols > 64 {
        let small = triangular::smallest_singular(r.as_ref(), 8)?;
        let vector = small.basis.col(0).iter().copied().collect();
        return Ok(LeastSingular { vector, sigma_min: small.sigma[0], sigma_next: small.sigma[1] });
    }
    let svd = dense_svd(r.as_ref(), true)?;
    Ok(LeastSingular {
        vector: svd.v.col(cols - 1).iter().copied().collect(),
        sigma_min: svd.s[cols - 1],
        sigma_next: if cols > 1 { svd.s[cols - 2] } else { f64::INFINITY },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{random, tolerance};

    #[test]
    fn svd_gives_the_matrix_back() {
        for (rows, cols) in [(40, 6), (6, 40), (9, 9), (1, 5)] {
            let a = random::gaussian(rows, cols, &mut random::stream(5, "svd", rows as u64));
            let svd = thin_svd(a.as_ref()).expect("finite input");
            let scaled = Mat::from_fn(rows, svd.s.len(), |i, j| svd.u[(i, j)] * svd.s[j]);
            let product = product::matmul(scaled.as_ref(), svd.v.transpose());
            let error = product::frobenius((&product - &a).as_ref());
            assert!(error <= tolerance::backward(rows, cols) * svd.s[0] * (cols as f64).sqrt());
        }
    }

    #[test]
    fn rank_decision_reports_the_gap() {
        let decision = rank_at(&[2.0, 1.0, 1e-16], 1e-10);
        assert_eq!(decision.rank, 2);
        assert_eq!(decision.gap(), 0.5 / 0.5e-16);
        assert_eq!(rank_at(&[0.0, 0.0], 1e-10).rank, 0);
        assert_eq!(rank_at(&[], 1e-10).gap(), f64::INFINITY);
    }

    #[test]
    fn least_singular_finds_a_planted_null_vector() {
        let mut a = random::gaussian(30, 5, &mut random::stream(6, "svd", 0));
        let last: Vec<f64> = (0..30).map(|i| (0..4).map(|j| a[(i, j)]).sum::<f64>()).collect();
        for (i, value) in last.into_iter().enumerate() {
            a[(i, 4)] = value;
        }
        let least = least_singular(a).expect("finite input");
        let tol = tolerance::backward(30, 5);
        assert!(least.sigma_min < 10.0 * tol && least.sigma_next > 1.0);
        let unit = 1.0 / 5.0f64.sqrt();
        assert!(least.vector.iter().all(|x| (x.abs() - unit).abs() < 10.0 * tol));
    }

    #[test]
    fn a_wide_matrix_has_a_null_space() {
        let least = least_singular(random::gaussian(3, 5, &mut random::stream(7, "svd", 0))).expect("finite");
        assert!(least.sigma_min == 0.0 && least.sigma_next <= tolerance::backward(5, 5));
    }

    #[test]
    fn nan_is_an_error_and_not_a_panic() {
        let a = Mat::from_fn(4, 4, |i, j| if i == j { f64::NAN } else { 1.0 });
        assert!(matches!(thin_svd(a.as_ref()), Err(LinalgError::NoConvergence { .. })));
    }
}
