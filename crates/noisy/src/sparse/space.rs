//! The label space of all outputs, and the decoding of each sample in it.

use orthant_estimate::Reporter;
use orthant_linalg::qr::Qr;
use orthant_linalg::{Mat, MatRef, random};
use rayon::prelude::*;

use super::at;
use super::block::{Agreement, Draw};
use super::robust::{Equations, SPARE, by_rows};
use super::working::Working;
use crate::NoisyError;

/// Random sets of equations for one output or one sample.
const BUDGET: usize = 400;

/// Blocks drawn for each rank in successive rounds.
const ROUNDS: [usize; 3] = [64, 1024, 8192];

/// Operations on blocks of one rank in a round, at most.
const WORK: usize = 200_000_000;

/// Blocks drawn for each higher rank once a label space leaves few samples unexplained.
const FURTHER: usize = 128;

/// How many higher ranks those are: each rare unit adds one.
const FURTHER_RANKS: usize = 2;

/// Agreements that come to nothing before a rank is given up for the round.
const FAILURES: usize = 4;

/// Ranks tried without a hint.
const MAX_BLIND_RANK: usize = 24;

/// Part of the samples that a label space must explain.
const LEAST_EXPLAINED: f64 = 0.75;

/// Samples that a label space is tried on before all are decoded, and the part of them that must be explained.
const PROBES: usize = 64;
const LEAST_PROMISING: f64 = 0.25;

/// A sample in the label space.
#[derive(Debug, Clone)]
pub(crate) struct Decoded {
    /// Its coordinates.
    pub x: Vec<f64>,
    /// The outputs at which its label is wrong, ascending.
    pub errors: Vec<usize>,
}

/// The space that the labels lie in where they are right.
#[derive(Debug, Clone)]
pub(crate) struct LabelSpace {
    /// Orthonormal basis in the scale of [`Working`], m × r.
    pub basis: Mat<f64>,
    rows: Vec<f64>,
    precision: f64,
    slack: f64,
}

impl LabelSpace {
    fn new(weights: MatRef<'_, f64>, precision: f64, slack: f64) -> LabelSpace {
        let basis = Qr::factor(weights.to_owned()).thin_q();
        let rows = by_rows(basis.as_ref());
        LabelSpace { basis, rows, precision, slack }
    }

    pub fn rank(&self) -> usize {
        self.basis.ncols()
    }

    /// Decodes one sample: `None` where too few of its labels agree on a point of the space.
    ///
    /// Labels that all agree are right when there is one more than the dimension. Wrong ones are told when at least two more than the
    /// dimension agree, and half of all beyond it: then no other point has as many, if the outputs are in general position. A right label
    /// is finite, also times the factor of its output in `scale`.
    pub fn decode(
        &self,
        labels: &[f64],
        scale: &[f64],
        suspects: Option<&[bool]>,
        seed: u64,
        sample: usize,
    ) -> Option<Decoded> {
        let equations = Equations::new(&self.rows, self.rank(), self.precision, self.slack);
        let found = equations.all_agree(labels).or_else(|| {
            let rng = &mut random::stream(seed, "sparse decode", sample as u64);
            let trusted = |i: usize| suspects.is_none_or(|suspects| !suspects[i]);
            let spare = SPARE.max((labels.len() - self.rank()).div_ceil(2));
            equations.consensus(labels, trusted, spare, BUDGET, rng)
        })?;
        let errors: Vec<usize> = (0..labels.len()).filter(|&o| !found.agrees[o]).collect();
        let is_finite = |&o: &usize| (scale[o] * at(self.basis.as_ref(), o, &found.x)).is_finite();
        errors.iter().all(is_finite).then_some(Decoded { x: found.x, errors })
    }
}

/// A label space with the samples decoded in it.
#[derive(Debug, Clone)]
pub(crate) struct Explanation {
    pub space: LabelSpace,
    /// One for each sample of [`Working`].
    pub decoded: Vec<Option<Decoded>>,
    pub undecided: usize,
}

