//! Networks with more hidden units than the labels have dimensions: all units at once.

use orthant_estimate::frame::LabelSpectrum;
use orthant_estimate::joint::{Joint, active_rank, solve_joint};
use orthant_estimate::moment_start::{from_order_four, from_order_two};
use orthant_estimate::multistart::{MAX_ROUNDS, MultistartSettings, multistart};
use orthant_estimate::orient::{ZERO_REST, orient};
use orthant_estimate::problem::Problem;
use orthant_estimate::refine::{RefineSettings, refine};
use orthant_estimate::{Frame, Reporter};
use orthant_linalg::{LinalgError, Mat, product, random, spectrum, tolerance};
use orthant_network::{BiasKind, Network, Subset};
use rand::seq::SliceRandom;

use crate::answer::{COARSE, RESIDUAL_SAFETY, centred_rows, relative_residual, worst_output_residual};
use crate::error::RecoverError;
use crate::evidence::{condition_number, decimal_excess};
use crate::identify;
use crate::report::{Recovery, Report, Uniqueness, UniquenessLevel, UnitReason, UnitReport, Verdict};
use crate::settings::{BiasModel, Method, Settings};
use crate::verdict::{Evidence, judge};
use crate::weights;

/// The joint system uses this many samples at most: plenty for the widths that restarts can find, and the residual is taken on all.
const MAX_ROWS: usize = 30_000;

/// Restarts may cost this many operations when nothing is known of the width, beyond the first starts of each; half a minute.
const SEARCH_OPERATIONS: f64 = 5e10;

/// The same when the width is given, which says that the network is one of this kind.
const KNOWN_WIDTH_OPERATIONS: f64 = 2e12;

/// A unit's weights must be known to this part of themselves.
const UNIT_ACCURACY: f64 = 1e-4;

/// Samples that each side of a kink must have beyond the number of weights of the unit.
const SPARE_SIDE: usize = 2;

/// What the search of all units at once goes by.
pub(crate) struct Wide<'a> {
    pub(crate) fit: &'a Subset,
    pub(crate) check: &'a Subset,
    pub(crate) frame: &'a Frame,
    pub(crate) spectrum: &'a LabelSpectrum,
    pub(crate) settings: &'a Settings,
}

/// Units in the coordinates of some of the samples.
struct Found {
    /// Directions, r × k.
    directions: Mat<f64>,
    /// The joint system's answer; `None` when it loses rank.
    joint: Option<Joint>,
    /// Rank of the active inputs of each unit.
    ranks: Vec<usize>,
    /// Whether the signs are determined.
    oriented: bool,
    /// The last so many units make up for an affine part that the others leave.
    n_affine: usize,
    attempts: usize,
}

