//! Runs a method over instances and judges its answers.

use std::fmt;

use orthant_linalg::MatRef;
use orthant_network::{Network, align};
use proptest::test_runner::{TestCaseError, TestCaseResult};

use crate::binomial;
use crate::condition::output_bias_reference;
use crate::instance::Instance;

/// Tolerances above this mean that the samples do not determine the weights to any use: such instances are refused.
pub const LARGEST_TOLERANCE: f64 = 1e-2;

/// What an answer is worth.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Judgement {
    /// Every unit, and the output bias, is within the tolerance.
    Recovered {
        /// Largest relative error of a unit or of the output bias.
        error: f64,
        /// The tolerance of the instance.
        tolerance: f64,
    },
    /// Every unit has a partner, but some weights are off by more than the tolerance.
    Inaccurate {
        /// Largest relative error of a unit or of the output bias.
        error: f64,
        /// The tolerance of the instance.
        tolerance: f64,
    },
    /// Some units have no partner.
    OtherUnits {
        /// Units of the planted network (its visible part) that the answer lacks.
        missing: Vec<usize>,
        /// Units of the answer that are not in the planted network.
        spurious: Vec<usize>,
    },
    /// The answer has another input or output dimension.
    OtherDimensions {
        /// (m, d) of the answer.
        found: (usize, usize),
        /// (m, d) of the samples.
        expected: (usize, usize),
    },
    /// The method gave none.
    NoAnswer,
    /// The samples do not determine the network: there is nothing that an answer could be judged by.
    Undetermined {
        /// The tolerance, larger than [`LARGEST_TOLERANCE`].
        tolerance: f64,
    },
}

impl Judgement {
    /// Whether the network was recovered.
    pub fn is_recovered(&self) -> bool {
        matches!(self, Judgement::Recovered { .. })
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Judgement::Recovered { error, tolerance } => {
                write!(f, "recovered: error {error:.1e}, allowed {tolerance:.1e}")
            }
            Judgement::Inaccurate { error, tolerance } => {
                write!(f, "inaccurate: error {error:.1e}, allowed {tolerance:.1e}")
            }
            Judgement::OtherUnits { missing, spurious } => {
                write!(
                    f,
                    "other units: {missing:?} of the planted ones missing, {spurious:?} of the answer's spurious"
                )
            }
            Judgement::OtherDimensions { found, expected } => {
                write!(f, "answer of dimensions (m, d) = {found:?}, samples of {expected:?}")
            }
            Judgement::NoAnswer => write!(f, "no answer"),
            Judgement::Undetermined { tolerance } => {
                write!(f, "the samples do not determine the network (tolerance {tolerance:.1e})")
            }
        }
    }
}

/// The judgement on one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The instance's name.
    pub instance: String,
    /// The judgement.
    pub judgement: Judgement,
}

/// The judgements on several instances, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    /// One for each instance.
    pub outcomes: Vec<Outcome>,
}

impl Results {
    /// Those that were not recovered.
    pub fn failures(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(|outcome| !outcome.judgement.is_recovered())
    }

    /// Asserts that there are instances and that all were recovered.
    ///
    /// # Panics
    /// When one was not, with the names and judgements of all failures.
    #[track_caller]
    pub fn assert_all(&self) {
        assert!(!self.outcomes.is_empty(), "no instances: nothing was checked");
        let failed = self.failures().count();
        assert!(
            failed == 0,
            "{failed} of {} instances not recovered\n{}",
            self.outcomes.len(),
            Failures(self)
        );
    }

    /// What a property test returns: a failure with the names and judgements when an instance was not recovered.
    ///
    /// # Errors
    /// [`TestCaseError::Fail`].
    pub fn require(&self) -> TestCaseResult {
        if self.failures().next().is_none() {
            Ok(())
        } else {
            Err(TestCaseError::fail(Failures(self).to_string()))
        }
    }

    /// Asserts that no more instances failed than chance explains when each fails with probability at most `claimed_failure`:
    /// the [`binomial::quantile`] at [`binomial::FALSE_ALARM`].
    ///
    /// # Panics
    /// When more did, when there are no instances, or when so few that all of them might fail.
    #[track_caller]
    pub fn assert_rate(&self, claimed_failure: f64) {
        let (trials, failed) = (self.outcomes.len(), self.failures().count());
        let allowed = binomial::quantile(trials, claimed_failure, binomial::FALSE_ALARM);
        assert!(allowed < trials, "{trials} instances cannot refute a failure rate of {claimed_failure}");
        assert!(
            failed <= allowed,
            "{failed} of {trials} instances not recovered, at most {allowed} when each fails with probability {claimed_failure}\n{}",
            Failures(self)
        );
    }
}

struct Failures<'a>(&'a Results);

impl fmt::Display for Failures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.failures().try_for_each(|outcome| writeln!(f, "  {}: {}", outcome.instance, outcome.judgement))
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.outcomes
            .iter()
            .try_for_each(|outcome| writeln!(f, "{}: {}", outcome.instance, outcome.judgement))
    }
}

