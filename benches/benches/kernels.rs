//! Searches for units in a frame, and what they are made of, one by one.

use criterion::{Criterion, criterion_group, criterion_main};
use orthant::estimate::blocks::triangle;
use orthant::estimate::cone::{ConeSettings, walk_cones};
use orthant::estimate::confident::Finish;
use orthant::estimate::exhaustive::{self, Ending};
use orthant::estimate::lift::{Lift, n_monomials};
use orthant::estimate::pursuit::{PursuitSettings, pursue};
use orthant::estimate::unit::{Transfer, same_unit, settle, unit_from_pattern};
use orthant::estimate::weighting::Weighting;
use orthant::estimate::{Frame, LabelSpectrum, Reporter, Unit, worst_case};
use orthant::linalg::product;
use orthant::network::{BiasKind, Planted, PlantedSpec, SignPattern};
use orthant::{Activation, Mat};
use orthant_benches::{SEED, Size, checked, go_on, samples, timing};

fn frame(planted: &Planted) -> Frame {
    let activation = planted.network.activation();
    let frame = Frame::for_activation(&samples(planted), BiasKind::None, None, activation);
    frame.expect("a finite matrix has singular values").0
}

fn frames(c: &mut Criterion) {
    for size in [Size::cube(50, 8), Size::cube(100, 8)] {
        let planted = size.planted();
        let given = samples(&planted);
        let build = || Frame::new(&given, BiasKind::None, None);
        checked(c, &format!("frame/{size}"), build, |frame| {
            frame.as_ref().is_ok_and(|(frame, _)| frame.k() == size.k)
        });
        let spectrum = || LabelSpectrum::of(&given, true);
        checked(c, &format!("frame/spectrum of labels/{size}"), spectrum, Result::is_ok);
        let whole = frame(&planted);
        let some: Vec<usize> = (0..size.n / 2).collect();
        let restrict = || whole.restrict(&some);
        checked(c, &format!("frame/restrict/{size}"), restrict, |part| {
            part.as_ref().is_ok_and(|part| part.as_ref().is_some_and(|part| part.n() == some.len()))
        });
        let inputs = planted.x.transpose();
        let rows = |range: std::ops::Range<usize>| inputs.subrows(range.start, range.len()).to_owned();
        let norm = product::frobenius(inputs);
        checked(
            c,
            &format!("blocks/triangle/{size}"),
            || triangle(size.n, size.d, rows),
            |r| {
                // The norm of a triangle is that of what was factored, up to rounding far below 1e-9.
                (product::frobenius(r.as_ref()) - norm).abs() <= 1e-9 * norm
            },
        );
    }
    let size = Size::cube(20, 50);
    let spec =
        PlantedSpec { activation: Activation::power(2.0).expect("positive"), ..PlantedSpec::default() };
    let planted = size.planted_as(spec);
    let weigh = || {
        let weighting = Weighting::new(planted.network.activation(), planted.a.as_ref())?;
        Some(weighting.weights(planted.a.as_ref()))
    };
    checked(c, &format!("weighting/power 2/{size}"), weigh, |weights| {
        weights.as_ref().is_some_and(|weights| weights.len() == size.n)
    });
}

