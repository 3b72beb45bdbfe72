//! Steps for large networks: truncated conjugate gradients on the Gauss-Newton system, one pass over the samples for each product.
//!
//! With s_i = f'(v_i'x + b_i), y = (x, 1) and z = (f(Vx + b), 1), the Gauss-Newton matrix J'J has the blocks
//!
//! | | V, b of unit l | U, c of output p |
//! |---|---|---|
//! | V, b of unit i | (U'U)_il Σ s_i s_l y y' | U_pi Σ s_i y z' |
//! | U, c of output o | | Σ z z' for o = p, else 0 |
//!
//! with sums over the samples. The preconditioner is their block factorisation with three replacements: Σ s_i s_l y y' by
//! (Σ s_i s_l) · (mean of y y'), which is what it would be if slopes and inputs were independent; Σ s_i y z' by its value on some
//! of the blocks of samples; and the Schur complement of the lower right block by the upper left one.

use orthant_linalg::cholesky::Cholesky;
use orthant_linalg::qr::Qr;
use orthant_linalg::{Mat, MatRef, product, qr, tolerance, triangular};
use rayon::prelude::*;

use super::block::{self, Block};
use super::evaluate::Evaluation;
use super::pass::{BLOCK, GROUPS, Source};
use super::weights::{Shape, Weights};

/// Blocks that the preconditioner's moments are taken from.
const SAMPLED_BLOCKS: usize = 8;

/// The share of a coordinate's second moment that is added to it, so that inputs may be linearly dependent.
const RIDGE: f64 = 1e-10;

/// Products with the Gauss-Newton matrix in one step at most.
const MAX_PRODUCTS: usize = 5;

/// Conjugate gradients end when the last decrease of the model, times the number of steps, is below this share of all.
const TRUNCATION: f64 = 0.25;

/// What stays fixed over the steps: the samples, and the moments of their inputs.
pub(crate) struct Curvature<'a> {
    source: Source<'a>,
    /// R with R'R the mean of y y' over some blocks, h × h.
    inputs: Mat<f64>,
    /// Blocks that moments are taken from.
    sampled: Vec<usize>,
}

/// A step with what it promises.
pub(crate) struct Step {
    pub direction: Weights,
    /// Decrease of the sum of squared residuals that the model promises.
    pub decrease: f64,
    /// Products with the Gauss-Newton matrix, one pass each.
    pub products: usize,
}

impl<'a> Curvature<'a> {
    pub fn new(source: &Source<'a>, shape: &Shape) -> Curvature<'a> {
        let h = shape.h();
        let blocks = source.blocks();
        let wanted = SAMPLED_BLOCKS.max((4 * h).div_ceil(BLOCK)).min(blocks);
        let sampled: Vec<usize> = (0..wanted).map(|i| i * blocks / wanted).collect();
        let mut triangle = Mat::zeros(0, h);
        let mut count = 0;
        for &index in &sampled {
            let (x, _) = source.block(index);
            count += x.ncols();
            triangle = qr::stack_r(triangle.as_ref(), with_constant(x, h).as_ref());
        }
        let norms: Vec<f64> = (0..h).map(|j| triangle.col(j).norm_l2()).collect();
        let largest = norms.iter().fold(f64::MIN_POSITIVE.sqrt(), |s, &norm| s.max(norm));
        let ridge = Mat::from_fn(h, h, |i, j| {
            if i == j { RIDGE.sqrt() * norms[i].max(tolerance::EPS.sqrt() * largest) } else { 0.0 }
        });
        let scale = 1.0 / (count.max(1) as f64).sqrt();
        let inputs = scale * Qr::factor(stack(&triangle, &ridge)).r();
        Curvature { source: *source, inputs, sampled }
    }

    /// The step that minimises the damped model, about; the zero step when the preconditioner says that even a whole one would lower
    /// the sum of squares by less than half of what is negligible. `coupling` comes from [`Curvature::coupling`].
    pub fn step(
        &self,
        point: &Evaluation,
        weights: &Weights,
        shape: &Shape,
        coupling: &[Mat<f64>],
        damping: f64,
        negligible: f64,
    ) -> Option<Step> {
        let preconditioner = Preconditioner::new(&self.inputs, coupling, point, weights, shape, damping)?;
        let mut direction = Weights::zeros(shape);
        let mut left = point.gradient.moved(-2.0, &point.gradient);
        let mut search = preconditioner.apply(&left);
        let mut slope = left.dot(&search);
        if slope * (1.0 + damping) <= 0.5 * negligible {
            return Some(Step { direction, decrease: slope, products: 0 });
        }
        let mut decrease = 0.0;
        let mut products = 0;
        while products < MAX_PRODUCTS && slope > 0.0 {
            products += 1;
            let mut image = self.product(&search, weights, shape);
            preconditioner.add_damping(&mut image, &search);
            let curvature = search.dot(&image);
            if curvature.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) {
                break;
            }
            let length = slope / curvature;
            direction.add_scaled(length, &search);
            left.add_scaled(-length, &image);
            let gain = length * slope;
            decrease += gain;
            if gain * products as f64 <= TRUNCATION * decrease {
                break;
            }
            let conditioned = preconditioner.apply(&left);
            let next = left.dot(&conditioned);
            search = conditioned.moved(next / slope, &search);
            slope = next;
        }
        (decrease > 0.0 && direction.is_finite()).then_some(Step { direction, decrease, products })
    }

