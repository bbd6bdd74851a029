use std::ffi::OsString;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use std::{fs, io, thread, time::Duration};

use rustix::process::Signal;

use crate::builder::{PASSWORD, USER};
use crate::directory::Directory;
use crate::process::Process;
use crate::{Builder, Connection, PATIENCE, Reply, StartError, until};

/// The pause between two looks at a server that comes up.
const PAUSE: Duration = Duration::from_millis(5);

/// A server that is running, or was and can be restarted. Dropping it kills the server and removes its files.
///
/// All methods take `&self`, so that threads of a test can share it.
#[derive(Debug)]
pub struct Redis {
    settings: Builder,
    program: OsString,
    port: u16,
    /// `None` while it is down. Dropped before the directory.
    process: Mutex<Option<Process>>,
    directory: Directory,
}

pub(crate) enum Started {
    Ready(Redis),
    /// Another process listens on the port.
    PortTaken,
}

impl Redis {
    /// Starts a server without persistence.
    ///
    /// # Panics
    ///
    /// As [`Builder::start`].
    #[must_use]
    #[track_caller]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Says how the server is to be; ends with [`start`](Builder::start).
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn launch(
        settings: Builder,
        program: OsString,
        directory: Directory,
        port: u16,
    ) -> Result<Started, StartError> {
        let redis = Self { settings, program, port, process: Mutex::new(None), directory };
        Ok(if redis.run()? { Started::Ready(redis) } else { Started::PortTaken })
    }

    /// Starts the process and waits until it answers. Returns `false` if its port is taken.
    fn run(&self) -> Result<bool, StartError> {
        let dir = self.directory.path();
        let log = dir.join("log");
        // What an earlier run logged says nothing about this one.
        let before = fs::metadata(&log).map_or(0, |file| file.len());
        let mut process =
            Process::spawn(&self.program, &dir.join("redis.conf"), self.settings.sentinel, &log, dir)
                .map_err(|error| StartError::Run { program: self.program.clone(), error })?;
        let end = Instant::now() + PATIENCE;
        loop {
            if !process.is_running() || Instant::now() > end {
                let log = read_from(&log, before);
                let taken = ["Address already in use", "Failed listening on port"];
                if taken.iter().any(|text| log.contains(text)) {
                    return Ok(false);
                }
                return Err(StartError::ended(self.program.clone(), &log));
            }
            if self.answers(process.id()).unwrap_or(false) {
                *self.process() = Some(process);
                return Ok(true);
            }
            thread::sleep(PAUSE);
        }
    }

    /// Whether this very process answers: another server may listen on the port.
    fn answers(&self, process: u32) -> io::Result<bool> {
        let mut connection = self.try_connect()?;
        let info = connection.command(&["INFO", "server"])?;
        let Reply::Bytes(info) = info else { return Ok(false) };
        let info = String::from_utf8_lossy(&info);
        let is_ours = info.lines().any(|line| line.strip_prefix("process_id:") == Some(&process.to_string()));
        // A server that loads its files answers INFO, but no PING. A replica without its primary is up all the same.
        let up = match connection.command(&["PING"])? {
            Reply::Error(error) => error.starts_with("MASTERDOWN"),
            _ => true,
        };
        Ok(is_ours && up)
    }

