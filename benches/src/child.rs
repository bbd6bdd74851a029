//! Processes that measure for this one, one at a time, and end with it.
//!
//! Ctrl-C reaches every process of a terminal; a signal that is sent to this process alone does not.

use std::io;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};

/// The state of the child process that measures.
#[derive(Debug)]
enum Running {
    Nothing,
    Process(u32),
    /// This process is about to end, and starts no other.
    Ending,
}

static RUNNING: Mutex<Running> = Mutex::new(Running::Nothing);

/// Runs a command to its end, and returns what it printed.
///
/// # Errors
///
/// If it cannot be started, or this process is about to end.
pub(crate) fn output(command: &mut Command) -> io::Result<Output> {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if matches!(*running, Running::Ending) {
        return Err(io::Error::from(io::ErrorKind::Interrupted));
    }
    let child = command.spawn()?;
    *running = Running::Process(child.id());
    drop(running);
    let output = child.wait_with_output();
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if matches!(*running, Running::Process(_)) {
        *running = Running::Nothing;
    }
    output
}

/// Ends the process that measures for this one, if there is one; none is started from now on.
pub(crate) fn end() {
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Running::Process(id) = *running {
        terminate(id);
    }
    *running = Running::Ending;
}

#[cfg(unix)]
fn terminate(id: u32) {
    use rustix::process::{Pid, Signal, kill_process};

    let id = i32::try_from(id).ok().and_then(Pid::from_raw);
    // It may have ended already.
    let _ = id.map(|id| kill_process(id, Signal::TERM));
}

/// On other systems it ends when its output is closed.
#[cfg(not(unix))]
fn terminate(_id: u32) {}
