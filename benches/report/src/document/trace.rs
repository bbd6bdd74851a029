use super::{Block, Entry, Section, Table, grouped, threads};
use crate::{Kind, Replay, Run, number};

/// Recorded traces, a table for each.
pub(super) fn section(run: &Run) -> Option<Section> {
    let groups = grouped(&run.trace, |one| (&one.trace, &one.cache, one.threads));
    let tables: Vec<_> = groups
        .iter()
        .map(|((trace, cache, count), all)| Block::Table(table(trace, cache, *count, all)))
        .collect();
    if tables.is_empty() {
        return None;
    }
    let text = "Recorded requests, replayed in their order through every backend.".to_owned();
    super::section("traces", "Recorded traces", [Block::Text(text)].into_iter().chain(tables).collect())
}

fn table(trace: &str, cache: &str, count: usize, all: &[&Replay]) -> Table {
    let about = all.first().map_or_else(String::new, |one| {
        let [requests, distinct] = [one.requests, one.distinct_keys].map(|n| number::short(n as f64));
        format!(": {requests} requests of {distinct} keys, {cache}, {}", threads(count))
    });
    let columns = ["ns per request", "hit share"].map(str::to_owned);
    let mut table = Table::new(format!("{trace}{about}"), "backend", columns);
    let maps = all.iter().filter(|one| one.kind != Kind::Floor);
    let best = maps.map(|one| one.ns_per_op.median).fold(f64::INFINITY, f64::min);
    for one in all {
        table.push(vec![
            Entry::text(&one.backend),
            super::every_cell::measured(one.ns_per_op, best),
            Entry {
                text: one.hit_rate.map_or("–".to_owned(), |rate| format!("{:.2} %", rate * 100.0)),
                sort: one.hit_rate,
                ..Entry::default()
            },
        ]);
    }
    table
}
