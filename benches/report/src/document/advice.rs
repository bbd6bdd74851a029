use super::{Block, Column, Entry, Section, Table};
use crate::advice::Judgement;
use crate::{Advice, Run, Standing, number};

/// Which backend for which traffic.
pub(super) fn section(run: &Run) -> Option<Section> {
    let all = Advice::of(run);
    if all.is_empty() {
        return None;
    }
    let mut table = Table::new("", "traffic", []);
    for title in ["keys", "best", "no difference found from", "next", "last"] {
        table.columns.push(Column { title: title.to_owned(), is_number: false });
    }
    for advice in &all {
        table.push(row(advice));
    }
    let mut blocks = vec![Block::Text(how_it_is_judged()), Block::Table(table)];
    let silent = Advice::unmeasured(run);
    if !silent.is_empty() {
        blocks.push(Block::Text(format!("This run says nothing of: {}.", silent.join(", ").to_lowercase())));
    }
    super::section("advice", "Which backend for which traffic", blocks)
}

/// The test that tells backends apart, in words.
fn how_it_is_judged() -> String {
    let Judgement { speed, latency, memory, draws, at_least } = Judgement::USED;
    let percent = |ratio: f64| format!("{:.0} %", (ratio - 1.0) * 100.0);
    format!(
        "Worked out from the cells of this run: the geometric mean of a traffic's cells decides, and ratios are to the \
         best. No difference was found from the best where a backend is within {} of it, or where it may be chance \
         that it is behind: the samples of each cell are drawn anew with repetition, {} times, and the backend is as \
         fast as the best in at least {} of these draws. A latency and the bytes of a key are single values: they \
         differ from {} and from {} on. Where no difference was found, either will do. A line holds for the keys it names, \
         and for no others.",
        percent(speed),
        number::short(draws as f64),
        at_least,
        percent(latency),
        percent(memory)
    )
}

fn row(advice: &Advice) -> Vec<Entry> {
    let tied = advice.standings.iter().filter(|standing| standing.is_tied);
    let tied: Vec<_> = tied.map(|standing| standing.backend.clone()).collect();
    let best = advice.standings.first();
    let behind = || advice.standings.iter().skip(1).filter(|standing| !standing.is_tied);
    let (next, last) = (behind().next(), behind().next_back().filter(|_| behind().count() > 1));
    vec![
        Entry { text: advice.traffic.to_owned(), detail: advice.about.clone(), ..Entry::default() },
        Entry::text(&advice.keys),
        best.map_or_else(Entry::missing, |best| Entry {
            text: best.backend.clone(),
            detail: measured(best.value, advice.unit),
            ratio: Some(1.0),
            ..Entry::default()
        }),
        if tied.is_empty() { Entry::missing() } else { Entry::text(tied.join(", ")) },
        next.map_or_else(Entry::missing, behind_by),
        last.map_or_else(Entry::missing, behind_by),
    ]
}

fn measured(value: f64, unit: &str) -> String {
    if unit == "ns" { number::time(value) } else { format!("{} {unit}", number::short(value)) }
}

fn behind_by(standing: &Standing) -> Entry {
    Entry {
        text: standing.backend.clone(),
        detail: format!("{}×", number::short(standing.ratio)),
        sort: Some(standing.ratio),
        ..Entry::default()
    }
}
