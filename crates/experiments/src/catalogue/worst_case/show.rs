//! Figures and checks.

use super::{BINARY, D, DECISIONS, DUPLICATED, GAUSSIAN, GENERAL, INTEGER, OF_NETWORK, PERTURBED, PLANTED};
use super::{SEEDS, WALL_SAMPLES};
use crate::experiment::{Check, Plan, Presentation};
use crate::figure::{Axis, Chart, Figure, Heading, Mean, Series, Table};
use crate::rows::Rows;
use orthant::estimate::cells::n_patterns_generic;

/// Patterns against n: those of random rows beside the bound, the others as a part of it.
pub fn patterns(rows: &Rows<'_>, plan: &Plan, to: &mut Presentation) {
    let (mut bound, mut share) = (Vec::new(), Vec::new());
    for (k, rows) in rows.by_number("k") {
        let name = |what: &str| format!("{what}, k = {k}");
        let general = rows.having("inputs", GENERAL).by_number("n");
        let bounds = general.iter().filter_map(|(n, rows)| Some((*n, rows.max("bound")?))).collect();
        bound.push(Series::reference(name("bound"), bounds));
        let points = general.iter().filter_map(|(n, rows)| rows.quartiles("patterns", *n)).collect();
        bound.push(Series::dots(name("counted"), points));
        for inputs in [OF_NETWORK, INTEGER] {
            let part = |(n, rows): &(f64, Rows<'_>)| {
                let shares = rows.iter().map(|row| Some(row.number("patterns")? / row.number("bound")?));
                let mut shares: Vec<f64> = shares.collect::<Option<_>>()?;
                shares.sort_by(f64::total_cmp);
                let (first, last) = (*shares.first()?, *shares.last()?);
                Some(Mean { x: *n, y: shares[shares.len() / 2], band: Some((first, last)) })
            };
            let points = rows.having("inputs", inputs).by_number("n").iter().filter_map(part).collect();
            share.push(Series::curve(name(inputs), points));
        }
    }
    let seeds = plan.seed_range(SEEDS);
    to.figures.push(Figure::Chart(Chart {
        heading: Heading::new(
            "worst-case-patterns",
            "Sign patterns of n random rows",
            format!("n random vectors in ℝᵏ; {SEEDS} instances each ({seeds}). The bound is 2 Σ C(n − 1, i), i < k."),
        ),
        x: Axis::log("samples n"),
        y: Axis::log("patterns"),
        series: bound,
        marks: Vec::new(),
    }));
    to.figures.push(Figure::Chart(Chart {
        heading: Heading::new(
            "worst-case-share",
            "Patterns of labels and of integers, as a part of the bound",
            format!(
                "Labels of networks with m = k and d = {D} and standard Gaussian weights and inputs, and rows of k integers from −3 to \
                 3; median and range of {SEEDS} instances ({seeds})."
            ),
        ),
        x: Axis::log("samples n"),
        y: Axis::log("patterns / bound"),
        series: share,
        marks: Vec::new(),
    }));
    let general = rows.having("inputs", GENERAL);
    let met = general.filter(|row| row.number("patterns") == row.number("bound"));
    let above = rows.filter(|row| row.number("patterns") > row.number("bound"));
    let shares = general.iter().filter_map(|row| Some(row.number("patterns")? / row.number("bound")?));
    let fewest = shares.fold(f64::INFINITY, f64::min);
    to.checks.push(Check::new(
        "bound-met",
        "in general position as many patterns as the bound in nine of ten instances, and all but 10⁻⁴ of them in the others: cells as thin \
         as rounding are not told from none",
        format!("{} of {}; {fewest:.6} of the bound at least", met.len(), general.len()),
        10 * met.len() >= 9 * general.len() && !general.is_empty() && fewest >= 1.0 - 1e-4,
    ));
    to.checks.push(Check::new(
        "bound-holds",
        "no instance has more",
        format!("{} of {} have", above.len(), rows.len()),
        above.is_empty(),
    ));
    let least = |k: usize| {
        let rows = rows.having("inputs", OF_NETWORK).having("k", k).by_number("n");
        rows.last().and_then(|(n, rows)| Some((*n, rows.median("patterns")? / rows.median("bound")?)))
    };
    if let (Some((n2, two)), Some((n4, four))) = (least(2), least(4)) {
        to.findings.push(format!(
            "Random rows have exactly 2 Σ C(n − 1, i) patterns, integers fewer. Labels of a network have fewer, too, because samples \
             on which one unit is active share its hyperplane and those without any have none: {:.0} % of the bound for k = 2, n = \
             {n2}, {:.0} % for k = 4, n = {n4}.",
            100.0 * two,
            100.0 * four,
        ));
    }
}

