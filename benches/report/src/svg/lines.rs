//! Line charts: one line for each backend, named at its end.

use super::scale::{Axis, Laid};
use super::write::{Writer, number_text};
use super::{WIDTH, marks};
use crate::series_style::SeriesStyle;

pub(super) const HEIGHT: f64 = 300.0;
const LEFT: f64 = 52.0;
/// Room for the names at the ends of the lines.
const RIGHT: f64 = 118.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 42.0;
/// Names closer than this would overlap.
const NAME_HEIGHT: f64 = 13.0;
/// The longest name that fits into [`RIGHT`].
const LONGEST_NAME: usize = 15;

#[derive(Debug)]
pub(crate) struct Lines {
    pub(crate) title: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: Vec<Series>,
    /// Whether each point is marked; a curve of many points is not.
    pub(crate) has_marks: bool,
    /// A line through these points, to hold the others against.
    pub(crate) guide: Vec<(f64, f64)>,
}

#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) style: SeriesStyle,
    pub(crate) points: Vec<Point>,
}

/// A value, and the ends of what was measured around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) ends: Option<(f64, f64)>,
}

struct Frame {
    x: Laid,
    y: Laid,
}

impl Frame {
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let (width, height) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
        (
            LEFT + self.x.share(x).clamp(0.0, 1.0) * width,
            TOP + (1.0 - self.y.share(y).clamp(0.0, 1.0)) * height,
        )
    }
}

impl Lines {
    pub(super) fn draw(&self, out: &mut Writer) {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let frame = Frame {
            x: self.x.lay(points().map(|point| point.x)),
            y: self
                .y
                .lay(points().flat_map(|p| [p.y, p.ends.map_or(p.y, |e| e.0), p.ends.map_or(p.y, |e| e.1)])),
        };
        out.text("text", &[("class", "title".into()), ("x", 0.0.into()), ("y", 16.0.into())], &self.title);
        self.draw_axes(out, &frame);
        if let [from, .., to] = self.guide[..] {
            line(out, "guide", frame.at(from.0, from.1), frame.at(to.0, to.1));
        }
        // What is drawn last lies on top.
        for is_dashed in [true, false] {
            for series in self.series.iter().filter(|series| series.style.is_dashed == is_dashed) {
                self.draw_series(out, &frame, series);
            }
        }
        self.draw_names(out, &frame);
    }

    fn draw_axes(&self, out: &mut Writer, frame: &Frame) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for &tick in &frame.y.ticks {
            let y = TOP + (1.0 - frame.y.share(tick)) * (bottom - TOP);
            line(out, "grid", (LEFT, y), (right, y));
            let at = [("class", "tick end".into()), ("x", (LEFT - 6.0).into()), ("y", (y + 3.5).into())];
            out.text("text", &at, &(self.y.format)(tick));
        }
        for &tick in &frame.x.ticks {
            let x = LEFT + frame.x.share(tick) * (right - LEFT);
            line(out, "grid", (x, TOP), (x, bottom));
            let at = [("class", "tick middle".into()), ("x", x.into()), ("y", (bottom + 15.0).into())];
            out.text("text", &at, &(self.x.format)(tick));
        }
        line(out, "axis", (LEFT, bottom), (right, bottom));
        let middle = f64::midpoint(LEFT, right);
        let at = [("class", "label middle".into()), ("x", middle.into()), ("y", (bottom + 32.0).into())];
        out.text("text", &at, self.x.label);
        let at = [("class", "label".into()), ("x", 0.0.into()), ("y", (TOP - 13.0).into())];
        out.text("text", &at, self.y.label);
    }

    fn draw_series(&self, out: &mut Writer, frame: &Frame, series: &Series) {
        out.open("g", &[("class", series.style.class.into())]);
        let places: Vec<_> = series.points.iter().map(|point| frame.at(point.x, point.y)).collect();
        let path = places.iter().map(|(x, y)| format!("{},{}", number_text(*x), number_text(*y)));
        let path: Vec<_> = path.collect();
        if path.len() > 1 {
            let class = if series.style.is_dashed { "line dashed" } else { "line" };
            out.empty("polyline", &[("class", class.into()), ("points", path.join(" ").into())]);
        }
        for (point, (x, y)) in series.points.iter().zip(places).filter(|_| self.has_marks) {
            if let Some((low, high)) = point.ends {
                let ((_, bottom), (_, top)) = (frame.at(point.x, low), frame.at(point.x, high));
                line(out, "spread", (x, bottom), (x, top));
            }
            let (px, py) = ((self.x.format)(point.x), crate::number::short(point.y));
            marks::draw(out, series.style, x, y, Some(&format!("{}: {py} at {px}", series.name)));
        }
        out.close("g");
    }

    /// Names each line at its end, moved apart where they would overlap.
    fn draw_names(&self, out: &mut Writer, frame: &Frame) {
        let ends = self.series.iter().filter_map(|series| {
            let last = series.points.last()?;
            Some((series, frame.at(last.x, last.y)))
        });
        let mut ends: Vec<_> = ends.collect();
        ends.sort_by(|a, b| a.1.1.total_cmp(&b.1.1));
        let wanted: Vec<_> = ends.iter().map(|(_, (_, y))| *y).collect();
        let edge = WIDTH - RIGHT;
        for ((series, (x, y)), name_y) in ends.into_iter().zip(apart(&wanted)) {
            out.open("g", &[("class", series.style.class.into())]);
            let bend = [(x + 4.0, y), (edge + 4.0, y), (edge + 14.0, name_y), (edge + 18.0, name_y)];
            let path = bend.map(|(x, y)| format!("{},{}", number_text(x), number_text(y)));
            out.empty("polyline", &[("class", "leader".into()), ("points", path.join(" ").into())]);
            marks::draw(out, series.style, edge + 22.0, name_y, None);
            let at = [("class", "name".into()), ("x", (edge + 29.0).into()), ("y", (name_y + 3.8).into())];
            out.text("text", &at, &clipped(&series.name));
            out.close("g");
        }
    }
}

