//! Whole recoveries, from samples to the verdict.

use std::ops::ControlFlow;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use orthant::fpt::{half_spaces, one_sparse};
use orthant::network::NoiseKind;
use orthant::{Method, Progress, Recovery, Samples, Settings, Verdict, recover};
use orthant_benches::{SEED, Size};

fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn recoveries(c: &mut Criterion) {
    let mut group = c.benchmark_group("recover");
    // One recovery per sample: the larger ones take a second.
    group.sampling_mode(SamplingMode::Flat);
    let cases = [
        ("auto", Method::Auto, Size::cube(20, 8)),
        ("auto", Method::Auto, Size::cube(50, 8)),
        ("auto", Method::Auto, Size::cube(100, 8)),
        // 200 samples more than the monomials of the lift with both biases, k(k + 1)/2 + k(d + 1) + d + 1 = 861.
        ("lift", Method::Lift, Size { k: 20, d: 30, m: 20, n: 1061 }),
        ("worst-case", Method::WorstCase, Size { k: 3, d: 4, m: 3, n: 30 }),
        ("worst-case", Method::WorstCase, Size { k: 10, d: 20, m: 10, n: 1000 }),
    ];
    for (name, method, size) in cases {
        let planted = size.planted();
        let samples =
            Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("planted samples are finite");
        let settings = Settings { method, seed: SEED, ..Settings::default() };
        let run = || -> Recovery { recover(&samples, &settings, &mut go_on).expect("enough samples") };
        let report = run().report;
        assert_eq!(report.verdict, Verdict::Exact, "{name} {size}: {}", report.reason);
        group.bench_function(BenchmarkId::new(name, size), |b| b.iter(run));
    }
    group.finish();
}

/// Algorithms 8 and 9.
fn fixed_parameter(c: &mut Criterion) {
    let mut group = c.benchmark_group("fpt");
    group.sampling_mode(SamplingMode::Flat);
    for n in [10_000, 100_000] {
        let size = Size { k: 3, d: 6, m: 2, n };
        let planted = size.planted();
        let samples =
            Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("planted samples are finite");
        let settings = Settings { seed: SEED, ..Settings::default() };
        let run = || one_sparse::recover(&samples, &settings, &mut go_on).expect("lone samples");
        let report = run().recovery.report;
        assert_eq!(report.verdict, Verdict::Exact, "one-sparse {size}: {}", report.reason);
        group.bench_function(BenchmarkId::new("one-sparse", size), |b| b.iter(run));
    }
    for k in [1, 2, 3] {
        let size = Size { k, d: 10, m: 5, n: 10_000 };
        let planted = size.planted();
        let scale = Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("finite").label_scale();
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
}

criterion_group! {
    name = whole;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(5));
    targets = recoveries, fixed_parameter
}
criterion_main!(whole);
