//! Intervals and quantiles.

/// The 95 % Wilson score interval of a rate.
///
/// Unlike hits/of ± 2 standard deviations it stays within [0, 1] and has a width when all or none succeed
/// (Wilson, J. Am. Stat. Assoc. 22, 1927). Without trials it is the whole of [0, 1].
pub fn wilson(hits: usize, of: usize) -> (f64, f64) {
    if of == 0 {
        return (0.0, 1.0);
    }
    // The 97.5 % quantile of the standard Gaussian distribution.
    let z = 1.959_963_984_540_054_f64;
    let n = of as f64;
    let share = hits as f64 / n;
    let denominator = 1.0 + z * z / n;
    let centre = (share + z * z / (2.0 * n)) / denominator;
    let half = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt() / denominator;
    // At the ends the formula is exactly 0 or 1, but for rounding.
    let low = if hits == 0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if hits == of { 1.0 } else { (centre + half).min(1.0) };
    (low, high)
}

/// The p-quantile of sorted numbers, linear between them; nothing without any.
pub fn quantile(sorted: &[f64], p: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = p * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    Some(sorted[below] + (place - below as f64) * (sorted[above] - sorted[below]))
}

/// The slope of the least-squares line through (log x, log y): the exponent of a power law; nothing with fewer than two points.
pub fn log_log_slope(points: &[(f64, f64)]) -> Option<f64> {
    let logs: Vec<(f64, f64)> =
        points.iter().filter(|(x, y)| *x > 0.0 && *y > 0.0).map(|(x, y)| (x.ln(), y.ln())).collect();
    if logs.len() < 2 {
        return None;
    }
    let n = logs.len() as f64;
    let mean_x = logs.iter().map(|(x, _)| x).sum::<f64>() / n;
    let mean_y = logs.iter().map(|(_, y)| y).sum::<f64>() / n;
    let spread = logs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum::<f64>();
    let joint = logs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>();
    (spread > 0.0).then(|| joint / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_agrees_with_printed_values() {
        // Newcombe, Statistics in Medicine 17 (1998), table I, method 3: 81/263, 15/148, 0/20, 1/29.
        for (hits, of, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let (a, b) = wilson(hits, of);
            // Four printed digits.
            assert!((a - low).abs() < 6e-5 && (b - high).abs() < 6e-5, "{hits}/{of}: {a} {b}");
        }
        assert_eq!(wilson(20, 20).1, 1.0);
        assert_eq!(wilson(0, 0), (0.0, 1.0));
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[3.0], 0.9), Some(3.0));
        assert_eq!(quantile(&[1.0, 2.0, 4.0, 8.0], 0.5), Some(3.0));
        assert_eq!(quantile(&[1.0, 2.0], 1.0), Some(2.0));
    }

    #[test]
    fn slopes_are_exponents() {
        let points: Vec<(f64, f64)> = [1.0, 10.0, 100.0].iter().map(|&n: &f64| (n, 3.0 / n.sqrt())).collect();
        let slope = log_log_slope(&points).expect("three points");
        // A few roundings of numbers near 5.
        assert!((slope + 0.5).abs() < 1e-13, "{slope}");
        assert_eq!(log_log_slope(&points[..1]), None);
    }
}
