//! The report on an answer.

use orthant_estimate::frame::LabelSpectrum;
use orthant_linalg::{MatRef, spectrum, tolerance};
use orthant_network::{BiasKind, Samples};

use crate::answer::{Answer, COARSE};
use crate::error::RecoverError;
use crate::identify;
use crate::report::{Reason, Recovery, Report, Uniqueness, UniquenessLevel, Verdict};
use crate::settings::Settings;
use crate::verdict::{Evidence, judge};
use crate::weights;
use crate::worst_case::Finding;

/// Rows of V of a smaller condition number than this are independent beyond rounding.
const MAX_CONDITION: f64 = 1e10;

/// What the samples held out said.
pub(crate) struct Holdout {
    pub(crate) residual: Option<f64>,
    pub(crate) samples: usize,
    /// Whether they were fitted in the end.
    pub(crate) absorbed: bool,
}

impl Answer {
    /// Whether the lift shows that the units are all that there are. That takes inputs of full rank as well.
    pub(crate) fn is_proved_by_lift(&self) -> bool {
        let d = self.network.d();
        let independent = self.network.k() <= d && condition_number(self.network.v()) < MAX_CONDITION;
        self.units.len() == self.frame.k()
            && self
                .lift
                .as_ref()
                .is_some_and(|lift| lift.proves_uniqueness(&self.frame, &self.units, independent))
    }

    /// Collects the evidence and judges it.
    pub(crate) fn report(
        self,
        samples: &Samples<'_>,
        settings: &Settings,
        label_spectrum: &LabelSpectrum,
        holdout: &Holdout,
    ) -> Recovery {
        let fit = self.fit.samples();
        let k = self.frame.k();
        let wanted = self.frame.n_rectified();
        let inputs = self.frame.inputs().ncols();
        let undetermined_inputs =
            (samples.d() + usize::from(self.frame.bias().hidden())).saturating_sub(inputs);
        let kappa_v = condition_number(self.network.v());
        let proved = undetermined_inputs == 0 && self.is_proved_by_lift();
        let enumerated =
            undetermined_inputs == 0 && self.units.len() == k && self.finding == Some(Finding::Unique);
        let unique = proved || enumerated;
        let mut units = identify::unit_reports(
            &fit,
            &self.frame,
            &self.units,
            &self.network,
            unique,
            holdout.samples > 0,
        );
        let identified = units.iter().all(|unit| unit.identified);
        for _ in k..settings.width.unwrap_or(k) {
            units.push(identify::no_trace(fit.n(), inputs));
        }
        let residual = self.relative_residual(&fit, &fit);
        let evidence = Evidence {
            found: self.units.len(),
            wanted,
            rank: label_spectrum.rank.rank,
            full_rank: label_spectrum.rank.rank == samples.m(),
            width: settings.width,
            residual: residual.max(self.worst_output_residual()),
            allowed: self.allowed(),
            holdout: holdout.residual.filter(|_| !holdout.absorbed),
            holdout_allowed: self.holdout_allowed(),
            undetermined_inputs,
            coarse_precision: (self.precision > COARSE).then_some(self.precision),
            decimal_excess: decimal_excess(label_spectrum, residual * fit.label_scale()),
            finding: self.finding,
            units: &units,
        };
        let (verdict, reason) = judge(&evidence);
        let zero = matches!(verdict, Verdict::Exact | Verdict::ExactOnSamples);
        let level = match (proved && zero, identified && zero && self.units.len() == k) {
            (true, _) => UniquenessLevel::ProvedByLift,
            (false, true) if enumerated => UniquenessLevel::ProvedByEnumeration,
            (false, true) => UniquenessLevel::GivenPatterns,
            (false, false) => UniquenessLevel::NotShown,
        };
        let lift = self.lift.as_ref();
        let report = Report {
            verdict,
            reason,
            width: self.network.k(),
            activation: settings.activation.clone(),
            label_rank: label_spectrum.rank.rank,
            label_rank_kept: label_spectrum.rank.smallest_kept,
            label_rank_dropped: label_spectrum.rank.largest_dropped,
            residual,
            holdout_residual: holdout.residual,
            holdout_samples: holdout.samples,
            label_precision: self.precision,
            kappa_u: condition_number(self.network.u()),
            kappa_v,
            method: self.method,
            attempts: self.attempts,
            refuted: self.refuted,
            distinguishing: self.distinguishing,
            undetermined_input_directions: undetermined_inputs,
            uniqueness: Uniqueness {
                level,
                lift_monomials: lift.map(|lift| lift.monomials),
                lift_null_dimension: lift.map(|lift| lift.null_dimension),
                lift_margin: lift.map(|lift| lift.margin),
            },
            units,
        };
        Recovery { network: self.network, report }
    }
}

/// What a network with a residual (root mean square, in units of the labels) leaves of labels that are rounded to decimals, over what
/// the rounding explains; 1 for other labels.
pub(crate) fn decimal_excess(spectrum: &LabelSpectrum, residual: f64) -> f64 {
    spectrum.decimal_error.map_or(1.0, |error| spectrum.tail_excess.max(residual / error))
}

/// σ_1 over σ_min; infinite when that is zero to rounding.
pub(crate) fn condition_number(a: MatRef<'_, f64>) -> f64 {
    match spectrum::singular_values(a) {
        Ok(s) if s.last().is_some_and(|&last| last > tolerance::EPS * s[0]) => s[0] / s[s.len() - 1],
        _ => f64::INFINITY,
    }
}

/// The answer to labels that do not vary: the constant network, not recovered.
pub(crate) fn constant_labels(
    samples: &Samples<'_>,
    label_spectrum: &LabelSpectrum,
    settings: &Settings,
) -> Result<Recovery, RecoverError> {
    let network = weights::output_layer(samples, &settings.activation, &[], BiasKind::Output)?;
    let report = Report {
        verdict: Verdict::NotRecovered,
        reason: Reason::ConstantLabels,
        width: 0,
        activation: settings.activation.clone(),
        label_rank: 0,
        label_rank_kept: 0.0,
        label_rank_dropped: label_spectrum.rank.largest_dropped,
        residual: 0.0,
        holdout_residual: None,
        holdout_samples: 0,
        label_precision: label_spectrum.precision,
        kappa_u: f64::INFINITY,
        kappa_v: f64::INFINITY,
        method: "none".to_string(),
        attempts: 0,
        refuted: None,
        distinguishing: None,
        undetermined_input_directions: 0,
        uniqueness: Uniqueness {
            level: UniquenessLevel::NotShown,
            lift_monomials: None,
            lift_null_dimension: None,
            lift_margin: None,
        },
        units: (0..settings.width.unwrap_or(0))
            .map(|_| identify::no_trace(samples.n(), samples.d()))
            .collect(),
    };
    Ok(Recovery { network, report })
}
