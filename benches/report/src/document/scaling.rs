use super::{Block, Entry, Section, Table, grouped};
use crate::{Kind, Run, Scaling, number};

/// A law that misses its own points by this share predicts nothing.
const WORTHLESS: f64 = 0.5;

/// The section on scaling: fits of the Universal Scalability Law, and its predictions.
pub(super) fn section(run: &Run) -> Option<Section> {
    let all: Vec<_> = Scaling::of(run).into_iter().filter(|one| one.kind == Kind::Backend).collect();
    let measured = all.iter().map(|one| one.points.len()).max()?;
    let fitted: Vec<_> = all.iter().filter(|one| one.law.is_some()).collect();
    let Some(first) = fitted.first() else {
        let text = format!(
            "No law of scaling is fitted. It has three parameters, and this run has at most {measured} thread counts \
             within the {} cores of the machine; with fewer than four, any curve would fit, and predict nothing. \
             Measure on a machine with more cores, with 1, 2, 4, 8 … threads.",
            run.machine.cores
        );
        return super::section("scaling", "Beyond this machine", vec![Block::Text(text)]);
    };
    let columns = ["contention σ", "coherency κ", "R²", "error when left out", "peak at"].map(str::to_owned);
    let predicted = first.predictions.iter().map(|p| format!("{} threads, predicted", p.threads));
    let columns: Vec<_> = columns.into_iter().chain(predicted).collect();
    let mut blocks = vec![Block::Text(
        "The Universal Scalability Law, fitted to the measured throughput of each backend for threads within the cores. \
         What it says of more threads is a prediction, not a measurement: million operations a second on as many \
         cores, with an interval that holds the truth nine times in ten if the law does, which more sockets can undo. \
         There is no prediction where the law misses points that were left out by more than half, or the ends of the \
         interval are more than a factor of 4 apart."
            .to_owned(),
    )];
    let about = |one: &&Scaling| {
        let Scaling { cache, op, max_key, dist, key_type, key_len, .. } = one;
        let keys = number::key_form(key_type, *key_len);
        format!("{cache} {op}, {}, {dist}, {keys}", number::keys(*max_key))
    };
    for (about, backends) in grouped(&fitted, about) {
        let mut table = Table::new(about, "backend", columns.clone());
        backends.into_iter().for_each(|one| table.push(row(one)));
        blocks.push(Block::Table(table));
    }
    super::section("scaling", "Beyond this machine", blocks)
}

fn row(scaling: &Scaling) -> Vec<Entry> {
    let Some(law) = &scaling.law else { return vec![Entry::text(&scaling.backend)] };
    let figure = |value: f64, text: String| Entry { text, sort: Some(value), ..Entry::default() };
    let mut entries = vec![
        Entry::text(&scaling.backend),
        figure(law.contention, format!("{:.4}", law.contention)),
        figure(law.coherency, format!("{:.5}", law.coherency)),
        figure(law.r_squared, format!("{:.3}", law.r_squared)),
        figure(law.left_out_error, format!("{:.1} %", law.left_out_error * 100.0)),
        law.peak().map_or_else(Entry::missing, |peak| figure(peak, number::short(peak))),
    ];
    let is_worthless = law.left_out_error > WORTHLESS;
    entries.extend(scaling.predictions.iter().map(|prediction| {
        if is_worthless || !prediction.says_something() {
            Entry::missing()
        } else {
            Entry {
                text: number::short(prediction.mops),
                detail: format!("{}–{}", number::short(prediction.low), number::short(prediction.high)),
                ratio: None,
                sort: Some(prediction.mops),
            }
        }
    }));
    entries
}
