//! The report of `recover`, and what `diagnose` says of errors: JSON for programs, a summary for people.

use std::fmt::Write;

use orthant::fpt::half_spaces::Fit;
use orthant::fpt::one_sparse::OneSparse;
use orthant::noisy::{Answer, NoiseModel};
use orthant::{Network, Reason, Verdict};
use serde::Serialize;

use crate::console;

mod error_bounds;
mod errors;
mod exact;
mod half_spaces;
mod labels;
mod noisy;
mod not_shown;
mod one_sparse;
mod rational;

pub use self::error_bounds::BoundsFinding;
use self::error_bounds::BoundsReport;
use self::errors::{ClippingReport, GrossErrorReport};
use self::exact::ExactReport;
use self::half_spaces::HalfSpaceReport;
pub use self::labels::LabelErrors;
use self::noisy::NoiseReport;
use self::one_sparse::OneSparseReport;
pub use self::one_sparse::outlook;
pub use self::rational::{Origin, RationalFinding};

/// Units listed in the summary before it says "and so many more".
const LISTED_UNITS: usize = 10;

/// The circumstances of a recovery that its report does not hold.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Number of samples.
    pub n: usize,
    /// Number of inputs.
    pub d: usize,
    /// Number of outputs.
    pub m: usize,
    /// Seed of every random choice.
    pub seed: u64,
    /// Wall-clock time of the recovery.
    pub seconds: f64,
}

/// What `recover` found, by the entry point of the library that found it.
#[derive(Debug)]
pub enum Found {
    /// That of exact recovery and recovery under errors.
    Recovered(Answer),
    /// That for labels of single units.
    OneSparse(Box<OneSparse>),
    /// That for arbitrary errors.
    HalfSpaces(Box<Fit>),
}

impl Found {
    /// The network.
    pub fn network(&self) -> &Network {
        match self {
            Found::Recovered(answer) => answer.network(),
            Found::OneSparse(found) => &found.recovery.network,
            Found::HalfSpaces(fit) => &fit.best().network,
        }
    }

    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        match self {
            Found::Recovered(answer) => answer.verdict(),
            Found::OneSparse(found) => found.recovery.report.verdict,
            Found::HalfSpaces(fit) => fit.verdict(),
        }
    }
}

/// The report of exact recovery, with what was found out about errors on the way.
#[derive(Debug, Serialize)]
struct WithErrors {
    #[serde(flatten)]
    exact: ExactReport,
    /// What the labels were recovered as, like `noise` of the report on noise.
    noise: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    gross_errors: Option<GrossErrorReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clipping: Option<ClippingReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    one_sparse: Option<OneSparseReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_bounds: Option<BoundsReport>,
}

/// The report in JSON. Keys appear in the order of the fields; numbers that are not finite become `null`.
///
/// # Errors
/// When the serialiser refuses, which for these types it does not.
pub fn to_json(found: &Found, bounds: Option<&BoundsFinding>, run: Run) -> anyhow::Result<String> {
    let plain = |noise, report| {
        let exact = ExactReport::new(report, run);
        let error_bounds = bounds.map(BoundsFinding::report);
        WithErrors { exact, noise, gross_errors: None, clipping: None, one_sparse: None, error_bounds }
    };
    let answer = match found {
        Found::Recovered(answer) => answer,
        Found::OneSparse(found) => {
            let one_sparse = Some(OneSparseReport::new(found));
            return console::to_json(&WithErrors { one_sparse, ..plain("none", &found.recovery.report) });
        }
        Found::HalfSpaces(fit) => return console::to_json(&HalfSpaceReport::new(fit, run)),
    };
    match answer {
        Answer::Exact(recovery) => console::to_json(&plain("none", &recovery.report)),
        Answer::Clipped(clipped) => {
            let clipping = Some(ClippingReport::new(clipped));
            console::to_json(&WithErrors { clipping, ..plain("clipped", &clipped.recovery.report) })
        }
        Answer::Sparse(sparse) => {
            let gross_errors = Some(GrossErrorReport::new(sparse, run.n * run.m));
            console::to_json(&WithErrors { gross_errors, ..plain("sparse", &sparse.recovery.report) })
        }
        Answer::Noisy(fit) => console::to_json(&NoiseReport::new(&fit.report, run)),
    }
}

