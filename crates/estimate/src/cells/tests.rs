use std::collections::HashSet;

use orthant_linalg::random;
use orthant_testkit::strategy::config;
use proptest::prelude::*;

use super::*;

/// Rows of integers as a matrix.
fn matrix(rows: &[Vec<i64>], k: usize) -> Mat<f64> {
    Mat::from_fn(rows.len(), k, |j, i| rows[j][i] as f64)
}

/// A row divided by the greatest common divisor of its entries, its first non-zero entry positive; `None` for zero.
fn primitive(row: &[i128]) -> Option<Vec<i128>> {
    let gcd = |mut a: i128, mut b: i128| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a.abs()
    };
    let divisor = row.iter().fold(0, |g, &x| gcd(g, x));
    let sign = row.iter().find(|&&x| x != 0)?.signum();
    Some(row.iter().map(|x| x / divisor * sign).collect())
}

fn distinct(rows: impl Iterator<Item = Vec<i128>>) -> Vec<Vec<i128>> {
    let mut all: Vec<_> = rows.filter_map(|row| primitive(&row)).collect();
    all.sort();
    all.dedup();
    all
}

/// The number of cells by deletion and restriction (Zaslavsky 1975), in integers.
fn n_regions(rows: Vec<Vec<i128>>) -> u64 {
    let mut rows = distinct(rows.into_iter());
    let mut count = 1;
    while let Some(plane) = rows.pop() {
        let pivot = plane.iter().position(|&x| x != 0).expect("rows are not zero");
        let restricted = rows.iter().map(|row| {
            let mut row: Vec<i128> =
                row.iter().zip(&plane).map(|(x, h)| plane[pivot] * x - row[pivot] * h).collect();
            row.remove(pivot);
            row
        });
        count += n_regions(distinct(restricted));
    }
    count
}

fn exact_count(rows: &[Vec<i64>]) -> u64 {
    n_regions(rows.iter().map(|row| row.iter().map(|&x| i128::from(x)).collect()).collect())
}

/// Every pattern, after checking that it is that of its interior point with room to spare.
fn patterns(q: MatRef<'_, f64>) -> Vec<SignPattern> {
    let arrangement = Arrangement::new(q, 0.0).expect("finite");
    let mut all = Vec::new();
    let flow = arrangement.visit(|cell| -> ControlFlow<()> {
        let w = cell.interior();
        let size = product::norm(w);
        for j in 0..q.nrows() {
            let value: f64 = (0..q.ncols()).map(|i| q[(j, i)] * w[i]).sum();
            let room = tolerance::backward(q.nrows(), q.ncols()) * size * q.row(j).norm_l2();
            if q.row(j).norm_l2() == 0.0 {
                assert!(!cell.is_active(j), "a zero row is active");
            } else {
                assert!(value.abs() > room, "row {j} is {value} at the interior point");
                assert_eq!(cell.is_active(j), value > 0.0, "row {j} has the wrong sign");
            }
        }
        all.push(cell.pattern());
        ControlFlow::Continue(())
    });
    assert_eq!(flow, ControlFlow::Continue(()));
    assert_eq!(arrangement.count(), all.len() as u64);
    all
}

fn assert_each_once(patterns: &[SignPattern]) {
    let set: HashSet<&SignPattern> = patterns.iter().collect();
    assert_eq!(set.len(), patterns.len(), "a pattern came twice");
}

#[test]
fn generic_arrangements_have_the_generic_number_of_cells() {
    for (k, sizes) in
        [(1, vec![1, 5]), (2, vec![2, 3, 17, 60, 100]), (3, vec![3, 10, 40, 70]), (4, vec![4, 12, 30])]
    {
        for n in sizes {
            for seed in 0..10 {
                let q = random::orthonormal(n, k, &mut random::stream(seed, "cells", n as u64));
                let all = patterns(q.as_ref());
                assert_eq!(all.len() as u64, n_patterns_generic(n, k), "n = {n}, k = {k}, seed {seed}");
                assert_each_once(&all);
            }
        }
    }
}

#[test]
fn generic_numbers_are_those_of_the_formula() {
    assert_eq!(n_patterns_generic(60, 2), 120);
    assert_eq!(n_patterns_generic(40, 3), 2 * (1 + 39 + 39 * 19));
    assert_eq!(n_patterns_generic(30, 4), 2 * (1 + 29 + 29 * 14 + 29 * 14 * 9));
    // Fewer hyperplanes than dimensions: every sign vector.
    assert_eq!(n_patterns_generic(5, 9), 32);
    assert_eq!((n_patterns_generic(0, 3), n_patterns_generic(3, 0)), (1, 1));
    assert_eq!((n_patterns_generic(63, 63), n_patterns_generic(64, 64)), (1 << 63, u64::MAX));
    assert_eq!(n_patterns_generic(1000, 500), u64::MAX);
}

#[test]
fn reflection_arrangements_have_as_many_cells_as_their_groups_elements() {
    // All w_a = w_b in R⁴, with the common direction spanned by nothing: 4! cells. All w_a = ± w_b and w_a = 0: 2⁴ · 4! cells.
    let unit = |a: usize, b: usize, sign: i64| {
        (0..4).map(|i| i64::from(i == a) + sign * i64::from(i == b)).collect::<Vec<_>>()
    };
    let pairs = || (0..4).flat_map(|a| (0..a).map(move |b| (a, b)));
    let mut rows: Vec<Vec<i64>> = pairs().map(|(a, b)| unit(a, b, -1)).collect();
    let arrangement = Arrangement::new(matrix(&rows, 4).as_ref(), 0.0).expect("finite");
    assert_eq!((arrangement.rank(), arrangement.count()), (3, 24));
    rows.extend(pairs().map(|(a, b)| unit(a, b, 1)));
    rows.extend((0..4).map(|a| unit(a, a, 0)));
    let all = patterns(matrix(&rows, 4).as_ref());
    assert_eq!(all.len(), 384);
    assert_each_once(&all);
}

