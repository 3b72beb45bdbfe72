//! How many samples it takes until each unit is alone often enough: Lemma 64, with constants.

use std::f64::consts::PI;

use orthant_exact::Split;
use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::{Mat, MatRef, product, random, spectrum, tolerance};

use crate::FptError;

/// Random directions that the estimate for more than three units is the mean over.
const DRAWS: usize = 20_000;

/// A lower bound for the probability that a given one of k units is alone active at a standard normal input, over all V with rows of
/// unit norm and condition number at most `kappa_v`.
///
/// # Guarantee
/// With y = Vg and Σ = VV', the density of y on a ray in direction θ gives
/// P(orthant) = |Σ|^(−1/2) 2^(−k) 𝔼 (θ'Σ⁻¹θ)^(−k/2), θ uniform on the part of the sphere in the orthant.
/// By convexity the mean is at least (𝔼 θ'Σ⁻¹θ)^(−k/2). There 𝔼 θ_i² = 1/k and |𝔼 θ_i θ_j| = 2/(πk), so that
/// 𝔼 θ'Σ⁻¹θ ≤ ((1 − 2/π) tr Σ⁻¹ + (2/π) k/σ_k²)/k. In the ratios ρ_i = σ_i/σ_k the whole bound is
/// 2^(−k) Π 1/ρ_i · (2/π + (1 − 2/π) Σ ρ_i⁻²/k)^(−k/2), which falls in each ρ_i (its logarithm has derivative −(1 − αρ⁻²/s)/ρ with
/// α = 1 − 2/π < 2/π ≤ s), so ρ_i = κ for all but the last:
///
/// P ≥ 2^(−k) κ^(1−k) (2/π + (1 − 2/π)(1 + (k − 1)/κ²)/k)^(−k/2).
///
/// It is 1/2 at k = 1 and 2^(−k) at κ = 1, as it should be; at k = 2 the least probability is arctan(1/κ)/π, at κ = 3 3 % above it.
///
/// # Errors
/// [`FptError::Setting`] for k = 0 or a condition number that is not one.
///
/// # Paper
/// Lemma 64 has Ω((kκ)^(−k)), by anti-concentration in a ball.
pub fn lone_probability_bound(k: usize, kappa_v: f64) -> Result<f64, FptError> {
    if k == 0 {
        return Err(FptError::Setting { name: "k", value: 0.0, allowed: "at least 1" });
    }
    if !(kappa_v.is_finite() && kappa_v >= 1.0) {
        return Err(FptError::Setting { name: "kappa_v", value: kappa_v, allowed: "at least 1" });
    }
    let (units, share) = (k as f64, 2.0 / PI);
    let mean_square = share + (1.0 - share) * (1.0 + (units - 1.0) / kappa_v.powi(2)) / units;
    // By logarithms, which hundreds of units need.
    let log = -units * 2f64.ln() - (units - 1.0) * kappa_v.ln() - units / 2.0 * mean_square.ln();
    Ok(log.exp())
}

