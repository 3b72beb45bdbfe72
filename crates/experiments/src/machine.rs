//! What this machine can do: floating-point operations, memory traffic, and the peak of what this program allocates.

use std::hint::black_box;
use std::time::Instant;

use orthant::Mat;
use orthant::linalg::{product, random};
use peak_alloc::PeakAlloc;
use rayon::prelude::*;

/// Rows and columns of the matrices that are multiplied: 2 MB each, so that products are bound by arithmetic.
const PRODUCT_SIZE: usize = 512;

/// Numbers in each of the three arrays that are streamed: 64 MB, beyond caches.
const STREAM_LENGTH: usize = 8 << 20;

/// Repetitions, of which the best counts: what else runs on the machine can only slow it down.
const REPETITIONS: usize = 5;

/// Operations per second of [`product::matmul_into`], one product on each of so many threads, in 10⁹.
///
/// # Cost
/// 6 · 512³ · 2 operations per thread.
pub fn product_gflops(threads: usize) -> f64 {
    let draw = |index| random::gaussian(PRODUCT_SIZE, PRODUCT_SIZE, &mut random::stream(1, "machine", index));
    let (a, b) = (draw(0), draw(1));
    let mut results = vec![Mat::<f64>::zeros(PRODUCT_SIZE, PRODUCT_SIZE); threads];
    let seconds = best_seconds(|| {
        results
            .par_iter_mut()
            .for_each(|result| product::matmul_into(result.as_mut(), a.as_ref(), b.as_ref()));
        black_box(&results);
    });
    (2 * threads) as f64 * (PRODUCT_SIZE as f64).powi(3) / seconds / 1e9
}

/// Bytes per second of x ← y + s z over long arrays on so many threads, in 10⁹; 24 bytes an element, as STREAM counts them.
///
/// # Cost
/// Three arrays of 64 MB, six passes.
pub fn triad_gigabytes(threads: usize) -> f64 {
    let (y, z) = (vec![1.0f64; STREAM_LENGTH], vec![2.0f64; STREAM_LENGTH]);
    let mut x = vec![0.0f64; STREAM_LENGTH];
    let chunk = STREAM_LENGTH.div_ceil(threads);
    let scale = black_box(3.0);
    let seconds = best_seconds(|| {
        let parts = x.par_chunks_mut(chunk).zip(y.par_chunks(chunk)).zip(z.par_chunks(chunk));
        parts.for_each(|((x, y), z)| {
            for ((x, y), z) in x.iter_mut().zip(y).zip(z) {
                *x = y + scale * z;
            }
        });
        black_box(&x);
    });
    24.0 * STREAM_LENGTH as f64 / seconds / 1e9
}

/// The best of some runs, after one that does not count.
fn best_seconds(mut run: impl FnMut()) -> f64 {
    run();
    let timed = |run: &mut dyn FnMut()| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    };
    (0..REPETITIONS).map(|_| timed(&mut run)).fold(f64::INFINITY, f64::min)
}

/// Counts what is allocated. The system says how much memory a process has, which an allocator keeps for later: after other experiments
/// its peak says nothing.
#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Bytes that are allocated.
pub fn held_bytes() -> usize {
    ALLOCATOR.current_usage()
}

/// Forgets earlier peaks, for [`peak_bytes`].
pub fn forget_peak() {
    ALLOCATOR.reset_peak_usage();
}

/// The most bytes that were allocated at once since [`forget_peak`].
pub fn peak_bytes() -> usize {
    ALLOCATOR.peak_usage()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_are_those_since_they_were_forgotten() {
        // Other tests of this process may allocate at the same time: only lower bounds can be asked for.
        let block = vec![1u8; 64 << 20];
        black_box(&block);
        forget_peak();
        assert!(held_bytes() >= 64 << 20 && peak_bytes() >= 64 << 20);
        drop(block);
        assert!(peak_bytes() >= held_bytes().min(64 << 20));
    }

    #[test]
    fn a_product_takes_time() {
        // Between a microcontroller and a machine that does not exist.
        assert!((1e-3..1e5).contains(&product_gflops(1)));
    }
}
