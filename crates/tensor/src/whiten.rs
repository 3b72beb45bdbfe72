//! Whitening: coordinates in which a covariance, or a second moment of rank k, is the identity.

use orthant_linalg::eigen::symmetric_eigenvectors;
use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::spectrum::{self, RankDecision};
use orthant_linalg::{Mat, MatRef, product, tolerance};

use crate::error::{TensorError, at_least, dimension, finite};

/// An affine map x ↦ W(x − μ).
#[derive(Debug, Clone)]
pub struct Affine {
    /// μ, of length p.
    pub mean: Vec<f64>,
    /// W, r × p.
    pub map: Mat<f64>,
}

impl Affine {
    /// The images of the columns of `x`.
    ///
    /// # Shapes
    /// `x` is p × n, the result r × n.
    ///
    /// # Panics
    /// When `x` does not have p rows.
    ///
    /// # Cost
    /// 2rpn operations.
    pub fn apply(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        assert_eq!(x.nrows(), self.mean.len(), "columns of the wrong length");
        let centred = Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] - self.mean[i]);
        product::matmul(self.map.as_ref(), centred.as_ref())
    }
}

/// A whitening of columns, and its inverse.
#[derive(Debug, Clone)]
pub struct Whitening {
    /// x ↦ W(x − μ), with W Σ W' = I.
    pub forward: Affine,
    /// W⁺, p × r: takes whitened columns back to the span they came from, without the mean. Directions v (as rows, v'Wx) are
    /// taken back by W itself: v'W.
    pub inverse: Mat<f64>,
    /// Square roots of the eigenvalues of Σ: the rank kept, with its gap.
    pub rank: RankDecision,
}

impl Whitening {
    /// The whitening of columns with a given mean and covariance, by the `rank` leading eigenvectors.
    ///
    /// # Shapes
    /// `mean` has length p, `covariance` is p × p; `rank` ≤ p.
    ///
    /// # Errors
    /// [`TensorError::RankDeficient`] when the covariance has a lower rank; [`TensorError::Shape`]; [`TensorError::NotFinite`].
    ///
    /// # Cost
    /// About 9p³ operations.
    ///
    /// # Paper
    /// Remark 24: inputs of any full-rank Gaussian law are brought to N(0, I). A covariance that was itself computed in floating
    /// point loses directions whose standard deviation is below √ε of the largest; [`Whitening::from_triangle`] does not.
    pub fn from_covariance(
        mean: &[f64],
        covariance: MatRef<'_, f64>,
        rank: usize,
    ) -> Result<Whitening, TensorError> {
        let p = checked(mean, covariance, rank)?;
        dimension("number of rows of the covariance", covariance.nrows(), p)?;
        let eigen = symmetric_eigenvectors(symmetric_part(covariance).as_ref())?;
        let roots: Vec<f64> = eigen.values.iter().map(|&value| value.max(0.0).sqrt()).collect();
        let mut order: Vec<usize> = (0..p).collect();
        order.sort_by(|&i, &j| roots[j].total_cmp(&roots[i]));
        let sorted: Vec<f64> = order.iter().map(|&i| roots[i]).collect();
        let directions = Mat::from_fn(p, p, |i, j| eigen.vectors[(i, order[j])]);
        Whitening::new(mean, &directions, &sorted, rank, tolerance::backward(p, p).sqrt())
    }

    /// The whitening of columns with covariance R'R, by the `rank` leading right singular vectors of R.
    ///
    /// # Shapes
    /// `mean` has length p, `triangle` is q × p with any q: the R of a QR of centred samples (one per row) over √n, or these
    /// samples themselves.
    ///
    /// # Errors
    /// As [`Whitening::from_covariance`].
    ///
    /// # Cost
    /// An SVD of the triangle.
    pub fn from_triangle(
        mean: &[f64],
        triangle: MatRef<'_, f64>,
        rank: usize,
    ) -> Result<Whitening, TensorError> {
        let p = checked(mean, triangle, rank)?;
        let svd = spectrum::thin_svd(triangle)?;
        Whitening::new(mean, &svd.v, &svd.s, rank, tolerance::backward(triangle.nrows(), p))
    }

    fn new(
        mean: &[f64],
        directions: &Mat<f64>,
        scales: &[f64],
        rank: usize,
        relative: f64,
    ) -> Result<Whitening, TensorError> {
        let found = spectrum::rank_at(scales, relative);
        if found.rank < rank {
            return Err(TensorError::RankDeficient { what: "covariance", rank: found, wanted: rank });
        }
        let p = mean.len();
        let map = Mat::from_fn(rank, p, |r, i| directions[(i, r)] / scales[r]);
        let inverse = Mat::from_fn(p, rank, |i, r| directions[(i, r)] * scales[r]);
        finite("whitening", map.as_ref())?;
        Ok(Whitening {
            forward: Affine { mean: mean.to_vec(), map },
            inverse,
            rank: spectrum::decision(scales, rank),
        })
    }
}

