//! The whole way from samples to a verdict.

use orthant_estimate::frame::LabelSpectrum;
use orthant_estimate::lift::Lift;
use orthant_estimate::refine::{RefineSettings, refine};
use orthant_estimate::unit::{Transfer, same_unit, settle};
use orthant_estimate::{Callback, Frame, Reporter, Unit};
use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::{LinalgError, Mat, MatRef, product, random, spectrum, tolerance};
use orthant_network::{BiasKind, Network, Samples};

use crate::error::RecoverError;
use crate::identify;
use crate::report::{Reason, Recovery, Report, Uniqueness, UniquenessLevel, Verdict};
use crate::search::{Search, search};
use crate::settings::{BiasModel, Settings};
use crate::split::{Split, columns};
use crate::verdict::{Evidence, judge};
use crate::weights::{self, HiddenWeights};

/// Equations to spare that [`orthant_estimate::unit::unit_from_pattern`] asks for, in samples beyond r + k.
const SPARE_SAMPLES: usize = 4;

/// Refinement of labels below double precision, and of incomplete answers, may cost this many operations.
const REFINE_OPERATIONS: f64 = 1e11;

/// Attempts to complete an answer by refinement from random directions for the missing units.
const COMPLETIONS: u64 = 2;

/// Allowed residuals over their first-order estimates: the estimates are norms of single error terms, of which a handful add up.
const RESIDUAL_SAFETY: f64 = 16.0;

/// Held-out samples were not fitted and may lie further out than those that were.
const HOLDOUT_SAFETY: f64 = 32.0;

/// Recovers a network from samples: units, weights, output layer, verdict.
///
/// # Shapes
/// `samples` is n inputs of dimension d with labels of dimension m; the network returned is m × k × d.
///
/// # Guarantee
/// The verdict `exact` is given only when the residual is zero at the precision of the labels, every unit has a one-dimensional
/// null space with its gap, its active inputs have full column rank, and samples that took no part in the fit agree. Same
/// samples, same settings, same bits, for any number of threads.
///
/// # Errors
/// [`RecoverError`]. Data that no network explains are not an error: the verdict says so.
///
/// # Cost
/// Pursuit: 4n(r + k) single-precision operations for some 60 k to 200 k start-iterations, and about 2nk(r + k)(r + 2k) for the
/// units' systems. The lift, where it applies: 6N³. About eight copies of the data in memory.
///
/// # Paper
/// Theorem 49 with Algorithm 5 replaced by searches that need no distribution, and Algorithm 6 by its rank-revealing form.
pub fn recover(
    samples: &Samples<'_>,
    settings: &Settings,
    progress: &mut Callback<'_>,
) -> Result<Recovery, RecoverError> {
    settings.validate()?;
    let mut reporter = Reporter::new(progress);
    let (input_scale, label_scale) = (power_of_two_near(samples.x()), power_of_two_near(samples.a()));
    if input_scale == 1.0 && label_scale == 1.0 {
        return recover_scaled(samples, settings, &mut reporter);
    }
    // Powers of two change no digit, and keep squares from overflowing or vanishing.
    let scaled_by = |view: MatRef<'_, f64>, s: f64| Mat::from_fn(view.nrows(), view.ncols(), |i, j| view[(i, j)] / s);
    let (x, a) = (scaled_by(samples.x(), input_scale), scaled_by(samples.a(), label_scale));
    let scaled = Samples::new(x.as_ref(), a.as_ref()).expect("scaling to size one keeps shapes and finiteness");
    let mut recovery = recover_scaled(&scaled, settings, &mut reporter)?;
    recovery.network = rescale(&recovery.network, input_scale, label_scale)?;
    for unit in &mut recovery.report.units {
        unit.margin *= input_scale;
    }
    Ok(recovery)
}

