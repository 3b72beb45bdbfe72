//! How exact an exact answer is.

use orthant::linalg::tolerance;
use orthant::network::{BiasKind, PlantedSpec};
use orthant::{BiasModel, Network, Samples, Settings, Verdict, align, recover};
use orthant_testkit::Instance;

use crate::experiment::{About, Check, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::figure::{Axis, Chart, Figure, Heading, Mean, Series, Table};
use crate::record::{Record, Row};
use crate::rows::Rows;

/// Errors of U and V against their condition numbers, beside the bound.
pub struct Exactness;

const M: usize = 12;
const K: usize = 6;
const D: usize = 10;
const N: usize = 200;

/// Powers of ten of the condition number that is varied.
const EXPONENTS: std::ops::RangeInclusive<i32> = 0..=8;

/// Up to here no answer may be missing.
const EASY: f64 = 1e3;

fn seeds(plan: &Plan) -> usize {
    plan.pick(5, 40)
}

impl Experiment for Exactness {
    fn about(&self) -> About {
        About {
            name: "exactness",
            title: "Errors of exact answers",
            claim: "U and V are recovered exactly. In arithmetic with 53 bits that is: to rounding times the condition numbers of U and V.",
            source: "Theorem 49, Algorithm 6",
            method: "Standard Gaussian inputs; one of U and V has the condition number κ (V before its rows are normalised), the other 1; \
                     `recover` with its default method, width unknown. Shown are the largest relative errors of a row of V and of a column of U over \
                     the units, for answers whose verdict is exact. The bound follows the three systems of Theorem 49 with the backward error of one \
                     factorisation, 8 √(n max(m, d + 1)) ε: the label space by |A| |U⁺|, each unit's combination by the gap above its null vector, V by \
                     the condition of the active inputs, U by that of the activations, all measured on the instance. An exact verdict is wrong when an \
                     error exceeds the bound. Units are found one by one, through the label space, which costs the condition of U; where that leaves a \
                     residual above rounding, `recover` refines all of them together, which does not.",
        }
    }

    fn tasks(&self, plan: &Plan) -> Vec<Task> {
        let mut tasks = Vec::new();
        for varied in ["U", "V"] {
            for exponent in EXPONENTS {
                for seed in plan.seeds(seeds(plan)) {
                    let point = Record::new().with("varied", varied).with("kappa", 10f64.powi(exponent));
                    let cost = if varied == "V" && exponent > 2 { 0.5 } else { 0.05 };
                    tasks.push(Task { seed, point, cost });
                }
            }
        }
        tasks
    }

    fn run(&self, task: &Task, context: &Context<'_>) -> anyhow::Result<Outcome> {
        let kappa = task.point.number("kappa").unwrap_or(1.0);
        let (kappa_u, kappa_v) = if task.point.text("varied") == "U" { (kappa, 1.0) } else { (1.0, kappa) };
        let spec = PlantedSpec {
            m: M,
            k: K,
            d: D,
            kappa_u: Some(kappa_u),
            kappa_v: Some(kappa_v),
            seed: task.seed,
            ..PlantedSpec::default()
        };
        let planted = spec.plant(N)?;
        let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref())?;
        let settings =
            Settings { seed: task.seed, bias: BiasModel::Known(BiasKind::None), ..Settings::default() };
        let recovery = recover(&samples, &settings, &mut context.callback())?;
        let instance = Instance::new("", planted.network.clone(), planted.x.clone(), planted.a.clone());
        let condition = instance.condition();
        let (error_u, error_v) = errors(&recovery.network, &planted.network);
        let exact = recovery.report.verdict == Verdict::Exact;
        let bound = condition.tolerance();
        let values = Record::new()
            .with("verdict", recovery.report.verdict.to_string())
            .with("exact", exact)
            .with("by", recovery.report.method)
            .with("error_u", error_u)
            .with("error_v", error_v)
            .with("kappa_u", condition.kappa_u)
            .with("kappa_v", condition.kappa_v)
            .with("bound", bound)
            .with("wrong", exact.then_some(error_u.max(error_v) > bound));
        Ok(Outcome { values, measured: Record::new() })
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        let rows = Rows::new(rows);
        let exact = rows.having("exact", true);
        let wrong = rows.rate("wrong");
        let easy = rows.filter(|row| row.number("kappa").is_some_and(|kappa| kappa <= EASY)).rate("exact");
        let worst = |rows: &Rows<'_>| {
            let worst = |name: &str| rows.max(name).unwrap_or(f64::NAN);
            worst("error_u").max(worst("error_v"))
        };
        let share = exact
            .iter()
            .filter_map(|row| {
                let error = row.number("error_u")?.max(row.number("error_v")?);
                Some(error / row.number("bound")?)
            })
            .fold(0.0, f64::max);
        let counts = |rows: &Rows<'_>| {
            let verdicts = rows.by_text("verdict");
            verdicts
                .iter()
                .map(|(verdict, rows)| format!("{} {verdict}", rows.len()))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let by_condition = |varied: &str| {
            let groups = rows.having("varied", varied).by_number("kappa");
            groups.iter().map(|(_, rows)| rows.rate("exact").hits.to_string()).collect::<Vec<_>>().join(", ")
        };
        let findings = vec![
            format!(
                "Of {} answers {}; the largest error of an exact one is {:.1e}, and none exceeds {share:.0e} of its bound.",
                rows.len(),
                counts(&rows),
                worst(&exact)
            ),
            format!(
                "Exact answers by the condition number from 1 to 10⁸, of {} each: {} for U, {} for V. Where units are missing the verdict says so.",
                seeds(plan),
                by_condition("U"),
                by_condition("V"),
            ),
        ];
        let checks = vec![
            Check::new(
                "no-wrong-exact",
                "no exact answer is off by more than its bound",
                wrong.to_string(),
                wrong.hits == 0 && wrong.of > 0,
            ),
            Check::new(
                "exact-when-well-conditioned",
                "at least 95 % exact for condition numbers up to 10³",
                easy.to_string(),
                easy.share() >= 0.95,
            ),
            Check::new(
                "digits",
                "errors of exact answers at most 10⁻¹⁰ for condition numbers up to 10³",
                format!(
                    "{:.1e}",
                    worst(&exact.filter(|row| row.number("kappa").is_some_and(|kappa| kappa <= EASY)))
                ),
                worst(&exact.filter(|row| row.number("kappa").is_some_and(|kappa| kappa <= EASY))) <= 1e-10,
            ),
            Check::new(
                "condition-of-u",
                "at least 90 % exact for every condition number of U",
                rows.having("varied", "U").rate("exact").to_string(),
                rows.having("varied", "U").rate("exact").share() >= 0.9,
            ),
        ];
        let figures = vec![chart(&rows, "U", plan), chart(&rows, "V", plan), verdicts(&rows, plan)];
        Presentation { findings, figures, checks }
    }
}

