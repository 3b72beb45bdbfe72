//! Planted networks come back: weights up to the order of the units, and the verdict `exact`.

use std::ops::ControlFlow;

use orthant_exact::{BiasModel, Method, Recovery, Settings, UniquenessLevel, Verdict, recover};
use orthant_linalg::MatRef;
use orthant_network::{BiasKind, InputKind, Network, PlantedSpec, Samples, align};
use orthant_testkit::{Instance, Recipe, check, strategy, suite};
use proptest::prop_assert;
use proptest::test_runner::TestCaseResult;

/// Cases of each property.
const CASES: u32 = 48;

fn answer(x: MatRef<'_, f64>, a: MatRef<'_, f64>, settings: &Settings) -> Recovery {
    let samples = Samples::new(x, a).expect("planted samples are finite");
    recover(&samples, settings, &mut |_| ControlFlow::Continue(())).expect("planted samples have an answer")
}

/// The network, when the verdict is `exact`.
fn exact(x: MatRef<'_, f64>, a: MatRef<'_, f64>, settings: &Settings) -> Option<Network> {
    let Recovery { network, report } = answer(x, a, settings);
    (report.verdict == Verdict::Exact).then_some(network)
}

/// The weights are right and the verdict says so.
fn require_exact(instance: &Instance, settings: &Settings) -> TestCaseResult {
    let Recovery { network, report } = answer(instance.x(), instance.a(), settings);
    let judgement = check::judge(instance, Some(&network));
    let right = judgement.is_recovered() && report.verdict == Verdict::Exact;
    prop_assert!(right, "{instance:?}: {judgement}; {} ({})", report.verdict, report.reason);
    Ok(())
}

/// Theorem 49's conclusion for any inputs: m ≥ k, conditioned U and V, patterns with equations to spare.
#[test]
fn planted_network_is_recovered_up_to_permutation() {
    strategy::for_all(CASES, &strategy::instances(&strategy::Limits::default()), |instance| {
        require_exact(&instance, &Settings::default())
    });
}

/// The hypothesis of Section 3: orthonormal rows of V.
#[test]
fn planted_orthonormal_network_is_recovered_up_to_permutation() {
    let limits = strategy::Limits { orthonormal_v: true, max_kappa_v: 1.0, ..Default::default() };
    strategy::for_all(CASES / 2, &strategy::instances(&limits), |instance| {
        require_exact(&instance, &Settings::default())
    });
}

#[test]
fn every_bias_and_input_kind_is_recovered_whether_or_not_the_biases_are_known() {
    for inputs in InputKind::ALL {
        for bias in [BiasKind::None, BiasKind::Hidden, BiasKind::Output, BiasKind::Both] {
            // The first seed whose patterns offer enough equations: without biases, units on 0/1 inputs are often always active.
            let planted = |seed| {
                let spec = PlantedSpec { m: 9, k: 6, d: 8, bias, inputs, seed, ..PlantedSpec::default() };
                Recipe::plain(spec, 140).plant().expect("valid")
            };
            let limits = strategy::Limits { max_kappa_u: 50.0, max_kappa_v: 50.0, ..Default::default() };
            let instance =
                (0..100).map(planted).find(|instance| limits.admit(instance)).expect("most seeds will do");
            for model in [BiasModel::Auto, BiasModel::Known(bias)] {
                let outcome = require_exact(&instance, &Settings { bias: model, ..Settings::default() });
                assert!(outcome.is_ok(), "{model:?}: {outcome:?}");
            }
        }
    }
}

#[test]
fn biases_that_are_not_there_are_not_returned() {
    for bias in [BiasKind::None, BiasKind::Hidden, BiasKind::Output, BiasKind::Both] {
        let spec = PlantedSpec { bias, seed: 8, ..PlantedSpec::default() };
        let instance = Recipe::plain(spec, 120).plant().expect("valid");
        let network = answer(instance.x(), instance.a(), &Settings::default()).network;
        assert_eq!(
            (network.b().is_some(), network.c().is_some()),
            (bias.hidden(), bias.output()),
            "{bias:?}"
        );
    }
}

fn covered(method: suite::Method) -> impl Iterator<Item = Instance> {
    suite::instances()
        .into_iter()
        .filter(move |named| named.methods.contains(&method))
        .map(|named| named.plant())
}

#[track_caller]
fn assert_covers(covers: suite::Method, method: Method) {
    let settings = Settings { method, ..Settings::default() };
    check::recovers(|x, a| exact(x, a, &settings), covered(covers)).assert_all();
}

#[test]
fn pursuit_recovers_what_it_covers() {
    assert_covers(suite::Method::Pursuit, Method::Pursuit);
}

#[test]
fn the_cone_walk_recovers_what_it_covers() {
    assert_covers(suite::Method::Cone, Method::Cone);
}

#[test]
fn the_lift_recovers_what_it_covers() {
    assert_covers(suite::Method::Lift, Method::Lift);
}

