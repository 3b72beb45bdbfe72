//! Eigenvectors of a real matrix whose spectrum is real.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd;
use faer::{Mat, MatRef, Par};

use crate::LinalgError;

/// Eigenvectors of a real square matrix.
#[derive(Debug, Clone)]
pub struct RealEigen {
    /// Unit eigenvectors as columns, q × q. A complex pair contributes its real and its imaginary part.
    pub vectors: Mat<f64>,
    /// Real parts of the eigenvalues, in the order of the columns.
    pub values: Vec<f64>,
    /// Largest |imaginary part| over largest |eigenvalue|: 0 when the spectrum is real.
    pub imaginary: f64,
}

/// Eigenvectors of a q × q matrix that should have a real spectrum.
///
/// # Errors
/// [`LinalgError::NoConvergence`] on overflow.
///
/// # Panics
/// When the matrix is not square.
///
/// # Cost
/// About 25q³ operations.
pub fn real_eigenvectors(a: MatRef<'_, f64>) -> Result<RealEigen, LinalgError> {
    let q = a.nrows();
    assert_eq!(q, a.ncols(), "eigenvectors of a matrix that is not square");
    let mut vectors = Mat::zeros(q, q);
    let mut re = Diag::zeros(q);
    let mut im = Diag::zeros(q);
    if q > 0 {
        let scratch = evd::evd_scratch::<f64>(
            q,
            evd::ComputeEigenvectors::No,
            evd::ComputeEigenvectors::Yes,
            Par::Seq,
            Default::default(),
        );
        evd::evd_real(
            a,
            re.as_mut(),
            im.as_mut(),
            None,
            Some(vectors.as_mut()),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
            Default::default(),
        )
        .map_err(|_| LinalgError::NoConvergence { what: "eigendecomposition", rows: q, cols: q })?;
    }
    let mut largest = 0.0f64;
    let mut imaginary = 0.0f64;
    for i in 0..q {
        largest = largest.max(re[i].hypot(im[i]));
        imaginary = imaginary.max(im[i].abs());
        let norm = vectors.col(i).norm_l2();
        if norm > 0.0 {
            vectors.as_mut().col_mut(i).iter_mut().for_each(|x| *x /= norm);
        }
    }
    let values = (0..q).map(|i| re[i]).collect();
    Ok(RealEigen { vectors, values, imaginary: if largest > 0.0 { imaginary / largest } else { 0.0 } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{product, random, tolerance};

    #[test]
    fn eigenvectors_satisfy_their_equation() {
        let rng = &mut random::stream(10, "eigen", 0);
        let basis = random::with_condition(8, 8, 10.0, rng);
        let inverse = crate::lstsq::RankRevealing::new(basis.clone(), 0.0)
            .expect("finite")
            .solve(Mat::identity(8, 8).as_ref());
        let scaled = Mat::from_fn(8, 8, |i, j| basis[(i, j)] * (j as f64 - 3.5));
        let a = product::matmul(scaled.as_ref(), inverse.as_ref());
        let eigen = real_eigenvectors(a.as_ref()).expect("finite");
        let image = product::matmul(a.as_ref(), eigen.vectors.as_ref());
        let expected = Mat::from_fn(8, 8, |i, j| eigen.vectors[(i, j)] * eigen.values[j]);
        let error = product::frobenius((&image - &expected).as_ref());
        // The eigenvector basis has condition number 10, squared in the error of a similarity.
        assert!(error <= 100.0 * tolerance::backward(8, 8) * product::frobenius(a.as_ref()));
    }
}
