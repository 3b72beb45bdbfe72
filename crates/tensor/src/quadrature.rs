//! Hermite coefficients of a rectified function, by quadrature.

use orthant_linalg::tolerance;

use crate::error::TensorError;

/// Number of coefficients computed: orders 0 to 4.
pub const N_COEFFICIENTS: usize = 5;

/// Hermite coefficients c_p = E[f(g) He_p(g)] of a function that vanishes below zero, g standard Gaussian.
///
/// They are the factors in front of the score tensors: E[f(v'x) He_p(x)] = c_p v^(⊗p) for |v| = 1. For the rectifier z they are
/// 1/√(2π), 1/2, 1/√(2π), 0, −1/√(2π): order three vanishes. For z² they are 1/2, 2/√(2π), 1, 2/√(2π), 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HermiteCoefficients {
    /// c_0 to c_4.
    pub values: [f64; N_COEFFICIENTS],
    /// E|f(g) He_p(g)|: what the rounding of c_p is relative to.
    pub magnitudes: [f64; N_COEFFICIENTS],
    /// Estimated error of each coefficient: its last change, or its rounding where that is larger.
    pub errors: [f64; N_COEFFICIENTS],
}

/// Refinements of the step; the last has 2⁻⁸, about 2600 nodes.
const MAX_LEVEL: u32 = 8;

/// Nodes are u = −6.4 to 3.7: t = exp(u − e⁻ᵘ) runs from 10⁻²⁶⁴ to 40, where the Gaussian density underflows.
const FIRST_NODE: f64 = -6.4;
const LAST_NODE: f64 = 3.7;

/// The Hermite coefficients of `f` on (0, ∞), to about 10⁻¹² of their magnitudes.
///
/// The substitution t = exp(u − e⁻ᵘ) makes the integrand fall doubly exponentially on both sides, whatever power of t it starts
/// with and however fast it grows below the Gaussian; the trapezoidal rule then doubles its correct digits with each halving of
/// the step.
///
/// # Shapes
/// `f` is called at points of (0, 41) only. It is to be analytic there and integrable against the Gaussian density: powers t^c
/// with c ≥ −0.9 and exponentials are; a kink inside is not.
///
/// # Errors
/// [`TensorError::NotFinite`] when f is infinite or not a number where the density is not zero;
/// [`TensorError::NoConvergence`] when the coefficients keep changing: the function has kinks or oscillates.
///
/// # Cost
/// 80 to 2600 calls of `f`.
///
/// # Paper
/// The coefficients of Lemma 39 without derivatives of f: E[f⁽ᵖ⁾(g)] = E[f(g) He_p(g)] by parts. The rule is that of Takahasi
/// and Mori (1974).
///
/// # Examples
/// ```
/// let relu = orthant_tensor::quadrature::hermite_coefficients(|z| z)?;
/// assert!((relu.values[1] - 0.5).abs() < 1e-13 && relu.values[3].abs() < 1e-13);
/// # Ok::<(), orthant_tensor::TensorError>(())
/// ```
pub fn hermite_coefficients(f: impl Fn(f64) -> f64) -> Result<HermiteCoefficients, TensorError> {
    // What remains after a halving is about the square of the change it made.
    let settled = tolerance::EPS.sqrt();
    let mut step = 0.25;
    let (mut sums, mut sizes) = add_nodes(&f, FIRST_NODE, step)?;
    let mut previous = sums.map(|s| s * step);
    let mut worst = f64::INFINITY;
    for _ in 2..=MAX_LEVEL {
        let (new_sums, new_sizes) = add_nodes(&f, FIRST_NODE + 0.5 * step, step)?;
        step *= 0.5;
        for p in 0..N_COEFFICIENTS {
            sums[p] += new_sums[p];
            sizes[p] += new_sizes[p];
        }
        let values = sums.map(|s| s * step);
        let magnitudes = sizes.map(|s| s * step);
        let mut errors = [0.0; N_COEFFICIENTS];
        worst = 0.0;
        for p in 0..N_COEFFICIENTS {
            let change = (values[p] - previous[p]).abs();
            let relative = if magnitudes[p] > 0.0 { change / magnitudes[p] } else { 0.0 };
            worst = f64::max(worst, relative);
            errors[p] = magnitudes[p] * (relative * relative).max(16.0 * tolerance::EPS);
        }
        if worst <= settled {
            return Ok(HermiteCoefficients { values, magnitudes, errors });
        }
        previous = values;
    }
    Err(TensorError::NoConvergence { what: "quadrature", iterations: MAX_LEVEL as usize, residual: worst })
}

/// Sums of f He_p φ dt/du and of their absolute values over the nodes from `first` on, `step` apart.
fn add_nodes(
    f: &impl Fn(f64) -> f64,
    first: f64,
    step: f64,
) -> Result<([f64; N_COEFFICIENTS], [f64; N_COEFFICIENTS]), TensorError> {
    let mut sums = [0.0; N_COEFFICIENTS];
    let mut sizes = [0.0; N_COEFFICIENTS];
    let mut u = first;
    let mut index = 0.0;
    while u <= LAST_NODE {
        let t = (u - (-u).exp()).exp();
        let weight = (-0.5 * t * t).exp() / (2.0 * std::f64::consts::PI).sqrt() * t * (1.0 + (-u).exp());
        if weight > 0.0 {
            let value = f(t);
            if !value.is_finite() {
                return Err(TensorError::NotFinite { what: "function under the integral" });
            }
            for (p, hermite) in hermite(t).into_iter().enumerate() {
                let term = value * weight * hermite;
                sums[p] += term;
                sizes[p] += term.abs();
            }
        }
        index += 1.0;
        u = first + index * step;
    }
    Ok((sums, sizes))
}

