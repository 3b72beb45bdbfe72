//! Linear systems with more equations than unknowns, solved with a proven error bound.

use orthant_linalg::qr::Qr;
use orthant_linalg::{Mat, MatRef, product, tolerance, triangular};

use super::rounding::{Ball, Sum, add, div, exponent, gamma, gap, mul, underflow};

/// Rounds of refinement, each of which gains the digits that the conditioning leaves.
const REFINEMENTS: usize = 8;

/// Times that the bound is put into its own inequality.
const TIGHTENINGS: usize = 2;

/// A matrix known to a radius in each entry.
#[derive(Debug, Clone)]
pub(super) struct BallMatrix {
    pub mid: Mat<f64>,
    pub rad: Mat<f64>,
}

impl BallMatrix {
    pub(super) fn zeros(rows: usize, cols: usize) -> BallMatrix {
        BallMatrix { mid: Mat::zeros(rows, cols), rad: Mat::zeros(rows, cols) }
    }

    pub(super) fn from_fn(rows: usize, cols: usize, mut entry: impl FnMut(usize, usize) -> Ball) -> Self {
        let mut matrix = BallMatrix::zeros(rows, cols);
        for j in 0..cols {
            for i in 0..rows {
                matrix.set(i, j, entry(i, j));
            }
        }
        matrix
    }

    pub(super) fn set(&mut self, i: usize, j: usize, ball: Ball) {
        self.mid[(i, j)] = ball.mid;
        self.rad[(i, j)] = ball.rad;
    }

    pub(super) fn get(&self, i: usize, j: usize) -> Ball {
        Ball { mid: self.mid[(i, j)], rad: self.rad[(i, j)] }
    }
}

/// Why a system has no enclosure of its solutions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// That the columns are independent could not be shown.
    Rank,
    /// No matrix and right-hand side within the radii satisfy this equation where the others hold.
    Inconsistent {
        /// The equation.
        row: usize,
    },
}

/// Balls that contain every X with AX = B for some A and B within the radii given: N × p and N × s, N ≥ p; X is p × s.
///
/// For any p × N matrix R and any x̃, the error e = |x − x̃| of a solution satisfies e ≤ f + Ge, where f bounds |R(b − Ax̃)| and G bounds
/// |I − RA|, both over all A and b within the radii. If the row sums of G are at most θ < 1, the columns of A are independent and
/// e ≤ f + g max(f)/(1 − θ), g the row sums; and with any bound e' of e, e ≤ f + Ge'. R is a left inverse computed by QR, and x̃ is
/// refined with residuals in twice the working precision.
///
/// Rows and columns are scaled by powers of two, so that units of measure do not matter.
pub(super) fn enclose(a: &BallMatrix, b: &BallMatrix) -> Result<BallMatrix, Failure> {
    let scaled = Scaled::new(a, b);
    let verified = LeftInverse::new(&scaled.a)?;
    let (unknowns, sides) = (a.mid.ncols(), b.mid.ncols());
    let mut solution = BallMatrix::zeros(unknowns, sides);
    for side in 0..sides {
        let (x, e) = verified.solve(&scaled.b, side)?;
        for l in 0..unknowns {
            let ball = Ball { mid: x[l], rad: e[l] };
            solution.set(l, side, ball.scaled(scaled.sides[side] - scaled.columns[l]));
        }
    }
    Ok(solution)
}

/// A system with rows and columns of size about 1.
struct Scaled {
    a: BallMatrix,
    b: BallMatrix,
    /// Exponents of the columns of A.
    columns: Vec<i32>,
    /// Exponents of the columns of B.
    sides: Vec<i32>,
}

impl Scaled {
    fn new(a: &BallMatrix, b: &BallMatrix) -> Scaled {
        let (rows, unknowns, count) = (a.mid.nrows(), a.mid.ncols(), b.mid.ncols());
        let largest = |m: &Mat<f64>, col: usize, shifts: &[i32]| {
            (0..rows).filter_map(|j| Some(exponent(m[(j, col)])? - shifts[j])).max().unwrap_or(0)
        };
        let unscaled = vec![0; rows];
        let columns: Vec<i32> = (0..unknowns).map(|l| largest(&a.mid, l, &unscaled)).collect();
        let shifts = row_exponents(a, &columns);
        let sides: Vec<i32> = (0..count).map(|s| largest(&b.mid, s, &shifts)).collect();
        Scaled {
            a: BallMatrix::from_fn(rows, unknowns, |j, l| a.get(j, l).scaled(-columns[l] - shifts[j])),
            b: BallMatrix::from_fn(rows, count, |j, s| b.get(j, s).scaled(-sides[s] - shifts[j])),
            columns,
            sides,
        }
    }
}

