//! The statistics of a gate as metrics of the `metrics` facade. Needs the feature `metrics`.
//!
//! Metrics are **pulled**: [`Gate::export_metrics`] copies the gate's own counts into the facade, when a page of metrics is about to be
//! made, or from a timer.
//!
//! | metric | type | labels | what |
//! |---|---|---|---|
//! | `hotcache_gate_admitted_total`, `hotcache_gate_repeated_total` | counter | `gate` | requests that got a reservation, or an earlier answer |
//! | `hotcache_gate_refused_total` | counter | `gate`, `reason` = the [`Reason`]'s name | requests that were refused |
//! | `hotcache_gate_reservations_total` | counter | `gate`, `end` = `committed`, `cancelled`, `expired`, `released` | reservations that ended |
//! | `hotcache_gate_units` | gauge | `gate`, `item`, `state` = `left`, `held`, `sold` | units of each item |
//! | `hotcache_gate_sold_out` | gauge | `gate`, `item` | 1 while everybody is refused |
//! | `hotcache_gate_in_flight` | gauge | `gate` | reservations under way |
//! | `hotcache_gate_entries` | gauge | `gate`, `table` = `users`, `requests`, `rates`, `reservations`, `unsettled` | what is in the tables |
//! | `hotcache_gate_depth` | gauge | `gate` | orders that wait behind the gate |
//! | `hotcache_gate_breaker` | gauge | `gate` | 0 closed, 1 half-open, 2 open |
//!
//! `gate` is the [name](crate::Builder::name) of the gate, `unnamed` without one. The counters need
//! [`Builder::statistics`](crate::Builder::statistics).
//!
//! ```
//! use cache_gate::{Gate, metrics};
//! # use cache_rwlock::RwLockBackend;
//!
//! // At the start, after a recorder was installed.
//! metrics::describe();
//! let gate = Gate::<RwLockBackend>::builder().name("shop").statistics().build();
//! // In the handler of `/metrics`, before the page is rendered.
//! gate.export_metrics();
//! ```

use ::metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use cache_core::Backend;

use crate::{Breaker, Gate, Reason};

const ADMITTED: &str = "hotcache_gate_admitted_total";
const REPEATED: &str = "hotcache_gate_repeated_total";
const REFUSED: &str = "hotcache_gate_refused_total";
const RESERVATIONS: &str = "hotcache_gate_reservations_total";
const UNITS: &str = "hotcache_gate_units";
const SOLD_OUT: &str = "hotcache_gate_sold_out";
const IN_FLIGHT: &str = "hotcache_gate_in_flight";
const ENTRIES: &str = "hotcache_gate_entries";
const DEPTH: &str = "hotcache_gate_depth";
const BREAKER: &str = "hotcache_gate_breaker";

/// Tells the recorder what each metric means, and its unit. Once, after the recorder was installed.
///
/// # Examples
///
/// See the [module](self).
pub fn describe() {
    describe_counter!(ADMITTED, Unit::Count, "Requests that got a reservation.");
    describe_counter!(REPEATED, Unit::Count, "Requests that were told what became of an earlier one.");
    describe_counter!(REFUSED, Unit::Count, "Requests that were refused, by the reason.");
    describe_counter!(RESERVATIONS, Unit::Count, "Reservations that ended, by how.");
    describe_gauge!(UNITS, Unit::Count, "Units of each item.");
    describe_gauge!(SOLD_OUT, "Whether everybody is refused as the item is sold out.");
    describe_gauge!(IN_FLIGHT, Unit::Count, "Reservations under way.");
    describe_gauge!(ENTRIES, Unit::Count, "What is in the tables of the gate.");
    describe_gauge!(DEPTH, Unit::Count, "Orders that wait behind the gate.");
    describe_gauge!(BREAKER, "The breaker: 0 closed, 1 half-open, 2 open.");
}

impl<B: Backend> Gate<B> {
    /// Copies the statistics into the metrics of the recorder that is installed. Needs the feature `metrics`.
    ///
    /// # Examples
    ///
    /// See the [module](crate::metrics).
    ///
    /// # Performance
    ///
    /// Some microseconds, and one for each item. Call it as often as metrics are collected.
    pub fn export_metrics(&self) {
        let name = || self.name().unwrap_or("unnamed").to_owned();
        for item in self.items() {
            for (state, units) in [("left", item.left), ("held", item.held), ("sold", item.sold)] {
                gauge!(UNITS, "gate" => name(), "item" => item.id.clone(), "state" => state)
                    .set(units as f64);
            }
            gauge!(SOLD_OUT, "gate" => name(), "item" => item.id).set(f64::from(u8::from(item.sold_out)));
        }
        let load = self.load();
        gauge!(IN_FLIGHT, "gate" => name()).set(f64::from(load.in_flight));
        gauge!(DEPTH, "gate" => name()).set(load.depth as f64);
        let tables = [
            ("users", load.users),
            ("requests", load.requests),
            ("rates", load.rates),
            ("reservations", load.reservations),
            ("unsettled", load.unsettled),
        ];
        for (table, entries) in tables {
            gauge!(ENTRIES, "gate" => name(), "table" => table).set(entries as f64);
        }
        gauge!(BREAKER, "gate" => name()).set(match self.breaker() {
            Breaker::Closed => 0.0,
            Breaker::HalfOpen => 1.0,
            Breaker::Open { .. } => 2.0,
        });
        let Some(stats) = self.statistics() else { return };
        counter!(ADMITTED, "gate" => name()).absolute(stats.admitted);
        counter!(REPEATED, "gate" => name()).absolute(stats.repeated);
        for reason in Reason::ALL {
            counter!(REFUSED, "gate" => name(), "reason" => reason.name()).absolute(stats.refused(reason));
        }
        let ends = [
            ("committed", stats.committed),
            ("cancelled", stats.cancelled),
            ("expired", stats.expired),
            ("released", stats.released),
        ];
        for (end, count) in ends {
            counter!(RESERVATIONS, "gate" => name(), "end" => end).absolute(count);
        }
    }
}
