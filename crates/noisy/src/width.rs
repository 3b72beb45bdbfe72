//! How many units labels with noise call for.

use std::collections::BTreeMap;

use orthant_estimate::problem::Problem;
use orthant_estimate::{Reporter, SearchError};
use orthant_linalg::{Mat, product, random};
use orthant_network::Samples;
use rayon::prelude::*;

mod spectrum;

pub use self::spectrum::{NoisyRank, noisy_rank};
use crate::error::NoisyError;
use crate::search::coordinates::Coordinates;
use crate::search::prune::{beside, coarse, reduced, with_room, without_least};
use crate::search::start::{operations, rows_of_starts};
use crate::search::{Found, SearchSettings, search_in, validate};

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
    /// Whether a wider one was tried and no width tried scores better. Otherwise the equations or the operations do not allow a wider
    /// one, or ran out before a better one was searched.
    pub complete: bool,
    /// Every width tried with its score, in increasing order. No units at all score 0: a positive score says that the labels are noise.
    pub scores: Vec<(usize, f64)>,
}

/// Largest width tried.
const MAX_WIDTH: usize = 64;

/// Widths with fewer equations than this for each weight are not tried.
const LEAST_EQUATIONS: usize = 2;

/// A width is tried only if so many starts of it are within the operations allowed.
const SEARCH_STARTS: f64 = 8.0;

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
/// The score of a width is N ln(S/N) + p ln N, with N = nm equations, S the least sum of squared residuals (or what rounding explains of
/// it, if that is more), and p free weights. When the
/// labels have singular values within the noise, the search starts at the number of those beyond; otherwise it goes up in
/// steps that double until the score no longer falls, and from there down, leaving out units one by one. The neighbours of the width
/// found are tried until it scores best of three.
///
/// # Shapes
/// `samples` is n inputs of dimension d with labels of dimension m; the network returned is m × k × d with the width k chosen.
///
/// # Guarantee
/// No neighbour tried of the width returned scores better. The Bayesian criterion chooses the true width with
/// probability towards one as n grows, when the optima are found.
///
/// # Errors
/// As [`crate::search::search`].
///
/// # Cost
/// A search for the width found and two fits of neighbours; without singular values within the noise (m ≤ k) also a path of fits up to
/// about 1.5k units and down again. Widths beyond 64, with less than two equations for each weight, or of which eight starts exceed the
/// operations allowed are not tried.
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
    let spectrum = noisy_rank(whole.labels)?;
    let seen = rows_of_starts(&whole, ROWS_FOR.max(spectrum.rank), settings.seed)
        .map(|rows| coordinates.some(&rows));
    let problem = seen.as_ref().map_or(whole, |rows| rows.problem());
    let last = largest(&problem, settings.operations);
    let criterion = Criterion::new(&problem, settings.rounding);
    let mut width = spectrum.rank.clamp(1, last);
    let mut on_path = spectrum.edge.is_none();
    if on_path {
        width = path(&problem, &criterion, width, last, settings.seed, reporter)?;
    }
    let mut scores = BTreeMap::from([(0, 0.0)]);
    let mut optima: BTreeMap<usize, Found> = BTreeMap::new();
    let mut spent = 0.0;
    while !optima.contains_key(&width) && (optima.is_empty() || spent < settings.operations) {
        let (found, directions) = search_in(&coordinates, width, settings, reporter)?;
        spent += found.starts as f64 * operations(&problem, width);
        optima.insert(width, found);
        lower(
            &mut scores,
            width,
            criterion.score(&problem, width, coarse(&problem, directions.clone())?.residual),
        );
        for (neighbour, residual) in neighbours(&problem, &directions, last, settings.seed, reporter)? {
            lower(&mut scores, neighbour, criterion.score(&problem, neighbour, residual));
        }
        let best = best_of(&scores, 1).unwrap_or(width);
        // More units than the rank: how many more is for the path to say.
        width = if best > width && !on_path {
            on_path = true;
            path(&problem, &criterion, best, last, settings.seed, reporter)?.max(best)
        } else {
            best
        };
    }
    let searched = optima.contains_key(&width);
    if !searched {
        let tried = scores.iter().filter(|&(w, _)| optima.contains_key(w)).map(|(&w, &s)| (w, s)).collect();
        width = best_of(&tried, 1).unwrap_or(width);
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
        spectrum,
        complete: searched && width < last,
        scores: scores.into_iter().collect(),
    };
    Ok((choice, found))
}

/// The largest width that equations and operations allow to try.
fn largest(problem: &Problem<'_>, allowed: f64) -> usize {
    let (n, r, m) = (problem.n(), problem.inputs.ncols(), problem.labels.ncols());
    let enough = (n * m / (LEAST_EQUATIONS * (r + m - 1))).clamp(1, MAX_WIDTH);
    (2..=enough)
        .take_while(|&width| SEARCH_STARTS * operations(problem, width) <= allowed)
        .last()
        .unwrap_or(1)
}

fn lower(scores: &mut BTreeMap<usize, f64>, width: usize, score: f64) {
    scores.entry(width).and_modify(|s| *s = s.min(score)).or_insert(score);
}

/// The width of least score, of those from `least` on; the smaller one of equals.
fn best_of(scores: &BTreeMap<usize, f64>, least: usize) -> Option<usize> {
    scores.range(least..).min_by(|a, b| a.1.total_cmp(b.1)).map(|(&width, _)| width)
}

/// What widths are judged by.
struct Criterion {
    /// Sum of squared residuals, over that of the labels, below which there is nothing left to explain.
    least: f64,
}

