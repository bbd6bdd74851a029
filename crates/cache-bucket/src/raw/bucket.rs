use std::cell::UnsafeCell;

use super::cell::Cell;
use super::state::State;
use crate::arch;
use crate::primitive::{AtomicU32, AtomicU64, Backoff, KeyWord, Ordering};

/// Words of tags in a header. One under loom, where a bucket has room for four entries.
pub(super) const TAG_WORDS: usize = if cfg!(loom) { 1 } else { 4 };
/// Granules in a bucket, the header's own included: one for each tag.
pub(super) const GRANULES: usize = 8 * TAG_WORDS;
/// The first granule that can hold an entry. The header lies where those before it would.
pub(super) const FIRST: usize = 4;
/// Granules in a cache line.
pub(super) const LINE: usize = 4;

/// 16 bytes of a bucket: the value and the first 8 key bytes of an entry, or 16 further key bytes.
#[repr(C, align(16))]
pub(crate) struct Granule<C> {
    cell: C,
    key: KeyWord,
}


/// A header in a cache line of its own, and 28 granules for entries.
///
/// A bucket of zeros is a valid and empty one.
#[repr(C, align(512))]
pub(crate) struct Bucket<C> {
    /// For each granule a byte: the tag of the entry that begins there. A hint: where none begins there is a 0,
    /// but that is a tag too. Written under the lock.
    tags: [AtomicU64; TAG_WORDS],
    /// For each granule four bits: how the entry that begins there keeps its key, and 0 if none does. Written under
    /// the lock. This is what publishes an entry and what unlinks it. A word goes with each word of tags.
    codes: [AtomicU32; TAG_WORDS],
    /// Which granules are taken. Read and written under the lock.
    pub(super) space: AtomicU64,
    /// The lock and what it guards: see [`State`].
    state: AtomicU64,
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
            tags: std::array::from_fn(|_| AtomicU64::new(0)),
            codes: std::array::from_fn(|_| AtomicU32::new(0)),
            space: AtomicU64::new(0),
            state: AtomicU64::new(0),
            granules: UnsafeCell::new(std::array::from_fn(|_| Granule {
                cell: C::empty(),
                key: KeyWord::default(),
            })),
        }
    }

    /// The granules whose entries have this tag, of the eight that one word stands for, as a mask of eight bits.
    #[inline(always)]
    pub(super) fn matches(&self, word: usize, tag: u8) -> u32 {
        // Relaxed: only an entry's code says that it is there.
        arch::matches(self.tags[word].load(Ordering::Relaxed), tag)
    }

    /// The granules at which an entry begins, as a bit mask.
    pub(super) fn entries(&self) -> u32 {
        let mut mask = 0;
        for granule in FIRST..GRANULES {
            mask |= u32::from(self.code(granule) != 0) << granule;
        }
        mask
    }

    /// How the entry at a granule keeps its key; 0 if none begins there. If one does, what it holds may be read.
    #[inline(always)]
    pub(super) fn code(&self, granule: usize) -> u8 {
        // Acquire: who sees the code sees the entry.
        let word = self.codes[granule / 8].load(Ordering::Acquire);
        (word >> (granule % 8 * 4)) as u8 & 0xf
    }

    /// Publishes an entry. The caller holds the lock, and has written all else.
    pub(super) fn publish(&self, granule: usize, tag: u8, code: u8) {
        let word = &self.tags[granule / 8];
        let others = word.load(Ordering::Relaxed) & !(0xff << (granule % 8 * 8));
        word.store(others | u64::from(tag) << (granule % 8 * 8), Ordering::Relaxed);
        // Release: who sees the code sees the entry and the tag.
        self.set_code(granule, code, Ordering::Release);
    }

    /// Unlinks an entry. The caller holds the lock.
    pub(super) fn unlink(&self, granule: usize) {
        // Release: who sees it gone sees what came before.
        self.set_code(granule, 0, Ordering::Release);
        let word = &self.tags[granule / 8];
        let others = word.load(Ordering::Relaxed) & !(0xff << (granule % 8 * 8));
        word.store(others, Ordering::Relaxed);
    }

    fn set_code(&self, granule: usize, code: u8, order: Ordering) {
        let word = &self.codes[granule / 8];
        let others = word.load(Ordering::Relaxed) & !(0xf << (granule % 8 * 4));
        word.store(others | u32::from(code) << (granule % 8 * 4), order);
    }

    /// The value of the entry that begins at a granule.
    #[inline(always)]
    pub(super) fn cell(&self, granule: usize) -> &C {
        // SAFETY: the granule is this bucket's, and while an entry begins there, or nothing does, no key bytes
        // lie where its cell is.
        unsafe { &(*self.granule(granule)).cell }
    }

    /// The place of the key of the entry that begins at a granule.
    ///
    /// It may be used to the end of that entry, so it points into the bucket as a whole.
    #[inline(always)]
    pub(super) fn key(&self, granule: usize) -> *const KeyWord {
        // SAFETY: the granule is this bucket's; the projection reads nothing.
        unsafe { &raw const (*self.granule(granule)).key }
    }

    #[inline(always)]
    fn granule(&self, granule: usize) -> *const Granule<C> {
        debug_assert!((FIRST..GRANULES).contains(&granule));
        self.granules.get().cast::<Granule<C>>().wrapping_add(granule).wrapping_sub(FIRST)
    }

    /// Asks for the line of a granule.
    #[inline(always)]
    pub(super) fn prefetch(this: *const Self, granule: usize) {
        arch::prefetch(this.wrapping_byte_add(granule * size_of::<Granule<C>>()));
    }

    #[inline(always)]
    pub(super) fn state(&self) -> State {
        // Acquire: what was done under the lock before it became this is seen.
        State(self.state.load(Ordering::Acquire))
    }

    /// Locks if the state still is `seen`, which must be unlocked: then nothing was inserted since.
    #[inline]
    pub(super) fn try_lock(&self, seen: State) -> Option<BucketLock<'_, C>> {
        debug_assert!(!seen.locked());
        self.state
            .compare_exchange(seen.0, seen.lock().0, Ordering::Acquire, Ordering::Relaxed)
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
        let state = State(self.state.load(Ordering::Relaxed));
        // Release: who follows the link finds what was put there before.
        self.state.store(state.with_link(link).0, Ordering::Release);
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

impl<C: Cell> Drop for BucketLock<'_, C> {
    #[inline]
    fn drop(&mut self) {
        // Release: the next to lock, and who reads the state, sees what was done.
        self.bucket.state.store(self.after.0, Ordering::Release);
    }
}
