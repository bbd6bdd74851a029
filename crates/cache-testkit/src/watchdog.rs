use std::io::Write;
use std::process;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::Violation;
use crate::threads::Ended;

/// No test of the suite takes a tenth of this in a debug build; sanitizers are slower by less than that.
const DEFAULT_LIMIT_SECONDS: u64 = 300;

/// The variable that sets the limit, in seconds.
const VARIABLE: &str = "HOTCACHE_TEST_TIMEOUT";

/// Runs a test, and ends the process with a message that names it if it hangs.
///
/// [`conformance!`](crate::conformance) wraps each test in this. A test that waits for a lock that nobody will
/// release cannot be cancelled, and without this would hold up CI until its own limit, unnamed. The limit is
/// 300 seconds, or what the environment variable `HOTCACHE_TEST_TIMEOUT` says.
///
/// # Panics
///
/// As `test` does.
///
/// # Examples
///
/// ```
/// cache_testkit::watched("arithmetic", || assert_eq!(2 + 2, 4));
/// ```
pub fn watched<R>(name: &str, test: impl FnOnce() -> R) -> R {
    let limit = crate::environment::number(VARIABLE, DEFAULT_LIMIT_SECONDS);
    let (ended, ending) = mpsc::channel::<()>();
    let name = name.to_owned();
    thread::spawn(move || {
        if ending.recv_timeout(Duration::from_secs(limit)) == Err(RecvTimeoutError::Timeout) {
            // Not `eprintln!`, whose output the test harness would keep to itself and lose. Where standard error
            // is closed there is nobody left to tell.
            let _ =
                writeln!(std::io::stderr(), "\nwatchdog: `{name}` has not ended after {limit} s; aborting");
            process::abort();
        }
    });
    let result = test();
    drop(ended);
    result
}

/// Runs `body` on a thread of its own and waits for it until `limit`.
///
/// For bodies that may hang for good in a faulty cache: the thread is then left behind and the caller goes on.
///
/// # Errors
///
/// A [`Violation`] that names `what`, if `body` panics or does not end in time.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use cache_testkit::ends_within;
///
/// assert_eq!(ends_within(Duration::from_secs(60), "a sum", || 2 + 2).unwrap(), 4);
/// assert!(ends_within(Duration::from_millis(1), "parking", || loop { std::thread::park() }).is_err());
/// ```
pub fn ends_within<R: Send + 'static>(
    limit: Duration,
    what: &str,
    body: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Violation> {
    let (sender, receiver) = mpsc::channel();
    let ended = Arc::new(Ended::default());
    let leaving = ended.clone();
    let thread = thread::spawn(move || {
        let result = body();
        leaving.leave();
        // Nobody listens after the limit.
        let _ = sender.send(result);
    });
    match receiver.recv_timeout(limit) {
        Ok(result) => {
            ended.see();
            Ok(result)
        }
        Err(RecvTimeoutError::Timeout) => {
            Err(Violation::hang(format!("{what} has not ended after {limit:?}")))
        }
        Err(RecvTimeoutError::Disconnected) => {
            let why = match thread.join() {
                Err(payload) => crate::violation::panic_message(&*payload),
                Ok(()) => "it gave no result".to_owned(),
            };
            Err(Violation::wrong(format!("{what} panicked: {why}")))
        }
    }
}
