//! Charts, table and checks of the noise experiment.

use super::{FEW, LEVEL, MAIN, SQUARE, Size, repetitions};
use crate::experiment::{Check, Plan, Presentation};
use crate::figure::{Axis, Chart, Figure, Heading, Mean, Series, Table};
use crate::record::Row;
use crate::rows::Rows;
use crate::statistics::{log_log_slope, quantile};

pub(super) fn present(rows: &[Row], plan: &Plan) -> Presentation {
    let rows = Rows::new(rows);
    let seeds = repetitions(plan);
    let counted = format!("{seeds} instances per point ({})", plan.seed_range(seeds));
    let main = of_size(&rows, MAIN).having("noise", "gaussian");
    let over_samples = main.having("level", LEVEL);
    let over_levels = main.having("n", FEW * MAIN.2);
    let figures = vec![
        errors_chart(&over_samples, Axis::log("samples n"), "n", Weights::V, &counted),
        errors_chart(
            &over_levels,
            Axis::log("noise / deviation of the labels"),
            "level",
            Weights::V,
            &counted,
        ),
        errors_chart(&over_samples, Axis::log("samples n"), "n", Weights::U, &counted),
        calibration(&over_samples, &over_levels, &counted),
        table(&rows, &counted),
    ];

    let slope = |rows: &Rows<'_>, by: &str, name: &str| {
        let points: Vec<(f64, f64)> =
            rows.by_number(by).iter().filter_map(|(x, rows)| Some((*x, rows.median(name)?))).collect();
        log_log_slope(&points).unwrap_or(f64::NAN)
    };
    let exponents = ["error_v", "error_u", "route_v", "route_u"].map(|name| slope(&over_samples, "n", name));
    let quiet = over_levels.filter(|row| row.number("level").is_some_and(|level| level <= 1.0));
    let in_level = slope(&quiet, "level", "error_v");
    // Above 1 the labels are mostly noise: there 1000 samples are few, and the linearisation behind the bound ends.
    let usual = rows.filter(|row| row.number("level").is_some_and(|level| level <= 0.5));
    let (found, right) = (usual.rate("found"), rows.rate("found"));
    // What Cramér and Rao bound is the mean square.
    let (v, u) = (root_mean_square(&usual, "v_over_bound"), root_mean_square(&usual, "u_over_bound"));
    let oracle = usual.numbers("v_over_oracle");
    let oracle = [0.5, 0.95].map(|p| quantile(&oracle, p).unwrap_or(f64::NAN));
    let not_above = usual.rate("not_above_oracle");
    let mean = |name| {
        let numbers = usual.numbers(name);
        numbers.iter().sum::<f64>() / numbers.len() as f64
    };
    let coverage = [mean("coverage_v"), mean("coverage_u")];
    let kinds = ["uniform", "sign"].map(|kind| root_mean_square(&rows.having("noise", kind), "v_over_bound"));
    let route = over_samples.rate("route_found");
    let route_over_bound = over_samples.median("route_v_over_bound").unwrap_or(f64::NAN);
    let square = of_size(&rows, SQUARE).rate("route_found");
    let within = |x: f64, target: f64, by: f64| (x - target).abs() <= by;

    let checks = vec![
        Check::new(
            "rate-in-samples",
            "errors of V and U fall as n^(−1/2), exponents within 0.1",
            format!("n^({:.2}) and n^({:.2})", exponents[0], exponents[1]),
            within(exponents[0], -0.5, 0.1) && within(exponents[1], -0.5, 0.1),
        ),
        Check::new(
            "rate-in-noise",
            "the error of V is proportional to the noise up to level 1, exponent within 0.1 of 1",
            format!("{in_level:.2}"),
            within(in_level, 1.0, 0.1),
        ),
        Check::new(
            "at-the-information-bound",
            "up to level 0.5 root mean square errors are 0.9 to 1.1 times the bound",
            format!("{v:.3} for V, {u:.3} for U"),
            within(v, 1.0, 0.1) && within(u, 1.0, 0.1),
        ),
        Check::new(
            "kinds-of-noise",
            "the same for V under uniform and sign noise",
            format!("{:.3} and {:.3}", kinds[0], kinds[1]),
            kinds.iter().all(|&kind| within(kind, 1.0, 0.1)),
        ),
        Check::new(
            "at-the-oracle",
            "up to level 0.5 at most 1.01 times the oracle's error in the median, 1.05 at the 95th percentile",
            format!("{:.4} and {:.4}", oracle[0], oracle[1]),
            oracle[0] <= 1.01 && oracle[1] <= 1.05,
        ),
        Check::new(
            "width-and-units",
            "up to level 0.5 all units found, at the true width, in 98 of 100",
            found.to_string(),
            found.share() >= 0.98,
        ),
        Check::new(
            "calibrated",
            "up to level 0.5, 93 to 97 % of weights within their 95 % intervals",
            format!("{:.1} % of V, {:.1} % of U", 100.0 * coverage[0], 100.0 * coverage[1]),
            coverage.iter().all(|&share| within(share, 0.95, 0.02)),
        ),
        Check::new(
            "rate-of-the-papers-route",
            "its errors fall as n^(−1/2), too, exponents within 0.15, with all units found in 9 of 10",
            format!("n^({:.2}) for V, n^({:.2}) for U, {route} found", exponents[2], exponents[3]),
            within(exponents[2], -0.5, 0.15) && within(exponents[3], -0.5, 0.15) && route.share() >= 0.9,
        ),
    ];
    let findings = vec![
        format!(
            "Up to half the labels' deviation the root mean square error of V is {v:.3} times the information bound, that of U {u:.3} \
             times; in the median the error of V is {:.4} times that of the refinement started at the true weights, with a sum of squares that is not above that \
             one's in {not_above}. Under normal noise no unbiased method can be more accurate.",
            oracle[0]
        ),
        format!(
            "The paper's route (moments, signs, regression) falls at the same rate, n^({:.2}), but stays {route_over_bound:.1} times \
             above the bound at a tenth of the labels' deviation: it is a start for the refinement, which the paper does not have. With as many units as inputs \
             it loses units: all found in {square}.",
            exponents[2]
        ),
        format!(
            "All units at the true width, which was not given: {right} runs, of which {} of {} up to half the labels' deviation.",
            found.hits, found.of
        ),
        format!(
            "Standard errors can be believed: {:.1} % of the weights of V and {:.1} % of those of U lie within their 95 % intervals.",
            100.0 * coverage[0],
            100.0 * coverage[1]
        ),
        "For uniform and sign noise the bound is that of least squares; such errors have edges that a method which knew of \
         them could use."
            .to_string(),
    ];
    Presentation { findings, figures, checks }
}

