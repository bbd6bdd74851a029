use std::ptr;

use super::bucket::{Bucket, GRANULE, PAIRS, Place};
use super::cell::Cell;
use super::chores::Chores;
use super::hash::{Hash, INDEX_SHIFT};
use super::lane::{self, Form, Lane};
use super::memory::Memory;
use super::overflow::Overflow;
use super::probe::{Probe, Sought};
use crate::primitive::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use crate::seeded;
use cache_core::Key;

/// The least that a table has: a hundred counters do not outgrow it.
pub(super) const LEAST: usize = if cfg!(loom) { 1 } else { 32 };

/// A generation of buckets.
///
/// While it has no next table, it is *open*. Once it has one, its buckets close one by one as inserts come to them,
/// and after a grace period they are moved out one by one.
#[repr(C, align(64))]
#[derive(Debug)]
pub(super) struct Table<C> {
    // First, in one cache line, what every operation reads and hardly any writes.
    buckets: *mut Bucket<C>,
    /// The bits of a hash that are a bucket's offset in bytes.
    mask: u64,
    next: AtomicPtr<Table<C>>,
    pub(super) count: usize,
    /// What is to be the next table, once it is cleared; it is ours to free until then.
    coming: AtomicPtr<Table<C>>,
    memory: Memory<C>,
    pub(super) progress: Progress,
    pub(super) overflow: Overflow<C>,
}

/// How far a table is on its way out.
#[repr(align(64))]
#[derive(Debug)]
pub(super) struct Progress {
    /// The epoch in which the table got a next one, or `SETTLED`; 0 before that.
    pub(super) closed: AtomicU64,
    /// The next bucket to move, counted round and round.
    pub(super) cursor: AtomicUsize,
    /// How many buckets are moved out.
    pub(super) moved: AtomicUsize,
    /// The next slice of its own memory to clear.
    clearing: AtomicUsize,
    /// How many slices are cleared.
    cleared: AtomicUsize,
}

// SAFETY: `buckets` points into `memory`, which is owned; buckets are shared between threads by design.
unsafe impl<C: Cell> Send for Table<C> {}
// SAFETY: as above.
unsafe impl<C: Cell> Sync for Table<C> {}

