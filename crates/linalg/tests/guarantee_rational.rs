//! Exact linear algebra: elimination, lifting and the choice between them give the same answers, which are right.

use std::ops::ControlFlow;

use orthant_linalg::rational::modular::{self, PrimeField};
use orthant_linalg::rational::{
    self, Integer, IntegerMatrix, Rational, RationalError, RationalVector, bareiss, dixon,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn go_on() -> ControlFlow<()> {
    ControlFlow::Continue(())
}

type Solver = fn(&IntegerMatrix, &IntegerMatrix) -> Result<Vec<RationalVector>, RationalError>;
type Kernel = fn(&IntegerMatrix) -> Result<Vec<Vec<Integer>>, RationalError>;

const SOLVERS: [(&str, Solver); 3] = [
    ("elimination", |a, b| bareiss::solve(a, b, &mut go_on)),
    ("lifting", |a, b| dixon::solve(a, b, &mut go_on)),
    ("by size", |a, b| rational::solve(a, b, &mut go_on)),
];

const KERNELS: [(&str, Kernel); 3] = [
    ("elimination", |a| bareiss::null_space(a, &mut go_on)),
    ("lifting", |a| dixon::null_space(a, &mut go_on)),
    ("by size", |a| rational::null_space(a, &mut go_on)),
];

/// Gauss and Jordan's elimination on fractions: the reduced row echelon form and the columns of its pivots.
fn reduced_echelon(a: &IntegerMatrix) -> (Vec<Vec<Rational>>, Vec<usize>) {
    let mut rows: Vec<Vec<Rational>> =
        (0..a.nrows()).map(|i| a.row(i).iter().cloned().map(Rational::from).collect()).collect();
    let mut pivots = Vec::new();
    for col in 0..a.ncols() {
        let done = pivots.len();
        let Some(at) = (done..rows.len()).find(|&i| !rows[i][col].is_zero()) else { continue };
        rows.swap(at, done);
        let pivot = rows[done][col].clone();
        rows[done].iter_mut().for_each(|x| *x /= &pivot);
        let row = rows[done].clone();
        for (i, other) in rows.iter_mut().enumerate() {
            let head = other[col].clone();
            if i != done && !head.is_zero() {
                other.iter_mut().zip(&row).for_each(|(x, y)| *x -= &head * y);
            }
        }
        pivots.push(col);
    }
    (rows, pivots)
}

/// The null space by [`reduced_echelon`]; each vector has 1 in its free column.
fn naive_null_space(a: &IntegerMatrix) -> Vec<Vec<Rational>> {
    let (rows, pivots) = reduced_echelon(a);
    (0..a.ncols())
        .filter(|free| !pivots.contains(free))
        .map(|free| {
            let mut vector = vec![Rational::ZERO; a.ncols()];
            vector[free] = Rational::ONE;
            for (&col, row) in pivots.iter().zip(&rows) {
                vector[col] = -row[free].clone();
            }
            vector
        })
        .collect()
}

/// Whether a vector is a positive or negative multiple of another, in the normal form: coprime, first entry positive.
fn is_normal_form_of(vector: &[Integer], other: &[Rational]) -> bool {
    let gcd = vector.iter().fold(Integer::ZERO, |gcd, x| if x.is_zero() { gcd } else { greatest(&gcd, x) });
    let first = vector.iter().find(|x| !x.is_zero());
    let at = other.iter().position(|x| !x.is_zero()).expect("a vector of a basis");
    let ratio = Rational::from(vector[at].clone()) / &other[at];
    gcd == Integer::ONE
        && first.is_some_and(|x| x > &Integer::ZERO)
        && vector.iter().zip(other).all(|(x, y)| Rational::from(x.clone()) == y * &ratio)
}

/// Greatest common divisor by Euclid's algorithm.
fn greatest(x: &Integer, y: &Integer) -> Integer {
    let (mut x, mut y) = (x.clone(), y.clone());
    while !y.is_zero() {
        (x, y) = (y.clone(), x % y);
    }
    if x < Integer::ZERO { -x } else { x }
}

/// An integer of the given bits or fewer, zero in a third of the cases.
fn integer(bits: u32) -> impl Strategy<Value = Integer> {
    prop_oneof![
        1 => Just(Integer::ZERO),
        1 => (-3i64..=3).prop_map(Integer::from),
        1 => (any::<[u64; 4]>(), any::<bool>()).prop_map(move |(words, negative)| {
            let all = words.iter().fold(Integer::ZERO, |sum, &word| (sum << 64) + Integer::from(word));
            let x = all >> (256 - bits) as usize;
            if negative { -x } else { x }
        }),
    ]
}

fn matrix_of(nrows: usize, ncols: usize, bits: u32) -> impl Strategy<Value = IntegerMatrix> {
    proptest::collection::vec(integer(bits), nrows * ncols)
        .prop_map(move |entries| IntegerMatrix::from_fn(nrows, ncols, |i, j| entries[i * ncols + j].clone()))
}

/// A matrix of any shape up to 9 × 9, with entries of up to 200 bits, most of full rank.
fn matrix() -> impl Strategy<Value = IntegerMatrix> {
    (0usize..=9, 0usize..=9, prop_oneof![Just(2u32), Just(53), Just(64), Just(200)])
        .prop_flat_map(|(nrows, ncols, bits)| matrix_of(nrows, ncols, bits))
}

/// A product of two matrices, whose rank is that of the narrower one or less.
fn deficient() -> impl Strategy<Value = IntegerMatrix> {
    (1usize..=9, 1usize..=9, 0usize..=5, prop_oneof![Just(3u32), Just(53)])
        .prop_flat_map(|(m, n, r, bits)| (matrix_of(m, r, bits), matrix_of(r, n, bits)))
        .prop_map(|(left, right)| product(&left, &right))
}

fn product(a: &IntegerMatrix, b: &IntegerMatrix) -> IntegerMatrix {
    let columns: Vec<Vec<Integer>> = (0..b.ncols()).map(|j| a.product_vec(&b.column(j))).collect();
    IntegerMatrix::from_fn(a.nrows(), b.ncols(), |i, j| columns[j][i].clone())
}

fn config() -> ProptestConfig {
    let rng_seed = RngSeed::Fixed(1);
    ProptestConfig { cases: 400, rng_seed, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// The null space and the rank are those of elimination on fractions.
    #[test]
    fn null_spaces_are_those_of_the_reduced_echelon_form(a in prop_oneof![matrix(), deficient()]) {
        let naive = naive_null_space(&a);
        let rank = a.ncols() - naive.len();
        prop_assert_eq!(bareiss::rank(&a, &mut go_on), Ok(rank));
        prop_assert_eq!(rational::rank(&a, &mut go_on), Ok(rank));
        prop_assert_eq!(rational::rank(&a.transpose(), &mut go_on), Ok(rank));
        for (name, kernel) in KERNELS {
            let basis = kernel(&a).expect("not cancelled");
            prop_assert_eq!(basis.len(), naive.len(), "{}", name);
            for (vector, naive) in basis.iter().zip(&naive) {
                prop_assert!(is_normal_form_of(vector, naive), "{}: {:?} for {:?}", name, vector, naive);
            }
        }
    }

    /// A right-hand side that is made from a solution gives it back, whatever the shape; with dependent columns there is the error.
    #[test]
    fn solutions_come_back(a in prop_oneof![3 => matrix(), 1 => deficient()], numerators in proptest::collection::vec(integer(80), 18)) {
        let n = a.ncols();
        let x = IntegerMatrix::from_fn(n, 2, |i, j| numerators[2 * i + j].clone());
        let b = product(&a, &x);
        let rank = a.ncols() - naive_null_space(&a).len();
        // A system that is a multiple of 6 has a solution of a sixth.
        let six = IntegerMatrix::from_fn(a.nrows(), n, |i, j| a.get(i, j) * Integer::from(6));
        for (name, solve) in SOLVERS {
            let found = solve(&six, &b);
            if rank < n {
                prop_assert_eq!(found, Err(RationalError::RankDeficient { rank, columns: n }), "{}", name);
                continue;
            }
            let expected: Vec<RationalVector> =
                (0..2).map(|s| RationalVector::new(x.column(s), Integer::from(6))).collect();
            prop_assert_eq!(found, Ok(expected), "{}", name);
        }
    }

    /// One equation changed in an overdetermined system of full rank: no solver finds a solution unless there is one.
    #[test]
    fn contradictions_are_found((a, x, row) in (1usize..=6).prop_flat_map(|n| (matrix_of(n + 3, n, 53), matrix_of(n, 1, 53), 0..n + 3))) {
        let mut b = product(&a, &x);
        b.set(row, 0, b.get(row, 0) + Integer::ONE);
        let rank = |a: &IntegerMatrix| a.ncols() - naive_null_space(a).len();
        let both = IntegerMatrix::from_fn(a.nrows(), a.ncols() + 1, |i, j| {
            if j < a.ncols() { a.get(i, j).clone() } else { b.get(i, 0).clone() }
        });
        let solvable = rank(&both) == rank(&a);
        for (name, solve) in SOLVERS {
            match solve(&a, &b) {
                Ok(found) => {
                    prop_assert!(solvable && rank(&a) == a.ncols(), "{}", name);
                    let right: Vec<Integer> = b.column(0).iter().map(|b| b * found[0].denominator()).collect();
                    prop_assert_eq!(a.product_vec(found[0].numerators()), right, "{}", name);
                }
                Err(RationalError::RankDeficient { .. }) => prop_assert!(rank(&a) < a.ncols(), "{}", name),
                Err(RationalError::Inconsistent { .. }) => prop_assert!(!solvable, "{}", name),
                Err(other) => prop_assert!(false, "{}: {:?}", name, other),
            }
        }
    }

    /// det(AB) = det(A) det(B), and a determinant is that of the transpose.
    #[test]
    fn determinants_multiply((a, b) in (0usize..=7).prop_flat_map(|n| (matrix_of(n, n, 60), matrix_of(n, n, 60)))) {
        let det = |a: &IntegerMatrix| bareiss::determinant(a, &mut go_on).expect("square");
        prop_assert_eq!(det(&product(&a, &b)), det(&a) * det(&b));
        prop_assert_eq!(det(&a.transpose()), det(&a));
        prop_assert_eq!(det(&a).is_zero(), !naive_null_space(&a).is_empty());
    }
}

/// Determinants that are known: Vandermonde's, and of the Hilbert matrix 1 / det = 1, 12, 2160, 6048000, 266716800000.
#[test]
fn known_determinants() {
    let nodes = [3i64, -1, 7, 10, 1 << 40];
    let vandermonde =
        IntegerMatrix::from_fn(5, 5, |i, j| (0..j).map(|_| Integer::from(nodes[i])).product::<Integer>());
    let mut expected = Integer::ONE;
    for i in 0..5 {
        for j in 0..i {
            expected *= Integer::from(nodes[i] - nodes[j]);
        }
    }
    assert_eq!(bareiss::determinant(&vandermonde, &mut go_on), Ok(expected));
    for (n, inverse) in [(0usize, 1u64), (1, 1), (2, 12), (3, 2160), (4, 6_048_000), (5, 266_716_800_000)] {
        // 2520 is a multiple of all denominators.
        let hilbert = IntegerMatrix::from_fn(n, n, |i, j| Integer::from(2520 / (i + j + 1)));
        let det = bareiss::determinant(&hilbert, &mut go_on).expect("square");
        assert_eq!(det * Integer::from(inverse), Integer::from(2520).pow(n), "n = {n}");
    }
    let odd = IntegerMatrix::from_fn(3, 3, |i, j| Integer::from((i + j) % 3 == 1));
    assert_eq!(bareiss::determinant(&odd, &mut go_on), Ok(Integer::NEG_ONE));
    let wide = IntegerMatrix::zeros(2, 3);
    let shape = Err(RationalError::Shape { what: "square matrix", expected: 2, found: 3 });
    assert_eq!(bareiss::determinant(&wide, &mut go_on), shape);
}

/// Matrices that lose rank modulo the first primes that are tried.
#[test]
fn primes_that_hide_the_rank_are_passed_over() {
    let p = PrimeField::largest();
    let q = p.next_smaller().expect("there are smaller primes");
    let both = Integer::from(p.modulus()) * Integer::from(q.modulus());
    let a =
        IntegerMatrix::from_fn(3, 3, |i, j| Integer::from([[2, 1, 0], [1, 3, 1], [0, 1, 5]][i][j]) * &both);
    assert_eq!(modular::rank_profile(&a, p, &mut go_on).expect("not cancelled").rank, 0);
    assert_eq!(modular::rank_profile(&a, q, &mut go_on).expect("not cancelled").rank, 0);
    let x = [Integer::from(4), Integer::from(-1), Integer::from(2)];
    let b = IntegerMatrix::from_column(a.product_vec(&x));
    for (name, solve) in SOLVERS {
        assert_eq!(solve(&a, &b), Ok(vec![RationalVector::new(x.to_vec(), Integer::ONE)]), "{name}");
    }
    assert_eq!(rational::rank(&a, &mut go_on), Ok(3));
    // Modulo p the second column depends on the first, but the rank is 2 all the same: the first independent columns are others.
    let shifted = IntegerMatrix::from_fn(2, 4, |i, j| match (i, j) {
        (1, 0) => Integer::ZERO,
        (1, 1) => both.clone(),
        (1, 3) => Integer::from(2),
        _ => Integer::ONE,
    });
    assert_eq!(modular::rank_profile(&shifted, p, &mut go_on).expect("not cancelled").columns, [0, 2]);
    let naive = naive_null_space(&shifted);
    for (name, kernel) in KERNELS {
        let basis = kernel(&shifted).expect("not cancelled");
        assert_eq!(basis.len(), naive.len(), "{name}");
        for (vector, naive) in basis.iter().zip(&naive) {
            assert!(is_normal_form_of(vector, naive), "{name}: {vector:?} for {naive:?}");
        }
    }
}

/// Systems larger than the size at which the ways part, with entries of 10 to 200 bits.
#[test]
fn elimination_and_lifting_agree_on_larger_systems() {
    for (case, (n, bits)) in [(15, 200), (24, 53), (30, 10)].into_iter().enumerate() {
        let mut state = case as u64;
        let mut random = || {
            // Knuth's linear congruential generator; the high bits are the random ones.
            let words = (0..4).map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state >> 8
            });
            let all = words.fold(Integer::ZERO, |sum, word| (sum << 56) + Integer::from(word));
            (all >> (224 - bits)) - (Integer::ONE << (bits - 1))
        };
        let a = IntegerMatrix::from_fn(n, n, |_, _| random());
        let b = IntegerMatrix::from_fn(n, 2, |_, _| random());
        let eliminated = bareiss::solve(&a, &b, &mut go_on).expect("random matrices are not singular");
        assert_eq!(dixon::solve(&a, &b, &mut go_on).expect("the same"), eliminated);
        assert_eq!(rational::solve(&a, &b, &mut go_on).expect("the same"), eliminated);
        // Rank n − 1 with more columns than rows, as labels have.
        let wide = IntegerMatrix::from_fn(n, 3 * n, |i, j| {
            let of = |i: usize| a.get(i, j % n) + Integer::from(j * j) * a.get(i, (j * 7 + 1) % n);
            if i == 0 { (1..n).map(|i| of(i) * Integer::from(i)).sum() } else { of(i) }
        });
        let left = wide.transpose();
        let basis = bareiss::null_space(&left, &mut go_on).expect("not cancelled");
        let expected: Vec<Integer> =
            (0..n).map(|i| if i == 0 { Integer::ONE } else { -Integer::from(i) }).collect();
        assert_eq!(basis, [expected]);
        assert_eq!(dixon::null_space(&left, &mut go_on), Ok(basis.clone()));
        assert_eq!(rational::null_space(&left, &mut go_on), Ok(basis));
        assert_eq!(rational::rank(&wide, &mut go_on), Ok(n - 1));
    }
}