/// The probability that each unit of a given V is alone active at a standard normal input.
///
/// For up to three units exact: 1/2; angle/2π; the solid angle of the triangle. For more the mean of |Σ|^(−1/2) 2^(−k) (θ'Σ⁻¹θ)^(−k/2) over
/// 20 000 fixed random directions θ in the orthant.
///
/// # Shapes
/// `v` is k × d with rows of any norm but zero; the result has length k, zeros when the rank of V is below k.
///
/// # Errors
/// [`FptError::Recover`] on overflow.
///
/// # Cost
/// 20 000 · 2k³ operations, or a few.
pub fn lone_probabilities(v: MatRef<'_, f64>) -> Result<Vec<f64>, FptError> {
    let (k, d) = v.shape();
    let norms: Vec<f64> = (0..k).map(|i| v.row(i).norm_l2().max(f64::MIN_POSITIVE)).collect();
    let rows = Mat::from_fn(k, d, |i, r| v[(i, r)] / norms[i]);
    let svd = spectrum::thin_svd(rows.as_ref())?;
    if k > d || spectrum::rank_at(&svd.s, tolerance::backward(k, d)).rank < k {
        return Ok(vec![0.0; k]);
    }
    let cosine = |i: usize, j: usize| -> f64 {
        (0..d).map(|r| rows[(i, r)] * rows[(j, r)]).sum::<f64>().clamp(-1.0, 1.0)
    };
    // The orthant of unit i alone: its correlations with the others change sign.
    let facing = |alone: usize, i: usize, j: usize| {
        if i == alone || j == alone { -cosine(i, j) } else { cosine(i, j) }
    };
    match k {
        0 => return Ok(vec![]),
        1 => return Ok(vec![0.5]),
        2 => return Ok(vec![cosine(0, 1).acos() / (2.0 * PI); 2]),
        3 => {
            let solid = |i: usize| {
                let angles: f64 = [(0, 1), (0, 2), (1, 2)].iter().map(|&(p, q)| facing(i, p, q).asin()).sum();
                0.125 + angles / (4.0 * PI)
            };
            return Ok((0..k).map(|i| solid(i).max(0.0)).collect());
        }
        _ => {}
    }
    // θ'Σ⁻¹θ is the squared norm of the coordinates of θ over the singular values.
    let over = Mat::from_fn(k, k, |p, i| svd.u[(i, p)] / svd.s[p]);
    let rng = &mut random::stream(0, "lone orthants", 0);
    let mut sums = vec![0.0; k];
    let log_volume: f64 = svd.s.iter().map(|s| s.ln()).sum::<f64>() + k as f64 * 2f64.ln();
    for _ in 0..DRAWS {
        let draw: Vec<f64> = random::gaussian_vec(k, rng).iter().map(|g| g.abs()).collect();
        let norm = product::norm(&draw);
        for (alone, sum) in sums.iter_mut().enumerate() {
            let theta = Mat::from_fn(k, 1, |i, _| (if i == alone { draw[i] } else { -draw[i] }) / norm);
            let size = product::frobenius(product::matmul(over.as_ref(), theta.as_ref()).as_ref());
            *sum += (-log_volume - k as f64 * size.ln()).exp();
        }
    }
    Ok(sums.into_iter().map(|sum| sum / DRAWS as f64).collect())
}

/// The samples to ask for before anything is known but k and κ(V): with them each unit is alone on `members` of those fitted, with
/// probability at least 1 − `failure_probability`.
///
/// `members` is d without hidden biases, d + 1 when they are fitted. The 2 % that are kept aside are included.
///
/// # Guarantee
/// For standard normal inputs, V of rank k with rows of unit norm and condition number at most `kappa_v`, and no biases: by
/// [`lone_probability_bound`], the binomial tail and a union bound over the units.
///
/// # Errors
/// [`FptError::Setting`] for an argument out of its range, or when more than 10¹⁵ samples would be needed.
///
/// # Cost
/// k sums of `members` terms for each of about 2 log₂ n numbers of samples.
///
/// # Paper
/// Lemma 64: Ω(d log(k/δ) (kκ)^(2k)) in the proof.
pub fn expected_samples(
    k: usize,
    members: usize,
    kappa_v: f64,
    failure_probability: f64,
) -> Result<u64, FptError> {
    let least = lone_probability_bound(k, kappa_v)?;
    samples_for(&vec![least; k], members, failure_probability)
}

/// [`expected_samples`] for a V that is known.
///
/// # Shapes
/// `v` is k × d with rows of any norm but zero.
///
/// # Guarantee
/// As [`expected_samples`], with the probabilities of [`lone_probabilities`] in place of their lower bound: exact ones for up to
/// three units, estimates for more.
///
/// # Errors
/// As [`expected_samples`]; V of rank below k needs infinitely many.
///
/// # Cost
/// That of [`lone_probabilities`], and as [`expected_samples`].
pub fn expected_samples_for(
    v: MatRef<'_, f64>,
    members: usize,
    failure_probability: f64,
) -> Result<u64, FptError> {
    samples_for(&lone_probabilities(v)?, members, failure_probability)
}

