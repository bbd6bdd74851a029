//! What both caches do alike: hash a key, pin, and after the pin see to what is left to do.

mod quick;

use std::sync::atomic::{AtomicBool, Ordering};

use cache_core::{HashBuilder, Key, Options};

use crate::raw::{Assist, Cell, Chores, Entry, Hash, Inline, Long, Probe, Raw, Unused, Upsert};
use crate::reclaim::{self, GRACE, Pinned};

/// A generation of so many bytes is not left to be freed when something else is.
const LARGE: usize = 1 << 20;
/// How many times `shrink_to_fit` gives the processor away for others who are in the way. Each time may take a time slice.
const PATIENCE: usize = 4;

pub(crate) struct Map<K: Key + ?Sized, C: Cell, S> {
    // In this order: what the table leaves behind is freed last.
    raw: Raw<K, C>,
    hasher: S,
    sweeper: Sweeper,
}

/// Frees what a cache that is dropped has retired, if it has, as far as readers of other caches let it.
struct Sweeper(AtomicBool);

impl Drop for Sweeper {
    fn drop(&mut self) {
        if !*self.0.get_mut() {
            return;
        }
        if std::thread::panicking() {
            // A second panic would end the process.
            reclaim::quietly(reclaim::sweep);
        } else {
            reclaim::sweep();
        }
    }
}

/// What is to be done after an insert or update, once its caller no longer owns what it handed over: what users wrote may
/// run then, and panic.
#[must_use]
pub(crate) struct Rest<K: Key + ?Sized> {
    pub(crate) chores: Chores,
    unused: Unused<K>,
}

impl<K: Key + ?Sized, C: Cell, S: HashBuilder> Map<K, C, S> {
    pub(crate) fn new(options: Options<S>, large_pages: bool) -> Self {
        reclaim::decide();
        crate::seeded::read_variable();
        let raw = Raw::new(options.initial_capacity(), large_pages);
        Self { raw, hasher: options.into_hasher(), sweeper: Sweeper(AtomicBool::new(false)) }
    }

    /// Calls `f` with the word of a key's value, under a pin.
    #[inline(always)]
    pub(crate) fn get<R>(&self, key: &K, f: impl FnOnce(C::Word) -> R) -> Option<R> {
        if let Some(long) = Long::new(key) {
            return get_long(&self.raw, long.hash(&self.hasher), long, key, f);
        }
        let (probe, hash) = Probe::new(key, &self.hasher);
        match reclaim::quick_pin() {
            Some(guard) => self.raw.get(guard.pinned(), hash, probe).map(f),
            None => self.get_otherwise(key, f),
        }
    }

    #[cold]
    #[inline(never)]
    fn get_otherwise<R>(&self, key: &K, f: impl FnOnce(C::Word) -> R) -> Option<R> {
        let (probe, hash) = Probe::new(key, &self.hasher);
        let guard = reclaim::pin();
        self.raw.get(guard.pinned(), hash, probe).map(f)
    }

