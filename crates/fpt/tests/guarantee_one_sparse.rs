//! Lone samples: recovery with the number of samples predicted, and honest answers where there are none.

use std::ops::ControlFlow;

use orthant_exact::{BiasModel, RecoverError, Settings, Verdict};
use orthant_fpt::FptError;
use orthant_fpt::one_sparse::{OneSparse, expected_samples, recover};
use orthant_linalg::{Mat, random, spectrum};
use orthant_network::{Activation, BiasKind, InputKind, Network, PlantedSpec, Samples, align};
use orthant_testkit::binomial;
use orthant_testkit::check::LARGEST_TOLERANCE;

/// Half the digits of an `f64`: unrelated units are about 1 apart.
const MATCHED: f64 = 1.5e-8;

fn run(x: &Mat<f64>, a: &Mat<f64>, settings: &Settings) -> Result<OneSparse, FptError> {
    let samples = Samples::new(x.as_ref(), a.as_ref()).expect("finite");
    recover(&samples, settings, &mut |_| ControlFlow::Continue(()))
}

fn spec(m: usize, k: usize, d: usize, kappa: f64, seed: u64) -> PlantedSpec {
    PlantedSpec { m, k, d, kappa_v: Some(kappa), seed, ..PlantedSpec::default() }
}

fn exact(found: &Result<OneSparse, FptError>) -> Option<&Network> {
    let found = found.as_ref().ok()?;
    (found.recovery.report.verdict == Verdict::Exact).then_some(&found.recovery.network)
}

/// The samples that the prediction asks for when κ(V) is what it is, at a failure probability of 5 %.
fn predicted(spec: &PlantedSpec) -> usize {
    let network = spec.plant(1).expect("valid").network;
    let s = spectrum::singular_values(network.v()).expect("finite");
    let members = spec.d + usize::from(spec.bias != BiasKind::Output);
    let kappa = s[0] / s[s.len() - 1];
    expected_samples(spec.k, members, kappa, 0.05).expect("well conditioned") as usize
}

/// Twenty seeds, failures as a failure probability of 5 % explains them with a false-alarm rate of 10⁻⁹.
#[test]
fn units_are_recovered_with_the_samples_predicted() {
    for (m, k, d, kappa) in [(2, 3, 6, 3.0), (2, 4, 6, 2.0), (3, 4, 5, 3.0), (2, 5, 5, 2.0), (3, 5, 8, 2.0)] {
        let mut failed = Vec::new();
        for seed in 0..20 {
            let spec = spec(m, k, d, kappa, seed);
            let p = spec.plant(predicted(&spec)).expect("valid");
            let found = run(&p.x, &p.a, &Settings::default());
            match exact(&found) {
                Some(network) => {
                    let found = found.as_ref().expect("exact");
                    assert!(align(network, &p.network).worst() <= MATCHED, "{m} {k} {seed}");
                    assert_eq!(
                        (found.groups.len(), found.recovery.report.method.as_str()),
                        (k, "one-sparse")
                    );
                    assert!(found.expected_samples.is_some_and(|n| n > found.lone() as u64 / k as u64));
                }
                None => failed.push((seed, found.map(|found| found.recovery.report.reason))),
            }
        }
        assert!(failed.len() <= binomial::quantile(20, 0.05, binomial::FALSE_ALARM), "{m} {k}: {failed:?}");
    }
}

#[test]
fn labels_in_single_precision_and_decimals_do() {
    for seed in 0..5 {
        let p = spec(2, 3, 6, 3.0, seed).plant(20_000).expect("valid");
        let single = Mat::from_fn(2, 20_000, |o, j| f64::from(p.a[(o, j)] as f32));
        let decimal = Mat::from_fn(2, 20_000, |o, j| (p.a[(o, j)] * 1e9).round() / 1e9);
        for a in [single, decimal] {
            let found = run(&p.x, &a, &Settings::default());
            let network = exact(&found).unwrap_or_else(|| panic!("{seed}: {found:?}"));
            // Labels known to 10⁻⁷; weights are better conditioned than a hundred times that.
            assert!(align(network, &p.network).worst() <= 1e-5, "{seed}");
        }
    }
}

