//! A pass over the samples: sums over blocks of columns, in an order that depends on nothing but their number.

use std::ops::Range;

use orthant_linalg::MatRef;
use orthant_network::Samples;
use rayon::prelude::*;

use super::clipping::Clipping;

/// Columns of a block. Its values before and after the activation stay in the cache for networks of some hundred units.
pub(crate) const BLOCK: usize = 512;

/// Sums that are carried side by side and added in order at the end. There is a fixed number of them: what a pass stores does
/// not depend on the number of samples, and its result does not depend on the number of threads.
pub(crate) const GROUPS: usize = 16;

/// The samples of a pass: every block of them, or one of each `stride`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub samples: Samples<'a>,
    pub clipping: Option<&'a Clipping>,
    /// 1 for all samples.
    pub stride: usize,
}

impl<'a> Source<'a> {
    /// All samples.
    pub fn new(samples: &Samples<'a>, clipping: Option<&'a Clipping>) -> Source<'a> {
        Source { samples: *samples, clipping, stride: 1 }
    }

    /// Number of blocks.
    pub fn blocks(&self) -> usize {
        self.samples.n().div_ceil(BLOCK).div_ceil(self.stride)
    }

    /// Number of samples.
    pub fn n(&self) -> usize {
        (0..self.blocks()).map(|block| self.columns(block).len()).sum()
    }

    fn columns(&self, block: usize) -> Range<usize> {
        let first = block * self.stride * BLOCK;
        first..self.samples.n().min(first + BLOCK)
    }

    /// Inputs and labels of a block.
    pub fn block(&self, block: usize) -> (MatRef<'a, f64>, MatRef<'a, f64>) {
        let columns = self.columns(block);
        let (x, a) = (self.samples.x(), self.samples.a());
        (x.subcols(columns.start, columns.len()), a.subcols(columns.start, columns.len()))
    }

    /// Sums over all blocks, with `groups` partial sums of consecutive blocks.
    ///
    /// `new` makes an empty sum, `work` the workspace of a block with contents that do not matter, `add` adds the inputs and labels of one block, `merge` adds a later
    /// sum to an earlier one.
    pub fn sum<S: Send, W>(
        &self,
        groups: usize,
        new: impl Fn() -> S + Sync,
        work: impl Fn() -> W + Sync,
        add: impl Fn(&mut S, &mut W, MatRef<'a, f64>, MatRef<'a, f64>) + Sync,
        merge: impl Fn(&mut S, S),
    ) -> S {
        let blocks = self.blocks();
        let groups = groups.min(blocks).max(1);
        let sums: Vec<S> = (0..groups)
            .into_par_iter()
            .map_init(&work, |work, group| {
                let mut sum = new();
                for block in group * blocks / groups..(group + 1) * blocks / groups {
                    let (x, a) = self.block(block);
                    add(&mut sum, work, x, a);
                }
                sum
            })
            .collect();
        let mut sums = sums.into_iter();
        let mut total = sums.next().unwrap_or_else(&new);
        for sum in sums {
            merge(&mut total, sum);
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::Mat;

    #[test]
    fn every_column_of_the_chosen_blocks_is_visited_once() {
        for (n, stride) in
            [(1, 1), (BLOCK, 1), (BLOCK + 1, 1), (40 * BLOCK - 3, 1), (40 * BLOCK - 3, 3), (5, 8)]
        {
            let x = Mat::from_fn(1, n, |_, j| j as f64);
            let samples = Samples::new(x.as_ref(), x.as_ref()).expect("finite");
            let source = Source { stride, ..Source::new(&samples, None) };
            let visits = source.sum(
                GROUPS,
                Vec::new,
                || (),
                |seen: &mut Vec<usize>, (), x, _| seen.extend(x.row(0).iter().map(|&v| v as usize)),
                Vec::extend,
            );
            assert!(
                visits.iter().copied().eq((0..n).filter(|j| (j / BLOCK).is_multiple_of(stride))),
                "{n}, {stride}"
            );
            assert_eq!(source.n(), visits.len());
        }
    }
}
