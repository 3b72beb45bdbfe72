//! Elimination modulo a prime.

use super::Field;

/// Rows that are eliminated at once: sums of as many products fit into 32 bits.
const BLOCK: usize = 64;

/// Rows of a block whose factors are found together.
const GROUP: usize = 8;

/// Rows in echelon form: each has a leading one, left of which it is zero, and is zero at the leading ones of the rows before it.
pub struct Echelon {
    field: Field,
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

/// [`BLOCK`] balanced residues.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Packed([i16; BLOCK]);

impl Packed {
    const ZERO: Packed = Packed([0; BLOCK]);

    /// Σ a_l b_l.
    // Not inlined: compilers would else put the entries of several columns into a vector, one by one.
    #[inline(never)]
    fn inner(&self, other: &Packed) -> i32 {
        // Below 2³¹ in all. Without checks of overflow and with eight sums beside each other, so that it is done on vectors.
        let mut sums = [0i32; 8];
        for (a, b) in self.0.chunks_exact(8).zip(other.0.chunks_exact(8)) {
            for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
                *sum = sum.wrapping_add(i32::from(a).wrapping_mul(i32::from(b)));
            }
        }
        sums.iter().fold(0, |all, &sum| all.wrapping_add(sum))
    }
}

impl Echelon {
    /// No rows yet.
    pub fn new(field: Field, columns: usize) -> Echelon {
        Echelon { field, columns, leads: Vec::new(), blocks: Vec::new() }
    }

    /// The number of independent rows added.
    pub fn rank(&self) -> usize {
        self.leads.len()
    }

    /// Whether rows span all there is.
    pub fn is_full(&self) -> bool {
        self.rank() == self.columns
    }

    /// Adds a row of residues; whether it is independent of those before.
    ///
    /// # Cost
    /// Rank times columns.
    pub fn add(&mut self, mut row: Vec<u32>) -> bool {
        for (block, leads) in self.blocks.iter().zip(self.leads.chunks(BLOCK)) {
            block.eliminate(self.field, &mut row, leads);
        }
        let Some(lead) = row.iter().position(|&entry| entry != 0) else {
            return false;
        };
        let scale = self.field.inverse(row[lead]);
        let place = self.leads.len() % BLOCK;
        if place == 0 {
            self.blocks.push(Block { from: lead, columns: vec![Packed::ZERO; self.columns] });
        }
        if let Some(block) = self.blocks.last_mut() {
            block.from = block.from.min(lead);
            for (column, &entry) in block.columns.iter_mut().zip(&row).skip(lead) {
                column.0[place] = self.field.balanced(self.field.product(entry, scale));
            }
        }
        self.leads.push(lead);
        true
    }

    /// A basis of the vectors orthogonal to all rows.
    ///
    /// # Cost
    /// Rank times columns for each of its vectors.
    pub fn null_space(&self) -> Vec<Vec<u32>> {
        let field = self.field;
        let mut is_lead = vec![false; self.columns];
        self.leads.iter().for_each(|&lead| is_lead[lead] = true);
        let free = (0..self.columns).filter(|&j| !is_lead[j]);
        free.map(|j| {
            let mut vector = vec![0; self.columns];
            vector[j] = 1;
            // A row is zero at the leading ones before it, so that later rows are solved first.
            for (i, &lead) in self.leads.iter().enumerate().rev() {
                let entries = self.blocks[i / BLOCK].columns.iter().map(|column| column.0[i % BLOCK]);
                let rest = entries
                    .zip(&vector)
                    .skip(lead + 1)
                    .fold(0, |rest, (a, &b)| field.less(rest, i32::from(a) * i32::from(field.balanced(b))));
                vector[lead] = rest;
            }
            vector
        })
        .collect()
    }
}

