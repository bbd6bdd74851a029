use std::ptr;

use super::bucket::{Bucket, GRANULE, PAIRS, Place};
use super::cell::Cell;
use super::hash::{Hash, INDEX_SHIFT};
use super::lane::{self, Form, Lane};
use super::maintenance::Maintenance;
use super::memory::Memory;
use super::overflow::Overflow;
use super::probe::{Probe, Sought};
use super::serialized::Mode;
use crate::primitive::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use crate::seeded;
use cache_core::Key;

/// The least number of buckets of a table: a hundred counters do not outgrow it.
pub(super) const LEAST: usize = if cfg!(loom) { 1 } else { 32 };

/// A generation of buckets.
///
/// A table is *open* at first: writers change values without a lock. While removals decide on values it is
/// *serialized*: see [`serialized`](super::serialized). Once it has a next table, inserts close its buckets one by
/// one, and after a grace period they are moved out one by one.
#[repr(C, align(64))]
#[derive(Debug)]
pub(super) struct Table<C> {
    // First, in one cache line: the fields that every operation reads and hardly any writes.
    buckets: *mut Bucket<C>,
    /// Masks the bits of a hash that are a bucket's offset in bytes.
    mask: u64,
    /// Null in an open table, a pointer to the next table, or a count of sections: see [`Mode`].
    next: AtomicPtr<Table<C>>,
    pub(super) count: usize,
    /// The future next table, until it is cleared. It is ours to free until it is published.
    coming: AtomicPtr<Table<C>>,
    memory: Memory<C>,
    pub(super) progress: Progress,
    lease: Lease,
    pub(super) overflow: Overflow<C>,
}

/// The progress of moving a table's entries to the next table.
#[repr(align(64))]
#[derive(Debug)]
pub(super) struct Progress {
    /// The epoch in which the table got a next one, or `SETTLED`; 0 before that.
    pub(super) closed: AtomicU64,
    /// The next bucket to move, modulo the number of buckets.
    pub(super) cursor: AtomicUsize,
    /// The number of buckets that are moved out.
    pub(super) moved: AtomicUsize,
    /// The next slice of this table's memory to clear.
    clearing: AtomicUsize,
    /// The number of slices that are cleared.
    cleared: AtomicUsize,
}

/// The lease of a serialized table: how long it stays so.
#[repr(align(64))]
#[derive(Debug)]
pub(super) struct Lease {
    /// The number of writes under locks that are left.
    pub(super) left: AtomicU32,
    /// How many there were when the lease began.
    pub(super) length: AtomicU32,
    /// When the last lease ended, in nanoseconds.
    pub(super) ended: AtomicU64,
    /// The table has a next one, and no writer that found it open is still at work.
    pub(super) settled: AtomicBool,
}

// SAFETY: `buckets` points into `memory`, which is owned; buckets are shared between threads by design.
unsafe impl<C: Cell> Send for Table<C> {}
// SAFETY: as above.
unsafe impl<C: Cell> Sync for Table<C> {}

/// The place of an entry that was found.
pub(super) struct Spot<'t, C> {
    /// The main bucket, or the overflow bucket, that holds it.
    pub(super) holder: &'t Bucket<C>,
    place: Place<'t, C>,
}

impl<'t, C: Cell> Spot<'t, C> {
    #[inline(always)]
    pub(super) fn cell(&self) -> &'t C {
        self.place.cell()
    }

    pub(super) fn granule(&self) -> usize {
        self.place.granule(self.holder)
    }

    /// The form of the entry; `None` if it was removed.
    pub(super) fn form(&self) -> Option<Form> {
        lane::form(self.holder.lane(self.granule()))
    }
}

impl<C: Cell> Table<C> {
    /// An open table of `count` buckets, a power of two and [`LEAST`] at least.
    pub(super) fn new(count: usize, large_pages: bool) -> Self {
        assert!(count.is_power_of_two() && count >= LEAST);
        Self::with_memory(count, Memory::empty(count, large_pages))
    }

    /// A table of `count` buckets that nobody may look into before it is [cleared](Self::clear_some).
    pub(super) fn unclear(count: usize, large_pages: bool) -> Self {
        assert!(count.is_power_of_two() && count >= LEAST);
        Self::with_memory(count, Memory::unclear(count, large_pages))
    }

    /// A table that stands in until the first insert: one bucket, into which nothing can be inserted.
    pub(super) fn vacant() -> Self {
        let table = Self::with_memory(1, Memory::empty(1, false));
        let bucket = table.bucket_at(0);
        let mut lock = bucket.lock();
        lock.after = lock.after.close();
        drop(lock);
        table
    }

