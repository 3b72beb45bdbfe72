//! What holds of every page.

use super::render;
use crate::demo;
use crate::report::Report;

/// The values of an attribute, in order.
fn values<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    page.split(&format!(" {name}=\"")).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// The page from an element with this text on, up to the end of the element `end`.
fn part<'a>(page: &'a str, text: &str, end: &str) -> &'a str {
    let (_, rest) = page.split_once(text).unwrap_or_else(|| panic!("no {text}"));
    rest.split(end).next().unwrap_or_default()
}

#[test]
fn links_lead_somewhere_and_nothing_is_loaded() {
    let report = demo::report();
    let page = render(&report);
    let ids = values(&page, "id");
    for (i, id) in ids.iter().enumerate() {
        assert!(!ids[..i].contains(id), "two of {id}");
    }
    for link in values(&page, "href") {
        match link.split_once('/') {
            None => assert!(link.strip_prefix('#').is_some_and(|anchor| ids.contains(&anchor)), "{link}"),
            Some(("figures", file)) => {
                let id = file.strip_suffix(".svg").expect("a figure");
                assert!(demo::figures().iter().any(|figure| figure.heading().id == id), "{link}");
            }
            Some(("rows", file)) => {
                let name = file.strip_suffix(".csv").or(file.strip_suffix(".jsonl")).expect("rows");
                assert!(report.sections.iter().any(|section| section.about.name == name), "{link}");
            }
            Some(_) => panic!("{link}"),
        }
    }
    for label in values(&page, "aria-labelledby") {
        assert!(ids.contains(&label), "{label}");
    }
    for loading in ["<script", "<link", "<iframe", "<img", " src=", "url(", "@import", "https:"] {
        assert!(!page.contains(loading), "{loading}");
    }
    // The name of the SVG namespace is no request.
    assert!(!page.replace("http://www.w3.org/2000/svg", "").contains("http:"));
    assert!(page.len() < 3 << 20, "{} bytes", page.len());
    assert_eq!(page, render(&report));
}

#[test]
fn experiments_and_claims_stand_as_their_checks_do() {
    let page = render(&demo::report());
    assert!(page.contains("11 of 12 checks hold"));
    assert!(page.contains("1 of 7 experiments"));
    for (name, standing) in
        [("phase-transition", "✓ holds"), ("exactness", "… incomplete"), ("noise", "✗ fails")]
    {
        assert!(part(&page, &format!("<a href=\"#{name}\">"), "</li>").contains(standing), "{name}");
        assert!(part(&page, &format!("<h2 id=\"{name}\">"), "</div>").contains(standing), "{name}");
    }
    for (claim, standing) in [
        // Its only experiment holds; one of two is missing; one of two fails; none is there.
        ("Remark 24, Lemma 25", "✓ holds"),
        ("Theorem 40, Corollary 46, Algorithm 5", "… incomplete"),
        ("Theorems 4 and 62, Lemma 61, Algorithm 7", "✗ fails"),
        ("Lemma 55", "– not measured"),
    ] {
        assert!(
            part(&page, &format!("<th scope=\"row\">{claim}</th>"), "</tr>").contains(standing),
            "{claim}"
        );
    }
}

#[test]
fn headings_are_in_order_and_tables_have_heads() {
    let page = render(&demo::report());
    let levels: Vec<u32> = page
        .split("<h")
        .skip(1)
        .filter(|rest| rest.chars().nth(1).is_some_and(|c| c == '>' || c == ' '))
        .filter_map(|rest| rest.chars().next()?.to_digit(10))
        .collect();
    assert_eq!(levels[0], 1);
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1 && pair[1] > 1), "{levels:?}");
    let heads = page.matches("<th>").count();
    assert_eq!(heads, 0, "heads without a scope");
    assert_eq!(page.matches("<table").count(), page.matches("<thead>").count());
}

#[test]
fn texts_are_escaped() {
    let mut report = demo::report();
    let hostile = "</title><script>alert(1)</script>\" onload=\"x";
    report.provenance.machine = hostile.into();
    let presentation = &mut report.sections[0].presentation;
    presentation.findings.push(hostile.into());
    presentation.checks[0].reached = hostile.into();
    for figure in &mut presentation.figures {
        if let crate::figure::Figure::Chart(chart) = figure {
            chart.heading.title = hostile.into();
            chart.heading.caption = hostile.into();
            chart.series[0].name = hostile.into();
        }
    }
    let page = render(&report);
    assert!(!page.contains("<script") && !page.contains("\" onload"));
}

#[test]
fn a_page_without_experiments_says_so() {
    let page = render(&Report { sections: Vec::new(), ..demo::report() });
    assert!(page.contains("Nothing was measured.") && page.contains("0 of 0 checks hold"));
}
