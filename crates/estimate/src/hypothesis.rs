//! What the moment methods assume, tested on the data.
//!
//! A test can only refute: a hypothesis that passes may still be wrong. Each threshold is one that true hypotheses exceed with
//! probability at most [`FALSE_ALARM`].

use std::fmt;

use orthant_linalg::{LinalgError, Mat, product, random, spectrum};

use crate::expansion::{Expansion, Whitened, whitened_labels};
use crate::frame::Frame;

/// Probability at most with which a hypothesis that holds is refuted.
pub const FALSE_ALARM: f64 = 1e-6;

/// What a method assumes about inputs and weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hypothesis {
    /// The inputs are Gaussian, of any mean and any covariance.
    GaussianInputs,
    /// The inputs are distributed as their negatives (about their mean, when a hidden bias is fitted).
    SymmetricInputs,
    /// The rows of V are orthogonal, for inputs of unit covariance.
    OrthonormalRows,
    /// The rows of V are linearly independent.
    IndependentRows,
    /// Every unit is zero at either x or −x: there is no hidden bias.
    NoHiddenBias,
}

impl fmt::Display for Hypothesis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Hypothesis::GaussianInputs => "Gaussian inputs",
            Hypothesis::SymmetricInputs => "symmetric inputs",
            Hypothesis::OrthonormalRows => "orthonormal rows of V for whitened inputs",
            Hypothesis::IndependentRows => "independent rows of V",
            Hypothesis::NoHiddenBias => "no hidden bias",
        })
    }
}

/// A hypothesis that the data refute.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "the data refute the hypothesis of {hypothesis}: {statistic} is {measured:.3e}, not at most {allowed:.3e}; use {instead}"
)]
pub struct HypothesisError {
    /// What was assumed.
    pub hypothesis: Hypothesis,
    /// What was measured.
    pub statistic: &'static str,
    /// Its value, 0 in expectation if the hypothesis holds.
    pub measured: f64,
    /// The largest value that sampling error explains.
    pub allowed: f64,
    /// Methods that do not assume it.
    pub instead: &'static str,
}

/// Tests whether the inputs of a frame are Gaussian.
///
/// Mardia's kurtosis, the mean of |g|⁴ for whitened g, finds tails of any kind. Epps and Pulley's mean of cos(w'g) and
/// sin(w'g), over the coordinates and twice as many random directions w, finds what a single direction shows. Neither depends on
/// mean and covariance.
///
/// # Errors
/// [`LinalgError::NoConvergence`] on overflow; `Ok(Err(_))` when the hypothesis is refuted, with the statistic of the largest excess,
/// in standard errors.
///
/// # Cost
/// One SVD of the inputs (none when a hidden bias is fitted) and 6nr² operations.
pub fn check_gaussian(frame: &Frame, seed: u64) -> Result<Result<(), HypothesisError>, LinalgError> {
    let g = Whitened::centred(frame)?.values;
    let (n, r) = (g.nrows() as f64, g.ncols() as f64);
    if g.ncols() == 0 {
        return Ok(Ok(()));
    }
    let mut squares = vec![0.0; g.nrows()];
    for j in 0..g.ncols() {
        squares.iter_mut().zip(g.col_as_slice(j)).for_each(|(s, x)| *s += x * x);
    }
    let fourth = squares.iter().map(|s| s * s).sum::<f64>() / n;
    // Mean and variance of Mardia (1970).
    let kurtosis = (fourth - r * (r + 2.0) * (n - 1.0) / (n + 1.0)) / (8.0 * r * (r + 2.0) / n).sqrt();
    let mut worst = ("Mardia's kurtosis, in standard errors,", kurtosis.abs());
    // Asymptotic variances with mean and variance estimated (Epps and Pulley 1983, at frequency 1).
    let e = (-1.0f64).exp();
    let cos_std = (0.5 * (1.0 + e * e) - 1.5 * e).sqrt();
    let sin_std = (0.5 * (1.0 - e * e) - e).sqrt();
    let directions = directions(g.ncols(), seed);
    for w in 0..directions.ncols() {
        let s = product::matmul(g.as_ref(), directions.as_ref().subcols(w, 1));
        let (sin, cos) = s.col(0).iter().fold((0.0, 0.0), |(a, b), x| (a + x.sin(), b + x.cos()));
        let even = (cos / n - (-0.5f64).exp()).abs() * n.sqrt() / cos_std;
        let odd = (sin / n).abs() * n.sqrt() / sin_std;
        for (name, value) in [
            ("the mean cosine of a direction, in standard errors,", even),
            ("the mean sine of a direction, in standard errors,", odd),
        ] {
            if value > worst.1 {
                worst = (name, value);
            }
        }
    }
    let z = normal_threshold(1 + 2 * directions.ncols());
    // The statistics are sums of skewed terms: Bernstein's correction, which vanishes as n grows.
    let allowed = z + 3.0 * z * z / n.sqrt();
    Ok(judge(
        Hypothesis::GaussianInputs,
        worst.0,
        worst.1,
        allowed,
        "symmetric if they are symmetric, else pursuit",
    ))
}

