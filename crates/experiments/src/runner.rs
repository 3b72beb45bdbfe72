//! Makes the measurements of an experiment and writes their rows.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{anyhow, ensure};

use crate::experiment::{Context, Experiment, Outcome, Plan, Task};
use crate::progress::Progress;
use crate::provenance;
use crate::record::{Provenance, Record, Row};
use crate::store::Store;

/// What all experiments of a run share.
pub struct Runner<'a> {
    /// What was asked for.
    pub plan: Plan,
    /// Where rows go.
    pub store: &'a Store,
    /// The run's own, for the revision and the machine.
    pub provenance: &'a Provenance,
    /// How many measurements are made at once, each on one thread; timed ones are made one at a time on all threads.
    pub workers: usize,
    /// Whether rows of this revision that are there are kept.
    pub resume: bool,
    /// Set when the run is to stop.
    pub stop: &'a AtomicBool,
}

/// What a run of one experiment brought.
#[derive(Debug)]
pub struct Measured {
    /// The rows, in the order of their tasks.
    pub rows: Vec<Row>,
    /// The measurements that ended in an error or a panic, each with its task: they have no row.
    pub failures: Vec<String>,
}

impl Runner<'_> {
    /// The rows of an experiment that need not be measured again, each with the index of its task.
    ///
    /// # Errors
    /// When the file of its rows is damaged.
    pub fn kept(&self, experiment: &dyn Experiment, tasks: &[Task]) -> anyhow::Result<Vec<(usize, Row)>> {
        if !self.resume {
            return Ok(Vec::new());
        }
        let mut kept: Vec<(usize, Row)> = Vec::new();
        for row in self.store.rows(experiment.about().name)? {
            let task = tasks.iter().position(|task| task.seed == row.seed && task.point == row.point);
            let Some(i) = task.filter(|_| row.provenance.revision == self.provenance.revision) else {
                continue;
            };
            if kept.iter().all(|(j, _)| *j != i) {
                kept.push((i, row));
            }
        }
        kept.sort_by_key(|(i, _)| *i);
        Ok(kept)
    }

    /// Runs an experiment to its end, or until it is stopped: then only some rows are there.
    ///
    /// Rows are written as they come; at the end both files are in the order of the tasks, whatever the number of workers. A
    /// measurement that fails does not keep the others from being made.
    ///
    /// # Errors
    /// When a file cannot be read or written. The rows written before stay.
    pub fn run(&self, experiment: &dyn Experiment, progress: &mut Progress) -> anyhow::Result<Measured> {
        let name = experiment.about().name;
        let tasks = experiment.tasks(&self.plan);
        let mut rows = self.kept(experiment, &tasks)?;
        let mut writer =
            self.store.writer(name, &rows.iter().map(|(_, row)| row.clone()).collect::<Vec<_>>())?;
        let pending: Vec<usize> =
            (0..tasks.len()).filter(|i| rows.binary_search_by_key(i, |(j, _)| *j).is_err()).collect();
        let provenance =
            Provenance { command: provenance::command(Some(name), &self.plan), ..self.provenance.clone() };
        progress.start(name, tasks.len(), rows.len());

        let give_up = AtomicBool::new(false);
        let next = AtomicUsize::new(0);
        let (sender, receiver) = mpsc::channel();
        let workers = if experiment.is_timed() { 1 } else { self.workers.clamp(1, pending.len().max(1)) };
        let mut failures = Vec::new();
        let mut broken = None;
        std::thread::scope(|scope| {
            for _ in 0..workers {
                let sender = sender.clone();
                let (next, give_up, pending, tasks) = (&next, &give_up, &pending, &tasks);
                scope.spawn(move || {
                    while !self.stop.load(Ordering::Relaxed) && !give_up.load(Ordering::Relaxed) {
                        let Some(&i) = pending.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                        let result = measure(experiment, &tasks[i], self.stop);
                        // What was interrupted says nothing.
                        if self.stop.load(Ordering::Relaxed) || sender.send((i, result)).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            loop {
                let (i, result) = match receiver.recv_timeout(Duration::from_millis(250)) {
                    Ok(message) => message,
                    Err(mpsc::RecvTimeoutError::Timeout) => {
                        progress.tick();
                        continue;
                    }
                    Err(mpsc::RecvTimeoutError::Disconnected) => break,
                };
                let task = &tasks[i];
                progress.advance(task.cost);
                let outcome = match result {
                    Ok(outcome) => outcome,
                    Err(error) => {
                        failures.push((i, format!("{name} at {}: {error:#}", shown(task))));
                        continue;
                    }
                };
                let row = Row {
                    experiment: name.to_string(),
                    seed: task.seed,
                    point: task.point.clone(),
                    values: outcome.values,
                    measured: outcome.measured,
                    provenance: provenance.clone(),
                };
                match writer.append(&row) {
                    Ok(()) => rows.push((i, row)),
                    Err(error) => {
                        broken.get_or_insert(error);
                        give_up.store(true, Ordering::Relaxed);
                    }
                }
            }
        });
        progress.finish(name, rows.len(), tasks.len());
        if let Some(error) = broken {
            return Err(error);
        }
        rows.sort_by_key(|(i, _)| *i);
        let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
        writer.rewrite(&rows)?;
        ensure!(
            self.stop.load(Ordering::Relaxed) || rows.len() + failures.len() == tasks.len(),
            "{name} has {} rows and {} failures for {} tasks",
            rows.len(),
            failures.len(),
            tasks.len()
        );
        failures.sort_unstable_by_key(|(i, _)| *i);
        Ok(Measured { rows, failures: failures.into_iter().map(|(_, failure)| failure).collect() })
    }
}

/// One measurement; a panic is an error that names it.
fn measure(experiment: &dyn Experiment, task: &Task, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    let run = || experiment.run(task, &Context::new(stop));
    let caught = if experiment.is_timed() {
        catch_unwind(AssertUnwindSafe(run))
    } else {
        // One thread each: as many at once as there are workers, without waiting for each other.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
        catch_unwind(AssertUnwindSafe(|| pool.install(run)))
    };
    caught.unwrap_or_else(|_| Err(anyhow!("the measurement panicked")))
}

/// A task in an error message.
fn shown(task: &Task) -> String {
    let settings = |record: &Record| {
        record.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
    };
    format!("seed {}, {}", task.seed, settings(&task.point))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::experiment::{About, Effort, Presentation};

    const PLAN: Plan = Plan { effort: Effort::Quick, seed: 1 };

    /// Squares of seeds; what goes wrong goes wrong at seed 5.
    struct Squares<'a> {
        trouble: Trouble<'a>,
    }

    enum Trouble<'a> {
        None,
        Error,
        Panic,
        Stop(&'a AtomicBool),
    }

    impl Experiment for Squares<'_> {
        fn about(&self) -> About {
            About { name: "squares", title: "", claim: "", source: "", method: "" }
        }

        fn tasks(&self, plan: &Plan) -> Vec<Task> {
            let task = |seed| Task { seed, point: Record::new().with("power", 2_usize), cost: 1.0 };
            plan.seeds(8).map(task).collect()
        }

        fn run(&self, task: &Task, _: &Context<'_>) -> anyhow::Result<Outcome> {
            if task.seed == 5 {
                match self.trouble {
                    Trouble::None => {}
                    Trouble::Error => anyhow::bail!("no square"),
                    Trouble::Panic => panic!("no square"),
                    Trouble::Stop(flag) => flag.store(true, Ordering::Relaxed),
                }
            }
            let threads = rayon::current_num_threads();
            assert_eq!(threads, 1);
            let square = (task.seed * task.seed) as f64;
            Ok(Outcome { values: Record::new().with("square", square), measured: Record::new() })
        }

        fn present(&self, _: &[Row], _: &Plan) -> Presentation {
            Presentation::default()
        }
    }

    fn run(
        folder: &Path,
        trouble: Trouble<'_>,
        stop: &AtomicBool,
        workers: usize,
        revision: &str,
    ) -> anyhow::Result<Measured> {
        let store = Store::open(folder, &PLAN)?;
        let provenance = Provenance {
            command: String::new(),
            revision: revision.to_string(),
            machine: "this one".to_string(),
        };
        let runner =
            Runner { plan: PLAN, store: &store, provenance: &provenance, workers, resume: true, stop };
        runner.run(&Squares { trouble }, &mut Progress::silent())
    }

    fn files(folder: &Path) -> (String, String) {
        let read = |name| std::fs::read_to_string(folder.join("rows").join(name)).expect("rows were written");
        (read("squares.jsonl"), read("squares.csv"))
    }

    #[test]
    fn rows_are_in_the_order_of_the_tasks_whatever_the_number_of_workers() -> anyhow::Result<()> {
        let (one, many) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let never = AtomicBool::new(false);
        let rows = run(one.path(), Trouble::None, &never, 1, "a")?.rows;
        assert_eq!(rows.iter().map(|row| row.seed).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8]);
        run(many.path(), Trouble::None, &never, 4, "a")?;
        assert_eq!(files(one.path()), files(many.path()));
        Ok(())
    }

    #[test]
    fn a_run_that_was_stopped_goes_on() -> anyhow::Result<()> {
        let (whole, stopped) = (tempfile::tempdir()?, tempfile::tempdir()?);
        run(whole.path(), Trouble::None, &AtomicBool::new(false), 2, "a")?;
        let flag = AtomicBool::new(false);
        let rows = run(stopped.path(), Trouble::Stop(&flag), &flag, 1, "a")?.rows;
        assert_eq!(rows.len(), 4, "what was interrupted is thrown away");
        assert_eq!(files(stopped.path()).0.lines().count(), 4);
        // Seed 5 is measured again; those before it are not, or they would come from revision b.
        run(stopped.path(), Trouble::None, &AtomicBool::new(false), 2, "a")?;
        assert_eq!(files(stopped.path()), files(whole.path()));
        Ok(())
    }

    #[test]
    fn rows_of_another_revision_are_measured_again() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let never = AtomicBool::new(false);
        run(folder.path(), Trouble::None, &never, 1, "a")?;
        let rows = run(folder.path(), Trouble::None, &never, 1, "b")?.rows;
        assert!(rows.iter().all(|row| row.provenance.revision == "b"));
        Ok(())
    }

    #[test]
    fn what_goes_wrong_is_named_and_all_else_is_measured() -> anyhow::Result<()> {
        for (trouble, why) in [(Trouble::Error, "no square"), (Trouble::Panic, "the measurement panicked")] {
            let folder = tempfile::tempdir()?;
            let never = AtomicBool::new(false);
            let measured = run(folder.path(), trouble, &never, 2, "a")?;
            assert_eq!(measured.failures, [format!("squares at seed 5, power 2: {why}")]);
            assert_eq!((measured.rows.len(), files(folder.path()).0.lines().count()), (7, 7));
            // It is measured again.
            let measured = run(folder.path(), Trouble::None, &never, 1, "a")?;
            assert_eq!((measured.rows.len(), measured.failures.len()), (8, 0));
        }
        Ok(())
    }
}
