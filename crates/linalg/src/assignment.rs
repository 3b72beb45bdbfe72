//! Minimum-cost matching of rows to columns.

use faer::MatRef;

/// Matches each row to a different column so that the sum of costs is least: `result[row] = column`.
///
/// # Shapes
/// `cost` is p × q with p ≤ q and finite entries.
///
/// # Panics
/// When p > q.
///
/// # Cost
/// O(p²q) operations: shortest augmenting paths with potentials (Jonker and Volgenant 1987).
pub fn min_cost_assignment(cost: MatRef<'_, f64>) -> Vec<usize> {
    let (rows, cols) = cost.shape();
    assert!(rows <= cols, "{rows} rows cannot be matched to {cols} columns");
    // Index 0 is the virtual column from which each augmenting path starts; real rows and columns count from 1.
    let mut row_potential = vec![0.0; rows + 1];
    let mut col_potential = vec![0.0; cols + 1];
    let mut row_of = vec![0usize; cols + 1];
    for row in 1..=rows {
        row_of[0] = row;
        let mut col = 0;
        let mut slack = vec![f64::INFINITY; cols + 1];
        let mut previous = vec![0usize; cols + 1];
        let mut visited = vec![false; cols + 1];
        while row_of[col] != 0 {
            visited[col] = true;
            let from = row_of[col];
            let (mut next, mut delta) = (0, f64::INFINITY);
            for candidate in 1..=cols {
                if visited[candidate] {
                    continue;
                }
                let reduced =
                    cost[(from - 1, candidate - 1)] - row_potential[from] - col_potential[candidate];
                if reduced < slack[candidate] {
                    slack[candidate] = reduced;
                    previous[candidate] = col;
                }
                if slack[candidate] < delta {
                    (next, delta) = (candidate, slack[candidate]);
                }
            }
            for other in 0..=cols {
                if visited[other] {
                    row_potential[row_of[other]] += delta;
                    col_potential[other] -= delta;
                } else {
                    slack[other] -= delta;
                }
            }
            col = next;
        }
        while col != 0 {
            row_of[col] = row_of[previous[col]];
            col = previous[col];
        }
    }
    let mut result = vec![0; rows];
    for col in 1..=cols {
        if row_of[col] != 0 {
            result[row_of[col] - 1] = col - 1;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    fn best_by_force(cost: MatRef<'_, f64>, row: usize, used: &mut Vec<bool>) -> f64 {
        if row == cost.nrows() {
            return 0.0;
        }
        let mut best = f64::INFINITY;
        for col in 0..cost.ncols() {
            if !used[col] {
                used[col] = true;
                best = best.min(cost[(row, col)] + best_by_force(cost, row + 1, used));
                used[col] = false;
            }
        }
        best
    }

    #[test]
    fn matching_is_as_cheap_as_the_best_of_all() {
        for (index, (rows, cols)) in [(1, 1), (3, 3), (4, 6), (6, 6)].into_iter().enumerate() {
            let cost = random::gaussian(rows, cols, &mut random::stream(2, "assignment", index as u64));
            let matched = min_cost_assignment(cost.as_ref());
            let total: f64 = matched.iter().enumerate().map(|(i, &j)| cost[(i, j)]).sum();
            let best = best_by_force(cost.as_ref(), 0, &mut vec![false; cols]);
            // Both are sums of at most six terms of size a few.
            assert!((total - best).abs() <= 64.0 * f64::EPSILON, "{total} against {best}");
        }
        assert!(min_cost_assignment(faer::Mat::zeros(0, 3).as_ref()).is_empty());
    }
}