/// One unit from its pattern, from its values, and from a part of the samples.
fn units(c: &mut Criterion) {
    let activations = [
        ("relu", Activation::RELU),
        ("leaky relu", Activation::leaky_relu(0.2).expect("below 1")),
        ("power 2", Activation::power(2.0).expect("positive")),
    ];
    for (name, activation) in activations {
        for size in [Size::cube(20, 20), Size::cube(50, 8)] {
            let planted =
                size.planted_as(PlantedSpec { activation: activation.clone(), ..PlantedSpec::default() });
            let frame = frame(&planted);
            let values = planted.network.preactivations(planted.x.as_ref());
            let values: Vec<f64> = values.row(0).iter().copied().collect();
            let pattern = SignPattern::of(values.iter().copied());
            let right = |unit: &Result<Unit, _>| unit.as_ref().is_ok_and(|unit| unit.pattern == pattern);
            let from_pattern = || unit_from_pattern(&frame, &pattern);
            checked(c, &format!("unit_from_pattern/{name}/{size}"), from_pattern, right);
            checked(c, &format!("settle/{name}/{size}"), || settle(&frame, &values), right);
        }
    }
    let size = Size::cube(20, 40);
    let planted = size.planted();
    let whole = frame(&planted);
    let some: Vec<usize> = (0..size.n / 2).collect();
    let part = whole.restrict(&some).expect("finite").expect("of full rank");
    let values = planted.network.preactivations(planted.x.as_ref());
    let pattern =
        |n: usize| SignPattern::of(values.row(0).iter().take(n).copied().collect::<Vec<_>>().into_iter());
    let unit = unit_from_pattern(&part, &pattern(some.len())).expect("a planted pattern has its unit");
    let expected = unit_from_pattern(&whole, &pattern(size.n)).expect("a planted pattern has its unit");
    let carry = || Transfer::new(&whole, &some).map(|transfer| transfer.carry(&whole, &part, &unit));
    checked(c, &format!("transfer/{size}"), carry, |carried| {
        carried.as_ref().is_ok_and(|unit| unit.as_ref().is_ok_and(|unit| same_unit(unit, &expected)))
    });
    // Estimates off by a few hundredths of their norm, of which the confident samples are enough.
    let truth = planted.network.preactivations(planted.x.as_ref());
    let estimates = Mat::from_fn(size.n, size.k, |j, i| truth[(i, j)] + 0.02 * truth[((i + 1) % size.k, j)]);
    let finish = Finish::new(&whole, SEED).expect("finite");
    let collect = || {
        let mut found = Vec::new();
        finish.collect(estimates.as_ref(), size.k, &mut found);
        found
    };
    checked(c, &format!("confident/collect/{size}"), collect, |found| found.len() == size.k);
}

fn searches(c: &mut Criterion) {
    let size = Size::cube(20, 8);
    let own = frame(&size.planted());
    let settings = PursuitSettings { seed: SEED, patience: 20_000, max_failures: 1000 };
    let search = || {
        let mut found: Vec<Unit> = Vec::new();
        pursue(&own, &mut found, &settings, &mut Reporter::new(&mut go_on)).map(|_| found.len())
    };
    checked(c, &format!("pursuit/{size}"), search, |found| *found == Ok(size.k));

    let size = Size::cube(10, 16);
    let own = frame(&size.planted());
    let settings = ConeSettings { seed: SEED, walks: 4 * size.k, subset_rounds: 0 };
    let search = || {
        let mut found: Vec<Unit> = Vec::new();
        walk_cones(&own, &mut found, &settings, &mut Reporter::new(&mut go_on)).map(|_| found.len())
    };
    checked(c, &format!("cone/{size}"), search, |found| found.as_ref().is_ok_and(|&found| found > 0));

    for size in [Size { k: 10, d: 20, m: 10, n: 265 }, Size { k: 20, d: 30, m: 20, n: 820 }] {
        let own = frame(&size.planted());
        // Ten more samples than monomials.
        assert_eq!(n_monomials(&own) + 10, size.n);
        let compute = || Lift::compute(&own, &mut Reporter::new(&mut go_on));
        let all = |lift: &Lift| lift.null_dimension == size.k && lift.margin > 1.0;
        checked(c, &format!("lift/{size}"), compute, |lift| {
            lift.as_ref().is_ok_and(|lift| lift.as_ref().is_some_and(all))
        });
        let lift = compute().expect("finite").expect("enough samples");
        let units = || {
            let mut found = Vec::new();
            lift.units(&own, &mut found, SEED).map(|_| found)
        };
        checked(c, &format!("lift/units/{size}"), units, |found| {
            found
                .as_ref()
                .is_ok_and(|found| found.len() == size.k && lift.proves_uniqueness(&own, found, true))
        });
    }
}

/// Searches of all patterns.
fn enumerations(c: &mut Criterion) {
    for size in [Size { k: 3, d: 4, m: 3, n: 30 }, Size { k: 5, d: 8, m: 5, n: 200 }] {
        let own = frame(&size.planted());
        let branch = || worst_case::enumerate(&own, &mut Reporter::new(&mut go_on));
        checked(c, &format!("worst_case/enumerate/{size}"), branch, |found| {
            found.as_ref().is_ok_and(|found| found.complete && found.rays.len() >= size.k)
        });
    }
    let size = Size { k: 3, d: 4, m: 3, n: 30 };
    let own = frame(&size.planted());
    let search = || exhaustive::search(&own, &mut Reporter::new(&mut go_on));
    checked(c, &format!("exhaustive/{size}"), search, |found| {
        found.as_ref().is_ok_and(|found| found.units.len() >= size.k && found.ending != Ending::Stopped)
    });
}

criterion_group! {
    name = kernels;
    config = timing(1000);
    targets = frames, units, searches, enumerations
}
criterion_main!(kernels);
