//! A-posteriori error bounds: how far the weights of a floating-point answer are from the exact ones, at most.
//!
//! [`recover`](crate::recover()) says that its answer fits to rounding. [`error_bounds`] says how many digits of each weight are right: a
//! number for each, proved in floating point, with every rounding of its own computation in it.
//!
//! # What is bounded
//!
//! Given samples X, A, a network, and a relative error δ of the labels, let t be the network's values before the rectifier. The pattern of unit
//! i on sample j is *certain* when |t_ij| is more than √δ, and more than √ε, of the largest |t_ij| of the unit; [`ErrorBounds::uncertain`]
//! lists the others. Consider every network U* max(V*x + b*, 0) + c* of the same width, with rows of V* of norm 1, and biases only where the given
//! network has them, such that
//!
//! 1. unit i is active (v*_i·x_j + b*_i > 0) where its pattern is certain and t_ij > 0, and not where it is certain and t_ij < 0;
//! 2. its label o on sample j is within δ |a_oj| of a_oj.
//!
//! **Every weight of every such network is within the bounds returned of the given network's.** For δ = 0 the labels are exact; labels
//! rounded to `f64` once have δ = 2⁻⁵³. Whether such a network exists is not shown; where it is shown that none does,
//! [`BoundsError::Refuted`] says so. That the patterns are right is shown by the uniqueness of a [`Report`](crate::Report), or, over the
//! rationals, by a certificate.
//!
//! # Proof
//!
//! Let Y* be k rows of the exact labels U*Z* + c*1', Z* the activations, and let P and Z be the samples on which unit i is certainly active and
//! inactive. The system of unit i is, in the unknowns (w, ω, v, β),
//!
//! - w·y*_j + ω = 0 for j in Z,
//! - w·y*_j + ω − v·x_j − β = 0 for j in P,
//! - g·v = 1, where g is row i of the given V, each entry times the square of the size of its input,
//!
//! with ω only with output biases and β only with hidden ones. Suppose that its columns are independent for every Y* within δ of the given
//! labels, which is verified. Then the k rows of U* that belong to Y* are a regular matrix U': otherwise w'U' = 0 for some w ≠ 0, and
//! (w, −w·c', 0, 0) is a combination of the columns that is zero. Let w be row i of the inverse of U' and ω = −w·c'. Then w·y*_j + ω = z*_ij, so
//! that (w, ω, v*_i, b*_i) satisfies all equations but the last. It is not zero, so that g·v*_i is not zero; dividing by it gives the one
//! solution. So v*_i = ±v/|v| and b*_i = ±β/|v| for the solution (w, ω, v, β), and the sign is + when v·x_j + β is positive for some j in P.
//! Balls around V* and b* give balls around Z*, which is zero where it is certain to be. U* and c* solve the linear system
//! U*z*_j + c* = a*_j, whose columns are verified to be independent in the same way.
//!
//! Each system is solved with all samples by a left inverse R of its matrix M: x* − x̃ = (I − RM)(x* − x̃) + R(b − Mx̃), with all three terms
//! bounded (Rump 1983). Residuals are computed in twice the working precision; other sums are rounded up.
//!
//! # How near they are
//!
//! Over recoveries of 6800 networks of 2 to 6 units from exact labels the median bound is 3 times the error, counted as one unit in the last place
//! where it is less; over 4400 with labels rounded once, 24 times. Where the network given is off by 10⁻¹⁰ of its weights and the labels are
//! exact, the median bound is less than twice the error. What costs is the condition of U and of V, as it does for the weights: systems that
//! double precision cannot decide have no bounds.
//!
//! # When not to use it
//! With m < k no combination of the labels gives the activations, and there is no bound. Labels with noise: with δ of the size of the noise the
//! bounds are true, and grow with the condition of each system times the number of samples.
//!
//! # Example
//! ```
//! use std::ops::ControlFlow;
//! use orthant_exact::{Settings, bounds::error_bounds, recover};
//! use orthant_network::{PlantedSpec, Samples, align};
//!
//! let planted = PlantedSpec { m: 6, k: 5, d: 8, seed: 1, ..PlantedSpec::default() }.plant(100)?;
//! let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref())?;
//! let network = recover(&samples, &Settings::default(), &mut |_| ControlFlow::Continue(()))?.network;
//!
//! // The labels are sums that were computed in floating point: each is off by some roundings.
//! let bounds = error_bounds(&samples, &network, 1e-14)?;
//! assert!(bounds.largest() < 1e-10);
//! // The weights of the network that has the labels are within them, unit by unit.
//! for pair in align(&network, &planted.network).pairs {
//!     for r in 0..8 {
//!         let error = network.v()[(pair.first, r)] - planted.network.v()[(pair.second, r)];
//!         assert!(error.abs() <= bounds.v[(pair.first, r)]);
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod enclosure;
mod rounding;

