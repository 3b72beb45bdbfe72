//! Row-span pursuit: units as members of two intersecting sets, found by relaxed reflections.

use orthant_linalg::{LinalgError, Mat, MatRef, product, random};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

mod block;
mod curve;

use self::block::Block;
use self::curve::{Curve, Shape};
use crate::error::SearchError;
use crate::frame::Frame;
use crate::progress::Reporter;
use crate::unit::{self, Unit};

/// Settings of [`pursue`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PursuitSettings {
    /// Seed of the starts.
    pub seed: u64,
    /// Start-iterations without a new unit after which the search gives up; five times the start-iterations made up to then
    /// are allowed in any case. One start-iteration costs 4n(r + k) operations.
    pub patience: usize,
    /// Starts that came near a unit and turned out not to be one, since the last new unit, after which the search gives up.
    /// Each costs up to eleven calls of [`unit::unit_from_pattern`]. Many of them mean that the inputs are of a kind that the
    /// cone walk handles better.
    pub max_failures: usize,
}

/// How a search went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PursuitHistory {
    /// Starts made.
    pub starts: usize,
    /// Iterations, summed over starts.
    pub iterations: usize,
    /// Approximate units followed to an exact answer or refused.
    pub settled: usize,
}

/// Blocks of starts that advance independently, in parallel. Fixed, so that results do not depend on the threads.
const BLOCKS: usize = 4;

/// Starts per block: the columns of one matrix product.
const LANES: usize = 8;

/// Iterations between two looks at the starts.
const CHECK_INTERVAL: usize = 10;

/// Relative squared step below which a start is near enough to a unit to be followed by [`unit::settle`], if it stays there
/// for [`CHECKS_NEAR`] checks.
const NEAR: f32 = 1e-3;

/// Checks after which a start that is near but does not converge is followed all the same.
const CHECKS_NEAR: usize = 6;

/// Relative squared step below which a start is followed at once: its pattern is then nearly always the unit's own, which
/// spares the second and third joint system.
const CONVERGED: f32 = 1e-5;

/// The step and the checks that count as near for activations that bend: the zeros of a unit determine it, and the joint system
/// finds them from farther away.
const NEAR_ON_CURVE: f32 = 1e-2;

/// See [`NEAR_ON_CURVE`].
const CHECKS_NEAR_ON_CURVE: usize = 3;

/// Where the curve is not the activation's own there is no point to converge to: steps below this are tried …
const NEAR_ON_APPROXIMATE_CURVE: f32 = 0.2;

/// … every so many checks.
const TRIED_EVERY: usize = 5;

/// Checks after which a start for an activation that bends is given up. Those that end at a unit take 5 to 10 on average.
const MAX_CHECKS_ON_CURVE: usize = 50;

/// Starts wait for others to be followed in parallel with, until there are so many …
const BATCH: usize = 4;

/// … or one has waited for so many checks.
const MAX_WAIT: usize = 3;

/// Failed attempts to settle after which a start is given up.
const MAX_FAILURES: usize = 3;

/// Cosine with a known unit beyond which a start is given up as a duplicate.
const DUPLICATE: f64 = 0.9999;

