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

#[cfg(test)]
mod tests {
    use super::*;

    /// Three components in five dimensions, exact slices: found to rounding times a condition number of 1e6 at most.
    #[test]
    fn components_of_exact_slices_are_found_in_their_space() {
        let w = random::gaussian(5, 3, &mut random::stream(1, "components", 0));
        let c = random::gaussian(3, 4, &mut random::stream(1, "coefficients", 0));
        let slices: Vec<Mat<f64>> = (0..4)
            .map(|l| Mat::from_fn(5, 5, |i, j| (0..3).map(|r| c[(r, l)] * w[(i, r)] * w[(j, r)]).sum()))
            .collect();
        let found = shared_by_pair(&slices, 3, 7, 0).expect("finite");
        for r in 0..3 {
            let best = (0..3)
                .map(|s| {
                    let overlap: f64 = (0..5).map(|i| w[(i, r)] * found[(i, s)]).sum();
                    overlap.abs() / (w.col(r).norm_l2() * found.col(s).norm_l2())
                })
                .fold(0.0, f64::max);
            assert!(1.0 - best < 1e6 * tolerance::backward(5, 5), "component {r}: cosine {best}");
        }
    }
}
