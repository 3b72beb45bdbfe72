//! What Algorithm 8 adds to the report of exact recovery.

use orthant::fpt::one_sparse::OneSparse;
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
    agreeing: usize,
    used: bool,
}

impl OneSparseReport {
    pub(super) fn new(found: &OneSparse) -> OneSparseReport {
        let groups = found.groups.iter().map(|group| GroupReport {
            members: group.members,
            agreeing: group.agreeing,
            used: group.used,
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
    let used: Vec<usize> = found.groups.iter().filter(|group| group.used).map(|group| group.agreeing).collect();
    let sizes = match (used.iter().min(), used.iter().max()) {
        (Some(least), Some(most)) => format!("; groups of {least} to {most}, {} needed", found.needed),
        _ => String::new(),
    };
    let lone = format!("{} of {} samples have one unit alone active", found.lone(), found.looked_at);
    super::line(text, "groups", &format!("{lone}{sizes}"));
    if let Some(expected) = found.expected_samples {
        super::line(text, "", &format!("{expected} samples of Gaussian inputs are enough for this V, 99 times in 100"));
    }
}
