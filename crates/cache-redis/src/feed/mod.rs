//! Change logs: ordered, replayable, with every value in them.

mod change;
mod clock;
mod error;
mod log;
mod read;
mod redis;

use std::future::Future;
use std::time::Duration;

pub use self::change::{Change, Changed, Position};
pub use self::error::FeedError;
pub use self::log::Log;
pub(crate) use self::log::has_tag;
pub(crate) use self::read::Id;
pub use self::redis::{RedisFeed, RedisReader};

use crate::Error;

/// A change log that a mirror can follow: a Redis Stream ([`RedisFeed`]), or another broker behind this trait.
///
/// A mirror in stream mode does this. It [opens](ChangeFeed::open) a reader and asks for the [last](FeedReader::last)
/// position. From there on it reads and applies every change, while it loads the keys from Redis page by page. After each
/// page it asks for the last position again, reads up to it, and then applies the values of the page, except those of keys
/// that changed since the load began: the log has the newer ones. So a key never goes back in time.
///
/// # Consistency
///
/// What an implementation guarantees:
///
/// 1. **Order.** All readers see the same changes in the same order, and changes of one key are in the order in which they
///    took effect. Over several partitions, there is no such order: make a feed of each.
/// 2. **Dense positions.** The change after position `n` has position `n + 1`. A reader that finds another one reports a
///    [gap](FeedError::Gap), and never leaves one out silently. A broker whose offsets have holes (transaction markers,
///    compaction) must number the changes itself.
/// 3. **Whole values.** A change carries the new value of its key, not a difference, so applying it twice does no harm.
/// 4. **Log before sight.** If a value can be read from Redis, then [`last`](FeedReader::last), called afterwards, returns
///    the position of its change or a later one. A writer that changes Redis first and sends to the broker afterwards breaks
///    this: a mirror may then load the newer value, replay an older one, and hold that until the newer change arrives. One
///    script that does both, or a broker that is written first, is right.
/// 5. **Replay.** Changes after a position can be read again while the log keeps them, after a reconnect too. If the log no
///    longer has the next one, that is a gap.
/// 6. **History.** [`history`](FeedReader::history) is different whenever a position may stand for another change than it
///    did: the log was deleted, rolled back, or is that of another server.
///
/// A mirror answers a gap and another history with a full load.
///
/// # Examples
///
/// ```no_run
/// use cache_redis::feed::{ChangeFeed, FeedReader, Log, RedisFeed};
/// use cache_redis::Server;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::standalone("redis://127.0.0.1:6379")?;
/// let feed = RedisFeed::new(&server, &Log::of("stock:")?)?;
/// let reader = feed.open().await?;
/// let mut position = reader.last().await?;
/// loop {
///     for change in reader.read(position, 100).await? {
///         position = change.position;
///         println!("{change:?}");
///     }
/// }
/// # }
/// ```
pub trait ChangeFeed: Send + Sync + 'static {
    /// A connection to the log.
    type Reader: FeedReader;

    /// What the names of the keys begin with in Redis. Changes have the rest of the name.
    fn prefix(&self) -> &[u8];

    /// Connects.
    ///
    /// # Errors
    ///
    /// If the log cannot be reached or read.
    fn open(&self) -> impl Future<Output = Result<Self::Reader, Error>> + Send;
}

/// A connection to a change log. It does not come back once it is lost: open another one.
///
/// # Consistency
///
/// See [`ChangeFeed`].
pub trait FeedReader: Send + Sync + 'static {
    /// What positions refer to. Positions of another reader hold for this one if both return the same.
    fn history(&self) -> &str;

    /// Returns the position of the last change, or the one before the first if there is none.
    ///
    /// # Errors
    ///
    /// [`FeedError::NewHistory`] or [`FeedError::Failed`].
    fn last(&self) -> impl Future<Output = Result<Position, FeedError>> + Send;

    /// Returns changes after a position, in order: at most `most`, and all that there are if that is fewer. Waits until there
    /// is one, for as long as the implementation likes; then it may return nothing.
    ///
    /// An answer of fewer than `most` changes proves that there was nothing else at a moment during the call. A mirror that
    /// has applied them is as fresh as the call's beginning.
    ///
    /// # Errors
    ///
    /// Any [`FeedError`]. After an error, the reader is not used again.
    fn read(
        &self,
        after: Position,
        most: usize,
    ) -> impl Future<Output = Result<Vec<Change>, FeedError>> + Send;

    /// Returns whether there was nothing after a position at a moment during the call. It does not wait, and may run while
    /// [`read`](FeedReader::read) does.
    ///
    /// # Errors
    ///
    /// As [`last`](FeedReader::last).
    fn is_last(&self, position: Position) -> impl Future<Output = Result<bool, FeedError>> + Send {
        async move { Ok(self.last().await? <= position) }
    }

    /// How long [`read`](FeedReader::read) may wait at most, so that a longer wait is a failure.
    fn longest_wait(&self) -> Duration;
}
