//! The k of many candidate units that fit the labels best, from products of all of them.

use orthant_linalg::{Mat, product};
use rayon::prelude::*;

/// Candidates facing both ways: number 2i is candidate i, 2i + 1 its negative.
pub(super) struct Table {
    /// Products of the activations of all signed candidates.
    gram: Mat<f64>,
    /// Products of what each has in common with the labels.
    common: Mat<f64>,
}

/// Candidates of which all subsets are tried, for each width. Those come first that cover the sphere most evenly.
const EXHAUSTIVE: [usize; 4] = [usize::MAX, usize::MAX, 64, 32];

/// The most units of a subset.
pub(super) const MAX_WIDTH: usize = EXHAUSTIVE.len();

/// Subsets from which single candidates are exchanged.
const STARTS: usize = 8;

/// Samples at a time.
const BLOCK: usize = 2048;

/// A unit with less of its own than this, relative to its square, counts as a combination of the others.
const DEPENDENT: f64 = 1e-9;

impl Table {
    /// For candidates c (columns, p × N) on inputs H (n × p) and labels (n × m).
    ///
    /// # Cost
    /// 2n(N + p)² operations. Products of activations are formed here, and not their QR, because a subset must cost k³ operations
    /// and not n; the residual of the subset chosen is computed from the samples.
    pub(super) fn new(inputs: &Mat<f64>, candidates: &Mat<f64>, labels: &Mat<f64>) -> Table {
        let (n, p) = inputs.shape();
        let count = candidates.ncols();
        let mut gram = Mat::<f64>::zeros(count + p, count + p);
        let mut cross = Mat::<f64>::zeros(count + p, labels.ncols());
        for first in (0..n).step_by(BLOCK) {
            let rows = BLOCK.min(n - first);
            let h = inputs.as_ref().subrows(first, rows);
            let mut block = Mat::<f64>::zeros(rows, count + p);
            product::matmul_into(block.as_mut().subcols_mut(0, count), h, candidates.as_ref());
            for j in 0..count {
                block.col_as_slice_mut(j).iter_mut().for_each(|t| *t = t.max(0.0));
            }
            block.as_mut().subcols_mut(count, p).copy_from(h);
            product::matmul_add(gram.as_mut(), 1.0, block.transpose(), block.as_ref());
            product::matmul_add(cross.as_mut(), 1.0, block.transpose(), labels.as_ref().subrows(first, rows));
        }
        // f(−t) = f(t) − t, and t is linear in the inputs.
        let mut signed = Mat::<f64>::zeros(count + p, 2 * count);
        for i in 0..count {
            signed[(i, 2 * i)] = 1.0;
            signed[(i, 2 * i + 1)] = 1.0;
            for j in 0..p {
                signed[(count + j, 2 * i + 1)] = -candidates[(j, i)];
            }
        }
        let cross = product::matmul(signed.transpose(), cross.as_ref());
        let half = product::matmul(gram.as_ref(), signed.as_ref());
        Table {
            gram: product::matmul(signed.transpose(), half.as_ref()),
            common: product::matmul(cross.as_ref(), cross.transpose()),
        }
    }

    /// The squared norm that a regression on these candidates explains.
    fn explained(&self, subset: &[usize]) -> f64 {
        let k = subset.len();
        let mut gram = [[0.0f64; MAX_WIDTH]; MAX_WIDTH];
        let mut common = [[0.0f64; MAX_WIDTH]; MAX_WIDTH];
        for i in 0..k {
            for j in 0..k {
                gram[i][j] = self.gram[(subset[i], subset[j])];
                common[i][j] = self.common[(subset[i], subset[j])];
            }
        }
        // Gram-Schmidt in products: what is left of the later candidates without candidate p.
        let mut sum = 0.0;
        for p in 0..k {
            let own = gram[p][p];
            if own <= DEPENDENT * self.gram[(subset[p], subset[p])] {
                continue;
            }
            sum += common[p][p] / own;
            let share: [f64; MAX_WIDTH] = std::array::from_fn(|i| gram[i][p] / own);
            let (gram_p, common_p) = (gram[p], common[p]);
            for i in p + 1..k {
                for j in p + 1..k {
                    gram[i][j] -= share[i] * gram_p[j];
                    common[i][j] +=
                        share[i] * share[j] * common_p[p] - share[i] * common_p[j] - share[j] * common_p[i];
                }
            }
        }
        sum
    }

    /// The subset of `k` signed candidates that explains most.
    ///
    /// All subsets for k ≤ 2; beyond, all of the first 64 (k = 3) or 32 (k = 4) candidates, then exchanges of single members with any
    /// candidate while that helps.
    pub(super) fn best(&self, k: usize) -> Vec<usize> {
        let signed = self.gram.nrows();
        let limit = EXHAUSTIVE[k - 1].saturating_mul(2).min(signed);
        // The best subset for each first member: distinct starts.
        let mut starts: Vec<(f64, Vec<usize>)> = (0..limit)
            .into_par_iter()
            .filter_map(|first| {
                let mut best: Option<(f64, Vec<usize>)> = None;
                let mut subset: Vec<usize> = (first..first + k).collect();
                while subset[k - 1] < limit {
                    let explained = self.explained(&subset);
                    if best.as_ref().is_none_or(|(most, _)| explained > *most) {
                        best = Some((explained, subset.clone()));
                    }
                    if !advance(&mut subset, limit) {
                        break;
                    }
                }
                best
            })
            .collect();
        starts.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        starts.truncate(if limit < signed { STARTS } else { 1 });
        let improved = starts.into_par_iter().map(|(explained, subset)| self.exchanged(explained, subset));
        let ends: Vec<(f64, Vec<usize>)> = improved.collect();
        let best = ends.into_iter().reduce(|a, b| if b.0 > a.0 { b } else { a });
        best.map_or_else(|| (0..k.min(signed)).collect(), |(_, subset)| subset)
    }

