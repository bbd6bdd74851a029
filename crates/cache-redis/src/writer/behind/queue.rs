//! Changes that wait to be written, merged by key.

use std::borrow::Borrow;
use std::collections::{HashMap, VecDeque};

use cache_core::Key;

use super::QueueError;

/// The changes of one key since it was last taken, as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pending {
    Add(i64),
    Set(i64),
    Del,
}

impl Pending {
    /// Two changes, one after the other, as one; `None` if that is none of 64 bits.
    fn then(self, next: Self) -> Option<Self> {
        Some(match (self, next) {
            (Self::Add(first), Self::Add(second)) => Self::Add(first.checked_add(second)?),
            (Self::Set(value), Self::Add(delta)) => Self::Set(value.checked_add(delta)?),
            // An absent key counts from 0.
            (Self::Del, Self::Add(delta)) => Self::Set(delta),
            (_, Self::Set(_) | Self::Del) => next,
        })
    }
}

/// Keys with their changes, in the order in which they were first changed.
///
/// Each key that comes in has a number, from 1. Keys leave in that order, so it says how far the queue was written.
#[derive(Debug)]
pub(super) struct Queue<K: Key + ?Sized> {
    most: usize,
    changes: HashMap<K::Owned, Pending, foldhash::fast::RandomState>,
    order: VecDeque<K::Owned>,
    came: u64,
    left: u64,
}

impl<K: Key + ?Sized> Queue<K> {
    pub(super) fn new(most: usize) -> Self {
        let changes = HashMap::default();
        Self { most, changes, order: VecDeque::new(), came: 0, left: 0 }
    }

    /// Adds a change, or says why it does not, and then calls nothing. `apply` makes it locally.
    pub(super) fn push<R>(
        &mut self,
        key: &K,
        change: Pending,
        apply: impl FnOnce() -> R,
    ) -> Result<R, QueueError> {
        if let Some(pending) = self.changes.get_mut(key) {
            *pending = pending.then(change).ok_or(QueueError::Overflow)?;
            return Ok(apply());
        }
        if self.changes.len() >= self.most {
            return Err(QueueError::Full { keys: self.most });
        }
        let owned = key.to_owned_key();
        self.changes.insert(owned.clone(), change);
        self.order.push_back(owned);
        self.came += 1;
        Ok(apply())
    }

    /// Takes the oldest keys out: at most `most`.
    pub(super) fn take(&mut self, most: usize) -> Vec<(K::Owned, Pending)> {
        let keys = self.order.drain(..most.min(self.order.len()));
        let taken: Vec<_> = keys
            .map(|key| {
                let change = self.changes.remove(key.borrow()).expect("each key in the order has a change");
                (key, change)
            })
            .collect();
        self.left += taken.len() as u64;
        taken
    }

    /// The number of keys that wait.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// The number of the last key that came in.
    pub(super) fn came(&self) -> u64 {
        self.came
    }

    /// The number of the last key that was taken.
    pub(super) fn left(&self) -> u64 {
        self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Pending::{Add, Del, Set};

    /// What a key holds after a change.
    fn after(value: Option<i64>, change: Pending) -> Option<i64> {
        match change {
            Add(delta) => Some(value.unwrap_or(0) + delta),
            Set(value) => Some(value),
            Del => None,
        }
    }

    #[test]
    fn two_changes_as_one_have_the_effect_of_both() {
        let changes = [Add(5), Add(-3), Set(7), Del];
        for first in changes {
            for second in changes {
                for start in [None, Some(0), Some(100)] {
                    let both = first.then(second).unwrap();
                    assert_eq!(
                        after(start, both),
                        after(after(start, first), second),
                        "{first:?} {second:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_sum_that_is_too_large_is_refused_and_changes_nothing() {
        let mut queue = Queue::<str>::new(10);
        queue.push("a", Add(i64::MAX), || ()).unwrap();
        let refused = queue.push("a", Add(1), || panic!("it was refused"));
        assert_eq!(refused, Err(QueueError::Overflow));
        assert_eq!(queue.take(10), [("a".into(), Add(i64::MAX))]);
    }

    #[test]
    fn keys_leave_in_the_order_in_which_they_came() {
        let mut queue = Queue::<u64>::new(3);
        for key in [1, 2, 1, 3] {
            queue.push(&key, Add(1), || ()).unwrap();
        }
        assert_eq!(queue.push(&4, Add(1), || ()), Err(QueueError::Full { keys: 3 }));
        assert_eq!(queue.push(&1, Add(1), || 9), Ok(9));
        assert_eq!((queue.came(), queue.left(), queue.len()), (3, 0, 3));
        assert_eq!(queue.take(2), [(1, Add(3)), (2, Add(1))]);
        assert_eq!((queue.came(), queue.left(), queue.len()), (3, 2, 1));
        // It counts as new, and comes after those that wait.
        queue.push(&1, Del, || ()).unwrap();
        assert_eq!(queue.take(9), [(3, Add(1)), (1, Del)]);
        assert_eq!((queue.came(), queue.left(), queue.len()), (4, 4, 0));
        assert!(queue.take(9).is_empty());
    }
}