/// Finds units and appends them to `found`, until [`Frame::n_rectified`] units are known or patience ends.
///
/// A unit is a pair (t, z) of vectors of length n with t in the row space of the inputs, z in the row space of the labels,
/// and z = max(t, 0) entry by entry. Both conditions are easy to project on by themselves: the first set is a product of two
/// subspaces, the second a product of n plane curves of two rays each. The relaxed reflections
///
/// (t, z) ← (t, z) + β [P₁(2 P₂(t, z) − (t, z)) − P₂(t, z)]
///
/// come to rest only where the sets meet, so that, unlike ascents of the overlap |Q'f(vX)|/|f(vX)|, they have no local
/// optimum to stop in. What must not be found again (zero, affine functions such as constants, t ≤ 0 with z = 0, and the units
/// already known) is excluded by one condition more on the first set: the part of z that is orthogonal to all of these has unit
/// norm. The projection rescales that part.
///
/// For other rectified activations the n curves are those of f. Three things differ. Samples are weighted so that large labels do
/// not outweigh the others. For f without a degree the curve has an amplitude, which is unknown: with a guess for it the iteration
/// never quite converges, and starts are followed when they have come near. And the exact finish
/// needs zeros only. For leaky ReLU and |t| the curves are two rays, as for max(t, 0), and all
/// else is the same; but for |t| few starts converge, and the lift is the method.
///
/// # Guarantee
/// Every unit appended has passed [`unit::unit_from_pattern`]. Nothing is promised about how many are found: this is a
/// search. On Gaussian inputs nearly every start ends at a unit down to n of about 2.5 (d + k) / 2.
///
/// # Errors
/// [`SearchError`]; running out of patience is not an error: the history and the units found tell.
///
/// # Cost
/// 4n(r + k) operations in single precision per start-iteration, r being the rank of the inputs: 13 thousand of them for
/// k = d = 50 and n = 4d, 40 thousand for k = d = 200; and one to three calls of [`unit::unit_from_pattern`] for each of about
/// 1.2 k starts followed, which is where most of the time goes from k = 100 on.
///
/// # Paper
/// Replaces steps 1 to 4 of Algorithm 5 (moments) for arbitrary input distributions, biases and far fewer samples. The
/// iteration is the relaxed-reflect-reflect method (Elser, *Matrix product constraints by projection methods*, 2017), a
/// relative of Douglas and Rachford's; the normalisation that deflates is ours.
pub fn pursue(
    frame: &Frame,
    found: &mut Vec<Unit>,
    settings: &PursuitSettings,
    reporter: &mut Reporter<'_>,
) -> Result<PursuitHistory, SearchError> {
    let wanted = frame.n_rectified();
    let mut history = PursuitHistory::default();
    if found.len() >= wanted {
        return Ok(history);
    }
    let bases = Bases::new(frame);
    let mut deflation = Deflation::new(frame, &bases, found)?;
    let mut blocks: Vec<Block> = (0..BLOCKS).map(|_| Block::new(frame)).collect();
    for block in &mut blocks {
        for lane in 0..LANES {
            block.restart(lane, &bases, &deflation, &mut Start::next(settings.seed, &bases, &mut history));
        }
    }
    let mut last_found = 0usize;
    let mut failures = 0;
    while history.iterations < last_found.saturating_add(settings.patience.max(5 * last_found))
        && failures < settings.max_failures
    {
        reporter.report("pursuit", found.len(), wanted, history.starts)?;
        blocks.par_iter_mut().for_each(|block| block.advance(&bases, deflation.known_single.as_ref()));
        history.iterations += BLOCKS * LANES * CHECK_INTERVAL;
        let ripe: Vec<(usize, usize)> = (0..BLOCKS)
            .flat_map(|b| (0..LANES).map(move |lane| (b, lane)))
            .filter(|&(b, lane)| blocks[b].waited[lane] > 0)
            .collect();
        let mut changed = false;
        if ripe.len() >= BATCH || ripe.iter().any(|&(b, lane)| blocks[b].waited[lane] >= MAX_WAIT) {
            let fates = follow(frame, &bases, &blocks, &ripe, &deflation);
            for (&(b, lane), fate) in ripe.iter().zip(fates) {
                let block = &mut blocks[b];
                block.waited[lane] = 0;
                block.near[lane] = 0;
                block.failures[lane] += 1;
                history.settled += 1;
                match fate {
                    Fate::NotAUnit => failures += 1,
                    Fate::Duplicate => block.failures[lane] = MAX_FAILURES,
                    Fate::Unit(unit) => {
                        block.failures[lane] = MAX_FAILURES;
                        if found.len() < wanted && !found.iter().any(|known| unit::same_unit(known, &unit)) {
                            found.push(*unit);
                            last_found = history.iterations;
                            failures = 0;
                            changed = true;
                        }
                    }
                }
            }
        }
        if found.len() >= wanted {
            break;
        }
        if changed {
            deflation = Deflation::new(frame, &bases, found)?;
        }
        for block in &mut blocks {
            for lane in 0..LANES {
                let expired = bases.curve.is_some() && block.age[lane] >= MAX_CHECKS_ON_CURVE;
                if block.failures[lane] >= MAX_FAILURES || !block.step[lane].is_finite() || expired {
                    let start = &mut Start::next(settings.seed, &bases, &mut history);
                    block.restart(lane, &bases, &deflation, start);
                }
            }
        }
    }
    Ok(history)
}

/// What became of a start that came near a unit.
enum Fate {
    Unit(Box<Unit>),
    NotAUnit,
    Duplicate,
}

