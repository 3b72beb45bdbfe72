//! The tensor power method with restarts and deflation, on small symmetric tensors of order three.

use orthant_linalg::{Mat, MatRef, product, random, tolerance};

use crate::error::{TensorError, at_least, dimension, finite};

/// A symmetric k × k × k tensor.
///
/// All k³ entries are stored; the tensor is meant to be a whitened one, k the number of components.
#[derive(Debug, Clone, PartialEq)]
pub struct SymTensor3 {
    k: usize,
    /// Entry (i, j, l) at (i k + j) k + l; the same for all orders of the indices.
    entries: Vec<f64>,
}

impl SymTensor3 {
    /// Σ_r weight_r w_r ⊗ w_r ⊗ w_r.
    ///
    /// # Shapes
    /// `components` is k × r with the w_r as columns.
    ///
    /// # Panics
    /// When there are not as many weights as components.
    ///
    /// # Cost
    /// 2k³r operations.
    pub fn from_components(components: MatRef<'_, f64>, weights: &[f64]) -> SymTensor3 {
        assert_eq!(components.ncols(), weights.len(), "one weight per component");
        let k = components.nrows();
        let mut tensor = SymTensor3 { k, entries: vec![0.0; k * k * k] };
        for (r, &weight) in weights.iter().enumerate() {
            let w: Vec<f64> = components.col(r).iter().copied().collect();
            tensor.add(weight, &w);
        }
        tensor
    }

