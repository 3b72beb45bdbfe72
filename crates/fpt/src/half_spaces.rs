//! A fit under errors of any distribution that do not depend on the inputs.
//!
//! The labels are A = U f(VX) + E with U (m × k) of rank k, rows of V of unit norm, columns of X normal with mean zero, and E any matrix
//! independent of X: heavy tails, a constant added to all labels, a few giant columns, low rank. What is promised is a small loss, not
//! weights near the true ones.
//!
//! # Method
//!
//! If M is a left inverse of U, row p of MA is f(⟨v_p, x⟩) + (ME)_p, and the normalised mean of its smoothed signs times the inputs
//! converges to v_p whatever E is ([`half_space`]). M is not known and is guessed. The paper walks a grid of k × s matrices. Each row of
//! M acts alone, so rows are guessed here, on the unit sphere (a half-space does not depend on the length of the row):
//!
//! 1. Labels are sketched to k dimensions, the column space of U as estimated from the correlation of shortened labels with the inputs.
//! 2. A net of rows, with four sizes of smoothing noise each, gives half-spaces. For any row their expectation is in the row space of V:
//!    their leading k-dimensional space replaces ℝᵈ.
//! 3. Of all half-spaces, facing both ways, the k that explain the labels best are taken, by regression.
//! 4. Finer rows are tried around those, and the rows of the left inverse of the U found, halving the distance until it is at most
//!    [`Settings::accuracy`].
//!
//! From there the squared loss may be descended over all weights, which the paper does not do.
//!
//! # The bound
//!
//! Theorem 78 as printed: |A − U f(VX)|_F ≤ |E|_F + C (σ_min ε √(nm) |E|₂)^(1/2), for n polynomial in d, κ(U), 1/ε, with C not given.
//! [`theorem_78_bound`] has C = 1. At E = 0 that promises an exact fit, which no half-space estimate of finitely many samples has: the
//! proof (Proposition 72) omits the derivative of f, which is zero for half of the inputs. With it, |E|₂ is to be replaced by
//! max(|E|₂, σ_min √(n/m)), and [`theorem_78_corrected`] is that. The descent gives the printed bound where it ends in the optimum.
//!
//! # Figures
//!
//! d = 10, m = 5, n = 4000, ε = 0.01, 20 instances of each of seven kinds of errors (normal, Student with two degrees of freedom, rank one
//! along a column of U, a constant against the mean of the signal, five giant columns, constant blocks, signs). With |E|_F that of the
//! signal the half-spaces alone meet the printed bound in 20 of 20 for k = 1, 2 and 3 and every kind, and the descent ends below |E|_F in
//! 20 of 20. With a twentieth of it and k = 2, the printed bound holds in 6 (normal) to 20 of 20, the corrected one and the one after
//! the descent in 20 of 20.
//!
//! A small loss says little about weights. The largest error of a row of V at k = 2, median:
//!
//! | errors, of the signal's norm | half-spaces | after the descent | least squares, four random starts |
//! |---|---|---|---|
//! | normal, 1 | 0.08 | 0.04 | 0.04 |
//! | Student 2, 1 | 0.07 | 0.04 | 0.04 |
//! | Student 2, 10 times | 0.41 | 0.47 | 0.71 |
//! | giant columns, 1 | 0.06 | 0.05 | 0.05 |
//! | giant columns, 10 times | 0.16 | 0.65 | 1.05 |
//! | constant, 1 | 1.5 | 1.5 | 1.5 |
//!
//! So the half-spaces are worth more than least squares where a few errors carry the loss, and less elsewhere. Under a constant both
//! find a network that explains the constant too.
//!
//! # When not to use it
//!
//! For errors with a variance in every label, [`multistart`](orthant_estimate::multistart) or the crate `noisy` are nearer the optimum
//! with fewer samples. For gross errors in a few labels, the weights are recovered exactly by other means: here the regression for U
//! takes giant errors for labels.
//!
//! # Example
//!
//! ```
//! use std::ops::ControlFlow;
//! use orthant_fpt::half_spaces::{Settings, fit};
//! use orthant_network::{PlantedSpec, Samples};
//!
//! let planted = PlantedSpec { m: 3, k: 2, d: 5, seed: 1, ..PlantedSpec::default() }.plant(2000)?;
//! let mut labels = planted.a.clone();
//! for q in 0..2000 {
//!     labels[(0, q)] += 1.0; // a bias that the network has not
//! }
//! let samples = Samples::new(planted.x.as_ref(), labels.as_ref())?;
//! let found = fit(&samples, &Settings::new(2), &mut |_| ControlFlow::Continue(()))?;
//! // |E|_F = √2000.
//! assert!(found.best().residual <= 2000f64.sqrt());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bound;
mod coordinates;
mod half_space;
mod printed;
mod search;
mod subset;

