//! Figures as SVG.
//!
//! A drawing is 360 units wide with letters of 11 and 12 units, so that it can be read at the width of a phone, and is
//! as tall as its legend needs. Its colours are those for light ground; a style sheet replaces them on dark ground.

mod axis;
mod chart;
mod gallery;
mod heat_map;
mod palette;
mod text;

use maud::{PreEscaped, html};

use crate::figure::{Figure, Heading};

/// Width of every drawing in its own units.
const WIDTH: f64 = 360.0;

/// Size of the letters at ticks and in cells, and of all others.
const SMALL: f64 = 11.0;
const NORMAL: f64 = 12.0;

/// From one line of text to the next.
const LINE: f64 = 15.0;

/// A figure as the text of an SVG file; nothing for a table.
///
/// The file needs nothing else: it has its legend, its title for those who do not see it, and its style sheet for
/// light and dark ground. The same figure gives the same text. Numbers that are not finite, or not positive on a
/// logarithmic axis, are left out.
pub fn draw(figure: &Figure) -> Option<String> {
    drawing(figure).map(|drawing| drawing.text(true))
}

/// The same to stand in a page that has [`style_sheet`].
pub fn draw_inline(figure: &Figure) -> Option<String> {
    drawing(figure).map(|drawing| drawing.text(false))
}

/// The style sheet of all drawings.
pub fn style_sheet() -> String {
    palette::style_sheet()
}

fn drawing(figure: &Figure) -> Option<Drawing<'_>> {
    match figure {
        Figure::Chart(chart) => Some(chart::draw(chart)),
        Figure::HeatMap(map) => Some(heat_map::draw(map)),
        Figure::Gallery(gallery) => Some(gallery::draw(gallery)),
        Figure::Table(_) => None,
    }
}

/// What a drawing shows, without the element around it.
struct Drawing<'a> {
    heading: &'a Heading,
    /// What is not said by the heading: the axes and what is drawn.
    description: String,
    /// In units.
    height: f64,
    /// Coordinates in `body` per unit.
    scale: f64,
    body: String,
}

impl Drawing<'_> {
    fn text(&self, with_style: bool) -> String {
        let (width, height) = (WIDTH, self.height.ceil());
        html! {
            svg xmlns="http://www.w3.org/2000/svg" class="drawing" role="img" width=(width) height=(height)
                viewBox=(format!("0 0 {} {}", width * self.scale, height * self.scale)) {
                title { (text::clean(&self.heading.title)) }
                desc { (text::clean(&self.description)) }
                @if with_style { style { (PreEscaped(style_sheet())) } }
                rect width="100%" height="100%" fill=(palette::hex(palette::GROUND.light)) {}
                (PreEscaped(&self.body))
            }
        }
        .into_string()
    }
}

#[cfg(test)]
mod tests;
