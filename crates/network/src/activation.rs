//! The activations of Appendix G.1 and their relatives: what is applied to V x + b, entry by entry.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A rectified activation: zero for t ≤ 0, increasing for t > 0, f(0+) = 0.
///
/// Implement it for an activation of your own and hand it over with [`Activation::rectified`].
///
/// # Paper
/// Appendix G.1: the sparsity pattern of an activation is the sign pattern of V x + b for all of these, which is all that
/// Algorithm 6 needs; the weights follow by applying the inverse to the activations.
pub trait Rectifier: fmt::Debug + Send + Sync {
    /// A name by which two activations of this kind are known to be the same.
    fn name(&self) -> String;
    /// f(t) for t > 0.
    fn value(&self, t: f64) -> f64;
    /// f'(t) for t > 0.
    fn derivative(&self, t: f64) -> f64;
    /// The t > 0 with f(t) = z, for z > 0.
    fn inverse(&self, z: f64) -> f64;
    /// The c for which f(s t) = sᶜ f(t) for all s, t > 0 (a multiplicative activation), when there is one.
    fn degree(&self) -> Option<f64> {
        None
    }
}

/// tᶜ for t > 0.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Power(f64);

impl Rectifier for Power {
    fn name(&self) -> String {
        format!("power:{}", self.0)
    }
    fn value(&self, t: f64) -> f64 {
        t.powf(self.0)
    }
    fn derivative(&self, t: f64) -> f64 {
        self.0 * t.powf(self.0 - 1.0)
    }
    fn inverse(&self, z: f64) -> f64 {
        z.powf(1.0 / self.0)
    }
    fn degree(&self) -> Option<f64> {
        Some(self.0)
    }
}

/// eᵗ − 1 for t > 0.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Expm1;

impl Rectifier for Expm1 {
    fn name(&self) -> String {
        "expm1".to_string()
    }
    fn value(&self, t: f64) -> f64 {
        t.exp_m1()
    }
    fn derivative(&self, t: f64) -> f64 {
        t.exp()
    }
    fn inverse(&self, z: f64) -> f64 {
        z.ln_1p()
    }
}

/// exp(t²) − 1 for t > 0.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Expm1Square;

impl Rectifier for Expm1Square {
    fn name(&self) -> String {
        "expm1-square".to_string()
    }
    fn value(&self, t: f64) -> f64 {
        (t * t).exp_m1()
    }
    fn derivative(&self, t: f64) -> f64 {
        2.0 * t * (t * t).exp()
    }
    fn inverse(&self, z: f64) -> f64 {
        z.ln_1p().sqrt()
    }
}

/// Whether the rows of V can be brought to unit norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowScale {
    /// The activation is multiplicative, f(s t) = sᶜ f(t): a positive factor of a row of V can be moved into U, and the normal
    /// form has rows of unit norm.
    Normalised,
    /// The activation is not: the scale of each row is part of the function, and is identified rather than normalised.
    Identified,
}

/// The activation f of a network.
///
/// Two activations are equal when their names are.
#[derive(Clone)]
pub struct Activation(Kind);

#[derive(Clone)]
enum Kind {
    Relu,
    TwoSlope(f64),
    Rectified(Arc<dyn Rectifier>),
}

/// A name that is not that of an activation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no activation is called '{name}': relu, power:C (C > 0), expm1, expm1-square, leaky-relu:A (-1 < A < 1, not 0), abs"
)]
pub struct UnknownActivation {
    /// What was asked for.
    pub name: String,
}

impl Activation {
    /// max(t, 0).
    pub const RELU: Activation = Activation(Kind::Relu);

    /// |t|. The sign of each row of V is then free.
    pub const ABSOLUTE: Activation = Activation(Kind::TwoSlope(-1.0));

    /// tᶜ for t > 0; `None` unless c > 0 is finite. `power(1.0)` is [`Activation::RELU`].
    pub fn power(c: f64) -> Option<Activation> {
        match c {
            1.0 => Some(Activation::RELU),
            c if c > 0.0 && c.is_finite() => Some(Activation::rectified(Power(c))),
            _ => None,
        }
    }

    /// eᵗ − 1 for t > 0.
    pub fn expm1() -> Activation {
        Activation::rectified(Expm1)
    }

    /// exp(t²) − 1 for t > 0, the steepest example of Appendix G.1.
    pub fn expm1_square() -> Activation {
        Activation::rectified(Expm1Square)
    }

    /// t for t > 0 and `slope` · t otherwise; `None` unless −1 < `slope` < 1 and not 0.
    pub fn leaky_relu(slope: f64) -> Option<Activation> {
        (slope.abs() < 1.0 && slope != 0.0).then_some(Activation(Kind::TwoSlope(slope)))
    }

    /// A rectified activation of your own.
    pub fn rectified(f: impl Rectifier + 'static) -> Activation {
        Activation(Kind::Rectified(Arc::new(f)))
    }

    /// The name, as on the command line: [`FromStr`] reads those that are built in.
    pub fn name(&self) -> String {
        match &self.0 {
            Kind::Relu => "relu".to_string(),
            Kind::TwoSlope(-1.0) => "abs".to_string(),
            Kind::TwoSlope(slope) => format!("leaky-relu:{slope}"),
            Kind::Rectified(f) => f.name(),
        }
    }

    /// Whether this is max(t, 0).
    pub fn is_relu(&self) -> bool {
        matches!(self.0, Kind::Relu)
    }

    /// Whether f is not linear for t > 0: neither max(t, 0) nor one of two slopes.
    pub fn bends(&self) -> bool {
        matches!(self.0, Kind::Rectified(_))
    }

