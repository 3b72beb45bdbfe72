//! Networks that were trained on public data.

use std::time::Instant;

use orthant::exact::UniquenessLevel;
use orthant::network::Alignment;
use orthant::{Mat, Network, Settings, align, recover};
use serde::{Deserialize, Serialize};

use crate::experiment::{About, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::record::{Record, Row};
use crate::rows::Rows;
use crate::trained::{NAMES, Trained};

mod show;

/// Recovery of trained networks, unit by unit.
pub struct RealNetworks;

/// Seeds of a quick and of a full run.
const SEEDS: (usize, usize) = (3, 10);

/// The network whose filters are shown.
const FILTERS: &str = "digits-autoencoder-16";

/// The network that is given images to reproduce.
const IMAGES: &str = "digits-autoencoder-32-biased";

/// Where the images are: inputs of this network.
const SOURCE: &str = "digits-classifier-8-natural";

/// Side of an image.
const SIDE: usize = 8;

/// Pixels that are the same in all images, by row; the files of [`SOURCE`] leave them out.
const CONSTANT: [usize; 3] = [0, 32, 39];

impl Experiment for RealNetworks {
    fn about(&self) -> About {
        About {
            name: "real-networks",
            title: "Trained networks",
            claim: "Networks as training leaves them are recovered from samples, unit by unit, and what the samples leave open is \
                    said.",
            source: "Theorem 49, Algorithm 6, beyond: biases, single precision, inputs of a data set, m < k",
            method: "The six networks of data/, trained on digits, tumours and diabetes; the settings are the defaults, the seed is the \
                     method's. The error of a unit is that of its normalised weights and bias, or of its output weights if that is \
                     larger, relative to the true ones. On the samples it is that of what the unit adds to the labels. Units that are \
                     active on no sample leave no trace and do not count.",
        }
    }

    fn tasks(&self, plan: &Plan) -> Vec<Task> {
        let mut tasks = Vec::new();
        for name in NAMES {
            let cost = 0.3;
            let point = Record::new().with("network", name);
            tasks.extend(plan.seeds(plan.pick(SEEDS.0, SEEDS.1)).map(|seed| Task {
                seed,
                point: point.clone(),
                cost,
            }));
        }
        tasks
    }

    fn run(&self, task: &Task, context: &Context<'_>) -> anyhow::Result<Outcome> {
        let name = task.point.text("network");
        let trained = Trained::read(name)?;
        let settings = Settings { seed: task.seed, ..Settings::default() };
        let start = Instant::now();
        let recovery = recover(&trained.samples()?, &settings, &mut context.callback())?;
        let seconds = start.elapsed().as_secs_f64();
        let (network, report) = (&recovery.network, &recovery.report);
        let alignment = align(network, &trained.network);
        let seen = trained.seen();
        let errors = Errors::of(network, &trained, &alignment, &seen);
        let uniqueness = match report.uniqueness.level {
            UniquenessLevel::ProvedByLift => "proved by lift",
            UniquenessLevel::ProvedByEnumeration => "proved by enumeration",
            UniquenessLevel::GivenPatterns => "given patterns",
            UniquenessLevel::NotShown => "not shown",
        };
        let pictures = match name {
            FILTERS => Some(filters(network, &trained.network, &alignment)),
            IMAGES => Some(images(network, &trained.network)?),
            _ => None,
        };
        let open = report.units.iter().map(|unit| unit.undetermined_directions);
        let values = Record::new()
            .with("m", trained.network.m())
            .with("k", trained.network.k())
            .with("d", trained.network.d())
            .with("n", trained.x.ncols())
            .with("verdict", report.verdict.to_string())
            .with("reason", report.reason.to_string())
            .with("width", report.width)
            .with("unseen", seen.iter().filter(|seen| !**seen).count())
            .with("identified", report.units.iter().filter(|unit| unit.identified).count())
            .with("worst", errors.worst())
            .with("median", errors.median())
            .with("worst_on_samples", errors.worst_on_samples())
            .with("precision", report.label_precision)
            .with("residual", report.residual)
            .with("open_inputs", report.undetermined_input_directions)
            .with("open_least", open.clone().min())
            .with("open_most", open.max())
            .with("uniqueness", uniqueness)
            .with("method", report.method.as_str())
            .with("errors", serde_json::to_string(&errors.0)?)
            .with("pictures", pictures.map(|pictures| serde_json::to_string(&pictures)).transpose()?);
        Ok(Outcome { values, measured: Record::new().with("seconds", seconds) })
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        show::present(&Rows::new(rows), plan)
    }
}

/// The errors of the true units that are active on a sample, in the order of those of their weights; nothing for those not found.
struct Errors(Vec<Option<Unit>>);

/// A unit found: the error of its weights, and of what it adds to the labels of the samples.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Unit {
    weights: f64,
    samples: f64,
}

