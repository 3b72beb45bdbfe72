//! Curves, half points and checks.

use orthant::Method;

use super::{KAPPAS, MOMENTS, PEER, PEER_STARTS, PhaseTransition, Size, compared, conditioned, seeds, sizes};
use crate::experiment::{Check, Experiment, Plan, Presentation};
use crate::figure::{Axis, Chart, Figure, Heading, Mark, Mean, Series, Table};
use crate::record::{Row, Value};
use crate::rows::Rows;

/// Where a success rate crosses 1/2.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Half {
    /// At or below the first ratio measured.
    Below(f64),
    /// Between two ratios, linearly.
    At(f64),
    /// Above the last ratio measured.
    Above(f64),
    /// Nothing was measured.
    Unknown,
}

impl Half {
    /// From rates in increasing order of the ratio: the last crossing.
    fn of(points: &[Mean]) -> Half {
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return Half::Unknown };
        match points.iter().rposition(|point| point.y < 0.5) {
            None => Half::Below(first.x),
            Some(i) if i + 1 == points.len() => Half::Above(last.x),
            Some(i) => {
                let (a, b) = (points[i], points[i + 1]);
                Half::At(a.x + (0.5 - a.y) / (b.y - a.y) * (b.x - a.x))
            }
        }
    }

    /// For comparisons: infinite when it was not reached.
    fn value(self) -> f64 {
        match self {
            Half::Below(x) | Half::At(x) => x,
            Half::Above(_) | Half::Unknown => f64::INFINITY,
        }
    }
}

impl std::fmt::Display for Half {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Half::Below(x) => write!(f, "≤ {x}"),
            Half::At(x) => write!(f, "{x:.2}"),
            Half::Above(x) => write!(f, "> {x}"),
            Half::Unknown => f.write_str("not measured"),
        }
    }
}

/// The rows of one curve.
fn curve_rows<'a>(rows: &Rows<'a>, method: &str, (m, k, d): Size, kappa: Option<f64>) -> Rows<'a> {
    let rows = rows.having("method", method).having("m", m).having("k", k).having("d", d);
    rows.having("kappa", Value::from(kappa))
}

/// The rate of a flag by n/d, where there are rows with it.
fn rates(rows: &Rows<'_>, flag: &str) -> Vec<Mean> {
    let groups = rows.by_number("ratio");
    groups
        .iter()
        .map(|(x, rows)| (x, rows.rate(flag)))
        .filter(|(_, rate)| rate.of > 0)
        .map(|(x, rate)| rate.at(*x))
        .collect()
}

/// The limit, without its band: a line that others are compared with.
fn limit(rows: &Rows<'_>) -> Vec<(f64, f64)> {
    rates(rows, "determined").iter().map(|point| (point.x, point.y)).collect()
}

/// Equations nm against unknowns k(d + m) less one scale per unit.
fn counting(size: Size) -> f64 {
    let (m, k, d) = size;
    (k * (d + m - 1)) as f64 / (m * d) as f64
}

fn name_of((m, k, d): Size) -> String {
    format!("m = {m}, k = {k}, d = {d}")
}

pub(super) fn present(rows: &[Row], plan: &Plan) -> Presentation {
    let rows = Rows::new(rows);
    let pursuit = Method::Pursuit.name();
    let half = |method: &str, size, kappa| Half::of(&rates(&curve_rows(&rows, method, size, kappa), "exact"));
    let mut figures: Vec<Figure> =
        compared(plan).iter().map(|&size| methods_chart(&rows, size, plan)).collect();
    figures.push(sizes_chart(&rows, plan));
    figures.push(condition_chart(&rows, plan));
    figures.push(half_points(&rows, plan));

    let size = sizes(plan)[0];
    let limit_half = Half::of(&rates(&curve_rows(&rows, pursuit, size, None), "determined"));
    let halves: Vec<(&str, Half)> =
        MOMENTS.iter().map(|method| (method.name(), half(method.name(), size, None))).collect();
    let mut findings = vec![format!(
        "At {} half of the instances are recovered from n/d = {} by pursuit; {}. Half of them are determined by their samples from n/d = {limit_half}.",
        name_of(size),
        half(pursuit, size, None),
        halves.iter().map(|(name, half)| format!("{half} by {name}")).collect::<Vec<_>>().join(", "),
    )];
    let peer = curve_rows(&rows, PEER, size, None);
    let skipped = peer.by_text("skipped");
    findings.push(match skipped.first() {
        Some((why, skipped)) => format!("L-BFGS was skipped in {} rows: {why}.", skipped.len()),
        None => format!(
            "L-BFGS, which is given the width, starts up to {PEER_STARTS} times and is asked for no evidence, has its half point at {}.",
            half(PEER, size, None)
        ),
    });
    let by_kappa: Vec<String> = KAPPAS
        .iter()
        .map(|&kappa| format!("{} at {kappa}", half(pursuit, conditioned(plan), Some(kappa))))
        .collect();
    findings.push(format!(
        "Pursuit's half point by the condition number of U and V: {} ({}).",
        by_kappa.join(", "),
        name_of(conditioned(plan))
    ));
    Presentation { findings, figures, checks: checks(&rows, plan) }
}

