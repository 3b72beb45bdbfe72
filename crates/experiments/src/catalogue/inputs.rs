//! Other inputs than standard Gaussian ones.

use orthant::linalg::{Mat, random};
use orthant::network::{BiasKind, InputKind, PlantedSpec};
use orthant::{BiasModel, Method, Samples, Settings, recover};

use crate::answer::Answer;
use crate::experiment::{About, Check, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::figure::{Figure, Heading, HeatMap, Table};
use crate::record::{Record, Row};
use crate::rows::Rows;

/// Success of each method over distributions of the inputs.
pub struct Inputs;

const M: usize = 8;
const K: usize = 6;
const D: usize = 12;

/// What a method assumes of the inputs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Assumes {
    Nothing,
    Symmetry,
    Gaussian,
}

/// The methods with their numbers of samples.
const METHODS: [(Method, usize, Assumes); 7] = [
    (Method::Auto, 240, Assumes::Nothing),
    (Method::Pursuit, 240, Assumes::Nothing),
    (Method::Lift, 240, Assumes::Nothing),
    (Method::Paired, 240, Assumes::Nothing),
    (Method::Symmetric, 4000, Assumes::Symmetry),
    (Method::Tensor, 4000, Assumes::Gaussian),
    (Method::Power, 4000, Assumes::Gaussian),
];

impl Assumes {
    fn holds(self, inputs: InputKind) -> bool {
        let gaussian =
            matches!(inputs, InputKind::Gaussian | InputKind::Correlated | InputKind::Equicorrelated);
        match self {
            Assumes::Nothing => true,
            Assumes::Symmetry => inputs != InputKind::Binary,
            Assumes::Gaussian => gaussian,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Assumes::Nothing => "any inputs",
            Assumes::Symmetry => "symmetric inputs",
            Assumes::Gaussian => "Gaussian inputs",
        }
    }
}

/// In the head of the map.
fn shown(inputs: InputKind) -> &'static str {
    match inputs {
        InputKind::Gaussian => "Gaussian",
        InputKind::Uniform => "uniform",
        InputKind::Laplace => "Laplace",
        InputKind::Student3 => "Student, 3 d.f.",
        InputKind::Sign => "signs ±1",
        InputKind::Binary => "binary 0, 1",
        InputKind::Correlated => "chain, ρ = 0.9",
        InputKind::Equicorrelated => "equal ρ = 0.9",
    }
}

impl Experiment for Inputs {
    fn about(&self) -> About {
        About {
            name: "inputs",
            title: "Distributions of the inputs",
            claim: "Covariances of full rank are no harder than the identity, and inputs symmetric about zero can take the place of \
                    Gaussian ones.",
            source: "Remark 24, Lemma 25, Section C.3, Theorem 52, Corollary 53",
            method: "Planted networks without biases, and none are fitted; U and V standard Gaussian. The methods differ in what they \
                     assume of the inputs and in the samples they need; paired samples are half inputs, half their negatives. Success is \
                     the verdict exact with weights equal to the planted ones.",
        }
    }

    fn tasks(&self, plan: &Plan) -> Vec<Task> {
        let mut tasks = Vec::new();
        for (method, n, _) in METHODS {
            for inputs in InputKind::ALL {
                for seed in plan.seeds(seeds(plan)) {
                    let point = Record::new()
                        .with("method", method.name())
                        .with("inputs", inputs.name())
                        .with("n", n);
                    tasks.push(Task { seed, point, cost: 0.02 + 2e-5 * n as f64 });
                }
            }
        }
        tasks
    }

    fn run(&self, task: &Task, context: &Context<'_>) -> anyhow::Result<Outcome> {
        let (method, inputs) = chosen(&task.point)?;
        let n = task.point.count("n");
        let spec = PlantedSpec { m: M, k: K, d: D, inputs, seed: task.seed, ..PlantedSpec::default() };
        let mut planted = spec.plant(n)?;
        if method == Method::Paired {
            let half = n / 2;
            let x = inputs.sample(D, half, &mut random::stream(task.seed, "pairs", 0));
            planted.x = Mat::from_fn(D, n, |i, j| if j < half { x[(i, j)] } else { -x[(i, j - half)] });
            planted.a = planted.network.labels(planted.x.as_ref());
        }
        let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref())?;
        let settings = Settings {
            method,
            bias: BiasModel::Known(BiasKind::None),
            seed: task.seed,
            ..Settings::default()
        };
        let found = recover(&samples, &settings, &mut context.callback());
        Ok(Outcome { values: Answer::of(&found, &planted.network).values(), measured: Record::new() })
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        let rows = Rows::new(rows);
        let count = seeds(plan);
        let cell = |method: Method, assumes: Assumes, inputs: InputKind| {
            let rows = of(&rows, method, inputs);
            let rate = rows.rate("exact");
            let text = if assumes.holds(inputs) {
                format!("{}/{}", rate.hits, rate.of)
            } else {
                format!("({}/{})", rate.hits, rate.of)
            };
            (!rows.is_empty()).then(|| (rate.share(), text))
        };
        let map = HeatMap {
            heading: Heading::new(
                "inputs-exact",
                "Exact recovery over methods and inputs",
                format!(
                    "m = {M}, k = {K}, d = {D}: exact and right of {count} instances in each cell ({}). In parentheses where the inputs \
                     are not what the method assumes. Equal correlations of 0.9 have a covariance of condition {:.0}.",
                    plan.seed_range(count),
                    1.0 + 0.9 * D as f64 / 0.1
                ),
            ),
            x_label: "distribution of the inputs".to_string(),
            y_label: "method, samples n".to_string(),
            columns: InputKind::ALL.iter().map(|&inputs| shown(inputs).to_string()).collect(),
            rows: METHODS.iter().map(|(method, n, _)| format!("{}, n = {n}", method.name())).collect(),
            cells: METHODS
                .iter()
                .map(|&(method, _, assumes)| {
                    InputKind::ALL.iter().map(|&inputs| cell(method, assumes, inputs)).collect()
                })
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

fn chosen(point: &Record) -> anyhow::Result<(Method, InputKind)> {
    let method = METHODS.iter().map(|entry| entry.0).find(|method| method.name() == point.text("method"));
    let inputs = InputKind::ALL.into_iter().find(|inputs| inputs.name() == point.text("inputs"));
    method.zip(inputs).ok_or_else(|| anyhow::anyhow!("no such method or inputs"))
}

fn of<'a>(rows: &Rows<'a>, method: Method, inputs: InputKind) -> Rows<'a> {
    rows.having("method", method.name()).having("inputs", inputs.name())
}

