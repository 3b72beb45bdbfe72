//! The rows of V up to sign, from labels that may have noise: the first half of Algorithm 5, in a few passes over the samples.

use std::ops::Range;

use orthant_linalg::{Mat, product, spectrum, tolerance};
use orthant_network::Samples;
use orthant_tensor::simultaneous::{SimultaneousSettings, rank_one_slices};

use crate::blocks::triangle;
use crate::error::EstimateError;
use crate::expansion::{Expansion, Shape};
use crate::frame::input_tolerance;
use crate::hypothesis::{Hypothesis, HypothesisError};
use crate::pair::shared_by_pair;

/// Rows of V up to sign.
#[derive(Debug, Clone)]
pub struct Directions {
    /// k × d, rows of unit norm; order and signs are arbitrary.
    pub rows: Mat<f64>,
    /// Estimated relative error of the worst direction within their span; infinite where the joint decomposition failed and a pair
    /// of combinations had to do.
    pub uncertainty: f64,
    /// Smallest singular value of the linear part over the sampling error of that part: the span of the directions is lost where
    /// this is below about 1.
    pub signal: f64,
}

/// Estimates the rows of V up to sign for Gaussian inputs of any mean and covariance, whatever the biases, from labels with
/// independent errors of mean zero.
///
/// The labels are reduced to their k leading principal components, of unit variance. Their quadratic parts in whitened inputs,
/// fitted by least squares along with the linear ones (as in [`crate::gaussian::tensor`]), are Σ_r u_lr c₂(r) v_r v_r', and
/// simultaneous diagonalisation separates the v_r.
///
/// # Guarantee
/// None that the data could show: this is an estimate, with an error of the order n^(-1/2) when the inputs are Gaussian and the
/// rows of V, like the columns of U, are independent.
///
/// # Errors
/// [`EstimateError::Hypothesis`] when there are more units than independent inputs, or than labels vary independently;
/// [`EstimateError::Search`] on overflow.
///
/// # Cost
/// One triangle of n × (1 + d + m), then three passes of n k⁴/2 + 2nd(d + k) operations; memory independent of n.
///
/// # Paper
/// Theorem 40 and Algorithm 5 as Theorem 62 uses them, with tensors of order two in place of order three (see
/// [`crate::gaussian::tensor`]).
pub fn directions(samples: &Samples<'_>, k: usize, seed: u64) -> Result<Directions, EstimateError> {
    let reduced = Reduced::of(samples, k)?;
    let shape = Shape { n: samples.n(), q: k, r: reduced.to_inputs.ncols() };
    let expansion =
        Expansion::fit_rows(shape, reduced.cross.as_ref(), k, &|range| reduced.rows(samples, range))?;
    let (components, uncertainty) = if k == 1 {
        (Mat::identity(1, 1), 0.0)
    } else {
        let slices: Vec<_> = expansion.quadratic.iter().map(Mat::as_ref).collect();
        let settings =
            SimultaneousSettings { seed, max_uncertainty: f64::INFINITY, ..SimultaneousSettings::default() };
        match rank_one_slices(&slices, k, &settings) {
            Ok(terms) => (terms.components, terms.uncertainty),
            Err(_) => (shared_by_pair(&expansion.quadratic, k, seed, 0)?, f64::INFINITY),
        }
    };
    let whitened = product::matmul(expansion.row_space.as_ref(), components.as_ref());
    let columns = product::matmul(reduced.to_inputs.as_ref(), whitened.as_ref());
    let norms: Vec<f64> = columns.col_iter().map(|v| v.norm_l2()).collect();
    let rows = Mat::from_fn(k, samples.d(), |i, j| {
        if norms[i] > 0.0 { columns[(j, i)] / norms[i] } else { columns[(j, i)] }
    });
    let smallest = expansion.sigma.get(k - 1).copied().unwrap_or(0.0);
    let signal = smallest / expansion.linear_error(samples.n()).max(f64::MIN_POSITIVE);
    Ok(Directions { rows, uncertainty, signal })
}

/// Linear maps to whitened inputs and to the leading principal components of the labels.
struct Reduced {
    /// Mean of the inputs.
    input_mean: Vec<f64>,
    /// Mean of the labels.
    label_mean: Vec<f64>,
    /// d × r: whitened inputs are the rows (x − mean)' times this.
    to_inputs: Mat<f64>,
    /// m × k: label coordinates are the rows (a − mean)' times this.
    to_labels: Mat<f64>,
    /// Label coordinates times whitened inputs, summed over the samples: k × r.
    cross: Mat<f64>,
}

