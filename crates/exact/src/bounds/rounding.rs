//! Arithmetic whose rounding errors are bounded, not estimated.
//!
//! Sums and products of non-negative numbers are rounded up; sums of products are computed in twice the working precision with a bound of
//! the error left. Nothing here assumes that numbers do not underflow. Overflow gives infinite or undefined bounds, which those who use
//! them must refuse.

use orthant_linalg::tolerance;

/// The least positive number: products that underflow are off by at most half of it.
const LEAST: f64 = f64::from_bits(1);

/// Products below this may underflow, as a whole or in the part that rounding cuts off.
const TINY: f64 = f64::MIN_POSITIVE / tolerance::EPS / tolerance::EPS;

/// A number known to a radius: every value x with |x − mid| ≤ rad.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ball {
    pub mid: f64,
    pub rad: f64,
}

/// A number not below a + b, for a, b ≥ 0: rounding to nearest moves a sum by less than the distance to the next number.
pub(super) fn add(a: f64, b: f64) -> f64 {
    if a == 0.0 {
        b
    } else if b == 0.0 {
        a
    } else {
        (a + b).next_up()
    }
}

/// A number not below ab, for a, b ≥ 0.
pub(super) fn mul(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { a * b } else { (a * b).next_up() }
}

/// A number not below a/b, for a ≥ 0 and b > 0.
pub(super) fn div(a: f64, b: f64) -> f64 {
    if a == 0.0 { a / b } else { (a / b).next_up() }
}

/// A number not below |a − b|.
pub(super) fn gap(a: f64, b: f64) -> f64 {
    if a == b { 0.0 } else { (a - b).abs().next_up() }
}

/// A bound of the relative error of an inner product of `terms` terms, in working precision and in any order, to that of the absolute
/// values of its terms: γ = nu/(1 − nu) ≤ 2nu for a unit roundoff u = EPS/2 and nu ≤ 1/2.
pub(super) fn gamma(terms: usize) -> f64 {
    terms as f64 * tolerance::EPS
}

/// What underflow adds to the error of such an inner product, at most.
pub(super) fn underflow(terms: usize) -> f64 {
    terms as f64 * LEAST
}

/// A sum in twice the working precision, with a bound of its error.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    high: f64,
    /// The sum of the errors of `high`, rounded.
    low: f64,
    /// The sum of their sizes, rounded.
    size: f64,
    terms: usize,
    tiny: usize,
}

impl Sum {
    /// Adds a number: the error of the sum is a number, by Knuth's formula.
    pub(super) fn add(&mut self, x: f64) {
        let sum = self.high + x;
        let back = sum - self.high;
        self.correct((self.high - (sum - back)) + (x - back));
        self.high = sum;
    }

    /// Adds a product: its error is a number unless it underflows, and then it is off by at most half the least one.
    pub(super) fn add_product(&mut self, a: f64, b: f64) {
        if a == 0.0 || b == 0.0 {
            // Zero, or undefined when the other factor is infinite.
            self.high += a * b;
            return;
        }
        let product = a * b;
        self.add(product);
        self.correct(a.mul_add(b, -product));
        self.tiny += usize::from(product.abs() < TINY);
    }

    fn correct(&mut self, error: f64) {
        if error != 0.0 {
            self.low += error;
            self.size += error.abs();
            self.terms += 1;
        }
    }

    /// The sum, rounded, and how far it is off.
    ///
    /// Of n corrections eᵢ, `low` is off by at most γ Σ|eᵢ|, and Σ|eᵢ| ≤ `size`/(1 − γ) with γ = nu/(1 − nu): together at most
    /// nu/(1 − 2nu) `size` ≤ 2nu `size` for nu ≤ 1/4.
    pub(super) fn ball(&self) -> Ball {
        let mid = self.high + self.low;
        let back = mid - self.high;
        let cut = (self.high - (mid - back)) + (self.low - back);
        let rad = add(cut.abs(), mul(gamma(self.terms), self.size));
        Ball { mid, rad: add(rad, underflow(self.tiny)) }
    }
}

