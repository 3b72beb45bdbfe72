//! What of curves and bands is between the axes.

use super::super::axis::Scale;
use crate::figure::{Mean, Series, Style};

/// A point within the space between the axes: from 0 to 1 to the right and upwards, possibly beyond.
pub type Place = (f64, f64);

/// A point of a series that has a place.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    pub at: Place,
    /// Upwards from the first to the second.
    pub band: Option<(f64, f64)>,
}

/// The points of a series that have a place, in runs between those that have none.
pub fn runs(series: &Series, x: &Scale, y: &Scale) -> Vec<Vec<Point>> {
    let place = |point: &Mean| {
        let ends = point.band.and_then(|(a, b)| Some((y.place_within(a)?, y.place_within(b)?)));
        let band = ends.map(|(a, b)| (a.min(b), a.max(b)));
        Some(Point { at: (x.place(point.x)?, y.place(point.y)?), band })
    };
    let places: Vec<Option<Point>> = series.points.iter().map(place).collect();
    let runs = places.split(Option::is_none).filter(|run| !run.is_empty());
    runs.map(|run| run.iter().flatten().copied().collect()).collect()
}

pub fn is_inside((x, y): &Place) -> bool {
    (0.0..=1.0).contains(x) && (0.0..=1.0).contains(y)
}

/// The parts of a line that are between the axes.
pub fn clip(run: &[Point]) -> Vec<Vec<Place>> {
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
pub fn areas(run: &[Point]) -> Vec<Vec<Point>> {
    let visible = |point: &Point| point.band.is_some() && (0.0..=1.0).contains(&point.at.0);
    run.split(|point| !visible(point)).filter(|piece| piece.len() > 1).map(<[Point]>::to_vec).collect()
}

/// The border of the band over these points.
pub fn outline(points: &[Point]) -> Vec<Place> {
    let end = |point: &Point, pick: fn((f64, f64)) -> f64| point.band.map(|band| (point.at.0, pick(band)));
    let upper = points.iter().filter_map(|point| end(point, |band| band.1));
    let lower = points.iter().rev().filter_map(|point| end(point, |band| band.0));
    upper.chain(lower).collect()
}

/// Upright bars for the bands that are not part of an area.
pub fn bars(run: &[Point], style: Style) -> Vec<Vec<Place>> {
    if style == Style::Curve && run.len() > 1 {
        return Vec::new();
    }
    let visible = run.iter().filter(|point| (0.0..=1.0).contains(&point.at.0));
    visible.filter_map(|point| Some(vec![(point.at.0, point.band?.0), (point.at.0, point.band?.1)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Axis;

    fn points(places: &[Place]) -> Vec<Point> {
        places.iter().map(|at| Point { at: *at, band: None }).collect()
    }

    #[test]
    fn lines_end_where_they_leave() {
        let path = |places: &[Place]| clip(&points(places));
        assert_eq!(path(&[(0.0, 0.0), (0.5, 1.0), (1.0, 0.0)]), [[(0.0, 0.0), (0.5, 1.0), (1.0, 0.0)]]);
        // Out through the top and in again.
        assert_eq!(
            path(&[(0.0, 0.5), (0.5, 1.5), (1.0, 0.5)]),
            [[(0.0, 0.5), (0.25, 1.0)], [(0.75, 1.0), (1.0, 0.5)]]
        );
        // Through all of it, past it, and along its border.
        assert_eq!(path(&[(-1.0, 0.5), (2.0, 0.5)]), [[(0.0, 0.5), (1.0, 0.5)]]);
        assert!(path(&[(-1.0, 0.5), (0.5, 2.5)]).is_empty());
        assert_eq!(path(&[(0.0, 1.0), (1.0, 1.0)]), [[(0.0, 1.0), (1.0, 1.0)]]);
        assert!(path(&[(0.5, 0.5)]).is_empty());
    }

    #[test]
    fn what_has_no_place_parts_a_line() {
        let means = [1.0, 10.0, 0.0, 100.0, f64::NAN, f64::INFINITY].map(|y| Mean::exact(5.0, y));
        let series = Series::curve("", means.to_vec());
        let x = Scale::new(&Axis::linear(""), [0.0, 10.0].into_iter());
        let y = Scale::new(&Axis::log(""), [1.0, 100.0].into_iter());
        let lengths: Vec<usize> = runs(&series, &x, &y).iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 1]);
    }

    #[test]
    fn bands_are_areas_or_bars() {
        let banded = |x: f64| Point { at: (x, 0.5), band: Some((0.25, 0.75)) };
        let run = [banded(0.0), banded(0.5), Point { at: (0.75, 0.5), band: None }, banded(1.0)];
        let areas = areas(&run);
        assert_eq!(areas.len(), 1);
        assert_eq!(outline(&areas[0]), [(0.0, 0.75), (0.5, 0.75), (0.5, 0.25), (0.0, 0.25)]);
        assert_eq!(bars(&run, Style::Curve).len(), 0);
        assert_eq!(bars(&run[3..], Style::Curve), [[(1.0, 0.25), (1.0, 0.75)]]);
        assert_eq!(bars(&run, Style::Dots).len(), 3);
    }
}
