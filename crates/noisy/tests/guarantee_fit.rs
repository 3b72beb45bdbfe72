//! Refinement arrives at the least-squares optimum, and its standard errors are those of its errors.

use std::ops::ControlFlow;

use orthant_estimate::problem::Problem;
use orthant_estimate::refine::{RefineSettings, refine};
use orthant_estimate::{Frame, Reporter};
use orthant_linalg::{Mat, product, random, tolerance};
use orthant_network::{Activation, BiasKind, InputKind, Network, NoiseKind, Planted, PlantedSpec, Samples};
use orthant_noisy::NoisyError;
use orthant_noisy::fit::{Clipping, Fit, FitSettings, StandardErrors, fit, information, residuals};

fn samples(planted: &Planted) -> Samples<'_> {
    Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("finite")
}

/// The instance with noise of this fraction of the labels' deviation.
fn noisy(spec: &PlantedSpec, n: usize, noise: f64, seed: u64) -> Planted {
    let mut planted = spec.plant(n).expect("valid");
    let std = noise * samples(&planted).label_scale();
    planted.a += NoiseKind::Gaussian.errors(spec.m, n, std, seed);
    planted
}

/// Every row of V with its bias, and every column of U, off by this share of its norm in a random direction.
fn perturbed(network: &Network, share: f64, seed: u64) -> Network {
    let rng = &mut random::stream(seed, "perturbed", 0);
    let (k, d, m) = (network.k(), network.d(), network.m());
    let (mut v, mut u) = (network.v().to_owned(), network.u().to_owned());
    let mut b = network.b().map(<[f64]>::to_vec);
    for i in 0..k {
        let (row, column) = (random::gaussian_vec(d + 1, rng), random::gaussian_vec(m, rng));
        let of_row = share * v.row(i).norm_l2() / product::norm(&row);
        let of_column = share * u.col(i).norm_l2() / product::norm(&column);
        (0..d).for_each(|r| v[(i, r)] += of_row * row[r]);
        (0..m).for_each(|o| u[(o, i)] += of_column * column[o]);
        if let Some(b) = &mut b {
            b[i] += of_row * row[d];
        }
    }
    Network::with_activation(network.activation().clone(), u, v, b, network.c().map(<[f64]>::to_vec))
        .expect("fits")
}

fn run(samples: &Samples<'_>, start: &Network, clipping: Option<&Clipping>, settings: &FitSettings) -> Fit {
    let mut callback = |_| ControlFlow::Continue(());
    fit(samples, start, clipping, settings, &mut Reporter::new(&mut callback)).expect("finite")
}

/// Largest difference over all weights, each over the norm of its part.
fn distance(a: &Network, b: &Network) -> f64 {
    let relative = |a: f64, b: f64| a / b;
    let part = |a: &[f64], b: &[f64]| {
        let difference: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
        relative(product::norm(&difference), product::norm(b))
    };
    let v = relative(product::frobenius((a.v() - b.v()).as_ref()), product::frobenius(b.v()));
    let u = relative(product::frobenius((a.u() - b.u()).as_ref()), product::frobenius(b.u()));
    let biases = [(a.b(), b.b()), (a.c(), b.c())];
    let biases = biases.into_iter().filter_map(|(a, b)| Some(part(a?, b?)));
    biases.fold(v.max(u), f64::max)
}

/// Bound on [`distance`] for exact labels: the backward error of products over inputs and units, times the condition number of the
/// weights' least-squares problem, the root of that of the information.
fn exact_bound(samples: &Samples<'_>, network: &Network, clipping: Option<&Clipping>) -> f64 {
    let information = information(samples, network, clipping).expect("finite");
    let conditioning = information.standard_errors(1.0).expect("finite").conditioning;
    tolerance::backward(network.k() + 1, network.d() + 1) / conditioning.sqrt()
}

#[test]
fn exact_labels_give_the_weights_back_to_rounding() {
    let activations = ["relu", "leaky-relu:0.2", "abs", "power:2", "expm1"];
    for (index, name) in activations.into_iter().enumerate() {
        for bias in [BiasKind::None, BiasKind::Hidden, BiasKind::Output, BiasKind::Both] {
            let activation: Activation = name.parse().expect("built in");
            let spec = PlantedSpec {
                m: 6,
                k: 4,
                d: 7,
                bias,
                activation,
                seed: index as u64,
                ..PlantedSpec::default()
            };
            let planted = spec.plant(1500).expect("valid");
            let samples = samples(&planted);
            let start = perturbed(&planted.network, 0.05, 1);
            let found = run(&samples, &start, None, &FitSettings::default());
            let bound = exact_bound(&samples, &planted.network, None);
            let error = distance(&found.network, &planted.network);
            assert!(found.converged && error <= bound, "{name}, {bias:?}: {error:e} > {bound:e}");
        }
    }
}

