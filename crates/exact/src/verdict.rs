//! From the evidence to the verdict.

use crate::report::{Reason, UnitReason, UnitReport, Verdict};
use crate::worst_case::Finding;

/// Everything a verdict rests on.
#[derive(Debug, Clone)]
pub(crate) struct Evidence<'a> {
    /// Units found by their kinks, and how many the rank of the labels calls for.
    pub(crate) found: usize,
    pub(crate) wanted: usize,
    /// The rank of the labels, and whether it is their dimension, so that the width may be larger.
    pub(crate) rank: usize,
    pub(crate) full_rank: bool,
    /// The width asked for.
    pub(crate) width: Option<usize>,
    /// Relative residual on the samples fitted, and what rounding explains.
    pub(crate) residual: f64,
    pub(crate) allowed: f64,
    /// Relative residual on the samples held out; `None` when there were none, or when they were fitted in the end.
    pub(crate) holdout: Option<f64>,
    pub(crate) holdout_allowed: f64,
    /// Directions of input space that the inputs do not span.
    pub(crate) undetermined_inputs: usize,
    /// Precision of the labels, when it is below that of `f64`.
    pub(crate) coarse_precision: Option<f64>,
    /// What the network leaves of the labels, over what rounding to their decimals explains: the larger of the flat tail of their
    /// spectrum and of the residual.
    pub(crate) decimal_excess: f64,
    /// What the search of all patterns says, where that was made.
    pub(crate) finding: Option<Finding>,
    pub(crate) units: &'a [UnitReport],
}

/// A network that leaves more than this of the labels unexplained is no approximation.
const APPROXIMATE: f64 = 0.1;

/// More than this times what rounding explains holds something else: norms of some hundred independent errors or more stray by a few
/// per cent.
const MAX_DECIMAL_EXCESS: f64 = 1.5;

/// The verdict, and what it rests on or fails by. The checks are in the order in which a user would want to hear of them.
pub(crate) fn judge(evidence: &Evidence<'_>) -> (Verdict, Reason) {
    let partial = |residual: f64| {
        if within(residual, APPROXIMATE) { Verdict::Approximate } else { Verdict::NotRecovered }
    };
    let worst = evidence.holdout.map_or(evidence.residual, |holdout| {
        if holdout <= evidence.residual { evidence.residual } else { holdout }
    });
    if let Some(Finding::Failed(reason)) = evidence.finding {
        return (Verdict::NotRecovered, reason);
    }
    if evidence.found < evidence.wanted {
        let reason = match evidence.width {
            Some(width) if width < evidence.rank => Reason::RankAboveWidth { rank: evidence.rank, width },
            _ if evidence.found == 0 && evidence.full_rank => Reason::FullRankLabels { rank: evidence.rank },
            _ => Reason::UnitsMissing { found: evidence.found, wanted: evidence.wanted },
        };
        return (partial(worst), reason);
    }
    if !within(evidence.residual, evidence.allowed) {
        let reason = Reason::Residual { residual: evidence.residual, allowed: evidence.allowed };
        return (partial(worst), reason);
    }
    let holdout_disagrees = evidence.holdout.filter(|&residual| !within(residual, evidence.holdout_allowed));
    let undetermined: Vec<UnitReason> =
        evidence.units.iter().filter(|unit| !unit.identified).map(|unit| unit.reason).collect();
    if let Some(residual) = holdout_disagrees {
        // Where weights are open, samples that disagree have been fitted too if they could; the labels are not those of such a
        // network.
        return (partial(residual), Reason::HoldoutDisagrees { residual, allowed: evidence.holdout_allowed });
    }
    if let Some(&first) = undetermined.first() {
        return (Verdict::ExactOnSamples, Reason::UndeterminedUnits { units: undetermined.len(), first });
    }
    if evidence.undetermined_inputs > 0 {
        let directions = evidence.undetermined_inputs;
        return (Verdict::ExactOnSamples, Reason::UndeterminedInputDirections { directions });
    }
    if let Some(Finding::Open(reason)) = evidence.finding {
        return (Verdict::ExactOnSamples, reason);
    }
    // Where all patterns were searched, there is nothing that samples held out could bring to light.
    if evidence.holdout.is_none() && evidence.finding != Some(Finding::Unique) {
        return (Verdict::ExactOnSamples, Reason::NothingHeldOut);
    }
    if !within(evidence.decimal_excess, MAX_DECIMAL_EXCESS) {
        return (Verdict::Approximate, Reason::BeyondDecimals { excess: evidence.decimal_excess });
    }
    let reason = match evidence.coarse_precision {
        Some(precision) => Reason::AllChecksPassedToLabelPrecision { precision },
        None if evidence.holdout.is_none() => Reason::OnlyNetwork,
        None => Reason::AllChecksPassed,
    };
    (Verdict::Exact, reason)
}

