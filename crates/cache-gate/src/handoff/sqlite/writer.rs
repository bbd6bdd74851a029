//! The thread that has the file: what has come while it was writing is its next transaction.

use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::builder::{Fault, Settings};
use super::error::JournalError;
use super::jobs::{Answer, Call, Ended, Job, Pending};
use super::journal::Journal;
use super::table::{self, INSERT, Table, Written};
use crate::handoff::observe;
use crate::handoff::order::millis;
use crate::handoff::{Refusal, Submitted};

/// When books that cannot be written may have recovered. A guess.
const RETRY: Duration = Duration::from_secs(1);

/// The key of `meta` that [`Writer::recover`] writes.
const RECOVERIES: &str = "journal/recoveries";

/// Opens the file and starts its thread.
pub(super) fn open(path: &Path, settings: Settings) -> Result<Journal, JournalError> {
    let connection = table::open(path)?;
    let capacity = settings.capacity;
    let (sender, inbox) = channel();
    let writer = Writer { connection, inbox, settings, is_suspect: false, is_limited: false };
    let thread = thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run());
    match thread {
        Ok(_) => Ok(Journal::new(sender, capacity)),
        Err(error) => Err(JournalError::Open { path: path.to_owned(), reason: thread_failed(&error) }),
    }
}

fn thread_failed(error: &io::Error) -> String {
    format!("its thread cannot be started: {error}")
}

struct Writer {
    connection: Connection,
    inbox: Receiver<Job>,
    settings: Settings,
    /// Whether the end of a transaction failed, and none has succeeded since.
    is_suspect: bool,
    /// Whether a full disk is planted.
    is_limited: bool,
}

/// What is answered at the end of the transaction.
enum Waiting {
    /// `None`: it could not be written.
    Order(Pending, Option<Written>),
    Call(Answer),
}

type Closer = oneshot::Sender<Result<(), JournalError>>;

impl Writer {
    fn run(mut self) {
        let mut closer = None;
        while closer.is_none() {
            // The last handle may be gone. What it sent has been written by then.
            let Ok(first) = self.inbox.recv() else { break };
            let rest = self.inbox.try_iter().take(self.settings.batch - 1);
            let jobs: Vec<Job> = std::iter::once(first).chain(rest).collect();
            closer = self.work(jobs);
        }
        let Self { connection, inbox, .. } = self;
        let closed = connection.close().map_err(|(_, error)| failed(&error));
        // Orders behind the close are dropped, and so refused.
        drop(inbox);
        if let Some(closer) = closer {
            let _ = closer.send(closed);
        }
    }

    /// Runs jobs in one transaction, and then answers them. Those behind a close are dropped.
    fn work(&mut self, jobs: Vec<Job>) -> Option<Closer> {
        if let Err(error) = self.begin() {
            return refuse(jobs, &error);
        }
        let (began, count) = (Instant::now(), jobs.len());
        let mut waiting = Vec::with_capacity(count);
        let closer = self.run_all(jobs, &mut waiting);
        let ended = self.end();
        observe::written(count, began.elapsed());
        for waiting in waiting {
            waiting.answer(&ended);
        }
        closer
    }

    fn begin(&mut self) -> Result<(), JournalError> {
        if self.is_suspect {
            self.recover().map_err(|error| failed(&error))?;
            self.is_suspect = false;
        }
        self.limit_size();
        self.connection.execute_batch("BEGIN").map_err(|error| failed(&error))
    }

    /// Plants a full disk, or takes it away: SQLite has a limit for each connection.
    fn limit_size(&mut self) {
        let is_full = self.settings.faults.is_disk_full();
        if is_full != self.is_limited {
            self.is_limited = is_full;
            // A limit below the size of the file is raised to that size.
            let limit =
                if is_full { "PRAGMA max_page_count = 1" } else { "PRAGMA max_page_count = 4294967294" };
            let _ = self.connection.execute_batch(limit);
        }
    }

