//! `orthant recover`: samples in, network and report out.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use orthant::noisy::{self, Answer, GrossError, NoiseModel, NoisyError};
use orthant::{Progress, RecoverError, Settings, Verdict};

use super::Outcome;
use crate::args::{MethodChoice, NoiseChoice, RecoverArgs};
use crate::console::{self, Console};
use crate::output::{Batch, Target};
use crate::report::{self, Run};
use crate::samples::SampleFiles;
use crate::weights;

/// Runs the command.
///
/// # Errors
/// One line about bad usage or bad input; no output file has been touched then.
pub fn run(args: &RecoverArgs) -> anyhow::Result<Outcome> {
    let console = Console { quiet: args.quiet };
    let exact = Settings {
        width: args.width,
        bias: args.bias.into(),
        activation: args.activation.clone(),
        method: args.method.into(),
        seed: args.seed,
        holdout: args.holdout,
        ..Settings::default()
    };
    let settings = noisy::Settings { exact, noise: args.noise.into(), noise_std: args.noise_std };
    settings.validate().map_err(|error| explain(error, args))?;
    check_options_make_sense(args)?;
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
    let answer = noisy::recover(&samples, &settings, &mut |progress| {
        show(&bar, progress);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    let answer = answer.map_err(|error| explain(error, args))?;

    let run = Run {
        n: samples.n(),
        d: samples.d(),
        m: samples.m(),
        seed: args.seed,
        seconds: started.elapsed().as_secs_f64(),
    };
    let json = report::to_json(&answer, run)?;
    let recovered = answer.verdict() != Verdict::NotRecovered;

    let mut batch = Batch::default();
    let mut written = Vec::new();
    if recovered {
        let bytes = weights::encode(answer.network())?;
        batch.stage(&targets.network, |to| to.write_all(&bytes))?;
        written.push(targets.network.shown().display().to_string());
        if let (Some(target), Answer::Noisy(fit)) = (&targets.standard_errors, &answer) {
            let bytes = weights::encode_standard_errors(&fit.standard_errors)?;
            batch.stage(target, |to| to.write_all(&bytes))?;
            written.push(target.shown().display().to_string());
        }
        if let (Some(target), Answer::Sparse(found)) = (&targets.gross_errors, &answer) {
            batch.stage(target, |to| write_gross_errors(to, &found.errors))?;
            written.push(target.shown().display().to_string());
        }
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
        let next = report::next_step(&answer, args.noise.into())
            .map_or(String::new(), |step| format!("{:<12}{step}\n", "next"));
        let written = if written.is_empty() { "nothing".to_string() } else { written.join(", ") };
        console.say(&format!("{}{next}{:<12}{written}", report::summary(&answer, run), "written"));
    }
    Ok(if recovered { Outcome::Positive } else { Outcome::Negative })
}

/// A line for each error; numbers have all their digits.
fn write_gross_errors(to: &mut dyn Write, errors: &[GrossError]) -> io::Result<()> {
    writeln!(to, "sample,output,value")?;
    errors.iter().try_for_each(|error| writeln!(to, "{},{},{:e}", error.sample, error.output, error.value))
}

/// Files that the noise asked for cannot fill would never appear, and a method that it does not use would be none.
fn check_options_make_sense(args: &RecoverArgs) -> anyhow::Result<()> {
    if args.noise == NoiseChoice::Gaussian && args.method != MethodChoice::Auto {
        bail!("--method is for exact labels: not with --noise gaussian");
    }
    let needs = [
        ("--standard-errors", &args.standard_errors, NoiseChoice::Gaussian),
        ("--gross-errors", &args.gross_errors, NoiseChoice::Sparse),
    ];
    for (option, file, noise) in needs {
        if file.is_some() && args.noise != noise && args.noise != NoiseChoice::Auto {
            let name = NoiseModel::from(noise).name();
            bail!("{option} needs --noise {name} or --noise auto");
        }
    }
    Ok(())
}

struct Targets {
    network: Target,
    report: Option<Target>,
    standard_errors: Option<Target>,
    gross_errors: Option<Target>,
}

/// Makes sure that the answer will have a place to go before a long computation starts.
fn reserve_outputs(args: &RecoverArgs) -> anyhow::Result<Targets> {
    let mut taken: Vec<&Path> = vec![&args.inputs, &args.labels];
    let network = reserve(&args.out, &mut taken)?;
    let mut optional =
        |path| Option::as_ref(path).map(|path: &PathBuf| reserve(path, &mut taken)).transpose();
    let report = optional(&args.report)?;
    let standard_errors = optional(&args.standard_errors)?;
    let gross_errors = optional(&args.gross_errors)?;
    Ok(Targets { network, report, standard_errors, gross_errors })
}

/// Reserves a file that is none of those taken, and takes it.
fn reserve<'a>(path: &'a Path, taken: &mut Vec<&'a Path>) -> anyhow::Result<Target> {
    let target = Target::reserve(path)?;
    target.differs_from(taken.iter().copied())?;
    taken.push(path);
    Ok(target)
}

fn explain(error: NoisyError, args: &RecoverArgs) -> anyhow::Error {
    match error {
        NoisyError::Setting { .. } | NoisyError::Recover(RecoverError::Setting { .. }) => {
            anyhow!("--{error}")
        }
        NoisyError::Activation { .. } => anyhow!("--noise {}: {error}", NoiseModel::from(args.noise).name()),
        NoisyError::TooFewSamples { .. } | NoisyError::Recover(RecoverError::TooFewSamples { .. }) => {
            anyhow!("{}: {error}", args.inputs.display())
        }
        NoisyError::Linalg(_) | NoisyError::Recover(RecoverError::Linalg(_)) => {
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
    if let Ok(style) = ProgressStyle::with_template("{elapsed:>5} {bar:30} {pos}/{len}, {msg}") {
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
