//! Networks of small integers, whose labels are exact in `f64`.

use orthant_linalg::{Mat, random};
use rand::RngExt;

use crate::network::Network;
use crate::planted::{BiasKind, Planted};

/// The recipe of a planted network with integer weights. Same recipe, same bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegerSpec {
    /// Number of outputs. Default 10.
    pub m: usize,
    /// Number of hidden units. Default 10.
    pub k: usize,
    /// Number of inputs. Default 10.
    pub d: usize,
    /// Which biases. Default both.
    pub bias: BiasKind,
    /// Bits of weights and biases with their sign: uniform between −(2^(bits − 1) − 1) and its negative. Default 8.
    pub weight_bits: u32,
    /// Bits of inputs with their sign. Default 16.
    pub input_bits: u32,
    /// Binary digits of the inputs behind the point: 0, the default, makes them integers.
    pub fraction_bits: u32,
    /// Seed of all draws. Default 0.
    pub seed: u64,
}

impl Default for IntegerSpec {
    fn default() -> IntegerSpec {
        IntegerSpec {
            m: 10,
            k: 10,
            d: 10,
            bias: BiasKind::Both,
            weight_bits: 8,
            input_bits: 16,
            fraction_bits: 0,
            seed: 0,
        }
    }
}

/// Weights of integers with samples whose labels are not rounded.
#[derive(Debug, Clone, PartialEq)]
pub struct IntegerPlanted {
    /// Output weights, m × k.
    pub u: Mat<f64>,
    /// Hidden weights, k × d.
    pub v: Mat<f64>,
    /// Hidden biases.
    pub b: Option<Vec<f64>>,
    /// Output biases.
    pub c: Option<Vec<f64>>,
    /// Inputs, d × n.
    pub x: Mat<f64>,
    /// Labels, m × n: exactly U max(Vx + b, 0) + c.
    pub a: Mat<f64>,
}

/// A recipe that cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IntegerSpecError {
    /// A dimension is zero.
    #[error("{name} is 0: every dimension must be at least 1")]
    ZeroDimension {
        /// m, k, d or n.
        name: &'static str,
    },
    /// Labels would have more digits than an `f64`, or numbers none.
    #[error(
        "labels would have up to {bits} binary digits: weights and inputs need 2 at least, and labels have room for 53"
    )]
    Bits {
        /// Digits of a label at most.
        bits: u32,
    },
}

impl IntegerSpec {
    /// Binary digits that labels may have: at most 53 are exact in `f64`.
    pub fn label_bits(&self) -> u32 {
        // Sums of d products and a bias, then of k products of these and a bias: a carry each.
        let carries = self.d.saturating_add(1).ilog2() + self.k.saturating_add(1).ilog2() + 2;
        let largest = self.input_bits.max(self.fraction_bits);
        self.weight_bits.saturating_mul(2).saturating_add(largest).saturating_add(carries)
    }

