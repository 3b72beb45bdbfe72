//! Which samples are fitted and which are kept aside.

use std::collections::HashMap;

use orthant_linalg::random;
use orthant_linalg::{MatRef, tolerance};
use orthant_network::Samples;
use rand::seq::SliceRandom;

use crate::settings::Settings;

/// Which samples may be used to find a network, and which are kept aside to check it: disjoint sets of indices, each ascending, no
/// sample twice.
///
/// [`certify`](crate::certify) takes the word of whoever proposes a network that nothing of it was chosen by looking at the samples
/// kept aside. A proposer that draws its samples by [`Split::of`] and uses those of [`Split::fit`] keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    pub(crate) fit: Vec<usize>,
    pub(crate) check: Vec<usize>,
}

/// The most samples kept aside by default.
const MAX_CHECKED: usize = 1000;

/// The fewest samples kept aside by default: each checks every output.
const MIN_CHECKED: usize = 4;

/// Default fraction kept aside.
const DEFAULT_FRACTION: f64 = 0.02;

impl Split {
    /// The split that [`recover`](crate::recover) makes: repeated samples dropped, [`Settings::holdout`] of the others kept aside, drawn
    /// by the seed.
    ///
    /// # Cost
    /// A pass over the samples, and a table of the inputs.
    pub fn of(samples: &Samples<'_>, settings: &Settings) -> Split {
        Split::draw(samples, settings.holdout, 2 * (samples.d() + 1), settings.seed)
    }

    /// The split of a proposer that has not looked at the samples `unseen`, indices in any order.
    ///
    /// A sample that repeats one that was looked at is no check and is dropped. With an empty `unseen` there is no check, and so no
    /// verdict `exact`.
    ///
    /// # Panics
    /// When an index is not below n.
    ///
    /// # Cost
    /// As [`Split::of`].
    pub fn with_unseen(samples: &Samples<'_>, unseen: &[usize]) -> Split {
        let n = samples.n();
        let mut is_unseen = vec![false; n];
        for &j in unseen {
            assert!(j < n, "sample {j} of {n} cannot have been kept aside");
            is_unseen[j] = true;
        }
        let seen_first = (0..n).filter(|&j| !is_unseen[j]).chain((0..n).filter(|&j| is_unseen[j]));
        let (mut check, mut fit): (Vec<usize>, Vec<usize>) =
            distinct(samples, seen_first).into_iter().partition(|&j| is_unseen[j]);
        check.sort_unstable();
        fit.sort_unstable();
        Split { fit, check }
    }

    /// The samples that may be used.
    pub fn fit(&self) -> &[usize] {
        &self.fit
    }

    /// The samples kept aside.
    pub fn check(&self) -> &[usize] {
        &self.check
    }

    /// How many of n distinct samples are kept aside when nothing is said and enough remain to be fitted.
    pub fn held_out(n: usize) -> usize {
        ((DEFAULT_FRACTION * n as f64).ceil() as usize).clamp(MIN_CHECKED, MAX_CHECKED)
    }

    /// Drops repeated samples (they are no further evidence) and draws the ones to check on.
    ///
    /// `spare` is the number of samples that must remain to be fitted when the default fraction applies.
    pub(crate) fn draw(samples: &Samples<'_>, holdout: Option<f64>, spare: usize, seed: u64) -> Split {
        let mut distinct = distinct(samples, 0..samples.n());
        let n = distinct.len();
        let wanted = match holdout {
            Some(fraction) => (fraction * n as f64).ceil() as usize,
            None => Split::held_out(n).min(n.saturating_sub(spare)),
        };
        distinct.shuffle(&mut random::stream(seed, "holdout", 0));
        let mut check = distinct.split_off(n - wanted.min(n));
        distinct.sort_unstable();
        check.sort_unstable();
        Split { fit: distinct, check }
    }
}

/// The samples in a given order, without those that repeat an earlier one.
fn distinct(samples: &Samples<'_>, order: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut first_of: HashMap<Vec<u64>, usize> = HashMap::with_capacity(samples.n());
    let mut distinct = Vec::with_capacity(samples.n());
    for j in order {
        let bits = samples.x().col(j).iter().map(|x| (x + 0.0).to_bits()).collect();
        let first = *first_of.entry(bits).or_insert(j);
        if first == j || !same_label(samples.a(), first, j) {
            distinct.push(j);
        }
    }
    distinct
}

/// Whether two labels of one input are the same but for the rounding of computing them twice. Others contradict each other, and
/// both are kept for the residual to show it.
fn same_label(a: MatRef<'_, f64>, i: usize, j: usize) -> bool {
    let size = a.col(i).norm_max().max(a.col(j).norm_max());
    let single = a.col(i).iter().chain(a.col(j).iter()).all(|&v| tolerance::is_single_precision(&[v]));
    let rounding = if single { tolerance::EPS_F32 } else { tolerance::EPS };
    a.col(i).iter().zip(a.col(j).iter()).all(|(p, q)| (p - q).abs() <= 64.0 * rounding * size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::Mat;

    #[test]
    fn repeated_samples_count_once() {
        let x = Mat::from_fn(1, 40, |_, j| (j % 20) as f64);
        let a = Mat::from_fn(1, 40, |_, j| (j % 20) as f64);
        let samples = Samples::new(x.as_ref(), a.as_ref()).expect("valid");
        let split = Split::draw(&samples, None, 10, 0);
        assert_eq!((split.fit.len(), split.check.len()), (16, 4));
        let mut all: Vec<usize> = split.fit.iter().chain(&split.check).map(|j| j % 20).collect();
        all.sort_unstable();
        assert_eq!(all, (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn twins_whose_labels_differ_by_rounding_count_once() {
        let x = Mat::from_fn(1, 40, |_, j| (j % 4) as f64);
        let a = Mat::from_fn(1, 40, |_, j| (1.1 + (j % 4) as f64) * (1.0 + (j % 3) as f64 * tolerance::EPS));
        let samples = Samples::new(x.as_ref(), a.as_ref()).expect("valid");
        assert_eq!(Split::draw(&samples, Some(0.0), 0, 0).fit.len(), 4);
    }

    #[test]
    fn negative_zero_is_zero_and_other_labels_make_another_sample() {
        let x = faer_row(&[0.0, -0.0, 0.0]);
        let a = faer_row(&[1.0, 1.0, 2.0]);
        let samples = Samples::new(x.as_ref(), a.as_ref()).expect("valid");
        assert_eq!(Split::draw(&samples, Some(0.0), 0, 0).fit.len(), 2);
    }

    #[test]
    fn a_sample_that_repeats_one_looked_at_is_no_check() {
        let x = faer_row(&[1.0, 2.0, 3.0, 2.0, 4.0, 4.0]);
        let samples = Samples::new(x.as_ref(), x.as_ref()).expect("valid");
        let split = Split::with_unseen(&samples, &[5, 1, 4]);
        assert_eq!((split.fit(), split.check()), ([0, 2, 3].as_slice(), [4].as_slice()));
    }

    fn faer_row(values: &[f64]) -> Mat<f64> {
        Mat::from_fn(1, values.len(), |_, j| values[j])
    }
}
