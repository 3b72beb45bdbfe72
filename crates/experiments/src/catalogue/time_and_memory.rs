//! What recovery costs.

use std::time::Instant;

use orthant::network::{BiasKind, PlantedSpec};
use orthant::{BiasModel, Samples, Settings, Verdict, align, recover};

use crate::experiment::{About, Check, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::figure::{Axis, Chart, Figure, Heading, Mean, Series, Table};
use crate::machine::{forget_peak, held_bytes, peak_bytes, product_gflops, triad_gigabytes};
use crate::record::{Record, Row, Value};
use crate::rows::Rows;
use crate::statistics::log_log_slope;
use crate::trial::RECOVERED;

/// Time and memory against k = d = m.
pub struct TimeAndMemory;

/// Samples per input.
const RATIO: usize = 8;

/// In the column `what`.
const MACHINE: &str = "machine";
const RECOVERY: &str = "recovery";

fn sizes(plan: &Plan) -> &'static [usize] {
    plan.pick(&[10, 20, 30, 50], &[10, 20, 30, 50, 70, 100, 140, 200])
}

fn seeds(plan: &Plan) -> usize {
    plan.pick(3, 5)
}

impl Experiment for TimeAndMemory {
    fn about(&self) -> About {
        About {
            name: "time-and-memory",
            title: "Time and memory",
            claim: "Exact recovery takes polynomial time.",
            source: "Theorem 49, its cost",
            method: "k = d = m, n = 8d, standard Gaussian inputs, U and V; `recover` with its default method on all threads, width unknown. \
                     The floors are operations over the rate of a matrix product, and bytes over that of a triad x ← y + s z, both measured on all threads \
                     in the same run. Lower floor: the data read once, an orthonormal basis of the inputs (2nd²) and of the labels (2nm²), and the final \
                     least squares for U (2nk²). Upper floor: beside that, Algorithm 6 once for each unit: its active inputs' basis (nd²), the projection of \
                     the labels' (2ndk), and the least singular vector (2nk²); no search is in it. Memory is \
                     the most that is allocated at once beside inputs and labels.",
        }
    }

    fn is_timed(&self) -> bool {
        true
    }

    fn tasks(&self, plan: &Plan) -> Vec<Task> {
        let machine = Record::new().with("what", MACHINE).with("k", Value::Missing).with("n", Value::Missing);
        let mut tasks = vec![Task { seed: plan.seed, point: machine, cost: 2.0 }];
        for &k in sizes(plan) {
            for seed in plan.seeds(seeds(plan)) {
                let point = Record::new().with("what", RECOVERY).with("k", k).with("n", RATIO * k);
                tasks.push(Task { seed, point, cost: 0.4 * (k as f64 / 50.0).powi(4) });
            }
        }
        tasks
    }

