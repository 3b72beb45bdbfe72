//! Exact recovery from labels of which a sparse part is grossly wrong (Appendix G): A = U f(VX + b1') + c1' + E.
//!
//! The right labels lie in a space of dimension k, or k + 1 with an output bias, of the m outputs; the errors E do not. Once that space
//! is known to rounding, each sample is decoded in it by itself: labels that agree are right, the others are errors. Exact recovery then
//! runs on samples without errors, or with errors mended where there are too few, and the network found is held against every label.
//!
//! | module | what | paper |
//! |---|---|---|
//! | [`rpca`] | principal component pursuit: rank, and labels under suspicion | Theorem 83 |
//! | `block`, `space` | the label space to rounding, by consensus of small blocks | beyond the paper |
//! | `robust` | linear systems some of whose equations are wrong | |
//! | `used` | exact recovery from the samples decoded, or parts of them | |
//! | `check`, `further` | the network against all labels; whether the errors may be something else | |
//! | [`Incoherence`] | what the theorem assumes, measured | Definition 80 |

use std::fmt;

use orthant_estimate::{Callback, Reporter};
use orthant_exact::{Recovery, Settings, Verdict, recover};
use orthant_linalg::{Mat, MatRef, product};
use orthant_network::Samples;

use crate::NoisyError;
use crate::recover::quick_settings;

mod block;
mod check;
mod further;
mod incoherence;
mod robust;
pub mod rpca;
mod space;
mod used;
mod working;

pub use check::Doubt;
pub use incoherence::Incoherence;

use rpca::{Rpca, RpcaSettings, principal_component_pursuit};
use space::{Explanation, Search};
use used::{Used, recover_from};
use working::Working;

/// Samples that the label space is sought in, at least where there are as many.
const WORKING_SAMPLES: usize = 4000;

/// Samples for each weight of a unit.
const WORKING_PER_WEIGHT: usize = 64;

/// Labels beyond this, relative to their output's median, tell pursuit no more than that they are large.
const LARGEST_FOR_PURSUIT: f64 = 1e3;

/// Growth of the penalty in pursuit: with 1.5 the iterations end short of the optimum on labels of rectified networks.
const GROWTH: f64 = 1.2;

/// Relative error of the low-rank part up to which pursuit has found it.
const PURSUED: f64 = 1e-3;

/// One wrong label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GrossError {
    /// The output, from 0.
    pub output: usize,
    /// The sample, from 0.
    pub sample: usize,
    /// What was added to the right label.
    pub value: f64,
}

/// What found the label space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Principal component pursuit, made exact by consensus.
    Pursuit,
    /// Consensus; principal component pursuit was wrong.
    Consensus,
    /// Nothing: the labels were taken as they are.
    AsGiven,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Route::Pursuit => "principal component pursuit",
            Route::Consensus => "consensus",
            Route::AsGiven => "none",
        })
    }
}

/// A network recovered in spite of gross errors, and the errors.
#[derive(Debug, Clone)]
pub struct SparseRecovery {
    /// The network, with the report on the samples it was recovered from. Its verdict is lowered to `approximate` where there is a
    /// [`doubt`](SparseRecovery::doubt).
    pub recovery: Recovery,
    /// The wrong labels, by samples and then outputs. With the verdict `exact` (also `exact on the samples`) they are those that the network
    /// does not explain; otherwise those that do not fit the label space.
    pub errors: Vec<GrossError>,
    /// Why the verdict was lowered.
    pub doubt: Option<Doubt>,
    /// Samples without errors among those the network was recovered from.
    pub clean_samples: usize,
    /// Samples with errors among them: their labels were mended.
    pub mended_samples: usize,
    /// Samples that neither the network nor the label space explains, so that their errors are not told. Empty with the verdict `exact`.
    pub undecided_samples: Vec<usize>,
    /// Dimension of the label space (0 where none was found): k, and one more with an output bias.
    pub rank: usize,
    /// Incoherence of the right labels, measured on the samples that were looked at.
    pub incoherence: Option<Incoherence>,
    /// What found the label space.
    pub route: Route,
    /// |L − right labels| / |right labels| for the low-rank part L of principal component pursuit, each output in a scale of its own.
    pub pursuit_error: Option<f64>,
    /// Iterations of principal component pursuit.
    pub pursuit_iterations: usize,
}