impl Reduced {
    fn of(samples: &Samples<'_>, k: usize) -> Result<Reduced, EstimateError> {
        let (n, d, m) = (samples.n(), samples.d(), samples.m());
        let scale = product::normalising_power(samples.a());
        let all = triangle(n, 1 + d + m, |range| {
            let x = samples.x().subcols(range.start, range.len());
            let a = samples.a().subcols(range.start, range.len());
            let mut block = Mat::zeros(range.len(), 1 + d + m);
            block.as_mut().col_mut(0).fill(1.0);
            block.as_mut().subcols_mut(1, d).copy_from(x.transpose());
            block.as_mut().subcols_mut(1 + d, m).copy_from(scale * a.transpose());
            block
        });
        let mean = |j: usize| all[(0, j)] / all[(0, 0)];
        let root = (n as f64).sqrt();
        let inputs = spectrum::thin_svd(all.as_ref().submatrix(1, 1, d, d))?;
        // What varies by less than the rounding of its mean does not vary.
        let lost = |first: usize, count: usize| {
            tolerance::backward(n, count) * product::frobenius(all.as_ref().subcols(first, count))
        };
        let top = inputs.s.first().copied().unwrap_or(0.0);
        let r = inputs.s.iter().filter(|&&s| s > (input_tolerance(n, d) * top).max(lost(1, d))).count();
        // Labels minus their mean have the triangle below the first row, in its last columns.
        let labels = spectrum::thin_svd(all.as_ref().submatrix(1, 1 + d, d + m, m))?;
        let varying = labels.s.iter().filter(|&&s| s > lost(1 + d, m)).count();
        if k == 0 || k > r.min(varying) {
            return Err(EstimateError::Hypothesis(HypothesisError {
                hypothesis: Hypothesis::IndependentRows,
                statistic: "the number of units less the rank of the inputs and of the labels",
                measured: k as f64 - r.min(varying) as f64,
                allowed: 0.0,
                instead: "restarts from random directions",
            }));
        }
        let to_inputs = Mat::from_fn(d, r, |i, j| inputs.v[(i, j)] / inputs.s[j] * root);
        let to_labels = Mat::from_fn(m, k, |i, j| labels.v[(i, j)] / labels.s[j] * root);
        // With X = Q R_x and R_x = W S V', X V S⁻¹ is Q W, and the labels' part in Q is the block above their own triangle.
        let along = product::matmul(
            inputs.u.as_ref().subcols(0, r).transpose(),
            all.as_ref().submatrix(1, 1 + d, d, m),
        );
        let products = product::matmul(along.as_ref(), to_labels.as_ref());
        let cross = Mat::from_fn(k, r, |i, j| products[(j, i)] * root);
        Ok(Reduced {
            input_mean: (1..=d).map(mean).collect(),
            label_mean: (1 + d..1 + d + m).map(|j| mean(j) / scale).collect(),
            to_inputs,
            to_labels: Mat::from_fn(m, k, |i, j| to_labels[(i, j)] * scale),
            cross,
        })
    }

    /// Label coordinates and whitened inputs of some samples, a row each.
    fn rows(&self, samples: &Samples<'_>, range: Range<usize>) -> (Mat<f64>, Mat<f64>) {
        let centred = |from: orthant_linalg::MatRef<'_, f64>, mean: &[f64]| {
            Mat::from_fn(range.len(), mean.len(), |j, i| from[(i, range.start + j)] - mean[i])
        };
        let a = centred(samples.a(), &self.label_mean);
        let x = centred(samples.x(), &self.input_mean);
        (
            product::matmul(a.as_ref(), self.to_labels.as_ref()),
            product::matmul(x.as_ref(), self.to_inputs.as_ref()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_network::{NoiseKind, PlantedSpec};

    /// Root mean square over the units of the distance of ±row to the planted one.
    fn error(rows: &Mat<f64>, planted: &Mat<f64>) -> f64 {
        let nearest = |i: usize| {
            (0..rows.nrows())
                .map(|j| {
                    let distance = |sign: f64| {
                        (0..rows.ncols())
                            .map(|r| (planted[(i, r)] - sign * rows[(j, r)]).powi(2))
                            .sum::<f64>()
                    };
                    distance(1.0).min(distance(-1.0))
                })
                .fold(f64::INFINITY, f64::min)
        };
        ((0..planted.nrows()).map(nearest).sum::<f64>() / planted.nrows() as f64).sqrt()
    }

    /// Noise as large as a tenth of the labels, inputs of any mean and covariance: errors below 0.3 at n = 4000 in 4 of 4, and
    /// at most 0.7 times as large with four times the samples, where n^(-1/2) is 0.5 (geometric mean over the seeds).
    #[test]
    fn directions_come_with_an_error_that_falls_with_n() {
        let mut log_ratio = 0.0;
        for seed in 0..4 {
            let spec = PlantedSpec { m: 10, k: 5, d: 20, seed, ..PlantedSpec::default() };
            let mut p = spec.plant(16_000).expect("valid");
            for (r, row) in p.x.as_mut().row_iter_mut().enumerate() {
                row.iter_mut().for_each(|x| *x = *x * (1.0 + r as f64 / 5.0) + 0.5);
            }
            p.a = p.network.labels(p.x.as_ref());
            let scale = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid").label_scale();
            p.a += NoiseKind::Gaussian.errors(10, 16_000, 0.1 * scale, seed);
            let errors = [4000, 16_000].map(|n| {
                let samples =
                    Samples::new(p.x.as_ref().subcols(0, n), p.a.as_ref().subcols(0, n)).expect("valid");
                error(&directions(&samples, 5, 0).expect("separated").rows, &p.network.v().to_owned())
            });
            assert!(errors[0] < 0.3, "seed {seed}: {errors:?}");
            log_ratio += (errors[1] / errors[0]).ln() / 4.0;
        }
        assert!(log_ratio.exp() < 0.7, "{}", log_ratio.exp());
    }

    #[test]
    fn more_units_than_independent_inputs_or_labels_are_refused() {
        for (m, d) in [(6, 3), (3, 6)] {
            let p = PlantedSpec { m, k: 5, d, ..PlantedSpec::default() }.plant(300).expect("valid");
            let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
            let refused = directions(&samples, 5, 0).err();
            assert!(
                matches!(refused, Some(EstimateError::Hypothesis(e)) if e.measured == 2.0),
                "{m} outputs, {d} inputs: {refused:?}"
            );
        }
    }
}
