//! Eigenvectors of a real matrix whose spectrum is real, and of a symmetric one.

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

/// The eigendecomposition S = E diag(values) E' of a symmetric matrix.
#[derive(Debug, Clone)]
pub struct SymmetricEigen {
    /// Orthonormal eigenvectors as columns, q × q.
    pub vectors: Mat<f64>,
    /// Eigenvalues by descending absolute value, in the order of the columns.
    pub values: Vec<f64>,
}

/// The eigendecomposition of a symmetric q × q matrix, of which the lower triangle is read.
///
/// # Errors
/// [`LinalgError::NoConvergence`] when an entry is not finite, or on overflow.
///
/// # Panics
/// When the matrix is not square.
///
/// # Cost
/// About 9q³ operations.
pub fn symmetric_eigenvectors(a: MatRef<'_, f64>) -> Result<SymmetricEigen, LinalgError> {
    let q = a.nrows();
    assert_eq!(q, a.ncols(), "eigenvectors of a matrix that is not square");
    let failed = LinalgError::NoConvergence { what: "symmetric eigendecomposition", rows: q, cols: q };
    if !a.is_all_finite() {
        return Err(failed);
    }
    let mut vectors = Mat::zeros(q, q);
    let mut diagonal = Diag::zeros(q);
    if q > 0 {
        let scratch = evd::self_adjoint_evd_scratch::<f64>(
            q,
            evd::ComputeEigenvectors::Yes,
            Par::Seq,
            Default::default(),
        );
        evd::self_adjoint_evd(
            a,
            diagonal.as_mut(),
            Some(vectors.as_mut()),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
            Default::default(),
        )
        .map_err(|_| failed)?;
    }
    let mut order: Vec<usize> = (0..q).collect();
    order.sort_by(|&i, &j| diagonal[j].abs().total_cmp(&diagonal[i].abs()));
    Ok(SymmetricEigen {
        vectors: Mat::from_fn(q, q, |i, j| vectors[(i, order[j])]),
        values: order.into_iter().map(|j| diagonal[j]).collect(),
    })
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

    #[test]
    fn symmetric_eigenvectors_give_the_matrix_back() {
        let rng = &mut random::stream(11, "eigen", 0);
        let basis = random::orthonormal(9, 9, rng);
        let planted = [-8.0, 7.0, 5.0, -3.0, 2.0, 1.0, -0.5, 0.25, 0.0];
        let scaled = Mat::from_fn(9, 9, |i, j| basis[(i, j)] * planted[j]);
        let a = product::matmul(scaled.as_ref(), basis.transpose());
        let eigen = symmetric_eigenvectors(a.as_ref()).expect("finite");
        let tol = 8.0 * tolerance::backward(9, 9);
        assert!(eigen.values.iter().zip(planted).all(|(found, value)| (found - value).abs() <= tol));
        let scaled = Mat::from_fn(9, 9, |i, j| eigen.vectors[(i, j)] * eigen.values[j]);
        let back = product::matmul(scaled.as_ref(), eigen.vectors.transpose());
        assert!(product::frobenius((&back - &a).as_ref()) <= tol * product::frobenius(a.as_ref()));
        let nan = Mat::from_fn(2, 2, |_, _| f64::NAN);
        assert!(symmetric_eigenvectors(nan.as_ref()).is_err());
        assert_eq!(symmetric_eigenvectors(Mat::zeros(0, 0).as_ref()).expect("empty").values.len(), 0);
    }
}
