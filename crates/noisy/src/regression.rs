//! Output weights by regression, given the hidden ones (Lemma 61).

use orthant_estimate::blocks::triangle;
use orthant_linalg::spectrum::RankDecision;
use orthant_linalg::{Mat, MatRef, product};
use orthant_network::{Activation, Samples};

use crate::error::NoisyError;
use crate::projection::Projection;

/// The hidden part of a network: what turns inputs into values before the activation.
#[derive(Debug, Clone, Copy)]
pub struct Hidden<'a> {
    /// Hidden weights, k × d.
    pub v: MatRef<'a, f64>,
    /// Hidden bias, of length k, where there is one.
    pub b: Option<&'a [f64]>,
}

impl Hidden<'_> {
    /// Values before the activation for samples as columns of `x`, a row each.
    pub(crate) fn preactivations(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        let mut t = product::matmul(x.transpose(), self.v.transpose());
        for (i, b) in self.b.into_iter().flatten().enumerate() {
            t.as_mut().col_mut(i).iter_mut().for_each(|t| *t += b);
        }
        t
    }

    pub(crate) fn check(&self, samples: &Samples<'_>) -> Result<(), NoisyError> {
        let expect = |what, found, expected| {
            if found == expected { Ok(()) } else { Err(NoisyError::Dimension { what, found, expected }) }
        };
        expect("the number of columns of V", self.v.ncols(), samples.d())?;
        expect("the length of b", self.b.map_or(self.v.nrows(), <[f64]>::len), self.v.nrows())
    }
}

/// Output weights fitted by least squares.
#[derive(Debug, Clone)]
pub struct Regression {
    /// Output weights, m × k. Where the activations are dependent, those of least norm, each activation taken at unit norm.
    pub u: Mat<f64>,
    /// Output bias, of length m, if one was fitted.
    pub c: Option<Vec<f64>>,
    /// Standard errors of `u` for the given hidden weights, m × k; infinite where the samples do not determine a weight.
    pub u_std_error: Mat<f64>,
    /// Standard errors of `c`.
    pub c_std_error: Option<Vec<f64>>,
    /// Sum of squared residuals of each output; infinite when that exceeds the largest `f64`.
    pub residual: Vec<f64>,
    /// Standard deviation of the errors of each output: the root of its residual sum over n − rank.
    pub noise_std: Vec<f64>,
    /// Rank of the activations at unit norm (with the constant, if a bias is fitted), with its gap.
    pub rank: RankDecision,
}

