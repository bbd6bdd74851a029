//! Signals that ask a run to end: Ctrl-C everywhere; on Unix, SIGTERM and SIGHUP too.

use std::sync::mpsc::{self, Sender};
use std::thread;

use anyhow::{Context, Result};

/// The exit status that a shell expects from a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// From now on, has `end` called once with the exit status that suits the signal, in a thread of its own.
pub(crate) fn handle(end: impl FnOnce(i32) + Send + 'static) -> Result<()> {
    let (sender, statuses) = mpsc::channel();
    let waits = move || {
        // The sender lives as long as the process.
        if let Ok(status) = statuses.recv() {
            end(status);
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(waits).context("cannot start a thread")?;
    terminations(sender.clone()).context("cannot handle SIGTERM")?;
    let interrupted = move || {
        // The first signal counts.
        let _ = sender.send(INTERRUPTED);
    };
    ctrlc::set_handler(interrupted).context("cannot handle Ctrl-C")
}

#[cfg(unix)]
fn terminations(sender: Sender<i32>) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGTERM};
    use signal_hook::iterator::Signals;

    let mut signals = Signals::new([SIGTERM])?;
    // A program that nohup started is to outlive its terminal.
    if is_default(SIGHUP) {
        signals.add_signal(SIGHUP)?;
    }
    let sends = move || {
        for signal in signals.forever() {
            // What a shell expects of a program that this signal ended.
            let _ = sender.send(128 + signal);
        }
    };
    thread::Builder::new().name("terminations".to_owned()).spawn(sends).map(drop)
}

/// Elsewhere there is Ctrl-C only.
#[cfg(not(unix))]
fn terminations(_sender: Sender<i32>) -> std::io::Result<()> {
    Ok(())
}

/// Whether a signal is known not to be ignored: Linux tells.
#[cfg(unix)]
fn is_default(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (signal - 1) & 1 == 0)
}
