//! Labels of one direction: the groups of Algorithm 8.

use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::{LinalgError, Mat, MatRef, product, random, tolerance};
use rand::seq::SliceRandom;

/// Labels as directions and sizes.
pub(super) struct Directions {
    /// The sample of each.
    pub(super) samples: Vec<usize>,
    /// Unit vectors, m × count.
    pub(super) units: Mat<f64>,
    /// The angle that rounding may turn each by, at most.
    pub(super) angle: f64,
}

/// A label's direction may be turned by this many roundings of its entries, which err independently: that of the activation itself
/// turns nothing.
const ROUNDINGS: f64 = 4.0;

/// The same for the norm and the quotient, taken in `f64`.
const OWN_ROUNDINGS: f64 = 8.0;

/// Labels whose rounding is larger than this times that of the largest are left out: those near the output bias, or with few decimals.
const MAX_SPREAD: f64 = 8.0;

/// How densely directions may lie, as a multiple of one for each unit of angle, itself several times the
/// uniform density: output weights of nearly one direction crowd them.
const CROWDING: f64 = 10.0;

/// The expected number of groups that form by chance must be below this.
const CHANCE: f64 = 1e-3;

/// A member's size may differ from what its input says by this many roundings, for the system is as ill-conditioned as its inputs.
const AGREEMENT: f64 = 3e3;

/// Parts of a group that its linear system is solved from when all members together have no solution. One of two equal populations is
/// found with 7 unknowns by 500 parts, but for a probability of 2 %.
const PARTS: u64 = 500;

/// Members that such a solution is tried on first.
const SCREENED: usize = 300;

/// Linear functions that are looked for in one group.
const POPULATIONS: usize = 3;

/// The precision of single labels.
#[derive(Clone, Copy)]
pub(super) struct Rounding {
    /// Relative error of an entry.
    pub(super) relative: f64,
    /// Absolute error of an entry: decimals, or the rounding of an output bias.
    pub(super) absolute: f64,
}

impl Directions {
    /// The directions of the labels less an output bias.
    pub(super) fn of(a: MatRef<'_, f64>, bias: &[f64], rounding: Rounding) -> Directions {
        let m = a.nrows();
        let offset = |j: usize| -> Vec<f64> { (0..m).map(|o| a[(o, j)] - bias[o]).collect() };
        let sizes: Vec<f64> = (0..a.ncols()).map(|j| product::norm(&offset(j))).collect();
        let largest = sizes.iter().fold(0.0f64, |s, &size| s.max(size));
        let error = |size: f64| rounding.relative + rounding.absolute / size;
        let bound = MAX_SPREAD * error(largest);
        let samples: Vec<usize> =
            (0..a.ncols()).filter(|&j| sizes[j] > 0.0 && error(sizes[j]) <= bound).collect();
        let units = Mat::from_fn(m, samples.len(), |o, i| {
            let j = samples[i];
            (a[(o, j)] - bias[o]) / sizes[j]
        });
        let angle = samples.iter().fold(0.0f64, |s, &j| s.max(error(sizes[j])));
        Directions { samples, units, angle: ROUNDINGS * angle + OWN_ROUNDINGS * tolerance::EPS }
    }

    /// The least group that the expected number of chance groups allows; `None` when there is none.
    ///
    /// Among n independent directions of density at most `CROWDING`, at most C(n, s) ω^(s−1) groups of s within an
    /// angle δ of their first are expected, ω = `CROWDING` · δ^(m−1) bounding the probability of one to be that near. At n = 10⁶ and m = 2 pairs
    /// are common in double precision, and groups of four in single.
    pub(super) fn least_group(&self) -> Option<usize> {
        let (m, n) = (self.units.nrows(), self.samples.len());
        let near = CROWDING.ln() + (m as f64 - 1.0) * (2.0 * self.angle).ln();
        let mut log = (n as f64).max(1.0).ln();
        (2..=n).find(|&s| {
            log += (((n - s + 1) as f64) / s as f64).ln() + near;
            log <= CHANCE.ln()
        })
    }

