//! Curves and points over two axes.

mod layout;
mod lines;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use self::layout::{BELOW, BORDER, Entry, Layout, SAMPLE, Sample};
use self::lines::{areas, bars, clip, is_inside, outline, runs};
use super::axis::Tick;
use super::palette::{self, Ink};
use super::{Drawing, LINE, NORMAL, SMALL, WIDTH};
use crate::figure::{Chart, Series, Style};

/// Coordinates of the drawing are integers: tenths of a unit.
const SCALE: f64 = 10.0;

type Svg<'a> = SVGBackend<'a>;
type Area<'a> = DrawingArea<Svg<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

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
            let style = line(palette::mark(i), 1.4);
            axes.draw_series([PathElement::new(vec![(x, 0.0), (x, 1.0)], style)])?;
        }
    }
    let of_kind = |computed: bool| {
        let kind = move |series: &&Series| (series.style == Style::Reference) == computed;
        let of = |(i, series): (usize, &Series)| (i, series.style, runs(series, &layout.x, &layout.y));
        chart.series.iter().filter(kind).enumerate().map(of).collect::<Vec<_>>()
    };
    // The first series comes last: on top. Bands come before all lines, which they would dim; many are faint.
    let mut measured = of_kind(false);
    measured.reverse();
    let banded = measured.iter().filter(|(_, _, runs)| runs.iter().any(|run| !areas(run).is_empty())).count();
    let strength = (0.36 / banded.max(1) as f64).clamp(0.05, 0.18);
    for (i, style, runs) in &measured {
        if *style == Style::Curve {
            let fill = colour(palette::series(*i).0).mix(strength).filled();
            let bands = runs.iter().flat_map(|run| areas(run));
            axes.draw_series(bands.map(|points| Polygon::new(outline(&points), fill)))?;
        }
    }
    for (i, style, runs) in &measured {
        let (thin, thick) = (line(palette::series(*i).0, 1.2), line(palette::series(*i).0, 1.8));
        let all_bars = runs.iter().flat_map(|run| bars(run, *style));
        axes.draw_series(all_bars.map(|bar| PathElement::new(bar, thin)))?;
        if *style == Style::Curve {
            axes.draw_series(
                runs.iter().flat_map(|run| clip(run)).map(|path| PathElement::new(path, thick)),
            )?;
        }
    }
    for (i, _, runs) in of_kind(true) {
        let style = line(palette::reference(i), 1.6);
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
    if chart.series.iter().all(|series| runs(series, &layout.x, &layout.y).is_empty()) {
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
            area.draw(&PathElement::new(vec![from, to], line(palette::series(i).0, 1.8)))?;
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

/// Draws the marker of a series; after eight series the shapes go with other colours.
fn draw_marker(area: &Area<'_>, (x, y): (i32, i32), index: usize) -> Drawn {
    let (ink, round) = palette::series(index);
    let style = colour(ink).filled();
    match SHAPES[(index + round) % SHAPES.len()] {
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
