//! Algorithms 2 and 3: units by exhaustion of all sign patterns of the label space.

use std::ops::ControlFlow;

use orthant_linalg::least_distance::least_distance;
use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::qr::Qr;
use orthant_linalg::{LinalgError, Mat, MatRef, product, spectrum};
use orthant_network::SignPattern;

use crate::cells::Arrangement;
use crate::frame::{Frame, input_tolerance};
use crate::progress::Reporter;

/// A vector of the label space that is the activation of an affine function of the inputs.
#[derive(Debug, Clone)]
pub struct PatternUnit {
    /// Coordinates of the activations in [`Frame::extended`], of unit norm.
    pub combination: Vec<f64>,
    /// Coordinates of the values before the activation in [`Frame::inputs`].
    pub direction: Vec<f64>,
    /// The values before the activation, one for each sample.
    pub values: Vec<f64>,
    /// The pattern of the cell. Samples with value 0 may be on either side.
    pub pattern: SignPattern,
    /// Dimension of the combinations that satisfy the linear conditions of the pattern. Beyond 1 the unit is one of many.
    pub freedom: usize,
}

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The units span the label space.
    Found,
    /// All patterns have been tried, and the units that exist do not span the label space: no network of this width fits.
    Exhausted,
    /// The caller asked to stop.
    Stopped,
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct Exhaustive {
    /// Units, independent of each other and of the constant if there is an output bias.
    pub units: Vec<PatternUnit>,
    /// Patterns tried.
    pub n_patterns: u64,
    /// Patterns whose linear conditions have a solution.
    pub n_solvable: u64,
    /// Why it ended.
    pub ending: Ending,
}

/// Why a search could not be made.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExhaustiveError {
    /// The conditions are linear for max(t, 0) and for two slopes of the same sign only.
    #[error("the sign patterns decide for max(t, 0) and for leaky ReLU with a positive slope only")]
    Activation,
    /// A factorisation overflowed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

/// Patterns between two reports.
const REPORT_EVERY: u64 = 1024;

/// Tries every sign pattern of the label space for units until they span it.
///
/// # Guarantee
/// With [`Ending::Found`] there are k independent vectors of the label space z = f(t), t affine in the inputs, to
/// [`Frame::zero_tolerance`] of their largest entry. With [`Ending::Exhausted`] no k exist: every pattern was refuted, most of
/// them by singular values above [`Frame::null_tolerance`], the others by a linear programme. Both hold to the error of the frame.
/// The units of an exhausted search are units, but there may be more: without its partners, a unit need not have the pattern
/// of a cell.
///
/// # Errors
/// [`ExhaustiveError`].
///
/// # Cost
/// At most [`n_patterns_generic`](crate::cells::n_patterns_generic) patterns. Each costs a rank of a few of its inactive samples,
/// O(k³); the few that survive it an SVD, 2nr² + 2nk² operations, and at most 2k programmes.
///
/// # Paper
/// Algorithm 3, with Algorithm 2 for each pattern S. It runs once through the patterns: one that allows no vector
/// independent of y¹, …, yⁱ allows none when there are more of them, so that starting anew for each i finds the same.
///
/// - Patterns are those of full-dimensional cells, where Lemma 12 counts the sets {j : (wV₀)_j > 0} of all w. None is lost. If k
///   units exist, their activations span the label space and are not negative, so in their coordinates rows
///   q_j are not negative. From w = e_i a small step along −(1, …, 1) makes every row that unit i does not need
///   negative, and the cell reached has the pattern of unit i. For leaky ReLU a closed cell has the right equations.
/// - The linear conditions come first, as a null space: z_j = 0 off S and z_j = t_j on S.
/// - Signs are required as ≥ 0 instead of ≥ 1: then z = f(t) just the same, and a value on the kink is allowed.
/// - Remark 13 makes f(y)(I − P) ≠ 0 linear by 2n programmes, ± each sample. Here it is ± each vector of an orthonormal
///   basis of what the solutions of the linear conditions leave of themselves outside the span so far, of dimension p ≤ k − i: a
///   vector is independent if and only if one of these coordinates is not zero, and it scales to ±1. So 2p programmes do.
pub fn search(frame: &Frame, reporter: &mut Reporter<'_>) -> Result<Exhaustive, ExhaustiveError> {
    let slope = match frame.activation().negative_slope() {
        None if frame.activation().is_relu() => None,
        Some(slope) if slope > 0.0 => Some(slope),
        _ => return Err(ExhaustiveError::Activation),
    };
    let mut known = Known::new(frame);
    let mut answer =
        Exhaustive { units: Vec::new(), n_patterns: 0, n_solvable: 0, ending: Ending::Exhausted };
    if frame.k() == 0 {
        answer.ending = Ending::Found;
        return Ok(answer);
    }
    let arrangement = Arrangement::new(frame.extended(), frame.null_tolerance())?;
    let flow = arrangement.visit(|cell| -> ControlFlow<Result<Ending, LinalgError>> {
        if answer.n_patterns.is_multiple_of(REPORT_EVERY) {
            let done = usize::try_from(answer.n_patterns).unwrap_or(usize::MAX);
            if reporter.report("all patterns", answer.units.len(), frame.k(), done).is_err() {
                return ControlFlow::Break(Ok(Ending::Stopped));
            }
        }
        answer.n_patterns += 1;
        if slope.is_none() && has_full_rank(frame, |j| !cell.is_active(j)) {
            return ControlFlow::Continue(());
        }
        let tried = Conditions::solve(frame, cell.pattern(), slope).and_then(|conditions| {
            let Some(conditions) = conditions else { return Ok(()) };
            answer.n_solvable += 1;
            while answer.units.len() < frame.k() {
                let Some(unit) = conditions.independent_unit(frame, &known)? else { break };
                known.add(&unit.combination);
                answer.units.push(unit);
            }
            Ok(())
        });
        match tried {
            Err(error) => ControlFlow::Break(Err(error)),
            Ok(()) if answer.units.len() == frame.k() => ControlFlow::Break(Ok(Ending::Found)),
            Ok(()) => ControlFlow::Continue(()),
        }
    });
    if let ControlFlow::Break(ending) = flow {
        answer.ending = ending?;
    }
    Ok(answer)
}

