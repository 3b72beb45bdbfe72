//! Independent component analysis by third and fourth cumulants.

use orthant_linalg::{Mat, MatRef, product};

use crate::error::{TensorError, at_least, dimension, finite};
use crate::moment::Moments;
use crate::score::{Contraction3, ScoreMoments, ScorePlan};
use crate::simultaneous::joint_rotation;
use crate::whiten::Whitening;

mod independence;

pub use self::independence::{Dependence, IndependenceSums};

/// The cumulants that are diagonalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Contrast {
    /// Third cumulants: k slices. For skewed sources; symmetric ones have none.
    #[default]
    Third,
    /// Fourth cumulants: k(k + 1)/2 slices. For any sources whose fourth moments are not Gaussian.
    Fourth,
}

/// Settings of [`separate`] and [`unmix`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IcaSettings {
    /// What is diagonalised; third cumulants by default, which are the most accurate for rectified sources.
    pub contrast: Contrast,
    /// Largest [`Unmixing::uncertainty`] accepted; 0.25 by default. Infinity accepts any.
    pub max_uncertainty: f64,
    /// Largest correlation of the squares of two sources (root mean square over pairs) that is put up with even though it is
    /// significant; 0.03 by default. Rectified Gaussian projections on directions that are orthonormal up to errors of 0.02 per
    /// entry (k = 20) have 0.01, those on random directions 0.06, where rows are off by 0.4. Infinity accepts any.
    pub max_dependence: f64,
}

impl Default for IcaSettings {
    fn default() -> Self {
        IcaSettings { contrast: Contrast::default(), max_uncertainty: 0.25, max_dependence: 0.03 }
    }
}

/// Standard errors, beyond the one expected, from which dependence counts as significant.
const SIGNIFICANT: f64 = 6.0;

/// Sources s = B(z − mean) and their mixing z = mean + M s.
#[derive(Debug, Clone)]
pub struct Unmixing {
    /// B, k × m. Sources have unit variance and positive skewness, in arbitrary order.
    pub unmixing: Mat<f64>,
    /// M = B⁺, m × k.
    pub mixing: Mat<f64>,
    /// Mean of the columns, of length m.
    pub mean: Vec<f64>,
    /// Third moment of each source; where it is within its standard error of zero, the sign of the source means nothing.
    pub skewness: Vec<f64>,
    /// Estimated error of the worst row of the rotation, from cumulants of three different sources. Those that mix two of them
    /// vary more, so that for rectified sources the error is about twice this with third cumulants and four times with fourth.
    pub uncertainty: f64,
    /// Sweeps of the joint diagonalisation.
    pub sweeps: usize,
}

/// The second pass that [`unmix`] needs: cumulants of whitened columns, to be accumulated with z as inputs and as labels.
///
/// # Errors
/// None for a whitening that came out of this crate.
///
/// # Cost
/// Of the pass: k²(k + 1) operations per column for third cumulants, and k²(k + 1)²/2 more for fourth ones.
///
/// # Paper
/// Cumulants of whitened columns are score tensors with the columns as their own labels: E[z_l (z z' − I)] and
/// E[z_l He_3(z)(·, ·, e_p)].
pub fn cumulant_plan(whitening: &Whitening, contrast: Contrast) -> Result<ScorePlan, TensorError> {
    let k = whitening.forward.map.nrows();
    let unit = |l: usize| (0..k).map(|i| f64::from(u8::from(i == l))).collect::<Vec<f64>>();
    let fourth = match contrast {
        Contrast::Third => Vec::new(),
        Contrast::Fourth => (0..k)
            .flat_map(|l| (l..k).map(move |p| (l, p)))
            .map(|(l, p)| Contraction3 { labels: unit(l), direction: unit(p) })
            .collect(),
    };
    let linear = Mat::zeros(k, k);
    ScorePlan::new(whitening.forward.clone(), whitening.forward.clone(), linear, fourth, Vec::new())
}

