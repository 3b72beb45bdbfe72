//! Figures and checks.

use super::{FILTERS, IMAGES, Pictures, SEEDS, SIDE, SOURCE, Unit};
use crate::experiment::{Check, Plan, Presentation};
use crate::figure::{Axis, Chart, Figure, Gallery, Heading, Image, Mean, Series, Strip, Table};
use crate::record::Row;
use crate::rows::Rows;

/// Errors on the samples that count as found: half the digits of labels in double and in single precision.
const FOUND: f64 = 1e-8;
const FOUND_SINGLE: f64 = 1e-4;

pub fn present(rows: &Rows<'_>, plan: &Plan) -> Presentation {
    let mut to = Presentation::default();
    filters(rows, &mut to);
    errors(rows, plan, &mut to);
    table(rows, plan, &mut to);
    images(rows, &mut to);
    checks(rows, &mut to);
    to
}

fn units(row: &Row) -> Vec<Option<Unit>> {
    serde_json::from_str(row.text("errors")).unwrap_or_default()
}

/// What counts as found for labels of this precision.
fn enough(row: &Row) -> f64 {
    if row.text("network").ends_with("float32") { FOUND_SINGLE } else { FOUND }
}

/// Units found to the precision that counts.
fn found(row: &Row) -> usize {
    units(row).iter().filter(|unit| unit.is_some_and(|unit| unit.samples <= enough(row))).count()
}

/// Whether all units that a sample activates were found.
fn all_found(row: &Row) -> bool {
    found(row) == units(row).len() && found(row) > 0
}

fn seeds(plan: &Plan) -> String {
    let count = plan.pick(SEEDS.0, SEEDS.1);
    format!("{count} seeds of the method ({})", plan.seed_range(count))
}

fn gallery(rows: &Rows<'_>, network: &str, heading: impl Fn(f64) -> Heading) -> Option<(f64, Figure)> {
    let row = rows.having("network", network).iter().next()?;
    let pictures: Pictures = serde_json::from_str(row.text("pictures")).ok()?;
    let image = |pixels: &Vec<i8>| Image {
        width: SIDE,
        pixels: pixels.iter().map(|&grey| f64::from(grey) / 100.0).collect(),
    };
    let strip = |(label, images): &(String, Vec<Vec<i8>>)| Strip {
        label: label.clone(),
        images: images.iter().map(image).collect(),
    };
    let strips = pictures.strips.iter().map(strip).collect();
    let heading = heading(pictures.difference);
    Some((pictures.difference, Figure::Gallery(Gallery { heading, strips })))
}

fn filters(rows: &Rows<'_>, to: &mut Presentation) {
    let heading = |difference: f64| {
        Heading::new(
            "real-networks-filters",
            "Filters of an autoencoder, true and recovered",
            format!(
                "{FILTERS}: the weights of each hidden unit as an image of 8 × 8 pixels, each divided by its largest entry. Trained \
                 on handwritten digits, recovered from 600 labels of random inputs. Largest difference: {difference:.0e} of the \
                 largest entry."
            ),
        )
    };
    if let Some((difference, figure)) = gallery(rows, FILTERS, heading) {
        to.figures.push(figure);
        to.checks.push(Check::new(
            "filters",
            "recovered filters differ from the true ones by at most 1e-10 of the largest entry",
            format!("{difference:.1e}"),
            difference <= 1e-10,
        ));
    }
}

fn images(rows: &Rows<'_>, to: &mut Presentation) {
    let heading = |difference: f64| {
        Heading::new(
            "real-networks-images",
            "Images through the recovered network",
            format!(
                "{IMAGES}, recovered from 700 labels of random inputs without seeing an image: an image for each class that the classifier of data/ gives to any, and what the \
                 true and the recovered network make of it. Largest difference of an output: {difference:.0e} of the largest."
            ),
        )
    };
    if let Some((difference, figure)) = gallery(rows, IMAGES, heading) {
        to.figures.push(figure);
        to.findings.push(format!(
            "On images, which it was not recovered from, the recovered autoencoder differs from the true one by {difference:.0e}."
        ));
        to.checks.push(Check::new(
            "images",
            "on images the outputs differ by at most 1e-9 of the largest",
            format!("{difference:.1e}"),
            difference <= 1e-9,
        ));
    }
}

fn errors(rows: &Rows<'_>, plan: &Plan, to: &mut Presentation) {
    let mut series = Vec::new();
    for (name, rows) in rows.by_text("network") {
        let Some(row) = rows.iter().next() else { continue };
        let units = units(row);
        let point = |(i, unit): (usize, &Option<Unit>)| Some(Mean::exact(i as f64 + 1.0, (*unit)?.weights));
        let points = units.iter().enumerate().filter_map(point).collect();
        series.push(Series::dots(name, points));
    }
    // Half a unit in the last place of singles and doubles.
    for (name, digits) in [("rounding of f32", 24), ("rounding of f64", 53)] {
        let level = 0.5f64.powi(digits);
        series.push(Series::reference(name, vec![(1.0, level), (32.0, level)]));
    }
    to.figures.push(Figure::Chart(Chart {
        heading: Heading::new(
            "real-networks-units",
            "Error of each unit",
            format!("Units of each network in the order of their errors; seed {} of the method. Units that no sample activates are left out.", plan.seed),
        ),
        x: Axis::linear("unit"),
        y: Axis::log("relative error"),
        series,
        marks: Vec::new(),
    }));
}

