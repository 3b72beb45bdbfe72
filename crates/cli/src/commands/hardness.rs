//! `orthant hardness`: formulas as inputs and labels, and pairs of networks that few samples tell apart.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, anyhow, ensure};
use orthant::hardness::formula::{Formula, Satisfiability};
use orthant::hardness::{
    DecodeError, Decoded, Instance, InstanceError, KappaPair, KappaPairError, Metadata, Options, Recipe,
    RecipeError,
};
use orthant::network::Network;
use serde::Serialize;

use super::Outcome;
use crate::args::{
    EncodingArgs, FromCnfArgs, HardGenerateArgs, HardnessCommand, KappaPairArgs, SolveCheckArgs,
};
use crate::console::{self, Console};
use crate::npy;
use crate::output::{Batch, Directory, Target};
use crate::report;
use crate::samples::SampleFiles;
use crate::weights;

const INPUTS: &str = "inputs.npy";
const LABELS: &str = "labels.npy";
const ORIGINAL: &str = "original.cnf";
const FORMULA: &str = "formula.cnf";
const METADATA: &str = "metadata.json";
const NETWORK: &str = "network.safetensors";

/// Text files beyond this are refused: more than a formula takes whose instance is not too large.
const MAX_TEXT: u64 = 1 << 26;

/// Variables listed in the text before it says "and so many more".
const LISTED_VARIABLES: usize = 20;

/// Memory above which samples of a pair are refused, 16 GiB: a typing error rather than a wish.
const MAX_BYTES: u128 = 16 << 30;

/// Runs the command.
///
/// # Errors
/// One line about bad usage or bad input; no output file has been touched then.
pub fn run(command: &HardnessCommand) -> anyhow::Result<Outcome> {
    match command {
        HardnessCommand::FromCnf(args) => from_cnf(args),
        HardnessCommand::SolveCheck(args) => solve_check(args),
        HardnessCommand::Generate(args) => generate(args),
        HardnessCommand::KappaPair(args) => kappa_pair(args),
    }
}

fn from_cnf(args: &FromCnfArgs) -> anyhow::Result<Outcome> {
    let formula = read_formula(&args.formula)?;
    let instance = Instance::from_formula(&formula, &options(&args.encoding))
        .map_err(|error| explain(&error, Some(&args.formula)))?;
    write_instance(&instance, &args.encoding, &[&args.formula])
}

fn generate(args: &HardGenerateArgs) -> anyhow::Result<Outcome> {
    let recipe = Recipe {
        family: args.family.into(),
        clauses: args.clauses.into(),
        variables: args.variables,
        density: args.density,
        seed: args.seed,
    };
    let instance =
        Instance::from_recipe(&recipe, &options(&args.encoding)).map_err(|error| explain(&error, None))?;
    write_instance(&instance, &args.encoding, &[])
}

fn options(args: &EncodingArgs) -> Options {
    Options { variant: args.variant.into(), m: args.m, k: args.k, max_steps: args.max_steps }
}

/// The error with the option or the file that it is about.
fn explain(error: &InstanceError, file: Option<&Path>) -> anyhow::Error {
    match error {
        InstanceError::NoOutputs => anyhow!("--m: {error}"),
        InstanceError::Width { .. } => anyhow!("--k: {error}"),
        InstanceError::Recipe(RecipeError::Variables { .. }) => anyhow!("--variables: {error}"),
        InstanceError::Recipe(RecipeError::Density { .. } | RecipeError::NoneUnsatisfiable { .. }) => {
            anyhow!("--density: {error}")
        }
        _ => match file {
            Some(file) => anyhow!("{}: {error}", file.display()),
            None => anyhow!("{error}"),
        },
    }
}