    fn exchanged(&self, mut explained: f64, mut subset: Vec<usize>) -> (f64, Vec<usize>) {
        loop {
            let before = explained;
            for p in 0..subset.len() {
                let mut trial = subset.clone();
                for candidate in 0..self.gram.nrows() {
                    trial[p] = candidate;
                    let value = self.explained(&trial);
                    if value > explained {
                        explained = value;
                        subset[p] = candidate;
                    }
                }
            }
            // Gains at rounding level would never end.
            if explained <= before * (1.0 + DEPENDENT) {
                return (explained, subset);
            }
        }
    }
}

/// The next increasing sequence below `limit` with the same first member; `false` after the last.
fn advance(subset: &mut [usize], limit: usize) -> bool {
    let k = subset.len();
    for p in (1..k).rev() {
        if subset[p] + (k - p) < limit {
            subset[p] += 1;
            for later in p + 1..k {
                subset[later] = subset[later - 1] + 1;
            }
            return true;
        }
    }
    false
}

/// Indices of at most `count` columns that cover all of them, up to sign, as evenly as possible, in the order of their distance from
/// those before (Gonzalez 1985): each initial part covers as evenly. Columns of unit norm; others are left out.
///
/// # Cost
/// 2pN operations for each one chosen.
pub(super) fn cover(columns: &Mat<f64>, count: usize) -> Vec<usize> {
    let usable = |j: &usize| columns.col(*j).norm_l2() > 0.5;
    let mut nearest = vec![-1.0f64; columns.ncols()];
    let mut chosen = Vec::new();
    let mut next = (0..columns.ncols()).find(usable);
    while let Some(index) = next.filter(|_| chosen.len() < count) {
        chosen.push(index);
        for j in (0..columns.ncols()).filter(usable) {
            let cosine = product::dot(columns.col_as_slice(j), columns.col_as_slice(index)).abs();
            nearest[j] = nearest[j].max(cosine);
        }
        let far = (0..columns.ncols()).filter(usable).min_by(|&a, &b| nearest[a].total_cmp(&nearest[b]));
        next = far.filter(|&j| nearest[j] < 1.0 - DEPENDENT);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::lstsq::RankRevealing;
    use orthant_linalg::{random, tolerance};

    #[test]
    fn what_a_subset_explains_is_what_the_regression_finds() {
        let rng = &mut random::stream(1, "subset", 0);
        let (inputs, candidates) = (random::gaussian(5000, 3, rng), random::gaussian(3, 4, rng));
        let labels = random::gaussian(5000, 2, rng);
        let table = Table::new(&inputs, &candidates, &labels);
        for subset in [vec![0usize], vec![1, 2], vec![7, 3, 4], vec![0, 5, 3, 6]] {
            let design = Mat::from_fn(5000, subset.len(), |q, i| {
                let sign = if subset[i].is_multiple_of(2) { 1.0 } else { -1.0 };
                let t: f64 = (0..3).map(|j| inputs[(q, j)] * candidates[(j, subset[i] / 2)]).sum();
                (sign * t).max(0.0)
            });
            let factor = RankRevealing::new(design, tolerance::backward(5000, 4)).expect("finite");
            let left = product::frobenius(factor.complement(labels.as_ref()).as_ref());
            let total = product::frobenius(labels.as_ref()).powi(2);
            assert!((total - left * left - table.explained(&subset)).abs() < 1e-9 * total);
        }
    }

    #[test]
    fn planted_units_are_the_best_subset() {
        for k in 1..=4 {
            let rng = &mut random::stream(2, "subset", k as u64);
            let inputs = random::gaussian(3000, 4, rng);
            let mut candidates = random::gaussian(4, 40, rng);
            for j in 0..40 {
                let norm = candidates.col(j).norm_l2();
                candidates.col_as_slice_mut(j).iter_mut().for_each(|c| *c /= norm);
            }
            let planted: Vec<usize> = (0..k).map(|i| 17 * i % 80).collect();
            let labels = Mat::from_fn(3000, k, |q, i| {
                let sign = if planted[i].is_multiple_of(2) { 1.0 } else { -1.0 };
                let t: f64 = (0..4).map(|j| inputs[(q, j)] * candidates[(j, planted[i] / 2)]).sum();
                (sign * t).max(0.0)
            });
            let mut found = Table::new(&inputs, &candidates, &labels).best(k);
            found.sort_unstable();
            let mut expected = planted;
            expected.sort_unstable();
            assert_eq!(found, expected, "k = {k}");
        }
    }

    #[test]
    fn a_cover_leaves_out_repetitions_and_zeros() {
        let columns = Mat::from_fn(2, 5, |i, j| match j {
            0 => 0.0,
            1 | 3 => f64::from(u8::from(i == 0)),
            4 => -f64::from(u8::from(i == 0)),
            _ => f64::from(u8::from(i == 1)),
        });
        assert_eq!(cover(&columns, 10), vec![1, 2]);
        assert_eq!(cover(&columns, 1), vec![1]);
    }
}
