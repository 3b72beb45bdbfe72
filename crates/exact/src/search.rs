//! Which method is run when.

use orthant_estimate::cone::{ConeSettings, walk_cones};
use orthant_estimate::hypothesis::HypothesisError;
use orthant_estimate::lift::{Lift, n_monomials};
use orthant_estimate::pursuit::{PursuitSettings, pursue};
use orthant_estimate::unit::{Transfer, same_unit};
use orthant_estimate::{Frame, Reporter, SearchError, Unit};
use orthant_linalg::random;
use orthant_network::Samples;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use crate::error::RecoverError;
use crate::settings::{Method, Settings};

mod random_inputs;

/// What a search brought.
#[derive(Default)]
pub(crate) struct Search {
    pub(crate) units: Vec<Unit>,
    pub(crate) method: &'static str,
    pub(crate) attempts: usize,
    pub(crate) lift: Option<Lift>,
    /// Smallest singular value of the distinguishing matrix, for [`Method::Symmetric`].
    pub(crate) distinguishing: Option<f64>,
    /// What the data refute of the method's assumptions, although it found all units.
    pub(crate) refuted: Option<HypothesisError>,
}

/// Of the patience, the part that the first pursuit has before the cone walk is tried.
const FIRST_PATIENCE: usize = 3;

/// Failed attempts to settle after which the first pursuit makes way for the cone walk.
const FIRST_FAILURES: usize = 48;

/// The same for a pursuit that has nothing to make way for.
const MAX_FAILURES: usize = 2000;

/// Pursuit runs on this many samples for each dimension of the two spaces, (r + k)/2, when there are half as many again: below
/// it the iteration needs more steps, above it each step costs more.
const SAMPLES_PER_DIMENSION: usize = 5;

/// Samples beyond that, for small problems.
const EXTRA_SAMPLES: usize = 60;

/// The lift is not tried with more monomials, which take half an hour and 6 GB, even when it is asked for.
const MAX_MONOMIALS: usize = 12_000;

/// The short pursuit that [`Method::Auto`] begins with; nothing for other methods. Where it finds no unit, labels of full rank may
/// be those of more units than outputs.
pub(crate) fn begin(
    frame: &Frame,
    settings: &Settings,
    reporter: &mut Reporter<'_>,
) -> Result<Search, SearchError> {
    let mut begun = Search::default();
    // A unit that is nowhere zero has no pattern for pursuit to find.
    if settings.method == Method::Auto && settings.activation.negative_slope().is_none() {
        let brief = PursuitSettings {
            seed: settings.seed,
            patience: settings.patience / FIRST_PATIENCE,
            max_failures: FIRST_FAILURES,
        };
        begun.attempts = pursue_on_few(frame, &mut begun.units, &brief, reporter)?;
        if begun.attempts == 0 || !begun.units.is_empty() {
            begun.attempts += pursue(frame, &mut begun.units, &brief, reporter)?.starts;
        }
    }
    Ok(begun)
}

/// Searches for the units of a frame by the method asked for.
pub(crate) fn search(
    begun: Search,
    samples: &Samples<'_>,
    frame: &Frame,
    settings: &Settings,
    reporter: &mut Reporter<'_>,
) -> Result<Search, RecoverError> {
    let wanted = frame.n_rectified();
    let two_slope = settings.activation.negative_slope().is_some();
    let Search { mut units, mut attempts, mut lift, .. } = begun;
    let pursuit = |patience, max_failures| PursuitSettings { seed: settings.seed, patience, max_failures };
    let cone = ConeSettings { seed: settings.seed, walks: 6 * frame.k(), subset_rounds: 4 };
    let method = match settings.method {
        Method::Tensor | Method::Power | Method::Ica | Method::Symmetric | Method::Paired => {
            return random_inputs::search(samples, frame, settings, reporter);
        }
        Method::Pursuit => {
            attempts +=
                pursue_on_few(frame, &mut units, &pursuit(settings.patience, MAX_FAILURES), reporter)?;
            attempts +=
                pursue(frame, &mut units, &pursuit(settings.patience, MAX_FAILURES), reporter)?.starts;
            "pursuit"
        }
        Method::Cone => {
            attempts += walk_cones(frame, &mut units, &cone, reporter)?;
            "cone"
        }
        Method::Auto | Method::Lift if settings.method == Method::Lift || two_slope => {
            if n_monomials(frame) <= MAX_MONOMIALS {
                lift = Lift::compute(frame, reporter)?;
            }
            if let Some(lift) = &lift {
                attempts += lift.units(frame, &mut units, settings.seed)?;
            }
            "lift"
        }
        // Restarts look for no single unit.
        Method::Restarts => "restarts",
        Method::Auto | Method::Lift => {
            let by_pursuit = units.len();
            if units.len() < wanted {
                attempts += walk_cones(frame, &mut units, &cone, reporter)?;
            }
            let by_cone = units.len() - by_pursuit;
            if units.len() < wanted {
                let again = pursuit(settings.patience, MAX_FAILURES);
                attempts += pursue(frame, &mut units, &again, reporter)?.starts;
            }
            if lift_is_affordable(frame, settings) {
                lift = Lift::compute(frame, reporter)?;
            }
            let before_lift = units.len();
            if let Some(lift) = lift.as_ref().filter(|_| before_lift < wanted) {
                attempts += lift.units(frame, &mut units, settings.seed)?;
            }
            match (by_cone > 0, units.len() > before_lift) {
                (false, false) => "pursuit",
                (true, false) => "pursuit, cone",
                (false, true) => "pursuit, lift",
                (true, true) => "pursuit, cone, lift",
            }
        }
    };
    Ok(Search { units, method, attempts, lift, ..Search::default() })
}

fn lift_is_affordable(frame: &Frame, settings: &Settings) -> bool {
    let monomials = n_monomials(frame);
    monomials <= settings.max_lift && frame.n() + frame.k() >= monomials
}

/// Pursuit on a random part of the samples, when there are many; units are carried over to all of them and checked there.
fn pursue_on_few(
    frame: &Frame,
    units: &mut Vec<Unit>,
    settings: &PursuitSettings,
    reporter: &mut Reporter<'_>,
) -> Result<usize, SearchError> {
    let few = SAMPLES_PER_DIMENSION * (frame.inputs().ncols() + frame.k()) / 2 + EXTRA_SAMPLES;
    if frame.n() < few + few / 2 {
        return Ok(0);
    }
    let mut samples: Vec<usize> = (0..frame.n()).collect();
    samples.shuffle(&mut random::stream(settings.seed, "pursuit subset", 0));
    samples.truncate(few);
    samples.sort_unstable();
    let Some(part) = frame.restrict(&samples)? else { return Ok(0) };
    let mut found = Vec::new();
    let history = pursue(&part, &mut found, settings, reporter)?;
    let transfer = Transfer::new(frame, &samples)?;
    let carried: Vec<Unit> =
        found.par_iter().filter_map(|unit| transfer.carry(frame, &part, unit).ok()).collect();
    for unit in carried {
        if units.len() < frame.n_rectified() && !units.iter().any(|known| same_unit(known, &unit)) {
            units.push(unit);
        }
    }
    Ok(history.starts)
}
