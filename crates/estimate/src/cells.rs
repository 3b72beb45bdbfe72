//! The sign patterns of a row space: cells of a central arrangement of hyperplanes.

use std::ops::ControlFlow;

use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::spectrum;
use orthant_linalg::{LinalgError, Mat, MatRef, product, tolerance};
use orthant_network::SignPattern;

mod walk;

use self::walk::Walk;

/// The hyperplanes {w : ⟨w, q_j⟩ = 0} in R^k, one for each sample.
///
/// For w off all of them the vector Qw has a sign at every sample with q_j ≠ 0; the sets of samples where it is positive are the
/// sign patterns of the space that the columns of Q span, one for each full-dimensional cell of the arrangement.
///
/// # Ties
/// Samples with q_j = 0 are active in no pattern. Samples whose q_j are multiples of each other share a hyperplane, which is
/// counted once. Any number of hyperplanes may meet in any subspace: where they do is decided once for each corner of a cell,
/// and everything that follows from it is combinatorial.
///
/// In floating point a corner r, |r| = 1, counts as lying on hyperplane j when |⟨r, q_j⟩| is at most the error of q_j as given
/// to [`Arrangement::new`], or 100 · `tolerance::backward(n, k)` · |q_j| if that is more.
///
/// # Guarantee
/// No pattern comes twice: patterns are leaves of a binary tree that branches by the sign at one hyperplane. A cell is
/// left out only if it is so thin that no unit vector w in it has |⟨w, q_j⟩| for all j above the tie tolerance of j times a
/// moderate factor, the condition of the corners. In the same way a pattern that belongs to no cell can come where
/// hyperplanes nearly meet: it would be that of a cell if they were moved by that much, and its interior point has other signs. In an
/// arrangement of small integers ties are exact and nothing lies near them: every cell comes exactly once, and nothing else.
///
/// # Paper
/// Lemma 12, which solves a system for each k-subset of 2n constraints. Here hyperplanes are inserted one by one and each cell
/// carries its corners, so that whether a hyperplane cuts it is a matter of a few signs, without linear programmes; the work is
/// proportional to the number of patterns.
#[derive(Debug, Clone)]
pub struct Arrangement {
    n: usize,
    k: usize,
    rank: usize,
    /// Distinct hyperplanes by their unit normals, in coordinates of the space they span; the first `rank` are independent.
    normals: Vec<f64>,
    /// Largest |⟨r, normal⟩| that counts as zero.
    ties: Vec<f64>,
    /// For each hyperplane its samples with normals of the same and of the opposite direction.
    samples: Vec<[Vec<u32>; 2]>,
    /// Corners of the cone where the first `rank` hyperplanes are positive, one after the other.
    corners: Vec<f64>,
    /// Orthonormal basis of the span of the normals, k × rank; `None` when it is everything.
    basis: Option<Mat<f64>>,
    /// The samples with a hyperplane, as a set of bits.
    nonzero: Vec<u64>,
}

/// A pattern with a point of its cell.
#[derive(Debug, Clone, Copy)]
pub struct Cell<'a> {
    n: usize,
    active: &'a [u64],
    interior: &'a [f64],
}

impl<'a> Cell<'a> {
    /// Whether a sample is active: ⟨w, q_j⟩ > 0 for all w in the cell.
    ///
    /// # Panics
    /// When there is no such sample.
    pub fn is_active(&self, sample: usize) -> bool {
        assert!(sample < self.n, "sample {sample} of {}", self.n);
        self.active[sample / 64] >> (sample % 64) & 1 == 1
    }

    /// The active samples as a set of bits, sample j in bit j mod 64 of word j / 64; the bits above n are zero.
    pub fn bits(&self) -> &'a [u64] {
        self.active
    }

    /// A point w inside the cell, of length k: the sum of its corners, which have unit norm.
    pub fn interior(&self) -> &'a [f64] {
        self.interior
    }

    /// The pattern.
    ///
    /// # Cost
    /// n operations and an allocation.
    pub fn pattern(&self) -> SignPattern {
        SignPattern::of((0..self.n).map(|j| f64::from(u8::from(self.is_active(j)))))
    }
}

