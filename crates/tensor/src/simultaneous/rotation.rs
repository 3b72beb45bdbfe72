//! Joint diagonalisation of symmetric matrices by one rotation.

use orthant_linalg::{Mat, MatRef, tolerance};

use super::checked_square;
use super::polish::{beyond_noise, quotient};
use crate::error::TensorError;

/// A rotation that makes symmetric matrices as diagonal as possible.
#[derive(Debug, Clone)]
pub struct JointRotation {
    /// Orthonormal columns, q × q; sign and order are arbitrary.
    pub rotation: Mat<f64>,
    /// Diagonal of R'S_lR for each slice (column), q × n_slices.
    pub diagonals: Mat<f64>,
    /// √(Σ_l |off-diagonal part|² / Σ_l |S_l|²).
    pub residual: f64,
    /// Estimated error of the worst column, as in [`super::SharedEigenvectors::uncertainty`].
    pub uncertainty: f64,
    /// Sweeps over all pairs that were made.
    pub sweeps: usize,
}

/// Sweeps after which the iteration is given up; it takes about log q + 5.
const MAX_SWEEPS: usize = 100;

/// The rotation R that minimises the off-diagonal parts of R'S_lR, by Jacobi rotations.
///
/// # Shapes
/// Each slice is q × q, taken as its symmetric part.
///
/// # Guarantee
/// Slices that commute are diagonalised to rounding. For others the criterion falls with every rotation and the result is a
/// stationary point, in practice the minimum.
///
/// # Errors
/// [`TensorError::NoConvergence`] after 100 sweeps; [`TensorError::Shape`]; [`TensorError::NotFinite`].
///
/// # Cost
/// 6q³ operations per slice and sweep.
///
/// # Paper
/// For Algorithm 4 (independent component analysis) by fourth cumulants; the angles are those of Cardoso and Souloumiac,
/// *Jacobi angles for simultaneous diagonalization* (1996).
pub fn joint_rotation(slices: &[MatRef<'_, f64>]) -> Result<JointRotation, TensorError> {
    let q = checked_square(slices)?;
    let mut work: Vec<Mat<f64>> =
        slices.iter().map(|s| Mat::from_fn(q, q, |i, j| 0.5 * (s[(i, j)] + s[(j, i)]))).collect();
    let total: f64 = work.iter().map(Mat::squared_norm_l2).sum();
    let mut rotation: Mat<f64> = Mat::identity(q, q);
    let mut sweeps = 0;
    let mut turning = total > 0.0;
    while turning {
        if sweeps == MAX_SWEEPS {
            return Err(TensorError::NoConvergence {
                what: "joint rotation",
                iterations: sweeps,
                residual: (off_diagonal(&work) / total).sqrt(),
            });
        }
        turning = false;
        sweeps += 1;
        for j in 0..q {
            for i in 0..j {
                let (c, s) = angle(&work, i, j);
                if s.abs() > tolerance::EPS {
                    turning |= s.abs() > tolerance::backward(q, work.len());
                    for slice in &mut work {
                        rotate_columns(slice, i, j, c, s);
                        rotate_rows(slice, i, j, c, s);
                    }
                    rotate_columns(&mut rotation, i, j, c, s);
                }
            }
        }
    }
    let residual = if total > 0.0 { (off_diagonal(&work) / total).sqrt() } else { 0.0 };
    let diagonals = Mat::from_fn(q, work.len(), |i, l| work[l][(i, i)]);
    let uncertainty = (0..q).map(|i| uncertainty(&work, i)).fold(0.0, f64::max);
    Ok(JointRotation { rotation, diagonals, residual, uncertainty, sweeps })
}

/// Estimated error of one column: off-diagonal entries over separations, summed over the other columns.
fn uncertainty(slices: &[Mat<f64>], i: usize) -> f64 {
    let freedom = slices.len().saturating_sub(1).max(1) as f64;
    let pair = |j: usize| {
        let noise = slices.iter().map(|s| s[(i, j)].powi(2)).sum::<f64>() / freedom;
        let separation = slices.iter().map(|s| (s[(i, i)] - s[(j, j)]).powi(2)).sum();
        quotient(noise, beyond_noise(separation, noise, freedom))
    };
    (0..slices[0].nrows()).filter(|&j| j != i).map(pair).sum::<f64>().sqrt()
}

fn off_diagonal(slices: &[Mat<f64>]) -> f64 {
    let entries = |s: &Mat<f64>| -> f64 {
        let q = s.nrows();
        (0..q).map(|j| (0..q).filter(|&i| i != j).map(|i| s[(i, j)].powi(2)).sum::<f64>()).sum()
    };
    slices.iter().map(entries).sum()
}

/// Cosine and sine of the rotation of the plane (i, j) that leaves the least off the diagonal.
///
/// A rotation by θ turns (S_ii − S_jj, 2S_ij) by 2θ: the best angle puts as much as possible of the sum of squares over the
/// slices on the first coordinate.
fn angle(slices: &[Mat<f64>], i: usize, j: usize) -> (f64, f64) {
    let (mut on, mut off) = (0.0, 0.0);
    for s in slices {
        let (difference, twice) = (s[(i, i)] - s[(j, j)], 2.0 * s[(i, j)]);
        on += difference * difference - twice * twice;
        off += 2.0 * difference * twice;
    }
    let theta = 0.25 * off.atan2(on);
    (theta.cos(), theta.sin())
}

/// Columns (i, j) ← (c·i + s·j, c·j − s·i).
fn rotate_columns(a: &mut Mat<f64>, i: usize, j: usize, c: f64, s: f64) {
    for row in 0..a.nrows() {
        let (x, y) = (a[(row, i)], a[(row, j)]);
        a[(row, i)] = c * x + s * y;
        a[(row, j)] = c * y - s * x;
    }
}

fn rotate_rows(a: &mut Mat<f64>, i: usize, j: usize, c: f64, s: f64) {
    for col in 0..a.ncols() {
        let (x, y) = (a[(i, col)], a[(j, col)]);
        a[(i, col)] = c * x + s * y;
        a[(j, col)] = c * y - s * x;
    }
}
