//! A two-layer rectified network and its forward map.

use orthant_linalg::{Mat, MatRef};
use orthant_linalg::{product, tolerance};

use crate::activation::Activation;

/// Weights that do not fit together.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// Two parts disagree on a dimension.
    #[error("{part} has {found} {axis}, expected {expected}")]
    Dimension {
        /// The part that does not fit.
        part: &'static str,
        /// Rows, columns or entries.
        axis: &'static str,
        /// What it has.
        found: usize,
        /// What the other parts call for.
        expected: usize,
    },
    /// A weight is NaN or infinite.
    #[error("{part} has a weight that is not finite at ({row}, {col})")]
    NotFinite {
        /// The part.
        part: &'static str,
        /// Row of the weight.
        row: usize,
        /// Column of the weight.
        col: usize,
    },
}

/// The network x ↦ U f(Vx + b) + c, with rows of V of unit norm where the activation allows
/// ([`RowScale::Normalised`](crate::RowScale)): f(s t) = sᶜ f(t), so that sᶜ can be moved into U. For other activations the
/// rows keep the norm they have, which is part of the function.
///
/// A row of V that is zero stays zero: that unit is the constant f(b_i).
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    activation: Activation,
    u: Mat<f64>,
    v: Mat<f64>,
    b: Option<Vec<f64>>,
    c: Option<Vec<f64>>,
}

impl Network {
    /// Builds a network of max(t, 0) and brings it to normal form: each row of V is divided by its norm (and b_i with it), the
    /// column of U is multiplied by it.
    ///
    /// # Shapes
    /// `u` is m × k, `v` is k × d, `b` has length k, `c` has length m. k may be 0.
    ///
    /// # Errors
    /// [`ShapeError`] when they do not fit or a weight is not finite.
    ///
    /// # Cost
    /// A few passes over the weights.
    pub fn new(
        u: Mat<f64>,
        v: Mat<f64>,
        b: Option<Vec<f64>>,
        c: Option<Vec<f64>>,
    ) -> Result<Network, ShapeError> {
        Network::with_activation(Activation::RELU, u, v, b, c)
    }

    /// As [`Network::new`], with another activation. For one of degree c the column of U is multiplied by the c-th power of the
    /// norm of the row; for one without a degree nothing is normalised.
    ///
    /// # Shapes
    /// As [`Network::new`].
    ///
    /// # Errors
    /// As [`Network::new`].
    ///
    /// # Cost
    /// As [`Network::new`].
    pub fn with_activation(
        activation: Activation,
        u: Mat<f64>,
        v: Mat<f64>,
        b: Option<Vec<f64>>,
        c: Option<Vec<f64>>,
    ) -> Result<Network, ShapeError> {
        let expect = |part, axis, found, expected| {
            if found == expected {
                Ok(())
            } else {
                Err(ShapeError::Dimension { part, axis, found, expected })
            }
        };
        expect("U", "columns", u.ncols(), v.nrows())?;
        expect("b", "entries", b.as_ref().map_or(v.nrows(), Vec::len), v.nrows())?;
        expect("c", "entries", c.as_ref().map_or(u.nrows(), Vec::len), u.nrows())?;
        let mut network = Network { activation, u, v, b, c };
        network.normalise();
        check_finite("U", network.u.as_ref())?;
        check_finite("V", network.v.as_ref())?;
        for (part, bias) in [("b", &network.b), ("c", &network.c)] {
            if let Some(row) = bias.iter().flatten().position(|x| !x.is_finite()) {
                return Err(ShapeError::NotFinite { part, row, col: 0 });
            }
        }
        Ok(network)
    }

    fn normalise(&mut self) {
        let Some(degree) = self.activation.degree() else { return };
        for i in 0..self.k() {
            let norm = self.v.row(i).norm_l2();
            // A row already of unit norm to rounding is left alone, so that normalising twice changes no bit.
            if norm == 0.0 || (norm - 1.0).abs() <= tolerance::backward(1, self.d()) {
                continue;
            }
            self.v.as_mut().row_mut(i).iter_mut().for_each(|x| *x /= norm);
            let factor = if degree == 1.0 { norm } else { norm.powf(degree) };
            self.u.as_mut().col_mut(i).iter_mut().for_each(|x| *x *= factor);
            if let Some(b) = &mut self.b {
                b[i] /= norm;
            }
        }
    }

    /// The activation f.
    pub fn activation(&self) -> &Activation {
        &self.activation
    }

    /// Number of outputs.
    pub fn m(&self) -> usize {
        self.u.nrows()
    }

    /// Number of hidden units.
    pub fn k(&self) -> usize {
        self.v.nrows()
    }

    /// Number of inputs.
    pub fn d(&self) -> usize {
        self.v.ncols()
    }

