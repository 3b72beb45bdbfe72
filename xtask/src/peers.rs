//! Other programs beside ours, in one table.
//!
//! Each script of `benches/peers` solves its problems with both sides and prints a line of JSON for each row. What a script cannot
//! say itself, because it failed, hangs or is not understood, becomes a row that says so.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::{cargo_in, succeeds};

const SCRIPTS: [&str; 4] = ["lbfgs.py", "moments.py", "noise.py", "rpca.py"];

/// Several times what a script takes on two cores.
const TIME: Duration = Duration::from_secs(900);

/// What a script says about one problem.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Row {
    Compared {
        problem: String,
        size: String,
        criterion: String,
        ours: Side,
        peer: Side,
    },
    Skipped {
        problem: String,
        peer: String,
        needs: String,
    },
    // Not in the output of scripts: it has no name there that a line of JSON could match.
    #[serde(skip)]
    Failed {
        script: String,
        why: String,
    },
}

/// One program on all seeds of a problem.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Side {
    /// Program and method, with the version of a peer.
    name: String,
    /// Of the processor; the median over the seeds.
    seconds: f64,
    succeeded: usize,
    runs: usize,
}

/// Runs the scripts whose name contains `filter`, prints their rows in one table, and says whether none failed.
pub fn run(root: &Path, filter: &str) -> bool {
    let packages = ["--package", "orthant-cli", "--package", "orthant-benches"];
    if !succeeds(cargo_in(root, &["build", "--release"]).args(packages)) {
        return false;
    }
    let mut rows = Vec::new();
    let start = Instant::now();
    for script in SCRIPTS.into_iter().filter(|script| script.contains(filter)) {
        eprintln!("{script} ...");
        let mut command = Command::new("python3");
        command.arg(root.join("benches/peers").join(script)).arg("--json").current_dir(root);
        rows.extend(collect(script, &mut command, TIME));
    }
    if rows.is_empty() {
        eprintln!("error: no script of benches/peers contains {filter:?}: {}", SCRIPTS.join(", "));
        return false;
    }
    println!("{}", machine(root));
    print!("{}", table(&rows));
    println!("{:.0} s in all", start.elapsed().as_secs_f64());
    !rows.iter().any(|row| matches!(row, Row::Failed { .. }))
}

/// The rows that a script prints before the time is over.
fn collect(script: &str, command: &mut Command, time: Duration) -> Vec<Row> {
    let failed = |why: String| Row::Failed { script: script.to_string(), why };
    let mut child = match command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return vec![Row::Skipped {
                problem: script.to_string(),
                peer: "every peer".to_string(),
                needs: command.get_program().to_string_lossy().into_owned(),
            }];
        }
        Err(error) => return vec![failed(format!("cannot be started: {error}"))],
    };
    let (lines, received) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                // Nobody listens any more when the time is over.
                if lines.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    break;
                }
            }
        });
    }
    let complaints = child.stderr.take().map(|mut stderr| {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            // What was read before an error is all that there is to tell.
            let _ = stderr.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        })
    });
    let (start, mut rows) = (Instant::now(), Vec::new());
    loop {
        match received.recv_timeout(time.saturating_sub(start.elapsed())) {
            Ok(line) if line.trim().is_empty() => {}
            Ok(line) => rows.push(serde_json::from_str(&line).unwrap_or_else(|error| {
                failed(format!("prints {:?}, which is no row: {error}", shortened(&line)))
            })),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                // It may have ended in this moment, which is as good.
                let _ = child.kill();
                let _ = child.wait();
                rows.push(failed(format!("stopped after {} s", time.as_secs())));
                return rows;
            }
        }
    }
    let said = complaints.and_then(|reader| reader.join().ok()).unwrap_or_default();
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("without a message");
    match child.wait() {
        Ok(status) if !status.success() => rows.push(failed(format!("{status}: {last}"))),
        Ok(_) if rows.is_empty() => rows.push(failed("prints nothing".to_string())),
        Ok(_) => {}
        Err(error) => rows.push(failed(error.to_string())),
    }
    rows
}