    /// The URL of the default user, with its password if one was set.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.settings.password {
            Some(password) => format!("redis://:{password}@127.0.0.1:{}", self.port),
            None => format!("redis://127.0.0.1:{}", self.port),
        }
    }

    /// The URL of another user.
    #[must_use]
    pub fn url_of(&self, user: &str, password: &str) -> String {
        format!("redis://{user}:{password}@127.0.0.1:{}", self.port)
    }

    /// The port, which stays when it is restarted.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The directory of its files.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.directory.path()
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        read_from(&self.directory.path().join("log"), 0)
    }

    /// The process id.
    ///
    /// # Panics
    ///
    /// If it is down.
    #[must_use]
    #[track_caller]
    pub fn pid(&self) -> u32 {
        self.process().as_ref().expect("the server must be up").id()
    }

    /// Whether it runs, or is paused.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process().as_mut().is_some_and(Process::is_running)
    }

    /// Kills it with SIGKILL, as a crash would, and returns once it is gone. Does nothing if it is down.
    pub fn kill_9(&self) {
        drop(self.process().take());
    }

    /// Stops it with SIGTERM and returns once it is gone. Does nothing if it is down.
    pub fn stop(&self) {
        let Some(mut process) = self.process().take() else { return };
        if process.signal(Signal::TERM).is_ok() {
            // If it cannot be waited for, the drop kills it.
            let _ = process.wait();
        }
    }

    /// Starts it again on the same port and directory, after a kill if it is still up, and waits until it answers.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    #[track_caller]
    pub fn restart(&self) {
        self.kill_9();
        until("the port of the server is free", || match self.run() {
            Ok(up) => up,
            Err(error) => panic!("{error}"),
        });
    }

    /// Stops the process with SIGSTOP: connections stay open, and nothing is answered.
    ///
    /// # Panics
    ///
    /// If it is down.
    #[doc(alias = "sigstop")]
    #[track_caller]
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a paused process go on with SIGCONT.
    ///
    /// # Panics
    ///
    /// If it is down.
    #[doc(alias = "sigcont")]
    #[track_caller]
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    #[track_caller]
    fn signal(&self, signal: Signal) {
        let process = self.process();
        let process = process.as_ref().expect("the server must be up");
        if let Err(error) = process.signal(signal) {
            panic!("cannot send {signal:?}: {error}");
        }
    }

    /// Opens a connection, logged in as a user that may do everything.
    ///
    /// # Panics
    ///
    /// If it is down.
    #[must_use]
    #[track_caller]
    pub fn connect(&self) -> Connection {
        match self.try_connect() {
            Ok(connection) => connection,
            Err(error) => panic!("cannot connect to 127.0.0.1:{}: {error}", self.port),
        }
    }

    fn try_connect(&self) -> io::Result<Connection> {
        let mut connection = Connection::open(self.port)?;
        if !self.settings.sentinel {
            // Another server may listen on the port: the caller looks at its process id.
            connection.command(&["AUTH", USER, PASSWORD])?;
        }
        Ok(connection)
    }

    /// Runs a command on a connection of its own and returns the reply, which may be an error of the server.
    ///
    /// # Panics
    ///
    /// If there is no reply.
    #[track_caller]
    pub fn command<A: AsRef<[u8]>>(&self, args: &[A]) -> Reply {
        match self.connect().command(args) {
            Ok(reply) => reply,
            Err(error) => {
                let name = args.first().map(|name| String::from_utf8_lossy(name.as_ref()));
                panic!("no reply to {}: {error}", name.unwrap_or_default());
            }
        }
    }

    /// A field of `INFO`, such as `run_id`.
    ///
    /// # Panics
    ///
    /// If there is none of this name.
    #[must_use]
    #[track_caller]
    pub fn info(&self, field: &str) -> String {
        let info = self.command(&["INFO", "all"]);
        let value = info.text().lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap_or_else(|| panic!("INFO has no field {field:?}")).to_owned()
    }

    /// Makes it a replica of `primary`, and waits until it is in step.
    ///
    /// # Panics
    ///
    /// If it refuses, or does not get in step.
    #[track_caller]
    pub fn replica_of(&self, primary: &Redis) {
        let reply = self.command(&["REPLICAOF", "127.0.0.1", &primary.port.to_string()]);
        assert!(!reply.is_error(), "{reply:?}");
        self.wait_for_sync();
    }

    /// Waits until a replica is in step with its primary.
    ///
    /// # Panics
    ///
    /// If it does not get in step.
    #[track_caller]
    pub fn wait_for_sync(&self) {
        until("the replica is in step", || {
            self.info("role") == "slave" && self.info("master_link_status") == "up"
        });
    }

    /// Makes a replica a primary.
    ///
    /// # Panics
    ///
    /// If it refuses.
    #[track_caller]
    pub fn promote(&self) {
        let reply = self.command(&["REPLICAOF", "NO", "ONE"]);
        assert!(!reply.is_error(), "{reply:?}");
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The text of a file from a position on; nothing if it cannot be read.
fn read_from(path: &Path, position: u64) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    let from = usize::try_from(position).unwrap_or(usize::MAX).min(bytes.len());
    String::from_utf8_lossy(&bytes[from..]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_noticed_though_its_server_answers() {
        let first = Redis::start();
        let config = fs::read(first.dir().join("redis.conf")).unwrap();
        let directory = Directory::create();
        fs::write(directory.path().join("redis.conf"), config).unwrap();
        let second = Redis::launch(Builder::default(), first.program.clone(), directory, first.port);
        assert!(matches!(second, Ok(Started::PortTaken)));
        assert_eq!(first.command(&["PING"]).text(), "PONG");
    }

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let directory = Directory::create();
        let program = OsString::from("no-such-redis-server");
        let error = Redis::launch(Builder::default(), program, directory, 1).err().unwrap();
        let text = error.to_string();
        assert!(
            text.contains("\"no-such-redis-server\"") && text.contains("package `redis-server`"),
            "{text}"
        );
    }
}
