//! The hypotheses of the methods, and what the data say about them.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::Method;

/// Whether something holds on the data at hand. For a statistical hypothesis, `Holds` means that no deviation beyond
/// sampling error was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Finding {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// These data do not say.
    Unknown,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Finding::Holds => "holds",
            Finding::Fails => "fails",
            Finding::Unknown => "unknown",
        })
    }
}

/// What a method needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hypothesis {
    /// The labels have more coordinates than the network has units, so that their rank is its width.
    WidthBelowOutputs {
        /// Rank of the centred labels.
        rank: usize,
        /// Number of outputs.
        outputs: usize,
    },
    /// Enough samples for row-span pursuit.
    PursuitSamples {
        /// Samples there are.
        samples: usize,
        /// Fewer cannot determine the weights, by counting unknowns.
        least: usize,
        /// As many were enough for well-conditioned networks in practice.
        ample: usize,
    },
    /// Every unit is inactive on samples enough to make its activations an extreme ray.
    InactiveSamples {
        /// Samples there are.
        samples: usize,
        /// Inactive samples each unit needs, with independent labels.
        needed: usize,
    },
    /// Enough samples to show the rank of the lifted matrix.
    LiftSamples {
        /// Samples there are.
        samples: usize,
        /// N − k: monomials less width.
        needed: usize,
    },
    /// The inputs are Gaussian, as far as their fourth moments say.
    GaussianInputs {
        /// What [`InputFacts::gaussianity`](super::InputFacts::gaussianity) says.
        finding: Finding,
    },
    /// The inputs are distributed as their negatives, as far as their third moments say.
    SymmetricInputs {
        /// What [`InputFacts::symmetry`](super::InputFacts::symmetry) says.
        finding: Finding,
    },
    /// V has orthonormal rows; nothing here tests it.
    OrthonormalRows,
    /// Pure neurons can be told from pairs of them: the distinguishing matrix (Def. 51) has no more columns than rows.
    PairsBelowMoments {
        /// k(k − 1)/2.
        pairs: usize,
        /// d².
        moments: usize,
    },
    /// Enough pairs x, −x among the samples.
    AntipodalPairs {
        /// Pairs there are.
        pairs: usize,
        /// k(k − 1)/2.
        needed: usize,
    },
    /// The labels have no rank gap, so that there may be more units than outputs.
    WidthAboveOutputs {
        /// Rank of the centred labels.
        rank: usize,
        /// Number of outputs.
        outputs: usize,
    },
    /// All activation patterns can be searched in seconds, as measured on random networks; nothing better is proved than a bound
    /// exponential in the rank.
    PatternSearch {
        /// Rank of the centred labels.
        rank: usize,
        /// Samples there are.
        samples: usize,
        /// With fewer, nearly every pattern is possible.
        needed: usize,
    },
    /// The inputs satisfy no quadratic identity of their own.
    NoQuadraticIdentity {
        /// Coordinates with exactly two values.
        two_valued: usize,
    },
}

/// Networks of this width were searched for all patterns in seconds.
const SEARCHED: usize = 30;

impl Hypothesis {
    /// Whether it holds.
    pub fn finding(&self) -> Finding {
        match *self {
            Hypothesis::WidthBelowOutputs { rank: 0, .. } => Finding::Fails,
            Hypothesis::WidthBelowOutputs { rank, outputs } if rank < outputs => Finding::Holds,
            Hypothesis::PursuitSamples { samples, least, .. } if samples < least => Finding::Fails,
            Hypothesis::PursuitSamples { samples, ample, .. } if samples >= ample => Finding::Holds,
            Hypothesis::InactiveSamples { samples, needed } if samples < needed => Finding::Fails,
            Hypothesis::LiftSamples { samples, needed } if samples < needed => Finding::Fails,
            Hypothesis::LiftSamples { .. } | Hypothesis::NoQuadraticIdentity { two_valued: 0 } => {
                Finding::Holds
            }
            Hypothesis::PatternSearch { rank, samples, needed } if rank <= SEARCHED && samples >= needed => {
                Finding::Holds
            }
            Hypothesis::GaussianInputs { finding } | Hypothesis::SymmetricInputs { finding } => finding,
            Hypothesis::PairsBelowMoments { pairs, moments } if pairs > moments => Finding::Fails,
            Hypothesis::AntipodalPairs { pairs, needed } if pairs < needed.max(1) => Finding::Fails,
            Hypothesis::PairsBelowMoments { .. } | Hypothesis::AntipodalPairs { .. } => Finding::Holds,
            Hypothesis::WidthAboveOutputs { rank, outputs } if rank < outputs || rank == 0 => Finding::Fails,
            _ => Finding::Unknown,
        }
    }
}

