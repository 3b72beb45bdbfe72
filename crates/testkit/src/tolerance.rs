//! Error bounds of the form c · dim · ε · κ.
//!
//! Tests take their tolerances from here, so that there is one constant to defend and none to tune.

use orthant_linalg::tolerance as linalg;

/// The constant c in front of dimension times epsilon.
///
/// Householder QR and SVD have backward errors of a small multiple of √(rows · cols) · ε in practice (worst case:
/// rows · cols · ε); 8 leaves room for a chain of three such steps. It is the constant of `orthant_linalg` on purpose: a
/// method that meets the library's own bounds meets these.
pub const CONSTANT: f64 = linalg::BACKWARD_CONSTANT;

/// Relative error that a backward stable step may make on a `rows` × `cols` matrix: c √(rows · cols) ε.
///
/// The computed result is the exact one for data changed by at most this, relative in the Frobenius norm.
pub fn backward(rows: usize, cols: usize) -> f64 {
    linalg::backward(rows, cols)
}

/// Relative error of the solution of a backward stable step: [`backward`] times the condition number.
///
/// With (A + δA)(x + δx) = b and |δA| ≤ β|A|, to first order δx = −A⁺ δA x, so |δx| ≤ β κ(A) |x|.
pub fn forward(rows: usize, cols: usize, kappa: f64) -> f64 {
    perturbed(rows, cols, kappa, 0.0)
}

/// [`forward`] for data that carry an error of their own, relative in the Frobenius norm: (backward + error) κ.
pub fn perturbed(rows: usize, cols: usize, kappa: f64, error: f64) -> f64 {
    (backward(rows, cols) + error) * kappa
}

/// Distance of an average over n independent samples from its expectation: z σ / √n.
///
/// For a normal limit, z = 6 is exceeded with probability 2·10⁻⁹.
pub fn sample_average(z: f64, sigma: f64, n: usize) -> f64 {
    z * sigma / (n.max(1) as f64).sqrt()
}

/// Largest relative error of rounding to single precision, 2⁻²⁴, for values in its normal range.
pub const SINGLE_PRECISION: f64 = linalg::EPS_F32 / 2.0;

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::lstsq::RankRevealing;
    use orthant_linalg::{product, random};

    #[test]
    fn least_squares_of_known_condition_meets_the_forward_bound() {
        for (seed, kappa) in [1.0, 1e3, 1e6].into_iter().enumerate() {
            let rng = &mut random::stream(seed as u64, "forward", 0);
            let a = random::with_condition(30, 10, kappa, rng);
            let x = random::gaussian(10, 1, rng);
            let b = product::matmul(a.as_ref(), x.as_ref());
            let found = RankRevealing::new(a, backward(30, 10)).expect("finite").solve(b.as_ref());
            let error = product::frobenius((&found - &x).as_ref()) / product::frobenius(x.as_ref());
            assert!(error <= forward(30, 10, kappa), "{error} at {kappa}");
        }
    }

    #[test]
    fn rounding_to_single_precision_errs_by_at_most_its_bound() {
        let values = random::gaussian_vec(1000, &mut random::stream(1, "single", 0));
        let worst = values.iter().map(|&v| (f64::from(v as f32) / v - 1.0).abs()).fold(0.0, f64::max);
        // Among 1000 values the largest error is within 1 % of the bound, but for a probability of 0.99^1000 / 2.
        assert!(worst <= SINGLE_PRECISION && worst > 0.9 * SINGLE_PRECISION);
    }

    #[test]
    fn averages_stay_within_their_bound() {
        let (n, z) = (10_000, 6.0);
        let values = random::gaussian_vec(n, &mut random::stream(1, "average", 0));
        assert!((values.iter().sum::<f64>() / n as f64).abs() <= sample_average(z, 1.0, n));
        assert_eq!(sample_average(2.0, 3.0, 36), 1.0);
    }
}
