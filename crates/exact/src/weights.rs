//! From activations to weights: steps 5 to 7 of Algorithm 6, for every unit and then for the output layer.

use orthant_estimate::frame::input_tolerance;
use orthant_estimate::weighting::Weighting;
use orthant_estimate::{Frame, Unit};
use orthant_linalg::least_distance::least_distance;
use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::{LinalgError, Mat, MatRef, product, spectrum, tolerance};
use orthant_network::{Activation, BiasKind, Network, Samples};
use rayon::prelude::*;

/// Hidden weights of one unit: v and b.
#[derive(Debug, Clone)]
pub(crate) struct HiddenWeights {
    pub(crate) v: Vec<f64>,
    pub(crate) b: f64,
}

/// The hidden weights that give a unit its activations, of minimum norm in the directions in which its active inputs do not
/// vary, except for what keeps it inactive on its inactive samples.
///
/// # Paper
/// Algorithm 6, step 5: z X = w A on the pattern. The paper assumes that the active inputs span ℝᵈ; here their rank is found,
/// and the rest chosen by least norm. A solution of least norm on the active samples may be positive on inactive ones; then
/// the nearest one that is not is taken (a least-distance problem in the undetermined directions alone).
pub(crate) fn hidden_weights(
    x: MatRef<'_, f64>,
    frame: &Frame,
    hidden_bias: bool,
    unit: &Unit,
) -> Result<HiddenWeights, LinalgError> {
    let d = x.nrows();
    // Where f bends, f⁻¹ magnifies rounding near the kink: the affine function fitted with that in mind is taken instead.
    let bent = (!frame.activation().is_relu()).then(|| {
        let direction = Mat::from_fn(unit.direction.len(), 1, |i, _| unit.direction[i]);
        product::matmul(frame.inputs(), direction.as_ref())
    });
    let values = bent.as_ref().map_or(unit.activations.as_slice(), |t| t.col_as_slice(0));
    // With two slopes the inactive samples say as much.
    let all = 0..x.ncols();
    let two_slopes = frame.activation().negative_slope().is_some();
    let active: Vec<usize> = if two_slopes { all.collect() } else { unit.pattern.active().collect() };
    let count = active.len() as f64;
    let mut centre = vec![0.0; d];
    let mut level = 0.0;
    if hidden_bias {
        for &j in &active {
            centre.iter_mut().zip(x.col(j).iter()).for_each(|(c, x)| *c += x / count);
            level += values[j] / count;
        }
    }
    let rows = Mat::from_fn(active.len(), d, |i, r| x[(r, active[i])] - centre[r]);
    let target = Mat::from_fn(active.len(), 1, |i, _| values[active[i]] - level);
    let factor = RankRevealing::new(rows, input_tolerance(active.len(), d))?;
    let solved = factor.solve(target.as_ref());
    let mut v: Vec<f64> = solved.col_as_slice(0).to_vec();
    let null = factor.null_space();
    if null.ncols() > 0 && !keep_inactive(x, unit, &centre, level, &null, &mut v)? {
        // Samples on the kink leave no room beside rounding: the values that the search has found are taken, which the residual
        // judges.
        let direction = Mat::from_fn(unit.direction.len(), 1, |i, _| unit.direction[i]);
        let t = product::matmul(frame.inputs(), direction.as_ref());
        let bias = if hidden_bias { BiasKind::Hidden } else { BiasKind::None };
        return Ok(hidden_from_preactivations(x, &t, bias)?.remove(0));
    }
    let b = if hidden_bias { level - product::dot(&v, &centre) } else { 0.0 };
    Ok(HiddenWeights { v, b })
}

