//! One unit: the half-space estimate of Theorem 69.

use orthant_linalg::{MatRef, product};

/// The direction in which the signs of noisy values grow: the normalised mean of E[sign(t_q + g_q)] x_q, where g_q is normal with
/// standard deviation `smoothing`.
///
/// With t_q = f(⟨v, x_q⟩) + e_q, normal x_q and any e that does not depend on them, the mean is a positive multiple of v: the label of
/// sample q depends on the inputs through ⟨v, x_q⟩ only and grows with it. More generally, for t_q a function of several ⟨v_i, x_q⟩ it is
/// in the span of the v_i. Smoothing makes the label depend on the inputs where e_q is large.
///
/// # Shapes
/// `x` is d × n, `values` has length n; the result has length d and norm 1, or is zero where the mean is.
///
/// # Guarantee
/// With smoothing η ≥ |e|_F/√n the squared error is of the order max(1, η) √(d/n) at most; measured, it is of the order max(1, η²) d/n.
///
/// # Panics
/// When the shapes differ.
///
/// # Cost
/// 2nd operations and n values of the link.
///
/// # Paper
/// Algorithm 9, steps 3a to 3c, and Theorem 69. The programme max Σ y_q ⟨w, x_q⟩ over |w| ≤ 1 is linear on a ball, so its solution is the
/// normalised Σ y_q x_q. The random sign is replaced by its expectation, erf(t/(η√2)): the same mean, less variance. Proposition 72 omits
/// the derivative of f, which is zero for half of the inputs: λ is of the order min(1, 1/η), not 1/η, so that max(1, η) stands here where
/// the theorem has η.
///
/// # Examples
/// ```
/// use orthant_fpt::half_spaces::half_space;
/// use orthant_linalg::random;
///
/// let x = random::gaussian(2, 2000, &mut random::stream(1, "doc", 0));
/// // A unit in the first coordinate, and an error that hides it on every other sample.
/// let values: Vec<f64> = (0..2000).map(|q| x[(0, q)].max(0.0) + if q % 2 == 0 { 1e6 } else { 0.0 }).collect();
/// assert!(half_space(x.as_ref(), &values, 1.0)[0] > 0.95);
/// ```
pub fn half_space(x: MatRef<'_, f64>, values: &[f64], smoothing: f64) -> Vec<f64> {
    let mut mean = correlation(x, values, smoothing);
    let norm = product::norm(&mean);
    if norm > 0.0 {
        mean.iter_mut().for_each(|w| *w /= norm);
    }
    mean
}

/// Mean of the smoothed sign times the inputs, over the root mean square of the smoothed sign: sampling errors of all such vectors have
/// the same size. Zero where all values are.
pub(super) fn correlation(x: MatRef<'_, f64>, values: &[f64], smoothing: f64) -> Vec<f64> {
    assert_eq!(x.ncols(), values.len(), "one value for each sample");
    let signs: Vec<f64> = values.iter().map(|&t| smoothed_sign(t / smoothing)).collect();
    let size = product::norm(&signs) * (values.len() as f64).sqrt();
    let sums = product::matmul(x, MatRef::from_column_major_slice(&signs, signs.len(), 1));
    if size > 0.0 { sums.col_as_slice(0).iter().map(|s| s / size).collect() } else { vec![0.0; x.nrows()] }
}

/// erf(t/√2), within 3·10⁻⁷ (Abramowitz and Stegun 7.1.28). The approximation is odd, bounded and increasing, which is all that the
/// estimate needs, so its error is none of the estimate's.
fn smoothed_sign(t: f64) -> f64 {
    let s = (t.abs() * std::f64::consts::FRAC_1_SQRT_2).min(8.0);
    let p = 1.0
        + s * (0.070_523_078_4
            + s * (0.042_282_012_3
                + s * (0.009_270_527_2
                    + s * (0.000_152_014_3 + s * (0.000_276_567_2 + s * 0.000_043_063_8)))));
    let p4 = (p * p) * (p * p);
    let p16 = (p4 * p4) * (p4 * p4);
    (1.0 - 1.0 / p16).copysign(t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_is_the_error_function_and_odd() {
        // erf(1/√2) and erf(2/√2), the shares within one and two standard deviations.
        for (t, share) in [(0.0, 0.0), (1.0, 0.682_689_492_1), (2.0, 0.954_499_736_1), (50.0, 1.0)] {
            assert!((smoothed_sign(t) - share).abs() < 3e-7, "{t}");
            assert_eq!(smoothed_sign(-t).abs(), smoothed_sign(t));
        }
        assert_eq!(smoothed_sign(f64::INFINITY), 1.0);
    }

    #[test]
    fn values_that_are_zero_give_no_direction() {
        let x = orthant_linalg::Mat::from_fn(3, 5, |i, j| (i + j) as f64);
        assert_eq!(half_space(x.as_ref(), &[0.0; 5], 1.0), vec![0.0; 3]);
    }
}
