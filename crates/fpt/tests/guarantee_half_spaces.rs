//! Theorems 69 and 78: a fit under errors of every kind that does not depend on the inputs.
//!
//! What is asserted was tuned on seeds 0 to 19 and is stated on others.

use std::ops::{ControlFlow, Range};

use orthant_estimate::Reporter;
use orthant_estimate::problem::Problem;
use orthant_estimate::refine::{RefineSettings, refine};
use orthant_exact::Verdict;
use orthant_fpt::FptError;
use orthant_fpt::half_spaces::{
    BoundTerms, Ending, Fit, Guesses, PrintedGrid, Settings, fit, half_space, theorem_78_bound,
    theorem_78_corrected,
};
use orthant_linalg::{Mat, product, random};
use orthant_network::{Activation, BiasKind, Network, Planted, PlantedSpec, Samples};
use orthant_testkit::errors::LabelErrors;

/// Seeds of each case: not those of tuning.
const SEEDS: Range<u64> = 20..40;

struct Case {
    planted: Planted,
    errors: Mat<f64>,
    labels: Mat<f64>,
}

/// A planted network with errors of `level` times the Frobenius norm of the signal.
fn case(m: usize, k: usize, n: usize, kind: LabelErrors, level: f64, seed: u64) -> Case {
    case_of(&PlantedSpec { m, k, d: 10, seed, ..PlantedSpec::default() }, n, kind, level)
}

fn case_of(spec: &PlantedSpec, n: usize, kind: LabelErrors, level: f64) -> Case {
    let planted = spec.plant(n).expect("valid");
    let seed = spec.seed;
    let size = level * product::frobenius(planted.a.as_ref());
    let errors = kind.errors(&planted.network, n, size, seed);
    let labels = &planted.a + &errors;
    Case { planted, errors, labels }
}