/// Finds the rotation of whitened columns to independent sources.
///
/// # Shapes
/// `moments` are those of [`cumulant_plan`] for this whitening and contrast.
///
/// # Errors
/// [`TensorError::NotSeparated`] when the estimated error of a row exceeds its limit, as it does when two sources have no such
/// cumulants or there are too few columns; [`TensorError::NoConvergence`]; [`TensorError::Shape`] when the moments are those of
/// another contrast.
///
/// # Cost
/// 6k³ operations per slice and sweep, some ten sweeps.
pub fn unmix(
    whitening: &Whitening,
    moments: &ScoreMoments,
    settings: &IcaSettings,
) -> Result<Unmixing, TensorError> {
    let k = whitening.forward.map.nrows();
    let slices: Vec<Mat<f64>> = match settings.contrast {
        Contrast::Third => moments.order2.clone(),
        Contrast::Fourth => {
            dimension("number of fourth cumulants", moments.order3.len(), k * (k + 1) / 2)?;
            // Slices (l, p) and (p, l) are equal; one of them stands for both.
            let pairs =
                (0..k).flat_map(|l| (l..k).map(move |p| if l == p { 1.0 } else { std::f64::consts::SQRT_2 }));
            pairs.zip(&moments.order3).map(|(weight, slice)| weight * slice).collect()
        }
    };
    let views: Vec<MatRef<'_, f64>> = slices.iter().map(Mat::as_ref).collect();
    let found = joint_rotation(&views)?;
    if found.uncertainty > settings.max_uncertainty || found.uncertainty.is_nan() {
        return Err(TensorError::NotSeparated { uncertainty: found.uncertainty, residual: found.residual });
    }
    let mut rotation = found.rotation;
    let skewness: Vec<f64> = (0..k)
        .map(|i| {
            let direction: Vec<f64> = rotation.col(i).iter().copied().collect();
            let third: f64 = (0..k).map(|l| direction[l] * quadratic(&moments.order2[l], &direction)).sum();
            if third < 0.0 {
                rotation.as_mut().col_mut(i).iter_mut().for_each(|x| *x = -*x);
            }
            third.abs()
        })
        .collect();
    Ok(Unmixing {
        unmixing: product::matmul(rotation.transpose(), whitening.forward.map.as_ref()),
        mixing: product::matmul(whitening.inverse.as_ref(), rotation.as_ref()),
        mean: whitening.forward.mean.clone(),
        skewness,
        uncertainty: found.uncertainty,
        sweeps: found.sweeps,
    })
}

/// Separates columns z = mean + M s into k independent sources s.
///
/// # Shapes
/// `z` is m × n with m ≥ k; beyond k dimensions there should be noise only.
///
/// # Guarantee
/// When sources are independent and at most one has no cumulant of the kind used, the error of each row of the rotation
/// is of order √(k/n). For s = max(g, 0), g standard Gaussian, k = 20, the worst row is off by 0.02 at n = 50 000, 0.07 at 5000
/// and 0.15 at 1000 with third cumulants; by 0.045 at n = 50 000 with fourth ones.
///
/// # Errors
/// [`TensorError::NotIndependent`] when squares of sources are correlated, significantly and by more than
/// [`IcaSettings::max_dependence`]: then the columns are no such mixture. [`TensorError::RankDeficient`] when the columns
/// span less than k dimensions; as [`unmix`] for the rest; [`TensorError::NotFinite`].
///
/// # Cost
/// Three passes over the columns: 2nm², that of [`cumulant_plan`], and 4nk² operations.
///
/// # Paper
/// Step 3 of Algorithm 4. The paper names an algorithm for fourth cumulants (Arora et al. 2012, Frieze et al. 1996); joint
/// diagonalisation (JADE, Cardoso and Souloumiac 1993) has no step size and no start, and third cumulants need a sixth of the
/// samples here, because rectified sources are skewed. Diagonalising both together was no better than third ones alone.
///
/// # Examples
/// ```
/// use orthant_linalg::{Mat, product, random};
/// use orthant_tensor::ica::{IcaSettings, separate};
///
/// let rng = &mut random::stream(1, "doc", 0);
/// let mixing = random::with_condition(3, 3, 2.0, rng);
/// let g = random::gaussian(3, 4000, rng);
/// let sources = Mat::from_fn(3, 4000, |i, j| g[(i, j)].max(0.0));
/// let found = separate(product::matmul(mixing.as_ref(), sources.as_ref()).as_ref(), 3, &IcaSettings::default())?;
/// assert!(found.uncertainty < 0.1);
/// # Ok::<(), orthant_tensor::TensorError>(())
/// ```
pub fn separate(z: MatRef<'_, f64>, k: usize, settings: &IcaSettings) -> Result<Unmixing, TensorError> {
    let (m, n) = z.shape();
    at_least("number of sources", k, 1)?;
    at_least("number of rows", m, k)?;
    at_least("number of columns", n, k + 1)?;
    finite("set of columns", z)?;
    let mut first = Moments::new(0, m);
    first.add(Mat::zeros(0, n).as_ref(), z)?;
    let whitening = Whitening::from_covariance(first.mean_labels(), first.covariance_labels().as_ref(), k)?;
    let plan = cumulant_plan(&whitening, settings.contrast)?;
    let mut sums = plan.start();
    plan.add(&mut sums, z, z)?;
    let found = unmix(&whitening, &plan.finish(&sums)?, settings)?;
    let mut independence = IndependenceSums::new(&found);
    independence.add(z)?;
    check_independence(&independence.finish()?, settings)?;
    Ok(found)
}

