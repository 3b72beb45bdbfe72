//! What was measured, and the verdict on it.

use std::fmt;

use orthant_estimate::hypothesis::HypothesisError;
use orthant_estimate::worst_case::MAX_RATIO;
use orthant_network::{Activation, Network};
use serde::Serialize;

/// A recovered network with the evidence for it.
#[derive(Debug, Clone)]
pub struct Recovery {
    /// The network; units are ordered as in [`Report::units`], which may list further ones that left no trace.
    pub network: Network,
    /// The evidence.
    pub report: Report,
}

/// The verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// Zero residual at the precision of the labels, every unit determined, and samples not used in the fit agree.
    #[serde(rename = "exact")]
    Exact,
    /// Zero residual at the precision of the labels and every unit found, but these inputs leave some weights undetermined
    /// or too little could be checked.
    #[serde(rename = "exact on the samples")]
    ExactOnSamples,
    /// A network that explains most of the labels, not all.
    #[serde(rename = "approximate")]
    Approximate,
    /// No network that explains the labels was found.
    #[serde(rename = "not recovered")]
    NotRecovered,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Exact => "exact",
            Verdict::ExactOnSamples => "exact on the samples",
            Verdict::Approximate => "approximate",
            Verdict::NotRecovered => "not recovered",
        })
    }
}

/// Which uniqueness statement the data support.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum UniquenessLevel {
    /// The null space of the lifted matrix holds nothing but the units: no other network of this width, with the biases that were
    /// fitted, has these labels, whatever its activation patterns. Wider networks are not excluded.
    #[serde(rename = "proved by lift")]
    ProvedByLift,
    /// All activation patterns were searched: no other network of this width, with the biases that were fitted, has these labels. Wider
    /// networks are not excluded.
    #[serde(rename = "proved by enumeration")]
    ProvedByEnumeration,
    /// No other network with the same activation patterns has these labels. Wider ones are not excluded: for m < k, two units whose
    /// kinks no sample separates act as one.
    #[serde(rename = "given patterns")]
    GivenPatterns,
    /// Neither was shown.
    #[serde(rename = "not shown")]
    NotShown,
}

/// The uniqueness statement with the ranks behind it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Uniqueness {
    /// What is shown.
    pub level: UniquenessLevel,
    /// Number of monomials N of the lift, when it was computed.
    pub lift_monomials: Option<usize>,
    /// Dimension of the null space of the lifted matrix, when it was computed: for uniqueness k, and one more for each pair of
    /// units of which one is active only where the other is, or that are never active together.
    pub lift_null_dimension: Option<usize>,
    /// Certified lower bound for the smallest singular value of the lifted matrix on the complement of its null space, over
    /// the bound on its rounding error. The rank is shown when this exceeds 1.
    pub lift_margin: Option<f64>,
}

/// Why a unit is not, or not fully, determined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum UnitReason {
    /// Nothing is missing.
    Identified,
    /// Active on every sample: it acts linearly and merges with every other such unit and the output bias.
    AlwaysActive,
    /// Too few active samples to determine or check its weights.
    TooFewActive,
    /// Too few inactive samples to tell its kink from a combination of others.
    TooFewInactive,
    /// Parallel to another unit on these samples, or so nearly that too few of them lie between the two kinks to tell it from a combination.
    Parallel,
    /// Its active inputs do not vary in all directions; the weights have minimum norm in the others.
    UndeterminedDirections,
    /// The activation has no degree, so that the scale of the weights is part of the function, but on these samples it is a power to the
    /// precision of the labels: eᵗ − 1 is t for small t.
    UndeterminedScale,
    /// Asked for (by the width given) but without any trace in the labels: never active, or merged with another unit.
    NoTrace,
    /// The labels do not tell which way it faces: some units can be turned together, f(t) = t + f(−t), without a trace.
    Orientation,
    /// Fitted numerically to what the determined units leave unexplained.
    Fitted,
}

impl fmt::Display for UnitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UnitReason::Identified => "identified",
            UnitReason::AlwaysActive => {
                "always active: it acts linearly and merges with the other such units"
            }
            UnitReason::TooFewActive => "too few active samples",
            UnitReason::TooFewInactive => "too few inactive samples",
            UnitReason::Parallel => "parallel to another unit on these samples, or nearly",
            UnitReason::UndeterminedDirections => "its active inputs do not vary in every direction",
            UnitReason::UndeterminedScale => {
                "the activation is a power on these samples: the scale of its weights is open"
            }
            UnitReason::NoTrace => {
                "no trace in the labels: never active on these inputs, or merged with another unit"
            }
            UnitReason::Orientation => "the labels do not tell which way it faces",
            UnitReason::Fitted => "fitted numerically, not determined",
        })
    }
}

