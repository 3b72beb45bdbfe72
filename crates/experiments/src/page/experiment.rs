//! One experiment of the page.

use maud::{Markup, PreEscaped, html};

use super::Standing;
use super::prose::prose;
use crate::experiment::Check;
use crate::figure::{Figure, Table};
use crate::report::Section;
use crate::svg;

/// Cells of tables with more letters are broken into lines.
const LONG: usize = 40;

/// An experiment from its claim to its rows.
pub fn render(section: &Section) -> Markup {
    let about = &section.about;
    let presentation = &section.presentation;
    html! {
        section.card aria-labelledby=(about.name) {
            div.title {
                h2 id=(about.name) { (about.title) }
                (Standing::of(section).mark())
            }
            p.source { (about.source) }
            @let (first, others) = beside_text(&presentation.figures);
            div.overview {
                div {
                    p.claim { (prose(about.claim)) }
                    h3 { "How it is measured" }
                    p { (prose(about.method)) }
                    @if !presentation.findings.is_empty() {
                        h3 { "Findings" }
                        ul { @for finding in &presentation.findings { li { (prose(finding)) } } }
                    }
                }
                @if let Some(figure) = first { (render_figure(figure)) }
            }
            @if !others.is_empty() {
                div.figures { @for figure in others { (render_figure(figure)) } }
            }
            @if !presentation.checks.is_empty() {
                h3 { "Checks" }
                (checks(&presentation.checks, section.is_complete()))
            }
            h3 { "Rows" }
            (rows(section))
        }
    }
}

/// The figure beside the text, unless the first is a table, and the figures below.
fn beside_text(figures: &[Figure]) -> (Option<&Figure>, &[Figure]) {
    match figures {
        [first, others @ ..] if !matches!(first, Figure::Table(_)) => (Some(first), others),
        _ => (None, figures),
    }
}

fn render_figure(figure: &Figure) -> Markup {
    let heading = figure.heading();
    html! {
        figure.wide[matches!(figure, Figure::Table(_))] id=(heading.id) {
            h3 { (heading.title) }
            @if let Some(drawing) = svg::draw_inline(figure) { (PreEscaped(drawing)) }
            @if let Figure::Table(table) = figure { (render_table(table)) }
            figcaption {
                (prose(&heading.caption))
                @if !matches!(figure, Figure::Table(_)) {
                    " " a href=(format!("figures/{}.svg", heading.id)) aria-label=(format!("{} as SVG", heading.title)) { "SVG" }
                }
            }
        }
    }
}

fn render_table(table: &Table) -> Markup {
    html! {
        div.scroll role="region" aria-label=(table.heading.title) tabindex="0" {
            table.numbers {
                thead { tr { @for name in &table.head { th scope="col" { (prose(name)) } } } }
                tbody {
                    @for row in &table.body {
                        tr {
                            @for (i, cell) in row.iter().enumerate() {
                                @if i == 0 { th scope="row" { (prose(cell)) } } @else { td.sentence[cell.chars().count() > LONG] { (prose(cell)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn checks(checks: &[Check], complete: bool) -> Markup {
    html! {
        @if !complete { p.muted { "On the rows that are there; they count when all rows are." } }
        div.scroll role="region" aria-label="Checks" tabindex="0" {
            table.stack {
                thead { tr {
                    th scope="col" { "Check" } th scope="col" { "Asked" } th scope="col" { "Reached" }
                    th scope="col" { "Result" }
                } }
                tbody {
                    @for check in checks {
                        tr {
                            th scope="row" { code { (check.name) } }
                            td data-label="asked" { (prose(&check.asked)) }
                            td data-label="reached" { (prose(&check.reached)) }
                            td { (if check.holds { Standing::Holds } else { Standing::Fails }.mark()) }
                        }
                    }
                }
            }
        }
    }
}

/// The rows and how to make them again.
fn rows(section: &Section) -> Markup {
    let name = section.about.name;
    html! {
        pre { code { (section.command) } }
        p.muted {
            (section.rows) " of " (section.planned) " rows"
            @if !section.revisions.is_empty() {
                ", from "
                @for (i, revision) in section.revisions.iter().enumerate() {
                    @if i > 0 { ", " }
                    code { (revision) }
                }
            }
            "."
        }
        p.links {
            a href=(format!("rows/{name}.csv")) { "Rows as CSV" }
            a href=(format!("rows/{name}.jsonl")) { "Rows as JSON lines" }
            a href="#contents" { "Contents" }
        }
    }
}
