use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_core::Backend;

use crate::threads::eventually;
use crate::{Violation, patience};

/// Keeps the books of objects: how many were made, and how often each was dropped.
///
/// # Examples
///
/// ```
/// use cache_testkit::{Ledger, Reference};
///
/// let ledger = Ledger::new(1);
/// drop(ledger.object());
/// assert_eq!(ledger.settle::<Reference>(), Ok(()));
/// ```
#[derive(Clone)]
pub struct Ledger(Arc<Books>);

struct Books {
    made: AtomicUsize,
    dropped: AtomicUsize,
    /// How often each object was dropped. Apart from the objects, so that a second drop is counted rather than
    /// a use of freed memory.
    drops: Box<[AtomicUsize]>,
}

/// An object whose drop is entered in a [`Ledger`].
#[derive(Debug)]
pub struct Counted {
    number: usize,
    ledger: Ledger,
}

impl Ledger {
    /// Books for at most `objects` objects.
    ///
    /// # Examples
    ///
    /// ```
    /// let ledger = cache_testkit::Ledger::new(100);
    /// # let _ = ledger;
    /// ```
    #[must_use]
    pub fn new(objects: usize) -> Self {
        Self(Arc::new(Books {
            made: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            drops: (0..objects).map(|_| AtomicUsize::new(0)).collect(),
        }))
    }

    /// Makes an object.
    ///
    /// # Panics
    ///
    /// If there are as many as the books have room for.
    ///
    /// # Examples
    ///
    /// ```
    /// let object = cache_testkit::Ledger::new(1).object();
    /// assert!(object.is_alive());
    /// ```
    #[must_use]
    pub fn object(&self) -> Counted {
        let number = self.0.made.fetch_add(1, Ordering::Relaxed);
        assert!(number < self.0.drops.len(), "the books are full");
        Counted { number, ledger: self.clone() }
    }

    /// How many drops there were.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(cache_testkit::Ledger::new(1).dropped(), 0);
    /// ```
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.0.dropped.load(Ordering::Acquire)
    }

    /// How many objects were made.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(cache_testkit::Ledger::new(1).made(), 0);
    /// ```
    #[must_use]
    pub fn made(&self) -> usize {
        self.0.made.load(Ordering::Acquire)
    }

    /// Drives reclamation until as many objects are dropped as there should be.
    ///
    /// Other tests of the process may hold it back, though none of them for long.
    ///
    /// # Errors
    ///
    /// A [`Violation`] if fewer are within the suite's [`patience`](crate::patience()), or more.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_testkit::{Ledger, Reference};
    /// assert_eq!(Ledger::new(1).settle_at::<Reference>(0), Ok(()));
    /// ```
    pub fn settle_at<B: Backend>(&self, drops: usize) -> Result<(), Violation> {
        self.settle_within::<B>(drops, patience())
    }

    /// Drives reclamation until every object is dropped, exactly once each.
    ///
    /// # Errors
    ///
    /// A [`Violation`] if one is not within the suite's [`patience`](crate::patience()), or was dropped twice.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_testkit::{Ledger, Reference};
    ///
    /// let ledger = Ledger::new(1);
    /// std::mem::forget(ledger.object());
    /// # let limit = std::time::Duration::ZERO;
    /// assert!(ledger.settle_within::<Reference>(1, limit).is_err());
    /// ```
    pub fn settle<B: Backend>(&self) -> Result<(), Violation> {
        self.settle_at::<B>(self.made())
    }

    /// As [`settle_at`](Ledger::settle_at), with a limit of one's own.
    ///
    /// # Errors
    ///
    /// A [`Violation`] if fewer are dropped within `limit`, or more.
    ///
    /// # Examples
    ///
    /// See [`settle`](Ledger::settle).
    pub fn settle_within<B: Backend>(&self, drops: usize, limit: Duration) -> Result<(), Violation> {
        let settled = eventually(limit, || {
            B::reclaim();
            (self.dropped() >= drops).then_some(())
        });
        if let Some(number) = self.dropped_twice() {
            return Err(Violation::wrong(format!("object number {number} was dropped more than once")));
        }
        if settled.is_none() {
            return Err(Violation::leak(format!(
                "{} objects were dropped and not {drops}, of {} made",
                self.dropped(),
                self.made()
            )));
        }
        if self.dropped() > drops {
            return Err(Violation::wrong(format!(
                "{} objects were dropped, and {} of them too early",
                self.dropped(),
                self.dropped() - drops
            )));
        }
        Ok(())
    }

    fn dropped_twice(&self) -> Option<usize> {
        self.0.drops.iter().position(|drops| drops.load(Ordering::Acquire) > 1)
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ledger({} of {} dropped)", self.dropped(), self.made())
    }
}

impl Counted {
    /// Its number, from 0 up in the order of making.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(cache_testkit::Ledger::new(1).object().number(), 0);
    /// ```
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// Whether it has not been dropped: true for everyone who can ask.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(cache_testkit::Ledger::new(1).object().is_alive());
    /// ```
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.ledger.0.drops[self.number].load(Ordering::Acquire) == 0
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.ledger.0.drops[self.number].fetch_add(1, Ordering::AcqRel);
        self.ledger.0.dropped.fetch_add(1, Ordering::AcqRel);
    }
}
