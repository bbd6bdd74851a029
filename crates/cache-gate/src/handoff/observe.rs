//! What the desk and the journal tell: metrics and events, as the page of [`handoff`](super) lists them. Without the features `metrics`
//! and `tracing`, nothing is compiled in.

// Without either feature, the arguments are of no use.
#![cfg_attr(
    not(all(feature = "metrics", feature = "tracing", feature = "sqlite")),
    allow(unused_variables, dead_code, clippy::allow_attributes, reason = "see above")
)]

use std::time::Duration;

use super::Outcome;

/// The books have answered an order, or have not.
pub(super) fn submitted(outcome: &Outcome, took: Duration) {
    let name = match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Refused { .. } => "refused",
        Outcome::Unknown => "unknown",
    };
    #[cfg(feature = "metrics")]
    {
        ::metrics::counter!("hotcache_gate_orders_total", "outcome" => name).increment(1);
        ::metrics::histogram!("hotcache_gate_submit_seconds").record(took);
    }
    #[cfg(feature = "tracing")]
    match outcome {
        Outcome::Unknown => tracing::warn!(target: "hotcache", ?took, "the outcome of an order is unknown"),
        Outcome::Refused { why, .. } => tracing::debug!(target: "hotcache", %why, "order refused"),
        Outcome::Accepted => {}
    }
}

/// An order whose outcome was unknown is settled.
pub(super) fn settled(found: bool, took: Duration) {
    #[cfg(feature = "metrics")]
    ::metrics::counter!("hotcache_gate_settled_total", "found" => if found { "yes" } else { "no" })
        .increment(1);
    #[cfg(feature = "tracing")]
    tracing::info!(target: "hotcache", found, ?took, "an unknown order is settled");
}

/// A transaction of the journal has ended.
pub(super) fn written(jobs: usize, took: Duration) {
    #[cfg(feature = "metrics")]
    {
        ::metrics::histogram!("hotcache_journal_batch_jobs").record(jobs as f64);
        ::metrics::histogram!("hotcache_journal_batch_seconds").record(took);
    }
}

/// The end of a transaction of the journal failed.
pub(super) fn commit_failed(error: &dyn std::fmt::Display) {
    #[cfg(feature = "metrics")]
    ::metrics::counter!("hotcache_journal_failures_total").increment(1);
    #[cfg(feature = "tracing")]
    tracing::error!(target: "hotcache", %error, "the end of a transaction of the journal failed");
}
