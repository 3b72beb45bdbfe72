//! Weights that make samples count alike.

use orthant_linalg::{Mat, MatRef, product};
use orthant_network::Activation;

/// Weights of samples in inverse proportion to the norms of their labels, of mean square 1 on the samples they were made for.
///
/// Labels of an activation that bends span orders of magnitude: exp(t²) − 1 reaches 10⁵ on normal inputs. A plain basis of the row
/// space of A is then decided by a few samples, and the others, which have most of the zeros, are known only to the rounding of the
/// largest. But labels are rounded in proportion to their own size, and zeros stay zeros under any weights: with these, every
/// sample has errors of the same size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weighting {
    factor: f64,
    floor: f64,
}

/// Norms of labels count as at least this times their median: what is nearly zero is not to outweigh everything else.
const LEAST_NORM: f64 = 1e-3;

impl Weighting {
    /// The weights for labels, m × n, of units of an activation; `None` for max(t, 0), leaky ReLU and |t|, whose labels are no
    /// larger than their inputs make them, and for labels that are zero.
    ///
    /// # Cost
    /// One pass over the labels.
    pub fn new(activation: &Activation, labels: MatRef<'_, f64>) -> Option<Weighting> {
        if !activation.bends() {
            return None;
        }
        let norms: Vec<f64> = labels.col_iter().map(|label| label.norm_l2()).collect();
        let mut sorted: Vec<f64> = norms.iter().copied().filter(|&norm| norm > 0.0).collect();
        sorted.sort_by(f64::total_cmp);
        let floor = LEAST_NORM * sorted.get(sorted.len() / 2)?;
        let raw: Vec<f64> = norms.into_iter().map(|norm| norm.max(floor).recip()).collect();
        let factor = (raw.len() as f64).sqrt() / product::norm(&raw);
        Some(Weighting { factor, floor })
    }

    /// The weights of some labels, m × n, which need not be those that they were made for.
    ///
    /// # Cost
    /// One pass over the labels.
    pub fn weights(&self, labels: MatRef<'_, f64>) -> Vec<f64> {
        labels.col_iter().map(|label| self.factor / label.norm_l2().max(self.floor)).collect()
    }
}

/// Subtracts from each column of weighted labels its part along the weighted constant.
pub(crate) fn without_constant(mut labels: Mat<f64>, weights: &[f64], constant: bool) -> Mat<f64> {
    if constant {
        let square = product::dot(weights, weights);
        for j in 0..labels.ncols() {
            let values = labels.col_as_slice_mut(j);
            let level = product::dot(values, weights) / square;
            values.iter_mut().zip(weights).for_each(|(v, weight)| *v -= level * weight);
        }
    }
    labels
}

/// The spectral norm of independent errors in the entries of n labels of dimension m that have size 1, times the weights.
pub(crate) fn spread(n: usize, m: usize, weights: Option<&[f64]>) -> f64 {
    let largest = weights.map_or(1.0, |weights| weights.iter().fold(0.0f64, |s, &weight| s.max(weight)));
    (n as f64).sqrt() + largest * (m as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::tolerance;

    #[test]
    fn weighted_labels_have_one_norm_and_small_ones_are_not_blown_up() {
        let sizes = [1e5, 1.0, 3.0, 1e2, 0.0, 1e-9, 2.0];
        let labels = Mat::from_fn(3, 7, |o, j| sizes[j] * (1.0 + o as f64));
        let weighting = Weighting::new(&Activation::expm1(), labels.as_ref()).expect("bends");
        let weights = weighting.weights(labels.as_ref());
        let norms: Vec<f64> = (0..7).map(|j| weights[j] * labels.col(j).norm_l2()).collect();
        let tol = 10.0 * tolerance::EPS;
        for j in [0, 2, 3, 6] {
            assert!((norms[j] / norms[1] - 1.0).abs() <= tol, "{j}");
        }
        assert!(weights[4] == weights[5] && norms[5] < 1e-5 * norms[1]);
        assert!((product::norm(&weights) / 7.0f64.sqrt() - 1.0).abs() <= tol);
    }

    #[test]
    fn activations_of_straight_pieces_and_zero_labels_have_none() {
        let labels = Mat::from_fn(2, 4, |o, j| (o + j) as f64);
        for activation in [Activation::RELU, Activation::ABSOLUTE] {
            assert_eq!(Weighting::new(&activation, labels.as_ref()), None);
        }
        assert_eq!(Weighting::new(&Activation::expm1(), Mat::zeros(2, 4).as_ref()), None);
    }
}
