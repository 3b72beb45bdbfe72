//! Steps for small networks: the damped Gauss-Newton system formed in one pass and solved.

use orthant_linalg::cholesky::Cholesky;
use orthant_linalg::{Mat, product, tolerance};

use super::curvature::Step;
use super::information::Information;
use super::weights::Weights;

/// The share of its diagonal that is always added to the system, which may be singular: scales of units are free, and weights may
/// be undetermined.
const LEAST_DAMPING: f64 = 1e-12;

impl Information {
    /// The step that minimises the damped model; `None` when the system overflows.
    ///
    /// The residuals from which the gradient is computed are not squared, so that the conditioning of this system decides how
    /// many steps are needed and not how accurate the result is.
    ///
    /// # Cost
    /// (kh)³/3 + 2(kh)²q operations.
    pub(super) fn step(&self, gradient: &Weights, damping: f64) -> Option<Step> {
        let damping = damping + LEAST_DAMPING;
        let distinct = self.distinct_outputs();
        let outputs: Vec<Cholesky> = (0..distinct)
            .map(|o| {
                let mut block = self.output(o);
                damp(&mut block, damping);
                Cholesky::factor(block)
            })
            .collect::<Option<_>>()?;
        let inverses: Vec<Mat<f64>> = outputs.iter().map(Cholesky::inverse).collect();
        let mut hidden = self.hidden();
        damp(&mut hidden, damping);
        hidden -= &self.explained(&inverses);
        let hidden = Cholesky::factor(hidden)?;
        let (h, k) = (self.shape.h(), self.shape.k);
        let inverse = |o: usize| &inverses[o.min(distinct - 1)];
        let mut left = Mat::from_fn(h * k, 1, |i, _| -gradient.hidden[(i % h, i / h)]);
        for o in 0..self.shape.m {
            let solved = product::matmul(inverse(o).as_ref(), gradient.output.as_ref().subcols(o, 1));
            product::matmul_add(left.as_mut(), 1.0, self.coupling(o).as_ref(), solved.as_ref());
        }
        hidden.solve(left.as_mut());
        let mut output = Mat::zeros(self.shape.q(), self.shape.m);
        for o in 0..self.shape.m {
            let mut target = gradient.output.as_ref().subcols(o, 1).to_owned();
            product::matmul_add(target.as_mut(), 1.0, self.coupling(o).transpose(), left.as_ref());
            let solved = product::matmul(inverse(o).as_ref(), target.as_ref());
            (0..self.shape.q()).for_each(|p| output[(p, o)] = -solved[(p, 0)]);
        }
        let direction = Weights { hidden: Mat::from_fn(h, k, |r, i| left[(i * h + r, 0)]), output };
        let decrease = -direction.dot(gradient);
        (decrease > 0.0 && direction.is_finite()).then_some(Step { direction, decrease, products: 0 })
    }
}

/// Adds `damping` times the diagonal, and a little more than nothing where that is zero.
fn damp(a: &mut Mat<f64>, damping: f64) {
    let largest = (0..a.nrows()).map(|i| a[(i, i)]).fold(f64::MIN_POSITIVE.sqrt(), f64::max);
    for i in 0..a.nrows() {
        a[(i, i)] += damping * a[(i, i)].max(tolerance::EPS.sqrt() * largest);
    }
}
