//! The report on weights that are fractions.

use std::path::Path;

use orthant::certificate::{Certificate, Class, RationalSamples};
use orthant::exact::rational::ExactError;
use orthant::{Reason, Report, Verdict};
use serde::Serialize;

use super::exact::ExactReport;
use super::{Run, not_shown, paragraph, sizes};
use crate::console;

/// Where the network comes from.
#[derive(Debug, Clone, Copy)]
pub enum Origin<'a> {
    /// From the samples; with what recovery said of the nearest floating-point ones.
    Recovered(&'a Report),
    /// From a file.
    Given {
        /// The file.
        path: &'a Path,
        /// Whether it is to be certified as it stands, and not only its activation patterns.
        as_it_stands: bool,
        /// The largest deviation of its labels from those of the samples, over the largest label, in floating point.
        deviation: f64,
    },
}

/// The largest deviation that labels computed in single precision are explained by: some hundred roundings of 2⁻²⁴.
const ROUNDING: f64 = 1e-5;

/// What came of recovery or certification with zero error.
#[derive(Debug, Clone, Copy)]
pub struct RationalFinding<'a> {
    /// The certificate, or why there is none.
    pub certificate: Result<&'a Certificate, &'a ExactError>,
    /// Where the network comes from.
    pub origin: Origin<'a>,
    /// The samples.
    pub samples: &'a RationalSamples,
    /// Whether inputs and labels are in .npy files, as floating point takes them.
    pub in_arrays: [bool; 2],
}

/// The JSON report. Keys appear in the order of the fields.
#[derive(Debug, Serialize)]
struct RationalReport<'a> {
    verdict: &'static str,
    reason: Option<String>,
    claim: Option<String>,
    statement: Option<&'a str>,
    /// Why the claim is not a stronger one.
    not_shown: Option<String>,
    n: usize,
    d: usize,
    m: usize,
    width: Option<usize>,
    hidden_biases: Option<bool>,
    output_biases: Option<bool>,
    /// Of the largest numerator or denominator of a weight.
    weight_bits: Option<usize>,
    samples_sha256: Option<&'a str>,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    floating_point: Option<ExactReport>,
}

impl<'a> RationalFinding<'a> {
    /// The report in JSON.
    ///
    /// # Errors
    /// When the serialiser refuses, which for these types it does not.
    pub fn json(self, run: Run) -> anyhow::Result<String> {
        let certificate = self.certificate.ok();
        let class = certificate.map(|certificate| certificate.class);
        console::to_json(&RationalReport {
            verdict: self.verdict(),
            reason: self.certificate.err().map(|error| self.reason(error)),
            claim: certificate.map(|certificate| certificate.claim().to_string()),
            statement: certificate.map(|certificate| certificate.statement.as_str()),
            not_shown: certificate.and_then(not_shown::why),
            n: run.n,
            d: run.d,
            m: run.m,
            width: certificate.map(|certificate| certificate.network.k()),
            hidden_biases: class.map(|class: Class| class.hidden_biases),
            output_biases: class.map(|class: Class| class.output_biases),
            weight_bits: certificate.map(|certificate| certificate.network.bits()),
            samples_sha256: certificate.map(|certificate| certificate.samples.sha256.as_str()),
            seconds: run.seconds,
            floating_point: self.near().map(|report| ExactReport::new(report, run)),
        })
    }

