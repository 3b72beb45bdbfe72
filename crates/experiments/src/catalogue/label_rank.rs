//! The rank of the labels.

use orthant::estimate::LabelSpectrum;
use orthant::linalg::assignment::min_cost_assignment;
use orthant::linalg::tolerance;
use orthant::network::{InputKind, Planted, PlantedSpec};
use orthant::{Mat, Samples};

use crate::experiment::{About, Check, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::figure::{Axis, Chart, Figure, Heading, Mark, Mean, Series};
use crate::record::{Record, Row};
use crate::rows::Rows;

/// Whether labels have rank k, and whether that is seen.
pub struct LabelRank;

/// Inputs without a density, for which the lemma says nothing.
const DISCRETE: [InputKind; 2] = [InputKind::Sign, InputKind::Binary];

/// Samples per unit.
const RATIOS: [f64; 9] = [0.8, 1.0, 1.1, 1.2, 1.4, 1.6, 2.0, 3.0, 4.0];

fn widths(plan: &Plan) -> &'static [usize] {
    plan.pick(&[10, 40], &[10, 40, 160])
}

fn seeds(plan: &Plan) -> usize {
    plan.pick(20, 50)
}

impl Experiment for LabelRank {
    fn about(&self) -> About {
        About {
            name: "label-rank",
            title: "The rank of the labels",
            claim: "For inputs with a density the labels have rank k almost surely, as soon as every unit can be given a sample of its own on which \
                    it is active; n = O(k log k) samples are enough, and so the width can be read off.",
            source: "Lemma 16, Corollary 18",
            method: "m = 2k outputs, d = k inputs, standard Gaussian U and V. The width is decided from the singular values of A alone. \
                     The proof of the lemma finds a k × k part of f(VX) with a diagonal of positive entries; whether there is one is a matching of units \
                     to samples, which is computed. For inputs with a density the rank must be k exactly when there is one.",
        }
    }

    fn tasks(&self, plan: &Plan) -> Vec<Task> {
        let mut tasks = Vec::new();
        for &k in widths(plan) {
            for kind in InputKind::ALL {
                for ratio in RATIOS {
                    for seed in plan.seeds(seeds(plan)) {
                        let n = (ratio * k as f64).round() as usize;
                        let point = Record::new()
                            .with("inputs", kind.name())
                            .with("k", k)
                            .with("n", n)
                            .with("ratio", ratio);
                        let cost = 3e-8 * (k * k * k) as f64 * ratio;
                        tasks.push(Task { seed, point, cost });
                    }
                }
            }
        }
        tasks
    }

    fn run(&self, task: &Task, _: &Context<'_>) -> anyhow::Result<Outcome> {
        let (k, n) = (task.point.count("k"), task.point.count("n"));
        let name = task.point.text("inputs");
        let inputs =
            InputKind::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or(InputKind::Gaussian);
        let spec = PlantedSpec { m: 2 * k, k, d: k, inputs, seed: task.seed, ..PlantedSpec::default() };
        let planted = spec.plant(n)?;
        let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref())?;
        let spectrum = LabelSpectrum::of(&samples, false)?;
        let top = spectrum.s.first().copied().unwrap_or(0.0);
        let relative = |i: usize| spectrum.s.get(i).map(|s| s / top);
        let values = Record::new()
            .with("kept", relative(k - 1))
            .with("dropped", relative(k))
            .with("decided", spectrum.rank.rank)
            .with("correct", spectrum.rank.rank == k)
            .with("matched", is_matched(&planted));
        Ok(Outcome { values, measured: Record::new() })
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        let rows = Rows::new(rows);
        let is_discrete = |row: &Row| DISCRETE.iter().any(|kind| kind.name() == row.text("inputs"));
        let dense = rows.filter(|row| !is_discrete(row));
        let agreeing = dense.filter(|row| row.get("correct") == row.get("matched")).len();
        let twice = dense.filter(|row| row.number("ratio").is_some_and(|ratio| ratio >= 2.0)).rate("correct");
        let discrete =
            rows.filter(|row| is_discrete(row) && row.number("ratio").is_some_and(|ratio| ratio >= 2.0));
        let gap = dense
            .filter(|row| row.number("ratio").is_some_and(|ratio| ratio >= 2.0))
            .iter()
            .filter_map(|row| {
                Some(row.number("kept")? / row.number("dropped")?.max(tolerance::EPS * tolerance::EPS))
            })
            .fold(f64::INFINITY, f64::min);
        let gap = if gap.is_finite() { format!("{gap:.1e}") } else { "unknown".to_string() };
        let findings = vec![
            format!(
                "For the inputs with a density the decided width is k exactly when units can be matched to samples, in {agreeing} of {} instances; from \
                 n = 2k on it is k in {twice}.",
                dense.len()
            ),
            format!(
                "From n = 2k on the smallest singular value kept is at least {gap} times the largest dropped."
            ),
            format!(
                "Inputs of ±1 and of 0/1 have no density and are outside the lemma; their width is right in {} from n = 2k on.",
                discrete.rate("correct")
            ),
        ];
        let checks = vec![
            Check::new(
                "matching",
                "for inputs with a density the width is k exactly when units can be matched to samples, in all instances",
                format!("{agreeing} of {}", dense.len()),
                agreeing == dense.len() && !dense.is_empty(),
            ),
            // Without a sample of its own a unit is left with probability 2⁻²⁰ at n = 2k and k = 10, but inputs of one common factor make
            // units active together: a few of a hundred fail there.
            Check::new(
                "rank-at-2k",
                "for inputs with a density the width is k in 99 % of the instances with n ≥ 2k",
                twice.to_string(),
                twice.share() >= 0.99,
            ),
        ];
        let mut figures: Vec<Figure> = widths(plan).iter().map(|&k| width_chart(&rows, k, plan)).collect();
        figures.insert(0, spectrum_chart(&rows, plan));
        Presentation { findings, figures, checks }
    }
}

