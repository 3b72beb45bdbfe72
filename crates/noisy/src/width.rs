//! How many units labels with noise call for.

use std::collections::BTreeMap;

use orthant_estimate::problem::Problem;
use orthant_estimate::{Reporter, SearchError};
use orthant_linalg::{Mat, random};
use orthant_network::Samples;
use rayon::prelude::*;

mod spectrum;

pub use self::spectrum::{NoisyRank, noisy_rank};
use crate::error::NoisyError;
use crate::search::coordinates::Coordinates;
use crate::search::prune::{beside, coarse, reduced, without_least};
use crate::search::{Found, SearchSettings, rows_of_starts, search_in, validate};

/// The width chosen, and by how much.
#[derive(Debug, Clone, PartialEq)]
pub struct WidthChoice {
    /// The width of least score, at least 1.
    pub width: usize,
    /// Its score.
    pub score: f64,
    /// The width that comes next, of those tried.
    pub runner_up: Option<usize>,
    /// Its score. The difference is twice the logarithm of the odds for the width chosen, about: 10 is much.
    pub runner_up_score: Option<f64>,
    /// What the singular values of the labels say by themselves.
    pub spectrum: NoisyRank,
    /// Every width tried with its score, in increasing order. No units at all score 0: a positive score says that the labels are noise.
    pub scores: Vec<(usize, f64)>,
}

/// Largest width tried.
const MAX_WIDTH: usize = 64;

/// Widths with fewer equations than this for each weight are not tried.
const LEAST_EQUATIONS: usize = 2;

/// Starts of each width on the way up, and of each wider neighbour.
const STARTS: u64 = 2;

/// The first step in width on the way up; each further one is twice as large.
const FIRST_STEP: usize = 2;

/// Widths in a row that may score worse than the best on the way down before it ends.
const WORSE: usize = 3;

/// Losses below this relative to that of no units count as this: what is left is rounding.
const ZERO_LOSS: f64 = 1e-16;

/// Rows for a search of the width are taken as for this many units at least.
const ROWS_FOR: usize = 16;

/// Chooses the width by the Bayesian information criterion, and finds the optimum of that width.
///
/// The score of a width is N ln(S/N) + p ln N, with N = nm equations, S the least sum of squared residuals, and p free weights. When the
/// labels have singular values within the noise, the search starts at the number of those beyond; otherwise it goes up in
/// steps that double until the score no longer falls, and from there down, leaving out units one by one. The neighbours of the width
/// found are tried until it scores best of three.
///
/// # Guarantee
/// No neighbour tried of the width returned scores better. The Bayesian criterion chooses the true width with
/// probability towards one as n grows, when the optima are found.
///
/// # Errors
/// As [`crate::search::search`].
///
/// # Cost
/// A search for the width found, with up to four refinements for each further width tried.
///
/// # Paper
/// Not in the paper, which takes k as known.
pub fn choose_width(
    samples: &Samples<'_>,
    settings: &SearchSettings,
    reporter: &mut Reporter<'_>,
) -> Result<(WidthChoice, Found), NoisyError> {
    validate(samples, 1, settings)?;
    let coordinates = Coordinates::new(*samples, settings.bias, &settings.activation)?;
    let whole = coordinates.problem();
    let rank = noisy_rank(whole.labels)?;
    let first = rank.rank.clamp(1, largest(&whole));
    let seen = rows_of_starts(&whole, ROWS_FOR.max(first), settings.seed).map(|rows| coordinates.some(&rows));
    let problem = seen.as_ref().map_or(whole, |rows| rows.problem());
    let mut width =
        if rank.edge.is_some() { first } else { on_the_path(&problem, first, settings.seed, reporter)? };
    let mut scores = BTreeMap::from([(0, 0.0)]);
    let mut optima: BTreeMap<usize, Found> = BTreeMap::new();
    while !optima.contains_key(&width) {
        let (found, directions) = search_in(&coordinates, width, settings, reporter)?;
        optima.insert(width, found);
        lower(&mut scores, width, score(&problem, width, coarse(&problem, directions.clone())?.residual));
        for (neighbour, residual) in neighbours(&problem, &directions, settings.seed, reporter)? {
            lower(&mut scores, neighbour, score(&problem, neighbour, residual));
        }
        width = best_of(&scores, 1).unwrap_or(width);
    }
    let found = optima[&width].clone();
    let others: BTreeMap<usize, f64> =
        scores.iter().filter(|&(&w, _)| w != width).map(|(&w, &s)| (w, s)).collect();
    let runner_up = best_of(&others, 0);
    let choice = WidthChoice {
        width,
        score: scores[&width],
        runner_up,
        runner_up_score: runner_up.map(|w| others[&w]),
        spectrum: rank,
        scores: scores.into_iter().collect(),
    };
    Ok((choice, found))
}

