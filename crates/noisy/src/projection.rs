//! Projections of labels onto the span of features, from one triangle of features and labels.

use orthant_linalg::spectrum::{self, RankDecision};
use orthant_linalg::{LinalgError, Mat, MatRef, product, tolerance};

/// Labels projected onto the span of p features.
#[derive(Debug, Clone)]
pub(crate) struct Projection {
    /// Coefficients of least norm (of features scaled to unit norm), p × m.
    pub(crate) coefficients: Mat<f64>,
    /// For each feature, 1 over the squared norm of what the other features leave of it; infinite for one in their span.
    pub(crate) inverse: Vec<f64>,
    /// Sum of squares that the projection leaves of each output.
    pub(crate) rest: Vec<f64>,
    /// The rank of the features, scaled to unit norm.
    pub(crate) rank: RankDecision,
}

impl Projection {
    /// From the triangle of the n × (p + m) matrix of features and labels.
    ///
    /// # Cost
    /// An SVD of size p and 2p²m operations.
    pub(crate) fn of(triangle: MatRef<'_, f64>, n: usize, p: usize) -> Result<Projection, LinalgError> {
        let m = triangle.ncols() - p;
        if !product::frobenius(triangle).is_finite() {
            return Err(LinalgError::NoConvergence { what: "QR", rows: n, cols: p + m });
        }
        let norms: Vec<f64> = (0..p)
            .map(|j| match triangle.col(j).subrows(0, p).norm_l2() {
                0.0 => 1.0,
                norm => norm,
            })
            .collect();
        let scaled = Mat::from_fn(p, p, |i, j| triangle[(i, j)] / norms[j]);
        let svd = spectrum::thin_svd(scaled.as_ref())?;
        let relative = tolerance::backward(n, p);
        let rank = spectrum::rank_at(&svd.s, relative);
        let labels = triangle.submatrix(0, p, p, m);
        let left = svd.u.as_ref().subcols(0, rank.rank);
        let coordinates = product::matmul(left.transpose(), labels);
        let divided = Mat::from_fn(rank.rank, m, |l, o| coordinates[(l, o)] / svd.s[l]);
        let scaled_coefficients = product::matmul(svd.v.as_ref().subcols(0, rank.rank), divided.as_ref());
        let mut above = labels.to_owned();
        product::matmul_add(above.as_mut(), -1.0, left, coordinates.as_ref());
        let below = triangle.submatrix(p, p, triangle.nrows() - p, m);
        let rest = (0..m).map(|o| above.col(o).norm_l2().hypot(below.col(o).norm_l2()).powi(2)).collect();
        // A singular vector is off by rounding over the gap, which is at least the smallest singular value kept.
        let null_tolerance = relative / rank.smallest_kept.max(relative);
        let inverse = (0..p)
            .map(|j| {
                let null = product::norm(&(rank.rank..p).map(|l| svd.v[(j, l)]).collect::<Vec<_>>());
                if null > null_tolerance {
                    return f64::INFINITY;
                }
                (0..rank.rank).map(|l| (svd.v[(j, l)] / svd.s[l] / norms[j]).powi(2)).sum()
            })
            .collect();
        let coefficients = Mat::from_fn(p, m, |j, o| scaled_coefficients[(j, o)] / norms[j]);
        Ok(Projection { coefficients, inverse, rest, rank })
    }

    /// By how much the sum of squares left of all outputs grows when a feature is deleted: |coefficients|² over the diagonal entry
    /// of the inverse Gram matrix; 0 for a feature in the span of the others.
    pub(crate) fn increase(&self, feature: usize) -> f64 {
        let inverse = self.inverse[feature];
        if !inverse.is_finite() || inverse == 0.0 {
            return 0.0;
        }
        self.coefficients.row(feature).iter().map(|c| c * c).sum::<f64>() / inverse
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::lstsq::RankRevealing;
    use orthant_linalg::{qr, random};

    /// Twenty rows of five features, of which the last is a combination of the first two: deleting any of the three changes nothing.
    #[test]
    fn deleting_a_feature_agrees_with_a_second_projection() {
        let rng = &mut random::stream(1, "projection", 0);
        let (n, p, m) = (20, 5, 2);
        let mut all = random::gaussian(n, p + m, rng);
        for i in 0..n {
            (0..p).for_each(|j| all[(i, j)] *= 10f64.powi(j as i32));
        }
        for i in 0..n {
            all[(i, 4)] = all[(i, 0)] + all[(i, 1)] / 10.0;
        }
        let triangle = qr::Qr::factor(all.clone()).r();
        let projection = Projection::of(triangle.as_ref(), n, p).expect("finite");
        assert_eq!(projection.rank.rank, 4);
        let left = |features: &[usize]| {
            let part = Mat::from_fn(n, features.len(), |i, j| {
                all[(i, features[j])] / all.col(features[j]).norm_l2()
            });
            let factor = RankRevealing::new(part, tolerance::backward(n, p)).expect("finite");
            product::frobenius(factor.complement(all.as_ref().subcols(p, m)).as_ref()).powi(2)
        };
        let whole = projection.rest.iter().sum::<f64>();
        let tolerance = 100.0 * tolerance::backward(n, p) * left(&[]);
        assert!((whole - left(&[0, 1, 2, 3, 4])).abs() <= tolerance);
        for deleted in 0..p {
            let others: Vec<usize> = (0..p).filter(|&j| j != deleted).collect();
            let found = whole + projection.increase(deleted);
            assert!((found - left(&others)).abs() <= tolerance, "{deleted}: {found}");
            assert_eq!(projection.inverse[deleted].is_infinite(), [0, 1, 4].contains(&deleted));
        }
    }
}
