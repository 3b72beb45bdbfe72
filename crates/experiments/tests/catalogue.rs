//! What is asked of every experiment: names, tasks, figures, and the same rows whenever they are measured.

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;

use orthant_experiments::catalogue;
use orthant_experiments::claims::CLAIMS;
use orthant_experiments::experiment::{
    About, Context, Effort, Experiment, Outcome, Plan, Presentation, Task,
};
use orthant_experiments::progress::Progress;
use orthant_experiments::record::{Provenance, Record, Row};
use orthant_experiments::runner::{Measured, Runner};
use orthant_experiments::store::Store;

const QUICK: Plan = Plan { effort: Effort::Quick, seed: 1 };
const FULL: Plan = Plan { effort: Effort::Full, seed: 1 };

/// Experiments beyond the claims of the paper.
const EXTRA: [&str; 1] = ["real-networks"];

/// Some tasks of an experiment.
struct Slice {
    whole: &'static dyn Experiment,
    tasks: Vec<Task>,
}

impl Slice {
    /// The first, the middle and the last task that take at most a tenth of a second, or else the cheapest one.
    fn of(whole: &'static dyn Experiment) -> Slice {
        let mut tasks = whole.tasks(&QUICK);
        let least = tasks.iter().map(|task| task.cost).fold(f64::INFINITY, f64::min);
        tasks.retain(|task| task.cost <= least.max(0.1));
        let mut places = vec![0, tasks.len() / 2, tasks.len() - 1];
        places.truncate(if least > 0.1 { 1 } else { 3 });
        places.dedup();
        Slice { whole, tasks: places.iter().map(|&i| tasks[i].clone()).collect() }
    }
}

impl Experiment for Slice {
    fn about(&self) -> About {
        self.whole.about()
    }

    fn tasks(&self, _: &Plan) -> Vec<Task> {
        self.tasks.clone()
    }

    fn run(&self, task: &Task, context: &Context<'_>) -> anyhow::Result<Outcome> {
        self.whole.run(task, context)
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        self.whole.present(rows, plan)
    }

    fn is_timed(&self) -> bool {
        self.whole.is_timed()
    }
}

/// The rows of an experiment, measured in a folder of its own.
fn rows(experiment: &dyn Experiment, workers: usize) -> Vec<Row> {
    let folder = tempfile::tempdir().expect("a folder for the rows");
    let store = Store::open(&folder.path().join("run"), &QUICK).expect("it is empty");
    let provenance = Provenance {
        command: "cargo test".to_string(),
        revision: "none".to_string(),
        machine: "none".to_string(),
    };
    let stop = AtomicBool::new(false);
    let runner =
        Runner { plan: QUICK, store: &store, provenance: &provenance, workers, resume: false, stop: &stop };
    let Measured { rows, failures } =
        runner.run(experiment, &mut Progress::new(0.0, workers)).expect("written");
    assert!(failures.is_empty(), "{failures:?}");
    assert_eq!(store.rows(experiment.about().name).expect("written"), rows);
    rows
}

fn names(record: &Record) -> Vec<&str> {
    record.iter().map(|(name, _)| name).collect()
}

#[test]
fn names_are_unique_and_every_claim_has_its_experiments() {
    let all: Vec<About> = catalogue::all().iter().map(|experiment| experiment.about()).collect();
    let distinct: HashSet<&str> = all.iter().map(|about| about.name).collect();
    assert_eq!(distinct.len(), all.len());
    for about in &all {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(about.name.chars().all(plain), "{}", about.name);
        let serves = CLAIMS.iter().any(|claim| claim.experiments.contains(&about.name));
        assert!(serves != EXTRA.contains(&about.name), "{} and the claims", about.name);
    }
    for claim in CLAIMS {
        assert!(!claim.experiments.is_empty(), "{}", claim.source);
        for name in claim.experiments {
            assert!(distinct.contains(name), "{}: there is no experiment {name}", claim.source);
        }
    }
}

