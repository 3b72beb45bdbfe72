//! The report on labels with errors in every entry.

use orthant::Verdict;
use orthant::noisy::width::WidthChoice;
use orthant::noisy::{self, NoisyUnit};
use serde::Serialize;

use super::{LISTED_UNITS, Run};

/// The JSON report. Keys appear in the order of the fields; numbers that are not finite become `null`.
#[derive(Debug, Serialize)]
pub(super) struct NoiseReport {
    verdict: Verdict,
    reason: String,
    n: usize,
    d: usize,
    m: usize,
    width: usize,
    width_choice: Option<WidthReport>,
    activation: String,
    noise: &'static str,
    noise_std: f64,
    noise_std_known: Option<f64>,
    label_format: String,
    rounding_std: f64,
    clipped_fraction: f64,
    residual: f64,
    holdout_ratio: Option<f64>,
    holdout_samples: usize,
    starts: usize,
    agreeing: usize,
    steps: usize,
    converged: bool,
    kappa_u: f64,
    kappa_v: f64,
    method: String,
    seed: u64,
    seconds: f64,
    weak_units: usize,
    units: Vec<NoisyUnit>,
}

/// How the width was chosen.
#[derive(Debug, Serialize)]
struct WidthReport {
    criterion: &'static str,
    label_rank: usize,
    noise_edge: Option<f64>,
    runner_up: Option<usize>,
    /// Score of the runner-up minus that of the width chosen: negative only when no units at all score best.
    difference: Option<f64>,
    scores: Vec<Score>,
}

/// A width tried; less is better, and no units at all score 0.
#[derive(Debug, Serialize)]
struct Score {
    width: usize,
    score: f64,
}

impl NoiseReport {
    /// Puts the report of the library and the circumstances together.
    pub(super) fn new(report: &noisy::NoiseReport, run: Run) -> NoiseReport {
        NoiseReport {
            verdict: report.verdict,
            reason: report.reason.to_string(),
            n: run.n,
            d: run.d,
            m: run.m,
            width: report.width,
            width_choice: report.width_choice.as_ref().map(|choice| WidthReport {
                criterion: "bayesian information criterion",
                label_rank: choice.spectrum.rank,
                noise_edge: choice.spectrum.edge,
                runner_up: choice.runner_up,
                difference: difference(choice),
                scores: choice.scores.iter().map(|&(width, score)| Score { width, score }).collect(),
            }),
            activation: report.activation.name(),
            noise: "gaussian",
            noise_std: report.noise_std,
            noise_std_known: report.noise_std_known,
            label_format: report.precision.kind.to_string(),
            rounding_std: report.precision.noise_std,
            clipped_fraction: report.precision.clipped_fraction,
            residual: report.residual,
            holdout_ratio: report.holdout_ratio,
            holdout_samples: report.holdout_samples,
            starts: report.starts,
            agreeing: report.agreeing,
            steps: report.steps,
            converged: report.converged,
            kappa_u: report.kappa_u,
            kappa_v: report.kappa_v,
            method: report.method.clone(),
            seed: run.seed,
            seconds: run.seconds,
            weak_units: n_weak(report),
            units: report.units.clone(),
        }
    }
}

/// The report on a few lines.
pub(super) fn summary(report: &noisy::NoiseReport, run: Run) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| super::line(&mut text, name, value);
    line("verdict", &report.verdict.to_string());
    line("reason", &report.reason.to_string());
    line("samples", &super::sizes(run.n, run.d, run.m));
    line("width", &width(report));
    if !report.activation.is_relu() {
        line("activation", &report.activation.to_string());
    }
    let known = report.noise_std_known.map_or(String::new(), |known| format!(", {known:.4e} given"));
    line("noise", &format!("standard deviation {:.4e} of each label{known}", report.noise_std));
    line("labels", &labels(report));
    let holdout = match report.holdout_ratio {
        Some(ratio) => {
            format!("on {} held out {ratio:.3} times what the fit predicts", report.holdout_samples)
        }
        None => "none held out".to_string(),
    };
    line("residual", &format!("{:.3e} of the labels, {holdout}", report.residual));
    line("condition", &format!("{:.3e} of U, {:.3e} of V", report.kappa_u, report.kappa_v));
    line("units", &units(report));
    let weak: Vec<_> = report.units.iter().enumerate().filter(|(_, unit)| unit.weak).collect();
    for (i, unit) in weak.iter().take(LISTED_UNITS) {
        line("", &format!("unit {i} is weak: {}", accuracy(unit)));
    }
    if weak.len() > LISTED_UNITS {
        line("", &format!("... and {} more", weak.len() - LISTED_UNITS));
    }
    let starts = format!("{} of {} starts agree", report.agreeing, report.starts);
    line("method", &format!("{}, {starts}, {:.2} s, seed {}", report.method, run.seconds, run.seed));
    text
}

fn n_weak(report: &noisy::NoiseReport) -> usize {
    report.units.iter().filter(|unit| unit.weak).count()
}

/// By how much the runner-up scores worse.
fn difference(choice: &WidthChoice) -> Option<f64> {
    choice.runner_up_score.map(|second| second - choice.score)
}

fn width(report: &noisy::NoiseReport) -> String {
    let Some(choice) = &report.width_choice else { return format!("{} (given)", report.width) };
    match (choice.runner_up, difference(choice)) {
        (Some(0), Some(difference)) if difference < 0.0 => format!(
            "{} (Bayesian information criterion; no units at all score better, by {:.1})",
            report.width, -difference
        ),
        (Some(second), Some(difference)) => format!(
            "{} (Bayesian information criterion; runner-up {second}, by {difference:.1})",
            report.width
        ),
        _ => format!("{} (Bayesian information criterion)", report.width),
    }
}

fn labels(report: &noisy::NoiseReport) -> String {
    let precision = &report.precision;
    let mut text = format!("{}, rounding error {:.1e}", precision.kind, precision.noise_std);
    if precision.clipping.is_some() {
        text += &format!(", {:.1} % at bounds", 100.0 * precision.clipped_fraction);
    }
    text
}

fn units(report: &noisy::NoiseReport) -> String {
    let least = report.units.iter().map(|unit| unit.signal_to_noise).fold(f64::INFINITY, f64::min);
    let worst = report.units.iter().map(|unit| unit.direction_error).fold(0.0, f64::max);
    format!(
        "{}, {} weak; signal to noise at least {least:.2}, standard error of a direction at most {worst:.1e}",
        report.units.len(),
        n_weak(report)
    )
}

fn accuracy(unit: &NoisyUnit) -> String {
    format!(
        "signal to noise {:.2}, standard errors {:.1e} of its direction and {:.1e} of its output weights",
        unit.signal_to_noise, unit.direction_error, unit.output_error
    )
}
