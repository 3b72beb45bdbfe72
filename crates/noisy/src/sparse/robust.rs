//! Linear systems some of whose equations are wrong, the others exact to rounding.

use orthant_linalg::qr::Qr;
use orthant_linalg::{Mat, MatRef, product, tolerance, triangular};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Equations agreeing beyond the unknowns that make a solution certain: each further one is a coincidence of rounding size.
pub(crate) const SPARE: usize = 2;

/// A row whose remainder after the rows chosen before is below this depends on them.
const DEPENDENT: f64 = 1e-5;

/// An equation whose leverage is this close to 1 is alone in determining some direction.
const ALONE: f64 = 1e-9;

/// By how much the residual allowed is cut when errors are among the equations that agree, and how often: over all sixteen digits.
const CUT: f64 = 8.0;
const CUTS: usize = 18;

/// Further equations that a solution from r of them is tried on before it is tried on all.
const PROBES: usize = 40;

/// A solution of most equations.
#[derive(Debug, Clone)]
pub(crate) struct Consensus {
    /// The solution, of length r.
    pub x: Vec<f64>,
    /// Which equations agree.
    pub agrees: Vec<bool>,
    /// How many do.
    pub count: usize,
}

/// The equations B x = y, of which an unknown part of y is wrong.
pub(crate) struct Equations<'a> {
    /// N × r, stored by rows of unit size: row i is `rows[i r .. (i + 1) r]`.
    rows: &'a [f64],
    r: usize,
    /// The largest norm of a row.
    largest: f64,
    /// Relative error that an exact equation may show.
    relative: f64,
}

impl<'a> Equations<'a> {
    /// `rows` holds N rows of length r one after the other; `precision` is the relative precision of y, and `slack` by how much the
    /// rows are less precise.
    pub fn new(rows: &'a [f64], r: usize, precision: f64, slack: f64) -> Equations<'a> {
        let largest = rows.chunks_exact(r.max(1)).map(product::norm).fold(0.0, f64::max);
        let count = rows.len() / r.max(1);
        let relative =
            4.0 * slack.max(1.0) * tolerance::backward(count.min(256), r) * (precision / tolerance::EPS);
        Equations { rows, r, largest, relative }
    }

    pub fn len(&self) -> usize {
        self.rows.len() / self.r.max(1)
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.rows[i * self.r..(i + 1) * self.r]
    }

    /// The residual that an exact equation may have at this solution. The sides are of size one, and so are the terms they are sums of.
    fn allowed(&self, x: &[f64]) -> f64 {
        self.relative * (self.largest * product::norm(x) + 1.0)
    }

    fn residual(&self, i: usize, x: &[f64], y: &[f64]) -> f64 {
        (product::dot(self.row(i), x) - y[i]).abs()
    }

    /// Least squares on the equations named; `None` where they do not determine the solution.
    pub fn least_squares(&self, among: &[usize], y: &[f64]) -> Option<Vec<f64>> {
        if among.len() < self.r {
            return None;
        }
        let qr = Qr::factor(Mat::from_fn(among.len(), self.r, |i, j| self.row(among[i])[j]));
        let triangle = qr.r();
        let top = (0..self.r).map(|j| triangle[(j, j)].abs()).fold(0.0, f64::max);
        if (0..self.r).any(|j| triangle[(j, j)].abs() <= DEPENDENT * DEPENDENT * top) {
            return None;
        }
        let mut right = Mat::from_fn(among.len(), 1, |i, _| y[among[i]]);
        qr.apply_transpose(right.as_mut());
        triangular::solve_upper(triangle.as_ref(), right.as_mut().subrows_mut(0, self.r));
        let x: Vec<f64> = (0..self.r).map(|j| right[(j, 0)]).collect();
        x.iter().all(|x| x.is_finite()).then_some(x)
    }

    /// Whether x solves all equations but those it names; refitted until the set of equations that agree stays.
    fn settle(&self, mut x: Vec<f64>, y: &[f64], lenient: f64, need: usize) -> Option<Consensus> {
        let n = self.len();
        let mut allowed = lenient.max(self.allowed(&x));
        for _ in 0..CUTS {
            let agreeing: Vec<usize> = (0..n).filter(|&i| self.residual(i, &x, y) <= allowed).collect();
            if agreeing.len() < need {
                return None;
            }
            x = self.least_squares(&agreeing, y)?;
            let strict = self.allowed(&x);
            let worst = agreeing.iter().map(|&i| self.residual(i, &x, y)).fold(0.0, f64::max);
            if worst <= strict {
                let agrees: Vec<bool> = (0..n).map(|i| self.residual(i, &x, y) <= strict).collect();
                let count = agrees.iter().filter(|&&a| a).count();
                return Some(Consensus { x, agrees, count });
            }
            // Small errors among them: the next set is cut closer.
            allowed = strict.max(worst / CUT);
        }
        None
    }

    /// Whether no equation among those that agree is the only one to determine some direction: a wrong one would agree there, too.
    fn confirmed(&self, agrees: &[bool]) -> bool {
        let agreeing: Vec<usize> = (0..self.len()).filter(|&i| agrees[i]).collect();
        let q = Qr::factor(Mat::from_fn(agreeing.len(), self.r, |i, j| self.row(agreeing[i])[j])).thin_q();
        (0..agreeing.len()).all(|i| q.row(i).squared_norm_l2() < 1.0 - ALONE)
    }

    /// The solution when no equation is wrong: the common case, without any search.
    pub fn all_agree(&self, y: &[f64]) -> Option<Consensus> {
        let all: Vec<usize> = (0..self.len()).collect();
        let x = self.least_squares(&all, y)?;
        let allowed = self.allowed(&x);
        let right = all.iter().all(|&i| self.residual(i, &x, y) <= allowed);
        right.then(|| Consensus { x, agrees: vec![true; all.len()], count: all.len() })
    }

    /// The solution that most equations agree on, at least `r + spare` of them, found from random sets of r equations.
    ///
    /// The search ends at a solution that no other can beat (two solutions share at most r − 1 equations in general position), and
    /// otherwise after `budget` sets; `None` where there is none, or where two solutions have the same number of equations. No direction
    /// of the solution rests on a single equation.
    /// Equations that are not `trusted` are taken last in every other set.
    pub fn consensus(
        &self,
        y: &[f64],
        trusted: impl Fn(usize) -> bool,
        spare: usize,
        budget: usize,
        rng: &mut ChaCha8Rng,
    ) -> Option<Consensus> {
        let (n, r) = (self.len(), self.r);
        let need = r + spare;
        if r == 0 || n < need {
            return None;
        }
        let mut order: Vec<usize> = (0..n).collect();
        let mut best: Option<Consensus> = None;
        let mut tied = false;
        let mut elimination = Elimination::new(r);
        for trial in 0..budget {
            // Only the beginning of the order is used: as many as may be needed to find r independent ones, and some probes.
            let head = (4 * r + PROBES).min(n);
            let (head, _) = order.partial_shuffle(rng, head);
            if trial % 2 == 0 {
                head.sort_by_key(|&i| !trusted(i));
            }
            let Some((x, growth)) = elimination.solve(self, head, y) else { continue };
            let lenient = self.allowed(&x) * growth;
            let probed = head.iter().filter(|&&i| self.residual(i, &x, y) <= lenient).count();
            if probed < (r + spare.min(1)).min(head.len()) {
                continue;
            }
            let settled = self.settle(x, y, lenient, need).filter(|found| self.confirmed(&found.agrees));
            let Some(found) = settled else { continue };
            if 2 * found.count > n + r - 1 {
                return Some(found);
            }
            match best.as_ref().map_or(0, |best| best.count) {
                count if found.count > count => {
                    tied = false;
                    best = Some(found);
                }
                count if found.count == count => {
                    let same = best.as_ref().is_some_and(|best| best.agrees == found.agrees);
                    tied = tied || !same;
                }
                _ => {}
            }
        }
        best.filter(|_| !tied)
    }
}

/// Gaussian elimination row by row, which skips rows that depend on those before.
struct Elimination {
    r: usize,
    rows: Vec<f64>,
    right: Vec<f64>,
    pivots: Vec<usize>,
    row: Vec<f64>,
}

impl Elimination {
    fn new(r: usize) -> Elimination {
        Elimination { r, rows: Vec::new(), right: Vec::new(), pivots: Vec::new(), row: vec![0.0; r] }
    }

