//! Fits with more units than wanted, and back to as many as wanted.

use std::ops::ControlFlow;

use orthant_estimate::orient::orient;
use orthant_estimate::problem::{Problem, contributions};
use orthant_estimate::refine::{LinearSolver, RefineSettings, Refined, refine};
use orthant_estimate::{Reporter, SearchError};
use orthant_linalg::Mat;

/// Steps of a start at most. Those that end in the best optimum took 9 to 23.
const STEPS: usize = 60;

/// A start that gains less than this, relative to its residual, in each of three steps is at its optimum.
const STALL: f64 = 1e-4;

/// Noise keeps steps from converging quadratically: solving for them accurately gains nothing.
pub(crate) const SOLVER: LinearSolver = LinearSolver::Inexact(0.03);

/// Steps that the other units are given to make up for one left out.
const PRUNE_STEPS: usize = 15;

/// One of so many surplus units is left out at a time.
const DROPPED: usize = 3;

/// Refinement from a start, quick and coarse. Nobody is asked whether to stop: the caller's callback belongs to one thread.
pub(crate) fn coarse(problem: &Problem<'_>, start: Mat<f64>) -> Result<Refined, SearchError> {
    quietly(problem, start, &RefineSettings { max_steps: STEPS, stall: STALL, target: 0.0, solver: SOLVER })
}

/// [`refine`] with the callback left out.
pub(crate) fn quietly(
    problem: &Problem<'_>,
    start: Mat<f64>,
    settings: &RefineSettings,
) -> Result<Refined, SearchError> {
    let mut callback = |_| ControlFlow::Continue(());
    refine(problem, start, settings, &mut Reporter::new(&mut callback))
}

/// Leaves out the `count` units that each contribute least, and refines the others.
///
/// # Cost
/// A QR of the n × (k + r) design, and up to 15 steps of [`refine`].
pub(crate) fn without_least(
    problem: &Problem<'_>,
    directions: &Mat<f64>,
    count: usize,
) -> Result<Refined, SearchError> {
    let (sizes, _) = contributions(problem, directions)?;
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by(|&i, &j| sizes[i].total_cmp(&sizes[j]));
    let mut kept = order.split_off(count);
    kept.sort_unstable();
    let fewer = Mat::from_fn(directions.nrows(), kept.len(), |i, j| directions[(i, kept[j])]);
    quietly(
        problem,
        fewer,
        &RefineSettings { max_steps: PRUNE_STEPS, stall: STALL, target: 0.0, solver: SOLVER },
    )
}

/// The problem in which units are to spare. For max(t, 0) an affine function is fitted along: since f(t) − f(−t) = t, it makes a unit
/// and its mirror image the same.
pub(crate) fn with_room<'a>(problem: &Problem<'a>) -> Problem<'a> {
    Problem { affine: problem.activation.is_relu(), ..*problem }
}

/// Refines directions in the problem [`with_room`], leaves out units down to `width`, and turns those of max(t, 0) the way in which they
/// explain the labels by themselves.
///
/// With units to spare, refinement from random directions rarely ends in a local minimum; the units that are needed remain.
///
/// # Cost
/// Up to 60 steps of [`refine`] with all units and 15 for each one left out.
pub(crate) fn reduced(problem: &Problem<'_>, start: Mat<f64>, width: usize) -> Result<Refined, SearchError> {
    let augmented = with_room(problem);
    let mut directions = coarse(&augmented, start)?.directions;
    while directions.ncols() > width {
        let surplus = directions.ncols() - width;
        directions = without_least(&augmented, &directions, surplus.div_ceil(DROPPED))?.directions;
    }
    if augmented.affine {
        directions = orient(&augmented, &directions)?.directions;
    }
    coarse(problem, directions)
}

/// The directions found last, and further ones beside them.
pub(crate) fn beside(a: &Mat<f64>, b: &Mat<f64>) -> Mat<f64> {
    let first = a.ncols();
    Mat::from_fn(a.nrows(), first + b.ncols(), |i, j| if j < first { a[(i, j)] } else { b[(i, j - first)] })
}
