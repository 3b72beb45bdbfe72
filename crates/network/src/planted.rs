//! Random networks with samples of them, for tests, benchmarks and experiments.

use orthant_linalg::Mat;
use orthant_linalg::random;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, StudentT};

use crate::activation::Activation;
use crate::network::Network;

/// Which biases a network has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BiasKind {
    /// Neither.
    None,
    /// Hidden bias b only.
    Hidden,
    /// Output bias c only.
    Output,
    /// Both.
    Both,
}

impl BiasKind {
    /// Whether there is a hidden bias.
    pub fn hidden(self) -> bool {
        matches!(self, BiasKind::Hidden | BiasKind::Both)
    }

    /// Whether there is an output bias.
    pub fn output(self) -> bool {
        matches!(self, BiasKind::Output | BiasKind::Both)
    }
}

/// The distribution of the inputs, independent over samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// Independent standard normal coordinates.
    Gaussian,
    /// Independent coordinates, uniform on [−√3, √3].
    Uniform,
    /// Independent Laplace coordinates of variance 1.
    Laplace,
    /// Independent Student coordinates with 3 degrees of freedom (variance 3, no fourth moment).
    Student3,
    /// Independent coordinates, −1 or 1 with equal probability.
    Sign,
    /// Independent coordinates, 0 or 1 with equal probability.
    Binary,
    /// Normal coordinates of variance 1, an autoregressive chain: coordinates r and s have correlation 0.9^|r − s|.
    Correlated,
    /// Normal coordinates of variance 1, every two with correlation 0.9: one common factor carries nearly all the variance, so
    /// that most units see nearly the same number.
    Equicorrelated,
}

impl InputKind {
    /// All kinds, in the order of their declaration.
    pub const ALL: [InputKind; 8] = [
        InputKind::Gaussian,
        InputKind::Uniform,
        InputKind::Laplace,
        InputKind::Student3,
        InputKind::Sign,
        InputKind::Binary,
        InputKind::Correlated,
        InputKind::Equicorrelated,
    ];

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            InputKind::Gaussian => "gaussian",
            InputKind::Uniform => "uniform",
            InputKind::Laplace => "laplace",
            InputKind::Student3 => "student3",
            InputKind::Sign => "sign",
            InputKind::Binary => "binary",
            InputKind::Correlated => "correlated",
            InputKind::Equicorrelated => "equicorrelated",
        }
    }

    /// Mean of a coordinate.
    fn mean(self) -> f64 {
        if self == InputKind::Binary { 0.5 } else { 0.0 }
    }

    /// Covariance of coordinates at a distance.
    fn covariance(self, distance: usize) -> f64 {
        match (self, distance) {
            (InputKind::Student3, 0) => 3.0,
            (InputKind::Binary, 0) => 0.25,
            (_, 0) => 1.0,
            (InputKind::Correlated, _) => 0.9f64.powi(i32::try_from(distance).unwrap_or(i32::MAX)),
            (InputKind::Equicorrelated, _) => 0.9,
            _ => 0.0,
        }
    }

    /// Draws n inputs, d × n.
    pub fn sample(self, d: usize, n: usize, rng: &mut ChaCha8Rng) -> Mat<f64> {
        let mut x = Mat::zeros(d, n);
        // Three degrees of freedom are a valid parameter, so the construction cannot fail.
        let student = StudentT::new(3.0).expect("3 is a positive number of degrees of freedom");
        for col in x.as_mut().col_iter_mut() {
            let mut common = if self == InputKind::Equicorrelated { gaussian(rng) } else { 0.0 };
            for (r, value) in col.iter_mut().enumerate() {
                *value = match self {
                    InputKind::Gaussian => gaussian(rng),
                    InputKind::Uniform => 3.0f64.sqrt() * (2.0 * rng.random::<f64>() - 1.0),
                    InputKind::Laplace => {
                        let size: f64 = Exp1.sample(rng);
                        if rng.random::<bool>() { size / 2.0f64.sqrt() } else { -size / 2.0f64.sqrt() }
                    }
                    InputKind::Student3 => student.sample(rng),
                    InputKind::Sign => f64::from(rng.random::<bool>()) * 2.0 - 1.0,
                    InputKind::Binary => f64::from(rng.random::<bool>()),
                    InputKind::Correlated => {
                        let fresh = gaussian(rng);
                        common = if r == 0 { fresh } else { 0.9 * common + (1.0f64 - 0.81).sqrt() * fresh };
                        common
                    }
                    InputKind::Equicorrelated => 0.9f64.sqrt() * common + 0.1f64.sqrt() * gaussian(rng),
                };
            }
        }
        x
    }
}

