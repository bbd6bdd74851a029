use std::fmt::Write;

use crate::{Latency, Run, number};

/// The latencies of a run for a terminal: a table for each work, a line for each row. Empty if there are none.
///
/// # Examples
///
/// ```
/// use hotcache_report::{Machine, Run, latencies};
/// assert_eq!(latencies(&Run::new(Machine::default())), "");
/// ```
#[must_use]
pub fn latencies(run: &Run) -> String {
    let work = |one: &Latency| (one.cache.clone(), one.op.clone(), one.max_key, one.threads);
    let width = run.latency.iter().map(|one| one.backend.len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut before = None;
    for one in &run.latency {
        if before != Some(work(one)) {
            heading(&mut text, one, width);
            before = Some(work(one));
        }
        let _ = write!(text, "{:width$}", one.backend);
        for (_, ns) in one.percentiles.named() {
            let _ = write!(text, " {:>9}", number::time(ns));
        }
        let faults = one.page_faults.map_or("?".to_owned(), |faults| faults.to_string());
        let _ = writeln!(text, " {faults:>12}");
    }
    text
}

fn heading(text: &mut String, one: &Latency, width: usize) {
    let Latency { cache, op, max_key, threads, per_second, count, .. } = one;
    let s = if *threads == 1 { "" } else { "s" };
    let keys = number::keys(*max_key);
    let rate = number::short(*per_second);
    let _ = writeln!(
        text,
        "{cache} {op}, {keys}, {threads} thread{s}: {count} operations, {rate} a second, from when each was due"
    );
    let _ = write!(text, "{:width$}", "");
    for (name, _) in one.percentiles.named() {
        let _ = write!(text, " {name:>9}");
    }
    let _ = writeln!(text, " {:>12}", "page faults");
}
