//! First pass over the data: counts, means, covariances.

use orthant_linalg::{Mat, MatRef, product};
use rayon::prelude::*;

use crate::error::{TensorError, at_least, dimension, finite};

/// Columns per parallel task. Fixed, so that sums do not depend on the number of threads.
pub(crate) const CHUNK: usize = 16_384;

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
        let chunks: Vec<Moments> = (0..n.div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let first = chunk * CHUNK;
                let last = n.min(first + CHUNK);
                let mut sums = Moments::new(d, m);
                for start in (first..last).step_by(BLOCK) {
                    let cols = (last - start).min(BLOCK);
                    sums.merge(&Moments::of_block(x.subcols(start, cols), a.subcols(start, cols)));
                }
                sums
            })
            .collect();
        for chunk in &chunks {
            self.merge(chunk);
        }
        Ok(())
    }

    /// Sums of one block about its own means.
    fn of_block(x: MatRef<'_, f64>, a: MatRef<'_, f64>) -> Moments {
        let (mean_x, x) = centred(x);
        let (mean_a, a) = centred(a);
        Moments {
            n: x.ncols(),
            mean: mean_x.into_iter().chain(mean_a).collect(),
            inputs: product::matmul(x.as_ref(), x.transpose()),
            labels: product::matmul(a.as_ref(), a.transpose()),
            cross: product::matmul(a.as_ref(), x.transpose()),
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
        let weight = self.n as f64 * share;
        let (x, a) = shift.split_at(d);
        for (sum, theirs, left, right) in [
            (&mut self.inputs, &other.inputs, x, x),
            (&mut self.labels, &other.labels, a, a),
            (&mut self.cross, &other.cross, a, x),
        ] {
            for j in 0..right.len() {
                for i in 0..left.len() {
                    sum[(i, j)] += theirs[(i, j)] + weight * left[i] * right[j];
                }
            }
        }
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

/// The number of columns of two finite matrices that belong together.
pub(crate) fn checked_pair(
    x: MatRef<'_, f64>,
    a: MatRef<'_, f64>,
    d: usize,
    m: usize,
) -> Result<usize, TensorError> {
    dimension("number of rows of the inputs", x.nrows(), d)?;
    dimension("number of rows of the labels", a.nrows(), m)?;
    dimension("number of columns of the labels", a.ncols(), x.ncols())?;
    finite("block of inputs", x)?;
    finite("block of labels", a)?;
    Ok(x.ncols())
}

/// Refuses to divide by nothing.
pub(crate) fn some_columns(n: usize) -> Result<(), TensorError> {
    at_least("number of columns", n, 1)
}

fn centred(x: MatRef<'_, f64>) -> (Vec<f64>, Mat<f64>) {
    let mut mean = vec![0.0; x.nrows()];
    for j in 0..x.ncols() {
        for (mean, &value) in mean.iter_mut().zip(x.col(j).iter()) {
            *mean += value;
        }
    }
    mean.iter_mut().for_each(|mean| *mean /= x.ncols() as f64);
    let mut copy = x.to_owned();
    for j in 0..x.ncols() {
        for (value, mean) in copy.as_mut().col_mut(j).iter_mut().zip(&mean) {
            *value -= mean;
        }
    }
    (mean, copy)
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
        moments.add(x.as_ref().subcols(0, 0), a.as_ref().subcols(0, 0)).expect("an empty block is one");
        assert_eq!((moments.n(), moments.covariance_inputs()), (5, before));
        assert_eq!(Moments::new(2, 0).covariance_inputs(), Mat::<f64>::zeros(2, 2));
    }
}