/// Writes all files, none of which may be one of those that were read.
fn write_instance(instance: &Instance, args: &EncodingArgs, read: &[&Path]) -> anyhow::Result<Outcome> {
    let network = instance.satisfying().map(|assignment| instance.network_of(assignment));
    let directory = Directory::create(&args.out)?;
    let reserve = |name: &str| Target::reserve(&args.out.join(name));
    let (inputs, labels) = (reserve(INPUTS)?, reserve(LABELS)?);
    let (original, formula) = (reserve(ORIGINAL)?, reserve(FORMULA)?);
    let (metadata, solution) = (reserve(METADATA)?, reserve(NETWORK)?);
    for target in [&inputs, &labels, &original, &formula, &metadata, &solution] {
        target.differs_from(read.iter().copied())?;
    }
    // One left from another instance would pass for a solution of this one.
    ensure!(
        network.is_some() || !solution.shown().exists(),
        "{} is there already, and no network is known for this instance",
        solution.shown().display()
    );
    let mut batch = Batch::default();
    batch.stage(&inputs, |to| npy::write(to, instance.x()))?;
    batch.stage(&labels, |to| npy::write(to, instance.a()))?;
    if let Some(given) = instance.original() {
        batch.stage(&original, |to| to.write_all(given.to_dimacs().as_bytes()))?;
    }
    batch.stage(&formula, |to| to.write_all(instance.formula().to_dimacs().as_bytes()))?;
    let json = console::to_json(instance.metadata())?;
    batch.stage(&metadata, |to| writeln!(to, "{json}"))?;
    if let Some(network) = &network {
        let bytes = weights::encode(network)?;
        batch.stage(&solution, |to| to.write_all(&bytes))?;
    }
    let written = batch.names();
    batch.commit()?;
    directory.keep();

    let Metadata { variables, clauses, d, n, m, k, .. } = instance.metadata();
    let satisfiable = match instance.metadata().satisfiable {
        Satisfiability::Satisfiable => "satisfiable: a network is in network.safetensors",
        Satisfiability::Unsatisfiable => "unsatisfiable: no network has these labels",
        Satisfiability::Unknown => "not known to be satisfiable: the SAT solver used up --max-steps",
    };
    Console { quiet: args.quiet }.say(&format!(
        "formula     {variables} variables, {clauses} clauses, reversible; {satisfiable}\n\
         samples     {}, for {k} units without biases\n\
         written     {written}",
        report::sizes(*n, *d, *m)
    ));
    Ok(Outcome::Positive)
}

fn read_formula(path: &Path) -> anyhow::Result<Formula> {
    let text = read_text(path)?;
    Formula::from_dimacs(&text).map_err(|error| anyhow!("{}: {error}", path.display()))
}

/// The contents of a text file.
fn read_text(path: &Path) -> anyhow::Result<Vec<u8>> {
    let checked = || {
        // Checked before opening: opening a pipe would wait for its writer.
        let metadata = std::fs::metadata(path)?;
        ensure!(metadata.is_file(), "is not a regular file");
        ensure!(metadata.len() <= MAX_TEXT, "is larger than {} MiB", MAX_TEXT >> 20);
        Ok(std::fs::read(path)?)
    };
    checked().with_context(|| path.display().to_string())
}

/// What a network says about an instance.
#[derive(Debug, Serialize)]
struct Findings {
    fits: bool,
    residual: f64,
    worst_sample: usize,
    decoding_radius: f64,
    satisfies: bool,
    /// Values of the variables of the original formula: i for true, -i for false, counted from 1.
    assignment: Option<Vec<i64>>,
    reason: Option<String>,
}

fn solve_check(args: &SolveCheckArgs) -> anyhow::Result<Outcome> {
    let instance = read_instance(&args.instance)?;
    let network = weights::read(&args.network)?;
    let findings = check(&instance, &network).map_err(|error| {
        let advice =
            if matches!(error, DecodeError::AnotherKind) { "; recover it with --bias none" } else { "" };
        anyhow!("{} with {}: {error}{advice}", args.network.display(), args.instance.display())
    })?;
    console::tell(args.printing, &findings, &findings.text())?;
    Ok(if findings.satisfies { Outcome::Positive } else { Outcome::Negative })
}

/// The instance in a directory, whose files must belong together.
fn read_instance(directory: &Path) -> anyhow::Result<Instance> {
    let path = directory.join(METADATA);
    let metadata: Metadata = serde_json::from_slice(&read_text(&path)?)
        .with_context(|| format!("{}: not the metadata of an instance", path.display()))?;
    let original = read_formula(&directory.join(ORIGINAL))?;
    let instance = Instance::rebuild(&metadata, &original)
        .map_err(|error| anyhow!("{} with {ORIGINAL}: {error}", path.display()))?;
    let formula = directory.join(FORMULA);
    ensure!(
        read_formula(&formula)? == *instance.formula(),
        "{} is not the reversible formula of {ORIGINAL} beside it",
        formula.display()
    );
    let files = SampleFiles::read(&directory.join(INPUTS), &directory.join(LABELS))?;
    let samples = files.samples()?;
    for (name, given, expected) in [(INPUTS, samples.x(), instance.x()), (LABELS, samples.a(), instance.a())]
    {
        ensure!(given == expected, "{} does not encode {FORMULA} beside it", directory.join(name).display());
    }
    Ok(instance)
}

