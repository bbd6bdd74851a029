use std::collections::BTreeSet;

use super::{Block, Entry, Figure, Section, Table, grouped, threads};
use crate::series_style::SeriesStyles;
use crate::svg::{Axis, Lines, Panel, Point, Scale, Series};
use crate::{Kind, Latency, Run, Work, number};

/// How long operations took that came on a schedule: curves, and a table for each.
pub(super) fn section(run: &Run, styles: &SeriesStyles) -> Option<Section> {
    let groups = grouped(&run.latency, Latency::work);
    let plain = groups.iter().map(|(work, _)| (&work.dist, work.key_len)).collect::<BTreeSet<_>>().len() == 1;
    let mut panels = Vec::new();
    let mut tables = Vec::new();
    for (work, all) in &groups {
        let Work { cache, op, max_key, threads: count, .. } = work;
        let about = format!("{cache} {op}, {}, {}", number::keys(*max_key), threads(*count));
        // Properties that all have in common are left out.
        let about = if plain { about } else { work.to_string() };
        panels.extend(panel(&about, all, styles));
        tables.push(Block::Table(table(&about, all)));
    }
    if tables.is_empty() {
        return None;
    }
    let text = "Operations arrive on a fixed schedule, and each is timed from when it was due, so that a stall counts \
                for all that wait behind it. Page faults are pages touched for the first time meanwhile, each a pause of the \
                system's and not the map's. Curves run from the quickest operation on the left to the slowest on the right."
        .to_owned();
    let mut blocks = vec![Block::Text(text)];
    if !panels.is_empty() {
        let caption = "Latency".to_owned();
        blocks.push(Block::Figure(Figure { id: "latency".to_owned(), caption, panels }));
    }
    blocks.extend(tables);
    super::section("latency", "Latency", blocks)
}

fn panel(about: &str, all: &[&Latency], styles: &SeriesStyles) -> Option<Panel> {
    let curves = all.iter().filter(|one| one.curve.len() > 1 && one.kind != Kind::ByHand);
    let series: Vec<_> = curves
        .map(|one| Series {
            name: one.backend.clone(),
            style: styles.style(&one.backend),
            points: one.curve.iter().map(|&[x, y]| Point { x, y: y.max(1.0), ends: None }).collect(),
        })
        .collect();
    (!series.is_empty()).then(|| {
        Panel::Lines(Lines {
            title: about.to_owned(),
            x: Axis {
                label: "percent of operations done",
                scale: Scale::Nines,
                format: percent,
                ticks: vec![],
            },
            y: Axis { label: "time since due", scale: Scale::Log, format: tick, ticks: vec![] },
            series,
            has_marks: false,
            guide: vec![],
        })
    })
}

fn percent(share: f64) -> String {
    let text = format!("{:.3}", share * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn tick(ns: f64) -> String {
    match ns {
        _ if ns < 1e3 => format!("{ns} ns"),
        _ if ns < 1e6 => format!("{} µs", ns / 1e3),
        _ if ns < 1e9 => format!("{} ms", ns / 1e6),
        _ => format!("{} s", ns / 1e9),
    }
}

fn table(about: &str, all: &[&Latency]) -> Table {
    let names = all.first().map(|one| one.percentiles.named().map(|(name, _)| name.to_owned()));
    let mut table = Table::new(
        about,
        "backend",
        names.into_iter().flatten().chain(["rate", "page faults"].map(str::to_owned)),
    );
    let best = |at: usize| {
        let maps = all.iter().filter(|one| one.kind != Kind::Floor);
        maps.map(|one| one.percentiles.named()[at].1).fold(f64::INFINITY, f64::min)
    };
    let best: Vec<_> = (0..6).map(best).collect();
    for one in all {
        let times = one.percentiles.named().into_iter().zip(&best).map(|((_, ns), best)| Entry {
            text: number::time(ns),
            ratio: Some(ns / best).filter(|ratio| ratio.is_finite()),
            sort: Some(ns),
            ..Entry::default()
        });
        let rate = Entry {
            text: format!("{}/s", number::count(one.per_second.round() as u64)),
            sort: Some(one.per_second),
            ..Entry::default()
        };
        let faults = one.page_faults.map_or_else(Entry::missing, |faults| Entry {
            text: number::count(faults),
            sort: Some(faults as f64),
            ..Entry::default()
        });
        table.push([Entry::text(&one.backend)].into_iter().chain(times).chain([rate, faults]).collect());
    }
    table
}
