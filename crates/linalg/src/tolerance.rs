//! Tolerances derived from machine epsilon and dimensions.
//!
//! Machine epsilon is turned into tolerances here and nowhere else.

/// Distance from 1 to the next larger `f64`, 2⁻⁵².
pub const EPS: f64 = f64::EPSILON;

/// Distance from 1 to the next larger `f32`, 2⁻²³, as an `f64`.
pub const EPS_F32: f64 = f32::EPSILON as f64;

/// The one constant in front of dimension times epsilon.
///
/// Householder QR and SVD have backward errors of a small multiple of √(rows · cols) · ε in practice (the worst-case
/// bounds have rows · cols in its place); 8 leaves room for a chain of three such steps.
pub const BACKWARD_CONSTANT: f64 = 8.0;

/// Relative backward error that a stable algorithm may make on a `rows` × `cols` matrix.
pub fn backward(rows: usize, cols: usize) -> f64 {
    let dim = (rows.max(1) as f64) * (cols.max(1) as f64);
    BACKWARD_CONSTANT * EPS * dim.sqrt()
}

/// Whether every entry of a slice is exactly representable in single precision.
///
/// Values that were computed in `f64` pass with probability 2⁻²⁹ each, so a few of them decide it.
pub fn is_single_precision(values: &[f64]) -> bool {
    values.iter().all(|&v| f64::from(v as f32) == v)
}

/// Whether a value is a multiple of 10⁻ᵖ for p = `places`, up to the rounding of numbers stored with the relative spacing `spacing`
/// ([`EPS`] or [`EPS_F32`]).
///
/// A value without such structure passes with probability 4 · spacing · |value| · 10ᵖ.
pub fn is_decimal(value: f64, places: i32, spacing: f64) -> bool {
    let scaled = value * 10f64.powi(places);
    (scaled - scaled.round()).abs() <= 2.0 * spacing * scaled.abs()
}

/// The bits that all values take as multiples of one power of two, sign not counted; 0 when all are zero.
///
/// Numbers that were rounded to single precision fill its 24 bits, and more where their sizes differ: values that take a few bits together
/// are exact, small integers for instance.
pub fn fixed_point_bits(values: impl Iterator<Item = f64>) -> u32 {
    let (mut lowest, mut highest) = (i32::MAX, i32::MIN);
    for value in values.filter(|&value| value != 0.0) {
        let bits = value.abs().to_bits();
        let (mantissa, exponent) = (bits & ((1 << 52) - 1), (bits >> 52) as i32);
        // Subnormal numbers have the exponent of the least normal ones, and no hidden bit.
        let (mantissa, exponent) = if exponent == 0 { (mantissa, 1) } else { (mantissa | 1 << 52, exponent) };
        lowest = lowest.min(exponent + mantissa.trailing_zeros() as i32);
        highest = highest.max(exponent + mantissa.ilog2() as i32);
    }
    if lowest > highest { 0 } else { (highest - lowest) as u32 + 1 }
}

/// The bits of the mantissa that a value takes, up to its last one that is not zero; 0 for zero.
pub fn significant_bits(value: f64) -> u32 {
    fixed_point_bits(std::iter::once(value))
}

/// The decimal digits that a value takes from its first to its last one that is not zero, when it is stored as the nearest `f64`; at most
/// `limit`, and `None` when that many do not give it. 0 for zero.
pub fn significant_digits(value: f64, limit: usize) -> Option<usize> {
    if value == 0.0 {
        return Some(0);
    }
    let digits = |count: usize| format!("{value:.*e}", count - 1);
    if digits(limit).parse() != Ok(value) {
        return None;
    }
    let shortest = format!("{value:e}");
    let mantissa = shortest.split('e').next().unwrap_or_default();
    Some(mantissa.bytes().filter(u8::is_ascii_digit).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_recognised() {
        assert!(is_decimal(-0.07, 2, EPS) && !is_decimal(0.07, 1, EPS) && is_decimal(0.0, 0, EPS));
        assert!(!is_decimal(1.0 / 3.0, 12, EPS) && !is_decimal(1e300, 12, EPS));
        let single = f64::from(0.07f32);
        assert!(is_decimal(single, 2, EPS_F32) && !is_decimal(single, 2, EPS));
    }

    #[test]
    fn single_precision_is_recognised() {
        assert!(is_single_precision(&[0.5, f64::from(0.1f32), -3.0]));
        assert!(!is_single_precision(&[0.5, 0.1]));
    }

    #[test]
    fn bits_are_those_of_a_common_step() {
        let bits = |values: &[f64]| fixed_point_bits(values.iter().copied());
        assert_eq!((bits(&[]), bits(&[0.0, -0.0]), bits(&[-4.0]), bits(&[1.0, 0.0, 6.0])), (0, 0, 1, 3));
        assert_eq!((bits(&[0.1]), bits(&[f64::from(0.1f32)]), bits(&[1e300, 1.0])), (52, 24, 997));
        assert_eq!((bits(&[5e-324]), bits(&[5e-324, f64::MIN_POSITIVE])), (1, 53));
    }

    #[test]
    fn significant_digits_are_those_written() {
        let digits = |value| significant_digits(value, 12);
        assert_eq!((digits(0.0), digits(-1.0), digits(1200.0)), (Some(0), Some(1), Some(2)));
        assert_eq!((digits(1.23456e-7), digits(-123.456), digits(0.1)), (Some(6), Some(6), Some(1)));
        assert_eq!((digits(1.0 / 3.0), digits(0.1 + 0.2), digits(f64::from(0.1f32))), (None, None, None));
        assert_eq!((significant_bits(0.0), significant_bits(6.0), significant_bits(0.1)), (0, 2, 52));
    }

    #[test]
    fn backward_grows_with_the_geometric_mean_of_the_dimensions() {
        assert_eq!(backward(100, 4), 20.0 * BACKWARD_CONSTANT * EPS);
        assert_eq!(backward(0, 0), BACKWARD_CONSTANT * EPS);
    }
}
