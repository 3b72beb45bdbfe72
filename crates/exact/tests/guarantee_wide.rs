//! Networks with fewer outputs than hidden units: recovered, and never called exact when they are not.

use std::ops::ControlFlow;

use orthant_exact::{BiasModel, Method, Recovery, Settings, UniquenessLevel, UnitReason, Verdict, recover};
use orthant_linalg::{Mat, product, random};
use orthant_network::{BiasKind, Network, PlantedSpec, Samples, align};
use orthant_testkit::check::LARGEST_TOLERANCE;
use orthant_testkit::{Departure, Instance, LabelKind, Recipe, binomial, strategy};
use proptest::prelude::{Just, Strategy, prop_assert, prop_oneof};
use proptest::test_runner::TestCaseResult;

/// Half the digits of an `f64`: unrelated units are about 1 apart.
const MATCHED: f64 = 1.5e-8;

fn answer(x: &Mat<f64>, a: &Mat<f64>, settings: &Settings) -> Recovery {
    let samples = Samples::new(x.as_ref(), a.as_ref()).expect("planted samples are finite");
    recover(&samples, settings, &mut |_| ControlFlow::Continue(())).expect("enough samples")
}

fn spec(m: usize, k: usize, d: usize, bias: BiasKind, seed: u64) -> PlantedSpec {
    PlantedSpec { m, k, d, bias, seed, ..PlantedSpec::default() }
}

/// Over ten seeds, at most as many failures as a failure rate of 0.05 explains with a false-alarm rate of 10⁻⁶.
#[track_caller]
fn assert_mostly_exact(m: usize, k: usize, d: usize, bias: BiasKind, n: usize, settings: &Settings) {
    let trials = 10;
    let mut failed = Vec::new();
    for seed in 0..trials as u64 {
        let planted = spec(m, k, d, bias, seed).plant(n).expect("valid");
        let Recovery { network, report } = answer(&planted.x, &planted.a, settings);
        let exact = report.verdict == Verdict::Exact;
        let error = align(&network, &planted.network).worst();
        // However hard the instance, an exact answer is right.
        assert!(!exact || error <= MATCHED, "seed {seed}: {error} {report:?}");
        if exact {
            assert_eq!(report.uniqueness.level, UniquenessLevel::GivenPatterns);
            assert!(report.units.iter().all(|unit| unit.identified && unit.null_gap > 0.0));
        } else {
            failed.push((seed, report.reason));
        }
    }
    // Probability of failing when the claimed rate holds: a false alarm in a million.
    assert!(failed.len() <= binomial::quantile(trials, 0.05, 1e-6), "{failed:?}");
}

#[test]
fn scalar_networks_are_recovered_without_knowing_the_width() {
    assert_mostly_exact(1, 3, 5, BiasKind::None, 400, &Settings::default());
}

#[test]
fn scalar_networks_with_biases_are_recovered() {
    assert_mostly_exact(1, 3, 4, BiasKind::Both, 500, &Settings::default());
}

#[test]
fn networks_of_two_outputs_are_recovered() {
    assert_mostly_exact(2, 4, 6, BiasKind::None, 400, &Settings::default());
}

#[test]
fn the_width_may_be_given() {
    assert_mostly_exact(2, 5, 4, BiasKind::Hidden, 500, &Settings { width: Some(5), ..Settings::default() });
}

#[test]
fn more_units_than_inputs_are_recovered() {
    let settings = Settings { bias: BiasModel::Known(BiasKind::None), ..Settings::default() };
    assert_mostly_exact(1, 5, 3, BiasKind::None, 600, &settings);
}

#[test]
fn labels_in_single_precision_are_recovered_to_their_precision() {
    let planted = spec(1, 3, 4, BiasKind::Both, 3).plant(600).expect("valid");
    let rounded = Mat::from_fn(1, 600, |o, j| f64::from(planted.a[(o, j)] as f32));
    let Recovery { network, report } = answer(&planted.x, &rounded, &Settings::default());
    assert_eq!(report.verdict, Verdict::Exact, "{}", report.reason);
    // Single precision rounds to 6·10⁻⁸ at most, 2·10⁻⁸ in root mean square.
    assert!(report.label_precision > 1e-9 && report.label_precision < 1e-6, "{}", report.label_precision);
    // Three hundred times the rounding of labels: the weights of these units are better conditioned than that.
    assert!(align(&network, &planted.network).worst() <= 300.0 * report.label_precision);
}