use orthant_linalg::{Mat, product, tolerance};
use orthant_network::{Network, Samples};
use rayon::prelude::*;

use enclosure::{BallMatrix, Failure, enclose};
use rounding::{Ball, Sum, add, exponent, mul, scale};

/// How far each weight of a network is from the exact one, at most, in the scale of [`Network`]: rows of V of norm 1.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ErrorBounds {
    /// Of V, k × d.
    pub v: Mat<f64>,
    /// Of b, length k, when the network has it.
    pub b: Option<Vec<f64>>,
    /// Of U, m × k.
    pub u: Mat<f64>,
    /// Of c, length m, when the network has it.
    pub c: Option<Vec<f64>>,
    /// The samples on which the pattern of each unit is left open, in ascending order.
    pub uncertain: Vec<Vec<usize>>,
}

impl ErrorBounds {
    /// The largest of all bounds; 0 without weights.
    pub fn largest(&self) -> f64 {
        self.all().fold(0.0, |largest: f64, bound| largest.max(bound))
    }

    fn all(&self) -> impl Iterator<Item = f64> + '_ {
        let row = |m: &Mat<f64>, i: usize| m.row(i).iter().copied().collect::<Vec<f64>>();
        let matrices = [&self.v, &self.u].into_iter();
        let entries = matrices.flat_map(move |m| (0..m.nrows()).flat_map(move |i| row(m, i)));
        entries.chain([&self.b, &self.c].into_iter().flatten().flatten().copied())
    }
}

/// Why there are no bounds.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BoundsError {
    /// The network is not one of these samples.
    #[error("the network has {network} {what}, the samples have {samples}")]
    Shape {
        /// Inputs or outputs.
        what: &'static str,
        /// Those of the network.
        network: usize,
        /// Those of the samples.
        samples: usize,
    },
    /// Bounds are for max(t, 0).
    #[error("error bounds are for units max(t, 0), not for {activation}")]
    Activation {
        /// The activation.
        activation: String,
    },
    /// Not a relative error.
    #[error("the relative error of the labels is {value}; it must be at least 0 and below 1")]
    LabelError {
        /// The value given.
        value: f64,
    },
    /// Fewer outputs than units.
    #[error("{k} units and {m} outputs: error bounds need as many outputs as units")]
    FewOutputs {
        /// Outputs.
        m: usize,
        /// Hidden units.
        k: usize,
    },
    /// The linear system of a unit is not verified to have at most one solution: too few samples with a certain pattern, or too badly
    /// conditioned for the precision.
    #[error("the weights of unit {unit} are not shown to be determined, in double precision")]
    Unit {
        /// From 0.
        unit: usize,
    },
    /// The linear system of the output weights is not verified to have at most one solution.
    #[error("the output weights are not shown to be determined, in double precision")]
    Outputs,
    /// No network with these patterns has labels within the error given: either is wrong.
    #[error(
        "no network with these activation patterns has labels within the error given, as sample {sample} shows"
    )]
    Refuted {
        /// A sample on which it shows, from 0.
        sample: usize,
    },
}

/// Bounds of the errors of all weights of a network, given the activation patterns that are certain; the module says what that means and
/// proves it.
///
/// `label_error` is the relative error of each label: 0 for exact labels, 2⁻⁵³ for labels rounded to `f64` once, as exact values are when they
/// are stored.
///
/// # Shapes
/// m ≥ k; the given labels must have rank k, or k + 1 with the constant where the network has output biases.
///
/// # Guarantee
/// No weight of a network with these patterns and labels is further away than its bound.
///
/// # Errors
/// [`BoundsError`], and never a bound that is not verified.
///
/// # Cost
/// About 8n(k + d)² operations for each unit, and four matrices of n × (k + d + 2) for each unit at work.
///
/// # Paper
/// Algorithm 6, steps 2 to 7, with steps 2 to 4 as one linear system for each unit.
pub fn error_bounds(
    samples: &Samples<'_>,
    network: &Network,
    label_error: f64,
) -> Result<ErrorBounds, BoundsError> {
    check(samples, network, label_error)?;
    let (k, d, n) = (network.k(), network.d(), samples.n());
    let systems = UnitSystems::new(samples, network, label_error);
    let units: Vec<HiddenUnit> =
        (0..k).into_par_iter().map(|unit| systems.solve(unit)).collect::<Result<_, _>>()?;
    let z = BallMatrix::from_fn(n, k + usize::from(network.c().is_some()), |j, i| match units.get(i) {
        None => Ball { mid: 1.0, rad: 0.0 },
        Some(_) if systems.patterns[i][j] == Some(false) => Ball { mid: 0.0, rad: 0.0 },
        Some(unit) => unit.value(samples, j).rectified(),
    });
    let labels = BallMatrix::from_fn(n, samples.m(), |j, o| systems.label(o, j));
    let outputs = enclose(&z, &labels).map_err(|failure| match failure {
        Failure::Rank => BoundsError::Outputs,
        Failure::Inconsistent { row } => BoundsError::Refuted { sample: row },
    })?;
    let bounds = ErrorBounds {
        v: Mat::from_fn(k, d, |i, r| units[i].weights[r].distance(network.v()[(i, r)])),
        b: network.b().map(|b| units.iter().zip(b).map(|(unit, &b)| unit.bias.distance(b)).collect()),
        u: Mat::from_fn(samples.m(), k, |o, i| outputs.get(i, o).distance(network.u()[(o, i)])),
        c: network.c().map(|c| c.iter().enumerate().map(|(o, &c)| outputs.get(k, o).distance(c)).collect()),
        uncertain: systems.uncertain(),
    };
    if bounds.all().all(f64::is_finite) { Ok(bounds) } else { Err(BoundsError::Outputs) }
}

