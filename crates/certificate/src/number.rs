//! Rational numbers as text.

use dashu_int::{IBig, UBig};

use crate::Rational;

/// The most letters of a number.
pub const MAX_LETTERS: usize = 20_000;

/// The largest power of ten, either way: beyond what the decimals of an `f64` need.
pub const MAX_EXPONENT: i64 = 1200;

/// Text that is not a rational number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NumberError {
    /// Neither an integer, nor a decimal, nor a fraction.
    #[error("{0:?} is not a number (an integer as -12, a decimal as -1.25e-3 or a fraction as -5/4)")]
    Syntax(String),
    /// A fraction over zero.
    #[error("{0:?} divides by zero")]
    ZeroDenominator(String),
    /// More letters or a larger exponent than are read.
    #[error(
        "a number of {letters} letters; at most {MAX_LETTERS} are read, and powers of ten up to {MAX_EXPONENT}"
    )]
    TooLarge {
        /// Its letters.
        letters: usize,
    },
}

/// The exact value of an integer (`-12`), a decimal (`1.25e-3`, which is 1/800) or a fraction of integers (`-5/4`).
///
/// # Errors
/// [`NumberError`]: nothing is rounded, and `NaN` or `inf` are no numbers.
///
/// # Cost
/// Quadratic in the letters at worst, which are limited.
pub fn parse(text: &str) -> Result<Rational, NumberError> {
    let text = text.trim();
    let syntax = || NumberError::Syntax(text.chars().take(40).collect());
    if text.len() > MAX_LETTERS {
        return Err(NumberError::TooLarge { letters: text.len() });
    }
    if let Some((numerator, denominator)) = text.split_once('/') {
        let (numerator, denominator) =
            (integer(numerator).ok_or_else(syntax)?, integer(denominator).ok_or_else(syntax)?);
        if denominator == IBig::ZERO {
            return Err(NumberError::ZeroDenominator(text.chars().take(40).collect()));
        }
        return Ok(Rational::from_parts_signed(numerator, denominator));
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        None => (text, 0),
        Some((mantissa, exponent)) => {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(syntax());
            }
            let exponent = exponent.parse().map_err(|_| NumberError::TooLarge { letters: text.len() })?;
            (mantissa, exponent)
        }
    };
    if !(-MAX_EXPONENT..=MAX_EXPONENT).contains(&exponent) {
        return Err(NumberError::TooLarge { letters: text.len() });
    }
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !decimals.bytes().all(|b| b.is_ascii_digit()) || (decimals.is_empty() && mantissa.contains('.')) {
        return Err(syntax());
    }
    let digits = integer(&format!("{whole}{decimals}")).ok_or_else(syntax)?;
    // At most as many decimals as letters.
    let power = exponent - decimals.len() as i64;
    let ten = UBig::from(10u8).pow(power.unsigned_abs() as usize);
    Ok(if power >= 0 { Rational::from(digits * IBig::from(ten)) } else { Rational::from_parts(digits, ten) })
}

/// Digits with a sign or none.
fn integer(text: &str) -> Option<IBig> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let magnitude: IBig = digits.parse().ok()?;
    Some(if text.starts_with('-') { -magnitude } else { magnitude })
}

/// The exact value of an `f64`; nothing when it is not finite.
pub fn of_f64(value: f64) -> Option<Rational> {
    Rational::try_from(value).ok()
}

/// The nearest `f64`, infinite beyond its range.
pub fn to_f64(value: &Rational) -> f64 {
    dashu_base::Approximation::value(value.to_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fraction(p: i64, q: i64) -> Rational {
        Rational::from_parts_signed(p.into(), q.into())
    }

    #[test]
    fn numbers_are_read_exactly() {
        for (text, value) in [
            ("0", fraction(0, 1)),
            ("-12", fraction(-12, 1)),
            ("+7", fraction(7, 1)),
            (" 6/-4 ", fraction(-3, 2)),
            ("0.1", fraction(1, 10)),
            ("-.5", fraction(-1, 2)),
            ("-0.5", fraction(-1, 2)),
            ("1.25e-3", fraction(1, 800)),
            ("2E+2", fraction(200, 1)),
        ] {
            assert_eq!(parse(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "", "-", "1/", "/2", "1/2/3", "NaN", "inf", "1e", "1e+", "1.", ".", "1 2", "0x10", "1_000",
            "--1", "١",
        ] {
            assert!(matches!(parse(text), Err(NumberError::Syntax(_))), "{text:?}");
        }
        assert!(matches!(parse("1/0"), Err(NumberError::ZeroDenominator(_))));
        for text in ["1e1201", "1e-1201", "1e99999999999999999999"] {
            assert!(matches!(parse(text), Err(NumberError::TooLarge { .. })), "{text:?}");
        }
        assert!(matches!(parse(&"1".repeat(MAX_LETTERS + 1)), Err(NumberError::TooLarge { .. })));
    }

    proptest! {
        #[test]
        fn text_is_read_back(p in any::<i64>(), q in 1..i64::MAX, value in any::<f64>()) {
            let number = fraction(p, q);
            prop_assert_eq!(parse(&number.to_string()), Ok(number));
            match of_f64(value) {
                Some(number) => {
                    // Zero has no sign.
                    prop_assert_eq!(to_f64(&number), value);
                    prop_assert_eq!(parse(&format!("{value:e}")).map(|near| to_f64(&near)), Ok(value));
                }
                None => prop_assert!(!value.is_finite()),
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,40}", digits in "[-+0-9./eE]{0,20}") {
            let _ = (parse(&text), parse(&digits));
        }
    }
}
