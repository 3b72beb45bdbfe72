//! Inputs with their labels, checked once.

use orthant_linalg::{Mat, MatRef};

/// Inputs and labels that cannot be samples of a network.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SamplesError {
    /// Inputs and labels have different numbers of samples.
    #[error("{inputs} inputs but {labels} labels: each sample needs both")]
    CountMismatch {
        /// Samples in the inputs.
        inputs: usize,
        /// Samples in the labels.
        labels: usize,
    },
    /// There is nothing to learn from.
    #[error("the {part} are empty ({samples} samples of dimension {dimension})")]
    Empty {
        /// Inputs or labels.
        part: &'static str,
        /// Number of samples.
        samples: usize,
        /// Dimension of each.
        dimension: usize,
    },
    /// A value is NaN or infinite.
    #[error("the {part} contain {value} at sample {sample}, coordinate {coordinate} (counted from 0)")]
    NotFinite {
        /// Inputs or labels.
        part: &'static str,
        /// The value.
        value: f64,
        /// Index of the sample, from 0.
        sample: usize,
        /// Index of the coordinate, from 0.
        coordinate: usize,
    },
}

/// n samples: views of inputs and labels of matching count, all finite.
///
/// The data stay where they are (a memory-mapped file, for instance): this is a pair of views.
#[derive(Debug, Clone, Copy)]
pub struct Samples<'a> {
    x: MatRef<'a, f64>,
    a: MatRef<'a, f64>,
}

impl<'a> Samples<'a> {
    /// Checks and pairs inputs with labels.
    ///
    /// # Shapes
    /// `x` is d × n and `a` is m × n, one sample per column; d, m, n ≥ 1. A row-major (n, d) array is a column-major d × n one.
    ///
    /// # Errors
    /// [`SamplesError`] names the first thing that is wrong and where.
    ///
    /// # Cost
    /// One pass over the data.
    pub fn new(x: MatRef<'a, f64>, a: MatRef<'a, f64>) -> Result<Samples<'a>, SamplesError> {
        for (part, view) in [("inputs", x), ("labels", a)] {
            if view.nrows() == 0 || view.ncols() == 0 {
                return Err(SamplesError::Empty { part, samples: view.ncols(), dimension: view.nrows() });
            }
        }
        if x.ncols() != a.ncols() {
            return Err(SamplesError::CountMismatch { inputs: x.ncols(), labels: a.ncols() });
        }
        for (part, view) in [("inputs", x), ("labels", a)] {
            for sample in 0..view.ncols() {
                if let Some(coordinate) = view.col(sample).iter().position(|v| !v.is_finite()) {
                    let value = view[(coordinate, sample)];
                    return Err(SamplesError::NotFinite { part, value, sample, coordinate });
                }
            }
        }
        Ok(Samples { x, a })
    }

    /// Inputs, d × n.
    pub fn x(&self) -> MatRef<'a, f64> {
        self.x
    }

    /// Labels, m × n.
    pub fn a(&self) -> MatRef<'a, f64> {
        self.a
    }

    /// Number of samples.
    pub fn n(&self) -> usize {
        self.x.ncols()
    }

    /// Input dimension.
    pub fn d(&self) -> usize {
        self.x.nrows()
    }

    /// Label dimension.
    pub fn m(&self) -> usize {
        self.a.nrows()
    }

    /// Root mean square of the labels' deviation from their mean, over all entries: the unit of relative residuals.
    pub fn label_scale(&self) -> f64 {
        let n = self.n() as f64;
        // Sample by sample, as they lie in memory; a sum for each output.
        let mut means = vec![0.0; self.m()];
        for sample in self.a.col_iter() {
            sample.iter().zip(&mut means).for_each(|(a, sum)| *sum += a);
        }
        means.iter_mut().for_each(|sum| *sum /= n);
        let mut squares = vec![0.0; self.m()];
        for sample in self.a.col_iter() {
            let deviations = sample.iter().zip(&means).map(|(a, mean)| a - mean);
            deviations.zip(&mut squares).for_each(|(deviation, sum)| *sum += deviation * deviation);
        }
        (squares.iter().sum::<f64>() / (n * self.m() as f64)).sqrt()
    }
}

/// Some of the samples, copied, in the order asked for; possibly none.
#[derive(Debug, Clone)]
pub struct Subset {
    x: Mat<f64>,
    a: Mat<f64>,
}

impl Subset {
    /// Copies the samples with these indices.
    ///
    /// # Shapes
    /// The result has as many samples as there are indices, which may repeat.
    ///
    /// # Panics
    /// When an index is not below n.
    ///
    /// # Cost
    /// A copy of the samples chosen.
    pub fn of(samples: &Samples<'_>, chosen: &[usize]) -> Subset {
        Subset { x: columns(samples.x, chosen), a: columns(samples.a, chosen) }
    }

    /// Number of samples.
    pub fn n(&self) -> usize {
        self.x.ncols()
    }

    /// Inputs, d × n.
    pub fn x(&self) -> MatRef<'_, f64> {
        self.x.as_ref()
    }

    /// Labels, m × n.
    pub fn a(&self) -> MatRef<'_, f64> {
        self.a.as_ref()
    }

    /// The samples.
    ///
    /// # Panics
    /// When there are none.
    pub fn samples(&self) -> Samples<'_> {
        assert!(self.n() > 0, "an empty subset has no samples");
        Samples { x: self.x.as_ref(), a: self.a.as_ref() }
    }
}

fn columns(a: MatRef<'_, f64>, chosen: &[usize]) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), chosen.len());
    for (to, &from) in chosen.iter().enumerate() {
        out.as_mut().col_mut(to).copy_from(a.col(from));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_defect_is_named() {
        let (x, a) = (Mat::<f64>::zeros(2, 3), Mat::<f64>::zeros(4, 3));
        assert!(Samples::new(x.as_ref(), a.as_ref()).is_ok());
        let short = Mat::<f64>::zeros(4, 2);
        assert_eq!(
            Samples::new(x.as_ref(), short.as_ref()).err(),
            Some(SamplesError::CountMismatch { inputs: 3, labels: 2 })
        );
        let empty = Mat::<f64>::zeros(0, 3);
        assert!(matches!(
            Samples::new(x.as_ref(), empty.as_ref()),
            Err(SamplesError::Empty { part: "labels", .. })
        ));
        let mut bad = a.clone();
        bad[(1, 2)] = f64::INFINITY;
        assert_eq!(
            Samples::new(x.as_ref(), bad.as_ref()).err(),
            Some(SamplesError::NotFinite { part: "labels", value: f64::INFINITY, sample: 2, coordinate: 1 })
        );
    }

    #[test]
    fn label_scale_ignores_the_mean() {
        let x = Mat::<f64>::zeros(1, 4);
        let a = Mat::from_fn(1, 4, |_, j| 100.0 + if j % 2 == 0 { 1.0 } else { -1.0 });
        assert_eq!(Samples::new(x.as_ref(), a.as_ref()).expect("valid").label_scale(), 1.0);
    }
}
