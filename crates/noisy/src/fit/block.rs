//! What a network does to one block of samples, and how that changes with the weights.

use orthant_linalg::{Mat, MatMut, MatRef, product};
use orthant_network::Activation;

use super::clipping::Clipping;
use super::pass::BLOCK;
use super::weights::{Shape, Weights};

/// Workspace for one block: rows are samples, columns are units or outputs.
pub(crate) struct Block {
    /// Rows in use.
    rows: usize,
    /// Activations, BLOCK × k; before that, what they are applied to.
    z: Mat<f64>,
    /// f' at what the activations are applied to, BLOCK × k.
    slope: Mat<f64>,
    /// Residuals, BLOCK × m: predictions minus labels, zero where the label is satisfied.
    residual: Mat<f64>,
    /// Values that are pulled back from outputs to units, BLOCK × k.
    pulled: Mat<f64>,
}

impl Block {
    pub fn new(shape: &Shape) -> Block {
        Block {
            rows: 0,
            z: Mat::zeros(BLOCK, shape.k),
            slope: Mat::zeros(BLOCK, shape.k),
            residual: Mat::zeros(BLOCK, shape.m),
            pulled: Mat::zeros(BLOCK, shape.k),
        }
    }

    pub fn z(&self) -> MatRef<'_, f64> {
        self.z.as_ref().subrows(0, self.rows)
    }

    pub fn slope(&self) -> MatRef<'_, f64> {
        self.slope.as_ref().subrows(0, self.rows)
    }

    pub fn residual(&self) -> MatRef<'_, f64> {
        self.residual.as_ref().subrows(0, self.rows)
    }

    /// Activations and their slopes at the columns of a block: 2kd operations for each.
    pub fn activate(&mut self, weights: &Weights, shape: &Shape, x: MatRef<'_, f64>) {
        self.rows = x.ncols();
        preactivate(self.z.as_mut().subrows_mut(0, self.rows), &weights.hidden, shape, x);
        for i in 0..shape.k {
            let rows = self.rows;
            let (z, slope) =
                (&mut self.z.col_as_slice_mut(i)[..rows], &mut self.slope.col_as_slice_mut(i)[..rows]);
            activate(&shape.activation, z, slope);
        }
    }

    /// Activations and their changes in the place of what the activation is applied to and its changes: `both` is BLOCK × 2k.
    pub fn activate_and_move(&mut self, both: &mut Mat<f64>, rows: usize, shape: &Shape) {
        self.rows = rows;
        for i in 0..shape.k {
            let slope = &mut self.slope.col_as_slice_mut(i)[..rows];
            let z = &mut self.z.col_as_slice_mut(i)[..rows];
            z.copy_from_slice(&both.col_as_slice(i)[..rows]);
            activate(&shape.activation, z, slope);
            both.col_as_slice_mut(i)[..rows].copy_from_slice(z);
            let moved = &mut both.col_as_slice_mut(shape.k + i)[..rows];
            moved.iter_mut().zip(slope.iter()).for_each(|(moved, slope)| *moved *= slope);
        }
    }

    /// Residuals from the activations: 2km operations for each sample.
    pub fn subtract_labels(
        &mut self,
        weights: &Weights,
        shape: &Shape,
        labels: MatRef<'_, f64>,
        clipping: Option<&Clipping>,
    ) {
        let rows = self.rows;
        let units = weights.output.as_ref().subrows(0, shape.k);
        let mut residual = self.residual.as_mut().subrows_mut(0, rows);
        product::matmul_into(residual.as_mut(), self.z.as_ref().subrows(0, rows), units);
        for o in 0..shape.m {
            let bias = if shape.output_bias { weights.output[(shape.k, o)] } else { 0.0 };
            let column = &mut self.residual.col_as_slice_mut(o)[..rows];
            let row = labels.row(o);
            match clipping {
                None => column.iter_mut().zip(row.iter()).for_each(|(r, a)| *r = *r + bias - a),
                Some(clipping) => column.iter_mut().zip(row.iter()).for_each(|(r, &a)| {
                    let prediction = *r + bias;
                    *r = if clipping.satisfied(o, a, prediction) { 0.0 } else { prediction - a };
                }),
            }
        }
    }

    /// Sets `values` to zero where the residual is exactly zero: the label is satisfied, or met.
    pub fn clear_satisfied(&self, values: &mut MatMut<'_, f64>) {
        for (o, column) in values.as_mut().col_iter_mut().enumerate() {
            let residual = &self.residual.col_as_slice(o)[..self.rows];
            column.iter_mut().zip(residual).for_each(|(v, &r)| *v = if r == 0.0 { 0.0 } else { *v });
        }
    }

    /// Sum of squared residuals.
    pub fn sum_of_squares(&self) -> f64 {
        let squares = |o| {
            let column = &self.residual.col_as_slice(o)[..self.rows];
            product::dot(column, column)
        };
        (0..self.residual.ncols()).map(squares).sum()
    }

    /// Adds J'(values) to `gradient`, for values of one row per sample and one column per output: 2k(d + 2m) operations for each
    /// sample.
    pub fn pull_back(
        &mut self,
        gradient: &mut Weights,
        weights: &Weights,
        shape: &Shape,
        x: MatRef<'_, f64>,
        values: MatRef<'_, f64>,
    ) {
        let rows = self.rows;
        let units = weights.output.as_ref().subrows(0, shape.k);
        product::matmul_into(self.pulled.as_mut().subrows_mut(0, rows), values, units.transpose());
        for i in 0..shape.k {
            let (pulled, slope) =
                (&mut self.pulled.col_as_slice_mut(i)[..rows], &self.slope.col_as_slice(i)[..rows]);
            pulled.iter_mut().zip(slope).for_each(|(p, s)| *p *= s);
            if shape.hidden_bias {
                gradient.hidden[(shape.d, i)] += pulled.iter().sum::<f64>();
            }
        }
        let hidden = gradient.hidden.as_mut().subrows_mut(0, shape.d);
        product::matmul_add(hidden, 1.0, x, self.pulled.as_ref().subrows(0, rows));
        let output = gradient.output.as_mut().subrows_mut(0, shape.k);
        product::matmul_add(output, 1.0, self.z.as_ref().subrows(0, rows).transpose(), values);
        if shape.output_bias {
            for o in 0..shape.m {
                gradient.output[(shape.k, o)] += values.col(o).iter().sum::<f64>();
            }
        }
    }

    /// [`Block::pull_back`] of the residuals.
    pub fn pull_back_residual(
        &mut self,
        gradient: &mut Weights,
        weights: &Weights,
        shape: &Shape,
        x: MatRef<'_, f64>,
    ) {
        let residual = std::mem::replace(&mut self.residual, Mat::new());
        self.pull_back(gradient, weights, shape, x, residual.as_ref().subrows(0, self.rows));
        self.residual = residual;
    }
}

/// V x + b of a block, one row for each sample.
pub(crate) fn preactivate(mut t: MatMut<'_, f64>, hidden: &Mat<f64>, shape: &Shape, x: MatRef<'_, f64>) {
    product::matmul_into(t.as_mut(), x.transpose(), hidden.as_ref().subrows(0, shape.d));
    if shape.hidden_bias {
        for (i, column) in t.col_iter_mut().enumerate() {
            let bias = hidden[(shape.d, i)];
            column.iter_mut().for_each(|t| *t += bias);
        }
    }
}

/// Overwrites t by f(t) and `slope` by f'(t).
pub(crate) fn activate(activation: &Activation, t: &mut [f64], slope: &mut [f64]) {
    if activation.is_relu() {
        for (t, slope) in t.iter_mut().zip(slope) {
            *slope = if *t > 0.0 { 1.0 } else { 0.0 };
            *t = t.max(0.0);
        }
    } else {
        for (t, slope) in t.iter_mut().zip(slope) {
            *slope = activation.derivative(*t);
            *t = activation.value(*t);
        }
    }
}
