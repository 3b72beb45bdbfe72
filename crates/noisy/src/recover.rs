//! Which kind of recovery the labels call for.

use orthant_estimate::{Callback, LabelSpectrum};
use orthant_exact::{Method, RecoverError, Recovery, Report, Scaled, Verdict};
use orthant_linalg::random;
use orthant_network::{Network, Samples, Subset};
use rand::seq::index;

use crate::clipped::{ClippedRecovery, recover_clipped};
use crate::error::NoisyError;
use crate::fitted::recover_noisy;
use crate::precision::label_precision;
use crate::report::{NoiseReason, NoiseReport, NoisyRecovery};
use crate::settings::{NoiseModel, Settings};
use crate::sparse::{SparseRecovery, recover_located, recover_sparse};

/// A recovered network, by the errors that its labels were found to have.
#[derive(Debug, Clone)]
pub enum Answer {
    /// No errors beyond rounding, or none were looked for.
    Exact(Box<Recovery>),
    /// Labels cut off at bounds, otherwise without errors.
    Clipped(Box<ClippedRecovery>),
    /// Gross errors in some labels, none in the others.
    Sparse(Box<SparseRecovery>),
    /// Errors in every label.
    Noisy(Box<NoisyRecovery>),
}

impl Answer {
    /// The network.
    pub fn network(&self) -> &Network {
        match self {
            Answer::Exact(answer) => &answer.network,
            Answer::Clipped(answer) => &answer.recovery.network,
            Answer::Sparse(answer) => &answer.recovery.network,
            Answer::Noisy(answer) => &answer.network,
        }
    }

    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        match self {
            Answer::Exact(answer) => answer.report.verdict,
            Answer::Clipped(answer) => answer.recovery.report.verdict,
            Answer::Sparse(answer) => answer.recovery.report.verdict,
            Answer::Noisy(answer) => answer.report.verdict,
        }
    }
}

/// Relative residual of a fit below which labels are taken to be exact after all, and exact recovery is given all its patience.
const NEARLY_EXACT: f64 = 1e-5;

/// A fit is preferred to an answer that falls short of exact up to this multiple of its residual: units beyond those there are fit some
/// of the noise.
const AS_GOOD: f64 = 2.0;

/// Start-iterations of pursuit without any unit after which labels of full rank are taken to have errors. With exact labels and twice as
/// many samples as necessary, one start in two ends at a unit, within some hundred iterations.
const QUICK_PATIENCE: usize = 6000;

/// Samples of which [`NoiseModel::Auto`] asks whether their labels are exact before it asks that of all: at least so many.
const LEAST_PART: usize = 20_000;

/// And so many for each input and output.
const PART_PER_DIMENSION: usize = 200;

/// Recovers a network from samples whose labels may have errors.
///
/// # Shapes
/// `samples` is n inputs of dimension d with labels of dimension m; the network returned is m × k × d.
///
/// # Guarantee
/// `exact` is given under the conditions of [`orthant_exact::recover`] only, for the labels that are not found to be gross errors or cut
/// off; every other label agrees with the network then. Fits to labels with errors are `approximate` at best. Same samples, same
/// settings, same bits, for any number of threads.
///
/// # Errors
/// [`NoisyError`].
///
/// # Cost
/// That of the model: [`orthant_exact::recover`], [`recover_sparse`] or [`recover_noisy`], of which only the last has memory that does
/// not grow with n. [`NoiseModel::Auto`] tries them in this order until one explains the labels; when there are many samples, exact
/// recovery of all of them only after that of a part.
///
/// # Paper
/// Theorem 49 (exact labels), Theorem 62 (sub-Gaussian errors), Corollary 84 (sparse errors); each with the deviations named there.
pub fn recover(
    samples: &Samples<'_>,
    settings: &Settings,
    progress: &mut Callback<'_>,
) -> Result<Answer, NoisyError> {
    settings.validate()?;
    match settings.noise {
        NoiseModel::None => {
            Ok(Answer::Exact(Box::new(orthant_exact::recover(samples, &settings.exact, progress)?)))
        }
        NoiseModel::Sparse => {
            Ok(Answer::Sparse(Box::new(recover_sparse(samples, &settings.exact, progress)?)))
        }
        NoiseModel::Gaussian => Ok(Answer::Noisy(Box::new(recover_noisy(samples, settings, progress)?))),
        NoiseModel::Auto => recover_any(samples, settings, progress),
    }
}

