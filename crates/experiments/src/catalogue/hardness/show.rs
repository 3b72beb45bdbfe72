//! Figures and checks.

use super::{METHODS, PLANTED, REPORTS, TURN, UNSATISFIABLE, VARIABLES};
use crate::experiment::{Check, Plan, Presentation};
use crate::figure::{Axis, Chart, Figure, Heading, Mark, Series, Table};
use crate::rows::Rows;

/// The share of satisfiable formulas, and of those solved, against density.
pub fn turn(rows: &Rows<'_>, methods: &Rows<'_>, plan: &Plan, to: &mut Presentation) {
    let shares = |rows: &Rows<'_>, name: &str| {
        rows.by_number("density").iter().map(|(density, rows)| rows.rate(name).at(*density)).collect()
    };
    let mut series = Vec::new();
    for (variables, rows) in rows.by_number("variables") {
        series
            .push(Series::curve(format!("satisfiable, {variables} variables"), shares(&rows, "satisfiable")));
    }
    let least = VARIABLES[0];
    let solvable = methods.having("formulas", PLANTED);
    series.push(Series::curve("solved, of those satisfiable", shares(&solvable, "solved")));
    let seeds = plan.pick(30, 100);
    to.figures.push(Figure::Chart(Chart {
        heading: Heading::new(
            "hardness-turn",
            "Satisfiable, and solved",
            format!(
                "Random 3-SAT, {seeds} formulas each ({}), by the SAT solver; solved are the samples of satisfiable formulas with \
                 {least} and {} variables, all methods together, {} runs each. Bands are 95 % Wilson intervals.",
                plan.seed_range(seeds),
                VARIABLES[1],
                plan.pick(3, 20) * VARIABLES.len() * METHODS.len(),
            ),
        ),
        x: Axis::linear("density (clauses per variable)"),
        y: Axis::rate("share"),
        series,
        marks: vec![Mark { name: format!("turn, {TURN}"), x: TURN }],
    }));
    let mut times = Vec::new();
    for (variables, rows) in rows.by_number("variables") {
        let groups = rows.by_number("density");
        let points =
            groups.iter().filter_map(|(density, rows)| rows.quartiles("seconds", *density)).collect();
        times.push(Series::curve(format!("{variables} variables"), points));
    }
    to.figures.push(Figure::Chart(Chart {
        heading: Heading::new(
            "hardness-time",
            "Time of a SAT solver",
            format!(
                "The formulas above, drawing included; median and quartiles of {seeds} ({}).",
                plan.seed_range(seeds)
            ),
        ),
        x: Axis::linear("density (clauses per variable)"),
        y: Axis::log("time (s)"),
        series: times,
        marks: vec![Mark { name: format!("turn, {TURN}"), x: TURN }],
    }));
    let most = rows.numbers("variables").last().copied().unwrap_or(0.0);
    let largest = rows.filter(|row| row.number("variables") == Some(most));
    let below = largest.filter(|row| row.number("density").is_some_and(|d| d <= 3.75)).rate("satisfiable");
    let above = largest.filter(|row| row.number("density").is_some_and(|d| d >= 5.0)).rate("satisfiable");
    to.findings.push(format!(
        "Random formulas of {most} variables turn from satisfiable ({below} at densities up to 3.75) to unsatisfiable ({above} \
         satisfiable from 5 on). The SAT solver decides each of them in {:.1} ms at most.",
        1e3 * largest.max("seconds").unwrap_or(0.0)
    ));
    to.checks.push(Check::new(
        "turn",
        "of the largest formulas, at least 80 % satisfiable up to density 3.75, at most 20 % from 5 on",
        format!("{:.0} %, {:.0} %", 100.0 * below.share(), 100.0 * above.share()),
        below.share() >= 0.8 && above.share() <= 0.2 && above.of > 0,
    ));
}

