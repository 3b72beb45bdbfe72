//! Orthonormal V by independent component analysis.

use std::f64::consts::SQRT_2;

use orthant::linalg::lstsq::RankRevealing;
use orthant::linalg::{Mat, product, tolerance};
use orthant::network::{Planted, PlantedSpec};
use orthant::tensor::ica::{IcaSettings, separate};
use orthant::{Method, Samples, Settings, recover};

use super::moments::worst_row;
use crate::experiment::{About, Check, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::figure::{Axis, Chart, Figure, Heading, Series, Table};
use crate::record::{Record, Row};
use crate::rows::Rows;
use crate::statistics::log_log_slope;
use crate::trial::{Trial, decompose_once};

/// Success and error of independent component analysis against the number of samples.
pub struct Orthonormal;

const M: usize = 14;
const K: usize = 12;
const D: usize = 12;

/// Condition numbers of V before its rows are normalised: 1 is an orthonormal V.
const CONDITIONS: [f64; 3] = [1.0, 3.0, 10.0];

/// The number of samples from which on the rate is measured.
const RATE_FROM: f64 = 316.0;

impl Experiment for Orthonormal {
    fn about(&self) -> About {
        About {
            name: "orthonormal",
            title: "Orthonormal V",
            claim: "For orthonormal V and Gaussian inputs the activations are independent, so that independent component analysis of the \
                    labels gives U and V approximately, and the weights exactly after it.",
            source: "Theorems 27 and 36, Algorithm 4",
            method: "Standard Gaussian inputs and U; V with singular values equal, or spread by a factor of 3 or 10 before its rows are \
                     normalised. The components are those of third cumulants, before any exact step: the error of U is the largest \
                     distance of a column from its estimate, that of V the same for regressions of the components on the inputs, all of \
                     unit norm and up to sign. Exact means that one decomposition and the exact finish give the planted weights; the table has \
                     the answers of `recover`, which refines what is missing.",
        }
    }

    fn tasks(&self, plan: &Plan) -> Vec<Task> {
        let mut tasks = Vec::new();
        for kappa in CONDITIONS {
            for &n in sizes(plan) {
                for seed in plan.seeds(seeds(plan)) {
                    let point = Record::new().with("kappa", kappa).with("n", n);
                    tasks.push(Task { seed, point, cost: 0.05 + 3e-5 * n as f64 });
                }
            }
        }
        tasks
    }

    fn run(&self, task: &Task, context: &Context<'_>) -> anyhow::Result<Outcome> {
        let kappa_v = task.point.number("kappa");
        let spec = PlantedSpec { m: M, k: K, d: D, kappa_v, seed: task.seed, ..PlantedSpec::default() };
        let planted = spec.plant(task.point.count("n"))?;
        let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref())?;
        let settings = Settings { method: Method::Ica, seed: task.seed, ..Settings::default() };
        let found = recover(&samples, &settings, &mut context.callback());
        let whole = Trial::of(&found, &planted.network);
        let refuted = match &found {
            Ok(recovery) => recovery.report.refuted.is_some(),
            Err(_) => whole.verdict.starts_with("refuted"),
        };
        let once = decompose_once(&planted, Method::Ica, task.seed, context)?;
        let (of_u, of_v) = components(&planted)?;
        let values = Record::new()
            .with("error_u", of_u)
            .with("error_v", of_v)
            .with("exact", once.is_exact())
            .with("wrong", once.is_wrong() || whole.is_wrong())
            .with("recovered", whole.is_exact())
            .with("refuted", refuted)
            .with("verdict", whole.verdict);
        Ok(Outcome { values, measured: Record::new() })
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        let rows = Rows::new(rows);
        let count = seeds(plan);
        let caption = |what: &str| {
            format!(
                "m = {M}, k = {K}, d = {D}; {what} of {count} instances for each n ({}).",
                plan.seed_range(count)
            )
        };
        let groups: Vec<(f64, Vec<(f64, Rows<'_>)>)> =
            rows.by_number("kappa").into_iter().map(|(kappa, rows)| (kappa, rows.by_number("n"))).collect();
        let curve = |kappa: f64, value: &str| -> Vec<_> {
            let own = groups.iter().find(|(own, _)| *own == kappa);
            own.into_iter()
                .flat_map(|(_, rows)| rows)
                .filter_map(|(n, rows)| rows.quartiles(value, *n))
                .collect()
        };
        let mut errors = Vec::new();
        if let Some(last) = curve(1.0, "error_v").last() {
            let rate = sizes(plan).iter().map(|&n| (n as f64, last.y * (last.x / n as f64).sqrt())).collect();
            errors.push(Series::reference("rate 1/√n", rate));
        }
        errors.push(Series::curve("U, V orthonormal", curve(1.0, "error_u")));
        for kappa in CONDITIONS {
            errors.push(Series::curve(named(kappa), curve(kappa, "error_v")));
        }
        let error_chart = Chart {
            heading: Heading::new(
                "orthonormal-error",
                "Error of the independent components",
                caption("median and quartiles"),
            ),
            x: Axis::log("samples n"),
            y: Axis::log("largest error of a row of V, column of U"),
            series: errors,
            marks: Vec::new(),
        };
        let exact = groups.iter().map(|(kappa, rows)| {
            let points = rows.iter().map(|(n, rows)| rows.rate("exact").at(*n)).collect();
            Series::curve(named(*kappa), points)
        });
        let exact_chart = Chart {
            heading: Heading::new(
                "orthonormal-exact",
                "Exact recovery by Algorithm 4",
                caption("share exact, with the 95 % Wilson interval,"),
            ),
            x: Axis::log("samples n"),
            y: Axis::rate("exact"),
            series: exact.collect(),
            marks: Vec::new(),
        };
        let tail: Vec<(f64, f64)> =
            curve(1.0, "error_v").iter().filter(|p| p.x >= RATE_FROM).map(|p| (p.x, p.y)).collect();
        let (checks, findings) = judge(&rows, plan, log_log_slope(&tail).unwrap_or(f64::NAN));
        let figures =
            vec![Figure::Chart(exact_chart), Figure::Chart(error_chart), Figure::Table(table(&rows, plan))];
        Presentation { findings, figures, checks }
    }
}

fn sizes(plan: &Plan) -> &'static [usize] {
    plan.pick(&[100, 316, 1000, 3162, 10_000], &[100, 316, 1000, 3162, 10_000, 31_623, 100_000])
}

fn largest(plan: &Plan) -> usize {
    sizes(plan).last().copied().unwrap_or(0)
}

fn seeds(plan: &Plan) -> usize {
    plan.pick(20, 40)
}

fn named(kappa: f64) -> String {
    if kappa == 1.0 { "V orthonormal".to_string() } else { format!("V of condition {kappa}") }
}

/// What the answers at the largest n say.
fn table(rows: &Rows<'_>, plan: &Plan) -> Table {
    let n = largest(plan);
    let body = CONDITIONS.iter().map(|&kappa| {
        let rows = rows.having("kappa", kappa).having("n", n);
        let said: Vec<String> =
            rows.by_text("verdict").iter().map(|(said, rows)| format!("{said} ({})", rows.len())).collect();
        vec![
            named(kappa),
            rows.rate("exact").to_string(),
            rows.rate("recovered").to_string(),
            rows.rate("refuted").to_string(),
            said.join(", "),
            rows.rate("wrong").hits.to_string(),
        ]
    });
    Table {
        heading: Heading::new(
            "orthonormal-said",
            "Answers at the largest n",
            format!(
                "n = {n}, the same instances. Refuted: the data show that V is not orthonormal for whitened inputs, and the report \
                 says so, also where all units were found."
            ),
        ),
        head: ["", "exact", "by recover", "refuted", "answers of recover", "wrong"]
            .map(String::from)
            .to_vec(),
        body: body.collect(),
    }
}

fn judge(rows: &Rows<'_>, plan: &Plan, exponent: f64) -> (Vec<Check>, Vec<String>) {
    let n = largest(plan);
    let at = |kappa: f64, n: usize| rows.having("kappa", kappa).having("n", n);
    let orthonormal = at(1.0, 10_000).rate("exact");
    let refuted = |kappa: f64| at(kappa, n).rate("refuted");
    let falsely = rows.having("kappa", 1.0).rate("refuted");
    let wrong = rows.rate("wrong");
    let median = |kappa: f64, n: usize| at(kappa, n).median("error_v").unwrap_or(f64::NAN);
    let checks = vec![
        Check::new(
            "orthonormal-exact",
            "at least 80 % exact for orthonormal V at n = 10 000",
            orthonormal.to_string(),
            orthonormal.share() >= 0.8,
        ),
        Check::new(
            "rate",
            "the error for orthonormal V falls as n^(−0.5), within 0.1, from n = 316 on",
            format!("n^({exponent:.2})"),
            (exponent + 0.5).abs() <= 0.1,
        ),
        Check::new(
            "refuted-otherwise",
            "at the largest n refuted on at least 90 % of the instances with V of condition 10, half of those of condition 3",
            format!("{}, {}", refuted(10.0), refuted(3.0)),
            refuted(10.0).share() >= 0.9 && refuted(3.0).share() >= 0.5,
        ),
        Check::new(
            "no-false-alarm",
            "orthonormal V refuted in at most 1 % of the instances",
            falsely.to_string(),
            falsely.share() <= 0.01,
        ),
        Check::new("no-wrong-exact", "no answer exact and wrong", wrong.to_string(), wrong.hits == 0),
    ];
    let findings = vec![
        format!(
            "For orthonormal V {} are exact at n = 10 000, and the error of the components falls as n^({exponent:.2}).",
            orthonormal
        ),
        format!(
            "For V of condition 3 and 10 the error stays at {:.2} and {:.2} at n = {n}: the activations depend on each other, and more \
             samples do not help. But it is small enough for the exact finish: {} and {} are exact, while {} and {} are known not to be \
             orthonormal.",
            median(3.0, n),
            median(10.0, n),
            at(3.0, n).rate("exact"),
            at(10.0, n).rate("exact"),
            refuted(3.0),
            refuted(10.0),
        ),
        format!("Of the answers called exact, {} are wrong.", wrong.hits),
    ];
    (checks, findings)
}

/// The errors of U and V by the independent components of the labels; √2 when they cannot be separated.
fn components(planted: &Planted) -> anyhow::Result<(f64, f64)> {
    let accept_all = IcaSettings {
        max_uncertainty: f64::INFINITY,
        max_dependence: f64::INFINITY,
        ..IcaSettings::default()
    };
    let Ok(found) = separate(planted.a.as_ref(), K, &accept_all) else { return Ok((SQRT_2, SQRT_2)) };
    let (x, u) = (planted.x.as_ref(), planted.network.u());
    let sources = product::matmul(found.unmixing.as_ref(), planted.a.as_ref());
    // A constant beside the inputs: sources have a mean.
    let inputs = Mat::from_fn(x.ncols(), D + 1, |j, r| if r < D { x[(r, j)] } else { 1.0 });
    let rounding = tolerance::backward(x.ncols(), D + 1);
    let slopes = RankRevealing::new(inputs, rounding)?.solve(sources.transpose());
    let rows = slopes.as_ref().subrows(0, D).transpose();
    Ok((worst_row(found.mixing.transpose(), u.transpose()), worst_row(rows, planted.network.v())))
}
