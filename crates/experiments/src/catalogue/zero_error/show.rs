//! Figures, findings and checks.

use orthant::certificate::{Claim, MAX_DEFICIT};

use super::{
    EXACT, NOT_EXACT, NOT_FOUND, ROUNDED, affine, bounds_seeds, claims as claim_names, counts, edge,
    monomials, part, seeds, shapes, sizes_seeds,
};
use crate::experiment::{Check, Plan, Presentation};
use crate::figure::{Axis, Chart, Figure, Heading, Mark, Mean, Series, Table};
use crate::record::Row;
use crate::rows::{Rate, Rows};
use crate::statistics::quantile;

/// Instances of each kind of labels whose bounds are drawn.
const DRAWN: u64 = 250;

fn count(row: &Row, name: &str) -> usize {
    row.point.count(name)
}

fn row_monomials(row: &Row) -> usize {
    monomials(count(row, "k"), count(row, "d"))
}

fn with_outcome(rows: &Rows<'_>, outcome: &str) -> Rate {
    Rate { hits: rows.having("outcome", outcome).len(), of: rows.len() }
}

/// Whether all of at least one.
fn all(rate: Rate) -> bool {
    rate.of > 0 && rate.hits == rate.of
}

pub fn claims(rows: &Rows<'_>, plan: &Plan, to: &mut Presentation) {
    let exact = rows.having("part", part::CLAIMS).having("labels", EXACT);
    let equal = rows.rate("equal");
    let with_exact_labels =
        rows.filter(|row| row.text("part") != part::BOUNDS && row.text("labels") == EXACT).len();
    let determined = exact.having("determined", true);
    let enough = determined.filter(|row| count(row, "n") >= row_monomials(row));
    let recovered = Rate { hits: enough.having("equal", true).len(), of: enough.len() };
    let unique = Claim::Unique.to_string();
    let proved = with_outcome(&enough, &unique);
    let is_fewer = |row: &Row| {
        let n = count(row, "n");
        n < row_monomials(row) && n >= edge(count(row, "k"), count(row, "d"))
    };
    let fewer: Vec<(f64, Rate)> = exact
        .filter(is_fewer)
        .by_number("k")
        .iter()
        .map(|(k, rows)| (*k, with_outcome(rows, &unique)))
        .collect();
    let listed: Vec<String> = fewer.iter().map(|(k, rate)| format!("{rate} (k = {k})")).collect();
    let listed = listed.join(", ");
    let below = exact.filter(|row| count(row, "n") < edge(count(row, "k"), count(row, "d")));
    let refused = exact.having("found", true).filter(|row| row.text("outcome") == "not determined");
    let refused = Rate { hits: refused.having("determined", false).len(), of: refused.len() };
    to.findings.push(format!(
        "A network over the rationals is found in {} of {} instances, and equals the planted one, bit for bit, in {}. From n = N on, where the samples \
         determine the units, it is found and equal in {recovered}, and proved to be the only one in {}.",
        equal.of,
        with_exact_labels,
        equal.hits,
        proved.hits,
    ));
    to.findings.push(format!(
        "Uniqueness is proved from fewer than N samples, too: with n from (k + 1)(d + 1), or N − {MAX_DEFICIT} if that is more, to N in {listed}; with fewer in {}. \
         There are (k + 1)(d + 1) monomials without a product of two units; when these are dependent, relations between products do not help.",
        with_outcome(&below, &unique),
    ));
    if refused.of > 0 {
        to.findings.push(format!(
            "Exact in floating point, where uniqueness is measured against rounding, and refused over the rationals: {} instances; in {} of them the planted \
             network, given, is not certified to be the only one with its patterns either.",
            refused.of, refused.hits,
        ));
    }
    // What is said is then said of the planted network, too.
    let given_patterns = rows.having("outcome", Claim::UniqueGivenPatterns.to_string());
    let only = [rows.having("outcome", unique.clone()), given_patterns.having("same_patterns", true)];
    let equal_to_only = Rate {
        hits: only.iter().map(|rows| rows.having("equal", true).len()).sum(),
        of: only.iter().map(Rows::len).sum(),
    };
    let others = rows.having("equal", false).having("same_patterns", false);
    if !others.is_empty() {
        to.findings.push(format!(
            "Another network than the planted one, with other activation patterns and all labels, with equality, is found in {} instances: these samples have \
             more than one network, and none of them is proved to be the only one.",
            others.len()
        ));
    }
    to.checks.push(Check::new(
        "equal",
        "every network that is proved to be the only one, or the only one with its patterns if they are the planted ones, equals the planted one, bit for bit",
        equal_to_only.to_string(),
        all(equal_to_only),
    ));
    to.checks.push(Check::new(
        "recovered",
        "from n = N on it is found in 99 of 100 instances in which the samples determine the units",
        recovered.to_string(),
        100 * recovered.hits >= 99 * recovered.of && recovered.of > 0,
    ));
    to.checks.push(Check::new(
        "unique",
        "from n = N on, where it is found and determined, it is proved to be the only one in 99 of 100 instances",
        format!("{} of {}", proved.hits, recovered.hits),
        100 * proved.hits >= 99 * recovered.hits && recovered.hits > 0,
    ));
    to.checks.push(Check::new(
        "fewer-samples",
        format!(
            "for each k uniqueness proved in most instances with n from (k + 1)(d + 1), and at most {MAX_DEFICIT} below N, to N"
        ),
        listed,
        !fewer.is_empty() && fewer.iter().all(|(_, rate)| 2 * rate.hits > rate.of),
    ));
    to.figures.push(deficits(&exact, plan));
    to.figures.extend(shapes(plan).iter().map(|&shape| shares(&exact, shape, plan)));
}

