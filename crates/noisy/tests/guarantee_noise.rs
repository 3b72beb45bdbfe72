//! What the search promises under noise: the basin of the optimum next to the truth, from nothing, and the true width.
//!
//! The measure is the error of V (Frobenius norm, units matched) over that of the same refinement started at the true weights. Both stop
//! at kinks near one optimum, and the second comes to its kink from the truth: ratios scatter around 1 by a small part of a standard
//! error, more above than below.

use std::ops::ControlFlow;

use orthant_estimate::Reporter;
use orthant_network::{Activation, BiasKind, Network, NoiseKind, Planted, PlantedSpec, Samples, align};
use orthant_noisy::search::{Found, SearchSettings, refined_from, search};
use orthant_noisy::width::choose_width;
use orthant_noisy::{NoiseModel, NoisyError, Settings, recover_noisy};
use rayon::prelude::*;

/// First of the seeds of all tests. Constants of the search were chosen on others.
const FIRST_SEED: u64 = 7000;

#[derive(Clone, Copy)]
struct Case {
    m: usize,
    k: usize,
    d: usize,
    /// Samples for each input.
    samples: usize,
    /// Standard deviation of the errors over that of the labels.
    noise: f64,
    kind: NoiseKind,
    bias: BiasKind,
}

impl Case {
    const fn new(m: usize, k: usize, d: usize, samples: usize, noise: f64) -> Case {
        Case { m, k, d, samples, noise, kind: NoiseKind::Gaussian, bias: BiasKind::None }
    }

    /// A network, and its samples with errors added to the labels.
    fn noisy(&self, seed: u64) -> Planted {
        let Case { m, k, d, bias, .. } = *self;
        let n = self.samples * d;
        let mut p = PlantedSpec { m, k, d, bias, seed, ..PlantedSpec::default() }.plant(n).expect("valid");
        let std = self.noise * Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid").label_scale();
        p.a = &p.a + &self.kind.errors(m, n, std, seed);
        p
    }

    fn settings(&self, seed: u64) -> SearchSettings {
        SearchSettings { seed, bias: self.bias, ..SearchSettings::default() }
    }

    fn found(&self, samples: &Samples<'_>, seed: u64) -> Found {
        let mut callback = |_| ControlFlow::Continue(());
        let reporter = &mut Reporter::new(&mut callback);
        search(samples, self.k, &self.settings(seed), reporter).expect("enough samples")
    }

    /// Error of V over that of refinement from the truth.
    fn ratio(&self, seed: u64) -> f64 {
        let p = self.noisy(seed);
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let reference = refined_from(&samples, &p.network, self.bias).expect("finite").network;
        let found = self.found(&samples, seed);
        assert!(found.agreeing >= 2, "{} of {} starts agree", found.agreeing, found.starts);
        error_of_v(&found.best.network, &p.network) / error_of_v(&reference, &p.network)
    }

    /// Median and 95th percentile of the ratio over so many seeds.
    fn ratios(&self, seeds: u64) -> (f64, f64) {
        let mut all: Vec<f64> =
            (FIRST_SEED..FIRST_SEED + seeds).into_par_iter().map(|seed| self.ratio(seed)).collect();
        all.sort_by(f64::total_cmp);
        let at = |part: f64| all[(part * seeds as f64).ceil() as usize - 1];
        (at(0.5), at(0.95))
    }

    /// Seeds on which the width chosen is the true one.
    fn right_widths(&self, seeds: u64) -> usize {
        (FIRST_SEED..FIRST_SEED + seeds)
            .into_par_iter()
            .filter(|&seed| {
                let p = self.noisy(seed);
                let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
                let mut callback = |_| ControlFlow::Continue(());
                let chosen = choose_width(&samples, &self.settings(seed), &mut Reporter::new(&mut callback));
                chosen.expect("enough samples").0.width == self.k
            })
            .count()
    }
}

fn error_of_v(found: &Network, truth: &Network) -> f64 {
    let alignment = align(found, truth);
    if !alignment.unmatched_second.is_empty() {
        return f64::INFINITY;
    }
    let squares = alignment.pairs.iter().map(|pair| {
        let difference = |r| found.v()[(pair.first, r)] - truth.v()[(pair.second, r)];
        (0..truth.d()).map(|r| difference(r).powi(2)).sum::<f64>()
    });
    squares.sum::<f64>().sqrt()
}

/// Eight, twelve and twenty seeds. Measured over twenty each: medians of at most 1.009, 95th percentiles (the nineteenth) of at most
/// 1.027.
#[test]
fn five_units_are_estimated_as_well_as_from_the_truth() {
    for (noise, seeds) in [(0.01, 8), (0.1, 12), (0.5, 20)] {
        let (median, high) = Case::new(10, 5, 20, 50, noise).ratios(seeds);
        assert!(median <= 1.01 && high <= 1.05, "{noise}: {median} {high}");
    }
}

