//! Refinement of a whole network to the least-squares optimum, from samples that are streamed block by block.
//!
//! The optimum over (V, b, U, c) of |U f(VX + b) + c − A|² is the maximum-likelihood estimate when the labels have Gaussian errors
//! of one variance. [`fit()`] finds it from a start in its basin, [`information()`] says how well the samples determine each weight
//! there, and [`residuals()`] estimates the variance. Memory does not depend on the number of samples.

mod block;
mod clipping;
mod curvature;
mod dense;
mod evaluate;
mod information;
mod pass;
mod residuals;
mod standard_errors;
mod weights;

use std::cmp::Ordering;

use orthant_estimate::progress::Reporter;
use orthant_linalg::{Mat, tolerance};
use orthant_network::{Network, Samples};

pub use clipping::Clipping;
pub use information::{Information, information};
pub use residuals::{Residuals, residuals};
pub use standard_errors::StandardErrors;

use crate::error::NoisyError;
use curvature::{Curvature, Step};
use evaluate::Evaluation;
use pass::{BLOCK, Source};
use weights::{Shape, Weights};

/// Settings of [`fit()`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FitSettings {
    /// Steps at most. Default 100; from a start in the basin 4 to 20 suffice.
    pub max_steps: usize,
    /// Distance to the optimum at which the iteration ends, in standard errors: root mean square over all directions of weight
    /// space. Errors of estimate and iteration add in quadrature, so the default of 0.03 costs 0.05 % in accuracy.
    pub tolerance: f64,
}

impl Default for FitSettings {
    fn default() -> FitSettings {
        FitSettings { max_steps: 100, tolerance: 0.03 }
    }
}

/// A local optimum.
#[derive(Debug, Clone)]
pub struct Fit {
    /// The network at the optimum, in normal form, units in the order of the start.
    pub network: Network,
    /// Sum of squared residuals.
    pub loss: f64,
    /// Steps taken, those on parts of the samples included.
    pub steps: usize,
    /// Passes over all samples, those that form a matrix included; passes over parts of them are not counted.
    pub passes: usize,
    /// Whether the iteration arrived before the steps ran out.
    pub converged: bool,
}

/// Hidden layers of up to this many weights have their Gauss-Newton system formed and factored.
const MAX_DENSE: usize = 256;

/// A part is one of so many blocks of the next larger one.
const PART: usize = 8;

/// A part has so many samples for each input, and so many labels for each weight, at least.
const LEAST_RATIO: usize = 30;

/// Tolerance, in the sense of [`FitSettings::tolerance`], for the optimum of a part: its own distance from that of all samples
/// is √7 standard errors of the latter.
const PART_TOLERANCE: f64 = 0.3;

/// The coupling of layers is computed anew after a step that lowers the loss by more than this share.
const STALE: f64 = 0.1;

/// Damping of the first step, relative to the diagonal.
const FIRST_DAMPING: f64 = 1e-3;

/// Damping is not lowered below this share: it costs nothing against the convergence of Gauss-Newton steps at kinks.
const LEAST_DAMPING: f64 = 1e-9;

/// A step that is too long is tried at these fractions, all of them in one pass.
const FRACTIONS: [f64; 6] = [0.5, 0.25, 0.1, 0.03, 0.01, 0.001];

/// Steps in a row without an improvement that matters, after which the point counts as optimal.
const MAX_FAILURES: usize = 3;

