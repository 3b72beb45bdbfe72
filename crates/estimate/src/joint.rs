//! All units at once from their activation patterns: the exact finish for m < k.
//!
//! With the patterns known, A_j = Σ_i 1(t_ij > 0) G_i z_j + c is linear in G_i = u_i w_i', one block of r columns for each unit and
//! output. A QR of that design gives all blocks, its triangle says how well each is determined, and a unit is read off its block,
//! which has rank one.

use orthant_linalg::qr::{self, Qr};
use orthant_linalg::{LinalgError, Mat, product, spectrum, tolerance, triangular};

use crate::problem::Problem;

/// The solution for one set of patterns.
#[derive(Debug, Clone)]
pub struct Joint {
    /// Directions of the units, r × k, unit norm.
    pub directions: Mat<f64>,
    /// Relative residual of the linear system, without the condition of rank one.
    pub residual: f64,
    /// For each unit, how far its block of columns is from the span of the others: every combination of unit norm of its columns has
    /// at least this distance. Columns count as divided by √n, so that inputs of root mean square 1 give norms of 1 at most.
    pub gaps: Vec<f64>,
    /// For each unit, the second singular value of its block over the first; 0 for one output.
    pub defects: Vec<f64>,
    /// For each unit, norm of its block over that of the labels.
    pub sizes: Vec<f64>,
    /// Whether the directions have the patterns that they were computed from on all samples used, and none of these on a kink.
    pub consistent: bool,
    /// Samples used: those off all kinks.
    pub n_used: usize,
}

/// Rounds of patterns to directions to patterns at most; from directions known to a few digits, one or two suffice.
const MAX_ROUNDS: usize = 6;

/// Values before the rectifier below this part of their root mean square are on the kink: such samples tell nothing about patterns.
const ON_KINK: f64 = 1e-8;

/// Solves for all units given their patterns, repeats with the patterns of the solution until they stay, and returns the last
/// solution; `None` when the samples do not determine the blocks (the design loses rank).
///
/// # Shapes
/// `directions` is r × k; [`Problem::affine`] is not used.
///
/// # Guarantee
/// When `consistent`, no other network with the same patterns explains the labels, up to the scale moved between u_i and w_i: the
/// design has full column rank, with each unit's part of the smallest singular value in `gaps`.
///
/// # Errors
/// [`LinalgError::NoConvergence`] on overflow.
///
/// # Cost
/// A QR of n × (kr + 1) for each round, 2nk²r² operations, in blocks of rows: memory for two triangles.
///
/// # Paper
/// Algorithm 6 asks for rank(U) = k. This is its system without the step that isolates a unit.
pub fn solve_joint(problem: &Problem<'_>, directions: &Mat<f64>) -> Result<Option<Joint>, LinalgError> {
    let mut current = directions.clone();
    let mut last = None;
    for _ in 0..MAX_ROUNDS {
        let Some(joint) = solve_once(problem, &current)? else { return Ok(None) };
        current = joint.directions.clone();
        let done = joint.consistent;
        last = Some(joint);
        if done {
            break;
        }
    }
    Ok(last)
}

fn solve_once(problem: &Problem<'_>, directions: &Mat<f64>) -> Result<Option<Joint>, LinalgError> {
    let (n, m) = problem.labels.shape();
    let (r, k) = directions.shape();
    let constant = usize::from(problem.bias.output());
    let q = k * r + constant;
    let t = product::matmul(problem.inputs, directions.as_ref());
    let kinks = |t: &Mat<f64>| -> Vec<f64> {
        (0..k).map(|i| ON_KINK * product::norm(t.col_as_slice(i)) / (n as f64).sqrt()).collect()
    };
    let kink = kinks(&t);
    let used: Vec<usize> = (0..n).filter(|&j| (0..k).all(|i| t[(j, i)].abs() > kink[i])).collect();
    if used.len() < q {
        return Ok(None);
    }
    let scale = 1.0 / (used.len() as f64).sqrt();
    let mut upper = Mat::zeros(0, q + m);
    let mut label_norm = 0.0f64;
    for rows in used.chunks(4 * (q + m)) {
        let block = Mat::from_fn(rows.len(), q + m, |row, col| {
            let j = rows[row];
            if col < k * r {
                if t[(j, col / r)] > 0.0 { scale * problem.inputs[(j, col % r)] } else { 0.0 }
            } else if col < q {
                scale
            } else {
                problem.labels[(j, col - q)]
            }
        });
        label_norm = label_norm.hypot(product::frobenius(block.as_ref().subcols(q, m)));
        upper = qr::stack_r(upper.as_ref(), block.as_ref());
    }
    let design = upper.as_ref().submatrix(0, 0, q, q);
    let bound = triangular::next_singular_bound(design, Mat::zeros(q, 0).as_ref());
    if bound <= (q as f64).sqrt() * tolerance::backward(used.len(), q) * product::frobenius(design) {
        return Ok(None);
    }
    let mut blocks = upper.as_ref().submatrix(0, q, q, m).to_owned();
    triangular::solve_upper(design, blocks.as_mut());
    let mut inverse = Mat::identity(q, q);
    triangular::solve_upper(design, inverse.as_mut());
    let left = upper.as_ref().submatrix(q, q, upper.nrows() - q, m);
    let label_norm = label_norm.max(f64::MIN_POSITIVE);
    let mut found = Mat::zeros(r, k);
    let (mut gaps, mut defects, mut sizes) = (vec![], vec![], vec![]);
    for i in 0..k {
        gaps.push(1.0 / product::frobenius(inverse.as_ref().subrows(i * r, r)));
        let block = blocks.as_ref().subrows(i * r, r);
        let svd = spectrum::thin_svd(block)?;
        let first = svd.s[0].max(f64::MIN_POSITIVE);
        defects.push(svd.s.get(1).copied().unwrap_or(0.0) / first);
        sizes.push(first / label_norm);
        let left = svd.u.col_as_slice(0);
        let sign = if product::dot(left, directions.col_as_slice(i)) < 0.0 { -1.0 } else { 1.0 };
        found.col_as_slice_mut(i).iter_mut().zip(left).for_each(|(w, l)| *w = sign * l);
    }
    let again = product::matmul(problem.inputs, found.as_ref());
    // A sample that the solution puts on a kink has either pattern: the next round is to do without it.
    let kink = kinks(&again);
    let same =
        |j: usize, i: usize| (t[(j, i)] > 0.0) == (again[(j, i)] > 0.0) && again[(j, i)].abs() > kink[i];
    let consistent = used.iter().all(|&j| (0..k).all(|i| same(j, i)));
    Ok(Some(Joint {
        directions: found,
        residual: product::frobenius(left) / label_norm,
        gaps,
        defects,
        sizes,
        consistent,
        n_used: used.len(),
    }))
}

