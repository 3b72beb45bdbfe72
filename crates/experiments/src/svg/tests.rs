//! What holds of every drawing.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use roxmltree::{Document, Node};

use super::{NORMAL, SMALL, WIDTH, draw, text};
use crate::demo;
use crate::figure::{
    Axis, AxisScale, Chart, Figure, Gallery, Heading, HeatMap, Image, Mark, Mean, Series, Strip, Style,
};

/// Well-formed, complete in itself, and with everything inside.
fn check(figure: &Figure) {
    let file = draw(figure).expect("no table");
    let document = Document::parse(&file).unwrap_or_else(|error| panic!("{error}: {file}"));
    let root = document.root_element();
    assert_eq!(root.tag_name().namespace(), Some("http://www.w3.org/2000/svg"));
    assert_eq!(root.attribute("role"), Some("img"));
    let title = root.children().find(|node| node.has_tag_name("title")).and_then(|node| node.text());
    assert_eq!(title.unwrap_or_default(), text::clean(&figure.heading().title));
    let (width, height) = size(root);
    for node in document.descendants() {
        for attribute in node.attributes() {
            assert!(!["href", "src", "id"].contains(&attribute.name()), "{attribute:?}");
            assert!(!["NaN", "inf"].iter().any(|word| attribute.value().contains(word)), "{node:?}");
        }
        // Half the width of a line may be outside.
        let margin = width / WIDTH;
        for (x, y) in corners(node) {
            assert!(x >= -margin && x <= width + margin, "{node:?} at {x}: {file}");
            assert!(y >= -margin && y <= height + margin, "{node:?} at {y}: {file}");
        }
    }
    let boxes: Vec<Place> = document.descendants().filter_map(text_box).collect();
    for (i, one) in boxes.iter().enumerate() {
        for other in &boxes[..i] {
            assert!(!one.touches(other), "{} at {one:?} and {} at {other:?}: {file}", one.text, other.text);
        }
    }
    assert_eq!(draw(figure), Some(file), "not the same twice");
}

