//! Units from the pure-neuron condition, for inputs that are as likely as their negatives.

use orthant_linalg::{LinalgError, Mat, MatRef, product, qr, spectrum};
use orthant_tensor::simultaneous::{SimultaneousSettings, rank_one_slices};
use rayon::prelude::*;

use crate::confident::Finish;
use crate::error::EstimateError;
use crate::expansion::{Expansion, Whitened, centre};
use crate::frame::Frame;
use crate::hypothesis::{self, HypothesisError};
use crate::pair::shared_by_pair;
use crate::progress::Reporter;
use crate::unit::Unit;

/// Settings of [`symmetric`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SymmetricSettings {
    /// Seed of random combinations and of the part of the samples that units are identified on.
    pub seed: u64,
    /// Random pairs of combinations that are diagonalised, after all jointly, while units are missing; 12 is plenty.
    pub attempts: usize,
}

/// How an estimate by the pure-neuron condition went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SymmetricHistory {
    /// Directions followed to a unit or to none.
    pub estimates: usize,
    /// The k-th smallest singular value of the condition, where the products of two label coordinates have unit variance: zero
    /// but for the error of the linear part.
    pub null: f64,
    /// The next singular value: that of the products f(t_i) f(−t_j) of two units. Where it is not well above `null`, units
    /// cannot be told apart.
    pub next: f64,
    /// Estimated relative error of the worst combination; infinite when there is none.
    pub uncertainty: f64,
    /// The smallest singular value of the distinguishing matrix (Definition 51) on the whitened inputs, when all units are known
    /// and there are at least two. It is zero when k(k − 1)/2 exceeds r(r + 1)/2.
    pub distinguishing: Option<f64>,
    /// What the data refute of the assumptions, although all units were found.
    pub refuted: Option<HypothesisError>,
}

/// Rows of the condition that are factored at a time.
const BLOCK: usize = 2048;

/// Sampling errors of the linear part that the null space may be off by: one for each of y(x) and y(−x), with room for heavy tails.
const NULL_ERRORS: f64 = 6.0;

/// Samples per unknown that the condition is set up on, when there are more.
const SAMPLES_PER_UNKNOWN: usize = 400;

/// The null space of W ↦ y'W ŷ over the samples, for symmetric W, where y and ŷ are labels at x and at −x.
pub(crate) struct PureNeurons {
    /// Orthonormal matrices that span it, as many as units.
    pub(crate) slices: Vec<Mat<f64>>,
    /// The largest singular value that belongs to it.
    pub(crate) null: f64,
    /// The one after that.
    pub(crate) next: f64,
}

impl PureNeurons {
    /// Computes the null space of dimension k.
    ///
    /// f(t) f(−t) = 0, so that W = w w' is in it when w'y are the activations of one unit; and when the products
    /// f(t_i) f(−t_j) of the pairs of units are linearly independent functions, such W span it.
    ///
    /// # Shapes
    /// Rows of labels are samples: `labels` and `mirrored` are n × q.
    ///
    /// # Cost
    /// nq⁴/2 operations.
    pub(crate) fn of(
        labels: MatRef<'_, f64>,
        mirrored: MatRef<'_, f64>,
        k: usize,
    ) -> Result<PureNeurons, LinalgError> {
        let (n, q) = labels.shape();
        let unknowns = q * (q + 1) / 2;
        let starts: Vec<usize> = (0..n).step_by(BLOCK).collect();
        let mut triangle = Mat::zeros(0, unknowns);
        for group in starts.chunks(16) {
            let parts: Vec<Mat<f64>> = group
                .par_iter()
                .map(|&first| {
                    let rows = BLOCK.min(n - first);
                    let block = products(labels.subrows(first, rows), mirrored.subrows(first, rows));
                    qr::stack_r(Mat::zeros(0, unknowns).as_ref(), block.as_ref())
                })
                .collect();
            for part in parts {
                triangle = qr::stack_r(triangle.as_ref(), part.as_ref());
            }
        }
        // Zero rows make the triangle square, so that the SVD has all right singular vectors.
        let square = Mat::from_fn(unknowns.max(triangle.nrows()), unknowns, |i, j| {
            if i < triangle.nrows() { triangle[(i, j)] } else { 0.0 }
        });
        let svd = spectrum::thin_svd(square.as_ref())?;
        let scale = (n as f64).sqrt();
        let first = unknowns.saturating_sub(k);
        let slices = (first..unknowns).map(|j| matrix(svd.v.as_ref().subcols(j, 1), q)).collect();
        let next = if first > 0 { svd.s[first - 1] / scale } else { 0.0 };
        Ok(PureNeurons { slices, null: svd.s[first.min(unknowns - 1)] / scale, next })
    }

