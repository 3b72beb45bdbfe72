//! Gross errors in a part of the labels: principal component pursuit alone, and with what is built on it.

use std::time::Instant;

use orthant::estimate::Reporter;
use orthant::linalg::{product, spectrum};
use orthant::network::{BiasKind, PlantedSpec, gross_errors};
use orthant::noisy::recover_sparse;
use orthant::noisy::sparse::Incoherence;
use orthant::noisy::sparse::rpca::{RpcaSettings, principal_component_pursuit};
use orthant::{BiasModel, Samples, Settings, Verdict, align, recover};

use crate::experiment::{About, Check, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::figure::{Axis, Chart, Figure, Heading, HeatMap, Series};
use crate::record::{Record, Row};
use crate::rows::{Rate, Rows};

/// Success over the fraction of wrong labels and m/k.
pub struct SparseErrors;

const K: usize = 4;

/// Outputs: 1.75 to 40 for each unit.
const OUTPUTS: [usize; 7] = [160, 80, 40, 20, 12, 8, 7];

/// The size of the errors in the maps, in standard deviations of the labels.
const SIZE: f64 = 10.0;

/// Outputs and fraction of wrong labels where the size of the errors is varied.
const VARIED_AT: (usize, f64) = (80, 0.05);

/// Sizes beside [`SIZE`].
const SIZES: [f64; 5] = [1e-8, 1e-5, 1e-2, 1e2, 1e5];

/// Relative error of the label matrix up to which pursuit has found it: ten times the residual at which it ends.
const PURSUED: f64 = 1e-6;

/// Error of every weight, relative to its unit, of a recovery to rounding.
const EXACT: f64 = 1e-9;

/// Growth of the penalty: with the usual 1.5 pursuit ends short of the optimum on these labels.
const GROWTH: f64 = 1.2;

fn repetitions(plan: &Plan) -> usize {
    plan.pick(3, 12)
}

fn inputs(plan: &Plan) -> usize {
    plan.pick(8, 20)
}

fn samples(plan: &Plan) -> usize {
    plan.pick(600, 2000)
}

/// Fractions of wrong labels.
fn fractions(plan: &Plan) -> &'static [f64] {
    plan.pick(&[0.01, 0.05, 0.1, 0.2, 0.3], &[0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4])
}

impl Experiment for SparseErrors {
    fn about(&self) -> About {
        About {
            name: "sparse-errors",
            title: "Gross errors in a few labels",
            claim: "With more outputs than units, the weights are recovered exactly although a constant fraction of the labels, at \
                    random positions, is wrong by any amount.",
            source: "Theorem 83, Corollary 84, Definitions 79 and 80",
            method: "Gaussian inputs, U with orthonormal columns as the theorem has it, standard Gaussian V, normal errors at random \
                     positions. Principal component pursuit (component pursuit for short; not the pursuit of units elsewhere on this page) succeeds alone when the label matrix is right to 1e-6 (Frobenius, relative; its residual is \
                     1e-7); exact recovery is then run on that matrix. Orthant succeeds when its verdict is exact, every weight is right \
                     to 1e-9, and the errors located are those planted, none more and none less. A verdict of exact with other weights \
                     is counted as wrong.",
        }
    }

    fn tasks(&self, plan: &Plan) -> Vec<Task> {
        let mut points: Vec<(usize, f64, f64)> = Vec::new();
        for m in OUTPUTS {
            points.extend(fractions(plan).iter().map(|fraction| (m, *fraction, SIZE)));
        }
        points.extend(SIZES.map(|size| (VARIED_AT.0, VARIED_AT.1, size)));
        let (n, mut tasks) = (samples(plan), Vec::new());
        for (m, fraction, size) in points {
            for seed in plan.seeds(repetitions(plan)) {
                let point = Record::new()
                    .with("m", m)
                    .with("k", K)
                    .with("d", inputs(plan))
                    .with("n", n)
                    .with("fraction", fraction)
                    .with("size", size);
                tasks.push(Task { seed, point, cost: 3e-6 * (n * m).max(120_000) as f64 });
            }
        }
        tasks
    }