    fn run(&self, task: &Task, context: &Context<'_>) -> anyhow::Result<Outcome> {
        if task.point.text("what") == MACHINE {
            let threads = rayon::current_num_threads();
            let values = Record::new()
                .with("verdict", Value::Missing)
                .with("exact", Value::Missing)
                .with("error", Value::Missing);
            let measured = Record::new()
                .with("threads", threads)
                .with("seconds", Value::Missing)
                .with("extra_bytes", Value::Missing)
                .with("gflops_one_thread", product_gflops(1))
                .with("gflops", product_gflops(threads))
                .with("gigabytes_one_thread", triad_gigabytes(1))
                .with("gigabytes", triad_gigabytes(threads));
            return Ok(Outcome { values, measured });
        }
        let (k, n) = (task.point.count("k"), task.point.count("n"));
        let planted = PlantedSpec { m: k, k, d: k, seed: task.seed, ..PlantedSpec::default() }.plant(n)?;
        let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref())?;
        let settings =
            Settings { seed: task.seed, bias: BiasModel::Known(BiasKind::None), ..Settings::default() };
        forget_peak();
        let held = held_bytes();
        let start = Instant::now();
        let recovery = recover(&samples, &settings, &mut context.callback())?;
        let seconds = start.elapsed().as_secs_f64();
        let extra = peak_bytes() - held;
        let error = align(&recovery.network, &planted.network).worst();
        let values = Record::new()
            .with("verdict", recovery.report.verdict.to_string())
            .with("exact", recovery.report.verdict == Verdict::Exact && error <= RECOVERED)
            .with("error", error);
        let measured = Record::new()
            .with("threads", rayon::current_num_threads())
            .with("seconds", seconds)
            .with("extra_bytes", extra)
            .with("gflops_one_thread", Value::Missing)
            .with("gflops", Value::Missing)
            .with("gigabytes_one_thread", Value::Missing)
            .with("gigabytes", Value::Missing);
        Ok(Outcome { values, measured })
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        let rows = Rows::new(rows);
        let machine = rows.having("what", MACHINE);
        let recoveries = rows.having("what", RECOVERY);
        let rate = |name: &str| machine.median(name).unwrap_or(f64::NAN);
        // All threads may be slower than one where something else runs beside them.
        let speed = Speed {
            gflops: rate("gflops").max(rate("gflops_one_thread")),
            gigabytes: rate("gigabytes").max(rate("gigabytes_one_thread")),
        };
        let groups = recoveries.by_number("k");
        let seconds: Vec<Mean> =
            groups.iter().filter_map(|(k, rows)| rows.quartiles("seconds", *k)).collect();
        let bytes: Vec<(f64, f64)> =
            groups.iter().filter_map(|(k, rows)| Some((*k, extra_bytes(rows)?))).collect();
        let slope = |points: &[Mean]| {
            log_log_slope(&points.iter().map(|p| (p.x, p.y)).collect::<Vec<_>>()).unwrap_or(f64::NAN)
        };
        // Small sizes spend their time in what does not grow.
        let exponent = slope(&seconds[seconds.len().saturating_sub(3)..]);
        let exact = recoveries.rate("exact");
        let threads = machine.median("threads").unwrap_or(f64::NAN);
        let mut findings = vec![format!(
            "The machine multiplies matrices at {:.1} GFLOP/s on one thread and {:.1} on {threads}, and streams {:.1} and {:.1} GB/s.",
            rate("gflops_one_thread"),
            rate("gflops"),
            rate("gigabytes_one_thread"),
            rate("gigabytes")
        )];
        if let Some(last) = seconds.last() {
            findings.push(format!(
                "k = {} takes {:.2} s, {:.0} times the upper floor and {:.0} times the lower one; over the last three sizes time grows as k^{exponent:.1}. The \
                 upper floor grows as k⁴ at n = {RATIO}d.",
                last.x,
                last.y,
                last.y / speed.upper(last.x),
                last.y / speed.lower(last.x)
            ));
        }
        if let Some((k, bytes)) = bytes.last() {
            findings.push(format!(
                "At k = {k} it allocates {:.1} MB beside inputs and labels, {:.1} times their size.",
                bytes / 1e6,
                bytes / data_bytes(*k)
            ));
        }
        let checks = vec![
            Check::new(
                "all-exact",
                "every answer exact",
                exact.to_string(),
                exact.of > 0 && exact.hits == exact.of,
            ),
            // Timings on a shared machine are off by a factor at times; an exponent over a factor 2.5 of sizes by one.
            Check::new(
                "polynomial",
                "time grows at most as k^4, as the operations of Algorithm 6 do, over the last three sizes",
                format!("k^{exponent:.1}"),
                exponent <= 4.0,
            ),
        ];
        let mut figures = vec![time_chart(seconds, &speed, plan)];
        if !bytes.is_empty() {
            figures.push(memory_chart(&bytes, plan));
        }
        figures.push(table(&recoveries, &speed, plan));
        Presentation { findings, figures, checks }
    }
}

/// Rates of the machine, in 10⁹ per second.
struct Speed {
    gflops: f64,
    gigabytes: f64,
}

