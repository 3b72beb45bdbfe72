//! What samples look like before anything is recovered from them, and which methods' hypotheses they meet.

mod hypothesis;

use orthant_estimate::LabelSpectrum;
use orthant_estimate::frame::input_tolerance;
use orthant_linalg::spectrum::{self, RankDecision};
use orthant_linalg::{LinalgError, Mat, MatRef, product, random, tolerance};
use orthant_network::Samples;
use serde::Serialize;

use crate::Method;
use crate::pairs::antipodal_pairs;
pub use hypothesis::{Finding, Hypothesis, HypothesisCheck, MethodCheck};

/// The singular values of centred data, summed up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spectrum {
    /// Number of singular values above rounding level.
    pub rank: usize,
    /// σ_rank / σ_1.
    pub kept: f64,
    /// σ_(rank+1) / σ_1, 0 when there is none.
    pub dropped: f64,
    /// σ_1 / σ_rank: condition number on the directions that vary. Infinite for rank 0.
    pub condition: f64,
    /// The r for which σ_r / σ_(r+1) is largest, values below rounding level raised to it: for noisy labels this shows the
    /// width where the rank does not. 0 when there are not two singular values.
    pub widest_gap_rank: usize,
    /// That ratio.
    pub widest_gap: f64,
}

/// A measured quantity with the size that sampling error explains.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Statistic {
    /// The value.
    pub value: f64,
    /// The largest value that the hypothesis explains.
    pub allowed: f64,
    /// `Unknown` when there are fewer than 100 samples or no coordinate varies.
    pub finding: Finding,
}

/// Facts about the labels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LabelFacts {
    /// Of the labels minus their mean.
    pub spectrum: Spectrum,
    /// Whether every label is exactly a single-precision number; the rank is then decided at that precision.
    pub single_precision: bool,
}

/// Facts about the inputs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct InputFacts {
    /// Of the inputs minus their mean: the rank is the number of directions in which they vary.
    pub spectrum: Spectrum,
    /// Coordinates with one value only.
    pub constant_coordinates: usize,
    /// Coordinates with exactly two values, which satisfy a quadratic identity.
    pub two_valued_coordinates: usize,
    /// Largest |mean| / standard deviation of a coordinate that varies: zero for centred inputs.
    pub mean: Statistic,
    /// Spectral norm of (sample covariance − I): zero for whitened inputs.
    pub covariance: Statistic,
    /// Largest |standardised third moment| of a coordinate or of one of 32 random projections, in standard errors (estimated
    /// from the moments up to the sixth, so heavy tails are allowed): symmetric inputs have none.
    pub symmetry: Statistic,
    /// Largest |excess kurtosis| of a coordinate in standard errors √(24/n) of a Gaussian: zero for Gaussian inputs.
    pub gaussianity: Statistic,
}

/// The answer of [`diagnose`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diagnosis {
    /// Number of samples.
    pub n: usize,
    /// Number of inputs.
    pub d: usize,
    /// Number of outputs.
    pub m: usize,
    /// n / d.
    pub samples_per_input: f64,
    /// Facts about the labels.
    pub labels: LabelFacts,
    /// Facts about the inputs.
    pub inputs: InputFacts,
    /// Monomials of the quadratic lift, biases included: N = k(k+1)/2 + kd + k + d + 1, with k the rank of the labels and d
    /// that of the inputs.
    pub lift_monomials: usize,
    /// Every method but `auto`.
    pub methods: Vec<MethodCheck>,
}

/// Fewer samples than this, and the normal approximations to the distributions of moments mean nothing.
const MIN_MOMENT_SAMPLES: usize = 100;

/// Probability with which a statistic that meets its hypothesis exceeds what is allowed, in the normal approximation.
const FALSE_ALARM: f64 = 1e-6;

/// Random directions whose third moments are looked at besides those of the coordinates.
const PROJECTIONS: usize = 32;

