//! Algorithm 5: units from the first and second order of the labels' expansion in Hermite polynomials of Gaussian inputs.

use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::{LinalgError, Mat, MatRef, product, tolerance};
use orthant_tensor::TensorError;
use orthant_tensor::power::{PowerSettings, power_method, whitened_tensor};
use orthant_tensor::simultaneous::{SimultaneousSettings, rank_one_slices};
use orthant_tensor::whiten::MomentWhitening;

use crate::confident::Finish;
use crate::error::EstimateError;
use crate::expansion::{Expansion, Whitened, whitened_labels};
use crate::frame::Frame;
use crate::hypothesis::{self, Hypothesis, HypothesisError};
use crate::pair::shared_by_pair;
use crate::progress::Reporter;
use crate::unit::Unit;

/// Settings of [`tensor`] and [`power`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GaussianSettings {
    /// Seed of random combinations, of starts and of the part of the samples that units are identified on.
    pub seed: u64,
    /// Further decompositions while units are missing: of random pairs of combinations of slices ([`tensor`]), from other starts
    /// ([`power`]). 12 is plenty.
    pub attempts: usize,
}

/// How an estimate from moments went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GaussianHistory {
    /// Directions followed to a unit or to none.
    pub estimates: usize,
    /// Estimated relative error of the worst direction of the joint decomposition, for [`tensor`]; what the decomposition leaves of
    /// the tensor, for [`power`]. Infinite when it could not be computed.
    pub uncertainty: f64,
    /// Smallest singular value of the linear part over the sampling error of that part.
    pub signal: f64,
    /// What the data refute of the assumptions, although all units were found.
    pub refuted: Option<HypothesisError>,
}

/// The symmetric k × k slices Σ_r u_lr c₂ v_r v_r' of the quadratic parts, one for each label coordinate l, with the linear part
/// Σ_r u_r c₁ v_r' in the same coordinates.
struct Slices {
    inputs: Whitened,
    expansion: Expansion,
    /// q × k.
    linear: Mat<f64>,
}

impl Slices {
    fn of(frame: &Frame) -> Result<Result<Slices, HypothesisError>, LinalgError> {
        let inputs = Whitened::centred(frame)?;
        let labels = whitened_labels(frame)?;
        let k = labels.ncols();
        let available = inputs.values.ncols();
        if k > available {
            return Ok(Err(HypothesisError {
                hypothesis: Hypothesis::IndependentRows,
                statistic: "the number of units less the rank of the inputs",
                measured: (k - available) as f64,
                allowed: 0.0,
                instead: "pursuit",
            }));
        }
        let expansion = Expansion::fit(labels.as_ref(), inputs.values.as_ref(), k)?;
        let linear = product::matmul(expansion.linear.as_ref(), expansion.row_space.as_ref());
        Ok(Ok(Slices { inputs, expansion, linear }))
    }

