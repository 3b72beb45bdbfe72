//! Algorithm 7: which way each unit faces, from projection residuals.
//!
//! A unit known up to sign is f(t) or f(−t), times its output weights. The residuals of the labels outside the span of both halves
//! of all units, less one half of unit i, tell which: deleting the half that is not there costs nothing but noise.

use orthant_estimate::blocks::triangle;
use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::qr::Qr;
use orthant_linalg::{LinalgError, Mat, MatRef, product, tolerance};
use orthant_network::Samples;

use crate::error::NoisyError;
use crate::projection::Projection;
use crate::regression::Hidden;

/// The signs of units, with what they were decided by.
#[derive(Debug, Clone, PartialEq)]
pub struct Signs {
    /// For each unit, whether it is f(t_i), and not f(−t_i), with t_i = v_i x + b_i.
    pub positive: Vec<bool>,
    /// a_i⁺: what the span without f(−t_i) leaves of the labels, squared and summed.
    pub without_negative: Vec<f64>,
    /// a_i⁻: what the span without f(t_i) leaves.
    pub without_positive: Vec<f64>,
    /// What the span of both halves of all units leaves.
    pub residual: f64,
    /// Standard deviation of the labels' errors: the root of `residual` over its degrees of freedom, m (n − rank).
    pub noise_std: f64,
    /// Logarithm of the likelihood ratio of the sign chosen to the other, for normal errors of this size: the difference of the
    /// two residuals over 2 `noise_std`². For a unit without output weights it is of the
    /// order √m, by noise alone: well above that a sign is sure.
    pub log_ratio: Vec<f64>,
    /// Whether the unit's sign had to be decided jointly with others, because its halves depend linearly on them.
    pub joint: Vec<bool>,
}

