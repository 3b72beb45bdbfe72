//! Pairs x, −x among the samples.

use std::collections::HashMap;

use orthant_linalg::MatRef;

/// Positions of samples that are each other's negatives to the bit, each sample in one pair at most, in the order of their
/// first member. Zero is no pair.
pub(crate) fn antipodal_pairs(x: MatRef<'_, f64>) -> Vec<(usize, usize)> {
    // Adding 0.0 makes −0.0 and 0.0 the same.
    let key =
        |j: usize, sign: f64| -> Vec<u64> { x.col(j).iter().map(|v| (sign * v + 0.0).to_bits()).collect() };
    let mut waiting: HashMap<Vec<u64>, Vec<usize>> = HashMap::new();
    let mut pairs = Vec::new();
    for j in 0..x.ncols() {
        if x.col(j).iter().all(|&v| v == 0.0) {
            continue;
        }
        match waiting.get_mut(&key(j, -1.0)).and_then(Vec::pop) {
            Some(first) => pairs.push((first, j)),
            None => waiting.entry(key(j, 1.0)).or_default().push(j),
        }
    }
    pairs.sort_unstable();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::Mat;

    #[test]
    fn each_sample_is_in_one_pair_at_most() {
        let values = [1.0, 0.0, -1.0, 2.0, -1.0, 1.0, -0.0, 3.0];
        let x = Mat::from_fn(1, values.len(), |_, j| values[j]);
        assert_eq!(antipodal_pairs(x.as_ref()), [(0, 2), (4, 5)]);
        let flat = Mat::from_fn(2, 4, |i, j| [[1.0, -1.0, -1.0, 1.0], [0.0, 0.0, 5.0, -5.0]][i][j]);
        assert_eq!(antipodal_pairs(flat.as_ref()), [(0, 1), (2, 3)]);
    }
}