#[test]
fn the_default_recovers_the_whole_suite() {
    let instances = suite::instances().into_iter().map(|named| named.plant());
    check::recovers(|x, a| exact(x, a, &Settings::default()), instances).assert_all();
}

#[test]
fn methods_that_cover_an_instance_agree() {
    let methods = [Method::Pursuit, Method::Cone, Method::Lift];
    for instance in
        suite::instances().into_iter().filter(|named| named.methods.len() == 3).map(|named| named.plant())
    {
        let networks = methods.map(|method| {
            answer(instance.x(), instance.a(), &Settings { method, ..Settings::default() }).network
        });
        // Each is within the tolerance of the planted one, so two of them are within twice that.
        let tolerance = 2.0 * instance.tolerance();
        for other in &networks[1..] {
            let alignment = align(&networks[0], other);
            assert!(
                alignment.worst() <= tolerance,
                "{}: {alignment:?}, allowed {tolerance:e}",
                instance.name
            );
        }
    }
}

/// Square networks at four samples for each input, 40 seeds, claimed failure δ = 5 %: the binomial quantile at false alarm 10⁻⁹
/// is 14.
#[test]
fn square_networks_are_recovered_from_four_samples_per_input() {
    let instances = (0..40).map(|seed| {
        let spec = PlantedSpec { m: 20, k: 20, d: 20, seed, ..PlantedSpec::default() };
        Recipe::plain(spec, 80).plant().expect("valid")
    });
    check::recovers(|x, a| exact(x, a, &Settings::default()), instances).assert_rate(0.05);
}

/// Both biases and eight samples for each input, m = k < d, five seeds of each input kind, claimed failure δ = 5 %: quantile 14 of
/// 40.
#[test]
fn networks_with_both_biases_are_recovered_on_every_input_kind() {
    let instances = InputKind::ALL.into_iter().flat_map(|inputs| {
        (0..5).map(move |seed| {
            let spec = PlantedSpec {
                m: 12,
                k: 12,
                d: 18,
                bias: BiasKind::Both,
                inputs,
                seed,
                ..PlantedSpec::default()
            };
            Recipe::plain(spec, 144).plant().expect("valid")
        })
    });
    check::recovers(|x, a| exact(x, a, &Settings::default()), instances).assert_rate(0.05);
}

/// With as many samples as monomials (and ten more) the quadratic lift proves that there is no other network of this width.
#[test]
fn uniqueness_is_proved_by_the_lift_from_as_many_samples_as_monomials() {
    for inputs in [InputKind::Gaussian, InputKind::Uniform, InputKind::Correlated] {
        for bias in [BiasKind::None, BiasKind::Both] {
            for (m, k, d) in [(6, 6, 10), (10, 10, 20)] {
                let spec = PlantedSpec { m, k, d, bias, inputs, seed: 1, ..PlantedSpec::default() };
                // N for both biases, which the default fits.
                let monomials = k * (k + 1) / 2 + k * d + k + d + 1;
                let instance = Recipe::plain(spec, monomials + 10).plant().expect("valid");
                for method in [Method::Auto, Method::Lift] {
                    let settings = Settings { method, ..Settings::default() };
                    let report = answer(instance.x(), instance.a(), &settings).report;
                    let what = format!("{instance:?} {method:?}: {} {:?}", report.reason, report.uniqueness);
                    assert_eq!(report.verdict, Verdict::Exact, "{what}");
                    assert_eq!(report.uniqueness.level, UniquenessLevel::ProvedByLift, "{what}");
                    assert_eq!(report.uniqueness.lift_monomials, Some(monomials), "{what}");
                    assert_eq!(report.uniqueness.lift_null_dimension, Some(k), "{what}");
                }
            }
        }
    }
}

#[test]
fn the_width_may_be_given_and_is_reported() {
    let instance = suite::instance("both-biases").expect("in the suite").plant();
    let k = instance.network.k();
    let report =
        answer(instance.x(), instance.a(), &Settings { width: Some(k), ..Settings::default() }).report;
    assert_eq!(
        (report.verdict, report.width, report.units.len(), report.label_rank),
        (Verdict::Exact, k, k, k)
    );
}

#[test]
fn unit_reports_describe_the_patterns_of_their_units() {
    let instance = suite::instance("both-biases").expect("in the suite").plant();
    let Recovery { network, report } = answer(instance.x(), instance.a(), &Settings::default());
    let patterns = instance.patterns();
    let n_fitted = instance.x.ncols() - report.holdout_samples;
    for pair in align(&network, &instance.network).pairs {
        let (unit, pattern) = (report.units[pair.first], &patterns[pair.second]);
        assert_eq!(unit.active + unit.inactive, n_fitted);
        assert!(
            unit.active <= pattern.n_active() && unit.active + report.holdout_samples >= pattern.n_active()
        );
        assert!(unit.identified && unit.undetermined_directions == 0 && unit.null_residual < unit.null_gap);
    }
}
