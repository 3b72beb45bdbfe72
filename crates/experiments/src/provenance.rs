//! Where rows come from: the revision, the machine and the command.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::experiment::{Effort, Plan};
use crate::record::Provenance;

/// The root of the workspace.
pub fn root() -> PathBuf {
    // Set by `cargo run`; the compiled-in value serves a program that is started by hand.
    let own = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    own.ancestors().nth(2).map(Path::to_path_buf).unwrap_or(own)
}

/// The command that regenerates an experiment, or, without a name, the whole run.
pub fn command(experiment: Option<&str>, plan: &Plan) -> String {
    let only = experiment.map(|name| format!(" --only {name}")).unwrap_or_default();
    let effort = match plan.effort {
        Effort::Quick => "--quick",
        Effort::Full => "--full",
    };
    format!("cargo xtask experiments{only} {effort} --seed {}", plan.seed)
}

/// Where the rows of this run come from, with the command of the whole run.
pub fn of_this_run(plan: &Plan) -> Provenance {
    Provenance { command: command(None, plan), revision: revision(&root()), machine: machine() }
}

/// The commit, with `-dirty` when tracked files differ from it; `unknown` outside of a repository.
fn revision(root: &Path) -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(root).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
    };
    match (git(&["rev-parse", "--short=12", "HEAD"]), git(&["status", "--porcelain", "--untracked-files=no"]))
    {
        (Some(commit), Some(changes)) if changes.is_empty() => commit,
        (Some(commit), _) => format!("{commit}-dirty"),
        (None, _) => "unknown".to_string(),
    }
}

/// Processor, number of hardware threads and system.
fn machine() -> String {
    let processor = std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_string())
        })
        .unwrap_or_else(|| "processor unknown".to_string());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{processor}, {threads} threads, {} {}", std::env::consts::OS, std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_say_everything() {
        let plan = Plan { effort: Effort::Full, seed: 12 };
        assert_eq!(command(Some("noise"), &plan), "cargo xtask experiments --only noise --full --seed 12");
        assert_eq!(command(None, &plan), "cargo xtask experiments --full --seed 12");
    }

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().join("crates/experiments/Cargo.toml").is_file());
        assert_eq!(revision(Path::new("/")), "unknown");
    }
}
