//! Each hypothesis is needed: without it the verdict is not `exact` and the report names what is missing.

use std::ops::ControlFlow;

use orthant_exact::{
    Method, Reason, RecoverError, Recovery, Settings, UniquenessLevel, UnitReason, Verdict, recover,
};
use orthant_linalg::{Mat, product, random};
use orthant_network::{Network, Samples, align};
use orthant_testkit::suite::{self, Hypothesis};
use orthant_testkit::{Instance, check};

/// Half the digits of an `f64`: unrelated units are about 1 apart, and true ones in these instances err by less than 10⁻⁹.
const MATCHED: f64 = 1.5e-8;

fn answer(instance: &Instance, settings: &Settings) -> Result<Recovery, RecoverError> {
    let samples = Samples::new(instance.x(), instance.a()).expect("planted samples are finite");
    recover(&samples, settings, &mut |_| ControlFlow::Continue(()))
}

fn default_answer(instance: &Instance) -> Recovery {
    answer(instance, &Settings::default()).expect("enough samples")
}

/// Every unit but the listed ones is in the answer.
#[track_caller]
fn assert_others_recovered(instance: &Instance, recovery: &Recovery, concerned: &[usize]) {
    let pairs = align(&recovery.network, &instance.network).pairs;
    for unit in (0..instance.network.k()).filter(|unit| !concerned.contains(unit)) {
        let error = pairs.iter().find(|pair| pair.second == unit).map(|pair| pair.error);
        assert!(error.is_some_and(|error| error <= MATCHED), "unit {unit}: {error:?}; {:?}", recovery.report);
    }
}

#[track_caller]
fn assert_open(recovery: &Recovery, reason: UnitReason) {
    let report = &recovery.report;
    assert_eq!(report.verdict, Verdict::ExactOnSamples, "{} {report:?}", report.reason);
    assert!(
        matches!(report.reason, Reason::UndeterminedUnits { first, .. } if first == reason),
        "{} instead of {reason}: {report:?}",
        report.reason
    );
    assert!(report.units.iter().any(|unit| unit.reason == reason && !unit.identified));
}

#[test]
fn a_unit_that_is_never_active_leaves_no_trace() {
    let necessity = suite::without(Hypothesis::SomeActive);
    let instance = necessity.plant();
    let k = instance.network.k();
    // Nothing in the labels shows it: the others are the whole visible network.
    let recovery = default_answer(&instance);
    assert_eq!(
        (recovery.report.verdict, recovery.network.k()),
        (Verdict::Exact, k - 1),
        "{:?}",
        recovery.report
    );
    let judgement = check::judge(&instance, Some(&recovery.network));
    assert!(judgement.is_recovered(), "{judgement}");
    // Asked for by the width, it is named.
    let recovery =
        answer(&instance, &Settings { width: Some(k), ..Settings::default() }).expect("enough samples");
    assert_open(&recovery, UnitReason::NoTrace);
    assert_others_recovered(&instance, &recovery, &necessity.units);
}

#[test]
fn a_unit_that_is_always_active_is_named_and_the_others_recovered() {
    let necessity = suite::without(Hypothesis::SomeInactive);
    let instance = necessity.plant();
    let recovery = default_answer(&instance);
    assert_open(&recovery, UnitReason::AlwaysActive);
    assert_others_recovered(&instance, &recovery, &necessity.units);
}

#[test]
fn a_unit_with_too_few_active_samples_is_named_and_the_others_recovered() {
    let necessity = suite::without(Hypothesis::EnoughActive);
    let instance = necessity.plant();
    let recovery = default_answer(&instance);
    assert_open(&recovery, UnitReason::TooFewActive);
    assert_others_recovered(&instance, &recovery, &necessity.units);
}

/// The lift and the search of all patterns would prove uniqueness; without them so few inactive samples are no evidence.
#[test]
fn a_unit_with_too_few_inactive_samples_is_not_called_exact_without_a_proof() {
    let necessity = suite::without(Hypothesis::EnoughInactive);
    let instance = necessity.plant();
    for method in [Method::Pursuit, Method::Cone] {
        let settings = Settings { method, ..Settings::default() };
        let report = answer(&instance, &settings).expect("enough samples").report;
        assert_ne!(report.verdict, Verdict::Exact, "{method:?}: {report:?}");
        let named = |reason| report.units.iter().any(|unit| unit.reason == reason && !unit.identified);
        let missing = matches!(report.reason, Reason::UnitsMissing { .. });
        // A held-out sample may be one of its two inactive ones, or both.
        let open = named(UnitReason::TooFewInactive) || named(UnitReason::AlwaysActive);
        assert!(open || missing, "{method:?}: {} {report:?}", report.reason);
    }
}

