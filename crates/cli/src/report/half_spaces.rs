//! The report on a fit under arbitrary errors.

use orthant::Verdict;
use orthant::fpt::half_spaces::{Ending, Fit, theorem_78_bound, theorem_78_corrected};
use serde::Serialize;

use super::Run;

/// The JSON report. Keys appear in the order of the fields; numbers that are not finite become `null`.
#[derive(Debug, Serialize)]
pub(super) struct HalfSpaceReport {
    verdict: Verdict,
    reason: String,
    n: usize,
    d: usize,
    m: usize,
    width: usize,
    noise: &'static str,
    /// |A - U f(VX)|_F, that of the zero network, and that before the descent.
    residual: f64,
    zero_residual: f64,
    half_space_residual: f64,
    ending: Ending,
    guesses: u64,
    accuracy: f64,
    sigma_min: f64,
    error_frobenius: f64,
    error_spectral: f64,
    bound: f64,
    bound_corrected: f64,
    seed: u64,
    seconds: f64,
}

impl HalfSpaceReport {
    pub(super) fn new(fit: &Fit, run: Run) -> HalfSpaceReport {
        let terms = &fit.estimated;
        HalfSpaceReport {
            verdict: fit.verdict(),
            reason: reason(fit),
            n: run.n,
            d: run.d,
            m: run.m,
            width: fit.best().network.k(),
            noise: "arbitrary",
            residual: fit.best().residual,
            zero_residual: fit.zero_residual,
            half_space_residual: fit.half_spaces.residual,
            ending: fit.ending,
            guesses: fit.guesses,
            accuracy: terms.accuracy,
            sigma_min: terms.sigma_min,
            error_frobenius: terms.error_frobenius,
            error_spectral: terms.error_spectral,
            bound: theorem_78_bound(terms),
            bound_corrected: theorem_78_corrected(terms),
            seed: run.seed,
            seconds: run.seconds,
        }
    }
}

/// The report on a few lines.
pub(super) fn summary(fit: &Fit, run: Run) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| super::line(&mut text, name, value);
    line("verdict", &fit.verdict().to_string());
    line("reason", &reason(fit));
    line("samples", &super::sizes(run.n, run.d, run.m));
    line("width", &format!("{} (given)", fit.best().network.k()));
    let (best, zero) = (fit.best().residual, fit.zero_residual);
    line("residual", &format!("{best:.4e} in Frobenius norm; {zero:.4e} without any unit"));
    let (alone, bound) = (fit.half_spaces.residual, theorem_78_corrected(&fit.estimated));
    line(
        "half-spaces",
        &format!("{alone:.4e} before the descent; Theorem 78 allows {bound:.4e} where these are the errors"),
    );
    line("method", &format!("half-spaces, {} guesses, {:.2} s, seed {}", fit.guesses, run.seconds, run.seed));
    text
}

fn reason(fit: &Fit) -> String {
    let explained = fit.explained();
    match (fit.verdict(), fit.ending) {
        (Verdict::NotRecovered, Ending::Completed) => {
            format!(
                "no network of this width explains more of the labels ({:.2} %) than chance does",
                100.0 * explained
            )
        }
        (Verdict::NotRecovered, Ending::Stopped) => "stopped before a network was found".to_string(),
        (_, Ending::Stopped) => {
            format!("stopped: the best network until then explains {:.2} % of the labels", 100.0 * explained)
        }
        _ => format!(
            "explains {:.2} % of the labels; under arbitrary errors nothing is said of the weights",
            100.0 * explained
        ),
    }
}
