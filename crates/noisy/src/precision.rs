//! What labels lost before they came here: digits, to a coarser number format or a step, and their ends, to clipping.
//!
//! All of this is read off the labels alone, without a network. It says what the labels look like: labels of small integer weights
//! and inputs are integers too, without having been rounded. Labels that a network fits to their last digit were not rounded,
//! whatever they look like.

use std::fmt;

use orthant_linalg::{product, tolerance};
use orthant_network::Samples;

mod clipping;
mod grid;

use self::clipping::bounds;
use self::grid::Grid;
use crate::fit::Clipping;

/// How labels were rounded.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum PrecisionKind {
    /// No coarser than `f64`.
    Exact64,
    /// To single precision.
    Float32,
    /// To half precision (IEEE 754 binary16).
    Float16,
    /// To the upper half of single precision.
    Bfloat16,
    /// To a number of decimal places.
    Decimal {
        /// Digits after the point, 0 to 12.
        places: u32,
    },
    /// To multiples of a step from some offset.
    Step {
        /// The step of each output; 0 for one that takes fewer than five values.
        steps: Vec<f64>,
    },
}

impl fmt::Display for PrecisionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PrecisionKind::Exact64 => f.write_str("float64"),
            PrecisionKind::Float32 => f.write_str("float32"),
            PrecisionKind::Float16 => f.write_str("float16"),
            PrecisionKind::Bfloat16 => f.write_str("bfloat16"),
            PrecisionKind::Decimal { places } => write!(f, "{places} decimal places"),
            PrecisionKind::Step { .. } => f.write_str("multiples of a step"),
        }
    }
}

/// What labels lost.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelPrecision {
    /// The rounding; of several that the labels show, the coarsest.
    pub kind: PrecisionKind,
    /// Root mean square of the rounding errors, over all entries that are not clipped: each is uniform over the spacing of the numbers
    /// at its place, and so has a standard deviation of 1/√12 of that.
    pub noise_std: f64,
    /// The same for each output.
    pub output_noise: Vec<f64>,
    /// The bounds, if any.
    pub clipping: Option<Clipping>,
    /// Fraction of the entries that lie at a bound.
    pub clipped_fraction: f64,
}

/// A binary floating-point format.
#[derive(Debug, Clone, Copy)]
struct Format {
    /// Significant binary digits.
    digits: i32,
    /// Logarithm of the least positive number.
    least: i32,
    /// The largest number.
    largest: f64,
}

impl Format {
    const SINGLE: Format = Format { digits: 24, least: -149, largest: f32::MAX as f64 };
    const HALF: Format = Format { digits: 11, least: -24, largest: 65504.0 };
    const BRAIN: Format = Format { digits: 8, least: -133, largest: 3.389_531_389_251_535_5e38 };

    /// Distance of neighbouring numbers at a value.
    fn spacing(self, value: f64) -> f64 {
        // The exponent of a subnormal f64 comes out too large, which is far below every format's least number.
        let exponent = ((value.to_bits() >> 52) & 0x7ff) as i32 - 1023;
        2f64.powi((exponent + 1 - self.digits).max(self.least))
    }

    /// Whether the value is a number of this format.
    fn holds(self, value: f64) -> bool {
        value.abs() <= self.largest && (value / self.spacing(value)).fract() == 0.0
    }
}

/// Decimal places that labels are tried for: with more, a multiple of the step is every `f64` of usual size.
const MAX_PLACES: i32 = 12;

/// Different values, in the labels that are looked at first, below which no rounding is claimed.
const LEAST_VALUES: usize = 5;

/// Bits by which labels must show a rounding: values without it would do so with probability 2⁻¹⁰⁰. Of the steps that could be
/// tried there are 2⁵⁵ or so, which leaves 2⁻⁴⁵ for a false alarm.
const EVIDENCE: f64 = 100.0;

/// Samples that candidates for steps are derived from, and in which different values are counted.
const SAMPLE: usize = 4096;

