//! Errors in labels, for tests, benchmarks and experiments.

use orthant_linalg::{Mat, random};
use rand::RngExt;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The distribution of errors that every label has, independent over entries, of mean zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoiseKind {
    /// Normal.
    Gaussian,
    /// Uniform on [−√3 σ, √3 σ].
    Uniform,
    /// −σ or σ with equal probability.
    Sign,
}

impl NoiseKind {
    /// All kinds, in the order of their declaration.
    pub const ALL: [NoiseKind; 3] = [NoiseKind::Gaussian, NoiseKind::Uniform, NoiseKind::Sign];

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            NoiseKind::Gaussian => "gaussian",
            NoiseKind::Uniform => "uniform",
            NoiseKind::Sign => "sign",
        }
    }

    fn draw(self, rng: &mut ChaCha8Rng) -> f64 {
        match self {
            NoiseKind::Gaussian => StandardNormal.sample(rng),
            NoiseKind::Uniform => 3.0f64.sqrt() * (2.0 * rng.random::<f64>() - 1.0),
            NoiseKind::Sign => f64::from(rng.random::<bool>()) * 2.0 - 1.0,
        }
    }

    /// An error matrix E of m × n independent entries of standard deviation `std`. The first samples are the same for every larger n.
    ///
    /// # Cost
    /// mn draws.
    pub fn errors(self, m: usize, n: usize, std: f64, seed: u64) -> Mat<f64> {
        let rng = &mut random::stream(seed, "label noise", 0);
        let mut errors = Mat::zeros(m, n);
        for sample in errors.as_mut().col_iter_mut() {
            sample.iter_mut().for_each(|e| *e = std * self.draw(rng));
        }
        errors
    }
}

/// A sparse error matrix (Definition 79): `count` entries at positions drawn uniformly without repetition, the others zero. The values
/// are normal with standard deviation `size`; the definition allows any.
///
/// # Shapes
/// The result is m × n.
///
/// # Panics
/// When `count` exceeds m n.
///
/// # Cost
/// `count` positions and as many normal draws, and a pass over the mn entries.
pub fn gross_errors(m: usize, n: usize, count: usize, size: f64, seed: u64) -> Mat<f64> {
    let rng = &mut random::stream(seed, "gross errors", 0);
    let mut errors = Mat::zeros(m, n);
    for at in index::sample(rng, m * n, count) {
        let value: f64 = StandardNormal.sample(rng);
        errors[(at % m, at / m)] = size * value;
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::product;

    #[test]
    fn noise_has_the_stated_size_and_extends() {
        let (m, n, std) = (5, 4000, 0.25);
        for kind in NoiseKind::ALL {
            let e = kind.errors(m, n, std, 3);
            let found = product::frobenius(e.as_ref()) / ((m * n) as f64).sqrt();
            // The squares have a relative standard deviation of at most √2: six standard errors of the mean square.
            let tolerance = 6.0 * 2.0f64.sqrt() / ((m * n) as f64).sqrt();
            assert!((found / std - 1.0).abs() < tolerance, "{}: {found}", kind.name());
            let mean = e.col_iter().map(|sample| sample.iter().sum::<f64>()).sum::<f64>() / (m * n) as f64;
            assert!(mean.abs() < 6.0 * std / ((m * n) as f64).sqrt(), "{}: {mean}", kind.name());
            assert_eq!(kind.errors(m, 7, std, 3), e.as_ref().subcols(0, 7).to_owned());
        }
    }

    #[test]
    fn gross_errors_have_the_stated_number() {
        let e = gross_errors(7, 30, 21, 10.0, 1);
        let hit = e.col_iter().flat_map(|sample| sample.iter().filter(|&&e| e != 0.0)).count();
        assert_eq!(hit, 21);
        let full = gross_errors(2, 3, 6, 1.0, 0);
        assert!((0..3).all(|j| full.col(j).iter().all(|&e| e != 0.0)));
    }
}
