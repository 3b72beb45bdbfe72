//! Arithmetic and elimination modulo the prime 2²⁸ − 57.
//!
//! Reduction modulo a prime can only lower the rank of a matrix of rationals whose denominators it does not divide: a minor that
//! is not zero modulo the prime is not zero. What is full rank here is full rank over the reals. Residues of 28 bits leave room for sums of
//! products in a machine word; that a rank is smaller by chance has a probability of the order of the rank over the prime.

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

/// The largest prime below 2²⁸.
pub const PRIME: u32 = (1 << 28) - 57;

/// a b modulo [`PRIME`].
pub fn product(a: u32, b: u32) -> u32 {
    reduced(u64::from(a) * u64::from(b))
}

fn reduced(value: u64) -> u32 {
    (value % u64::from(PRIME)) as u32
}

/// a + b modulo [`PRIME`].
pub fn sum(a: u32, b: u32) -> u32 {
    let sum = a + b;
    if sum >= PRIME { sum - PRIME } else { sum }
}

/// a − b modulo [`PRIME`].
pub fn difference(a: u32, b: u32) -> u32 {
    if a >= b { a - b } else { a + PRIME - b }
}

/// 1 / a, for a that is not zero, by Fermat's theorem.
pub fn inverse(a: u32) -> u32 {
    let (mut power, mut square, mut exponent) = (1, a, PRIME - 2);
    while exponent > 0 {
        if exponent & 1 == 1 {
            power = product(power, square);
        }
        square = product(square, square);
        exponent >>= 1;
    }
    power
}

/// An integer modulo [`PRIME`].
pub fn of_integer(value: &IBig) -> u32 {
    use dashu_base::{Sign, UnsignedAbs};
    let rest = of_natural(&value.unsigned_abs());
    if value.sign() == Sign::Negative { difference(0, rest) } else { rest }
}

/// A natural number modulo [`PRIME`].
pub fn of_natural(value: &UBig) -> u32 {
    value % PRIME
}

/// A rational modulo [`PRIME`]; nothing when the prime divides its denominator.
pub fn of_rational(value: &RBig) -> Option<u32> {
    let denominator = of_natural(value.denominator());
    match denominator {
        0 => None,
        1 => Some(of_integer(value.numerator())),
        _ => Some(product(of_integer(value.numerator()), inverse(denominator))),
    }
}

/// Rows that are eliminated at once: sums of as many products fit into 64 bits.
const BLOCK: usize = 64;

/// Rows in echelon form: each has a leading one, left of which it is zero, and is zero at the leading ones of the rows before it.
pub struct Echelon {
    columns: usize,
    /// The column of the leading one of each row.
    leads: Vec<usize>,
    blocks: Vec<Block>,
}

/// Some rows, column by column, so that a combination of them is one inner product per column.
struct Block {
    /// No row has an entry left of it.
    from: usize,
    columns: Vec<Packed>,
}

/// [`BLOCK`] residues, two in each word: the even ones below.
#[derive(Clone, Copy)]
struct Packed([u64; BLOCK / 2]);

impl Packed {
    const ZERO: Packed = Packed([0; BLOCK / 2]);

    /// Puts a residue where there is none.
    fn put(&mut self, place: usize, residue: u32) {
        self.0[place / 2] |= u64::from(residue) << (32 * (place % 2));
    }

    fn get(&self, place: usize) -> u32 {
        // One half of the word.
        (self.0[place / 2] >> (32 * (place % 2))) as u32
    }

    /// Σ a_l b_l; the products are below 2⁵⁶.
    fn inner(&self, other: &Packed) -> u32 {
        // Without checks of overflow, which cannot be, and with sums beside each other, so that it is done on vectors.
        let low = u64::from(u32::MAX);
        let mut sums = [0u64; 4];
        for (a, b) in self.0.chunks_exact(4).zip(other.0.chunks_exact(4)) {
            for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
                let (even, odd) = ((a & low).wrapping_mul(b & low), (a >> 32).wrapping_mul(b >> 32));
                *sum = sum.wrapping_add(even).wrapping_add(odd);
            }
        }
        reduced(sums.iter().sum())
    }
}

impl Echelon {
    /// No rows yet.
    pub fn new(columns: usize) -> Echelon {
        Echelon { columns, leads: Vec::new(), blocks: Vec::new() }
    }

    /// The number of independent rows added.
    pub fn rank(&self) -> usize {
        self.leads.len()
    }

    /// Whether rows span all there is.
    pub fn is_full(&self) -> bool {
        self.rank() == self.columns
    }

    /// Adds a row; whether it is independent of those before.
    ///
    /// # Cost
    /// Rank times columns.
    pub fn add(&mut self, mut row: Vec<u32>) -> bool {
        for (block, leads) in self.blocks.iter().zip(self.leads.chunks(BLOCK)) {
            block.eliminate(&mut row, leads);
        }
        let Some(lead) = row.iter().position(|&entry| entry != 0) else {
            return false;
        };
        let scale = inverse(row[lead]);
        row[lead..].iter_mut().for_each(|entry| *entry = product(*entry, scale));
        let place = self.leads.len() % BLOCK;
        if place == 0 {
            self.blocks.push(Block { from: lead, columns: vec![Packed::ZERO; self.columns] });
        }
        if let Some(block) = self.blocks.last_mut() {
            block.from = block.from.min(lead);
            block.columns.iter_mut().zip(row).for_each(|(column, entry)| column.put(place, entry));
        }
        self.leads.push(lead);
        true
    }

