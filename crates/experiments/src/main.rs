//! Runs the experiments: `cargo xtask experiments`.

#![expect(clippy::print_stderr, reason = "a program for the terminal")]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use clap::Parser;

use orthant_experiments::experiment::{Effort, Experiment, Plan};
use orthant_experiments::progress::{Progress, duration};
use orthant_experiments::report::{Report, Section};
use orthant_experiments::runner::Runner;
use orthant_experiments::store::Store;
use orthant_experiments::{catalogue, page, provenance, svg};

/// The options, as in help.txt.
#[derive(Debug, Parser)]
#[command(
    bin_name = "cargo xtask experiments",
    override_usage = "cargo xtask experiments [OPTIONS]",
    override_help = include_str!("../help.txt")
)]
struct Options {
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    only: Vec<String>,
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    #[arg(long)]
    full: bool,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[arg(long)]
    resume: bool,
    #[arg(long)]
    list: bool,
}

/// How a run ended.
enum Ending {
    Holds,
    /// The claims that do not.
    Fails(Vec<String>),
    Stopped,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.list {
        for experiment in catalogue::all() {
            let about = experiment.about();
            say(&format!("{:<18} {} ({})", about.name, about.title, about.source));
        }
        return ExitCode::SUCCESS;
    }
    let chosen = match choose(&options.only) {
        Ok(chosen) => chosen,
        Err(complaint) => {
            eprintln!("error: {complaint}");
            return ExitCode::from(2);
        }
    };
    let plan = Plan { effort: if options.full { Effort::Full } else { Effort::Quick }, seed: options.seed };
    let folder = options.out.unwrap_or_else(|| provenance::root().join("report"));
    let store = match Store::open(&folder, &plan) {
        Ok(store) => store,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::from(2);
        }
    };
    match run(&chosen, plan, &store, options.resume) {
        Ok(Ending::Holds) => ExitCode::SUCCESS,
        Ok(Ending::Fails(claims)) => {
            for claim in claims {
                eprintln!("error: {claim}");
            }
            ExitCode::FAILURE
        }
        Ok(Ending::Stopped) => {
            eprintln!("stopped; the same command with --resume goes on");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A line on standard output; nothing where nobody reads it.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The experiments of these names, in the order of the catalogue; all without names.
fn choose(names: &[String]) -> Result<Vec<&'static dyn Experiment>, String> {
    let all = catalogue::all();
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|other| other.about().name != **name)) {
        let known: Vec<&str> = all.iter().map(|experiment| experiment.about().name).collect();
        return Err(format!("there is no experiment {unknown:?}; there are {}", known.join(", ")));
    }
    let is_chosen = |name: &str| names.is_empty() || names.iter().any(|other| other == name);
    Ok(all.into_iter().filter(|experiment| is_chosen(experiment.about().name)).collect())
}

fn run(
    chosen: &[&'static dyn Experiment],
    plan: Plan,
    store: &Store,
    resume: bool,
) -> anyhow::Result<Ending> {
    static STOP: AtomicBool = AtomicBool::new(false);
    ctrlc::set_handler(|| {
        // The second time at once: rows that are written stay.
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })
    .context("cannot catch Ctrl-C")?;
    let provenance = provenance::of_this_run(&plan);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let runner = Runner { plan, store, provenance: &provenance, workers, resume, stop: &STOP };
    if resume && provenance.revision.ends_with("-dirty") {
        eprintln!("note: files differ from the commit; rows measured before the last edit are kept, too");
    }
    // The page needs all rows in the folder: damaged ones are found before hours of measurements.
    let is_chosen = |name: &str| chosen.iter().any(|experiment| experiment.about().name == name);
    for name in catalogue::all().iter().map(|experiment| experiment.about().name) {
        if !is_chosen(name) {
            store.rows(name)?;
        }
    }
    let mut cost = 0.0;
    for experiment in chosen {
        let tasks = experiment.tasks(&plan);
        let kept: f64 = runner.kept(*experiment, &tasks)?.iter().map(|(i, _)| tasks[*i].cost).sum();
        cost += tasks.iter().map(|task| task.cost).sum::<f64>() - kept;
    }
    let start = std::time::Instant::now();
    let mut progress = Progress::new(cost, workers);
    let mut failing = Vec::new();
    let (mut count, mut holding) = (0, 0);
    for experiment in chosen {
        let measured = runner.run(*experiment, &mut progress)?;
        if STOP.load(Ordering::Relaxed) {
            break;
        }
        let name = experiment.about().name;
        failing.extend(summary(measured.failures));
        for check in experiment.present(&measured.rows, &plan).checks {
            count += 1;
            holding += usize::from(check.holds);
            if !check.holds {
                failing
                    .push(format!("{name}/{}: asked {}, reached {}", check.name, check.asked, check.reached));
            }
        }
    }
    progress.clear();
    let report = report(plan, store, provenance)?;
    let path = write(&report, store)?;
    say(&format!(
        "report      {} ({} of {} experiments)",
        path.display(),
        report.sections.len(),
        catalogue::all().len()
    ));
    if STOP.load(Ordering::Relaxed) {
        return Ok(Ending::Stopped);
    }
    say(&format!("checks      {holding} of {count} hold, after {}", duration(start.elapsed().as_secs_f64())));
    Ok(if failing.is_empty() { Ending::Holds } else { Ending::Fails(failing) })
}

/// One line for the measurements of an experiment that failed: the first of them, and how many more there are.
fn summary(failures: Vec<String>) -> Option<String> {
    let more = failures.len().checked_sub(1)?;
    let first = failures.into_iter().next()?;
    Some(if more == 0 { first } else { format!("{first}; and {more} more") })
}

/// The report on all rows in the folder.
fn report(
    plan: Plan,
    store: &Store,
    provenance: orthant_experiments::record::Provenance,
) -> anyhow::Result<Report> {
    let mut sections = Vec::new();
    for experiment in catalogue::all() {
        let about = experiment.about();
        let rows = store.rows(about.name)?;
        if rows.is_empty() {
            continue;
        }
        let mut revisions: Vec<String> = rows.iter().map(|row| row.provenance.revision.clone()).collect();
        revisions.sort_unstable();
        revisions.dedup();
        sections.push(Section {
            about,
            presentation: experiment.present(&rows, &plan),
            rows: rows.len(),
            planned: experiment.tasks(&plan).len(),
            command: provenance::command(Some(about.name), &plan),
            revisions,
        });
    }
    Ok(Report { plan, provenance, sections })
}

/// Writes the figures and the page, and says where the page is.
fn write(report: &Report, store: &Store) -> anyhow::Result<PathBuf> {
    for section in &report.sections {
        for figure in &section.presentation.figures {
            if let Some(drawing) = svg::draw(figure) {
                store.write(&format!("figures/{}.svg", figure.heading().id), &drawing)?;
            }
        }
    }
    store.write("index.html", &page::render(report))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_those_of_the_help() {
        use clap::CommandFactory;
        Options::command().debug_assert();
        let help = include_str!("../help.txt");
        for argument in Options::command().get_arguments() {
            let name = argument.get_long().expect("options have names");
            assert!(help.contains(&format!("--{name}")), "{name}");
        }
    }

    #[test]
    fn names_choose_in_the_order_of_the_catalogue() {
        assert_eq!(choose(&[]).expect("all").len(), catalogue::all().len());
        let one = choose(&["order-three".to_string()]).expect("one");
        assert_eq!(one.len(), 1);
        let refusal = choose(&["order-four".to_string()]).err().expect("unknown");
        assert!(refusal.starts_with("there is no experiment \"order-four\"; there are "));
    }
}
