//! The part that both caches share: it hashes a key, pins, calls the table, and does the maintenance after the pin.

mod fast;

use std::borrow::Borrow;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use cache_core::{HashBuilder, Key, Options};

use crate::raw::{Assist, Cell, Entry, Hash, Inline, Long, Maintenance, Probe, Raw, Removal, Unused, Upsert};
use crate::reclaim::{self, GRACE, Guard, Pinned};

/// A generation of at least this many bytes is freed as soon as possible, not together with other garbage.
const LARGE: usize = 1 << 20;
/// How many times `shrink_to_fit` yields the processor to threads that are in the way. Each yield may take a time
/// slice.
const PATIENCE: usize = 4;
/// About how many entries a sweep looks at under one pin.
const AT_ONCE: usize = 256;

pub(crate) struct Map<K: Key + ?Sized, C: Cell, S> {
    // The order of fields matters: what the table leaves behind is freed last.
    raw: Raw<K, C>,
    hasher: S,
    on_drop: CollectOnDrop,
}

/// Frees what a dropped cache has retired, if anything, as far as readers of other caches allow.
struct CollectOnDrop(AtomicBool);

impl Drop for CollectOnDrop {
    fn drop(&mut self) {
        if !*self.0.get_mut() {
            return;
        }
        if std::thread::panicking() {
            // A second panic would end the process.
            reclaim::quietly(reclaim::collect_dropped);
        } else {
            reclaim::collect_dropped();
        }
    }
}

/// The decision of a sweep's closure about one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visit {
    Keep,
    Remove,
    /// The key stays, and the sweep ends.
    Stop,
}

impl From<ControlFlow<()>> for Visit {
    fn from(flow: ControlFlow<()>) -> Self {
        if flow.is_continue() { Visit::Keep } else { Visit::Stop }
    }
}

/// The work that an insert or update leaves to be done once its caller no longer owns the word: users' code may run
/// then, and panic.
#[must_use]
pub(crate) struct Rest<K: Key + ?Sized> {
    pub(crate) maintenance: Maintenance,
    unused: Unused<K>,
}

impl<K: Key + ?Sized, C: Cell, S: HashBuilder> Map<K, C, S> {
    pub(crate) fn new(options: Options<S>, large_pages: bool) -> Self {
        reclaim::choose_barrier();
        crate::seeded::read_variable();
        let raw = Raw::new(options.initial_capacity(), large_pages);
        Self { raw, hasher: options.into_hasher(), on_drop: CollectOnDrop(AtomicBool::new(false)) }
    }

    /// Calls `f` with the word of a key's value, under a pin.
    #[inline(always)]
    pub(crate) fn get<R>(&self, key: &K, f: impl FnOnce(C::Word) -> R) -> Option<R> {
        if let Some(long) = Long::new(key) {
            return get_long(&self.raw, long.hash(&self.hasher), long, key, f);
        }
        let (probe, hash) = Probe::new(key, &self.hasher);
        match reclaim::fast_pin() {
            Some(guard) => self.raw.get(guard.pinned(), hash, probe).map(f),
            None => self.get_slow(key, f),
        }
    }

    #[cold]
    #[inline(never)]
    fn get_slow<R>(&self, key: &K, f: impl FnOnce(C::Word) -> R) -> Option<R> {
        let (probe, hash) = Probe::new(key, &self.hasher);
        let guard = reclaim::pin();
        self.raw.get(guard.pinned(), hash, probe).map(f)
    }

    /// Calls `f`, a user's closure, with the word of a key's value under a pin; says whether the key is there.
    #[inline(always)]
    pub(crate) fn visit(&self, key: &K, f: impl FnOnce(C::Word)) -> bool {
        let (probe, hash) = Probe::new(key, &self.hasher);
        let guard = reclaim::pin_either();
        let Some(word) = self.raw.get(guard.pinned(), hash, probe) else { return false };
        let _rest = guard.rest();
        f(word);
        true
    }

