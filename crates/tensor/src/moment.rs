//! First pass over the data: counts, means, covariances.

use orthant_linalg::{Mat, MatRef, product};
use rayon::prelude::*;

use crate::error::{TensorError, at_least, dimension, finite};

/// Columns per parallel task. Fixed, so that sums do not depend on the number of threads.
pub(crate) const CHUNK: usize = 16_384;

/// Chunks whose sums are held at a time.
const GROUP: usize = 64;

/// Columns whose centred copies are made at a time.
const BLOCK: usize = 512;

/// Means and centred second moments of pairs of columns (x, a), as sums that can be merged.
///
/// Sums are kept about the means of the columns seen so far, so that large means cost no digits.
#[derive(Debug, Clone)]
pub struct Moments {
    n: usize,
    /// Means of x and then a.
    mean: Vec<f64>,
    /// Σ (x − mean)(x − mean)', d × d.
    inputs: Mat<f64>,
    /// Σ (a − mean)(a − mean)', m × m.
    labels: Mat<f64>,
    /// Σ (a − mean)(x − mean)', m × d.
    cross: Mat<f64>,
}

impl Moments {
    /// No columns, of d inputs and m labels. Either may be 0.
    pub fn new(d: usize, m: usize) -> Moments {
        Moments {
            n: 0,
            mean: vec![0.0; d + m],
            inputs: Mat::zeros(d, d),
            labels: Mat::zeros(m, m),
            cross: Mat::zeros(m, d),
        }
    }

    /// Adds columns.
    ///
    /// # Shapes
    /// `x` is d × n, `a` is m × n, with any n.
    ///
    /// # Errors
    /// [`TensorError::Shape`]; [`TensorError::NotFinite`]. Nothing has been added then.
    ///
    /// # Cost
    /// 2n(d² + md + m²) operations; in parallel over chunks of 16 384 columns. Memory does not depend on n.
    pub fn add(&mut self, x: MatRef<'_, f64>, a: MatRef<'_, f64>) -> Result<(), TensorError> {
        let (d, m) = (self.inputs.nrows(), self.labels.nrows());
        let n = checked_pair(x, a, d, m)?;
        let sums = over_chunks(
            n,
            Moments::new(d, m),
            |first, cols| Moments::of_chunk(x.subcols(first, cols), a.subcols(first, cols)),
            Moments::merge,
        );
        let mut total = self.clone();
        total.merge(&sums);
        // Entries that are not finite, or too large to be squared, are seen here: looking at all of them would cost a pass. The
        // total is looked at, for columns that are huge and alike show only in the distance of their mean from the others.
        for sum in [&total.inputs, &total.labels, &total.cross] {
            finite("set of columns", sum.as_ref())?;
        }
        *self = total;
        Ok(())
    }

    /// Sums over one chunk, about the means of its first block and then moved to its own.
    fn of_chunk(x: MatRef<'_, f64>, a: MatRef<'_, f64>) -> Moments {
        let (d, m) = (x.nrows(), a.nrows());
        let mut sums = Moments::new(d, m);
        let size = x.ncols().min(BLOCK);
        let (near_x, near_a) = (row_means(x.subcols(0, size)), row_means(a.subcols(0, size)));
        let (mut centred_x, mut centred_a) = (Mat::zeros(d, size), Mat::zeros(m, size));
        for start in (0..x.ncols()).step_by(BLOCK) {
            let cols = (x.ncols() - start).min(BLOCK);
            let (mean_x, mean_a) = sums.mean.split_at_mut(d);
            centre(x.subcols(start, cols), &near_x, &mut centred_x, mean_x);
            centre(a.subcols(start, cols), &near_a, &mut centred_a, mean_a);
            let (x, a) = (centred_x.as_ref().subcols(0, cols), centred_a.as_ref().subcols(0, cols));
            product::matmul_add(sums.inputs.as_mut(), 1.0, x, x.transpose());
            product::matmul_add(sums.labels.as_mut(), 1.0, a, a.transpose());
            product::matmul_add(sums.cross.as_mut(), 1.0, a, x.transpose());
        }
        sums.n = x.ncols();
        let n = sums.n as f64;
        sums.mean.iter_mut().for_each(|sum| *sum /= n);
        let shift = sums.mean.clone();
        sums.add_outer(-n, &shift);
        sums.mean.iter_mut().zip(near_x.iter().chain(&near_a)).for_each(|(mean, near)| *mean += near);
        sums
    }

    /// Adds weight · s s' to the three sums, s being of length d + m.
    fn add_outer(&mut self, weight: f64, s: &[f64]) {
        let (x, a) = s.split_at(self.inputs.nrows());
        for (sum, left, right) in
            [(&mut self.inputs, x, x), (&mut self.labels, a, a), (&mut self.cross, a, x)]
        {
            for (j, right) in right.iter().enumerate() {
                for (entry, left) in sum.col_as_slice_mut(j).iter_mut().zip(left) {
                    *entry += weight * left * right;
                }
            }
        }
    }

