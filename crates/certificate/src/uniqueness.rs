//! The theorem behind certificates, with its proof.
//!
//! **Setting.** A network N of width k in a class (with or without hidden biases b, with or without output biases c) has labels
//! a_j = U z_j + c at x_j, z_ij = max(t_ij, 0), t_ij = v_i x_j + b_i, j = 1, …, n. Unit i is *active* on sample j when t_ij > 0. Another network
//! N′ = (U′, V′, b′, c′) of the same width in the same class has the same labels. Write "1" for the constant function if the class has
//! output biases, and for nothing otherwise. N′ *is N up to order and scale* when, after a permutation of its units, v′_i = s_i v_i,
//! b′_i = s_i b_i, u′_i = u_i / s_i with s_i > 0, and c′ = c.
//!
//! # Level 1: it fits
//! The labels are those of N, with equality. Computed over the integers.
//!
//! # Level 2
//! **Unique given the patterns.** If
//! 1. U has rank k, and z_1, …, z_k, 1 are linearly independent functions on the samples;
//! 2. for each unit i, the z_a with a ≠ i, 1, and the x_j (with the constant, if the class has hidden biases) on samples where i is active,
//!    taken as zero on the others, are linearly independent functions on the samples;
//!
//! then every N′ whose units are active on the same samples as those of N, in some order, is N up to order and scale.
//!
//! *Proof.* By 1 the labels a_j have (affine, if the class has output biases) rank k, so U′ has rank k, too, and z′_i is an affine function
//! of the label, z′_i = w′_i · z + w′_i0, with w′_i0 = 0 where the class has no output biases. Let i be active in both networks on the samples P.
//! Then z_i = v_i x + b_i and z′_i = v′_i x + b′_i on P, and both are zero elsewhere:
//!
//! Σ_{a ≠ i} w′_ia z_a + w′_i0 + \[on P\] ((w′_ii v_i − v′_i) x + w′_ii b_i − b′_i) = 0
//!
//! on all samples. By 2 all coefficients vanish: with s_i = w′_ii, (v′_i, b′_i) = s_i (v_i, b_i) and z′_i = s_i z_i; s_i > 0 since neither is
//! negative, and by 1 neither is zero everywhere. At last U′ z′ + c′ = U z + c on all samples, and 1 gives U′ and c′. ∎
//!
//! Condition 2 holds where the other activations and 1 are independent on samples where i is not active, and the inputs on those where it
//! is; it may hold when they are not, as for a unit outside which another is never active.
//!
//! # Level 3
//! **Unique.** Let 1 of level 2 hold. Take the monomials z_a z_b (a < b); z_a x_j; z_a, if the class has biases of either kind; x_j and 1, if
//! it has output biases. If they are linearly independent functions on the samples, then every N′, whatever its patterns, is N up to
//! order and scale.
//!
//! *Proof.* As before z′_i = w′_i · z + w′_i0; and the matrix of the w′_i is invertible, because z is a function of z′ likewise. A rectified
//! value satisfies z′(z′ − t′) = 0, on every sample: (w · z + w_0)(w · z + w_0 − v′x − b′) = 0, where the index i is left out. Replace z_a² by z_a t_a =
//! z_a (v_a x + b_a): a combination of the monomials, with coefficients
//!
//! | monomial | coefficient |
//! |---|---|
//! | z_a z_b | 2 w_a w_b |
//! | z_a x_j | w_a² v_aj − w_a v′_j |
//! | z_a | w_a² b_a − w_a (b′ − 2 w_0) |
//! | x_j | − w_0 v′_j |
//! | 1 | w_0² − w_0 b′ |
//!
//! which is zero on the samples, so that all of them are zero. By the first line at most one w_a is not zero, and one is: w = s e_a. By the
//! second v′ = s v_a. If the class has output biases, v_a is not zero (z_a would be a constant, against 1), so that w_0 = 0 by the fourth line. By
//! the third b′ = s b_a. So z′_i = s z_a; s > 0, for neither is negative and z_a is not zero everywhere. Different units of N′ go to
//! different a, because the w′_i are independent. U′ and c′ follow from 1. ∎
//!
//! This is the quadratic lift in the coordinates of the units: all null vectors of its matrix, which has k columns z_a² more, are those of
//! the k units. It needs as many samples as monomials, k (k − 1)/2 + k d + …, at least; the following needs fewer.
//!
//! **With fewer samples.** Let the monomials have D linear dependencies on the samples, with basis n_1, …, n_D. The coefficients of N′'s unit
//! are Σ g_l n_l for some g ∈ ℝᴰ. Because they are products, they satisfy, for E_ab = 2 w_a w_b and C_aj the coefficient of z_a x_j or z_a, and
//! for different a, b, c, e,
//!
//! - E_ab E_ce = E_ac E_be = E_ae E_bc,
//! - 2 (E_ab C_cj − E_bc C_aj) = E_ac (E_bc v_cj − E_ab v_aj), with b_c and b_a in place of v_cj and v_aj for the coefficients of z_a.
//!
//! These are quadratic forms in g (none for k < 3, which has no three different units). If they span all D (D + 1)/2 products g_l g_m,
//! then g_l² = 0 for every l: the coefficients vanish, and the proof goes on as before.
//!
//! With the squares h_a = w_a² there are two kinds more, for different a, b, c:
//!
//! - E_ab E_ac = 2 h_a E_bc,
//! - 2 E_ab C_aj − 4 h_a C_bj = 2 E_ab h_a v_aj − E_ab² v_bj, and the same with b_a, b_b.
//!
//! The last is C_aj = h_a v_aj − w_a v′_j, and C_bj likewise, without v′_j and with E_ab² = 4 h_a h_b. If all four kinds span the products
//! g_l g_m and the D k products g_l h_a, then g_l² = 0 again. Squares are for units whose activations are never both positive, where z_a z_b is
//! zero, and for units of which one is active only where the other is, where z_a z_b = t_a z_b: these dependencies stay however many samples
//! there are, and with the four kinds they do no harm unless (v_a, b_a) and (v_b, b_b) are parallel.
//!
//! # Modulo a prime
//! Ranks are those of integers. Each (v_i, b_i), and so z_i, is multiplied by a common denominator, and column i of U divided by it, which is
//! N up to scale; then each row of U, and each sample (x_j, 1) with its z_j, is multiplied by a common denominator D_j of its own. Where
//! functions are of degree 1, or monomials of degree 2 with 1 in place of missing factors, that multiplies their values on a sample by
//! D_j or D_j², none of which is zero: ranks and linear dependencies of the functions stay what they are.
//!
//! Let p be any prime above 2. A minor that is not zero modulo p is not zero: the ranks of 1, 2 and of the monomials, found to be full modulo p,
//! are full over ℝ. For D > 0: the integer vectors in the span of the n_l over ℚ, reduced modulo p, span a subspace of the null space
//! modulo p, of the dimension of the former (a saturated lattice keeps its rank). Forms that span all products on a space (of g, or of g and
//! all h) span them on each of its subspaces, and forms that span them modulo p do so over ℝ. So it is enough to compute all of it modulo p. A failure modulo p
//! shows nothing: of independent functions about one choice of as many samples in p is dependent by chance, and so is every choice
//! with a sample whose D_j p divides, in most cases; another prime or another sample will do.
