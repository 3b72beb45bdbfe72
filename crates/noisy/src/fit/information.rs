//! The information that samples hold about the weights, and the standard errors that follow.

use orthant_linalg::{Mat, MatRef, cholesky, product};
use orthant_network::{Network, Samples};

use super::block::Block;
use super::clipping::Clipping;
use super::pass::{BLOCK, Source};
use super::weights::{Shape, Weights};
use crate::error::NoisyError;

/// Partial sums of a pass; each has the size of the matrix.
const GROUPS: usize = 4;

/// J'J for the Jacobian J of all residuals with respect to all weights at a network: the Fisher information about the weights
/// times the noise variance, for Gaussian noise.
///
/// It is a sum over samples: informations of several parts of the samples at the same network add up ([`Information::merge`]).
///
/// # Paper
/// Not in the paper, whose section D ends with the regression for U (Lemma 61) and bounds its error.
#[derive(Debug, Clone)]
pub struct Information {
    pub(super) shape: Shape,
    pub(super) weights: Weights,
    /// Σ (s_i y) (s_l y)' and Σ (s_i y) z' and Σ z z', without the output weights in front: (kh + q) × (kh + q), lower triangle.
    moments: Mat<f64>,
    /// What labels at their bounds take away.
    lost: Option<Lost>,
    n: usize,
}

/// The terms of J'J that belong to satisfied labels.
#[derive(Debug, Clone)]
struct Lost {
    /// kh × kh, lower triangle.
    hidden: Mat<f64>,
    /// kh × q for each output.
    coupling: Vec<Mat<f64>>,
    /// q × q for each output.
    output: Vec<Mat<f64>>,
}

/// The information at a network.
///
/// With `clipping`, labels that are satisfied count as if they were not there.
///
/// # Shapes
/// `network` has the inputs and outputs of the samples, and `clipping` bounds for m outputs.
///
/// # Errors
/// [`NoisyError::Dimension`] when samples, network and bounds do not fit, [`NoisyError::Activation`] as for
/// [`fit`](super::fit()).
///
/// # Cost
/// n(k(d + 1) + k + 1)² operations and 16 (k(d + 1) + k + 1)² bytes for each of four partial sums; each label at its bound costs
/// (k(d + 1))² more.
pub fn information(
    samples: &Samples<'_>,
    network: &Network,
    clipping: Option<&Clipping>,
) -> Result<Information, NoisyError> {
    super::check(samples, network, clipping)?;
    Ok(Information::at(&Source::new(samples, clipping), &Weights::of(network), &Shape::of(network)))
}

/// Workspace of a block.
struct Work {
    block: Block,
    /// Inputs with the constant, BLOCK × h.
    inputs: Mat<f64>,
    /// s_i y for all units, then z: BLOCK × (kh + q).
    rows: Mat<f64>,
}

impl Information {
    pub(super) fn at(source: &Source<'_>, weights: &Weights, shape: &Shape) -> Information {
        let (h, q, size) = (shape.h(), shape.q(), shape.h() * shape.k + shape.q());
        let new = || {
            let lost = source.clipping.map(|_| Lost {
                hidden: Mat::zeros(size - q, size - q),
                coupling: vec![Mat::zeros(size - q, q); shape.m],
                output: vec![Mat::zeros(q, q); shape.m],
            });
            Information {
                shape: shape.clone(),
                weights: weights.clone(),
                moments: Mat::zeros(size, size),
                lost,
                n: 0,
            }
        };
        let work = || Work {
            block: Block::new(shape),
            inputs: Mat::from_fn(BLOCK, h, |_, _| 1.0),
            rows: Mat::from_fn(BLOCK, size, |_, _| 1.0),
        };
        let add = |sum: &mut Information, work: &mut Work, x: MatRef<'_, f64>, a: MatRef<'_, f64>| {
            work.block.activate(weights, shape, x);
            work.fill(shape, x);
            let rows = work.rows.as_ref().subrows(0, x.ncols());
            cholesky::add_outer(sum.moments.as_mut(), rows.transpose(), 1.0);
            if let Some(lost) = &mut sum.lost {
                work.block.subtract_labels(weights, shape, a, source.clipping);
                lost.add(work, weights, shape);
            }
            sum.n += x.ncols();
        };
        let merge = |sum: &mut Information, later: Information| sum.merge(&later);
        source.sum(GROUPS, new, work, add, merge)
    }

    /// Adds the information in further samples at the same network.
    ///
    /// # Panics
    /// When the networks differ.
    pub fn merge(&mut self, other: &Information) {
        assert_eq!(self.weights, other.weights, "informations at different networks do not add up");
        self.moments += &other.moments;
        self.n += other.n;
        match (&mut self.lost, &other.lost) {
            (Some(lost), Some(other)) => lost.merge(other),
            (lost @ None, Some(other)) => *lost = Some(other.clone()),
            (_, None) => {}
        }
    }

    /// Number of samples.
    pub fn n(&self) -> usize {
        self.n
    }

