//! Errors of any distribution: the bound of Theorem 78 against what is reached.

mod shown;

use orthant::fpt::half_spaces::{
    BoundTerms, Settings, fit, half_space, theorem_78_bound, theorem_78_corrected,
};
use orthant::linalg::product;
use orthant::network::PlantedSpec;
use orthant::{Network, Samples};
use orthant_testkit::errors::LabelErrors;

use crate::experiment::{About, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::record::{Record, Row};

/// Fits by half-spaces and by the descent from there, under errors that do not depend on the inputs.
pub struct ArbitraryErrors;

const M: usize = 5;
const D: usize = 10;

/// Samples of the fits under all kinds of errors.
const N: usize = 4000;

/// Samples of the fits under small normal errors and under none, of [`SWEPT`] units.
const FIT_SAMPLES: [usize; 4] = [1000, N, 16_000, 64_000];

const SWEPT: usize = 2;

/// Sizes of those errors.
const SMALL: [f64; 2] = [0.0, 0.01];

/// The accuracy ε of the method and of the bounds.
const ACCURACY: f64 = 0.01;

/// |E|_F over the norm of the signal.
const LEVELS: [f64; 5] = [0.01, 0.05, 0.2, 1.0, 10.0];

/// Samples of single half-spaces.
const SAMPLES: [usize; 4] = [300, 1000, 3000, 10_000];

/// In the column `part`.
const FIT: &str = "fit";
const HALF_SPACE: &str = "half-space";

fn repetitions(plan: &Plan) -> usize {
    plan.pick(5, 20)
}

/// Numbers of units.
fn widths(plan: &Plan) -> &'static [usize] {
    plan.pick(&[1, 2], &[1, 2, 3])
}

impl Experiment for ArbitraryErrors {
    fn about(&self) -> About {
        About {
            name: "arbitrary-errors",
            title: "Errors of any distribution",
            claim: "For errors that do not depend on the inputs, and nothing else known of them, half-spaces and a regression fit the \
                    labels to |E|_F + (ε σ_min √(nm) |E|₂)^(1/2); the errors of a half-space vanish with n.",
            source: "Theorems 6, 69 and 78, Algorithm 9; Proposition 72 corrected",
            method: "Gaussian inputs, standard Gaussian U and V, error matrices of seven kinds at a given share of the signal's Frobenius \
                     norm; they may look at the weights, never at the inputs. Shown is the residual |A − U f(VX)|_F over the bound with \
                     the constant 1 and ε = 0.01: as printed, and corrected, with max(|E|₂, σ_min √(n/m)) in place of |E|₂ (the proof of \
                     Proposition 72 drops the derivative of f, so that without errors the printed bound promises an exact fit). A \
                     bound counts as met up to 1e-10 of the labels' norm.",
        }
    }

    fn tasks(&self, plan: &Plan) -> Vec<Task> {
        let mut tasks = Vec::new();
        let mut add = |part: &str, k: usize, n: usize, kind: LabelErrors, level: f64, cost: f64| {
            for seed in plan.seeds(repetitions(plan)) {
                let point = Record::new()
                    .with("part", part)
                    .with("k", k)
                    .with("n", n)
                    .with("errors", kind.name())
                    .with("level", level);
                tasks.push(Task { seed, point, cost });
            }
        };
        for &k in widths(plan) {
            let cost = [0.015, 0.06, 1.0][k - 1];
            add(FIT, k, N, LabelErrors::Gaussian, 0.0, cost);
            for kind in LabelErrors::ALL {
                for level in LEVELS {
                    add(FIT, k, N, kind, level, cost);
                }
            }
        }
        for &n in FIT_SAMPLES.iter().take(plan.pick(3, 4)).filter(|n| **n != N) {
            for level in SMALL {
                add(FIT, SWEPT, n, LabelErrors::Gaussian, level, 1.5e-5 * n as f64);
            }
        }
        for kind in LabelErrors::ALL {
            for n in SAMPLES {
                add(HALF_SPACE, 1, n, kind, 1.0, 2e-7 * n as f64);
            }
        }
        tasks
    }

