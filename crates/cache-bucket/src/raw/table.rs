use std::ptr;

use super::bucket::{Bucket, FIRST, GRANULE, PAIRS, Place};
use super::cell::Cell;
use super::hash::{Hash, INDEX_SHIFT};
use super::lane::{self, Form};
use super::memory::Memory;
use super::overflow::Overflow;
use super::probe::{Probe, Sought};
use crate::primitive::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use cache_core::Key;

/// The least that a table has: it then grows but once for a hundred counters.
pub(super) const LEAST: usize = if cfg!(loom) { 1 } else { 8 };

/// What matches in the first pair can be lanes: the rest is the state.
const LANES_OF_FIRST: u32 = !0 << (2 * FIRST);

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
    /// The next slice of its own memory to populate.
    populated: AtomicUsize,
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
    pub(super) fn new(holder: &'t Bucket<C>, granule: usize) -> Self {
        Self { holder, place: holder.place(granule) }
    }

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
        let memory = Memory::new(count, large_pages);
        Self {
            buckets: memory.as_ptr(),
            mask: (count as u64 - 1) << INDEX_SHIFT,
            next: AtomicPtr::new(ptr::null_mut()),
            count,
            memory,
            progress: Progress {
                closed: AtomicU64::new(0),
                cursor: AtomicUsize::new(0),
                moved: AtomicUsize::new(0),
                populated: AtomicUsize::new(0),
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

    /// Has pages put behind a part of the table that will be written to soon.
    ///
    /// For a table that entries are moved to. By themselves pages come one by one, a whole one for each first read and
    /// again for each first write, in the middle of what needs them.
    #[inline]
    pub(super) fn populate(&self) {
        let slices = self.memory.slices();
        if self.progress.populated.load(Ordering::Relaxed) < slices {
            let slice = self.progress.populated.fetch_add(1, Ordering::Relaxed);
            if slice < slices {
                self.memory.populate(slice);
            }
        }
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

    /// The table that takes this one's place.
    #[inline(always)]
    pub(super) fn next(&self) -> Option<&Table<C>> {
        // SAFETY: null, or a table that is retired no earlier than this one, and after it.
        unsafe { self.next.load(Ordering::Acquire).as_ref() }
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
        let mut matches = main.matches(pair, lane::entry(hash.tag(), sought.form()));
        if cfg!(loom) {
            matches &= LANES_OF_FIRST;
        }
        search(main, pair, matches, sought)
    }

    /// The value of a key if its entry is the first that may be it, as it is but for one key in fifty.
    #[inline(always)]
    pub(super) fn first_near<'t>(
        &self,
        main: &'t Bucket<C>,
        hash: Hash,
        sought: impl Sought,
    ) -> Option<&'t C> {
        let pair = hash.home_pair();
        let mut matches = main.matches(pair, lane::entry(hash.tag(), sought.form()));
        if cfg!(loom) {
            matches &= LANES_OF_FIRST;
        }
        if matches == 0 {
            return None;
        }
        let place = main.pair(pair).plus(matches.trailing_zeros() as usize * (GRANULE / 2));
        sought.is_at(place).then(|| place.cell())
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
            for pair in 0..PAIRS {
                let mut matches = holder.matches(pair, lane);
                if pair == 0 {
                    matches &= LANES_OF_FIRST;
                }
                if let Some(spot) = search(holder, pair, matches, probe) {
                    return Some(spot);
                }
            }
            holder = self.after(holder)?;
        }
    }
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

#[cfg(loom)]
impl<C> Drop for Table<C> {
    /// Tells loom that nobody looks at it any more.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.next.end();
        }
    }
}
