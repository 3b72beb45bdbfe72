//! The cone walk: units as extreme rays of the cone of non-negative label combinations.

use std::iter;

use orthant_linalg::spectrum;
use orthant_linalg::{LinalgError, Mat, MatRef, product, random};
use orthant_network::SignPattern;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

mod walk;

use self::walk::Walk;
use crate::error::SearchError;
use crate::frame::Frame;
use crate::progress::Reporter;
use crate::unit::{self, Transfer, Unit};

/// Settings of [`walk_cones`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConeSettings {
    /// Seed of the pins.
    pub seed: u64,
    /// Walks on all samples; afterwards rounds of half as many on random subsets follow.
    pub walks: usize,
    /// Number of those rounds. They help where rare coordinates of the inputs make the active inputs of units deficient.
    pub subset_rounds: usize,
}

/// Finds units and appends them to `found`; returns the number of walks made.
///
/// The activations of a hidden unit are a non-negative vector of the row space of A and the constants, with many zeros. A
/// vector of a subspace that is non-negative and zero on so many samples that these zeros determine it is an extreme ray of
/// the cone {y in the subspace: y ≥ 0}. So a linear programme over this cone,
///
/// minimise Σ y_j subject to y in the subspace, y ≥ 0, ⟨h, y⟩ = 1,
///
/// walks along extreme rays and meets units; h is the leverage of one sample in what the known units leave unexplained, so
/// that known units have ⟨h, y⟩ = 0 and are never met again. A unit that is nearly always active has few zeros itself, but
/// f(−t) = f(t) − t has many, and lies in the row space of A, X and the constants: that cone is walked too, in turn (for
/// max(t, 0) only, as for no other activation f(t) − f(−t) is affine).
///
/// This is the method for natural inputs, where units are rarely or nearly always active and searches by distance fail.
///
/// # Guarantee
/// Every unit appended has passed [`unit::unit_from_pattern`] on all samples.
///
/// # Errors
/// [`SearchError`].
///
/// # Cost
/// A walk makes at most 400 steps of 4nD + 2D² operations, D = k + 1 or k + r + 1.
///
/// # Paper
/// Lemma 33 in another form: for generic inputs the only vectors of the row span whose zeros include those of a unit are its
/// multiples, so that units are extreme rays. The paper obtains patterns from moments instead.
pub fn walk_cones(
    frame: &Frame,
    found: &mut Vec<Unit>,
    settings: &ConeSettings,
    reporter: &mut Reporter<'_>,
) -> Result<usize, SearchError> {
    let wanted = frame.n_rectified();
    let mut walks = 0;
    let all: Vec<usize> = (0..frame.n()).collect();
    for round in 0..=settings.subset_rounds {
        if found.len() >= wanted {
            break;
        }
        let rng = &mut random::stream(settings.seed, "cone", round as u64);
        let (subset, budget) = if round == 0 {
            (Subset { frame: frame.clone(), samples: all.clone() }, settings.walks)
        } else {
            let samples = low_leverage_samples(frame, rng);
            match frame.restrict(&samples)? {
                Some(restricted) => (Subset { frame: restricted, samples }, settings.walks / 2),
                None => continue,
            }
        };
        walks += subset.round(frame, found, budget, rng, &mut |found, walks| {
            reporter.report("cone walk", found, wanted, walks)
        })?;
    }
    Ok(walks)
}

/// Some of the samples, with their frame.
struct Subset {
    frame: Frame,
    samples: Vec<usize>,
}

/// A cone: its subspace, and the part of it in which units have to be told apart.
struct Cone {
    /// Orthonormal basis, n × D, of a subspace that contains the constants.
    basis: Mat<f64>,
    /// Orthonormal basis of the labels modulo what is trivial in this cone.
    labels: Mat<f64>,
    /// Orthonormal basis of what is trivial: constants, or all affine functions.
    trivial: Mat<f64>,
}

impl Subset {
    /// The cone of the labels, and for max(t, 0) that of labels and inputs.
    fn cones(&self) -> Result<Vec<Cone>, LinalgError> {
        let n = self.frame.n();
        let constant = Mat::from_fn(n, 1, |j, _| self.frame.weight(j) / (n as f64).sqrt());
        let affine = orthonormal_sum(self.frame.inputs(), constant.as_ref())?;
        let modulo = |trivial: &Mat<f64>| -> Result<Mat<f64>, LinalgError> {
            let rest = without(self.frame.labels(), trivial.as_ref());
            // Labels that are trivial to the precision of the frame carry no unit.
            let svd = spectrum::thin_svd(rest.as_ref())?;
            let kept = svd.s.iter().take_while(|&&s| s > self.frame.null_tolerance().max(1e-9)).count();
            Ok(svd.u.as_ref().subcols(0, kept).to_owned())
        };
        let mut cones = Vec::with_capacity(2);
        let mirrored = self.frame.activation().is_relu();
        for trivial in iter::once(constant).chain(mirrored.then_some(affine)) {
            let labels = modulo(&trivial)?;
            let basis = orthonormal_sum(trivial.as_ref(), labels.as_ref())?;
            cones.push(Cone { basis, labels, trivial });
        }
        Ok(cones)
    }

