//! Curves and points over two axes.

use plotters::coord::Shift;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::{Scale, Tick};
use super::palette::{self, Ink};
use super::text::{width, wrap};
use super::{Drawing, LINE, NORMAL, SMALL, WIDTH};
use crate::figure::{Axis, Chart, Mean, Series, Style};

/// Coordinates of the drawing are integers: tenths of a unit.
const SCALE: f64 = 10.0;

/// Height of the space between the axes.
const PLOT_HEIGHT: f64 = 204.0;

/// Height of the ticks of the horizontal axis with their labels.
const BELOW: f64 = 21.0;

/// Left free at the border.
const BORDER: f64 = 8.0;

/// The sample of a line in the legend, and the distance to the next entry.
const SAMPLE: f64 = 28.0;
const GAP: f64 = 16.0;

type Svg<'a> = SVGBackend<'a>;
type Area<'a> = DrawingArea<Svg<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// A point within the space between the axes: from 0 to 1 to the right and upwards, possibly beyond.
type Place = (f64, f64);

/// A point of a series that has a place.
#[derive(Debug, Clone, Copy)]
struct Point {
    at: Place,
    /// Upwards from the first to the second.
    band: Option<(f64, f64)>,
}

/// An entry of the legend.
struct Entry {
    sample: Sample,
    lines: Vec<String>,
    /// The upper left corner.
    x: f64,
    y: f64,
}

#[derive(Clone, Copy)]
enum Sample {
    Curve(usize),
    Dots(usize),
    Line(Ink),
}

/// An axis from 0 to 1 with its ticks, and lines between them.
struct Ruler {
    ticks: Vec<Tick>,
    fine: Vec<f64>,
}

impl Ranged for Ruler {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        // Places are within the axis.
        from + (f64::from(to - from) * value).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            self.fine.clone()
        } else {
            self.ticks.iter().map(|tick| tick.at).collect()
        }
    }

    fn range(&self) -> std::ops::Range<f64> {
        0.0..1.0
    }
}

impl ValueFormatter<f64> for Ruler {
    fn format_ext(&self, at: &f64) -> String {
        self.ticks.iter().find(|tick| tick.at == *at).map_or_else(String::new, |tick| tick.label.clone())
    }
}

/// Everything that is known before drawing.
struct Layout {
    x: Scale,
    y: Scale,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    x_label: Vec<String>,
    y_label: Vec<String>,
    /// The space between the axes.
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
    legend: Vec<Entry>,
    height: f64,
}

pub fn draw(chart: &Chart) -> Drawing<'_> {
    let layout = Layout::new(chart);
    let mut buffer = String::new();
    {
        let area = Svg::with_string(&mut buffer, (pixels(WIDTH) as u32, pixels(layout.height) as u32))
            .into_drawing_area();
        draw_all(&area, chart, &layout)
            .and_then(|()| area.present())
            .expect("drawing into a string does not fail");
    }
    // The element around it is ours.
    let body = buffer.split_once('>').map_or("", |(_, rest)| rest).trim().trim_end_matches("</svg>");
    let names = chart.series.iter().map(|series| series.name.as_str());
    let marks = chart.marks.iter().map(|mark| mark.name.as_str());
    Drawing {
        heading: &chart.heading,
        description: format!(
            "{} against {}: {}.",
            chart.y.label,
            chart.x.label,
            names.chain(marks).collect::<Vec<_>>().join("; ")
        ),
        height: layout.height,
        scale: SCALE,
        body: body.replace(" opacity=\"1\"", ""),
    }
}

/// Units as coordinates of the drawing.
fn pixels(units: f64) -> i32 {
    // A drawing is far smaller than 2^31 tenths.
    (units * SCALE).round() as i32
}

fn colour(ink: Ink) -> RGBColor {
    let [_, red, green, blue] = ink.light.to_be_bytes();
    RGBColor(red, green, blue)
}

