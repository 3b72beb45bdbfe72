//! SciPy's L-BFGS on the same samples, where there is a Python with NumPy and SciPy.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use npyz::WriterBuilder;
use orthant::network::Planted;
use orthant::{Mat, MatRef, Network};

use crate::experiment::Context;

/// What `fit.py` ends with when a package is missing.
const PACKAGE_MISSING: i32 = 3;

/// What the peer brought.
#[derive(Debug, Clone)]
pub enum Peer {
    /// The network of least loss over its starts.
    Network(Network),
    /// Why it did not run.
    Skipped(&'static str),
    /// The run was stopped.
    Stopped,
}

/// Fits a network of the planted width, without biases, on one thread.
///
/// # Errors
/// When files cannot be written or read, or the script fails for another reason than a missing package.
pub fn fit(planted: &Planted, seed: u64, starts: usize, context: &Context<'_>) -> anyhow::Result<Peer> {
    let script = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/peers/fit.py"));
    if !script.exists() {
        return Ok(Peer::Skipped("no benches/peers/fit.py"));
    }
    let folder = tempfile::tempdir()?;
    write(&folder.path().join("inputs.npy"), planted.x.as_ref())?;
    write(&folder.path().join("labels.npy"), planted.a.as_ref())?;
    let spawned = Command::new("python3")
        .arg(script)
        .arg(folder.path())
        .args(["--width", &planted.network.k().to_string()])
        .args(["--seed", &seed.to_string()])
        .args(["--starts", &starts.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(folder.path().join("errors"))?)
        .spawn();
    let Ok(mut child) = spawned else { return Ok(Peer::Skipped("no python3")) };
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if context.is_stopped() {
            child.kill()?;
            child.wait()?;
            return Ok(Peer::Stopped);
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    match status.code() {
        Some(0) => {
            let (u, v) = (read(&folder.path().join("u.npy"))?, read(&folder.path().join("v.npy"))?);
            Ok(Peer::Network(Network::new(u, v, None, None)?))
        }
        Some(PACKAGE_MISSING) => Ok(Peer::Skipped("no NumPy or SciPy")),
        _ => bail!("fit.py: {}", std::fs::read_to_string(folder.path().join("errors"))?.trim()),
    }
}

/// Columns as the rows of an array.
fn write(path: &Path, samples: MatRef<'_, f64>) -> anyhow::Result<()> {
    let file = BufWriter::new(File::create(path)?);
    let shape = [samples.ncols() as u64, samples.nrows() as u64];
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(file).begin_nd()?;
    for sample in samples.col_iter() {
        writer.extend(sample.iter().copied())?;
    }
    Ok(writer.finish()?)
}

/// A matrix as it was written: rows are rows.
fn read(path: &Path) -> anyhow::Result<Mat<f64>> {
    let array = npyz::NpyFile::new(File::open(path)?)?;
    let &[rows, cols] = array.shape() else { bail!("{} is not a matrix", path.display()) };
    let (rows, cols) = (usize::try_from(rows)?, usize::try_from(cols)?);
    let values: Vec<f64> = array.into_vec().with_context(|| path.display().to_string())?;
    Ok(Mat::from_fn(rows, cols, |i, j| values[i * cols + j]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant::network::PlantedSpec;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn the_peer_recovers_an_easy_network_or_says_why_it_did_not_run() {
        let planted =
            PlantedSpec { m: 4, k: 2, d: 3, seed: 1, ..PlantedSpec::default() }.plant(200).expect("valid");
        let running = AtomicBool::new(false);
        match fit(&planted, 1, 5, &Context::new(&running)).expect("files can be written") {
            Peer::Network(network) => assert!(orthant::align(&network, &planted.network).worst() < 1e-6),
            Peer::Skipped(why) => assert!(why.starts_with("no ")),
            Peer::Stopped => panic!("nobody stopped it"),
        }
        let stopped = AtomicBool::new(true);
        let peer = fit(&planted, 1, 5, &Context::new(&stopped)).expect("files can be written");
        assert!(!matches!(peer, Peer::Network(_)));
    }
}
