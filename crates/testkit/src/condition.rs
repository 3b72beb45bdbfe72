//! How well the samples determine the network: the condition numbers in every error bound of this crate.

use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::{Mat, MatRef, product, spectrum};
use orthant_network::{Network, SignPattern};

use crate::tolerance;

/// Condition numbers measured on a planted instance, all for a method that fits both biases.
///
/// # Derivation of the error bound
/// Write Q for an orthonormal basis of the row space of the labels, means removed, with the constant beside it, and norms of
/// matrices for Frobenius norms. The labels carry an error E and what is done with them a backward error, together
/// η = c √(nm) ε + |E|/|A| relative to |A|. To first order:
///
/// 1. *Label space.* The activations z_i of unit i, less a constant, are (row i of U⁺) A. So as a vector of the row space they
///    are off by at most α_i = η |A| |U⁺_i| / |z_i|, relative: a unit with large output weights is known better than others.
/// 2. *Activations.* With S the samples on which the unit is active, N the others, and P the projection on the affine functions
///    of the active inputs, z_i = Qw with [Q_N; (I − P)Q_S] w = 0. Applied to w that matrix is off by 2α_i at most (once in
///    each block), so its least singular vector is off by 2α_i over the singular value above the least (Wedin):
///    ζ_i = 2α_i / g_i.
/// 3. *Hidden weights.* (v, b) solves least squares on the active samples in an orthonormal basis of the affine functions of all
///    inputs, whose coordinates are then expressed in the inputs: ζ_i times the condition numbers of both steps, the second
///    with X and the row of ones brought to one scale by a diagonal D, times |D(v, b)| / (min D |(v, b)|) for taking D away.
/// 4. *Output weights.* U and c solve least squares against activations, with unit norms in Ẑ: the right side is off by
///    η|A| + Σ_j |u_j| |z_j| ζ_j = η|A| (1 + Σ_j 2 |u_j| |U⁺_j| / g_j), hence u_i by that over σ_min(Ẑ) |z_i|, and c by that over
///    σ_min(Ẑ) √n.
///
/// The bound is η times the larger of the factors `hidden` and `output`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    /// Condition number of U.
    pub kappa_u: f64,
    /// Condition number of V, by its least of min(k, d) singular values.
    pub kappa_v: f64,
    /// Relative error of the labels, |A − labels of the network| / |A|: 0 for exact ones.
    pub label_error: f64,
    /// The least g_i over units, 0 when some unit is not determined.
    pub gap: f64,
    /// The least singular value of the activations, each of unit norm, less their affine parts: 0 when a combination of units is
    /// affine on the samples (an always-active unit, an antiparallel pair), so that other patterns explain the labels as well.
    pub kinks: f64,
    /// Condition number of the inputs with a row of ones, brought to one scale.
    pub inputs: f64,
    /// The factor from η to the relative error of activations, ζ_i / η, the largest over units.
    pub activations: f64,
    /// The factor from η to the relative error of hidden weights and biases.
    pub hidden: f64,
    /// The factor from η to the relative error of output weights and biases.
    pub output: f64,
    /// c √(n max(m, d + 1)) ε.
    backward: f64,
}

impl Condition {
    /// Measures a network on its samples.
    pub(crate) fn measure(network: &Network, x: MatRef<'_, f64>, a: MatRef<'_, f64>) -> Condition {
        let (n, m, k, d) = (x.ncols(), network.m(), network.k(), network.d());
        let exact = network.labels(x);
        let size = product::frobenius(a);
        let mut condition = Condition {
            kappa_u: column_condition(network.u()),
            kappa_v: condition_number(network.v()),
            label_error: ratio(product::frobenius((&exact - a).as_ref()), size),
            gap: 0.0,
            kinks: 0.0,
            inputs: f64::INFINITY,
            activations: f64::INFINITY,
            hidden: f64::INFINITY,
            output: f64::INFINITY,
            backward: tolerance::backward(n, m.max(d + 1)),
        };
        let centred = Mat::from_fn(n, m, |j, o| exact[(o, j)] - mean(exact.as_ref(), o));
        let affine_scale = product::frobenius(x) / ((d * n) as f64).sqrt();
        let affine = Mat::from_fn(n, d + 1, |j, r| if r < d { x[(r, j)] / affine_scale } else { 1.0 });
        let factors = (
            spectrum::thin_svd(centred.as_ref()),
            spectrum::column_space(affine.as_ref(), tolerance::backward(n, d + 1)),
            RankRevealing::new(network.u().to_owned(), tolerance::backward(m, k)),
        );
        let (Ok(labels), Ok(basis), Ok(u)) = factors else { return condition };
        let floor =
            tolerance::backward(n, m) * ratio(size, labels.s.first().copied().unwrap_or(0.0)).max(1.0);
        if k == 0 || affine_scale == 0.0 || spectrum::rank_at(&labels.s, floor).rank != k {
            return condition;
        }
        condition.inputs = column_condition(affine.as_ref());
        let constant = 1.0 / (n as f64).sqrt();
        let q = Mat::from_fn(n, k + 1, |j, i| if i < k { labels.u[(j, i)] } else { constant });
        let u_inverse = u.solve(Mat::<f64>::identity(m, m).as_ref());
        let (z, t) = (network.activations(x), network.preactivations(x));
        let (mut gap, mut activations, mut hidden, mut spread) = (f64::INFINITY, 0.0f64, 0.0f64, 1.0);
        for i in 0..k {
            let pattern = SignPattern::of(t.row(i).iter().copied());
            let (unit_gap, active_inputs) = unit_condition(q.as_ref(), basis.as_ref(), &pattern);
            let inverse = u_inverse.row(i).norm_l2();
            let factor = 2.0 * ratio(size * inverse, z.row(i).norm_l2() * unit_gap);
            gap = gap.min(unit_gap);
            activations = activations.max(factor);
            hidden = hidden.max(factor * active_inputs * rescaling(network, i, affine_scale));
            spread += 2.0 * ratio(network.u().col(i).norm_l2() * inverse, unit_gap);
        }
        condition.gap = gap;
        condition.activations = activations;
        condition.hidden = hidden * condition.inputs;
        let bias = output_bias_reference(network, a);
        let weakest = (0..k)
            .map(|i| network.u().col(i).norm_l2() * z.row(i).norm_l2())
            .fold(bias * (n as f64).sqrt(), f64::min);
        let unit_columns =
            Mat::from_fn(n, k + 1, |j, i| if i < k { z[(i, j)] / z.row(i).norm_l2() } else { constant });
        let along = product::matmul(basis.transpose(), unit_columns.as_ref());
        let mut rest = unit_columns.clone();
        product::matmul_add(rest.as_mut(), -1.0, basis.as_ref(), along.as_ref());
        condition.kinks = least_of_columns(rest.as_ref().subcols(0, k));
        condition.output = ratio(size * spread, least_of_columns(unit_columns.as_ref()) * weakest);
        condition
    }

