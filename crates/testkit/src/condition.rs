//! How well the samples determine the network: the condition numbers in every error bound of this crate.

use orthant_linalg::{Mat, MatRef, product, spectrum};
use orthant_network::{Network, SignPattern};

use crate::tolerance;

/// Condition numbers measured on a planted instance, all for a method that fits both biases.
///
/// # Derivation of the error bound
/// Write Q for an orthonormal basis of the row space of the labels, means removed, with the constant beside it. To first
/// order:
///
/// 1. *Label space.* The labels carry an error E, and what is done with them a backward error β = c √(nm) ε. So Q is off by an
///    angle α ≤ (β + |E|/|A|) |A| / σ_k, which is `labels` = |A| / σ_k (Frobenius norm over the least singular value counted).
/// 2. *Activations.* With S the samples on which unit i is active, N the others, and P the projection on the affine functions
///    of the active inputs, its activations are Qw with [Q_N; (I − P)Q_S] w = 0. That matrix is off by 2α at most (once
///    through each block), and its least singular vector by that over the singular value above it (Wedin): relative error
///    ζ = 2α / `gap`.
/// 3. *Hidden weights.* v and b solve a least-squares problem on the active samples in an orthonormal basis of the affine
///    functions of all inputs, whose coordinates are then expressed in the inputs: relative error
///    ζ · `active_inputs` · `inputs`, the condition numbers of these two steps.
/// 4. *Output weights.* U and c solve least squares against activations Z: |δU| ≤ (|δA| + |U| |δZ|) / σ_min(Z; 1), so unit i's
///    relative error is ((β + |E|/|A|) `label_share` + ζ `output_share`), where the shares are |A| and |U| |Z| over
///    σ_min(Z; 1) times the smallest |u_i|.
///
/// The bound is the larger of 3 and 4.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    /// Condition number of U.
    pub kappa_u: f64,
    /// Condition number of V, by its least non-zero singular value when k > d.
    pub kappa_v: f64,
    /// Relative error of the labels, |A − labels of the network| / |A|: 0 for exact ones.
    pub label_error: f64,
    /// |A| over the k-th singular value of the centred labels; infinite when their rank is not k.
    pub labels: f64,
    /// The least over units of the second smallest singular value of [Q_N; (I − P)Q_S]; 0 when some unit is not determined.
    pub gap: f64,
    /// The largest over units of the condition number of the active inputs, in coordinates in which all inputs are
    /// orthonormal.
    pub active_inputs: f64,
    /// Condition number of the inputs with a row of ones.
    pub inputs: f64,
    /// |A| / (σ_min(Z; 1) min |u_i|).
    pub label_share: f64,
    /// |U| |Z| / (σ_min(Z; 1) min |u_i|).
    pub output_share: f64,
    /// √(nm) and √(n(d + 1)), whichever gives the larger backward error, as rows and columns.
    dimensions: (usize, usize),
}

impl Condition {
    /// Measures a network on its samples.
    pub(crate) fn measure(network: &Network, x: MatRef<'_, f64>, a: MatRef<'_, f64>) -> Condition {
        let (n, m, k, d) = (x.ncols(), network.m(), network.k(), network.d());
        let (z, t) = (network.activations(x), network.preactivations(x));
        let exact = network.labels(x);
        let size = product::frobenius(a);
        let label_error = ratio(product::frobenius((&exact - a).as_ref()), size);
        let centred = Mat::from_fn(n, m, |j, o| exact[(o, j)] - mean(exact.as_ref(), o));
        let mut condition = Condition {
            kappa_u: condition_number(network.u()),
            kappa_v: condition_number(network.v()),
            label_error,
            labels: f64::INFINITY,
            gap: 0.0,
            active_inputs: f64::INFINITY,
            inputs: f64::INFINITY,
            label_share: f64::INFINITY,
            output_share: f64::INFINITY,
            dimensions: (n, m.max(d + 1)),
        };
        let Ok(svd) = spectrum::thin_svd(centred.as_ref()) else { return condition };
        let floor = tolerance::backward(n, m) * ratio(size, svd.s.first().copied().unwrap_or(0.0)).max(1.0);
        if k == 0 || spectrum::rank_at(&svd.s, floor).rank != k {
            return condition;
        }
        condition.labels = ratio(size, svd.s[k - 1]);
        let affine = Mat::from_fn(n, d + 1, |j, r| if r < d { x[(r, j)] } else { 1.0 });
        condition.inputs = condition_number(affine.as_ref());
        let constant = 1.0 / (n as f64).sqrt();
        let q = Mat::from_fn(n, k + 1, |j, i| if i < k { svd.u[(j, i)] } else { constant });
        let Ok(basis) = spectrum::column_space(affine.as_ref(), tolerance::backward(n, d + 1)) else {
            return condition;
        };
        condition.gap = f64::INFINITY;
        condition.active_inputs = 1.0;
        for i in 0..k {
            let pattern = SignPattern::of(t.row(i).iter().copied());
            let (gap, active) = unit_condition(q.as_ref(), basis.as_ref(), &pattern);
            condition.gap = condition.gap.min(gap);
            condition.active_inputs = condition.active_inputs.max(active);
        }
        let extended = Mat::from_fn(n, k + 1, |j, i| if i < k { z[(i, j)] } else { 1.0 });
        let least_output = (0..k).map(|i| network.u().col(i).norm_l2()).fold(f64::INFINITY, f64::min);
        let scale = smallest(extended.as_ref()) * least_output;
        condition.label_share = ratio(size, scale);
        condition.output_share = ratio(norm(network.u()) * product::frobenius(z.as_ref()), scale);
        condition
    }

