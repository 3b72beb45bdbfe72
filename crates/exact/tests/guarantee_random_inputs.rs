//! Algorithms 4 and 5, symmetry and pairs: each by itself ends in exact weights, or says which assumption failed.

use std::ops::ControlFlow;

use orthant_exact::{BiasModel, Method, RecoverError, Recovery, Settings, Verdict, recover};
use orthant_linalg::Mat;
use orthant_network::{BiasKind, InputKind, Planted, PlantedSpec, Samples, align};

/// Half the digits of an `f64`: units that are not the planted ones are about 1 apart.
const MATCHED: f64 = 1.5e-8;

/// Seeds of each case: fixed, and not chosen.
const SEEDS: std::ops::Range<u64> = 0..8;

fn answer(planted: &Planted, settings: &Settings) -> Result<Recovery, RecoverError> {
    let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("planted samples are finite");
    recover(&samples, settings, &mut |_| ControlFlow::Continue(()))
}

/// How many of the seeds come back as `exact`; panics when one of those is wrong.
fn count_exact(spec: &PlantedSpec, n: usize, method: Method) -> usize {
    let is_exact = |&seed: &u64| {
        let planted = PlantedSpec { seed, ..spec.clone() }.plant(n).expect("valid");
        let Ok(Recovery { network, report }) = answer(&planted, &Settings { method, ..Settings::default() })
        else {
            return false;
        };
        let error = align(&network, &planted.network).worst();
        let wrong = report.verdict == Verdict::Exact && error > MATCHED;
        assert!(!wrong, "{} seed {seed}: exact with error {error:e}", method.name());
        assert_eq!(report.method, method.name());
        report.verdict == Verdict::Exact
    };
    SEEDS.filter(is_exact).count()
}

#[test]
fn gaussian_inputs_are_enough_for_tensor_and_power() {
    let spec = PlantedSpec { m: 8, k: 4, d: 10, ..PlantedSpec::default() };
    for bias in [BiasKind::None, BiasKind::Both] {
        let spec = PlantedSpec { bias, ..spec.clone() };
        for method in [Method::Tensor, Method::Power] {
            let exact = count_exact(&spec, 2000, method);
            assert!(exact >= 7, "{} {bias:?}: {exact} of 8", method.name());
        }
    }
}

/// Remark 24: any mean and covariance, estimated from the data.
#[test]
fn covariance_and_mean_do_not_matter_to_the_tensor_method() {
    let mut exact = 0;
    for seed in SEEDS {
        let spec = PlantedSpec { m: 8, k: 4, d: 6, seed, ..PlantedSpec::default() };
        let mut planted = spec.plant(4000).expect("valid");
        // Coordinates of standard deviation 10⁰ to 10², and of mean 1.
        for (r, row) in planted.x.as_mut().row_iter_mut().enumerate() {
            row.iter_mut().for_each(|x| *x = *x * 10f64.powf(2.0 * r as f64 / 5.0) + 1.0);
        }
        planted.a = planted.network.labels(planted.x.as_ref());
        let settings = Settings { method: Method::Tensor, ..Settings::default() };
        let recovery = answer(&planted, &settings).expect("enough samples");
        if recovery.report.verdict == Verdict::Exact {
            assert!(align(&recovery.network, &planted.network).worst() <= MATCHED);
            exact += 1;
        }
    }
    assert!(exact >= 7, "{exact} of 8");
}

#[test]
fn orthonormal_rows_are_enough_for_independent_components() {
    let spec = PlantedSpec { m: 8, k: 6, d: 8, kappa_v: Some(1.0), ..PlantedSpec::default() };
    let exact = count_exact(&spec, 5000, Method::Ica);
    assert!(exact >= 7, "{exact} of 8");
}

#[test]
fn symmetric_inputs_are_enough_for_pure_neurons() {
    for inputs in [InputKind::Gaussian, InputKind::Uniform, InputKind::Laplace] {
        let spec = PlantedSpec { m: 8, k: 6, d: 8, inputs, ..PlantedSpec::default() };
        let exact = count_exact(&spec, 5000, Method::Symmetric);
        assert!(exact >= 7, "{}: {exact} of 8", inputs.name());
    }
}

