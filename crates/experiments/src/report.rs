//! What the page shows.

use crate::experiment::{About, Plan, Presentation};
use crate::record::Provenance;

/// The report of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What was asked for.
    pub plan: Plan,
    /// The run that wrote the page.
    pub provenance: Provenance,
    /// The experiments with at least one row, in the order of the catalogue.
    pub sections: Vec<Section>,
}

/// One experiment of the report.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// The head.
    pub about: About,
    /// Figures, findings and checks.
    pub presentation: Presentation,
    /// Rows that are there.
    pub rows: usize,
    /// Rows of the complete experiment.
    pub planned: usize,
    /// The command that regenerates it.
    pub command: String,
    /// The revisions its rows come from, without repetition.
    pub revisions: Vec<String>,
}

impl Section {
    /// Whether all rows are there: its checks mean something only then.
    pub fn is_complete(&self) -> bool {
        self.rows == self.planned
    }
}