    /// The error bound derived above for relative weights; infinite when the samples do not determine the network.
    pub fn tolerance(&self) -> f64 {
        let (rows, cols) = self.dimensions;
        let labels = tolerance::perturbed(rows, cols, 1.0, self.label_error);
        let activations = 2.0 * tolerance::perturbed(rows, cols, self.labels, self.label_error) / self.gap;
        let hidden = activations * self.active_inputs * self.inputs;
        let output = labels * self.label_share + activations * self.output_share;
        // Zero times infinity is no bound either.
        if hidden.is_finite() && output.is_finite() { hidden.max(output) } else { f64::INFINITY }
    }
}

/// The second smallest singular value of a unit's joint system, and the condition number of its active inputs.
fn unit_condition(q: MatRef<'_, f64>, basis: MatRef<'_, f64>, pattern: &SignPattern) -> (f64, f64) {
    let rows = |a: MatRef<'_, f64>, rows: &[usize]| Mat::from_fn(rows.len(), a.ncols(), |i, j| a[(rows[i], j)]);
    let (active, inactive): (Vec<usize>, Vec<usize>) = (pattern.active().collect(), pattern.inactive().collect());
    if active.is_empty() || inactive.is_empty() {
        return (0.0, f64::INFINITY);
    }
    let inputs = rows(basis, &active);
    let kappa = condition_number(inputs.as_ref());
    let Ok(space) = spectrum::column_space(inputs.as_ref(), tolerance::backward(active.len(), basis.ncols())) else {
        return (0.0, kappa);
    };
    let mut labels = rows(q, &active);
    let along = product::matmul(space.transpose(), labels.as_ref());
    product::matmul_add(labels.as_mut(), -1.0, space.as_ref(), along.as_ref());
    let mut system = Mat::zeros(q.nrows(), q.ncols());
    system.as_mut().subrows_mut(0, inactive.len()).copy_from(rows(q, &inactive));
    system.as_mut().subrows_mut(inactive.len(), active.len()).copy_from(labels);
    let s = spectrum::singular_values(system.as_ref()).unwrap_or_default();
    let gap = if s.len() == q.ncols() { s[s.len() - 2] } else { 0.0 };
    // A gap at rounding level is none.
    (if gap > tolerance::backward(q.nrows(), q.ncols()) { gap } else { 0.0 }, kappa)
}

fn mean(a: MatRef<'_, f64>, row: usize) -> f64 {
    a.row(row).iter().sum::<f64>() / a.ncols() as f64
}

fn ratio(numerator: f64, denominator: f64) -> f64 {
    if denominator > 0.0 { numerator / denominator } else { f64::INFINITY }
}

fn norm(a: MatRef<'_, f64>) -> f64 {
    spectrum::singular_values(a).ok().and_then(|s| s.first().copied()).unwrap_or(f64::INFINITY)
}

/// The least singular value of a matrix of full column rank, 0 for others (to rounding).
fn smallest(a: MatRef<'_, f64>) -> f64 {
    let s = spectrum::singular_values(a).unwrap_or_default();
    let full = s.len() == a.ncols() && spectrum::rank_at(&s, tolerance::backward(a.nrows(), a.ncols())).rank == s.len();
    if full { s[s.len() - 1] } else { 0.0 }
}

/// σ_1 over σ_min(p, q); infinite when that is zero to rounding or there are fewer rows than columns in a tall system.
pub(crate) fn condition_number(a: MatRef<'_, f64>) -> f64 {
    let s = spectrum::singular_values(a).unwrap_or_default();
    let (Some(&first), Some(&last)) = (s.first(), s.last()) else { return f64::INFINITY };
    if last > tolerance::backward(a.nrows(), a.ncols()) * first { first / last } else { f64::INFINITY }
}