    /// Adds the columns of another accumulator, in the way of Chan, Golub and LeVeque (1979).
    ///
    /// # Panics
    /// When d or m differ.
    pub fn merge(&mut self, other: &Moments) {
        let (d, m) = (self.inputs.nrows(), self.labels.nrows());
        assert_eq!((d, m), (other.inputs.nrows(), other.labels.nrows()), "moments of other dimensions");
        if other.n == 0 {
            return;
        }
        let n = self.n + other.n;
        let share = other.n as f64 / n as f64;
        let shift: Vec<f64> = other.mean.iter().zip(&self.mean).map(|(theirs, ours)| theirs - ours).collect();
        for (mean, shift) in self.mean.iter_mut().zip(&shift) {
            *mean += share * shift;
        }
        self.inputs += &other.inputs;
        self.labels += &other.labels;
        self.cross += &other.cross;
        self.add_outer(self.n as f64 * share, &shift);
        self.n = n;
    }

    /// Number of columns.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Mean of x, of length d.
    pub fn mean_inputs(&self) -> &[f64] {
        &self.mean[..self.inputs.nrows()]
    }

    /// Mean of a, of length m.
    pub fn mean_labels(&self) -> &[f64] {
        &self.mean[self.inputs.nrows()..]
    }

    /// E[(x − E x)(x − E x)'], d × d, with 1/n in front. Zero without columns.
    pub fn covariance_inputs(&self) -> Mat<f64> {
        self.average(&self.inputs)
    }

    /// E[(a − E a)(a − E a)'], m × m.
    pub fn covariance_labels(&self) -> Mat<f64> {
        self.average(&self.labels)
    }

    /// E[(a − E a)(x − E x)'], m × d. Times the transposed whitening of x it is the moment of order one, c_1 U V in whitened
    /// coordinates.
    pub fn cross_covariance(&self) -> Mat<f64> {
        self.average(&self.cross)
    }

    fn average(&self, sum: &Mat<f64>) -> Mat<f64> {
        (1.0 / self.n.max(1) as f64) * sum
    }
}

/// Sums over chunks of columns, in parallel, merged in order. Memory is that of a fixed number of sums.
pub(crate) fn over_chunks<S: Send>(
    n: usize,
    mut total: S,
    of_chunk: impl Fn(usize, usize) -> S + Sync,
    merge: impl Fn(&mut S, &S),
) -> S {
    for group in (0..n).step_by(CHUNK * GROUP) {
        let chunks = (n - group).div_ceil(CHUNK).min(GROUP);
        let parts: Vec<S> = (0..chunks)
            .into_par_iter()
            .map(|chunk| {
                let first = group + chunk * CHUNK;
                of_chunk(first, (n - first).min(CHUNK))
            })
            .collect();
        for part in &parts {
            merge(&mut total, part);
        }
    }
    total
}

/// The number of columns of two matrices that belong together.
pub(crate) fn checked_pair(
    x: MatRef<'_, f64>,
    a: MatRef<'_, f64>,
    d: usize,
    m: usize,
) -> Result<usize, TensorError> {
    dimension("number of rows of the inputs", x.nrows(), d)?;
    dimension("number of rows of the labels", a.nrows(), m)?;
    dimension("number of columns of the labels", a.ncols(), x.ncols())?;
    Ok(x.ncols())
}

/// Refuses to divide by nothing.
pub(crate) fn some_columns(n: usize) -> Result<(), TensorError> {
    at_least("number of columns", n, 1)
}

fn row_means(x: MatRef<'_, f64>) -> Vec<f64> {
    let mut mean = vec![0.0; x.nrows()];
    for j in 0..x.ncols() {
        mean.iter_mut().zip(x.col(j).iter()).for_each(|(mean, value)| *mean += value);
    }
    mean.iter_mut().for_each(|mean| *mean /= x.ncols().max(1) as f64);
    mean
}