/// Patterns and nodes against k.
pub fn wall(rows: &Rows<'_>, plan: &Plan, to: &mut Presentation) {
    let groups = rows.by_number("k");
    let curve =
        |name: &str| groups.iter().filter_map(|(k, rows)| rows.quartiles(name, *k)).collect::<Vec<Mean>>();
    let (patterns, nodes) = (curve("patterns"), curve("nodes"));
    let bound =
        groups.iter().map(|(k, _)| (*k, n_patterns_generic(WALL_SAMPLES, *k as usize) as f64)).collect();
    let squares = groups.iter().map(|(k, _)| (*k, 3.5 * k * k)).collect();
    if let (Some(pattern), Some(widest)) = (patterns.last(), nodes.last()) {
        let node = nodes.iter().find(|node| node.x == pattern.x).map_or(f64::NAN, |node| node.y);
        let worst = nodes.iter().fold(0.0f64, |worst, node| worst.max(node.y / (node.x * node.x)));
        to.findings.push(format!(
            "Enumeration hits the wall: at k = {}, n = {WALL_SAMPLES} the labels have {:.1e} patterns; branch and bound decides the \
             same in {node:.0} nodes, and k = {} in {:.0}.",
            pattern.x, pattern.y, widest.x, widest.y
        ));
        to.checks.push(Check::new(
            "nodes-few",
            "at most 7 k² nodes (median) for every k",
            format!("at most {worst:.1} k²"),
            worst <= 7.0,
        ));
        to.checks.push(Check::new(
            "patterns-many",
            "at the largest k counted, 1000 patterns for each node",
            format!("{:.0}", pattern.y / node),
            pattern.y / node >= 1000.0,
        ));
    }
    let solved = rows.rate("solved");
    to.checks.push(Check::new(
        "wall-solved",
        "exactly the planted number of units found, and all else decided, in nine of ten: where U is badly conditioned rounding leaves \
         nodes undecided",
        solved.to_string(),
        solved.of > 0 && 10 * solved.hits >= 9 * solved.of,
    ));
    to.figures.push(Figure::Chart(Chart {
        heading: Heading::new(
            "worst-case-wall",
            "Patterns and nodes",
            format!(
                "Labels of networks with m = k ≤ d, standard Gaussian weights and inputs, n = {WALL_SAMPLES}; median and quartiles of \
                 {SEEDS} instances ({}). A node of branch and bound is a part of a pattern; all of the tree is searched.",
                plan.seed_range(SEEDS)
            ),
        ),
        x: Axis::linear("hidden units k"),
        y: Axis::log("patterns, nodes"),
        series: vec![
            Series::reference("bound on the patterns", bound),
            Series::curve("patterns", patterns),
            Series::curve("nodes of branch and bound", nodes),
            Series::reference("3.5 k²", squares),
        ],
        marks: Vec::new(),
    }));
}

/// A table of the decisions.
pub fn decisions(rows: &Rows<'_>, plan: &Plan, to: &mut Presentation) {
    let mut body = Vec::new();
    for inputs in [GAUSSIAN, INTEGER, BINARY, DUPLICATED] {
        for (k, n) in DECISIONS {
            let rows = rows.having("inputs", inputs).having("k", k).having("n", n);
            let planted = rows.having("labels", PLANTED);
            let of_rank = planted.filter(|row| !row.text("verdict").is_empty());
            let said = |verdict: &str| of_rank.having("verdict", verdict).len().to_string();
            let mut line = vec![inputs.to_string(), k.to_string(), n.to_string()];
            line.push(format!("{} of {}", of_rank.len(), planted.len()));
            line.extend([of_rank.rate("solved").hits.to_string(), said("exact on the samples")]);
            line.push(said("not recovered"));
            line.push(rows.rate("wrong").hits.to_string());
            line.extend(PERTURBED.map(|how| rows.having("labels", how).rate("infeasible").to_string()));
            body.push(line);
        }
    }
    let head = ["inputs", "k", "n", "rank k", "solved", "others exist", "undecided", "wrong"];
    let seeds = plan.pick(20, 200);
    to.figures.push(Figure::Table(Table {
        heading: Heading::new(
            "worst-case-decisions",
            "Decisions",
            format!(
                "m = k, d = {D}, {seeds} instances each ({}). The first five numbers are about labels of a network, of those with \
                 rank k; the last three count labels that are proved to be those of no network of k units. Wrong are networks said \
                 not to exist, and verdicts exact that do not match.",
                plan.seed_range(seeds)
            ),
        ),
        head: head.iter().chain(&PERTURBED).map(ToString::to_string).collect(),
        body,
    }));
    let planted = rows.having("labels", PLANTED);
    let solved = planted.filter(|row| row.text("inputs") != BINARY).rate("solved");
    let binary = planted.having("inputs", BINARY).rate("solved");
    let infeasible = rows.filter(|row| row.text("labels") != PLANTED).rate("infeasible");
    let wrong = rows.rate("wrong");
    to.findings.push(format!(
        "Networks on normal inputs, on integers and with each input twice: {solved} solved. There are {} inputs of zeros and ones \
         other than zero, and few networks are the only ones with their labels: {binary} solved. Labels that were moved: {infeasible} \
         proved to be those of no network. {} of {} answers are wrong.",
        (1 << D) - 1,
        wrong.hits,
        wrong.of,
    ));
    to.checks.push(Check::new(
        "solved",
        "on inputs other than zeros and ones at least 95 % solved",
        solved.to_string(),
        solved.share() >= 0.95,
    ));
    to.checks.push(Check::new(
        "infeasible",
        "of labels that were moved at least 95 % proved to be those of no network",
        infeasible.to_string(),
        infeasible.share() >= 0.95,
    ));
    to.checks.push(Check::new(
        "none-wrong",
        "no answer is wrong",
        format!("{} of {}", wrong.hits, wrong.of),
        wrong.hits == 0 && wrong.of > 0,
    ));
}
