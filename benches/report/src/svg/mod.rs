//! Charts as plain SVG, drawn here: lines and bars, readable in a light and a dark page, with no script.

mod bars;
mod lines;
mod marks;
mod scale;
mod style;
mod write;

pub(crate) use bars::{Bar, Bars};
pub(crate) use lines::{Lines, Point, Series};
pub(crate) use scale::{Axis, Scale};
pub(crate) use style::STYLE;
pub(crate) use write::escape;

use write::Writer;

/// One drawing in a frame of its own.
#[derive(Debug)]
pub(crate) enum Panel {
    Lines(Lines),
    Bars(Bars),
}

/// The width of every panel; the height depends on what is in it.
pub(crate) const WIDTH: f64 = 400.0;
/// The gap between two panels.
const GAP: f64 = 16.0;

impl Panel {
    fn height(&self) -> f64 {
        match self {
            Panel::Lines(_) => lines::HEIGHT,
            Panel::Bars(bars) => bars.height(),
        }
    }

    fn title(&self) -> &str {
        match self {
            Panel::Lines(lines) => &lines.title,
            Panel::Bars(bars) => &bars.title,
        }
    }

    fn draw(&self, out: &mut Writer) {
        match self {
            Panel::Lines(lines) => lines.draw(out),
            Panel::Bars(bars) => bars.draw(out),
        }
    }

    /// The panel as an element of a page that has [`STYLE`].
    pub(crate) fn inline(&self) -> String {
        let mut out = Writer::default();
        open(&mut out, WIDTH, self.height(), self.title(), None);
        self.draw(&mut out);
        out.close("svg");
        out.finish()
    }
}

/// Panels in a grid, as a file of its own.
pub(crate) fn standalone(title: &str, panels: &[Panel], columns: usize) -> String {
    let columns = columns.clamp(1, panels.len().max(1));
    let rows: Vec<_> = panels.chunks(columns).collect();
    let row_height = |row: &&[Panel]| row.iter().map(Panel::height).fold(0.0, f64::max) + GAP;
    let width = columns as f64 * (WIDTH + GAP) + GAP;
    let height = rows.iter().map(row_height).sum::<f64>() + GAP;
    let mut out = Writer::default();
    open(&mut out, width, height, title, Some("http://www.w3.org/2000/svg"));
    out.open("style", &[]);
    out.raw(STYLE);
    out.close("style");
    out.empty("rect", &[("class", "ground".into()), ("width", width.into()), ("height", height.into())]);
    let mut top = GAP;
    for row in &rows {
        for (column, panel) in row.iter().enumerate() {
            let left = GAP + column as f64 * (WIDTH + GAP);
            out.open("g", &[("transform", format!("translate({left} {top})").into())]);
            panel.draw(&mut out);
            out.close("g");
        }
        top += row_height(row);
    }
    out.close("svg");
    out.finish()
}

fn open(out: &mut Writer, width: f64, height: f64, title: &str, namespace: Option<&str>) {
    let mut attributes = vec![
        ("class", "chart".into()),
        ("viewBox", format!("0 0 {width} {height}").into()),
        ("role", "img".into()),
        ("aria-label", title.into()),
    ];
    if let Some(namespace) = namespace {
        attributes.extend([("xmlns", namespace.into()), ("width", width.into()), ("height", height.into())]);
    }
    out.open("svg", &attributes);
}
