//! Recovery with zero error: weights as fractions, and a certificate that they are the only ones.
//!
//! The weights of a two-layer network are solutions of linear systems once its activation patterns are known (Algorithm 6). Samples
//! that are exact, fractions or the values of floating-point numbers, are recovered in floating point first, which gives the patterns. Then
//! the same systems are solved over the rationals, and the network is held against every label with equality.
//!
//! # When not to use it
//! Units other than max(t, 0) are refused: the combination of the labels that is the activation of a unit is found by its zeros. So are fewer
//! outputs than units, where there is no such combination. [`recover`](crate::recover()) has both, in floating point.
//!
//! Labels that a program computed in floating point were rounded: they are not the exact labels of a network with
//! weights of its size, and [`ExactError::NotExact`] says where that shows. [`recover`](crate::recover()) is for them.
//!
//! # Example
//! ```
//! use std::ops::ControlFlow;
//! use orthant_certificate::{Claim, RationalMatrix, RationalSamples, check, number};
//! use orthant_exact::{Settings, rational};
//! use orthant_linalg::Mat;
//! use orthant_network::IntegerSpec;
//!
//! // A network of integers, and its labels at integer inputs: in `f64`, but none was rounded.
//! let planted = IntegerSpec { m: 4, k: 3, d: 5, seed: 1, ..IntegerSpec::default() }.plant(80)?;
//! let exact = |of: &Mat<f64>| {
//!     RationalMatrix::from_fn(of.nrows(), of.ncols(), |i, j| number::of_f64(of[(i, j)]).expect("finite"))
//! };
//! let samples = RationalSamples::new(exact(&planted.x), exact(&planted.a))?;
//!
//! let recovery = rational::recover(&samples, &Settings::default(), &mut |_| ControlFlow::Continue(()))?;
//! let certificate = recovery.certificate?;
//! assert_eq!(certificate.claim(), Claim::Unique);
//! println!("V = {:?}", certificate.network.v());
//! // For whoever has the samples and does not trust this program.
//! let file = certificate.to_json();
//! # assert_eq!(check(&orthant_certificate::Certificate::from_json(&file)?, &samples)?, Claim::Unique);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod evidence;
mod weights;

use orthant_certificate::{Certificate, Claim, Class, RationalNetwork, RationalSamples, number};
use orthant_estimate::{Callback, Reporter};
use orthant_linalg::Mat;
use orthant_network::{Activation, Network, Samples};

use crate::error::RecoverError;
use crate::report::{Recovery, Verdict};
use crate::settings::{BiasModel, Settings};

/// What was recovered: in floating point, and over the rationals if there is such a network.
#[derive(Debug, Clone)]
pub struct RationalRecovery {
    /// The network, weights and all, and what shows how far it is the only one; or why there is none.
    pub certificate: Result<Certificate, ExactError>,
    /// The recovery in floating point that gave the patterns, with its own verdict.
    pub found: Recovery,
}

/// Why there is no network with zero error.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExactError {
    /// Recovery in floating point failed.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// Weights are solved for in units max(t, 0).
    #[error("weights as fractions are for units max(t, 0), not for {activation}")]
    Activation {
        /// The activation.
        activation: String,
    },
    /// Fewer outputs than units: no combination of the labels is the activation of one.
    #[error("{k} units, but outputs: {m}; weights as fractions need at least as many outputs as units")]
    FewOutputs {
        /// Outputs.
        m: usize,
        /// Hidden units.
        k: usize,
    },
    /// A network of fewer units than asked for has the labels, exactly: those of wider ones are not determined by them.
    #[error(
        "the samples do not determine a network of {asked} units: one of {found} units has these labels, exactly"
    )]
    Width {
        /// The width asked for.
        asked: usize,
        /// Hidden units of the network that has the labels.
        found: usize,
    },
    /// Recovery in floating point found no network that has these labels to rounding.
    #[error("no network was found that has these labels, not even to rounding: {reason}")]
    NotFound {
        /// The reason of that recovery.
        reason: String,
    },
    /// The labels are not exactly those of a network near the one found, as rounded labels are not.
    #[error(
        "the labels are not exactly those of a network of {width} units with the activation patterns found: {misfit}"
    )]
    NotExact {
        /// Hidden units of the network found.
        width: usize,
        /// Where it shows.
        misfit: Misfit,
    },
    /// The samples do not determine the weights, given the patterns.
    #[error("the samples do not determine {0}")]
    Undetermined(String),
    /// An input or label, or a weight, takes more bits than are computed with.
    #[error("numbers of more than {bits} bits are needed")]
    TooLarge {
        /// The limit.
        bits: usize,
    },
}

