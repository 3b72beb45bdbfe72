//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand};
use orthant::Activation;

mod certificates;
mod choices;
mod hardness;
mod shared;

pub use self::certificates::{CertifyArgs, CheckCertificateArgs};
pub use self::choices::{
    BiasChoice, InputChoice, LabelError, MethodChoice, NoiseChoice, NoiseKindChoice, PlantedBias,
};
pub use self::hardness::{
    EncodingArgs, FromCnfArgs, HardGenerateArgs, HardnessArgs, HardnessCommand, KappaPairArgs, SolveCheckArgs,
};
pub use self::shared::{ExactSampleFiles, Printing};

/// More threads than any machine this runs on; beyond it the operating system fails in unclear ways.
const MAX_THREADS: u64 = 1024;

/// Recovers the weights of a two-layer rectified network A = U max(V X + b, 0) + c from samples.
#[derive(Debug, Parser)]
#[command(
    name = "orthant",
    version,
    after_help = "\
In .npy files rows are samples: inputs have shape (n, d), labels (n, m).
Networks are safetensors files with the tensors 0.weight (k, d), 0.bias (k),
2.weight (m, k), 2.bias (m) of a PyTorch nn.Sequential(Linear, ReLU, Linear);
another activation than ReLU is named in the metadata, under 'activation'.
Exact samples may also be .csv and .json files of integers, decimals and
fractions, in the same layout.

Text for people goes to stderr, JSON to stdout.
Output files appear whole, and only when everything succeeded.

Exit codes:
  0  done; recovered (exact or approximate); equivalent; certified; certificate
     valid; assignment decoded
  1  not recovered; not equivalent; labels not exact, no certificate; certificate
     not valid; no assignment decoded
  2  bad usage or bad input

Example, from nothing to a checked answer:
  orthant generate --m 20 --k 20 --d 30 --n 400 --out planted
  orthant recover --inputs planted/inputs.npy --labels planted/labels.npy \\
      --out found.safetensors
  orthant verify found.safetensors planted/network.safetensors"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// One subcommand with its options.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Recover a network from inputs and labels
    Recover(RecoverArgs),
    /// Show that a network has given labels exactly, and how far it is the only one
    Certify(CertifyArgs),
    /// Check a certificate against samples, without trust in whoever made it
    CheckCertificate(CheckCertificateArgs),
    /// Compute the labels of a network at given inputs
    Predict(PredictArgs),
    /// Compare two networks up to the order and the positive scale of their units
    Verify(VerifyArgs),
    /// Write a random network with samples of it
    Generate(GenerateArgs),
    /// Say what the samples look like and which methods' hypotheses hold
    Diagnose(DiagnoseArgs),
    /// Write and check hard instances: formulas encoded as samples, pairs of networks that few samples tell apart
    Hardness(HardnessArgs),
}

/// Options of `recover`.
#[derive(Debug, Args)]
#[command(after_help = "\
Verdicts: 'exact', 'exact on the samples' (these inputs leave some weights
undetermined), 'approximate', 'not recovered'.
When not recovered, the exit code is 1, the report is written and the network
is not. With --noise gaussian the best verdict is 'approximate'; the report has
the noise level and the accuracy of each unit. --standard-errors goes with
noise gaussian, --gross-errors with noise sparse; with auto each is written when
that is what was found, and one of an earlier run removed otherwise.

In reports noise_std and rounding_std are in units of the labels, residuals are
relative to the standard deviation of the labels, a unit's direction_error is in
radians and its output_error relative; null stands for infinite or not known.
With --noise arbitrary residual, zero_residual (that of no unit),
half_space_residual (before the last descent) and both bounds are Frobenius
norms in units of the labels. Both bounds take what the half-spaces left over
for the errors: bound is Theorem 78 as printed, with the constant 1, and
bound_corrected holds for small errors too.

--error-bounds says how many digits are right: no weight is further from that of
the true network, with rows of V of norm 1, than its bound, if each label is off
by --label-error at most and the true network has the width, the activation
patterns and no biases but those of the network written. Patterns of samples
near a kink may be others; the report counts them. This is proved in floating
point, or the reason why not is given and no such file is written, and one of an
earlier run removed. Labels that a program computed were rounded more than once:
give a number that covers it, as --label-error 1e-14.

With --exact-arithmetic the samples are exact: the values of the numbers in .npy
files, or the integers, decimals and fractions of .csv and .json files (see
certify --help). The weights are fractions that have every label with equality,
or there is no answer: labels that were computed in floating point were rounded.
The network written has the nearest float64 numbers, the certificate the
fractions. Verdicts: 'exact (rational)'; with exit code 1 'not exact', 'not
recovered' or 'not determined', as where a network of less than --width units
has the labels.

Activations other than relu: the methods tensor, power, ica, pursuit and cone
take those that are zero for t <= 0; lift takes leaky-relu and abs; lift,
symmetric, paired and restarts take relu. auto chooses; fewer outputs than
units are covered for relu.

