//! `orthant recover`: samples in, network and report out.

use std::fmt::Display;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use orthant::fpt::{FptError, half_spaces, one_sparse};
use orthant::noisy::{self, Answer, GrossError, NoisyError};
use orthant::{Callback, Method, Progress, RecoverError, Samples, Settings, Verdict};

use super::{Outcome, conclude};
use crate::args::{BiasChoice, MethodChoice, NoiseChoice, RecoverArgs};
use crate::console::Console;
use crate::exact_samples;
use crate::output::{Batch, Target};
use crate::report::{self, Found, Run};
use crate::samples::SampleFiles;
use crate::weights;

mod error_bounds;
mod exact_arithmetic;

/// Runs the command.
///
/// # Errors
/// One line about bad usage or bad input; no output file has been touched then.
pub fn run(args: &RecoverArgs) -> anyhow::Result<Outcome> {
    let console = Console::from(args.printing);
    check_options_make_sense(args)?;
    let plan = Plan::new(args)?;
    let targets = reserve_outputs(args)?;
    if let Some(threads) = args.threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_global()
            .with_context(|| format!("cannot start {threads} threads"))?;
    }
    if let (true, Plan::Recover(settings)) = (args.exact_arithmetic, &plan) {
        return exact_arithmetic::run(args, &settings.exact, &targets);
    }
    if let Some(text) = [&args.inputs, &args.labels].into_iter().find(|path| exact_samples::is_text(path)) {
        bail!(
            "{}: .csv and .json files are read with --exact-arithmetic, .npy files without",
            text.display()
        );
    }
    let files = SampleFiles::read(&args.inputs, &args.labels)?;
    let samples = files.samples()?;

    // Nothing is foretold of what will be refused.
    if let (Plan::OneSparse(settings), false) = (&plan, args.printing.json || samples.m() == 1)
        && settings.activation.is_relu()
    {
        let members = samples.d() + usize::from(settings.bias.fitted().hidden());
        console.say(&report::outlook(samples.n(), members, settings.width));
    }
    let started = Instant::now();
    let bar = progress_bar(console);
    let deadline = args.budget.and_then(|budget| started.checked_add(budget));
    let found = plan.run(&samples, &mut |progress| {
        show(&bar, progress);
        match deadline {
            Some(deadline) if Instant::now() >= deadline => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    });
    bar.finish_and_clear();
    let found = found.map_err(|error| error.explain(args))?;

    let run = Run {
        n: samples.n(),
        d: samples.d(),
        m: samples.m(),
        seed: args.seed,
        seconds: started.elapsed().as_secs_f64(),
    };
    let recovered = found.verdict() != Verdict::NotRecovered;
    let bounds =
        recovered.then(|| error_bounds::bound(args, &samples, files.label_type(), found.network())).flatten();
    let json = report::to_json(&found, bounds.as_ref(), run)?;

    let mut batch = Batch::default();
    if recovered {
        let bytes = weights::encode(found.network())?;
        batch.stage(&targets.network, |to| to.write_all(&bytes))?;
        let standard_errors = match &found {
            Found::Recovered(Answer::Noisy(fit)) => {
                Some(weights::encode_standard_errors(&fit.standard_errors)?)
            }
            _ => None,
        };
        let error_bounds = match bounds.as_ref().map(|found| &found.bounds) {
            Some(Ok(bounds)) => Some(weights::encode_error_bounds(bounds)?),
            _ => None,
        };
        let gross_errors = match &found {
            Found::Recovered(Answer::Sparse(sparse)) => Some(gross_errors_csv(&sparse.errors).into_bytes()),
            _ => None,
        };
        for (target, contents) in [
            (&targets.standard_errors, standard_errors),
            (&targets.error_bounds, error_bounds),
            (&targets.gross_errors, gross_errors),
        ] {
            match (target, contents) {
                (Some(target), Some(bytes)) => batch.stage(target, |to| to.write_all(&bytes))?,
                // What an earlier run said of another network would be taken for said of this one.
                (Some(target), None) => batch.remove(target),
                (None, _) => {}
            }
        }
    }
    let mut summary = report::summary(&found, bounds.as_ref(), run);
    if let Some(step) = report::next_step(&found, args.noise.model()) {
        report::line(&mut summary, "next", step);
    }
    conclude(batch, targets.report.as_ref(), &json, summary, args.printing)?;
    Ok(if recovered { Outcome::Positive } else { Outcome::Negative })
}

