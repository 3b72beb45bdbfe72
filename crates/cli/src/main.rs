//! The program `orthant`: recover a rectified network from files, to files.
//!
//! | module | what |
//! |---|---|
//! | [`args`] | the command line |
//! | [`npy`] | arrays: samples in, labels out |
//! | [`samples`] | inputs with their labels, from two arrays |
//! | [`exact_samples`] | the same as fractions, from arrays and text |
//! | [`text_file`] | text, read up to a size |
//! | [`weights`] | networks in safetensors files |
//! | [`output`] | files that appear whole and together, or not at all |
//! | [`console`] | text to stderr, JSON to stdout |
//! | [`report`] | the report of `recover`, as JSON and as a summary |
//! | [`commands`] | one module for each subcommand |

mod args;
mod commands;
mod console;
mod exact_samples;
mod npy;
mod output;
mod report;
mod samples;
mod text_file;
mod weights;

use std::process::ExitCode;

use clap::Parser;

use args::Cli;
use commands::Outcome;

fn main() -> ExitCode {
    match commands::run(Cli::parse().command) {
        Ok(Outcome::Positive) => ExitCode::SUCCESS,
        Ok(Outcome::Negative) => ExitCode::from(1),
        Err(error) => {
            console::error(&error);
            ExitCode::from(2)
        }
    }
}