fn checks(rows: &Rows<'_>, plan: &Plan) -> Vec<Check> {
    let pursuit = Method::Pursuit.name();
    let half = |method: &str, size| Half::of(&rates(&curve_rows(rows, method, size, None), "exact"));
    let wrong = rows.rate("wrong");
    let mut checks = vec![Check::new(
        "no-wrong-exact",
        "no network called exact or complete has other weights than the planted one",
        wrong.to_string(),
        wrong.hits == 0 && wrong.of > 0,
    )];
    let at_four = sizes(plan).iter().map(|&size| {
        let rate = curve_rows(rows, pursuit, size, None).having("ratio", 4.0).rate("exact");
        (size, rate)
    });
    // Instances fail at 4d in a few of hundred; three in one of these groups would be a change.
    let at_four: Vec<_> = at_four.collect();
    checks.push(Check::new(
        "pursuit-at-4d",
        format!("at most 2 of {} fail by pursuit at n = 4d, for each size", seeds(plan)),
        at_four
            .iter()
            .map(|(size, rate)| format!("{rate} at {}", name_of(*size)))
            .collect::<Vec<_>>()
            .join("; "),
        at_four.iter().all(|(_, rate)| rate.of > 0 && rate.hits + 2 >= rate.of),
    ));
    let size = sizes(plan)[0];
    let limit = Half::of(&rates(&curve_rows(rows, pursuit, size, None), "determined"));
    let ours = half(pursuit, size);
    checks.push(Check::new(
        "pursuit-near-limit",
        "pursuit's half point is at most 1.35 times that of the limit",
        format!("{ours} against {limit}"),
        ours.value() <= 1.35 * limit.value(),
    ));
    let [ica, symmetric, tensor, power] = MOMENTS.map(|method| half(method.name(), size));
    checks.push(Check::new(
        "moments",
        "half points of ica and symmetric at n ≤ 6d, of tensor at n ≤ 8d, of power at n ≤ 16d; that of pursuit below tensor's, and tensor's below power's",
        format!("ica {ica}, symmetric {symmetric}, tensor {tensor}, power {power}, pursuit {ours}"),
        ica.value().max(symmetric.value()) <= 6.0
            && tensor.value() <= 8.0
            && power.value() <= 16.0
            && ours.value() < tensor.value()
            && tensor.value() < power.value(),
    ));
    checks
}

fn rate_chart(heading: Heading, x: Axis, series: Vec<Series>, marks: Vec<Mark>) -> Figure {
    Figure::Chart(Chart { heading, x, y: Axis::rate("recovered exactly"), series, marks })
}

fn methods_chart(rows: &Rows<'_>, size: Size, plan: &Plan) -> Figure {
    let own = |method: &str| curve_rows(rows, method, size, None);
    let pursuit = own(Method::Pursuit.name());
    let mut series = vec![
        Series::reference("limit: every unit active on d samples", limit(&pursuit)),
        Series::curve("pursuit", rates(&pursuit, "exact")),
    ];
    for method in MOMENTS {
        let orthonormal = if method == Method::Ica { " (orthonormal V)" } else { "" };
        series.push(Series::curve(
            format!("{}{orthonormal}", method.name()),
            rates(&own(method.name()), "exact"),
        ));
    }
    let peer = rates(&own(PEER), "exact");
    if !peer.is_empty() {
        series.push(Series::curve("SciPy L-BFGS, width given", peer));
    }
    let (m, k, d) = size;
    let heading = Heading::new(
        format!("{}-methods-{m}-{k}-{d}", PhaseTransition.about().name),
        "Success by method",
        format!(
            "{}; {} instances for each point ({}), bands are 95 % Wilson intervals. Moment methods decompose once. The counting bound is \
             n = k(d + m − 1)/m, where the labels are as many as the weights.",
            name_of(size),
            seeds(plan),
            plan.seed_range(seeds(plan))
        ),
    );
    let marks = vec![Mark { name: "counting bound".to_string(), x: counting(size) }];
    rate_chart(heading, Axis::log("samples per input n/d"), series, marks)
}

