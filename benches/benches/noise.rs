//! What labels with errors cost: refinement (`peers/noise.py` fits the same samples from the same start) and principal component pursuit
//! (`peers/rpca.py`).

use std::ops::ControlFlow;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use orthant::estimate::{Progress, Reporter};
use orthant::linalg::{product, random};
use orthant::network::{Network, NoiseKind, Samples, gross_errors};
use orthant::noisy::fit::{Fit, FitSettings, fit};
use orthant::noisy::sparse::rpca::{RpcaSettings, principal_component_pursuit as pursuit};
use orthant::{Mat, MatRef};
use orthant_benches::{SEED, Size};

/// Noise as a fraction of the labels' deviation.
const NOISE: f64 = 0.1;

/// Each row plus a fixed pattern of a tenth of its norm.
fn off_by_a_tenth(rows: MatRef<'_, f64>) -> Mat<f64> {
    let pattern = Mat::from_fn(rows.nrows(), rows.ncols(), |i, j| {
        let index = (i * rows.ncols() + j + 1) as f64;
        (index * index).cos()
    });
    Mat::from_fn(rows.nrows(), rows.ncols(), |i, j| {
        let scale =
            product::frobenius(rows.subrows(i, 1)) / product::frobenius(pattern.as_ref().subrows(i, 1));
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
    let size = Size { k: 20, d: 50, m: 20, n: 20_000 };
    let mut planted = size.planted();
    let std = NOISE * Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("finite").label_scale();
    planted.a += NoiseKind::Gaussian.errors(size.m, size.n, std, SEED);
    let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("finite");
    let u = off_by_a_tenth(planted.network.u().transpose()).transpose().to_owned();
    let v = off_by_a_tenth(planted.network.v());
    let start = Network::new(u, v, None, None).expect("shapes fit");
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
        let id = BenchmarkId::new(format!("{threads} threads"), size);
        group.bench_function(id, |b| b.iter(|| pool.install(|| refined(&samples, &start))));
    }
    group.finish();
}

/// Gaussian factors and errors of ten times the size of the entries, as in `benches/peers/rpca.py`.
fn principal_component_pursuit(c: &mut Criterion) {
    for (m, n, rank, errors) in [(500, 500, 25, 0.05), (100, 2000, 5, 0.05)] {
        let rng = &mut random::stream(SEED, "pursuit", 0);
        let right =
            product::matmul(random::gaussian(m, rank, rng).as_ref(), random::gaussian(rank, n, rng).as_ref());
        let count = (errors * (m * n) as f64) as usize;
        let a: Mat<f64> = &right + &gross_errors(m, n, count, 10.0 * (rank as f64).sqrt(), SEED);
        let run = || {
            let mut go_on = |_: Progress| ControlFlow::Continue(());
            pursuit(a.as_ref(), &RpcaSettings::default(), &mut Reporter::new(&mut go_on))
                .expect("finite labels")
        };
        let error =
            product::frobenius((&run().low_rank - &right).as_ref()) / product::frobenius(right.as_ref());
        // The tolerance of the residual is 1e-7.
        assert!(error <= 1e-6, "{m} x {n}: relative error {error:e}");
        let id = format!("principal_component_pursuit/m={m},n={n},rank={rank},errors={errors}");
        c.bench_function(&id, |b| b.iter(run));
    }
}

criterion_group! {
    name = noise;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(5));
    targets = refinement, principal_component_pursuit
}
criterion_main!(noise);
