//! The cone walk: units as extreme rays of the cone of non-negative label combinations.

use orthant_linalg::lstsq::RankRevealing;
use orthant_linalg::spectrum;
use orthant_linalg::{LinalgError, Mat, MatRef, product, random, tolerance};
use orthant_network::SignPattern;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::frame::Frame;
use crate::progress::Reporter;
use crate::pursuit::SearchError;
use crate::unit::{self, Transfer, Unit};

/// Settings of [`walk_cones`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConeSettings {
    /// Seed of the pins.
    pub seed: u64,
    /// Walks on all samples; afterwards rounds of half as many on random subsets follow.
    pub walks: usize,
    /// Number of those rounds. They help where rare coordinates of the inputs make the active inputs of units deficient.
    pub subset_rounds: usize,
}

/// Simplex steps after which a walk is given up. Units are found after 30 to 80.
const MAX_PIVOTS: usize = 400;

/// Zeros beyond those that make a vertex: a vertex of the cone has (dimension − 1) of them, and one more than generic is the
/// mark of a unit, whose zeros come from its pattern. Three, so that chance ties do not pass.
const SURPLUS_ZEROS: usize = 3;

/// Steps between two fresh inversions of the basis.
const REFRESH: usize = 20;

/// Finds units and appends them to `found`; returns the number of walks made.
///
/// The activations of a hidden unit are a non-negative vector of the row space of A and the constants, with many zeros. A
/// vector of a subspace that is non-negative and zero on so many samples that these zeros determine it is an extreme ray of
/// the cone {y in the subspace: y ≥ 0}. So a linear programme over this cone,
///
/// minimise Σ y_j subject to y in the subspace, y ≥ 0, ⟨h, y⟩ = 1,
///
/// walks along extreme rays and meets units; h is the leverage of one sample in what the known units leave unexplained, so
/// that known units have ⟨h, y⟩ = 0 and are never met again. A unit that is nearly always active has few zeros itself, but
/// f(−t) = f(t) − t has many, and lies in the row space of A, X and the constants: that cone is walked too, in turn.
///
/// This is the method for natural inputs, where units are rarely or nearly always active and searches by distance fail.
///
/// # Guarantee
/// Every unit appended has passed [`unit::unit_from_pattern`] on all samples.
///
/// # Errors
/// [`SearchError`].
///
/// # Cost
/// A walk makes at most 400 steps of 4nD + 2D² operations, D = k + 1 or k + r + 1.
///
/// # Paper
/// Lemma 33 in another form: for generic inputs the only vectors of the row span whose zeros include those of a unit are its
/// multiples, so that units are extreme rays. The paper obtains patterns from moments instead.
pub fn walk_cones(
    frame: &Frame,
    found: &mut Vec<Unit>,
    settings: &ConeSettings,
    reporter: &mut Reporter<'_>,
) -> Result<usize, SearchError> {
    let wanted = frame.n_rectified();
    let mut walks = 0;
    let all: Vec<usize> = (0..frame.n()).collect();
    for round in 0..=settings.subset_rounds {
        if found.len() >= wanted {
            break;
        }
        let rng = &mut random::stream(settings.seed, "cone", round as u64);
        let (subset, budget) = if round == 0 {
            (Subset { frame: frame.clone(), samples: all.clone() }, settings.walks)
        } else {
            let samples = low_leverage_samples(frame, rng);
            match frame.restrict(&samples)? {
                Some(restricted) => (Subset { frame: restricted, samples }, settings.walks / 2),
                None => continue,
            }
        };
        walks += subset.round(frame, found, budget, rng, &mut |found, walks| {
            reporter.report("cone walk", found, wanted, walks)
        })?;
    }
    Ok(walks)
}

/// Some of the samples, with their frame.
struct Subset {
    frame: Frame,
    samples: Vec<usize>,
}

/// A cone: its subspace, and the part of it in which units have to be told apart.
struct Cone {
    /// Orthonormal basis, n × D, of a subspace that contains the constants.
    basis: Mat<f64>,
    /// Orthonormal basis of the labels modulo what is trivial in this cone.
    labels: Mat<f64>,
    /// Orthonormal basis of what is trivial: constants, or all affine functions.
    trivial: Mat<f64>,
}