#[test]
fn biases_are_found() {
    for bias in [BiasKind::Hidden, BiasKind::Output, BiasKind::Both] {
        for known in [false, true] {
            for seed in 0..5 {
                let spec = PlantedSpec { bias, ..spec(2, 3, 5, 2.0, seed) };
                let p = spec.plant(6000).expect("valid");
                let bias = if known { BiasModel::Known(bias) } else { BiasModel::Auto };
                let found = run(&p.x, &p.a, &Settings { bias, ..Settings::default() });
                let network = exact(&found).unwrap_or_else(|| panic!("{bias:?} {seed}: {found:?}"));
                assert!(align(network, &p.network).worst() <= MATCHED, "{bias:?} {seed}");
            }
        }
    }
}

/// Columns u and −u are allowed, although labels of both units lie on their line; u and 2u are not, and the answer is honest.
#[test]
fn opposite_columns_are_told_apart_and_parallel_ones_are_never_wrongly_exact() {
    for seed in 0..5 {
        let p = spec(2, 3, 5, 2.0, seed).plant(3000).expect("valid");
        for (factor, separable) in [(-1.5, true), (2.0, false)] {
            let column = |o: usize, i: usize| {
                if i == 2 { factor * p.network.u()[(o, 0)] } else { p.network.u()[(o, i)] }
            };
            let u = Mat::from_fn(2, 3, column);
            let network = Network::new(u, p.network.v().to_owned(), None, None).expect("fits");
            let found = run(&p.x, &network.labels(p.x.as_ref()), &Settings::default());
            assert!(exact(&found).is_some() || !separable, "{seed} {factor}: {found:?}");
            if let Some(found) = exact(&found) {
                assert!(align(found, &network).worst() <= MATCHED);
            }
        }
    }
}

#[test]
fn one_output_is_refused_with_the_reason_and_other_methods() {
    let p = spec(1, 2, 4, 2.0, 1).plant(500).expect("valid");
    let error = run(&p.x, &p.a, &Settings::default()).expect_err("void");
    assert_eq!(error, FptError::SingleOutput);
    let text = error.to_string();
    assert!(text.contains("restarts") && text.contains("tensor") && text.contains("multiples"), "{text}");
}

#[test]
fn a_unit_without_its_group_is_admitted_to_be_missing() {
    // Too few samples for the rarest unit: never exact, and never more than was found.
    for seed in 0..10 {
        let p = spec(2, 4, 6, 4.0, seed).plant(60).expect("valid");
        let found = run(&p.x, &p.a, &Settings { width: Some(4), ..Settings::default() });
        if let Some(network) = exact(&found) {
            assert!(align(network, &p.network).worst() <= MATCHED, "{seed}");
        }
        if let Ok(found) = found
            && found.recovery.network.k() < 4
        {
            let verdict = found.recovery.report.verdict;
            assert!(matches!(verdict, Verdict::Approximate | Verdict::NotRecovered), "{verdict}");
        }
    }
}

#[test]
fn a_width_that_is_too_small_is_not_exact() {
    let p = spec(2, 3, 4, 2.0, 3).plant(2000).expect("valid");
    let found = run(&p.x, &p.a, &Settings { width: Some(2), ..Settings::default() }).expect("groups");
    assert_ne!(found.recovery.report.verdict, Verdict::Exact);
    assert_eq!(found.groups.iter().filter(|group| group.units > 0).count(), 2);
}

#[test]
fn noise_leaves_no_groups() {
    let p = spec(2, 3, 4, 2.0, 4).plant(2000).expect("valid");
    let noise = random::gaussian(2, 2000, &mut random::stream(1, "noise", 0));
    for size in [1e-2, 1e-6, 1e-10] {
        let found = run(&p.x, &(&p.a + size * &noise), &Settings::default());
        assert!(exact(&found).is_none(), "{size}");
    }
    let rounded = Mat::from_fn(2, 2000, |o, j| (p.a[(o, j)] * 10.0).round() / 10.0);
    assert!(exact(&run(&p.x, &rounded, &Settings::default())).is_none());
}