/// Moves v within the undetermined directions, as little as possible, so that v(x − centre) + level ≤ 0 on inactive samples;
/// `false` when no choice of them does.
fn keep_inactive(
    x: MatRef<'_, f64>,
    unit: &Unit,
    centre: &[f64],
    level: f64,
    null: &Mat<f64>,
    v: &mut [f64],
) -> Result<bool, LinalgError> {
    let inactive: Vec<usize> = unit.pattern.inactive().collect();
    let offsets = Mat::from_fn(inactive.len(), v.len(), |i, r| x[(r, inactive[i])] - centre[r]);
    let column = Mat::from_fn(v.len(), 1, |r, _| v[r]);
    let values = product::matmul(offsets.as_ref(), column.as_ref());
    let largest = unit.activations.iter().fold(0.0f64, |s, &z| s.max(z));
    // Constraints are met to rounding; this margin keeps the rounding on the inactive side.
    let margin = tolerance::backward(inactive.len(), v.len()) * largest;
    let mut bounds: Vec<f64> = (0..inactive.len()).map(|i| values[(i, 0)] + level + margin).collect();
    if bounds.iter().all(|&bound| bound <= 2.0 * margin) {
        return Ok(true);
    }
    let mut slopes = -product::matmul(offsets.as_ref(), null.as_ref());
    let rounding = tolerance::backward(inactive.len(), v.len());
    for (i, bound) in bounds.iter_mut().enumerate() {
        // A sample that none of these directions moves stays where it is, on the kink (as the origin) or below. What rounding leaves of
        // its slope says nothing.
        if slopes.row(i).norm_l2() <= rounding * offsets.row(i).norm_l2() && *bound <= 2.0 * margin {
            slopes.as_mut().row_mut(i).fill(0.0);
            *bound = bound.min(0.0);
        }
    }
    match least_distance(slopes.as_ref(), &bounds) {
        Ok(shift) => {
            for (r, v) in v.iter_mut().enumerate() {
                *v += (0..shift.len()).map(|i| null[(r, i)] * shift[i]).sum::<f64>();
            }
            Ok(true)
        }
        Err(LinalgError::Infeasible { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Builds the network of the units found, with always-active units for the affine part of the labels.
///
/// # Paper
/// Algorithm 6, steps 6 and 7: the linear system A = U f(VX), by a rank-revealing QR.
pub(crate) fn build_network(
    samples: &Samples<'_>,
    frame: &Frame,
    units: &[Unit],
    bias: BiasKind,
) -> Result<Network, LinalgError> {
    let mut hidden = hidden_layer(samples, frame, units, bias)?;
    if units.len() < frame.k() {
        hidden.extend(affine_units(samples, frame, bias)?);
    }
    output_layer(samples, frame.activation(), &hidden, bias)
}

/// The network of the units found and no others.
pub(crate) fn units_alone(
    samples: &Samples<'_>,
    frame: &Frame,
    units: &[Unit],
    bias: BiasKind,
) -> Result<Network, LinalgError> {
    output_layer(samples, frame.activation(), &hidden_layer(samples, frame, units, bias)?, bias)
}

fn hidden_layer(
    samples: &Samples<'_>,
    frame: &Frame,
    units: &[Unit],
    bias: BiasKind,
) -> Result<Vec<HiddenWeights>, LinalgError> {
    units.par_iter().map(|unit| hidden_weights(samples.x(), frame, bias.hidden(), unit)).collect()
}

/// The hidden weights of units with given values before the rectifier.
///
/// # Shapes
/// `x` is d × n, `t` is n × k.
pub(crate) fn hidden_from_preactivations(
    x: MatRef<'_, f64>,
    t: &Mat<f64>,
    bias: BiasKind,
) -> Result<Vec<HiddenWeights>, LinalgError> {
    let (d, n) = x.shape();
    let mean = |values: &mut dyn Iterator<Item = f64>| {
        if bias.hidden() { values.sum::<f64>() / n as f64 } else { 0.0 }
    };
    let centre: Vec<f64> = (0..d).map(|r| mean(&mut x.row(r).iter().copied())).collect();
    let levels: Vec<f64> = (0..t.ncols()).map(|i| mean(&mut t.col(i).iter().copied())).collect();
    let rows = Mat::from_fn(n, d, |j, r| x[(r, j)] - centre[r]);
    let target = Mat::from_fn(n, t.ncols(), |j, i| t[(j, i)] - levels[i]);
    let factor = RankRevealing::new(rows, input_tolerance(n, d))?;
    let solution = factor.solve(target.as_ref());
    Ok((0..t.ncols())
        .map(|i| {
            let v = solution.col_as_slice(i).to_vec();
            let b = if bias.hidden() { levels[i] - product::dot(&v, &centre) } else { 0.0 };
            HiddenWeights { v, b }
        })
        .collect())
}

/// Which biases of a network are larger than `small`, relative to what they are added to.
pub(crate) fn biases_beyond(network: &Network, samples: &Samples<'_>, small: f64) -> BiasKind {
    let t = network.preactivations(samples.x());
    let rms = |norm: f64, count: usize| norm / (count as f64).sqrt();
    let hidden =
        (0..network.k()).any(|i| network.hidden_bias(i).abs() > small * rms(t.row(i).norm_l2(), samples.n()));
    let output = network
        .c()
        .is_some_and(|c| product::norm(c) > small * rms(product::frobenius(samples.a()), samples.n()));
    match (hidden, output) {
        (true, true) => BiasKind::Both,
        (true, false) => BiasKind::Hidden,
        (false, true) => BiasKind::Output,
        (false, false) => BiasKind::None,
    }
}

/// Fits U and c to given hidden weights.
pub(crate) fn output_layer(
    samples: &Samples<'_>,
    activation: &Activation,
    hidden: &[HiddenWeights],
    bias: BiasKind,
) -> Result<Network, LinalgError> {
    let (n, d, m, k) = (samples.n(), samples.d(), samples.m(), hidden.len());
    let v = Mat::from_fn(k, d, |i, r| hidden[i].v[r]);
    let b = bias.hidden().then(|| hidden.iter().map(|unit| unit.b).collect::<Vec<_>>());
    // Activations of the hidden weights as they are, so that the output layer makes up for their rounding.
    let bare = network(activation, Mat::zeros(m, k), v, b, None)?;
    let z = bare.activations(samples.x());
    let constant = usize::from(bias.output());
    let mut design = Mat::from_fn(n, k + constant, |j, i| if i < k { z[(i, j)] } else { 1.0 });
    let mut labels = samples.a().transpose().to_owned();
    // Labels that span orders of magnitude are rounded each in proportion to itself, and fitted accordingly.
    if let Some(weighting) = Weighting::new(activation, samples.a()) {
        for (j, weight) in weighting.weights(samples.a()).into_iter().enumerate() {
            design.row_mut(j).iter_mut().chain(labels.row_mut(j).iter_mut()).for_each(|v| *v *= weight);
        }
    }
    let factor = RankRevealing::new(design, tolerance::backward(n, k + constant))?;
    let solution = factor.solve(labels.as_ref());
    let u = Mat::from_fn(m, k, |o, i| solution[(i, o)]);
    let c = bias.output().then(|| (0..m).map(|o| solution[(k, o)]).collect());
    network(activation, u, bare.v().to_owned(), bare.b().map(<[f64]>::to_vec), c)
}

fn network(
    activation: &Activation,
    u: Mat<f64>,
    v: Mat<f64>,
    b: Option<Vec<f64>>,
    c: Option<Vec<f64>>,
) -> Result<Network, LinalgError> {
    let (rows, cols) = (u.nrows(), v.ncols());
    Network::with_activation(activation.clone(), u, v, b, c).map_err(|_| LinalgError::NoConvergence {
        what: "fit of the weights",
        rows,
        cols,
    })
}

/// The affine part of the labels as units that are active on every sample: f(vx + b) = vx + b there, and the output bias makes
/// up for b. Without an output bias only what is positive on every sample by itself can be represented.
fn affine_units(
    samples: &Samples<'_>,
    frame: &Frame,
    bias: BiasKind,
) -> Result<Vec<HiddenWeights>, LinalgError> {
    let mut functions = product::matmul(frame.extended(), frame.linear());
    let n = functions.nrows();
    if bias.output() {
        // Constants are the output bias's.
        for col in 0..functions.ncols() {
            let values = functions.col_as_slice_mut(col);
            let mean = values.iter().sum::<f64>() / n as f64;
            values.iter_mut().for_each(|v| *v -= mean);
        }
    }
    // The functions had unit norm: what is left of a constant is rounding, far below this.
    let svd = spectrum::thin_svd(functions.as_ref())?;
    let count = (frame.k() - frame.n_rectified()).min(svd.s.iter().take_while(|&&s| s > 1e-6).count());
    let basis = svd.u;
    let mut centre = vec![0.0; samples.d()];
    if bias.hidden() {
        for j in 0..n {
            centre.iter_mut().zip(samples.x().col(j).iter()).for_each(|(c, x)| *c += x / n as f64);
        }
    }
    let rows = Mat::from_fn(n, samples.d(), |j, r| samples.x()[(r, j)] - centre[r]);
    let factor = RankRevealing::new(rows.clone(), input_tolerance(n, samples.d()))?;
    Ok((0..count)
        .map(|i| {
            let mut target = basis.as_ref().subcols(i, 1).to_owned();
            let mean = target.col_as_slice(0).iter().sum::<f64>() / n as f64;
            if mean < 0.0 {
                target = -target;
            }
            let level = if bias.hidden() { mean.abs() } else { 0.0 };
            target.col_as_slice_mut(0).iter_mut().for_each(|t| *t -= level);
            let mut v = factor.solve(target.as_ref());
            if product::frobenius(target.as_ref()) <= frame.zero_tolerance() * level * (n as f64).sqrt() {
                // A constant: its weights are zero, not rounding to be scaled up to unit norm.
                v = Mat::zeros(v.nrows(), 1);
            }
            let values = product::matmul(rows.as_ref(), v.as_ref());
            let low = values.col_as_slice(0).iter().fold(f64::INFINITY, |s, &t| s.min(t));
            let high = values.col_as_slice(0).iter().fold(f64::NEG_INFINITY, |s, &t| s.max(t));
            let mut b = level - product::dot(v.col_as_slice(0), &centre);
            if bias == BiasKind::Both && low + level <= 0.0 {
                // Active with room to spare: one range beyond the smallest value.
                b -= low + level - (high - low);
            }
            HiddenWeights { v: v.col_as_slice(0).to_vec(), b }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_estimate::unit::unit_from_pattern;
    use orthant_network::{PlantedSpec, SignPattern};

    #[test]
    fn true_patterns_give_the_true_network() {
        for bias in [BiasKind::None, BiasKind::Hidden, BiasKind::Output, BiasKind::Both] {
            let spec = PlantedSpec { m: 6, k: 4, d: 5, bias, seed: 3, ..PlantedSpec::default() };
            let p = spec.plant(80).expect("valid");
            let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
            let (frame, _) = Frame::new(&samples, bias, None).expect("finite");
            let t = p.network.preactivations(p.x.as_ref());
            let units: Vec<Unit> = (0..4)
                .map(|i| {
                    unit_from_pattern(&frame, &SignPattern::of(t.row(i).iter().copied())).expect("a unit")
                })
                .collect();
            let found = build_network(&samples, &frame, &units, bias).expect("finite");
            let alignment = orthant_network::align(&found, &p.network);
            assert!(alignment.worst() <= 10.0 * frame.null_tolerance(), "{bias:?}: {}", alignment.worst());
            assert!(alignment.output_bias_error <= 10.0 * frame.null_tolerance());
        }
    }

    #[test]
    fn undetermined_weights_keep_the_unit_inactive_where_it_is() {
        // The second coordinate never varies while the unit is active, and its true weight of −5 is what keeps the unit
        // inactive on the other samples: at minimum norm it would be active there.
        let x = Mat::from_fn(2, 40, |r, j| match (r, j % 2) {
            (0, _) => 1.0 + (j as f64) / 10.0,
            (_, 0) => 0.0,
            (_, _) => 2.0 + (j as f64 % 7.0),
        });
        let v = [1.0, -5.0];
        let t = |j: usize| v[0] * x[(0, j)] + v[1] * x[(1, j)];
        let a = Mat::from_fn(1, 40, |_, j| t(j).max(0.0));
        let samples = Samples::new(x.as_ref(), a.as_ref()).expect("valid");
        let (frame, _) = Frame::new(&samples, BiasKind::None, None).expect("finite");
        let unit = unit_from_pattern(&frame, &SignPattern::of((0..40).map(t))).expect("a unit");
        let found = build_network(&samples, &frame, &[unit], BiasKind::None).expect("finite");
        let error = &found.labels(x.as_ref()) - &a;
        assert!(
            product::frobenius(error.as_ref()) <= frame.null_tolerance() * product::frobenius(a.as_ref())
        );
        assert!(found.v()[(0, 1)] < 0.0);
    }
}