    fn run(&self, task: &Task, context: &Context<'_>) -> anyhow::Result<Outcome> {
        let (k, n, seed) = (task.point.count("k"), task.point.count("n"), task.seed);
        let level = task.point.number("level").expect("tasks have a level");
        let kind = LabelErrors::named(task.point.text("errors")).expect("tasks have a kind");
        let is_fit = task.point.text("part") == FIT;
        let m = if is_fit { M } else { 1 };
        let planted = PlantedSpec { m, k, d: D, seed, ..PlantedSpec::default() }.plant(n)?;
        let size = level * product::frobenius(planted.a.as_ref());
        let errors = kind.errors(&planted.network, n, size, seed);
        let labels = &planted.a + &errors;
        if !is_fit {
            // The paper's setting: the row of a left inverse is known.
            let u = planted.network.u()[(0, 0)];
            let values: Vec<f64> = labels.col_iter().map(|label| label[0] / u).collect();
            let found = half_space(planted.x.as_ref(), &values, 1.0);
            let row = planted.network.v().row(0).iter().copied().collect::<Vec<_>>();
            let difference: Vec<f64> = row.iter().zip(&found).map(|(v, w)| v - w).collect();
            return Ok(outcome(Some(product::norm(&difference)), None));
        }
        let samples = Samples::new(planted.x.as_ref(), labels.as_ref())?;
        let settings = Settings { seed, accuracy: ACCURACY, ..Settings::new(k) };
        let found = fit(&samples, &settings, &mut context.callback())?;
        let terms = BoundTerms::of(planted.network.u(), errors.as_ref(), ACCURACY)?;
        let fitted = FitErrors {
            errors: product::frobenius(errors.as_ref()),
            zero: found.zero_residual,
            half_spaces: found.half_spaces.residual,
            descended: found.best().residual,
            printed: theorem_78_bound(&terms),
            corrected: theorem_78_corrected(&terms),
            half_space_rows: row_error(&found.half_spaces.network, &planted.network),
        };
        Ok(outcome(Some(row_error(&found.best().network, &planted.network)), Some(&fitted)))
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        shown::present(rows, plan)
    }
}

/// Residuals and bounds of a fit.
struct FitErrors {
    errors: f64,
    zero: f64,
    half_spaces: f64,
    descended: f64,
    printed: f64,
    corrected: f64,
    half_space_rows: f64,
}

fn outcome(rows: Option<f64>, fitted: Option<&FitErrors>) -> Outcome {
    let of = |value: fn(&FitErrors) -> f64| fitted.map(value);
    let met = |residual: fn(&FitErrors) -> f64, bound: fn(&FitErrors) -> f64| {
        fitted.map(|f| residual(f) <= bound(f) + 1e-10 * f.zero)
    };
    let values = Record::new()
        .with("row_error", rows)
        .with("half_space_row_error", of(|f| f.half_space_rows))
        .with("half_spaces", of(|f| f.half_spaces))
        .with("descended", of(|f| f.descended))
        .with("zero", of(|f| f.zero))
        .with("errors_norm", of(|f| f.errors))
        .with("printed_bound", of(|f| f.printed))
        .with("corrected_bound", of(|f| f.corrected))
        .with("over_printed", of(|f| f.half_spaces / f.printed))
        .with("over_corrected", of(|f| f.half_spaces / f.corrected))
        .with("descended_over_printed", of(|f| f.descended / f.printed))
        .with("descended_over_errors", of(|f| f.descended / f.errors))
        .with("meets_printed", met(|f| f.half_spaces, |f| f.printed))
        .with("meets_corrected", met(|f| f.half_spaces, |f| f.corrected))
        .with("descended_meets_printed", met(|f| f.descended, |f| f.printed))
        .with("zero_meets_corrected", met(|f| f.zero, |f| f.corrected));
    Outcome { values, measured: Record::new() }
}

/// The largest distance of a planted row of V from the nearest one found.
fn row_error(found: &Network, truth: &Network) -> f64 {
    let distance = |i: usize, j: usize| (truth.v().row(i) - found.v().row(j)).norm_l2();
    let nearest = |i| (0..found.k()).map(|j| distance(i, j)).fold(f64::INFINITY, f64::min);
    (0..truth.k()).map(nearest).fold(0.0, f64::max)
}