/// Exponents of the rows of A: of their largest entries, and more for rows known less well than half of them, so that a row does not
/// count for more than what it says.
fn row_exponents(a: &BallMatrix, columns: &[i32]) -> Vec<i32> {
    let largest = |m: &Mat<f64>, j: usize| {
        columns.iter().enumerate().filter_map(|(l, c)| Some(exponent(m[(j, l)])? - c)).max()
    };
    let sizes: Vec<Option<i32>> = (0..a.mid.nrows()).map(|j| largest(&a.mid, j)).collect();
    let radii: Vec<Option<i32>> = (0..a.mid.nrows()).map(|j| largest(&a.rad, j)).collect();
    let mut relative: Vec<i32> = sizes.iter().zip(&radii).filter_map(|(s, r)| Some((*r)? - (*s)?)).collect();
    relative.sort_unstable();
    // Below the precision of its middle a radius says nothing.
    let usual = relative.get(relative.len() / 2).copied().max(exponent(tolerance::EPS)).unwrap_or(0);
    let of_row = |(size, radius): (&Option<i32>, &Option<i32>)| {
        size.unwrap_or(i32::MIN).max(radius.map_or(i32::MIN, |radius| radius - usual))
    };
    sizes.iter().zip(&radii).map(of_row).map(|e| if e == i32::MIN { 0 } else { e }).collect()
}

/// A left inverse R of a matrix A, with the row sums of what bounds |I − RA|.
struct LeftInverse<'a> {
    a: &'a BallMatrix,
    r: Mat<f64>,
    /// A bound of |I − RA|, where RA is the product in working precision.
    defect: Mat<f64>,
    row_sums: Vec<f64>,
    /// Not above 1 − θ, positive.
    slack: f64,
}

impl LeftInverse<'_> {
    fn new(a: &BallMatrix) -> Result<LeftInverse<'_>, Failure> {
        let (rows, unknowns) = a.mid.shape();
        let r = left_inverse(&a.mid).ok_or(Failure::Rank)?;
        let product = product::matmul(r.as_ref(), a.mid.as_ref());
        let defect = Mat::from_fn(unknowns, unknowns, |i, l| {
            let entry = gap(product[(i, l)], if i == l { 1.0 } else { 0.0 });
            add(entry, underflow(rows))
        });
        let mut verified = LeftInverse { a, r, defect, row_sums: Vec::new(), slack: 0.0 };
        verified.row_sums = verified.contraction(&vec![1.0; unknowns]);
        let theta = verified.row_sums.iter().fold(0.0f64, |largest, &g| largest.max(g));
        verified.slack = (1.0 - theta).next_down();
        let finite = verified.row_sums.iter().all(|g| g.is_finite());
        if finite && verified.slack > 0.0 { Ok(verified) } else { Err(Failure::Rank) }
    }

    /// A bound of Gv, G ≥ |I − RA| for every A within the radii: that of the product, its rounding γ|R||A|, and |R| rad A.
    fn contraction(&self, v: &[f64]) -> Vec<f64> {
        let rounding = gamma(self.a.mid.nrows());
        let sizes = absolute_product(self.a.mid.as_ref(), v);
        let radii = absolute_product(self.a.rad.as_ref(), v);
        let rows: Vec<f64> = sizes.iter().zip(&radii).map(|(s, r)| add(mul(rounding, *s), *r)).collect();
        let own = absolute_product(self.defect.as_ref(), v);
        let spread = absolute_product(self.r.as_ref(), &rows);
        own.iter().zip(&spread).map(|(a, b)| add(*a, *b)).collect()
    }

    /// An approximate solution for a column of B, and a bound of its error.
    fn solve(&self, b: &BallMatrix, side: usize) -> Result<(Vec<f64>, Vec<f64>), Failure> {
        let rows = self.a.mid.nrows();
        let mut x = self.apply(&(0..rows).map(|j| b.mid[(j, side)]).collect::<Vec<_>>());
        let mut residual = self.residual(&x, b, side);
        let mut step = self.apply(&residual.iter().map(|r| r.mid).collect::<Vec<_>>());
        for _ in 0..REFINEMENTS {
            let next: Vec<f64> = x.iter().zip(&step).map(|(x, step)| x + step).collect();
            if next == x {
                break;
            }
            x = next;
            residual = self.residual(&x, b, side);
            step = self.apply(&residual.iter().map(|r| r.mid).collect::<Vec<_>>());
        }
        // What R(b − Ax̃) is off by in each row: the product by R, the residual, and the radii of A and b.
        let radii = absolute_product(self.a.rad.as_ref(), &x);
        let open: Vec<f64> =
            (0..rows).map(|j| add(add(radii[j], b.rad[(j, side)]), residual[j].rad)).collect();
        let rounding = gamma(rows);
        let rest: Vec<f64> =
            residual.iter().zip(&open).map(|(r, open)| add(mul(rounding, r.mid.abs()), *open)).collect();
        let first: Vec<f64> = absolute_product(self.r.as_ref(), &rest)
            .iter()
            .zip(&step)
            .map(|(rest, step)| add(add(step.abs(), underflow(rows)), *rest))
            .collect();
        let factor = div(first.iter().fold(0.0, |largest: f64, &f| largest.max(f)), self.slack);
        let mut error: Vec<f64> =
            first.iter().zip(&self.row_sums).map(|(f, g)| add(*f, mul(*g, factor))).collect();
        if !(first.iter().chain(&error).all(|e| e.is_finite()) && x.iter().all(|x| x.is_finite())) {
            return Err(Failure::Rank);
        }
        for _ in 0..TIGHTENINGS {
            let rest = self.contraction(&error);
            for ((e, f), rest) in error.iter_mut().zip(&first).zip(rest) {
                *e = e.min(add(*f, rest));
            }
        }
        self.consistent(&residual, &open, &error)?;
        Ok((x, error))
    }

    /// Whether each equation may hold for a solution that is off by at most `error`.
    fn consistent(&self, residual: &[Ball], open: &[f64], error: &[f64]) -> Result<(), Failure> {
        let sizes = absolute_product(self.a.mid.as_ref(), error);
        let radii = absolute_product(self.a.rad.as_ref(), error);
        for (row, r) in residual.iter().enumerate() {
            if r.mid.abs() > add(add(open[row], sizes[row]), radii[row]) {
                return Err(Failure::Inconsistent { row });
            }
        }
        Ok(())
    }

    /// Rv in working precision.
    fn apply(&self, v: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.r.nrows()];
        for (&v, column) in v.iter().zip(self.r.col_iter()) {
            sums.iter_mut().zip(column.iter()).for_each(|(sum, r)| *sum += r * v);
        }
        sums
    }

    /// b − Ax for the middles, in twice the working precision.
    fn residual(&self, x: &[f64], b: &BallMatrix, side: usize) -> Vec<Ball> {
        let of_row = |j: usize| {
            let mut sum = Sum::default();
            sum.add(b.mid[(j, side)]);
            x.iter().enumerate().for_each(|(l, &x)| sum.add_product(-self.a.mid[(j, l)], x));
            sum.ball()
        };
        (0..self.a.mid.nrows()).map(of_row).collect()
    }
}