Example:
  orthant recover --inputs X.npy --labels A.npy --out net.safetensors \\
      --report report.json")]
pub struct RecoverArgs {
    /// Inputs: .npy of shape (n, d); with --exact-arithmetic also .csv or .json
    #[arg(long, value_name = "X.npy")]
    pub inputs: PathBuf,
    /// Labels: .npy of shape (n, m); with --exact-arithmetic also .csv or .json
    #[arg(long, value_name = "A.npy")]
    pub labels: PathBuf,
    /// File for the network
    #[arg(long, value_name = "NET.safetensors")]
    pub out: PathBuf,
    /// File for the report, in JSON
    #[arg(long, value_name = "FILE.json")]
    pub report: Option<PathBuf>,
    /// Number of hidden units [default: the rank of the labels, or found by restarts where that explains nothing]
    #[arg(long, value_name = "K")]
    pub width: Option<usize>,
    /// Biases of the network; auto fits both and drops those that come out as zero
    #[arg(long, value_enum, default_value_t = BiasChoice::Auto)]
    pub bias: BiasChoice,
    /// Activation of the hidden units: relu, power:C for t^C, expm1, expm1-square (all zero for t <= 0), leaky-relu:A (-1 < A < 1), abs
    #[arg(long, value_name = "NAME", default_value = "relu")]
    pub activation: Activation,
    /// How to search for the units, in exact labels
    #[arg(long, value_enum, default_value_t = MethodChoice::Auto)]
    pub method: MethodChoice,
    /// Time after which method worst-case and noise arbitrary stop with what they have, in seconds [default: no limit]
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    pub budget: Option<Duration>,
    /// Compute with fractions: weights with zero error from exact samples, for relu and at least as many outputs as units
    #[arg(long)]
    pub exact_arithmetic: bool,
    /// File for the weights as fractions and what shows that they are the only ones, with --exact-arithmetic
    #[arg(long, value_name = "CERT.json")]
    pub certificate: Option<PathBuf>,
    /// File for the error bound of each weight, with the names and shapes of the network's own; for relu and at least as many outputs as units
    #[arg(long, value_name = "FILE.safetensors")]
    pub error_bounds: Option<PathBuf>,
    /// How far labels may be from exact ones, for --error-bounds: exact, rounded (once, to the type of the file), or a number relative to each label [default: rounded]
    #[arg(long, value_name = "E", allow_negative_numbers = true)]
    pub label_error: Option<LabelError>,
    /// Errors in the labels
    #[arg(long, value_enum, default_value_t = NoiseChoice::None)]
    pub noise: NoiseChoice,
    /// Standard deviation of every label's error, in units of the labels [default: estimated]
    #[arg(long, value_name = "S")]
    pub noise_std: Option<f64>,
    /// File for the standard error of each weight, with the names and shapes of the network's own
    #[arg(long, value_name = "FILE.safetensors")]
    pub standard_errors: Option<PathBuf>,
    /// File for the gross errors found in the labels, a line 'sample,output,value' for each
    #[arg(long, value_name = "FILE.csv")]
    pub gross_errors: Option<PathBuf>,
    /// Seed of every random choice: same seed, same bits, whatever the number of threads
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Number of threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=MAX_THREADS))]
    pub threads: Option<usize>,
    /// Fraction of the samples kept aside to check the answer, from 0 to 0.5 [default: 2 %, at least 4 samples]
    #[arg(long, value_name = "FRACTION")]
    pub holdout: Option<f64>,
    /// What is printed, and where.
    #[command(flatten)]
    pub printing: Printing,
}

