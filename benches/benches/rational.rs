//! Exact linear algebra. Matrices are n × n or p × q with uniform entries of so many bits.

use std::ops::ControlFlow;

use criterion::{Criterion, criterion_group, criterion_main};
use orthant::linalg::random;
use orthant::linalg::rational::dyadic::{scale_columns, scale_rational_rows, scale_rows};
use orthant::linalg::rational::modular::{PrimeField, rank_profile};
use orthant::linalg::rational::{self, Integer, IntegerMatrix, Rational, bareiss, dixon};
use orthant_benches::{SEED, checked, timing};

fn go_on() -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Numbers between −2ᵇ and 2ᵇ for b = `bits`, at most 200, each by four normal ones: close enough to uniform for times.
fn uniform(p: usize, q: usize, bits: usize) -> IntegerMatrix {
    let words = random::gaussian(p, 4 * q, &mut random::stream(SEED, "rational", bits as u64));
    IntegerMatrix::from_fn(p, q, |i, j| {
        let word = |l: usize| Integer::from((words[(i, 4 * j + l)] * 2f64.powi(80)) as i128 % (1 << 52));
        let all = (0..4).fold(Integer::ZERO, |sum, l| (sum << 52) + word(l));
        all >> (208 - bits)
    })
}

/// Square systems with one right-hand side, and null spaces of dimension 1 of tall matrices, as labels have them.
fn systems(c: &mut Criterion) {
    for bits in [10, 53, 200] {
        for n in [5, 8, 10, 12, 15, 20, 40, 100] {
            let (a, b) = (uniform(n, n, bits), uniform(n, 1, bits));
            let size = format!("n={n},bits={bits}");
            let expected = dixon::solve(&a, &b, &mut go_on);
            assert!(expected.is_ok());
            let right = |x: &_| *x == expected;
            if n <= 40 {
                checked(
                    c,
                    &format!("rational/bareiss/solve/{size}"),
                    || bareiss::solve(&a, &b, &mut go_on),
                    right,
                );
            }
            checked(c, &format!("rational/dixon/solve/{size}"), || dixon::solve(&a, &b, &mut go_on), right);
            checked(c, &format!("rational/solve/{size}"), || rational::solve(&a, &b, &mut go_on), right);
        }
    }
    for (k, n) in [(10, 40), (20, 80), (40, 200)] {
        // The last column is the sum of the others.
        let left = uniform(n, k, 53);
        let a = IntegerMatrix::from_fn(n, k + 1, |i, j| {
            if j < k { left.get(i, j).clone() } else { left.row(i).iter().sum() }
        });
        let size = format!("p={n},q={},bits=53", k + 1);
        let sum: Vec<Integer> =
            (0..=k).map(|j| if j < k { Integer::ONE } else { Integer::NEG_ONE }).collect();
        let right =
            |basis: &Result<Vec<Vec<Integer>>, _>| basis.as_ref().is_ok_and(|basis| *basis == [sum.clone()]);
        if k < 40 {
            checked(
                c,
                &format!("rational/bareiss/null_space/{size}"),
                || bareiss::null_space(&a, &mut go_on),
                right,
            );
        }
        checked(c, &format!("rational/dixon/null_space/{size}"), || dixon::null_space(&a, &mut go_on), right);
        checked(c, &format!("rational/null_space/{size}"), || rational::null_space(&a, &mut go_on), right);
        checked(c, &format!("rational/rank/{size}"), || rational::rank(&a, &mut go_on), |r| *r == Ok(k));
    }
}

/// Determinants and ranks.
fn eliminations(c: &mut Criterion) {
    for n in [10, 40] {
        let a = uniform(n, n, 53);
        let id = format!("rational/bareiss/determinant/n={n},bits=53");
        checked(
            c,
            &id,
            || bareiss::determinant(&a, &mut go_on),
            |det| det.as_ref().is_ok_and(|det| !det.is_zero()),
        );
    }
    let field = PrimeField::largest();
    for (p, q) in [(100, 100), (450, 456)] {
        let a = uniform(p, q, 53);
        let id = format!("rational/modular/rank_profile/p={p},q={q},bits=53");
        checked(
            c,
            &id,
            || rank_profile(&a, field, &mut go_on),
            |found| found.as_ref().is_ok_and(|profile| profile.rank == p),
        );
    }
}

/// Floating-point numbers and fractions as integers.
fn scalings(c: &mut Criterion) {
    let (p, q) = (40, 400);
    let a = random::gaussian(p, q, &mut random::stream(SEED, "rational", 0));
    let rows: Vec<Vec<Rational>> = (0..p)
        .map(|i| (0..q).map(|j| Rational::try_from(a[(i, j)]).expect("normal numbers are finite")).collect())
        .collect();
    let size = format!("p={p},q={q}");
    let small = |scaled: &Result<rational::dyadic::Scaled, _>| {
        scaled.as_ref().is_ok_and(|s| s.matrix.max_bits() < 100)
    };
    checked(c, &format!("rational/dyadic/scale_rows/{size}"), || scale_rows(a.as_ref(), 200), small);
    checked(c, &format!("rational/dyadic/scale_columns/{size}"), || scale_columns(a.as_ref(), 200), small);
    let id = format!("rational/dyadic/scale_rational_rows/{size}");
    checked(c, &id, || scale_rational_rows(q, &rows, 200), small);
}

criterion_group!(name = benches; config = timing(500); targets = systems, eliminations, scalings);
criterion_main!(benches);
