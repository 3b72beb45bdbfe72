//! The report on weights that are fractions.

use orthant::certificate::{Certificate, Class};
use orthant::exact::rational::ExactError;
use orthant::{Report, Verdict};
use serde::Serialize;

use super::exact::ExactReport;
use super::{Run, paragraph};
use crate::console;

/// What came of recovery or certification with zero error.
#[derive(Debug, Clone, Copy)]
pub struct RationalFinding<'a> {
    /// The certificate, or why there is none.
    pub certificate: Result<&'a Certificate, &'a ExactError>,
    /// What recovery said of the nearest floating-point samples, unless the network was given.
    pub near: Option<&'a Report>,
}

/// The JSON report. Keys appear in the order of the fields.
#[derive(Debug, Serialize)]
struct RationalReport<'a> {
    verdict: &'static str,
    reason: Option<String>,
    claim: Option<String>,
    statement: Option<&'a str>,
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

impl RationalFinding<'_> {
    /// The report in JSON.
    ///
    /// # Errors
    /// When the serialiser refuses, which for these types it does not.
    pub fn json(self, run: Run) -> anyhow::Result<String> {
        let certificate = self.certificate.ok();
        let class = certificate.map(|certificate| certificate.class);
        console::to_json(&RationalReport {
            verdict: self.verdict(),
            reason: self.certificate.err().map(ToString::to_string),
            claim: certificate.map(|certificate| certificate.claim().to_string()),
            statement: certificate.map(|certificate| certificate.statement.as_str()),
            n: run.n,
            d: run.d,
            m: run.m,
            width: certificate.map(|certificate| certificate.network.k()),
            hidden_biases: class.map(|class: Class| class.hidden_biases),
            output_biases: class.map(|class: Class| class.output_biases),
            weight_bits: certificate.map(|certificate| certificate.network.bits()),
            samples_sha256: certificate.map(|certificate| certificate.samples.sha256.as_str()),
            seconds: run.seconds,
            floating_point: self.near.map(|report| ExactReport::new(report, run)),
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
            }
            Err(error) => {
                line("reason", &error.to_string());
                // Labels that no network has to rounding are not those of one, rounded.
                let fits = self
                    .near
                    .is_none_or(|report| matches!(report.verdict, Verdict::Exact | Verdict::ExactOnSamples));
                if fits && matches!(error, ExactError::NotExact { .. }) {
                    line(
                        "",
                        "labels that were computed in floating point were rounded: nothing is claimed of them",
                    );
                }
            }
        }
        line("samples", &format!("{} with {} inputs and {} outputs", run.n, run.d, run.m));
        if let Ok(Certificate { network, .. }) = self.certificate {
            line("width", &network.k().to_string());
            let bits = network.bits();
            line("weights", &format!("fractions, numerators and denominators of at most {bits} bits"));
        }
        let nothing = matches!(self.certificate, Err(ExactError::NotFound { .. }));
        if let (Err(_), Some(report), false) = (self.certificate, self.near, nothing) {
            line("nearest", &nearest(report));
        }
        match self.near {
            Some(report) => {
                let fractions = if nothing { "" } else { " then fractions," };
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

    fn verdict(self) -> &'static str {
        match self.certificate {
            Ok(_) => "exact (rational)",
            Err(ExactError::NotExact { .. }) => "not exact",
            Err(ExactError::Undetermined(_) | ExactError::FewOutputs { .. }) => "not determined",
            Err(_) => "not recovered",
        }
    }
}

/// What can be said of samples of which nothing exact can.
fn nearest(report: &Report) -> String {
    format!(
        "in floating point: {}, residual {:.1e}; without --exact-arithmetic that network is written",
        report.verdict, report.residual
    )
}