/// Finds how labels were rounded, and whether they were clipped.
///
/// # Shapes
/// Only the labels of `samples` are looked at; bounds are for each of the m outputs.
///
/// # Guarantee
/// - A rounding is one that every label conforms to (but those at a bound), so labels rounded to a format or to at most 12 places are
///   always found to be, or to be rounded more coarsely, when five of their first 4096 values differ and they carry 100 bits of
///   evidence. Steps are found when they are at least 2¹⁵ times the rounding errors of the largest value.
/// - Values drawn from a density are taken for rounded with probability 2⁻⁴⁵ at most.
/// - A bound is the extreme value of an output that at least four samples attain, where values do not repeat; where they do (as after
///   rounding), more than twice as many as attain the next four values together, which at least nine are. With a density that does not
///   rise towards its end, rounded to a step, this is a false alarm with probability below 10⁻⁴ for each end of an output. A bound of
///   one output is that of every other whose extreme value it is, however rarely attained.
///
/// Labels that are zero because all units are inactive are zero in all outputs at once, and such samples are no evidence of a bound.
/// An output of weights of one sign on only some of the units, or a single output, is still taken for clipped at zero. That does no
/// harm: labels without noise need no bound, noise would have moved zeros, and for weights of one sign the statement that the
/// network's output is at most zero is the statement that it is zero.
///
/// # Cost
/// Four passes of a few operations per label, sequential; sorting of 4096 values per output; memory independent of n.
///
/// # Paper
/// None: the paper has real numbers.
pub fn label_precision(samples: &Samples<'_>) -> LabelPrecision {
    let (n, m) = (samples.n(), samples.m());
    let first = Sample::of(samples);
    let clipping = bounds(samples, &first);
    let is_clipped = |o: usize, a: f64| clipping.at_bound(o, a);
    let scan = Scan::of(samples, &is_clipped);
    let values: Vec<f64> = {
        let mut all: Vec<f64> = (0..m)
            .flat_map(|o| first.values[o].iter().copied().filter(move |&a| a != 0.0 && !is_clipped(o, a)))
            .collect();
        all.sort_by(f64::total_cmp);
        all.dedup();
        all
    };
    let mut best = (PrecisionKind::Exact64, scan.noise(|sums| sums.double));
    let mut consider = |kind: PrecisionKind, noise: Vec<f64>| {
        if product::norm(&noise) > product::norm(&best.1) * (1.0 + tolerance::EPS_F32) {
            best = (kind, noise);
        }
    };
    if values.len() >= LEAST_VALUES {
        let formats = [
            (PrecisionKind::Float32, Format::SINGLE, scan.noise(|sums| sums.single)),
            (PrecisionKind::Float16, Format::HALF, scan.noise(|sums| sums.half)),
            (PrecisionKind::Bfloat16, Format::BRAIN, scan.noise(|sums| sums.brain)),
        ];
        for (which, (kind, format, noise)) in formats.into_iter().enumerate() {
            let bits = f64::from(53 - format.digits) * values.len() as f64;
            if scan.holds[which] && bits >= EVIDENCE {
                consider(kind, noise);
            }
        }
        for (spacing, places) in [(tolerance::EPS, scan.places), (tolerance::EPS_F32, scan.places_single)] {
            let Some(places) = places else { continue };
            if spacing == tolerance::EPS_F32 && !scan.holds[0] {
                continue;
            }
            let step = 10f64.powi(-places);
            let bits = |a: &f64| -(4.0 * spacing * (a / step).abs()).log2();
            if values.iter().map(|a| bits(a).max(0.0)).sum::<f64>() >= EVIDENCE {
                let varies = |o: usize| if first.values[o].is_empty() { 0.0 } else { step / 12f64.sqrt() };
                consider(PrecisionKind::Decimal { places: places as u32 }, (0..m).map(varies).collect());
            }
        }
    }
    if let Some(steps) = steps(samples, &first, &scan, &is_clipped) {
        let noise = steps.iter().map(|step| step / 12f64.sqrt()).collect();
        consider(PrecisionKind::Step { steps }, noise);
    }
    let (kind, output_noise) = best;
    let noise_std = product::norm(&output_noise) / (m as f64).sqrt();
    let clipped_fraction = scan.clipped as f64 / (n as f64 * m as f64);
    let clipping = (scan.clipped > 0).then_some(clipping);
    LabelPrecision { kind, noise_std, output_noise, clipping, clipped_fraction }
}

