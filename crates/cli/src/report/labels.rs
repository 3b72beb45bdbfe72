//! What labels show of errors by themselves, without a network.

use orthant::noisy::precision::{LabelPrecision, PrecisionKind, label_precision};
use orthant::noisy::width::{NoisyRank, noisy_rank};
use orthant::{Mat, Samples};
use serde::Serialize;

/// Samples whose singular values are looked at, at most: the copy of their labels is small then, and the noise as well known.
const SAMPLES: usize = 1 << 16;

/// Errors in labels, in the JSON report of `diagnose`.
#[derive(Debug, Serialize)]
pub struct LabelErrors {
    /// How the labels were rounded.
    label_format: String,
    /// Root mean square rounding error, in units of the labels.
    rounding_std: f64,
    /// Fraction of the labels at bounds that they are cut off at.
    clipped_fraction: f64,
    /// Singular values of the labels beyond what errors alone have.
    rank_above_noise: usize,
    /// Standard deviation of the errors, from the other singular values; `None` when there are not two.
    noise_std: Option<f64>,
    /// The same over the standard deviation of the labels.
    noise_fraction: Option<f64>,
    #[serde(skip)]
    is_rounded: bool,
}

/// Times the rounding error that errors must be to be more than rounding.
const BEYOND_ROUNDING: f64 = 100.0;

impl LabelErrors {
    /// Looks at the labels.
    ///
    /// # Errors
    /// When their squares overflow.
    pub fn of(samples: &Samples<'_>) -> anyhow::Result<LabelErrors> {
        let LabelPrecision { kind, noise_std: rounding_std, clipped_fraction, .. } = label_precision(samples);
        let NoisyRank { rank, noise_std, .. } = noisy_rank(centred(samples).as_ref())?;
        let scale = samples.label_scale();
        Ok(LabelErrors {
            label_format: kind.to_string(),
            rounding_std,
            clipped_fraction,
            rank_above_noise: rank,
            noise_std,
            noise_fraction: noise_std.map(|std| std / scale).filter(|fraction| fraction.is_finite()),
            is_rounded: kind != PrecisionKind::Exact64,
        })
    }

    /// What to say of them.
    pub fn text(&self) -> String {
        let mut said = Vec::new();
        match (self.noise_std, self.noise_fraction) {
            (Some(std), Some(fraction)) if std > BEYOND_ROUNDING * self.rounding_std => said.push(format!(
                "noise of standard deviation {std:.1e} ({:.2} % of the labels') or gross errors hide all but {} singular value(s)",
                100.0 * fraction,
                self.rank_above_noise
            )),
            (None, _) => said.push("noise cannot be told from the singular values".to_string()),
            _ => {}
        }
        if self.is_rounded {
            said.push(format!("rounded: {}, rounding error {:.1e}", self.label_format, self.rounding_std));
        }
        if self.clipped_fraction > 0.0 {
            said.push(format!("cut off: {:.1} % of the labels at bounds", 100.0 * self.clipped_fraction));
        }
        if said.is_empty() { "none beyond rounding".to_string() } else { said.join("; ") }
    }
}

/// Labels of evenly spaced samples, one in each row, minus their mean.
fn centred(samples: &Samples<'_>) -> Mat<f64> {
    let step = samples.n().div_ceil(SAMPLES);
    let (n, m) = (samples.n().div_ceil(step), samples.m());
    let mut labels = Mat::from_fn(n, m, |j, o| samples.a()[(o, j * step)]);
    for o in 0..m {
        let mean = labels.col(o).iter().sum::<f64>() / n as f64;
        labels.col_mut(o).iter_mut().for_each(|a| *a -= mean);
    }
    labels
}
