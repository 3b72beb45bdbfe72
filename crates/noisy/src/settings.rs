//! What the user decides.

use crate::error::NoisyError;

/// What is known about the errors in the labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NoiseModel {
    /// There are none beyond rounding: [`orthant_exact::recover`].
    #[default]
    None,
    /// Every label has an independent error of mean zero and of the same standard deviation, sub-Gaussian: [`crate::recover_noisy`].
    Gaussian,
    /// A few labels have errors of any size, the others none: [`crate::sparse`].
    Sparse,
    /// Nothing: no errors are tried first, then gross ones, then sub-Gaussian ones.
    Auto,
}

impl NoiseModel {
    /// All models, in the order of their declaration.
    pub const ALL: [NoiseModel; 4] =
        [NoiseModel::None, NoiseModel::Gaussian, NoiseModel::Sparse, NoiseModel::Auto];

    /// The name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            NoiseModel::None => "none",
            NoiseModel::Gaussian => "gaussian",
            NoiseModel::Sparse => "sparse",
            NoiseModel::Auto => "auto",
        }
    }
}

/// Settings of [`crate::recover`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// Those of exact recovery, which mean the same here. [`orthant_exact::Settings::method`] is for exact labels only, and the
    /// patience too.
    pub exact: orthant_exact::Settings,
    /// The errors in the labels. Default [`NoiseModel::None`].
    pub noise: NoiseModel,
    /// Standard deviation of each label's error, in units of the labels, when it is known. Default: estimated.
    pub noise_std: Option<f64>,
}

impl Settings {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`NoisyError::Setting`] for a standard deviation that is not positive and finite, or together with a model that has none;
    /// and those of [`orthant_exact::Settings::validate`].
    pub fn validate(&self) -> Result<(), NoisyError> {
        self.exact.validate()?;
        match self.noise_std {
            Some(value) if !(value.is_finite() && value > 0.0) => {
                Err(NoisyError::Setting { name: "noise-std", value, allowed: "positive and finite" })
            }
            Some(value) if matches!(self.noise, NoiseModel::None | NoiseModel::Sparse) => {
                Err(NoisyError::Setting {
                    name: "noise-std",
                    value,
                    allowed: "with noise gaussian or auto only",
                })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standard_deviation_is_positive_and_belongs_to_noise() {
        let with = |noise, std| Settings { noise, noise_std: Some(std), ..Settings::default() }.validate();
        assert_eq!(with(NoiseModel::Gaussian, 0.1), Ok(()));
        assert_eq!(with(NoiseModel::Auto, 0.1), Ok(()));
        for (noise, std) in [
            (NoiseModel::None, 0.1),
            (NoiseModel::Sparse, 0.1),
            (NoiseModel::Gaussian, 0.0),
            (NoiseModel::Auto, f64::NAN),
        ] {
            assert!(matches!(with(noise, std), Err(NoisyError::Setting { name: "noise-std", .. })));
        }
    }
}
