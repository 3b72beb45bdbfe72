//! Noise in every label: the error against samples and noise level, beside the least that is possible.

mod shown;

use orthant::estimate::Reporter;
use orthant::network::{BiasKind, NoiseKind, PlantedSpec};
use orthant::noisy::fit::{FitSettings, fit, information, residuals};
use orthant::noisy::route::{RouteSettings, paper_route};
use orthant::noisy::{NoiseModel, NoisyError, Settings, StandardErrors, recover_noisy};
use orthant::{BiasModel, Network, Samples, Verdict, align};

use crate::experiment::{About, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::record::{Record, Row};

/// The errors of V and U under independent errors of the labels.
pub struct Noise;

/// Outputs, units, inputs.
type Size = (usize, usize, usize);

/// The size of the charts.
const MAIN: Size = (10, 5, 20);

/// As many units as inputs: kinks near each other.
const SQUARE: Size = (10, 10, 10);

/// A size of which one recovery takes seconds.
const LARGE: Size = (20, 20, 50);

/// Samples for each input in the chart over noise levels.
const FEW: usize = 50;

/// And in the rows of the table on many samples.
const MANY: usize = 400;

/// The noise level of the chart over samples, in standard deviations of the labels.
const LEVEL: f64 = 0.1;

/// The 97.5 % quantile of the standard Gaussian distribution: within so many standard errors are 95 % of normal errors.
const NORMAL_97_5: f64 = 1.959_963_984_540_054;

fn repetitions(plan: &Plan) -> usize {
    plan.pick(15, 20)
}

/// One group of rows.
struct Setting {
    size: Size,
    samples_per_input: usize,
    level: f64,
    kind: NoiseKind,
}

impl Setting {
    /// Without repetition.
    fn all(plan: &Plan) -> Vec<Setting> {
        let mut all: Vec<Setting> = Vec::new();
        let mut add = |size, samples_per_input, level, kind| {
            let is_there = |s: &Setting| {
                (s.size, s.samples_per_input, s.level, s.kind) == (size, samples_per_input, level, kind)
            };
            if !all.iter().any(is_there) {
                all.push(Setting { size, samples_per_input, level, kind });
            }
        };
        let gaussian = NoiseKind::Gaussian;
        for samples in [FEW, 2 * FEW, 4 * FEW, MANY] {
            add(MAIN, samples, LEVEL, gaussian);
        }
        for level in [0.01, 0.03, 0.1, 0.5, 1.0, 2.0] {
            add(MAIN, FEW, level, gaussian);
        }
        for kind in [NoiseKind::Uniform, NoiseKind::Sign] {
            for size in plan.pick(&[MAIN][..], &[MAIN, SQUARE, LARGE]) {
                add(*size, MANY, LEVEL, kind);
            }
        }
        add(SQUARE, MANY, LEVEL, gaussian);
        if plan.pick(false, true) {
            add(MAIN, 4 * MANY, LEVEL, gaussian);
            add(SQUARE, FEW, LEVEL, gaussian);
            for level in [0.01, 0.1, 0.5] {
                add(MAIN, MANY, level, gaussian);
            }
            for level in [0.01, 0.1] {
                add(LARGE, FEW, level, gaussian);
                add(LARGE, MANY, level, gaussian);
            }
        }
        all
    }

    fn cost(&self) -> f64 {
        let n = (self.samples_per_input * self.size.2) as f64;
        if self.size == LARGE { 6.0 + 3e-4 * n } else { 0.3 + 2e-5 * n }
    }
}

/// What one recovery brought.
#[derive(Default)]
struct Errors {
    /// |V − V*|_F, units matched.
    v: Option<f64>,
    /// |U − U*|_F / |U*|_F.
    u: Option<f64>,
}

impl Errors {
    /// Nothing when the width is wrong or a unit has no partner.
    fn of(found: &Network, truth: &Network) -> Errors {
        let matched = align(found, truth);
        if found.k() != truth.k() || matched.pairs.len() != truth.k() {
            return Errors::default();
        }
        let (mut v, mut u) = (0.0, 0.0);
        for pair in &matched.pairs {
            let rows = found.v().row(pair.first).iter().zip(truth.v().row(pair.second).iter());
            v += rows.map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
            let columns = found.u().col(pair.first).iter().zip(truth.u().col(pair.second).iter());
            u += columns.map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
        }
        Errors { v: Some(v.sqrt()), u: Some(u.sqrt() / truth.u().norm_l2()) }
    }
}

/// The share of weights whose error is within the 95 % interval of their standard error: of V and of U.
fn coverage(found: &Network, standard: &StandardErrors, truth: &Network) -> (Option<f64>, Option<f64>) {
    let matched = align(found, truth);
    let share = |inside: &[bool]| {
        let hits = inside.iter().filter(|inside| **inside).count();
        (!inside.is_empty()).then(|| hits as f64 / inside.len() as f64)
    };
    let (mut v, mut u) = (Vec::new(), Vec::new());
    for pair in &matched.pairs {
        let (i, j) = (pair.first, pair.second);
        for r in 0..truth.d() {
            v.push((found.v()[(i, r)] - truth.v()[(j, r)]).abs() <= NORMAL_97_5 * standard.v[(i, r)]);
        }
        for o in 0..truth.m() {
            u.push((found.u()[(o, i)] - truth.u()[(o, j)]).abs() <= NORMAL_97_5 * standard.u[(o, i)]);
        }
    }
    (share(&v), share(&u))
}

impl Experiment for Noise {
    fn about(&self) -> About {
        About {
            name: "noise",
            title: "Noise in every label",
            claim: "Under sub-Gaussian noise the weights are recovered to any accuracy with enough samples: the error falls as \
                    n^(−1/2) and, after the refinement, is the least that the information in the labels allows.",
            source: "Theorems 4 and 62, Lemma 61",
            method: "Gaussian inputs, standard Gaussian U and V, noise in units of the labels' standard deviation; the width is not \
                     given. Errors are |V − V*|_F, rows of unit norm, and |U − U*|_F / |U*|_F, units matched. The information bound is \
                     the root of the sum of the squared standard errors at the true weights (Cramér and Rao, normal noise); the \
                     oracle is the same refinement started at the true weights. The paper's route has moments, signs and regression, \
                     and is given the width. Runs with a wrong width or a lost unit have no error: they are counted.",
        }
    }

    fn tasks(&self, plan: &Plan) -> Vec<Task> {
        let mut tasks = Vec::new();
        for setting in Setting::all(plan) {
            let (m, k, d) = setting.size;
            for seed in plan.seeds(repetitions(plan)) {
                let point = Record::new()
                    .with("m", m)
                    .with("k", k)
                    .with("d", d)
                    .with("n", setting.samples_per_input * d)
                    .with("noise", setting.kind.name())
                    .with("level", setting.level);
                tasks.push(Task { seed, point, cost: setting.cost() });
            }
        }
        tasks
    }

    fn run(&self, task: &Task, context: &Context<'_>) -> anyhow::Result<Outcome> {
        let (m, k, d) = (task.point.count("m"), task.point.count("k"), task.point.count("d"));
        let (n, seed) = (task.point.count("n"), task.seed);
        let planted = PlantedSpec { m, k, d, seed, ..PlantedSpec::default() }.plant(n)?;
        let truth = &planted.network;
        let clean = Samples::new(planted.x.as_ref(), planted.a.as_ref())?;
        let level = task.point.number("level").expect("tasks have a level");
        let std = level * clean.label_scale();
        let named = |kind: &NoiseKind| kind.name() == task.point.text("noise");
        let kind = NoiseKind::ALL.into_iter().find(named).expect("tasks have a kind");
        let labels = &planted.a + &kind.errors(m, n, std, seed);
        let samples = Samples::new(planted.x.as_ref(), labels.as_ref())?;

        let exact = orthant::Settings {
            bias: BiasModel::Known(BiasKind::None),
            seed,
            ..orthant::Settings::default()
        };
        let settings = Settings { exact, noise: NoiseModel::Gaussian, noise_std: None };
        // A recovery that ends in an error is one without a network.
        let found = match recover_noisy(&samples, &settings, &mut context.callback()) {
            Err(NoisyError::Cancelled) => return Err(NoisyError::Cancelled.into()),
            found => found.ok(),
        };
        let ours = found.as_ref().map_or_else(Errors::default, |found| Errors::of(&found.network, truth));
        let (coverage_v, coverage_u) = found
            .as_ref()
            .map_or((None, None), |found| coverage(&found.network, &found.standard_errors, truth));

        let mut callback = context.callback();
        // That of `recover_noisy`.
        let refinement = FitSettings { tolerance: 0.005, ..FitSettings::default() };
        let oracle = fit(&samples, truth, None, &refinement, &mut Reporter::new(&mut callback))?;
        let best = Errors::of(&oracle.network, truth);
        let bound = information(&samples, truth, None)?.standard_errors(std * std)?;
        let bound_v = bound.v.norm_l2();
        let bound_u = bound.u.norm_l2() / truth.u().norm_l2();
        let route_settings = RouteSettings { seed, ..RouteSettings::default() };
        let route = match paper_route(&samples, k, &route_settings, &mut Reporter::new(&mut callback)) {
            Ok(route) => Errors::of(&route.network, truth),
            Err(NoisyError::Cancelled) => return Err(NoisyError::Cancelled.into()),
            // Units that the moments do not show are lost.
            Err(_) => Errors::default(),
        };

        let loss = found.as_ref().map(|found| residuals(&samples, &found.network, None)).transpose()?;
        let report = found.as_ref().map(|found| &found.report);
        let over = |error: Option<f64>, least: f64| error.map(|error| error / least);
        let to_oracle = best.v.and_then(|least| over(ours.v, least));
        let values = Record::new()
            .with("width", found.as_ref().map(|found| found.network.k()))
            .with("found", ours.v.is_some())
            .with("approximate", report.is_some_and(|report| report.verdict == Verdict::Approximate))
            .with("confirmed", report.is_some_and(|report| report.agreeing >= 2))
            .with("not_above_oracle", loss.is_some_and(|loss| loss.loss() <= oracle.loss))
            .with("error_v", ours.v)
            .with("error_u", ours.u)
            .with("oracle_v", best.v)
            .with("oracle_u", best.u)
            .with("bound_v", bound_v)
            .with("bound_u", bound_u)
            .with("route_found", route.v.is_some())
            .with("route_v", route.v)
            .with("route_u", route.u)
            .with("v_over_oracle", to_oracle)
            .with("v_over_bound", over(ours.v, bound_v))
            .with("u_over_bound", over(ours.u, bound_u))
            .with("route_v_over_bound", over(route.v, bound_v))
            .with("coverage_v", coverage_v)
            .with("coverage_u", coverage_u)
            .with("noise_over_true", report.map(|report| report.noise_std / std));
        Ok(Outcome { values, measured: Record::new() })
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        shown::present(rows, plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant::Mat;

    #[test]
    fn errors_do_not_depend_on_the_order_of_units() {
        let u = Mat::from_fn(2, 2, |o, i| if o == i { 3.0 } else { 1.0 });
        let truth = Network::new(u.clone(), Mat::identity(2, 2), None, None).expect("shapes fit");
        let turned = |u: f64, angle: f64| {
            let v = Mat::from_fn(2, 2, |i, r| match (i, r) {
                (0, 0) => angle.sin(),
                (0, 1) => angle.cos(),
                (1, 0) => 1.0,
                _ => 0.0,
            });
            let of = |o: usize, i: usize| if o == i { 1.0 } else { 3.0 + u };
            Network::new(Mat::from_fn(2, 2, of), v, None, None).expect("shapes fit")
        };
        let errors = Errors::of(&turned(0.1, 0.2), &truth);
        // The chord of 0.2; two weights of U off by 0.1, |U|_F² = 20. A few roundings.
        assert!((errors.v.expect("matched") - 2.0 * 0.1f64.sin()).abs() < 1e-14);
        assert!((errors.u.expect("matched") - (0.02f64 / 20.0).sqrt()).abs() < 1e-14);
        let narrow = Network::new(u.subcols(0, 1).to_owned(), Mat::identity(1, 2), None, None).expect("fits");
        assert!(Errors::of(&narrow, &truth).v.is_none());
    }
}
