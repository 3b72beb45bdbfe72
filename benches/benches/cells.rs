//! Enumeration of the sign patterns of a generic row space.
//!
//! Throughput is in patterns, so that the rates of different n and k can be compared.

use std::hint::black_box;
use std::ops::ControlFlow;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use orthant::estimate::cells::{Arrangement, n_patterns_generic};
use orthant::linalg::random;
use orthant_benches::{SEED, timing};

fn visits(c: &mut Criterion) {
    let mut group = c.benchmark_group("cells");
    for (k, sizes) in [(2, [15, 60, 240]), (3, [20, 40, 80]), (4, [15, 30, 60])] {
        for n in sizes {
            let q = random::orthonormal(n, k, &mut random::stream(SEED, "cells", n as u64));
            let arrangement = Arrangement::new(q.as_ref(), 0.0).expect("random entries are finite");
            group.throughput(Throughput::Elements(n_patterns_generic(n, k)));
            group.bench_function(BenchmarkId::new("visit", format!("k={k},n={n}")), |bencher| {
                bencher.iter(|| {
                    let mut n_active = 0;
                    let flow = arrangement.visit(|cell| -> ControlFlow<()> {
                        n_active += black_box(cell.bits())[0].count_ones();
                        black_box(cell.interior());
                        ControlFlow::Continue(())
                    });
                    (flow, n_active)
                });
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = cells;
    config = timing(1000);
    targets = visits
}
criterion_main!(cells);