/// R⁻¹Q' of A = QR; nothing when A has fewer rows than columns, or R a zero on its diagonal.
fn left_inverse(a: &Mat<f64>) -> Option<Mat<f64>> {
    let (rows, unknowns) = a.shape();
    if rows < unknowns {
        return None;
    }
    let qr = Qr::factor(a.clone());
    let triangle = qr.r();
    if (0..unknowns).any(|l| triangle[(l, l)] == 0.0) {
        return None;
    }
    let mut inverse = qr.thin_q().transpose().to_owned();
    if unknowns > 0 {
        triangular::solve_upper(triangle.as_ref(), inverse.as_mut());
    }
    Some(inverse)
}

/// A bound of |M||v|, entry by entry.
fn absolute_product(m: MatRef<'_, f64>, v: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0; m.nrows()];
    for (v, column) in v.iter().zip(m.col_iter()).filter(|(v, _)| **v != 0.0) {
        sums.iter_mut().zip(column.iter()).for_each(|(sum, m)| *sum = add(*sum, mul(m.abs(), v.abs())));
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::super::rounding::scale;
    use super::*;
    use orthant_linalg::random;

    fn exactly(mid: Mat<f64>) -> BallMatrix {
        let (rows, cols) = mid.shape();
        BallMatrix { mid, rad: Mat::zeros(rows, cols) }
    }

    /// A system of small integers with an integer solution, its rows and columns scaled by powers of two: exact in every step.
    fn integers(seed: u64, rows: usize, unknowns: usize) -> (Mat<f64>, Mat<f64>, Mat<f64>) {
        let rng = &mut random::stream(seed, "system", 0);
        let whole = |rows, cols, rng: &mut _| {
            let g = random::gaussian(rows, cols, rng);
            Mat::from_fn(rows, cols, |i, j| (50.0 * g[(i, j)]).round())
        };
        let (a, x) = (whole(rows, unknowns, rng), whole(unknowns, 2, rng));
        let b = &a * &x;
        let row = |j: usize| 40 * (j as i32 % 5) - 80;
        let column = |l: usize| 100 * (l as i32 % 3) - 100;
        (
            Mat::from_fn(rows, unknowns, |j, l| scale(a[(j, l)], row(j) + column(l))),
            Mat::from_fn(unknowns, 2, |l, s| scale(x[(l, s)], -column(l))),
            Mat::from_fn(rows, 2, |j, s| scale(b[(j, s)], row(j))),
        )
    }

    #[test]
    fn solutions_are_enclosed_to_the_last_digits_whatever_the_units() {
        for seed in 0..20 {
            let (a, x, b) = integers(seed, 9, 6);
            let found = enclose(&exactly(a), &exactly(b)).expect("regular");
            for (l, s) in (0..6).flat_map(|l| [(l, 0), (l, 1)]) {
                let ball = found.get(l, s);
                assert!((ball.mid - x[(l, s)]).abs() <= ball.rad, "seed {seed}");
                assert!(ball.rad <= 1e-14 * x.col(s).iter().fold(0.0, |m: f64, x| m.max(x.abs())));
            }
        }
    }

    #[test]
    fn every_system_within_the_radii_is_covered() {
        for seed in 0..50 {
            let rng = &mut random::stream(seed, "radii", 0);
            let (a, x) = (random::gaussian(12, 4, rng), random::gaussian(4, 1, rng));
            let (b, off, shift) = (&a * &x, random::gaussian(12, 4, rng), random::gaussian(12, 1, rng));
            let size = 1e-6;
            // Off by half of the radii at most; the rest covers the rounding of b here.
            let moved = Mat::from_fn(12, 4, |j, l| a[(j, l)] + 0.5 * size * off[(j, l)].clamp(-1.0, 1.0));
            let side = Mat::from_fn(12, 1, |j, s| b[(j, s)] + 0.5 * size * shift[(j, s)].clamp(-1.0, 1.0));
            let radii = |rows, cols| Mat::from_fn(rows, cols, |_, _| size);
            let (a, b) =
                (BallMatrix { mid: moved, rad: radii(12, 4) }, BallMatrix { mid: side, rad: radii(12, 1) });
            let found = enclose(&a, &b).expect("regular");
            for l in 0..4 {
                let ball = found.get(l, 0);
                assert!((ball.mid - x[(l, 0)]).abs() <= ball.rad && ball.rad < 1e-4, "seed {seed}");
            }
        }
    }

    #[test]
    fn dependent_columns_and_missing_rows_have_no_bound() {
        let rng = &mut random::stream(1, "dependent", 0);
        let a = random::gaussian(8, 4, rng);
        let dependent = Mat::from_fn(8, 4, |j, l| if l == 3 { a[(j, 0)] - a[(j, 1)] } else { a[(j, l)] });
        let b = exactly(random::gaussian(8, 1, rng));
        assert_eq!(enclose(&exactly(dependent), &b).err(), Some(Failure::Rank));
        let few = exactly(random::gaussian(3, 4, rng));
        assert_eq!(enclose(&few, &exactly(Mat::zeros(3, 1))).err(), Some(Failure::Rank));
        assert_eq!(enclose(&exactly(Mat::zeros(8, 4)), &b).err(), Some(Failure::Rank));
        // Radii that a singular matrix lies within.
        let wide = BallMatrix { mid: a.clone(), rad: Mat::from_fn(8, 4, |_, _| 1.0) };
        assert_eq!(enclose(&wide, &b).err(), Some(Failure::Rank));
        let infinite = Mat::from_fn(8, 4, |j, l| if (j, l) == (2, 1) { f64::INFINITY } else { a[(j, l)] });
        assert!(enclose(&exactly(infinite), &b).is_err());
    }

    /// Rows with radii far below the last digit of their entries do not take over from the others, which alone determine the last unknown.
    #[test]
    fn rows_are_not_weighted_by_radii_below_precision() {
        let (mut a, x, _) = integers(5, 9, 3);
        (0..5).for_each(|j| a[(j, 2)] = 0.0);
        let b = &a * &x;
        let rad = Mat::from_fn(9, 3, |j, l| a[(j, l)].abs() * if j < 5 { 1e-180 } else { 1e-16 });
        let found = enclose(&BallMatrix { mid: a, rad }, &exactly(b)).expect("regular");
        for l in 0..3 {
            let ball = found.get(l, 0);
            assert!((ball.mid - x[(l, 0)]).abs() <= ball.rad && ball.rad <= 1e-12 * x[(l, 0)].abs().max(1.0));
        }
    }

    #[test]
    fn an_equation_that_cannot_hold_is_found() {
        let (a, _, mut b) = integers(3, 9, 6);
        b[(4, 1)] = b[(4, 1)].next_up();
        assert!(matches!(enclose(&exactly(a), &exactly(b)), Err(Failure::Inconsistent { .. })));
    }
}
