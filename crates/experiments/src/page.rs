//! The report as a page.

use crate::report::Report;

/// Temporary.
pub fn render(report: &Report) -> String {
    format!("<pre>{report:#?}</pre>")
}
