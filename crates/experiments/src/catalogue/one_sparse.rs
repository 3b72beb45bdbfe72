//! The samples that Algorithm 8 needs.

use std::ops::ControlFlow;

use orthant::fpt::FptError;
use orthant::fpt::one_sparse::{self, expected_samples, expected_samples_for};
use orthant::linalg::{Mat, spectrum};
use orthant::network::{BiasKind, Network, Planted, PlantedSpec};
use orthant::{BiasModel, Samples, Settings};

use crate::experiment::{About, Check, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::figure::{Axis, Chart, Figure, Heading, Mean, Series, Table};
use crate::record::{Record, Row};
use crate::rows::Rows;
use crate::statistics::{log_log_slope, quantile};
use crate::trial::Trial;

/// The least number of samples at which Algorithm 8 succeeds, against the condition of V.
pub struct OneSparse;

const M: usize = 2;
const D: usize = 6;

/// The failure probability that predictions are for.
const FAILURE: f64 = 0.05;

/// Condition numbers of V; of random ones before their rows are normalised.
const CONDITIONS: [f64; 5] = [1.0, 1.5, 2.0, 3.0, 4.0];

/// How V is chosen: at random, or so that one unit is alone as rarely as the condition allows, nearly.
const RANDOM: &str = "random";
const WORST: &str = "worst";

/// What is said of networks with one output.
const REFUSED: &str = "refused: one output";

/// Numbers of samples that are tried grow by this factor.
const STEP: f64 = 1.189_207_115_002_721;

impl Experiment for OneSparse {
    fn about(&self) -> About {
        About {
            name: "one-sparse",
            title: "Units that are alone",
            claim: "Samples on which one unit is alone active give output weights of any rank, in time and samples exponential in k only: \
                    (kκ(V))^O(k).",
            source: "Theorems 5 and 65, Lemma 64, Algorithm 8",
            method: "Two outputs, standard Gaussian inputs and U, no biases, and none are fitted. V is random, with singular values spread \
                     by a condition number before its rows are normalised; or has rows of equal correlations, of which all but \
                     the first are then turned, the worst case for the first unit. Its condition κ(V) is measured. Algorithm 8 is run on \
                     the first n samples for n growing by a factor of 2^(1/4), until it is exact with the planted weights; and on the \
                     number of samples predicted from k, d and κ(V) alone for a failure probability of 5 %.",
        }
    }

    fn tasks(&self, plan: &Plan) -> Vec<Task> {
        let mut tasks = Vec::new();
        for &k in widths(plan) {
            for (m, v) in [(M, RANDOM), (M, WORST), (1, RANDOM)] {
                // No two conditions share their inputs.
                let all: Vec<u64> = plan.seeds(CONDITIONS.len() * seeds(plan)).collect();
                for (kappa, seeds) in CONDITIONS.into_iter().zip(all.chunks(seeds(plan))) {
                    for &seed in seeds {
                        let point = Record::new()
                            .with("m", m)
                            .with("k", k)
                            .with("d", D)
                            .with("v", v)
                            .with("kappa_set", kappa);
                        let cost = if m == 1 { 0.001 } else { 0.004 * (kappa * 1.5).powi(k as i32 - 1) };
                        tasks.push(Task { seed, point, cost });
                    }
                }
            }
        }
        tasks
    }

    fn run(&self, task: &Task, context: &Context<'_>) -> anyhow::Result<Outcome> {
        let (m, k) = (task.point.count("m"), task.point.count("k"));
        let kappa_v = task.point.number("kappa_set");
        let spec = PlantedSpec { m, k, d: D, kappa_v, seed: task.seed, ..PlantedSpec::default() };
        let v = match kappa_v {
            Some(kappa) if task.point.text("v") == WORST => worst_v(k, kappa),
            _ => spec.plant(1)?.network.v().to_owned(),
        };
        let s = spectrum::singular_values(v.as_ref())?;
        let kappa = s[0] / s[k - 1];
        let predicted = expected_samples(k, D, kappa, FAILURE)? as usize;
        let for_this = expected_samples_for(v.as_ref(), D, FAILURE)? as usize;
        let mut planted = spec.plant(predicted)?;
        planted.network = Network::new(planted.network.u().to_owned(), v, None, None)?;
        planted.a = planted.network.labels(planted.x.as_ref());
        let at_predicted = answer(&planted, predicted, task.seed, context)?;
        let mut least = None;
        let mut wrong = at_predicted.is_wrong();
        let mut size = D as f64;
        while m > 1 && least.is_none() && size.ceil() <= predicted as f64 {
            let n = size.ceil() as usize;
            let found = answer(&planted, n, task.seed, context)?;
            wrong |= found.is_wrong();
            least = found.is_exact().then_some(n);
            size *= STEP;
        }
        let values = Record::new()
            .with("kappa", kappa)
            .with("least", least)
            .with("predicted", predicted)
            .with("predicted_for_v", for_this)
            .with("exact", at_predicted.is_exact())
            .with("wrong", wrong)
            .with("verdict", at_predicted.verdict);
        Ok(Outcome { values, measured: Record::new() })
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        let all = Rows::new(rows);
        let rows = all.having("m", M);
        let mut figures: Vec<Figure> =
            widths(plan).iter().map(|&k| Figure::Chart(chart(&rows, k, plan))).collect();
        figures.push(Figure::Table(table(&rows, plan)));
        let (checks, findings) = judge(&all, &rows, plan);
        Presentation { findings, figures, checks }
    }
}

fn widths(plan: &Plan) -> &'static [usize] {
    plan.pick(&[2, 3, 4], &[2, 3, 4, 5])
}

