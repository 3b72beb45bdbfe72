//! Every label against the network found: which are wrong, and whether sparse errors are a plausible account of them.

use std::fmt;

use orthant_linalg::{Mat, MatRef, product, tolerance};
use orthant_network::{Network, Samples};

use super::GrossError;
use super::further::further_unit;

/// Samples predicted at a time.
const BLOCK: usize = 1024;

/// Probability that errors at random positions raise a false doubt.
const FALSE_ALARM: f64 = 1e-6;

/// Part of an output's labels, or of all, beyond which the errors are no minority.
const MAJORITY: f64 = 0.5;

/// Residuals of this multiple of the largest one among the labels used are rounding errors, too.
const MARGIN: f64 = 16.0;

/// Why the labels that disagree with the network may be more than sparse errors at random positions.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Doubt {
    /// Samples that disagree at more outputs than errors at random positions would: their whole labels are wrong, or a unit that few
    /// samples activate is missing.
    Samples {
        /// How many.
        count: usize,
        /// The first of them.
        first: usize,
    },
    /// An output half of whose labels disagree: which half is right is a matter of belief.
    Output {
        /// The output.
        output: usize,
        /// How many of its labels disagree.
        errors: usize,
    },
    /// An output that disagrees on half of the samples that activate a unit: its weight for that unit rests on the others.
    Weight {
        /// The output.
        output: usize,
        /// The unit.
        unit: usize,
        /// How many of the labels disagree.
        errors: usize,
        /// Samples that activate the unit.
        active: usize,
    },
    /// The errors of an output are an affine function of the inputs on enough samples, of one sign and so as a further unit has them.
    FurtherUnit {
        /// The output.
        output: usize,
        /// The samples on which it would be active.
        samples: usize,
    },
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Doubt::Samples { count, first } => write!(
                f,
                "{count} samples (the first is {first}) disagree at more outputs than errors at random would: bad samples, or a unit \
                 that few samples activate"
            ),
            Doubt::Output { output, errors } => {
                write!(
                    f,
                    "{errors} labels of output {output} disagree with the network, half of them or more"
                )
            }
            Doubt::Weight { output, unit, errors, active } => write!(
                f,
                "{errors} labels of output {output} disagree with the network among the {active} samples that activate unit {unit}"
            ),
            Doubt::FurtherUnit { output, samples } => write!(
                f,
                "the errors of output {output} are those of a further unit active on {samples} samples"
            ),
        }
    }
}

/// The labels of a network with a bound on their rounding errors.
struct Prediction {
    labels: Mat<f64>,
    /// Sum of the sizes of all terms, for the error of each.
    sizes: Mat<f64>,
    /// Activations, k × n.
    active: Mat<f64>,
}

fn predict(network: &Network, x: MatRef<'_, f64>, scale: &[f64]) -> Prediction {
    let before = network.preactivations(x);
    let f = network.activation();
    let row_norms: Vec<f64> = (0..network.k()).map(|i| network.v().row(i).norm_l2()).collect();
    let active = Mat::from_fn(network.k(), x.ncols(), |i, j| f.value(before[(i, j)]));
    let terms = Mat::from_fn(network.k(), x.ncols(), |i, j| {
        let reach = row_norms[i] * x.col(j).norm_l2() + network.hidden_bias(i).abs();
        active[(i, j)].abs() + f.derivative(before[(i, j)]).abs() * reach
    });
    let weights = Mat::from_fn(network.m(), network.k(), |o, i| network.u()[(o, i)].abs());
    let bias = |o: usize| network.c().map_or(0.0, |c| c[o]);
    let mut labels = product::matmul(network.u(), active.as_ref());
    let mut sizes = product::matmul(weights.as_ref(), terms.as_ref());
    for j in 0..x.ncols() {
        for o in 0..network.m() {
            labels[(o, j)] += bias(o);
            sizes[(o, j)] += bias(o).abs() + scale[o];
        }
    }
    Prediction { labels, sizes, active }
}

/// The largest residual of labels that the network was fitted to, relative to their sizes.
pub(crate) fn largest_residual(
    network: &Network,
    x: MatRef<'_, f64>,
    a: MatRef<'_, f64>,
    scale: &[f64],
) -> f64 {
    let mut largest = 0.0f64;
    for first in (0..x.ncols()).step_by(BLOCK) {
        let count = BLOCK.min(x.ncols() - first);
        let found = predict(network, x.subcols(first, count), scale);
        for j in 0..count {
            for o in 0..a.nrows() {
                let residual = (a[(o, first + j)] - found.labels[(o, j)]).abs() / found.sizes[(o, j)];
                largest = if residual.is_nan() { f64::INFINITY } else { largest.max(residual) };
            }
        }
    }
    largest
}

