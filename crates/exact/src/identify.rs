//! What these samples say about each unit.

use orthant_estimate::{Frame, Unit};
use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::{Mat, product, spectrum, tolerance};
use orthant_network::{Network, Samples};

use crate::report::{UnitReason, UnitReport};

/// Inactive samples beyond the number of units that share them, which a set of units must have so that a combination of them
/// cannot pass for a unit: with none to spare, as many free coefficients as equations.
const SPARE_INACTIVE: usize = 2;

/// Where the scale of a unit's weights is identified, the bound on its error must be below this part of it. The bound is worst-case: the
/// errors measured (eᵗ − 1 on small t, labels in single precision) are a hundred times smaller.
const SCALE_ACCURACY: f64 = 1e-2;

/// The evidence for the units of a network, in its order.
///
/// Units beyond those found by their kinks (always-active ones) carry no evidence but their count of active samples. `only_units` says
/// that no other network of this width has these labels, by the lift or by enumeration. Then few inactive samples are enough, but
/// not few active ones: a combination of the units of a wider network passes for a unit where only as many samples as it has
/// weights are active, since any values there are those of some weights. Without samples held out (not `checked`) the equations to spare
/// must also connect all active samples.
pub(crate) fn unit_reports(
    samples: &Samples<'_>,
    frame: &Frame,
    units: &[Unit],
    network: &Network,
    only_units: bool,
    checked: bool,
) -> Vec<UnitReport> {
    let r = frame.inputs().ncols();
    let t = network.preactivations(samples.x());
    let spare = spare_inactive_samples(units);
    (0..network.k())
        .map(|i| {
            let row = t.row(i);
            let margin = row.iter().fold(f64::INFINITY, |s, t| s.min(t.abs()));
            let Some(unit) = units.get(i) else {
                let active = row.iter().filter(|&&t| t > 0.0).count();
                return UnitReport {
                    active,
                    inactive: samples.n() - active,
                    null_gap: 0.0,
                    null_residual: 0.0,
                    margin,
                    undetermined_directions: r,
                    identified: false,
                    reason: if active == samples.n() { UnitReason::AlwaysActive } else { UnitReason::Fitted },
                };
            };
            let (active, inactive) = (unit.pattern.n_active(), unit.pattern.n_inactive());
            let undetermined = r - unit.input_rank;
            let two_slopes = frame.activation().negative_slope().is_some();
            let reason = if inactive == 0 && !two_slopes {
                UnitReason::AlwaysActive
            } else if active <= r || !(checked || is_connected(frame, unit)) {
                UnitReason::TooFewActive
            } else if undetermined > 0 {
                UnitReason::UndeterminedDirections
            } else if unit.null_gap == 0.0 {
                // It is one of those that have its pattern, or has no more equations than unknowns.
                UnitReason::Fitted
            } else if !only_units && (!spare[i] || (two_slopes && inactive <= r)) {
                UnitReason::TooFewInactive
            } else if antiparallel(frame, units, i) || !(only_units || is_apart(units, i)) {
                UnitReason::Parallel
            } else if in_affine_part(frame, unit) {
                UnitReason::Orientation
            } else if unit.scale_error > SCALE_ACCURACY {
                UnitReason::UndeterminedScale
            } else {
                UnitReason::Identified
            };
            UnitReport {
                active,
                inactive,
                // Infinite for a single unit, which has no other combination beside it.
                null_gap: if unit.null_gap.is_finite() { unit.null_gap } else { 1.0 },
                null_residual: unit.null_residual,
                margin,
                undetermined_directions: undetermined,
                identified: reason == UnitReason::Identified,
                reason,
            }
        })
        .collect()
}

/// Whether dependencies of the active inputs connect all of them: there is no way to divide these samples into two groups whose inputs
/// span independent spaces.
///
/// If there were one, a function that is linear on each group would be linear on both, and different units of a wider network, one on
/// each group, would pass for one unit; a sample that is in no dependency is such a group by itself, and its label is not checked. Inputs
/// in general position are connected by one sample to spare, inputs of few values may not be. Groups are the blocks of the projection on
/// the column space of the active inputs (the components of their matroid).
fn is_connected(frame: &Frame, unit: &Unit) -> bool {
    let inputs = frame.inputs();
    // Samples at the origin say nothing of the weights.
    let active: Vec<usize> = unit.pattern.active().filter(|&j| inputs.row(j).norm_l2() > 0.0).collect();
    let (p, r) = (active.len(), inputs.ncols());
    let rows = Mat::from_fn(p, r, |i, c| inputs[(active[i], c)]);
    let Ok(svd) = spectrum::thin_svd(rows.as_ref()) else { return false };
    let rank = spectrum::rank_at(&svd.s, tolerance::backward(p, r)).rank;
    let projection = |i: usize, j: usize| -> f64 { (0..rank).map(|c| svd.u[(i, c)] * svd.u[(j, c)]).sum() };
    let zero = tolerance::backward(p, r).sqrt();
    let mut queue: Vec<usize> = (0..p.min(1)).collect();
    let mut left: Vec<usize> = (1..p).collect();
    while let Some(i) = queue.pop() {
        let (near, far) = left.into_iter().partition(|&j| projection(i, j).abs() > zero);
        left = far;
        queue.extend::<Vec<usize>>(near);
    }
    p > rank && left.is_empty()
}

