use std::fmt::Write;

use crate::disturbance::headed;
use crate::{Latency, Run, number};

/// The latencies of a run for a terminal: a table for each work, a line for each row. A warning comes first if
/// the machine was [not quiet](crate::disturbance). Empty if there are none.
///
/// # Examples
///
/// ```
/// use hotcache_report::{Machine, Run, latencies};
/// assert_eq!(latencies(&Run::new(Machine::default())), "");
/// ```
#[must_use]
pub fn latencies(run: &Run) -> String {
    let width = run.latency.iter().map(|one| one.backend.len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut before = None;
    for one in &run.latency {
        if before != Some(one.work()) {
            heading(&mut text, one, width);
            before = Some(one.work());
        }
        let _ = write!(text, "{:width$}", one.backend);
        for (_, ns) in one.percentiles.named() {
            let _ = write!(text, " {:>9}", number::time(ns));
        }
        let faults = one.page_faults.map_or("?".to_owned(), |faults| faults.to_string());
        let _ = writeln!(text, " {faults:>12}");
    }
    headed(run, text)
}

fn heading(text: &mut String, one: &Latency, width: usize) {
    let (work, count, rate) = (one.work(), one.count, number::short(one.per_second));
    let _ = writeln!(text, "{work}: {count} operations, {rate} a second, from when each was due");
    let _ = write!(text, "{:width$}", "");
    for (name, _) in one.percentiles.named() {
        let _ = write!(text, " {name:>9}");
    }
    let _ = writeln!(text, " {:>12}", "page faults");
}