/// Rank of the inputs on which a unit is active, those on its kink not counted.
///
/// # Shapes
/// `direction` has length r, a coefficient for each column of [`Problem::inputs`].
///
/// # Errors
/// As [`solve_joint`].
///
/// # Cost
/// 2nr operations for the values before the activation, and a QR of the p active inputs, 2pr² + O(r³).
pub fn active_rank(problem: &Problem<'_>, direction: &[f64]) -> Result<usize, LinalgError> {
    let (n, r) = problem.inputs.shape();
    let column = Mat::from_fn(r, 1, |i, _| direction[i]);
    let t = product::matmul(problem.inputs, column.as_ref());
    let kink = ON_KINK * product::frobenius(t.as_ref()) / (n as f64).sqrt();
    let active: Vec<usize> = (0..n).filter(|&j| t[(j, 0)] > kink).collect();
    let rows = Mat::from_fn(active.len(), r, |i, j| problem.inputs[(active[i], j)]);
    let s = spectrum::singular_values(Qr::factor(rows).r().as_ref())?;
    Ok(spectrum::rank_at(&s, crate::frame::input_tolerance(active.len(), r)).rank)
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::random;
    use orthant_network::{Activation, BiasKind, PlantedSpec};

    #[test]
    fn directions_known_to_four_digits_become_exact() {
        for (m, bias) in [(1, BiasKind::None), (2, BiasKind::None), (1, BiasKind::Output)] {
            let spec = PlantedSpec { m, k: 4, d: 5, bias, seed: 6, ..PlantedSpec::default() };
            let p = spec.plant(400).expect("valid");
            let (x, a) = (p.x.transpose().to_owned(), p.a.transpose().to_owned());
            let problem = Problem {
                inputs: x.as_ref(),
                labels: a.as_ref(),
                bias,
                affine: false,
                activation: &Activation::RELU,
            };
            let v = p.network.v().transpose().to_owned();
            let start = &v + 1e-4 * random::gaussian(5, 4, &mut random::stream(7, "joint", 0));
            let joint = solve_joint(&problem, &start).expect("finite").expect("full rank");
            assert!(joint.consistent);
            let tol = tolerance::backward(400, 21);
            assert!(joint.residual <= tol, "{}", joint.residual);
            for i in 0..4 {
                let error: f64 = (0..5).map(|r| (joint.directions[(r, i)] - v[(r, i)]).abs()).sum();
                // The block is known to the residual over its gap, relative to its size.
                assert!(error <= 10.0 * tol / (joint.gaps[i] * joint.sizes[i]).min(1.0), "{error}");
                assert!(joint.defects[i] <= tol / (joint.gaps[i] * joint.sizes[i]).min(1.0));
                assert_eq!(active_rank(&problem, v.col_as_slice(i)).expect("finite"), 5);
            }
        }
    }

    #[test]
    fn two_units_with_one_kink_are_not_determined() {
        let spec = PlantedSpec { m: 1, k: 2, d: 4, seed: 8, ..PlantedSpec::default() };
        let p = spec.plant(200).expect("valid");
        let (x, a) = (p.x.transpose().to_owned(), p.a.transpose().to_owned());
        let problem = Problem {
            inputs: x.as_ref(),
            labels: a.as_ref(),
            bias: BiasKind::None,
            affine: false,
            activation: &Activation::RELU,
        };
        let v = p.network.v().transpose().to_owned();
        let doubled = Mat::from_fn(4, 3, |r, i| v[(r, i.min(1))]);
        assert!(solve_joint(&problem, &doubled).expect("finite").is_none());
    }
}
