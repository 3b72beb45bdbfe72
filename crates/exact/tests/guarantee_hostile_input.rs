//! Samples from nowhere: no panic, and a clear error or an honest verdict.

use std::ops::ControlFlow;

use orthant_exact::{Method, Reason, RecoverError, Recovery, Settings, Verdict, recover};
use orthant_linalg::{Mat, random};
use orthant_network::Samples;
use orthant_testkit::{Instance, check, invariance, strategy, suite};
use proptest::prelude::{Just, Strategy, prop_assert, prop_oneof};

/// Cases of the random attack.
const CASES: u32 = 150;

const METHODS: [Method; 4] = [Method::Auto, Method::Pursuit, Method::Cone, Method::Lift];

fn answer(x: &Mat<f64>, a: &Mat<f64>, method: Method) -> Result<Recovery, RecoverError> {
    let samples = Samples::new(x.as_ref(), a.as_ref()).expect("finite");
    recover(&samples, &Settings { method, ..Settings::default() }, &mut |_| ControlFlow::Continue(()))
}

fn gaussian(rows: usize, cols: usize, seed: u64) -> Mat<f64> {
    random::gaussian(rows, cols, &mut random::stream(seed, "hostile", 0))
}

/// Finite weights, and never `exact`.
#[track_caller]
fn assert_nothing_claimed(x: &Mat<f64>, a: &Mat<f64>, what: &str) {
    for method in METHODS {
        if let Ok(Recovery { network, report }) = answer(x, a, method) {
            assert_ne!(report.verdict, Verdict::Exact, "{what} by {method:?}: {report:?}");
            assert!(
                network.u().norm_max().is_finite() && network.v().norm_max().is_finite(),
                "{what} by {method:?}"
            );
        }
    }
}

#[test]
fn zero_labels_do_not_vary() {
    for a in [Mat::zeros(3, 50), Mat::from_fn(3, 50, |o, _| o as f64 - 1.0)] {
        let recovery = answer(&gaussian(4, 50, 1), &a, Method::Auto).expect("enough samples");
        assert_eq!(
            (recovery.report.verdict, recovery.report.reason),
            (Verdict::NotRecovered, Reason::ConstantLabels)
        );
        // Whatever it is, it has these labels, to one rounding of a mean.
        let error = &recovery.network.labels(gaussian(4, 50, 1).as_ref()) - &a;
        assert!(error.norm_max() <= 50.0 * f64::EPSILON);
    }
}

#[test]
fn inputs_that_do_not_vary_claim_nothing() {
    for x in [
        Mat::zeros(4, 60),
        Mat::from_fn(4, 60, |r, _| r as f64),
        Mat::from_fn(4, 60, |_, j| f64::from(j == 7)),
    ] {
        assert_nothing_claimed(&x, &gaussian(3, 60, 2), "random labels of constant inputs");
        assert_nothing_claimed(&x, &Mat::zeros(3, 60), "zero labels of constant inputs");
    }
}

#[test]
fn one_sample_is_too_few() {
    for method in METHODS {
        for (x, a) in [(gaussian(3, 1, 1), gaussian(2, 1, 2)), (gaussian(1, 1, 1), gaussian(1, 1, 2))] {
            let outcome = answer(&x, &a, method);
            assert!(
                matches!(outcome, Err(RecoverError::TooFewSamples { n: 1, needed, .. }) if needed > 1)
                    || matches!(&outcome, Ok(r) if r.report.reason == Reason::ConstantLabels),
                "{method:?}: {outcome:?}"
            );
        }
    }
}

#[test]
fn few_samples_are_an_error_or_claim_nothing() {
    for n in 1..12 {
        assert_nothing_claimed(&gaussian(3, n, 1), &gaussian(4, n, 2), &format!("{n} samples"));
    }
}