impl Signs {
    /// The smallest [`Signs::log_ratio`]; infinite without units.
    pub fn margin(&self) -> f64 {
        self.log_ratio.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

/// Decides the sign of each row of V, with its bias, for units max(t, 0).
///
/// # Shapes
/// `hidden.v` is k × d, each row up to sign.
///
/// # Guarantee
/// Without noise and with exact rows, every sign with a positive log ratio is right. With noise it is right with probability
/// 1 − e^(−ratio) or so, while errors of the rows are small against the noise they hide in.
///
/// # Errors
/// [`NoisyError::Dimension`]; [`NoisyError::TooFewSamples`] for n ≤ 2k, or 2k + 1 with an output bias; [`NoisyError::Linalg`] on
/// overflow.
///
/// # Cost
/// 2nkd + 2.5n(2k + m)² operations in one pass and memory independent of n; O(k³) more for all 2k residuals, and at most
/// O(k⁵) where rows are dependent.
///
/// # Paper
/// Algorithm 7 and Theorem 60. Deviations:
/// - All samples, not the first ℓ.
/// - One factorisation, not 2k: deleting a column raises the residual by its squared coefficients over its diagonal entry of the
///   inverse Gram matrix, which the inverse of the triangle gives for all columns.
/// - The paper takes the rows of V to be independent. The halves of all units span the |t_i| and the t_i, since
///   f(t) − f(−t) = t; where t_i is in the span of the other t_j (always, for k above the rank of the inputs), deleting one half
///   of unit i changes nothing, and a_i⁺ = a_i⁻. Those signs are decided jointly: the |t_i| have coefficients u_i/2, and the linear part of the
///   labels is the sum of s_i u_i t_i/2, so that the s_i solve a linear system of m equations for each independent t_j. Single signs
///   are then turned while that lowers the residual of the k halves chosen, which also gives the ratios.
pub fn recover_signs(
    samples: &Samples<'_>,
    hidden: Hidden<'_>,
    output_bias: bool,
) -> Result<Signs, NoisyError> {
    hidden.check(samples)?;
    let (n, m, k) = (samples.n(), samples.m(), hidden.v.nrows());
    let first = usize::from(output_bias);
    let p = first + 2 * k;
    if n <= p {
        return Err(NoisyError::TooFewSamples { n, unknowns: m * p, needed: p + 1 });
    }
    let scale = product::normalising_power(samples.a());
    let all = triangle(n, p + m, |range| {
        let t = hidden.preactivations(samples.x().subcols(range.start, range.len()));
        let a = samples.a().subcols(range.start, range.len());
        Mat::from_fn(range.len(), p + m, |j, i| match i {
            _ if i < first => 1.0,
            _ if i < first + k => t[(j, i - first)].max(0.0),
            _ if i < p => (-t[(j, i - first - k)]).max(0.0),
            _ => a[(i - p, j)] * scale,
        })
    });
    let halves = Halves { all: all.as_ref(), first, k };
    let fit = Projection::of(all.as_ref(), n, p)?;
    let whole: f64 = fit.rest.iter().sum();
    // Errors of this size cannot be told from rounding.
    let rounding = tolerance::backward(n, p) * product::frobenius(all.as_ref().subcols(p, m));
    let freedom = (m * (n - fit.rank.rank)) as f64;
    let variance = (whole.max(rounding * rounding) / freedom).max(f64::MIN_POSITIVE);
    let (without_positive, without_negative): (Vec<f64>, Vec<f64>) =
        (0..k).map(|i| (whole + fit.increase(first + i), whole + fit.increase(first + k + i))).unzip();
    let mut positive: Vec<bool> = (0..k).map(|i| without_negative[i] < without_positive[i]).collect();
    let mut log_ratio: Vec<f64> =
        (0..k).map(|i| (without_negative[i] - without_positive[i]).abs() / (2.0 * variance)).collect();
    let joint: Vec<bool> = (0..k)
        .map(|i| fit.inverse[first + i].is_infinite() && fit.inverse[first + k + i].is_infinite())
        .collect();
    if joint.contains(&true) {
        let relaxed = halves.relaxed_signs(fit.coefficients.as_ref(), n)?;
        let turnable: Vec<usize> = (0..k).filter(|&i| joint[i]).collect();
        turnable.iter().for_each(|&i| positive[i] = relaxed[i] >= 0.0);
        let rises = halves.descend(&mut positive, &turnable, n, rounding)?;
        for (&i, rise) in turnable.iter().zip(rises) {
            log_ratio[i] = rise / (2.0 * variance);
        }
    }
    let unscaled = |residual: Vec<f64>| residual.into_iter().map(|r| r / scale / scale).collect();
    Ok(Signs {
        positive,
        without_negative: unscaled(without_negative),
        without_positive: unscaled(without_positive),
        residual: whole / scale / scale,
        noise_std: (whole / freedom).sqrt() / scale,
        log_ratio,
        joint,
    })
}

/// The triangle of a constant (if `first` is 1), the f(t_i), the f(−t_i) and the labels.
struct Halves<'a> {
    all: MatRef<'a, f64>,
    first: usize,
    k: usize,
}

impl Halves<'_> {
    /// Signs as real numbers: the least-squares solution of Σ_i s_i u_i t_i = Σ_i (α_i − β_i) t_i, with u_i = α_i + β_i, for
    /// coefficients α of the f(t_i) and β of the f(−t_i).
    fn relaxed_signs(&self, coefficients: MatRef<'_, f64>, n: usize) -> Result<Vec<f64>, LinalgError> {
        let (first, k, m) = (self.first, self.k, coefficients.ncols());
        let rows = first + 2 * k;
        // Below the first row, the constant is projected out.
        let t = Mat::from_fn(rows - first, k, |l, i| {
            self.all[(first + l, first + i)] - self.all[(first + l, first + k + i)]
        });
        let t = Qr::factor(t).r();
        let part = |sign: f64| {
            Mat::from_fn(k, m, |i, o| coefficients[(first + i, o)] + sign * coefficients[(first + k + i, o)])
        };
        let (u, difference) = (part(1.0), part(-1.0));
        let linear = product::matmul(t.as_ref(), difference.as_ref());
        let system = Mat::from_fn(m * k, k, |e, i| u[(i, e / k)] * t[(e % k, i)]);
        let right = Mat::from_fn(m * k, 1, |e, _| linear[(e % k, e / k)]);
        let solved = RankRevealing::new(system, tolerance::backward(n, rows))?.solve(right.as_ref());
        Ok(solved.col(0).iter().copied().collect())
    }

