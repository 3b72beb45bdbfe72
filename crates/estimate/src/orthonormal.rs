//! Algorithm 4: units of a network with orthonormal V, as independent components of its labels.

use orthant_linalg::{Mat, product};
use orthant_tensor::TensorError;
use orthant_tensor::ica::{Contrast, IcaSettings, separate};

use crate::confident::Finish;
use crate::error::EstimateError;
use crate::expansion::{Whitened, whitened_labels};
use crate::frame::Frame;
use crate::hypothesis::{self, HypothesisError};
use crate::progress::Reporter;
use crate::unit::Unit;

/// Settings of [`ica`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrthonormalSettings {
    /// Seed of the part of the samples that units are identified on.
    pub seed: u64,
}

/// How an independent component analysis went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrthonormalHistory {
    /// Directions followed to a unit or to none.
    pub estimates: usize,
    /// Estimated error of the worst component by third cumulants; infinite when they could not be diagonalised.
    pub uncertainty: f64,
    /// Why cumulants could not be diagonalised, for the last contrast tried.
    pub failure: Option<TensorError>,
    /// What the data refute of the assumptions, although all units were found.
    pub refuted: Option<HypothesisError>,
}

/// Finds units as independent components of the labels, and appends them to `found`.
///
/// For Gaussian inputs and rows of V that are orthonormal (in whitened inputs), the activations of the units are independent, and
/// each component of the labels that is independent of the others is one of them up to scale and a constant. Its
/// regression on the inputs is the direction of the unit, up to sampling error. Biases change neither.
///
/// # Guarantee
/// Every unit appended has passed [`crate::unit::unit_from_pattern`].
///
/// # Errors
/// [`EstimateError::Hypothesis`] when units are missing and the data refute that the inputs are Gaussian or that V is orthonormal;
/// [`EstimateError::Search`]. When units are missing without such a reason, the history is returned.
///
/// # Cost
/// Third cumulants, nk³ operations; fourth ones, nk⁴/2, when units are missing after that; k calls of [`Finish::unit`] for each.
///
/// # Paper
/// Algorithm 4. Its sketch to k coordinates is the projection on the label space here. Signs need no choice: rectified
/// sources are skewed to the right. Steps 4 to 8, which need every sign right, are replaced by [`Finish`].
pub fn ica(
    frame: &Frame,
    found: &mut Vec<Unit>,
    settings: &OrthonormalSettings,
    reporter: &mut Reporter<'_>,
) -> Result<OrthonormalHistory, EstimateError> {
    let wanted = frame.n_rectified();
    reporter.report("independent components", found.len(), wanted, 0)?;
    let refuted = match hypothesis::check_orthonormal(frame)? {
        Err(refuted) => Some(refuted),
        Ok(()) => hypothesis::check_gaussian(frame, settings.seed)?.err(),
    };
    let mut history = OrthonormalHistory { estimates: 0, uncertainty: f64::INFINITY, failure: None, refuted };
    let labels = whitened_labels(frame)?;
    let inputs = Whitened::centred(frame)?;
    let finish = Finish::new(frame, settings.seed)?;
    for contrast in [Contrast::Third, Contrast::Fourth] {
        if found.len() >= wanted || labels.ncols() == 0 {
            break;
        }
        reporter.report("independent components", found.len(), wanted, history.estimates)?;
        // Crude components may do: it is the exact finish that decides.
        let accept_all =
            IcaSettings { contrast, max_uncertainty: f64::INFINITY, max_dependence: f64::INFINITY };
        match separate(labels.transpose(), labels.ncols(), &accept_all) {
            Ok(sources) => {
                history.uncertainty = history.uncertainty.min(sources.uncertainty);
                let estimates = regressions(frame, &labels, &inputs, &sources.unmixing);
                history.estimates += estimates.ncols();
                finish.collect(estimates.as_ref(), wanted, found);
            }
            Err(failure) => history.failure = Some(failure),
        }
    }
    match history.refuted {
        Some(refuted) if found.len() < wanted => Err(refuted.into()),
        _ => Ok(history),
    }
}

/// The regressions of sources on the inputs, n × k.
fn regressions(frame: &Frame, labels: &Mat<f64>, inputs: &Whitened, unmixing: &Mat<f64>) -> Mat<f64> {
    let moment = product::matmul(inputs.values.transpose(), labels.as_ref());
    let whitened = product::matmul(moment.as_ref(), unmixing.transpose());
    let directions = product::matmul(inputs.to_frame.as_ref(), whitened.as_ref());
    product::matmul(frame.inputs(), directions.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypothesis::Hypothesis;
    use orthant_network::{BiasKind, PlantedSpec, Samples};
    use std::ops::ControlFlow;

    fn run_on(
        kappa_v: Option<f64>,
        n: usize,
        seed: u64,
    ) -> (usize, Result<OrthonormalHistory, EstimateError>) {
        let spec = PlantedSpec { m: 6, k: 5, d: 6, kappa_v, seed, ..PlantedSpec::default() };
        let p = spec.plant(n).expect("valid");
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let frame = Frame::new(&samples, BiasKind::None, None).expect("finite").0;
        let mut found = Vec::new();
        let mut callback = |_| ControlFlow::Continue(());
        let outcome =
            ica(&frame, &mut found, &OrthonormalSettings { seed }, &mut Reporter::new(&mut callback));
        (found.len(), outcome)
    }

    /// k = 5 of d = 6 from n = 3000: all units in 4 of 4.
    #[test]
    fn orthonormal_rows_make_components_independent() {
        for seed in 0..4 {
            let (found, outcome) = run_on(Some(1.0), 3000, seed);
            assert_eq!(found, 5, "seed {seed}: {outcome:?}");
            assert_eq!(outcome.expect("all found").refuted, None);
        }
    }

    #[test]
    fn rows_that_are_not_orthonormal_are_noticed() {
        for seed in 0..4 {
            let refuted = match run_on(None, 20_000, seed).1 {
                Ok(history) => history.refuted,
                Err(EstimateError::Hypothesis(error)) => Some(error),
                Err(other) => panic!("{other}"),
            };
            assert_eq!(
                refuted.map(|error| error.hypothesis),
                Some(Hypothesis::OrthonormalRows),
                "seed {seed}"
            );
        }
    }
}
