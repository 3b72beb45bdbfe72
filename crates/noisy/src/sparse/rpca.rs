//! Principal component pursuit: a matrix split into one of low rank and a sparse one.

use orthant_estimate::Reporter;
use orthant_linalg::spectrum::{self, Svd};
use orthant_linalg::{LinalgError, Mat, MatRef, partial_svd, product, random};

use crate::NoisyError;

/// Settings of [`principal_component_pursuit`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RpcaSettings {
    /// Weight λ of the sparse part. `None` (default) takes 1/√max(m, n), that of Candès et al. (2011).
    pub lambda: Option<f64>,
    /// Stop when |A − L − S| ≤ tolerance · |A| (Frobenius). Default 1e-7, that of Lin et al. (2010).
    pub tolerance: f64,
    /// Iterations at most. Default 500.
    pub max_iterations: usize,
    /// Factor by which the penalty grows in each iteration. Default 1.5, that of Lin et al. (2010).
    pub growth: f64,
    /// Seed of the random columns that extend the start of the partial SVD. Default 0.
    pub seed: u64,
}

impl Default for RpcaSettings {
    fn default() -> RpcaSettings {
        RpcaSettings { lambda: None, tolerance: 1e-7, max_iterations: 500, growth: 1.5, seed: 0 }
    }
}

impl RpcaSettings {
    fn validate(&self) -> Result<(), NoisyError> {
        let positive = "positive and finite";
        let checks = [
            (
                "lambda",
                self.lambda.unwrap_or(1.0),
                self.lambda.is_none_or(|l| l > 0.0 && l.is_finite()),
                positive,
            ),
            ("tolerance", self.tolerance, self.tolerance > 0.0 && self.tolerance.is_finite(), positive),
            ("growth", self.growth, self.growth > 1.0 && self.growth.is_finite(), "above 1 and finite"),
        ];
        match checks.into_iter().find(|check| !check.2) {
            Some((name, value, _, allowed)) => Err(NoisyError::Setting { name, value, allowed }),
            None => Ok(()),
        }
    }
}

/// A = L + S with L of low rank and S sparse.
#[derive(Debug, Clone)]
pub struct Rpca {
    /// L, m × n.
    pub low_rank: Mat<f64>,
    /// S, m × n; exactly zero where no error was found.
    pub sparse: Mat<f64>,
    /// Rank of L.
    pub rank: usize,
    /// Its singular values, descending.
    pub singular_values: Vec<f64>,
    /// Iterations taken.
    pub iterations: usize,
    /// |A − L − S| / |A|.
    pub residual: f64,
    /// Whether the residual is within the tolerance.
    pub converged: bool,
}

/// Further columns of the block in subspace iteration: each step lowers what is between σ_kept and σ_(kept + spare).
const SPARE: usize = 8;

/// Steps of subspace iteration for one iteration of the pursuit.
const STEPS: usize = 3;

/// Accuracy of the partial SVD relative to the threshold of singular values.
const SVD_ACCURACY: f64 = 1e-2;

/// Part of the singular values beyond which the full SVD is cheaper.
const FULL_ABOVE: f64 = 0.4;

/// Minimises |L|_* + λ |S|_1 subject to L + S = A by the inexact augmented Lagrangian method.
///
/// Each iteration shrinks the singular values of A − S + Y/μ by 1/μ and the entries of A − L + Y/μ by λ/μ, and adds μ (A − L − S) to
/// the multiplier Y; μ grows by a constant factor. Only singular values above 1/μ matter: they come from subspace iteration started at
/// the last iteration's vectors, with the full SVD where many are needed.
///
/// # Shapes
/// `a` is m × n, as are both parts.
///
/// # Errors
/// [`NoisyError::Setting`], [`NoisyError::Cancelled`], and [`NoisyError::Linalg`] on overflow. Not reaching the tolerance is no error.
///
/// # Cost
/// 30 to 60 iterations of 4mn(r + 8) operations for each of one to three steps, r being the rank. Five matrices of the size of `a`.
///
/// # Paper
/// The convex programme of Theorem 83, which the paper gives to an interior point method; the algorithm is that of Lin, Chen and Ma
/// (2010).
pub fn principal_component_pursuit(
    a: MatRef<'_, f64>,
    settings: &RpcaSettings,
    reporter: &mut Reporter<'_>,
) -> Result<Rpca, NoisyError> {
    settings.validate()?;
    let (m, n) = a.shape();
    let largest = a.norm_max();
    if largest == 0.0 || m == 0 || n == 0 {
        let zero = Mat::zeros(m, n);
        return Ok(Rpca {
            low_rank: zero.clone(),
            sparse: zero,
            rank: 0,
            singular_values: Vec::new(),
            iterations: 0,
            residual: 0.0,
            converged: true,
        });
    }
    // A power of two changes no digit; squares neither overflow nor vanish.
    let scale = largest.log2().floor().clamp(-1000.0, 1000.0).exp2();
    let a = Mat::from_fn(m, n, |i, j| a[(i, j)] / scale);
    let mut found = pursue(&a, settings, reporter)?;
    for part in [&mut found.low_rank, &mut found.sparse] {
        part.as_mut().col_iter_mut().for_each(|col| col.iter_mut().for_each(|x| *x *= scale));
    }
    found.singular_values.iter_mut().for_each(|s| *s *= scale);
    Ok(found)
}

