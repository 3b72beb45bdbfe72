//! Refinement to the least-squares optimum under noise; `peers/noise.py` fits the same samples from the same start.

use std::ops::ControlFlow;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use orthant::Mat;
use orthant::estimate::Reporter;
use orthant::linalg::product;
use orthant::network::{Network, NoiseKind, Samples};
use orthant::noisy::fit::{Fit, FitSettings, fit};
use orthant_benches::{SEED, Size};

/// Noise as a fraction of the labels' deviation.
const NOISE: f64 = 0.1;

/// Each row plus a fixed pattern of a tenth of its norm.
fn off_by_a_tenth(rows: Mat<f64>) -> Mat<f64> {
    let pattern = Mat::from_fn(rows.nrows(), rows.ncols(), |i, j| {
        let index = (i * rows.ncols() + j + 1) as f64;
        (index * index).cos()
    });
    Mat::from_fn(rows.nrows(), rows.ncols(), |i, j| {
        let scale = product::frobenius(rows.as_ref().subrows(i, 1))
            / product::frobenius(pattern.as_ref().subrows(i, 1));
        rows[(i, j)] + 0.1 * scale * pattern[(i, j)]
    })
}

fn refined(samples: &Samples<'_>, start: &Network) -> Fit {
    let mut callback = |_| ControlFlow::Continue(());
    fit(samples, start, None, &FitSettings::default(), &mut Reporter::new(&mut callback))
        .expect("samples are finite")
}

/// From a start in the basin to the optimum.
fn refinement(c: &mut Criterion) {
    let mut group = c.benchmark_group("refinement");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    let size = Size { k: 20, d: 50, m: 20, n: 20_000 };
    let mut planted = size.planted();
    let std = NOISE * Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("finite").label_scale();
    planted.a += NoiseKind::Gaussian.errors(size.m, size.n, std, SEED);
    let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("finite");
    let u = off_by_a_tenth(planted.network.u().transpose().to_owned()).transpose().to_owned();
    let v = off_by_a_tenth(planted.network.v().to_owned());
    let start = Network::new(u, v, None, None).expect("shapes fit");
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
        let id = BenchmarkId::new(format!("{threads} threads"), size);
        group.bench_function(id, |b| b.iter(|| pool.install(|| refined(&samples, &start))));
    }
    group.finish();
}

criterion_group!(benches, refinement);
criterion_main!(benches);