impl Case {
    fn samples(&self) -> Samples<'_> {
        Samples::new(self.planted.x.as_ref(), self.labels.as_ref()).expect("finite")
    }

    fn fit(&self, settings: &Settings) -> Fit {
        fit(&self.samples(), settings, &mut |_| ControlFlow::Continue(())).expect("valid samples")
    }

    fn terms(&self, accuracy: f64) -> BoundTerms {
        BoundTerms::of(self.planted.network.u(), self.errors.as_ref(), accuracy).expect("finite")
    }

    /// The largest distance of a planted row of V from the nearest one found.
    fn direction_error(&self, found: &Network) -> f64 {
        let v = self.planted.network.v();
        let distance = |i: usize, j: usize| (v.row(i) - found.v().row(j)).norm_l2();
        let nearest = |i| (0..found.k()).map(|j| distance(i, j)).fold(f64::INFINITY, f64::min);
        (0..v.nrows()).map(nearest).fold(0.0, f64::max)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Least squares of all weights from four random starts, the best.
fn least_squares(case: &Case, k: usize, seed: u64) -> Network {
    let (inputs, labels) = (case.planted.x.transpose().to_owned(), case.labels.transpose().to_owned());
    let problem = Problem {
        inputs: inputs.as_ref(),
        labels: labels.as_ref(),
        bias: BiasKind::None,
        activation: &Activation::RELU,
        affine: false,
    };
    let mut callback = |_| ControlFlow::Continue(());
    let ends = (0..4).map(|index| {
        let start = random::gaussian(10, k, &mut random::stream(seed, "test start", index));
        refine(&problem, start, &RefineSettings::default(), &mut Reporter::new(&mut callback))
            .expect("finite")
    });
    let best = ends.min_by(|a, b| a.residual.total_cmp(&b.residual)).expect("four starts");
    let fitted = orthant_estimate::problem::linear_fit(&problem, &best.directions).expect("finite");
    Network::new(fitted.u, best.directions.transpose().to_owned(), None, None).expect("finite")
}

/// Theorem 78 with the constant 1 and ε = 0.01, d = 10, m = 5, n = 1000, errors as large as the signal: the half-spaces alone, without
/// the descent, meet the corrected bound in 19 of 20 for each kind of errors and each width. U = 0 does not, except under a constant
/// that takes the mean of the signal away.
#[test]
fn the_bound_holds_for_errors_of_every_kind() {
    for (k, seeds) in [(1, SEEDS), (2, SEEDS), (3, 20..24)] {
        for kind in LabelErrors::ALL {
            let allowed = seeds.clone().count() / 20;
            let mut missed = 0;
            for seed in seeds.clone() {
                let case = case(5, k, 1000, kind, 1.0, seed);
                let found = case.fit(&Settings { descend: false, ..Settings::new(k) });
                let bound = theorem_78_corrected(&case.terms(0.01));
                missed += usize::from(found.half_spaces.residual > bound);
                assert_eq!(found.ending, Ending::Completed);
                if kind != LabelErrors::Constant {
                    assert!(found.zero_residual > bound, "{kind:?} {k} {seed}: the bound is vacuous");
                }
            }
            assert!(missed <= allowed, "{kind:?}, k = {k}: missed in {missed}");
        }
    }
}

/// The descent ends below |E|_F, the bound at ε = 0, in all of 10, whatever the number of outputs, and also without errors.
#[test]
fn the_descent_fits_as_well_as_the_true_weights() {
    for (m, k) in [(1, 1), (2, 2), (20, 2), (3, 3)] {
        for (level, kind) in
            [(0.0, LabelErrors::Gaussian), (0.3, LabelErrors::Student2), (3.0, LabelErrors::Giant)]
        {
            for seed in 20..30 {
                let case = case(m, k, 1000, kind, level, seed);
                let found = case.fit(&Settings::new(k));
                // Without errors the descent ends at rounding level: Levenberg-Marquardt stalls within a factor of 10⁵ of it.
                let rounding = 1e-10 * found.zero_residual;
                let allowed = product::frobenius(case.errors.as_ref()) + rounding;
                assert!(found.best().residual <= allowed, "{m} {k} {kind:?} {level} {seed}");
                assert!(found.best().residual <= found.half_spaces.residual);
            }
        }
    }
}

/// Theorem 69: the error of a half-space falls as the root of n, for errors without a variance and for ones that hide the unit on a
/// tenth of the samples; the theorem's own rate is n^(-1/4). Medians of 20: a quarter at sixteen times the samples, within a factor of
/// 1.5.
#[test]
fn half_spaces_converge_at_the_root_of_n() {
    for kind in [
        LabelErrors::Gaussian,
        LabelErrors::Student2,
        LabelErrors::Constant,
        LabelErrors::Giant,
        LabelErrors::Blocks,
    ] {
        let errors = |n: usize| -> f64 {
            let one = |seed| {
                let case = case(1, 1, n, kind, 1.0, seed);
                let u = case.planted.network.u()[(0, 0)];
                let values: Vec<f64> = (0..n).map(|q| case.labels[(0, q)] / u).collect();
                let found = half_space(case.planted.x.as_ref(), &values, 1.0);
                let v = case.planted.network.v();
                (0..10).map(|j| (found[j] - v[(0, j)]).powi(2)).sum::<f64>().sqrt()
            };
            median(SEEDS.map(one).collect())
        };
        let (few, many) = (errors(1000), errors(16_000));
        let ratio = many / few;
        assert!((0.25 / 1.5..0.25 * 1.5).contains(&ratio), "{kind:?}: {few} {many}");
        assert!(many < 0.1, "{kind:?}: {many}");
    }
}

/// Errors that depend on the inputs may put any other unit in the place of the true one.
#[test]
fn errors_that_depend_on_the_inputs_break_the_half_space() {
    let case = case(1, 1, 4000, LabelErrors::Gaussian, 0.0, 20);
    let x = case.planted.x.as_ref();
    let values: Vec<f64> = (0..4000).map(|q| x[(0, q)].max(0.0)).collect();
    let found = half_space(x, &values, 1.0);
    // The unit that the errors have put there, not the planted one: six standard errors of √(d/n).
    assert!(found[0] > 1.0 - (6.0f64.powi(2) * 10.0 / 4000.0) / 2.0, "{found:?}");
}

/// One giant column, of a million times the signal: half-spaces see it as one sample of 4000.
/// Which way the unit faces is chosen by the loss, which sees nothing else.
#[test]
fn giant_columns_do_not_move_half_spaces() {
    for seed in SEEDS {
        let mut case = case(5, 1, 4000, LabelErrors::Gaussian, 0.1, seed);
        case.labels.as_mut().col_mut(17).iter_mut().for_each(|a| *a = 1e6);
        let found = case.fit(&Settings { descend: false, ..Settings::new(1) });
        let (v, found) = (case.planted.network.v(), found.half_spaces.network);
        let error = (v.row(0) - found.v().row(0)).norm_l2().min((v.row(0) + found.v().row(0)).norm_l2());
        // Six standard errors of the mean, √(d/n), at a correlation of sign and input of at least a half of the best.
        assert!(error < 12.0 * (10.0f64 / 4000.0).sqrt() / 2.0, "{seed}: {error}");
    }
}

/// The printed grid of one unit and two outputs: the refined search makes fewer guesses and fits as well within 5 %, and better after the descent.
#[test]
fn the_refined_search_is_as_good_as_the_printed_grid() {
    for seed in 20..25 {
        let case = case(2, 1, 500, LabelErrors::Student2, 0.5, seed);
        let printed = Guesses::Printed { sigma_min: 1.0, ratio_constant: 1.0, count_constant: 1.0 };
        let settings = Settings { accuracy: 0.75, guesses: printed, descend: false, ..Settings::new(1) };
        let walked = case.fit(&settings);
        let grid = PrintedGrid {
            width: 1,
            rows: 2,
            sigma_min: 1.0,
            kappa: 1.0,
            accuracy: 0.75,
            ratio_constant: 1.0,
            count_constant: 1.0,
        };
        assert_eq!(u128::from(walked.guesses), 4 * grid.members());
        let refined = case.fit(&Settings::new(1));
        assert!(refined.guesses < walked.guesses / 10);
        // The printed grid also has rows outside the column space of U, and overfits by the choice among 5000 half-spaces.
        assert!(refined.half_spaces.residual < 1.05 * walked.half_spaces.residual, "{seed}");
        assert!(refined.best().residual < walked.half_spaces.residual, "{seed}");
    }
}

#[test]
fn a_callback_that_breaks_gets_the_best_network_so_far() {
    let case = case(5, 2, 1000, LabelErrors::Gaussian, 0.3, 20);
    let mut calls = 0;
    let complete = fit(&case.samples(), &Settings::new(2), &mut |_| {
        calls += 1;
        ControlFlow::Continue(())
    });
    let complete = complete.expect("valid samples");
    let mut residuals = Vec::new();
    for allowed in 0..calls {
        let mut left = allowed;
        let stopped = fit(&case.samples(), &Settings::new(2), &mut |_| {
            left -= 1;
            if left < 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let stopped = stopped.expect("stopping is no error");
        assert_eq!(stopped.ending, Ending::Stopped, "{allowed} of {calls}");
        residuals.push(stopped.best().residual);
    }
    assert_eq!(residuals[0], complete.zero_residual);
    assert!(residuals.is_sorted_by(|a, b| a >= b), "{residuals:?}");
    assert!(complete.best().residual <= residuals[residuals.len() - 1]);
}

#[test]
fn threads_do_not_change_bits() {
    let case = case(4, 3, 600, LabelErrors::Student2, 1.0, 20);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| case.fit(&Settings::new(3)))
    };
    let (one, four) = (run(1), run(4));
    assert_eq!(one.half_spaces.network, four.half_spaces.network);
    assert_eq!(one.best().network, four.best().network);
    assert_eq!(one.guesses, four.guesses);
}

/// Remark 24, and scales: another covariance of the inputs and other units change the residual by rounding only.
#[test]
fn covariance_and_scale_do_not_matter() {
    let mut case = case(4, 2, 1000, LabelErrors::Blocks, 0.5, 21);
    let settings = Settings { descend: false, ..Settings::new(2) };
    let before = case.fit(&settings).half_spaces.residual;
    let map = random::with_condition(10, 10, 100.0, &mut random::stream(1, "test covariance", 0));
    for (inputs, labels) in [(1.0, 1.0), (1e150, 1e-150), (1e-150, 1e150)] {
        case.planted.x = product::matmul(map.as_ref(), case.planted.x.as_ref()) * inputs;
        let scaled = Case { labels: &case.labels * labels, ..case };
        let after = scaled.fit(&settings).half_spaces.residual / labels;
        // Rounding, times the condition number of the map and its powers, may change which of two equal guesses is taken.
        assert!((after / before - 1.0).abs() < 1e-3, "{inputs} {labels}: {before} {after}");
        case = scaled;
        case.labels *= 1.0 / labels;
        case.planted.x *= 1.0 / inputs;
    }
}

#[test]
fn hostile_samples_get_an_error_or_an_honest_fit() {
    let goes_on = &mut |_| ControlFlow::Continue(());
    let x = PlantedSpec { d: 4, ..PlantedSpec::default() }.plant(50).expect("valid").x;
    let run = |x: &Mat<f64>, a: &Mat<f64>, k| {
        fit(&Samples::new(x.as_ref(), a.as_ref()).expect("finite"), &Settings::new(k), &mut |_| {
            ControlFlow::Continue(())
        })
    };
    let zero = run(&x, &Mat::zeros(3, 50), 2).expect("zero labels");
    assert_eq!((zero.best().residual, zero.zero_residual, zero.guesses), (0.0, 0.0, 0));
    let constant = run(&x, &Mat::full(3, 50, 7.0), 2).expect("constant labels");
    assert!(constant.best().residual < constant.zero_residual);
    let no_inputs = run(&Mat::zeros(4, 50), &Mat::full(3, 50, 7.0), 2).expect("zero inputs");
    assert_eq!(no_inputs.best().residual, no_inputs.zero_residual);
    let deficient = Mat::from_fn(4, 50, |i, q| x[(i / 2, q)]);
    let labels = Mat::from_fn(3, 50, |o, q| (o as f64 + 1.0) * x[(0, q)].max(0.0));
    for k in 1..=3 {
        let found = run(&deficient, &labels, k).expect("rank-deficient inputs");
        assert!(found.best().residual < 0.1 * found.zero_residual, "{k}: {}", found.best().residual);
    }
    let mut spike = Mat::zeros(3, 50);
    spike[(1, 3)] = 1.0;
    assert!(run(&x, &spike, 2).expect("one label").best().residual <= 1.0);
    let few = run(&x.as_ref().subcols(0, 4).to_owned(), &labels.as_ref().subcols(0, 4).to_owned(), 2);
    assert_eq!(few.err(), Some(FptError::TooFewSamples { n: 4, needed: 6 }));
    assert_eq!(
        run(&x, &labels.as_ref().subrows(0, 1).to_owned(), 2).err(),
        Some(FptError::TooFewOutputs { m: 1, k: 2 })
    );
    let samples = Samples::new(x.as_ref(), labels.as_ref()).expect("finite");
    for (name, settings) in [
        ("width", Settings::new(0)),
        ("width", Settings::new(5)),
        ("accuracy", Settings { accuracy: 0.0, ..Settings::new(1) }),
        ("accuracy", Settings { accuracy: f64::NAN, ..Settings::new(1) }),
    ] {
        let error = fit(&samples, &settings, goes_on).err();
        assert!(matches!(error, Some(FptError::Setting { name: found, .. }) if found == name), "{error:?}");
    }
    let printed = Guesses::Printed { sigma_min: 1.0, ratio_constant: 1.0, count_constant: 1.0 };
    let settings = Settings { guesses: printed, ..Settings::new(1) };
    assert!(matches!(fit(&samples, &settings, goes_on), Err(FptError::GridTooLarge { .. })));
}

/// Giant columns, of ten times the signal's norm: least squares of all weights from random starts follows them, half-spaces do not.
/// Medians of 20.
#[test]
fn half_spaces_are_nearer_the_truth_than_least_squares_under_giant_columns() {
    let (mut half_spaces, mut plain) = (Vec::new(), Vec::new());
    for seed in SEEDS {
        let case = case(5, 2, 2000, LabelErrors::Giant, 10.0, seed);
        let found = case.fit(&Settings { descend: false, ..Settings::new(2) });
        half_spaces.push(case.direction_error(&found.half_spaces.network));
        plain.push(case.direction_error(&least_squares(&case, 2, seed)));
    }
    let (half_spaces, plain) = (median(half_spaces), median(plain));
    assert!(half_spaces < 0.5 * plain, "{half_spaces} {plain}");
}

/// Errors of a thousandth of the signal, κ(U) = 2, ε = 0.05 (the samples needed grow with κ and 1/ε; at ε = 0.01, 4000 miss in one of 10): the printed bound goes to zero with them and half-spaces do not, the corrected one holds in all
/// of 10, and the descent meets the printed one.
#[test]
fn small_errors_break_the_printed_bound_and_not_the_corrected_one() {
    for seed in 20..30 {
        let spec = PlantedSpec { m: 5, k: 2, d: 10, kappa_u: Some(2.0), seed, ..PlantedSpec::default() };
        let case = case_of(&spec, 4000, LabelErrors::Gaussian, 0.001);
        let found = case.fit(&Settings::new(2));
        let terms = case.terms(0.05);
        assert!(found.half_spaces.residual > theorem_78_bound(&terms), "{seed}");
        assert!(found.half_spaces.residual <= theorem_78_corrected(&terms), "{seed}");
        assert!(found.best().residual <= theorem_78_bound(&terms), "{seed}");
    }
}

/// Labels that have nothing to do with the inputs are not explained, however many guesses are made; those with as much signal as
/// errors are. Never better than approximately: no verdict is given on weights.
#[test]
fn the_verdict_tells_noise_from_signal() {
    for k in [1, 2] {
        for seed in 20..30 {
            let mut signal = case(3, k, 2000, LabelErrors::Gaussian, 1.0, seed);
            let found = signal.fit(&Settings::new(k));
            assert_eq!(found.verdict(), Verdict::Approximate, "{k} {seed}: {}", found.explained());
            // About half of |A|_F² is signal.
            assert!((0.4..0.6).contains(&found.explained()), "{k} {seed}: {}", found.explained());
            signal.labels = signal.errors.clone();
            let found = signal.fit(&Settings::new(k));
            assert_eq!(found.verdict(), Verdict::NotRecovered, "{k} {seed}: {}", found.explained());
            assert!((0.0..0.05).contains(&found.explained()), "{k} {seed}: {}", found.explained());
        }
        let mut zero = case(3, k, 2000, LabelErrors::Gaussian, 1.0, 20);
        zero.labels = Mat::zeros(3, 2000);
        let found = zero.fit(&Settings::new(k));
        assert_eq!((found.verdict(), found.explained()), (Verdict::NotRecovered, 0.0));
    }
}
