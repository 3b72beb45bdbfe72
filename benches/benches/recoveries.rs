//! Whole recoveries, from samples to the verdict.

use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use orthant::exact::bounds::error_bounds;
use orthant::exact::{Finding, Scaled, Split, certify};
use orthant::fpt::half_spaces::{BoundTerms, half_space, theorem_78_bound};
use orthant::fpt::one_sparse::{expected_samples_for, lone_probabilities};
use orthant::fpt::{half_spaces, one_sparse};
use orthant::linalg::random;
use orthant::network::{BiasKind, InputKind, NoiseKind, Planted, PlantedSpec};
use orthant::{
    Activation, BiasModel, Mat, Method, Network, Recovery, Samples, Settings, Verdict, align, diagnose,
    recover,
};
use orthant_benches::{SEED, Size, checked, go_on, samples, timing};

/// Inputs of the planted network and their negatives, with their labels.
fn with_negatives(planted: &Planted) -> (Mat<f64>, Mat<f64>) {
    let (d, n) = planted.x.shape();
    let x = Mat::from_fn(d, 2 * n, |i, j| if j < n { planted.x[(i, j)] } else { -planted.x[(i, j - n)] });
    let a = planted.network.labels(x.as_ref());
    (x, a)
}

fn recoveries(c: &mut Criterion) {
    let mut group = c.benchmark_group("recover");
    // One recovery per sample: the larger ones take a second.
    group.sampling_mode(SamplingMode::Flat);
    let plain = PlantedSpec::default;
    let cases = [
        (Method::Auto, Size::cube(20, 8), plain()),
        (Method::Auto, Size::cube(50, 8), plain()),
        (Method::Auto, Size::cube(100, 8), plain()),
        (Method::Pursuit, Size::cube(20, 8), plain()),
        (Method::Cone, Size::cube(10, 16), plain()),
        // 200 samples more than the monomials of the lift with both biases, k(k + 1)/2 + k(d + 1) + d + 1 = 861.
        (Method::Lift, Size { k: 20, d: 30, m: 20, n: 1061 }, plain()),
        (Method::Tensor, Size { k: 5, d: 10, m: 6, n: 20_000 }, plain()),
        (Method::Power, Size { k: 5, d: 10, m: 6, n: 20_000 }, PlantedSpec { kappa_v: Some(1.0), ..plain() }),
        (Method::Ica, Size { k: 5, d: 10, m: 6, n: 20_000 }, PlantedSpec { kappa_v: Some(1.0), ..plain() }),
        (Method::Symmetric, Size { k: 5, d: 10, m: 6, n: 20_000 }, plain()),
        (Method::Restarts, Size { k: 4, d: 8, m: 2, n: 1000 }, plain()),
        (Method::WorstCase, Size { k: 3, d: 4, m: 3, n: 30 }, plain()),
        (Method::WorstCase, Size { k: 10, d: 20, m: 10, n: 1000 }, plain()),
    ];
    for (method, size, spec) in cases {
        let planted = size.planted_as(spec);
        let samples = samples(&planted);
        let settings = Settings { method, seed: SEED, ..Settings::default() };
        let run = || -> Recovery { recover(&samples, &settings, &mut go_on).expect("enough samples") };
        let report = run().report;
        assert_eq!(report.verdict, Verdict::Exact, "{} {size}: {}", method.name(), report.reason);
        group.bench_function(BenchmarkId::new(method.name(), size), |b| b.iter(run));
    }
    for (name, activation) in [
        ("leaky relu", Activation::leaky_relu(0.2).expect("below 1")),
        ("power 2", Activation::power(2.0).expect("positive")),
    ] {
        let size = Size { k: 8, d: 12, m: 8, n: 600 };
        let planted = size.planted_as(PlantedSpec { activation: activation.clone(), ..plain() });
        let samples = samples(&planted);
        let settings = Settings { activation, seed: SEED, ..Settings::default() };
        let run = || -> Recovery { recover(&samples, &settings, &mut go_on).expect("enough samples") };
        assert_eq!(run().report.verdict, Verdict::Exact, "{name}");
        group.bench_function(BenchmarkId::new(format!("auto, {name}"), size), |b| b.iter(run));
    }
    let size = Size { k: 8, d: 15, m: 9, n: 60 };
    let (x, a) = with_negatives(&size.planted_as(PlantedSpec { inputs: InputKind::Uniform, ..plain() }));
    let samples = Samples::new(x.as_ref(), a.as_ref()).expect("finite");
    let settings = Settings {
        method: Method::Paired,
        bias: BiasModel::Known(BiasKind::None),
        seed: SEED,
        ..Settings::default()
    };
    let run = || -> Recovery { recover(&samples, &settings, &mut go_on).expect("enough pairs") };
    assert_eq!(run().report.verdict, Verdict::Exact, "paired: {}", run().report.reason);
    group.bench_function(BenchmarkId::new("paired", size), |b| b.iter(run));
    group.finish();
}