/// Labels of which some combinations are weak, on which a search unit by unit ends at 5 to 25 times the error. Twelve seeds.
/// Measured over twenty: 1.001 and 1.017.
#[test]
fn weak_units_are_estimated_as_well_as_from_the_truth() {
    let (median, high) = Case::new(10, 10, 10, 50, 0.1).ratios(12);
    assert!(median <= 1.01 && high <= 1.05, "{median} {high}");
}

/// Three seeds each. Measured over twenty: medians of 1.0001, 95th percentiles of 1.002.
#[test]
fn noise_that_is_not_gaussian_makes_no_difference() {
    for kind in [NoiseKind::Uniform, NoiseKind::Sign] {
        let (median, high) = Case { kind, ..Case::new(10, 5, 20, 400, 0.1) }.ratios(3);
        assert!(median <= 1.01 && high <= 1.05, "{kind:?}: {median} {high}");
    }
}

/// One seed. Measured over twenty: at most 1.010.
#[test]
fn twenty_units_are_estimated_as_well_as_from_the_truth() {
    let (_, high) = Case::new(20, 20, 50, 50, 0.1).ratios(1);
    assert!(high <= 1.05, "{high}");
}

/// Three seeds each, all to be met: fewer outputs than units, down to one, and biases. With fewer equations for each weight kinks
/// matter more, so that twice the allowance is made.
#[test]
fn fewer_outputs_than_units_and_biases_are_no_obstacle() {
    for case in [
        Case::new(4, 10, 20, 50, 0.1),
        Case::new(1, 5, 10, 200, 0.01),
        Case { bias: BiasKind::Both, ..Case::new(10, 5, 20, 50, 0.1) },
        Case { bias: BiasKind::Both, ..Case::new(4, 6, 8, 100, 0.1) },
    ] {
        let (median, high) = case.ratios(3);
        assert!(median <= 1.05 && high <= 1.1, "{} {} {}: {median} {high}", case.m, case.k, case.d);
    }
}

/// Five seeds each, all to be right; the claim is 19 of 20. Measured: twenty of twenty for the cases without biases and k ≤ m.
#[test]
fn the_true_width_is_chosen() {
    for case in [
        Case::new(10, 5, 20, 50, 0.5),
        Case::new(10, 10, 10, 50, 0.1),
        Case { bias: BiasKind::Both, ..Case::new(10, 5, 20, 50, 0.1) },
        Case::new(3, 6, 8, 100, 0.1),
    ] {
        let right = case.right_widths(5);
        assert_eq!(right, 5, "{} {} {}, {}", case.m, case.k, case.d, case.noise);
    }
}

/// Three seeds each. Measured over six seeds and three sizes with and without biases: all.
#[test]
fn other_activations_with_a_degree_are_fitted_too() {
    for name in ["power:1.5", "power:2", "leaky-relu:0.1", "abs"] {
        let activation: Activation = name.parse().expect("a name");
        for seed in FIRST_SEED..FIRST_SEED + 3 {
            let spec = PlantedSpec {
                m: 6,
                k: 4,
                d: 8,
                seed,
                activation: activation.clone(),
                ..PlantedSpec::default()
            };
            let p = spec.plant(600).expect("valid");
            let std = 0.05 * Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid").label_scale();
            let a = &p.a + &NoiseKind::Gaussian.errors(6, 600, std, seed);
            let samples = Samples::new(p.x.as_ref(), a.as_ref()).expect("valid");
            let exact = orthant_exact::Settings {
                activation: activation.clone(),
                ..orthant_exact::Settings::default()
            };
            let settings = Settings { exact, noise: NoiseModel::Gaussian, noise_std: None };
            let found =
                recover_noisy(&samples, &settings, &mut |_| ControlFlow::Continue(())).expect("an answer");
            assert_eq!((found.network.k(), found.network.b()), (4, None), "{name}, seed {seed}");
            for pair in align(&found.network, &p.network).pairs {
                let unit = &found.report.units[pair.first];
                // The length of an error vector is seldom twice the root of the sum of its variances.
                let allowed = 3.0 * unit.direction_error.max(unit.output_error);
                assert!(pair.error <= allowed, "{name}, seed {seed}: {} of {allowed}", pair.error);
            }
        }
    }
}

#[test]
fn activations_without_a_degree_are_refused_by_name() {
    for name in ["expm1", "power:0.5"] {
        let p = PlantedSpec { m: 3, k: 2, d: 4, ..PlantedSpec::default() }.plant(100).expect("valid");
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let exact = orthant_exact::Settings {
            activation: name.parse().expect("a name"),
            ..orthant_exact::Settings::default()
        };
        let settings = Settings { exact, noise: NoiseModel::Gaussian, noise_std: None };
        let error =
            recover_noisy(&samples, &settings, &mut |_| ControlFlow::Continue(())).expect_err("refused");
        assert_eq!(
            error,
            NoisyError::Activation {
                method: "recovery from labels with noise",
                activation: name.to_string()
            }
        );
    }
}