/// Refines a network to the least-squares optimum.
///
/// The hidden and the output biases that `start` has are free, those that it does not have stay away; give zeros for biases that
/// are to be found. With `clipping`, residuals at bounds are one-sided.
///
/// # Shapes
/// `start` has the inputs and outputs of the samples, and any number k of units; the result has the same; `clipping` has bounds
/// for m outputs.
///
/// # Guarantee
/// The loss never grows, and the result has the same bits for every number of threads. With E = 0 and a start in the basin of the
/// true network, the result is exact to rounding; with Gaussian errors it is the local maximum-likelihood estimate.
///
/// # Errors
/// [`NoisyError::Dimension`] when samples, network and bounds do not fit; [`NoisyError::Activation`] when the activation's slope is
/// infinite at 0; [`NoisyError::Overflow`] when the start's squared residuals are not finite. Running out of steps is not an
/// error: [`Fit::converged`] tells.
///
/// # Cost
/// A step evaluates loss and gradient, 2k(2d + 3m + 2k) operations for each sample. With kd up to 256 it also forms the
/// Gauss-Newton system, n(kd + k)² operations; beyond, it takes at most five products with that matrix, 2k(3d + 4m) operations for
/// each sample. Memory is that of 16 blocks of 512 samples and as many gradients, or of 4 matrices.
///
/// # Paper
/// Not in the paper: section D ends with the regression for U (Lemma 61), which leaves the error of V where it was.
pub fn fit(
    samples: &Samples<'_>,
    start: &Network,
    clipping: Option<&Clipping>,
    settings: &FitSettings,
    reporter: &mut Reporter<'_>,
) -> Result<Fit, NoisyError> {
    check(samples, start, clipping)?;
    let shape = Shape::of(start);
    let source = Source::new(samples, clipping);
    let first = Weights::of(start);
    let (mut steps, mut passes) = (0, 0);
    let mut weights = first.clone();
    for stride in strides(&source, &shape) {
        let mut state = State::new(Source { stride, ..source }, weights, &shape)?;
        let mut converged = false;
        while steps < settings.max_steps && !converged {
            reporter.report("refinement", shape.k, shape.k, steps)?;
            steps += 1;
            converged = state.advance(PART_TOLERANCE.max(settings.tolerance))?;
        }
        weights = state.weights;
    }
    if weights != first {
        passes += 1;
        let losses = evaluate::losses(&source, &[first.clone(), weights.clone()], &shape);
        if !losses[0].is_finite() {
            return Err(NoisyError::Overflow);
        }
        if losses[1].partial_cmp(&losses[0]) != Some(Ordering::Less) {
            weights = first;
        }
    }
    let mut state = State::new(source, weights, &shape)?;
    let mut converged = false;
    while steps < settings.max_steps && !converged {
        reporter.report("refinement", shape.k, shape.k, steps)?;
        steps += 1;
        converged = state.advance(settings.tolerance)?;
    }
    let network = state.weights.network(&shape)?;
    Ok(Fit { network, loss: state.point.loss, steps, passes: passes + state.passes, converged })
}

/// The parts of the samples that are fitted before all of them: one block of so many, fewer each time. The optimum of a part
/// is within a few standard errors of that of all, for a small share of the cost.
fn strides(source: &Source<'_>, shape: &Shape) -> Vec<usize> {
    let wanted =
        (LEAST_RATIO * shape.h()).max((LEAST_RATIO * shape.degrees_of_freedom()).div_ceil(shape.m.max(1)));
    let enough = |stride: &usize| source.samples.n() / stride >= wanted.max(2 * BLOCK);
    let mut strides: Vec<usize> =
        std::iter::successors(Some(PART), |stride| stride.checked_mul(PART)).take_while(enough).collect();
    strides.reverse();
    strides
}

fn check(samples: &Samples<'_>, network: &Network, clipping: Option<&Clipping>) -> Result<(), NoisyError> {
    for (what, found, expected) in
        [("number of inputs", samples.d(), network.d()), ("number of outputs", samples.m(), network.m())]
    {
        if found != expected {
            return Err(NoisyError::Dimension { what, found, expected });
        }
    }
    if !network.activation().derivative(f64::MIN_POSITIVE).is_finite()
        || network.activation().degree().is_some_and(|degree| degree < 1.0)
    {
        return Err(NoisyError::Activation { method: "refinement", activation: network.activation().name() });
    }
    Clipping::check(clipping, samples.m())
}

/// Where the iteration is.
struct State<'a> {
    source: Source<'a>,
    n: usize,
    shape: &'a Shape,
    curvature: Option<Curvature<'a>>,
    /// Coupling of layers that the preconditioner uses, until it is stale.
    coupling: Option<Vec<Mat<f64>>>,
    weights: Weights,
    point: Evaluation,
    damping: f64,
    /// Steps in a row without an improvement that matters.
    failures: usize,
    passes: usize,
    /// The loss that rounding of predictions makes: each is a sum of products over inputs and units.
    rounding: f64,
}