#[test]
fn hostile_samples_give_an_error_or_an_honest_verdict() {
    let p = spec(2, 3, 4, 2.0, 5).plant(1500).expect("valid");
    let n = 1500;
    let settings = Settings::default();
    let zero = Mat::zeros(2, n);
    assert!(matches!(run(&p.x, &zero, &settings), Err(FptError::NoLoneSamples { directions: 0, .. })));
    let one = |a: &Mat<f64>| Mat::from_fn(a.nrows(), n, |i, _| a[(i, 7)]);
    assert!(exact(&run(&one(&p.x), &one(&p.a), &settings)).is_none());
    // Samples three times over: no more evidence than once.
    let twice = |a: &Mat<f64>| Mat::from_fn(a.nrows(), 3 * n, |i, j| a[(i, j / 3)]);
    let found = run(&twice(&p.x), &twice(&p.a), &settings);
    let network = exact(&found).expect("as many as without");
    assert!(align(network, &p.network).worst() <= MATCHED);
    assert!(found.expect("exact").looked_at <= n);
    // Inputs in a plane of rank three: the network on it is exact on the samples at most.
    let flat = Mat::from_fn(4, n, |r, j| if r == 3 { p.x[(0, j)] + p.x[(1, j)] } else { p.x[(r, j)] });
    let found = run(&flat, &p.network.labels(flat.as_ref()), &settings);
    assert!(exact(&found).is_none());
    // More units than inputs: lone samples may still exist, and the verdict must be right.
    let wide =
        PlantedSpec { m: 2, k: 5, d: 3, seed: 5, ..PlantedSpec::default() }.plant(4000).expect("valid");
    if let Some(network) = exact(&run(&wide.x, &wide.a, &settings)) {
        assert!(align(network, &wide.network).worst() <= MATCHED);
    }
    // Few samples, and labels and inputs of extreme size.
    for few in [1, 2, 5, 9] {
        let cut = |a: &Mat<f64>| a.as_ref().subcols(0, few).to_owned();
        assert!(exact(&run(&cut(&p.x), &cut(&p.a), &settings)).is_none());
    }
    for scale in [2f64.powi(300), 2f64.powi(-300)] {
        let found = run(&(scale * &p.x), &(scale * &p.a), &settings);
        assert!(exact(&found).is_some(), "{found:?}");
    }
    let power = Settings { activation: Activation::ABSOLUTE, ..Settings::default() };
    assert!(matches!(
        run(&p.x, &p.a, &power),
        Err(FptError::Recover(RecoverError::Activation { method: "one-sparse", .. }))
    ));
    let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("finite");
    let cancelled = recover(&samples, &settings, &mut |_| ControlFlow::Break(()));
    assert_eq!(cancelled.err(), Some(FptError::Recover(RecoverError::Cancelled)));
}

/// Inputs of any distribution, integers among them, where labels of several units can share a direction.
#[test]
fn exact_is_right_for_inputs_of_any_distribution() {
    let mut n_exact = 0;
    for inputs in InputKind::ALL {
        for seed in 0..6 {
            let bias = if seed % 2 == 0 { BiasKind::None } else { BiasKind::Both };
            let spec = PlantedSpec { inputs, bias, ..spec(2, 3, 4, 3.0, seed) };
            let p = spec.plant(if seed < 3 { 200 } else { 2000 }).expect("valid");
            if let Some(network) = exact(&run(&p.x, &p.a, &Settings::default())) {
                n_exact += 1;
                assert!(align(network, &p.network).worst() <= LARGEST_TOLERANCE, "{} {seed}", inputs.name());
            }
        }
    }
    // So that the assertion above is about something: six of the eight kinds are continuous.
    assert!(n_exact >= 24, "{n_exact}");
}

#[test]
fn same_bits_for_any_number_of_threads() {
    let p = spec(2, 3, 5, 2.0, 6).plant(3000).expect("valid");
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| run(&p.x, &p.a, &Settings::default())).expect("groups")
    };
    let (one, four) = (with(1), with(4));
    assert_eq!(one.recovery.network, four.recovery.network);
    assert_eq!((one.recovery.report, one.groups), (four.recovery.report, four.groups));
}
