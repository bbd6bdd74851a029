//! The black list and the white list.

use cache_core::{Backend, DefaultHashBuilder, IntCache, Options, seeded};

use crate::sync::atomic::{AtomicI64, Ordering};
use crate::sync::{Mutex, lock};

/// A set of users that can be replaced as a whole while it is read.
///
/// Each user has the number of the list that it is on. A new list is written beside the old one, with the next number, and
/// begins to count with one store. So no user who is on both is ever seen as missing.
#[derive(Debug)]
pub(crate) struct List<B: Backend> {
    users: B::Int<str, DefaultHashBuilder>,
    /// The least number that counts.
    current: AtomicI64,
    /// Held by those who change the list.
    writer: Mutex<()>,
}

impl<B: Backend> List<B> {
    pub(crate) fn new() -> Self {
        Self { users: B::int(Options::new()), current: AtomicI64::new(0), writer: Mutex::new(()) }
    }

    #[inline]
    pub(crate) fn contains(&self, user: &str) -> bool {
        if seeded::bug("list-late") {
            let number = self.users.get(user);
            return number.is_some_and(|number| number >= self.current.load(Ordering::Acquire));
        }
        // First: what is replaced after this has a number that is at least as large.
        let current = self.current.load(Ordering::Acquire);
        self.users.get(user).is_some_and(|number| number >= current)
    }

    /// Adds a user. Tells whether it is new.
    pub(crate) fn add(&self, user: &str) -> bool {
        let _writer = lock(&self.writer);
        let current = self.current.load(Ordering::Relaxed);
        self.users.swap(user, current).is_none_or(|number| number < current)
    }

    /// Removes a user. Tells whether it was there.
    pub(crate) fn remove(&self, user: &str) -> bool {
        let _writer = lock(&self.writer);
        self.users.take(user).is_some_and(|number| number >= self.current.load(Ordering::Relaxed))
    }

    /// Replaces the list. Returns how many are on the new one.
    pub(crate) fn replace<U: AsRef<str>>(&self, users: impl IntoIterator<Item = U>) -> usize {
        // The caller's iterator runs under no lock of ours.
        let users: Vec<U> = users.into_iter().collect();
        let _writer = lock(&self.writer);
        let next = self.current.load(Ordering::Relaxed) + 1;
        users.iter().for_each(|user| self.users.set(user.as_ref(), next));
        self.current.store(next, Ordering::Release);
        self.users.retain(&mut |_, number| number >= next);
        self.users.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.users.len()
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use cache_rwlock::RwLockBackend;

    use super::*;

    #[test]
    fn a_new_list_replaces_the_old_one() {
        let list = List::<RwLockBackend>::new();
        assert!(list.add("ann") && list.add("bob") && !list.add("bob"));
        assert_eq!(list.replace(["bob", "cid", "cid"]), 2);
        assert_eq!(["ann", "bob", "cid"].map(|user| list.contains(user)), [false, true, true]);
        assert!(list.add("ann") && list.remove("bob") && !list.remove("bob"));
        assert_eq!(["ann", "bob", "cid"].map(|user| list.contains(user)), [true, false, true]);
        assert_eq!(list.replace(Vec::<&str>::new()), 0);
        assert!(!list.contains("cid"));
    }
}