/// The entry for a unit that was asked for and left no trace.
pub(crate) fn no_trace(n: usize, r: usize) -> UnitReport {
    UnitReport {
        active: 0,
        inactive: n,
        null_gap: 0.0,
        null_residual: 0.0,
        margin: 0.0,
        undetermined_directions: r,
        identified: false,
        reason: UnitReason::NoTrace,
    }
}

/// Whether enough samples lie between the kink of unit i and those of others that it is no combination of them.
///
/// A combination Σ_J a_i f_i of |J| units passes for a unit, active where it is not zero, when it satisfies one equation, Σ a_i t_i = 0 over
/// the active or over the inactive ones of J, at each sample that has both in J; no other sample says anything. With as many
/// such samples as free ratios of the a_i, |J| − 1, there is one for almost any labels. On nearly parallel units these samples are few,
/// however many samples there are. J has at least as many of them as the farthest of its units has from unit i, so it is enough that the
/// s-th nearest unit differs from unit i on s + 1 samples: one equation more than free ratios, which holds to rounding by chance only.
fn is_apart(units: &[Unit], i: usize) -> bool {
    let others = units.iter().enumerate().filter(|(j, _)| *j != i);
    let mut distances: Vec<usize> =
        others.map(|(_, other)| units[i].pattern.distance(&other.pattern)).collect();
    distances.sort_unstable();
    distances.iter().zip(1..).all(|(&distance, s)| distance > s)
}

/// Whether the kink of a unit is also that of another one, facing the other way: f(t) − f(−t) = t is affine, so that each of
/// the two can be replaced by an always-active unit.
fn antiparallel(frame: &Frame, units: &[Unit], i: usize) -> bool {
    let size = |unit: &Unit| unit.direction.iter().map(|v| v * v).sum::<f64>().sqrt();
    units.iter().enumerate().any(|(j, other)| {
        let dot: f64 = units[i].direction.iter().zip(&other.direction).map(|(a, b)| a * b).sum();
        i != j && dot <= -(1.0 - frame.zero_tolerance()) * size(&units[i]) * size(other)
    })
}

/// Whether the values of a unit before the rectifier are in the affine part of the labels, up to a constant that the output bias
/// takes up: f(t) = t + f(−t), so that always-active units make up for a unit that faces the other way.
fn in_affine_part(frame: &Frame, unit: &Unit) -> bool {
    let (extended, linear) = (frame.extended(), frame.linear());
    if !frame.activation().is_relu() || linear.ncols() == 0 {
        return false;
    }
    let direction = Mat::from_fn(unit.direction.len(), 1, |i, _| unit.direction[i]);
    let t = product::matmul(frame.inputs(), direction.as_ref());
    let affine = product::matmul(extended, linear);
    let constants = extended.subcols(frame.k(), extended.ncols() - frame.k());
    let l = affine.ncols();
    let span = Mat::from_fn(frame.n(), l + constants.ncols(), |j, i| {
        if i < l { affine[(j, i)] } else { constants[(j, i - l)] }
    });
    let rounding = tolerance::backward(span.nrows(), span.ncols());
    RankRevealing::new(span, rounding).is_ok_and(|factor| {
        let rest = factor.complement(t.as_ref());
        product::frobenius(rest.as_ref()) <= frame.zero_tolerance() * product::frobenius(t.as_ref())
    })
}

/// For each unit, whether every set J of units that contains it has at least |J| + 2 samples on which one of J is inactive.
///
/// A false unit is a combination of true ones, f = Σ_J a_i f_i + c, that is affine where none of J has a kink to show; it must
/// take |∪N_i| prescribed values with |J| free numbers. By Hall's theorem the counts hold for all J around unit i exactly
/// when all units, unit i three times, can be matched to different inactive samples; that is what is computed, by augmenting
/// paths, unit by unit, so that a unit that fails does not take others with it.
/// This is an argument about generic inputs, not a proof (the lift is).
fn spare_inactive_samples(units: &[Unit]) -> Vec<bool> {
    let k = units.len();
    // A unit with this many inactive samples finds a free one whatever the others take.
    let plenty = k + SPARE_INACTIVE;
    let scarce: Vec<usize> = (0..k).filter(|&i| units[i].pattern.n_inactive() < plenty).collect();
    let neighbours: Vec<Vec<usize>> = scarce.iter().map(|&i| units[i].pattern.inactive().collect()).collect();
    let n = units.first().map_or(0, |unit| unit.pattern.n());
    let mut matching = Matching { owner: vec![None; n], neighbours: &neighbours };
    let matched: Vec<bool> = (0..scarce.len()).map(|i| matching.augment(i)).collect();
    let mut enough = vec![true; k];
    for (position, &unit) in scarce.iter().enumerate() {
        let mut trial = Matching { owner: matching.owner.clone(), neighbours: &neighbours };
        enough[unit] = matched[position] && (0..SPARE_INACTIVE).all(|_| trial.augment(position));
    }
    enough
}

