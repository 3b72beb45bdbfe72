//! From how many samples networks are recovered.

use orthant::Method;
use orthant::network::{Planted, PlantedSpec};

use crate::experiment::{About, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::peer::{self, Peer};
use crate::record::{Record, Row, Value};
use crate::trial::{RECOVERED, attempt, decompose_once};

mod present;

/// Success of exact recovery against the number of samples, by method, size and condition.
pub struct PhaseTransition;

/// The name of the peer in the column `method`.
const PEER: &str = "l-bfgs";

/// Starts of the peer, at most.
const PEER_STARTS: usize = 5;

/// The methods that decompose moments.
const MOMENTS: [Method; 4] = [Method::Ica, Method::Symmetric, Method::Tensor, Method::Power];

/// m, k, d.
type Size = (usize, usize, usize);

/// Sizes of pursuit's curves; those of all methods come first.
fn sizes(plan: &Plan) -> &'static [Size] {
    plan.pick(
        &[(10, 10, 20), (10, 5, 20), (20, 20, 20)],
        &[(10, 10, 20), (20, 20, 20), (10, 5, 20), (50, 50, 50)],
    )
}

/// Sizes at which all methods are compared.
fn compared(plan: &Plan) -> &'static [Size] {
    &sizes(plan)[..plan.pick(1, 2)]
}

/// The size of the curves against the condition of U and V.
fn conditioned(plan: &Plan) -> Size {
    plan.pick((10, 10, 20), (20, 20, 20))
}

/// Condition numbers of U and of V before its rows are normalised.
const KAPPAS: [f64; 3] = [1.0, 10.0, 100.0];

/// Samples per input.
fn ratios(method: &str, (_, k, _): Size, plan: &Plan) -> Vec<f64> {
    if method == Method::Pursuit.name() {
        return if k >= 50 {
            vec![2.5, 3.0, 3.25, 3.5, 4.0, 5.0, 6.0]
        } else {
            vec![2.0, 2.25, 2.5, 2.75, 3.0, 3.25, 3.5, 4.0, 5.0, 6.0]
        };
    }
    if method == PEER {
        return plan.pick(vec![2.5, 3.0, 3.5, 4.0, 6.0], vec![2.0, 2.5, 2.75, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0]);
    }
    let mut ratios = vec![2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0, 12.0, 16.0, 24.0];
    if k > 10 {
        ratios.extend([48.0, 96.0, 192.0]);
    }
    ratios
}

/// One curve: everything but the number of samples.
struct Curve {
    method: &'static str,
    size: Size,
    kappa: Option<f64>,
}

fn curves(plan: &Plan) -> Vec<Curve> {
    let pursuit = Method::Pursuit.name();
    let mut curves: Vec<Curve> =
        sizes(plan).iter().map(|&size| Curve { method: pursuit, size, kappa: None }).collect();
    for &size in compared(plan) {
        curves.extend(MOMENTS.map(|method| Curve { method: method.name(), size, kappa: None }));
        curves.push(Curve { method: PEER, size, kappa: None });
    }
    let size = conditioned(plan);
    curves.extend(KAPPAS.map(|kappa| Curve { method: pursuit, size, kappa: Some(kappa) }));
    curves
}

fn seeds(plan: &Plan) -> usize {
    plan.pick(10, 20)
}

/// Seconds on one core, about.
fn cost(method: &str, (_, k, d): Size, ratio: f64) -> f64 {
    let scale = (k as f64 / 10.0).powi(3) * (d as f64 / 20.0);
    match method {
        "pursuit" if ratio < 3.5 => 0.2 * scale,
        "pursuit" => 0.02 * scale,
        PEER => 0.8 + 0.1 * scale,
        _ => 0.03 * scale + 0.0005 * scale * ratio,
    }
}

