mod lock;
mod place;

use std::cell::UnsafeCell;

use super::cell::Cell;
use super::lane::{self, FURTHER, Form, Lane};
use super::space::Space;
use super::state::State;
use crate::arch;
use crate::primitive::{AtomicU64, KeyWord, Ordering};
use crate::reclaim::{GRACE, Pinned};
use crate::seeded;

pub(super) use lock::BucketLock;
use place::Granule;
pub(crate) use place::Place;

/// The number of words in a header. Fewer under loom, where a bucket has room for four entries.
const WORDS: usize = if cfg!(loom) { 2 } else { 8 };
/// The number of granules in a bucket, including the header's: four lanes in each word.
pub(super) const GRANULES: usize = 4 * WORDS;
/// The first granule that can hold an entry. The header occupies those before it, and its first word holds the state
/// instead of lanes.
pub(super) const FIRST: usize = 4;
/// The matches in the first pair of lines that are lanes; the rest is the state.
const LANES_OF_FIRST: u32 = !0 << (2 * FIRST);
/// Granules in a cache line.
pub(super) const LINE: usize = 4;
/// Pairs of lines that share 16 bytes of lanes.
pub(super) const PAIRS: usize = WORDS / 2;
/// All bits but the top one, in each lane of a word.
const LOWS: u64 = !lane::TOPS;
/// The bit that marks a dead lane, in each lane of a word.
const DEADS: u64 = lane::TOPS;
/// A granule's bytes.
pub(super) const GRANULE: usize = 16;

/// Gathers the top bits of a word's lanes as four bits. No other bits of the word are set.
#[inline(always)]
fn gather(tops: u64) -> u32 {
    // Takes the lowest bit of lane `i` to bit `48 + i`.
    const GATHER: u64 = 1 << 48 | 1 << 33 | 1 << 18 | 1 << 3;
    ((tops >> 15).wrapping_mul(GATHER) >> 48 & 0xf) as u32
}

/// A header in a cache line of its own, and 28 granules for entries.
///
/// A bucket whose header is zero is valid and empty. The contents of a granule mean nothing until a lane says so.
#[repr(C, align(512))]
pub(crate) struct Bucket<C> {
    /// The state, which is the lock, in the first word: see [`State`]. Then the lanes of granules 4 to 31, written
    /// under the lock: an entry is published by the release of its [`Lane`], and unlinked by its removal.
    header: [AtomicU64; WORDS],
    /// One cell for all granules, because a key runs over the granules that follow its first.
    granules: UnsafeCell<[Granule<C>; GRANULES - FIRST]>,
}

// SAFETY: a bucket holds atomics and key bytes; the latter are shared as `KeyWord` says.
unsafe impl<C: Cell> Send for Bucket<C> {}
// SAFETY: as above.
unsafe impl<C: Cell> Sync for Bucket<C> {}

