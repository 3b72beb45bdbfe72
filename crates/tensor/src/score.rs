//! Second pass over the data: Hermite score tensors of orders two to four, contracted as they are accumulated.

use orthant_linalg::{Mat, MatRef, product};

use crate::error::{TensorError, at_least, dimension, finite};
use crate::moment::{checked_pair, over_chunks, some_columns};
use crate::whiten::Affine;

mod products;

use self::products::Workspace;

/// A contraction of a score tensor of order three: E[(w'y) He_3(x)](·, ·, p).
#[derive(Debug, Clone, PartialEq)]
pub struct Contraction3 {
    /// w, of length q.
    pub labels: Vec<f64>,
    /// p, of length r.
    pub direction: Vec<f64>,
}

/// A contraction of a score tensor of order four: E[(w'y) He_4(x)](·, ·, p, q).
#[derive(Debug, Clone, PartialEq)]
pub struct Contraction4 {
    /// w, of length q.
    pub labels: Vec<f64>,
    /// The two directions p and q, of length r each.
    pub directions: [Vec<f64>; 2],
}

/// What to compute in the second pass.
///
/// Columns (x, a) are first mapped to x̂ = W(x − μ), of length r, which should have mean zero and covariance I, and
/// y = G(a − ν) − L x̂, of length q. Subtracting the fitted mean and linear part leaves all score tensors of order two and more
/// as they are in expectation and removes most of their variance.
#[derive(Debug, Clone)]
pub struct ScorePlan {
    inputs: Affine,
    labels: Affine,
    linear: Mat<f64>,
    /// Half the coefficients of x̂_i x̂_j, i ≤ j, r(r + 1)/2 × q, and their contribution to the mean of each label.
    quadratic: Option<(Mat<f64>, Vec<f64>)>,
    order3: Vec<Contraction3>,
    order4: Vec<Contraction4>,
}

/// Sums of the second pass, to be merged and then turned into moments by [`ScorePlan::finish`].
///
/// Each entry is a sum over columns; memory is (q + number of contractions) · r(r + 1)/2 numbers, whatever n is.
#[derive(Debug, Clone)]
pub struct ScoreSums {
    n: usize,
    /// Σ y, and Σ y², for each label coordinate.
    label_sums: Vec<f64>,
    label_squares: Vec<f64>,
    /// Σ y x̂', q × r.
    first: Mat<f64>,
    /// Σ g x̂_i x̂_j for i ≤ j, one row per weight g: the label coordinates, then y times one direction of x̂ for each
    /// contraction of order three, then y times two of them for each of order four.
    second: Mat<f64>,
}

/// Score moments, each an average over columns.
#[derive(Debug, Clone)]
pub struct ScoreMoments {
    /// Number of columns.
    pub n: usize,
    /// E\[y²\] of each label coordinate. An entry of a slice of order two has a standard error of about √(E\[y²\]/n), √2 of that
    /// on the diagonal.
    pub energy: Vec<f64>,
    /// E[y x̂'], q × r: what is left of the linear part, zero when the one subtracted is the fitted one.
    pub order1: Mat<f64>,
    /// E[y_l (x̂ x̂' − I)] for each label coordinate l, r × r.
    pub order2: Vec<Mat<f64>>,
    /// E[(w'y) He_3(x̂)](·, ·, p) for each contraction, r × r.
    pub order3: Vec<Mat<f64>>,
    /// E[(w'y) He_4(x̂)](·, ·, p, q) for each contraction, r × r.
    pub order4: Vec<Mat<f64>>,
}

