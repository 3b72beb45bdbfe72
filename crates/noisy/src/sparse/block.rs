//! The label space of a few outputs, from a few samples drawn at random until none of their labels is wrong.

use orthant_linalg::{Mat, spectrum, tolerance};
use rand::seq::{SliceRandom, index};
use rand_chacha::ChaCha8Rng;

use super::working::Working;

/// A pivot below this, relative to the first, is zero: blocks of worse condition are not used.
const ZERO_PIVOT: f64 = 1e-9;

/// Residuals above this, relative to the block, are no rounding errors whatever the condition of the block.
const PLAINLY_WRONG: f64 = 1e-6;

/// The same for labels of single precision.
const PLAINLY_WRONG_SINGLE: f64 = 1e-3;

/// Singular values beyond the rank are below this multiple of the backward error.
const ROUNDING_FACTOR: f64 = 4.0;

/// An output whose direction is in the space up to this squared sine is not constrained by the others.
const FREE: f64 = 1e-9;

/// Samples that a block is tried on before it is tried on all.
const PROBES: usize = 16;

/// Samples whose labels, at some outputs, lie in a space of lower dimension.
#[derive(Debug, Clone)]
pub(crate) struct Agreement {
    /// The outputs, q of them.
    pub outputs: Vec<usize>,
    /// The samples.
    pub samples: Vec<usize>,
    /// Coordinates of the samples in the space: one row of length r each, orthonormal columns.
    pub coordinates: Mat<f64>,
    /// The labels at the outputs are `weights` · coordinates': q × r.
    pub weights: Mat<f64>,
    /// Condition number of the weights.
    pub condition: f64,
}

/// What blocks are drawn from.
pub(crate) struct Draw<'a> {
    pub working: &'a Working,
    /// m × n' by columns: labels thought to be wrong. Every other block avoids them.
    pub suspects: Option<&'a [bool]>,
    /// Samples of which every block has one, unless empty.
    pub wanted: &'a [usize],
}

impl Draw<'_> {
    /// Draws one block of `columns` samples and looks for others in the space it spans. `trial` chooses the number of outputs and
    /// whether suspects are avoided.
    ///
    /// # Cost
    /// About 2 q c² operations for c columns and q outputs; 2 q c for each of the n' samples where the probes agree.
    pub fn agreement(&self, columns: usize, trial: usize, rng: &mut ChaCha8Rng) -> Option<Agreement> {
        let (m, n) = (self.working.m(), self.working.n());
        let rows = [columns + 2, columns + 2, 2 * columns + 4, m][(trial / 2) % 4].min(m);
        if rows <= columns || n <= columns + 1 {
            return None;
        }
        let mut outputs: Vec<usize> = index::sample(rng, m, rows).into_vec();
        let block = self.columns(&outputs, columns, trial.is_multiple_of(2), rng)?;
        let space = Eliminated::new(self.working, &mut outputs, &block)?;
        let mut scratch = vec![0.0; rows];
        let mut probes = (0..PROBES.min(n)).map(|_| index::sample(rng, n, 1).index(0));
        if !probes.any(|j| {
            !block.contains(&j) && space.holds(self.working, &outputs, j, &mut scratch) == Some(true)
        }) {
            return None;
        }
        let samples: Vec<usize> = (0..n)
            .filter(|&j| !block.contains(&j))
            .filter(|&j| space.holds(self.working, &outputs, j, &mut scratch).is_some_and(|holds| holds))
            .collect();
        // A wrong label in the block adds a direction that only its own sample has: others must span the space without it.
        coordinates(self.working, outputs, samples, space.rank)
    }

    /// Samples for a block; with `avoid`, those without a suspect among the outputs.
    fn columns(
        &self,
        outputs: &[usize],
        count: usize,
        avoid: bool,
        rng: &mut ChaCha8Rng,
    ) -> Option<Vec<usize>> {
        let (m, n) = (self.working.m(), self.working.n());
        let mut block = Vec::with_capacity(count);
        if !self.wanted.is_empty() {
            block.push(self.wanted[index::sample(rng, self.wanted.len(), 1).index(0)]);
        }
        match self.suspects.filter(|_| avoid) {
            None => {
                for j in index::sample(rng, n, (2 * count).min(n)) {
                    if block.len() < count && !block.contains(&j) {
                        block.push(j);
                    }
                }
            }
            Some(suspects) => {
                let clean = |&j: &usize| outputs.iter().all(|&o| !suspects[j * m + o]);
                let mut pool: Vec<usize> = (0..n).filter(clean).collect();
                let (head, _) = pool.partial_shuffle(rng, 2 * count);
                for &mut j in head {
                    if block.len() < count && !block.contains(&j) {
                        block.push(j);
                    }
                }
            }
        }
        (block.len() == count).then_some(block)
    }
}

/// A q × c block after Gaussian elimination with complete pivoting, stopped at its rank.
struct Eliminated {
    /// By columns, in pivot order: multipliers below the diagonal, the triangle above.
    lu: Vec<f64>,
    rows: usize,
    rank: usize,
    /// Largest entry of the block.
    size: f64,
    relative: f64,
    plainly_wrong: f64,
}