    /// The combinations w as columns with an estimate of their relative error. `None` when they are not separated.
    pub(crate) fn combinations(&self, seed: u64) -> Option<(Mat<f64>, f64)> {
        let views: Vec<MatRef<'_, f64>> = self.slices.iter().map(Mat::as_ref).collect();
        let k = views.len();
        if k == 1 {
            // One matrix: its only direction.
            let svd = spectrum::thin_svd(views[0]).ok()?;
            return Some((svd.u.as_ref().subcols(0, 1).to_owned(), 0.0));
        }
        // Crude combinations may do: it is the exact finish that decides.
        let settings =
            SimultaneousSettings { seed, max_uncertainty: f64::INFINITY, ..SimultaneousSettings::default() };
        rank_one_slices(&views, k, &settings).ok().map(|terms| (terms.components, terms.uncertainty))
    }
}

/// Values of y'W ŷ, a sample per row, for an orthonormal basis of symmetric matrices W.
fn products(labels: MatRef<'_, f64>, mirrored: MatRef<'_, f64>) -> Mat<f64> {
    let (rows, q) = labels.shape();
    let mut out = Mat::zeros(rows, q * (q + 1) / 2);
    let mut next = 0;
    for a in 0..q {
        for b in a..q {
            for i in 0..rows {
                out[(i, next)] = if a == b {
                    labels[(i, a)] * mirrored[(i, a)]
                } else {
                    (labels[(i, a)] * mirrored[(i, b)] + labels[(i, b)] * mirrored[(i, a)]) / 2.0f64.sqrt()
                };
            }
            next += 1;
        }
    }
    out
}

/// The symmetric matrix with the given coordinates in the basis of [`products`].
fn matrix(coordinates: MatRef<'_, f64>, q: usize) -> Mat<f64> {
    let mut out = Mat::zeros(q, q);
    let mut next = 0;
    for a in 0..q {
        for b in a..q {
            let c = coordinates[(next, 0)];
            let value = if a == b { c } else { c / 2.0f64.sqrt() };
            out[(a, b)] = value;
            out[(b, a)] = value;
            next += 1;
        }
    }
    out
}

/// Finds units of a network without hidden bias, from inputs distributed as their negatives, and appends them to `found`.
///
/// For max(t, 0), y(x) − y(−x) = P x is linear, and for symmetric inputs P/2 is the regression of y on x. So the labels at −x are
/// known, and a combination w of labels isolates one unit exactly when (w'y(x)) (w'y(−x)) = 0 for all x. That is linear in w w'.
/// With output biases, w has a constant part as well. When a hidden bias is fitted, everything here is about the mean of
/// the inputs: the kinks of all units must go through it.
///
/// # Guarantee
/// Every unit appended has passed [`crate::unit::unit_from_pattern`].
///
/// # Errors
/// [`EstimateError::Hypothesis`] when units are missing and the data refute that the inputs are symmetric, or that no
/// combination satisfies the condition, as with hidden biases or other activations; [`EstimateError::Search`]. When units
/// are missing without such a reason (too few samples), the history is returned.
///
/// # Cost
/// nk⁴/2 operations three times over, and k calls of [`Finish::unit`] for each attempt.
///
/// # Paper
/// Section C.3. Ge et al. (2018) average the condition z² − z p'x against x ⊗ x, which needs a distinguishing matrix (Definition 51)
/// of full rank. Noiseless labels allow to ask for it at every sample, which is averaging against all functions of x at once: this
/// needs only that the products f(t_i) f(−t_j) are linearly independent. P is fitted together with a quadratic part, which by
/// symmetry does not change it and takes away most of its sampling error.
pub fn symmetric(
    frame: &Frame,
    found: &mut Vec<Unit>,
    settings: &SymmetricSettings,
    reporter: &mut Reporter<'_>,
) -> Result<SymmetricHistory, EstimateError> {
    let (wanted, k) = (frame.n_rectified(), frame.k());
    reporter.report("symmetry", found.len(), wanted, 0)?;
    let mut history = SymmetricHistory {
        estimates: 0,
        null: 0.0,
        next: 0.0,
        uncertainty: f64::INFINITY,
        distinguishing: None,
        refuted: hypothesis::check_symmetric(frame, settings.seed).err(),
    };
    if k == 0 {
        return Ok(history);
    }
    let reflection = Reflection::of(frame)?;
    let (labels, mirrored) = (reflection.labels.as_ref(), reflection.mirrored.as_ref());
    let used = frame.n().min(SAMPLES_PER_UNKNOWN * labels.ncols() * (labels.ncols() + 1) / 2);
    let neurons = PureNeurons::of(labels.subrows(0, used), mirrored.subrows(0, used), k)?;
    (history.null, history.next) = (neurons.null, neurons.next);
    if history.refuted.is_none() {
        let allowed = NULL_ERRORS * reflection.error;
        history.refuted = hypothesis::check_reflection(neurons.null, allowed).err();
    }
    let finish = Finish::new(frame, settings.seed)?;
    let joint = neurons.combinations(settings.seed);
    history.uncertainty = joint.as_ref().map_or(f64::INFINITY, |(_, uncertainty)| *uncertainty);
    let mut next = joint.map(|(combinations, _)| combinations);
    for pair in 0..=settings.attempts {
        if let Some(combinations) = next {
            reporter.report("symmetry: exact units", found.len(), wanted, history.estimates)?;
            let estimates = reflection.estimates(frame, combinations);
            history.estimates += estimates.ncols();
            finish.collect(estimates.as_ref(), wanted, found);
        }
        if found.len() >= wanted || pair == settings.attempts {
            break;
        }
        next = Some(shared_by_pair(&neurons.slices, k, settings.seed, pair)?);
    }
    if found.len() == k && k > 1 {
        history.distinguishing = Some(distinguishing(&reflection.inputs, frame, found)?);
    }
    match history.refuted {
        Some(refuted) if found.len() < wanted => Err(refuted.into()),
        _ => Ok(history),
    }
}

