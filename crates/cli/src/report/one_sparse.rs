//! What Algorithm 8 adds to the report of exact recovery.

use orthant::fpt::one_sparse::{FAILURE_PROBABILITY, OneSparse, expected_samples};
use serde::Serialize;

/// Groups of labels in the JSON report.
#[derive(Debug, Serialize)]
pub(super) struct OneSparseReport {
    looked_at: usize,
    inactive: usize,
    lone: usize,
    needed: usize,
    expected_samples: Option<u64>,
    groups: Vec<GroupReport>,
}

/// A group of labels of one direction.
#[derive(Debug, Serialize)]
struct GroupReport {
    members: usize,
    units: usize,
    lone: usize,
}

impl OneSparseReport {
    pub(super) fn new(found: &OneSparse) -> OneSparseReport {
        let groups = found.groups.iter().map(|group| GroupReport {
            members: group.members,
            units: group.units,
            lone: group.lone,
        });
        OneSparseReport {
            looked_at: found.looked_at,
            inactive: found.inactive,
            lone: found.lone(),
            needed: found.needed,
            expected_samples: found.expected_samples,
            groups: groups.collect(),
        }
    }
}

/// Lines on the groups for the summary.
pub(super) fn groups(found: &OneSparse, text: &mut String) {
    let lone: Vec<usize> =
        found.groups.iter().filter(|group| group.units > 0).map(|group| group.lone).collect();
    let sizes = match (lone.iter().min(), lone.iter().max()) {
        (Some(least), Some(most)) => format!("; groups of {least} to {most}, {} needed", found.needed),
        _ => String::new(),
    };
    let lone = format!("{} of {} samples have one unit alone active", found.lone(), found.looked_at);
    super::line(text, "groups", &format!("{lone}{sizes}"));
    if let Some(expected) = found.expected_samples {
        let enough = format!("{expected} samples of Gaussian inputs are enough for this V, 99 times in 100");
        super::line(text, "", &enough);
    }
}

/// Condition numbers of V for which it is said beforehand how many samples Algorithm 8 needs.
const CONDITIONS: [f64; 3] = [1.0, 3.0, 10.0];

/// What is said before the work: the samples needed for a width, or the width that the samples are enough for, by κ(V).
///
/// `members` is the number of weights of a unit, its bias included when it is fitted.
pub fn outlook(n: usize, members: usize, width: Option<usize>) -> String {
    let enough = |k: usize, kappa: f64| expected_samples(k, members, kappa, FAILURE_PROBABILITY).ok();
    let cases: Vec<String> = CONDITIONS
        .iter()
        .map(|&kappa| {
            let what = match width {
                Some(k) => match enough(k, kappa) {
                    Some(needed) => format!("{needed} samples"),
                    None => "more than 10^15 samples".to_string(),
                },
                None => {
                    let fits = |k: &usize| enough(*k, kappa).is_some_and(|needed| needed <= n as u64);
                    units((1..).take_while(fits).last().unwrap_or(0))
                }
            };
            format!("{what} at condition {kappa} of V")
        })
        .collect();
    let subject = match width {
        Some(k) => format!("{} take", units(k)),
        None => format!("{n} samples are enough for"),
    };
    let mut text = String::new();
    super::line(&mut text, "outlook", &format!("{subject} {}, for Gaussian inputs", cases.join(", ")));
    text
}

fn units(count: usize) -> String {
    format!("{count} unit{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outlook_gets_worse_with_the_condition_and_the_width() {
        let text = outlook(1000, 7, None);
        let counts: Vec<usize> = text
            .split_whitespace()
            .zip(text.split_whitespace().skip(1))
            .filter(|(_, what)| what.starts_with("unit"))
            .map(|(count, _)| count.parse().expect("a count"))
            .collect();
        assert_eq!(counts.len(), 3);
        assert!(counts[0] > counts[1] && counts[1] > counts[2] && counts[2] >= 1, "{text}");
        // 7 of 14 samples at κ = 1 and k = 1 would be too few half of the time.
        assert!(outlook(1000, 7, Some(3)).contains("3 units take"));
        assert!(outlook(1000, 7, Some(60)).contains("more than 10^15 samples"));
    }
}
