//! One number per pair of settings, as a coloured grid.

use std::f64::consts::SQRT_2;

use maud::{Markup, html};

use super::palette::{self, hex};
use super::text::{clean, label, letters, units, width, wrap};
use super::{Drawing, LINE, NORMAL, SMALL, WIDTH};
use crate::figure::HeatMap;

const BORDER: f64 = 8.0;

/// From one line of small letters to the next.
const SMALL_LINE: f64 = 13.0;

/// The most that the names of the rows may take: less beside many columns.
const NAMES: f64 = 110.0;
const SHORT_NAMES: f64 = 84.0;
const MANY: usize = 6;

/// Between the cells.
const GAP: f64 = 2.0;

pub fn draw(map: &HeatMap) -> Drawing<'_> {
    let limit = if map.columns.len() < MANY { NAMES } else { SHORT_NAMES };
    let names: Vec<Vec<String>> = map.rows.iter().map(|name| wrap(name, limit, SMALL)).collect();
    let left = BORDER + names.iter().flatten().map(|line| width(line, SMALL)).fold(0.0, f64::max) + 6.0;
    let count = map.columns.len().max(1) as f64;
    let cell_width = (WIDTH - BORDER - left) / count;
    let tallest = names.iter().map(Vec::len).max().unwrap_or(0) as f64;
    let cell_height = cell_width.clamp(26.0, 34.0).max(tallest * SMALL_LINE + 4.0);
    let y_label = wrap(&map.y_label, WIDTH - 2.0 * BORDER, NORMAL);
    let top = BORDER + y_label.len() as f64 * LINE + 5.0;
    let bottom = top + map.rows.len().max(1) as f64 * cell_height;

    let size = text_size(map, cell_width - GAP);
    let columns = Columns::new(map, left, cell_width);
    let x_label = wrap(&map.x_label, WIDTH - 2.0 * BORDER, NORMAL);
    let scale_top = bottom + columns.height + x_label.len() as f64 * LINE + 12.0;
    let (scale, height) = colour_scale(&map.full, scale_top);

    let body = html! {
        (label(&y_label, BORDER, BORDER, "start"))
        @for (i, lines) in names.iter().enumerate() {
            @let middle = top + (i as f64 + 0.5) * cell_height;
            @for (j, line) in lines.iter().enumerate() {
                @let y = middle + (j as f64 - (lines.len() as f64 - 1.0) / 2.0) * SMALL_LINE;
                (letters(line, left - 6.0, y, SMALL, "end"))
            }
        }
        @for (i, row) in map.rows.iter().enumerate() {
            @for (j, column) in map.columns.iter().enumerate() {
                @let (x, y) = (left + j as f64 * cell_width, top + i as f64 * cell_height);
                @let value = map.cells.get(i).and_then(|cells| cells.get(j)).and_then(Option::as_ref);
                (cell(value, &format!("{row}, {column}"), size, (x, y), (cell_width - GAP, cell_height - GAP)))
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

/// The size of the letters in all cells: the largest that finds room in each, or the smallest.
fn text_size(map: &HeatMap, room: f64) -> f64 {
    let texts: Vec<String> = map.cells.iter().flatten().flatten().map(|(_, text)| clean(text)).collect();
    let fits_all = |size: &f64| texts.iter().all(|text| fits(text, *size, room));
    [SMALL, 10.0, 9.0, 8.0].into_iter().find(fits_all).unwrap_or(7.5)
}

/// Widths are estimated generously: a little more than the room by them is within it.
fn fits(text: &str, size: f64, room: f64) -> bool {
    width(text, size) <= room + GAP / 2.0
}

/// A cell; what finds no room in it is told by its title only.
fn cell(
    value: Option<&(f64, String)>,
    name: &str,
    size: f64,
    (x, y): (f64, f64),
    (w, h): (f64, f64),
) -> Markup {
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
    html! {
        rect.{"h" (level)} x=(units(x)) y=(units(y)) width=(units(w.max(1.0))) height=(units(h)) rx="2"
            fill=(hex(palette::heat(level).light)) {
            title { (clean(name)) ": " (text) }
        }
        @if fits(&text, size, w) {
            text.{"t" (level)} x=(units(middle_x)) y=(units(middle_y + 0.36 * size)) font-family="sans-serif"
                font-size=(units(size)) text-anchor="middle" fill=(hex(palette::on_heat(level).light)) { (text) }
        }
    }
}

/// The names of the columns below the grid.
struct Columns {
    names: Vec<Vec<String>>,
    left: f64,
    cell: f64,
    /// How far the names are turned to the left, in degrees.
    angle: f64,
    height: f64,
}

impl Columns {
    /// Names are level, in several lines if need be; slanted if their words are too long for that; upright if slanted ones
    /// would begin left of the drawing.
    fn new(map: &HeatMap, left: f64, cell: f64) -> Columns {
        let lines = |limit: f64| map.columns.iter().map(|name| wrap(name, limit, SMALL)).collect::<Vec<_>>();
        let words = map.columns.iter().flat_map(|name| name.split_whitespace());
        let longest = words.map(|word| width(word, SMALL)).fold(0.0, f64::max);
        if longest <= cell - 2.0 {
            let names = lines(cell - 2.0);
            let height = 5.0 + names.iter().map(Vec::len).max().unwrap_or(0) as f64 * SMALL_LINE;
            return Columns { names, left, cell, angle: 0.0, height };
        }
        let names = lines(NAMES);
        let (mut reach, mut deepest) = (0.0_f64, 0.0_f64);
        for name in &names {
            reach = name.iter().map(|line| width(line, SMALL)).fold(reach, f64::max);
            deepest = deepest.max(name.len() as f64 * SMALL_LINE);
        }
        let slanted = reach / SQRT_2 <= left + cell / 2.0 - BORDER && deepest <= cell / SQRT_2;
        let (angle, height) =
            if slanted { (45.0, (reach + deepest) / SQRT_2 + 4.0) } else { (90.0, reach + 10.0) };
        Columns { names, left, cell, angle, height }
    }

    fn draw(&self, top: f64) -> Markup {
        let deepest = self.names.iter().map(Vec::len).max().unwrap_or(0) as f64 * SMALL_LINE;
        // Upright names that do not find room are left out: the cells tell theirs.
        let step = if self.angle == 90.0 { (deepest / self.cell).ceil().max(1.0) as usize } else { 1 };
        // The upper corner of a slanted name stays below the grid.
        let start = if self.angle == 90.0 { top + 6.0 } else { top + 2.0 + deepest / (2.0 * SQRT_2) };
        html! {
            @for (i, lines) in self.names.iter().enumerate().step_by(step) {
                @let x = self.left + (i as f64 + 0.5) * self.cell;
                @if self.angle == 0.0 {
                    @for (j, line) in lines.iter().enumerate() {
                        (letters(line, x, top + 4.0 + (j as f64 + 0.5) * SMALL_LINE, SMALL, "middle"))
                    }
                } @else {
                    g transform=(format!("translate({} {}) rotate(-{})", units(x), units(start), self.angle)) {
                        @for (j, line) in lines.iter().enumerate() {
                            @let y = (j as f64 - (lines.len() as f64 - 1.0) / 2.0) * SMALL_LINE;
                            (letters(line, 0.0, y, SMALL, "end"))
                        }
                    }
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
