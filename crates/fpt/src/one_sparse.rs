//! Algorithm 8: networks whose output weights have any rank, from the samples on which one unit is alone active.
//!
//! Where unit i alone is active, the label is u_i v_i'x, a positive multiple of one column of U whatever the input: such labels lie on k
//! rays, while labels of two or more units spread over cones of dimension two or more, in which no two directions agree. So groups of
//! labels of one direction are those of single units; a group's direction is u_i, its sizes are linear in the inputs, and
//! that linear system gives v_i. U may have any rank: m ≥ 2 outputs are enough for any k, as long as no column of U is a positive multiple of another.
//!
//! # When to use it
//! The work is a sort and k linear systems, n log n whatever k: there is no search that may fail. But every unit must be alone often
//! enough, which has probability from 2^(−k) down to about (2κ(V))^(−k): [`expected_samples`] says how many samples that takes.
//!
//! `restarts` ([`orthant_exact::Method`]) need hardly more samples than there are weights, and on every instance tried (k = 3 to 12, m = 2
//! and 3) found the same network in about the same time. But they are a search, whose success no theorem promises. This is the better
//! choice when samples are plenty and the answer must not hang on a search, or as a second way to the same network; with
//! few samples, or V badly conditioned, it is not.
//!
//! # One output
//! With m = 1 the test is void: all labels of one sign are positive multiples of each other, whichever units are active. (Theorem 65 is
//! printed for m ≥ 1; but with m = 1 no two columns of U are positive multiples only if k ≤ 2, one weight positive and one negative, and a
//! label of one sign may then still come from both units.) That is an error here, which names the methods to use instead.
//!
//! # Biases
//! A hidden bias is one more unknown of each unit's system. An output bias is the label of all samples on which no unit is active, and so
//! the only label that is repeated; it is taken off first.
//!
//! ```
//! use std::ops::ControlFlow;
//! use orthant_exact::{Settings, Verdict};
//! use orthant_fpt::one_sparse::{expected_samples, recover};
//! use orthant_network::{PlantedSpec, Samples};
//!
//! // Four units, two outputs, and nothing known but that κ(V) is at most 2.
//! let n = expected_samples(4, 6, 2.0, 0.01)?;
//! let spec = PlantedSpec { m: 2, k: 4, d: 5, kappa_v: Some(1.5), seed: 1, ..PlantedSpec::default() };
//! let planted = spec.plant(n as usize)?;
//! let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref())?;
//! let found = recover(&samples, &Settings::default(), &mut |_| ControlFlow::Continue(()))?;
//! assert_eq!(found.recovery.report.verdict, Verdict::Exact);
//! assert_eq!(found.groups.len(), 4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod groups;
mod samples;

use std::collections::HashMap;

use orthant_estimate::frame::LabelSpectrum;
use orthant_estimate::{Callback, Progress};
use orthant_exact::{RecoverError, Recovery, Scaled, Settings, Split, certify};
use orthant_linalg::{LinalgError, Mat, MatRef, product, tolerance};
use orthant_network::{BiasKind, Network, Samples, Subset};

pub use self::samples::{expected_samples, expected_samples_for, lone_probabilities, lone_probability_bound};

use self::groups::{Directions, Rounding, populations};
use crate::FptError;

/// The probability of failure that [`OneSparse::expected_samples`] is for.
pub const FAILURE_PROBABILITY: f64 = 0.01;

/// What [`Report::method`](orthant_exact::Report::method) says.
const METHOD: &str = "one-sparse";

/// A network found from lone samples, with what it was found by.
#[derive(Debug, Clone)]
pub struct OneSparse {
    /// The network with its verdict.
    pub recovery: Recovery,
    /// The groups, largest first. The verdict may have put the units in another order or left some out.
    pub groups: Vec<Group>,
    /// Members that a group had to have: unknowns of a unit, or what excludes chance.
    pub needed: usize,
    /// Samples looked at: distinct, and not kept aside.
    pub looked_at: usize,
    /// Of these, the samples on which no unit is active.
    pub inactive: usize,
    /// Samples that would have been asked for, had the V found been known, for a failure probability of 1 %; `None` with biases, more
    /// units than inputs, or a V so badly conditioned that there is no such number. See [`expected_samples_for`].
    pub expected_samples: Option<u64>,
}

