use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Longer than any single call takes on a loaded machine, sanitizers included.
const USUAL_MILLISECONDS: u64 = 60_000;

static MILLISECONDS: AtomicU64 = AtomicU64::new(USUAL_MILLISECONDS);

/// How long the suite waits for what must happen before it calls it a hang or a leak.
///
/// # Examples
///
/// ```
/// assert_eq!(cache_testkit::patience().as_secs(), 60);
/// ```
#[must_use]
pub fn patience() -> Duration {
    Duration::from_millis(MILLISECONDS.load(Ordering::Relaxed))
}

/// Changes [`patience`] for the whole process: for tests of caches that are known to hang or leak.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// cache_testkit::set_patience(Duration::from_secs(1));
/// assert_eq!(cache_testkit::patience().as_secs(), 1);
/// ```
pub fn set_patience(limit: Duration) {
    let milliseconds = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    MILLISECONDS.store(milliseconds, Ordering::Relaxed);
}