/// 20 · 51 hidden weights are too many for the matrix: conjugate gradients take the steps.
#[test]
fn large_networks_come_back_from_exact_labels_to_rounding() {
    for (seed, bias) in [BiasKind::None, BiasKind::Both].into_iter().enumerate() {
        for inputs in [InputKind::Gaussian, InputKind::Correlated, InputKind::Student3] {
            let spec = PlantedSpec {
                m: 12,
                k: 20,
                d: 50,
                bias,
                inputs,
                seed: seed as u64,
                ..PlantedSpec::default()
            };
            let planted = spec.plant(6000).expect("valid");
            let samples = samples(&planted);
            let found = run(&samples, &perturbed(&planted.network, 0.05, 1), None, &FitSettings::default());
            let bound = exact_bound(&samples, &planted.network, None);
            let error = distance(&found.network, &planted.network);
            assert!(found.converged && error <= bound, "{bias:?}, {inputs:?}: {error:e} > {bound:e}");
        }
    }
}

#[test]
fn the_loss_is_that_of_refinement_in_memory() {
    for (seed, noise) in [(1, 0.01), (2, 0.1), (3, 0.3)] {
        let spec = PlantedSpec { m: 6, k: 4, d: 8, bias: BiasKind::Both, seed, ..PlantedSpec::default() };
        let planted = noisy(&spec, 2000, noise, seed);
        let samples = samples(&planted);
        let (frame, _) = Frame::new(&samples, BiasKind::Both, None).expect("finite");
        let t = planted.network.preactivations(planted.x.as_ref()).transpose().to_owned();
        let problem = Problem {
            inputs: frame.inputs(),
            labels: planted.a.transpose(),
            bias: BiasKind::Both,
            affine: false,
            activation: &Activation::RELU,
        };
        let mut callback = |_| ControlFlow::Continue(());
        let start = product::matmul(frame.inputs().transpose(), t.as_ref());
        let reference =
            refine(&problem, start, &RefineSettings::default(), &mut Reporter::new(&mut callback))
                .expect("finite");
        let reference = (reference.residual * product::frobenius(planted.a.as_ref())).powi(2);
        let settings = FitSettings { tolerance: 1e-4, ..FitSettings::default() };
        let found = run(&samples, &planted.network, None, &settings);
        // Near kinks both may stop beside the optimum; a loss that differs by one variance is one standard error in one of the
        // 70 directions. A tenth of that is asked for.
        let summed = residuals(&samples, &found.network, None).expect("fits");
        let excess = (found.loss - reference).abs() / summed.variance();
        assert!(excess <= 0.1, "noise {noise}: {excess}");
        let relative = (summed.loss() / found.loss - 1.0).abs();
        assert!(relative <= tolerance::backward(2000, 6), "{relative}");
    }
}

#[test]
fn close_starts_end_at_the_same_optimum() {
    let spec = PlantedSpec { m: 10, k: 5, d: 20, bias: BiasKind::Hidden, seed: 4, ..PlantedSpec::default() };
    let planted = noisy(&spec, 4000, 0.1, 4);
    let samples = samples(&planted);
    let fits: Vec<Fit> = (0..3)
        .map(|seed| run(&samples, &perturbed(&planted.network, 0.1, seed), None, &FitSettings::default()))
        .collect();
    let errors = standard_errors(&samples, &fits[0].network);
    for other in &fits[1..] {
        let mut sum = 0.0;
        for i in 0..5 {
            for r in 0..20 {
                let difference = other.network.v()[(i, r)] - fits[0].network.v()[(i, r)];
                sum += (difference / errors.v[(i, r)]).powi(2);
            }
        }
        // The default tolerance is 0.01 standard errors for each run; kinks may hold a run back, at a few times that.
        let distance = (sum / 100.0).sqrt();
        assert!(distance <= 0.05, "{distance}");
    }
}

fn standard_errors(samples: &Samples<'_>, network: &Network) -> StandardErrors {
    let variance = residuals(samples, network, None).expect("fits").variance();
    information(samples, network, None).expect("fits").standard_errors(variance).expect("finite")
}