fn recover_scaled(
    samples: &Samples<'_>,
    settings: &Settings,
    reporter: &mut Reporter<'_>,
) -> Result<Recovery, RecoverError> {
    let bias = settings.bias.fitted();
    let split = Split::draw(samples, settings.holdout, 2 * (samples.d() + 1), settings.seed);
    let fit = Part::of(samples, &split.fit);
    let too_few = |needed| RecoverError::TooFewSamples {
        n: split.fit.len() + split.check.len(),
        d: samples.d(),
        needed,
    };
    if split.fit.is_empty() {
        return Err(too_few(2 + SPARE_SAMPLES));
    }
    let (frame, label_spectrum) = Frame::new(&fit.samples(), bias, settings.width)?;
    if frame.k() == 0 {
        return constant_labels(samples, &label_spectrum, settings);
    }
    let inputs = frame.inputs().ncols();
    let unknowns = inputs + frame.extended().ncols();
    if fit.n() + 1 < unknowns + SPARE_SAMPLES {
        // With n at most r the rank of the inputs is that of the samples, and says nothing of the dimension.
        let rank = if inputs < fit.n() { inputs } else { samples.d() + usize::from(bias.hidden()) };
        return Err(too_few(rank + frame.extended().ncols() + SPARE_SAMPLES - 1 + split.check.len()));
    }
    let search = search(&frame, settings, reporter)?;
    let mut answer = Answer::fit(fit, frame, search, settings, &label_spectrum, reporter)?;
    let check = Part::of(samples, &split.check);
    let holdout = (check.n() > 0).then(|| answer.relative_residual(&check.samples(), &answer.fit.samples()));
    let complete = answer.units.len() == answer.frame.n_rectified();
    let open = answer.units.iter().any(|unit| unit.input_rank < answer.frame.inputs().ncols());
    if complete && open && holdout.is_some_and(|residual| residual > answer.holdout_allowed()) {
        // These samples show directions in which the weights were open: now they are used.
        answer.absorb(samples, &split, settings)?;
    }
    Ok(answer.report(samples, settings, &label_spectrum, holdout, check.n()))
}

/// Some of the samples, copied.
struct Part {
    x: Mat<f64>,
    a: Mat<f64>,
}

impl Part {
    fn of(samples: &Samples<'_>, chosen: &[usize]) -> Part {
        Part { x: columns(samples.x(), chosen), a: columns(samples.a(), chosen) }
    }

    fn n(&self) -> usize {
        self.x.ncols()
    }

    fn samples(&self) -> Samples<'_> {
        Samples::new(self.x.as_ref(), self.a.as_ref()).expect("a non-empty part of valid samples is valid")
    }
}

/// A network with the units it was built from.
struct Answer {
    fit: Part,
    frame: Frame,
    units: Vec<Unit>,
    network: Network,
    method: &'static str,
    attempts: usize,
    lift: Option<Lift>,
    precision: f64,
}

impl Answer {
    fn fit(
        fit: Part,
        frame: Frame,
        search: Search,
        settings: &Settings,
        label_spectrum: &LabelSpectrum,
        reporter: &mut Reporter<'_>,
    ) -> Result<Answer, RecoverError> {
        let bias = settings.bias.fitted();
        let network = weights::build_network(&fit.samples(), &frame, &search.units, bias)?;
        let mut answer = Answer {
            fit,
            frame,
            units: search.units,
            network,
            method: search.method,
            attempts: search.attempts,
            lift: search.lift,
            precision: label_spectrum.precision,
        };
        if answer.units.len() < answer.frame.n_rectified() {
            answer.complete(settings, reporter)?;
        } else if answer.precision > COARSE {
            answer.polish(bias, reporter)?;
        }
        if settings.bias == BiasModel::Auto && answer.units.len() == answer.network.k() {
            answer.drop_zero_biases()?;
        }
        Ok(answer)
    }

    /// Refines labels that carry rounding beyond `f64` to their least-squares optimum.
    fn polish(&mut self, bias: BiasKind, reporter: &mut Reporter<'_>) -> Result<(), RecoverError> {
        let r = self.frame.inputs().ncols();
        if self.units.len() < self.frame.k() || self.units.iter().any(|unit| unit.input_rank < r) {
            return Ok(());
        }
        let start = Mat::from_fn(r, self.units.len(), |i, j| self.units[j].direction[i]);
        let network = self.refined(start, bias, reporter)?;
        let samples = self.fit.samples();
        if relative_residual(&network, &samples, &samples) < relative_residual(&self.network, &samples, &samples) {
            self.network = network;
        }
        Ok(())
    }