/// Fits U, and c if `output_bias`, to the labels by least squares on the activations f(VX + b).
///
/// The labels are multiplied by a power of two that brings the largest label vector to a norm of at most 1, and the weights are
/// scaled back, which changes no digit and keeps sums of squares from overflowing.
///
/// # Shapes
/// `hidden.v` is k × d.
///
/// # Guarantee
/// The sum of squared residuals of each output is the least there is for these activations, to rounding.
///
/// # Errors
/// [`NoisyError::Dimension`]; [`NoisyError::TooFewSamples`] for n ≤ k, or k + 1 with a bias; [`NoisyError::Linalg`] on overflow of
/// the activations.
///
/// # Cost
/// 2nkd + 2.5n(k + m)² operations in one pass, and memory that does not depend on n.
///
/// # Paper
/// Lemma 61 and Remark 63: for V off by ε, the error is of the order ε|U*| + σ/√n times the conditioning of the activations; the
/// standard errors are of the second part only. The paper uses the first ℓ columns and the pseudo-inverse; here all columns, by QR
/// of blocks and an SVD of the triangle, which reveals the rank. Its normalisation is part of the proof; least squares does not
/// depend on it.
pub fn regress(
    samples: &Samples<'_>,
    activation: &Activation,
    hidden: Hidden<'_>,
    output_bias: bool,
) -> Result<Regression, NoisyError> {
    hidden.check(samples)?;
    let (n, m, k) = (samples.n(), samples.m(), hidden.v.nrows());
    let first = usize::from(output_bias);
    let p = first + k;
    if n <= p {
        return Err(NoisyError::TooFewSamples { n, unknowns: m * p, needed: p + 1 });
    }
    let scale = product::normalising_power(samples.a());
    let all = triangle(n, p + m, |range| {
        let t = hidden.preactivations(samples.x().subcols(range.start, range.len()));
        let a = samples.a().subcols(range.start, range.len());
        Mat::from_fn(range.len(), p + m, |j, i| match i {
            _ if i < first => 1.0,
            _ if i < p => activation.value(t[(j, i - first)]),
            _ => a[(i - p, j)] * scale,
        })
    });
    let fit = Projection::of(all.as_ref(), n, p)?;
    let scaled_noise: Vec<f64> = fit.rest.iter().map(|r| (r / (n - fit.rank.rank) as f64).sqrt()).collect();
    let weight = |o: usize, j: usize| fit.coefficients[(j, o)] / scale;
    let error = |o: usize, j: usize| {
        let inverse = fit.inverse[j];
        if inverse.is_finite() { scaled_noise[o] * inverse.sqrt() / scale } else { inverse }
    };
    Ok(Regression {
        u: Mat::from_fn(m, k, |o, i| weight(o, first + i)),
        c: output_bias.then(|| (0..m).map(|o| weight(o, 0)).collect()),
        u_std_error: Mat::from_fn(m, k, |o, i| error(o, first + i)),
        c_std_error: output_bias.then(|| (0..m).map(|o| error(o, 0)).collect()),
        residual: fit.rest.iter().map(|r| r / scale / scale).collect(),
        noise_std: scaled_noise.iter().map(|std| std / scale).collect(),
        rank: fit.rank,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::tolerance;
    use orthant_network::{BiasKind, NoiseKind, Planted, PlantedSpec};

    fn planted(bias: BiasKind, seed: u64, n: usize) -> Planted {
        PlantedSpec { m: 6, k: 4, d: 8, bias, seed, ..PlantedSpec::default() }.plant(n).expect("valid")
    }

    fn fit(p: &Planted) -> Regression {
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let hidden = Hidden { v: p.network.v(), b: p.network.b() };
        regress(&samples, p.network.activation(), hidden, p.network.c().is_some()).expect("enough samples")
    }

    #[test]
    fn exact_labels_give_the_weights_to_rounding_at_any_scale() {
        for bias in [BiasKind::None, BiasKind::Both] {
            for scale in [1.0, 1e290, 1e-290] {
                let mut p = planted(bias, 1, 3000);
                p.a.col_iter_mut().for_each(|a| a.iter_mut().for_each(|a| *a *= scale));
                let found = fit(&p);
                let tolerance = tolerance::backward(3000, 5) / found.rank.smallest_kept;
                for o in 0..6 {
                    for i in 0..4 {
                        let expected = p.network.u()[(o, i)];
                        assert!((found.u[(o, i)] / scale - expected).abs() <= tolerance * 10.0, "{bias:?}");
                    }
                    if let (Some(c), Some(expected)) = (&found.c, p.network.c()) {
                        assert!((c[o] / scale - expected[o]).abs() <= tolerance * 10.0);
                    }
                }
            }
        }
    }

    /// Errors over their standard errors are standard normal: the mean of their squares over 20 seeds of 30 weights has standard
    /// deviation √(2/600), and is within five of those of 1. Residuals give the noise to as much.
    #[test]
    fn standard_errors_are_those_of_the_weights() {
        let (mut sum, mut noise, mut count) = (0.0, 0.0, 0);
        for seed in 0..20 {
            let mut p = planted(BiasKind::Both, seed, 400);
            p.a += NoiseKind::Uniform.errors(6, 400, 0.3, seed);
            let found = fit(&p);
            let (c, c_error) = (found.c.expect("fitted"), found.c_std_error.expect("fitted"));
            for o in 0..6 {
                let expected = p.network.c().expect("planted")[o];
                sum += ((c[o] - expected) / c_error[o]).powi(2);
                noise += found.noise_std[o].powi(2) / 0.09 / 120.0;
                for i in 0..4 {
                    sum += ((found.u[(o, i)] - p.network.u()[(o, i)]) / found.u_std_error[(o, i)]).powi(2);
                }
                count += 5;
            }
        }
        let mean = sum / f64::from(count);
        assert!((mean - 1.0).abs() < 5.0 * (2.0 / f64::from(count)).sqrt(), "{mean}");
        assert!((noise - 1.0).abs() < 5.0 * (2.0f64 / 48_000.0).sqrt(), "{noise}");
    }

    /// Two units alike share the weight of one; their own weights are not determined.
    #[test]
    fn dependent_activations_share_their_weight_and_say_so() {
        let p = planted(BiasKind::None, 3, 200);
        let v = Mat::from_fn(5, 8, |i, j| p.network.v()[(i.min(3), j)]);
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let found =
            regress(&samples, &Activation::RELU, Hidden { v: v.as_ref(), b: None }, false).expect("enough");
        assert_eq!(found.rank.rank, 4);
        for o in 0..6 {
            let half = p.network.u()[(o, 3)] / 2.0;
            assert!((found.u[(o, 3)] - half).abs() < 1e-10 && (found.u[(o, 4)] - half).abs() < 1e-10);
            assert!(found.u_std_error[(o, 3)].is_infinite() && found.u_std_error[(o, 0)].is_finite());
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let p = planted(BiasKind::None, 4, 5);
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let run = |v: MatRef<'_, f64>, b: Option<&[f64]>, bias| {
            regress(&samples, &Activation::RELU, Hidden { v, b }, bias).err()
        };
        assert_eq!(run(p.network.v(), None, false), None);
        assert_eq!(
            run(p.network.v(), None, true),
            Some(NoisyError::TooFewSamples { n: 5, unknowns: 30, needed: 6 })
        );
        assert!(matches!(run(Mat::zeros(4, 7).as_ref(), None, false), Some(NoisyError::Dimension { .. })));
        assert!(matches!(run(p.network.v(), Some(&[0.0]), false), Some(NoisyError::Dimension { .. })));
    }
}
