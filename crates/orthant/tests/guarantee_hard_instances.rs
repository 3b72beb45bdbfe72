//! Instances that no method can be expected to solve (Theorem 23, Lemma 55): a method may fail on them, and must not claim what is not so.

use std::ops::ControlFlow;

use orthant::hardness::{ClauseKind, Family, Instance, KappaPair, Options, Recipe, Variant};
use orthant::linalg::random;
use orthant::network::BiasKind;
use orthant::{BiasModel, Mat, Method, Recovery, Samples, Settings, Verdict, recover};

const METHODS: [Method; 4] = [Method::Auto, Method::Pursuit, Method::Restarts, Method::WorstCase];

/// Reports of progress after which a method is stopped.
const PATIENCE: usize = 100;

/// The answer, or none when it takes too long or the samples are refused.
fn answer(samples: &Samples<'_>, width: usize, method: Method) -> Option<Recovery> {
    let settings = Settings {
        width: Some(width),
        bias: BiasModel::Known(BiasKind::None),
        method,
        ..Settings::default()
    };
    let mut calls = 0;
    let progress = &mut |_| {
        calls += 1;
        if calls > PATIENCE { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    recover(samples, &settings, progress).ok()
}

/// Twelve formulas, six of them unsatisfiable.
fn instances() -> Vec<Instance> {
    let mut instances = Vec::new();
    for (clauses, variables, density) in
        [(ClauseKind::ThreeSat, 3, 7.0), (ClauseKind::ThreeSat, 5, 7.0), (ClauseKind::ReversibleSix, 6, 26.0)]
    {
        for family in [Family::Planted, Family::Unsatisfiable] {
            for seed in 20..22 {
                let recipe = Recipe { family, clauses, variables, density, seed };
                let options = Options { variant: Variant::Free, ..Options::default() };
                instances.push(Instance::from_recipe(&recipe, &options).expect("small, and dense enough"));
            }
        }
    }
    instances
}

/// Whether a network of at most two units has these labels, by its verdict.
fn claims_to_fit(recovery: &Recovery) -> bool {
    let zero = matches!(recovery.report.verdict, Verdict::Exact | Verdict::ExactOnSamples);
    zero && recovery.network.k() <= 2
}

/// Satisfiable formulas of so few variables have many solutions, and no network is the only one; unsatisfiable ones have none.
fn check(instance: &Instance, samples: &Samples<'_>, case: &str) -> usize {
    let mut answers = 0;
    for method in METHODS {
        let Some(recovery) = answer(samples, 2, method) else { continue };
        answers += 1;
        assert_ne!(recovery.report.verdict, Verdict::Exact, "{case}, {}", method.name());
        if claims_to_fit(&recovery) {
            let decoded = instance.decode(&recovery.network);
            assert!(decoded.is_ok(), "{case}, {}: {decoded:?}", method.name());
            assert!(instance.satisfying().is_some(), "{case}, {}", method.name());
        }
    }
    answers
}

#[test]
fn no_method_claims_an_encoded_formula_solved_that_is_not() {
    let instances = instances();
    assert_eq!(instances.iter().filter(|instance| instance.satisfying().is_some()).count(), 6);
    let mut answers = 0;
    for (index, instance) in instances.iter().enumerate() {
        answers += check(instance, &instance.samples(), &format!("instance {index}"));
    }
    assert!(answers > 0, "nothing was checked");
}

/// Copies on the same rays hold no information, whatever the digits of their factors.
#[test]
fn scaled_copies_of_the_samples_are_no_evidence() {
    let mut answers = 0;
    for (index, instance) in instances().iter().enumerate() {
        let (x, a) = (instance.x(), instance.a());
        let n = x.ncols();
        let factors: Vec<f64> =
            random::gaussian_vec(8 * n, &mut random::stream(index as u64, "test factors", 0))
                .iter()
                .map(|factor| 0.1 + factor.abs())
                .collect();
        let inputs = Mat::from_fn(x.nrows(), 8 * n, |r, j| factors[j] * x[(r, j % n)]);
        let labels = Mat::from_fn(a.nrows(), 8 * n, |o, j| factors[j] * a[(o, j % n)]);
        let samples = Samples::new(inputs.as_ref(), labels.as_ref()).expect("finite");
        answers += check(instance, &samples, &format!("copies of instance {index}"));
    }
    assert!(answers > 0, "nothing was checked");
}

/// Samples on which both networks of a pair agree cannot say which of them it is.
#[test]
fn a_pair_that_no_sample_tells_apart_is_not_exact() {
    let mut answers = 0;
    for a in [0.3, 0.1, 0.01] {
        let pair = KappaPair::new(a, 2).expect("a valid pair");
        for seed in 20..25 {
            let inputs = pair.agreeing_inputs(100, seed);
            let labels = pair.labels(0, inputs.as_ref());
            assert_eq!(labels, pair.labels(1, inputs.as_ref()));
            let samples = Samples::new(inputs.as_ref(), labels.as_ref()).expect("finite");
            for method in METHODS {
                let Some(recovery) = answer(&samples, 2, method) else { continue };
                answers += 1;
                assert_ne!(recovery.report.verdict, Verdict::Exact, "{a} {seed} {}", method.name());
            }
        }
    }
    assert!(answers > 0, "nothing was checked");
}
