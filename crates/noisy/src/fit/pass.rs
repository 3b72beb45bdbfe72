//! A pass over the samples: sums over blocks of columns, in an order that depends on nothing but their number.

use std::ops::Range;

use rayon::prelude::*;

/// Columns of a block. Its values before and after the activation stay in the cache for networks of some hundred units.
pub(crate) const BLOCK: usize = 512;

/// Sums that are carried side by side and added in order at the end. There is a fixed number of them: what a pass stores does
/// not depend on the number of samples, and its result does not depend on the number of threads.
pub(crate) const GROUPS: usize = 16;

/// Sums over all blocks of `n` columns, with `groups` partial sums of consecutive blocks.
///
/// `new` makes an empty sum with the workspace of a block, `add` adds the columns of one block, `merge` adds a later sum to an
/// earlier one.
pub(crate) fn sum<S: Send>(
    n: usize,
    groups: usize,
    new: impl Fn() -> S + Sync,
    add: impl Fn(&mut S, Range<usize>) + Sync,
    merge: impl Fn(&mut S, S),
) -> S {
    let blocks = n.div_ceil(BLOCK);
    let groups = groups.min(blocks).max(1);
    let sums: Vec<S> = (0..groups)
        .into_par_iter()
        .map(|group| {
            let mut sum = new();
            for block in group * blocks / groups..(group + 1) * blocks / groups {
                add(&mut sum, block * BLOCK..n.min((block + 1) * BLOCK));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_visited_once() {
        for n in [1, BLOCK, BLOCK + 1, 40 * BLOCK - 3] {
            let visits = sum(
                n,
                GROUPS,
                Vec::new,
                |seen: &mut Vec<usize>, columns| seen.extend(columns),
                |seen, later| seen.extend(later),
            );
            assert!(visits.into_iter().eq(0..n));
        }
    }
}