    /// Calls `f` with the value of a present key. See [`Raw::update`].
    pub(crate) fn update<R>(&self, key: &K, f: &mut dyn FnMut(Pinned<'_>, &C) -> Option<R>) -> Option<R> {
        let (probe, hash) = Probe::new(key, &self.hasher);
        let guard = reclaim::pin();
        let (result, chores) =
            self.raw.update(guard.pinned(), hash, probe, &mut |cell| f(guard.pinned(), cell));
        drop(guard);
        self.see_to(chores);
        result
    }

    /// Calls `f` with the value of a key, or inserts the key with `word`. See [`Raw::upsert`].
    ///
    /// The caller passes the rest to [`finish`](Self::finish) once it no longer owns what `word` stands for.
    pub(crate) fn upsert<R>(
        &self,
        key: &K,
        word: C::Word,
        f: &mut dyn FnMut(Pinned<'_>, &C) -> Option<R>,
    ) -> (Upsert<R>, Rest<K>) {
        let (probe, hash) = Probe::new(key, &self.hasher);
        let guard = reclaim::pin_either();
        let (outcome, chores, unused) =
            self.raw.upsert(guard.pinned(), hash, probe, word, &mut |cell| f(guard.pinned(), cell));
        (outcome, Rest { chores, unused })
    }

    /// Does what an insert or update has left to do. What users wrote may run, and panic.
    pub(crate) fn finish(&self, rest: Rest<K>) {
        self.see_to(rest.chores);
        drop(rest.unused);
    }

    /// Removes a key, whatever is in the way; says whether it was there.
    #[inline(never)]
    fn remove_otherwise(&self, key: &K) -> bool {
        let (probe, hash) = Probe::new(key, &self.hasher);
        let guard = reclaim::pin_either();
        let (removed, chores) = self.raw.remove(guard.pinned(), hash, probe);
        drop(guard);
        if removed {
            self.set_retired();
        }
        self.see_to(chores);
        removed
    }

    /// Removes a key while its value is `word`; the word that it has if that is another one.
    pub(crate) fn remove_if(&self, key: &K, word: C::Word) -> Option<C::Word> {
        let (probe, hash) = Probe::new(key, &self.hasher);
        let guard = reclaim::pin_either();
        let (other, chores) = self.raw.remove_if(guard.pinned(), hash, probe, word);
        drop(guard);
        self.set_retired();
        self.see_to(chores);
        other
    }

    pub(crate) fn len(&self) -> usize {
        self.raw.len()
    }

    /// The most buckets in a chain.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn longest_chain(&self) -> usize {
        self.raw.longest_chain(reclaim::pin().pinned())
    }

    pub(crate) fn clear(&self) {
        let mut next = Some(0);
        while let Some(from) = next {
            let guard = reclaim::pin();
            let chores;
            (next, chores) = self.raw.wipe(guard.pinned(), from);
            drop(guard);
            self.set_retired();
            self.see_to(chores);
        }
        self.shrink_to_fit();
    }

    /// Calls `f` with every key and its word, and removes the key if `f` says so.
    pub(crate) fn sweep(&self, f: &mut dyn FnMut(&K, C::Word) -> bool) {
        let mut next = Some(0);
        while let Some(from) = next {
            let guard = reclaim::pin();
            let mut chores = Chores::NONE;
            let mut found: Vec<Entry<'_, C>> = Vec::new();
            next = self.raw.gather(guard.pinned(), from, &self.hasher, &mut found);
            for entry in &found {
                let mut visit = |key: &K| {
                    let mut word = entry.word;
                    while !f(key, word) {
                        let (probe, hash) = Probe::new(key, &self.hasher);
                        let (other, more) = self.raw.remove_if(guard.pinned(), hash, probe, word);
                        chores = chores | more;
                        // Set anew since `f` was asked: then it is asked of that.
                        match other {
                            Some(other) => word = other,
                            None => {
                                self.set_retired();
                                break;
                            }
                        }
                    }
                };
                // SAFETY: the entry is of `raw`, whose keys are of type `K`.
                unsafe { entry.with_key(&mut visit) };
            }
            drop(found);
            drop(guard);
            reclaim::after_long_pin();
            self.see_to(chores);
        }
    }

    /// Hashes and looks up several keys so that their cache misses overlap.
    #[inline(always)]
    pub(crate) fn get_group<const N: usize>(&self, keys: &[&K], mut f: impl FnMut(usize, Option<C::Word>)) {
        debug_assert!(keys.len() <= N);
        let guard = reclaim::pin();
        let pinned = guard.pinned();
        // Found out once: what is in a table that is open now stays there while we are pinned.
        let open = self.raw.open(pinned);
        let mut hashes = [Hash(0); N];
        for (key, hash) in keys.iter().zip(&mut hashes) {
            *hash = Probe::new(*key, &self.hasher).1;
            self.raw.prefetch(pinned, *hash);
        }
        for (i, key) in keys.iter().enumerate() {
            let near = match (&open, Inline::unhashed(*key)) {
                (Some(open), Some(key)) => open.get_near(hashes[i], key),
                _ => None,
            };
            let word = near.or_else(|| self.raw.get(pinned, hashes[i], Probe::unhashed(*key)));
            f(i, word);
        }
    }

    /// Shrinks the table to what its entries need now, and gives memory back as far as readers let it.
    pub(crate) fn shrink_to_fit(&self) {
        self.finish_resizing();
        let guard = reclaim::pin();
        let chores = self.raw.shrink_to_fit(guard.pinned());
        drop(guard);
        self.see_to(chores);
        self.finish_resizing();
        reclaim::tidy_now();
    }

    /// Remembers that something of this cache was retired.
    #[inline(always)]
    pub(crate) fn set_retired(&self) {
        if !self.sweeper.0.load(Ordering::Relaxed) {
            self.sweeper.0.store(true, Ordering::Relaxed);
        }
    }

    /// Sees a resizing through, unless others are in the way for long.
    fn finish_resizing(&self) {
        let mut waits = 0;
        while waits < PATIENCE {
            let guard = reclaim::pin();
            let assist = self.raw.assist(guard.pinned(), &self.hasher, usize::MAX);
            drop(guard);
            match assist {
                Assist::Idle => return,
                Assist::TooEarly => {
                    if !reclaim::try_move() {
                        waits += 1;
                        std::thread::yield_now();
                    }
                }
                // What is left is being moved by others.
                Assist::Moved => {
                    waits += 1;
                    std::thread::yield_now();
                }
                Assist::Finished(_) => self.set_retired(),
            }
        }
    }

    /// Does what operations leave to be done when they are no longer pinned. What users wrote may run, and panic.
    #[inline(always)]
    pub(crate) fn see_to(&self, chores: Chores) {
        if chores.any() {
            self.do_chores(chores);
        }
    }

    #[cold]
    #[inline(never)]
    fn do_chores(&self, chores: Chores) {
        if chores.has(Chores::RESIZED | Chores::FULL | Chores::CROWDED) {
            reclaim::make_room();
        }
        if chores.has(Chores::RESIZED | Chores::MOVE) {
            let guard = reclaim::pin();
            let assist = self.raw.assist(guard.pinned(), &self.hasher, self.raw.step(guard.pinned()));
            let due = guard.pinned().count_write();
            drop(guard);
            match assist {
                Assist::TooEarly if due => reclaim::tidy(),
                // It should go as soon as it can.
                Assist::Finished(bytes) => {
                    self.set_retired();
                    if bytes >= LARGE {
                        (0..GRACE).for_each(|_| reclaim::tidy());
                    }
                }
                _ => {}
            }
        }
        if chores.has(Chores::TIDY) {
            reclaim::tidy();
        }
    }
}

/// [`Map::get`] of a key behind a pointer, apart from that of others, whose registers it would need.
#[inline(never)]
fn get_long<K: Key + ?Sized, C: Cell, R>(
    raw: &Raw<K, C>,
    hash: Hash,
    long: Long<'_>,
    key: &K,
    f: impl FnOnce(C::Word) -> R,
) -> Option<R> {
    let guard = reclaim::pin_either();
    raw.get(guard.pinned(), hash, long.probe(key)).map(f)
}

impl<K: Key + ?Sized, C: Cell, S> std::fmt::Debug for Map<K, C, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.raw.fmt(f)
    }
}