    /// Draws the network and `n` samples. Units and outputs that are all zero are drawn again until they are not.
    ///
    /// # Errors
    /// [`IntegerSpecError`].
    ///
    /// # Cost
    /// A draw per weight and input, k (d + m) n products.
    pub fn plant(&self, n: usize) -> Result<IntegerPlanted, IntegerSpecError> {
        for (name, value) in [("m", self.m), ("k", self.k), ("d", self.d), ("n", n)] {
            if value == 0 {
                return Err(IntegerSpecError::ZeroDimension { name });
            }
        }
        let bits = self.label_bits();
        if self.weight_bits < 2 || self.input_bits < 2 || bits > 53 {
            return Err(IntegerSpecError::Bits { bits });
        }
        let bound = |bits: u32| (1i64 << (bits - 1)) - 1;
        let rng = &mut random::stream(self.seed, "integer network", 0);
        let weights = bound(self.weight_bits);
        let mut row = |len: usize| loop {
            let row: Vec<f64> = (0..len).map(|_| rng.random_range(-weights..=weights) as f64).collect();
            if row.iter().any(|&w| w != 0.0) {
                break row;
            }
        };
        let rows: Vec<Vec<f64>> = (0..self.k).map(|_| row(self.d)).collect();
        let columns: Vec<Vec<f64>> = (0..self.k).map(|_| row(self.m)).collect();
        let b = self.bias.hidden().then(|| row(self.k));
        let c = self.bias.output().then(|| row(self.m));
        let rng = &mut random::stream(self.seed, "integer inputs", 0);
        let (inputs, unit) = (bound(self.input_bits), 2f64.powi(-(self.fraction_bits as i32)));
        let x = Mat::from_fn(self.d, n, |_, _| rng.random_range(-inputs..=inputs) as f64 * unit);
        let u = Mat::from_fn(self.m, self.k, |o, i| columns[i][o]);
        let v = Mat::from_fn(self.k, self.d, |i, r| rows[i][r]);
        let z = Mat::from_fn(self.k, n, |i, j| {
            let t =
                (0..self.d).map(|r| v[(i, r)] * x[(r, j)]).sum::<f64>() + b.as_ref().map_or(0.0, |b| b[i]);
            t.max(0.0)
        });
        let a = Mat::from_fn(self.m, n, |o, j| {
            (0..self.k).map(|i| u[(o, i)] * z[(i, j)]).sum::<f64>() + c.as_ref().map_or(0.0, |c| c[o])
        });
        Ok(IntegerPlanted { u, v, b, c, x, a })
    }
}

impl IntegerPlanted {
    /// The nearest network with rows of V of unit norm, and the samples.
    ///
    /// # Cost
    /// A copy.
    pub fn normalised(&self) -> Planted {
        let network = Network::new(self.u.clone(), self.v.clone(), self.b.clone(), self.c.clone())
            .expect("the parts were drawn with fitting shapes");
        Planted { network, x: self.x.clone(), a: self.a.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_those_of_integer_arithmetic() {
        for (fraction_bits, bias) in [(0, BiasKind::Both), (12, BiasKind::Both), (16, BiasKind::None)] {
            let spec =
                IntegerSpec { m: 4, k: 5, d: 6, bias, fraction_bits, seed: 2, ..IntegerSpec::default() };
            let planted = spec.plant(40).expect("fits");
            let scale = 2f64.powi(fraction_bits as i32);
            let integer = |value: f64| {
                assert_eq!(value.fract(), 0.0);
                value as i128
            };
            for j in 0..40 {
                let z: Vec<i128> = (0..5)
                    .map(|i| {
                        let products =
                            (0..6).map(|r| integer(planted.v[(i, r)]) * integer(planted.x[(r, j)] * scale));
                        let bias = planted.b.as_ref().map_or(0, |b| integer(b[i] * scale));
                        (products.sum::<i128>() + bias).max(0)
                    })
                    .collect();
                for o in 0..4 {
                    let bias = planted.c.as_ref().map_or(0, |c| integer(c[o] * scale));
                    let label = (0..5).map(|i| integer(planted.u[(o, i)]) * z[i]).sum::<i128>() + bias;
                    assert_eq!(integer(planted.a[(o, j)] * scale), label);
                }
            }
            assert_eq!(planted, spec.plant(40).expect("fits"));
            assert_eq!(planted.normalised().a, planted.a);
        }
    }

    #[test]
    fn recipes_without_room_are_refused() {
        let with = |weight_bits, input_bits, fraction_bits| {
            IntegerSpec { weight_bits, input_bits, fraction_bits, ..IntegerSpec::default() }.plant(3).err()
        };
        assert_eq!(with(8, 16, 0), None);
        assert_eq!(with(16, 16, 0), Some(IntegerSpecError::Bits { bits: 56 }));
        assert_eq!(with(8, 8, 40), Some(IntegerSpecError::Bits { bits: 64 }));
        assert!(with(1, 16, 0).is_some() && with(8, 1, 0).is_some());
        assert!(with(u32::MAX, u32::MAX, u32::MAX).is_some());
        let none = IntegerSpec { k: 0, ..IntegerSpec::default() }.plant(3).err();
        assert_eq!(none, Some(IntegerSpecError::ZeroDimension { name: "k" }));
    }
}
