//! Non-negative least squares.

use faer::MatRef;

use crate::product;
use crate::tolerance;

/// When [`non_negative`] stops.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NnlsSettings {
    /// A column enters while its cosine with the residual is above this. Rounding of the columns of this size is then not
    /// fitted: where the columns leave a part of the right-hand side out but for rounding, so does the answer.
    pub cosine: f64,
    /// The iteration ends when the residual is this small.
    pub residual: f64,
}

/// The u ≥ 0 that minimises |E u − f|.
#[derive(Debug, Clone, PartialEq)]
pub struct NonNegative {
    /// Columns with a positive weight, in the order in which they entered, with their weights.
    pub weights: Vec<(usize, f64)>,
    /// f − E u.
    pub residual: Vec<f64>,
    /// Whether the iteration ended within its bound of 10(p + q) + 100 steps.
    pub converged: bool,
}

/// Minimises |E u − f| over u ≥ 0.
///
/// By Moreau's decomposition the residual is the projection of f on the cone {x: E'x ≤ 0}.
///
/// # Shapes
/// `e` is q × p, `f` has length q, `scale` length p: the reciprocal norms of the columns, with 0 for those that are left out.
///
/// # Guarantee
/// Cosines of the residual with the columns are at most `settings.cosine`, or at rounding level of f, unless the iteration
/// did not converge or a column that would enter depends on those that have.
///
/// # Panics
/// When `f` does not have length q or `scale` not length p.
///
/// # Cost
/// A few times q steps of 2pq operations, and O(q²) for each.
///
/// # Paper
/// Lawson and Hanson, *Solving Least Squares Problems* (1974), chapter 23, with an updated QR factorisation.
pub fn non_negative(e: MatRef<'_, f64>, f: &[f64], scale: &[f64], settings: &NnlsSettings) -> NonNegative {
    let (rows, p) = e.shape();
    assert_eq!((f.len(), scale.len()), (rows, p), "one entry for each row and column of e");
    let size = product::norm(f);
    let rounding = tolerance::backward(rows, rows) * size;
    let mut passive = Passive { rows, columns: Vec::new(), q: Vec::new(), r: Vec::new(), qtf: Vec::new() };
    let mut x: Vec<f64> = Vec::new();
    let mut residual = f.to_vec();
    let mut blocked = vec![false; p];
    let mut any_blocked = false;
    let mut converged = false;
    for _ in 0..10 * (p + rows) + 100 {
        let left = product::norm(&residual);
        if left <= settings.residual || passive.columns.len() == rows {
            converged = true;
            break;
        }
        let mut entering = None;
        let mut steepest = (settings.cosine * left).max(rounding);
        for i in 0..p {
            if scale[i] > 0.0 {
                let slope = scale[i] * dot(column(&e, i), &residual);
                if slope > steepest && !blocked[i] && !passive.columns.contains(&i) {
                    (entering, steepest) = (Some(i), slope);
                }
            }
        }
        let Some(i) = entering else {
            converged = true;
            break;
        };
        if !passive.push(i, column(&e, i), scale[i], f) {
            (blocked[i], any_blocked) = (true, true);
            continue;
        }
        let mut y = passive.solve();
        if y.last().is_some_and(|&last| last <= 0.0) {
            // Rounding: a column that enters downhill has a positive weight.
            passive.truncate(passive.columns.len() - 1);
            (blocked[i], any_blocked) = (true, true);
            continue;
        }
        x.push(0.0);
        while y.iter().any(|&y| y <= 0.0) {
            let mut step = 1.0f64;
            let mut leaving = 0;
            for a in 0..y.len() {
                if y[a] <= 0.0 {
                    let limit = x[a] / (x[a] - y[a]).max(f64::MIN_POSITIVE);
                    if limit <= step {
                        (step, leaving) = (limit, a);
                    }
                }
            }
            x.iter_mut().zip(&y).for_each(|(x, y)| *x = (*x + step * (y - *x)).max(0.0));
            passive.remove(leaving, &mut x, &e, scale, f);
            y = passive.solve();
        }
        x = y;
        residual = passive.residual(f);
        if any_blocked {
            blocked.fill(false);
            any_blocked = false;
        }
    }
    let weights = passive.columns.iter().zip(&x).map(|(&i, &x)| (i, x * scale[i])).collect();
    NonNegative { weights, residual, converged }
}

/// The columns with positive weight, normalised and factored.
struct Passive {
    rows: usize,
    columns: Vec<usize>,
    /// Orthonormal columns, one after the other.
    q: Vec<f64>,
    /// Columns of the triangle.
    r: Vec<Vec<f64>>,
    qtf: Vec<f64>,
}

