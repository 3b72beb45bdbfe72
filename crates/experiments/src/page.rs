//! The report as a page.
//!
//! The page is one file without scripts, and asks nothing of a network: figures stand in it as SVG. It links to the
//! rows and to the figures as files beside it.

mod experiment;
mod prose;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::prose::prose;
use crate::claims::{CLAIMS, Claim};
use crate::experiment::Effort;
use crate::report::{Report, Section};
use crate::svg;

const STYLE: &str = include_str!("page/style.css");

/// The page as the text of an HTML file.
///
/// It links to `figures/ID.svg` for each drawn figure, and to `rows/NAME.csv` and `rows/NAME.jsonl` for each experiment.
pub fn render(report: &Report) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "orthant: learning two-layer rectified networks, measured" }
                style { (PreEscaped(STYLE)) (PreEscaped(svg::style_sheet())) }
            }
            body {
                (introduction(report))
                main {
                    (contents(report))
                    (words())
                    (claims(report))
                    @for section in &report.sections { (experiment::render(section)) }
                }
                footer {
                    p { "Every row carries the command, the seed, the revision and the machine that it comes from." }
                }
            }
        }
    }
    .into_string()
}

/// What can be said of an experiment, or of all experiments of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Holds,
    Incomplete,
    Fails,
    Unmeasured,
}

impl Standing {
    fn of(section: &Section) -> Standing {
        if !section.is_complete() {
            Standing::Incomplete
        } else if section.presentation.checks.iter().all(|check| check.holds) {
            Standing::Holds
        } else {
            Standing::Fails
        }
    }

    /// The worst of the experiments of a claim; incomplete when only some of them were measured.
    fn of_claim(report: &Report, claim: &Claim) -> Standing {
        let of = |name: &&str| find(report, name).map(Standing::of);
        let measured: Vec<Standing> = claim.experiments.iter().filter_map(of).collect();
        let worst = measured.iter().copied().max();
        let missing =
            if measured.len() < claim.experiments.len() { Standing::Incomplete } else { Standing::Holds };
        worst.map_or(Standing::Unmeasured, |worst| worst.max(missing))
    }

    /// With a sign for those who do not see colours.
    fn mark(self) -> Markup {
        let (class, text) = match self {
            Standing::Holds => ("mark holds", "✓ holds"),
            Standing::Unmeasured => ("mark unmeasured", "– not measured"),
            Standing::Incomplete => ("mark incomplete", "… incomplete"),
            Standing::Fails => ("mark fails", "✗ fails"),
        };
        html! { span class=(class) { (text) } }
    }
}

fn find<'a>(report: &'a Report, name: &str) -> Option<&'a Section> {
    report.sections.iter().find(|section| section.about.name == name)
}

fn introduction(report: &Report) -> Markup {
    let complete: Vec<&Section> = report.sections.iter().filter(|section| section.is_complete()).collect();
    let checks = || complete.iter().flat_map(|section| &section.presentation.checks);
    let holding = checks().filter(|check| check.holds).count();
    let incomplete = report.sections.len() - complete.len();
    let effort = match report.plan.effort {
        Effort::Quick => "quick (--quick): few seeds, small sizes",
        Effort::Full => "full (--full)",
    };
    html! {
        header {
            h1 { "orthant: learning two-layer rectified networks, measured" }
            p.lead {
                "The weights of a network A = U f(VX + b) + c can be found from samples, exactly and in polynomial time. "
                "Bakshi, Jayaram and Woodruff proved so (" i { "Learning Two Layer Rectified Neural Networks in Polynomial Time" }
                ", COLT 2019); their paper contains no experiment. This page is the missing section: its claims "
                "measured on planted instances, with what was asked and what was reached."
            }
            p {
                "orthant is a library and a program that recover such networks from samples, by the algorithms of the paper and by its "
                "own, with a verdict that says whether the weights are exact. A claim holds here when the checks of its "
                "experiments do: a measurement supports a theorem at the sizes and seeds given, and proves none. Where the checks are about "
                "something else than is printed, the table of the claims says so."
            }
            p {
                strong { (holding) " of " (checks().count()) " checks hold" }
                @if incomplete > 0 { "; " (incomplete) " of " (report.sections.len()) " experiments are incomplete and do not count" }
                "."
            }
            dl.facts {
                dt { "Effort" } dd { (effort) }
                dt { "First seed" } dd { (report.plan.seed) }
                dt { "Revision" } dd { code { (report.provenance.revision) } }
                dt { "Machine" } dd { (report.provenance.machine) }
                dt { "Command" } dd { code { (report.provenance.command) } }
            }
        }
    }
}

