//! Benchmarks, ours and side by side with other programs.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Outcome, cargo_in, succeeds};

pub const HELP: &str = "\
Runs the benchmarks of benches/ and prints their tables, about an hour in all.

Usage: cargo xtask bench [--peers] [FILTER]

  FILTER   Only benchmarks whose id matches this regular expression
  --peers  Afterwards run lbfgs.py, moments.py, noise.py and rpca.py of benches/peers: side by side
           with SciPy's L-BFGS, scikit-learn's FastICA, tensorly's power iteration and pyrpca;
           needs python3 with numpy and scipy (and the packages named, for their scripts), and is
           skipped without

Exit codes: 0 all ran, 1 one failed, 2 bad usage.";

#[derive(Debug, PartialEq, Eq)]
struct Request {
    peers: bool,
    filter: Option<String>,
}

pub fn run(root: &Path, options: &[String]) -> Outcome {
    let request = match parse(options) {
        Ok(request) => request,
        Err(complaint) => return Outcome::Usage(complaint),
    };
    let mut arguments = vec!["bench", "--package", "orthant-benches"];
    if let Some(filter) = &request.filter {
        arguments.extend(["--", filter]);
    }
    if !succeeds(&mut cargo_in(root, &arguments)) {
        return Outcome::Failed;
    }
    if request.peers && !peers(root) {
        return Outcome::Failed;
    }
    Outcome::Done
}

fn parse(options: &[String]) -> Result<Request, String> {
    let mut request = Request { peers: false, filter: None };
    for option in options {
        if option == "--peers" {
            request.peers = true;
        } else if option.starts_with('-') {
            return Err(format!("bench has no option {option:?}"));
        } else if request.filter.replace(option.clone()).is_some() {
            return Err("bench takes one filter".to_string());
        }
    }
    Ok(request)
}

fn peers(root: &Path) -> bool {
    let mut probe = Command::new("python3");
    probe.args(["-c", "import numpy, scipy"]).stdout(Stdio::null()).stderr(Stdio::null());
    if !probe.status().is_ok_and(|status| status.success()) {
        println!("peers: skipped, there is no python3 with numpy and scipy");
        return true;
    }
    succeeds(&mut cargo_in(root, &["build", "--release", "--package", "orthant-cli"]))
        && [
            "benches/peers/lbfgs.py",
            "benches/peers/moments.py",
            "benches/peers/noise.py",
            "benches/peers/rpca.py",
        ]
        .iter()
        .all(|script| succeeds(Command::new("python3").arg(script).current_dir(root)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(options: &[&str]) -> Result<Request, String> {
        parse(&options.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn options_come_in_any_order() {
        let both = Request { peers: true, filter: Some("lift".to_string()) };
        assert_eq!(parsed(&[]), Ok(Request { peers: false, filter: None }));
        assert_eq!(parsed(&["--peers", "lift"]).as_ref(), Ok(&both));
        assert_eq!(parsed(&["lift", "--peers"]).as_ref(), Ok(&both));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert_eq!(parsed(&["--fast"]), Err("bench has no option \"--fast\"".to_string()));
        assert_eq!(parsed(&["lift", "cone"]), Err("bench takes one filter".to_string()));
    }
}
