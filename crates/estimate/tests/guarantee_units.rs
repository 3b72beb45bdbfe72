//! Every unit that a search returns is a unit of the network that made the samples, and on instances that a search covers it
//! returns them all.

use std::ops::ControlFlow;

use orthant_estimate::cone::{ConeSettings, walk_cones};
use orthant_estimate::lift::Lift;
use orthant_estimate::pursuit::{PursuitSettings, pursue};
use orthant_estimate::unit::unit_from_pattern;
use orthant_estimate::{Frame, Rejection, Reporter, Unit};
use orthant_linalg::{product, random};
use orthant_network::{BiasKind, Samples, SignPattern};
use orthant_testkit::suite::{self, Method};
use orthant_testkit::{Departure, Instance, LabelKind, binomial, strategy};
use proptest::prop_assert;
use proptest::test_runner::TestCaseResult;

/// Cases of each property.
const CASES: u32 = 40;

const METHODS: [Method; 3] = [Method::Pursuit, Method::Cone, Method::Lift];

fn frame(instance: &Instance) -> Frame {
    let samples = Samples::new(instance.x(), instance.a()).expect("planted samples are finite");
    Frame::new(&samples, BiasKind::Both, None).expect("finite").0
}

fn search(frame: &Frame, method: Method, seed: u64) -> Vec<Unit> {
    let mut found = Vec::new();
    let go_on = &mut |_| ControlFlow::Continue(());
    let reporter = &mut Reporter::new(go_on);
    match method {
        Method::Pursuit => {
            let settings = PursuitSettings { seed, patience: 30_000, max_failures: 2000 };
            pursue(frame, &mut found, &settings, reporter).expect("not cancelled");
        }
        Method::Cone => {
            let settings = ConeSettings { seed, walks: 6 * frame.k(), subset_rounds: 4 };
            walk_cones(frame, &mut found, &settings, reporter).expect("not cancelled");
        }
        Method::Lift => {
            if let Some(lift) = Lift::compute(frame, reporter).expect("not cancelled") {
                lift.units(frame, &mut found, seed).expect("finite");
            }
        }
    }
    found
}

/// Distance of a unit's activations from those of the nearest planted unit, both of unit norm, and which that is.
fn nearest(unit: &Unit, instance: &Instance) -> (usize, f64) {
    let z = instance.network.activations(instance.x());
    (0..instance.network.k())
        .map(|i| {
            let row: Vec<f64> = z.row(i).iter().copied().collect();
            let norm = product::norm(&row).max(f64::MIN_POSITIVE);
            let difference: Vec<f64> = row.iter().zip(&unit.activations).map(|(z, a)| z / norm - a).collect();
            (i, product::norm(&difference))
        })
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .expect("networks have units")
}

/// Each unit found is a planted one, to the error bound of its activations; returns which ones.
fn found_units(instance: &Instance, units: &[Unit]) -> Result<Vec<usize>, String> {
    // Relative to the unit's norm, and once more for bringing the norm to one.
    let allowed = 2.0 * instance.condition().activation_tolerance();
    let mut which = Vec::new();
    for unit in units {
        let (i, distance) = nearest(unit, instance);
        if distance > allowed {
            return Err(format!("{instance:?}: a unit at {distance:e} from unit {i}, allowed {allowed:e}"));
        }
        which.push(i);
    }
    which.sort_unstable();
    Ok(which)
}

/// Searches each instance that the method covers with three seeds. False units are never excused; instances with units missing are,
/// up to the binomial quantile for a claimed failure of 5 %, which is 19 of the 72 searches by pursuit.
#[track_caller]
fn assert_finds_what_it_covers(method: Method) {
    let mut missed = Vec::new();
    let mut searches = 0;
    for named in suite::instances().into_iter().filter(|named| named.methods.contains(&method)) {
        let instance = named.plant();
        for seed in 0..3 {
            let found =
                found_units(&instance, &search(&frame(&instance), method, seed)).expect("no false units");
            searches += 1;
            if found.len() < instance.network.k() {
                missed.push((named.name, seed, found));
            }
        }
    }
    let allowed = binomial::quantile(searches, 0.05, binomial::FALSE_ALARM);
    assert!(
        missed.len() <= allowed,
        "{} of {searches} searches incomplete, {allowed} allowed: {missed:?}",
        missed.len()
    );
}

#[test]
fn pursuit_finds_the_units_of_the_instances_it_covers() {
    assert_finds_what_it_covers(Method::Pursuit);
}

#[test]
fn the_cone_walk_finds_the_units_of_the_instances_it_covers() {
    assert_finds_what_it_covers(Method::Cone);
}

/// The lift is no search: where it applies it finds every unit.
#[test]
fn the_lift_finds_every_unit_of_the_instances_it_covers() {
    for named in suite::instances().into_iter().filter(|named| named.methods.contains(&Method::Lift)) {
        let instance = named.plant();
        let found = found_units(&instance, &search(&frame(&instance), Method::Lift, 0));
        assert_eq!(found, Ok((0..instance.network.k()).collect()), "{}", named.name);
    }
}

