use std::cell::UnsafeCell;
use std::marker::PhantomData;

use super::cell::Cell;
use super::lane::{self, DEAD, Form, Lane};
use super::space::Space;
use super::state::State;
use crate::arch;
use crate::primitive::{AtomicU64, Backoff, KeyWord, Ordering};
use crate::reclaim::GRACE;
use crate::seeded;

/// Words in a header. Fewer under loom, where a bucket has room for four entries.
const WORDS: usize = if cfg!(loom) { 2 } else { 8 };
/// Granules in a bucket, the header's own included: four lanes in each word.
pub(super) const GRANULES: usize = 4 * WORDS;
/// The first granule that can hold an entry. The header lies where those before it would, and its first word is no
/// lanes but the state.
pub(super) const FIRST: usize = 4;
/// Granules in a cache line.
pub(super) const LINE: usize = 4;
/// Pairs of lines that share 16 bytes of lanes.
pub(super) const PAIRS: usize = WORDS / 2;
/// In each lane of a word, all bits but the top one.
const LOWS: u64 = 0x7fff_7fff_7fff_7fff;
/// In each lane of a word, that it is dead.
const DEADS: u64 = DEAD as u64 * 0x0001_0001_0001_0001;
/// Gathers the lowest bit of lane `i` as bit `48 + i`.
const GATHER: u64 = 1 << 48 | 1 << 33 | 1 << 18 | 1 << 3;
/// A granule's bytes.
pub(super) const GRANULE: usize = 16;

/// 16 bytes of a bucket: the value and the first 8 key bytes of an entry, or 16 further key bytes.
#[repr(C, align(16))]
pub(crate) struct Granule<C> {
    cell: C,
    key: KeyWord,
}

/// A granule, as one pointer: the fewer registers a look-up needs the better, see `map::quick`.
pub(crate) struct Place<'b, C>(*const Granule<C>, PhantomData<&'b Bucket<C>>);

impl<C> Clone for Place<'_, C> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Place<'_, C> {}

impl<'b, C: Cell> Place<'b, C> {
    /// The place so many bytes further on, which must be in the same bucket.
    #[inline(always)]
    pub(super) fn plus(self, bytes: usize) -> Self {
        // A granule of loom's has another size.
        let moved =
            if cfg!(loom) { self.0.wrapping_add(bytes / GRANULE) } else { self.0.wrapping_byte_add(bytes) };
        Place(moved, PhantomData)
    }

    /// The value of the entry that begins here.
    #[inline(always)]
    pub(super) fn cell(self) -> &'b C {
        // SAFETY: the granule is its bucket's, and while an entry begins there, or nothing does, no key bytes lie
        // where its cell is.
        unsafe { &(*self.0).cell }
    }

    /// The place of the key of the entry that begins here.
    ///
    /// It may be used to the end of that entry, so it points into the bucket as a whole.
    #[inline(always)]
    pub(super) fn key(self) -> *const KeyWord {
        // SAFETY: the granule is its bucket's; the projection reads nothing.
        unsafe { &raw const (*self.0).key }
    }

    /// Which granule of its bucket it is.
    pub(super) fn granule(self, bucket: &'b Bucket<C>) -> usize {
        let bytes = self.0 as usize - bucket.pair(0).0 as usize;
        bytes / size_of::<Granule<C>>()
    }
}

/// A header in a cache line of its own, and 28 granules for entries.
///
/// A bucket of zeros is a valid and empty one.
#[repr(C, align(512))]
pub(crate) struct Bucket<C> {
    /// The state, which is the lock, in the first word: see [`State`]. Then the lanes of granules 4 to 31, written
    /// under the lock: an entry is published by the release of its [`Lane`], and unlinked by its removal.
    header: [AtomicU64; WORDS],
    /// In a cell as a whole, as a key runs over the granules that follow its first.
    granules: UnsafeCell<[Granule<C>; GRANULES - FIRST]>,
}

// SAFETY: atomics apart, a bucket has key bytes only. They are shared as a `KeyWord` says.
unsafe impl<C: Cell> Send for Bucket<C> {}
// SAFETY: as above.
unsafe impl<C: Cell> Sync for Bucket<C> {}

