//! A network built from units, and its repair: refinement, completion, biases left out.

use orthant_estimate::frame::LabelSpectrum;
use orthant_estimate::hypothesis::HypothesisError;
use orthant_estimate::lift::Lift;
use orthant_estimate::problem::Problem;
use orthant_estimate::refine::{LinearSolver, RefineSettings, refine};
use orthant_estimate::unit::{Transfer, same_unit, settle};
use orthant_estimate::{Frame, Reporter, Unit};
use orthant_linalg::{LinalgError, Mat, MatRef, product, random, tolerance};
use orthant_network::{BiasKind, Network, Samples, Subset};

use crate::error::RecoverError;
use crate::recover::frame_for;
use crate::search::Search;
use crate::settings::{BiasModel, Settings};
use crate::split::Split;
use crate::weights;
use crate::worst_case::Finding;

/// Refinement of labels below double precision, and of incomplete answers, may cost this many operations.
const REFINE_OPERATIONS: f64 = 1e11;

/// Attempts to complete an answer by refinement from random directions for the missing units.
const COMPLETIONS: u64 = 2;

/// Allowed residuals over the size of a single rounding term, of which a handful add up.
pub(crate) const RESIDUAL_SAFETY: f64 = 16.0;

/// Held-out samples were not fitted and may lie further out than those that were.
pub(crate) const HOLDOUT_SAFETY: f64 = 8.0;

/// However coarse the labels, residuals beyond this are not zero.
const MAX_ALLOWED: f64 = 1e-4;

/// Labels of lower precision than this are said to be rounded.
pub(crate) const COARSE: f64 = 1e-12;

/// A network with the units it was built from.
pub(crate) struct Answer {
    pub(crate) fit: Subset,
    pub(crate) frame: Frame,
    pub(crate) units: Vec<Unit>,
    pub(crate) network: Network,
    pub(crate) method: String,
    pub(crate) attempts: usize,
    pub(crate) lift: Option<Lift>,
    pub(crate) distinguishing: Option<f64>,
    pub(crate) refuted: Option<HypothesisError>,
    pub(crate) precision: f64,
    /// What the search of all patterns says, where that was made.
    pub(crate) finding: Option<Finding>,
}

impl Answer {
    pub(crate) fn fit(
        fit: Subset,
        frame: Frame,
        search: Search,
        settings: &Settings,
        label_spectrum: &LabelSpectrum,
        reporter: &mut Reporter<'_>,
    ) -> Result<Answer, RecoverError> {
        let bias = settings.bias.fitted();
        let network = weights::build_network(&fit.samples(), &frame, &search.units, bias)?;
        let mut answer = Answer::assemble(fit, frame, network, search, settings, label_spectrum);
        if answer.units.len() < answer.frame.n_rectified() {
            answer.complete(settings, reporter)?;
        } else if answer.precision > COARSE || answer.residual_on_fit() > answer.allowed() {
            answer.polish(bias, reporter)?;
        }
        if settings.bias == BiasModel::Auto && answer.units.len() == answer.network.k() {
            answer.drop_zero_biases()?;
        }
        Ok(answer)
    }

    /// The best that the units of a search without a full set of them explain, not completed by other means.
    pub(crate) fn partial(
        fit: Subset,
        frame: Frame,
        search: Search,
        settings: &Settings,
        label_spectrum: &LabelSpectrum,
    ) -> Result<Answer, RecoverError> {
        let network = weights::units_alone(&fit.samples(), &frame, &search.units, settings.bias.fitted())?;
        Ok(Answer::assemble(fit, frame, network, search, settings, label_spectrum))
    }

    fn assemble(
        fit: Subset,
        frame: Frame,
        network: Network,
        search: Search,
        settings: &Settings,
        label_spectrum: &LabelSpectrum,
    ) -> Answer {
        Answer {
            fit,
            frame,
            network,
            method: search.method(settings),
            units: search.units,
            attempts: search.attempts,
            lift: search.lift,
            distinguishing: search.distinguishing,
            refuted: search.refuted,
            precision: label_spectrum.precision,
            finding: None,
        }
    }

    fn residual_on_fit(&self) -> f64 {
        let samples = self.fit.samples();
        relative_residual(&self.network, &samples, &samples)
    }

    /// Refines to the least-squares optimum: for labels that carry rounding beyond `f64`, and for badly conditioned U, where each
    /// unit by itself is known only to the angle of the label space.
    fn polish(&mut self, bias: BiasKind, reporter: &mut Reporter<'_>) -> Result<(), RecoverError> {
        let r = self.frame.inputs().ncols();
        if self.units.len() < self.frame.k() || self.units.iter().any(|unit| unit.input_rank < r) {
            return Ok(());
        }
        let start = Mat::from_fn(r, self.units.len(), |i, j| self.units[j].direction[i]);
        let network = self.refined(start, bias, reporter)?;
        let samples = self.fit.samples();
        if relative_residual(&network, &samples, &samples)
            < relative_residual(&self.network, &samples, &samples)
        {
            self.network = network;
        }
        Ok(())
    }

