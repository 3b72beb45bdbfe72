//! V from the moments alone, and the exact finish from there.

use std::f64::consts::SQRT_2;

use orthant::Samples;
use orthant::estimate::Frame;
use orthant::estimate::confident::Finish;
use orthant::estimate::directions::directions;
use orthant::linalg::assignment::min_cost_assignment;
use orthant::linalg::{Mat, MatRef, product, spectrum};
use orthant::network::{BiasKind, Network, Planted, PlantedSpec};
use orthant::tensor::TensorError;
use orthant::tensor::power::{PowerSettings, power_method, whitened_tensor};
use orthant::tensor::score::ScorePlan;
use orthant::tensor::simultaneous::{SimultaneousSettings, rank_one_slices};
use orthant::tensor::whiten::{Affine, MomentWhitening};

use crate::experiment::{About, Check, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::figure::{Axis, Chart, Figure, Heading, Mean, Series};
use crate::record::{Record, Row};
use crate::rows::Rows;
use crate::statistics::log_log_slope;

/// The error of V by moments against the number of samples, and whether Algorithm 6 is exact from it.
pub struct MomentEstimates;

const M: usize = 10;
const K: usize = 5;
const D: usize = 10;

/// The number of samples from which on the rate is measured.
const RATE_FROM: usize = 1000;

/// Score moments, whitening and the tensor power method: the paper's.
const POWER: &str = "score moments, power method";
/// Score moments, all slices diagonalised jointly.
const JOINT: &str = "score moments, joint diagonalisation";
/// What `Method::Tensor` runs.
const FITTED: &str = "least squares, joint diagonalisation";

impl Experiment for MomentEstimates {
    fn about(&self) -> About {
        About {
            name: "moments",
            title: "V from moments, and the exact finish",
            claim: "Moments of Gaussian inputs give the rows of V up to an error of the order n^(−1/2), and from there a linear system \
                    gives the weights exactly.",
            source: "Theorems 40, 48 and 49, Corollary 46, Algorithms 5 and 6",
            method: "Standard Gaussian inputs, U and V. Tensors of orders one and two of all labels share their components; order \
                     three, which the paper contracts, vanishes for max(t, 0). Moments are averages of score functions, as in the \
                     paper, or coefficients of a least-squares fit; they are decomposed by whitening and the tensor power method, or by \
                     joint diagonalisation of all slices. The error is the largest distance of a row of V from its estimate, both of \
                     unit norm, up to sign; √2 when a decomposition fails. The finish follows each estimate to a unit that passes the \
                     linear system of Algorithm 6, and counts as success when these are the planted ones, all of them.",
        }
    }

    fn tasks(&self, plan: &Plan) -> Vec<Task> {
        let mut tasks = Vec::new();
        for method in [POWER, JOINT, FITTED] {
            for &n in sizes(plan) {
                for seed in plan.seeds(seeds(plan)) {
                    let point = Record::new().with("method", method).with("n", n);
                    tasks.push(Task { seed, point, cost: 0.02 + 4e-6 * n as f64 });
                }
            }
        }
        tasks
    }

    fn run(&self, task: &Task, _: &Context<'_>) -> anyhow::Result<Outcome> {
        let spec = PlantedSpec { m: M, k: K, d: D, seed: task.seed, ..PlantedSpec::default() };
        let planted = spec.plant(task.point.count("n"))?;
        let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref())?;
        let rows = match task.point.text("method") {
            FITTED => directions(&samples, K, task.seed).ok().map(|found| found.rows),
            method => by_scores(&planted, method == POWER, task.seed).ok(),
        };
        let error = rows.as_ref().map_or(SQRT_2, |rows| worst_row(rows.as_ref(), planted.network.v()));
        let (found, alien) = match rows {
            Some(rows) => finish(&planted, &samples, rows.as_ref(), task.seed)?,
            None => (0, 0),
        };
        let values = Record::new()
            .with("error", error)
            .with("exact", found == K)
            .with("units", found)
            .with("wrong", alien > 0);
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
        let methods = rows.by_text("method");
        let mut errors = Vec::new();
        let mut rates = Vec::new();
        let mut exponents = Vec::new();
        for (method, rows) in &methods {
            let groups = rows.by_number("n");
            let points: Vec<Mean> =
                groups.iter().filter_map(|(n, rows)| rows.quartiles("error", *n)).collect();
            // The rate is that of large n: before, estimates are no better than guesses.
            let tail: Vec<(f64, f64)> =
                points.iter().filter(|p| p.x >= RATE_FROM as f64).map(|p| (p.x, p.y)).collect();
            exponents.push((method.clone(), log_log_slope(&tail).unwrap_or(f64::NAN)));
            if method == FITTED
                && let Some(last) = points.last().copied()
            {
                let rate = points.iter().map(|p| (p.x, last.y * (last.x / p.x).sqrt())).collect();
                errors.push(Series::reference("rate 1/√n", rate));
            }
            errors.push(Series::curve(method.clone(), points));
            let exact = groups.iter().map(|(n, rows)| rows.rate("exact").at(*n)).collect();
            rates.push(Series::curve(method.clone(), exact));
        }
        let error_chart = Chart {
            heading: Heading::new("moments-error", "Error of V by moments", caption("median and quartiles")),
            x: Axis::log("samples n"),
            y: Axis::log("largest error of a row of V"),
            series: errors,
            marks: Vec::new(),
        };
        let exact_chart = Chart {
            heading: Heading::new(
                "moments-finish",
                "The exact finish from these estimates",
                caption("share with all units exact, with the 95 % Wilson interval"),
            ),
            x: Axis::log("samples n"),
            y: Axis::rate("all units exact"),
            series: rates,
            marks: Vec::new(),
        };
        let (checks, findings) = judge(&rows, &exponents);
        Presentation {
            findings,
            figures: vec![Figure::Chart(error_chart), Figure::Chart(exact_chart)],
            checks,
        }
    }
}

