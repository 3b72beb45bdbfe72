//! Labels that were rounded, quantised or clipped: the errors are of known size, or none.

use std::ops::ControlFlow;

use orthant_exact::{BiasModel, Verdict};
use orthant_linalg::Mat;
use orthant_network::{BiasKind, Planted, PlantedSpec, Samples, align};
use orthant_noisy::precision::PrecisionKind;
use orthant_noisy::{Answer, NoiseModel, NoisyRecovery, Settings, recover, recover_noisy};

const SEEDS: std::ops::Range<u64> = 40..50;

fn planted(seed: u64, n: usize) -> Planted {
    PlantedSpec { m: 8, k: 5, d: 10, seed, ..PlantedSpec::default() }.plant(n).expect("valid")
}

fn settings(noise: NoiseModel) -> Settings {
    let exact = orthant_exact::Settings {
        bias: BiasModel::Known(BiasKind::None),
        ..orthant_exact::Settings::default()
    };
    Settings { exact, noise, noise_std: None }
}

fn fitted(planted: &Planted, labels: &Mat<f64>) -> NoisyRecovery {
    let samples = Samples::new(planted.x.as_ref(), labels.as_ref()).expect("finite");
    recover_noisy(&samples, &settings(NoiseModel::Gaussian), &mut |_| ControlFlow::Continue(()))
        .expect("an answer")
}

fn rounded(a: &Mat<f64>, round: impl Fn(f64) -> f64) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |o, j| round(a[(o, j)]))
}

/// To 11 significant binary digits, or to multiples of 2⁻²⁴.
fn to_half(value: f64) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    let spacing = 2f64.powi((value.abs().log2().floor() as i32 - 10).max(-24));
    (value / spacing).round() * spacing
}

#[test]
fn rounded_labels_are_fitted_to_their_rounding() {
    for seed in SEEDS {
        let planted = planted(seed, 600);
        let scale = Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("finite").label_scale();
        let step = scale / 20.0;
        let kinds: [(&str, Mat<f64>); 3] = [
            ("two decimals", rounded(&planted.a, |a| (100.0 * a).round() / 100.0)),
            ("half precision", rounded(&planted.a, to_half)),
            ("a step", rounded(&planted.a, |a| (a / step).round() * step)),
        ];
        for (name, labels) in kinds {
            let found = fitted(&planted, &labels);
            let (report, known) = (&found.report, found.report.precision.noise_std);
            assert_eq!((report.verdict, report.width), (Verdict::Approximate, 5), "{name}, seed {seed}");
            assert_ne!(report.precision.kind, PrecisionKind::Exact64, "{name}");
            // The standard deviation of 4800 uniform errors is known to 1 %; near zero, rounding of labels that are small is not uniform.
            assert!(
                (report.noise_std / known - 1.0).abs() < 0.05,
                "{name}, seed {seed}: {} of {known}",
                report.noise_std
            );
            // Six standard errors, in the worst of all rows.
            let matched = align(&found.network, &planted.network);
            for pair in &matched.pairs {
                let unit = &report.units[pair.first];
                let error = unit.direction_error.max(unit.output_error);
                assert!(pair.error <= 6.0 * error, "{name}, seed {seed}: {} of {error}", pair.error);
            }
            assert_eq!(matched.pairs.len(), 5, "{name}, seed {seed}");
        }
    }
}

/// At these bounds a tenth of the labels of each output is cut off at either end.
fn clipped(a: &Mat<f64>) -> Mat<f64> {
    let mut labels = a.clone();
    for o in 0..a.nrows() {
        let mut sorted: Vec<f64> = a.row(o).iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted[a.ncols() / 10], sorted[a.ncols() - a.ncols() / 10]);
        labels.row_mut(o).iter_mut().for_each(|a| *a = a.clamp(low, high));
    }
    labels
}

#[test]
fn clipped_labels_without_noise_are_recovered_exactly() {
    for seed in SEEDS {
        let planted = planted(seed, 600);
        let labels = clipped(&planted.a);
        let samples = Samples::new(planted.x.as_ref(), labels.as_ref()).expect("finite");
        let answer = recover(&samples, &settings(NoiseModel::Auto), &mut |_| ControlFlow::Continue(()))
            .expect("an answer");
        assert!(matches!(answer, Answer::Clipped(_)), "seed {seed}: {:?}", answer.verdict());
        assert_eq!(answer.verdict(), Verdict::Exact, "seed {seed}");
        // Far above rounding at these condition numbers, far below any statistical error.
        assert!(align(answer.network(), &planted.network).worst() < 1e-9, "seed {seed}");
    }
}

/// A label that lies within its bound by more than rounding contradicts the network.
#[test]
fn a_contradiction_beyond_the_samples_used_is_not_exact() {
    let planted = planted(40, 600);
    let mut labels = clipped(&planted.a);
    let (o, j) = (0..600)
        .flat_map(|j| (0..8).map(move |o| (o, j)))
        .find(|&(o, j)| {
            labels[(o, j)] == planted.a[(o, j)] && (0..8).any(|p| labels[(p, j)] != planted.a[(p, j)])
        })
        .expect("a sample with one label clipped and another not");
    labels[(o, j)] += 1e-3 * (labels[(o, j)].abs() + 1.0);
    let samples = Samples::new(planted.x.as_ref(), labels.as_ref()).expect("finite");
    let clipping = orthant_noisy::precision::label_precision(&samples).clipping.expect("clipped");
    let settings = settings(NoiseModel::Auto).exact;
    let found =
        orthant_noisy::recover_clipped(&samples, &clipping, &settings, &mut |_| ControlFlow::Continue(()))
            .expect("an answer")
            .expect("samples without a label at its bound");
    assert_eq!(found.recovery.report.verdict, Verdict::Approximate);
}

#[test]
fn clipped_labels_with_noise_are_fitted_without_bias() {
    let mut scores = Vec::new();
    for seed in SEEDS {
        let planted = planted(seed, 1200);
        let clean = Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("finite");
        let noise = orthant_network::NoiseKind::Gaussian.errors(8, 1200, 0.02 * clean.label_scale(), seed);
        let labels = clipped(&(&planted.a + &noise));
        let found = fitted(&planted, &labels);
        assert!(found.report.precision.clipping.is_some(), "seed {seed}");
        assert_eq!(found.report.width, 5, "seed {seed}");
        for pair in align(&found.network, &planted.network).pairs {
            let (errors, i) = (&found.standard_errors, pair.first);
            for r in 0..10 {
                let error = found.network.v()[(i, r)] - planted.network.v()[(pair.second, r)];
                scores.push(error / errors.v[(i, r)]);
            }
        }
    }
    let mean_square = scores.iter().map(|z| z * z).sum::<f64>() / scores.len() as f64;
    // 500 scores of variance 1 that are nearly independent: their mean square is 1 ± 0.063. Clipping after the noise leaves a bias of
    // order σ at the bounds, small against the errors of the weights here.
    assert!(mean_square < 1.5, "{mean_square}");
}