    /// The block of V and b, kh × kh, both triangles.
    pub(super) fn hidden(&self) -> Mat<f64> {
        let (h, k) = (self.shape.h(), self.shape.k);
        let units = self.weights.output.as_ref().subrows(0, k);
        let gram = product::matmul(units, units.transpose());
        let lost = |i, j| self.lost.as_ref().map_or(0.0, |lost| lost.hidden[(i, j)]);
        Mat::from_fn(h * k, h * k, |i, j| {
            let (i, j) = (i.max(j), i.min(j));
            gram[(i / h, j / h)] * self.moments[(i, j)] - lost(i, j)
        })
    }

    /// The block of V and b beside U and c of output `o`, kh × q.
    pub(super) fn coupling(&self, o: usize) -> Mat<f64> {
        let (h, k, q) = (self.shape.h(), self.shape.k, self.shape.q());
        let size = h * k;
        let mut coupling =
            Mat::from_fn(size, q, |i, p| self.weights.output[(i / h, o)] * self.moments[(size + p, i)]);
        if let Some(lost) = &self.lost {
            coupling -= &lost.coupling[o];
        }
        coupling
    }

    /// The block of U and c of output `o`, q × q.
    pub(super) fn output(&self, o: usize) -> Mat<f64> {
        let (size, q) = (self.shape.h() * self.shape.k, self.shape.q());
        let mut output = Mat::from_fn(q, q, |i, j| self.moments[(size + i.max(j), size + i.min(j))]);
        if let Some(lost) = &self.lost {
            output -= &lost.output[o];
        }
        output
    }

    /// Outputs with a block of U and c of their own: all of them when labels are clipped, else they share the first one's.
    pub(super) fn distinct_outputs(&self) -> usize {
        if self.lost.is_some() { self.shape.m } else { self.shape.m.min(1) }
    }

    /// Σ_o B_o (inverse of the block of output o) B_o', where B_o is the coupling of output o and `solved` has these inverses
    /// times B_o', of all [`Information::distinct_outputs`]: what elimination of the output layer takes from the hidden block.
    pub(super) fn explained(&self, inverses: &[Mat<f64>]) -> Mat<f64> {
        let (h, k, q) = (self.shape.h(), self.shape.k, self.shape.q());
        let size = h * k;
        if self.lost.is_some() {
            let mut sum = Mat::zeros(size, size);
            for (o, inverse) in inverses.iter().enumerate() {
                let coupling = self.coupling(o);
                let solved = product::matmul(coupling.as_ref(), inverse.as_ref());
                product::matmul_add(sum.as_mut(), 1.0, solved.as_ref(), coupling.transpose());
            }
            return sum;
        }
        let Some(inverse) = inverses.first() else { return Mat::zeros(size, size) };
        let cross = self.moments.as_ref().submatrix(size, 0, q, size);
        let solved = product::matmul(inverse.as_ref(), cross);
        let mut sum = product::matmul(cross.transpose(), solved.as_ref());
        let units = self.weights.output.as_ref().subrows(0, k);
        let gram = product::matmul(units, units.transpose());
        for j in 0..size {
            let column = sum.col_as_slice_mut(j);
            column.iter_mut().enumerate().for_each(|(i, v)| *v *= gram[(i / h, j / h)]);
        }
        sum
    }
}

impl Work {
    fn fill(&mut self, shape: &Shape, x: MatRef<'_, f64>) {
        let (h, k, count) = (shape.h(), shape.k, x.ncols());
        self.inputs.as_mut().submatrix_mut(0, 0, count, shape.d).copy_from(x.transpose());
        let slopes = self.block.slope();
        for i in 0..k {
            for r in 0..h {
                let row = self.rows.col_as_slice_mut(i * h + r)[..count].iter_mut();
                let values = self.inputs.col_as_slice(r).iter().zip(slopes.col(i).iter());
                row.zip(values).for_each(|(row, (x, s))| *row = x * s);
            }
        }
        self.rows.as_mut().submatrix_mut(0, h * k, count, k).copy_from(self.block.z());
    }
}

impl Lost {
    fn add(&mut self, work: &Work, weights: &Weights, shape: &Shape) {
        let (h, q, size) = (shape.h(), shape.q(), shape.h() * shape.k);
        for o in 0..shape.m {
            let satisfied: Vec<usize> = work
                .block
                .residual()
                .col(o)
                .iter()
                .enumerate()
                .filter_map(|(j, &residual)| (residual == 0.0).then_some(j))
                .collect();
            let hidden = Mat::from_fn(satisfied.len(), size, |j, i| {
                weights.output[(i / h, o)] * work.rows[(satisfied[j], i)]
            });
            let output = Mat::from_fn(satisfied.len(), q, |j, p| work.rows[(satisfied[j], size + p)]);
            cholesky::add_outer(self.hidden.as_mut(), hidden.transpose(), 1.0);
            product::matmul_add(self.coupling[o].as_mut(), 1.0, hidden.transpose(), output.as_ref());
            product::matmul_add(self.output[o].as_mut(), 1.0, output.transpose(), output.as_ref());
        }
    }

    fn merge(&mut self, other: &Lost) {
        self.hidden += &other.hidden;
        self.coupling.iter_mut().zip(&other.coupling).for_each(|(a, b)| *a += b);
        self.output.iter_mut().zip(&other.output).for_each(|(a, b)| *a += b);
    }
}
