//! The worst case: every unit that the label space holds, for any inputs, by branch and bound.
//!
//! A pair (w, v) is a unit when z = Qw, a vector of the label space, is the rectification of t = Bv, a vector of the input space.
//! For an activation with slope a on the negative side (0 for max(t, 0)) that is, sample by sample, the complementarity problem
//!
//! z − t ≥ 0, z − a t ≥ 0, and one of the two is zero.
//!
//! The inequalities make a polyhedral cone in ℝ^(q + r). A node of the search has decided for some samples which of the two slacks
//! vanishes; what remains of the cone lies in the null space of these equations. A node whose cone holds no unit is cut, others
//! branch on a sample that violates complementarity, until one ray is left, which is a unit or not.
//!
//! # Why a node may be cut
//!
//! For max(t, 0) the values z are non-negative on the cone, so that 1'z ≥ |z|. Multipliers λ ≥ 0 of the inequalities and μ of the
//! equations with 1'z + λ'(slacks) + μ'(zero slacks) = r'(w, v) prove 1'z ≤ r'(w, v), and so that z = 0 when r is small enough.
//! They are those of the projection of 1'z on the cone (Moreau), and r is evaluated anew for each node; together with the size of the
//! multipliers, times the angles to which the two spaces are known, it says by which margin the node is empty. The cone of other slopes
//! is pointed, and the sum of all slacks takes the place of 1'z.
//!
//! # How many nodes
//!
//! For max(t, 0) and data in general position, a node that is not cut has its own faces of the cone {w: Qw ≥ 0}: those on which z is
//! zero and positive where the node says so, and no face belongs to two nodes at one depth. A cone in ℝ^q with n facets has at most 3
//! faces beside the origin for q = 2, 2n + 1 for q = 3, and O(n^⌊(q − 1)/2⌋) in general; depths are at most q + r. So there are
//! O((q + r) n^⌊(q − 1)/2⌋) nodes, where Lemma 12 of the paper has n^O(k) patterns. Where samples lie on kinks of units, or inputs
//! repeat, faces may be shared and only the choices of fewer than q + r among 2n equations bound the nodes. For other slopes the faces
//! are those of the cone in ℝ^(q + r).
//!
//! These are worst cases. On samples of planted networks (standard normal, integer or binary inputs, m = k ≤ d) the search took about
//! 3.5 k² nodes, with and without a network, whatever n: 20 for k = 2, 45 for k = 4, 200 for k = 8, 1400 for k = 20, d = 20,
//! n = 1000 (a second); more as n comes down to the number of weights (k = d = 10: 350 nodes at n = 40, 1100 at n = 24).
//!
//! # When not to use it
//!
//! Fewer samples than unknowns, n < q + r: there is a continuum of units with exponentially many patterns.

use orthant_linalg::{LinalgError, tolerance};
use orthant_network::SignPattern;

use crate::frame::Frame;
use crate::progress::Reporter;
use crate::unit::Unit;

mod leaf;
mod node;

use self::leaf::Leaves;
use self::node::{Fate, Node, Problem};

/// Units whose values before the activation are larger than those after it by more than this factor (in norm, over the samples) are
/// not excluded: for max(t, 0), units that are hardly ever, and then hardly, active.
pub const MAX_RATIO: f64 = 1e6;

/// How far apart two units of one label space are at least: a hundredth of ε over the angle to which that space is known. Rays known
/// better than this that cannot be told apart are one.
///
/// Two units at a distance δ (with activations of unit norm) leave a direction of the space to labels of size δ, or to differences of
/// terms of size 1/δ: either way it is known to no better than ε/δ.
pub fn least_distance(frame: &Frame) -> f64 {
    DISTANCE_SAFETY * tolerance::EPS / frame.null_tolerance()
}

/// The distance of units may be so much smaller than errors of typical size make it.
const DISTANCE_SAFETY: f64 = 1e-2;

/// A unit that the labels hold, or a function that passes for one.
#[derive(Debug, Clone)]
pub struct Ray {
    /// The unit, with values after the activation of unit norm.
    pub unit: Unit,
    /// Whether the unit has passed [`crate::unit::unit_from_pattern`]: unique given its pattern, by more equations than unknowns. The
    /// others have no gap, and are units that the samples do not determine.
    pub determined: bool,
    /// Whether all samples are on one side of its kink, so that it is an affine function of the inputs.
    pub affine: bool,
    /// Bound on the error of its combination.
    pub error: f64,
}

