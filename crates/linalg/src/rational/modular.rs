//! Arithmetic and elimination modulo a prime below 2⁶².
//!
//! The rank modulo a prime is never above the rank over the rationals, whatever the prime: a minor that is not zero modulo p is not
//! zero. It is below it for the primes that divide all minors of the largest order only, of which there are no more than the bits of
//! one such minor over 61.
//!
//! Primes below 2³⁰ were measured beside those below 2⁶²: a step of elimination takes 0.8 ns instead of 1.4, a product in an inner
//! product 0.7 instead of 1.0. Lifting needs twice as many digits from them, which by these times would take 1.7 times as long.

use dashu_base::Sign;
use dashu_int::Word;

use super::{Integer, IntegerMatrix, Interrupt, Rational, RationalError, proceed};

/// The largest prime below 2⁶².
const LARGEST_PRIME: u64 = (1 << 62) - 57;

/// The integers modulo a prime p; residues are 0, …, p − 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrimeField {
    p: u64,
    one: Factor,
    /// 2 to the bits of a word of a large integer.
    word: Factor,
    /// 2⁶⁴.
    wide: Factor,
}

/// A residue that many numbers are multiplied by, with ⌊residue · 2⁶⁴ / p⌋ beside it (Shoup): a product takes three multiplications and
/// no division.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Factor {
    residue: u64,
    quotient: u64,
}

impl Factor {
    fn new(residue: u64, p: u64) -> Self {
        let quotient = (u128::from(residue) << 64) / u128::from(p);
        Self { residue, quotient: quotient as u64 }
    }

    /// A number below 2p that is congruent to the product with any `x` below 2⁶⁴.
    ///
    /// The stored quotient is off by less than 1, so ⌊quotient · x / 2⁶⁴⌋ is off by less than 2 from the quotient of the product by p.
    #[inline(always)]
    fn times(self, x: u64, p: u64) -> u64 {
        let quotient = (u128::from(self.quotient) * u128::from(x)) >> 64;
        self.residue.wrapping_mul(x).wrapping_sub((quotient as u64).wrapping_mul(p))
    }
}

/// `x` − `bound` when that is not negative, else `x`; without a branch.
#[inline(always)]
fn subtract_once(x: u64, bound: u64) -> u64 {
    x.min(x.wrapping_sub(bound))
}

impl PrimeField {
    /// The field of a prime, `None` when `p` is no odd prime below 2⁶².
    pub fn new(p: u64) -> Option<Self> {
        ((3..1 << 62).contains(&p) && is_prime(p)).then(|| Self::of_prime(p))
    }

    /// The field of the largest prime below 2⁶².
    pub fn largest() -> Self {
        Self::of_prime(LARGEST_PRIME)
    }

    /// The field of the next smaller prime, `None` below 3.
    pub fn next_smaller(self) -> Option<Self> {
        (3..self.p).rev().find_map(Self::new)
    }

    fn of_prime(p: u64) -> Self {
        let power = |exponent: u32| Factor::new(((1u128 << exponent) % u128::from(p)) as u64, p);
        Self { p, one: power(0), word: power(Word::BITS), wide: power(64) }
    }

    /// The prime.
    pub fn modulus(self) -> u64 {
        self.p
    }

    /// Sum of two residues.
    pub fn add(self, x: u64, y: u64) -> u64 {
        subtract_once(x + y, self.p)
    }

    /// The residue of −x.
    pub fn neg(self, x: u64) -> u64 {
        if x == 0 { 0 } else { self.p - x }
    }

    /// Product of two residues.
    pub fn mul(self, x: u64, y: u64) -> u64 {
        self.reduce_wide(u128::from(x) * u128::from(y))
    }

    /// A residue to a power.
    pub fn pow(self, base: u64, mut exponent: u64) -> u64 {
        let (mut power, mut square) = (1, base);
        while exponent > 0 {
            if exponent & 1 == 1 {
                power = self.mul(power, square);
            }
            square = self.mul(square, square);
            exponent >>= 1;
        }
        power
    }