/// Over 120 draws of the noise the errors of all weights, over their standard errors, have mean square 1.
///
/// With draws independent, the mean square of one weight's scores has standard deviation √(2/120) = 0.13: over the
/// weights of a part, which are correlated at worst completely within one unit, six of these over the root of the number of units are
/// allowed, and 3 % for the curvature of the network within a standard error.
#[test]
fn errors_over_standard_errors_have_unit_variance() {
    const DRAWS: usize = 120;
    for (name, degrees) in [("relu", true), ("expm1", false)] {
        let activation: Activation = name.parse().expect("built in");
        let spec = PlantedSpec {
            m: 4,
            k: 3,
            d: 5,
            bias: BiasKind::Both,
            activation,
            seed: 2,
            ..PlantedSpec::default()
        };
        let clean = spec.plant(2000).expect("valid");
        let mut squares = [0.0f64; 4];
        for draw in 0..DRAWS {
            let planted = noisy(&spec, 2000, 0.05, draw as u64);
            let samples = samples(&planted);
            let found = run(&samples, &clean.network, None, &FitSettings::default()).network;
            let errors = standard_errors(&samples, &found);
            assert_eq!(errors.undetermined, 0);
            let score = |found: f64, true_value: f64, error: f64| ((found - true_value) / error).powi(2);
            let network = &clean.network;
            for i in 0..3 {
                for r in 0..5 {
                    squares[0] += score(found.v()[(i, r)], network.v()[(i, r)], errors.v[(i, r)]) / 15.0;
                }
                for o in 0..4 {
                    squares[1] += score(found.u()[(o, i)], network.u()[(o, i)], errors.u[(o, i)]) / 12.0;
                }
                let b = errors.b.as_ref().expect("has one")[i];
                squares[2] += score(found.hidden_bias(i), network.hidden_bias(i), b) / 3.0;
            }
            let (c, true_c) = (found.c().expect("has one"), network.c().expect("has one"));
            for o in 0..4 {
                squares[3] += score(c[o], true_c[o], errors.c.as_ref().expect("has one")[o]) / 4.0;
            }
        }
        let allowed = 6.0 * (2.0 / DRAWS as f64).sqrt() / 3.0f64.sqrt() + 0.03;
        for (part, square) in ["V", "U", "b", "c"].into_iter().zip(squares) {
            let mean = square / DRAWS as f64;
            assert!((mean - 1.0).abs() <= allowed, "{name} ({degrees}), {part}: {mean}");
        }
    }
}

#[test]
fn weights_that_samples_do_not_determine_have_infinite_standard_errors() {
    let spec = PlantedSpec { m: 3, k: 3, d: 4, bias: BiasKind::Hidden, seed: 5, ..PlantedSpec::default() };
    let mut planted = noisy(&spec, 1000, 0.1, 5);
    // The last input is constant: b and the last column of V have one effect between them.
    (0..1000).for_each(|j| planted.x[(3, j)] = 0.5);
    let found = standard_errors(&samples(&planted), &planted.network);
    assert_eq!(found.undetermined, 3);
    for i in 0..3 {
        assert!(found.v[(i, 3)].is_infinite() && found.b.as_ref().expect("has one")[i].is_infinite());
    }
    // A unit that is never active.
    let planted = noisy(&spec, 1000, 0.1, 5);
    let network = &planted.network;
    let mut b = network.b().expect("has one").to_vec();
    b[1] = -1e3;
    let dead = Network::new(network.u().to_owned(), network.v().to_owned(), Some(b), None).expect("fits");
    let found = standard_errors(&samples(&planted), &dead);
    for i in 0..3 {
        let infinite = i == 1;
        assert!((0..4).all(|r| found.v[(i, r)].is_infinite() == infinite), "{:?}", found.v);
        assert!((0..3).all(|o| found.u[(o, i)].is_infinite() == infinite), "{:?}", found.u);
    }
}

#[test]
fn clipped_labels_without_noise_give_the_weights_back_to_rounding() {
    for (k, d, n) in [(4, 7, 3000), (14, 24, 6000)] {
        let spec = PlantedSpec { m: 5, k, d, bias: BiasKind::Both, seed: 6, ..PlantedSpec::default() };
        let mut planted = spec.plant(n).expect("valid");
        let bound = |o: usize, share: f64| {
            let mut row: Vec<f64> = planted.a.row(o).iter().copied().collect();
            row.sort_by(f64::total_cmp);
            row[(share * n as f64) as usize]
        };
        let lower: Vec<f64> = (0..5).map(|o| bound(o, 0.1)).collect();
        let upper: Vec<f64> = (0..5).map(|o| bound(o, 0.9)).collect();
        for sample in planted.a.as_mut().col_iter_mut() {
            sample.iter_mut().enumerate().for_each(|(o, a)| *a = a.clamp(lower[o], upper[o]));
        }
        let clipping = Clipping::new(lower, upper).expect("ordered");
        let samples = samples(&planted);
        let start = perturbed(&planted.network, 0.05, 1);
        let found = run(&samples, &start, Some(&clipping), &FitSettings::default());
        let bound = exact_bound(&samples, &planted.network, Some(&clipping));
        let error = distance(&found.network, &planted.network);
        assert!(found.converged && error <= bound, "{k}, {d}: {error:e} > {bound:e}");
        let ignorant = run(&samples, &start, None, &FitSettings::default());
        assert!(distance(&ignorant.network, &planted.network) > 1e3 * bound);
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    for (k, d) in [(4, 6), (10, 30)] {
        let spec = PlantedSpec { m: 5, k, d, bias: BiasKind::Both, seed: 7, ..PlantedSpec::default() };
        let planted = noisy(&spec, 20_001, 0.1, 7);
        let samples = samples(&planted);
        let start = perturbed(&planted.network, 0.1, 1);
        let with_threads = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
            pool.install(|| {
                let found = run(&samples, &start, None, &FitSettings::default());
                let errors = standard_errors(&samples, &found.network);
                (found.network, found.loss.to_bits(), errors)
            })
        };
        let single = with_threads(1);
        assert_eq!(single, with_threads(2));
        assert_eq!(single, with_threads(3));
    }
}