/// A whitening of a symmetric second moment M = Σ_r c_r w_r w_r' with coefficients of either sign.
#[derive(Debug, Clone)]
pub struct MomentWhitening {
    /// W, k × p, with W M W' = diag(signs). When all signs agree, the √|c_r| W w_r are orthonormal.
    pub map: Mat<f64>,
    /// W⁺, p × k.
    pub inverse: Mat<f64>,
    /// The signs of the k eigenvalues kept: as many of each as the c_r have (Sylvester's law of inertia).
    pub signs: Vec<f64>,
    /// The eigenvalues in absolute value: the rank kept, with its gap.
    pub rank: RankDecision,
}

impl MomentWhitening {
    /// The whitening of a symmetric p × p matrix by its k eigenvectors of largest |eigenvalue|.
    ///
    /// # Errors
    /// [`TensorError::RankDeficient`] when the rank is below k; [`TensorError::Shape`]; [`TensorError::NotFinite`].
    ///
    /// # Cost
    /// About 9p³ operations.
    ///
    /// # Paper
    /// The whitening step of Theorem 40, which presupposes a positive moment; signs are kept here so that the caller sees when it
    /// is not.
    pub fn new(moment: MatRef<'_, f64>, k: usize) -> Result<MomentWhitening, TensorError> {
        let p = moment.nrows();
        dimension("number of columns of the moment", moment.ncols(), p)?;
        at_least("number of components", k, 1)?;
        at_least("size of the moment", p, k)?;
        finite("moment", moment)?;
        let eigen = symmetric_eigenvectors(symmetric_part(moment).as_ref())?;
        let sizes: Vec<f64> = eigen.values.iter().map(|value| value.abs()).collect();
        let found = spectrum::rank_at(&sizes, tolerance::backward(p, p));
        if found.rank < k {
            return Err(TensorError::RankDeficient { what: "moment", rank: found, wanted: k });
        }
        let map = Mat::from_fn(k, p, |r, i| eigen.vectors[(i, r)] / sizes[r].sqrt());
        let inverse = Mat::from_fn(p, k, |i, r| eigen.vectors[(i, r)] * sizes[r].sqrt());
        finite("whitening", map.as_ref())?;
        let signs = eigen.values[..k].iter().map(|value| value.signum()).collect();
        Ok(MomentWhitening { map, inverse, signs, rank: spectrum::decision(&sizes, k) })
    }

    /// Whether all coefficients have one sign, which the tensor power method needs.
    pub fn is_definite(&self) -> bool {
        self.signs.iter().all(|&sign| sign == self.signs[0])
    }
}

/// Steps of [`definite_combination`].
const MAX_STEPS: usize = 2000;

/// Eigenvalue aimed at, in units in which the combination nearest to the identity is found first.
const FLOOR: f64 = 0.1;

