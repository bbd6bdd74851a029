use std::collections::VecDeque;
use std::ptr;

use super::bucket::{Bucket, BucketLock};
use super::cell::Cell;
use super::memory::Memory;
use super::state::MAX_LINK;
use crate::primitive::{AtomicPtr, AtomicUsize, Mutex, Ordering, lock};
use crate::reclaim::GRACE;
use crate::seeded;

/// As many as links have bits: chunk `i` holds `base << i` buckets. Few under loom, where every atomic costs time.
const CHUNKS: usize = if cfg!(loom) { 3 } else { 29 };

/// Buckets for what does not fit where it belongs, named by links from 1.
#[derive(Debug)]
pub(super) struct Overflow<C> {
    /// Buckets in the first chunk, as a power of two.
    base_shift: u32,
    chunks: [AtomicPtr<Bucket<C>>; CHUNKS],
    /// How many are in use, to look without locking.
    used: AtomicUsize,
    pool: Mutex<Pool<C>>,
}

#[derive(Debug)]
struct Pool<C> {
    memory: Vec<Memory<C>>,
    /// Links from here on were never given out.
    next: u32,
    /// Given back unused.
    free: Vec<u32>,
    /// Taken out of their chains, each in an epoch; the oldest first.
    trimmed: VecDeque<(u64, u32)>,
}

/// What an overflow bucket is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Insert,
    /// For entries that are moved: those must find room, so inserts leave them some.
    Move,
}

/// Inserts get so many of all links at most, by division. What they fill takes 2 GiB.
const FOR_INSERTS: u32 = 4;
/// What those who move entries at the same time may take beside each other.
const MARGIN: usize = 1 << 16;

/// Buckets that follow each other and were taken out of a chain: a link to the first, and their number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trimmed {
    first: u32,
    count: usize,
}

impl<C: Cell> Overflow<C> {
    /// For a table of so many buckets.
    pub(super) fn new(buckets: usize) -> Self {
        Self {
            base_shift: (buckets / 64).max(1).ilog2(),
            chunks: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
            used: AtomicUsize::new(0),
            pool: Mutex::new(Pool {
                memory: Vec::new(),
                next: 1,
                free: Vec::new(),
                trimmed: VecDeque::new(),
            }),
        }
    }

    /// How many buckets are in use.
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether so many entries surely find room, each in a bucket of its own.
    pub(super) fn has_room_for(&self, entries: usize) -> bool {
        self.used() + entries + MARGIN < MAX_LINK as usize
    }

    /// An empty bucket that no chain has, in this epoch; `None` when links are used up.
    pub(super) fn take(&self, now: u64, purpose: Purpose) -> Option<u32> {
        let most = if purpose == Purpose::Insert { MAX_LINK / FOR_INSERTS } else { MAX_LINK };
        self.take_of(now, most)
    }

    fn take_of(&self, now: u64, most: u32) -> Option<u32> {
        let mut pool = lock(&self.pool);
        let out_of_sight = |(epoch, _): &mut (u64, u32)| *epoch + GRACE <= now || seeded::bug("trim");
        let trimmed = pool.trimmed.pop_front_if(out_of_sight).map(|(_, link)| {
            let bucket: &Bucket<C> = self.bucket(link);
            // Those who died there did so before it was taken off its chain.
            bucket.free_all();
            bucket.set_link(0);
            link
        });
        let link = match trimmed.or_else(|| pool.free.pop()) {
            Some(link) => link,
            None => {
                let link = pool.next;
                if link >= most {
                    return None;
                }
                let (chunk, _) = self.locate(link);
                if chunk == pool.memory.len() {
                    let memory = Memory::unclear(1 << self.base_shift << chunk, false);
                    // Release: who follows a link finds the chunk.
                    self.chunks[chunk].store(memory.as_ptr(), Ordering::Release);
                    pool.memory.push(memory);
                }
                pool.next += 1;
                let bucket = ptr::from_ref(self.bucket(link)).cast_mut();
                // SAFETY: it was never given out.
                unsafe { Bucket::clear(bucket) };
                link
            }
        };
        self.used.fetch_add(1, Ordering::Relaxed);
        Some(link)
    }