/// Options of `predict`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  orthant predict --network net.safetensors --inputs X.npy --out A.npy")]
pub struct PredictArgs {
    /// Network: safetensors
    #[arg(long, value_name = "NET.safetensors")]
    pub network: PathBuf,
    /// Inputs: .npy of shape (n, d)
    #[arg(long, value_name = "X.npy")]
    pub inputs: PathBuf,
    /// File for the labels: .npy of shape (n, m), float64
    #[arg(long, value_name = "A.npy")]
    pub out: PathBuf,
    /// Print nothing to stderr but errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// Options of `verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
The order of units is removed, and their positive scale where the activation
allows (for expm1 and expm1-square the scale is part of the function). The
error of a unit is relative to B: the larger of the relative errors of its
hidden weights (with bias) and of its output weights. Units that have no
effect at all need no partner. Different activations are not compared.

Example:
  orthant verify found.safetensors true.safetensors --tolerance 1e-12")]
pub struct VerifyArgs {
    /// First network: safetensors
    #[arg(value_name = "A.safetensors")]
    pub first: PathBuf,
    /// Second network, the reference: safetensors
    #[arg(value_name = "B.safetensors")]
    pub second: PathBuf,
    /// Largest relative error of a unit, or of the output bias, that counts as equivalent
    #[arg(long, value_name = "T", default_value = "1e-9", value_parser = tolerance)]
    pub tolerance: f64,
    /// What is printed, and where.
    #[command(flatten)]
    pub printing: Printing,
}

/// Options of `generate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Writes inputs.npy, labels.npy and network.safetensors into DIR, which is
created when it is missing.

Labels are computed in floating point, and rounded. With --integers they are
exact, as recover --exact-arithmetic and certify need them: weights, biases and
inputs are integers, of which network.safetensors has the weights as they stand.

Example:
  orthant generate --m 50 --k 50 --d 50 --n 200 --seed 1 --bias both \\
      --out planted
  orthant generate --m 10 --k 10 --d 10 --n 220 --bias both --integers \\
      --out exact")]
pub struct GenerateArgs {
    /// Number of outputs
    #[arg(long, value_name = "M")]
    pub m: usize,
    /// Number of hidden units
    #[arg(long, value_name = "K")]
    pub k: usize,
    /// Number of inputs
    #[arg(long, value_name = "D")]
    pub d: usize,
    /// Number of samples
    #[arg(long, value_name = "N")]
    pub n: usize,
    /// Seed of all draws: same recipe and seed, same files
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// Condition number of U, at least 1 [default: independent normal entries]
    #[arg(long, value_name = "X")]
    pub kappa_u: Option<f64>,
    /// Condition number of V before its rows are normalised, at least 1 [default: independent normal entries]
    #[arg(long, value_name = "X")]
    pub kappa_v: Option<f64>,
    /// Biases of the network
    #[arg(long, value_enum, default_value_t = PlantedBias::None)]
    pub bias: PlantedBias,
    /// Activation of the hidden units: relu, power:C for t^C, expm1, expm1-square (all zero for t <= 0), leaky-relu:A (-1 < A < 1), abs
    #[arg(long, value_name = "NAME", default_value = "relu")]
    pub activation: Activation,
    /// Distribution of the inputs [default: gaussian]
    #[arg(long, value_enum)]
    pub inputs: Option<InputChoice>,
    /// Draw weights, biases and inputs as integers of BITS bits with their sign, 8 if none are given, so that labels are exact
    #[arg(long, value_name = "BITS", num_args = 0..=1, default_missing_value = "8", value_parser = clap::value_parser!(u32).range(2..))]
    pub integers: Option<u32>,
    /// Add errors of this standard deviation to every label, as a fraction of that of all labels about their means
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = non_negative)]
    pub noise: f64,
    /// Distribution of these errors
    #[arg(long, value_enum, default_value_t = NoiseKindChoice::Gaussian)]
    pub noise_kind: NoiseKindChoice,
    /// Add gross errors to this fraction of the labels' entries, at random positions
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = fraction)]
    pub gross: f64,
    /// Standard deviation of gross errors, as a multiple of that of all labels
    #[arg(long, value_name = "X", default_value_t = 10.0, value_parser = non_negative)]
    pub gross_size: f64,
    /// Directory for the files
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Print nothing to stderr but errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// Options of `diagnose`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  orthant diagnose --inputs X.npy --labels A.npy")]
pub struct DiagnoseArgs {
    /// Inputs: .npy of shape (n, d)
    #[arg(long, value_name = "X.npy")]
    pub inputs: PathBuf,
    /// Labels: .npy of shape (n, m)
    #[arg(long, value_name = "A.npy")]
    pub labels: PathBuf,
    /// Print the findings as JSON to stdout instead of text to stderr
    #[arg(long)]
    pub json: bool,
}

fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value >= 0.0 && value.is_finite() => Ok(value),
        _ => Err("a tolerance is a finite number, at least 0".to_string()),
    }
}

/// Up to three thousand years: more than any computation, and no overflow.
fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=1e11).contains(&value) => Ok(Duration::from_secs_f64(value)),
        _ => Err("a number of seconds from 0 to 1e11 is needed".to_string()),
    }
}

fn non_negative(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value >= 0.0 && value.is_finite() => Ok(value),
        _ => Err("a finite number, at least 0, is needed".to_string()),
    }
}

fn fraction(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("a fraction is a number from 0 to 1".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, ValueEnum};
    use orthant::Method;
    use orthant::network::InputKind;
    use orthant::noisy::NoiseModel;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_subcommand_has_an_example() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(&format!("orthant {}", command.get_name())), "{}", command.get_name());
        }
    }

    #[test]
    fn every_method_can_be_named() {
        for method in Method::ALL {
            let choice = MethodChoice::from_str(method.name(), false).expect("named");
            assert_eq!(choice.method(), Some(method));
        }
    }

    #[test]
    fn every_noise_model_can_be_named() {
        for model in NoiseModel::ALL {
            let choice = NoiseChoice::from_str(model.name(), false).expect("named");
            assert_eq!(choice.model(), Some(model));
        }
    }

    #[test]
    fn every_input_kind_can_be_named() {
        for kind in InputKind::ALL {
            assert_eq!(InputChoice::from_str(kind.name(), false), Ok(InputChoice(kind)));
        }
    }
}
