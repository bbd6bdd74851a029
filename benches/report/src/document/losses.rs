use std::collections::BTreeMap;

use super::{Block, Entry, Section, Table, threads};
use crate::{Cell, Kind, Run, Work, number, stats};

/// Slower than this times the best is a loss that a user can see.
const LOSS: f64 = 1.05;

/// Where each backend loses, the best of them included.
pub(super) fn section(run: &Run) -> Option<Section> {
    let mut rows: BTreeMap<Work, Vec<&Cell>> = BTreeMap::new();
    for cell in run.cells.iter().filter(|cell| cell.kind == Kind::Backend) {
        rows.entry(cell.work()).or_default().push(cell);
    }
    let mut ratios: Vec<(&str, Vec<(f64, &Work)>)> = Vec::new();
    for (work, cells) in rows.iter().filter(|(_, cells)| cells.len() > 1) {
        let best = cells.iter().map(|cell| cell.ns_per_op.median).fold(f64::INFINITY, f64::min);
        for cell in cells {
            let ratio = (cell.ns_per_op.median / best, work);
            match ratios.iter_mut().find(|(backend, _)| *backend == cell.backend) {
                Some((_, ratios)) => ratios.push(ratio),
                None => ratios.push((&cell.backend, vec![ratio])),
            }
        }
    }
    if ratios.is_empty() {
        return None;
    }
    let columns = ["rows measured", "best", "loses", "median ratio", "loses most", "at"];
    let mut table = Table::new("", "backend", columns.map(str::to_owned));
    if let Some(last) = table.columns.last_mut() {
        last.is_number = false;
    }
    for (backend, ratios) in ratios {
        table.push(row(backend, &ratios));
    }
    let text = format!(
        "A row is the same work for all; one loses it if it takes more than {LOSS} \
         times as long as the best backend. The ratio is to the best backend of the row."
    );
    super::section("losses", "Where each loses", vec![Block::Text(text), Block::Table(table)])
}

fn row(backend: &str, ratios: &[(f64, &Work)]) -> Vec<Entry> {
    let count = |wanted: fn(f64) -> bool| ratios.iter().filter(|(ratio, _)| wanted(*ratio)).count() as f64;
    let whole = |value: f64| Entry { text: format!("{value}"), sort: Some(value), ..Entry::default() };
    let values: Vec<_> = ratios.iter().map(|(ratio, _)| *ratio).collect();
    let ratio = |value: f64| Entry {
        text: format!("{}×", number::short(value)),
        ratio: Some(value),
        sort: Some(value),
        ..Entry::default()
    };
    let most = ratios.iter().filter(|(ratio, _)| *ratio > 1.0).max_by(|a, b| a.0.total_cmp(&b.0));
    vec![
        Entry::text(backend),
        whole(ratios.len() as f64),
        whole(count(|ratio| ratio <= 1.0)),
        whole(count(|ratio| ratio > LOSS)),
        stats::median(&values).map_or_else(Entry::missing, ratio),
        most.map_or_else(Entry::missing, |(most, _)| ratio(*most)),
        most.map_or_else(Entry::missing, |(_, work)| {
            Entry::text(format!(
                "{} {}, {}, {}{}",
                work.cache,
                work.op,
                number::keys(work.max_key),
                threads(work.threads),
                if work.key_type == "str" { String::new() } else { format!(", {}", work.keys()) }
            ))
        }),
    ]
}