/// The step of each output, if all that take enough values have one.
fn steps(
    samples: &Samples<'_>,
    first: &Sample,
    scan: &Scan,
    is_clipped: &impl Fn(usize, f64) -> bool,
) -> Option<Vec<f64>> {
    let spacing = if scan.holds[0] { tolerance::EPS_F32 } else { tolerance::EPS };
    let values: Vec<Vec<f64>> = (0..samples.m())
        .map(|o| first.values[o].iter().copied().filter(|&a| !is_clipped(o, a)).collect())
        .collect();
    let mut grids = Vec::with_capacity(samples.m());
    for (values, sums) in values.iter().zip(&scan.sums) {
        let enough = values.len() >= LEAST_VALUES;
        grids.push(if enough { Some(Grid::of(values, 4.0 * spacing * sums.largest)?) } else { None });
    }
    for sample in samples.a().col_iter() {
        for (o, grid) in grids.iter_mut().enumerate() {
            if let Some(grid) = grid
                && !is_clipped(o, sample[o])
                && !grid.extend(sample[o])
            {
                return None;
            }
        }
    }
    let is_evident = |(grid, values): (&Option<Grid>, &Vec<f64>)| {
        grid.as_ref().is_none_or(|grid| grid.evidence(values) >= EVIDENCE)
    };
    if grids.iter().all(Option::is_none) || !grids.iter().zip(&values).all(is_evident) {
        return None;
    }
    Some(grids.iter().map(|grid| grid.as_ref().map_or(0.0, Grid::step)).collect())
}

/// The different values of each output in the first samples, ascending, and how many of them there are altogether.
struct Sample {
    values: Vec<Vec<f64>>,
    /// Whether values other than the extreme ones and zero repeat.
    repeats: Vec<bool>,
}

impl Sample {
    fn of(samples: &Samples<'_>) -> Sample {
        let count = samples.n().min(SAMPLE);
        let (mut values, mut repeats) = (Vec::new(), Vec::new());
        for o in 0..samples.m() {
            // −0 and 0 are one value.
            let mut all: Vec<f64> = (0..count).map(|j| samples.a()[(o, j)] + 0.0).collect();
            all.sort_by(f64::total_cmp);
            let (least, most) = (all[0], all[count - 1]);
            repeats
                .push(all.windows(2).any(|w| w[0] == w[1] && w[0] != least && w[0] != most && w[0] != 0.0));
            all.dedup();
            values.push(all);
        }
        Sample { values, repeats }
    }
}

/// What one pass over all labels shows.
struct Scan {
    /// Whether all labels are numbers of single, half and brain precision.
    holds: [bool; 3],
    /// Least number of decimal places that all labels have, when stored in `f64` and in `f32`.
    places: Option<i32>,
    places_single: Option<i32>,
    sums: Vec<Sums>,
    /// Power of two that the sums are of.
    scale: f64,
    clipped: usize,
}

/// Sums over the entries of an output, without those at a bound, of the squared spacing in each format, and their number.
#[derive(Clone, Copy, Default)]
struct Sums {
    double: f64,
    single: f64,
    half: f64,
    brain: f64,
    count: f64,
    /// The largest absolute value.
    largest: f64,
}

impl Scan {
    fn of(samples: &Samples<'_>, is_clipped: &impl Fn(usize, f64) -> bool) -> Scan {
        let scale = product::normalising_power(samples.a());
        let mut scan = Scan {
            holds: [true; 3],
            places: Some(0),
            places_single: Some(0),
            sums: vec![Sums::default(); samples.m()],
            scale,
            clipped: 0,
        };
        let more = |places: &mut Option<i32>, a: f64, spacing: f64| {
            while let Some(p) = *places
                && !tolerance::is_decimal(a, p, spacing)
            {
                *places = (p < MAX_PLACES).then_some(p + 1);
            }
        };
        for sample in samples.a().col_iter() {
            for (o, &a) in sample.iter().enumerate() {
                if is_clipped(o, a) {
                    scan.clipped += 1;
                    continue;
                }
                let sums = &mut scan.sums[o];
                sums.count += 1.0;
                sums.largest = sums.largest.max(a.abs());
                sums.double += (tolerance::EPS * (a * scale)).powi(2);
                let formats = [
                    (Format::SINGLE, &mut sums.single),
                    (Format::HALF, &mut sums.half),
                    (Format::BRAIN, &mut sums.brain),
                ];
                for (holds, (format, sum)) in scan.holds.iter_mut().zip(formats) {
                    *holds = *holds && format.holds(a);
                    if *holds {
                        *sum += (format.spacing(a) * scale).powi(2);
                    }
                }
                more(&mut scan.places, a, tolerance::EPS);
                more(&mut scan.places_single, a, tolerance::EPS_F32);
            }
        }
        scan
    }

    /// Root mean square rounding error of each output.
    fn noise(&self, sum: impl Fn(&Sums) -> f64) -> Vec<f64> {
        self.sums.iter().map(|sums| (sum(sums) / sums.count.max(1.0) / 12.0).sqrt() / self.scale).collect()
    }
}

#[cfg(test)]
mod tests;