/// Sizes at which squares overflow or vanish: the same network comes back, or an error says that it cannot be.
#[test]
fn extreme_scales_are_recovered_or_refused() {
    let instance = suite::instance("both-biases").expect("in the suite").plant();
    for label_scale in [1e-300, 1e-150, 1.0, 1e150, 1e300] {
        for input_scale in [1e-300, 1e-150, 1.0, 1e150, 1e300] {
            let x = Mat::from_fn(8, 160, |r, j| input_scale * instance.x[(r, j)]);
            let a = Mat::from_fn(7, 160, |o, j| label_scale * instance.a[(o, j)]);
            let what = format!("inputs times {input_scale:e}, labels times {label_scale:e}");
            match answer(&x, &a, Method::Auto) {
                // Weights outside the range of f64: label scale over input scale.
                Err(RecoverError::Linalg(_)) => {
                    let weights: f64 = label_scale / input_scale;
                    assert!(!(1e-250..1e250).contains(&weights), "{what}: refused");
                }
                Err(other) => panic!("{what}: {other}"),
                Ok(Recovery { network, report }) => {
                    let tiny: f64 = label_scale / input_scale;
                    if tiny < 1e-290 {
                        // Output weights are below the normal range: nothing exact may be claimed about their digits, nor must it be.
                        continue;
                    }
                    assert_eq!(report.verdict, Verdict::Exact, "{what}: {}", report.reason);
                    let answer = Instance::new("answer", network, x, a);
                    let back = invariance::with_inputs_scaled(&answer, 1.0 / input_scale);
                    let back = invariance::with_labels_scaled(&back, 1.0 / label_scale);
                    let judgement = check::judge(&instance, Some(&back.network));
                    assert!(judgement.is_recovered(), "{what}: {judgement}");
                }
            }
        }
    }
}

#[test]
fn one_huge_or_tiny_value_among_ordinary_ones_claims_nothing_false() {
    let instance = suite::instance("both-biases").expect("in the suite").plant();
    for value in [1e300, -1e300, 1e160, 1e-300, 5e-324, f64::MAX, f64::MIN_POSITIVE] {
        let mut x = instance.x.clone();
        x[(2, 5)] = value;
        assert_nothing_claimed(&x, &instance.a, &format!("an input of {value:e}"));
        let mut a = instance.a.clone();
        a[(1, 9)] = value;
        assert_nothing_claimed(&instance.x, &a, &format!("a label of {value:e}"));
    }
}

#[test]
fn subnormal_samples_claim_nothing_beyond_their_digits() {
    let instance = suite::instance("both-biases").expect("in the suite").plant();
    // 5e-324 is the smallest number: labels keep about ten bits.
    let a = Mat::from_fn(7, 160, |o, j| 5e-321 * instance.a[(o, j)]);
    for method in METHODS {
        let report = answer(&instance.x, &a, method).map(|recovery| recovery.report);
        let claimed =
            matches!(&report, Ok(r) if r.verdict == Verdict::Exact && r.reason == Reason::AllChecksPassed);
        assert!(!claimed, "{method:?}: {report:?}");
    }
}

#[test]
fn samples_that_all_coincide_are_one_sample() {
    let x = Mat::from_fn(3, 100, |r, _| r as f64 + 0.5);
    let a = Mat::from_fn(2, 100, |o, _| o as f64 - 3.0);
    assert_nothing_claimed(&x, &a, "one sample, a hundred times");
}

/// One input with two labels: not a function.
#[test]
fn samples_that_contradict_each_other_claim_nothing() {
    let instance = suite::instance("both-biases").expect("in the suite").plant();
    let mut x = instance.x.clone();
    let first = x.col(0).to_owned();
    x.as_mut().col_mut(1).copy_from(first);
    assert_nothing_claimed(&x, &instance.a, "contradicting samples");
}

#[test]
fn arbitrary_magnitudes_never_panic_and_never_pass_for_exact() {
    let value = || prop_oneof![Just(0.0), -1.0..1.0f64, (-308.0..308.0f64).prop_map(|e| 10f64.powf(e))];
    let matrix = |rows: usize, cols: usize| {
        proptest::collection::vec(value(), rows * cols)
            .prop_map(move |v| Mat::from_fn(rows, cols, |i, j| v[i + j * rows]))
    };
    let samples = (1..4usize, 1..4usize, 1..24usize)
        .prop_flat_map(move |(d, m, n)| (matrix(d, n), matrix(m, n), 0..METHODS.len()));
    strategy::for_all(CASES, &samples, |(x, a, method)| {
        if let Ok(Recovery { network, report }) = answer(&x, &a, METHODS[method]) {
            prop_assert!(report.verdict != Verdict::Exact, "{report:?}");
            prop_assert!(network.u().norm_max().is_finite() && network.v().norm_max().is_finite());
        }
        Ok(())
    });
}
