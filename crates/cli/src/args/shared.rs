//! Options that several commands have.

use std::path::PathBuf;

use clap::Args;

/// What a command with a finding prints, and where.
#[derive(Debug, Clone, Copy, Args)]
pub struct Printing {
    /// Print the findings as JSON to stdout instead of text to stderr
    #[arg(long)]
    pub json: bool,
    /// Print nothing to stderr but errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// Files of exact samples.
#[derive(Debug, Args)]
pub struct ExactSampleFiles {
    /// Inputs: .npy, .csv or .json, n rows of d
    #[arg(long, value_name = "X")]
    pub inputs: PathBuf,
    /// Labels: .npy, .csv or .json, n rows of m
    #[arg(long, value_name = "A")]
    pub labels: PathBuf,
}
