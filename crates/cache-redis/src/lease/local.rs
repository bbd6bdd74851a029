//! What a node may sell without asking: a bounded counter, and until when.
//!
//! The counter is an `AtomicI64`, not an `IntCache`: a lease has one counter, so a map would add a hash and a probe to each
//! sale and give nothing. Nothing here allocates, waits or locks, except that a wake-up of the keeper may take a lock for
//! a moment.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::error::{End, TakeError};

/// Keeps the counter off the cache line of what is only read.
#[derive(Debug)]
#[repr(align(128))]
struct Padded<T>(T);

/// The part of a lease that sells. Shared by all handles and the keeper.
#[derive(Debug)]
pub(super) struct Local {
    /// Units that may be taken. Never negative. `Relaxed` everywhere: the number is all that threads share through it,
    /// and an order reaches the keeper through a channel.
    left: Padded<AtomicI64>,
    base: Instant,
    /// Nanoseconds after `base` until which the lease is surely ours.
    until: AtomicU64,
    /// 0 while the lease lives, then a code of `End`.
    ended: AtomicU8,
    /// Whether the pool was empty when it was last asked.
    sold_out: AtomicBool,
    /// The number of units that somebody missed; 0 is none. Kept until the keeper has fetched more.
    missed: AtomicU32,
    low: i64,
    most: u32,
    /// Wakes the keeper.
    pub(super) hungry: Notify,
    /// Wakes those who wait for units.
    pub(super) changed: Notify,
}

impl Local {
    pub(super) fn new(low: u32, most: u32) -> Self {
        Self {
            left: Padded(AtomicI64::new(0)),
            base: Instant::now(),
            until: AtomicU64::new(0),
            ended: AtomicU8::new(0),
            sold_out: AtomicBool::new(false),
            missed: AtomicU32::new(0),
            low: i64::from(low),
            most,
            hungry: Notify::new(),
            changed: Notify::new(),
        }
    }

    pub(super) fn take(&self, units: u32) -> Result<(), TakeError> {
        if units == 0 || units > self.most {
            return Err(TakeError::Units { units, most: self.most });
        }
        if let Some(end) = self.end() {
            return Err(TakeError::Ended(end));
        }
        let wanted = i64::from(units);
        // A stock that was sold out from the start gave no lease that could expire.
        let is_sold_out = self.sold_out.load(Relaxed) && self.left.0.load(Relaxed) < wanted;
        if !is_sold_out && !self.is_ours(Instant::now()) {
            return Err(TakeError::Expired);
        }
        match self.left.0.fetch_update(Relaxed, Relaxed, |left| (left >= wanted).then(|| left - wanted)) {
            Ok(before) => {
                // Only the one that crosses the mark wakes the keeper.
                if before >= self.low && before - wanted < self.low {
                    self.hungry.notify_one();
                }
                Ok(())
            }
            Err(_) => {
                // The first that misses units wakes the keeper; the rest of a crowd only reads.
                if self.missed.load(Relaxed) < units && self.missed.fetch_max(units, Relaxed) < units {
                    self.hungry.notify_one();
                }
                Err(if self.sold_out.load(Relaxed) { TakeError::SoldOut } else { TakeError::Refilling })
            }
        }
    }

    /// Puts units back that were taken and not sold.
    pub(super) fn give_back(&self, units: u32) {
        self.left.0.fetch_add(i64::from(units), Relaxed);
        self.changed.notify_waiters();
    }

    /// Adds units that the server has granted.
    pub(super) fn grant(&self, units: i64) {
        self.missed.store(0, Relaxed);
        self.sold_out.store(false, Relaxed);
        self.left.0.fetch_add(units, Relaxed);
        self.changed.notify_waiters();
    }

    /// Notes that the pool was empty.
    pub(super) fn sell_out(&self) {
        self.sold_out.store(true, Relaxed);
        self.changed.notify_waiters();
    }

    /// The units that may be taken.
    pub(super) fn left(&self) -> u64 {
        self.left.0.load(Relaxed).unsigned_abs()
    }

    /// The number of units that the keeper should fetch to have `want` again; 0 while there are enough.
    pub(super) fn shortage(&self, want: u32) -> u32 {
        let left = self.left.0.load(Relaxed);
        let missed = i64::from(self.missed.load(Relaxed));
        if left >= self.low && left >= missed {
            // Somebody gave units back since.
            self.missed.store(0, Relaxed);
            return 0;
        }
        u32::try_from(i64::from(want).max(missed) - left).unwrap_or(0)
    }

    /// Whether somebody missed units.
    pub(super) fn is_missed(&self) -> bool {
        self.missed.load(Relaxed) > 0
    }

    pub(super) fn is_sold_out(&self) -> bool {
        self.sold_out.load(Relaxed)
    }

    fn is_ours(&self, now: Instant) -> bool {
        (now.saturating_duration_since(self.base).as_nanos() as u64) < self.until.load(Relaxed)
    }

    /// Notes that the server had the lease at some moment after `sent`. The server counts the deadline from then, so it
    /// cannot pass before `sent` + `ttl`.
    pub(super) fn extend(&self, sent: Instant, ttl: Duration) {
        let until = (sent.saturating_duration_since(self.base) + ttl).as_nanos() as u64;
        self.until.fetch_max(until, Relaxed);
    }

    pub(super) fn end(&self) -> Option<End> {
        Some(match self.ended.load(Relaxed) {
            0 => return None,
            1 => End::Closed,
            2 => End::Fenced,
            3 => End::RolledBack,
            4 => End::Absent,
            5 => End::Unanswered,
            _ => End::Refused,
        })
    }

    /// Ends the lease here. The first reason stays: returns whether this is it.
    pub(super) fn finish(&self, end: End) -> bool {
        let code = match end {
            End::Closed => 1,
            End::Fenced => 2,
            End::RolledBack => 3,
            End::Absent => 4,
            End::Unanswered => 5,
            End::Refused => 6,
        };
        let is_first = self.ended.compare_exchange(0, code, Relaxed, Relaxed).is_ok();
        self.changed.notify_waiters();
        is_first
    }
}
