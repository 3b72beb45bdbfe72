//! What the singular values of the labels say: rank and precision.

use orthant_linalg::spectrum::{self, RankDecision};
use orthant_linalg::{LinalgError, product, tolerance};
use orthant_network::Samples;

use super::centred;
use crate::weighting::spread;

/// What the singular values of the labels say, with the weights of the frame if it has any.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelSpectrum {
    /// Singular values of the labels (centred, when an output bias is fitted), descending.
    pub s: Vec<f64>,
    /// The rank with its gap: the number of hidden units, when that is at most m.
    pub rank: RankDecision,
    /// Root mean square error of the labels over their root mean square (centred, when an output bias is fitted): 2⁻⁵² for
    /// `f64` and about 3e-8 for `f32`, times the size of the mean where that is larger; or what the flat tail of the spectrum
    /// shows.
    pub precision: f64,
    /// The largest singular value of the flat tail, over what rounding to the decimals of the entries explains: 1 but for sampling.
    /// More of it is noise, or a unit so weak that it hides there. 1 for labels in `f64` or `f32`.
    pub tail_excess: f64,
    /// Root mean square error of a label, in units of the labels, when they are rounded to decimals: 1/√12 of the step.
    pub decimal_error: Option<f64>,
}

/// Rounding errors in a label that was computed, and not only stored, at its precision: sums of tens of terms make a few.
const ROUNDINGS: f64 = 8.0;

/// Decimals that labels are tried for: with more, a multiple of the step is every `f64`.
const MAX_DECIMALS: i32 = 12;

impl LabelSpectrum {
    /// The spectrum of labels, minus their mean if `centre`.
    ///
    /// # Errors
    /// [`LinalgError::NoConvergence`] on overflow.
    ///
    /// # Cost
    /// One QR of the labels, 2nm² operations, and two copies of them.
    pub fn of(samples: &Samples<'_>, centre: bool) -> Result<LabelSpectrum, LinalgError> {
        let labels = centred(samples.a().transpose().to_owned(), centre);
        Ok(LabelSpectrum::decide(spectrum::singular_values(labels.as_ref())?, samples, None))
    }

    /// Decides the rank of the labels and the precision that they have.
    ///
    /// Labels in `f64` have rank r when σ_(r+1) is at rounding level. Coarser rounding is assumed only when the entries
    /// show it (all representable in single precision, or all multiples of a power of ten) and the spectrum does too (rounding
    /// has full rank over the outputs that vary): a flat tail by itself may as well be weak units or noise.
    pub(super) fn decide(s: Vec<f64>, samples: &Samples<'_>, weights: Option<&[f64]>) -> LabelSpectrum {
        let (n, m) = (samples.n(), samples.m());
        let norm = product::norm(&s);
        let rms = norm / (n as f64 * m as f64).sqrt();
        let top = s.first().copied().unwrap_or(0.0);
        if top == 0.0 {
            let rank = spectrum::decision(&s, 0);
            return LabelSpectrum {
                rank,
                s,
                precision: tolerance::EPS,
                tail_excess: 1.0,
                decimal_error: None,
            };
        }
        // Labels were rounded before their mean was taken away: what they lost is relative to the labels as given.
        let size = match weights {
            None => product::frobenius(samples.a()),
            Some(weights) => {
                let norms: Vec<f64> =
                    samples.a().col_iter().zip(weights).map(|(label, w)| w * label.norm_l2()).collect();
                product::norm(&norms)
            }
        };
        let offset = (size / norm).max(1.0);
        let factorisation = offset * tolerance::backward(n, m);
        let double_rank = spectrum::rank_at(&s, factorisation).rank;
        let varying = (0..m)
            .filter(|&o| samples.a().row(o).iter().any(|&a| a != samples.a()[(o, 0)]))
            .count()
            .min(n.saturating_sub(1));
        let coarse = if double_rank >= varying { rounding_of_entries(samples, size, rms) } else { None };
        let noise_norm = |precision: f64| precision * rms * spread(n, m, weights) / top;
        let rank = match coarse {
            Some(coarse) => {
                spectrum::rank_at(&s, noise_norm(ROUNDINGS * coarse.precision).max(factorisation)).rank
            }
            None => double_rank,
        };
        let tail = &s[rank..double_rank.max(rank)];
        let precision = match coarse {
            None => offset * tolerance::EPS,
            Some(coarse) if tail.is_empty() => coarse.precision,
            Some(_) => {
                // E has (n − rank) × (tail) independent entries in the tail's coordinates.
                let entries = (n - rank.min(n - 1)) as f64 * tail.len() as f64;
                (product::norm(tail) / entries.sqrt() / rms).max(offset * tolerance::EPS)
            }
        };
        let tail_excess = match coarse {
            // Independent errors in n rows and t columns have spectral norm √n + √t.
            Some(Rounding { precision: step, decimal: true }) if weights.is_none() && !tail.is_empty() => {
                tail[0] / (step * rms * ((n as f64).sqrt() + (tail.len() as f64).sqrt()))
            }
            _ => 1.0,
        };
        let decimal_error =
            coarse.filter(|coarse| coarse.decimal && weights.is_none()).map(|coarse| coarse.precision * rms);
        LabelSpectrum { rank: spectrum::decision(&s, rank), s, precision, tail_excess, decimal_error }
    }
}

/// A rounding of labels.
#[derive(Clone, Copy)]
struct Rounding {
    /// Relative error, root mean square.
    precision: f64,
    /// Whether it is that of a fixed step, and so known exactly.
    decimal: bool,
}

/// Labels that take no more bits than this as multiples of one power of two were not rounded to single precision, which fills 24.
const SHORT: u32 = 12;

/// The rounding that the entries of the labels show, if it is coarser than that of `f64`. Small integers, zeros and ones for instance, show
/// none.
fn rounding_of_entries(samples: &Samples<'_>, norm: f64, rms: f64) -> Option<Rounding> {
    let all =
        |test: &dyn Fn(f64) -> bool| (0..samples.n()).all(|j| samples.a().col(j).iter().all(|&a| test(a)));
    // A step of h rounds with standard deviation h/√12. Weights have mean square 1.
    let step = |h: f64| h / 12.0f64.sqrt() / rms;
    let entries = samples.a().col_iter().flat_map(|label| label.iter().copied());
    if tolerance::fixed_point_bits(entries) <= SHORT {
        return None;
    }
    if all(&|a| tolerance::is_single_precision(&[a])) {
        let size = norm / ((samples.n() * samples.m()) as f64).sqrt();
        return Some(Rounding { precision: step(size * tolerance::EPS_F32), decimal: false });
    }
    (1..=MAX_DECIMALS)
        .find_map(|digits| {
            all(&|a| tolerance::is_decimal(a, digits, tolerance::EPS)).then(|| step(10f64.powi(-digits)))
        })
        // Labels beyond 2⁵³ steps are multiples of any step.
        .filter(|&precision| precision > tolerance::EPS)
        .map(|precision| Rounding { precision, decimal: true })
}
