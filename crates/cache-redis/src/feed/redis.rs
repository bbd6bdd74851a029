use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use redis::{Cmd, Pipeline, Value, cmd};

use super::clock::Clock;
use super::read::{Id, changes, last_id};
use super::{Change, ChangeFeed, FeedError, FeedReader, Log, Position};
use crate::Error;
use crate::server::{Identity, Link, Server, read, refusal};

/// How long the server holds a read that finds nothing. A reader that is gone costs the server a blocked client for as long.
const BLOCK: Duration = Duration::from_secs(1);

/// How often a reader makes sure that the server still is the primary with the same history, and reads its clock.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The change log that a [`Writer`](crate::writer::Writer) appends to: a Redis Stream.
///
/// Ids are `epoch-number`: the numbers are dense, so a reader sees when the stream was trimmed past it, and the epoch tells
/// a log that was deleted and begun again. Needs Redis 7.0.
///
/// # Examples
///
/// See [`ChangeFeed`].
///
/// # Consistency
///
/// Everything that [`ChangeFeed`] asks for, as long as all writes under the prefix go through a `Writer`. Another history is
/// reported after a restart of the server, a promotion of a replica, `FLUSHALL`, and the deletion of the log.
#[derive(Clone, Debug)]
pub struct RedisFeed {
    server: Server,
    log: Log,
}

impl RedisFeed {
    /// The feed of a log.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] if the server is a cluster, and the prefix and the log have no common hash tag.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_redis::Server;
    /// use cache_redis::feed::{Log, RedisFeed};
    ///
    /// let cluster = Server::cluster(["redis://10.0.0.1:6379"])?;
    /// assert!(RedisFeed::new(&cluster, &Log::of("stock:{eu}:")?).is_ok());
    /// assert!(RedisFeed::new(&cluster, &Log::of("stock:")?).is_err());
    /// # Ok::<_, cache_redis::Error>(())
    /// ```
    pub fn new(server: &Server, log: &Log) -> Result<Self, Error> {
        log.check(server)?;
        Ok(Self { server: server.clone(), log: log.clone() })
    }
}

impl ChangeFeed for RedisFeed {
    type Reader = RedisReader;

    fn prefix(&self) -> &[u8] {
        self.log.prefix().as_bytes()
    }

    async fn open(&self) -> Result<RedisReader, Error> {
        let (node, mut link, identity) = self.log.connect(&self.server).await?;
        // For reads that block, and would hold up everything behind them.
        let mut blocking = node.connect_with(None, None).await?;
        if !Identity::of(&mut blocking).await?.same_history(&identity) {
            let reason = "another server answers at this address than a moment ago".to_owned();
            return Err(Error::Unreachable { address: node.name.clone(), reason });
        }
        let clock = read_clock(&mut link).await?;
        let last = read_last(&mut link, self.log.stream()).await?;
        let history = format!("{}/{}/{}", identity.run_id, identity.replid, last.epoch);
        let checked = Checked { at: Instant::now(), clock };
        let stream = self.log.stream().to_owned();
        Ok(RedisReader {
            stream,
            history,
            epoch: last.epoch,
            identity,
            link,
            blocking,
            checked: Mutex::new(checked),
        })
    }
}

/// A reader of a [`RedisFeed`]. It has two connections: one for reads that block, and one for everything else.
pub struct RedisReader {
    stream: String,
    history: String,
    /// 0 if there was no log when the reader was opened.
    epoch: u64,
    identity: Identity,
    link: Link,
    blocking: Link,
    checked: Mutex<Checked>,
}

#[derive(Clone, Copy, Debug)]
struct Checked {
    at: Instant,
    clock: Clock,
}

impl RedisReader {
    fn id(&self, position: Position) -> Id {
        Id { epoch: self.epoch, position }
    }

    fn checked(&self) -> Checked {
        *self.checked.lock().expect("no holder of this lock panics")
    }

    /// Makes sure that the server is what it was, unless that was done a moment ago. Returns whether it was done now.
    async fn check(&self) -> Result<bool, FeedError> {
        if self.checked().at.elapsed() < CHECK_EVERY {
            return Ok(false);
        }
        let mut link = self.link.clone();
        let clock = read_clock(&mut link).await?;
        if !Identity::of(&mut link).await?.same_history(&self.identity) {
            let reason = "the server was promoted, demoted or replaced".to_owned();
            return Err(FeedError::NewHistory { reason });
        }
        let checked = Checked { at: Instant::now(), clock };
        *self.checked.lock().expect("no holder of this lock panics") = checked;
        Ok(true)
    }

    /// The position of the last change that was appended, also if it was trimmed away.
    async fn last_position(&self) -> Result<Position, FeedError> {
        let last = read_last(&mut self.link.clone(), &self.stream).await?;
        if last.epoch == self.epoch {
            return Ok(last.position);
        }
        let reason = format!("its epoch is {}, not {}: it was deleted or begun anew", last.epoch, self.epoch);
        Err(FeedError::NewHistory { reason })
    }

