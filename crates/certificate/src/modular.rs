//! Arithmetic modulo a prime of 14 bits.
//!
//! Reduction modulo a prime can only lower the rank of a matrix of integers: a minor that
//! is not zero modulo the prime is not zero. What is full rank here is full rank over the reals. Residues of so few bits leave room for
//! sums of 64 products in 32 bits, which vector instructions compute eight at a time. That a regular matrix is singular by chance has a
//! probability of the order of one over the prime; there are other primes then.

mod echelon;

use dashu_int::{IBig, UBig};

pub use echelon::Echelon;

/// A prime of a certificate is above it.
const ABOVE: u32 = 1 << 13;

/// A prime of a certificate is below it: √2 · 2¹³, so that 64 products of residues between −p/2 and p/2 add up below 2³¹.
const BELOW: u32 = 11_586;

/// The primes that ranks in certificates may be taken modulo, from the largest on: those between 2¹³ and √2 · 2¹³.
pub fn primes() -> impl Iterator<Item = u32> {
    (ABOVE..BELOW).rev().filter(|&p| is_prime(p))
}

fn is_prime(p: u32) -> bool {
    p >= 2 && (2..).take_while(|divisor| divisor * divisor <= p).all(|divisor| !p.is_multiple_of(divisor))
}

/// Integers modulo one of [`primes`]; residues are from 0 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    prime: u32,
    /// ⌊2⁴⁵ / p⌋, below 2³².
    reciprocal: u64,
    /// A multiple of p that is at least 2³¹ − p, and below 2³¹.
    offset: u32,
}

impl Field {
    /// That of a prime which certificates may name.
    pub fn new(prime: u32) -> Option<Field> {
        let is_allowed = (ABOVE..BELOW).contains(&prime) && is_prime(prime);
        is_allowed.then(|| Field {
            prime,
            reciprocal: (1 << 45) / u64::from(prime),
            offset: (1 << 31) / prime * prime,
        })
    }

    /// The residue of any number of 32 bits.
    fn reduced(self, value: u32) -> u32 {
        // The quotient, or one less: value / 2⁴⁵ is below one.
        let quotient = (u64::from(value) * self.reciprocal) >> 45;
        // Below 2³² / p.
        let rest = value - quotient as u32 * self.prime;
        if rest >= self.prime { rest - self.prime } else { rest }
    }

    /// a b.
    pub fn product(self, a: u32, b: u32) -> u32 {
        self.reduced(a * b)
    }

    /// a + b.
    pub fn sum(self, a: u32, b: u32) -> u32 {
        let sum = a + b;
        if sum >= self.prime { sum - self.prime } else { sum }
    }

    /// a − b.
    pub fn difference(self, a: u32, b: u32) -> u32 {
        if a >= b { a - b } else { a + self.prime - b }
    }

    /// 1 / a, for a that is not zero, by Fermat's theorem.
    pub fn inverse(self, a: u32) -> u32 {
        let (mut power, mut square, mut exponent) = (1, a, self.prime - 2);
        while exponent > 0 {
            if exponent & 1 == 1 {
                power = self.product(power, square);
            }
            square = self.product(square, square);
            exponent >>= 1;
        }
        power
    }

    /// The residue of an integer.
    pub fn of_integer(self, value: &IBig) -> u32 {
        use dashu_base::{Sign, UnsignedAbs};
        let rest = self.of_natural(&value.unsigned_abs());
        if value.sign() == Sign::Negative { self.difference(0, rest) } else { rest }
    }

    /// The residue of a natural number.
    fn of_natural(self, value: &UBig) -> u32 {
        value % self.prime
    }

    /// The representative of a residue that is nearest to zero.
    fn balanced(self, residue: u32) -> i16 {
        let half = self.prime / 2;
        // At most 5792 either way.
        if residue > half { (residue as i32 - self.prime as i32) as i16 } else { residue as i16 }
    }

    /// A residue less a sum of at most 64 products of balanced residues.
    fn less(self, residue: u32, sum: i32) -> u32 {
        // 64 · 5792² < 2³¹ − 2 p: neither sum leaves 32 bits.
        self.reduced((self.offset + residue).wrapping_sub_signed(sum))
    }
}

#[cfg(test)]
impl Field {
    /// The prime.
    pub fn prime(self) -> u32 {
        self.prime
    }

    /// The residue of a rational; nothing when the prime divides its denominator.
    pub fn of_rational(self, value: &dashu_ratio::RBig) -> Option<u32> {
        let denominator = self.of_natural(value.denominator());
        match denominator {
            0 => None,
            1 => Some(self.of_integer(value.numerator())),
            _ => Some(self.product(self.of_integer(value.numerator()), self.inverse(denominator))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dashu_ratio::RBig;
    use proptest::prelude::*;

    fn largest() -> Field {
        Field::new(primes().next().expect("some")).expect("allowed")
    }

    #[test]
    fn primes_are_those_between_the_limits() {
        assert_eq!(primes().next(), Some(11_579));
        assert_eq!(primes().last(), Some(8209));
        assert!(primes().all(|p| Field::new(p).is_some()));
        for other in [0, 1, 2, 8191, 11_577, 11_587, u32::MAX] {
            assert_eq!(Field::new(other), None, "{other}");
        }
    }

    #[test]
    fn the_extremes_are_reduced() {
        for prime in [11_579, 8209] {
            let field = Field::new(prime).expect("allowed");
            assert_eq!(field.product(prime - 1, prime - 1), 1);
            assert_eq!(field.sum(prime - 1, 1), 0);
            assert_eq!(field.difference(0, 1), prime - 1);
            assert_eq!(field.of_integer(&IBig::from(-1)), prime - 1);
            assert_eq!(field.of_rational(&RBig::from_parts(1.into(), prime.into())), None);
            let half = field.of_rational(&RBig::from_parts(1.into(), 2u8.into())).expect("odd prime");
            assert_eq!(field.sum(half, half), 1);
            assert_eq!(field.reduced(u32::MAX), u32::MAX % prime);
            // The largest sums.
            let extreme = i32::from(field.balanced(prime / 2));
            for sum in [64 * extreme * extreme, -64 * extreme * extreme] {
                for residue in [0, prime - 1] {
                    let wide = (i64::from(residue) - i64::from(sum)).rem_euclid(i64::from(prime));
                    assert_eq!(i64::from(field.less(residue, sum)), wide);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn products_and_inverses_agree_with_wide_arithmetic(a in 1..11_579u32, b in 0..11_579u32) {
            let field = largest();
            let wide = u64::from(a) * u64::from(b) % 11_579;
            prop_assert_eq!(u64::from(field.product(a, b)), wide);
            prop_assert_eq!(field.product(a, field.inverse(a)), 1);
            let balanced = i64::from(field.balanced(b));
            prop_assert!(balanced.abs() <= 5789 && balanced.rem_euclid(11_579) == i64::from(b));
        }

        #[test]
        fn any_number_is_reduced(value: u32, place in 0..300usize) {
            let prime = primes().nth(place).expect("there are more");
            prop_assert_eq!(Field::new(prime).expect("allowed").reduced(value), value % prime);
        }
    }
}
