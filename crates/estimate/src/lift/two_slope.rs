//! Units of leaky ReLU and |t| from the null space of the lift.

use orthant_linalg::eigen::real_eigenvectors;
use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::{LinalgError, Mat, MatRef, product, random, spectrum, tolerance};
use rayon::prelude::*;

use super::{Lift, MAX_PAIRS};
use crate::error::SearchError;
use crate::frame::Frame;
use crate::unit::{self, Unit};

/// Slope below which v is read off t² and no longer off z t, whose coefficient is 1 + slope against one of slope.
const SQUARES_BELOW: f64 = -0.5;

impl Lift {
    /// As [`Lift::units`].
    ///
    /// Null vectors are W = Σ c_i w_i w_i', B = −(1 + s) Σ c_i w_i v_i', C = s Σ c_i v_i v_i' with the same c_i. The eigenvectors of
    /// W₁ W₂⁻¹ are the w_i; the dual basis gives the c_i of each null vector, the combination of null vectors that has c = e_i
    /// isolates v_i, and its signs on the samples are a pattern.
    pub(super) fn two_slope_units(
        &self,
        frame: &Frame,
        found: &mut Vec<Unit>,
        seed: u64,
    ) -> Result<usize, SearchError> {
        let k = frame.k();
        let mut eigenproblems = 0;
        if self.blocks.len() < k {
            return Ok(0);
        }
        for pair in 0..MAX_PAIRS {
            if found.len() >= frame.n_rectified() {
                break;
            }
            eigenproblems += 1;
            let rng = &mut random::stream(seed, "lift, two slopes", pair as u64);
            let mut combine = || {
                let mut sum = Mat::zeros(k, k);
                for block in &self.blocks {
                    let weight = random::gaussian_vec(1, rng)[0];
                    sum += weight * block.products.as_ref().subcols(0, k);
                }
                sum
            };
            let (first, second) = (combine(), combine());
            let factor = RankRevealing::new(second, tolerance::backward(k, k))?;
            // W₁ W₂⁻¹ is the transpose of W₂⁻¹ W₁, both being symmetric.
            let eigen = real_eigenvectors(factor.solve(first.as_ref()).transpose())?;
            let directions = self.directions(frame, eigen.vectors.as_ref())?;
            let units: Vec<Unit> =
                directions.par_iter().flat_map_iter(|direction| units_along(frame, direction)).collect();
            for unit in units {
                if found.len() < frame.n_rectified()
                    && !found.iter().any(|known| unit::same_unit(known, &unit))
                {
                    found.push(unit);
                }
            }
        }
        Ok(eigenproblems)
    }

    /// The v_i that go with the w_i, up to sign and scale.
    fn directions(&self, frame: &Frame, w: MatRef<'_, f64>) -> Result<Vec<Mat<f64>>, LinalgError> {
        let (k, r) = (frame.k(), frame.inputs().ncols());
        let dual = RankRevealing::new(w.to_owned(), tolerance::backward(k, k))?
            .solve(Mat::<f64>::identity(k, k).as_ref());
        let mut coefficients = Mat::zeros(k, self.blocks.len());
        for (l, block) in self.blocks.iter().enumerate() {
            let left = product::matmul(dual.as_ref(), block.products.as_ref().subcols(0, k));
            for i in 0..k {
                coefficients[(i, l)] = (0..k).map(|a| left[(i, a)] * dual[(i, a)]).sum::<f64>();
            }
        }
        let isolating = RankRevealing::new(coefficients, tolerance::backward(k, self.blocks.len()))?
            .solve(Mat::<f64>::identity(k, k).as_ref());
        (0..k)
            .map(|i| {
                let mut mixed = Mat::zeros(1, r);
                let mut squares = Mat::zeros(r, r);
                for (l, block) in self.blocks.iter().enumerate() {
                    let left = dual.as_ref().subrows(i, 1);
                    let part = product::matmul(left, block.products.as_ref().subcols(k, r));
                    mixed += isolating[(l, i)] * part;
                    squares += isolating[(l, i)] * &block.squares;
                }
                direction(frame, mixed.as_ref(), squares.as_ref())
            })
            .collect()
    }
}

