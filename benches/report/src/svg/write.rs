//! Writing XML so that it is well-formed whatever the names in it are.

use std::fmt::Write as _;

/// The value of an attribute: a number, rounded to what an eye can see, or text.
#[derive(Debug)]
pub(crate) enum Value {
    Number(f64),
    Text(String),
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

/// Elements, one after another.
#[derive(Debug, Default)]
pub(crate) struct Writer(String);

impl Writer {
    pub(crate) fn open(&mut self, name: &str, attributes: &[(&str, Value)]) {
        self.start(name, attributes);
        self.0.push('>');
    }

    pub(crate) fn empty(&mut self, name: &str, attributes: &[(&str, Value)]) {
        self.start(name, attributes);
        self.0.push_str("/>");
    }

    pub(crate) fn close(&mut self, name: &str) {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    /// An element with nothing but text in it.
    pub(crate) fn text(&mut self, name: &str, attributes: &[(&str, Value)], text: &str) {
        self.open(name, attributes);
        self.0.push_str(&escape(text));
        self.close(name);
    }

    pub(crate) fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }

    fn start(&mut self, name: &str, attributes: &[(&str, Value)]) {
        self.0.push('<');
        self.0.push_str(name);
        for (key, value) in attributes {
            let text = match value {
                Value::Number(number) => number_text(*number),
                Value::Text(text) => escape(text),
            };
            // Writing to a string cannot fail.
            let _ = write!(self.0, " {key}=\"{text}\"");
        }
    }
}

/// Formats a coordinate with one decimal. NaN and infinities become 0, because an attribute needs a number.
pub(crate) fn number_text(number: f64) -> String {
    let rounded = if number.is_finite() { (number * 10.0).round() / 10.0 } else { 0.0 };
    // Not `-0`.
    format!("{}", rounded + 0.0)
}

/// Text as it may stand in an element or a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // XML has no way to write these.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
