//! From a network back to an assignment.

use orthant_linalg::tolerance;
use orthant_network::Network;

use crate::formula::{Assignment, restrict};
use crate::instance::Instance;
use crate::separability::decoding_radius;

/// How well a network fits an instance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// Largest deviation from a label.
    pub residual: f64,
    /// The sample at which it occurs, from 0.
    pub sample: usize,
    /// Whether every deviation is explained by rounding: at most (d + k + 4) ε Σ_i |u_oi| Σ_r |v_ir x_rj|. Sums of d products and of k
    /// products, with weights that were normalised, round by at most that.
    pub to_rounding: bool,
    /// The residual below which two units are guaranteed to encode a satisfying assignment.
    pub radius: f64,
}

/// A satisfying assignment read from a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// An assignment that satisfies the reversible formula.
    pub assignment: Assignment,
    /// The assignment of the formula it was made from, which it satisfies.
    pub original: Assignment,
    /// The units that encode it, from 0.
    pub units: [usize; 2],
    /// How well the network fits.
    pub fit: Fit,
}

/// Why a network does not encode a satisfying assignment.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The network has other dimensions.
    #[error("the network has {found} {axis}, the instance {expected}")]
    Shape {
        /// Inputs or outputs.
        axis: &'static str,
        /// Those of the network.
        found: usize,
        /// Those of the instance.
        expected: usize,
    },
    /// The network is not U max(VX, 0): it has another activation, or a bias that is not zero.
    #[error("the network has another activation than max(t, 0), or a bias")]
    AnotherKind,
    /// The network does not fit the labels.
    #[error("the label of sample {} (from 0) is missed by {:.1e}, less than {:.1e} is needed", fit.sample, fit.residual, fit.radius)]
    DoesNotFit {
        /// How well it fits.
        fit: Fit,
    },
    /// The two largest units with positive weight do not fit the labels without the others.
    #[error(
        "the network fits with {units} units that have an effect, but no two of them do: they miss by {residual:.1e}"
    )]
    NotTwoUnits {
        /// Units with an effect on some sample.
        units: usize,
        /// Largest deviation from a label with the two largest units.
        residual: f64,
    },
    /// Rounding hides that a clause is false; possible only where the residual is at the radius.
    #[error("clause {clause} (from 0) is false under the assignment encoded")]
    FalseClause {
        /// The clause.
        clause: usize,
    },
}

impl Instance {
    /// Compares a network with the labels.
    ///
    /// # Errors
    /// [`DecodeError::Shape`] and [`DecodeError::AnotherKind`].
    ///
    /// # Cost
    /// O(k(d + m)n) operations.
    pub fn fit(&self, network: &Network) -> Result<Fit, DecodeError> {
        for (axis, found, expected) in
            [("inputs", network.d(), self.x().nrows()), ("outputs", network.m(), self.a().nrows())]
        {
            if found != expected {
                return Err(DecodeError::Shape { axis, found, expected });
            }
        }
        let biased = [network.b(), network.c()].into_iter().flatten().flatten().any(|&bias| bias != 0.0);
        if !network.activation().is_relu() || biased {
            return Err(DecodeError::AnotherKind);
        }
        let labels = network.labels(self.x());
        let radius = decoding_radius(self.metadata().longest_clause);
        let mut fit = Fit { residual: 0.0, sample: 0, to_rounding: true, radius };
        let (k, d, m) = (network.k(), network.d(), network.m());
        let terms = (d + k + 4) as f64;
        for j in 0..labels.ncols() {
            let size = |i: usize| (0..d).map(|r| (network.v()[(i, r)] * self.x()[(r, j)]).abs()).sum::<f64>();
            let sizes: Vec<f64> = (0..k).map(size).collect();
            for o in 0..m {
                let deviation = (labels[(o, j)] - self.a()[(o, j)]).abs();
                // A deviation that is not a number, from a network whose labels overflow, counts as the worst.
                let deviation = if deviation.is_nan() { f64::INFINITY } else { deviation };
                if deviation > fit.residual {
                    (fit.residual, fit.sample) = (deviation, j);
                }
                let total: f64 =
                    sizes.iter().enumerate().map(|(i, size)| network.u()[(o, i)].abs() * size).sum();
                fit.to_rounding &= deviation <= terms * tolerance::EPS * total;
            }
        }
        Ok(fit)
    }

    /// Reads a satisfying assignment from a network that fits. Units may be in any order and have any positive scale, and there may be
    /// others whose effect is small: the two with the largest effect and positive weight in the first output are read, and must fit
    /// alone.
    ///
    /// # Guarantee
    /// Two units with residual below [`decoding_radius`] encode a satisfying assignment (proof there, for u₁x and u₂y), and every
    /// assignment returned is checked to satisfy the reversible formula. An instance of an unsatisfiable formula is never decoded.
    ///
    /// # Errors
    /// [`DecodeError`]. A network with more than two units that matter says nothing about the formula.
    ///
    /// # Cost
    /// O(k(d + m)n) operations.
    pub fn decode(&self, network: &Network) -> Result<Decoded, DecodeError> {
        let fit = self.fit(network)?;
        if fit.residual >= fit.radius {
            return Err(DecodeError::DoesNotFit { fit });
        }
        let activations = network.activations(self.x());
        let n = activations.ncols();
        let largest = |i: usize| (0..n).map(|j| activations[(i, j)]).fold(0.0, f64::max);
        let effect = |i: usize| network.u()[(0, i)] * largest(i);
        let mut effects: Vec<(f64, usize)> = (0..network.k()).map(|i| (effect(i), i)).collect();
        effects.sort_by(|first, second| second.0.total_cmp(&first.0));
        let units = effects.iter().filter(|(effect, _)| *effect != 0.0).count();
        let label = |chosen: &[(f64, usize)], j: usize| {
            chosen.iter().map(|&(_, i)| network.u()[(0, i)] * activations[(i, j)]).sum::<f64>()
        };
        let chosen = &effects[..effects.len().min(2)];
        let residual = (0..n).map(|j| (label(chosen, j) - self.a()[(0, j)]).abs()).fold(0.0, f64::max);
        let (&[(_, first), (least, second)], true) = (chosen, residual < fit.radius) else {
            return Err(DecodeError::NotTwoUnits { units, residual });
        };
        if least <= 0.0 {
            return Err(DecodeError::NotTwoUnits { units, residual });
        }
        let coordinates: Vec<f64> =
            (0..self.separability().d()).map(|r| network.u()[(0, first)] * network.v()[(first, r)]).collect();
        let assignment = self.separability().assignment(&coordinates);
        if let Some(clause) = self.formula().violated_clause(&assignment) {
            return Err(DecodeError::FalseClause { clause });
        }
        let metadata = self.metadata();
        let original = restrict(&assignment, metadata.original_variables, metadata.switch);
        Ok(Decoded { assignment, original, units: [first, second], fit })
    }
}