impl Wide<'_> {
    /// A network that explains all labels, by restarts and the joint finish; `None` when none is found, or only a wider one than
    /// asked for.
    pub(crate) fn recover(&self, reporter: &mut Reporter<'_>) -> Result<Option<Recovery>, RecoverError> {
        let bias = self.settings.bias.fitted();
        let mut chosen: Vec<usize> = (0..self.fit.n()).collect();
        chosen.shuffle(&mut random::stream(self.settings.seed, "rows of restarts", 0));
        chosen.truncate(MAX_ROWS);
        let root = (self.fit.n() as f64).sqrt();
        let basis = self.frame.inputs();
        let inputs = Mat::from_fn(chosen.len(), basis.ncols(), |i, j| root * basis[(chosen[i], j)]);
        let rows = Subset::of(&self.fit.samples(), &chosen);
        let labels = centred_rows(rows.a(), bias.output());
        let problem = Problem {
            inputs: inputs.as_ref(),
            labels: labels.as_ref(),
            bias,
            activation: self.frame.activation(),
            affine: true,
        };
        let Some(found) = self.find(&problem, reporter)? else { return Ok(None) };
        if self.settings.width.is_some_and(|width| found.directions.ncols() > width) {
            return Ok(None);
        }
        let t = product::matmul(inputs.as_ref(), found.directions.as_ref());
        let network = self.network(&rows, &t, bias)?;
        let fit = self.fit.samples();
        let residual = relative_residual(&network, &fit, &fit);
        if residual.is_nan() || residual > self.allowed() {
            return Ok(None);
        }
        Ok(Some(self.report(&found, network, residual)))
    }

    /// The residual that rounding explains.
    fn allowed(&self) -> f64 {
        crate::answer::allowed(self.spectrum.precision, self.fit.n(), self.fit.a().nrows())
    }

    fn find(
        &self,
        problem: &Problem<'_>,
        reporter: &mut Reporter<'_>,
    ) -> Result<Option<Found>, RecoverError> {
        let width = self.settings.width;
        let (proposals, rounds) = match self.settings.method {
            Method::Tensor => (self.proposals(), 0),
            Method::Restarts => (Vec::new(), MAX_ROUNDS),
            _ => (self.proposals(), MAX_ROUNDS),
        };
        let operations = if width.is_some() { KNOWN_WIDTH_OPERATIONS } else { SEARCH_OPERATIONS };
        let settings = MultistartSettings {
            seed: self.settings.seed,
            width,
            target: self.allowed(),
            operations,
            rounds,
        };
        let outcome = multistart(problem, &proposals, &settings, reporter)?;
        let Some(directions) = outcome.directions.filter(|found| found.ncols() > 0) else {
            return Ok(None);
        };
        let turned = orient(problem, &directions)?;
        let alone = Problem { affine: false, ..*problem };
        let mut directions = turned.directions;
        let mut n_affine = 0;
        if turned.relative_rest > ZERO_REST {
            let pairs = affine_pairs(&turned.rest, self.settings.bias.fitted())?;
            n_affine = pairs.ncols();
            directions = beside(&directions, &pairs);
        } else {
            let polish = RefineSettings { max_steps: 20, ..RefineSettings::default() };
            directions = refine(&alone, directions, &polish, reporter)?.directions;
        }
        let joint = solve_joint(&alone, &directions)?;
        if self.spectrum.precision <= COARSE
            && let Some(joint) = joint.as_ref().filter(|joint| joint.consistent)
        {
            directions = joint.directions.clone();
        }
        let ranks = (0..directions.ncols())
            .map(|i| active_rank(&alone, directions.col_as_slice(i)))
            .collect::<Result<_, _>>()?;
        let (oriented, attempts) = (turned.unique, outcome.starts);
        Ok(Some(Found { directions, joint, ranks, oriented, n_affine, attempts }))
    }

    /// Starts from score tensors of all samples, when the width is given: their number of terms has to be known.
    fn proposals(&self) -> Vec<Mat<f64>> {
        let bias = self.settings.bias.fitted();
        let basis = self.frame.inputs();
        let d = basis.ncols() - usize::from(bias.hidden());
        let (r, m) = (basis.ncols(), self.fit.a().nrows());
        let Some(k) = self.settings.width.filter(|&k| m < k && k <= d) else { return Vec::new() };
        let (inputs, labels) = (basis.subcols(0, d), self.fit.a().transpose());
        let from = if m == 1 { from_order_four } else { from_order_two };
        // Inputs that are not Gaussian, or too few of them, give no starts; random ones remain.
        let Ok(found) = from(inputs, labels, k, self.settings.seed) else { return Vec::new() };
        let padded = |found: &Mat<f64>, columns: usize, extra: &Mat<f64>| {
            Mat::from_fn(r, columns, |i, j| match (j < k, i < d) {
                (true, true) => found[(i, j)],
                (true, false) => 0.0,
                (false, _) => extra[(i, j - k)],
            })
        };
        let rng = &mut random::stream(self.settings.seed, "units beside moment starts", 0);
        let extra = random::gaussian(r, k, rng);
        vec![padded(&found, k, &extra), padded(&found, 2 * k, &extra)]
    }

    /// The network with given values before the rectifier on some of the samples, without biases that come out as zero.
    fn network(&self, rows: &Subset, t: &Mat<f64>, bias: BiasKind) -> Result<Network, LinalgError> {
        let fit = self.fit.samples();
        let build = |kind: BiasKind| {
            let hidden = weights::hidden_from_preactivations(rows.x(), t, kind)?;
            weights::output_layer(&fit, self.frame.activation(), &hidden, kind)
        };
        let network = build(bias)?;
        if self.settings.bias != BiasModel::Auto {
            return Ok(network);
        }
        let kind = weights::biases_beyond(&network, &fit, self.frame.zero_tolerance());
        if kind == bias {
            return Ok(network);
        }
        let without = build(kind)?;
        let explains = relative_residual(&without, &fit, &fit) <= self.allowed();
        Ok(if explains { without } else { network })
    }

    fn report(&self, found: &Found, network: Network, residual: f64) -> Recovery {
        let (fit, settings) = (self.fit.samples(), self.settings);
        let r = self.frame.inputs().ncols();
        let hidden = settings.bias.fitted().hidden();
        let undetermined_inputs = (fit.d() + usize::from(hidden)).saturating_sub(r);
        let mut units = self.unit_reports(found, &network);
        let identified = units.iter().all(|unit| unit.identified);
        for _ in network.k()..settings.width.unwrap_or(0) {
            units.push(identify::no_trace(fit.n(), r));
        }
        let holdout = (self.check.n() > 0).then(|| relative_residual(&network, &self.check.samples(), &fit));
        let precision = self.spectrum.precision;
        let worst = if precision > COARSE { 0.0 } else { worst_output_residual(&network, &fit) };
        let evidence = Evidence {
            found: network.k(),
            wanted: network.k(),
            rank: self.spectrum.rank.rank,
            full_rank: self.spectrum.rank.rank == fit.m(),
            width: settings.width,
            residual: residual.max(worst),
            allowed: self.allowed(),
            holdout,
            holdout_allowed: crate::answer::HOLDOUT_SAFETY * self.allowed(),
            undetermined_inputs,
            coarse_precision: (precision > COARSE).then_some(precision),
            decimal_excess: decimal_excess(self.spectrum, residual * fit.label_scale()),
            finding: None,
            units: &units,
        };
        let (verdict, reason) = judge(&evidence);
        let zero = matches!(verdict, Verdict::Exact | Verdict::ExactOnSamples);
        let level =
            if identified && zero { UniquenessLevel::GivenPatterns } else { UniquenessLevel::NotShown };
        let report = Report {
            verdict,
            reason,
            width: network.k(),
            activation: settings.activation.clone(),
            label_rank: self.spectrum.rank.rank,
            label_rank_kept: self.spectrum.rank.smallest_kept,
            label_rank_dropped: self.spectrum.rank.largest_dropped,
            residual,
            holdout_residual: holdout,
            holdout_samples: self.check.n(),
            label_precision: precision,
            kappa_u: condition_number(network.u()),
            kappa_v: condition_number(network.v()),
            method: match settings.method {
                Method::Tensor => Method::Tensor,
                _ => Method::Restarts,
            }
            .name()
            .to_string(),
            attempts: found.attempts,
            refuted: None,
            distinguishing: None,
            undetermined_input_directions: undetermined_inputs,
            uniqueness: Uniqueness {
                level,
                lift_monomials: None,
                lift_null_dimension: None,
                lift_margin: None,
            },
            units,
        };
        Recovery { network, report }
    }

    /// What the samples say about each unit.
    ///
    /// A unit counts as identified when both sides of its kink have more samples than it has weights, its active inputs have full
    /// rank, the joint system determines its block to some digits (the residual allowed over the gap and over the block's size), the
    /// block has rank one, its sign follows from the labels, and no other unit has the same kink.
    fn unit_reports(&self, found: &Found, network: &Network) -> Vec<UnitReport> {
        let fit = self.fit.samples();
        let r = self.frame.inputs().ncols();
        let t = network.preactivations(fit.x());
        let k = network.k();
        (0..k)
            .map(|i| {
                let row = t.row(i);
                let active = row.iter().filter(|&&t| t > 0.0).count();
                let inactive = fit.n() - active;
                let margin = row.iter().fold(f64::INFINITY, |s, t| s.min(t.abs()));
                let undetermined = r - found.ranks[i].min(r);
                let (gap, defect, size) = match &found.joint {
                    Some(joint) => (joint.gaps[i], joint.defects[i].max(joint.residual), joint.sizes[i]),
                    None => (0.0, 0.0, 0.0),
                };
                let consistent = found.joint.as_ref().is_some_and(|joint| joint.consistent);
                let error = self.allowed() / (gap * size).max(f64::MIN_POSITIVE);
                let reason = if i >= k - found.n_affine.min(k) {
                    UnitReason::Fitted
                } else if active < r + SPARE_SIDE {
                    UnitReason::TooFewActive
                } else if undetermined > 0 {
                    UnitReason::UndeterminedDirections
                } else if inactive < r + SPARE_SIDE {
                    UnitReason::TooFewInactive
                } else if has_twin(&found.directions, i, (RESIDUAL_SAFETY * error).min(UNIT_ACCURACY)) {
                    UnitReason::Parallel
                } else if !found.oriented {
                    UnitReason::Orientation
                } else if !consistent || error > UNIT_ACCURACY || defect > RESIDUAL_SAFETY * error {
                    UnitReason::Fitted
                } else {
                    UnitReason::Identified
                };
                UnitReport {
                    active,
                    inactive,
                    null_gap: gap,
                    null_residual: defect,
                    margin,
                    undetermined_directions: undetermined,
                    identified: reason == UnitReason::Identified,
                    reason,
                }
            })
            .collect()
    }
}

