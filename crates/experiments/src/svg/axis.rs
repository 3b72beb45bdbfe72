//! Where values stand on an axis, and which of them are labelled.

use crate::figure::{Axis, AxisScale};

/// Values beyond are left out: their differences might overflow.
const LARGEST: f64 = 1e300;

/// The share of an axis that is left free at either end, so that points at its ends are whole.
const MARGIN: f64 = 0.04;

/// An axis with its ends.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    kind: AxisScale,
    /// The ends, as logarithms to base 10 on a logarithmic axis; the first is less.
    low: f64,
    high: f64,
}

/// A place on an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// From 0 at the low end to 1 at the high end.
    pub at: f64,
    pub label: String,
}

impl Scale {
    /// The scale of an axis that shows these values.
    pub fn new(axis: &Axis, values: impl Iterator<Item = f64>) -> Scale {
        let kind = axis.scale;
        let asked =
            axis.range.and_then(|(low, high)| Some((coordinate(kind, low)?, coordinate(kind, high)?)));
        let (low, high) = match asked {
            Some((low, high)) if is_wide(low, high) => (low, high),
            _ => ends(kind, values),
        };
        let margin = MARGIN * (high - low);
        Scale { kind, low: low - margin, high: high + margin }
    }

    /// From 0 at the low end to 1 at the high end, and beyond; nothing for what has no place.
    pub fn place(&self, value: f64) -> Option<f64> {
        coordinate(self.kind, value).map(|t| self.share(t))
    }

    /// The place of the end of a band: within the axis, at an end for what has no place beyond it.
    pub fn place_within(&self, value: f64) -> Option<f64> {
        if value.is_nan() {
            return None;
        }
        let below = if self.kind == AxisScale::Log && value <= 0.0 { 0.0 } else { f64::from(value > 0.0) };
        Some(self.place(value).unwrap_or(below).clamp(0.0, 1.0))
    }

    fn share(&self, t: f64) -> f64 {
        (t - self.low) / (self.high - self.low)
    }

    /// The densest of the usual choices of ticks that fits; one tick if no choice does.
    pub fn ticks(&self, fits: impl Fn(&[Tick]) -> bool) -> Vec<Tick> {
        let mut choices = match self.kind {
            AxisScale::Linear => Vec::new(),
            AxisScale::Log => self.log_choices(),
        };
        if choices.is_empty() {
            choices = (2..=10).rev().map(|count| self.linear_ticks(count)).collect();
        }
        let mut sparse = choices.last().cloned().unwrap_or_default();
        if let Some(ticks) = choices.into_iter().find(|ticks| fits(ticks)) {
            return ticks;
        }
        while sparse.len() > 1 && !fits(&sparse) {
            sparse = sparse.into_iter().step_by(2).collect();
        }
        sparse
    }

    /// Lines between the ticks: on a logarithmic axis of few decades the multiples of their powers.
    pub fn fine_lines(&self) -> Vec<f64> {
        if self.kind == AxisScale::Linear || self.high - self.low > 4.5 {
            return Vec::new();
        }
        self.powers(1)
            .flat_map(|e| (2..=9).map(move |m| at_power(m, e)))
            .map(|t| self.share(t))
            .filter(within)
            .collect()
    }

    /// About this many ticks at multiples of 1, 2 or 5 times a power of ten.
    fn linear_ticks(&self, count: u32) -> Vec<Tick> {
        let (low, high) = match self.kind {
            AxisScale::Linear => (self.low, self.high),
            AxisScale::Log => (10f64.powf(self.low), 10f64.powf(self.high)),
        };
        let raw = (high - low) / f64::from(count);
        let power = raw.log10().floor();
        let unit = 10f64.powf(power);
        let multiple = [1.0, 2.0, 5.0, 10.0].into_iter().find(|m| m * unit >= raw).unwrap_or(10.0);
        let step = multiple * unit;
        let decimals = if multiple == 10.0 { power + 1.0 } else { power };
        let (first, last) = ((low / step).ceil(), (high / step).floor());
        // Both are below 10^13, as the ends are told apart by more than rounding.
        let values = (first as i64..=last as i64).map(|i| i as f64 * step);
        let largest = low.abs().max(high.abs());
        values
            .filter_map(|value| {
                Some(Tick { at: self.place(value)?, label: decimal(value, decimals, largest) })
            })
            .filter(|tick| within(&tick.at))
            .collect()
    }