fn table(rows: &Rows<'_>, plan: &Plan, to: &mut Presentation) {
    let head = [
        "network",
        "m × k × d",
        "n",
        "verdict",
        "units found",
        "never active",
        "worst error",
        "median error",
        "worst on samples",
        "open directions",
        "uniqueness",
        "seconds",
    ];
    let mut body = Vec::new();
    for (name, rows) in rows.by_text("network") {
        let Some(row) = rows.iter().next() else { continue };
        let text = |name: &str| row.get(name).map(ToString::to_string).unwrap_or_default();
        let error = |name: &str| rows.max(name).map_or("–".to_string(), |error| format!("{error:.0e}"));
        let mut verdicts: Vec<&str> = rows.iter().map(|row| row.text("verdict")).collect();
        verdicts.dedup();
        let fewest = rows.iter().map(found).min().unwrap_or(0);
        let mut line = vec![name, ["m", "k", "d"].map(text).join(" × "), text("n")];
        line.extend([verdicts.join(", "), format!("{fewest} of {}", units(row).len()), text("unseen")]);
        line.extend(["worst", "median", "worst_on_samples"].map(error));
        line.extend([open(&rows), text("uniqueness")]);
        line.push(rows.median("seconds").map_or(String::new(), |seconds| format!("{seconds:.2}")));
        body.push(line);
    }
    to.figures.push(Figure::Table(Table {
        heading: Heading::new(
            "real-networks-table",
            "Six trained networks",
            format!(
                "The worst of {}. Errors are relative to the true weights; on samples, to what the true unit adds to the labels. Found \
                 are units with an error on samples of at most {FOUND:.0e}, or {FOUND_SINGLE:.0e} for labels in single precision. Open \
                 are directions in which the inputs that activate a unit do not vary: no label says anything about them.",
                seeds(plan)
            ),
        ),
        head: head.map(ToString::to_string).to_vec(),
        body,
    }));
}

/// Open directions of a unit, from the unit with the fewest to the one with the most.
fn open(rows: &Rows<'_>) -> String {
    let (least, most) = (rows.numbers("open_least"), rows.max("open_most").unwrap_or(0.0));
    match least.first() {
        Some(least) if *least < most => format!("{least} to {most}"),
        _ => most.to_string(),
    }
}

fn checks(rows: &Rows<'_>, to: &mut Presentation) {
    let determined = rows.filter(|row| row.text("network") != SOURCE);
    let exact = determined.filter(|row| row.text("verdict") == "exact" && all_found(row));
    let worst = determined.filter(|row| enough(row) == FOUND).max("worst").unwrap_or(f64::INFINITY);
    let single = determined.filter(|row| enough(row) > FOUND).max("worst").unwrap_or(f64::INFINITY);
    to.checks.push(Check::new(
        "exact",
        "the five networks that the samples determine are exact, with all units that a sample activates, in nine of ten runs: by which \
         samples are kept aside a unit may have too few",
        format!("{} of {}", exact.len(), determined.len()),
        10 * exact.len() >= 9 * determined.len() && !exact.is_empty(),
    ));
    to.checks.push(Check::new(
        "errors",
        "weights within 1e-9, from labels in single precision within 1e-5",
        format!("{worst:.0e}, {single:.0e}"),
        worst <= 1e-9 && single <= 1e-5,
    ));
    let source = rows.having("network", SOURCE);
    let said = source.filter(|row| {
        row.text("verdict") == "exact on the samples"
            && all_found(row)
            && row.number("open_least").is_some_and(|open| open > 0.0)
    });
    to.checks.push(Check::new(
        "open-said",
        "on images as inputs all units are found on the samples, and open directions are said to be open",
        format!("{} of {} runs", said.len(), source.len()),
        said.len() == source.len() && !said.is_empty(),
    ));
    let claimed = rows.filter(|row| row.text("verdict") == "exact");
    let wrong = claimed.filter(|row| !row.number("worst").is_some_and(|worst| worst <= enough(row)));
    to.checks.push(Check::new(
        "none-wrong",
        "no verdict exact with weights that are wrong",
        format!("{} of {}", wrong.len(), claimed.len()),
        wrong.is_empty() && !claimed.is_empty(),
    ));
    to.findings.push(format!(
        "Five of the six networks are exact with every unit that a sample activates, weights within {worst:.0e} ({single:.0e} from \
         labels in single precision): {} of {} runs.",
        exact.len(),
        determined.len()
    ));
    to.findings.push(format!(
        "With images as inputs (the classifier) the samples determine the network on the images, to {:.0e}, and not the weights: {} \
         directions of each unit are open, because the images that activate it do not vary in them. The weights of least norm that \
         keep it inactive elsewhere are {:.0} % off, and the verdict says so.",
        source.max("worst_on_samples").unwrap_or(f64::NAN),
        open(&source),
        100.0 * source.max("worst").unwrap_or(f64::NAN)
    ));
}