/// The rows of the methods that assume this, where it holds or where it does not.
fn where_it<'a>(rows: &Rows<'a>, assumes: Assumes, holds: bool) -> Rows<'a> {
    rows.filter(|row| {
        let is_one = |&(method, _, own): &(Method, usize, Assumes)| {
            own == assumes
                && method.name() == row.text("method")
                && InputKind::ALL
                    .iter()
                    .any(|&inputs| inputs.name() == row.text("inputs") && own.holds(inputs) == holds)
        };
        METHODS.iter().any(is_one)
    })
}

/// What is said where the inputs are not what a method assumes.
fn table(rows: &Rows<'_>) -> Table {
    let mut body = Vec::new();
    for (method, _, assumes) in METHODS {
        for inputs in InputKind::ALL.into_iter().filter(|&inputs| !assumes.holds(inputs)) {
            let rows = of(rows, method, inputs);
            let said: Vec<String> = rows
                .filter(|row| row.text("said") != "exact")
                .by_text("said")
                .iter()
                .map(|(said, rows)| format!("{said} ({})", rows.len()))
                .collect();
            body.push(vec![
                method.name().to_string(),
                shown(inputs).to_string(),
                rows.rate("exact").to_string(),
                said.join(", "),
                rows.rate("wrong").hits.to_string(),
            ]);
        }
    }
    Table {
        heading: Heading::new(
            "inputs-refuted",
            "Where a method's assumption does not hold",
            "The same instances: how many are exact all the same, what is said of the others, and how many are called exact and wrong.",
        ),
        head: ["method", "inputs", "exact", "otherwise", "wrong"].map(String::from).to_vec(),
        body,
    }
}

fn judge(rows: &Rows<'_>) -> (Vec<Check>, Vec<String>) {
    let rate = |assumes, holds| where_it(rows, assumes, holds).rate("exact");
    let at_least = |name, assumes: Assumes, share: f64| {
        let rate = rate(assumes, true);
        let asked = format!("at least {:.0} % exact for {}", 100.0 * share, assumes.name());
        Check::new(name, asked, rate.to_string(), rate.share() >= share)
    };
    let equal: Vec<_> = METHODS
        .iter()
        .map(|entry| (entry.0.name(), of(rows, entry.0, InputKind::Equicorrelated).rate("exact")))
        .collect();
    let wrong = rows.rate("wrong");
    let checks = vec![
        at_least("any-inputs", Assumes::Nothing, 0.9),
        at_least("symmetric-inputs", Assumes::Symmetry, 0.9),
        at_least("gaussian-inputs", Assumes::Gaussian, 0.9),
        Check::new(
            "any-covariance",
            "at least 80 % exact by each method at a covariance of condition above 100",
            equal.iter().map(|(name, rate)| format!("{name} {rate}")).collect::<Vec<_>>().join(", "),
            equal.iter().all(|(_, rate)| rate.share() >= 0.8),
        ),
        Check::new("no-wrong-exact", "no answer exact and wrong", wrong.to_string(), wrong.hits == 0),
    ];
    let findings = vec![
        format!(
            "Exact where the assumption holds: {} by methods for any inputs, {} for symmetric inputs, {} for Gaussian inputs.",
            rate(Assumes::Nothing, true),
            rate(Assumes::Symmetry, true),
            rate(Assumes::Gaussian, true)
        ),
        format!(
            "Where it does not hold: {} of the method for symmetric inputs, {} of those for Gaussian inputs; moments that are only \
             nearly right often come near enough for the exact finish, which makes no assumption.",
            rate(Assumes::Symmetry, false),
            rate(Assumes::Gaussian, false)
        ),
        format!("Of all answers called exact, {} are wrong.", wrong.hits),
    ];
    (checks, findings)
}
