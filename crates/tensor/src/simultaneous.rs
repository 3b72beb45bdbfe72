//! Simultaneous diagonalisation: matrices that share eigenvectors, and slices that share rank-one terms.
//!
//! | problem | function | method |
//! |---|---|---|
//! | B_l = C diag(d_l) C⁻¹ | [`shared_eigenvectors`] | Jennrich, then all slices jointly |
//! | T_l = Σ_r c_lr w_r w_r' | [`rank_one_slices`] | joint column space, Jennrich, then all slices jointly |
//! | S_l = R diag(d_l) R', R orthogonal | [`joint_rotation`] | Jacobi rotations |
//!
//! One random combination of slices separates the components as well as their least separated pair lets it; the joint step
//! that follows uses, for each pair, the slices that separate it, and averages noise over all of them.

use orthant_linalg::eigen::real_eigenvectors;
use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::spectrum::{self, RankDecision};
use orthant_linalg::{Mat, MatRef, product, random, tolerance};

use crate::error::{TensorError, at_least, dimension, finite};

mod polish;
mod rotation;

use self::polish::{Form, Polished, polish};
pub use self::rotation::{JointRotation, joint_rotation};

/// Settings of [`shared_eigenvectors`] and [`rank_one_slices`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimultaneousSettings {
    /// Seed of the random combinations.
    pub seed: u64,
    /// Random combinations tried; 8 by default. All are ranked by their residual, and followed in that order until one is
    /// good.
    pub attempts: usize,
    /// Steps of the joint iteration per attempt; 100 by default. It takes 4 to 10 on exact slices.
    pub max_iterations: usize,
    /// Largest [`SharedEigenvectors::uncertainty`] accepted; 1 by default. Infinity accepts whatever fits best, for callers that
    /// check the components by other means.
    pub max_uncertainty: f64,
}

impl Default for SimultaneousSettings {
    fn default() -> Self {
        SimultaneousSettings { seed: 0, attempts: 8, max_iterations: 100, max_uncertainty: 1.0 }
    }
}

/// Estimated error below which no further combination is tried.
const GOOD: f64 = 0.05;

/// Eigenvectors that several matrices share.
#[derive(Debug, Clone)]
pub struct SharedEigenvectors {
    /// The eigenvectors as columns of unit norm, q × q; sign and order are arbitrary.
    pub vectors: Mat<f64>,
    /// Eigenvalue of each vector (row) in each matrix (column), q × n_slices.
    pub values: Mat<f64>,
    /// √(Σ_l |off-diagonal part of C⁻¹B_lC|²) / √(Σ_l |diagonal part|²).
    pub residual: f64,
    /// Estimated relative error of the worst eigenvector: its off-diagonal entries, taken for noise that is equally large in
    /// each slice, over the separation of the eigenvalues, summed over the other vectors. Infinite when the eigenvalues of two
    /// vectors differ by no more than that noise explains. With a single matrix there is nothing left to estimate noise from,
    /// and this is rounding over separation.
    pub uncertainty: f64,
}