    /// What the span of one half of each unit (and the constant) leaves of the labels, squared and summed.
    fn left(&self, positive: &[bool], n: usize) -> Result<f64, LinalgError> {
        let (rows, p) = (self.all.nrows(), self.first + 2 * self.k);
        let chosen = Mat::from_fn(rows, self.first + self.k, |l, j| match j.checked_sub(self.first) {
            Some(i) if !positive[i] => self.all[(l, j + self.k)],
            _ => self.all[(l, j)],
        });
        let factor = RankRevealing::new(chosen, tolerance::backward(n, p))?;
        let rest = factor.complement(self.all.subcols(p, self.all.ncols() - p));
        Ok(product::frobenius(rest.as_ref()).powi(2))
    }

    /// Turns the sign that lowers the residual most until none does, by more than rounding; then the rises that turning each would
    /// cause.
    fn descend(
        &self,
        positive: &mut [bool],
        turnable: &[usize],
        n: usize,
        rounding: f64,
    ) -> Result<Vec<f64>, LinalgError> {
        let mut current = self.left(positive, n)?;
        // Each turn lowers the residual, so no choice comes back; k turns correct a start that is wrong throughout.
        for turn in 0.. {
            let mut residuals = Vec::with_capacity(turnable.len());
            for &i in turnable {
                positive[i] = !positive[i];
                residuals.push(self.left(positive, n)?);
                positive[i] = !positive[i];
            }
            let best = (0..turnable.len()).min_by(|&a, &b| residuals[a].total_cmp(&residuals[b]));
            match best {
                Some(best) if turn < self.k && residuals[best] < current - rounding * rounding => {
                    current = residuals[best];
                    positive[turnable[best]] = !positive[turnable[best]];
                }
                _ => return Ok(residuals.into_iter().map(|r| (r - current).max(0.0)).collect()),
            }
        }
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::random;
    use orthant_network::{BiasKind, NoiseKind, Planted, PlantedSpec};

    /// A planted instance with noise, its rows turned where `flipped`, and whether each is.
    fn instance(spec: &PlantedSpec, n: usize, noise: f64) -> (Planted, Mat<f64>, Vec<f64>, Vec<bool>) {
        let mut p = spec.plant(n).expect("valid");
        let scale = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid").label_scale();
        p.a += NoiseKind::Gaussian.errors(spec.m, n, noise * scale, spec.seed);
        let draws = random::gaussian_vec(spec.k, &mut random::stream(spec.seed, "turned", 0));
        let positive: Vec<bool> = draws.iter().map(|&g| g > 0.0).collect();
        let sign = |i: usize| if positive[i] { 1.0 } else { -1.0 };
        let v = Mat::from_fn(spec.k, spec.d, |i, j| sign(i) * p.network.v()[(i, j)]);
        let b = (0..spec.k).map(|i| sign(i) * p.network.hidden_bias(i)).collect();
        (p, v, b, positive)
    }

    fn signs(p: &Planted, v: &Mat<f64>, b: &[f64]) -> Signs {
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let hidden = Hidden { v: v.as_ref(), b: p.network.b().map(|_| b) };
        recover_signs(&samples, hidden, p.network.c().is_some()).expect("enough samples")
    }

    /// The algorithm as printed: two projections for each unit.
    fn naive(p: &Planted, v: &Mat<f64>, b: &[f64], unit: usize, delete_positive: bool) -> f64 {
        let (k, n) = (v.nrows(), p.x.ncols());
        let t = product::matmul(v.as_ref(), p.x.as_ref());
        let mut columns: Vec<Vec<f64>> = Vec::new();
        if p.network.c().is_some() {
            columns.push(vec![1.0; n]);
        }
        for i in 0..k {
            for sign in [1.0, -1.0] {
                if i != unit || (sign > 0.0) != delete_positive {
                    columns.push((0..n).map(|j| (sign * (t[(i, j)] + b[i])).max(0.0)).collect());
                }
            }
        }
        let features = Mat::from_fn(n, columns.len(), |j, i| columns[i][j]);
        let factor = RankRevealing::new(features, tolerance::backward(n, 2 * k)).expect("finite");
        product::frobenius(factor.complement(p.a.transpose()).as_ref()).powi(2)
    }

    #[test]
    fn one_factorisation_gives_the_residuals_of_2k_projections() {
        for (bias, d) in [(BiasKind::None, 7), (BiasKind::Both, 7), (BiasKind::None, 3)] {
            let spec = PlantedSpec { m: 6, k: 4, d, bias, seed: 1, ..PlantedSpec::default() };
            let (p, v, b, _) = instance(&spec, 300, 0.1);
            let found = signs(&p, &v, &b);
            let tolerance = 100.0 * tolerance::backward(300, 8) * product::frobenius(p.a.as_ref()).powi(2);
            for i in 0..4 {
                let expected = (naive(&p, &v, &b, i, false), naive(&p, &v, &b, i, true));
                assert!((found.without_negative[i] - expected.0).abs() <= tolerance, "{bias:?} {d} {i}");
                assert!((found.without_positive[i] - expected.1).abs() <= tolerance, "{bias:?} {d} {i}");
                assert_eq!(found.joint[i], d == 3);
            }
        }
    }

    /// How many of the seeds 0..20 have all signs right.
    fn count_right(spec: &PlantedSpec, n: usize, noise: f64) -> usize {
        let is_right = |&seed: &u64| {
            let (p, v, b, positive) = instance(&PlantedSpec { seed, ..spec.clone() }, n, noise);
            signs(&p, &v, &b).positive == positive
        };
        (0..20).filter(is_right).count()
    }

    /// With exact rows, and labels half of which is noise: all signs right in 20 of 20, with and without biases.
    #[test]
    fn signs_are_right_under_noise() {
        for bias in [BiasKind::None, BiasKind::Both] {
            let spec = PlantedSpec { m: 10, k: 5, d: 20, bias, ..PlantedSpec::default() };
            assert_eq!(count_right(&spec, 1000, 0.5), 20, "{bias:?}");
        }
    }

    /// More units than inputs, a tenth of the labels noise: no half of a unit is independent of the others, and all signs are right in
    /// 20 of 20.
    #[test]
    fn signs_of_dependent_rows_are_decided_jointly() {
        for bias in [BiasKind::None, BiasKind::Both] {
            let spec = PlantedSpec { m: 8, k: 8, d: 5, bias, ..PlantedSpec::default() };
            assert_eq!(count_right(&spec, 1000, 0.1), 20, "{bias:?}");
        }
    }

    #[test]
    fn without_noise_the_margin_is_that_of_rounding() {
        let spec = PlantedSpec { m: 3, k: 3, d: 4, seed: 2, ..PlantedSpec::default() };
        let (p, v, b, positive) = instance(&spec, 100, 0.0);
        let found = signs(&p, &v, &b);
        assert_eq!(found.positive, positive);
        assert!(found.margin() > 1e10 && found.noise_std < 1e-12, "{found:?}");
    }

    /// Zero labels say nothing about any sign, nor do any labels about those of two units alike.
    #[test]
    fn no_sign_without_evidence() {
        let spec = PlantedSpec { m: 3, k: 2, d: 4, seed: 3, ..PlantedSpec::default() };
        let (mut p, v, b, _) = instance(&spec, 300, 0.1);
        let alike = Mat::from_fn(2, 4, |_, j| v[(0, j)]);
        let found = signs(&p, &alike, &b);
        assert!(found.joint == [true, true], "{found:?}");
        p.a.fill(0.0);
        let found = signs(&p, &v, &b);
        assert!(found.margin() == 0.0 && found.residual == 0.0, "{found:?}");
    }

    /// The ratio of a unit without output weights has mean near 0 and a standard deviation of at most √m: below 5√m in 20 of 20,
    /// while that of the others is above.
    #[test]
    fn the_ratio_of_a_unit_that_is_not_there_is_noise() {
        for seed in 0..20 {
            let spec = PlantedSpec { m: 10, k: 4, d: 10, seed, ..PlantedSpec::default() };
            let (mut p, v, b, _) = instance(&spec, 1000, 0.0);
            let u = Mat::from_fn(10, 4, |o, i| if i == 0 { 0.0 } else { p.network.u()[(o, i)] });
            let without = orthant_network::Network::new(u, p.network.v().to_owned(), None, None);
            p.a = without.expect("shapes fit").labels(p.x.as_ref());
            p.a += NoiseKind::Gaussian.errors(10, 1000, 0.5, seed);
            let found = signs(&p, &v, &b).log_ratio;
            let noise = 5.0 * 10f64.sqrt();
            assert!(found[0] < noise && found[1..].iter().all(|&r| r > noise), "seed {seed}: {found:?}");
        }
    }
}
