//! Which samples are fitted and which are kept aside.

use std::collections::HashMap;

use orthant_linalg::random;
use orthant_linalg::{MatRef, tolerance};
use orthant_network::{BiasKind, Samples};
use rand::seq::SliceRandom;

use crate::settings::{BiasModel, Settings};

/// Which samples may be used to find a network, and which are kept aside to check it: disjoint sets of indices, each ascending, no
/// sample twice.
///
/// A sample twice is one input with one label twice, and for a network known to have no biases, whose activation has a degree c
/// (f(s t) = sᶜ f(t) for s > 0), also an input s x with the label sᶜ a: it follows from x and a, and is no evidence for any unit.
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
        Split::draw(samples, settings.holdout, 2 * (samples.d() + 1), settings)
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
    pub fn with_unseen(samples: &Samples<'_>, settings: &Settings, unseen: &[usize]) -> Split {
        let n = samples.n();
        let mut is_unseen = vec![false; n];
        for &j in unseen {
            assert!(j < n, "sample {j} of {n} cannot have been kept aside");
            is_unseen[j] = true;
        }
        let seen_first = (0..n).filter(|&j| !is_unseen[j]).chain((0..n).filter(|&j| is_unseen[j]));
        let (mut check, mut fit): (Vec<usize>, Vec<usize>) =
            distinct(samples, seen_first, ray_degree(settings)).into_iter().partition(|&j| is_unseen[j]);
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
    pub(crate) fn draw(
        samples: &Samples<'_>,
        holdout: Option<f64>,
        spare: usize,
        settings: &Settings,
    ) -> Split {
        let mut distinct = distinct(samples, 0..samples.n(), ray_degree(settings));
        let n = distinct.len();
        let wanted = match holdout {
            Some(fraction) => (fraction * n as f64).ceil() as usize,
            None => Split::held_out(n).min(n.saturating_sub(spare)),
        };
        distinct.shuffle(&mut random::stream(settings.seed, "holdout", 0));
        let mut check = distinct.split_off(n - wanted.min(n));
        distinct.sort_unstable();
        check.sort_unstable();
        Split { fit: distinct, check }
    }
}

/// Positive multiples of one input have entries that agree to this many roundings, once both are scaled to maximum 1.
const RAY_ROUNDINGS: f64 = 8.0;

/// Labels of one input agree to this many roundings when they are computed twice.
const LABEL_ROUNDINGS: f64 = 64.0;

/// The degree c for which labels of a network that fits these settings have A(s x) = sᶜ A(x) for s > 0.
fn ray_degree(settings: &Settings) -> Option<f64> {
    settings.activation.degree().filter(|_| settings.bias == BiasModel::Known(BiasKind::None))
}

/// The samples in a given order, without those that repeat an earlier one; with a degree, without those that follow from an earlier
/// one on the same ray. Other labels contradict each other, and all are kept for the residual to show it.
fn distinct(samples: &Samples<'_>, order: impl Iterator<Item = usize>, degree: Option<f64>) -> Vec<usize> {
    let Some(degree) = degree else {
        let mut first_of: HashMap<Vec<u64>, usize> = HashMap::with_capacity(samples.n());
        let repeats = |j| {
            let bits = samples.x().col(j).iter().map(|x| (x + 0.0).to_bits()).collect();
            let first = *first_of.entry(bits).or_insert(j);
            first != j && same_label(samples.a(), first, j)
        };
        return not_repeated(order, repeats);
    };
    let rays = Rays::new(samples, degree);
    let mut first_in: HashMap<i64, Vec<usize>> = HashMap::with_capacity(samples.n());
    let repeats = |j| {
        let cell = rays.cell(j);
        let near = (cell - 1..=cell + 1).filter_map(|cell| first_in.get(&cell)).flatten();
        match near.copied().find(|&first| rays.is_one_ray(first, j)) {
            Some(first) => rays.is_one_label(first, j),
            None => {
                first_in.entry(cell).or_default().push(j);
                false
            }
        }
    };
    not_repeated(order, repeats)
}

fn not_repeated(order: impl Iterator<Item = usize>, mut repeats: impl FnMut(usize) -> bool) -> Vec<usize> {
    order.filter(|&j| !repeats(j)).collect()
}

/// Samples as points on rays from the origin.
struct Rays<'a> {
    samples: &'a Samples<'a>,
    /// The largest absolute entry of each input, 1 for zero.
    lengths: Vec<f64>,
    /// What to divide each label by: the power of the length.
    gains: Vec<f64>,
    /// A random combination of the entries of each input over its length: equal for one ray up to `spread`.
    keys: Vec<f64>,
    spread: f64,
    /// How far entries on one ray, and labels over their gain, may differ.
    entry: f64,
    label: f64,
}