/// What the search has found.
#[derive(Debug, Clone)]
pub struct Enumeration {
    /// Every unit, each once; of a continuum of them, as many as span it.
    pub rays: Vec<Ray>,
    /// Nodes visited: partial patterns.
    pub nodes: usize,
    /// Whether all of the tree was searched, rather than stopped by the caller.
    pub complete: bool,
    /// Cones of units of two or more dimensions in the label space that are not affine functions: there is a continuum of units.
    pub continua: usize,
    /// Ends of the search at which rounding does not allow a decision.
    pub ambiguous: usize,
    /// Ends of the search that were taken for units already found, but may be others near these: they are known too coarsely, and the
    /// samples whose sides are certain do not determine one unit.
    pub merged: usize,
    /// The smallest margin of a node that was cut, above 1: by what factor its proof exceeds the rounding of the data.
    pub margin: f64,
}

/// Most nodes between two reports.
const NODES_PER_REPORT: f64 = 16.0;

/// Operations between two reports, but for those of one node.
const OPERATIONS_PER_REPORT: f64 = 1e7;

/// Finds every unit of a label space, whatever the inputs.
///
/// # Shapes
/// Any number of samples, from one on. The activation must have two slopes: max(t, 0), leaky ReLU or |t|.
///
/// # Guarantee
/// When [`Enumeration::complete`] and nothing is ambiguous, every unit whose activations lie in the label space, up to the angles of the
/// frame and [`MAX_RATIO`], is one of the rays, or in a continuum that they span. Same frame, same bits.
///
/// # Errors
/// [`LinalgError::NoConvergence`] on overflow. A caller that asks to stop gets what was found so far.
///
/// # Panics
/// When the activation bends.
///
/// # Cost
/// A few times (q + r) steps of 4n(q + r) operations for each node; memory for q + r nodes of 2n(q + r) numbers.
///
/// # Paper
/// Theorem 11: instead of n^k patterns with k linear programmes for each (Lemma 12, Algorithms 2 and 3), patterns grow sample by sample,
/// and a part of a pattern that no unit has ends all patterns that continue it. The 2n programmes of Remark 13, which look for a unit
/// independent of those known, are not needed: the search visits every unit once, the known ones too, and thereby proves that there is
/// no other.
pub fn enumerate(frame: &Frame, reporter: &mut Reporter<'_>) -> Result<Enumeration, LinalgError> {
    let problem = Problem::new(frame);
    let mut leaves = Leaves::new(&problem);
    let mut stack = vec![Node::root(&problem)];
    let (mut nodes, mut margin, mut complete) = (0, f64::INFINITY, true);
    let dimension = problem.dimension() as f64;
    let per_node = 12.0 * problem.n as f64 * dimension * dimension;
    let between = (OPERATIONS_PER_REPORT / per_node).clamp(1.0, NODES_PER_REPORT) as usize;
    while let Some(node) = stack.pop() {
        if nodes % between == 0 {
            let found = leaves.rays.iter().filter(|ray| !ray.affine).count();
            if reporter.report("every pattern", found, frame.n_rectified(), nodes).is_err() {
                complete = false;
                break;
            }
        }
        nodes += 1;
        if node.dimension() == 1 {
            leaves.ray(&node)?;
            continue;
        }
        match node.examine(&problem) {
            Fate::Empty(by) => margin = margin.min(by),
            Fate::Branch(sample) => {
                for slack in [problem.other(sample), sample] {
                    stack.push(node.child(&problem, slack));
                }
            }
            Fate::Leaf(point) => leaves.cone(&node, point)?,
        }
    }
    let Leaves { rays, continua, ambiguous, merged, .. } = leaves;
    Ok(Enumeration { rays, nodes, complete, continua, ambiguous, merged, margin })
}

/// The pattern of the samples on which a condition holds.
fn pattern_where(n: usize, holds: impl Fn(usize) -> bool) -> SignPattern {
    SignPattern::of((0..n).map(|j| if holds(j) { 1.0 } else { -1.0 }))
}
