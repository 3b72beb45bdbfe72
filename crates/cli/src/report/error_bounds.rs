//! How far the weights are from the exact ones, at most.

use orthant::exact::bounds::{BoundsError, ErrorBounds};
use serde::Serialize;

use crate::args::LabelError;
use crate::npy::Dtype;

/// Error bounds of a network, or why there are none.
#[derive(Debug)]
pub struct BoundsFinding {
    /// The bounds.
    pub bounds: Result<ErrorBounds, BoundsError>,
    /// What was said of the errors of labels.
    pub label_error: LabelError,
    /// The type of the labels.
    pub label_type: Dtype,
    /// Number of samples.
    pub n: usize,
}

/// Error bounds in the JSON report. The bounds of single weights are in a file of their own.
#[derive(Debug, Serialize)]
pub(super) struct BoundsReport {
    /// Relative error that each label may have.
    label_error: f64,
    /// Why there are none.
    reason: Option<String>,
    #[serde(flatten)]
    largest: Option<LargestBounds>,
    /// Of each unit: samples so near its kink that it may be active or not.
    open_patterns: Option<Vec<usize>>,
}

/// The largest bound of each matrix and vector; `None` for biases that are not there.
#[derive(Debug, Serialize)]
struct LargestBounds {
    largest_v: f64,
    largest_b: Option<f64>,
    largest_u: f64,
    largest_c: Option<f64>,
}

impl BoundsFinding {
    /// The relative error that each label may have.
    pub fn relative(label_error: LabelError, label_type: Dtype) -> f64 {
        match label_error {
            LabelError::Exact => 0.0,
            LabelError::Rounded => label_type.unit_roundoff(),
            LabelError::AtMost(value) => value,
        }
    }

    pub(super) fn report(&self) -> BoundsReport {
        let bounds = self.bounds.as_ref().ok();
        BoundsReport {
            label_error: BoundsFinding::relative(self.label_error, self.label_type),
            reason: self.bounds.as_ref().err().map(ToString::to_string),
            largest: bounds.map(LargestBounds::of),
            open_patterns: bounds.map(|bounds| bounds.uncertain.iter().map(Vec::len).collect()),
        }
    }

    /// Lines for the summary.
    pub(super) fn lines(&self, text: &mut String) {
        super::paragraph(text, "bounds", &self.statement());
    }

    fn statement(&self) -> String {
        let bounds = match &self.bounds {
            Err(error @ BoundsError::Refuted { .. }) => {
                return format!("none: {error}; labels that were rounded more need a larger --label-error");
            }
            Err(error) => return format!("none: {error}"),
            Ok(bounds) => bounds,
        };
        let largest = LargestBounds::of(bounds);
        let parts = [
            ("V", Some(largest.largest_v)),
            ("b", largest.largest_b),
            ("U", Some(largest.largest_u)),
            ("c", largest.largest_c),
        ];
        let parts =
            parts.iter().filter_map(|(name, bound)| Some(format!("{} in {name}", rounded_up((*bound)?))));
        let parts = parts.collect::<Vec<_>>().join(", ");
        let biases = match (&bounds.b, &bounds.c) {
            (Some(_), Some(_)) => "",
            (Some(_), None) => ", no output biases",
            (None, Some(_)) => ", no hidden biases",
            (None, None) => ", no biases",
        };
        let open: usize = bounds.uncertain.iter().map(Vec::len).sum();
        let open = match open {
            0 => String::new(),
            open => format!(" ({open} of {} left open)", bounds.uncertain.len() * self.n),
        };
        format!(
            "no weight is off by more than {parts}, if {} and the true network has this width{biases} and these activation patterns{open}",
            self.condition()
        )
    }

    fn condition(&self) -> String {
        let relative = BoundsFinding::relative(self.label_error, self.label_type);
        match self.label_error {
            _ if relative == 0.0 => "the labels are exact".to_string(),
            LabelError::Rounded => {
                let power = relative.log2();
                format!("each label was rounded once to {} (relative error 2^{power})", self.label_type)
            }
            LabelError::Exact | LabelError::AtMost(_) => {
                format!("each label has a relative error of {relative:e} at most")
            }
        }
    }
}

impl LargestBounds {
    fn of(bounds: &ErrorBounds) -> LargestBounds {
        let of_vector = |values: &Vec<f64>| values.iter().copied().fold(0.0, f64::max);
        let of_matrix = |matrix: &orthant::Mat<f64>| {
            matrix.col_iter().flat_map(|column| column.iter().copied()).fold(0.0, f64::max)
        };
        LargestBounds {
            largest_v: of_matrix(&bounds.v),
            largest_b: bounds.b.as_ref().map(of_vector),
            largest_u: of_matrix(&bounds.u),
            largest_c: bounds.c.as_ref().map(of_vector),
        }
    }
}

/// A number with two digits, none of which makes it smaller: what is said of a bound must be true.
fn rounded_up(value: f64) -> String {
    let nearest = format!("{value:.1e}");
    let (Ok(number), Some((_, exponent))) = (nearest.parse::<f64>(), nearest.split_once('e')) else {
        return nearest;
    };
    if number >= value {
        return nearest;
    }
    let last_digit = exponent.parse::<i32>().map_or(0.0, |exponent| 10f64.powi(exponent - 1));
    format!("{:.1e}", number + last_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn digits_of_bounds_are_rounded_up() {
        for (value, text) in [
            (0.0, "0.0e0"),
            (1.0, "1.0e0"),
            (1.04, "1.1e0"),
            (1.06, "1.1e0"),
            (9.91e-15, "1.0e-14"),
            (9.99, "1.0e1"),
            (5.0000001e300, "5.1e300"),
        ] {
            assert_eq!(rounded_up(value), text);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, rng_seed: proptest::test_runner::RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_bound_is_said_to_be_smaller(mantissa in 1.0..10.0f64, exponent in -300i32..300) {
            let value = mantissa * 10f64.powi(exponent);
            let said: f64 = rounded_up(value).parse().expect("a number");
            // Two digits: the last one is a tenth of the number at most.
            prop_assert!(said >= value && said <= 1.1 * value, "{} for {}", said, value);
        }
    }
}