#[test]
fn informations_and_residuals_of_parts_add_up() {
    let spec = PlantedSpec { m: 4, k: 3, d: 5, bias: BiasKind::Both, seed: 8, ..PlantedSpec::default() };
    let planted = noisy(&spec, 1500, 0.1, 8);
    let (x, a) = (planted.x.as_ref(), planted.a.as_ref());
    let part = |first, count| Samples::new(x.subcols(first, count), a.subcols(first, count)).expect("finite");
    let whole = information(&part(0, 1500), &planted.network, None).expect("fits");
    let mut sum = information(&part(0, 600), &planted.network, None).expect("fits");
    sum.merge(&information(&part(600, 900), &planted.network, None).expect("fits"));
    assert_eq!(sum.n(), 1500);
    let (whole, sum) =
        (whole.standard_errors(1.0).expect("finite"), sum.standard_errors(1.0).expect("finite"));
    let difference = product::frobenius((&whole.v - &sum.v).as_ref()) / product::frobenius(whole.v.as_ref());
    assert!(difference <= tolerance::backward(1500, 19) / whole.conditioning, "{difference}");
    let mut first = residuals(&part(0, 600), &planted.network, None).expect("fits");
    first.merge(&residuals(&part(600, 900), &planted.network, None).expect("fits"));
    let all = residuals(&part(0, 1500), &planted.network, None).expect("fits");
    assert_eq!(first.counts, all.counts);
    assert_eq!(first.largest, all.largest);
    assert!((first.loss() / all.loss() - 1.0).abs() <= tolerance::backward(1500, 4));
}

#[test]
fn the_loss_never_grows_and_cancellation_is_heard() {
    let spec = PlantedSpec { m: 4, k: 5, d: 6, seed: 9, ..PlantedSpec::default() };
    let planted = noisy(&spec, 800, 0.1, 9);
    let samples = samples(&planted);
    let rng = &mut random::stream(9, "start", 0);
    let start =
        Network::new(random::gaussian(4, 5, rng), random::gaussian(5, 6, rng), None, None).expect("fits");
    let mut last = residuals(&samples, &start, None).expect("fits").loss();
    for max_steps in 1..12 {
        let found = run(&samples, &start, None, &FitSettings { max_steps, ..FitSettings::default() });
        assert!(found.loss <= last, "{max_steps}: {} > {last}", found.loss);
        last = found.loss;
    }
    let mut stop = |_| ControlFlow::Break(());
    let cancelled = fit(&samples, &start, None, &FitSettings::default(), &mut Reporter::new(&mut stop));
    assert!(matches!(cancelled, Err(NoisyError::Cancelled)));
}

#[test]
fn what_does_not_fit_is_refused() {
    let planted = PlantedSpec { m: 3, k: 2, d: 4, ..PlantedSpec::default() }.plant(50).expect("valid");
    let samples = samples(&planted);
    let mut callback = |_| ControlFlow::Continue(());
    let mut attempt = |network: &Network, clipping: Option<&Clipping>| {
        fit(&samples, network, clipping, &FitSettings::default(), &mut Reporter::new(&mut callback)).err()
    };
    let wrong = |m, d| Network::new(Mat::zeros(m, 2), Mat::zeros(2, d), None, None).expect("shapes fit");
    for network in [wrong(3, 5), wrong(2, 4)] {
        assert!(matches!(attempt(&network, None), Some(NoisyError::Dimension { .. })));
    }
    let bounds = Clipping::new(vec![0.0; 2], vec![1.0; 2]).expect("ordered");
    assert!(matches!(attempt(&planted.network, Some(&bounds)), Some(NoisyError::Dimension { .. })));
    let root = Activation::power(0.5).expect("positive");
    let steep =
        Network::with_activation(root, Mat::zeros(3, 2), Mat::zeros(2, 4), None, None).expect("shapes fit");
    assert!(matches!(attempt(&steep, None), Some(NoisyError::Activation { .. })));
    let huge = Network::new(Mat::from_fn(3, 2, |_, _| 1e200), Mat::from_fn(2, 4, |_, _| 1.0), None, None);
    assert!(matches!(attempt(&huge.expect("finite"), None), Some(NoisyError::Overflow)));
}
