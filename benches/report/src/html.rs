//! One page that needs nothing else: no network, and no script to be read.

use std::fmt::Write as _;

use crate::document::{Block, Document, Entry, Section, Table};
use crate::svg::{self, escape};

const STYLE: &str = include_str!("page.css");
/// Sorts a table by the column whose title is clicked; the page is whole without it.
const SCRIPT: &str = include_str!("sort.js");

/// The page.
pub(crate) fn page(document: &Document) -> String {
    let mut out = String::from("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>");
    out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>";
    out += "<meta name=\"color-scheme\" content=\"light dark\"/>";
    out += &format!(
        "<title>{}</title><style>{STYLE}{}</style></head><body>",
        escape(&document.title),
        svg::STYLE
    );
    out += &format!(
        "<header><h1>{}</h1><p class=\"lead\">{}</p>",
        escape(&document.title),
        escape(&document.lead)
    );
    for warning in &document.warnings {
        out += &format!("<p class=\"warning\">{}</p>", inline(warning));
    }
    out += "<nav><ul>";
    for section in &document.sections {
        // Writing to a string cannot fail.
        let _ = write!(out, "<li><a href=\"#{}\">{}</a></li>", escape(&section.id), escape(&section.title));
    }
    out += "</ul></nav></header><main>";
    document.sections.iter().for_each(|section| write_section(&mut out, section));
    out += &format!("</main><script>{SCRIPT}</script></body></html>\n");
    out
}

fn write_section(out: &mut String, section: &Section) {
    let (id, title) = (escape(&section.id), escape(&section.title));
    *out += &format!("<section id=\"{id}\"><h2>{title}</h2>");
    for block in &section.blocks {
        match block {
            Block::Text(text) => *out += &format!("<p>{}</p>", inline(text)),
            Block::Warning(text) => *out += &format!("<p class=\"warning\">{}</p>", inline(text)),
            Block::List(items) => {
                let items: String = items.iter().map(|item| format!("<li>{}</li>", inline(item))).collect();
                *out += &format!("<ul>{items}</ul>");
            }
            Block::Table(table) => write_table(out, table),
            Block::Figure(figure) => {
                let panels: String = figure.panels.iter().map(|panel| panel.inline()).collect();
                let caption = escape(&figure.caption);
                *out += &format!(
                    "<figure><figcaption>{caption}</figcaption><div class=\"panels\">{panels}</div></figure>"
                );
            }
        }
    }
    *out += "</section>";
}

fn write_table(out: &mut String, table: &Table) {
    *out += "<div class=\"scroll\" tabindex=\"0\"><table>";
    if !table.caption.is_empty() {
        *out += &format!("<caption>{}</caption>", inline(&table.caption));
    }
    *out += "<thead><tr>";
    for column in &table.columns {
        let class = if column.is_number { " class=\"number\"" } else { "" };
        *out += &format!("<th scope=\"col\"{class}>{}</th>", inline(&column.title));
    }
    *out += "</tr></thead><tbody>";
    for row in &table.rows {
        *out += if row.begins_group { "<tr class=\"group\">" } else { "<tr>" };
        for (i, entry) in row.entries.iter().enumerate() {
            let is_number = table.columns.get(i).is_some_and(|column| column.is_number);
            write_entry(out, entry, i == 0, is_number);
        }
        *out += "</tr>";
    }
    *out += "</tbody></table></div>";
}

fn write_entry(out: &mut String, entry: &Entry, is_head: bool, is_number: bool) {
    let mut classes = Vec::new();
    classes.extend(is_number.then_some("number"));
    classes.extend(entry.ratio.map(heat));
    let class = if classes.is_empty() { String::new() } else { format!(" class=\"{}\"", classes.join(" ")) };
    let sort = entry.sort.map_or_else(String::new, |value| format!(" data-sort=\"{value}\""));
    let (open, close) = if is_head { ("th scope=\"row\"", "th") } else { ("td", "td") };
    *out += &format!("<{open}{class}{sort}>{}", inline(&entry.text));
    if !entry.detail.is_empty() {
        *out += &format!("<small>{}</small>", inline(&entry.detail));
    }
    *out += &format!("</{close}>");
}

/// How far behind the best: a class of the style sheet.
fn heat(ratio: f64) -> &'static str {
    match ratio {
        _ if ratio < 1.0 => "floor",
        _ if ratio <= 1.0 => "best",
        _ if ratio <= 1.05 => "near",
        _ if ratio <= 1.5 => "h1",
        _ if ratio <= 2.0 => "h2",
        _ if ratio <= 4.0 => "h3",
        _ => "h4",
    }
}

/// Text with what stands between backticks as code.
fn inline(text: &str) -> String {
    let parts: Vec<_> = text.split('`').collect();
    if parts.len() % 2 == 0 {
        // An odd backtick out: it is a backtick.
        return escape(text);
    }
    let marked = parts
        .iter()
        .enumerate()
        .map(|(i, part)| if i % 2 == 1 { format!("<code>{}</code>", escape(part)) } else { escape(part) });
    marked.collect()
}
