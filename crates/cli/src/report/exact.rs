//! The report on exact labels.

use std::fmt::Write;

use orthant::exact::{UnitReason, UnitReport};
use orthant::network::RowScale;
use orthant::{Report, Verdict};
use serde::Serialize;

use super::{LISTED_UNITS, Run};

/// The JSON report. Keys appear in the order of the fields; numbers that are not finite become `null`.
#[derive(Debug, Serialize)]
pub struct ExactReport {
    verdict: Verdict,
    reason: String,
    n: usize,
    d: usize,
    m: usize,
    width: usize,
    activation: String,
    label_rank: usize,
    label_rank_kept: f64,
    label_rank_dropped: f64,
    residual: f64,
    holdout_residual: Option<f64>,
    holdout_samples: usize,
    label_precision: f64,
    kappa_u: f64,
    kappa_v: f64,
    method: String,
    attempts: usize,
    refuted: Option<String>,
    distinguishing: Option<f64>,
    seed: u64,
    seconds: f64,
    undetermined_input_directions: usize,
    units_identified: usize,
    uniqueness: orthant::exact::Uniqueness,
    units: Vec<ExactUnit>,
}

/// A unit in the JSON report.
#[derive(Debug, Serialize)]
struct ExactUnit {
    active: usize,
    inactive: usize,
    null_gap: f64,
    null_residual: f64,
    margin: f64,
    undetermined_directions: usize,
    identified: bool,
    reason: String,
    /// The same reason as one fixed word, for programs.
    code: UnitReason,
}

impl ExactReport {
    /// Puts the report of the library and the circumstances together.
    pub fn new(report: &Report, run: Run) -> ExactReport {
        ExactReport {
            verdict: report.verdict,
            reason: report.reason.to_string(),
            n: run.n,
            d: run.d,
            m: run.m,
            width: report.width,
            activation: report.activation.name(),
            label_rank: report.label_rank,
            label_rank_kept: report.label_rank_kept,
            label_rank_dropped: report.label_rank_dropped,
            residual: report.residual,
            holdout_residual: report.holdout_residual,
            holdout_samples: report.holdout_samples,
            label_precision: report.label_precision,
            kappa_u: report.kappa_u,
            kappa_v: report.kappa_v,
            method: report.method.clone(),
            attempts: report.attempts,
            refuted: report.refuted.map(|refuted| refuted.to_string()),
            distinguishing: report.distinguishing,
            seed: run.seed,
            seconds: run.seconds,
            undetermined_input_directions: report.undetermined_input_directions,
            units_identified: identified(report),
            uniqueness: report.uniqueness,
            units: report.units.iter().map(ExactUnit::new).collect(),
        }
    }
}

impl ExactUnit {
    fn new(unit: &UnitReport) -> ExactUnit {
        ExactUnit {
            active: unit.active,
            inactive: unit.inactive,
            null_gap: unit.null_gap,
            null_residual: unit.null_residual,
            margin: unit.margin,
            undetermined_directions: unit.undetermined_directions,
            identified: unit.identified,
            reason: unit.reason.to_string(),
            code: unit.reason,
        }
    }
}

/// The report on a few lines.
pub fn summary(report: &Report, run: Run) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| super::line(&mut text, name, value);
    line("verdict", &report.verdict.to_string());
    line("reason", &report.reason.to_string());
    line("samples", &super::sizes(run.n, run.d, run.m));
    // Without a network there is nothing to say of its weights.
    let nothing = report.verdict == Verdict::NotRecovered && report.width == 0;
    let width = if nothing { "none found".to_string() } else { report.width.to_string() };
    line("width", &format!("{width} ({})", rank_evidence(report)));
    if !report.activation.is_relu() {
        let rows = match report.activation.row_scale() {
            RowScale::Normalised => "rows of V have unit norm",
            RowScale::Identified => "the scale of each row of V is identified",
        };
        line("activation", &format!("{}: {rows}", report.activation));
    }
    let holdout = match report.holdout_residual {
        Some(residual) => format!("{residual:.1e} on {} held out", report.holdout_samples),
        None => "none held out".to_string(),
    };
    if !nothing {
        line("residual", &format!("{:.1e} on the samples fitted, {holdout}", report.residual));
    }
    line("precision", &format!("{:.1e} (relative rounding error of the labels)", report.label_precision));
    if !nothing {
        line("condition", &format!("{:.3e} of U, {:.3e} of V", report.kappa_u, report.kappa_v));
    }
    if report.undetermined_input_directions > 0 {
        let directions = report.undetermined_input_directions;
        line("inputs", &format!("{directions} direction(s) never vary; weights there have minimum norm"));
    }
    if !nothing {
        line("uniqueness", &uniqueness(report));
        line("units", &format!("{} of {} identified", identified(report), report.units.len()));
    }
    let listed = if nothing { &[] } else { report.units.as_slice() };
    let open: Vec<_> = listed.iter().enumerate().filter(|(_, unit)| !unit.identified).collect();
    for (i, unit) in open.iter().take(LISTED_UNITS) {
        let counts = format!("active on {}, inactive on {}", unit.active, unit.inactive);
        line("", &format!("unit {i}: {} ({counts})", unit.reason));
    }
    if open.len() > LISTED_UNITS {
        line("", &format!("... and {} more", open.len() - LISTED_UNITS));
    }
    line(
        "method",
        &format!("{}, {} attempts, {:.2} s, seed {}", report.method, report.attempts, run.seconds, run.seed),
    );
    if let Some(refuted) = &report.refuted {
        line("hypothesis", &format!("{refuted} (the units above stand by themselves)"));
    }
    if let Some(sigma) = report.distinguishing {
        line("", &format!("distinguishing matrix: smallest singular value {sigma:.1e}"));
    }
    text
}