    /// Choices from dense to sparse; none if the axis is too short for powers of ten.
    fn log_choices(&self) -> Vec<Vec<Tick>> {
        let labelled = |values: Vec<(u32, i32)>| {
            let plain = values.iter().all(|(_, e)| (-3..=5).contains(e));
            let tick = |(m, e): (u32, i32)| {
                let label = if plain { plain_power(m, e) } else { power(m, e) };
                Tick { at: self.share(at_power(m, e)), label }
            };
            values.into_iter().map(tick).filter(|tick| within(&tick.at)).collect::<Vec<_>>()
        };
        let mut choices = Vec::new();
        if self.high - self.low < 2.6 {
            choices.push(labelled(self.powers(1).flat_map(|e| [1, 2, 5].map(|m| (m, e))).collect()));
        }
        for step in [1, 2, 3, 5, 10, 20, 50, 100, 200] {
            choices.push(labelled(self.powers(step).map(|e| (1, e)).collect()));
        }
        choices.retain(|ticks| ticks.len() >= 2);
        // Powers and their multiples by 2 and 5 say little about less than half a decade.
        if self.high - self.low < 0.5 { Vec::new() } else { choices }
    }

    /// The exponents from below the low end to the high end that are multiples of a step.
    fn powers(&self, step: i32) -> impl Iterator<Item = i32> + use<> {
        // Logarithms of doubles are between -324 and 309.
        let (low, high) = (self.low.floor() as i32, self.high.floor() as i32);
        (low..=high).filter(move |e| e % step == 0)
    }
}

fn within(at: &f64) -> bool {
    (0.0..=1.0).contains(at)
}

/// The logarithm of m · 10^e.
fn at_power(m: u32, e: i32) -> f64 {
    f64::from(m).log10() + f64::from(e)
}

/// What is proportional to the place of a value.
fn coordinate(kind: AxisScale, value: f64) -> Option<f64> {
    match kind {
        AxisScale::Linear => (value.abs() <= LARGEST).then_some(value),
        AxisScale::Log => (value > 0.0 && value <= LARGEST).then(|| value.log10()),
    }
}

/// Whether there is room between two ends, by more than rounding.
fn is_wide(low: f64, high: f64) -> bool {
    high - low > 1e-290 && high - low > 1e-10 * low.abs().max(high.abs())
}

/// The ends of an axis over these values.
fn ends(kind: AxisScale, values: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut low = f64::INFINITY;
    let mut high = f64::NEG_INFINITY;
    for t in values.filter_map(|value| coordinate(kind, value)) {
        low = low.min(t);
        high = high.max(t);
    }
    if low > high {
        return (0.0, 1.0);
    }
    if !is_wide(low, high) {
        // One value: in the middle.
        let room = match kind {
            AxisScale::Linear => {
                if low.abs() < 1e-280 {
                    1.0
                } else {
                    0.5 * low.abs()
                }
            }
            AxisScale::Log => 0.5,
        };
        return (low - room, high + room);
    }
    // Positive values over much of their size are shown from zero.
    if kind == AxisScale::Linear && low > 0.0 && low < 0.35 * high { (0.0, high) } else { (low, high) }
}

/// A multiple of ten to this power, on an axis with values up to a size.
fn decimal(value: f64, power: f64, largest: f64) -> String {
    if value == 0.0 {
        return "0".to_string();
    }
    // Small steps of values near one are easier to read than powers of ten.
    let longest = if largest >= 0.1 { -9.0 } else { -5.0 };
    if largest < 1e6 && power >= longest {
        let digits = if power < 0.0 { -power as usize } else { 0 };
        return grouped(&format!("{value:.digits$}"));
    }
    let exponent = largest.log10().floor();
    let digits = (exponent - power).clamp(0.0, 15.0) as usize;
    let mantissa = format!("{:.digits$}", value / 10f64.powf(exponent)).replace('-', "−");
    format!("{mantissa}·10{}", raised(&exponent.to_string()))
}

/// m · 10^e without an exponent.
fn plain_power(m: u32, e: i32) -> String {
    match usize::try_from(e) {
        Ok(zeros) => grouped(&format!("{m}{}", "0".repeat(zeros))),
        Err(_) => format!("0.{}{m}", "0".repeat(e.unsigned_abs() as usize - 1)),
    }
}

