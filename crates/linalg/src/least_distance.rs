//! The point of least norm in a polyhedron.

use faer::{Mat, MatRef};

use crate::LinalgError;
use crate::nnls::{NnlsSettings, non_negative};
use crate::product;
use crate::tolerance;

/// The x of least norm with G x ≥ h.
///
/// # Shapes
/// `g` is p × q, `h` has length p; the result has length q.
///
/// # Guarantee
/// Violations of the constraints are at rounding level times the largest |row of g| · |x|.
///
/// # Errors
/// [`LinalgError::Infeasible`] when no x satisfies the constraints, [`LinalgError::NoConvergence`] when the active-set
/// iteration exceeds its bound of 10(p + q) + 100 steps.
///
/// # Panics
/// When `h` does not have length p.
///
/// # Cost
/// A few active-set steps, each one least-squares solve of (q + 1) × (active constraints), plus O(pq).
///
/// # Paper
/// Lawson and Hanson, *Solving Least Squares Problems* (1974), chapter 23: algorithms NNLS and LDP.
pub fn least_distance(g: MatRef<'_, f64>, h: &[f64]) -> Result<Vec<f64>, LinalgError> {
    let (p, q) = g.shape();
    assert_eq!(h.len(), p, "one bound for each row of g");
    if h.iter().all(|&x| x <= 0.0) {
        return Ok(vec![0.0; q]);
    }
    // Rows are scaled to unit length (with their bound), which changes no constraint and keeps NNLS well scaled.
    let mut e = Mat::zeros(q + 1, p);
    let bound_scale = h.iter().fold(0.0f64, |s, x| s.max(x.abs()));
    for i in 0..p {
        let size = g.row(i).norm_l2().hypot(h[i] / bound_scale);
        if size > 0.0 {
            for j in 0..q {
                e[(j, i)] = g[(i, j)] / size;
            }
            e[(q, i)] = h[i] / bound_scale / size;
        }
    }
    let mut f = vec![0.0; q + 1];
    f[q] = 1.0;
    // The columns have unit norm, but for rows that are zero.
    let scale: Vec<f64> = (0..p).map(|i| if e.col(i).norm_l2() > 0.0 { 1.0 } else { 0.0 }).collect();
    let found = non_negative(e.as_ref(), &f, &scale, &NnlsSettings { cosine: 0.0, residual: 0.0 });
    if !found.converged {
        return Err(LinalgError::NoConvergence { what: "non-negative least squares", rows: q + 1, cols: p });
    }
    // With r = E u − f the answer is −r_j / r_(q+1), and r = 0 means that the constraints contradict each other.
    let r: Vec<f64> = found.residual.iter().map(|x| -x).collect();
    if product::norm(&r) <= tolerance::backward(q + 1, q + 1).sqrt() {
        return Err(LinalgError::Infeasible { constraints: p });
    }
    let denominator = -r[q];
    Ok(r[..q].iter().map(|x| x / denominator * bound_scale).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lstsq::RankRevealing;
    use crate::random;

    #[test]
    fn nearest_point_of_a_half_plane_and_of_a_corner() {
        let g = faer::mat![[1.0, 0.0], [0.0, 2.0]];
        let corner = least_distance(g.as_ref(), &[3.0, 8.0]).expect("feasible");
        assert!((corner[0] - 3.0).abs() < 1e-12 && (corner[1] - 4.0).abs() < 1e-12);
        let edge = least_distance(g.as_ref(), &[3.0, -8.0]).expect("feasible");
        assert!((edge[0] - 3.0).abs() < 1e-12 && edge[1].abs() < 1e-12);
        assert_eq!(least_distance(g.as_ref(), &[-1.0, 0.0]).expect("feasible"), vec![0.0, 0.0]);
    }

    #[test]
    fn contradictions_are_named() {
        let g = faer::mat![[1.0], [-1.0]];
        assert_eq!(least_distance(g.as_ref(), &[1.0, 1.0]), Err(LinalgError::Infeasible { constraints: 2 }));
    }

    #[test]
    fn optimality_conditions_hold_on_random_polyhedra() {
        for index in 0..20 {
            let rng = &mut random::stream(12, "ldp", index);
            let (p, q) = (60, 6);
            let g = random::gaussian(p, q, rng);
            let inside = random::gaussian(q, 1, rng);
            let slack = random::gaussian_vec(p, rng);
            let at_inside = product::matmul(g.as_ref(), inside.as_ref());
            let h: Vec<f64> = (0..p).map(|i| at_inside[(i, 0)] - slack[i].abs()).collect();
            let x = least_distance(g.as_ref(), &h).expect("feasible by construction");
            let xm = Mat::from_fn(q, 1, |i, _| x[i]);
            let gx = product::matmul(g.as_ref(), xm.as_ref());
            let scale = product::frobenius(g.as_ref()) * product::norm(&x).max(1.0);
            let tol = 1e3 * tolerance::backward(p, q) * scale;
            assert!((0..p).all(|i| gx[(i, 0)] >= h[i] - tol));
            // Complementarity: x is a combination of the tight rows with non-negative weights, so no feasible point is
            // nearer; the planted inside point is one.
            assert!(product::norm(&x) <= inside.col(0).norm_l2() + tol);
            let tight: Vec<usize> = (0..p).filter(|&i| gx[(i, 0)] <= h[i] + tol).collect();
            let rows = Mat::from_fn(q, tight.len(), |j, a| g[(tight[a], j)]);
            let left =
                RankRevealing::new(rows, tolerance::backward(p, q)).expect("finite").complement(xm.as_ref());
            assert!(product::frobenius(left.as_ref()) <= tol, "x is not in the span of the tight rows");
        }
    }
}
