//! The rank of the labels under noise.

use orthant_linalg::{LinalgError, MatRef, product, spectrum};

/// What the singular values of the labels say.
#[derive(Debug, Clone, PartialEq)]
pub struct NoisyRank {
    /// Singular values beyond the noise edge: min(m, k) unless units hide in the noise.
    pub rank: usize,
    /// The largest singular value that noise alone has; `None` when no singular value is left to tell the noise by.
    pub edge: Option<f64>,
    /// The standard deviation of the noise, from the singular values below the edge.
    pub noise_std: Option<f64>,
    /// The singular values, largest first.
    pub singular_values: Vec<f64>,
}

/// Counts the singular values that noise does not explain.
///
/// # Shapes
/// `labels` is n × m, without its mean when the network has an output bias.
///
/// # Guarantee
/// An n × m matrix of independent errors of variance σ² has no singular value much beyond σ(√n + √m) (Marchenko and Pastur); the
/// fluctuation is smaller by the factor n^(−2/3), and twice that is allowed for. σ comes from the values below the edge.
///
/// # Errors
/// [`LinalgError::NoConvergence`] on overflow.
///
/// # Cost
/// A QR of the labels, 2nm² operations.
pub fn noisy_rank(labels: MatRef<'_, f64>) -> Result<NoisyRank, LinalgError> {
    let (n, m) = labels.shape();
    let s = if product::frobenius(labels) == 0.0 {
        vec![0.0; m.min(n)]
    } else {
        spectrum::singular_values(labels)?
    };
    for rank in 0..s.len() {
        let free = (n - rank) as f64 * (s.len() - rank) as f64;
        let noise_std = (s[rank..].iter().map(|s| s * s).sum::<f64>() / free).sqrt();
        let slack = 1.0 + 2.0 * (n as f64).powf(-2.0 / 3.0);
        let edge = noise_std * (((n - rank) as f64).sqrt() + ((s.len() - rank) as f64).sqrt()) * slack;
        // A last value alone is its own edge, whatever it is.
        if s[rank] <= edge && s.len() - rank >= 2 {
            return Ok(NoisyRank { rank, edge: Some(edge), noise_std: Some(noise_std), singular_values: s });
        }
    }
    Ok(NoisyRank { rank: s.len(), edge: None, noise_std: None, singular_values: s })
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::{Mat, random};

    /// Ten draws each: noise alone has rank zero, and each of four signals at one and a half times the edge is counted.
    #[test]
    fn signals_beyond_the_edge_are_counted_and_noise_is_not() {
        for seed in 0..10 {
            let rng = &mut random::stream(seed, "noisy rank", 0);
            let noise = 0.3 * random::gaussian(400, 10, rng);
            let alone = noisy_rank(noise.as_ref()).expect("finite");
            assert_eq!(alone.rank, 0);
            // Six standard errors of the mean of 4000 squares.
            let spread = 6.0 * (2.0f64 / 4000.0).sqrt();
            assert!((alone.noise_std.expect("noise") / 0.3 - 1.0).abs() < spread);
            let edge = alone.edge.expect("noise");
            let (left, right) = (random::orthonormal(400, 4, rng), random::orthonormal(10, 4, rng));
            let signal = 1.5 * edge * product::matmul(left.as_ref(), right.transpose());
            let both: Mat<f64> = &noise + &signal;
            assert_eq!(noisy_rank(both.as_ref()).expect("finite").rank, 4);
        }
    }

    #[test]
    fn labels_of_full_rank_leave_no_edge() {
        let rng = &mut random::stream(1, "noisy rank", 1);
        let full = product::matmul(
            random::gaussian(200, 3, rng).as_ref(),
            Mat::from_fn(3, 3, |i, j| if i == j { 1.0 } else { 0.0 }).as_ref(),
        );
        let skewed = Mat::from_fn(200, 3, |i, j| 10.0f64.powi(2 - j as i32) * full[(i, j)]);
        let found = noisy_rank(skewed.as_ref()).expect("finite");
        assert_eq!((found.rank, found.edge), (3, None));
    }
}
