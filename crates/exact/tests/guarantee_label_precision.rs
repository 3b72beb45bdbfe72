//! Labels of less than double precision: the weights are right to what they carry, and the verdict names it.

use std::ops::ControlFlow;

use orthant_exact::{Reason, Recovery, Settings, Verdict, recover};
use orthant_linalg::Mat;
use orthant_network::{BiasKind, Network, PlantedSpec, Samples};
use orthant_testkit::{Instance, LabelKind, Recipe, check, tolerance};

fn planted(labels: LabelKind, seed: u64) -> Instance {
    let spec = PlantedSpec {
        m: 14,
        k: 6,
        d: 8,
        kappa_u: Some(3.0),
        kappa_v: Some(3.0),
        bias: BiasKind::Both,
        seed,
        ..PlantedSpec::default()
    };
    Recipe::plain(spec, 300).labelled(labels).plant().expect("valid")
}

fn answer(instance: &Instance) -> Recovery {
    let samples = Samples::new(instance.x(), instance.a()).expect("finite");
    recover(&samples, &Settings::default(), &mut |_| ControlFlow::Continue(())).expect("enough samples")
}

/// The precision named in an `exact` verdict.
#[track_caller]
fn named_precision(instance: &Instance, recovery: &Recovery) -> f64 {
    assert_eq!(recovery.report.verdict, Verdict::Exact, "{instance:?}: {}", recovery.report.reason);
    match recovery.report.reason {
        Reason::AllChecksPassedToLabelPrecision { precision } => precision,
        other => panic!("{instance:?}: {other}"),
    }
}

/// Rounding to single precision errs by 2⁻²⁴ at most, relative; weights by that times the condition factors measured.
#[test]
fn single_precision_labels_give_weights_to_single_precision() {
    for seed in 0..10 {
        let instance = planted(LabelKind::SinglePrecision, seed);
        let recovery = answer(&instance);
        let judgement = check::judge(&instance, Some(&recovery.network));
        assert!(judgement.is_recovered(), "{instance:?}: {judgement}");
        // 2⁻²⁴ = 6e-8 times the instance's condition factors, which stay below 1200 at these dimensions and κ = 3, is 7e-5.
        assert!(instance.tolerance() <= 1e-4, "{instance:?}: {:?}", instance.condition());
    }
}

#[test]
fn the_verdict_names_single_precision() {
    for seed in 0..10 {
        let instance = planted(LabelKind::SinglePrecision, seed);
        let recovery = answer(&instance);
        let precision = named_precision(&instance, &recovery);
        // At most the largest error relative to the root mean square of centred labels, which is within 4 of that of the labels;
        // at least a sixteenth of it, for errors are uniform up to half a unit in the last place of numbers between 2ᵉ and 2ᵉ⁺¹.
        let range = tolerance::SINGLE_PRECISION / 16.0..=4.0 * tolerance::SINGLE_PRECISION;
        assert!(range.contains(&precision), "{precision:e}");
        assert_eq!(recovery.report.label_precision, precision);
    }
}

#[test]
fn decimal_labels_give_weights_to_their_decimals() {
    for decimals in [5, 7, 9] {
        let instance = planted(LabelKind::Decimals(decimals), 1);
        let recovery = answer(&instance);
        let judgement = check::judge(&instance, Some(&recovery.network));
        assert!(judgement.is_recovered(), "{decimals} decimals: {judgement}");
        let precision = named_precision(&instance, &recovery);
        let samples = Samples::new(instance.x(), instance.a()).expect("finite");
        // Errors uniform over one unit of the last decimal have deviation 1/√12 units. The estimate rests on 8 · 290 of them: 6
        // standard errors are 10 %, and as much is left for the scale of the samples held out.
        let expected = 10f64.powi(-decimals) / 12f64.sqrt() / samples.label_scale();
        assert!(
            (precision / expected - 1.0).abs() < 0.2,
            "{decimals} decimals: {precision:e} against {expected:e}"
        );
    }
}

#[test]
fn more_digits_give_better_weights() {
    let error = |labels| {
        let instance = planted(labels, 2);
        orthant_network::align(&answer(&instance).network, &instance.network).worst()
    };
    let errors =
        [LabelKind::Decimals(5), LabelKind::SinglePrecision, LabelKind::Decimals(10), LabelKind::Exact]
            .map(error);
    assert!(errors.windows(2).all(|pair| pair[1] < pair[0]), "{errors:?}");
}

#[test]
fn double_precision_labels_are_not_said_to_be_rounded() {
    let instance = planted(LabelKind::Exact, 1);
    let report = answer(&instance).report;
    assert_eq!((report.verdict, report.reason), (Verdict::Exact, Reason::AllChecksPassed));
    // Labels are rounded with their mean, and the precision is relative to what remains without it; the factor 2 is for the
    // samples held out, which are not measured.
    let samples = Samples::new(instance.x(), instance.a()).expect("finite");
    let rms = instance.a().norm_l2() / ((samples.n() * samples.m()) as f64).sqrt();
    let offset = (rms / samples.label_scale()).max(1.0);
    assert!((f64::EPSILON..=2.0 * offset * f64::EPSILON).contains(&report.label_precision));
}

/// A unit that adds little more to the labels than rounding does has no rank of its own; the labels then carry more than their
/// decimals explain, and that is said.
#[test]
fn a_unit_that_hides_in_the_decimals_is_not_passed_over() {
    for seed in 0..10 {
        let spec = PlantedSpec { m: 4, k: 3, d: 5, seed, ..PlantedSpec::default() };
        let p = spec.plant(800).expect("valid");
        let norm = p.network.u().col(2).norm_l2();
        let u = Mat::from_fn(4, 3, |o, i| p.network.u()[(o, i)] * if i == 2 { 3e-5 / norm } else { 1.0 });
        let weak = Network::new(u, p.network.v().to_owned(), None, None).expect("fits");
        let exact = weak.labels(p.x.as_ref());
        let a = Mat::from_fn(4, 800, |o, j| (exact[(o, j)] * 1e5).round() / 1e5);
        let samples = Samples::new(p.x.as_ref(), a.as_ref()).expect("finite");
        let report = recover(&samples, &Settings::default(), &mut |_| ControlFlow::Continue(()))
            .expect("enough samples")
            .report;
        assert!(report.width == 3 || report.verdict == Verdict::Approximate, "seed {seed}: {report:?}");
        if report.width < 3 {
            assert!(matches!(report.reason, Reason::BeyondDecimals { .. }), "seed {seed}: {}", report.reason);
        }
    }
}