    /// Sends three commands in one packet.
    async fn ask(&self, three: &Pipeline) -> Result<[Value; 3], Error> {
        let answers = self.link.clone().send_all(three).await?;
        let answers: Result<Vec<_>, _> = answers.into_iter().map(Value::extract_error).collect();
        let answers = answers.map_err(|error| refusal(&error))?;
        answers
            .try_into()
            .map_err(|_| Error::UnexpectedReply { reason: "three answers were expected".to_owned() })
    }

    fn parse(&self, answer: &Value, after: Position) -> Result<Vec<Change>, FeedError> {
        changes(answer, self.id(after), &self.checked().clock, Instant::now())
    }

    /// `XREAD` of entries after a position.
    fn xread(&self, after: Position, most: usize, block: Option<Duration>) -> Cmd {
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(most.max(1));
        if let Some(block) = block {
            read.arg("BLOCK").arg(u64::try_from(block.as_millis()).unwrap_or(u64::MAX));
        }
        read.arg("STREAMS").arg(&self.stream).arg(self.id(after).to_string());
        read
    }
}

impl FeedReader for RedisReader {
    fn history(&self) -> &str {
        &self.history
    }

    async fn last(&self) -> Result<Position, FeedError> {
        self.check().await?;
        self.last_position().await
    }

    async fn read(&self, after: Position, most: usize) -> Result<Vec<Change>, FeedError> {
        let read = self.xread(after, most, Some(BLOCK));
        loop {
            let answer = self.blocking.clone().send(&read).await.map_err(demoted)?;
            let changes = self.parse(&answer, after)?;
            // Nothing comes from a log that was deleted, either.
            if !changes.is_empty() || self.is_last(after).await? {
                return Ok(changes);
            }
        }
    }

    async fn is_last(&self, position: Position) -> Result<bool, FeedError> {
        let due = self.check().await?;
        // The last id that was given out would say it at once, but it comes with the values of two entries.
        let mut three = redis::pipe();
        three.add_command(self.xread(position, 1, None)).cmd("XLEN").arg(&self.stream);
        // Entries of an earlier epoch, which `XREAD` does not show: the log was begun anew by a clock that went back.
        let earlier = self.epoch.saturating_sub(1);
        three.cmd("XRANGE").arg(&self.stream).arg("-").arg(earlier).arg("COUNT").arg(1);
        let [answer, length, earlier] = self.ask(&three).await?;
        if !self.parse(&answer, position)?.is_empty() {
            return Ok(false);
        }
        if !matches!(&earlier, Value::Array(entries) if entries.is_empty()) {
            let reason = format!("it has entries of an earlier epoch than {}: it was begun anew", self.epoch);
            return Err(FeedError::NewHistory { reason });
        }
        // An entry at or before the position shows that the log is there. Were any trimmed away after it, then this one, too.
        if !due && length != Value::Int(0) {
            return Ok(true);
        }
        let last = self.last_position().await?;
        if last < position {
            let reason = format!("its last change is {last}, but {position} was read: it was rolled back");
            return Err(FeedError::NewHistory { reason });
        }
        if last == position {
            return Ok(true);
        }
        // It was appended since, or is gone.
        let answer = self.link.clone().send(&self.xread(position, 1, None)).await?;
        if self.parse(&answer, position)?.is_empty() {
            return Err(FeedError::Gap { expected: position.next(), found: None });
        }
        Ok(false)
    }

    fn longest_wait(&self) -> Duration {
        BLOCK
    }
}

impl fmt::Debug for RedisReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisReader")
            .field("stream", &self.stream)
            .field("history", &self.history)
            .finish_non_exhaustive()
    }
}

/// A server that becomes a replica ends reads that block.
fn demoted(error: Error) -> FeedError {
    match error {
        Error::Refused { code, reason } if code == "UNBLOCKED" => FeedError::NewHistory { reason },
        other => other.into(),
    }
}

async fn read_clock(link: &mut Link) -> Result<Clock, Error> {
    let asked = Instant::now();
    let (seconds, micros): (u64, u64) = read(link.send(&cmd("TIME")).await?)?;
    Ok(Clock::new(asked, Duration::from_secs(seconds) + Duration::from_micros(micros)))
}

/// The last id that was given out, also if its entry was trimmed away.
async fn read_last(link: &mut Link, stream: &str) -> Result<Id, Error> {
    let mut info = cmd("XINFO");
    info.arg("STREAM").arg(stream);
    match link.send(&info).await {
        Ok(info) => last_id(&info).ok_or_else(|| Error::UnexpectedReply {
            reason: format!("XINFO STREAM {stream} has no last-generated-id of the form epoch-number"),
        }),
        Err(Error::Refused { reason, .. }) if reason.contains("no such key") => Ok(Id::NONE),
        Err(error) => Err(error),
    }
}