impl Ball {
    /// max(x, 0) for every x of the ball.
    pub(super) fn rectified(self) -> Ball {
        Ball { mid: self.mid.max(0.0), rad: self.rad }
    }

    /// Whether every number of the ball is positive.
    pub(super) fn is_positive(self) -> bool {
        self.mid > self.rad
    }

    /// The largest distance of a number of the ball from `x`, rounded up.
    pub(super) fn distance(self, x: f64) -> f64 {
        add(gap(self.mid, x), self.rad)
    }

    /// The ball times 2^`exponent`. Only underflow makes an error, of at most the least number for each of two roundings.
    pub(super) fn scaled(self, exponent: i32) -> Ball {
        let mid = scale(self.mid, exponent);
        let rad = if self.rad == 0.0 { 0.0 } else { scale(self.rad, exponent).next_up().next_up() };
        let exact = scale(mid, -exponent) == self.mid;
        Ball { mid, rad: if exact { rad } else { add(rad, 2.0 * LEAST) } }
    }

    /// Square roots of the numbers of a ball that are not negative.
    ///
    /// For r the root of the middle q̃, rounded: |√q − r| = |q − r²|/(√q + r) ≤ (|q̃ − r²| + rad)/r.
    pub(super) fn sqrt(self) -> Ball {
        let mid = self.mid.sqrt();
        let rest = (-mid).mul_add(mid, self.mid).abs().next_up();
        Ball { mid, rad: div(add(rest, self.rad), mid) }
    }

    /// Quotients by the numbers of a ball of positive ones.
    ///
    /// For m the quotient x̃/ñ of the middles, rounded: |x/n − m| ≤ (|x̃ − mñ| + rad x + |m| rad n)/(ñ − rad n).
    pub(super) fn over(self, divisor: Ball) -> Ball {
        let mid = self.mid / divisor.mid;
        let rest = (-mid).mul_add(divisor.mid, self.mid);
        let rest = if rest == 0.0 && mid == 0.0 { 0.0 } else { rest.abs().next_up() };
        let error = add(add(rest, self.rad), mul(mid.abs(), divisor.rad));
        let least = if divisor.rad == 0.0 { divisor.mid } else { (divisor.mid - divisor.rad).next_down() };
        Ball { mid, rad: div(error, least) }
    }
}

/// x · 2^`exponent`, exact unless it overflows or underflows.
pub(super) fn scale(x: f64, exponent: i32) -> f64 {
    /// Powers of two up to this exponent are normal numbers.
    const STEP: i32 = 1000;
    let mut scaled = x;
    let mut left = exponent;
    while left != 0 && scaled != 0.0 && scaled.is_finite() {
        let step = left.clamp(-STEP, STEP);
        scaled *= f64::from_bits(((1023 + step) as u64) << 52);
        left -= step;
    }
    scaled
}

