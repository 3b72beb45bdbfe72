//! The grid of Algorithm 9 as printed.

/// The grid of step 2 of Algorithm 9: matrices whose entries are (1/σ)(1 + ε⁴/(c k⁴))⁻ⁱ for 0 ≤ i ≤ c'k⁸κ⁸/ε⁸, of either sign.
///
/// The paper prints positive entries only, and leaves the constants c, c' open. A left inverse has entries of both signs, so both are in
/// the grid here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PrintedGrid {
    /// Number of units k.
    pub width: usize,
    /// Rows s of the sketched labels; the matrices are k × s.
    pub rows: usize,
    /// Least singular value of U.
    pub sigma_min: f64,
    /// Condition number of U, at least 1.
    pub kappa: f64,
    /// The accuracy ε, below 1.
    pub accuracy: f64,
    /// The constant c in the ratio of neighbouring entries.
    pub ratio_constant: f64,
    /// The constant c' in the number of entries.
    pub count_constant: f64,
}

impl PrintedGrid {
    /// Values of one entry: 2(⌊c'k⁸κ⁸/ε⁸⌋ + 1), saturating.
    pub fn entry_values(&self) -> u128 {
        let power = (self.width as f64 * self.kappa / self.accuracy).powi(8);
        let exponents = (self.count_constant * power).floor() as u128;
        exponents.saturating_add(1).saturating_mul(2)
    }

    /// The number of matrices, saturating: `entry_values` to the power ks.
    pub fn members(&self) -> u128 {
        let cells = u32::try_from(self.width.saturating_mul(self.rows)).unwrap_or(u32::MAX);
        self.entry_values().saturating_pow(cells)
    }

    /// Entry values in descending size, each followed by its negative.
    fn value(&self, index: u128) -> f64 {
        let ratio = 1.0 + self.accuracy.powi(4) / (self.ratio_constant * (self.width as f64).powi(4));
        let size = ratio.powf(-((index / 2) as f64)) / self.sigma_min;
        if index.is_multiple_of(2) { size } else { -size }
    }

    /// Member `index` of the grid of a single unit: a row of length s.
    pub(super) fn row(&self, mut index: u128) -> Vec<f64> {
        let values = self.entry_values();
        let entry = |_| {
            let value = self.value(index % values);
            index /= values;
            value
        };
        (0..self.rows).map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(width: usize, rows: usize, accuracy: f64) -> PrintedGrid {
        PrintedGrid {
            width,
            rows,
            sigma_min: 2.0,
            kappa: 1.0,
            accuracy,
            ratio_constant: 1.0,
            count_constant: 1.0,
        }
    }

    #[test]
    fn the_size_is_that_of_the_formula_and_saturates() {
        assert_eq!(grid(1, 1, 0.5).members(), 2 * 257);
        assert_eq!(grid(1, 2, 0.5).members(), 514 * 514);
        assert_eq!(grid(2, 2, 0.5).members(), (2u128 * 65_537).pow(4));
        assert_eq!(grid(3, 100, 0.1).members(), u128::MAX);
    }

    #[test]
    fn members_are_the_products_of_the_entries() {
        let grid = grid(1, 2, 0.5);
        let step = 1.0 / (1.0 + 1.0 / 16.0);
        assert_eq!(grid.row(0), vec![0.5, 0.5]);
        assert_eq!(grid.row(1), vec![-0.5, 0.5]);
        let row = grid.row(514 * 3 + 2);
        assert!((row[0] - 0.5 * step).abs() < 1e-15 && (row[1] + 0.5 * step).abs() < 1e-15);
    }
}
