//! Where the axes, the labels and the legend of a chart are.

use super::super::axis::{Scale, Tick};
use super::super::palette::{self, Ink};
use super::super::text::{width, wrap};
use super::super::{LINE, NORMAL, SMALL, WIDTH};
use crate::figure::{Axis, Chart, Mean, Style};

/// Height of the space between the axes.
const PLOT_HEIGHT: f64 = 204.0;

/// Height of the ticks of the horizontal axis with their labels.
pub const BELOW: f64 = 21.0;

/// Left free at the border.
pub const BORDER: f64 = 8.0;

/// The sample of a line in the legend, and the distance to the next entry.
pub const SAMPLE: f64 = 28.0;
const GAP: f64 = 16.0;

/// Everything that is known before drawing.
pub struct Layout {
    pub x: Scale,
    pub y: Scale,
    pub x_ticks: Vec<Tick>,
    pub y_ticks: Vec<Tick>,
    pub x_label: Vec<String>,
    pub y_label: Vec<String>,
    /// The space between the axes.
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
    pub legend: Vec<Entry>,
    pub height: f64,
}

/// An entry of the legend.
pub struct Entry {
    pub sample: Sample,
    pub lines: Vec<String>,
    /// The upper left corner.
    pub x: f64,
    pub y: f64,
}

/// What stands before the name: the marker of a measured series by its number, or a computed line.
#[derive(Clone, Copy)]
pub enum Sample {
    Curve(usize),
    Dots(usize),
    Line(Ink),
}

impl Layout {
    pub fn new(chart: &Chart) -> Layout {
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
            Style::Reference => Sample::Line(palette::reference(computed)),
        };
        *(if series.style == Style::Reference { &mut computed } else { &mut measured }) += 1;
        named.push((sample, &series.name));
    }
    for (i, mark) in chart.marks.iter().enumerate() {
        named.push((Sample::Line(palette::mark(i)), &mark.name));
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
