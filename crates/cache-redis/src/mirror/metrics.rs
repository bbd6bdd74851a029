//! A mirror as metrics of the `metrics` facade. Needs the feature `metrics`.
//!
//! Metrics are **pulled**, as those of the policy layer are: [`Mirror::export_metrics`] copies them into the facade.
//!
//! | metric | type | what |
//! |---|---|---|
//! | `hotcache_mirror_staleness_seconds` | gauge | how old values may be; absent until everything was loaded once |
//! | `hotcache_mirror_ready` | gauge | 1 while everything is loaded and changes are followed, else 0 |
//! | `hotcache_mirror_waiting` | gauge | changed keys whose values are still to be fetched |
//! | `hotcache_mirror_applied_total` | counter | values that were stored |
//! | `hotcache_mirror_sessions_total` | counter | sessions that began; more than the primaries means that some ended |
//! | `hotcache_mirror_undecodable_total` | counter | values that could not be mirrored |
//!
//! | `hotcache_write_behind_waiting` | gauge | keys whose changes wait to be written |
//! | `hotcache_write_behind_batches_total` | counter | batches that were written, or failed for good |
//! | `hotcache_write_behind_retries_total` | counter | attempts that failed, and were repeated |
//! | `hotcache_write_behind_failures_total` | counter | changes that were refused, unknown or lost; more than 0 needs a look |
//!
//! Those of write-behind are copied by [`WriteBehind::export_metrics`](crate::writer::WriteBehind::export_metrics), with the label
//! `writer`.
//!
//! Each of a mirror has the label `mirror`, the [name](super::MirrorBuilder::name) of the mirror. Two mirrors of one name overwrite each
//! other's values.

use std::sync::atomic::Ordering;

use ::metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

use super::{Mirror, State};

const STALENESS: &str = "hotcache_mirror_staleness_seconds";
const READY: &str = "hotcache_mirror_ready";
const WAITING: &str = "hotcache_mirror_waiting";
const APPLIED: &str = "hotcache_mirror_applied_total";
const SESSIONS: &str = "hotcache_mirror_sessions_total";
const UNDECODABLE: &str = "hotcache_mirror_undecodable_total";

/// Tells the recorder what each metric means, and its unit. Once, after the recorder was installed.
///
/// # Examples
///
/// ```
/// cache_redis::metrics::describe();
/// ```
pub fn describe() {
    describe_gauge!(STALENESS, Unit::Seconds, "How old values may be.");
    describe_gauge!(READY, Unit::Count, "1 while everything is loaded and changes are followed, else 0.");
    describe_gauge!(WAITING, Unit::Count, "Changed keys whose values are still to be fetched.");
    describe_counter!(APPLIED, Unit::Count, "Values that were stored.");
    describe_counter!(SESSIONS, Unit::Count, "Sessions that began.");
    describe_counter!(UNDECODABLE, Unit::Count, "Values that could not be mirrored.");
    crate::writer::describe();
}

impl<C: ?Sized> Mirror<C> {
    /// Copies the state of the mirror into the metrics of the recorder that is installed. Needs the feature `metrics`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use cache_bucket::BucketIntCache;
    /// # use cache_redis::Mirror;
    /// # fn run(mirror: Mirror<BucketIntCache>) {
    /// // In the handler of `/metrics`, before the page is rendered.
    /// mirror.export_metrics();
    /// # }
    /// ```
    pub fn export_metrics(&self) {
        let name = self.context.name().to_owned();
        let board = &self.context.board;
        if let Some(staleness) = self.staleness() {
            gauge!(STALENESS, "mirror" => name.clone()).set(staleness.as_secs_f64());
        }
        let is_ready = if self.state() == State::Ready { 1.0 } else { 0.0 };
        gauge!(READY, "mirror" => name.clone()).set(is_ready);
        let progress = self.progress();
        gauge!(WAITING, "mirror" => name.clone()).set(progress.waiting as f64);
        counter!(APPLIED, "mirror" => name.clone()).absolute(progress.applied);
        counter!(SESSIONS, "mirror" => name.clone()).absolute(board.sessions.load(Ordering::Relaxed));
        counter!(UNDECODABLE, "mirror" => name).absolute(board.undecodable.count());
    }
}
