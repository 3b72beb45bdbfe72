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

/// Numbers of at most so many bits, up to 200: the low bits of five normal numbers each, which are close to uniform.
fn uniform(p: usize, q: usize, bits: usize, label: &str) -> IntegerMatrix {
    let words = random::gaussian(p, 5 * q, &mut random::stream(SEED, label, bits as u64));
    IntegerMatrix::from_fn(p, q, |i, j| {
        let word = |l: usize| Integer::from((words[(i, 5 * j + l)] * 2f64.powi(51)) as i64 % (1 << 48));
        let all = (0..5).fold(Integer::ZERO, |sum, l| (sum << 48) + word(l));
        all >> (240 - bits)
    })
}

/// Square systems with s right-hand sides, and null spaces of dimension 1 of tall matrices, as labels have them.
fn systems(c: &mut Criterion) {
    for bits in [8, 53, 200] {
        for n in [4, 8, 12, 16, 20, 24, 32, 40, 100] {
            for s in if n < 100 { vec![1, n] } else { vec![1] } {
                let (a, b) = (uniform(n, n, bits, "a"), uniform(n, s, bits, "b"));
                let size = format!("n={n},s={s},bits={bits}");
                let expected = dixon::solve(&a, &b, &mut go_on);
                assert!(expected.is_ok());
                let right = |x: &_| *x == expected;
                let bareiss = || bareiss::solve(&a, &b, &mut go_on);
                if n < 100 {
                    checked(c, &format!("rational/bareiss/solve/{size}"), bareiss, right);
                }
                let dixon = || dixon::solve(&a, &b, &mut go_on);
                checked(c, &format!("rational/dixon/solve/{size}"), dixon, right);
                let by_size = || rational::solve(&a, &b, &mut go_on);
                checked(c, &format!("rational/solve/{size}"), by_size, right);
            }
        }
    }
    for (k, n) in [(10, 40), (20, 80), (40, 200)] {
        // The last column is the sum of the others.
        let left = uniform(n, k, 53, "a");
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
        let a = uniform(n, n, 53, "a");
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
        let a = uniform(p, q, 53, "a");
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

criterion_group!(name = benches; config = timing(200); targets = systems, eliminations, scalings);
criterion_main!(benches);
