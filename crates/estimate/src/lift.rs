//! The quadratic lift: all units at once from one null space, and a proof that there are no others.

use orthant_linalg::eigen::real_eigenvectors;
use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::{LinalgError, Mat, MatRef, product, qr, random, spectrum, tolerance, triangular};
use orthant_network::SignPattern;
use rayon::prelude::*;

mod monomials;
mod two_slope;

use self::monomials::{Block, Monomials};
use crate::error::SearchError;
use crate::frame::Frame;
use crate::progress::Reporter;
use crate::unit::{self, Unit};

/// The null space of the lifted matrix of a frame.
///
/// For z = max(t, 0), z(z − t) = 0. With z = w'y + w₀ (y: the k label coordinates of a sample) and t affine in x, this is
/// linear in the coefficients of the monomials y_a y_b and y_a x_j (and y_a, x_j, 1 where there are biases): one equation per
/// sample, solved by each unit's coefficients. When the samples are generic and n ≥ N − k, nothing else solves them.
///
/// Leaky ReLU and |t|, with slope s for t ≤ 0, satisfy (z − t)(z − s t) = 0, which needs the monomials x_i x_j as well (and no
/// y_a x_j for |t|, where s = −1). Leaky ReLU is (1 − s) max(t, 0) + s t, so that its activations without the linear part lie in
/// the row space of A and X together; but that space has k + d dimensions, and holds max(−t, 0) for every unit beside max(t, 0).
/// The lift stays with k dimensions and has each unit once, |t| included.
#[derive(Debug, Clone)]
pub struct Lift {
    /// Number of monomials N.
    pub monomials: usize,
    /// Number of samples used, at most 2N.
    pub samples: usize,
    /// Dimension of the null space, to the precision of the labels; counted up to 2k + 4.
    pub null_dimension: usize,
    /// Smallest singular value beyond the null space, columns of the lifted matrix having unit norm.
    pub sigma_next: f64,
    /// A lower bound for that value over an upper bound for the rounding error of the lifted matrix, both in norm. Above 1 the
    /// null space of the true lifted matrix has dimension at most `null_dimension`.
    pub margin: f64,
    /// Coefficients of the null vectors.
    blocks: Vec<Block>,
}

/// Number of monomials of the lift of a frame.
pub fn n_monomials(frame: &Frame) -> usize {
    Monomials::of(frame).count()
}

/// Random pairs of combinations tried before the lift gives up on finding more units.
const MAX_PAIRS: usize = 6;

/// Multiple of the identity below which singular values are not told apart by the triangular solves. The null space then
/// converges at the square of this over the next singular value, per step.
const SHIFT: f64 = 1e-9;

/// Monomials below this multiple of their error count as zero.
const VANISHING: f64 = 100.0;

/// Null vectors looked for: k of the units, as many of pairs of units, and a few more so that a larger null space is seen.
fn block_size(k: usize) -> usize {
    2 * k + 4
}

