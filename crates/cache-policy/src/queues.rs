//! The policy's queues under their locks, and the totals that the bounds are about.

use std::hint::black_box;
use std::sync::{Arc, PoisonError, Weak};

use cache_core::Key;
use cache_core::seeded;
use smallvec::SmallVec;

use crate::entry::Entry;
use crate::policy::{Entries, Eviction, Look, Policy, Swept};
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard};
use crate::time::Times;

/// The entries that a shard of the queues has at least, so that its own policy sees enough of the traffic.
const LEAST_SHARE: usize = 4096;

/// The entries that the ghosts of a shard are made for at first, at most: 12 MiB.
const MOST_SHARE: usize = 1 << 21;

/// The most shards.
const MOST_SHARDS: usize = 16;

/// Each write owes the sweep this many nodes. The sweep looks at [`SWEEP_AT_ONCE`] of them together, so that their cache
/// misses overlap. After it has found an expired node, the next write sweeps again.
const SWEEP: usize = 2;
const SWEEP_AT_ONCE: usize = 16;

/// The most victims that are picked under a lock at once.
const MOST_VICTIMS: usize = 8;

/// A full cache makes room for up to this many entries at once, so that their cache misses overlap, if it holds at least
/// `LEAST_FOR_ROOM` times as many.
const MOST_ROOM: u64 = 8;
// Few enough in a model that it sees this.
const LEAST_FOR_ROOM: u64 = if cfg!(shuttle) { 2 } else { 1024 };

type Node<V, K> = Weak<Entry<V, K>>;

/// A part of the queues, behind its lock.
struct Shard<V, K: Key + ?Sized> {
    policy: Box<dyn Policy<Node<V, K>>>,
    /// The nodes that writes should have looked at.
    owed_looks: usize,
}

/// The nodes that most calls look at and pick: so many need no allocation.
const USUAL_LOOKS: usize = 16;
pub(crate) const USUAL_VICTIMS: usize = 8;

/// Entries that were picked, each with whether it is past its time.
pub(crate) type Victims<V, K> = SmallVec<[(Arc<Entry<V, K>>, bool); USUAL_VICTIMS]>;

/// What a cache may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) entries: u64,
    pub(crate) weight: u64,
}

pub(crate) struct Queues<V, K: Key + ?Sized> {
    /// Split by the fingerprint, so that writers seldom meet.
    shards: Box<[Mutex<Shard<V, K>>]>,
    bounds: Bounds,
    /// How many entries are left once room has to be made.
    low: u64,
    /// Whether entries differ in weight. If not, their number is their weight.
    weighted: bool,
    totals: Totals,
    /// Whether the queues are swept: some entry can expire, or belongs to a group, or left otherwise than by eviction.
    sweeps: AtomicBool,
}

/// What every writer changes, away from what every reader reads. Two cache lines, as processors fetch them in pairs.
#[repr(align(128))]
struct Totals {
    entries: AtomicU64,
    weight: AtomicU64,
}

/// Entries that a policy gave up. They are still in the map.
pub(crate) struct Picked<V, K: Key + ?Sized> {
    pub(crate) victims: Victims<V, K>,
    /// Entries that were only looked at. They may be the last references, so they are dropped after the lock is free.
    pub(crate) seen: SmallVec<[Arc<Entry<V, K>>; USUAL_LOOKS]>,
    /// Nothing was picked, as all that was looked at had left: ask again.
    pub(crate) unfinished: bool,
}

