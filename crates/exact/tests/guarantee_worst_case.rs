//! Theorem 11: for arbitrary inputs and rank(A) = k, a network, a proof that none exists, or the end of the budget.

use std::ops::ControlFlow;

use orthant_exact::{BiasModel, Method, Reason, Recovery, Settings, UniquenessLevel, Verdict, recover};
use orthant_linalg::{Mat, product, random, spectrum};
use orthant_network::{Activation, BiasKind, Network, Samples, align};
use rand::RngExt;

/// Half the digits of an `f64`: unrelated units are about 1 apart.
const MATCHED: f64 = 1.5e-8;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Inputs {
    Gaussian,
    /// From −3 to 3.
    Integer,
    Binary,
    /// Every input of the first half again in the second, every other time doubled.
    Duplicated,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Weights {
    Gaussian,
    /// From −2 to 2, so that many samples lie on kinks.
    Integer,
}

struct Instance {
    x: Mat<f64>,
    a: Mat<f64>,
    network: Network,
}

fn planted(
    inputs: Inputs,
    weights: Weights,
    activation: &Activation,
    bias: BiasKind,
    (k, d, n): (usize, usize, usize),
    seed: u64,
) -> Instance {
    let rng = &mut random::stream(seed, "worst case", n as u64);
    let mut x = random::gaussian(d, n, rng);
    for j in 0..n {
        for r in 0..d {
            match inputs {
                Inputs::Gaussian => {}
                Inputs::Integer => x[(r, j)] = f64::from(rng.random_range(-3i32..=3)),
                Inputs::Binary => x[(r, j)] = f64::from(rng.random::<bool>()),
                Inputs::Duplicated if j >= n / 2 => {
                    x[(r, j)] = x[(r, j - n / 2)] * if j % 2 == 0 { 2.0 } else { 1.0 };
                }
                Inputs::Duplicated => {}
            }
        }
    }
    let mut draw = |rows: usize, cols: usize| {
        let g = random::gaussian(rows, cols, rng);
        Mat::from_fn(rows, cols, |i, j| match weights {
            Weights::Gaussian => g[(i, j)],
            Weights::Integer => (2.0 * g[(i, j)]).round().clamp(-2.0, 2.0),
        })
    };
    let (u, v) = (draw(k, k), draw(k, d));
    let b = bias.hidden().then(|| draw(k, 1).col_as_slice(0).to_vec());
    let c = bias.output().then(|| draw(k, 1).col_as_slice(0).to_vec());
    // From the weights as drawn, so that labels are integers where everything is; the network has unit rows.
    let mut t = product::matmul(v.as_ref(), x.as_ref());
    for j in 0..n {
        for i in 0..k {
            t[(i, j)] = activation.value(t[(i, j)] + b.as_ref().map_or(0.0, |b| b[i]));
        }
    }
    let a = Mat::from_fn(k, n, |o, j| {
        c.as_ref().map_or(0.0, |c| c[o]) + (0..k).map(|i| u[(o, i)] * t[(i, j)]).sum::<f64>()
    });
    let network = Network::with_activation(activation.clone(), u, v, b, c).expect("shapes fit");
    Instance { x, a, network }
}

fn answer_with(
    instance: &Instance,
    settings: &Settings,
    callback: &mut dyn FnMut(orthant_exact::Progress) -> ControlFlow<()>,
) -> Recovery {
    let samples = Samples::new(instance.x.as_ref(), instance.a.as_ref()).expect("finite");
    recover(&samples, settings, callback).expect("the search answers for any samples")
}

fn settings(activation: &Activation, bias: BiasKind) -> Settings {
    Settings {
        method: Method::WorstCase,
        activation: activation.clone(),
        bias: BiasModel::Known(bias),
        ..Settings::default()
    }
}

fn answer(instance: &Instance, activation: &Activation, bias: BiasKind) -> Recovery {
    answer_with(instance, &settings(activation, bias), &mut |_| ControlFlow::Continue(()))
}

/// Whether the planted labels have the rank of the width and a network that is visible.
fn of_full_rank(instance: &Instance) -> bool {
    let s = spectrum::singular_values(instance.a.as_ref()).expect("finite");
    s.last().is_some_and(|&last| last > 1e-6 * s[0])
}

const ALL_INPUTS: [Inputs; 4] = [Inputs::Gaussian, Inputs::Integer, Inputs::Binary, Inputs::Duplicated];

/// A verdict `exact` is the truth, and labels of a network are never said to have none. Counts the verdicts `exact`.
fn assert_honest(instance: &Instance, recovery: &Recovery, what: &str) -> bool {
    let report = &recovery.report;
    assert!(!matches!(report.reason, Reason::Infeasible { .. }), "{what}: {}", report.reason);
    match report.verdict {
        Verdict::Exact => {
            assert_eq!(report.uniqueness.level, UniquenessLevel::ProvedByEnumeration, "{what}");
            let error = align(&recovery.network, &instance.network).worst();
            assert!(error <= MATCHED, "{what}: {error}");
            true
        }
        Verdict::ExactOnSamples => {
            let labels = recovery.network.labels(instance.x.as_ref());
            let error = product::frobenius((&labels - &instance.a).as_ref());
            assert!(error <= MATCHED * product::frobenius(instance.a.as_ref()), "{what}: {error}");
            false
        }
        verdict => panic!("{what}: {verdict}, {}", report.reason),
    }
}

#[test]
fn networks_are_found_on_arbitrary_inputs() {
    let relu = Activation::RELU;
    for (k, n) in [(2, 60), (3, 30)] {
        for inputs in ALL_INPUTS {
            for weights in [Weights::Gaussian, Weights::Integer] {
                let mut exact = 0;
                let mut asked = 0;
                for seed in 0..20 {
                    let instance = planted(inputs, weights, &relu, BiasKind::None, (k, 4, n), seed);
                    if !of_full_rank(&instance) {
                        continue;
                    }
                    let what = format!("{inputs:?} {weights:?} k = {k}, seed {seed}");
                    let recovery = answer(&instance, &relu, BiasKind::None);
                    asked += 1;
                    exact += usize::from(assert_honest(&instance, &recovery, &what));
                }
                // Binary inputs of four coordinates are 16 at most, and leave weights open; others are generic enough but for
                // units of small integers that coincide or are hardly ever active.
                let needed = match (inputs, weights) {
                    (Inputs::Binary, _) => 0,
                    (_, Weights::Integer) => asked * 3 / 4,
                    _ => asked * 9 / 10,
                };
                assert!(asked >= 5 && exact >= needed, "{inputs:?} {weights:?}: {exact} of {asked}");
            }
        }
    }
}

#[test]
fn biases_and_other_slopes_are_covered() {
    for name in ["relu", "leaky-relu:0.2", "leaky-relu:-0.5", "abs"] {
        let activation: Activation = name.parse().expect("built in");
        for bias in [BiasKind::None, BiasKind::Hidden, BiasKind::Output, BiasKind::Both] {
            let mut exact = 0;
            for seed in 0..5 {
                for inputs in [Inputs::Gaussian, Inputs::Integer] {
                    let instance = planted(inputs, Weights::Gaussian, &activation, bias, (3, 3, 40), seed);
                    let what = format!("{name} {bias:?} {inputs:?}, seed {seed}");
                    let recovery = answer(&instance, &activation, bias);
                    exact += usize::from(assert_honest(&instance, &recovery, &what));
                }
            }
            // Hidden biases are standard normal: some units are active on all samples, or on fewer than determine them.
            assert!(exact >= 7, "{name} {bias:?}: {exact} of 10");
        }
    }
}

#[test]
fn perturbed_labels_are_proved_infeasible() {
    let relu = Activation::RELU;
    for (k, n) in [(2, 60), (3, 30)] {
        for inputs in ALL_INPUTS {
            for kind in ["one", "few", "all", "active"] {
                let mut proved = 0;
                for seed in 0..20 {
                    let mut instance =
                        planted(inputs, Weights::Gaussian, &relu, BiasKind::None, (k, 4, n), seed);
                    let rng = &mut random::stream(seed, "perturbed", 0);
                    let size = product::frobenius(instance.a.as_ref()) / ((n * k) as f64).sqrt();
                    let z = instance.network.activations(instance.x.as_ref());
                    for j in 0..n {
                        for o in 0..k {
                            let g = random::gaussian_vec(1, rng)[0];
                            let hit = match kind {
                                "one" => o == 0 && j == n / 3,
                                "few" => o == 0 && j % 10 == 3,
                                // Labels that are zero stay so.
                                "active" => (0..k).any(|i| z[(i, j)] > 0.0),
                                _ => true,
                            };
                            instance.a[(o, j)] += if hit { 0.01 * size * g } else { 0.0 };
                        }
                    }
                    let recovery = answer(&instance, &relu, BiasKind::None);
                    let report = &recovery.report;
                    match report.reason {
                        Reason::Infeasible { margin, .. } => {
                            assert!(margin > 1.0 && report.verdict == Verdict::NotRecovered);
                            proved += 1;
                        }
                        Reason::Undecided { .. } => assert_eq!(report.verdict, Verdict::NotRecovered),
                        reason => panic!("{inputs:?} {kind} seed {seed}: {} {reason}", report.verdict),
                    }
                }
                // Perturbations are drawn, and may be so small that rounding hides them.
                assert!(proved >= 19, "k = {k} {inputs:?} {kind}: {proved} of 20");
            }
        }
    }
}

#[test]
fn budgets_widths_and_few_samples_are_answered() {
    let relu = Activation::RELU;
    let instance = planted(Inputs::Gaussian, Weights::Gaussian, &relu, BiasKind::None, (3, 4, 40), 1);
    let asked = settings(&relu, BiasKind::None);
    let stopped = answer_with(&instance, &asked, &mut |_| ControlFlow::Break(()));
    assert_eq!(stopped.report.reason, Reason::OutOfBudget { patterns: 0 });
    assert_eq!(stopped.report.verdict, Verdict::NotRecovered);
    // With all units found and the rest not searched, the network is one of perhaps several.
    let late = answer_with(&instance, &asked, &mut |progress| {
        if progress.found == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let whole = answer(&instance, &relu, BiasKind::None);
    assert_eq!(whole.report.verdict, Verdict::Exact, "{}", whole.report.reason);
    if late.report.attempts < whole.report.attempts {
        assert_eq!(late.report.verdict, Verdict::ExactOnSamples, "{}", late.report.reason);
        assert!(matches!(late.report.reason, Reason::OutOfBudget { .. }));
    }
    for (width, expected) in
        [(2, Reason::RankAboveWidth { rank: 3, width: 2 }), (4, Reason::WidthAboveRank { rank: 3, width: 4 })]
    {
        let report = answer_with(&instance, &Settings { width: Some(width), ..asked.clone() }, &mut |_| {
            ControlFlow::Continue(())
        })
        .report;
        assert_eq!((report.verdict, report.reason), (Verdict::NotRecovered, expected));
    }
    // Respected where it is asked for.
    let held =
        answer_with(&instance, &Settings { holdout: Some(0.2), ..asked }, &mut |_| ControlFlow::Continue(()));
    assert_eq!((held.report.verdict, held.report.holdout_samples), (Verdict::Exact, 8));
    for n in 1..9 {
        for bias in [BiasKind::None, BiasKind::Hidden, BiasKind::Output, BiasKind::Both] {
            let few = planted(Inputs::Integer, Weights::Gaussian, &relu, bias, (2, 2, n), 3);
            let report = answer(&few, &relu, bias).report;
            assert_ne!(report.verdict, Verdict::Exact, "n = {n} {bias:?}: {}", report.reason);
            assert!(
                !matches!(report.reason, Reason::Infeasible { .. }),
                "n = {n} {bias:?}: {}",
                report.reason
            );
        }
    }
}

/// Rounded labels are those of a network to their precision only: no proof is claimed that rests on their rounding.
#[test]
fn rounded_labels_are_not_said_to_have_no_network() {
    let relu = Activation::RELU;
    for seed in 0..10 {
        let mut instance =
            planted(Inputs::Gaussian, Weights::Gaussian, &relu, BiasKind::None, (3, 4, 40), seed);
        // More outputs than units, so that the precision shows.
        let mixing = random::gaussian(6, 3, &mut random::stream(seed, "mixing", 0));
        instance.a = product::matmul(mixing.as_ref(), instance.a.as_ref());
        for digits in [1e7, 1e4] {
            let rounded = Mat::from_fn(6, 40, |o, j| (instance.a[(o, j)] * digits).round() / digits);
            let samples = Samples::new(instance.x.as_ref(), rounded.as_ref()).expect("finite");
            let asked = settings(&relu, BiasKind::None);
            let report =
                recover(&samples, &asked, &mut |_| ControlFlow::Continue(())).expect("answered").report;
            assert!(
                !matches!(report.reason, Reason::Infeasible { .. }),
                "{seed} {digits}: {}",
                report.reason
            );
        }
    }
}

/// Labels of two outputs of a network of three units have rank two, and are not those of any network of width two.
#[test]
fn wider_networks_are_never_taken_for_narrow_ones() {
    let relu = Activation::RELU;
    for n in [12, 30] {
        for seed in 0..20 {
            let mut instance =
                planted(Inputs::Gaussian, Weights::Gaussian, &relu, BiasKind::None, (3, 4, n), seed);
            instance.a = instance.a.as_ref().subrows(0, 2).to_owned();
            let report = answer(&instance, &relu, BiasKind::None).report;
            assert_eq!(report.verdict, Verdict::NotRecovered, "n = {n}, seed {seed}: {}", report.reason);
            assert!(
                matches!(report.reason, Reason::Infeasible { .. }),
                "n = {n}, seed {seed}: {}",
                report.reason
            );
        }
    }
}

/// Units a small angle apart: their labels are never said to have no network, however badly the units are told apart.
#[test]
fn nearly_parallel_units_are_never_proved_infeasible() {
    let relu = Activation::RELU;
    for (k, n) in [(2, 12), (2, 40), (3, 30)] {
        for exponent in 3..=9 {
            let angle = 10f64.powi(-exponent);
            for inputs in [Inputs::Gaussian, Inputs::Integer, Inputs::Binary] {
                for seed in 0..10 {
                    let bias = if seed % 2 == 0 { BiasKind::None } else { BiasKind::Output };
                    let mut instance = planted(inputs, Weights::Gaussian, &relu, bias, (k, 3, n), seed);
                    let (u, v) = (instance.network.u(), instance.network.v());
                    let near =
                        Mat::from_fn(
                            k,
                            3,
                            |i, r| {
                                if i == 0 { v[(0, r)] } else { v[(0, r)] + angle * v[(i, r)] }
                            },
                        );
                    let output = instance.network.c().map(<[f64]>::to_vec);
                    let network = Network::with_activation(relu.clone(), u.to_owned(), near, None, output)
                        .expect("shapes fit");
                    instance.a = network.labels(instance.x.as_ref());
                    let report = answer(&instance, &relu, bias).report;
                    assert!(
                        report.label_rank < k || !matches!(report.reason, Reason::Infeasible { .. }),
                        "k = {k}, n = {n}, {angle:e} {inputs:?}, seed {seed}: {}",
                        report.reason
                    );
                }
            }
        }
    }
}

/// |a x₁ + b x₂| = |a x₁ − b x₂| where x₁ x₂ = 0: two kinks, the same values on all samples, and so two networks.
#[test]
fn kinks_that_give_the_same_values_are_different_networks() {
    let abs: Activation = "abs".parse().expect("built in");
    for k in [1, 2] {
        for n in [12, 40] {
            for ternary in [false, true] {
                for seed in 0..20 {
                    let rng = &mut random::stream(seed, "twins", n as u64);
                    let least = if ternary { -1i32 } else { 0 };
                    let mut x = Mat::from_fn(5, n, |_, _| f64::from(rng.random_range(least..=1)));
                    for j in 0..n {
                        x[(j % 2, j)] = 0.0;
                    }
                    let (u, mut v) = (random::gaussian(2, k, rng), random::gaussian(k, 5, rng));
                    for r in 2..5 {
                        v[(0, r)] = 0.0;
                    }
                    let network =
                        Network::with_activation(abs.clone(), u, v, None, None).expect("shapes fit");
                    let a = network.labels(x.as_ref());
                    let instance = Instance { x, a, network };
                    if !of_full_rank(&instance) {
                        continue;
                    }
                    let what = format!("k = {k}, n = {n}, {ternary}, seed {seed}");
                    let recovery = answer(&instance, &abs, BiasKind::None);
                    let report = &recovery.report;
                    assert_ne!(report.verdict, Verdict::Exact, "{what}: {}", report.reason);
                    assert!(!matches!(report.reason, Reason::Infeasible { .. }), "{what}: {}", report.reason);
                }
            }
        }
    }
}
