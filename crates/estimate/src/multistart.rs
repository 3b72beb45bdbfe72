//! Networks with fewer outputs than hidden units: refinement from random directions, with more units than needed.
//!
//! With m < k the labels do not contain the activations of single units, and all units have to be found at once. From random
//! directions, Levenberg-Marquardt with as many units as the network has mostly ends in local minima. With about twice as many
//! units it mostly reaches residual zero when E = 0, and the units that are not needed end with output weight zero. Residual
//! zero is recognised, so restarts cost time and never a wrong answer. An affine function of the inputs is fitted along (see
//! [`Problem::affine`]), which removes the minima in which a unit faces the wrong way.
//!
//! Starts from m = 1, normal inputs, no biases, that reach residual zero (NumPy prototype):
//!
//! | k, d | samples | k units | 1.5k units | 2k units |
//! |---|---|---|---|---|
//! | 5, 10 | 1000 | 6 of 20 | 17 of 20 | |
//! | 10, 20 | 3000 | 0 of 16 | 8 of 16 | 12 of 16 |
//! | 6, 10, biases (trained) | 2000 | 1 of 10 | 9 of 10 | 10 of 10 |

use std::ops::ControlFlow;

use orthant_linalg::{Mat, MatRef, random};
use rayon::prelude::*;

use crate::error::SearchError;
use crate::problem::{Problem, contributions, linear_fit};
use crate::progress::Reporter;
use crate::refine::{self, LinearSolver, RefineSettings, Refined, refine};

/// Settings of [`multistart`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MultistartSettings {
    /// Seed of the starts.
    pub seed: u64,
    /// Number of hidden units, when it is known.
    pub width: Option<usize>,
    /// Relative residual that counts as zero.
    pub target: f64,
    /// Operations to spend at most, about. The first starts of each width are made whatever they cost.
    pub operations: f64,
    /// Rounds over the widths at most: [`MAX_ROUNDS`] for a search, 0 for the proposals alone.
    pub rounds: usize,
}

/// What [`multistart`] brought.
#[derive(Debug, Clone)]
pub struct Multistart {
    /// Directions of residual zero with no unit to spare, r × k; `None` when no start got there.
    pub directions: Option<Mat<f64>>,
    /// Starts made.
    pub starts: usize,
}

/// Widths tried beyond the width known, as multiples of it in quarters.
const EXCESS_QUARTERS: [usize; 4] = [6, 8, 12, 5];

/// Smallest width tried when it is not known; each further one is half as large again.
const FIRST_WIDTH: usize = 3;

/// Largest width tried.
const MAX_WIDTH: usize = 64;

/// Equations for each unknown that a start is given when there are samples enough: with fewer there are more local minima, with
/// more each step costs more.
const EQUATIONS_PER_UNKNOWN: usize = 8;

/// Widths with fewer equations than this for each unknown are not tried.
const LEAST_EQUATIONS: usize = 2;

/// Samples that no start sees, of every ten; at most [`MAX_CHECK`].
const CHECK_TENTHS: usize = 1;

/// The most samples that a fit is checked on.
const MAX_CHECK: usize = 1000;

/// Starts made at once, on any number of threads.
const BATCH: usize = 2;

/// Batches of each width in the first round and in each later one.
const BATCHES: usize = 2;

/// Rounds over the widths after which random starts have had their chance.
pub const MAX_ROUNDS: usize = 8;

/// Steps of a start at most. Those that succeed took about 15.
const STEPS: usize = 60;

/// A start that gains less than this in three steps is in a local minimum.
const STALL: f64 = 1e-4;

/// The residual on samples that were not fitted may be this times that of zero.
const CHECK_SAFETY: f64 = 100.0;

