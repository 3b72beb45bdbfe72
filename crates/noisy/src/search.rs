//! The least-squares optimum of A ≈ U f(VX + b1') + c1' from nothing.
//!
//! Refinement with the output layer eliminated ([`orthant_estimate::refine`]) has few local minima when equations outnumber weights
//! several times: with m ≥ k outputs and no hidden bias nearly every start from k random directions ends in one optimum. Elsewhere
//! starts with units to spare and an affine function of the inputs do (the affine function makes a unit and its mirror image the same);
//! the spare units are then left out one after the other, and signs follow from the affine part ([`orthant_estimate::orient`]). Starts
//! are made until two independent ones have ended in the best optimum.
//!
//! The loss has kinks where a unit's sign changes at a sample, and refinement stops at some of them: one basin has many optima, a small
//! part of a standard error apart. They count as one.

use orthant_estimate::problem::Problem;
use orthant_estimate::refine::{LinearSolver, RefineSettings};
use orthant_estimate::{Reporter, SearchError};
use orthant_linalg::{Mat, product};
use orthant_network::{Activation, BiasKind, Network, Samples};
use rayon::prelude::*;

use crate::error::NoisyError;

pub(crate) mod coordinates;
pub(crate) mod prune;
pub(crate) mod start;

use self::coordinates::Coordinates;
use self::prune::quietly;
pub use self::start::StartKind;
use self::start::{End, Tolerance, one_start, operations, rows_of_starts};

/// Settings of [`search`].
#[derive(Debug, Clone, PartialEq)]
pub struct SearchSettings {
    /// Seed of the starts.
    pub seed: u64,
    /// Which biases are fitted.
    pub bias: BiasKind,
    /// The activation, of degree 1 or more: max(t, 0) and its powers, leaky ReLU, |t|; others are [`NoisyError::Activation`].
    pub activation: Activation,
    /// Starts at most, at least 4. Default 64.
    pub starts: usize,
    /// Independent starts that end in the best optimum before the search is content. Default 2.
    pub agreeing: usize,
    /// Operations to spend at most, about; 4 starts of each width tried are made whatever they cost. Default 10¹², minutes.
    pub operations: f64,
    /// Root mean square of the rounding errors of the labels, in their units: residuals of this size are no evidence for more units, and
    /// [`choose_width`](crate::width::choose_width) stops there. Default 0.
    pub rounding: f64,
}

impl Default for SearchSettings {
    fn default() -> SearchSettings {
        SearchSettings {
            seed: 0,
            bias: BiasKind::Both,
            activation: Activation::RELU,
            starts: 64,
            agreeing: 2,
            operations: 1e12,
            rounding: 0.0,
        }
    }
}

/// Where a start ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// What it began with.
    pub kind: StartKind,
    /// Sum of squared residuals over that of the labels (without their mean when an output bias is fitted), on the samples that starts
    /// see.
    pub loss: f64,
}

/// A local optimum.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The weights, in the coordinates of the samples.
    pub network: Network,
    /// Sum of squared residuals over all samples and outputs.
    pub squared_residual: f64,
}

/// What a search brought.
#[derive(Debug, Clone)]
pub struct Found {
    /// The best optimum.
    pub best: Candidate,
    /// What the start began with that it was reached from.
    pub kind: StartKind,
    /// Starts made.
    pub starts: usize,
    /// Independent starts that ended in the best optimum; repairs are not counted.
    pub agreeing: usize,
    /// Where each start ended, in the order they were made.
    pub outcomes: Vec<Outcome>,
}

/// Starts made at once, on any number of threads.
const BATCH: usize = 2;

/// Starts made in any case.
const LEAST_STARTS: usize = 4;

/// Ends of starts that are refined to the last: one basin has many optima at its kinks.
const FINALISTS: usize = 4;

/// The same when starts see a part of the samples. With so many, kinks matter less.
const FINALISTS_OF_PART: usize = 2;

