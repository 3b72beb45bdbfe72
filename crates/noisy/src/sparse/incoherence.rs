//! Incoherence (Definition 80): how evenly a matrix of low rank is spread over its entries.

use orthant_linalg::qr::Qr;
use orthant_linalg::{LinalgError, MatRef, product, spectrum};

/// The three numbers of Definition 80 of an m × n matrix M = P Σ Q of rank r, each at least about 1.
///
/// Principal component pursuit recovers M when they are small: a matrix concentrated on a few entries is itself sparse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Incoherence {
    /// (m / r) · the largest squared norm of a row of P.
    pub left: f64,
    /// (n / r) · the largest squared norm of a column of Q.
    pub right: f64,
    /// (m n / r) · the largest squared entry of P Q.
    pub joint: f64,
}

impl Incoherence {
    /// Measures the matrix `left` · `right`', of which only as many dimensions count as are not zero to rounding.
    ///
    /// # Shapes
    /// `left` is m × s, `right` is n × s with n ≥ s. `None` for a matrix that is zero.
    ///
    /// # Errors
    /// [`LinalgError::NoConvergence`] on overflow.
    ///
    /// # Cost
    /// 2mns operations and O((m + n) s²); memory for n × s numbers.
    pub fn of(left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Result<Option<Incoherence>, LinalgError> {
        let (m, n) = (left.nrows(), right.nrows());
        let qr = Qr::factor(right.to_owned());
        let inner = spectrum::thin_svd(product::matmul(left, qr.r().transpose()).as_ref())?;
        let rank = spectrum::rank_at(&inner.s, orthant_linalg::tolerance::backward(m, n)).rank;
        if rank == 0 {
            return Ok(None);
        }
        let p = inner.u.as_ref().subcols(0, rank);
        let q = product::matmul(qr.thin_q().as_ref(), inner.v.as_ref().subcols(0, rank));
        let largest_row =
            |a: MatRef<'_, f64>| (0..a.nrows()).map(|i| a.row(i).squared_norm_l2()).fold(0.0, f64::max);
        let mut joint = 0.0f64;
        for sample in 0..n {
            let column = product::matmul(p, q.as_ref().subrows(sample, 1).transpose());
            joint = joint.max(column.norm_max());
        }
        let (rank, m, n) = (rank as f64, m as f64, n as f64);
        Ok(Some(Incoherence {
            left: m / rank * largest_row(p),
            right: n / rank * largest_row(q.as_ref()),
            joint: m * n / rank * joint * joint,
        }))
    }

    /// The least μ for which the matrix is μ-incoherent: the largest of the three.
    pub fn mu(&self) -> f64 {
        self.left.max(self.right).max(self.joint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::{Mat, tolerance};

    #[test]
    fn the_flattest_matrix_has_one_and_a_single_entry_the_most() {
        let (m, n) = (8, 12);
        let flat = Incoherence::of(
            Mat::from_fn(m, 1, |_, _| 2.0).as_ref(),
            Mat::from_fn(n, 1, |j, _| if j % 2 == 0 { 3.0 } else { -3.0 }).as_ref(),
        );
        let flat = flat.expect("finite").expect("not zero");
        assert!((flat.mu() - 1.0).abs() <= tolerance::backward(m, n));
        let spike = Incoherence::of(
            Mat::from_fn(m, 1, |o, _| f64::from(o == 3)).as_ref(),
            Mat::from_fn(n, 1, |j, _| f64::from(j == 5)).as_ref(),
        );
        let spike = spike.expect("finite").expect("not zero");
        assert!((spike.left - m as f64).abs() <= tolerance::backward(m, n) * m as f64);
        assert!((spike.joint - (m * n) as f64).abs() <= tolerance::backward(m, n) * (m * n) as f64);
    }

    #[test]
    fn zero_has_none() {
        let zero = Incoherence::of(Mat::zeros(3, 2).as_ref(), Mat::zeros(5, 2).as_ref());
        assert_eq!(zero.expect("finite"), None);
    }
}