impl Arrangement {
    /// Finds the distinct hyperplanes.
    ///
    /// # Shapes
    /// `q` is n × k, sample j in row j. `error` bounds the error in a row, relative to the norm of the largest one; 0 for rows known to
    /// rounding of their own entries. Corners have it times their condition, so a bound with room to spare keeps ties together.
    ///
    /// # Errors
    /// [`LinalgError::NoConvergence`] on overflow.
    ///
    /// # Cost
    /// 2nk operations for each distinct hyperplane, and an SVD of these.
    pub fn new(q: MatRef<'_, f64>, error: f64) -> Result<Arrangement, LinalgError> {
        let (n, k) = q.shape();
        let rounding = 100.0 * tolerance::backward(n, k);
        let sizes: Vec<f64> = (0..n).map(|j| q.row(j).norm_l2()).collect();
        let largest = sizes.iter().fold(0.0f64, |s, &x| s.max(x));
        let mut normals: Vec<f64> = Vec::new();
        let mut ties: Vec<f64> = Vec::new();
        let mut samples: Vec<[Vec<u32>; 2]> = Vec::new();
        let mut nonzero = vec![0u64; n.div_ceil(64)];
        for j in (0..n).filter(|&j| sizes[j] > error * largest) {
            nonzero[j / 64] |= 1 << (j % 64);
            let normal: Vec<f64> = (0..k).map(|i| q[(j, i)] / sizes[j]).collect();
            let tie = rounding.max(error * largest / sizes[j]);
            let side_of = |other: usize| {
                let other_normal = &normals[other * k..(other + 1) * k];
                let allowed = tie.max(ties[other]);
                [1.0, -1.0].iter().position(|sign| {
                    let apart: Vec<f64> =
                        normal.iter().zip(other_normal).map(|(a, b)| a - sign * b).collect();
                    product::norm(&apart) <= allowed
                })
            };
            match (0..ties.len()).find_map(|other| Some((other, side_of(other)?))) {
                Some((other, side)) => {
                    samples[other][side].push(j as u32);
                    // The sharpest normal known of a hyperplane stands for it.
                    if tie < ties[other] {
                        let sign = if side == 0 { 1.0 } else { -1.0 };
                        ties[other] = tie;
                        for (kept, new) in normals[other * k..(other + 1) * k].iter_mut().zip(&normal) {
                            *kept = sign * new;
                        }
                    }
                }
                None => {
                    normals.extend(&normal);
                    ties.push(tie);
                    samples.push([vec![j as u32], Vec::new()]);
                }
            }
        }
        let all = Mat::from_fn(ties.len(), k, |j, i| normals[j * k + i]);
        let svd = spectrum::thin_svd(all.as_ref())?;
        let rank = spectrum::rank_at(&svd.s, rounding.max(error)).rank;
        let basis = (rank < k).then(|| svd.v.as_ref().subcols(0, rank).to_owned());
        let reduced = match &basis {
            None => all,
            Some(basis) => product::matmul(all.as_ref(), basis.as_ref()),
        };
        let order = independent_first(reduced.as_ref(), rank);
        let first = Mat::from_fn(rank, rank, |j, i| reduced[(order[j], i)]);
        let inverse = RankRevealing::new(first, tolerance::EPS)?.solve(Mat::identity(rank, rank).as_ref());
        let mut corners = Vec::with_capacity(rank * rank);
        for j in 0..rank {
            let size = inverse.col(j).norm_l2();
            corners.extend((0..rank).map(|i| inverse[(i, j)] / size));
        }
        Ok(Arrangement {
            n,
            k,
            rank,
            normals: order
                .iter()
                .flat_map(|&j| (0..rank).map(move |i| (j, i)))
                .map(|at| reduced[at])
                .collect(),
            ties: order.iter().map(|&j| ties[j]).collect(),
            samples: order.iter().map(|&j| samples[j].clone()).collect(),
            corners,
            basis,
            nonzero,
        })
    }