    /// Looks for missing units by refinement from random directions; keeps the best fit if none of them turns out exact.
    fn complete(&mut self, settings: &Settings, reporter: &mut Reporter<'_>) -> Result<(), RecoverError> {
        let (r, wanted) = (self.frame.inputs().ncols(), self.frame.n_rectified());
        let bias = settings.bias.fitted();
        for attempt in 0..COMPLETIONS {
            let rng = &mut random::stream(settings.seed, "completion", attempt);
            let draws = random::gaussian(r, wanted, rng);
            let start = Mat::from_fn(r, wanted, |i, j| match self.units.get(j) {
                Some(unit) => unit.direction[i],
                None => draws[(i, j)] / (r as f64).sqrt(),
            });
            let labels = centred_rows(self.fit.a.as_ref(), bias.output());
            let refined = refine(&self.frame, labels.as_ref(), start, &self.refine_settings(wanted), reporter)?;
            let t = product::matmul(self.frame.inputs(), refined.directions.as_ref());
            for j in 0..wanted {
                let Ok(unit) = settle(&self.frame, t.col_as_slice(j)) else { continue };
                if !self.units.iter().any(|known| same_unit(known, &unit)) {
                    self.units.push(unit);
                }
            }
            if self.units.len() == wanted {
                self.network = weights::build_network(&self.fit.samples(), &self.frame, &self.units, bias)?;
                return Ok(());
            }
            let network = self.network_of(&refined.directions, bias)?;
            let samples = self.fit.samples();
            if relative_residual(&network, &samples, &samples) < relative_residual(&self.network, &samples, &samples) {
                self.network = network;
            }
        }
        Ok(())
    }

    fn refined(
        &self,
        start: Mat<f64>,
        bias: BiasKind,
        reporter: &mut Reporter<'_>,
    ) -> Result<Network, RecoverError> {
        let labels = centred_rows(self.fit.a.as_ref(), bias.output());
        let settings = self.refine_settings(start.ncols());
        let refined = refine(&self.frame, labels.as_ref(), start, &settings, reporter)?;
        Ok(self.network_of(&refined.directions, bias)?)
    }

    fn refine_settings(&self, k: usize) -> RefineSettings {
        let step = 60.0 * 4.0 * (self.frame.n() * (self.frame.inputs().ncols() + 2 * k) * k) as f64;
        RefineSettings { max_steps: (REFINE_OPERATIONS / step).clamp(2.0, 40.0) as usize, ..RefineSettings::default() }
    }

    /// The network with given directions, in coordinates of the inputs' basis, and the output layer fitted.
    fn network_of(&self, directions: &Mat<f64>, bias: BiasKind) -> Result<Network, LinalgError> {
        let x = self.fit.x.as_ref();
        let (d, n) = x.shape();
        let t = product::matmul(self.frame.inputs(), directions.as_ref());
        let mean = |values: &mut dyn Iterator<Item = f64>| if bias.hidden() { values.sum::<f64>() / n as f64 } else { 0.0 };
        let centre: Vec<f64> = (0..d).map(|r| mean(&mut x.row(r).iter().copied())).collect();
        let levels: Vec<f64> = (0..t.ncols()).map(|i| mean(&mut t.col(i).iter().copied())).collect();
        let rows = Mat::from_fn(n, d, |j, r| x[(r, j)] - centre[r]);
        let target = Mat::from_fn(n, t.ncols(), |j, i| t[(j, i)] - levels[i]);
        let factor = RankRevealing::new(rows, orthant_estimate::frame::input_tolerance(n, d))?;
        let solution = factor.solve(target.as_ref());
        let hidden: Vec<HiddenWeights> = (0..t.ncols())
            .map(|i| {
                let v = solution.col_as_slice(i).to_vec();
                let b = if bias.hidden() { levels[i] - product::dot(&v, &centre) } else { 0.0 };
                HiddenWeights { v, b }
            })
            .collect();
        weights::output_layer(&self.fit.samples(), &hidden, bias)
    }

    /// Leaves out biases that are zero to the precision of the answer, when the labels are explained as well without them.
    fn drop_zero_biases(&mut self) -> Result<(), RecoverError> {
        let samples = self.fit.samples();
        let small = self.frame.zero_tolerance();
        let t = self.network.preactivations(samples.x());
        let rms = |norm: f64, count: usize| norm / (count as f64).sqrt();
        let hidden = (0..self.network.k())
            .any(|i| self.network.hidden_bias(i).abs() > small * rms(t.row(i).norm_l2(), samples.n()));
        let output = self.network.c().is_some_and(|c| {
            product::norm(c) > small * rms(product::frobenius(samples.a()), samples.n())
        });
        let kind = match (hidden, output) {
            (true, true) => return Ok(()),
            (true, false) => BiasKind::Hidden,
            (false, true) => BiasKind::Output,
            (false, false) => BiasKind::None,
        };
        let network = weights::build_network(&samples, &self.frame, &self.units, kind)?;
        let before = relative_residual(&self.network, &samples, &samples);
        if relative_residual(&network, &samples, &samples) <= self.allowed().max(2.0 * before) {
            self.network = network;
        }
        Ok(())
    }

