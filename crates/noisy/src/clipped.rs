//! Exact labels that are cut off at bounds: recovery from the samples that are not, checked on the others.

use orthant_estimate::Callback;
use orthant_exact::{Reason, Recovery, Verdict};
use orthant_network::{Network, Samples, Subset};

use crate::error::NoisyError;
use crate::fit::Clipping;

/// A network recovered from samples none of whose labels is at a bound.
#[derive(Debug, Clone)]
pub struct ClippedRecovery {
    /// The network, with the evidence from the samples used; its verdict takes the other samples into account.
    pub recovery: Recovery,
    /// Samples without a label at its bound: those used.
    pub whole_samples: usize,
    /// Labels at their bounds.
    pub clipped_labels: usize,
    /// The largest deviation on samples with a label at its bound, relative to the scale of the labels: of the labels between the
    /// bounds as they are, of those at a bound by how far the prediction lies within.
    pub deviation: f64,
}

/// What a deviation may be, over the residual of the fit and the precision of the labels: the largest of many errors instead of their
/// root mean square, outside the samples fitted.
const SAFETY: f64 = 1e4;

/// Recovers from the samples whose labels all lie between their bounds; `None` when there are none.
///
/// # Shapes
/// `samples` is n inputs of dimension d with labels of dimension m; `clipping` has bounds for m outputs.
///
/// # Guarantee
/// A verdict `exact` is that of [`orthant_exact::recover`] on those samples, and all other samples agree with it: labels between the
/// bounds are predicted, and predictions for labels at a bound lie at or beyond it.
///
/// # Errors
/// [`NoisyError::Recover`].
///
/// # Cost
/// That of [`orthant_exact::recover`], a copy of the samples used, and one pass.
///
/// # Paper
/// Not in the paper.
pub fn recover_clipped(
    samples: &Samples<'_>,
    clipping: &Clipping,
    settings: &orthant_exact::Settings,
    progress: &mut Callback<'_>,
) -> Result<Option<ClippedRecovery>, NoisyError> {
    let n_at_bound =
        |j: usize| samples.a().col(j).iter().enumerate().filter(|&(o, &a)| clipping.at_bound(o, a)).count();
    let whole: Vec<usize> = (0..samples.n()).filter(|&j| n_at_bound(j) == 0).collect();
    if whole.is_empty() {
        return Ok(None);
    }
    let used = Subset::of(samples, &whole);
    let mut recovery = orthant_exact::recover(&used.samples(), settings, progress)?;
    let scale = used.samples().label_scale().max(f64::MIN_POSITIVE);
    let clipped_labels = (0..samples.n()).map(n_at_bound).sum();
    let deviation = deviation_beyond(samples, clipping, &recovery.network) / scale;
    let report = &mut recovery.report;
    let allowed = SAFETY * report.residual.max(report.label_precision);
    let claims_exact = matches!(report.verdict, Verdict::Exact | Verdict::ExactOnSamples);
    if claims_exact && deviation > allowed {
        report.verdict = Verdict::Approximate;
        report.reason = Reason::HoldoutDisagrees { residual: deviation, allowed };
    }
    Ok(Some(ClippedRecovery { recovery, whole_samples: whole.len(), clipped_labels, deviation }))
}

/// Samples predicted at once.
const BLOCK: usize = 1024;

/// The largest deviation of the network from what labels cut off at bounds allow; infinite where a prediction is not a number.
fn deviation_beyond(samples: &Samples<'_>, clipping: &Clipping, network: &Network) -> f64 {
    let mut largest = 0.0f64;
    for first in (0..samples.n()).step_by(BLOCK) {
        let count = BLOCK.min(samples.n() - first);
        let predicted = network.labels(samples.x().subcols(first, count));
        for j in 0..count {
            for (o, (&a, &p)) in samples.a().col(first + j).iter().zip(predicted.col(j).iter()).enumerate() {
                let deviation = if clipping.satisfied(o, a, p) { 0.0 } else { (a - p).abs() };
                largest = largest.max(if deviation.is_nan() { f64::INFINITY } else { deviation });
            }
        }
    }
    largest
}