/// An entry, found.
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

    /// The form of the entry, unless it was removed.
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

    /// The same, but nobody may look into it before it is [cleared](Self::clear_some).
    pub(super) fn unclear(count: usize, large_pages: bool) -> Self {
        assert!(count.is_power_of_two() && count >= LEAST);
        Self::with_memory(count, Memory::unclear(count, large_pages))
    }

    /// A table that stands where there is none yet: one bucket, into which nothing can be inserted.
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
            overflow: Overflow::new(count),
        }
    }

    /// The bucket in which a key belongs.
    #[inline(always)]
    pub(super) fn bucket(&self, hash: Hash) -> &Bucket<C> {
        if cfg!(loom) {
            // A bucket of loom's has another size.
            return self.bucket_at(hash.index() as usize & (self.count - 1));
        }
        const { assert!(cfg!(loom) || size_of::<Bucket<C>>() == 1 << INDEX_SHIFT) };
        // SAFETY: masked, a hash is a multiple of a bucket's size, and less than `count` times that.
        unsafe { &*self.buckets.wrapping_byte_add((hash.0 & self.mask) as usize) }
    }

    /// The bits of a hash that choose a bucket in larger tables and not in this one.
    #[inline(always)]
    pub(super) fn beyond(&self, hash: Hash) -> usize {
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
        // Release and acquire: the last to come knows that the others are done.
        self.progress.cleared.fetch_add(1, seeded::ordering(Ordering::AcqRel, "cleared")) + 1 == slices
    }

    pub(super) fn bucket_at(&self, index: usize) -> &Bucket<C> {
        assert!(index < self.count);
        // SAFETY: there are `count` buckets.
        unsafe { &*self.buckets.add(index) }
    }

    /// Whether it has no next table yet.
    #[inline(always)]
    pub(super) fn is_open(&self) -> bool {
        self.next.load(Ordering::Acquire).is_null()
    }

    /// What whoever writes to it is to do afterwards.
    pub(super) fn chores(&self) -> Chores {
        if self.is_open() { Chores::NONE } else { Chores::MOVE }
    }

    /// The table that takes this one's place.
    #[inline(always)]
    pub(super) fn next(&self) -> Option<&Table<C>> {
        // SAFETY: null, or a table that is retired no earlier than this one, and after it.
        unsafe { self.next.load(Ordering::Acquire).as_ref() }
    }

    /// The generation in which the entry of a key probably is: the next one, if a mover has taken its bucket in hand.
    #[inline(always)]
    pub(super) fn likely(&self, hash: Hash) -> &Table<C> {
        let index = hash.index() as usize & (self.count - 1);
        let taken = index < self.progress.cursor.load(Ordering::Relaxed);
        match self.next() {
            Some(next) if taken && !seeded::bug("get-likely") => next,
            _ => self,
        }
    }

    /// Asks for the lines in which a key is looked for, here and in the next generation, so that the one's cache misses and
    /// the other's overlap.
    #[inline]
    pub(super) fn prefetch_both(&self, hash: Hash) {
        if let Some(next) = self.next() {
            self.prefetch(hash);
            next.prefetch(hash);
        }
    }

    /// Asks for the lines in which a key is looked for.
    #[inline(always)]
    pub(super) fn prefetch(&self, hash: Hash) {
        let main = self.bucket(hash);
        Bucket::prefetch(main, 0);
        Bucket::prefetch(main, hash.home());
    }

    /// What is to be the next table. If there is none yet, `new` makes it.
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
        // SAFETY: not null; it lives as long as we do at least.
        unsafe { &*coming }
    }

    pub(super) fn next_pointer(&self) -> &AtomicPtr<Table<C>> {
        &self.next
    }

    /// The bucket that follows in a chain.
    #[inline]
    pub(super) fn after(&self, holder: &Bucket<C>) -> Option<&Bucket<C>> {
        match holder.state().link() {
            0 => None,
            link => Some(self.overflow.bucket(link)),
        }
    }

    /// The entry of a key in its main bucket or the overflow of that.
    #[inline(always)]
    pub(super) fn find<'t, K: Key + ?Sized>(
        &'t self,
        main: &'t Bucket<C>,
        hash: Hash,
        probe: Probe<'_, K>,
    ) -> Option<Spot<'t, C>> {
        match self.find_near(main, hash, probe) {
            Some(spot) => Some(spot),
            // Read after the lanes: a stray whose insert has returned by now is known.
            None if !main.state().has_strays() => None,
            None => {
                let (key, bytes, form) = probe.parts();
                self.find_beyond(main, hash, key, bytes, form)
            }
        }
    }

    /// The entry of a key if it is where it should be.
    #[inline(always)]
    pub(super) fn find_near<'t>(
        &self,
        main: &'t Bucket<C>,
        hash: Hash,
        sought: impl Sought,
    ) -> Option<Spot<'t, C>> {
        let pair = hash.home_pair();
        let matches = main.near(pair, lane::entry(hash.tag(), sought.form()));
        search(main, pair, matches, sought)
    }

    /// The entry of a key that is not near its home line.
    #[inline(never)]
    fn find_beyond<'t, K: Key + ?Sized>(
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

/// The entry of a key in a bucket, wherever it lies in it.
#[inline(always)]
pub(super) fn search_all<C: Cell>(
    holder: &Bucket<C>,
    lane: Lane,
    sought: impl Sought,
) -> Option<Spot<'_, C>> {
    (0..PAIRS).find_map(|pair| search(holder, pair, holder.any(pair, lane), sought))
}

/// The entry of a key among those of a pair of lines that have its lane.
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
        // As the next table it has a life of its own.
        if !coming.is_null() && coming != self.next.load(Ordering::Relaxed) {
            // SAFETY: it came from a box, and nobody looks at us any more.
            drop(unsafe { Box::from_raw(coming) });
        }
        // Tells loom that nobody looks at it any more.
        #[cfg(loom)]
        if !std::thread::panicking() {
            self.next.end();
        }
    }
}
