//! How long entries live.

use std::time::Duration;

use cache_core::Key;

use crate::clock::nanos;
use crate::entry::{Entry, IDLE_PARTS, NEVER};

/// What is asked of the time of every entry.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lifetimes {
    /// Nanoseconds; 0 for none.
    pub(crate) to_live: u64,
    pub(crate) to_idle: u64,
    /// How long a value may be served while a newer one is loaded.
    pub(crate) stale: u64,
    /// How long before its time is over a value is loaded anew.
    pub(crate) ahead: u64,
    /// By how much a time to live is shortened at most, in per cent.
    pub(crate) jitter: u8,
}

/// One moment, and how it is to be judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) now: u64,
    pub(crate) lifetimes: Lifetimes,
}

/// How old a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Age {
    Fresh,
    /// Still valid, but a newer value should be loaded.
    Due,
    /// Not valid any more, but may be served while a newer value is loaded.
    Stale,
    Over,
}

impl Times {
    /// The part of the time to idle that this moment is in. Wraps after some 67 million times to idle.
    #[inline]
    pub(crate) fn part(&self) -> u32 {
        let part = (self.lifetimes.to_idle / u64::from(IDLE_PARTS)).max(1);
        (self.now / part) as u32
    }

    /// Whether an entry is of no use to anyone.
    #[inline]
    pub(crate) fn is_over<V, K: Key + ?Sized>(&self, entry: &Entry<V, K>) -> bool {
        self.age(entry) == Age::Over
    }

    /// Ends an entry that is of no use to anyone. `false` if somebody prolonged its life meanwhile.
    pub(crate) fn end<V, K: Key + ?Sized>(&self, entry: &Entry<V, K>) -> bool {
        entry.is_dropped_with_its_group() || self.is_idle(entry) || entry.end(self.now)
    }

    #[inline]
    pub(crate) fn age<V, K: Key + ?Sized>(&self, entry: &Entry<V, K>) -> Age {
        if entry.is_dropped_with_its_group() || self.is_idle(entry) {
            return Age::Over;
        }
        let deadline = entry.deadline();
        if deadline == NEVER {
            return Age::Fresh;
        }
        // The deadline is that of the stale value.
        let valid = deadline.saturating_sub(self.lifetimes.stale);
        if self.now >= deadline {
            Age::Over
        } else if self.now >= valid {
            Age::Stale
        } else if self.lifetimes.ahead != 0 && self.now >= valid.saturating_sub(self.lifetimes.ahead) {
            Age::Due
        } else {
            Age::Fresh
        }
    }

    #[inline]
    fn is_idle<V, K: Key + ?Sized>(&self, entry: &Entry<V, K>) -> bool {
        if self.lifetimes.to_idle == 0 {
            return false;
        }
        // Another thread may have read the clock later than this one, so that the entry was touched in what is the future here.
        let since = self.part().wrapping_sub(entry.touched());
        since >= IDLE_PARTS && since.wrapping_neg() > 64 * IDLE_PARTS
    }

    /// When an entry expires that is valid for `lifetime` from now, or for the cache's time to live.
    pub(crate) fn deadline(&self, lifetime: Option<Duration>, random: u32) -> u64 {
        let to_live = match lifetime {
            Some(Duration::MAX) => return NEVER,
            Some(lifetime) => nanos(lifetime),
            None if self.lifetimes.to_live == 0 => return NEVER,
            None => {
                let most = self.lifetimes.to_live / 100 * u64::from(self.lifetimes.jitter);
                self.lifetimes.to_live - ((u128::from(most) * u128::from(random)) >> 32) as u64
            }
        };
        self.now.saturating_add(to_live).saturating_add(self.lifetimes.stale).min(NEVER - 1)
    }

    /// For how long a value that expires at `deadline` is valid.
    pub(crate) fn rest(&self, deadline: u64) -> Duration {
        if deadline == NEVER {
            return Duration::MAX;
        }
        Duration::from_nanos(deadline.saturating_sub(self.lifetimes.stale).saturating_sub(self.now))
    }
}
