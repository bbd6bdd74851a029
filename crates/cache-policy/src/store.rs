//! What every operation of a cache is made of: the map, the queues, and the steps between them.

use std::hash::BuildHasher;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use cache_core::seeded;
use cache_core::{Backend, DefaultHashBuilder, HashBuilder, Key, ObjCache, ObjCacheExt, Value};
use smallvec::SmallVec;

use crate::clock::AnyClock;
use crate::entry::{Entry, Handle, Traits};
use crate::listener::{Listener, Weigher};
use crate::queues::{Picked, Queues, USUAL_VICTIMS, Victims};
use crate::stats::{Count, Stats};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::time::{Age, Lifetimes, Times};
use crate::{Cause, Expiry, HotKeys};

pub(crate) struct Store<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> {
    pub(crate) map: B::Obj<Entry<V, K>, K, S>,
    pub(crate) queues: Queues<V, K>,
    pub(crate) clock: AnyClock,
    pub(crate) lifetimes: Lifetimes,
    /// Whether the age of entries has to be looked at: set with the first entry that may expire.
    pub(crate) timed: AtomicBool,
    pub(crate) weigher: Option<Weigher<V, K>>,
    pub(crate) expiry: Option<Box<dyn Expiry<V, K>>>,
    pub(crate) listener: Option<Listener<V, K>>,
    pub(crate) stats: Option<Box<Stats>>,
    pub(crate) hot_keys: Option<Box<HotKeys<K>>>,
    /// For metrics and events.
    pub(crate) name: Option<Box<str>>,
    /// For fingerprints. The map's own hashes are not known here.
    pub(crate) hasher: DefaultHashBuilder,
}

/// Entries that were removed, and why.
type Removed<V, K> = SmallVec<[(Arc<Entry<V, K>>, Cause); USUAL_VICTIMS]>;

/// How an entry was asked to be made.
pub(crate) struct Terms {
    pub(crate) lifetime: Option<Duration>,
    pub(crate) group: Option<Arc<AtomicBool>>,
}

impl Terms {
    pub(crate) const NONE: Terms = Terms { lifetime: None, group: None };
}

impl<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> Store<V, K, B, S> {
    /// This moment, read only if some entry can expire.
    #[inline]
    pub(crate) fn times(&self) -> Times {
        let now = if self.timed.load(Ordering::Relaxed) { self.clock.now() } else { 0 };
        Times { now, lifetimes: self.lifetimes }
    }

    /// Makes an entry. All of the caller's code about it runs here: `Hash`, weigher and expiry.
    pub(crate) fn make(&self, key: &K, value: V, terms: Terms, replaces: bool) -> Entry<V, K> {
        let fingerprint = self.hasher.hash_one(key) as u32;
        let weight = self.weigher.as_ref().map_or(1, |weigh| weigh(key, &value));
        let lifetime = terms.lifetime.or_else(|| {
            let expiry = self.expiry.as_ref()?;
            if replaces { expiry.on_update(key, &value) } else { expiry.on_create(key, &value) }
        });
        let idles = self.lifetimes.to_idle != 0;
        let traits = Traits { fingerprint, weight, group: terms.group, idles };
        let entry = Entry::new(value, key.to_owned_key(), traits);
        if lifetime.is_some() || self.lifetimes.to_live != 0 || idles {
            self.expires_from_now_on();
            let times = self.times();
            // What differs between keys and between times is random enough to spread deadlines.
            entry.set_deadline(
                times.deadline(lifetime, fingerprint ^ (times.now as u32).wrapping_mul(0x9e37_79b9)),
            );
            if idles {
                entry.touch(times.part());
            }
        }
        if entry.group().is_some() {
            self.queues.sweep_from_now_on();
        }
        entry
    }

    pub(crate) fn expires_from_now_on(&self) {
        if !self.timed.load(Ordering::Relaxed) {
            self.timed.store(true, Ordering::Relaxed);
        }
        self.queues.sweep_from_now_on();
    }

    /// Whether an entry can ever be kept.
    pub(crate) fn fits(&self, entry: &Entry<V, K>) -> bool {
        u64::from(entry.weight()) <= self.queues.bounds().weight && self.queues.bounds().entries != 0
    }