/// The probabilists' Hermite polynomials He_0 to He_4 at t.
pub fn hermite(t: f64) -> [f64; N_COEFFICIENTS] {
    let s = t * t;
    [1.0, t, s - 1.0, t * (s - 3.0), (s - 6.0) * s + 3.0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: HermiteCoefficients, expected: [f64; N_COEFFICIENTS]) {
        for (p, wanted) in expected.into_iter().enumerate() {
            let error = (found.values[p] - wanted).abs();
            assert!(error <= 1e-13 * found.magnitudes[p], "c_{p}: {} for {wanted}", found.values[p]);
        }
    }

    #[test]
    fn relu_and_its_square_have_their_closed_forms() {
        let g = 1.0 / (2.0 * std::f64::consts::PI).sqrt();
        check(hermite_coefficients(|z| z).expect("smooth"), [g, 0.5, g, 0.0, -g]);
        check(hermite_coefficients(|z| z * z).expect("smooth"), [0.5, 2.0 * g, 1.0, 2.0 * g, 0.0]);
    }

    /// E[g^s; g > 0] = 2^(s/2 − 1) Γ((s + 1)/2)/√π; the powers chosen make the Gamma function elementary.
    #[test]
    fn powers_have_their_closed_forms() {
        // Γ(1/4), and Γ(3/4) from their product π√2.
        let quarter = 3.625_609_908_221_908;
        let three_quarters = std::f64::consts::PI * 2.0f64.sqrt() / quarter;
        // s = 1/2: Γ(3/4); s = 3/2: Γ(5/4) = Γ(1/4)/4; s = 5/2: Γ(7/4) = 3/4 Γ(3/4); 7/2: Γ(9/4); 9/2: Γ(11/4).
        let gammas = [
            three_quarters,
            quarter / 4.0,
            0.75 * three_quarters,
            1.25 * quarter / 4.0,
            1.75 * 0.75 * three_quarters,
        ];
        let moments: Vec<f64> = (0..5)
            .map(|p| 2f64.powf((0.5 + p as f64) / 2.0 - 1.0) * gammas[p] / std::f64::consts::PI.sqrt())
            .collect();
        let expected = [
            moments[0],
            moments[1],
            moments[2] - moments[0],
            moments[3] - 3.0 * moments[1],
            moments[4] - 6.0 * moments[2] + 3.0 * moments[0],
        ];
        check(hermite_coefficients(f64::sqrt).expect("a power"), expected);
    }

    /// By parts, E[g^(s+2); g > 0] = (s + 1) E[g^s; g > 0], so that c_2, c_3, c_4 are multiples of c_0, c_1, c_0.
    #[test]
    fn any_power_satisfies_its_recurrence() {
        for c in [-0.5, 0.001, 0.1, 0.3, 1.7, 6.5, 20.0] {
            let found = hermite_coefficients(|z| z.powf(c)).expect("a power");
            let [c_0, c_1, c_2, c_3, c_4] = found.values;
            let expected = [c_0, c_1, c * c_0, (c - 1.0) * c_1, c * (c - 2.0) * c_0];
            for (p, (value, wanted)) in [c_0, c_1, c_2, c_3, c_4].into_iter().zip(expected).enumerate() {
                let scale = found.magnitudes[p].max(wanted.abs());
                assert!(
                    (value - wanted).abs() <= 1e-12 * scale,
                    "power {c}, order {p}: {value} for {wanted}"
                );
            }
        }
    }

    /// ∫₀^∞ e^(at) φ = e^(a²/2) Φ(a) and its derivatives in a.
    #[test]
    fn exponentials_have_their_closed_forms() {
        let g = 1.0 / (2.0 * std::f64::consts::PI).sqrt();
        // Φ(1) and Φ(2).
        let (phi_1, phi_2) = (0.841_344_746_068_542_9, 0.977_249_868_051_820_8);
        // J_p(a) = ∫ e^(at) He_p φ: by parts J_(p+1) = He_p(0) φ(0) + a J_p.
        let series = |a: f64, phi: f64| {
            let j0 = (a * a / 2.0).exp() * phi;
            let j1 = g + a * j0;
            let j2 = a * j1;
            let j3 = -g + a * j2;
            [j0, j1, j2, j3, a * j3]
        };
        let (one, e1, e2) = (series(0.0, 0.5), series(1.0, phi_1), series(2.0, phi_2));
        let first = [0, 1, 2, 3, 4].map(|p| e1[p] - one[p]);
        let second = [0, 1, 2, 3, 4].map(|p| e2[p] - 2.0 * e1[p] + one[p]);
        check(hermite_coefficients(f64::exp_m1).expect("analytic"), first);
        check(hermite_coefficients(|z| z.exp_m1().powi(2)).expect("analytic"), second);
    }

    #[test]
    fn what_cannot_be_integrated_is_refused() {
        assert!(matches!(hermite_coefficients(|_| f64::NAN), Err(TensorError::NotFinite { .. })));
        assert!(matches!(hermite_coefficients(|z| 1.0 / (z - z)), Err(TensorError::NotFinite { .. })));
        let kinked = hermite_coefficients(|z| (z - 1.0).max(0.0));
        assert!(matches!(kinked, Err(TensorError::NoConvergence { .. })), "{kinked:?}");
        let growing = hermite_coefficients(|z| (z * z).exp());
        assert!(!matches!(growing, Ok(c) if c.values[0].is_finite() && c.values[0] < 1e100));
        assert_eq!(hermite_coefficients(|_| 0.0).expect("zero").values, [0.0; N_COEFFICIENTS]);
    }
}