    /// A basis of the vectors orthogonal to all rows.
    ///
    /// # Cost
    /// Rank times columns for each of its vectors.
    pub fn null_space(&self) -> Vec<Vec<u32>> {
        let mut is_lead = vec![false; self.columns];
        self.leads.iter().for_each(|&lead| is_lead[lead] = true);
        let free = (0..self.columns).filter(|&j| !is_lead[j]);
        free.map(|j| {
            let mut vector = vec![0; self.columns];
            vector[j] = 1;
            // A row is zero at the leading ones before it, so that later rows are solved first.
            for (i, &lead) in self.leads.iter().enumerate().rev() {
                let block = &self.blocks[i / BLOCK];
                let entries = block.columns.iter().map(|column| column.get(i % BLOCK));
                let rest = entries.zip(&vector).fold(0, |s, (a, &b)| sum(s, product(a, b)));
                vector[lead] = difference(0, rest);
            }
            vector
        })
        .collect()
    }
}

impl Block {
    /// Makes a row zero at the leading ones of the rows of the block.
    fn eliminate(&self, row: &mut [u32], leads: &[usize]) {
        let mut factors = Packed::ZERO;
        for (l, &lead) in leads.iter().enumerate() {
            // What the rows before leave of this entry is the factor of row l.
            let above = factors.inner(&self.columns[lead]);
            factors.put(l, difference(row[lead], above));
        }
        for (entry, column) in row[self.from..].iter_mut().zip(&self.columns[self.from..]) {
            *entry = difference(*entry, factors.inner(column));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn echelon(rows: &[Vec<u32>], columns: usize) -> Echelon {
        let mut echelon = Echelon::new(columns);
        rows.iter().for_each(|row| {
            echelon.add(row.clone());
        });
        echelon
    }

    #[test]
    fn the_prime_is_one() {
        // The square root is below 2¹⁴.
        assert!((2..1 << 14).all(|divisor| !PRIME.is_multiple_of(divisor)));
    }

    #[test]
    fn the_extremes_are_reduced() {
        assert_eq!(product(PRIME - 1, PRIME - 1), 1);
        assert_eq!(sum(PRIME - 1, 1), 0);
        assert_eq!(difference(0, 1), PRIME - 1);
        assert_eq!(of_integer(&IBig::from(-1)), PRIME - 1);
        assert_eq!(of_rational(&RBig::from_parts(1.into(), PRIME.into())), None);
        let half = of_rational(&RBig::from_parts(1.into(), 2u8.into())).expect("odd prime");
        assert_eq!(sum(half, half), 1);
    }

    #[test]
    fn ranks_beyond_one_block_are_right() {
        // Vandermonde rows are independent; the sums of neighbours after them are not.
        let columns = 2 * BLOCK + 10;
        let power = |x: u32| {
            std::iter::successors(Some(1), |&p| Some(product(p, x))).take(columns).collect::<Vec<_>>()
        };
        for rank in [BLOCK, BLOCK + 1, 2 * BLOCK + 3, columns] {
            let mut rows: Vec<Vec<u32>> = (1..=rank as u32).map(power).collect();
            rows.extend(
                (1..20)
                    .map(|i| rows[i].iter().zip(&rows[i - 1]).map(|(&a, &b)| sum(a, b)).collect())
                    .collect::<Vec<_>>(),
            );
            let own = echelon(&rows, columns);
            assert_eq!(own.rank(), rank);
            let null = own.null_space();
            assert_eq!(null.len(), columns - rank);
            for (vector, row) in null.iter().flat_map(|vector| rows.iter().map(move |row| (vector, row))) {
                assert_eq!(row.iter().zip(vector).fold(0, |s, (&a, &b)| sum(s, product(a, b))), 0);
            }
        }
    }

    proptest! {
        #[test]
        fn products_and_inverses_agree_with_wide_arithmetic(a in 1..PRIME, b in 0..PRIME) {
            let wide = u64::from(a) * u64::from(b) % u64::from(PRIME);
            prop_assert_eq!(u64::from(product(a, b)), wide);
            prop_assert_eq!(product(a, inverse(a)), 1);
        }

        #[test]
        fn a_null_space_is_orthogonal_and_has_what_the_rank_leaves(
            entries in proptest::collection::vec(0..3u32, 24), columns in 1..7usize,
        ) {
            let rows: Vec<Vec<u32>> = entries.chunks_exact(columns).map(<[u32]>::to_vec).collect();
            let own = echelon(&rows, columns);
            let rank = own.rank();
            let null = own.null_space();
            prop_assert_eq!(rank + null.len(), columns);
            prop_assert_eq!(echelon(&null, columns).rank(), null.len());
            for vector in &null {
                for row in &rows {
                    let inner = row.iter().zip(vector).fold(0, |s, (&a, &b)| sum(s, product(a, b)));
                    prop_assert_eq!(inner, 0);
                }
            }
        }
    }
}