    /// Fits again with the samples that had been kept aside.
    fn absorb(&mut self, samples: &Samples<'_>, split: &Split, settings: &Settings) -> Result<(), RecoverError> {
        let mut all: Vec<usize> = split.fit.iter().chain(&split.check).copied().collect();
        all.sort_unstable();
        let position = |j: &usize| all.binary_search(j).expect("all samples contain those fitted");
        let fitted: Vec<usize> = split.fit.iter().map(position).collect();
        let whole = Part::of(samples, &all);
        let bias = settings.bias.fitted();
        let (frame, spectrum) = Frame::new(&whole.samples(), bias, settings.width)?;
        if spectrum.rank.rank < self.frame.k() || frame.k() != self.frame.k() {
            return Ok(());
        }
        let transfer = Transfer::new(&frame, &fitted)?;
        let carried: Vec<Unit> =
            self.units.iter().filter_map(|unit| transfer.carry(&frame, &unit.activations).ok()).collect();
        if carried.len() == self.units.len() {
            self.network = weights::build_network(&whole.samples(), &frame, &carried, bias)?;
            (self.fit, self.frame, self.units) = (whole, frame, carried);
        }
        Ok(())
    }

    fn relative_residual(&self, on: &Samples<'_>, scale: &Samples<'_>) -> f64 {
        relative_residual(&self.network, on, scale)
    }

    /// The residual that rounding explains: that of the labels, and that of the label space through each unit's gap.
    fn allowed(&self) -> f64 {
        let samples = self.fit.samples();
        let z = self.network.activations(samples.x());
        let size = samples.label_scale() * ((samples.m() * samples.n()) as f64).sqrt();
        let spread: f64 = (0..self.network.k())
            .map(|i| {
                let gap = self.units.get(i).map_or(1.0, |unit| unit.null_gap.min(1.0));
                (self.network.u().col(i).norm_l2() * z.row(i).norm_l2() / gap).powi(2)
            })
            .sum::<f64>()
            .sqrt();
        RESIDUAL_SAFETY * (self.precision + self.frame.angle() * spread / size).min(1e-3)
    }

    fn holdout_allowed(&self) -> f64 {
        HOLDOUT_SAFETY * self.allowed()
    }

    fn report(
        self,
        samples: &Samples<'_>,
        settings: &Settings,
        label_spectrum: &LabelSpectrum,
        holdout: Option<f64>,
        holdout_samples: usize,
    ) -> Recovery {
        let fit = self.fit.samples();
        let k = self.frame.k();
        let wanted = self.frame.n_rectified();
        let kappa_v = condition_number(self.network.v());
        let independent = self.network.k() <= samples.d() && kappa_v < MAX_CONDITION;
        let proved = self.units.len() == k
            && self.lift.as_ref().is_some_and(|lift| lift.proves_uniqueness(&self.units, independent));
        let mut units = identify::unit_reports(&fit, &self.frame, &self.units, &self.network, proved);
        let identified = units.iter().all(|unit| unit.identified);
        let inputs = self.frame.inputs().ncols();
        for _ in k..settings.width.unwrap_or(k) {
            units.push(identify::no_trace(fit.n(), inputs));
        }
        let undetermined_inputs = (samples.d() + usize::from(self.frame.bias().hidden())).saturating_sub(inputs);
        let residual = self.relative_residual(&fit, &fit);
        let evidence = Evidence {
            found: self.units.len(),
            wanted,
            full_rank: label_spectrum.rank.rank == samples.m(),
            residual,
            allowed: self.allowed(),
            holdout,
            holdout_allowed: self.holdout_allowed(),
            undetermined_inputs,
            coarse_precision: (self.precision > COARSE).then_some(self.precision),
            units: &units,
        };
        let (verdict, reason) = judge(&evidence);
        let zero = residual <= evidence.allowed;
        let level = match (proved && zero, identified && zero && self.units.len() == k) {
            (true, _) => UniquenessLevel::ProvedByLift,
            (false, true) => UniquenessLevel::GivenPatterns,
            (false, false) => UniquenessLevel::NotShown,
        };
        let lift = self.lift.as_ref();
        let report = Report {
            verdict,
            reason,
            width: self.network.k(),
            label_rank: label_spectrum.rank.rank,
            label_rank_kept: label_spectrum.rank.smallest_kept,
            label_rank_dropped: label_spectrum.rank.largest_dropped,
            residual,
            holdout_residual: holdout,
            holdout_samples,
            label_precision: self.precision,
            kappa_u: condition_number(self.network.u()),
            kappa_v,
            method: self.method,
            attempts: self.attempts,
            undetermined_input_directions: undetermined_inputs,
            uniqueness: Uniqueness {
                level,
                lift_monomials: lift.map(|lift| lift.monomials),
                lift_null_dimension: lift.map(|lift| lift.null_dimension),
                lift_margin: lift.map(|lift| lift.margin),
            },
            units,
        };
        Recovery { network: self.network, report }
    }
}