fn sizes(plan: &Plan) -> &'static [usize] {
    plan.pick(
        &[100, 316, 1000, 3162, 10_000, 31_623],
        &[100, 316, 1000, 3162, 10_000, 31_623, 100_000, 316_228, 1_000_000],
    )
}

fn seeds(plan: &Plan) -> usize {
    plan.pick(20, 30)
}

fn judge(rows: &Rows<'_>, exponents: &[(String, f64)]) -> (Vec<Check>, Vec<String>) {
    let wrong = rows.rate("wrong");
    let at = |method: &str, n: usize| rows.having("method", method).having("n", n);
    let exponent = |method: &str| exponents.iter().find(|(own, _)| own == method).map_or(f64::NAN, |e| e.1);
    let median = |method: &str, n: usize| at(method, n).median("error").unwrap_or(f64::NAN);
    let ratio = median(JOINT, RATE_FROM) / median(FITTED, RATE_FROM);
    let rate = |method: &str, n: usize| at(method, n).rate("exact");
    let checks = vec![
        Check::new(
            "rate",
            "the error by joint diagonalisation falls as n^(−0.5), within 0.1, from n = 1000 on",
            format!(
                "n^({:.2}) by score moments, n^({:.2}) by least squares",
                exponent(JOINT),
                exponent(FITTED)
            ),
            [JOINT, FITTED].iter().all(|method| (exponent(method) + 0.5).abs() <= 0.1),
        ),
        Check::new(
            "finish-least-squares",
            "at least 80 % exact by least squares at n = 316",
            rate(FITTED, 316).to_string(),
            rate(FITTED, 316).share() >= 0.8,
        ),
        Check::new(
            "finish-score-moments",
            "at n = 3162 by score moments, at least 80 % exact jointly and 60 % by the power method",
            format!("{} jointly, {} by the power method", rate(JOINT, 3162), rate(POWER, 3162)),
            rate(JOINT, 3162).share() >= 0.8 && rate(POWER, 3162).share() >= 0.6,
        ),
        Check::new("no-wrong-unit", "no unit that is not planted", wrong.to_string(), wrong.hits == 0),
    ];
    let findings = vec![
        format!(
            "From n = {RATE_FROM} on the error falls as n^({:.2}) by score moments, jointly diagonalised, and as n^({:.2}) by least \
             squares. At n = {RATE_FROM} the fit is {ratio:.1} times more accurate: averages of score functions have the whole labels as \
             noise, the fit only what a quadratic leaves of them.",
            exponent(JOINT),
            exponent(FITTED)
        ),
        format!(
            "The finish needs little accuracy: at n = 316 the median error by score moments is {:.2}, and from there {} instances are \
             exact. By least squares the error is {:.2} and {} are; at n = 100 it is {:.2} and {} are.",
            median(JOINT, 316),
            rate(JOINT, 316),
            median(FITTED, 316),
            rate(FITTED, 316),
            median(FITTED, 100),
            rate(FITTED, 100),
        ),
        format!(
            "The power method, which whitens with the inverse of the linear part, needs more samples: {} at n = 316, {} at n = 3162.",
            rate(POWER, 316),
            rate(POWER, 3162)
        ),
    ];
    (checks, findings)
}

/// Estimates of the rows of V, k × d, from E[a x'] and E[a ⊗ (xx' − I)].
fn by_scores(planted: &Planted, power: bool, seed: u64) -> Result<Mat<f64>, TensorError> {
    let identity = |size| Affine { map: Mat::identity(size, size), mean: vec![0.0; size] };
    let plan = ScorePlan::new(identity(D), identity(M), Mat::zeros(M, D), Vec::new(), Vec::new())?;
    let mut sums = plan.start();
    plan.add(&mut sums, planted.x.as_ref(), planted.a.as_ref())?;
    let moments = plan.finish(&sums)?;
    // Order one is U c₁ V: its k leading singular vectors span the columns of U and the rows of V.
    let svd = spectrum::thin_svd(moments.order1.as_ref())?;
    let (labels, inputs) = (svd.u.as_ref().subcols(0, K), svd.v.as_ref().subcols(0, K));
    let slice = |l: usize| {
        let mut sum = Mat::<f64>::zeros(D, D);
        for (o, order2) in moments.order2.iter().enumerate() {
            sum += labels[(o, l)] * order2;
        }
        product::matmul(inputs.transpose(), product::matmul(sum.as_ref(), inputs).as_ref())
    };
    let slices: Vec<Mat<f64>> = (0..K).map(slice).collect();
    let components = if power {
        by_power_method(&slices, &svd.s[..K], seed)?
    } else {
        let views: Vec<MatRef<'_, f64>> = slices.iter().map(Mat::as_ref).collect();
        let settings =
            SimultaneousSettings { seed, max_uncertainty: f64::INFINITY, ..SimultaneousSettings::default() };
        rank_one_slices(&views, K, &settings)?.components
    };
    Ok(product::matmul(components.transpose(), inputs.transpose()))
}

