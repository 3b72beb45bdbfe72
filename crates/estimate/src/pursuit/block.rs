//! The iteration of pursuit, for a few starts at a time, in single precision.

use orthant_linalg::{Mat, MatRef, product, random};

use super::curve::{Curve, Shape};
use super::{
    Bases, CHECK_INTERVAL, CHECKS_NEAR, CHECKS_NEAR_ON_CURVE, CONVERGED, Deflation, LANES, NEAR,
    NEAR_ON_APPROXIMATE_CURVE, NEAR_ON_CURVE, Start, TRIED_EVERY,
};
use crate::frame::Frame;

/// Relaxation β of the reflections. Below 0.6 the iteration is 2 to 5 times slower, at 1.8 it is slower again.
const RELAXATION: f32 = 1.2;

/// Weight λ of the activations against the values before the rectifier. Below 3 the iteration stops converging as d grows,
/// above 8 it slows down.
const ACTIVATION_WEIGHT: f32 = 4.0;

/// A few starts whose iterations share matrix products.
pub(super) struct Block {
    /// The iterate (t, z), n × LANES each.
    t: Mat<f32>,
    z: Mat<f32>,
    /// Its projection on the rectifier's graph.
    graph_t: Mat<f32>,
    graph_z: Mat<f32>,
    /// Scratch of the same shape: reflections, then projections on the subspaces.
    work_t: Mat<f32>,
    work_z: Mat<f32>,
    /// Coordinates in the bases.
    coords_t: Mat<f32>,
    coords_z: Mat<f32>,
    /// Relative squared length of the last step.
    pub(super) step: [f32; LANES],
    /// Checks in a row at which the start was near a unit, and at which it was ready to be followed.
    pub(super) near: [usize; LANES],
    pub(super) waited: [usize; LANES],
    /// Attempts to follow the start.
    pub(super) failures: [usize; LANES],
    /// Checks since the start.
    pub(super) age: [usize; LANES],
    shape: [Option<Shape>; LANES],
}

impl Block {
    pub(super) fn new(frame: &Frame) -> Block {
        let (n, q, r) = (frame.n(), frame.extended().ncols(), frame.inputs().ncols());
        let tall = || Mat::zeros(n, LANES);
        Block {
            t: tall(),
            z: tall(),
            graph_t: tall(),
            graph_z: tall(),
            work_t: tall(),
            work_z: tall(),
            coords_t: Mat::zeros(r, LANES),
            coords_z: Mat::zeros(q, LANES),
            step: [f32::INFINITY; LANES],
            near: [0; LANES],
            waited: [0; LANES],
            failures: [0; LANES],
            age: [0; LANES],
            shape: [None; LANES],
        }
    }

    /// The projection of a start on the rectifier's graph: values before the rectifier, and activations.
    pub(super) fn pair(&self, lane: usize) -> (&[f32], &[f32]) {
        (column(&self.graph_t, lane), column(&self.graph_z, lane))
    }

    /// Puts a new start in a lane: z random, mostly orthogonal to what is known, t its projection on the inputs.
    pub(super) fn restart(&mut self, lane: usize, bases: &Bases, deflation: &Deflation, start: &mut Start) {
        let q = bases.labels.ncols();
        let rng = &mut start.rng;
        let mut h = random::gaussian(q, 1, rng);
        let coords = product::matmul(deflation.known.transpose(), h.as_ref());
        product::matmul_add(h.as_mut(), -1.0, deflation.known.as_ref(), coords.as_ref());
        let norm = product::frobenius(h.as_ref());
        if norm > 0.0 {
            h.as_mut().col_mut(0).iter_mut().for_each(|v| *v /= norm);
        }
        let g = random::gaussian(q, 1, rng);
        let spread = 0.5 / (q as f64).sqrt();
        let along = spread * product::dot(h.col_as_slice(0), g.col_as_slice(0));
        let size = f64::from(bases.norm);
        let coords = |i| size * (h[(i, 0)] * (1.0 - along) + spread * g[(i, 0)]);
        let drawn = Mat::from_fn(q, 1, |i, _| coords(i) as f32);
        product::matmul_into_single(
            self.z.as_mut().subcols_mut(lane, 1),
            bases.labels.as_ref(),
            drawn.as_ref(),
        );
        let mut coords = Mat::zeros(bases.inputs.ncols(), 1);
        product::matmul_into_single(
            coords.as_mut(),
            bases.inputs.transpose(),
            self.z.as_ref().subcols(lane, 1),
        );
        product::matmul_into_single(
            self.t.as_mut().subcols_mut(lane, 1),
            bases.inputs.as_ref(),
            coords.as_ref(),
        );
        self.step[lane] = f32::INFINITY;
        self.near[lane] = 0;
        self.waited[lane] = 0;
        self.failures[lane] = 0;
        self.age[lane] = 0;
        self.shape[lane] = start.shape;
    }

    /// Brings the part of z that is orthogonal to everything known to a given norm, in coordinates.
    fn rescale_unknown_part(&mut self, known: MatRef<'_, f32>, norm: f32) {
        let q = self.coords_z.nrows();
        let mut along = Mat::zeros(known.ncols(), LANES);
        product::matmul_into_single(along.as_mut(), known.transpose(), self.coords_z.as_ref());
        let mut explained = Mat::zeros(q, LANES);
        product::matmul_into_single(explained.as_mut(), known, along.as_ref());
        for lane in 0..LANES {
            let (explained, w) = (column(&explained, lane), self.coords_z.col_as_slice_mut(lane));
            let square: f32 = w.iter().zip(explained).map(|(w, e)| (w - e) * (w - e)).sum();
            let stretch = norm / square.sqrt() - 1.0;
            w.iter_mut().zip(explained).for_each(|(w, e)| *w += stretch * (*w - e));
        }
    }

