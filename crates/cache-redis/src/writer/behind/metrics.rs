//! Write-behind as metrics of the `metrics` facade.

use ::metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

use super::WriteBehind;
use crate::MirrorKey;

const WAITING: &str = "hotcache_write_behind_waiting";
const BATCHES: &str = "hotcache_write_behind_batches_total";
const RETRIES: &str = "hotcache_write_behind_retries_total";
const FAILURES: &str = "hotcache_write_behind_failures_total";

/// Tells the recorder what each metric means.
pub(crate) fn describe() {
    describe_gauge!(WAITING, Unit::Count, "Keys whose changes wait to be written.");
    describe_counter!(BATCHES, Unit::Count, "Batches that were written, or failed for good.");
    describe_counter!(RETRIES, Unit::Count, "Attempts to write a batch that failed, and were repeated.");
    describe_counter!(FAILURES, Unit::Count, "Changes that were refused, unknown, lost or left.");
}

impl<K: MirrorKey + ?Sized, C: ?Sized> WriteBehind<K, C> {
    /// Copies its state into the metrics of the recorder that is installed, with the label `writer` of this name. Needs the
    /// feature `metrics`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn run(stock: cache_redis::writer::WriteBehind<str, cache_bucket::BucketIntCache<str>>) {
    /// stock.export_metrics("stock");
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
    pub fn export_metrics(&self, name: &str) {
        let state = self.shared.lock();
        let (waiting, counts) = (state.queue.len(), state.counts);
        drop(state);
        gauge!(WAITING, "writer" => name.to_owned()).set(waiting as f64);
        counter!(BATCHES, "writer" => name.to_owned()).absolute(counts.batches);
        counter!(RETRIES, "writer" => name.to_owned()).absolute(counts.retries);
        counter!(FAILURES, "writer" => name.to_owned()).absolute(counts.failures);
    }
}
