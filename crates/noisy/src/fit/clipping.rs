//! Labels that are cut off at bounds.

use crate::error::NoisyError;

/// Bounds at which labels are cut off, one pair for each output; infinite where there is none.
///
/// A label at its bound only says that the network's output lies there or beyond: its residual is zero where it does.
#[derive(Debug, Clone, PartialEq)]
pub struct Clipping {
    lower: Vec<f64>,
    upper: Vec<f64>,
}

impl Clipping {
    /// Bounds for m outputs.
    ///
    /// # Shapes
    /// `lower` and `upper` have length m.
    ///
    /// # Errors
    /// [`NoisyError::Dimension`] when their lengths differ, [`NoisyError::Setting`] when a lower bound is not below the upper one.
    pub fn new(lower: Vec<f64>, upper: Vec<f64>) -> Result<Clipping, NoisyError> {
        if lower.len() != upper.len() {
            return Err(NoisyError::Dimension {
                what: "number of upper bounds",
                found: upper.len(),
                expected: lower.len(),
            });
        }
        match lower
            .iter()
            .zip(&upper)
            .find(|(low, high)| low.partial_cmp(high) != Some(std::cmp::Ordering::Less))
        {
            Some((&low, _)) => Err(NoisyError::Setting {
                name: "lower bound of an output",
                value: low,
                allowed: "below the upper bound",
            }),
            None => Ok(Clipping { lower, upper }),
        }
    }

    /// Lower bounds, length m.
    pub fn lower(&self) -> &[f64] {
        &self.lower
    }

    /// Upper bounds, length m.
    pub fn upper(&self) -> &[f64] {
        &self.upper
    }

    /// Whether a label of output `o` is at one of its bounds.
    pub fn at_bound(&self, o: usize, label: f64) -> bool {
        label <= self.lower[o] || label >= self.upper[o]
    }

    /// Whether a prediction of output `o` satisfies all that its label says: the label is at a bound and the prediction there or
    /// beyond.
    pub fn satisfied(&self, o: usize, label: f64, prediction: f64) -> bool {
        (label <= self.lower[o] && prediction <= label) || (label >= self.upper[o] && prediction >= label)
    }

    pub(crate) fn check(clipping: Option<&Clipping>, m: usize) -> Result<(), NoisyError> {
        match clipping {
            Some(clipping) if clipping.lower.len() != m => Err(NoisyError::Dimension {
                what: "number of outputs with bounds",
                found: clipping.lower.len(),
                expected: m,
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_labels_at_a_bound_are_one_sided() {
        let clipping = Clipping::new(vec![-1.0, f64::NEG_INFINITY], vec![2.0, 3.0]).expect("ordered");
        assert!(clipping.satisfied(0, -1.0, -5.0) && clipping.satisfied(0, 2.0, 2.5));
        assert!(!clipping.satisfied(0, -1.0, -0.5) && !clipping.satisfied(0, 1.0, 1.0));
        assert!(!clipping.satisfied(1, -1.0, -5.0) && clipping.satisfied(1, 3.0, 4.0));
    }

    #[test]
    fn bounds_out_of_order_are_refused() {
        assert!(Clipping::new(vec![1.0], vec![1.0]).is_err());
        assert!(Clipping::new(vec![f64::NAN], vec![1.0]).is_err());
        assert!(Clipping::new(vec![1.0], vec![]).is_err());
    }
}
