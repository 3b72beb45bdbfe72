//! Matrix products on one thread.

use faer::{Accum, Mat, MatMut, MatRef, Par, linalg::matmul};

/// `a · b`.
///
/// # Shapes
/// (p × q) · (q × r) gives p × r.
///
/// # Panics
/// When the inner dimensions differ.
///
/// # Cost
/// 2pqr operations.
pub fn matmul(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut dst = Mat::zeros(a.nrows(), b.ncols());
    matmul_into(dst.as_mut(), a, b);
    dst
}

/// Overwrites `dst` with `a · b`. See [`matmul()`].
///
/// # Shapes
/// `a` is p × q, `b` is q × r, `dst` is p × r.
///
/// # Panics
/// When the shapes do not fit.
///
/// # Cost
/// 2pqr operations.
pub fn matmul_into(dst: MatMut<'_, f64>, a: MatRef<'_, f64>, b: MatRef<'_, f64>) {
    matmul::matmul(dst, Accum::Replace, a, b, 1.0, Par::Seq);
}

/// [`matmul_into`] in single precision, for searches whose results are finished in double precision.
///
/// # Shapes
/// `a` is p × q, `b` is q × r, `dst` is p × r.
///
/// # Panics
/// When the shapes do not fit.
///
/// # Cost
/// 2pqr operations.
pub fn matmul_into_single(dst: MatMut<'_, f32>, a: MatRef<'_, f32>, b: MatRef<'_, f32>) {
    matmul::matmul(dst, Accum::Replace, a, b, 1.0f32, Par::Seq);
}

/// Adds `alpha · a · b` to `dst`.
///
/// # Shapes
/// `a` is p × q, `b` is q × r, `dst` is p × r.
///
/// # Panics
/// When the shapes do not fit.
///
/// # Cost
/// 2pqr operations.
pub fn matmul_add(dst: MatMut<'_, f64>, alpha: f64, a: MatRef<'_, f64>, b: MatRef<'_, f64>) {
    matmul::matmul(dst, Accum::Add, a, b, alpha, Par::Seq);
}

/// The inner product of two slices of one length, with eight partial sums in a fixed order.
///
/// # Panics
/// When the lengths differ.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "dot of slices of different lengths");
    let mut sums = [0.0f64; 8];
    let chunks = a.len() / 8 * 8;
    for (x, y) in a[..chunks].chunks_exact(8).zip(b[..chunks].chunks_exact(8)) {
        for ((sum, &x), &y) in sums.iter_mut().zip(x).zip(y) {
            *sum += x * y;
        }
    }
    let tail: f64 = a[chunks..].iter().zip(&b[chunks..]).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f64>() + tail
}

/// The Euclidean norm of a slice of any length, safe from overflow and underflow.
pub fn norm(a: &[f64]) -> f64 {
    let largest = a.iter().fold(0.0f64, |s, x| s.max(x.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    if (1e-140..1e140).contains(&largest) {
        return dot(a, a).sqrt();
    }
    largest * a.iter().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt()
}

/// Frobenius norm of a matrix, safe from overflow and underflow.
///
/// # Cost
/// One pass over the matrix.
pub fn frobenius(a: MatRef<'_, f64>) -> f64 {
    a.norm_l2()
}

/// The power of two that brings the largest column to a norm in (1/2, 1], as far as exponents within ±1000 do; 1 for a zero matrix.
///
/// Multiplying by it is exact, and keeps squares from overflow and underflow.
///
/// # Cost
/// One pass over the matrix.
pub fn normalising_power(a: MatRef<'_, f64>) -> f64 {
    let largest = a.col_iter().fold(0.0f64, |largest, col| largest.max(col.norm_l2()));
    if largest == 0.0 {
        return 1.0;
    }
    2f64.powi((-largest.log2().ceil()).clamp(-1000.0, 1000.0) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalisation_is_by_a_power_of_two_whatever_the_size() {
        for size in [0.0, 1e-320, 1e-200, 0.3, 1.0, 1e300, f64::MAX] {
            let a = Mat::from_fn(3, 2, |_, j| if j == 0 { size } else { size / 3.0 });
            let factor = normalising_power(a.as_ref());
            assert_eq!(factor.log2().fract(), 0.0);
            let norm = (&a * factor).col(0).norm_l2();
            assert!(!(1e-300..1e300).contains(&size) || (0.5..=1.0).contains(&norm), "{size}: {norm}");
        }
    }

    #[test]
    fn norm_does_not_overflow_or_underflow() {
        for scale in [1e200, 1e-200] {
            assert!((norm(&[3.0 * scale, 4.0 * scale]) / (5.0 * scale) - 1.0).abs() <= 4.0 * f64::EPSILON);
        }
        assert_eq!(norm(&[]), 0.0);
    }

    #[test]
    fn dot_agrees_with_integers_of_every_length() {
        for n in 0..40usize {
            let a: Vec<f64> = (0..n).map(|i| i as f64).collect();
            let expected = (0..n).map(|i| i * i).sum::<usize>() as f64;
            assert_eq!(dot(&a, &a), expected);
        }
    }
}
