//! A node of the search: some slacks are zero, all are non-negative.

use orthant_linalg::nnls::{NnlsSettings, NonNegative, non_negative};
use orthant_linalg::{Mat, product};

use super::MAX_RATIO;
use crate::frame::Frame;

/// Proofs must exceed the rounding of the data by this factor for a node to be cut.
const SAFETY: f64 = 2.0;

/// The inequalities, in coordinates (w, v).
pub(super) struct Problem<'a> {
    pub(super) frame: &'a Frame,
    pub(super) slope: f64,
    pub(super) n: usize,
    pub(super) q: usize,
    /// Slacks as columns, (q + r) × 2n: z − t of all samples, then z − a t.
    pub(super) slacks: Mat<f64>,
    pub(super) norms: Vec<f64>,
    /// The functional that is positive on units, in (w, v), and its weights on the z and on the t of each sample.
    functional: Vec<f64>,
    on_z: f64,
    on_t: f64,
    /// Bounds on the errors of the two bases.
    pub(super) label_error: f64,
    pub(super) input_error: f64,
    /// Parts of a slack below this times the slack are taken for zero.
    pub(super) dependent: f64,
    /// Slacks smaller than this are not known to that part of themselves: samples at the origin.
    smallest: f64,
}

/// What becomes of a node.
pub(super) enum Fate {
    /// It holds no unit, by this margin.
    Empty(f64),
    /// This slack is to be zero, or the other one of its sample.
    Branch(usize),
    /// Every point of its cone is complementary; one of them.
    Leaf(Vec<f64>),
}

impl<'a> Problem<'a> {
    pub(super) fn new(frame: &'a Frame) -> Problem<'a> {
        assert!(!frame.activation().bends(), "the search is for activations with two slopes");
        let slope = frame.activation().negative_slope().unwrap_or(0.0);
        let (labels, inputs) = (frame.extended(), frame.inputs());
        let (n, q, r) = (frame.n(), labels.ncols(), inputs.ncols());
        let slacks = Mat::from_fn(q + r, 2 * n, |i, c| {
            let (j, s) = if c < n { (c, 1.0) } else { (c - n, slope) };
            if i < q { labels[(j, i)] } else { -s * inputs[(j, i - q)] }
        });
        let norms: Vec<f64> = (0..2 * n).map(|c| slacks.col(c).norm_l2()).collect();
        let (on_z, on_t) = if slope == 0.0 { (1.0, 0.0) } else { (2.0, -(1.0 + slope)) };
        let functional = (0..q + r)
            .map(|i| {
                if i < q {
                    on_z * labels.col(i).iter().sum::<f64>()
                } else {
                    on_t * inputs.col(i - q).iter().sum::<f64>()
                }
            })
            .collect();
        let (label_error, input_error) = (frame.null_tolerance(), 8.0 * frame.input_angle());
        let noise = 2.0 * (label_error + input_error) * (n as f64).sqrt();
        let dependent = noise.sqrt().min(1e-2);
        Problem {
            frame,
            slope,
            n,
            q,
            slacks,
            norms,
            functional,
            on_z,
            on_t,
            label_error,
            input_error,
            dependent,
            smallest: (label_error + input_error) / dependent,
        }
    }

    /// The norm of a part of a slack, or 0 when it cannot be told from that.
    fn known_norm(&self, part: f64, slack: usize) -> f64 {
        if part > self.smallest.max(self.dependent * self.norms[slack]) { part } else { 0.0 }
    }

    pub(super) fn dimension(&self) -> usize {
        self.functional.len()
    }

    /// The other slack of the same sample.
    pub(super) fn other(&self, slack: usize) -> usize {
        if slack < self.n { slack + self.n } else { slack - self.n }
    }

    /// By what factor multipliers prove that no unit is in the cone: those of slacks that are non-negative, and of slacks that
    /// are zero.
    fn margin(&self, multipliers: impl Iterator<Item = (usize, f64)>) -> f64 {
        let mut rest = self.functional.clone();
        let (mut on_z, mut on_t) = (vec![self.on_z; self.n], vec![self.on_t; self.n]);
        for (slack, weight) in multipliers {
            rest.iter_mut().zip(self.slacks.col_as_slice(slack)).for_each(|(r, g)| *r += weight * g);
            let (j, s) = if slack < self.n { (slack, 1.0) } else { (slack - self.n, self.slope) };
            on_z[j] += weight;
            on_t[j] -= s * weight;
        }
        let labels = product::norm(&rest[..self.q]) + self.label_error * product::norm(&on_z);
        let inputs = product::norm(&rest[self.q..]) + self.input_error * product::norm(&on_t);
        if self.slope == 0.0 {
            1.0 / (labels + MAX_RATIO * inputs)
        } else {
            // |z − t|² + |z − a t|² is at least this much of |z|² + |t|².
            let least = (1.0 - self.slope) / (3.0 + self.slope * self.slope).sqrt();
            least / labels.hypot(inputs)
        }
    }

    /// The cosine below which violated inequalities may be rounding.
    pub(super) fn finest(&self) -> f64 {
        self.dependent.powi(2)
    }

    /// Residuals at which a proof is looked for.
    fn small(&self) -> f64 {
        if self.slope == 0.0 {
            0.1 / MAX_RATIO
        } else {
            0.1 * (1.0 - self.slope) / (3.0 + self.slope * self.slope).sqrt()
        }
    }
}

/// A cone: equations, and the inequalities on their null space.
#[derive(Clone)]
pub(super) struct Node {
    /// Orthonormal basis of the null space of the equations, one vector of (w, v) per column.
    pub(super) basis: Mat<f64>,
    /// The slacks in its coordinates, e × 2n.
    reduced: Mat<f64>,
    norms: Vec<f64>,
    functional: Vec<f64>,
    decided: Vec<bool>,
    /// Slacks that are zero, independent of each other.
    equations: Vec<usize>,
    /// Orthonormal vectors that span them, and their coordinates in these: rows of a lower triangle.
    spanned: Vec<Vec<f64>>,
    triangle: Vec<Vec<f64>>,
}

impl Node {
    pub(super) fn root(problem: &Problem<'_>) -> Node {
        let dimension = problem.dimension();
        Node {
            basis: Mat::identity(dimension, dimension),
            reduced: problem.slacks.clone(),
            norms: (0..2 * problem.n).map(|c| problem.known_norm(problem.norms[c], c)).collect(),
            functional: problem.functional.clone(),
            decided: vec![false; problem.n],
            equations: Vec::new(),
            spanned: Vec::new(),
            triangle: Vec::new(),
        }
    }