impl Criterion {
    fn new(problem: &Problem<'_>, rounding: f64) -> Criterion {
        let labels = product::frobenius(problem.labels).powi(2).max(f64::MIN_POSITIVE);
        let entries = (problem.n() * problem.labels.ncols()) as f64;
        Criterion { least: (entries * rounding * rounding / labels).max(ZERO_LOSS) }
    }

    /// The Bayesian information criterion, up to a constant that is the same for all widths.
    fn score(&self, problem: &Problem<'_>, width: usize, residual: f64) -> f64 {
        let (n, r, m) = (problem.n(), problem.inputs.ncols(), problem.labels.ncols());
        bayesian_information(residual.powi(2).max(self.least), n * m, width * (r + m - 1))
    }
}

/// The Bayesian information criterion for a sum of squared residuals of so many labels after so many free weights were fitted: N ln S +
/// p ln N. Models of the same labels are compared by their differences.
pub(crate) fn bayesian_information(squares: f64, labels: usize, weights: usize) -> f64 {
    let equations = labels as f64;
    equations * squares.max(f64::MIN_POSITIVE).ln() + weights as f64 * equations.ln()
}

/// The best width on a path up in doubling steps and down by leaving out units one by one, an affine function fitted along throughout.
fn path(
    problem: &Problem<'_>,
    criterion: &Criterion,
    first: usize,
    last: usize,
    seed: u64,
    reporter: &mut Reporter<'_>,
) -> Result<usize, NoisyError> {
    let r = problem.inputs.ncols();
    let augmented = with_room(problem);
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
        let own = criterion.score(problem, width, best.residual);
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
        lower(&mut scores, width, criterion.score(problem, width, fit.residual));
        let best = best_of(&scores, 1).unwrap_or(width);
        worse = if best > width { worse + 1 } else { 0 };
    }
    Ok(best_of(&scores, 1).unwrap_or(first))
}

/// Residuals with one unit less and with one more, from the optimum of a width.
fn neighbours(
    problem: &Problem<'_>,
    directions: &Mat<f64>,
    last: usize,
    seed: u64,
    reporter: &mut Reporter<'_>,
) -> Result<Vec<(usize, f64)>, NoisyError> {
    let (r, width) = directions.shape();
    reporter.report("neighbouring widths", width, width, 0)?;
    let mut tried = Vec::new();
    if width > 1 {
        tried.push((width - 1, without_least(problem, directions, 1)?.residual));
    }
    if width < last {
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

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::product;
    use orthant_network::{BiasKind, Network, NoiseKind, PlantedSpec};
    use std::ops::ControlFlow;

    fn chosen(samples: &Samples<'_>, bias: BiasKind, operations: f64) -> WidthChoice {
        let mut callback = |_| ControlFlow::Continue(());
        let settings = SearchSettings { bias, operations, ..SearchSettings::default() };
        let result = choose_width(samples, &settings, &mut Reporter::new(&mut callback));
        result.expect("enough samples").0
    }

    /// Three outputs that depend on each other: labels of rank two from five units.
    #[test]
    fn more_units_than_the_rank_are_found() {
        let spec = PlantedSpec { m: 2, k: 5, d: 6, seed: 3, ..PlantedSpec::default() };
        let p = spec.plant(600).expect("valid");
        let mix = Mat::from_fn(4, 2, |i, j| [1.0, 0.5, -0.3, 0.8][(i + j) % 4]);
        let a = product::matmul(mix.as_ref(), p.a.as_ref());
        let noisy = &a + &NoiseKind::Gaussian.errors(4, 600, 0.02, 3);
        let samples = Samples::new(p.x.as_ref(), noisy.as_ref()).expect("valid");
        let choice = chosen(&samples, BiasKind::None, 1e12);
        assert_eq!((choice.width, choice.spectrum.rank, choice.complete), (5, 2, true), "{choice:?}");
    }

    #[test]
    fn noise_scores_worse_with_units_than_without() {
        let p =
            PlantedSpec { m: 3, k: 1, d: 4, seed: 5, ..PlantedSpec::default() }.plant(300).expect("valid");
        let noise = NoiseKind::Gaussian.errors(3, 300, 1.0, 6);
        let samples = Samples::new(p.x.as_ref(), noise.as_ref()).expect("valid");
        let choice = chosen(&samples, BiasKind::Both, 1e12);
        assert!(choice.width == 1 && choice.score > 0.0 && choice.runner_up == Some(0), "{choice:?}");
    }

    #[test]
    fn operations_limit_the_widths_tried() {
        let p =
            PlantedSpec { m: 1, k: 8, d: 6, seed: 5, ..PlantedSpec::default() }.plant(2000).expect("valid");
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let few = chosen(&samples, BiasKind::None, 2e9);
        assert!(few.width < 8 && few.scores.iter().all(|&(width, _)| width < 8), "{few:?}");
    }

    #[test]
    fn every_unit_counts_in_the_score() {
        let spec = PlantedSpec { m: 3, k: 4, d: 5, seed: 7, ..PlantedSpec::default() };
        let p = spec.plant(400).expect("valid");
        // One unit is a tenth of the others.
        let u = Mat::from_fn(3, 4, |o, i| if i == 0 { 0.1 } else { 1.0 } * p.network.u()[(o, i)]);
        let network = Network::new(u, p.network.v().to_owned(), None, None).expect("valid");
        let a = &network.labels(p.x.as_ref()) + &NoiseKind::Gaussian.errors(3, 400, 0.02, 3);
        let samples = Samples::new(p.x.as_ref(), a.as_ref()).expect("valid");
        let choice = chosen(&samples, BiasKind::None, 1e12);
        assert_eq!(choice.width, 4, "{choice:?}");
        assert!(choice.runner_up_score.is_some_and(|score| score > choice.score + 10.0));
    }
}
