//! Dense kernels. Matrices are p × q with Gaussian entries, or made of such.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use orthant::linalg::cholesky::{Cholesky, add_outer};
use orthant::linalg::lstsq::RankRevealing;
use orthant::linalg::nnls::{NnlsSettings, non_negative};
use orthant::linalg::qr::{Qr, stack_r};
use orthant::linalg::{
    assignment, eigen, least_distance, partial_svd, product, random, spectrum, tolerance, triangular,
};
use orthant::{Mat, MatRef};
use orthant_benches::{SEED, checked, checked_on, timing};

fn gaussian(p: usize, q: usize) -> Mat<f64> {
    random::gaussian(p, q, &mut random::stream(SEED, "linalg", 0))
}

/// |a − b| ≤ `digits lost` · backward error · |b|, in the Frobenius norm.
fn near(a: MatRef<'_, f64>, b: MatRef<'_, f64>, lost: f64) -> bool {
    let rounding = tolerance::backward(a.nrows(), a.ncols());
    product::frobenius((a - b).as_ref()) <= lost * rounding * product::frobenius(b)
}

/// A product with reshaped factors and two passes over n numbers.
fn products(c: &mut Criterion) {
    for (p, q, r) in [(100, 100, 100), (16, 480, 136)] {
        let (a, b) = (gaussian(p, q), gaussian(q, r));
        let entry: f64 = (0..q).map(|i| a[(1, i)] * b[(i, 2)]).sum();
        let size = format!("p={p},q={q},r={r}");
        let mut dst = Mat::zeros(p, r);
        // A sum of q products, each off by rounding of size q ε at most.
        let right = |c: &Mat<f64>| (c[(1, 2)] - entry).abs() <= tolerance::backward(q, q) * q as f64;
        checked(c, &format!("product/matmul/{size}"), || product::matmul(a.as_ref(), b.as_ref()), right);
        product::matmul_into(dst.as_mut(), a.as_ref(), b.as_ref());
        assert!(right(&dst));
        let (id, views) = (format!("product/matmul_into/{size}"), (a.as_ref(), b.as_ref()));
        c.bench_function(&id, |bench| bench.iter(|| product::matmul_into(dst.as_mut(), views.0, views.1)));
        let mut sum = Mat::zeros(p, r);
        product::matmul_add(sum.as_mut(), 1.0, a.as_ref(), b.as_ref());
        assert!(right(&sum));
        let id = format!("product/matmul_add/{size}");
        c.bench_function(&id, |bench| {
            bench.iter(|| product::matmul_add(sum.as_mut(), 1.0, a.as_ref(), b.as_ref()));
        });
        let single = |a: &Mat<f64>| Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] as f32);
        let (a, b, mut dst) = (single(&a), single(&b), Mat::<f32>::zeros(p, r));
        product::matmul_into_single(dst.as_mut(), a.as_ref(), b.as_ref());
        // Rounding of single precision is 2⁻²⁴; 10⁻⁵ q is far above that of a sum of q products.
        assert!((f64::from(dst[(1, 2)]) - entry).abs() <= 1e-5 * q as f64);
        let id = format!("product/matmul_into_single/{size}");
        c.bench_function(&id, |bench| {
            bench.iter(|| product::matmul_into_single(dst.as_mut(), a.as_ref(), b.as_ref()));
        });
    }
    let n = 10_000;
    let a = gaussian(n, 1);
    let column = a.col_as_slice(0);
    let sum: f64 = column.iter().map(|x| x * x).sum();
    let right = |x: &f64| (x - sum).abs() <= tolerance::backward(n, 1) * sum;
    checked(c, &format!("product/dot/n={n}"), || product::dot(black_box(column), column), right);
    let right = |x: &f64| (x * x - sum).abs() <= tolerance::backward(n, 1) * sum;
    checked(c, &format!("product/norm/n={n}"), || product::norm(black_box(column)), right);
    checked(c, &format!("product/frobenius/p={n},q=1"), || product::frobenius(black_box(a.as_ref())), right);
    let power = |x: &f64| product::norm(column) * x <= 1.0 && x.log2().fract() == 0.0;
    checked(
        c,
        &format!("product/normalising_power/p={n},q=1"),
        || product::normalising_power(a.as_ref()),
        power,
    );
}

