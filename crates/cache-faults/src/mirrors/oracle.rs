//! What must hold of a mirror: nothing is older than it says, and nothing is wrong at rest.

use std::time::SystemTime;

use anyhow::Result;
use cache_bucket::BucketIntCache;
use cache_core::IntCache;
use cache_redis::Mirror;

use super::writer::Writer;
use crate::violated;

/// Checks for each key that it is not older than the mirror says. Returns the number of checks.
///
/// The server's clock and ours are one, as both are on this machine. The mirror itself does not rely on that.
pub(crate) fn check_bound(writer: &Writer, mirror: &Mirror<BucketIntCache>) -> Result<u64> {
    let mut checks = 0;
    for key in 0..writer.keys {
        let now = SystemTime::now();
        let Some(staleness) = mirror.staleness() else { continue };
        let seen = mirror.cache().get(&writer.name(key));
        let fresh = now - staleness;
        // Looked at after the value was read: a value that is in no history is newer than all of it.
        let history = writer.history(key);
        let events = &history.events;
        let Some(first) = events.partition_point(|event| event.at <= fresh).checked_sub(1) else { continue };
        checks += 1;
        let is_known =
            events[first..].iter().any(|event| event.value == seen) || history.maybe.contains(&seen);
        let is_newer = seen.map_or(history.is_deleting, |value| value > history.last_value());
        if !is_known && !is_newer {
            return violated(format!(
                "key {key} is {seen:?} and at most {staleness:?} old, as the mirror says; but it was {:?} then, since {:?}",
                events[first].value,
                fresh.duration_since(events[first].at).unwrap_or_default(),
            ));
        }
    }
    Ok(checks)
}

/// Compares every key with what the server has. Nobody may write meanwhile, and the mirror must be in step.
pub(crate) fn compare(writer: &Writer, mirror: &Mirror<BucketIntCache>, truth: &[Option<i64>]) -> Result<()> {
    let wrong = |(key, value): &(usize, &Option<i64>)| mirror.cache().get(&writer.name(*key)) != **value;
    let wrong: Vec<_> = truth.iter().enumerate().filter(wrong).collect();
    if let Some((key, value)) = wrong.first() {
        let seen = mirror.cache().get(&writer.name(*key));
        return violated(format!(
            "{} of {} keys are wrong at rest, such as {key}: {seen:?} instead of {value:?}",
            wrong.len(),
            truth.len()
        ));
    }
    let known = truth.iter().flatten().count();
    if mirror.cache().len() != known {
        return violated(format!("the mirror has {} keys, and the server {known}", mirror.cache().len()));
    }
    Ok(())
}
