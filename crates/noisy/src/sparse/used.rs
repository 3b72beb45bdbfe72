//! Exact recovery from samples decoded in the label space.

use orthant_estimate::Callback;
use orthant_exact::{Reason, Recovery, Settings, Verdict, recover};
use orthant_linalg::{Mat, random, tolerance};
use orthant_network::Samples;
use rand::seq::SliceRandom;

use super::at;
use super::space::Explanation;
use super::working::Working;
use crate::NoisyError;

/// Samples without errors, for each weight of a unit, that are enough to leave mended ones out.
const CLEAN_PER_WEIGHT: usize = 20;

/// Which of the samples decoded are used.
#[derive(Clone, Copy)]
enum Taken<'a> {
    All,
    /// Those without errors.
    Clean,
    /// Those at these positions, ascending.
    Some(&'a [usize]),
}

/// The samples that a network was recovered from.
pub(super) struct Used {
    /// Their indices.
    pub(super) samples: Vec<usize>,
    /// How many of them had no error.
    pub(super) clean: usize,
    pub(super) x: Mat<f64>,
    /// Labels, mended where they were wrong.
    pub(super) a: Mat<f64>,
}

impl Used {
    fn of(samples: &Samples<'_>, working: &Working, explanation: &Explanation, of: Taken<'_>) -> Used {
        let mut taken = Vec::new();
        for (j, decoded) in explanation.decoded.iter().enumerate() {
            let wanted = match of {
                Taken::All => true,
                Taken::Clean => decoded.as_ref().is_some_and(|d| d.errors.is_empty()),
                Taken::Some(chosen) => chosen.binary_search(&j).is_ok(),
            };
            if let Some(decoded) = decoded.as_ref().filter(|_| wanted) {
                taken.push((j, decoded));
            }
        }
        let x = Mat::from_fn(samples.d(), taken.len(), |r, i| samples.x()[(r, working.samples[taken[i].0])]);
        let mut a =
            Mat::from_fn(samples.m(), taken.len(), |o, i| samples.a()[(o, working.samples[taken[i].0])]);
        for (i, (_, decoded)) in taken.iter().enumerate() {
            for &o in &decoded.errors {
                let mended = working.scale[o] * at(explanation.space.basis.as_ref(), o, &decoded.x);
                // Among labels of single precision it is one, too.
                let single = f64::from(mended as f32);
                let is_single = working.precision > tolerance::EPS && single.is_finite();
                a[(o, i)] = if is_single { single } else { mended };
            }
        }
        let clean = taken.iter().filter(|(_, decoded)| decoded.errors.is_empty()).count();
        Used { samples: taken.iter().map(|(j, _)| working.samples[*j]).collect(), clean, x, a }
    }
}

/// How many disjoint parts of the samples are tried when recovery from all of them is not exact: one of them is free of a bad sample, or
/// of three, or seven.
const PARTS: [usize; 3] = [2, 4, 8];

/// Samples for each weight of a unit in a part.
const PART_PER_WEIGHT: usize = 10;

/// Exact recovery from samples without errors where they are many, and else, or when that is not exact, from all that were decoded.
///
/// A sample may be wrong as a whole and yet lie in the label space: all labels zero, for one. Where recovery from all samples is not
/// exact, disjoint parts of them are tried; one that has no such sample shows the network, which then shows the sample.
pub(super) fn recover_from(
    samples: &Samples<'_>,
    settings: &Settings,
    working: &Working,
    explanation: &Explanation,
    callback: &mut Callback<'_>,
) -> Result<(Recovery, Used), NoisyError> {
    let is_clean = |j: &usize| explanation.decoded[*j].as_ref().is_some_and(|d| d.errors.is_empty());
    let mut pool: Vec<usize> = (0..explanation.decoded.len()).filter(is_clean).collect();
    let clean = pool.len();
    let all = explanation.decoded.len() - explanation.undecided;
    let enough = CLEAN_PER_WEIGHT * (samples.d() + explanation.space.rank() + 1);
    let mut run = |of: Taken<'_>| -> Result<(Recovery, Used), NoisyError> {
        let used = Used::of(samples, working, explanation, of);
        let cleaned = Samples::new(used.x.as_ref(), used.a.as_ref())
            .expect("decoded labels are finite, and there are some");
        Ok((recover(&cleaned, settings, callback)?, used))
    };
    if clean < all && clean >= enough {
        let found = run(Taken::Clean)?;
        if found.0.report.verdict == Verdict::Exact {
            return Ok(found);
        }
    }
    let whole = run(Taken::All)?;
    let report = &whole.0.report;
    let is_settled = matches!(report.verdict, Verdict::Exact | Verdict::ExactOnSamples)
        || report.reason == Reason::ConstantLabels
        || settings.width.is_some_and(|width| width < explanation.space.rank().saturating_sub(1));
    if is_settled {
        return Ok(whole);
    }
    if clean < enough {
        pool = (0..explanation.decoded.len()).filter(|&j| explanation.decoded[j].is_some()).collect();
    }
    pool.shuffle(&mut random::stream(settings.seed, "sparse parts", 0));
    let least = PART_PER_WEIGHT * (samples.d() + explanation.space.rank() + 1);
    for parts in PARTS.into_iter().filter(|parts| pool.len() / parts >= least) {
        for part in pool.chunks(pool.len().div_ceil(parts)) {
            let mut chosen = part.to_vec();
            chosen.sort_unstable();
            let found = run(Taken::Some(&chosen))?;
            if found.0.report.verdict == Verdict::Exact {
                return Ok(found);
            }
        }
    }
    Ok(whole)
}