/// Of the numbers of this name.
fn root_mean_square(rows: &Rows<'_>, name: &str) -> f64 {
    let numbers = rows.numbers(name);
    (numbers.iter().map(|x| x * x).sum::<f64>() / numbers.len() as f64).sqrt()
}

fn of_size<'a>(rows: &Rows<'a>, (m, k, d): Size) -> Rows<'a> {
    rows.having("m", m).having("k", k).having("d", d)
}

/// Which weights a chart is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weights {
    V,
    U,
}

/// Errors by `by`, with the bound as a dashed line and the oracle as points.
fn errors_chart(rows: &Rows<'_>, x: Axis, by: &str, weights: Weights, counted: &str) -> Figure {
    let (letter, label) = match weights {
        Weights::V => ("v", "error of V"),
        Weights::U => ("u", "relative error of U"),
    };
    let points = |name: &str| -> Vec<Mean> {
        let name = format!("{name}_{letter}");
        rows.by_number(by).iter().filter_map(|(x, rows)| rows.quartiles(&name, *x)).collect()
    };
    let line = |points: Vec<Mean>| points.iter().map(|point| (point.x, point.y)).collect();
    let unbanded = |points: Vec<Mean>| points.iter().map(|point| Mean::exact(point.x, point.y)).collect();
    let (m, k, d) = MAIN;
    let (title, settings) = match by {
        "n" => ("against samples", format!("normal noise of {LEVEL} times the labels' deviation")),
        _ => ("against noise", format!("n = {}, normal noise", FEW * d)),
    };
    Figure::Chart(Chart {
        heading: Heading::new(
            format!("noise-{letter}-{by}"),
            format!("Error of {} {title}", letter.to_uppercase()),
            format!(
                "m = {m}, k = {k}, d = {d}, {settings}; median and quartiles of {counted}. Runs with a wrong width or a lost unit are \
                 left out, and counted in the table."
            ),
        ),
        x,
        y: Axis::log(label),
        series: vec![
            Series::reference("information bound", line(points("bound"))),
            Series::curve("orthant, width not given", points("error")),
            Series::dots("refined from the true weights", unbanded(points("oracle"))),
            Series::curve("the paper's route", points("route")),
        ],
        marks: Vec::new(),
    })
}

