//! How long the search of all sign patterns takes.

use std::time::Instant;

use orthant::estimate::cells::{Arrangement, n_patterns_generic};
use orthant::estimate::exhaustive::{Ending, search};
use orthant::estimate::worst_case::enumerate;
use orthant::estimate::{Frame, Reporter};
use orthant::linalg::random;
use orthant::network::{BiasKind, PlantedSpec, Samples};

use crate::experiment::{About, Check, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::figure::{Axis, Chart, Figure, Heading, Mean, Series};
use crate::record::{Record, Row};
use crate::rows::Rows;
use crate::statistics::log_log_slope;

/// Time per pattern, and time to decide by enumeration and by branch and bound.
pub struct WorstCaseTime;

const VISIT: &str = "visit all patterns";
const PRINTED: &str = "Algorithm 3 over all patterns";
const BRANCHES: &str = "branch and bound";

/// k, sizes, and more sizes of a full run.
const SIZES: [(usize, &[usize], &[usize]); 4] = [
    (2, &[20, 60, 178, 562, 1778], &[3162]),
    (3, &[20, 60, 178, 562, 1000], &[1778, 3162]),
    (4, &[20, 35, 60, 100, 142], &[250, 400]),
    (5, &[20, 28, 35, 45], &[60, 100]),
];

/// Samples of the decisions.
const SAMPLES: usize = 100;

/// Seconds over which a short measurement is repeated.
const SPAN: f64 = 0.02;

const SEEDS: usize = 3;

impl Experiment for WorstCaseTime {
    fn about(&self) -> About {
        About {
            name: "worst-case-time",
            title: "Any inputs: time",
            claim: "For any inputs a network is found in time n^O(k) poly(m, d).",
            source: "Theorem 11, Lemma 12, Algorithms 2 and 3",
            method: "Patterns of random rows are visited, each with a point of its cell; short runs are repeated and the fastest \
                     counts. Decisions are about labels of planted networks: Algorithm 3 as printed but for its programmes, most of \
                     which a rank spares, stops when it has k units; branch and bound goes on until no other is possible.",
        }
    }

    fn tasks(&self, plan: &Plan) -> Vec<Task> {
        let mut tasks = Vec::new();
        let mut add = |what: &str, k: usize, n: usize, cost: f64| {
            let point = Record::new().with("what", what).with("k", k).with("n", n);
            tasks.extend(plan.seeds(SEEDS).map(|seed| Task { seed, point: point.clone(), cost }));
        };
        for (k, sizes, more) in SIZES {
            for &n in sizes.iter().chain(plan.pick(&[][..], more)) {
                add(VISIT, k, n, (1e-6 * n_patterns_generic(n, k) as f64).max(SPAN));
            }
        }
        for k in 2..=4 + plan.pick(0, 1) {
            add(PRINTED, k, SAMPLES, 3e-6 * n_patterns_generic(SAMPLES, k) as f64);
        }
        for k in 2..=plan.pick(12, 20) {
            add(BRANCHES, k, SAMPLES, (1e-6 * (k as f64).powi(5)).max(SPAN));
        }
        tasks
    }

    fn run(&self, task: &Task, context: &Context<'_>) -> anyhow::Result<Outcome> {
        let (k, n) = (task.point.count("k"), task.point.count("n"));
        let (count, decided, seconds) = if task.point.text("what") == VISIT {
            let q = random::orthonormal(n, k, &mut random::stream(task.seed, "worst-case rows", 0));
            let arrangement = Arrangement::new(q.as_ref(), 0.0)?;
            fastest(context, || Ok((usize::try_from(arrangement.count())?, true)))?
        } else {
            let spec = PlantedSpec { m: k, k, d: k.max(4), seed: task.seed, ..PlantedSpec::default() };
            let planted = spec.plant(n)?;
            let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref())?;
            let frame = Frame::new(&samples, BiasKind::None, None)?.0;
            let printed = task.point.text("what") == PRINTED;
            fastest(context, || {
                let mut callback = context.callback();
                let mut reporter = Reporter::new(&mut callback);
                if printed {
                    let found = search(&frame, &mut reporter)?;
                    return Ok((usize::try_from(found.n_patterns)?, found.ending == Ending::Found));
                }
                let found = enumerate(&frame, &mut reporter)?;
                Ok((found.nodes, found.complete && found.rays.len() == k))
            })?
        };
        Ok(Outcome {
            values: Record::new().with("count", count).with("decided", decided),
            measured: Record::new()
                .with("seconds", seconds)
                .with("nanoseconds", 1e9 * seconds / count as f64),
        })
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        let rows = Rows::new(rows);
        let mut presentation = Presentation::default();
        present_patterns(&rows.having("what", VISIT), plan, &mut presentation);
        present_decisions(&rows, plan, &mut presentation);
        presentation
    }

    fn is_timed(&self) -> bool {
        true
    }
}

/// What came out, and the seconds of the fastest of a few repetitions.
fn fastest(
    context: &Context<'_>,
    mut run: impl FnMut() -> anyhow::Result<(usize, bool)>,
) -> anyhow::Result<(usize, bool, f64)> {
    let start = Instant::now();
    let mut best = f64::INFINITY;
    loop {
        let own = Instant::now();
        let (count, decided) = run()?;
        best = best.min(own.elapsed().as_secs_f64());
        if start.elapsed().as_secs_f64() > SPAN || context.is_stopped() {
            return Ok((count, decided, best));
        }
    }
}