    /// Number of distinct hyperplanes.
    pub fn n_hyperplanes(&self) -> usize {
        self.ties.len()
    }

    /// Dimension of the span of the rows of Q.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Visits every cell once, w and −w in turn, in an order that depends on Q only, until the visitor breaks.
    ///
    /// # Cost
    /// A cell that is cut hands on to its halves only the hyperplanes that cut it, so the number of evaluations of a hyperplane at
    /// the corners of a cell, which has 2^(k − 1) on average, does not grow with n: a few for each pattern for k ≥ 3, about log n for
    /// k = 2. Besides, n/64 words for each pattern. Memory for the cells on one path of the tree.
    pub fn visit<B>(&self, mut visitor: impl FnMut(Cell<'_>) -> ControlFlow<B>) -> ControlFlow<B> {
        let mut opposite = vec![0u64; self.nonzero.len()];
        let mut interior = vec![0.0; self.k];
        if self.rank == 0 {
            return visitor(Cell { n: self.n, active: &opposite, interior: &interior });
        }
        let mut walk = Walk::new(self);
        while let Some(leaf) = walk.next_leaf() {
            leaf.interior(self.rank, self.basis.as_ref(), &mut interior);
            visitor(Cell { n: self.n, active: leaf.active(), interior: &interior })?;
            for ((opposite, active), nonzero) in opposite.iter_mut().zip(leaf.active()).zip(&self.nonzero) {
                *opposite = nonzero & !active;
            }
            interior.iter_mut().for_each(|w| *w = -*w);
            visitor(Cell { n: self.n, active: &opposite, interior: &interior })?;
        }
        ControlFlow::Continue(())
    }

    fn normal(&self, plane: usize) -> &[f64] {
        &self.normals[plane * self.rank..(plane + 1) * self.rank]
    }

    /// Number of cells.
    ///
    /// # Cost
    /// As [`Arrangement::visit`].
    pub fn count(&self) -> u64 {
        if self.rank == 0 {
            return 1;
        }
        let mut walk = Walk::new(self);
        let mut half = 0;
        while walk.next_leaf().is_some() {
            half += 1;
        }
        2 * half
    }
}

/// The number of cells of n hyperplanes through the origin of R^k in general position, 2 Σ_(i<k) C(n − 1, i): no arrangement of n
/// hyperplanes has more. 1 without hyperplanes; `u64::MAX` when it is larger than that.
pub fn n_patterns_generic(n: usize, k: usize) -> u64 {
    if n == 0 || k == 0 {
        return 1;
    }
    let (mut sum, mut binomial) = (0u128, 1u128);
    for i in 0..k.min(n) {
        sum = sum.saturating_add(binomial);
        if sum > u128::from(u64::MAX) {
            break;
        }
        // C(n − 1, i + 1); the product fits, for the binomial is below 2⁶⁴ here.
        binomial = binomial * (n - 1 - i) as u128 / (i + 1) as u128;
    }
    u64::try_from(2 * sum).unwrap_or(u64::MAX)
}

/// An order of the rows that begins with `rank` independent ones, each the farthest from the span of those before it.
fn independent_first(rows: MatRef<'_, f64>, rank: usize) -> Vec<usize> {
    let (n, k) = rows.shape();
    let mut rest = rows.to_owned();
    let mut order: Vec<usize> = (0..n).collect();
    for step in 0..rank {
        let norms: Vec<f64> = (0..n).map(|j| rest.row(j).norm_l2()).collect();
        let farthest = (step..n).max_by(|&a, &b| norms[order[a]].total_cmp(&norms[order[b]])).unwrap_or(step);
        order.swap(step, farthest);
        let pivot: Vec<f64> =
            (0..k).map(|i| rest[(order[step], i)] / norms[order[step]].max(f64::MIN_POSITIVE)).collect();
        for j in 0..n {
            let along: f64 = (0..k).map(|i| rest[(j, i)] * pivot[i]).sum();
            for i in 0..k {
                rest[(j, i)] -= along * pivot[i];
            }
        }
    }
    order
}

#[cfg(test)]
mod tests;
