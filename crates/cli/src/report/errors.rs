//! What exact recovery reports when some labels are gross errors or cut off.

use orthant::noisy::{ClippedRecovery, SparseRecovery};
use serde::Serialize;

/// Gross errors in the JSON report.
#[derive(Debug, Serialize)]
pub(super) struct GrossErrorReport {
    count: usize,
    fraction: f64,
    largest: f64,
    clean_samples: usize,
    decoded_samples: usize,
    undecided_samples: usize,
    label_rank: usize,
    incoherence: Option<f64>,
    route: String,
}

/// Clipping in the JSON report.
#[derive(Debug, Serialize)]
pub(super) struct ClippingReport {
    labels: usize,
    whole_samples: usize,
    deviation: f64,
}