/// Measures what decides whether and how a network can be recovered from the samples.
///
/// # Shapes
/// `samples` is n inputs of dimension d with labels of dimension m.
///
/// # Errors
/// [`LinalgError::NoConvergence`] when values are so large that a factorisation overflows.
///
/// # Cost
/// One QR of the labels and one of the inputs: 2n(m² + d²) operations, and a copy of each.
pub fn diagnose(samples: &Samples<'_>) -> Result<Diagnosis, LinalgError> {
    let (n, d, m) = (samples.n(), samples.d(), samples.m());
    let single_precision =
        samples.a().col_iter().all(|label| label.iter().all(|&a| tolerance::is_single_precision(&[a])));
    let label_spectrum = LabelSpectrum::of(samples, true)?;
    let labels = Spectrum::of(&label_spectrum.s, label_spectrum.rank, tolerance::backward(n, m));
    let input_values = spectrum::singular_values(centred_rows(samples.x()).as_ref())?;
    let input_tolerance = input_tolerance(n, d);
    let input_spectrum =
        Spectrum::of(&input_values, spectrum::rank_at(&input_values, input_tolerance), input_tolerance);
    let inputs = input_facts(samples.x(), input_spectrum, &input_values);

    let (k, varying) = (labels.rank, input_spectrum.rank);
    let lift_monomials = k * (k + 1) / 2 + k * varying + k + varying + 1;
    let width = Hypothesis::WidthBelowOutputs { rank: k, outputs: m.min(n - 1) };
    let gaussian = Hypothesis::GaussianInputs { finding: inputs.gaussianity.finding };
    // n·m numbers must determine k(d + m − 1), and a unit can be checked on d + 2 active samples at least. Four samples for
    // each input and the bias were enough for square Gaussian networks of 50 units.
    let least = (k * (varying + m - 1)).div_ceil(m).max(varying + 2);
    let methods = vec![
        MethodCheck::new(
            Method::Pursuit,
            &[width, Hypothesis::PursuitSamples { samples: n, least, ample: least.max(4 * (varying + 1)) }],
        ),
        MethodCheck::new(Method::Cone, &[width, Hypothesis::InactiveSamples { samples: n, needed: k }]),
        MethodCheck::new(
            Method::Lift,
            &[
                width,
                Hypothesis::LiftSamples { samples: n, needed: lift_monomials - k },
                Hypothesis::NoQuadraticIdentity { two_valued: inputs.two_valued_coordinates },
            ],
        ),
        MethodCheck::new(Method::Tensor, &[width, gaussian]),
        MethodCheck::new(Method::Power, &[width, gaussian]),
        MethodCheck::new(Method::Ica, &[width, gaussian, Hypothesis::OrthonormalRows]),
        MethodCheck::new(
            Method::Symmetric,
            &[
                width,
                Hypothesis::SymmetricInputs { finding: inputs.symmetry.finding },
                Hypothesis::PairsBelowMoments {
                    pairs: k * k.saturating_sub(1) / 2,
                    moments: varying * varying,
                },
            ],
        ),
        MethodCheck::new(
            Method::Paired,
            &[
                width,
                Hypothesis::AntipodalPairs {
                    pairs: antipodal_pairs(samples.x()).len(),
                    needed: k * k.saturating_sub(1) / 2,
                },
            ],
        ),
        MethodCheck::new(
            Method::Restarts,
            &[Hypothesis::WidthAboveOutputs { rank: k, outputs: m.min(n - 1) }],
        ),
        MethodCheck::new(
            Method::WorstCase,
            &[width, Hypothesis::PatternSearch { rank: k, samples: n, needed: k + varying + 2 }],
        ),
    ];
    Ok(Diagnosis {
        n,
        d,
        m,
        samples_per_input: n as f64 / d as f64,
        labels: LabelFacts { spectrum: labels, single_precision },
        inputs,
        lift_monomials,
        methods,
    })
}