fn seeds(plan: &Plan) -> usize {
    plan.pick(15, 40)
}

/// Algorithm 8 on the first n samples.
fn answer(planted: &Planted, n: usize, seed: u64, context: &Context<'_>) -> anyhow::Result<Trial> {
    let samples = Samples::new(planted.x.as_ref().subcols(0, n), planted.a.as_ref().subcols(0, n))?;
    let settings = Settings { bias: BiasModel::Known(BiasKind::None), seed, ..Settings::default() };
    let mut callback = context.callback();
    let found =
        one_sparse::recover(&samples, &settings, &mut |progress| -> ControlFlow<()> { callback(progress) });
    Ok(match found {
        Ok(found) => Trial::of(&Ok(found.recovery), &planted.network),
        Err(FptError::Recover(refusal)) => Trial::of(&Err(refusal), &planted.network),
        Err(FptError::SingleOutput) => Trial::none(REFUSED),
        Err(FptError::NoLoneSamples { .. }) => Trial::none("too few lone samples"),
        Err(refusal) => Trial::none(&refusal.to_string()),
    })
}

/// Rows of unit norm and equal correlations, negative ones but for the turned rows: all but the first.
fn worst_v(k: usize, kappa: f64) -> Mat<f64> {
    let (units, square) = (k as f64, kappa * kappa);
    let rho = -(square - 1.0) / ((units - 1.0) * square + 1.0);
    // The symmetric root of (1 − ρ)I + ρ11'.
    let own = (1.0 - rho).sqrt();
    let common = ((1.0 + (units - 1.0) * rho).sqrt() - own) / units;
    Mat::from_fn(k, D, |i, r| {
        let entry = if r < k { common } else { 0.0 } + if r == i { own } else { 0.0 };
        if i == 0 { entry } else { -entry }
    })
}

/// d log(k/δ) (kκ)^(2k), the bound of the proof of Lemma 64 with constant 1.
fn printed_bound(k: usize, kappa: f64) -> f64 {
    let units = k as f64;
    D as f64 * (units / FAILURE).ln() * (units * kappa).powi(2 * k as i32)
}

fn chart(rows: &Rows<'_>, k: usize, plan: &Plan) -> Chart {
    let rows = rows.having("k", k);
    let power = |kappa: f64| kappa.powi(k as i32);
    let largest = rows.max("kappa").unwrap_or(1.0);
    let grid: Vec<f64> = (0..=40).map(|i| largest.powf(f64::from(i) / 40.0)).collect();
    let predicted: Vec<(f64, f64)> = grid
        .iter()
        .filter_map(|&kappa| Some((power(kappa), expected_samples(k, D, kappa, FAILURE).ok()? as f64)))
        .collect();
    let printed = grid.iter().map(|&kappa| (power(kappa), printed_bound(k, kappa))).collect();
    let weights = (k * (D + M)) as f64;
    let dots = |v: &str| {
        let rows = rows.having("v", v);
        let mut dots: Vec<Mean> = rows
            .iter()
            .filter_map(|row| Some(Mean::exact(power(row.number("kappa")?), row.number("least")?)))
            .collect();
        dots.sort_by(|a, b| a.x.total_cmp(&b.x));
        dots
    };
    let count = CONDITIONS.len() * seeds(plan);
    Chart {
        heading: Heading::new(
            format!("one-sparse-k{k}"),
            format!("Samples that Algorithm 8 needs, k = {k}"),
            format!(
                "m = {M}, d = {D}: a point for each of {count} instances of either kind ({}), κ(V) from 1 to 4.",
                plan.seed_range(count)
            ),
        ),
        x: Axis::log("κ(V) to the power k"),
        y: Axis::log("samples n"),
        series: vec![
            Series::dots("least n at which it is exact, worst V", dots(WORST)),
            Series::dots("the same, random V", dots(RANDOM)),
            Series::reference("predicted for any V of this condition, 5 % failures", predicted),
            Series::reference("Lemma 64, d log(k/δ)(kκ)²ᵏ, constant 1", printed),
            Series::reference("number of weights, k(d + m)", vec![(1.0, weights), (power(largest), weights)]),
        ],
        marks: Vec::new(),
    }
}

