//! The fast paths of [`Map`]: each is a function that calls no other.

use cache_core::{HashBuilder, Key};

use super::Map;
use crate::raw::{AtHome, Cell, Hash, Inline, Long, Raw, Removed, Sought, Upsert};
use crate::reclaim::{self, FastGuard, Pinned};

impl<K: Key + ?Sized, C: Cell, S: HashBuilder> Map<K, C, S> {
    /// Calls `f` with the value of a present key and with `with`, on the fast path.
    ///
    /// The fast path finds a key in its home pair or elsewhere in its bucket. `None` says nothing about the key: the
    /// caller then takes the slow path.
    ///
    /// `f` captures nothing, here and below: the compiler passes a closure in memory as soon as it is larger than two
    /// words, and a captured value more than once.
    #[inline(always)]
    pub(crate) fn fast_update<W: Copy, R>(
        &self,
        key: &K,
        with: W,
        f: impl FnOnce(Pinned<'_>, &C, W) -> Option<R> + Copy,
    ) -> Option<R> {
        match Inline::new(key, &self.hasher) {
            Some((key, hash)) => {
                update_at_home(&self.raw, hash, key, with, f, |raw, hash, key, with, guard| {
                    update_in_bucket(raw, hash, key, with, guard, f)
                })
            }
            None => self.fast_update_long(key, with, f),
        }
    }

    /// Calls `f` with the value of a key and with `word`, or inserts the key with `word`, on the fast path.
    ///
    /// `inserted` makes the result of an insert. `None` says nothing about the key.
    #[inline(always)]
    pub(crate) fn fast_upsert<R>(
        &self,
        key: &K,
        word: C::Word,
        f: impl FnOnce(Pinned<'_>, &C, C::Word) -> Option<R> + Copy,
        inserted: impl FnOnce(C::Word) -> R,
    ) -> Option<R> {
        match Inline::new(key, &self.hasher) {
            Some((key, hash)) => {
                update_at_home(&self.raw, hash, key, word, f, |raw, hash, key, word, guard| {
                    insert_at_home(raw, hash, key, word, guard, f, inserted)
                })
            }
            None => self.fast_update_long(key, word, f),
        }
    }

    /// Does what [`fast_update`](Self::fast_update) does for a key that is kept behind a pointer.
    ///
    /// Such a key is hashed here, so that the code for shorter keys does not pay for it.
    #[inline(never)]
    fn fast_update_long<W: Copy, R>(
        &self,
        key: &K,
        with: W,
        f: impl FnOnce(Pinned<'_>, &C, W) -> Option<R> + Copy,
    ) -> Option<R> {
        let long = Long::new(key)?;
        let hash = long.hash(&self.hasher);
        update_at_home(&self.raw, hash, long, with, f, |raw, hash, long, with, guard| {
            update_in_bucket(raw, hash, long, with, guard, f)
        })
    }

    /// Removes a key; says whether it was there.
    #[inline(always)]
    pub(crate) fn remove(&self, key: &K) -> bool {
        let removed = match Inline::new(key, &self.hasher) {
            Some((key, hash)) => remove_at_home(&self.raw, hash, key),
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
            None => self.remove_slow(key),
        }
    }

    /// Removes a key that is kept behind a pointer, on the fast path.
    #[inline(never)]
    fn remove_long(&self, key: &K) -> Option<Removed> {
        let long = Long::new(key)?;
        remove_at_home(&self.raw, long.hash(&self.hasher), long)
    }
}

/// Does what [`Map::fast_update`] does once the key is hashed. There is one instance for short keys and one for keys
/// behind a pointer.
///
/// It calls no other function and needs few registers, so it saves none. A caller that saved registers would load
/// them again after the store to the value. A processor may hold that load back until it knows the address of the
/// store, which takes as long as the cache miss before it: no two operations of a loop would overlap.
#[inline(never)]
fn update_at_home<K: Key + ?Sized, C: Cell, Q: Sought, W: Copy, R>(
    raw: &Raw<K, C>,
    hash: Hash,
    key: Q,
    with: W,
    f: impl FnOnce(Pinned<'_>, &C, W) -> Option<R>,
    not_at_home: impl FnOnce(&Raw<K, C>, Hash, Q, W, FastGuard) -> Option<R>,
) -> Option<R> {
    let guard = reclaim::fast_pin()?;
    let pinned = guard.pinned();
    match raw.seek(pinned, hash, key) {
        AtHome::Found(cell) => f(pinned, cell, with),
        AtHome::Nothing => not_at_home(raw, hash, key, with, guard),
        AtHome::Unclear => None,
    }
}

/// Continues [`update_at_home`] for a key that may be elsewhere in its bucket. It is reached by a jump, because
/// nothing follows the call.
#[inline(never)]
fn update_in_bucket<K: Key + ?Sized, C: Cell, W, R>(
    raw: &Raw<K, C>,
    hash: Hash,
    key: impl Sought,
    with: W,
    guard: FastGuard,
    f: impl FnOnce(Pinned<'_>, &C, W) -> Option<R>,
) -> Option<R> {
    let pinned = guard.pinned();
    f(pinned, raw.seek_in_bucket(pinned, hash, key)?, with)
}

/// Continues [`update_at_home`] for a key that is not in its home pair: inserts it there, if there is room.
#[inline(never)]
fn insert_at_home<K: Key + ?Sized, C: Cell, R>(
    raw: &Raw<K, C>,
    hash: Hash,
    key: Inline<'_>,
    word: C::Word,
    guard: FastGuard,
    f: impl FnOnce(Pinned<'_>, &C, C::Word) -> Option<R>,
    inserted: impl FnOnce(C::Word) -> R,
) -> Option<R> {
    let done = if key.takes_one() {
        raw.insert_at_home::<true>(guard.pinned(), hash, key, word)
    } else {
        raw.insert_at_home::<false>(guard.pinned(), hash, key, word)
    };
    if done { Some(inserted(word)) } else { upsert_in_bucket(raw, hash, key, word, guard, f, inserted) }
}

/// Continues [`insert_at_home`] where the home pair has no room, or the key may be elsewhere in its bucket.
#[inline(never)]
fn upsert_in_bucket<K: Key + ?Sized, C: Cell, R>(
    raw: &Raw<K, C>,
    hash: Hash,
    key: Inline<'_>,
    word: C::Word,
    guard: FastGuard,
    f: impl FnOnce(Pinned<'_>, &C, C::Word) -> Option<R>,
    inserted: impl FnOnce(C::Word) -> R,
) -> Option<R> {
    let pinned = guard.pinned();
    match raw.upsert_in_bucket(pinned, hash, key, word)? {
        Upsert::Found(cell) => f(pinned, cell, word),
        Upsert::Inserted => Some(inserted(word)),
    }
}

/// Does what [`Map::remove`] does once the key is hashed, on the fast path. It is a function of its own for the
/// reasons given at [`update_at_home`].
#[inline(never)]
fn remove_at_home<K: Key + ?Sized, C: Cell, Q: Sought>(
    raw: &Raw<K, C>,
    hash: Hash,
    key: Q,
) -> Option<Removed> {
    let guard = reclaim::fast_pin()?;
    match raw.remove_at_home(guard.pinned(), hash, key) {
        Some(removed) => Some(removed),
        None => remove_in_bucket(raw, guard, hash, key),
    }
}

#[inline(never)]
fn remove_in_bucket<K: Key + ?Sized, C: Cell, Q: Sought>(
    raw: &Raw<K, C>,
    guard: FastGuard,
    hash: Hash,
    key: Q,
) -> Option<Removed> {
    raw.remove_in_bucket(guard.pinned(), hash, key)
}
