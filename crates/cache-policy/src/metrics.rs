//! The statistics of a cache as metrics of the `metrics` facade. Needs the feature `metrics`.
//!
//! Metrics are **pulled**: [`Cache::export_metrics`] copies the cache's own counts into the facade, when a page of metrics is about
//! to be made, or from a timer. Each metric of the facade is one atomic integer that all threads share. Were it
//! written at each hit, every hit would write what other threads read; the cache's own counts are kept
//! [by stripes](crate::Builder::statistics).
//!
//! | metric | type | labels | what |
//! |---|---|---|---|
//! | `hotcache_hits_total`, `hotcache_misses_total` | counter | `cache` | reads |
//! | `hotcache_loads_total` | counter | `cache`, `result` = `ok`, `error` | loaders that ended |
//! | `hotcache_load_nanoseconds_total` | counter | `cache` | the time that all loaders took |
//! | `hotcache_removals_total` | counter | `cache`, `cause` = `expired`, `evicted`, `replaced`, `removed` | entries that left |
//! | `hotcache_listener_panics_total` | counter | `cache` | calls of the listener that panicked |
//! | `hotcache_entries`, `hotcache_weight` | gauge | `cache` | what is in the cache |
//!
//! `cache` is the [name](crate::Builder::name) of the cache, `unnamed` without one. Two caches of one name overwrite each
//! other's values.
//!
//! ```
//! use cache_policy::{Cache, metrics};
//! use cache_rwlock::RwLockBackend;
//!
//! // At the start, after a recorder was installed.
//! metrics::describe();
//! let events: Cache<String, str, RwLockBackend> = Cache::builder().name("events").statistics().build();
//! // In the handler of `/metrics`, before the page is rendered.
//! events.export_metrics();
//! ```

use ::metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use cache_core::{Backend, HashBuilder, Key, Value};

use crate::{Cache, Counters};

const HITS: &str = "hotcache_hits_total";
const MISSES: &str = "hotcache_misses_total";
const LOADS: &str = "hotcache_loads_total";
const LOAD_TIME: &str = "hotcache_load_nanoseconds_total";
const REMOVALS: &str = "hotcache_removals_total";
const LISTENER_PANICS: &str = "hotcache_listener_panics_total";
const ENTRIES: &str = "hotcache_entries";
const WEIGHT: &str = "hotcache_weight";

/// Tells the recorder what each metric means, and its unit. Once, after the recorder was installed.
///
/// # Examples
///
/// See the [module](self).
pub fn describe() {
    describe_counter!(HITS, Unit::Count, "Reads that found their key.");
    describe_counter!(MISSES, Unit::Count, "Reads that did not find their key.");
    describe_counter!(LOADS, Unit::Count, "Loaders that ended, by their result.");
    describe_counter!(LOAD_TIME, Unit::Nanoseconds, "The time that all loaders took together.");
    describe_counter!(REMOVALS, Unit::Count, "Entries that left, by the cause.");
    describe_counter!(LISTENER_PANICS, Unit::Count, "Calls of the listener that panicked.");
    describe_gauge!(ENTRIES, Unit::Count, "Entries, with those past their time that are not freed yet.");
    describe_gauge!(WEIGHT, "The sum of the weights of all entries, in the weigher's unit.");
}

impl<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> Cache<V, K, B, S> {
    /// Copies the statistics into the metrics of the recorder that is installed. Needs the feature `metrics`.
    ///
    /// Counters are set to what the cache has counted since it was built. Without
    /// [`Builder::statistics`](crate::Builder::statistics), there are the number of entries and the weight only.
    ///
    /// # Examples
    ///
    /// See the [module](crate::metrics).
    ///
    /// # Performance
    ///
    /// Some microseconds, most of them the recorder's. Call it as often as metrics are collected.
    pub fn export_metrics(&self) {
        let name = name(self.name());
        gauge!(ENTRIES, "cache" => name.clone()).set(self.len() as f64);
        gauge!(WEIGHT, "cache" => name.clone()).set(self.weight() as f64);
        let Some(stats) = self.statistics() else { return };
        counter!(HITS, "cache" => name.clone()).absolute(stats.hits);
        counter!(MISSES, "cache" => name.clone()).absolute(stats.misses);
        counter!(LOADS, "cache" => name.clone(), "result" => "ok").absolute(stats.loads);
        counter!(LOADS, "cache" => name.clone(), "result" => "error").absolute(stats.failed_loads);
        let load_time = u64::try_from(stats.load_time.as_nanos()).unwrap_or(u64::MAX);
        counter!(LOAD_TIME, "cache" => name.clone()).absolute(load_time);
        let removals = [
            ("expired", stats.expired),
            ("evicted", stats.evicted),
            ("replaced", stats.replaced),
            ("removed", stats.removed),
        ];
        for (cause, count) in removals {
            counter!(REMOVALS, "cache" => name.clone(), "cause" => cause).absolute(count);
        }
        counter!(LISTENER_PANICS, "cache" => name).absolute(stats.listener_panics);
    }
}

impl<K: Key + ?Sized, B: Backend, S: HashBuilder> Counters<K, B, S> {
    /// Sets the gauge `hotcache_entries` to the number of keys. Needs the feature `metrics`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Counters;
    /// # use cache_rwlock::RwLockBackend;
    /// let counters = Counters::<str, RwLockBackend>::builder().name("attempts").build();
    /// counters.export_metrics();
    /// ```
    pub fn export_metrics(&self) {
        gauge!(ENTRIES, "cache" => name(self.name())).set(self.len() as f64);
    }
}

/// The label of a cache. It is copied, as the recorder may keep it for ever.
fn name(name: Option<&str>) -> String {
    name.unwrap_or("unnamed").to_owned()
}
