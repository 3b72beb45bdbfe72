//! Row-span pursuit: units as members of two intersecting sets, found by relaxed reflections.

use orthant_linalg::{LinalgError, Mat, MatRef, product, random};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::frame::Frame;
use crate::progress::{Cancelled, Reporter};
use crate::unit::{self, Unit};

/// Settings of [`pursue`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PursuitSettings {
    /// Seed of the starts.
    pub seed: u64,
    /// Start-iterations without a new unit after which the search gives up; five times the start-iterations that the last
    /// new unit took are allowed in any case. One start-iteration costs 4n(r + k) operations.
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

/// Why a search ended without an answer.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// A factorisation overflowed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

impl From<Cancelled> for SearchError {
    fn from(_: Cancelled) -> SearchError {
        SearchError::Cancelled
    }
}

/// Blocks of starts that advance independently, in parallel. Fixed, so that results do not depend on the threads.
const BLOCKS: usize = 4;

/// Starts per block: the columns of one matrix product.
const LANES: usize = 8;

/// Iterations between two looks at the starts.
const CHECK_INTERVAL: usize = 10;

/// Relaxation β of the reflections. Below 0.6 the iteration is 2 to 5 times slower, at 1.8 it is slower again.
const RELAXATION: f32 = 1.2;

/// Weight λ of the activations against the values before the rectifier. Below 3 the iteration stops converging as d grows,
/// above 8 it slows down.
const ACTIVATION_WEIGHT: f32 = 4.0;

/// Relative squared step below which a start is near enough to a unit to be followed by [`unit::settle`].
const NEAR: f32 = 1e-3;

/// Failed attempts to settle after which a start is given up.
const MAX_FAILURES: usize = 3;

/// Cosine with a known unit beyond which a start is given up as a duplicate.
const DUPLICATE: f64 = 0.9999;

/// Finds units and appends them to `found`, until [`Frame::n_rectified`] units are known or patience ends.
///
/// A unit is a pair (t, z) of vectors of length n with t in the row space of the inputs, z in the row space of the labels,
/// and z = max(t, 0) entry by entry. Both conditions are easy to project on by themselves: the first set is affine, the second
/// a product of n plane curves of two rays each. The relaxed reflections
///
/// (t, z) ← (t, z) + β [P₁(2 P₂(t, z) − (t, z)) − P₂(t, z)]
///
/// come to rest only where the sets meet, so that, unlike ascents of the overlap |Q'f(vX)|/|f(vX)|, they have no local
/// optimum to stop in. What must not be found again (zero, affine functions such as constants, t ≤ 0 with z = 0, and the units
/// already known) is excluded by the first set: the part of z that is orthogonal to all of these has unit norm. Its projection
/// rescales that part.
///
/// # Guarantee
/// Every unit appended has passed [`unit::unit_from_pattern`]. Nothing is promised about how many are found: this is a
/// search. On Gaussian inputs nearly every start ends at a unit down to n of about 2.5 (d + k) / 2.
///
/// # Errors
/// [`SearchError`]; running out of patience is not an error: the history and the units found tell.
///
/// # Cost
/// 4n(r + k) operations in single precision per start-iteration, r being the rank of the inputs: 10 to 20 thousand of them
/// for k = d = 50 and n = 4d, 41 thousand for k = d = 100; and a few calls of [`unit::unit_from_pattern`] per unit.
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
    let bases = Bases { labels: single(frame.extended()), inputs: single(frame.inputs()) };
    let mut deflation = Deflation::new(frame, found)?;
    let mut blocks: Vec<Block> = (0..BLOCKS).map(|_| Block::new(frame)).collect();
    for block in &mut blocks {
        for lane in 0..LANES {
            block.restart(lane, frame, &bases, &deflation, &mut start_stream(settings.seed, &mut history));
        }
    }
    let mut last_found = 0;
    let mut failures = 0;
    while history.iterations < (last_found + settings.patience).max(6 * last_found)
        && failures < settings.max_failures
    {
        reporter.report("pursuit", found.len(), wanted, history.starts)?;
        blocks.par_iter_mut().for_each(|block| block.advance(&bases, deflation.known_single.as_ref()));
        history.iterations += BLOCKS * LANES * CHECK_INTERVAL;
        let near: Vec<(usize, usize)> = (0..BLOCKS)
            .flat_map(|b| (0..LANES).map(move |lane| (b, lane)))
            .filter(|&(b, lane)| blocks[b].step[lane] < NEAR)
            .collect();
        let settled: Vec<Option<Unit>> = near
            .par_iter()
            .map(|&(b, lane)| {
                let (t, z) = blocks[b].pair(lane);
                let duplicate = deflation.overlap(frame, z) > DUPLICATE;
                let start = || t.iter().map(|&t| f64::from(t)).collect::<Vec<_>>();
                (!duplicate).then(|| unit::settle(frame, &start()).ok()).flatten()
            })
            .collect();
        let mut changed = false;
        for (&(b, lane), settled) in near.iter().zip(settled) {
            history.settled += 1;
            let block = &mut blocks[b];
            match settled {
                None => {
                    let duplicate = deflation.overlap(frame, block.pair(lane).1) > DUPLICATE;
                    block.failures[lane] = if duplicate { MAX_FAILURES } else { block.failures[lane] + 1 };
                    failures += usize::from(!duplicate);
                }
                Some(unit) => {
                    block.failures[lane] = MAX_FAILURES;
                    if found.len() < wanted && !found.iter().any(|known| unit::same_unit(known, &unit)) {
                        found.push(unit);
                        last_found = history.iterations;
                        failures = 0;
                        changed = true;
                    }
                }
            }
        }
        if found.len() >= wanted {
            break;
        }
        if changed {
            deflation = Deflation::new(frame, found)?;
        }
        for block in &mut blocks {
            for lane in 0..LANES {
                if block.failures[lane] >= MAX_FAILURES || !block.step[lane].is_finite() {
                    block.restart(lane, frame, &bases, &deflation, &mut start_stream(settings.seed, &mut history));
                }
            }
        }
    }
    Ok(history)
}

