//! Samples needed against the condition of V.

use orthant::hardness::kappa_pair::KappaPair;
use orthant::network::PlantedSpec;
use orthant::{BiasModel, Method, Samples, Settings, network::BiasKind, recover};

use crate::experiment::{About, Check, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::figure::{Axis, Chart, Figure, Heading, Mean, Series};
use crate::record::{Record, Row, Value};
use crate::rows::Rows;
use crate::statistics::wilson;
use crate::trial::{Trial, attempt, decompose_once};

/// The samples that methods need, and the fewest that any method can do with on the pair of Lemma 55.
pub struct SampleNeed;

const M: usize = 10;
const K: usize = 5;
const D: usize = 10;

/// Methods on random networks.
const METHODS: [Method; 4] = [Method::Pursuit, Method::Symmetric, Method::Tensor, Method::Power];

/// In the column `instance`: networks with random weights, or the pair.
const RANDOM: &str = "random";
const PAIR: &str = "pair";

/// Draws of n samples for each point of the chance to tell the pair apart.
const DRAWS: usize = 1000;

/// The failure probability of the drawn bound.
const FAILURE: f64 = 0.1;

/// Condition numbers of V for random networks.
fn kappas(plan: &Plan) -> &'static [f64] {
    plan.pick(&[1.0, 3.0, 10.0, 30.0], &[1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 100.0])
}

/// Condition numbers of V₁ for the pair; it needs at least 2.
fn pair_kappas(plan: &Plan) -> &'static [f64] {
    plan.pick(&[2.0, 8.0, 32.0, 128.0], &[2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0])
}

/// Those at which the pair is recovered; beyond, what lies in the wedge is too little for restarts to find.
fn recovered_kappas(plan: &Plan) -> &'static [f64] {
    plan.pick(&[2.0, 4.0, 8.0, 16.0, 32.0], &[2.0, 4.0, 8.0, 16.0, 32.0, 64.0])
}

/// Samples over κ at which the chance is measured.
const SHARES: [f64; 7] = [0.125, 0.25, 0.5, 1.0, 1.5, 2.0, 4.0];

fn cap(plan: &Plan) -> usize {
    plan.pick(1 << 14, 1 << 18)
}

/// Samples at which the pair is given up.
const PAIR_CAP: usize = 1 << 14;

fn seeds(plan: &Plan) -> usize {
    plan.pick(10, 20)
}

impl Experiment for SampleNeed {
    fn about(&self) -> About {
        About {
            name: "sample-need",
            title: "Samples against the condition of V",
            claim: "Two networks whose V have condition κ and κ/2 have the same labels unless a sample falls into a wedge of angle about 2/κ: any \
                    method needs a number of samples of the order of κ(V).",
            source: "Lemma 55, Theorems 40 and 49",
            method: "For the pair, n Gaussian samples are drawn 1000 times, and it is counted how often one of them tells the networks apart. \
                     The bound is the least n at which a method may fail with probability 0.1, whichever of the two it is given. \
                     Sample need: along n = 16, 23, 32, ... (factor √2) the least n at which an instance is recovered to 10⁻⁶ and again at the next n; \
                     shown is the need that 9 of 10 instances stay within. The pair is recovered by restarts, with the width given; \
                     random networks (Gaussian inputs and U, V of condition κ before its rows are normalised) by pursuit, and by one decomposition of \
                     the moments with Algorithm 6.",
        }
    }