/// The most samples that are spoken of.
const MAX_SAMPLES: u64 = 1_000_000_000_000_000;

/// The least number of samples for which the probabilities that a unit has too few sum to at most the failure probability.
fn samples_for(probabilities: &[f64], members: usize, failure_probability: f64) -> Result<u64, FptError> {
    if !(failure_probability > 0.0 && failure_probability < 1.0) {
        let (value, allowed) = (failure_probability, "in (0, 1)");
        return Err(FptError::Setting { name: "failure_probability", value, allowed });
    }
    let fails = |n: u64| probabilities.iter().map(|&p| fewer_than(members, n, p)).sum::<f64>();
    let (mut low, mut high) = (members.max(1) as u64 - 1, members.max(1) as u64);
    while fails(high) > failure_probability {
        if high > MAX_SAMPLES {
            return Err(FptError::Setting {
                name: "samples needed",
                value: high as f64,
                allowed: "at most 1e15: V is too badly conditioned for this method",
            });
        }
        (low, high) = (high, 2 * high);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fails(middle) > failure_probability { low = middle } else { high = middle }
    }
    // A part of what is asked for will be kept aside, of a larger number than `high`.
    let aside = |n: u64| Split::held_out(usize::try_from(n).unwrap_or(usize::MAX)) as u64;
    let asked = (high..).find(|&n| n - aside(n).min(n) >= high);
    Ok(asked.expect("at most a thousand samples are kept aside"))
}

/// P(Bin(n, p) < members).
fn fewer_than(members: usize, n: u64, p: f64) -> f64 {
    if p <= 0.0 {
        return if members == 0 { 0.0 } else { 1.0 };
    }
    let n = n as f64;
    let mut log = n * (-p).ln_1p();
    let mut sum = 0.0;
    for j in 0..members {
        let count = j as f64;
        if count > n {
            break;
        }
        sum += log.exp();
        log += ((n - count) / (count + 1.0)).ln() + p.ln() - (-p).ln_1p();
    }
    sum.min(1.0)
}

