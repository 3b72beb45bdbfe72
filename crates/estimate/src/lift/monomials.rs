//! The monomials of the quadratic lift.

use orthant_linalg::Mat;
use orthant_network::BiasKind;

use crate::frame::Frame;

/// Products of label coordinates y_a and input coordinates x_j, in a fixed order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Monomials {
    k: usize,
    r: usize,
    bias: BiasKind,
    /// The slope for t ≤ 0, unless the activation is max(t, 0).
    slope: Option<f64>,
}

impl Monomials {
    pub(super) fn of(frame: &Frame) -> Monomials {
        let slope = frame.activation().negative_slope();
        Monomials { k: frame.k(), r: frame.inputs().ncols(), bias: frame.bias(), slope }
    }

    /// Whether z t is part of the identity: |t| has z² − t² = 0 alone.
    pub(super) fn mixed(self) -> bool {
        self.slope != Some(-1.0)
    }

    /// Whether t² is.
    pub(super) fn squares(self) -> bool {
        self.slope.is_some()
    }

    /// Which of x_j, y_a and 1 are monomials of their own: where there is an offset w₀, what it multiplies, unless the constant
    /// among the inputs provides it already.
    fn offsets(self) -> (bool, bool, bool) {
        match (self.bias, self.slope) {
            (BiasKind::None | BiasKind::Hidden, _) => (false, false, false),
            (BiasKind::Output, _) => (self.mixed(), true, true),
            (BiasKind::Both, None) => (true, false, false),
            (BiasKind::Both, Some(_)) => (false, !self.mixed(), false),
        }
    }

    pub(super) fn count(self) -> usize {
        let (k, r) = (self.k, self.r);
        let (inputs, labels, constant) = self.offsets();
        let part = |present: bool, count: usize| if present { count } else { 0 };
        k * (k + 1) / 2
            + part(self.mixed(), k * r)
            + part(self.squares(), r * (r + 1) / 2)
            + part(inputs, r)
            + part(labels, k)
            + part(constant, 1)
    }

    /// The monomials of samples `first..first + rows`, one row each. The constant is one of the x_j when a hidden bias is
    /// fitted.
    pub(super) fn rows(self, frame: &Frame, first: usize, rows: usize) -> Mat<f64> {
        let (y, x) = (frame.labels().subrows(first, rows), frame.inputs().subrows(first, rows));
        let mut out = Mat::zeros(rows, self.count());
        let mut next = 0;
        let mut push = |value: &dyn Fn(usize) -> f64| {
            for i in 0..rows {
                out[(i, next)] = value(i);
            }
            next += 1;
        };
        for a in 0..self.k {
            for b in a..self.k {
                push(&|i| y[(i, a)] * y[(i, b)]);
            }
        }
        if self.mixed() {
            for a in 0..self.k {
                for j in 0..self.r {
                    push(&|i| y[(i, a)] * x[(i, j)]);
                }
            }
        }
        if self.squares() {
            for j in 0..self.r {
                for l in j..self.r {
                    push(&|i| x[(i, j)] * x[(i, l)]);
                }
            }
        }
        let (inputs, labels, constant) = self.offsets();
        if inputs {
            for j in 0..self.r {
                push(&|i| x[(i, j)]);
            }
        }
        if labels {
            for a in 0..self.k {
                push(&|i| y[(i, a)]);
            }
        }
        if constant {
            push(&|_| 1.0 / (frame.n() as f64).sqrt());
        }
        out
    }

    /// Euclidean norms of the monomials over the first samples.
    pub(super) fn column_norms(self, frame: &Frame, samples: usize) -> Vec<f64> {
        let mut squares = vec![0.0; self.count()];
        for first in (0..samples).step_by(256) {
            let block = self.rows(frame, first, (samples - first).min(256));
            for (j, square) in squares.iter_mut().enumerate() {
                *square += block.col(j).squared_norm_l2();
            }
        }
        squares.iter().map(|s| s.sqrt()).collect()
    }

    /// Norm of the error of a column y_a ∘ x_j, in angles of the frame: coordinates have unit norm and are off by an angle, so
    /// that |δ(y x)| ≤ |δy| max|x| + |δx| max|y|, and at most twice the larger for squares.
    pub(super) fn coordinate_error(self, frame: &Frame) -> f64 {
        let (y, x) = (frame.labels().norm_max(), frame.inputs().norm_max());
        if self.squares() { 2.0 * y.max(x) } else { y + x }
    }

    /// Frobenius norm of the error of the lifted matrix with columns divided by their norms.
    pub(super) fn scaled_error(self, frame: &Frame, norms: &[f64]) -> f64 {
        let column = frame.angle() * self.coordinate_error(frame);
        norms.iter().map(|norm| (column / norm).powi(2)).sum::<f64>().sqrt()
    }

    /// A null vector as the k × (k + r) matrix [W, −B], whose rank-one pieces are w_i [w_i', −v_i'], and C, whose pieces are
    /// multiples of v_i v_i' (0 × 0 without t²). Multiples of B for two slopes.
    pub(super) fn block(self, coefficients: &[f64]) -> Block {
        let mut products = Mat::zeros(self.k, self.k + self.r);
        let mut rest = coefficients.iter();
        let mut next = || *rest.next().expect("there is one coefficient for each monomial");
        for a in 0..self.k {
            for b in a..self.k {
                let value = if a == b { next() } else { next() / 2.0 };
                products[(a, b)] = value;
                products[(b, a)] = value;
            }
        }
        if self.mixed() {
            for a in 0..self.k {
                for j in 0..self.r {
                    products[(a, self.k + j)] = next();
                }
            }
        }
        let size = if self.squares() { self.r } else { 0 };
        let mut squares = Mat::zeros(size, size);
        for j in 0..size {
            for l in j..size {
                let value = if j == l { next() } else { next() / 2.0 };
                squares[(j, l)] = value;
                squares[(l, j)] = value;
            }
        }
        Block { products, squares }
    }
}

/// The coefficients of a null vector.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) products: Mat<f64>,
    pub(super) squares: Mat<f64>,
}