/// The share of each claim against n/N.
fn shares(exact: &Rows<'_>, (k, d): (usize, usize), plan: &Plan) -> Figure {
    let all = monomials(k, d);
    let groups = exact.having("k", k).having("d", d).by_number("n");
    let curve = |share: &dyn Fn(&Rows<'_>) -> Rate| -> Vec<Mean> {
        groups.iter().map(|(n, rows)| share(rows).at(n / all as f64)).collect()
    };
    let mut series: Vec<Series> = claim_names()
        .iter()
        .map(|name| Series::curve(name, curve(&|rows| with_outcome(rows, name))))
        .collect();
    series.push(Series::curve(
        "no certificate",
        curve(&|rows| Rate { hits: rows.len() - rows.rate("equal").of, of: rows.len() }),
    ));
    let determined = curve(&|rows| rows.rate("determined"));
    series.push(Series::reference(
        "the samples determine the units",
        determined.iter().map(|point| (point.x, point.y)).collect(),
    ));
    let edge = edge(k, d);
    let name = if edge == affine(k, d) {
        "n = (k + 1)(d + 1)".to_string()
    } else {
        format!("n = N − {MAX_DEFICIT}")
    };
    Figure::Chart(Chart {
        heading: Heading::new(
            format!("zero-error-claims-{k}-{d}"),
            format!("What is proved, m = k = {k}, d = {d}"),
            format!(
                "N = {all} monomials; n from {} to {}. Share of {} instances for each point ({}), bands are 95 % Wilson intervals.",
                counts(k, d).first().copied().unwrap_or(0),
                counts(k, d).last().copied().unwrap_or(0),
                seeds(plan),
                plan.seed_range(seeds(plan))
            ),
        ),
        x: Axis::linear("samples per monomial n/N"),
        y: Axis::rate("share"),
        series,
        marks: vec![Mark { name, x: edge as f64 / all as f64 }, Mark { name: "n = N".to_string(), x: 1.0 }],
    })
}

/// Where uniqueness ceases to be proved.
fn deficits(exact: &Rows<'_>, plan: &Plan) -> Figure {
    let unique = Claim::Unique.to_string();
    let series = shapes(plan).iter().map(|&(k, d)| {
        let all = monomials(k, d) as f64;
        let groups = exact.having("k", k).having("d", d).by_number("n");
        let fewer = groups.iter().rev().filter(|(n, _)| *n <= all);
        let points = fewer.map(|(n, rows)| with_outcome(rows, &unique).at(all - n)).collect();
        Series::curve(format!("k = {k}, d = {d}: {} monomials are products", k * (k - 1) / 2), points)
    });
    Figure::Chart(Chart {
        heading: Heading::new(
            "zero-error-deficit",
            "Uniqueness with fewer samples than monomials",
            format!(
                "Share of {} instances for each point ({}), bands are 95 % Wilson intervals. The monomials z_a z_b are k(k − 1)/2; each curve falls where more \
                 samples are missing than that, or more than {MAX_DEFICIT}, where the checker stops.",
                seeds(plan),
                plan.seed_range(seeds(plan))
            ),
        ),
        x: Axis::linear("samples missing N − n"),
        y: Axis::rate("proved unique"),
        series: series.collect(),
        marks: vec![Mark { name: format!("{MAX_DEFICIT} missing"), x: MAX_DEFICIT as f64 }],
    })
}

