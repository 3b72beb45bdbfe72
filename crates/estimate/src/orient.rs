//! Which way the units face, when an affine function of the inputs was fitted along with them.
//!
//! A = U f(T) + affine is the same function for t_i and −t_i, with another affine part: u f(t) = u f(−t) + u t. A network has no
//! affine part, so the units that face the wrong way are those with Σ_flipped u_i t_i + affine = 0 (up to a constant, when an
//! output bias is fitted): a linear system with unknowns 0 or 1.

use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::{LinalgError, Mat, product};
use orthant_network::BiasKind;

use crate::problem::{Problem, linear_fit};

/// Units facing the way in which they explain the labels by themselves.
#[derive(Debug, Clone)]
pub struct Orientation {
    /// The directions, each as given or negated, r × k.
    pub directions: Mat<f64>,
    /// Whether no other choice of signs has so small a rest.
    pub unique: bool,
    /// What the units leave of the affine part: coefficients of the inputs, r × m; for a network zero.
    pub rest: Mat<f64>,
    /// Norm of the rest over that of the terms it is the sum of, the constant aside when an output bias takes it up.
    pub relative_rest: f64,
}

/// Terms u_i t_i that are dependent to this relative singular value do not determine signs by the linear system.
const INDEPENDENT: f64 = 1e-6;

/// Up to this many units, all choices of signs are compared when the linear system does not determine them.
const MAX_ENUMERATED: usize = 18;

/// Rests below this, relative to their terms, count as zero: far above rounding, and far below what a wrong choice leaves.
pub const ZERO_REST: f64 = 1e-7;

/// Chooses the sign of each unit.
///
/// # Shapes
/// `directions` is r × k, with residual zero for `problem`, which has [`Problem::affine`] set. The constant is the last of its inputs
/// when both biases are fitted.
///
/// # Guarantee
/// When `relative_rest` is below [`ZERO_REST`] the directions returned explain the labels without an affine part. When the terms
/// u_i t_i are independent (for generic directions: k ≤ mr) the signs are those of least squares and unique; otherwise up to
/// 18 units are decided by comparing all 2^k choices, and beyond that none.
///
/// # Errors
/// [`LinalgError::NoConvergence`] on overflow.
///
/// # Cost
/// A linear fit, and 2mrk² or mr2^k operations.
pub fn orient(problem: &Problem<'_>, directions: &Mat<f64>) -> Result<Orientation, LinalgError> {
    let fit = linear_fit(problem, directions)?;
    let (r, k) = directions.shape();
    let m = fit.u.nrows();
    // The output bias takes up the constant.
    let free = r - usize::from(problem.bias == BiasKind::Both);
    let terms = Mat::from_fn(m * free, k, |row, i| fit.u[(row / free, i)] * directions[(row % free, i)]);
    let affine = Mat::from_fn(m * free, 1, |row, _| fit.affine[(row % free, row / free)]);
    let norms: Vec<f64> = (0..k).map(|i| product::norm(terms.col_as_slice(i))).collect();
    let scale = product::norm(&norms).max(f64::MIN_POSITIVE);
    let scaled = Mat::from_fn(m * free, k, |row, i| terms[(row, i)] / norms[i].max(f64::MIN_POSITIVE));
    let factor = RankRevealing::new(scaled, INDEPENDENT)?;
    let (flipped, unique) = if factor.rank().rank == k {
        let solution = factor.solve(affine.as_ref());
        let flipped = (0..k).map(|i| -solution[(i, 0)] / norms[i].max(f64::MIN_POSITIVE) > 0.5).collect();
        (flipped, true)
    } else if k <= MAX_ENUMERATED {
        best_of_all(&terms, affine.col_as_slice(0), ZERO_REST * scale)
    } else {
        (vec![false; k], false)
    };
    let rest = Mat::from_fn(r, m, |j, o| {
        let moved: f64 = (0..k).filter(|&i| flipped[i]).map(|i| fit.u[(o, i)] * directions[(j, i)]).sum();
        fit.affine[(j, o)] + moved
    });
    let relative_rest = product::frobenius(rest.as_ref().subrows(0, free)) / scale;
    let directions =
        Mat::from_fn(r, k, |j, i| if flipped[i] { -directions[(j, i)] } else { directions[(j, i)] });
    Ok(Orientation { directions, unique: unique && relative_rest <= ZERO_REST, rest, relative_rest })
}

/// The choice of terms that, added to `affine`, leaves least; and whether all others leave more than `zero`.
fn best_of_all(terms: &Mat<f64>, affine: &[f64], zero: f64) -> (Vec<bool>, bool) {
    let k = terms.ncols();
    let mut chosen = vec![false; k];
    let mut rest = affine.to_vec();
    let mut best = (product::norm(&rest), chosen.clone());
    let mut n_zero = usize::from(best.0 <= zero);
    // Gray code: each choice differs from the one before by one term.
    for step in 1..1usize << k {
        let i = step.trailing_zeros() as usize;
        let sign = if chosen[i] { -1.0 } else { 1.0 };
        chosen[i] = !chosen[i];
        rest.iter_mut().zip(terms.col_as_slice(i)).for_each(|(rest, term)| *rest += sign * term);
        let norm = product::norm(&rest);
        n_zero += usize::from(norm <= zero);
        if norm < best.0 {
            best = (norm, chosen.clone());
        }
    }
    (best.1, n_zero == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::random;
    use orthant_network::{Activation, PlantedSpec};

    fn oriented(k: usize, d: usize, wrong: &[usize]) -> (Orientation, Mat<f64>) {
        let spec = PlantedSpec { m: 1, k, d, seed: 4, ..PlantedSpec::default() };
        let p = spec.plant(400).expect("valid");
        let (x, a) = (p.x.transpose().to_owned(), p.a.transpose().to_owned());
        let problem = Problem {
            inputs: x.as_ref(),
            labels: a.as_ref(),
            bias: BiasKind::None,
            affine: true,
            activation: &Activation::RELU,
        };
        let v = p.network.v().transpose().to_owned();
        let given = Mat::from_fn(d, k, |r, i| if wrong.contains(&i) { -v[(r, i)] } else { v[(r, i)] });
        (orient(&problem, &given).expect("finite"), v)
    }

    #[test]
    fn units_are_turned_the_right_way() {
        // Independent terms, and more units than inputs.
        for (k, d) in [(4, 6), (6, 4)] {
            let (found, v) = oriented(k, d, &[0, 2]);
            assert!(found.unique && found.relative_rest <= ZERO_REST, "{}", found.relative_rest);
            assert_eq!(found.directions, v);
        }
    }

    #[test]
    fn an_affine_part_that_is_not_of_the_units_is_a_rest() {
        let rng = &mut random::stream(5, "orient", 0);
        let (x, v) = (random::gaussian(300, 4, rng), random::gaussian(4, 2, rng));
        let t = product::matmul(x.as_ref(), v.as_ref());
        let a = Mat::from_fn(300, 1, |j, _| t[(j, 0)].max(0.0) - t[(j, 1)].max(0.0) + x[(j, 3)]);
        let problem = Problem {
            inputs: x.as_ref(),
            labels: a.as_ref(),
            bias: BiasKind::None,
            affine: true,
            activation: &Activation::RELU,
        };
        let found = orient(&problem, &v).expect("finite");
        assert!(!found.unique && found.relative_rest > ZERO_REST);
    }
}
