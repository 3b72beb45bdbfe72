//! The command line of `orthant hardness`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use orthant::hardness::{ClauseKind, Family, Variant};

use super::{Printing, non_negative};

/// Steps of the SAT solver unless others are asked for: with 400 variables some ten seconds.
const MAX_STEPS: u64 = 1_000_000;

/// Options of `hardness`.
#[derive(Debug, Args)]
#[command(after_help = "\
A formula becomes samples that a network of two units fits exactly when the
formula is satisfiable (Theorem 23 of the paper). Each instance is a directory:
inputs.npy and labels.npy, original.cnf (the formula given or drawn),
formula.cnf (the reversible formula that the samples encode), metadata.json,
and, when an assignment is known, network.safetensors with a network that has
these labels. Files of an earlier instance are replaced.

The networks in question have no biases: with a hidden and an output bias one
unit fits every instance. Hence --bias none below.

Example; recover is expected to fail, with exit code 1, where random starts
do not find the two units:
  orthant hardness generate --variables 8 --seed 1 --out DIR
  orthant hardness solve-check DIR DIR/network.safetensors
  orthant recover --inputs DIR/inputs.npy --labels DIR/labels.npy --width 2 \\
      --bias none --out net.safetensors")]
pub struct HardnessArgs {
    /// What to do
    #[command(subcommand)]
    pub command: HardnessCommand,
}

/// Subcommands of `hardness`.
#[derive(Debug, Subcommand)]
pub enum HardnessCommand {
    /// Encode a formula in DIMACS as inputs and labels
    FromCnf(FromCnfArgs),
    /// Say whether a network has the labels of an instance, and decode the assignment
    SolveCheck(SolveCheckArgs),
    /// Draw a random formula and encode it
    Generate(HardGenerateArgs),
    /// Write two networks that few samples tell apart (Lemma 55), with samples
    KappaPair(KappaPairArgs),
}

