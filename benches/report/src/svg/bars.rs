//! Bar charts: what each backend weighs, with what it weighs at other times marked on the bar.

use super::WIDTH;
use super::write::Writer;
use crate::number;
use crate::series_style::SeriesStyle;

const TOP: f64 = 30.0;
const BAR: f64 = 24.0;
const LEFT: f64 = 116.0;
/// Room for the numbers behind the longest bar.
const RIGHT: f64 = 78.0;
const KEY: f64 = 42.0;

#[derive(Debug)]
pub(crate) struct Bars {
    pub(crate) title: String,
    /// The meanings of the bar, the paler bar behind it, and the stroke across.
    pub(crate) key: [&'static str; 3],
    pub(crate) bars: Vec<Bar>,
}

#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) style: SeriesStyle,
    pub(crate) value: f64,
    pub(crate) behind: Option<f64>,
    pub(crate) across: Option<f64>,
}

impl Bars {
    pub(super) fn height(&self) -> f64 {
        TOP + self.bars.len() as f64 * BAR + KEY
    }

    pub(super) fn draw(&self, out: &mut Writer) {
        out.text("text", &[("class", "title".into()), ("x", 0.0.into()), ("y", 16.0.into())], &self.title);
        let values = self.bars.iter().flat_map(|bar| [Some(bar.value), bar.behind, bar.across]).flatten();
        let longest = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
        let long = |value: f64| {
            let share = value / longest;
            if share.is_finite() { share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT) } else { 0.0 }
        };
        for (i, bar) in self.bars.iter().enumerate() {
            let top = TOP + i as f64 * BAR;
            out.open("g", &[("class", bar.style.class.into())]);
            out.text("title", &[], &self.hint(bar));
            let at = [("class", "name end".into()), ("x", (LEFT - 8.0).into()), ("y", (top + 14.0).into())];
            out.text("text", &at, &bar.name);
            if let Some(behind) = bar.behind {
                rect(out, "bar behind", (LEFT, top + 5.0), long(behind), BAR - 13.0);
            }
            rect(out, "bar", (LEFT, top + 2.0), long(bar.value), BAR - 7.0);
            if let Some(across) = bar.across {
                rect(out, "across", (LEFT + long(across) - 1.0, top), 2.0, BAR - 3.0);
            }
            let furthest = bar.behind.unwrap_or(0.0).max(bar.value).max(bar.across.unwrap_or(0.0));
            let x = LEFT + long(furthest) + 6.0;
            let at = [("class", "tick".into()), ("x", x.into()), ("y", (top + 14.0).into())];
            out.text("text", &at, &numbers(bar));
            out.close("g");
        }
        self.draw_key(out);
    }

    fn draw_key(&self, out: &mut Writer) {
        let top = TOP + self.bars.len() as f64 * BAR + 14.0;
        out.open("g", &[("class", "peer".into())]);
        let mut left = 0.0;
        for (class, text) in ["bar", "bar behind", "across"].into_iter().zip(self.key) {
            if text.is_empty() {
                continue;
            }
            let width = if class == "across" { 2.0 } else { 14.0 };
            rect(out, class, (left, top), width, 10.0);
            let at =
                [("class", "tick".into()), ("x", (left + width + 5.0).into()), ("y", (top + 9.0).into())];
            out.text("text", &at, text);
            // Wide enough for the words in the font of the page, whichever it is.
            left += width + 22.0 + text.chars().count() as f64 * 6.0;
        }
        out.close("g");
    }

    fn hint(&self, bar: &Bar) -> String {
        let mut hint = format!("{}: {} {}", bar.name, self.key[0], number::short(bar.value));
        for (what, value) in [(self.key[1], bar.behind), (self.key[2], bar.across)] {
            if let Some(value) = value {
                hint += &format!(", {what} {}", number::short(value));
            }
        }
        hint
    }
}

/// Draws the value, and the bar behind it.
fn numbers(bar: &Bar) -> String {
    let value = number::short(bar.value);
    bar.behind.map_or(value.clone(), |behind| format!("{value} / {}", number::short(behind)))
}

fn rect(out: &mut Writer, class: &str, (x, y): (f64, f64), width: f64, height: f64) {
    out.empty(
        "rect",
        &[
            ("class", class.into()),
            ("x", x.into()),
            ("y", y.into()),
            ("width", width.into()),
            ("height", height.into()),
        ],
    );
}