#[test]
fn repeated_opposite_and_zero_rows_share_their_hyperplanes() {
    let q = random::gaussian(12, 3, &mut random::stream(0, "cells", 0));
    let repeated = Mat::from_fn(60, 3, |j, i| [1.0, -0.3, 0.0, 7.0, -1.0][j / 12] * q[(j % 12, i)]);
    let arrangement = Arrangement::new(repeated.as_ref(), 0.0).expect("finite");
    assert_eq!((arrangement.n_hyperplanes(), arrangement.rank()), (12, 3));
    let all = patterns(repeated.as_ref());
    assert_eq!(all.len() as u64, n_patterns_generic(12, 3));
    assert_each_once(&all);
}

#[test]
fn without_a_hyperplane_there_is_one_cell() {
    for (n, k) in [(0, 0), (0, 2), (3, 2), (3, 0)] {
        let arrangement = Arrangement::new(Mat::zeros(n, k).as_ref(), 0.0).expect("finite");
        let mut cells = 0;
        let flow = arrangement.visit(|cell| -> ControlFlow<()> {
            cells += 1;
            assert_eq!(cell.pattern().n_active(), 0);
            ControlFlow::Continue(())
        });
        assert_eq!((flow, cells, arrangement.count()), (ControlFlow::Continue(()), 1, 1));
    }
}

#[test]
fn rows_known_to_an_error_share_hyperplanes_within_it() {
    // Twelve hyperplanes, each met by five rows that are off by about 10⁻⁹ relative to the largest, and twelve rows of that size.
    let rng = &mut random::stream(1, "cells", 0);
    let (q, noise) = (random::orthonormal(12, 3, rng), random::gaussian(72, 3, rng));
    let noisy = Mat::from_fn(72, 3, |j, i| {
        let exact = if j < 60 { q[(j % 12, i)] } else { 0.0 };
        exact + 1e-10 * noise[(j, i)]
    });
    let blurred = Arrangement::new(noisy.as_ref(), 1e-8).expect("finite");
    assert_eq!((blurred.n_hyperplanes(), blurred.count()), (12, n_patterns_generic(12, 3)));
    let sharp = Arrangement::new(noisy.as_ref(), 0.0).expect("finite");
    assert_eq!(sharp.n_hyperplanes(), 72);
}

#[test]
fn breaking_stops_the_visit() {
    let q = random::orthonormal(30, 3, &mut random::stream(2, "cells", 0));
    let arrangement = Arrangement::new(q.as_ref(), 0.0).expect("finite");
    let mut seen = 0;
    let flow = arrangement.visit(|_| {
        seen += 1;
        if seen == 7 { ControlFlow::Break(seen) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((flow, seen), (ControlFlow::Break(7), 7));
}

fn integer_rows() -> impl Strategy<Value = (usize, Vec<Vec<i64>>)> {
    (1usize..5, 1i64..4).prop_flat_map(|(k, size)| {
        let row = prop::collection::vec(-size..=size, k);
        let longest = [40, 40, 26, 16][k - 1];
        prop::collection::vec(row, 0..longest).prop_map(move |rows| (k, rows))
    })
}

proptest! {
    #![proptest_config(config(300))]

    /// Zaslavsky's theorem, on arrangements in which many hyperplanes meet in many subspaces.
    #[test]
    fn integer_arrangements_have_as_many_cells_as_deletion_and_restriction_count((k, rows) in integer_rows()) {
        let q = matrix(&rows, k);
        let all = patterns(q.as_ref());
        prop_assert_eq!(all.len() as u64, exact_count(&rows));
        assert_each_once(&all);
    }

    /// Errors of a hundredth of the bound, which corners of integer hyperplanes do not amplify beyond it, leave every tie a tie, and every cell of small integers a cell.
    #[test]
    fn errors_within_the_bound_change_no_count((k, rows) in integer_rows(), exponent in 6i32..15) {
        let (error, exact) = (10f64.powi(-exponent), matrix(&rows, k));
        let noise = random::gaussian(rows.len(), k, &mut random::stream(0, "cells", rows.len() as u64));
        let largest = rows.iter().map(|row| row.iter().map(|x| (x * x) as f64).sum::<f64>().sqrt()).fold(0.0, f64::max);
        let noisy = Mat::from_fn(rows.len(), k, |j, i| exact[(j, i)] + 0.01 * error * largest * noise[(j, i)]);
        let arrangement = Arrangement::new(noisy.as_ref(), error).expect("finite");
        prop_assert_eq!(arrangement.count(), exact_count(&rows));
    }

    /// The basis is a matter of taste: orthonormal coordinates of the same space have the same patterns.
    #[test]
    fn patterns_are_those_of_the_space_and_not_of_its_basis((k, rows) in integer_rows()) {
        let q = matrix(&rows, k);
        let basis = spectrum::column_space(q.as_ref(), 1e-9).expect("finite");
        let sorted = |q: MatRef<'_, f64>| {
            // In another basis zero rows are zero to rounding only.
            let arrangement = Arrangement::new(q, 1e-12).expect("finite");
            let mut all: Vec<Vec<u64>> = Vec::new();
            let _ = arrangement.visit(|cell| -> ControlFlow<()> {
                all.push(cell.bits().to_vec());
                ControlFlow::Continue(())
            });
            all.sort();
            all
        };
        prop_assert_eq!(sorted(q.as_ref()), sorted(basis.as_ref()));
    }
}