/// Labels of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// Labels of this direction.
    pub members: usize,
    /// Units taken from it: 1, or 0 where the sizes are not linear in the inputs; 2 for parallel columns of U that could be told apart.
    pub units: usize,
    /// Labels whose sizes are those of these units: samples on which one of them is alone.
    pub lone: usize,
}

impl OneSparse {
    /// Samples on which one of the units found is alone active.
    pub fn lone(&self) -> usize {
        self.groups.iter().map(|group| group.lone).sum()
    }
}

/// A linear function that labels of one direction agree on: a unit, or the sum of units on one line.
struct Candidate {
    group: usize,
    direction: Vec<f64>,
    weights: Vec<f64>,
    members: usize,
}

/// Recovers a network of any width from the samples on which one unit is alone active.
///
/// Of `settings`, [`Settings::width`] limits the number of groups to the largest so many (without it, the groups show the width), and
/// [`Settings::bias`], [`Settings::seed`] and [`Settings::holdout`] count as ever. [`Settings::method`] does not.
///
/// # Shapes
/// `samples` has m ≥ 2 outputs; the network returned is m × k × d, one unit for each group.
///
/// # Guarantee
/// For labels U f(Vx) with rank(V) = k and no column of U a positive multiple of another, and as many standard normal inputs as
/// [`expected_samples`] says, each unit has its group with the probability stated there. The verdict does not rest on
/// that: it is [`certify`]'s, on samples kept aside, for inputs of any distribution. A unit whose group is too small is missing, and
/// the verdict says so.
///
/// # Errors
/// [`FptError::SingleOutput`] for m = 1; [`FptError::CoarseLabels`] and [`FptError::NoLoneSamples`] when there are no groups;
/// [`FptError::Recover`] for an activation other than max(t, 0), too few samples, or a progress callback that breaks.
///
/// # Cost
/// A sort of n directions, systems of 2nd² operations together, and [`certify`]; about six copies of the data.
///
/// # Paper
/// Algorithm 8, Theorem 65, Lemma 64. The proof says that labels of two or more units lie in a cone of dimension two or more; for u and −u
/// among the columns of U, which the theorem allows, they lie on the line of u, and a group holds labels of both units too. Those
/// are told apart here, by their sizes. Further deviations: directions are compared to rounding, with groups large enough to exclude
/// chance; members that do not fit a group's linear system are outvoted; biases; inputs of any rank; U is solved for last, together with V, from the joint
/// system of all samples.
pub fn recover(
    samples: &Samples<'_>,
    settings: &Settings,
    progress: &mut Callback<'_>,
) -> Result<OneSparse, FptError> {
    settings.validate()?;
    if !settings.activation.is_relu() {
        let activation = settings.activation.name();
        let instead = "pursuit or lift";
        return Err(RecoverError::Activation { method: METHOD, activation, instead }.into());
    }
    if samples.m() == 1 {
        return Err(FptError::SingleOutput);
    }
    let Some(scaled) = Scaled::of(samples) else {
        return recover_scaled(samples, settings, progress);
    };
    let mut found = recover_scaled(&scaled.samples(), settings, progress)?;
    found.recovery.network = scaled.restore(&found.recovery.network)?;
    for unit in &mut found.recovery.report.units {
        unit.margin *= scaled.input_scale();
    }
    Ok(found)
}

