//! The sums of one block of columns, as matrix products.

use orthant_linalg::{Mat, MatRef, product};

use super::{ScorePlan, ScoreSums};
use crate::whiten::Affine;

/// Numbers that the products x̂_i x̂_j of one block may take: half a megabyte, so that they are still in cache when they are
/// multiplied by the weights.
const BLOCK_NUMBERS: usize = 1 << 16;

/// Place of the product of coordinates i ≤ j among r(r + 1)/2.
pub(super) fn packed(r: usize, i: usize, j: usize) -> usize {
    i * (2 * r + 1 - i) / 2 + j - i
}

/// Matrices that are used again for each block, one column of the data in each row.
pub(super) struct Workspace {
    block: usize,
    /// Directions of all contractions, r × (n_3 + 2 n_4), and their combinations of labels, q × (n_3 + n_4).
    directions: Mat<f64>,
    combinations: Mat<f64>,
    x: Mat<f64>,
    /// y, and then the weights of the contractions.
    weights: Mat<f64>,
    along: Mat<f64>,
    combined: Mat<f64>,
    pairs: Mat<f64>,
    ones: Vec<f64>,
}

impl Workspace {
    pub(super) fn new(plan: &ScorePlan) -> Workspace {
        let (r, q) = (plan.r(), plan.q());
        let pairs = r * (r + 1) / 2;
        let block = (BLOCK_NUMBERS / pairs).clamp(64, 1024) / 8 * 8;
        let columns: Vec<&Vec<f64>> = plan
            .order3
            .iter()
            .map(|c| &c.direction)
            .chain(plan.order4.iter().flat_map(|c| c.directions.iter()))
            .collect();
        let labels: Vec<&Vec<f64>> =
            plan.order3.iter().map(|c| &c.labels).chain(plan.order4.iter().map(|c| &c.labels)).collect();
        Workspace {
            block,
            directions: Mat::from_fn(r, columns.len(), |i, c| columns[c][i]),
            combinations: Mat::from_fn(q, labels.len(), |l, c| labels[c][l]),
            x: Mat::zeros(block, r),
            weights: Mat::zeros(block, plan.n_weights()),
            along: Mat::zeros(block, columns.len()),
            combined: Mat::zeros(block, labels.len()),
            pairs: Mat::zeros(block, pairs),
            ones: vec![1.0; block],
        }
    }

    pub(super) fn add(
        &mut self,
        plan: &ScorePlan,
        sums: &mut ScoreSums,
        x: MatRef<'_, f64>,
        a: MatRef<'_, f64>,
    ) {
        for start in (0..x.ncols()).step_by(self.block) {
            let cols = (x.ncols() - start).min(self.block);
            self.add_block(plan, sums, x.subcols(start, cols), a.subcols(start, cols));
        }
    }

    fn add_block(&mut self, plan: &ScorePlan, sums: &mut ScoreSums, x: MatRef<'_, f64>, a: MatRef<'_, f64>) {
        let (n, r, q) = (x.ncols(), plan.r(), plan.q());
        map_transposed(&plan.inputs, x, &mut self.x);
        map_transposed(&plan.labels, a, &mut self.weights);
        let x = self.x.as_ref().subrows(0, n);
        product::matmul_add(self.weights.as_mut().get_mut(..n, ..q), -1.0, x, plan.linear.transpose());
        self.multiply_pairs(r, n);
        if let Some((coefficients, traces)) = &plan.quadratic {
            let pairs = self.pairs.as_ref().subrows(0, n);
            product::matmul_add(self.weights.as_mut().get_mut(..n, ..q), -1.0, pairs, coefficients.as_ref());
            for (l, trace) in traces.iter().enumerate() {
                self.weights.col_as_slice_mut(l)[..n].iter_mut().for_each(|y| *y += trace);
            }
        }
        let x = self.x.as_ref().subrows(0, n);
        for l in 0..q {
            let column = &self.weights.col_as_slice(l)[..n];
            sums.label_sums[l] += product::dot(column, &self.ones[..n]);
            sums.label_squares[l] += product::dot(column, column);
        }
        let y = self.weights.as_ref().get(..n, ..q);
        product::matmul_add(sums.first.as_mut(), 1.0, y.transpose(), x);
        if self.combinations.ncols() > 0 {
            product::matmul_into(self.combined.as_mut().subrows_mut(0, n), y, self.combinations.as_ref());
            product::matmul_into(self.along.as_mut().subrows_mut(0, n), x, self.directions.as_ref());
            self.weigh(plan, n);
        }
        product::matmul_add(
            sums.second.as_mut(),
            1.0,
            self.weights.as_ref().subrows(0, n).transpose(),
            self.pairs.as_ref().subrows(0, n),
        );
        sums.n += n;
    }

    /// The products x̂_i x̂_j of the block.
    fn multiply_pairs(&mut self, r: usize, n: usize) {
        for i in 0..r {
            let left = &self.x.col_as_slice(i)[..n];
            for j in i..r {
                let right = &self.x.col_as_slice(j)[..n];
                let out = &mut self.pairs.col_as_slice_mut(packed(r, i, j))[..n];
                for ((out, left), right) in out.iter_mut().zip(left).zip(right) {
                    *out = left * right;
                }
            }
        }
    }

    /// The weights of the contractions: a combination of labels times one or two directions of x̂.
    fn weigh(&mut self, plan: &ScorePlan, n: usize) {
        let (q, n_3) = (plan.q(), plan.order3.len());
        for c in 0..self.combinations.ncols() {
            let combined = &self.combined.col_as_slice(c)[..n];
            let out = &mut self.weights.col_as_slice_mut(q + c)[..n];
            if c < n_3 {
                let along = &self.along.col_as_slice(c)[..n];
                for ((out, y), p) in out.iter_mut().zip(combined).zip(along) {
                    *out = y * p;
                }
            } else {
                let first = n_3 + 2 * (c - n_3);
                let (along_p, along_s) =
                    (&self.along.col_as_slice(first)[..n], &self.along.col_as_slice(first + 1)[..n]);
                for (((out, y), p), s) in out.iter_mut().zip(combined).zip(along_p).zip(along_s) {
                    *out = y * p * s;
                }
            }
        }
    }
}

/// The first rows of `out` become (W(x − μ))' for the columns of `x`.
///
/// The mean is subtracted from the image: its rounding is relative to the mean, and far below the error of sampling.
fn map_transposed(affine: &Affine, x: MatRef<'_, f64>, out: &mut Mat<f64>) {
    let (n, r) = (x.ncols(), affine.map.nrows());
    product::matmul_into(out.as_mut().get_mut(..n, ..r), x.transpose(), affine.map.transpose());
    for i in 0..r {
        let offset: f64 = affine.mean.iter().enumerate().map(|(c, mean)| affine.map[(i, c)] * mean).sum();
        out.col_as_slice_mut(i)[..n].iter_mut().for_each(|value| *value -= offset);
    }
}