    fn run(&self, task: &Task, context: &Context<'_>) -> anyhow::Result<Outcome> {
        let start = Instant::now();
        let (m, k, d) = (task.point.count("m"), task.point.count("k"), task.point.count("d"));
        let (n, seed) = (task.point.count("n"), task.seed);
        let number = |name: &str| task.point.number(name).expect("tasks have this number");
        let spec = PlantedSpec { m, k, d, kappa_u: Some(1.0), seed, ..PlantedSpec::default() };
        let planted = spec.plant(n)?;
        let scale = Samples::new(planted.x.as_ref(), planted.a.as_ref())?.label_scale();
        let count = (number("fraction") * (m * n) as f64).round() as usize;
        let errors = gross_errors(m, n, count, number("size") * scale, seed);
        let labels = &planted.a + &errors;
        let given = Samples::new(planted.x.as_ref(), labels.as_ref())?;
        let settings = Settings { bias: BiasModel::Known(BiasKind::None), seed, ..Settings::default() };

        let mut callback = context.callback();
        let pursuit = RpcaSettings { growth: GROWTH, seed, ..RpcaSettings::default() };
        let pursuit =
            principal_component_pursuit(labels.as_ref(), &pursuit, &mut Reporter::new(&mut callback))?;
        let error = product::frobenius((&pursuit.low_rank - &planted.a).as_ref())
            / product::frobenius(planted.a.as_ref());
        let pursued = error <= PURSUED;
        let mut pursuit_weights = None;
        if pursued {
            let found = Samples::new(planted.x.as_ref(), pursuit.low_rank.as_ref())?;
            let found = recover(&found, &settings, &mut callback)?;
            pursuit_weights = Some(align(&found.network, &planted.network).worst());
        }

        let found = recover_sparse(&given, &settings, &mut callback)?;
        let weights = align(&found.recovery.network, &planted.network).worst();
        let is_exact = found.recovery.report.verdict == Verdict::Exact;
        let planted_at = |output, sample| errors[(output, sample)] != 0.0;
        let hits = found.errors.iter().filter(|error| planted_at(error.output, error.sample)).count();
        let located = hits == count && found.errors.len() == count;
        let units =
            orthant::Network::new(orthant::Mat::identity(k, k), planted.network.v().to_owned(), None, None)?;
        let activations = units.labels(planted.x.as_ref());
        let incoherence = Incoherence::of(planted.network.u(), activations.transpose())?;
        let of_v = spectrum::singular_values(planted.network.v())?;
        let values = Record::new()
            .with("kappa_v", of_v[0] / of_v[k - 1])
            .with("mu", incoherence.map(|incoherence| incoherence.mu()))
            .with("pursued", pursued)
            .with("pursuit_error", error)
            .with("pursuit_rank", pursuit.rank)
            .with("pursuit_weights", pursuit_weights)
            .with("recovered", is_exact && weights <= EXACT && located)
            .with("verdict", found.recovery.report.verdict.to_string())
            .with("wrong", is_exact && weights > EXACT)
            .with("weights", weights)
            .with("route", found.route.to_string())
            .with("missed", count - hits)
            .with("invented", found.errors.len() - hits);
        Ok(Outcome { values, measured: Record::new().with("seconds", start.elapsed().as_secs_f64()) })
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        let rows = Rows::new(rows);
        let map = rows.having("size", SIZE);
        let seeds = repetitions(plan);
        let sizes = format!("k = {K}, d = {}, n = {}", inputs(plan), samples(plan));
        let counted = format!("{seeds} instances per cell ({})", plan.seed_range(seeds));
        let asked = Asked::of(&map, samples(plan));
        let figures = vec![
            heat_map(
                &map,
                plan,
                "recovered",
                Heading::new(
                    "sparse-errors-orthant",
                    "orthant",
                    format!(
                        "{sizes}, errors of {SIZE} times the labels' deviation; {counted}. Recovered: exact, every weight to 1e-9, and every \
                         error located. {}",
                        consensus_limit()
                    ),
                ),
                "recovered on all seeds",
            ),
            heat_map(
                &map,
                plan,
                "pursued",
                Heading::new(
                    "sparse-errors-pursuit",
                    "Principal component pursuit alone",
                    format!(
                        "{sizes}, the same labels; {counted}. Recovered: the label matrix to 1e-6. {}",
                        asked.sentence()
                    ),
                ),
                "label matrix right on all seeds",
            ),
            by_size(&rows, &sizes, plan),
        ];

        let cell = |keep: &dyn Fn(f64, f64) -> bool, flag: &str| -> Rate {
            map.filter(|row| {
                let m = row.number("m").unwrap_or(f64::NAN);
                keep(m / K as f64, row.number("fraction").unwrap_or(f64::NAN))
            })
            .rate(flag)
        };
        let wide = |flag| cell(&|ratio, fraction| ratio >= 10.0 && fraction <= 0.1, flag);
        let (wide_ours, wide_pursuit) = (wide("recovered"), wide("pursued"));
        let narrow = |flag| cell(&|ratio, fraction| ratio <= 3.0 && fraction <= 0.05, flag);
        let (narrow_ours, narrow_pursuit) = (narrow("recovered"), narrow("pursued"));
        let (all_ours, all_pursuit) = (map.rate("recovered"), map.rate("pursued"));
        let wrong = rows.rate("wrong");
        let after = rows.max("pursuit_weights").unwrap_or(f64::NAN);
        let ours_worst = rows.having("recovered", true).max("weights").unwrap_or(f64::NAN);
        let sized = |flag: &str| {
            varied(&rows)
                .filter(|row| row.number("size").is_some_and(|size| (1e-5..=1e5).contains(&size)))
                .rate(flag)
        };
        let (any_ours, any_pursuit) = (sized("recovered"), sized("pursued"));
        let checks = vec![
            Check::new(
                "no-wrong-exact",
                "no network is called exact that is not the planted one",
                wrong.to_string(),
                wrong.hits == 0,
            ),
            Check::new(
                "as-claimed",
                "ten outputs for each unit and more, a tenth wrong and less: recovered in 95 of 100",
                wide_ours.to_string(),
                wide_ours.share() >= 0.95,
            ),
            Check::new(
                "beyond-pursuit",
                "three outputs for each unit and less, 5 % wrong and less: recovered in 9 of 10, component pursuit alone in at most 1 of 10",
                format!("{narrow_ours} and {narrow_pursuit}"),
                narrow_ours.share() >= 0.9 && narrow_pursuit.share() <= 0.1,
            ),
            Check::new(
                "any-size",
                "errors of 1e-5 to 1e5 times the labels' deviation, 5 % wrong, twenty outputs for each unit: recovered in 9 of 10",
                any_ours.to_string(),
                any_ours.share() >= 0.9,
            ),
        ];
        let findings = vec![
            format!(
                "Over the whole map orthant recovers {all_ours} and component pursuit alone {all_pursuit}; with at least ten outputs for each unit \
                 and at most a tenth of the labels wrong {wide_ours} and {wide_pursuit}, with at most three outputs for each unit and \
                 at most 5 % wrong {narrow_ours} and {narrow_pursuit}."
            ),
            format!(
                "{} The theorem is about far wider labels than component pursuit needs, and that needs wider ones than consensus does.",
                asked.sentence()
            ),
            format!(
                "Exact recovery on the matrix of component pursuit has weights right to {after:.0e} at worst; located errors \
                 leave the other labels as they are, so that orthant's weights are right to {ours_worst:.0e}."
            ),
            format!(
                "The size of the errors does not matter to orthant: {any_ours} from 1e-5 to 1e5 times the labels' deviation, component pursuit alone {any_pursuit}."
            ),
        ];
        Presentation { findings, figures, checks }
    }
}

