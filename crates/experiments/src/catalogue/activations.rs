//! Other activations than max(t, 0).

use orthant::network::{BiasKind, PlantedSpec};
use orthant::{Activation, BiasModel, Method, Samples, Settings, recover};

use crate::experiment::{About, Check, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::figure::{Figure, Heading, HeatMap, Table};
use crate::record::{Record, Row};
use crate::rows::Rows;
use crate::trial::{RECOVERED, Trial};

/// Success of each activation against the number of samples.
pub struct Activations;

const M: usize = 8;
const K: usize = 6;
const D: usize = 8;

/// Numbers of samples over the number of inputs.
const RATIOS: [usize; 7] = [2, 3, 4, 5, 6, 8, 12];

/// The patience of pursuit: a third of what it is by default, enough for this size.
const PATIENCE: usize = 10_000;

/// The names of the activations for the library and for the reader. Two slopes have no zeros to go by, and are left to the lift.
const ACTIVATIONS: [(&str, &str, Method); 9] = [
    ("relu", "max(t, 0)", Method::Pursuit),
    ("power:0.5", "√t", Method::Pursuit),
    ("power:1.5", "t√t", Method::Pursuit),
    ("power:2", "t²", Method::Pursuit),
    ("power:3", "t³", Method::Pursuit),
    ("expm1", "exp(t) − 1", Method::Pursuit),
    ("expm1-square", "exp(t²) − 1", Method::Pursuit),
    ("leaky-relu:0.1", "leaky, slope 0.1", Method::Lift),
    ("abs", "|t|", Method::Lift),
];

impl Experiment for Activations {
    fn about(&self) -> About {
        About {
            name: "activations",
            title: "Other activations",
            claim: "The zeros of the activations alone determine the weights, so that other rectified functions than max(t, 0) are \
                    recovered as well.",
            source: "Appendix G.1; leaky ReLU and |t| beyond it",
            method: "Standard Gaussian inputs and U, rows of V standard Gaussian of unit norm, no biases, and none are fitted. The \
                     functions are zero for t ≤ 0, but for leaky ReLU and |t|. Exact means the verdict, with weights equal to the planted \
                     ones: with the scale of the rows of V where the function determines it, and up to the sign of each row for |t|.",
        }
    }

    fn tasks(&self, plan: &Plan) -> Vec<Task> {
        let mut tasks = Vec::new();
        for (activation, _, method) in ACTIVATIONS {
            for ratio in RATIOS {
                for seed in plan.seeds(seeds(plan)) {
                    let point = Record::new()
                        .with("activation", activation)
                        .with("method", method.name())
                        .with("n", ratio * D)
                        .with("ratio", ratio);
                    tasks.push(Task { seed, point, cost: 0.1 });
                }
            }
        }
        tasks
    }

    fn run(&self, task: &Task, context: &Context<'_>) -> anyhow::Result<Outcome> {
        let activation: Activation = task.point.text("activation").parse()?;
        let of = |entry: &&(&str, &str, Method)| entry.0 == task.point.text("activation");
        let method = ACTIVATIONS.iter().find(of).map_or(Method::Auto, |entry| entry.2);
        let spec = PlantedSpec {
            m: M,
            k: K,
            d: D,
            activation: activation.clone(),
            seed: task.seed,
            ..PlantedSpec::default()
        };
        let planted = spec.plant(task.point.count("n"))?;
        let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref())?;
        let bias = BiasModel::Known(BiasKind::None);
        let settings =
            Settings { method, bias, activation, seed: task.seed, patience: PATIENCE, ..Settings::default() };
        let found = recover(&samples, &settings, &mut context.callback());
        // Units that the method misses are sought by refinement.
        let by = found.as_ref().map_or("", |recovery| recovery.report.method.as_str());
        let values = Trial::of(&found, &planted.network).values().with("by", by);
        Ok(Outcome { values, measured: Record::new() })
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        let rows = Rows::new(rows);
        let count = seeds(plan);
        let cell = |activation: &str, ratio: usize| {
            let rows = rows.having("activation", activation).having("ratio", ratio);
            let rate = rows.rate("exact");
            (!rows.is_empty()).then(|| (rate.share(), rate.hits.to_string()))
        };
        let map = HeatMap {
            heading: Heading::new(
                "activations-exact",
                "Exact recovery by activation",
                format!(
                    "m = {M}, k = {K}, d = {D}: exact and right ones of {count} instances in each cell ({}). The lift needs about as many \
                     samples as it has monomials, k(k + 1)/2 + kd, which is n/d = {:.1}; below, refinement from random starts takes its \
                     place.",
                    plan.seed_range(count),
                    (K * (K + 1) / 2 + K * D) as f64 / D as f64
                ),
            ),
            x_label: "samples over inputs, n / d".to_string(),
            y_label: "f(t), method".to_string(),
            columns: RATIOS.iter().map(usize::to_string).collect(),
            rows: ACTIVATIONS
                .iter()
                .map(|(_, shown, method)| format!("{shown}, {}", method.name()))
                .collect(),
            cells: ACTIVATIONS
                .iter()
                .map(|(activation, ..)| RATIOS.iter().map(|&ratio| cell(activation, ratio)).collect())
                .collect(),
            full: "exact on all seeds".to_string(),
        };
        let (checks, findings) = judge(&rows);
        Presentation { findings, figures: vec![Figure::HeatMap(map), Figure::Table(table(&rows))], checks }
    }
}