    /// The inverse of a residue, `None` for zero.
    pub fn inverse(self, x: u64) -> Option<u64> {
        // Fermat: the order of the group divides p − 1.
        (x != 0).then(|| self.pow(x, self.p - 2))
    }

    /// The residue of a number of 128 bits.
    pub fn reduce_wide(self, x: u128) -> u64 {
        // Both are below 2p, and 4p is below 2⁶⁴.
        let sum = self.wide.times((x >> 64) as u64, self.p) + self.one.times(x as u64, self.p);
        subtract_once(subtract_once(sum, 2 * self.p), self.p)
    }

    /// The residue of an integer.
    ///
    /// # Cost
    /// Six multiplications per word.
    #[allow(clippy::unnecessary_cast, reason = "words have 32 bits on some machines")]
    pub fn reduce(self, x: &Integer) -> u64 {
        let (sign, words) = x.as_sign_words();
        let mut residue = 0;
        for &word in words.iter().rev() {
            // Both are below 2p, and 4p is below 2⁶⁴.
            let sum = self.word.times(residue, self.p) + self.one.times(word as u64, self.p);
            residue = subtract_once(sum, 2 * self.p);
        }
        let residue = subtract_once(residue, self.p);
        if sign == Sign::Negative { self.neg(residue) } else { residue }
    }

    /// The residue of a fraction, `None` when p divides its denominator.
    pub fn reduce_rational(self, x: &Rational) -> Option<u64> {
        let denominator = self.inverse(self.reduce(x.denominator().as_ibig()))?;
        Some(self.mul(self.reduce(x.numerator()), denominator))
    }

    /// Inner product of two vectors of residues.
    pub fn dot(self, x: &[u64], y: &[u64]) -> u64 {
        // Eight products are below 8p², two such sums below 2¹²⁸.
        let bound = 8 * u128::from(self.p) * u128::from(self.p);
        let mut sum = 0u128;
        for (x, y) in x.chunks(8).zip(y.chunks(8)) {
            sum += x.iter().zip(y).map(|(&x, &y)| u128::from(x) * u128::from(y)).sum::<u128>();
            sum = sum.min(sum.wrapping_sub(bound));
        }
        self.reduce_wide(sum)
    }
}

/// Miller and Rabin's test. The first twelve primes as bases decide it for all numbers below 2⁶⁴ (Sorenson and Webster 2017).
fn is_prime(n: u64) -> bool {
    const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    if n < 2 || BASES.iter().any(|&p| n.is_multiple_of(p)) {
        return BASES.contains(&n);
    }
    let mul = |x: u64, y: u64| (u128::from(x) * u128::from(y) % u128::from(n)) as u64;
    let twos = (n - 1).trailing_zeros();
    BASES.iter().all(|&base| {
        let (mut power, mut square, mut exponent) = (1, base, (n - 1) >> twos);
        while exponent > 0 {
            if exponent & 1 == 1 {
                power = mul(power, square);
            }
            square = mul(square, square);
            exponent >>= 1;
        }
        power == 1
            || (0..twos).any(|_| {
                let found = power == n - 1;
                power = mul(power, power);
                found
            })
    })
}

/// Where the rank of a matrix is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankProfile {
    /// The rank.
    pub rank: usize,
    /// The first independent rows, ascending: each row that is no combination of the rows above it.
    pub rows: Vec<usize>,
    /// The first independent columns, ascending. The square matrix of these rows and columns is not singular.
    pub columns: Vec<usize>,
}

/// A dense matrix over a prime field, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResidueMatrix {
    field: PrimeField,
    nrows: usize,
    ncols: usize,
    /// `nrows` · `ncols` residues.
    entries: Vec<u64>,
}

impl ResidueMatrix {
    /// The matrix with these entries, taken modulo the prime, asked for row by row.
    ///
    /// # Panics
    /// When the number of entries overflows.
    pub fn from_fn(
        field: PrimeField,
        nrows: usize,
        ncols: usize,
        mut entry: impl FnMut(usize, usize) -> u64,
    ) -> Self {
        let n_entries = nrows.checked_mul(ncols);
        assert!(n_entries.is_some(), "a {nrows} x {ncols} matrix has too many entries");
        let mut entries = Vec::with_capacity(n_entries.unwrap_or_default());
        for i in 0..nrows {
            entries.extend((0..ncols).map(|j| entry(i, j) % field.p));
        }
        Self { field, nrows, ncols, entries }
    }