#[test]
fn a_unit_with_too_few_inactive_samples_is_proved_by_searching_all_patterns() {
    let instance = suite::without(Hypothesis::EnoughInactive).plant();
    let recovery =
        answer(&instance, &Settings { max_lift: 0, ..Settings::default() }).expect("enough samples");
    assert_eq!(recovery.report.verdict, Verdict::Exact, "{:?}", recovery.report);
    assert_eq!(recovery.report.uniqueness.level, UniquenessLevel::ProvedByEnumeration);
    let judgement = check::judge(&instance, Some(&recovery.network));
    assert!(judgement.is_recovered(), "{judgement}");
}

#[test]
fn parallel_units_are_one_unit_and_the_second_leaves_no_trace() {
    let necessity = suite::without(Hypothesis::NoParallelUnits);
    let instance = necessity.plant();
    let k = instance.network.k();
    let recovery = default_answer(&instance);
    assert_eq!(
        (recovery.report.verdict, recovery.network.k()),
        (Verdict::Exact, k - 1),
        "{:?}",
        recovery.report
    );
    let judgement = check::judge(&instance, Some(&recovery.network));
    assert!(judgement.is_recovered(), "{judgement}");
    let recovery =
        answer(&instance, &Settings { width: Some(k), ..Settings::default() }).expect("enough samples");
    assert_open(&recovery, UnitReason::NoTrace);
    assert_others_recovered(&instance, &recovery, &necessity.units);
}

/// f(t) − f(−t) = t is affine: either of the two may be returned as an always-active unit, and the report says so.
#[test]
fn antiparallel_units_are_not_called_unique() {
    let necessity = suite::without(Hypothesis::NoAntiparallelUnits);
    let instance = necessity.plant();
    let recovery = default_answer(&instance);
    let report = &recovery.report;
    assert_eq!(report.verdict, Verdict::ExactOnSamples, "{} {report:?}", report.reason);
    let open: Vec<UnitReason> =
        report.units.iter().filter(|unit| !unit.identified).map(|unit| unit.reason).collect();
    assert!(!open.is_empty());
    assert!(
        open.iter().all(|reason| matches!(
            reason,
            UnitReason::Parallel | UnitReason::AlwaysActive | UnitReason::Orientation
        )),
        "{open:?}"
    );
    assert_others_recovered(&instance, &recovery, &necessity.units);
    assert_ne!(report.uniqueness.level, UniquenessLevel::ProvedByLift);
}

#[test]
fn inputs_that_do_not_span_all_directions_leave_them_open() {
    let instance = suite::without(Hypothesis::FullRankInputs).plant();
    let recovery = default_answer(&instance);
    let report = &recovery.report;
    assert_eq!(report.verdict, Verdict::ExactOnSamples, "{}", report.reason);
    assert_eq!(report.reason, Reason::UndeterminedInputDirections { directions: 1 });
    assert_eq!(report.undetermined_input_directions, 1);
    // Minimum norm: no weight on the coordinate that is constant, to the error of the weights.
    for i in 0..recovery.network.k() {
        assert!(recovery.network.v()[(i, 3)].abs() <= MATCHED);
    }
}

#[test]
fn fewer_outputs_than_units_are_for_restarts_alone() {
    let instance = suite::without(Hypothesis::EnoughOutputs).plant();
    for method in [Method::Pursuit, Method::Cone, Method::Lift] {
        let settings = Settings { method, ..Settings::default() };
        let report = answer(&instance, &settings).expect("enough samples").report;
        assert!(matches!(report.verdict, Verdict::Approximate | Verdict::NotRecovered), "{report:?}");
        assert_eq!(report.reason, Reason::FullRankLabels { rank: instance.network.m() });
    }
    let recovery = default_answer(&instance);
    assert_eq!(recovery.report.verdict, Verdict::Exact, "{}", recovery.report.reason);
    assert_eq!(recovery.report.method, Method::Restarts.name());
    assert!(align(&recovery.network, &instance.network).worst() <= MATCHED);
}