/// Looks for directions that explain all labels.
///
/// # Shapes
/// `problem` has its samples in random order and [`Problem::affine`] set. Not all samples are used: a start of width w takes the
/// first 8w(r + m) equations, and some more to check the outcome on. `proposals` are directions to start from before the random ones.
///
/// # Guarantee
/// Directions returned have a residual of at most `target`, on samples fitted, and one near it on samples not fitted; none of
/// them can be left out. Same problem, same settings, same bits, for any number of threads. That they are found is not guaranteed.
///
/// # Errors
/// [`SearchError`].
///
/// # Cost
/// [`LinearSolver::operations`] for each of up to 60 steps of each start; a start of width 2k has 2k(r + m) unknowns. Widths of more than
/// 640 unknowns or 64 units are not tried.
///
/// # Paper
/// Not in the paper, which has Algorithm 8 for U without full column rank.
pub fn multistart(
    problem: &Problem<'_>,
    proposals: &[Mat<f64>],
    settings: &MultistartSettings,
    reporter: &mut Reporter<'_>,
) -> Result<Multistart, SearchError> {
    let m = problem.labels.ncols();
    let mut widths = candidate_widths(problem, settings.width);
    let (mut starts, mut spent) = (0, 0.0);
    for proposal in proposals {
        reporter.report("moment starts", 0, proposal.ncols(), starts)?;
        starts += 1;
        let view = View::of(problem, proposal.ncols());
        let fit = refine_start(&view.fitted, proposal.clone(), settings)?;
        if let Some(pruned) = view.accepted(fit, settings)? {
            return Ok(Multistart { directions: Some(pruned), starts });
        }
    }
    for round in 0..settings.rounds {
        let mut checked: Vec<f64> = Vec::new();
        let mut tried = 0;
        for &width in &widths {
            let view = View::of(problem, width);
            let mut best = f64::INFINITY;
            for batch in 0..BATCHES {
                if round > 0 && spent > settings.operations {
                    return Ok(Multistart { directions: None, starts });
                }
                reporter.report("restarts", 0, settings.width.unwrap_or(m), starts)?;
                let first = ((round * BATCHES + batch) * BATCH) as u64;
                let fits: Vec<Refined> = (0..BATCH as u64)
                    .into_par_iter()
                    .map(|i| one_start(&view.fitted, width, first + i, settings))
                    .collect::<Result<_, SearchError>>()?;
                starts += BATCH;
                let (n, r) = (view.fitted.n(), view.fitted.inputs.ncols());
                let steps: usize = fits.iter().map(|fit| fit.steps).sum();
                spent += steps as f64 * LinearSolver::Accurate.operations(n, r, width, m);
                for fit in fits {
                    best = best.min(view.residual_outside(&fit.directions)?);
                    if let Some(pruned) = view.accepted(fit, settings)? {
                        return Ok(Multistart { directions: Some(pruned), starts });
                    }
                }
            }
            tried += 1;
            checked.push(best);
            if settings.width.is_none() && no_longer_improves(&checked) {
                if is_floor(&checked) {
                    return Ok(Multistart { directions: None, starts });
                }
                break;
            }
        }
        widths.truncate(tried);
        if widths.is_empty() {
            break;
        }
    }
    Ok(Multistart { directions: None, starts })
}

/// The widths to try, in order: those that the number of samples and the size of the linear problems allow.
fn candidate_widths(problem: &Problem<'_>, known: Option<usize>) -> Vec<usize> {
    let (n, r, m) = (problem.n(), problem.inputs.ncols(), problem.labels.ncols());
    let fitted = n - n_check(n);
    let fits = |&width: &usize| {
        fitted * m >= LEAST_EQUATIONS * n_unknowns(width, r, m)
            && width <= MAX_WIDTH
            && refine::is_dense(fitted.min(n_wanted(width, r, m)), r, width)
    };
    match known {
        Some(k) => {
            let mut widths: Vec<usize> =
                EXCESS_QUARTERS.iter().map(|q| (q * k).div_ceil(4)).chain([k]).filter(fits).collect();
            widths.dedup();
            widths
        }
        None => {
            std::iter::successors(Some(FIRST_WIDTH), |w| Some(w + w.div_ceil(2))).take_while(fits).collect()
        }
    }
}