    /// A matrix of integers modulo the prime.
    pub fn reduce(a: &IntegerMatrix, field: PrimeField) -> Self {
        Self::from_fn(field, a.nrows(), a.ncols(), |i, j| field.reduce(a.get(i, j)))
    }

    /// A row, `ncols` residues.
    pub(super) fn row(&self, i: usize) -> &[u64] {
        &self.entries[i * self.ncols..(i + 1) * self.ncols]
    }

    /// Overwrites `y` with y + factor · x from a column on. Numbers are below 2p, before and after.
    fn add_multiple(field: PrimeField, y: &mut [u64], factor: u64, x: &[u64]) {
        let (factor, p) = (Factor::new(factor, field.p), field.p);
        for (y, &x) in y.iter_mut().zip(x) {
            *y = subtract_once(*y + factor.times(x, p), 2 * p);
        }
    }

    /// The rank and the first independent rows and columns, by elimination.
    ///
    /// # Errors
    /// [`RationalError::Cancelled`]; `interrupt` is asked once for each column.
    ///
    /// # Cost
    /// rank · `nrows` · `ncols` multiplications at most, of 1.4 ns each, and a copy of the matrix.
    pub fn rank_profile(mut self, interrupt: Interrupt<'_>) -> Result<RankProfile, RationalError> {
        let (field, ncols) = (self.field, self.ncols);
        // Rows keep their order: with the topmost pivot of each column that makes the rows the first independent ones, too.
        let mut remaining: Vec<usize> = (0..self.nrows).collect();
        let mut profile = RankProfile { rank: 0, rows: Vec::new(), columns: Vec::new() };
        let mut pivot_row = Vec::new();
        for col in 0..ncols {
            if remaining.is_empty() {
                break;
            }
            proceed(interrupt)?;
            let value = |entries: &[u64], i: usize| subtract_once(entries[i * ncols + col], field.p);
            let Some(at) = remaining.iter().position(|&i| value(&self.entries, i) != 0) else { continue };
            let pivot = remaining.remove(at);
            profile.rows.push(pivot);
            profile.columns.push(col);
            pivot_row.clear();
            pivot_row.extend_from_slice(&self.row(pivot)[col..]);
            let inverse = field.inverse(value(&self.entries, pivot)).expect("a pivot is not zero");
            for &i in &remaining[at..] {
                let head = value(&self.entries, i);
                if head != 0 {
                    let factor = field.neg(field.mul(head, inverse));
                    let row = &mut self.entries[i * ncols + col..(i + 1) * ncols];
                    Self::add_multiple(field, row, factor, &pivot_row);
                }
            }
        }
        profile.rank = profile.rows.len();
        profile.rows.sort_unstable();
        Ok(profile)
    }

    /// The inverse, `None` when the matrix is singular or not square.
    ///
    /// # Errors
    /// [`RationalError::Cancelled`]; `interrupt` is asked once for each column.
    ///
    /// # Cost
    /// n³ multiplications.
    pub(super) fn inverse(mut self, interrupt: Interrupt<'_>) -> Result<Option<Self>, RationalError> {
        let (field, n) = (self.field, self.nrows);
        if n != self.ncols {
            return Ok(None);
        }
        let mut swaps = Vec::with_capacity(n);
        for k in 0..n {
            proceed(interrupt)?;
            let value = |entries: &[u64], i: usize| subtract_once(entries[i * n + k], field.p);
            let Some(pivot) = (k..n).find(|&i| value(&self.entries, i) != 0) else { return Ok(None) };
            swaps.push(pivot);
            for j in 0..n {
                self.entries.swap(k * n + j, pivot * n + j);
            }
            let inverse = field.inverse(value(&self.entries, k)).expect("a pivot is not zero");
            // The columns of the identity that are done stand where the columns of the matrix were.
            self.entries[k * n + k] = 1;
            let row: Vec<u64> = self.row(k).iter().map(|&x| field.mul(x, inverse)).collect();
            for i in (0..n).filter(|&i| i != k) {
                let factor = field.neg(value(&self.entries, i));
                self.entries[i * n + k] = 0;
                Self::add_multiple(field, &mut self.entries[i * n..(i + 1) * n], factor, &row);
            }
            self.entries[k * n..(k + 1) * n].copy_from_slice(&row);
        }
        for (k, &pivot) in swaps.iter().enumerate().rev() {
            for i in 0..n {
                self.entries.swap(i * n + k, i * n + pivot);
            }
        }
        for x in &mut self.entries {
            *x = subtract_once(*x, field.p);
        }
        Ok(Some(self))
    }
}

