//! Linear and quadratic part of labels as functions of the inputs.

use std::ops::Range;

use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::{LinalgError, Mat, MatRef, product, spectrum, tolerance};
use rayon::prelude::*;

use crate::frame::{Frame, input_tolerance};

/// Inputs with unit covariance.
#[derive(Debug, Clone)]
pub(crate) struct Whitened {
    /// n × r, columns orthogonal and of norm √n.
    pub(crate) values: Mat<f64>,
    /// The linear map from directions in these coordinates to directions in [`Frame::inputs`].
    pub(crate) to_frame: Mat<f64>,
}

impl Whitened {
    /// Inputs minus their mean.
    pub(crate) fn centred(frame: &Frame) -> Result<Whitened, LinalgError> {
        if frame.bias().hidden() {
            return Ok(Whitened::as_given(frame));
        }
        let (mut values, root) = (frame.inputs().to_owned(), (frame.n() as f64).sqrt());
        centre(&mut values);
        let svd = spectrum::thin_svd(values.as_ref())?;
        let rank = spectrum::rank_at(&svd.s, input_tolerance(frame.n(), svd.s.len())).rank;
        let to_frame = Mat::from_fn(svd.v.nrows(), rank, |i, j| svd.v[(i, j)] / svd.s[j] * root);
        let values = Mat::from_fn(frame.n(), rank, |i, j| svd.u[(i, j)] * root);
        Ok(Whitened { values, to_frame })
    }

    /// Inputs as the frame has them: minus their mean where a hidden bias is fitted, and only there.
    pub(crate) fn as_given(frame: &Frame) -> Whitened {
        let (z, root) = (frame.inputs(), (frame.n() as f64).sqrt());
        let varying = z.ncols() - usize::from(frame.bias().hidden());
        Whitened {
            values: Mat::from_fn(z.nrows(), varying, |i, j| root * z[(i, j)]),
            to_frame: Mat::from_fn(z.ncols(), varying, |i, j| if i == j { root } else { 0.0 }),
        }
    }
}

/// Labels minus their mean with unit covariance, n × rank.
pub(crate) fn whitened_labels(frame: &Frame) -> Result<Mat<f64>, LinalgError> {
    let (mut labels, root) = (frame.labels().to_owned(), (frame.n() as f64).sqrt());
    if !frame.bias().output() {
        centre(&mut labels);
        labels = spectrum::column_space(labels.as_ref(), frame.null_tolerance())?;
    }
    Ok(Mat::from_fn(labels.nrows(), labels.ncols(), |i, j| root * labels[(i, j)]))
}

/// Subtracts the mean of each column.
pub(crate) fn centre(a: &mut Mat<f64>) {
    for j in 0..a.ncols() {
        let mean = a.col(j).iter().sum::<f64>() / a.nrows() as f64;
        a.as_mut().col_mut(j).iter_mut().for_each(|x| *x -= mean);
    }
}

/// y ≈ mean + L g + quadratic part, fitted by least squares, where the quadratic part depends on k directions of g only: those in
/// which L varies.
///
/// For labels y = U f(V x + b) on Gaussian inputs, L = U diag(c₁) V and the quadratic parts are Σ_r u_r c₂ v_r v_r': both in terms
/// of the Hermite coefficients c_p of each unit.
#[derive(Debug, Clone)]
pub(crate) struct Expansion {
    /// L, q × r.
    pub(crate) linear: Mat<f64>,
    /// Singular values of L, descending; the first k are those of its row space used.
    pub(crate) sigma: Vec<f64>,
    /// Orthonormal basis of the row space of L, r × k.
    pub(crate) row_space: Mat<f64>,
    /// For each label coordinate, E[y (h h' − I)] in the coordinates h of the row space: k × k.
    pub(crate) quadratic: Vec<Mat<f64>>,
    /// Root mean square of what the two parts leave of a label coordinate.
    pub(crate) rest: f64,
}

/// Times that the row space is computed anew after the quadratic part was taken from the labels.
const PASSES: usize = 2;

/// Samples in one product.
const BLOCK: usize = 2048;

