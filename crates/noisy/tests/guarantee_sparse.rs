//! Labels of which a sparse part is grossly wrong: weights to rounding, every error located, and no wrong verdict `exact`.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};

use orthant_exact::{Settings, Verdict};
use orthant_linalg::{Mat, MatRef, random};
use orthant_network::{BiasKind, Planted, PlantedSpec, Samples, align, gross_errors};
use orthant_noisy::NoisyError;
use orthant_noisy::sparse::{Doubt, Route, SparseRecovery, recover_sparse};
use proptest::prelude::*;

fn planted(m: usize, k: usize, bias: BiasKind, seed: u64) -> Planted {
    PlantedSpec { m, k, d: 20, bias, seed, ..PlantedSpec::default() }.plant(2000).expect("valid")
}

/// Errors on a part of the labels, of so many times their size.
fn errors(planted: &Planted, part: f64, size: f64, seed: u64) -> Mat<f64> {
    let (m, n) = planted.a.shape();
    let scale = Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("finite").label_scale();
    gross_errors(m, n, (part * (m * n) as f64) as usize, size * scale, seed)
}

fn answer(x: MatRef<'_, f64>, a: MatRef<'_, f64>) -> Result<SparseRecovery, NoisyError> {
    let samples = Samples::new(x, a).expect("finite");
    recover_sparse(&samples, &Settings::default(), &mut |_| ControlFlow::Continue(()))
}

/// Whether the verdict is `exact`, the weights are, and the errors are exactly those planted. Panics at a wrong `exact`.
fn is_solved(planted: &Planted, errors: &Mat<f64>) -> bool {
    let a = &planted.a + errors;
    let found = answer(planted.x.as_ref(), a.as_ref()).expect("planted samples have an answer");
    if found.recovery.report.verdict != Verdict::Exact {
        return false;
    }
    // Rounding times the conditioning of Gaussian weights stays below this by four digits.
    assert!(align(&found.recovery.network, &planted.network).worst() < 1e-9, "a wrong exact");
    let (m, n) = a.shape();
    let wrong: BTreeSet<(usize, usize)> =
        (0..n).flat_map(|j| (0..m).map(move |o| (j, o))).filter(|&(j, o)| errors[(o, j)] != 0.0).collect();
    let located: BTreeSet<(usize, usize)> = found.errors.iter().map(|e| (e.sample, e.output)).collect();
    wrong == located
}

fn solved(m: usize, k: usize, part: f64, size: f64, bias: BiasKind, seeds: Range<u64>) -> usize {
    let one = |seed: &u64| {
        let planted = planted(m, k, bias, *seed);
        is_solved(&planted, &errors(&planted, part, size, *seed))
    };
    seeds.filter(one).count()
}

#[test]
fn a_tenth_of_the_labels_of_a_hundred_outputs_may_be_wrong() {
    assert!(solved(100, 5, 0.05, 10.0, BiasKind::None, 100..104) >= 4);
    assert!(solved(100, 5, 0.1, 1.0, BiasKind::Both, 100..104) >= 4);
}

#[test]
fn recovery_goes_on_below_the_limit_of_pursuit() {
    assert!(solved(50, 5, 0.02, 10.0, BiasKind::None, 100..104) >= 4);
    assert!(solved(30, 10, 0.02, 100.0, BiasKind::Both, 100..104) >= 4);
    let planted = planted(30, 10, BiasKind::None, 100);
    let a = &planted.a + &errors(&planted, 0.02, 10.0, 100);
    let found = answer(planted.x.as_ref(), a.as_ref()).expect("an answer");
    assert_eq!(found.route, Route::Consensus, "pursuit error {:?}", found.pursuit_error);
}

#[test]
fn errors_of_one_sign_and_size_are_no_bias() {
    let planted = planted(50, 5, BiasKind::Both, 7);
    let drawn = errors(&planted, 0.02, 10.0, 7);
    let constant = Mat::from_fn(50, 2000, |o, j| if drawn[(o, j)] == 0.0 { 0.0 } else { 30.0 });
    assert!(is_solved(&planted, &constant));
}

#[test]
fn one_output_to_spare_locates_errors_through_the_network() {
    assert!(solved(6, 5, 0.02, 10.0, BiasKind::None, 100..102) >= 2);
}