impl Spectrum {
    /// Sums up singular values whose rank is decided; those at or below `relative` · σ_1 mean nothing, and ratios between them
    /// less.
    fn of(s: &[f64], rank: RankDecision, relative: f64) -> Spectrum {
        let top = s.first().copied().unwrap_or(0.0);
        let size = |r: usize| s[r].max(relative * top);
        let ratio = |r: usize| if top > 0.0 { size(r - 1) / size(r) } else { 1.0 };
        let widest = (1..s.len()).max_by(|&p, &q| ratio(p).total_cmp(&ratio(q)));
        Spectrum {
            rank: rank.rank,
            kept: rank.smallest_kept,
            dropped: rank.largest_dropped,
            condition: if rank.rank > 0 { 1.0 / rank.smallest_kept } else { f64::INFINITY },
            widest_gap_rank: widest.unwrap_or(0),
            widest_gap: widest.map_or(1.0, ratio),
        }
    }
}

/// The transpose of `data` minus the mean of each coordinate: n × rows. Constant coordinates become exactly zero.
fn centred_rows(data: MatRef<'_, f64>) -> Mat<f64> {
    let (rows, n) = data.shape();
    let mut centred = data.transpose().to_owned();
    for i in 0..rows {
        let first = data[(i, 0)];
        // Taken relative to the first value, the mean of a constant is that constant to the bit.
        let mean = first + data.row(i).iter().map(|x| x - first).sum::<f64>() / n as f64;
        centred.as_mut().col_mut(i).iter_mut().for_each(|x| *x -= mean);
    }
    centred
}

fn input_facts(x: MatRef<'_, f64>, spectrum: Spectrum, singular_values: &[f64]) -> InputFacts {
    let (d, n) = x.shape();
    let samples = n as f64;
    let mut standard = centred_rows(x);
    let (mut constant, mut two_valued, mut largest_mean) = (0, 0, 0.0f64);
    for i in 0..d {
        let deviation = standard.col(i).norm_l2() / samples.sqrt();
        match distinct_values(x.row(i).iter().copied()) {
            1 => constant += 1,
            2 => two_valued += 1,
            _ => {}
        }
        if deviation > 0.0 {
            let mean = x[(i, 0)] - standard[(0, i)];
            largest_mean = largest_mean.max(mean.abs() / deviation);
            standard.as_mut().col_mut(i).iter_mut().for_each(|z| *z /= deviation);
        }
    }
    let varying = d - constant;
    let statistic = |value: f64, allowed: f64| {
        let finding = match (n >= MIN_MOMENT_SAMPLES && varying > 0, value <= allowed) {
            (false, _) => Finding::Unknown,
            (true, true) => Finding::Holds,
            (true, false) => Finding::Fails,
        };
        Statistic { value, allowed, finding }
    };
    let directions = random::gaussian(d, PROJECTIONS, &mut random::stream(0, "diagnose", 0));
    let projected = product::matmul(standard.as_ref(), directions.as_ref());
    let columns = |data: MatRef<'_, f64>, f: fn(&Moments, f64) -> f64| {
        data.col_iter()
            .filter_map(|column| Moments::of(&column.iter().copied().collect::<Vec<_>>()))
            .map(|moments| f(&moments, samples).abs())
            .fold(0.0f64, f64::max)
    };
    let skewness =
        columns(standard.as_ref(), Moments::skewness).max(columns(projected.as_ref(), Moments::skewness));
    // The eigenvalues of the sample covariance are the squared singular values over n; d − min(d, n) more are zero.
    let missing = if singular_values.len() < d { 1.0 } else { 0.0f64 };
    let covariance =
        singular_values.iter().fold(missing, |worst, s| worst.max((s * s / samples - 1.0).abs()));
    let aspect = d as f64 / samples;
    InputFacts {
        spectrum,
        constant_coordinates: constant,
        two_valued_coordinates: two_valued,
        mean: statistic(largest_mean, normal_bound(d) / samples.sqrt()),
        // Davidson and Szarek 2001, theorem II.13: the extreme singular values of a Gaussian matrix are within t of
        // √n ± √d but for a probability of exp(−t²/2) on each side.
        covariance: statistic(
            covariance,
            (1.0 + aspect.sqrt() + normal_bound(1) / samples.sqrt()).powi(2) - 1.0,
        ),
        symmetry: statistic(skewness, normal_bound(d + PROJECTIONS)),
        gaussianity: statistic(columns(standard.as_ref(), Moments::kurtosis), normal_bound(d)),
    }
}