impl Expansion {
    /// Fits both parts.
    ///
    /// # Shapes
    /// `labels` is n × q; `inputs` is n × r, with orthogonal columns of norm √n; k ≤ min(q, r).
    ///
    /// # Cost
    /// Three passes with about n k⁴/2 operations each, k > 4.
    ///
    /// # Paper
    /// The moments E[y g'] and E[y (g g' − I)] of score functions (Lemma 39) in place of least squares would have the labels'
    /// whole variance as noise, and not only what the two parts leave of them: 2 % of it for a rectified Gaussian.
    pub(crate) fn fit(
        labels: MatRef<'_, f64>,
        inputs: MatRef<'_, f64>,
        k: usize,
    ) -> Result<Expansion, LinalgError> {
        let rows = |range: Range<usize>| {
            let part = |a: MatRef<'_, f64>| a.subrows(range.start, range.len()).to_owned();
            (part(labels), part(inputs))
        };
        let shape = Shape { n: labels.nrows(), q: labels.ncols(), r: inputs.ncols() };
        let plain = product::matmul(labels.transpose(), inputs);
        Expansion::fit_rows(shape, plain.as_ref(), k, &rows)
    }

    /// As [`Expansion::fit`], of labels and inputs that are asked for in blocks of rows, in each pass anew, and with Y'G, q × r, as
    /// `plain`. Memory does not depend on n.
    pub(crate) fn fit_rows(
        shape: Shape,
        plain: MatRef<'_, f64>,
        k: usize,
        rows: &(dyn Fn(Range<usize>) -> (Mat<f64>, Mat<f64>) + Sync),
    ) -> Result<Expansion, LinalgError> {
        let (n, q) = (shape.n as f64, shape.q);
        let mut linear = Mat::from_fn(q, shape.r, |i, j| plain[(i, j)] / n);
        let first = linear.clone();
        let mut svd = spectrum::thin_svd(linear.as_ref())?;
        let mut quadratic = Vec::new();
        let mut rest = 0.0;
        for pass in 0..=PASSES {
            let basis = svd.v.as_ref().subcols(0, k);
            let sums = Sums::of(shape, rows, basis);
            let features = k + monomials(k);
            let gram = sums.gram.as_ref().subcols(0, features);
            let coefficients = RankRevealing::new(gram.to_owned(), tolerance::backward(features, features))?
                .solve(sums.gram.as_ref().subcols(features, q));
            let fitted = Mat::from_fn(monomials(k), q, |i, j| coefficients[(k + i, j)]);
            // Label energy left: Σ y² − 2 c'D'y + c'D'D c, and the fit makes that Σ y² − c'D'y.
            let explained: f64 = (0..q)
                .map(|j| {
                    (0..features).map(|i| coefficients[(i, j)] * sums.gram[(i, features + j)]).sum::<f64>()
                })
                .sum();
            rest = ((sums.energy - explained / n).max(0.0) / q as f64).sqrt();
            quadratic = (0..q).map(|j| slice(fitted.as_ref(), j, k)).collect();
            let correction = product::matmul(fitted.transpose(), sums.cross.as_ref());
            linear = Mat::from_fn(q, shape.r, |i, j| first[(i, j)] - correction[(i, j)] / n);
            if pass < PASSES {
                svd = spectrum::thin_svd(linear.as_ref())?;
            }
        }
        let row_space = svd.v.as_ref().subcols(0, k).to_owned();
        Ok(Expansion { linear, sigma: svd.s, row_space, quadratic, rest })
    }

    /// Spectral norm that the sampling error of L has at most, but once in a thousand times.
    pub(crate) fn linear_error(&self, n: usize) -> f64 {
        // A matrix of independent errors; the norm exceeds the sum of roots by 4 with probability below e⁻⁸ (Davidson-Szarek).
        let (q, r) = self.linear.shape();
        self.rest * ((q as f64).sqrt() + (r as f64).sqrt() + 4.0) / (n as f64).sqrt()
    }
}

/// Numbers of samples, label coordinates and input coordinates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) n: usize,
    pub(crate) q: usize,
    pub(crate) r: usize,
}

fn monomials(k: usize) -> usize {
    k * (k + 1) / 2
}

/// Sums over the samples of products of features [h, He₂(h)] with features, labels and inputs.
struct Sums {
    /// D'[D, Y].
    gram: Mat<f64>,
    /// He₂(H)'G.
    cross: Mat<f64>,
    /// Σ y² / n.
    energy: f64,
}