fn recover_scaled(
    samples: &Samples<'_>,
    settings: &Settings,
    progress: &mut Callback<'_>,
) -> Result<OneSparse, FptError> {
    report(progress, 0, settings)?;
    let split = Split::of(samples, settings);
    if split.fit().is_empty() {
        return Err(RecoverError::TooFewSamples { n: 0, d: samples.d(), needed: 1 }.into());
    }
    let fit = Subset::of(samples, split.fit());
    let bias = settings.bias.fitted();
    let constant = if bias.output() { repeated_label(fit.a()) } else { vec![0.0; fit.a().nrows()] };
    let inactive = fit.a().col_iter().filter(|a| a.iter().eq(constant.iter())).count();
    let rounding = rounding_of(&fit.samples(), &constant)?;
    let directions = Directions::of(fit.a(), &constant, rounding);
    report(progress, 0, settings)?;
    let all: Vec<usize> = (0..fit.n()).collect();
    let unknowns = samples::input_rank(fit.x(), &all, bias.hidden())?;
    let count = directions.samples.len();
    let missing = |needed, largest| FptError::NoLoneSamples { directions: count, needed, largest };
    if count == 0 {
        return Err(missing(unknowns, 0));
    }
    let Some(least) = directions.least_group() else {
        if count <= unknowns {
            return Err(missing(unknowns, 0));
        }
        let precision = rounding.relative.max(rounding.absolute);
        return Err(FptError::CoarseLabels { precision, directions: count });
    };
    let needed = unknowns.max(least);
    let found = directions.groups(least, settings.seed);
    let largest = found.first().map_or(0, Vec::len);
    let size = product::frobenius(fit.x()) / (fit.n() as f64).sqrt();
    let level = if bias.hidden() && size > 0.0 { size } else { 1.0 };
    let lone =
        Lone { fit: &fit, constant: &constant, unknowns, needed, level: bias.hidden().then_some(level) };
    let mut candidates = Vec::new();
    for (group, members) in found.iter().enumerate() {
        report(progress, candidates.len(), settings)?;
        lone.solve(&directions, (group, members), settings.seed, &mut candidates)?;
    }
    let units = single_units(candidates, directions.angle, settings.width);
    if units.is_empty() {
        return Err(missing(needed, largest));
    }
    let of = |group: usize| units.iter().filter(move |unit| unit.group == group);
    let groups: Vec<Group> = (0..found.len())
        .map(|group| Group {
            members: found[group].len(),
            units: of(group).count(),
            lone: of(group).map(|unit| unit.members).sum(),
        })
        .collect();
    let network = assemble(&units, samples.d(), &constant, (bias, level))?;
    let mut recovery = certify(samples, &split, &network, settings, progress)?;
    recovery.report.method = METHOD.to_string();
    recovery.report.attempts = groups.len();
    let plain = recovery.network.b().is_none() && recovery.network.c().is_none();
    let unknowns = samples.d() + usize::from(bias.hidden());
    let expected_samples = plain
        .then(|| expected_samples_for(recovery.network.v(), unknowns, FAILURE_PROBABILITY).ok())
        .flatten();
    Ok(OneSparse { recovery, groups, needed, looked_at: fit.n(), inactive, expected_samples })
}

fn report(progress: &mut Callback<'_>, found: usize, settings: &Settings) -> Result<(), FptError> {
    let wanted = settings.width.unwrap_or(found);
    match progress(Progress { stage: "lone samples", found, wanted, attempts: found }) {
        std::ops::ControlFlow::Continue(()) => Ok(()),
        std::ops::ControlFlow::Break(()) => Err(RecoverError::Cancelled.into()),
    }
}

/// The label that is most often repeated, the first of them; zero when none is. Signs of zeros do not count.
fn repeated_label(a: MatRef<'_, f64>) -> Vec<f64> {
    let mut counts: HashMap<Vec<u64>, (usize, usize)> = HashMap::with_capacity(a.ncols());
    for (j, label) in a.col_iter().enumerate() {
        let bits = label.iter().map(|a| (a + 0.0).to_bits()).collect();
        counts.entry(bits).or_insert((0, j)).0 += 1;
    }
    let most = counts.into_values().max_by_key(|&(count, first)| (count, std::cmp::Reverse(first)));
    match most {
        Some((count, first)) if count > 1 => a.col(first).iter().copied().collect(),
        _ => vec![0.0; a.nrows()],
    }
}

/// What the labels were rounded by.
fn rounding_of(samples: &Samples<'_>, constant: &[f64]) -> Result<Rounding, FptError> {
    let single = samples.a().col_iter().all(|a| a.iter().all(|&a| tolerance::is_single_precision(&[a])));
    let relative = if single { tolerance::EPS_F32 / 2.0 } else { tolerance::EPS / 2.0 };
    let offset = relative * product::norm(constant);
    let decimals = LabelSpectrum::of(samples, false)?.decimal_error;
    // Rounding to a step errs by √3 times its root mean square at most.
    let step = if single { 0.0 } else { decimals.map_or(0.0, |error| 3f64.sqrt() * error) };
    Ok(Rounding { relative, absolute: offset + step })
}