fn gaussian(rng: &mut ChaCha8Rng) -> f64 {
    rand_distr::StandardNormal.sample(rng)
}

/// A recipe that cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// A dimension is zero.
    #[error("{name} is 0: every dimension must be at least 1")]
    ZeroDimension {
        /// m, k, d or n.
        name: &'static str,
    },
    /// A condition number below 1, or not finite.
    #[error("{name} is {value}: a condition number is finite and at least 1")]
    Condition {
        /// kappa_u or kappa_v.
        name: &'static str,
        /// The value given.
        value: f64,
    },
}

/// The recipe of a planted instance. Same recipe, same bits.
#[derive(Debug, Clone, PartialEq)]
pub struct PlantedSpec {
    /// Number of outputs. Default 10.
    pub m: usize,
    /// Number of hidden units. Default 5.
    pub k: usize,
    /// Number of inputs. Default 10.
    pub d: usize,
    /// Condition number of U; `None` (the default) draws independent standard normal entries.
    pub kappa_u: Option<f64>,
    /// Condition number of V before its rows are normalised; `None` (the default) draws independent standard normal entries.
    pub kappa_v: Option<f64>,
    /// Which biases. Hidden ones put the kink of unit i at −v_i'𝔼x + 0.3 std(v_i'x) g with g standard normal, so that most units
    /// are active on 30 to 70 % of the samples whatever the inputs' mean and scale; output ones are standard
    /// normal. Default none.
    pub bias: BiasKind,
    /// Input distribution. Default Gaussian.
    pub inputs: InputKind,
    /// The activation; rows of V have unit norm whether or not it is multiplicative. Default max(t, 0).
    pub activation: Activation,
    /// Seed of all draws. Default 0.
    pub seed: u64,
}

impl Default for PlantedSpec {
    fn default() -> PlantedSpec {
        PlantedSpec {
            m: 10,
            k: 5,
            d: 10,
            kappa_u: None,
            kappa_v: None,
            bias: BiasKind::None,
            inputs: InputKind::Gaussian,
            activation: Activation::RELU,
            seed: 0,
        }
    }
}

/// A network with samples of it.
#[derive(Debug, Clone)]
pub struct Planted {
    /// The network.
    pub network: Network,
    /// Inputs, d × n.
    pub x: Mat<f64>,
    /// Labels of the network at the inputs, m × n.
    pub a: Mat<f64>,
}

