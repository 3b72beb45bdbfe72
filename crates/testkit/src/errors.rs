//! Error matrices that do not depend on the inputs, and have no distribution in common: the hypothesis of Theorem 78.

use orthant_linalg::{Mat, product, random};
use orthant_network::{Network, NoiseKind};
use rand_distr::{Distribution, StudentT};

/// A kind of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelErrors {
    /// Independent normal entries.
    Gaussian,
    /// Independent entries without a variance.
    Student2,
    /// Rank one: the first column of U times positive numbers, as if its unit were larger.
    Aligned,
    /// The same vector added to all labels, against the mean of the signal.
    Constant,
    /// Five columns, all else zero.
    Giant,
    /// One vector on three tenths of the samples, another on the next three tenths.
    Blocks,
    /// Signs s_o t_q in every entry.
    Signs,
}

impl LabelErrors {
    /// All kinds, in the order of their declaration.
    pub const ALL: [LabelErrors; 7] = [
        LabelErrors::Gaussian,
        LabelErrors::Student2,
        LabelErrors::Aligned,
        LabelErrors::Constant,
        LabelErrors::Giant,
        LabelErrors::Blocks,
        LabelErrors::Signs,
    ];

    /// What figures and failing tests call it.
    pub fn name(self) -> &'static str {
        match self {
            LabelErrors::Gaussian => "normal",
            LabelErrors::Student2 => "Student 2",
            LabelErrors::Aligned => "along a column of U",
            LabelErrors::Constant => "constant",
            LabelErrors::Giant => "five giant columns",
            LabelErrors::Blocks => "blocks",
            LabelErrors::Signs => "signs",
        }
    }

    /// The kind of this [`name`](LabelErrors::name).
    pub fn named(name: &str) -> Option<LabelErrors> {
        LabelErrors::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The error matrix E, m × n, of Frobenius norm `size`. It sees the weights and not the inputs. n at least 5.
    pub fn errors(self, network: &Network, n: usize, size: f64, seed: u64) -> Mat<f64> {
        let m = network.m();
        let rng = &mut random::stream(seed, "arbitrary errors", self as u64);
        let vectors = random::gaussian(m, 2, rng);
        let e = match self {
            LabelErrors::Gaussian => random::gaussian(m, n, rng),
            LabelErrors::Student2 => {
                let student = StudentT::new(2.0).expect("2 is positive");
                Mat::from_fn(m, n, |_, _| student.sample(rng))
            }
            LabelErrors::Aligned => {
                let sizes = random::gaussian_vec(n, rng);
                Mat::from_fn(m, n, |o, q| network.u()[(o, 0)] * sizes[q].abs())
            }
            LabelErrors::Constant => Mat::from_fn(m, n, |o, _| -network.u().row(o).iter().sum::<f64>()),
            LabelErrors::Giant => Mat::from_fn(m, n, |o, q| match q % (n / 5) {
                0 => vectors[(o, (q / (n / 5)) % 2)],
                _ => 0.0,
            }),
            LabelErrors::Blocks => Mat::from_fn(m, n, |o, q| match 10 * q / n {
                0..3 => vectors[(o, 0)],
                3..6 => vectors[(o, 1)],
                _ => 0.0,
            }),
            LabelErrors::Signs => {
                let signs = NoiseKind::Sign.errors(1, n, 1.0, seed);
                Mat::from_fn(m, n, |o, q| vectors[(o, 0)].signum() * signs[(0, q)])
            }
        };
        let norm = product::frobenius(e.as_ref());
        &e * (size / norm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::spectrum;
    use orthant_network::PlantedSpec;

    #[test]
    fn errors_have_the_stated_norm_and_differ() {
        let planted =
            PlantedSpec { m: 4, k: 2, d: 3, seed: 1, ..PlantedSpec::default() }.plant(50).expect("valid");
        for kind in LabelErrors::ALL {
            assert_eq!(LabelErrors::named(kind.name()), Some(kind));
            let e = kind.errors(&planted.network, 50, 3.0, 1);
            let norm = product::frobenius(e.as_ref());
            // A few roundings.
            assert!((norm - 3.0).abs() < 1e-13, "{kind:?}: {norm}");
            let s = spectrum::singular_values(e.transpose()).expect("finite");
            let rank = s.iter().filter(|s| **s > 1e-10).count();
            let expected = match kind {
                LabelErrors::Aligned | LabelErrors::Constant | LabelErrors::Signs => 1,
                LabelErrors::Giant | LabelErrors::Blocks => 2,
                LabelErrors::Gaussian | LabelErrors::Student2 => 4,
            };
            assert_eq!(rank, expected, "{kind:?}");
        }
    }
}