/// What surrounds a search: scales, the split, the diagnosis.
fn around(c: &mut Criterion) {
    for size in [Size::cube(20, 20), Size::cube(50, 8)] {
        let planted = size.planted();
        let samples = samples(&planted);
        checked(
            c,
            &format!("diagnose/{size}"),
            || diagnose(&samples),
            |found| found.as_ref().is_ok_and(|found| found.inputs.gaussianity.finding != Finding::Fails),
        );
        let settings = Settings { seed: SEED, ..Settings::default() };
        let split = || Split::of(&samples, &settings);
        checked(c, &format!("split/{size}"), split, |split| {
            split.fit().len() + split.check().len() == size.n
        });
        let large = Mat::from_fn(size.m, size.n, |i, j| 1e200 * planted.a[(i, j)]);
        let given = Samples::new(planted.x.as_ref(), large.as_ref()).expect("finite");
        checked(c, &format!("scaled/{size}"), || Scaled::of(&given), Option::is_some);
    }
}

/// The verdict on a network that someone else proposes. Its joint system has k d unknowns.
fn proposals(c: &mut Criterion) {
    for size in [Size::cube(10, 40), Size::cube(20, 50)] {
        let planted = size.planted();
        let samples = samples(&planted);
        let settings = Settings { seed: SEED, ..Settings::default() };
        let (u, v) = (planted.network.u(), planted.network.v());
        let off = random::gaussian(size.k, size.d, &mut random::stream(SEED, "proposal", 0));
        let v = Mat::from_fn(size.k, size.d, |i, r| v[(i, r)] + 1e-6 * off[(i, r)]);
        let proposal = Network::new(u.to_owned(), v, None, None).expect("shapes fit");
        let all: Vec<usize> = (0..size.n / 10).collect();
        let split = Split::with_unseen(&samples, &settings, &all);
        let run = || certify(&samples, &split, &proposal, &settings, &mut go_on);
        checked(c, &format!("certify/{size}"), run, |found| {
            found.as_ref().is_ok_and(|found| {
                found.report.verdict == Verdict::Exact
                    && align(&found.network, &planted.network).worst() <= 1e-9
            })
        });
        // The labels of the planted network were rounded as they were summed, which leaves less of those that cancel.
        let run = || error_bounds(&samples, &planted.network, 1e-10);
        checked(c, &format!("error_bounds/{size}"), run, |found| {
            found.as_ref().is_ok_and(|bounds| bounds.largest() <= 1e-4)
        });
    }
}

/// Algorithms 8 and 9.
fn fixed_parameter(c: &mut Criterion) {
    let mut group = c.benchmark_group("fpt");
    group.sampling_mode(SamplingMode::Flat);
    for n in [10_000, 100_000] {
        let size = Size { k: 3, d: 6, m: 2, n };
        let planted = size.planted();
        let samples = samples(&planted);
        let settings = Settings { seed: SEED, ..Settings::default() };
        let run = || one_sparse::recover(&samples, &settings, &mut go_on).expect("lone samples");
        let report = run().recovery.report;
        assert_eq!(report.verdict, Verdict::Exact, "one-sparse {size}: {}", report.reason);
        group.bench_function(BenchmarkId::new("one-sparse", size), |b| b.iter(run));
    }
    for k in [1, 2, 3] {
        let size = Size { k, d: 10, m: 5, n: 10_000 };
        let planted = size.planted();
        let scale = samples(&planted).label_scale();
        let errors = NoiseKind::Gaussian.errors(size.m, size.n, scale, SEED);
        let labels = &planted.a + &errors;
        let samples = Samples::new(planted.x.as_ref(), labels.as_ref()).expect("finite");
        let settings = half_spaces::Settings::new(k);
        let run = || half_spaces::fit(&samples, &settings, &mut go_on).expect("enough samples");
        // As good a fit as that of the true weights, whose residual is the errors.
        assert!(run().best().residual <= errors.norm_l2(), "half-spaces {size}");
        group.bench_function(BenchmarkId::new("half-spaces", size), |b| b.iter(run));
    }
    group.finish();

    let size = Size { k: 1, d: 10, m: 1, n: 10_000 };
    let planted = size.planted();
    let values: Vec<f64> = planted.network.activations(planted.x.as_ref()).row(0).iter().copied().collect();
    let run = || half_space(planted.x.as_ref(), &values, 1.0);
    // The squared error is of the order d/n.
    let cosine = |w: &[f64]| planted.network.v().row(0).iter().zip(w).map(|(v, w)| v * w).sum::<f64>();
    checked(c, &format!("half_space/{size}"), run, |w| cosine(w) > 0.95);
    let size = Size { k: 4, d: 10, m: 5, n: 1000 };
    let planted = size.planted();
    let v = planted.network.v();
    checked(
        c,
        &format!("lone_probabilities/{size}"),
        || lone_probabilities(v),
        |found| found.as_ref().is_ok_and(|found| found.iter().all(|&p| p > 0.0 && p < 0.5)),
    );
    checked(
        c,
        &format!("expected_samples_for/{size}"),
        || expected_samples_for(v, 2, 0.1),
        |found| found.as_ref().is_ok_and(|&found| found > size.k as u64),
    );
    let errors = NoiseKind::Gaussian.errors(size.m, size.n, 0.1, SEED);
    let u = Mat::from_fn(size.m, 1, |i, _| planted.network.u()[(i, 0)]);
    let bound = || BoundTerms::of(u.as_ref(), errors.as_ref(), 0.1).map(|terms| theorem_78_bound(&terms));
    checked(c, &format!("theorem_78_bound/{size}"), bound, |bound| {
        bound.as_ref().is_ok_and(|bound| bound.is_finite() && *bound > 0.0)
    });
}

criterion_group! {
    name = whole;
    config = timing(2000);
    targets = recoveries, around, proposals, fixed_parameter
}
criterion_main!(whole);
