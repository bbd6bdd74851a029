//! Freeing garbage that no thread can see any more.

use super::bag::Expired;
use super::domain::Domain;
use super::garbage::free_all;
use super::moving::{Advance, Effort};
use super::record::Record;
use crate::primitive::Ordering;

/// The greatest number of rounds of `collect_all`: dropping an object may retire more.
const ROUNDS: usize = 64;

impl Domain {
    /// Moves the epoch on if it can, and frees what the owner of `own` may free and the expired shared garbage.
    ///
    /// Drops values: the caller is not pinned and holds no lock.
    pub(crate) fn collect(&self, own: Option<&Record>) {
        let advance = self.try_move(own, Effort::Usual);
        let now = self.epoch();
        if let Some(own) = own {
            // At least the epoch at which we held the mutex; `None` if another thread held it.
            let held = match advance {
                Advance::Moved => Some(now - 1),
                Advance::Lagging | Advance::Behind(_) => Some(now),
                Advance::Busy => None,
            };
            if let Some(held) = held {
                self.with_own(own, |bag| bag.close(held, now));
            }
        }
        let expired = own.into_iter().flat_map(|own| Expired::new(self, own, now));
        let shared = if self.seems_to_share() { self.take_shared(now) } else { Vec::new() };
        free_all(shared.into_iter().chain(expired));
    }

    /// Frees all garbage that can be freed now, whichever thread retired it, and what its drops retire.
    pub(crate) fn collect_all(&self, own: Option<&Record>) {
        for _ in 0..ROUNDS {
            self.empty_bags();
            let any = self.free_shared(own);
            // Other threads may retire objects all the time, which is no reason to continue.
            if !any || own.is_some_and(|own| !own.has_retired.load(Ordering::Relaxed)) {
                break;
            }
        }
    }

    /// Frees the shared garbage, as far as possible now; says whether there was any.
    pub(crate) fn free_shared(&self, own: Option<&Record>) -> bool {
        self.pass(own);
        let expired = self.take_shared(self.epoch());
        let any = !expired.is_empty();
        free_all(expired);
        any
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::reclaim::Retired;

    static DOMAIN: Domain = Domain::new(true);
    static FREED: AtomicUsize = AtomicUsize::new(0);

    fn endless() -> Retired {
        /// # Safety
        ///
        /// None is needed.
        unsafe fn free(_: *mut ()) {
            FREED.fetch_add(1, Ordering::Relaxed);
            // Acts as if another thread had retired one more object meanwhile.
            DOMAIN.share(vec![endless()]);
        }
        // SAFETY: nothing is dropped.
        let mut retired = unsafe { Retired::new(std::ptr::null_mut(), free) };
        retired.stamp(DOMAIN.epoch());
        retired
    }

    #[test]
    fn garbage_retired_meanwhile_is_left_for_later() {
        let own = DOMAIN.join();
        DOMAIN.share(vec![endless(), endless()]);
        DOMAIN.collect_all(Some(own));
        assert_eq!(FREED.load(Ordering::Relaxed), 2);
    }
}
