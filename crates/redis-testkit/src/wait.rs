use std::thread;
use std::time::{Duration, Instant};

/// How long to wait for something that must happen. Longer than it takes on a loaded machine: running out is a hang.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The pause between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until a condition holds.
///
/// # Panics
///
/// If it does not hold within [`PATIENCE`]. The message contains `what`.
///
/// # Examples
///
/// ```
/// redis_testkit::until("a sum is right", || 2 + 2 == 4);
/// ```
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    until_some(what, || condition().then_some(()));
}

/// Waits until `f` returns `Some`, and returns its content.
///
/// # Panics
///
/// If it does not within [`PATIENCE`]. The message contains `what`.
///
/// # Examples
///
/// ```
/// assert_eq!(redis_testkit::until_some("a number", || Some(4)), 4);
/// ```
#[track_caller]
pub fn until_some<T>(what: &str, mut f: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = f() {
            return found;
        }
        assert!(Instant::now() < end, "waited {PATIENCE:?} in vain until: {what}");
        thread::sleep(PAUSE);
    }
}