    /// The tensor with slices T(·, ·, l), made symmetric by averaging over the orders of the indices.
    ///
    /// # Shapes
    /// k slices, each k × k.
    ///
    /// # Errors
    /// [`TensorError::Shape`]; [`TensorError::NotFinite`].
    ///
    /// # Cost
    /// 6k³ operations.
    pub fn from_slices(slices: &[MatRef<'_, f64>]) -> Result<SymTensor3, TensorError> {
        let k = slices.len();
        at_least("number of slices", k, 1)?;
        for slice in slices {
            dimension("number of rows of a slice", slice.nrows(), k)?;
            dimension("number of columns of a slice", slice.ncols(), k)?;
            finite("slice", *slice)?;
        }
        let mut tensor = SymTensor3 { k, entries: vec![0.0; k * k * k] };
        for i in 0..k {
            for j in 0..k {
                for l in 0..k {
                    let sum = slices[l][(i, j)]
                        + slices[l][(j, i)]
                        + slices[i][(j, l)]
                        + slices[i][(l, j)]
                        + slices[j][(i, l)]
                        + slices[j][(l, i)];
                    tensor.entries[(i * k + j) * k + l] = sum / 6.0;
                }
            }
        }
        Ok(tensor)
    }

    /// Number k of coordinates.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The entry (i, j, l).
    ///
    /// # Panics
    /// When an index is k or more.
    pub fn get(&self, i: usize, j: usize, l: usize) -> f64 {
        assert!(
            i < self.k && j < self.k && l < self.k,
            "({i}, {j}, {l}) is outside a tensor of size {}",
            self.k
        );
        self.entries[(i * self.k + j) * self.k + l]
    }

    /// The matrix T(·, ·, v).
    ///
    /// # Panics
    /// When `v` does not have length k.
    ///
    /// # Cost
    /// 2k³ operations.
    pub fn contract(&self, v: &[f64]) -> Mat<f64> {
        let k = self.k;
        Mat::from_fn(k, k, |i, j| product::dot(&self.entries[(i * k + j) * k..][..k], v))
    }

    /// The vector T(·, v, v).
    ///
    /// # Panics
    /// When `v` does not have length k.
    ///
    /// # Cost
    /// 2k³ operations.
    pub fn contract_twice(&self, v: &[f64]) -> Vec<f64> {
        let k = self.k;
        (0..k)
            .map(|i| {
                let row = (0..k).map(|j| v[j] * product::dot(&self.entries[(i * k + j) * k..][..k], v));
                row.sum()
            })
            .collect()
    }

    /// The tensor T(M, M, M) with entries Σ T(i, j, l) M(i, ·) M(j, ·) M(l, ·).
    ///
    /// # Shapes
    /// `map` is k × r; the result has r coordinates.
    ///
    /// # Panics
    /// When `map` does not have k rows.
    ///
    /// # Cost
    /// 2(k³r + k²r² + kr³) operations.
    pub fn transform(&self, map: MatRef<'_, f64>) -> SymTensor3 {
        assert_eq!(map.nrows(), self.k, "a map of the wrong number of rows");
        let r = map.ncols();
        // Slices T(M, M, l) first, then combined over l.
        let slices: Vec<Mat<f64>> = (0..self.k)
            .map(|l| {
                let slice = Mat::from_fn(self.k, self.k, |i, j| self.entries[(i * self.k + j) * self.k + l]);
                product::matmul(map.transpose(), product::matmul(slice.as_ref(), map).as_ref())
            })
            .collect();
        let mut entries = vec![0.0; r * r * r];
        for i in 0..r {
            for j in 0..r {
                for l in 0..r {
                    entries[(i * r + j) * r + l] =
                        slices.iter().enumerate().map(|(t, slice)| map[(t, l)] * slice[(i, j)]).sum();
                }
            }
        }
        SymTensor3 { k: r, entries }
    }

    /// Adds weight · w ⊗ w ⊗ w.
    ///
    /// # Panics
    /// When `w` does not have length k.
    pub fn add(&mut self, weight: f64, w: &[f64]) {
        assert_eq!(w.len(), self.k, "a component of the wrong length");
        for (i, &first) in w.iter().enumerate() {
            for (j, &second) in w.iter().enumerate() {
                let factor = weight * first * second;
                let row = &mut self.entries[(i * self.k + j) * self.k..][..self.k];
                for (entry, &third) in row.iter_mut().zip(w) {
                    *entry += factor * third;
                }
            }
        }
    }

    /// Frobenius norm.
    pub fn norm(&self) -> f64 {
        product::norm(&self.entries)
    }
}

/// The whitened tensor of slices that carry one label coordinate each: T(N, W, W).
///
/// For slices T_l = Σ_r u_lr v_r v_r' (order two of the score tensors), take W the whitening of one combination
/// M = Σ_l θ_l T_l = Σ_r c_r v_r v_r' with all c_r > 0, and N the pseudo-inverse of M_1 W', where M_1 = c_1 Σ_r u_r v_r' is the
/// moment of order one in the same coordinates. Then the W v_r √c_r are orthonormal, N u_r is a multiple of the same vector, and
/// the tensor is Σ_r (c_r)^(-1/2) / c_1 of their third powers.
///
/// # Shapes
/// q slices of p × p, `label_map` (N) k × q, `whitening` (W) k × p.
///
/// # Errors
/// [`TensorError::Shape`]; [`TensorError::NotFinite`].
///
/// # Cost
/// 2q(p²k + pk²) + 2qk³ operations; nothing larger than k³ is formed.
///
/// # Paper
/// The whitening step of Theorem 40, with a label mode in the place of a third mode of inputs, because the score tensor of order
/// three vanishes for rectifiers.
pub fn whitened_tensor(
    slices: &[MatRef<'_, f64>],
    label_map: MatRef<'_, f64>,
    whitening: MatRef<'_, f64>,
) -> Result<SymTensor3, TensorError> {
    let k = whitening.nrows();
    at_least("number of slices", slices.len(), 1)?;
    dimension("number of rows of the label map", label_map.nrows(), k)?;
    dimension("number of columns of the label map", label_map.ncols(), slices.len())?;
    finite("label map", label_map)?;
    finite("whitening", whitening)?;
    let mut mapped = vec![Mat::<f64>::zeros(k, k); k];
    for (l, slice) in slices.iter().enumerate() {
        dimension("number of rows of a slice", slice.nrows(), whitening.ncols())?;
        dimension("number of columns of a slice", slice.ncols(), whitening.ncols())?;
        let inner = product::matmul(whitening, product::matmul(*slice, whitening.transpose()).as_ref());
        for (t, sum) in mapped.iter_mut().enumerate() {
            *sum += label_map[(t, l)] * &inner;
        }
    }
    let views: Vec<MatRef<'_, f64>> = mapped.iter().map(Mat::as_ref).collect();
    SymTensor3::from_slices(&views)
}

/// Settings of [`power_method`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerSettings {
    /// Seed of the starts.
    pub seed: u64,
    /// Starts per component, of which the best is kept; by default 50. A start that is random in k dimensions reaches the
    /// component it is nearest to, so that about k log k starts see all of them, and one is enough where there is no noise.
    pub starts: usize,
    /// Iterations of each start, by default 20, which is enough to rank them: convergence is quadratic.
    pub iterations: usize,
    /// Iterations of the best start after that, by default 200.
    pub max_iterations: usize,
    /// Step below which the best start counts as converged, by default 10⁻¹⁰.
    pub tolerance: f64,
}

impl Default for PowerSettings {
    fn default() -> Self {
        PowerSettings { seed: 0, starts: 50, iterations: 20, max_iterations: 200, tolerance: 1e-10 }
    }
}

/// How the power method went for one component.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerStep {
    /// Iterations of the best start, all in all.
    pub iterations: usize,
    /// Its last step.
    pub step: f64,
    /// Norm of what is left of the tensor after this component, relative to the whole.
    pub remainder: f64,
}

