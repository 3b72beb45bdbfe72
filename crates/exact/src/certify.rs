//! The verdict on a network that someone proposes.

use orthant_estimate::orient::{ZERO_REST, orient};
use orthant_estimate::problem::Problem;
use orthant_estimate::refine::{RefineSettings, refine};
use orthant_estimate::{Callback, Reporter, SearchError};
use orthant_linalg::{LinalgError, Mat, product};
use orthant_network::{Network, Samples, Subset};

use crate::answer::relative_residual;
use crate::error::RecoverError;
use crate::evidence::constant_labels;
use crate::joint::{Case, Found, Rows};
use crate::recover::frame_for;
use crate::report::Recovery;
use crate::scaled::Scaled;
use crate::settings::Settings;
use crate::split::Split;

/// What [`Report::method`](crate::Report::method) says of a network that was proposed.
const METHOD: &str = "proposed";

/// Judges a network that someone proposes, by the standards of [`recover`](crate::recover): a verdict with all its evidence.
///
/// The network returned is the proposal made exact: its patterns give a linear system for all units at once
/// ([`orthant_estimate::joint`]), whose solution replaces the proposed weights. A proposal that is right to a few digits, or up to the
/// signs of rows of V, becomes exact by that. One that does not explain the labels comes back as it was proposed, or refined if
/// that explains more, with the verdict `approximate` or `not recovered`.
///
/// [`Settings::width`], [`Settings::bias`] and [`Settings::seed`] count; [`Settings::method`] and [`Settings::holdout`] do not.
///
/// # Shapes
/// `network` has the d and m of `samples`, activation max(t, 0), and no biases but those of [`Settings::bias`].
///
/// # Guarantee
/// `exact` rests on the same evidence for any m and k: zero residual at the precision of the labels on all samples of
/// [`Split::fit`]; for the patterns found, the joint system of all units has full column rank with samples to spare, and determines each
/// unit, with a gap, as a block of rank one; each unit's active inputs have full rank, and both sides of its kink samples to spare; no
/// two units share a kink; no other choice of signs explains the labels (f(t) − f(−t) = t); and the samples kept aside agree. The
/// uniqueness that follows is [`GivenPatterns`](crate::UniquenessLevel::GivenPatterns), at most: for m ≥ k
/// [`recover`](crate::recover) can show more, by the lift.
///
/// All that presumes that the proposer has not looked at [`Split::check`]. A network wide enough passes through any samples that it was
/// fitted to, and only samples that it was not fitted to show that. Whoever has used all samples should say so
/// ([`Split::with_unseen`] with none): then the verdict is at most `exact on the samples`.
///
/// # Errors
/// [`RecoverError::Proposal`] when the network does not fit the samples or the settings, [`RecoverError::Activation`] for an activation
/// other than max(t, 0), [`RecoverError::TooFewSamples`] when none may be fitted.
///
/// # Panics
/// When `split` has an index that is not below n.
///
/// # Cost
/// The frame, 6n(d² + m²); the joint system of at most 30 000 samples, 2n(kd)² operations for each of a few rounds; and 20 steps of
/// refinement where that alone does not do.
///
/// # Paper
/// Not in the paper.
///
/// # Examples
/// ```
/// use std::ops::ControlFlow;
/// use orthant_exact::{Settings, Split, Verdict, certify};
/// use orthant_network::{PlantedSpec, Samples};
///
/// let planted = PlantedSpec { m: 1, k: 3, d: 5, seed: 1, ..PlantedSpec::default() }.plant(200)?;
/// let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref())?;
/// let settings = Settings::default();
/// let split = Split::of(&samples, &settings);
/// let recovery = certify(&samples, &split, &planted.network, &settings, &mut |_| ControlFlow::Continue(()))?;
/// assert_eq!(recovery.report.verdict, Verdict::Exact);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn certify(
    samples: &Samples<'_>,
    split: &Split,
    network: &Network,
    settings: &Settings,
    progress: &mut Callback<'_>,
) -> Result<Recovery, RecoverError> {
    settings.validate()?;
    for activation in [network.activation(), &settings.activation] {
        if !activation.is_relu() {
            let activation = activation.name();
            return Err(RecoverError::Activation { method: "certify", activation, instead: "recover" });
        }
    }
    let (bias, k) = (settings.bias.fitted(), network.k());
    let at_most = |what, found, expected| Err(RecoverError::Proposal { what, found, expected });
    match settings.width {
        _ if network.d() != samples.d() => return at_most("inputs", network.d(), samples.d()),
        _ if network.m() != samples.m() => return at_most("outputs", network.m(), samples.m()),
        _ if k == 0 => return at_most("hidden units", 0, 1),
        Some(width) if k > width => return at_most("hidden units", k, width),
        _ if network.b().is_some() && !bias.hidden() => return at_most("hidden biases", k, 0),
        _ if network.c().is_some() && !bias.output() => return at_most("output biases", network.m(), 0),
        _ => {}
    }
    let mut reporter = Reporter::new(progress);
    let Some(scaled) = Scaled::of(samples) else {
        return certify_scaled(samples, split, network, settings, &mut reporter);
    };
    let proposed = scaled.apply(network)?;
    let mut recovery = certify_scaled(&scaled.samples(), split, &proposed, settings, &mut reporter)?;
    recovery.network = scaled.restore(&recovery.network)?;
    for unit in &mut recovery.report.units {
        unit.margin *= scaled.input_scale();
    }
    Ok(recovery)
}

