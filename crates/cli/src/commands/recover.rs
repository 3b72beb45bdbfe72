//! `orthant recover`: samples in, network and report out.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use orthant::{Progress, RecoverError, Settings, Verdict};

use super::Outcome;
use crate::args::RecoverArgs;
use crate::console::{self, Console};
use crate::output::{Batch, Target};
use crate::report::{self, JsonReport, Run};
use crate::samples::SampleFiles;
use crate::weights;

/// Runs the command.
///
/// # Errors
/// One line about bad usage or bad input; no output file has been touched then.
pub fn run(args: &RecoverArgs) -> anyhow::Result<Outcome> {
    let console = Console { quiet: args.quiet };
    let settings = Settings {
        width: args.width,
        bias: args.bias.into(),
        activation: args.activation.clone(),
        method: args.method.into(),
        seed: args.seed,
        holdout: args.holdout,
        ..Settings::default()
    };
    settings.validate().map_err(|error| explain(error, args))?;
    let targets = reserve_outputs(args)?;
    if let Some(threads) = args.threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_global()
            .with_context(|| format!("cannot start {threads} threads"))?;
    }
    let files = SampleFiles::read(&args.inputs, &args.labels)?;
    let samples = files.samples()?;

    let started = Instant::now();
    let bar = progress_bar(console);
    let recovery = orthant::recover(&samples, &settings, &mut |progress| {
        show(&bar, progress);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    let recovery = recovery.map_err(|error| explain(error, args))?;

    let run = Run {
        n: samples.n(),
        d: samples.d(),
        m: samples.m(),
        seed: args.seed,
        seconds: started.elapsed().as_secs_f64(),
    };
    let json = console::to_json(&JsonReport::new(&recovery.report, run))?;
    let recovered = recovery.report.verdict != Verdict::NotRecovered;

    let mut batch = Batch::default();
    let mut written = Vec::new();
    if recovered {
        let bytes = weights::encode(&recovery.network)?;
        batch.stage(&targets.network, |to| to.write_all(&bytes))?;
        written.push(targets.network.shown().display().to_string());
    }
    if let Some(target) = &targets.report {
        batch.stage(target, |to| writeln!(to, "{json}"))?;
        written.push(target.shown().display().to_string());
    }
    // Before the files appear: a reader that is gone is an error, and errors leave no file.
    if args.json {
        console::print(&json)?;
    }
    batch.commit()?;

    if !args.json {
        let written = if written.is_empty() { "nothing".to_string() } else { written.join(", ") };
        console.say(&format!("{}{:<12}{written}", report::summary(&recovery.report, run), "written"));
    }
    Ok(if recovered { Outcome::Positive } else { Outcome::Negative })
}

struct Targets {
    network: Target,
    report: Option<Target>,
}

/// Makes sure that the answer will have a place to go before a long computation starts.
fn reserve_outputs(args: &RecoverArgs) -> anyhow::Result<Targets> {
    let inputs: [&Path; 2] = [&args.inputs, &args.labels];
    let network = Target::reserve(&args.out)?;
    network.differs_from(inputs)?;
    let report = args.report.as_deref().map(Target::reserve).transpose()?;
    if let Some(report) = &report {
        report.differs_from(inputs.into_iter().chain([args.out.as_path()]))?;
    }
    Ok(Targets { network, report })
}

fn explain(error: RecoverError, args: &RecoverArgs) -> anyhow::Error {
    match error {
        RecoverError::Setting { .. } => anyhow!("--{error}"),
        RecoverError::TooFewSamples { .. } => anyhow!("{}: {error}", args.inputs.display()),
        RecoverError::Linalg(_) => {
            anyhow!(
                "{} with {}: {error} (values too large or too small?)",
                args.inputs.display(),
                args.labels.display()
            )
        }
        _ => error.into(),
    }
}

fn progress_bar(console: Console) -> ProgressBar {
    if !console.is_watched() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    // The template is a constant; a bar in the default style would do as well.
    if let Ok(style) = ProgressStyle::with_template("{elapsed:>5} {bar:30} {pos}/{len} units, {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_length(progress.wanted as u64);
    bar.set_position(progress.found as u64);
    bar.set_message(format!("{}: {} attempts", progress.stage, progress.attempts));
}
