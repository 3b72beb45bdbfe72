//! The score tensor of order three vanishes for max(t, 0).

use orthant::linalg::{Mat, random};
use orthant::network::{Activation, PlantedSpec};
use orthant::tensor::score::{Contraction3, ScorePlan};
use orthant::tensor::whiten::Affine;

use crate::experiment::{About, Check, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::figure::{Axis, Chart, Figure, Heading, Mean, Series};
use crate::record::{Record, Row};
use crate::rows::Rows;
use crate::statistics::log_log_slope;

/// The norm of a contraction of E[a ⊗ He_3(x)] against the number of samples.
pub struct OrderThree;

const M: usize = 4;
const K: usize = 4;
const D: usize = 6;

/// The activations: the paper's main one, and one whose coefficient of order three is not zero.
const ACTIVATIONS: [&str; 2] = ["max(t, 0)", "max(t, 0)²"];

impl Experiment for OrderThree {
    fn about(&self) -> About {
        About {
            name: "order-three",
            title: "The tensor of order three",
            claim: "Algorithm 5 contracts E[a ⊗ S₃(x)], which is zero for max(t, 0): what samples show of it falls as n^(−1/2). \
                    It works for max(t, 0)².",
            source: "Algorithm 5, Theorem 40; deviation",
            method: "Standard Gaussian inputs, U and V. The labels' coordinates are added up and the third Hermite tensor is \
                     contracted with one random direction; shown is the norm of the d × d matrix, divided by that of the labels.",
        }
    }

    fn tasks(&self, plan: &Plan) -> Vec<Task> {
        let sizes: &[usize] = plan.pick(
            &[1000, 3162, 10_000, 31_623, 100_000],
            &[1000, 3162, 10_000, 31_623, 100_000, 316_228, 1_000_000],
        );
        let mut tasks = Vec::new();
        for activation in ACTIVATIONS {
            for &n in sizes {
                for seed in plan.seeds(plan.pick(5, 20)) {
                    let point = Record::new().with("activation", activation).with("n", n);
                    tasks.push(Task { seed, point, cost: 4e-7 * n as f64 });
                }
            }
        }
        tasks
    }

    fn run(&self, task: &Task, _: &Context<'_>) -> anyhow::Result<Outcome> {
        let square = task.point.text("activation") == ACTIVATIONS[1];
        let activation =
            if square { Activation::power(2.0).expect("2 is positive") } else { Activation::RELU };
        let spec = PlantedSpec { m: M, k: K, d: D, activation, seed: task.seed, ..PlantedSpec::default() };
        let planted = spec.plant(task.point.count("n"))?;
        let direction = random::gaussian_vec(D, &mut random::stream(task.seed, "order three", 0));
        let direction_norm = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
        let identity = |size| Affine { map: Mat::identity(size, size), mean: vec![0.0; size] };
        let contraction = Contraction3 { labels: vec![1.0; M], direction };
        // No linear part is subtracted: the moment of the paper.
        let plan = ScorePlan::new(identity(D), identity(M), Mat::zeros(M, D), vec![contraction], Vec::new())?;
        let mut sums = plan.start();
        plan.add(&mut sums, planted.x.as_ref(), planted.a.as_ref())?;
        let moments = plan.finish(&sums)?;
        let size = (moments.energy.iter().sum::<f64>()).sqrt();
        let norm = moments.order3[0].norm_l2() / (size * direction_norm);
        Ok(Outcome { values: Record::new().with("norm", norm), measured: Record::new() })
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        let rows = Rows::new(rows);
        let mut series = Vec::new();
        let mut slopes = Vec::new();
        for (activation, rows) in rows.by_text("activation") {
            let points: Vec<Mean> =
                rows.by_number("n").iter().filter_map(|(n, rows)| rows.quartiles("norm", *n)).collect();
            let medians: Vec<(f64, f64)> = points.iter().map(|point| (point.x, point.y)).collect();
            slopes.push(log_log_slope(&medians).unwrap_or(f64::NAN));
            if slopes.len() == 1 {
                let (n, norm) = medians[0];
                let rate = medians.iter().map(|(x, _)| (*x, norm * (n / x).sqrt())).collect();
                series.push(Series::reference("rate n^(−1/2)", rate));
            }
            series.push(Series::curve(activation, points));
        }
        let seeds = plan.pick(5, 20);
        let chart = Chart {
            heading: Heading::new(
                "order-three-norm",
                "Norm of the contracted tensor",
                format!(
                    "m = {M}, k = {K}, d = {D}; median and quartiles of {seeds} instances ({}).",
                    plan.seed_range(seeds)
                ),
            ),
            x: Axis::log("samples n"),
            y: Axis::log("norm / size of the labels"),
            series,
            marks: Vec::new(),
        };
        let slope = |i: usize| slopes.get(i).copied().unwrap_or(f64::NAN);
        let reached = |i: usize| format!("n^({:.2})", slope(i));
        let checks = vec![
            Check::new(
                "vanishes-for-relu",
                "falls as n^(−1/2), exponent within 0.15",
                reached(0),
                (slope(0) + 0.5).abs() <= 0.15,
            ),
            Check::new(
                "stays-for-square",
                "does not fall, exponent within 0.1 of zero",
                reached(1),
                slope(1).abs() <= 0.1,
            ),
        ];
        let findings = vec![format!(
            "The norm falls as {} for max(t, 0) and stays, {}, for its square.",
            reached(0),
            reached(1)
        )];
        Presentation { findings, figures: vec![Figure::Chart(chart)], checks }
    }
}