impl<C: Cell> Bucket<C> {
    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self {
            header: std::array::from_fn(|_| AtomicU64::new(0)),
            granules: UnsafeCell::new(std::array::from_fn(|_| Granule {
                cell: C::empty(),
                key: KeyWord::default(),
            })),
        }
    }

    /// The granules of a pair of lines that have this lane, as a mask of two bits for each. If it is an entry's, what
    /// the entry holds may then be read.
    #[inline(always)]
    pub(super) fn matches(&self, pair: usize, lane: Lane) -> u32 {
        // SAFETY: there are as many pairs of words as pairs of lines.
        let words = unsafe { &*self.header.as_ptr().add(2 * pair).cast::<[AtomicU64; 2]>() };
        arch::matches(words, lane)
    }

    /// The lane of a granule. If an entry begins there, what it holds may then be read.
    #[inline]
    pub(super) fn lane(&self, granule: usize) -> Lane {
        debug_assert!(granule >= FIRST);
        // Acquire: who sees the lane sees the entry.
        (self.header[granule / 4].load(Ordering::Acquire) >> (granule % 4 * 16)) as Lane
    }

    /// Sets the lanes of an entry's granules, the first to `lane` and the rest to `further`. The caller holds the lock.
    #[inline]
    pub(super) fn set_lanes(&self, granule: usize, count: usize, lane: Lane, further: Lane) {
        // The first one last: who sees it sees the entry.
        for next in (granule + 1..granule + count).rev() {
            self.set_lane(next, further);
        }
        self.set_lane(granule, lane);
    }

    #[inline]
    fn set_lane(&self, granule: usize, lane: Lane) {
        debug_assert!(granule >= FIRST);
        let word = &self.header[granule / 4];
        let shift = granule % 4 * 16;
        let others = word.load(Ordering::Relaxed) & !(0xffff << shift);
        // Release: who sees the lane sees what came before, the entry if it is one.
        word.store(others | u64::from(lane) << shift, seeded::ordering(Ordering::Release, "lane"));
    }

    /// Calls `f` with the granule and the form of each entry in the bucket.
    #[inline]
    pub(super) fn for_each_entry(&self, mut f: impl FnMut(usize, Form)) {
        for (i, word) in self.header[FIRST / 4..].iter().enumerate() {
            // Acquire: who sees a lane sees the entry.
            let lanes = word.load(Ordering::Acquire);
            let mut entries = lane::entries(lanes);
            while entries != 0 {
                let shift = entries.trailing_zeros() / 16 * 16;
                f(FIRST + 4 * i + shift as usize / 16, (lanes >> shift >> 8) as Form);
                entries &= entries - 1;
            }
        }
    }

    /// A free granule of a line. The caller holds the lock.
    #[inline]
    pub(super) fn free_in_line(&self, home: usize) -> Option<usize> {
        let lanes = self.header[home / 4].load(Ordering::Relaxed);
        let free = !((((lanes & LOWS) + LOWS) | lanes) | LOWS);
        (free != 0).then(|| home + free.trailing_zeros() as usize / 16)
    }

    /// Which granules are taken. The caller holds the lock.
    pub(super) fn space(&self) -> Space {
        let mut taken = 0;
        for (i, word) in self.header[FIRST / 4..].iter().enumerate() {
            let lanes = word.load(Ordering::Relaxed);
            // A lane's top bit here says that the lane is not zero.
            let nonzero = (((lanes & LOWS) + LOWS) | lanes) & !LOWS;
            taken |= ((nonzero >> 15).wrapping_mul(GATHER) >> 48 & 0xf) << (4 * i);
        }
        Space(taken as u32)
    }

    /// Frees the granules of removed entries that nobody reads any more now, in this epoch; says whether there were any.
    /// The caller holds the lock.
    pub(super) fn bury(&self, now: u64) -> bool {
        let mut buried = false;
        for word in &self.header[FIRST / 4..] {
            let lanes = word.load(Ordering::Relaxed);
            let (mut dead, mut kept) = (lanes & DEADS, lanes);
            while dead != 0 {
                let shift = dead.trailing_zeros() - DEAD.trailing_zeros();
                if lane::age((lanes >> shift) as Lane, now) >= GRACE || seeded::bug("unseen") {
                    kept &= !(0xffff << shift);
                }
                dead &= dead - 1;
            }
            if kept != lanes {
                // Release: who reads this word sees the entries of its other lanes, whoever put them there.
                word.store(kept, seeded::ordering(Ordering::Release, "bury"));
                buried = true;
            }
        }
        buried
    }

    /// Whether all granules are free. The caller holds the lock.
    pub(super) fn is_free(&self) -> bool {
        self.header[FIRST / 4..].iter().all(|word| word.load(Ordering::Relaxed) == 0)
    }

    /// Whether there are granules of removed entries.
    pub(super) fn has_dead(&self) -> bool {
        self.header[FIRST / 4..].iter().any(|word| word.load(Ordering::Relaxed) & DEADS != 0)
    }

    /// Where the entry of a granule begins.
    #[inline(always)]
    pub(super) fn place(&self, granule: usize) -> Place<'_, C> {
        debug_assert!((FIRST..GRANULES).contains(&granule));
        self.pair(0).plus(granule * GRANULE)
    }

    /// Where a pair of lines begins. In the first pair, no entry does.
    #[inline(always)]
    pub(super) fn pair(&self, pair: usize) -> Place<'_, C> {
        let first = self.granules.get().cast::<Granule<C>>();
        let start =
            if cfg!(loom) { first.wrapping_sub(FIRST) } else { first.wrapping_byte_sub(FIRST * GRANULE) };
        Place(start, PhantomData).plus(pair * 2 * LINE * GRANULE)
    }

    pub(super) fn cell(&self, granule: usize) -> &C {
        self.place(granule).cell()
    }

    pub(super) fn key(&self, granule: usize) -> *const KeyWord {
        self.place(granule).key()
    }

    /// Asks for the line of a granule.
    #[inline(always)]
    pub(super) fn prefetch(this: *const Self, granule: usize) {
        arch::prefetch(this.wrapping_byte_add(granule * GRANULE));
    }

    #[inline(always)]
    pub(super) fn state(&self) -> State {
        // Acquire: what was done under the lock before it became this is seen.
        State(self.header[0].load(Ordering::Acquire))
    }

    /// Locks if the state still is `seen`, which must be unlocked: then nothing was inserted since.
    #[inline]
    pub(super) fn try_lock(&self, seen: State) -> Option<BucketLock<'_, C>> {
        debug_assert!(!seen.locked());
        self.header[0]
            .compare_exchange(
                seen.0,
                seen.lock().0,
                seeded::ordering(Ordering::Acquire, "lock"),
                Ordering::Relaxed,
            )
            .ok()
            .map(|_| BucketLock { bucket: self, after: seen })
    }

    /// Locks, whatever the state is.
    pub(super) fn lock(&self) -> BucketLock<'_, C> {
        let mut backoff = Backoff::default();
        loop {
            let state = self.state();
            if !state.locked()
                && let Some(lock) = self.try_lock(state)
            {
                return lock;
            }
            backoff.wait();
        }
    }

    /// Sets the link of an overflow bucket, whose state is guarded by the lock of its main bucket.
    pub(super) fn set_link(&self, link: u32) {
        let state = State(self.header[0].load(Ordering::Relaxed));
        // Release: who follows the link finds what was put there before.
        self.header[0].store(state.with_link(link).0, seeded::ordering(Ordering::Release, "link"));
    }
}

#[cfg(loom)]
impl<C> Bucket<C> {
    /// Tells loom that nobody looks at it any more.
    pub(super) fn end(&mut self) {
        for word in &mut self.header {
            word.end();
        }
    }
}

/// A locked bucket. Unlocks when dropped.
///
/// Nothing that a user wrote runs while one exists, and nothing that may panic.
pub(super) struct BucketLock<'b, C: Cell> {
    bucket: &'b Bucket<C>,
    /// What the state becomes.
    pub(super) after: State,
}

impl<C: Cell> BucketLock<'_, C> {
    /// Sets the link to the first overflow bucket, for all to see at once: the next to be put into the same chain under
    /// this lock must find it.
    pub(super) fn set_link(&mut self, link: u32) {
        self.after = self.after.with_link(link);
        // Release: who follows the link finds what was put there before.
        self.bucket.header[0].store(self.after.lock().0, Ordering::Release);
    }
}

impl<C: Cell> Drop for BucketLock<'_, C> {
    #[inline]
    fn drop(&mut self) {
        // Release: the next to lock, and who reads the state, sees what was done.
        self.bucket.header[0].store(self.after.0, seeded::ordering(Ordering::Release, "unlock"));
    }
}