impl Experiment for PhaseTransition {
    fn about(&self) -> About {
        About {
            name: "phase-transition",
            title: "Samples needed for exact recovery",
            claim: "Networks are recovered exactly, without error, from polynomially many samples: U and V come out to rounding, \
                    and from about as many samples as determine them.",
            source: "Theorems 27, 36, 48 and 49, Algorithms 4, 5 and 6",
            method: "Standard Gaussian inputs and U; V standard Gaussian with normalised rows, but orthonormal for ica (Algorithm 4), \
                     which needs that. Pursuit is `recover`, the width unknown; it succeeds when its verdict is exact and all weights are those of \
                     the planted network to 10⁻⁶. Tensor, power, ica and symmetric decompose their moments once, as in the paper, and end with \
                     Algorithm 6; they succeed when all k units come out, each determined by its active inputs, and agree to 10⁻⁶. L-BFGS (SciPy, the width given, at most 5 random starts) \
                     succeeds when its weights agree to 10⁻⁶. The limit is the share of instances in which every unit is active on at least d \
                     samples: with fewer, other weights have the same labels.",
        }
    }

    fn tasks(&self, plan: &Plan) -> Vec<Task> {
        let mut tasks = Vec::new();
        for Curve { method, size, kappa } in curves(plan) {
            let (m, k, d) = size;
            for ratio in ratios(method, size, plan) {
                // Ratios are quarters and inputs even: samples are whole.
                let n = (ratio * d as f64).round() as usize;
                for seed in plan.seeds(seeds(plan)) {
                    let point = Record::new()
                        .with("method", method)
                        .with("m", m)
                        .with("k", k)
                        .with("d", d)
                        .with("kappa", kappa)
                        .with("n", n)
                        .with("ratio", ratio);
                    tasks.push(Task { seed, point, cost: cost(method, size, ratio) });
                }
            }
        }
        tasks
    }

    fn run(&self, task: &Task, context: &Context<'_>) -> anyhow::Result<Outcome> {
        let [m, k, d, n] = ["m", "k", "d", "n"].map(|name| task.point.count(name));
        let (name, kappa) = (task.point.text("method"), task.point.number("kappa"));
        let kappa_v = if name == Method::Ica.name() { Some(1.0) } else { kappa };
        let spec =
            PlantedSpec { m, k, d, kappa_u: kappa, kappa_v, seed: task.seed, ..PlantedSpec::default() };
        let planted = spec.plant(n)?;
        let values = if name == PEER {
            values_of_peer(&planted, task.seed, context)?
        } else {
            let trial = match MOMENTS.into_iter().find(|method| method.name() == name) {
                Some(method) => decompose_once(&planted, method, task.seed, context)?,
                None => attempt(&planted, Method::Pursuit, task.seed, context)?,
            };
            trial.values().with("skipped", Value::Missing)
        };
        let least = least_active(&planted);
        let values = values.with("least_active", least).with("determined", least >= d);
        Ok(Outcome { values, measured: Record::new() })
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        present::present(rows, plan)
    }
}

/// Success only: the last digits of its weights depend on where NumPy's arrays happen to lie in memory.
fn values_of_peer(planted: &Planted, seed: u64, context: &Context<'_>) -> anyhow::Result<Record> {
    let (exact, skipped) = match peer::fit(planted, seed, PEER_STARTS, context)? {
        Peer::Network(network) => {
            (Value::from(orthant::align(&network, &planted.network).worst() <= RECOVERED), Value::Missing)
        }
        Peer::Skipped(why) => (Value::Missing, Value::from(why)),
        Peer::Stopped => (Value::Missing, Value::from("stopped")),
    };
    Ok(Record::new()
        .with("exact", exact)
        // It claims nothing.
        .with("wrong", Value::Missing)
        .with("units", Value::Missing)
        .with("error", Value::Missing)
        .with("verdict", Value::Missing)
        .with("skipped", skipped))
}

/// Samples on which the unit that is active on the fewest is active.
fn least_active(planted: &Planted) -> usize {
    let t = planted.network.preactivations(planted.x.as_ref());
    t.row_iter().map(|row| row.iter().filter(|&&t| t > 0.0).count()).min().unwrap_or(0)
}