    /// J'J times a change of the weights: 2k(3d + 4m) operations for each sample.
    pub fn product(&self, change: &Weights, weights: &Weights, shape: &Shape) -> Weights {
        let (k, m) = (shape.k, shape.m);
        let both = Weights {
            hidden: Mat::from_fn(shape.h(), 2 * k, |r, i| {
                if i < k { weights.hidden[(r, i)] } else { change.hidden[(r, i - k)] }
            }),
            output: Mat::from_fn(2 * k, m, |i, o| {
                if i < k { change.output[(i, o)] } else { weights.output[(i - k, o)] }
            }),
        };
        let work = || Work {
            block: Block::new(shape),
            both: Mat::zeros(BLOCK, 2 * k),
            values: Mat::zeros(BLOCK, m),
        };
        let add = |sum: &mut Weights, work: &mut Work, x: MatRef<'_, f64>, a: MatRef<'_, f64>| {
            work.change_outputs(&both, change, shape, x);
            if self.source.clipping.is_some() {
                work.block.subtract_labels(weights, shape, a, self.source.clipping);
                work.block.clear_satisfied(&mut work.values.as_mut().subrows_mut(0, x.ncols()));
            }
            let values = work.values.as_ref().subrows(0, x.ncols());
            work.block.pull_back(sum, weights, shape, x, values);
        };
        let merge = |sum: &mut Weights, later: Weights| sum.add_scaled(1.0, &later);
        self.source.sum(GROUPS, || Weights::zeros(shape), work, add, merge)
    }
}

/// Workspace of a product for one block.
struct Work {
    block: Block,
    /// Activations of the units, then their changes: BLOCK × 2k.
    both: Mat<f64>,
    /// Changes of the outputs, BLOCK × m.
    values: Mat<f64>,
}

impl Work {
    /// The change of the outputs of a block, J times a change of the weights: `both` holds weights and change side by side.
    fn change_outputs(&mut self, both: &Weights, change: &Weights, shape: &Shape, x: MatRef<'_, f64>) {
        let rows = x.ncols();
        block::preactivate(self.both.as_mut().subrows_mut(0, rows), &both.hidden, shape, x);
        self.block.activate_and_move(&mut self.both, rows, shape);
        let mut values = self.values.as_mut().subrows_mut(0, rows);
        product::matmul_into(values.as_mut(), self.both.as_ref().subrows(0, rows), both.output.as_ref());
        if shape.output_bias {
            for (o, column) in values.col_iter_mut().enumerate() {
                let bias = change.output[(shape.k, o)];
                column.iter_mut().for_each(|v| *v += bias);
            }
        }
    }
}

/// The block factorisation described at the top of this file.
struct Preconditioner<'a> {
    /// R with R'R the mean of y y'.
    inputs: &'a Mat<f64>,
    /// The factor of (U'U)_il Σ s_i s_l, damped.
    units: Cholesky,
    /// The factor of Σ z z', damped.
    activations: Cholesky,
    /// Σ s_i y z' for each unit i, h × q.
    coupling: &'a [Mat<f64>],
    /// U', k × m.
    output: Mat<f64>,
    /// What damping adds to the two diagonals.
    damping: (Vec<f64>, Vec<f64>),
}

