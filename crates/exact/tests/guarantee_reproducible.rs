//! Same samples and settings, same bits, for any number of threads; searches are bounded and can be cancelled.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;

use orthant_exact::{Method, Progress, RecoverError, Recovery, Settings, Verdict, recover};
use orthant_network::{Network, PlantedSpec, Samples};
use orthant_testkit::{Instance, Recipe, suite};

fn answer(instance: &Instance, settings: &Settings) -> Recovery {
    let samples = Samples::new(instance.x(), instance.a()).expect("planted samples are finite");
    recover(&samples, settings, &mut |_| ControlFlow::Continue(())).expect("planted samples have an answer")
}

fn on_threads(threads: usize, instance: &Instance, settings: &Settings) -> Recovery {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a small thread pool");
    pool.install(|| answer(instance, settings))
}

/// The bits of all weights.
fn bits(network: &Network) -> Vec<u64> {
    let matrices =
        [network.u(), network.v()].into_iter().flat_map(|a| a.col_iter().flat_map(|c| c.iter().copied()));
    let biases = [network.b(), network.c()].into_iter().flatten().flatten().copied();
    matrices.chain(biases).map(f64::to_bits).collect()
}

fn instances() -> Vec<Instance> {
    let square = PlantedSpec { m: 20, k: 20, d: 20, seed: 1, ..PlantedSpec::default() };
    // More than enough samples, so that pursuit runs on some of them first.
    let many = PlantedSpec { m: 12, k: 10, d: 12, seed: 2, ..PlantedSpec::default() };
    let noisy = suite::without(suite::Hypothesis::ExactLabels).plant();
    let named = |name| suite::instance(name).expect("in the suite").plant();
    vec![
        named("both-biases"),
        named("equicorrelated"),
        Recipe::plain(square, 90).plant().expect("valid"),
        Recipe::plain(many, 1500).plant().expect("valid"),
        noisy,
    ]
}

#[test]
fn one_and_two_threads_give_the_same_bits() {
    for method in [Method::Auto, Method::Pursuit, Method::Cone, Method::Lift] {
        let settings = Settings { method, seed: 3, ..Settings::default() };
        for instance in instances() {
            let (one, two) = (on_threads(1, &instance, &settings), on_threads(2, &instance, &settings));
            assert_eq!(bits(&one.network), bits(&two.network), "{method:?} {instance:?}");
            assert_eq!(one.report, two.report, "{method:?} {instance:?}");
        }
    }
}

#[test]
fn the_same_call_gives_the_same_bits_again() {
    for instance in instances() {
        let (first, again) =
            (answer(&instance, &Settings::default()), answer(&instance, &Settings::default()));
        assert_eq!(bits(&first.network), bits(&again.network), "{instance:?}");
    }
}

#[test]
fn another_seed_searches_differently_and_finds_the_same_network() {
    let instance = suite::instance("both-biases").expect("in the suite").plant();
    let by_seed =
        |seed| answer(&instance, &Settings { seed, method: Method::Pursuit, ..Settings::default() });
    let (first, second) = (by_seed(1), by_seed(2));
    assert_eq!((first.report.verdict, second.report.verdict), (Verdict::Exact, Verdict::Exact));
    assert_ne!(bits(&first.network), bits(&second.network));
    // Each is within the tolerance of the planted network.
    assert!(orthant_network::align(&first.network, &second.network).worst() <= 2.0 * instance.tolerance());
}

/// Cancelled at its first report, at its second, and so on, until the search ends by itself: never anything but an error.
#[test]
fn a_callback_that_breaks_cancels() {
    for method in [Method::Auto, Method::Pursuit, Method::Cone, Method::Lift] {
        let instance = suite::instance("both-biases").expect("in the suite").plant();
        let samples = Samples::new(instance.x(), instance.a()).expect("finite");
        let settings = Settings { method, ..Settings::default() };
        let mut cancelled = 0;
        for stop_at in 0..200 {
            let calls = Cell::new(0);
            let outcome = recover(&samples, &settings, &mut |_| {
                calls.set(calls.get() + 1);
                if calls.get() > stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            match outcome {
                Err(RecoverError::Cancelled) => {
                    // Nothing is called after it said stop.
                    assert_eq!(calls.get(), stop_at + 1, "{method:?}");
                    cancelled += 1;
                }
                Ok(recovery) => {
                    assert_eq!(recovery.report.verdict, Verdict::Exact, "{method:?}");
                    break;
                }
                Err(other) => panic!("{method:?}: {other}"),
            }
        }
        assert!(cancelled > 0, "{method:?} never asks whether to go on");
    }
}

#[test]
fn progress_is_bounded_and_consistent() {
    for instance in instances() {
        let samples = Samples::new(instance.x(), instance.a()).expect("finite");
        let reports = RefCell::new(Vec::<Progress>::new());
        recover(&samples, &Settings::default(), &mut |progress| {
            reports.borrow_mut().push(progress);
            ControlFlow::Continue(())
        })
        .expect("enough samples");
        let reports = reports.into_inner();
        assert!(!reports.is_empty(), "{instance:?}");
        for progress in &reports {
            assert!(progress.found <= progress.wanted, "{progress:?}");
            assert!(progress.wanted <= instance.network.m(), "{progress:?}");
            assert!(!progress.stage.is_empty());
        }
    }
}

/// Labels in which there is nothing to be found: every search runs to its bound.
#[test]
fn a_hopeless_search_ends() {
    let impostor =
        suite::impostors().into_iter().find(|impostor| impostor.name == "random labels").expect("listed");
    let samples = Samples::new(impostor.x.as_ref(), impostor.a.as_ref()).expect("finite");
    for method in [Method::Auto, Method::Pursuit, Method::Cone, Method::Lift] {
        let calls = Cell::new(0usize);
        let settings = Settings { method, ..Settings::default() };
        let recovery = recover(&samples, &settings, &mut |_| {
            calls.set(calls.get() + 1);
            ControlFlow::Continue(())
        })
        .expect("enough samples");
        assert_eq!(recovery.report.verdict, Verdict::NotRecovered, "{method:?}: {:?}", recovery.report);
        // Patience in start-iterations, of which each report stands for at least ten; twice for the two pursuits of `Auto`; and
        // the walks, blocks and steps of the other methods, which are in the hundreds.
        assert!(calls.get() <= 2 * settings.patience / 10 + 2000, "{method:?}: {} reports", calls.get());
    }
}

#[test]
fn settings_out_of_range_are_named() {
    let instance = suite::instance("gaussian").expect("in the suite").plant();
    let samples = Samples::new(instance.x(), instance.a()).expect("finite");
    let wrong = [
        ("width", Settings { width: Some(0), ..Settings::default() }),
        ("holdout", Settings { holdout: Some(0.6), ..Settings::default() }),
        ("holdout", Settings { holdout: Some(-0.1), ..Settings::default() }),
        ("holdout", Settings { holdout: Some(f64::NAN), ..Settings::default() }),
    ];
    for (expected, settings) in wrong {
        let outcome = recover(&samples, &settings, &mut |_| ControlFlow::Continue(()));
        assert!(
            matches!(outcome, Err(RecoverError::Setting { name, .. }) if name == expected),
            "{expected}: {outcome:?}"
        );
    }
}
