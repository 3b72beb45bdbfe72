//! Labels with an error in every entry: from samples to the least-squares optimum and what it is worth.

use orthant_estimate::{Callback, Reporter};
use orthant_exact::{BiasModel, Scaled, Verdict};
use orthant_linalg::{MatRef, product, random, spectrum, tolerance};
use orthant_network::{Network, Samples, Subset};
use rand::seq::index;

use crate::error::NoisyError;
use crate::fit::{Clipping, Fit, FitSettings, StandardErrors, fit, information, residuals};
use crate::precision::{LabelPrecision, label_precision};
use crate::report::{NoiseReason, NoiseReport, NoisyRecovery, NoisyUnit};
use crate::search::{Found, SearchSettings, search};
use crate::settings::Settings;
use crate::width::{WidthChoice, bayesian_information, choose_width, noisy_rank};

mod parts;
mod restored;

use self::parts::{Parts, check_width};
use self::restored::restored;

/// Distance to the optimum at which the refinement over all samples ends, in standard errors: some steps more than usual, so that the
/// start does not show in the answer.
const FINAL_TOLERANCE: f64 = 0.005;

/// Standard deviations by which the mean square of the samples held out may exceed what the fit predicts.
const HOLDOUT_DEVIATIONS: f64 = 6.0;

/// The estimated standard deviation may be this times the one given, or the other way round.
const KNOWN_NOISE_FACTOR: f64 = 1.25;

/// The largest singular value of the residuals may be this times the largest that independent errors of one size have.
const RESIDUAL_EXCESS: f64 = 1.5;

/// Recovers a network from labels with an independent error in every entry.
///
/// # Shapes
/// `samples` is n inputs of dimension d with labels of dimension m; the network returned is m × k × d.
///
/// # Guarantee
/// The network is a local optimum of the sum of squared residuals over all samples, the best of those that the search met: the
/// maximum-likelihood estimate for normal errors if it is the global one, which [`NoiseReport::agreeing`] speaks for. The verdict is
/// `approximate` at best. Same samples, same settings, same bits, for any number of threads.
///
/// # Errors
/// [`NoisyError`]; labels that no network explains are not an error but a verdict.
///
/// # Cost
/// The search sees at most max(4000, 100(d + m)) samples; over all samples run the refinement ([`fit()`]), of some ten steps, and some
/// ten cheaper passes, for the precision of the labels, residuals and standard errors. Memory does not depend on n beyond the samples themselves.
///
/// # Paper
/// In place of Theorem 62 (see [`crate::route`] for that): starts of any kind, for any input distribution, biases and m < k, and the
/// optimum instead of an estimate near it.
pub fn recover_noisy(
    samples: &Samples<'_>,
    settings: &Settings,
    progress: &mut Callback<'_>,
) -> Result<NoisyRecovery, NoisyError> {
    settings.validate()?;
    let activation = &settings.exact.activation;
    if activation.degree().is_none_or(|degree| degree < 1.0) {
        return Err(NoisyError::Activation {
            method: "recovery from labels with noise",
            activation: activation.name(),
        });
    }
    let mut reporter = Reporter::new(progress);
    let Some(scaled) = Scaled::of(samples) else {
        return recover_ordinary(samples, settings, &mut reporter);
    };
    let known = settings.noise_std.map(|std| std / scaled.label_scale());
    let of_size_one = Settings { noise_std: known, ..settings.clone() };
    let found = recover_ordinary(&scaled.samples(), &of_size_one, &mut reporter)?;
    restored(found, &scaled, samples, settings)
}

/// [`recover_noisy`] for samples whose squares are within the range of numbers.
fn recover_ordinary(
    samples: &Samples<'_>,
    settings: &Settings,
    reporter: &mut Reporter<'_>,
) -> Result<NoisyRecovery, NoisyError> {
    let precision = label_precision(samples);
    let clipping = precision.clipping.as_ref();
    if let Some(width) = settings.exact.width {
        check_width(samples, width, settings)?;
    }
    let parts = Parts::draw(samples, clipping, settings);
    let start = Start::find(&parts.searched.samples(), settings, precision.noise_std, reporter)?;
    let holdout = Holdout::of(&start.network, &parts, clipping)?;
    let excess = residual_excess(&start.network, &parts, &precision)?;
    let settled = FitSettings { tolerance: FINAL_TOLERANCE, ..FitSettings::default() };
    let fitted = fit(samples, &start.network, clipping, &settled, reporter)?;
    let mut found = report(samples, fitted, start, holdout.as_ref(), precision, settings)?;
    let kept = matches!(found.report.reason, NoiseReason::OptimumConfirmed | NoiseReason::NothingHeldOut);
    if kept && excess > RESIDUAL_EXCESS {
        found.report.reason = NoiseReason::StructuredResiduals { excess };
    }
    Ok(found)
}

