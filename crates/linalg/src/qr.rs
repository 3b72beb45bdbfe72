//! Householder QR without pivoting; Q is applied, not formed.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::householder;
use faer::linalg::qr::no_pivoting::factor;
use faer::{Conj, Mat, MatMut, MatRef, Par};

/// The factorisation A = QR of a p × q matrix.
#[derive(Debug, Clone)]
pub struct Qr {
    /// R above and on the diagonal, Householder vectors below.
    packed: Mat<f64>,
    coeff: Mat<f64>,
}

impl Qr {
    /// Factors `a`, which is p × q with any p and q.
    ///
    /// # Cost
    /// 2pq² − 2q³/3 operations for p ≥ q; the matrix is overwritten, so pass a copy only where the original is needed.
    pub fn factor(mut a: Mat<f64>) -> Qr {
        let (rows, cols) = a.shape();
        let size = rows.min(cols);
        let block = if size == 0 { 1 } else { factor::recommended_block_size::<f64>(rows, cols) };
        let mut coeff = Mat::zeros(block, size);
        if size > 0 {
            let scratch = factor::qr_in_place_scratch::<f64>(rows, cols, block, Par::Seq, Default::default());
            factor::qr_in_place(
                a.as_mut(),
                coeff.as_mut(),
                Par::Seq,
                MemStack::new(&mut MemBuffer::new(scratch)),
                Default::default(),
            );
        }
        Qr { packed: a, coeff }
    }

    /// The upper trapezoidal factor, min(p, q) × q.
    pub fn r(&self) -> Mat<f64> {
        let (rows, cols) = self.packed.shape();
        Mat::from_fn(rows.min(cols), cols, |i, j| if i <= j { self.packed[(i, j)] } else { 0.0 })
    }

    /// Overwrites `b` (p × s) with Q'b; its first min(p, q) rows are the coordinates in the column space of A.
    ///
    /// # Panics
    /// When `b` does not have p rows.
    ///
    /// # Cost
    /// 4pqs operations.
    pub fn apply_transpose(&self, b: MatMut<'_, f64>) {
        let size = self.size();
        if size == 0 || b.ncols() == 0 {
            return;
        }
        let scratch = householder::apply_block_householder_sequence_transpose_on_the_left_in_place_scratch::<
            f64,
        >(self.packed.nrows(), self.coeff.nrows(), b.ncols());
        householder::apply_block_householder_sequence_transpose_on_the_left_in_place_with_conj(
            self.basis(),
            self.coeff.as_ref(),
            Conj::No,
            b,
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
        );
    }

    /// The first min(p, q) columns of Q.
    ///
    /// # Shapes
    /// The result is p × min(p, q).
    ///
    /// # Cost
    /// 4pq² operations.
    pub fn thin_q(&self) -> Mat<f64> {
        let (rows, size) = (self.packed.nrows(), self.size());
        let mut q = Mat::identity(rows, size);
        if size == 0 {
            return q;
        }
        let scratch = householder::apply_block_householder_sequence_on_the_left_in_place_scratch::<f64>(
            rows,
            self.coeff.nrows(),
            size,
        );
        householder::apply_block_householder_sequence_on_the_left_in_place_with_conj(
            self.basis(),
            self.coeff.as_ref(),
            Conj::No,
            q.as_mut(),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
        );
        q
    }

    fn size(&self) -> usize {
        self.packed.nrows().min(self.packed.ncols())
    }

    fn basis(&self) -> MatRef<'_, f64> {
        self.packed.as_ref().subcols(0, self.size())
    }
}

/// Updates the triangular factor of a growing matrix: the R of `[r; block]`.
///
/// Streaming a tall matrix through this needs memory for one block and one triangle, whatever its number of rows.
///
/// # Shapes
/// `r` is s × q with s ≤ q (0 × q at the start), `block` is p × q; the result is min(s + p, q) × q.
///
/// # Cost
/// 2(s + p)q² operations.
pub fn stack_r(r: MatRef<'_, f64>, block: MatRef<'_, f64>) -> Mat<f64> {
    let (top, cols) = r.shape();
    let mut stacked = Mat::zeros(top + block.nrows(), cols);
    stacked.as_mut().subrows_mut(0, top).copy_from(r);
    stacked.as_mut().subrows_mut(top, block.nrows()).copy_from(block);
    Qr::factor(stacked).r()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{product, random, tolerance};

    #[test]
    fn q_times_r_gives_the_matrix_back_for_every_shape() {
        for (rows, cols) in [(7, 3), (3, 7), (5, 5), (200, 60), (1, 1)] {
            let a = random::gaussian(rows, cols, &mut random::stream(3, "qr", (rows * cols) as u64));
            let qr = Qr::factor(a.clone());
            let product = product::matmul(qr.thin_q().as_ref(), qr.r().as_ref());
            let error = product::frobenius((&product - &a).as_ref());
            assert!(error <= tolerance::backward(rows, cols) * product::frobenius(a.as_ref()), "{error}");
        }
    }

    #[test]
    fn streamed_r_has_the_same_gram_diagonal_as_the_whole() {
        let a = random::gaussian(50, 8, &mut random::stream(4, "qr", 0));
        let mut r = Mat::zeros(0, 8);
        for start in (0..50).step_by(10) {
            r = stack_r(r.as_ref(), a.as_ref().subrows(start, 10));
        }
        for j in 0..8 {
            let ratio = r.col(j).norm_l2() / a.col(j).norm_l2();
            assert!((ratio - 1.0).abs() <= tolerance::backward(50, 8));
        }
    }

    #[test]
    fn empty_matrices_are_factored() {
        assert_eq!(Qr::factor(Mat::zeros(0, 4)).r().shape(), (0, 4));
        assert_eq!(Qr::factor(Mat::zeros(4, 0)).thin_q().shape(), (4, 0));
    }
}