    /// Calls `f` with the value of a present key. See [`Raw::update`].
    pub(crate) fn update<R>(&self, key: &K, f: &mut dyn FnMut(Pinned<'_>, &C) -> Option<R>) -> Option<R> {
        let (probe, hash) = Probe::new(key, &self.hasher);
        let guard = reclaim::pin();
        let (result, maintenance) =
            self.raw.update(guard.pinned(), hash, probe, &mut |cell| f(guard.pinned(), cell));
        drop(guard);
        self.maintain(maintenance);
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
        let (outcome, maintenance, unused) =
            self.raw.upsert(guard.pinned(), hash, probe, word, &mut |cell| f(guard.pinned(), cell));
        (outcome, Rest { maintenance, unused })
    }

    /// Does the work that an insert or update left. Users' code may run, and panic.
    pub(crate) fn finish(&self, rest: Rest<K>) {
        self.maintain(rest.maintenance);
        drop(rest.unused);
    }

    /// Removes a key on the slow path; says whether it was there.
    #[inline(never)]
    fn remove_slow(&self, key: &K) -> bool {
        let (probe, hash) = Probe::new(key, &self.hasher);
        let guard = reclaim::pin_either();
        let (removed, maintenance) = self.raw.remove(guard.pinned(), hash, probe);
        drop(guard);
        if removed {
            self.set_retired();
        }
        self.maintain(maintenance);
        removed
    }

    /// Removes a key, if its word is `expected` or none is expected. Calls `f` under the pin with the removed word.
    ///
    /// # Panics
    ///
    /// Panics if a key's code calls this in the middle of another operation, and values are written without a lock.
    pub(crate) fn remove_if<R>(
        &self,
        key: &K,
        expected: Option<C::Word>,
        mut f: impl FnMut(C::Word) -> R,
    ) -> Removal<R, C::Word> {
        loop {
            let (probe, hash) = Probe::new(key, &self.hasher);
            let guard = reclaim::pin();
            assert_may_wait::<C>(&guard);
            let (removal, maintenance) = self.raw.remove_if(guard.pinned(), hash, probe, expected);
            let removal = match removal {
                Removal::Removed(word) => Removal::Removed(f(word)),
                Removal::Other(word) => Removal::Other(word),
                Removal::Absent => Removal::Absent,
                Removal::Unsettled => Removal::Unsettled,
            };
            drop(guard);
            match removal {
                Removal::Removed(_) => self.set_retired(),
                Removal::Unsettled => {
                    // Once the epoch has moved on, all threads execute fences.
                    self.maintain(maintenance);
                    reclaim::collect();
                    std::thread::yield_now();
                    continue;
                }
                Removal::Other(_) | Removal::Absent => {}
            }
            reclaim::after_long_pin();
            self.maintain(maintenance);
            return removal;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.raw.len()
    }

    /// The greatest number of buckets in a chain.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn longest_chain(&self) -> usize {
        self.raw.longest_chain(reclaim::pin().pinned())
    }

    pub(crate) fn clear(&self) {
        let mut next = None;
        loop {
            let guard = reclaim::pin();
            let at = next.unwrap_or_else(|| self.raw.sweep(guard.pinned()));
            let maintenance;
            (next, maintenance) = self.raw.clear_at(guard.pinned(), at);
            drop(guard);
            self.set_retired();
            self.maintain(maintenance);
            if next.is_none() {
                break;
            }
        }
        self.shrink_to_fit();
    }

    /// Calls `f` with every key and its word. If `f` says so, removes the key, provided that it still has that word;
    /// if not, asks `f` again. Breaks if `f` says stop.
    pub(crate) fn sweep(&self, f: &mut dyn FnMut(&K, C::Word) -> Visit) -> ControlFlow<()> {
        let mut next = None;
        loop {
            let guard = reclaim::pin();
            let rest = guard.rest();
            let at = next.unwrap_or_else(|| self.raw.sweep(guard.pinned()));
            let mut found: Vec<Entry<'_, C>> = Vec::with_capacity(AT_ONCE);
            next = self.raw.gather(guard.pinned(), at, &self.hasher, &mut found);
            while let (Some(at), true) = (next, found.len() < AT_ONCE / 2) {
                next = self.raw.gather(guard.pinned(), at, &self.hasher, &mut found);
            }
            let (mut maintenance, mut late, mut all) = (Maintenance::NONE, Vec::new(), true);
            for entry in &found {
                let mut visit = |key: &K| {
                    let mut word = entry.word;
                    loop {
                        match f(key, word) {
                            Visit::Keep => return true,
                            Visit::Stop => return false,
                            Visit::Remove => {}
                        }
                        assert_may_wait::<C>(&guard);
                        let (probe, hash) = Probe::new(key, &self.hasher);
                        let (removal, more) = self.raw.remove_if(guard.pinned(), hash, probe, Some(word));
                        maintenance = maintenance | more;
                        match removal {
                            // The value changed since `f` was asked: ask again with the new one.
                            Removal::Other(other) => {
                                word = other;
                                continue;
                            }
                            Removal::Removed(_) => self.set_retired(),
                            Removal::Absent => {}
                            Removal::Unsettled => late.push((key.to_owned_key(), word)),
                        }
                        return true;
                    }
                };
                // SAFETY: the entry is of `raw`, whose keys are of type `K`.
                all = unsafe { entry.with_key(&mut visit) }.unwrap_or(true);
                if !all {
                    break;
                }
            }
            drop(found);
            drop(rest);
            drop(guard);
            reclaim::after_long_pin();
            self.maintain(maintenance);
            all = all && late.into_iter().all(|(key, word)| self.remove_late(key.borrow(), word, f));
            if !all {
                return ControlFlow::Break(());
            }
            if next.is_none() {
                return ControlFlow::Continue(());
            }
        }
    }

    /// Removes a key for whose `word` `f` asked that; asks `f` again if the word has changed. Says whether `f` wants
    /// to go on.
    fn remove_late(&self, key: &K, mut word: C::Word, f: &mut dyn FnMut(&K, C::Word) -> Visit) -> bool {
        while let Removal::Other(other) = self.remove_if(key, Some(word), |_| ()) {
            word = other;
            match f(key, word) {
                Visit::Keep => break,
                Visit::Stop => return false,
                Visit::Remove => {}
            }
        }
        true
    }

    /// Prefetches the buckets of several keys.
    pub(crate) fn prefetch(&self, keys: &[&K]) {
        let guard = reclaim::pin();
        for key in keys {
            self.raw.prefetch(guard.pinned(), Probe::new(*key, &self.hasher).1);
        }
    }

    /// Hashes and looks up several keys so that their cache misses overlap.
    #[inline(always)]
    pub(crate) fn get_group<const N: usize>(&self, keys: &[&K], mut f: impl FnMut(usize, Option<C::Word>)) {
        debug_assert!(keys.len() <= N);
        let guard = reclaim::pin();
        let pinned = guard.pinned();
        // Asked once: what is in a table that is last now stays in it while we are pinned.
        let open = self.raw.open(pinned);
        let mut hashes = [Hash(0); N];
        for (key, hash) in keys.iter().zip(&mut hashes) {
            *hash = Probe::new(*key, &self.hasher).1;
            self.raw.prefetch(pinned, *hash);
        }
        for (i, key) in keys.iter().enumerate() {
            let at_home = match (&open, Inline::unhashed(*key)) {
                (Some(open), Some(key)) => open.get_at_home(hashes[i], key),
                _ => None,
            };
            let word = at_home.or_else(|| self.raw.get(pinned, hashes[i], Probe::unhashed(*key)));
            f(i, word);
        }
    }

    /// Shrinks the table to what its entries need, and frees memory as far as readers allow.
    pub(crate) fn shrink_to_fit(&self) {
        self.finish_resizing();
        let guard = reclaim::pin();
        let maintenance = self.raw.shrink_to_fit(guard.pinned());
        drop(guard);
        self.maintain(maintenance);
        self.finish_resizing();
        reclaim::collect_now();
    }

    /// Makes room for `additional` entries with keys like the present ones, and moves all entries to the new table.
    pub(crate) fn reserve(&self, additional: usize) {
        self.finish_resizing();
        let guard = reclaim::pin();
        let maintenance = self.raw.reserve(guard.pinned(), additional);
        drop(guard);
        self.maintain(maintenance);
        self.finish_resizing();
    }

    /// The number of entries with keys of up to eight bytes that the table holds before it grows.
    pub(crate) fn capacity(&self) -> usize {
        // Keys that share buckets may fill the table further than it counts on.
        self.raw.capacity(reclaim::pin().pinned()).max(self.len())
    }

    /// Records that this cache has retired something.
    #[inline(always)]
    pub(crate) fn set_retired(&self) {
        if !self.on_drop.0.load(Ordering::Relaxed) {
            self.on_drop.0.store(true, Ordering::Relaxed);
        }
    }

    /// Finishes a resizing, unless other threads are in the way for long.
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
                // Other threads are moving the rest.
                Assist::Moved => {
                    waits += 1;
                    std::thread::yield_now();
                }
                Assist::Finished(_) => self.set_retired(),
            }
        }
    }

    /// Does the work that an operation left. The caller is not pinned; users' code may run, and panic.
    #[inline(always)]
    pub(crate) fn maintain(&self, maintenance: Maintenance) {
        if maintenance.any() {
            self.do_maintenance(maintenance);
        }
    }

    #[cold]
    #[inline(never)]
    fn do_maintenance(&self, maintenance: Maintenance) {
        if maintenance.has(Maintenance::RESIZED | Maintenance::FULL | Maintenance::CROWDED) {
            reclaim::make_room();
        }
        if maintenance.has(Maintenance::RESIZED | Maintenance::MOVE) {
            let guard = reclaim::pin();
            let assist = self.raw.assist(guard.pinned(), &self.hasher, self.raw.step(guard.pinned()));
            let due = guard.pinned().count_write();
            drop(guard);
            match assist {
                Assist::TooEarly if due => reclaim::collect(),
                // The old generation should be freed as soon as possible.
                Assist::Finished(bytes) => {
                    self.set_retired();
                    if bytes >= LARGE {
                        (0..GRACE).for_each(|_| reclaim::collect());
                    }
                }
                _ => {}
            }
        }
        if maintenance.has(Maintenance::COLLECT) {
            reclaim::collect();
        }
    }
}

/// Panics if this thread is in the middle of an operation. A removal by value may wait until all such operations are
/// over.
fn assert_may_wait<C: Cell>(guard: &Guard<'_>) {
    assert!(
        !C::IS_WRITTEN_BLINDLY || !guard.is_within_an_operation(),
        "the `Hash`, `Eq`, `Borrow` or `Clone` of a key called `take`, `del_if` or `retain` of a cache of integers, in the \
         middle of another operation: it must not call those"
    );
}

/// Does what [`Map::get`] does for a key behind a pointer. It is a function of its own because it needs registers
/// that the others lack.
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
