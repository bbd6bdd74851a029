//! The latch of an item: "sold out" in one load.

use cache_core::seeded;

use crate::sync::atomic::{AtomicU64, Ordering};

const CLOSED: u64 = 1;
const RETURN: u64 = 2;

/// Whether an item is sold out, and how often units came back.
///
/// A buyer [reads](Latch::read) it, finds no stock, and [closes](Latch::close) it by compare-and-exchange from what was read. Whoever
/// gives back adds to the stock first and calls [`returned`](Latch::returned) then. If units came back between the buyer's two looks, the
/// number has changed and the latch stays open. If they come back later, it is opened.
#[derive(Debug, Default)]
pub(crate) struct Latch(AtomicU64);

impl Latch {
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.0.load(Ordering::Acquire) & CLOSED != 0
    }

    /// What [`close`](Latch::close) needs, read before the stock is.
    pub(crate) fn read(&self) -> u64 {
        // Pairs with `returned`: who sees the number of a return sees its units.
        self.0.load(Ordering::Acquire)
    }

    /// Closes it unless units came back since it was `seen`. Tells whether this call did.
    pub(crate) fn close(&self, seen: u64) -> bool {
        seen & CLOSED == 0
            && self.0.compare_exchange(seen, seen | CLOSED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Opens it after units came back. Tells whether it was closed.
    pub(crate) fn returned(&self) -> bool {
        let change = |word: u64| {
            if seeded::bug("latch-uncounted") {
                return Some(word & !CLOSED);
            }
            Some((word & !CLOSED).wrapping_add(RETURN))
        };
        let before = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, change);
        before.is_ok_and(|word| word & CLOSED != 0)
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn a_return_between_the_looks_keeps_it_open() {
        let latch = Latch::default();
        let seen = latch.read();
        assert!(!latch.returned());
        assert!(!latch.close(seen) && !latch.is_closed());
        assert!(latch.close(latch.read()) && latch.is_closed());
        assert!(!latch.close(latch.read()), "it is closed once");
        assert!(latch.returned() && !latch.is_closed());
    }
}