/// The largest width that the equations allow to try.
fn largest(problem: &Problem<'_>) -> usize {
    let (n, r, m) = (problem.n(), problem.inputs.ncols(), problem.labels.ncols());
    (n * m / (LEAST_EQUATIONS * (r + m - 1))).clamp(1, MAX_WIDTH)
}

fn lower(scores: &mut BTreeMap<usize, f64>, width: usize, score: f64) {
    scores.entry(width).and_modify(|s| *s = s.min(score)).or_insert(score);
}

/// The width of least score, of those from `least` on; the smaller one of equals.
fn best_of(scores: &BTreeMap<usize, f64>, least: usize) -> Option<usize> {
    scores.range(least..).min_by(|a, b| a.1.total_cmp(b.1)).map(|(&width, _)| width)
}

/// The Bayesian information criterion, up to a constant that is the same for all widths.
fn score(problem: &Problem<'_>, width: usize, residual: f64) -> f64 {
    let (n, r, m) = (problem.n(), problem.inputs.ncols(), problem.labels.ncols());
    bayesian_information(residual.powi(2).max(ZERO_LOSS), n * m, width * (r + m - 1))
}

/// The Bayesian information criterion for a sum of squared residuals of so many labels after so many free weights were fitted: N ln S +
/// p ln N. Models of the same labels are compared by their differences.
pub(crate) fn bayesian_information(squares: f64, labels: usize, weights: usize) -> f64 {
    let equations = labels as f64;
    equations * squares.max(f64::MIN_POSITIVE).ln() + weights as f64 * equations.ln()
}

/// The best width on a path up in doubling steps and down by leaving out units one by one, an affine function fitted along throughout.
fn on_the_path(
    problem: &Problem<'_>,
    first: usize,
    seed: u64,
    reporter: &mut Reporter<'_>,
) -> Result<usize, NoisyError> {
    let (r, last) = (problem.inputs.ncols(), largest(problem));
    let augmented = Problem { affine: true, ..*problem };
    let mut scores: BTreeMap<usize, f64> = BTreeMap::new();
    let (mut width, mut step) = (first, FIRST_STEP);
    let mut directions = loop {
        reporter.report("width", best_of(&scores, 1).unwrap_or(width), width, scores.len())?;
        let fits = (0..STARTS)
            .into_par_iter()
            .map(|index| {
                let rng = &mut random::stream(seed, "width", ((width as u64) << 32) | index);
                coarse(&augmented, random::gaussian(r, width, rng))
            })
            .collect::<Result<Vec<_>, SearchError>>()?;
        let Some(best) = fits.into_iter().min_by(|a, b| a.residual.total_cmp(&b.residual)) else {
            return Ok(width);
        };
        let own = score(problem, width, best.residual);
        let improves = scores.values().all(|&other| own < other);
        scores.insert(width, own);
        if !improves || width >= last {
            break best.directions;
        }
        width = (width + step).min(last);
        step *= 2;
    };
    let mut worse = 0;
    while directions.ncols() > 1 && worse < WORSE {
        let width = directions.ncols() - 1;
        reporter.report("width", best_of(&scores, 1).unwrap_or(width), width, scores.len())?;
        let fit = without_least(&augmented, &directions, 1)?;
        directions = fit.directions;
        lower(&mut scores, width, score(problem, width, fit.residual));
        let best = best_of(&scores, 1).unwrap_or(width);
        worse = if best > width { worse + 1 } else { 0 };
    }
    Ok(best_of(&scores, 1).unwrap_or(first))
}

/// Residuals with one unit less and with one more, from the optimum of a width.
fn neighbours(
    problem: &Problem<'_>,
    directions: &Mat<f64>,
    seed: u64,
    reporter: &mut Reporter<'_>,
) -> Result<Vec<(usize, f64)>, NoisyError> {
    let (r, width) = directions.shape();
    reporter.report("neighbouring widths", width, width, 0)?;
    let mut tried = Vec::new();
    if width > 1 {
        tried.push((width - 1, without_least(problem, directions, 1)?.residual));
    }
    if width < largest(problem) {
        let residuals = (0..STARTS)
            .into_par_iter()
            .map(|index| {
                let rng = &mut random::stream(seed, "one unit more", ((width as u64) << 32) | index);
                let extra = random::gaussian(r, 1 + width.div_ceil(4), rng);
                Ok(reduced(problem, beside(directions, &extra), width + 1)?.residual)
            })
            .collect::<Result<Vec<f64>, SearchError>>()?;
        tried.push((width + 1, residuals.into_iter().fold(f64::INFINITY, f64::min)));
    }
    Ok(tried)
}
