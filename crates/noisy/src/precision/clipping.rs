//! Bounds that an output attains too often.

use orthant_network::Samples;

use super::{LEAST_VALUES, Sample};
use crate::fit::Clipping;

/// Samples at a bound, at least, where values do not repeat.
const LEAST_TIES: usize = 4;

/// Times that a bound must be attained for each time that the next values together are, where values repeat.
const EXCESS: usize = 2;

/// The bounds of each output, infinite without one.
pub(super) fn bounds(samples: &Samples<'_>, first: &Sample) -> Clipping {
    let m = samples.m();
    let (mut least, mut most) = (vec![Extremes::default(); m], vec![Extremes::default(); m]);
    // Where all outputs are zero, all units are inactive: that is no sign of a bound.
    for sample in samples.a().col_iter().filter(|sample| m == 1 || sample.norm_max() > 0.0) {
        for (o, &a) in sample.iter().enumerate() {
            least[o].count(-a);
            most[o].count(a);
        }
    }
    let (lower, upper) = (shared(&least, &first.repeats), shared(&most, &first.repeats));
    // An output that never varies is at both ends, which says nothing.
    let pair = |o: usize| match (-lower[o], upper[o]) {
        (low, high) if low < high => (low, high),
        _ => (f64::NEG_INFINITY, f64::INFINITY),
    };
    let (lower, upper) = (0..m).map(pair).unzip();
    Clipping::new(lower, upper).expect("each lower bound is below the upper one")
}

/// The upper bound of each output, infinite without one. Outputs are mostly cut off at one bound, which some of them attain too rarely
/// to show it by themselves: the largest value of an output is its bound if it is that of another output.
fn shared(outputs: &[Extremes], repeats: &[bool]) -> Vec<f64> {
    let own: Vec<f64> = outputs.iter().zip(repeats).filter_map(|(o, &repeats)| o.bound(repeats)).collect();
    let bound = |o: &Extremes| o.largest().filter(|largest| own.contains(largest)).unwrap_or(f64::INFINITY);
    outputs.iter().map(bound).collect()
}

/// The largest different values, descending, with how often they occur.
#[derive(Debug, Clone, Default)]
struct Extremes(Vec<(f64, usize)>);

impl Extremes {
    fn count(&mut self, value: f64) {
        if self.0.len() == LEAST_VALUES && self.0.last().is_some_and(|&(last, _)| value < last) {
            return;
        }
        match self.0.iter().position(|&(known, _)| known <= value) {
            Some(at) if self.0[at].0 == value => self.0[at].1 += 1,
            Some(at) => self.0.insert(at, (value, 1)),
            None => self.0.push((value, 1)),
        }
        self.0.truncate(LEAST_VALUES);
    }

    /// The largest value; none for an output of few values, which is of another kind.
    fn largest(&self) -> Option<f64> {
        self.0.first().filter(|_| self.0.len() == LEAST_VALUES).map(|&(value, _)| value)
    }

    /// The largest value, if it occurs too often for the end of a distribution.
    fn bound(&self, values_repeat: bool) -> Option<f64> {
        let (bound, times) = (self.largest()?, self.0[0].1);
        let next: usize = self.0[1..].iter().map(|&(_, times)| times).sum();
        let is_bound = if values_repeat { times > EXCESS * next } else { times >= LEAST_TIES };
        is_bound.then_some(bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_are_counted_whatever_the_order() {
        let mut extremes = Extremes::default();
        for value in [1.0, 3.0, 2.0, 3.0, 0.0, 5.0, -0.0, 4.0, 5.0, 1.0, 6.0, 2.0] {
            extremes.count(value);
        }
        assert_eq!(extremes.0, [(6.0, 1), (5.0, 2), (4.0, 1), (3.0, 2), (2.0, 2)]);
    }

    #[test]
    fn repeated_values_need_more_than_the_next_ones_together() {
        let extremes = |times| Extremes(vec![(9.0, times), (8.0, 1), (7.0, 2), (6.0, 1), (5.0, 3)]);
        assert_eq!(extremes(14).bound(true), None);
        assert_eq!(extremes(15).bound(true), Some(9.0));
        assert_eq!((extremes(3).bound(false), extremes(4).bound(false)), (None, Some(9.0)));
        assert_eq!(Extremes(vec![(1.0, 90), (0.0, 10)]).bound(true), None);
    }
}
