//! What was measured under noise, and the verdict on it.

use std::fmt;

use orthant_exact::Verdict;
use orthant_network::{Activation, Network};
use serde::Serialize;

use crate::fit::StandardErrors;
use crate::precision::LabelPrecision;
use crate::width::WidthChoice;

/// A network fitted to labels with errors, with what the data say of its accuracy.
#[derive(Debug, Clone)]
pub struct NoisyRecovery {
    /// The network at the least-squares optimum; rows of V have unit norm where the activation has a degree.
    pub network: Network,
    /// Standard error of each weight; infinite where the data leave a weight open.
    pub standard_errors: StandardErrors,
    /// The evidence.
    pub report: NoiseReport,
}

/// What is to be said of one unit under noise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NoisyUnit {
    /// Samples on which it is active.
    pub active: usize,
    /// Samples on which it is inactive.
    pub inactive: usize,
    /// Standard deviation of what the unit adds to the labels over that of the errors, all outputs together: |u| std(f(t)) / (σ√m).
    pub signal_to_noise: f64,
    /// Standard error of the row of V with its bias, in radians where rows have unit norm: the root of the sum of its variances, that of
    /// the bias over the mean variance of the inputs.
    pub direction_error: f64,
    /// Standard error of the column of U, over its norm.
    pub output_error: f64,
    /// Whether the errors drown it: the standard error of its direction is above a quarter of a radian, or that of its output weights
    /// above half their norm.
    pub weak: bool,
}

impl NoisyUnit {
    /// Standard error of the direction, in radians, above which a unit is weak: the linearisation behind standard errors holds below it.
    pub const WEAK_DIRECTION: f64 = 0.25;

    /// Relative standard error of the output weights above which a unit is weak.
    pub const WEAK_OUTPUT: f64 = 0.5;
}

/// Why the verdict is not better, with the number behind it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum NoiseReason {
    /// Several starts ended at this optimum, samples not fitted agree, and every unit stands out of the errors.
    OptimumConfirmed,
    /// Several starts ended at this optimum and every unit stands out of the errors, but no sample was left to check it on.
    NothingHeldOut,
    /// Some units are drowned by the errors.
    WeakUnits {
        /// How many.
        units: usize,
    },
    /// One start only ended at the best optimum.
    NotConfirmed {
        /// Starts made.
        starts: usize,
    },
    /// What the network leaves is not of the size given for the errors.
    NotOfKnownNoise {
        /// Estimated standard deviation over the one given.
        ratio: f64,
    },
    /// The samples held out have larger residuals than chance explains.
    HoldoutDisagrees {
        /// Root mean square of their residuals over that of the samples fitted.
        ratio: f64,
    },
    /// The residuals are not errors of one size, independent of each other: the width may be too small.
    StructuredResiduals {
        /// Their largest singular value over the largest that such errors have.
        excess: f64,
    },
    /// The network explains too little of the labels that were not fitted.
    ExplainsLittle {
        /// The fraction of the labels' variance that is left.
        unexplained: f64,
    },
    /// The refinement over all samples ran out of steps before it arrived.
    NotConverged {
        /// Steps taken.
        steps: usize,
    },
    /// Wider networks could not be tried, for want of samples or of time.
    WidthLimited {
        /// The width returned.
        width: usize,
    },
    /// No unit improves on a constant by more than chance.
    NoUnit,
}

impl fmt::Display for NoiseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoiseReason::OptimumConfirmed => write!(
                f,
                "fitted to labels with errors: several starts end at this optimum, and the samples held out agree"
            ),
            NoiseReason::NothingHeldOut => write!(
                f,
                "fitted to labels with errors: several starts end at this optimum; no samples were held out to check it on"
            ),
            NoiseReason::WeakUnits { units } => {
                write!(
                    f,
                    "{units} unit(s) too weak for this noise: see their standard errors, and give more samples or a smaller width"
                )
            }
            NoiseReason::NotConfirmed { starts } => {
                write!(
                    f,
                    "1 of {starts} starts reached the best optimum, so there may be a better one: try another seed"
                )
            }
            NoiseReason::NotOfKnownNoise { ratio } if *ratio > 1.0 => write!(
                f,
                "the residual is {ratio:.2} times the noise given: the noise is larger, or no network of this width explains the labels"
            ),
            NoiseReason::NotOfKnownNoise { ratio } => {
                write!(f, "the residual is {ratio:.2} times the noise given: the noise is smaller")
            }
            NoiseReason::HoldoutDisagrees { ratio } => {
                write!(
                    f,
                    "the samples held out have {ratio:.2} times the residual that the fit predicts: too few samples, or errors of another kind"
                )
            }
            NoiseReason::StructuredResiduals { excess } => write!(
                f,
                "the residuals are not independent errors of one size (a singular value is {excess:.1} times what those have): the width is too small, or the errors are of another kind"
            ),
            NoiseReason::ExplainsLittle { unexplained } => {
                write!(
                    f,
                    "{:.0} % of the variance of the samples held out is unexplained: too few samples, or another activation",
                    100.0 * unexplained
                )
            }
            NoiseReason::NotConverged { steps } => {
                write!(
                    f,
                    "the refinement had not arrived after {steps} steps: standard errors are those of where it stopped"
                )
            }
            NoiseReason::WidthLimited { width } => write!(
                f,
                "more than {width} units were not tried: a given width has no such limit, and more samples raise it"
            ),
            NoiseReason::NoUnit => write!(
                f,
                "no unit improves on a constant by more than chance: more samples are needed if there is one"
            ),
        }
    }
}

/// What was measured on the way to the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct NoiseReport {
    /// [`Verdict::Approximate`] or [`Verdict::NotRecovered`]: labels with errors allow no other.
    pub verdict: Verdict,
    /// What the verdict rests on, or what keeps it from being better.
    pub reason: NoiseReason,
    /// Number of hidden units.
    pub width: usize,
    /// How the width was chosen; `None` when the caller gave it.
    pub width_choice: Option<WidthChoice>,
    /// The activation of the units.
    pub activation: Activation,
    /// Estimated standard deviation of the errors, with degrees of freedom taken off.
    pub noise_std: f64,
    /// The standard deviation given.
    pub noise_std_known: Option<f64>,
    /// What the entries of the labels show: rounding, clipping.
    pub precision: LabelPrecision,
    /// Root mean square residual over the standard deviation of the labels.
    pub residual: f64,
    /// Root mean square residual on the samples held out, before they were fitted too, over what the fit predicts for them: 1 but for
    /// chance. `None` when none were held out.
    pub holdout_ratio: Option<f64>,
    /// Number of samples held out.
    pub holdout_samples: usize,
    /// Starts made, and how many of them ended at the optimum returned.
    pub starts: usize,
    /// See [`NoiseReport::starts`].
    pub agreeing: usize,
    /// Steps of the refinement over all samples.
    pub steps: usize,
    /// Whether it arrived.
    pub converged: bool,
    /// Condition number of U.
    pub kappa_u: f64,
    /// Condition number of V.
    pub kappa_v: f64,
    /// What found the optimum: `restarts`, with the kind of start that reached it.
    pub method: String,
    /// One entry for each unit, in the order of the network.
    pub units: Vec<NoisyUnit>,
}