/// A line of this colour and width in units.
fn line(ink: Ink, width: f64) -> ShapeStyle {
    ShapeStyle::from(colour(ink)).stroke_width(pixels(width) as u32)
}

/// Letters of this size in units.
fn letters(ink: Ink, size: f64, across: HPos) -> TextStyle<'static> {
    // The backend takes sizes as those of 1.24 em.
    let font = FontDesc::new(FontFamily::SansSerif, size * SCALE * 1.24, FontStyle::Normal);
    TextStyle { font, color: colour(ink).to_backend_color(), pos: Pos::new(across, VPos::Center) }
}

impl Layout {
    fn new(chart: &Chart) -> Layout {
        let points = || chart.series.iter().flat_map(|series| &series.points);
        let marks = chart.marks.iter().map(|mark| mark.x);
        let x = Scale::new(&chart.x, points().map(|point| point.x).chain(marks));
        let ends = |point: &Mean| {
            let (low, high) = point.band.unwrap_or((point.y, point.y));
            [point.y, low, high]
        };
        let y = Scale::new(&chart.y, points().flat_map(ends));

        let y_ticks = y.ticks(|ticks| ticks.len() <= 8 && is_free(ticks, PLOT_HEIGHT, |_| 22.0));
        let label_width = widest(&y_ticks);
        let x_width = |tick: &Tick| width(&tick.label, SMALL) + 6.0;
        let mut left = BORDER + label_width + 6.0;
        let mut right = WIDTH - BORDER - 4.0;
        let x_ticks = x.ticks(|ticks| ticks.len() <= 8 && is_free(ticks, right - left - 20.0, x_width));
        // Labels near the ends of the horizontal axis stand out to the sides; the more the shorter the axis gets.
        for _ in 0..4 {
            let length = right - left;
            let beyond = |edge: f64| {
                let out = |tick: &Tick| x_width(tick) / 2.0 - 3.0 - (tick.at - edge).abs() * length;
                x_ticks.iter().map(out).fold(0.0, f64::max)
            };
            left = left.max(BORDER + beyond(0.0));
            right = right.min(WIDTH - BORDER - beyond(1.0));
        }
        let y_label = axis_lines(&chart.y);
        let x_label = axis_lines(&chart.x);
        let top = BORDER + y_label.len() as f64 * LINE + 8.0;
        let bottom = top + PLOT_HEIGHT;
        let below = bottom + BELOW + x_label.len() as f64 * LINE + 6.0;
        let (legend, height) = legend(chart, below);
        Layout { x, y, x_ticks, y_ticks, x_label, y_label, left, top, right, bottom, legend, height }
    }

    /// The points of a series that have a place, in runs between those that have none.
    fn runs(&self, series: &Series) -> Vec<Vec<Point>> {
        let place = |point: &Mean| {
            let ends = point.band.and_then(|(a, b)| Some((self.y.place_within(a)?, self.y.place_within(b)?)));
            let band = ends.map(|(a, b)| (a.min(b), a.max(b)));
            Some(Point { at: (self.x.place(point.x)?, self.y.place(point.y)?), band })
        };
        let places: Vec<Option<Point>> = series.points.iter().map(place).collect();
        let runs = places.split(Option::is_none);
        runs.map(|run| run.iter().flatten().copied().collect::<Vec<_>>())
            .filter(|run| !run.is_empty())
            .collect()
    }
}

/// The widest label of an axis.
fn widest(ticks: &[Tick]) -> f64 {
    ticks.iter().map(|tick| width(&tick.label, SMALL)).fold(0.0, f64::max)
}

/// Whether labels of these sizes do not touch on an axis of this length.
fn is_free(ticks: &[Tick], length: f64, size: impl Fn(&Tick) -> f64) -> bool {
    ticks.windows(2).all(|pair| (pair[1].at - pair[0].at) * length >= (size(&pair[0]) + size(&pair[1])) / 2.0)
}

fn axis_lines(axis: &Axis) -> Vec<String> {
    wrap(&axis.label, WIDTH - 2.0 * BORDER, NORMAL)
}