/// The v of a unit with W = w w', from e'B (`mixed`, where e'w = 1) and C (`squares`).
///
/// With both biases the coefficients at the constant contain the offset w₀ of z as well: e'B ends in 2w₀ − (1 + s)b, and C has
/// (s b − (1 + s)w₀/2) v beside s v v': two equations for b and w₀.
fn direction(
    frame: &Frame,
    mixed: MatRef<'_, f64>,
    squares: MatRef<'_, f64>,
) -> Result<Mat<f64>, LinalgError> {
    let slope = frame.activation().negative_slope().expect("only called for two slopes");
    let r = squares.nrows();
    let varying = r - usize::from(frame.bias().hidden());
    let by_squares = slope < SQUARES_BELOW;
    let mut v = Mat::zeros(r, 1);
    if by_squares {
        let svd = spectrum::thin_svd(squares.subcols(0, varying).subrows(0, varying))?;
        let size = svd.s.first().map_or(0.0, |s| (s / -slope).sqrt());
        (0..varying).for_each(|j| v[(j, 0)] = size * svd.u[(j, 0)]);
    } else {
        (0..varying).for_each(|j| v[(j, 0)] = -mixed[(0, j)] / (1.0 + slope));
    }
    if varying < r {
        let along = |row: &dyn Fn(usize) -> f64| (0..varying).map(|j| row(j) * v[(j, 0)]).sum::<f64>();
        let square = along(&|j| v[(j, 0)]);
        // (1 + s) b − 2 w₀, with the sign of v, and s b − (1 + s) w₀ / 2.
        let by_mixed = -mixed[(0, varying)] * (-along(&|j| mixed[(0, j)])).signum();
        let by_square = along(&|j| squares[(varying, j)]) / square;
        let offset = if frame.bias().output() {
            2.0 * (slope * by_mixed - (1.0 + slope) * by_square) / (1.0 - slope).powi(2)
        } else {
            0.0
        };
        v[(varying, 0)] = if by_squares {
            (by_square + (1.0 + slope) * offset / 2.0) / slope
        } else {
            (by_mixed + 2.0 * offset) / (1.0 + slope)
        };
    }
    Ok(v)
}

/// The unit whose values before the activation are along a direction. Both signs are followed, since the wrong one may lead to
/// another unit.
fn units_along(frame: &Frame, direction: &Mat<f64>) -> impl Iterator<Item = Unit> {
    let t = product::matmul(frame.inputs(), direction.as_ref());
    [1.0, -1.0].into_iter().filter_map(move |sign| {
        let signed: Vec<f64> = t.col_as_slice(0).iter().map(|t| sign * t).collect();
        unit::settle(frame, &signed).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::super::n_monomials;
    use super::*;
    use crate::progress::Reporter;
    use orthant_network::{Activation, BiasKind, PlantedSpec, Samples};
    use std::ops::ControlFlow;

    fn lifted(spec: &PlantedSpec, n: usize) -> (Frame, Lift, Vec<Unit>) {
        let p = spec.plant(n).expect("valid");
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let frame = Frame::new(&samples, spec.bias, None).expect("finite").0;
        let frame = frame.with_activation(spec.activation.clone());
        let mut callback = |_| ControlFlow::Continue(());
        let lift = Lift::compute(&frame, &mut Reporter::new(&mut callback))
            .expect("finite")
            .expect("enough samples");
        let mut units = Vec::new();
        lift.units(&frame, &mut units, 0).expect("finite");
        (frame, lift, units)
    }

    #[test]
    fn the_null_space_gives_all_units_and_their_uniqueness() {
        for name in ["leaky-relu:0.1", "leaky-relu:0.5", "leaky-relu:-0.7", "abs"] {
            for bias in [BiasKind::None, BiasKind::Hidden, BiasKind::Output, BiasKind::Both] {
                let activation: Activation = name.parse().expect("built in");
                let spec =
                    PlantedSpec { m: 6, k: 5, d: 7, bias, activation, seed: 4, ..PlantedSpec::default() };
                let (frame, lift, units) = lifted(&spec, 200);
                assert_eq!((units.len(), lift.null_dimension), (5, 5), "{name} {bias:?}");
                assert_eq!(lift.monomials, n_monomials(&frame));
                assert!(lift.proves_uniqueness(&frame, &units, false), "{name} {bias:?}: {lift:?}");
                assert!(!lift.proves_uniqueness(&frame, &units[..4], false), "{name} {bias:?}");
            }
        }
    }

    #[test]
    fn wrong_slopes_have_no_null_space() {
        let activation = Activation::leaky_relu(0.1).expect("a slope");
        let spec = PlantedSpec { m: 6, k: 5, d: 7, activation, seed: 4, ..PlantedSpec::default() };
        let p = spec.plant(200).expect("valid");
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let frame = Frame::new(&samples, spec.bias, None).expect("finite").0;
        // |t| satisfies another identity: none of its monomials combine to zero here.
        let frame = frame.with_activation(Activation::ABSOLUTE);
        let mut callback = |_| ControlFlow::Continue(());
        let lift = Lift::compute(&frame, &mut Reporter::new(&mut callback))
            .expect("finite")
            .expect("enough samples");
        assert_eq!(lift.null_dimension, 0);
        let mut units = Vec::new();
        assert_eq!(lift.units(&frame, &mut units, 0).expect("finite"), 0);
        assert!(units.is_empty());
    }
}