fn present_patterns(rows: &Rows<'_>, plan: &Plan, to: &mut Presentation) {
    let (mut series, mut last, mut growth, mut exponents) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (k, rows) in rows.by_number("k") {
        let groups = rows.by_number("n");
        let fastest = |name: &str| -> Vec<(f64, f64)> {
            groups.iter().filter_map(|(n, rows)| Some((*n, *rows.numbers(name).first()?))).collect()
        };
        let (each, all) = (fastest("nanoseconds"), fastest("seconds"));
        // The smallest n, where much is paid once, is left out.
        if let (Some(first), Some(end)) = (each.get(1), each.last()) {
            last.push((k, end.1));
            growth.push((k, end.1 / first.1));
        }
        exponents.extend(log_log_slope(&all).map(|slope| (k, slope)));
        let points = groups.iter().filter_map(|(n, rows)| rows.quartiles("nanoseconds", *n)).collect();
        series.push(Series::curve(format!("k = {k}"), points));
    }
    let listed: Vec<String> = exponents.iter().map(|(k, slope)| format!("n^{slope:.2} (k = {k})")).collect();
    let times: Vec<String> = last.iter().map(|(k, ns)| format!("{ns:.0} ns (k = {k})")).collect();
    let worst = growth.iter().filter(|(k, _)| *k > 2.0).fold(0.0f64, |worst, (_, growth)| worst.max(*growth));
    to.findings.push(format!(
        "A pattern takes {} at the largest n, at most {worst:.1} times what it takes at a smaller n for k ≥ 3; for k = 2 it grows as \
         log n. The time of all patterns grows as {} over these n, where their number does not yet grow as n^(k − 1) alone.",
        times.join(", "),
        listed.join(", ")
    ));
    to.checks.push(Check::new(
        "flat",
        "for k ≥ 3 the time per pattern grows less than threefold with n",
        format!("{worst:.2} times at most"),
        worst > 0.0 && worst <= 3.0,
    ));
    to.checks.push(Check::new(
        "exponent",
        "the time of all patterns grows as n^(k − 1), with an exponent at most 0.75 above, for each k",
        listed.join(", "),
        !exponents.is_empty() && exponents.iter().all(|(k, slope)| *slope <= k - 0.25),
    ));
    to.figures.push(Figure::Chart(Chart {
        heading: Heading::new(
            "worst-case-time-pattern",
            "Time per pattern",
            format!(
                "All sign patterns of n random rows in ℝᵏ; median and quartiles of {SEEDS} instances ({}), one thread.",
                plan.seed_range(SEEDS)
            ),
        ),
        x: Axis::log("samples n"),
        y: Axis::log("time per pattern (ns)"),
        series,
        marks: Vec::new(),
    }));
}

fn present_decisions(rows: &Rows<'_>, plan: &Plan, to: &mut Presentation) {
    let curve = |what: &str| -> Vec<Mean> {
        let groups = rows.having("what", what).by_number("k");
        groups.iter().filter_map(|(k, rows)| rows.quartiles("seconds", *k)).collect()
    };
    let (printed, branches) = (curve(PRINTED), curve(BRANCHES));
    let mut series = Vec::new();
    if let Some(last) = printed.last() {
        // At the time per pattern of the largest k that was run.
        let patterns = |k: f64| n_patterns_generic(SAMPLES, k as usize) as f64;
        let further = branches.iter().filter(|p| p.x >= last.x && p.x <= last.x + 5.0);
        let line = further.map(|p| (p.x, last.y * patterns(p.x) / patterns(last.x))).collect();
        series.push(Series::reference("Algorithm 3, by the bound on patterns", line));
        let same = branches.iter().find(|p| p.x == last.x);
        if let (Some(same), Some(widest)) = (same, branches.last()) {
            let ratio = last.y / same.y;
            to.findings.push(format!(
                "At k = {} Algorithm 3 takes {}, branch and bound {}, with the proof that there is no other network; at k = {} it takes \
                 {}.",
                last.x, time(last.y), time(same.y), widest.x, time(widest.y),
            ));
            to.checks.push(Check::new(
                "branches-faster",
                format!("branch and bound ten times as fast as Algorithm 3 at k = {}", last.x),
                format!("{ratio:.0} times"),
                ratio >= 10.0,
            ));
        }
    }
    series.push(Series::curve(PRINTED, printed));
    series.push(Series::curve(BRANCHES, branches));
    let decided = rows.rate("decided");
    to.checks.push(Check::new(
        "decided",
        "every decision ends with k units",
        decided.to_string(),
        decided.of > 0 && decided.hits == decided.of,
    ));
    to.figures.push(Figure::Chart(Chart {
        heading: Heading::new(
            "worst-case-time-wall",
            "Time to decide",
            format!(
                "Labels of networks with m = k ≤ d, standard Gaussian weights and inputs, n = {SAMPLES}; median and quartiles of {SEEDS} \
                 instances ({}), one thread.",
                plan.seed_range(SEEDS)
            ),
        ),
        x: Axis::linear("hidden units k"),
        y: Axis::log("time (s)"),
        series,
        marks: Vec::new(),
    }));
}

/// Seconds in the unit that they are read in.
fn time(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.1} ms", 1e3 * seconds) } else { format!("{seconds:.1} s") }
}