    /// Dimension of the null space of the equations.
    pub(super) fn dimension(&self) -> usize {
        self.functional.len()
    }

    /// The node with one more slack at zero, which must not be so already.
    pub(super) fn child(&self, problem: &Problem<'_>, slack: usize) -> Node {
        let e = self.dimension();
        let y = self.reduced.col_as_slice(slack);
        let norm = product::norm(y);
        // The reflection that takes y to a multiple of the first coordinate, which is then left out.
        let mut reflector = y.to_vec();
        reflector[0] += norm.copysign(y[0]);
        let beta = 2.0 / product::dot(&reflector, &reflector);
        let reflect = |from: &[f64], to: &mut [f64]| {
            let along: f64 = beta * from.iter().zip(&reflector).map(|(a, b)| a * b).sum::<f64>();
            to.iter_mut().zip(&from[1..]).zip(&reflector[1..]).for_each(|((t, f), h)| *t = f - along * h);
            from[0] - along * reflector[0]
        };
        let mut reduced = Mat::zeros(e - 1, 2 * problem.n);
        let mut norms = vec![0.0; 2 * problem.n];
        for (c, norm) in norms.iter_mut().enumerate() {
            if self.norms[c] > 0.0 {
                let column = reduced.col_as_slice_mut(c);
                reflect(self.reduced.col_as_slice(c), column);
                *norm = problem.known_norm(product::norm(column), c);
            }
        }
        let mut functional = vec![0.0; e - 1];
        reflect(&self.functional, &mut functional);
        let dimension = problem.dimension();
        let mut basis = Mat::zeros(dimension, e - 1);
        let mut direction = vec![0.0; dimension];
        let mut row = vec![0.0; e - 1];
        for i in 0..dimension {
            let from: Vec<f64> = (0..e).map(|c| self.basis[(i, c)]).collect();
            direction[i] = reflect(&from, &mut row);
            (0..e - 1).for_each(|c| basis[(i, c)] = row[c]);
        }
        let mut child = Node {
            basis,
            reduced,
            norms,
            functional,
            decided: self.decided.clone(),
            equations: self.equations.clone(),
            spanned: self.spanned.clone(),
            triangle: self.triangle.clone(),
        };
        child.decided[slack % problem.n] = true;
        child.equations.push(slack);
        child.spanned.push(direction);
        let normal = problem.slacks.col_as_slice(slack);
        child.triangle.push(child.spanned.iter().map(|q| product::dot(q, normal)).collect());
        child
    }