/// # Errors
/// [`DecodeError`] for a network of another shape or kind.
fn check(instance: &Instance, network: &Network) -> Result<Findings, DecodeError> {
    let fit = instance.fit(network)?;
    let mut findings = Findings {
        fits: fit.to_rounding,
        residual: fit.residual,
        worst_sample: fit.sample,
        decoding_radius: fit.radius,
        satisfies: false,
        assignment: None,
        reason: None,
    };
    match instance.decode(network) {
        Ok(Decoded { original, .. }) => {
            findings.satisfies = true;
            findings.assignment = Some(original.to_signed());
        }
        Err(error) => findings.reason = Some(error.to_string()),
    }
    Ok(findings)
}

impl Findings {
    fn text(&self) -> String {
        let mut text = String::new();
        let fits = if self.fits { "exactly, to rounding" } else { "not exactly" };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "fits        {fits}: largest deviation {:.1e}, at sample {} (from 0)",
            self.residual, self.worst_sample
        );
        match (&self.assignment, &self.reason) {
            (Some(assignment), _) => {
                let listed = assignment.iter().take(LISTED_VARIABLES);
                let literals: Vec<String> = listed.map(ToString::to_string).collect();
                let more = match assignment.len().saturating_sub(LISTED_VARIABLES) {
                    0 => String::new(),
                    more => format!(" ... and {more} more, all with --json"),
                };
                let _ = writeln!(text, "assignment  satisfies {ORIGINAL}: {}{more}", literals.join(" "));
            }
            (None, reason) => {
                let _ = writeln!(text, "assignment  none: {}", reason.as_deref().unwrap_or("not decoded"));
            }
        }
        text
    }
}

/// The metadata of a pair with its samples.
#[derive(Debug, Serialize)]
struct PairReport {
    #[serde(flatten)]
    pair: orthant::hardness::KappaPairMetadata,
    n: usize,
    seed: u64,
    agreeing: bool,
    /// Samples that tell the networks apart.
    distinguishing: usize,
}

fn kappa_pair(args: &KappaPairArgs) -> anyhow::Result<Outcome> {
    ensure!(args.n > 0, "--n is 0, allowed: at least 1");
    // Inputs and two labels for each sample, two networks of two units and their encodings.
    let (d, n) = (args.d as u128, args.n as u128);
    let entries = (d + 2).checked_mul(n).and_then(|samples| samples.checked_add(8 * d));
    ensure!(
        entries.is_some_and(|entries| entries <= MAX_BYTES / size_of::<f64>() as u128),
        "d = {}, n = {} would take more than {} GiB of memory",
        args.d,
        args.n,
        MAX_BYTES >> 30
    );
    let pair = KappaPair::new(args.a, args.d).map_err(|error| match error {
        KappaPairError::Angle { .. } => anyhow!("--a: {error}"),
        KappaPairError::Inputs { .. } => anyhow!("--d: {error}"),
        _ => anyhow!("{error}"),
    })?;
    let directory = Directory::create(&args.out)?;
    let names = [
        INPUTS,
        "first-labels.npy",
        "second-labels.npy",
        "first.safetensors",
        "second.safetensors",
        METADATA,
    ];
    let targets =
        names.iter().map(|name| Target::reserve(&args.out.join(name))).collect::<anyhow::Result<Vec<_>>>()?;

    let x = if args.agreeing {
        pair.agreeing_inputs(args.n, args.seed)
    } else {
        pair.gaussian_inputs(args.n, args.seed)
    };
    let distinguishing = (0..args.n).filter(|&j| pair.distinguishes(x[(0, j)], x[(1, j)])).count();
    let report = PairReport {
        pair: pair.metadata(),
        n: args.n,
        seed: args.seed,
        agreeing: args.agreeing,
        distinguishing,
    };
    let json = console::to_json(&report)?;
    let mut batch = Batch::default();
    batch.stage(&targets[0], |to| npy::write(to, x.as_ref()))?;
    for which in [0, 1] {
        let labels = pair.labels(which, x.as_ref());
        batch.stage(&targets[1 + which], |to| npy::write(to, labels.as_ref()))?;
        let bytes = weights::encode(&pair.networks()[which])?;
        batch.stage(&targets[3 + which], |to| to.write_all(&bytes))?;
    }
    batch.stage(&targets[5], |to| writeln!(to, "{json}"))?;
    let written = batch.names();
    batch.commit()?;
    directory.keep();

    let [first, second] = pair.kappa_v();
    let needed = report.pair.samples_needed.first().map_or(String::new(), |(delta, n)| {
        format!("; no method is right with probability {} on fewer than {n} Gaussian samples", 1.0 - delta)
    });
    Console { quiet: args.quiet }.say(&format!(
        "networks    condition numbers of V {first:.4e} and {second:.4e}\n\
         samples     {distinguishing} of {}{} tell them apart{needed}\n\
         written     {written}",
        args.n,
        if args.agreeing { ", chosen so," } else { "" },
    ));
    Ok(Outcome::Positive)
}
