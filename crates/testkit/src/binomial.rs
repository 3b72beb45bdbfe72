//! How many failures T independent runs may show.
//!
//! A guarantee "fails with probability at most δ" is tested by T fixed seeds: the test fails when more than q of them do,
//! where q is the smallest number for which P[Bin(T, δ) > q] ≤ α. A true guarantee then raises a false alarm with
//! probability at most α, whatever the test's seeds happen to be.

/// Probability with which a test of a true guarantee may fail: one in 10⁹.
pub const FALSE_ALARM: f64 = 1e-9;

/// The smallest q that Bin(`trials`, `delta`) exceeds with probability at most `alpha`.
///
/// # Panics
/// When `delta` or `alpha` is not in [0, 1].
///
/// # Cost
/// O(trials).
///
/// # Examples
/// ```
/// use orthant_testkit::binomial;
///
/// // 40 seeds, claimed failure at most 5 %: up to 14 failures are chance, 15 are not.
/// assert_eq!(binomial::quantile(40, 0.05, binomial::FALSE_ALARM), 14);
/// ```
pub fn quantile(trials: usize, delta: f64, alpha: f64) -> usize {
    assert!((0.0..=1.0).contains(&alpha), "false alarm {alpha} is not a probability");
    let logs = log_probabilities(trials, delta);
    // From the far end, so that small terms are added first.
    let mut tail = f64::NEG_INFINITY;
    for q in (0..=trials).rev() {
        tail = log_add(tail, logs[q]);
        if tail > alpha.ln() {
            return q;
        }
    }
    0
}

/// The probability that Bin(`trials`, `delta`) exceeds `q`.
///
/// # Panics
/// When `delta` is not in [0, 1].
pub fn upper_tail(trials: usize, delta: f64, q: usize) -> f64 {
    let logs = log_probabilities(trials, delta);
    logs.iter().skip(q + 1).rev().fold(f64::NEG_INFINITY, |sum, &log| log_add(sum, log)).exp().min(1.0)
}

/// ln P[Bin(trials, delta) = i] for i = 0..=trials.
fn log_probabilities(trials: usize, delta: f64) -> Vec<f64> {
    assert!((0.0..=1.0).contains(&delta), "claimed failure {delta} is not a probability");
    let power = |exponent: usize, log: f64| if exponent == 0 { 0.0 } else { exponent as f64 * log };
    let mut choose = 0.0;
    (0..=trials)
        .map(|i| {
            if i > 0 {
                choose += ((trials + 1 - i) as f64).ln() - (i as f64).ln();
            }
            choose + power(i, delta.ln()) + power(trials - i, (-delta).ln_1p())
        })
        .collect()
}

/// ln(exp(a) + exp(b)).
fn log_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fair_coins_have_their_known_tails() {
        // P[Bin(10, 1/2) > 7] = (45 + 10 + 1)/1024; nine roundings of logarithms of size below 10.
        assert!((upper_tail(10, 0.5, 7) / (56.0 / 1024.0) - 1.0).abs() < 100.0 * f64::EPSILON);
        assert_eq!(quantile(10, 0.5, 56.0 / 1024.0 * 1.001), 7);
        assert_eq!(quantile(10, 0.5, 56.0 / 1024.0 * 0.999), 8);
    }

    #[test]
    fn quantiles_agree_with_tables() {
        // 95 % points of Bin(20, p) from the usual tables.
        assert_eq!(quantile(20, 0.5, 0.05), 14);
        assert_eq!(quantile(20, 0.1, 0.05), 4);
        assert_eq!(quantile(20, 0.25, 0.05), 8);
        assert_eq!(quantile(100, 0.05, 0.05), 9);
    }

    #[test]
    fn the_quantile_is_the_smallest_one() {
        for trials in [1, 5, 20, 40, 1000] {
            for delta in [0.0, 1e-6, 0.01, 0.05, 0.5, 0.99] {
                let q = quantile(trials, delta, FALSE_ALARM);
                assert!(upper_tail(trials, delta, q) <= FALSE_ALARM, "{trials} {delta}");
                assert!(q == 0 || upper_tail(trials, delta, q - 1) > FALSE_ALARM, "{trials} {delta}");
            }
        }
    }

    #[test]
    fn certain_and_impossible_failures_are_handled() {
        assert_eq!(quantile(10, 0.0, FALSE_ALARM), 0);
        assert_eq!(quantile(10, 1.0, FALSE_ALARM), 10);
        assert_eq!(quantile(0, 0.3, FALSE_ALARM), 0);
        // ln C(10, 10) is a sum of ten logarithms below 3 that cancel.
        assert!((upper_tail(10, 1.0, 9) - 1.0).abs() < 100.0 * f64::EPSILON);
    }
}
