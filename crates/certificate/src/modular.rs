//! Arithmetic and elimination modulo the prime 2⁶¹ − 1.
//!
//! Reduction modulo a prime can only lower the rank of a matrix of rationals whose denominators it does not divide: a minor that
//! is not zero modulo the prime is not zero. What is full rank here is full rank over the reals.

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

/// The prime 2⁶¹ − 1 (Pervushin 1883).
pub const PRIME: u64 = (1 << 61) - 1;

/// a b modulo [`PRIME`].
pub fn product(a: u64, b: u64) -> u64 {
    let wide = u128::from(a) * u128::from(b);
    // 2⁶¹ is 1.
    let folded = (wide as u64 & PRIME) + (wide >> 61) as u64;
    if folded >= PRIME { folded - PRIME } else { folded }
}

/// a + b modulo [`PRIME`].
pub fn sum(a: u64, b: u64) -> u64 {
    let sum = a + b;
    if sum >= PRIME { sum - PRIME } else { sum }
}

/// a − b modulo [`PRIME`].
pub fn difference(a: u64, b: u64) -> u64 {
    if a >= b { a - b } else { a + PRIME - b }
}

/// 1 / a, for a that is not zero, by Fermat's theorem.
pub fn inverse(a: u64) -> u64 {
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
pub fn of_integer(value: &IBig) -> u64 {
    use dashu_base::{Sign, UnsignedAbs};
    let rest = of_natural(&value.unsigned_abs());
    if value.sign() == Sign::Negative { difference(0, rest) } else { rest }
}

/// A natural number modulo [`PRIME`].
pub fn of_natural(value: &UBig) -> u64 {
    value % PRIME
}

/// A rational modulo [`PRIME`]; nothing when the prime divides its denominator.
pub fn of_rational(value: &RBig) -> Option<u64> {
    let denominator = of_natural(value.denominator());
    match denominator {
        0 => None,
        1 => Some(of_integer(value.numerator())),
        _ => Some(product(of_integer(value.numerator()), inverse(denominator))),
    }
}

/// Rows that are eliminated at once: sums of as many products fit into 128 bits.
const BLOCK: usize = 32;

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
    /// Entry `column` · [`BLOCK`] + row.
    entries: Vec<u64>,
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
    pub fn add(&mut self, mut row: Vec<u64>) -> bool {
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
            self.blocks.push(Block { from: lead, entries: vec![0; BLOCK * self.columns] });
        }
        if let Some(block) = self.blocks.last_mut() {
            block.from = block.from.min(lead);
            row.iter().enumerate().for_each(|(column, &entry)| block.entries[column * BLOCK + place] = entry);
        }
        self.leads.push(lead);
        true
    }

    /// A basis of the vectors orthogonal to all rows.
    ///
    /// # Cost
    /// Rank squared times columns.
    pub fn null_space(&self) -> Vec<Vec<u64>> {
        let mut is_lead = vec![false; self.columns];
        self.leads.iter().for_each(|&lead| is_lead[lead] = true);
        let free = (0..self.columns).filter(|&j| !is_lead[j]);
        free.map(|j| {
            let mut vector = vec![0; self.columns];
            vector[j] = 1;
            // A row is zero at the leading ones before it, so that later rows are solved first.
            for (i, &lead) in self.leads.iter().enumerate().rev() {
                let block = &self.blocks[i / BLOCK];
                let entries = block.entries.iter().skip(i % BLOCK).step_by(BLOCK);
                let rest = entries.zip(&vector).fold(0, |s, (&a, &b)| sum(s, product(a, b)));
                vector[lead] = difference(0, rest);
            }
            vector
        })
        .collect()
    }
}

impl Block {
    /// Makes a row zero at the leading ones of the rows of the block.
    fn eliminate(&self, row: &mut [u64], leads: &[usize]) {
        let mut factors = [0; BLOCK];
        for (l, &lead) in leads.iter().enumerate() {
            // What the rows before leave of this entry is the factor of row l.
            let above = combination(&factors[..l], &self.entries[lead * BLOCK..][..l]);
            factors[l] = difference(row[lead], above);
        }
        let columns = row[self.from..].iter_mut().zip(self.entries[self.from * BLOCK..].chunks_exact(BLOCK));
        for (entry, own) in columns {
            *entry = difference(*entry, combination(&factors, own));
        }
    }
}

/// Σ f_l e_l for at most [`BLOCK`] terms below 2¹²².
fn combination(factors: &[u64], entries: &[u64]) -> u64 {
    let products = factors.iter().zip(entries).map(|(&f, &e)| u128::from(f) * u128::from(e));
    let wide = products.fold(0u128, u128::wrapping_add);
    // 2⁶¹ and 2¹²² are 1.
    let low = (wide as u64 & PRIME) + ((wide >> 61) as u64 & PRIME) + (wide >> 122) as u64;
    let folded = (low & PRIME) + (low >> 61);
    if folded >= PRIME { folded - PRIME } else { folded }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn echelon(rows: &[Vec<u64>], columns: usize) -> Echelon {
        let mut echelon = Echelon::new(columns);
        rows.iter().for_each(|row| {
            echelon.add(row.clone());
        });
        echelon
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

    proptest! {
        #[test]
        fn products_and_inverses_agree_with_wide_arithmetic(a in 1..PRIME, b in 0..PRIME) {
            let wide = u128::from(a) * u128::from(b) % u128::from(PRIME);
            prop_assert_eq!(u128::from(product(a, b)), wide);
            prop_assert_eq!(product(a, inverse(a)), 1);
        }

        #[test]
        fn a_null_space_is_orthogonal_and_has_what_the_rank_leaves(
            entries in proptest::collection::vec(0..3u64, 24), columns in 1..7usize,
        ) {
            let rows: Vec<Vec<u64>> = entries.chunks_exact(columns).map(<[u64]>::to_vec).collect();
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
