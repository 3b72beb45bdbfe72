//! Inner products of rationals as inner products of integers, of bounded size.

use dashu_base::{BitTest, Gcd};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::CheckError;
use crate::modular::Field;

/// The most products of 64-bit words that numbers are checked with, about a minute of them.
pub const MAX_PRODUCTS: u64 = 1 << 35;

/// The most 64-bit words of the network's integers, and of those of a sample: 512 MiB.
pub const MAX_WORDS: u64 = 1 << 26;

/// Products that a step of a greatest common divisor takes the time of.
const DIVISION: u64 = 8;

/// Products that the product of any two large integers takes the time of, besides its own: they are kept and moved.
const OVERHEAD: u64 = 8;

/// What a check has spent: a small file can call for numbers of any size, by denominators without common factors.
#[derive(Default)]
pub(super) struct Effort {
    products: u64,
    words: u64,
}

impl Effort {
    /// Counts the product of two numbers of so many words.
    fn multiply(&mut self, first: u64, second: u64) -> Result<(), CheckError> {
        self.products = self.products.saturating_add(first.saturating_mul(second));
        if self.products > MAX_PRODUCTS { Err(CheckError::TooLarge) } else { Ok(()) }
    }

    /// Counts words that are kept.
    fn keep(&mut self, words: u64) -> Result<(), CheckError> {
        self.words = self.words.saturating_add(words);
        if self.words > MAX_WORDS { Err(CheckError::TooLarge) } else { Ok(()) }
    }

    /// Words that are kept no longer.
    pub(super) fn release(&mut self, of: &Scaled) {
        self.words = self.words.saturating_sub(of.numerators.words);
    }

    /// a b.
    pub(super) fn product(&mut self, a: &IBig, b: &IBig) -> Result<IBig, CheckError> {
        self.multiply(OVERHEAD, 1)?;
        self.multiply(words(a.bit_len()), words(b.bit_len()))?;
        Ok(a * b)
    }

    /// a / b.
    pub(super) fn quotient(&mut self, a: &RBig, b: &UBig) -> Result<RBig, CheckError> {
        let own = words(a.numerator().bit_len().max(a.denominator().bit_len()));
        self.multiply(DIVISION * own, words(b.bit_len()))?;
        Ok(a / b)
    }
}

/// 64-bit words of a number; at least one.
fn words(bits: usize) -> u64 {
    (bits / 64 + 1) as u64
}

/// Integers, ready for inner products.
pub(super) struct Integers {
    values: Vec<IBig>,
    /// The same, where all are below [`SMALL`].
    small: Option<Vec<i64>>,
    /// Of all of them.
    words: u64,
}

/// Products of numbers below it are below 2¹¹², so that 2¹⁵ of them add up below 2¹²⁷.
const SMALL: u64 = 1 << 56;

impl Integers {
    pub(super) fn new(values: Vec<IBig>) -> Integers {
        let small = |value: &IBig| i64::try_from(value).ok().filter(|value| value.unsigned_abs() < SMALL);
        let small = if values.len() <= 1 << 15 { values.iter().map(small).collect() } else { None };
        let words = values.iter().map(|value| words(value.bit_len())).sum();
        Integers { values, small, words }
    }

    /// Modulo a prime.
    pub(super) fn residues(&self, field: Field) -> Vec<u32> {
        self.values.iter().map(|value| field.of_integer(value)).collect()
    }

    /// Σ a_l b_l.
    pub(super) fn inner(&self, other: &Integers, effort: &mut Effort) -> Result<IBig, CheckError> {
        if let (Some(first), Some(second)) = (&self.small, &other.small) {
            effort.multiply(first.len() as u64, 1)?;
            let products = first.iter().zip(second).map(|(&a, &b)| i128::from(a) * i128::from(b));
            return Ok(IBig::from(products.sum::<i128>()));
        }
        let pairs = self.values.iter().zip(&other.values).filter(|(_, b)| **b != IBig::ZERO);
        let mut sum = IBig::ZERO;
        for (a, b) in pairs {
            sum += effort.product(a, b)?;
        }
        Ok(sum)
    }
}

/// Rationals over one denominator.
pub(super) struct Scaled {
    pub numerators: Integers,
    pub denominator: UBig,
}

impl Scaled {
    pub(super) fn new<'a>(
        values: impl Iterator<Item = &'a RBig> + Clone,
        effort: &mut Effort,
    ) -> Result<Scaled, CheckError> {
        let mut denominator = UBig::ONE;
        for value in values.clone() {
            let own = value.denominator();
            if *own != denominator && !own.is_one() {
                effort.multiply(DIVISION * words(denominator.bit_len()), words(own.bit_len()))?;
                denominator = &denominator / (&denominator).gcd(own) * own;
            }
        }
        let mut numerators = Vec::new();
        for value in values {
            let numerator = if *value.denominator() == denominator {
                value.numerator().clone()
            } else {
                let factor = IBig::from(&denominator / value.denominator());
                effort.product(value.numerator(), &factor)?
            };
            effort.keep(words(numerator.bit_len()))?;
            numerators.push(numerator);
        }
        Ok(Scaled { numerators: Integers::new(numerators), denominator })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fraction(p: i64, q: u64) -> RBig {
        RBig::from_parts(p.into(), q.into())
    }

    #[test]
    fn numbers_are_put_over_their_denominator() {
        let effort = &mut Effort::default();
        let own =
            Scaled::new([fraction(1, 6), fraction(-3, 4), fraction(1, 1)].iter(), effort).expect("small");
        assert_eq!(own.denominator, UBig::from(12u8));
        assert_eq!(own.numerators.values, [2, -9, 12].map(IBig::from));
        let inner = own.numerators.inner(&own.numerators, effort).expect("small");
        assert_eq!(inner, IBig::from(4 + 81 + 144));
        assert_eq!(effort.words, 3);
        effort.release(&own);
        assert_eq!(effort.words, 0);
    }

    #[test]
    fn large_and_small_products_are_the_same() {
        let effort = &mut Effort::default();
        for (shift, is_small) in [(50, true), (60, false)] {
            let values = |sign: i64| [1, 3, -5].map(|x| IBig::from(sign * x) << shift).to_vec();
            let (a, b) = (Integers::new(values(1)), Integers::new(values(-1)));
            assert_eq!(a.small.is_some(), is_small);
            let before = effort.products;
            assert_eq!(a.inner(&b, effort), Ok(IBig::from(-35) << (2 * shift)));
            assert_eq!(effort.products - before, if is_small { 3 } else { 3 * (1 + OVERHEAD) });
        }
    }
}
