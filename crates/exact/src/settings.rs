//! What the user decides.

use orthant_network::{Activation, BiasKind};

use crate::RecoverError;

/// How the units are searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Pursuit, then the cone walk for what is missing, then pursuit again with all its patience, then the lift; the lift in any
    /// case as a proof of uniqueness where there are samples enough and [`Settings::max_lift`] allows. Restarts before all that when
    /// the rank of the labels is m, and the width given is larger or a short pursuit finds no unit: the width may exceed m.
    /// Where all units are found and the lift proves nothing, the search of all patterns, if that takes a tenth of a second.
    Auto,
    /// Row-span pursuit only: [`orthant_estimate::pursuit`].
    Pursuit,
    /// Extreme rays of the cone of non-negative label combinations only: [`orthant_estimate::cone`].
    Cone,
    /// The quadratic lift only: [`orthant_estimate::lift`]. The method for leaky ReLU and |t|.
    Lift,
    /// Algorithm 5 for Gaussian inputs: score moments of orders one and two, by simultaneous diagonalisation. With fewer outputs
    /// than units (and the width given) order two, with a single output order four, each followed by refinement.
    Tensor,
    /// Algorithm 5 for Gaussian inputs with the paper's own decomposition: whitening, then the tensor power method.
    Power,
    /// Algorithm 4 for Gaussian inputs and orthonormal rows of V: independent component analysis of the labels.
    Ica,
    /// Pure-neuron conditions for inputs distributed symmetrically about zero (Appendix C.3).
    Symmetric,
    /// Pairs x, −x among the samples: exact from k(k − 1)/2 of them, for inputs of any distribution and no hidden bias.
    Paired,
    /// All units at once by refinement from many random starts, the way for m < k: [`orthant_estimate::multistart`].
    Restarts,
    /// Every activation pattern, by branch and bound, for arbitrary inputs and as many units as the rank of the labels (Theorem 11):
    /// [`orthant_estimate::worst_case`]. It finds the network, proves that there is no other, or that there is none. It uses all
    /// distinct samples unless [`Settings::holdout`] is given; a progress callback that breaks ends the search with what was found.
    WorstCase,
}

impl Method {
    /// All methods, in the order of their declaration.
    pub const ALL: [Method; 11] = [
        Method::Auto,
        Method::Pursuit,
        Method::Cone,
        Method::Lift,
        Method::Tensor,
        Method::Power,
        Method::Ica,
        Method::Symmetric,
        Method::Paired,
        Method::Restarts,
        Method::WorstCase,
    ];

    /// The name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Method::Auto => "auto",
            Method::Pursuit => "pursuit",
            Method::Cone => "cone",
            Method::Lift => "lift",
            Method::Tensor => "tensor",
            Method::Power => "power",
            Method::Ica => "ica",
            Method::Symmetric => "symmetric",
            Method::Paired => "paired",
            Method::Restarts => "restarts",
            Method::WorstCase => "worst-case",
        }
    }

    /// Whether the method is meant for units of this activation. The lift and the search of all patterns
    /// need one with two straight pieces; symmetry, pairs and
    /// restarts need f(t) − f(−t) = t; pursuit cannot tell |t| from |−t|; and every other method needs f(t) = 0 for t ≤ 0.
    pub(crate) fn covers(self, activation: &Activation) -> bool {
        match self {
            Method::Auto => true,
            Method::Pursuit => *activation != Activation::ABSOLUTE,
            Method::Lift | Method::WorstCase => activation.is_relu() || activation.negative_slope().is_some(),
            Method::Symmetric | Method::Paired | Method::Restarts => activation.is_relu(),
            _ => activation.negative_slope().is_none(),
        }
    }
}

/// What is known about the biases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BiasModel {
    /// Nothing: both are fitted, and dropped when they come out as zero to rounding.
    Auto,
    /// The network has exactly these.
    Known(BiasKind),
}

impl BiasModel {
    /// The biases that are fitted.
    pub fn fitted(self) -> BiasKind {
        match self {
            BiasModel::Auto => BiasKind::Both,
            BiasModel::Known(kind) => kind,
        }
    }
}

/// Settings of [`crate::recover`]. The default is meant for everyone.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Number of hidden units; `None` (default) finds it from the rank of the labels, or, where that explains nothing, by restarts with
    /// 3 to 64 units of which those without effect are left out.
    pub width: Option<usize>,
    /// Which biases to fit. Default [`BiasModel::Auto`].
    pub bias: BiasModel,
    /// The activation of the hidden units. Default max(t, 0).
    pub activation: Activation,
    /// How to search. Default [`Method::Auto`].
    pub method: Method,
    /// Seed of every random choice. Default 0.
    pub seed: u64,
    /// Fraction of the samples kept aside to check the answer, in [0, 0.5]. `None` (default) keeps 2 %, at least 4 and at
    /// most 1000, but never so many that less than 2(d + 1) samples remain. With 0 there is no check, and so no verdict
    /// `exact`, but for [`Method::WorstCase`], which needs none and keeps none by default.
    pub holdout: Option<f64>,
    /// Start-iterations of pursuit without a new unit after which it gives up. Default 30 000, several times what the last
    /// unit takes on the instances measured.
    pub patience: usize,
    /// Largest number of monomials N for which [`Method::Auto`] runs the lift, which costs about 6N³ operations and 3N²
    /// numbers. Default 1500 (under a second, 50 MB).
    pub max_lift: usize,
}

/// The largest width that may be asked for: far beyond what can be recovered, and small enough to report on each unit.
const MAX_WIDTH: usize = 65_536;

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            width: None,
            bias: BiasModel::Auto,
            activation: Activation::RELU,
            method: Method::Auto,
            seed: 0,
            holdout: None,
            patience: 30_000,
            max_lift: 1500,
        }
    }
}

impl Settings {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`RecoverError::Setting`] names the first one out of range, [`RecoverError::Activation`] a method that is not for the
    /// activation.
    pub fn validate(&self) -> Result<(), RecoverError> {
        let out_of_range = |name, value, allowed| Err(RecoverError::Setting { name, value, allowed });
        if !self.method.covers(&self.activation) {
            return Err(RecoverError::Activation {
                method: self.method.name(),
                activation: self.activation.name(),
                instead: if self.activation.negative_slope().is_some() { "lift" } else { "pursuit" },
            });
        }
        match (self.width, self.holdout) {
            (Some(width), _) if width == 0 || width > MAX_WIDTH => {
                out_of_range("width", width as f64, "from 1 to 65536")
            }
            (_, Some(f)) if !(0.0..=0.5).contains(&f) => out_of_range("holdout", f, "in [0, 0.5]"),
            _ => Ok(()),
        }
    }
}
