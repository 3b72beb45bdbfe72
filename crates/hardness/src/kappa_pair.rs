//! Two networks that few Gaussian samples tell apart (Lemma 55).

use orthant_linalg::{Mat, MatRef, random};
use orthant_network::Network;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// Smallest number a of a pair. The samples needed are about 10¹⁵ then; fewer than 2⁵³, so that they are counted exactly.
pub const MIN_ANGLE: f64 = 1e-15;

/// Largest number of inputs of a pair.
pub const MAX_INPUTS: usize = 100_000_000;

/// A pair, or samples of it, that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KappaPairError {
    /// The number a is not from [`MIN_ANGLE`] to 1/2.
    #[error("a = {a:?} is not between {MIN_ANGLE:e} and 0.5")]
    Angle {
        /// The number asked for.
        a: f64,
    },
    /// The networks need two inputs, and have at most [`MAX_INPUTS`].
    #[error("{d} inputs, 2 to {MAX_INPUTS} are allowed")]
    Inputs {
        /// The number asked for.
        d: usize,
    },
    /// A failure probability that is not in (0, 1/2).
    #[error("a failure probability of {delta} is not in (0, 1/2)")]
    Failure {
        /// The number asked for.
        delta: f64,
    },
}

/// The networks x ↦ (f(x₁ + a_i x₂) + f(x₁ − a_i x₂))/2 with a₁ = a and a₂ = 2a, one output, two units and d inputs, of which all but the
/// first two have no effect.
///
/// # Guarantee
/// With rows of V normalised, κ(V₁) = 1/a and κ(V₂) = 1/(2a): V'V is 2/(1 + a_i²) times diag(1, a_i²). The networks agree exactly where
/// |x₁| ≥ 2a|x₂|: both are then f(x₁). Elsewhere the second is (x₁ + 2a|x₂|)/2, which is larger than the first.
///
/// # Paper
/// Lemma 55, which prints a for 2a in the first row of V₂.
#[derive(Debug, Clone, PartialEq)]
pub struct KappaPair {
    a: f64,
    d: usize,
    networks: [Network; 2],
}

/// What the pair is and what it says, for files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KappaPairMetadata {
    /// The number a.
    pub a: f64,
    /// Number of inputs.
    pub d: usize,
    /// Condition numbers of V₁ and V₂.
    pub kappa_v: [f64; 2],
    /// Probability that a Gaussian sample tells the networks apart.
    pub probability: f64,
    /// Failure probabilities, and the samples that every method needs to fail at most that often.
    pub samples_needed: Vec<(f64, u64)>,
}

impl KappaPair {
    /// The pair for a from [`MIN_ANGLE`] to 1/2, and d from 2 to [`MAX_INPUTS`].
    ///
    /// # Errors
    /// [`KappaPairError`] otherwise.
    pub fn new(a: f64, d: usize) -> Result<KappaPair, KappaPairError> {
        if !(MIN_ANGLE..=0.5).contains(&a) {
            return Err(KappaPairError::Angle { a });
        }
        if !(2..=MAX_INPUTS).contains(&d) {
            return Err(KappaPairError::Inputs { d });
        }
        let network = |slope: f64| {
            let v = Mat::from_fn(2, d, |i, r| match r {
                0 => 1.0,
                1 if i == 0 => slope,
                1 => -slope,
                _ => 0.0,
            });
            Network::new(Mat::from_fn(1, 2, |_, _| 0.5), v, None, None)
                .expect("shapes fit, weights are finite")
        };
        Ok(KappaPair { a, d, networks: [network(a), network(2.0 * a)] })
    }

    /// The networks, in normal form.
    pub fn networks(&self) -> &[Network; 2] {
        &self.networks
    }

    /// κ(V₁) = 1/a and κ(V₂) = 1/(2a).
    pub fn kappa_v(&self) -> [f64; 2] {
        [1.0 / self.a, 0.5 / self.a]
    }

    /// Labels of the first network (`which` = 0) or the second (1) in closed form: f(x₁) where |x₁| ≥ a_i|x₂|, else (x₁ + a_i|x₂|)/2. Where the
    /// networks agree these are equal bit for bit; [`Network::labels`] rounds and agrees with them to that.
    ///
    /// # Shapes
    /// `x` is d × n, the result 1 × n.
    ///
    /// # Panics
    /// When `x` does not have d rows or `which` is not 0 or 1.
    ///
    /// # Cost
    /// A few operations for each sample.
    pub fn labels(&self, which: usize, x: MatRef<'_, f64>) -> Mat<f64> {
        assert_eq!(x.nrows(), self.d, "inputs have d rows");
        let slope = [self.a, 2.0 * self.a][which];
        Mat::from_fn(1, x.ncols(), |_, j| {
            let (first, second) = (x[(0, j)], slope * x[(1, j)].abs());
            if first.abs() >= second { first.max(0.0) } else { (first + second) / 2.0 }
        })
    }