    /// Looks for missing units by refinement from random directions; keeps the best fit if none of them turns out exact.
    fn complete(&mut self, settings: &Settings, reporter: &mut Reporter<'_>) -> Result<(), RecoverError> {
        let (r, wanted) = (self.frame.inputs().ncols(), self.frame.n_rectified());
        let bias = settings.bias.fitted();
        let by_search = self.units.len();
        for attempt in 0..COMPLETIONS {
            let rng = &mut random::stream(settings.seed, "completion", attempt);
            let draws = random::gaussian(r, wanted, rng);
            let start = Mat::from_fn(r, wanted, |i, j| match self.units.get(j) {
                Some(unit) => unit.direction[i],
                None => draws[(i, j)] / (r as f64).sqrt(),
            });
            let labels = centred_rows(self.fit.a(), bias.output());
            let problem = self.problem(labels.as_ref(), bias);
            let refined = refine(&problem, start, &self.refine_settings(wanted), reporter)?;
            let t = product::matmul(self.frame.inputs(), refined.directions.as_ref());
            for j in 0..wanted {
                let Ok(unit) = settle(&self.frame, t.col_as_slice(j)) else { continue };
                if self.units.len() < wanted && !self.units.iter().any(|known| same_unit(known, &unit)) {
                    self.units.push(unit);
                }
            }
            if self.units.len() == wanted {
                self.method = match by_search {
                    0 => "refinement".to_string(),
                    _ => format!("{}, refinement", self.method),
                };
                self.network = weights::build_network(&self.fit.samples(), &self.frame, &self.units, bias)?;
                return Ok(());
            }
            let network = self.network_of(&self.known_first(&refined.directions), bias)?;
            let samples = self.fit.samples();
            if relative_residual(&network, &samples, &samples) < self.residual_on_fit() {
                self.network = network;
            }
        }
        Ok(())
    }

    /// The directions of the units known, in their order, and then those of the given ones that are furthest from them.
    fn known_first(&self, directions: &Mat<f64>) -> Mat<f64> {
        let nearness = |j: usize| {
            let column = directions.col_as_slice(j);
            let cosine = |unit: &Unit| {
                product::dot(&unit.direction, column)
                    / (product::norm(&unit.direction) * product::norm(column))
            };
            self.units.iter().map(cosine).fold(-1.0f64, f64::max)
        };
        let mut others: Vec<(f64, usize)> = (0..directions.ncols()).map(|j| (nearness(j), j)).collect();
        others.sort_by(|a, b| a.0.total_cmp(&b.0));
        let known = self.units.len();
        Mat::from_fn(directions.nrows(), directions.ncols(), |i, j| match self.units.get(j) {
            Some(unit) => unit.direction[i],
            None => directions[(i, others[j - known].1)],
        })
    }

    fn refined(
        &self,
        start: Mat<f64>,
        bias: BiasKind,
        reporter: &mut Reporter<'_>,
    ) -> Result<Network, RecoverError> {
        let labels = centred_rows(self.fit.a(), bias.output());
        let settings = self.refine_settings(start.ncols());
        let refined = refine(&self.problem(labels.as_ref(), bias), start, &settings, reporter)?;
        Ok(self.network_of(&refined.directions, bias)?)
    }

    fn problem<'a>(&'a self, labels: MatRef<'a, f64>, bias: BiasKind) -> Problem<'a> {
        Problem {
            inputs: self.frame.inputs(),
            labels,
            bias,
            activation: self.frame.activation(),
            affine: false,
        }
    }

    fn refine_settings(&self, k: usize) -> RefineSettings {
        let step = LinearSolver::Accurate.operations(
            self.frame.n(),
            self.frame.inputs().ncols(),
            k,
            self.fit.a().nrows(),
        );
        RefineSettings {
            max_steps: (REFINE_OPERATIONS / step).clamp(2.0, 40.0) as usize,
            ..RefineSettings::default()
        }
    }

    /// The network with given directions, in coordinates of the inputs' basis, and the output layer fitted.
    fn network_of(&self, directions: &Mat<f64>, bias: BiasKind) -> Result<Network, LinalgError> {
        let t = product::matmul(self.frame.inputs(), directions.as_ref());
        let hidden = weights::hidden_from_preactivations(self.fit.x(), &t, bias)?;
        weights::output_layer(&self.fit.samples(), self.frame.activation(), &hidden, bias)
    }

