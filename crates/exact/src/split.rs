//! Which samples are fitted and which are kept aside.

use std::collections::HashMap;

use orthant_linalg::random;
use orthant_linalg::{MatRef, tolerance};
use orthant_network::Samples;
use rand::seq::SliceRandom;

/// Indices of the samples to fit and of those to check on: disjoint, each sample at most once, no sample twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Split {
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
    /// Drops repeated samples (they are no further evidence) and draws the ones to check on.
    ///
    /// `spare` is the number of samples that must remain to be fitted when the default fraction applies.
    pub(crate) fn draw(samples: &Samples<'_>, holdout: Option<f64>, spare: usize, seed: u64) -> Split {
        let mut first_of: HashMap<Vec<u64>, usize> = HashMap::with_capacity(samples.n());
        let mut distinct = Vec::with_capacity(samples.n());
        for j in 0..samples.n() {
            let bits = samples.x().col(j).iter().map(|x| (x + 0.0).to_bits()).collect();
            let first = *first_of.entry(bits).or_insert(j);
            if first == j || !same_label(samples.a(), first, j) {
                distinct.push(j);
            }
        }
        let n = distinct.len();
        let wanted = match holdout {
            Some(fraction) => (fraction * n as f64).ceil() as usize,
            None => ((DEFAULT_FRACTION * n as f64).ceil() as usize)
                .clamp(MIN_CHECKED, MAX_CHECKED)
                .min(n.saturating_sub(spare)),
        };
        distinct.shuffle(&mut random::stream(seed, "holdout", 0));
        let mut check = distinct.split_off(n - wanted.min(n));
        distinct.sort_unstable();
        check.sort_unstable();
        Split { fit: distinct, check }
    }
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

    fn faer_row(values: &[f64]) -> Mat<f64> {
        Mat::from_fn(1, values.len(), |_, j| values[j])
    }
}
