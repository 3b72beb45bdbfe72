//! The experiments, built for release and run where the command was typed.

use std::path::Path;

use crate::{Outcome, cargo};

pub const HELP: &str = include_str!("../../crates/experiments/help.txt").trim_ascii_end();

pub fn run(root: &Path, options: &[String]) -> Outcome {
    // The program below stops by itself, and this one waits for it.
    if let Err(error) = ctrlc::set_handler(|| {}) {
        eprintln!("error: cannot catch Ctrl-C: {error}");
        return Outcome::Failed;
    }
    let manifest = root.join("Cargo.toml");
    let mut command = cargo(&["run", "--quiet", "--release", "--package", "orthant-experiments"]);
    command.arg("--manifest-path").arg(manifest).arg("--").args(options);
    match command.status() {
        // Without a code a signal ended it.
        Ok(status) => Outcome::Code(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        Err(error) => {
            eprintln!("error: cannot run cargo: {error}");
            Outcome::Failed
        }
    }
}