/// Runs a method on instances and judges each answer.
///
/// The method sees inputs (d × n) and labels (m × n) only. Collect proptest's or the suite's instances, or your own.
///
/// # Examples
/// ```
/// use orthant_testkit::{Judgement, check, suite};
///
/// let instances = suite::instances().into_iter().map(|named| named.plant());
/// let results = check::recovers(|_x, _a| None, instances);
/// assert!(results.outcomes.iter().all(|outcome| outcome.judgement == Judgement::NoAnswer));
/// ```
pub fn recovers<M>(method: M, instances: impl IntoIterator<Item = Instance>) -> Results
where
    M: Fn(MatRef<'_, f64>, MatRef<'_, f64>) -> Option<Network>,
{
    let outcomes = instances
        .into_iter()
        .map(|instance| {
            let judgement = judge(&instance, method(instance.x(), instance.a()).as_ref());
            Outcome { instance: instance.name, judgement }
        })
        .collect();
    Results { outcomes }
}

/// Judges an answer.
///
/// It is compared with [`Instance::visible`], the part of the planted network that leaves a trace in the labels: hidden weights
/// with bias and output weights of each unit relative to their norms, the output bias relative to its own, or to a typical
/// label when it should be zero.
pub fn judge(instance: &Instance, answer: Option<&Network>) -> Judgement {
    let tolerance = instance.tolerance();
    let Some(answer) = answer else { return Judgement::NoAnswer };
    let visible = instance.visible();
    let (found, expected) = ((answer.m(), answer.d()), (visible.m(), visible.d()));
    if found != expected {
        return Judgement::OtherDimensions { found, expected };
    }
    if tolerance > LARGEST_TOLERANCE {
        return Judgement::Undetermined { tolerance };
    }
    let alignment = align(answer, &visible);
    let (spurious, missing) = (alignment.unmatched_first.clone(), alignment.unmatched_second.clone());
    if !missing.is_empty() || !spurious.is_empty() {
        return Judgement::OtherUnits { missing, spurious };
    }
    let has_output_bias = visible.c().is_some_and(|c| c.iter().any(|&c| c != 0.0));
    let reference = if has_output_bias { 1.0 } else { output_bias_reference(&visible, instance.a()) };
    let error = alignment.worst().max(alignment.output_bias_error / reference);
    if error <= tolerance {
        Judgement::Recovered { error, tolerance }
    } else {
        Judgement::Inaccurate { error, tolerance }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{Departure, Recipe};
    use orthant_linalg::Mat;
    use orthant_network::{BiasKind, PlantedSpec};

    fn recipe(seed: u64) -> Recipe {
        Recipe::plain(
            PlantedSpec { m: 5, k: 3, d: 4, bias: BiasKind::Both, seed, ..PlantedSpec::default() },
            60,
        )
    }

    fn without_last_unit(network: &Network) -> Network {
        let k = network.k() - 1;
        Network::new(
            network.u().subcols(0, k).to_owned(),
            network.v().subrows(0, k).to_owned(),
            network.b().map(|b| b[..k].to_vec()),
            network.c().map(<[f64]>::to_vec),
        )
        .expect("fits")
    }

    #[test]
    fn each_kind_of_answer_gets_its_judgement() {
        let instance = recipe(1).plant().expect("valid");
        let network = &instance.network;
        assert!(judge(&instance, Some(network)).is_recovered());
        assert_eq!(judge(&instance, None), Judgement::NoAnswer);
        let fewer = without_last_unit(network);
        assert_eq!(
            judge(&instance, Some(&fewer)),
            Judgement::OtherUnits { missing: vec![2], spurious: Vec::new() }
        );
        // A thousand tolerances: past the one of its instance, far from another unit.
        let off = 1.0 + 1e3 * instance.tolerance();
        let u = Mat::from_fn(5, 3, |o, i| off * network.u()[(o, i)]);
        let scaled = Network::new(
            u,
            network.v().to_owned(),
            network.b().map(<[f64]>::to_vec),
            network.c().map(<[f64]>::to_vec),
        );
        assert!(matches!(judge(&instance, scaled.ok().as_ref()), Judgement::Inaccurate { .. }));
        let other = Network::new(Mat::zeros(2, 1), Mat::zeros(1, 4), None, None).expect("fits");
        assert!(matches!(judge(&instance, Some(&other)), Judgement::OtherDimensions { found: (2, 4), .. }));
    }

    #[test]
    fn a_wrong_output_bias_is_an_error() {
        let instance = recipe(1).plant().expect("valid");
        let network = &instance.network;
        let c = network.c().map(|c| c.iter().map(|c| c + 1e-3).collect());
        let off =
            Network::new(network.u().to_owned(), network.v().to_owned(), network.b().map(<[f64]>::to_vec), c);
        assert!(matches!(judge(&instance, off.ok().as_ref()), Judgement::Inaccurate { .. }));
    }

    #[test]
    fn instances_that_determine_nothing_are_refused() {
        let recipe = recipe(1).with(Departure::ActiveOn { unit: 0, samples: 60 });
        let instance = recipe.plant().expect("valid");
        assert!(matches!(judge(&instance, Some(&instance.network)), Judgement::Undetermined { .. }));
    }

    #[test]
    #[should_panic(expected = "15 of 40 instances not recovered, at most 14")]
    fn one_failure_above_the_quantile_fails_the_rate() {
        rate_with_failures(15);
    }

    #[test]
    fn failures_up_to_the_quantile_pass() {
        rate_with_failures(14);
    }

    fn rate_with_failures(failures: usize) {
        let outcome = |i: usize| Outcome {
            instance: i.to_string(),
            judgement: if i < failures {
                Judgement::NoAnswer
            } else {
                Judgement::Recovered { error: 0.0, tolerance: 1.0 }
            },
        };
        Results { outcomes: (0..40).map(outcome).collect() }.assert_rate(0.05);
    }
}
