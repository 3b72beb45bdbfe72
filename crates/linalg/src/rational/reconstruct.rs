//! Fractions from their residues.

use dashu_base::{BitTest, DivRem, Signed};

use super::Integer;

/// The fraction that a residue stands for: the numerator has at most `numerator_bits` bits, the denominator, which is positive, at most
/// `denominator_bits`. `None` when there is none.
///
/// # Shapes
/// 0 ≤ `residue` < `modulus`.
///
/// # Guarantee
/// When the modulus has more than `numerator_bits` + `denominator_bits` + 1 bits, there is at most one such fraction in lowest terms with
/// a denominator that is coprime to the modulus (Wang 1981). If there is one, it is the answer. An answer need not be one: its
/// denominator may have a factor of the modulus.
///
/// # Cost
/// O(b²) operations on words for b bits of the modulus, by Lehmer's form of Euclid's algorithm: one pass over the numbers for each 30
/// bits or so that they lose.
pub(super) fn fraction(
    residue: &Integer,
    modulus: &Integer,
    numerator_bits: usize,
    denominator_bits: usize,
) -> Option<(Integer, Integer)> {
    // remainder ≡ factor · residue, for both.
    let (mut before, mut remainder) = (modulus.clone(), residue.clone());
    let (mut factor_before, mut factor) = (Integer::ZERO, Integer::ONE);
    while remainder.bit_len() > numerator_bits {
        if factor.bit_len() > denominator_bits {
            return None;
        }
        if let Some(step) = lehmer(&before, &remainder, numerator_bits) {
            (before, remainder) = step.apply(&before, &remainder);
            (factor_before, factor) = step.apply(&factor_before, &factor);
        } else {
            let (quotient, rest) = (&before).div_rem(&remainder);
            before = std::mem::replace(&mut remainder, rest);
            let next = factor_before - quotient * &factor;
            factor_before = std::mem::replace(&mut factor, next);
        }
    }
    if factor.is_zero() || factor.bit_len() > denominator_bits {
        return None;
    }
    Some(if factor.is_negative() { (-remainder, -factor) } else { (remainder, factor) })
}

/// Several steps of Euclid's algorithm at once: (x, y) becomes (ax + by, cx + dy).
#[derive(Debug, Clone, Copy)]
struct Steps {
    a: i64,
    b: i64,
    c: i64,
    d: i64,
}

impl Steps {
    fn apply(self, x: &Integer, y: &Integer) -> (Integer, Integer) {
        (x * self.a + y * self.b, x * self.c + y * self.d)
    }
}

/// The steps that the leading 60 bits of two numbers decide (Knuth, The Art of Computer Programming, volume 2, algorithm 4.5.2L).
///
/// No step is taken from a second number below 2 to the `kept` bits: the bits dropped are at least as many, so that such a number lies
/// below one unit of the leading parts, and its quotient is not decided by them.
fn lehmer(x: &Integer, y: &Integer, kept: usize) -> Option<Steps> {
    let shift = x.bit_len().checked_sub(60).filter(|&shift| shift >= kept)?;
    let (mut u, mut v) = (i64::try_from(x >> shift).ok()?, i64::try_from(y >> shift).ok()?);
    let mut steps = Steps { a: 1, b: 0, c: 0, d: 1 };
    while v + steps.c != 0 && v + steps.d != 0 {
        let quotient = (u + steps.a) / (v + steps.c);
        if quotient != (u + steps.b) / (v + steps.d) {
            break;
        }
        let Steps { a, b, c, d } = steps;
        steps = Steps { a: c, b: d, c: a - quotient * c, d: b - quotient * d };
        (u, v) = (v, u - quotient * v);
    }
    (steps.b != 0).then_some(steps)
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::random;

    /// Euclid's algorithm, one step at a time.
    fn slow(residue: &Integer, modulus: &Integer, bits: usize) -> (Integer, Integer) {
        let (mut x, mut y) = (modulus.clone(), residue.clone());
        let (mut s, mut t) = (Integer::ZERO, Integer::ONE);
        while y.bit_len() > bits {
            let quotient = &x / &y;
            (x, y) = (y.clone(), x - &quotient * y);
            (s, t) = (t.clone(), s - quotient * t);
        }
        if t.is_negative() { (-y, -t) } else { (y, t) }
    }

    fn number(bits: usize, rng: &mut impl rand::Rng) -> Integer {
        let mut x = Integer::ONE;
        while x.bit_len() <= bits {
            x = (x << 32) + Integer::from(rng.random::<u32>());
        }
        let excess = x.bit_len() - bits;
        x >> excess
    }

    #[test]
    fn fractions_come_back_from_their_residues() {
        let mut rng = random::stream(1, "fractions", 0);
        for bits in [1, 5, 30, 61, 62, 63, 64, 65, 120, 500, 3000] {
            for _ in 0..20 {
                // A power of an odd number, so that most denominators have inverses.
                let modulus = number(2 * bits + 70, &mut rng) * Integer::from(2) + Integer::ONE;
                let (n, d) = (number(bits, &mut rng), number(bits, &mut rng));
                let Some(inverse) = inverse(&d, &modulus) else { continue };
                let gcd = Integer::from(dashu_base::Gcd::gcd(&n, &d));
                for sign in [Integer::ONE, Integer::NEG_ONE] {
                    let residue = ((&sign * &n * &inverse) % &modulus + &modulus) % &modulus;
                    let found = fraction(&residue, &modulus, bits, bits);
                    assert_eq!(found, Some((&sign * &n / &gcd, &d / &gcd)), "{bits} bits");
                }
            }
        }
    }

    fn inverse(x: &Integer, modulus: &Integer) -> Option<Integer> {
        let (gcd, s, _) = dashu_base::ExtendedGcd::gcd_ext(x, modulus);
        (gcd.is_one()).then(|| (s % modulus + modulus) % modulus)
    }

    #[test]
    fn several_steps_at_once_stop_where_single_ones_do() {
        let mut rng = random::stream(1, "lehmer", 0);
        for case in 0..400 {
            let modulus = number(40 + 7 * case, &mut rng);
            let residue = number(20 + rng.random::<u64>() as usize % (20 + 7 * case), &mut rng);
            for bits in [0, 1, 7, modulus.bit_len() / 2, modulus.bit_len() - 2] {
                let all = modulus.bit_len() + 1;
                let (numerator, denominator) = slow(&residue, &modulus, bits);
                let found = fraction(&residue, &modulus, bits, all);
                assert_eq!(found, Some((numerator, denominator)), "case {case}, {bits} bits");
            }
        }
    }

    #[test]
    fn random_residues_stand_for_no_small_fraction() {
        let mut rng = random::stream(1, "no fraction", 0);
        for _ in 0..50 {
            let (modulus, residue) = (number(600, &mut rng), number(599, &mut rng));
            // A residue has such a fraction with probability 2⁻⁶⁴.
            assert_eq!(fraction(&residue, &modulus, 268, 268), None);
        }
        assert_eq!(fraction(&Integer::ZERO, &Integer::from(7), 1, 1), Some((Integer::ZERO, Integer::ONE)));
    }
}