/// The eigenvectors shared by square matrices B_l = C diag(d_l) C⁻¹.
///
/// # Shapes
/// Each slice is q × q; one is enough, more average noise. Scale them to equal noise where that is known.
///
/// # Guarantee
/// With exact slices whose eigenvalue vectors (over the slices) are distinct, the vectors are those of C to rounding times
/// κ(C) over the separation. With slices off by ε the error is proportional to ε.
///
/// # Errors
/// [`TensorError::NotSeparated`] when the estimated error of a vector exceeds
/// [`SimultaneousSettings::max_uncertainty`], which is what complex eigenvalues lead to;
/// [`TensorError::NoConvergence`]; [`TensorError::Shape`]; [`TensorError::NotFinite`].
///
/// # Cost
/// An eigenproblem, 25q³ operations, per attempt, and 6q³ per slice for each attempt and each step of the joint iteration.
///
/// # Paper
/// The step behind Theorem 40 that needs neither whitening nor deflation (Harshman 1970, attributed to Jennrich). The joint
/// iteration is the first-order scheme of André, Trainini, Luciani and Moreau, *A fast algorithm for joint eigenvalue
/// decomposition of real matrices* (2015), with a line search.
///
/// # Examples
/// ```
/// use orthant_linalg::{Mat, product};
/// use orthant_tensor::simultaneous::{SimultaneousSettings, shared_eigenvectors};
///
/// // C = [1 1; 0 1], and two slices C diag(d) C⁻¹ with d = (1, 2) and (5, -1).
/// let first = Mat::from_fn(2, 2, |i, j| [[1.0, 1.0], [0.0, 2.0]][i][j]);
/// let second = Mat::from_fn(2, 2, |i, j| [[5.0, -6.0], [0.0, -1.0]][i][j]);
/// let shared = shared_eigenvectors(&[first.as_ref(), second.as_ref()], &SimultaneousSettings::default())?;
/// let sum: f64 = (0..2).map(|r| shared.values[(r, 0)]).sum();
/// assert!((sum - 3.0).abs() < 1e-12 && shared.residual < 1e-12);
/// # Ok::<(), orthant_tensor::TensorError>(())
/// ```
pub fn shared_eigenvectors(
    slices: &[MatRef<'_, f64>],
    settings: &SimultaneousSettings,
) -> Result<SharedEigenvectors, TensorError> {
    let q = checked_square(slices)?;
    let owned: Vec<Mat<f64>> = slices.iter().map(MatRef::to_owned).collect();
    let starts = (0..settings.attempts.max(1)).map(|attempt| {
        let weights = weights(slices, settings.seed, attempt);
        Ok(real_eigenvectors(combine(&owned, &weights, q).as_ref())?.vectors)
    });
    let best = best_of(&owned, Form::Similarity, starts, settings)?;
    Ok(SharedEigenvectors {
        vectors: best.basis,
        values: best.diagonals,
        residual: best.residual,
        uncertainty: best.uncertainty,
    })
}

/// Symmetric matrices written with the same rank-one terms.
#[derive(Debug, Clone)]
pub struct RankOneSlices {
    /// The w_r as columns of unit norm, p × k; sign and order are arbitrary.
    pub components: Mat<f64>,
    /// Coefficient of each component (row) in each slice (column), k × n_slices, with its sign.
    pub coefficients: Mat<f64>,
    /// √(Σ_l |T_l − Σ_r c_lr w_r w_r'|²) / √(Σ_l |T_l|²).
    pub residual: f64,
    /// Estimated relative error of the worst component, as in [`SharedEigenvectors::uncertainty`], within the joint column
    /// space. With two slices there is nothing left to estimate noise from.
    pub uncertainty: f64,
    /// Rank k of the slices side by side: where `largest_dropped` is not small, k may be too low.
    pub rank: RankDecision,
}

/// The rank-one terms shared by symmetric matrices T_l = Σ_r c_lr w_r w_r', with the w_r independent.
///
/// # Shapes
/// Each slice is p × p, taken as its symmetric part; there are at least two of them and k ≤ p. Scale them to equal noise
/// where that is known.
///
/// # Guarantee
/// With exact slices in which no two components have parallel coefficient vectors (over the slices), the w_r to rounding times
/// their condition number over the separation. With slices off by ε the error is proportional to ε.
///
/// # Errors
/// [`TensorError::RankDeficient`] when the slices together have a rank below k; [`TensorError::NotSeparated`] when the
/// estimated error of a component exceeds [`SimultaneousSettings::max_uncertainty`]; [`TensorError::NoConvergence`]; [`TensorError::Shape`];
/// [`TensorError::NotFinite`].
///
/// # Cost
/// 6p³ operations per slice for the column space; then, per slice, 6k³ for each attempt and each step of the joint iteration.
///
/// # Paper
/// Replaces whitening, power iteration and deflation of Theorem 40. Each random pair of combinations gives a start
/// (Jennrich: the eigenvectors of T(a) T(b)⁻¹), and the joint iteration is FFDIAG (Ziehe, Laskov, Nolte and Müller 2004) with
/// components of unit norm and a line search.
pub fn rank_one_slices(
    slices: &[MatRef<'_, f64>],
    k: usize,
    settings: &SimultaneousSettings,
) -> Result<RankOneSlices, TensorError> {
    let p = checked_square(slices)?;
    at_least("number of slices", slices.len(), 2)?;
    at_least("number of components", k, 1)?;
    at_least("size of a slice", p, k)?;
    let symmetric: Vec<Mat<f64>> =
        slices.iter().map(|s| Mat::from_fn(p, p, |i, j| 0.5 * (s[(i, j)] + s[(j, i)]))).collect();
    let (space, rank) = joint_column_space(&symmetric, k)?;
    let projected: Vec<Mat<f64>> = symmetric
        .iter()
        .map(|s| product::matmul(space.transpose(), product::matmul(s.as_ref(), space.as_ref()).as_ref()))
        .collect();
    let starts = (0..settings.attempts.max(1)).map(|attempt| {
        let first = combine(&projected, &weights(slices, settings.seed, 2 * attempt), k);
        let second = combine(&projected, &weights(slices, settings.seed, 2 * attempt + 1), k);
        // Both are symmetric: (T(b)⁻¹ T(a))' = T(a) T(b)⁻¹.
        let quotient = RankRevealing::new(second, tolerance::backward(k, k))?.solve(first.as_ref());
        Ok(real_eigenvectors(quotient.transpose())?.vectors)
    });
    let best = best_of(&projected, Form::Congruence, starts, settings)?;
    let components = product::matmul(space.as_ref(), best.basis.as_ref());
    let residual = misfit(&symmetric, components.as_ref(), best.diagonals.as_ref());
    Ok(RankOneSlices {
        components,
        coefficients: best.diagonals,
        residual,
        uncertainty: best.uncertainty,
        rank,
    })
}

/// Orthonormal basis of the k leading directions of matrices side by side.
fn joint_column_space(slices: &[Mat<f64>], k: usize) -> Result<(Mat<f64>, RankDecision), TensorError> {
    let p = slices[0].nrows();
    let mut side_by_side = Mat::zeros(p * slices.len(), p);
    for (l, slice) in slices.iter().enumerate() {
        side_by_side.as_mut().subrows_mut(l * p, p).copy_from(slice);
    }
    let svd = spectrum::thin_svd(side_by_side.as_ref())?;
    let found = spectrum::rank_at(&svd.s, tolerance::backward(p * slices.len(), p));
    if found.rank < k {
        return Err(TensorError::RankDeficient { what: "set of slices", rank: found, wanted: k });
    }
    Ok((svd.v.as_ref().subcols(0, k).to_owned(), spectrum::decision(&svd.s, k)))
}

fn misfit(slices: &[Mat<f64>], components: MatRef<'_, f64>, coefficients: MatRef<'_, f64>) -> f64 {
    let (mut left, mut total) = (0.0, 0.0);
    for (l, slice) in slices.iter().enumerate() {
        let scaled = Mat::from_fn(components.nrows(), components.ncols(), |i, r| {
            components[(i, r)] * coefficients[(r, l)]
        });
        let mut rest = slice.clone();
        product::matmul_add(rest.as_mut(), -1.0, scaled.as_ref(), components.transpose());
        left += rest.squared_norm_l2();
        total += slice.squared_norm_l2();
    }
    if total > 0.0 { (left / total).sqrt() } else { 0.0 }
}

/// The common size of square finite matrices.
fn checked_square(slices: &[MatRef<'_, f64>]) -> Result<usize, TensorError> {
    at_least("number of slices", slices.len(), 1)?;
    let q = slices[0].nrows();
    at_least("size of a slice", q, 1)?;
    for slice in slices {
        dimension("number of rows of a slice", slice.nrows(), q)?;
        dimension("number of columns of a slice", slice.ncols(), q)?;
        finite("slice", *slice)?;
    }
    Ok(q)
}

/// Random weights under which every slice counts alike.
fn weights(slices: &[MatRef<'_, f64>], seed: u64, index: usize) -> Vec<f64> {
    let mut weights =
        random::gaussian_vec(slices.len(), &mut random::stream(seed, "combination of slices", index as u64));
    for (weight, slice) in weights.iter_mut().zip(slices) {
        let norm = product::frobenius(*slice);
        *weight = if norm > 0.0 { *weight / norm } else { 0.0 };
    }
    weights
}

fn combine(slices: &[Mat<f64>], weights: &[f64], size: usize) -> Mat<f64> {
    let mut sum = Mat::zeros(size, size);
    for (slice, &weight) in slices.iter().zip(weights) {
        sum += weight * slice;
    }
    sum
}

/// Follows starts, those of the least residual first, and keeps the one that ends with the least.
fn best_of(
    slices: &[Mat<f64>],
    form: Form,
    starts: impl Iterator<Item = Result<Mat<f64>, TensorError>>,
    settings: &SimultaneousSettings,
) -> Result<Polished, TensorError> {
    let mut failure = None;
    let mut ranked = Vec::new();
    for start in starts {
        match start.and_then(|basis| polish(slices, form, basis, 0)) {
            Ok(measured) => ranked.push(measured),
            Err(error) => failure = Some(error),
        }
    }
    ranked.sort_by(|a, b| a.residual.total_cmp(&b.residual));
    let mut best: Option<Polished> = None;
    for start in ranked {
        match polish(slices, form, start.basis, settings.max_iterations) {
            Ok(found) => {
                let good = found.uncertainty <= GOOD;
                if best.as_ref().is_none_or(|best| found.residual < best.residual) {
                    best = Some(found);
                }
                if good {
                    break;
                }
            }
            Err(error) => failure = Some(error),
        }
    }
    let Some(best) = best else {
        let (uncertainty, residual) = (f64::INFINITY, f64::INFINITY);
        return Err(failure.unwrap_or(TensorError::NotSeparated { uncertainty, residual }));
    };
    if !best.converged {
        return Err(TensorError::NoConvergence {
            what: "simultaneous diagonalisation",
            iterations: settings.max_iterations,
            residual: best.residual,
        });
    }
    if best.uncertainty > settings.max_uncertainty || best.uncertainty.is_nan() {
        let Polished { uncertainty, residual, .. } = best;
        return Err(TensorError::NotSeparated { uncertainty, residual });
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn views(slices: &[Mat<f64>]) -> Vec<MatRef<'_, f64>> {
        slices.iter().map(Mat::as_ref).collect()
    }

    fn inverse(c: &Mat<f64>) -> Mat<f64> {
        RankRevealing::new(c.clone(), 0.0)
            .expect("finite")
            .solve(Mat::identity(c.nrows(), c.nrows()).as_ref())
    }

    fn scaled(c: &Mat<f64>, d: &Mat<f64>, l: usize) -> Mat<f64> {
        Mat::from_fn(c.nrows(), c.ncols(), |i, r| c[(i, r)] * d[(r, l)])
    }

    /// Slices C diag(d_l) C⁻¹ with entries off by `noise`.
    fn similar(c: &Mat<f64>, d: &Mat<f64>, noise: f64, seed: u64) -> Vec<Mat<f64>> {
        let inv = inverse(c);
        let rng = &mut random::stream(seed, "noise", 0);
        (0..d.ncols())
            .map(|l| {
                product::matmul(scaled(c, d, l).as_ref(), inv.as_ref())
                    + noise * random::gaussian(c.nrows(), c.nrows(), rng)
            })
            .collect()
    }

    /// Slices Σ_r d_rl w_r w_r' with entries off by `noise`.
    fn symmetric(w: &Mat<f64>, d: &Mat<f64>, noise: f64, seed: u64) -> Vec<Mat<f64>> {
        let rng = &mut random::stream(seed, "noise", 1);
        (0..d.ncols())
            .map(|l| {
                let e = random::gaussian(w.nrows(), w.nrows(), rng);
                product::matmul(scaled(w, d, l).as_ref(), w.transpose())
                    + (noise / 2.0f64.sqrt()) * (&e + e.transpose())
            })
            .collect()
    }

    fn unit_columns(mut c: Mat<f64>) -> Mat<f64> {
        for j in 0..c.ncols() {
            let norm = c.col(j).norm_l2();
            c.as_mut().col_mut(j).iter_mut().for_each(|x| *x /= norm);
        }
        c
    }

    /// Largest distance of a column of `truth` from its own nearest column of `found`, up to sign; every column of `found` is
    /// used once when it is below half.
    fn worst(found: &Mat<f64>, truth: &Mat<f64>) -> f64 {
        let overlap = product::matmul(found.transpose(), truth.as_ref());
        (0..truth.ncols())
            .map(|j| {
                let nearest = (0..found.ncols())
                    .max_by(|&a, &b| overlap[(a, j)].abs().total_cmp(&overlap[(b, j)].abs()))
                    .expect("not empty");
                let sign = overlap[(nearest, j)].signum();
                (sign * found.col(nearest).to_owned() - truth.col(j)).norm_l2()
            })
            .fold(0.0, f64::max)
    }

    #[test]
    fn exact_slices_give_their_eigenvectors() {
        for seed in 0..10 {
            let rng = &mut random::stream(seed, "shared", 0);
            let c = unit_columns(random::with_condition(9, 9, 10.0, rng));
            let d = random::gaussian(9, 3, rng);
            let slices = similar(&c, &d, 0.0, seed);
            let found =
                shared_eigenvectors(&views(&slices), &SimultaneousSettings::default()).expect("separated");
            // Rounding of the slices times κ² = 100 (unit columns change it little) over separations of 0.1 and more.
            let tol = 1e4 * tolerance::backward(9, 9);
            assert!(worst(&found.vectors, &c) <= tol, "{} {found:?}", worst(&found.vectors, &c));
            assert!(found.residual <= tol && found.uncertainty <= tol);
        }
    }

    #[test]
    fn one_matrix_is_an_eigenproblem() {
        let rng = &mut random::stream(3, "shared", 1);
        let c = unit_columns(random::with_condition(5, 5, 3.0, rng));
        let d = Mat::from_fn(5, 1, |i, _| i as f64 - 1.5);
        let slices = similar(&c, &d, 0.0, 0);
        let found =
            shared_eigenvectors(&views(&slices), &SimultaneousSettings::default()).expect("separated");
        assert!(worst(&found.vectors, &c) <= 100.0 * tolerance::backward(5, 5));
    }

    /// The error is proportional to the perturbation and of the size that the measured uncertainty says.
    #[test]
    fn perturbed_slices_err_in_proportion() {
        for seed in 0..10 {
            let rng = &mut random::stream(seed, "shared", 2);
            let c = unit_columns(random::with_condition(8, 8, 4.0, rng));
            let d = random::gaussian(8, 8, rng);
            for noise in [1e-3, 1e-6, 1e-9] {
                let slices = similar(&c, &d, noise, seed);
                let found = shared_eigenvectors(&views(&slices), &SimultaneousSettings::default())
                    .expect("separated");
                let error = worst(&found.vectors, &c);
                // Eight slices leave seven degrees of freedom per pair: the estimate is good to a small factor.
                assert!(error <= 5.0 * found.uncertainty, "{error} {}", found.uncertainty);
                assert!(found.uncertainty <= 100.0 * noise, "{} at {noise}", found.uncertainty);
            }
        }
    }

    #[test]
    fn complex_eigenvalues_are_refused() {
        let slices: Vec<Mat<f64>> = (1..4)
            .map(|l| Mat::from_fn(2, 2, |i, j| [[1.0, f64::from(l)], [-f64::from(l), 1.0]][i][j]))
            .collect();
        let found = shared_eigenvectors(&views(&slices), &SimultaneousSettings::default());
        assert!(matches!(found, Err(TensorError::NotSeparated { .. })), "{found:?}");
    }

    #[test]
    fn exact_rank_one_slices_are_decomposed_with_signed_coefficients() {
        for (seed, (p, k)) in [(6, 6), (12, 5), (7, 1), (9, 8)].into_iter().enumerate() {
            let rng = &mut random::stream(seed as u64, "rank one", 0);
            let w = unit_columns(random::with_condition(p, k, 5.0, rng));
            let d = random::gaussian(k, 3, rng);
            let slices = symmetric(&w, &d, 0.0, 0);
            let found =
                rank_one_slices(&views(&slices), k, &SimultaneousSettings::default()).expect("separated");
            let tol = 1e4 * tolerance::backward(p, p);
            assert!(worst(&found.components, &w) <= tol, "{p} {k} {found:?}");
            assert!(found.residual <= tol);
            let overlap = product::matmul(found.components.transpose(), w.as_ref());
            for r in 0..k {
                let own = (0..k).find(|&s| overlap[(s, r)].abs() > 1.0 - tol).expect("found above");
                for l in 0..3 {
                    assert!((found.coefficients[(own, l)] - d[(r, l)]).abs() <= tol * 10.0);
                }
            }
        }
    }

    #[test]
    fn perturbed_rank_one_slices_err_in_proportion() {
        for seed in 0..10 {
            let rng = &mut random::stream(seed, "rank one", 1);
            let w = unit_columns(random::with_condition(10, 6, 3.0, rng));
            let d = random::gaussian(6, 10, rng);
            for noise in [1e-3, 1e-6, 1e-9] {
                let slices = symmetric(&w, &d, noise, seed);
                let found =
                    rank_one_slices(&views(&slices), 6, &SimultaneousSettings::default()).expect("separated");
                let error = worst(&found.components, &w);
                // The uncertainty does not count the part outside the joint column space, which is no larger.
                assert!(error <= 5.0 * found.uncertainty, "{error} {}", found.uncertainty);
                assert!(found.uncertainty <= 100.0 * noise, "{} at {noise}", found.uncertainty);
            }
        }
    }

    /// With more slices the error falls, as an average does: a pair of combinations alone would not gain.
    #[test]
    fn noise_averages_over_the_slices() {
        let error = |n_slices: usize| {
            let errors = (0..10).map(|seed| {
                let rng = &mut random::stream(seed, "rank one", 2);
                let w = unit_columns(random::with_condition(6, 6, 3.0, rng));
                let d = random::gaussian(6, n_slices, rng);
                let slices = symmetric(&w, &d, 1e-3, seed);
                let found =
                    rank_one_slices(&views(&slices), 6, &SimultaneousSettings::default()).expect("separated");
                worst(&found.components, &w)
            });
            errors.sum::<f64>() / 10.0
        };
        // 16 times as many slices: four times as accurate, and more because separations of few slices vary.
        let (few, many) = (error(4), error(64));
        assert!(many < few / 4.0, "{few} {many}");
    }

    #[test]
    fn components_that_cannot_be_told_apart_are_refused() {
        let rng = &mut random::stream(4, "rank one", 3);
        let w = unit_columns(random::gaussian(5, 3, rng));
        // Components 0 and 1 have parallel coefficients.
        let d =
            Mat::from_fn(
                3,
                4,
                |r, l| if r < 2 { (l + 1) as f64 * (r + 1) as f64 } else { (l * l) as f64 - 3.0 },
            );
        let slices = symmetric(&w, &d, 1e-6, 0);
        let found = rank_one_slices(&views(&slices), 3, &SimultaneousSettings::default());
        assert!(matches!(found, Err(TensorError::NotSeparated { .. })), "{found:?}");
    }

    #[test]
    fn a_missing_component_is_a_rank() {
        let rng = &mut random::stream(5, "rank one", 4);
        let slices = symmetric(&random::gaussian(5, 2, rng), &random::gaussian(2, 4, rng), 0.0, 0);
        let found = rank_one_slices(&views(&slices), 3, &SimultaneousSettings::default());
        assert!(matches!(found, Err(TensorError::RankDeficient { wanted: 3, rank, .. }) if rank.rank == 2));
    }

    #[test]
    fn commuting_slices_are_diagonalised_by_a_rotation() {
        for (seed, (q, n_slices)) in [(7, 4), (20, 30), (1, 2), (4, 1)].into_iter().enumerate() {
            let rng = &mut random::stream(seed as u64, "rotation", 0);
            let r = random::orthonormal(q, q, rng);
            let d = random::gaussian(q, n_slices, rng);
            let slices = symmetric(&r, &d, 0.0, 0);
            let found = joint_rotation(&views(&slices)).expect("commuting");
            let tol = 100.0 * tolerance::backward(q, q);
            assert!(
                found.residual <= tol && worst(&found.rotation, &r) <= tol,
                "{} {}",
                found.residual,
                found.sweeps
            );
            let gram = product::matmul(found.rotation.transpose(), found.rotation.as_ref());
            assert!(product::frobenius((&gram - &Mat::<f64>::identity(q, q)).as_ref()) <= tol);
        }
    }

    #[test]
    fn perturbed_slices_rotate_in_proportion() {
        let rng = &mut random::stream(1, "rotation", 1);
        let r = random::orthonormal(8, 8, rng);
        let d = random::gaussian(8, 10, rng);
        for noise in [1e-2, 1e-4, 1e-6] {
            let slices = symmetric(&r, &d, noise, 7);
            let found = joint_rotation(&views(&slices)).expect("near commuting");
            assert!(worst(&found.rotation, &r) <= 10.0 * noise);
        }
    }

    #[test]
    fn hostile_input_is_an_error() {
        let settings = SimultaneousSettings::default();
        let good = Mat::from_fn(3, 3, |i, j| 1.0 / (i + j + 1) as f64);
        for value in [f64::NAN, f64::INFINITY] {
            let mut bad = good.clone();
            bad[(1, 2)] = value;
            let slices = [good.as_ref(), bad.as_ref()];
            let refused = TensorError::NotFinite { what: "slice" };
            assert_eq!(shared_eigenvectors(&slices, &settings).err(), Some(refused));
            assert_eq!(rank_one_slices(&slices, 2, &settings).err(), Some(refused));
            assert_eq!(joint_rotation(&slices).err(), Some(refused));
        }
        assert!(matches!(shared_eigenvectors(&[], &settings), Err(TensorError::Shape { .. })));
        assert!(matches!(joint_rotation(&[]), Err(TensorError::Shape { .. })));
        let (zero, wide) = (Mat::<f64>::zeros(3, 3), Mat::<f64>::zeros(3, 4));
        assert!(matches!(joint_rotation(&[wide.as_ref()]), Err(TensorError::Shape { .. })));
        assert!(matches!(rank_one_slices(&[good.as_ref()], 2, &settings), Err(TensorError::Shape { .. })));
        let zeros = [zero.as_ref(), zero.as_ref()];
        assert!(matches!(rank_one_slices(&zeros, 4, &settings), Err(TensorError::Shape { .. })));
        assert!(matches!(rank_one_slices(&zeros, 2, &settings), Err(TensorError::RankDeficient { .. })));
        assert!(matches!(shared_eigenvectors(&zeros, &settings), Err(TensorError::NotSeparated { .. })));
        assert_eq!(joint_rotation(&zeros).expect("nothing to do").residual, 0.0);
        // Near overflow: an error, or an answer that is finite.
        let huge = 1e200 * &good;
        if let Ok(found) = rank_one_slices(&[huge.as_ref(), good.as_ref()], 2, &settings) {
            assert!(found.components.is_all_finite());
        }
    }
}
