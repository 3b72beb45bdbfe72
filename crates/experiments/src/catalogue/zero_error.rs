//! Weights with zero error, and what shows that they are the only ones.

use std::time::Instant;

use orthant::certificate::{Certificate, Claim, Evidence, MAX_DEFICIT, RationalSamples, check};
use orthant::exact::bounds::error_bounds;
use orthant::exact::rational::{ExactError, certify, certify_network, recover};
use orthant::linalg::tolerance;
use orthant::network::{BiasKind, IntegerPlanted, IntegerSpec};
use orthant::{BiasModel, Mat, RecoverError, Samples, Settings, Verdict};

use crate::experiment::{About, Context, Experiment, Outcome, Plan, Presentation, Task};
use crate::record::{Record, Row};
use crate::rows::Rows;

mod errors;
mod fractions;
mod show;

/// Networks over the rationals, their certificates, and error bounds in floating point.
pub struct ZeroError;

/// Rows of one kind.
mod part {
    pub const CLAIMS: &str = "claims";
    pub const SIZES: &str = "sizes";
    pub const BOUNDS: &str = "bounds";
}

const EXACT: &str = "exact";
const ROUNDED: &str = "rounded";

const NOT_EXACT: &str = "not exact";
const NOT_FOUND: &str = "not found";

/// Binary digits of the inputs behind the point.
const FRACTION_BITS: u32 = 12;

/// m = k and d for which n grows.
fn shapes(plan: &Plan) -> &'static [(usize, usize)] {
    plan.pick(&[(3, 4), (5, 6), (10, 10)], &[(3, 4), (5, 6), (8, 10), (10, 10)])
}

/// m = k, d and n at which prover and checker are timed.
fn sizes(plan: &Plan) -> &'static [(usize, usize, usize)] {
    plan.pick(
        &[(5, 5, 40), (10, 10, 80), (10, 15, 220)],
        &[
            (5, 5, 40),
            (10, 10, 80),
            (10, 15, 220),
            (15, 15, 120),
            (15, 20, 450),
            (20, 20, 160),
            (20, 20, 640),
        ],
    )
}

fn seeds(plan: &Plan) -> usize {
    plan.pick(10, 50)
}

fn sizes_seeds(plan: &Plan) -> usize {
    plan.pick(5, 20)
}

fn bounds_seeds(plan: &Plan) -> usize {
    plan.pick(250, 5000)
}

/// Monomials of the quadratic lift, with both biases.
fn monomials(k: usize, d: usize) -> usize {
    k * (k - 1) / 2 + affine(k, d)
}

/// Those of them that are no product of two units.
fn affine(k: usize, d: usize) -> usize {
    (k + 1) * (d + 1)
}

/// The fewest samples for which the checker may show uniqueness: fewer leave linear dependencies between the monomials
/// without products of units, which satisfy all relations; and it takes [`MAX_DEFICIT`] dependencies at most.
fn edge(k: usize, d: usize) -> usize {
    affine(k, d).max(monomials(k, d).saturating_sub(MAX_DEFICIT))
}

/// Samples, through the number of monomials and where uniqueness begins to be shown.
fn counts(k: usize, d: usize) -> Vec<usize> {
    let (all, edge) = (monomials(k, d), edge(k, d));
    let mut counts: Vec<usize> = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.1, 1.25, 1.5]
        .iter()
        .map(|ratio| (ratio * all as f64).round() as usize)
        .chain([edge - 1, edge, all - 1, all])
        .collect();
    counts.sort_unstable();
    counts.dedup();
    counts
}

impl Experiment for ZeroError {
    fn about(&self) -> About {
        About {
            name: "zero-error",
            title: "Weights with zero error, and certificates",
            claim: "The weights are recovered exactly, with no error: as fractions, from exact labels, with a certificate that others can check.",
            source: "Theorem 49, Algorithm 6 in exact arithmetic",
            method: "m = k; weights and both biases are integers of 8 bits, inputs fractions of 16 bits with 12 behind the point: labels are exact in floating \
                     point. `exact::rational::recover` is given the samples and no more. Equal means each weight is the planted one, as a fraction, up to the order of \
                     the units and their scale. A certificate claims that the network fits all labels, that it is the only one with these activation patterns, or that \
                     it is the only one of its width. The last is shown by the quadratic lift, which has N = k(k − 1)/2 + (k + 1)(d + 1) monomials. Samples determine the \
                     units when the planted network, given, is certified to be the only one with its patterns. Forged \
                     certificates have a weight off by 2⁻⁶⁰, or are about a label off by 2⁻⁶⁰, with its hash. Rounded labels are those of U/3 and c/3, rounded once. Error \
                     bounds are for exact answers in floating point, m = k = d from 2 to 6, n = 20(k + 1), compared with the planted weights as fractions; for \
                     their ratio an error counts as one unit in the last place at least.",
        }
    }

