//! `orthant check-certificate`: what a certificate shows of samples, with nothing but the checker.

use std::time::Instant;

use anyhow::anyhow;
use orthant::certificate::{Certificate, CheckError, Claim, check};
use serde::Serialize;

use super::Outcome;
use crate::args::CheckCertificateArgs;
use crate::console;
use crate::exact_samples;
use crate::report;
use crate::text_file;

/// The largest certificate that is read, in bytes: some hundred thousand weights of a hundred digits.
const MAX_BYTES: u64 = 32 << 20;

/// Runs the command.
///
/// # Errors
/// One line about files that cannot be read.
pub fn run(args: &CheckCertificateArgs) -> anyhow::Result<Outcome> {
    let text = text_file::read(&args.certificate, MAX_BYTES)?;
    let certificate = Certificate::from_json(&text).map_err(|error| {
        let (path, why) = (args.certificate.display(), text_file::shortened(&error.to_string()));
        anyhow!("{path}: is not a certificate that this program reads: {why}")
    })?;
    let samples = exact_samples::read(&args.samples.inputs, &args.samples.labels)?;
    let started = Instant::now();
    let result = check(&certificate, &samples);
    let finding = Finding::new(&certificate, result, started.elapsed().as_secs_f64());
    console::tell(args.printing, &finding, &finding.text())?;
    Ok(if finding.valid { Outcome::Positive } else { Outcome::Negative })
}

/// What came of the check.
#[derive(Debug, Serialize)]
struct Finding<'a> {
    valid: bool,
    /// What is shown.
    claim: Option<String>,
    /// The same in words.
    statement: Option<&'a str>,
    /// What the file claims, shown or not.
    claimed: String,
    /// Why it is not shown.
    reason: Option<String>,
    n: usize,
    d: usize,
    m: usize,
    width: usize,
    seconds: f64,
}

impl<'a> Finding<'a> {
    fn new(certificate: &'a Certificate, result: Result<Claim, CheckError>, seconds: f64) -> Finding<'a> {
        Finding {
            valid: result.is_ok(),
            claim: result.as_ref().ok().map(ToString::to_string),
            statement: result.is_ok().then_some(&certificate.statement),
            claimed: certificate.claim().to_string(),
            reason: result.err().map(|error| error.to_string()),
            n: certificate.samples.count,
            d: certificate.samples.inputs,
            m: certificate.samples.outputs,
            width: certificate.network.k(),
            seconds,
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| report::paragraph(&mut text, name, value);
        line("certificate", if self.valid { "valid" } else { "not valid" });
        match (&self.claim, &self.reason) {
            (Some(claim), _) => line("claim", claim),
            (None, reason) => {
                line("claimed", &format!("{}, which is not shown", self.claimed));
                line("reason", reason.as_deref().unwrap_or_default());
            }
        }
        if let Some(statement) = self.statement {
            line("statement", statement);
        }
        line("samples", &report::sizes(self.n, self.d, self.m));
        line("width", &self.width.to_string());
        line("time", &format!("{:.2} s", self.seconds));
        text
    }
}
