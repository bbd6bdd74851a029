//! The mark of a series: its second sign beside the colour.

use super::write::Writer;
use crate::series_style::SeriesStyle;

const RADIUS: f64 = 3.2;

/// Draws a mark at a place; `hint` is what a pointer over it tells.
pub(super) fn draw(out: &mut Writer, style: SeriesStyle, x: f64, y: f64, hint: Option<&str>) {
    let r = RADIUS;
    let shape: &[(f64, f64)] = match style.mark % 6 {
        0 => &[],
        1 => &[(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)],
        2 => &[(0.0, -1.3), (1.2, 0.9), (-1.2, 0.9)],
        3 => &[(0.0, -1.4), (1.4, 0.0), (0.0, 1.4), (-1.4, 0.0)],
        4 => &[(0.0, 1.3), (1.2, -0.9), (-1.2, -0.9)],
        _ => &[
            (-1.3, -0.45),
            (-0.45, -0.45),
            (-0.45, -1.3),
            (0.45, -1.3),
            (0.45, -0.45),
            (1.3, -0.45),
            (1.3, 0.45),
            (0.45, 0.45),
            (0.45, 1.3),
            (-0.45, 1.3),
            (-0.45, 0.45),
            (-1.3, 0.45),
        ],
    };
    let name = if shape.is_empty() { "circle" } else { "polygon" };
    let attributes = if shape.is_empty() {
        vec![("class", "mark".into()), ("cx", x.into()), ("cy", y.into()), ("r", r.into())]
    } else {
        let corner = |(dx, dy): &(f64, f64)| {
            let [x, y] = [x + dx * r, y + dy * r].map(super::write::number_text);
            format!("{x},{y}")
        };
        let corners: Vec<_> = shape.iter().map(corner).collect();
        vec![("class", "mark".into()), ("points", corners.join(" ").into())]
    };
    match hint {
        None => out.empty(name, &attributes),
        Some(hint) => {
            out.open(name, &attributes);
            out.text("title", &[], hint);
            out.close(name);
        }
    }
}