    fn round(
        &self,
        whole: &Frame,
        found: &mut Vec<Unit>,
        budget: usize,
        rng: &mut ChaCha8Rng,
        report: &mut dyn FnMut(usize, usize) -> Result<(), crate::progress::Cancelled>,
    ) -> Result<usize, SearchError> {
        let cones = self.cones()?;
        let transfer =
            (self.samples.len() < whole.n()).then(|| Transfer::new(whole, &self.samples)).transpose()?;
        let mut walks = 0;
        while walks < budget && found.len() < whole.n_rectified() {
            let cone = &cones[walks % cones.len()];
            walks += 1;
            report(found.len(), walks)?;
            let unexplained = self.unexplained(cone, found)?;
            if unexplained.ncols() == 0 {
                continue;
            }
            let pin = draw_by_leverage(unexplained.as_ref(), rng);
            let weights = Mat::from_fn(unexplained.ncols(), 1, |i, _| unexplained[(pin, i)]);
            let functional = product::matmul(unexplained.as_ref(), weights.as_ref());
            let test = &mut |support: &SignPattern| self.accept(whole, transfer.as_ref(), support);
            let Some(unit) = Walk::start(&self.frame, cone, &functional).run(rng, test) else { continue };
            if !found.iter().any(|known| unit::same_unit(known, &unit)) {
                found.push(unit);
            }
        }
        Ok(walks)
    }

    /// The unit whose pattern, here, is the support of a vertex or its complement, checked on all samples.
    fn accept(&self, whole: &Frame, transfer: Option<&Transfer>, support: &SignPattern) -> Option<Unit> {
        let complement = support.complement();
        [support, &complement].into_iter().find_map(|pattern| {
            let unit = unit::unit_from_pattern(&self.frame, pattern).ok()?;
            match transfer {
                None => Some(unit),
                Some(transfer) => transfer.carry(whole, &self.frame, &unit).ok(),
            }
        })
    }

    /// The part of a cone's labels that the known units leave unexplained: orthonormal columns.
    fn unexplained(&self, cone: &Cone, found: &[Unit]) -> Result<Mat<f64>, LinalgError> {
        if found.is_empty() {
            return Ok(cone.labels.clone());
        }
        let known =
            Mat::from_fn(self.samples.len(), found.len(), |i, j| found[j].activations[self.samples[i]]);
        let known = spectrum::column_space(without(known.as_ref(), cone.trivial.as_ref()).as_ref(), 1e-9)?;
        let rest = without(cone.labels.as_ref(), known.as_ref());
        let svd = spectrum::thin_svd(rest.as_ref())?;
        let kept = svd.s.iter().take_while(|&&s| s > 1e-6).count();
        Ok(svd.u.as_ref().subcols(0, kept).to_owned())
    }
}

/// (I − BB')A for orthonormal B.
fn without(a: MatRef<'_, f64>, basis: MatRef<'_, f64>) -> Mat<f64> {
    let mut rest = a.to_owned();
    product::matmul_add(rest.as_mut(), -1.0, basis, product::matmul(basis.transpose(), a).as_ref());
    rest
}

/// Orthonormal basis of the sum of two subspaces given by orthonormal bases.
fn orthonormal_sum(first: MatRef<'_, f64>, second: MatRef<'_, f64>) -> Result<Mat<f64>, LinalgError> {
    let mut both = Mat::zeros(first.nrows(), first.ncols() + second.ncols());
    both.as_mut().subcols_mut(0, first.ncols()).copy_from(first);
    both.as_mut().subcols_mut(first.ncols(), second.ncols()).copy_from(second);
    spectrum::column_space(both.as_ref(), 1e-9)
}

/// Between 35 and 95 % of the samples, those of least leverage in the inputs up to a random factor.
fn low_leverage_samples(frame: &Frame, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let n = frame.n();
    let noise = random::gaussian_vec(n, rng);
    let mut leverage: Vec<(f64, usize)> =
        (0..n).map(|j| (frame.inputs().row(j).squared_norm_l2() * (0.5 * noise[j]).exp(), j)).collect();
    leverage.sort_by(|a, b| a.0.total_cmp(&b.0));
    let kept = ((0.35 + 0.6 * rng.random::<f64>()) * n as f64) as usize;
    let mut samples: Vec<usize> = leverage[..kept.clamp(1, n)].iter().map(|&(_, j)| j).collect();
    samples.sort_unstable();
    samples
}

fn draw_by_leverage(basis: MatRef<'_, f64>, rng: &mut ChaCha8Rng) -> usize {
    let leverage: Vec<f64> = (0..basis.nrows()).map(|j| basis.row(j).squared_norm_l2()).collect();
    let mut left = rng.random::<f64>() * leverage.iter().sum::<f64>();
    leverage
        .iter()
        .position(|l| {
            left -= l;
            left <= 0.0
        })
        .unwrap_or(basis.nrows() - 1)
}