    fn views(&self) -> Vec<MatRef<'_, f64>> {
        self.expansion.quadratic.iter().map(Mat::as_ref).collect()
    }

    /// Estimates of values before the activation, n × count, for rows of V given as columns in the coordinates of the slices.
    fn estimates(&self, frame: &Frame, rows: MatRef<'_, f64>) -> Mat<f64> {
        let whitened = product::matmul(self.expansion.row_space.as_ref(), rows);
        let directions = product::matmul(self.inputs.to_frame.as_ref(), whitened.as_ref());
        product::matmul(frame.inputs(), directions.as_ref())
    }

    /// Gives the columns v_r their signs: with V̂ the matrix of rows v_r', the columns of L V̂⁻¹ are the u_r c₁, and those of the
    /// quadratic parts the u_r c₂, with c₁, c₂ > 0.
    fn signed(&self, mut rows: Mat<f64>) -> Result<Mat<f64>, LinalgError> {
        let k = rows.nrows();
        let tolerance = tolerance::backward(k, k);
        let dual =
            RankRevealing::new(rows.transpose().to_owned(), tolerance)?.solve(Mat::identity(k, k).as_ref());
        let labels = product::matmul(self.linear.as_ref(), dual.as_ref());
        for r in 0..k {
            let direction = dual.as_ref().subcols(r, 1);
            let overlap: f64 = self
                .expansion
                .quadratic
                .iter()
                .enumerate()
                .map(|(l, slice)| {
                    let image = product::matmul(slice.as_ref(), direction);
                    labels[(l, r)] * product::matmul(direction.transpose(), image.as_ref())[(0, 0)]
                })
                .sum();
            if overlap < 0.0 {
                rows.as_mut().col_mut(r).iter_mut().for_each(|x| *x = -*x);
            }
        }
        Ok(rows)
    }

    /// Rows of V by whitening and the power method, with the part of the tensor that they leave; `None` when traces of products do not
    /// make a definite matrix, which is sampling error.
    fn by_power_method(&self, seed: u64) -> Result<Option<(Mat<f64>, f64)>, TensorError> {
        let k = self.linear.ncols();
        let to_dual = RankRevealing::new(self.linear.clone(), tolerance::backward(k, k))?
            .solve(Mat::identity(self.linear.nrows(), self.linear.nrows()).as_ref());
        let slices = &self.expansion.quadratic;
        let along: Vec<Mat<f64>> = (0..k)
            .map(|l| {
                let of_labels = Mat::from_fn(slices.len(), k, |a, j| slices[a][(j, l)]);
                product::matmul(to_dual.as_ref(), of_labels.as_ref())
            })
            .collect();
        let trace = |l: usize, m: usize| {
            (0..k).map(|i| (0..k).map(|j| along[l][(i, j)] * along[m][(j, i)]).sum::<f64>()).sum::<f64>()
        };
        let gram = Mat::from_fn(k, k, trace);
        let whitening = MomentWhitening::new(gram.as_ref(), k)?;
        if !whitening.is_definite() {
            return Ok(None);
        }
        let whitened = product::matmul(self.linear.as_ref(), whitening.map.transpose());
        let label_map = RankRevealing::new(whitened, tolerance::backward(k, k))?
            .solve(Mat::identity(self.linear.nrows(), self.linear.nrows()).as_ref());
        let tensor = whitened_tensor(&self.views(), label_map.as_ref(), whitening.map.as_ref())?;
        let settings = PowerSettings { seed, ..PowerSettings::default() };
        let found = power_method(&tensor, k, &settings)?;
        let rows = product::matmul(whitening.inverse.as_ref(), found.vectors.as_ref());
        Ok(Some((rows, found.residual)))
    }
}

/// Finds units by simultaneous diagonalisation of the quadratic parts of the labels, and appends them to `found`.
///
/// For Gaussian inputs, whatever their mean and covariance, the quadratic part of label l in whitened inputs is
/// Σ_r u_lr c₂(r) v_r v_r'. All label coordinates together determine the v_r up to sign and scale when the v_r are independent
/// (k ≤ rank of the inputs) and the labels have rank k; the linear parts Σ_r u_lr c₁(r) v_r give the signs. Hidden biases change
/// the coefficients c_p(r) > 0 of a unit and nothing else, and output biases nothing at all. The directions are crude, to the
/// sampling error; [`Finish`] leads from there to the units themselves.
///
/// # Guarantee
/// Every unit appended has passed [`crate::unit::unit_from_pattern`].
///
/// # Errors
/// [`EstimateError::Hypothesis`] when units are missing and the data refute that the inputs are Gaussian or show no k independent
/// directions; [`EstimateError::Search`]. When units are missing without such a reason (too few samples), the history is
/// returned.
///
/// # Cost
/// Three passes of about n k⁴/2 operations and one of 2nkr; then k calls of [`Finish::unit`] for the joint decomposition
/// and for each pair.
///
/// # Paper
/// Algorithm 5 with tensors of order two in place of order three, which vanishes for max(t, 0), and simultaneous diagonalisation
/// of all label coordinates in place of one random combination of them and the tensor power method (see [`power`]). Remark 24
/// is the whitening. Theorem 49's exactness comes from [`Finish`], which is Algorithm 6.
pub fn tensor(
    frame: &Frame,
    found: &mut Vec<Unit>,
    settings: &GaussianSettings,
    reporter: &mut Reporter<'_>,
) -> Result<GaussianHistory, EstimateError> {
    run(frame, found, settings, reporter, |slices, attempt| {
        let k = slices.linear.ncols();
        if let Some(pair) = attempt.checked_sub(1) {
            return Ok(Some((
                shared_by_pair(&slices.expansion.quadratic, k, settings.seed, pair)?,
                f64::INFINITY,
            )));
        }
        if k == 1 {
            return Ok(Some((Mat::identity(1, 1), 0.0)));
        }
        // Crude directions may do: it is the exact finish that decides.
        let joint = SimultaneousSettings {
            seed: settings.seed,
            max_uncertainty: f64::INFINITY,
            ..SimultaneousSettings::default()
        };
        let solved = rank_one_slices(&slices.views(), k, &joint);
        Ok(solved.ok().map(|terms| (terms.components, terms.uncertainty)))
    })
}