impl<V: Send + Sync + 'static, K: Key + ?Sized> Queues<V, K> {
    pub(crate) fn new(eviction: Eviction, bounds: Bounds, weighted: bool) -> Self {
        let bounded = bounds.entries != u64::MAX || bounds.weight != u64::MAX;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        // Of a cache that is bounded by weight, the number of entries is not known.
        let most = if bounds.entries != u64::MAX || !bounded { MOST_SHARDS } else { 1 };
        let expected = usize::try_from(bounds.entries).unwrap_or(usize::MAX);
        let shards = (expected / LEAST_SHARE).clamp(1, most).min(threads.next_power_of_two());
        let eviction = if bounded { eviction } else { Eviction::Fifo };
        // The ghosts are made for it, and grow with the cache.
        let share =
            if bounds.entries == u64::MAX { LEAST_SHARE } else { expected.div_ceil(shards).min(MOST_SHARE) };
        Self {
            shards: (0..shards)
                .map(|_| Mutex::new(Shard { policy: eviction.policy(share), owed_looks: 0 }))
                .collect(),
            bounds,
            // How many weigh so much is not known.
            low: if weighted { bounds.entries } else { low(bounds.entries) },
            weighted,
            totals: Totals { entries: AtomicU64::new(0), weight: AtomicU64::new(0) },
            sweeps: AtomicBool::new(false),
        }
    }

    pub(crate) fn entries(&self) -> u64 {
        self.totals.entries.load(Ordering::Relaxed)
    }

    pub(crate) fn weight(&self) -> u64 {
        if self.weighted { self.totals.weight.load(Ordering::Relaxed) } else { self.entries() }
    }

    pub(crate) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Adds an entry to the totals, before it enters the map, so that they are never too low.
    pub(crate) fn count(&self, entry: &Entry<V, K>) {
        entry.count_unshared();
        self.add(entry);
    }

    fn add(&self, entry: &Entry<V, K>) {
        self.totals.entries.fetch_add(1, Ordering::Relaxed);
        if self.weighted {
            self.totals.weight.fetch_add(u64::from(entry.weight()), Ordering::Relaxed);
        }
    }

    /// Subtracts an entry from the totals, unless somebody has.
    pub(crate) fn uncount(&self, entry: &Entry<V, K>) {
        if entry.uncount() || seeded::bug("uncount-twice") {
            self.subtract(entry);
        }
    }

    fn subtract(&self, entry: &Entry<V, K>) {
        self.totals.entries.fetch_sub(1, Ordering::Relaxed);
        if self.weighted {
            self.totals.weight.fetch_sub(u64::from(entry.weight()), Ordering::Relaxed);
        }
    }

    /// Notes that an entry left the map. Its node, if it has one, stays until it is looked at.
    pub(crate) fn left(&self, entry: &Entry<V, K>) {
        if entry.leave() {
            self.subtract(entry);
        }
        self.sweep_from_now_on();
    }

    pub(crate) fn sweep_from_now_on(&self) {
        // A line that all readers share is not written again and again.
        if !self.sweeps.load(Ordering::Relaxed) {
            self.sweeps.store(true, Ordering::Relaxed);
        }
    }

    /// Whether there is more than the bounds allow.
    pub(crate) fn exceeds(&self) -> bool {
        self.entries() > self.bounds.entries || self.weight() > self.bounds.weight
    }

    /// Whether entries differ in weight.
    pub(crate) fn is_weighted(&self) -> bool {
        self.weighted
    }

    /// Takes in the node of an entry that entered the map, and picks what has to leave for it. What `replaces` another entry needs
    /// room only if entries differ in weight.
    pub(crate) fn enter(&self, entry: &Arc<Entry<V, K>>, replaces: bool, times: &Times) -> Picked<V, K> {
        let mut look = Looking::new(times);
        let mut shard = self.lock(self.shard_of(entry.fingerprint()));
        if !entry.is_gone() {
            let mark = shard.policy.insert(Arc::downgrade(entry), entry.fingerprint());
            entry.set_mark(mark);
        }
        if !replaces || self.weighted {
            self.pick(&mut *shard.policy, &mut look);
        }
        if self.sweeps.load(Ordering::Relaxed) {
            shard.sweep_now_and_then(&mut look);
        }
        drop(shard);
        look.picked
    }

    /// Picks what has to leave while the bounds are exceeded, from any shard, that of `near` first.
    ///
    /// Nothing is picked if they are kept, or if others have picked enough already.
    pub(crate) fn make_room(&self, near: u32, times: &Times) -> Picked<V, K> {
        let mut look = Looking::new(times);
        let first = self.shard_of(near);
        for step in 0..self.shards.len() {
            if !self.exceeds() || !look.picked.victims.is_empty() {
                break;
            }
            let mut shard = self.lock((first + step) % self.shards.len());
            self.pick(&mut *shard.policy, &mut look);
            look.picked.unfinished |=
                look.picked.victims.is_empty() && !shard.policy.is_empty() && self.exceeds();
        }
        look.picked
    }

    /// Looks at `looks` nodes of each shard in search of what is past its time.
    pub(crate) fn sweep(&self, shard: usize, looks: usize, times: &Times) -> Picked<V, K> {
        let mut look = Looking::new(times);
        let mut shard = self.lock(shard);
        for _ in 0..looks {
            match shard.policy.sweep(&mut look) {
                Swept::Expired(node) => look.victim(&node, true),
                Swept::Empty => break,
                Swept::Kept | Swept::Dropped => {}
            }
        }
        drop(shard);
        look.picked
    }

    /// Puts back what was picked or swept and could not be removed.
    pub(crate) fn put_back(&self, entry: &Arc<Entry<V, K>>) {
        // Before it counts, so that the totals are never too low.
        self.add(entry);
        if !entry.count_again() {
            self.subtract(entry);
        }
        self.requeue(entry);
    }

    /// The number of nodes of a shard, for whoever sweeps all of it.
    pub(crate) fn nodes(&self, shard: usize) -> usize {
        self.lock(shard).policy.len()
    }

    /// Puts back what a sweep found, and what is to stay.
    pub(crate) fn requeue(&self, entry: &Arc<Entry<V, K>>) {
        let mut shard = self.lock(self.shard_of(entry.fingerprint()));
        let mark = shard.policy.insert(Arc::downgrade(entry), entry.fingerprint());
        entry.set_mark(mark);
    }

    pub(crate) fn shards(&self) -> usize {
        self.shards.len()
    }

    fn shard_of(&self, fingerprint: u32) -> usize {
        // Mixed, as the ghosts are found by the high bits.
        let mixed = u64::from(fingerprint.wrapping_mul(0x9e37_79b9));
        ((mixed * self.shards.len() as u64) >> 32) as usize
    }

    fn lock(&self, shard: usize) -> MutexGuard<'_, Shard<V, K>> {
        // No code of a caller runs under the lock; only an allocation can fail.
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pick(&self, shard: &mut dyn Policy<Node<V, K>>, look: &mut Looking<'_, V, K>) {
        if !self.exceeds() {
            return;
        }
        let most = usize::try_from(self.entries().saturating_sub(self.low)).unwrap_or(MOST_VICTIMS);
        let most = most.clamp(1, MOST_VICTIMS);
        if most > 1 {
            shard.next_to_evict(most, &mut touch);
        }
        while look.picked.victims.len() < MOST_VICTIMS && (self.exceeds() || self.entries() > self.low) {
            let Some(node) = shard.evict(look) else { break };
            // As a rule, it was looked at last.
            let seen = &mut look.picked.seen;
            let was_last = seen.last().is_some_and(|last| Arc::as_ptr(last) == node.as_ptr());
            let victim = if was_last { seen.pop() } else { node.upgrade() };
            let Some(victim) = victim else { continue };
            // Before the lock is free: others must not pick for the same excess.
            if !seeded::bug("pick-uncounted") {
                self.uncount(&victim);
            }
            let expired = look.times.is_over(&victim);
            look.picked.victims.push((victim, expired));
        }
    }
}

