//! One number per pair of settings, as a coloured grid.

use maud::{Markup, html};

use super::palette::{self, hex};
use super::text::{clean, width, wrap};
use super::{Drawing, LINE, NORMAL, SMALL, WIDTH};
use crate::figure::HeatMap;

const BORDER: f64 = 8.0;

/// The most that the names of the rows may take.
const NAMES: f64 = 110.0;

/// Between the cells.
const GAP: f64 = 2.0;

pub fn draw(map: &HeatMap) -> Drawing<'_> {
    let names: Vec<Vec<String>> = map.rows.iter().map(|name| wrap(name, NAMES, SMALL)).collect();
    let left = BORDER + names.iter().flatten().map(|line| width(line, SMALL)).fold(0.0, f64::max) + 6.0;
    let count = map.columns.len().max(1) as f64;
    let cell_width = (WIDTH - BORDER - left) / count;
    let tallest = names.iter().map(Vec::len).max().unwrap_or(0) as f64;
    let cell_height = cell_width.clamp(26.0, 34.0).max(tallest * 13.0 + 4.0);
    let y_label = wrap(&map.y_label, WIDTH - 2.0 * BORDER, NORMAL);
    let top = BORDER + y_label.len() as f64 * LINE + 5.0;
    let bottom = top + map.rows.len().max(1) as f64 * cell_height;

    let columns = Columns::new(map, left, cell_width);
    let x_label = wrap(&map.x_label, WIDTH - 2.0 * BORDER, NORMAL);
    let scale_top = bottom + columns.height + x_label.len() as f64 * LINE + 12.0;
    let (scale, height) = colour_scale(&map.full, scale_top);

    let body = html! {
        (label(&y_label, BORDER, BORDER, "start"))
        @for (i, lines) in names.iter().enumerate() {
            @let middle = top + (i as f64 + 0.5) * cell_height;
            @for (j, line) in lines.iter().enumerate() {
                @let y = middle + (j as f64 - (lines.len() as f64 - 1.0) / 2.0) * 13.0;
                (letters(line, left - 6.0, y, SMALL, "end"))
            }
        }
        @for (i, row) in map.rows.iter().enumerate() {
            @for (j, column) in map.columns.iter().enumerate() {
                @let (x, y) = (left + j as f64 * cell_width, top + i as f64 * cell_height);
                @let value = map.cells.get(i).and_then(|cells| cells.get(j)).and_then(Option::as_ref);
                (cell(value, &format!("{row}, {column}"), (x, y), (cell_width - GAP, cell_height - GAP)))
            }
        }
        @if map.rows.is_empty() || map.columns.is_empty() {
            (letters("no values", WIDTH / 2.0, (top + bottom) / 2.0, NORMAL, "middle"))
        }
        (columns.draw(bottom))
        (label(&x_label, WIDTH - BORDER, bottom + columns.height + 4.0, "end"))
        (scale)
    };
    Drawing {
        heading: &map.heading,
        description: format!("{} against {}; full colour: {}.", map.y_label, map.x_label, map.full),
        height,
        scale: 1.0,
        body: body.into_string(),
    }
}

/// A number of this many units, with one digit after the point.
pub fn units(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_string)
}

/// Letters whose middle is at this height.
pub fn letters(text: &str, x: f64, y: f64, size: f64, anchor: &str) -> Markup {
    let fill = hex(if size < NORMAL { palette::MUTED.light } else { palette::TEXT.light });
    html! {
        text x=(units(x)) y=(units(y + 0.36 * size)) font-family="sans-serif" font-size=(units(size))
            text-anchor=(anchor) fill=(fill) { (text) }
    }
}

/// Lines from this height on.
pub fn label(lines: &[String], x: f64, top: f64, anchor: &str) -> Markup {
    html! {
        @for (i, line) in lines.iter().enumerate() {
            (letters(line, x, top + (i as f64 + 0.5) * LINE, NORMAL, anchor))
        }
    }
}