fn contents(report: &Report) -> Markup {
    html! {
        nav.card aria-labelledby="contents" {
            h2 #contents { "Experiments" }
            @if report.sections.is_empty() { p { "Nothing was measured." } }
            ol.contents {
                @for section in &report.sections {
                    li {
                        a href=(format!("#{}", section.about.name)) { (section.about.title) }
                        (Standing::of(section).mark())
                    }
                }
            }
        }
    }
}

/// Symbols and names that several experiments use.
fn words() -> Markup {
    let words = [
        ("m, k, d, n", "outputs, hidden units, inputs, samples; X is d × n, the labels A are m × n"),
        (
            "U, V, b, c",
            "the weights: U is m × k, V is k × d, the biases b and c are zero where nothing else is said; f(t) = max(t, 0)",
        ),
        (
            "planted",
            "the true weights are drawn at random, the labels computed from them, and the answer compared with them",
        ),
        (
            "κ, ε, ρ",
            "a condition number, largest over smallest singular value; the spacing of double precision, 2^−52, unless another ε is given; a correlation",
        ),
        (
            "`recover`",
            "the method of orthant that is used by default (auto): pursuit, then others where it does not suffice; the width k is not given",
        ),
        (
            "pursuit",
            "finds one unit after the other: a vector of the row space of the labels that is the rectified value of one linear in the inputs",
        ),
        (
            "lift",
            "the same by linear algebra in products of labels and inputs, with more samples and without a search",
        ),
        (
            "tensor, power, symmetric, ica, paired",
            "directions from moments of the samples: by joint diagonalisation, by the tensor power method, for inputs symmetric about zero, by \
          independent component analysis for orthonormal V, and from samples at x and −x",
        ),
        ("restarts", "all units at once, by least squares from random starts; for fewer outputs than units"),
        ("exact finish", "Algorithm 6: from a rough direction to the exact weights, by a linear system"),
        (
            "exact",
            "the verdict that the labels are matched to rounding and that every unit is determined by the samples; exact on the samples where weights are left open",
        ),
        (
            "bands",
            "quartiles around a median, or 95 % Wilson intervals around a share of instances; captions say which",
        ),
    ];
    html! {
        section.card aria-labelledby="words" {
            h2 #words { "Symbols and names" }
            dl.words { @for (word, meaning) in words { dt { (prose(word)) } dd { (prose(meaning)) } } }
        }
    }
}

fn claims(report: &Report) -> Markup {
    html! {
        section.card aria-labelledby="claims" {
            h2 #claims { "Claims of the paper" }
            p.muted { "What it says, and the experiments that measure it." }
            div.scroll role="region" aria-labelledby="claims" tabindex="0" {
                table.stack {
                    thead { tr {
                        th scope="col" { "Source" } th scope="col" { "Claim" } th scope="col" { "Measured by" }
                        th scope="col" { "Result" }
                    } }
                    tbody {
                        @for claim in &CLAIMS {
                            tr {
                                th scope="row" { (claim.source) }
                                td {
                                    (prose(claim.says))
                                    @if !claim.deviation.is_empty() { br; span.note { (prose(claim.deviation)) } }
                                }
                                td data-label="Measured by" {
                                    @for (i, name) in claim.experiments.iter().enumerate() {
                                        @if i > 0 { ", " }
                                        (link(report, name))
                                    }
                                }
                                td { (Standing::of_claim(report, claim).mark()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The title of an experiment as a link; its name where it was not measured.
fn link(report: &Report, name: &str) -> Markup {
    match find(report, name) {
        Some(section) => html! { a href=(format!("#{name}")) { (section.about.title) } },
        None => html! { span.muted { (name) } },
    }
}

#[cfg(test)]
mod tests;