/// The entries that are left once a cache that may hold so many has to make room.
fn low(most: u64) -> u64 {
    if most == u64::MAX { most } else { most + 1 - (most / LEAST_FOR_ROOM).clamp(1, MOST_ROOM) }
}

impl<V, K: Key + ?Sized> Shard<V, K> {
    /// Looks at as many nodes as writes owe, once that is worth it.
    fn sweep_now_and_then(&mut self, look: &mut Looking<'_, V, K>) {
        self.owed_looks += SWEEP;
        if self.owed_looks < SWEEP_AT_ONCE {
            return;
        }
        self.owed_looks = 0;
        self.policy.next_to_sweep(SWEEP_AT_ONCE, &mut touch);
        for _ in 0..SWEEP_AT_ONCE {
            match self.policy.sweep(look) {
                Swept::Expired(node) => look.victim(&node, true),
                Swept::Dropped => {}
                Swept::Kept => continue,
                Swept::Empty => break,
            }
            // Where there is one there are others.
            self.owed_looks = SWEEP_AT_ONCE;
        }
    }
}

/// Reads what an upgrade of a node will change. Of several such reads none depends on another, so the processor does not wait
/// for one before it starts the next.
fn touch<V, K: Key + ?Sized>(node: &Node<V, K>) {
    black_box(node.strong_count());
}

/// What a policy sees of the entries.
struct Looking<'a, V, K: Key + ?Sized> {
    times: &'a Times,
    picked: Picked<V, K>,
}

impl<'a, V, K: Key + ?Sized> Looking<'a, V, K> {
    fn new(times: &'a Times) -> Self {
        Self { times, picked: Picked { victims: SmallVec::new(), seen: SmallVec::new(), unfinished: false } }
    }

    fn victim(&mut self, node: &Node<V, K>, expired: bool) {
        self.picked.victims.extend(node.upgrade().map(|entry| (entry, expired)));
    }
}

impl<V, K: Key + ?Sized> Entries<Node<V, K>> for Looking<'_, V, K> {
    fn look(&mut self, node: &Node<V, K>) -> Look {
        let Some(entry) = node.upgrade() else { return Look::Gone };
        let look = if entry.is_gone() {
            Look::Gone
        } else if self.times.is_over(&entry) {
            Look::Expired
        } else {
            Look::Live { mark: entry.mark() }
        };
        self.picked.seen.push(entry);
        look
    }

    fn set_mark(&mut self, _node: &Node<V, K>, mark: u8) {
        if let Some(entry) = self.picked.seen.last() {
            entry.set_mark(mark);
        }
    }

    fn fingerprint(&self, _node: &Node<V, K>) -> u32 {
        self.picked.seen.last().map_or(0, |entry| entry.fingerprint())
    }
}