    fn tasks(&self, plan: &Plan) -> Vec<Task> {
        let mut tasks = Vec::new();
        let mut add = |seed, instance: &str, method: &str, kappa: f64, n: Option<usize>, cost| {
            let cap = if instance == PAIR { PAIR_CAP } else { cap(plan) };
            let point = Record::new()
                .with("instance", instance)
                .with("method", method)
                .with("kappa", kappa)
                .with("n", n)
                .with("cap", cap);
            tasks.push(Task { seed, point, cost });
        };
        for &kappa in pair_kappas(plan) {
            let mut sizes = SHARES.map(|share| (share * kappa).ceil().max(1.0)).to_vec();
            // For small κ some are the same.
            sizes.dedup();
            for n in sizes {
                add(plan.seed, PAIR, "any", kappa, Some(n as usize), 4e-8 * n * DRAWS as f64);
            }
        }
        for &kappa in recovered_kappas(plan) {
            for seed in plan.seeds(seeds(plan)) {
                add(seed, PAIR, Method::Restarts.name(), kappa, None, 0.003 * kappa);
            }
        }
        for method in METHODS {
            for &kappa in kappas(plan) {
                for seed in plan.seeds(seeds(plan)) {
                    let cost = if method == Method::Pursuit { 0.1 } else { 0.3 * kappa.min(30.0) / 10.0 };
                    add(seed, RANDOM, method.name(), kappa, None, cost);
                }
            }
        }
        tasks
    }

    fn run(&self, task: &Task, context: &Context<'_>) -> anyhow::Result<Outcome> {
        let kappa = task.point.number("kappa").unwrap_or(1.0);
        let name = task.point.text("method");
        let (least, told) = if let Some(n) = task.point.number("n") {
            // A count that was written as one.
            (Least::default(), Some(told_apart(&KappaPair::new(1.0 / kappa, 2)?, n as usize, task.seed)))
        } else if task.point.text("instance") == PAIR {
            let pair = KappaPair::new(1.0 / kappa, 2)?;
            (least(task, |n| recover_pair(&pair, n, task.seed, context))?, None)
        } else {
            let method = METHODS.into_iter().find(|method| method.name() == name);
            let spec = PlantedSpec {
                m: M,
                k: K,
                d: D,
                kappa_v: Some(kappa),
                seed: task.seed,
                ..PlantedSpec::default()
            };
            let recover = |n: usize| -> anyhow::Result<Trial> {
                let planted = spec.plant(n)?;
                match method {
                    None | Some(Method::Pursuit) => attempt(&planted, Method::Pursuit, task.seed, context),
                    Some(method) => decompose_once(&planted, method, task.seed, context),
                }
            };
            (least(task, recover)?, None)
        };
        let values = Record::new()
            .with("need", least.need)
            .with("wrong", least.wrong)
            .with("told", told)
            .with("draws", told.map_or(Value::Missing, |_| DRAWS.into()));
        Ok(Outcome { values, measured: Record::new() })
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        let rows = Rows::new(rows);
        let pair_need = need_curve(&rows, PAIR, Method::Restarts.name());
        let (mut worst, mut curves) = (0.0f64, Vec::new());
        for &kappa in pair_kappas(plan) {
            let Ok(pair) = KappaPair::new(1.0 / kappa, 2) else { continue };
            let own =
                rows.having("instance", PAIR).having("kappa", kappa).filter(|row| row.number("n").is_some());
            let mut points = Vec::new();
            for (n, rows) in own.by_number("n") {
                let told = rows.numbers("told").iter().sum::<f64>();
                let draws = rows.numbers("draws").iter().sum::<f64>();
                let chance = chance(&pair, n);
                // Standard deviations between what is counted and what is computed.
                let deviation = (chance * (1.0 - chance) / draws).sqrt().max(1.0 / draws);
                worst = worst.max((told / draws - chance).abs() / deviation);
                points.push(Mean {
                    x: n / kappa,
                    y: told / draws,
                    band: Some(wilson(told as usize, draws as usize)),
                });
            }
            curves.push(Series::curve(format!("κ = {kappa}"), points));
        }
        let below = pair_need.iter().filter(|point| point.y < bound(point.x)).count();
        let need_at = |method: Method, kappa: f64| {
            need_curve(&rows, RANDOM, method.name())
                .iter()
                .find(|point| point.x == kappa)
                .map(|point| point.y)
        };
        let shown =
            |need: Option<f64>, cap: usize| need.map_or(format!("more than {cap}"), |need| need.to_string());
        let pair_shown = |kappa: f64| {
            let need = pair_need.iter().find(|point| point.x == kappa).map(|point| point.y);
            format!("{} against {} at κ = {kappa}", shown(need, PAIR_CAP), bound(kappa))
        };
        let by_method = METHODS.map(|method| {
            let needs: Vec<String> =
                kappas(plan).iter().map(|&kappa| shown(need_at(method, kappa), cap(plan))).collect();
            format!("{} {}", method.name(), needs.join(", "))
        });
        let findings = vec![
            format!(
                "Samples tell the pair apart as often as the angle of the wedge says, to {worst:.1} standard deviations at worst. Restarts need, \
                 against the bound: {}.",
                recovered_kappas(plan).iter().map(|&kappa| pair_shown(kappa)).collect::<Vec<_>>().join(", ")
            ),
            format!(
                "The bound is for the worst V of its condition. On random networks 9 of 10 instances need, for κ(V) = {}: {}.",
                kappas(plan).iter().map(f64::to_string).collect::<Vec<_>>().join(", "),
                by_method.join("; ")
            ),
        ];
        let wrong: f64 = rows.numbers("wrong").iter().sum();
        let (first, tenth) = (kappas(plan)[0], 10.0);
        let growth = |method| {
            need_at(method, tenth).unwrap_or(f64::INFINITY) / need_at(method, first).unwrap_or(f64::NAN)
        };
        let checks = vec![
            // Some ten sizes and conditions, each off by 5 deviations with probability below 10⁻⁵.
            Check::new(
                "chance",
                "the counted chance to tell the pair apart is within 5 standard deviations of 1 − (1 − p)ⁿ everywhere",
                format!("{worst:.1}"),
                worst <= 5.0 && !curves.is_empty(),
            ),
            Check::new(
                "no-need-below-the-bound",
                "nine of ten pairs are never recovered from fewer samples than the bound",
                format!("{below} of {} below it", pair_need.len()),
                below == 0 && !pair_need.is_empty(),
            ),
            Check::new(
                "no-wrong-exact",
                "no answer is called exact, or complete, with other weights than the planted ones",
                format!("{wrong:.0}"),
                wrong == 0.0,
            ),
            Check::new(
                "pursuit-is-flat",
                "pursuit's need grows by at most 2 from κ(V) = 1 to 10 on random networks",
                format!("{:.2}", growth(Method::Pursuit)),
                growth(Method::Pursuit) <= 2.0,
            ),
            Check::new(
                "power-is-not",
                "the power method's need grows by at least 3 from κ(V) = 1 to 10",
                format!("{:.2}", growth(Method::Power)),
                growth(Method::Power) >= 3.0,
            ),
        ];
        let figures = vec![need_chart(&rows, plan), chance_chart(curves, plan)];
        Presentation { findings, figures, checks }
    }
}