    /// Makes sure that a transaction whose end failed is either done, or gone for good.
    ///
    /// Its pages may be on the disk, behind the end of the log that this connection knows. After a crash they would be taken for
    /// done, though the answer since was that they are not. A transaction that succeeds overwrites them.
    fn recover(&mut self) -> Result<(), rusqlite::Error> {
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        let sql = "INSERT INTO meta (key, value) VALUES (?1, randomblob(8))
            ON CONFLICT (key) DO UPDATE SET value = randomblob(8)";
        self.connection.execute(sql, [RECOVERIES]).map(drop)
    }

    fn run_all(&self, jobs: Vec<Job>, waiting: &mut Vec<Waiting>) -> Option<Closer> {
        let table = Table {
            connection: &self.connection,
            now: i64::try_from(millis((self.settings.wall)())).unwrap_or(i64::MAX),
            attempts: self.settings.attempts,
            retry_after: self.settings.retry_after,
        };
        let mut insert = self.connection.prepare(INSERT);
        for job in jobs {
            // A full disk may have rolled everything back. A statement that came now would be a transaction of its own.
            let is_open = !self.connection.is_autocommit();
            match job {
                Job::Order(mut pending) => {
                    pending.begin();
                    let written = match &mut insert {
                        Ok(insert) if is_open => table::insert(&table, insert, &pending.order).ok(),
                        _ => None,
                    };
                    waiting.push(Waiting::Order(pending, written));
                }
                Job::Call(Call { run, slot }) => {
                    let answer = run(if is_open { Ok(&table) } else { Err(rolled_back()) });
                    waiting.push(Waiting::Call(answer));
                    drop(slot);
                }
                Job::Close(reply) => return Some(reply),
            }
        }
        None
    }

    fn end(&mut self) -> Ended {
        if self.connection.is_autocommit() {
            return Ended::NotDone(rolled_back());
        }
        let result = match self.settings.faults.next() {
            None => self.connection.execute_batch("COMMIT"),
            Some(Fault::NotDone) => self.connection.execute_batch("ROLLBACK").and(Err(planted())),
            Some(Fault::Done) => self.connection.execute_batch("COMMIT").and(Err(planted())),
            Some(Fault::Panic) => panic!("planted"),
        };
        match result {
            Ok(()) => Ended::Done,
            Err(error) => {
                self.is_suspect = true;
                observe::commit_failed(&error);
                Ended::Unknown(JournalError::Unknown { reason: error.to_string() })
            }
        }
    }
}

impl Waiting {
    fn answer(self, ended: &Ended) {
        let unavailable = Submitted::Refused { why: Refusal::Unavailable, retry_after: Some(RETRY) };
        match self {
            Waiting::Call(answer) => answer(ended),
            Waiting::Order(pending, written) => pending.answer(match (ended, written) {
                (Ended::NotDone(_), _) | (_, None) => unavailable,
                (Ended::Unknown(_), Some(Written::Stands)) => Submitted::Unknown,
                (Ended::Done, Some(Written::Stands)) => Submitted::Durable,
                (_, Some(Written::Duplicate)) => {
                    Submitted::Refused { why: Refusal::Duplicate, retry_after: None }
                }
            }),
        }
    }
}

/// Answers jobs of which nothing was done.
fn refuse(jobs: Vec<Job>, error: &JournalError) -> Option<Closer> {
    for job in jobs {
        match job {
            Job::Order(pending) => {
                pending.answer(Submitted::Refused { why: Refusal::Unavailable, retry_after: Some(RETRY) });
            }
            Job::Call(call) => (call.run)(Err(error.clone()))(&Ended::NotDone(error.clone())),
            Job::Close(reply) => return Some(reply),
        }
    }
    None
}

pub(super) fn failed(error: &rusqlite::Error) -> JournalError {
    JournalError::Failed { reason: error.to_string() }
}

fn rolled_back() -> JournalError {
    JournalError::Failed { reason: "the transaction was rolled back: the disk may be full".to_owned() }
}

fn planted() -> rusqlite::Error {
    rusqlite::Error::InvalidParameterName("planted".to_owned())
}
