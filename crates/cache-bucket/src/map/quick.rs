//! The ways that are taken nearly always: each a function that calls no other.

use cache_core::{HashBuilder, Key};

use super::Map;
use crate::raw::{Cell, Hash, Inline, Long, Near, Raw, Removed, Sought, Upsert};
use crate::reclaim::{self, Pinned, QuickGuard};

impl<K: Key + ?Sized, C: Cell, S: HashBuilder> Map<K, C, S> {
    /// Calls `f` with the value of a key that lies where it should, or elsewhere in its bucket, and with `with`: the way that
    /// is taken nearly always, with nothing on it that the others need. `None` says nothing of the key; then take one of those.
    ///
    /// `f` captures nothing, here and below: a closure is passed in memory as soon as it is more than two words, and what
    /// it captures more than once.
    #[inline(always)]
    pub(crate) fn quick<W: Copy, R>(
        &self,
        key: &K,
        with: W,
        f: impl FnOnce(Pinned<'_>, &C, W) -> Option<R> + Copy,
    ) -> Option<R> {
        match Inline::new(key, &self.hasher) {
            Some((key, hash)) => quick(&self.raw, hash, key, with, f, |raw, hash, key, with, guard| {
                quick_beyond(raw, hash, key, with, guard, f)
            }),
            None => self.quick_otherwise(key, with, f),
        }
    }

    /// The same, or inserts the key with `word`, whose outcome `inserted` makes.
    #[inline(always)]
    pub(crate) fn quick_upsert<R>(
        &self,
        key: &K,
        word: C::Word,
        f: impl FnOnce(Pinned<'_>, &C, C::Word) -> Option<R> + Copy,
        inserted: impl FnOnce(C::Word) -> R,
    ) -> Option<R> {
        match Inline::new(key, &self.hasher) {
            Some((key, hash)) => quick(&self.raw, hash, key, word, f, |raw, hash, key, word, guard| {
                insert_near(raw, hash, key, word, guard, f, inserted)
            }),
            None => self.quick_otherwise(key, word, f),
        }
    }

    /// The same for a key that is kept behind a pointer: hashed here, so that the way of shorter ones has no part in it.
    #[inline(never)]
    fn quick_otherwise<W: Copy, R>(
        &self,
        key: &K,
        with: W,
        f: impl FnOnce(Pinned<'_>, &C, W) -> Option<R> + Copy,
    ) -> Option<R> {
        let long = Long::new(key)?;
        let hash = long.hash(&self.hasher);
        quick(&self.raw, hash, long, with, f, |raw, hash, long, with, guard| {
            quick_beyond(raw, hash, long, with, guard, f)
        })
    }

    /// Removes a key; says whether it was there.
    #[inline(always)]
    pub(crate) fn remove(&self, key: &K) -> bool {
        let removed = match Inline::new(key, &self.hasher) {
            Some((key, hash)) => remove_near(&self.raw, hash, key),
            None => self.remove_long(key),
        };
        match removed {
            Some(Removed::Absent) => false,
            Some(Removed::Done) => {
                if C::IS_OWNED || Inline::unhashed(key).is_none() {
                    self.set_retired();
                }
                true
            }
            None => self.remove_otherwise(key),
        }
    }

    /// In the quick way, a key that is kept behind a pointer.
    #[inline(never)]
    fn remove_long(&self, key: &K) -> Option<Removed> {
        let long = Long::new(key)?;
        remove_near(&self.raw, long.hash(&self.hasher), long)
    }
}

/// [`Map::quick`], once the key is hashed: one function for short keys, and one for those behind a pointer.
///
/// A function of its own that calls no other and needs few registers, so that it saves none. What a caller saved would
/// be loaded again after the store to a value, and a processor may hold that load back until it knows where the store
/// goes, which takes as long as the cache miss before it: no two operations of a loop would overlap.
#[inline(never)]
fn quick<K: Key + ?Sized, C: Cell, Q: Sought, W: Copy, R>(
    raw: &Raw<K, C>,
    hash: Hash,
    key: Q,
    with: W,
    f: impl FnOnce(Pinned<'_>, &C, W) -> Option<R>,
    otherwise: impl FnOnce(&Raw<K, C>, Hash, Q, W, QuickGuard) -> Option<R>,
) -> Option<R> {
    let guard = reclaim::quick_pin()?;
    let pinned = guard.pinned();
    match raw.seek(pinned, hash, key) {
        Near::Found(cell) => f(pinned, cell, with),
        Near::Nothing => otherwise(raw, hash, key, with, guard),
        Near::Unclear => None,
    }
}

/// What [`quick`] goes on with for a key that may be elsewhere in its bucket: by a jump, as there is nothing to come back to.
#[inline(never)]
fn quick_beyond<K: Key + ?Sized, C: Cell, W, R>(
    raw: &Raw<K, C>,
    hash: Hash,
    key: impl Sought,
    with: W,
    guard: QuickGuard,
    f: impl FnOnce(Pinned<'_>, &C, W) -> Option<R>,
) -> Option<R> {
    let pinned = guard.pinned();
    f(pinned, raw.seek_beyond(pinned, hash, key)?, with)
}

/// What [`quick`] goes on with for an absent key.
#[inline(never)]
fn insert_near<K: Key + ?Sized, C: Cell, R>(
    raw: &Raw<K, C>,
    hash: Hash,
    key: Inline<'_>,
    word: C::Word,
    guard: QuickGuard,
    f: impl FnOnce(Pinned<'_>, &C, C::Word) -> Option<R>,
    inserted: impl FnOnce(C::Word) -> R,
) -> Option<R> {
    let done = if key.takes_one() {
        raw.insert_near::<true>(guard.pinned(), hash, key, word)
    } else {
        raw.insert_near::<false>(guard.pinned(), hash, key, word)
    };
    if done { Some(inserted(word)) } else { upsert_beyond(raw, hash, key, word, guard, f, inserted) }
}

/// And [`insert_near`] where there is no room, or the key may be elsewhere in its bucket.
#[inline(never)]
fn upsert_beyond<K: Key + ?Sized, C: Cell, R>(
    raw: &Raw<K, C>,
    hash: Hash,
    key: Inline<'_>,
    word: C::Word,
    guard: QuickGuard,
    f: impl FnOnce(Pinned<'_>, &C, C::Word) -> Option<R>,
    inserted: impl FnOnce(C::Word) -> R,
) -> Option<R> {
    let pinned = guard.pinned();
    match raw.upsert_beyond(pinned, hash, key, word)? {
        Upsert::Found(cell) => f(pinned, cell, word),
        Upsert::Inserted => Some(inserted(word)),
    }
}

/// [`Map::remove`] in the quick way, as a function of its own for the same reasons.
#[inline(never)]
fn remove_near<K: Key + ?Sized, C: Cell, Q: Sought>(raw: &Raw<K, C>, hash: Hash, key: Q) -> Option<Removed> {
    let guard = reclaim::quick_pin()?;
    match raw.remove_near(guard.pinned(), hash, key) {
        Some(removed) => Some(removed),
        None => remove_beyond(raw, guard, hash, key),
    }
}

#[inline(never)]
fn remove_beyond<K: Key + ?Sized, C: Cell, Q: Sought>(
    raw: &Raw<K, C>,
    guard: QuickGuard,
    hash: Hash,
    key: Q,
) -> Option<Removed> {
    raw.remove_beyond(guard.pinned(), hash, key)
}
