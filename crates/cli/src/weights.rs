//! Networks in safetensors files, with the names that PyTorch gives the tensors of `nn.Sequential(Linear, ReLU, Linear)`.
//!
//! | tensor | shape | here |
//! |---|---|---|
//! | `0.weight` | (k, d) | V |
//! | `0.bias` | (k) | b; zeros are written, and nothing may be read, where there is none |
//! | `2.weight` | (m, k) | U |
//! | `2.bias` | (m) | c; likewise |
//!
//! The metadata entry `activation` names the activation when it is not ReLU.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, anyhow, bail, ensure};
use orthant::certificate::{Rational, RationalMatrix, RationalNetwork, number};
use orthant::exact::bounds::ErrorBounds;
use orthant::network::{IntegerPlanted, UnknownActivation};
use orthant::noisy::StandardErrors;
use orthant::{Activation, Mat, MatRef, Network};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

const HIDDEN_WEIGHT: &str = "0.weight";
const HIDDEN_BIAS: &str = "0.bias";
const OUTPUT_WEIGHT: &str = "2.weight";
const OUTPUT_BIAS: &str = "2.bias";
const ACTIVATION: &str = "activation";
const NAMES: [&str; 4] = [HIDDEN_WEIGHT, HIDDEN_BIAS, OUTPUT_WEIGHT, OUTPUT_BIAS];

/// Reads a network from a file; F64 and F32 tensors are accepted.
///
/// # Errors
/// One line that names the file and what is wrong with it.
pub fn read(path: &Path) -> anyhow::Result<Network> {
    let checked = || {
        // Checked before opening: opening a pipe would wait for its writer.
        let metadata = std::fs::metadata(path)?;
        ensure!(!metadata.is_dir(), "is a directory, not a safetensors file");
        ensure!(metadata.is_file(), "is not a regular file");
        decode(&std::fs::read(path)?)
    };
    checked().with_context(|| path.display().to_string())
}

/// The contents of a file with this network, all tensors F64.
///
/// # Errors
/// When the library refuses, which for a network in memory it does not.
pub fn encode(network: &Network) -> anyhow::Result<Vec<u8>> {
    let activation = network.activation();
    let metadata =
        (!activation.is_relu()).then(|| HashMap::from([(ACTIVATION.to_string(), activation.name())]));
    encode_parts(network.v(), network.b(), network.u(), network.c(), metadata)
}

/// The contents of a file with the nearest `f64` of each weight, as it stands: rows of V keep their scale.
///
/// # Errors
/// When a weight is beyond the range of `f64`.
pub fn encode_nearest(network: &RationalNetwork) -> anyhow::Result<Vec<u8>> {
    let nearest = |weights: &[Rational]| {
        let values: Vec<f64> = weights.iter().map(number::to_f64).collect();
        let fits = values.iter().all(|value| value.is_finite());
        fits.then_some(values).context("a weight is beyond the range of float64 numbers")
    };
    let matrix = |exact: &RationalMatrix| {
        let rows = (0..exact.nrows()).map(|i| nearest(exact.row(i))).collect::<anyhow::Result<Vec<_>>>()?;
        Ok::<_, anyhow::Error>(Mat::from_fn(exact.nrows(), exact.ncols(), |i, j| rows[i][j]))
    };
    let (v, u) = (matrix(network.v())?, matrix(network.u())?);
    let (b, c) = (network.b().map(nearest).transpose()?, network.c().map(nearest).transpose()?);
    encode_parts(v.as_ref(), b.as_deref(), u.as_ref(), c.as_deref(), None)
}

/// The contents of a file with integer weights, as they stand.
///
/// # Errors
/// As [`encode`].
pub fn encode_integers(planted: &IntegerPlanted) -> anyhow::Result<Vec<u8>> {
    encode_parts(planted.v.as_ref(), planted.b.as_deref(), planted.u.as_ref(), planted.c.as_deref(), None)
}

/// The contents of a file with the standard error of each weight, under the name of the weight; 0 for biases that were not fitted.
///
/// # Errors
/// As [`encode`].
pub fn encode_standard_errors(errors: &StandardErrors) -> anyhow::Result<Vec<u8>> {
    encode_parts(errors.v.as_ref(), errors.b.as_deref(), errors.u.as_ref(), errors.c.as_deref(), None)
}

/// The contents of a file with the error bound of each weight, under the name of the weight; 0 for biases that are not there.
///
/// # Errors
/// As [`encode`].
pub fn encode_error_bounds(bounds: &ErrorBounds) -> anyhow::Result<Vec<u8>> {
    encode_parts(bounds.v.as_ref(), bounds.b.as_deref(), bounds.u.as_ref(), bounds.c.as_deref(), None)
}