/// Finds the least-squares optimum for a given number of units.
///
/// # Shapes
/// `samples` is n inputs of dimension d with labels of dimension m; the network returned is m × k × d with k = `width`.
///
/// # Guarantee
/// The best of all optima that the starts ended in; [`Found::agreeing`] says how many independent ones did. In all instances of the
/// tests it is the optimum next to the truth; that it is the global one is not proved. Same samples, same settings, same bits, for
/// any number of threads.
///
/// # Errors
/// [`NoisyError::TooFewSamples`] with fewer equations than weights, [`NoisyError::Activation`] for activations without a degree or with one below 1,
/// [`NoisyError::Setting`], [`NoisyError::Cancelled`], [`NoisyError::Linalg`] on overflow. Starts that do not agree are not an error.
///
/// # Cost
/// The samples are copied. Four starts in easy cases, each of 10 to 60 steps of [`LinearSolver::operations`](orthant_estimate::refine::LinearSolver::operations) on at most
/// 24 equations for each weight, or 40 samples for each input if these are more; then two to four refinements on all samples.
///
/// # Paper
/// Section D.2 starts from the tensor method and ends with a regression for U; here refinement goes to the least-squares optimum of all
/// weights from random starts, whatever the inputs.
pub fn search(
    samples: &Samples<'_>,
    width: usize,
    settings: &SearchSettings,
    reporter: &mut Reporter<'_>,
) -> Result<Found, NoisyError> {
    validate(samples, width, settings)?;
    let coordinates = Coordinates::new(*samples, settings.bias, &settings.activation)?;
    Ok(search_in(&coordinates, width, settings, reporter)?.0)
}

/// The refinement that [`search`] ends with, from given hidden weights. U and c of the network given do not matter.
///
/// # Shapes
/// `network` has the inputs and outputs of the samples, and any number of units; the result has the same.
///
/// # Errors
/// [`NoisyError::Dimension`] when the network has other inputs or outputs than the samples; [`NoisyError::Linalg`] on overflow.
///
/// # Cost
/// Up to 60 steps of [`LinearSolver::operations`](orthant_estimate::refine::LinearSolver::operations) on all samples.
pub fn refined_from(
    samples: &Samples<'_>,
    network: &Network,
    bias: BiasKind,
) -> Result<Candidate, NoisyError> {
    for (what, found, expected) in
        [("inputs", network.d(), samples.d()), ("outputs", network.m(), samples.m())]
    {
        if found != expected {
            return Err(NoisyError::Dimension { what, found, expected });
        }
    }
    let coordinates = Coordinates::new(*samples, bias, network.activation())?;
    let whole = coordinates.problem();
    let refined = quietly(&whole, coordinates.directions(network), &final_settings(&whole))?;
    let squared_residual = (refined.residual * product::frobenius(whole.labels)).powi(2);
    Ok(Candidate { network: coordinates.network(&refined.directions)?, squared_residual })
}

/// [`search`] in given coordinates, with the directions found.
pub(crate) fn search_in(
    coordinates: &Coordinates<'_>,
    width: usize,
    settings: &SearchSettings,
    reporter: &mut Reporter<'_>,
) -> Result<(Found, Mat<f64>), NoisyError> {
    let whole = coordinates.problem();
    let seen = rows_of_starts(&whole, width, settings.seed).map(|rows| coordinates.some(&rows));
    let problem = seen.as_ref().map_or(whole, |rows| rows.problem());
    let noise = Tolerance::new(&problem, width);
    let affordable = (settings.operations / operations(&problem, width)) as usize;
    let allowed = affordable.clamp(LEAST_STARTS, settings.starts);
    let mut ends: Vec<End> = Vec::new();
    while ends.len() < allowed {
        let agreeing = ends.iter().filter(|end| independent(end) && noise.same(end, &ends[0])).count();
        if ends.len() >= LEAST_STARTS && agreeing >= settings.agreeing {
            break;
        }
        reporter.report("starts", agreeing, settings.agreeing, ends.len())?;
        let first = ends.len();
        let best = ends.first().map(|end| &end.directions);
        let mut batch: Vec<End> = (first..(first + BATCH).min(allowed))
            .into_par_iter()
            .map(|index| one_start(&problem, width, best, settings.seed, index))
            .collect::<Result<_, SearchError>>()?;
        ends.append(&mut batch);
        ends.sort_by(|a, b| a.loss.total_cmp(&b.loss).then(a.index.cmp(&b.index)));
    }
    let finalists = if seen.is_some() { FINALISTS_OF_PART } else { FINALISTS };
    finish(coordinates, &ends, &noise, finalists)
}

