//! Which method is run when.

use std::ops::ControlFlow;

use orthant_estimate::cone::{ConeSettings, walk_cones};
use orthant_estimate::lift::{Lift, n_monomials};
use orthant_estimate::pursuit::{PursuitSettings, pursue};
use orthant_estimate::unit::{Transfer, same_unit};
use orthant_estimate::{Frame, Progress, Reporter, SearchError, Unit};
use orthant_linalg::random;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use crate::settings::{Method, Settings};

/// What a search brought.
pub(crate) struct Search {
    pub(crate) units: Vec<Unit>,
    pub(crate) method: &'static str,
    pub(crate) attempts: usize,
    pub(crate) lift: Option<Lift>,
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

/// Searches for the units of a frame by the method asked for.
pub(crate) fn search(
    frame: &Frame,
    settings: &Settings,
    reporter: &mut Reporter<'_>,
) -> Result<Search, SearchError> {
    let wanted = frame.n_rectified();
    let mut units = Vec::new();
    let mut attempts = 0;
    let pursuit = |patience, max_failures| PursuitSettings { seed: settings.seed, patience, max_failures };
    let cone = ConeSettings { seed: settings.seed, walks: 6 * frame.k(), subset_rounds: 4 };
    let mut lift = None;
    let method = match settings.method {
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
        Method::Lift => {
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
        Method::Auto => {
            let first = pursuit(settings.patience / FIRST_PATIENCE, FIRST_FAILURES);
            attempts += pursue_on_few(frame, &mut units, &first, reporter)?;
            attempts += pursue(frame, &mut units, &first, reporter)?.starts;
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
    Ok(Search { units, method, attempts, lift })
}

/// Whether a short pursuit, which ends with the first unit, finds one: labels of rank m may be those of m units, or of more.
pub(crate) fn finds_a_unit(
    frame: &Frame,
    settings: &Settings,
    reporter: &mut Reporter<'_>,
) -> Result<bool, SearchError> {
    let brief = PursuitSettings {
        seed: settings.seed,
        patience: settings.patience / FIRST_PATIENCE,
        max_failures: FIRST_FAILURES,
    };
    let (mut found, mut cancelled) = (false, false);
    let mut until_first = |progress: Progress| {
        found |= progress.found > 0;
        let Progress { stage, found: units, wanted, attempts } = progress;
        cancelled |= reporter.report(stage, units, wanted, attempts).is_err();
        if found || cancelled { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut units = Vec::new();
    let quiet = &mut Reporter::new(&mut until_first);
    let outcome = pursue_on_few(frame, &mut units, &brief, quiet).and_then(|starts| {
        // No starts: there are too few samples for a part of them to do.
        if starts == 0 { pursue(frame, &mut units, &brief, quiet).map(|_| ()) } else { Ok(()) }
    });
    match outcome {
        Err(SearchError::Cancelled) if found && !cancelled => Ok(true),
        Err(error) => Err(error),
        Ok(()) => Ok(!units.is_empty()),
    }
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
        found.par_iter().filter_map(|unit| transfer.carry(frame, &unit.activations).ok()).collect();
    for unit in carried {
        if units.len() < frame.n_rectified() && !units.iter().any(|known| same_unit(known, &unit)) {
            units.push(unit);
        }
    }
    Ok(history.starts)
}
