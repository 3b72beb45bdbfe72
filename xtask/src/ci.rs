//! The gate.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::{Outcome, cargo_in, succeeds, tidy};

pub const HELP: &str = "\
The gate, the same here and on every other machine. Stops at the first failure.

Usage: cargo xtask ci

  fmt     cargo fmt --all --check
  tidy    cargo xtask tidy
  clippy  cargo clippy --workspace --all-targets -- -D warnings
  doc     cargo doc --workspace --no-deps, with RUSTDOCFLAGS=\"-D warnings\"
  test    cargo test --workspace
  bench   cargo test -p orthant-benches --benches: each benchmark once, for what it asserts

Needs Rust with the components rustfmt and clippy, and nothing else.
Exit codes: 0 all passed, 1 a step failed, 2 bad usage.";

/// One step: its name and what it runs. The cheap ones come first.
type Step = (&'static str, fn(&Path) -> bool);

const STEPS: [Step; 6] = [
    ("fmt", |root| succeeds(&mut cargo_in(root, &["fmt", "--all", "--check"]))),
    ("tidy", tidy::passes),
    ("clippy", |root| {
        let arguments = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        succeeds(&mut cargo_in(root, &arguments))
    }),
    ("doc", |root| {
        succeeds(cargo_in(root, &["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
    }),
    ("test", |root| succeeds(&mut cargo_in(root, &["test", "--workspace"]))),
    ("bench", |root| succeeds(&mut cargo_in(root, &["test", "-p", "orthant-benches", "--benches"]))),
];

pub fn run(root: &Path, options: &[String]) -> Outcome {
    if let Some(option) = options.first() {
        return Outcome::Usage(format!("ci takes no option {option:?}"));
    }
    for (tool, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if !is_installed(&mut cargo_in(root, &[tool, "--version"])) {
            eprintln!(
                "error: the component {component} is missing; `rustup component add {component}` installs it"
            );
            return Outcome::Failed;
        }
    }
    let start = Instant::now();
    for (name, step) in STEPS {
        println!("== {name}");
        let start = Instant::now();
        let passed = step(root);
        let verdict = if passed { "passed" } else { "FAILED" };
        println!("== {name} {verdict} after {:.1} s\n", start.elapsed().as_secs_f64());
        if !passed {
            return Outcome::Failed;
        }
    }
    println!("all {} steps passed after {:.1} s", STEPS.len(), start.elapsed().as_secs_f64());
    Outcome::Done
}

fn is_installed(version: &mut Command) -> bool {
    version.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
