//! Networks of other activations than max(t, 0) come back with the scale that their activation leaves, or not as `exact`.

use std::ops::ControlFlow;

use orthant_exact::{
    BiasModel, Method, RecoverError, Recovery, Settings, UniquenessLevel, UnitReason, Verdict, recover,
};
use orthant_network::{
    Activation, BiasKind, Network, Planted, PlantedSpec, Rectifier, RowScale, Samples, align,
};

/// Seeds of each case: fixed, and not chosen.
const SEEDS: std::ops::Range<u64> = 0..6;

/// Half the digits of an `f64`: units that are not the planted ones are about 1 apart.
const MATCHED: f64 = 1.5e-8;

/// Instances of the six that must come back: one may have a unit with too few samples on one side.
const REQUIRED: usize = 5;

fn planted(activation: &Activation, bias: BiasKind, n: usize, seed: u64) -> Planted {
    let activation = activation.clone();
    let spec = PlantedSpec { m: 8, k: 6, d: 6, bias, activation, seed, ..PlantedSpec::default() };
    spec.plant(n).expect("valid")
}

fn answer(planted: &Planted, settings: &Settings) -> Result<Recovery, RecoverError> {
    let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("planted samples are finite");
    recover(&samples, settings, &mut |_| ControlFlow::Continue(()))
}

/// How many of the seeds come back as `exact`; panics when one of those is wrong.
fn count_exact(activation: &Activation, bias: BiasKind, n: usize) -> usize {
    let is_exact = |seed: &u64| {
        let planted = planted(activation, bias, n, *seed);
        let settings = Settings { activation: activation.clone(), ..Settings::default() };
        let Recovery { network, report } = answer(&planted, &settings).expect("enough samples");
        let error = align(&network, &planted.network).worst();
        let wrong = report.verdict == Verdict::Exact && error > MATCHED;
        assert!(!wrong, "{activation} {bias:?} seed {seed}: exact with error {error:e}");
        report.verdict == Verdict::Exact
    };
    SEEDS.filter(is_exact).count()
}

#[test]
fn rectified_activations_are_recovered_with_and_without_biases() {
    for name in ["power:0.5", "power:1.5", "power:2", "power:3", "expm1", "expm1-square"] {
        let activation: Activation = name.parse().expect("built in");
        for bias in [BiasKind::None, BiasKind::Both] {
            let exact = count_exact(&activation, bias, 100);
            assert!(exact >= REQUIRED, "{name} {bias:?}: {exact} of 6");
        }
    }
}

#[test]
fn leaky_relu_and_the_absolute_value_are_recovered() {
    for name in ["leaky-relu:0.1", "leaky-relu:-0.5", "abs"] {
        let activation: Activation = name.parse().expect("built in");
        for bias in [BiasKind::None, BiasKind::Both] {
            // N = 21 + 42 + 28 + ... monomials with both biases: 150 samples are more than enough for each.
            let exact = count_exact(&activation, bias, 200);
            assert!(exact >= REQUIRED, "{name} {bias:?}: {exact} of 6");
        }
    }
}

#[test]
fn uniqueness_of_leaky_units_is_proved_where_the_lift_has_samples_enough() {
    let activation = Activation::leaky_relu(0.1).expect("allowed");
    let planted = planted(&activation, BiasKind::None, 200, 0);
    let settings = Settings { activation, bias: BiasModel::Known(BiasKind::None), ..Settings::default() };
    let report = answer(&planted, &settings).expect("enough samples").report;
    assert_eq!(report.verdict, Verdict::Exact, "{}", report.reason);
    assert_eq!(report.uniqueness.level, UniquenessLevel::ProvedByLift);
}

/// The scale of the rows is part of the answer where it is part of the function.
#[test]
fn rows_are_normalised_or_identified_as_the_activation_says() {
    for (name, scale) in [("power:2", RowScale::Normalised), ("expm1", RowScale::Identified)] {
        let activation: Activation = name.parse().expect("built in");
        assert_eq!(activation.row_scale(), scale);
        let planted = planted(&activation, BiasKind::None, 120, 3);
        // Inputs twice as large are those of a network with rows half as long.
        let x = 2.0 * &planted.x;
        let samples = Samples::new(x.as_ref(), planted.a.as_ref()).expect("finite");
        let settings = Settings { activation, ..Settings::default() };
        let found = recover(&samples, &settings, &mut |_| ControlFlow::Continue(())).expect("enough");
        assert_eq!(found.report.verdict, Verdict::Exact, "{name}: {}", found.report.reason);
        let expected = if scale == RowScale::Normalised { 1.0 } else { 0.5 };
        for i in 0..6 {
            let norm = found.network.v().row(i).norm_l2();
            assert!((norm - expected).abs() <= MATCHED, "{name}: {norm}");
        }
    }
}

