use std::env;
use std::process::{self, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use cache_core::Backend;

use crate::Kind;
use crate::key_panics::{Deed, Hazard, Patience, check_hazard};

/// The variable that tells the child process which hazard to run.
const VARIABLE: &str = "HOTCACHE_TEST_HAZARD";

/// The child runs nothing else, and a step takes it milliseconds.
const PATIENCE: Patience = Patience { hang: Duration::from_secs(5), leak: Duration::from_secs(1) };

/// How long the parent waits, for hangs that the child cannot see itself.
const LIMIT: Duration = Duration::from_secs(120);

/// What the child's exit status says. Apart from 0 and 101, which the test harness uses itself.
const STATUS: [(i32, Outcome); 5] = [
    (40, Outcome::Usable),
    (41, Outcome::Refuses),
    (42, Outcome::Leaks),
    (43, Outcome::Breaks),
    (44, Outcome::Hangs),
];

/// What becomes of a cache in which a caller's code panicked or called it, the worse the greater.
///
/// # Examples
///
/// ```
/// use cache_testkit::Outcome;
/// assert!(Outcome::Usable < Outcome::Hangs);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Everything works afterwards, and nothing leaks.
    Usable,
    /// A call from within is refused with a panic; everything works afterwards, and nothing leaks.
    Refuses,
    /// Everything works afterwards, but something is never dropped.
    Leaks,
    /// Something is lost, wrong, or panics afterwards.
    Breaks,
    /// The operation, or one after it, does not end.
    Hangs,
    /// The process is ended by a signal.
    Aborts,
}

/// Runs a hazard in a process of its own and tells what became of the cache.
///
/// `child` is the full name of an ignored test of the same test binary that calls [`serve_probe`];
/// [`probe_panics!`](crate::probe_panics) writes both.
///
/// # Panics
///
/// If the process cannot be started, or has no such test.
///
/// # Examples
///
/// ```no_run
/// use cache_testkit::key_panics::{Deed, Hazard};
/// use cache_testkit::{Outcome, probe};
/// assert_eq!(probe("panics::serve", Hazard::Hash, Deed::Panics), Outcome::Usable);
/// ```
#[must_use]
pub fn probe(child: &str, hazard: Hazard, deed: Deed) -> Outcome {
    let program = env::current_exe().expect("a running test has a path");
    let mut process = Command::new(program)
        .args([child, "--exact", "--ignored", "--nocapture"])
        .env(VARIABLE, wanted(hazard, deed))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a test binary can start itself");
    let end = Instant::now() + LIMIT;
    let status = loop {
        match process.try_wait().expect("a child can be waited for") {
            Some(status) => break status,
            None if Instant::now() >= end => {
                process.kill().expect("a child can be killed");
                process.wait().expect("a child can be waited for");
                return Outcome::Hangs;
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    match status.code() {
        None => Outcome::Aborts,
        Some(0) => panic!("there is no ignored test named `{child}` that serves the probe"),
        Some(code) => {
            STATUS.iter().find(|(status, _)| *status == code).map_or(Outcome::Breaks, |(_, outcome)| *outcome)
        }
    }
}

/// The child's side of [`probe`]: runs the hazard it was started for and ends the process with the outcome.
///
/// Returns at once where no probe started it, as when someone runs all ignored tests.
///
/// # Examples
///
/// ```
/// cache_testkit::serve_probe::<cache_testkit::Reference>();
/// ```
pub fn serve_probe<B: Backend>() {
    let Ok(value) = env::var(VARIABLE) else {
        return;
    };
    let all = Hazard::ALL.into_iter().flat_map(|hazard| Deed::ALL.map(|deed| (hazard, deed)));
    let Some((hazard, deed)) = all.into_iter().find(|(hazard, deed)| wanted(*hazard, *deed) == value) else {
        panic!("{VARIABLE}={value:?} names no hazard");
    };
    let outcome = match check_hazard::<B>(hazard, deed, PATIENCE) {
        Ok(()) => Outcome::Usable,
        Err(violation) => {
            // For whoever runs this by hand; the parent looks at the status only.
            eprintln!("{violation}");
            match violation.kind() {
                Kind::Refusal => Outcome::Refuses,
                Kind::Leak => Outcome::Leaks,
                Kind::Wrong => Outcome::Breaks,
                Kind::Hang => Outcome::Hangs,
            }
        }
    };
    let status = STATUS.iter().find(|(_, of)| *of == outcome).map_or(101, |(status, _)| *status);
    process::exit(status);
}

/// What the variable says to the child.
fn wanted(hazard: Hazard, deed: Deed) -> String {
    format!("{}-{deed:?}", hazard.name())
}

/// Checks that the hazard of a name has the outcome that is written down, or one of them.
///
/// # Panics
///
/// If it has another, saying how to see why; or if there is no such hazard.
///
/// # Examples
///
/// ```no_run
/// use cache_testkit::{Outcome, assert_outcome, key_panics::Deed};
/// assert_outcome("panics::serve", "hash", Deed::Panics, &[Outcome::Usable]);
/// ```
pub fn assert_outcome(child: &str, hazard: &str, deed: Deed, expected: &[Outcome]) {
    let Some(hazard) = Hazard::named(hazard) else {
        panic!("{hazard:?} names no hazard");
    };
    let found = probe(child, hazard, deed);
    assert!(
        expected.contains(&found),
        "{hazard:?} that {deed:?} is written down as {expected:?} and was found to be {found:?}; for details run this \
         test binary with {VARIABLE}={} and `{child} --exact --ignored --nocapture`",
        wanted(hazard, deed)
    );
}

/// Checks that these are the names of all hazards.
///
/// # Panics
///
/// If one is missing.
///
/// # Examples
///
/// ```should_panic
/// cache_testkit::assert_all_named(&["hash", "eq"]);
/// ```
pub fn assert_all_named(names: &[&str]) {
    let missing = Hazard::ALL.into_iter().find(|hazard| !names.contains(&hazard.name()));
    assert!(missing.is_none(), "the outcome of {missing:?} is not written down");
}
