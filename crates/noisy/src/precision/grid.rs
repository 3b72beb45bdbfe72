//! The common step of values k · step + offset.

/// Rounding errors that a step must exceed so that conformity means something.
const LEAST_STEP: f64 = 1024.0;

/// Fraction of the step that the error of a multiple may reach before it means nothing.
const LARGEST_ERROR: f64 = 1.0 / 64.0;

/// A grid with an estimate of its step.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    offset: f64,
    step: f64,
    /// Bound of the error of `step`.
    error: f64,
    /// Bound of the error of a difference of two values.
    rounding: f64,
}

impl Grid {
    /// The coarsest grid that different values, ascending, lie on: an approximate greatest common divisor of their gaps, each known
    /// to twice `value_error`. None when no step exceeds what rounding makes of values without one.
    pub(super) fn of(values: &[f64], value_error: f64) -> Option<Grid> {
        let rounding = 2.0 * value_error;
        let mut gaps: Vec<f64> =
            values.windows(2).map(|w| w[1] - w[0]).filter(|&gap| gap > rounding).collect();
        gaps.sort_by(f64::total_cmp);
        let &step = gaps.first()?;
        let mut grid = Grid { offset: *values.first()?, step, error: rounding, rounding };
        // Ascending, so that the step becomes surer before large multiples of it are judged.
        let span = values.last()? - grid.offset;
        gaps.into_iter().chain([span]).all(|gap| grid.refine(gap)).then_some(grid)
    }

    /// The step.
    pub(super) fn step(&self) -> f64 {
        self.step
    }

    /// Whether the value lies on the grid, or on a finer one, which is then taken.
    pub(super) fn extend(&mut self, value: f64) -> bool {
        self.refine((value - self.offset).abs())
    }

    /// Base-2 logarithm of 1 over the probability with which values of a density would lie on this grid: the first of them gives the
    /// offset and the second the step.
    pub(super) fn evidence(&self, values: &[f64]) -> f64 {
        let bits = |value: &f64| {
            let multiple = ((value - self.offset) / self.step).abs();
            (self.step / (2.0 * (self.rounding + multiple * self.error))).log2().max(0.0)
        };
        values.iter().skip(2).map(bits).sum()
    }

    /// Takes a difference of two values into account; false when no step is left.
    fn refine(&mut self, difference: f64) -> bool {
        if !difference.is_finite() {
            return false;
        }
        let mut known = (difference, self.rounding);
        // Euclid's algorithm, with a bound of the error of each remainder.
        loop {
            if self.step < LEAST_STEP * self.rounding {
                return false;
            }
            let multiple = (known.0 / self.step).round();
            if !multiple.is_finite() {
                return false;
            }
            let allowed = known.1 + multiple * self.error;
            if allowed > LARGEST_ERROR * self.step {
                return false;
            }
            let remainder = (known.0 - multiple * self.step).abs();
            if remainder <= allowed {
                if multiple >= 1.0 && known.1 / multiple < self.error {
                    (self.step, self.error) = (known.0 / multiple, known.1 / multiple);
                }
                return true;
            }
            known = (self.step, self.error);
            (self.step, self.error) = (remainder, allowed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::{random, tolerance};

    #[test]
    fn the_step_is_found_from_multiples_without_the_step_itself() {
        let values = [0.3, 0.3 + 6.0 * 0.01, 0.3 + 16.0 * 0.01, 0.3 + 31.0 * 0.01];
        let grid = Grid::of(&values, 4.0 * tolerance::EPS).expect("a grid");
        assert!((grid.step() - 0.01).abs() < 1e-14, "{grid:?}");
        let mut coarse = Grid::of(&values[..3], 4.0 * tolerance::EPS).expect("a grid");
        assert!((coarse.step() - 0.02).abs() < 1e-14);
        assert!(coarse.extend(0.3 + 31.0 * 0.01) && (coarse.step() - 0.01).abs() < 1e-14);
        assert!(!coarse.extend(0.3 + 0.01 * std::f64::consts::E));
    }

    /// Multiples beyond the range of numbers, and no rounding to speak of.
    #[test]
    fn the_ends_of_the_range_have_no_step() {
        assert!(Grid::of(&[0.0, 5e-324, f64::MAX], 0.0).is_none());
        assert!(Grid::of(&[-f64::MAX, 0.0, f64::MAX], 0.0).is_none());
        assert!(Grid::of(&[0.0, 5e-324, 1e-320], 0.0).is_some());
    }

    #[test]
    fn values_of_a_density_have_no_step() {
        for seed in 0..200 {
            let mut values = random::gaussian_vec(20, &mut random::stream(seed, "grid", 0));
            values.sort_by(f64::total_cmp);
            assert!(Grid::of(&values, 16.0 * tolerance::EPS).is_none(), "seed {seed}");
        }
    }
}