/// The entries in rows below the axes, and where the drawing ends.
fn legend(chart: &Chart, top: f64) -> (Vec<Entry>, f64) {
    let mut named: Vec<(Sample, &str)> = Vec::new();
    let (mut measured, mut computed) = (0, 0);
    for series in &chart.series {
        let sample = match series.style {
            Style::Curve => Sample::Curve(measured),
            Style::Dots => Sample::Dots(measured),
            Style::Reference => Sample::Line(reference(computed)),
        };
        *(if series.style == Style::Reference { &mut computed } else { &mut measured }) += 1;
        named.push((sample, &series.name));
    }
    for (i, mark) in chart.marks.iter().enumerate() {
        named.push((Sample::Line(palette::MARKS[i % palette::MARKS.len()].0), &mark.name));
    }
    let limit = WIDTH - 2.0 * BORDER - SAMPLE - 6.0;
    let (mut x, mut y, mut row) = (BORDER, top, 0.0_f64);
    let mut entries = Vec::new();
    for (sample, name) in named {
        let lines = wrap(name, limit, NORMAL);
        let size = SAMPLE + 6.0 + lines.iter().map(|line| width(line, NORMAL)).fold(0.0, f64::max);
        if x > BORDER && x + size > WIDTH - BORDER {
            (x, y, row) = (BORDER, y + row, 0.0);
        }
        row = row.max(lines.len().max(1) as f64 * LINE + 3.0);
        entries.push(Entry { sample, lines, x, y });
        x += size + GAP;
    }
    (entries, y + row + BORDER)
}

fn reference(index: usize) -> Ink {
    palette::REFERENCES[index % palette::REFERENCES.len()].0
}