fn qr(c: &mut Criterion) {
    for (p, q) in [(400, 50), (800, 100)] {
        let a = gaussian(p, q);
        let size = format!("p={p},q={q}");
        let gram = product::matmul(a.transpose(), a.as_ref());
        // A Gram matrix loses the digits of the condition number, here a small one.
        let right =
            |r: &Mat<f64>| near(product::matmul(r.transpose(), r.as_ref()).as_ref(), gram.as_ref(), 10.0);
        checked_on(c, &format!("qr/factor/{size}"), &a, Qr::factor, |qr| right(&qr.r()));
        let factored = Qr::factor(a.clone());
        let orthonormal = |q: &Mat<f64>| {
            near(
                product::matmul(q.transpose(), q.as_ref()).as_ref(),
                Mat::identity(q.ncols(), q.ncols()).as_ref(),
                10.0,
            )
        };
        checked(c, &format!("qr/thin_q/{size}"), || factored.thin_q(), orthonormal);
        let b = gaussian(p, 10);
        let apply = |mut b: Mat<f64>| {
            factored.apply_transpose(b.as_mut());
            b
        };
        let norm = product::frobenius(b.as_ref());
        let kept =
            |b: &Mat<f64>| (product::frobenius(b.as_ref()) - norm).abs() <= tolerance::backward(p, q) * norm;
        checked_on(c, &format!("qr/apply_transpose/{size},s=10"), &b, apply, kept);
        let half = Qr::factor(a.as_ref().subrows(0, p / 2).to_owned()).r();
        let stack = || stack_r(half.as_ref(), a.as_ref().subrows(p / 2, p / 2));
        checked(c, &format!("qr/stack_r/{size}"), stack, right);
    }
}

fn svd(c: &mut Criterion) {
    for (p, q) in [(400, 50), (800, 100)] {
        let a = gaussian(p, q);
        let size = format!("p={p},q={q}");
        let energy = product::frobenius(a.as_ref()).powi(2);
        let whole = |s: &[f64]| {
            (s.iter().map(|s| s * s).sum::<f64>() - energy).abs() <= tolerance::backward(p, q) * energy
        };
        let view = a.as_ref();
        checked(
            c,
            &format!("spectrum/thin_svd/{size}"),
            || spectrum::thin_svd(view),
            |svd| svd.as_ref().is_ok_and(|svd| whole(&svd.s)),
        );
        checked(
            c,
            &format!("spectrum/singular_values/{size}"),
            || spectrum::singular_values(view),
            |s| s.as_ref().is_ok_and(|s| whole(s)),
        );
        // The last column repeats the first. Among singular values that lie close together the least is only bounded from above.
        let null = Mat::from_fn(p, q, |i, j| a[(i, if j + 1 == q { 0 } else { j })]);
        checked_on(c, &format!("spectrum/least_singular/{size}"), &null, spectrum::least_singular, |least| {
            least.as_ref().is_ok_and(|least| least.sigma_min <= tolerance::backward(p, q) * energy.sqrt())
        });
        let product = product::matmul(a.as_ref().subcols(0, 10), gaussian(10, q).as_ref());
        let relative = tolerance::backward(p, q);
        let space = || spectrum::column_space(product.as_ref(), relative);
        checked(c, &format!("spectrum/column_space/{size},rank=10"), space, |basis| {
            basis.as_ref().is_ok_and(|basis| basis.ncols() == 10)
        });
        let noisy = &product + Mat::from_fn(p, q, |i, j| 1e-3 * a[(i, j)]);
        let start = gaussian(q, 18);
        let leading = || partial_svd::leading(noisy.as_ref(), start.as_ref(), 1.0, 1e-6, 20);
        checked(c, &format!("partial_svd/leading/{size},s=18"), leading, |found| {
            found
                .as_ref()
                .is_ok_and(|found| found.residual <= 1e-6 && found.svd.s[9] > 1.0 && found.svd.s[10] < 1.0)
        });
    }
}