fn certify_scaled(
    samples: &Samples<'_>,
    split: &Split,
    proposed: &Network,
    settings: &Settings,
    reporter: &mut Reporter<'_>,
) -> Result<Recovery, RecoverError> {
    if split.fit.is_empty() {
        return Err(RecoverError::TooFewSamples { n: 0, d: samples.d(), needed: 1 });
    }
    let (fit, check) = (Subset::of(samples, &split.fit), Subset::of(samples, &split.check));
    let (frame, spectrum) = frame_for(&fit.samples(), settings)?;
    if frame.k() == 0 {
        return constant_labels(samples, &spectrum, settings);
    }
    let case = Case { fit: &fit, check: &check, frame: &frame, spectrum: &spectrum, settings };
    let rows = case.rows("rows of a proposal");
    let directions = directions(&case, proposed);
    let (found, network, residual) = case.made_exact(&rows, &directions, reporter)?;
    let given = relative_residual(proposed, &fit.samples(), &fit.samples());
    if given < residual && residual > case.allowed() {
        // What was measured is of the other network.
        let found = Found { directions, joint: None, oriented: false, ..found };
        return Ok(case.report(&found, proposed.clone(), given));
    }
    Ok(case.report(&found, network, residual))
}

/// The directions of a network's units in the coordinates of the inputs' basis, of unit norm.
fn directions(case: &Case<'_>, network: &Network) -> Mat<f64> {
    let t = network.preactivations(case.fit.x());
    let mut directions = product::matmul(case.frame.inputs().transpose(), t.transpose());
    for i in 0..directions.ncols() {
        let column = directions.col_as_slice_mut(i);
        let norm = product::norm(column);
        if norm > 0.0 {
            column.iter_mut().for_each(|w| *w /= norm);
        }
    }
    directions
}

impl Case<'_> {
    /// The network of the proposed directions, of these refined, or of these turned and refined: the first whose residual is zero, or
    /// else the one of the least.
    fn made_exact(
        &self,
        rows: &Rows,
        proposed: &Mat<f64>,
        reporter: &mut Reporter<'_>,
    ) -> Result<(Found, Network, f64), RecoverError> {
        let (alone, beside) = (rows.problem(self, false), rows.problem(self, true));
        let polish = RefineSettings { max_steps: 20, ..RefineSettings::default() };
        let mut best: Option<(Found, Network, f64)> = None;
        for attempt in 0..3 {
            reporter.report("proposal", 0, proposed.ncols(), attempt).map_err(SearchError::from)?;
            // Labels that are coarser than f64 have their optimum where the joint system has not.
            let start = match attempt {
                0 if self.coarse() => continue,
                0 => proposed.clone(),
                1 => refine(&alone, proposed.clone(), &polish, reporter)?.directions,
                _ => refine(&alone, orient(&beside, proposed)?.directions, &polish, reporter)?.directions,
            };
            let found = self.joined(&alone, Found::proposed(start))?;
            let (network, residual) = self.network(rows, &found.directions)?;
            if best.as_ref().is_none_or(|(_, _, least)| residual < *least || least.is_nan()) {
                best = Some((found, network, residual));
            }
            if residual <= self.allowed() {
                break;
            }
        }
        let (mut found, network, residual) = best.expect("the second attempt is always made");
        found.oriented = faces_the_only_way(&beside, &found.directions)?;
        Ok((found, network, residual))
    }
}

impl Found {
    fn proposed(directions: Mat<f64>) -> Found {
        Found {
            directions,
            joint: None,
            ranks: vec![],
            oriented: false,
            n_affine: 0,
            attempts: 0,
            method: METHOD,
        }
    }
}

/// Whether the labels have no other explanation by units with these kinks than by units that face as given.
fn faces_the_only_way(problem: &Problem<'_>, directions: &Mat<f64>) -> Result<bool, LinalgError> {
    let turned = orient(problem, directions)?;
    let same = (0..directions.ncols())
        .all(|i| product::dot(turned.directions.col_as_slice(i), directions.col_as_slice(i)) > 0.0);
    Ok(turned.unique && turned.relative_rest <= ZERO_REST && same)
}