impl Errors {
    fn of(found: &Network, trained: &Trained, alignment: &Alignment, seen: &[bool]) -> Errors {
        let (own, truth) =
            (found.activations(trained.x.as_ref()), trained.network.activations(trained.x.as_ref()));
        let unit = |unit: usize| {
            let pair = alignment.pairs.iter().find(|pair| pair.second == unit)?;
            let (u, true_u) = (found.u().col(pair.first), trained.network.u().col(unit));
            let (norm, true_norm) = (u.norm_l2(), true_u.norm_l2());
            let turned = (0..u.nrows()).map(|o| u[o] / norm - true_u[o] / true_norm);
            let size = true_norm * truth.row(unit).norm_l2();
            let changed =
                (0..own.ncols()).map(|j| (norm * own[(pair.first, j)] - true_norm * truth[(unit, j)]) / size);
            let length = |square: f64| square.sqrt();
            let samples = length(turned.map(|x| x * x).sum()).max(length(changed.map(|x| x * x).sum()));
            Some(Unit { weights: pair.error, samples })
        };
        let mut errors: Vec<Option<Unit>> = (0..seen.len()).filter(|&i| seen[i]).map(unit).collect();
        let key = |unit: &Option<Unit>| unit.map_or(f64::INFINITY, |unit| unit.weights);
        errors.sort_by(|a, b| key(a).total_cmp(&key(b)));
        Errors(errors)
    }

    fn worst(&self) -> Option<f64> {
        self.0.last().copied().flatten().map(|unit| unit.weights)
    }

    fn median(&self) -> Option<f64> {
        self.0.get(self.0.len() / 2).copied().flatten().map(|unit| unit.weights)
    }

    fn worst_on_samples(&self) -> Option<f64> {
        self.0.iter().try_fold(0.0f64, |worst, unit| Some(worst.max((*unit)?.samples)))
    }
}

/// Rows of images with grey values from −100 to 100.
#[derive(Serialize, Deserialize)]
struct Pictures {
    strips: Vec<(String, Vec<Vec<i8>>)>,
    /// The largest difference between true and recovered, relative to the largest value.
    difference: f64,
}

fn grey(value: f64) -> i8 {
    (100.0 * value.clamp(-1.0, 1.0)).round() as i8
}

/// The rows of V, each divided by its largest entry, and those found for them.
fn filters(found: &Network, truth: &Network, alignment: &Alignment) -> Pictures {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let mut difference = 0.0f64;
    for pair in &alignment.pairs {
        let row = |network: &Network, i: usize| -> Vec<f64> { network.v().row(i).iter().copied().collect() };
        let (own, other) = (row(found, pair.first), row(truth, pair.second));
        let largest = other.iter().fold(0.0f64, |largest, v| largest.max(v.abs()));
        let scaled = |row: &[f64]| row.iter().map(|v| grey(v / largest)).collect::<Vec<i8>>();
        left.push(scaled(&other));
        right.push(scaled(&own));
        let distance = own.iter().zip(&other).fold(0.0f64, |worst, (a, b)| worst.max((a - b).abs()));
        difference = difference.max(distance / largest);
    }
    Pictures { strips: vec![("true".to_string(), left), ("recovered".to_string(), right)], difference }
}

/// One image of each class, and what both autoencoders make of it.
fn images(found: &Network, truth: &Network) -> anyhow::Result<Pictures> {
    let source = Trained::read(SOURCE)?;
    let kept: Vec<usize> = (0..SIDE * SIDE).filter(|pixel| !CONSTANT.contains(pixel)).collect();
    // The first image that the classifier puts into each class.
    let class = |j: usize| {
        (0..source.a.nrows()).max_by(|&a, &b| source.a[(a, j)].total_cmp(&source.a[(b, j)])).unwrap_or(0)
    };
    let chosen: Vec<usize> =
        (0..source.a.nrows()).filter_map(|c| (0..source.x.ncols()).find(|&j| class(j) == c)).collect();
    // Columns were standardised: a pixel had values 0 to 16 in whole steps, so that its least value was 0 and the smallest gap 1.
    let mut zero_and_step = vec![(0.0, 1.0); SIDE * SIDE];
    for (r, &pixel) in kept.iter().enumerate() {
        let mut values: Vec<f64> = source.x.row(r).iter().copied().collect();
        values.sort_by(f64::total_cmp);
        let gaps = values.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 1e-6);
        zero_and_step[pixel] = (values[0], gaps.fold(f64::INFINITY, f64::min));
    }
    let mut inputs = Mat::zeros(SIDE * SIDE, chosen.len());
    for (i, &j) in chosen.iter().enumerate() {
        for (r, &pixel) in kept.iter().enumerate() {
            inputs[(pixel, i)] = source.x[(r, j)];
        }
    }
    let shown = |standardised: &Mat<f64>| -> Vec<Vec<i8>> {
        let pixel = |r: usize, j: usize| {
            let (zero, step) = zero_and_step[r];
            let raw = if CONSTANT.contains(&r) { 0.0 } else { (standardised[(r, j)] - zero) / step };
            grey(raw / 8.0 - 1.0)
        };
        (0..chosen.len()).map(|j| (0..SIDE * SIDE).map(|r| pixel(r, j)).collect()).collect()
    };
    let (own, other) = (found.labels(inputs.as_ref()), truth.labels(inputs.as_ref()));
    let largest = |a: &Mat<f64>| a.col_iter().fold(0.0f64, |largest, col| largest.max(col.norm_max()));
    let strip = |label: &str, images: &Mat<f64>| (label.to_string(), shown(images));
    Ok(Pictures {
        strips: vec![strip("image", &inputs), strip("network", &other), strip("recovered network", &own)],
        difference: largest(&(&own - &other)) / largest(&other),
    })
}