    /// The slope for t ≤ 0 of leaky ReLU and |t|; `None` for rectified activations.
    pub fn negative_slope(&self) -> Option<f64> {
        match self.0 {
            Kind::TwoSlope(slope) => Some(slope),
            _ => None,
        }
    }

    /// f(t).
    pub fn value(&self, t: f64) -> f64 {
        match &self.0 {
            Kind::Relu => t.max(0.0),
            Kind::TwoSlope(slope) => {
                if t > 0.0 {
                    t
                } else {
                    slope * t
                }
            }
            Kind::Rectified(f) => {
                if t > 0.0 {
                    f.value(t)
                } else {
                    0.0
                }
            }
        }
    }

    /// f'(t), from the left at 0.
    pub fn derivative(&self, t: f64) -> f64 {
        match &self.0 {
            Kind::Relu => f64::from(t > 0.0),
            Kind::TwoSlope(slope) => {
                if t > 0.0 {
                    1.0
                } else {
                    *slope
                }
            }
            Kind::Rectified(f) => {
                if t > 0.0 {
                    f.derivative(t)
                } else {
                    0.0
                }
            }
        }
    }

    /// The t > 0 with f(t) = z, for z > 0.
    pub fn inverse(&self, z: f64) -> f64 {
        match &self.0 {
            Kind::Relu | Kind::TwoSlope(_) => z,
            Kind::Rectified(f) => f.inverse(z),
        }
    }

    /// The c for which f(s t) = sᶜ f(t) for all s > 0, when there is one.
    pub fn degree(&self) -> Option<f64> {
        match &self.0 {
            Kind::Relu | Kind::TwoSlope(_) => Some(1.0),
            Kind::Rectified(f) => f.degree(),
        }
    }

    /// Whether rows of V are normalised or identified.
    pub fn row_scale(&self) -> RowScale {
        match self.degree() {
            Some(_) => RowScale::Normalised,
            None => RowScale::Identified,
        }
    }
}

impl Default for Activation {
    fn default() -> Activation {
        Activation::RELU
    }
}

impl PartialEq for Activation {
    fn eq(&self, other: &Activation) -> bool {
        self.name() == other.name()
    }
}

impl fmt::Debug for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Activation({})", self.name())
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl FromStr for Activation {
    type Err = UnknownActivation;

    fn from_str(name: &str) -> Result<Activation, UnknownActivation> {
        let parameter = |text: &str| text.parse::<f64>().ok();
        let found = match name.split_once(':') {
            None => match name {
                "relu" => Some(Activation::RELU),
                "abs" => Some(Activation::ABSOLUTE),
                "expm1" => Some(Activation::expm1()),
                "expm1-square" => Some(Activation::expm1_square()),
                _ => None,
            },
            Some(("power", c)) => parameter(c).and_then(Activation::power),
            Some(("leaky-relu", slope)) => parameter(slope).and_then(Activation::leaky_relu),
            Some(_) => None,
        };
        found.ok_or_else(|| UnknownActivation { name: name.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::tolerance;

    const NAMES: [&str; 9] = [
        "relu",
        "abs",
        "leaky-relu:0.1",
        "leaky-relu:-0.5",
        "power:0.5",
        "power:2",
        "power:3",
        "expm1",
        "expm1-square",
    ];

    #[test]
    fn names_survive_the_round_trip() {
        for name in NAMES {
            assert_eq!(name.parse::<Activation>().expect("built in").name(), name);
        }
        assert_eq!("power:1".parse::<Activation>(), Ok(Activation::RELU));
        let refused =
            ["", "tanh", "power", "power:", "power:0", "power:-1", "power:inf", "power:nan", "leaky-relu:0"];
        for name in refused.into_iter().chain(["leaky-relu:1", "leaky-relu:-1", "relu:1", "RELU"]) {
            assert!(name.parse::<Activation>().is_err(), "{name}");
        }
    }

    #[test]
    fn the_inverse_and_the_derivative_belong_to_the_value() {
        for name in NAMES {
            let f: Activation = name.parse().expect("built in");
            assert_eq!(f.value(0.0), 0.0, "{name}");
            for t in [1e-3, 0.3, 1.0, 2.5] {
                let back = f.inverse(f.value(t));
                assert!((back - t).abs() <= 100.0 * tolerance::EPS * t.max(1.0), "{name}: {t} became {back}");
            }
            for t in [-2.0, -0.3, 0.3, 1.0, 2.5] {
                // A central difference errs by h² f''' / 6, and by rounding over h.
                let h = 1e-5;
                let slope = (f.value(t + h) - f.value(t - h)) / (2.0 * h);
                let size = f.value(4.0 * t.abs());
                assert!((slope - f.derivative(t)).abs() <= 1e-6 * (1.0 + size), "{name} at {t}");
            }
        }
    }

    #[test]
    fn multiplicative_activations_have_their_degree() {
        for name in NAMES {
            let f: Activation = name.parse().expect("built in");
            let Some(c) = f.degree() else {
                assert_eq!(f.row_scale(), RowScale::Identified, "{name}");
                // No power of the factor fits two factors at once.
                let exponent = |s: f64| (f.value(0.7 * s) / f.value(0.7)).ln() / s.ln();
                assert!((exponent(2.0) - exponent(3.0)).abs() > 1e-3, "{name}");
                continue;
            };
            for (s, t) in [(2.0f64, 0.7), (0.3, 1.9), (2.0, -0.7)] {
                let (left, right) = (f.value(s * t), s.powf(c) * f.value(t));
                assert!((left - right).abs() <= 100.0 * tolerance::EPS * right.abs(), "{name}");
            }
        }
    }
}
