use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::script::{self, Answer, Sequence};
use super::write::Operation;
use super::{Applied, Write};
use crate::feed::{Log, Position};
use crate::server::{Commands, Server};
use crate::{Error, MirrorKey};

/// The number of entries that a log keeps, unless told otherwise: at about 100 bytes each, 100 MB.
const LOG_LENGTH: u64 = 1_000_000;

/// Writes keys and appends the changes to a log, for mirrors in stream mode. Clones share its connections.
///
/// No write is repeated. If an answer is lost, the error is [`Error::Unknown`]; a `set` or `del` can then be written again,
/// but an `add` that is written again may count twice. [`WriteBehind`](super::WriteBehind) settles that with sequence
/// numbers.
///
/// # Examples
///
/// ```no_run
/// use cache_redis::Server;
/// use cache_redis::feed::Log;
/// use cache_redis::writer::Writer;
///
/// # async fn run() -> Result<(), cache_redis::Error> {
/// let server = Server::standalone("redis://127.0.0.1:6379")?;
/// let writer = Writer::connect(&server, &Log::of("stock:")?).await?;
/// writer.set_int("sku:1", 100).await?; // the key is stock:sku:1
/// assert_eq!(writer.add("sku:1", -1).await?, 99);
/// assert!(writer.del("sku:1").await?);
/// # Ok(())
/// # }
/// ```
///
/// # Performance
///
/// A script call for each write, or for each [`apply`](Writer::apply) of many.
#[derive(Clone, Debug)]
pub struct Writer {
    commands: Commands,
    log: Log,
    keep: u64,
    /// The highest epoch that the log was seen to have.
    epoch: Arc<AtomicU64>,
}

impl Writer {
    /// Connects.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached, is a replica or is older than 7.0; if it is a cluster, and the prefix and the log have
    /// no common hash tag.
    ///
    /// # Examples
    ///
    /// See [`Writer`].
    pub async fn connect(server: &Server, log: &Log) -> Result<Self, Error> {
        // Refuses what cannot work.
        log.connect(server).await?;
        let commands = server.commands().await?;
        Ok(Self { commands, log: log.clone(), keep: LOG_LENGTH, epoch: Arc::default() })
    }

    /// Sets the number of entries that the log keeps, about; 1 to [`i64::MAX`]. A million unless set.
    ///
    /// A mirror that falls behind by more, or is away for longer, loads everything again. The log must be longer than the
    /// number of changes during a load. All writers of a log should agree: the shortest wins.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn run(writer: cache_redis::writer::Writer) {
    /// let writer = writer.log_length(10_000);
    /// # }
    /// ```
    #[must_use]
    pub fn log_length(mut self, entries: u64) -> Self {
        self.keep = entries.clamp(1, i64::MAX.unsigned_abs());
        self
    }

    /// The log that it appends to.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn run(writer: cache_redis::writer::Writer) {
    /// assert_eq!(writer.log().prefix(), "stock:");
    /// # }
    /// ```
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Stores an integer, and returns its version.
    ///
    /// # Errors
    ///
    /// [`Error::outcome`] tells whether it may have been written.
    ///
    /// # Examples
    ///
    /// See [`Writer`].
    pub async fn set_int<K: MirrorKey + ?Sized>(&self, key: &K, value: i64) -> Result<Position, Error> {
        self.store(Write::set_int(key, value)).await
    }