/// A tensor as a sum of third powers.
#[derive(Debug, Clone)]
pub struct PowerDecomposition {
    /// Unit vectors, k × r, in the order in which they were found.
    pub vectors: Mat<f64>,
    /// The weight of each, positive: an odd power leaves no ambiguity of sign.
    pub weights: Vec<f64>,
    /// One entry per component.
    pub history: Vec<PowerStep>,
    /// Norm of what the components do not explain, relative to the tensor.
    pub residual: f64,
}

/// Decomposes a symmetric tensor with nearly orthonormal components, Σ_r λ_r w_r ⊗ w_r ⊗ w_r, λ_r > 0.
///
/// # Guarantee
/// When the components are orthonormal and the tensor is off by ε in operator norm, ε below a small multiple of
/// min λ / k, each component is found to 8ε/λ_r and each weight to 5ε, with high probability over the starts (Theorem 5.1 of
/// Anandkumar, Ge, Hsu, Kakade and Telgarsky 2014). Without orthonormality nothing is promised; the residual tells.
///
/// # Errors
/// [`TensorError::NoConvergence`] with the last step when the best start of some component did not come to rest, or when nothing
/// positive is left to find; [`TensorError::Shape`] when more than k components are asked for; [`TensorError::NotFinite`].
///
/// # Cost
/// 2k³ operations per start and iteration: at most (starts · iterations + max_iterations) · 2k³ per component.
///
/// # Paper
/// The decomposition step of Theorem 40 (Janzamin et al. 2015, whose Algorithm 7 this is): for each component, L starts of N
/// iterations, N more for the best, deflation. Here the best start goes on until it rests, and says when it does not.
///
/// # Examples
/// ```
/// use orthant_linalg::{Mat, random};
/// use orthant_tensor::power::{PowerSettings, SymTensor3, power_method};
///
/// let w = random::orthonormal(3, 3, &mut random::stream(1, "doc", 0));
/// let tensor = SymTensor3::from_components(w.as_ref(), &[3.0, 2.0, 1.0]);
/// let found = power_method(&tensor, 3, &PowerSettings::default())?;
/// assert!(found.residual < 1e-12);
/// # Ok::<(), orthant_tensor::TensorError>(())
/// ```
pub fn power_method(
    tensor: &SymTensor3,
    components: usize,
    settings: &PowerSettings,
) -> Result<PowerDecomposition, TensorError> {
    let k = tensor.k();
    at_least("number of components", components, 1)?;
    at_least("size of the tensor", k, components)?;
    if !tensor.norm().is_finite() {
        return Err(TensorError::NotFinite { what: "tensor" });
    }
    let total = tensor.norm();
    let mut rest = tensor.clone();
    let mut vectors = Mat::zeros(k, components);
    let (mut weights, mut history) = (Vec::new(), Vec::new());
    for r in 0..components {
        let best = (0..settings.starts.max(1))
            .map(|start| {
                let index = (r * settings.starts.max(1) + start) as u64;
                let vector =
                    random::gaussian_vec(k, &mut random::stream(settings.seed, "power start", index));
                Iterate::new(vector).advance(&rest, settings.iterations, settings.tolerance)
            })
            .max_by(|a, b| a.value.total_cmp(&b.value));
        let Some(best) = best else { break };
        let best = best.advance(&rest, settings.max_iterations, settings.tolerance);
        // What is left may be rounding.
        let rounding = tolerance::backward(k, k * k) * total;
        let converged = best.step <= settings.tolerance && best.value > rounding;
        if !converged {
            return Err(TensorError::NoConvergence {
                what: "tensor power method",
                iterations: best.iterations,
                residual: best.step,
            });
        }
        rest.add(-best.value, &best.vector);
        for (i, &entry) in best.vector.iter().enumerate() {
            vectors[(i, r)] = entry;
        }
        weights.push(best.value);
        let remainder = rest.norm() / total;
        history.push(PowerStep { iterations: best.iterations, step: best.step, remainder });
    }
    Ok(PowerDecomposition { vectors, weights, history, residual: rest.norm() / total })
}