fn n_unknowns(width: usize, r: usize, m: usize) -> usize {
    width * (r + m - 1) + r * m
}

fn n_wanted(width: usize, r: usize, m: usize) -> usize {
    (EQUATIONS_PER_UNKNOWN * n_unknowns(width, r, m)).div_ceil(m)
}

fn n_check(n: usize) -> usize {
    (CHECK_TENTHS * n).div_ceil(10).min(MAX_CHECK)
}

/// Whether neither of the last two widths explains samples outside the fit better than a narrower one did: more units then fit noise.
fn no_longer_improves(checked: &[f64]) -> bool {
    let split = checked.len().saturating_sub(2);
    let best = |part: &[f64]| part.iter().fold(f64::INFINITY, |s, &x| s.min(x));
    split > 0 && best(&checked[split..]) >= best(&checked[..split])
}

/// Residuals of three widths within this factor of each other are a floor: what is left is noise. Those of local minima scatter.
const FLOOR: f64 = 1.5;

/// Whether the last three widths end at one residual on samples outside the fit.
fn is_floor(checked: &[f64]) -> bool {
    let last = &checked[checked.len().saturating_sub(3)..];
    let (least, largest) =
        last.iter().fold((f64::INFINITY, 0.0f64), |(least, largest), &x| (least.min(x), largest.max(x)));
    largest <= FLOOR * least
}

/// The samples that the starts of one width see, and some that they do not.
struct View<'a> {
    fitted: Problem<'a>,
    outside: Problem<'a>,
}

