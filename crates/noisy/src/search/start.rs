//! Single starts: what they begin with, which samples they see, when two of them end in one optimum.

use orthant_estimate::SearchError;
use orthant_estimate::problem::Problem;
use orthant_linalg::{Mat, random};
use rand::seq::SliceRandom;

use super::prune::{SOLVER, beside, coarse, reduced};

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
            StartKind::Random => "random directions",
            StartKind::SpareHalf => "half as many units to spare",
            StartKind::SpareDouble => "as many units to spare",
            StartKind::Repair => "repair",
        }
    }
}

/// What starts begin with, in turn, where random directions mostly do: no hidden bias, and as many outputs as units or more.
const KINDS: [StartKind; 6] = [
    StartKind::Random,
    StartKind::Random,
    StartKind::Random,
    StartKind::SpareHalf,
    StartKind::SpareDouble,
    StartKind::Repair,
];

/// The same elsewhere. Of ten units and one output, 1 of 24 random starts ended in the best optimum, of five units with biases and ten
/// outputs 29 of 60; with units to spare all did, 16 of 16 and 40 of 40.
const KINDS_SPARE: [StartKind; 6] = [
    StartKind::SpareHalf,
    StartKind::SpareDouble,
    StartKind::Random,
    StartKind::SpareHalf,
    StartKind::SpareDouble,
    StartKind::Repair,
];

/// Where a start ended.
pub(crate) struct End {
    pub(crate) index: usize,
    pub(crate) kind: StartKind,
    pub(crate) directions: Mat<f64>,
    /// Sum of squared residuals over that of the labels.
    pub(crate) loss: f64,
}

/// Makes the start of a given index. `best` is the best optimum of earlier batches.
pub(crate) fn one_start(
    problem: &Problem<'_>,
    width: usize,
    best: Option<&Mat<f64>>,
    seed: u64,
    index: usize,
) -> Result<End, SearchError> {
    let r = problem.inputs.ncols();
    let rng = &mut random::stream(seed, "starts under noise", ((width as u64) << 32) | index as u64);
    let mut draw = |count: usize| random::gaussian(r, count, rng);
    let plain = problem.labels.ncols() >= width && !problem.bias.hidden();
    let kinds = if plain { &KINDS } else { &KINDS_SPARE };
    let kind = kinds[index % kinds.len()];
    let refined = match (kind, best) {
        (StartKind::Random, _) | (StartKind::Repair, None) => coarse(problem, draw(width)),
        (StartKind::SpareHalf, _) => reduced(problem, draw((3 * width).div_ceil(2)), width),
        (StartKind::SpareDouble, _) => reduced(problem, draw(2 * width), width),
        (StartKind::Repair, Some(best)) => reduced(problem, beside(best, &draw(width.div_ceil(2))), width),
    }?;
    Ok(End { index, kind, directions: refined.directions, loss: refined.residual.powi(2) })
}

/// Steps of a start with half as many units to spare and of leaving them out, about.
const TYPICAL_STEPS: f64 = 40.0;

/// The operations of a start, about.
pub(crate) fn operations(problem: &Problem<'_>, width: usize) -> f64 {
    let (n, r, m) = (problem.n(), problem.inputs.ncols(), problem.labels.ncols());
    TYPICAL_STEPS * SOLVER.operations(n, r, (3 * width).div_ceil(2), m)
}

/// When two optima count as one.
pub(crate) struct Tolerance {
    /// In parts of the loss.
    relative: f64,
}

/// Losses below this relative to the labels are zero to starts that stop early: there is no noise.
const ZERO_LOSS: f64 = 1e-12;

impl Tolerance {
    /// The variance of the noise times the number of weights of one unit: what these fit of the noise on average.
    ///
    /// Within a basin the loss varies far less, because of kinks (a few parts in 10⁵), and missing a unit that is there costs more.
    pub(crate) fn new(problem: &Problem<'_>, width: usize) -> Tolerance {
        let (n, r, m) = (problem.n(), problem.inputs.ncols(), problem.labels.ncols());
        let free = (n * m).saturating_sub(width * (r + m - 1)).max(1);
        Tolerance { relative: (r + m - 1) as f64 / free as f64 }
    }

    /// Whether a start ended in the best optimum.
    pub(crate) fn same(&self, end: &End, best: &End) -> bool {
        end.loss <= (1.0 + self.relative) * best.loss + ZERO_LOSS
    }
}

/// Equations for each weight that starts see, when there are so many samples: the best optimum stands out with far fewer.
const EQUATIONS_PER_WEIGHT: usize = 24;

/// And samples for each input.
const SAMPLES_PER_INPUT: usize = 40;

/// The rows that starts of a width see, drawn at random; `None` for all.
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
