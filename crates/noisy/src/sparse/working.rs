//! The labels that the label space is sought in: some of the samples, with outputs brought to size one.

use orthant_linalg::{Mat, MatRef, random, tolerance};
use rand::seq::index;

/// Entries beyond this, relative to their output's median, are errors whatever the network: products with them must not overflow.
const LARGEST: f64 = 1e100;

/// Values looked at to find the precision of the labels.
const PRECISION_ENTRIES: usize = 4096;

/// A subset of the samples' labels, each output divided by a power of two near the median of its absolute values.
#[derive(Debug, Clone)]
pub(crate) struct Working {
    /// m × n' scaled labels, cut at [`LARGEST`].
    pub a: Mat<f64>,
    /// The samples taken, ascending.
    pub samples: Vec<usize>,
    /// The factor of each output.
    pub scale: Vec<f64>,
    /// Relative precision of the labels: 2⁻⁵², or 2⁻²³ where all entries are those of `f32`.
    pub precision: f64,
}

impl Working {
    /// Takes at most `limit` samples.
    ///
    /// # Cost
    /// m n' operations and as many numbers, n' = min(n, limit).
    pub fn draw(a: MatRef<'_, f64>, limit: usize, seed: u64) -> Working {
        let (m, n) = a.shape();
        let samples = if n <= limit {
            (0..n).collect()
        } else {
            let mut drawn =
                index::sample(&mut random::stream(seed, "sparse samples", 0), n, limit).into_vec();
            drawn.sort_unstable();
            drawn
        };
        let mut scale = Vec::with_capacity(m);
        let mut sizes = Vec::with_capacity(samples.len());
        for o in 0..m {
            sizes.clear();
            sizes.extend(samples.iter().map(|&j| a[(o, j)].abs()).filter(|&size| size > 0.0));
            let middle = sizes.len() / 2;
            scale.push(if sizes.is_empty() {
                1.0
            } else {
                let median = *sizes.select_nth_unstable_by(middle, f64::total_cmp).1;
                median.log2().floor().clamp(-1000.0, 1000.0).exp2()
            });
        }
        let scaled =
            Mat::from_fn(m, samples.len(), |o, j| (a[(o, samples[j])] / scale[o]).clamp(-LARGEST, LARGEST));
        let few: Vec<f64> = (0..m * samples.len())
            .step_by((m * samples.len() / PRECISION_ENTRIES).max(1))
            .map(|at| a[(at % m, samples[at / m])])
            .collect();
        let single = tolerance::is_single_precision(&few) && few.iter().any(|&v| v != v.trunc());
        Working {
            a: scaled,
            samples,
            scale,
            precision: if single { tolerance::EPS_F32 } else { tolerance::EPS },
        }
    }

    /// One sample's labels in the scale of the working labels.
    pub fn scaled(&self, a: MatRef<'_, f64>, sample: usize) -> Vec<f64> {
        let one = |(&a, scale): (&f64, &f64)| (a / scale).clamp(-LARGEST, LARGEST);
        a.col(sample).iter().zip(&self.scale).map(one).collect()
    }

    pub fn m(&self) -> usize {
        self.a.nrows()
    }

    pub fn n(&self) -> usize {
        self.a.ncols()
    }
}