    /// Whether a sample tells the networks apart: |x₁| < 2a|x₂|.
    pub fn distinguishes(&self, x1: f64, x2: f64) -> bool {
        x1.abs() < 2.0 * self.a * x2.abs()
    }

    /// Independent standard normal inputs, d × n.
    pub fn gaussian_inputs(&self, n: usize, seed: u64) -> Mat<f64> {
        random::gaussian(self.d, n, &mut random::stream(seed, "kappa pair", 0))
    }

    /// Standard normal inputs conditioned on not telling the networks apart, d × n: others are drawn again.
    ///
    /// # Cost
    /// At most 2dn draws in expectation.
    pub fn agreeing_inputs(&self, n: usize, seed: u64) -> Mat<f64> {
        let rng = &mut random::stream(seed, "kappa pair agreeing", 0);
        let draw = |rng: &mut ChaCha8Rng| StandardNormal.sample(rng);
        let mut x = Mat::zeros(self.d, n);
        for j in 0..n {
            loop {
                for r in 0..self.d {
                    x[(r, j)] = draw(rng);
                }
                if !self.distinguishes(x[(0, j)], x[(1, j)]) {
                    break;
                }
            }
        }
        x
    }

    /// The probability that a standard normal sample tells the networks apart: P[|x₁| < 2a|x₂|] = (2/π) arctan(2a), since the direction of
    /// (x₁, x₂) is uniform. At most 4a/π, and at most 1/2.
    pub fn probability(&self) -> f64 {
        (2.0 * self.a).atan() / std::f64::consts::FRAC_PI_2
    }

    /// The least number of Gaussian samples with which a method can return the right one of the two networks with probability at least
    /// 1 − `delta`, whichever it is.
    ///
    /// # Guarantee
    /// Let p be [`KappaPair::probability`]. With probability (1 − p)ⁿ none of n samples tells the networks apart. Then inputs and labels
    /// are the same for both, and so is (the distribution of) a method's answer: it is right for both with probabilities that
    /// sum to at most 1. So the two failure probabilities sum to at least (1 − p)ⁿ, and the larger is at least (1 − p)ⁿ/2. It
    /// is at most δ only if n ≥ ln(1/(2δ)) / −ln(1 − p), which for small a is about (π/4) κ(V₁) ln(1/(2δ)): the Ω(κ) of the paper.
    /// Tossing a coin when no sample tells them apart attains the bound for this pair.
    ///
    /// # Errors
    /// [`KappaPairError::Failure`] when `delta` is not in (0, 1/2): guessing succeeds half of the time.
    pub fn samples_needed(&self, delta: f64) -> Result<u64, KappaPairError> {
        if !(delta > 0.0 && delta < 0.5) {
            return Err(KappaPairError::Failure { delta });
        }
        Ok(((2.0 * delta).ln() / (-self.probability()).ln_1p()).ceil() as u64)
    }