fn line(out: &mut Writer, class: &str, from: (f64, f64), to: (f64, f64)) {
    out.empty(
        "line",
        &[
            ("class", class.into()),
            ("x1", from.0.into()),
            ("y1", from.1.into()),
            ("x2", to.0.into()),
            ("y2", to.1.into()),
        ],
    );
}

fn clipped(name: &str) -> String {
    if name.chars().count() <= LONGEST_NAME {
        return name.to_owned();
    }
    name.chars().take(LONGEST_NAME - 1).chain(['…']).collect()
}

/// Moves sorted heights so that neighbours are a name apart, each group about the middle of where it wants to be.
fn apart(wanted: &[f64]) -> Vec<f64> {
    // Groups of names that touch: their first height and their number.
    let mut groups: Vec<(f64, Vec<f64>)> = Vec::new();
    for &want in wanted {
        let mut group = (want, vec![want]);
        while let Some((top, members)) = groups.pop() {
            let bottom = top + members.len() as f64 * NAME_HEIGHT;
            if bottom <= group.0 {
                groups.push((top, members));
                break;
            }
            let all: Vec<_> = members.into_iter().chain(group.1).collect();
            let offsets = all.iter().enumerate().map(|(i, want)| want - i as f64 * NAME_HEIGHT);
            let top = offsets.sum::<f64>() / all.len() as f64;
            group = (within(top, all.len()), all);
        }
        groups.push(group);
    }
    let spread = groups
        .iter()
        .flat_map(|(top, members)| (0..members.len()).map(move |i| top + i as f64 * NAME_HEIGHT));
    spread.collect()
}

/// Keeps a group of names inside the panel, as far as it fits.
fn within(top: f64, names: usize) -> f64 {
    let lowest = HEIGHT - BOTTOM / 2.0 - names as f64 * NAME_HEIGHT;
    top.min(lowest).max(NAME_HEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_never_overlap_and_keep_their_order() {
        for wanted in
            [vec![], vec![100.0], vec![100.0; 13], vec![10.0, 12.0, 100.0, 101.0, 102.0, 240.0, 241.0]]
        {
            let placed = apart(&wanted);
            assert_eq!(placed.len(), wanted.len());
            assert!(placed.windows(2).all(|pair| pair[1] - pair[0] > NAME_HEIGHT - 1e-9), "{placed:?}");
        }
        assert_eq!(apart(&[50.0, 150.0]), [50.0, 150.0]);
    }

    #[test]
    fn long_names_are_clipped_between_characters() {
        assert_eq!(clipped("ünïcödë-ünïcödë-ünïcödë").chars().count(), LONGEST_NAME);
        assert_eq!(clipped("papaya"), "papaya");
    }
}
