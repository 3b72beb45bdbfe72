//! The whole way from samples to a verdict.

use orthant_estimate::frame::LabelSpectrum;
use orthant_estimate::{Callback, Frame, Reporter};
use orthant_linalg::LinalgError;
use orthant_network::{RowScale, Samples, Subset};

use crate::answer::Answer;
use crate::error::RecoverError;
use crate::evidence::{Holdout, constant_labels};
use crate::joint::Case;
use crate::report::Recovery;
use crate::scaled::Scaled;
use crate::search::{Search, begin, search};
use crate::settings::{Method, Settings};
use crate::split::Split;
use crate::worst_case;

/// Equations to spare that [`orthant_estimate::unit::unit_from_pattern`] asks for, in samples beyond r + k.
const SPARE_SAMPLES: usize = 4;

/// Recovers a network from samples: units, weights, output layer, verdict.
///
/// # Shapes
/// `samples` is n inputs of dimension d with labels of dimension m; the network returned is m × k × d.
///
/// # Guarantee
/// The verdict `exact` is given only when the residual is zero at the precision of the labels, every unit has a one-dimensional
/// null space with its gap, its active inputs have full column rank, and samples that took no part in the fit agree. Same
/// samples, same settings, same bits, for any number of threads.
///
/// # Errors
/// [`RecoverError`]. Data that no network explains are not an error: the verdict says so.
///
/// # Cost
/// Pursuit: 4n(r + k) single-precision operations for each of some 200 k to 400 k start-iterations (k being the width), and about
/// 2nk(r + k)(r + 2k) for the units' systems. The lift, where it applies: 6N³. About eight copies of the data in memory.
///
/// # Paper
/// Theorem 49 with Algorithm 5 replaced by searches that need no distribution, and Algorithm 6 by its rank-revealing form.
pub fn recover(
    samples: &Samples<'_>,
    settings: &Settings,
    progress: &mut Callback<'_>,
) -> Result<Recovery, RecoverError> {
    settings.validate()?;
    let mut reporter = Reporter::new(progress);
    let Some(scaled) = Scaled::of(samples) else {
        return recover_scaled(samples, settings, &mut reporter);
    };
    let mut recovery = recover_scaled(&scaled.samples(), settings, &mut reporter)?;
    recovery.network = scaled.restore(&recovery.network)?;
    if settings.activation.row_scale() == RowScale::Normalised {
        for unit in &mut recovery.report.units {
            unit.margin *= scaled.input_scale();
        }
    }
    Ok(recovery)
}

fn recover_scaled(
    samples: &Samples<'_>,
    settings: &Settings,
    reporter: &mut Reporter<'_>,
) -> Result<Recovery, RecoverError> {
    if settings.method == Method::WorstCase {
        return worst_case::recover(samples, settings, reporter);
    }
    let bias = settings.bias.fitted();
    let split = Split::of(samples, settings);
    let fit = Subset::of(samples, &split.fit);
    let too_few = |needed| RecoverError::TooFewSamples {
        n: split.fit.len() + split.check.len(),
        d: samples.d(),
        needed,
    };
    if split.fit.is_empty() {
        return Err(too_few(2 + SPARE_SAMPLES));
    }
    let (frame, label_spectrum) = frame_for(&fit.samples(), settings)?;
    if frame.k() == 0 {
        return constant_labels(samples, &label_spectrum, settings);
    }
    let inputs = frame.inputs().ncols();
    let unknowns = inputs + frame.extended().ncols();
    if fit.n() + 1 < unknowns + SPARE_SAMPLES {
        // Ranks that the number of samples limits say nothing of the dimensions.
        let rank = if inputs < fit.n() { inputs } else { samples.d() + usize::from(bias.hidden()) };
        let k = if frame.k() + 1 < fit.n() {
            frame.k()
        } else {
            settings.width.unwrap_or(samples.m()).min(samples.m())
        };
        let fitted = rank + k + usize::from(bias.output()) + SPARE_SAMPLES - 1;
        return Err(too_few(
            settings.holdout.map_or(fitted + 4, |f| (fitted as f64 / (1.0 - f)).ceil() as usize + 1),
        ));
    }
    let check = Subset::of(samples, &split.check);
    let begun = begin(&frame, settings, reporter)?;
    if may_be_wide(samples, &begun, &label_spectrum, settings) {
        let case = Case { fit: &fit, check: &check, frame: &frame, spectrum: &label_spectrum, settings };
        if let Some(recovery) = case.recover_wide(reporter)? {
            return Ok(recovery);
        }
    }
    let search = search(begun, &fit.samples(), &frame, settings, reporter)?;
    let mut answer = Answer::fit(fit, frame, search, settings, &label_spectrum, reporter)?;
    let holdout = (check.n() > 0).then(|| answer.relative_residual(&check.samples(), &answer.fit.samples()));
    let complete = answer.units.len() == answer.frame.n_rectified();
    let seen = answer.frame.inputs().ncols();
    let open = seen < samples.d() + usize::from(bias.hidden())
        || answer.units.iter().any(|unit| unit.input_rank < seen);
    let disagrees = holdout.is_some_and(|residual| residual > answer.holdout_allowed());
    // Where weights were open, the samples held out may show what they are: then they are used.
    let absorbed = complete && open && disagrees && answer.absorb(samples, &split, settings)?;
    if settings.method == Method::Auto && complete && !open && !disagrees && !answer.is_proved_by_lift() {
        answer.finding = worst_case::confirm(&answer.frame, label_spectrum.precision, reporter)?;
    }
    Ok(answer.report(
        samples,
        settings,
        &label_spectrum,
        &Holdout { residual: holdout, samples: check.n(), absorbed },
    ))
}

/// The frame that the method asked for needs: means over the inputs are those of the labels as they are. The precision is theirs too.
pub(crate) fn frame_for(
    samples: &Samples<'_>,
    settings: &Settings,
) -> Result<(Frame, LabelSpectrum), LinalgError> {
    let (bias, width) = (settings.bias.fitted(), settings.width);
    if matches!(settings.method, Method::Tensor | Method::Power | Method::Ica) {
        let (frame, spectrum) = Frame::new(samples, bias, width)?;
        return Ok((frame.with_activation(settings.activation.clone()), spectrum));
    }
    let (frame, mut spectrum) = Frame::for_activation(samples, bias, width, &settings.activation)?;
    if frame.weights().is_some() {
        // Residuals are those of the labels as they are.
        spectrum.precision = LabelSpectrum::of(samples, bias.output())?.precision;
    }
    Ok((frame, spectrum))
}

/// Whether the network may have more units than its labels have dimensions: when that is what was asked for, or when the labels have
/// full rank and a short pursuit finds no unit. Labels of lower rank show the width, whatever was asked for, and labels of higher rank
/// than the width asked for (noise) are those of no such network.
fn may_be_wide(
    samples: &Samples<'_>,
    begun: &Search,
    label_spectrum: &LabelSpectrum,
    settings: &Settings,
) -> bool {
    let rank = label_spectrum.rank.rank;
    let possible = settings.activation.is_relu()
        && rank == samples.m()
        && settings.width.is_none_or(|width| width >= rank);
    let wider = settings.width.is_some_and(|width| width > rank);
    match settings.method {
        Method::Restarts => true,
        Method::Auto => possible && (wider || begun.units.is_empty()),
        Method::Tensor => possible && wider,
        _ => false,
    }
}