    fn with_memory(count: usize, memory: Memory<C>) -> Self {
        Self {
            buckets: memory.as_ptr(),
            mask: (count as u64 - 1) << INDEX_SHIFT,
            next: AtomicPtr::new(ptr::null_mut()),
            coming: AtomicPtr::new(ptr::null_mut()),
            count,
            memory,
            progress: Progress {
                closed: AtomicU64::new(0),
                cursor: AtomicUsize::new(0),
                moved: AtomicUsize::new(0),
                clearing: AtomicUsize::new(0),
                cleared: AtomicUsize::new(0),
            },
            lease: Lease {
                left: AtomicU32::new(0),
                length: AtomicU32::new(0),
                ended: AtomicU64::new(0),
                settled: AtomicBool::new(false),
            },
            overflow: Overflow::new(count),
        }
    }

    /// The bucket in which a key belongs.
    #[inline(always)]
    pub(super) fn bucket(&self, hash: Hash) -> &Bucket<C> {
        if cfg!(loom) {
            // Under loom a bucket has another size.
            return self.bucket_at(hash.index() as usize & (self.count - 1));
        }
        const { assert!(cfg!(loom) || size_of::<Bucket<C>>() == 1 << INDEX_SHIFT) };
        // SAFETY: masked, a hash is a multiple of a bucket's size, and less than `count` times that.
        unsafe { &*self.buckets.wrapping_byte_add((hash.0 & self.mask) as usize) }
    }

    /// The bits of a hash that choose a bucket in larger tables and not in this one.
    #[inline(always)]
    pub(super) fn bits_above_index(&self, hash: Hash) -> usize {
        (hash.index() >> self.count.trailing_zeros()) as usize
    }

    /// Clears one slice of a table that is [unclear](Self::unclear); says whether it is open now.
    pub(super) fn clear_some(&self) -> bool {
        let slices = self.memory.slices();
        if self.progress.clearing.load(Ordering::Relaxed) >= slices {
            return false;
        }
        let slice = self.progress.clearing.fetch_add(1, Ordering::Relaxed);
        if slice >= slices {
            return false;
        }
        self.memory.clear(slice);
        // Release and acquire: the thread that clears the last slice sees that all others are cleared.
        self.progress.cleared.fetch_add(1, seeded::ordering(Ordering::AcqRel, "cleared")) + 1 == slices
    }

    pub(super) fn bucket_at(&self, index: usize) -> &Bucket<C> {
        assert!(index < self.count);
        // SAFETY: there are `count` buckets.
        unsafe { &*self.buckets.add(index) }
    }

    /// Whether a writer may change a value without a lock, as long as it is pinned.
    #[inline(always)]
    pub(super) fn is_open(&self) -> bool {
        self.next.load(Ordering::Acquire).is_null()
    }

    /// Whether the table has no next one yet: no entry leaves it as long as the caller is pinned.
    #[inline(always)]
    pub(super) fn is_last(&self) -> bool {
        Mode::of(self.next.load(Ordering::Acquire)) != Mode::Resizing
    }

    /// The maintenance that a write to this table leaves to be done.
    pub(super) fn maintenance(&self) -> Maintenance {
        match Mode::of(self.next.load(Ordering::Acquire)) {
            Mode::Open => Maintenance::NONE,
            Mode::Serialized => {
                self.count_locked_write();
                Maintenance::NONE
            }
            Mode::Resizing => Maintenance::MOVE,
        }
    }

    /// The next table, if this one is being resized.
    #[inline(always)]
    pub(super) fn next(&self) -> Option<&Table<C>> {
        let next = self.next.load(Ordering::Acquire);
        match Mode::of(next) {
            // SAFETY: the next table is retired after this one.
            Mode::Resizing => unsafe { next.as_ref() },
            Mode::Open | Mode::Serialized => None,
        }
    }

    /// The generation in which a key's entry probably is: the next one, if a thread has begun to move its bucket.
    #[inline(always)]
    pub(super) fn likely(&self, hash: Hash) -> &Table<C> {
        let index = hash.index() as usize & (self.count - 1);
        let taken = index < self.progress.cursor.load(Ordering::Relaxed);
        match self.next() {
            Some(next) if taken && !seeded::bug("get-likely") => next,
            _ => self,
        }
    }

    /// Prefetches the lines in which a key is looked for, here and in the next generation, so that the cache misses
    /// overlap.
    #[inline]
    pub(super) fn prefetch_both(&self, hash: Hash) {
        if let Some(next) = self.next() {
            self.prefetch(hash);
            next.prefetch(hash);
        }
    }

    /// Prefetches the lines in which a key is looked for.
    #[inline(always)]
    pub(super) fn prefetch(&self, hash: Hash) {
        let main = self.bucket(hash);
        Bucket::prefetch(main, 0);
        Bucket::prefetch(main, hash.home());
    }