/// Prover over checker in time, in increasing order.
fn ratios(rows: &Rows<'_>) -> Vec<f64> {
    let ratio = |row: &Row| Some(row.number("prover_seconds")? / row.number("checker_seconds")?);
    let mut ratios: Vec<f64> = rows.iter().filter_map(ratio).collect();
    ratios.sort_by(f64::total_cmp);
    ratios
}

pub fn certificates(rows: &Rows<'_>, plan: &Plan, to: &mut Presentation) {
    let checked = rows.rate("checked");
    let forged: Vec<f64> = rows.numbers("passed");
    let passed: f64 = forged.iter().sum();
    to.checks.push(Check::new("checked", "every certificate checks", checked.to_string(), all(checked)));
    to.checks.push(Check::new(
        "forged",
        "no certificate passes with a weight or a label off by 2⁻⁶⁰",
        format!("{passed} of {}", 2 * forged.len()),
        passed == 0.0 && !forged.is_empty(),
    ));
    let sizes = rows.having("part", part::SIZES);
    let mut body = Vec::new();
    let mut least = f64::INFINITY;
    for (_, rows) in sizes.by_number("k") {
        for (_, rows) in rows.by_number("n") {
            let Some(first) = rows.iter().next() else { continue };
            let ratio = quantile(&ratios(&rows), 0.5);
            least = least.min(ratio.unwrap_or(0.0));
            let of = |name: &str| with_outcome(&rows, name).hits.to_string();
            let number = |value: Option<f64>, scale: f64, digits: usize| {
                value.map_or("–".to_string(), |value| format!("{:.digits$}", scale * value))
            };
            let [unique, given, _] = claim_names();
            body.push(vec![
                ["k", "d", "n"].map(|name| count(first, name).to_string()).join(", "),
                of(&unique),
                of(&given),
                number(rows.max("bits"), 1.0, 0),
                number(rows.median("prover_seconds"), 1e3, 1),
                number(rows.median("certify_seconds"), 1e3, 1),
                number(rows.median("checker_seconds"), 1e3, 2),
                number(ratio, 1.0, 0),
            ]);
        }
    }
    let deficient = rows.having("part", part::CLAIMS).filter(|row| row.number("deficit") > Some(0.0));
    let worst = deficient
        .by_number("n")
        .iter()
        .flat_map(|(n, rows)| rows.by_number("k").into_iter().map(|(k, rows)| (*n, k, rows)))
        .filter_map(|(n, k, rows)| Some((quantile(&ratios(&rows), 0.5)?, n, k, rows.max("deficit")?)))
        .min_by(|a, b| a.0.total_cmp(&b.0));
    let bits = rows.max("bits").unwrap_or(f64::NAN);
    let mut finding = format!(
        "The largest numerator or denominator of a weight has {bits} bits. At the sizes of the table the checker is at least {least:.1} times as fast as the prover."
    );
    if let Some((ratio, n, k, deficit)) = worst {
        finding += &format!(
            " The checker is slower where many samples are missing: {ratio:.1} times as fast with {deficit} missing (k = {k}, n = {n}), the worst of all medians."
        );
    }
    to.findings.push(finding);
    to.checks.push(Check::new(
        "checker-faster",
        "the checker ten times as fast as the prover, in the median at each size of the table (not where many samples are missing)",
        if body.is_empty() { "unknown".to_string() } else { format!("{least:.1} times at least") },
        !body.is_empty() && least >= 10.0,
    ));
    let head = [
        "k, d, n",
        "unique",
        "given patterns",
        "bits",
        "prover (ms)",
        "without search (ms)",
        "checker (ms)",
        "ratio",
    ];
    to.figures.push(Figure::Table(Table {
        heading: Heading::new(
            "zero-error-sizes",
            "Certificates: claims, bits and times",
            format!(
                "m = k. Of {} instances for each size ({}): how many are proved unique, and unique given the patterns only; the others have no certificate. Bits of \
                 the largest weight of all. Medians of the time of the prover, with the recovery in floating point that it begins with and without it, of the time of \
                 the checker, and of their ratio.",
                sizes_seeds(plan),
                plan.seed_range(sizes_seeds(plan))
            ),
        ),
        head: head.map(String::from).to_vec(),
        body,
    }));
}

