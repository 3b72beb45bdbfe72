//! Searches give the same bits for any number of threads, and stop when asked to.

use std::ops::ControlFlow;

use orthant_estimate::SearchError;
use orthant_estimate::cone::{ConeSettings, walk_cones};
use orthant_estimate::lift::Lift;
use orthant_estimate::pursuit::{PursuitSettings, pursue};
use orthant_estimate::{Frame, Reporter, Unit};
use orthant_network::{BiasKind, PlantedSpec, Samples};
use orthant_testkit::suite::Method;
use orthant_testkit::{Instance, Recipe, suite};

fn frame(instance: &Instance) -> Frame {
    let samples = Samples::new(instance.x(), instance.a()).expect("planted samples are finite");
    Frame::new(&samples, BiasKind::Both, None).expect("finite").0
}

/// Searches until the callback has been called `calls` times.
fn search(frame: &Frame, method: Method, calls: usize) -> Result<Vec<Unit>, SearchError> {
    let mut left = calls;
    let callback = &mut |_| {
        if left == 0 {
            return ControlFlow::Break(());
        }
        left -= 1;
        ControlFlow::Continue(())
    };
    let reporter = &mut Reporter::new(callback);
    let mut found = Vec::new();
    match method {
        Method::Pursuit => {
            let settings = PursuitSettings { seed: 5, patience: 30_000, max_failures: 2000 };
            pursue(frame, &mut found, &settings, reporter)?;
        }
        Method::Cone => {
            walk_cones(frame, &mut found, &ConeSettings { seed: 5, walks: 100, subset_rounds: 2 }, reporter)?;
        }
        Method::Lift => {
            if let Some(lift) = Lift::compute(frame, reporter)? {
                lift.units(frame, &mut found, 5)?;
            }
        }
    }
    Ok(found)
}

fn bits(units: &[Unit]) -> Vec<u64> {
    units
        .iter()
        .flat_map(|unit| unit.combination.iter().chain(&unit.direction).map(|w| w.to_bits()))
        .collect()
}

#[test]
fn one_and_two_threads_find_the_same_bits() {
    let square = PlantedSpec { m: 16, k: 16, d: 16, seed: 4, ..PlantedSpec::default() };
    let instances = [
        suite::instance("both-biases").expect("in the suite").plant(),
        Recipe::plain(square, 80).plant().expect("valid"),
    ];
    for method in [Method::Pursuit, Method::Cone, Method::Lift] {
        for instance in &instances {
            let on_threads = |threads| {
                let pool =
                    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a small pool");
                pool.install(|| bits(&search(&frame(instance), method, usize::MAX).expect("not cancelled")))
            };
            assert_eq!(on_threads(1), on_threads(2), "{method:?} {instance:?}");
        }
    }
}

#[test]
fn a_search_stops_when_its_callback_breaks() {
    let frame = frame(&suite::instance("both-biases").expect("in the suite").plant());
    for method in [Method::Pursuit, Method::Cone, Method::Lift] {
        for calls in [0, 1] {
            let outcome = search(&frame, method, calls).map(|units| units.len());
            assert!(matches!(outcome, Err(SearchError::Cancelled)), "{method:?} after {calls}: {outcome:?}");
        }
    }
}
