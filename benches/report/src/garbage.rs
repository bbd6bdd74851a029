use std::fmt::Write;

use crate::disturbance::headed;
use crate::{Garbage, Moment, Run, number};

/// The garbage of a run for a terminal: a table for each workload, a line for each row. A warning comes first
/// if the machine was [not quiet](crate::disturbance). Empty if none was measured.
///
/// # Examples
///
/// ```
/// use hotcache_report::{Machine, Run, garbage};
/// assert_eq!(garbage(&Run::new(Machine::default())), "");
/// ```
#[must_use]
pub fn garbage(run: &Run) -> String {
    let mut text = String::new();
    for (index, (about, all)) in tables(run).into_iter().enumerate() {
        text += if index == 0 { "" } else { "\n" };
        text += &format!("{about}\n");
        text += legend(&all);
        let columns = columns(&all);
        // Of each column its title and every entry, aligned to the right.
        let cells: Vec<Vec<String>> = all.iter().map(|one| entries(one, &columns)).collect();
        let longest = |column: usize| {
            let entries = cells.iter().map(|row| row[column].chars().count());
            entries.chain([columns[column].len()]).max().unwrap_or(0)
        };
        let names = all.iter().map(|one| one.backend.len()).max().unwrap_or(0);
        let mut line = |name: &str, entries: &[String]| {
            let _ = write!(text, "{name:names$}");
            for (column, entry) in entries.iter().enumerate() {
                let _ = write!(text, "  {entry:>width$}", width = longest(column));
            }
            text += "\n";
        };
        line("", &columns.iter().map(|title| (*title).to_owned()).collect::<Vec<_>>());
        for (one, entries) in all.iter().zip(&cells) {
            line(&one.backend, entries);
        }
    }
    headed(run, text)
}

/// The measurements that stand in one table, and its title. Each workload comes in the order of its first measurement.
pub(crate) fn tables(run: &Run) -> Vec<(String, Vec<&Garbage>)> {
    let mut tables: Vec<(String, Vec<&Garbage>)> = Vec::new();
    for one in &run.garbage {
        let title = format!("{} {}: {}", one.cache, one.workload, one.about);
        match tables.iter_mut().find(|(other, _)| *other == title) {
            Some((_, all)) => all.push(one),
            None => tables.push((title, vec![one])),
        }
    }
    tables
}

/// The moments of a table, each once.
pub(crate) fn columns<'a>(all: &[&'a Garbage]) -> Vec<&'a str> {
    let mut columns = Vec::new();
    for moment in all.iter().flat_map(|one| &one.moments) {
        if !columns.contains(&moment.moment.as_str()) {
            columns.push(moment.moment.as_str());
        }
    }
    columns
}

/// The moment of this name, if it was measured.
pub(crate) fn at<'a>(one: &'a Garbage, moment: &str) -> Option<&'a Moment> {
    one.moments.iter().find(|known| known.moment == moment)
}

/// Figures of a moment beside the counted bytes.
pub(crate) fn detail(moment: &Moment) -> String {
    let rss = moment.rss.map(|bytes| format!("RSS {}", number::bytes(bytes)));
    let objects = moment.objects.map(|objects| match objects {
        1 => "1 object".to_owned(),
        objects => format!("{objects} objects"),
    });
    [rss, objects].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Explains the entries of the table.
fn legend(all: &[&Garbage]) -> &'static str {
    let has_objects = all.iter().flat_map(|one| &one.moments).any(|moment| moment.objects.is_some());
    if has_objects { "garbage: counted / resident, objects\n" } else { "garbage: counted / resident\n" }
}

fn entries(one: &Garbage, columns: &[&str]) -> Vec<String> {
    let entry = |moment: Option<&Moment>| {
        let Some(moment) = moment else { return "-".to_owned() };
        let mut entry = number::bytes(signed(moment.counted));
        entry += &moment.rss.map_or(String::new(), |rss| format!(" / {}", number::bytes(rss)));
        entry + &moment.objects.map_or(String::new(), |objects| format!(", {objects}"))
    };
    columns.iter().map(|column| entry(at(one, column))).collect()
}

/// Counted bytes as the signed number that resident ones are.
pub(crate) fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
