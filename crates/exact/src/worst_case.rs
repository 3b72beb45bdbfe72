//! The worst case: every unit that the labels hold, and what follows for networks of that width.

use std::ops::ControlFlow;

use orthant_estimate::frame::LabelSpectrum;
use orthant_estimate::worst_case::{Enumeration, Ray, enumerate, least_distance};
use orthant_estimate::{Frame, Progress, Reporter, Unit};
use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::{LinalgError, Mat, product};
use orthant_network::{Samples, Subset};

use crate::answer::Answer;
use crate::error::RecoverError;
use crate::evidence::{Holdout, constant_labels};
use crate::recover::frame_for;
use crate::report::{Reason, Recovery};
use crate::search::Search;
use crate::settings::{Method, Settings};
use crate::split::Split;

/// What is left of a unit beside others must be larger than this for it to be independent of them.
const INDEPENDENT: f64 = 1e-7;

/// And larger than this times its error.
const ERRORS: f64 = 64.0;

/// What the enumeration of all units says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Finding {
    /// The units found are all that there are, k of them and independent.
    Unique,
    /// A network, beside which there is, or may be, another one.
    Open(Reason),
    /// No network.
    Failed(Reason),
}

/// Recovers by enumeration, from all distinct samples unless some are to be held out.
///
/// # Paper
/// Theorem 11: the independent units of Algorithm 3, then U by least squares.
pub(crate) fn recover(
    samples: &Samples<'_>,
    settings: &Settings,
    reporter: &mut Reporter<'_>,
) -> Result<Recovery, RecoverError> {
    let split = Split::draw(samples, Some(settings.holdout.unwrap_or(0.0)), 0, settings);
    if split.fit.is_empty() {
        return Err(RecoverError::TooFewSamples { n: split.check.len(), d: samples.d(), needed: 1 });
    }
    let fit = Subset::of(samples, &split.fit);
    let check = Subset::of(samples, &split.check);
    // The theorem is about as many units as the rank of the labels, whatever was asked for.
    let of_rank = Settings { width: None, ..settings.clone() };
    let (frame, spectrum) = frame_for(&fit.samples(), &of_rank)?;
    let rank = frame.k();
    if rank == 0 {
        return constant_labels(samples, &spectrum, settings);
    }
    let excluded = settings.width.filter(|&width| width != rank).map(|width| {
        if width < rank {
            Reason::RankAboveWidth { rank, width }
        } else {
            Reason::WidthAboveRank { rank, width }
        }
    });
    let mut search = Search::default();
    let finding = match excluded {
        Some(reason) => Finding::Failed(reason),
        None => {
            let found = enumerate(&frame, reporter)?;
            search.attempts = found.nodes;
            let (units, finding) = decide(&frame, &found, spectrum.precision)?;
            search.units = units;
            finding
        }
    };
    search.credit(Method::WorstCase.name(), 0);
    let answer = if let Finding::Failed(_) = finding {
        Answer::partial(fit, frame, search, settings, &spectrum)?
    } else {
        Answer::fit(fit, frame, search, settings, &spectrum, reporter)?
    };
    Ok(judged(answer, finding, &check, samples, settings, &spectrum))
}

/// Operations that the search of all patterns may take where it was not asked for: less than a tenth of a second.
const MAX_OPERATIONS: f64 = 2e8;

/// Nodes that are expected for each pair of units, twice over: see [`orthant_estimate::worst_case`].
const NODES_PER_PAIR: f64 = 7.0;

