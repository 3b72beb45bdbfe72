//! How near recovery from noisy labels comes to the best possible: the error of V over that of the same refinement started at the true
//! weights, over fixed seeds. The width is not given.
//!
//! `cargo bench --package orthant-benches --bench oracle`, about half an hour; a first word chooses rows that contain it: `-- 10,5,20`. The seeds are
//! 7000 to 7019; `ORTHANT_SEEDS=100..120` takes others.

#![expect(clippy::print_stdout, reason = "the table is the output")]

use std::ops::{ControlFlow, Range};
use std::time::Instant;

use orthant::estimate::Reporter;
use orthant::network::{BiasKind, NoiseKind, PlantedSpec};
use orthant::noisy::fit::{FitSettings, fit, residuals};
use orthant::noisy::{NoiseModel, Settings, recover_noisy};
use orthant::{BiasModel, Network, Samples, align};

struct Row {
    m: usize,
    k: usize,
    d: usize,
    noise: f64,
    kind: NoiseKind,
    samples_per_input: usize,
}

impl Row {
    fn name(&self) -> String {
        let Row { m, k, d, noise, kind, samples_per_input } = self;
        format!("{m},{k},{d} {} {}% n={samples_per_input}d", kind.name(), 100.0 * noise)
    }

    fn all() -> Vec<Row> {
        let gaussian = NoiseKind::Gaussian;
        let mut rows = Vec::new();
        for samples_per_input in [50, 400] {
            let mut add = |m, k, d, noise, kind| rows.push(Row { m, k, d, noise, kind, samples_per_input });
            for noise in [0.01, 0.1, 0.5] {
                add(10, 5, 20, noise, gaussian);
            }
            for noise in [0.01, 0.1] {
                add(20, 20, 50, noise, gaussian);
            }
            add(10, 10, 10, 0.1, gaussian);
            if samples_per_input == 400 {
                for kind in [NoiseKind::Uniform, NoiseKind::Sign] {
                    add(10, 5, 20, 0.1, kind);
                    add(20, 20, 50, 0.1, kind);
                    add(10, 10, 10, 0.1, kind);
                }
            }
        }
        rows
    }
}

struct Trial {
    /// Error of V over the oracle's; infinite when the width is wrong.
    ratio: f64,
    error: f64,
    /// Whether the sum of squared residuals is at most the oracle's, which may end at a kink on its way to the optimum.
    lower: bool,
    confirmed: bool,
    width: usize,
    seconds: f64,
}

fn trial(row: &Row, seed: u64) -> Trial {
    let spec = PlantedSpec { m: row.m, k: row.k, d: row.d, seed, ..PlantedSpec::default() };
    let n = row.samples_per_input * row.d;
    let planted = spec.plant(n).expect("every dimension is at least 1");
    let clean = Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("planted samples are finite");
    let errors = row.kind.errors(row.m, n, row.noise * clean.label_scale(), seed);
    let labels = &planted.a + &errors;
    let samples = Samples::new(planted.x.as_ref(), labels.as_ref()).expect("finite");
    let exact =
        orthant::Settings { bias: BiasModel::Known(BiasKind::None), seed, ..orthant::Settings::default() };
    let settings = Settings { exact, noise: NoiseModel::Gaussian, noise_std: None };
    let start = Instant::now();
    let found = recover_noisy(&samples, &settings, &mut |_| ControlFlow::Continue(())).expect("an answer");
    let seconds = start.elapsed().as_secs_f64();
    let mut quiet = |_| ControlFlow::Continue(());
    // That of `recover_noisy`.
    let refinement = FitSettings { tolerance: 0.005, ..FitSettings::default() };
    let oracle = fit(&samples, &planted.network, None, &refinement, &mut Reporter::new(&mut quiet))
        .expect("the truth is a start");
    let loss = |network| residuals(&samples, network, None).expect("of the same dimensions").loss();
    let error = error_of_v(&found.network, &planted.network);
    Trial {
        ratio: error / error_of_v(&oracle.network, &planted.network),
        error,
        lower: loss(&found.network) <= oracle.loss,
        confirmed: found.report.agreeing >= 2,
        width: found.network.k(),
        seconds,
    }
}

/// Frobenius norm of the difference of V, units matched; infinite when some have no partner.
fn error_of_v(network: &Network, truth: &Network) -> f64 {
    let matched = align(network, truth);
    if network.k() != truth.k() || matched.pairs.len() != truth.k() {
        return f64::INFINITY;
    }
    let squares = matched.pairs.iter().map(|pair| {
        let rows = network.v().row(pair.first).iter().zip(truth.v().row(pair.second).iter());
        rows.map(|(v, w)| (v - w) * (v - w)).sum::<f64>()
    });
    squares.sum::<f64>().sqrt()
}

fn seeds() -> Range<u64> {
    let given = std::env::var("ORTHANT_SEEDS").ok();
    let bounds = given.as_deref().and_then(|text| text.split_once(".."));
    let parsed = bounds.and_then(|(first, end)| Some(first.parse().ok()?..end.parse().ok()?));
    parsed.unwrap_or(7000..7020)
}

fn main() {
    let filter = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    if std::env::args().any(|word| word == "--test") {
        return;
    }
    let wanted = |row: &Row| filter.as_deref().is_none_or(|filter| row.name().contains(filter));
    let rows: Vec<Row> = Row::all().into_iter().filter(wanted).collect();
    if rows.is_empty() {
        return;
    }
    println!(
        "{:>34} {:>8} {:>8} {:>8} {:>9} {:>7} {:>7} {:>9} {:>8}",
        "m,k,d, noise, n", "median", "95 %", "worst", "error", "lower", "width", "confirmed", "seconds"
    );
    for row in rows {
        let trials: Vec<Trial> = seeds().map(|seed| trial(&row, seed)).collect();
        let count = trials.len();
        let sorted = |value: fn(&Trial) -> f64| {
            let mut values: Vec<f64> = trials.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let (ratios, errors, seconds) = (sorted(|t| t.ratio), sorted(|t| t.error), sorted(|t| t.seconds));
        // The 95th percentile of 20 is the 19th.
        let percentile = ratios[(0.95 * count as f64).ceil() as usize - 1];
        println!(
            "{:>34} {:>8.4} {:>8.4} {:>8.4} {:>9.2e} {:>4}/{count} {:>4}/{count} {:>6}/{count} {:>8.2}",
            row.name(),
            ratios[count / 2],
            percentile,
            ratios[count - 1],
            errors[count / 2],
            trials.iter().filter(|t| t.lower).count(),
            trials.iter().filter(|t| t.width == row.k).count(),
            trials.iter().filter(|t| t.confirmed).count(),
            seconds[count / 2],
        );
    }
}