/// A unit vector under the power iteration.
#[derive(Debug, Clone)]
struct Iterate {
    vector: Vec<f64>,
    /// T(v, v, v).
    value: f64,
    step: f64,
    iterations: usize,
}

impl Iterate {
    fn new(mut vector: Vec<f64>) -> Iterate {
        normalise(&mut vector);
        Iterate { vector, value: f64::NEG_INFINITY, step: f64::INFINITY, iterations: 0 }
    }

    /// Up to `iterations` of v ← T(·, v, v) / |T(·, v, v)|.
    fn advance(mut self, tensor: &SymTensor3, iterations: usize, tolerance: f64) -> Iterate {
        for _ in 0..iterations {
            if self.step <= tolerance {
                break;
            }
            let mut next = tensor.contract_twice(&self.vector);
            normalise(&mut next);
            let difference: Vec<f64> = next.iter().zip(&self.vector).map(|(a, b)| a - b).collect();
            self.step = product::norm(&difference);
            self.vector = next;
            self.iterations += 1;
        }
        self.value = product::dot(&tensor.contract_twice(&self.vector), &self.vector);
        self
    }
}

fn normalise(v: &mut [f64]) {
    let norm = product::norm(v);
    if norm > 0.0 {
        v.iter_mut().for_each(|x| *x /= norm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whiten::MomentWhitening;

    fn nearest(found: &Mat<f64>, truth: &Mat<f64>) -> f64 {
        let overlap = product::matmul(found.transpose(), truth.as_ref());
        (0..truth.ncols())
            .map(|j| {
                // No sign to choose: the largest overlap is near +1.
                let own = (0..found.ncols())
                    .max_by(|&a, &b| overlap[(a, j)].total_cmp(&overlap[(b, j)]))
                    .expect("not empty");
                (found.col(own) - truth.col(j)).norm_l2()
            })
            .fold(0.0, f64::max)
    }

    #[test]
    fn orthonormal_components_are_found_with_their_signs_and_weights() {
        for (seed, k) in [1, 2, 5, 10].into_iter().enumerate() {
            let w = random::orthonormal(k, k, &mut random::stream(seed as u64, "power", 0));
            let planted: Vec<f64> = (0..k).map(|r| 1.0 + r as f64).collect();
            let tensor = SymTensor3::from_components(w.as_ref(), &planted);
            let found = power_method(&tensor, k, &PowerSettings::default()).expect("orthonormal");
            let tol = 100.0 * tolerance::backward(k, k * k);
            assert!(found.residual <= tol && nearest(&found.vectors, &w) <= tol, "{k}: {}", found.residual);
            let mut sorted = found.weights.clone();
            sorted.sort_by(f64::total_cmp);
            assert!(
                sorted.iter().zip(&planted).all(|(found, value)| (found - value).abs() <= tol * k as f64)
            );
            assert!(found.history.iter().all(|step| step.step <= 1e-10));
        }
    }

    #[test]
    fn perturbed_components_are_found_in_proportion() {
        let k = 6;
        for seed in 0..5 {
            let rng = &mut random::stream(seed, "power", 1);
            let w = random::orthonormal(k, k, rng);
            let slices: Vec<Mat<f64>> = (0..k).map(|_| random::gaussian(k, k, rng)).collect();
            let views: Vec<MatRef<'_, f64>> = slices.iter().map(Mat::as_ref).collect();
            let noise = SymTensor3::from_slices(&views).expect("fits");
            for size in [1e-2, 1e-5, 1e-8] {
                let mut tensor = SymTensor3::from_components(w.as_ref(), &vec![1.0; k]);
                tensor.entries.iter_mut().zip(&noise.entries).for_each(|(t, e)| *t += size * e);
                let found = power_method(&tensor, k, &PowerSettings::default()).expect("near orthonormal");
                // The operator norm is at most the Frobenius norm; Theorem 5.1's constant is 8.
                assert!(nearest(&found.vectors, &w) <= 8.0 * size * noise.norm(), "{size}");
            }
        }
    }

    #[test]
    fn slices_with_a_label_mode_are_whitened_and_decomposed() {
        let (m, k, p) = (5, 4, 6);
        let rng = &mut random::stream(2, "power", 2);
        let (u, v) = (random::gaussian(m, k, rng), random::gaussian(p, k, rng));
        let slice = |weights: &dyn Fn(usize) -> f64| {
            let scaled = Mat::from_fn(p, k, |i, r| v[(i, r)] * weights(r));
            product::matmul(scaled.as_ref(), v.transpose())
        };
        let slices: Vec<Mat<f64>> = (0..m).map(|l| slice(&|r| u[(l, r)])).collect();
        let c = [0.5, 1.0, 2.0, 3.0];
        let whitening = MomentWhitening::new(slice(&|r| c[r]).as_ref(), k).expect("rank k");
        assert!(whitening.is_definite());
        let first = product::matmul(u.as_ref(), v.transpose());
        let mapped = product::matmul(first.as_ref(), whitening.map.transpose());
        let label_map = orthant_linalg::lstsq::RankRevealing::new(mapped, tolerance::backward(m, k))
            .expect("finite")
            .solve(Mat::identity(m, m).as_ref());
        let views: Vec<MatRef<'_, f64>> = slices.iter().map(Mat::as_ref).collect();
        let tensor = whitened_tensor(&views, label_map.as_ref(), whitening.map.as_ref()).expect("fits");
        let found = power_method(&tensor, k, &PowerSettings::default()).expect("orthonormal");
        let kappa = 1.0 / whitening.rank.smallest_kept;
        let tol = 1e3 * kappa * tolerance::backward(p, p);
        assert!(found.residual <= tol, "{}", found.residual);
        let back = product::matmul(whitening.inverse.as_ref(), found.vectors.as_ref());
        for r in 0..k {
            // λ = c^(-1/2): the component is the vector times λ, up to the sign that the whitening leaves.
            let error = (0..k)
                .map(|s| (found.weights[s] * back.col(s).to_owned() - v.col(r)).norm_l2())
                .fold(f64::INFINITY, f64::min);
            assert!(error <= tol * v.col(r).norm_l2() * 10.0, "{error}");
        }
    }

    #[test]
    fn contractions_agree_with_their_definition() {
        let rng = &mut random::stream(3, "power", 3);
        let w = random::gaussian(4, 3, rng);
        let tensor = SymTensor3::from_components(w.as_ref(), &[1.0, -2.0, 0.5]);
        let v = random::gaussian_vec(4, rng);
        let map = random::gaussian(4, 2, rng);
        let matrix = tensor.contract(&v);
        let twice = tensor.contract_twice(&v);
        let moved = product::matmul(map.transpose(), w.as_ref());
        let transformed = SymTensor3::from_components(moved.as_ref(), &[1.0, -2.0, 0.5]);
        let tol = 100.0 * tolerance::backward(4, 16) * tensor.norm();
        for i in 0..4 {
            let by_matrix: f64 = (0..4).map(|j| matrix[(i, j)] * v[j]).sum();
            assert!((twice[i] - by_matrix).abs() <= tol * product::norm(&v).powi(2));
        }
        let found = tensor.transform(map.as_ref());
        for (i, j, l) in [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 1)] {
            assert!((found.get(i, j, l) - transformed.get(i, j, l)).abs() <= tol * 10.0);
        }
    }

    #[test]
    fn what_has_no_decomposition_is_refused() {
        let settings = PowerSettings::default();
        let zero = SymTensor3::from_components(Mat::zeros(3, 0).as_ref(), &[]);
        assert!(matches!(power_method(&zero, 1, &settings), Err(TensorError::NoConvergence { .. })));
        // One component, two asked for: what is left is rounding or less.
        let w = random::orthonormal(3, 1, &mut random::stream(4, "power", 1));
        let one = SymTensor3::from_components(w.as_ref(), &[1.0]);
        assert!(matches!(power_method(&one, 2, &settings), Err(TensorError::NoConvergence { .. })));
        assert!(matches!(power_method(&one, 4, &settings), Err(TensorError::Shape { .. })));
        let impatient = PowerSettings { starts: 1, iterations: 1, max_iterations: 0, ..settings };
        let w = random::orthonormal(3, 3, &mut random::stream(4, "power", 0));
        let tensor = SymTensor3::from_components(w.as_ref(), &[1.0; 3]);
        assert!(matches!(power_method(&tensor, 1, &impatient), Err(TensorError::NoConvergence { .. })));
        let bad = Mat::from_fn(1, 1, |_, _| f64::NAN);
        assert!(matches!(SymTensor3::from_slices(&[bad.as_ref()]), Err(TensorError::NotFinite { .. })));
        assert!(matches!(SymTensor3::from_slices(&[]), Err(TensorError::Shape { .. })));
        let huge = SymTensor3::from_components(w.as_ref(), &[f64::INFINITY; 3]);
        assert!(matches!(power_method(&huge, 1, &settings), Err(TensorError::NotFinite { .. })));
    }
}