/// The same plan gives the same tasks, each once; another seed gives others of the same kind, and the time planned is what was asked for.
#[test]
fn tasks_are_planned_once_and_within_the_time() {
    for (plan, hours) in [(QUICK, 1.0 / 6.0), (FULL, 3.0)] {
        let mut seconds = 0.0;
        for experiment in catalogue::all() {
            let name = experiment.about().name;
            let tasks = experiment.tasks(&plan);
            assert!(!tasks.is_empty() && tasks == experiment.tasks(&plan), "{name}");
            let keys: HashSet<String> = tasks
                .iter()
                .map(|task| {
                    format!("{} {}", task.seed, serde_json::to_string(&task.point).expect("a record"))
                })
                .collect();
            assert_eq!(keys.len(), tasks.len(), "{name}: a task is there twice");
            assert!(tasks.iter().all(|task| names(&task.point) == names(&tasks[0].point)), "{name}");
            assert!(tasks.iter().all(|task| task.cost > 0.0 && task.cost.is_finite()), "{name}");
            let other = experiment.tasks(&Plan { seed: 1000, ..plan });
            assert!(other.len() == tasks.len() && other.iter().all(|task| task.seed >= 1000), "{name}");
            let cores = if experiment.is_timed() { 1.0 } else { 2.0 };
            seconds += tasks.iter().map(|task| task.cost).sum::<f64>() / cores;
        }
        assert!(seconds <= 3600.0 * hours, "{plan:?}: {seconds:.0} s on two cores");
    }
}

/// A row depends on its task alone: not on what was measured before, on how many are measured at once, or on threads.
#[test]
fn rows_are_the_same_bits_whenever_they_are_measured() {
    let mut figures = HashSet::new();
    for whole in catalogue::all() {
        let name = whole.about().name;
        let slice = Slice::of(whole);
        let once = rows(&slice, 1);
        let values = |rows: &[Row]| rows.iter().map(|row| row.values.clone()).collect::<Vec<_>>();
        assert_eq!(values(&once), values(&rows(&slice, 2)), "{name} with two workers");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("two threads");
        let stop = AtomicBool::new(false);
        for (task, row) in slice.tasks.iter().zip(&once) {
            let again = pool.install(|| whole.run(task, &Context::new(&stop))).expect("measured before");
            assert_eq!(again.values, row.values, "{name} on two threads, {task:?}");
            assert_eq!(names(&again.measured), names(&row.measured), "{name}");
        }
        // A page may be made of any rows.
        let mut shown = HashSet::new();
        for some in [&[][..], &once[..1], &once[..]] {
            let presentation = whole.present(some, &QUICK);
            let checks: HashSet<&str> = presentation.checks.iter().map(|check| check.name).collect();
            assert_eq!(checks.len(), presentation.checks.len(), "{name}");
            let ids: HashSet<String> =
                presentation.figures.iter().map(|figure| figure.heading().id.clone()).collect();
            assert_eq!(ids.len(), presentation.figures.len(), "{name}");
            assert!(ids.iter().all(|id| id.starts_with(&format!("{name}-"))), "{name}: {ids:?}");
            shown.extend(ids);
        }
        assert!(shown.is_disjoint(&figures), "{name}: {shown:?}");
        figures.extend(shown);
    }
}

/// A part of the quick run: every check of these holds.
#[test]
fn claims_hold_for_a_part_of_the_quick_run() {
    for name in ["order-three", "label-rank", "real-networks"] {
        let experiment = catalogue::all().into_iter().find(|experiment| experiment.about().name == name);
        let experiment = experiment.expect("in the catalogue");
        let presentation = experiment.present(&rows(experiment, 2), &QUICK);
        assert!(!presentation.figures.is_empty() && !presentation.findings.is_empty(), "{name}");
        assert!(presentation.checks.len() >= 2, "{name}");
        for check in presentation.checks {
            assert!(check.holds, "{name}/{}: asked {}, reached {}", check.name, check.asked, check.reached);
        }
    }
}
