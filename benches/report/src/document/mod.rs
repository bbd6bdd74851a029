//! The contents of a page, before they are rendered as HTML or Markdown.

mod advice;
mod bounded;
mod charts;
mod closing;
mod every_cell;
mod garbage;
mod hit_ratio;
mod latency;
mod losses;
mod memory;
mod own;
mod scaling;
mod trace;

use crate::series_style::SeriesStyles;
use crate::svg::Panel;
use crate::{Run, disturbance};

/// A page.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) title: String,
    pub(crate) lead: String,
    /// Warnings that stand before the first number.
    pub(crate) warnings: Vec<String>,
    pub(crate) sections: Vec<Section>,
}

/// A part of a page that can be linked to.
#[derive(Debug)]
pub(crate) struct Section {
    /// Unique in the page, and fit for a link and a file name.
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) blocks: Vec<Block>,
}

/// In text, what stands between backticks is code.
#[derive(Debug)]
pub(crate) enum Block {
    Text(String),
    /// Something the reader must not miss.
    Warning(String),
    List(Vec<String>),
    Table(Table),
    Figure(Figure),
}

/// Charts that belong together.
#[derive(Debug)]
pub(crate) struct Figure {
    /// Unique in the page, and the name of the file.
    pub(crate) id: String,
    pub(crate) caption: String,
    pub(crate) panels: Vec<Panel>,
}

#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) caption: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<TableRow>,
}

#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) title: String,
    pub(crate) is_number: bool,
}

#[derive(Debug)]
pub(crate) struct TableRow {
    /// Whether a rule is drawn above, as the rows below are of another sort.
    pub(crate) begins_group: bool,
    pub(crate) entries: Vec<Entry>,
}

/// An entry of a table.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    pub(crate) text: String,
    /// Smaller, below or behind the text.
    pub(crate) detail: String,
    /// How many times the best this is.
    pub(crate) ratio: Option<f64>,
    /// The key by which the column is sorted, if it is not the text.
    pub(crate) sort: Option<f64>,
}

impl Entry {
    fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    fn missing() -> Self {
        Self::text("–")
    }
}

impl Table {
    fn new(caption: impl Into<String>, first: &str, others: impl IntoIterator<Item = String>) -> Self {
        let first = Column { title: first.to_owned(), is_number: false };
        let others = others.into_iter().map(|title| Column { title, is_number: true });
        Self {
            caption: caption.into(),
            columns: [first].into_iter().chain(others).collect(),
            rows: Vec::new(),
        }
    }

    fn push(&mut self, entries: Vec<Entry>) {
        self.rows.push(TableRow { begins_group: false, entries });
    }
}

/// The page for some runs; those of one machine and commit are one.
pub(crate) fn of(runs: &[Run]) -> Document {
    let styles = SeriesStyles::of(runs);
    let mut sections = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        let mut of_run = sections_of(run, &styles);
        if runs.len() > 1 {
            let name = format!("Run {}, {}", index + 1, short_commit(run));
            for section in &mut of_run {
                section.id = format!("run-{}-{}", index + 1, section.id);
                section.title = format!("{}: {}", name, section.title);
                for block in &mut section.blocks {
                    if let Block::Figure(figure) = block {
                        figure.id = format!("run-{}-{}", index + 1, figure.id);
                    }
                }
            }
        }
        sections.extend(of_run);
    }
    let lead = runs.iter().map(lead).collect::<Vec<_>>().join(" · ");
    let warnings = runs.iter().enumerate().filter_map(|(index, run)| {
        let which = if runs.len() > 1 { format!("Run {}: ", index + 1) } else { String::new() };
        disturbance(run).map(|why| format!("{which}{why}."))
    });
    let warnings = warnings.map(|warning| with_capital(&warning)).collect();
    Document { title: "hotcache: benchmark results".to_owned(), lead, warnings, sections }
}

fn sections_of(run: &Run, styles: &SeriesStyles) -> Vec<Section> {
    let sections = [
        advice::section(run),
        losses::section(run),
        own::section(run),
        charts::throughput(run, styles),
        charts::key_counts(run, styles),
        latency::section(run, styles),
        memory::section(run, styles),
        garbage::section(run),
        trace::section(run),
        bounded::section(run),
        bounded::memory(run),
        hit_ratio::section(run),
        scaling::section(run),
        every_cell::section(run),
        closing::machine(run),
        closing::limits(run),
    ];
    sections.into_iter().flatten().filter(|section| !section.blocks.is_empty()).collect()
}

fn section(id: &str, title: &str, blocks: Vec<Block>) -> Option<Section> {
    Some(Section { id: id.to_owned(), title: title.to_owned(), blocks })
}

fn lead(run: &Run) -> String {
    let machine = &run.machine;
    let s = if machine.cores == 1 { "" } else { "s" };
    let day = machine.date.split('T').next().unwrap_or_default();
    format!("{}, {} core{s}, {day}, commit {}", machine.cpu, machine.cores, short_commit(run))
}

fn with_capital(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

fn short_commit(run: &Run) -> String {
    let commit = &run.machine.commit;
    let (hash, dirty) = commit.strip_suffix("-dirty").map_or((commit.as_str(), ""), |hash| (hash, "-dirty"));
    hash.chars().take(10).collect::<String>() + dirty
}

/// A number of threads, in words.
pub(crate) fn threads(count: usize) -> String {
    if count == 1 { "1 thread".to_owned() } else { format!("{count} threads") }
}

/// The most threads that were measured and have a core each.
fn most_threads(run: &Run) -> usize {
    let within = run.cells.iter().map(|cell| cell.threads).filter(|threads| *threads <= run.machine.cores);
    within.max().unwrap_or(1)
}

/// Groups by what their members have in common.
pub(crate) type Groups<'a, K, T> = Vec<(K, Vec<&'a T>)>;

/// Groups in the order in which their first members come: a run's order is its harness's.
pub(crate) fn grouped<'a, T, K: PartialEq>(all: &'a [T], key: impl Fn(&'a T) -> K) -> Groups<'a, K, T> {
    let mut groups: Groups<'a, K, T> = Vec::new();
    for one in all {
        let key = key(one);
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, members)) => members.push(one),
            None => groups.push((key, vec![one])),
        }
    }
    groups
}