/// Shares of weights within their 95 % intervals.
fn calibration(over_samples: &Rows<'_>, over_levels: &Rows<'_>, counted: &str) -> Figure {
    let groups = over_levels.by_number("level");
    let series = |name: &str, column: &str| {
        let points = groups.iter().filter_map(|(x, rows)| rows.quartiles(column, *x)).collect();
        Series::curve(name, points)
    };
    let asked = groups.iter().map(|(x, _)| (*x, 0.95)).collect();
    let largest = over_samples.by_number("n");
    let last = largest.last().and_then(|(n, rows)| Some((*n, rows.median("coverage_v")?)));
    let more = last.map_or(String::new(), |(n, share)| {
        format!(" At n = {n} and level {LEVEL}, {:.1} % of V.", 100.0 * share)
    });
    let (m, k, d) = MAIN;
    Figure::Chart(Chart {
        heading: Heading::new(
            "noise-calibration",
            "Weights within their 95 % intervals",
            format!(
                "m = {m}, k = {k}, d = {d}, n = {}, normal noise; median and quartiles over {counted} of the share of the weights \
                 whose error is at most 1.96 standard errors as reported.{more}",
                FEW * d
            ),
        ),
        x: Axis::log("noise / deviation of the labels"),
        y: Axis { range: Some((0.8, 1.0)), ..Axis::linear("share of weights") },
        series: vec![
            Series::reference("95 %", asked),
            series("weights of V", "coverage_v"),
            series("weights of U", "coverage_u"),
        ],
        marks: Vec::new(),
    })
}

/// All settings, with how near the oracle and the bound are.
fn table(rows: &Rows<'_>, counted: &str) -> Figure {
    let mut body = Vec::new();
    let sizes = rows.by_number("d").into_iter().flat_map(|(d, rows)| {
        rows.by_number("k").into_iter().map(move |(k, rows)| (k, d, rows)).collect::<Vec<_>>()
    });
    for (k, d, rows) in sizes {
        for (kind, rows) in rows.by_text("noise") {
            for (level, rows) in rows.by_number("level") {
                for (n, rows) in rows.by_number("n") {
                    let of = |name: &str, p: f64| {
                        quantile(&rows.numbers(name), p).map_or("–".to_string(), |x| format!("{x:.3}"))
                    };
                    let m = rows.iter().next().map_or(0, |row| row.point.count("m"));
                    body.push(vec![
                        format!("{m}, {k}, {d}"),
                        format!("{} % {kind}", 100.0 * level),
                        n.to_string(),
                        format!("{} / {}", of("v_over_oracle", 0.5), of("v_over_oracle", 0.95)),
                        format!("{} / {}", of("v_over_bound", 0.5), of("u_over_bound", 0.5)),
                        rows.median("route_v_over_bound").map_or("–".to_string(), |x| format!("{x:.1}")),
                        rows.rate("found").to_string(),
                        rows.rate("confirmed").to_string(),
                        rows.rate("route_found").to_string(),
                    ]);
                }
            }
        }
    }
    let head = [
        "m, k, d",
        "noise",
        "n",
        "V over oracle, median / 95 %",
        "V / U over bound",
        "route's V over bound",
        "all units found",
        "optimum met twice",
        "units found by the route",
    ];
    Figure::Table(Table {
        heading: Heading::new(
            "noise-table",
            "How near the best possible",
            format!(
                "Medians, and the 95th percentile where it says so, of {counted}. Noise in standard deviations of the labels; the \
                 oracle is the refinement started at the true weights."
            ),
        ),
        head: head.map(str::to_string).to_vec(),
        body,
    })
}