/// Where the label space is sought.
pub(crate) struct Search<'a> {
    pub working: &'a Working,
    /// m × n' by columns: labels that principal component pursuit finds wrong.
    pub suspects: Option<&'a [bool]>,
    pub seed: u64,
}

impl Search<'_> {
    /// The label space that explains most samples, tried at the ranks hinted at first.
    ///
    /// # Errors
    /// [`NoisyError::Cancelled`] when the caller breaks off, [`NoisyError::Linalg`] on overflow.
    pub fn explain(
        &self,
        hints: &[usize],
        reporter: &mut Reporter<'_>,
    ) -> Result<Option<Explanation>, NoisyError> {
        let most = self.working.m().saturating_sub(1).min(self.working.n().saturating_sub(2));
        let mut ranks: Vec<usize> = Vec::new();
        for rank in hints.iter().copied().chain(1..=MAX_BLIND_RANK) {
            if (1..=most).contains(&rank) && !ranks.contains(&rank) {
                ranks.push(rank);
            }
        }
        let mut best: Option<Explanation> = None;
        if self.working.a.norm_max() == 0.0 {
            return Ok(None);
        }
        for (round, &budget) in ROUNDS.iter().enumerate() {
            for &rank in &ranks {
                reporter.report("consensus on the label space", rank, most, budget)?;
                self.improve(&mut best, rank, round, budget)?;
                if best.as_ref().is_some_and(|best| best.undecided == 0) {
                    return Ok(best);
                }
            }
            if best.as_ref().is_some_and(|best| self.suffices(best)) {
                break;
            }
        }
        // What is left may be the work of units that few samples activate.
        for _ in 0..FURTHER_RANKS {
            let Some(rank) = best.as_ref().filter(|b| b.undecided > 0).map(|b| b.space.rank() + 1) else {
                break;
            };
            if rank <= most {
                self.improve(&mut best, rank, ROUNDS.len(), FURTHER)?;
            }
        }
        Ok(best.filter(|best| self.suffices(best)))
    }

    /// Whether most samples are explained.
    fn suffices(&self, found: &Explanation) -> bool {
        (self.working.n() - found.undecided) as f64 > LEAST_EXPLAINED * self.working.n() as f64
    }

    /// Draws blocks of one rank, and keeps what they explain when it is more than the best.
    fn improve(
        &self,
        best: &mut Option<Explanation>,
        rank: usize,
        round: usize,
        budget: usize,
    ) -> Result<(), NoisyError> {
        let wanted: Vec<usize> = match best {
            Some(best) if rank == best.space.rank() => return Ok(()),
            Some(best) if rank < best.space.rank() => Vec::new(),
            Some(best) => (0..best.decoded.len()).filter(|&j| best.decoded[j].is_none()).collect(),
            None => Vec::new(),
        };
        let draw = Draw { working: self.working, suspects: self.suspects, wanted: &wanted };
        let rng = &mut random::stream(self.seed, "sparse blocks", (round * 1_000_000 + rank) as u64);
        let mut failures = 0;
        let affordable = (WORK / (2 * rank * rank * (rank + 2))).max(FURTHER);
        for trial in 0..budget.min(affordable) {
            let Some(agreement) = draw.agreement(rank, trial, rng) else { continue };
            let promising = self.extend(&agreement).filter(|space| self.is_promising(space));
            let found = promising.map(|space| self.polish(space));
            let better =
                |found: &Explanation| best.as_ref().is_none_or(|best| found.undecided < best.undecided);
            if let Some(found) = found.filter(better) {
                let done = found.undecided == 0;
                *best = Some(found);
                if done {
                    return Ok(());
                }
            }
            failures += 1;
            if failures == FAILURES {
                return Ok(());
            }
        }
        Ok(())
    }

    /// From some outputs to all: the weights of each other output by consensus over the samples that agree.
    fn extend(&self, agreement: &Agreement) -> Option<LabelSpace> {
        let m = self.working.m();
        let rank = agreement.weights.ncols();
        let rows = by_rows(agreement.coordinates.as_ref());
        let equations = Equations::new(&rows, rank, self.working.precision, agreement.condition);
        let weights: Option<Vec<Vec<f64>>> = (0..m)
            .into_par_iter()
            .map(|o| match agreement.outputs.iter().position(|&known| known == o) {
                Some(l) => Some(agreement.weights.row(l).iter().copied().collect()),
                None => {
                    let labels: Vec<f64> =
                        agreement.samples.iter().map(|&j| self.working.a[(o, j)]).collect();
                    let trusted = |i: usize| self.suspects.is_none_or(|s| !s[agreement.samples[i] * m + o]);
                    let rng = &mut random::stream(self.seed, "sparse outputs", o as u64);
                    equations.consensus(&labels, trusted, SPARE, BUDGET, rng).map(|found| found.x)
                }
            })
            .collect();
        let weights = weights?;
        let weights = Mat::from_fn(m, rank, |o, l| weights[o][l]);
        Some(LabelSpace::new(weights.as_ref(), self.working.precision, agreement.condition))
    }

    /// Whether some samples, spread over all, can be decoded: those of a wrong space take long.
    fn is_promising(&self, space: &LabelSpace) -> bool {
        let n = self.working.n();
        let probes: Vec<usize> = (0..PROBES.min(n)).map(|i| i * n / PROBES.min(n)).collect();
        let decoded = probes.par_iter().filter(|&&j| self.decode_one(space, j).is_some()).count();
        decoded as f64 >= LEAST_PROMISING * probes.len() as f64
    }

    fn decode_one(&self, space: &LabelSpace, j: usize) -> Option<Decoded> {
        let m = self.working.m();
        let labels: Vec<f64> = self.working.a.col(j).iter().copied().collect();
        let suspects = self.suspects.map(|suspects| &suspects[j * m..(j + 1) * m]);
        space.decode(&labels, &self.working.scale, suspects, self.seed, j)
    }

    /// Decodes all samples, fits the space to all labels found right, and decodes again.
    fn polish(&self, space: LabelSpace) -> Explanation {
        let rough = self.decode_all(&space);
        let refined = self.refit(&space, &rough).unwrap_or(space);
        let decoded = self.decode_all(&refined);
        let undecided = decoded.iter().filter(|d| d.is_none()).count();
        Explanation { space: refined, decoded, undecided }
    }

    fn decode_all(&self, space: &LabelSpace) -> Vec<Option<Decoded>> {
        (0..self.working.n()).into_par_iter().map(|j| self.decode_one(space, j)).collect()
    }

    /// Least squares of each output on the coordinates of the samples where it is right.
    fn refit(&self, space: &LabelSpace, decoded: &[Option<Decoded>]) -> Option<LabelSpace> {
        let rank = space.rank();
        let mut samples = Vec::new();
        let mut coordinates = Vec::new();
        let mut wrong = Vec::new();
        for (j, decoded) in decoded.iter().enumerate() {
            if let Some(decoded) = decoded {
                samples.push(j);
                coordinates.extend_from_slice(&decoded.x);
                wrong.push(&decoded.errors);
            }
        }
        let equations = Equations::new(&coordinates, rank, self.working.precision, 1.0);
        let weights: Option<Vec<Vec<f64>>> = (0..self.working.m())
            .into_par_iter()
            .map(|o| {
                let labels: Vec<f64> = samples.iter().map(|&j| self.working.a[(o, j)]).collect();
                let right: Vec<usize> =
                    (0..samples.len()).filter(|&i| wrong[i].binary_search(&o).is_err()).collect();
                equations.least_squares(&right, &labels)
            })
            .collect();
        let weights = weights?;
        let weights = Mat::from_fn(self.working.m(), rank, |o, l| weights[o][l]);
        Some(LabelSpace::new(weights.as_ref(), self.working.precision, 1.0))
    }
}