fn encode_parts(
    v: MatRef<'_, f64>,
    b: Option<&[f64]>,
    u: MatRef<'_, f64>,
    c: Option<&[f64]>,
    metadata: Option<HashMap<String, String>>,
) -> anyhow::Result<Vec<u8>> {
    let (k, d, m) = (v.nrows(), v.ncols(), u.nrows());
    let mut tensors =
        vec![(HIDDEN_WEIGHT, vec![k, d], row_major(v)), (OUTPUT_WEIGHT, vec![m, k], row_major(u))];
    // Zeros where there is no bias: `load_state_dict` of a plain Sequential wants all four tensors.
    for (name, bias, len) in [(HIDDEN_BIAS, b, k), (OUTPUT_BIAS, c, m)] {
        let values = bias.map_or_else(|| vec![0.0; len], <[f64]>::to_vec);
        tensors.push((name, vec![len], to_bytes(values.into_iter())));
    }
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| Ok((*name, TensorView::new(Dtype::F64, shape.clone(), bytes)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    Ok(safetensors::serialize(views, metadata)?)
}

fn row_major(matrix: MatRef<'_, f64>) -> Vec<u8> {
    to_bytes(matrix.row_iter().flat_map(|row| row.iter().copied().collect::<Vec<_>>()))
}

fn to_bytes(values: impl Iterator<Item = f64>) -> Vec<u8> {
    values.flat_map(f64::to_le_bytes).collect()
}

fn decode(bytes: &[u8]) -> anyhow::Result<Network> {
    let file =
        SafeTensors::deserialize(bytes).map_err(|error| anyhow!("is not a safetensors file: {error}"))?;
    let mut unexpected: Vec<&str> = file.names().into_iter().filter(|name| !NAMES.contains(name)).collect();
    unexpected.sort_unstable();
    if let Some(name) = unexpected.first() {
        let shown: String = name.chars().take(60).collect();
        bail!(
            "holds a tensor '{}' besides {}: only Sequential(Linear, ReLU, Linear) is read",
            shown.escape_debug(),
            NAMES.join(", ")
        );
    }
    let tensor = |name| file.tensor(name).ok();
    let [v, u] = [HIDDEN_WEIGHT, OUTPUT_WEIGHT].map(|name| {
        let tensor = tensor(name).with_context(|| format!("has no tensor {name}"))?;
        match *tensor.shape() {
            [rows, cols] => {
                ensure!(cols > 0 || rows == 0, "{name} has shape ({rows}, {cols}), which takes no input");
                let values = values(name, &tensor, cols)?;
                Ok(Mat::from_fn(rows, cols, |i, j| values[i * cols + j]))
            }
            ref other => bail!("{name} has {} axes, expected 2", other.len()),
        }
    });
    let (v, u) = (v?, u?);
    let [b, c] = [HIDDEN_BIAS, OUTPUT_BIAS].map(|name| {
        let Some(tensor) = tensor(name) else { return Ok(None) };
        ensure!(tensor.shape().len() == 1, "{name} has {} axes, expected 1", tensor.shape().len());
        Ok(Some(values(name, &tensor, 1)?))
    });
    let (b, c) = (b?, c?);
    let expect = |what: &str, found: usize, because: &str, expected: usize| {
        ensure!(found == expected, "{what} {found}, but {because} {expected}");
        Ok(())
    };
    expect("2.weight has columns:", u.ncols(), "0.weight has rows:", v.nrows())?;
    if let Some(b) = &b {
        expect("0.bias has entries:", b.len(), "0.weight has rows:", v.nrows())?;
    }
    if let Some(c) = &c {
        expect("2.bias has entries:", c.len(), "2.weight has rows:", u.nrows())?;
    }
    ensure!(v.ncols() > 0 && u.nrows() > 0, "has {} inputs and {} outputs", v.ncols(), u.nrows());
    // Shapes and finiteness are checked above: what is left is overflow in bringing rows to unit norm.
    Network::with_activation(activation(bytes)?, u, v, b, c)
        .map_err(|error| anyhow!("overflows when rows of 0.weight are scaled to unit norm: {error}"))
}

/// The activation that the metadata name, ReLU when they name none.
fn activation(bytes: &[u8]) -> anyhow::Result<Activation> {
    let (_, metadata) = SafeTensors::read_metadata(bytes)?;
    match metadata.metadata().as_ref().and_then(|entries| entries.get(ACTIVATION)) {
        None => Ok(Activation::RELU),
        // Only what is shown is cut: parameters may take hundreds of digits, as that of power:1e100 does.
        Some(name) => name.parse().map_err(|_: UnknownActivation| {
            let shown: String = name.chars().take(60).flat_map(char::escape_debug).collect();
            anyhow!("metadata: {}", UnknownActivation { name: shown })
        }),
    }
}

/// The entries of a tensor, in row-major order, all finite.
fn values(name: &str, tensor: &TensorView<'_>, cols: usize) -> anyhow::Result<Vec<f64>> {
    let bytes = tensor.data();
    let values: Vec<f64> = match tensor.dtype() {
        Dtype::F64 => bytes.as_chunks().0.iter().map(|&chunk| f64::from_le_bytes(chunk)).collect(),
        Dtype::F32 => bytes.as_chunks().0.iter().map(|&chunk| f64::from(f32::from_le_bytes(chunk))).collect(),
        other => bail!("{name} has dtype {other:?}, expected F64 or F32"),
    };
    if let Some(index) = values.iter().position(|x| !x.is_finite()) {
        bail!(
            "{name} has {} at row {}, column {}, both counted from 0",
            values[index],
            index / cols,
            index % cols
        );
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant::network::{BiasKind, PlantedSpec};
    use proptest::prelude::*;

    fn planted(bias: BiasKind) -> Network {
        PlantedSpec { m: 2, k: 3, d: 4, bias, seed: 5, ..PlantedSpec::default() }
            .plant(1)
            .expect("valid")
            .network
    }

    fn file(tensors: &[(&str, Dtype, &[usize], Vec<u8>)]) -> Vec<u8> {
        let view = |dtype: &Dtype, shape: &[usize], bytes| {
            TensorView::new(*dtype, shape.to_vec(), bytes).expect("size fits")
        };
        let views = tensors.iter().map(|(name, dtype, shape, bytes)| (*name, view(dtype, shape, bytes)));
        safetensors::serialize(views, None).expect("serialised")
    }

    fn doubles(values: &[f64]) -> Vec<u8> {
        to_bytes(values.iter().copied())
    }

    #[test]
    fn a_network_survives_the_round_trip_bit_for_bit() {
        for bias in [BiasKind::None, BiasKind::Hidden, BiasKind::Output, BiasKind::Both] {
            let network = planted(bias);
            let back = decode(&encode(&network).expect("encoded")).expect("decoded");
            assert_eq!((back.u(), back.v()), (network.u(), network.v()));
            // A bias that is not there comes back as zeros.
            assert_eq!(back.b(), Some(network.b().unwrap_or(&[0.0; 8][..network.k()])));
            assert_eq!(back.c(), Some(network.c().unwrap_or(&[0.0; 8][..network.m()])));
        }
    }

    #[test]
    fn tensors_are_stored_row_by_row() {
        let network = planted(BiasKind::None);
        let bytes = encode(&network).expect("encoded");
        let file = SafeTensors::deserialize(&bytes).expect("valid");
        let v = file.tensor(HIDDEN_WEIGHT).expect("there");
        assert_eq!(v.shape(), [3, 4]);
        assert_eq!(v.data()[8..16], network.v()[(0, 1)].to_le_bytes());
        assert_eq!(v.data()[32..40], network.v()[(1, 0)].to_le_bytes());
    }

    #[test]
    fn fractions_are_written_as_the_nearest_numbers() {
        let network = |entry: Rational| {
            let v = RationalMatrix::from_fn(1, 2, |_, j| Rational::from(3 - 4 * j as i64));
            let u = RationalMatrix::from_fn(1, 1, |_, _| entry.clone());
            RationalNetwork::new(u, v, None, Some(vec![Rational::from(-7)])).expect("shapes fit")
        };
        let third = Rational::from_parts_signed(1.into(), 3.into());
        let bytes = encode_nearest(&network(third)).expect("in range");
        let file = SafeTensors::deserialize(&bytes).expect("valid");
        let data = |name| file.tensor(name).expect("there").data().to_vec();
        assert_eq!(data(HIDDEN_WEIGHT), doubles(&[3.0, -1.0]));
        assert_eq!(data(HIDDEN_BIAS), doubles(&[0.0]));
        assert_eq!(data(OUTPUT_WEIGHT), doubles(&[1.0 / 3.0]));
        assert_eq!(data(OUTPUT_BIAS), doubles(&[-7.0]));
        let huge = number::parse("1e400").expect("a number");
        assert!(encode_nearest(&network(huge)).expect_err("too large").to_string().contains("range"));
    }

    #[test]
    fn single_precision_is_accepted_and_brought_to_unit_rows() {
        let single = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        let bytes = file(&[
            (HIDDEN_WEIGHT, Dtype::F32, &[1, 2], single(&[0.0, 2.0])),
            (HIDDEN_BIAS, Dtype::F64, &[1], doubles(&[4.0])),
            (OUTPUT_WEIGHT, Dtype::F32, &[2, 1], single(&[1.0, -3.0])),
        ]);
        let network = decode(&bytes).expect("valid");
        assert_eq!(network.v(), Mat::from_fn(1, 2, |_, r| [0.0, 1.0][r]));
        assert_eq!(network.u(), Mat::from_fn(2, 1, |o, _| [2.0, -6.0][o]));
        assert_eq!((network.b(), network.c()), (Some([2.0].as_slice()), None));
    }

    #[test]
    fn each_defect_is_named() {
        let v = (HIDDEN_WEIGHT, Dtype::F64, [1, 2].as_slice(), doubles(&[1.0, 0.0]));
        let u = (OUTPUT_WEIGHT, Dtype::F64, [1, 1].as_slice(), doubles(&[1.0]));
        let with =
            |extra: (&'static str, Dtype, &'static [usize], Vec<u8>)| file(&[v.clone(), u.clone(), extra]);
        for (bytes, expected) in [
            (b"nonsense".to_vec(), "is not a safetensors file"),
            (Vec::new(), "is not a safetensors file"),
            (file(std::slice::from_ref(&v)), "has no tensor 2.weight"),
            (file(std::slice::from_ref(&u)), "has no tensor 0.weight"),
            (with(("4.weight", Dtype::F64, &[1], doubles(&[1.0]))), "'4.weight'"),
            (with((HIDDEN_BIAS, Dtype::F64, &[2], doubles(&[1.0, 1.0]))), "0.bias has entries: 2"),
            (with((HIDDEN_BIAS, Dtype::F64, &[1, 1], doubles(&[1.0]))), "0.bias has 2 axes"),
            (with((OUTPUT_BIAS, Dtype::F64, &[2], doubles(&[1.0, 1.0]))), "2.bias has entries: 2"),
            (with((HIDDEN_BIAS, Dtype::F64, &[1], doubles(&[f64::NAN]))), "0.bias has NaN at row 0"),
            (with((HIDDEN_BIAS, Dtype::BF16, &[1], vec![0, 0])), "dtype BF16"),
            (
                file(&[v.clone(), (OUTPUT_WEIGHT, Dtype::F64, &[1, 2], doubles(&[1.0, 1.0]))]),
                "2.weight has columns: 2, but 0.weight has rows: 1",
            ),
            (file(&[v.clone(), (OUTPUT_WEIGHT, Dtype::F64, &[1], doubles(&[1.0]))]), "2.weight has 1 axes"),
            (
                file(&[u.clone(), (HIDDEN_WEIGHT, Dtype::F64, &[1, 2], doubles(&[1.0, f64::INFINITY]))]),
                "0.weight has inf at row 0, column 1",
            ),
            (file(&[u.clone(), (HIDDEN_WEIGHT, Dtype::F64, &[1, 0], Vec::new())]), "takes no input"),
            (
                file(&[
                    (HIDDEN_WEIGHT, Dtype::F64, &[1, 1], doubles(&[1e200])),
                    (OUTPUT_WEIGHT, Dtype::F64, &[1, 1], doubles(&[1e200])),
                ]),
                "overflows",
            ),
        ] {
            let found = decode(&bytes).expect_err(expected).to_string();
            assert!(found.contains(expected) && !found.contains('\n'), "{found:?} does not say {expected:?}");
        }
    }

    #[test]
    fn the_metadata_name_the_activation() {
        let named = |name: &str| {
            let (u, v) = (doubles(&[1.0]), doubles(&[1.0, 0.0]));
            let tensors = [
                (HIDDEN_WEIGHT, TensorView::new(Dtype::F64, vec![1, 2], &v).expect("size fits")),
                (OUTPUT_WEIGHT, TensorView::new(Dtype::F64, vec![1, 1], &u).expect("size fits")),
            ];
            let metadata = HashMap::from([(ACTIVATION.to_string(), name.to_string())]);
            decode(&safetensors::serialize(tensors, Some(metadata)).expect("serialised"))
        };
        // Written out, the last two have more digits than a message shows.
        for name in ["power:2.5", "expm1", "leaky-relu:0.1", "leaky-relu:1e-300", "power:1e100"] {
            let activation: Activation = name.parse().expect("known");
            assert_eq!(named(&activation.name()).expect("valid").activation(), &activation);
        }
        let message = named(&format!("it's\u{1b}[31m{}", "x".repeat(1000))).expect_err("unknown").to_string();
        assert!(message.contains("it\\'s\\u{1b}[31mx") && message.len() < 250, "{message}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, rng_seed: proptest::test_runner::RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever bytes of a valid file are changed or cut off: a network, or an error.
        #[test]
        fn a_damaged_file_never_panics(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            kept in prop::option::of(any::<prop::sample::Index>()),
        ) {
            let mut bytes = encode(&planted(BiasKind::Both)).expect("encoded");
            for (place, value) in changes {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
            if let Some(kept) = kept {
                bytes.truncate(kept.index(bytes.len()));
            }
            if let Ok(network) = decode(&bytes) {
                prop_assert!(network.d() > 0 && network.m() > 0);
            }
        }
    }
}
