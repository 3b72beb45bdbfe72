//! One module for each subcommand.

mod certify;
mod check_certificate;
mod diagnose;
mod generate;
mod hardness;
mod predict;
mod recover;
mod verify;

use std::io::Write;

use crate::args::{Command, Printing};
use crate::console::{self, Console};
use crate::output::{Batch, Target};
use crate::report;

/// How a command that ran to its end came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done, recovered, equivalent, certified: exit code 0.
    Positive,
    /// Not recovered, not equivalent, not certified: exit code 1.
    Negative,
}

/// Runs a subcommand.
///
/// # Errors
/// One line about bad usage or bad input; no output file has been touched then.
pub fn run(command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Recover(args) => recover::run(&args),
        Command::Certify(args) => certify::run(&args),
        Command::CheckCertificate(args) => check_certificate::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Generate(args) => generate::run(&args),
        Command::Diagnose(args) => diagnose::run(&args),
        Command::Hardness(args) => hardness::run(&args.command),
    }
}

/// Ends a command that reports: the report is written and printed, the files of the batch appear, and the summary is said with their names.
fn conclude(
    mut batch: Batch,
    report: Option<&Target>,
    json: &str,
    mut summary: String,
    printing: Printing,
) -> anyhow::Result<()> {
    if let Some(target) = report {
        batch.stage(target, |to: &mut dyn Write| writeln!(to, "{json}"))?;
    }
    // Before the files appear: a reader that is gone is an error, and errors leave no file.
    if printing.json {
        console::print(json)?;
    }
    report::line(&mut summary, "written", &batch.names());
    if let Some(removed) = batch.removed() {
        report::paragraph(&mut summary, "removed", &format!("{removed}, which belonged to an earlier run"));
    }
    batch.commit()?;
    if !printing.json {
        Console::from(printing).say(&summary);
    }
    Ok(())
}