/// Recovers a network from labels of which a sparse part is wrong by any amount.
///
/// # Shapes
/// `samples` is n inputs of dimension d with labels of dimension m, which must exceed the dimension of the label space: k, or k + 1 with
/// an output bias.
///
/// # Guarantee
/// The verdict `exact` is that of [`orthant_exact::recover`] on samples whose labels agree to rounding, and says besides that the network
/// explains to rounding more than half of the labels of each output, with the others spread over the samples as errors at random
/// positions are. Same samples, same settings, same bits, for any number of threads.
///
/// `exact` therefore rests on Definition 79: errors at random positions. Where that fails, the verdict can be `exact` and the network
/// not the one that made the labels: a hidden unit that one output alone shows is told from errors when it acts on d + 5 samples of that
/// output and most of the errors there are its own, but one active on 37 samples among 40 random errors of the same output was taken
/// for 77 errors; and where more than half of an output's labels are wrong in one consistent way (scaled, say), those count as right.
///
/// Samples that are wrong at all outputs are a [`Doubt`], with the right network where there are so many samples that one of eight parts
/// of them is free of such ones: up to seven with 80 samples for each weight of a unit.
///
/// # Errors
/// [`NoisyError`]. Labels that no network explains are not an error: the verdict says so.
///
/// # Cost
/// Pursuit and consensus look at 4000 samples, or 64 for each weight of a unit where that is more; their cost does not grow with n. Then
/// exact recovery on those samples, on disjoint parts of them where it is not exact (three times the same again), and two forward passes
/// over all. Memory for some ten copies of the samples looked at, and the errors.
///
/// # Paper
/// Corollary 84. Pursuit alone needs m much larger than k; consensus goes on below that limit, down to m = k + 3 as long as small blocks
/// without errors can be found by chance: (1 − p)^(k (k + 2)) not below about 1/1000 for a part p of wrong labels that pursuit does not point
/// at. Output biases are one more dimension, since means are not robust.
pub fn recover_sparse(
    samples: &Samples<'_>,
    settings: &Settings,
    callback: &mut Callback<'_>,
) -> Result<SparseRecovery, NoisyError> {
    match recover_located(samples, settings, callback)? {
        Ok(found) => Ok(found),
        Err(nothing) => as_given(samples, settings, &nothing, callback),
    }
}

/// What was looked at where no label space was found.
pub(crate) struct NoLabelSpace {
    working: Working,
    pursuit_iterations: usize,
}

/// [`recover_sparse`] where there is a label space with dimensions to spare.
pub(crate) fn recover_located(
    samples: &Samples<'_>,
    settings: &Settings,
    callback: &mut Callback<'_>,
) -> Result<Result<SparseRecovery, NoLabelSpace>, NoisyError> {
    settings.validate()?;
    let width = settings.width.unwrap_or(0).min(samples.m());
    let weights = samples.d() + 1 + width;
    let limit = WORKING_SAMPLES.max(WORKING_PER_WEIGHT * weights);
    let working = Working::draw(samples.a(), limit, settings.seed);
    let (pursuit, explanation) = label_space(&working, settings, &mut Reporter::new(callback))?;
    let Some(explanation) = explanation else {
        return Ok(Err(NoLabelSpace { working, pursuit_iterations: pursuit.iterations }));
    };
    let (recovery, used) = recover_from(samples, settings, &working, &explanation, callback)?;
    let mut found = SparseRecovery {
        recovery,
        errors: Vec::new(),
        doubt: None,
        clean_samples: used.clean,
        mended_samples: used.samples.len() - used.clean,
        undecided_samples: Vec::new(),
        rank: explanation.space.rank(),
        incoherence: None,
        route: Route::Consensus,
        pursuit_error: None,
        pursuit_iterations: pursuit.iterations,
    };
    let right = RightLabels::of(&working, &explanation);
    found.incoherence = Incoherence::of(right.basis.as_ref(), right.coordinates.as_ref())?;
    let error = right.relative_error(&pursuit, &working);
    found.pursuit_error = Some(error);
    if error <= PURSUED {
        found.route = Route::Pursuit;
    }
    if matches!(found.recovery.report.verdict, Verdict::Exact | Verdict::ExactOnSamples) {
        hold_against_all(&mut found, samples, &working, &used);
    } else {
        decode_all(&mut found, samples, &working, &explanation, settings.seed);
    }
    Ok(Ok(found))
}

/// Pursuit, then the label space to rounding by consensus.
fn label_space(
    working: &Working,
    settings: &Settings,
    reporter: &mut Reporter<'_>,
) -> Result<(Rpca, Option<Explanation>), NoisyError> {
    let (m, n) = (working.m(), working.n());
    let cut = LARGEST_FOR_PURSUIT;
    let bounded = Mat::from_fn(m, n, |o, j| working.a[(o, j)].clamp(-cut, cut));
    let pursuit = RpcaSettings { seed: settings.seed, growth: GROWTH, ..RpcaSettings::default() };
    let pursuit = principal_component_pursuit(bounded.as_ref(), &pursuit, reporter)?;
    let suspects: Vec<bool> = (0..n * m).map(|at| pursuit.sparse[(at % m, at / m)] != 0.0).collect();
    let s = &pursuit.singular_values;
    let ratio = |r: usize| s[r] / s[r - 1];
    let gap = (1..s.len()).min_by(|&p, &q| ratio(p).total_cmp(&ratio(q))).unwrap_or(pursuit.rank);
    let mut hints = vec![pursuit.rank, gap];
    if let Some(width) = settings.width {
        hints.extend([width + usize::from(settings.bias.fitted().output()), width]);
    }
    let search = Search { working, suspects: Some(&suspects), seed: settings.seed };
    let explanation = search.explain(&hints, reporter)?;
    Ok((pursuit, explanation))
}

