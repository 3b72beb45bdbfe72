//! Colours for light and for dark ground.
//!
//! Drawings carry the light colours as attributes, which every viewer understands; on dark ground the style sheet
//! replaces each by the dark colour of the same ink. So no two inks may have the same light colour.

use std::fmt::Write as _;

/// A colour on light ground, and the one that takes its place on dark ground; 0xRRGGBB.
#[derive(Debug, Clone, Copy)]
pub struct Ink {
    pub light: u32,
    pub dark: u32,
}

const fn ink(light: u32, dark: u32) -> Ink {
    Ink { light, dark }
}

/// Behind everything; the page's figures have the same.
pub const GROUND: Ink = ink(0xFFFFFF, 0x161B21);
/// Letters.
pub const TEXT: Ink = ink(0x1F2933, 0xE4E9EE);
/// Letters at ticks.
pub const MUTED: Ink = ink(0x52606D, 0xA9B4C0);
/// The lines of the axes, and the frames of images and empty cells.
pub const AXIS: Ink = ink(0x7B8794, 0x7C8894);
/// The lines of the grid at ticks, and between them.
pub const GRID: Ink = ink(0xDDE3E9, 0x2C343D);
pub const FINE_GRID: Ink = ink(0xEEF1F4, 0x20272E);

/// Measured series, told apart by those who see few colours and on both grounds.
const SERIES: [Ink; 8] = [
    ink(0x0067B1, 0x6DB7FF),
    ink(0xC94A00, 0xFF9A5C),
    ink(0x007A55, 0x40CF9F),
    ink(0xA02C8D, 0xEE96DF),
    ink(0x8A6300, 0xE8BC4E),
    ink(0x008198, 0x5AD4EB),
    ink(0x8B2B2B, 0xF08A8A),
    ink(0x464646, 0xCFCFCF),
];

/// Computed lines, told apart by their dashes.
const REFERENCES: [(Ink, &str); 4] = [
    (ink(0x55585C, 0xB5B9BE), "60 40"),
    (ink(0x55585D, 0xB5B9BF), "20 30"),
    (ink(0x55585E, 0xB5B9C0), "120 40"),
    (ink(0x55585F, 0xB5B9C1), "60 30 20 30 20 30"),
];

/// Vertical lines.
const MARKS: [(Ink, &str); 4] = [
    (ink(0x6B3FA0, 0xC4A5F5), "100 30 20 30"),
    (ink(0x9B3D12, 0xFFB38A), "40 20 10 20"),
    (ink(0x2F6B3A, 0x8FD69B), "160 30 20 30"),
    (ink(0x5F5300, 0xD9CE7C), "100 30 20 30 20 30"),
];

/// The ends of the colours of a heat map, and how many there are.
const COLD: Ink = ink(0xEEF4FA, 0x1D2934);
const HOT: Ink = ink(0x084A8C, 0x8FCDFF);
pub const HEAT_LEVELS: usize = 21;

/// The colour of a measured series by its number, and how often all colours were used before.
pub fn series(index: usize) -> (Ink, usize) {
    (SERIES[index % SERIES.len()], index / SERIES.len())
}

/// The colour of a computed line by its number.
pub fn reference(index: usize) -> Ink {
    REFERENCES[index % REFERENCES.len()].0
}

/// The colour of a vertical line by its number.
pub fn mark(index: usize) -> Ink {
    MARKS[index % MARKS.len()].0
}

/// As it stands in attributes.
pub fn hex(colour: u32) -> String {
    format!("#{colour:06X}")
}

/// The colour of a level of a heat map, from 0 to `HEAT_LEVELS` − 1.
pub fn heat(level: usize) -> Ink {
    let share = level as f64 / (HEAT_LEVELS - 1) as f64;
    ink(between(COLD.light, HOT.light, share), between(COLD.dark, HOT.dark, share))
}