fn independent(end: &End) -> bool {
    end.kind != StartKind::Repair
}

/// Checks the settings and that there are enough equations.
pub(crate) fn validate(
    samples: &Samples<'_>,
    width: usize,
    settings: &SearchSettings,
) -> Result<(), NoisyError> {
    if settings.activation.degree().is_none_or(|degree| degree < 1.0) {
        return Err(NoisyError::Activation { method: "search", activation: settings.activation.name() });
    }
    for (name, value, least, allowed) in [
        ("width", width, 1, "at least 1"),
        ("starts", settings.starts, LEAST_STARTS, "at least 4"),
        ("agreeing", settings.agreeing, 1, "at least 1"),
    ] {
        if value < least {
            return Err(NoisyError::Setting { name, value: value as f64, allowed });
        }
    }
    if settings.operations.is_nan() || settings.operations <= 0.0 {
        return Err(NoisyError::Setting {
            name: "operations",
            value: settings.operations,
            allowed: "above 0",
        });
    }
    let inputs = samples.d() + usize::from(settings.bias.hidden());
    let outputs = usize::from(settings.bias.output()) * samples.m();
    let unknowns = width * (inputs + samples.m() - 1) + outputs;
    if samples.n() * samples.m() < unknowns {
        let needed = unknowns.div_ceil(samples.m());
        return Err(NoisyError::TooFewSamples { n: samples.n(), unknowns, needed });
    }
    Ok(())
}

/// Refinement that ends when three steps in a row each lower the sum of squares by less than a hundredth of the variance of one label.
fn final_settings(problem: &Problem<'_>) -> RefineSettings {
    let equations = (problem.n() * problem.labels.ncols()) as f64;
    RefineSettings {
        stall: 0.005 / equations,
        solver: LinearSolver::Inexact(1e-3),
        ..RefineSettings::default()
    }
}

