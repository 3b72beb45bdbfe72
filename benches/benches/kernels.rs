//! The steps that a recovery spends its time in, one by one.

use std::ops::ControlFlow;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use orthant::estimate::cone::{ConeSettings, walk_cones};
use orthant::estimate::lift::{Lift, n_monomials};
use orthant::estimate::pursuit::{PursuitSettings, pursue};
use orthant::estimate::unit::unit_from_pattern;
use orthant::estimate::{Frame, Progress, Reporter, Unit};
use orthant::linalg::lstsq::RankRevealing;
use orthant::linalg::{random, spectrum, tolerance};
use orthant::network::{BiasKind, Planted, SignPattern};
use orthant::{Mat, Samples};
use orthant_benches::{SEED, Size};

fn frame(planted: &Planted) -> Frame {
    let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("planted samples are finite");
    Frame::new(&samples, BiasKind::None, None).expect("a finite matrix has singular values").0
}

fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// The joint system of a unit has about this shape: n equations, k unknowns.
fn tall(size: Size) -> Mat<f64> {
    random::gaussian(size.n, size.k, &mut random::stream(SEED, "bench", 0))
}

fn least_singular(c: &mut Criterion) {
    for size in [Size::cube(50, 8), Size::cube(100, 8)] {
        let a = tall(size);
        c.bench_function(&format!("least_singular/{size}"), |b| {
            b.iter_batched(|| a.clone(), spectrum::least_singular, BatchSize::LargeInput);
        });
    }
}

fn rank_revealing(c: &mut Criterion) {
    for size in [Size::cube(50, 8), Size::cube(100, 8)] {
        let regular = tall(size);
        // The last column repeats the first, so that the rank has to be read off singular values.
        let deficient =
            Mat::from_fn(size.n, size.k, |i, j| regular[(i, if j + 1 == size.k { 0 } else { j })]);
        let relative = tolerance::backward(size.n, size.k);
        for (name, a, rank) in [("full", &regular, size.k), ("deficient", &deficient, size.k - 1)] {
            let found = RankRevealing::new(a.clone(), relative).expect("finite").rank().rank;
            assert_eq!(found, rank, "{name} {size}");
            c.bench_function(&format!("rank_revealing/{name}/{size}"), |b| {
                b.iter_batched(|| a.clone(), |a| RankRevealing::new(a, relative), BatchSize::LargeInput);
            });
        }
    }
}

fn unit(c: &mut Criterion) {
    for size in [Size::cube(50, 8), Size::cube(100, 8)] {
        let planted = size.planted();
        let frame = frame(&planted);
        let values = planted.network.preactivations(planted.x.as_ref());
        let pattern = SignPattern::of(values.row(0).iter().copied());
        let found = unit_from_pattern(&frame, &pattern).expect("a planted pattern has its unit");
        assert_eq!(found.pattern, pattern);
        c.bench_function(&format!("unit_from_pattern/{size}"), |b| {
            b.iter(|| unit_from_pattern(&frame, &pattern));
        });
    }
}

fn pursuit(c: &mut Criterion) {
    let size = Size::cube(20, 8);
    let frame = frame(&size.planted());
    let settings = PursuitSettings { seed: SEED, patience: 20_000, max_failures: 1000 };
    let search = || {
        let mut found: Vec<Unit> = Vec::new();
        pursue(&frame, &mut found, &settings, &mut Reporter::new(&mut go_on))
            .expect("finite, and not cancelled");
        found.len()
    };
    assert_eq!(search(), size.k);
    c.bench_function(&format!("pursuit/{size}"), |b| b.iter(search));
}

fn cone(c: &mut Criterion) {
    let size = Size::cube(10, 16);
    let frame = frame(&size.planted());
    let settings = ConeSettings { seed: SEED, walks: 4 * size.k, subset_rounds: 0 };
    let search = || {
        let mut found: Vec<Unit> = Vec::new();
        walk_cones(&frame, &mut found, &settings, &mut Reporter::new(&mut go_on))
            .expect("finite, and not cancelled");
        found.len()
    };
    assert!(search() > 0, "no unit found");
    c.bench_function(&format!("cone/{size}"), |b| b.iter(search));
}

fn lift(c: &mut Criterion) {
    for size in [Size { k: 10, d: 20, m: 10, n: 265 }, Size { k: 20, d: 30, m: 20, n: 820 }] {
        let frame = frame(&size.planted());
        // Ten more samples than monomials.
        assert_eq!(n_monomials(&frame) + 10, size.n);
        let compute =
            || Lift::compute(&frame, &mut Reporter::new(&mut go_on)).expect("finite, and not cancelled");
        assert!(compute().is_some_and(|lift| lift.null_dimension == size.k && lift.margin > 1.0), "{size}");
        c.bench_function(&format!("lift/{size}"), |b| b.iter(compute));
    }
}

criterion_group! {
    name = kernels;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    targets = least_singular, rank_revealing, unit, pursuit, cone, lift
}
criterion_main!(kernels);