    /// Leaves out biases that are zero to the precision of the answer, when the labels are explained as well without them.
    fn drop_zero_biases(&mut self) -> Result<(), RecoverError> {
        let samples = self.fit.samples();
        let kind = weights::biases_beyond(&self.network, &samples, self.frame.zero_tolerance());
        if kind == BiasKind::Both {
            return Ok(());
        }
        let network = weights::build_network(&samples, &self.frame, &self.units, kind)?;
        if relative_residual(&network, &samples, &samples) <= self.allowed() {
            self.network = network;
        }
        Ok(())
    }

    /// Fits again with the samples that had been kept aside. `false`, and nothing changed, when these do not agree with the units.
    pub(crate) fn absorb(
        &mut self,
        samples: &Samples<'_>,
        split: &Split,
        settings: &Settings,
    ) -> Result<bool, RecoverError> {
        let mut all: Vec<usize> = split.fit.iter().chain(&split.check).copied().collect();
        all.sort_unstable();
        let position = |j: &usize| all.binary_search(j).expect("all samples contain those fitted");
        let fitted: Vec<usize> = split.fit.iter().map(position).collect();
        let whole = Subset::of(samples, &all);
        let bias = settings.bias.fitted();
        let (frame, spectrum) = frame_for(&whole.samples(), settings)?;
        if spectrum.rank.rank < self.frame.k() || frame.k() != self.frame.k() {
            return Ok(false);
        }
        let transfer = Transfer::new(&frame, &fitted)?;
        let carried: Vec<Unit> =
            self.units.iter().filter_map(|unit| transfer.carry(&frame, &self.frame, unit).ok()).collect();
        if carried.len() == self.units.len() {
            self.network = weights::build_network(&whole.samples(), &frame, &carried, bias)?;
            (self.fit, self.frame, self.units) = (whole, frame, carried);
            // Its null space is that of the samples fitted before.
            self.lift = None;
            return Ok(true);
        }
        Ok(false)
    }

    pub(crate) fn relative_residual(&self, on: &Samples<'_>, scale: &Samples<'_>) -> f64 {
        relative_residual(&self.network, on, scale)
    }

    /// See [`worst_output_residual`]. Labels that are coarser than `f64` may be rounded to one step for all outputs, and are judged
    /// together.
    pub(crate) fn worst_output_residual(&self) -> f64 {
        if self.precision > COARSE { 0.0 } else { worst_output_residual(&self.network, &self.fit.samples()) }
    }

    pub(crate) fn allowed(&self) -> f64 {
        allowed(self.precision, self.fit.n(), self.fit.a().nrows())
    }

    pub(crate) fn holdout_allowed(&self) -> f64 {
        HOLDOUT_SAFETY * self.allowed()
    }
}

/// The residual that rounding explains: that of n labels of dimension m, and the backward error of the factorisations.
///
/// Weak units make the label space less certain by as much as they matter less for the residual, so the conditioning of U
/// does not enter.
pub(crate) fn allowed(precision: f64, n: usize, m: usize) -> f64 {
    (RESIDUAL_SAFETY * (precision + tolerance::backward(n, m))).min(MAX_ALLOWED)
}

/// The largest relative residual of a single output, in units of its own terms: an output that is small beside the others is
/// met too.
pub(crate) fn worst_output_residual(network: &Network, samples: &Samples<'_>) -> f64 {
    let (x, a) = (samples.x(), samples.a());
    let error = &network.labels(x) - a;
    let z = network.activations(x);
    let root = (x.ncols() as f64).sqrt();
    (0..a.nrows())
        .map(|o| {
            let terms: f64 = (0..network.k()).map(|i| network.u()[(o, i)].abs() * z.row(i).norm_l2()).sum();
            let bias = network.c().map_or(0.0, |c| c[o].abs()) * root;
            let residual = error.row(o).norm_l2();
            if residual == 0.0 { 0.0 } else { residual / (a.row(o).norm_l2() + terms + bias) }
        })
        .fold(0.0, f64::max)
}

pub(crate) fn relative_residual(network: &Network, on: &Samples<'_>, scale: &Samples<'_>) -> f64 {
    let error = &network.labels(on.x()) - on.a();
    let rms = product::frobenius(error.as_ref()) / ((on.n() * on.m()) as f64).sqrt();
    rms / scale.label_scale().max(f64::MIN_POSITIVE)
}

/// Labels, one sample per row, minus their mean if `centre`.
pub(crate) fn centred_rows(a: MatRef<'_, f64>, centre: bool) -> Mat<f64> {
    let (m, n) = a.shape();
    let means: Vec<f64> =
        (0..m).map(|o| if centre { a.row(o).iter().sum::<f64>() / n as f64 } else { 0.0 }).collect();
    Mat::from_fn(n, m, |j, o| a[(o, j)] - means[o])
}
