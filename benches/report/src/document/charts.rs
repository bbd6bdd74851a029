use std::collections::{BTreeMap, BTreeSet};

use super::{Block, Figure, Section, most_threads, threads};
use crate::series_style::SeriesStyles;
use crate::svg::{Axis, Lines, Panel, Point, Scale, Series};
use crate::{Cell, Kind, Run, number};

/// Throughput against threads, a figure for each cache.
pub(super) fn throughput(run: &Run, styles: &SeriesStyles) -> Option<Section> {
    let shown = |cell: &&Cell| matches!(cell.kind, Kind::Backend | Kind::Peer);
    let figures = figures(
        run,
        "throughput",
        |cell| (cell.max_key, 0),
        shown,
        |about, cells| {
            let counts: BTreeSet<_> = cells.iter().map(|cell| cell.threads).collect();
            let title = format!("{}, {}", about, number::keys(cells.first()?.max_key));
            (counts.len() > 1).then(|| Lines {
                title,
                x: Axis {
                    label: "threads",
                    scale: Scale::Log,
                    format: |count| format!("{count}"),
                    ticks: counts.iter().map(|count| *count as f64).collect(),
                },
                y: Axis {
                    label: "million operations a second",
                    scale: Scale::Log,
                    format: tick,
                    ticks: vec![],
                },
                series: series(cells, styles, |cell| {
                    let mops = |ns: f64| cell.threads as f64 * 1e3 / ns;
                    let spread = cell.ns_per_op;
                    Point {
                        x: cell.threads as f64,
                        y: cell.mops,
                        ends: Some((mops(spread.max), mops(spread.min))),
                    }
                }),
                has_marks: true,
                guide: perfect(cells),
            })
        },
    );
    let cores = run.machine.cores;
    let s = if cores == 1 { "" } else { "s" };
    let text = format!(
        "All threads together; higher is better. Both axes are logarithmic, and a line as steep as the dotted one scales \
         perfectly. The machine has {cores} core{s}: more threads than that share them. \
         A bar behind a mark reaches from the slowest sample to the fastest. Peers are grey and dashed."
    );
    section("throughput", "Throughput against threads", text, figures)
}

/// Time per operation against the number of keys, a figure for each cache.
pub(super) fn key_counts(run: &Run, styles: &SeriesStyles) -> Option<Section> {
    let most = most_threads(run);
    let shown = |cell: &&Cell| {
        cell.kind != Kind::ByHand && cell.max_key > 0 && (cell.threads == 1 || cell.threads == most)
    };
    let figures = figures(
        run,
        "keys",
        |cell| (0, cell.threads),
        shown,
        |about, cells| {
            let counts: BTreeSet<_> = cells.iter().map(|cell| cell.max_key).collect();
            let title = format!("{}, {}", about, threads(cells.first()?.threads));
            (counts.len() > 1).then(|| Lines {
                title,
                x: Axis {
                    label: "keys",
                    scale: Scale::Log,
                    format: |count| number::count(count as u64),
                    ticks: counts.iter().map(|count| *count as f64).collect(),
                },
                y: Axis { label: "ns per operation", scale: Scale::Log, format: tick, ticks: vec![] },
                series: series(cells, styles, |cell| {
                    let spread = cell.ns_per_op;
                    Point { x: cell.max_key as f64, y: spread.median, ends: Some((spread.min, spread.max)) }
                }),
                has_marks: true,
                guide: vec![],
            })
        },
    );
    let text = "Lower is better; both axes are logarithmic. The pale dashed lines are floors, which no map can beat: \
                the loop alone, and an array that keeps no keys."
        .to_owned();
    section("keys", "Time against the number of keys", text, figures)
}

fn section(id: &str, title: &str, text: String, figures: Vec<Figure>) -> Option<Section> {
    if figures.is_empty() {
        return None;
    }
    let blocks = [Block::Text(text)].into_iter().chain(figures.into_iter().map(Block::Figure));
    super::section(id, title, blocks.collect())
}

/// A figure for each cache, with a panel for each group of cells that differ in one thing only.
fn figures<G: Ord>(
    run: &Run,
    id: &str,
    group: impl Fn(&Cell) -> G,
    shown: impl Fn(&&Cell) -> bool,
    panel: impl Fn(&str, &[&Cell]) -> Option<Lines>,
) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (cache, title) in [("int", "Integers"), ("obj", "Objects")] {
        // Operations keep the order of the run, which is the order of the harness.
        let mut ops: Vec<&str> = Vec::new();
        let mut panels: BTreeMap<_, Vec<&Cell>> = BTreeMap::new();
        for cell in run.cells.iter().filter(&shown).filter(|cell| cell.cache == cache) {
            let op = ops.iter().position(|op| *op == cell.op).unwrap_or_else(|| {
                ops.push(&cell.op);
                ops.len() - 1
            });
            panels.entry((op, &cell.dist, cell.work().keys(), group(cell))).or_default().push(cell);
        }
        let plain = panels.keys().map(|(_, dist, keys, _)| (dist, keys)).collect::<BTreeSet<_>>().len() == 1;
        let panels = panels.iter().filter_map(|((op, dist, keys, _), cells)| {
            let op = ops[*op];
            let about = if plain { op.to_owned() } else { format!("{op}, {dist}, {keys}") };
            panel(&about, cells).map(Panel::Lines)
        });
        let panels: Vec<_> = panels.collect();
        if !panels.is_empty() {
            figures.push(Figure { id: format!("{id}-{cache}"), caption: title.to_owned(), panels });
        }
    }
    figures
}

fn series(cells: &[&Cell], styles: &SeriesStyles, point: impl Fn(&Cell) -> Point) -> Vec<Series> {
    let mut series: Vec<Series> = Vec::new();
    for cell in cells {
        let point = point(cell);
        match series.iter_mut().find(|one| one.name == cell.backend) {
            Some(one) => one.points.push(point),
            None => series.push(Series {
                name: cell.backend.clone(),
                style: styles.style(&cell.backend),
                points: vec![point],
            }),
        }
    }
    series.iter_mut().for_each(|one| one.points.sort_by(|a, b| a.x.total_cmp(&b.x)));
    series
}

/// From the best backend with the fewest threads, what as many times the threads would do as many times as much.
fn perfect(cells: &[&Cell]) -> Vec<(f64, f64)> {
    let backends = || cells.iter().filter(|cell| cell.kind == Kind::Backend);
    let fewest = backends().map(|cell| cell.threads).min().unwrap_or(1);
    let best = backends().filter(|cell| cell.threads == fewest).map(|cell| cell.mops).fold(0.0, f64::max);
    let highest = backends().map(|cell| cell.mops).fold(0.0, f64::max);
    // It ends where the chart does.
    let most = backends().map(|cell| cell.threads).max().unwrap_or(1) as f64;
    let times = (most / fewest as f64).min(highest / best);
    if times > 1.0 { vec![(fewest as f64, best), (fewest as f64 * times, best * times)] } else { vec![] }
}

/// A tick needs no more digits than it has.
fn tick(value: f64) -> String {
    if value >= 1_000.0 { number::short(value) } else { format!("{value}") }
}
