//! Output of commands. A closed output does not stop a command.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether printing has failed.
static LOST: AtomicBool = AtomicBool::new(false);

/// Prints a line.
pub(crate) fn say(line: &str) {
    if cfg!(test) {
        // `println!` is captured in tests.
        println!("{line}");
        return;
    }
    if io::stdout().write_all(format!("{line}\n").as_bytes()).is_err() {
        LOST.store(true, Ordering::Relaxed);
    }
}

/// Prints a line on standard error.
pub(crate) fn tell(line: &str) {
    // If this fails, the failure cannot be reported.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Returns whether everything could be printed.
pub(crate) fn is_all_said() -> bool {
    // A line that the standard library still holds is printed now or never.
    io::stdout().flush().is_ok() && !LOST.load(Ordering::Relaxed)
}
