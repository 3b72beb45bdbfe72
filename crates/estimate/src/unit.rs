//! Algorithm 6: from a sparsity pattern to the one unit that has it.

use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::spectrum;
use orthant_linalg::{LinalgError, Mat, MatRef, product, tolerance};
use orthant_network::SignPattern;

use crate::frame::{Frame, input_tolerance};

mod curved;
mod two_slope;

/// A hidden unit's activations, found as a vector of the label space.
#[derive(Debug, Clone)]
pub struct Unit {
    /// Coordinates of the activations in [`Frame::extended`].
    pub combination: Vec<f64>,
    /// Coordinates of the values before the rectifier in [`Frame::inputs`], of minimum norm where they are not determined.
    pub direction: Vec<f64>,
    /// The samples on which it is active.
    pub pattern: SignPattern,
    /// The activations, times the weights of the frame if it has any, scaled to unit norm; zero outside the pattern for rectified
    /// activations.
    pub activations: Vec<f64>,
    /// f(t) = amplitude · activations / weights for the values t before the activation that `direction` gives. 1 for activations with a
    /// degree, where the scale is free; otherwise identified together with the direction.
    pub amplitude: f64,
    /// Bound on the relative error of `amplitude`, and so on that of the size of `direction`, where they are identified; 0 for
    /// activations with a degree. It is large where the values before the activation are so small, or so large, that the activation
    /// is a power of them to the precision of the labels.
    pub scale_error: f64,
    /// Least singular value of the joint system (of the inactive samples alone, for activations that bend): zero, to the angle of the
    /// frame.
    pub null_residual: f64,
    /// The singular value above it (the system has norm at most 1): far from zero when the combination is unique.
    pub null_gap: f64,
    /// Rank of the active inputs, those on the kink not counted, at most the number of columns of [`Frame::inputs`].
    pub input_rank: usize,
}

/// Why a pattern is not that of one unit.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// Too few equations to determine a combination of labels, with some to spare as a check.
    #[error("{equations} equations for {unknowns} unknowns")]
    TooFewEquations {
        /// Inactive samples, and active ones beyond the rank of their inputs; with two slopes, all samples.
        equations: usize,
        /// Dimension of the extended label space; with two slopes, and of the inputs.
        unknowns: usize,
    },
    /// No combination of labels vanishes off the pattern and is linear on it.
    #[error("least singular value {residual:e} is above {allowed:e}")]
    NoSolution {
        /// The least singular value.
        residual: f64,
        /// The largest that counts as zero.
        allowed: f64,
    },
    /// More than one does.
    #[error("next singular value {gap:e} is below {needed:e}")]
    NotUnique {
        /// The singular value above the least.
        gap: f64,
        /// The smallest that counts as a gap.
        needed: f64,
    },
    /// The combination is negative somewhere, or not zero off the pattern.
    #[error("the combination does not have the pattern")]
    WrongPattern,
    /// A factorisation overflowed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

/// Equations beyond the number of unknowns that a pattern must offer: with fewer, a generic pattern could pass.
const SPARE_EQUATIONS: usize = 4;

/// Smallest ratio of the singular gap to what counts as zero: the combination is then known to this part of itself.
const GAP_RATIO: f64 = 100.0;