impl ScorePlan {
    /// A plan for slices of order two and the given contractions of orders three and four.
    ///
    /// # Shapes
    /// `inputs` maps d to r, `labels` maps m to q coordinates, `linear` is q × r.
    ///
    /// # Errors
    /// [`TensorError::Shape`]; [`TensorError::NotFinite`].
    ///
    /// # Cost
    /// A pass over the maps.
    pub fn new(
        inputs: Affine,
        labels: Affine,
        linear: Mat<f64>,
        order3: Vec<Contraction3>,
        order4: Vec<Contraction4>,
    ) -> Result<ScorePlan, TensorError> {
        let (r, q) = (inputs.map.nrows(), labels.map.nrows());
        at_least("number of input coordinates", r, 1)?;
        at_least("number of label coordinates", q, 1)?;
        dimension("length of the mean of the inputs", inputs.mean.len(), inputs.map.ncols())?;
        dimension("length of the mean of the labels", labels.mean.len(), labels.map.ncols())?;
        dimension("number of rows of the linear part", linear.nrows(), q)?;
        dimension("number of columns of the linear part", linear.ncols(), r)?;
        for map in [&inputs.map, &labels.map, &linear] {
            finite("plan", map.as_ref())?;
        }
        let fourth = order4.iter().flat_map(|c| c.directions.iter());
        for direction in order3.iter().map(|c| &c.direction).chain(fourth) {
            dimension("length of a direction", direction.len(), r)?;
        }
        let combinations = order3.iter().map(|c| &c.labels).chain(order4.iter().map(|c| &c.labels));
        for combination in combinations {
            dimension("length of a combination of labels", combination.len(), q)?;
        }
        Ok(ScorePlan { inputs, labels, linear, quadratic: None, order3, order4 })
    }

    /// The same plan with the quadratic part of the labels subtracted too: y_l is reduced by ½⟨Q_l, x̂ x̂' − I⟩.
    ///
    /// With Q_l the slices of order two of an earlier pass, orders three and four keep their expectation and lose part of their
    /// variance: four tenths at order four, for rectified Gaussians in 4 dimensions. The slices of order
    /// two of this pass are then what is left of them, near zero.
    ///
    /// # Shapes
    /// q symmetric matrices, r × r.
    ///
    /// # Errors
    /// [`TensorError::Shape`]; [`TensorError::NotFinite`].
    ///
    /// # Cost
    /// Adds n q r(r + 1) operations to a pass.
    pub fn with_quadratic(mut self, slices: &[Mat<f64>]) -> Result<ScorePlan, TensorError> {
        let (r, q) = (self.r(), self.q());
        dimension("number of slices", slices.len(), q)?;
        let mut coefficients = Mat::zeros(r * (r + 1) / 2, q);
        let mut traces = vec![0.0; q];
        for (l, slice) in slices.iter().enumerate() {
            dimension("number of rows of a slice", slice.nrows(), r)?;
            dimension("number of columns of a slice", slice.ncols(), r)?;
            finite("slice", slice.as_ref())?;
            for i in 0..r {
                traces[l] += 0.5 * slice[(i, i)];
                coefficients[(products::packed(r, i, i), l)] = 0.5 * slice[(i, i)];
                for j in i + 1..r {
                    coefficients[(products::packed(r, i, j), l)] = 0.5 * (slice[(i, j)] + slice[(j, i)]);
                }
            }
        }
        self.quadratic = Some((coefficients, traces));
        Ok(self)
    }

    /// Number r of input coordinates.
    pub fn r(&self) -> usize {
        self.inputs.map.nrows()
    }

    /// Number q of label coordinates.
    pub fn q(&self) -> usize {
        self.labels.map.nrows()
    }

    fn n_weights(&self) -> usize {
        self.q() + self.order3.len() + self.order4.len()
    }

    /// Sums over no columns.
    pub fn start(&self) -> ScoreSums {
        let (r, weights) = (self.r(), self.n_weights());
        ScoreSums {
            n: 0,
            label_sums: vec![0.0; self.q()],
            label_squares: vec![0.0; self.q()],
            first: Mat::zeros(self.q(), r),
            second: Mat::zeros(weights, r * (r + 1) / 2),
        }
    }