/// An equation that exact labels satisfy and these do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misfit {
    /// The labels span more than the activations of the units can.
    #[error("the label matrix has rank {rank}")]
    LabelRank {
        /// The rank of the label matrix, less one for output biases.
        rank: usize,
    },
    /// No combination of the labels is zero where a unit is inactive.
    #[error("no combination of the labels is zero on all samples where unit {unit} is inactive")]
    Zeros {
        /// From 0.
        unit: usize,
    },
    /// The combination of the labels that is zero where a unit is inactive changes its sign where it is active.
    #[error("the activation of unit {unit} is negative on sample {sample}")]
    Sign {
        /// From 0.
        unit: usize,
        /// From 0.
        sample: usize,
    },
    /// A unit's activations are not a linear function of the inputs where it is active.
    #[error("the activation of unit {unit} on sample {sample} is not linear in the inputs")]
    Weights {
        /// From 0.
        unit: usize,
        /// From 0.
        sample: usize,
    },
    /// No combination of the labels is zero where a unit is inactive and linear in the inputs where it is active.
    #[error(
        "no combination of the labels is zero where unit {unit} is inactive and linear in the inputs where it is active"
    )]
    Unit {
        /// From 0.
        unit: usize,
    },
    /// All equations that were solved hold, but a label is another one.
    #[error("output {output} on sample {sample} differs")]
    Label {
        /// From 0.
        output: usize,
        /// From 0.
        sample: usize,
    },
}

/// Recovers a network from exact samples, with zero error, and certifies it.
///
/// The patterns are those of [`recover`](crate::recover()) on the nearest floating-point numbers. In the network returned, the first
/// entry of each row of (V, b) that is not zero is 1 or −1, which keeps fractions: it is that of V, or b where a unit is constant. Units are
/// in the order of the recovery in floating point.
/// With [`BiasModel::Auto`] uniqueness is shown among networks with both biases if it can be, otherwise among those with the biases
/// found. With [`Settings::width`] the network has that many units, or is not given: [`ExactError::Width`] when fewer have the labels.
///
/// # Shapes
/// As for [`recover`](crate::recover()), with m ≥ k: the labels must have rank k.
///
/// # Guarantee
/// U max(Vx + b, 0) + c equals every label. The claim of the certificate has been checked by
/// [`orthant_certificate::check()`].
///
/// # Errors
/// [`ExactError::Recover`], [`ExactError::TooLarge`] and [`ExactError::Activation`], where nothing was recovered in floating point. All other
/// reasons are in [`RationalRecovery::certificate`], beside what was found: labels that were rounded are [`ExactError::NotExact`] there.
///
/// # Cost
/// That of the recovery in floating point; over the rationals, for each unit a system of k + 1 unknowns and one of d + 1, or where the former
/// does not determine its activation, as where another unit is active inside of it only, one of k + d + 2 for both, and up to three times
/// as many where samples near its kink are needed; a system of k + 1 for U and c; an elimination of the lift modulo a prime, of n N²
/// operations with N = k(k − 1)/2 + k(d + 1) + d + 1.
///
/// # Paper
/// Algorithm 6, steps 2 to 7, in exact arithmetic: what "exact" means there.
pub fn recover(
    samples: &RationalSamples,
    settings: &Settings,
    progress: &mut Callback<'_>,
) -> Result<RationalRecovery, ExactError> {
    relu(&settings.activation)?;
    let (x, a) = (nearest(samples.inputs()), nearest(samples.labels()));
    let near = Samples::new(x.as_ref(), a.as_ref())
        .map_err(|_| ExactError::TooLarge { bits: f64::MAX_EXP as usize })?;
    let found = crate::recover(&near, settings, progress)?;
    let certificate = match found.report.verdict {
        Verdict::NotRecovered => Err(ExactError::NotFound { reason: found.report.reason.to_string() }),
        verdict => match (certify(samples, &found.network, settings.bias, progress), settings.width) {
            (Ok(certificate), Some(asked)) if certificate.network.k() != asked => {
                Err(ExactError::Width { asked, found: certificate.network.k() })
            }
            // Patterns of a network that does not have the labels to rounding say nothing of them.
            (Err(ExactError::NotExact { .. }), _) if verdict == Verdict::Approximate => {
                Err(ExactError::NotFound { reason: found.report.reason.to_string() })
            }
            (certificate, _) => certificate,
        },
    };
    Ok(RationalRecovery { certificate, found })
}