fn cell(value: Option<&(f64, String)>, name: &str, (x, y): (f64, f64), (w, h): (f64, f64)) -> Markup {
    let (middle_x, middle_y) = (x + w / 2.0, y + h / 2.0);
    let Some((share, text)) = value.filter(|(share, _)| !share.is_nan()) else {
        return html! {
            rect x=(units(x + 0.5)) y=(units(y + 0.5)) width=(units((w - 1.0).max(1.0))) height=(units(h - 1.0)) rx="2"
                fill="none" stroke=(hex(palette::AXIS.light)) stroke-dasharray="2 3" {}
            (letters("–", middle_x, middle_y, SMALL, "middle"))
        };
    };
    // Rounded to one of the levels.
    let level = (share.clamp(0.0, 1.0) * (palette::HEAT_LEVELS - 1) as f64).round() as usize;
    let text = clean(text);
    // Estimated widths are generous: a little beyond the cell by them is within it.
    let size = [SMALL, 10.0, 9.0].into_iter().find(|size| width(&text, *size) <= w + 4.0);
    html! {
        rect.{"h" (level)} x=(units(x)) y=(units(y)) width=(units(w.max(1.0))) height=(units(h)) rx="2"
            fill=(hex(palette::heat(level).light)) {
            title { (clean(name)) ": " (text) }
        }
        @if let Some(size) = size {
            text.{"t" (level)} x=(units(middle_x)) y=(units(middle_y + 0.36 * size)) font-family="sans-serif"
                font-size=(units(size)) text-anchor="middle" fill=(hex(palette::on_heat(level).light)) { (text) }
        }
    }
}

/// The names of the columns below the grid: level if they fit, else slanted, else only some of them.
struct Columns {
    names: Vec<String>,
    left: f64,
    cell: f64,
    slanted: bool,
    height: f64,
}

impl Columns {
    fn new(map: &HeatMap, left: f64, cell: f64) -> Columns {
        let names: Vec<String> = map.columns.iter().map(|name| clean(name)).collect();
        let widest = names.iter().map(|name| width(name, SMALL)).fold(0.0, f64::max);
        let slanted = widest > cell + 2.0;
        // At 45°, with the height of the letters.
        let height = if slanted { 0.71 * widest.min(NAMES) + 14.0 } else { 18.0 };
        Columns { names, left, cell, slanted, height }
    }

    fn draw(&self, top: f64) -> Markup {
        // Slanted lines of text need this much from one to the next.
        let step = if self.slanted { (15.0 / self.cell).ceil().max(1.0) as usize } else { 1 };
        html! {
            @for (i, name) in self.names.iter().enumerate().step_by(step) {
                @let x = self.left + (i as f64 + 0.5) * self.cell;
                @if self.slanted {
                    @let first = wrap(name, NAMES, SMALL);
                    @let cut = if first.len() > 1 { "…" } else { "" };
                    g transform=(format!("translate({} {}) rotate(-45)", units(x + 4.0), units(top + 8.0))) {
                        (letters(&format!("{}{cut}", first.first().map_or("", String::as_str)), 0.0, 0.0, SMALL, "end"))
                    }
                } @else {
                    (letters(name, x, top + 10.0, SMALL, "middle"))
                }
            }
        }
    }
}

/// The colours from nothing to full, with their meaning, and where the drawing ends.
fn colour_scale(full: &str, top: f64) -> (Markup, f64) {
    let step = 6.0;
    let end = BORDER + 12.0 + step * palette::HEAT_LEVELS as f64;
    let lines = wrap(full, WIDTH - BORDER - end - 8.0, NORMAL);
    let markup = html! {
        (letters("0", BORDER, top + LINE / 2.0, SMALL, "start"))
        @for level in 0..palette::HEAT_LEVELS {
            // Overlapping, so that no ground shows between.
            rect.{"h" (level)} x=(units(BORDER + 12.0 + step * level as f64)) y=(units(top + 1.5)) width=(units(step + 0.3))
                height="12" fill=(hex(palette::heat(level).light)) {}
        }
        (label(&lines, end + 8.0, top, "start"))
    };
    (markup, top + lines.len().max(1) as f64 * LINE + BORDER)
}
