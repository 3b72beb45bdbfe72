//! Whole recoveries, from samples to the verdict.

use std::ops::ControlFlow;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
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

criterion_group! {
    name = whole;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(5));
    targets = recoveries
}
criterion_main!(whole);