/// Whether the labels of some samples certainly have full rank, so that no combination vanishes on all of them.
///
/// The first rows that are far enough from the span of those before them give a triangle R; its least singular value is at
/// least |det R| / |R|^(K − 1), and that of more rows is no smaller.
fn has_full_rank(frame: &Frame, chosen: impl Fn(usize) -> bool) -> bool {
    let q = frame.extended();
    let (n, width) = q.shape();
    let mut basis: Vec<f64> = Vec::with_capacity(width * width);
    let (mut determinant, mut square) = (1.0f64, 0.0f64);
    let mut row = vec![0.0; width];
    for j in (0..n).filter(|&j| chosen(j)) {
        let mut size = 0.0;
        for (i, value) in row.iter_mut().enumerate() {
            *value = q[(j, i)];
            size += *value * *value;
        }
        for direction in basis.chunks_exact(width) {
            let along: f64 = row.iter().zip(direction).map(|(a, b)| a * b).sum();
            row.iter_mut().zip(direction).for_each(|(a, b)| *a -= along * b);
        }
        let rest = product::norm(&row);
        // A part in a hundred of the row: enough for a good bound, and nearly every row has it.
        if rest <= 0.01 * size.sqrt() {
            continue;
        }
        basis.extend(row.iter().map(|x| x / rest));
        determinant *= rest;
        square += size;
        if basis.len() == width * width {
            return determinant > 2.0 * frame.null_tolerance() * square.sqrt().powi(width as i32 - 1);
        }
    }
    false
}

/// The span of the units found, and of the constant if there is an output bias.
struct Known {
    vectors: Vec<Vec<f64>>,
    width: usize,
}

impl Known {
    fn new(frame: &Frame) -> Known {
        let width = frame.extended().ncols();
        let mut known = Known { vectors: Vec::new(), width };
        if width > frame.k() {
            known.vectors.push((0..width).map(|i| f64::from(u8::from(i + 1 == width))).collect());
        }
        known
    }

    fn add(&mut self, combination: &[f64]) {
        self.vectors.push(combination.to_vec());
    }