/// The largest relative errors of a column of U and of a row of V; infinite when units have no partner.
fn errors(found: &Network, planted: &Network) -> (f64, f64) {
    let matched = align(found, planted);
    if !matched.worst().is_finite() {
        return (f64::INFINITY, f64::INFINITY);
    }
    let (mut error_u, mut error_v) = (0.0f64, 0.0f64);
    for pair in &matched.pairs {
        let (u, v) = (planted.u().col(pair.second), planted.v().row(pair.second));
        error_u = error_u.max((found.u().col(pair.first) - u).norm_l2() / u.norm_l2());
        error_v = error_v.max((found.v().row(pair.first) - v).norm_l2() / v.norm_l2());
    }
    (error_u, error_v)
}

fn chart(rows: &Rows<'_>, varied: &str, plan: &Plan) -> Figure {
    let rows = rows.having("varied", varied);
    let (own, name) = if varied == "U" { ("kappa_u", "κ(U)") } else { ("kappa_v", "κ(V)") };
    let groups = rows.by_number("kappa");
    let curve = |value: &str, only_exact: bool| -> Vec<Mean> {
        let points = groups.iter().filter_map(|(_, rows)| {
            let x = rows.median(own)?;
            let rows = if only_exact { rows.having("exact", true) } else { rows.clone() };
            rows.quartiles(value, x)
        });
        points.collect()
    };
    let bound = curve("bound", false).iter().map(|point| (point.x, point.y)).collect();
    // Backward error of the labels times both condition numbers, the other being 1.
    let simple = groups
        .iter()
        .filter_map(|(_, rows)| {
            let (u, v) = (rows.median("kappa_u")?, rows.median("kappa_v")?);
            Some((rows.median(own)?, tolerance::backward(N, M) * u * v))
        })
        .collect();
    let heading = Heading::new(
        format!("exactness-{}", varied.to_lowercase()),
        format!("Errors against the condition number of {varied}"),
        format!(
            "m = {M}, k = {K}, d = {D}, n = {N}; medians and quartiles over the exact answers among {} instances for each point ({}), at the median of the \
             measured condition number; no point where no answer is exact. The bound is that of the median instance.",
            seeds(plan),
            plan.seed_range(seeds(plan))
        ),
    );
    let series = vec![
        Series::reference("bound with measured gaps", bound),
        Series::reference("8 √(nm) ε κ(U) κ(V)", simple),
        Series::curve("error of V", curve("error_v", true)),
        Series::curve("error of U", curve("error_u", true)),
    ];
    Figure::Chart(Chart {
        heading,
        x: Axis::log(name),
        y: Axis::log("largest relative error of a unit"),
        series,
        marks: Vec::new(),
    })
}

/// How often which verdict was given.
fn verdicts(rows: &Rows<'_>, plan: &Plan) -> Figure {
    let names = [Verdict::Exact, Verdict::ExactOnSamples, Verdict::Approximate, Verdict::NotRecovered]
        .map(|verdict| verdict.to_string());
    let mut body = Vec::new();
    for varied in ["U", "V"] {
        for (kappa, rows) in rows.having("varied", varied).by_number("kappa") {
            let mut line = vec![format!("κ({varied}) = 10{}", superscript(kappa.log10().round() as usize))];
            line.extend(names.iter().map(|name| rows.having("verdict", name.as_str()).len().to_string()));
            let wrong = rows.rate("wrong");
            line.push(wrong.hits.to_string());
            body.push(line);
        }
    }
    let mut head = vec!["condition".to_string()];
    head.extend(names);
    head.push("exact beyond the bound".to_string());
    Figure::Table(Table {
        heading: Heading::new(
            "exactness-verdicts",
            "Verdicts",
            format!("Of {} instances each ({}).", seeds(plan), plan.seed_range(seeds(plan))),
        ),
        head,
        body,
    })
}

fn superscript(digit: usize) -> char {
    ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'][digit.min(9)]
}
