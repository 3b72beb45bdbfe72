//! Proptest strategies that build exactly the hypotheses of a recovery guarantee.
//!
//! Values shrink towards small k, d, m and n, condition number 1, no bias and Gaussian inputs (the first in each list of
//! [`Limits`]); the seed of the weights does not shrink, for another seed is another network and not a simpler one.

use std::fmt::Debug;
use std::ops::RangeInclusive;

use orthant_network::{Activation, BiasKind, InputKind, Network, PlantedSpec};
use proptest::strategy::{Just, Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestCaseResult, TestRunner};

use crate::check::LARGEST_TOLERANCE;
use crate::instance::Instance;
use crate::recipe::{LabelKind, Recipe};
use crate::tolerance;

/// The hypotheses, as bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Largest number of units. Default 8.
    pub max_k: usize,
    /// Largest number of inputs. Default 10.
    pub max_d: usize,
    /// Labels have between k and this many more outputs. Default 4.
    pub max_extra_outputs: usize,
    /// n = factor · (max(d, k) + 1) with a factor in this range. Default 8..=12.
    pub samples: RangeInclusive<usize>,
    /// Largest condition number of U, as measured. Default 10.
    pub max_kappa_u: f64,
    /// Largest condition number of V with its rows normalised, as measured. Default 10.
    pub max_kappa_v: f64,
    /// Whether V has orthonormal rows (then d ≥ k). Default false.
    pub orthonormal_v: bool,
    /// The biases that occur, simplest first. Default all four kinds.
    pub biases: Vec<BiasKind>,
    /// The input distributions that occur, simplest first. Default all.
    pub inputs: Vec<InputKind>,
    /// What the labels went through, simplest first. Default exact labels only.
    pub labels: Vec<LabelKind>,
    /// Equations that each unit's pattern offers beyond its unknowns: active samples beyond d + 1, and inactive samples together
    /// with these beyond k + 1. Default 8.
    pub spare_equations: usize,
    /// Smallest [`Condition::kinks`](crate::Condition::kinks): keeps units apart from affine functions and from antiparallel
    /// ones. Default 0.02.
    pub min_kinks: f64,
    /// Largest [`Instance::tolerance`]: bounds all condition numbers at once. Default 10⁻⁸, half the digits.
    pub max_tolerance: f64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_k: 8,
            max_d: 10,
            max_extra_outputs: 4,
            samples: 8..=12,
            max_kappa_u: 10.0,
            max_kappa_v: 10.0,
            orthonormal_v: false,
            biases: vec![BiasKind::None, BiasKind::Hidden, BiasKind::Output, BiasKind::Both],
            inputs: InputKind::ALL.to_vec(),
            labels: vec![LabelKind::Exact],
            spare_equations: 8,
            min_kinks: 0.02,
            max_tolerance: 1e-8,
        }
    }
}

impl Limits {
    /// Whether an instance satisfies the hypotheses, measured on the instance itself.
    pub fn admit(&self, instance: &Instance) -> bool {
        let condition = instance.condition();
        let rounding = 1.0 + tolerance::backward(instance.a.nrows(), self.max_k.max(self.max_d));
        let (k, d) = (instance.network.k(), instance.network.d());
        let determined = instance.patterns().iter().all(|pattern| {
            let surplus = pattern.n_active().saturating_sub(d + 1);
            surplus >= self.spare_equations && pattern.n_inactive() + surplus > k + self.spare_equations
        });
        determined
            && condition.kappa_u <= self.max_kappa_u * rounding
            && condition.kappa_v <= self.max_kappa_v * rounding
            && condition.kinks >= self.min_kinks
            && condition.tolerance() <= self.max_tolerance.min(LARGEST_TOLERANCE)
    }
}

/// Recipes within the limits on dimensions, biases and inputs; condition numbers are those asked for, not yet measured.
///
/// # Panics
/// When a list in `limits` is empty, a largest dimension is 0 or a condition number is below 1.
pub fn recipes(limits: &Limits) -> impl Strategy<Value = Recipe> + use<> {
    let limits = limits.clone();
    assert!(limits.max_kappa_u >= 1.0 && limits.max_kappa_v >= 1.0, "condition numbers are at least 1");
    let dimensions =
        (1..=limits.max_k, 1..=limits.max_d, 0..=limits.max_extra_outputs, limits.samples.clone());
    let kinds = (0..limits.biases.len(), 0..limits.inputs.len(), 0..limits.labels.len());
    // Exponents of the largest condition number: 0 is the simplest, and all orders of magnitude are equally likely.
    let kappas = (0.0..1.0f64, 0.0..1.0f64);
    let seed = (0..u64::MAX).no_shrink();
    (dimensions, kinds, kappas, seed).prop_map(
        move |((k, d, extra, factor), (bias, inputs, labels), kappa, seed)| {
            let d = if limits.orthonormal_v { d.max(k) } else { d };
            let spec = PlantedSpec {
                m: k + extra,
                k,
                d,
                kappa_u: Some(limits.max_kappa_u.powf(kappa.0)),
                kappa_v: Some(limits.max_kappa_v.powf(kappa.1)),
                bias: limits.biases[bias],
                inputs: limits.inputs[inputs],
                activation: Activation::RELU,
                seed,
            };
            Recipe {
                orthonormal_v: limits.orthonormal_v,
                labels: limits.labels[labels],
                ..Recipe::plain(spec, factor * (d.max(k) + 1))
            }
        },
    )
}