/// The largest singular value of the residuals over the largest that independent errors of one size have; 0 where labels are cut off,
/// or rounded by as much as the residuals are.
fn residual_excess(network: &Network, parts: &Parts, precision: &LabelPrecision) -> Result<f64, NoisyError> {
    let searched = parts.searched.samples();
    let residuals = searched.a() - network.labels(searched.x());
    let root_mean_square =
        product::frobenius(residuals.as_ref()) / ((searched.n() * searched.m()) as f64).sqrt();
    if precision.clipping.is_some() || root_mean_square <= 2.0 * precision.noise_std {
        return Ok(0.0);
    }
    let rank = noisy_rank(residuals.transpose())?;
    Ok(rank.edge.map_or(0.0, |edge| rank.singular_values[0] / edge))
}

/// What the search brought, on the samples that it saw.
struct Start {
    network: Network,
    found: Found,
    width_choice: Option<WidthChoice>,
    squared_residual: f64,
}

impl Start {
    fn find(
        samples: &Samples<'_>,
        settings: &Settings,
        rounding: f64,
        reporter: &mut Reporter<'_>,
    ) -> Result<Start, NoisyError> {
        let bias = settings.exact.bias.fitted();
        let search_settings = SearchSettings {
            seed: settings.exact.seed,
            bias,
            activation: settings.exact.activation.clone(),
            rounding,
            ..SearchSettings::default()
        };
        let (found, width_choice) = match settings.exact.width {
            Some(width) => (search(samples, width, &search_settings, reporter)?, None),
            None => {
                let (choice, found) = choose_width(samples, &search_settings, reporter)?;
                (found, Some(choice))
            }
        };
        let mut start = Start {
            network: found.best.network.clone(),
            squared_residual: found.best.squared_residual,
            found,
            width_choice,
        };
        if settings.exact.bias == BiasModel::Auto {
            start.drop_biases(samples, rounding, reporter)?;
        }
        Ok(start)
    }

    /// Leaves out the biases that explain no more than chance, by the criterion that widths are chosen by.
    fn drop_biases(
        &mut self,
        samples: &Samples<'_>,
        rounding: f64,
        reporter: &mut Reporter<'_>,
    ) -> Result<(), NoisyError> {
        let criterion = |network: &Network, loss: f64| -> Result<f64, NoisyError> {
            let left = residuals(samples, network, None)?;
            let rounded = left.labels() as f64 * rounding * rounding;
            Ok(bayesian_information(loss.max(rounded), left.labels(), left.degrees_of_freedom))
        };
        let mut best = criterion(&self.network, self.squared_residual)?;
        let both = self.network.clone();
        for (hidden, output) in [(false, true), (true, false), (false, false)] {
            let network = without_biases(&both, hidden, output);
            let fitted = fit(samples, &network, None, &FitSettings::default(), reporter)?;
            let value = criterion(&fitted.network, fitted.loss)?;
            if value < best {
                best = value;
                (self.network, self.squared_residual) = (fitted.network, fitted.loss);
            }
        }
        Ok(())
    }
}

/// The network with those of its biases that are wanted.
fn without_biases(network: &Network, hidden: bool, output: bool) -> Network {
    let b = network.b().filter(|_| hidden).map(<[f64]>::to_vec);
    let c = network.c().filter(|_| output).map(<[f64]>::to_vec);
    let (u, v) = (network.u().to_owned(), network.v().to_owned());
    Network::with_activation(network.activation().clone(), u, v, b, c)
        .expect("fewer of the weights of a network are those of one")
}

/// The samples held out, against what the fit to the others predicts for them.
struct Holdout {
    samples: usize,
    /// Mean square residual over its expectation.
    ratio: f64,
    /// What chance may make of the ratio.
    allowed: f64,
    /// Mean square residual over the variance of the labels.
    unexplained: f64,
}

impl Holdout {
    fn of(
        network: &Network,
        parts: &Parts,
        clipping: Option<&Clipping>,
    ) -> Result<Option<Holdout>, NoisyError> {
        if parts.checked.n() == 0 {
            return Ok(None);
        }
        let searched = parts.searched.samples();
        let fitted = residuals(&searched, network, clipping)?;
        let checked = residuals(&parts.checked.samples(), network, clipping)?;
        let (seen, left) = (fitted.labels() as f64, checked.labels().max(1) as f64);
        // A fit has smaller residuals than the errors on what it saw, and larger ones elsewhere.
        let expected = fitted.variance() * (1.0 + fitted.degrees_of_freedom as f64 / seen);
        let mean_square = checked.loss() / left;
        let spread = ((fitted.kurtosis() - 1.0).max(0.0) * (1.0 / left + 1.0 / seen)).sqrt();
        let scale = searched.label_scale();
        Ok(Some(Holdout {
            samples: parts.checked.n(),
            ratio: mean_square / expected,
            allowed: 1.0 + HOLDOUT_DEVIATIONS * spread,
            unexplained: mean_square / (scale * scale),
        }))
    }
}