/// Refuses sources that depend on each other.
///
/// # Guarantee
/// Independent sources are refused only when the mean square of their correlations, in standard errors, exceeds its expectation
/// by more standard deviations than sampling explains, in the normal approximation, and the correlation exceeds what `settings`
/// allow.
///
/// # Errors
/// [`TensorError::NotIndependent`].
pub fn check_independence(dependence: &Dependence, settings: &IcaSettings) -> Result<(), TensorError> {
    if dependence.pairs == 0 {
        return Ok(());
    }
    // A mean of squares of standard normal numbers over the pairs has relative standard deviation √(2/pairs).
    let allowed = 1.0 + SIGNIFICANT * (2.0 / dependence.pairs as f64).sqrt();
    let (correlation, deviations) = (dependence.correlation, dependence.deviations);
    if deviations * deviations > allowed && correlation > settings.max_dependence {
        return Err(TensorError::NotIndependent { correlation, deviations });
    }
    Ok(())
}

fn quadratic(a: &Mat<f64>, v: &[f64]) -> f64 {
    (0..v.len()).map(|j| v[j] * product::dot(a.col_as_slice(j), v)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::{random, tolerance};

    /// Largest relative error of a row of B M, which is a positive multiple of a unit vector for true sources; 10 for a row
    /// whose sign is wrong or whose source another row has found.
    fn worst(found: &Unmixing, mixing: &Mat<f64>) -> f64 {
        let gains = product::matmul(found.unmixing.as_ref(), mixing.as_ref());
        let k = gains.nrows();
        let mut taken = vec![false; k];
        (0..k)
            .map(|i| {
                let own = (0..k)
                    .max_by(|&a, &b| gains[(i, a)].abs().total_cmp(&gains[(i, b)].abs()))
                    .expect("not empty");
                if gains[(i, own)] < 0.0 || std::mem::replace(&mut taken[own], true) {
                    return 10.0;
                }
                let rest: f64 = (0..k).filter(|&j| j != own).map(|j| gains[(i, j)].powi(2)).sum();
                rest.sqrt() / gains[(i, own)]
            })
            .fold(0.0, f64::max)
    }

    /// z = M max(V x, 0) + offset.
    fn mixed(v: &Mat<f64>, m: usize, n: usize, seed: u64) -> (Mat<f64>, Mat<f64>) {
        let k = v.nrows();
        let rng = &mut random::stream(seed, "ica", 1);
        let mixing = random::gaussian(m, k, rng);
        let t = product::matmul(v.as_ref(), random::gaussian(v.ncols(), n, rng).as_ref());
        let sources = Mat::from_fn(k, n, |i, j| t[(i, j)].max(0.0));
        let offset = random::gaussian_vec(m, rng);
        let mut z = product::matmul(mixing.as_ref(), sources.as_ref());
        for j in 0..n {
            z.as_mut().col_mut(j).iter_mut().zip(&offset).for_each(|(z, offset)| *z += offset);
        }
        (z, mixing)
    }

    /// All of 20 seeds; were each to fail with probability 1/4, all would pass with probability 0.003.
    #[test]
    fn rectified_sources_are_separated_with_their_signs() {
        for seed in 0..20 {
            let v = random::orthonormal(8, 8, &mut random::stream(seed, "ica", 0));
            let (z, mixing) = mixed(&v, 10, 4000, seed);
            let third = separate(z.as_ref(), 8, &IcaSettings::default()).expect("independent");
            // √(k/n) is 0.045.
            assert!(worst(&third, &mixing) <= 0.1, "{seed}: {}", worst(&third, &mixing));
            assert!(worst(&third, &mixing) <= 4.0 * third.uncertainty);
            // The skewness of a rectified Gaussian is 1.64.
            assert!(third.skewness.iter().all(|s| (s - 1.64).abs() < 0.4), "{:?}", third.skewness);
        }
    }

    #[test]
    fn fourth_cumulants_separate_too_and_symmetric_sources_only_by_them() {
        let v = random::orthonormal(5, 5, &mut random::stream(0, "ica", 0));
        let (z, mixing) = mixed(&v, 5, 20_000, 0);
        let fourth = IcaSettings { contrast: Contrast::Fourth, ..IcaSettings::default() };
        let found = separate(z.as_ref(), 5, &fourth).expect("independent");
        assert!(worst(&found, &mixing) <= 0.15, "{}", worst(&found, &mixing));

        // Products of two Gaussians: symmetric, of kurtosis 9.
        let rng = &mut random::stream(1, "ica", 2);
        let (first, second) = (random::gaussian(4, 20_000, rng), random::gaussian(4, 20_000, rng));
        let sources = Mat::from_fn(4, 20_000, |i, j| first[(i, j)] * second[(i, j)]);
        let mixing = random::gaussian(4, 4, rng);
        let z = product::matmul(mixing.as_ref(), sources.as_ref());
        let found = separate(z.as_ref(), 4, &fourth).expect("independent");
        let gains = product::matmul(found.unmixing.as_ref(), mixing.as_ref());
        for i in 0..4 {
            let total: f64 = gains.row(i).iter().map(|g| g * g).sum();
            let largest = gains.row(i).iter().map(|g| g * g).fold(0.0, f64::max);
            // Kurtosis is strong and noisy: rows are good to a few per cent.
            assert!(1.0 - largest / total <= 0.02, "{gains:?}");
        }
        let refused = separate(z.as_ref(), 4, &IcaSettings::default());
        assert!(
            matches!(
                refused,
                Err(TensorError::NotSeparated { .. }
                    | TensorError::NoConvergence { .. }
                    | TensorError::NotIndependent { .. })
            ),
            "{refused:?}"
        );
    }

    /// Sources of a network whose V is not orthonormal are not independent, and that is said, in 20 of 20 seeds.
    #[test]
    fn dependent_sources_are_refused() {
        for seed in 0..20 {
            let rng = &mut random::stream(seed, "ica", 3);
            let mut v = random::gaussian(6, 6, rng);
            for i in 0..6 {
                let norm = v.row(i).norm_l2();
                v.as_mut().row_mut(i).iter_mut().for_each(|x| *x /= norm);
            }
            let (z, _) = mixed(&v, 6, 10_000, seed);
            let refused = separate(z.as_ref(), 6, &IcaSettings::default());
            assert!(
                matches!(refused, Err(TensorError::NotIndependent { .. } | TensorError::NotSeparated { .. })),
                "{seed}: {refused:?}"
            );
        }
    }

    #[test]
    fn accumulators_that_are_merged_give_the_same() {
        let v = random::orthonormal(4, 4, &mut random::stream(2, "ica", 0));
        let (z, _) = mixed(&v, 4, 3000, 2);
        let whole = separate(z.as_ref(), 4, &IcaSettings::default()).expect("independent");
        let mut sums = IndependenceSums::new(&whole);
        sums.add(z.as_ref()).expect("finite");
        let mut merged = IndependenceSums::new(&whole);
        for first in (0..3000).step_by(700) {
            let mut part = IndependenceSums::new(&whole);
            part.add(z.as_ref().subcols(first, (3000 - first).min(700))).expect("finite");
            merged.merge(&part);
        }
        let (one, other) = (sums.finish().expect("columns"), merged.finish().expect("columns"));
        assert!((one.correlation - other.correlation).abs() <= tolerance::backward(4, 3000));
        assert!(one.deviations < 3.0 && one.pairs == 6);
    }

    #[test]
    fn hostile_input_is_an_error() {
        let settings = IcaSettings::default();
        let rng = &mut random::stream(4, "ica", 4);
        let z = random::gaussian(3, 50, rng);
        // Gaussian sources have no cumulants.
        let refused = separate(z.as_ref(), 3, &settings);
        assert!(refused.is_err(), "{refused:?}");
        let mut bad = z.clone();
        bad[(0, 7)] = f64::NAN;
        assert!(matches!(separate(bad.as_ref(), 3, &settings), Err(TensorError::NotFinite { .. })));
        assert!(matches!(separate(z.as_ref(), 4, &settings), Err(TensorError::Shape { .. })));
        assert!(matches!(separate(z.as_ref(), 0, &settings), Err(TensorError::Shape { .. })));
        assert!(matches!(separate(z.as_ref().subcols(0, 3), 3, &settings), Err(TensorError::Shape { .. })));
        assert!(matches!(separate(z.as_ref().subcols(0, 0), 3, &settings), Err(TensorError::Shape { .. })));
        let constant = Mat::from_fn(3, 50, |_, _| 2.0);
        let refused = separate(constant.as_ref(), 3, &settings);
        assert!(matches!(refused, Err(TensorError::RankDeficient { .. })), "{refused:?}");
        let low = Mat::from_fn(3, 50, |i, j| if i == 2 { z[(0, j)] + z[(1, j)] } else { z[(i, j)] });
        let refused = separate(low.as_ref(), 3, &settings);
        assert!(matches!(refused, Err(TensorError::RankDeficient { .. })), "{refused:?}");
    }
}
