//! `orthant diagnose`: what the samples look like, and which methods' hypotheses hold.

use std::fmt::Write;

use anyhow::anyhow;
use orthant::Diagnosis;
use orthant::exact::{Finding, Statistic};
use serde::Serialize;

use super::Outcome;
use crate::args::DiagnoseArgs;
use crate::console::{self, Console};
use crate::report::LabelErrors;
use crate::samples::SampleFiles;

/// Runs the command.
///
/// # Errors
/// One line about bad input.
pub fn run(args: &DiagnoseArgs) -> anyhow::Result<Outcome> {
    let files = SampleFiles::read(&args.inputs, &args.labels)?;
    let samples = files.samples()?;
    let in_files = |error: anyhow::Error| {
        let (inputs, labels) = (args.inputs.display(), args.labels.display());
        anyhow!("{inputs} with {labels}: {error} (values too large or too small?)")
    };
    let diagnosis = orthant::diagnose(&samples).map_err(|error| in_files(error.into()))?;
    let label_errors = LabelErrors::of(&samples).map_err(in_files)?;
    if args.json {
        console::print(&console::to_json(&Findings { diagnosis, label_errors })?)?;
    } else {
        Console { quiet: false }.say(&text(&diagnosis, &label_errors));
    }
    Ok(Outcome::Positive)
}

/// The JSON report.
#[derive(Debug, Serialize)]
struct Findings {
    #[serde(flatten)]
    diagnosis: Diagnosis,
    label_errors: LabelErrors,
}

fn text(diagnosis: &Diagnosis, label_errors: &LabelErrors) -> String {
    let Diagnosis { n, d, m, samples_per_input, labels, inputs, lift_monomials, methods } = diagnosis;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name:<12}{value}");
    };
    line("samples", &format!("{n} with {d} inputs and {m} outputs: {samples_per_input:.1} for each input"));
    let spectrum = &labels.spectrum;
    line("labels", &format!("rank {} of {m}, condition number {:.1e}", spectrum.rank, spectrum.condition));
    let next = if spectrum.dropped > 0.0 { format!("{:.1e}", spectrum.dropped) } else { "none".to_string() };
    line("", &format!("last singular value counted {:.1e} of the first, next {next}", spectrum.kept));
    if spectrum.widest_gap_rank != spectrum.rank && spectrum.widest_gap_rank > 0 {
        let (at, gap) = (spectrum.widest_gap_rank, spectrum.widest_gap);
        line("", &format!("widest gap after singular value {at}: ratio {gap:.1e}"));
    }
    let precision = if labels.single_precision { "every label is a float32 number" } else { "float64" };
    line("precision", precision);
    line("errors", &label_errors.text());
    line("width", &width(diagnosis));
    let spectrum = &inputs.spectrum;
    let varying =
        format!("vary in {} of {d} directions, condition number {:.1e}", spectrum.rank, spectrum.condition);
    line("inputs", &varying);
    let (constant, two_valued) = (inputs.constant_coordinates, inputs.two_valued_coordinates);
    line("", &format!("{constant} constant coordinate(s), {two_valued} with two values"));
    line("mean", &statistic(&inputs.mean, "largest |mean| / deviation", "centred"));
    line("covariance", &statistic(&inputs.covariance, "|covariance - identity|", "white"));
    line("symmetry", &statistic(&inputs.symmetry, "largest third moment in standard errors", "symmetric"));
    line(
        "gaussianity",
        &statistic(&inputs.gaussianity, "largest excess kurtosis in standard errors", "Gaussian"),
    );
    line("lift", &format!("{lift_monomials} monomials against {n} samples"));
    for check in methods {
        line(check.method.name(), &verdict(check.finding));
        for hypothesis in &check.hypotheses {
            line("", &format!("{:<8} {}", hypothesis.finding.to_string(), hypothesis.hypothesis));
        }
    }
    text
}

fn verdict(finding: Finding) -> String {
    match finding {
        Finding::Holds => "its hypotheses hold",
        Finding::Fails => "a hypothesis fails",
        Finding::Unknown => "a hypothesis is unknown",
    }
    .to_string()
}

fn width(diagnosis: &Diagnosis) -> String {
    let (rank, m) = (diagnosis.labels.spectrum.rank, diagnosis.m);
    if rank == 0 {
        "the labels are constant: there is nothing to find".to_string()
    } else if rank < m.min(diagnosis.n - 1) {
        format!("{rank} units, when the columns of U are independent")
    } else if rank < m {
        format!("{rank} or more: too few samples to see the rank")
    } else {
        format!("{rank} or more, or noisy labels: the rank is the number of outputs")
    }
}

fn statistic(statistic: &Statistic, what: &str, property: &str) -> String {
    let Statistic { value, allowed, finding } = statistic;
    let conclusion = match finding {
        Finding::Holds => property.to_string(),
        Finding::Fails => format!("not {property}"),
        Finding::Unknown => "too little to tell".to_string(),
    };
    format!("{conclusion}: {what} {value:.2}, sampling explains {allowed:.2}")
}
