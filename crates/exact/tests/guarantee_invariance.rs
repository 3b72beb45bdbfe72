//! Answers follow transformations of the samples: reordered units and samples, rotated and scaled inputs and labels.

use std::ops::ControlFlow;

use orthant_exact::{Recovery, Settings, Verdict, recover};
use orthant_linalg::MatRef;
use orthant_network::{Network, Samples, align};
use orthant_testkit::{check, invariance, strategy, suite, tolerance};
use proptest::prop_assert;

/// Cases of each property.
const CASES: u32 = 8;

fn exact(x: MatRef<'_, f64>, a: MatRef<'_, f64>) -> Option<Network> {
    let samples = Samples::new(x, a).expect("planted samples are finite");
    let Recovery { network, report } =
        recover(&samples, &Settings::default(), &mut |_| ControlFlow::Continue(())).expect("enough samples");
    (report.verdict == Verdict::Exact).then_some(network)
}

#[test]
fn transformed_samples_give_the_transformed_network() {
    for name in ["both-biases", "correlated", "integer-inputs", "more-units-than-inputs"] {
        let instance = suite::instance(name).expect("in the suite").plant();
        check::recovers(exact, invariance::variants(&instance, 1)).assert_all();
    }
}

#[test]
fn transformed_samples_of_any_planted_network_give_the_transformed_network() {
    strategy::for_all(CASES, &strategy::instances(&strategy::Limits::default()), |instance| {
        check::recovers(exact, invariance::variants(&instance, 2)).require()
    });
}

#[test]
fn the_order_of_the_samples_does_not_matter() {
    let instance = suite::instance("both-biases").expect("in the suite").plant();
    let plain = exact(instance.x(), instance.a()).expect("exact");
    strategy::for_all(CASES, &strategy::permutations(instance.x.ncols()), |order| {
        let permuted = invariance::with_samples_permuted(&instance, &order);
        let network = exact(permuted.x(), permuted.a());
        // Both are within the tolerance of the planted network.
        let allowed = 2.0 * instance.tolerance();
        let distance = network.map(|network| align(&network, &plain).worst());
        prop_assert!(
            distance.is_some_and(|distance| distance <= allowed),
            "{distance:?}, allowed {allowed:e}"
        );
        Ok(())
    });
}

/// Powers of two change no digit of labels or inputs, so the answer scales with them to rounding at any size.
#[test]
fn scales_far_from_one_do_not_matter() {
    let instance = suite::instance("both-biases").expect("in the suite").plant();
    for exponent in [-900, -300, -30, 30, 300, 900] {
        let scale = 2f64.powi(exponent);
        let scaled = invariance::with_labels_scaled(&instance, scale);
        let network =
            exact(scaled.x(), scaled.a()).unwrap_or_else(|| panic!("labels times 2^{exponent}: not exact"));
        let back = invariance::with_labels_scaled(
            &orthant_testkit::Instance::new("answer", network, scaled.x.clone(), scaled.a.clone()),
            1.0 / scale,
        );
        let judgement = check::judge(&instance, Some(&back.network));
        assert!(judgement.is_recovered(), "labels times 2^{exponent}: {judgement}");
    }
}

#[test]
fn moving_a_factor_between_the_layers_changes_no_label_and_no_answer() {
    let instance = suite::instance("both-biases").expect("in the suite").plant();
    let factors: Vec<f64> = (0..instance.network.k()).map(|i| 10f64.powi(i as i32 - 2)).collect();
    let rescaled = invariance::rescale_units(&instance.network, &factors);
    let network = exact(instance.x(), rescaled.labels(instance.x()).as_ref()).expect("exact");
    // The rescaled network is the planted one to the rounding of d + 1 products and quotients.
    let rounding = tolerance::backward(instance.x.nrows() + 1, instance.a.nrows());
    assert!(align(&network, &rescaled).worst() <= instance.tolerance() + rounding);
}