impl Subset {
    fn cones(&self) -> Result<[Cone; 2], LinalgError> {
        let n = self.frame.n();
        let constant = Mat::from_fn(n, 1, |_, _| 1.0 / (n as f64).sqrt());
        let affine = orthonormal_sum(self.frame.inputs(), constant.as_ref())?;
        let modulo = |trivial: &Mat<f64>| -> Result<Mat<f64>, LinalgError> {
            let rest = without(self.frame.labels(), trivial.as_ref());
            // Labels that are trivial to the precision of the frame carry no unit.
            let svd = spectrum::thin_svd(rest.as_ref())?;
            let kept = svd.s.iter().take_while(|&&s| s > self.frame.null_tolerance().max(1e-9)).count();
            Ok(svd.u.as_ref().subcols(0, kept).to_owned())
        };
        let mut cones = Vec::with_capacity(2);
        for trivial in [constant, affine] {
            let labels = modulo(&trivial)?;
            let basis = orthonormal_sum(trivial.as_ref(), labels.as_ref())?;
            cones.push(Cone { basis, labels, trivial });
        }
        let second = cones.pop().expect("two cones were pushed");
        let first = cones.pop().expect("two cones were pushed");
        Ok([first, second])
    }

    fn round(
        &self,
        whole: &Frame,
        found: &mut Vec<Unit>,
        budget: usize,
        rng: &mut ChaCha8Rng,
        report: &mut dyn FnMut(usize, usize) -> Result<(), crate::progress::Cancelled>,
    ) -> Result<usize, SearchError> {
        let cones = self.cones()?;
        let transfer =
            (self.samples.len() < whole.n()).then(|| Transfer::new(whole, &self.samples)).transpose()?;
        let mut walks = 0;
        while walks < budget && found.len() < whole.n_rectified() {
            let cone = &cones[walks % 2];
            walks += 1;
            report(found.len(), walks)?;
            let unexplained = self.unexplained(cone, found)?;
            if unexplained.ncols() == 0 {
                continue;
            }
            let pin = draw_by_leverage(unexplained.as_ref(), rng);
            let weights = Mat::from_fn(unexplained.ncols(), 1, |i, _| unexplained[(pin, i)]);
            let functional = product::matmul(unexplained.as_ref(), weights.as_ref());
            let test = &mut |support: &SignPattern| self.accept(whole, transfer.as_ref(), support);
            let Some(unit) = Walk::start(&self.frame, cone, &functional).run(rng, test) else { continue };
            if !found.iter().any(|known| unit::same_unit(known, &unit)) {
                found.push(unit);
            }
        }
        Ok(walks)
    }

    /// The unit whose pattern, here, is the support of a vertex or its complement, checked on all samples.
    fn accept(&self, whole: &Frame, transfer: Option<&Transfer>, support: &SignPattern) -> Option<Unit> {
        let complement = support.complement();
        [support, &complement].into_iter().find_map(|pattern| {
            let unit = unit::unit_from_pattern(&self.frame, pattern).ok()?;
            match transfer {
                None => Some(unit),
                Some(transfer) => transfer.carry(whole, &unit.activations).ok(),
            }
        })
    }

    /// The part of a cone's labels that the known units leave unexplained: orthonormal columns.
    fn unexplained(&self, cone: &Cone, found: &[Unit]) -> Result<Mat<f64>, LinalgError> {
        if found.is_empty() {
            return Ok(cone.labels.clone());
        }
        let known = Mat::from_fn(self.samples.len(), found.len(), |i, j| found[j].activations[self.samples[i]]);
        let known = spectrum::column_space(without(known.as_ref(), cone.trivial.as_ref()).as_ref(), 1e-9)?;
        let rest = without(cone.labels.as_ref(), known.as_ref());
        let svd = spectrum::thin_svd(rest.as_ref())?;
        let kept = svd.s.iter().take_while(|&&s| s > 1e-6).count();
        Ok(svd.u.as_ref().subcols(0, kept).to_owned())
    }
}

/// (I − BB')A for orthonormal B.
fn without(a: MatRef<'_, f64>, basis: MatRef<'_, f64>) -> Mat<f64> {
    let mut rest = a.to_owned();
    product::matmul_add(rest.as_mut(), -1.0, basis, product::matmul(basis.transpose(), a).as_ref());
    rest
}

/// Orthonormal basis of the sum of two subspaces given by orthonormal bases.
fn orthonormal_sum(first: MatRef<'_, f64>, second: MatRef<'_, f64>) -> Result<Mat<f64>, LinalgError> {
    let mut both = Mat::zeros(first.nrows(), first.ncols() + second.ncols());
    both.as_mut().subcols_mut(0, first.ncols()).copy_from(first);
    both.as_mut().subcols_mut(first.ncols(), second.ncols()).copy_from(second);
    spectrum::column_space(both.as_ref(), 1e-9)
}