impl Passive {
    /// Adds a column; `false`, and nothing done, when it depends on the others.
    fn push(&mut self, i: usize, column: &[f64], scale: f64, f: &[f64]) -> bool {
        let mut rest: Vec<f64> = column.iter().map(|c| scale * c).collect();
        let mut coords = vec![0.0; self.columns.len() + 1];
        // Twice is enough for orthogonality to rounding.
        for _ in 0..2 {
            for (a, q) in self.q.chunks_exact(self.rows).enumerate() {
                let along = dot(q, &rest);
                coords[a] += along;
                rest.iter_mut().zip(q).for_each(|(r, q)| *r -= along * q);
            }
        }
        let norm = product::norm(&rest);
        if norm <= tolerance::backward(self.rows, self.rows) {
            return false;
        }
        rest.iter_mut().for_each(|r| *r /= norm);
        coords[self.columns.len()] = norm;
        self.columns.push(i);
        self.qtf.push(dot(&rest, f));
        self.q.extend_from_slice(&rest);
        self.r.push(coords);
        true
    }

    fn truncate(&mut self, count: usize) {
        self.columns.truncate(count);
        self.q.truncate(count * self.rows);
        self.r.truncate(count);
        self.qtf.truncate(count);
    }

    /// Takes a column out, with its weight.
    fn remove(&mut self, leaving: usize, x: &mut Vec<f64>, e: &MatRef<'_, f64>, scale: &[f64], f: &[f64]) {
        let later: Vec<(usize, f64)> =
            self.columns[leaving + 1..].iter().copied().zip(x[leaving + 1..].iter().copied()).collect();
        self.truncate(leaving);
        x.truncate(leaving);
        for (i, weight) in later {
            if self.push(i, column(e, i), scale[i], f) {
                x.push(weight);
            }
        }
    }

    fn solve(&self) -> Vec<f64> {
        let mut y = self.qtf.clone();
        for a in (0..y.len()).rev() {
            y[a] /= self.r[a][a];
            let value = y[a];
            y[..a].iter_mut().zip(&self.r[a]).for_each(|(y, r)| *y -= value * r);
        }
        y
    }

    fn residual(&self, f: &[f64]) -> Vec<f64> {
        let mut rest = f.to_vec();
        for _ in 0..2 {
            for q in self.q.chunks_exact(self.rows) {
                let along = dot(q, &rest);
                rest.iter_mut().zip(q).for_each(|(r, q)| *r -= along * q);
            }
        }
        rest
    }
}

fn column<'a>(e: &MatRef<'a, f64>, i: usize) -> &'a [f64] {
    e.col(i).try_as_col_major().expect("columns of an owned matrix are contiguous").as_slice()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;
    use faer::Mat;

    #[test]
    fn optimality_conditions_hold() {
        for index in 0..50 {
            let rng = &mut random::stream(21, "nnls", index);
            let (q, p) = (2 + index as usize % 7, 40);
            let e = random::gaussian(q, p, rng);
            let mut f = random::gaussian_vec(q, rng);
            if index % 3 == 0 {
                // Outside the cone of the columns by a half space.
                f = f.iter().map(|x| -x.abs()).collect();
            }
            let e = Mat::from_fn(q, p, |i, j| if index % 3 == 0 { e[(i, j)].abs() } else { e[(i, j)] });
            let scale: Vec<f64> = (0..p).map(|j| 1.0 / e.col(j).norm_l2()).collect();
            let settings = NnlsSettings { cosine: 0.0, residual: 0.0 };
            let found = non_negative(e.as_ref(), &f, &scale, &settings);
            assert!(found.converged);
            let mut rest = f.clone();
            for &(i, weight) in &found.weights {
                assert!(weight > 0.0);
                rest.iter_mut().zip(e.col_as_slice(i)).for_each(|(r, e)| *r -= weight * e);
            }
            let tol = 1e2 * tolerance::backward(q, p) * product::norm(&f);
            let size: f64 = found.weights.iter().map(|(_, w)| w).sum::<f64>().max(1.0);
            for (a, b) in rest.iter().zip(&found.residual) {
                assert!((a - b).abs() <= size * tol, "{a} {b}");
            }
            for (j, scale) in scale.iter().enumerate() {
                assert!(scale * dot(e.col_as_slice(j), &found.residual) <= tol);
            }
            if index % 3 == 0 {
                // No non-negative combination of positive columns comes nearer to a negative vector than zero.
                assert!(found.weights.is_empty());
            }
        }
    }

    #[test]
    fn rounding_of_the_columns_does_not_collapse_a_ray() {
        // The cone {x: E'x ≤ 0} is the ray along (1, 1), made empty by an error of 1e-12.
        let e = faer::mat![[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0 + 1e-12]];
        let scale: Vec<f64> = (0..3).map(|j| 1.0 / e.col(j).norm_l2()).collect();
        let with = |cosine| {
            let settings = NnlsSettings { cosine, residual: 0.0 };
            product::norm(&non_negative(e.as_ref(), &[1.0, 1.0], &scale, &settings).residual)
        };
        assert!(with(1e-10) > 1.0 && with(0.0) < 1e-3);
    }
}
