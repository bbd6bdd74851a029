//! How many units of an item each user has.

use cache_core::Backend;
use cache_policy::{CountError, Counters};

use crate::item::{EventState, ItemState};
use crate::keys;
use crate::{Overload, Rejection};

/// The counts of all users and items, which end with the events.
#[derive(Debug)]
pub(crate) struct Counts<B: Backend>(pub(crate) Counters<[u8], B>);

/// Why a user's count was not raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CountRefusal {
    /// So many units may the user still have.
    Limit(u32),
    Full,
}

impl<B: Backend> Counts<B> {
    /// Adds to a user's count, up to a limit.
    pub(crate) fn take(
        &self,
        item: &ItemState,
        user: &str,
        units: u32,
        limit: u32,
    ) -> Result<(), CountRefusal> {
        let key = keys::count(item.number, user);
        let (delta, most) = (i64::from(units), i64::from(limit));
        loop {
            match self.0.try_add(&key, delta, 0..=most) {
                Ok(_) => return Ok(()),
                Err(CountError::Absent) if delta > most => return Err(CountRefusal::Limit(limit)),
                Err(CountError::Absent) => {}
                Err(CountError::OutOfBounds { current }) => {
                    return Err(CountRefusal::Limit(left(most, current)));
                }
                Err(_) => return Err(CountRefusal::Full),
            }
            if self.insert(&item.event, &key, delta)? {
                return Ok(());
            }
        }
    }

    fn insert(&self, event: &EventState, key: &[u8], value: i64) -> Result<bool, CountRefusal> {
        let inserted = self.0.insert_in(&event.group, key, value).map_err(|_| CountRefusal::Full)?;
        event.joined();
        Ok(inserted)
    }

    /// Subtracts from a user's count. One that is 0 is removed, so that users who got nothing leave nothing behind.
    pub(crate) fn give_back(&self, item: &ItemState, user: &str, units: u32) {
        let key = keys::count(item.number, user);
        // It is absent if the event has ended.
        if self.0.try_add(&key, -i64::from(units), 0..) == Ok(0) {
            self.0.remove_if(&key, |count| count == 0);
        }
    }

    /// Sets a count that was found to be wrong, unless it has changed since. Tells whether it did: a full table refuses it, too.
    pub(crate) fn mend(&self, item: &ItemState, user: &str, counted: u64, expected: u64) -> bool {
        let key = keys::count(item.number, user);
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let (from, to) = (number(counted), number(expected));
        match self.0.try_add(&key, to - from, to..=to) {
            Ok(0) => {
                self.0.remove_if(&key, |count| count == 0);
                true
            }
            Ok(_) => true,
            Err(CountError::Absent) if from == 0 => self.insert(&item.event, &key, to).unwrap_or(false),
            Err(_) => false,
        }
    }
}

fn left(most: i64, current: i64) -> u32 {
    u32::try_from(most.saturating_sub(current).max(0)).unwrap_or(u32::MAX)
}

impl CountRefusal {
    pub(crate) fn rejection(self, limit: u32) -> Rejection {
        match self {
            CountRefusal::Limit(left) => Rejection::LimitReached { limit, left },
            CountRefusal::Full => crate::admit::overloaded(Overload::Users),
        }
    }
}
