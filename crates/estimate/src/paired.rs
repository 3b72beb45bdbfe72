//! Units from queries at x and at −x: exact, for any inputs, without moments.

use orthant_linalg::{LinalgError, Mat, MatRef, product};
use orthant_network::{BiasKind, Samples, SamplesError};

use crate::confident::Finish;
use crate::error::SearchError;
use crate::frame::{Frame, LabelSpectrum};
use crate::pair::shared_by_pair;
use crate::progress::{Cancelled, Reporter};
use crate::symmetric::PureNeurons;
use crate::unit::{self, Unit};

/// Settings of [`paired`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairedSettings {
    /// Seed of random combinations.
    pub seed: u64,
    /// Whether an output bias is fitted.
    pub output_bias: bool,
    /// Random pairs of combinations that are diagonalised, after all jointly, while units are missing; 6 is plenty.
    pub attempts: usize,
}

/// What was found from paired queries.
#[derive(Debug, Clone)]
pub struct Paired {
    /// The frame of both halves of the pairs: x first, then −x.
    pub frame: Frame,
    /// Singular values of the labels with their rank, which is the number of units.
    pub spectrum: LabelSpectrum,
    /// The units, in that frame.
    pub units: Vec<Unit>,
    /// Pairs that say something: not all units have one sign there.
    pub n_informative: usize,
    /// The k-th smallest singular value of the condition on the informative pairs: zero to rounding.
    pub null: f64,
    /// The next one: far from zero when the pairs determine the units.
    pub next: f64,
}

/// Why paired queries gave nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PairedError {
    /// The queries do not form pairs.
    #[error("{at_negatives} labels at the negatives of {at_inputs} inputs: there must be as many")]
    Unpaired {
        /// Number of inputs.
        at_inputs: usize,
        /// Number of labels at their negatives.
        at_negatives: usize,
    },
    /// Inputs or labels are not samples.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// Too few pairs say something.
    #[error("too few informative pairs: {informative}; width {k} needs {needed}")]
    TooFewPairs {
        /// Pairs on which not all units have one sign.
        informative: usize,
        /// Number of units.
        k: usize,
        /// k(k − 1)/2, and one more for each unit and a last one where there is an output bias.
        needed: usize,
    },
    /// No products of labels at x and −x vanish: there is a hidden bias, more units than outputs, or another activation than
    /// max(t, 0).
    #[error(
        "no combination of labels vanishes at x or -x (least product {null:e}, allowed {allowed:e}): a hidden bias, more units than outputs, or another activation"
    )]
    NotPaired {
        /// The k-th smallest singular value.
        null: f64,
        /// What counts as zero.
        allowed: f64,
    },
    /// The caller asked to stop, or a factorisation overflowed.
    #[error(transparent)]
    Search(#[from] SearchError),
}

impl From<LinalgError> for PairedError {
    fn from(error: LinalgError) -> PairedError {
        PairedError::Search(error.into())
    }
}

impl From<Cancelled> for PairedError {
    fn from(cancelled: Cancelled) -> PairedError {
        PairedError::Search(cancelled.into())
    }
}