    /// Groups of at least `least` directions that are the same to rounding, largest first, as positions in `samples`.
    ///
    /// Directions are sorted by one random projection, where only directions of one group, and few others, are as near as rounding.
    pub(super) fn groups(&self, least: usize, seed: u64) -> Vec<Vec<usize>> {
        let (m, n) = self.units.shape();
        let axis = random::orthonormal(m, 1, &mut random::stream(seed, "projection of directions", 0));
        let projected = product::matmul(axis.transpose(), self.units.as_ref());
        let mut order: Vec<(f64, usize)> = (0..n).map(|i| (projected[(0, i)], i)).collect();
        order.sort_unstable_by(|p, q| p.0.total_cmp(&q.0).then(p.1.cmp(&q.1)));
        // Where in the order the window from each position ends.
        let width = 2.0 * self.angle;
        let mut end = 0;
        let ends: Vec<usize> = (0..n)
            .map(|start| {
                end = end.max(start);
                while end < n && order[end].0 - order[start].0 <= width {
                    end += 1;
                }
                end
            })
            .collect();
        let mut windows: Vec<usize> = (0..n).filter(|&start| ends[start] - start >= least).collect();
        windows.sort_by_key(|&start| (std::cmp::Reverse(ends[start] - start), start));
        let mut taken = vec![false; n];
        let mut groups = Vec::new();
        for start in windows {
            // What is free in a window that starts in a group found is in the window that starts at the first of it.
            if taken[start] {
                continue;
            }
            let free: Vec<usize> = (start..ends[start]).filter(|&position| !taken[position]).collect();
            if free.len() < least {
                continue;
            }
            let members: Vec<usize> = free.iter().map(|&position| order[position].1).collect();
            let near = self.near_median(&members);
            if near.len() < least {
                continue;
            }
            // All that is near in the projection goes, or a large group's edge would make another.
            let low = order.partition_point(|p| p.0 < order[start].0 - width);
            let high = order.partition_point(|p| p.0 <= order[start].0 + 2.0 * width);
            taken[low..high].fill(true);
            groups.push(near);
        }
        groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
        groups
    }

    /// The members within rounding of the median of each coordinate.
    fn near_median(&self, members: &[usize]) -> Vec<usize> {
        let m = self.units.nrows();
        let median: Vec<f64> = (0..m)
            .map(|o| {
                let mut values: Vec<f64> = members.iter().map(|&i| self.units[(o, i)]).collect();
                let middle = values.len() / 2;
                *values.select_nth_unstable_by(middle, f64::total_cmp).1
            })
            .collect();
        let distance = |i: usize| (0..m).map(|o| (self.units[(o, i)] - median[o]).abs()).fold(0.0, f64::max);
        members.iter().copied().filter(|&i| distance(i) <= 2.0 * self.angle).collect()
    }

    /// The mean direction of a group, of unit norm.
    pub(super) fn mean(&self, group: &[usize]) -> Vec<f64> {
        let m = self.units.nrows();
        let mut mean: Vec<f64> =
            (0..m).map(|o| group.iter().map(|&i| self.units[(o, i)]).sum::<f64>()).collect();
        let norm = product::norm(&mean).max(f64::MIN_POSITIVE);
        mean.iter_mut().for_each(|v| *v /= norm);
        mean
    }
}

/// A linear function that members of a group agree on.
#[derive(Debug, Clone)]
pub(super) struct Population {
    /// The solution w of w z_j = c_j, as long as z.
    pub(super) weights: Vec<f64>,
    /// The members, as positions in the group.
    pub(super) members: Vec<usize>,
}

/// The linear functions c_j = w z_j of at least `needed` members of a group: one of all of them, or else of as many as agree, found from
/// random parts.
///
/// # Shapes
/// `inputs` has a row z_j for each member, `sizes` its c_j; `unknowns` is the rank of inputs in general.
pub(super) fn populations(
    inputs: &Mat<f64>,
    sizes: &[f64],
    (unknowns, needed): (usize, usize),
    rounding: f64,
    seed: u64,
) -> Result<Vec<Population>, LinalgError> {
    let mut left: Vec<usize> = (0..sizes.len()).collect();
    let mut found = Vec::new();
    while found.len() < POPULATIONS && left.len() >= needed {
        let mut best = agreeing(inputs, sizes, &left, &left, rounding)?;
        let mut order = left.clone();
        for part in 0..PARTS {
            if 2 * best.members.len() > left.len() || left.len() <= unknowns {
                break;
            }
            order.shuffle(&mut random::stream(seed, "part of a group", part));
            // The part is not among those it is tried on, which it meets whatever they are.
            let screened = &order[unknowns..order.len().min(unknowns + SCREENED)];
            let tried = agreeing(inputs, sizes, &order[..unknowns], screened, rounding)?;
            if tried.members.len() * left.len() > best.members.len() * screened.len() {
                let all = agreeing(inputs, sizes, &order[..unknowns], &left, rounding)?;
                best = if all.members.len() > best.members.len() { all } else { best };
            }
        }
        if best.members.len() > unknowns {
            let again = agreeing(inputs, sizes, &best.members, &left, rounding)?;
            best = if again.members.len() >= best.members.len() { again } else { best };
        }
        // A part of as many members as there are unknowns agrees with its own solution, whatever it is.
        let whole = found.is_empty() && best.members.len() == left.len();
        if best.members.len() < if whole { needed } else { needed.max(unknowns + 2) } {
            break;
        }
        left.retain(|j| best.members.binary_search(j).is_err());
        found.push(best);
    }
    Ok(found)
}