/// Tests whether the inputs of a frame are distributed as their negatives.
///
/// # Guarantee
/// The signs of symmetric inputs are independent fair coins, given everything else, so that Σ sin(τ w'x) over √Σ sin²(τ w'x) exceeds
/// z with probability below 2 exp(−z²/2), whatever the distribution (Hoeffding). When a hidden bias is fitted, the frame's inputs
/// are about their mean, and this holds up to the error of the mean.
///
/// # Errors
/// [`HypothesisError`] when the hypothesis is refuted, with the largest of these statistics, in standard errors.
///
/// # Cost
/// 6nr² operations.
pub fn check_symmetric(frame: &Frame, seed: u64) -> Result<(), HypothesisError> {
    let g = Whitened::as_given(frame).values;
    if g.ncols() == 0 {
        return Ok(());
    }
    let directions = directions(g.ncols(), seed);
    let mut worst: f64 = 0.0;
    for w in 0..directions.ncols() {
        let s = product::matmul(g.as_ref(), directions.as_ref().subcols(w, 1));
        for frequency in [0.5, 1.5] {
            let (sum, squares) = s.col(0).iter().fold((0.0, 0.0), |(a, b), x| {
                let sin = (frequency * x).sin();
                (a + sin, b + sin * sin)
            });
            worst = worst.max(sum.abs() / squares.sqrt().max(f64::MIN_POSITIVE));
        }
    }
    judge(
        Hypothesis::SymmetricInputs,
        "the mean sine of a direction, in standard errors,",
        worst,
        normal_threshold(2 * directions.ncols()),
        "pursuit",
    )
}

/// Tests whether the rows of V can be orthonormal for whitened inputs.
///
/// Let y be the whitened labels and L their regression on the whitened inputs. Orthogonal rows of one norm, without hidden
/// biases, make activations independent and alike, so that LL' is a multiple of the identity. For the rectifier it is not one for any
/// other V: the covariance of activations is not proportional to VV'.
///
/// # Errors
/// [`LinalgError::NoConvergence`] on overflow; `Ok(Err(_))` when the singular values of L differ by more than their sampling error.
///
/// # Cost
/// That of fitting a quadratic in k variables to k functions.
pub fn check_orthonormal(frame: &Frame) -> Result<Result<(), HypothesisError>, LinalgError> {
    let inputs = Whitened::centred(frame)?.values;
    let labels = whitened_labels(frame)?;
    let (q, r) = (labels.ncols() as f64, inputs.ncols() as f64);
    let moment = product::matmul(labels.transpose(), inputs.as_ref());
    let sigma = spectrum::singular_values(moment.as_ref())?;
    let n = frame.n() as f64;
    let (top, last) = (sigma.first().copied().unwrap_or(0.0) / n, sigma.last().copied().unwrap_or(0.0) / n);
    // Canonical correlations: L has independent errors of size at most 1/√n, plus the probability e^(−z²/2) of exceeding the norm
    // √q + √r of such a matrix by z.
    let z = normal_threshold(1);
    let allowed = 2.0 * (q.sqrt() + r.sqrt() + z) / n.sqrt();
    let measured = if labels.ncols() > inputs.ncols() { top } else { top - last };
    Ok(judge(
        Hypothesis::OrthonormalRows,
        "the spread of correlations between labels and inputs",
        measured,
        allowed,
        "tensor, or pursuit",
    ))
}

