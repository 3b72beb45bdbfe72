//! The trained networks of the folder `data`, with samples of them.

use std::path::Path;

use anyhow::{Context, ensure};
use orthant::{Mat, Network, Samples};
use safetensors::{Dtype, SafeTensors};

use crate::provenance;

/// Names of the networks, as in `data`.
pub const NAMES: [&str; 6] = [
    "digits-autoencoder-16",
    "digits-autoencoder-32-biased",
    "digits-autoencoder-32-float32",
    "digits-classifier-8-natural",
    "cancer-autoencoder-12-natural",
    "diabetes-scalar-6",
];

/// A trained network and samples of it.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The true network; biases that are all zero are left out.
    pub network: Network,
    /// Inputs, d × n.
    pub x: Mat<f64>,
    /// Labels, m × n.
    pub a: Mat<f64>,
}

impl Trained {
    /// Reads a network of [`NAMES`].
    ///
    /// # Errors
    /// When a file cannot be read or is not as `data/README.md` describes it.
    pub fn read(name: &str) -> anyhow::Result<Trained> {
        let folder = provenance::root().join("data").join(name);
        let array = |file: &str| columns(&folder.join(file)).with_context(|| format!("data/{name}/{file}"));
        let (x, a) = (array("inputs.npy")?, array("labels.npy")?);
        let bytes = std::fs::read(folder.join("network.safetensors"))?;
        let network = weights(&bytes).with_context(|| format!("data/{name}/network.safetensors"))?;
        ensure!((network.d(), network.m()) == (x.nrows(), a.nrows()), "data/{name}: the sizes do not fit");
        Ok(Trained { network, x, a })
    }

    /// The samples.
    ///
    /// # Errors
    /// When there are not as many labels as inputs.
    pub fn samples(&self) -> anyhow::Result<Samples<'_>> {
        Ok(Samples::new(self.x.as_ref(), self.a.as_ref())?)
    }

    /// For each unit, whether it is active on a sample.
    pub fn seen(&self) -> Vec<bool> {
        let z = self.network.activations(self.x.as_ref());
        (0..z.nrows()).map(|i| (0..z.ncols()).any(|j| z[(i, j)] > 0.0)).collect()
    }
}

/// The rows of an array of doubles or singles as columns.
fn columns(path: &Path) -> anyhow::Result<Mat<f64>> {
    let bytes = std::fs::read(path)?;
    let file = npyz::NpyFile::new(&bytes[..])?;
    ensure!(file.order() == npyz::Order::C, "the array is not in C order");
    let &[rows, cols] = file.shape() else { anyhow::bail!("the array has not two axes") };
    let (rows, cols) = (usize::try_from(rows)?, usize::try_from(cols)?);
    let values: Vec<f64> = match file.try_data::<f64>() {
        Ok(doubles) => doubles.collect::<Result<_, _>>()?,
        Err(file) => file.data::<f32>()?.map(|x| x.map(f64::from)).collect::<Result<_, _>>()?,
    };
    Ok(Mat::from_fn(cols, rows, |r, j| values[j * cols + r]))
}

/// The network of a file with the tensors that PyTorch's Sequential(Linear, ReLU, Linear) has, in double precision.
fn weights(bytes: &[u8]) -> anyhow::Result<Network> {
    let file = SafeTensors::deserialize(bytes)?;
    let tensor = |name: &str| -> anyhow::Result<(Vec<usize>, Vec<f64>)> {
        let tensor = file.tensor(name)?;
        ensure!(tensor.dtype() == Dtype::F64, "{name} is not in double precision");
        let values = tensor.data().as_chunks().0.iter().map(|&eight| f64::from_le_bytes(eight)).collect();
        Ok((tensor.shape().to_vec(), values))
    };
    let matrix = |name: &str| -> anyhow::Result<Mat<f64>> {
        let (shape, values) = tensor(name)?;
        let &[rows, cols] = &shape[..] else { anyhow::bail!("{name} is not a matrix") };
        Ok(Mat::from_fn(rows, cols, |i, j| values[i * cols + j]))
    };
    let bias = |name: &str| -> anyhow::Result<Option<Vec<f64>>> {
        let (_, values) = tensor(name)?;
        Ok(values.iter().any(|&value| value != 0.0).then_some(values))
    };
    Ok(Network::new(matrix("2.weight")?, matrix("0.weight")?, bias("0.bias")?, bias("2.bias")?)?)
}
