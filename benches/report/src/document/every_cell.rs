use std::collections::BTreeSet;

use super::{Block, Entry, Section, Table, TableRow, grouped, threads};
use crate::{Cell, Kind, Run, Spread, number};

/// Every cell of the run: a table for each cache, operation and sort of key.
pub(super) fn section(run: &Run) -> Option<Section> {
    let groups = grouped(&run.cells, |cell| (&cell.cache, &cell.op, &cell.dist, cell.work().keys()));
    if groups.is_empty() {
        return None;
    }
    let text = "Nanoseconds for an operation of one thread: the median, the least and greatest sample, and the ratio to \
                the best map of the column; lower is better. Where a map grew, the longest \
                single insert is told besides. The rows below the backends are the same maps used by hand, \
                peers, and floors that no map can beat."
        .to_owned();
    let mut blocks = vec![Block::Text(text)];
    for ((cache, op, dist, keys), cells) in &groups {
        blocks.push(Block::Table(times(&format!("{cache} {op}, {dist}, {keys}"), cells)));
    }
    blocks.extend(["int", "obj"].into_iter().filter_map(|cache| allocations(run, cache)).map(Block::Table));
    super::section("cells", "Every cell", blocks)
}

fn times(caption: &str, cells: &[&Cell]) -> Table {
    let columns: BTreeSet<_> = cells.iter().map(|cell| (cell.max_key, cell.threads)).collect();
    // A title breaks between its parts only.
    let whole = |text: String| text.replace(' ', "\u{a0}");
    let titles = columns
        .iter()
        .map(|(keys, count)| format!("{}, {}", whole(number::keys(*keys)), whole(threads(*count))));
    let mut table = Table::new(caption, "row", titles);
    let of_column = |column: &(u64, usize)| -> Vec<&Cell> {
        cells.iter().copied().filter(|cell| (cell.max_key, cell.threads) == *column).collect()
    };
    let by_column: Vec<_> = columns.iter().map(of_column).collect();
    let best = |cells: &Vec<&Cell>| {
        let maps = cells.iter().filter(|cell| cell.kind != Kind::Floor);
        maps.map(|cell| cell.ns_per_op.median).fold(f64::INFINITY, f64::min)
    };
    let best: Vec<_> = by_column.iter().map(best).collect();
    rows(&mut table, cells, |backend| {
        let entries = by_column.iter().zip(&best).map(|(cells, best)| {
            let cell = cells.iter().find(|cell| cell.backend == backend);
            cell.map_or_else(Entry::missing, |cell| {
                with_worst(measured(cell.ns_per_op, *best), cell.worst_ns)
            })
        });
        entries.collect()
    });
    table
}

/// Rows in the order of the run, each sort of row in a group of its own.
fn rows(table: &mut Table, cells: &[&Cell], entries: impl Fn(&str) -> Vec<Entry>) {
    let mut seen = BTreeSet::new();
    let mut names: Vec<_> = cells
        .iter()
        .filter(|cell| seen.insert(&cell.backend))
        .map(|cell| (cell.kind, &cell.backend))
        .collect();
    names.sort_by_key(|(kind, _)| *kind);
    let mut before = None;
    for (kind, backend) in names {
        let head = Entry {
            text: backend.clone(),
            detail: if kind == Kind::Backend { String::new() } else { kind.title().to_owned() },
            ..Entry::default()
        };
        let begins_group = before.is_some_and(|before| before != kind);
        let entries = [head].into_iter().chain(entries(backend)).collect();
        table.rows.push(TableRow { begins_group, entries });
        before = Some(kind);
    }
}

/// A median with its spread and its ratio to the best.
pub(super) fn measured(spread: Spread, best: f64) -> Entry {
    let [median, min, max] = [spread.median, spread.min, spread.max].map(number::short);
    let ratio = spread.median / best;
    let times = if ratio.is_finite() { format!(" · {}×", number::short(ratio)) } else { String::new() };
    Entry {
        text: median,
        detail: format!("{min}–{max}{times}"),
        ratio: Some(ratio).filter(|ratio| ratio.is_finite()),
        sort: Some(spread.median),
    }
}

/// The longest single operation besides, where it was looked for.
fn with_worst(entry: Entry, worst_ns: Option<f64>) -> Entry {
    let worst = worst_ns.map_or_else(String::new, |ns| format!(" · longest {}", number::time(ns)));
    Entry { detail: entry.detail + &worst, ..entry }
}

/// A table of allocations per operation, and of the share of operations that found their key.
fn allocations(run: &Run, cache: &str) -> Option<Table> {
    let cells: Vec<_> =
        run.cells.iter().filter(|cell| cell.cache == cache && cell.kind != Kind::Floor).collect();
    let mut ops: Vec<&str> = Vec::new();
    for cell in &cells {
        if !ops.contains(&cell.op.as_str()) {
            ops.push(&cell.op);
        }
    }
    let told = cells.iter().any(|cell| cell.bytes_per_op.is_some() || cell.allocs_per_op.is_some());
    if !told {
        return None;
    }
    let caption = format!("{cache}: bytes (allocations) for an operation, the most of all its cells");
    let mut table = Table::new(caption, "row", ops.iter().map(|op| (*op).to_owned()));
    rows(&mut table, &cells, |backend| {
        let most = |op: &str, value: fn(&Cell) -> Option<f64>| {
            let of = cells.iter().filter(|cell| cell.backend == backend && cell.op == op);
            of.filter_map(|cell| value(cell)).max_by(f64::total_cmp)
        };
        let entry = |op: &&str| {
            let (bytes, allocations) =
                (most(op, |cell| cell.bytes_per_op), most(op, |cell| cell.allocs_per_op));
            let text = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), short_or_zero);
            Entry { text: text(bytes), detail: format!("({})", text(allocations)), ratio: None, sort: bytes }
        };
        ops.iter().map(entry).collect()
    });
    Some(table)
}

/// Nothing is nothing; a hundredth of an allocation is not.
fn short_or_zero(value: f64) -> String {
    if value == 0.0 { "0".to_owned() } else { number::short(value) }
}