/// What the search of all patterns says of a network that other methods have found: that it is the only one of its width, or that there
/// are others. `None` where it takes too long, or rounding leaves it open.
pub(crate) fn confirm(
    frame: &Frame,
    precision: f64,
    reporter: &mut Reporter<'_>,
) -> Result<Option<Finding>, RecoverError> {
    let (k, dimension) = (frame.k() as f64, (frame.extended().ncols() + frame.inputs().ncols()) as f64);
    let nodes = NODES_PER_PAIR * k * k + 64.0;
    if frame.activation().bends() || nodes * dimension * dimension * frame.n() as f64 > MAX_OPERATIONS {
        return Ok(None);
    }
    let mut cancelled = false;
    let mut callback = |progress: Progress| {
        let Progress { stage, found, wanted, attempts } = progress;
        cancelled = reporter.report(stage, found, wanted, attempts).is_err();
        if cancelled || attempts as f64 > nodes { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let found = enumerate(frame, &mut Reporter::new(&mut callback))?;
    if cancelled {
        return Err(RecoverError::Cancelled);
    }
    let (_, finding) = decide(frame, &found, precision)?;
    let says = matches!(finding, Finding::Unique | Finding::Open(Reason::OtherNetworks { .. }));
    Ok(says.then_some(finding))
}

fn judged(
    mut answer: Answer,
    finding: Finding,
    check: &Subset,
    samples: &Samples<'_>,
    settings: &Settings,
    spectrum: &LabelSpectrum,
) -> Recovery {
    let residual = (check.n() > 0).then(|| answer.relative_residual(&check.samples(), &answer.fit.samples()));
    answer.finding = Some(finding);
    let holdout = Holdout { residual, samples: check.n(), absorbed: false };
    answer.report(samples, settings, spectrum, &holdout)
}

/// The units of a network, and whether it is the only one; or why there is none.
fn decide(frame: &Frame, found: &Enumeration, precision: f64) -> Result<(Vec<Unit>, Finding), LinalgError> {
    let (patterns, width) = (found.nodes, frame.k());
    let basis = independent(frame, &found.rays)?;
    let units: Vec<Unit> = basis.chosen.iter().map(|&i| found.rays[i].unit.clone()).collect();
    let spans = units.len() == width;
    // A dependent unit is no other direction of a space that is spanned, but one merged may be another unit.
    let open = found.ambiguous + found.merged + if spans { 0 } else { basis.dependent };
    let reason = if !found.complete {
        Reason::OutOfBudget { patterns }
    } else if open > 0 {
        Reason::Undecided { patterns, open }
    } else if spans {
        Reason::OtherNetworks { units: basis.n_units, width }
    } else {
        Reason::Infeasible { patterns, precision, margin: found.margin }
    };
    let certain = found.complete && open == 0;
    let finding = if !spans {
        Finding::Failed(reason)
    } else if certain && found.continua == 0 && basis.n_units == width {
        Finding::Unique
    } else {
        Finding::Open(reason)
    };
    Ok((units, finding))
}

/// Independent units.
struct Basis {
    chosen: Vec<usize>,
    /// Rays that are not the constant function, which the output bias stands for.
    n_units: usize,
    /// Rays that seem to depend on those chosen, but may be independent of them: nearly parallel units, known too coarsely.
    dependent: usize,
}

/// Chooses units that are independent of each other and of the output bias: those first that the samples determine, and affine
/// ones last.
///
/// An affine function of the label space is a unit where it is positive on all samples. With both biases a shift makes it so, and
/// the constant is among the rays: non-negative affine functions span all others.
fn independent(frame: &Frame, rays: &[Ray]) -> Result<Basis, LinalgError> {
    let q = frame.extended().ncols();
    let mut known: Vec<Vec<f64>> = Vec::new();
    if frame.bias().output() {
        known.push((0..q).map(|i| f64::from(u8::from(i == frame.k()))).collect());
    }
    // What is left of a unit beside others, of its norm, and whether that makes it independent of them.
    let beside = |known: &[Vec<f64>], ray: &Ray| -> Result<(f64, bool), LinalgError> {
        let column = Mat::from_fn(q, 1, |r, _| ray.unit.combination[r]);
        let columns = Mat::from_fn(q, known.len(), |r, c| known[c][r]);
        let rest = RankRevealing::new(columns, INDEPENDENT)?.complement(column.as_ref());
        let rest = product::frobenius(rest.as_ref()) / product::norm(&ray.unit.combination);
        Ok((rest, known.len() < q && rest > INDEPENDENT.max(ERRORS * ray.error)))
    };
    let same = least_distance(frame);
    let open = |ray: &Ray, rest: f64| ray.error > same || rest > same;
    let (mut order, mut dependent) = (Vec::with_capacity(rays.len()), 0);
    for (i, ray) in rays.iter().enumerate() {
        let (rest, is_new) = beside(&known, ray)?;
        if !ray.affine || is_new {
            order.push(i);
        } else {
            dependent += usize::from(open(ray, rest));
        }
    }
    order.sort_by_key(|&i| (rays[i].affine, !rays[i].determined, i));
    let n_units = order.len();
    let mut chosen = Vec::new();
    for i in order {
        let (rest, is_new) = beside(&known, &rays[i])?;
        if is_new {
            known.push(rays[i].unit.combination.clone());
            chosen.push(i);
        } else {
            dependent += usize::from(open(&rays[i], rest));
        }
    }
    Ok(Basis { chosen, n_units, dependent })
}