/// What the linear systems of groups are of.
struct Lone<'a> {
    fit: &'a Subset,
    constant: &'a [f64],
    unknowns: usize,
    needed: usize,
    /// The constant beside the inputs, of their size, when a hidden bias is fitted.
    level: Option<f64>,
}

impl Lone<'_> {
    /// Adds the linear functions of a group.
    fn solve(
        &self,
        directions: &Directions,
        (group, members): (usize, &[usize]),
        seed: u64,
        candidates: &mut Vec<Candidate>,
    ) -> Result<(), LinalgError> {
        let (x, a) = (self.fit.x(), self.fit.a());
        let direction = directions.mean(members);
        let rows: Vec<usize> = members.iter().map(|&i| directions.samples[i]).collect();
        let d = x.nrows();
        let input = |i: usize, r: usize| if r < d { x[(r, rows[i])] } else { self.level.unwrap_or(1.0) };
        let inputs = Mat::from_fn(rows.len(), d + usize::from(self.level.is_some()), input);
        let size = |&j: &usize| -> f64 {
            (0..a.nrows()).map(|o| (a[(o, j)] - self.constant[o]) * direction[o]).sum()
        };
        let sizes: Vec<f64> = rows.iter().map(size).collect();
        let counts = (self.unknowns, self.needed);
        for population in populations(&inputs, &sizes, counts, directions.angle, seed)? {
            let (direction, members) = (direction.clone(), population.members.len());
            candidates.push(Candidate { group, direction, weights: population.weights, members });
        }
        Ok(())
    }
}

/// The candidates that are single units, those of the most members first.
///
/// Where columns of U lie on one line, labels of several of these units do too. With u and −su, both units active, the label is
/// (v − sv')x times u where that is positive and (sv' − v)x times −u where it is not: such a function is found on both rays, with opposite
/// signs. With u and su its function is the sum of the two others on the ray.
fn single_units(mut candidates: Vec<Candidate>, angle: f64, width: Option<usize>) -> Vec<Candidate> {
    let near = |a: &[f64], b: &[f64], sign: f64| {
        let apart: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - sign * b).collect();
        product::norm(&apart) <= angle.sqrt() * (product::norm(a) + product::norm(b))
    };
    let single = |i: usize| {
        let own = &candidates[i];
        let opposite = candidates
            .iter()
            .any(|p| near(&p.direction, &own.direction, -1.0) && near(&p.weights, &own.weights, -1.0));
        let beside: Vec<&Candidate> = candidates
            .iter()
            .enumerate()
            .filter_map(|(j, p)| (j != i && p.group == own.group).then_some(p))
            .collect();
        let sum = beside.iter().enumerate().any(|(j, p)| {
            beside[..j].iter().any(|q| {
                let both: Vec<f64> = p.weights.iter().zip(&q.weights).map(|(p, q)| p + q).collect();
                near(&both, &own.weights, 1.0)
            })
        });
        !opposite && !sum
    };
    let keep: Vec<bool> = (0..candidates.len()).map(single).collect();
    let mut kept = keep.iter();
    candidates.retain(|_| *kept.next().expect("one for each candidate"));
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.members));
    candidates.truncate(width.unwrap_or(usize::MAX));
    candidates
}

/// The network of the units found; `level` is the constant beside the inputs.
fn assemble(
    units: &[Candidate],
    d: usize,
    constant: &[f64],
    (bias, level): (BiasKind, f64),
) -> Result<Network, FptError> {
    let (m, k) = (constant.len(), units.len());
    let u = Mat::from_fn(m, k, |o, i| units[i].direction[o]);
    let v = Mat::from_fn(k, d, |i, r| units[i].weights[r]);
    let b = bias.hidden().then(|| units.iter().map(|unit| level * unit.weights[d]).collect());
    let c = bias.output().then(|| constant.to_vec());
    Network::new(u, v, b, c)
        .map_err(|_| LinalgError::NoConvergence { what: "systems of lone samples", rows: k, cols: d }.into())
}
