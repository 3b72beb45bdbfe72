//! What labels with errors cost.

use std::ops::ControlFlow;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use orthant::Mat;
use orthant::estimate::{Progress, Reporter};
use orthant::linalg::{product, random};
use orthant::network::gross_errors;
use orthant::noisy::sparse::rpca::{RpcaSettings, principal_component_pursuit as pursuit};
use orthant_benches::SEED;

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
    targets = principal_component_pursuit
}
criterion_main!(noise);