    /// Output weights, m × k.
    pub fn u(&self) -> MatRef<'_, f64> {
        self.u.as_ref()
    }

    /// Hidden weights, k × d, rows of unit norm where the activation has a degree.
    pub fn v(&self) -> MatRef<'_, f64> {
        self.v.as_ref()
    }

    /// Hidden bias, length k, when the network has one.
    pub fn b(&self) -> Option<&[f64]> {
        self.b.as_deref()
    }

    /// Output bias, length m, when the network has one.
    pub fn c(&self) -> Option<&[f64]> {
        self.c.as_deref()
    }

    /// Hidden bias of unit `i`, 0 without one.
    pub fn hidden_bias(&self, i: usize) -> f64 {
        self.b.as_ref().map_or(0.0, |b| b[i])
    }

    /// Values before the activation, V x + b.
    ///
    /// # Shapes
    /// `x` is d × n, the result k × n.
    ///
    /// # Panics
    /// When `x` does not have d rows.
    ///
    /// # Cost
    /// 2kdn operations.
    pub fn preactivations(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        assert_eq!(x.nrows(), self.d(), "inputs have the wrong number of rows");
        let mut t = product::matmul(self.v(), x);
        if let Some(b) = &self.b {
            for col in t.as_mut().col_iter_mut() {
                col.iter_mut().zip(b).for_each(|(t, b)| *t += b);
            }
        }
        t
    }

    /// Activations f(V x + b).
    ///
    /// # Shapes
    /// `x` is d × n, the result k × n.
    ///
    /// # Panics
    /// When `x` does not have d rows.
    ///
    /// # Cost
    /// 2kdn operations, and a call of f for each entry.
    pub fn activations(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        let mut z = self.preactivations(x);
        for col in z.as_mut().col_iter_mut() {
            col.iter_mut().for_each(|z| *z = self.activation.value(*z));
        }
        z
    }

    /// Labels U f(V x + b) + c.
    ///
    /// # Shapes
    /// `x` is d × n, the result m × n.
    ///
    /// # Panics
    /// When `x` does not have d rows.
    ///
    /// # Cost
    /// 2k(d + m)n operations.
    pub fn labels(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        let mut a = product::matmul(self.u(), self.activations(x).as_ref());
        if let Some(c) = &self.c {
            for col in a.as_mut().col_iter_mut() {
                col.iter_mut().zip(c).for_each(|(a, c)| *a += c);
            }
        }
        a
    }
}

fn check_finite(part: &'static str, a: MatRef<'_, f64>) -> Result<(), ShapeError> {
    for col in 0..a.ncols() {
        if let Some(row) = a.col(col).iter().position(|x| !x.is_finite()) {
            return Err(ShapeError::NotFinite { part, row, col });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::random;

    #[test]
    fn normal_form_keeps_the_labels() {
        let rng = &mut random::stream(1, "network", 0);
        let (u, v) = (random::gaussian(3, 4, rng), random::gaussian(4, 5, rng));
        let (b, c) = (random::gaussian_vec(4, rng), random::gaussian_vec(3, rng));
        let x = random::gaussian(5, 7, rng);
        let mut expected = Mat::zeros(3, 7);
        for j in 0..7 {
            for o in 0..3 {
                expected[(o, j)] = c[o]
                    + (0..4)
                        .map(|i| {
                            u[(o, i)]
                                * f64::max(0.0, b[i] + (0..5).map(|r| v[(i, r)] * x[(r, j)]).sum::<f64>())
                        })
                        .sum::<f64>();
            }
        }
        let network = Network::new(u, v, Some(b), Some(c)).expect("shapes fit");
        assert!((0..4).all(|i| (network.v().row(i).norm_l2() - 1.0).abs() < 1e-15));
        let error = &network.labels(x.as_ref()) - &expected;
        assert!(
            product::frobenius(error.as_ref())
                <= 100.0 * f64::EPSILON * product::frobenius(expected.as_ref())
        );
    }

    #[test]
    fn normal_form_keeps_the_labels_of_every_activation() {
        let rng = &mut random::stream(2, "network", 0);
        let (u, v) = (random::gaussian(3, 4, rng), random::gaussian(4, 5, rng));
        let b = random::gaussian_vec(4, rng);
        let x = random::gaussian(5, 7, rng);
        for name in ["power:2", "power:0.5", "leaky-relu:0.1", "abs", "expm1"] {
            let f: Activation = name.parse().expect("built in");
            let network = Network::with_activation(f.clone(), u.clone(), v.clone(), Some(b.clone()), None);
            let labels = network.expect("shapes fit").labels(x.as_ref());
            let expected = Mat::from_fn(3, 7, |o, j| {
                (0..4)
                    .map(|i| {
                        let t = b[i] + (0..5).map(|r| v[(i, r)] * x[(r, j)]).sum::<f64>();
                        u[(o, i)] * f.value(t)
                    })
                    .sum::<f64>()
            });
            let error = &labels - &expected;
            assert!(
                product::frobenius(error.as_ref())
                    <= 100.0 * f64::EPSILON * product::frobenius(expected.as_ref()),
                "{name}"
            );
        }
    }

    #[test]
    fn each_wrong_shape_is_named() {
        let (u, v) = (Mat::<f64>::zeros(3, 4), Mat::<f64>::zeros(4, 5));
        let part = |result: Result<Network, ShapeError>| match result {
            Err(ShapeError::Dimension { part, .. } | ShapeError::NotFinite { part, .. }) => part,
            Ok(_) => "none",
        };
        assert_eq!(part(Network::new(u.clone(), v.clone(), None, None)), "none");
        assert_eq!(part(Network::new(Mat::zeros(3, 5), v.clone(), None, None)), "U");
        assert_eq!(part(Network::new(u.clone(), v.clone(), Some(vec![0.0; 3]), None)), "b");
        assert_eq!(part(Network::new(u.clone(), v.clone(), None, Some(vec![0.0; 4]))), "c");
        assert_eq!(part(Network::new(u, v, Some(vec![f64::NAN; 4]), None)), "b");
    }
}