    fn is_timed(&self) -> bool {
        true
    }

    fn tasks(&self, plan: &Plan) -> Vec<Task> {
        let mut tasks = Vec::new();
        let mut add = |part: &str, labels: &str, (k, d, n): (usize, usize, usize), seed| {
            let point = Record::new().with("part", part).with("labels", labels);
            let point = point.with("k", k).with("d", d).with("n", n);
            let (all, deficit) = (monomials(k, d), monomials(k, d).saturating_sub(n));
            let lift = if n < edge(k, d) { 0.0 } else { 3e-9 * (deficit as f64).powi(5) };
            let cost = if part == part::BOUNDS { 4e-3 } else { 4e-4 * all as f64 + lift };
            tasks.push(Task { seed, point, cost });
        };
        for &(k, d) in shapes(plan) {
            for n in counts(k, d) {
                plan.seeds(seeds(plan)).for_each(|seed| add(part::CLAIMS, EXACT, (k, d, n), seed));
            }
            let n = monomials(k, d);
            plan.seeds(seeds(plan)).for_each(|seed| add(part::CLAIMS, ROUNDED, (k, d, n), seed));
        }
        for &size in sizes(plan) {
            plan.seeds(sizes_seeds(plan)).for_each(|seed| add(part::SIZES, EXACT, size, seed));
        }
        for labels in [EXACT, ROUNDED] {
            for (i, seed) in plan.seeds(bounds_seeds(plan)).enumerate() {
                let k = 2 + i % 5;
                add(part::BOUNDS, labels, (k, k, 20 * (k + 1)), seed);
            }
        }
        tasks
    }

    fn run(&self, task: &Task, context: &Context<'_>) -> anyhow::Result<Outcome> {
        let (k, d, n) = (task.point.count("k"), task.point.count("d"), task.point.count("n"));
        let spec = IntegerSpec {
            m: k,
            k,
            d,
            fraction_bits: FRACTION_BITS,
            seed: task.seed,
            ..IntegerSpec::default()
        };
        let planted = spec.plant(n)?;
        let rounded = task.point.text("labels") == ROUNDED;
        // Correctly rounded, of labels that are exact.
        let labels =
            if rounded { Mat::from_fn(k, n, |o, j| planted.a[(o, j)] / 3.0) } else { planted.a.clone() };
        let mut row = Values::default();
        if task.point.text("part") == part::BOUNDS {
            row.bound(&planted, &labels, rounded, task.seed, context)?;
        } else {
            let is_split = task.point.text("part") == part::SIZES;
            row.certify(&planted, &labels, is_split, task.seed, context)?;
        }
        Ok(row.outcome())
    }

    fn present(&self, rows: &[Row], plan: &Plan) -> Presentation {
        let rows = Rows::new(rows);
        let mut presentation = Presentation::default();
        show::claims(&rows, plan, &mut presentation);
        show::certificates(&rows, plan, &mut presentation);
        show::rounded(&rows, &mut presentation);
        show::bounds(&rows.having("part", part::BOUNDS), plan, &mut presentation);
        presentation
    }
}

/// What a row may say; most rows say some of it.
#[derive(Default)]
struct Values {
    /// The claim that was shown, or why there is no certificate, in a few words.
    outcome: String,
    /// Whether the planted network is the only one with its patterns that has the exact labels.
    determined: Option<bool>,
    /// Whether the answer in floating point was called exact.
    found: bool,
    equal: Option<bool>,
    /// Whether its activation patterns are those of the planted network, up to order.
    same_patterns: Option<bool>,
    checked: Option<bool>,
    /// Forged certificates that pass.
    passed: Option<usize>,
    bits: Option<usize>,
    deficit: Option<usize>,
    compared: Option<errors::Compared>,
    prover_seconds: Option<f64>,
    certify_seconds: Option<f64>,
    checker_seconds: Option<f64>,
}

impl Values {
    fn outcome(self) -> Outcome {
        let compared = self.compared.as_ref();
        let values = Record::new()
            .with("outcome", self.outcome)
            .with("determined", self.determined)
            .with("found", self.found)
            .with("equal", self.equal)
            .with("same_patterns", self.same_patterns)
            .with("checked", self.checked)
            .with("passed", self.passed)
            .with("bits", self.bits)
            .with("deficit", self.deficit)
            .with("weights", compared.map(|compared| compared.weights))
            .with("below", compared.map(|compared| compared.below))
            .with("error", compared.map(|compared| compared.error))
            .with("bound", compared.map(|compared| compared.bound))
            .with("ratio", compared.map(|compared| compared.ratio));
        let measured = Record::new()
            .with("prover_seconds", self.prover_seconds)
            .with("certify_seconds", self.certify_seconds)
            .with("checker_seconds", self.checker_seconds);
        Outcome { values, measured }
    }

