//! Residuals of a network, summed up for each output.

use orthant_linalg::MatRef;
use orthant_network::{Network, Samples};

use super::block::Block;
use super::clipping::Clipping;
use super::pass::{GROUPS, Source};
use super::weights::{Shape, Weights};
use crate::error::NoisyError;

/// Sums over the residuals of each output; sums over several parts of the samples add up ([`Residuals::merge`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Residuals {
    /// Sum of squared residuals of each output, length m.
    pub squares: Vec<f64>,
    /// Sum of residuals of each output, length m.
    pub sums: Vec<f64>,
    /// Sum of the fourth powers of all residuals.
    pub fourth_powers: f64,
    /// Largest |residual| of each output, length m.
    pub largest: Vec<f64>,
    /// Labels of each output that are not satisfied by clipping, length m.
    pub counts: Vec<usize>,
    /// Weights that the samples were fitted with, less one for each unit whose scale is free.
    pub degrees_of_freedom: usize,
}

/// Sums up the residuals U f(Vx + b) + c − a of each output, one-sided where labels are clipped.
///
/// # Shapes
/// As [`information`](super::information()): `network` and `clipping` fit the samples; sums are for each of the m outputs.
///
/// # Errors
/// [`NoisyError::Dimension`] when samples, network and bounds do not fit.
///
/// # Cost
/// One pass of 2k(d + m) operations for each sample.
pub fn residuals(
    samples: &Samples<'_>,
    network: &Network,
    clipping: Option<&Clipping>,
) -> Result<Residuals, NoisyError> {
    super::check(samples, network, clipping)?;
    let (shape, weights) = (Shape::of(network), Weights::of(network));
    let m = shape.m;
    let new = || Residuals {
        squares: vec![0.0; m],
        sums: vec![0.0; m],
        fourth_powers: 0.0,
        largest: vec![0.0; m],
        counts: vec![0; m],
        degrees_of_freedom: shape.degrees_of_freedom(),
    };
    let add = |sum: &mut Residuals, work: &mut Block, x: MatRef<'_, f64>, a: MatRef<'_, f64>| {
        work.activate(&weights, &shape, x);
        work.subtract_labels(&weights, &shape, a, clipping);
        for o in 0..m {
            for &residual in work.residual().col(o).iter() {
                sum.squares[o] += residual * residual;
                sum.sums[o] += residual;
                sum.fourth_powers += residual.powi(4);
                sum.largest[o] = sum.largest[o].max(residual.abs());
                sum.counts[o] += usize::from(clipping.is_none() || residual != 0.0);
            }
        }
    };
    let merge = |sum: &mut Residuals, later: Residuals| sum.merge(&later);
    Ok(Source::new(samples, clipping).sum(GROUPS, new, || Block::new(&shape), add, merge))
}

impl Residuals {
    /// Adds the sums over further samples.
    ///
    /// # Panics
    /// When the numbers of outputs differ.
    pub fn merge(&mut self, other: &Residuals) {
        assert_eq!(self.squares.len(), other.squares.len(), "residuals of networks with different outputs");
        for o in 0..self.squares.len() {
            self.squares[o] += other.squares[o];
            self.sums[o] += other.sums[o];
            self.largest[o] = self.largest[o].max(other.largest[o]);
            self.counts[o] += other.counts[o];
        }
        self.fourth_powers += other.fourth_powers;
    }

    /// Sum of all squared residuals.
    pub fn loss(&self) -> f64 {
        self.squares.iter().sum()
    }

    /// Number of labels that are not satisfied by clipping.
    pub fn labels(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Mean fourth power over the square of the mean square: 3 for Gaussian noise, 1 where all residuals have one size.
    pub fn kurtosis(&self) -> f64 {
        let loss = self.loss();
        if loss > 0.0 { self.labels() as f64 * (self.fourth_powers / loss) / loss } else { 1.0 }
    }

    /// The noise variance over all outputs at the optimum of a fit: the loss over the number of labels less that of free weights.
    /// Infinite when there are no more labels than weights.
    pub fn variance(&self) -> f64 {
        let labels = self.labels();
        if labels > self.degrees_of_freedom {
            self.loss() / (labels - self.degrees_of_freedom) as f64
        } else {
            f64::INFINITY
        }
    }

    /// The noise variance of each output, each charged with an equal share of the free weights; length m.
    pub fn variances(&self) -> Vec<f64> {
        let share = self.degrees_of_freedom as f64 / self.squares.len() as f64;
        let variance = |(&square, &count): (&f64, &usize)| {
            let left = count as f64 - share;
            if left > 0.0 { square / left } else { f64::INFINITY }
        };
        self.squares.iter().zip(&self.counts).map(variance).collect()
    }
}