/// What the corollary asks for, with the constant 1.
struct Asked {
    /// The median incoherence of the label matrices.
    mu: f64,
    /// m/k for that incoherence.
    measured: f64,
    /// m/k for the bound on the incoherence in terms of U and V, at its least: one for the incoherence of U, the median condition of V.
    bounded: f64,
    /// The largest m/k measured.
    largest: f64,
}

impl Asked {
    fn of(rows: &Rows<'_>, n: usize) -> Asked {
        let log = (n as f64).ln();
        let mu = rows.median("mu").unwrap_or(f64::NAN);
        let kappa = rows.median("kappa_v").unwrap_or(f64::NAN);
        let bound = kappa * kappa * (K as f64 * log).sqrt() + 1.0 + kappa.powi(4) * log;
        let largest = rows.max("m").unwrap_or(f64::NAN) / K as f64;
        Asked { mu, measured: mu * log * log, bounded: bound * log * log, largest }
    }

    fn sentence(&self) -> String {
        let where_it_holds =
            if self.largest >= self.measured { "holds in some of" } else { "holds in none of" };
        format!(
            "The condition k ≤ m / (μ log² n) with the constant 1 asks for m/k of at least {:.0} at the incoherence measured, μ = {:.0} \
             in the median, and of {:.0} with the bound on μ in terms of V: it {where_it_holds} these cells.",
            self.measured, self.mu, self.bounded
        )
    }
}