fn sizes_chart(rows: &Rows<'_>, plan: &Plan) -> Figure {
    let mut series = Vec::new();
    let mut marks = Vec::new();
    for &size in sizes(plan) {
        let (m, k, d) = size;
        let rows = curve_rows(rows, Method::Pursuit.name(), size, None);
        series.push(Series::curve(format!("{m}, {k}, {d}"), rates(&rows, "exact")));
        series.push(Series::reference(format!("limit of {m}, {k}, {d}"), limit(&rows)));
        marks.push(Mark { name: format!("counting bound of {m}, {k}, {d}"), x: counting(size) });
    }
    let heading = Heading::new(
        format!("{}-sizes", PhaseTransition.about().name),
        "Success of pursuit by size (m, k, d)",
        format!(
            "Pursuit, width unknown; {} instances for each point ({}), bands are 95 % Wilson intervals. Dashed: instances in which every unit is \
             active on at least d samples. A verdict of exact needs a few samples more than that: each unit keeps samples to check it with, and four \
             samples are held out.",
            seeds(plan),
            plan.seed_range(seeds(plan))
        ),
    );
    rate_chart(heading, Axis::linear("samples per input n/d"), series, marks)
}

fn condition_chart(rows: &Rows<'_>, plan: &Plan) -> Figure {
    let size = conditioned(plan);
    let curve = |kappa| rates(&curve_rows(rows, Method::Pursuit.name(), size, Some(kappa)), "exact");
    let series = KAPPAS.iter().map(|&kappa| Series::curve(format!("κ = {kappa}"), curve(kappa))).collect();
    let heading = Heading::new(
        format!("{}-condition", PhaseTransition.about().name),
        "Success of pursuit by condition number",
        format!(
            "Pursuit, {}; U and V (before its rows are normalised) both have condition number κ. {} instances for each point ({}), bands are 95 % \
             Wilson intervals.",
            name_of(size),
            seeds(plan),
            plan.seed_range(seeds(plan))
        ),
    );
    rate_chart(heading, Axis::linear("samples per input n/d"), series, Vec::new())
}

/// The table of half points.
fn half_points(rows: &Rows<'_>, plan: &Plan) -> Figure {
    let mut body = Vec::new();
    let mut add = |label: &str, method: &str, size: Size, kappa: Option<f64>| {
        let rows = curve_rows(rows, method, size, kappa);
        let exact = rates(&rows, "exact");
        if exact.is_empty() {
            return;
        }
        let all = exact.iter().find(|point| exact.iter().all(|p| p.x < point.x || p.y == 1.0));
        body.push(vec![
            label.to_string(),
            name_of(size),
            kappa.map_or("Gaussian".to_string(), |kappa| format!("κ = {kappa}")),
            Half::of(&exact).to_string(),
            all.map_or("none".to_string(), |point| point.x.to_string()),
            Half::of(&rates(&rows, "determined")).to_string(),
            format!("{:.2}", counting(size)),
        ]);
    };
    for &size in sizes(plan) {
        add("pursuit", Method::Pursuit.name(), size, None);
    }
    for &size in compared(plan) {
        for method in MOMENTS {
            add(method.name(), method.name(), size, None);
        }
        add("SciPy L-BFGS", PEER, size, None);
    }
    for kappa in KAPPAS {
        add("pursuit", Method::Pursuit.name(), conditioned(plan), Some(kappa));
    }
    Figure::Table(Table {
        heading: Heading::new(
            format!("{}-half-points", PhaseTransition.about().name),
            "Samples per input at which half of the instances are recovered",
            "The last crossing of 1/2, linear between the ratios measured; then the ratio from which all instances are recovered, the half point of the \
             limit on the same instances, and the counting bound. V is orthonormal for ica.",
        ),
        head: ["method", "size", "U and V", "n/d, half", "n/d, all", "limit", "counting"]
            .map(String::from)
            .to_vec(),
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_points_are_the_last_crossing() {
        let rates = |shares: &[f64]| -> Vec<Mean> {
            shares.iter().enumerate().map(|(i, &share)| Mean::exact(i as f64, share)).collect()
        };
        assert_eq!(Half::of(&rates(&[])), Half::Unknown);
        assert_eq!(Half::of(&rates(&[0.6, 1.0])), Half::Below(0.0));
        assert_eq!(Half::of(&rates(&[0.0, 0.4])), Half::Above(1.0));
        assert_eq!(Half::of(&rates(&[0.0, 0.6, 0.2, 0.8, 1.0])), Half::At(2.5));
    }

    #[test]
    fn counting_compares_labels_with_weights() {
        // 20 · 39 weights, scales taken off, against 20 labels a sample.
        assert_eq!(counting((20, 20, 20)), 39.0 / 20.0);
    }
}