impl Block {
    /// Makes a row zero at the leading ones of the rows of the block.
    fn eliminate(&self, field: Field, row: &mut [u32], leads: &[usize]) {
        // What the rows before leave of the entry at the leading one of row l is its factor. Of the last few rows it is summed up one by one:
        // vectors would wait for factors that have just been stored.
        let mut factors = Packed::ZERO;
        for (group, leads) in leads.chunks(GROUP).enumerate() {
            let first = group * GROUP;
            let mut own = [0i16; GROUP];
            for (l, &lead) in leads.iter().enumerate() {
                let column = &self.columns[lead];
                let above =
                    own[..l].iter().zip(&column.0[first..]).fold(factors.inner(column), |sum, (&a, &b)| {
                        sum.wrapping_add(i32::from(a).wrapping_mul(i32::from(b)))
                    });
                own[l] = field.balanced(field.less(row[lead], above));
            }
            factors.0[first..first + GROUP].copy_from_slice(&own);
        }
        for (entry, column) in row[self.from..].iter_mut().zip(&self.columns[self.from..]) {
            *entry = field.less(*entry, factors.inner(column));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modular::primes;
    use proptest::prelude::*;

    fn field() -> Field {
        Field::new(primes().next().expect("some")).expect("allowed")
    }

    fn echelon(rows: &[Vec<u32>], columns: usize) -> Echelon {
        let mut echelon = Echelon::new(field(), columns);
        rows.iter().for_each(|row| {
            echelon.add(row.clone());
        });
        echelon
    }

    fn inner(a: &[u32], b: &[u32]) -> u32 {
        let field = field();
        a.iter().zip(b).fold(0, |s, (&a, &b)| field.sum(s, field.product(a, b)))
    }

    #[test]
    fn ranks_beyond_one_block_are_right() {
        // Vandermonde rows are independent; the sums of neighbours after them are not.
        let (field, columns) = (field(), 2 * BLOCK + 10);
        let power = |x: u32| {
            std::iter::successors(Some(1), |&p| Some(field.product(p, x))).take(columns).collect::<Vec<_>>()
        };
        for rank in [BLOCK, BLOCK + 1, 2 * BLOCK + 3, columns] {
            let mut rows: Vec<Vec<u32>> = (1..=rank as u32).map(power).collect();
            rows.extend(
                (1..20)
                    .map(|i| rows[i].iter().zip(&rows[i - 1]).map(|(&a, &b)| field.sum(a, b)).collect())
                    .collect::<Vec<_>>(),
            );
            let own = echelon(&rows, columns);
            assert_eq!(own.rank(), rank);
            let null = own.null_space();
            assert_eq!(null.len(), columns - rank);
            for (vector, row) in null.iter().flat_map(|vector| rows.iter().map(move |row| (vector, row))) {
                assert_eq!(inner(row, vector), 0);
            }
        }
    }

    /// The rank by elimination of one entry after the other.
    fn plain_rank(mut rows: Vec<Vec<u32>>, field: Field) -> usize {
        let mut rank = 0;
        for column in 0..rows[0].len() {
            let Some(pivot) = (rank..rows.len()).find(|&i| rows[i][column] != 0) else { continue };
            rows.swap(rank, pivot);
            let (above, below) = rows.split_at_mut(rank + 1);
            let own = &above[rank];
            let inverse = field.inverse(own[column]);
            for row in below {
                let factor = field.product(row[column], inverse);
                for (entry, &own) in row.iter_mut().zip(own) {
                    *entry = field.difference(*entry, field.product(factor, own));
                }
            }
            rank += 1;
        }
        rank
    }

    #[test]
    fn blocks_agree_with_plain_elimination() {
        // Residues that are the largest when balanced, zeros, and rows that combine others.
        for (seed, place) in [0, 0, 7, 7, 300, 300].into_iter().enumerate() {
            let prime = primes().nth(place).expect("there are more");
            let field = Field::new(prime).expect("allowed");
            let mut state = seed as u64 + 1;
            let mut next = |bound: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((state >> 33) % bound) as u32
            };
            let columns = 150 + seed;
            let mut rows: Vec<Vec<u32>> = Vec::new();
            for i in 0..columns + 20 {
                rows.push(match next(4) {
                    0 if i > 1 => {
                        let (a, b) = (next(i as u64) as usize, next(i as u64) as usize);
                        let factor = next(u64::from(prime));
                        (0..columns)
                            .map(|j| field.sum(rows[a][j], field.product(factor, rows[b][j])))
                            .collect()
                    }
                    1 => (0..columns).map(|_| [0, prime / 2, prime / 2 + 1, 0][next(4) as usize]).collect(),
                    _ => (0..columns).map(|_| next(u64::from(prime))).collect(),
                });
            }
            let mut own = Echelon::new(field, columns);
            let added = rows.iter().filter(|row| own.add((*row).clone())).count();
            assert_eq!((own.rank(), added), (plain_rank(rows.clone(), field), own.rank()), "{seed}");
            for vector in own.null_space() {
                for row in &rows {
                    let inner = row.iter().zip(&vector);
                    assert_eq!(inner.fold(0, |s, (&a, &b)| field.sum(s, field.product(a, b))), 0);
                }
            }
        }
    }

    proptest! {
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
                    prop_assert_eq!(inner(row, vector), 0);
                }
            }
        }
    }
}