/// Finds the unit with a given pattern.
///
/// # Guarantee
/// The unit returned has a combination w of the extended labels with |Q_N w| and |(I − P)Q_S w| at most
/// [`Frame::null_tolerance`], where S is the pattern, N its complement and P projects on the active inputs; every other
/// combination of unit norm orthogonal to w violates these equations by `null_gap`. Its activations are positive on S and
/// zero on N to [`Frame::zero_tolerance`]. So w A is the rectification of an affine function of the inputs, and no other
/// one has this pattern. Samples on the kink itself (zero before the rectifier) are not needed for that: the gap stands without
/// them.
///
/// # Errors
/// [`Rejection`] says which of these fails.
///
/// # Cost
/// A QR of the active inputs, applied to the active labels, and a QR of the joint system: about
/// 2n_S r² + 4n_S r k + 2nk² operations.
///
/// # Paper
/// Algorithm 6, steps 3 and 5, as one system. The paper solves (wA)_j = 0 off the pattern under k normalisations (w)_r = 1
/// and then fits z X = w A on it; the least singular vector of both sets of equations at once needs no normalisation, uses
/// the active samples as well, and comes with the gap that says whether it is unique. Lemma 33 is the statement that for
/// generic inputs the first set alone determines w.
///
/// For other activations than max(t, 0) the active equations are not linear: then the first set determines w, and the values
/// before the activation are fitted to f⁻¹ of the activations (Appendix G.1). For leaky ReLU and |t|, z = t on S and z = s t on N
/// with the known slope s, and (w, v) is the least singular vector of these n equations.
pub fn unit_from_pattern(frame: &Frame, pattern: &SignPattern) -> Result<Unit, Rejection> {
    if let Some(slope) = frame.activation().negative_slope() {
        return two_slope::unit_from_pattern(frame, slope, pattern);
    }
    if !frame.activation().is_relu() {
        return curved::unit_from_pattern(frame, pattern);
    }
    let mut joint = JointSystem::solve(frame, pattern, None)?;
    joint.check_without_kink(frame)?;
    joint.into_unit(frame)
}

/// Follows an approximate unit to the exact one: pattern, joint system, values before the rectifier, pattern again, until it
/// repeats.
///
/// # Shapes
/// `preactivations` has length n: approximate values before the rectifier.
///
/// # Guarantee
/// That of [`unit_from_pattern`], for the pattern that it ends with.
///
/// # Errors
/// [`Rejection`] of the last pattern. The iteration stops after eleven patterns in any case.
///
/// # Cost
/// That of [`unit_from_pattern`] for each pattern, usually two or three.
///
/// # Paper
/// Not in the paper, whose Algorithm 6 needs the right pattern at once.
pub fn settle(frame: &Frame, preactivations: &[f64]) -> Result<Unit, Rejection> {
    if let Some(slope) = frame.activation().negative_slope() {
        return two_slope::settle(frame, slope, preactivations);
    }
    if !frame.activation().is_relu() {
        return curved::settle(frame, preactivations);
    }
    let mut pattern = SignPattern::of(preactivations.iter().copied());
    let start = Mat::from_fn(frame.n(), 1, |i, _| preactivations[i]);
    let mut direction = product::matmul(frame.inputs().transpose(), start.as_ref());
    let mut joint = JointSystem::solve(frame, &pattern, Some(&direction))?;
    for _ in 0..10 {
        let next = SignPattern::of(joint.preactivations(frame).into_iter());
        if next == pattern {
            break;
        }
        direction = Mat::from_fn(joint.direction.len(), 1, |i, _| joint.direction[i]);
        pattern = next;
        joint = JointSystem::solve(frame, &pattern, Some(&direction))?;
    }
    joint.check_without_kink(frame)?;
    joint.into_unit(frame)
}

/// The least singular vector of [Q_N; (I − P)Q_S], with the affine function that fits it on S.
struct JointSystem {
    pattern: SignPattern,
    combination: Vec<f64>,
    values: Vec<f64>,
    direction: Vec<f64>,
    residual: f64,
    gap: f64,
    input_rank: usize,
}

impl JointSystem {
    /// Makes sure that the combination is unique without the samples that lie on the kink.
    ///
    /// Two units that are active on the same samples have combinations that vanish at any one of these samples: each has a
    /// kink there, an equation more than its pattern has by right, and passes for a unit. In the same way a sample on the kink
    /// that is counted as active would determine a direction of the weights by t = 0, which is only an assumption: the rank of
    /// the active inputs is that without it.
    fn check_without_kink(&mut self, frame: &Frame) -> Result<(), Rejection> {
        let t = self.preactivations(frame);
        let largest = t.iter().fold(0.0f64, |s, t| s.max(t.abs()));
        let off_kink = |j: &usize| t[*j].abs() > frame.zero_tolerance() * largest;
        let active: Vec<usize> = self.pattern.active().filter(off_kink).collect();
        let inactive: Vec<usize> = self.pattern.inactive().filter(off_kink).collect();
        if active.len() + inactive.len() == frame.n() {
            return Ok(());
        }
        let system = System::assemble(frame, &active, &inactive)?;
        self.input_rank = system.inputs.rank().rank;
        let least = spectrum::least_singular(system.matrix)?;
        let needed = GAP_RATIO * frame.null_tolerance();
        if least.sigma_next < needed {
            return Err(Rejection::NotUnique { gap: least.sigma_next, needed });
        }
        Ok(())
    }