impl Speed {
    /// Seconds for the data, two bases and U, at k = d = m and n = 8d.
    fn lower(&self, k: f64) -> f64 {
        data_bytes(k) / self.gigabytes / 1e9 + 6.0 * samples(k) * k * k / self.gflops / 1e9
    }

    /// The same with Algorithm 6 for each unit.
    fn upper(&self, k: f64) -> f64 {
        self.lower(k) + k * 5.0 * samples(k) * k * k / self.gflops / 1e9
    }
}

fn samples(k: f64) -> f64 {
    RATIO as f64 * k
}

/// Bytes of inputs and labels.
fn data_bytes(k: f64) -> f64 {
    8.0 * samples(k) * 2.0 * k
}

fn caption(plan: &Plan) -> String {
    format!(
        "k = d = m, n = {RATIO}d; medians and quartiles of {} instances for each size ({}), all threads.",
        seeds(plan),
        plan.seed_range(seeds(plan))
    )
}

fn time_chart(seconds: Vec<Mean>, speed: &Speed, plan: &Plan) -> Figure {
    let line =
        |floor: &dyn Fn(f64) -> f64| sizes(plan).iter().map(|&k| (k as f64, floor(k as f64))).collect();
    let series = vec![
        Series::curve("recover", seconds),
        Series::reference("upper floor: Algorithm 6 for each unit", line(&|k| speed.upper(k))),
        Series::reference("lower floor: data, bases, U", line(&|k| speed.lower(k))),
    ];
    let heading = Heading::new("time-and-memory-time", "Time of exact recovery", caption(plan));
    Figure::Chart(Chart {
        heading,
        x: Axis::log("k = d = m"),
        y: Axis::log("time (s)"),
        series,
        marks: Vec::new(),
    })
}

fn memory_chart(bytes: &[(f64, f64)], plan: &Plan) -> Figure {
    let points = bytes.iter().map(|(k, bytes)| Mean::exact(*k, bytes / 1e6)).collect();
    let data = sizes(plan).iter().map(|&k| (k as f64, data_bytes(k as f64) / 1e6)).collect();
    let series = vec![
        Series::curve("allocated at once, beside the data", points),
        Series::reference("inputs and labels", data),
    ];
    let caption = format!(
        "k = d = m, n = {RATIO}d; the largest of {} instances for each size ({}), all threads.",
        seeds(plan),
        plan.seed_range(seeds(plan))
    );
    let heading = Heading::new("time-and-memory-memory", "Memory of exact recovery", caption);
    Figure::Chart(Chart {
        heading,
        x: Axis::log("k = d = m"),
        y: Axis::log("memory (MB)"),
        series,
        marks: Vec::new(),
    })
}

/// Bytes at the peak above those held before; the largest of the instances.
fn extra_bytes(rows: &Rows<'_>) -> Option<f64> {
    rows.max("extra_bytes").filter(|bytes| *bytes > 0.0)
}

fn table(recoveries: &Rows<'_>, speed: &Speed, plan: &Plan) -> Figure {
    let groups = recoveries.by_number("k");
    let body = groups.iter().map(|(k, rows)| {
        let seconds = rows.median("seconds").unwrap_or(f64::NAN);
        let memory = extra_bytes(rows).map_or("–".to_string(), |bytes| format!("{:.1}", bytes / 1e6));
        vec![
            k.to_string(),
            rows.rate("exact").to_string(),
            rows.max("error").map_or("–".to_string(), |error| format!("{error:.1e}")),
            format!("{seconds:.3}"),
            format!("{:.1e}", speed.upper(*k)),
            format!("{:.0}", seconds / speed.upper(*k)),
            memory,
        ]
    });
    let head = [
        "k = d = m",
        "exact",
        "largest error",
        "time (s)",
        "upper floor (s)",
        "times the floor",
        "memory (MB)",
    ];
    Figure::Table(Table {
        heading: Heading::new("time-and-memory-table", "Time beside its floor", caption(plan)),
        head: head.map(String::from).to_vec(),
        body: body.collect(),
    })
}
