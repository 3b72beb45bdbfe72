//! What exact recovery reports when some labels are gross errors or cut off.

use std::fmt::Write;

use orthant::noisy::{ClippedRecovery, SparseRecovery};
use serde::Serialize;

/// Gross errors in the JSON report.
#[derive(Debug, Serialize)]
pub(super) struct GrossErrorReport {
    count: usize,
    /// Of all labels.
    fraction: f64,
    largest: f64,
    doubt: Option<String>,
    clean_samples: usize,
    mended_samples: usize,
    undecided_samples: usize,
    label_space: usize,
    found_by: String,
    incoherence: Option<f64>,
    pursuit_error: Option<f64>,
    pursuit_iterations: usize,
}

impl GrossErrorReport {
    pub(super) fn new(sparse: &SparseRecovery, labels: usize) -> GrossErrorReport {
        GrossErrorReport {
            count: sparse.errors.len(),
            fraction: sparse.errors.len() as f64 / labels as f64,
            largest: sparse.errors.iter().fold(0.0, |largest, error| largest.max(error.value.abs())),
            doubt: sparse.doubt.map(|doubt| doubt.to_string()),
            clean_samples: sparse.clean_samples,
            mended_samples: sparse.mended_samples,
            undecided_samples: sparse.undecided_samples.len(),
            label_space: sparse.rank,
            found_by: sparse.route.to_string(),
            incoherence: sparse.incoherence.as_ref().map(orthant::noisy::sparse::Incoherence::mu),
            pursuit_error: sparse.pursuit_error,
            pursuit_iterations: sparse.pursuit_iterations,
        }
    }
}

/// Clipping in the JSON report.
#[derive(Debug, Serialize)]
pub(super) struct ClippingReport {
    labels: usize,
    whole_samples: usize,
    deviation: f64,
}

impl ClippingReport {
    pub(super) fn new(clipped: &ClippedRecovery) -> ClippingReport {
        ClippingReport {
            labels: clipped.clipped_labels,
            whole_samples: clipped.whole_samples,
            deviation: clipped.deviation,
        }
    }
}

/// Lines on gross errors for the summary.
pub(super) fn gross(sparse: &SparseRecovery, text: &mut String) {
    if sparse.rank == 0 && sparse.errors.is_empty() && !sparse.undecided_samples.is_empty() {
        super::line(text, "errors", "none told: no space of fewer dimensions than outputs holds most labels");
        return;
    }
    let clean = format!("{} clean and {} mended samples used", sparse.clean_samples, sparse.mended_samples);
    super::line(text, "errors", &format!("{} labels are wrong; {clean}", sparse.errors.len()));
    if let Some(doubt) = &sparse.doubt {
        super::line(text, "", &doubt.to_string());
    }
    if !sparse.undecided_samples.is_empty() {
        super::line(text, "", &format!("{} samples could not be decided", sparse.undecided_samples.len()));
    }
    let mut space = format!("dimension {}, found by {}", sparse.rank, sparse.route);
    if let Some(incoherence) = &sparse.incoherence {
        // Writing to a string does not fail.
        let _ = write!(space, "; incoherence {:.1}", incoherence.mu());
    }
    super::line(text, "label space", &space);
}

/// Lines on clipping for the summary.
pub(super) fn clipping(clipped: &ClippedRecovery, text: &mut String) {
    let labels =
        format!("{} labels at their bounds agree to {:.1e}", clipped.clipped_labels, clipped.deviation);
    super::line(text, "clipping", &format!("{labels}; {} samples without were used", clipped.whole_samples));
}
