//! Samples of extreme size, brought to size one and back.

use orthant_linalg::{LinalgError, Mat, MatRef, tolerance};
use orthant_network::{Network, Samples};

/// A copy of samples, inputs and labels each divided by a power of two: no digit changes, and squares neither overflow nor vanish.
#[derive(Debug, Clone)]
pub struct Scaled {
    x: Mat<f64>,
    a: Mat<f64>,
    input_scale: f64,
    label_scale: f64,
}

impl Scaled {
    /// Brings samples of extreme size to size one; `None` where sizes are ordinary.
    ///
    /// # Cost
    /// A pass over the samples, and a copy where they are extreme.
    pub fn of(samples: &Samples<'_>) -> Option<Scaled> {
        let (input_scale, label_scale) = (power_of_two_near(samples.x()), power_of_two_near(samples.a()));
        if input_scale == 1.0 && label_scale == 1.0 {
            return None;
        }
        let divided =
            |view: MatRef<'_, f64>, s: f64| Mat::from_fn(view.nrows(), view.ncols(), |i, j| view[(i, j)] / s);
        let (x, a) = (divided(samples.x(), input_scale), divided(samples.a(), label_scale));
        Some(Scaled { x, a, input_scale, label_scale })
    }

    /// The samples of size one.
    pub fn samples(&self) -> Samples<'_> {
        Samples::new(self.x.as_ref(), self.a.as_ref())
            .expect("scaling to size one keeps shapes and finiteness")
    }

    /// The power of two that inputs were divided by.
    pub fn input_scale(&self) -> f64 {
        self.input_scale
    }

    /// The power of two that labels were divided by.
    pub fn label_scale(&self) -> f64 {
        self.label_scale
    }

    /// Output weights, or their errors, of a network with units of degree `degree`, in the scale of the samples as they were.
    ///
    /// # Shapes
    /// `u` is m × k, and so is the result.
    pub fn restore_outputs(&self, u: MatRef<'_, f64>, degree: f64) -> Mat<f64> {
        let exponent = self.label_scale.log2() - degree * self.input_scale.log2();
        // The power may be out of range where the product is not: half of the exponent first, the rest after it.
        let half = (exponent / 2.0).floor();
        Mat::from_fn(u.nrows(), u.ncols(), |o, i| u[(o, i)] * half.exp2() * (exponent - half).exp2())
    }

    /// The network of the samples as they were, from that of [`Scaled::samples`].
    ///
    /// # Shapes
    /// `network` has the inputs and outputs of the samples.
    ///
    /// # Errors
    /// [`LinalgError::NoConvergence`] when its weights are out of the range of numbers.
    ///
    /// # Cost
    /// A copy of the weights.
    pub fn restore(&self, network: &Network) -> Result<Network, LinalgError> {
        let activation = network.activation();
        let overflow = LinalgError::NoConvergence { what: "scaling", rows: network.m(), cols: network.k() };
        // f(v x/s + b) = f(v x + s b)/sᶜ keeps the rows of V as they are; without a degree c they take up the scale.
        let (row_factor, bias_factor, degree) = match activation.degree() {
            Some(degree) => (1.0, self.input_scale, degree),
            None => (1.0 / self.input_scale, 1.0, 0.0),
        };
        let u = self.restore_outputs(network.u(), degree);
        let v = Mat::from_fn(network.k(), network.d(), |i, r| network.v()[(i, r)] * row_factor);
        let vanishes =
            |i: usize| network.u().col(i).norm_max() > 0.0 && u.col(i).norm_max() < SMALLEST_WEIGHT;
        if (0..network.k()).any(vanishes) {
            return Err(overflow);
        }
        let b = network.b().map(|b| b.iter().map(|b| b * bias_factor).collect());
        let c = network.c().map(|c| c.iter().map(|c| c * self.label_scale).collect());
        Network::with_activation(activation.clone(), u, v, b, c).map_err(|_| overflow)
    }
}

impl Scaled {
    /// The network of [`Scaled::samples`] that a network of max(t, 0) on the samples as they were becomes; the opposite of
    /// [`Scaled::restore`].
    ///
    /// # Shapes
    /// As [`Scaled::restore`].
    ///
    /// # Errors
    /// [`LinalgError::NoConvergence`] when its weights are out of the range of numbers.
    ///
    /// # Cost
    /// A copy of the weights.
    pub fn apply(&self, network: &Network) -> Result<Network, LinalgError> {
        let exponent = self.input_scale.log2() - self.label_scale.log2();
        let half = (exponent / 2.0).floor();
        let factor = |weight: f64| weight * half.exp2() * (exponent - half).exp2();
        let u = Mat::from_fn(network.m(), network.k(), |o, i| factor(network.u()[(o, i)]));
        let b = network.b().map(|b| b.iter().map(|b| b / self.input_scale).collect());
        let c = network.c().map(|c| c.iter().map(|c| c / self.label_scale).collect());
        Network::new(u, network.v().to_owned(), b, c).map_err(|_| LinalgError::NoConvergence {
            what: "scaling",
            rows: network.m(),
            cols: network.k(),
        })
    }
}

/// Sizes between these need no scaling: their squares, cubes and products stay far from overflow.
const COMFORTABLE: std::ops::Range<f64> = 1e-40..1e40;

/// A power of two near the largest entry when that is extreme, 1 otherwise.
fn power_of_two_near(a: MatRef<'_, f64>) -> f64 {
    let largest = a.norm_max();
    if largest == 0.0 || COMFORTABLE.contains(&largest) {
        1.0
    } else {
        largest.log2().floor().clamp(-1020.0, 1020.0).exp2()
    }
}

/// Output weights all below this have lost digits on the way: 2⁻¹⁰²² is the least number that has them all.
const SMALLEST_WEIGHT: f64 = f64::MIN_POSITIVE / tolerance::EPS;