impl Lift {
    /// Computes the null space. `None` when there are fewer than N − k samples, which determine nothing, or when the activation
    /// satisfies no such identity.
    ///
    /// # Errors
    /// [`SearchError`].
    ///
    /// # Cost
    /// A QR of n + N rows in blocks of N, 10N³/3 operations at n = N and 16N³/3 at n = 2N, then N³/3 for the bound and 16N²k for
    /// the null space; about five N × N matrices of memory at the peak.
    pub fn compute(frame: &Frame, reporter: &mut Reporter<'_>) -> Result<Option<Lift>, SearchError> {
        let monomials = Monomials::of(frame);
        let (count, k) = (monomials.count(), frame.k());
        let samples = frame.n().min(2 * count);
        let activation = frame.activation();
        let quadratic = activation.is_relu() || activation.negative_slope().is_some();
        if k == 0 || samples + k < count || !quadratic {
            return Ok(None);
        }
        let mut norms = monomials.column_norms(frame, samples);
        // A monomial that is rounding on every sample is zero there; scaled to unit norm it would pass for information.
        let floor = VANISHING * frame.angle() * monomials.coordinate_error(frame);
        norms.iter_mut().filter(|norm| **norm <= floor).for_each(|norm| *norm = f64::INFINITY);
        let mut scan = |r: &mut dyn FnMut(Mat<f64>), stage| -> Result<(), SearchError> {
            let mut first = 0;
            while first < samples {
                reporter.report(stage, 0, k, first)?;
                let rows = (samples - first).min(count + count / 8);
                let mut block = monomials.rows(frame, first, rows);
                for (j, &norm) in norms.iter().enumerate() {
                    block.as_mut().col_mut(j).iter_mut().for_each(|x| *x /= norm);
                }
                r(block);
                first += rows;
            }
            Ok(())
        };
        // The triangle of [shift · I; lifted matrix]: every leading block is regular, so that solves with it do not grow
        // beyond 1/shift wherever the dependent columns are.
        let mut r = Mat::from_fn(count, count, |i, j| if i == j { SHIFT } else { 0.0 });
        scan(&mut |block| r = qr::stack_r(r.as_ref(), block.as_ref()), "quadratic lift")?;
        let near = triangular::smallest_singular(r.as_ref(), block_size(k))?.basis;
        // Singular values without the shift: of the lifted matrix itself on the space found.
        let mut image = Mat::zeros(0, near.ncols());
        scan(
            &mut |block| {
                image = qr::stack_r(image.as_ref(), product::matmul(block.as_ref(), near.as_ref()).as_ref());
            },
            "quadratic lift: null space",
        )?;
        let svd = spectrum::thin_svd(image.as_ref())?;
        let error = monomials.scaled_error(frame, &norms)
            + tolerance::backward(samples, count) * (count as f64).sqrt();
        let null_dimension = svd.s.iter().rev().take_while(|&&s| s <= error).count();
        let regular = svd.s.len() - null_dimension;
        let null = product::matmul(near.as_ref(), svd.v.as_ref().subcols(regular, null_dimension));
        let shifted_bound = triangular::next_singular_bound(r.as_ref(), null.as_ref());
        let margin = (shifted_bound * shifted_bound - SHIFT * SHIFT).max(0.0).sqrt() / error;
        let sigma_next = if regular > 0 { svd.s[regular - 1] } else { 0.0 };
        let unscale = |j: usize, i: usize| null[(i, j)] / norms[i];
        let blocks = (0..null_dimension)
            .map(|j| monomials.block(&(0..count).map(|i| unscale(j, i)).collect::<Vec<_>>()))
            .collect();
        Ok(Some(Lift { monomials: count, samples, null_dimension, sigma_next, margin, blocks }))
    }