impl Sums {
    fn of(
        shape: Shape,
        rows: &(dyn Fn(Range<usize>) -> (Mat<f64>, Mat<f64>) + Sync),
        basis: MatRef<'_, f64>,
    ) -> Sums {
        let (Shape { n, q, r }, k) = (shape, basis.ncols());
        let features = k + monomials(k);
        let starts: Vec<usize> = (0..n).step_by(BLOCK).collect();
        // Blocks are fixed and added in order, so that the sums do not depend on the threads.
        let mut gram = Mat::zeros(features, features + q);
        let mut cross = Mat::zeros(monomials(k), r);
        let mut energy = 0.0;
        for group in starts.chunks(64) {
            let parts: Vec<(Mat<f64>, Mat<f64>, f64)> = group
                .par_iter()
                .map(|&first| {
                    let (y, g) = rows(first..n.min(first + BLOCK));
                    let h = product::matmul(g.as_ref(), basis);
                    let mut all = Mat::zeros(g.nrows(), features + q);
                    fill_features(all.as_mut().subcols_mut(0, features), h.as_ref());
                    all.as_mut().subcols_mut(features, q).copy_from(&y);
                    let d = all.as_ref().subcols(0, features);
                    let second = d.subcols(k, monomials(k));
                    let of_features = product::matmul(d.transpose(), all.as_ref());
                    let of_inputs = product::matmul(second.transpose(), g.as_ref());
                    (of_features, of_inputs, y.squared_norm_l2())
                })
                .collect();
            for (of_features, of_inputs, of_labels) in parts {
                gram += of_features;
                cross += of_inputs;
                energy += of_labels;
            }
        }
        Sums { gram, cross, energy: energy / n as f64 }
    }
}

/// h_a; then (h_a² − 1)/√2 and h_a h_b for a < b, in the order of rows of the upper triangle.
fn fill_features(mut out: orthant_linalg::MatMut<'_, f64>, h: MatRef<'_, f64>) {
    let (rows, k) = h.shape();
    let mut next = k;
    for a in 0..k {
        for i in 0..rows {
            out[(i, a)] = h[(i, a)];
        }
        for b in a..k {
            for i in 0..rows {
                let product = h[(i, a)] * h[(i, b)];
                out[(i, next)] = if a == b { (product - 1.0) / 2.0f64.sqrt() } else { product };
            }
            next += 1;
        }
    }
}

/// The symmetric matrix E[y (h h' − I)] of a function with the given coefficients.
fn slice(coefficients: MatRef<'_, f64>, column: usize, k: usize) -> Mat<f64> {
    let mut out = Mat::zeros(k, k);
    let mut next = 0;
    for a in 0..k {
        for b in a..k {
            let c = coefficients[(next, column)];
            let value = if a == b { 2.0f64.sqrt() * c } else { c };
            out[(a, b)] = value;
            out[(b, a)] = value;
            next += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::random;

    /// Labels that are a quadratic of two directions of the inputs are fitted without rest: the row space to 1e-9 after two passes,
    /// in which errors of the order 1/√n shrink by as much each time, and the linear part and slices with it.
    #[test]
    fn a_quadratic_in_the_row_space_is_fitted_without_rest() {
        let (n, r, q) = (4000, 5, 2);
        let g = random::gaussian(n, r, &mut random::stream(1, "expansion", 0));
        let inputs = spectrum::column_space(g.as_ref(), 1e-9).expect("finite");
        let inputs = Mat::from_fn(n, r, |i, j| inputs[(i, j)] * (n as f64).sqrt());
        let labels = Mat::from_fn(n, q, |i, a| {
            let (h0, h1) = (inputs[(i, 0)], inputs[(i, 1)]);
            if a == 0 { h0 + 0.5 * (h0 * h0 - 1.0) } else { h1 - h0 * h1 }
        });
        let fit = Expansion::fit(labels.as_ref(), inputs.as_ref(), 2).expect("finite");
        // Contraction by C/√n in each pass, C of about 10 for quadratics of this size.
        let allowed = (10.0 / (n as f64).sqrt()).powi(PASSES as i32 + 1);
        assert!(fit.rest < allowed, "rest {}", fit.rest);
        let to_given = |slice: &Mat<f64>| {
            product::matmul(
                product::matmul(fit.row_space.as_ref(), slice.as_ref()).as_ref(),
                fit.row_space.transpose(),
            )
        };
        // 0.5 (h0² − 1) has E[y (h h' − I)] = diag(1, 0), and −h0 h1 has −1 off the diagonal.
        assert!((to_given(&fit.quadratic[0])[(0, 0)] - 1.0).abs() < allowed);
        assert!((to_given(&fit.quadratic[1])[(0, 1)] + 1.0).abs() < allowed);
        assert!((fit.linear[(1, 1)] - 1.0).abs() < allowed);
    }
}
