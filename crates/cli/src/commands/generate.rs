//! `orthant generate`: a random network with samples of it.

use anyhow::{Context, anyhow, ensure};
use orthant::network::{NoiseKind, Planted, PlantedSpec, SpecError, gross_errors};
use orthant::{Mat, Samples};

use super::Outcome;
use crate::args::GenerateArgs;
use crate::console::Console;
use crate::npy;
use crate::output::{Batch, Directory, Target};
use crate::weights;

/// Memory above which a recipe is refused, 16 GiB: a typing error rather than a wish, and an allocation that fails would
/// abort without a word.
const MAX_BYTES: u128 = 16 << 30;

/// Runs the command.
///
/// # Errors
/// One line about bad usage or a place that cannot be written; no output file has been touched then.
pub fn run(args: &GenerateArgs) -> anyhow::Result<Outcome> {
    let spec = PlantedSpec {
        m: args.m,
        k: args.k,
        d: args.d,
        kappa_u: args.kappa_u,
        kappa_v: args.kappa_v,
        bias: args.bias.into(),
        inputs: args.inputs.0,
        activation: args.activation.clone(),
        seed: args.seed,
    };
    let needed = bytes_needed(&spec, args.n).filter(|&needed| needed <= MAX_BYTES);
    needed.with_context(|| {
        let GenerateArgs { m, k, d, n, .. } = args;
        format!("m = {m}, k = {k}, d = {d}, n = {n} would take more than {} GiB of memory", MAX_BYTES >> 30)
    })?;
    let directory = Directory::create(&args.out)?;
    let [inputs, labels, network] =
        ["inputs.npy", "labels.npy", "network.safetensors"].map(|name| Target::reserve(&args.out.join(name)));
    let (inputs, labels, network) = (inputs?, labels?, network?);

    let planted = spec.plant(args.n).map_err(explain)?;
    let finite = planted.a.col_iter().all(|sample| sample.iter().all(|x| x.is_finite()));
    ensure!(finite, "the labels of this network overflow");
    let labels_given = with_errors(&planted, args)?;
    let weights = weights::encode(&planted.network)?;
    let mut batch = Batch::default();
    batch.stage(&inputs, |to| npy::write(to, planted.x.as_ref()))?;
    batch.stage(&labels, |to| npy::write(to, labels_given.as_ref()))?;
    batch.stage(&network, |to| to.write_all(&weights))?;
    batch.commit()?;
    directory.keep();

    let written = [inputs, labels, network].map(|target| target.shown().display().to_string()).join(", ");
    Console { quiet: args.quiet }.say(&format!("written: {written}"));
    Ok(Outcome::Positive)
}

/// The labels with the errors asked for.
fn with_errors(planted: &Planted, args: &GenerateArgs) -> anyhow::Result<Mat<f64>> {
    let mut labels = planted.a.clone();
    if args.noise == 0.0 && args.gross == 0.0 {
        return Ok(labels);
    }
    let (m, n) = labels.shape();
    let scale = Samples::new(planted.x.as_ref(), planted.a.as_ref())?.label_scale();
    ensure!(scale > 0.0, "the labels do not vary, and errors are measured in their standard deviation");
    if args.noise > 0.0 {
        labels += NoiseKind::from(args.noise_kind).errors(m, n, args.noise * scale, args.seed);
    }
    if args.gross > 0.0 {
        let count = (args.gross * (m * n) as f64).round() as usize;
        labels += gross_errors(m, n, count.min(m * n), args.gross_size * scale, args.seed);
    }
    let finite = labels.col_iter().all(|sample| sample.iter().all(|x| x.is_finite()));
    ensure!(finite, "the labels with their errors overflow");
    Ok(labels)
}

/// Bytes of inputs, labels, activations and weights; `None` on overflow.
fn bytes_needed(spec: &PlantedSpec, n: usize) -> Option<u128> {
    let [m, k, d, n] = [spec.m, spec.k, spec.d, n].map(|size| size as u128);
    // Two 64-bit factors fit 128 bits; their sum may not.
    let products = [d * n, m * n, k * n, m * k, k * d];
    let entries = products.iter().try_fold(0u128, |sum, &product| sum.checked_add(product))?;
    entries.checked_mul(size_of::<f64>() as u128)
}

fn explain(error: SpecError) -> anyhow::Error {
    match error {
        SpecError::Condition { name: "kappa_u", value } => {
            anyhow!("--kappa-u is {value}, allowed: finite and at least 1")
        }
        SpecError::Condition { name: "kappa_v", value } => {
            anyhow!("--kappa-v is {value}, allowed: finite and at least 1")
        }
        SpecError::ZeroDimension { name } => anyhow!("--{name} is 0, allowed: at least 1"),
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_counted_without_overflow() {
        let spec = PlantedSpec { m: 2, k: 3, d: 5, ..PlantedSpec::default() };
        assert_eq!(bytes_needed(&spec, 7), Some(8 * (35 + 14 + 21 + 6 + 15)));
        let huge = PlantedSpec { m: usize::MAX, k: usize::MAX, d: usize::MAX, ..spec };
        assert_eq!(bytes_needed(&huge, usize::MAX), None);
    }
}