impl<C: Cell> Bucket<C> {
    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self::with_state(State(0))
    }

    /// A bucket as uncleared memory may hold it: its state links to an overflow bucket that does not exist.
    #[cfg(loom)]
    pub(super) fn unclear() -> Self {
        Self::with_state(State(0).inserted(false).with_link(1))
    }

    #[cfg(loom)]
    fn with_state(state: State) -> Self {
        Self {
            header: std::array::from_fn(|word| AtomicU64::new(if word == 0 { state.0 } else { 0 })),
            granules: UnsafeCell::new(std::array::from_fn(|_| Granule {
                cell: C::empty(),
                key: KeyWord::default(),
            })),
        }
    }

    /// Finds the granules of a pair of lines that have this lane, as a mask of two bits for each. If the lane is an
    /// entry's, the entry may then be read.
    #[inline(always)]
    pub(super) fn matches(&self, pair: usize, lane: Lane) -> u32 {
        arch::matches(self.words(pair), lane)
    }

    /// The lanes of a pair of lines.
    #[inline(always)]
    fn words(&self, pair: usize) -> &[AtomicU64; 2] {
        debug_assert!(pair < PAIRS);
        // SAFETY: there are as many pairs of words as pairs of lines.
        unsafe { &*self.header.as_ptr().add(2 * pair).cast::<[AtomicU64; 2]>() }
    }

    /// Finds the granules of a home pair that have this lane, as a mask of two bits for each. A home pair has lanes
    /// only.
    #[inline(always)]
    pub(super) fn matches_in_pair(&self, pair: usize, lane: Lane) -> u32 {
        // Under loom a bucket has one pair, which holds the state too.
        if cfg!(loom) { self.any(pair, lane) } else { self.matches(pair, lane) }
    }

    /// Finds the granules of any pair of lines that have this lane, as a mask of two bits for each. Part of the first
    /// pair is the state.
    #[inline(always)]
    pub(super) fn any(&self, pair: usize, lane: Lane) -> u32 {
        self.matches(pair, lane) & if pair == 0 { LANES_OF_FIRST } else { !0 }
    }

    /// The lane of a granule. If an entry begins there, the entry may then be read.
    #[inline]
    pub(super) fn lane(&self, granule: usize) -> Lane {
        debug_assert!(granule >= FIRST);
        // Acquire: a thread that sees the lane sees the entry. Pairs with `set_lane` and `publish`.
        (self.header[granule / 4].load(Ordering::Acquire) >> (granule % 4 * 16)) as Lane
    }

    /// Sets the lanes of an entry's granules, the first to `lane` and the rest to `further`. The caller holds the lock.
    #[inline]
    pub(super) fn set_lanes(&self, granule: usize, count: usize, lane: Lane, further: Lane) {
        // The first one last: a thread that sees it sees the entry.
        for next in (granule + 1..granule + count).rev() {
            self.set_lane(next, further);
        }
        self.set_lane(granule, lane);
    }

    /// Sets the lanes of an entry's granules in a pair of lines, in one store if they lie in one line. The caller
    /// holds the lock.
    #[inline(always)]
    pub(super) fn publish(&self, pair: usize, at: usize, count: usize, lane: Lane) {
        if at % 4 + count > 4 {
            return self.set_lanes(pair * 2 * LINE + at, count, lane, FURTHER);
        }
        let all = !0_u64 >> (64 - 16 * count);
        let further = (u64::from(FURTHER) * 0x0001_0001_0001_0000) & all;
        let word = &self.header[(2 * pair + at / 4) % WORDS];
        let shift = at % 4 * 16;
        let lanes = word.load(Ordering::Relaxed) & !(all << shift) | (u64::from(lane) | further) << shift;
        // Release: a thread that sees the lane sees the entry. Pairs with the loads of lanes.
        word.store(lanes, seeded::ordering(Ordering::Release, "publish"));
    }

    #[inline]
    fn set_lane(&self, granule: usize, lane: Lane) {
        debug_assert!(granule >= FIRST);
        let word = &self.header[granule / 4];
        let shift = granule % 4 * 16;
        let others = word.load(Ordering::Relaxed) & !(0xffff << shift);
        // Release: a thread that sees the lane sees what came before, such as the entry.
        word.store(others | u64::from(lane) << shift, seeded::ordering(Ordering::Release, "lane"));
    }

    /// Calls `f` with the granule and the form of each entry in the bucket.
    #[inline]
    pub(super) fn for_each_entry(&self, mut f: impl FnMut(usize, Form)) {
        // One loop over all entries, because the number in each word is hard to predict.
        let mut entries = 0;
        for (i, word) in self.header[FIRST / 4..].iter().enumerate() {
            entries |= gather(lane::entries(word.load(Ordering::Relaxed))) << (4 * i);
        }
        while entries != 0 {
            let granule = FIRST + entries.trailing_zeros() as usize;
            // Acquires: a thread that sees a lane sees the entry. It may have been removed since.
            if let Some(form) = lane::form(self.lane(granule)) {
                f(granule, form);
            }
            entries &= entries - 1;
        }
    }

    /// Finds a free granule of a line. The caller holds the lock.
    #[inline]
    pub(super) fn free_in_line(&self, home: usize) -> Option<usize> {
        let lanes = self.header[home / 4].load(Ordering::Relaxed);
        let free = !((((lanes & LOWS) + LOWS) | lanes) | LOWS);
        (free != 0).then(|| home + free.trailing_zeros() as usize / 16)
    }

    /// Finds the granules of a pair of lines that an insert may use, as a mask of two bits for each: the free ones,
    /// and those of removed entries that nobody reads any more. Only an insert takes them, so they stay usable while
    /// the state stays what it was before.
    ///
    /// The epoch is loaded after the lanes. The thread that removed an entry loaded the epoch in its lane before it
    /// stored the lane, and the load here acquires the lane. So the epoch loaded here is no older, and no age is
    /// negative. An age that is too large for the 15 bits of a lane can only seem less than it is.
    #[inline(always)]
    pub(super) fn usable(&self, pair: usize, guard: Pinned<'_>) -> u32 {
        // Acquire: see above. It also keeps the load of the epoch after these.
        let lanes = self.words(pair).each_ref().map(|word| word.load(Ordering::Acquire));
        let now = if seeded::bug("age") { guard.epoch_when_pinned() } else { guard.domain().epoch() };
        let grace = if seeded::bug("unseen-fast") { 0 } else { GRACE };
        let grace = if seeded::bug("one-epoch") { 1 } else { grace };
        arch::usable(lanes, grace, now) & if pair == 0 { LANES_OF_FIRST } else { !0 }
    }

    /// Returns the granules that are taken. The caller holds the lock.
    pub(super) fn space(&self) -> Space {
        let mut taken = 0;
        for (i, word) in self.header[FIRST / 4..].iter().enumerate() {
            let lanes = word.load(Ordering::Relaxed);
            // A lane's top bit here says that the lane is not zero.
            let nonzero = (((lanes & LOWS) + LOWS) | lanes) & !LOWS;
            taken |= gather(nonzero) << (4 * i);
        }
        Space(taken)
    }

    /// Copies the entries of another bucket in the granules `kept`, as in a [`Space`], to an empty bucket. The caller
    /// holds this bucket's lock.
    ///
    /// Entries that were removed from the other since are dead in this one too. The caller holds the other's lock as
    /// well, and makes sure that nobody writes to its cells.
    #[inline(always)]
    pub(super) fn fill(&self, from: &Self, kept: u32) {
        #[cfg(not(loom))]
        // SAFETY: the caller makes sure that nobody writes to the other's granules, and nobody looks at our own while
        // no lane says that there is an entry. A bytewise copy is right: what the granules own is owned by this
        // bucket from now on.
        unsafe {
            self.granules.get().copy_from_nonoverlapping(from.granules.get(), 1);
        }
        #[cfg(loom)]
        for granule in (FIRST..GRANULES).filter(|granule| kept >> (granule - FIRST) & 1 != 0) {
            self.cell(granule).init(from.cell(granule).word());
            // SAFETY: as above; under loom an entry has one granule.
            unsafe { super::stored::copy_key(from.key(granule), self.key(granule), 1) };
        }
        for (i, (word, other)) in self.header.iter().zip(&from.header).skip(FIRST / 4).enumerate() {
            let bits = u64::from(kept >> (4 * i) & 0xf);
            // Spreads each bit to the lowest of a lane, and fills the lane with it.
            let lanes = (bits.wrapping_mul(0x0000_2000_4000_8001) & 0x0001_0001_0001_0001) * 0xffff;
            // Release: a thread that sees a lane sees its entry.
            word.store(other.load(Ordering::Relaxed) & lanes, seeded::ordering(Ordering::Release, "fill"));
        }
    }

    /// Frees the granules of removed entries that nobody can read any more at epoch `now`; says whether there were
    /// any. The caller holds the lock.
    pub(super) fn reclaim_dead(&self, now: u64) -> bool {
        let mut reclaimed = false;
        for word in &self.header[FIRST / 4..] {
            let lanes = word.load(Ordering::Relaxed);
            let old = lane::dead_for(lanes, if seeded::bug("unseen") { 0 } else { GRACE }, now);
            if old != 0 {
                // Extends the top bit of each lane to all of it.
                let old = (old >> 15) * 0xffff;
                // Release: a thread that reads this word sees the entries of its other lanes, whichever thread wrote
                // them.
                word.store(lanes & !old, seeded::ordering(Ordering::Release, "reclaim-dead"));
                reclaimed = true;
            }
        }
        reclaimed
    }

    /// The number of granules that entries take. The caller holds the lock.
    pub(super) fn live(&self) -> u32 {
        let live = |word: &AtomicU64| {
            let lanes = word.load(Ordering::Relaxed);
            // A lane's top bit here says that the lane is neither zero nor dead.
            (((lanes & LOWS) + LOWS) & !lanes & !LOWS).count_ones()
        };
        self.header[FIRST / 4..].iter().map(live).sum()
    }

    /// Whether no entry is left, and too little room but that of dead entries. The caller holds the lock.
    pub(super) fn is_spent(&self) -> bool {
        self.live() == 0 && (GRANULES - FIRST) as u32 - self.space().used() < lane::MOST as u32
    }

    /// Frees all granules. No other thread looks at the bucket.
    pub(super) fn free_all(&self) {
        for word in &self.header[FIRST / 4..] {
            // Release, as every store to a word of lanes.
            word.store(0, Ordering::Release);
        }
    }

    /// Whether all granules are free. The caller holds the lock.
    pub(super) fn is_free(&self) -> bool {
        self.header[FIRST / 4..].iter().all(|word| word.load(Ordering::Relaxed) == 0)
    }

    /// Whether the bucket has granules of removed entries.
    pub(super) fn has_dead(&self) -> bool {
        self.header[FIRST / 4..].iter().any(|word| word.load(Ordering::Relaxed) & DEADS != 0)
    }

    /// Whether a pair of lines has granules of removed entries.
    #[inline]
    pub(super) fn has_dead_in_pair(&self, pair: usize) -> bool {
        let [low, high] = self.words(pair).each_ref().map(|word| word.load(Ordering::Relaxed));
        (if pair == 0 { high } else { low | high }) & DEADS != 0
    }

    /// The place of the entry that begins at a granule.
    #[inline(always)]
    pub(super) fn place(&self, granule: usize) -> Place<'_, C> {
        debug_assert!((FIRST..GRANULES).contains(&granule));
        self.pair(0).plus(granule * GRANULE)
    }

    /// The beginning of a pair of lines. The first pair begins with the header, not with an entry.
    #[inline(always)]
    pub(super) fn pair(&self, pair: usize) -> Place<'_, C> {
        let first = self.granules.get().cast::<Granule<C>>();
        let start =
            if cfg!(loom) { first.wrapping_sub(FIRST) } else { first.wrapping_byte_sub(FIRST * GRANULE) };
        Place::new(start).plus(pair * 2 * LINE * GRANULE)
    }

    pub(super) fn cell(&self, granule: usize) -> &C {
        self.place(granule).cell()
    }

    pub(super) fn key(&self, granule: usize) -> *const KeyWord {
        self.place(granule).key()
    }

    /// Prefetches the line of a granule.
    #[inline(always)]
    pub(super) fn prefetch(this: *const Self, granule: usize) {
        arch::prefetch(this.wrapping_byte_add(granule * GRANULE));
    }

    /// Prefetches all lines of the bucket.
    #[inline(always)]
    pub(super) fn prefetch_all(this: *const Self) {
        (0..GRANULES).step_by(LINE).for_each(|granule| Self::prefetch(this, granule));
    }

    #[inline(always)]
    pub(super) fn state(&self) -> State {
        // Acquire: we see what was done under the lock that stored this state. Pairs with the unlocking.
        State(self.header[0].load(Ordering::Acquire))
    }

    /// Sets the link of an overflow bucket, whose state is guarded by the lock of its main bucket.
    pub(super) fn set_link(&self, link: u32) {
        let state = State(self.header[0].load(Ordering::Relaxed));
        // Release: a thread that follows the link sees what the bucket holds.
        self.header[0].store(state.with_link(link).0, seeded::ordering(Ordering::Release, "link"));
    }
}

impl<C> Bucket<C> {
    /// Makes the bucket valid and empty. The contents of its granules stay, and mean nothing.
    ///
    /// # Safety
    ///
    /// There is memory for a bucket, and nobody else looks at it.
    #[inline]
    pub(super) unsafe fn clear(this: *mut Self) {
        // SAFETY: as the caller promises.
        for word in unsafe { &(*this).header } {
            word.store(0, Ordering::Relaxed);
        }
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