/// Finds the units of a network without hidden bias from its labels at inputs and at their negatives.
///
/// f(t) f(−t) = 0, so the combination w of labels that isolates a unit satisfies (w'y(x)) (w'y(−x)) = 0: one linear equation in
/// w w' for each pair. Generic pairs leave nothing but the k units as soon as there are k(k − 1)/2 of them, the number of unknowns
/// less k. Then t = w'(y(x) − y(−x)) is linear in x.
///
/// # Shapes
/// `x` is d × p; `a`, the labels at x, and `a_negative`, those at −x, are m × p.
///
/// # Guarantee
/// Every unit has passed [`unit::unit_from_pattern`] on all 2p queries.
///
/// # Errors
/// [`PairedError`]. Units that are missing without such a reason show in the number of units.
///
/// # Cost
/// pk⁴/2 operations for p pairs and k⁶/8 for the null space.
///
/// # Paper
/// Not in the paper; it is the pure-neuron condition of section C.3 with the labels at −x queried in place of estimated, for which
/// the distribution of the inputs does not matter.
pub fn paired(
    x: MatRef<'_, f64>,
    a: MatRef<'_, f64>,
    a_negative: MatRef<'_, f64>,
    settings: &PairedSettings,
    reporter: &mut Reporter<'_>,
) -> Result<Paired, PairedError> {
    let p = x.ncols();
    if a_negative.shape() != a.shape() || a.ncols() != p {
        return Err(PairedError::Unpaired { at_inputs: p, at_negatives: a_negative.ncols() });
    }
    let both = Mat::from_fn(x.nrows(), 2 * p, |i, j| if j < p { x[(i, j)] } else { -x[(i, j - p)] });
    let labels =
        Mat::from_fn(a.nrows(), 2 * p, |i, j| if j < p { a[(i, j)] } else { a_negative[(i, j - p)] });
    let samples = Samples::new(both.as_ref(), labels.as_ref())?;
    let bias = if settings.output_bias { BiasKind::Output } else { BiasKind::None };
    let (frame, spectrum) = Frame::new(&samples, bias, None)?;
    let k = frame.n_rectified();
    reporter.report("pairs", 0, k, 0)?;
    let mut result = Paired { frame, spectrum, units: Vec::new(), n_informative: 0, null: 0.0, next: 0.0 };
    if k == 0 {
        return Ok(result);
    }
    let (at_x, at_negative) = informative(&result.frame, p);
    let q = at_x.ncols();
    result.n_informative = at_x.nrows();
    let needed = q * (q + 1) / 2 - k;
    if at_x.nrows() < needed {
        return Err(PairedError::TooFewPairs { informative: at_x.nrows(), k, needed });
    }
    let neurons = PureNeurons::of(at_x.as_ref(), at_negative.as_ref(), k)?;
    (result.null, result.next) = (neurons.null, neurons.next);
    // Rows are scaled to unit norm, which enlarges the error of those where few units are active.
    let allowed = 1e3 * result.frame.null_tolerance();
    if result.null.is_nan() || result.null > allowed {
        return Err(PairedError::NotPaired { null: result.null, allowed });
    }
    let finish = Finish::new(&result.frame, settings.seed)?;
    let mut next = neurons.combinations(settings.seed).map(|(combinations, _)| combinations);
    for pair in 0..=settings.attempts {
        if let Some(combinations) = next {
            reporter.report("pairs: exact units", result.units.len(), k, pair)?;
            let estimates = differences(&result.frame, &combinations);
            for j in 0..estimates.ncols() {
                // The estimate is right to rounding, and crude only if two units are hardly told apart.
                let near = unit::settle(&result.frame, estimates.col_as_slice(j))
                    .or_else(|_| finish.unit(estimates.col_as_slice(j)));
                if let Ok(unit) = near
                    && result.units.len() < k
                    && !result.units.iter().any(|known| unit::same_unit(known, &unit))
                {
                    result.units.push(unit);
                }
            }
        }
        if result.units.len() >= k || pair == settings.attempts {
            break;
        }
        next = Some(shared_by_pair(&neurons.slices, k, settings.seed, pair)?);
    }
    Ok(result)
}

/// Labels in the coordinates of the frame at x and at −x, scaled so that products of pairs have unit size; pairs are left out where
/// all units have one sign, for there the labels at x or at −x are zero (constants aside) and say nothing.
fn informative(frame: &Frame, p: usize) -> (Mat<f64>, Mat<f64>) {
    let labels = frame.extended();
    let norm = |j: usize| labels.row(j).norm_l2();
    let typical = (labels.ncols() as f64 / labels.nrows() as f64).sqrt();
    let kept: Vec<usize> = (0..p)
        .filter(|&j| {
            // With an output bias the labels where all units are off are a vector that is not known beforehand.
            frame.bias().output() || norm(j).min(norm(j + p)) > 1e3 * frame.null_tolerance() * typical
        })
        .collect();
    let scaled = |offset: usize| {
        Mat::from_fn(kept.len(), labels.ncols(), |i, a| {
            let j = kept[i];
            labels[(j + offset, a)] / norm(j + offset)
        })
    };
    (scaled(0), scaled(p))
}