fn seeds(plan: &Plan) -> usize {
    plan.pick(10, 50)
}

/// The least ratio at which at least half of the instances, and at all larger ones, are exact.
fn half(rows: &Rows<'_>) -> Option<f64> {
    let groups = rows.by_number("ratio");
    let reaches = |rows: &Rows<'_>| rows.rate("exact").share() >= 0.5;
    let first = groups.iter().rposition(|(_, rows)| !reaches(rows)).map_or(0, |last| last + 1);
    groups.get(first).map(|(ratio, _)| *ratio)
}

fn table(rows: &Rows<'_>) -> Table {
    let body = ACTIVATIONS.iter().map(|(activation, shown, method)| {
        let rows = rows.having("activation", *activation);
        let exact = rows.having("exact", true);
        let error = |value: Option<f64>| value.map_or("–".to_string(), |error| format!("{error:.1e}"));
        vec![
            (*shown).to_string(),
            method.name().to_string(),
            half(&rows).map_or("–".to_string(), |ratio| ratio.to_string()),
            rows.having("ratio", largest()).rate("exact").to_string(),
            error(exact.median("error")),
            error(exact.max("error")),
            rows.rate("wrong").hits.to_string(),
        ]
    });
    Table {
        heading: Heading::new(
            "activations-errors",
            "Errors of the exact answers",
            format!(
                "The same instances: the least n/d from which on half of them are exact, exact ones at n/d = {}, median and largest \
                 relative error of a unit over all exact answers, and answers called exact with an error above {RECOVERED:e}.",
                largest()
            ),
        ),
        head: ["f(t)", "method", "half at n/d", "exact at the end", "median error", "worst error", "wrong"]
            .map(String::from)
            .to_vec(),
        body: body.collect(),
    }
}

fn largest() -> usize {
    RATIOS.into_iter().max().unwrap_or(0)
}

fn judge(rows: &Rows<'_>) -> (Vec<Check>, Vec<String>) {
    let last = rows.having("ratio", largest());
    let of_method = |method: Method| last.having("method", method.name()).rate("exact");
    let (pursuit, lift) = (of_method(Method::Pursuit), of_method(Method::Lift));
    let rates: Vec<_> =
        last.by_text("activation").into_iter().map(|(a, rows)| (a, rows.rate("exact"))).collect();
    let shown = |name: &str| ACTIVATIONS.iter().find(|entry| entry.0 == name).map_or("", |entry| entry.1);
    let least = rates.iter().min_by(|a, b| a.1.share().total_cmp(&b.1.share()));
    let wrong = rows.rate("wrong");
    let worst = rows.having("exact", true).max("error").unwrap_or(f64::NAN);
    let end = largest();
    let named = least.map_or("none".to_string(), |(name, rate)| format!("{} {rate}", shown(name)));
    let checks = vec![
        Check::new(
            "rectified",
            format!("at least 92 % of all rectified activations exact at n = {end} d"),
            pursuit.to_string(),
            pursuit.share() >= 0.92,
        ),
        Check::new(
            "two-slopes",
            format!("at least 90 % exact with two slopes at n = {end} d"),
            lift.to_string(),
            lift.share() >= 0.9,
        ),
        Check::new(
            "each",
            format!("at least half exact for each activation at n = {end} d"),
            format!("least: {named}"),
            least.is_some_and(|(_, rate)| rate.share() >= 0.5),
        ),
        Check::new("no-wrong-exact", "no answer exact and wrong", wrong.to_string(), wrong.hits == 0),
    ];
    let halves: Vec<String> = ACTIVATIONS
        .iter()
        .filter_map(|(name, shown, _)| {
            half(&rows.having("activation", *name)).map(|ratio| format!("{shown} {ratio}"))
        })
        .collect();
    let two_slopes = rows.having("method", Method::Lift.name()).having("exact", true);
    let refined = two_slopes.filter(|row| row.text("by") != Method::Lift.name());
    let findings = vec![
        format!(
            "At n = {end} d, {pursuit} instances of the rectified activations are exact by pursuit, and {lift} of those with two slopes \
             by the lift. The hardest is {named}."
        ),
        format!("Half of the instances are exact from n/d of: {}.", halves.join(", ")),
        format!(
            "Of the {} exact answers with two slopes, {} are due to refinement, at n below the number of monomials.",
            two_slopes.len(),
            refined.len()
        ),
        format!(
            "The worst error of an exact answer is {worst:.1e}; {} of the exact answers are wrong.",
            wrong.hits
        ),
    ];
    (checks, findings)
}
