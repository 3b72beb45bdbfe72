//! Samples in coordinates of whitened inputs, and the way back to a network.

use orthant_estimate::frame::input_tolerance;
use orthant_estimate::problem::Problem;
use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::{LinalgError, Mat, MatRef, product, spectrum, tolerance};
use orthant_network::{Activation, BiasKind, Network, Samples};

/// Samples, one per row, with inputs whitened by their own singular value decomposition and labels without their mean.
pub(crate) struct Coordinates<'a> {
    samples: Samples<'a>,
    bias: BiasKind,
    activation: &'a Activation,
    /// n × r with columns of mean square 1, orthogonal to each other; the last is the constant 1 when a hidden bias is fitted.
    inputs: Mat<f64>,
    /// d × r: inputs without their mean times this are the columns of `inputs`, the constant aside.
    map: Mat<f64>,
    /// Mean of the inputs, which is subtracted when a hidden bias is fitted; zero otherwise.
    centre: Vec<f64>,
    /// n × m; without their mean when an output bias is fitted.
    labels: Mat<f64>,
}

impl<'a> Coordinates<'a> {
    /// Whitens the inputs.
    pub(crate) fn new(
        samples: Samples<'a>,
        bias: BiasKind,
        activation: &'a Activation,
    ) -> Result<Coordinates<'a>, LinalgError> {
        let (n, d, m) = (samples.n(), samples.d(), samples.m());
        let centre: Vec<f64> =
            (0..d).map(|r| if bias.hidden() { mean(samples.x().row(r).iter()) } else { 0.0 }).collect();
        let level: Vec<f64> =
            (0..m).map(|o| if bias.output() { mean(samples.a().row(o).iter()) } else { 0.0 }).collect();
        let rows = Mat::from_fn(n, d, |j, r| samples.x()[(r, j)] - centre[r]);
        let basis = spectrum::column_space(rows.as_ref(), input_tolerance(n, d))?;
        let r = basis.ncols();
        let root = (n as f64).sqrt();
        let inputs =
            Mat::from_fn(
                n,
                r + usize::from(bias.hidden()),
                |j, i| {
                    if i < r { root * basis[(j, i)] } else { 1.0 }
                },
            );
        let map = RankRevealing::new(rows, input_tolerance(n, d))?.solve(inputs.as_ref().subcols(0, r));
        let labels = Mat::from_fn(n, m, |j, o| samples.a()[(o, j)] - level[o]);
        Ok(Coordinates { samples, bias, activation, inputs, map, centre, labels })
    }

    /// All samples.
    pub(crate) fn problem(&self) -> Problem<'_> {
        self.view(self.inputs.as_ref(), self.labels.as_ref())
    }

    /// Some rows of the samples.
    pub(crate) fn some(&self, rows: &[usize]) -> Rows<'a> {
        let pick = |a: &Mat<f64>| Mat::from_fn(rows.len(), a.ncols(), |i, j| a[(rows[i], j)]);
        Rows {
            inputs: pick(&self.inputs),
            labels: pick(&self.labels),
            bias: self.bias,
            activation: self.activation,
        }
    }

    fn view<'b>(&'b self, inputs: MatRef<'b, f64>, labels: MatRef<'b, f64>) -> Problem<'b> {
        Problem { inputs, labels, bias: self.bias, activation: self.activation, affine: false }
    }

    /// Directions of given hidden weights, r × k.
    pub(crate) fn directions(&self, network: &Network) -> Mat<f64> {
        let t = network.preactivations(self.samples.x());
        let sums = product::matmul(self.inputs.transpose(), t.transpose());
        Mat::from_fn(sums.nrows(), sums.ncols(), |i, j| sums[(i, j)] / self.samples.n() as f64)
    }

    /// The network with given directions, in the coordinates of the samples, its output layer fitted to all of them.
    pub(crate) fn network(&self, directions: &Mat<f64>) -> Result<Network, LinalgError> {
        let (n, m, k) = (self.samples.n(), self.samples.m(), directions.ncols());
        let free = self.map.ncols();
        let weights = product::matmul(self.map.as_ref(), directions.as_ref().subrows(0, free));
        let v = weights.transpose().to_owned();
        let b = self.bias.hidden().then(|| {
            let level = |i: usize| product::dot(weights.col_as_slice(i), &self.centre);
            (0..k).map(|i| directions[(free, i)] - level(i)).collect::<Vec<f64>>()
        });
        let bare = network(self.activation, Mat::zeros(m, k), v, b, None)?;
        let z = bare.activations(self.samples.x());
        let constant = usize::from(self.bias.output());
        let design = Mat::from_fn(n, k + constant, |j, i| if i < k { z[(i, j)] } else { 1.0 });
        let solution = RankRevealing::new(design, tolerance::backward(n, k + constant))?
            .solve(self.samples.a().transpose());
        let u = solution.as_ref().subrows(0, k).transpose().to_owned();
        let c = self.bias.output().then(|| (0..m).map(|o| solution[(k, o)]).collect());
        network(self.activation, u, bare.v().to_owned(), bare.b().map(<[f64]>::to_vec), c)
    }
}

/// Rows of the samples, copied.
pub(crate) struct Rows<'a> {
    inputs: Mat<f64>,
    labels: Mat<f64>,
    bias: BiasKind,
    activation: &'a Activation,
}

impl Rows<'_> {
    /// As a problem.
    pub(crate) fn problem(&self) -> Problem<'_> {
        Problem {
            inputs: self.inputs.as_ref(),
            labels: self.labels.as_ref(),
            bias: self.bias,
            activation: self.activation,
            affine: false,
        }
    }
}

fn mean<'b>(values: impl Iterator<Item = &'b f64>) -> f64 {
    // Relative to the first value, so that a constant is its own mean to the bit.
    let mut values = values.peekable();
    let first = values.peek().copied().copied().unwrap_or(0.0);
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), x| (sum + (x - first), count + 1));
    first + sum / count.max(1) as f64
}

fn network(
    activation: &Activation,
    u: Mat<f64>,
    v: Mat<f64>,
    b: Option<Vec<f64>>,
    c: Option<Vec<f64>>,
) -> Result<Network, LinalgError> {
    let (rows, cols) = (u.nrows(), v.ncols());
    Network::with_activation(activation.clone(), u, v, b, c).map_err(|_| LinalgError::NoConvergence {
        what: "fit of the weights",
        rows,
        cols,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_network::{PlantedSpec, align};

    /// Inputs of any mean and covariance: the directions of a network lead back to it.
    #[test]
    fn directions_and_networks_correspond() {
        for bias in [BiasKind::None, BiasKind::Hidden, BiasKind::Output, BiasKind::Both] {
            let spec = PlantedSpec { m: 3, k: 4, d: 5, bias, seed: 3, ..PlantedSpec::default() };
            let p = spec.plant(100).expect("valid");
            let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
            let coordinates = Coordinates::new(samples, bias, &Activation::RELU).expect("finite");
            let found = coordinates.network(&coordinates.directions(&p.network)).expect("finite");
            let alignment = align(&found, &p.network);
            let tol = 100.0 * tolerance::backward(100, 5);
            assert!(
                alignment.worst() <= tol && alignment.output_bias_error <= tol,
                "{bias:?}: {alignment:?}"
            );
        }
    }
}
