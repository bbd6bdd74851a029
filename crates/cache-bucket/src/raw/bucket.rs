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

/// Words in a header. Fewer under loom, where a bucket has room for four entries.
const WORDS: usize = if cfg!(loom) { 2 } else { 8 };
/// Granules in a bucket, the header's own included: four lanes in each word.
pub(super) const GRANULES: usize = 4 * WORDS;
/// The first granule that can hold an entry. The header lies where those before it would, and its first word is no
/// lanes but the state.
pub(super) const FIRST: usize = 4;
/// What matches in the first pair can be lanes: the rest is the state.
const LANES_OF_FIRST: u32 = !0 << (2 * FIRST);
/// Granules in a cache line.
pub(super) const LINE: usize = 4;
/// Pairs of lines that share 16 bytes of lanes.
pub(super) const PAIRS: usize = WORDS / 2;
/// In each lane of a word, all bits but the top one.
const LOWS: u64 = !lane::TOPS;
/// In each lane of a word, that it is dead: that bit.
const DEADS: u64 = lane::TOPS;
/// A granule's bytes.
pub(super) const GRANULE: usize = 16;

/// The top bits of a word's lanes, of which no other bits are set, as four bits.
#[inline(always)]
fn gather(tops: u64) -> u32 {
    // Takes the lowest bit of lane `i` to bit `48 + i`.
    const GATHER: u64 = 1 << 48 | 1 << 33 | 1 << 18 | 1 << 3;
    ((tops >> 15).wrapping_mul(GATHER) >> 48 & 0xf) as u32
}