/// A table of how the methods end.
pub fn methods(rows: &Rows<'_>, plan: &Plan, to: &mut Presentation) {
    let endings = ["exact", "exact on the samples", "approximate", "not recovered", "stopped", "refused"];
    let mut body = Vec::new();
    for method in METHODS {
        for formulas in [PLANTED, UNSATISFIABLE] {
            let rows = rows.having("method", method.name()).having("formulas", formulas);
            let mut line = vec![method.name().to_string(), formulas.to_string(), rows.len().to_string()];
            line.push(rows.rate("solved").hits.to_string());
            line.extend(endings.map(|ending| rows.having("ending", ending).len().to_string()));
            line.push(rows.median("seconds").map_or(String::new(), |seconds| format!("{seconds:.3}")));
            body.push(line);
        }
    }
    let head = ["method", "formulas", "runs", "solved"].into_iter().chain(endings);
    to.figures.push(Figure::Table(Table {
        heading: Heading::new(
            "hardness-methods",
            "How the methods end",
            format!(
                "Formulas of {} and {} variables, densities 1 to 7 (satisfiable) and 5 to 7 (unsatisfiable), {} each ({}). Stopped \
                 after {REPORTS} reports of progress. The search of all patterns is for as many units as the rank of the labels, here \
                 one, and declines.",
                VARIABLES[0],
                VARIABLES[1],
                plan.pick(3, 20),
                plan.seed_range(plan.pick(3, 20)),
            ),
        ),
        head: head.chain(["seconds"]).map(ToString::to_string).collect(),
        body,
    }));
    let solved = rows.having("formulas", PLANTED).rate("solved");
    let exact = rows.having("ending", "exact").len();
    let wrong = rows.rate("wrong");
    to.findings.push(format!(
        "Of the samples of satisfiable formulas {solved} were solved by the methods here, although the formulas have few variables, and at no density: the methods \
         are made for data in general position, and no method does well on all data unless P = NP. Networks that were said \
         to fit and do not encode an assignment: {wrong}."
    ));
    to.checks.push(Check::new(
        "none-called-exact",
        "no run ends with the verdict exact",
        format!("{exact} of {}", rows.len()),
        exact == 0 && !rows.is_empty(),
    ));
    to.checks.push(Check::new(
        "none-wrong",
        "no network is said to fit from which no assignment can be read",
        wrong.to_string(),
        wrong.hits == 0 && wrong.of > 0,
    ));
}

/// The reduction against all assignments.
pub fn reduction(rows: &Rows<'_>, to: &mut Presentation) {
    let mut body = Vec::new();
    for (variant, name) in [("fixed", "given"), ("free", "free")] {
        let rows = rows.having("method", variant);
        let sum = |name: &str| rows.numbers(name).iter().sum::<f64>();
        let satisfiable = rows.rate("satisfiable");
        body.push(vec![
            name.to_string(),
            rows.len().to_string(),
            satisfiable.hits.to_string(),
            (satisfiable.of - satisfiable.hits).to_string(),
            sum("assignments").to_string(),
            sum("fitting").to_string(),
            sum("disagreements").to_string(),
        ]);
    }
    let disagreements: f64 = rows.numbers("disagreements").iter().sum();
    let both = rows.rate("satisfiable");
    let head =
        ["U", "formulas", "satisfiable", "unsatisfiable", "networks tried", "that fit", "disagreements"];
    to.figures.push(Figure::Table(Table {
        heading: Heading::new(
            "hardness-reduction",
            "The reduction, on all assignments",
            "Random 3-SAT with 3 to 8 variables at densities 3 to 7; the reversible formula has one to three variables more. A \
             disagreement is a network that fits without satisfying the formula, or the other way round, or an answer of the solver \
             that the networks contradict.",
        ),
        head: head.map(ToString::to_string).to_vec(),
        body,
    }));
    to.findings.push(format!(
        "The reduction agrees with the SAT solver on all of {} instances small enough to try every assignment ({} satisfiable): {} \
         disagreements.",
        rows.len(),
        both.hits,
        disagreements
    ));
    to.checks.push(Check::new(
        "reduction-agrees",
        "no disagreement, with satisfiable and unsatisfiable formulas among them",
        format!("{disagreements} of {} instances, {} satisfiable", rows.len(), both.hits),
        disagreements == 0.0 && both.hits > 0 && both.hits < both.of,
    ));
}