impl<'a> Rays<'a> {
    fn new(samples: &'a Samples<'a>, degree: f64) -> Rays<'a> {
        let (x, a, n) = (samples.x(), samples.a(), samples.n());
        let lengths: Vec<f64> =
            x.col_iter().map(|col| Some(col.norm_max()).filter(|&size| size > 0.0).unwrap_or(1.0)).collect();
        let gains: Vec<f64> = lengths.iter().map(|length| length.powf(degree)).collect();
        let weights = random::gaussian_vec(samples.d(), &mut random::stream(0, "rays", 0));
        let key = |j: usize| weights.iter().zip(x.col(j).iter()).map(|(w, x)| w * (x / lengths[j])).sum();
        let entry = RAY_ROUNDINGS * spacing(x);
        // A label that cancels is known to the rounding of its terms, which others show.
        let largest = (0..n).map(|j| a.col(j).norm_max() / gains[j]).fold(0.0, f64::max);
        Rays {
            samples,
            keys: (0..n).map(key).collect(),
            spread: (entry + weights.len() as f64 * tolerance::EPS)
                * weights.iter().map(|w| w.abs()).sum::<f64>(),
            entry,
            label: LABEL_ROUNDINGS * spacing(a) * largest,
            lengths,
            gains,
        }
    }

    /// A cell of the keys: those of one ray are the same or next to each other.
    fn cell(&self, j: usize) -> i64 {
        (self.keys[j] / (2.0 * self.spread)).floor() as i64
    }

    fn is_one_ray(&self, i: usize, j: usize) -> bool {
        let scaled = |j: usize| self.samples.x().col(j).iter().map(move |x| x / self.lengths[j]);
        scaled(i).zip(scaled(j)).all(|(p, q)| (p - q).abs() <= self.entry)
    }

    fn is_one_label(&self, i: usize, j: usize) -> bool {
        let scaled = |j: usize| self.samples.a().col(j).iter().map(move |a| a / self.gains[j]);
        scaled(i).zip(scaled(j)).all(|(p, q)| (p - q).abs() <= self.label)
    }
}

/// The relative spacing of the numbers of a matrix: that of single precision when they all are.
fn spacing(matrix: MatRef<'_, f64>) -> f64 {
    let single = matrix.col_iter().all(|col| col.iter().all(|&v| tolerance::is_single_precision(&[v])));
    if single { tolerance::EPS_F32 } else { tolerance::EPS }
}

/// Whether two labels of one input are the same but for the rounding of computing them twice.
fn same_label(a: MatRef<'_, f64>, i: usize, j: usize) -> bool {
    let size = a.col(i).norm_max().max(a.col(j).norm_max());
    let single = a.col(i).iter().chain(a.col(j).iter()).all(|&v| tolerance::is_single_precision(&[v]));
    let rounding = if single { tolerance::EPS_F32 } else { tolerance::EPS };
    a.col(i).iter().zip(a.col(j).iter()).all(|(p, q)| (p - q).abs() <= LABEL_ROUNDINGS * rounding * size)
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
        let split = Split::draw(&samples, None, 10, &Settings::default());
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
        assert_eq!(Split::draw(&samples, Some(0.0), 0, &Settings::default()).fit.len(), 4);
    }

    #[test]
    fn negative_zero_is_zero_and_other_labels_make_another_sample() {
        let x = faer_row(&[0.0, -0.0, 0.0]);
        let a = faer_row(&[1.0, 1.0, 2.0]);
        let samples = Samples::new(x.as_ref(), a.as_ref()).expect("valid");
        assert_eq!(Split::draw(&samples, Some(0.0), 0, &Settings::default()).fit.len(), 2);
    }

    #[test]
    fn a_sample_that_repeats_one_looked_at_is_no_check() {
        let x = faer_row(&[1.0, 2.0, 3.0, 2.0, 4.0, 4.0]);
        let samples = Samples::new(x.as_ref(), x.as_ref()).expect("valid");
        let split = Split::with_unseen(&samples, &Settings::default(), &[5, 1, 4]);
        assert_eq!((split.fit(), split.check()), ([0, 2, 3].as_slice(), [4].as_slice()));
    }

    /// 30 rays in dimension 3 with 6 samples each, which are positive multiples up to rounding; opposite rays are others.
    #[test]
    fn multiples_count_once_where_there_is_no_bias() {
        let rng = &mut random::stream(4, "rays", 1);
        let (v, factors) = (random::gaussian(2, 3, rng), random::gaussian_vec(180, rng));
        let (rays, scale) = (random::gaussian(3, 15, rng), |j: usize| factors[j].abs());
        let x =
            Mat::from_fn(3, 180, |r, j| scale(j) * rays[(r, j % 15)] * if j % 30 < 15 { 1.0 } else { -1.0 });
        let without = Settings { bias: BiasModel::Known(BiasKind::None), ..Settings::default() };
        for name in ["relu", "power:2", "leaky-relu:0.1", "abs"] {
            let activation: orthant_network::Activation = name.parse().expect("built in");
            let a = Mat::from_fn(1, 180, |_, j| {
                let t = |i: usize| (0..3).map(|r| v[(i, r)] * x[(r, j)]).sum();
                activation.value(t(0)) - 0.9 * activation.value(t(1))
            });
            let samples = Samples::new(x.as_ref(), a.as_ref()).expect("valid");
            let of = |settings: &Settings| Split::draw(&samples, Some(0.0), 0, settings).fit;
            let settings = Settings { activation: activation.clone(), ..without.clone() };
            assert_eq!(of(&settings), (0..30).collect::<Vec<_>>(), "{name}");
            let biased = Settings { bias: BiasModel::Known(BiasKind::Hidden), ..settings.clone() };
            assert_eq!(of(&biased).len(), 180, "{name}");
            // A label that is not that of the ray contradicts it, and stays.
            let mut wrong = a.clone();
            wrong[(0, 100)] += 1e-9;
            let samples = Samples::new(x.as_ref(), wrong.as_ref()).expect("valid");
            assert_eq!(Split::draw(&samples, Some(0.0), 0, &settings).fit.len(), 31, "{name}");
            assert_eq!(Split::with_unseen(&samples, &settings, &[5, 100]).check, [100], "{name}");
        }
        let expm1 = Settings { activation: orthant_network::Activation::expm1(), ..without };
        let samples = Samples::new(x.as_ref(), x.as_ref()).expect("valid");
        assert_eq!(Split::draw(&samples, Some(0.0), 0, &expm1).fit.len(), 180);
    }

    fn faer_row(values: &[f64]) -> Mat<f64> {
        Mat::from_fn(1, values.len(), |_, j| values[j])
    }
}
