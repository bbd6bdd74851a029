use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// Waits for the end of its standard input, which the test process holds open, and cleans up after it.
const GUARD: &str = r#"trap "" HUP INT QUIT TERM; read -r _; kill -9 "$1"; sleep 0.1; rm -rf "$2""#;

/// A server process with its guard. Both are killed on drop.
#[derive(Debug)]
pub(crate) struct Process {
    server: Child,
    guard: Child,
}

impl Process {
    /// Starts `program` with its configuration file. Its output is appended to `log`.
    pub(crate) fn spawn(
        program: &OsStr,
        config: &Path,
        sentinel: bool,
        log: &Path,
        directory: &Path,
    ) -> io::Result<Self> {
        let output = OpenOptions::new().create(true).append(true).open(log)?;
        let mut command = Command::new(program);
        command.arg(config);
        if sentinel {
            command.arg("--sentinel");
        }
        let mut server = command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).spawn()?;
        let guard = Command::new("sh")
            .args(["-c", GUARD, "redis-testkit-guard", &server.id().to_string()])
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match guard {
            Ok(guard) => Ok(Self { server, guard }),
            Err(error) => {
                // It may have ended already.
                let _ = server.kill();
                let _ = server.wait();
                Err(error)
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.server.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.server.try_wait(), Ok(None))
    }

    /// Sends a signal. The process id is still the server's: it is not reaped before `self` is dropped.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        let id = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
        let id = id.ok_or_else(|| io::Error::other("the process id is not one"))?;
        Ok(kill_process(id, signal)?)
    }

    /// Waits until the server has ended by itself.
    pub(crate) fn wait(&mut self) -> io::Result<()> {
        self.server.wait().map(drop)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The guard first: it must not see the end of the pipe and kill whoever has the process id next. Errors mean that
        // a process has ended already.
        for process in [&mut self.guard, &mut self.server] {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
