//! Other inputs than standard Gaussian ones.

use orthant::linalg::{Mat, random};
use orthant::network::{BiasKind, InputKind, Network, Planted, PlantedSpec};
use orthant::{BiasModel, Method, Samples, Settings, recover};

use crate::experiment::{About, Check, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::figure::{Figure, Heading, HeatMap, Table};
use crate::record::{Record, Row};
use crate::rows::{Rate, Rows};
use crate::trial::{Trial, decompose_once};

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
            method: "Planted networks without biases, and none are fitted; U and V standard Gaussian. Auto, pursuit, lift and paired are \
                     `recover` with that method, not counting what refinement had to complete; paired samples are half inputs, half \
                     their negatives. Symmetric, tensor and power are one decomposition of the moments with the exact finish, \
                     as in the paper; `recover`, which tries further ones, is in the table. Exact means that the verdict says so, and \
                     that the weights are the planted ones, of all units that are active on some sample: others leave no trace.",
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
                    tasks.push(Task { seed, point, cost: 0.01 + 2e-5 * n as f64 });
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
        planted.network = visible(&planted)?;
        let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref())?;
        let bias = BiasModel::Known(BiasKind::None);
        let settings = Settings { method, bias, seed: task.seed, ..Settings::default() };
        let found = recover(&samples, &settings, &mut context.callback());
        let whole = Trial::of(&found, &planted.network);
        // What refinement had to complete does not count for a method.
        let alone = method == Method::Auto
            || found.as_ref().is_ok_and(|recovery| recovery.report.method == method.name());
        let once = match method {
            Method::Symmetric | Method::Tensor | Method::Power => {
                Some(decompose_once(&planted, method, task.seed, context)?)
            }
            _ => None,
        };
        let values = Record::new()
            .with("exact", once.as_ref().map_or(alone && whole.is_exact(), Trial::is_exact))
            .with("wrong", whole.is_wrong())
            .with("visible", planted.network.k())
            .with("recovered", whole.is_exact())
            .with("error", whole.error)
            .with("verdict", whole.verdict);
        Ok(Outcome { values, measured: Record::new() })
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        let rows = Rows::new(rows);
        let count = seeds(plan);
        let cell = |method: Method, assumes: Assumes, inputs: InputKind| {
            let rows = of(&rows, method, inputs);
            let rate = rows.rate("exact");
            // The number of instances is in the caption: cells are small.
            let text = if assumes.holds(inputs) { rate.hits.to_string() } else { format!("({})", rate.hits) };
            (!rows.is_empty()).then(|| (rate.share(), text))
        };
        let map = HeatMap {
            heading: Heading::new(
                "inputs-exact",
                "Exact recovery over methods and inputs",
                format!(
                    "m = {M}, k = {K}, d = {D}: exact and right ones of {count} instances in each cell ({}). In parentheses where the inputs \
                     are not what the method assumes. Equal correlations of 0.9 have a covariance of condition {:.0}.",
                    plan.seed_range(count),
                    1.0 + 0.9 * D as f64 / 0.1
                ),
            ),
            x_label: "distribution of the inputs".to_string(),
            y_label: "method, samples n".to_string(),
            columns: InputKind::ALL.iter().map(|&inputs| shown(inputs).to_string()).collect(),
            rows: METHODS
                .iter()
                .map(|(method, n, _)| format!("{}, n\u{a0}=\u{a0}{n}", method.name()))
                .collect(),
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
    plan.pick(20, 50)
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

/// The part of the network that the samples show: the units that are active on some of them.
fn visible(planted: &Planted) -> anyhow::Result<Network> {
    let z = planted.network.activations(planted.x.as_ref());
    let units: Vec<usize> = (0..K).filter(|&i| z.row(i).iter().any(|&z| z > 0.0)).collect();
    let (u, v) = (planted.network.u(), planted.network.v());
    let u = Mat::from_fn(M, units.len(), |o, i| u[(o, units[i])]);
    let v = Mat::from_fn(units.len(), D, |i, r| v[(units[i], r)]);
    Ok(Network::new(u, v, None, None)?)
}

/// What `recover` says where the inputs are not what a method assumes, and of binary inputs.
fn table(rows: &Rows<'_>) -> Table {
    let mut body = Vec::new();
    for (method, _, assumes) in METHODS {
        let is_shown = |inputs: InputKind| !assumes.holds(inputs) || inputs == InputKind::Binary;
        for inputs in InputKind::ALL.into_iter().filter(|&inputs| is_shown(inputs)) {
            let rows = of(rows, method, inputs);
            let otherwise: Vec<String> = rows
                .filter(|row| row.text("verdict") != "exact")
                .by_text("verdict")
                .iter()
                .map(|(verdict, rows)| format!("{verdict} ({})", rows.len()))
                .collect();
            body.push(vec![
                method.name().to_string(),
                shown(inputs).to_string(),
                rows.rate("exact").to_string(),
                rows.rate("recovered").to_string(),
                otherwise.join("; "),
                rows.rate("wrong").hits.to_string(),
            ]);
        }
    }
    Table {
        heading: Heading::new(
            "inputs-refuted",
            "Where a method's assumption does not hold, and binary inputs",
            "The same instances: how many are exact as in the map, how many by `recover`, what it says of the others, and how many are \
             called exact and wrong.",
        ),
        head: ["method", "inputs", "exact", "by recover", "otherwise", "wrong"].map(String::from).to_vec(),
        body,
    }
}

fn judge(rows: &Rows<'_>) -> (Vec<Check>, Vec<String>) {
    let without_binary = rows.filter(|row| row.text("inputs") != InputKind::Binary.name());
    let rate = |assumes, holds, value: &str| where_it(&without_binary, assumes, holds).rate(value);
    let at_least = |name, assumes: Assumes, share: f64| {
        let rate = rate(assumes, true, "exact");
        let asked =
            format!("at least {:.0} % exact for {}, binary ones apart", 100.0 * share, assumes.name());
        Check::new(name, asked, rate.to_string(), rate.share() >= share)
    };
    let equal: Vec<_> = METHODS
        .iter()
        .map(|entry| (entry.0.name(), of(rows, entry.0, InputKind::Equicorrelated).rate("recovered")))
        .collect();
    let listed = |rates: &[(&str, Rate)]| {
        rates.iter().map(|(name, rate)| format!("{name} {rate}")).collect::<Vec<_>>().join(", ")
    };
    let once: Vec<_> = [Method::Symmetric, Method::Tensor, Method::Power]
        .iter()
        .map(|&method| (method.name(), of(rows, method, InputKind::Equicorrelated).rate("exact")))
        .collect();
    let once = listed(&once);
    let binary = |method| of(rows, method, InputKind::Binary).rate("exact");
    let paired = binary(Method::Paired);
    let wrong = rows.rate("wrong");
    let checks = vec![
        at_least("any-inputs", Assumes::Nothing, 0.95),
        at_least("symmetric-inputs", Assumes::Symmetry, 0.92),
        at_least("gaussian-inputs", Assumes::Gaussian, 0.85),
        Check::new(
            "any-covariance",
            "at least 85 % exact by `recover` with each method, at a covariance of condition above 100",
            listed(&equal),
            equal.iter().all(|(_, rate)| rate.share() >= 0.85),
        ),
        Check::new(
            "binary-pairs",
            "at least 80 % exact for binary inputs with their negatives",
            paired.to_string(),
            paired.share() >= 0.8,
        ),
        Check::new("no-wrong-exact", "no answer exact and wrong", wrong.to_string(), wrong.hits == 0),
    ];
    let findings = vec![
        format!(
            "Exact where the assumption holds: {} by the methods for any inputs, {} by the one for symmetric inputs, {} by those for \
             Gaussian inputs, binary inputs apart.",
            rate(Assumes::Nothing, true, "exact"),
            rate(Assumes::Symmetry, true, "exact"),
            rate(Assumes::Gaussian, true, "exact")
        ),
        format!(
            "Binary inputs have their mean away from zero, and the kinks are at zero: some units are nearly always or nearly never \
             active, which no method can help. {} are exact by auto, and the verdict names the units that the samples leave open. With \
             their negatives among the samples {paired} are.",
            binary(Method::Auto)
        ),
        format!(
            "Inputs that are symmetric but not Gaussian do not stop the methods for Gaussian ones: {} are exact from one \
             decomposition, {} by `recover`. Moments that are only nearly right come near enough for the exact finish, which assumes \
             nothing.",
            rate(Assumes::Gaussian, false, "exact"),
            rate(Assumes::Gaussian, false, "recovered"),
        ),
        format!(
            "At a covariance of condition above 100 one decomposition of the moments is not always enough ({once}); further ones, as in \
             `recover`, are: {}. Of all answers called exact, {} are wrong.",
            listed(&equal),
            wrong.hits
        ),
    ];
    (checks, findings)
}