/// Whether each unit can be given a sample of its own on which it is active.
fn is_matched(planted: &Planted) -> bool {
    let t = planted.network.preactivations(planted.x.as_ref());
    if t.ncols() < t.nrows() {
        return false;
    }
    let cost = Mat::from_fn(t.nrows(), t.ncols(), |i, j| if t[(i, j)] > 0.0 { 0.0 } else { 1.0 });
    let matched = min_cost_assignment(cost.as_ref());
    matched.iter().enumerate().all(|(i, &j)| cost[(i, j)] == 0.0)
}

fn spectrum_chart(rows: &Rows<'_>, plan: &Plan) -> Figure {
    let rows = rows.having("inputs", InputKind::Gaussian.name());
    let mut series = Vec::new();
    for &k in widths(plan) {
        let groups = rows.having("k", k).by_number("ratio");
        let curve = |name: &str| groups.iter().filter_map(|(x, rows)| rows.quartiles(name, *x)).collect();
        series.push(Series::curve(format!("σ(k), k = {k}"), curve("kept")));
        series.push(Series::curve(format!("σ(k + 1), k = {k}"), curve("dropped")));
    }
    let k = widths(plan)[0];
    let level =
        RATIOS.iter().map(|&x| (x, tolerance::backward((x * k as f64).round() as usize, 2 * k))).collect();
    series.push(Series::reference(format!("8 √(nm) ε, k = {k}"), level));
    let heading = Heading::new(
        "label-rank-gap",
        "Singular values of the labels, over the largest",
        format!(
            "Gaussian inputs, m = 2k, d = k; medians and quartiles of {} instances for each point ({}). Singular values above the dashed level count.",
            seeds(plan),
            plan.seed_range(seeds(plan))
        ),
    );
    Figure::Chart(Chart {
        heading,
        x: Axis::linear("samples per unit n/k"),
        y: Axis::log("singular value / largest"),
        series,
        marks: Vec::new(),
    })
}

/// The name of a distribution in the column `inputs` as it is printed.
fn shown(inputs: &str) -> &str {
    match inputs {
        "gaussian" => "Gaussian",
        "laplace" => "Laplace",
        "student3" => "Student, 3 d.f.",
        "sign" => "signs ±1",
        "binary" => "binary 0, 1",
        "correlated" => "chain, ρ = 0.9",
        "equicorrelated" => "equal ρ = 0.9",
        other => other,
    }
}

fn width_chart(rows: &Rows<'_>, k: usize, plan: &Plan) -> Figure {
    let rows = rows.having("k", k);
    let rates = |rows: &Rows<'_>, flag: &str| -> Vec<Mean> {
        rows.by_number("ratio").iter().map(|(x, rows)| rows.rate(flag).at(*x)).collect()
    };
    let mut series: Vec<Series> = rows
        .by_text("inputs")
        .iter()
        .map(|(name, rows)| Series::curve(shown(name), rates(rows, "correct")))
        .collect();
    let matched = rates(&rows.having("inputs", InputKind::Gaussian.name()), "matched");
    series.push(Series::reference(
        "can be matched, Gaussian",
        matched.iter().map(|point| (point.x, point.y)).collect(),
    ));
    let heading = Heading::new(
        format!("label-rank-width-{k}"),
        format!("Width decided correctly, k = {k}"),
        format!(
            "m = {}, d = {k}; share of {} instances for each point ({}), bands are 95 % Wilson intervals. Dashed: instances in which every unit can be given \
             an active sample of its own.",
            2 * k,
            seeds(plan),
            plan.seed_range(seeds(plan))
        ),
    );
    Figure::Chart(Chart {
        heading,
        x: Axis::linear("samples per unit n/k"),
        y: Axis::rate("width is k"),
        series,
        marks: vec![Mark { name: "n = k".to_string(), x: 1.0 }],
    })
}