    /// Whether no other network of this width has the labels of one with these units, whatever its activation patterns.
    ///
    /// # Guarantee
    /// Let the k units have independent rows w_i of U⁻¹, and v_i. Besides their own coefficients (w_i w_i', −w_i v_i'), the null
    /// space contains one vector for each pair of units of which one is active only where the other is (then
    /// (z_i − t_i) z_j = 0 on the samples: W = sym(w_i w_j'), B = w_j v_i'), or which are never active together (z_i z_j = 0:
    /// W = sym(w_i w_j'), B = 0). These k + p vectors are independent. When the null space has dimension k + p, they span it.
    /// A unit of any other network has W = ww' in it, with w = Σ a_i w_i; comparing the parts along w_l of −B = w v' for
    /// a_l ≠ 0 gives v = a_l v_l + 2 Σ a_i v_i, summed over the i that contain l. For two different l these expressions agree
    /// only if some a_l vanishes, provided the v_i are independent. So w is a multiple of one w_l: the unit is one of these.
    /// Units whose active inputs leave directions open are not covered: then nothing is proved.
    ///
    /// With two slopes, each pair of units must have all four combinations of signs; then the null space is spanned by the
    /// k vectors of the units, and w is a multiple of one w_l and v of v_l in the same way, the sign of v aside for |t|.
    ///
    /// `independent_rows` says that the v_i, without their biases, are independent; when p = 0 it is not needed.
    ///
    /// The dimension is a numerical rank. It is not overestimated as long as [`Lift::margin`] exceeds 1, which is what is
    /// asked for, so the statement is about the labels up to their rounding.
    ///
    /// # Cost
    /// At most four passes over the patterns of two units on the samples of the lift, for each pair.
    ///
    /// # Paper
    /// Not in the paper, whose Lemma 33 makes the statement almost surely for Gaussian inputs.
    pub fn proves_uniqueness(&self, frame: &Frame, units: &[Unit], independent_rows: bool) -> bool {
        if units.len() < frame.k() || units.iter().any(|unit| unit.input_rank < frame.inputs().ncols()) {
            return false;
        }
        let two_slopes = frame.activation().negative_slope().is_some();
        let active: Vec<Vec<bool>> = units
            .iter()
            .map(|unit| {
                let mut active = vec![false; unit.pattern.n()];
                unit.pattern.active().for_each(|j| active[j] = true);
                active.truncate(self.samples);
                active
            })
            .collect();
        let never = |test: &dyn Fn(bool, bool) -> bool, i: usize, j: usize| {
            !active[i].iter().zip(&active[j]).any(|(&first, &second)| test(first, second))
        };
        let mut pairs = 0;
        for i in 0..units.len() {
            for j in 0..i {
                let relations = usize::from(never(&|first, second| first && second, i, j))
                    + usize::from(never(&|first, second| first && !second, i, j))
                    + usize::from(never(&|first, second| second && !first, i, j));
                // Two relations at once mean equal or empty patterns, which the argument does not cover.
                if relations > 1 {
                    return false;
                }
                if two_slopes && (relations > 0 || never(&|first, second| !first && !second, i, j)) {
                    return false;
                }
                pairs += relations;
            }
        }
        self.margin > 1.0 && self.null_dimension == units.len() + pairs && (pairs == 0 || independent_rows)
    }

    /// Finds units by simultaneous diagonalisation of the null vectors, and appends them to `found`; returns the number of
    /// eigenproblems solved.
    ///
    /// # Guarantee
    /// Every unit appended has passed [`unit::unit_from_pattern`].
    ///
    /// # Errors
    /// [`SearchError`].
    ///
    /// # Cost
    /// At most 12 eigenproblems of size k, and k calls of [`unit::unit_from_pattern`] for each.
    pub fn units(&self, frame: &Frame, found: &mut Vec<Unit>, seed: u64) -> Result<usize, SearchError> {
        if frame.activation().negative_slope().is_some() {
            return self.two_slope_units(frame, found, seed);
        }
        let (k, r) = (frame.k(), frame.inputs().ncols());
        let wanted = frame.n_rectified();
        let mut eigenproblems = 0;
        // The null vectors of pairs of units that are never active together live on the y_a y_b alone, and those of nested pairs
        // are triangular on the y_a x_j, constants aside (the last x_j, with a hidden bias): a second part sees units there.
        let varying = r - usize::from(frame.bias().hidden());
        let parts: &[(usize, usize)] = if varying >= k { &[(0, k + r), (k, varying)] } else { &[(0, k + r)] };
        for &(first, width) in parts {
            if self.blocks.is_empty() {
                break;
            }
            let parts: Vec<MatRef<'_, f64>> =
                self.blocks.iter().map(|b| b.products.as_ref().subcols(first, width)).collect();
            let compressed = compress_columns(&parts, k)?;
            for pair in 0..MAX_PAIRS {
                if found.len() >= wanted {
                    return Ok(eigenproblems);
                }
                eigenproblems += 1;
                let rng = &mut random::stream(seed, "lift", (first * MAX_PAIRS + pair) as u64);
                let mut combine = || {
                    let mut sum = Mat::zeros(k, k);
                    for part in &compressed {
                        let weight = random::gaussian_vec(1, rng)[0];
                        sum += weight * part;
                    }
                    sum
                };
                let (alpha, beta) = (combine(), combine());
                for unit in diagonalise(frame, &alpha, &beta)? {
                    if found.len() < wanted && !found.iter().any(|known| unit::same_unit(known, &unit)) {
                        found.push(unit);
                    }
                }
            }
        }
        Ok(eigenproblems)
    }
}