    /// Stores an encoded object, and returns its version. With a time to live, it expires in Redis and in mirrors; more than 100
    /// years count as 100 years.
    ///
    /// # Errors
    ///
    /// [`Error::outcome`] tells whether it may have been written.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn run(writer: cache_redis::writer::Writer) -> Result<(), cache_redis::Error> {
    /// writer.set("event:1", "Flash sale", Some(Duration::from_secs(60))).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn set<K: MirrorKey + ?Sized>(
        &self,
        key: &K,
        value: impl Into<Vec<u8>>,
        time_to_live: Option<Duration>,
    ) -> Result<Position, Error> {
        self.store(Write::new(key, Operation::Set { value: value.into(), time_to_live })).await
    }

    async fn store(&self, write: Write) -> Result<Position, Error> {
        match self.one(write).await? {
            Applied::Written { position, .. } => Ok(position),
            other => Err(unexpected(&other)),
        }
    }

    /// Adds to an integer, and returns the sum. An absent key counts from 0.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if the key holds no integer, or the sum would not be one of 64 bits. [`Error::outcome`] tells whether
    /// it may have been written: do not repeat it if that is unknown.
    ///
    /// # Examples
    ///
    /// See [`Writer`].
    pub async fn add<K: MirrorKey + ?Sized>(&self, key: &K, delta: i64) -> Result<i64, Error> {
        match self.one(Write::add(key, delta)).await? {
            Applied::Written { sum: Some(sum), .. } => Ok(sum),
            other => Err(unexpected(&other)),
        }
    }

    /// Removes a key, and returns whether it was there.
    ///
    /// # Errors
    ///
    /// [`Error::outcome`] tells whether it may have been removed.
    ///
    /// # Examples
    ///
    /// See [`Writer`].
    pub async fn del<K: MirrorKey + ?Sized>(&self, key: &K) -> Result<bool, Error> {
        Ok(matches!(self.one(Write::del(key)).await?, Applied::Written { .. }))
    }

    /// Makes many changes in one step: no other client sees some of them without the rest. Returns what became of each.
    ///
    /// # Errors
    ///
    /// [`Error::outcome`] tells whether they may have been made. A change that Redis refuses is no error of the call, and does
    /// not stop the others.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use cache_redis::writer::{Applied, Write};
    ///
    /// # async fn run(writer: cache_redis::writer::Writer) -> Result<(), cache_redis::Error> {
    /// let applied = writer.apply(&[Write::set_int("sku:1", 100), Write::del("sku:2")]).await?;
    /// assert!(matches!(applied[0], Applied::Written { .. }));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Performance
    ///
    /// The server does nothing else meanwhile. Some hundred changes take about a millisecond.
    pub async fn apply(&self, writes: &[Write]) -> Result<Vec<Applied>, Error> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        match self.call(writes, None).await? {
            Answer::Done { results, .. } if results.len() == writes.len() => {
                Ok(results.into_iter().map(Applied::from).collect())
            }
            other => Err(unexpected(&other)),
        }
    }

    async fn one(&self, write: Write) -> Result<Applied, Error> {
        match self.apply(&[write]).await?.pop() {
            Some(Applied::Refused { reason }) => {
                let (code, reason) = reason.split_once(' ').unwrap_or(("ERR", &reason));
                Err(Error::Refused { code: code.to_owned(), reason: reason.to_owned() })
            }
            Some(applied) => Ok(applied),
            None => Err(Error::UnexpectedReply { reason: "the script gave no result".to_owned() }),
        }
    }

    /// Calls the script once.
    pub(super) async fn call(
        &self,
        writes: &[Write],
        sequence: Option<Sequence<'_>>,
    ) -> Result<Answer, Error> {
        let epoch = self.epoch.load(Ordering::Relaxed);
        let call = script::call(&self.log, self.keep, epoch, sequence, writes);
        let answer: Vec<Vec<u8>> = self.commands.invoke(&call).await?;
        let answer = Answer::parse(&answer)?;
        if let Answer::Done { results, .. } = &answer {
            let epochs = results.iter().filter_map(|result| match result {
                script::Result::Written { id, .. } => Some(id.epoch),
                _ => None,
            });
            self.epoch.fetch_max(epochs.max().unwrap_or(0), Ordering::Relaxed);
        }
        Ok(answer)
    }
}

impl From<script::Result> for Applied {
    fn from(result: script::Result) -> Self {
        match result {
            script::Result::Written { id, sum } => Self::Written { position: id.position, sum },
            script::Result::Unchanged => Self::Unchanged,
            script::Result::Refused(reason) => Self::Refused { reason },
        }
    }
}

fn unexpected(what: &impl std::fmt::Debug) -> Error {
    Error::UnexpectedReply { reason: format!("the script of the writer answered {what:?}") }
}
