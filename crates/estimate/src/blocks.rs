//! Tall matrices that are never held as a whole: their triangle, from blocks of rows.

use std::ops::Range;

use orthant_linalg::{Mat, qr};
use rayon::prelude::*;

/// Rows in a block, at least.
const ROWS: usize = 1024;

/// Blocks whose triangles are stacked at once.
const GROUP: usize = 16;

/// The triangular factor of an n × q matrix that is asked for in blocks of rows, padded with zeros to q × q.
///
/// All that least squares has to do with the matrix can be done with the triangle: it has the same Gram matrix, without the loss of
/// digits that forming a Gram matrix means. Blocks are fixed and their triangles are stacked in order, so that the result does not
/// depend on the number of threads.
///
/// # Shapes
/// `rows(range)` is range.len() × q.
///
/// # Panics
/// When a block has another shape.
///
/// # Cost
/// About 2.5nq² operations, and memory for 16 blocks of max(1024, 8q) rows whatever n is.
pub fn triangle(n: usize, q: usize, rows: impl Fn(Range<usize>) -> Mat<f64> + Sync) -> Mat<f64> {
    let size = ROWS.max(8 * q);
    let starts: Vec<usize> = (0..n).step_by(size).collect();
    let mut r = Mat::zeros(0, q);
    for group in starts.chunks(GROUP) {
        let parts: Vec<Mat<f64>> = group
            .par_iter()
            .map(|&first| {
                let range = first..n.min(first + size);
                let block = rows(range.clone());
                assert_eq!(block.shape(), (range.len(), q), "a block has the wrong shape");
                qr::Qr::factor(block).r()
            })
            .collect();
        let mut stacked = Mat::zeros(parts.iter().map(Mat::nrows).sum(), q);
        let mut next = 0;
        for part in &parts {
            stacked.as_mut().subrows_mut(next, part.nrows()).copy_from(part);
            next += part.nrows();
        }
        r = qr::stack_r(r.as_ref(), stacked.as_ref());
    }
    r.resize_with(q, q, |_, _| 0.0);
    r
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::{product, random, tolerance};

    #[test]
    fn the_triangle_has_the_gram_matrix_of_the_whole() {
        for n in [3, 1024, 1025, 40_000] {
            let q = 5;
            let a = random::gaussian(n, q, &mut random::stream(1, "blocks", n as u64));
            let r = triangle(n, q, |range| a.as_ref().subrows(range.start, range.len()).to_owned());
            let gram = |a: &Mat<f64>| product::matmul(a.transpose(), a.as_ref());
            let error = product::frobenius((&gram(&r) - &gram(&a)).as_ref());
            assert!(
                error <= tolerance::backward(n, q) * product::frobenius(gram(&a).as_ref()),
                "{n}: {error}"
            );
            assert!((0..q).all(|j| (j + 1..q).all(|i| r[(i, j)] == 0.0)));
        }
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let a = random::gaussian(9000, 4, &mut random::stream(2, "blocks", 0));
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a small pool");
            pool.install(|| triangle(9000, 4, |rows| a.as_ref().subrows(rows.start, rows.len()).to_owned()))
        };
        assert_eq!(run(1), run(3));
    }
}