    pub(super) fn advance(&mut self, bases: &Bases, known: MatRef<'_, f32>) {
        for iteration in 0..CHECK_INTERVAL {
            for lane in 0..LANES {
                let point = (column(&self.t, lane), column(&self.z, lane));
                let projection = (self.graph_t.col_as_slice_mut(lane), self.graph_z.col_as_slice_mut(lane));
                match (&bases.curve, self.shape[lane], bases.slope) {
                    (Some(curve), Some(shape), _) => {
                        curve.project(shape, ACTIVATION_WEIGHT * ACTIVATION_WEIGHT, point, projection);
                    }
                    (_, _, Some(slope)) => project_on_two_rays(slope, point, projection),
                    _ => project_on_graph(point, projection),
                }
                reflect(
                    column(&self.graph_t, lane),
                    column(&self.t, lane),
                    self.work_t.col_as_slice_mut(lane),
                );
                reflect(
                    column(&self.graph_z, lane),
                    column(&self.z, lane),
                    self.work_z.col_as_slice_mut(lane),
                );
            }
            product::matmul_into_single(
                self.coords_t.as_mut(),
                bases.inputs.transpose(),
                self.work_t.as_ref(),
            );
            product::matmul_into_single(
                self.coords_z.as_mut(),
                bases.labels.transpose(),
                self.work_z.as_ref(),
            );
            self.rescale_unknown_part(known, bases.norm);
            product::matmul_into_single(self.work_t.as_mut(), bases.inputs.as_ref(), self.coords_t.as_ref());
            product::matmul_into_single(self.work_z.as_mut(), bases.labels.as_ref(), self.coords_z.as_ref());
            let last = iteration + 1 == CHECK_INTERVAL;
            for lane in 0..LANES {
                let moved = relax(
                    column(&self.work_t, lane),
                    column(&self.graph_t, lane),
                    self.t.col_as_slice_mut(lane),
                ) + relax(
                    column(&self.work_z, lane),
                    column(&self.graph_z, lane),
                    self.z.col_as_slice_mut(lane),
                );
                if last {
                    let size = column(&self.graph_t, lane).iter().map(|t| t * t).sum::<f32>();
                    let step = moved / size;
                    self.check(lane, step, bases.curve.as_ref());
                }
            }
        }
    }

    /// Decides whether a start is near enough to a unit to be followed.
    fn check(&mut self, lane: usize, step: f32, curve: Option<&Curve>) {
        self.step[lane] = step;
        self.age[lane] += 1;
        let (near, checks) =
            if curve.is_some() { (NEAR_ON_CURVE, CHECKS_NEAR_ON_CURVE) } else { (NEAR, CHECKS_NEAR) };
        self.near[lane] = if step < near { self.near[lane] + 1 } else { 0 };
        let tried = curve.is_some_and(Curve::is_approximate)
            && step < NEAR_ON_APPROXIMATE_CURVE
            && (self.age[lane].is_multiple_of(TRIED_EVERY) || self.waited[lane] > 0);
        let ripe = step < CONVERGED || self.near[lane] >= checks || tried;
        self.waited[lane] = if ripe { self.waited[lane] + 1 } else { 0 };
    }
}

/// Nearest point of {z = max(t, 0)} in the metric |t|² + λ²|z|², entry by entry: on the active ray unless the inactive one
/// is nearer.
fn project_on_graph((t, z): (&[f32], &[f32]), (graph_t, graph_z): (&mut [f32], &mut [f32])) {
    let weight = ACTIVATION_WEIGHT * ACTIVATION_WEIGHT;
    let scale = 1.0 / (1.0 + weight);
    for (((&t, &z), graph_t), graph_z) in t.iter().zip(z).zip(graph_t).zip(graph_z) {
        let ray = (t + weight * z) * scale;
        let negative = t.min(0.0);
        let active = ray > 0.0 && (1.0 + weight) * ray * ray > negative * negative;
        *graph_t = if active { ray } else { negative };
        *graph_z = if active { ray } else { 0.0 };
    }
}

/// The same for z = t where t > 0 and z = slope · t elsewhere: the nearer of two rays.
fn project_on_two_rays(slope: f32, (t, z): (&[f32], &[f32]), (graph_t, graph_z): (&mut [f32], &mut [f32])) {
    let weight = ACTIVATION_WEIGHT * ACTIVATION_WEIGHT;
    let (active_scale, inactive_scale) = (1.0 + weight, 1.0 + weight * slope * slope);
    for (((&t, &z), graph_t), graph_z) in t.iter().zip(z).zip(graph_t).zip(graph_z) {
        let active = ((t + weight * z) / active_scale).max(0.0);
        let inactive = ((t + weight * slope * z) / inactive_scale).min(0.0);
        // The foot of the perpendicular is farther out on the nearer ray.
        if active_scale * active * active > inactive_scale * inactive * inactive {
            (*graph_t, *graph_z) = (active, active);
        } else {
            (*graph_t, *graph_z) = (inactive, slope * inactive);
        }
    }
}

fn reflect(projected: &[f32], point: &[f32], out: &mut [f32]) {
    for ((&p, &x), out) in projected.iter().zip(point).zip(out) {
        *out = 2.0 * p - x;
    }
}

/// Moves a point by β times the difference of two projections and returns the squared norm of that difference.
fn relax(to: &[f32], from: &[f32], point: &mut [f32]) -> f32 {
    let mut sum = 0.0;
    for ((&to, &from), x) in to.iter().zip(from).zip(point) {
        let step = to - from;
        *x += RELAXATION * step;
        sum += step * step;
    }
    sum
}

fn column(a: &Mat<f32>, j: usize) -> &[f32] {
    a.col_as_slice(j)
}