/// Samples evaluated at once.
const BLOCK: usize = 1024;

/// What is to be said of the optimum over all samples.
fn report(
    samples: &Samples<'_>,
    fitted: Fit,
    start: Start,
    holdout: Option<&Holdout>,
    precision: LabelPrecision,
    settings: &Settings,
) -> Result<NoisyRecovery, NoisyError> {
    let network = fitted.network;
    let clipping = precision.clipping.as_ref();
    let left = residuals(samples, &network, clipping)?;
    let variance = left.variance();
    let standard_errors = standard_errors_of(samples, &network, clipping, variance, settings.exact.seed)?;
    let root_mean_square = (left.loss() / left.labels().max(1) as f64).sqrt();
    let mut report = NoiseReport {
        verdict: Verdict::Approximate,
        reason: NoiseReason::OptimumConfirmed,
        width: network.k(),
        width_choice: start.width_choice,
        activation: network.activation().clone(),
        noise_std: variance.sqrt(),
        noise_std_known: settings.noise_std,
        residual: root_mean_square / samples.label_scale().max(f64::MIN_POSITIVE),
        holdout_ratio: holdout.map(|holdout| holdout.ratio.sqrt()),
        holdout_samples: holdout.map_or(0, |holdout| holdout.samples),
        starts: start.found.starts,
        agreeing: start.found.agreeing,
        steps: fitted.steps,
        converged: fitted.converged,
        kappa_u: condition_number(network.u())?,
        kappa_v: condition_number(network.v())?,
        method: format!("restarts from {}", start.found.kind.name()),
        units: units(samples, &network, &standard_errors, variance),
        precision,
    };
    (report.verdict, report.reason) = judge(&report, holdout);
    // Labels that do not vary are not explained by units.
    let rounding = tolerance::backward(samples.n(), 1) * samples.a().norm_max();
    if samples.label_scale() <= rounding {
        (report.verdict, report.reason) = (Verdict::NotRecovered, NoiseReason::NoUnit);
    }
    Ok(NoisyRecovery { network, standard_errors, report })
}

fn units(samples: &Samples<'_>, network: &Network, errors: &StandardErrors, variance: f64) -> Vec<NoisyUnit> {
    let (k, n) = (network.k(), samples.n());
    let mut active = vec![0usize; k];
    let (mut sums, mut squares) = (vec![0.0f64; k], vec![0.0f64; k]);
    for first in (0..n).step_by(BLOCK) {
        let t = network.preactivations(samples.x().subcols(first, BLOCK.min(n - first)));
        for j in 0..t.ncols() {
            for (i, &t) in t.col(j).iter().enumerate() {
                let z = network.activation().value(t);
                active[i] += usize::from(t > 0.0);
                sums[i] += z;
                squares[i] += z * z;
            }
        }
    }
    let input_scale = Samples::new(samples.x(), samples.x()).map_or(0.0, |inputs| inputs.label_scale());
    let unit = |i: usize| {
        let mean = sums[i] / n as f64;
        let spread = (squares[i] / n as f64 - mean * mean).max(0.0).sqrt();
        let output = network.u().col(i).norm_l2();
        let row = errors.v.row(i).norm_l2();
        let direction_error = errors.b.as_ref().map_or(row, |b| row.hypot(b[i] / input_scale));
        let output_error = errors.u.col(i).norm_l2() / output.max(f64::MIN_POSITIVE);
        let noise = (variance * network.m() as f64).sqrt().max(f64::MIN_POSITIVE);
        let clear = direction_error <= NoisyUnit::WEAK_DIRECTION && output_error <= NoisyUnit::WEAK_OUTPUT;
        NoisyUnit {
            active: active[i],
            inactive: n - active[i],
            signal_to_noise: output * spread / noise,
            direction_error,
            output_error,
            weak: !clear,
        }
    };
    (0..k).map(unit).collect()
}

fn condition_number(a: MatRef<'_, f64>) -> Result<f64, NoisyError> {
    if a.nrows() == 0 || a.ncols() == 0 {
        return Ok(1.0);
    }
    let s = spectrum::thin_svd(a)?.s;
    Ok(s.first().copied().unwrap_or(0.0) / s.last().copied().unwrap_or(0.0))
}