fn identified(report: &Report) -> usize {
    report.units.iter().filter(|unit| unit.identified).count()
}

fn rank_evidence(report: &Report) -> String {
    let (rank, kept, dropped) = (report.label_rank, report.label_rank_kept, report.label_rank_dropped);
    if dropped > 0.0 {
        format!(
            "labels have rank {rank}: singular values {kept:.1e} kept, {dropped:.1e} dropped, ratio {:.1e}",
            kept / dropped
        )
    } else {
        format!("labels have rank {rank}: singular values down to {kept:.1e} kept, none dropped")
    }
}

fn uniqueness(report: &Report) -> String {
    use orthant::exact::UniquenessLevel;

    let evidence = &report.uniqueness;
    let mut text = match evidence.level {
        UniquenessLevel::ProvedByLift => {
            "proved by the lift: no other network of this width has these labels"
        }
        UniquenessLevel::ProvedByEnumeration => {
            "proved by enumeration of all patterns: no other network of this width has these labels"
        }
        UniquenessLevel::GivenPatterns => {
            "given the patterns: no other network active on the same samples has these labels"
        }
        UniquenessLevel::NotShown => "not shown",
    }
    .to_string();
    if let (Some(monomials), Some(null)) = (evidence.lift_monomials, evidence.lift_null_dimension) {
        let _ = write!(text, " ({monomials} monomials, null space of dimension {null})");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant::Activation;
    use orthant::Reason;
    use orthant::exact::{Uniqueness, UniquenessLevel};

    const RUN: Run = Run { n: 100, d: 8, m: 6, seed: 7, seconds: 0.5 };

    fn report(n_open: usize) -> Report {
        let open = UnitReport {
            active: 0,
            inactive: 100,
            null_gap: 0.0,
            null_residual: 0.0,
            margin: f64::INFINITY,
            undetermined_directions: 9,
            identified: false,
            reason: UnitReason::NoTrace,
        };
        Report {
            verdict: Verdict::ExactOnSamples,
            reason: Reason::UndeterminedUnits { units: n_open, first: UnitReason::NoTrace },
            width: n_open,
            activation: Activation::RELU,
            label_rank: 6,
            label_rank_kept: 0.1,
            label_rank_dropped: 1e-16,
            residual: 1e-16,
            holdout_residual: None,
            holdout_samples: 0,
            label_precision: f64::EPSILON,
            kappa_u: f64::INFINITY,
            kappa_v: 2.0,
            method: "pursuit".to_string(),
            attempts: 9,
            refuted: None,
            distinguishing: None,
            undetermined_input_directions: 0,
            uniqueness: Uniqueness {
                level: UniquenessLevel::NotShown,
                lift_monomials: None,
                lift_null_dimension: None,
                lift_margin: None,
            },
            units: vec![open; n_open],
        }
    }

    #[test]
    fn keys_keep_their_order_and_infinity_becomes_null() {
        let json = crate::console::to_json(&ExactReport::new(&report(1), RUN)).expect("valid");
        let places: Vec<usize> =
            ["verdict", "reason", "n", "width", "kappa_u", "seed", "uniqueness", "units"]
                .iter()
                .map(|key| json.find(&format!("\"{key}\":")).expect("present"))
                .collect();
        assert!(places.is_sorted());
        let value: serde_json::Value = serde_json::from_str(&json).expect("valid JSON");
        assert!(value["kappa_u"].is_null() && value["units"][0]["margin"].is_null());
        assert_eq!(value["verdict"], "exact on the samples");
        assert_eq!(
            value["units"][0]["reason"],
            "no trace in the labels: never active on these inputs, or merged with another unit"
        );
        assert_eq!(value["units"][0]["code"], "no-trace");
    }

    #[test]
    fn the_summary_says_nothing_of_the_weights_of_no_network() {
        let none = Report { verdict: Verdict::NotRecovered, width: 0, ..report(3) };
        let text = summary(&none, RUN);
        assert!(text.contains("width       none found (labels have rank 6"), "{text}");
        for name in ["residual", "condition", "uniqueness", "units", "unit 0", "inf"] {
            assert!(!text.contains(name), "{name}: {text}");
        }
    }

    #[test]
    fn the_summary_lists_ten_units_at_most() {
        let text = summary(&report(12), RUN);
        assert!(text.starts_with("verdict     exact on the samples\n"));
        assert_eq!(text.matches("or merged with another unit (active on 0").count(), LISTED_UNITS);
        assert!(text.contains("... and 2 more"));
        assert!(!summary(&report(10), RUN).contains("more"));
    }
}
