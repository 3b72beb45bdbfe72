//! Element types of .npy files, and their conversion to `f64`.

use std::fmt;

use anyhow::{bail, ensure};
use orthant::certificate::Rational;

/// The largest integer up to which every integer is an `f64`, 2⁵³.
const LARGEST_EXACT: u64 = 1 << f64::MANTISSA_DIGITS;

/// A type of real numbers, as NumPy's type strings name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dtype {
    kind: Kind,
    big_endian: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    F32,
    F64,
}

impl Dtype {
    /// Interprets a type string such as `<f8`.
    ///
    /// # Errors
    /// One line that names the type when it is not one of real numbers up to `f64`.
    pub fn parse(code: &str) -> anyhow::Result<Dtype> {
        // The whole string goes into a message: a garbled header must not make that message long.
        let shown = code.chars().take(20).collect::<String>().escape_debug().to_string();
        let mut chars = code.chars();
        let (order, rest) = (chars.next(), chars.as_str());
        ensure!(matches!(order, Some('<' | '>' | '|' | '=')), "has the unknown dtype '{shown}'");
        let kind = match rest {
            "b1" => Kind::Bool,
            "i1" => Kind::I8,
            "i2" => Kind::I16,
            "i4" => Kind::I32,
            "i8" => Kind::I64,
            "u1" => Kind::U8,
            "u2" => Kind::U16,
            "u4" => Kind::U32,
            "u8" => Kind::U64,
            "f2" => Kind::F16,
            "f4" => Kind::F32,
            "f8" => Kind::F64,
            _ => bail!("has dtype '{shown}' ({}), expected real numbers of at most 64 bits", family(rest)),
        };
        Ok(Dtype { kind, big_endian: order == Some('>') })
    }

    /// Bytes in one element.
    pub fn size(self) -> usize {
        match self.kind {
            Kind::Bool | Kind::I8 | Kind::U8 => 1,
            Kind::I16 | Kind::U16 | Kind::F16 => 2,
            Kind::I32 | Kind::U32 | Kind::F32 => 4,
            Kind::I64 | Kind::U64 | Kind::F64 => 8,
        }
    }

    /// How far a number that was rounded once to this type is from its value, relative to it, at most: 0 for integers, which are taken as they
    /// stand.
    pub fn unit_roundoff(self) -> f64 {
        let digits = match self.kind {
            Kind::F16 => 11,
            Kind::F32 => f32::MANTISSA_DIGITS,
            Kind::F64 => f64::MANTISSA_DIGITS,
            _ => return 0.0,
        };
        0.5f64.powi(digits as i32)
    }

    /// Whether elements are `f64` as a little-endian machine stores them.
    pub fn is_little_f64(self) -> bool {
        self.kind == Kind::F64 && !self.big_endian
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Bool => "bool",
            Kind::I8 => "int8",
            Kind::I16 => "int16",
            Kind::I32 => "int32",
            Kind::I64 => "int64",
            Kind::U8 => "uint8",
            Kind::U16 => "uint16",
            Kind::U32 => "uint32",
            Kind::U64 => "uint64",
            Kind::F16 => "float16",
            Kind::F32 => "float32",
            Kind::F64 => "float64",
        })
    }
}

fn family(rest: &str) -> &'static str {
    match rest.chars().next() {
        Some('O') => "Python objects",
        Some('c') => "complex numbers",
        Some('M') => "dates",
        Some('m') => "time differences",
        Some('S' | 'a' | 'U') => "strings",
        Some('V') => "raw bytes",
        Some('f') => "extended precision",
        _ => "unknown",
    }
}

/// An integer that is not exactly an `f64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inexact {
    /// Its position in the file, counted in elements.
    pub index: usize,
}

impl Inexact {
    /// The error with the position as row and column.
    pub fn at(self, rows: usize, cols: usize, fortran_order: bool) -> anyhow::Error {
        let (row, col) = if fortran_order {
            (self.index % rows, self.index / rows)
        } else {
            (self.index / cols, self.index % cols)
        };
        anyhow::anyhow!(
            "an integer beyond 2^53 at row {row} (sample), column {col}, both counted from 0: it has no exact float64 value"
        )
    }
}