    /// The solution of the first r independent equations in this order, and a factor for its error.
    fn solve(&mut self, equations: &Equations<'_>, order: &[usize], y: &[f64]) -> Option<(Vec<f64>, f64)> {
        let r = self.r;
        self.rows.clear();
        self.right.clear();
        self.pivots.clear();
        let mut smallest = f64::INFINITY;
        for &i in order {
            self.row.copy_from_slice(equations.row(i));
            let mut right = y[i];
            for (done, &pivot) in self.pivots.iter().enumerate() {
                let reduced = &self.rows[done * r..(done + 1) * r];
                let factor = self.row[pivot] / reduced[pivot];
                self.row.iter_mut().zip(reduced).for_each(|(x, p)| *x -= factor * p);
                right -= factor * self.right[done];
            }
            let (pivot, size) = self
                .row
                .iter()
                .enumerate()
                .filter(|(j, _)| !self.pivots.contains(j))
                .map(|(j, x)| (j, x.abs()))
                .fold((0, 0.0), |best, next| if next.1 > best.1 { next } else { best });
            if size <= DEPENDENT * equations.largest {
                continue;
            }
            smallest = smallest.min(size);
            self.pivots.push(pivot);
            self.rows.extend_from_slice(&self.row);
            self.right.push(right);
            if self.pivots.len() == r {
                break;
            }
        }
        if self.pivots.len() < r {
            return None;
        }
        let mut x = vec![0.0; r];
        for done in (0..r).rev() {
            let reduced = &self.rows[done * r..(done + 1) * r];
            let known: f64 = self.pivots[done + 1..].iter().map(|&j| reduced[j] * x[j]).sum();
            x[self.pivots[done]] = (self.right[done] - known) / reduced[self.pivots[done]];
        }
        let finite = x.iter().all(|x| x.is_finite());
        finite.then(|| (x, (equations.largest / smallest).max(1.0) * r as f64 * 4.0))
    }
}

/// The rows of a matrix one after the other, as [`Equations`] takes them.
pub(crate) fn by_rows(b: MatRef<'_, f64>) -> Vec<f64> {
    let mut rows = Vec::with_capacity(b.nrows() * b.ncols());
    for i in 0..b.nrows() {
        rows.extend(b.row(i).iter());
    }
    rows
}
