//! `orthant generate`: a random network with samples of it.

use anyhow::{Context, anyhow, bail, ensure};
use orthant::network::{
    IntegerSpec, IntegerSpecError, NoiseKind, Planted, PlantedSpec, SpecError, gross_errors,
};
use orthant::{Mat, Samples};

use super::Outcome;
use crate::args::{GenerateArgs, InputChoice};
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
    let needed = bytes_needed(args.m, args.k, args.d, args.n).filter(|&needed| needed <= MAX_BYTES);
    needed.with_context(|| {
        let GenerateArgs { m, k, d, n, .. } = args;
        format!("m = {m}, k = {k}, d = {d}, n = {n} would take more than {} GiB of memory", MAX_BYTES >> 30)
    })?;
    if args.integers.is_some() {
        check_integer_options(args)?;
    }
    let directory = Directory::create(&args.out)?;
    let [inputs, labels, network] =
        ["inputs.npy", "labels.npy", "network.safetensors"].map(|name| Target::reserve(&args.out.join(name)));
    let (inputs, labels, network) = (inputs?, labels?, network?);

    let drawn = match args.integers {
        Some(bits) => Drawn::integers(args, bits)?,
        None => Drawn::random(args)?,
    };
    let mut batch = Batch::default();
    batch.stage(&inputs, |to| npy::write(to, drawn.x.as_ref()))?;
    batch.stage(&labels, |to| npy::write(to, drawn.a.as_ref()))?;
    batch.stage(&network, |to| to.write_all(&drawn.network))?;
    let written = batch.names();
    batch.commit()?;
    directory.keep();

    Console { quiet: args.quiet }.say(&format!("written: {written}"));
    Ok(Outcome::Positive)
}

/// What goes into the files.
struct Drawn {
    /// Inputs, d × n.
    x: Mat<f64>,
    /// Labels, m × n.
    a: Mat<f64>,
    /// The contents of the network's file.
    network: Vec<u8>,
}

impl Drawn {
    /// Weights and inputs from continuous distributions, labels computed in floating point, with the errors asked for.
    fn random(args: &GenerateArgs) -> anyhow::Result<Drawn> {
        let spec = PlantedSpec {
            m: args.m,
            k: args.k,
            d: args.d,
            kappa_u: args.kappa_u,
            kappa_v: args.kappa_v,
            bias: args.bias.into(),
            inputs: args.inputs.unwrap_or(InputChoice::GAUSSIAN).0,
            activation: args.activation.clone(),
            seed: args.seed,
        };
        let planted = spec.plant(args.n).map_err(explain)?;
        let finite = planted.a.col_iter().all(|sample| sample.iter().all(|x| x.is_finite()));
        ensure!(finite, "the labels of this network overflow");
        let a = with_errors(&planted, args)?;
        Ok(Drawn { a, network: weights::encode(&planted.network)?, x: planted.x })
    }

    /// Integers, and labels that are not rounded.
    fn integers(args: &GenerateArgs, bits: u32) -> anyhow::Result<Drawn> {
        let spec = IntegerSpec {
            m: args.m,
            k: args.k,
            d: args.d,
            bias: args.bias.into(),
            weight_bits: bits,
            input_bits: bits,
            fraction_bits: 0,
            seed: args.seed,
        };
        let planted = spec.plant(args.n).map_err(|error| match error {
            IntegerSpecError::ZeroDimension { name } => zero_dimension(name),
            IntegerSpecError::Bits { bits: needed } => anyhow!(
                "--integers {bits}: labels may have {needed} binary digits, and float64 numbers have {DIGITS}: {}",
                most_bits(&spec)
            ),
            error => error.into(),
        })?;
        let network = weights::encode_integers(&planted)?;
        Ok(Drawn { x: planted.x, a: planted.a, network })
    }
}

/// Binary digits of a float64 number.
const DIGITS: u32 = f64::MANTISSA_DIGITS;

/// What can be asked for instead of integers of too many bits.
fn most_bits(spec: &IntegerSpec) -> String {
    let fits =
        |&bits: &u32| IntegerSpec { weight_bits: bits, input_bits: bits, ..*spec }.label_bits() <= DIGITS;
    match (2..DIGITS).rev().find(fits) {
        Some(most) => format!("for these sizes {most} is the most"),
        None => "these sizes leave room for no number of bits".to_string(),
    }
}

/// Options that networks of integers do not go with.
fn check_integer_options(args: &GenerateArgs) -> anyhow::Result<()> {
    let unused = [
        ("--kappa-u", args.kappa_u.is_some()),
        ("--kappa-v", args.kappa_v.is_some()),
        ("--inputs", args.inputs.is_some()),
        ("--activation", !args.activation.is_relu()),
        ("--noise", args.noise > 0.0),
        ("--gross", args.gross > 0.0),
    ];
    if let Some((option, _)) = unused.iter().find(|(_, given)| *given) {
        bail!(
            "{option}: not with --integers, which draws uniform integers, whose labels under relu are exact"
        );
    }
    Ok(())
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
fn bytes_needed(m: usize, k: usize, d: usize, n: usize) -> Option<u128> {
    let [m, k, d, n] = [m, k, d, n].map(|size| size as u128);
    // Two 64-bit factors fit 128 bits; their sum may not.
    let products = [d * n, m * n, k * n, m * k, k * d];
    let entries = products.iter().try_fold(0u128, |sum, &product| sum.checked_add(product))?;
    entries.checked_mul(size_of::<f64>() as u128)
}

fn zero_dimension(name: &str) -> anyhow::Error {
    anyhow!("--{name} is 0, allowed: at least 1")
}

fn explain(error: SpecError) -> anyhow::Error {
    match error {
        SpecError::Condition { name: "kappa_u", value } => {
            anyhow!("--kappa-u is {value}, allowed: finite and at least 1")
        }
        SpecError::Condition { name: "kappa_v", value } => {
            anyhow!("--kappa-v is {value}, allowed: finite and at least 1")
        }
        SpecError::ZeroDimension { name } => zero_dimension(name),
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_counted_without_overflow() {
        assert_eq!(bytes_needed(2, 3, 5, 7), Some(8 * (35 + 14 + 21 + 6 + 15)));
        assert_eq!(bytes_needed(usize::MAX, usize::MAX, usize::MAX, usize::MAX), None);
    }
}