/// All elements as `f64`, in the order of the file.
///
/// # Errors
/// [`Inexact`] for the first integer beyond 2⁵³ in magnitude.
///
/// # Panics
/// When `bytes` is not a whole number of elements.
pub fn to_f64(bytes: &[u8], dtype: &Dtype) -> Result<Vec<f64>, Inexact> {
    assert_eq!(bytes.len() % dtype.size(), 0, "data of {} bytes cut inside an element", bytes.len());
    let big = dtype.big_endian;
    match dtype.kind {
        Kind::Bool => Ok(bytes.iter().map(|&b| f64::from(u8::from(b != 0))).collect()),
        Kind::I8 => Ok(elements(bytes, big, |b| f64::from(i8::from_le_bytes(b)))),
        Kind::U8 => Ok(bytes.iter().map(|&b| f64::from(b)).collect()),
        Kind::I16 => Ok(elements(bytes, big, |b| f64::from(i16::from_le_bytes(b)))),
        Kind::U16 => Ok(elements(bytes, big, |b| f64::from(u16::from_le_bytes(b)))),
        Kind::I32 => Ok(elements(bytes, big, |b| f64::from(i32::from_le_bytes(b)))),
        Kind::U32 => Ok(elements(bytes, big, |b| f64::from(u32::from_le_bytes(b)))),
        Kind::F16 => Ok(elements(bytes, big, |b| half_to_f64(u16::from_le_bytes(b)))),
        Kind::F32 => Ok(elements(bytes, big, |b| f64::from(f32::from_le_bytes(b)))),
        Kind::F64 => Ok(elements(bytes, big, f64::from_le_bytes)),
        Kind::I64 => {
            let values = elements(bytes, big, i64::from_le_bytes);
            exact(values, i64::unsigned_abs, |value| value as f64)
        }
        Kind::U64 => {
            let values = elements(bytes, big, u64::from_le_bytes);
            exact(values, |value| value, |value| value as f64)
        }
    }
}

/// All elements of a type of 64-bit integers, in the order of the file; nothing for other types, whose values are all those of `f64`.
///
/// # Panics
/// As [`to_f64`].
pub fn to_integers(bytes: &[u8], dtype: &Dtype) -> Option<Vec<Rational>> {
    assert_eq!(bytes.len() % dtype.size(), 0, "data of {} bytes cut inside an element", bytes.len());
    match dtype.kind {
        Kind::I64 => Some(elements(bytes, dtype.big_endian, |b| Rational::from(i64::from_le_bytes(b)))),
        Kind::U64 => Some(elements(bytes, dtype.big_endian, |b| Rational::from(u64::from_le_bytes(b)))),
        _ => None,
    }
}

fn elements<const SIZE: usize, T>(
    bytes: &[u8],
    big_endian: bool,
    from_le: impl Fn([u8; SIZE]) -> T,
) -> Vec<T> {
    let (chunks, _) = bytes.as_chunks::<SIZE>();
    let convert = |&chunk: &[u8; SIZE]| {
        let mut chunk = chunk;
        if big_endian {
            chunk.reverse();
        }
        from_le(chunk)
    };
    chunks.iter().map(convert).collect()
}

fn exact<T: Copy>(
    values: Vec<T>,
    magnitude: impl Fn(T) -> u64,
    convert: impl Fn(T) -> f64,
) -> Result<Vec<f64>, Inexact> {
    match values.iter().position(|&value| magnitude(value) > LARGEST_EXACT) {
        Some(index) => Err(Inexact { index }),
        None => Ok(values.into_iter().map(convert).collect()),
    }
}

/// The value of an IEEE 754 half-precision number: 1 sign bit, 5 exponent bits of bias 15, 10 fraction bits.
fn half_to_f64(bits: u16) -> f64 {
    let fraction = f64::from(bits & 0x3ff) / 1024.0;
    let magnitude = match i32::from(bits >> 10 & 0x1f) {
        0 => fraction * 2.0f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (1.0 + fraction) * 2.0f64.powi(exponent - 15),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_have_the_values_of_the_standard() {
        // Table of examples for binary16 in IEEE 754: one, minus two, largest, least normal, least subnormal, a third.
        let third = 0.333_251_953_125;
        let table = [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 2.0f64.powi(-14)),
            (0x0001, 2.0f64.powi(-24)),
            (0x3555, third),
            (0x7c00, f64::INFINITY),
            (0xfc00, f64::NEG_INFINITY),
        ];
        for (bits, value) in table {
            assert_eq!(half_to_f64(bits), value);
        }
        assert!(half_to_f64(0x7e00).is_nan());
    }

    #[test]
    fn integers_are_accepted_up_to_the_last_exact_one() {
        let dtype = Dtype::parse("<i8").expect("known");
        let largest = 1i64 << 53;
        let bytes = |value: i64| value.to_le_bytes();
        assert_eq!(to_f64(&bytes(-largest), &dtype), Ok(vec![-(2.0f64.powi(53))]));
        assert_eq!(to_f64(&bytes(largest + 1), &dtype), Err(Inexact { index: 0 }));
        assert_eq!(to_f64(&bytes(i64::MIN), &dtype), Err(Inexact { index: 0 }));
        let unsigned = Dtype::parse(">u8").expect("known");
        let bytes = [1u64.to_be_bytes(), u64::MAX.to_be_bytes()].concat();
        assert_eq!(to_f64(&bytes, &unsigned), Err(Inexact { index: 1 }));
    }

    #[test]
    fn types_that_are_not_real_numbers_are_named() {
        for (code, family) in [
            ("|O", "Python objects"),
            ("<c16", "complex numbers"),
            ("<M8[ns]", "dates"),
            ("<m8[s]", "time differences"),
            ("<U5", "strings"),
            ("|S3", "strings"),
            ("|V8", "raw bytes"),
            ("<f16", "extended precision"),
        ] {
            let message = Dtype::parse(code).expect_err("not real numbers").to_string();
            assert!(message.contains(family) && message.contains(code), "{message}");
        }
        assert!(Dtype::parse("").is_err() && Dtype::parse("float64").is_err());
    }
}