/// The evidence for one unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct UnitReport {
    /// Samples on which it is active.
    pub active: usize,
    /// Samples on which it is inactive.
    pub inactive: usize,
    /// The singular value above the least of the unit's joint system, whose norm is at most 1: how far every other combination of
    /// the labels is from having the unit's pattern; 1 when there is no other. For m < k, how far the unit's part of the joint system of all units is from the
    /// other parts, in directions of unit norm.
    pub null_gap: f64,
    /// Least singular value of the joint system: zero to rounding for a true unit. For m < k, the larger of that system's residual and
    /// of the second singular value of the unit's block of rank one.
    pub null_residual: f64,
    /// Smallest |v x + b| over the samples, in input units: how near a sample comes to the unit's kink.
    pub margin: f64,
    /// Directions of input space (bias included, when fitted) in which its active inputs do not vary.
    pub undetermined_directions: usize,
    /// Whether activations and weights are determined, in all directions that the inputs span.
    pub identified: bool,
    /// What is missing.
    pub reason: UnitReason,
}

/// Why the verdict is not better, with the number behind it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// Nothing is missing.
    AllChecksPassed,
    /// Nothing is missing: no samples were held out, and all activation patterns were searched instead.
    OnlyNetwork,
    /// All checks passed at the precision that the labels have, which is below `f64`.
    AllChecksPassedToLabelPrecision {
        /// Relative precision of the labels.
        precision: f64,
    },
    /// Some units are not fully determined by these inputs.
    UndeterminedUnits {
        /// How many.
        units: usize,
        /// The reason of the first of them.
        first: UnitReason,
    },
    /// The inputs do not span all directions.
    UndeterminedInputDirections {
        /// How many directions are missing.
        directions: usize,
    },
    /// No sample was left to check the answer on.
    NothingHeldOut,
    /// The samples held out do not agree.
    HoldoutDisagrees {
        /// Their relative residual.
        residual: f64,
        /// What it may be.
        allowed: f64,
    },
    /// Fewer units were found than the rank of the labels calls for.
    UnitsMissing {
        /// Units found.
        found: usize,
        /// Units wanted.
        wanted: usize,
    },
    /// The labels have a higher rank than the width asked for: no network of that width has them.
    RankAboveWidth {
        /// Rank of the labels.
        rank: usize,
        /// The width asked for.
        width: usize,
    },
    /// The labels have no rank gap: the width is at least the label dimension, where this method does not apply.
    FullRankLabels {
        /// Rank, which is the label dimension.
        rank: usize,
    },
    /// The residual is not zero at the precision of the labels.
    Residual {
        /// Relative residual.
        residual: f64,
        /// What it may be.
        allowed: f64,
    },
    /// The labels carry more than rounding to their decimals explains: noise, or a unit too weak to be told from it.
    BeyondDecimals {
        /// How many times more.
        excess: f64,
    },
    /// The search of all patterns was stopped before its end.
    OutOfBudget {
        /// Partial patterns searched.
        patterns: usize,
    },
    /// All patterns were searched: no network of this width has these labels, to their precision, whose units have values before the
    /// activation of at most [`orthant_estimate::worst_case::MAX_RATIO`] times the norm of those after it.
    Infeasible {
        /// Partial patterns searched.
        patterns: usize,
        /// Relative precision to which the labels are known.
        precision: f64,
        /// By what factor the weakest of the proofs that end a pattern exceeds the rounding of the labels.
        margin: f64,
    },
    /// All patterns were searched, but rounding leaves open whether some of them have a unit.
    Undecided {
        /// Partial patterns searched.
        patterns: usize,
        /// Patterns left open.
        open: usize,
    },
    /// The labels hold more units than the network has, or a continuum of them: other networks of this width have these labels too.
    OtherNetworks {
        /// Units found; of a continuum, as many as span it.
        units: usize,
        /// The width.
        width: usize,
    },
    /// The width asked for is above the rank of the labels, where deciding whether there is a network is NP-hard (Theorem 23) and the
    /// search of all patterns does not apply.
    WidthAboveRank {
        /// Rank of the labels.
        rank: usize,
        /// The width asked for.
        width: usize,
    },
    /// The labels do not vary.
    ConstantLabels,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::AllChecksPassed => {
                write!(f, "zero residual, every unit determined, and the samples held out agree")
            }
            Reason::OnlyNetwork => write!(
                f,
                "zero residual, every unit determined, and all activation patterns searched: no other network of this width has these labels"
            ),
            Reason::AllChecksPassedToLabelPrecision { precision } => {
                write!(
                    f,
                    "exact to label precision: the labels carry a relative rounding error of {precision:.1e}"
                )
            }
            Reason::UndeterminedUnits { units, first } => {
                write!(f, "{units} unit(s) not fully determined by these inputs ({first})")
            }
            Reason::UndeterminedInputDirections { directions } => {
                write!(
                    f,
                    "the inputs leave {directions} direction(s) of input space unseen; weights there have minimum norm"
                )
            }
            Reason::NothingHeldOut => write!(f, "no samples were held out to check the answer on"),
            Reason::HoldoutDisagrees { residual, allowed } => {
                write!(f, "the samples held out disagree: residual {residual:.1e}, allowed {allowed:.1e}")
            }
            Reason::UnitsMissing { found, wanted } => {
                write!(f, "{found} of {wanted} units found")
            }
            Reason::RankAboveWidth { rank, width } => {
                write!(f, "the labels have rank {rank}, which takes more than {width} unit(s)")
            }
            Reason::FullRankLabels { rank } => write!(
                f,
                "the labels have full rank {rank} and no network of that width explains them: more units than outputs (the search is longer when the width is given), another activation, or noisy labels"
            ),
            Reason::Residual { residual, allowed } => {
                write!(f, "relative residual {residual:.1e}, above the {allowed:.1e} that rounding explains")
            }
            Reason::BeyondDecimals { excess } => write!(
                f,
                "beside the network the labels carry {excess:.1} times what rounding to their decimals explains: noise, or a unit too weak to be told from it"
            ),
            Reason::OutOfBudget { patterns } => {
                write!(
                    f,
                    "the search was stopped after {patterns} partial activation patterns, before its end"
                )
            }
            Reason::Infeasible { patterns, precision, margin } => write!(
                f,
                "no network of this width has these labels to their precision of {precision:.1e}: all activation patterns excluded in {patterns} steps, each by at least {margin:.1} times what rounding explains (but for units with |t| above {MAX_RATIO:.0e} |max(t, 0)| over the samples)"
            ),
            Reason::Undecided { patterns, open } => write!(
                f,
                "undecided to rounding: {open} activation pattern(s) neither have a unit nor are excluded, of {patterns} partial ones searched"
            ),
            Reason::OtherNetworks { units, width } => write!(
                f,
                "other networks of width {width} have these labels too: they hold {units} different units"
            ),
            Reason::WidthAboveRank { rank, width } => write!(
                f,
                "a width of {width} is above the rank of the labels, {rank}: every pattern can be searched for widths equal to the rank only"
            ),
            Reason::ConstantLabels => write!(f, "the labels do not vary over the samples"),
        }
    }
}