/// Writes the columns of `x`, less `near`, to the first columns of `out`, and adds them to `sum`.
fn centre(x: MatRef<'_, f64>, near: &[f64], out: &mut Mat<f64>, sum: &mut [f64]) {
    for j in 0..x.ncols() {
        let column = out.col_as_slice_mut(j).iter_mut().zip(x.col(j).iter());
        for (((out, value), near), sum) in column.zip(near).zip(sum.iter_mut()) {
            *out = value - near;
            *sum += *out;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::{random, tolerance};
    use proptest::prelude::*;

    fn data(d: usize, m: usize, n: usize, seed: u64) -> (Mat<f64>, Mat<f64>) {
        let rng = &mut random::stream(seed, "moments", 0);
        (random::gaussian(d, n, rng), random::gaussian(m, n, rng))
    }

    fn distance(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
        product::frobenius((a - b).as_ref()) / product::frobenius(b.as_ref()).max(f64::MIN_POSITIVE)
    }

    #[test]
    fn large_means_cost_no_digits() {
        let (x, a) = data(3, 2, 2000, 1);
        let shifted = Mat::from_fn(3, 2000, |i, j| x[(i, j)] + 1e6);
        let (mut plain, mut moved) = (Moments::new(3, 2), Moments::new(3, 2));
        plain.add(x.as_ref(), a.as_ref()).expect("finite");
        moved.add(shifted.as_ref(), a.as_ref()).expect("finite");
        // The shift itself rounds x to 10⁶ ε.
        let tol = 1e6 * tolerance::backward(3, 2000);
        assert!(distance(&moved.covariance_inputs(), &plain.covariance_inputs()) <= tol);
        assert!((moved.mean_inputs()[0] - plain.mean_inputs()[0] - 1e6).abs() <= tol);
    }

    #[test]
    fn moments_are_those_of_their_definition() {
        let (x, a) = data(2, 1, CHUNK + 700, 2);
        let mut moments = Moments::new(2, 1);
        moments.add(x.as_ref(), a.as_ref()).expect("finite");
        let n = x.ncols() as f64;
        let mean = |row: usize| x.row(row).iter().sum::<f64>() / n;
        let by_hand: f64 =
            (0..x.ncols()).map(|j| (x[(0, j)] - mean(0)) * (x[(1, j)] - mean(1))).sum::<f64>() / n;
        assert!((moments.covariance_inputs()[(0, 1)] - by_hand).abs() <= tolerance::backward(1, x.ncols()));
        let mean_a = a.row(0).iter().sum::<f64>() / n;
        let by_hand: f64 =
            (0..x.ncols()).map(|j| (a[(0, j)] - mean_a) * (x[(1, j)] - mean(1))).sum::<f64>() / n;
        assert!((moments.cross_covariance()[(0, 1)] - by_hand).abs() <= tolerance::backward(1, x.ncols()));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, rng_seed: proptest::test_runner::RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        /// Columns may come in any blocks, through any number of accumulators.
        #[test]
        fn merging_is_the_same_as_adding_at_once(
            d in 1usize..5, m in 0usize..4, sizes in prop::collection::vec(0usize..700, 1..6), seed in 0u64..1000
        ) {
            let n: usize = sizes.iter().sum();
            let (x, a) = data(d, m, n, seed);
            let mut whole = Moments::new(d, m);
            whole.add(x.as_ref(), a.as_ref()).expect("finite");
            let mut merged = Moments::new(d, m);
            let mut first = 0;
            for size in sizes {
                let mut part = Moments::new(d, m);
                part.add(x.as_ref().subcols(first, size), a.as_ref().subcols(first, size)).expect("finite");
                merged.merge(&part);
                first += size;
            }
            prop_assert_eq!(merged.n(), n);
            let tol = tolerance::backward(d + m, n);
            prop_assert!(distance(&merged.covariance_inputs(), &whole.covariance_inputs()) <= tol);
            for (ours, theirs) in merged.mean_labels().iter().zip(whole.mean_labels()) {
                prop_assert!((ours - theirs).abs() <= tol);
            }
            let scale = product::frobenius(whole.covariance_inputs().as_ref()).max(1.0);
            let error = product::frobenius((merged.cross_covariance() - whole.cross_covariance()).as_ref());
            prop_assert!(error <= tol * scale);
        }
    }

    #[test]
    fn hostile_blocks_are_refused_and_change_nothing() {
        let (x, a) = data(2, 1, 5, 3);
        let mut moments = Moments::new(2, 1);
        moments.add(x.as_ref(), a.as_ref()).expect("finite");
        let before = moments.covariance_inputs();
        let mut bad = x.clone();
        bad[(1, 3)] = f64::NAN;
        assert!(matches!(moments.add(bad.as_ref(), a.as_ref()), Err(TensorError::NotFinite { .. })));
        assert!(matches!(moments.add(a.as_ref(), x.as_ref()), Err(TensorError::Shape { .. })));
        assert!(matches!(moments.add(x.as_ref(), a.as_ref().subcols(0, 4)), Err(TensorError::Shape { .. })));
        // Each of these blocks by itself has moments.
        let far = Mat::full(2, 4, 1e200);
        assert!(matches!(
            moments.add(far.as_ref(), a.as_ref().subcols(0, 4)),
            Err(TensorError::NotFinite { .. })
        ));
        moments.add(x.as_ref().subcols(0, 0), a.as_ref().subcols(0, 0)).expect("an empty block is one");
        assert_eq!((moments.n(), moments.covariance_inputs()), (5, before));
        assert_eq!(Moments::new(2, 0).covariance_inputs(), Mat::<f64>::zeros(2, 2));
    }
}