/// The labels that a network does not explain.
pub(crate) struct Disagreements {
    /// By samples, then outputs.
    pub errors: Vec<GrossError>,
    /// How many of them each output has on the samples that activate each unit, m × k.
    by_unit: Mat<f64>,
    /// Samples that activate each unit.
    active: Vec<usize>,
}

/// All labels that the network does not explain to rounding.
///
/// # Cost
/// Two forward passes over the data, a block of samples at a time.
pub(crate) fn disagreements(
    network: &Network,
    samples: &Samples<'_>,
    scale: &[f64],
    fitted: f64,
    precision: f64,
) -> Disagreements {
    let rounding = tolerance::backward(samples.m() + samples.d(), network.k()) * (precision / tolerance::EPS);
    let allowed = MARGIN * fitted.max(rounding);
    let mut found_all = Disagreements {
        errors: Vec::new(),
        by_unit: Mat::zeros(network.m(), network.k()),
        active: vec![0; network.k()],
    };
    for first in (0..samples.n()).step_by(BLOCK) {
        let count = BLOCK.min(samples.n() - first);
        let found = predict(network, samples.x().subcols(first, count), scale);
        for j in 0..count {
            let active: Vec<usize> = (0..network.k()).filter(|&i| found.active[(i, j)] != 0.0).collect();
            active.iter().for_each(|&i| found_all.active[i] += 1);
            for output in 0..samples.m() {
                let value = samples.a()[(output, first + j)] - found.labels[(output, j)];
                if value.abs() > allowed * found.sizes[(output, j)] || value.is_nan() {
                    found_all.errors.push(GrossError { output, sample: first + j, value });
                    active.iter().for_each(|&i| found_all.by_unit[(output, i)] += 1.0);
                }
            }
        }
    }
    found_all
}

/// Whether sparse errors at random positions account for these.
///
/// # Cost
/// Linear in the number of errors, and n d² for each output with enough of them.
pub(crate) fn doubt(found: &Disagreements, samples: &Samples<'_>) -> Option<Doubt> {
    let (m, n) = (samples.m(), samples.n());
    let errors = &found.errors;
    let rate = errors.len() as f64 / (m as f64 * n as f64);
    let mut of_output = vec![0usize; m];
    errors.iter().for_each(|e| of_output[e.output] += 1);
    if let Some(output) = (0..m).find(|&o| of_output[o] as f64 >= MAJORITY * n as f64) {
        return Some(Doubt::Output { output, errors: of_output[output] });
    }
    for (unit, &active) in found.active.iter().enumerate() {
        let most = MAJORITY * active as f64;
        if let Some(output) = (0..m).find(|&o| active > 0 && found.by_unit[(o, unit)] >= most) {
            return Some(Doubt::Weight {
                output,
                unit,
                errors: found.by_unit[(output, unit)] as usize,
                active,
            });
        }
    }
    let mut suspicious = errors
        .chunk_by(|first, second| first.sample == second.sample)
        .filter(|of_sample| log_tail(of_sample.len(), m, rate) < (FALSE_ALARM / n as f64).ln())
        .map(|of_sample| of_sample[0].sample);
    if let Some(first) = suspicious.next() {
        return Some(Doubt::Samples { count: 1 + suspicious.count(), first });
    }
    let excess = |&o: &usize| log_tail(of_output[o], n, rate) < (FALSE_ALARM / m as f64).ln();
    let in_excess: Vec<usize> = (0..m).filter(excess).collect();
    further_unit(errors, &of_output, &in_excess, samples)
}

/// Chernoff's bound for the logarithm of the probability that at least `count` of `m` labels are hit at this rate.
fn log_tail(count: usize, m: usize, rate: f64) -> f64 {
    let part = count as f64 / m as f64;
    if part <= rate {
        return 0.0;
    }
    let term = |p: f64, q: f64| if p > 0.0 { p * (p / q).ln() } else { 0.0 };
    -(m as f64) * (term(part, rate) + term(1.0 - part, 1.0 - rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_bound_is_a_bound() {
        // 3 of 10 at 10 %: the probability is 0.0702; all 10: 1e-10, where the bound is sharp.
        assert!(log_tail(3, 10, 0.1) >= 0.0702f64.ln());
        let all = log_tail(10, 10, 0.1);
        assert!((all - 10.0 * 0.1f64.ln()).abs() <= tolerance::backward(10, 10));
        assert_eq!(log_tail(1, 10, 0.1), 0.0);
    }
}
