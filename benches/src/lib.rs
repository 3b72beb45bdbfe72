//! Instances for the benchmarks, and how they are timed.

use std::fmt;
use std::ops::ControlFlow;
use std::time::Duration;

use criterion::{BatchSize, Criterion};
use orthant::network::{Planted, PlantedSpec};
use orthant::{Progress, Samples};

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
        self.planted_as(PlantedSpec::default())
    }

    /// A planted network of this size, everything else as in `spec` but for the seed.
    ///
    /// # Panics
    /// When a dimension is zero.
    pub fn planted_as(self, spec: PlantedSpec) -> Planted {
        let spec = PlantedSpec { m: self.m, k: self.k, d: self.d, seed: SEED, ..spec };
        spec.plant(self.n).expect("every dimension is at least 1")
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "k={},d={},m={},n={}", self.k, self.d, self.m, self.n)
    }
}

/// The samples of a planted network.
///
/// # Panics
/// Never: planted samples are finite.
pub fn samples(planted: &Planted) -> Samples<'_> {
    Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("planted samples are finite")
}

/// A callback that lets everything run to its end.
pub fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Ten samples in about so many milliseconds, or as long as ten runs take.
pub fn timing(milliseconds: u64) -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(milliseconds / 5))
        .measurement_time(Duration::from_millis(milliseconds))
}

/// Times `run`, of which one answer has to be right before.
///
/// # Panics
/// When it is not.
pub fn checked<T>(
    c: &mut Criterion,
    id: &str,
    mut run: impl FnMut() -> T,
    is_right: impl FnOnce(&T) -> bool,
) {
    assert!(is_right(&run()), "{id}: the answer is wrong");
    c.bench_function(id, |b| b.iter(&mut run));
}

/// Times `run` on copies of `input` that are made outside of what is timed; one answer has to be right before.
///
/// # Panics
/// When it is not.
pub fn checked_on<I: Clone, T>(
    c: &mut Criterion,
    id: &str,
    input: &I,
    mut run: impl FnMut(I) -> T,
    is_right: impl FnOnce(&T) -> bool,
) {
    assert!(is_right(&run(input.clone())), "{id}: the answer is wrong");
    c.bench_function(id, |b| b.iter_batched(|| input.clone(), &mut run, BatchSize::LargeInput));
}
