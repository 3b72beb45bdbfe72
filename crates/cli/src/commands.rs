//! One module for each subcommand.

mod certify;
mod check_certificate;
mod diagnose;
mod generate;
mod hardness;
mod predict;
mod recover;
mod verify;

use crate::args::Command;

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