    /// Solves the system; where the active inputs leave directions undetermined, the values before the rectifier are those
    /// nearest to `guess`, or of minimum norm without one.
    fn solve(
        frame: &Frame,
        pattern: &SignPattern,
        guess: Option<&Mat<f64>>,
    ) -> Result<JointSystem, Rejection> {
        let unknowns = frame.extended().ncols();
        let active: Vec<usize> = pattern.active().collect();
        let inactive: Vec<usize> = pattern.inactive().collect();
        let System { inputs, matrix } = System::assemble(frame, &active, &inactive)?;
        let input_rank = inputs.rank().rank;
        let least = spectrum::least_singular(matrix)?;
        let mut w = Mat::from_fn(unknowns, 1, |i, _| least.vector[i]);
        let mut values = product::matmul(frame.extended(), w.as_ref());
        if active.iter().map(|&j| values[(j, 0)]).sum::<f64>() < 0.0 {
            w = -w;
            values = -values;
        }
        let target = Mat::from_fn(active.len(), 1, |i, _| values[(active[i], 0)]);
        let mut direction = inputs.solve(target.as_ref());
        if let Some(guess) = guess.filter(|_| input_rank < frame.inputs().ncols()) {
            let at_guess = product::matmul(pick_rows(frame.inputs(), &active).as_ref(), guess.as_ref());
            let scale = product::frobenius(target.as_ref())
                / product::frobenius(at_guess.as_ref()).max(f64::MIN_POSITIVE);
            let missing = Mat::from_fn(active.len(), 1, |i, _| target[(i, 0)] - scale * at_guess[(i, 0)]);
            let correction = inputs.solve(missing.as_ref());
            direction = Mat::from_fn(guess.nrows(), 1, |i, _| scale * guess[(i, 0)] + correction[(i, 0)]);
        }
        Ok(JointSystem {
            pattern: pattern.clone(),
            combination: column(&w),
            values: column(&values),
            direction: column(&direction),
            residual: least.sigma_min,
            gap: least.sigma_next,
            input_rank,
        })
    }

    fn preactivations(&self, frame: &Frame) -> Vec<f64> {
        let direction = Mat::from_fn(self.direction.len(), 1, |i, _| self.direction[i]);
        column(&product::matmul(frame.inputs(), direction.as_ref()))
    }

    fn into_unit(self, frame: &Frame) -> Result<Unit, Rejection> {
        let allowed = frame.null_tolerance();
        if self.residual > allowed {
            return Err(Rejection::NoSolution { residual: self.residual, allowed });
        }
        let needed = GAP_RATIO * allowed.max(self.residual);
        if self.gap < needed {
            return Err(Rejection::NotUnique { gap: self.gap, needed });
        }
        let largest = self.values.iter().fold(0.0f64, |s, v| s.max(v.abs()));
        let zero = frame.zero_tolerance() * largest;
        let is_zero = |j: usize| self.values[j].abs() <= zero;
        let signs_fit =
            self.pattern.active().all(|j| self.values[j] >= -zero) && self.pattern.inactive().all(is_zero);
        // Where the weights are determined, the affine function itself must be inactive off the pattern.
        if self.input_rank == frame.inputs().ncols() {
            let t = self.preactivations(frame);
            let limit = frame.zero_tolerance() * t.iter().fold(0.0f64, |s, t| s.max(t.abs()));
            if self.pattern.inactive().any(|j| t[j] > limit) {
                return Err(Rejection::WrongPattern);
            }
        }
        let n_positive = self.values.iter().filter(|&&v| v > zero).count();
        if !signs_fit || n_positive == 0 {
            return Err(Rejection::WrongPattern);
        }
        let mut activations = vec![0.0; frame.n()];
        for j in self.pattern.active() {
            activations[j] = self.values[j].max(0.0);
        }
        let norm = product::norm(&activations);
        activations.iter_mut().for_each(|v| *v /= norm);
        Ok(Unit {
            combination: self.combination.iter().map(|w| w / norm).collect(),
            direction: self.direction.iter().map(|v| v / norm).collect(),
            pattern: self.pattern,
            activations,
            amplitude: 1.0,
            scale_error: 0.0,
            null_residual: self.residual,
            null_gap: self.gap,
            input_rank: self.input_rank,
        })
    }
}

