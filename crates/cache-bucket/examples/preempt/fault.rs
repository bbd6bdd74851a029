//! What happens when something is found to be wrong.

use std::io::{self, Write};
use std::sync::Mutex;

/// What the process ends with when it found something.
pub(crate) const FOUND: i32 = 101;

static WHERE: Mutex<String> = Mutex::new(String::new());

/// Remembers what to print with a fault.
pub(crate) fn now_in(place: String) {
    *WHERE.lock().expect("no panic under it") = place;
}

/// Prints what is wrong and ends the process at once: others may hang, or be about to follow a wild pointer.
pub(crate) fn fault(what: &str) -> ! {
    // Whoever is interrupted while it has the lock does not give it back.
    let place = WHERE.try_lock().map(|place| place.clone()).unwrap_or_default();
    // Where the output is closed there is nobody to tell.
    let _ = writeln!(io::stdout(), "found: {what}\n{place}");
    // SAFETY: ends the process, with no destructor run.
    unsafe { libc::_exit(FOUND) }
}