/// 1, 2, or 3 for more.
fn distinct_values(values: impl Iterator<Item = f64>) -> usize {
    let mut seen: Vec<f64> = Vec::with_capacity(3);
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
            if seen.len() == 3 {
                break;
            }
        }
    }
    seen.len()
}

/// A bound that the largest of `count` standard normal numbers in absolute value exceeds with probability [`FALSE_ALARM`] at
/// most: √(2 ln(2 count / p)), by the union of the tail bounds 2 exp(−z²/2).
fn normal_bound(count: usize) -> f64 {
    (2.0 * (2.0 * count.max(1) as f64 / FALSE_ALARM).ln()).sqrt()
}

/// Moments of a column of mean zero, standardised.
struct Moments {
    third: f64,
    fourth: f64,
    sixth: f64,
}

impl Moments {
    /// `None` for a column of zeros.
    fn of(values: &[f64]) -> Option<Moments> {
        let n = values.len() as f64;
        let deviation = product::norm(values) / n.sqrt();
        if deviation == 0.0 {
            return None;
        }
        let moment = |power: i32| values.iter().map(|x| (x / deviation).powi(power)).sum::<f64>() / n;
        Some(Moments { third: moment(3), fourth: moment(4), sixth: moment(6) })
    }

    /// The third moment in standard errors: for a symmetric distribution its estimate, with the mean estimated too, has
    /// variance E(z³ − 3z)² / n = (m₆ − 6m₄ + 9) / n.
    fn skewness(&self, n: f64) -> f64 {
        let error = ((self.sixth - 6.0 * self.fourth + 9.0).max(0.0) / n).sqrt();
        if self.third == 0.0 { 0.0 } else { self.third / error }
    }

