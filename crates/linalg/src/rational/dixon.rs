//! Solutions by p-adic lifting (Dixon 1982), for systems that are too large for elimination.
//!
//! With the inverse modulo a prime p, each further digit of the p-adic expansion of A⁻¹b takes two products of a matrix by a vector, in
//! machine integers. Once there are enough digits, the fractions are read off them. They are checked by A x = b before they are
//! returned, so that the lifting may stop as soon as they appear; it ends at Cramer's bound at the latest.

use dashu_base::{BitTest, Gcd, Signed, UnsignedAbs};

use super::matrix::dot;
use super::modular::{PrimeField, ResidueMatrix};
use super::reconstruct::fraction;
use super::square::{self, Method};
use super::{Integer, IntegerMatrix, Interrupt, RationalError, RationalVector, proceed};

/// Bits of a number modulo a prime below 2⁶².
const DIGIT_BITS: u32 = 62;

/// Bits by which a modulus has to be longer than the fractions that are read off it early. A residue that stands for nothing passes with
/// probability 2⁻⁶⁴.
const SPARE_BITS: usize = 64;

/// Fractions are looked for each time the number of digits has grown by one in this many. A search costs as much as a few digits; later
/// searches waste more digits.
const GROWTH: usize = 4;

/// The x with A x = b, for each column b of a matrix, by lifting.
///
/// # Shapes
/// `a` is m × n of rank n, `b` is m × s; s vectors of length n.
///
/// # Errors
/// As [`super::solve`].
///
/// # Cost
/// With h the bits of the answer, numerator and denominator together: n³ multiplications of words, and 2n²h/62 for each column of `b`,
/// times the words of an entry of `a`; one rank profile of `a`; mn products to check.
pub fn solve(
    a: &IntegerMatrix,
    b: &IntegerMatrix,
    interrupt: Interrupt<'_>,
) -> Result<Vec<RationalVector>, RationalError> {
    square::solve(a, b, Method::Lifting, interrupt)
}

/// The basis of the null space of [`super::null_space`], by lifting.
///
/// # Errors
/// As [`super::null_space`].
///
/// # Cost
/// As [`solve`] for a square matrix of the size of the rank, with as many columns b as the basis has vectors.
pub fn null_space(a: &IntegerMatrix, interrupt: Interrupt<'_>) -> Result<Vec<Vec<Integer>>, RationalError> {
    square::null_space(a, Method::Lifting, interrupt)
}

/// How many bits the parts of an answer may have.
#[derive(Debug, Clone, Copy)]
struct Bits {
    /// Of a numerator over a denominator that is known.
    integer: usize,
    numerator: usize,
    denominator: usize,
}

impl Bits {
    /// No more than these together.
    fn at_most(self, all: usize) -> Self {
        Self {
            integer: self.integer.min(all),
            numerator: self.numerator.min(all / 2),
            denominator: self.denominator.min(all / 2),
        }
    }
}

/// What the systems with one square matrix have in common.
pub(super) struct Lifting<'a> {
    a: &'a IntegerMatrix,
    field: PrimeField,
    inverse: ResidueMatrix,
    /// The rows of `a` in parts of `part_bits` bits, lowest first, each with the sign of its entry.
    parts: Vec<Vec<Vec<i64>>>,
    part_bits: usize,
    /// Squares of the lengths of the rows.
    squares: Vec<Integer>,
}

impl<'a> Lifting<'a> {
    /// Prepares a square matrix; `None` when it is singular modulo the prime.
    pub(super) fn new(
        a: &'a IntegerMatrix,
        field: PrimeField,
        interrupt: Interrupt<'_>,
    ) -> Result<Option<Self>, RationalError> {
        let Some(inverse) = ResidueMatrix::reduce(a, field).inverse(interrupt)? else { return Ok(None) };
        let n = a.nrows();
        // n products of a part and a digit stay below 2¹²⁶.
        let part_bits = (64 - (usize::BITS - n.leading_zeros())).min(DIGIT_BITS) as usize;
        let parts = (0..n).map(|i| split(a.row(i), part_bits)).collect();
        let squares = (0..n).map(|i| dot(a.row(i), a.row(i))).collect();
        Ok(Some(Self { a, field, inverse, parts, part_bits, squares }))
    }