/// The rank of a matrix of integers modulo a prime, and the first independent rows and columns. See [`ResidueMatrix::rank_profile`].
///
/// # Errors
/// [`RationalError::Cancelled`].
///
/// # Cost
/// That of the elimination, and three multiplications for each word of the matrix.
pub fn rank_profile(
    a: &IntegerMatrix,
    field: PrimeField,
    interrupt: Interrupt<'_>,
) -> Result<RankProfile, RationalError> {
    ResidueMatrix::reduce(a, field).rank_profile(interrupt)
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use rand::RngExt;

    use super::*;
    use crate::random;

    fn go_on() -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    #[test]
    fn primes_are_told_from_other_numbers() {
        let small: Vec<u64> = (0..60).filter(|&n| is_prime(n)).collect();
        assert_eq!(small, [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59]);
        // Carmichael numbers, strong pseudoprimes to the first bases, and the square of a prime.
        for n in [
            561,
            3_215_031_751,
            3_825_123_056_546_413_051,
            318_665_857_834_031_151,
            1_000_000_007 * 1_000_000_007,
        ] {
            assert!(!is_prime(n), "{n}");
        }
        assert!(is_prime(LARGEST_PRIME) && (LARGEST_PRIME + 1..1 << 62).all(|n| !is_prime(n)));
        assert!(PrimeField::new(1 << 61).is_none() && PrimeField::new(2).is_none());
        assert!(PrimeField::new((1 << 63) - 25).is_none(), "a prime above the bound");
        assert_eq!(PrimeField::largest().next_smaller().map(PrimeField::modulus), Some((1 << 62) - 87));
        assert_eq!(PrimeField::new(3).and_then(PrimeField::next_smaller), None);
    }

    #[test]
    fn residues_agree_with_those_of_large_integers() {
        let mut rng = random::stream(1, "residues", 0);
        for p in [3, 5, 65_537, LARGEST_PRIME] {
            let field = PrimeField::new(p).expect("a prime");
            let modulus = Integer::from(p);
            let residue = |x: &Integer| {
                let r = x % &modulus;
                u64::try_from(if r < Integer::ZERO { r + &modulus } else { r }).expect("below p")
            };
            let mut extremes = vec![0, 1, p - 1, u128::from(p) as u64, u64::MAX];
            extremes.extend((0..20).map(|_| rng.random::<u64>()));
            for &x in &extremes {
                for &y in &extremes {
                    let product = Integer::from(x) * Integer::from(y);
                    let large = &product * &product * &product - Integer::from(y);
                    assert_eq!(field.reduce(&large), residue(&large));
                    assert_eq!(field.reduce(&-large.clone()), residue(&-large));
                    assert_eq!(field.reduce_wide(u128::from(x) * u128::from(y)), residue(&product));
                    let (x, y) = (x % p, y % p);
                    assert_eq!(field.mul(x, y), residue(&(Integer::from(x) * Integer::from(y))));
                    assert_eq!(field.add(x, y), residue(&(Integer::from(x) + Integer::from(y))));
                    assert_eq!(field.add(x, field.neg(x)), 0);
                }
                if let Some(inverse) = field.inverse(x % p) {
                    assert_eq!(field.mul(inverse, x % p), 1);
                }
            }
            // The largest residues, more of them than one sum of 128 bits takes.
            let large = vec![p - 1; 1001];
            assert_eq!(field.dot(&large, &large), 1001 % p);
        }
        let field = PrimeField::new(7).expect("a prime");
        let fraction = |a: i64, b: i64| Rational::from_parts_signed(Integer::from(a), Integer::from(b));
        assert_eq!(field.reduce_rational(&fraction(-1, 2)), Some(3));
        assert_eq!(field.reduce_rational(&fraction(1, 14)), None);
    }

    #[test]
    fn profiles_name_the_first_independent_rows_and_columns() {
        let field = PrimeField::new(101).expect("a prime");
        let of = |rows: &[&[u64]]| {
            let ncols = rows.first().map_or(0, |row| row.len());
            ResidueMatrix::from_fn(field, rows.len(), ncols, |i, j| rows[i][j])
                .rank_profile(&mut go_on)
                .expect("not cancelled")
        };
        let profile = of(&[&[0, 0, 0, 1], &[0, 0, 0, 2], &[0, 1, 2, 5], &[0, 1, 2, 6], &[0, 3, 6, 1]]);
        assert_eq!(profile, RankProfile { rank: 2, rows: vec![0, 2], columns: vec![1, 3] });
        // 101 is zero.
        assert_eq!(of(&[&[101, 0], &[0, 202]]).rank, 0);
        assert_eq!(of(&[]).rank, 0);
        assert_eq!(of(&[&[], &[]]), RankProfile { rank: 0, rows: vec![], columns: vec![] });
    }

    #[test]
    fn profiles_are_those_of_one_row_or_column_more_at_a_time() {
        let field = PrimeField::new(3).expect("a prime");
        let mut rng = random::stream(1, "profiles", 0);
        for _ in 0..200 {
            let entries: Vec<u64> =
                (0..30).map(|_| rng.random::<u64>() % 3 * (rng.random::<u64>() % 2)).collect();
            let leading = |nrows: usize, ncols: usize| {
                ResidueMatrix::from_fn(field, nrows, ncols, |i, j| entries[i * 6 + j])
                    .rank_profile(&mut go_on)
                    .expect("not cancelled")
            };
            let profile = leading(5, 6);
            let rows: Vec<usize> = (0..5).filter(|&i| leading(i + 1, 6).rank > leading(i, 6).rank).collect();
            let columns: Vec<usize> =
                (0..6).filter(|&j| leading(5, j + 1).rank > leading(5, j).rank).collect();
            assert_eq!(profile, RankProfile { rank: rows.len(), rows, columns });
        }
    }

    #[test]
    fn inverses_are_inverses() {
        let field = PrimeField::largest();
        let mut rng = random::stream(1, "inverse", 0);
        for n in [0, 1, 2, 7, 20] {
            // Half of the entries are zero, so that rows are exchanged.
            let entries: Vec<u64> =
                (0..n * n).map(|_| rng.random::<u64>() * (rng.random::<u64>() % 2)).collect();
            let a = ResidueMatrix::from_fn(field, n, n, |i, j| entries[i * n + j]);
            let regular = a.clone().rank_profile(&mut go_on).expect("not cancelled").rank == n;
            let inverse = a.clone().inverse(&mut go_on).expect("not cancelled");
            assert_eq!(inverse.is_some(), regular, "n = {n}");
            let Some(inverse) = inverse else { continue };
            for i in 0..n {
                for j in 0..n {
                    let column: Vec<u64> = (0..n).map(|l| inverse.row(l)[j]).collect();
                    assert_eq!(field.dot(a.row(i), &column), u64::from(i == j), "n = {n}");
                }
            }
        }
        let wide = ResidueMatrix::from_fn(field, 1, 2, |_, _| 1);
        assert_eq!(wide.clone().inverse(&mut go_on), Ok(None));
        assert_eq!(wide.rank_profile(&mut || ControlFlow::Break(())), Err(RationalError::Cancelled));
    }
}
