//! A simplex walk along the extreme rays of a cone.

use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::qr::Qr;
use orthant_linalg::{Mat, MatRef, product, tolerance};
use orthant_network::SignPattern;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::Cone;
use crate::frame::Frame;
use crate::unit::Unit;

/// Simplex steps after which a walk is given up. Units are found after 30 to 80.
const MAX_PIVOTS: usize = 400;

/// Zeros beyond those that make a vertex: a vertex of the cone has (dimension − 1) of them, and one more than generic is the
/// mark of a unit, whose zeros come from its pattern. Three, so that chance ties do not pass.
const SURPLUS_ZEROS: usize = 3;

/// Steps between two fresh inversions of the basis.
const REFRESH: usize = 20;

/// What holds a coordinate of the simplex basis.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Row {
    /// The equation ⟨h, y⟩ = 1.
    Pin,
    /// A direction not yet bounded.
    Free,
    /// The constraint y_j = 0.
    Zero(usize),
}

/// A simplex walk from the interior of a cone to its extreme rays.
pub(super) struct Walk<'a> {
    basis: MatRef<'a, f64>,
    /// Values below this times the largest are zeros.
    zero: f64,
    rows: Vec<Row>,
    /// The row vectors, D × D, and the inverse of that matrix.
    vectors: Mat<f64>,
    inverse: Mat<f64>,
    /// Coordinates of the current point, and its values on the samples.
    point: Mat<f64>,
    values: Mat<f64>,
    in_basis: Vec<bool>,
    cost: Mat<f64>,
}

