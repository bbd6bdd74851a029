//! Changes of stock and counts, counted, so that a comparison knows whether it saw them at rest.

use cache_core::seeded;

use crate::sync::Padded;
use crate::sync::atomic::{AtomicU64, Ordering};

/// The lower half of the word has the changes under way, the upper half those that were ever begun.
const BEGUN: u64 = 1 << 32;

/// How often stock and counts were changed, and whether somebody is about to.
///
/// Whoever takes or gives back begins a change before and ends it after. A comparison notes the [`Moment`] at which no change was under way
/// and reads. If no change was begun since, what it read belongs together.
#[derive(Debug, Default)]
pub(crate) struct Changes(Padded<AtomicU64>);

/// A moment at which nothing was under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(u64);

/// A change under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct Change<'a>(&'a AtomicU64);

impl Changes {
    pub(crate) fn begin(&self) -> Change<'_> {
        // `SeqCst`, as `ready` is: a buyer begins and reads it then, whoever closes the gate writes it and looks for changes then. One of the
        // two sees the other.
        self.0.0.fetch_add(BEGUN + 1, Ordering::SeqCst);
        Change(&self.0.0)
    }

    /// This moment, if nothing is under way.
    pub(crate) fn at_rest(&self) -> Option<Moment> {
        let word = self.0.0.load(Ordering::SeqCst);
        (word.is_multiple_of(BEGUN)).then_some(Moment(word))
    }

    /// Whether nothing was begun since.
    pub(crate) fn is_still(&self, moment: Moment) -> bool {
        self.0.0.load(Ordering::SeqCst) == moment.0 || seeded::bug("compare-restless")
    }

    /// Begins a change, unless another was begun since.
    pub(crate) fn begin_from(&self, moment: Moment) -> Option<Change<'_>> {
        let next = moment.0.wrapping_add(BEGUN + 1);
        let begun = self.0.0.compare_exchange(moment.0, next, Ordering::SeqCst, Ordering::SeqCst);
        begun.is_ok().then(|| Change(&self.0.0))
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_over_with_the_next_change() {
        let changes = Changes::default();
        let moment = changes.at_rest().expect("nothing was begun");
        let change = changes.begin();
        assert!(changes.at_rest().is_none());
        drop(change);
        assert!(!changes.is_still(moment) && changes.begin_from(moment).is_none());
        let moment = changes.at_rest().expect("it has ended");
        let mending = changes.begin_from(moment).expect("nothing was begun since");
        assert!(changes.at_rest().is_none() && changes.begin_from(moment).is_none());
        drop(mending);
        assert!(changes.at_rest().is_some());
    }
}