    /// The future next table, which is being cleared. If there is none yet, `new` makes it.
    pub(super) fn coming(&self, new: impl FnOnce() -> Table<C>) -> &Table<C> {
        let mut coming = self.coming.load(Ordering::Acquire);
        if coming.is_null() {
            let ours = Box::into_raw(Box::new(new()));
            let release = seeded::ordering(Ordering::Release, "coming");
            coming = match self.coming.compare_exchange(coming, ours, release, Ordering::Acquire) {
                Ok(_) => ours,
                Err(theirs) => {
                    // SAFETY: it came from a box just now, and nobody else has seen it.
                    drop(unsafe { Box::from_raw(ours) });
                    theirs
                }
            };
        }
        // SAFETY: not null, and it lives at least as long as `self`.
        unsafe { &*coming }
    }

    /// The next table, for a caller that owns both; null if there is none.
    pub(super) fn next_pointer(&self) -> *mut Table<C> {
        let next = self.next.load(Ordering::Relaxed);
        if Mode::of(next) == Mode::Resizing { next } else { ptr::null_mut() }
    }

    /// The word that encodes the state of the table: see [`Mode`].
    pub(super) fn word(&self) -> &AtomicPtr<Table<C>> {
        &self.next
    }

    pub(super) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The next bucket of an overflow chain.
    #[inline]
    pub(super) fn after(&self, holder: &Bucket<C>) -> Option<&Bucket<C>> {
        match holder.state().link() {
            0 => None,
            link => Some(self.overflow.bucket(link)),
        }
    }

    /// Finds the entry of a key in its bucket or the overflow chain.
    #[inline(always)]
    pub(super) fn find<'t, K: Key + ?Sized>(
        &'t self,
        main: &'t Bucket<C>,
        hash: Hash,
        probe: Probe<'_, K>,
    ) -> Option<Spot<'t, C>> {
        match self.find_at_home(main, hash, probe) {
            Some(spot) => Some(spot),
            // Read after the lanes: the state counts every stray whose insert has returned by now.
            None if !main.state().has_strays() => None,
            None => {
                let (key, bytes, form) = probe.parts();
                self.find_in_chain(main, hash, key, bytes, form)
            }
        }
    }

    /// Finds the entry of a key in its home pair.
    #[inline(always)]
    pub(super) fn find_at_home<'t>(
        &self,
        main: &'t Bucket<C>,
        hash: Hash,
        sought: impl Sought,
    ) -> Option<Spot<'t, C>> {
        let pair = hash.home_pair();
        let matches = main.matches_in_pair(pair, lane::entry(hash.tag(), sought.form()));
        search(main, pair, matches, sought)
    }

    /// Finds the entry of a key in all of its bucket and in the overflow chain.
    #[inline(never)]
    fn find_in_chain<'t, K: Key + ?Sized>(
        &'t self,
        main: &'t Bucket<C>,
        hash: Hash,
        key: &K,
        bytes: &[u8],
        form: Form,
    ) -> Option<Spot<'t, C>> {
        let probe = Probe::from_parts((key, bytes, form));
        let lane = lane::entry(hash.tag(), form);
        let mut holder = main;
        loop {
            if let Some(spot) = search_all(holder, lane, probe) {
                return Some(spot);
            }
            holder = self.after(holder)?;
        }
    }
}

/// Finds the entry of a key anywhere in a bucket.
#[inline(always)]
pub(super) fn search_all<C: Cell>(
    holder: &Bucket<C>,
    lane: Lane,
    sought: impl Sought,
) -> Option<Spot<'_, C>> {
    (0..PAIRS).find_map(|pair| search(holder, pair, holder.any(pair, lane), sought))
}

/// Finds the entry of a key among `matches`, the granules of a pair of lines that have its lane.
#[inline(always)]
fn search<'t, C: Cell>(
    holder: &'t Bucket<C>,
    pair: usize,
    mut matches: u32,
    sought: impl Sought,
) -> Option<Spot<'t, C>> {
    let start = holder.pair(pair);
    while matches != 0 {
        // Two bits for each granule of 16 bytes.
        let place = start.plus(matches.trailing_zeros() as usize * (GRANULE / 2));
        if sought.is_at(place) {
            return Some(Spot { holder, place });
        }
        matches &= matches - 1;
        matches &= matches - 1;
    }
    None
}

impl<C> Drop for Table<C> {
    fn drop(&mut self) {
        let coming = self.coming.load(Ordering::Relaxed);
        // If it became the next table, it is owned by the list.
        if !coming.is_null() && coming != self.next.load(Ordering::Relaxed) {
            // SAFETY: it came from a box, and `self` is no longer reachable.
            drop(unsafe { Box::from_raw(coming) });
        }
        // Tells loom that nobody looks at it any more.
        #[cfg(loom)]
        if !std::thread::panicking() {
            self.next.end();
        }
    }
}