impl<'a> State<'a> {
    fn new(source: Source<'a>, weights: Weights, shape: &'a Shape) -> Result<State<'a>, NoisyError> {
        let point = Evaluation::at(&source, &weights, shape);
        if !point.loss.is_finite() || !point.gradient.is_finite() {
            return Err(NoisyError::Overflow);
        }
        let dense = shape.k * shape.h() <= MAX_DENSE;
        let terms = (shape.h() + shape.q()) as f64;
        Ok(State {
            n: source.n(),
            source,
            shape,
            curvature: (!dense).then(|| Curvature::new(&source, shape)),
            coupling: None,
            rounding: terms * tolerance::EPS * tolerance::EPS * point.labels,
            weights,
            point,
            damping: FIRST_DAMPING,
            failures: 0,
            passes: 1,
        })
    }

    /// One step; returns whether the iteration has arrived.
    fn advance(&mut self, tolerance: f64) -> Result<bool, NoisyError> {
        if self.point.loss == 0.0 {
            return Ok(true);
        }
        // The variance of the noise, were this the optimum. Moving by one standard error along one direction changes the loss by
        // one variance.
        let unknowns = self.shape.degrees_of_freedom();
        let variance = self.point.loss / (self.n * self.shape.m).saturating_sub(unknowns).max(1) as f64;
        let negligible = tolerance * tolerance * unknowns as f64 * variance;
        let Some(step) = self.step(negligible) else { return Ok(self.fail()) };
        // Damping shortens steps by 1 + damping at most.
        let arrived = step.decrease * (1.0 + self.damping) <= negligible;
        if arrived {
            return Ok(true);
        }
        let before = self.point.loss;
        if self.accept(1.0, &step) {
            let gain = (before - self.point.loss) / step.decrease;
            if gain > 0.75 {
                self.damping = (self.damping / 8.0).max(LEAST_DAMPING);
            } else if gain < 0.25 {
                self.damping *= 4.0;
            }
            return Ok(self.count(before, negligible));
        }
        self.passes += 1;
        let losses =
            evaluate::losses_along(&self.source, &self.weights, &step.direction, &FRACTIONS, self.shape);
        let best = losses.iter().zip(FRACTIONS).filter(|(loss, _)| **loss < before);
        let best = best.min_by(|a, b| a.0.total_cmp(b.0)).map(|(_, fraction)| fraction);
        self.damping *= 8.0;
        match best {
            Some(fraction) if self.accept(fraction, &step) => Ok(self.count(before, negligible)),
            _ => Ok(self.fail()),
        }
    }

    fn step(&mut self, negligible: f64) -> Option<Step> {
        let Some(curvature) = &self.curvature else {
            self.passes += 1;
            let information = Information::at(&self.source, &self.weights, self.shape);
            return information.step(&self.point.gradient, self.damping);
        };
        let coupling = self.coupling.get_or_insert_with(|| curvature.coupling(&self.weights, self.shape));
        let step = curvature.step(&self.point, &self.weights, self.shape, coupling, self.damping, negligible);
        self.passes += step.as_ref().map_or(0, |step| step.products);
        step
    }

    /// Moves when that lowers the loss.
    fn accept(&mut self, fraction: f64, step: &Step) -> bool {
        let weights = self.weights.moved(fraction, &step.direction);
        self.passes += 1;
        let point = Evaluation::at(&self.source, &weights, self.shape);
        let better = point.loss < self.point.loss && point.gradient.is_finite();
        if better {
            if point.loss < (1.0 - STALE) * self.point.loss {
                self.coupling = None;
            }
            self.weights = weights;
            self.point = point;
        }
        better
    }

    /// Counts a step whose improvement is negligible; returns whether it was the last. The loss is smooth only between the kinks
    /// of the units at the samples, and once the model does not see the kinks that a step crosses, steps gain little.
    fn count(&mut self, before: f64, negligible: f64) -> bool {
        self.failures = if before - self.point.loss <= negligible { self.failures + 1 } else { 0 };
        let at_rounding = before <= self.rounding && self.point.loss > 0.5 * before;
        self.failures >= MAX_FAILURES || at_rounding
    }

    /// Counts a step without improvement; returns whether it was the last.
    fn fail(&mut self) -> bool {
        self.failures += 1;
        self.damping *= 16.0;
        self.failures >= MAX_FAILURES || self.point.loss <= self.rounding
    }
}
