//! Samples from nowhere: no panic, no hang, and a clear error or an honest verdict, whatever errors the labels are said to have.

use std::ops::ControlFlow;

use orthant_exact::Verdict;
use orthant_linalg::{Mat, random, tolerance};
use orthant_network::{
    Activation, BiasKind, Network, NoiseKind, Planted, PlantedSpec, Samples, align, gross_errors,
};
use orthant_noisy::sparse::Doubt;
use orthant_noisy::{
    Answer, NoiseModel, NoiseReason, NoisyError, NoisyRecovery, Settings, recover, recover_noisy,
};
use orthant_testkit::strategy;
use proptest::prelude::{Just, Strategy, prop_assert, prop_oneof};

/// Cases of the random attack.
const CASES: u32 = 60;

fn settings(noise: NoiseModel) -> Settings {
    Settings { noise, ..Settings::default() }
}

fn answer(x: &Mat<f64>, a: &Mat<f64>, settings: &Settings) -> Result<Answer, NoisyError> {
    let samples = Samples::new(x.as_ref(), a.as_ref()).expect("finite");
    recover(&samples, settings, &mut |_| ControlFlow::Continue(()))
}

fn noisy(x: &Mat<f64>, a: &Mat<f64>) -> Result<NoisyRecovery, NoisyError> {
    let samples = Samples::new(x.as_ref(), a.as_ref()).expect("finite");
    recover_noisy(&samples, &settings(NoiseModel::Gaussian), &mut |_| ControlFlow::Continue(()))
}

fn gaussian(rows: usize, cols: usize, seed: u64) -> Mat<f64> {
    random::gaussian(rows, cols, &mut random::stream(seed, "hostile", 0))
}

fn planted(m: usize, k: usize, d: usize, n: usize, bias: BiasKind, seed: u64) -> Planted {
    PlantedSpec { m, k, d, bias, seed, ..PlantedSpec::default() }.plant(n).expect("valid")
}

fn label_scale(planted: &Planted) -> f64 {
    Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("finite").label_scale()
}

fn is_finite(network: &Network) -> bool {
    network.u().norm_max().is_finite() && network.v().norm_max().is_finite()
}

/// Finite weights, and never `exact`, under any model.
#[track_caller]
fn assert_nothing_claimed(x: &Mat<f64>, a: &Mat<f64>, what: &str) {
    for model in NoiseModel::ALL {
        if let Ok(found) = answer(x, a, &settings(model)) {
            assert_ne!(found.verdict(), Verdict::Exact, "{what} by {model:?}");
            assert!(is_finite(found.network()), "{what} by {model:?}");
        }
    }
}

/// `exact` is given for the true weights only.
#[track_caller]
fn assert_true_if_exact(x: &Mat<f64>, a: &Mat<f64>, truth: &Network, what: &str) {
    for model in NoiseModel::ALL {
        if let Ok(found) = answer(x, a, &settings(model)) {
            let worst = align(found.network(), truth).worst();
            // Labels of double precision give 1e-12, and noise of any size here more than 1e-4.
            assert!(found.verdict() != Verdict::Exact || worst < 1e-6, "{what} by {model:?}: {worst}");
        }
    }
}

#[test]
fn labels_that_do_not_vary_are_not_recovered() {
    for a in [Mat::zeros(3, 50), Mat::from_fn(3, 50, |o, _| o as f64 - 1.0), Mat::from_fn(3, 50, |_, _| 0.1)]
    {
        for model in NoiseModel::ALL {
            let found = answer(&gaussian(4, 50, 1), &a, &settings(model)).expect("enough samples");
            assert_eq!(found.verdict(), Verdict::NotRecovered, "{model:?}");
        }
        let found = noisy(&gaussian(4, 50, 1), &a).expect("enough samples");
        assert_eq!(found.report.reason, NoiseReason::NoUnit);
    }
}

#[test]
fn few_samples_are_an_error_or_claim_nothing() {
    for n in 1..10 {
        assert_nothing_claimed(&gaussian(3, n, 1), &gaussian(4, n, 2), &format!("{n} samples"));
        assert_nothing_claimed(&gaussian(2, n, 1), &gaussian(1, n, 2), &format!("{n} samples of one output"));
        assert_nothing_claimed(&gaussian(2, n, 1), &Mat::zeros(2, n), &format!("{n} samples of zero"));
    }
}