pub fn rounded(rows: &Rows<'_>, to: &mut Presentation) {
    let rows = rows.having("part", part::CLAIMS).having("labels", ROUNDED);
    let determined = rows.having("determined", true).filter(|row| row.text("outcome") != NOT_FOUND);
    let said = with_outcome(&determined, NOT_EXACT);
    let certified = rows.rate("equal").of;
    to.findings.push(format!(
        "Of labels rounded once it is said that they are not exactly those of a network in {} of {} instances; {certified} are certified.",
        with_outcome(&rows, NOT_EXACT).hits,
        rows.len()
    ));
    to.checks.push(Check::new(
        "rounded",
        "labels rounded once are `not exact`, where the samples determine the units and a network is found, and none is certified",
        format!("{said}, {certified} certified"),
        all(said) && certified == 0,
    ));
}

pub fn bounds(rows: &Rows<'_>, plan: &Plan, to: &mut Presentation) {
    let total = |name: &str| rows.numbers(name).iter().sum::<f64>();
    let (weights, below) = (total("weights"), total("below"));
    let compared = rows.numbers("ratio").len() == rows.having("outcome", "bounded").len();
    let mut medians = Vec::new();
    let mut series = Vec::new();
    let mut range = (f64::INFINITY, 0.0f64);
    for labels in [EXACT, ROUNDED] {
        let rows = rows.having("labels", labels);
        let found = rows.rate("found").hits;
        let bounded = rows.filter(|row| row.number("ratio").is_some());
        let ratio = bounded.median("ratio").unwrap_or(f64::NAN);
        to.findings.push(format!(
            "Labels {}: of {} instances {found} are exact in floating point, and {} have bounds. The median over them of the median ratio of bound and error is \
             {ratio:.1}, and the largest is {}.",
            if labels == EXACT { "exact" } else { "rounded once" },
            rows.len(),
            bounded.len(),
            shown(bounded.max("ratio")),
        ));
        medians.push(ratio);
        let drawn = bounded.filter(|row| row.seed.wrapping_sub(plan.seed) < DRAWN);
        let points: Vec<Mean> = drawn
            .iter()
            .filter_map(|row| Some(Mean::exact(row.number("error")?, row.number("bound")?)))
            .collect();
        for point in &points {
            range = (range.0.min(point.x), range.1.max(point.x));
        }
        let name = if labels == EXACT { "exact labels" } else { "labels rounded once" };
        series.push(Series::dots(name, points));
    }
    if range.0 > 0.0 && range.0 <= range.1 {
        series.push(Series::reference("bound = error", vec![(range.0, range.0), (range.1, range.1)]));
    }
    to.checks.push(Check::new(
        "bounds-true",
        "no bound is below the error",
        format!("{below} of {weights} weights"),
        below == 0.0 && weights > 0.0 && compared,
    ));
    let listed: Vec<String> = medians.iter().map(|ratio| format!("{ratio:.1}")).collect();
    to.checks.push(Check::new(
        "bounds-near",
        "median ratio of bound and error below 10³, for exact labels and for labels rounded once",
        listed.join(" and "),
        medians.iter().all(|ratio| *ratio < 1e3),
    ));
    to.figures.push(Figure::Chart(Chart {
        heading: Heading::new(
            "zero-error-bounds",
            "Error bounds against errors",
            format!(
                "A point for each instance: the largest error of a weight and the largest bound, both relative to the weight. The first {} instances of each kind of \
                 labels ({}) that have bounds; m = k = d from 2 to 6, n = 20(k + 1), recovered in floating point.",
                DRAWN.min(bounds_seeds(plan) as u64),
                plan.seed_range(bounds_seeds(plan).min(DRAWN as usize)),
            ),
        ),
        x: Axis::log("largest relative error"),
        y: Axis::log("largest relative bound"),
        series,
        marks: Vec::new(),
    }));
}

/// A ratio in a sentence.
fn shown(ratio: Option<f64>) -> String {
    match ratio {
        None => "unknown".to_string(),
        Some(ratio) if ratio < 1e4 => format!("{ratio:.0}"),
        Some(ratio) => format!("{ratio:.1e}"),
    }
}