impl<'a> View<'a> {
    fn of(problem: &Problem<'a>, width: usize) -> View<'a> {
        let (n, r, m) = (problem.n(), problem.inputs.ncols(), problem.labels.ncols());
        let check = n_check(n);
        let fitted = n_wanted(width, r, m).min(n - check);
        let rows = |first: usize, count: usize| Problem {
            inputs: problem.inputs.subrows(first, count),
            labels: problem.labels.subrows(first, count),
            ..*problem
        };
        View { fitted: rows(0, fitted), outside: rows(n - check, check) }
    }

    /// Relative residual of the fit on the samples outside it.
    fn residual_outside(&self, directions: &Mat<f64>) -> Result<f64, SearchError> {
        let coefficients = linear_fit(&self.fitted, directions)?;
        Ok(coefficients.residual_on(&self.outside, directions))
    }

    /// The units of a fit of residual zero, here and on the samples outside; `None` for others.
    fn accepted(&self, fit: Refined, settings: &MultistartSettings) -> Result<Option<Mat<f64>>, SearchError> {
        let zero = fit.residual <= settings.target
            && self.residual_outside(&fit.directions)? <= CHECK_SAFETY * settings.target;
        if !zero {
            return Ok(None);
        }
        prune(&self.fitted, fit.directions, settings.target).map(Some)
    }
}

/// Refines one random start.
fn one_start(
    problem: &Problem<'_>,
    width: usize,
    index: u64,
    settings: &MultistartSettings,
) -> Result<Refined, SearchError> {
    let rng = &mut random::stream(settings.seed, "restarts", ((width as u64) << 32) | index);
    refine_start(problem, random::gaussian(problem.inputs.ncols(), width, rng), settings)
}

fn refine_start(
    problem: &Problem<'_>,
    start: Mat<f64>,
    settings: &MultistartSettings,
) -> Result<Refined, SearchError> {
    let refine_settings = RefineSettings {
        max_steps: STEPS,
        stall: STALL,
        target: settings.target / 4.0,
        ..RefineSettings::default()
    };
    refine_quietly(problem, start, &refine_settings)
}

/// Refinement that asks nobody: the caller's callback belongs to one thread, and is asked between batches.
fn refine_quietly(
    problem: &Problem<'_>,
    start: Mat<f64>,
    settings: &RefineSettings,
) -> Result<Refined, SearchError> {
    let mut callback = |_| ControlFlow::Continue(());
    refine(problem, start, settings, &mut Reporter::new(&mut callback))
}

/// Steps that a unit's absence is given to be made up for. Two units with one kink merge in a few.
const PRUNE_STEPS: usize = 15;

/// Leaves out units as long as the residual stays zero: those without effect at once, then one by one.
///
/// # Cost
/// One QR of the design for each unit without effect, and at most 15 steps of [`refine()`] for the first that is needed.
fn prune(problem: &Problem<'_>, directions: Mat<f64>, target: f64) -> Result<Mat<f64>, SearchError> {
    let mut kept = directions;
    let settings = RefineSettings {
        max_steps: PRUNE_STEPS,
        stall: STALL,
        target: target / 4.0,
        ..RefineSettings::default()
    };
    while kept.ncols() > 0 {
        let (sizes, _) = contributions(problem, &kept)?;
        let least = (0..sizes.len()).min_by(|&i, &j| sizes[i].total_cmp(&sizes[j]));
        let Some(least) = least else { break };
        let fewer = without(kept.as_ref(), least);
        let (_, residual) = contributions(problem, &fewer)?;
        if residual <= target {
            kept = fewer;
            continue;
        }
        let refined = refine_quietly(problem, fewer, &settings)?;
        if refined.residual > target {
            break;
        }
        kept = refined.directions;
    }
    Ok(kept)
}

/// A matrix without one of its columns.
fn without(a: MatRef<'_, f64>, column: usize) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols() - 1, |i, j| a[(i, if j < column { j } else { j + 1 })])
}

/// Cosine of the angle between two directions, signs disregarded.
#[cfg(test)]
pub(crate) fn alignment(a: &[f64], b: &[f64]) -> f64 {
    use orthant_linalg::product;
    let norms = product::norm(a) * product::norm(b);
    if norms == 0.0 { 0.0 } else { (product::dot(a, b) / norms).abs() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_network::{Activation, BiasKind, PlantedSpec};

    fn reporter_less(problem: &Problem<'_>, settings: &MultistartSettings) -> Multistart {
        let mut callback = |_| ControlFlow::Continue(());
        multistart(problem, &[], settings, &mut Reporter::new(&mut callback)).expect("finite")
    }

    #[test]
    fn all_units_of_a_scalar_network_are_found_and_no_others() {
        let spec = PlantedSpec { m: 1, k: 3, d: 5, seed: 2, ..PlantedSpec::default() };
        let p = spec.plant(600).expect("valid");
        let x = p.x.transpose().to_owned();
        let a = p.a.transpose().to_owned();
        let problem = Problem {
            inputs: x.as_ref(),
            labels: a.as_ref(),
            bias: BiasKind::None,
            affine: true,
            activation: &Activation::RELU,
        };
        for width in [None, Some(3)] {
            let settings =
                MultistartSettings { seed: 0, width, target: 1e-11, operations: 1e10, rounds: MAX_ROUNDS };
            let found = reporter_less(&problem, &settings).directions.expect("residual zero");
            assert_eq!(found.ncols(), 3, "{width:?}");
            for i in 0..3 {
                let v: Vec<f64> = p.network.v().row(i).iter().copied().collect();
                let nearest = (0..3).map(|j| alignment(&v, found.col_as_slice(j))).fold(0.0, f64::max);
                assert!(1.0 - nearest <= 1e-9, "{width:?}: {nearest}");
            }
        }
    }

    #[test]
    fn noise_is_not_explained() {
        let rng = &mut random::stream(1, "noise", 0);
        let (x, a) = (random::gaussian(300, 4, rng), random::gaussian(300, 1, rng));
        let problem = Problem {
            inputs: x.as_ref(),
            labels: a.as_ref(),
            bias: BiasKind::None,
            affine: true,
            activation: &Activation::RELU,
        };
        let settings =
            MultistartSettings { seed: 0, width: None, target: 1e-11, operations: 1e9, rounds: MAX_ROUNDS };
        assert!(reporter_less(&problem, &settings).directions.is_none());
    }
}
