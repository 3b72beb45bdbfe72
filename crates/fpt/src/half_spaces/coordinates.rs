//! Samples in the coordinates of the search: inputs of unit second moment, labels of moderate size.

use orthant_linalg::faer::Scale;
use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::qr::Qr;
use orthant_linalg::{LinalgError, Mat, product, spectrum, tolerance};
use orthant_network::{Network, Samples};

use crate::error::FptError;

pub(super) struct Coordinates {
    /// Inputs with unit second moment, n × r.
    pub(super) inputs: Mat<f64>,
    /// Labels times a power of two, n × m.
    pub(super) labels: Mat<f64>,
    /// d × r: a direction w here is `to_inputs` w there, for inputs times `input_scale`.
    to_inputs: Mat<f64>,
    /// The power of two that inputs were multiplied by.
    input_scale: f64,
    /// The power of two that labels were multiplied by.
    pub(super) scale: f64,
    /// Frobenius norm of `labels`.
    pub(super) label_norm: f64,
}

/// U for given directions, and what it leaves.
pub(super) struct Regression {
    /// Output weights, k × m.
    pub(super) u: Mat<f64>,
    /// Labels minus fit, n × m.
    pub(super) left: Mat<f64>,
    /// Frobenius norm of `left`.
    pub(super) residual: f64,
}

impl Coordinates {
    pub(super) fn new(samples: &Samples<'_>) -> Result<Coordinates, LinalgError> {
        let (n, d) = (samples.n(), samples.d());
        let input_scale = product::normalising_power(samples.x());
        let x = Mat::from_fn(n, d, |q, j| samples.x()[(j, q)] * input_scale);
        let svd = spectrum::thin_svd(Qr::factor(x.clone()).r().as_ref())?;
        let largest = svd.s.first().copied().unwrap_or(0.0);
        let rank = svd.s.iter().filter(|&&s| s > tolerance::backward(n, d) * largest).count();
        let root = (n as f64).sqrt();
        let to_inputs = Mat::from_fn(d, rank, |j, i| svd.v[(j, i)] * (root / svd.s[i]));
        let inputs = product::matmul(x.as_ref(), to_inputs.as_ref());
        let scale = product::normalising_power(samples.a());
        let labels = Mat::from_fn(n, samples.m(), |q, o| samples.a()[(o, q)] * scale);
        let label_norm = product::frobenius(labels.as_ref());
        Ok(Coordinates { inputs, labels, to_inputs, input_scale, scale, label_norm })
    }

    pub(super) fn n(&self) -> usize {
        self.inputs.nrows()
    }

    pub(super) fn m(&self) -> usize {
        self.labels.ncols()
    }

    pub(super) fn r(&self) -> usize {
        self.inputs.ncols()
    }

    /// Step 4 of Algorithm 9 for directions w (r × k).
    pub(super) fn regression(&self, directions: &Mat<f64>) -> Result<Regression, LinalgError> {
        let mut z = product::matmul(self.inputs.as_ref(), directions.as_ref());
        z.col_iter_mut().for_each(|column| column.iter_mut().for_each(|t| *t = t.max(0.0)));
        let factor = RankRevealing::new(z.clone(), tolerance::backward(z.nrows(), z.ncols()))?;
        let u = factor.solve(self.labels.as_ref());
        let mut left = self.labels.clone();
        product::matmul_add(left.as_mut(), -1.0, z.as_ref(), u.as_ref());
        let residual = product::frobenius(left.as_ref());
        Ok(Regression { u, left, residual })
    }

    /// The network of these directions and output weights, in the coordinates of the samples.
    pub(super) fn network(&self, directions: &Mat<f64>, u: &Mat<f64>) -> Result<Network, FptError> {
        let mut v = product::matmul(self.to_inputs.as_ref(), directions.as_ref());
        let mut u = u.transpose() * Scale(1.0);
        for i in 0..v.ncols() {
            let norm = product::norm(v.col_as_slice(i));
            if norm > 0.0 {
                v.col_as_slice_mut(i).iter_mut().for_each(|x| *x /= norm);
                // Divided first: the two powers may cancel where one of them alone overflows.
                let factor = norm * (self.input_scale / self.scale);
                u.col_as_slice_mut(i).iter_mut().for_each(|x| *x *= factor);
            }
        }
        Network::new(u, v.transpose().to_owned(), None, None).map_err(|_| FptError::Overflow)
    }
}