/// The dimension of the inputs of some samples, with a constant when hidden biases are fitted: unknowns of a unit.
pub(super) fn input_rank(x: MatRef<'_, f64>, chosen: &[usize], hidden: bool) -> Result<usize, FptError> {
    let d = x.nrows();
    let columns = d + usize::from(hidden);
    let rows = Mat::from_fn(chosen.len(), columns, |j, r| if r < d { x[(r, chosen[j])] } else { 1.0 });
    let tolerance = orthant_estimate::frame::input_tolerance(chosen.len(), columns);
    Ok(RankRevealing::new(rows, tolerance)?.rank().rank)
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_testkit::binomial;

    fn correlated(k: usize, rho: f64) -> Mat<f64> {
        // Rows of a triangle with Gram matrix (1 − ρ)I + ρ11'.
        let mut v: Mat<f64> = Mat::zeros(k, k);
        for i in 0..k {
            for j in 0..=i {
                let known: f64 = (0..j).map(|r| v[(i, r)] * v[(j, r)]).sum();
                let target = if i == j { 1.0 } else { rho };
                v[(i, j)] = if i == j { (target - known).sqrt() } else { (target - known) / v[(j, j)] };
            }
        }
        v
    }

    #[test]
    fn the_bound_is_met_where_the_probability_is_known() {
        for kappa in [1.0, 2.0, 3.0, 10.0, 100.0] {
            let exact = (1.0f64 / kappa).atan() / PI;
            let bound = lone_probability_bound(2, kappa).expect("valid");
            // At most 4/π apart: the densities that the bound compares differ by that in one dimension.
            assert!(bound <= exact * (1.0 + 1e3 * tolerance::EPS) && exact <= 4.0 / PI * bound, "{kappa}");
        }
        for k in 1..6 {
            let at_one = lone_probability_bound(k, 1.0).expect("valid");
            assert!((at_one * 2f64.powi(k as i32) - 1.0).abs() <= 1e3 * tolerance::EPS);
        }
        assert!(lone_probability_bound(0, 1.0).is_err() && lone_probability_bound(2, 0.5).is_err());
    }

    #[test]
    fn orthants_of_random_matrices_are_as_frequent_as_computed_and_more_than_the_bound() {
        let draws = 20_000;
        for (k, d, seed) in [(1, 2, 0), (2, 3, 1), (3, 4, 2), (3, 6, 3), (4, 5, 4), (5, 5, 5)] {
            let rng = &mut random::stream(seed, "orthants", 0);
            let drawn = random::with_condition(k, d, 2.5, rng);
            let v = Mat::from_fn(k, d, |i, r| drawn[(i, r)] / drawn.row(i).norm_l2());
            let s = spectrum::singular_values(v.as_ref()).expect("finite");
            let bound = lone_probability_bound(k, s[0] / s[k - 1]).expect("valid");
            let computed = lone_probabilities(v.as_ref()).expect("finite");
            let t = product::matmul(v.as_ref(), random::gaussian(d, draws, rng).as_ref());
            for (i, &probability) in computed.iter().enumerate() {
                let alone = (0..draws).filter(|&j| (0..k).all(|p| (t[(p, j)] > 0.0) == (p == i))).count();
                // The frequency is above the bound, and that of the value computed to six standard errors and 5 % of the mean's own.
                assert!(probability >= bound, "{k} {i}: {probability} {bound}");
                assert!(draws - alone <= binomial::quantile(draws, 1.0 - bound, binomial::FALSE_ALARM));
                let error = 6.0 * (probability / draws as f64).sqrt() + 0.05 * probability;
                assert!((alone as f64 / draws as f64 - probability).abs() <= error, "{k} {i}: {alone}");
            }
        }
    }

    #[test]
    fn the_bound_is_near_the_worst_case() {
        // Equal negative correlations of the flipped units put the orthant along the shortest axis.
        for (k, kappa) in [(3usize, 3.0f64), (4, 3.0), (5, 2.0)] {
            let rho = -(kappa.powi(2) - 1.0) / ((k as f64 - 1.0) * kappa.powi(2) + 1.0);
            let v = correlated(k, rho);
            let flipped = Mat::from_fn(k, k, |i, r| if i == 0 { v[(i, r)] } else { -v[(i, r)] });
            let exact = lone_probabilities(flipped.as_ref()).expect("finite")[0];
            let bound = lone_probability_bound(k, kappa).expect("valid");
            assert!(bound <= exact && exact <= 1.25 * bound, "{k}: {bound} {exact}");
        }
    }

    #[test]
    fn expected_samples_are_those_of_the_binomial_tail() {
        let n = expected_samples(3, 7, 3.0, 0.05).expect("valid");
        let p = lone_probability_bound(3, 3.0).expect("valid");
        // At least 98 % of them are fitted. P(fewer than 7) = P(more than n − 7 are not alone).
        let fitted = (n as f64 * 0.98) as usize;
        let fails = |n: usize| 3.0 * binomial::upper_tail(n, 1.0 - p, n - 7);
        assert!(fails(fitted + 1) <= 0.05 && fails(fitted - 2) > 0.05 * 0.98, "{n} {}", fails(fitted));
        let identity = Mat::<f64>::identity(3, 3);
        let known = expected_samples_for(identity.as_ref(), 7, 0.05).expect("valid");
        assert_eq!(known, expected_samples(3, 7, 1.0, 0.05).expect("valid"));
        let dependent = Mat::from_fn(2, 3, |_, r| r as f64);
        assert!(expected_samples_for(dependent.as_ref(), 7, 0.05).is_err());
        assert!(expected_samples(3, 7, 3.0, 0.0).is_err() && expected_samples(40, 7, 1e3, 0.1).is_err());
    }
}
