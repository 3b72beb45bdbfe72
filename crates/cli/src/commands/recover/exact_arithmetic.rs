//! `orthant recover --exact-arithmetic`: exact samples in, fractions and their certificate out.

use std::ops::ControlFlow;
use std::time::Instant;

use anyhow::{anyhow, bail};
use orthant::Settings;
use orthant::exact::rational::{self, ExactError, RationalRecovery};
use orthant::noisy::NoisyError;

use super::{Failure, Outcome, Targets, conclude, name, progress_bar, show};
use crate::args::{MethodChoice, NoiseChoice, RecoverArgs};
use crate::console::Console;
use crate::exact_samples;
use crate::output::Batch;
use crate::report::{Origin, RationalFinding, Run};
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
    let console = Console::from(args.printing);
    let samples = exact_samples::read(&args.inputs, &args.labels)?;
    let m = samples.labels().nrows();
    if let Some(width) = settings.width.filter(|&width| width > m) {
        let labels = args.labels.display();
        bail!("--width {width}: --exact-arithmetic needs as many outputs as units, and {labels} has {m}");
    }
    let started = Instant::now();
    let bar = progress_bar(console);
    let found = rational::recover(&samples, settings, &mut |progress| {
        show(&bar, progress);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    let RationalRecovery { certificate, found } = found.map_err(|error| match error {
        ExactError::Recover(error) => Failure::Noisy(NoisyError::Recover(error)).explain(args),
        error => {
            let (inputs, labels) = (args.inputs.display(), args.labels.display());
            anyhow!("{inputs} with {labels}: {error}, which is beyond the range of float64 numbers")
        }
    })?;
    let finding = RationalFinding {
        certificate: certificate.as_ref(),
        origin: Origin::Recovered(&found.report),
        samples: &samples,
        in_arrays: [&args.inputs, &args.labels].map(|path| !exact_samples::is_text(path)),
    };
    let run = Run {
        n: samples.n(),
        d: samples.inputs().nrows(),
        m,
        seed: args.seed,
        seconds: started.elapsed().as_secs_f64(),
    };
    let json = finding.json(run)?;

    let mut batch = Batch::default();
    if let Ok(certificate) = &certificate {
        let bytes = weights::encode_nearest(&certificate.network)?;
        batch.stage(&targets.network, |to| to.write_all(&bytes))?;
        if let Some(target) = &targets.certificate {
            batch.stage(target, |to| to.write_all(certificate.to_json().as_bytes()))?;
        }
    }
    conclude(batch, targets.report.as_ref(), &json, finding.summary(run), args.printing)?;
    Ok(if certificate.is_ok() { Outcome::Positive } else { Outcome::Negative })
}