/// Restricts k × q matrices that share a k-dimensional row space to it.
fn compress_columns(parts: &[MatRef<'_, f64>], k: usize) -> Result<Vec<Mat<f64>>, LinalgError> {
    let q = parts[0].ncols();
    let mut stacked = Mat::zeros(k * parts.len(), q);
    for (i, part) in parts.iter().enumerate() {
        stacked.as_mut().subrows_mut(i * k, k).copy_from(part);
    }
    let svd = spectrum::thin_svd(stacked.as_ref())?;
    let row_space = svd.v.as_ref().subcols(0, k.min(svd.v.ncols()));
    Ok(parts
        .iter()
        .map(|part| {
            let mut out = product::matmul(*part, row_space);
            out.resize_with(k, k, |_, _| 0.0);
            out
        })
        .collect())
}

/// The units among the eigenvectors of α β⁻¹: with α = E D_α G and β = E D_β G these are the columns w_i of E.
fn diagonalise(frame: &Frame, alpha: &Mat<f64>, beta: &Mat<f64>) -> Result<Vec<Unit>, LinalgError> {
    let k = alpha.nrows();
    let factor = RankRevealing::new(beta.transpose().to_owned(), tolerance::backward(k, k))?;
    let quotient = factor.solve(alpha.transpose());
    let eigen = real_eigenvectors(quotient.transpose())?;
    let values = product::matmul(frame.labels(), eigen.vectors.as_ref());
    Ok((0..k).into_par_iter().filter_map(|i| unit_from_values(frame, values.col_as_slice(i))).collect())
}

/// The unit whose activations are, up to sign, offset and error, the given values: most share one value, and these samples are
/// the inactive ones. That also finds the outer one of two nested units when the values are a combination of both.
fn unit_from_values(frame: &Frame, values: &[f64]) -> Option<Unit> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let range = sorted.last()? - sorted.first()?;
    [1e-10, 1e-7, 1e-5, 1e-3].into_iter().find_map(|relative| {
        let slack = relative * range;
        let zero = if frame.bias().output() { most_common(&sorted, slack) } else { 0.0 };
        let pattern = SignPattern::of(values.iter().map(|v| (v - zero).abs() - slack));
        unit::unit_from_pattern(frame, &pattern).ok()
    })
}