/// Tries the models in turn, from the strongest.
fn recover_any(
    samples: &Samples<'_>,
    settings: &Settings,
    progress: &mut Callback<'_>,
) -> Result<Answer, NoisyError> {
    let quick = quick_settings(samples, &settings.exact)?;
    let mut exact = None;
    if part_is_exact(samples, &quick, progress)? {
        let found = orthant_exact::recover(samples, &quick, progress)?;
        if is_exact(&found.report) {
            return Ok(Answer::Exact(Box::new(found)));
        }
        exact = Some(found);
    }
    if let Some(clipping) = &label_precision(samples).clipping {
        let clipped = attempt(recover_clipped(samples, clipping, &settings.exact, progress))?.flatten();
        if let Some(clipped) = clipped.filter(|clipped| is_exact(&clipped.recovery.report)) {
            return Ok(Answer::Clipped(Box::new(clipped)));
        }
    }
    // Without a label space the labels were tried as they are above.
    let sparse = attempt(recover_located(samples, &settings.exact, progress))?.and_then(Result::ok);
    // With a doubt the network still explains most labels to rounding, which none fitted to noise does.
    if let Some(sparse) = sparse.filter(|sparse| is_exact(&sparse.recovery.report) || sparse.doubt.is_some())
    {
        return Ok(Answer::Sparse(Box::new(sparse)));
    }
    let fitted = attempt(recover_noisy(samples, settings, progress))?;
    // Labels that a network explains but for noise are not exact, and neither are those that are nothing but noise.
    let settled = |report: &NoiseReport| {
        report.reason == NoiseReason::NoUnit
            || report.verdict == Verdict::Approximate && report.residual > NEARLY_EXACT
    };
    let fitted = match fitted {
        Some(fit) if settled(&fit.report) => return Ok(Answer::Noisy(Box::new(fit))),
        other => other,
    };
    let exact = match exact {
        Some(exact) if quick == settings.exact => exact,
        _ => orthant_exact::recover(samples, &settings.exact, progress)?,
    };
    let better = |fit: &NoiseReport| {
        fit.verdict == Verdict::Approximate
            && !is_exact(&exact.report)
            && (exact.report.verdict == Verdict::NotRecovered
                || fit.residual <= AS_GOOD * exact.report.residual)
    };
    Ok(match fitted {
        Some(fit) if better(&fit.report) => Answer::Noisy(Box::new(fit)),
        _ => Answer::Exact(Box::new(exact)),
    })
}

/// Whether exact recovery explains a random part of many samples, which costs little time and memory where it does not; `true` where there
/// are few. A network that has all labels has those of every part.
fn part_is_exact(
    samples: &Samples<'_>,
    settings: &orthant_exact::Settings,
    progress: &mut Callback<'_>,
) -> Result<bool, NoisyError> {
    let count = LEAST_PART.max(PART_PER_DIMENSION * (samples.d() + samples.m()));
    if samples.n() / 2 < count {
        return Ok(true);
    }
    let rng = &mut random::stream(settings.seed, "exact part", 0);
    let mut chosen = index::sample(rng, samples.n(), count).into_vec();
    chosen.sort_unstable();
    let part = Subset::of(samples, &chosen);
    Ok(is_exact(&orthant_exact::recover(&part.samples(), settings, progress)?.report))
}

/// Exact recovery without the search for more units than outputs, which takes long on labels with errors: they have full rank, and so
/// have those of such networks.
pub(crate) fn quick_settings(
    samples: &Samples<'_>,
    exact: &orthant_exact::Settings,
) -> Result<orthant_exact::Settings, NoisyError> {
    let scaled = Scaled::of(samples);
    let ordinary = scaled.as_ref().map_or(*samples, Scaled::samples);
    let spectrum = LabelSpectrum::of(&ordinary, exact.bias.fitted().output())?;
    let full_rank = spectrum.rank.rank == samples.m();
    if full_rank && exact.method == Method::Auto && exact.activation.is_relu() {
        let patience = exact.patience.min(QUICK_PATIENCE);
        return Ok(orthant_exact::Settings { method: Method::Pursuit, patience, ..exact.clone() });
    }
    Ok(exact.clone())
}

/// `None` for a model that does not apply to these labels.
fn attempt<T>(outcome: Result<T, NoisyError>) -> Result<Option<T>, NoisyError> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(NoisyError::Cancelled | NoisyError::Recover(RecoverError::Cancelled)) => {
            Err(NoisyError::Cancelled)
        }
        Err(_) => Ok(None),
    }
}

/// Whether all labels are explained, but for errors located.
fn is_exact(report: &Report) -> bool {
    matches!(report.verdict, Verdict::Exact | Verdict::ExactOnSamples)
}
