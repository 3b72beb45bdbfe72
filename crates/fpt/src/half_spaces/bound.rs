//! The right side of Theorem 78.

use orthant_linalg::faer::Scale;
use orthant_linalg::{LinalgError, MatRef, product, spectrum};
use serde::Serialize;

use crate::error::FptError;

/// The quantities in the bound of Theorem 78.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BoundTerms {
    /// Samples.
    pub n: usize,
    /// Outputs.
    pub m: usize,
    /// The accuracy ε.
    pub accuracy: f64,
    /// Least singular value of U.
    pub sigma_min: f64,
    /// |E|_F.
    pub error_frobenius: f64,
    /// |E|₂.
    pub error_spectral: f64,
}

impl BoundTerms {
    /// The terms for output weights U (m × k) and an error matrix E (m × n).
    ///
    /// # Errors
    /// [`FptError::Recover`] on overflow.
    ///
    /// # Cost
    /// 2nm² operations.
    pub fn of(u: MatRef<'_, f64>, error: MatRef<'_, f64>, accuracy: f64) -> Result<BoundTerms, FptError> {
        let of_error = singular_values(error.transpose())?;
        Ok(BoundTerms {
            n: error.ncols(),
            m: error.nrows(),
            accuracy,
            sigma_min: sigma_min(u)?,
            error_frobenius: product::frobenius(error),
            error_spectral: of_error.first().copied().unwrap_or(0.0),
        })
    }

    fn bound(&self, spectral: f64) -> f64 {
        let size = ((self.n as f64) * self.m as f64).sqrt();
        // Two roots: the product of the terms may be out of range where their roots are not.
        let additive = (self.sigma_min * self.accuracy).sqrt() * (size * spectral).sqrt();
        self.error_frobenius + additive
    }
}

/// |E|_F + (σ_min ε √(nm) |E|₂)^(1/2): the bound of Theorem 78 with the constant 1.
pub fn theorem_78_bound(terms: &BoundTerms) -> f64 {
    terms.bound(terms.error_spectral)
}

/// The same with max(|E|₂, σ_min √(n/m)) in place of |E|₂, which holds for small errors too. See [the module](super).
pub fn theorem_78_corrected(terms: &BoundTerms) -> f64 {
    terms.bound(terms.error_spectral.max(terms.sigma_min * (terms.n as f64 / terms.m as f64).sqrt()))
}

/// Singular values of a matrix of any size.
fn singular_values(a: MatRef<'_, f64>) -> Result<Vec<f64>, LinalgError> {
    let scale = product::normalising_power(a);
    let values = spectrum::singular_values((a * Scale(scale)).as_ref())?;
    Ok(values.into_iter().map(|s| s / scale).collect())
}

/// The k-th singular value of m × k weights, 0 for m < k.
pub(super) fn sigma_min(u: MatRef<'_, f64>) -> Result<f64, LinalgError> {
    let values = singular_values(u)?;
    Ok(if u.nrows() < u.ncols() { 0.0 } else { values.last().copied().unwrap_or(0.0) })
}
