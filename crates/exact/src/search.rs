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
    /// What found units, in order.
    by: Vec<&'static str>,
    pub(crate) attempts: usize,
    pub(crate) lift: Option<Lift>,
    /// Smallest singular value of the distinguishing matrix, for [`Method::Symmetric`].
    pub(crate) distinguishing: Option<f64>,
    /// What the data refute of the method's assumptions, although it found all units.
    pub(crate) refuted: Option<HypothesisError>,
}

impl Search {
    /// Notes that a method has found units, if it has found any beyond those known `before`.
    pub(crate) fn credit(&mut self, method: &'static str, before: usize) {
        if self.units.len() > before && !self.by.contains(&method) {
            self.by.push(method);
        }
    }

    /// The methods that found units, or the one asked for when there are none.
    pub(crate) fn method(&self, settings: &Settings) -> String {
        if self.by.is_empty() { settings.method.name().to_string() } else { self.by.join(", ") }
    }
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
    if settings.method == Method::Auto && Method::Pursuit.covers(&settings.activation) {
        let brief = pursuit_settings(settings, settings.patience / FIRST_PATIENCE, FIRST_FAILURES);
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
    let mut brought = begun;
    match settings.method {
        Method::Auto => automatic(&mut brought, frame, settings, reporter)?,
        Method::Pursuit => {
            let patient = pursuit_settings(settings, settings.patience, MAX_FAILURES);
            brought.attempts += pursue_on_few(frame, &mut brought.units, &patient, reporter)?;
            brought.attempts += pursue(frame, &mut brought.units, &patient, reporter)?.starts;
        }
        Method::Cone => {
            brought.attempts +=
                walk_cones(frame, &mut brought.units, &cone_settings(frame, settings), reporter)?;
        }
        Method::Lift => lift_units(&mut brought, frame, settings, reporter)?,
        Method::Tensor | Method::Power | Method::Ica | Method::Symmetric | Method::Paired => {
            random_inputs::search(&mut brought, samples, frame, settings, reporter)?;
        }
        // Restarts look for no single unit, and the search of all patterns has a way of its own.
        Method::Restarts | Method::WorstCase => {}
    }
    if settings.method != Method::Auto {
        brought.credit(settings.method.name(), 0);
    }
    Ok(brought)
}

/// What is missing after the first pursuit: cones, pursuit with all its patience, and the lift, which comes before the long pursuit
/// where units have two slopes and so no zeros to go by.
fn automatic(
    brought: &mut Search,
    frame: &Frame,
    settings: &Settings,
    reporter: &mut Reporter<'_>,
) -> Result<(), SearchError> {
    let wanted = frame.n_rectified();
    brought.credit("pursuit", 0);
    if settings.activation.negative_slope().is_some() && brought.units.len() < wanted {
        lift_units(brought, frame, settings, reporter)?;
    }
    let before = brought.units.len();
    if Method::Cone.covers(&settings.activation) && before < wanted {
        brought.attempts += walk_cones(frame, &mut brought.units, &cone_settings(frame, settings), reporter)?;
        brought.credit("cone", before);
    }
    let before = brought.units.len();
    if Method::Pursuit.covers(&settings.activation) && before < wanted {
        let patient = pursuit_settings(settings, settings.patience, MAX_FAILURES);
        brought.attempts += pursue(frame, &mut brought.units, &patient, reporter)?.starts;
        brought.credit("pursuit", before);
    }
    let before = brought.units.len();
    if brought.lift.is_none() && lift_is_affordable(frame, settings) {
        brought.lift = Lift::compute(frame, reporter)?;
        if let Some(lift) = brought.lift.as_ref().filter(|_| before < wanted) {
            brought.attempts += lift.units(frame, &mut brought.units, settings.seed)?;
        }
        brought.credit("lift", before);
    }
    Ok(())
}

fn pursuit_settings(settings: &Settings, patience: usize, max_failures: usize) -> PursuitSettings {
    PursuitSettings { seed: settings.seed, patience, max_failures }
}

fn cone_settings(frame: &Frame, settings: &Settings) -> ConeSettings {
    ConeSettings { seed: settings.seed, walks: 6 * frame.k(), subset_rounds: 4 }
}

/// The units of the lift, when there are samples enough for it.
fn lift_units(
    brought: &mut Search,
    frame: &Frame,
    settings: &Settings,
    reporter: &mut Reporter<'_>,
) -> Result<(), SearchError> {
    if n_monomials(frame) <= MAX_MONOMIALS {
        brought.lift = Lift::compute(frame, reporter)?;
    }
    let before = brought.units.len();
    if let Some(lift) = &brought.lift {
        brought.attempts += lift.units(frame, &mut brought.units, settings.seed)?;
    }
    brought.credit("lift", before);
    Ok(())
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
