//! Rows of small grey images.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use maud::{Markup, html};

use super::palette::{self, hex};
use super::text::{label, letters, units, wrap};
use super::{Drawing, LINE, NORMAL, WIDTH};
use crate::figure::{Gallery, Image};

const BORDER: f64 = 8.0;

/// Images side by side, and the space between them.
const ACROSS: usize = 8;
const GAP: f64 = 4.0;

/// Shades of grey.
const SHADES: u8 = 64;

pub fn draw(gallery: &Gallery) -> Drawing<'_> {
    let most = gallery.strips.iter().map(|strip| strip.images.len()).max().unwrap_or(0);
    let across = most.clamp(1, ACROSS);
    let size = ((WIDTH - 2.0 * BORDER + GAP) / across as f64 - GAP).min(64.0);
    let mut rows = Vec::new();
    let mut y = BORDER;
    // The strips of a block belong together: what is above each other is to be compared.
    for start in (0..most).step_by(across) {
        for strip in &gallery.strips {
            let images: Vec<&Image> = strip.images.iter().skip(start).take(across).collect();
            let lines = wrap(&strip.label, WIDTH - 2.0 * BORDER, NORMAL);
            let top = y + lines.len() as f64 * LINE + 3.0;
            let tallest = images.iter().map(|image| size * ratio(image)).fold(0.0, f64::max);
            rows.push((lines, y, images, top));
            y = top + tallest + 5.0;
        }
        y += 8.0;
    }
    let body = html! {
        @for (lines, label_top, images, top) in &rows {
            (label(lines, BORDER, *label_top, "start"))
            @for (i, image) in images.iter().enumerate() {
                (draw_image(image, BORDER + i as f64 * (size + GAP), *top, size))
            }
        }
        @if rows.is_empty() { (letters("no images", WIDTH / 2.0, 1.5 * LINE, NORMAL, "middle")) }
    };
    let labels: Vec<&str> = gallery.strips.iter().map(|strip| strip.label.as_str()).collect();
    Drawing {
        heading: &gallery.heading,
        description: format!("Rows of images: {}.", labels.join("; ")),
        height: y.max(3.0 * LINE),
        scale: 1.0,
        body: body.into_string(),
    }
}

/// Height over width; images without pixels have none.
fn ratio(image: &Image) -> f64 {
    let rows = image.pixels.len().div_ceil(image.width.max(1));
    // Not more than what can be seen at all.
    (rows as f64 / image.width.max(1) as f64).min(4.0)
}

/// The pixels in a box of this width; those that are not finite show the ground.
fn draw_image(image: &Image, x: f64, y: f64, size: f64) -> Markup {
    let width = image.width.max(1);
    let mut shades: BTreeMap<u8, String> = BTreeMap::new();
    for (row, pixels) in image.pixels.chunks(width).enumerate() {
        let mut column = 0;
        for run in pixels.chunk_by(|a, b| shade(*a) == shade(*b)) {
            if let Some(shade) = run.first().and_then(|pixel| shade(*pixel)) {
                let path = shades.entry(shade).or_default();
                let n = run.len();
                // Writing to a string does not fail.
                write!(path, "M{column} {row}h{n}v1h-{n}z").unwrap_or_default();
            }
            column += run.len();
        }
    }
    let height = size * ratio(image);
    let rows = image.pixels.len().div_ceil(width).max(1);
    let scale = (size / width as f64, height / rows as f64);
    html! {
        g transform=(format!("translate({} {}) scale({:.4} {:.4})", units(x), units(y), scale.0, scale.1))
            shape-rendering="crispEdges" {
            @for (shade, path) in &shades {
                @let grey = u32::from(*shade) * 255 / u32::from(SHADES - 1);
                // Not in the form of the inks: images are the same on dark ground.
                path fill=(format!("rgb({grey},{grey},{grey})")) d=(path) {}
            }
        }
        rect x=(units(x)) y=(units(y)) width=(units(size)) height=(units(height)) fill="none"
            stroke=(hex(palette::AXIS.light)) stroke-width="0.7" {}
    }
}

/// The nearest shade of a value from -1 to 1; nothing for what is no number.
fn shade(pixel: f64) -> Option<u8> {
    let share = (pixel.clamp(-1.0, 1.0) + 1.0) / 2.0;
    (!share.is_nan()).then(|| (share * f64::from(SHADES - 1)).round() as u8)
}