/// Of [`DRAWS`] draws of n samples, those with a sample that tells the pair apart.
fn told_apart(pair: &KappaPair, n: usize, seed: u64) -> usize {
    let x = pair.gaussian_inputs(n * DRAWS, seed);
    (0..DRAWS)
        .filter(|draw| (draw * n..(draw + 1) * n).any(|j| pair.distinguishes(x[(0, j)], x[(1, j)])))
        .count()
}

/// Recovers the first network of the pair, its width given.
fn recover_pair(pair: &KappaPair, n: usize, seed: u64, context: &Context<'_>) -> anyhow::Result<Trial> {
    let x = pair.gaussian_inputs(n, seed);
    let a = pair.labels(0, x.as_ref());
    let samples = Samples::new(x.as_ref(), a.as_ref())?;
    let settings = Settings {
        method: Method::Restarts,
        width: Some(2),
        bias: BiasModel::Known(BiasKind::None),
        seed,
        ..Settings::default()
    };
    Ok(Trial::of(&recover(&samples, &settings, &mut context.callback()), &pair.networks()[0]))
}

/// What a search for the least number of samples brought.
#[derive(Default)]
struct Least {
    /// The least n that succeeds together with the next; nothing up to the cap.
    need: Option<usize>,
    /// How many answers on the way were called exact and are not.
    wrong: usize,
}

