//! What leases tell: metrics and events, as the page of [`lease`](super) lists them. Without the features `metrics` and
//! `tracing`, nothing is compiled in.

// Without either feature, the arguments are of no use.
#![cfg_attr(
    not(all(feature = "metrics", feature = "tracing")),
    expect(unused_variables, reason = "see above")
)]

use std::time::Duration;

use super::error::{CommitError, End};
use crate::Error;

#[cfg(feature = "metrics")]
macro_rules! count {
    ($name:literal, $number:expr $(, $label:literal => $value:expr)*) => {
        ::metrics::counter!($name $(, $label => $value)*).increment($number)
    };
}
#[cfg(not(feature = "metrics"))]
macro_rules! count {
    ($($token:tt)*) => {
        ()
    };
}

#[cfg(feature = "tracing")]
macro_rules! event {
    ($level:ident, $($token:tt)*) => {
        ::tracing::event!(target: "hotcache", ::tracing::Level::$level, $($token)*)
    };
}
#[cfg(not(feature = "tracing"))]
macro_rules! event {
    ($($token:tt)*) => {
        ()
    };
}

/// Units were granted.
pub(super) fn granted(lease: &str, units: i64) {
    count!("hotcache_lease_granted_units_total", units.unsigned_abs());
    event!(DEBUG, lease, units, "units granted");
}

/// The pool was found empty.
pub(super) fn sold_out(lease: &str) {
    event!(INFO, lease, "sold out");
}

/// A batch was answered.
pub(super) fn committed(outcome: &[u8], took: Duration) {
    #[cfg(feature = "metrics")]
    {
        let sold = outcome.iter().filter(|outcome| **outcome == b'+').count();
        count!("hotcache_lease_orders_total", sold as u64, "result" => "committed");
        count!("hotcache_lease_orders_total", (outcome.len() - sold) as u64, "result" => "over_limit");
        ::metrics::histogram!("hotcache_lease_commit_seconds").record(took);
    }
}

/// A batch failed, and the lease ends with it.
pub(super) fn uncommitted(lease: &str, orders: usize, why: CommitError) {
    let result = if why.is_unknown() { "unknown" } else { "ended" };
    count!("hotcache_lease_orders_total", orders as u64, "result" => result);
    event!(WARN, lease, orders, result, %why, "orders not acknowledged");
}

/// A call failed, and will be repeated where that can help.
pub(super) fn failed(lease: &str, call: &'static str, error: &Error) {
    count!("hotcache_lease_failures_total", 1, "call" => call);
    event!(WARN, lease, call, %error, "call failed");
}

/// Leases of nodes that were away too long were ended.
pub(super) fn reaped(lease: &str, leases: u64, units: u64) {
    count!("hotcache_lease_reaped_total", leases);
    count!("hotcache_lease_reaped_units_total", units);
    event!(WARN, lease, leases, units, "leases reaped");
}

/// The lease has ended.
pub(super) fn ended(lease: &str, end: End) {
    let reason = match end {
        End::Closed => "closed",
        End::Fenced => "fenced",
        End::RolledBack => "rolled_back",
        End::Absent => "absent",
        End::Unanswered => "unanswered",
        End::Refused => "refused",
    };
    count!("hotcache_lease_ended_total", 1, "reason" => reason);
    #[cfg(feature = "tracing")]
    if end == End::Closed {
        event!(INFO, lease, reason, "lease ended");
    } else {
        event!(WARN, lease, reason, "lease ended");
    }
}
