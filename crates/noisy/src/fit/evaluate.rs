//! Loss and gradient at given weights, in one pass.

use orthant_linalg::{Mat, MatRef, product};

use super::block::Block;
use super::pass::{GROUPS, Source};
use super::weights::{Shape, Weights};

/// The loss with its gradient, and what the curvature is approximated by.
#[derive(Debug, Clone)]
pub(crate) struct Evaluation {
    /// Sum of squared residuals.
    pub loss: f64,
    /// Sum of squared labels.
    pub labels: f64,
    /// J'r, half the gradient of the loss.
    pub gradient: Weights,
    /// Sums over samples of f'(t_i) f'(t_l), k × k.
    pub slopes: Mat<f64>,
    /// Second moments of activations and the constant, summed over samples, q × q.
    pub activations: Mat<f64>,
}

impl Evaluation {
    /// Cost: 2k(2d + 3m + 2k) operations for each sample.
    pub fn at(source: &Source<'_>, weights: &Weights, shape: &Shape) -> Evaluation {
        let (k, q) = (shape.k, shape.q());
        let new = || Evaluation {
            loss: 0.0,
            labels: 0.0,
            gradient: Weights::zeros(shape),
            slopes: Mat::zeros(k, k),
            activations: Mat::zeros(q, q),
        };
        let add = |sum: &mut Evaluation, work: &mut Block, x: MatRef<'_, f64>, a: MatRef<'_, f64>| {
            work.activate(weights, shape, x);
            work.subtract_labels(weights, shape, a, source.clipping);
            sum.loss += work.sum_of_squares();
            sum.labels += a.squared_norm_l2();
            product::matmul_add(sum.slopes.as_mut(), 1.0, work.slope().transpose(), work.slope());
            add_activations(&mut sum.activations, work, k);
            work.pull_back_residual(&mut sum.gradient, weights, shape, x);
        };
        let merge = |sum: &mut Evaluation, later: Evaluation| {
            sum.loss += later.loss;
            sum.labels += later.labels;
            sum.gradient.add_scaled(1.0, &later.gradient);
            sum.slopes += &later.slopes;
            sum.activations += &later.activations;
        };
        source.sum(GROUPS, new, || Block::new(shape), add, merge)
    }
}

fn add_activations(sum: &mut Mat<f64>, work: &Block, k: usize) {
    product::matmul_add(sum.as_mut().submatrix_mut(0, 0, k, k), 1.0, work.z().transpose(), work.z());
    if sum.nrows() > k {
        for i in 0..k {
            let total: f64 = work.z().col(i).iter().sum();
            sum[(i, k)] += total;
            sum[(k, i)] += total;
        }
        sum[(k, k)] += work.z().nrows() as f64;
    }
}

/// The losses at several points on a line, in one pass of 2k(d + m) operations for each sample and
/// point.
pub(crate) fn losses_along(
    source: &Source<'_>,
    weights: &Weights,
    direction: &Weights,
    fractions: &[f64],
    shape: &Shape,
) -> Vec<f64> {
    let points: Vec<Weights> = fractions.iter().map(|&fraction| weights.moved(fraction, direction)).collect();
    losses(source, &points, shape)
}

/// The losses at several points, in one pass of 2k(d + m) operations for each sample and point.
pub(crate) fn losses(source: &Source<'_>, points: &[Weights], shape: &Shape) -> Vec<f64> {
    let new = || vec![0.0; points.len()];
    let add = |losses: &mut Vec<f64>, work: &mut Block, x: MatRef<'_, f64>, a: MatRef<'_, f64>| {
        for (loss, point) in losses.iter_mut().zip(points) {
            work.activate(point, shape, x);
            work.subtract_labels(point, shape, a, source.clipping);
            *loss += work.sum_of_squares();
        }
    };
    let merge = |losses: &mut Vec<f64>, later: Vec<f64>| {
        losses.iter_mut().zip(later).for_each(|(loss, later)| *loss += later);
    };
    source.sum(GROUPS, new, || Block::new(shape), add, merge)
}