fn pursue(a: &Mat<f64>, settings: &RpcaSettings, reporter: &mut Reporter<'_>) -> Result<Rpca, NoisyError> {
    let (m, n) = a.shape();
    let lambda = settings.lambda.unwrap_or(1.0 / (m.max(n) as f64).sqrt());
    let norm = product::frobenius(a.as_ref());
    let mut block = Block::new(m, n, settings.seed);
    let spectral = block.spectral_norm(a.as_ref())?;
    let dual_norm = spectral.max(a.norm_max() / lambda);
    let mut y = Mat::from_fn(m, n, |i, j| a[(i, j)] / dual_norm);
    let mut mu = 1.25 / spectral;
    let mu_limit = mu * 1e7;
    let mut sparse = Mat::<f64>::zeros(m, n);
    let mut target = Mat::<f64>::zeros(m, n);
    let mut low_rank = Mat::<f64>::zeros(m, n);
    for iteration in 1.. {
        zip_columns(&mut target, |j, column| {
            for (i, t) in column.iter_mut().enumerate() {
                *t = a[(i, j)] - sparse[(i, j)] + y[(i, j)] / mu;
            }
        });
        let (svd, rank) = block.above(target.as_ref(), 1.0 / mu)?;
        let kept = Mat::from_fn(m, rank, |i, j| svd.u[(i, j)] * (svd.s[j] - 1.0 / mu));
        product::matmul_into(low_rank.as_mut(), kept.as_ref(), svd.v.as_ref().subcols(0, rank).transpose());
        let mut squares = 0.0;
        for j in 0..n {
            squares += shrink_column(
                column(a, j),
                column(&low_rank, j),
                sparse.as_mut().col_mut(j).try_as_col_major_mut().expect("own matrix").as_slice_mut(),
                y.as_mut().col_mut(j).try_as_col_major_mut().expect("own matrix").as_slice_mut(),
                mu,
                lambda,
            );
        }
        let residual = squares.sqrt() / norm;
        let converged = residual <= settings.tolerance;
        if converged || iteration >= settings.max_iterations || !residual.is_finite() {
            let singular_values = svd.s[..rank].iter().map(|s| s - 1.0 / mu).collect();
            return Ok(Rpca {
                low_rank,
                sparse,
                rank,
                singular_values,
                iterations: iteration,
                residual,
                converged,
            });
        }
        reporter.report("principal component pursuit", rank, m.min(n), iteration)?;
        mu = (mu * settings.growth).min(mu_limit);
    }
    unreachable!("the loop over all integers returns")
}

fn column(a: &Mat<f64>, j: usize) -> &[f64] {
    a.col(j).try_as_col_major().expect("own matrix").as_slice()
}

fn zip_columns(a: &mut Mat<f64>, mut with: impl FnMut(usize, &mut [f64])) {
    for j in 0..a.ncols() {
        with(j, a.as_mut().col_mut(j).try_as_col_major_mut().expect("own matrix").as_slice_mut());
    }
}

/// One column of the entries' step: the new sparse part and multiplier; returns the squared norm of what is left.
fn shrink_column(
    a: &[f64],
    low_rank: &[f64],
    sparse: &mut [f64],
    y: &mut [f64],
    mu: f64,
    lambda: f64,
) -> f64 {
    let threshold = lambda / mu;
    let mut squares = 0.0;
    for (((&a, &l), s), y) in a.iter().zip(low_rank).zip(sparse).zip(y) {
        let value = a - l + *y / mu;
        *s = value - value.clamp(-threshold, threshold);
        let left = a - l - *s;
        *y += mu * left;
        squares += left * left;
    }
    squares
}

/// The block of vectors that subspace iteration starts from.
struct Block {
    /// n × s.
    start: Mat<f64>,
    m: usize,
    seed: u64,
    draws: u64,
}

impl Block {
    fn new(m: usize, n: usize, seed: u64) -> Block {
        Block { start: Mat::zeros(n, 0), m, seed, draws: 0 }
    }

    /// Extends or cuts the start to `size` columns.
    fn resize(&mut self, size: usize) {
        let n = self.start.nrows();
        let have = self.start.ncols().min(size);
        let rng = &mut random::stream(self.seed, "partial svd", self.draws);
        self.draws += 1;
        let fresh = random::gaussian(n, size - have, rng);
        let norm = (n as f64).sqrt();
        self.start =
            Mat::from_fn(
                n,
                size,
                |i, j| {
                    if j < have { self.start[(i, j)] } else { fresh[(i, j - have)] / norm }
                },
            );
    }

    /// The largest singular value, to a few digits: it only sets the first penalty.
    fn spectral_norm(&mut self, a: MatRef<'_, f64>) -> Result<f64, LinalgError> {
        let size = SPARE.min(a.nrows()).min(a.ncols());
        self.resize(size);
        let found = partial_svd::leading(a, self.start.as_ref(), f64::INFINITY, 0.0, 2)?;
        self.start = found.svd.v;
        Ok(found.svd.s[0])
    }

    /// The triplets with σ above the level, and how many they are.
    fn above(&mut self, a: MatRef<'_, f64>, level: f64) -> Result<(Svd, usize), LinalgError> {
        let least = self.m.min(self.start.nrows());
        let full = ((least as f64 * FULL_ABOVE) as usize).max(SPARE);
        let count = |s: &[f64]| s.iter().take_while(|&&s| s > level).count();
        let mut size = self.start.ncols().max(SPARE).min(least);
        loop {
            let dense = size > full || size == least;
            let svd = if dense {
                spectrum::thin_svd(a)?
            } else {
                self.resize(size);
                let top = product::frobenius(a).max(f64::MIN_POSITIVE);
                partial_svd::leading(a, self.start.as_ref(), level, SVD_ACCURACY * level / top, STEPS)?.svd
            };
            let rank = count(&svd.s);
            // One triplet below the level shows that there are no further ones above it.
            if dense || rank < size {
                let keep = (rank + SPARE).min(svd.s.len());
                self.start = svd.v.as_ref().subcols(0, keep).to_owned();
                return Ok((svd, rank));
            }
            self.start = svd.v;
            size = (2 * size).min(least);
        }
    }
}
