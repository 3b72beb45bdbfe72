//! What an answer is worth, against the planted network.

use orthant::network::Network;
use orthant::{RecoverError, Recovery, Verdict, align};

use crate::record::Record;

/// The error of a unit up to which an answer counts as the planted network: half the digits of an `f64`. Units that are not the
/// planted ones are about 1 apart, and what conditioning leaves of rounding is far below this.
pub const MATCHED: f64 = 1.5e-8;

/// An answer of `recover`, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The verdict is exact, and right.
    pub exact: bool,
    /// The verdict is exact, but another network was planted.
    pub wrong: bool,
    /// The largest relative error of a unit; infinite without an answer or when a unit is missing.
    pub error: f64,
    /// The verdict, or in a few words why there is none.
    pub said: String,
}

impl Answer {
    /// Judges an answer.
    pub fn of(answer: &Result<Recovery, RecoverError>, planted: &Network) -> Answer {
        match answer {
            Ok(Recovery { network, report }) => {
                let error = align(network, planted).worst();
                let says_exact = report.verdict == Verdict::Exact;
                let right = error <= MATCHED;
                Answer {
                    exact: says_exact && right,
                    wrong: says_exact && !right,
                    error,
                    said: report.verdict.to_string(),
                }
            }
            Err(refusal) => {
                Answer { exact: false, wrong: false, error: f64::INFINITY, said: reason(refusal) }
            }
        }
    }

    /// As values of a row: `exact`, `wrong`, `error` and `said`.
    pub fn values(&self) -> Record {
        Record::new()
            .with("exact", self.exact)
            .with("wrong", self.wrong)
            .with("error", self.error)
            .with("said", self.said.as_str())
    }
}

fn reason(refusal: &RecoverError) -> String {
    match refusal {
        RecoverError::Hypothesis(error) => format!("refuted: {}", error.hypothesis),
        RecoverError::Pairs(_) => "no use of the pairs".to_string(),
        RecoverError::TooFewSamples { .. } => "too few samples".to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use orthant::network::PlantedSpec;
    use orthant::{Samples, Settings, recover};

    #[test]
    fn an_exact_answer_is_right_for_its_own_network_and_wrong_for_another() {
        let plant = |seed| PlantedSpec { seed, ..PlantedSpec::default() }.plant(100).expect("valid");
        let (own, other) = (plant(1), plant(2));
        let samples = Samples::new(own.x.as_ref(), own.a.as_ref()).expect("finite");
        let found = recover(&samples, &Settings::default(), &mut |_| ControlFlow::Continue(()));
        let (right, wrong) = (Answer::of(&found, &own.network), Answer::of(&found, &other.network));
        assert!(right.exact && !right.wrong && right.error <= MATCHED, "{right:?}");
        assert!(!wrong.exact && wrong.wrong && wrong.error > MATCHED, "{wrong:?}");
        assert_eq!(right.said, "exact");
    }
}