/// As [`tensor`], by whitening and the tensor power method.
///
/// Let T_l be the slices and L the linear parts, in k coordinates. The matrices B_l, which are the slices along an input
/// coordinate l with L⁻¹ applied to the labels, are (c₂/c₁) V⁻¹ diag(V e_l) V, so that tr(B_l B_m) are the entries of a multiple
/// of V'V: always positive definite. It whitens the tensor Σ_r v_r ⊗ v_r ⊗ v_r to one with orthonormal components of
/// equal weight, which the power method finds one by one, signs included.
///
/// # Guarantee
/// As [`tensor`].
///
/// # Errors
/// As [`tensor`].
///
/// # Cost
/// As [`tensor`], and 2k⁴ operations per start and iteration of the power method, 50 starts with 20 iterations.
///
/// # Paper
/// Step 4 of Algorithm 5 with Theorem 40. The paper whitens with a random contraction of the tensor, whose weights have both
/// signs; the traces do without one. The inverse of L makes this more sensitive to badly conditioned V than [`tensor`], which
/// is there for use; this is there to compare with.
pub fn power(
    frame: &Frame,
    found: &mut Vec<Unit>,
    settings: &GaussianSettings,
    reporter: &mut Reporter<'_>,
) -> Result<GaussianHistory, EstimateError> {
    run(frame, found, settings, reporter, |slices, attempt| {
        let seed = settings.seed.wrapping_add(attempt as u64);
        Ok(slices.by_power_method(seed).ok().flatten())
    })
}

