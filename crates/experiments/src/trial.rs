//! One recovery of a planted network, and whether it is right.

use orthant::estimate::gaussian::{self, GaussianSettings};
use orthant::estimate::orthonormal::{self, OrthonormalSettings};
use orthant::estimate::symmetric::{self, SymmetricSettings};
use orthant::estimate::{Frame, Reporter, Unit};
use orthant::linalg::lstsq::RankRevealing;
use orthant::linalg::tolerance;
use orthant::network::{BiasKind, Planted};
use orthant::{
    BiasModel, Mat, Method, Network, Reason, RecoverError, Recovery, Samples, Settings, Verdict, align,
    recover,
};

use crate::experiment::Context;
use crate::record::Record;

/// Largest relative error of a unit's weights up to which an answer counts as the planted network.
///
/// Right answers are off by rounding times condition numbers, 10⁻⁹ at most for those of the experiments; wrong units by 0.1 and more.
pub const RECOVERED: f64 = 1e-6;

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// The verdict, or why there is no answer, in a few words.
    pub verdict: String,
    /// Units found.
    pub units: usize,
    /// Largest relative error of the weights of a unit; nothing when units have no partner.
    pub error: Option<f64>,
    /// Whether the answer was called exact, or, for [`decompose_once`], complete and determined by its active inputs.
    pub claimed: bool,
}

impl Trial {
    /// An answer of `recover`, or its refusal.
    pub fn of(answer: &Result<Recovery, RecoverError>, planted: &Network) -> Trial {
        match answer {
            Ok(Recovery { network, report }) => {
                let verdict = match report.reason {
                    Reason::UndeterminedUnits { first, .. } => format!("{}: {first}", report.verdict),
                    _ => report.verdict.to_string(),
                };
                Trial::judge(verdict, report.verdict == Verdict::Exact, network, planted)
            }
            Err(RecoverError::Hypothesis(error)) => Trial::none(&format!("refuted: {}", error.hypothesis)),
            Err(RecoverError::TooFewSamples { .. }) => Trial::none("too few samples"),
            Err(other) => Trial::none(&other.to_string()),
        }
    }

    /// No answer.
    pub fn none(why: &str) -> Trial {
        Trial { verdict: why.to_string(), units: 0, error: None, claimed: false }
    }

    /// As values of a row: `exact`, `wrong`, `units`, `error` and `verdict`.
    pub fn values(&self) -> Record {
        Record::new()
            .with("exact", self.is_exact())
            .with("wrong", self.is_wrong())
            .with("units", self.units)
            .with("error", self.error)
            .with("verdict", self.verdict.as_str())
    }

    fn judge(verdict: String, claimed: bool, network: &Network, planted: &Network) -> Trial {
        let worst = align(network, planted).worst();
        Trial { verdict, units: network.k(), error: worst.is_finite().then_some(worst), claimed }
    }

    /// Whether it was called exact and is.
    pub fn is_exact(&self) -> bool {
        self.claimed && self.error.is_some_and(|error| error <= RECOVERED)
    }

    /// Whether it was called exact and is not.
    pub fn is_wrong(&self) -> bool {
        self.claimed && !self.is_exact()
    }
}

/// Recovers with `recover`; that there are no biases is known to it, the width is not.
///
/// # Errors
/// When the samples are not finite. A refusal by the method is a trial without an answer.
pub fn attempt(planted: &Planted, method: Method, seed: u64, context: &Context<'_>) -> anyhow::Result<Trial> {
    let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref())?;
    let settings = Settings { method, seed, bias: BiasModel::Known(BiasKind::None), ..Settings::default() };
    let answer = recover(&samples, &settings, &mut context.callback());
    Ok(Trial::of(&answer, &planted.network))
}