/// The exponent of κ in this number of samples, over V of one kind.
fn exponent(rows: &Rows<'_>, v: &str, k: usize, value: &str) -> f64 {
    let points: Vec<(f64, f64)> = rows
        .having("v", v)
        .having("k", k)
        .iter()
        .filter_map(|row| Some((row.number("kappa")?, row.number(value)?)))
        .collect();
    log_log_slope(&points).unwrap_or(f64::NAN)
}

/// Medians, over the instances of each width and kind.
fn table(rows: &Rows<'_>, plan: &Plan) -> Table {
    let kinds = widths(plan).iter().flat_map(|&k| [RANDOM, WORST].map(|v| (k, v)));
    let body = kinds.map(|(k, v)| {
        let own = rows.having("k", k).having("v", v);
        let median = |name: &str| own.median(name).map_or("–".to_string(), |n| format!("{n:.0}"));
        vec![
            k.to_string(),
            v.to_string(),
            median("least"),
            median("predicted_for_v"),
            median("predicted"),
            format!("{:.2}", exponent(rows, v, k, "least")),
            format!("{:.2}", exponent(rows, v, k, "predicted")),
            own.rate("exact").to_string(),
        ]
    });
    Table {
        heading: Heading::new(
            "one-sparse-samples",
            "Needed and predicted samples",
            "The same instances. Medians of the least n, of the number predicted for the V at hand, and of that predicted from κ(V); \
             the exponents of κ in the least n and in the number predicted from κ(V), by least squares of the logarithms; and \
             instances exact with the latter.",
        ),
        head: ["k", "V", "least n", "for this V", "from κ(V)", "exponent", "predicted", "exact as predicted"]
            .map(String::from)
            .to_vec(),
        body: body.collect(),
    }
}

fn judge(all: &Rows<'_>, rows: &Rows<'_>, plan: &Plan) -> (Vec<Check>, Vec<String>) {
    let exact = rows.rate("exact");
    let wrong = all.rate("wrong");
    let single = all.having("m", 1_usize);
    let refused = single.having("verdict", REFUSED).len();
    let exponents = |v: &str, value: &str| -> Vec<f64> {
        widths(plan).iter().map(|&k| exponent(rows, v, k, value)).collect()
    };
    let listed = |exponents: &[f64]| {
        let each = widths(plan).iter().zip(exponents);
        each.map(|(k, e)| format!("κ^{e:.2} for k = {k}")).collect::<Vec<_>>().join(", ")
    };
    let (random, worst) = (exponents(RANDOM, "least"), exponents(WORST, "least"));
    let expected = exponents(WORST, "predicted");
    // How many times more samples than needed a bound asks for, at the median.
    let excess = |bound: &dyn Fn(&Row) -> Option<f64>| {
        let worst = rows.having("v", WORST);
        let mut ratios: Vec<f64> =
            worst.iter().filter_map(|row| Some(bound(row)? / row.number("least")?)).collect();
        ratios.sort_by(f64::total_cmp);
        quantile(&ratios, 0.5).unwrap_or(f64::NAN)
    };
    let ours = excess(&|row| row.number("predicted"));
    let printed = excess(&|row| Some(printed_bound(row.number("k")? as usize, row.number("kappa")?)));
    let checks = vec![
        Check::new(
            "predicted-samples-suffice",
            "at least 92 % exact with the samples predicted from κ(V) for 5 % failures",
            exact.to_string(),
            exact.share() >= 0.92,
        ),
        Check::new(
            "exponent",
            format!("exponents 0.65 to 1.15 times those predicted for the worst V, {}", listed(&expected)),
            listed(&worst),
            worst.iter().zip(&expected).all(|(found, expected)| (0.65..=1.15).contains(&(found / expected))),
        ),
        Check::new(
            "one-output-refused",
            "all instances with one output refused",
            format!("{refused} of {}", single.len()),
            refused == single.len(),
        ),
        Check::new("no-wrong-exact", "no answer exact and wrong", wrong.to_string(), wrong.hits == 0),
    ];
    let findings = vec![
        format!(
            "With the number of samples predicted from κ(V) for a failure probability of 5 %, {exact} are exact. For the worst V it is \
             {ours:.1} times what was needed, at the median; the bound of Lemma 64's proof, with constant 1, is {printed:.0} times."
        ),
        format!(
            "For the worst V the least n grows as {}, where the prediction grows as {}; for random V as {}. The prediction tends to \
             κ^(k − 1) for large κ, the bound of the proof to κ^(2k).",
            listed(&worst),
            listed(&expected),
            listed(&random)
        ),
        format!(
            "With one output the test of directions is void, and Algorithm 8 is refused: {refused} of {}. Theorem 65 is printed for \
             m ≥ 1.",
            single.len()
        ),
    ];
    (checks, findings)
}
