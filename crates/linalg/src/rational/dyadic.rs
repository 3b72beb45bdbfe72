//! Floating-point numbers and fractions as integers, up to a positive scale for each row or column.

use dashu_base::{BitTest, Gcd};
use dashu_int::UBig;
use faer::MatRef;

use super::{Integer, IntegerMatrix, Rational, RationalError};

/// A finite number as an integer times a power of two, without rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dyadic {
    /// Odd, or zero; below 2⁵³.
    pub mantissa: i64,
    /// From −1074 to 1023; 0 for zero.
    pub exponent: i32,
}

impl Dyadic {
    /// The exact value of a number, `None` when it is infinite or no number.
    pub fn new(x: f64) -> Option<Self> {
        if !x.is_finite() {
            return None;
        }
        if x == 0.0 {
            return Some(Self { mantissa: 0, exponent: 0 });
        }
        let bits = x.to_bits();
        let (fraction, exponent) = ((bits & ((1 << 52) - 1)) as i64, (bits >> 52 & 0x7ff) as i32);
        // Subnormal numbers have the exponent of the least normal ones, and no hidden bit.
        let (mantissa, exponent) = if exponent == 0 { (fraction, 1) } else { (fraction | 1 << 52, exponent) };
        let zeros = mantissa.trailing_zeros();
        let odd = mantissa >> zeros;
        Some(Self { mantissa: if x < 0.0 { -odd } else { odd }, exponent: exponent - 1075 + zeros as i32 })
    }

    /// The value as a fraction.
    pub fn to_rational(self) -> Rational {
        let shift = self.exponent.unsigned_abs() as usize;
        let mantissa = Integer::from(self.mantissa);
        if self.exponent < 0 {
            Rational::from_parts(mantissa, UBig::ONE << shift)
        } else {
            Rational::from(mantissa << shift)
        }
    }
}

/// A matrix of integers and what it was multiplied by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scaled {
    /// The integers. Those of a line, a row or a column, are coprime.
    pub matrix: IntegerMatrix,
    /// The positive number that each line of the given matrix was multiplied by; 1 for a line of zeros.
    pub scales: Vec<Rational>,
}

/// A matrix of floating-point numbers with each row scaled to coprime integers.
///
/// # Errors
/// [`RationalError::NotFinite`]; [`RationalError::TooManyBits`] when an integer of a row would have more than `max_bits` bits. Exponents
/// alone can spread over 2098 bits.
///
/// # Cost
/// A greatest common divisor and two shifts per entry.
pub fn scale_rows(a: MatRef<'_, f64>, max_bits: usize) -> Result<Scaled, RationalError> {
    let mut rows = Vec::with_capacity(a.nrows());
    for i in 0..a.nrows() {
        let mut row = Vec::with_capacity(a.ncols());
        for j in 0..a.ncols() {
            let entry = Dyadic::new(a[(i, j)]).ok_or(RationalError::NotFinite { row: i, col: j })?;
            row.push(entry.to_rational());
        }
        rows.push(row);
    }
    scale_rational_rows(a.ncols(), &rows, max_bits)
}

/// A matrix of floating-point numbers with each column scaled to coprime integers. See [`scale_rows`].
///
/// # Errors
/// As [`scale_rows`], with the columns as lines.
///
/// # Cost
/// As [`scale_rows`].
pub fn scale_columns(a: MatRef<'_, f64>, max_bits: usize) -> Result<Scaled, RationalError> {
    let transposed = |error| match error {
        RationalError::NotFinite { row, col } => RationalError::NotFinite { row: col, col: row },
        other => other,
    };
    let scaled = scale_rows(a.transpose(), max_bits).map_err(transposed)?;
    Ok(Scaled { matrix: scaled.matrix.transpose(), scales: scaled.scales })
}

/// Rows of fractions, each of length `ncols`, scaled to coprime integers.
///
/// # Errors
/// [`RationalError::Shape`] when a row has another length; [`RationalError::TooManyBits`] when an integer of a row would have more than
/// `max_bits` bits, found before it is made.
///
/// # Cost
/// Two greatest common divisors, two quotients and a product per entry.
pub fn scale_rational_rows(
    ncols: usize,
    rows: &[Vec<Rational>],
    max_bits: usize,
) -> Result<Scaled, RationalError> {
    let mut integers = Vec::with_capacity(rows.len());
    let mut scales = Vec::with_capacity(rows.len());
    for (i, row) in rows.iter().enumerate() {
        let too_many = RationalError::TooManyBits { line: i, limit: max_bits };
        let (row, scale) = coprime(row, max_bits).ok_or(too_many)?;
        integers.push(row);
        scales.push(scale);
    }
    Ok(Scaled { matrix: IntegerMatrix::from_rows(ncols, integers)?, scales })
}