/// The equations of a pattern: zero on some samples, affine in the inputs on others.
struct System {
    inputs: RankRevealing,
    matrix: Mat<f64>,
}

impl System {
    fn assemble(frame: &Frame, active: &[usize], inactive: &[usize]) -> Result<System, Rejection> {
        let unknowns = frame.extended().ncols();
        let too_few = |equations| Rejection::TooFewEquations { equations, unknowns };
        if unknowns == 0 || active.is_empty() || inactive.is_empty() {
            return Err(too_few(inactive.len()));
        }
        let inputs = RankRevealing::new(
            pick_rows(frame.inputs(), active),
            input_tolerance(active.len(), frame.inputs().ncols()),
        )?;
        let equations = inactive.len() + active.len() - inputs.rank().rank;
        if equations + 1 < unknowns + SPARE_EQUATIONS {
            return Err(too_few(equations));
        }
        let active_labels = pick_rows(frame.extended(), active);
        let mut matrix = Mat::zeros(inactive.len() + active.len(), unknowns);
        for j in 0..unknowns {
            for (row, &sample) in inactive.iter().enumerate() {
                matrix[(row, j)] = frame.extended()[(sample, j)];
            }
        }
        matrix
            .as_mut()
            .subrows_mut(inactive.len(), active.len())
            .copy_from(inputs.complement(active_labels.as_ref()));
        Ok(System { inputs, matrix })
    }
}

/// Carries units found on some of the samples over to all of them.
#[derive(Debug, Clone)]
pub struct Transfer {
    labels: RankRevealing,
    inputs: RankRevealing,
}

impl Transfer {
    /// Prepares the transfer from `samples` to the frame of all.
    ///
    /// # Errors
    /// [`LinalgError::NoConvergence`] on overflow.
    ///
    /// # Cost
    /// A QR of the extended labels on the samples, and one of the inputs.
    pub fn new(whole: &Frame, samples: &[usize]) -> Result<Transfer, LinalgError> {
        let labels = pick_rows(whole.extended(), samples);
        let inputs = pick_rows(whole.inputs(), samples);
        let rounding = tolerance::backward(labels.nrows(), labels.ncols());
        let varying = input_tolerance(inputs.nrows(), inputs.ncols());
        Ok(Transfer {
            labels: RankRevealing::new(labels, rounding)?,
            inputs: RankRevealing::new(inputs, varying)?,
        })
    }

    /// The unit of the whole frame that is the given one on the samples, whose frame is `part`.
    ///
    /// Where the samples determine its weights, these say where it is active on the others, better than its activations do, which
    /// cannot be told from zero near the kink.
    ///
    /// # Shapes
    /// `whole` is the frame that the transfer was made for, `part` the frame of its samples.
    ///
    /// # Errors
    /// [`Rejection`] when the labels of the other samples do not agree.
    ///
    /// # Cost
    /// That of [`settle`] on the whole frame where the samples determine the weights, of [`unit_from_pattern`] elsewhere.
    pub fn carry(&self, whole: &Frame, part: &Frame, unit: &Unit) -> Result<Unit, Rejection> {
        let determined =
            unit.input_rank == part.inputs().ncols() && self.inputs.rank().rank == whole.inputs().ncols();
        if determined {
            let direction = Mat::from_fn(unit.direction.len(), 1, |i, _| unit.direction[i]);
            let here = product::matmul(part.inputs(), direction.as_ref());
            let t = product::matmul(whole.inputs(), self.inputs.solve(here.as_ref()).as_ref());
            return settle(whole, t.col_as_slice(0));
        }
        let here = Mat::from_fn(unit.activations.len(), 1, |i, _| unit.activations[i]);
        let values = product::matmul(whole.extended(), self.labels.solve(here.as_ref()).as_ref());
        let largest = values.col_as_slice(0).iter().fold(0.0f64, |s, v| s.max(v.abs()));
        let zero = whole.zero_tolerance().max(1e-9) * largest;
        unit_from_pattern(whole, &SignPattern::of(values.col_as_slice(0).iter().map(|v| v - zero)))
    }
}