    /// Adds columns to sums of this plan.
    ///
    /// # Shapes
    /// `x` is d × n, `a` is m × n, with any n.
    ///
    /// # Errors
    /// [`TensorError::Shape`]; [`TensorError::NotFinite`]. Nothing has been added then.
    ///
    /// # Cost
    /// With s = q + number of contractions: matrix products of 2n(rd + qm + qr) and n s r(r + 1) operations, in blocks that stay
    /// in cache. All slices come from one product, of the weights with the r(r + 1)/2 products x̂_i x̂_j: half the operations
    /// of scaling the columns once per slice. Memory does not depend on n.
    pub fn add(
        &self,
        sums: &mut ScoreSums,
        x: MatRef<'_, f64>,
        a: MatRef<'_, f64>,
    ) -> Result<(), TensorError> {
        let n = checked_pair(x, a, self.inputs.mean.len(), self.labels.mean.len())?;
        let total = over_chunks(
            n,
            self.start(),
            |first, cols| {
                let mut part = self.start();
                Workspace::new(self).add(self, &mut part, x.subcols(first, cols), a.subcols(first, cols));
                part
            },
            ScoreSums::merge,
        );
        // Entries that are not finite, or whose powers overflow, are seen here: looking at all of them would cost a pass.
        finite("set of columns", total.first.as_ref())?;
        finite("set of columns", total.second.as_ref())?;
        sums.merge(&total);
        Ok(())
    }

    /// The moments that belong to sums of this plan.
    ///
    /// # Errors
    /// [`TensorError::Shape`] when there are no columns.
    ///
    /// # Panics
    /// When the sums are those of another plan.
    ///
    /// # Cost
    /// O(s r²) operations.
    ///
    /// # Paper
    /// Definition 37 and Lemma 39 for N(0, I), where score functions are Hermite tensors:
    /// He_3 = x⊗x⊗x − Σ x⊗I over 3 placements, He_4 = x⊗x⊗x⊗x − Σ x⊗x⊗I over 6 + Σ I⊗I over 3. Contracting before averaging
    /// keeps everything r × r; for the corrections the sums of lower order suffice.
    pub fn finish(&self, sums: &ScoreSums) -> Result<ScoreMoments, TensorError> {
        some_columns(sums.n)?;
        let (r, q) = (self.r(), self.q());
        assert_eq!(sums.second.shape(), (self.n_weights(), r * (r + 1) / 2), "sums of another plan");
        let scale = 1.0 / sums.n as f64;
        let raw = |s: usize| {
            Mat::from_fn(r, r, |i, j| scale * sums.second[(s, products::packed(r, i.min(j), i.max(j)))])
        };
        let raw_labels: Vec<Mat<f64>> = (0..q).map(raw).collect();
        let combined = |weights: &[f64]| {
            let mut second = Mat::<f64>::zeros(r, r);
            let mut first = vec![0.0; r];
            let mut mean = 0.0;
            for (l, &w) in weights.iter().enumerate() {
                second += w * &raw_labels[l];
                mean += w * scale * sums.label_sums[l];
                for (j, entry) in first.iter_mut().enumerate() {
                    *entry += w * scale * sums.first[(l, j)];
                }
            }
            (mean, first, second)
        };
        let order2 = (0..q)
            .map(|l| {
                let mut slice = raw_labels[l].clone();
                (0..r).for_each(|i| slice[(i, i)] -= scale * sums.label_sums[l]);
                slice
            })
            .collect();
        let order3 = self.order3.iter().enumerate().map(|(c, contraction)| {
            let p = &contraction.direction;
            let (_, first, _) = combined(&contraction.labels);
            let trace = product::dot(p, &first);
            let mut slice = raw(q + c);
            for j in 0..r {
                for i in 0..r {
                    slice[(i, j)] -= p[i] * first[j] + first[i] * p[j];
                }
                slice[(j, j)] -= trace;
            }
            slice
        });
        let order4 = self.order4.iter().enumerate().map(|(c, contraction)| {
            let [p, s] = &contraction.directions;
            let (mean, _, second) = combined(&contraction.labels);
            let (along_p, along_s) = (times(&second, p), times(&second, s));
            let inner = product::dot(p, s);
            let diagonal = mean * inner - product::dot(p, &along_s);
            let mut slice = raw(q + self.order3.len() + c);
            for j in 0..r {
                for i in 0..r {
                    slice[(i, j)] += mean * (p[i] * s[j] + s[i] * p[j])
                        - inner * second[(i, j)]
                        - (along_p[i] * s[j] + s[i] * along_p[j])
                        - (along_s[i] * p[j] + p[i] * along_s[j]);
                }
                slice[(j, j)] += diagonal;
            }
            slice
        });
        Ok(ScoreMoments {
            n: sums.n,
            energy: sums.label_squares.iter().map(|s| scale * s).collect(),
            order1: scale * &sums.first,
            order2,
            order3: order3.collect(),
            order4: order4.collect(),
        })
    }
}