/// Where a text is.
#[derive(Debug)]
struct Place {
    text: String,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Place {
    fn touches(&self, other: &Place) -> bool {
        let across = self.left < other.right && other.left < self.right;
        across && self.top < other.bottom && other.top < self.bottom
    }
}

/// The box of a text, unless it is moved and turned.
fn text_box(node: Node<'_, '_>) -> Option<Place> {
    if !node.has_tag_name("text") || is_moved(node) {
        return None;
    }
    let number = |name: &str| node.attribute(name).and_then(|value| value.parse::<f64>().ok());
    let (x, y, size) = (number("x")?, number("y")?, number("font-size")?);
    let text = node.text().unwrap_or_default().trim().to_string();
    let width = text::width(&text, size);
    let left = match node.attribute("text-anchor") {
        Some("end") => x - width,
        Some("middle") => x - width / 2.0,
        _ => x,
    };
    // From what the place is to the middle of small letters.
    let middle = match node.attribute("dy") {
        Some("0.76em") => y + 0.45 * size,
        Some(_) => y,
        None => y - 0.36 * size,
    };
    Some(Place { text, left, right: left + width, top: middle - 0.45 * size, bottom: middle + 0.45 * size })
}

/// Where a text that ends at a moved and turned place begins.
fn turned_text(node: Node<'_, '_>) -> Option<(f64, f64)> {
    let transform = node.parent().filter(|_| node.has_tag_name("text"))?.attribute("transform")?;
    let [x, y, angle] = numbers(transform)[..] else { panic!("{transform}") };
    let width = text::width(node.text().unwrap_or_default(), SMALL);
    Some((x - width * angle.to_radians().cos(), y - width * angle.to_radians().sin()))
}

fn is_moved(node: Node<'_, '_>) -> bool {
    node.ancestors().any(|node| node.has_attribute("transform"))
}

fn size(root: Node<'_, '_>) -> (f64, f64) {
    let numbers = numbers(root.attribute("viewBox").unwrap_or_default());
    (numbers[2], numbers[3])
}

fn numbers(list: &str) -> Vec<f64> {
    list.split([' ', ',', '(', ')']).filter_map(|number| number.parse().ok()).collect()
}

/// Where an element is, apart from those that are moved and turned.
fn corners(node: Node<'_, '_>) -> Vec<(f64, f64)> {
    let number = |name: &str| node.attribute(name).and_then(|value| value.parse::<f64>().ok());
    if is_moved(node) {
        return turned_text(node).into_iter().collect();
    }
    if let Some(Place { left, right, top, bottom, .. }) = text_box(node) {
        return vec![(left, top), (right, bottom)];
    }
    match node.tag_name().name() {
        "line" => {
            [("x1", "y1"), ("x2", "y2")].iter().filter_map(|(x, y)| Some((number(x)?, number(y)?))).collect()
        }
        "circle" => number("cx").zip(number("cy")).into_iter().collect(),
        "polyline" | "polygon" => numbers(node.attribute("points").unwrap_or_default())
            .chunks(2)
            .map(|pair| (pair[0], pair[1]))
            .collect(),
        "rect" => {
            let Some(((x, y), (w, h))) =
                number("x").zip(number("y")).zip(number("width").zip(number("height")))
            else {
                return Vec::new();
            };
            vec![(x, y), (x + w, y + h)]
        }
        _ => Vec::new(),
    }
}

#[test]
fn every_figure_but_a_table_is_drawn() {
    for figure in demo::figures() {
        match figure {
            Figure::Table(_) => assert_eq!(draw(&figure), None),
            _ => check(&figure),
        }
    }
}

/// The texts of a drawing, in order.
fn texts(figure: &Figure) -> Vec<String> {
    let file = draw(figure).expect("no table");
    let document = Document::parse(&file).expect("well-formed");
    let texts =
        document.descendants().filter(|node| node.has_tag_name("text")).filter_map(|node| node.text());
    texts.map(|text| text.trim().to_string()).collect()
}

#[test]
fn axes_and_legend_are_named() {
    let figures = demo::figures();
    let texts = texts(&figures[1]);
    for name in ["samples n", "norm / size of the labels", "1000", "0.01", "rate n^(−1/2)", "max(t, 0)²"] {
        assert!(texts.iter().any(|text| text == name), "{name}: {texts:?}");
    }
}

/// A point outside the asked range is left out, and the line to it ends at the border.
#[test]
fn lines_end_at_the_border() {
    let points = vec![Mean::exact(0.5, 0.5), Mean::exact(0.5, 5.0)];
    let figure = chart(Axis::rate("x"), Axis::rate("y"), vec![Series::curve("a", points)], Vec::new());
    check(&figure);
    let file = draw(&figure).expect("no table");
    // One marker in the plot and one in the legend.
    assert_eq!(file.matches("<circle").count(), 2);
}

fn chart(x: Axis, y: Axis, series: Vec<Series>, marks: Vec<Mark>) -> Figure {
    Figure::Chart(Chart { heading: Heading::new("a-b", "A & B", "<c>"), x, y, series, marks })
}

fn number() -> impl Strategy<Value = f64> {
    let special =
        [0.0, -0.0, 1.0, 1e-17, 1e3, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 5e-324];
    prop_oneof![
        any::<f64>(),
        prop::sample::select(special.to_vec()),
        0.0..1.0,
        -1e3..1e6,
        (-20.0..5.0).prop_map(f64::exp2)
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{0,12}",
        "[a-z ]{0,120}",
        "[A-Z]{30,60}",
        any::<String>(),
        Just("a\0b\u{1b}\u{ffff}".to_string()),
        Just("</text><script>&\"']]>".to_string())
    ]
}

fn axis() -> impl Strategy<Value = Axis> {
    let scale = prop_oneof![Just(AxisScale::Linear), Just(AxisScale::Log)];
    let range = prop::option::weighted(0.3, (number(), number()));
    (name(), scale, range).prop_map(|(label, scale, range)| Axis { label, scale, range })
}

fn series() -> impl Strategy<Value = Series> {
    let style = prop_oneof![Just(Style::Curve), Just(Style::Dots), Just(Style::Reference)];
    let point = (number(), number(), prop::option::of((number(), number()))).prop_map(|(x, y, band)| Mean {
        x,
        y,
        band,
    });
    (name(), style, prop::collection::vec(point, 0..8)).prop_map(|(name, style, points)| Series {
        name,
        style,
        points,
    })
}

prop_compose! {
    fn any_chart()(
        id in "[a-z]{1,5}-[a-z0-9]{1,5}",
        title in name(),
        caption in name(),
        x in axis(),
        y in axis(),
        series in prop::collection::vec(series(), 0..10),
        marks in prop::collection::vec((name(), number()).prop_map(|(name, x)| Mark { name, x }), 0..5),
    ) -> Figure {
        Figure::Chart(Chart { heading: Heading { id, title, caption }, x, y, series, marks })
    }
}

prop_compose! {
    fn any_heat_map()(
        labels in (name(), name(), name()),
        columns in prop::collection::vec(name(), 0..12),
        rows in prop::collection::vec(name(), 0..6),
        cells in prop::collection::vec(prop::collection::vec(prop::option::of((number(), name())), 0..13), 0..7),
    ) -> Figure {
        let heading = Heading::new("a-map", labels.0.clone(), "");
        Figure::HeatMap(HeatMap { heading, x_label: labels.0, y_label: labels.1, columns, rows, cells, full: labels.2 })
    }
}

prop_compose! {
    fn any_gallery()(
        strips in prop::collection::vec(
            (
                name(),
                prop::collection::vec(
                    (0_usize..12, prop::collection::vec(number(), 0..100)).prop_map(|(width, pixels)| Image { width, pixels }),
                    0..11,
                ),
            )
                .prop_map(|(label, images)| Strip { label, images }),
            0..5,
        ),
    ) -> Figure {
        Figure::Gallery(Gallery { heading: Heading::new("a-gallery", "", ""), strips })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_chart_is_drawn(figure in any_chart()) {
        check(&figure);
    }

    #[test]
    fn any_heat_map_is_drawn(figure in any_heat_map()) {
        check(&figure);
    }

    #[test]
    fn any_gallery_is_drawn(figure in any_gallery()) {
        check(&figure);
    }

    /// The letters of a name are all in the legend.
    #[test]
    fn names_are_not_cut(name in name()) {
        let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let figure = chart(Axis::linear(""), Axis::linear(""), Vec::new(), vec![Mark { name: name.clone(), x: 1.0 }]);
        let texts = texts(&figure).concat();
        prop_assert!(letters(&texts).contains(&letters(&text::clean(&name))), "{texts}");
        prop_assert!(text::wrap(&name, 100.0, NORMAL).iter().all(|line| text::width(line, NORMAL) <= 100.0));
    }
}