    /// The error bound derived above for the activations of each unit, relative; infinite when some unit is not determined.
    pub fn activation_tolerance(&self) -> f64 {
        (self.backward + self.label_error) * self.activations
    }

    /// The error bound derived above for relative weights; infinite when the samples do not determine the network.
    pub fn tolerance(&self) -> f64 {
        let factor = self.hidden.max(self.output);
        // NaN stands for zero times infinity: no bound either.
        if factor.is_finite() && !self.hidden.is_nan() && !self.output.is_nan() {
            (self.backward + self.label_error) * factor
        } else {
            f64::INFINITY
        }
    }
}

/// What errors of the output bias are relative to: |c|, or the size of a typical label when c is zero or missing.
pub(crate) fn output_bias_reference(network: &Network, a: MatRef<'_, f64>) -> f64 {
    let c = network.c().map_or(0.0, product::norm);
    if c > 0.0 { c } else { product::frobenius(a) / (a.ncols() as f64).sqrt() }
}

/// |D(v, b)| / (min D |(v, b)|) for D = diag(scale, ..., scale, 1).
fn rescaling(network: &Network, unit: usize, scale: f64) -> f64 {
    let (v, b) = (network.v().row(unit).norm_l2(), network.hidden_bias(unit));
    ratio((scale * v).hypot(b), scale.min(1.0) * v.hypot(b))
}

/// The second smallest singular value of a unit's joint system, and the condition number of its active inputs.
fn unit_condition(q: MatRef<'_, f64>, basis: MatRef<'_, f64>, pattern: &SignPattern) -> (f64, f64) {
    let rows =
        |a: MatRef<'_, f64>, rows: &[usize]| Mat::from_fn(rows.len(), a.ncols(), |i, j| a[(rows[i], j)]);
    let (active, inactive): (Vec<usize>, Vec<usize>) =
        (pattern.active().collect(), pattern.inactive().collect());
    if active.is_empty() || inactive.is_empty() {
        return (0.0, f64::INFINITY);
    }
    let inputs = rows(basis, &active);
    let kappa = column_condition(inputs.as_ref());
    let Ok(space) = spectrum::column_space(inputs.as_ref(), tolerance::backward(active.len(), basis.ncols()))
    else {
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

/// The least singular value of a matrix of full column rank, 0 for others (to rounding).
fn least_of_columns(a: MatRef<'_, f64>) -> f64 {
    let s = spectrum::singular_values(a).unwrap_or_default();
    let full = s.len() == a.ncols()
        && spectrum::rank_at(&s, tolerance::backward(a.nrows(), a.ncols())).rank == s.len();
    if full { s.last().copied().unwrap_or(0.0) } else { 0.0 }
}

/// σ_1 over the least of all min(p, q) singular values; infinite when that is zero to rounding.
pub(crate) fn condition_number(a: MatRef<'_, f64>) -> f64 {
    let s = spectrum::singular_values(a).unwrap_or_default();
    let (Some(&first), Some(&last)) = (s.first(), s.last()) else { return f64::INFINITY };
    if last > tolerance::backward(a.nrows(), a.ncols()) * first { first / last } else { f64::INFINITY }
}

/// [`condition_number`] for unknowns in the columns: infinite with fewer rows than columns.
fn column_condition(a: MatRef<'_, f64>) -> f64 {
    if a.nrows() < a.ncols() { f64::INFINITY } else { condition_number(a) }
}