/// A header in a cache line of its own, and 28 granules for entries.
///
/// A bucket with a header of zeros is a valid and empty one. What is in a granule means nothing until a lane says so.
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
        Self::with_state(State(0))
    }

    /// What memory may hold that was not cleared: a state that leads to an overflow bucket that there is not.
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

    /// The granules of a pair of lines that have this lane, as a mask of two bits for each. If it is an entry's, what
    /// the entry holds may then be read.
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

    /// The same of a pair that may be a key's: all of it is lanes.
    #[inline(always)]
    pub(super) fn near(&self, pair: usize, lane: Lane) -> u32 {
        // A bucket of loom's has no other pair.
        if cfg!(loom) { self.any(pair, lane) } else { self.matches(pair, lane) }
    }

    /// The same of any pair: the first is lanes in part.
    #[inline(always)]
    pub(super) fn any(&self, pair: usize, lane: Lane) -> u32 {
        self.matches(pair, lane) & if pair == 0 { LANES_OF_FIRST } else { !0 }
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

    /// Sets the lanes of an entry's granules in a pair of lines: in one store, if they lie in one line. The caller holds the
    /// lock.
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
        // Release: who sees the lane sees the entry.
        word.store(lanes, seeded::ordering(Ordering::Release, "publish"));
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
        // One loop over all of them, as no processor guesses how many there are in each word.
        let mut entries = 0;
        for (i, word) in self.header[FIRST / 4..].iter().enumerate() {
            entries |= gather(lane::entries(word.load(Ordering::Relaxed))) << (4 * i);
        }
        while entries != 0 {
            let granule = FIRST + entries.trailing_zeros() as usize;
            // Acquires: who sees a lane sees the entry. It may have been removed since.
            if let Some(form) = lane::form(self.lane(granule)) {
                f(granule, form);
            }
            entries &= entries - 1;
        }
    }

    /// A free granule of a line. The caller holds the lock.
    #[inline]
    pub(super) fn free_in_line(&self, home: usize) -> Option<usize> {
        let lanes = self.header[home / 4].load(Ordering::Relaxed);
        let free = !((((lanes & LOWS) + LOWS) | lanes) | LOWS);
        (free != 0).then(|| home + free.trailing_zeros() as usize / 16)
    }

    /// Which granules of a pair of lines an insert may use, as a mask of two bits for each: those that are free, and those of
    /// removed entries that nobody reads any more. Only an insert takes them, so they stay usable while the state stays what
    /// it was before.
    ///
    /// The epoch is loaded after the lanes. Whoever removed an entry had loaded the epoch in its lane before it stored that,
    /// and the lane acquires it. So the epoch that is loaded here is no older: no age is negative. One that is too large for
    /// the 15 bits of a lane can only seem less than it is.
    #[inline(always)]
    pub(super) fn usable(&self, pair: usize, guard: Pinned<'_>) -> u32 {
        // Acquire: see above. It is also what keeps the epoch's load after these.
        let lanes = self.words(pair).each_ref().map(|word| word.load(Ordering::Acquire));
        let now = if seeded::bug("age") { guard.epoch_when_pinned() } else { guard.domain().epoch() };
        let grace = if seeded::bug("unseen-quick") { 0 } else { GRACE };
        let grace = if seeded::bug("one-epoch") { 1 } else { grace };
        arch::usable(lanes, grace, now) & if pair == 0 { LANES_OF_FIRST } else { !0 }
    }

    /// Which granules are taken. The caller holds the lock.
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

    /// Takes over what another bucket has in these granules, as in a [`Space`], of an empty one whose lock the caller has.
    ///
    /// Entries that were removed in the other since are dead in this one too. The caller has the other's lock as well, and
    /// sees to it that nobody writes to its cells.
    #[inline(always)]
    pub(super) fn fill(&self, from: &Self, kept: u32) {
        #[cfg(not(loom))]
        // SAFETY: nobody writes to the other's granules, as the caller sees to, nor looks at our own as long as no lane
        // says that there is an entry. They may be copied as they are: what they hold has one owner, who now is here.
        unsafe {
            self.granules.get().copy_from_nonoverlapping(from.granules.get(), 1);
        }
        #[cfg(loom)]
        for granule in (FIRST..GRANULES).filter(|granule| kept >> (granule - FIRST) & 1 != 0) {
            self.cell(granule).init(from.cell(granule).word());
            // SAFETY: as above; an entry of a model's has one granule.
            unsafe { super::stored::copy_key(from.key(granule), self.key(granule), 1) };
        }
        for (i, (word, other)) in self.header.iter().zip(&from.header).skip(FIRST / 4).enumerate() {
            let bits = u64::from(kept >> (4 * i) & 0xf);
            // Each bit goes to the lowest of a lane, and fills it.
            let lanes = (bits.wrapping_mul(0x0000_2000_4000_8001) & 0x0001_0001_0001_0001) * 0xffff;
            // Release: who sees a lane sees its entry.
            word.store(other.load(Ordering::Relaxed) & lanes, seeded::ordering(Ordering::Release, "fill"));
        }
    }

    /// Frees the granules of removed entries that nobody reads any more now, in this epoch; says whether there were any.
    /// The caller holds the lock.
    pub(super) fn bury(&self, now: u64) -> bool {
        let mut buried = false;
        for word in &self.header[FIRST / 4..] {
            let lanes = word.load(Ordering::Relaxed);
            let old = lane::dead_for(lanes, if seeded::bug("unseen") { 0 } else { GRACE }, now);
            if old != 0 {
                // From the top bit of each lane to all of it.
                let old = (old >> 15) * 0xffff;
                // Release: who reads this word sees the entries of its other lanes, whoever put them there.
                word.store(lanes & !old, seeded::ordering(Ordering::Release, "bury"));
                buried = true;
            }
        }
        buried
    }

    /// How many granules are those of entries. The caller holds the lock.
    pub(super) fn live(&self) -> u32 {
        let live = |word: &AtomicU64| {
            let lanes = word.load(Ordering::Relaxed);
            // A lane's top bit here says that the lane is neither zero nor dead.
            (((lanes & LOWS) + LOWS) & !lanes & !LOWS).count_ones()
        };
        self.header[FIRST / 4..].iter().map(live).sum()
    }

    /// Whether no entry is left, and no room either, but for that of the dead. The caller holds the lock.
    pub(super) fn is_spent(&self) -> bool {
        self.live() == 0 && (GRANULES - FIRST) as u32 - self.space().used() < lane::MOST as u32
    }

    /// Makes all granules free. Nobody else looks at the bucket.
    pub(super) fn free_all(&self) {
        for word in &self.header[FIRST / 4..] {
            // Release: as every store to a word of lanes.
            word.store(0, Ordering::Release);
        }
    }

    /// Whether all granules are free. The caller holds the lock.
    pub(super) fn is_free(&self) -> bool {
        self.header[FIRST / 4..].iter().all(|word| word.load(Ordering::Relaxed) == 0)
    }

    /// Whether there are granules of removed entries.
    pub(super) fn has_dead(&self) -> bool {
        self.header[FIRST / 4..].iter().any(|word| word.load(Ordering::Relaxed) & DEADS != 0)
    }

    /// The same in a pair of lines.
    #[inline]
    pub(super) fn has_dead_near(&self, pair: usize) -> bool {
        let [low, high] = self.words(pair).each_ref().map(|word| word.load(Ordering::Relaxed));
        (if pair == 0 { high } else { low | high }) & DEADS != 0
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
        Place::new(start).plus(pair * 2 * LINE * GRANULE)
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

    /// Asks for all of it.
    #[inline(always)]
    pub(super) fn prefetch_all(this: *const Self) {
        (0..GRANULES).step_by(LINE).for_each(|granule| Self::prefetch(this, granule));
    }

    #[inline(always)]
    pub(super) fn state(&self) -> State {
        // Acquire: what was done under the lock before it became this is seen.
        State(self.header[0].load(Ordering::Acquire))
    }

    /// Sets the link of an overflow bucket, whose state is guarded by the lock of its main bucket.
    pub(super) fn set_link(&self, link: u32) {
        let state = State(self.header[0].load(Ordering::Relaxed));
        // Release: who follows the link finds what was put there before.
        self.header[0].store(state.with_link(link).0, seeded::ordering(Ordering::Release, "link"));
    }
}

impl<C> Bucket<C> {
    /// Makes it a valid and empty one. What was in its granules stays there, and is nothing.
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