/// Follows starts to their units, in parallel, leaving out those that are on the way to a known unit or to that of an earlier
/// one of them.
fn follow(
    frame: &Frame,
    bases: &Bases,
    blocks: &[Block],
    ripe: &[(usize, usize)],
    deflation: &Deflation,
) -> Vec<Fate> {
    let activations: Vec<Vec<f64>> = ripe
        .iter()
        .map(|&(b, lane)| {
            let z = blocks[b].pair(lane).1.iter().map(|&z| f64::from(z));
            match &bases.curve {
                None => centred(frame, z),
                Some(curve) => centred(frame, z.zip(curve.weights()).map(|(z, weight)| z / weight)),
            }
        })
        .collect();
    (0..ripe.len())
        .into_par_iter()
        .map(|i| {
            let overlaps = |known: &Vec<f64>| product::dot(known, &activations[i]) > DUPLICATE;
            if deflation.activations.iter().chain(&activations[..i]).any(overlaps) {
                return Fate::Duplicate;
            }
            let (b, lane) = ripe[i];
            let start: Vec<f64> = blocks[b].pair(lane).0.iter().map(|&t| f64::from(t)).collect();
            unit::settle(frame, &start).map_or(Fate::NotAUnit, |unit| Fate::Unit(Box::new(unit)))
        })
        .collect()
}

/// What a start is drawn from.
struct Start {
    rng: ChaCha8Rng,
    /// The curve that it looks for, unless that is max(t, 0).
    shape: Option<Shape>,
}

impl Start {
    fn next(seed: u64, bases: &Bases, history: &mut PursuitHistory) -> Start {
        let shape = bases.curve.as_ref().map(|curve| curve.shape(history.starts));
        history.starts += 1;
        Start { rng: random::stream(seed, "pursuit start", history.starts as u64), shape }
    }
}

/// The bases of a frame in single precision.
struct Bases {
    /// Basis of the extended labels, or of the weighted ones that go with a curve.
    labels: Mat<f32>,
    inputs: Mat<f32>,
    curve: Option<Curve>,
    /// The slope for t ≤ 0 of leaky ReLU and |t|.
    slope: Option<f32>,
    /// Norm of the part of z that is orthogonal to everything known: 1, or where the scale matters that of values of root mean
    /// square 1 before the rectifier.
    norm: f32,
}

impl Bases {
    fn new(frame: &Frame) -> Bases {
        let curve = Curve::new(frame);
        Bases {
            labels: single(curve.as_ref().map_or(frame.extended(), Curve::basis)),
            inputs: single(frame.inputs()),
            norm: if curve.is_some() { (frame.n() as f32 / 2.0).sqrt() } else { 1.0 },
            curve,
            slope: frame.activation().negative_slope().map(|slope| slope as f32),
        }
    }
}

fn single(a: MatRef<'_, f64>) -> Mat<f32> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] as f32)
}

/// What is not to be found (again), in coordinates of the labels of the bases.
struct Deflation {
    /// Affine functions and the units known: orthonormal columns.
    known: Mat<f64>,
    known_single: Mat<f32>,
    /// Centred activations of the units known, of unit norm.
    activations: Vec<Vec<f64>>,
}

impl Deflation {
    fn new(frame: &Frame, bases: &Bases, found: &[Unit]) -> Result<Deflation, LinalgError> {
        let q = frame.extended().ncols();
        let constant = usize::from(frame.bias().output());
        let linear = frame.linear();
        let mut columns = Mat::zeros(q, linear.ncols() + constant + found.len());
        columns.as_mut().subcols_mut(0, linear.ncols()).copy_from(linear);
        if constant == 1 {
            columns[(q - 1, linear.ncols())] = 1.0;
        }
        for (i, unit) in found.iter().enumerate() {
            for (row, &w) in unit.combination.iter().enumerate() {
                columns[(row, linear.ncols() + constant + i)] = w;
            }
        }
        if let Some(curve) = &bases.curve {
            columns = product::matmul(curve.change(), columns.as_ref());
        }
        let known = orthant_linalg::spectrum::column_space(columns.as_ref(), 1e-9)?;
        let activations = found.iter().map(|unit| centred(frame, unit.activations.iter().copied())).collect();
        Ok(Deflation { known_single: single(known.as_ref()), known, activations })
    }
}

fn centred(frame: &Frame, z: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut z: Vec<f64> = z.collect();
    if frame.bias().output() {
        match frame.weights() {
            None => {
                let mean = z.iter().sum::<f64>() / z.len() as f64;
                z.iter_mut().for_each(|z| *z -= mean);
            }
            Some(weights) => {
                let level = product::dot(&z, weights) / product::dot(weights, weights);
                z.iter_mut().zip(weights).for_each(|(z, weight)| *z -= level * weight);
            }
        }
    }
    let norm = product::norm(&z);
    if norm > 0.0 {
        z.iter_mut().for_each(|z| *z /= norm);
    }
    z
}
