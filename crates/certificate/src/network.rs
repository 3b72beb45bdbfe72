//! Networks and samples over the rationals.

use dashu_base::BitTest;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Rational;
use crate::matrix::{RationalMatrix, ShapeError, optional_vector};

/// The network x ↦ U max(Vx + b, 0) + c with rational weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct RationalNetwork {
    parts: Parts,
}

/// The weights, as they are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    u: RationalMatrix,
    v: RationalMatrix,
    #[serde(default, with = "optional_vector", skip_serializing_if = "Option::is_none")]
    b: Option<Vec<Rational>>,
    #[serde(default, with = "optional_vector", skip_serializing_if = "Option::is_none")]
    c: Option<Vec<Rational>>,
}

impl TryFrom<Parts> for RationalNetwork {
    type Error = ShapeError;

    fn try_from(parts: Parts) -> Result<RationalNetwork, ShapeError> {
        RationalNetwork::new(parts.u, parts.v, parts.b, parts.c)
    }
}

impl From<RationalNetwork> for Parts {
    fn from(network: RationalNetwork) -> Parts {
        network.parts
    }
}

impl RationalNetwork {
    /// The network of these weights.
    ///
    /// # Shapes
    /// `u` is m × k, `v` is k × d, `b` has length k, `c` has length m; k and m at least 1.
    ///
    /// # Errors
    /// [`ShapeError`] when they do not fit.
    pub fn new(
        u: RationalMatrix,
        v: RationalMatrix,
        b: Option<Vec<Rational>>,
        c: Option<Vec<Rational>>,
    ) -> Result<RationalNetwork, ShapeError> {
        let expect = |part, axis, found: usize, expected: usize| {
            if found == expected { Ok(()) } else { Err(ShapeError { part, axis, found, expected }) }
        };
        expect("V", "rows", v.nrows(), v.nrows().max(1))?;
        expect("U", "rows", u.nrows(), u.nrows().max(1))?;
        expect("U", "columns", u.ncols(), v.nrows())?;
        expect("b", "entries", b.as_ref().map_or(v.nrows(), Vec::len), v.nrows())?;
        expect("c", "entries", c.as_ref().map_or(u.nrows(), Vec::len), u.nrows())?;
        Ok(RationalNetwork { parts: Parts { u, v, b, c } })
    }

    /// Output weights U, m × k.
    pub fn u(&self) -> &RationalMatrix {
        &self.parts.u
    }

    /// Hidden weights V, k × d.
    pub fn v(&self) -> &RationalMatrix {
        &self.parts.v
    }

    /// Hidden biases b, of length k, if the network has them.
    pub fn b(&self) -> Option<&[Rational]> {
        self.parts.b.as_deref()
    }

    /// Output biases c, of length m, if the network has them.
    pub fn c(&self) -> Option<&[Rational]> {
        self.parts.c.as_deref()
    }

    /// The number of inputs d.
    pub fn d(&self) -> usize {
        self.v().ncols()
    }

    /// The number of hidden units k.
    pub fn k(&self) -> usize {
        self.v().nrows()
    }

    /// The number of outputs m.
    pub fn m(&self) -> usize {
        self.u().nrows()
    }

    /// Bits of the largest numerator or denominator of a weight.
    pub fn bits(&self) -> usize {
        let rows = (0..self.m()).map(|i| self.u().row(i)).chain((0..self.k()).map(|i| self.v().row(i)));
        let weights = rows.chain(self.b()).chain(self.c()).flatten();
        weights.map(|w| w.numerator().bit_len().max(w.denominator().bit_len())).max().unwrap_or(0)
    }
}

/// Inputs X, d × n, and labels A, m × n, exact: column j of both is sample j. Files have samples in rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RationalSamples {
    inputs: RationalMatrix,
    labels: RationalMatrix,
}

impl RationalSamples {
    /// The samples of these inputs and labels, one per column.
    ///
    /// # Errors
    /// [`ShapeError`] when there are not as many labels as inputs.
    pub fn new(inputs: RationalMatrix, labels: RationalMatrix) -> Result<RationalSamples, ShapeError> {
        if inputs.ncols() != labels.ncols() {
            return Err(ShapeError {
                part: "the label matrix",
                axis: "columns",
                found: labels.ncols(),
                expected: inputs.ncols(),
            });
        }
        Ok(RationalSamples { inputs, labels })
    }

