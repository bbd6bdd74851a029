//! Where results and progress go.
//!
//! criterion prints for itself, in its own form. While a console is open, whatever is printed past it goes to a
//! log instead, and the console keeps the real output.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// The real output of this process.
#[derive(Debug)]
pub struct Console {
    out: File,
    err: File,
    /// Whether a line may be overwritten by the next.
    terminal: bool,
    status: Status,
}

#[derive(Debug, Default)]
struct Status {
    shown: bool,
    last: Option<Instant>,
}

/// How often plain output says how far a run is.
const PLAIN_STATUS: Duration = Duration::from_secs(10);

impl Console {
    /// Takes the output over; what is printed past this goes to the file `log`.
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
            // There is nobody left to tell if this fails.
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
        Self { out, err, terminal, status: Status::default() }
    }

    /// A second handle to the same output.
    ///
    /// # Errors
    ///
    /// If the system gives none.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self::new(self.out.try_clone()?, self.err.try_clone()?))
    }

    /// Prints a line of results.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.clear()?;
        writeln!(self.out, "{text}")
    }

    /// Shows how far the run is: in place on a terminal, as a line now and then elsewhere.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn status(&mut self, text: &str) -> io::Result<()> {
        if self.terminal {
            self.clear()?;
            write!(self.err, "{text}")?;
            self.status.shown = true;
            return self.err.flush();
        }
        if self.status.last.is_none_or(|last| last.elapsed() >= PLAIN_STATUS) {
            self.status.last = Some(Instant::now());
            writeln!(self.err, "{text}")?;
        }
        Ok(())
    }

    /// Takes the status line away.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn clear(&mut self) -> io::Result<()> {
        if self.status.shown {
            self.status.shown = false;
            // Carriage return, and erase the line.
            write!(self.err, "\r\x1b[2K")?;
            self.err.flush()?;
        }
        Ok(())
    }
}