    /// Whether a combination of unit norm is outside the span, beyond the tolerance of the frame.
    fn excludes(&self, frame: &Frame, combination: &[f64]) -> bool {
        let w = Mat::from_fn(self.width, 1, |i, _| combination[i]);
        product::frobenius(self.remove_from(w.as_ref()).as_ref()) > frame.zero_tolerance()
    }

    /// Takes the span off the columns of `w`.
    fn remove_from(&self, w: MatRef<'_, f64>) -> Mat<f64> {
        let mut rest = w.to_owned();
        if !self.vectors.is_empty() {
            let basis =
                Qr::factor(Mat::from_fn(self.width, self.vectors.len(), |i, j| self.vectors[j][i])).thin_q();
            let along = product::matmul(basis.transpose(), w);
            product::matmul_add(rest.as_mut(), -1.0, basis.as_ref(), along.as_ref());
        }
        rest
    }
}

/// The solutions of the linear conditions of a pattern: z = Q W c, t = X (Y c + N u).
struct Conditions {
    pattern: SignPattern,
    /// W, orthonormal, K × p with p ≥ 1.
    combinations: Mat<f64>,
    /// \[Y, N\], r × (p + the dimension of directions that vanish on the samples that count).
    directions: Mat<f64>,
    /// Whether values off the pattern follow from the equations.
    two_slopes: bool,
}

impl Conditions {
    /// `None` when z = 0 is the only solution.
    fn solve(
        frame: &Frame,
        pattern: SignPattern,
        slope: Option<f64>,
    ) -> Result<Option<Conditions>, LinalgError> {
        let (q, x) = (frame.extended(), frame.inputs());
        let active: Vec<usize> = pattern.active().collect();
        let inactive: Vec<usize> = pattern.inactive().collect();
        let pick =
            |a: MatRef<'_, f64>, rows: &[usize]| Mat::from_fn(rows.len(), a.ncols(), |j, i| a[(rows[j], i)]);
        if slope.is_none() && active.is_empty() {
            return Ok(None);
        }
        // The equations t = z on S, or on all samples t = z and a t = z.
        let (inputs, values) = match slope {
            None => (pick(x, &active), pick(q, &active)),
            Some(slope) => {
                let mut scale = vec![slope; frame.n()];
                active.iter().for_each(|&j| scale[j] = 1.0);
                (Mat::from_fn(frame.n(), x.ncols(), |j, i| scale[j] * x[(j, i)]), q.to_owned())
            }
        };
        let n_equations = inputs.nrows();
        let factor = RankRevealing::new(inputs, input_tolerance(n_equations, x.ncols()))?;
        let off: &[usize] = if slope.is_none() { &inactive } else { &[] };
        let mut matrix = Mat::zeros(off.len() + n_equations, q.ncols());
        matrix.as_mut().subrows_mut(0, off.len()).copy_from(pick(q, off));
        matrix.as_mut().subrows_mut(off.len(), n_equations).copy_from(factor.complement(values.as_ref()));
        let svd = spectrum::thin_svd(matrix.as_ref())?;
        let rank = svd.s.iter().take_while(|&&s| s > frame.null_tolerance()).count();
        if rank == q.ncols() {
            return Ok(None);
        }
        let combinations = null_basis(svd.v.as_ref(), rank);
        let p = combinations.ncols();
        let solved = factor.solve(product::matmul(values.as_ref(), combinations.as_ref()).as_ref());
        let free = factor.null_space();
        let directions =
            Mat::from_fn(
                x.ncols(),
                p + free.ncols(),
                |i, c| {
                    if c < p { solved[(i, c)] } else { free[(i, c - p)] }
                },
            );
        Ok(Some(Conditions { pattern, combinations, directions, two_slopes: slope.is_some() }))
    }

