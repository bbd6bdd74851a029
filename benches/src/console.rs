//! Where results and progress go.
//!
//! criterion prints for itself, in its own form. While a console is open, whatever is printed past it goes to a
//! log instead, and the console keeps the real output.
//!
//! Output may end before a run does: its reader has seen enough (`| head`), or its disk is full. A run whose results
//! are kept in a file goes on without it, and only its status tells.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// The real output of this process.
#[derive(Debug)]
pub struct Console {
    out: File,
    err: File,
    /// Whether a line may be overwritten by the next.
    terminal: bool,
    status: Status,
    /// Why nothing more can be printed; all handles to one output share this.
    lost: Arc<OnceLock<io::Error>>,
    /// Whether a run goes on when nothing more can be printed.
    goes_on: bool,
}

#[derive(Debug, Default)]
struct Status {
    shown: bool,
    last: Option<Instant>,
}

/// How often plain output says how far a run is.
const PLAIN_STATUS: Duration = Duration::from_secs(10);

impl Console {
    /// Takes over the output. Other output goes to the file `log`.
    ///
    /// # Errors
    ///
    /// If the log cannot be written.
    #[cfg(unix)]
    pub fn take(log: &Path) -> io::Result<Self> {
        use rustix::stdio::{dup2_stderr, dup2_stdout};
        use std::os::fd::AsFd;

        let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let err = File::from(io::stderr().as_fd().try_clone_to_owned()?);
        let log = File::create(log)?;
        dup2_stdout(&log)?;
        dup2_stderr(&log)?;
        let panics = err.try_clone()?;
        std::panic::set_hook(Box::new(move |panic| {
            // If this fails, the failure cannot be reported.
            let _ = writeln!(&panics, "\n{panic}");
        }));
        Ok(Self::new(out, err))
    }

    /// Shares the output with whatever else prints: only Unix can be asked to part them.
    ///
    /// # Errors
    ///
    /// If the system gives no second handle to the output.
    #[cfg(windows)]
    pub fn take(_log: &Path) -> io::Result<Self> {
        use std::os::windows::io::AsHandle;

        let out = File::from(io::stdout().as_handle().try_clone_to_owned()?);
        let err = File::from(io::stderr().as_handle().try_clone_to_owned()?);
        Ok(Self::new(out, err))
    }

    /// A console on files; for tests.
    #[must_use]
    pub fn new(out: File, err: File) -> Self {
        let terminal = err.is_terminal();
        Self { out, err, terminal, status: Status::default(), lost: Arc::default(), goes_on: false }
    }

    /// A second handle to the same output.
    ///
    /// # Errors
    ///
    /// If the system gives none.
    pub fn try_clone(&self) -> io::Result<Self> {
        let (lost, goes_on) = (Arc::clone(&self.lost), self.goes_on);
        Ok(Self { lost, goes_on, ..Self::new(self.out.try_clone()?, self.err.try_clone()?) })
    }

    /// Goes on without output, should that end: what would be printed is kept elsewhere.
    pub fn go_on_without_output(&mut self) {
        self.goes_on = true;
    }

    /// Why lines are no longer printed, if they are not.
    #[must_use]
    pub fn lost(&self) -> Option<&io::Error> {
        self.lost.get()
    }

    /// Prints a line of results.
    ///
    /// # Errors
    ///
    /// If it cannot be written, unless the run [goes on](Console::go_on_without_output) all the same.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.clear();
        if self.lost.get().is_none()
            && let Err(error) = self.out.write_all(format!("{text}\n").as_bytes())
        {
            // Another handle may have found out first.
            let _ = self.lost.set(error);
        }
        match self.lost.get() {
            Some(error) if !self.goes_on => Err(io::Error::new(error.kind(), error.to_string())),
            _ => Ok(()),
        }
    }

    /// Tells what went wrong, beside the results.
    pub fn error(&mut self, text: &str) {
        self.clear();
        // If this fails, the failure cannot be reported.
        let _ = self.err.write_all(format!("error: {text}\n").as_bytes());
    }

    /// Shows how far the run is: in place on a terminal, as a line now and then elsewhere.
    ///
    /// Progress that cannot be shown is no reason to stop.
    pub fn status(&mut self, text: &str) {
        if self.terminal {
            self.clear();
            self.status.shown = self.err.write_all(text.as_bytes()).is_ok();
        } else if self.status.last.is_none_or(|last| last.elapsed() >= PLAIN_STATUS) {
            self.status.last = Some(Instant::now());
            let _ = self.err.write_all(format!("{text}\n").as_bytes());
        }
    }

    /// Takes the status line away.
    pub fn clear(&mut self) {
        if self.status.shown {
            self.status.shown = false;
            // Carriage return, and erase the line.
            let _ = self.err.write_all(b"\r\x1b[2K");
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_full_device_ends_a_run_unless_it_is_kept_elsewhere() {
        let full = || File::options().write(true).open("/dev/full").expect("a full device");
        let mut console = Console::new(full(), full());
        assert!(console.lost().is_none());
        console.status("no reason to stop");
        console.line("a result").expect_err("it is full");
        let mut other = console.try_clone().expect("a second handle");
        other.line("another").expect_err("it is known");
        other.go_on_without_output();
        other.line("another").expect("the results are elsewhere");
        assert_eq!(other.lost().map(io::Error::kind), Some(io::ErrorKind::StorageFull));
    }
}
