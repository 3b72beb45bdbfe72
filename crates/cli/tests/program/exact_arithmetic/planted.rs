//! Networks of small integers, and their exact samples as files.

use orthant::certificate::{Rational, RationalMatrix, RationalNetwork, RationalSamples};

use crate::bench::{Bench, npy};

pub const M: usize = 5;
pub const K: usize = 4;
pub const D: usize = 3;

/// A sequence of integers from −99 to 99, a linear congruence (Knuth's MMIX constants).
pub struct Integers(pub u64);

impl Iterator for Integers {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some((self.0 >> 33) as i64 % 199 - 99)
    }
}

/// A network of integers with both biases, and exact samples whose inputs are integers over `denominator`.
pub struct Planted {
    pub network: RationalNetwork,
    pub weights: Weights,
    pub inputs: Vec<Vec<i64>>,
    /// Times the denominator, as the inputs.
    pub labels: Vec<Vec<i64>>,
    pub denominator: i64,
}

pub fn plant(n: usize, denominator: i64, seed: u64) -> Planted {
    let mut integers = Integers(seed);
    let mut matrix = |rows: usize, columns: usize| -> Vec<Vec<i64>> {
        (0..rows).map(|_| integers.by_ref().take(columns).collect()).collect()
    };
    let (u, v, biases, inputs) = (matrix(M, K), matrix(K, D), matrix(2, M), matrix(n, D));
    let weights = Weights { u, v, b: biases[0][..K].to_vec(), c: biases[1].clone() };
    weights.plant(inputs, denominator)
}

/// Samples of a network without biases, in integers.
pub fn plant_without_biases(n: usize) -> Planted {
    let Planted { weights, inputs, .. } = plant(n, 1, 3);
    Weights { b: vec![0; K], c: vec![0; M], ..weights }.plant(inputs, 1)
}

/// U, V, b and c.
#[derive(Clone)]
pub struct Weights {
    pub u: Vec<Vec<i64>>,
    pub v: Vec<Vec<i64>>,
    pub b: Vec<i64>,
    pub c: Vec<i64>,
}

impl Weights {
    pub fn plant(self, inputs: Vec<Vec<i64>>, denominator: i64) -> Planted {
        let Weights { u, v, b, c } = &self;
        let dot = |a: &[i64], b: &[i64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<i64>();
        let labels = inputs.iter().map(|x| {
            let z: Vec<i64> = v.iter().zip(b).map(|(v, b)| (dot(v, x) + b * denominator).max(0)).collect();
            u.iter().zip(c).map(|(u, c)| dot(u, &z) + c * denominator).collect()
        });
        let labels = labels.collect();
        let exact =
            |rows: &[Vec<i64>]| RationalMatrix::from_fn(rows.len(), rows[0].len(), |i, j| rows[i][j].into());
        let vector = |values: &[i64]| Some(values.iter().map(|&value| Rational::from(value)).collect());
        let network = RationalNetwork::new(exact(u), exact(v), vector(b), vector(c)).expect("shapes fit");
        Planted { network, weights: self, inputs, labels, denominator }
    }
}

impl Planted {
    pub fn samples(&self) -> RationalSamples {
        let exact = |rows: &[Vec<i64>]| {
            RationalMatrix::from_fn(rows[0].len(), rows.len(), |i, j| {
                Rational::from_parts_signed(rows[j][i].into(), self.denominator.into())
            })
        };
        RationalSamples::new(exact(&self.inputs), exact(&self.labels)).expect("as many")
    }

    pub fn csv(&self, rows: &[Vec<i64>], header: &str) -> Vec<u8> {
        let field = |value: &i64| format!("{value}/{}", self.denominator);
        let line = |row: &Vec<i64>| row.iter().map(field).collect::<Vec<_>>().join(",") + "\n";
        [header.to_string()].into_iter().chain(rows.iter().map(line)).collect::<String>().into_bytes()
    }

    pub fn json(&self, rows: &[Vec<i64>]) -> Vec<u8> {
        let field = |value: &i64| format!("{value}/{}", self.denominator);
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(field).collect()).collect();
        serde_json::to_vec(&rows).expect("written")
    }

    /// 64-bit integers; the denominator must be 1.
    pub fn npy(&self, rows: &[Vec<i64>]) -> Vec<u8> {
        let data: Vec<u8> = rows.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
        npy("'<i8'", false, &format!("({}, {})", rows.len(), rows[0].len()), &data)
    }

    /// `x.csv`, with a header, and `a.json`.
    pub fn text_files(n: usize, seed: u64) -> (Bench, Planted) {
        let (bench, planted) = (Bench::new(), plant(n, 12, seed));
        bench.write("x.csv", &planted.csv(&planted.inputs, "x0,x1,x2\n"));
        bench.write("a.json", &planted.json(&planted.labels));
        (bench, planted)
    }
}