fn shortened(line: &str) -> String {
    line.chars().take(60).collect()
}

/// How many times longer the peer took. Its time bought less where it succeeded less often, and there is nothing to compare where we did.
fn ratio(ours: &Side, peer: &Side) -> String {
    // Successes may be out of different numbers of runs: cross-multiplied shares.
    let share = |side: &Side, other: &Side| side.succeeded as u128 * other.runs as u128;
    let (first, second) = (share(ours, peer), share(peer, ours));
    if first == 0 || first < second {
        return "-".to_string();
    }
    let bound = if second < first { "> " } else { "" };
    format!("{bound}{:.2}", peer.seconds / ours.seconds)
}

fn table(rows: &[Row]) -> String {
    let head = ["problem", "size", "success", "ours", "s", "", "peer", "s", "", "peer s / ours s"];
    let mut cells = vec![head.map(str::to_string)];
    let mut others = String::new();
    for row in rows {
        // A string has no error to give.
        let _ = match row {
            Row::Compared { problem, size, criterion, ours, peer } => {
                let seconds = |side: &Side| format!("{:.3}", side.seconds);
                let successes = |side: &Side| format!("{}/{}", side.succeeded, side.runs);
                cells.push([
                    problem.clone(),
                    size.clone(),
                    criterion.clone(),
                    ours.name.clone(),
                    seconds(ours),
                    successes(ours),
                    peer.name.clone(),
                    seconds(peer),
                    successes(peer),
                    ratio(ours, peer),
                ]);
                Ok(())
            }
            Row::Skipped { problem, peer, needs } if needs == "python3" => {
                writeln!(others, "{problem}: {peer} skipped: needs python3")
            }
            Row::Skipped { problem, peer, needs } => {
                writeln!(others, "{problem}: {peer} skipped: needs {needs} (pip install {needs})")
            }
            Row::Failed { script, why } => writeln!(others, "{script}: FAILED: {why}"),
        };
    }
    let mut text = String::new();
    if cells.len() > 1 {
        let width = |j: usize| cells.iter().map(|row| row[j].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..head.len()).map(width).collect();
        for row in &cells {
            let mut line = String::new();
            for (j, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                let number = [4, 5, 7, 8, 9].contains(&j);
                let _ = if number { write!(line, "{cell:>width$}") } else { write!(line, "{cell:<width$}") };
                line.push_str(if [2, 5, 8].contains(&j) { " | " } else { "  " });
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text.push_str(
            "s: seconds of the processor, median over the seeds; both sides have the same files and one thread. \
             > before a ratio: the peer succeeded less often; - : we did, or neither succeeded.\n",
        );
    }
    text + &others
}

/// What the seconds depend on: machine, revision, compiler and interpreter.
fn machine(root: &Path) -> String {
    let said = |program: &str, arguments: &[&str]| {
        let ended = Command::new(program).args(arguments).current_dir(root).stderr(Stdio::null()).output();
        let text = ended.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string());
        text.ok().filter(|text| !text.is_empty()).unwrap_or_else(|| format!("{program} unknown"))
    };
    let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = information.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{}, {cores} cores; revision {}; {}; {}",
        model.map_or("processor unknown", |(_, model)| model),
        said("git", &["describe", "--always", "--dirty"]),
        said("rustc", &["--version"]),
        said("python3", &["--version"]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(seconds: f64, succeeded: usize) -> Side {
        Side { name: "a".to_string(), seconds, succeeded, runs: 5 }
    }

    const ROW: &str = r#"{"problem": "p", "size": "n=1", "criterion": "error <= 1",
        "ours": {"name": "a", "seconds": 1, "succeeded": 5, "runs": 5},
        "peer": {"name": "a", "seconds": 2.0, "succeeded": 4, "runs": 5}}"#;

    fn compared() -> Row {
        let (problem, size, criterion) = ("p".to_string(), "n=1".to_string(), "error <= 1".to_string());
        Row::Compared { problem, size, criterion, ours: side(1.0, 5), peer: side(2.0, 4) }
    }

    fn shell(script: &str, time: Duration) -> Vec<Row> {
        collect("s.py", Command::new("sh").args(["-c", script]), time)
    }

    fn why(rows: &[Row]) -> Vec<&str> {
        rows.iter().map(|row| if let Row::Failed { why, .. } = row { why.as_str() } else { "" }).collect()
    }

    #[test]
    fn rows_are_read() {
        let lines = ROW.replace('\n', "");
        let skipped = r#"{"problem": "p", "peer": "x", "needs": "y z"}"#;
        let rows = shell(&format!("echo '{lines}'; echo; echo '{skipped}'"), TIME);
        let [problem, peer, needs] = ["p", "x", "y z"].map(str::to_string);
        assert_eq!(rows, [compared(), Row::Skipped { problem, peer, needs }]);
    }

    #[test]
    fn what_is_no_row_fails() {
        let rows =
            shell(r#"echo garbage; echo '{"script": "s", "why": "w"}'; echo '{"problem": "p"}'"#, TIME);
        assert_eq!(rows.len(), 3);
        for why in why(&rows) {
            assert!(why.contains("which is no row"), "{why:?}");
        }
    }

    #[test]
    fn a_script_that_fails_says_why_and_keeps_its_rows() {
        let rows = shell(&format!("echo '{}'; echo no such thing >&2; exit 3", ROW.replace('\n', "")), TIME);
        assert_eq!(rows[0], compared());
        assert!(why(&rows[1..])[0].ends_with(": 3: no such thing"), "{rows:?}");
        assert_eq!(why(&shell("exit 0", TIME)), ["prints nothing"]);
        let rows = collect("s.py", &mut Command::new("no-such-program"), TIME);
        assert!(matches!(&rows[..], [Row::Skipped { needs, .. }] if needs == "no-such-program"), "{rows:?}");
    }

    #[test]
    fn a_script_that_hangs_is_stopped() {
        let start = Instant::now();
        let rows = shell("echo; sleep 100", Duration::from_millis(200));
        assert_eq!(why(&rows), ["stopped after 0 s"]);
        assert!(start.elapsed() < Duration::from_secs(50));
    }

    #[test]
    fn ratios_are_claimed_for_equal_success_only() {
        assert_eq!(ratio(&side(2.0, 5), &side(3.0, 5)), "1.50");
        assert_eq!(ratio(&side(2.0, 5), &side(3.0, 4)), "> 1.50");
        assert_eq!(ratio(&side(2.0, 4), &side(3.0, 5)), "-");
        assert_eq!(ratio(&side(2.0, 0), &side(3.0, 0)), "-");
        assert_eq!(ratio(&side(2.0, 4), &Side { runs: 10, ..side(3.0, 8) }), "1.50");
    }

    #[test]
    fn every_row_is_in_the_table() {
        let [problem, peer, needs] = ["p", "x", "y z"].map(str::to_string);
        let failed = Row::Failed { script: "s.py".to_string(), why: "w".to_string() };
        let text = table(&[compared(), Row::Skipped { problem, peer, needs }, failed]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("problem  size"));
        assert!(
            lines[1].contains("5/5") && lines[1].contains("4/5") && lines[1].ends_with("> 2.00"),
            "{text}"
        );
        assert_eq!(lines[3..], ["p: x skipped: needs y z (pip install y z)", "s.py: FAILED: w"]);
    }

    #[test]
    fn every_script_is_run() {
        // What the scripts share, and what the experiments run.
        let others = ["common.py", "options.py", "fit.py"];
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/peers");
        let mut found: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder is there")
            .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
            .filter(|name| name.ends_with(".py") && !others.contains(&name.as_str()))
            .collect();
        found.sort_unstable();
        assert_eq!(found, SCRIPTS);
    }
}