impl Eliminated {
    /// Eliminates; the outputs are reordered as the rows are. `None` for rank 0 or as many as there are rows.
    fn new(working: &Working, outputs: &mut [usize], block: &[usize]) -> Option<Eliminated> {
        let (rows, columns) = (outputs.len(), block.len());
        let mut lu = Vec::with_capacity(rows * columns);
        for &j in block {
            lu.extend(outputs.iter().map(|&o| working.a[(o, j)]));
        }
        let size = lu.iter().fold(0.0f64, |s, x| s.max(x.abs()));
        let mut rank = 0;
        while rank < columns.min(rows) {
            let mut pivot = (rank, rank, 0.0);
            for j in rank..columns {
                for i in rank..rows {
                    let value = lu[j * rows + i].abs();
                    if value > pivot.2 {
                        pivot = (i, j, value);
                    }
                }
            }
            if pivot.2 <= ZERO_PIVOT * size {
                break;
            }
            outputs.swap(rank, pivot.0);
            for j in 0..columns {
                lu.swap(j * rows + rank, j * rows + pivot.0);
            }
            for i in 0..rows {
                lu.swap(rank * rows + i, pivot.1 * rows + i);
            }
            let (done, open) = lu.split_at_mut((rank + 1) * rows);
            let column = &mut done[rank * rows..];
            let inverse = 1.0 / column[rank];
            column[rank + 1..].iter_mut().for_each(|x| *x *= inverse);
            for next in open.chunks_exact_mut(rows) {
                let factor = next[rank];
                next[rank + 1..].iter_mut().zip(&column[rank + 1..]).for_each(|(x, l)| *x -= factor * l);
            }
            rank += 1;
        }
        let relative = tolerance::backward(rows, columns) * (working.precision / tolerance::EPS);
        let plainly_wrong = PLAINLY_WRONG.max(PLAINLY_WRONG_SINGLE * working.precision / tolerance::EPS_F32);
        let usable = rank > 0 && rank < rows && size.is_finite();
        usable.then_some(Eliminated { lu, rows, rank, size, relative, plainly_wrong })
    }

    /// Whether a sample's labels at the outputs lie in the space of the block; `None` when they are all zero.
    fn holds(&self, working: &Working, outputs: &[usize], j: usize, scratch: &mut [f64]) -> Option<bool> {
        scratch.iter_mut().zip(outputs).for_each(|(s, &o)| *s = working.a[(o, j)]);
        let size = scratch.iter().fold(0.0f64, |s, x| s.max(x.abs()));
        if size == 0.0 {
            return None;
        }
        for l in 0..self.rank {
            let factor = scratch[l];
            let column = &self.lu[l * self.rows..(l + 1) * self.rows];
            scratch[l + 1..].iter_mut().zip(&column[l + 1..]).for_each(|(x, l)| *x -= factor * l);
        }
        let residual = scratch[self.rank..].iter().fold(0.0f64, |s, x| s.max(x.abs()));
        if residual > self.plainly_wrong * self.size.max(size) || residual.is_nan() {
            return Some(false);
        }
        // The rounding errors of the block's labels count as often as the sample takes them.
        let mut taken = 0.0;
        for l in (0..self.rank).rev() {
            scratch[l] /= self.lu[l * self.rows + l];
            let weight = scratch[l];
            taken += weight.abs();
            let column = &self.lu[l * self.rows..l * self.rows + l];
            scratch[..l].iter_mut().zip(column).for_each(|(x, u)| *x -= weight * u);
        }
        Some(residual <= self.relative * (self.size * taken + size))
    }
}

/// Coordinates of the samples in the space they span, when that has dimension `rank`.
///
/// A wrong label in the block adds the direction of its output, and samples with an error at that output are then in the space as well:
/// the output is not constrained by the others. Such outputs are left out, with their direction.
fn coordinates(
    working: &Working,
    mut outputs: Vec<usize>,
    samples: Vec<usize>,
    mut rank: usize,
) -> Option<Agreement> {
    loop {
        if samples.len() <= rank || rank == 0 {
            return None;
        }
        let labels = Mat::from_fn(samples.len(), outputs.len(), |i, l| working.a[(outputs[l], samples[i])]);
        let svd = spectrum::thin_svd(labels.as_ref()).ok()?;
        // Errors that an ill-conditioned block could not tell from rounding show here.
        let rounding =
            tolerance::backward(samples.len(), outputs.len()) * (working.precision / tolerance::EPS);
        let zero = ZERO_PIVOT.max(ROUNDING_FACTOR * rounding);
        let beyond = svd.s.get(rank).is_some_and(|&next| next > ROUNDING_FACTOR * rounding * svd.s[0]);
        if beyond || spectrum::rank_at(&svd.s, zero).rank != rank {
            return None;
        }
        let space = svd.v.as_ref().subcols(0, rank);
        let free = |l: usize| space.row(l).squared_norm_l2() > 1.0 - FREE;
        let kept: Vec<usize> = (0..outputs.len()).filter(|&l| !free(l)).map(|l| outputs[l]).collect();
        if kept.len() < outputs.len() {
            rank = rank.saturating_sub(outputs.len() - kept.len());
            outputs = kept;
            continue;
        }
        let weights = Mat::from_fn(outputs.len(), rank, |l, j| svd.v[(l, j)] * svd.s[j]);
        let coordinates = svd.u.as_ref().subcols(0, rank).to_owned();
        let condition = svd.s[0] / svd.s[rank - 1];
        return Some(Agreement { outputs, samples, coordinates, weights, condition });
    }
}
