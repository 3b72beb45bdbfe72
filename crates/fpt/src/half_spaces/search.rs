//! The search among guesses: a net of rows, their half-spaces, the best subset, finer guesses around it.

use orthant_estimate::Reporter;
use orthant_estimate::progress::Cancelled;
use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::{LinalgError, Mat, product, random, spectrum, tolerance};
use rayon::prelude::*;

use super::coordinates::{Coordinates, Regression};
use super::half_space::correlation;
use super::printed::PrintedGrid;
use super::subset::{Table, cover};

/// Standard deviations of the smoothing noise, over the [`size`] of the values: the paper's powers of two, every other one.
const SMOOTHINGS: [f64; 4] = [0.25, 1.0, 4.0, 16.0];

/// Rows guessed first, for each width: neighbours are about 0.13, 0.25 and 0.4 apart for two, three and four units.
const ROWS: [usize; 4] = [1, 24, 120, 240];

/// Distance of neighbours among the rows guessed first, about.
const SPACING: [f64; 4] = [1.0, 0.13, 0.25, 0.4];

/// Half-spaces that enter the choice of a subset.
const POOL: usize = 240;

/// Guesses between two reports.
const CHUNK: usize = 16;

/// Labels longer than this quantile of their norms are shortened to it where the column space of U is estimated.
const CLIP: f64 = 0.95;

/// The quantile of absolute values that is their size: half of the values of a unit are zero, and large ones may be errors.
const SIZE: f64 = 0.75;

/// The best network so far, in the coordinates of the search.
pub(super) struct Best {
    /// Directions, r × k.
    pub(super) directions: Mat<f64>,
    /// What the regression on them gives.
    pub(super) regression: Regression,
}

/// Why a search ended early.
pub(super) enum Stop {
    Cancelled,
    Linalg(LinalgError),
}

impl From<Cancelled> for Stop {
    fn from(_: Cancelled) -> Stop {
        Stop::Cancelled
    }
}

impl From<LinalgError> for Stop {
    fn from(error: LinalgError) -> Stop {
        Stop::Linalg(error)
    }
}

/// A guess of one row of the left inverse, up to its length, with its smoothing noise.
#[derive(Clone)]
struct Guess {
    row: Vec<f64>,
    smoothing: f64,
    /// −1 where the unit faces away from the half-space.
    sign: f64,
}

pub(super) struct Search<'a> {
    coordinates: &'a Coordinates,
    k: usize,
    /// Sketched labels, n × s.
    sketched: Mat<f64>,
    /// m × s with orthonormal columns: labels are sketched by it.
    sketch: Mat<f64>,
    /// Orthonormal basis, r × p, of where directions are sought.
    basis: Mat<f64>,
    pub(super) best: Best,
    pub(super) guesses: u64,
}