/// Whether two units are the same: activations that agree to the part of themselves to which they are known.
pub fn same_unit(first: &Unit, second: &Unit) -> bool {
    1.0 - product::dot(&first.activations, &second.activations) < 1e-6
}

fn pick_rows(a: MatRef<'_, f64>, rows: &[usize]) -> Mat<f64> {
    Mat::from_fn(rows.len(), a.ncols(), |i, j| a[(rows[i], j)])
}

fn column(a: &Mat<f64>) -> Vec<f64> {
    a.col(0).iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::random;
    use orthant_network::{BiasKind, Planted, PlantedSpec, Samples};

    fn planted(bias: BiasKind) -> (Planted, Frame) {
        let spec = PlantedSpec { m: 6, k: 4, d: 5, bias, seed: 2, ..PlantedSpec::default() };
        let p = spec.plant(60).expect("valid");
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let frame = Frame::new(&samples, bias, None).expect("finite").0;
        (p, frame)
    }

    #[test]
    fn the_pattern_of_a_unit_gives_its_activations() {
        for bias in [BiasKind::None, BiasKind::Hidden, BiasKind::Output, BiasKind::Both] {
            let (p, frame) = planted(bias);
            let t = p.network.preactivations(p.x.as_ref());
            for i in 0..4 {
                let pattern = SignPattern::of(t.row(i).iter().copied());
                let unit = unit_from_pattern(&frame, &pattern).expect("a unit of the network");
                let z: Vec<f64> = t.row(i).iter().map(|&t| t.max(0.0)).collect();
                let cosine = product::dot(&unit.activations, &z) / product::norm(&z);
                assert!(
                    (cosine - 1.0).abs() <= frame.null_tolerance() / unit.null_gap,
                    "{bias:?} {i}: {cosine}"
                );
            }
        }
    }

    #[test]
    fn a_perturbed_direction_settles_on_its_unit() {
        let (p, frame) = planted(BiasKind::Both);
        let t = p.network.preactivations(p.x.as_ref());
        let noise = random::gaussian_vec(60, &mut random::stream(3, "settle", 0));
        let near = t.row(1).iter().zip(&noise).map(|(t, e)| t + 0.05 * e).collect::<Vec<_>>();
        let unit = settle(&frame, &near).expect("near a unit");
        assert_eq!(unit.pattern, SignPattern::of(t.row(1).iter().copied()));
    }

    #[test]
    fn a_pattern_of_no_unit_is_refused() {
        let (_, frame) = planted(BiasKind::Both);
        let values = random::gaussian_vec(60, &mut random::stream(4, "settle", 0));
        let random_pattern = SignPattern::of(values.into_iter());
        assert!(matches!(unit_from_pattern(&frame, &random_pattern), Err(Rejection::NoSolution { .. })));
        let all = SignPattern::of((0..60).map(|_| 1.0));
        assert!(matches!(unit_from_pattern(&frame, &all), Err(Rejection::TooFewEquations { .. })));
    }

    #[test]
    fn a_sample_on_the_kink_determines_no_direction() {
        // The active inputs vary along the first coordinate only; the last sample, (0, 1), is on the kink of v = (1, 0).
        let x = Mat::from_fn(2, 40, |r, j| match (r, j) {
            (_, 39) => r as f64,
            (0, j) if j % 2 == 0 => 1.0 + j as f64 / 10.0,
            (0, j) => -1.0 - j as f64 / 7.0,
            (_, j) => {
                if j % 2 == 0 {
                    0.0
                } else {
                    (j % 5) as f64
                }
            }
        });
        let a = Mat::from_fn(1, 40, |_, j| x[(0, j)].max(0.0));
        let samples = Samples::new(x.as_ref(), a.as_ref()).expect("valid");
        let (frame, _) = Frame::new(&samples, BiasKind::None, None).expect("finite");
        for on_kink in [-1.0, 1.0] {
            let pattern = SignPattern::of((0..40).map(|j| if j == 39 { on_kink } else { x[(0, j)] }));
            assert_eq!(unit_from_pattern(&frame, &pattern).expect("a unit").input_rank, 1);
        }
    }
}
