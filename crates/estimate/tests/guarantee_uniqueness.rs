//! The quadratic lift proves uniqueness from as many samples as monomials, and only then.

use std::ops::ControlFlow;

use orthant_estimate::lift::{Lift, n_monomials};
use orthant_estimate::unit::unit_from_pattern;
use orthant_estimate::{Frame, Reporter, Unit};
use orthant_network::{BiasKind, InputKind, PlantedSpec, Samples};
use orthant_testkit::suite::{self, Hypothesis};
use orthant_testkit::{Instance, Recipe};

fn lift(instance: &Instance, bias: BiasKind) -> (Frame, Option<Lift>) {
    let samples = Samples::new(instance.x(), instance.a()).expect("planted samples are finite");
    let frame = Frame::new(&samples, bias, None).expect("finite").0;
    let lift = Lift::compute(&frame, &mut Reporter::new(&mut |_| ControlFlow::Continue(()))).expect("finite");
    (frame, lift)
}

/// Whether the lift proves that there is no other network, given the planted units and independent rows of V.
fn proves(frame: &Frame, lift: &Lift, instance: &Instance) -> bool {
    let units: Vec<Unit> =
        instance.patterns().iter().filter_map(|pattern| unit_from_pattern(frame, pattern).ok()).collect();
    lift.proves_uniqueness(frame, &units, true)
}

/// N for k units and d inputs.
fn monomials(k: usize, d: usize, bias: BiasKind) -> usize {
    k * (k + 1) / 2
        + match bias {
            BiasKind::None => k * d,
            BiasKind::Hidden => k * (d + 1),
            BiasKind::Output => k * d + k + d + 1,
            BiasKind::Both => k * (d + 1) + d + 1,
        }
}

fn planted(bias: BiasKind, inputs: InputKind, seed: u64, extra: isize) -> Instance {
    let (m, k, d) = (8, 6, 9);
    let spec = PlantedSpec { m, k, d, bias, inputs, seed, ..PlantedSpec::default() };
    let n = monomials(k, d, bias).checked_add_signed(extra).expect("positive");
    Recipe::plain(spec, n).plant().expect("valid")
}

#[test]
fn as_many_samples_as_monomials_prove_uniqueness_for_every_bias_and_continuous_input() {
    for bias in [BiasKind::None, BiasKind::Hidden, BiasKind::Output, BiasKind::Both] {
        for inputs in [InputKind::Gaussian, InputKind::Uniform, InputKind::Laplace, InputKind::Correlated] {
            for seed in 0..3 {
                let instance = planted(bias, inputs, seed, 10);
                let (frame, lift) = lift(&instance, bias);
                let lift = lift.expect("enough samples");
                assert_eq!(
                    (lift.monomials, n_monomials(&frame)),
                    (monomials(6, 9, bias), monomials(6, 9, bias))
                );
                let found = (lift.null_dimension, lift.margin);
                assert!(proves(&frame, &lift, &instance), "{bias:?} {inputs:?} {seed}: {found:?}");
            }
        }
    }
}

/// N − k equations can leave k solutions; with one less there are more, and nothing is computed.
#[test]
fn one_sample_less_than_the_rank_wanted_proves_nothing() {
    for bias in [BiasKind::None, BiasKind::Both] {
        let short = planted(bias, InputKind::Gaussian, 1, -7);
        assert!(lift(&short, bias).1.is_none(), "{bias:?}");
        let enough = planted(bias, InputKind::Gaussian, 1, -6);
        let lift = lift(&enough, bias).1.expect("N - k samples");
        assert_eq!(lift.null_dimension, 6, "{bias:?}: {}", lift.margin);
    }
}

/// f(t) f(−t) = 0 for every sample is a null vector that belongs to no unit.
#[test]
fn antiparallel_units_enlarge_the_null_space() {
    let instance = suite::without(Hypothesis::NoAntiparallelUnits).plant();
    let (frame, lift) = lift(&instance, BiasKind::Both);
    let lift = lift.expect("enough samples");
    assert!(lift.null_dimension > 5 && !proves(&frame, &lift, &instance), "{}", lift.null_dimension);
}

/// A second network with the same labels: two always-active units merge, so the proof must fail.
#[test]
fn networks_that_are_not_unique_are_not_proved_unique() {
    for hypothesis in [Hypothesis::SomeInactive, Hypothesis::EnoughActive, Hypothesis::FullRankInputs] {
        let instance = suite::without(hypothesis).plant();
        let (frame, lift) = lift(&instance, BiasKind::Both);
        let lift = lift.expect("enough samples");
        // With a constant input the frame works in one direction less, in which the network is unique.
        let unique_there = hypothesis == Hypothesis::FullRankInputs;
        assert_eq!(proves(&frame, &lift, &instance), unique_there, "{hypothesis:?}: {}", lift.null_dimension);
    }
}

#[test]
fn repeated_samples_are_no_further_equations() {
    let both = suite::instance("both-biases").expect("in the suite").recipe;
    let recipe = both.with(orthant_testkit::Departure::RepeatedSamples { distinct: 50 });
    let instance = recipe.plant().expect("valid");
    let (frame, lift) = lift(&instance, BiasKind::Both);
    assert!(!lift.is_some_and(|lift| proves(&frame, &lift, &instance)));
}