/// The values w'(y(x) − y(−x)) over both halves, signed so that w'y is positive.
fn differences(frame: &Frame, combinations: &Mat<f64>) -> Mat<f64> {
    let values = product::matmul(frame.extended(), combinations.as_ref());
    let p = frame.n() / 2;
    Mat::from_fn(frame.n(), values.ncols(), |i, c| {
        let sign = if values.col(c).iter().sum::<f64>() < 0.0 { -1.0 } else { 1.0 };
        sign * (values[(i, c)] - values[((i + p) % (2 * p), c)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_network::{InputKind, Planted, PlantedSpec};
    use std::ops::ControlFlow;

    fn run_on(p: &Planted, output_bias: bool) -> Result<Paired, PairedError> {
        let negative = Mat::from_fn(p.x.nrows(), p.x.ncols(), |i, j| -p.x[(i, j)]);
        let at_negative = p.network.labels(negative.as_ref());
        let settings = PairedSettings { seed: 1, output_bias, attempts: 6 };
        let mut callback = |_| ControlFlow::Continue(());
        let reporter = &mut Reporter::new(&mut callback);
        paired(p.x.as_ref(), p.a.as_ref(), at_negative.as_ref(), &settings, reporter)
    }

    /// k = 8 units of 15 inputs from 40 pairs, of which 28 are needed, whatever the inputs: all units to rounding.
    #[test]
    fn few_pairs_determine_the_units_whatever_the_inputs() {
        for inputs in [InputKind::Gaussian, InputKind::Uniform, InputKind::Student3, InputKind::Correlated] {
            for seed in 0..3 {
                let spec = PlantedSpec { m: 9, k: 8, d: 15, inputs, seed, ..PlantedSpec::default() };
                let p = spec.plant(40).expect("valid");
                let result = run_on(&p, false).expect("enough pairs");
                assert_eq!(result.units.len(), 8, "{inputs:?} {seed}");
                let z = p.network.activations(p.x.as_ref());
                for unit in &result.units {
                    let here = &unit.activations[..40];
                    let best = (0..8)
                        .map(|i| {
                            let row: Vec<f64> = z.row(i).iter().copied().collect();
                            product::dot(&row, here) / (product::norm(&row) * product::norm(here))
                        })
                        .fold(0.0, f64::max);
                    assert!(1.0 - best <= result.frame.null_tolerance() / unit.null_gap);
                }
            }
        }
    }

    #[test]
    fn output_biases_take_a_few_more_pairs() {
        let spec = PlantedSpec { m: 6, k: 5, d: 9, bias: BiasKind::Output, ..PlantedSpec::default() };
        let result = run_on(&spec.plant(40).expect("valid"), true).expect("enough pairs");
        assert_eq!(result.units.len(), 5);
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let spec = PlantedSpec { m: 6, k: 6, d: 9, ..PlantedSpec::default() };
        let few = run_on(&spec.plant(14).expect("valid"), false);
        assert!(matches!(few, Err(PairedError::TooFewPairs { k: 6, needed: 15, .. })), "{few:?}");
        let biased = PlantedSpec { bias: BiasKind::Hidden, ..spec.clone() };
        let hidden = run_on(&biased.plant(60).expect("valid"), false);
        assert!(matches!(hidden, Err(PairedError::NotPaired { .. })), "{hidden:?}");
        let p = spec.plant(20).expect("valid");
        let mut callback = |_| ControlFlow::Continue(());
        let settings = PairedSettings { seed: 0, output_bias: false, attempts: 1 };
        let short = paired(
            p.x.as_ref(),
            p.a.as_ref(),
            p.a.as_ref().subcols(0, 19),
            &settings,
            &mut Reporter::new(&mut callback),
        );
        assert!(matches!(short, Err(PairedError::Unpaired { at_inputs: 20, at_negatives: 19 })));
    }
}