/// Each entry and each right-hand side brings a denominator of its own, and none divides another.
#[test]
fn denominators_that_differ_are_all_found() {
    let primes = [2u32, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71];
    let n = primes.len();
    let a =
        IntegerMatrix::from_fn(n, n, |i, j| if i == j { Integer::from(primes[i]) } else { Integer::ZERO });
    // Unit vectors, last first, and the vector of ones.
    let b = IntegerMatrix::from_fn(n, n + 1, |i, s| Integer::from(s == n || i + s + 1 == n));
    let product: Integer = primes.into_iter().map(Integer::from).product();
    for (name, solve) in SOLVERS {
        let found = solve(&a, &b).expect("not singular");
        for (s, x) in found.iter().enumerate() {
            let denominator = if s == n { product.clone() } else { Integer::from(primes[n - 1 - s]) };
            assert_eq!(x.denominator(), &denominator, "{name}");
            for (i, value) in x.to_rationals().into_iter().enumerate() {
                let expected = Rational::from(b.get(i, s).clone()) / Rational::from(primes[i]);
                assert_eq!(value, expected, "{name}");
            }
        }
    }
}

/// Shapes without rows or columns have answers; sizes that do not fit have errors.
#[test]
fn hostile_shapes() {
    let tall = IntegerMatrix::zeros(3, 0);
    let wide = IntegerMatrix::zeros(0, 2);
    let unit = |j: usize| (0..2).map(|i| Integer::from(i == j)).collect::<Vec<_>>();
    for (name, kernel) in KERNELS {
        assert_eq!(kernel(&tall), Ok(vec![]), "{name}");
        assert_eq!(kernel(&wide), Ok(vec![unit(0), unit(1)]), "{name}");
        assert_eq!(kernel(&IntegerMatrix::zeros(3, 2)), Ok(vec![unit(0), unit(1)]), "{name}");
    }
    let empty = RationalVector::new(vec![], Integer::ONE);
    for (name, solve) in SOLVERS {
        assert_eq!(solve(&tall, &IntegerMatrix::zeros(3, 1)), Ok(vec![empty.clone()]), "{name}");
        assert_eq!(solve(&tall, &IntegerMatrix::zeros(3, 0)), Ok(vec![]), "{name}");
        let one = IntegerMatrix::from_column(vec![Integer::ZERO, Integer::ONE, Integer::ZERO]);
        assert_eq!(solve(&tall, &one), Err(RationalError::Inconsistent { row: 1 }), "{name}");
        let deficient = Err(RationalError::RankDeficient { rank: 0, columns: 2 });
        assert_eq!(solve(&wide, &IntegerMatrix::zeros(0, 1)), deficient, "{name}");
        let shape = RationalError::Shape { what: "right-hand side", expected: 3, found: 2 };
        assert_eq!(solve(&tall, &IntegerMatrix::zeros(2, 1)), Err(shape), "{name}");
    }
    for a in [tall, wide] {
        assert_eq!(rational::rank(&a, &mut go_on), Ok(0));
        assert_eq!(bareiss::rank(&a, &mut go_on), Ok(0));
    }
}