use orthant_estimate::problem::Problem;
use orthant_estimate::refine::{LinearSolver, RefineSettings, refine};
use orthant_estimate::{Callback, Reporter, SearchError};
use orthant_exact::Verdict;
use orthant_network::{Activation, BiasKind, Network, Samples};
use serde::Serialize;

use self::bound::sigma_min;
pub use self::bound::{BoundTerms, theorem_78_bound, theorem_78_corrected};
use self::coordinates::Coordinates;
pub use self::half_space::half_space;
pub use self::printed::PrintedGrid;
use self::search::{Search, Stop};
use crate::error::FptError;

/// Which left inverses are guessed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Guesses {
    /// Row by row, coarse to fine.
    Refined,
    /// Every member of the printed grid, for one unit and without a sketch; to compare.
    Printed {
        /// Least singular value of U, which the paper guesses too. For one unit it does not matter.
        sigma_min: f64,
        /// The constant c in the ratio (1 + ε⁴/c)⁻¹ of neighbouring entries, positive.
        ratio_constant: f64,
        /// The constant c' in their number, positive.
        count_constant: f64,
    },
}

/// Settings of [`fit`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Number of hidden units k, 1 to 4.
    pub width: usize,
    /// The accuracy ε, in (0, 1): the distance of neighbouring guesses at the end, and the ε of the bound. Default 0.01.
    pub accuracy: f64,
    /// Seed of the net of three and more units. Default 0.
    pub seed: u64,
    /// Which left inverses are guessed. Default [`Guesses::Refined`].
    pub guesses: Guesses,
    /// Whether the squared loss is descended from the best network. Default true.
    pub descend: bool,
}

impl Settings {
    /// The defaults for a number of hidden units.
    pub fn new(width: usize) -> Settings {
        Settings { width, accuracy: 0.01, seed: 0, guesses: Guesses::Refined, descend: true }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`FptError::Setting`].
    pub fn validate(&self) -> Result<(), FptError> {
        let refuse = |name, value, allowed| Err(FptError::Setting { name, value, allowed });
        if self.width == 0 || self.width > subset::MAX_WIDTH {
            return refuse("width", self.width as f64, "1 to 4: guesses grow exponentially with it");
        }
        if !(self.accuracy > 0.0 && self.accuracy < 1.0) {
            return refuse("accuracy", self.accuracy, "between 0 and 1");
        }
        if let Guesses::Printed { sigma_min, ratio_constant, count_constant } = self.guesses {
            if self.width != 1 {
                return refuse("width", self.width as f64, "1 with the printed grid");
            }
            for (name, value) in [
                ("sigma-min", sigma_min),
                ("ratio-constant", ratio_constant),
                ("count-constant", count_constant),
            ] {
                if !(value.is_finite() && value > 0.0) {
                    return refuse(name, value, "positive and finite");
                }
            }
        }
        Ok(())
    }
}

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// All guesses were made.
    Completed,
    /// The callback asked to stop; the best network until then is returned.
    Stopped,
}

/// A network with its loss.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// The weights, in the coordinates of the samples.
    pub network: Network,
    /// |A − U f(VX)|_F.
    pub residual: f64,
}