fn least(task: &Task, recover: impl Fn(usize) -> anyhow::Result<Trial>) -> anyhow::Result<Least> {
    let mut previous = None;
    let mut wrong = 0;
    for n in (8..).map(|half| 2f64.powf(f64::from(half) / 2.0).round() as usize) {
        if n > task.point.count("cap") {
            break;
        }
        let trial = recover(n)?;
        wrong += usize::from(trial.is_wrong());
        previous = match (trial.is_exact(), previous) {
            (true, Some(least)) => return Ok(Least { need: Some(least), wrong }),
            (true, None) => Some(n),
            (false, _) => None,
        };
    }
    Ok(Least { need: None, wrong })
}

/// The chance that n samples tell the pair apart.
fn chance(pair: &KappaPair, n: f64) -> f64 {
    1.0 - (1.0 - pair.probability()).powf(n)
}

/// Samples that any method needs for the pair.
fn bound(kappa: f64) -> f64 {
    let needed = KappaPair::new(1.0 / kappa, 2).ok().and_then(|pair| pair.samples_needed(FAILURE).ok());
    // Far below 2⁵³.
    needed.map_or(f64::NAN, |n| n as f64)
}

/// The need that nine of ten instances stay within, by κ; left out where it is above the cap. Bands reach from the median instance to the
/// worst one, where that has a need.
fn need_curve(rows: &Rows<'_>, instance: &str, method: &str) -> Vec<Mean> {
    let rows = rows.having("instance", instance).having("method", method);
    let points = rows.by_number("kappa").into_iter().filter_map(|(kappa, rows)| {
        let needs = rows.numbers("need");
        let nine = (0.9 * rows.len() as f64).ceil() as usize;
        let y = *needs.get(nine.checked_sub(1)?)?;
        let worst = if needs.len() == rows.len() { *needs.last()? } else { y };
        Some(Mean { x: kappa, y, band: Some((needs[(rows.len() - 1) / 2], worst)) })
    });
    points.collect()
}

fn need_chart(rows: &Rows<'_>, plan: &Plan) -> Figure {
    let mut series = vec![Series::reference(
        "any method on the pair",
        pair_kappas(plan).iter().map(|&kappa| (kappa, bound(kappa))).collect(),
    )];
    series.push(Series::curve("restarts on the pair", need_curve(rows, PAIR, Method::Restarts.name())));
    for method in METHODS {
        series.push(Series::curve(
            format!("{}, random V", method.name()),
            need_curve(rows, RANDOM, method.name()),
        ));
    }
    let heading = Heading::new(
        "sample-need-kappa",
        "Samples needed against κ(V)",
        format!(
            "Pair: m = 1, k = d = 2. Random networks: m = {M}, k = {K}, d = {D}. Points: nine of ten of {} instances ({}); bands reach from the median \
             instance to the worst. Needs above {} are left out, for the pair those above {PAIR_CAP}. Dashed: Lemma 55 with its constant, for a failure probability of {FAILURE}.",
            seeds(plan),
            plan.seed_range(seeds(plan)),
            cap(plan)
        ),
    );
    Figure::Chart(Chart {
        heading,
        x: Axis::log("κ(V)"),
        y: Axis::log("samples n"),
        series,
        marks: Vec::new(),
    })
}

fn chance_chart(mut series: Vec<Series>, plan: &Plan) -> Figure {
    let widest = pair_kappas(plan)
        .last()
        .and_then(|&kappa| KappaPair::new(1.0 / kappa, 2).ok().map(|pair| (kappa, pair)));
    if let Some((kappa, pair)) = widest {
        let curve = (1..=64).map(|i| f64::from(i) / 16.0).map(|x| (x, chance(&pair, x * kappa))).collect();
        series.insert(0, Series::reference(format!("1 − (1 − p)ⁿ, κ = {kappa}"), curve));
    }
    let heading = Heading::new(
        "sample-need-chance",
        "Chance that n samples tell the pair apart",
        format!(
            "{DRAWS} draws of n samples for each point (seed {}); bands are 95 % Wilson intervals. κ is that of the first network.",
            plan.seed
        ),
    );
    Figure::Chart(Chart {
        heading,
        x: Axis::linear("samples over condition number n/κ"),
        y: Axis::rate("told apart"),
        series,
        marks: Vec::new(),
    })
}
