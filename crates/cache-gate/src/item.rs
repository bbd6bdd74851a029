//! What a gate knows of events and items.

use cache_core::{CompactString, seeded};
use cache_policy::Group;
use std::sync::Arc;

use crate::latch::Latch;
use crate::places::Places;
use crate::stock::AnyStock;
use crate::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use crate::sync::{Mutex, Padded, lock};
use crate::time::{self, Window};
use crate::trace;

/// The early start of an event that has none.
pub(crate) const NEVER: u64 = u64::MAX;

/// A window, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dates {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) early: u64,
}

impl Dates {
    fn new(window: &Window) -> Self {
        Self {
            start: time::unix(window.start),
            end: time::unix(window.end),
            early: window.early.map_or(NEVER, time::unix),
        }
    }
}

/// An event while it lasts.
#[derive(Debug)]
pub(crate) struct EventState {
    pub(crate) id: CompactString,
    /// Counts the changes of the window; odd while one is under way.
    version: AtomicU64,
    start: AtomicU64,
    end: AtomicU64,
    early: AtomicU64,
    /// The window in one piece, for those who read it while it is changed.
    whole: Mutex<Dates>,
    ended: AtomicBool,
    /// The counts, request ids and reservations of the event.
    pub(crate) group: Group,
    pub(crate) items: Mutex<Vec<CompactString>>,
}

impl EventState {
    pub(crate) fn new(id: CompactString, window: &Window) -> Self {
        let dates = Dates::new(window);
        Self {
            id,
            version: AtomicU64::new(0),
            start: AtomicU64::new(dates.start),
            end: AtomicU64::new(dates.end),
            early: AtomicU64::new(dates.early),
            whole: Mutex::new(dates),
            ended: AtomicBool::new(false),
            group: Group::new(),
            items: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn set_window(&self, window: &Window) {
        let dates = Dates::new(window);
        let mut whole = lock(&self.whole);
        *whole = dates;
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version + 1, Ordering::Relaxed);
        // Each pairs with its load in `dates`: who sees a new date sees that the version is odd, or a later one.
        self.start.store(dates.start, Ordering::Release);
        self.end.store(dates.end, Ordering::Release);
        self.early.store(dates.early, Ordering::Release);
        self.version.store(version + 2, Ordering::Release);
    }

    /// The window, never a part of one and a part of another.
    #[inline]
    pub(crate) fn dates(&self) -> Dates {
        let version = self.version.load(Ordering::Acquire);
        let dates = Dates {
            start: self.start.load(Ordering::Acquire),
            end: self.end.load(Ordering::Acquire),
            early: self.early.load(Ordering::Acquire),
        };
        let is_whole = version.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == version;
        if is_whole || seeded::bug("window-torn") {
            return dates;
        }
        *lock(&self.whole)
    }

    pub(crate) fn window(&self) -> Window {
        let dates = self.dates();
        Window {
            start: time::date(dates.start),
            end: time::date(dates.end),
            early: (dates.early != NEVER).then(|| time::date(dates.early)),
        }
    }

    #[inline]
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Ends the event and drops what belongs to it.
    pub(crate) fn finish(&self) {
        // Before the group is dropped: see `joined`.
        self.ended.store(true, Ordering::Release);
        self.group.drop_entries();
    }

    /// Follows each insert into the group, and drops it if the event has ended.
    ///
    /// The group's lock orders the two: what joined before the drop is dropped by that, and whoever joined after it sees here that the
    /// event has ended.
    pub(crate) fn joined(&self) {
        if self.has_ended() && !seeded::bug("ended-unseen") {
            self.group.drop_entries();
        }
    }
}

/// An item while its event lasts.
///
/// What refusals read comes first. What every sale writes has cache lines of its own.
#[derive(Debug)]
pub(crate) struct ItemState {
    /// No other item of this gate has it, ever: counts are kept by it, and a new item of the same id begins anew.
    pub(crate) number: u64,
    pub(crate) latch: Latch,
    pub(crate) event: Arc<EventState>,
    pub(crate) limit: AtomicU32,
    pub(crate) most_in_flight: AtomicU32,
    pub(crate) id: CompactString,
    pub(crate) stock: AnyStock,
    pub(crate) busy: Padded<Busy>,
}

/// What every sale writes.
#[derive(Debug, Default)]
pub(crate) struct Busy {
    pub(crate) places: Places,
    /// Units in reservations that are under way.
    pub(crate) held: AtomicU64,
    /// Units in orders that are in the books.
    pub(crate) sold: AtomicU64,
    /// Units that there were in the beginning, and that came in since.
    pub(crate) total: AtomicU64,
}

/// What one look at an item tells.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seen {
    /// It belongs to another event than the one that was named.
    OtherEvent,
    SoldOut,
    /// Its event has ended, and it is about to be removed.
    Ended,
    Open(Glance),
}

/// What checks need of an item, copied out of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glance {
    pub(crate) number: u64,
    pub(crate) is_closed: bool,
    pub(crate) is_full: bool,
    pub(crate) dates: Dates,
}

impl Glance {
    /// Of an item that is sold out nothing else is looked at.
    pub(crate) const SOLD_OUT: Self =
        Self { number: 0, is_closed: true, is_full: false, dates: Dates { start: 0, end: 0, early: NEVER } };
}

impl ItemState {
    #[inline]
    pub(crate) fn glance(&self, event: Option<&str>) -> Seen {
        if event.is_some_and(|event| event != self.event.id) {
            return Seen::OtherEvent;
        }
        if self.latch.is_closed() {
            return Seen::SoldOut;
        }
        if self.event.has_ended() {
            return Seen::Ended;
        }
        Seen::Open(Glance {
            number: self.number,
            is_closed: false,
            is_full: self.is_full(),
            dates: self.event.dates(),
        })
    }

    fn is_full(&self) -> bool {
        let most = self.most_in_flight.load(Ordering::Relaxed);
        // Without a bound, the line that every sale writes is left alone.
        most != u32::MAX && self.busy.0.places.taken() >= most
    }

    /// Opens the latch after units came back.
    pub(crate) fn returned(&self) {
        if self.latch.returned() {
            trace::back(&self.id);
        }
    }
}