/// The least-squares solution of some members, and those of others that agree with it.
fn agreeing(
    inputs: &Mat<f64>,
    sizes: &[f64],
    chosen: &[usize],
    others: &[usize],
    rounding: f64,
) -> Result<Population, LinalgError> {
    let columns = inputs.ncols();
    let rows = Mat::from_fn(chosen.len(), columns, |i, r| inputs[(chosen[i], r)]);
    let target = Mat::from_fn(chosen.len(), 1, |i, _| sizes[chosen[i]]);
    let factor = RankRevealing::new(rows, tolerance::backward(chosen.len(), columns))?;
    let weights = factor.solve(target.as_ref()).col_as_slice(0).to_vec();
    let norm = product::norm(&weights);
    let agrees = |j: &usize| {
        let (mut value, mut square) = (0.0, 0.0);
        for (r, w) in weights.iter().enumerate() {
            value += w * inputs[(*j, r)];
            square += inputs[(*j, r)].powi(2);
        }
        (value - sizes[*j]).abs() <= AGREEMENT * rounding * (sizes[*j] + norm * square.sqrt())
    };
    let mut members: Vec<usize> = others.iter().copied().filter(agrees).collect();
    members.sort_unstable();
    Ok(Population { weights, members })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOUBLE: Rounding = Rounding { relative: tolerance::EPS, absolute: 0.0 };

    /// Two rays of 40 labels among others.
    fn labels(others: usize, m: usize) -> Mat<f64> {
        let rng = &mut random::stream(1, "rays", 0);
        let (rays, sizes) = (random::gaussian(m, 2, rng), random::gaussian_vec(80, rng));
        let rest = random::gaussian(m, others, rng);
        Mat::from_fn(m, 80 + others, |o, j| {
            if j < 80 { rays[(o, j % 2)] * sizes[j].abs() } else { rest[(o, j - 80)] }
        })
    }

    #[test]
    fn rays_are_found_among_others_also_in_single_precision() {
        for (m, single) in [(2, false), (2, true), (3, false), (3, true), (6, true)] {
            let a = labels(5000, m);
            let (a, relative) = if single {
                let rounded = Mat::from_fn(m, a.ncols(), |o, j| f64::from(a[(o, j)] as f32));
                (rounded, tolerance::EPS_F32 / 2.0)
            } else {
                (a, tolerance::EPS / 2.0)
            };
            let directions = Directions::of(a.as_ref(), &vec![0.0; m], Rounding { relative, absolute: 0.0 });
            let least = directions.least_group().expect("fine labels");
            assert!(least <= 6, "{m} {single}: {least}");
            let groups = directions.groups(least, 3);
            assert_eq!(groups.len(), 2, "{m} {single}");
            for group in groups {
                let parity = directions.samples[group[0]] % 2;
                assert_eq!(group.len(), 40);
                assert!(
                    group.iter().all(|&i| directions.samples[i] < 80 && directions.samples[i] % 2 == parity)
                );
            }
        }
    }

    #[test]
    fn chance_groups_grow_with_the_samples_and_the_rounding() {
        let least = |n: usize, relative: f64| {
            let a = random::gaussian(2, n, &mut random::stream(2, "rays", 0));
            let rounding = Rounding { relative, ..DOUBLE };
            let directions = Directions::of(a.as_ref(), &[0.0, 0.0], rounding);
            (directions.least_group(), directions.groups(2, 0).len())
        };
        // In double precision pairs form by chance among 10⁶ directions, if they are crowded.
        assert_eq!(least(100, tolerance::EPS), (Some(2), 0));
        assert_eq!(least(1_000_000, tolerance::EPS).0, Some(3));
        let (coarse, pairs) = least(10_000, tolerance::EPS_F32);
        assert!(coarse.is_some_and(|s| s > 3) && pairs > 0, "{coarse:?} {pairs}");
        assert_eq!(least(1000, 1e-1).0, None);
    }

    #[test]
    fn a_member_that_does_not_belong_is_outvoted() {
        let rng = &mut random::stream(3, "outvoted", 0);
        let (inputs, w) = (random::gaussian(12, 4, rng), random::gaussian(4, 1, rng));
        let mut sizes: Vec<f64> = product::matmul(inputs.as_ref(), w.as_ref()).col_as_slice(0).to_vec();
        sizes[5] += 1.0;
        let found = populations(&inputs, &sizes, (4, 4), tolerance::EPS, 1).expect("finite");
        assert_eq!((found.len(), found[0].members.len()), (1, 11));
        let error: f64 = (0..4).map(|r| (found[0].weights[r] - w[(r, 0)]).abs()).sum();
        assert!(error <= 100.0 * tolerance::backward(12, 4));
    }
}