fn least_squares(c: &mut Criterion) {
    for (p, q) in [(400, 50), (800, 100)] {
        let regular = gaussian(p, q);
        // The last column repeats the first, so that the rank has to be read off singular values.
        let deficient = Mat::from_fn(p, q, |i, j| regular[(i, if j + 1 == q { 0 } else { j })]);
        let relative = tolerance::backward(p, q);
        for (name, a, rank) in [("full", &regular, q), ("deficient", &deficient, q - 1)] {
            let size = format!("{name}/p={p},q={q}");
            let factor = |a| RankRevealing::new(a, relative);
            checked_on(c, &format!("rank_revealing/{size}"), a, factor, |factored| {
                factored.as_ref().is_ok_and(|factored| factored.rank().rank == rank)
            });
            let factored = RankRevealing::new(a.clone(), relative).expect("finite");
            let b = product::matmul(a.as_ref(), gaussian(q, 10).as_ref());
            let solve = || factored.solve(b.as_ref());
            checked(c, &format!("rank_revealing/solve/{size},s=10"), solve, |x| {
                near(product::matmul(a.as_ref(), x.as_ref()).as_ref(), b.as_ref(), 100.0)
            });
            let null = || factored.null_space();
            checked(c, &format!("rank_revealing/null_space/{size}"), null, |basis| basis.ncols() == q - rank);
            let rest = || factored.complement(b.as_ref());
            let zero = |rest: &Mat<f64>| {
                product::frobenius(rest.as_ref()) <= 100.0 * relative * product::frobenius(b.as_ref())
            };
            checked(c, &format!("rank_revealing/complement/{size},s=10"), rest, zero);
        }
    }
}

fn triangles(c: &mut Criterion) {
    let q = 100;
    let a = gaussian(8 * q, q);
    let r = Qr::factor(a.clone()).r();
    let svd = spectrum::thin_svd(r.as_ref()).expect("finite");
    let size = format!("q={q}");
    let b = gaussian(q, 10);
    let upper = |mut b: Mat<f64>| {
        triangular::solve_upper(r.as_ref(), b.as_mut());
        b
    };
    let lower = |mut b: Mat<f64>| {
        triangular::solve_lower(r.transpose(), b.as_mut());
        b
    };
    checked_on(c, &format!("triangular/solve_upper/{size},s=10"), &b, upper, |x| {
        near(product::matmul(r.as_ref(), x.as_ref()).as_ref(), b.as_ref(), 10.0)
    });
    checked_on(c, &format!("triangular/solve_lower/{size},s=10"), &b, lower, |x| {
        near(product::matmul(r.transpose(), x.as_ref()).as_ref(), b.as_ref(), 10.0)
    });
    let mut singular = a.clone();
    let first = singular.col(0).to_owned();
    singular.as_mut().col_mut(q - 1).copy_from(&first);
    let null = Qr::factor(singular).r();
    checked(
        c,
        &format!("triangular/smallest_singular/{size},r=2"),
        || triangular::smallest_singular(null.as_ref(), 2),
        |found| found.as_ref().is_ok_and(|found| found.sigma[0] <= tolerance::backward(q, q) * svd.s[0]),
    );
    let vectors = svd.v.as_ref().subcols(q - 2, 2).to_owned();
    let bound = || triangular::next_singular_bound(r.as_ref(), vectors.as_ref());
    // Between the value over √q and the value; 1.01 leaves room for rounding.
    checked(c, &format!("triangular/next_singular_bound/{size},r=2"), bound, |&bound| {
        bound <= 1.01 * svd.s[q - 3] && bound * (q as f64).sqrt() >= svd.s[q - 3] / 1.01
    });
}

fn symmetric(c: &mut Criterion) {
    let q = 100;
    let a = gaussian(q, 4 * q);
    let mut gram = Mat::zeros(q, q);
    add_outer(gram.as_mut(), a.as_ref(), 1.0);
    let whole = product::matmul(a.as_ref(), a.transpose());
    let size = format!("q={q}");
    checked(
        c,
        &format!("cholesky/add_outer/{size},p={}", 4 * q),
        || {
            let mut dst = Mat::zeros(q, q);
            add_outer(dst.as_mut(), a.as_ref(), 1.0);
            dst
        },
        |dst| (dst[(5, 3)] - whole[(5, 3)]).abs() <= tolerance::backward(q, 4 * q) * whole[(5, 5)],
    );
    checked_on(c, &format!("cholesky/factor/{size}"), &gram, Cholesky::factor, |factored| {
        factored
            .as_ref()
            .is_some_and(|factored| factored.smallest_pivot() > 0.0 && factored.log_determinant() > 0.0)
    });
    let factored = Cholesky::factor(gram.clone()).expect("positive definite");
    let b = gaussian(q, 10);
    let solve = |mut b: Mat<f64>| {
        factored.solve(b.as_mut());
        b
    };
    let back = |x: &Mat<f64>| product::matmul(whole.as_ref(), x.as_ref());
    checked_on(c, &format!("cholesky/solve/{size},s=10"), &b, solve, |x| {
        near(back(x).as_ref(), b.as_ref(), 100.0)
    });
    checked(
        c,
        &format!("cholesky/inverse/{size}"),
        || factored.inverse(),
        |x| near(back(x).as_ref(), Mat::<f64>::identity(q, q).as_ref(), 100.0),
    );
    let trace: f64 = (0..q).map(|i| whole[(i, i)]).sum();
    let right =
        |values: &[f64]| (values.iter().sum::<f64>() - trace).abs() <= tolerance::backward(q, q) * trace;
    checked(
        c,
        &format!("eigen/symmetric_eigenvectors/{size}"),
        || eigen::symmetric_eigenvectors(gram.as_ref()),
        |found| found.as_ref().is_ok_and(|found| right(&found.values)),
    );
    checked(
        c,
        &format!("eigen/real_eigenvectors/{size}"),
        || eigen::real_eigenvectors(whole.as_ref()),
        |found| {
            found
                .as_ref()
                .is_ok_and(|found| right(&found.values) && found.imaginary <= tolerance::backward(q, q))
        },
    );
}

