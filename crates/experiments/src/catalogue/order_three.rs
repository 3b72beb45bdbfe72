//! The score tensor of order three vanishes for max(t, 0).

use orthant::linalg::{Mat, product, random};
use orthant::network::{Activation, Network, PlantedSpec};
use orthant::tensor::quadrature::hermite_coefficients;
use orthant::tensor::score::{Contraction3, ScorePlan};
use orthant::tensor::whiten::Affine;

use crate::experiment::{About, Check, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::figure::{Axis, Chart, Figure, Heading, Mean, Series};
use crate::record::{Record, Row};
use crate::rows::Rows;
use crate::statistics::log_log_slope;

/// The norm of a contraction of E[a ⊗ He₃(x)] against the number of samples.
pub struct OrderThree;

const M: usize = 4;
const K: usize = 4;
const D: usize = 6;
const SEEDS: usize = 20;

/// The activations: the paper's main one, and one whose coefficient of order three is not zero.
const RELU: &str = "max(t, 0)";
const SQUARE: &str = "max(t, 0)²";

impl Experiment for OrderThree {
    fn about(&self) -> About {
        About {
            name: "order-three",
            title: "The tensor of order three",
            claim: "Algorithm 5 contracts E[a ⊗ S₃(x)], which is zero for max(t, 0), its main activation: what samples show of it \
                    is noise that falls as n^(−1/2). For max(t, 0)² the tensor is there.",
            source: "Algorithm 5, Theorem 40 (a deviation)",
            method: "Standard Gaussian inputs, U and V. The third Hermite tensor of the sum of the labels is contracted with one \
                     random direction; shown is the norm of the d × d matrix over the size of the labels. The population's value \
                     comes from the true weights and E[f(g) He₃(g)] by quadrature.",
        }
    }

    fn tasks(&self, plan: &Plan) -> Vec<Task> {
        let sizes: &[usize] = plan.pick(
            &[1000, 3162, 10_000, 31_623, 100_000],
            &[1000, 3162, 10_000, 31_623, 100_000, 316_228, 1_000_000],
        );
        let mut tasks = Vec::new();
        for activation in [RELU, SQUARE] {
            for &n in sizes {
                for seed in plan.seeds(SEEDS) {
                    let point = Record::new().with("activation", activation).with("n", n);
                    tasks.push(Task { seed, point, cost: 3e-7 * n as f64 });
                }
            }
        }
        tasks
    }

    fn run(&self, task: &Task, _: &Context<'_>) -> anyhow::Result<Outcome> {
        let activation = if task.point.text("activation") == SQUARE {
            Activation::power(2.0).expect("2 is positive")
        } else {
            Activation::RELU
        };
        let c3 = hermite_coefficients(|t| activation.value(t))?.values[3];
        let spec = PlantedSpec { m: M, k: K, d: D, activation, seed: task.seed, ..PlantedSpec::default() };
        let planted = spec.plant(task.point.count("n"))?;
        let mut direction = random::gaussian_vec(D, &mut random::stream(task.seed, "order three", 0));
        let length = product::norm(&direction);
        direction.iter_mut().for_each(|entry| *entry /= length);

        let population = population(&planted.network, c3, &direction);
        let identity = |size| Affine { map: Mat::identity(size, size), mean: vec![0.0; size] };
        let contraction = Contraction3 { labels: vec![1.0; M], direction };
        // No linear part is subtracted: the moment of the paper.
        let plan = ScorePlan::new(identity(D), identity(M), Mat::zeros(M, D), vec![contraction], Vec::new())?;
        let mut sums = plan.start();
        plan.add(&mut sums, planted.x.as_ref(), planted.a.as_ref())?;
        let moments = plan.finish(&sums)?;
        let size = moments.energy.iter().sum::<f64>().sqrt();
        let values = Record::new()
            .with("norm", product::frobenius(moments.order3[0].as_ref()) / size)
            .with("population", product::frobenius(population.as_ref()) / size)
            .with("error", product::frobenius((&moments.order3[0] - &population).as_ref()) / size);
        Ok(Outcome { values, measured: Record::new() })
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        let rows = Rows::new(rows);
        let curve = |activation: &str, value: &str| -> Vec<Mean> {
            let groups = rows.having("activation", activation).by_number("n");
            groups.iter().filter_map(|(n, rows)| rows.quartiles(value, *n)).collect()
        };
        let medians = |points: &[Mean]| points.iter().map(|p| (p.x, p.y)).collect::<Vec<(f64, f64)>>();
        let (relu, square) = (curve(RELU, "norm"), curve(SQUARE, "norm"));
        let population = medians(&curve(SQUARE, "population"));
        let exponent = log_log_slope(&medians(&relu)).unwrap_or(f64::NAN);
        let error_exponent = log_log_slope(&medians(&curve(SQUARE, "error"))).unwrap_or(f64::NAN);
        let last = |points: &[(f64, f64)]| points.last().map_or(f64::NAN, |(_, norm)| *norm);
        let ratio = last(&medians(&square)) / last(&population);

        let mut series = Vec::new();
        if let Some(first) = relu.first() {
            let rate = relu.iter().map(|p| (p.x, first.y * (first.x / p.x).sqrt())).collect();
            series.push(Series::reference("rate 1/√n", rate));
        }
        series.push(Series::curve(format!("f(t) = {RELU}"), relu));
        series.push(Series::curve(format!("f(t) = {SQUARE}"), square));
        series.push(Series::reference(format!("population, {SQUARE}"), population));
        let chart = Chart {
            heading: Heading::new(
                "order-three-norm",
                "Norm of the contracted tensor of order three",
                format!(
                    "m = {M}, k = {K}, d = {D}; median and quartiles of {SEEDS} instances ({}).",
                    plan.seed_range(SEEDS)
                ),
            ),
            x: Axis::log("samples n"),
            y: Axis::log("norm / size of the labels"),
            series,
            marks: Vec::new(),
        };
        let checks = vec![
            Check::new(
                "vanishes-for-relu",
                "the norm falls as n^(−0.5), within 0.1",
                format!("n^({exponent:.2})"),
                (exponent + 0.5).abs() <= 0.1,
            ),
            Check::new(
                "present-for-square",
                "median norm at the largest n within 20 % of the population's",
                format!("{ratio:.2} times"),
                (ratio - 1.0).abs() <= 0.2,
            ),
            Check::new(
                "error-rate-for-square",
                "the distance to the population's tensor falls as n^(−0.5), within 0.1",
                format!("n^({error_exponent:.2})"),
                (error_exponent + 0.5).abs() <= 0.1,
            ),
        ];
        let findings = vec![
            format!(
                "For {RELU} the norm falls as n^({exponent:.2}): there is nothing but sampling error in it."
            ),
            format!(
                "For {SQUARE} it is {ratio:.2} times the population's value at the largest n, and what is wrong with it falls as n^({error_exponent:.2})."
            ),
            "Orders 1, 2 and 4 carry the information for max(t, 0); they are what Algorithm 5 uses here."
                .to_string(),
        ];
        Presentation { findings, figures: vec![Figure::Chart(chart)], checks }
    }
}

/// c₃ Σ_r (Σ_o u_or) ⟨v_r, p⟩ v_r v_r', d × d: what the contraction with p tends to.
fn population(network: &Network, c3: f64, direction: &[f64]) -> Mat<f64> {
    let (u, v) = (network.u(), network.v());
    let weights: Vec<f64> = (0..K)
        .map(|r| {
            let output: f64 = (0..M).map(|o| u[(o, r)]).sum();
            let inner: f64 = (0..D).map(|j| v[(r, j)] * direction[j]).sum();
            c3 * output * inner
        })
        .collect();
    Mat::from_fn(D, D, |i, j| (0..K).map(|r| weights[r] * v[(r, i)] * v[(r, j)]).sum())
}