/// Tests whether the regression of the labels on the inputs shows k independent rows of V.
pub(crate) fn check_independent_rows(
    expansion: &Expansion,
    n: usize,
    k: usize,
) -> Result<(), HypothesisError> {
    let error = expansion.linear_error(n);
    let smallest = expansion.sigma.get(k.saturating_sub(1)).copied().unwrap_or(0.0);
    judge(
        Hypothesis::IndependentRows,
        "the sampling error of the linear part over its smallest singular value",
        error / smallest.max(f64::MIN_POSITIVE),
        1.0,
        "pursuit, or more samples",
    )
}

/// Tests whether combinations of labels that vanish at x or at −x exist, up to the error of the labels at −x.
pub(crate) fn check_reflection(null: f64, allowed: f64) -> Result<(), HypothesisError> {
    judge(
        Hypothesis::NoHiddenBias,
        "the least product of labels at x and at -x",
        null,
        allowed,
        "pursuit, or tensor if the inputs are Gaussian",
    )
}

/// Coordinates, and twice as many random unit vectors.
fn directions(r: usize, seed: u64) -> Mat<f64> {
    let random = random::gaussian(r, 2 * r, &mut random::stream(seed, "hypothesis", 0));
    Mat::from_fn(r, 3 * r, |i, j| match j.checked_sub(r) {
        None => f64::from(u8::from(i == j)),
        Some(j) => random[(i, j)] / random.col(j).norm_l2(),
    })
}

/// What the largest of some standard normal variables exceeds with probability at most [`FALSE_ALARM`].
fn normal_threshold(count: usize) -> f64 {
    (2.0 * (2.0 * count as f64 / FALSE_ALARM).ln()).sqrt()
}

fn judge(
    hypothesis: Hypothesis,
    statistic: &'static str,
    measured: f64,
    allowed: f64,
    instead: &'static str,
) -> Result<(), HypothesisError> {
    // The comparison is this way round so that NaN is refuted.
    if measured <= allowed {
        return Ok(());
    }
    Err(HypothesisError { hypothesis, statistic, measured, allowed, instead })
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_network::{BiasKind, InputKind, PlantedSpec, Samples};

    fn frame(inputs: InputKind, n: usize, d: usize, seed: u64) -> Frame {
        let spec = PlantedSpec { m: 3, k: 2, d, inputs, seed, ..PlantedSpec::default() };
        let p = spec.plant(n).expect("valid");
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        Frame::new(&samples, BiasKind::None, None).expect("finite").0
    }

    /// 120 sets of Gaussian inputs: none refuted. At a false-alarm rate of 1e-6 each, one would be in ten thousand such tests.
    #[test]
    fn gaussian_inputs_pass() {
        for (n, d) in [(40, 3), (60, 10), (200, 5), (1000, 5)] {
            for seed in 0..15 {
                for inputs in [InputKind::Gaussian, InputKind::Equicorrelated] {
                    let frame = frame(inputs, n, d, seed);
                    assert_eq!(check_gaussian(&frame, seed).expect("finite"), Ok(()), "{n} {d} {seed}");
                }
            }
        }
    }

    #[test]
    fn other_inputs_are_refuted() {
        for inputs in
            [InputKind::Uniform, InputKind::Laplace, InputKind::Student3, InputKind::Sign, InputKind::Binary]
        {
            for seed in 0..4 {
                let refuted = check_gaussian(&frame(inputs, 1500, 6, seed), seed).expect("finite");
                assert!(refuted.is_err(), "{} passed", inputs.name());
            }
        }
    }

    #[test]
    fn only_inputs_that_are_not_symmetric_are_refuted() {
        for seed in 0..10 {
            for inputs in [InputKind::Uniform, InputKind::Laplace, InputKind::Student3, InputKind::Sign] {
                assert_eq!(check_symmetric(&frame(inputs, 200, 6, seed), seed), Ok(()), "{}", inputs.name());
            }
            let error = check_symmetric(&frame(InputKind::Binary, 200, 6, seed), seed).expect_err("0 or 1");
            assert_eq!(error.hypothesis, Hypothesis::SymmetricInputs);
            assert!(error.to_string().contains("symmetric inputs"), "{error}");
        }
    }
}
