//! How a fault is reported.

use std::io::{self, Write};
use std::sync::Mutex;

/// The exit status of a process that found a fault.
pub(crate) const FOUND: i32 = 101;

static WHERE: Mutex<String> = Mutex::new(String::new());

/// Sets the text that is printed with a fault.
pub(crate) fn now_in(place: String) {
    *WHERE.lock().expect("no panic under it") = place;
}

/// Prints a fault and ends the process at once: other threads may hang, or be about to follow a wild pointer.
pub(crate) fn fault(what: &str) -> ! {
    // A thread that is interrupted while it holds the lock does not release it.
    let place = WHERE.try_lock().map(|place| place.clone()).unwrap_or_default();
    // If the output is closed, nobody can be told.
    let _ = writeln!(io::stdout(), "found: {what}\n{place}");
    // SAFETY: ends the process without running destructors.
    unsafe { libc::_exit(FOUND) }
}
