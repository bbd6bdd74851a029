//! A Markdown page with its charts as SVG files beside it.

use crate::document::{Block, Document, Entry, Figure, Section, Table};
use crate::svg;

/// Panels side by side in a chart: two are as wide as a page of text.
const COLUMNS: usize = 2;

/// A page and its charts.
#[derive(Debug)]
pub(crate) struct Pages {
    pub(crate) text: String,
    /// The path of each chart from the page, and its content.
    pub(crate) charts: Vec<(String, String)>,
}

pub(crate) fn pages(document: &Document) -> Pages {
    let mut text = format!("# {}\n\n{}\n", inline(&document.title), inline(&document.lead));
    for warning in &document.warnings {
        text += &format!("\n> **Note:** {}\n", inline(warning));
    }
    let mut charts = Vec::new();
    for section in &document.sections {
        write_section(&mut text, &mut charts, section);
    }
    Pages { text, charts }
}

fn write_section(out: &mut String, charts: &mut Vec<(String, String)>, section: &Section) {
    *out += &format!("\n## {}\n", inline(&section.title));
    for block in &section.blocks {
        *out += "\n";
        match block {
            Block::Text(text) => *out += &format!("{}\n", inline(text)),
            Block::Warning(text) => *out += &format!("> **Note:** {}\n", inline(text)),
            Block::List(items) => items.iter().for_each(|item| *out += &format!("* {}\n", inline(item))),
            Block::Table(table) => write_table(out, table),
            Block::Figure(figure) => charts.push(write_figure(out, figure)),
        }
    }
}

fn write_figure(out: &mut String, figure: &Figure) -> (String, String) {
    let path = format!("charts/{}.svg", figure.id);
    *out += &format!("![{}]({path})\n", inline(&figure.caption));
    (path, svg::standalone(&figure.caption, &figure.panels, COLUMNS) + "\n")
}

fn write_table(out: &mut String, table: &Table) {
    if !table.caption.is_empty() {
        *out += &format!("### {}\n\n", inline(&table.caption));
    }
    let titles: Vec<_> = table.columns.iter().map(|column| inline(&column.title)).collect();
    let rules = table.columns.iter().map(|column| if column.is_number { "--:" } else { ":--" });
    *out += &format!("| {} |\n| {} |\n", titles.join(" | "), rules.collect::<Vec<_>>().join(" | "));
    for row in &table.rows {
        let entries: Vec<_> = row.entries.iter().map(entry).collect();
        *out += &format!("| {} |\n", entries.join(" | "));
    }
}

fn entry(entry: &Entry) -> String {
    let text = inline(&entry.text);
    // Bold is all the emphasis that a plain table has: for the best.
    let text = if entry.ratio == Some(1.0) { format!("**{text}**") } else { text };
    if entry.detail.is_empty() { text } else { format!("{text} <sub>{}</sub>", inline(&entry.detail)) }
}

/// Text in which nothing is markup but code between backticks.
fn inline(text: &str) -> String {
    let parts: Vec<_> = text.split('`').collect();
    let has_code = parts.len() % 2 == 1;
    let mut out = String::new();
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            out += if has_code { "`" } else { "\\`" };
        }
        let is_code = has_code && i % 2 == 1;
        out.extend(part.chars().flat_map(|c| escaped(c, is_code)));
    }
    out
}

fn escaped(c: char, is_code: bool) -> Vec<char> {
    match c {
        // A cell of a table ends at a bar, even within code.
        '|' => vec!['\\', '|'],
        '\\' | '*' | '_' | '[' | ']' | '#' | '~' | '<' | '>' | '&' if !is_code => vec!['\\', c],
        c if c.is_control() => vec![' '],
        c => vec![c],
    }
}