#[test]
fn the_wrong_activation_is_never_exact() {
    let names = ["relu", "power:2", "expm1", "leaky-relu:0.1", "abs"];
    for truth in names {
        let planted = planted(&truth.parse().expect("built in"), BiasKind::Both, 200, 1);
        for assumed in names.into_iter().filter(|&assumed| assumed != truth) {
            let settings = Settings {
                activation: assumed.parse().expect("built in"),
                patience: 3000,
                ..Settings::default()
            };
            let Ok(found) = answer(&planted, &settings) else { continue };
            let Recovery { report, .. } = found;
            assert_ne!(report.verdict, Verdict::Exact, "{truth} taken for {assumed}");
            assert_ne!(report.verdict, Verdict::ExactOnSamples, "{truth} taken for {assumed}");
        }
    }
}

#[test]
fn methods_for_other_activations_are_refused_by_name() {
    let refused = [
        (Method::Lift, "power:2", "pursuit"),
        (Method::Pursuit, "abs", "lift"),
        (Method::Cone, "leaky-relu:0.1", "lift"),
        (Method::Symmetric, "expm1", "pursuit"),
    ];
    for (method, name, better) in refused {
        let activation: Activation = name.parse().expect("built in");
        let planted = planted(&activation, BiasKind::None, 100, 0);
        let settings = Settings { activation, method, ..Settings::default() };
        assert!(
            matches!(answer(&planted, &settings), Err(RecoverError::Activation { instead, .. }) if instead == better),
            "{} {name}",
            method.name()
        );
    }
}

/// An activation of the user's own: t + t².
#[derive(Debug)]
struct Quadratic;

impl Rectifier for Quadratic {
    fn name(&self) -> String {
        "t + t^2".to_string()
    }
    fn value(&self, t: f64) -> f64 {
        t + t * t
    }
    fn derivative(&self, t: f64) -> f64 {
        1.0 + 2.0 * t
    }
    fn inverse(&self, z: f64) -> f64 {
        // (√(1 + 4z) − 1) / 2 without cancellation.
        2.0 * z / (1.0 + (1.0 + 4.0 * z).sqrt())
    }
}

#[test]
fn an_activation_of_the_users_own_is_recovered_with_its_scale() {
    let activation = Activation::rectified(Quadratic);
    let exact = count_exact(&activation, BiasKind::None, 120);
    assert!(exact >= REQUIRED, "{exact} of 6");
}

/// t² without its degree: the scale of the weights is free, and nobody says so.
#[derive(Debug)]
struct Square;

impl Rectifier for Square {
    fn name(&self) -> String {
        "square without a degree".to_string()
    }
    fn value(&self, t: f64) -> f64 {
        t * t
    }
    fn derivative(&self, t: f64) -> f64 {
        2.0 * t
    }
    fn inverse(&self, z: f64) -> f64 {
        z.sqrt()
    }
}

/// eᵗ − 1 on inputs of size 10⁻⁶ is t to within single precision, and t² is a power for any t: weights of any size explain the labels.
#[test]
fn a_scale_that_the_labels_do_not_show_is_not_exact() {
    let shrunk = |seed: u64| {
        let mut planted = planted(&Activation::expm1(), BiasKind::None, 300, seed);
        planted.x *= 1e-6;
        planted.a = planted.network.labels(planted.x.as_ref());
        planted.a.col_iter_mut().for_each(|col| col.iter_mut().for_each(|a| *a = f64::from(*a as f32)));
        planted
    };
    let square = Activation::rectified(Square);
    for seed in SEEDS {
        let cases = [
            (Activation::expm1(), shrunk(seed)),
            (square.clone(), planted(&square, BiasKind::None, 300, seed)),
        ];
        for (activation, planted) in cases {
            let settings = Settings { activation: activation.clone(), ..Settings::default() };
            let report = answer(&planted, &settings).expect("enough samples").report;
            assert_ne!(report.verdict, Verdict::Exact, "{activation} seed {seed}");
            let open =
                report.units.iter().filter(|unit| unit.reason == UnitReason::UndeterminedScale).count();
            assert!(open >= REQUIRED, "{activation} seed {seed}: {open} of 6, {}", report.reason);
        }
    }
}

/// Inputs of size 10¹²⁰ and output weights of size 10⁻²⁹⁰ under t³: the cube of the input scale is no number, the weights are.
#[test]
fn scales_whose_powers_overflow_change_nothing() {
    let cube = Activation::power(3.0).expect("positive");
    let mut large = planted(&cube, BiasKind::None, 100, 0);
    let network = large.network;
    let u = 1e-290 * network.u();
    large.network =
        Network::with_activation(cube.clone(), u, network.v().to_owned(), None, None).expect("fits");
    // (10¹²⁰)³ · 10⁻²⁹⁰ = 10⁷⁰.
    (large.x, large.a) = (1e120 * &large.x, 1e70 * &large.a);
    let settings = Settings { activation: cube, ..Settings::default() };
    let Recovery { network, report } = answer(&large, &settings).expect("enough samples");
    assert_eq!(report.verdict, Verdict::Exact, "{}", report.reason);
    assert!(align(&network, &large.network).worst() <= MATCHED);
}