/// A line for each error; numbers have all their digits.
fn gross_errors_csv(errors: &[GrossError]) -> String {
    let line = |error: &GrossError| format!("{},{},{:e}\n", error.sample, error.output, error.value);
    "sample,output,value\n".to_string() + &errors.iter().map(line).collect::<String>()
}

/// Files that the noise asked for cannot fill would never appear, and options that it does not use would say nothing.
fn check_options_make_sense(args: &RecoverArgs) -> anyhow::Result<()> {
    if args.exact_arithmetic {
        exact_arithmetic::check_options(args)?;
    } else if args.certificate.is_some() {
        bail!("--certificate needs --exact-arithmetic: only weights with zero error can be certified");
    }
    error_bounds::check_options(args)?;
    let arbitrary = args.noise == NoiseChoice::Arbitrary;
    if (args.noise == NoiseChoice::Gaussian || arbitrary) && args.method != MethodChoice::Auto {
        bail!("--method is for exact labels: not with --noise {}", name(args.noise));
    }
    if args.method == MethodChoice::OneSparse && args.noise != NoiseChoice::None {
        bail!("--method one-sparse is for exact labels: not with --noise {}", name(args.noise));
    }
    if args.budget.is_some() && args.method != MethodChoice::WorstCase && !arbitrary {
        bail!(
            "--budget is for --method worst-case and --noise arbitrary, which have something to show when they stop"
        );
    }
    if args.method == MethodChoice::WorstCase && args.noise != NoiseChoice::None {
        bail!("--method worst-case is for exact labels: not with --noise {}", name(args.noise));
    }
    if arbitrary {
        let unused = [
            ("--activation", !args.activation.is_relu()),
            ("--bias", !matches!(args.bias, BiasChoice::Auto | BiasChoice::None)),
            ("--holdout", args.holdout.is_some()),
            ("--noise-std", args.noise_std.is_some()),
        ];
        if let Some((option, _)) = unused.iter().find(|(_, given)| *given) {
            bail!(
                "{option}: --noise arbitrary fits max(t, 0) without biases to all samples and knows nothing of the errors"
            );
        }
        if args.width.is_none() {
            bail!("--noise arbitrary needs --width: under arbitrary errors the labels do not show it");
        }
    }
    let needs = [
        ("--standard-errors", &args.standard_errors, NoiseChoice::Gaussian),
        ("--gross-errors", &args.gross_errors, NoiseChoice::Sparse),
    ];
    for (option, file, noise) in needs {
        if file.is_some() && args.noise != noise && args.noise != NoiseChoice::Auto {
            bail!("{option} needs --noise {} or --noise auto", name(noise));
        }
    }
    Ok(())
}

/// The name of a choice, as on the command line.
fn name(noise: NoiseChoice) -> String {
    noise.to_possible_value().map_or_else(String::new, |value| value.get_name().to_string())
}

/// The entry point of the library that was asked for, with its settings.
enum Plan {
    Recover(noisy::Settings),
    OneSparse(Settings),
    HalfSpaces(half_spaces::Settings),
}

/// Why an entry point gave no answer.
enum Failure {
    Noisy(NoisyError),
    Fpt(FptError),
}