/// Operations that the information about the weights may take before it is taken from a part of the samples.
const INFORMATION_OPERATIONS: f64 = 1e11;

/// Samples that such a part has at most, so that its copy stays small …
const INFORMATION_SAMPLES: usize = 1 << 18;

/// … unless that is less than this for each hidden weight, with which the information is known to a few per cent.
const INFORMATION_SAMPLES_PER_WEIGHT: usize = 20;

/// Standard errors, which fall with the root of the number of samples: a random part of many tells them.
fn standard_errors_of(
    samples: &Samples<'_>,
    network: &Network,
    clipping: Option<&Clipping>,
    variance: f64,
    seed: u64,
) -> Result<StandardErrors, NoisyError> {
    let hidden = network.k() * (network.d() + usize::from(network.b().is_some()));
    let affordable = (INFORMATION_OPERATIONS / (hidden * hidden).max(1) as f64) as usize;
    let count = affordable.min(INFORMATION_SAMPLES).max(INFORMATION_SAMPLES_PER_WEIGHT * hidden);
    if affordable < samples.n() && count < samples.n() {
        let mut chosen =
            index::sample(&mut random::stream(seed, "information", 0), samples.n(), count).into_vec();
        chosen.sort_unstable();
        let share = count as f64 / samples.n() as f64;
        let part = Subset::of(samples, &chosen);
        let errors = information(&part.samples(), network, clipping)?.standard_errors(share * variance)?;
        if errors.undetermined == 0 {
            return Ok(errors);
        }
    }
    information(samples, network, clipping)?.standard_errors(variance)
}

/// The verdict and what it rests on, in the order in which a user would want to hear of it.
fn judge(report: &NoiseReport, holdout: Option<&Holdout>) -> (Verdict, NoiseReason) {
    let weak = report.units.iter().filter(|unit| unit.weak).count();
    // The score of no units is zero.
    if report.width_choice.as_ref().is_some_and(|choice| choice.score >= 0.0) {
        return (Verdict::NotRecovered, NoiseReason::NoUnit);
    }
    let unexplained = holdout.map_or(report.residual.powi(2), |holdout| holdout.unexplained);
    if unexplained.is_nan() || unexplained >= 1.0 {
        return (Verdict::NotRecovered, NoiseReason::ExplainsLittle { unexplained });
    }
    if weak == report.width {
        return (Verdict::NotRecovered, NoiseReason::WeakUnits { units: weak });
    }
    if let Some(ratio) = report.noise_std_known.map(|known| report.noise_std / known)
        && ratio.max(1.0 / ratio) > KNOWN_NOISE_FACTOR
    {
        return (Verdict::Approximate, NoiseReason::NotOfKnownNoise { ratio });
    }
    if let Some(holdout) = holdout.filter(|holdout| holdout.ratio > holdout.allowed) {
        return (Verdict::Approximate, NoiseReason::HoldoutDisagrees { ratio: holdout.ratio.sqrt() });
    }
    if !report.converged {
        return (Verdict::Approximate, NoiseReason::NotConverged { steps: report.steps });
    }
    if report.width_choice.as_ref().is_some_and(|choice| !choice.complete) {
        return (Verdict::Approximate, NoiseReason::WidthLimited { width: report.width });
    }
    if report.agreeing < 2 {
        return (Verdict::Approximate, NoiseReason::NotConfirmed { starts: report.starts });
    }
    if weak > 0 {
        return (Verdict::Approximate, NoiseReason::WeakUnits { units: weak });
    }
    let reason = if holdout.is_some() { NoiseReason::OptimumConfirmed } else { NoiseReason::NothingHeldOut };
    (Verdict::Approximate, reason)
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use orthant_network::{NoiseKind, PlantedSpec};

    use super::*;

    #[test]
    fn a_refinement_that_has_not_arrived_is_no_confirmed_optimum() {
        let p =
            PlantedSpec { m: 4, k: 2, d: 3, seed: 1, ..PlantedSpec::default() }.plant(300).expect("valid");
        let a = &p.a + &NoiseKind::Gaussian.errors(4, 300, 0.05, 1);
        let samples = Samples::new(p.x.as_ref(), a.as_ref()).expect("finite");
        let found = recover_noisy(&samples, &Settings::default(), &mut |_| ControlFlow::Continue(()));
        let mut report = found.expect("an answer").report;
        assert_eq!(judge(&report, None), (Verdict::Approximate, NoiseReason::NothingHeldOut));
        report.converged = false;
        let reason = NoiseReason::NotConverged { steps: report.steps };
        assert_eq!(judge(&report, None), (Verdict::Approximate, reason));
    }
}