fn draw_all(area: &Area<'_>, chart: &Chart, layout: &Layout) -> Drawn {
    let mut axes = ChartBuilder::on(area)
        .margin_top(pixels(layout.top))
        .margin_right(pixels(WIDTH - layout.right))
        .margin_bottom(pixels(layout.height - layout.bottom - BELOW))
        .x_label_area_size(pixels(BELOW))
        .y_label_area_size(pixels(layout.left))
        .build_cartesian_2d(
            Ruler { ticks: layout.x_ticks.clone(), fine: layout.x.fine_lines() },
            Ruler { ticks: layout.y_ticks.clone(), fine: layout.y.fine_lines() },
        )?;
    axes.configure_mesh()
        .bold_line_style(line(palette::GRID, 1.0))
        .light_line_style(line(palette::FINE_GRID, 1.0))
        .axis_style(line(palette::AXIS, 1.0))
        .set_all_tick_mark_size(pixels(3.0))
        .label_style(letters(palette::MUTED, SMALL, HPos::Center))
        .draw()?;

    let style = letters(palette::TEXT, NORMAL, HPos::Left);
    for (i, label) in layout.y_label.iter().enumerate() {
        area.draw_text(label, &style, (pixels(BORDER), pixels(BORDER + (i as f64 + 0.5) * LINE)))?;
    }
    let style = letters(palette::TEXT, NORMAL, HPos::Right);
    for (i, label) in layout.x_label.iter().enumerate() {
        let y = layout.bottom + BELOW + (i as f64 + 0.5) * LINE;
        area.draw_text(label, &style, (pixels(WIDTH - BORDER), pixels(y)))?;
    }
    for entry in &layout.legend {
        draw_entry(area, entry)?;
    }

    for (i, mark) in chart.marks.iter().enumerate() {
        if let Some(x) = layout.x.place(mark.x).filter(|x| (0.0..=1.0).contains(x)) {
            let style = line(palette::MARKS[i % palette::MARKS.len()].0, 1.4);
            axes.draw_series([PathElement::new(vec![(x, 0.0), (x, 1.0)], style)])?;
        }
    }
    let of_kind = |computed: bool| {
        let kind = move |series: &&Series| (series.style == Style::Reference) == computed;
        let of = |(i, series): (usize, &Series)| (i, series.style, layout.runs(series));
        chart.series.iter().filter(kind).enumerate().map(of).collect::<Vec<_>>()
    };
    // The first series comes last: on top. Bands come before all lines, which they would dim; many are faint.
    let mut measured = of_kind(false);
    measured.reverse();
    let banded = measured.iter().filter(|(_, _, runs)| runs.iter().any(|run| !areas(run).is_empty())).count();
    let strength = (0.36 / banded.max(1) as f64).clamp(0.05, 0.18);
    for (i, style, runs) in &measured {
        if *style == Style::Curve {
            let fill = colour(series_ink(*i)).mix(strength).filled();
            let bands = runs.iter().flat_map(|run| areas(run));
            axes.draw_series(bands.map(|points| Polygon::new(outline(&points), fill)))?;
        }
    }
    for (i, style, runs) in &measured {
        let (thin, thick) = (line(series_ink(*i), 1.2), line(series_ink(*i), 1.8));
        let all_bars = runs.iter().flat_map(|run| bars(run, *style));
        axes.draw_series(all_bars.map(|bar| PathElement::new(bar, thin)))?;
        if *style == Style::Curve {
            axes.draw_series(
                runs.iter().flat_map(|run| clip(run)).map(|path| PathElement::new(path, thick)),
            )?;
        }
    }
    for (i, _, runs) in of_kind(true) {
        let style = line(reference(i), 1.6);
        axes.draw_series(runs.iter().flat_map(|run| clip(run)).map(|path| PathElement::new(path, style)))?;
    }
    for (i, style, runs) in &measured {
        for run in runs {
            // On a dense curve some markers are enough to name it.
            let step = if *style == Style::Curve { run.len().div_ceil(24) } else { 1 };
            for at in run.iter().step_by(step).map(|point| point.at).filter(is_inside) {
                draw_marker(area, axes.backend_coord(&at), *i)?;
            }
        }
    }
    if chart.series.iter().all(|series| layout.runs(series).is_empty()) {
        let centre = ((layout.left + layout.right) / 2.0, (layout.top + layout.bottom) / 2.0);
        let style = letters(palette::MUTED, NORMAL, HPos::Center);
        area.draw_text("no values", &style, (pixels(centre.0), pixels(centre.1)))?;
    }
    Ok(())
}

fn draw_entry(area: &Area<'_>, entry: &Entry) -> Drawn {
    let middle = entry.y + LINE / 2.0;
    let (from, to) = ((pixels(entry.x), pixels(middle)), (pixels(entry.x + SAMPLE), pixels(middle)));
    let centre = ((from.0 + to.0) / 2, from.1);
    match entry.sample {
        Sample::Curve(i) => {
            area.draw(&PathElement::new(vec![from, to], line(series_ink(i), 1.8)))?;
            draw_marker(area, centre, i)?;
        }
        Sample::Dots(i) => draw_marker(area, centre, i)?,
        Sample::Line(ink) => area.draw(&PathElement::new(vec![from, to], line(ink, 1.6)))?,
    }
    let style = letters(palette::TEXT, NORMAL, HPos::Left);
    for (i, text) in entry.lines.iter().enumerate() {
        area.draw_text(text, &style, (to.0 + pixels(6.0), pixels(middle + i as f64 * LINE)))?;
    }
    Ok(())
}

fn series_ink(index: usize) -> Ink {
    palette::SERIES[index % palette::SERIES.len()]
}

fn is_inside((x, y): &Place) -> bool {
    (0.0..=1.0).contains(x) && (0.0..=1.0).contains(y)
}

/// The parts of a line that are between the axes.
fn clip(run: &[Point]) -> Vec<Vec<Place>> {
    let mut paths: Vec<Vec<Place>> = Vec::new();
    for pair in run.windows(2) {
        let Some((from, to)) = clip_segment(pair[0].at, pair[1].at) else { continue };
        match paths.last_mut() {
            Some(path) if path.last() == Some(&from) => path.push(to),
            _ => paths.push(vec![from, to]),
        }
    }
    paths
}