/// A matching of units (with copies) to samples.
struct Matching<'a> {
    owner: Vec<Option<usize>>,
    neighbours: &'a [Vec<usize>],
}

impl Matching<'_> {
    /// Gives one more sample to a unit, moving others if need be. `false` when there is none.
    fn augment(&mut self, unit: usize) -> bool {
        let mut visited = vec![false; self.owner.len()];
        self.find(unit, &mut visited)
    }

    fn find(&mut self, unit: usize, visited: &mut [bool]) -> bool {
        for position in 0..self.neighbours[unit].len() {
            let sample = self.neighbours[unit][position];
            if std::mem::replace(&mut visited[sample], true) {
                continue;
            }
            let free = match self.owner[sample] {
                None => true,
                Some(owner) => owner != unit && self.find(owner, visited),
            };
            if free {
                self.owner[sample] = Some(unit);
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_network::SignPattern;

    fn unit(inactive: &[usize], n: usize) -> Unit {
        let pattern = SignPattern::of((0..n).map(|j| if inactive.contains(&j) { -1.0 } else { 1.0 }));
        Unit {
            combination: vec![],
            direction: vec![1.0],
            pattern,
            activations: vec![],
            amplitude: 1.0,
            scale_error: 0.0,
            null_residual: 0.0,
            null_gap: 1.0,
            input_rank: 1,
        }
    }

    #[test]
    fn units_with_samples_of_their_own_have_enough() {
        let units = [unit(&[0, 1, 2], 20), unit(&[3, 4, 5], 20), unit(&[6, 7, 8, 9, 10, 11], 20)];
        assert_eq!(spare_inactive_samples(&units), [true, true, true]);
    }

    #[test]
    fn units_are_apart_when_each_has_samples_between() {
        // Unit 1 differs from unit 0 on two samples, unit 2 on three: a combination of all three has two free ratios.
        let far = [unit(&[0, 1, 2], 20), unit(&[1, 2, 3], 20), unit(&[1, 2, 3, 4], 20)];
        assert!(is_apart(&far, 0));
        // On one sample only: two of them combine to zero there.
        let near = [unit(&[0, 1, 2], 20), unit(&[0, 1, 2, 3], 20)];
        assert!(!is_apart(&near, 0) && !is_apart(&near, 1));
        // On two samples each: the three combine to zero at both.
        let three = [unit(&[0, 1, 2], 20), unit(&[0, 1, 3], 20), unit(&[0, 1, 4], 20)];
        assert!(is_apart(&three[..2], 0) && !is_apart(&three, 0));
        assert!(is_apart(&three[..1], 0), "a single unit");
    }

    #[test]
    fn a_tight_set_is_named_and_others_are_not() {
        // Units 0 and 1 share three inactive samples: three equations against two numbers leave one to spare, not two.
        let units = [unit(&[0, 1, 2], 20), unit(&[0, 1, 2], 20), unit(&[3, 4, 5, 6], 20)];
        assert_eq!(spare_inactive_samples(&units), [false, false, true]);
        assert_eq!(spare_inactive_samples(&[unit(&[5, 6], 20)]), [false]);
    }

    #[test]
    fn dependencies_connect_active_samples_or_leave_groups() {
        use orthant_network::{BiasKind, Samples};

        let connected = |inputs: &[[f64; 2]]| {
            let n = inputs.len();
            let x = Mat::from_fn(2, n, |r, j| inputs[j][r]);
            let samples = Samples::new(x.as_ref(), x.as_ref()).expect("finite");
            let (frame, _) = Frame::new(&samples, BiasKind::None, None).expect("finite");
            is_connected(&frame, &unit(&[], n))
        };
        assert!(connected(&[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]));
        assert!(connected(&[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]]), "the origin does not count");
        assert!(!connected(&[[1.0, 0.0], [0.0, 1.0]]), "nothing to spare");
        assert!(!connected(&[[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 3.0]]), "two groups");
        assert!(!connected(&[[1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [0.0, 3.0]]), "a sample by itself");
    }
}