    /// The projection of a vector of the null space on the cone: minus the residual of the answer.
    pub(super) fn project(&self, vector: &[f64], cosine: f64, small: f64) -> NonNegative {
        let opposite: Vec<f64> = vector.iter().map(|x| -x).collect();
        let scale: Vec<f64> = self.norms.iter().map(|&s| if s > 0.0 { 1.0 / s } else { 0.0 }).collect();
        non_negative(self.reduced.as_ref(), &opposite, &scale, &NnlsSettings { cosine, residual: small })
    }

    /// Cuts, branches or ends.
    pub(super) fn examine(&self, problem: &Problem<'_>) -> Fate {
        match self.attempt(problem, problem.dependent) {
            // What seems to be a cone of units may be none to more digits.
            Fate::Leaf(_) => self.attempt(problem, problem.finest()),
            fate => fate,
        }
    }

    fn attempt(&self, problem: &Problem<'_>, cosine: f64) -> Fate {
        let found = self.project(&self.functional, cosine, problem.small());
        let size = product::norm(&found.residual);
        if size < 1e-2 * product::norm(&problem.functional) {
            let margin = self.margin(problem, &found);
            if margin >= SAFETY {
                return Fate::Empty(margin);
            }
        }
        let point: Vec<f64> = found.residual.iter().map(|x| -x / size.max(f64::MIN_POSITIVE)).collect();
        let value = |slack: usize| -> f64 {
            self.reduced.col_as_slice(slack).iter().zip(&point).map(|(a, b)| a * b).sum()
        };
        let mut violated = (0.0, None);
        let mut independent = (-1.0, None);
        for j in 0..problem.n {
            let (first, second) = (j, j + problem.n);
            if self.decided[j] || self.norms[first] == 0.0 || self.norms[second] == 0.0 {
                continue;
            }
            let (a, b) = (value(first), value(second));
            let (zero, least, most) = if a <= b { (first, a, b) } else { (second, b, a) };
            if least > violated.0 {
                violated = (least, Some(zero));
            }
            let score = most * self.norms[zero];
            if score > independent.0 || independent.1.is_none() {
                independent = (score, Some(zero));
            }
        }
        // The point is complementary where violations are rounding: then the sample that determines most.
        let clear = problem.dependent / (problem.n as f64).sqrt();
        match (violated, independent) {
            ((least, Some(slack)), _) if least > clear => Fate::Branch(slack),
            (_, (_, Some(slack))) => Fate::Branch(slack),
            _ => Fate::Leaf(point),
        }
    }

    fn margin(&self, problem: &Problem<'_>, found: &NonNegative) -> f64 {
        let mut sum = problem.functional.clone();
        for &(slack, weight) in &found.weights {
            sum.iter_mut().zip(problem.slacks.col_as_slice(slack)).for_each(|(s, g)| *s += weight * g);
        }
        let depth = self.equations.len();
        let mut multipliers: Vec<f64> = self.spanned.iter().map(|q| -product::dot(q, &sum)).collect();
        for i in (0..depth).rev() {
            multipliers[i] /= self.triangle[i][i];
            let weight = multipliers[i];
            multipliers[..i].iter_mut().zip(&self.triangle[i]).for_each(|(m, l)| *m -= weight * l);
        }
        let on_equations = self.equations.iter().copied().zip(multipliers);
        problem.margin(found.weights.iter().copied().chain(on_equations))
    }

    /// Bound on the norm of the inverse of the equations' triangle: what errors of the equations grow by.
    pub(super) fn amplification(&self) -> f64 {
        let depth = self.equations.len();
        let mut squares = 0.0;
        for c in 0..depth {
            let mut column = vec![0.0; depth];
            for i in c..depth {
                let known: f64 = (c..i).map(|l| self.triangle[i][l] * column[l]).sum();
                column[i] = (f64::from(u8::from(i == c)) - known) / self.triangle[i][i];
                squares += column[i] * column[i];
            }
        }
        squares.sqrt()
    }
}