/// The label of an output at a point of the label space, in the scale of [`Working`].
fn at(basis: MatRef<'_, f64>, output: usize, x: &[f64]) -> f64 {
    basis.row(output).iter().zip(x).map(|(w, x)| w * x).sum()
}

/// Exact recovery from the labels as they are, where no label space with dimensions to spare is found.
fn as_given(
    samples: &Samples<'_>,
    settings: &Settings,
    nothing: &NoLabelSpace,
    callback: &mut Callback<'_>,
) -> Result<SparseRecovery, NoisyError> {
    let NoLabelSpace { working, pursuit_iterations } = nothing;
    let recovery = recover(samples, &quick_settings(samples, settings)?, callback)?;
    let clean = matches!(recovery.report.verdict, Verdict::Exact | Verdict::ExactOnSamples);
    Ok(SparseRecovery {
        recovery,
        errors: Vec::new(),
        doubt: None,
        clean_samples: if clean { samples.n() } else { 0 },
        mended_samples: 0,
        undecided_samples: if clean { Vec::new() } else { (0..samples.n()).collect() },
        rank: 0,
        incoherence: if clean {
            Incoherence::of(working.a.as_ref(), Mat::identity(working.n(), working.n()).as_ref())?
        } else {
            None
        },
        route: Route::AsGiven,
        pursuit_error: None,
        pursuit_iterations: *pursuit_iterations,
    })
}

/// The right labels of the samples decoded, as basis · coordinates'.
struct RightLabels {
    /// m × r, in the scale of the labels.
    basis: Mat<f64>,
    /// n' × r.
    coordinates: Mat<f64>,
    /// Positions of those samples in [`Working`].
    positions: Vec<usize>,
}

impl RightLabels {
    fn of(working: &Working, explanation: &Explanation) -> RightLabels {
        let basis = explanation.space.basis.as_ref();
        let decoded: Vec<_> =
            explanation.decoded.iter().enumerate().filter_map(|(j, d)| d.as_ref().map(|d| (j, d))).collect();
        RightLabels {
            basis: Mat::from_fn(basis.nrows(), basis.ncols(), |o, l| working.scale[o] * basis[(o, l)]),
            coordinates: Mat::from_fn(decoded.len(), basis.ncols(), |i, l| decoded[i].1.x[l]),
            positions: decoded.iter().map(|(j, _)| *j).collect(),
        }
    }

    /// The relative error of the low-rank part that pursuit found.
    fn relative_error(&self, pursuit: &Rpca, working: &Working) -> f64 {
        let (m, rank) = self.basis.shape();
        let scaled = Mat::from_fn(m, rank, |o, l| self.basis[(o, l)] / working.scale[o]);
        let right = product::matmul(scaled.as_ref(), self.coordinates.transpose());
        let error = Mat::from_fn(m, self.positions.len(), |o, i| {
            pursuit.low_rank[(o, self.positions[i])] - right[(o, i)]
        });
        let size = product::frobenius(right.as_ref());
        if size == 0.0 { 0.0 } else { product::frobenius(error.as_ref()) / size }
    }
}

/// Errors are what the network does not explain; the verdict stands if that is little enough.
fn hold_against_all(found: &mut SparseRecovery, samples: &Samples<'_>, working: &Working, used: &Used) {
    let network = &found.recovery.network;
    let fitted = check::largest_residual(network, used.x.as_ref(), used.a.as_ref(), &working.scale);
    let against = check::disagreements(network, samples, &working.scale, fitted, working.precision);
    found.doubt = check::doubt(&against, samples);
    found.errors = against.errors;
    if found.doubt.is_some() {
        found.recovery.report.verdict = Verdict::Approximate;
    }
}

/// Errors are what does not fit the label space.
fn decode_all(
    found: &mut SparseRecovery,
    samples: &Samples<'_>,
    working: &Working,
    explanation: &Explanation,
    seed: u64,
) {
    let basis = explanation.space.basis.as_ref();
    for sample in 0..samples.n() {
        let labels = working.scaled(samples.a(), sample);
        match explanation.space.decode(&labels, &working.scale, None, seed, sample) {
            Some(decoded) => found.errors.extend(decoded.errors.iter().map(|&output| GrossError {
                output,
                sample,
                value: samples.a()[(output, sample)] - working.scale[output] * at(basis, output, &decoded.x),
            })),
            None => found.undecided_samples.push(sample),
        }
    }
}
