//! Jennrich's method with random combinations: what is left to try when a joint decomposition is not separated.

use orthant_linalg::eigen::real_eigenvectors;
use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::{LinalgError, Mat, product, random, spectrum, tolerance};

/// Vectors w_r shared by two random combinations of matrices T_l = Σ_r c_lr w_r w_r', as columns; where two are not separated, the
/// others may still be good.
///
/// # Shapes
/// Slices are p × p and symmetric; k ≤ p; the result is p × k.
///
/// # Cost
/// 6p³ operations per slice for their column space when k < p, and an eigenproblem of size k.
pub(crate) fn shared_by_pair(
    slices: &[Mat<f64>],
    k: usize,
    seed: u64,
    index: usize,
) -> Result<Mat<f64>, LinalgError> {
    let p = slices[0].nrows();
    let space = if k < p {
        let stacked = Mat::from_fn(p * slices.len(), p, |i, j| slices[i / p][(i % p, j)]);
        spectrum::thin_svd(stacked.as_ref())?.v.as_ref().subcols(0, k).to_owned()
    } else {
        Mat::identity(p, p)
    };
    let rng = &mut random::stream(seed, "pair of slices", index as u64);
    let mut combine = || {
        let mut sum = Mat::zeros(p, p);
        for slice in slices {
            sum += random::gaussian_vec(1, rng)[0] * slice;
        }
        product::matmul(space.transpose(), product::matmul(sum.as_ref(), space.as_ref()).as_ref())
    };
    let (first, second) = (combine(), combine());
    // Both are symmetric: (T₂⁻¹ T₁)' = T₁ T₂⁻¹, whose eigenvectors are the w_r.
    let quotient = RankRevealing::new(second, tolerance::backward(k, k))?.solve(first.as_ref());
    Ok(product::matmul(space.as_ref(), real_eigenvectors(quotient.transpose())?.vectors.as_ref()))
}