impl Plan {
    fn new(args: &RecoverArgs) -> anyhow::Result<Plan> {
        let exact = Settings {
            width: args.width,
            bias: args.bias.into(),
            activation: args.activation.clone(),
            method: args.method.method().unwrap_or(Method::Auto),
            seed: args.seed,
            holdout: args.holdout,
            ..Settings::default()
        };
        let Some(noise) = args.noise.model() else {
            let settings = half_spaces::Settings {
                seed: args.seed,
                ..half_spaces::Settings::new(args.width.unwrap_or_default())
            };
            settings.validate().map_err(|error| Failure::Fpt(error).explain(args))?;
            return Ok(Plan::HalfSpaces(settings));
        };
        let settings = noisy::Settings { exact, noise, noise_std: args.noise_std };
        settings.validate().map_err(|error| Failure::Noisy(error).explain(args))?;
        Ok(match args.method {
            MethodChoice::OneSparse => Plan::OneSparse(settings.exact),
            _ => Plan::Recover(settings),
        })
    }

    fn run(&self, samples: &Samples<'_>, progress: &mut Callback<'_>) -> Result<Found, Failure> {
        match self {
            Plan::Recover(settings) => {
                noisy::recover(samples, settings, progress).map(Found::Recovered).map_err(Failure::Noisy)
            }
            Plan::OneSparse(settings) => one_sparse::recover(samples, settings, progress)
                .map(|found| Found::OneSparse(Box::new(found)))
                .map_err(Failure::Fpt),
            Plan::HalfSpaces(settings) => half_spaces::fit(samples, settings, progress)
                .map(|fit| Found::HalfSpaces(Box::new(fit)))
                .map_err(Failure::Fpt),
        }
    }
}

struct Targets {
    network: Target,
    certificate: Option<Target>,
    report: Option<Target>,
    error_bounds: Option<Target>,
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
    let certificate = optional(&args.certificate)?;
    let error_bounds = optional(&args.error_bounds)?;
    let standard_errors = optional(&args.standard_errors)?;
    let gross_errors = optional(&args.gross_errors)?;
    Ok(Targets { network, certificate, report, error_bounds, standard_errors, gross_errors })
}

/// Reserves a file that is none of those taken, and takes it.
fn reserve<'a>(path: &'a Path, taken: &mut Vec<&'a Path>) -> anyhow::Result<Target> {
    let target = Target::reserve(path)?;
    target.differs_from(taken.iter().copied())?;
    taken.push(path);
    Ok(target)
}

impl Failure {
    /// The error with the option or the files that it is about.
    fn explain(self, args: &RecoverArgs) -> anyhow::Error {
        let files = |error: &dyn Display| {
            let (inputs, labels) = (args.inputs.display(), args.labels.display());
            anyhow!("{inputs} with {labels}: {error} (values too large or too small?)")
        };
        match self {
            Failure::Noisy(
                error @ (NoisyError::Setting { .. } | NoisyError::Recover(RecoverError::Setting { .. })),
            ) => {
                anyhow!("--{error}")
            }
            Failure::Fpt(
                error @ (FptError::Setting { .. } | FptError::Recover(RecoverError::Setting { .. })),
            ) => {
                anyhow!("--{error}")
            }
            Failure::Noisy(error @ NoisyError::Activation { .. }) => {
                anyhow!("--noise {}: {error}", name(args.noise))
            }
            Failure::Noisy(
                error @ (NoisyError::TooFewSamples { .. }
                | NoisyError::Recover(RecoverError::TooFewSamples { .. })),
            ) => anyhow!("{}: {error}", args.inputs.display()),
            Failure::Fpt(
                error @ (FptError::TooFewSamples { .. }
                | FptError::Recover(RecoverError::TooFewSamples { .. })),
            ) => anyhow!("{}: {error}", args.inputs.display()),
            Failure::Noisy(
                error @ (NoisyError::Linalg(_) | NoisyError::Recover(RecoverError::Linalg(_))),
            ) => files(&error),
            Failure::Fpt(error @ FptError::Recover(RecoverError::Linalg(_))) => files(&error),
            Failure::Noisy(error) => error.into(),
            Failure::Fpt(error) => error.into(),
        }
    }
}

/// A bar on stderr, where somebody watches.
pub(super) fn progress_bar(console: Console) -> ProgressBar {
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

/// Brings a bar up to date.
pub(super) fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_length(progress.wanted as u64);
    bar.set_position(progress.found as u64);
    bar.set_message(format!("{}: {} attempts", progress.stage, progress.attempts));
}