#[test]
fn the_report_on_symmetric_inputs_has_the_distinguishing_matrix() {
    let spec = PlantedSpec { m: 8, k: 6, d: 8, seed: 1, ..PlantedSpec::default() };
    let planted = spec.plant(5000).expect("valid");
    let settings = Settings { method: Method::Symmetric, ..Settings::default() };
    let report = answer(&planted, &settings).expect("enough samples").report;
    assert_eq!(report.verdict, Verdict::Exact);
    assert!(report.distinguishing.is_some_and(|sigma| sigma > 0.0), "{:?}", report.distinguishing);
}

/// k(k − 1)/2 pairs and some to check on, inputs of any distribution: here not symmetric, not centred.
#[test]
fn pairs_are_enough_without_any_distribution() {
    for seed in SEEDS {
        let (k, d) = (8, 12);
        let spec = PlantedSpec { m: k, k, d, inputs: InputKind::Binary, seed, ..PlantedSpec::default() };
        let half = spec.plant(60).expect("valid");
        let x = Mat::from_fn(d, 120, |r, j| {
            let sign = if j < 60 { 1.0 } else { -1.0 };
            sign * (half.x[(r, j % 60)] - 0.45)
        });
        let a = half.network.labels(x.as_ref());
        let planted = Planted { network: half.network, x, a };
        let settings = Settings { method: Method::Paired, ..Settings::default() };
        let recovery = answer(&planted, &settings).expect("pairs enough");
        assert_eq!(recovery.report.verdict, Verdict::Exact, "seed {seed}: {}", recovery.report.reason);
        assert!(align(&recovery.network, &planted.network).worst() <= MATCHED);
    }
}

#[test]
fn an_assumption_that_fails_is_named_with_the_method_that_does_without() {
    let skewed = |kappa_v, inputs| {
        let spec = PlantedSpec { m: 12, k: 10, d: 12, kappa_v, inputs, seed: 1, ..PlantedSpec::default() };
        spec.plant(3000).expect("valid")
    };
    // Where all units are found all the same, the report says what the data refute.
    // Without a hidden bias symmetry is about zero, and 0/1 inputs are not symmetric about that.
    let objection = |planted: &Planted, method| {
        let bias = BiasModel::Known(BiasKind::None);
        match answer(planted, &Settings { method, bias, ..Settings::default() }) {
            Ok(recovery) => recovery.report.refuted.map(|refuted| refuted.to_string()),
            Err(error) => Some(error.to_string()),
        }
    };
    for (kappa_v, inputs, method, hypothesis) in [
        (None, InputKind::Student3, Method::Tensor, "Gaussian inputs"),
        (Some(30.0), InputKind::Gaussian, Method::Ica, "orthonormal rows"),
        (None, InputKind::Binary, Method::Symmetric, "symmetric inputs"),
        (None, InputKind::Gaussian, Method::Paired, "pairs"),
    ] {
        let found = objection(&skewed(kappa_v, inputs), method).unwrap_or_default();
        assert!(found.contains(hypothesis), "{}: {found}", method.name());
    }
    // The method that is named does it.
    let planted = skewed(None, InputKind::Student3);
    let recovery = answer(&planted, &Settings { method: Method::Pursuit, ..Settings::default() });
    assert_eq!(recovery.expect("enough samples").report.verdict, Verdict::Exact);
}

/// A hidden bias breaks pairs and symmetry, and not the moments of Gaussian inputs.
#[test]
fn hidden_biases_never_lead_to_a_wrong_answer() {
    for method in [Method::Symmetric, Method::Paired, Method::Ica] {
        for seed in SEEDS {
            let spec =
                PlantedSpec { m: 8, k: 5, d: 8, bias: BiasKind::Hidden, seed, ..PlantedSpec::default() };
            let half = spec.plant(1000).expect("valid");
            let x =
                Mat::from_fn(8, 2000, |r, j| if j < 1000 { half.x[(r, j)] } else { -half.x[(r, j - 1000)] });
            let a = half.network.labels(x.as_ref());
            let planted = Planted { network: half.network, x, a };
            let settings = Settings { method, bias: BiasModel::Auto, ..Settings::default() };
            let Ok(recovery) = answer(&planted, &settings) else { continue };
            if recovery.report.verdict == Verdict::Exact {
                assert!(align(&recovery.network, &planted.network).worst() <= MATCHED, "{}", method.name());
            }
        }
    }
}