    /// The solutions for all columns of a matrix.
    ///
    /// All denominators divide the determinant, and most often they are the determinant: with the denominator of the columns before,
    /// half of the digits are enough.
    pub(super) fn solve(
        &self,
        b: &IntegerMatrix,
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<RationalVector>, RationalError> {
        let mut known = Integer::ONE;
        let mut solutions = Vec::with_capacity(b.ncols());
        for s in 0..b.ncols() {
            let x = self.solve_column(&b.column(s), &known, interrupt)?;
            let common = Integer::from((&known).gcd(x.denominator()));
            known *= x.denominator() / common;
            solutions.push(x);
        }
        Ok(solutions)
    }

    /// The solution for one right-hand side, when its denominator is expected to divide `known`, which divides the determinant.
    fn solve_column(
        &self,
        b: &[Integer],
        known: &Integer,
        interrupt: Interrupt<'_>,
    ) -> Result<RationalVector, RationalError> {
        let n = self.a.nrows();
        let p = Integer::from(self.field.modulus());
        let cramer = self.cramer_bits(b);
        let whole = (cramer.numerator + cramer.denominator + 2) / (p.bit_len() - 1) + 1;
        let mut residual = b.to_vec();
        let mut digits: Vec<Vec<u64>> = vec![Vec::new(); n];
        let mut next_try = 1;
        for n_digits in 1..=whole {
            proceed(interrupt)?;
            let reduced: Vec<u64> = residual.iter().map(|r| self.field.reduce(r)).collect();
            let digit: Vec<u64> = (0..n).map(|i| self.field.dot(self.inverse.row(i), &reduced)).collect();
            for (i, r) in residual.iter_mut().enumerate() {
                // Exact: the digit solves the system modulo p.
                *r = (&*r - self.row_times(i, &digit)) / &p;
            }
            for (all, digit) in digits.iter_mut().zip(digit) {
                all.push(digit);
            }
            if n_digits < next_try && n_digits < whole {
                continue;
            }
            next_try = n_digits + (n_digits / GROWTH).max(1);
            let free = (n_digits * (p.bit_len() - 1)).saturating_sub(SPARE_BITS + 1);
            let bits = if n_digits == whole { cramer } else { cramer.at_most(free) };
            if let Some(x) = fractions(&digits, &p, known, bits).filter(|x| square::satisfies(self.a, x, b)) {
                return Ok(x);
            }
        }
        Err(RationalError::Unverified)
    }

    /// Bounds for the bits of the numerators and of the denominator of a solution, by Cramer's rule and Hadamard's inequality on rows.
    fn cramer_bits(&self, b: &[Integer]) -> Bits {
        let bits = |squares: &mut dyn Iterator<Item = usize>| squares.sum::<usize>().div_ceil(2);
        let denominator = bits(&mut self.squares.iter().map(BitTest::bit_len));
        let numerator = bits(&mut self.squares.iter().zip(b).map(|(row, b)| (row + b * b).bit_len()));
        Bits { integer: numerator, numerator, denominator }
    }

    /// Inner product of a row and a digit.
    fn row_times(&self, i: usize, digit: &[u64]) -> Integer {
        let mut sum = Integer::ZERO;
        for part in self.parts[i].iter().rev() {
            // Digits are below 2⁶²: signed, two words are multiplied at once.
            let product: i128 =
                part.iter().zip(digit).map(|(&a, &x)| i128::from(a) * i128::from(x as i64)).sum();
            if !sum.is_zero() {
                sum <<= self.part_bits;
            }
            sum += product;
        }
        sum
    }
}

/// A row as parts of `bits` bits, lowest first.
fn split(row: &[Integer], bits: usize) -> Vec<Vec<i64>> {
    let length = row.iter().map(BitTest::bit_len).max().unwrap_or(0);
    let mask = Integer::from((1i64 << bits) - 1);
    (0..length.div_ceil(bits))
        .map(|l| {
            row.iter()
                .map(|x| {
                    let part = (Integer::from(x.clone().unsigned_abs()) >> (l * bits)) & &mask;
                    let part = i64::try_from(part).expect("the mask has fewer than 63 bits");
                    if x.is_negative() { -part } else { part }
                })
                .collect()
        })
        .collect()
}

/// The vector of fractions with p-adic expansions that begin with these digits, if it has numerators and a common denominator of so many
/// bits. A denominator to begin with has factors that the answer may do without.
fn fractions(digits: &[Vec<u64>], p: &Integer, known: &Integer, bits: Bits) -> Option<RationalVector> {
    let n_digits = digits.first().map_or(0, Vec::len);
    // p, p², p⁴, …
    let mut powers = vec![p.clone()];
    while 1 << powers.len() < n_digits {
        let square = powers.last().map(|power| power * power)?;
        powers.push(square);
    }
    let modulus = p.pow(n_digits);
    let half = &modulus >> 1;
    let mut denominator = known.clone();
    let mut numerators: Vec<Integer> = Vec::with_capacity(digits.len());
    for digits in digits {
        let residue = (join(digits, &powers) * &denominator) % &modulus;
        // With the common denominator so far the next entry is an integer more often than not.
        let integer = if residue > half { &residue - &modulus } else { residue.clone() };
        if integer.bit_len() <= bits.integer {
            numerators.push(integer);
            continue;
        }
        let (numerator, further) = fraction(&residue, &modulus, bits.numerator, bits.denominator)?;
        denominator *= &further;
        for earlier in &mut numerators {
            *earlier *= &further;
        }
        numerators.push(numerator);
    }
    Some(RationalVector::new(numerators, denominator))
}

/// The number with these digits, lowest first, by joining neighbours: with the powers p, p², p⁴, …
fn join(digits: &[u64], powers: &[Integer]) -> Integer {
    let mut numbers: Vec<Integer> = digits.iter().map(|&digit| Integer::from(digit)).collect();
    for power in powers {
        numbers = numbers
            .chunks(2)
            .map(|pair| match pair {
                [low, high] => low + high * power,
                rest => rest.iter().sum(),
            })
            .collect();
    }
    numbers.into_iter().sum()
}