/// m · 10^e with an exponent.
fn power(m: u32, e: i32) -> String {
    let power = format!("10{}", raised(&e.to_string()));
    if m == 1 { power } else { format!("{m}·{power}") }
}

/// A minus sign, and narrow blanks between thousands from 10 000 on.
fn grouped(number: &str) -> String {
    let (sign, rest) = number.strip_prefix('-').map_or(("", number), |rest| ("−", rest));
    let (whole, fraction) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
    let mut text = sign.to_string();
    for (i, digit) in whole.chars().enumerate() {
        if whole.len() > 4 && i > 0 && (whole.len() - i).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text + fraction
}

/// An integer as superscript.
fn raised(integer: &str) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    integer.chars().map(|c| c.to_digit(10).map_or('⁻', |digit| DIGITS[digit as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis, values: &[f64], most: usize) -> Vec<String> {
        let scale = Scale::new(axis, values.iter().copied());
        scale.ticks(|ticks| ticks.len() <= most).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        let linear = Axis::linear("");
        let log = Axis::log("");
        assert_eq!(labels(&Axis::rate(""), &[], 7), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&Axis::rate(""), &[], 3), ["0", "0.5", "1.0"]);
        assert_eq!(labels(&linear, &[1000.0, 100_000.0], 4), ["0", "50\u{202f}000", "100\u{202f}000"]);
        assert_eq!(labels(&linear, &[-2e-9, 2e-9], 5), ["−2·10⁻⁹", "−1·10⁻⁹", "0", "1·10⁻⁹", "2·10⁻⁹"]);
        assert_eq!(labels(&linear, &[0.0, 1.5e9], 4), ["0", "0.5·10⁹", "1.0·10⁹", "1.5·10⁹"]);
        assert_eq!(labels(&linear, &[1.0, 1.00002], 3), ["1.00000", "1.00001", "1.00002"]);
        assert_eq!(labels(&log, &[1e3, 1e5], 5), ["1000", "10\u{202f}000", "100\u{202f}000"]);
        assert_eq!(labels(&log, &[0.02, 0.3], 7), ["0.02", "0.05", "0.1", "0.2"]);
        assert_eq!(labels(&log, &[1e-17, 1e3], 7), ["10⁻¹⁵", "10⁻¹²", "10⁻⁹", "10⁻⁶", "10⁻³", "10⁰", "10³"]);
        assert_eq!(labels(&log, &[1e6, 3e7], 7), ["10⁶", "2·10⁶", "5·10⁶", "10⁷", "2·10⁷"]);
        assert_eq!(labels(&log, &[40.0, 50.0], 7), ["40", "42", "44", "46", "48", "50"]);
    }

    #[test]
    fn every_axis_has_two_ticks_and_finite_places() {
        let values =
            [0.0, -1.0, 5e-324, 1e-300, 1e-17, 0.999_999, 1.0, 1.000_001, 400.0, 1e9, 1e300, f64::MAX];
        for axis in [Axis::linear(""), Axis::log("")] {
            for a in values {
                for b in values {
                    let scale = Scale::new(&axis, [a, b, f64::NAN, f64::INFINITY].into_iter());
                    let ticks = scale.ticks(|ticks| ticks.len() <= 7);
                    assert!(ticks.len() >= 2, "{axis:?} {a} {b}: {ticks:?}");
                    assert!(ticks.iter().all(|tick| within(&tick.at)), "{axis:?} {a} {b}: {ticks:?}");
                    for value in [a, b] {
                        if let Some(place) = scale.place(value) {
                            assert!(within(&place), "{axis:?} {a} {b}: {place}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn bands_end_within_the_axis() {
        let scale = Scale::new(&Axis::log(""), [1.0, 10.0].into_iter());
        assert_eq!(scale.place_within(0.0), Some(0.0));
        assert_eq!(scale.place_within(f64::NEG_INFINITY), Some(0.0));
        assert_eq!(scale.place_within(f64::INFINITY), Some(1.0));
        assert_eq!(scale.place_within(f64::NAN), None);
        let scale = Scale::new(&Axis::rate(""), [].into_iter());
        assert_eq!(scale.place_within(-2e300), Some(0.0));
        assert_eq!(scale.place_within(2.0), Some(1.0));
    }
}
