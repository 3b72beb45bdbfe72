//! Whether the errors of an output are really the work of a unit that is missing.

use orthant_linalg::{random, tolerance};
use orthant_network::Samples;

use super::GrossError;
use super::check::Doubt;
use super::robust::Equations;

/// Errors beyond the d + 1 weights of a unit that make an affine relation certain.
const SPARE: usize = 4;

/// Random sets of errors tried on each output that has more of them than the others.
const BUDGET: usize = 1000;

/// Digits that errors, differences of labels, may have lost to the labels: half of those there are.
fn slack() -> f64 {
    tolerance::EPS.sqrt() / tolerance::EPS
}

/// Looks for an output some of whose errors are an affine function of the inputs that has the other sign, or is zero, wherever the label
/// is right: u f(v x + b) of a unit that only this output shows.
///
/// All errors of one sign are tried together; at `outputs` in excess of the others also what most of them agree on. Constant errors
/// are affine, too, but no unit: they do not turn to zero elsewhere.
pub(crate) fn further_unit(
    errors: &[GrossError],
    of_output: &[usize],
    in_excess: &[usize],
    samples: &Samples<'_>,
) -> Option<Doubt> {
    let d = samples.d();
    for (output, &count) in of_output.iter().enumerate() {
        if count < d + 1 + SPARE {
            continue;
        }
        for sign in [1.0, -1.0] {
            let of_sign: Vec<&GrossError> =
                errors.iter().filter(|e| e.output == output && e.value.signum() == sign).collect();
            if of_sign.len() < d + 1 + SPARE {
                continue;
            }
            let mut rows = Vec::with_capacity(of_sign.len() * (d + 1));
            for error in &of_sign {
                rows.extend(samples.x().col(error.sample).iter());
                rows.push(1.0);
            }
            let values: Vec<f64> = of_sign.iter().map(|e| e.value).collect();
            let equations = Equations::new(&rows, d + 1, tolerance::EPS, slack());
            let mut found = equations.all_agree(&values);
            if found.is_none() && in_excess.contains(&output) {
                let rng = &mut random::stream(0, "sparse further unit", output as u64);
                found = equations.consensus(&values, |_| true, SPARE, BUDGET, rng);
            }
            let Some(found) = found else { continue };
            let explained: Vec<usize> =
                (0..of_sign.len()).filter(|&i| found.agrees[i]).map(|i| of_sign[i].sample).collect();
            let largest = values.iter().fold(0.0f64, |s, v| s.max(v.abs()));
            let mut wrong = errors.iter().filter(|e| e.output == output).map(|e| e.sample).peekable();
            let reaches_others = (0..samples.n()).any(|j| {
                if wrong.peek() == Some(&j) {
                    wrong.next();
                    return false;
                }
                let inner: f64 = samples.x().col(j).iter().zip(&found.x).map(|(x, w)| x * w).sum();
                sign * (inner + found.x[d]) > tolerance::EPS.sqrt() * largest
            });
            if !reaches_others {
                return Some(Doubt::FurtherUnit { output, samples: explained.len() });
            }
        }
    }
    None
}
