//! Mirrors that follow a server while it, its connections and its topology fail.

mod oracle;
mod place;
mod plan;
mod round;
mod splitter;
mod writer;

pub(crate) use plan::Plan;
pub(crate) use round::{Totals, run};

/// The prefix of the keys that are mirrored.
const PREFIX: &str = "faults:";

/// What makes a key wide.
const PADDING: usize = 900;

/// The key of the cache for a number.
fn name_of(key: usize, wide: bool) -> String {
    if wide { format!("{key}:{}", "x".repeat(PADDING)) } else { key.to_string() }
}
