//! What the singular values of the labels say: rank and precision.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher};

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

/// Singular values that rounding to single precision leaves, over the size of an output, are larger than this.
const SINGLE_NOISE: f64 = tolerance::EPS_F32 / 16.0;

/// Rounding errors in a label that was computed, and not only stored, at its precision: sums of tens of terms make a few.
const ROUNDINGS: f64 = 8.0;

/// Decimals that labels are tried for: with more, a multiple of the step is every `f64`.
const MAX_DECIMALS: i32 = 12;

impl LabelSpectrum {
    /// The spectrum of labels, minus their mean if `centre`.
    ///
    /// # Shapes
    /// The spectrum has min(n, m) singular values.
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
        let varying = varying(samples, tolerance::backward(n, m) / SINGLE_NOISE);
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
            Some(coarse) => {
                // E has (n − rank) × (tail) independent entries in the tail's coordinates. Outputs that are small have small errors,
                // and may be all that the tail is made of.
                let entries = (n - rank.min(n - 1)) as f64 * tail.len() as f64;
                let shown = product::norm(tail) / entries.sqrt() / rms;
                shown.max(offset * tolerance::EPS).max(coarse.precision / ROUNDINGS)
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

/// The rank that rounding gives to labels: outputs that vary, each once, but not more than there are different samples. What is repeated, up
/// to sign and powers of two, is rounded alike, and the rounding of outputs that are `negligible` beside the largest one does not show.
fn varying(samples: &Samples<'_>, negligible: f64) -> usize {
    let (a, m) = (samples.a(), samples.m());
    let largest = a.row_iter().map(|row| row.norm_l2()).fold(0.0, f64::max);
    let outputs: HashSet<u64> = a
        .row_iter()
        .filter(|row| row.norm_l2() > negligible * largest && row.iter().any(|&value| value != row[0]))
        .filter_map(|row| shape(row.ncols(), &|j| row[j]))
        .collect();
    let (mut shapes, mut labels) = (HashSet::new(), HashSet::new());
    for label in a.col_iter() {
        shapes.extend(shape(m, &|o| label[o]));
        labels.insert(hash(label.iter().copied()));
        if shapes.len() > m && labels.len() > m {
            break;
        }
    }
    outputs.len().min(shapes.len()).min(labels.len() - 1)
}

/// A hash that is the same for the multiples of a vector by powers of two and their opposites; `None` for zero.
fn shape(length: usize, value: &dyn Fn(usize) -> f64) -> Option<u64> {
    let first = (0..length).map(value).find(|&value| value != 0.0)?;
    // To a power of two: the mantissa stays as it is.
    let scale = f64::from_bits(first.to_bits() & !((1 << 52) - 1));
    Some(hash((0..length).map(|i| value(i) / scale)))
}

fn hash(values: impl Iterator<Item = f64>) -> u64 {
    let mut hasher = DefaultHasher::new();
    values.for_each(|value| hasher.write_u64((value + 0.0).to_bits()));
    hasher.finish()
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

/// Labels that are all multiples of this, but for rounding, are no evidence of decimals.
const BINARY_STEP: f64 = 0.0625;

/// Bits, or decimal digits, by which a common step must be finer than the last digit of the largest label for the labels to have a number
/// of significant digits rather than a step.
const FINER: (u32, usize) = (3, 2);

/// The rounding that the entries of the labels show, if it is coarser than that of `f64`. Small integers, zeros and ones for instance, show
/// none.
fn rounding_of_entries(samples: &Samples<'_>, norm: f64, rms: f64) -> Option<Rounding> {
    let all =
        |test: &dyn Fn(f64) -> bool| (0..samples.n()).all(|j| samples.a().col(j).iter().all(|&a| test(a)));
    let count = (samples.n() * samples.m()) as f64;
    let entries = || samples.a().col_iter().flat_map(|label| label.iter().copied());
    // A step of h rounds with standard deviation h/√12. Weights have mean square 1.
    let step = |h: f64| h / 12.0f64.sqrt() / rms;
    let steps = |step_of: &dyn Fn(f64) -> f64| {
        step((entries().map(|a| if a == 0.0 { 0.0 } else { step_of(a).powi(2) }).sum::<f64>() / count).sqrt())
    };
    let fixed = tolerance::fixed_point_bits(entries());
    if fixed <= SHORT {
        return None;
    }
    if all(&|a| tolerance::is_single_precision(&[a])) {
        let bits = entries().map(tolerance::significant_bits).max().unwrap_or(0);
        let precision = if fixed >= bits + FINER.0 {
            let spacing = 2f64.powi(1 - i32::try_from(bits).unwrap_or(24));
            steps(&|a| a.abs().log2().floor().exp2() * spacing)
                .max(step(norm / count.sqrt() * tolerance::EPS_F32))
        } else {
            step(norm / count.sqrt() * tolerance::EPS_F32)
        };
        return Some(Rounding { precision, decimal: false });
    }
    if all(&|a| tolerance::is_decimal(a / BINARY_STEP, 0, tolerance::EPS)) {
        return None;
    }
    let digits =
        (1..=MAX_DECIMALS).find(|&digits| all(&|a| tolerance::is_decimal(a, digits, tolerance::EPS)));
    let significant = entries().try_fold(0, |most: usize, a| {
        Some(most.max(tolerance::significant_digits(a, MAX_DECIMALS as usize)?))
    });
    if let Some(significant) = significant {
        let largest = entries().fold(0.0f64, |s, a| s.max(a.abs())).log10().floor();
        let used = digits.map_or(usize::MAX, |digits| (largest + 1.0 + f64::from(digits)).max(0.0) as usize);
        if used >= significant + FINER.1 {
            let spacing = 10f64.powi(1 - i32::try_from(significant).unwrap_or(MAX_DECIMALS));
            let precision = steps(&|a| 10f64.powf(a.abs().log10().floor()) * spacing);
            return Some(Rounding { precision, decimal: false });
        }
    }
    digits
        .map(|digits| step(10f64.powi(-digits)))
        // Labels beyond 2⁵³ steps are multiples of any step.
        .filter(|&precision| precision > tolerance::EPS)
        .map(|precision| Rounding { precision, decimal: true })
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::{Mat, random};

    /// Labels of rank two, over `m` outputs.
    fn labels(m: usize, round: impl Fn(f64) -> f64) -> Mat<f64> {
        let rng = &mut random::stream(3, "label rounding", 0);
        let (u, z) = (random::gaussian(m, 2, rng), random::gaussian(2, 60, rng));
        let a = product::matmul(u.as_ref(), z.as_ref());
        Mat::from_fn(m, 60, |o, j| round(a[(o, j)]))
    }

    fn spectrum_of(a: &Mat<f64>) -> LabelSpectrum {
        let x = Mat::from_fn(1, a.ncols(), |_, j| j as f64);
        LabelSpectrum::of(&Samples::new(x.as_ref(), a.as_ref()).expect("finite"), false).expect("finite")
    }

    #[test]
    fn significant_digits_and_short_mantissas_are_recognised() {
        let six = |y: f64| format!("{y:.5e}").parse::<f64>().expect("a number");
        let half = |y: f64| {
            let step = 2f64.powi(y.abs().log2().floor() as i32 - 10);
            (y / step).round() * step
        };
        for m in [2, 5] {
            for (what, rounded, expected) in [
                ("%.6g", labels(m, six), 1e-6),
                ("f16", labels(m, half), 2f64.powi(-11) / 3f64.sqrt()),
                ("f32", labels(m, |y| f64::from(y as f32)), tolerance::EPS_F32 / 12f64.sqrt()),
            ] {
                let found = spectrum_of(&rounded);
                assert_eq!(found.rank.rank, 2, "{what}, m = {m}: {:?}", found.s);
                let ratio = found.precision / expected;
                assert!(ratio > 0.2 && ratio < 5.0, "{what}, m = {m}: {ratio}");
            }
            assert!(spectrum_of(&labels(m, |y| y)).precision < 2.0 * tolerance::EPS);
        }
    }

    #[test]
    fn repeated_and_tiny_outputs_do_not_hide_rounding() {
        let single = |y: f64| f64::from(y as f32);
        let a = labels(3, |y| y);
        let repeated = Mat::from_fn(5, 60, |o, j| single(a[(o % 3, j)]) * [1.0, 1.0, 1.0, -1.0, 4.0][o]);
        let tiny = Mat::from_fn(4, 60, |o, j| single(a[(o % 3, j)] * [1.0, 1.0, 1.0, 1e-7][o]));
        for found in [spectrum_of(&repeated), spectrum_of(&tiny)] {
            assert_eq!(found.rank.rank, 2, "{:?}", found.s);
            assert!(found.precision > tolerance::EPS_F32 / 50.0, "{}", found.precision);
        }
    }

    /// Integers and quarters that carry the rounding of a computation in `f64` are not rounded to one or two decimals.
    #[test]
    fn integers_with_rounding_are_no_decimals() {
        for step in [1.0, 0.25] {
            let a = labels(2, |y| (100.0 * y).round() * step * (1.0 + tolerance::EPS));
            let found = spectrum_of(&a);
            assert!(found.precision < 2.0 * tolerance::EPS && found.decimal_error.is_none(), "{step}");
        }
        let decimals = spectrum_of(&labels(2, |y| (10.0 * y).round() / 10.0));
        assert!(decimals.decimal_error.is_some_and(|error| (error - 0.1 / 12f64.sqrt()).abs() < 1e-9));
    }
}
