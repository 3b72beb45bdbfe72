//! The way back from samples of size one.

use orthant_exact::Scaled;
use orthant_linalg::Mat;
use orthant_network::Samples;

use crate::error::NoisyError;
use crate::precision::label_precision;
use crate::report::{NoiseReport, NoisyRecovery};
use crate::settings::Settings;

/// The answer for samples as they were, from that for samples of size one.
pub(super) fn restored(
    found: NoisyRecovery,
    scaled: &Scaled,
    samples: &Samples<'_>,
    settings: &Settings,
) -> Result<NoisyRecovery, NoisyError> {
    let (input_scale, label_scale) = (scaled.input_scale(), scaled.label_scale());
    let out_of_range = |_| NoisyError::WeightsOutOfRange { inputs: input_scale, labels: label_scale };
    let network = scaled.restore(&found.network).map_err(out_of_range)?;
    let mut standard_errors = found.standard_errors;
    let degree = network.activation().degree().unwrap_or(1.0);
    standard_errors.u = scaled.restore_outputs(standard_errors.u.as_ref(), degree);
    standard_errors.b.iter_mut().flatten().for_each(|b| *b *= input_scale);
    standard_errors.c.iter_mut().flatten().for_each(|c| *c *= label_scale);
    let d = network.d();
    for covariance in &mut standard_errors.units {
        let factor = |i: usize| if i < d { 1.0 } else { input_scale };
        let unit = Mat::from_fn(covariance.nrows(), covariance.ncols(), |i, j| {
            covariance[(i, j)] * factor(i) * factor(j)
        });
        *covariance = unit;
    }
    let report = NoiseReport {
        noise_std: found.report.noise_std * label_scale,
        noise_std_known: settings.noise_std,
        precision: label_precision(samples),
        ..found.report
    };
    Ok(NoisyRecovery { network, standard_errors, report })
}
