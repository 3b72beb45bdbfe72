//! What an experiment is.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use orthant::exact::Progress;

use crate::figure::Figure;
use crate::record::{Record, Row};

/// An experiment: a claim, the measurements that test it, and how they are shown.
///
/// Each file of `catalogue/` is one.
pub trait Experiment: Sync {
    /// What it is and what it claims.
    fn about(&self) -> About;

    /// The measurements to make, in the order of the rows. The same plan gives the same tasks.
    fn tasks(&self, plan: &Plan) -> Vec<Task>;

    /// Makes one measurement.
    ///
    /// The result depends on the task alone, apart from [`Outcome::measured`]. The names in the records are the same for all tasks.
    ///
    /// # Errors
    ///
    /// What cannot happen unless something is wrong with the experiment; a method that fails to recover is an outcome.
    fn run(&self, task: &Task, context: &Context<'_>) -> anyhow::Result<Outcome>;

    /// Figures, findings and checks from the rows; from some of them only, while the experiment is not complete.
    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation;

    /// Whether its times mean something: tasks then run one at a time, each on all threads.
    fn is_timed(&self) -> bool {
        false
    }
}

/// The head of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// On the command line and in file names: lower case and hyphens.
    pub name: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What is claimed, in one sentence.
    pub claim: &'static str,
    /// Where the claim comes from: "Theorem 49, Algorithm 6".
    pub source: &'static str,
    /// How it is measured: instances, methods and what counts as success, in a few sentences.
    pub method: &'static str,
}

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Ten minutes for all experiments on two cores.
    Quick,
    /// An hour on two cores: more seeds, larger sizes.
    Full,
}

/// What was asked for on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// How much is measured.
    pub effort: Effort,
    /// The first seed.
    pub seed: u64,
}

impl Plan {
    /// One of two values: for a quick run, for a full one.
    pub fn pick<T>(&self, quick: T, full: T) -> T {
        match self.effort {
            Effort::Quick => quick,
            Effort::Full => full,
        }
    }

    /// The seeds of as many repetitions: consecutive from the first.
    pub fn seeds(&self, count: usize) -> impl Iterator<Item = u64> + Clone + use<> {
        let first = self.seed;
        (0..count as u64).map(move |i| first.wrapping_add(i))
    }

    /// For captions: "seeds 1 to 20".
    pub fn seed_range(&self, count: usize) -> String {
        format!("seeds {} to {}", self.seed, self.seed.wrapping_add(count as u64).wrapping_sub(1))
    }
}

/// One measurement to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// The seed of the instance and of what the method draws.
    pub seed: u64,
    /// Everything else that the measurement depends on.
    pub point: Record,
    /// About how many seconds it takes on one core: for the estimate of the time left only.
    pub cost: f64,
}

/// What came out of a measurement.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// The same bits whenever it is repeated on one machine.
    pub values: Record,
    /// Times and memory.
    pub measured: Record,
}

/// What a running measurement may look at.
pub struct Context<'a> {
    stop: &'a AtomicBool,
}

impl<'a> Context<'a> {
    /// A context that stops when the flag is set.
    pub fn new(stop: &'a AtomicBool) -> Context<'a> {
        Context { stop }
    }

    /// Whether the run is to stop; what is measured after that is thrown away.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// A callback for `recover` and its kin that goes on until the run is to stop.
    pub fn callback(&self) -> impl FnMut(Progress) -> ControlFlow<()> {
        let stop = self.stop;
        move |_| if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// How an experiment is shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Presentation {
    /// What was measured, in sentences.
    pub findings: Vec<String>,
    /// The figures, the most telling one first.
    pub figures: Vec<Figure>,
    /// The headline numbers.
    pub checks: Vec<Check>,
}

/// A headline number that is held against what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Unique within the experiment: lower case and hyphens.
    pub name: &'static str,
    /// What is asked: "at least 19 of 20 exact at n = 4d".
    pub asked: String,
    /// What was reached: "20 of 20".
    pub reached: String,
    /// Whether it holds.
    pub holds: bool,
}

impl Check {
    /// All four.
    pub fn new(
        name: &'static str,
        asked: impl Into<String>,
        reached: impl Into<String>,
        holds: bool,
    ) -> Check {
        Check { name, asked: asked.into(), reached: reached.into(), holds }
    }
}
