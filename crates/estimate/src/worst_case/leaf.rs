//! Ends of the search: rays that are units or not, and cones of units.

use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::{LinalgError, Mat, product, spectrum, tolerance};

use super::node::{Node, Problem};
use super::{MAX_RATIO, Ray, least_distance, pattern_where};
use crate::unit::{Unit, unit_from_pattern};

/// A violation this many times beyond rounding is one: bounds of rounding do not cover everything.
const CLEAR: f64 = 1e6;

/// Errors of rays beyond this leave their patterns open.
const MAX_ERROR: f64 = 1e-3;

/// Points of a cone count as independent beyond this.
const INDEPENDENT: f64 = 1e-6;

/// What the ends of the search have brought.
pub(super) struct Leaves<'a> {
    problem: &'a Problem<'a>,
    pub(super) rays: Vec<Ray>,
    pub(super) continua: usize,
    pub(super) ambiguous: usize,
    pub(super) merged: usize,
    /// For each ray, the slack of each sample that is certainly zero for a unit near it.
    zeros: Vec<Vec<Option<usize>>>,
}

/// Whether a point is complementary.
enum Validity {
    Valid,
    Invalid,
    Open,
}

impl<'a> Leaves<'a> {
    pub(super) fn new(problem: &'a Problem<'a>) -> Leaves<'a> {
        Leaves { problem, rays: Vec::new(), continua: 0, ambiguous: 0, merged: 0, zeros: Vec::new() }
    }

    /// A node whose equations leave one dimension: it holds that ray, its opposite, or nothing.
    pub(super) fn ray(&mut self, node: &Node) -> Result<(), LinalgError> {
        let error = self.error(node);
        for sign in [1.0, -1.0] {
            let point: Vec<f64> = node.basis.col_as_slice(0).iter().map(|x| sign * x).collect();
            match self.validity(&point, error) {
                Validity::Valid => self.add(&point, error)?,
                Validity::Invalid => {}
                Validity::Open => self.ambiguous += 1,
            }
        }
        Ok(())
    }

    /// A node all of whose cone is complementary.
    pub(super) fn cone(&mut self, node: &Node, start: Vec<f64>) -> Result<(), LinalgError> {
        let e = node.dimension();
        let cosine = self.problem.finest();
        let mut points: Vec<Vec<f64>> = vec![start];
        loop {
            let known = Mat::from_fn(points.len(), e, |i, c| points[i][c]);
            let open = RankRevealing::new(known, INDEPENDENT)?.null_space();
            let fresh = (0..2 * open.ncols()).find_map(|c| {
                let sign = if c % 2 == 0 { 1.0 } else { -1.0 };
                let towards: Vec<f64> = open.col_as_slice(c / 2).iter().map(|x| sign * x).collect();
                let found = node.project(&towards, cosine, 0.0).residual;
                let size = product::norm(&found);
                (size > INDEPENDENT).then(|| found.iter().map(|x| -x / size).collect::<Vec<f64>>())
            });
            match fresh {
                Some(point) if points.len() < e => points.push(point),
                _ => break,
            }
        }
        let lift = |point: &[f64]| -> Vec<f64> {
            (0..node.basis.nrows()).map(|i| (0..e).map(|c| node.basis[(i, c)] * point[c]).sum()).collect()
        };
        let lifted: Vec<Vec<f64>> = points.iter().map(|point| lift(point)).collect();
        let q = self.problem.q;
        let combinations = Mat::from_fn(q, lifted.len(), |i, c| lifted[c][i]);
        let s = spectrum::singular_values(combinations.as_ref())?;
        let in_labels = s.iter().filter(|&&s| s > INDEPENDENT).count();
        let mut middle = vec![0.0; lifted[0].len()];
        for point in &lifted {
            middle.iter_mut().zip(point).for_each(|(m, x)| *m += x / lifted.len() as f64);
        }
        let error = self.error(node).max(cosine);
        let chosen: Vec<Vec<f64>> = if in_labels <= 1 { vec![middle] } else { lifted };
        let before = self.rays.len();
        for point in &chosen {
            match self.validity(point, error) {
                Validity::Valid => self.add(point, error)?,
                Validity::Invalid | Validity::Open => self.ambiguous += usize::from(in_labels > 0),
            }
        }
        let affine = self.rays[before..].iter().all(|ray| ray.affine);
        self.continua += usize::from(in_labels > 1 && !affine);
        Ok(())
    }

    /// Bound on the error of a ray.
    fn error(&self, node: &Node) -> f64 {
        let rounding = self.problem.label_error + self.problem.input_error;
        2.0 * rounding * node.amplification().max(1.0)
    }

    fn validity(&self, point: &[f64], error: f64) -> Validity {
        let problem = self.problem;
        let size = product::norm(point);
        let labels = product::norm(&point[..problem.q]);
        if labels * MAX_RATIO <= size {
            return Validity::Invalid;
        }
        let mut worst = 0.0f64;
        for j in 0..problem.n {
            let slack = |c: usize| product::dot(problem.slacks.col_as_slice(c), point);
            let (first, second) = (slack(j), slack(j + problem.n));
            let norm = problem.norms[j].max(problem.norms[j + problem.n]);
            let allowed = size * (norm * error + problem.label_error + problem.input_error);
            // Negative slacks and two positive ones violate alike.
            worst = worst.max(first.min(second).abs() / allowed);
        }
        if worst <= 1.0 && error <= MAX_ERROR {
            Validity::Valid
        } else if worst > CLEAR {
            Validity::Invalid
        } else {
            Validity::Open
        }
    }

    /// Notes a unit, unless it is known.
    fn add(&mut self, point: &[f64], error: f64) -> Result<(), LinalgError> {
        let problem = self.problem;
        let (frame, n, q) = (problem.frame, problem.n, problem.q);
        let size = product::norm(&point[..q]);
        let error = error * product::norm(point) / size;
        let scaled: Vec<f64> = point.iter().map(|x| x / size).collect();
        let (w, v) = scaled.split_at(q);
        let apart = |ray: &Ray| -> f64 {
            let squares: f64 = ray.unit.combination.iter().zip(w).map(|(a, b)| (a - b).powi(2)).sum();
            // |t| does not say what t is, up to one sign for all samples.
            let turned = if problem.slope == -1.0 { between_lines(&ray.unit.direction, v) } else { 0.0 };
            squares.sqrt().max(turned)
        };
        // Determined units are known better than the ray they come from, and have unit activations rather than combinations.
        let zeros = self.certain_zeros(&scaled, error);
        if let Some(i) = self.rays.iter().position(|ray| apart(ray) <= 8.0 * (error + ray.error)) {
            let ray = &self.rays[i];
            let same = error + ray.error <= least_distance(problem.frame) || {
                let turned = problem.slope == -1.0 && product::dot(&ray.unit.direction, v) < 0.0;
                self.is_one_unit(&zeros, &self.zeros[i], turned)?
            };
            self.merged += usize::from(!same);
            return Ok(());
        }
        let dot = |basis: &dyn Fn(usize, usize) -> f64, x: &[f64], j: usize| -> f64 {
            x.iter().enumerate().map(|(i, x)| x * basis(j, i)).sum()
        };
        let z: Vec<f64> = (0..n).map(|j| dot(&|j, i| frame.extended()[(j, i)], w, j)).collect();
        let t: Vec<f64> = (0..n).map(|j| dot(&|j, i| frame.inputs()[(j, i)], v, j)).collect();
        let rectified = problem.slope == 0.0;
        let decisive = if rectified { &z } else { &t };
        let largest = decisive.iter().fold(0.0f64, |s, x| s.max(x.abs()));
        let zero = (8.0 * error).max(frame.zero_tolerance()) * largest.max(1.0 / (n as f64).sqrt());
        let pattern = pattern_where(n, |j| decisive[j] > zero);
        // Samples on the kink are on either side.
        let above = |j: usize| (z[j] - t[j]).abs() <= zero;
        let below = |j: usize| (z[j] - problem.slope * t[j]).abs() <= zero;
        let affine = (0..n).all(above) || (!rectified && (0..n).all(below));
        let determined = (!affine).then(|| unit_from_pattern(frame, &pattern).ok()).flatten();
        let determined = determined.filter(|unit| {
            let apart: f64 = unit.combination.iter().zip(w).map(|(a, b)| (a - b).powi(2)).sum();
            apart.sqrt() <= 8.0 * error + frame.zero_tolerance()
        });
        let is_determined = determined.is_some();
        let unit = match determined {
            // Where weights are open, those that keep the unit inactive where it is.
            Some(unit) if unit.input_rank < v.len() => Unit { direction: v.to_vec(), ..unit },
            Some(unit) => unit,
            None => {
                let active: Vec<usize> = pattern.active().collect();
                let inputs = Mat::from_fn(active.len(), v.len(), |i, c| frame.inputs()[(active[i], c)]);
                let rounding = tolerance::backward(active.len(), v.len()).max(zero);
                let input_rank =
                    if active.is_empty() { 0 } else { RankRevealing::new(inputs, rounding)?.rank().rank };
                let activations =
                    (0..n).map(|j| if rectified && decisive[j] <= zero { 0.0 } else { z[j] }).collect();
                Unit {
                    combination: w.to_vec(),
                    direction: v.to_vec(),
                    pattern,
                    activations,
                    amplitude: 1.0,
                    scale_error: 0.0,
                    null_residual: 0.0,
                    null_gap: 0.0,
                    input_rank,
                }
            }
        };
        self.rays.push(Ray { unit, determined: is_determined, affine, error });
        self.zeros.push(zeros);
        Ok(())
    }

    /// The slack of each sample that is zero for every unit within an error of a point: the other one is clearly positive.
    fn certain_zeros(&self, point: &[f64], error: f64) -> Vec<Option<usize>> {
        let problem = self.problem;
        let size = product::norm(point);
        let positive = |c: usize| {
            let allowed =
                8.0 * (error * problem.norms[c] + size * (problem.label_error + problem.input_error));
            product::dot(problem.slacks.col_as_slice(c), point) > allowed
        };
        let zero = |j: usize| match (positive(j), positive(j + problem.n)) {
            (true, false) => Some(j + problem.n),
            (false, true) => Some(j),
            _ => None,
        };
        (0..problem.n).map(zero).collect()
    }

    /// Whether the slacks that are zero for units near two points determine one unit, to [`least_distance`]; for |t| they may be those of t
    /// and of −t.
    fn is_one_unit(
        &self,
        first: &[Option<usize>],
        second: &[Option<usize>],
        turned: bool,
    ) -> Result<bool, LinalgError> {
        let problem = self.problem;
        let turn = |c: usize| if turned { problem.other(c) } else { c };
        let pairs = || first.iter().zip(second).filter_map(|(a, b)| Some(((*a)?, turn((*b)?))));
        if pairs().any(|(a, b)| a != b) || pairs().next().is_none() {
            return Ok(false);
        }
        let common: Vec<usize> = pairs().map(|(a, _)| a).collect();
        let rows = Mat::from_fn(common.len(), problem.dimension(), |i, c| problem.slacks[(c, common[i])]);
        let rounding = problem.label_error + problem.input_error;
        let open = RankRevealing::new(rows, rounding / least_distance(problem.frame))?.null_space();
        if problem.slope != 0.0 || open.ncols() <= 1 {
            return Ok(open.ncols() <= 1);
        }
        // The weights of a unit of few active samples may be open, its values are not.
        let s = spectrum::singular_values(open.as_ref().subrows(0, problem.q))?;
        Ok(s.iter().filter(|&&s| s > 1.0 / MAX_RATIO).count() <= 1)
    }
}

/// The distance of two vectors of unit length, up to sign, on the lines given.
fn between_lines(a: &[f64], b: &[f64]) -> f64 {
    let (size_a, size_b) = (product::norm(a), product::norm(b));
    let sign = product::dot(a, b).signum();
    let apart: Vec<f64> = a.iter().zip(b).map(|(a, b)| a / size_a - sign * b / size_b).collect();
    product::norm(&apart)
}
