use std::sync::OnceLock;
use std::time::Duration;

/// What a run can afford when nobody says: a tenth under tools that slow every memory access down.
const DEFAULT_PERCENT: usize = if cfg!(any(tsan, miri)) { 10 } else { 100 };

/// The variable that sets the percentage.
const VARIABLE: &str = "HOTCACHE_TEST_SCALE";

/// What stress that takes turns may take. It takes a fraction of that unless the cores have much else to do.
const BUDGET_MILLISECONDS: usize = 1000;

/// A size or a number of rounds, shrunk to what this run can afford; never below 1.
///
/// The percentage is in the environment variable `HOTCACHE_TEST_SCALE`. Sanitizer runs set it low, a long soak
/// sets it above 100. Every suite takes its sizes through here, so that none needs to be skipped.
///
/// # Panics
///
/// If the variable is set to anything but a whole number.
///
/// # Examples
///
/// ```
/// assert!(cache_testkit::scale(1_000) >= 1);
/// ```
#[must_use]
pub fn scale(full: usize) -> usize {
    static PERCENT: OnceLock<usize> = OnceLock::new();
    let percent = *PERCENT.get_or_init(|| crate::environment::number(VARIABLE, DEFAULT_PERCENT));
    (full.saturating_mul(percent) / 100).max(1)
}

/// How long stress that takes turns goes on at most: longer where it is scaled up, never shorter.
pub(crate) fn budget() -> Duration {
    let milliseconds = scale(BUDGET_MILLISECONDS).max(BUDGET_MILLISECONDS);
    Duration::from_millis(milliseconds as u64)
}
