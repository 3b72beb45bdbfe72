//! `orthant predict`: network and inputs in, labels out.

use anyhow::ensure;

use super::Outcome;
use crate::args::PredictArgs;
use crate::console::Console;
use crate::npy::{self, Array};
use crate::output::{Batch, Target};
use crate::weights;

/// Runs the command.
///
/// # Errors
/// One line about bad usage or bad input; no output file has been touched then.
pub fn run(args: &PredictArgs) -> anyhow::Result<Outcome> {
    let target = Target::reserve(&args.out)?;
    target.differs_from([args.network.as_path(), args.inputs.as_path()])?;
    let network = weights::read(&args.network)?;
    let inputs = Array::read(&args.inputs)?;
    ensure!(
        inputs.cols() == network.d(),
        "{} has {} columns (inputs) but {} takes {}",
        args.inputs.display(),
        inputs.cols(),
        args.network.display(),
        network.d()
    );
    let labels = network.labels(inputs.samples());
    let overflow = labels.col_iter().position(|sample| sample.iter().any(|x| !x.is_finite()));
    if let Some(row) = overflow {
        anyhow::bail!("{}: the labels overflow at row {row} (sample), counted from 0", args.inputs.display());
    }
    let mut batch = Batch::default();
    batch.stage(&target, |to| npy::write(to, labels.as_ref()))?;
    batch.commit()?;
    let shown = target.shown().display();
    Console { quiet: args.quiet }.say(&format!(
        "{shown}: {} labels of dimension {}",
        labels.ncols(),
        labels.nrows()
    ));
    Ok(Outcome::Positive)
}