/// Wherever it is stopped, a computation says so.
#[test]
fn computations_can_be_cancelled() {
    let n = 14;
    let a = IntegerMatrix::from_fn(n, n, |i, j| Integer::from((i * i + 3) * (j + 2) % 101));
    let b = IntegerMatrix::from_column((0..n).map(Integer::from).collect());
    type Run<'a> = &'a dyn Fn(rational::Interrupt<'_>) -> Option<RationalError>;
    let runs: [(&str, Run<'_>); 6] = [
        ("bareiss::solve", &|go| bareiss::solve(&a, &b, go).err()),
        ("bareiss::null_space", &|go| bareiss::null_space(&a, go).err()),
        ("dixon::solve", &|go| dixon::solve(&a, &b, go).err()),
        ("dixon::null_space", &|go| dixon::null_space(&a, go).err()),
        ("rational::rank", &|go| rational::rank(&a, go).err()),
        ("bareiss::determinant", &|go| bareiss::determinant(&a, go).err()),
    ];
    for (name, run) in runs {
        let mut asked = 0;
        let whole = run(&mut || {
            asked += 1;
            ControlFlow::Continue(())
        });
        assert_ne!(whole, Some(RationalError::Cancelled), "{name}");
        assert!(asked >= n, "{name} asked {asked} times");
        for stop in 0..asked {
            let mut left = stop;
            let stopped = run(&mut || match left {
                0 => ControlFlow::Break(()),
                _ => {
                    left -= 1;
                    ControlFlow::Continue(())
                }
            });
            assert_eq!(stopped, Some(RationalError::Cancelled), "{name} at {stop}");
        }
    }
}