/// The coprime integers that a vector of fractions is a multiple of, and the positive number that it is multiplied by; `None` when one of
/// them would have more than `max_bits` bits.
///
/// # Cost
/// Two greatest common divisors, two quotients and a product per entry.
fn coprime(vector: &[Rational], max_bits: usize) -> Option<(Vec<Integer>, Rational)> {
    // The greatest common divisor of the numerators over the least common multiple of the denominators.
    let (mut divisor, mut multiple) = (UBig::ZERO, UBig::ONE);
    let longest = vector.iter().map(|x| x.denominator().bit_len()).max().unwrap_or(0);
    for x in vector.iter().filter(|x| !x.is_zero()) {
        let (numerator, denominator) = (x.numerator(), x.denominator());
        divisor = if divisor.is_zero() { numerator.gcd(&UBig::ZERO) } else { numerator.gcd(&divisor) };
        multiple *= denominator / (&multiple).gcd(denominator);
        // The entry of the least denominator has at least the bits by which the multiple is longer.
        if multiple.bit_len() > max_bits.saturating_add(longest) {
            return None;
        }
    }
    if divisor.is_zero() {
        return Some((vec![Integer::ZERO; vector.len()], Rational::ONE));
    }
    let mut integers = Vec::with_capacity(vector.len());
    for x in vector {
        let (reduced, factor) = (x.numerator() / &divisor, &multiple / x.denominator());
        // A product has the bits of its factors, or one less.
        if !reduced.is_zero() && reduced.bit_len() + factor.bit_len() > max_bits.saturating_add(1) {
            return None;
        }
        let product = reduced * factor;
        if product.bit_len() > max_bits {
            return None;
        }
        integers.push(product);
    }
    Some((integers, Rational::from_parts(multiple.into(), divisor)))
}

#[cfg(test)]
mod tests {
    use faer::Mat;
    use rand::RngExt;

    use super::*;
    use crate::random;

    #[test]
    fn numbers_are_taken_apart_without_rounding() {
        let mut rng = random::stream(1, "dyadic", 0);
        let mut values =
            vec![0.0, -0.0, 1.0, -3.5, f64::MIN_POSITIVE, f64::MIN_POSITIVE / 8.0, f64::MAX, 5e-324];
        values.extend((0..1000).map(|_| f64::from_bits(rng.random())).filter(|x| x.is_finite()));
        for x in values {
            let Dyadic { mantissa, exponent } = Dyadic::new(x).expect("finite");
            assert!(mantissa == 0 || mantissa % 2 != 0);
            // Two factors, as one power of two may be out of range.
            let power = |e: i32| 2f64.powi(e / 2) * 2f64.powi(e - e / 2);
            let low = exponent.clamp(-1000, 900);
            assert_eq!(mantissa as f64 * power(low) * power(exponent - low), x);
            assert_eq!(Dyadic { mantissa, exponent }.to_rational(), Rational::try_from(x).expect("finite"));
        }
        assert!([f64::NAN, f64::INFINITY, f64::NEG_INFINITY].iter().all(|&x| Dyadic::new(x).is_none()));
    }

    #[test]
    fn lines_become_coprime_integers() {
        let a = Mat::from_fn(3, 2, |i, j| [[0.75, -1.5], [0.0, 0.0], [6e200, 2e200]][i][j]);
        let rows = scale_rows(a.as_ref(), 64).expect("small");
        assert_eq!(rows.matrix.row(0), [Integer::from(1), Integer::from(-2)]);
        assert_eq!(rows.matrix.row(1), [Integer::ZERO, Integer::ZERO]);
        assert_eq!(rows.scales[0], Rational::from_parts(Integer::from(4), UBig::from(3u8)));
        assert_eq!(rows.scales[1], Rational::ONE);
        for i in 0..3 {
            for j in 0..2 {
                let value = Rational::try_from(a[(i, j)]).expect("finite");
                assert_eq!(Rational::from(rows.matrix.get(i, j).clone()), value * &rows.scales[i]);
            }
        }
        let columns = scale_columns(a.transpose(), 64).expect("small");
        assert_eq!((columns.matrix.transpose(), columns.scales), (rows.matrix, rows.scales));
    }

    #[test]
    fn exponents_that_spread_too_wide_are_refused() {
        let wide = Mat::from_fn(2, 2, |i, j| if i == 1 && j == 1 { 2f64.powi(-70) } else { 1.0 });
        let refused = Err(RationalError::TooManyBits { line: 1, limit: 70 });
        assert_eq!(scale_rows(wide.as_ref(), 70), refused);
        assert_eq!(scale_columns(wide.as_ref(), 70), refused);
        assert_eq!(scale_rows(wide.as_ref(), 71).expect("2^70 has 71 bits").matrix.max_bits(), 71);
        let nan = Mat::from_fn(1, 2, |_, j| if j == 1 { f64::NAN } else { 1.0 });
        assert_eq!(scale_rows(nan.as_ref(), 99), Err(RationalError::NotFinite { row: 0, col: 1 }));
        assert_eq!(scale_columns(nan.as_ref(), 99), Err(RationalError::NotFinite { row: 0, col: 1 }));
        // The least common denominator grows with each entry, and is given up before all are seen.
        let fractions: Vec<Rational> =
            (0..2000u32).map(|i| Rational::from_parts(Integer::ONE, UBig::from(2 * i + 1))).collect();
        let refused = scale_rational_rows(2000, &[fractions], 200);
        assert_eq!(refused, Err(RationalError::TooManyBits { line: 0, limit: 200 }));
        let ragged = scale_rational_rows(2, &[vec![Rational::ONE]], 200);
        assert_eq!(ragged, Err(RationalError::Shape { what: "row", expected: 2, found: 1 }));
        assert_eq!(scale_rows(Mat::zeros(0, 3).as_ref(), 1).expect("empty").matrix.nrows(), 0);
        assert_eq!(scale_columns(Mat::zeros(0, 3).as_ref(), 1).expect("empty").scales.len(), 3);
    }
}