/// What a search brought: an approximate fit. It says nothing about how near the weights are to any others.
#[derive(Debug, Clone)]
pub struct Fit {
    /// The best network of half-spaces and a regression: the answer of Algorithm 9.
    pub half_spaces: Fitted,
    /// Where the descent of the squared loss from there ended, when it was made and is better.
    pub descended: Option<Fitted>,
    /// |A|_F, the loss of U = 0.
    pub zero_residual: f64,
    /// Half-spaces estimated.
    pub guesses: u64,
    /// How the search ended.
    pub ending: Ending,
    /// What the bound comes to when the residual of [`Fit::half_spaces`] is taken for E.
    pub estimated: BoundTerms,
}

impl Fit {
    /// The network of least loss.
    pub fn best(&self) -> &Fitted {
        self.descended.as_ref().unwrap_or(&self.half_spaces)
    }

    /// The part of |A|_F² that [`Fit::best`] explains, in [0, 1].
    pub fn explained(&self) -> f64 {
        if self.zero_residual == 0.0 {
            0.0
        } else {
            1.0 - (self.best().residual / self.zero_residual).powi(2)
        }
    }

    /// `Approximate` when the network explains more of the labels than its number of weights does of labels that have nothing to do with the
    /// inputs (four times); `NotRecovered` otherwise. Never better: a small loss under arbitrary errors says nothing of the weights, and
    /// a few giant labels can be explained by chance.
    pub fn verdict(&self) -> Verdict {
        let network = &self.best().network;
        let weights = network.k() * (network.d() + network.m());
        let chance = CHANCE * weights as f64 / (self.estimated.n as f64 * self.estimated.m as f64);
        if self.explained() > chance { Verdict::Approximate } else { Verdict::NotRecovered }
    }
}

/// Independent errors of one size let p weights explain about p of nm labels; the best of many networks, a few times that.
const CHANCE: f64 = 4.0;

/// Steps of the descent at most.
const DESCENT_STEPS: usize = 40;

/// Share of the gradient at which the linearised problems of the descent count as solved, where they are large.
const INEXACT: f64 = 0.05;

/// Operations of a step of the descent up to which its linearised problem is factored.
const FACTORED: f64 = 1e8;

