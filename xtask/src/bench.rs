//! Benchmarks, and the comparison with other programs.

use std::path::Path;

use crate::{Outcome, cargo_in, peers, succeeds};

pub const HELP: &str = "\
Runs the benchmarks of benches/: every kernel and entry point. For success rates see experiments.

Usage: cargo xtask bench [FILTER]
       cargo xtask bench --peers [FILTER]

  FILTER    Only benchmarks whose id matches this regular expression; with --peers, scripts of
            benches/peers whose name contains this text
  --peers   The same problems solved by other programs instead, in one table: SciPy's L-BFGS,
            scikit-learn's FastICA, tensorly's power iteration and pyrpca; about five minutes.
            Needs python3 with numpy and scipy; a peer that is not installed is skipped, and its
            row says what to install

Exit codes: 0 all ran (a skipped peer is no failure), 1 one failed, 2 bad usage.";

#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    peers: bool,
    filter: Option<String>,
}

pub fn run(root: &Path, options: &[String]) -> Outcome {
    let request = match parse(options) {
        Ok(request) => request,
        Err(complaint) => return Outcome::Usage(complaint),
    };
    let filter = request.filter.as_deref();
    let passed =
        if request.peers { peers::run(root, filter.unwrap_or_default()) } else { timings(root, filter) };
    if passed { Outcome::Done } else { Outcome::Failed }
}

fn parse(options: &[String]) -> Result<Request, String> {
    let mut request = Request::default();
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

fn timings(root: &Path, filter: Option<&str>) -> bool {
    let mut arguments = vec!["bench", "--package", "orthant-benches", "--benches"];
    if let Some(filter) = filter {
        arguments.extend(["--", filter]);
    }
    succeeds(&mut cargo_in(root, &arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(options: &[&str]) -> Result<Request, String> {
        parse(&options.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn options_come_in_any_order() {
        let request = |peers, filter: Option<&str>| Ok(Request { peers, filter: filter.map(str::to_string) });
        assert_eq!(parsed(&[]), request(false, None));
        assert_eq!(parsed(&["lift"]), request(false, Some("lift")));
        assert_eq!(parsed(&["--peers", "rpca"]), request(true, Some("rpca")));
        assert_eq!(parsed(&["rpca", "--peers"]), request(true, Some("rpca")));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert_eq!(parsed(&["--fast"]), Err("bench has no option \"--fast\"".to_string()));
        assert_eq!(parsed(&["lift", "cone"]), Err("bench takes one filter".to_string()));
    }
}