impl<'a> Preconditioner<'a> {
    /// `None` when a matrix is not finite.
    fn new(
        inputs: &'a Mat<f64>,
        coupling: &'a [Mat<f64>],
        point: &Evaluation,
        weights: &Weights,
        shape: &Shape,
        damping: f64,
    ) -> Option<Preconditioner<'a>> {
        let k = shape.k;
        let output = weights.output.as_ref().subrows(0, k).to_owned();
        let gram = product::matmul(output.as_ref(), output.transpose());
        let mut units = Mat::from_fn(k, k, |i, l| gram[(i, l)] * point.slopes[(i, l)]);
        let mut activations = point.activations.clone();
        let unit_damping = damp(&mut units, damping);
        let output_damping = damp(&mut activations, damping);
        Some(Preconditioner {
            inputs,
            units: Cholesky::factor(units)?,
            activations: Cholesky::factor(activations)?,
            coupling,
            output,
            damping: (unit_damping, output_damping),
        })
    }

    fn apply(&self, gradient: &Weights) -> Weights {
        let mut output = gradient.output.clone();
        self.activations.solve(output.as_mut());
        // What is left for the hidden layer once the output layer has followed.
        let mut hidden = gradient.hidden.clone();
        let back = product::matmul(output.as_ref(), self.output.transpose());
        for (i, coupling) in self.coupling.iter().enumerate() {
            let coupled = product::matmul(coupling.as_ref(), back.as_ref().subcols(i, 1));
            hidden.col_as_slice_mut(i).iter_mut().zip(coupled.col_as_slice(0)).for_each(|(g, c)| *g -= c);
        }
        triangular::solve_lower(self.inputs.transpose(), hidden.as_mut());
        triangular::solve_upper(self.inputs.as_ref(), hidden.as_mut());
        let mut transposed = hidden.transpose().to_owned();
        self.units.solve(transposed.as_mut());
        let hidden = transposed.transpose().to_owned();
        let mut followed = Mat::zeros(self.output.nrows(), output.nrows());
        for (i, coupling) in self.coupling.iter().enumerate() {
            let row = product::matmul(hidden.as_ref().subcols(i, 1).transpose(), coupling.as_ref());
            followed.as_mut().subrows_mut(i, 1).copy_from(row);
        }
        let mut correction = product::matmul(followed.transpose(), self.output.as_ref());
        self.activations.solve(correction.as_mut());
        output -= &correction;
        Weights { hidden, output }
    }

    fn add_damping(&self, image: &mut Weights, change: &Weights) {
        let scaled = product::matmul(self.inputs.as_ref(), change.hidden.as_ref());
        let scaled = product::matmul(self.inputs.transpose(), scaled.as_ref());
        for (i, damping) in self.damping.0.iter().enumerate() {
            let column = image.hidden.col_as_slice_mut(i).iter_mut();
            column.zip(scaled.col_as_slice(i)).for_each(|(v, s)| *v += damping * s);
        }
        for o in 0..image.output.ncols() {
            let column = image.output.col_as_slice_mut(o).iter_mut().zip(change.output.col_as_slice(o));
            column.zip(&self.damping.1).for_each(|((v, c), damping)| *v += damping * c);
        }
    }
}

impl Curvature<'_> {
    /// Σ s_i y z' for each unit, from some of the blocks.
    pub fn coupling(&self, weights: &Weights, shape: &Shape) -> Vec<Mat<f64>> {
        let (k, h, q, n) = (shape.k, shape.h(), shape.q(), self.source.n());
        let blocks: Vec<(Vec<Mat<f64>>, usize)> = self
            .sampled
            .par_iter()
            .map(|&index| {
                let (x, _) = self.source.block(index);
                let mut work = Block::new(shape);
                work.activate(weights, shape, x);
                let inputs = with_constant(x, h);
                let values = with_constant(work.z().transpose(), q);
                let moment = |i: usize| {
                    let mut scaled = values.clone();
                    for p in 0..q {
                        let column = scaled.col_as_slice_mut(p).iter_mut();
                        column.zip(work.slope().col(i).iter()).for_each(|(v, s)| *v *= s);
                    }
                    product::matmul(inputs.transpose(), scaled.as_ref())
                };
                ((0..k).map(moment).collect(), x.ncols())
            })
            .collect();
        let scale = n as f64 / blocks.iter().map(|(_, count)| *count).sum::<usize>().max(1) as f64;
        let total = |i: usize| {
            let mut sum = Mat::zeros(h, q);
            blocks.iter().for_each(|(moments, _)| sum += &moments[i]);
            scale * sum
        };
        (0..k).map(total).collect()
    }
}

/// Adds `damping` times the diagonal, and a little more than nothing where that is zero; returns what was added.
fn damp(a: &mut Mat<f64>, damping: f64) -> Vec<f64> {
    let largest = (0..a.nrows()).map(|i| a[(i, i)]).fold(f64::MIN_POSITIVE.sqrt(), f64::max);
    let added = |i: usize| (damping + RIDGE) * a[(i, i)].max(tolerance::EPS.sqrt() * largest);
    let added: Vec<f64> = (0..a.nrows()).map(added).collect();
    added.iter().enumerate().for_each(|(i, value)| a[(i, i)] += value);
    added
}

/// The transpose of a block, with a column of ones when it has one row less than is wanted.
fn with_constant(x: MatRef<'_, f64>, wanted: usize) -> Mat<f64> {
    let mut rows = Mat::zeros(x.ncols(), wanted);
    rows.as_mut().subcols_mut(0, x.nrows()).copy_from(x.transpose());
    if wanted > x.nrows() {
        rows.col_as_slice_mut(wanted - 1).fill(1.0);
    }
    rows
}