fn check(samples: &Samples<'_>, network: &Network, label_error: f64) -> Result<(), BoundsError> {
    let (m, k) = (network.m(), network.k());
    for (what, network, samples) in [("inputs", network.d(), samples.d()), ("outputs", m, samples.m())] {
        if network != samples {
            return Err(BoundsError::Shape { what, network, samples });
        }
    }
    if !network.activation().is_relu() {
        return Err(BoundsError::Activation { activation: network.activation().name() });
    }
    if !(0.0..1.0).contains(&label_error) {
        return Err(BoundsError::LabelError { value: label_error });
    }
    if m < k { Err(BoundsError::FewOutputs { m, k }) } else { Ok(()) }
}

/// Balls around the weights of a hidden unit of norm 1.
struct HiddenUnit {
    weights: Vec<Ball>,
    bias: Ball,
}

impl HiddenUnit {
    /// v·x_j + b for every v and b of the balls.
    fn value(&self, samples: &Samples<'_>, j: usize) -> Ball {
        let mut sum = Sum::default();
        sum.add(self.bias.mid);
        let mut rad = self.bias.rad;
        for (weight, &x) in self.weights.iter().zip(samples.x().col(j).iter()) {
            sum.add_product(weight.mid, x);
            rad = add(rad, mul(weight.rad, x.abs()));
        }
        let ball = sum.ball();
        Ball { mid: ball.mid, rad: add(ball.rad, rad) }
    }
}

/// What the systems of all units share.
struct UnitSystems<'a> {
    samples: &'a Samples<'a>,
    network: &'a Network,
    label_error: f64,
    /// k rows of the labels.
    rows: Vec<usize>,
    /// For each unit and sample whether the unit is active, where that is certain.
    patterns: Vec<Vec<Option<bool>>>,
    /// Exponents of the largest value of each input.
    inputs: Vec<i32>,
    /// The sample on which each unit's value before the rectifier is largest.
    tops: Vec<usize>,
}

