use super::{Block, Entry, Figure, Section, Table, grouped};
use crate::series_style::SeriesStyles;
use crate::svg::{Bar, Bars, Panel};
use crate::{Footprint, Kind, Memory, Run, number};

/// The section on memory per key: bars, and a table for each cache.
pub(super) fn section(run: &Run, styles: &SeriesStyles) -> Option<Section> {
    let groups = grouped(&run.memory, |one| (&one.cache, one.keys, one.key_len));
    let mut panels = Vec::new();
    let mut tables = Vec::new();
    for ((cache, keys, key_len), all) in groups {
        let about = format!("{cache}, {} of {key_len} bytes", number::keys(keys));
        panels.push(Panel::Bars(bars(&about, &all, styles)));
        tables.push(Block::Table(table(&about, &all)));
    }
    if tables.is_empty() {
        return None;
    }
    let text = "Bytes for each key that was loaded, each backend in a process of its own. Counted bytes are those asked \
                of the allocator and not given back; RSS is what the process holds, and so what the machine pays for."
        .to_owned();
    let figure = Figure { id: "memory".to_owned(), caption: "Bytes per key".to_owned(), panels };
    let blocks = [Block::Text(text), Block::Figure(figure)].into_iter().chain(tables);
    super::section("memory", "Memory", blocks.collect())
}

fn bars(about: &str, all: &[&Memory], styles: &SeriesStyles) -> Bars {
    let known = |stage: Option<Footprint>| stage.and_then(|footprint| footprint.best_known());
    let maps = all.iter().filter(|one| one.kind != Kind::ByHand);
    let bars = maps.filter_map(|one| {
        Some(Bar {
            name: one.backend.clone(),
            style: styles.style(&one.backend),
            value: one.after_load.best_known()?,
            behind: known(one.worst),
            across: known(one.after_delete_all),
        })
    });
    let mut bars: Vec<_> = bars.collect();
    bars.sort_by(|a, b| a.value.total_cmp(&b.value));
    let has = |stage: fn(&Bar) -> Option<f64>| bars.iter().any(|bar| stage(bar).is_some());
    let key = [
        "loaded",
        if has(|bar| bar.behind) { "at worst, while growing" } else { "" },
        if has(|bar| bar.across) { "all keys deleted" } else { "" },
    ];
    Bars { title: format!("Bytes per key: {about}"), key, bars }
}

fn table(about: &str, all: &[&Memory]) -> Table {
    let columns = ["loaded", "worst point", "after churn", "all deleted"];
    let mut table = Table::new(about, "backend", columns.map(|stage| format!("{stage}: counted (RSS)")));
    let least =
        all.iter().filter(|one| one.kind != Kind::Floor).filter_map(|one| one.after_load.best_known());
    let least = least.fold(f64::INFINITY, f64::min);
    for one in all {
        let stages = [Some(one.after_load), one.worst, one.after_churn, one.after_delete_all];
        let mut entries = vec![Entry::text(&one.backend)];
        entries.extend(stages.map(entry));
        let ratio = one.after_load.best_known().map(|bytes| bytes / least);
        entries[1].ratio = ratio.filter(|ratio| ratio.is_finite());
        table.push(entries);
    }
    table
}

fn entry(stage: Option<Footprint>) -> Entry {
    let Some(Footprint { counted, rss }) = stage else { return Entry::missing() };
    let text = |bytes: Option<f64>| bytes.map_or_else(|| "–".to_owned(), number::short);
    Entry { text: text(counted), detail: format!("({})", text(rss)), ratio: None, sort: counted.or(rss) }
}