impl PlantedSpec {
    /// Draws the network and `n` samples.
    ///
    /// The network does not depend on `n`, and the first samples are the same for every larger `n`.
    ///
    /// # Shapes
    /// Inputs are d × `n`, labels m × `n`.
    ///
    /// # Errors
    /// [`SpecError`] when a dimension is 0 or a condition number is not one.
    ///
    /// # Cost
    /// A draw for each weight and each input, kd² operations for hidden biases, and those of [`Network::labels`].
    pub fn plant(&self, n: usize) -> Result<Planted, SpecError> {
        for (name, value) in [("m", self.m), ("k", self.k), ("d", self.d), ("n", n)] {
            if value == 0 {
                return Err(SpecError::ZeroDimension { name });
            }
        }
        for (name, kappa) in [("kappa_u", self.kappa_u), ("kappa_v", self.kappa_v)] {
            if let Some(value) = kappa.filter(|kappa| !(kappa.is_finite() && *kappa >= 1.0)) {
                return Err(SpecError::Condition { name, value });
            }
        }
        let weights = |label, rows, cols, kappa: Option<f64>| {
            let rng = &mut random::stream(self.seed, label, 0);
            match kappa {
                None => random::gaussian(rows, cols, rng),
                Some(kappa) => random::with_condition(rows, cols, kappa, rng),
            }
        };
        let u = weights("planted U", self.m, self.k, self.kappa_u);
        let mut v = weights("planted V", self.k, self.d, self.kappa_v);
        for i in 0..self.k {
            let norm = v.row(i).norm_l2();
            v.as_mut().row_mut(i).iter_mut().for_each(|x| *x /= norm);
        }
        let bias = |label, len, scale: f64| {
            let values = random::gaussian_vec(len, &mut random::stream(self.seed, label, 0));
            values.into_iter().map(|x| scale * x).collect::<Vec<_>>()
        };
        let b = self.bias.hidden().then(|| {
            let draws = bias("planted b", self.k, 0.3);
            let kink = |(i, g): (usize, f64)| {
                let row: Vec<f64> = v.row(i).iter().copied().collect();
                let variance: f64 = (0..self.d)
                    .flat_map(|r| (0..self.d).map(move |s| (r, s)))
                    .map(|(r, s)| row[r] * row[s] * self.inputs.covariance(r.abs_diff(s)))
                    .sum();
                variance.max(0.0).sqrt() * g - self.inputs.mean() * row.iter().sum::<f64>()
            };
            draws.into_iter().enumerate().map(kink).collect()
        });
        let c = self.bias.output().then(|| bias("planted c", self.m, 1.0));
        let network = Network::with_activation(self.activation.clone(), u, v, b, c)
            .expect("the parts are drawn with fitting shapes");
        let x = self.inputs.sample(self.d, n, &mut random::stream(self.seed, "planted X", 0));
        let a = network.labels(x.as_ref());
        Ok(Planted { network, x, a })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::product;

    #[test]
    fn the_same_recipe_gives_the_same_bits_and_a_longer_one_extends_it() {
        for inputs in InputKind::ALL {
            let spec = PlantedSpec { inputs, bias: BiasKind::Both, seed: 3, ..PlantedSpec::default() };
            let (short, long) = (spec.plant(5).expect("valid"), spec.plant(9).expect("valid"));
            assert_eq!(short.network, long.network);
            assert_eq!(short.x, long.x.as_ref().subcols(0, 5).to_owned(), "{}", inputs.name());
        }
    }

    #[test]
    fn inputs_have_the_stated_second_moments() {
        // Averages over n·d entries: z = 6 standard errors. The squares have variance at most 5 (Laplace); Student with 3
        // degrees of freedom has no fourth moment, so only its median of squares could be tested, and is left out.
        let (d, n) = (4, 20_000);
        let tolerance = 6.0 * 5.0f64.sqrt() / ((d * n) as f64).sqrt();
        for inputs in InputKind::ALL.into_iter().filter(|&kind| kind != InputKind::Student3) {
            let x = inputs.sample(d, n, &mut random::stream(1, "moments", 0));
            let expected = if inputs == InputKind::Binary { 0.5 } else { 1.0 };
            let found = product::frobenius(x.as_ref()).powi(2) / (d * n) as f64;
            // Correlated coordinates average over n samples only.
            let correlated = matches!(inputs, InputKind::Correlated | InputKind::Equicorrelated);
            let slack = if correlated { (d as f64).sqrt() } else { 1.0 };
            assert!((found - expected).abs() < slack * tolerance, "{}: {found}", inputs.name());
        }
    }

    #[test]
    fn impossible_recipes_are_named() {
        let spec = PlantedSpec { kappa_u: Some(0.5), ..PlantedSpec::default() };
        assert_eq!(spec.plant(3).err(), Some(SpecError::Condition { name: "kappa_u", value: 0.5 }));
        assert_eq!(PlantedSpec::default().plant(0).err(), Some(SpecError::ZeroDimension { name: "n" }));
    }
}