/// The colour of letters on a level of a heat map: of black and white the one that is easier to read.
pub fn on_heat(level: usize) -> Ink {
    let readable = |ground| {
        if contrast(ground, 0xFFFFFF) > contrast(ground, 0x000000) { 0xFFFFFF } else { 0x000000 }
    };
    let ground = heat(level);
    ink(readable(ground.light), readable(ground.dark))
}

fn between(from: u32, to: u32, share: f64) -> u32 {
    let channel = |shift: u32| {
        let (from, to) = (f64::from(from >> shift & 0xFF), f64::from(to >> shift & 0xFF));
        // Between two bytes.
        ((from + share * (to - from)).round() as u32) << shift
    };
    channel(16) | channel(8) | channel(0)
}

/// The contrast ratio of two colours, from 1 to 21 (WCAG 2.2).
fn contrast(a: u32, b: u32) -> f64 {
    let luminance = |colour: u32| {
        let channel = |shift: u32| {
            let share = f64::from(colour >> shift & 0xFF) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Every ink that drawings carry as an attribute.
fn inks() -> impl Iterator<Item = Ink> {
    let dashed = REFERENCES.iter().chain(&MARKS).map(|(ink, _)| *ink);
    [GROUND, TEXT, MUTED, AXIS, GRID, FINE_GRID].into_iter().chain(SERIES).chain(dashed)
}

/// The dashes, and the dark colours. Rules are written out: not every viewer of files knows custom properties.
pub fn style_sheet() -> String {
    let mut css = String::from(
        ".drawing{color-scheme:light dark}\
         .drawing text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}\
         .drawing polyline{stroke-linejoin:round;stroke-linecap:round}",
    );
    // Writing to a string does not fail.
    let mut rule = |text: std::fmt::Arguments<'_>| css.write_fmt(text).unwrap_or_default();
    for (ink, dashes) in REFERENCES.iter().chain(&MARKS) {
        let colour = hex(ink.light);
        rule(format_args!(".drawing [stroke='{colour}']{{stroke-dasharray:{dashes};stroke-linecap:butt}}"));
    }
    rule(format_args!("@media (prefers-color-scheme:dark){{"));
    for ink in inks() {
        let (light, dark) = (hex(ink.light), hex(ink.dark));
        rule(format_args!(
            ".drawing [fill='{light}']{{fill:{dark}}}.drawing [stroke='{light}']{{stroke:{dark}}}"
        ));
    }
    for level in 0..HEAT_LEVELS {
        let (ground, letters) = (hex(heat(level).dark), hex(on_heat(level).dark));
        rule(format_args!(".drawing .h{level}{{fill:{ground}}}.drawing .t{level}{{fill:{letters}}}"));
    }
    rule(format_args!("}}"));
    css
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn light_colours_name_their_inks() {
        let mut colours: Vec<u32> = inks().map(|ink| ink.light).collect();
        let count = colours.len();
        colours.sort_unstable();
        colours.dedup();
        assert_eq!(colours.len(), count);
    }

    /// WCAG 2.2: 4.5 for text (1.4.3), 3 for what has to be seen of graphics (1.4.11).
    #[test]
    fn everything_can_be_seen_on_both_grounds() {
        for ground in [|ink: Ink| ink.light, |ink: Ink| ink.dark] {
            let of = |ink| contrast(ground(ink), ground(GROUND));
            for ink in [TEXT, MUTED] {
                assert!(of(ink) >= 4.5, "{ink:06x?}: {}", of(ink));
            }
            for ink in inks().skip(6).chain([AXIS]) {
                assert!(of(ink) >= 3.0, "{ink:06x?}: {}", of(ink));
            }
            for level in 0..HEAT_LEVELS {
                let on = contrast(ground(heat(level)), ground(on_heat(level)));
                assert!(on >= 4.5, "level {level}: {on}");
            }
        }
    }

    #[test]
    fn contrast_is_that_of_the_standard() {
        // Black on white, and the example #777 on white of WebAIM.
        assert_eq!(contrast(0, 0xFFFFFF), 21.0);
        // Printed as 4.48.
        assert!((contrast(0x777777, 0xFFFFFF) - 4.48).abs() < 0.005);
    }
}