#[test]
fn a_width_that_is_too_small_is_never_exact() {
    let planted = spec(1, 4, 5, BiasKind::None, 1).plant(600).expect("valid");
    for width in 2..4 {
        let report =
            answer(&planted.x, &planted.a, &Settings { width: Some(width), ..Settings::default() }).report;
        assert!(!matches!(report.verdict, Verdict::Exact | Verdict::ExactOnSamples), "{width}: {report:?}");
    }
}

#[test]
fn a_width_that_is_too_large_leaves_units_without_trace() {
    let planted = spec(1, 3, 5, BiasKind::None, 2).plant(600).expect("valid");
    let Recovery { network, report } =
        answer(&planted.x, &planted.a, &Settings { width: Some(4), ..Settings::default() });
    assert_eq!((report.verdict, network.k()), (Verdict::ExactOnSamples, 3), "{}", report.reason);
    assert_eq!(report.units[3].reason, UnitReason::NoTrace);
    assert!(align(&network, &planted.network).worst() <= MATCHED);
}

#[test]
fn noisy_labels_are_never_exact() {
    for digits in [1, 3, 6, 9] {
        let instance = Recipe::plain(spec(1, 3, 5, BiasKind::None, 4), 400)
            .labelled(LabelKind::Noise(10f64.powi(-digits)))
            .plant()
            .expect("valid");
        let report = answer(&instance.x, &instance.a, &Settings::default()).report;
        assert!(!matches!(report.verdict, Verdict::Exact | Verdict::ExactOnSamples), "{digits}: {report:?}");
    }
}

/// f(t) − f(−t) = t: units that sum to an affine function can all be turned, and the labels do not change.
#[test]
fn units_that_can_be_turned_together_are_not_exact() {
    let rng = &mut random::stream(1, "turned", 0);
    let pair = random::gaussian(2, 4, rng);
    // Rows v, w, −(v + w) with weight 1 each, and one more unit.
    let other = random::gaussian_vec(4, rng);
    let v = Mat::from_fn(4, 4, |i, r| match i {
        0 | 1 => pair[(i, r)],
        2 => -(pair[(0, r)] + pair[(1, r)]),
        _ => other[r],
    });
    let network = Network::new(Mat::from_fn(1, 4, |_, _| 1.0), v, None, None).expect("shapes fit");
    let x = random::gaussian(4, 600, rng);
    let a = network.labels(x.as_ref());
    for bias in [BiasModel::Auto, BiasModel::Known(BiasKind::None)] {
        let report = answer(&x, &a, &Settings { bias, ..Settings::default() }).report;
        assert_eq!(report.verdict, Verdict::ExactOnSamples, "{report:?}");
        assert!(report.units.iter().any(|unit| unit.reason == UnitReason::Orientation));
    }
}

#[test]
fn an_antiparallel_pair_is_not_exact() {
    let rng = &mut random::stream(2, "antiparallel", 0);
    let rows = random::gaussian(2, 4, rng);
    let v = Mat::from_fn(3, 4, |i, r| if i == 2 { -rows[(0, r)] } else { rows[(i, r)] });
    let u = random::gaussian(1, 3, rng);
    let network = Network::new(u, v, None, None).expect("shapes fit");
    let x = random::gaussian(4, 500, rng);
    let a = network.labels(x.as_ref());
    let Recovery { network: found, report } = answer(&x, &a, &Settings::default());
    assert_ne!(report.verdict, Verdict::Exact, "{report:?}");
    let error = &found.labels(x.as_ref()) - &a;
    // Whatever is said of the units, the labels are explained.
    assert!(product::frobenius(error.as_ref()) <= MATCHED * product::frobenius(a.as_ref()), "{report:?}");
}

#[test]
fn same_bits_for_any_number_of_threads() {
    let planted = spec(1, 4, 5, BiasKind::Both, 5).plant(700).expect("valid");
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| answer(&planted.x, &planted.a, &Settings::default()))
    };
    let (one, four) = (with(1), with(4));
    assert_eq!(one.network, four.network);
    assert_eq!(one.report, four.report);
}

