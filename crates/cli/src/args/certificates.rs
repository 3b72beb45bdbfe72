//! The command line of `orthant certify` and `orthant check-certificate`.

use std::path::PathBuf;

use clap::Args;

use super::{BiasChoice, ExactSampleFiles, Printing};

/// Options of `certify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Samples are exact, rows are samples: .npy files stand for the exact values of
their numbers; .csv files have fields separated by commas, after a line of names
or none; .json files are arrays of arrays of strings or integers. Integers
(-12), decimals (0.1 is 1/10) and fractions (-5/4) are read as they stand.

A network in .safetensors gives the activation patterns, and the weights are
solved for over the fractions. A network in .json, of the form of 'network' in a
certificate, is certified as it stands: u (m rows of k), v (k rows of d), and b
(k) and c (m) if it has biases, all of them strings or integers. Of a whole
certificate its network is taken.

Claims: 'fits' (every label, with equality), 'unique given the patterns' (and no
other network of this width with the same activation patterns does: the samples
on which each unit's value before the rectifier is positive), 'unique' (whatever
the patterns). The strongest that is shown is written, and what stands against
the next one is said where it is known. When the labels are not exactly those of
the network the exit code is 1 and no file is written.

Example:
  orthant certify --inputs X.csv --labels A.csv --network net.safetensors \\
      --out certificate.json")]
pub struct CertifyArgs {
    /// The samples.
    #[command(flatten)]
    pub samples: ExactSampleFiles,
    /// Network: .safetensors, or .json of fractions
    #[arg(long, value_name = "NET")]
    pub network: PathBuf,
    /// File for the certificate
    #[arg(long, value_name = "CERT.json")]
    pub out: PathBuf,
    /// Biases of the networks among which it is the only one, its own included; auto: both, or its own where that shows more
    #[arg(long, value_enum, default_value_t = BiasChoice::Auto)]
    pub bias: BiasChoice,
    /// What is printed, and where.
    #[command(flatten)]
    pub printing: Printing,
}

/// Options of `check-certificate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Computes everything the certificate says again, from the samples: integers, and
ranks modulo a prime. Nothing that recovers or certifies is used. What is
checked is a theorem; its proof is in the documentation of the library, in
orthant::certificate::uniqueness.

Samples are read as by certify. A certificate is about numbers: it does not
matter in which of the formats they are.

Example:
  orthant check-certificate certificate.json --inputs X.csv --labels A.csv")]
pub struct CheckCertificateArgs {
    /// Certificate
    #[arg(value_name = "CERT.json")]
    pub certificate: PathBuf,
    /// The samples.
    #[command(flatten)]
    pub samples: ExactSampleFiles,
    /// What is printed, and where.
    #[command(flatten)]
    pub printing: Printing,
}