    /// The report on a few lines.
    pub fn summary(self, run: Run) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| paragraph(&mut text, name, value);
        line("verdict", self.verdict());
        match self.certificate {
            Ok(certificate) => {
                line("claim", &certificate.claim().to_string());
                line("statement", &certificate.statement);
                if let Some(why) = not_shown::why(certificate) {
                    line("not shown", &why);
                }
            }
            Err(error) => {
                line("reason", &self.reason(error));
                if matches!(error, ExactError::NotExact { .. }) {
                    self.circumstances().iter().for_each(|value| line("", value));
                }
            }
        }
        line("samples", &sizes(run.n, run.d, run.m));
        if let Ok(Certificate { network, .. }) = self.certificate {
            line("width", &network.k().to_string());
            let bits = network.bits();
            line("weights", &format!("fractions, numerators and denominators of at most {bits} bits"));
        }
        let nothing = matches!(self.certificate, Err(ExactError::NotFound { .. }));
        if let (Err(_), Some(report), false) = (self.certificate, self.near(), nothing) {
            line("width", &format!("{} in floating point; units are counted from 0", report.width));
            line("nearest", &self.nearest(report));
        }
        match self.near() {
            Some(report) => {
                let fractions = if self.certificate.is_ok() { " then fractions," } else { "" };
                line(
                    "method",
                    &format!(
                        "{}, {} attempts,{fractions} {:.2} s, seed {}",
                        report.method, report.attempts, run.seconds, run.seed
                    ),
                );
            }
            None => line("time", &format!("{:.2} s", run.seconds)),
        }
        text
    }

    fn near(self) -> Option<&'a Report> {
        match self.origin {
            Origin::Recovered(report) => Some(report),
            Origin::Given { .. } => None,
        }
    }

    fn verdict(self) -> &'static str {
        match self.certificate {
            Ok(_) => "exact (rational)",
            Err(ExactError::NotExact { .. }) => "not exact",
            Err(ExactError::Undetermined(_) | ExactError::FewOutputs { .. } | ExactError::Width { .. }) => {
                "not determined"
            }
            Err(_) => "not recovered",
        }
    }

    /// Why there is no certificate, with the network that it is about.
    fn reason(self, error: &ExactError) -> String {
        match (error, self.origin) {
            (ExactError::NotExact { misfit, .. }, Origin::Given { path, as_it_stands: true, .. }) => {
                format!("{} does not have these labels: {misfit}", path.display())
            }
            (ExactError::NotExact { width, misfit }, Origin::Given { path, .. }) => format!(
                "no network of {width} units with the activation patterns of {} has these labels exactly: {misfit}",
                path.display()
            ),
            (ExactError::NotFound { .. }, Origin::Recovered(report))
                if report.reason == Reason::ConstantLabels && self.labels_are_constant() =>
            {
                "no units are needed: all samples have the same label".to_string()
            }
            _ => error.to_string(),
        }
    }

    /// How far the network given is from the labels, and what may have made them inexact.
    fn circumstances(self) -> Vec<String> {
        let mut said = Vec::new();
        let near = match self.origin {
            Origin::Recovered(report) => matches!(report.verdict, Verdict::Exact | Verdict::ExactOnSamples),
            Origin::Given { path, deviation, .. } => {
                if !deviation.is_nan() {
                    said.push(format!(
                        "in floating point the labels of {} differ from these by up to {deviation:.1e} of the largest",
                        path.display()
                    ));
                }
                deviation <= ROUNDING
            }
        };
        let [_, labels_in_array] = self.in_arrays;
        let mut labels = (0..self.samples.labels().nrows()).flat_map(|o| self.samples.labels().row(o));
        if near && labels_in_array && labels.any(|label| !label.denominator().is_one()) {
            said.push(
                "labels that were computed in floating point were rounded, as these may have been: nothing is claimed of them"
                    .to_string(),
            );
        }
        said
    }

    fn labels_are_constant(self) -> bool {
        let labels = self.samples.labels();
        (0..labels.nrows()).all(|o| labels.row(o).iter().all(|label| label == labels.get(o, 0)))
    }

    /// What can be said of samples of which nothing exact can.
    fn nearest(self, report: &Report) -> String {
        let written = if self.in_arrays == [true; 2] {
            "without --exact-arithmetic that network is written"
        } else {
            "that network is written from .npy files, without --exact-arithmetic"
        };
        format!("in floating point: {}, residual {:.1e}; {written}", report.verdict, report.residual)
    }
}
