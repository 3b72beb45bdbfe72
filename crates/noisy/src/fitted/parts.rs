//! Which samples the search sees, which are held out, and whether they determine a width.

use orthant_linalg::random;
use orthant_network::{Samples, Subset};
use rand::seq::{SliceRandom, index};

use crate::error::NoisyError;
use crate::fit::Clipping;
use crate::search::prune::SOLVER;
use crate::settings::Settings;

/// Samples that the search for the optimum sees at most, for each weight of a unit and label: the optimum over these lies within the
/// basin of that over all, unless units are so weak that these samples do not show them.
const SEARCH_SAMPLES_PER_DIMENSION: usize = 100;

/// And at least so many, if there are.
const LEAST_SEARCH_SAMPLES: usize = 4000;

/// Fraction of the samples held out by default.
const DEFAULT_HOLDOUT: f64 = 0.02;

/// The fewest and the most samples held out by default.
const HELD_OUT: std::ops::RangeInclusive<usize> = 4..=1000;

/// Equations for each weight in the samples searched, where a width is given and there are as many.
const EQUATIONS_PER_WEIGHT: usize = 24;

/// Operations of the shortest search beyond which a width is refused: hours.
const MOST_OPERATIONS: f64 = 1e14;

/// Steps of the shortest search: four starts.
const LEAST_STEPS: f64 = 160.0;

/// Weights of a network of a width.
fn unknowns(samples: &Samples<'_>, width: usize, settings: &Settings) -> usize {
    let bias = settings.exact.bias.fitted();
    let (inputs, m) = (samples.d() + usize::from(bias.hidden()), samples.m());
    width * (inputs + m - 1) + usize::from(bias.output()) * m
}

/// The samples that a search with this width sees, not counting that there may be fewer.
fn samples_searched(samples: &Samples<'_>, settings: &Settings) -> usize {
    let for_width = settings
        .exact
        .width
        .map_or(0, |width| (EQUATIONS_PER_WEIGHT * unknowns(samples, width, settings)).div_ceil(samples.m()));
    LEAST_SEARCH_SAMPLES.max(SEARCH_SAMPLES_PER_DIMENSION * (samples.d() + samples.m())).max(for_width)
}

/// Refuses a width that the samples cannot determine, or that no search would end for.
pub(super) fn check_width(
    samples: &Samples<'_>,
    width: usize,
    settings: &Settings,
) -> Result<(), NoisyError> {
    let (n, m) = (samples.n(), samples.m());
    let unknowns = unknowns(samples, width, settings);
    if n * m < unknowns {
        return Err(NoisyError::TooFewSamples { n, unknowns, needed: unknowns.div_ceil(m) });
    }
    let inputs = samples.d() + usize::from(settings.exact.bias.fitted().hidden());
    let seen = n.min(samples_searched(samples, settings));
    // Starts have half as many units to spare on average.
    if LEAST_STEPS * SOLVER.operations(seen, inputs, (3 * width).div_ceil(2), m) > MOST_OPERATIONS {
        return Err(NoisyError::Setting {
            name: "width",
            value: width as f64,
            allowed: "fewer units: a search with so many takes over 10^14 operations on these samples",
        });
    }
    Ok(())
}

/// The samples that the search sees and those held out from it: drawn at random, disjoint, copied.
pub(super) struct Parts {
    pub(super) searched: Subset,
    pub(super) checked: Subset,
}

impl Parts {
    pub(super) fn draw(samples: &Samples<'_>, clipping: Option<&Clipping>, settings: &Settings) -> Parts {
        let (n, dimensions) = (samples.n(), samples.d() + samples.m());
        let held_out = match settings.exact.holdout {
            Some(fraction) => ((fraction * n as f64).ceil() as usize).min(*HELD_OUT.end()),
            None => ((DEFAULT_HOLDOUT * n as f64).ceil() as usize).clamp(*HELD_OUT.start(), *HELD_OUT.end()),
        };
        // The search comes first where there are few samples.
        let held_out = held_out.min(n.saturating_sub(2 * dimensions)).min(n / 2);
        // As many as determine a width that was asked for, where all together do.
        let needed = settings.exact.width.map_or(0, |width| unknowns(samples, width, settings));
        let held_out = held_out.min(n.saturating_sub(needed.div_ceil(samples.m())));
        let searched = samples_searched(samples, settings).min(n - held_out);
        let rng = &mut random::stream(settings.exact.seed, "samples searched", 0);
        let mut drawn = index::sample(rng, n, searched + held_out).into_vec();
        drawn.shuffle(rng);
        let mut checked = drawn.split_off(searched);
        if let Some(clipping) = clipping {
            // Starts take labels at a bound for what they are; there may be enough without.
            let whole = |&j: &usize| {
                let labels = samples.a().col(j).iter().enumerate();
                labels.filter(|&(o, &a)| clipping.at_bound(o, a)).count() == 0
            };
            let unclipped: Vec<usize> = drawn.iter().copied().filter(whole).collect();
            if unclipped.len() >= UNCLIPPED_SAMPLES_PER_DIMENSION * dimensions {
                drawn = unclipped;
            }
        }
        drawn.sort_unstable();
        checked.sort_unstable();
        Parts { searched: Subset::of(samples, &drawn), checked: Subset::of(samples, &checked) }
    }
}

/// The search makes do with samples that have no label at a bound if there are this many for each input and output.
const UNCLIPPED_SAMPLES_PER_DIMENSION: usize = 10;