/// The part of a segment within the unit square (Liang and Barsky, 1984).
fn clip_segment(from: Place, to: Place) -> Option<(Place, Place)> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let (mut start, mut end) = (0.0_f64, 1.0_f64);
    for (step, room) in [(-dx, from.0), (dx, 1.0 - from.0), (-dy, from.1), (dy, 1.0 - from.1)] {
        if step == 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if step < 0.0 {
            start = start.max(room / step);
        } else {
            end = end.min(room / step);
        }
    }
    let at = |t: f64| {
        let place = if t == 0.0 {
            from
        } else if t == 1.0 {
            to
        } else {
            (from.0 + t * dx, from.1 + t * dy)
        };
        (place.0.clamp(0.0, 1.0), place.1.clamp(0.0, 1.0))
    };
    (start <= end).then(|| (at(start), at(end)))
}

/// The longest pieces of a run whose points all have bands, of at least two points.
fn areas(run: &[Point]) -> Vec<Vec<Point>> {
    let visible = |point: &Point| point.band.is_some() && (0.0..=1.0).contains(&point.at.0);
    run.split(|point| !visible(point)).filter(|piece| piece.len() > 1).map(<[Point]>::to_vec).collect()
}

/// The border of the band over these points.
fn outline(points: &[Point]) -> Vec<Place> {
    let end = |point: &Point, pick: fn((f64, f64)) -> f64| point.band.map(|band| (point.at.0, pick(band)));
    let upper = points.iter().filter_map(|point| end(point, |band| band.1));
    let lower = points.iter().rev().filter_map(|point| end(point, |band| band.0));
    upper.chain(lower).collect()
}

/// Upright bars for the bands that are not part of an area.
fn bars(run: &[Point], style: Style) -> Vec<Vec<Place>> {
    if style == Style::Curve && run.len() > 1 {
        return Vec::new();
    }
    let visible = run.iter().filter(|point| (0.0..=1.0).contains(&point.at.0));
    visible.filter_map(|point| Some(vec![(point.at.0, point.band?.0), (point.at.0, point.band?.1)])).collect()
}

/// Draws the marker of a series; after eight series the shapes go with other colours.
fn draw_marker(area: &Area<'_>, (x, y): (i32, i32), index: usize) -> Drawn {
    let style = colour(series_ink(index)).filled();
    match SHAPES[(index + index / palette::SERIES.len()) % SHAPES.len()] {
        [] => area.draw(&Circle::new((x, y), 36, style)),
        corners => {
            let corners: Vec<(i32, i32)> = corners.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
            area.draw(&Polygon::new(corners, style))
        }
    }
}

/// Corners of the markers in tenths of a unit; none for the circle.
const SHAPES: [&[(i32, i32)]; 8] = [
    &[],
    &[(-32, -32), (32, -32), (32, 32), (-32, 32)],
    &[(0, -46), (42, 30), (-42, 30)],
    &[(0, -48), (48, 0), (0, 48), (-48, 0)],
    &[(0, 46), (42, -30), (-42, -30)],
    // A standing and a lying cross.
    &[
        (-14, -44),
        (14, -44),
        (14, -14),
        (44, -14),
        (44, 14),
        (14, 14),
        (14, 44),
        (-14, 44),
        (-14, 14),
        (-44, 14),
        (-44, -14),
        (-14, -14),
    ],
    &[
        (0, -20),
        (22, -42),
        (42, -22),
        (20, 0),
        (42, 22),
        (22, 42),
        (0, 20),
        (-22, 42),
        (-42, 22),
        (-20, 0),
        (-42, -22),
        (-22, -42),
    ],
    &[(-46, 0), (-23, -40), (23, -40), (46, 0), (23, 40), (-23, 40)],
];
