//! All weights of a network as one vector, laid out for products with blocks of samples.

use orthant_linalg::{Mat, product};
use orthant_network::{Activation, Network};

use crate::error::NoisyError;

/// Weights, or a change of them, or a gradient: a vector of k·h + q·m numbers with h = d + 1 with a hidden bias (d without) and
/// q = k + 1 with an output bias (k without).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weights {
    /// [V b]', h × k: one column for each unit.
    pub hidden: Mat<f64>,
    /// [U c]', q × m: one column for each output.
    pub output: Mat<f64>,
}

/// Dimensions of a network with the activation: what is needed beside [`Weights`].
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub activation: Activation,
    pub d: usize,
    pub k: usize,
    pub m: usize,
    pub hidden_bias: bool,
    pub output_bias: bool,
}

impl Shape {
    pub fn of(network: &Network) -> Shape {
        Shape {
            activation: network.activation().clone(),
            d: network.d(),
            k: network.k(),
            m: network.m(),
            hidden_bias: network.b().is_some(),
            output_bias: network.c().is_some(),
        }
    }

    /// Rows of [`Weights::hidden`].
    pub fn h(&self) -> usize {
        self.d + usize::from(self.hidden_bias)
    }

    /// Rows of [`Weights::output`].
    pub fn q(&self) -> usize {
        self.k + usize::from(self.output_bias)
    }

    /// Weights that are not determined by the others: one less for each unit whose scale is free.
    pub fn degrees_of_freedom(&self) -> usize {
        let scales = if self.activation.degree().is_some() { self.k } else { 0 };
        self.h() * self.k + self.q() * self.m - scales
    }
}

impl Weights {
    pub fn zeros(shape: &Shape) -> Weights {
        Weights { hidden: Mat::zeros(shape.h(), shape.k), output: Mat::zeros(shape.q(), shape.m) }
    }

    pub fn of(network: &Network) -> Weights {
        let (d, k, m) = (network.d(), network.k(), network.m());
        let mut weights = Weights::zeros(&Shape::of(network));
        weights.hidden.as_mut().subrows_mut(0, d).copy_from(network.v().transpose());
        weights.output.as_mut().subrows_mut(0, k).copy_from(network.u().transpose());
        if let Some(b) = network.b() {
            (0..k).for_each(|i| weights.hidden[(d, i)] = b[i]);
        }
        if let Some(c) = network.c() {
            (0..m).for_each(|o| weights.output[(k, o)] = c[o]);
        }
        weights
    }

    /// The network with these weights, in normal form.
    ///
    /// # Errors
    /// [`NoisyError::Overflow`] when a weight is not finite.
    pub fn network(&self, shape: &Shape) -> Result<Network, NoisyError> {
        let u = self.output.as_ref().subrows(0, shape.k).transpose().to_owned();
        let v = self.hidden.as_ref().subrows(0, shape.d).transpose().to_owned();
        let b = shape.hidden_bias.then(|| self.hidden.row(shape.d).iter().copied().collect());
        let c = shape.output_bias.then(|| self.output.row(shape.k).iter().copied().collect());
        Network::with_activation(shape.activation.clone(), u, v, b, c).map_err(|_| NoisyError::Overflow)
    }

    pub fn dot(&self, other: &Weights) -> f64 {
        let inner = |a: &Mat<f64>, b: &Mat<f64>| -> f64 {
            (0..a.ncols()).map(|j| product::dot(a.col_as_slice(j), b.col_as_slice(j))).sum()
        };
        inner(&self.hidden, &other.hidden) + inner(&self.output, &other.output)
    }

    /// self + factor · other.
    pub fn add_scaled(&mut self, factor: f64, other: &Weights) {
        let add = |a: &mut Mat<f64>, b: &Mat<f64>| {
            for j in 0..a.ncols() {
                a.col_as_slice_mut(j).iter_mut().zip(b.col_as_slice(j)).for_each(|(a, b)| *a += factor * b);
            }
        };
        add(&mut self.hidden, &other.hidden);
        add(&mut self.output, &other.output);
    }

    pub fn moved(&self, factor: f64, direction: &Weights) -> Weights {
        let mut moved = self.clone();
        moved.add_scaled(factor, direction);
        moved
    }

    pub fn is_finite(&self) -> bool {
        self.hidden.as_ref().is_all_finite() && self.output.as_ref().is_all_finite()
    }
}