    /// Puts an entry into the map by `publish`, with the totals right even if that panics.
    pub(crate) fn counted<R>(
        &self,
        entry: &Arc<Entry<V, K>>,
        publish: impl FnOnce(Arc<Entry<V, K>>) -> R,
    ) -> R {
        struct Undo<'a, V: Value, K: Key + ?Sized>(&'a Queues<V, K>, &'a Entry<V, K>, bool);
        impl<V: Value, K: Key + ?Sized> Drop for Undo<'_, V, K> {
            fn drop(&mut self) {
                if self.2 {
                    self.0.uncount(self.1);
                }
            }
        }
        self.queues.count(entry);
        let mut undo = Undo(&self.queues, entry, true);
        let result = publish(Arc::clone(entry));
        undo.2 = false;
        result
    }

    /// Does what follows from an entry's having entered the map in place of `old`. `times` was read before it did, as the clock is
    /// the caller's code.
    pub(crate) fn entered(&self, entry: &Arc<Entry<V, K>>, old: Option<Arc<Entry<V, K>>>, times: &Times) {
        if let Some(old) = &old {
            // Before the queues are asked whether there are too many.
            self.queues.left(old);
        }
        let replaces = old.is_some();
        let picked = self.queues.enter(entry, replaces, times);
        if let Some(old) = old {
            self.notify(old, Cause::Replaced, times);
        }
        self.remove_picked(picked, times);
        // What took the place of another entry needs no room, unless it is heavier.
        if replaces && !self.queues.is_weighted() {
            return;
        }
        // A writer that finds nothing to pick leaves the rest to those who have picked.
        while self.queues.exceeds() {
            let picked = self.queues.make_room(entry.fingerprint(), times);
            let done = picked.victims.is_empty() && !picked.unfinished;
            self.remove_picked(picked, times);
            if done {
                break;
            }
        }
    }

    /// Removes this very entry from the map, as a caller wants it; another one under its key stays. Returns whether it was there.
    pub(crate) fn unlink(&self, entry: &Arc<Entry<V, K>>) -> bool {
        self.map.del_if_same(entry.key(), entry)
    }

    /// As [`unlink`](Store::unlink), where nobody asked for it: a load of the key that is in flight is cached all the same.
    fn evict(&self, entry: &Arc<Entry<V, K>>) -> bool {
        if seeded::bug("unlink-any") {
            return self.map.del(entry.key());
        }
        if seeded::bug("evict-as-write") {
            return self.unlink(entry);
        }
        self.map.evict_if_same(entry.key(), entry)
    }

    /// Does what follows from an entry's having left the map.
    pub(crate) fn left(&self, entry: Arc<Entry<V, K>>, cause: Cause) {
        self.queues.left(&entry);
        self.notify(entry, cause, &self.times());
    }

    /// Removes from the map what a policy gave up, unless it left meanwhile. Returns how many entries it removed.
    pub(crate) fn remove_picked(&self, picked: Picked<V, K>, times: &Times) -> usize {
        /// What is still to be done, also if a key's code panics.
        struct Rest<'a, V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> {
            store: &'a Store<V, K, B, S>,
            times: &'a Times,
            victims: Victims<V, K>,
            /// The victim that is being removed.
            current: Option<Arc<Entry<V, K>>>,
            /// What was removed, and why. The listener is told once all are: others may fill the room while it runs.
            removed: Removed<V, K>,
        }
        impl<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> Drop for Rest<'_, V, K, B, S> {
            fn drop(&mut self) {
                // What was not removed would stay in the map for ever.
                let current = self.current.take().into_iter();
                for entry in current.chain(self.victims.drain(..).map(|(entry, _)| entry)) {
                    if !entry.is_gone() {
                        self.store.queues.put_back(&entry);
                    }
                }
                for (entry, cause) in self.removed.drain(..) {
                    self.store.notify(entry, cause, self.times);
                }
            }
        }
        let Picked { victims, seen, .. } = picked;
        let mut rest = Rest { store: self, times, victims, current: None, removed: SmallVec::new() };
        drop(seen);
        if rest.victims.len() > 1 {
            let keys: SmallVec<[&K; USUAL_VICTIMS]> =
                rest.victims.iter().map(|(victim, _)| victim.key()).collect();
            self.map.prefetch(&keys);
        }
        while let Some((victim, expired)) = rest.victims.pop() {
            // From here on nobody prolongs it.
            let expired = expired && times.end(&victim);
            if !expired && !victim.is_uncounted() {
                // Somebody has since it was looked at.
                self.queues.requeue(&victim);
                continue;
            }
            let removed = self.evict(rest.current.insert(victim));
            let victim = rest.current.take().filter(|_| removed);
            if let Some(victim) = victim {
                // It has no node any more, so nobody needs to know that it is gone.
                self.queues.uncount(&victim);
                rest.removed.push((victim, if expired { Cause::Expired } else { Cause::Evicted }));
            }
        }
        rest.removed.len()
    }

    /// Looks at about `looks` nodes, a few at a time, and gives to `free` what is past its time.
    ///
    /// Twice as many as there are see all: each queue of a shard ends one round early.
    pub(crate) fn sweep(&self, looks: usize, mut free: impl FnMut(Picked<V, K>, &Times)) {
        /// The most looks under a lock at once.
        const BATCH: usize = 64;
        let shards = self.queues.shards();
        for shard in 0..shards {
            let mut rest = looks.div_ceil(shards).min(self.queues.nodes(shard).saturating_mul(2));
            while rest > 0 {
                let batch = rest.min(BATCH);
                rest -= batch;
                let times = self.times();
                free(self.queues.sweep(shard, batch, &times), &times);
            }
        }
    }

    /// Tells the listener of an entry that left, under no lock. Its panics end here.
    fn notify(&self, entry: Arc<Entry<V, K>>, cause: Cause, times: &Times) {
        // Whoever removes what was past its time only found it first.
        let cause =
            if cause != Cause::Evicted && times.age(&entry) >= Age::Stale { Cause::Expired } else { cause };
        self.count(cause.into(), 1);
        let handle = Handle(entry);
        if let Some(listener) = &self.listener {
            if catch_unwind(AssertUnwindSafe(|| listener(&handle, cause))).is_err() {
                self.count(Count::ListenerPanics, 1);
            }
        }
        // A key whose `Drop` panics must not keep the caller from what is left to do.
        _ = catch_unwind(AssertUnwindSafe(|| drop(handle)));
    }

    #[inline]
    pub(crate) fn count(&self, count: Count, by: u64) {
        if let Some(stats) = &self.stats {
            stats.add(count, by);
        }
    }

    /// Notes that a caller asked for a key, present or not.
    #[inline]
    pub(crate) fn asked(&self, key: &K) {
        if let Some(hot_keys) = &self.hot_keys {
            hot_keys.record(key);
        }
    }

    /// The entry of a key that is not over, however old it is.
    ///
    /// What is over is removed before the key is said to be absent. Another thread, which looked at the clock earlier, may be
    /// about to replace or to prolong it: the removal decides who came first.
    #[inline]
    pub(crate) fn find(&self, key: &K, times: &Times) -> Option<(Arc<Entry<V, K>>, Age)> {
        loop {
            let entry = self.map.get(key)?;
            let age = times.age(&entry);
            if age != Age::Over {
                return Some((entry, age));
            }
            if seeded::bug("absent-unremoved") || self.remove_expired(&entry, times) {
                return None;
            }
        }
    }

    /// As [`find`](Store::find), for an entry that was found just now.
    #[inline]
    pub(crate) fn recheck(&self, entry: Arc<Entry<V, K>>, times: &Times) -> Option<(Arc<Entry<V, K>>, Age)> {
        match times.age(&entry) {
            Age::Over => self.find(entry.key(), times),
            age => Some((entry, age)),
        }
    }

    /// As [`find`](Store::find), for a look that needs no reference. `f` may run under a lock of the map.
    #[inline]
    pub(crate) fn peek<R>(
        &self,
        key: &K,
        times: &Times,
        mut f: impl FnMut(&Entry<V, K>, Age) -> R,
    ) -> Option<R> {
        loop {
            let seen = self.map.with(key, |entry| match times.age(entry) {
                Age::Over => None,
                age => Some(f(entry, age)),
            });
            match seen {
                None => return None,
                Some(Some(result)) => return Some(result),
                Some(None) => _ = self.find(key, times)?,
            }
        }
    }

    /// Removes what is over, and tells whether this call did. If not, the entry has left already, or lives longer than it did.
    #[cold]
    pub(crate) fn remove_expired(&self, entry: &Arc<Entry<V, K>>, times: &Times) -> bool {
        let removed = times.end(entry) && self.evict(entry);
        if removed {
            self.left(Arc::clone(entry), Cause::Expired);
        }
        removed
    }

    /// Notes that a caller read an entry.
    #[inline]
    pub(crate) fn hit(&self, entry: &Entry<V, K>, times: &Times) {
        self.hit_if(entry, times, true);
    }

    /// As [`hit`](Store::hit), and asks how long the value lives from now on only if it is `valid`.
    #[inline]
    pub(crate) fn hit_if(&self, entry: &Entry<V, K>, times: &Times, valid: bool) {
        entry.hit();
        if self.lifetimes.to_idle != 0 {
            entry.touch(times.part());
        }
        if let Some(expiry) = self.expiry.as_ref().filter(|_| valid) {
            self.read(entry, &**expiry, times);
        }
    }

    #[cold]
    fn read(&self, entry: &Entry<V, K>, expiry: &dyn Expiry<V, K>, times: &Times) {
        let rest = times.rest(entry.deadline());
        // It ended meanwhile.
        if rest.is_zero() {
            return;
        }
        if let Some(lifetime) = expiry.on_read(entry.key(), entry.value(), rest) {
            self.expires_from_now_on();
            let times = self.times();
            entry.prolong(times.now, times.deadline(Some(lifetime), 0));
        }
    }
}