#[test]
fn inputs_that_do_not_vary_claim_nothing() {
    for x in [
        Mat::zeros(4, 40),
        Mat::from_fn(4, 40, |r, _| r as f64),
        Mat::from_fn(4, 40, |_, j| f64::from(j == 7)),
    ] {
        assert_nothing_claimed(&x, &gaussian(3, 40, 2), "random labels of constant inputs");
        assert_nothing_claimed(&x, &Mat::zeros(3, 40), "zero labels of constant inputs");
    }
}

/// A label as a function of output and sample.
type Label<'a> = Box<dyn Fn(usize, usize) -> f64 + 'a>;

/// Noise far below the labels, far above rounding: the fit is better than what exact recovery is left with.
#[test]
fn tiny_noise_is_fitted_under_auto() {
    let clean = planted(6, 3, 5, 200, BiasKind::None, 1);
    let a = &clean.a + &NoiseKind::Gaussian.errors(6, 200, 1e-9, 1);
    let found = answer(&clean.x, &a, &settings(NoiseModel::Auto)).expect("enough samples");
    assert!(found.verdict() != Verdict::NotRecovered);
    let worst = align(found.network(), &clean.network).worst();
    // A hundred times the noise.
    assert!(worst < 1e-7, "{worst}: {:?}", found.verdict());
}