fn stack(top: &Mat<f64>, bottom: &Mat<f64>) -> Mat<f64> {
    let mut stacked = Mat::zeros(top.nrows() + bottom.nrows(), top.ncols());
    stacked.as_mut().subrows_mut(0, top.nrows()).copy_from(top);
    stacked.as_mut().subrows_mut(top.nrows(), bottom.nrows()).copy_from(bottom);
    stacked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::clipping::Clipping;
    use crate::fit::information::Information;
    use orthant_linalg::random;
    use orthant_network::{BiasKind, PlantedSpec, Samples};

    /// A product with the matrix that [`Information`] forms, block by block.
    fn dense_product(information: &Information, shape: &Shape, change: &Weights) -> Weights {
        let (h, k) = (shape.h(), shape.k);
        let flat = Mat::from_fn(h * k, 1, |i, _| change.hidden[(i % h, i / h)]);
        let mut hidden = product::matmul(information.hidden().as_ref(), flat.as_ref());
        let mut output = Mat::zeros(shape.q(), shape.m);
        for o in 0..shape.m {
            let column = change.output.as_ref().subcols(o, 1);
            product::matmul_add(hidden.as_mut(), 1.0, information.coupling(o).as_ref(), column);
            let mut part = product::matmul(information.output(o).as_ref(), column);
            product::matmul_add(part.as_mut(), 1.0, information.coupling(o).transpose(), flat.as_ref());
            output.as_mut().subcols_mut(o, 1).copy_from(part);
        }
        Weights { hidden: Mat::from_fn(h, k, |r, i| hidden[(i * h + r, 0)]), output }
    }

    #[test]
    fn products_are_those_with_the_matrix_with_and_without_clipping() {
        for (index, name) in ["relu", "leaky-relu:0.3", "power:2"].into_iter().enumerate() {
            let activation = name.parse().expect("built in");
            let spec =
                PlantedSpec { m: 4, k: 3, d: 5, bias: BiasKind::Both, activation, ..PlantedSpec::default() };
            let mut planted = spec.plant(BLOCK + 100).expect("valid");
            let bounds = Clipping::new(vec![-1.0; 4], vec![1.5; 4]).expect("ordered");
            for clipping in [None, Some(&bounds)] {
                if clipping.is_some() {
                    planted
                        .a
                        .as_mut()
                        .col_iter_mut()
                        .for_each(|a| a.iter_mut().for_each(|a| *a = a.clamp(-1.0, 1.5)));
                }
                let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("finite");
                let source = Source::new(&samples, clipping);
                let shape = Shape::of(&planted.network);
                let rng = &mut random::stream(index as u64, "product", 0);
                let change =
                    Weights { hidden: random::gaussian(6, 3, rng), output: random::gaussian(4, 4, rng) };
                let weights = Weights::of(&planted.network).moved(0.1, &change);
                let found = Curvature::new(&source, &shape).product(&change, &weights, &shape);
                let expected = dense_product(&Information::at(&source, &weights, &shape), &shape, &change);
                let error = found.moved(-1.0, &expected);
                let relative = (error.dot(&error) / expected.dot(&expected)).sqrt();
                assert!(relative <= tolerance::backward(BLOCK + 100, 22), "{name}: {relative}");
            }
        }
    }

    /// With one unit, Gaussian inputs and all samples in the moments, the preconditioner is the inverse of the matrix up to what
    /// the output layer explains, which is the free scale: one product suffices for nine tenths of the decrease.
    #[test]
    fn the_preconditioner_is_close_to_the_inverse() {
        let planted =
            PlantedSpec { m: 3, k: 1, d: 20, seed: 1, ..PlantedSpec::default() }.plant(4000).expect("valid");
        let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("finite");
        let source = Source::new(&samples, None);
        let shape = Shape::of(&planted.network);
        let rng = &mut random::stream(3, "start", 0);
        let change = Weights { hidden: random::gaussian(20, 1, rng), output: random::gaussian(1, 3, rng) };
        let weights = Weights::of(&planted.network).moved(1e-6, &change);
        let point = Evaluation::at(&source, &weights, &shape);
        let curvature = Curvature::new(&source, &shape);
        let coupling = curvature.coupling(&weights, &shape);
        let step = curvature.step(&point, &weights, &shape, &coupling, 0.0, 0.0).expect("finite");
        let after = Evaluation::at(&source, &weights.moved(1.0, &step.direction), &shape);
        assert!(
            step.products <= 3 && after.loss <= 0.1 * point.loss,
            "{} {}",
            step.products,
            after.loss / point.loss
        );
    }
}