/// Fits a network of given width under errors of any distribution that do not depend on the inputs.
///
/// # Shapes
/// X is d × n, A is m × n; m ≥ k. Neither hidden nor output biases are fitted: the errors may be a constant, but the estimate of a unit
/// with a hidden bias is its direction only, and no bias is returned.
///
/// # Guarantee
/// The residual is at most |A|_F, that of U = 0, and [`Fit::descended`] is at most [`Fit::half_spaces`]. For normal inputs of mean zero, any
/// covariance (inputs are whitened first, Remark 24), and n polynomial in d, κ(U), 1/ε it is at most [`theorem_78_corrected`] with high
/// probability; measured rates are in the tests. Nothing is proved on the data. Same samples, same settings, same bits, for any number of
/// threads.
///
/// # Errors
/// [`FptError::Setting`], [`FptError::TooFewOutputs`] for m < k, [`FptError::TooFewSamples`] with fewer equations than weights,
/// [`FptError::GridTooLarge`] for a printed grid of more than 2⁶³ members, [`FptError::Overflow`], [`FptError::Recover`]. A callback that
/// breaks is none: [`Fit::ending`] tells. Inputs that are not normal are not noticed: see
/// [`check_gaussian`](orthant_estimate::hypothesis::check_gaussian).
///
/// # Cost
/// A half-space takes 2n(k + d) operations, and there are 4, 96, 480, 960 of them for k = 1 to 4; products of 240 of them take 2·240²n;
/// each level of finer guesses takes k(2k + 6) regressions of 2nk² + 4nkm. Two to four copies of the data.
///
/// # Paper
/// Algorithm 9 and Theorem 78. Deviations: rows are guessed and not matrices, the sketch is estimated and not random, the random signs
/// are replaced by their expectation, directions are projected onto their common space, and the loss is descended in the end.
pub fn fit(samples: &Samples<'_>, settings: &Settings, progress: &mut Callback<'_>) -> Result<Fit, FptError> {
    settings.validate()?;
    let (n, m, d, k) = (samples.n(), samples.m(), samples.d(), settings.width);
    if m < k {
        return Err(FptError::TooFewOutputs { m, k });
    }
    let needed = (k * (d + m)).div_ceil(m).max(d + k);
    if n < needed {
        return Err(FptError::TooFewSamples { n, needed });
    }
    let coordinates = Coordinates::new(samples)?;
    let reporter = &mut Reporter::new(progress);
    let mut search = Search::new(&coordinates, k);
    let outcome = if coordinates.label_norm == 0.0 || coordinates.r() == 0 {
        Ok(())
    } else {
        match printed_grid(settings, m)? {
            None => search.refined(settings.accuracy, settings.seed, reporter),
            Some(grid) => search.printed(&grid, reporter),
        }
    };
    let mut ending = match outcome {
        Ok(()) => Ending::Completed,
        Err(Stop::Cancelled) => Ending::Stopped,
        Err(Stop::Linalg(error)) => return Err(error.into()),
    };
    let (best, guesses) = (search.best, search.guesses);
    let unscaled = |residual: f64| residual / coordinates.scale;
    let half_spaces = Fitted {
        network: coordinates.network(&best.directions, &best.regression.u)?,
        residual: unscaled(best.regression.residual),
    };
    let descends = settings.descend && ending == Ending::Completed;
    let mut descended = None;
    if descends && best.regression.residual < coordinates.label_norm {
        let problem = Problem {
            inputs: coordinates.inputs.as_ref(),
            labels: coordinates.labels.as_ref(),
            bias: BiasKind::None,
            activation: &Activation::RELU,
            affine: false,
        };
        let (equations, r) = (coordinates.n(), coordinates.r());
        let affordable = LinearSolver::Accurate.operations(equations, r, k, m) <= FACTORED;
        let solver = if affordable { LinearSolver::Accurate } else { LinearSolver::Inexact(INEXACT) };
        let refine_settings =
            RefineSettings { max_steps: DESCENT_STEPS, solver, ..RefineSettings::default() };
        match refine(&problem, best.directions.clone(), &refine_settings, reporter) {
            Ok(refined) => {
                let regression = coordinates.regression(&refined.directions)?;
                if regression.residual < best.regression.residual {
                    descended = Some(Fitted {
                        network: coordinates.network(&refined.directions, &regression.u)?,
                        residual: unscaled(regression.residual),
                    });
                }
            }
            Err(SearchError::Cancelled) => ending = Ending::Stopped,
            Err(SearchError::Linalg(error)) => return Err(error.into()),
        }
    }
    let terms =
        BoundTerms::of(best.regression.u.transpose(), best.regression.left.transpose(), settings.accuracy)?;
    let estimated = BoundTerms {
        // The inputs were whitened, the rows of V normalised: U is that of the network returned.
        sigma_min: sigma_min(half_spaces.network.u())?,
        error_frobenius: unscaled(terms.error_frobenius),
        error_spectral: unscaled(terms.error_spectral),
        ..terms
    };
    let zero_residual = unscaled(coordinates.label_norm);
    Ok(Fit { half_spaces, descended, zero_residual, guesses, ending, estimated })
}

/// The printed grid, when it is asked for.
fn printed_grid(settings: &Settings, m: usize) -> Result<Option<PrintedGrid>, FptError> {
    let Guesses::Printed { sigma_min, ratio_constant, count_constant } = settings.guesses else {
        return Ok(None);
    };
    let grid = PrintedGrid {
        width: settings.width,
        rows: m,
        sigma_min,
        kappa: 1.0,
        accuracy: settings.accuracy,
        ratio_constant,
        count_constant,
    };
    let allowed = 1u128 << 63;
    if grid.members() > allowed {
        return Err(FptError::GridTooLarge { members: grid.members() as f64, allowed: allowed as f64 });
    }
    Ok(Some(grid))
}
