//! The least-squares optimum of A ≈ U f(VX + b1') + c1' from nothing.
//!
//! Refinement with the output layer eliminated ([`orthant_estimate::refine`]) has few local minima when the equations outnumber the
//! weights: from random directions most starts end at one optimum.

use orthant_estimate::problem::Problem;
use orthant_estimate::refine::RefineSettings;
use orthant_estimate::{Reporter, SearchError};
use orthant_linalg::{Mat, product, random};
use orthant_network::{Activation, BiasKind, Network, Samples};
use rand::seq::SliceRandom;
use rayon::prelude::*;

use crate::error::NoisyError;

pub(crate) mod coordinates;
pub(crate) mod prune;

use self::coordinates::Coordinates;
use self::prune::{beside, coarse, quietly, reduced};

/// Settings of [`search`].
#[derive(Debug, Clone, PartialEq)]
pub struct SearchSettings {
    /// Seed of the starts.
    pub seed: u64,
    /// Which biases are fitted.
    pub bias: BiasKind,
    /// The activation: only max(t, 0), for others [`NoisyError::Activation`].
    pub activation: Activation,
    /// Starts at most, at least 4. Default 64.
    pub starts: usize,
    /// Independent starts that have to end in the best optimum for the search to stop before its starts are used up. Default 2.
    pub agreeing: usize,
}

impl Default for SearchSettings {
    fn default() -> SearchSettings {
        SearchSettings {
            seed: 0,
            bias: BiasKind::Both,
            activation: Activation::RELU,
            starts: 64,
            agreeing: 2,
        }
    }
}

/// What a start began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartKind {
    /// As many random directions as wanted.
    Random,
    /// Half as many again, with an affine function beside them.
    SpareHalf,
    /// Twice as many, with an affine function beside them.
    SpareDouble,
    /// The best optimum so far, with half as many random directions more and an affine function beside them. It is not independent.
    Repair,
}

impl StartKind {
    /// The name for reports.
    pub fn name(self) -> &'static str {
        match self {
            StartKind::Random => "random",
            StartKind::SpareHalf => "half as many units to spare",
            StartKind::SpareDouble => "as many units to spare",
            StartKind::Repair => "repair",
        }
    }
}

/// Where a start ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// What it began with.
    pub kind: StartKind,
    /// Sum of squared residuals over that of the labels (their mean aside when an output bias is fitted), on the rows that starts see.
    pub loss: f64,
}

/// A local optimum.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The weights, in the coordinates of the samples.
    pub network: Network,
    /// Sum of squared residuals over all samples.
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
    /// Independent starts that ended in the best optimum.
    pub agreeing: usize,
    /// Where each start ended.
    pub outcomes: Vec<Outcome>,
}

/// Starts made at once, on any number of threads.
const BATCH: usize = 2;

/// Starts made in any case: random ones, and ones with units to spare.
const LEAST_STARTS: usize = 4;

/// Equations for each weight that starts see, when there are so many samples: the best optimum stands out with far fewer.
const EQUATIONS_PER_WEIGHT: usize = 24;

/// And samples for each input.
const SAMPLES_PER_INPUT: usize = 40;

/// Optima of the starts that are refined to the end: one basin has many at its kinks, all within a standard error.
const FINALISTS: usize = 4;

/// The same when starts see a part of the samples. With so many, the kinks matter less.
const FINALISTS_OF_PART: usize = 2;

/// Finds the least-squares optimum for a given number of units.
///
/// # Guarantee
/// The best of all optima that the starts ended in.
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
    let mut ends: Vec<End> = Vec::new();
    while ends.len() < settings.starts {
        let agreeing =
            ends.iter().filter(|end| end.kind != StartKind::Repair && noise.same(end, &ends[0])).count();
        if ends.len() >= LEAST_STARTS && agreeing >= settings.agreeing {
            break;
        }
        reporter.report("starts under noise", agreeing, settings.agreeing, ends.len())?;
        let first = ends.len();
        let best = ends.first().map(|end| &end.directions);
        let mut batch: Vec<End> = (first..first + BATCH)
            .into_par_iter()
            .map(|index| one_start(&problem, width, best, settings.seed, index))
            .collect::<Result<_, SearchError>>()?;
        ends.append(&mut batch);
        ends.sort_by(|a, b| a.loss.total_cmp(&b.loss).then(a.index.cmp(&b.index)));
    }
    let finalists = if seen.is_some() { FINALISTS_OF_PART } else { FINALISTS };
    finish(coordinates, &ends, &noise, finalists)
}

/// Where a start ended.
struct End {
    index: usize,
    kind: StartKind,
    directions: Mat<f64>,
    loss: f64,
}

/// What starts begin with, in turn, for as many outputs as units or more: random directions mostly do.
const KINDS: [StartKind; 6] = [
    StartKind::Random,
    StartKind::Random,
    StartKind::Random,
    StartKind::SpareHalf,
    StartKind::SpareDouble,
    StartKind::Repair,
];