/// Between 35 and 95 % of the samples, those of least leverage in the inputs up to a random factor.
fn low_leverage_samples(frame: &Frame, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let n = frame.n();
    let noise = random::gaussian_vec(n, rng);
    let mut leverage: Vec<(f64, usize)> =
        (0..n).map(|j| (frame.inputs().row(j).squared_norm_l2() * (0.5 * noise[j]).exp(), j)).collect();
    leverage.sort_by(|a, b| a.0.total_cmp(&b.0));
    let kept = ((0.35 + 0.6 * rng.random::<f64>()) * n as f64) as usize;
    let mut samples: Vec<usize> = leverage[..kept.clamp(1, n)].iter().map(|&(_, j)| j).collect();
    samples.sort_unstable();
    samples
}

fn draw_by_leverage(basis: MatRef<'_, f64>, rng: &mut ChaCha8Rng) -> usize {
    let leverage: Vec<f64> = (0..basis.nrows()).map(|j| basis.row(j).squared_norm_l2()).collect();
    let mut left = rng.random::<f64>() * leverage.iter().sum::<f64>();
    leverage.iter().position(|l| {
        left -= l;
        left <= 0.0
    })
    .unwrap_or(basis.nrows() - 1)
}

/// What holds a coordinate of the simplex basis.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Row {
    /// The equation ⟨h, y⟩ = 1.
    Pin,
    /// A direction not yet bounded.
    Free,
    /// The constraint y_j = 0.
    Zero(usize),
}

/// A simplex walk from the interior of a cone to its extreme rays.
struct Walk<'a> {
    basis: MatRef<'a, f64>,
    /// Values below this times the largest are zeros.
    zero: f64,
    rows: Vec<Row>,
    /// The row vectors, D × D, and the inverse of that matrix.
    vectors: Mat<f64>,
    inverse: Mat<f64>,
    /// Coordinates of the current point, and its values on the samples.
    point: Mat<f64>,
    values: Mat<f64>,
    in_basis: Vec<bool>,
    cost: Mat<f64>,
}

