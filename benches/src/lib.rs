//! Instances for the benchmarks.

use std::fmt;

use orthant::network::{Planted, PlantedSpec};

/// The seed of every instance and of every search.
pub const SEED: u64 = 1;

/// The size of an instance; printed, it is the second half of a benchmark's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Hidden units.
    pub k: usize,
    /// Inputs.
    pub d: usize,
    /// Outputs.
    pub m: usize,
    /// Samples.
    pub n: usize,
}

impl Size {
    /// k = d = m, and this many samples for each.
    pub fn cube(k: usize, samples_per_unit: usize) -> Size {
        Size { k, d: k, m: k, n: samples_per_unit * k }
    }

    /// A planted network of this size without biases, with Gaussian inputs.
    ///
    /// # Panics
    /// When a dimension is zero.
    pub fn planted(self) -> Planted {
        let spec = PlantedSpec { m: self.m, k: self.k, d: self.d, seed: SEED, ..PlantedSpec::default() };
        spec.plant(self.n).expect("every dimension is at least 1")
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "k={},d={},m={},n={}", self.k, self.d, self.m, self.n)
    }
}
