//! The leading singular triplets of a matrix, by subspace iteration from a start that may be good already.

use faer::MatRef;

use crate::LinalgError;
use crate::product;
use crate::qr::Qr;
use crate::spectrum::{self, Svd};

/// Leading singular triplets, with how they were found.
#[derive(Debug, Clone)]
pub struct PartialSvd {
    /// As many triplets as the start has columns, descending; those below the level asked for are rough.
    pub svd: Svd,
    /// Steps taken, each of two products with the matrix.
    pub steps: usize,
    /// The largest |A v − σ u| / σ₁ of the triplets above the level at the last check: before the last step, which lowered it.
    pub residual: f64,
}

/// Leading singular triplets of the p × q matrix `a` by subspace iteration with Rayleigh–Ritz projection.
///
/// Iterates until the triplets with σ > `above` have residual |A v − σ u| ≤ `relative` · σ₁, or `max_steps` are done. From a start close
/// to the right singular vectors (those of a matrix that differs little) one or two steps do.
///
/// # Shapes
/// `start` is q × s, of which only the column space matters; s triplets come back. s at most min(p, q).
///
/// # Errors
/// [`LinalgError::NoConvergence`] when a product overflowed.
///
/// # Panics
/// When `start` does not have q rows, or more than min(p, q) columns.
///
/// # Cost
/// 4pqs operations for each step, and O((p + q) s²).
pub fn leading(
    a: MatRef<'_, f64>,
    start: MatRef<'_, f64>,
    above: f64,
    relative: f64,
    max_steps: usize,
) -> Result<PartialSvd, LinalgError> {
    let (rows, cols) = a.shape();
    let size = start.ncols();
    assert!(start.nrows() == cols && size <= rows.min(cols), "a start of {size} columns for {rows} x {cols}");
    let mut image = product::matmul(a, start);
    let mut residual = f64::INFINITY;
    let mut steps = 0;
    loop {
        let q = Qr::factor(image).thin_q();
        let projected = product::matmul(a.transpose(), q.as_ref());
        let inner = spectrum::thin_svd(projected.as_ref())?;
        let svd = Svd { u: product::matmul(q.as_ref(), inner.v.as_ref()), s: inner.s, v: inner.u };
        steps += 1;
        if steps >= max_steps.max(1) || residual <= relative {
            return Ok(PartialSvd { svd, steps, residual });
        }
        image = product::matmul(a, svd.v.as_ref());
        residual = largest_residual(image.as_ref(), &svd, above);
        if residual.is_nan() {
            return Err(LinalgError::NoConvergence { what: "partial SVD", rows, cols });
        }
        if residual <= relative {
            return Ok(PartialSvd { svd, steps, residual });
        }
    }
}

/// The largest |image − σ u| / σ₁ over the triplets above the level.
fn largest_residual(image: MatRef<'_, f64>, svd: &Svd, above: f64) -> f64 {
    let top = svd.s.first().copied().unwrap_or(0.0);
    if top == 0.0 {
        return 0.0;
    }
    let one = |j: usize| {
        let squares = image.col(j).iter().zip(svd.u.col(j).iter());
        squares.map(|(y, u)| (y - svd.s[j] * u).powi(2)).sum::<f64>().sqrt() / top
    };
    (0..svd.s.len())
        .take_while(|&j| svd.s[j] > above)
        .map(one)
        .fold(0.0, |worst: f64, r| if r.is_nan() { r } else { worst.max(r) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mat, random, tolerance};

    #[test]
    fn agrees_with_the_full_svd() {
        for (rows, cols) in [(60, 40), (40, 60)] {
            let a = random::with_condition(rows, cols, 1e4, &mut random::stream(1, "partial", rows as u64));
            let start = random::gaussian(cols, 12, &mut random::stream(2, "partial", 0));
            let full = spectrum::thin_svd(a.as_ref()).expect("finite");
            let above = full.s[5];
            let relative = tolerance::backward(rows, cols);
            let found = leading(a.as_ref(), start.as_ref(), above, relative, 200).expect("finite");
            assert!(found.steps < 200, "{}", found.residual);
            for j in 0..5 {
                // A residual of ε σ₁ bounds the error of σ by itself.
                assert!((found.svd.s[j] - full.s[j]).abs() <= relative * full.s[0]);
            }
        }
    }

    #[test]
    fn a_start_at_the_answer_takes_one_step() {
        let a = random::with_condition(30, 20, 1e3, &mut random::stream(3, "partial", 0));
        let full = spectrum::thin_svd(a.as_ref()).expect("finite");
        let start = full.v.as_ref().subcols(0, 6);
        let found = leading(a.as_ref(), start, 0.0, tolerance::backward(30, 20), 50).expect("finite");
        assert_eq!(found.steps, 1);
    }

    #[test]
    fn zero_and_empty_are_answered() {
        let zero = Mat::<f64>::zeros(5, 4);
        let start = Mat::<f64>::identity(4, 2);
        assert_eq!(leading(zero.as_ref(), start.as_ref(), 0.0, 0.0, 9).expect("finite").svd.s, [0.0, 0.0]);
        let none = Mat::<f64>::zeros(4, 0);
        assert!(leading(zero.as_ref(), none.as_ref(), 0.0, 0.0, 9).expect("finite").svd.s.is_empty());
    }
}