impl fmt::Display for Hypothesis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hypothesis::WidthBelowOutputs { rank, outputs } => {
                write!(f, "the labels show the width: rank {rank} of {outputs} outputs")
            }
            Hypothesis::PursuitSamples { samples, least, ample } => {
                write!(f, "samples enough: {samples}, at least {least}, ample from {ample}")
            }
            Hypothesis::InactiveSamples { samples, needed } => {
                write!(f, "each unit inactive on {needed} of the {samples} samples with independent labels")
            }
            Hypothesis::LiftSamples { samples, needed } => {
                write!(f, "samples enough: {samples}, at least {needed}")
            }
            Hypothesis::GaussianInputs { .. } => write!(f, "Gaussian inputs"),
            Hypothesis::SymmetricInputs { .. } => write!(f, "inputs distributed as their negatives"),
            Hypothesis::OrthonormalRows => write!(f, "orthonormal rows of V for whitened inputs"),
            Hypothesis::PairsBelowMoments { pairs, moments } => {
                write!(f, "no more pairs of units than second moments of the inputs: {pairs} and {moments}")
            }
            Hypothesis::AntipodalPairs { pairs, needed } => {
                write!(f, "pairs x, -x enough: {pairs}, at least {needed}")
            }
            Hypothesis::WidthAboveOutputs { rank, outputs } => {
                write!(f, "the labels have full rank: {rank} of {outputs} outputs")
            }
            Hypothesis::PatternSearch { rank, samples, needed } => {
                write!(
                    f,
                    "few enough units to search all patterns: rank {rank}, up to {SEARCHED} were searched in seconds, with {needed} samples at least ({samples} given)"
                )
            }
            Hypothesis::NoQuadraticIdentity { two_valued } => {
                write!(
                    f,
                    "no quadratic identity among the inputs: {two_valued} coordinate(s) take two values only"
                )
            }
        }
    }
}

/// One hypothesis with what the data say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct HypothesisCheck {
    /// The hypothesis; its text in serialised form.
    #[serde(serialize_with = "as_text")]
    pub hypothesis: Hypothesis,
    /// What the data say.
    pub finding: Finding,
}

/// The hypotheses of one method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MethodCheck {
    /// The method; its name in serialised form.
    #[serde(serialize_with = "method_name")]
    pub method: Method,
    /// `Fails` when one hypothesis fails, `Holds` when all hold.
    pub finding: Finding,
    /// Each hypothesis.
    pub hypotheses: Vec<HypothesisCheck>,
}

impl MethodCheck {
    /// Checks each hypothesis.
    pub(super) fn new(method: Method, hypotheses: &[Hypothesis]) -> MethodCheck {
        let check = |&hypothesis: &Hypothesis| HypothesisCheck { hypothesis, finding: hypothesis.finding() };
        let hypotheses: Vec<HypothesisCheck> = hypotheses.iter().map(check).collect();
        let any = |finding| hypotheses.iter().any(|check| check.finding == finding);
        let finding = match (any(Finding::Fails), any(Finding::Unknown)) {
            (true, _) => Finding::Fails,
            (false, true) => Finding::Unknown,
            (false, false) => Finding::Holds,
        };
        MethodCheck { method, finding, hypotheses }
    }
}

fn as_text<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn method_name<S: Serializer>(method: &Method, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(method.name())
}