    /// A solution with the signs of the pattern that is independent of the known ones.
    fn independent_unit(&self, frame: &Frame, known: &Known) -> Result<Option<PatternUnit>, LinalgError> {
        let p = self.combinations.ncols();
        let new = spectrum::thin_svd(known.remove_from(self.combinations.as_ref()).as_ref())?;
        let n_new = new.s.iter().take_while(|&&s| s > frame.zero_tolerance()).count();
        let (g, slack) = self.signs(frame);
        let (n_signs, unknowns) = g.shape();
        for coordinate in 0..n_new {
            for sign in [1.0, -1.0] {
                // Scaled so that the coordinate has unit coefficients.
                let rows = Mat::from_fn(n_signs + 1, unknowns, |row, c| match (row < n_signs, c < p) {
                    (true, _) => g[(row, c)],
                    (false, true) => sign * new.v[(c, coordinate)],
                    (false, false) => 0.0,
                });
                let mut bounds = vec![-slack; n_signs];
                bounds.push(1.0);
                let solution = match least_distance(rows.as_ref(), &bounds) {
                    Ok(solution) => solution,
                    Err(LinalgError::Infeasible { .. }) => continue,
                    Err(error) => return Err(error),
                };
                // A large solution gains its coordinate from the slack alone.
                if let Some(unit) =
                    self.unit(frame, &solution).filter(|unit| known.excludes(frame, &unit.combination))
                {
                    return Ok(Some(unit));
                }
            }
        }
        Ok(None)
    }

    /// The sign conditions as rows of G ≥ −slack; those that say 0 ≥ 0 to rounding are left out.
    fn signs(&self, frame: &Frame) -> (Mat<f64>, f64) {
        let z = product::matmul(frame.extended(), self.combinations.as_ref());
        let t = product::matmul(frame.inputs(), self.directions.as_ref());
        let p = z.ncols();
        // The largest entry of z is 1/√n at least, so that what the slack lets through is within the tolerance of `unit`.
        let slack = frame.zero_tolerance() / (4.0 * (frame.n() as f64).sqrt());
        let mut rows: Vec<Vec<f64>> = Vec::new();
        let mut add = |row: Vec<f64>| {
            if product::norm(&row) > slack {
                rows.push(row);
            }
        };
        for j in self.pattern.active() {
            add((0..t.ncols()).map(|c| if c < p { z[(j, c)] } else { 0.0 }).collect());
        }
        for j in self.pattern.inactive() {
            if self.two_slopes {
                add((0..t.ncols()).map(|c| if c < p { -z[(j, c)] } else { 0.0 }).collect());
            } else {
                add((0..t.ncols()).map(|c| -t[(j, c)]).collect());
            }
        }
        (Mat::from_fn(rows.len(), t.ncols(), |row, c| rows[row][c]), slack)
    }

    /// The unit of a solution; `None` when z is not f(t) to the tolerance of the frame.
    fn unit(&self, frame: &Frame, solution: &[f64]) -> Option<PatternUnit> {
        let p = self.combinations.ncols();
        let norm = product::norm(&solution[..p]);
        let c = Mat::from_fn(solution.len(), 1, |i, _| solution[i] / norm);
        let combination = product::matmul(self.combinations.as_ref(), c.as_ref().subrows(0, p));
        let direction = product::matmul(self.directions.as_ref(), c.as_ref());
        let z = product::matmul(frame.extended(), combination.as_ref());
        let t = product::matmul(frame.inputs(), direction.as_ref());
        let largest = (0..frame.n()).fold(0.0f64, |s, j| s.max(t[(j, 0)].abs()).max(z[(j, 0)].abs()));
        let fits = (0..frame.n()).all(|j| {
            (z[(j, 0)] - frame.activation().value(t[(j, 0)])).abs() <= frame.zero_tolerance() * largest
        });
        let column = |a: &Mat<f64>| (0..a.nrows()).map(|i| a[(i, 0)]).collect::<Vec<f64>>();
        (fits && largest > 0.0).then(|| PatternUnit {
            combination: column(&combination),
            direction: column(&direction),
            values: column(&t),
            pattern: self.pattern.clone(),
            freedom: p,
        })
    }
}

/// Orthonormal basis of the complement of the first `rank` of a set of orthonormal columns.
fn null_basis(v: MatRef<'_, f64>, rank: usize) -> Mat<f64> {
    let width = v.nrows();
    let mut padded = Mat::zeros(width, rank + width);
    padded.as_mut().subcols_mut(0, rank).copy_from(v.subcols(0, rank));
    padded.as_mut().subcols_mut(rank, width).copy_from(Mat::<f64>::identity(width, width));
    Qr::factor(padded).thin_q().as_ref().subcols(rank, width - rank).to_owned()
}

#[cfg(test)]
mod tests;
