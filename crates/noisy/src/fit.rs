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

use orthant_estimate::progress::Reporter;
use orthant_linalg::{product, tolerance};
use orthant_network::{Network, Samples};

pub use clipping::Clipping;
pub use information::{Information, information};
pub use residuals::{Residuals, residuals};
pub use standard_errors::StandardErrors;

use crate::error::NoisyError;
use curvature::{Curvature, Step};
use evaluate::Evaluation;
use weights::{Shape, Weights};

/// Settings of [`fit()`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FitSettings {
    /// Steps at most. Default 100; from a start in the basin 4 to 20 suffice.
    pub max_steps: usize,
    /// Distance to the optimum at which the iteration ends, in standard errors: root mean square over all directions of weight
    /// space. Errors of estimate and iteration add in quadrature, so the default of 0.01 costs 0.005 % in accuracy.
    pub tolerance: f64,
}

impl Default for FitSettings {
    fn default() -> FitSettings {
        FitSettings { max_steps: 100, tolerance: 0.01 }
    }
}

/// A local optimum.
#[derive(Debug, Clone)]
pub struct Fit {
    /// The network at the optimum, in normal form, units in the order of the start.
    pub network: Network,
    /// Sum of squared residuals.
    pub loss: f64,
    /// Steps taken.
    pub steps: usize,
    /// Passes over the samples, those that form a matrix included.
    pub passes: usize,
    /// Whether the iteration arrived before the steps ran out.
    pub converged: bool,
}

/// Hidden layers of up to this many weights have their Gauss-Newton system formed and factored.
const MAX_DENSE: usize = 256;

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
/// Gauss-Newton system, n(kd + k)² operations; beyond, it takes at most six products with that matrix, 2k(3d + 4m) operations for
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
    let mut state = State::new(samples, Weights::of(start), &shape, clipping)?;
    let mut steps = 0;
    let mut converged = false;
    while steps < settings.max_steps && !converged {
        reporter.report("refinement", shape.k, shape.k, steps)?;
        steps += 1;
        converged = state.advance(settings.tolerance)?;
    }
    let network = state.weights.network(&shape)?;
    Ok(Fit { network, loss: state.point.loss, steps, passes: state.passes, converged })
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
    samples: Samples<'a>,
    shape: &'a Shape,
    clipping: Option<&'a Clipping>,
    curvature: Option<Curvature<'a>>,
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
    fn new(
        samples: &Samples<'a>,
        weights: Weights,
        shape: &'a Shape,
        clipping: Option<&'a Clipping>,
    ) -> Result<State<'a>, NoisyError> {
        let point = Evaluation::at(samples, &weights, shape, clipping);
        if !point.loss.is_finite() || !point.gradient.is_finite() {
            return Err(NoisyError::Overflow);
        }
        let dense = shape.k * shape.h() <= MAX_DENSE;
        let unit = tolerance::EPS * product::frobenius(samples.a());
        let terms = (shape.h() + shape.q()) as f64;
        Ok(State {
            samples: *samples,
            shape,
            clipping,
            curvature: (!dense).then(|| Curvature::new(samples, shape, clipping)),
            weights,
            point,
            damping: FIRST_DAMPING,
            failures: 0,
            passes: 1,
            rounding: terms * unit * unit,
        })
    }

    /// One step; returns whether the iteration has arrived.
    fn advance(&mut self, tolerance: f64) -> Result<bool, NoisyError> {
        if self.point.loss == 0.0 {
            return Ok(true);
        }
        let Some(step) = self.step() else { return Ok(self.fail()) };
        // The variance of the noise, were this the optimum. Moving by one standard error along one direction changes the loss by
        // one variance.
        let unknowns = self.shape.degrees_of_freedom();
        let variance =
            self.point.loss / (self.samples.n() * self.shape.m).saturating_sub(unknowns).max(1) as f64;
        let negligible = tolerance * tolerance * unknowns as f64 * variance;
        // Damping shortens steps by 1 + damping at most.
        let arrived = step.decrease * (1.0 + self.damping) <= negligible;
        let before = self.point.loss;
        if self.accept(1.0, &step) {
            let gain = (before - self.point.loss) / step.decrease;
            if gain > 0.75 {
                self.damping = (self.damping / 8.0).max(LEAST_DAMPING);
            } else if gain < 0.25 {
                self.damping *= 4.0;
            }
            return Ok(self.count(before, negligible) || arrived);
        }
        if arrived {
            return Ok(true);
        }
        self.passes += 1;
        let losses = evaluate::losses_along(
            &self.samples,
            &self.weights,
            &step.direction,
            &FRACTIONS,
            self.shape,
            self.clipping,
        );
        let best = losses.iter().zip(FRACTIONS).filter(|(loss, _)| **loss < before);
        let best = best.min_by(|a, b| a.0.total_cmp(b.0)).map(|(_, fraction)| fraction);
        self.damping *= 8.0;
        match best {
            Some(fraction) if self.accept(fraction, &step) => Ok(self.count(before, negligible)),
            _ => Ok(self.fail()),
        }
    }

    fn step(&mut self) -> Option<Step> {
        match &self.curvature {
            Some(curvature) => {
                let step = curvature.step(&self.point, &self.weights, self.shape, self.damping);
                self.passes += step.as_ref().map_or(0, |step| step.products);
                step
            }
            None => {
                self.passes += 1;
                let information = Information::at(&self.samples, &self.weights, self.shape, self.clipping);
                information.step(&self.point.gradient, self.damping)
            }
        }
    }

    /// Moves when that lowers the loss.
    fn accept(&mut self, fraction: f64, step: &Step) -> bool {
        let weights = self.weights.moved(fraction, &step.direction);
        self.passes += 1;
        let point = Evaluation::at(&self.samples, &weights, self.shape, self.clipping);
        let better = point.loss < self.point.loss && point.gradient.is_finite();
        if better {
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
