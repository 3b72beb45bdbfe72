//! `orthant certify`: a certificate for a network that is known already.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, anyhow, ensure};
use orthant::certificate::{Certificate, Rational, RationalMatrix, RationalNetwork, RationalSamples, number};
use orthant::exact::rational::{self, ExactError};
use orthant::{BiasModel, Callback, Mat, Network};

use super::recover::{progress_bar, show};
use super::{Outcome, conclude};
use crate::args::CertifyArgs;
use crate::console::Console;
use crate::exact_samples;
use crate::output::{Batch, Target};
use crate::report::{Origin, RationalFinding, Run};
use crate::text_file;
use crate::weights;

/// The largest file of fractions that is read, in bytes: some hundred thousand weights of a hundred digits.
const MAX_BYTES: u64 = 32 << 20;

/// Runs the command.
///
/// # Errors
/// One line about bad usage or bad input; no output file has been touched then.
pub fn run(args: &CertifyArgs) -> anyhow::Result<Outcome> {
    let console = Console::from(args.printing);
    let target = Target::reserve(&args.out)?;
    target.differs_from([&args.samples.inputs, &args.samples.labels, &args.network].map(PathBuf::as_path))?;
    let network = Given::read(&args.network)?;
    let samples = exact_samples::read(&args.samples.inputs, &args.samples.labels)?;
    network.check_sizes(&samples, args)?;
    network.check_biases(args)?;

    let (as_it_stands, deviation) = (network.is_exact(), network.deviation(&samples));
    let started = Instant::now();
    let bar = progress_bar(console);
    let certificate = network.certify(&samples, args.bias.into(), &mut |progress| {
        show(&bar, progress);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    if let Err(ExactError::Recover(error)) = certificate {
        return Err(error.into());
    }
    let finding = RationalFinding {
        certificate: certificate.as_ref(),
        origin: Origin::Given { path: &args.network, as_it_stands, deviation },
        samples: &samples,
        in_arrays: [&args.samples.inputs, &args.samples.labels].map(|path| !exact_samples::is_text(path)),
    };
    let run = Run {
        n: samples.n(),
        d: samples.inputs().nrows(),
        m: samples.labels().nrows(),
        seed: 0,
        seconds: started.elapsed().as_secs_f64(),
    };
    let mut batch = Batch::default();
    if let Ok(certificate) = &certificate {
        batch.stage(&target, |to| to.write_all(certificate.to_json().as_bytes()))?;
    }
    conclude(batch, None, &finding.json(run)?, finding.summary(run), args.printing)?;
    Ok(if certificate.is_ok() { Outcome::Positive } else { Outcome::Negative })
}

/// A network from a file.
enum Given {
    /// Its patterns count, its weights are rounded.
    Near(Network),
    /// Fractions.
    Exact(Box<RationalNetwork>),
}

impl Given {
    fn read(path: &Path) -> anyhow::Result<Given> {
        if path.extension().is_some_and(|own| own.eq_ignore_ascii_case("json")) {
            let text = text_file::read(path, MAX_BYTES)?;
            if let Ok(certificate) = Certificate::from_json(&text) {
                return Ok(Given::Exact(Box::new(certificate.network)));
            }
            let network = serde_json::from_str(&text).map_err(|error| {
                let why = text_file::shortened(&error.to_string());
                anyhow!(
                    "{}: is neither a certificate nor a network of fractions, as in one: {why}",
                    path.display()
                )
            })?;
            return Ok(Given::Exact(Box::new(network)));
        }
        let network = weights::read(path)?;
        ensure!(
            network.activation().is_relu(),
            "{}: has the activation {}; only relu can be certified",
            path.display(),
            network.activation()
        );
        Ok(Given::Near(without_zero_biases(&network)?))
    }

    fn check_sizes(&self, samples: &RationalSamples, args: &CertifyArgs) -> anyhow::Result<()> {
        let (d, m) = match self {
            Given::Near(network) => (network.d(), network.m()),
            Given::Exact(network) => (network.d(), network.m()),
        };
        let files = [
            ("inputs", d, samples.inputs(), &args.samples.inputs),
            ("outputs", m, samples.labels(), &args.samples.labels),
        ];
        for (what, own, matrix, file) in files {
            ensure!(
                own == matrix.nrows(),
                "{} has {own} {what}, but {} has {} columns",
                args.network.display(),
                file.display(),
                matrix.nrows()
            );
        }
        Ok(())
    }

    fn check_biases(&self, args: &CertifyArgs) -> anyhow::Result<()> {
        let (hidden, output) = match self {
            Given::Near(network) => (network.b().is_some(), network.c().is_some()),
            Given::Exact(network) => (network.b().is_some(), network.c().is_some()),
        };
        if let BiasModel::Known(kind) = args.bias.into() {
            let path = args.network.display();
            ensure!(kind.hidden() || !hidden, "{path} has hidden biases: not with this --bias");
            ensure!(kind.output() || !output, "{path} has output biases: not with this --bias");
        }
        Ok(())
    }

    /// Whether it is certified as it stands.
    fn is_exact(&self) -> bool {
        matches!(self, Given::Exact(_))
    }

    /// The largest deviation of its labels from those of the samples, over the largest of these, in floating point; not a number where that
    /// has none.
    fn deviation(&self, samples: &RationalSamples) -> f64 {
        let (labels, inputs) = (nearest(samples.labels()), nearest(samples.inputs()));
        let own = match self {
            Given::Near(network) => network.labels(inputs.as_ref()),
            Given::Exact(network) => {
                let vector =
                    |bias: Option<&[Rational]>| bias.map(|bias| bias.iter().map(number::to_f64).collect());
                let (u, v) = (nearest(network.u()), nearest(network.v()));
                match Network::new(u, v, vector(network.b()), vector(network.c())) {
                    Ok(network) => network.labels(inputs.as_ref()),
                    Err(_) => return f64::NAN,
                }
            }
        };
        let largest = |matrix: &Mat<f64>| {
            matrix.col_iter().flat_map(|column| column.iter().copied()).fold(0.0, |s: f64, x| s.max(x.abs()))
        };
        largest(&(own - &labels)) / largest(&labels)
    }

    fn certify(
        self,
        samples: &RationalSamples,
        bias: BiasModel,
        progress: &mut Callback<'_>,
    ) -> Result<Certificate, ExactError> {
        match self {
            Given::Near(network) => rational::certify(samples, &network, bias, progress),
            Given::Exact(network) => rational::certify_network(samples, &network, bias, progress),
        }
    }
}

/// The nearest floating-point numbers.
fn nearest(matrix: &RationalMatrix) -> Mat<f64> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| number::to_f64(matrix.get(i, j)))
}

/// Files have zeros in place of biases that a network has not.
fn without_zero_biases(network: &Network) -> anyhow::Result<Network> {
    let present =
        |bias: Option<&[f64]>| bias.filter(|bias| bias.iter().any(|&b| b != 0.0)).map(<[f64]>::to_vec);
    let (b, c) = (present(network.b()), present(network.c()));
    let (u, v): (Mat<f64>, Mat<f64>) = (network.u().to_owned(), network.v().to_owned());
    Network::new(u, v, b, c).context("a network without its zero biases does not fit")
}
