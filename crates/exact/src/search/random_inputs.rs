//! The methods that assume something about the inputs: Algorithms 4 and 5, symmetry, and pairs.

use orthant_estimate::gaussian::{self, GaussianSettings};
use orthant_estimate::orthonormal::{self, OrthonormalSettings};
use orthant_estimate::paired::{Paired, PairedError, PairedSettings, paired};
use orthant_estimate::symmetric::{self, SymmetricSettings};
use orthant_estimate::unit::{Transfer, same_unit};
use orthant_estimate::{Frame, Reporter};
use orthant_linalg::{Mat, MatRef};
use orthant_network::Samples;

use super::Search;
use crate::error::RecoverError;
use crate::pairs::antipodal_pairs;
use crate::settings::{BiasModel, Method, Settings};

/// Decompositions of further random combinations while units are missing, at most.
const MAX_ATTEMPTS: usize = 12;

/// Operations that these may cost, about; half a minute.
const OPERATIONS: f64 = 1e11;

/// Decompositions that the operations allow: each is followed in k directions, at up to 7 levels of confidence, to joint systems on
/// some 20(r + k) samples.
fn attempts(frame: &Frame) -> usize {
    let dimensions = frame.inputs().ncols() + frame.extended().ncols();
    let samples = frame.n().min(20 * dimensions + 400);
    let each = (7 * frame.k() * samples) as f64 * 6.0 * (dimensions as f64).powi(2);
    ((OPERATIONS / each) as usize).min(MAX_ATTEMPTS)
}

/// Searches by one of the methods for random inputs.
pub(super) fn search(
    brought: &mut Search,
    samples: &Samples<'_>,
    frame: &Frame,
    settings: &Settings,
    reporter: &mut Reporter<'_>,
) -> Result<(), RecoverError> {
    let (seed, attempts) = (settings.seed, attempts(frame));
    let units = &mut brought.units;
    match settings.method {
        Method::Power => {
            let history = gaussian::power(frame, units, &GaussianSettings { seed, attempts }, reporter)?;
            (brought.attempts, brought.refuted) = (history.estimates, history.refuted);
        }
        Method::Ica => {
            let history = orthonormal::ica(frame, units, &OrthonormalSettings { seed }, reporter)?;
            (brought.attempts, brought.refuted) = (history.estimates, history.refuted);
        }
        Method::Symmetric => {
            let history =
                symmetric::symmetric(frame, units, &SymmetricSettings { seed, attempts }, reporter)?;
            (brought.attempts, brought.refuted) = (history.estimates, history.refuted);
            brought.distinguishing = history.distinguishing;
        }
        Method::Paired => from_pairs(samples, frame, settings, brought, reporter)?,
        _ => {
            let history = gaussian::tensor(frame, units, &GaussianSettings { seed, attempts }, reporter)?;
            (brought.attempts, brought.refuted) = (history.estimates, history.refuted);
        }
    }
    Ok(())
}

/// Finds the pairs among the samples, recovers from them, and carries the units over to all samples.
fn from_pairs(
    samples: &Samples<'_>,
    frame: &Frame,
    settings: &Settings,
    brought: &mut Search,
    reporter: &mut Reporter<'_>,
) -> Result<(), RecoverError> {
    let pairs = antipodal_pairs(samples.x());
    // Few pairs show fewer units than there are: their number is that of all samples.
    let k = frame.n_rectified();
    let needed = (k * k.saturating_sub(1) / 2).max(1);
    if pairs.len() < needed {
        return Err(RecoverError::Pairs(PairedError::TooFewPairs { informative: pairs.len(), k, needed }));
    }
    let firsts: Vec<usize> = pairs.iter().map(|&(first, _)| first).collect();
    let seconds: Vec<usize> = pairs.iter().map(|&(_, second)| second).collect();
    let pick = |view: MatRef<'_, f64>, chosen: &[usize]| {
        Mat::from_fn(view.nrows(), chosen.len(), |i, j| view[(i, chosen[j])])
    };
    let x = pick(samples.x(), &firsts);
    let (a, a_negative) = (pick(samples.a(), &firsts), pick(samples.a(), &seconds));
    let mut attempt = |output_bias| {
        let settings = PairedSettings { seed: settings.seed, output_bias, attempts: attempts(frame) };
        paired(x.as_ref(), a.as_ref(), a_negative.as_ref(), &settings, reporter)
    };
    let found = match settings.bias {
        BiasModel::Known(bias) => attempt(bias.output())?,
        // Without an output bias fewer pairs are enough, so that is tried first.
        BiasModel::Auto => match attempt(false) {
            Ok(found) if found.units.len() == found.frame.n_rectified() => found,
            Err(PairedError::Search(error)) => return Err(error.into()),
            _ => attempt(true)?,
        },
    };
    let Paired { units, n_informative, frame: part, .. } = found;
    brought.attempts = n_informative;
    let positions: Vec<usize> = firsts.into_iter().chain(seconds).collect();
    let transfer = Transfer::new(frame, &positions)?;
    for unit in units {
        let Ok(carried) = transfer.carry(frame, &part, &unit) else { continue };
        if brought.units.len() < frame.n_rectified()
            && !brought.units.iter().any(|known| same_unit(known, &carried))
        {
            brought.units.push(carried);
        }
    }
    Ok(())
}
