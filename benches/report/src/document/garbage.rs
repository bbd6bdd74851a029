use super::{Block, Entry, Section, Table};
use crate::garbage::{at, columns, detail, signed, tables};
use crate::{Garbage, Moment, Run, number};

/// The section on garbage, the memory that maps had retired and not freed: a table for each workload.
pub(super) fn section(run: &Run) -> Option<Section> {
    let tables: Vec<_> = tables(run).iter().map(|(about, all)| Block::Table(table(about, all))).collect();
    if tables.is_empty() {
        return None;
    }
    let text = "Memory that a map has retired and not freed, while nobody asks it to. Counted bytes are those asked of the \
                allocator and not given back, beyond what the cache holds at that moment; RSS is how much more memory the \
                process holds, which an allocator may keep for itself; objects are those that are alive and in no cache. \
                After churn the table itself counts too, as the cache is empty then. Each row is in a process of its own."
        .to_owned();
    super::section("garbage", "Garbage", [Block::Text(text)].into_iter().chain(tables).collect())
}

fn table(about: &str, all: &[&Garbage]) -> Table {
    let columns = columns(all);
    let mut table = Table::new(about, "backend", columns.iter().map(|column| (*column).to_owned()));
    for one in all {
        let moments = columns.iter().map(|column| entry(at(one, column)));
        table.push([Entry::text(&one.backend)].into_iter().chain(moments).collect());
    }
    table
}

fn entry(moment: Option<&Moment>) -> Entry {
    let Some(moment) = moment else { return Entry::missing() };
    let text = number::bytes(signed(moment.counted));
    Entry { text, detail: detail(moment), ratio: None, sort: Some(moment.counted as f64) }
}