/// Refines the best ends on all samples; `ends` are in the order of their loss.
fn finish(
    coordinates: &Coordinates<'_>,
    ends: &[End],
    noise: &Tolerance,
    finalists: usize,
) -> Result<(Found, Mat<f64>), NoisyError> {
    let whole = coordinates.problem();
    let same: Vec<&End> = ends.iter().filter(|end| noise.same(end, &ends[0])).collect();
    let finals = same[..same.len().min(finalists)]
        .par_iter()
        .map(|end| quietly(&whole, end.directions.clone(), &final_settings(&whole)))
        .collect::<Result<Vec<_>, SearchError>>()?;
    let best =
        (0..finals.len()).min_by(|&i, &j| finals[i].residual.total_cmp(&finals[j].residual)).unwrap_or(0);
    let network = coordinates.network(&finals[best].directions)?;
    let squared_residual = (finals[best].residual * product::frobenius(whole.labels)).powi(2);
    let mut in_order: Vec<&End> = ends.iter().collect();
    in_order.sort_by_key(|end| end.index);
    let found = Found {
        best: Candidate { network, squared_residual },
        kind: same[best].kind,
        starts: ends.len(),
        agreeing: same.iter().filter(|end| independent(end)).count(),
        outcomes: in_order.iter().map(|end| Outcome { kind: end.kind, loss: end.loss }).collect(),
    };
    Ok((found, finals[best].directions.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_network::{NoiseKind, PlantedSpec, align};
    use std::ops::ControlFlow;

    fn found(spec: &PlantedSpec, n: usize, noise: f64, settings: &SearchSettings) -> (Found, Network) {
        let p = spec.plant(n).expect("valid");
        let clean = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let std = noise * clean.label_scale();
        let a = &p.a + &NoiseKind::Gaussian.errors(spec.m, n, std, spec.seed);
        let samples = Samples::new(p.x.as_ref(), a.as_ref()).expect("valid");
        let mut callback = |_| ControlFlow::Continue(());
        let found = search(&samples, spec.k, settings, &mut Reporter::new(&mut callback));
        (found.expect("enough samples"), p.network)
    }

    /// Without errors the optimum is the network itself, with biases of every kind.
    #[test]
    fn without_errors_the_network_is_found() {
        for bias in [BiasKind::None, BiasKind::Hidden, BiasKind::Output, BiasKind::Both] {
            let spec = PlantedSpec { m: 4, k: 3, d: 5, bias, seed: 2, ..PlantedSpec::default() };
            let settings = SearchSettings { bias, ..SearchSettings::default() };
            let (found, truth) = found(&spec, 200, 0.0, &settings);
            let alignment = align(&found.best.network, &truth);
            // Refinement ends at rounding level; the conditioning of the instance takes some digits.
            assert!(alignment.worst() <= 1e-9, "{bias:?}: {}", alignment.worst());
            assert!(found.agreeing >= 2 && found.outcomes.len() == found.starts);
        }
    }

    #[test]
    fn threads_do_not_change_the_bits() {
        let spec = PlantedSpec { m: 3, k: 4, d: 5, bias: BiasKind::Both, seed: 4, ..PlantedSpec::default() };
        let settings = SearchSettings { agreeing: 4, starts: 8, ..SearchSettings::default() };
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| found(&spec, 300, 0.1, &settings).0)
        };
        let (one, four) = (on(1), on(4));
        assert_eq!(one.best.network, four.best.network);
        assert_eq!(one.outcomes, four.outcomes);
    }

    #[test]
    fn bad_settings_are_named() {
        let p = PlantedSpec { m: 2, k: 2, d: 3, seed: 1, ..PlantedSpec::default() }.plant(20).expect("valid");
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let mut callback = |_| ControlFlow::Continue(());
        let mut run = |width: usize, settings: SearchSettings| {
            search(&samples, width, &settings, &mut Reporter::new(&mut callback)).err()
        };
        let usual = SearchSettings::default;
        let setting = |error: Option<NoisyError>| match error {
            Some(NoisyError::Setting { name, .. }) => name,
            _ => "none",
        };
        assert_eq!(setting(run(0, usual())), "width");
        assert_eq!(setting(run(2, SearchSettings { starts: 3, ..usual() })), "starts");
        assert_eq!(setting(run(2, SearchSettings { agreeing: 0, ..usual() })), "agreeing");
        assert_eq!(setting(run(2, SearchSettings { operations: f64::NAN, ..usual() })), "operations");
        let expected = NoisyError::TooFewSamples { n: 20, unknowns: 52, needed: 26 };
        assert_eq!(run(10, usual()), Some(expected));
        let other = SearchSettings { activation: "expm1".parse().expect("a name"), ..usual() };
        assert!(matches!(run(2, other), Some(NoisyError::Activation { .. })));
    }

    #[test]
    fn a_search_is_cancelled() {
        let p = PlantedSpec { m: 2, k: 2, d: 3, seed: 1, ..PlantedSpec::default() }.plant(50).expect("valid");
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let mut callback = |_| ControlFlow::Break(());
        let result = search(&samples, 2, &SearchSettings::default(), &mut Reporter::new(&mut callback));
        assert_eq!(result.err(), Some(NoisyError::Cancelled));
    }
}