impl<'a> Walk<'a> {
    fn start(frame: &Frame, cone: &'a Cone, functional: &Mat<f64>) -> Walk<'a> {
        let basis = cone.basis.as_ref();
        let (n, dim) = basis.shape();
        let mut pin = product::matmul(basis.transpose(), functional.as_ref());
        let norm = product::frobenius(pin.as_ref()).max(f64::MIN_POSITIVE);
        pin.as_mut().col_mut(0).iter_mut().for_each(|p| *p /= norm);
        // An interior point: the functional itself, raised by a constant, which it is orthogonal to.
        let mut values = product::matmul(basis, pin.as_ref());
        let (low, high) = extremes(&values);
        let lift = 0.1 * high.max(-low) - low.min(0.0);
        values.as_mut().col_mut(0).iter_mut().for_each(|y| *y += lift);
        let mut point = product::matmul(basis.transpose(), values.as_ref());
        let scale = product::dot(pin.col_as_slice(0), point.col_as_slice(0));
        point.as_mut().col_mut(0).iter_mut().for_each(|p| *p /= scale);
        let mut seeds = Mat::zeros(dim, dim + 1);
        seeds.as_mut().subcols_mut(0, 1).copy_from(pin.as_ref());
        seeds.as_mut().subcols_mut(1, dim).copy_from(Mat::<f64>::identity(dim, dim));
        let mut vectors = orthant_linalg::qr::Qr::factor(seeds).thin_q().transpose().to_owned();
        for j in 0..dim {
            vectors[(0, j)] = pin[(j, 0)];
        }
        let inverse = vectors.transpose().to_owned();
        let ones = Mat::from_fn(n, 1, |_, _| 1.0);
        let mut rows = vec![Row::Free; dim];
        rows[0] = Row::Pin;
        Walk {
            basis,
            zero: frame.zero_tolerance().max(1e-9),
            rows,
            vectors,
            inverse,
            values: product::matmul(basis, point.as_ref()),
            point,
            in_basis: vec![false; n],
            cost: product::matmul(basis.transpose(), ones.as_ref()),
        }
    }

    /// Walks until `test` accepts the support of a vertex, the optimum is reached, or the steps run out.
    fn run(mut self, rng: &mut ChaCha8Rng, test: &mut dyn FnMut(&SignPattern) -> Option<Unit>) -> Option<Unit> {
        let dim = self.rows.len();
        let mut tested: Option<SignPattern> = None;
        for pivot in 0..MAX_PIVOTS {
            let multipliers = product::matmul(self.inverse.transpose(), self.cost.as_ref());
            let free = (0..dim)
                .filter(|&q| self.rows[q] == Row::Free)
                .max_by(|&a, &b| multipliers[(a, 0)].abs().total_cmp(&multipliers[(b, 0)].abs()));
            let (leaving, sign) = match free {
                Some(q) => (q, if multipliers[(q, 0)] > 0.0 { -1.0 } else { 1.0 }),
                None => {
                    let support = self.support();
                    if support.n_inactive() >= dim - 1 + SURPLUS_ZEROS && tested.as_ref() != Some(&support) {
                        if let Some(unit) = test(&support) {
                            return Some(unit);
                        }
                        tested = Some(support);
                    }
                    let scale = product::frobenius(self.cost.as_ref());
                    let steepest = (0..dim)
                        .filter(|&q| self.rows[q] != Row::Pin)
                        .map(|q| (q, multipliers[(q, 0)]))
                        .filter(|&(_, slope)| slope < -1e-10 * scale)
                        .map(|(q, slope)| (q, slope / self.inverse.col(q).norm_l2()))
                        .min_by(|a, b| a.1.total_cmp(&b.1));
                    match steepest {
                        Some((q, _)) => (q, 1.0),
                        None => break,
                    }
                }
            };
            if !self.pivot(leaving, sign, rng) {
                break;
            }
            if pivot % REFRESH == REFRESH - 1 && !self.refresh() {
                break;
            }
        }
        let support = self.support();
        if tested.as_ref() == Some(&support) { None } else { test(&support) }
    }

    fn support(&self) -> SignPattern {
        let (_, high) = extremes(&self.values);
        SignPattern::of(self.values.col(0).iter().map(|y| y - self.zero * high))
    }

    /// Moves along one edge to the next constraint. `false` when the edge is unbounded.
    fn pivot(&mut self, leaving: usize, sign: f64, rng: &mut ChaCha8Rng) -> bool {
        let dim = self.rows.len();
        let direction = Mat::from_fn(dim, 1, |i, _| sign * self.inverse[(i, leaving)]);
        let change = product::matmul(self.basis, direction.as_ref());
        let (low, high) = extremes(&change);
        let negligible = 1e-10 * high.max(-low);
        let ratio = |j: usize| self.values[(j, 0)].max(0.0) / -change[(j, 0)];
        let blocking: Vec<usize> =
            (0..self.in_basis.len()).filter(|&j| change[(j, 0)] < -negligible && !self.in_basis[j]).collect();
        let Some(step) = blocking.iter().map(|&j| ratio(j)).min_by(f64::total_cmp) else { return false };
        // Among ties a random one of those that fall fastest: random choices do not cycle, fast falls keep the basis regular.
        let tie = step * (1.0 + 1e-9) + 1e-13;
        let mut entering = (0, f64::NEG_INFINITY);
        for &j in blocking.iter().filter(|&&j| ratio(j) <= tie) {
            let weight = -change[(j, 0)] * (0.5 + 0.5 * rng.random::<f64>());
            if weight > entering.1 {
                entering = (j, weight);
            }
        }
        let entering = entering.0;
        product::matmul_add(self.point.as_mut(), step, direction.as_ref(), Mat::identity(1, 1).as_ref());
        if let Row::Zero(j) = self.rows[leaving] {
            self.in_basis[j] = false;
        }
        self.rows[leaving] = Row::Zero(entering);
        self.in_basis[entering] = true;
        // Row `leaving` of the basis matrix is replaced: a rank-one update of its inverse.
        let row = Mat::from_fn(1, dim, |_, j| self.basis[(entering, j)]);
        let mut image = product::matmul(row.as_ref(), self.inverse.as_ref());
        let divisor = image[(0, leaving)];
        let column = Mat::from_fn(dim, 1, |i, _| self.inverse[(i, leaving)] / divisor);
        image[(0, leaving)] -= 1.0;
        product::matmul_add(self.inverse.as_mut(), -1.0, column.as_ref(), image.as_ref());
        self.vectors.as_mut().subrows_mut(leaving, 1).copy_from(row);
        self.values = product::matmul(self.basis, self.point.as_ref());
        true
    }

    /// Inverts the basis matrix afresh. `false` when it has become singular.
    fn refresh(&mut self) -> bool {
        let dim = self.rows.len();
        match RankRevealing::new(self.vectors.clone(), tolerance::backward(dim, dim)) {
            Ok(factor) if factor.rank().rank == dim => {
                self.inverse = factor.solve(Mat::identity(dim, dim).as_ref());
            }
            _ => return false,
        }
        if self.rows.iter().all(|&row| row != Row::Free) {
            let pin = self.rows.iter().position(|&row| row == Row::Pin).expect("the pin never leaves the basis");
            self.point = self.inverse.as_ref().subcols(pin, 1).to_owned();
            self.values = product::matmul(self.basis, self.point.as_ref());
        }
        true
    }
}

fn extremes(column: &Mat<f64>) -> (f64, f64) {
    column.col(0).iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &y| (low.min(y), high.max(y)))
}