fn run(
    frame: &Frame,
    found: &mut Vec<Unit>,
    settings: &GaussianSettings,
    reporter: &mut Reporter<'_>,
    decompose: impl Fn(&Slices, usize) -> Result<Option<(Mat<f64>, f64)>, LinalgError>,
) -> Result<GaussianHistory, EstimateError> {
    let wanted = frame.n_rectified();
    let mut history =
        GaussianHistory { estimates: 0, uncertainty: f64::INFINITY, signal: 0.0, refuted: None };
    reporter.report("moments", found.len(), wanted, 0)?;
    history.refuted = hypothesis::check_gaussian(frame, settings.seed)?.err();
    let slices = Slices::of(frame)??;
    let k = slices.linear.ncols();
    history.signal = slices.expansion.sigma.last().copied().unwrap_or(0.0)
        / slices.expansion.linear_error(frame.n()).max(f64::MIN_POSITIVE);
    if history.refuted.is_none() {
        history.refuted = hypothesis::check_independent_rows(&slices.expansion, frame.n(), k).err();
    }
    let finish = Finish::new(frame, settings.seed)?;
    let mut followed = 0;
    let mut follow = |rows: Mat<f64>, found: &mut Vec<Unit>| -> Result<(), EstimateError> {
        reporter.report("moments: exact units", found.len(), wanted, followed)?;
        let estimates = slices.estimates(frame, slices.signed(rows)?.as_ref());
        followed += estimates.ncols();
        finish.collect(estimates.as_ref(), wanted, found);
        Ok(())
    };
    for attempt in 0..=settings.attempts {
        if attempt > 0 && found.len() >= wanted {
            break;
        }
        if let Some((rows, uncertainty)) = decompose(&slices, attempt)? {
            history.uncertainty = history.uncertainty.min(uncertainty);
            follow(rows, found)?;
        }
    }
    history.estimates = followed;
    match history.refuted {
        Some(refuted) if found.len() < wanted => Err(refuted.into()),
        _ => Ok(history),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_network::{BiasKind, InputKind, Planted, PlantedSpec, Samples};
    use std::ops::ControlFlow;

    type Method = fn(
        &Frame,
        &mut Vec<Unit>,
        &GaussianSettings,
        &mut Reporter<'_>,
    ) -> Result<GaussianHistory, EstimateError>;

    fn run_on(
        p: &Planted,
        fitted: BiasKind,
        method: Method,
    ) -> (usize, Result<GaussianHistory, EstimateError>) {
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let frame = Frame::new(&samples, fitted, None).expect("finite").0;
        let mut found = Vec::new();
        let mut callback = |_| ControlFlow::Continue(());
        // Without a second decomposition where the first is to fail.
        let attempts = if p.network.k() == 20 { 0 } else { 12 };
        let settings = GaussianSettings { seed: 1, attempts };
        let outcome = method(&frame, &mut found, &settings, &mut Reporter::new(&mut callback));
        let z = p.network.activations(p.x.as_ref());
        let is_planted = |unit: &&Unit| {
            (0..z.nrows()).any(|i| {
                let row: Vec<f64> = z.row(i).iter().copied().collect();
                let cosine = product::dot(&row, &unit.activations) / product::norm(&row);
                1.0 - cosine <= frame.null_tolerance() / unit.null_gap
            })
        };
        (found.iter().filter(is_planted).count(), outcome)
    }

    /// m = 10, k = 5, d = 20 from n = 1000, with and without biases, fitted or not: all units in 6 of 6, and in 6 of 6 by the power
    /// method. In release mode 20 of 20 each.
    #[test]
    fn gaussian_inputs_are_enough() {
        let cases = [
            (BiasKind::None, BiasKind::None),
            (BiasKind::None, BiasKind::Both),
            (BiasKind::Both, BiasKind::Both),
        ];
        for (bias, fitted) in cases {
            for seed in 0..2 {
                let spec = PlantedSpec { m: 10, k: 5, d: 20, bias, seed, ..PlantedSpec::default() };
                let p = spec.plant(1000).expect("valid");
                for method in [tensor as Method, power as Method] {
                    let (found, outcome) = run_on(&p, fitted, method);
                    assert_eq!(found, 5, "{bias:?} fitted as {fitted:?}, seed {seed}: {outcome:?}");
                    assert_eq!(outcome.expect("all found").refuted, None);
                }
            }
        }
    }

    #[test]
    fn any_mean_and_covariance_will_do() {
        for seed in 0..3 {
            let spec = PlantedSpec { m: 8, k: 4, d: 8, seed, ..PlantedSpec::default() };
            let mut p = spec.plant(1500).expect("valid");
            let root = orthant_linalg::random::with_condition(
                8,
                8,
                10.0,
                &mut orthant_linalg::random::stream(seed, "root", 0),
            );
            p.x = product::matmul(root.as_ref(), p.x.as_ref());
            p.x.col_iter_mut().for_each(|mut x| x[0] += 0.1);
            p.a = p.network.labels(p.x.as_ref());
            assert_eq!(run_on(&p, BiasKind::None, tensor).0, 4, "seed {seed}");
        }
    }

    #[test]
    fn too_many_units_for_the_inputs_are_named() {
        let p = PlantedSpec { m: 6, k: 5, d: 3, ..PlantedSpec::default() }.plant(500).expect("valid");
        match run_on(&p, BiasKind::None, tensor).1 {
            Err(EstimateError::Hypothesis(error)) => {
                assert_eq!(error.hypothesis, Hypothesis::IndependentRows);
                assert!(error.measured == 2.0 && error.instead.contains("pursuit"), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }

    /// Inputs without fourth moment, and too few of them: the slices of 20 units are not separated.
    #[test]
    fn inputs_that_are_not_gaussian_are_named_when_units_are_missing() {
        let spec = PlantedSpec { m: 20, k: 20, d: 20, inputs: InputKind::Student3, ..PlantedSpec::default() };
        let (found, outcome) = run_on(&spec.plant(400).expect("valid"), BiasKind::None, tensor);
        match outcome {
            Err(EstimateError::Hypothesis(error)) => {
                assert_eq!(error.hypothesis, Hypothesis::GaussianInputs);
                assert!(error.measured > error.allowed && found < 20);
            }
            other => panic!("{other:?}"),
        }
    }
}