impl<'a> Walk<'a> {
    pub(super) fn start(frame: &Frame, cone: &'a Cone, functional: &Mat<f64>) -> Walk<'a> {
        let basis = cone.basis.as_ref();
        let (n, dim) = basis.shape();
        let mut pin = product::matmul(basis.transpose(), functional.as_ref());
        let norm = product::frobenius(pin.as_ref()).max(f64::MIN_POSITIVE);
        pin.as_mut().col_mut(0).iter_mut().for_each(|p| *p /= norm);
        // An interior point: the functional itself, raised by a constant, which it is orthogonal to.
        let mut values = product::matmul(basis, pin.as_ref());
        // Weights do not matter for what is positive.
        let (low, high) = extremes(&Mat::from_fn(n, 1, |j, _| values[(j, 0)] / frame.weight(j)));
        let lift = 0.1 * high.max(-low) - low.min(0.0);
        (0..n).for_each(|j| values[(j, 0)] += lift * frame.weight(j));
        let mut point = product::matmul(basis.transpose(), values.as_ref());
        let scale = product::dot(pin.col_as_slice(0), point.col_as_slice(0));
        point.as_mut().col_mut(0).iter_mut().for_each(|p| *p /= scale);
        let mut seeds = Mat::zeros(dim, dim + 1);
        seeds.as_mut().subcols_mut(0, 1).copy_from(pin.as_ref());
        seeds.as_mut().subcols_mut(1, dim).copy_from(Mat::<f64>::identity(dim, dim));
        let mut vectors = Qr::factor(seeds).thin_q().transpose().to_owned();
        for j in 0..dim {
            vectors[(0, j)] = pin[(j, 0)];
        }
        let inverse = vectors.transpose().to_owned();
        let ones = Mat::from_fn(n, 1, |_, _| 1.0);
        let mut rows = vec![Row::Free; dim];
        rows[0] = Row::Pin;
        Walk {
            basis,
            zero: frame.zero_tolerance().max(1e-9),
            rows,
            vectors,
            inverse,
            values: product::matmul(basis, point.as_ref()),
            point,
            in_basis: vec![false; n],
            cost: product::matmul(basis.transpose(), ones.as_ref()),
        }
    }

    /// Walks until `test` accepts the support of a vertex, the optimum is reached, or the steps run out.
    pub(super) fn run(
        mut self,
        rng: &mut ChaCha8Rng,
        test: &mut dyn FnMut(&SignPattern) -> Option<Unit>,
    ) -> Option<Unit> {
        let dim = self.rows.len();
        let mut tested: Option<SignPattern> = None;
        for pivot in 0..MAX_PIVOTS {
            let multipliers = product::matmul(self.inverse.transpose(), self.cost.as_ref());
            let free = (0..dim)
                .filter(|&q| self.rows[q] == Row::Free)
                .max_by(|&a, &b| multipliers[(a, 0)].abs().total_cmp(&multipliers[(b, 0)].abs()));
            let (leaving, sign) = match free {
                Some(q) => (q, if multipliers[(q, 0)] > 0.0 { -1.0 } else { 1.0 }),
                None => {
                    let support = self.support();
                    if support.n_inactive() >= dim - 1 + SURPLUS_ZEROS && tested.as_ref() != Some(&support) {
                        if let Some(unit) = test(&support) {
                            return Some(unit);
                        }
                        tested = Some(support);
                    }
                    let scale = product::frobenius(self.cost.as_ref());
                    let steepest = (0..dim)
                        .filter(|&q| self.rows[q] != Row::Pin)
                        .map(|q| (q, multipliers[(q, 0)]))
                        .filter(|&(_, slope)| slope < -1e-10 * scale)
                        .map(|(q, slope)| (q, slope / self.inverse.col(q).norm_l2()))
                        .min_by(|a, b| a.1.total_cmp(&b.1));
                    match steepest {
                        Some((q, _)) => (q, 1.0),
                        None => break,
                    }
                }
            };
            if !self.pivot(leaving, sign, rng) {
                break;
            }
            if pivot % REFRESH == REFRESH - 1 && !self.refresh() {
                break;
            }
        }
        let support = self.support();
        if tested.as_ref() == Some(&support) { None } else { test(&support) }
    }

    fn support(&self) -> SignPattern {
        let (_, high) = extremes(&self.values);
        SignPattern::of(self.values.col(0).iter().map(|y| y - self.zero * high))
    }

    /// Moves along one edge to the next constraint. `false` when the edge is unbounded.
    fn pivot(&mut self, leaving: usize, sign: f64, rng: &mut ChaCha8Rng) -> bool {
        let dim = self.rows.len();
        let direction = Mat::from_fn(dim, 1, |i, _| sign * self.inverse[(i, leaving)]);
        let change = product::matmul(self.basis, direction.as_ref());
        let (low, high) = extremes(&change);
        let negligible = 1e-10 * high.max(-low);
        let ratio = |j: usize| self.values[(j, 0)].max(0.0) / -change[(j, 0)];
        let blocking: Vec<usize> =
            (0..self.in_basis.len()).filter(|&j| change[(j, 0)] < -negligible && !self.in_basis[j]).collect();
        let Some(step) = blocking.iter().map(|&j| ratio(j)).min_by(f64::total_cmp) else { return false };
        // Among ties a random one of those that fall fastest: random choices do not cycle, fast falls keep the basis regular.
        let tie = step * (1.0 + 1e-9) + 1e-13;
        let mut entering = (0, f64::NEG_INFINITY);
        for &j in blocking.iter().filter(|&&j| ratio(j) <= tie) {
            let weight = -change[(j, 0)] * (0.5 + 0.5 * rng.random::<f64>());
            if weight > entering.1 {
                entering = (j, weight);
            }
        }
        let entering = entering.0;
        product::matmul_add(self.point.as_mut(), step, direction.as_ref(), Mat::identity(1, 1).as_ref());
        if let Row::Zero(j) = self.rows[leaving] {
            self.in_basis[j] = false;
        }
        self.rows[leaving] = Row::Zero(entering);
        self.in_basis[entering] = true;
        // Row `leaving` of the basis matrix is replaced: a rank-one update of its inverse.
        let row = Mat::from_fn(1, dim, |_, j| self.basis[(entering, j)]);
        let mut image = product::matmul(row.as_ref(), self.inverse.as_ref());
        let divisor = image[(0, leaving)];
        let column = Mat::from_fn(dim, 1, |i, _| self.inverse[(i, leaving)] / divisor);
        image[(0, leaving)] -= 1.0;
        product::matmul_add(self.inverse.as_mut(), -1.0, column.as_ref(), image.as_ref());
        self.vectors.as_mut().subrows_mut(leaving, 1).copy_from(row);
        self.values = product::matmul(self.basis, self.point.as_ref());
        true
    }

    /// Inverts the basis matrix afresh. `false` when it has become singular.
    fn refresh(&mut self) -> bool {
        let dim = self.rows.len();
        match RankRevealing::new(self.vectors.clone(), tolerance::backward(dim, dim)) {
            Ok(factor) if factor.rank().rank == dim => {
                self.inverse = factor.solve(Mat::identity(dim, dim).as_ref());
            }
            _ => return false,
        }
        if self.rows.iter().all(|&row| row != Row::Free) {
            let pin =
                self.rows.iter().position(|&row| row == Row::Pin).expect("the pin never leaves the basis");
            self.point = self.inverse.as_ref().subcols(pin, 1).to_owned();
            self.values = product::matmul(self.basis, self.point.as_ref());
        }
        true
    }
}

fn extremes(column: &Mat<f64>) -> (f64, f64) {
    column.col(0).iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &y| (low.min(y), high.max(y)))
}