/// Whether a residual is at most a bound; one that is not a number is not.
fn within(residual: f64, bound: f64) -> bool {
    residual <= bound
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(reason: UnitReason) -> UnitReport {
        UnitReport {
            active: 50,
            inactive: 50,
            null_gap: 0.5,
            null_residual: 1e-15,
            margin: 0.1,
            undetermined_directions: 0,
            identified: reason == UnitReason::Identified,
            reason,
        }
    }

    fn good(units: &[UnitReport]) -> Evidence<'_> {
        Evidence {
            found: 1,
            wanted: 1,
            rank: 1,
            full_rank: false,
            width: None,
            residual: 1e-15,
            allowed: 1e-13,
            holdout: Some(1e-15),
            holdout_allowed: 1e-12,
            undetermined_inputs: 0,
            coarse_precision: None,
            decimal_excess: 1.0,
            finding: None,
            units,
        }
    }

    #[test]
    fn exact_needs_every_check() {
        let units = [unit(UnitReason::Identified)];
        let open = [unit(UnitReason::UndeterminedDirections)];
        assert_eq!(judge(&good(&units)), (Verdict::Exact, Reason::AllChecksPassed));
        let alone = Evidence { holdout: None, finding: Some(Finding::Unique), ..good(&units) };
        assert_eq!(judge(&alone), (Verdict::Exact, Reason::OnlyNetwork));
        let budget = Reason::OutOfBudget { patterns: 7 };
        let spoiled = [
            Evidence { finding: Some(Finding::Open(budget)), ..good(&units) },
            Evidence { finding: Some(Finding::Failed(budget)), ..good(&units) },
            Evidence { found: 0, ..good(&units) },
            Evidence { residual: 1e-3, ..good(&units) },
            Evidence { holdout: Some(1e-3), ..good(&units) },
            Evidence { residual: f64::NAN, ..good(&units) },
            Evidence { holdout: Some(f64::NAN), ..good(&units) },
            Evidence { holdout: None, ..good(&units) },
            Evidence { undetermined_inputs: 1, ..good(&units) },
            Evidence { units: &open, ..good(&units) },
            Evidence { decimal_excess: 2.0, ..good(&units) },
        ];
        for evidence in spoiled {
            assert_ne!(judge(&evidence).0, Verdict::Exact, "{evidence:?}");
        }
    }

    #[test]
    fn what_explains_little_is_not_recovered() {
        let units = [unit(UnitReason::Identified)];
        let missing = Evidence { found: 0, residual: 0.5, full_rank: true, ..good(&units) };
        assert_eq!(judge(&missing), (Verdict::NotRecovered, Reason::FullRankLabels { rank: 1 }));
        let narrow = Evidence { rank: 3, width: Some(1), ..missing };
        assert_eq!(judge(&narrow).1, Reason::RankAboveWidth { rank: 3, width: 1 });
        let holdout = Evidence { holdout: Some(0.5), ..good(&units) };
        assert_eq!(judge(&holdout).0, Verdict::NotRecovered);
    }
}
