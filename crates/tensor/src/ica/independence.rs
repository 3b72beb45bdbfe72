//! Whether sources are independent: correlations of their squares.

use orthant_linalg::{Mat, MatRef, product, tolerance};

use super::Unmixing;
use crate::error::{TensorError, dimension, finite};
use crate::moment::{over_chunks, some_columns};
use crate::whiten::Affine;

/// How much the squares of sources are correlated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dependence {
    /// Root mean square, over pairs of sources, of the correlation of their squares.
    pub correlation: f64,
    /// The same times √n: about 1 for independent sources.
    pub deviations: f64,
    /// Number of pairs.
    pub pairs: usize,
}

/// Sums over columns from which the dependence of sources is computed; they can be merged.
#[derive(Debug, Clone)]
pub struct IndependenceSums {
    unmix: Affine,
    n: usize,
    /// Σ s_i².
    squares: Vec<f64>,
    /// Σ s_i² s_j².
    products: Mat<f64>,
}

/// Columns whose sources are computed at a time.
const BLOCK: usize = 512;

impl IndependenceSums {
    /// Sums over no columns.
    pub fn new(unmixing: &Unmixing) -> IndependenceSums {
        IndependenceSums::of(Affine { mean: unmixing.mean.clone(), map: unmixing.unmixing.clone() })
    }

    fn of(unmix: Affine) -> IndependenceSums {
        let k = unmix.map.nrows();
        IndependenceSums { unmix, n: 0, squares: vec![0.0; k], products: Mat::zeros(k, k) }
    }

    /// Adds columns.
    ///
    /// # Shapes
    /// `z` is m × n, with any n.
    ///
    /// # Errors
    /// [`TensorError::Shape`]; [`TensorError::NotFinite`]. Nothing has been added then.
    ///
    /// # Cost
    /// 2n(km + k²) operations; in parallel over chunks of 16 384 columns.
    pub fn add(&mut self, z: MatRef<'_, f64>) -> Result<(), TensorError> {
        dimension("number of rows of the columns", z.nrows(), self.unmix.mean.len())?;
        let total = over_chunks(
            z.ncols(),
            IndependenceSums::of(self.unmix.clone()),
            |first, cols| {
                let mut part = IndependenceSums::of(self.unmix.clone());
                for start in (first..first + cols).step_by(BLOCK) {
                    part.add_block(z.subcols(start, (first + cols - start).min(BLOCK)));
                }
                part
            },
            IndependenceSums::merge,
        );
        finite("set of columns", total.products.as_ref())?;
        self.merge(&total);
        Ok(())
    }

    fn add_block(&mut self, z: MatRef<'_, f64>) {
        let mut s = self.unmix.apply(z);
        for j in 0..s.ncols() {
            for (value, sum) in s.as_mut().col_mut(j).iter_mut().zip(&mut self.squares) {
                *value *= *value;
                *sum += *value;
            }
        }
        product::matmul_add(self.products.as_mut(), 1.0, s.as_ref(), s.transpose());
        self.n += s.ncols();
    }

    /// Adds the columns of another accumulator for the same sources.
    ///
    /// # Panics
    /// When the number of sources differs.
    pub fn merge(&mut self, other: &IndependenceSums) {
        self.n += other.n;
        self.products += &other.products;
        self.squares.iter_mut().zip(&other.squares).for_each(|(sum, value)| *sum += value);
    }

    /// The dependence over all columns. A source whose square does not vary counts as independent of all others.
    ///
    /// # Errors
    /// [`TensorError::Shape`] when there are no columns.
    ///
    /// # Cost
    /// O(k²) operations for k sources.
    pub fn finish(&self) -> Result<Dependence, TensorError> {
        some_columns(self.n)?;
        let (n, k) = (self.n as f64, self.squares.len());
        let mean: Vec<f64> = self.squares.iter().map(|s| s / n).collect();
        let covariance = |i: usize, j: usize| self.products[(i, j)] / n - mean[i] * mean[j];
        let mut sum = 0.0;
        let pairs = k * k.saturating_sub(1) / 2;
        for j in 0..k {
            for i in 0..j {
                let scale = covariance(i, i) * covariance(j, j);
                let size = self.products[(i, i)] * self.products[(j, j)] / (n * n);
                if scale > tolerance::EPS * size {
                    sum += covariance(i, j).powi(2) / scale;
                }
            }
        }
        let correlation = (sum / pairs.max(1) as f64).sqrt();
        Ok(Dependence { correlation, deviations: correlation * n.sqrt(), pairs })
    }
}
