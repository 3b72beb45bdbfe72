//! Networks with more hidden units than the labels have dimensions: all units at once.

use orthant_estimate::Reporter;
use orthant_estimate::moment_start::{from_order_four, from_order_two};
use orthant_estimate::multistart::{MAX_ROUNDS, MultistartSettings, multistart};
use orthant_estimate::orient::{ZERO_REST, orient};
use orthant_estimate::problem::Problem;
use orthant_estimate::refine::{RefineSettings, refine};
use orthant_linalg::{LinalgError, Mat, random, spectrum};
use orthant_network::BiasKind;

use crate::error::RecoverError;
use crate::joint::{Case, Found, Rows};
use crate::report::Recovery;
use crate::settings::Method;

/// Restarts may cost this many operations when nothing is known of the width, beyond the first starts of each; half a minute.
const SEARCH_OPERATIONS: f64 = 5e10;

/// The same when the width is given, which says that the network is one of this kind.
const KNOWN_WIDTH_OPERATIONS: f64 = 2e12;

impl Case<'_> {
    /// A network that explains all labels, by restarts and the joint finish; `None` when none is found, or only a wider one than
    /// asked for.
    pub(crate) fn recover_wide(&self, reporter: &mut Reporter<'_>) -> Result<Option<Recovery>, RecoverError> {
        let rows = self.rows("rows of restarts");
        let Some(found) = self.find(&rows, reporter)? else { return Ok(None) };
        if self.settings.width.is_some_and(|width| found.directions.ncols() > width) {
            return Ok(None);
        }
        let (network, residual) = self.network(&rows, &found.directions)?;
        let unexplained = residual.is_nan() || residual > self.allowed();
        Ok((!unexplained).then(|| self.report(&found, network, residual)))
    }

    fn find(&self, rows: &Rows, reporter: &mut Reporter<'_>) -> Result<Option<Found>, RecoverError> {
        let problem = &rows.problem(self, true);
        let width = self.settings.width;
        let (proposals, rounds) = match self.settings.method {
            Method::Tensor => (self.proposals(), 0),
            Method::Restarts => (Vec::new(), MAX_ROUNDS),
            _ => (self.proposals(), MAX_ROUNDS),
        };
        let operations = if width.is_some() { KNOWN_WIDTH_OPERATIONS } else { SEARCH_OPERATIONS };
        let settings = MultistartSettings {
            seed: self.settings.seed,
            width,
            target: self.allowed(),
            operations,
            rounds,
        };
        let outcome = multistart(problem, &proposals, &settings, reporter)?;
        let Some(directions) = outcome.directions.filter(|found| found.ncols() > 0) else {
            return Ok(None);
        };
        let turned = orient(problem, &directions)?;
        let alone = Problem { affine: false, ..*problem };
        let mut directions = turned.directions;
        let mut n_affine = 0;
        if turned.relative_rest > ZERO_REST {
            let pairs = affine_pairs(&turned.rest, self.settings.bias.fitted())?;
            n_affine = pairs.ncols();
            directions = beside(&directions, &pairs);
        } else {
            let polish = RefineSettings { max_steps: 20, ..RefineSettings::default() };
            directions = refine(&alone, directions, &polish, reporter)?.directions;
        }
        let method = match self.settings.method {
            Method::Tensor => Method::Tensor,
            _ => Method::Restarts,
        };
        let (method, attempts) = (method.name(), outcome.starts);
        let found = Found {
            directions,
            joint: None,
            ranks: vec![],
            oriented: turned.unique,
            n_affine,
            attempts,
            method,
        };
        Ok(Some(self.joined(&alone, found)?))
    }

    /// Starts from score tensors of all samples, when the width is given: their number of terms has to be known.
    fn proposals(&self) -> Vec<Mat<f64>> {
        let bias = self.settings.bias.fitted();
        let basis = self.frame.inputs();
        let d = basis.ncols() - usize::from(bias.hidden());
        let (r, m) = (basis.ncols(), self.fit.a().nrows());
        let Some(k) = self.settings.width.filter(|&k| m < k && k <= d) else { return Vec::new() };
        let (inputs, labels) = (basis.subcols(0, d), self.fit.a().transpose());
        let from = if m == 1 { from_order_four } else { from_order_two };
        // Inputs that are not Gaussian, or too few of them, give no starts; random ones remain.
        let Ok(found) = from(inputs, labels, k, self.settings.seed) else { return Vec::new() };
        let padded = |found: &Mat<f64>, columns: usize, extra: &Mat<f64>| {
            Mat::from_fn(r, columns, |i, j| match (j < k, i < d) {
                (true, true) => found[(i, j)],
                (true, false) => 0.0,
                (false, _) => extra[(i, j - k)],
            })
        };
        let rng = &mut random::stream(self.settings.seed, "units beside moment starts", 0);
        let extra = random::gaussian(r, k, rng);
        vec![padded(&found, k, &extra), padded(&found, 2 * k, &extra)]
    }
}

/// Pairs of opposite units, t = f(t) − f(−t), for the affine part that the units leave; r × 2 rank.
fn affine_pairs(rest: &Mat<f64>, bias: BiasKind) -> Result<Mat<f64>, LinalgError> {
    let r = rest.nrows();
    let mut wanted = rest.clone();
    if bias == BiasKind::Both {
        // The constant, which is the last of the inputs, is the output bias's.
        wanted.as_mut().subrows_mut(r - 1, 1).fill(0.0);
    }
    let svd = spectrum::thin_svd(wanted.as_ref())?;
    let rank = spectrum::rank_at(&svd.s, ZERO_REST).rank;
    Ok(Mat::from_fn(r, 2 * rank, |j, i| if i % 2 == 0 { svd.u[(j, i / 2)] } else { -svd.u[(j, i / 2)] }))
}

/// Two matrices side by side.
fn beside(a: &Mat<f64>, b: &Mat<f64>) -> Mat<f64> {
    let first = a.ncols();
    Mat::from_fn(a.nrows(), first + b.ncols(), |i, j| if j < first { a[(i, j)] } else { b[(i, j - first)] })
}