impl<'a> UnitSystems<'a> {
    fn new(samples: &'a Samples<'a>, network: &'a Network, label_error: f64) -> UnitSystems<'a> {
        let t = network.preactivations(samples.x());
        let margin = label_error.max(tolerance::EPS).sqrt();
        let sizes: Vec<f64> =
            t.row_iter().map(|row| row.iter().fold(0.0, |largest: f64, t| largest.max(t.abs()))).collect();
        let pattern = |i: usize| {
            let least = margin * sizes[i];
            t.row(i).iter().map(|&t| (t.abs() > least).then_some(t > 0.0)).collect()
        };
        let top = |i: usize| (0..samples.n()).max_by(|&j, &l| t[(i, j)].total_cmp(&t[(i, l)])).unwrap_or(0);
        UnitSystems {
            samples,
            network,
            label_error,
            rows: independent_rows(samples, network, &sizes),
            patterns: (0..network.k()).map(pattern).collect(),
            inputs: samples
                .x()
                .row_iter()
                .map(|row| row.iter().filter_map(|&x| exponent(x)).max().unwrap_or(0))
                .collect(),
            tops: (0..network.k()).map(top).collect(),
        }
    }

    fn label(&self, o: usize, j: usize) -> Ball {
        let mid = self.samples.a()[(o, j)];
        Ball { mid, rad: mul(self.label_error, mid.abs()) }
    }

    fn uncertain(&self) -> Vec<Vec<usize>> {
        let of_unit = |pattern: &Vec<Option<bool>>| {
            pattern.iter().enumerate().filter(|(_, active)| active.is_none()).map(|(j, _)| j).collect()
        };
        self.patterns.iter().map(of_unit).collect()
    }

    /// Coefficients g of the equation g·v = 1: the row of V, in units of measure in which inputs are of size 1. Any others would do, too; these
    /// are far from orthogonal to the solution, and no larger than the inputs.
    fn scale_equation(&self, unit: usize) -> Vec<f64> {
        let row: Vec<f64> = self.network.v().row(unit).iter().copied().collect();
        let values = row.iter().zip(&self.inputs).filter_map(|(&v, e)| Some(exponent(v)? + e));
        let largest = values.max().unwrap_or(0);
        row.iter().zip(&self.inputs).map(|(&v, e)| scale(v, 2 * e - largest)).collect()
    }

    fn solve(&self, unit: usize) -> Result<HiddenUnit, BoundsError> {
        let undetermined = BoundsError::Unit { unit };
        let certain: Vec<(usize, bool)> =
            self.patterns[unit].iter().enumerate().filter_map(|(j, active)| Some((j, (*active)?))).collect();
        let (k, d) = (self.network.k(), self.network.d());
        let v = k + usize::from(self.network.c().is_some());
        let unknowns = v + d + usize::from(self.network.b().is_some());
        let equations = certain.len();
        let of_scale = self.scale_equation(unit);
        let exactly = |mid| Ball { mid, rad: 0.0 };
        let system = BallMatrix::from_fn(equations + 1, unknowns, |e, l| match certain.get(e) {
            None if (v..v + d).contains(&l) => exactly(of_scale[l - v]),
            None => exactly(0.0),
            Some(&(j, _)) if l < k => self.label(self.rows[l], j),
            Some(_) if l < v => exactly(1.0),
            Some((_, false)) => exactly(0.0),
            Some(&(j, true)) if l < v + d => exactly(-self.samples.x()[(l - v, j)]),
            Some((_, true)) => exactly(-1.0),
        });
        let mut side = BallMatrix::zeros(equations + 1, 1);
        side.set(equations, 0, exactly(1.0));
        let solution = enclose(&system, &side).map_err(|failure| match failure {
            Failure::Inconsistent { row } if row < equations => {
                BoundsError::Refuted { sample: certain[row].0 }
            }
            _ => undetermined.clone(),
        })?;
        let weights: Vec<Ball> = (v..v + d).map(|l| solution.get(l, 0)).collect();
        let bias = if unknowns > v + d { solution.get(v + d, 0) } else { exactly(0.0) };
        let norm = norm(&weights);
        let scaled = HiddenUnit { weights, bias };
        let top = self.tops[unit];
        let is_active = self.patterns[unit].get(top) == Some(&Some(true));
        if !(is_active && norm.is_positive() && scaled.value(self.samples, top).is_positive()) {
            return Err(undetermined);
        }
        Ok(HiddenUnit {
            weights: scaled.weights.iter().map(|weight| weight.over(norm)).collect(),
            bias: scaled.bias.over(norm),
        })
    }
}

/// The norm of every vector of the balls.
fn norm(vector: &[Ball]) -> Ball {
    let mut squares = Sum::default();
    let mut rad = 0.0;
    for ball in vector {
        squares.add_product(ball.mid, ball.mid);
        // |x² − mid²| ≤ rad (2 |mid| + rad).
        rad = add(rad, mul(ball.rad, add(2.0 * ball.mid.abs(), ball.rad)));
    }
    let squares = squares.ball();
    Ball { mid: squares.mid, rad: add(squares.rad, rad) }.sqrt()
}

/// k outputs whose rows of U are as independent as pivoting finds them, each relative to the size of its labels, for units of the sizes
/// given.
fn independent_rows(samples: &Samples<'_>, network: &Network, sizes: &[f64]) -> Vec<usize> {
    let (m, k) = (network.m(), network.k());
    let of_output = |o: usize| {
        let size = samples.a().row(o).iter().fold(0.0, |largest: f64, a| largest.max(a.abs()));
        let share = |(u, of_unit): (&f64, &f64)| if size > 0.0 { u / size * of_unit } else { 0.0 };
        network.u().row(o).iter().zip(sizes).map(share).collect::<Vec<f64>>()
    };
    let mut left: Vec<(usize, Vec<f64>)> = (0..m).map(|o| (o, of_output(o))).collect();
    let mut chosen = Vec::with_capacity(k);
    while chosen.len() < k {
        let norms: Vec<f64> = left.iter().map(|(_, row)| product::norm(row)).collect();
        let best = (0..left.len()).fold(0, |best, next| if norms[next] > norms[best] { next } else { best });
        let (output, pivot) = left.swap_remove(best);
        let direction: Vec<f64> = pivot.iter().map(|u| u / norms[best].max(f64::MIN_POSITIVE)).collect();
        for (_, row) in &mut left {
            let along = product::dot(row, &direction);
            row.iter_mut().zip(&direction).for_each(|(u, e)| *u -= along * e);
        }
        chosen.push(output);
    }
    chosen.sort_unstable();
    chosen
}