/// The e with 2^e ≤ |x| < 2^(e + 1); nothing for zero.
pub(super) fn exponent(x: f64) -> Option<i32> {
    if x == 0.0 {
        return None;
    }
    let of_normal = |x: f64| ((x.abs().to_bits() >> 52) as i32) - 1023;
    Some(if x.abs() < f64::MIN_POSITIVE { of_normal(scale(x, 100)) - 100 } else { of_normal(x) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::random;
    use orthant_linalg::rational::dyadic::Dyadic;
    use orthant_linalg::rational::{Integer, Rational};
    use rand::RngExt;

    fn exact(x: f64) -> Rational {
        Dyadic::new(x).expect("finite").to_rational()
    }

    fn contains(ball: Ball, x: &Rational) -> bool {
        let rad = exact(ball.rad);
        let off = exact(ball.mid) - x;
        off <= rad && -off <= rad
    }

    /// Numbers of all sizes, sums of which cancel.
    fn numbers(seed: u64, count: usize, spread: i32) -> Vec<f64> {
        let rng = &mut random::stream(seed, "rounding", 0);
        (0..count)
            .map(|_| scale(random::gaussian_vec(1, rng)[0], rng.random_range(-spread..=spread)))
            .collect()
    }

    #[test]
    fn balls_contain_the_exact_values() {
        for seed in 0..200 {
            // Products of the second half of the seeds underflow, wholly or in part.
            let shift = if seed < 100 { 0 } else { -520 };
            let shifted =
                |seed| numbers(seed, 20, 40).into_iter().map(|x| scale(x, shift)).collect::<Vec<_>>();
            let (a, b) = (shifted(seed), shifted(seed + 1000));
            let mut sum = Sum::default();
            let mut truth = Rational::ZERO;
            let mut sizes = Rational::ZERO;
            for (&a, &b) in a.iter().zip(&b) {
                sum.add_product(a, b);
                sum.add(b);
                truth += exact(a) * exact(b) + exact(b);
                sizes += exact(a.abs()) * exact(b.abs());
            }
            let ball = sum.ball();
            assert!(contains(ball, &truth), "seed {seed}");
            // The sum less its own rounded value: only what twice the precision holds is left.
            sum.add(-ball.mid);
            assert!(contains(sum.ball(), &(truth - exact(ball.mid))), "seed {seed}");
            let bound = a.iter().zip(&b).fold(0.0, |s, (a, b)| add(s, mul(a.abs(), b.abs())));
            assert!(exact(bound) >= sizes, "seed {seed}");
        }
    }

    #[test]
    fn quotients_and_roots_are_contained() {
        for seed in 0..500 {
            let x = numbers(seed, 4, 30);
            let (n, d) = (
                Ball { mid: x[0], rad: x[1].abs() * 1e-9 },
                Ball { mid: x[2].abs(), rad: x[2].abs() * 1e-9 },
            );
            let q = n.over(d);
            for (s, t) in [(-1, -1), (-1, 1), (1, -1), (1, 1), (0, 0)] {
                let edge = |ball: Ball, sign: i32| exact(ball.mid) + exact(ball.rad) * Rational::from(sign);
                assert!(contains(q, &(edge(n, s) / edge(d, t))), "seed {seed}");
            }
            let root = d.sqrt();
            for sign in [-1, 0, 1] {
                let value = exact(d.mid) + exact(d.rad) * Rational::from(sign);
                let (low, high) = (exact(root.mid) - exact(root.rad), exact(root.mid) + exact(root.rad));
                assert!(&low * &low <= value && value <= &high * &high, "seed {seed}");
            }
            assert!(q.rad <= 1e-6 * x[0].abs() / x[2].abs() + 1e-8 * x[1].abs() / x[2].abs());
        }
    }

    #[test]
    fn powers_of_two_are_exact_or_cost_a_least_number() {
        let power = |e: i32| {
            let whole = Rational::from(Integer::ONE << e.unsigned_abs() as usize);
            if e < 0 { Rational::ONE / whole } else { whole }
        };
        for x in [1.0, 0.3, 1e300, 1e-300, 3e-320, -7e-310] {
            for e in [-2100, -1074, -1000, -60, 0, 3, 1500] {
                let scaled = Ball { mid: x, rad: x.abs() / 8.0 }.scaled(e);
                let edge = exact(x) + exact(x.abs() / 8.0);
                let bounded = scaled.mid.is_finite() && scaled.rad.is_finite();
                assert!(bounded || x.abs() * 2f64.powi(e) > f64::MAX / 4.0, "{x} {e}");
                if bounded {
                    assert!(contains(scaled, &(exact(x) * power(e))), "{x} {e}");
                    assert!(contains(scaled, &(edge * power(e))), "{x} {e}");
                }
            }
            let e = exponent(x).expect("not zero");
            assert!((1.0..2.0).contains(&scale(x.abs(), -e)), "{x}");
        }
        assert_eq!(exponent(0.0), None);
    }
}
