use super::every_cell::measured;
use super::{Block, Entry, Section, Table, grouped, threads};
use crate::bounded::{is_between, memories, memory_about, ours, single_about, works};
use crate::{Bounded, BoundedMemory, Kind, Run, Work, number};

/// Throughput of bounded caches, and the times of single inserts.
pub(super) fn section(run: &Run) -> Option<Section> {
    let works = works(run);
    let mut tables = Vec::new();
    for ((op, dist), of_op) in grouped(&works, |((work, _), _)| (work.op.clone(), work.dist.clone())) {
        let of_op: Vec<_> = of_op.into_iter().map(|((work, capacity), all)| (work, *capacity, all)).collect();
        tables.push(Block::Table(times(&format!("{op}, {dist}"), &of_op)));
    }
    let timed: Vec<_> = run.bounded.iter().filter(|one| one.single.is_some()).collect();
    for ((op, capacity), all) in grouped(&timed, |one| (&one.cell.op, one.capacity)) {
        tables.push(Block::Table(singles(&single_about(op, capacity), &all)));
    }
    if tables.is_empty() {
        return None;
    }
    let text = "Caches that evict, ours under the name of the backend that it is over. Nanoseconds for an operation of one \
                thread: the median, the least and greatest sample, the ratio to the best cache of the column, the ratio \
                to ours, and the share of requests that hit where some missed. A miss is a look-up and an insert. `hit-ttl` \
                has a time to live. The unbounded map evicts nothing and is a floor of our cache, as the empty loop is of \
                all. Single inserts are each timed, with a look at the clock that the empty loop shows."
        .to_owned();
    super::section("bounded", "Bounded caches", [Block::Text(text)].into_iter().chain(tables).collect())
}

fn times(caption: &str, works: &[(&Work, u64, &Vec<&Bounded>)]) -> Table {
    let titles = works.iter().map(|(work, capacity, _)| {
        let size = if work.max_key == 0 { *capacity } else { work.max_key };
        let of = if work.max_key == 0 { "entries" } else { "keys" };
        format!("{} {of}, {}", number::count(size), threads(work.threads)).replace(' ', "\u{a0}")
    });
    let mut table = Table::new(caption, "row", titles);
    let mut rows: Vec<(&str, Kind)> = Vec::new();
    for one in works.iter().flat_map(|(_, _, all)| all.iter()) {
        let row = (one.cell.backend.as_str(), one.cell.kind);
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    for (backend, kind) in rows {
        let detail = if kind == Kind::Backend { String::new() } else { kind.title().to_owned() };
        let entries = works.iter().map(|(_, _, all)| {
            let one = all.iter().find(|one| one.cell.backend == backend);
            one.map_or_else(Entry::missing, |one| entry(one, all))
        });
        let head = Entry { detail, ..Entry::text(backend) };
        table.push([head].into_iter().chain(entries).collect());
    }
    table
}

fn entry(one: &Bounded, all: &[&Bounded]) -> Entry {
    let caches = all.iter().filter(|one| one.cell.kind != Kind::Floor);
    let best = caches.map(|one| one.cell.ns_per_op.median).fold(f64::INFINITY, f64::min);
    let mut entry = measured(one.cell.ns_per_op, best);
    if let Some(ours) = ours(all) {
        let ratio = one.cell.ns_per_op.median / ours.cell.ns_per_op.median;
        entry.detail += &format!(" · {}× ours", number::short(ratio));
    }
    if let Some(rate) = one.cell.hit_rate.filter(|rate| is_between(Some(*rate))) {
        entry.detail += &format!(" · {:.1} % hit", rate * 100.0);
    }
    entry
}

fn singles(caption: &str, all: &[&&Bounded]) -> Table {
    let names = all.iter().find_map(|one| one.single).map(|single| single.named().map(|(name, _)| name));
    let mut table = Table::new(caption, "row", names.into_iter().flatten().map(str::to_owned));
    for one in all {
        let Some(single) = one.single else { continue };
        let times = single.named().map(|(_, ns)| Entry {
            text: number::time(ns),
            sort: Some(ns),
            ..Entry::default()
        });
        table.push([Entry::text(&one.cell.backend)].into_iter().chain(times).collect());
    }
    table
}

/// Bytes of the entries of bounded caches: a table for each type of keys.
pub(super) fn memory(run: &Run) -> Option<Section> {
    let tables = memories(run).into_iter().map(|((key_type, key_len, capacity), all)| {
        Block::Table(bytes(&memory_about(key_type, key_len, capacity), &all))
    });
    let tables: Vec<_> = tables.collect();
    if tables.is_empty() {
        return None;
    }
    let text = "Bytes for each entry of a full cache that three times as many keys went through: key, value, map, queues and \
                ghosts. The overhead is what is counted beyond the unbounded bucket table, from which as many keys were \
                deleted. Each cache is in a process of its own."
        .to_owned();
    let blocks = [Block::Text(text)].into_iter().chain(tables).collect();
    super::section("bounded-memory", "Memory of bounded caches", blocks)
}

fn bytes(caption: &str, all: &[&BoundedMemory]) -> Table {
    let columns = ["counted (RSS)", "over the unbounded map"].map(str::to_owned);
    let mut table = Table::new(caption, "row", columns);
    let caches = all.iter().filter(|one| one.kind != Kind::Floor);
    let least = caches.filter_map(|one| one.entry.best_known()).fold(f64::INFINITY, f64::min);
    for one in all {
        let text = |bytes: Option<f64>| bytes.map_or_else(|| "–".to_owned(), number::short);
        let ratio = one.entry.best_known().map(|bytes| bytes / least);
        table.push(vec![
            Entry::text(&one.backend),
            Entry {
                text: text(one.entry.counted),
                detail: format!("({})", text(one.entry.rss)),
                ratio: ratio.filter(|ratio| ratio.is_finite() && one.kind != Kind::Floor),
                sort: one.entry.best_known(),
            },
            Entry { text: text(one.overhead), sort: one.overhead, ..Entry::default() },
        ]);
    }
    table
}
