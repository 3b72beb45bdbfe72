//! Development tasks of the workspace: `cargo xtask <task>`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod bench;
mod ci;
mod experiments;
mod peers;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
Development tasks of the workspace.

Usage: cargo xtask <TASK> [OPTIONS]

Tasks:
  ci           The gate: format, tidy, clippy, documentation, tests
  tidy         The rules of the house that no other tool checks
  experiments  Every claim of the paper measured, plotted and checked, with one report
  bench        Benchmarks; with --peers other programs beside ours

`cargo xtask <TASK> --help` says more.";

/// How a task ended.
enum Outcome {
    /// As it should: exit 0.
    Done,
    /// Something is wrong with the workspace: exit 1.
    Failed,
    /// Another program ran in its place and ended with this exit code.
    Code(u8),
    /// The command line makes no sense, for this reason: exit 2.
    Usage(String),
}

/// What runs a task, given the directory of the workspace and the options.
type Task = fn(&Path, &[String]) -> Outcome;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (task, options) = match arguments.split_first() {
        Some((task, options)) => (task.as_str(), options),
        None => ("", arguments.as_slice()),
    };
    let asks_for_help = options.iter().any(|option| option == "--help" || option == "-h");
    let (help, run): (&str, Task) = match task {
        "ci" => (ci::HELP, ci::run),
        "tidy" => (tidy::HELP, tidy::run),
        "bench" => (bench::HELP, bench::run),
        "experiments" => (experiments::HELP, experiments::run),
        "--help" | "-h" | "help" => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            let complaint =
                if task.is_empty() { "no task given".to_string() } else { format!("no task {task:?}") };
            eprintln!("error: {complaint}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if asks_for_help {
        println!("{help}");
        return ExitCode::SUCCESS;
    }
    match run(&root(), options) {
        Outcome::Done => ExitCode::SUCCESS,
        Outcome::Failed => ExitCode::FAILURE,
        Outcome::Code(code) => ExitCode::from(code),
        Outcome::Usage(complaint) => {
            eprintln!("error: {complaint}\n\n{help}");
            ExitCode::from(2)
        }
    }
}

/// The directory of the workspace.
fn root() -> PathBuf {
    // The variable is set by `cargo run`; the compiled-in value serves a binary that is started by hand.
    let own = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    own.parent().map_or(own.clone(), Path::to_path_buf)
}

/// The cargo that runs this program, in the directory of the workspace.
fn cargo_in(root: &Path, arguments: &[&str]) -> Command {
    let mut command = cargo(arguments);
    command.current_dir(root);
    command
}

/// The cargo that runs this program.
fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// Runs a command to its end and says whether it succeeded; a command that cannot be started is reported.
fn succeeds(command: &mut Command) -> bool {
    match command.status() {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("error: cannot run {}: {error}", command.get_program().to_string_lossy());
            false
        }
    }
}
