use std::fmt::Write;

use crate::disturbance::headed;
use crate::{Cell, Kind, Run, Work, number};

/// One cache's medians for a terminal: a line for each work, a column for each row. The fastest map is marked.
///
/// A warning comes first if the machine was [not quiet](crate::disturbance). Empty if the run holds nothing of this cache.
///
/// # Examples
///
/// ```
/// use hotcache_report::{Cell, Kind, Machine, Run, Work, summary};
///
/// let mut run = Run::new(Machine::default());
/// assert_eq!(summary(&run, "int"), "");
/// for (backend, ns) in [("scc", 25.0), ("papaya", 18.7)] {
///     run.cells.extend(Cell::measured(Work::new("int", "get", 100, 1), backend, Kind::Backend, vec![ns]));
/// }
/// assert!(summary(&run, "int").ends_with("get      100  1t    25.0   *18.7\n"));
/// ```
#[must_use]
pub fn summary(run: &Run, cache: &str) -> String {
    let cells: Vec<_> = run.cells.iter().filter(|cell| cell.cache == cache).collect();
    let works = distinct(cells.iter().map(|cell| cell.work()));
    let rows = distinct(cells.iter().map(|cell| cell.backend.as_str()));
    if cells.is_empty() {
        return String::new();
    }
    let labels: Vec<_> = works.iter().map(|work| label(work, &works)).collect();
    let label_width = labels.iter().map(String::len).max().unwrap_or(0);

    let mut text = format!("{cache}: ns for an operation of one thread, median; * is the fastest map\n");
    let _ = write!(text, "{:label_width$}", "");
    for row in &rows {
        let _ = write!(text, " {row:>width$}", width = width(row));
    }
    text.push('\n');
    for (work, label) in works.iter().zip(&labels) {
        let of_work: Vec<_> = cells.iter().filter(|cell| cell.work() == *work).collect();
        let maps = of_work.iter().filter(|cell| cell.kind != Kind::Floor);
        let fastest = maps.min_by(|a, b| a.ns_per_op.median.total_cmp(&b.ns_per_op.median));
        let _ = write!(text, "{label:label_width$}");
        for row in &rows {
            let shown = of_work.iter().find(|cell| cell.backend == *row).map_or("-".to_owned(), |cell| {
                let mark = if fastest.is_some_and(|fastest| fastest.backend == *row) { "*" } else { "" };
                format!("{mark}{}", nanoseconds(cell))
            });
            let _ = write!(text, " {shown:>width$}", width = width(row));
        }
        text.push('\n');
    }
    headed(run, text)
}

fn width(row: &str) -> usize {
    row.len().max(7)
}

fn nanoseconds(cell: &Cell) -> String {
    let ns = cell.ns_per_op.median;
    if ns < 99.95 { format!("{ns:.1}") } else { format!("{ns:.0}") }
}

/// Returns a label that tells a work from the others. It has the distribution and the key length only if they vary.
fn label(work: &Work, works: &[Work]) -> String {
    let Work { op, max_key, threads, dist, key_type, key_len, .. } = work;
    let keys = if *max_key == 0 { "own".to_owned() } else { number::count(*max_key) };
    let mut label = format!("{op:<6} {keys:>5} {threads:>2}t");
    if works.iter().any(|other| other.dist != *dist) {
        let _ = write!(label, " {dist:<9}");
    }
    if works.iter().any(|other| (&other.key_type, other.key_len) != (key_type, *key_len)) {
        let _ = match key_type.as_str() {
            "str" => write!(label, " {key_len:>3}B"),
            typed => write!(label, " {typed:>4}"),
        };
    }
    label
}

fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for one in all {
        if !seen.contains(&one) {
            seen.push(one);
        }
    }
    seen
}