/// Pairs of opposite units, t = f(t) − f(−t), for the affine part that the units leave; r × 2 rank.
fn affine_pairs(rest: &Mat<f64>, bias: BiasKind) -> Result<Mat<f64>, LinalgError> {
    let r = rest.nrows();
    let mut wanted = rest.clone();
    if bias == BiasKind::Both {
        // The constant, which is the last of the inputs, is the output bias's.
        wanted.as_mut().subrows_mut(r - 1, 1).fill(0.0);
    }
    let svd = spectrum::thin_svd(wanted.as_ref())?;
    let rank = spectrum::rank_at(&svd.s, ZERO_REST).rank;
    Ok(Mat::from_fn(r, 2 * rank, |j, i| if i % 2 == 0 { svd.u[(j, i / 2)] } else { -svd.u[(j, i / 2)] }))
}

/// Two matrices side by side.
fn beside(a: &Mat<f64>, b: &Mat<f64>) -> Mat<f64> {
    let first = a.ncols();
    Mat::from_fn(a.nrows(), first + b.ncols(), |i, j| if j < first { a[(i, j)] } else { b[(i, j - first)] })
}

/// Whether another unit has the kink of unit `i`, facing either way, to the accuracy that they have.
fn has_twin(directions: &Mat<f64>, i: usize, accuracy: f64) -> bool {
    let own = directions.col_as_slice(i);
    (0..directions.ncols()).any(|j| {
        let other = directions.col_as_slice(j);
        let sign = if product::dot(own, other) < 0.0 { -1.0 } else { 1.0 };
        let apart: Vec<f64> = own.iter().zip(other).map(|(a, b)| a - sign * b).collect();
        j != i && product::norm(&apart) <= accuracy.max(tolerance::backward(own.len(), 1))
    })
}
