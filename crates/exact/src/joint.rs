//! All units at once: from their directions to the network, the evidence for it, and the verdict.

use orthant_estimate::Frame;
use orthant_estimate::frame::LabelSpectrum;
use orthant_estimate::joint::{Joint, active_rank, solve_joint};
use orthant_estimate::problem::Problem;
use orthant_linalg::{LinalgError, Mat, product, random, tolerance};
use orthant_network::{BiasKind, Network, Subset};
use rand::seq::SliceRandom;

use crate::answer::{COARSE, RESIDUAL_SAFETY, centred_rows, relative_residual, worst_output_residual};
use crate::evidence::{condition_number, decimal_excess};
use crate::identify;
use crate::report::{Recovery, Report, Uniqueness, UniquenessLevel, UnitReason, UnitReport, Verdict};
use crate::settings::{BiasModel, Settings};
use crate::verdict::{Evidence, judge};
use crate::weights;

/// The joint system uses this many samples at most: plenty for tens of units, and the residual is taken on all.
const MAX_ROWS: usize = 30_000;

/// Samples that the joint system must have beyond its unknowns for each output: with none to spare any patterns have a solution.
const SPARE_ROWS: usize = 4;

/// A unit's weights must be known to this part of themselves.
const UNIT_ACCURACY: f64 = 1e-4;

/// Samples that each side of a kink must have beyond the number of weights of the unit.
const SPARE_SIDE: usize = 2;

/// Samples, their two subspaces and what was asked for: what all units at once go by.
pub(crate) struct Case<'a> {
    pub(crate) fit: &'a Subset,
    pub(crate) check: &'a Subset,
    pub(crate) frame: &'a Frame,
    pub(crate) spectrum: &'a LabelSpectrum,
    pub(crate) settings: &'a Settings,
}

/// Units in the coordinates of some of the samples.
pub(crate) struct Found {
    /// Directions, r × k.
    pub(crate) directions: Mat<f64>,
    /// The joint system's answer; `None` when it loses rank, or has hardly more equations than unknowns.
    pub(crate) joint: Option<Joint>,
    /// Rank of the active inputs of each unit.
    pub(crate) ranks: Vec<usize>,
    /// Whether the signs are determined.
    pub(crate) oriented: bool,
    /// The last so many units make up for an affine part that the others leave.
    pub(crate) n_affine: usize,
    pub(crate) attempts: usize,
    /// What found the directions.
    pub(crate) method: &'static str,
}

/// Some of the samples, in the coordinates that directions have.
pub(crate) struct Rows {
    samples: Subset,
    inputs: Mat<f64>,
    labels: Mat<f64>,
}

impl Rows {
    /// The problem that these samples pose.
    pub(crate) fn problem<'a>(&'a self, case: &'a Case<'_>, affine: bool) -> Problem<'a> {
        Problem {
            inputs: self.inputs.as_ref(),
            labels: self.labels.as_ref(),
            bias: case.settings.bias.fitted(),
            activation: case.frame.activation(),
            affine,
        }
    }
}

impl Case<'_> {
    /// The samples that the joint system is of: all, or [`MAX_ROWS`] at random.
    pub(crate) fn rows(&self, label: &str) -> Rows {
        let bias = self.settings.bias.fitted();
        let mut chosen: Vec<usize> = (0..self.fit.n()).collect();
        chosen.shuffle(&mut random::stream(self.settings.seed, label, 0));
        chosen.truncate(MAX_ROWS);
        let root = (self.fit.n() as f64).sqrt();
        let basis = self.frame.inputs();
        let inputs = Mat::from_fn(chosen.len(), basis.ncols(), |i, j| root * basis[(chosen[i], j)]);
        let samples = Subset::of(&self.fit.samples(), &chosen);
        let labels = centred_rows(samples.a(), bias.output());
        Rows { samples, inputs, labels }
    }

    /// The residual that rounding explains.
    pub(crate) fn allowed(&self) -> f64 {
        crate::answer::allowed(self.spectrum.precision, self.fit.n(), self.fit.a().nrows())
    }

    /// Whether the labels are coarser than `f64`, so that a least-squares optimum is better than the joint system's solution.
    pub(crate) fn coarse(&self) -> bool {
        self.spectrum.precision > COARSE
    }

    /// Solves the joint system from the directions given, takes over its solution, and measures how far the samples determine it.
    pub(crate) fn joined(&self, problem: &Problem<'_>, mut found: Found) -> Result<Found, LinalgError> {
        let unknowns = found.directions.ncols() * problem.inputs.ncols() + usize::from(problem.bias.output());
        found.joint =
            solve_joint(problem, &found.directions)?.filter(|joint| joint.n_used >= unknowns + SPARE_ROWS);
        if let Some(joint) = found.joint.as_ref().filter(|joint| joint.consistent && !self.coarse()) {
            found.directions = joint.directions.clone();
        }
        found.ranks = (0..found.directions.ncols())
            .map(|i| active_rank(problem, found.directions.col_as_slice(i)))
            .collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// The network with given directions, without biases that come out as zero, and its relative residual on all samples fitted.
    pub(crate) fn network(&self, rows: &Rows, directions: &Mat<f64>) -> Result<(Network, f64), LinalgError> {
        let (rows, t) = (&rows.samples, product::matmul(rows.inputs.as_ref(), directions.as_ref()));
        let fit = self.fit.samples();
        let network = self.network_of(rows, &t)?;
        let residual = relative_residual(&network, &fit, &fit);
        Ok((network, residual))
    }

    fn network_of(&self, rows: &Subset, t: &Mat<f64>) -> Result<Network, LinalgError> {
        let bias = self.settings.bias.fitted();
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

    /// The evidence and the verdict on it.
    pub(crate) fn report(&self, found: &Found, network: Network, residual: f64) -> Recovery {
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
            method: found.method.to_string(),
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
                } else if inactive == 0 {
                    UnitReason::AlwaysActive
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