#[test]
fn labels_of_no_network_claim_nothing() {
    let x = gaussian(4, 60, 1);
    let labels: [(&str, Label<'_>); 5] = [
        ("two values", Box::new(|o, j| f64::from(x[(o, j)] > 0.0))),
        ("integers", Box::new(|o, j| (3.0 * x[(o, j)]).round())),
        ("all but one at a bound", Box::new(|_, j| if j == 5 { 0.3 } else { 1.0 })),
        ("a product", Box::new(|o, j| x[(o, j)] * x[(3, j)])),
        ("noise", Box::new(|o, j| x[((o + 1) % 4, (j * 7 + 3) % 60)])),
    ];
    for (what, label) in &labels {
        assert_nothing_claimed(&x, &Mat::from_fn(3, 60, label), what);
    }
}

#[test]
fn duplicates_are_recovered_and_contradictions_are_not_exact() {
    let once = planted(6, 4, 5, 100, BiasKind::Both, 1);
    let x = Mat::from_fn(5, 400, |r, j| once.x[(r, j / 4)]);
    let a = Mat::from_fn(6, 400, |o, j| once.a[(o, j / 4)]);
    assert_true_if_exact(&x, &a, &once.network, "duplicates");
    assert_eq!(answer(&x, &a, &settings(NoiseModel::Auto)).expect("enough").verdict(), Verdict::Exact);
    let mut contradicting = a.clone();
    (0..6).for_each(|o| contradicting[(o, 0)] += 1.0);
    assert_nothing_claimed(&x, &contradicting, "one sample contradicts another");
    // The doubtful answer is better than one fitted to noise, and the one to give.
    let found = answer(&x, &contradicting, &settings(NoiseModel::Auto)).expect("enough");
    let Answer::Sparse(found) = found else { panic!("not located: {:?}", found.verdict()) };
    assert_eq!(found.doubt, Some(Doubt::Samples { count: 1, first: 0 }));
    // Rounding times the conditioning of Gaussian weights stays below this by four digits.
    assert!(align(&found.recovery.network, &once.network).worst() < 1e-9);
}

/// Sizes at which squares overflow or vanish: the same fit comes back, its standard errors too, or an error says that it cannot be.
#[test]
fn extreme_scales_are_fitted_or_refused() {
    let planted = planted(4, 3, 4, 200, BiasKind::Both, 1);
    let labels = &planted.a + &NoiseKind::Gaussian.errors(4, 200, 0.05, 1);
    let reference = noisy(&planted.x, &labels).expect("enough samples");
    for label_exponent in [-996, -498, 0, 498, 996] {
        for input_exponent in [-996, -498, 0, 498, 996] {
            let (t, s) = (2f64.powi(label_exponent), 2f64.powi(input_exponent));
            let x = Mat::from_fn(4, 200, |r, j| s * planted.x[(r, j)]);
            let a = Mat::from_fn(4, 200, |o, j| t * labels[(o, j)]);
            let what = format!("inputs times 2^{input_exponent}, labels times 2^{label_exponent}");
            let found = match noisy(&x, &a) {
                Ok(found) => found,
                Err(error) => {
                    assert!(matches!(error, NoisyError::WeightsOutOfRange { .. }), "{what}: {error}");
                    assert!(!(-960..=1000).contains(&(label_exponent - input_exponent)), "{what}: refused");
                    continue;
                }
            };
            assert_eq!(found.report.verdict, reference.report.verdict, "{what}");
            // Sizes other than powers of two near 1 round the same way.
            let close = |found: f64, expected: f64| {
                // Paths of rounding differ; the fits stop within this of one optimum.
                assert!((found / expected - 1.0).abs() < 1e-9, "{what}: {found:e}, {expected:e}");
            };
            close(found.report.noise_std / t, reference.report.noise_std);
            close(found.network.u()[(1, 1)] * (s / t.sqrt()) / t.sqrt(), reference.network.u()[(1, 1)]);
            close(found.network.v()[(1, 1)], reference.network.v()[(1, 1)]);
            let errors = (&found.standard_errors, &reference.standard_errors);
            close(errors.0.u[(1, 1)] * (s / t.sqrt()) / t.sqrt(), errors.1.u[(1, 1)]);
            close(errors.0.v[(1, 1)], errors.1.v[(1, 1)]);
            let bias = |e: &orthant_noisy::StandardErrors| e.b.as_ref().map(|b| b[1]);
            if let (Some(found), Some(expected)) = (bias(errors.0), bias(errors.1)) {
                close(found / s, expected);
            }
        }
    }
}

/// The verdict under noise does not depend on the unit of the inputs, biases or not.
#[test]
fn large_inputs_do_not_make_units_weak() {
    let planted = planted(4, 3, 4, 400, BiasKind::Both, 1);
    let a = &planted.a + &NoiseKind::Gaussian.errors(4, 400, 0.1, 1);
    for scale in [1e-4, 1.0, 1e4] {
        let x = Mat::from_fn(4, 400, |r, j| scale * planted.x[(r, j)]);
        let found = noisy(&x, &a).expect("enough samples");
        assert!(found.network.b().is_some(), "the bias is there");
        assert!(found.report.units.iter().all(|unit| !unit.weak), "{scale}: {:?}", found.report.units);
        assert_eq!(found.report.reason, NoiseReason::OptimumConfirmed, "{scale}");
    }
}

#[test]
fn a_huge_value_among_ordinary_ones_claims_nothing_false() {
    let clean = planted(6, 4, 5, 200, BiasKind::None, 1);
    for value in [1e6, 1e160, -1e300, f64::MAX] {
        let mut a = clean.a.clone();
        a[(1, 9)] = value;
        assert_true_if_exact(&clean.x, &a, &clean.network, &format!("a label of {value:e}"));
        let found = answer(&clean.x, &a, &settings(NoiseModel::Auto)).expect("one gross error");
        assert_eq!(found.verdict(), Verdict::Exact, "a label of {value:e}");
        let mut x = clean.x.clone();
        x[(1, 9)] = value;
        assert_nothing_claimed(&x, &clean.a, &format!("an input of {value:e}"));
    }
}

/// One sample wrong at all outputs, in the label space: nothing shows it before a network is found without it.
#[test]
fn a_sample_wrong_within_the_label_space_does_not_decide() {
    let clean = planted(12, 3, 6, 600, BiasKind::None, 3);
    let gross = gross_errors(12, 600, 40, 10.0 * label_scale(&clean), 3);
    for (factor, errors) in [(0.0, None), (2.5, None), (0.0, Some(&gross))] {
        let right = errors.map_or_else(|| clean.a.clone(), |e| &clean.a + e);
        let a = Mat::from_fn(12, 600, |o, j| if j == 17 { factor * clean.a[(o, j)] } else { right[(o, j)] });
        for model in [NoiseModel::Sparse, NoiseModel::Auto] {
            let found = answer(&clean.x, &a, &settings(model)).expect("enough samples");
            assert_eq!(found.verdict(), Verdict::Approximate, "{model:?}, times {factor}");
            let worst = align(found.network(), &clean.network).worst();
            // Paths of rounding differ; the fits stop within this of one optimum.
            assert!(worst < 1e-9, "{model:?}, times {factor}: {worst}");
            let Answer::Sparse(found) = found else { panic!("{model:?}: not located") };
            assert_eq!(found.doubt, Some(Doubt::Samples { count: 1, first: 17 }));
        }
    }
}

#[test]
fn gross_errors_among_labels_of_single_precision_are_located() {
    let clean = planted(20, 3, 6, 600, BiasKind::None, 3);
    let gross = gross_errors(20, 600, 240, 10.0 * label_scale(&clean), 3);
    let a = Mat::from_fn(20, 600, |o, j| f64::from((clean.a[(o, j)] + gross[(o, j)]) as f32));
    let Answer::Sparse(found) = answer(&clean.x, &a, &settings(NoiseModel::Sparse)).expect("enough samples")
    else {
        panic!("a model of its own");
    };
    assert_eq!((found.recovery.report.verdict, found.errors.len()), (Verdict::Exact, 240));
    assert!(align(&found.recovery.network, &clean.network).worst() < 1e4 * tolerance::EPS_F32);
    // Decimals are not looked for: no answer, or a true one, and no hang.
    let decimals = Mat::from_fn(20, 600, |o, j| (100.0 * (clean.a[(o, j)] + gross[(o, j)])).round() / 100.0);
    assert_nothing_claimed(&clean.x, &decimals, "two decimals and gross errors");
}

#[test]
fn exact_labels_stay_exact_under_auto() {
    let wide = planted(3, 5, 6, 400, BiasKind::None, 1);
    let square = planted(5, 5, 6, 60, BiasKind::None, 1);
    let single = planted(6, 3, 5, 200, BiasKind::Both, 1);
    let rounded = Mat::from_fn(6, 200, |o, j| f64::from(single.a[(o, j)] as f32));
    let truths = [(&wide, &wide.a), (&square, &square.a), (&single, &rounded)];
    for (i, (planted, a)) in truths.into_iter().enumerate() {
        let found = answer(&planted.x, a, &settings(NoiseModel::Auto)).expect("enough samples");
        assert_eq!(found.verdict(), Verdict::Exact, "{i}");
        assert!(align(found.network(), &planted.network).worst() < 1e4 * tolerance::EPS_F32, "{i}");
    }
    // Weights of one sign: zeros that are not a bound.
    let u = Mat::from_fn(6, 3, |o, i| single.network.u()[(o, i)].abs());
    let positive = Network::new(u, single.network.v().to_owned(), None, None).expect("valid");
    let a = positive.labels(single.x.as_ref());
    let found = answer(&single.x, &a, &settings(NoiseModel::Auto)).expect("enough samples");
    assert_eq!(found.verdict(), Verdict::Exact);
    // Rounding times the conditioning of Gaussian weights stays below this by four digits.
    assert!(align(found.network(), &positive).worst() < 1e-9);
}

#[test]
fn widths_beyond_reason_are_refused() {
    let small = planted(4, 2, 4, 100, BiasKind::None, 1);
    let large = (gaussian(1, 150_000, 1), gaussian(1, 150_000, 2));
    let with = |width| {
        let mut settings = settings(NoiseModel::Gaussian);
        settings.exact.width = Some(width);
        settings
    };
    let refused = answer(&small.x, &small.a, &with(65_536));
    assert!(matches!(refused, Err(NoisyError::TooFewSamples { n: 100, .. })), "{refused:?}");
    let refused = answer(&large.0, &large.1, &with(65_536));
    assert!(matches!(refused, Err(NoisyError::Setting { name: "width", .. })), "{refused:?}");
    for model in [NoiseModel::None, NoiseModel::Sparse, NoiseModel::Auto] {
        let settings = Settings { noise: model, ..with(65_536) };
        let found = answer(&small.x, &small.a, &settings).expect("enough samples");
        assert_ne!(found.verdict(), Verdict::Exact, "{model:?}");
    }
}

#[test]
fn holdout_and_known_noise_are_reported_as_they_are() {
    let clean = planted(4, 3, 4, 300, BiasKind::None, 1);
    let a = &clean.a + &NoiseKind::Gaussian.errors(4, 300, 0.05, 1);
    let run = |holdout: f64, noise_std: Option<f64>| {
        let mut settings = Settings { noise_std, ..settings(NoiseModel::Gaussian) };
        settings.exact.holdout = Some(holdout);
        match answer(&clean.x, &a, &settings).expect("enough samples") {
            Answer::Noisy(found) => found.report,
            _ => panic!("a model of its own"),
        }
    };
    let report = run(0.0, None);
    assert_eq!(
        (report.reason, report.holdout_samples, report.holdout_ratio),
        (NoiseReason::NothingHeldOut, 0, None)
    );
    let report = run(0.5, Some(0.05));
    assert_eq!((report.reason, report.holdout_samples), (NoiseReason::OptimumConfirmed, 150));
    // Standard deviations far below and far above any noise.
    for std in [1e-300, 1e300] {
        assert!(matches!(run(0.5, Some(std)).reason, NoiseReason::NotOfKnownNoise { .. }));
    }
}

#[test]
fn other_activations_are_named_or_answered() {
    let clean = planted(4, 2, 3, 120, BiasKind::None, 1);
    let leaky = Activation::leaky_relu(0.1).expect("a slope below 1");
    for activation in [Activation::ABSOLUTE, leaky, Activation::expm1(), Activation::expm1_square()] {
        for model in NoiseModel::ALL {
            let mut settings = settings(model);
            settings.exact.activation = activation.clone();
            match answer(&clean.x, &clean.a, &settings) {
                Ok(found) => assert_ne!(found.verdict(), Verdict::Exact, "{activation}"),
                Err(error) => {
                    assert_eq!((model, activation.degree()), (NoiseModel::Gaussian, None), "{error}");
                    assert!(error.to_string().contains(&activation.name()), "{error}");
                }
            }
        }
    }
}

#[test]
fn threads_do_not_change_the_bits() {
    let clean = planted(8, 3, 5, 300, BiasKind::Both, 2);
    let noise = &clean.a + &NoiseKind::Gaussian.errors(8, 300, 0.1, 1);
    let gross = &clean.a + &gross_errors(8, 300, 40, 10.0, 1);
    let cases = [
        (NoiseModel::None, &clean.a),
        (NoiseModel::Gaussian, &noise),
        (NoiseModel::Sparse, &gross),
        (NoiseModel::Auto, &noise),
        (NoiseModel::Auto, &gross),
    ];
    for (model, a) in cases {
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| answer(&clean.x, a, &settings(model)).expect("enough samples"))
        };
        let (one, four) = (on(1), on(4));
        assert_eq!(one.network(), four.network(), "{model:?}");
        match (&one, &four) {
            (Answer::Noisy(one), Answer::Noisy(four)) => {
                assert_eq!(one.report, four.report);
                assert_eq!(one.standard_errors, four.standard_errors);
            }
            (Answer::Sparse(one), Answer::Sparse(four)) => assert_eq!(one.errors, four.errors),
            (one, four) => assert_eq!(one.verdict(), four.verdict()),
        }
    }
}

#[test]
fn arbitrary_magnitudes_never_panic_and_never_pass_for_exact() {
    let value = || prop_oneof![Just(0.0), -1.0..1.0f64, (-308.0..308.0f64).prop_map(|e| 10f64.powf(e))];
    let matrix = |rows: usize, cols: usize| {
        proptest::collection::vec(value(), rows * cols)
            .prop_map(move |v| Mat::from_fn(rows, cols, |i, j| v[i + j * rows]))
    };
    let samples = (1..4usize, 1..4usize, 1..24usize)
        .prop_flat_map(move |(d, m, n)| (matrix(d, n), matrix(m, n), 0..NoiseModel::ALL.len()));
    strategy::for_all(CASES, &samples, |(x, a, model)| {
        if let Ok(found) = answer(&x, &a, &settings(NoiseModel::ALL[model])) {
            prop_assert!(found.verdict() != Verdict::Exact);
            prop_assert!(is_finite(found.network()));
        }
        Ok(())
    });
}