fn start_stream(seed: u64, history: &mut PursuitHistory) -> ChaCha8Rng {
    history.starts += 1;
    random::stream(seed, "pursuit start", history.starts as u64)
}

/// The bases of a frame in single precision.
struct Bases {
    labels: Mat<f32>,
    inputs: Mat<f32>,
}

fn single(a: MatRef<'_, f64>) -> Mat<f32> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] as f32)
}

/// What is not to be found (again), in coordinates of the extended labels.
struct Deflation {
    /// Affine functions and the units known: orthonormal columns.
    known: Mat<f64>,
    known_single: Mat<f32>,
    /// Centred activations of the units known, of unit norm.
    activations: Vec<Vec<f64>>,
}

impl Deflation {
    fn new(frame: &Frame, found: &[Unit]) -> Result<Deflation, LinalgError> {
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
        let known = orthant_linalg::spectrum::column_space(columns.as_ref(), 1e-9)?;
        let activations = found.iter().map(|unit| centred(frame, unit.activations.iter().copied())).collect();
        Ok(Deflation { known_single: single(known.as_ref()), known, activations })
    }

    /// The largest cosine between a vector and the activations of a known unit, means aside.
    fn overlap(&self, frame: &Frame, z: &[f32]) -> f64 {
        let z = centred(frame, z.iter().map(|&z| f64::from(z)));
        self.activations.iter().map(|known| product::dot(known, &z)).fold(0.0, f64::max)
    }
}

fn centred(frame: &Frame, z: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut z: Vec<f64> = z.collect();
    if frame.bias().output() {
        let mean = z.iter().sum::<f64>() / z.len() as f64;
        z.iter_mut().for_each(|z| *z -= mean);
    }
    let norm = product::norm(&z);
    if norm > 0.0 {
        z.iter_mut().for_each(|z| *z /= norm);
    }
    z
}

/// A few starts whose iterations share matrix products.
struct Block {
    /// The iterate (t, z), n × LANES each.
    t: Mat<f32>,
    z: Mat<f32>,
    /// Its projection on the rectifier's graph.
    graph_t: Mat<f32>,
    graph_z: Mat<f32>,
    /// Scratch of the same shape: reflections, then projections on the subspaces.
    work_t: Mat<f32>,
    work_z: Mat<f32>,
    /// Coordinates in the bases.
    coords_t: Mat<f32>,
    coords_z: Mat<f32>,
    /// Relative squared length of the last step.
    step: [f32; LANES],
    failures: [usize; LANES],
}

impl Block {
    fn new(frame: &Frame) -> Block {
        let (n, q, r) = (frame.n(), frame.extended().ncols(), frame.inputs().ncols());
        let tall = || Mat::zeros(n, LANES);
        Block {
            t: tall(),
            z: tall(),
            graph_t: tall(),
            graph_z: tall(),
            work_t: tall(),
            work_z: tall(),
            coords_t: Mat::zeros(r, LANES),
            coords_z: Mat::zeros(q, LANES),
            step: [f32::INFINITY; LANES],
            failures: [0; LANES],
        }
    }

    /// The projection of a start on the rectifier's graph: values before the rectifier, and activations.
    fn pair(&self, lane: usize) -> (&[f32], &[f32]) {
        (column(&self.graph_t, lane), column(&self.graph_z, lane))
    }