/// The centre of the interval of half-width `slack` that holds most of the sorted values.
fn most_common(sorted: &[f64], slack: f64) -> f64 {
    let (mut best, mut last) = ((0, 0), 0);
    for first in 0..sorted.len() {
        while last < sorted.len() && sorted[last] <= sorted[first] + 2.0 * slack {
            last += 1;
        }
        if last - first > best.1 - best.0 {
            best = (first, last);
        }
    }
    (sorted[best.0] + sorted[best.1 - 1]) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_network::{BiasKind, PlantedSpec, Samples};
    use std::ops::ControlFlow;

    fn lifted(spec: &PlantedSpec, spare: i64) -> Option<(Frame, Lift)> {
        let r = spec.d + usize::from(spec.bias.hidden());
        let constants =
            if spec.bias.output() { r + if spec.bias.hidden() { 0 } else { spec.k + 1 } } else { 0 };
        let monomials = spec.k * (spec.k + 1) / 2 + spec.k * r + constants;
        let p = spec.plant((monomials as i64 + spare) as usize).expect("valid");
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let frame = Frame::new(&samples, spec.bias, None).expect("finite").0;
        assert_eq!(n_monomials(&frame), monomials);
        let mut callback = |_| ControlFlow::Continue(());
        let lift = Lift::compute(&frame, &mut Reporter::new(&mut callback)).expect("finite")?;
        Some((frame, lift))
    }

    #[test]
    fn the_null_space_gives_all_units_and_their_uniqueness() {
        for bias in [BiasKind::None, BiasKind::Hidden, BiasKind::Output, BiasKind::Both] {
            let spec = PlantedSpec { m: 6, k: 5, d: 7, bias, seed: 4, ..PlantedSpec::default() };
            let (frame, lift) = lifted(&spec, 10).expect("samples enough");
            let mut units = Vec::new();
            lift.units(&frame, &mut units, 0).expect("finite");
            assert_eq!((units.len(), lift.null_dimension), (5, 5), "{bias:?}");
            assert!(lift.proves_uniqueness(&frame, &units, false), "{bias:?}: {lift:?}");
        }
    }

    #[test]
    fn too_few_samples_prove_nothing() {
        let spec = PlantedSpec { m: 6, k: 5, d: 7, seed: 4, ..PlantedSpec::default() };
        assert!(lifted(&spec, -6).is_none());
        // With N − k − 1 equations or a few more, the null space is larger than the units'.
        let (frame, lift) = lifted(&spec, -5).expect("N − k samples");
        let mut units = Vec::new();
        lift.units(&frame, &mut units, 0).expect("finite");
        assert!(lift.null_dimension >= 5);
        let fewer = units.len().min(4);
        assert!(!lift.proves_uniqueness(&frame, &units[..fewer], false));
    }

    #[test]
    fn the_most_common_value_is_found_in_the_middle() {
        assert_eq!(most_common(&[-3.0, -1.0, 2.0, 2.0, 2.0, 5.0], 1e-9), 2.0);
    }

    #[test]
    fn monomials_that_are_rounding_prove_nothing() {
        // The last input is alone on every third sample, where no unit is active, and zero elsewhere: its weights are open, and
        // y_a x_5 is zero in truth and rounding in fact.
        let mut spec = PlantedSpec { m: 4, k: 3, d: 5, seed: 6, ..PlantedSpec::default() };
        for seed in 0..4 {
            spec.seed = seed;
            let p = spec.plant(400).expect("valid");
            let mut v = p.network.v().to_owned();
            (0..3).for_each(|i| v[(i, 4)] = -v[(i, 4)].abs());
            let network =
                orthant_network::Network::new(p.network.u().to_owned(), v, None, None).expect("fits");
            let x = Mat::from_fn(5, 400, |r, j| match (j % 3 == 0, r == 4) {
                (true, true) => p.x[(r, j)].abs(),
                (false, false) => p.x[(r, j)],
                _ => 0.0,
            });
            let a = network.labels(x.as_ref());
            let samples = Samples::new(x.as_ref(), a.as_ref()).expect("valid");
            let frame = Frame::new(&samples, BiasKind::None, None).expect("finite").0;
            let mut callback = |_| ControlFlow::Continue(());
            let lift =
                Lift::compute(&frame, &mut Reporter::new(&mut callback)).expect("finite").expect("enough");
            let t = network.preactivations(x.as_ref());
            let units: Vec<Unit> = (0..3)
                .filter_map(|i| {
                    unit::unit_from_pattern(&frame, &SignPattern::of(t.row(i).iter().copied())).ok()
                })
                .collect();
            assert!(lift.null_dimension >= 6, "{seed}: {}", lift.null_dimension);
            assert!(!lift.proves_uniqueness(&frame, &units, true), "{seed}");
        }
    }
}