/// How a formula is encoded.
#[derive(Debug, Args)]
pub struct EncodingArgs {
    /// Whether the network's output weights are given or to be found
    #[arg(long, value_enum, default_value_t = VariantChoice::Free)]
    pub variant: VariantChoice,
    /// Number of hidden units; more than 2 with the variant fixed only
    #[arg(long, value_name = "K", default_value_t = 2)]
    pub k: usize,
    /// Number of outputs; those beyond the first are zero
    #[arg(long, value_name = "M", default_value_t = 1)]
    pub m: usize,
    /// Steps after which the SAT solver gives up and it stays open whether the formula is satisfiable; 10^6 take seconds, up to some ten
    #[arg(long, value_name = "STEPS", default_value_t = MAX_STEPS)]
    pub max_steps: u64,
    /// Directory for the files
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Print nothing to stderr but errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// Options of `hardness from-cnf`.
#[derive(Debug, Args)]
#[command(after_help = "\
Any formula in conjunctive normal form will do: it is made reversible, with six
literals in each clause, and satisfiable exactly when the one given is.

Example:
  orthant hardness from-cnf F.cnf --out DIR")]
pub struct FromCnfArgs {
    /// Formula in DIMACS
    #[arg(value_name = "F.cnf")]
    pub formula: PathBuf,
    #[command(flatten)]
    pub encoding: EncodingArgs,
}

/// Options of `hardness solve-check`.
#[derive(Debug, Args)]
#[command(after_help = "\
The instance is built again from original.cnf and compared with the other
files. Exit code 0 when an assignment was decoded; it satisfies original.cnf.
Exit code 1 when none was: a label is missed by decoding_radius or more, or more
than two units are needed. A network with a bias, another activation or another
shape is refused.

residual is the largest deviation from a label, which is 0 or 1; fits says
whether all deviations are explained by rounding.

Example:
  orthant hardness solve-check DIR net.safetensors")]
pub struct SolveCheckArgs {
    /// Directory of an instance
    #[arg(value_name = "DIR")]
    pub instance: PathBuf,
    /// Network without biases: safetensors
    #[arg(value_name = "NETWORK.safetensors")]
    pub network: PathBuf,
    /// What is printed, and where.
    #[command(flatten)]
    pub printing: Printing,
}

/// Options of `hardness generate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Random formulas are hardest at about the densities at which they cease to be
satisfiable; with some hundred variables there the SAT solver gives up.
Unsatisfiable ones are looked for among 200, in --max-steps together.

Example:
  orthant hardness generate --family random --variables 8 --density 4.3 \\
      --seed 1 --out DIR")]
pub struct HardGenerateArgs {
    /// Which formulas
    #[arg(long, value_enum, default_value_t = FamilyChoice::Random)]
    pub family: FamilyChoice,
    /// Which clauses
    #[arg(long, value_enum, default_value_t = ClauseChoice::ThreeSat)]
    pub clauses: ClauseChoice,
    /// Number of variables
    #[arg(long, value_name = "N")]
    pub variables: usize,
    /// Clauses for each variable; pairs of them with six-sat
    #[arg(long, value_name = "R", default_value_t = 4.3, value_parser = non_negative, allow_negative_numbers = true)]
    pub density: f64,
    /// Seed of all draws: same options and seed, same files
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    pub encoding: EncodingArgs,
}

/// Options of `hardness kappa-pair`.
#[derive(Debug, Args)]
#[command(after_help = "\
Writes inputs.npy, first.safetensors and second.safetensors with their labels
first-labels.npy and second-labels.npy, and metadata.json: there samples_needed
has pairs of a failure probability and the number of Gaussian samples below
which every method fails more often on one of the two networks; probability is
that of a Gaussian sample to tell them apart, distinguishing the number of those
written that do.

Example:
  orthant hardness kappa-pair --a 0.001 --n 200 --d 2 --out DIR")]
pub struct KappaPairArgs {
    /// Half the angle between the units of the first network, about: condition numbers of V are 1/A and 1/(2A); from 1e-15 to 0.5
    #[arg(long, value_name = "A", allow_negative_numbers = true)]
    pub a: f64,
    /// Number of samples
    #[arg(long, value_name = "N")]
    pub n: usize,
    /// Number of inputs, at least 2; those after the second have no effect
    #[arg(long, value_name = "D", default_value_t = 2)]
    pub d: usize,
    /// Only samples on which the two networks have the same label
    #[arg(long)]
    pub agreeing: bool,
    /// Seed of all draws
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// Directory for the files
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Print nothing to stderr but errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// Whether output weights are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VariantChoice {
    /// Given: ones for two units in the first output, zeros elsewhere (recover has no use for that)
    Fixed,
    /// To be found
    Free,
}

impl From<VariantChoice> for Variant {
    fn from(choice: VariantChoice) -> Variant {
        match choice {
            VariantChoice::Fixed => Variant::Fixed,
            VariantChoice::Free => Variant::Free,
        }
    }
}

/// Families of formulas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FamilyChoice {
    /// Clauses that an assignment drawn beforehand satisfies
    Planted,
    /// Random clauses, drawn until a SAT solver finds the formula unsatisfiable
    Unsatisfiable,
    /// Random clauses
    Random,
}

impl From<FamilyChoice> for Family {
    fn from(choice: FamilyChoice) -> Family {
        match choice {
            FamilyChoice::Planted => Family::Planted,
            FamilyChoice::Unsatisfiable => Family::Unsatisfiable,
            FamilyChoice::Random => Family::Random,
        }
    }
}

/// Kinds of clauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClauseChoice {
    /// Three literals, made reversible afterwards; satisfiable up to a density of about 4.3
    ThreeSat,
    /// Six literals, each clause with its complement; satisfiable up to a density of about 21.6
    SixSat,
}

impl From<ClauseChoice> for ClauseKind {
    fn from(choice: ClauseChoice) -> ClauseKind {
        match choice {
            ClauseChoice::ThreeSat => ClauseKind::ThreeSat,
            ClauseChoice::SixSat => ClauseKind::ReversibleSix,
        }
    }
}