/// The components by whitening and the tensor power method, as columns.
///
/// With the linear part diag(s), the matrices B_l = diag(s)⁻¹ [T_a(j, l)]_aj are (c₂/c₁) V⁻¹ diag(V e_l) V, and tr(B_l B_p) the entries of
/// a multiple of V'V, which whitens.
fn by_power_method(slices: &[Mat<f64>], s: &[f64], seed: u64) -> Result<Mat<f64>, TensorError> {
    let along: Vec<Mat<f64>> = (0..K).map(|l| Mat::from_fn(K, K, |a, j| slices[a][(j, l)] / s[a])).collect();
    let gram = Mat::from_fn(K, K, |l, p| {
        product::matmul(along[l].as_ref(), along[p].as_ref()).diagonal().column_vector().sum()
    });
    let whitening = MomentWhitening::new(gram.as_ref(), K)?;
    // The labels in which the tensor is symmetric: the inverse of diag(s) W', which is W'⁻¹ diag(s)⁻¹.
    let label_map = Mat::from_fn(K, K, |i, a| whitening.inverse[(a, i)] / s[a]);
    let views: Vec<MatRef<'_, f64>> = slices.iter().map(Mat::as_ref).collect();
    let tensor = whitened_tensor(&views, label_map.as_ref(), whitening.map.as_ref())?;
    let found = power_method(&tensor, K, &PowerSettings { seed, ..PowerSettings::default() })?;
    Ok(product::matmul(whitening.inverse.as_ref(), found.vectors.as_ref()))
}

/// The largest distance of a row of `truth` from its partner in `found`, all of unit norm, up to sign.
pub(super) fn worst_row(found: MatRef<'_, f64>, truth: MatRef<'_, f64>) -> f64 {
    let k = truth.nrows();
    let distance = |i: usize, r: usize| {
        let inner: f64 = found.row(r).iter().zip(truth.row(i).iter()).map(|(a, b)| a * b).sum();
        let cosine = inner.abs() / (found.row(r).norm_l2() * truth.row(i).norm_l2());
        // A row of no length has no direction.
        if cosine.is_finite() { (2.0 - 2.0 * cosine).max(0.0).sqrt() } else { SQRT_2 }
    };
    let distances = Mat::from_fn(k, k, distance);
    let squares = Mat::from_fn(k, k, |i, r| distances[(i, r)].powi(2));
    min_cost_assignment(squares.as_ref())
        .into_iter()
        .enumerate()
        .map(|(i, r)| distances[(i, r)])
        .fold(0.0, f64::max)
}

/// Planted units that the finish finds from the estimates, of either sign, and units that are not planted.
fn finish(
    planted: &Planted,
    samples: &Samples<'_>,
    rows: MatRef<'_, f64>,
    seed: u64,
) -> anyhow::Result<(usize, usize)> {
    let frame = Frame::new(samples, BiasKind::None, None)?.0;
    let values = product::matmul(planted.x.transpose(), rows.transpose());
    let both = Mat::from_fn(samples.n(), 2 * rows.nrows(), |j, i| {
        if i < rows.nrows() { values[(j, i)] } else { -values[(j, i - rows.nrows())] }
    });
    let mut found = Vec::new();
    Finish::new(&frame, seed)?.collect(both.as_ref(), frame.n_rectified(), &mut found);
    let truth = activations(&planted.network, planted.x.as_ref());
    let mut known = [false; K];
    let mut alien = 0;
    for unit in &found {
        let cosine = |i: usize| product::dot(&truth[i], &unit.activations);
        // Both have unit norm. Activations are right to the accuracy of the label space over the gap, as an angle.
        match (0..K).find(|&i| 1.0 - cosine(i) <= frame.null_tolerance() / unit.null_gap) {
            Some(i) => known[i] = true,
            None => alien += 1,
        }
    }
    Ok((known.iter().filter(|known| **known).count(), alien))
}

/// The activations of each unit over the samples, of unit norm.
fn activations(network: &Network, x: MatRef<'_, f64>) -> Vec<Vec<f64>> {
    let z = network.activations(x);
    (0..z.nrows())
        .map(|i| {
            let row: Vec<f64> = z.row(i).iter().copied().collect();
            let norm = product::norm(&row).max(f64::MIN_POSITIVE);
            row.iter().map(|value| value / norm).collect()
        })
        .collect()
}
