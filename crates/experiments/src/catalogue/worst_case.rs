//! Any inputs: the sign patterns of a label space, and what the search of all of them decides.

use orthant::estimate::cells::{Arrangement, n_patterns_generic};
use orthant::estimate::worst_case::enumerate;
use orthant::estimate::{Frame, Reporter};
use orthant::linalg::{Mat, product, random, spectrum};
use orthant::network::{BiasKind, Network};
use orthant::{BiasModel, Method, Reason, Samples, Settings, Verdict, align, recover};
use rand::RngExt;

use crate::experiment::{About, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::record::{Record, Row};
use crate::rows::Rows;

mod show;

/// Sign patterns by number of samples and width, and decisions on arbitrary inputs.
pub struct WorstCase;

/// Rows of one kind.
mod part {
    pub const PATTERNS: &str = "patterns";
    pub const WALL: &str = "wall";
    pub const DECISION: &str = "decision";
}

const GENERAL: &str = "general position";
const INTEGER: &str = "integers −3 to 3";
const GAUSSIAN: &str = "standard Gaussian";
const BINARY: &str = "0 and 1";
const DUPLICATED: &str = "each one twice";
const OF_NETWORK: &str = "labels of a network";

/// Where labels are not those of a network.
const PERTURBED: [&str; 3] = ["one label moved", "a tenth moved", "all moved"];
const PLANTED: &str = "of a network";

/// Input dimension where it is not k.
const D: usize = 4;

/// Samples of the wall.
const WALL_SAMPLES: usize = 100;

/// Repetitions where hardly anything depends on the seed.
const SEEDS: usize = 3;

/// Half the digits: unrelated units are about 1 apart.
const MATCHED: f64 = 1.5e-8;

/// Widths and numbers of samples of the decisions.
const DECISIONS: [(usize, usize); 3] = [(2, 60), (3, 60), (4, 60)];

impl Experiment for WorstCase {
    fn about(&self) -> About {
        About {
            name: "worst-case",
            title: "Any inputs",
            claim: "If rank(A) = k, a network is found, or shown not to exist, for inputs of any kind: a label space has at most \
                    2 Σ C(n − 1, i) sign patterns, i < k, and each is decided in polynomial time.",
            source: "Theorems 1 and 11, Lemma 12, Algorithms 2 and 3",
            method: "Patterns are the cells of the hyperplanes ⟨w, q_j⟩ = 0, q_j the coordinates of label j: random rows, rows of \
                     small integers, and labels of planted networks with standard Gaussian weights and inputs. Decisions are those of \
                     branch and bound (the method worst-case), which ends parts of patterns that no unit has. Solved means the \
                     verdict exact, uniqueness proved by enumeration, and weights within 1.5e-8 of the planted ones; other networks \
                     exist where the verdict is exact on the samples. Labels that were moved by a tenth of their size are those of no \
                     network.",
        }
    }

    fn tasks(&self, plan: &Plan) -> Vec<Task> {
        let mut tasks = Vec::new();
        let mut add = |part, inputs, labels, k: usize, n: usize, seeds, cost| {
            let point = Record::new().with("part", part).with("inputs", inputs).with("labels", labels);
            let point = point.with("k", k).with("n", n);
            tasks.extend(plan.seeds(seeds).map(|seed| Task { seed, point: point.clone(), cost }));
        };
        for (k, most) in [(2, plan.pick(1e4, 1e5)), (3, plan.pick(1e6, 2e7)), (4, plan.pick(1.5e6, 4e7))] {
            for n in [10, 18, 32, 56, 100, 178, 316, 562, 1000, 1778, 3162, 10_000, 31_623] {
                let patterns = n_patterns_generic(n, k) as f64;
                if patterns <= most {
                    for inputs in [GENERAL, INTEGER, OF_NETWORK] {
                        add(part::PATTERNS, inputs, PLANTED, k, n, SEEDS, 2e-7 * patterns);
                    }
                }
            }
        }
        for k in 2..=plan.pick(12, 20) {
            add(part::WALL, GAUSSIAN, PLANTED, k, WALL_SAMPLES, SEEDS, 1e-5 * (k as f64).powi(4));
        }
        for inputs in [GAUSSIAN, INTEGER, BINARY, DUPLICATED] {
            for (k, n) in DECISIONS {
                for labels in [PLANTED].into_iter().chain(PERTURBED) {
                    add(part::DECISION, inputs, labels, k, n, plan.pick(20, 200), 0.01);
                }
            }
        }
        tasks
    }

    fn run(&self, task: &Task, context: &Context<'_>) -> anyhow::Result<Outcome> {
        let mut values = Values::default();
        match task.point.text("part") {
            part::PATTERNS => values.count_patterns(task)?,
            part::WALL => values.search_both(task, context)?,
            _ => values.decide(task, context)?,
        }
        Ok(Outcome { values: values.record(), measured: Record::new() })
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        let rows = Rows::new(rows);
        let mut presentation = Presentation::default();
        show::patterns(&rows.having("part", part::PATTERNS), plan, &mut presentation);
        show::wall(&rows.having("part", part::WALL), plan, &mut presentation);
        show::decisions(&rows.having("part", part::DECISION), plan, &mut presentation);
        presentation
    }
}

/// What a row may say; most rows say some of it.
#[derive(Default)]
struct Values {
    patterns: Option<usize>,
    bound: Option<usize>,
    nodes: Option<usize>,
    verdict: Option<String>,
    solved: Option<bool>,
    infeasible: Option<bool>,
    wrong: Option<bool>,
}

impl Values {
    fn record(self) -> Record {
        Record::new()
            .with("patterns", self.patterns)
            .with("bound", self.bound)
            .with("nodes", self.nodes)
            .with("verdict", self.verdict)
            .with("solved", self.solved)
            .with("infeasible", self.infeasible)
            .with("wrong", self.wrong)
    }

    fn count(&mut self, rows: &Arrangement, n: usize, k: usize) -> anyhow::Result<()> {
        self.patterns = Some(usize::try_from(rows.count())?);
        self.bound = Some(usize::try_from(n_patterns_generic(n, k))?);
        Ok(())
    }

    fn count_patterns(&mut self, task: &Task) -> anyhow::Result<()> {
        let (k, n) = (task.point.count("k"), task.point.count("n"));
        let rng = &mut random::stream(task.seed, "worst-case patterns", 0);
        let rows = match task.point.text("inputs") {
            GENERAL => Arrangement::new(random::orthonormal(n, k, rng).as_ref(), 0.0)?,
            INTEGER => {
                let q = Mat::from_fn(n, k, |_, _| f64::from(rng.random_range(-3i32..=3)));
                Arrangement::new(q.as_ref(), 0.0)?
            }
            _ => label_arrangement(&Instance::draw(GAUSSIAN, k, D, n, task.seed))?,
        };
        self.count(&rows, n, k)
    }

    fn search_both(&mut self, task: &Task, context: &Context<'_>) -> anyhow::Result<()> {
        let (k, n) = (task.point.count("k"), task.point.count("n"));
        let instance = Instance::draw(GAUSSIAN, k, k.max(D), n, task.seed);
        if n_patterns_generic(n, k) < 10_000_000 {
            self.count(&label_arrangement(&instance)?, n, k)?;
        }
        let frame = Frame::new(&instance.samples()?, BiasKind::None, None)?.0;
        let mut callback = context.callback();
        let found = enumerate(&frame, &mut Reporter::new(&mut callback))?;
        self.nodes = Some(found.nodes);
        self.solved =
            Some(found.complete && found.ambiguous == 0 && found.continua == 0 && found.rays.len() == k);
        Ok(())
    }

    fn decide(&mut self, task: &Task, context: &Context<'_>) -> anyhow::Result<()> {
        let (k, n) = (task.point.count("k"), task.point.count("n"));
        let mut instance = Instance::draw(task.point.text("inputs"), k, D, n, task.seed);
        let moved = task.point.text("labels");
        let is_planted = moved == PLANTED;
        if !is_planted {
            instance.perturb(moved, task.seed);
        }
        // The theorem is about labels of rank k.
        let s = spectrum::singular_values(instance.a.as_ref())?;
        if s[k - 1] <= 1e-6 * s[0] {
            return Ok(());
        }
        let bias = BiasModel::Known(BiasKind::None);
        let settings = Settings { method: Method::WorstCase, bias, seed: task.seed, ..Settings::default() };
        let recovery = recover(&instance.samples()?, &settings, &mut context.callback())?;
        let report = &recovery.report;
        let exact = report.verdict == Verdict::Exact;
        let infeasible = matches!(report.reason, Reason::Infeasible { .. });
        let matches = exact && align(&recovery.network, &instance.network).worst() <= MATCHED;
        self.nodes = Some(report.attempts);
        self.verdict = Some(if infeasible { "infeasible".to_string() } else { report.verdict.to_string() });
        self.solved = Some(matches);
        self.infeasible = Some(infeasible);
        self.wrong = Some(if is_planted { infeasible || exact && !matches } else { exact });
        Ok(())
    }
}

/// A network with standard Gaussian weights, as many outputs as units, and samples of it.
struct Instance {
    network: Network,
    x: Mat<f64>,
    a: Mat<f64>,
}

impl Instance {
    fn draw(inputs: &str, k: usize, d: usize, n: usize, seed: u64) -> Instance {
        let rng = &mut random::stream(seed, "worst-case instance", k as u64);
        let u = random::gaussian(k, k, rng);
        let v = random::gaussian(k, d, rng);
        let gaussian = random::gaussian(d, n, rng);
        let x = Mat::from_fn(d, n, |r, j| match inputs {
            INTEGER => f64::from(rng.random_range(-3i32..=3)),
            BINARY => f64::from(rng.random::<bool>()),
            DUPLICATED => gaussian[(r, j % n.div_ceil(2))],
            _ => gaussian[(r, j)],
        });
        let network = Network::new(u, v, None, None).expect("shapes fit");
        let a = network.labels(x.as_ref());
        Instance { network, x, a }
    }

    fn samples(&self) -> anyhow::Result<Samples<'_>> {
        Ok(Samples::new(self.x.as_ref(), self.a.as_ref())?)
    }

    /// Moves labels by normal errors of a tenth of their size.
    fn perturb(&mut self, how: &str, seed: u64) {
        let (m, n) = self.a.shape();
        let size = product::frobenius(self.a.as_ref()) / ((m * n) as f64).sqrt();
        let e = random::gaussian(m, n, &mut random::stream(seed, "worst-case errors", 0));
        let first = (0..n).find(|&j| self.a.col(j).norm_l2() > 0.0);
        let is_moved = |j: usize| match PERTURBED.iter().position(|own| *own == how) {
            Some(0) => Some(j) == first,
            Some(1) => j.is_multiple_of(10),
            _ => true,
        };
        for j in (0..n).filter(|&j| is_moved(j)) {
            for o in 0..m {
                self.a[(o, j)] += 0.1 * size * e[(o, j)];
            }
        }
    }
}

fn label_arrangement(instance: &Instance) -> anyhow::Result<Arrangement> {
    let frame = Frame::new(&instance.samples()?, BiasKind::None, None)?.0;
    Ok(Arrangement::new(frame.extended(), frame.null_tolerance())?)
}
