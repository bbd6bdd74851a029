//! The settings of a journal.

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::error::JournalError;
use super::journal::Journal;
use super::writer;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a journal is told before it is opened. [`Journal::builder`] creates one.
///
/// # Examples
///
/// ```
/// # let directory = std::env::temp_dir().join(format!("cache-gate-builder-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// use std::time::Duration;
/// use cache_gate::handoff::sqlite::Journal;
///
/// let journal = Journal::builder()
///     .capacity(50_000)
///     .attempts(3)
///     .retry_after(Duration::from_secs(5))
///     .open(directory.join("orders.sqlite"))?;
/// # drop(journal);
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `open` is called"]
pub struct JournalBuilder {
    settings: Settings,
}

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) capacity: usize,
    pub(super) batch: usize,
    pub(super) attempts: u32,
    pub(super) retry_after: Duration,
    pub(super) wall: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    pub(super) faults: Faults,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("capacity", &self.capacity)
            .field("batch", &self.batch)
            .field("attempts", &self.attempts)
            .field("retry_after", &self.retry_after)
            .finish_non_exhaustive()
    }
}

impl JournalBuilder {
    pub(super) fn new() -> Self {
        let settings = Settings {
            capacity: 10_000,
            batch: 1_000,
            attempts: 5,
            retry_after: Duration::from_secs(1),
            wall: Arc::new(SystemTime::now),
            faults: Faults::default(),
        };
        Self { settings }
    }

    /// Sets the number of orders that may wait to be written: 1 or more. 10,000 unless set. More are refused, and
    /// [depth](crate::handoff::HandOff::depth) tells how many there are.
    ///
    /// # Examples
    ///
    /// See [`JournalBuilder`].
    pub fn capacity(mut self, orders: usize) -> Self {
        self.settings.capacity = orders;
        self
    }

    /// Sets the number of orders and calls in one transaction, at most: 1 or more. 1,000 unless set.
    ///
    /// # Examples
    ///
    /// See [`JournalBuilder`].
    pub fn batch(mut self, most: usize) -> Self {
        self.settings.batch = most;
        self
    }

    /// Sets how often an order is given to workers before it is dead: 1 or more. 5 unless set.
    ///
    /// # Examples
    ///
    /// See [`JournalBuilder`].
    pub fn attempts(mut self, most: u32) -> Self {
        self.settings.attempts = most;
        self
    }

    /// Sets how long an order that failed waits for its second attempt: up to a day. It doubles with each further one. 1 s unless
    /// set.
    ///
    /// # Examples
    ///
    /// See [`JournalBuilder`].
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.settings.retry_after = wait;
        self
    }

    /// Sets where the date comes from, for tests: it decides when an order may be claimed.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use cache_gate::handoff::sqlite::Journal;
    /// let builder = Journal::builder().wall(|| SystemTime::UNIX_EPOCH);
    /// # drop(builder);
    /// ```
    pub fn wall(mut self, wall: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.settings.wall = Arc::new(wall);
        self
    }

    /// Plants faults, for tests that must catch what they cause.
    #[doc(hidden)]
    pub fn faults(mut self, faults: &Faults) -> Self {
        self.settings.faults = faults.clone();
        self
    }

    /// Opens the journal, and creates the file if there is none. Its directory must exist.
    ///
    /// # Examples
    ///
    /// See [`JournalBuilder`].
    ///
    /// # Errors
    ///
    /// [`JournalError::Setting`], [`InUse`](JournalError::InUse), [`Version`](JournalError::Version) or
    /// [`Open`](JournalError::Open).
    pub fn open(self, path: impl AsRef<Path>) -> Result<Journal, JournalError> {
        let Self { settings } = self;
        let setting = |name, is_valid, allowed| {
            if is_valid { Ok(()) } else { Err(JournalError::Setting { name, allowed }) }
        };
        setting("capacity", settings.capacity >= 1, "1 order or more")?;
        setting("batch", settings.batch >= 1, "1 order or more")?;
        setting("attempts", settings.attempts >= 1, "1 or more")?;
        setting("retry_after", settings.retry_after <= DAY, "up to a day")?;
        writer::open(path.as_ref(), settings)
    }
}

/// What goes wrong at the end of a transaction.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is said to have failed, and was not done.
    NotDone,
    /// It is said to have failed, and was done.
    Done,
    /// The writer panics.
    Panic,
}

/// Faults of the next transactions, in turn.
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct Faults {
    next: Arc<Mutex<VecDeque<Fault>>>,
    full: Arc<AtomicBool>,
}

impl Faults {
    #[doc(hidden)]
    pub fn push(&self, fault: Fault) {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).push_back(fault);
    }

    /// Lets the file grow no more, as if the disk were full, or lets it grow again.
    #[doc(hidden)]
    pub fn fill_disk(&self, full: bool) {
        self.full.store(full, Relaxed);
    }

    pub(super) fn next(&self) -> Option<Fault> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    pub(super) fn is_disk_full(&self) -> bool {
        self.full.load(Relaxed)
    }
}
