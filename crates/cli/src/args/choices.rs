//! The values that options choose from, and what they stand for in the library.

use std::str::FromStr;

use clap::ValueEnum;
use orthant::network::{BiasKind, InputKind, NoiseKind};
use orthant::noisy::NoiseModel;
use orthant::{BiasModel, Method};

/// Biases that networks may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BiasChoice {
    /// Found out from the samples
    Auto,
    /// Neither
    None,
    /// Hidden bias only
    Hidden,
    /// Output bias only
    Output,
    /// Both
    Both,
}

impl From<BiasChoice> for BiasModel {
    fn from(choice: BiasChoice) -> BiasModel {
        match choice {
            BiasChoice::Auto => BiasModel::Auto,
            BiasChoice::None => BiasModel::Known(BiasKind::None),
            BiasChoice::Hidden => BiasModel::Known(BiasKind::Hidden),
            BiasChoice::Output => BiasModel::Known(BiasKind::Output),
            BiasChoice::Both => BiasModel::Known(BiasKind::Both),
        }
    }
}

/// Biases to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlantedBias {
    /// Neither
    None,
    /// Hidden bias only
    Hidden,
    /// Output bias only
    Output,
    /// Both
    Both,
}

impl From<PlantedBias> for BiasKind {
    fn from(choice: PlantedBias) -> BiasKind {
        match choice {
            PlantedBias::None => BiasKind::None,
            PlantedBias::Hidden => BiasKind::Hidden,
            PlantedBias::Output => BiasKind::Output,
            PlantedBias::Both => BiasKind::Both,
        }
    }
}

/// What is known about the errors in the labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NoiseChoice {
    /// None beyond rounding
    None,
    /// Independent errors of one size in every label, sub-Gaussian: the least-squares optimum, with standard errors; not for expm1, expm1-square and powers below 1
    Gaussian,
    /// Errors of any size in a few labels, none in the others: exact recovery, errors located
    Sparse,
    /// Any errors that do not depend on the inputs, which are Gaussian: the best fit by noisy half-spaces; needs --width, at most 4, no biases
    Arbitrary,
    /// Not known: the first of none, clipping, sparse and gaussian that explains the labels
    Auto,
}

impl NoiseChoice {
    /// The library's model; `None` for arbitrary errors, which have an entry point of their own.
    pub fn model(self) -> Option<NoiseModel> {
        match self {
            NoiseChoice::None => Some(NoiseModel::None),
            NoiseChoice::Gaussian => Some(NoiseModel::Gaussian),
            NoiseChoice::Sparse => Some(NoiseModel::Sparse),
            NoiseChoice::Arbitrary => None,
            NoiseChoice::Auto => Some(NoiseModel::Auto),
        }
    }
}

/// How far labels are from exact ones, relative to each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LabelError {
    /// Not at all
    Exact,
    /// By one rounding to the type of the file
    Rounded,
    /// By this much at most
    AtMost(f64),
}

impl FromStr for LabelError {
    type Err = String;

    fn from_str(text: &str) -> Result<LabelError, String> {
        match (text, text.parse::<f64>()) {
            ("exact", _) => Ok(LabelError::Exact),
            ("rounded", _) => Ok(LabelError::Rounded),
            (_, Ok(value)) if (0.0..1.0).contains(&value) => Ok(LabelError::AtMost(value)),
            _ => Err("exact, rounded, or a number from 0 to below 1 is needed".to_string()),
        }
    }
}

/// Distributions of errors to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NoiseKindChoice {
    /// Normal
    Gaussian,
    /// Uniform
    Uniform,
    /// Plus or minus one value
    Sign,
}

impl From<NoiseKindChoice> for NoiseKind {
    fn from(choice: NoiseKindChoice) -> NoiseKind {
        match choice {
            NoiseKindChoice::Gaussian => NoiseKind::Gaussian,
            NoiseKindChoice::Uniform => NoiseKind::Uniform,
            NoiseKindChoice::Sign => NoiseKind::Sign,
        }
    }
}

/// Methods of search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MethodChoice {
    /// Pursuit, cone walk and lift for labels of rank k; moments and refinement for fewer outputs than units
    Auto,
    /// Row-span pursuit: needs the fewest samples
    Pursuit,
    /// Extreme rays of the cone of non-negative label combinations
    Cone,
    /// The quadratic lift: no search, and a proof of uniqueness; the method for leaky ReLU and |t|
    Lift,
    /// Score moments by simultaneous diagonalisation: Gaussian inputs
    Tensor,
    /// Score moments by the tensor power method: Gaussian inputs
    Power,
    /// Independent component analysis: Gaussian inputs, orthonormal rows of V
    Ica,
    /// Pure-neuron conditions: inputs symmetric about zero, no hidden bias
    Symmetric,
    /// Pairs x, -x among the samples: any inputs, no hidden bias
    Paired,
    /// All units at once from random starts: for fewer outputs than hidden units
    Restarts,
    /// Every activation pattern, by branch and bound: any inputs; finds the network of as many units as the labels have dimensions, or proves that there is none
    WorstCase,
    /// Samples on which one unit alone is active: Gaussian inputs, at least two outputs, any output weights
    OneSparse,
}

impl MethodChoice {
    /// The library's method; `None` for one-sparse labels, which have an entry point of their own.
    pub fn method(self) -> Option<Method> {
        Some(match self {
            MethodChoice::Auto => Method::Auto,
            MethodChoice::Pursuit => Method::Pursuit,
            MethodChoice::Cone => Method::Cone,
            MethodChoice::Lift => Method::Lift,
            MethodChoice::Tensor => Method::Tensor,
            MethodChoice::Power => Method::Power,
            MethodChoice::Ica => Method::Ica,
            MethodChoice::Symmetric => Method::Symmetric,
            MethodChoice::Paired => Method::Paired,
            MethodChoice::Restarts => Method::Restarts,
            MethodChoice::WorstCase => Method::WorstCase,
            MethodChoice::OneSparse => return None,
        })
    }
}

/// Input distributions, by the names of [`InputKind::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputChoice(pub InputKind);

impl InputChoice {
    /// The default.
    pub const GAUSSIAN: InputChoice = InputChoice(InputKind::Gaussian);
}

impl ValueEnum for InputChoice {
    fn value_variants<'a>() -> &'a [InputChoice] {
        const ALL: [InputChoice; InputKind::ALL.len()] = {
            let mut all = [InputChoice::GAUSSIAN; InputKind::ALL.len()];
            let mut i = 0;
            while i < all.len() {
                all[i] = InputChoice(InputKind::ALL[i]);
                i += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.0.name()))
    }
}
