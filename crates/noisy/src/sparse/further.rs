//! Whether the errors of an output are really the work of a unit that is missing.

use orthant_linalg::Mat;
use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::tolerance;
use orthant_network::Samples;

use super::GrossError;
use super::check::Doubt;

/// Errors beyond the d + 1 weights of a unit that make an affine relation certain.
const SPARE: usize = 4;

/// Looks for an output all of whose errors are an affine function of the inputs that has the other sign, or is zero, wherever the label is
/// right: u f(v x + b) of a unit that only this output shows.
///
/// Constant errors are affine, too, but no unit: they do not turn to zero elsewhere.
pub(crate) fn further_unit(
    errors: &[GrossError],
    of_output: &[usize],
    samples: &Samples<'_>,
) -> Option<Doubt> {
    let d = samples.d();
    for (output, &count) in of_output.iter().enumerate() {
        if count < d + 1 + SPARE {
            continue;
        }
        let of_this: Vec<&GrossError> = errors.iter().filter(|e| e.output == output).collect();
        let sign = of_this[0].value.signum();
        if of_this.iter().any(|e| e.value.signum() != sign) {
            continue;
        }
        let inputs =
            Mat::from_fn(count, d + 1, |i, r| if r < d { samples.x()[(r, of_this[i].sample)] } else { 1.0 });
        let values = Mat::from_fn(count, 1, |i, _| of_this[i].value);
        let rounding = tolerance::backward(count, d + 1);
        let Ok(system) = RankRevealing::new(inputs, rounding) else { continue };
        let left = system.complement(values.as_ref());
        // Errors are known to a few digits less than labels: half the digits tell an affine relation from none.
        if left.norm_l2() > rounding.sqrt() * values.norm_l2() || system.rank().rank + SPARE > count {
            continue;
        }
        let weights = system.solve(values.as_ref());
        let reaches = |j: usize| {
            let value: f64 = (0..d).map(|r| samples.x()[(r, j)] * weights[(r, 0)]).sum();
            sign * (value + weights[(d, 0)]) > rounding.sqrt() * values.norm_max()
        };
        let mut wrong = of_this.iter().map(|e| e.sample).peekable();
        let elsewhere = (0..samples.n()).any(|j| {
            if wrong.peek() == Some(&j) {
                wrong.next();
                return false;
            }
            reaches(j)
        });
        if !elsewhere {
            return Some(Doubt::FurtherUnit { output, samples: count });
        }
    }
    None
}
