use std::hint::black_box;

use super::Peer;
use crate::beat::beaten;
use crate::keys::{KeyForm, KeyIter};
use crate::timer::Timer;

/// The results of some requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// How many found their key.
    pub hits: u64,
    /// The bits in which some value differed from its key's; 0 if all values were right.
    pub wrong: u64,
}

impl Found {
    #[inline]
    fn note(&mut self, value: Option<u64>, tag: u64) {
        if let Some(value) = value {
            self.hits += 1;
            self.wrong |= value ^ tag;
        }
    }
}

impl std::ops::AddAssign for Found {
    fn add_assign(&mut self, other: Found) {
        self.hits += other.hits;
        self.wrong |= other.wrong;
    }
}

/// A cache as the harness drives it: many requests at a time.
///
/// The one `dyn` call is for a whole batch; the loop inside is compiled for the cache. The value of a key is its
/// [tag](KeyForm::tag).
pub trait Subject: Send + Sync {
    /// Looks the keys up.
    fn look_up(&self, keys: KeyIter<'_>) -> Found;
    /// Looks the keys up, and inserts those that are absent.
    fn request(&self, keys: KeyIter<'_>) -> Found;
    /// Inserts the keys.
    fn insert(&self, keys: KeyIter<'_>, before: &mut dyn FnMut());
    /// Inserts the keys, each timed, and `before` being called before each.
    fn insert_timed(&self, keys: KeyIter<'_>, timer: &mut Timer, before: &mut dyn FnMut());
    /// The number of entries, if the cache tells.
    fn count(&self) -> Option<usize>;
    /// Whether there is anything to check.
    fn stores(&self) -> bool {
        true
    }
}

/// A [`Peer`] as a [`Subject`].
#[derive(Debug)]
pub struct Driven<P>(pub P);

impl<P: Peer> Subject for Driven<P> {
    fn look_up(&self, keys: KeyIter<'_>) -> Found {
        let mut found = Found::default();
        for key in P::Key::of(keys) {
            found.note(self.0.get(key), key.tag());
        }
        found
    }

    fn request(&self, keys: KeyIter<'_>) -> Found {
        let mut found = Found::default();
        for key in P::Key::of(keys) {
            let value = self.0.get(key);
            if value.is_none() {
                self.0.insert(key, key.tag());
            }
            found.note(value, key.tag());
        }
        found
    }

    fn insert(&self, keys: KeyIter<'_>, before: &mut dyn FnMut()) {
        for key in P::Key::of(keys) {
            before();
            self.0.insert(key, key.tag());
        }
    }

    fn insert_timed(&self, keys: KeyIter<'_>, timer: &mut Timer, before: &mut dyn FnMut()) {
        for key in P::Key::of(keys) {
            before();
            beaten(timer, || self.0.insert(key, key.tag()));
        }
    }

    fn count(&self) -> Option<usize> {
        self.0.count()
    }
}

/// The loop alone, for keys of text.
#[derive(Debug)]
pub(super) struct Empty;

impl Subject for Empty {
    fn look_up(&self, keys: KeyIter<'_>) -> Found {
        for key in str::of(keys) {
            black_box((key, key.tag()));
        }
        Found::default()
    }

    fn request(&self, keys: KeyIter<'_>) -> Found {
        self.look_up(keys)
    }

    fn insert(&self, _keys: KeyIter<'_>, _before: &mut dyn FnMut()) {}

    fn insert_timed(&self, keys: KeyIter<'_>, timer: &mut Timer, before: &mut dyn FnMut()) {
        for key in str::of(keys) {
            before();
            beaten(timer, || black_box((key, key.tag())));
        }
    }

    fn count(&self) -> Option<usize> {
        None
    }

    fn stores(&self) -> bool {
        false
    }
}