    /// What the pair is and what it says, with the samples needed for failure probabilities 0.1, 0.01 and 0.001.
    pub fn metadata(&self) -> KappaPairMetadata {
        let needed = |delta: f64| (delta, self.samples_needed(delta).expect("between 0 and 1/2"));
        KappaPairMetadata {
            a: self.a,
            d: self.d,
            kappa_v: self.kappa_v(),
            probability: self.probability(),
            samples_needed: [0.1, 0.01, 0.001].map(needed).to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::{spectrum, tolerance};
    use orthant_testkit::binomial;

    const ANGLES: [f64; 4] = [0.5, 0.3, 0.05, 1e-3];

    #[test]
    fn condition_numbers_are_as_stated() {
        for a in ANGLES {
            let pair = KappaPair::new(a, 4).expect("valid");
            for (network, kappa) in pair.networks().iter().zip(pair.kappa_v()) {
                let s = spectrum::singular_values(network.v()).expect("finite");
                assert!((s[0] / s[1] / kappa - 1.0).abs() <= 10.0 * kappa * tolerance::backward(2, 4));
                assert!(
                    (0..2).all(|i| (network.v().row(i).norm_l2() - 1.0).abs() <= tolerance::backward(1, 4))
                );
            }
        }
    }

    #[test]
    fn conditioned_samples_have_the_same_labels_bit_for_bit() {
        for a in ANGLES {
            let pair = KappaPair::new(a, 3).expect("valid");
            let x = pair.agreeing_inputs(500, 1);
            assert_eq!(pair.labels(0, x.as_ref()), pair.labels(1, x.as_ref()));
        }
    }

    #[test]
    fn other_samples_have_different_labels() {
        for a in ANGLES {
            let pair = KappaPair::new(a, 3).expect("valid");
            let x = pair.gaussian_inputs(2000, 1);
            let (first, second) = (pair.labels(0, x.as_ref()), pair.labels(1, x.as_ref()));
            for j in 0..x.ncols() {
                let told = pair.distinguishes(x[(0, j)], x[(1, j)]);
                assert_eq!(first[(0, j)] < second[(0, j)], told);
                assert_eq!(first[(0, j)] != second[(0, j)], told);
            }
        }
    }

    /// A label sums two products of five factors, each rounded, of size at most |x₁| + |x₂|.
    #[test]
    fn closed_form_labels_are_those_of_the_networks_to_rounding() {
        for a in ANGLES {
            let pair = KappaPair::new(a, 3).expect("valid");
            let x = pair.gaussian_inputs(500, 2);
            for which in 0..2 {
                let (closed, network) =
                    (pair.labels(which, x.as_ref()), pair.networks()[which].labels(x.as_ref()));
                for j in 0..x.ncols() {
                    let allowed = 10.0 * tolerance::EPS * (x[(0, j)].abs() + x[(1, j)].abs());
                    assert!((closed[(0, j)] - network[(0, j)]).abs() <= allowed);
                }
            }
        }
    }

    /// Two-sided, each side with the false alarm of `binomial::FALSE_ALARM`.
    #[test]
    fn samples_tell_the_networks_apart_as_often_as_stated() {
        let n = 20_000;
        for (seed, a) in ANGLES.into_iter().enumerate() {
            let pair = KappaPair::new(a, 2).expect("valid");
            let x = pair.gaussian_inputs(n, seed as u64);
            let told = (0..n).filter(|&j| pair.distinguishes(x[(0, j)], x[(1, j)])).count();
            let p = pair.probability();
            assert!(told <= binomial::quantile(n, p, binomial::FALSE_ALARM), "{told} of {n} at {p}");
            assert!(
                n - told <= binomial::quantile(n, 1.0 - p, binomial::FALSE_ALARM),
                "{told} of {n} at {p}"
            );
        }
        assert_eq!(KappaPair::new(0.5, 2).expect("valid").probability(), 0.5);
    }

    #[test]
    fn the_sample_bound_is_the_least_number_that_satisfies_it() {
        for a in ANGLES {
            let pair = KappaPair::new(a, 2).expect("valid");
            for delta in [0.4, 0.1, 1e-3] {
                let n = pair.samples_needed(delta).expect("valid") as f64;
                let failure = |n: f64| (1.0 - pair.probability()).powf(n) / 2.0;
                assert!(failure(n) <= delta * (1.0 + 1e-9) && failure(n - 1.0) > delta);
            }
        }
    }

    #[test]
    fn the_narrowest_pair_is_counted_exactly() {
        let pair = KappaPair::new(MIN_ANGLE, 2).expect("valid");
        let [first, second] = pair.kappa_v();
        assert!(first.is_finite() && second.is_finite() && pair.networks()[0] != pair.networks()[1]);
        assert!(pair.metadata().samples_needed.iter().all(|(_, n)| (1 << 49..1 << 53).contains(n)));
    }

    #[test]
    fn impossible_pairs_are_named() {
        for a in [0.0, -0.1, 0.6, f64::INFINITY, 1e-16, 5e-324] {
            assert_eq!(KappaPair::new(a, 2).err(), Some(KappaPairError::Angle { a }));
        }
        assert!(matches!(KappaPair::new(f64::NAN, 2), Err(KappaPairError::Angle { .. })));
        for d in [0, 1, MAX_INPUTS + 1, usize::MAX] {
            assert_eq!(KappaPair::new(0.5, d).err(), Some(KappaPairError::Inputs { d }));
        }
        let pair = KappaPair::new(0.5, 2).expect("valid");
        assert_eq!(pair.samples_needed(0.5), Err(KappaPairError::Failure { delta: 0.5 }));
    }
}