#[test]
fn too_few_samples_are_an_error_that_says_how_many_are_needed() {
    let instance = suite::without(Hypothesis::EnoughSamples).plant();
    let (n, d) = (instance.x.ncols(), instance.x.nrows());
    let error = answer(&instance, &Settings::default()).err();
    assert!(
        matches!(error, Some(RecoverError::TooFewSamples { n: given, d: inputs, needed }) if given == n && inputs == d && needed > n),
        "{error:?}"
    );
}

#[test]
fn the_number_of_samples_said_to_be_needed_is_enough_to_get_an_answer() {
    let necessity = suite::without(Hypothesis::EnoughSamples);
    let Err(RecoverError::TooFewSamples { needed, .. }) = answer(&necessity.plant(), &Settings::default())
    else {
        panic!("too few samples are an error");
    };
    let enough = orthant_testkit::Recipe { n: needed, ..necessity.recipe }.plant().expect("valid");
    assert!(
        !matches!(answer(&enough, &Settings::default()), Err(RecoverError::TooFewSamples { .. })),
        "{needed}"
    );
}

#[test]
fn noisy_labels_are_not_exact() {
    let instance = suite::without(Hypothesis::ExactLabels).plant();
    let report = default_answer(&instance).report;
    assert!(matches!(report.verdict, Verdict::Approximate | Verdict::NotRecovered), "{report:?}");
    assert!(
        matches!(
            report.reason,
            Reason::FullRankLabels { .. } | Reason::UnitsMissing { .. } | Reason::Residual { .. }
        ),
        "{}",
        report.reason
    );
}

#[test]
fn without_samples_to_check_on_nothing_is_exact() {
    let instance = suite::instance("both-biases").expect("in the suite").plant();
    let settings = Settings { holdout: Some(0.0), ..Settings::default() };
    let report = answer(&instance, &settings).expect("enough samples").report;
    assert_eq!((report.verdict, report.reason), (Verdict::ExactOnSamples, Reason::NothingHeldOut));
    assert_eq!((report.holdout_residual, report.holdout_samples), (None, 0));
}

#[test]
fn too_few_samples_for_the_lift_leave_uniqueness_to_the_patterns() {
    let instance = suite::instance("scarce").expect("in the suite").plant();
    let report = default_answer(&instance).report;
    assert_eq!(report.uniqueness.level, UniquenessLevel::GivenPatterns, "{report:?}");
    let lift =
        answer(&instance, &Settings { method: Method::Lift, ..Settings::default() }).expect("enough samples");
    assert_ne!(lift.report.verdict, Verdict::Exact);
    assert_eq!(lift.report.uniqueness.level, UniquenessLevel::NotShown);
}

/// A direction of input space that only switches units off: no active input of a unit varies along it, and the weight of least norm
/// would leave units active on samples where they are not. Most other samples do not say anything about it, but for rounding.
#[test]
fn a_direction_that_only_switches_units_off_is_open_and_keeps_them_off() {
    let (m, k, d, n) = (5, 4, 7, 200);
    for seed in 0..20 {
        let rng = &mut random::stream(seed, "switch", 0);
        let (u, mut v, mut x) =
            (random::gaussian(m, k, rng), random::gaussian(k, d, rng), random::gaussian(d, n, rng));
        let turn = random::orthonormal(d, d, rng);
        v.as_mut().col_mut(d - 1).fill(-1.0);
        for j in 0..n {
            x[(d - 1, j)] = if j % 20 == 0 { 30.0 } else { 0.0 };
        }
        // Turned, so that what the other samples have of the direction is rounding and not zero.
        let (v, x) =
            (product::matmul(v.as_ref(), turn.transpose()), product::matmul(turn.as_ref(), x.as_ref()));
        let network = Network::new(u, v, None, None).expect("shapes fit");
        let a: Mat<f64> = network.labels(x.as_ref());
        let samples = Samples::new(x.as_ref(), a.as_ref()).expect("finite");
        let recovery = recover(&samples, &Settings::default(), &mut |_| ControlFlow::Continue(()))
            .expect("enough samples");
        assert_open(&recovery, UnitReason::UndeterminedDirections);
        let difference = product::frobenius((&recovery.network.labels(x.as_ref()) - &a).as_ref());
        assert!(difference <= MATCHED * product::frobenius(a.as_ref()), "seed {seed}: {difference}");
    }
}