    fn certify(
        &mut self,
        planted: &IntegerPlanted,
        labels: &Mat<f64>,
        is_split: bool,
        seed: u64,
        context: &Context<'_>,
    ) -> anyhow::Result<()> {
        let samples = RationalSamples::new(fractions::matrix(&planted.x)?, fractions::matrix(labels)?)?;
        let settings = Settings { seed, ..Settings::default() };
        let own = certificate_of(planted, context)?;
        self.determined = Some(own.claim() >= Claim::UniqueGivenPatterns);
        let start = Instant::now();
        let answer = recover(&samples, &settings, &mut context.callback());
        self.prover_seconds = Some(start.elapsed().as_secs_f64());
        let answer = answer.and_then(|recovery| {
            self.found = recovery.found.report.verdict == Verdict::Exact;
            Ok((recovery.certificate?, recovery.found.network))
        });
        let (certificate, near) = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.outcome = in_short(&error);
                return Ok(());
            }
        };
        self.outcome = certificate.claim().to_string();
        if is_split {
            let start = Instant::now();
            let again = certify(&samples, &near, settings.bias, &mut context.callback());
            self.certify_seconds = again.is_ok().then(|| start.elapsed().as_secs_f64());
        }
        let start = Instant::now();
        let checked = check(&certificate, &samples);
        self.checker_seconds = Some(start.elapsed().as_secs_f64());
        self.checked = Some(checked == Ok(certificate.claim()));
        self.passed = Some(fractions::forged_that_pass(&certificate, &samples, seed)?);
        self.bits = Some(certificate.network.bits());
        if let Evidence::AllPatterns { lift, .. } = &certificate.evidence {
            self.deficit = Some(lift.deficit);
        }
        self.equal = Some(fractions::is_equal(&certificate.network, planted)?);
        let [found, own] = [certificate, own].map(|certificate| {
            let mut patterns = certificate.patterns;
            patterns.sort_unstable();
            patterns
        });
        self.same_patterns = Some(found == own);
        Ok(())
    }

    fn bound(
        &mut self,
        planted: &IntegerPlanted,
        labels: &Mat<f64>,
        rounded: bool,
        seed: u64,
        context: &Context<'_>,
    ) -> anyhow::Result<()> {
        let samples = Samples::new(planted.x.as_ref(), labels.as_ref())?;
        let settings = Settings { seed, bias: BiasModel::Known(BiasKind::Both), ..Settings::default() };
        let found = match orthant::recover(&samples, &settings, &mut context.callback()) {
            Ok(found) if found.network.k() == planted.v.nrows() => found,
            Ok(_) => {
                self.outcome = "another width".to_string();
                return Ok(());
            }
            Err(error) => {
                self.outcome = in_short(&error.into());
                return Ok(());
            }
        };
        self.outcome = found.report.verdict.to_string();
        self.found = found.report.verdict == Verdict::Exact;
        if self.found {
            let label_error = if rounded { tolerance::EPS / 2.0 } else { 0.0 };
            match error_bounds(&samples, &found.network, label_error) {
                Ok(bounds) => {
                    self.outcome = "bounded".to_string();
                    self.compared = errors::compare(planted, rounded, &found.network, &bounds);
                }
                Err(_) => self.outcome = "no bounds".to_string(),
            }
        }
        Ok(())
    }
}

fn in_short(error: &ExactError) -> String {
    match error {
        ExactError::Recover(RecoverError::TooFewSamples { .. }) => "too few samples".to_string(),
        ExactError::NotFound { .. } => NOT_FOUND.to_string(),
        ExactError::NotExact { .. } => NOT_EXACT.to_string(),
        ExactError::Undetermined(_) => "not determined".to_string(),
        other => other.to_string(),
    }
}

/// The certificate of the planted network, given, with its exact labels.
fn certificate_of(planted: &IntegerPlanted, context: &Context<'_>) -> anyhow::Result<Certificate> {
    let samples = RationalSamples::new(fractions::matrix(&planted.x)?, fractions::matrix(&planted.a)?)?;
    let bias = BiasModel::Known(BiasKind::Both);
    Ok(certify_network(&samples, &fractions::network(planted)?, bias, &mut context.callback())?)
}

/// Names of the claims, the strongest first.
fn claims() -> [String; 3] {
    [Claim::Unique, Claim::UniqueGivenPatterns, Claim::Fits].map(|claim| claim.to_string())
}
