//! Fewer outputs than units.

use orthant::network::PlantedSpec;
use orthant::{Samples, Settings, recover};

use crate::experiment::{About, Check, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::figure::{Axis, Chart, Figure, Heading, HeatMap, Series};
use crate::record::{Record, Row};
use crate::rows::Rows;
use crate::trial::Trial;

/// Samples for each weight.
const PER_WEIGHT: usize = 10;

/// Exact recovery over numbers of outputs and units.
pub struct FewOutputs;

impl Experiment for FewOutputs {
    fn about(&self) -> About {
        About {
            name: "few-outputs",
            title: "Fewer outputs than units",
            claim: "Output weights of any rank are recovered exactly, also where there are fewer outputs than units; Algorithm 8 pays \
                    for it with a number of samples exponential in k.",
            source: "Theorems 5 and 65; beyond Algorithm 8",
            method: "d = 2k standard Gaussian inputs, standard Gaussian U and V, no biases and none assumed to be known, ten samples for \
                     each of the k(d + m) weights. `recover` without any setting has to find the width, too: by pursuit where m > k, \
                     by restarts of all units at once, with units to spare, where m is at most k.",
        }
    }

    fn tasks(&self, plan: &Plan) -> Vec<Task> {
        let mut tasks = Vec::new();
        for &m in outputs(plan) {
            for &k in widths(plan) {
                for seed in plan.seeds(seeds(plan)) {
                    let d = 2 * k;
                    let n = PER_WEIGHT * k * (d + m);
                    let point = Record::new().with("m", m).with("k", k).with("d", d).with("n", n);
                    let restarts = if m < k { 8e-5 * (k as f64).powi(5) } else { 0.0 };
                    tasks.push(Task { seed, point, cost: 0.02 + restarts });
                }
            }
        }
        tasks
    }

    fn run(&self, task: &Task, context: &Context<'_>) -> anyhow::Result<Outcome> {
        let count = |name| task.point.count(name);
        let (m, k, d) = (count("m"), count("k"), count("d"));
        let planted = PlantedSpec { m, k, d, seed: task.seed, ..PlantedSpec::default() }.plant(count("n"))?;
        let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref())?;
        let settings = Settings { seed: task.seed, ..Settings::default() };
        let start = std::time::Instant::now();
        let found = recover(&samples, &settings, &mut context.callback());
        let seconds = start.elapsed().as_secs_f64();
        let values = Trial::of(&found, &planted.network).values();
        Ok(Outcome { values, measured: Record::new().with("seconds", seconds) })
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        let rows = Rows::new(rows);
        let count = seeds(plan);
        let cell = |m: usize, k: usize| {
            let rows = rows.having("m", m).having("k", k);
            let rate = rows.rate("exact");
            (!rows.is_empty()).then(|| (rate.share(), format!("{}/{}", rate.hits, rate.of)))
        };
        let map = HeatMap {
            heading: Heading::new(
                "few-outputs-exact",
                "Exact recovery over outputs and units",
                format!(
                    "d = 2k, n = {PER_WEIGHT} k (d + m): exact and right of {count} instances in each cell ({}). Above the diagonal, where m < k, no \
                     single unit is in the row space of the labels.",
                    plan.seed_range(count)
                ),
            ),
            x_label: "hidden units k".to_string(),
            y_label: "outputs m".to_string(),
            columns: widths(plan).iter().map(usize::to_string).collect(),
            rows: outputs(plan).iter().map(usize::to_string).collect(),
            cells: outputs(plan)
                .iter()
                .map(|&m| widths(plan).iter().map(|&k| cell(m, k)).collect())
                .collect(),
            full: "exact on all seeds".to_string(),
        };
        let times = outputs(plan).iter().map(|&m| {
            let groups = rows.having("m", m).by_number("k");
            let points = groups.iter().filter_map(|(k, rows)| rows.quartiles("seconds", *k)).collect();
            Series::curve(format!("m = {m}"), points)
        });
        let chart = Chart {
            heading: Heading::new(
                "few-outputs-time",
                "Time on one thread",
                format!("As above; median and quartiles of {count} instances."),
            ),
            x: Axis::linear("hidden units k"),
            y: Axis::log("time (s)"),
            series: times.collect(),
            marks: Vec::new(),
        };
        let (checks, findings) = judge(&rows);
        Presentation { findings, figures: vec![Figure::HeatMap(map), Figure::Chart(chart)], checks }
    }
}

fn judge(rows: &Rows<'_>) -> (Vec<Check>, Vec<String>) {
    let is_few = |row: &Row| row.number("m") < row.number("k");
    let few = rows.filter(is_few);
    let scalar = few.having("m", 1_usize);
    let others = few.filter(|row| row.number("m") > Some(1.0));
    let enough = rows.filter(|row| !is_few(row));
    let wrong = rows.rate("wrong");
    let rate = |rows: &Rows<'_>| rows.rate("exact");
    let at_least = |name, asked: &str, rows: &Rows<'_>, share: f64| {
        let rate = rows.rate("exact");
        Check::new(name, asked, rate.to_string(), rate.share() >= share)
    };
    let checks = vec![
        at_least("one-output", "at least 85 % exact with m = 1", &scalar, 0.85),
        at_least("few-outputs", "at least 90 % exact with 1 < m < k", &others, 0.90),
        at_least("enough-outputs", "at least 95 % exact with m ≥ k", &enough, 0.95),
        Check::new("no-wrong-exact", "no answer exact and wrong", wrong.to_string(), wrong.hits == 0),
    ];
    let findings = vec![
        format!(
            "Exact: {} with one output, {} with more outputs than one but fewer than units, {} with at least as many outputs as units.",
            rate(&scalar),
            rate(&others),
            rate(&enough)
        ),
        "These are ten samples for each weight. Algorithm 8 needs samples in which one unit is alone active, of which there are \
         between 2^(−k) and about (2κ(V))^(−k): see Units that are alone."
            .to_string(),
        format!("Of the answers called exact, {} are wrong.", wrong.hits),
    ];
    (checks, findings)
}

fn outputs(plan: &Plan) -> &'static [usize] {
    plan.pick(&[1, 2, 4, 8], &[1, 2, 3, 4, 6, 8])
}

fn widths(plan: &Plan) -> &'static [usize] {
    plan.pick(&[2, 3, 4, 5, 6, 8, 10], &[2, 3, 4, 5, 6, 7, 8, 9, 10, 12])
}

fn seeds(plan: &Plan) -> usize {
    plan.pick(4, 10)
}