/// The report on a few lines.
pub fn summary(found: &Found, bounds: Option<&BoundsFinding>, run: Run) -> String {
    let mut text = without_bounds(found, run);
    if let Some(bounds) = bounds {
        bounds.lines(&mut text);
    }
    text
}

fn without_bounds(found: &Found, run: Run) -> String {
    let answer = match found {
        Found::Recovered(answer) => answer,
        Found::OneSparse(found) => {
            let mut text = exact::summary(&found.recovery.report, run);
            one_sparse::groups(found, &mut text);
            return text;
        }
        Found::HalfSpaces(fit) => return half_spaces::summary(fit, run),
    };
    match answer {
        Answer::Exact(recovery) => exact::summary(&recovery.report, run),
        Answer::Clipped(clipped) => {
            let mut text = exact::summary(&clipped.recovery.report, run);
            errors::clipping(clipped, &mut text);
            text
        }
        Answer::Sparse(sparse) => {
            let mut text = exact::summary(&sparse.recovery.report, run);
            errors::gross(sparse, &mut text);
            text
        }
        Answer::Noisy(fit) => noisy::summary(&fit.report, run),
    }
}

/// What to try when the labels were not explained under the assumption asked for.
pub fn next_step(found: &Found, asked: Option<NoiseModel>) -> Option<&'static str> {
    let report = match found {
        Found::Recovered(Answer::Exact(recovery)) => &recovery.report,
        Found::Recovered(Answer::Sparse(sparse)) => &sparse.recovery.report,
        Found::OneSparse(found) => &found.recovery.report,
        Found::Recovered(Answer::Clipped(_) | Answer::Noisy(_)) | Found::HalfSpaces(_) => return None,
    };
    match report.reason {
        Reason::WidthAboveRank { .. } => {
            return Some(
                "--method restarts searches widths above the rank, without deciding whether there is a network",
            );
        }
        Reason::OutOfBudget { .. } => return Some("a longer --budget, or --method auto"),
        _ => {}
    }
    let unexplained = matches!(report.verdict, Verdict::Approximate | Verdict::NotRecovered)
        && !matches!(report.reason, Reason::ConstantLabels | Reason::NothingHeldOut);
    match asked? {
        NoiseModel::None if unexplained => {
            Some("if the labels may have errors (noise, rounding, clipping, gross errors), --noise auto")
        }
        NoiseModel::Sparse if unexplained => {
            Some("if every label may have an error, --noise gaussian; if that is not known, --noise auto")
        }
        _ => None,
    }
}

/// The numbers of samples, inputs and outputs.
pub fn sizes(n: usize, d: usize, m: usize) -> String {
    let of = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    format!("{n} with {} and {}", of(d, "input"), of(m, "output"))
}

/// Columns of a terminal.
const COLUMNS: usize = 80;

/// Appends a text with its name in the first column, on lines of 80 columns unless a word is longer.
pub fn paragraph(text: &mut String, name: &str, value: &str) {
    let (mut name, mut current) = (name, String::new());
    for word in value.split_whitespace() {
        let length = NAME_COLUMNS + current.chars().count() + 1 + word.chars().count();
        if !current.is_empty() && length > COLUMNS {
            line(text, name, &current);
            (name, current) = ("", String::new());
        }
        if !current.is_empty() {
            current.push(' ');
        }
        current.push_str(word);
    }
    line(text, name, &current);
}

/// Columns of the names.
const NAME_COLUMNS: usize = 12;

/// Appends a line with its name in the first column.
pub fn line(text: &mut String, name: &str, value: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{name:<NAME_COLUMNS$}{value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        assert_eq!(sizes(1, 1, 2), "1 with 1 input and 2 outputs");
        assert_eq!(sizes(9, 0, 1), "9 with 0 inputs and 1 output");
    }

    #[test]
    fn paragraphs_have_eighty_columns() {
        let words = ["é".repeat(67), "of".to_string(), "x".repeat(100), "end".to_string()];
        let mut text = String::new();
        paragraph(&mut text, "name", &words.join(" "));
        let indent = " ".repeat(12);
        let [a, b, c, d] = words;
        assert_eq!(text, format!("name        {a}\n{indent}{b}\n{indent}{c}\n{indent}{d}\n"));
        let mut text = String::new();
        paragraph(&mut text, "name", &format!("{} z", "y".repeat(66)));
        assert_eq!(text.trim_end().chars().count(), 80);
    }
}