    /// The excess of the fourth moment over a Gaussian's in standard errors of a Gaussian.
    fn kurtosis(&self, n: f64) -> f64 {
        (self.fourth - 3.0) / (24.0 / n).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_network::{BiasKind, InputKind, Planted, PlantedSpec};

    fn planted(inputs: InputKind, n: usize) -> Planted {
        let spec =
            PlantedSpec { m: 9, k: 4, d: 6, inputs, bias: BiasKind::Both, seed: 3, ..PlantedSpec::default() };
        spec.plant(n).expect("valid")
    }

    fn diagnosis(x: MatRef<'_, f64>, a: MatRef<'_, f64>) -> Diagnosis {
        diagnose(&Samples::new(x, a).expect("valid")).expect("finite")
    }

    fn finding(diagnosis: &Diagnosis, method: Method) -> Finding {
        diagnosis.methods.iter().find(|check| check.method == method).expect("listed").finding
    }

    #[test]
    fn the_rank_of_the_labels_is_the_width() {
        let Planted { x, a, .. } = planted(InputKind::Gaussian, 500);
        let found = diagnosis(x.as_ref(), a.as_ref());
        assert_eq!((found.labels.spectrum.rank, found.labels.spectrum.widest_gap_rank), (4, 4));
        assert!(!found.labels.single_precision);
        assert_eq!(found.lift_monomials, 10 + 24 + 4 + 6 + 1);
        assert_eq!(finding(&found, Method::Pursuit), Finding::Holds);
        assert_eq!(finding(&found, Method::Lift), Finding::Holds);
        assert_eq!(finding(&found, Method::Cone), Finding::Unknown);
    }

    #[test]
    fn the_rank_of_rounded_labels_is_decided_at_their_precision() {
        let Planted { x, a, .. } = planted(InputKind::Gaussian, 500);
        let rounded = Mat::from_fn(a.nrows(), a.ncols(), |o, j| f64::from(a[(o, j)] as f32));
        let found = diagnosis(x.as_ref(), rounded.as_ref());
        assert!(found.labels.single_precision);
        assert_eq!(found.labels.spectrum.rank, 4);
    }

    #[test]
    fn noisy_labels_have_full_rank_and_their_width_shows_in_the_widest_gap() {
        let Planted { x, a, .. } = planted(InputKind::Gaussian, 500);
        let noise = random::gaussian(a.nrows(), a.ncols(), &mut random::stream(1, "noise", 0));
        let with_noise = |size: f64| {
            let noisy = Mat::from_fn(a.nrows(), a.ncols(), |o, j| a[(o, j)] + size * noise[(o, j)]);
            diagnosis(x.as_ref(), noisy.as_ref())
        };
        let found = with_noise(3e-2);
        assert_eq!((found.labels.spectrum.rank, found.labels.spectrum.widest_gap_rank), (9, 4));
        assert_eq!(finding(&found, Method::Pursuit), Finding::Unknown);
        assert_eq!(with_noise(1e-4).labels.spectrum.rank, 9);
    }

    #[test]
    fn too_few_samples_fail_the_methods_that_need_them() {
        let Planted { x, a, .. } = planted(InputKind::Gaussian, 20);
        let found = diagnosis(x.as_ref(), a.as_ref());
        assert_eq!(finding(&found, Method::Lift), Finding::Fails);
        assert_eq!(finding(&found, Method::Pursuit), Finding::Unknown);
        assert_eq!(found.inputs.symmetry.finding, Finding::Unknown);
    }

    #[test]
    fn gaussian_inputs_pass_every_test_and_others_fail_those_they_should() {
        for (kind, [mean, covariance, symmetry, gaussianity]) in [
            (InputKind::Gaussian, [true, true, true, true]),
            (InputKind::Uniform, [true, true, true, false]),
            (InputKind::Laplace, [true, true, true, false]),
            (InputKind::Sign, [true, true, true, false]),
            (InputKind::Binary, [false, false, true, false]),
            (InputKind::Correlated, [true, false, true, true]),
        ] {
            let Planted { x, a, .. } = planted(kind, 4000);
            let facts = diagnosis(x.as_ref(), a.as_ref()).inputs;
            for (statistic, holds) in [
                (facts.mean, mean),
                (facts.covariance, covariance),
                (facts.symmetry, symmetry),
                (facts.gaussianity, gaussianity),
            ] {
                let expected = if holds { Finding::Holds } else { Finding::Fails };
                assert_eq!(statistic.finding, expected, "{}: {statistic:?} in {facts:?}", kind.name());
            }
        }
        let Planted { x, a, .. } = planted(InputKind::Gaussian, 4000);
        let skewed = Mat::from_fn(x.nrows(), x.ncols(), |r, j| x[(r, j)].exp());
        assert_eq!(diagnosis(skewed.as_ref(), a.as_ref()).inputs.symmetry.finding, Finding::Fails);
    }

    #[test]
    fn constant_dependent_and_two_valued_coordinates_are_counted() {
        let Planted { x, a, .. } = planted(InputKind::Gaussian, 300);
        let odd = Mat::from_fn(6, 300, |r, j| match r {
            0 => 0.1,
            1 => x[(2, j)] + x[(3, j)],
            2 => f64::from(x[(4, j)] > 0.0),
            r => x[(r, j)],
        });
        let repeated =
            Mat::from_fn(6, 300, |r, j| if r == 1 { odd[(3, j)] + odd[(5, j)] } else { odd[(r, j)] });
        let found = diagnosis(repeated.as_ref(), a.as_ref());
        assert_eq!((found.inputs.constant_coordinates, found.inputs.two_valued_coordinates), (1, 1));
        assert_eq!(found.inputs.spectrum.rank, 4);
        assert_eq!(finding(&found, Method::Lift), Finding::Unknown);
    }

    #[test]
    fn degenerate_samples_are_described_and_not_a_panic() {
        for (d, m, n) in [(1, 1, 1), (3, 2, 1), (1, 1, 2), (2, 5, 3)] {
            let zero = (Mat::<f64>::zeros(d, n), Mat::<f64>::zeros(m, n));
            let found = diagnosis(zero.0.as_ref(), zero.1.as_ref());
            assert_eq!((found.labels.spectrum.rank, found.inputs.spectrum.rank), (0, 0));
            assert_eq!(finding(&found, Method::Pursuit), Finding::Fails);
            assert_eq!(found.inputs.constant_coordinates, d);
        }
    }
}