/// Labels at x and at −x.
struct Reflection {
    inputs: Whitened,
    /// √n times the extended labels of the frame, n × q.
    labels: Mat<f64>,
    /// The same at −x, as far as the linear part is known.
    mirrored: Mat<f64>,
    /// P', r × q.
    slopes: Mat<f64>,
    /// Sampling error of the linear part, in spectral norm.
    error: f64,
}

impl Reflection {
    fn of(frame: &Frame) -> Result<Reflection, LinalgError> {
        let inputs = Whitened::as_given(frame);
        let root = (frame.n() as f64).sqrt();
        let given = frame.extended();
        let labels = Mat::from_fn(given.nrows(), given.ncols(), |i, j| root * given[(i, j)]);
        let mut varying = labels.as_ref().subcols(0, frame.k()).to_owned();
        centre(&mut varying);
        let used = frame.k().min(inputs.values.ncols());
        let expansion = Expansion::fit(varying.as_ref(), inputs.values.as_ref(), used)?;
        let slopes = Mat::from_fn(inputs.values.ncols(), labels.ncols(), |r, a| {
            if a < frame.k() { 2.0 * expansion.linear[(a, r)] } else { 0.0 }
        });
        let mut mirrored = labels.clone();
        product::matmul_add(mirrored.as_mut(), -1.0, inputs.values.as_ref(), slopes.as_ref());
        let error = expansion.linear_error(frame.n());
        Ok(Reflection { inputs, labels, mirrored, slopes, error })
    }

    /// The linear functions w'P x of combinations w, with the sign for which w'y is positive.
    fn estimates(&self, frame: &Frame, mut combinations: Mat<f64>) -> Mat<f64> {
        let q = self.labels.ncols();
        let means: Vec<f64> = (0..q).map(|a| self.labels.col(a).iter().sum()).collect();
        for r in 0..combinations.ncols() {
            let total: f64 = (0..q).map(|a| means[a] * combinations[(a, r)]).sum();
            if total < 0.0 {
                combinations.as_mut().col_mut(r).iter_mut().for_each(|w| *w = -*w);
            }
        }
        let whitened = product::matmul(self.slopes.as_ref(), combinations.as_ref());
        let directions = product::matmul(self.inputs.to_frame.as_ref(), whitened.as_ref());
        product::matmul(frame.inputs(), directions.as_ref())
    }
}

/// Samples that the distinguishing matrix is averaged over: it is only reported.
const DISTINGUISHING_SAMPLES: usize = 20_000;