impl<'a> Search<'a> {
    /// Starts at U = 0.
    pub(super) fn new(coordinates: &'a Coordinates, k: usize) -> Search<'a> {
        let (r, m) = (coordinates.r(), coordinates.m());
        let regression = Regression {
            u: Mat::zeros(k, m),
            left: coordinates.labels.clone(),
            residual: coordinates.label_norm,
        };
        Search {
            coordinates,
            k,
            sketched: coordinates.labels.clone(),
            sketch: Mat::identity(m, m),
            basis: Mat::identity(r, r),
            best: Best { directions: Mat::zeros(r, k), regression },
            guesses: 0,
        }
    }

    /// The search coarse to fine.
    pub(super) fn refined(
        &mut self,
        accuracy: f64,
        seed: u64,
        reporter: &mut Reporter<'_>,
    ) -> Result<(), Stop> {
        if self.coordinates.m() > self.k {
            self.sketch = self.column_space()?;
            self.sketched = product::matmul(self.coordinates.labels.as_ref(), self.sketch.as_ref());
        }
        let mut guesses = Vec::new();
        for row in net(self.k, seed) {
            guesses.extend(SMOOTHINGS.map(|smoothing| Guess { row: row.clone(), smoothing, sign: 1.0 }));
        }
        let mut found = Mat::zeros(self.coordinates.r(), guesses.len());
        for first in (0..guesses.len()).step_by(CHUNK) {
            reporter.report("half-spaces", 0, self.k, first)?;
            let chunk = &guesses[first..(first + CHUNK).min(guesses.len())];
            let half_spaces: Vec<Vec<f64>> = chunk.par_iter().map(|guess| self.correlation(guess)).collect();
            for (j, half_space) in half_spaces.iter().enumerate() {
                found.col_as_slice_mut(first + j).copy_from_slice(half_space);
            }
            self.guesses += chunk.len() as u64;
        }
        // All expectations are in the row space of V; rarer directions are as likely errors of sampling.
        let svd = spectrum::thin_svd(found.as_ref())?;
        self.basis = svd.u.as_ref().subcols(0, self.k.min(svd.u.ncols())).to_owned();
        let mut candidates = product::matmul(self.basis.transpose(), found.as_ref());
        for j in 0..candidates.ncols() {
            normalise(candidates.col_as_slice_mut(j));
        }
        let pool = cover(&candidates, POOL);
        if pool.len() < self.k.div_ceil(2) {
            return Ok(());
        }
        reporter.report("subsets", 0, self.k, pool.len())?;
        let candidates = Mat::from_fn(candidates.nrows(), pool.len(), |i, j| candidates[(i, pool[j])]);
        let inputs = product::matmul(self.coordinates.inputs.as_ref(), self.basis.as_ref());
        let subset = Table::new(&inputs, &candidates, &self.coordinates.labels).best(self.k);
        let mut picks: Vec<Guess> = subset
            .into_iter()
            .map(|member| Guess {
                sign: if member.is_multiple_of(2) { 1.0 } else { -1.0 },
                ..guesses[pool[member / 2]].clone()
            })
            .collect();
        let directions: Vec<Vec<f64>> = picks.iter().map(|guess| self.direction(guess)).collect();
        let chosen = Mat::from_fn(self.coordinates.r(), self.k, |j, i| directions[i][j]);
        self.try_directions(chosen)?;
        let mut radius = SPACING[self.k - 1];
        let mut level = 0;
        loop {
            for p in 0..self.k {
                reporter.report("finer guesses", p, self.k, level)?;
                self.improve(p, &mut picks, radius)?;
            }
            level += 1;
            if radius <= accuracy {
                return Ok(());
            }
            radius /= 2.0;
        }
    }

    /// The printed grid, for one unit.
    pub(super) fn printed(&mut self, grid: &PrintedGrid, reporter: &mut Reporter<'_>) -> Result<(), Stop> {
        let members = u64::try_from(grid.members()).unwrap_or(u64::MAX);
        let mut first = 0;
        while first < members {
            reporter.report("printed grid", 0, 1, usize::try_from(first).unwrap_or(usize::MAX))?;
            let last = members.min(first + CHUNK as u64);
            let trials: Vec<Vec<(Mat<f64>, f64)>> = (first..last)
                .into_par_iter()
                .map(|index| {
                    let of = |smoothing| {
                        let guess = Guess { row: grid.row(u128::from(index)), smoothing, sign: 1.0 };
                        let direction = self.direction(&guess);
                        let directions = Mat::from_fn(direction.len(), 1, |j, _| direction[j]);
                        let residual = self.coordinates.regression(&directions)?.residual;
                        Ok((directions, residual))
                    };
                    SMOOTHINGS.into_iter().map(of).collect::<Result<_, LinalgError>>()
                })
                .collect::<Result<_, LinalgError>>()?;
            for (directions, residual) in trials.into_iter().flatten() {
                self.guesses += 1;
                if residual < self.best.regression.residual {
                    self.try_directions(directions)?;
                }
            }
            first = last;
        }
        Ok(())
    }

    /// Tries guesses near pick `p`, and the row of the left inverse of the best U; keeps the best.
    fn improve(&mut self, p: usize, picks: &mut [Guess], radius: f64) -> Result<(), Stop> {
        let current = &picks[p];
        let mut trials = Vec::new();
        for factor in [2f64.powf(radius.min(1.0)), 0.5f64.powf(radius.min(1.0))] {
            trials.push(Guess { smoothing: current.smoothing * factor, ..current.clone() });
        }
        let size = product::norm(&current.row);
        for axis in 0..self.k {
            for step in [radius, -radius] {
                let mut row = current.row.clone();
                row[axis] += step * size;
                trials.push(Guess { row, ..current.clone() });
            }
        }
        if let Some(row) = self.inverse_row(p)? {
            trials.extend(SMOOTHINGS.map(|smoothing| Guess { row: row.clone(), smoothing, sign: 1.0 }));
        }
        let tried: Vec<(Mat<f64>, f64)> = trials
            .par_iter()
            .map(|guess| {
                let mut directions = self.best.directions.clone();
                directions.col_as_slice_mut(p).copy_from_slice(&self.direction(guess));
                let residual = self.coordinates.regression(&directions)?.residual;
                Ok((directions, residual))
            })
            .collect::<Result<_, LinalgError>>()?;
        self.guesses += trials.len() as u64;
        let order = tried.iter().enumerate().min_by(|a, b| a.1.1.total_cmp(&b.1.1));
        if let Some((index, (directions, residual))) = order
            && *residual < self.best.regression.residual
        {
            self.try_directions(directions.clone())?;
            picks[p] = trials[index].clone();
        }
        Ok(())
    }

    /// Row p of the left inverse of the sketched U of the best network, when it has one.
    fn inverse_row(&self, p: usize) -> Result<Option<Vec<f64>>, LinalgError> {
        let output = product::matmul(self.best.regression.u.as_ref(), self.sketch.as_ref());
        let factor = RankRevealing::new(output.clone(), tolerance::backward(self.k, self.k))?;
        if factor.rank().rank < self.k {
            return Ok(None);
        }
        // U' has the units as rows, so that row p of the inverse of U is column p here.
        let inverse = factor.solve(Mat::<f64>::identity(self.k, self.k).as_ref());
        Ok(Some(inverse.col_as_slice(p).to_vec()))
    }

    fn try_directions(&mut self, directions: Mat<f64>) -> Result<(), LinalgError> {
        let regression = self.coordinates.regression(&directions)?;
        if regression.residual < self.best.regression.residual {
            self.best = Best { directions, regression };
        }
        Ok(())
    }

    /// The half-space of a guess before it is projected and normalised.
    fn correlation(&self, guess: &Guess) -> Vec<f64> {
        let mut values = vec![0.0; self.coordinates.n()];
        for (i, &weight) in guess.row.iter().enumerate() {
            values.iter_mut().zip(self.sketched.col_as_slice(i)).for_each(|(t, a)| *t += weight * a);
        }
        let smoothing = guess.smoothing * size(&values);
        if smoothing > 0.0 {
            correlation(self.coordinates.inputs.transpose(), &values, smoothing)
        } else {
            vec![0.0; self.coordinates.r()]
        }
    }

    /// The half-space of a guess, within the basis, of unit norm, with its sign.
    fn direction(&self, guess: &Guess) -> Vec<f64> {
        let raw = self.correlation(guess);
        let column = Mat::from_fn(raw.len(), 1, |j, _| guess.sign * raw[j]);
        let inside = product::matmul(self.basis.transpose(), column.as_ref());
        let mut direction = product::matmul(self.basis.as_ref(), inside.as_ref()).col_as_slice(0).to_vec();
        normalise(&mut direction);
        direction
    }

    /// The leading left singular vectors of the labels' correlation with the inputs, which is U V'/2 in expectation but for what
    /// shortening the longest labels changes.
    fn column_space(&self) -> Result<Mat<f64>, LinalgError> {
        let labels = self.coordinates.labels.transpose();
        let norms: Vec<f64> = labels.col_iter().map(|a| a.norm_l2()).collect();
        let limit = quantile(&norms, CLIP);
        let clipped = Mat::from_fn(labels.nrows(), labels.ncols(), |o, q| {
            if norms[q] > limit { labels[(o, q)] * (limit / norms[q]) } else { labels[(o, q)] }
        });
        let cross = product::matmul(clipped.as_ref(), self.coordinates.inputs.as_ref());
        let svd = spectrum::thin_svd(cross.as_ref())?;
        // Fewer inputs than units leave room for outputs that no input moves alone.
        let mut columns = Mat::zeros(labels.nrows(), svd.u.ncols() + labels.nrows());
        columns.as_mut().subcols_mut(0, svd.u.ncols()).copy_from(&svd.u);
        columns
            .as_mut()
            .subcols_mut(svd.u.ncols(), labels.nrows())
            .copy_from(Mat::<f64>::identity(labels.nrows(), labels.nrows()));
        let all = orthant_linalg::qr::Qr::factor(columns).thin_q();
        Ok(all.as_ref().subcols(0, self.k).to_owned())
    }
}

/// Rows that cover the sphere evenly, up to sign.
fn net(k: usize, seed: u64) -> Vec<Vec<f64>> {
    match k {
        1 => vec![vec![1.0]],
        2 => {
            let angle = |i: usize| std::f64::consts::PI * i as f64 / ROWS[1] as f64;
            (0..ROWS[1]).map(|i| vec![angle(i).cos(), angle(i).sin()]).collect()
        }
        _ => {
            let rows = ROWS[k - 1];
            let mut drawn = random::gaussian(k, 20 * rows, &mut random::stream(seed, "half-spaces net", 0));
            (0..drawn.ncols()).for_each(|j| normalise(drawn.col_as_slice_mut(j)));
            cover(&drawn, rows).into_iter().map(|j| drawn.col_as_slice(j).to_vec()).collect()
        }
    }
}

/// The size of values: a quantile of their absolute values, or the largest where that is zero.
fn size(values: &[f64]) -> f64 {
    let absolute: Vec<f64> = values.iter().map(|t| t.abs()).collect();
    let quantile = quantile(&absolute, SIZE);
    if quantile > 0.0 { quantile } else { absolute.iter().copied().fold(0.0, f64::max) }
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    let index = (share * (values.len() - 1) as f64) as usize;
    *values.select_nth_unstable_by(index, f64::total_cmp).1
}

/// Divides by the norm, unless that is zero.
fn normalise(vector: &mut [f64]) {
    let norm = product::norm(vector);
    if norm > 0.0 {
        vector.iter_mut().for_each(|x| *x /= norm);
    }
}