/// Where consensus is promised by its own documentation.
fn consensus_limit() -> String {
    let dimension = (K * (K + 2)) as f64;
    let fraction = 1.0 - 1e-3f64.powf(1.0 / dimension);
    format!(
        "Without the help of component pursuit, consensus needs m ≥ k + 3 and blocks without errors, (1 − p)^(k (k + 2)) ≥ 1/1000: up to {:.0} % wrong.",
        100.0 * fraction
    )
}

/// Success by m/k, from above, and fraction.
fn heat_map(rows: &Rows<'_>, plan: &Plan, flag: &str, heading: Heading, full: &str) -> Figure {
    let cells = OUTPUTS.map(|m| {
        let rows = rows.having("m", m);
        let of = |fraction: &f64| {
            let rate = rows.having("fraction", *fraction).rate(flag);
            (rate.of > 0).then(|| (rate.share(), format!("{}/{}", rate.hits, rate.of)))
        };
        fractions(plan).iter().map(of).collect()
    });
    Figure::HeatMap(HeatMap {
        heading,
        x_label: "fraction of wrong labels".to_string(),
        y_label: "outputs for each unit, m/k".to_string(),
        columns: fractions(plan).iter().map(|fraction| format!("{} %", 100.0 * fraction)).collect(),
        rows: OUTPUTS.iter().map(|m| (*m as f64 / K as f64).to_string()).collect(),
        cells: cells.to_vec(),
        full: full.to_string(),
    })
}

fn varied<'a>(rows: &Rows<'a>) -> Rows<'a> {
    rows.having("m", VARIED_AT.0).having("fraction", VARIED_AT.1)
}

/// Success over the size of the errors.
fn by_size(rows: &Rows<'_>, sizes: &str, plan: &Plan) -> Figure {
    let groups = varied(rows).by_number("size");
    let points = |flag: &str| groups.iter().map(|(size, rows)| rows.rate(flag).at(*size)).collect();
    let seeds = repetitions(plan);
    Figure::Chart(Chart {
        heading: Heading::new(
            "sparse-errors-size",
            "By the size of the errors",
            format!(
                "m = {}, {sizes}, {} % of the labels wrong; {seeds} instances per point ({}), 95 % intervals. Component pursuit ends at a residual of 1e-7 \
                 of all labels, errors included: smaller errors do not matter to it, and under giant ones the label matrix is lost.",
                VARIED_AT.0,
                100.0 * VARIED_AT.1,
                plan.seed_range(seeds)
            ),
        ),
        x: Axis::log("size of the errors / deviation of the labels"),
        y: Axis::rate("recovered"),
        series: vec![
            Series::curve("orthant", points("recovered")),
            Series::curve("component pursuit alone", points("pursued")),
        ],
        marks: Vec::new(),
    })
}
