use std::any::Any;

/// What a quiet panic carries.
struct Quiet;

/// Panics without a word: for panics that a test provokes by the thousand.
///
/// The panic hook, and with it the backtrace, is not run.
///
/// # Panics
///
/// Always.
///
/// # Examples
///
/// ```
/// assert!(std::panic::catch_unwind(|| cache_testkit::quiet_panic()).is_err());
/// ```
pub fn quiet_panic() -> ! {
    std::panic::resume_unwind(Box::new(Quiet))
}

/// Whether a caught panic was a quiet one, and no failure.
pub(crate) fn is_quiet(payload: &(dyn Any + Send)) -> bool {
    payload.is::<Quiet>()
}