/// Planted samples that satisfy the hypotheses, each measured on the instance: [`Limits::admit`].
///
/// # Panics
/// As [`recipes`].
pub fn instances(limits: &Limits) -> impl Strategy<Value = Instance> + use<> {
    let limits = limits.clone();
    recipes(&limits)
        .prop_map(|recipe| {
            recipe.plant().expect("the strategy draws positive dimensions and condition numbers")
        })
        .prop_filter("the instance meets its hypotheses", move |instance| limits.admit(instance))
}

/// Networks whose samples would satisfy the hypotheses.
///
/// # Panics
/// As [`recipes`].
pub fn networks(limits: &Limits) -> impl Strategy<Value = Network> + use<> {
    instances(limits).prop_map(|instance| instance.network)
}

/// Permutations of 0..n. They shrink towards none moved.
pub fn permutations(n: usize) -> impl Strategy<Value = Vec<usize>> {
    Just((0..n).collect::<Vec<_>>()).prop_shuffle()
}

/// The seed of the strategies' generator: every run is the same run.
const RNG_SEED: u64 = 20_190_625;

/// Bound on the steps of shrinking, each of which runs the method once.
const MAX_SHRINK_STEPS: u32 = 300;

/// A configuration with that many cases, a fixed seed, and so nothing to write to a regression file.
pub fn config(cases: u32) -> Config {
    Config {
        cases,
        rng_seed: RngSeed::Fixed(RNG_SEED),
        failure_persistence: None,
        max_shrink_iters: MAX_SHRINK_STEPS,
        ..Config::default()
    }
}

/// Runs a property on that many values, the same ones in every run, and shrinks the first that fails.
///
/// Properties return what they find (`prop_assert!` does, and so does [`Results::require`](crate::Results::require)); one that
/// panics fails too, but shrinking then prints every panic on the way.
///
/// # Panics
/// When one fails, with the shrunken value.
#[track_caller]
pub fn for_all<S>(cases: u32, strategy: &S, property: impl Fn(S::Value) -> TestCaseResult)
where
    S: Strategy,
    S::Value: Debug,
{
    if let Err(failure) = TestRunner::new(config(cases)).run(strategy, property) {
        panic!("{failure}");
    }
}

/// The first value that [`for_all`] would draw.
///
/// # Panics
/// When the strategy rejects everything it draws.
pub fn first<S: Strategy>(strategy: &S) -> S::Value {
    let mut runner = TestRunner::new(config(1));
    strategy.new_tree(&mut runner).expect("the strategy yields values").current()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::condition_number;
    use proptest::prop_assert;
    use std::cell::Cell;

    #[test]
    fn drawn_instances_satisfy_their_hypotheses() {
        let limits = Limits { max_kappa_u: 4.0, max_kappa_v: 5.0, ..Limits::default() };
        for_all(40, &instances(&limits), |instance| {
            let (network, n) = (&instance.network, instance.x.ncols());
            assert!(
                network.k() <= 8
                    && network.d() <= 10
                    && (network.k()..=network.k() + 4).contains(&network.m())
            );
            assert!(n % (network.k().max(network.d()) + 1) == 0);
            // The bound with room for the rounding of singular values.
            assert!(condition_number(network.u()) < 4.001 && condition_number(network.v()) < 5.001);
            assert!(instance.tolerance() <= 1e-8);
            Ok(())
        });
    }

    #[test]
    fn every_kind_of_bias_and_input_occurs() {
        let (biases, inputs) = (Cell::new(0u32), Cell::new(0u32));
        for_all(100, &recipes(&Limits::default()), |recipe| {
            biases.set(biases.get() | 1 << recipe.spec.bias as u32);
            inputs.set(inputs.get() | 1 << recipe.spec.inputs as u32);
            Ok(())
        });
        assert_eq!((biases.get(), inputs.get()), (0b1111, 0b1111_1111));
    }

    #[test]
    fn failures_shrink_towards_small_networks_of_condition_one() {
        let mut runner = TestRunner::new(config(1));
        let mut tree = recipes(&Limits::default()).new_tree(&mut runner).expect("a recipe");
        while tree.simplify() {}
        let spec = tree.current().spec;
        assert_eq!((spec.k, spec.d, spec.m), (1, 1, 1));
        assert_eq!((spec.kappa_u, spec.kappa_v), (Some(1.0), Some(1.0)));
        assert_eq!((spec.bias, spec.inputs), (BiasKind::None, InputKind::Gaussian));
    }

    #[test]
    fn orthonormal_rows_have_condition_one() {
        let limits = Limits { orthonormal_v: true, max_kappa_v: 1.0, ..Limits::default() };
        for_all(10, &networks(&limits), |network| {
            prop_assert!(condition_number(network.v()) <= 1.0 + tolerance::backward(8, 10));
            Ok(())
        });
    }

    #[test]
    #[should_panic(expected = "k: 3")]
    fn a_failing_property_is_reported_with_its_smallest_case() {
        let limits =
            Limits { biases: vec![BiasKind::None], inputs: vec![InputKind::Gaussian], ..Limits::default() };
        for_all(50, &instances(&limits), |instance| {
            prop_assert!(instance.network.k() < 3);
            Ok(())
        });
    }
}
