//! `orthant recover --exact-arithmetic`: exact samples in, fractions and their certificate out.

use std::ops::ControlFlow;
use std::time::Instant;

use anyhow::bail;
use orthant::certificate::{RationalMatrix, RationalSamples, number};
use orthant::exact::rational::{self, ExactError};
use orthant::noisy::NoisyError;
use orthant::{Mat, Report, Samples, Settings};

use super::{Failure, Outcome, Targets, name, progress_bar, show};
use crate::args::{MethodChoice, NoiseChoice, RecoverArgs};
use crate::console::{self, Console};
use crate::exact_samples;
use crate::output::Batch;
use crate::report::{RationalFinding, Run};
use crate::weights;

/// Options that the rationals have no use for.
pub(super) fn check_options(args: &RecoverArgs) -> anyhow::Result<()> {
    if args.noise != NoiseChoice::None {
        bail!("--exact-arithmetic is for exact labels: not with --noise {}", name(args.noise));
    }
    if !args.activation.is_relu() {
        bail!("--exact-arithmetic is for relu: not with --activation {}", args.activation);
    }
    if matches!(args.method, MethodChoice::WorstCase | MethodChoice::OneSparse) {
        bail!(
            "--exact-arithmetic needs a search that gives one network: not --method worst-case or one-sparse"
        );
    }
    Ok(())
}

/// Runs the command.
pub(super) fn run(args: &RecoverArgs, settings: &Settings, targets: &Targets) -> anyhow::Result<Outcome> {
    let console = Console { quiet: args.quiet };
    let samples = exact_samples::read(&args.inputs, &args.labels)?;
    let started = Instant::now();
    let bar = progress_bar(console);
    let found = rational::recover(&samples, settings, &mut |progress| {
        show(&bar, progress);
        ControlFlow::Continue(())
    });
    let found = match found {
        Ok(recovery) => Ok((recovery.certificate, recovery.found.report)),
        Err(ExactError::Recover(error)) => {
            bar.finish_and_clear();
            return Err(Failure::Noisy(NoisyError::Recover(error)).explain(args));
        }
        // That recovery in floating point found nothing is all there is to say of it.
        Err(error @ ExactError::NotFound { .. }) => Err((error, None)),
        Err(error) => {
            let near = in_floating_point(&samples, settings);
            Err((error, near))
        }
    };
    bar.finish_and_clear();
    let finding = match &found {
        Ok((certificate, near)) => RationalFinding { certificate: Ok(certificate), near: Some(near) },
        Err((error, near)) => RationalFinding { certificate: Err(error), near: near.as_ref() },
    };
    let run = Run {
        n: samples.n(),
        d: samples.inputs().nrows(),
        m: samples.labels().nrows(),
        seed: args.seed,
        seconds: started.elapsed().as_secs_f64(),
    };
    let json = finding.json(run)?;

    let mut batch = Batch::default();
    let mut written = Vec::new();
    if let Ok((certificate, _)) = &found {
        let bytes = weights::encode_nearest(&certificate.network)?;
        batch.stage(&targets.network, |to| to.write_all(&bytes))?;
        written.push(targets.network.shown().display().to_string());
        if let Some(target) = &targets.certificate {
            batch.stage(target, |to| to.write_all(certificate.to_json().as_bytes()))?;
            written.push(target.shown().display().to_string());
        }
    }
    if let Some(target) = &targets.report {
        batch.stage(target, |to| writeln!(to, "{json}"))?;
        written.push(target.shown().display().to_string());
    }
    if args.json {
        console::print(&json)?;
    }
    batch.commit()?;
    if !args.json {
        let written = if written.is_empty() { "nothing".to_string() } else { written.join(", ") };
        console.say(&format!("{}{:<12}{written}", finding.summary(run), "written"));
    }
    Ok(if found.is_ok() { Outcome::Positive } else { Outcome::Negative })
}

/// What recovery says of the nearest floating-point numbers, if these are samples.
fn in_floating_point(samples: &RationalSamples, settings: &Settings) -> Option<Report> {
    let nearest = |matrix: &RationalMatrix| {
        Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| number::to_f64(matrix.get(i, j)))
    };
    let (x, a) = (nearest(samples.inputs()), nearest(samples.labels()));
    let samples = Samples::new(x.as_ref(), a.as_ref()).ok()?;
    orthant::recover(&samples, settings, &mut |_| ControlFlow::Continue(()))
        .ok()
        .map(|recovery| recovery.report)
}