/// A combination of symmetric matrices that is positive definite: θ with Σ_l θ_l T_l ≻ 0.
///
/// For slices T_l = Σ_r u_lr v_r v_r' with independent columns u_r and independent v_r such a θ exists, any with u_r'θ > 0 for
/// all r; it is what makes a tensor of theirs orthogonal by whitening. A random combination has it with probability 2⁻ᵏ.
///
/// # Shapes
/// Each slice is p × p, taken as its symmetric part; the result has one entry per slice.
///
/// # Errors
/// [`TensorError::NoConvergence`] when none is found in 2000 steps, as happens when the v_r are badly conditioned, with the best
/// least eigenvalue over largest reached;
/// [`TensorError::RankDeficient`] when the slices depend on each other; [`TensorError::Shape`]; [`TensorError::NotFinite`].
///
/// # Cost
/// 9p³ + 4qp² operations per step, for q slices.
///
/// # Paper
/// Not in the paper, whose Theorem 40 contracts with a random θ and presupposes positive weights. The method is alternating
/// projections between the span of the slices and the matrices with eigenvalues above a floor, from the projection of the identity.
pub fn definite_combination(slices: &[MatRef<'_, f64>]) -> Result<Vec<f64>, TensorError> {
    at_least("number of slices", slices.len(), 1)?;
    let p = slices[0].nrows();
    at_least("size of a slice", p, 1)?;
    let mut flat = Mat::zeros(p * p, slices.len());
    for (l, slice) in slices.iter().enumerate() {
        dimension("number of rows of a slice", slice.nrows(), p)?;
        dimension("number of columns of a slice", slice.ncols(), p)?;
        finite("slice", *slice)?;
        let part = symmetric_part(*slice);
        for j in 0..p {
            flat.col_as_slice_mut(l)[j * p..][..p].copy_from_slice(part.col_as_slice(j));
        }
    }
    let factor = RankRevealing::new(flat.clone(), tolerance::backward(p * p, slices.len()))?;
    let rank = factor.rank();
    if rank.rank < slices.len() {
        return Err(TensorError::RankDeficient { what: "set of slices", rank, wanted: slices.len() });
    }
    let mut target = Mat::from_fn(p * p, 1, |i, _| f64::from(u8::from(i % (p + 1) == 0)));
    let mut best = (f64::NEG_INFINITY, Vec::new());
    for _ in 0..MAX_STEPS {
        let theta = factor.solve(target.as_ref());
        let near = product::matmul(flat.as_ref(), theta.as_ref());
        let near = Mat::from_fn(p, p, |i, j| near[(j * p + i, 0)]);
        let eigen = symmetric_eigenvectors(near.as_ref())?;
        let least = eigen.values.iter().copied().fold(f64::INFINITY, f64::min);
        let ratio = least / eigen.values[0].abs();
        if ratio > best.0 {
            best = (ratio, theta.col_as_slice(0).to_vec());
        }
        if least >= 0.5 * FLOOR {
            break;
        }
        let raised = Mat::from_fn(p, p, |i, j| eigen.vectors[(i, j)] * eigen.values[j].max(FLOOR));
        let raised = product::matmul(raised.as_ref(), eigen.vectors.transpose());
        target = Mat::from_fn(p * p, 1, |i, _| raised[(i % p, i / p)]);
    }
    if best.0 > tolerance::backward(p, p) {
        return Ok(best.1);
    }
    Err(TensorError::NoConvergence { what: "definite combination", iterations: MAX_STEPS, residual: best.0 })
}

fn checked(mean: &[f64], a: MatRef<'_, f64>, rank: usize) -> Result<usize, TensorError> {
    let p = mean.len();
    dimension("number of columns of the covariance or triangle", a.ncols(), p)?;
    at_least("rank of a whitening", rank, 1)?;
    at_least("length of the mean", p, rank)?;
    finite("covariance", a)?;
    if mean.iter().any(|x| !x.is_finite()) {
        return Err(TensorError::NotFinite { what: "mean" });
    }
    Ok(p)
}

fn symmetric_part(a: MatRef<'_, f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| 0.5 * a[(i, j)] + 0.5 * a[(j, i)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::random;

    fn distance_to_identity(a: &Mat<f64>) -> f64 {
        product::frobenius((a - &Mat::<f64>::identity(a.nrows(), a.ncols())).as_ref())
    }

    #[test]
    fn whitened_covariance_is_the_identity() {
        let root = random::with_condition(12, 6, 100.0, &mut random::stream(1, "whiten", 0));
        let covariance = product::matmul(root.transpose(), root.as_ref());
        let mean = [1.0, -2.0, 0.0, 3.0, 0.5, 8.0];
        // Errors of the covariance are magnified by κ² = 10⁴; the triangle errs by κ.
        for (whitening, kappa) in [
            (Whitening::from_covariance(&mean, covariance.as_ref(), 6).expect("regular"), 1e4),
            (Whitening::from_triangle(&mean, root.as_ref(), 6).expect("regular"), 1e2),
        ] {
            let w = &whitening.forward.map;
            let white =
                product::matmul(product::matmul(w.as_ref(), covariance.as_ref()).as_ref(), w.transpose());
            assert!(distance_to_identity(&white) <= kappa * 100.0 * tolerance::backward(6, 6));
            let back = product::matmul(whitening.inverse.as_ref(), w.as_ref());
            assert!(distance_to_identity(&back) <= 1e2 * 10.0 * tolerance::backward(6, 6));
            assert!(
                (whitening.rank.smallest_kept * 100.0 - 1.0).abs()
                    <= kappa * 100.0 * tolerance::backward(6, 6)
            );
        }
    }

    #[test]
    fn a_missing_rank_is_named() {
        let root = random::gaussian(3, 5, &mut random::stream(2, "whiten", 0));
        let covariance = product::matmul(root.transpose(), root.as_ref());
        let zero = [0.0; 5];
        assert!(Whitening::from_covariance(&zero, covariance.as_ref(), 3).is_ok());
        for wanted in [4, 5] {
            let refused = Whitening::from_covariance(&zero, covariance.as_ref(), wanted);
            assert!(matches!(refused, Err(TensorError::RankDeficient { rank, .. }) if rank.rank == 3));
            let refused = Whitening::from_triangle(&zero, root.as_ref(), wanted);
            assert!(matches!(refused, Err(TensorError::RankDeficient { rank, .. }) if rank.rank == 3));
        }
    }

    #[test]
    fn signed_moments_keep_their_inertia() {
        let rng = &mut random::stream(3, "whiten", 0);
        let w = random::gaussian(7, 4, rng);
        let c = [2.0, -1.0, 0.5, -3.0];
        let scaled = Mat::from_fn(7, 4, |i, r| w[(i, r)] * c[r]);
        let moment = product::matmul(scaled.as_ref(), w.transpose());
        let whitening = MomentWhitening::new(moment.as_ref(), 4).expect("rank 4");
        assert_eq!(whitening.signs.iter().sum::<f64>(), 0.0);
        assert!(!whitening.is_definite());
        let map = &whitening.map;
        let white = product::matmul(product::matmul(map.as_ref(), moment.as_ref()).as_ref(), map.transpose());
        let signed = Mat::from_fn(4, 4, |i, j| white[(i, j)] * whitening.signs[i]);
        let kappa = 1.0 / whitening.rank.smallest_kept;
        assert!(distance_to_identity(&signed) <= kappa * 10.0 * tolerance::backward(7, 7));
        // The components are found again from their whitened images.
        let back =
            product::matmul(whitening.inverse.as_ref(), product::matmul(map.as_ref(), w.as_ref()).as_ref());
        let error = product::frobenius((&back - &w).as_ref());
        assert!(error <= kappa * 10.0 * tolerance::backward(7, 7) * product::frobenius(w.as_ref()));
        let refused = MomentWhitening::new(moment.as_ref(), 5);
        assert!(matches!(refused, Err(TensorError::RankDeficient { rank, .. }) if rank.rank == 4));
    }

    /// Slices with weights of both signs have a definite combination: 10 of 10 seeds, condition number 10 of V and U.
    #[test]
    fn definite_combinations_are_found_where_they_exist() {
        for seed in 0..10 {
            let rng = &mut random::stream(seed, "definite", 0);
            let (v, u) = (random::with_condition(7, 7, 10.0, rng), random::with_condition(7, 7, 10.0, rng));
            let slices: Vec<Mat<f64>> = (0..7)
                .map(|l| {
                    let scaled = Mat::from_fn(7, 7, |i, r| v[(i, r)] * u[(l, r)]);
                    product::matmul(scaled.as_ref(), v.transpose())
                })
                .collect();
            let views: Vec<MatRef<'_, f64>> = slices.iter().map(Mat::as_ref).collect();
            let theta = definite_combination(&views).expect("exists");
            for r in 0..7 {
                assert!((0..7).map(|l| theta[l] * u[(l, r)]).sum::<f64>() > 0.0, "{seed}");
            }
        }
        let indefinite = Mat::from_fn(2, 2, |i, j| if i == j { 1.0 - 2.0 * i as f64 } else { 0.0 });
        let refused = definite_combination(&[indefinite.as_ref()]);
        assert!(matches!(refused, Err(TensorError::NoConvergence { .. })));
        let twice = definite_combination(&[indefinite.as_ref(), indefinite.as_ref()]);
        assert!(matches!(twice, Err(TensorError::RankDeficient { .. })));
        assert!(matches!(definite_combination(&[]), Err(TensorError::Shape { .. })));
    }

    #[test]
    fn hostile_input_is_an_error() {
        let bad = Mat::from_fn(2, 2, |i, j| if i == j { f64::NAN } else { 0.0 });
        assert!(matches!(
            Whitening::from_covariance(&[0.0; 2], bad.as_ref(), 2),
            Err(TensorError::NotFinite { .. })
        ));
        assert!(matches!(MomentWhitening::new(bad.as_ref(), 2), Err(TensorError::NotFinite { .. })));
        let zero = Mat::<f64>::zeros(2, 2);
        let refused = Whitening::from_covariance(&[0.0; 2], zero.as_ref(), 1);
        assert!(matches!(refused, Err(TensorError::RankDeficient { .. })));
        assert!(matches!(MomentWhitening::new(zero.as_ref(), 1), Err(TensorError::RankDeficient { .. })));
        assert!(matches!(
            Whitening::from_covariance(&[0.0; 3], zero.as_ref(), 1),
            Err(TensorError::Shape { .. })
        ));
        assert!(matches!(
            Whitening::from_covariance(&[], Mat::zeros(0, 0).as_ref(), 1),
            Err(TensorError::Shape { .. })
        ));
        let mean = [f64::INFINITY, 0.0];
        assert!(matches!(
            Whitening::from_covariance(&mean, zero.as_ref(), 1),
            Err(TensorError::NotFinite { .. })
        ));
        // A triangle with fewer rows than columns has at most that rank.
        let wide = Mat::from_fn(1, 2, |_, j| j as f64 + 1.0);
        assert!(Whitening::from_triangle(&[0.0; 2], wide.as_ref(), 1).is_ok());
        let refused = Whitening::from_triangle(&[0.0; 2], wide.as_ref(), 2);
        assert!(matches!(refused, Err(TensorError::RankDeficient { .. })));
    }
}
