//! Moments and decompositions on plain matrices: what the methods for random inputs are built from.
//!
//! For columns a = U f(Vx) with x ~ N(0, I), rows v_r of V of unit norm, columns u_r of U and
//! c_p = E\[f(g) He_p(g)\], g standard Gaussian, the score tensors are sums of rank-one terms (Stein's lemma):
//!
//! - order 1: E\[a x'\] = c_1 Σ_r u_r v_r'
//! - order 2: E\[a ⊗ (x x' − I)\] = c_2 Σ_r u_r ⊗ v_r ⊗ v_r
//! - order p: E\[a ⊗ He_p(x)\] = c_p Σ_r u_r ⊗ v_r ⊗ … ⊗ v_r
//!
//! This crate estimates them from columns and takes them apart. It knows nothing of networks: matrices in, matrices out.
//!
//! # Guarantees
//! Accumulators are sums over columns in fixed chunks, merged in order: results do not depend on the number of threads, nor,
//! up to rounding, on how columns are grouped into blocks; memory does not depend on n. Nothing of size d³ is ever formed.
//! Decompositions of exact moments are exact to rounding times conditioning; the error on perturbed ones is proportional to the
//! perturbation, and is estimated from what the decomposition leaves unexplained. Sampled moments are off by 1/√n.
//!
//! # Entry points
//!
//! | module | what | cost |
//! |---|---|---|
//! | [`moment`] | first pass: means, covariances; mergeable | 2n(d² + md + m²) |
//! | [`whiten`] | whitening of columns, and of second moments with signs | 9d³ |
//! | [`score`] | second pass: score tensors of orders 2 to 4, contracted; mergeable | n s r², s slices in r coordinates |
//! | [`quadrature`] | the coefficients c_0 to c_4 of a rectified function | 10³ calls |
//! | [`simultaneous`] | shared eigenvectors, shared rank-one terms, joint rotations | 6k³ per slice and step, about 10 steps |
//! | [`power`] | tensor power method with restarts and deflation | 2k³ per start and step |
//! | [`ica`] | independent components by third or fourth cumulants, with a check of independence | n k³ |
//!
//! # Which order
//! Order 2 serves every rectified f of the paper (f increasing, so c_1 > 0 and c_2 > 0) whenever there are two outputs or more:
//! with m ≥ k through [`simultaneous::shared_eigenvectors`], which gives V with its signs, with 2 ≤ m < k ≤ d through
//! [`simultaneous::rank_one_slices`]. One output needs order 4 beside order 2.
//!
//! **Order 3 vanishes for the rectifier**: max(t, 0) = t/2 + |t|/2, and beyond order 1 only the even part is left, so that
//! c_3 = 0 and the tensor of order 3 holds nothing but sampling error. It does not vanish for other functions: for max(t, 0)² it
//! is c_3 = 2/√(2π), and its contractions give the v_r. A test in [`score`] shows both.
//!
//! # When not to use it
//! When samples are noiseless, searches reach exact weights from a few samples per unknown, for any distribution of inputs; moments
//! need 10² to 10⁴ times as many, and Gaussian inputs. They need no search and one answer is as good as another: use them for
//! noise, for streams, and where m < k.
//!
//! # Example
//! Two rows of V, from the slices of order two that two outputs have.
//!
//! ```
//! use orthant_linalg::{Mat, product, random};
//! use orthant_tensor::score::ScorePlan;
//! use orthant_tensor::simultaneous::{SimultaneousSettings, rank_one_slices};
//! use orthant_tensor::whiten::Affine;
//!
//! let rng = &mut random::stream(1, "doc", 0);
//! let x = random::gaussian(2, 20_000, rng);
//! // V has rows (1, 0) and (0.6, 0.8), U the columns (1, 1) and (1, −1).
//! let v = |t: usize| [x[(0, t)].max(0.0), (0.6 * x[(0, t)] + 0.8 * x[(1, t)]).max(0.0)];
//! let a = Mat::from_fn(2, 20_000, |i, t| v(t)[0] + if i == 0 { v(t)[1] } else { -v(t)[1] });
//!
//! let identity = Affine { mean: vec![0.0; 2], map: Mat::identity(2, 2) };
//! let mean: Vec<f64> = (0..2).map(|i| a.row(i).iter().sum::<f64>() / 20_000.0).collect();
//! let linear = product::matmul(a.as_ref(), x.transpose()) * (1.0 / 20_000.0);
//! let labels = Affine { mean, map: Mat::identity(2, 2) };
//! let plan = ScorePlan::new(identity, labels, linear, Vec::new(), Vec::new())?;
//! let mut sums = plan.start();
//! plan.add(&mut sums, x.as_ref(), a.as_ref())?;
//!
//! let slices = plan.finish(&sums)?.order2;
//! let found = rank_one_slices(&[slices[0].as_ref(), slices[1].as_ref()], 2, &SimultaneousSettings::default())?;
//! let nearest = (0..2).map(|r| found.components[(0, r)].abs()).fold(0.0, f64::max);
//! assert!(nearest > 0.99);
//! # Ok::<(), orthant_tensor::TensorError>(())
//! ```

pub mod ica;
pub mod moment;
pub mod power;
pub mod quadrature;
pub mod score;
pub mod simultaneous;
pub mod whiten;

mod error;

pub use error::TensorError;