/// The smallest singular value of the matrix with columns E[t_i t_j (x ⊗ x); t_i t_j ≤ 0] for the pairs of units, where x and the t_i
/// have unit variance.
fn distinguishing(inputs: &Whitened, frame: &Frame, units: &[Unit]) -> Result<f64, LinalgError> {
    let n = frame.n().min(DISTINGUISHING_SAMPLES);
    let (x, r, k) = (inputs.values.as_ref().subrows(0, n), inputs.values.ncols(), units.len());
    let directions = Mat::from_fn(frame.inputs().ncols(), k, |i, j| units[j].direction[i]);
    let t = product::matmul(frame.inputs().subrows(0, n), directions.as_ref());
    let scale: Vec<f64> = (0..k).map(|i| t.col(i).norm_l2() / (n as f64).sqrt()).collect();
    let pairs: Vec<(usize, usize)> = (0..k).flat_map(|i| (0..i).map(move |j| (i, j))).collect();
    let (rows, columns) = (r * (r + 1) / 2, pairs.len());
    if columns > rows {
        return Ok(0.0);
    }
    let mut sum = Mat::zeros(rows, columns);
    for first in (0..n).step_by(BLOCK) {
        let size = BLOCK.min(n - first);
        let block = x.subrows(first, size);
        let of_pairs = Mat::from_fn(size, columns, |s, p| {
            let (i, j) = pairs[p];
            (t[(first + s, i)] * t[(first + s, j)] / (scale[i] * scale[j])).min(0.0)
        });
        sum += product::matmul(products(block, block).transpose(), of_pairs.as_ref());
    }
    let s = spectrum::singular_values(sum.as_ref())?;
    Ok(s.last().copied().unwrap_or(0.0) / n as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypothesis::Hypothesis;
    use orthant_network::{BiasKind, InputKind, PlantedSpec, Samples};
    use std::ops::ControlFlow;

    fn run_on(
        spec: &PlantedSpec,
        n: usize,
        fitted: BiasKind,
    ) -> (usize, Result<SymmetricHistory, EstimateError>) {
        let p = spec.plant(n).expect("valid");
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let frame = Frame::new(&samples, fitted, None).expect("finite").0;
        let mut found = Vec::new();
        let mut callback = |_| ControlFlow::Continue(());
        let settings = SymmetricSettings { seed: 1, attempts: 12 };
        let outcome = symmetric(&frame, &mut found, &settings, &mut Reporter::new(&mut callback));
        (found.len(), outcome)
    }

    /// k = 4, d = 6 from n = 2000 on uniform, Laplace, Gaussian and ±1 inputs, with output biases fitted and not: all units, 8 of 8.
    #[test]
    fn symmetric_inputs_of_any_kind_are_enough() {
        for inputs in [InputKind::Uniform, InputKind::Laplace, InputKind::Gaussian, InputKind::Student3] {
            for bias in [BiasKind::None, BiasKind::Output] {
                let spec = PlantedSpec { m: 5, k: 4, d: 6, inputs, bias, seed: 2, ..PlantedSpec::default() };
                let (found, outcome) = run_on(&spec, 2000, bias);
                assert_eq!(found, 4, "{inputs:?} {bias:?}: {outcome:?}");
                let history = outcome.expect("all found");
                assert_eq!(history.refuted, None, "{inputs:?} {bias:?}");
                assert!(history.null < history.next);
                assert!(history.distinguishing.expect("all units are known") > 0.0);
            }
        }
    }

    #[test]
    fn inputs_that_are_not_symmetric_are_refuted() {
        let spec = PlantedSpec { m: 5, k: 4, d: 6, inputs: InputKind::Binary, ..PlantedSpec::default() };
        let refuted = match run_on(&spec, 2000, BiasKind::None).1 {
            Ok(history) => history.refuted,
            Err(EstimateError::Hypothesis(error)) => Some(error),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(refuted.map(|error| error.hypothesis), Some(Hypothesis::SymmetricInputs));
    }

    #[test]
    fn hidden_biases_are_noticed() {
        let spec =
            PlantedSpec { m: 5, k: 4, d: 6, bias: BiasKind::Hidden, seed: 3, ..PlantedSpec::default() };
        let refuted = match run_on(&spec, 5000, BiasKind::Hidden).1 {
            Ok(history) => history.refuted,
            Err(EstimateError::Hypothesis(error)) => Some(error),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(refuted.map(|error| error.hypothesis), Some(Hypothesis::NoHiddenBias));
    }
}