    /// Inputs X, d × n.
    pub fn inputs(&self) -> &RationalMatrix {
        &self.inputs
    }

    /// Labels A, m × n.
    pub fn labels(&self) -> &RationalMatrix {
        &self.labels
    }

    /// The number of samples n.
    pub fn n(&self) -> usize {
        self.inputs.ncols()
    }

    /// The fingerprint of the numbers, whatever file they came from: SHA-256 of d, m and n and of the lowest terms of all entries, row by
    /// row, X first, each followed by a line feed; in hexadecimal.
    pub fn sha256(&self) -> String {
        use std::fmt::Write as _;
        const PIECE: usize = 1 << 16;
        let (mut hash, mut text) = (Sha256::new(), String::new());
        hash.update(format!("{}\n{}\n{}\n", self.inputs.nrows(), self.labels.nrows(), self.n()));
        for matrix in [&self.inputs, &self.labels] {
            for entry in (0..matrix.nrows()).flat_map(|i| matrix.row(i)) {
                // The same text, sooner.
                let small = entry.denominator().is_one().then(|| i64::try_from(entry.numerator()));
                // Writing to a string does not fail.
                let _ = match small {
                    Some(Ok(small)) => writeln!(text, "{small}"),
                    _ => writeln!(text, "{entry}"),
                };
                // In pieces: the text of all numbers may be much longer than their file.
                if text.len() >= PIECE {
                    hash.update(&text);
                    text.clear();
                }
            }
        }
        hash.update(&text);
        hash.finalize().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fraction(p: i64, q: u64) -> Rational {
        Rational::from_parts(p.into(), q.into())
    }

    #[test]
    fn networks_are_written_and_read() {
        let network = RationalNetwork::new(
            RationalMatrix::from_fn(1, 2, |_, i| fraction(i as i64 + 1, 3)),
            RationalMatrix::from_fn(2, 1, |_, _| fraction(1, 1)),
            Some(vec![fraction(-1, 2), fraction(0, 1)]),
            None,
        )
        .expect("fits");
        let text = serde_json::to_string(&network).expect("writes");
        assert_eq!(text, r#"{"u":[["1/3","2/3"]],"v":[["1"],["1"]],"b":["-1/2","0"]}"#);
        assert_eq!(serde_json::from_str::<RationalNetwork>(&text).expect("reads"), network);
        assert_eq!(network.bits(), 2);
        for wrong in [
            r#"{"u":[["1"]],"v":[["1"],["1"]]}"#,
            r#"{"u":[],"v":[]}"#,
            r#"{"u":[["1"]],"v":[["1"]],"b":[]}"#,
            r#"{"u":[["1"]],"v":[["1"]],"w":[]}"#,
        ] {
            assert!(serde_json::from_str::<RationalNetwork>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_fingerprint_is_that_of_the_numbers() {
        let samples = |label: Rational| {
            let x = RationalMatrix::from_fn(1, 1, |_, _| fraction(2, 4));
            RationalSamples::new(x, RationalMatrix::from_fn(1, 1, |_, _| label.clone())).expect("one each")
        };
        // printf '1\n1\n1\n1/2\n-3\n' | sha256sum
        assert_eq!(
            samples(fraction(-3, 1)).sha256(),
            "a7868884428ad680e0c0b66f5d301a2eeed83bd38dd3ee50fb904796e1eb4cde"
        );
        assert_ne!(samples(fraction(-3, 1)).sha256(), samples(fraction(-4, 1)).sha256());
    }

    #[test]
    fn the_fingerprint_of_long_text_is_that_of_all_of_it() {
        let ten = Rational::from(10);
        let x = RationalMatrix::from_fn(2, 100, |i, j| ten.pow((900 + i * 100 + j) as isize));
        let samples =
            RationalSamples::new(x, RationalMatrix::from_fn(1, 100, |_, _| Rational::ONE)).expect("as many");
        // python3 -c "print('2\n1\n100'); [print(10 ** (900 + e)) for e in range(200)]; [print(1) for _ in range(100)]" | sha256sum
        assert_eq!(samples.sha256(), "3cc4701702606a12a38ce38a79775e1a569d73a3b5fe022fe9bce3086dcd54db");
    }
}