/// Angles of about one to a hundred samples between the kinks of two units. With none between, the two have one pattern and may pass for
/// one.
#[test]
fn nearly_parallel_units_are_right_when_they_are_exact() {
    let (n, mut exact) = (400, 0);
    for m in [1, 2] {
        for seed in 40_000..40_040 {
            let angle = 10f64.powf((seed % 5) as f64 / 2.0) / n as f64;
            let parallel = Departure::Parallel { unit: 0, of: 1, angle };
            let recipe = Recipe::plain(spec(m, 3, 4, BiasKind::None, seed), n).with(parallel);
            let instance = recipe.plant().expect("valid");
            let patterns = instance.patterns();
            let alike = patterns[0].distance(&patterns[1]) == 0;
            let Recovery { network, report } = answer(&instance.x, &instance.a, &Settings::default());
            if report.verdict == Verdict::Exact && !alike {
                exact += 1;
                let error = align(&network, &instance.visible()).worst();
                assert!(error <= LARGEST_TOLERANCE, "m = {m}, seed {seed}: off by {error:e}");
            }
        }
    }
    assert!(exact > 0);
}

/// Small networks with fewer outputs than units, on few samples, with one thing that makes trouble or none.
fn troubled() -> impl Strategy<Value = Instance> {
    let bias = prop_oneof![
        Just(BiasKind::None),
        Just(BiasKind::Hidden),
        Just(BiasKind::Output),
        Just(BiasKind::Both)
    ];
    let dimensions = (1..=2usize, 1..=2usize, 2..=4usize, 0..=80usize);
    (dimensions, bias, 0..6usize, 0..4usize, 0..4usize, 1.0..8.0f64, (0..u64::MAX).no_shrink()).prop_map(
        |((m, extra, d, more), bias, kind, unit, of, digits, seed)| {
            let k = m + extra;
            let n = k * (d + 1) + 12 + more;
            let (unit, of) = (unit % k, of % k);
            let recipe = Recipe::plain(spec(m, k, d, bias, seed), n);
            let recipe = match kind {
                0 => recipe.with(Departure::ActiveOn { unit, samples: of }),
                1 => recipe.with(Departure::ActiveOn { unit, samples: n - of }),
                2 if unit != of => {
                    recipe.with(Departure::Parallel { unit, of, angle: 10f64.powf(-digits / 4.0) })
                }
                3 if unit != of => recipe.with(Departure::Antiparallel { unit, of }),
                4 => recipe.with(Departure::OutputScale { unit, factor: 10f64.powf(-digits) }),
                _ => recipe,
            };
            recipe.plant().expect("valid")
        },
    )
}

/// An exact answer has the units that made the samples. Two units that no sample tells apart (they have one pattern) can pass for
/// one: such samples are those of a narrower network too, and nobody could say which.
fn require_honest(instance: &Instance) -> TestCaseResult {
    let samples = Samples::new(instance.x(), instance.a()).expect("finite");
    let recovery = recover(&samples, &Settings::default(), &mut |_| ControlFlow::Continue(()));
    let Ok(Recovery { network, report }) = recovery else { return Ok(()) };
    let patterns = instance.patterns();
    let alike = (0..patterns.len()).any(|i| (0..i).any(|j| patterns[i].distance(&patterns[j]) == 0));
    if report.verdict == Verdict::Exact && !alike {
        let error = align(&network, &instance.visible()).worst();
        prop_assert!(error <= LARGEST_TOLERANCE, "{error}\n{instance:?}\n{report:?}");
    }
    Ok(())
}

#[test]
fn exact_is_right_on_few_samples_of_troubled_networks() {
    strategy::for_all(96, &troubled(), |instance| require_honest(&instance));
}

#[test]
fn restarts_alone_are_a_method() {
    let planted = spec(3, 3, 4, BiasKind::None, 6).plant(300).expect("valid");
    let settings = Settings { method: Method::Restarts, ..Settings::default() };
    let Recovery { network, report } = answer(&planted.x, &planted.a, &settings);
    assert_eq!((report.verdict, report.method.as_str()), (Verdict::Exact, "restarts"), "{}", report.reason);
    assert!(align(&network, &planted.network).worst() <= MATCHED);
}