    /// Puts a new start in a lane: z random, mostly orthogonal to what is known, t its projection on the inputs.
    fn restart(
        &mut self,
        lane: usize,
        frame: &Frame,
        bases: &Bases,
        deflation: &Deflation,
        rng: &mut ChaCha8Rng,
    ) {
        let q = frame.extended().ncols();
        let mut h = random::gaussian(q, 1, rng);
        let coords = product::matmul(deflation.known.transpose(), h.as_ref());
        product::matmul_add(h.as_mut(), -1.0, deflation.known.as_ref(), coords.as_ref());
        let norm = product::frobenius(h.as_ref());
        if norm > 0.0 {
            h.as_mut().col_mut(0).iter_mut().for_each(|v| *v /= norm);
        }
        let g = random::gaussian(q, 1, rng);
        let spread = 0.5 / (q as f64).sqrt();
        let along = spread * product::dot(h.col_as_slice(0), g.col_as_slice(0));
        let start = Mat::from_fn(q, 1, |i, _| (h[(i, 0)] * (1.0 - along) + spread * g[(i, 0)]) as f32);
        product::matmul_into_single(self.z.as_mut().subcols_mut(lane, 1), bases.labels.as_ref(), start.as_ref());
        let mut coords = Mat::zeros(bases.inputs.ncols(), 1);
        product::matmul_into_single(
            coords.as_mut(),
            bases.inputs.transpose(),
            self.z.as_ref().subcols(lane, 1),
        );
        product::matmul_into_single(self.t.as_mut().subcols_mut(lane, 1), bases.inputs.as_ref(), coords.as_ref());
        self.step[lane] = f32::INFINITY;
        self.failures[lane] = 0;
    }

    /// Brings the part of z that is orthogonal to everything known to unit norm, in coordinates.
    fn rescale_unknown_part(&mut self, known: MatRef<'_, f32>) {
        let q = self.coords_z.nrows();
        let mut along = Mat::zeros(known.ncols(), LANES);
        product::matmul_into_single(along.as_mut(), known.transpose(), self.coords_z.as_ref());
        let mut explained = Mat::zeros(q, LANES);
        product::matmul_into_single(explained.as_mut(), known, along.as_ref());
        for lane in 0..LANES {
            let (explained, w) = (column(&explained, lane), self.coords_z.col_as_slice_mut(lane));
            let square: f32 = w.iter().zip(explained).map(|(w, e)| (w - e) * (w - e)).sum();
            let stretch = 1.0 / square.sqrt() - 1.0;
            w.iter_mut().zip(explained).for_each(|(w, e)| *w += stretch * (*w - e));
        }
    }

    fn advance(&mut self, bases: &Bases, known: MatRef<'_, f32>) {
        for iteration in 0..CHECK_INTERVAL {
            for lane in 0..LANES {
                project_on_graph(
                    column(&self.t, lane),
                    column(&self.z, lane),
                    self.graph_t.col_as_slice_mut(lane),
                    self.graph_z.col_as_slice_mut(lane),
                );
                reflect(column(&self.graph_t, lane), column(&self.t, lane), self.work_t.col_as_slice_mut(lane));
                reflect(column(&self.graph_z, lane), column(&self.z, lane), self.work_z.col_as_slice_mut(lane));
            }
            product::matmul_into_single(self.coords_t.as_mut(), bases.inputs.transpose(), self.work_t.as_ref());
            product::matmul_into_single(self.coords_z.as_mut(), bases.labels.transpose(), self.work_z.as_ref());
            self.rescale_unknown_part(known);
            product::matmul_into_single(self.work_t.as_mut(), bases.inputs.as_ref(), self.coords_t.as_ref());
            product::matmul_into_single(self.work_z.as_mut(), bases.labels.as_ref(), self.coords_z.as_ref());
            let last = iteration + 1 == CHECK_INTERVAL;
            for lane in 0..LANES {
                let moved = relax(
                    column(&self.work_t, lane),
                    column(&self.graph_t, lane),
                    self.t.col_as_slice_mut(lane),
                ) + relax(
                    column(&self.work_z, lane),
                    column(&self.graph_z, lane),
                    self.z.col_as_slice_mut(lane),
                );
                if last {
                    let size = column(&self.graph_t, lane).iter().map(|t| t * t).sum::<f32>();
                    self.step[lane] = moved / size;
                }
            }
        }
    }
}

/// Nearest point of {z = max(t, 0)} in the metric |t|² + λ²|z|², entry by entry: on the active ray unless the inactive one
/// is nearer.
fn project_on_graph(t: &[f32], z: &[f32], graph_t: &mut [f32], graph_z: &mut [f32]) {
    let weight = ACTIVATION_WEIGHT * ACTIVATION_WEIGHT;
    let scale = 1.0 / (1.0 + weight);
    for (((&t, &z), graph_t), graph_z) in t.iter().zip(z).zip(graph_t).zip(graph_z) {
        let ray = (t + weight * z) * scale;
        let negative = t.min(0.0);
        let active = ray > 0.0 && (1.0 + weight) * ray * ray > negative * negative;
        *graph_t = if active { ray } else { negative };
        *graph_z = if active { ray } else { 0.0 };
    }
}

fn reflect(projected: &[f32], point: &[f32], out: &mut [f32]) {
    for ((&p, &x), out) in projected.iter().zip(point).zip(out) {
        *out = 2.0 * p - x;
    }
}

/// Moves a point by β times the difference of two projections and returns the squared norm of that difference.
fn relax(to: &[f32], from: &[f32], point: &mut [f32]) -> f32 {
    let mut sum = 0.0;
    for ((&to, &from), x) in to.iter().zip(from).zip(point) {
        let step = to - from;
        *x += RELAXATION * step;
        sum += step * step;
    }
    sum
}

fn column(a: &Mat<f32>, j: usize) -> &[f32] {
    a.col_as_slice(j)
}