impl ScoreSums {
    /// Adds the sums of another accumulator of the same plan.
    ///
    /// # Panics
    /// When the shapes differ.
    pub fn merge(&mut self, other: &ScoreSums) {
        assert_eq!(self.second.shape(), other.second.shape(), "sums of another plan");
        self.n += other.n;
        self.first += &other.first;
        self.second += &other.second;
        for (ours, theirs) in
            [(&mut self.label_sums, &other.label_sums), (&mut self.label_squares, &other.label_squares)]
        {
            ours.iter_mut().zip(theirs).for_each(|(sum, value)| *sum += value);
        }
    }

    /// Number of columns.
    pub fn n(&self) -> usize {
        self.n
    }
}

fn times(a: &Mat<f64>, v: &[f64]) -> Vec<f64> {
    (0..a.nrows()).map(|i| v.iter().enumerate().map(|(j, v)| a[(i, j)] * v).sum()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::CHUNK;
    use crate::quadrature::{hermite, hermite_coefficients};
    use crate::simultaneous::{SimultaneousSettings, rank_one_slices};
    use orthant_linalg::{random, tolerance};

    fn identity(p: usize) -> Affine {
        Affine { mean: vec![0.0; p], map: Mat::identity(p, p) }
    }

    fn distance(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
        product::frobenius((a - b).as_ref())
    }

    /// He_4(x)(i, j, ·, ·) contracted with p and s, from products of one-dimensional polynomials.
    fn hermite_tensor(x: &[f64], index: &[usize]) -> f64 {
        (0..x.len()).map(|r| hermite(x[r])[index.iter().filter(|&&i| i == r).count()]).product()
    }

    /// Against the definition of Hermite tensors by products of one-dimensional polynomials.
    #[test]
    fn contractions_are_those_of_the_full_tensors() {
        let (r, q, n) = (3, 2, 40);
        let rng = &mut random::stream(1, "score", 0);
        let (x, a) = (random::gaussian(r, n, rng), random::gaussian(q, n, rng));
        let (p, s) = (random::gaussian_vec(r, rng), random::gaussian_vec(r, rng));
        let w = random::gaussian_vec(q, rng);
        let plan = ScorePlan::new(
            identity(r),
            identity(q),
            Mat::zeros(q, r),
            vec![Contraction3 { labels: w.clone(), direction: p.clone() }],
            vec![Contraction4 { labels: w.clone(), directions: [p.clone(), s.clone()] }],
        )
        .expect("fits");
        let mut sums = plan.start();
        plan.add(&mut sums, x.as_ref(), a.as_ref()).expect("finite");
        let found = plan.finish(&sums).expect("columns");
        let average = |f: &dyn Fn(&[f64], usize) -> f64| {
            (0..n).map(|t| f(x.col_as_slice(t), t)).sum::<f64>() / n as f64
        };
        let label = |t: usize| (0..q).map(|l| w[l] * a[(l, t)]).sum::<f64>();
        for i in 0..r {
            for j in 0..r {
                let second = average(&|x, t| a[(1, t)] * hermite_tensor(x, &[i, j]));
                let third = average(&|x, t| {
                    label(t) * (0..r).map(|u| p[u] * hermite_tensor(x, &[i, j, u])).sum::<f64>()
                });
                let fourth = average(&|x, t| {
                    let all = (0..r * r)
                        .map(|uv| p[uv / r] * s[uv % r] * hermite_tensor(x, &[i, j, uv / r, uv % r]));
                    label(t) * all.sum::<f64>()
                });
                // Sums of 40 terms of a few hundred at most.
                let tol = 1e3 * tolerance::backward(1, n);
                assert!((found.order2[1][(i, j)] - second).abs() <= tol);
                assert!((found.order3[0][(i, j)] - third).abs() <= tol);
                assert!((found.order4[0][(i, j)] - fourth).abs() <= tol);
            }
        }
    }

    fn plan_with_everything(d: usize, m: usize, seed: u64) -> ScorePlan {
        let rng = &mut random::stream(seed, "plan", 0);
        ScorePlan::new(
            Affine { mean: random::gaussian_vec(d, rng), map: random::gaussian(d.min(3), d, rng) },
            Affine { mean: random::gaussian_vec(m, rng), map: random::gaussian(m.min(2), m, rng) },
            random::gaussian(m.min(2), d.min(3), rng),
            vec![Contraction3 {
                labels: random::gaussian_vec(m.min(2), rng),
                direction: random::gaussian_vec(d.min(3), rng),
            }],
            vec![Contraction4 {
                labels: random::gaussian_vec(m.min(2), rng),
                directions: [random::gaussian_vec(d.min(3), rng), random::gaussian_vec(d.min(3), rng)],
            }],
        )
        .expect("fits")
    }

    #[test]
    fn merging_is_the_same_as_adding_at_once() {
        for (seed, (d, m, n)) in [(4, 3, 5000), (1, 1, 77), (6, 1, CHUNK + 300)].into_iter().enumerate() {
            let plan = plan_with_everything(d, m, seed as u64);
            let rng = &mut random::stream(seed as u64, "score", 1);
            let (x, a) = (random::gaussian(d, n, rng), random::gaussian(m, n, rng));
            let mut whole = plan.start();
            plan.add(&mut whole, x.as_ref(), a.as_ref()).expect("finite");
            for block in [n / 2 + 1, n / 7 + 3] {
                let mut merged = plan.start();
                for first in (0..n).step_by(block) {
                    let cols = (n - first).min(block);
                    let mut part = plan.start();
                    plan.add(&mut part, x.as_ref().subcols(first, cols), a.as_ref().subcols(first, cols))
                        .expect("finite");
                    merged.merge(&part);
                }
                assert_eq!(merged.n(), n);
                let (ours, theirs) =
                    (plan.finish(&merged).expect("columns"), plan.finish(&whole).expect("columns"));
                let slices = |m: &ScoreMoments| -> Vec<Mat<f64>> {
                    [&m.order2, &m.order3, &m.order4].into_iter().flatten().cloned().collect()
                };
                for (a, b) in slices(&ours).iter().zip(&slices(&theirs)) {
                    // Averages of fourth powers are of the order of their raw sums, whose size bounds the rounding.
                    let scale = product::frobenius(whole.second.as_ref()) / n as f64;
                    assert!(distance(a, b) <= tolerance::backward(3, n) * scale);
                }
            }
        }
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let plan = plan_with_everything(5, 3, 9);
        let rng = &mut random::stream(2, "score", 2);
        let n = 3 * CHUNK + 11;
        let (x, a) = (random::gaussian(5, n, rng), random::gaussian(3, n, rng));
        let with_threads = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| {
                let mut sums = plan.start();
                plan.add(&mut sums, x.as_ref(), a.as_ref()).expect("finite");
                plan.finish(&sums).expect("columns")
            })
        };
        let (one, four) = (with_threads(1), with_threads(4));
        assert_eq!((one.order2, one.order4), (four.order2, four.order4));
    }

    /// Labels y = Σ_r u_r f(v_r'x) of a planted network, and the moments of one output over n Gaussian inputs.
    fn third_order(f: fn(f64) -> f64, n: usize) -> (Mat<f64>, Vec<f64>, ScoreMoments, Vec<Vec<f64>>) {
        let (d, k) = (4, 3);
        let rng = &mut random::stream(5, "order three", 0);
        let v = Mat::from_fn(d, k, |_, _| 0.0) + random::orthonormal(d, k, rng);
        let u = vec![1.0, -2.0, 1.5];
        let x = random::gaussian(d, n, rng);
        let t = product::matmul(v.transpose(), x.as_ref());
        let a = Mat::from_fn(1, n, |_, j| (0..k).map(|r| u[r] * f(t[(r, j)])).sum());
        let directions: Vec<Vec<f64>> = (0..4).map(|_| random::gaussian_vec(d, rng)).collect();
        let order3 =
            directions.iter().map(|p| Contraction3 { labels: vec![1.0], direction: p.clone() }).collect();
        let mean = a.row(0).iter().sum::<f64>() / n as f64;
        let linear = (1.0 / n as f64) * product::matmul(a.as_ref(), x.transpose());
        let labels = Affine { mean: vec![mean], map: Mat::identity(1, 1) };
        let plan = ScorePlan::new(identity(d), labels, linear, order3, Vec::new()).expect("fits");
        let mut sums = plan.start();
        plan.add(&mut sums, x.as_ref(), a.as_ref()).expect("finite");
        let moments = plan.finish(&sums).expect("columns");
        (v, u, moments, directions)
    }

    /// Order three vanishes for the rectifier: its coefficient is zero, and sampled slices are no larger than their standard
    /// error. With z² in its place they stand out of it and give the directions.
    #[test]
    fn order_three_vanishes_for_the_rectifier_and_serves_for_the_square() {
        let n = 200_000;
        assert!(hermite_coefficients(|z| z).expect("smooth").values[3].abs() <= 1e-13);
        let c_3 = hermite_coefficients(|z| z * z).expect("smooth").values[3];
        assert!((c_3 - 2.0 / (2.0 * std::f64::consts::PI).sqrt()).abs() <= 1e-13);

        // E[y² He_3(x)(i, j, p)²] is about E[y²] |p|² times 6 at most; the tail of y² is heavier where x is large, by another
        // factor that is below 5 here. Six standard errors.
        let (_, _, relu, directions) = third_order(|t| t.max(0.0), n);
        for (slice, p) in relu.order3.iter().zip(&directions) {
            let standard = (5.0 * 6.0 * relu.energy[0] / n as f64).sqrt() * product::norm(p);
            assert!(slice.norm_max() <= 6.0 * standard, "{} {standard}", slice.norm_max());
        }

        let (v, u, square, directions) = third_order(|t| t.max(0.0).powi(2), n);
        let largest = square.order3.iter().zip(&directions).map(|(s, p)| s.norm_max() / product::norm(p));
        let standard = (5.0 * 6.0 * square.energy[0] / n as f64).sqrt();
        assert!(largest.fold(0.0, f64::max) > 10.0 * standard);
        let views: Vec<MatRef<'_, f64>> = square.order3.iter().map(Mat::as_ref).collect();
        let found = rank_one_slices(&views, 3, &SimultaneousSettings::default()).expect("separated");
        let overlap = product::matmul(found.components.transpose(), v.as_ref());
        for r in 0..3 {
            let own =
                (0..3).max_by(|&a, &b| overlap[(a, r)].abs().total_cmp(&overlap[(b, r)].abs())).expect("3");
            // Slices off by `standard` against coefficients of about c_3.
            assert!(1.0 - overlap[(own, r)].abs() <= (10.0 * standard / c_3).powi(2), "{overlap:?}");
            let expected = c_3 * u[r] * product::dot(v.col_as_slice(r), &directions[0]);
            assert!(
                (found.coefficients[(own, 0)] - expected).abs()
                    <= 10.0 * standard * product::norm(&directions[0])
            );
        }
    }

    /// Subtracting the quadratic part leaves order four where it is and makes it more accurate.
    #[test]
    fn order_four_is_more_accurate_without_the_quadratic_part() {
        let (d, n) = (4, 100_000);
        let c_4 = hermite_coefficients(|z| z).expect("smooth").values[4];
        let mut squared = [0.0; 2];
        for seed in 0..5 {
            let rng = &mut random::stream(seed, "quadratic", 0);
            let x = random::gaussian(d, n, rng);
            let a = Mat::from_fn(1, n, |_, j| x[(0, j)].max(0.0) - x[(1, j)].max(0.0));
            let linear = (1.0 / n as f64) * product::matmul(a.as_ref(), x.transpose());
            let p = vec![0.8, 0.6, 0.0, 0.0];
            let order4 = vec![Contraction4 { labels: vec![1.0], directions: [p.clone(), p.clone()] }];
            let plan = ScorePlan::new(identity(d), identity(1), linear, Vec::new(), order4).expect("fits");
            let pass = |plan: &ScorePlan| {
                let mut sums = plan.start();
                plan.add(&mut sums, x.as_ref(), a.as_ref()).expect("finite");
                plan.finish(&sums).expect("columns")
            };
            let first = pass(&plan);
            let second = pass(&plan.clone().with_quadratic(&first.order2).expect("fits"));
            // Contracted twice with (0.8, 0.6): c_4 (0.64 e_1 e_1' − 0.36 e_2 e_2').
            let expected = Mat::from_fn(d, d, |i, j| match (i, j) {
                (0, 0) => 0.64 * c_4,
                (1, 1) => -0.36 * c_4,
                _ => 0.0,
            });
            squared[0] += distance(&first.order4[0], &expected).powi(2);
            squared[1] += distance(&second.order4[0], &expected).powi(2);
            // What is left of order two is small beside what it was.
            assert!(second.order2[0].norm_max() <= 0.1 * first.order2[0].norm_max());
            assert!(second.energy[0] < 0.3 * first.energy[0]);
        }
        assert!(squared[1] < 0.8 * squared[0], "{squared:?}");
    }

    #[test]
    fn hostile_input_is_an_error() {
        let plan = plan_with_everything(3, 2, 1);
        let mut sums = plan.start();
        assert!(matches!(plan.finish(&sums), Err(TensorError::Shape { .. })));
        let (x, a) = (Mat::<f64>::zeros(3, 4), Mat::<f64>::zeros(2, 4));
        let bad = Mat::from_fn(2, 4, |_, j| if j == 2 { f64::INFINITY } else { 0.0 });
        assert!(matches!(plan.add(&mut sums, x.as_ref(), bad.as_ref()), Err(TensorError::NotFinite { .. })));
        assert!(matches!(plan.add(&mut sums, a.as_ref(), x.as_ref()), Err(TensorError::Shape { .. })));
        assert_eq!(sums.n(), 0);
        let huge = Mat::from_fn(3, 4, |_, _| 1e200);
        let refused = plan.add(&mut sums, huge.as_ref(), a.as_ref());
        assert!(matches!(refused, Err(TensorError::NotFinite { .. })));
        let short = vec![Contraction3 { labels: vec![1.0], direction: vec![1.0] }];
        let refused = ScorePlan::new(identity(3), identity(1), Mat::zeros(1, 3), short, Vec::new());
        assert!(matches!(refused, Err(TensorError::Shape { .. })));
        let nothing = ScorePlan::new(identity(0), identity(1), Mat::zeros(1, 0), Vec::new(), Vec::new());
        assert!(matches!(nothing, Err(TensorError::Shape { .. })));
    }
}