    /// Takes buckets in which there is no entry any more, and no room either or nothing at all, out of the chain of a bucket that the caller has locked: the first run
    /// of such, to be [retired](Self::retire) once the lock is released.
    ///
    /// Who stands in one of them goes on to what follows in the chain, as they keep their links.
    #[cold]
    pub(super) fn trim(&self, main: &mut BucketLock<'_, C>, now: u64) -> Option<Trimmed> {
        let (mut before, mut link) = (None, main.after.link());
        let mut trimmed: Option<Trimmed> = None;
        while link != 0 {
            let holder: &Bucket<C> = self.bucket(link);
            holder.bury(now);
            if holder.is_free() || holder.is_spent() {
                trimmed.get_or_insert(Trimmed { first: link, count: 0 }).count += 1;
            } else if trimmed.is_some() {
                break;
            } else {
                before = Some(holder);
            }
            link = holder.state().link();
        }
        if trimmed.is_some() {
            match before {
                Some(holder) => holder.set_link(link),
                None => main.set_link(link),
            }
        }
        trimmed
    }

    /// Keeps trimmed buckets until nobody can stand in them. The caller is pinned as it was when it trimmed them, and
    /// loaded this epoch since.
    pub(super) fn retire(&self, trimmed: Trimmed, epoch: u64) {
        let mut link = trimmed.first;
        let mut pool = lock(&self.pool);
        for _ in 0..trimmed.count {
            pool.trimmed.push_back((epoch, link));
            link = self.bucket(link).state().link();
        }
        self.used.fetch_sub(trimmed.count, Ordering::Relaxed);
    }

    /// Takes back a bucket that no chain ever had.
    pub(super) fn give_back(&self, link: u32) {
        lock(&self.pool).free.push(link);
        self.used.fetch_sub(1, Ordering::Relaxed);
    }

    /// The bucket of a link that was found in a chain or taken.
    #[inline]
    pub(super) fn bucket(&self, link: u32) -> &Bucket<C> {
        let (chunk, place) = self.locate(link);
        // SAFETY: a link is given out after its chunk was stored, and the chunk has a place for it. Whoever has the
        // link synchronized with that. Chunks live as long as `self`.
        unsafe {
            let chunk = self.chunks[chunk].load(Ordering::Acquire);
            debug_assert!(!chunk.is_null(), "a link to a chunk that its finder does not see");
            &*chunk.add(place)
        }
    }

    /// The chunk of a link, and the place in it.
    fn locate(&self, link: u32) -> (usize, usize) {
        let index = link as usize - 1;
        let chunk = ((index >> self.base_shift) + 1).ilog2() as usize;
        (chunk, index - (((1 << chunk) - 1) << self.base_shift))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::primitive::AtomicI64;
    use std::collections::HashSet;

    #[test]
    fn every_link_has_a_bucket_of_its_own() {
        for buckets in [2, 64, 1024] {
            let overflow = Overflow::<AtomicI64>::new(buckets);
            let links: Vec<_> =
                (0..500).map(|_| overflow.take(1, Purpose::Insert).expect("plenty")).collect();
            let places: HashSet<_> = links.iter().map(|&link| ptr::from_ref(overflow.bucket(link))).collect();
            assert_eq!(places.len(), 500);
            overflow.give_back(links[7]);
            assert_eq!(overflow.used(), 499);
            assert_eq!(overflow.take(1, Purpose::Insert), Some(links[7]));
        }
    }

    #[test]
    fn links_end_without_harm() {
        let overflow = Overflow::<AtomicI64>::new(64);
        let links: Vec<_> = std::iter::from_fn(|| overflow.take_of(1, 40)).collect();
        assert_eq!(links, Vec::from_iter(1..40));
        // Those who move entries have more.
        assert_eq!(overflow.take_of(1, 50), Some(40));
        overflow.give_back(7);
        assert_eq!((overflow.take_of(1, 40), overflow.take_of(1, 40)), (Some(7), None));
        assert!(overflow.has_room_for(1 << 20) && !overflow.has_room_for(MAX_LINK as usize));
    }
}