/// Recovers from one decomposition of the moments, as the paper has it, with Algorithm 6 for the units and least squares for the weights.
///
/// `recover` has further decompositions and a refinement for the units that are missing after the first.
///
/// # Errors
/// When the samples are not finite, or a factorisation overflows. A refusal by the method is a trial without an answer.
///
/// # Panics
/// For a method without moments.
pub fn decompose_once(
    planted: &Planted,
    method: Method,
    seed: u64,
    context: &Context<'_>,
) -> anyhow::Result<Trial> {
    let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref())?;
    let (frame, _) = Frame::new(&samples, BiasKind::None, None)?;
    let mut units = Vec::new();
    let mut callback = context.callback();
    let reporter = &mut Reporter::new(&mut callback);
    let (moments, reflections) =
        (GaussianSettings { seed, attempts: 0 }, SymmetricSettings { seed, attempts: 0 });
    // A hypothesis that the data refute is an outcome: no answer. The units found stay.
    let refuted = match method {
        Method::Tensor => gaussian::tensor(&frame, &mut units, &moments, reporter).is_err(),
        Method::Power => gaussian::power(&frame, &mut units, &moments, reporter).is_err(),
        Method::Symmetric => symmetric::symmetric(&frame, &mut units, &reflections, reporter).is_err(),
        Method::Ica => orthonormal::ica(&frame, &mut units, &OrthonormalSettings { seed }, reporter).is_err(),
        other => panic!("{} does not decompose moments", other.name()),
    };
    let wanted = planted.network.k();
    if units.len() < wanted {
        let verdict = if refuted { "refused" } else { "units missing" };
        return Ok(Trial { units: units.len(), ..Trial::none(verdict) });
    }
    let network = weights(&samples, &units)?;
    // As for `recover`: weights are claimed only where the active inputs determine them.
    let determined = units.iter().all(|unit| unit.input_rank == samples.d());
    let verdict = if determined { "complete" } else { "complete on the samples" };
    Ok(Trial::judge(verdict.to_string(), determined, &network, &planted.network))
}

/// Steps 5 to 7 of Algorithm 6: V from the active samples of each unit, then U, by least squares.
fn weights(samples: &Samples<'_>, units: &[Unit]) -> anyhow::Result<Network> {
    let (x, a) = (samples.x(), samples.a());
    let mut v = Mat::zeros(units.len(), samples.d());
    for (i, unit) in units.iter().enumerate() {
        let active: Vec<usize> = unit.pattern.active().collect();
        let inputs = Mat::from_fn(active.len(), samples.d(), |j, r| x[(r, active[j])]);
        let values = Mat::from_fn(active.len(), 1, |j, _| unit.activations[active[j]]);
        let relative = tolerance::backward(active.len(), samples.d());
        v.row_mut(i)
            .copy_from(RankRevealing::new(inputs, relative)?.solve(values.as_ref()).col(0).transpose());
    }
    let activations = Mat::from_fn(samples.n(), units.len(), |j, i| units[i].activations[j]);
    let relative = tolerance::backward(samples.n(), units.len());
    let u = RankRevealing::new(activations, relative)?.solve(a.transpose()).transpose().to_owned();
    // Activations have unit norm, and so has v another scale than they: the network's own normal form takes it out.
    Ok(Network::new(u, v, None, None)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant::network::PlantedSpec;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn both_ways_recover_an_easy_network_and_say_when_they_do_not() {
        let stop = AtomicBool::new(false);
        let context = Context::new(&stop);
        let spec = PlantedSpec { m: 6, k: 3, d: 5, kappa_v: Some(1.0), seed: 1, ..PlantedSpec::default() };
        let planted = spec.plant(400).expect("valid");
        let trial = attempt(&planted, Method::Pursuit, 1, &context).expect("samples are finite");
        assert!(trial.is_exact() && trial.verdict == "exact", "{trial:?}");
        for method in [Method::Tensor, Method::Power, Method::Symmetric, Method::Ica] {
            let trial = decompose_once(&planted, method, 1, &context).expect("samples are finite");
            assert!(trial.is_exact(), "{}: {trial:?}", method.name());
        }
        let few = spec.plant(6).expect("valid");
        let trial = attempt(&few, Method::Pursuit, 1, &context).expect("samples are finite");
        assert!(!trial.is_exact() && !trial.is_wrong(), "{trial:?}");
        assert_eq!(trial.verdict, "too few samples");
    }

    #[test]
    fn an_exact_answer_is_wrong_for_another_network() {
        let plant = |seed| PlantedSpec { seed, ..PlantedSpec::default() }.plant(100).expect("valid");
        let (own, other) = (plant(1), plant(2));
        let samples = Samples::new(own.x.as_ref(), own.a.as_ref()).expect("finite");
        let found = recover(&samples, &Settings::default(), &mut |_| std::ops::ControlFlow::Continue(()));
        assert!(Trial::of(&found, &own.network).is_exact());
        assert!(Trial::of(&found, &other.network).is_wrong());
    }
}