fn constrained(c: &mut Criterion) {
    let (p, q) = (60, 15);
    let g = gaussian(p, q);
    let inside = gaussian(q, 1);
    let bounds = product::matmul(g.as_ref(), inside.as_ref());
    let h: Vec<f64> = bounds.col_as_slice(0).iter().map(|x| x - 1.0).collect();
    let slack = |x: &[f64]| {
        let values = product::matmul(g.as_ref(), MatRef::from_column_major_slice(x, q, 1));
        (0..p).map(|i| values[(i, 0)] - h[i]).fold(f64::INFINITY, f64::min)
    };
    let distance = || least_distance::least_distance(g.as_ref(), &h);
    checked(c, &format!("least_distance/p={p},q={q}"), distance, |x| {
        x.as_ref().is_ok_and(|x| {
            slack(x) >= -tolerance::backward(p, q) * 1e3 && product::norm(x) <= inside.norm_l2()
        })
    });
    let e = gaussian(q, p);
    let f = inside.col_as_slice(0);
    let scale: Vec<f64> = e.col_iter().map(|col| 1.0 / col.norm_l2()).collect();
    let settings = NnlsSettings { cosine: tolerance::backward(p, q), residual: 0.0 };
    let fit = || non_negative(e.as_ref(), f, &scale, &settings);
    checked(c, &format!("nnls/p={p},q={q}"), fit, |found| {
        found.converged && found.weights.iter().all(|&(_, weight)| weight > 0.0)
    });
    for k in [20, 100] {
        let cost = gaussian(k, k);
        let sum = |cols: &[usize]| cols.iter().enumerate().map(|(i, &j)| cost[(i, j)]).sum::<f64>();
        let identity: Vec<usize> = (0..k).collect();
        checked(
            c,
            &format!("assignment/p={k},q={k}"),
            || assignment::min_cost_assignment(cost.as_ref()),
            |cols| {
                let mut sorted = cols.clone();
                sorted.sort_unstable();
                sorted == identity && sum(cols) <= sum(&identity)
            },
        );
    }
}

fn random_matrices(c: &mut Criterion) {
    let (p, q, kappa) = (400, 50, 10.0);
    let size = format!("p={p},q={q}");
    let rng = || random::stream(SEED, "random", 0);
    let condition = |a: &Mat<f64>| {
        let s = spectrum::singular_values(a.as_ref()).expect("finite");
        s[0] / s[q - 1]
    };
    let is =
        |kappa: f64| move |found: f64| (found - kappa).abs() <= tolerance::backward(p, q) * kappa * kappa;
    checked(
        c,
        &format!("random/gaussian/{size}"),
        || random::gaussian(p, q, &mut rng()),
        |a| a.shape() == (p, q),
    );
    checked(
        c,
        &format!("random/gaussian_vec/n={p}"),
        || random::gaussian_vec(p, &mut rng()),
        |a| a.len() == p,
    );
    checked(
        c,
        &format!("random/orthonormal/{size}"),
        || random::orthonormal(p, q, &mut rng()),
        |a| is(1.0)(condition(a)),
    );
    let conditioned = || random::with_condition(p, q, kappa, &mut rng());
    checked(c, &format!("random/with_condition/{size}"), conditioned, |a| is(kappa)(condition(a)));
}

criterion_group! {
    name = linalg;
    config = timing(500);
    targets = products, qr, svd, least_squares, triangles, symmetric, constrained, random_matrices
}
criterion_main!(linalg);