/// Rows of V of a smaller condition number than this are independent beyond rounding.
const MAX_CONDITION: f64 = 1e10;

/// Labels of lower precision than this are said to be rounded.
const COARSE: f64 = 1e-12;

fn relative_residual(network: &Network, on: &Samples<'_>, scale: &Samples<'_>) -> f64 {
    let error = &network.labels(on.x()) - on.a();
    let rms = product::frobenius(error.as_ref()) / ((on.n() * on.m()) as f64).sqrt();
    rms / scale.label_scale().max(f64::MIN_POSITIVE)
}

fn centred_rows(a: MatRef<'_, f64>, centre: bool) -> Mat<f64> {
    let (m, n) = a.shape();
    let means: Vec<f64> =
        (0..m).map(|o| if centre { a.row(o).iter().sum::<f64>() / n as f64 } else { 0.0 }).collect();
    Mat::from_fn(n, m, |j, o| a[(o, j)] - means[o])
}

/// σ_1 over σ_min; infinite when that is zero to rounding.
fn condition_number(a: MatRef<'_, f64>) -> f64 {
    match spectrum::singular_values(a) {
        Ok(s) if s.last().is_some_and(|&last| last > tolerance::EPS * s[0]) => s[0] / s[s.len() - 1],
        _ => f64::INFINITY,
    }
}

fn constant_labels(
    samples: &Samples<'_>,
    label_spectrum: &LabelSpectrum,
    settings: &Settings,
) -> Result<Recovery, RecoverError> {
    let network = weights::output_layer(samples, &[], BiasKind::Output)?;
    let report = Report {
        verdict: Verdict::NotRecovered,
        reason: Reason::ConstantLabels,
        width: 0,
        label_rank: 0,
        label_rank_kept: 0.0,
        label_rank_dropped: label_spectrum.rank.largest_dropped,
        residual: 0.0,
        holdout_residual: None,
        holdout_samples: 0,
        label_precision: label_spectrum.precision,
        kappa_u: f64::INFINITY,
        kappa_v: f64::INFINITY,
        method: "none",
        attempts: 0,
        undetermined_input_directions: 0,
        uniqueness: Uniqueness {
            level: UniquenessLevel::NotShown,
            lift_monomials: None,
            lift_null_dimension: None,
            lift_margin: None,
        },
        units: (0..settings.width.unwrap_or(0)).map(|_| identify::no_trace(samples.n(), samples.d())).collect(),
    };
    Ok(Recovery { network, report })
}

/// Sizes between these need no scaling: their squares, cubes and products stay far from overflow.
const COMFORTABLE: std::ops::Range<f64> = 1e-40..1e40;

/// A power of two near the largest entry when that is extreme, 1 otherwise.
fn power_of_two_near(a: MatRef<'_, f64>) -> f64 {
    let largest = a.norm_max();
    if largest == 0.0 || COMFORTABLE.contains(&largest) { 1.0 } else { largest.log2().floor().clamp(-1020.0, 1020.0).exp2() }
}

/// The network of x and a, from that of x / `input_scale` and a / `label_scale`.
fn rescale(network: &Network, input_scale: f64, label_scale: f64) -> Result<Network, RecoverError> {
    // f(v x/s + b) = f(v x + s b)/s keeps the rows of V as they are.
    let factor = label_scale / input_scale;
    let u = Mat::from_fn(network.m(), network.k(), |o, i| network.u()[(o, i)] * factor);
    let b = network.b().map(|b| b.iter().map(|b| b * input_scale).collect());
    let c = network.c().map(|c| c.iter().map(|c| c * label_scale).collect());
    let overflow = LinalgError::NoConvergence { what: "scaling", rows: network.m(), cols: network.k() };
    Network::new(u, network.v().to_owned(), b, c).map_err(|_| RecoverError::Linalg(overflow))
}
