//! Benchmarks, tables of success rates, and the comparison with other programs.

use std::path::Path;

use crate::{Outcome, cargo_in, peers, succeeds};

pub const HELP: &str = "\
Runs the benchmarks of benches/, about ten minutes in all.

Usage: cargo xtask bench [FILTER]
       cargo xtask bench --tables [FILTER]
       cargo xtask bench --peers [FILTER]

  FILTER    Only benchmarks whose id matches this regular expression; with --tables, rows that
            contain this text; with --peers, scripts of benches/peers whose name does
  --tables  Success rates and accuracy over fixed seeds instead of timings: of the methods, on hard
            instances, and of noisy labels beside the oracle; about an hour in all
  --peers   The same problems solved by other programs instead, in one table: SciPy's L-BFGS,
            scikit-learn's FastICA, tensorly's power iteration and pyrpca; about five minutes.
            Needs python3 with numpy and scipy; a peer that is not installed is skipped, and its
            row says what to install

Exit codes: 0 all ran (a skipped peer is no failure), 1 one failed, 2 bad usage.";

/// Targets of benches/Cargo.toml that criterion times.
const TIMED: [&str; 9] =
    ["cells", "instances", "kernels", "linalg", "methods", "moments", "noise", "recoveries", "tensor"];

/// Those that print tables of their own.
const TABLES: [&str; 3] = ["estimators", "hardness", "oracle"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Timings,
    Tables,
    Peers,
}

#[derive(Debug, PartialEq, Eq)]
struct Request {
    what: What,
    filter: Option<String>,
}

pub fn run(root: &Path, options: &[String]) -> Outcome {
    let request = match parse(options) {
        Ok(request) => request,
        Err(complaint) => return Outcome::Usage(complaint),
    };
    let filter = request.filter.as_deref();
    let passed = match request.what {
        What::Timings => targets(root, &TIMED, filter),
        What::Tables => targets(root, &TABLES, filter),
        What::Peers => peers::run(root, filter.unwrap_or_default()),
    };
    if passed { Outcome::Done } else { Outcome::Failed }
}

fn parse(options: &[String]) -> Result<Request, String> {
    let mut request = Request { what: What::Timings, filter: None };
    for option in options {
        let what = match option.as_str() {
            "--peers" => What::Peers,
            "--tables" => What::Tables,
            _ if option.starts_with('-') => return Err(format!("bench has no option {option:?}")),
            _ if request.filter.is_some() => return Err("bench takes one filter".to_string()),
            _ => {
                request.filter = Some(option.clone());
                continue;
            }
        };
        if ![What::Timings, what].contains(&request.what) {
            return Err("--tables and --peers exclude each other".to_string());
        }
        request.what = what;
    }
    Ok(request)
}

fn targets(root: &Path, names: &[&str], filter: Option<&str>) -> bool {
    let mut arguments = vec!["bench", "--package", "orthant-benches"];
    for name in names {
        arguments.extend(["--bench", name]);
    }
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
        let request = |what, filter: Option<&str>| Ok(Request { what, filter: filter.map(str::to_string) });
        assert_eq!(parsed(&[]), request(What::Timings, None));
        assert_eq!(parsed(&["lift"]), request(What::Timings, Some("lift")));
        assert_eq!(parsed(&["--peers", "rpca"]), request(What::Peers, Some("rpca")));
        assert_eq!(parsed(&["rpca", "--peers"]), request(What::Peers, Some("rpca")));
        assert_eq!(parsed(&["--tables"]), request(What::Tables, None));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert_eq!(parsed(&["--fast"]), Err("bench has no option \"--fast\"".to_string()));
        assert_eq!(parsed(&["lift", "cone"]), Err("bench takes one filter".to_string()));
        let both = Err("--tables and --peers exclude each other".to_string());
        assert_eq!(parsed(&["--tables", "--peers"]), both);
        assert_eq!(parsed(&["--peers", "--tables"]), both);
    }

    #[test]
    fn every_benchmark_is_run() {
        let manifest = include_str!("../../benches/Cargo.toml");
        let sections = manifest.split("[[bench]]").skip(1);
        let mut named: Vec<&str> =
            sections.map(|section| section.split('"').nth(1).expect("a benchmark has a name")).collect();
        named.sort_unstable();
        let mut run = [TIMED.as_slice(), &TABLES].concat();
        run.sort_unstable();
        assert_eq!(named, run);
    }
}