/// The same for fewer outputs than units: from random directions alone, hardly any start ends in the best optimum of ten units and
/// one output, and nearly all do with units to spare.
const KINDS_WIDE: [StartKind; 6] = [
    StartKind::SpareHalf,
    StartKind::SpareDouble,
    StartKind::Random,
    StartKind::SpareHalf,
    StartKind::SpareDouble,
    StartKind::Repair,
];

fn one_start(
    problem: &Problem<'_>,
    width: usize,
    best: Option<&Mat<f64>>,
    seed: u64,
    index: usize,
) -> Result<End, SearchError> {
    let r = problem.inputs.ncols();
    let rng = &mut random::stream(seed, "starts under noise", ((width as u64) << 32) | index as u64);
    let mut draw = |count: usize| random::gaussian(r, count, rng);
    let kinds = if problem.labels.ncols() < width { &KINDS_WIDE } else { &KINDS };
    let kind = kinds[index % kinds.len()];
    let refined = match (kind, best) {
        (StartKind::Random, _) | (StartKind::Repair, None) => coarse(problem, draw(width)),
        (StartKind::SpareHalf, _) => reduced(problem, draw((3 * width).div_ceil(2)), width),
        (StartKind::SpareDouble, _) => reduced(problem, draw(2 * width), width),
        (StartKind::Repair, Some(best)) => reduced(problem, beside(best, &draw(width.div_ceil(2))), width),
    }?;
    Ok(End { index, kind, directions: refined.directions, loss: refined.residual.powi(2) })
}

/// When two optima count as one.
struct Tolerance {
    /// Relative to the loss.
    relative: f64,
}

impl Tolerance {
    /// The loss varies within one basin, because of the kinks, by less than what the weights of one unit fit of the noise on average: one
    /// variance for each weight.
    fn new(problem: &Problem<'_>, width: usize) -> Tolerance {
        let (n, r, m) = (problem.n(), problem.inputs.ncols(), problem.labels.ncols());
        let free = (n * m).saturating_sub(width * (r + m - 1)).max(1);
        Tolerance { relative: (r + m - 1) as f64 / free as f64 }
    }

    fn same(&self, end: &End, best: &End) -> bool {
        end.loss <= (1.0 + self.relative) * best.loss + ZERO_LOSS
    }
}

/// Losses below this relative to the labels are zero to starts that stop early: there is no noise.
const ZERO_LOSS: f64 = 1e-12;

/// The rows that starts see; `None` for all.
pub(crate) fn rows_of_starts(problem: &Problem<'_>, width: usize, seed: u64) -> Option<Vec<usize>> {
    let (n, r, m) = (problem.n(), problem.inputs.ncols(), problem.labels.ncols());
    let weights = width * (r + m - 1);
    let wanted = (EQUATIONS_PER_WEIGHT * weights).div_ceil(m).max(SAMPLES_PER_INPUT * r);
    (wanted < n).then(|| {
        let mut rows: Vec<usize> = (0..n).collect();
        rows.shuffle(&mut random::stream(seed, "rows of starts", 0));
        rows.truncate(wanted);
        rows
    })
}

pub(crate) fn validate(
    samples: &Samples<'_>,
    width: usize,
    settings: &SearchSettings,
) -> Result<(), NoisyError> {
    if !settings.activation.is_relu() {
        return Err(NoisyError::Activation { method: "search", activation: settings.activation.name() });
    }
    if settings.starts < LEAST_STARTS {
        let value = settings.starts as f64;
        return Err(NoisyError::Setting { name: "starts", value, allowed: "at least 4" });
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
    RefineSettings { stall: 0.005 / equations, ..RefineSettings::default() }
}

/// Refines the best ends on all samples.
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
    let mut outcomes: Vec<(usize, Outcome)> =
        ends.iter().map(|end| (end.index, Outcome { kind: end.kind, loss: end.loss })).collect();
    outcomes.sort_by_key(|&(index, _)| index);
    let found = Found {
        best: Candidate { network, squared_residual },
        kind: same[best].kind,
        starts: ends.len(),
        agreeing: same.iter().filter(|end| end.kind != StartKind::Repair).count(),
        outcomes: outcomes.into_iter().map(|(_, outcome)| outcome).collect(),
    };
    Ok((found, finals[best].directions.clone()))
}

/// The same refinement as [`search`] ends with, from given hidden weights.
pub fn refined_from(
    samples: &Samples<'_>,
    network: &Network,
    bias: BiasKind,
) -> Result<Candidate, NoisyError> {
    let coordinates = Coordinates::new(*samples, bias, network.activation())?;
    let whole = coordinates.problem();
    let refined = quietly(&whole, coordinates.directions(network), &final_settings(&whole))?;
    let squared_residual = (refined.residual * product::frobenius(whole.labels)).powi(2);
    Ok(Candidate { network: coordinates.network(&refined.directions)?, squared_residual })
}