/// Certifies the network with zero error whose activation patterns are those of a network in floating point.
///
/// Samples so near the kink of a unit that the network given may be on the wrong side of it are left out of the equations of the unit, and
/// held against the network found like all others. Where the other samples do not determine the unit, it is solved for with these taken as
/// inactive, and with those clear of rounding taken as the network given has them. A solution counts when it is the activation of the
/// unit on every sample; when none is, the unit is [`ExactError::Undetermined`].
///
/// The scale of units is that of [`recover`].
///
/// # Shapes
/// m ≥ k.
///
/// # Errors
/// [`ExactError`]; [`RecoverError::Proposal`] when the network has other inputs or outputs than the samples.
///
/// # Cost
/// That of [`recover`] without the recovery in floating point.
pub fn certify(
    samples: &RationalSamples,
    near: &Network,
    bias: BiasModel,
    progress: &mut Callback<'_>,
) -> Result<Certificate, ExactError> {
    relu(near.activation())?;
    fits(samples, near.d(), near.m())?;
    let (m, k) = (near.m(), near.k());
    if m < k {
        return Err(ExactError::FewOutputs { m, k });
    }
    let reporter = &mut Reporter::new(progress);
    let own = class_of(near.b().is_some(), near.c().is_some());
    strongest(bias, own, |class| {
        let network = weights::exact_network(samples, near, class, reporter)?;
        evidence::certificate(samples, network, class, reporter)
    })
}

/// Certifies a network given as fractions, as it stands.
///
/// With [`BiasModel::Auto`] uniqueness is shown among networks with both biases, or among those with the biases that the network has, if that
/// shows more.
///
/// # Errors
/// [`ExactError::NotExact`] when a label is not that of the network; [`RecoverError::Proposal`] when it has other inputs or outputs than the
/// samples.
///
/// # Cost
/// As for [`certify`], without the systems for the weights.
pub fn certify_network(
    samples: &RationalSamples,
    network: &RationalNetwork,
    bias: BiasModel,
    progress: &mut Callback<'_>,
) -> Result<Certificate, ExactError> {
    fits(samples, network.d(), network.m())?;
    let reporter = &mut Reporter::new(progress);
    let own = class_of(network.b().is_some(), network.c().is_some());
    strongest(bias, own, |class| evidence::certificate(samples, network.clone(), class, reporter))
}

fn class_of(hidden_biases: bool, output_biases: bool) -> Class {
    Class { hidden_biases, output_biases }
}

/// The strongest certificate among the classes that a bias model stands for: the first of these, where others show no more.
fn strongest(
    bias: BiasModel,
    own: Class,
    mut certificate: impl FnMut(Class) -> Result<Certificate, ExactError>,
) -> Result<Certificate, ExactError> {
    let all = class_of(true, true);
    let first = match bias {
        BiasModel::Known(bias) => return certificate(class_of(bias.hidden(), bias.output())),
        BiasModel::Auto => certificate(all),
    };
    match first {
        Ok(first) if own == all || first.claim() == Claim::Unique => Ok(first),
        Err(error) if own == all || matches!(error, ExactError::Recover(_)) => Err(error),
        Err(_) => certificate(own),
        Ok(first) => match certificate(own) {
            Ok(second) if second.claim() > first.claim() => Ok(second),
            Err(cancelled @ ExactError::Recover(_)) => Err(cancelled),
            _ => Ok(first),
        },
    }
}

fn relu(activation: &Activation) -> Result<(), ExactError> {
    if activation.is_relu() {
        return Ok(());
    }
    Err(ExactError::Activation { activation: activation.name() })
}

/// Whether a network of `d` inputs and `m` outputs can be one of these samples.
fn fits(samples: &RationalSamples, d: usize, m: usize) -> Result<(), ExactError> {
    for (what, found, matrix) in [("inputs", d, samples.inputs()), ("outputs", m, samples.labels())] {
        if found != matrix.nrows() {
            return Err(RecoverError::Proposal { what, found, expected: matrix.nrows() }.into());
        }
    }
    Ok(())
}

/// The nearest floating-point numbers.
fn nearest(matrix: &orthant_certificate::RationalMatrix) -> Mat<f64> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| number::to_f64(matrix.get(i, j)))
}