#[test]
fn values_are_those_added() {
    let planted = planted(50, 5, BiasKind::None, 3);
    let added = errors(&planted, 0.02, 10.0, 3);
    let a = &planted.a + &added;
    let found = answer(planted.x.as_ref(), a.as_ref()).expect("an answer");
    assert_eq!(found.recovery.report.verdict, Verdict::Exact);
    for error in &found.errors {
        // Labels of size up to some tens, each to 2⁻⁵² of itself.
        assert!((error.value - added[(error.output, error.sample)]).abs() < 1e-11, "{error:?}");
    }
    assert!(found.incoherence.expect("labels are not zero").mu() > 1.0);
}

#[test]
fn a_sample_wrong_at_all_outputs_is_a_doubt() {
    let planted = planted(50, 5, BiasKind::None, 3);
    let a = Mat::from_fn(50, 2000, |o, j| if j == 17 { 1.0 + o as f64 } else { planted.a[(o, j)] });
    let found = answer(planted.x.as_ref(), a.as_ref()).expect("an answer");
    assert_eq!(found.doubt, Some(Doubt::Samples { count: 1, first: 17 }));
    assert_eq!(found.recovery.report.verdict, Verdict::Approximate);
    assert_eq!(found.errors.len(), 50);
}

#[test]
fn an_output_that_is_mostly_wrong_is_a_doubt() {
    let planted = planted(50, 5, BiasKind::None, 3);
    let noise = random::gaussian(1, 2000, &mut random::stream(1, "wrong output", 0));
    let a = Mat::from_fn(50, 2000, |o, j| {
        planted.a[(o, j)] + if o == 4 && j % 5 < 3 { 10.0 * noise[(0, j)] } else { 0.0 }
    });
    let found = answer(planted.x.as_ref(), a.as_ref()).expect("an answer");
    assert_eq!(found.doubt, Some(Doubt::Output { output: 4, errors: 1200 }));
    assert_eq!(found.recovery.report.verdict, Verdict::Approximate);
}

#[test]
fn a_unit_that_one_output_shows_is_not_taken_for_errors() {
    let planted = planted(50, 4, BiasKind::None, 5);
    let direction = random::gaussian(1, 20, &mut random::stream(1, "further unit", 0));
    // About 7 % of the samples activate it.
    let a = Mat::from_fn(50, 2000, |o, j| {
        let t: f64 =
            (0..20).map(|r| direction[(0, r)] * planted.x[(r, j)]).sum::<f64>() / direction.norm_l2();
        planted.a[(o, j)] + if o == 0 { (t - 1.5).max(0.0) } else { 0.0 }
    });
    let a = &a + &errors(&planted, 0.02, 10.0, 5);
    let found = answer(planted.x.as_ref(), a.as_ref()).expect("an answer");
    assert!(matches!(found.doubt, Some(Doubt::FurtherUnit { output: 0, .. })), "{:?}", found.doubt);
    assert_eq!(found.recovery.report.verdict, Verdict::Approximate);
}

#[test]
fn the_callback_cancels() {
    let planted = planted(30, 5, BiasKind::None, 1);
    let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("finite");
    let ended = recover_sparse(&samples, &Settings::default(), &mut |_| ControlFlow::Break(()));
    assert!(matches!(ended, Err(NoisyError::Cancelled)));
}

/// Whether labels of no network are.
fn is_called_exact(m: usize, n: usize, seed: u64, kind: usize, large: i32) -> bool {
    let noise = random::gaussian(m, n, &mut random::stream(seed, "hostile", 0));
    let a = Mat::from_fn(m, n, |o, j| match kind {
        0 => 0.0,
        1 => o as f64,
        2 => noise[(o, j)],
        3 => noise[(o, j)] * 10f64.powi(large),
        _ if noise[(o, j)] > 0.5 => 1e300,
        _ => 1e-300,
    });
    let x = random::gaussian(3, n, &mut random::stream(seed, "hostile", 1));
    answer(x.as_ref(), a.as_ref()).is_ok_and(|found| found.recovery.report.verdict == Verdict::Exact)
}

/// Decoding some samples takes a label beyond the range of numbers.
#[test]
fn labels_beyond_the_range_of_numbers_are_not_decoded() {
    for seed in (0..200).chain([399]) {
        assert!(!is_called_exact(5, 10, seed, 4, 0), "seed {seed}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Labels of no network: no panic, and no answer that says `exact`.
    #[test]
    fn hostile_labels_have_an_honest_answer(
        m in 1usize..9, n in 1usize..40, seed in 0u64..1000, kind in 0usize..5, large in -200i32..200,
    ) {
        prop_assert!(!is_called_exact(m, n, seed, kind, large));
    }
}