/// Soundness without completeness: a search may miss units, but what it returns is one, and none twice.
#[test]
fn no_search_returns_a_false_unit() {
    strategy::for_all(CASES, &strategy::instances(&strategy::Limits::default()), |instance| {
        let frame = frame(&instance);
        METHODS.into_iter().try_for_each(|method| -> TestCaseResult {
            let which = found_units(&instance, &search(&frame, method, 1));
            let distinct = which.as_ref().is_ok_and(|which| which.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(distinct, "{method:?}: {which:?}");
            Ok(())
        })
    });
}

/// Lemma 33 in the form of Algorithm 6: the pattern of a unit determines its activations.
#[test]
fn the_pattern_of_a_planted_unit_gives_its_activations() {
    strategy::for_all(CASES, &strategy::instances(&strategy::Limits::default()), |instance| {
        let frame = frame(&instance);
        let allowed = 2.0 * instance.condition().activation_tolerance();
        instance.patterns().iter().enumerate().try_for_each(|(i, pattern)| -> TestCaseResult {
            let unit = unit_from_pattern(&frame, pattern);
            let distance = unit.as_ref().map(|unit| nearest(unit, &instance));
            let right = distance.as_ref().is_ok_and(|&(at, distance)| at == i && distance <= allowed);
            prop_assert!(right, "unit {i}: {distance:?}, allowed {allowed:e}");
            Ok(())
        })
    });
}

/// Random directions have patterns too, but not of units.
#[test]
fn the_pattern_of_no_unit_is_refused() {
    strategy::for_all(CASES, &strategy::instances(&strategy::Limits::default()), |instance| {
        let frame = frame(&instance);
        let rng = &mut random::stream(1, "random patterns", 0);
        let planted = instance.patterns();
        for _ in 0..10 {
            let direction = random::gaussian(1, instance.x.nrows(), rng);
            let t = product::matmul(direction.as_ref(), instance.x());
            let pattern = SignPattern::of(t.row(0).iter().copied());
            if planted.contains(&pattern) {
                continue;
            }
            if let Ok(unit) = unit_from_pattern(&frame, &pattern) {
                // A pattern that differs from a unit's only where that unit is zero is the unit's own.
                prop_assert!(found_units(&instance, &[unit]).is_ok(), "{instance:?}");
            }
        }
        Ok(())
    });
}

#[test]
fn patterns_with_too_few_equations_are_refused_with_their_number() {
    let instance = suite::instance("both-biases").expect("in the suite").plant();
    let (frame, n) = (frame(&instance), instance.x.ncols());
    for active in [0, n] {
        let pattern = SignPattern::of((0..n).map(|j| if j < active { 1.0 } else { -1.0 }));
        let outcome = unit_from_pattern(&frame, &pattern).err();
        assert!(
            matches!(outcome, Some(Rejection::TooFewEquations { unknowns, .. }) if unknowns == frame.extended().ncols()),
            "{active} active: {outcome:?}"
        );
    }
}

/// A corrupted label destroys the null space of the units that the frame had: none is accepted that is not one.
#[test]
fn impostors_have_no_units() {
    for impostor in suite::impostors() {
        // Absolute values and leaky rectifiers are combinations of rectified units; the others have none at all.
        let samples = Samples::new(impostor.x.as_ref(), impostor.a.as_ref()).expect("finite");
        let frame = Frame::new(&samples, BiasKind::Both, None).expect("finite").0;
        for method in METHODS {
            assert_eq!(search(&frame, method, 1).len(), 0, "{} by {method:?}", impostor.name);
        }
    }
}

#[test]
fn the_rank_of_the_labels_is_the_number_of_units() {
    strategy::for_all(CASES, &strategy::instances(&strategy::Limits::default()), |instance| {
        let frame = frame(&instance);
        let k = instance.network.k();
        prop_assert!(
            (frame.k(), frame.n_rectified()) == (k, k),
            "{instance:?}: {} {}",
            frame.k(),
            frame.n_rectified()
        );
        Ok(())
    });
}

#[test]
fn rounded_labels_keep_their_rank_and_tell_their_precision() {
    let kinds = vec![LabelKind::SinglePrecision, LabelKind::Decimals(6), LabelKind::Decimals(8)];
    let limits = strategy::Limits {
        labels: kinds,
        max_extra_outputs: 6,
        max_kappa_u: 3.0,
        max_kappa_v: 3.0,
        max_tolerance: 1e-3,
        ..strategy::Limits::default()
    };
    strategy::for_all(CASES, &strategy::instances(&limits), |instance| {
        let samples = Samples::new(instance.x(), instance.a()).expect("finite");
        let (frame, spectrum) = Frame::new(&samples, BiasKind::Both, None).expect("finite");
        let (m, k) = (instance.network.m(), instance.network.k());
        // With m = k and m = k + 1 there is no tail, or one value, to see a flat noise level by.
        let visible = m >= k + 2;
        prop_assert!(!visible || frame.k() == k, "{instance:?}: rank {} of {:?}", frame.k(), spectrum);
        Ok(())
    });
}

#[test]
fn always_active_units_are_counted_apart() {
    let both = suite::instance("both-biases").expect("in the suite").recipe;
    let n = both.n;
    let one = both.clone().with(Departure::ActiveOn { unit: 0, samples: n });
    let two = one.clone().with(Departure::ActiveOn { unit: 3, samples: n });
    for (recipe, linear) in [(both, 0), (one, 1), (two, 2)] {
        let frame = frame(&recipe.plant().expect("valid"));
        assert_eq!((frame.k(), frame.n_rectified()), (5, 5 - linear));
    }
}