/// What was measured on the way to the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// What the verdict rests on, or what keeps it from being better.
    pub reason: Reason,
    /// Number of hidden units in the network returned.
    pub width: usize,
    /// The activation they were given.
    pub activation: Activation,
    /// Rank of the (centred) labels.
    pub label_rank: usize,
    /// σ_rank / σ_1 of the labels.
    pub label_rank_kept: f64,
    /// σ_(rank+1) / σ_1 of the labels, 0 when the rank is full.
    pub label_rank_dropped: f64,
    /// Root mean square residual over root mean square of the centred labels, all outputs together, on the samples fitted. The
    /// verdict also looks at each output by itself.
    pub residual: f64,
    /// The same on the samples held out, before they were used for anything.
    pub holdout_residual: Option<f64>,
    /// Number of samples held out.
    pub holdout_samples: usize,
    /// Relative precision of the labels: 2⁻⁵² for `f64` (times the size of their mean, where that is larger), or what the
    /// spectrum shows where the entries are those of `f32` or decimals.
    pub label_precision: f64,
    /// Condition number of U.
    pub kappa_u: f64,
    /// Condition number of V.
    pub kappa_v: f64,
    /// What found the units: names of [`Method`](crate::Method)s, `refinement` where it found what
    /// the search had missed, or `none` for constant labels.
    pub method: String,
    /// Number of starts, pins, eigenproblems or partial patterns the search took.
    pub attempts: usize,
    /// What the data refute of the method's assumptions, although it found all units.
    pub refuted: Option<HypothesisError>,
    /// Smallest singular value of the distinguishing matrix (Definition 51), for the method that needs it.
    pub distinguishing: Option<f64>,
    /// Directions of input space that the inputs do not span.
    pub undetermined_input_directions: usize,
    /// The uniqueness statement.
    pub uniqueness: Uniqueness,
    /// One entry for each unit of the network, in its order, then one for each unit that was asked for and left no trace.
    pub units: Vec<UnitReport>,
}
