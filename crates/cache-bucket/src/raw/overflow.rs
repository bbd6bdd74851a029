use std::collections::VecDeque;
use std::ptr;

use super::bucket::{Bucket, BucketLock};
use super::cell::Cell;
use super::memory::Memory;
use super::state::MAX_LINK;
use crate::primitive::{AtomicPtr, AtomicUsize, Mutex, Ordering, lock};
use crate::reclaim::GRACE;
use crate::seeded;

/// The number of chunks, enough for all links: chunk `i` holds `base << i` buckets. Few under loom, where every
/// atomic costs time.
const CHUNKS: usize = if cfg!(loom) { 3 } else { 29 };

/// The overflow buckets of a table, for entries that do not fit into their buckets. Links name them, from 1.
#[derive(Debug)]
pub(super) struct Overflow<C> {
    /// The number of buckets in the first chunk, as a power of two.
    base_shift: u32,
    chunks: [AtomicPtr<Bucket<C>>; CHUNKS],
    /// The number of buckets in use, readable without the lock.
    used: AtomicUsize,
    pool: Mutex<Pool<C>>,
}

#[derive(Debug)]
struct Pool<C> {
    memory: Vec<Memory<C>>,
    /// The first link that was never given out.
    next: u32,
    /// The links of buckets that were given back unused.
    free: Vec<u32>,
    /// The links of buckets that were taken out of their chains, each with its epoch; oldest first.
    trimmed: VecDeque<(u64, u32)>,
}

/// The purpose for which an overflow bucket is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Insert,
    /// For entries that are moved. They must find room, so inserts leave some for them.
    Move,
}

/// Inserts get at most one link in this many. The buckets that they fill take 2 GiB.
const FOR_INSERTS: u32 = 4;
/// The number of buckets that threads may take that move entries at the same time.
const MARGIN: usize = 1 << 16;

/// A run of buckets that was taken out of a chain: the link to the first, and their number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trimmed {
    first: u32,
    count: usize,
}

impl<C: Cell> Overflow<C> {
    /// The overflow of a table of `buckets` buckets.
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

    /// The number of overflow buckets in use.
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether `entries` entries surely find room, even if each needs a bucket of its own.
    pub(super) fn has_room_for(&self, entries: usize) -> bool {
        self.used() + entries + MARGIN < MAX_LINK as usize
    }

    /// Takes an empty bucket that is in no chain; `None` if the links are used up. `now` is the epoch.
    pub(super) fn take(&self, now: u64, purpose: Purpose) -> Option<u32> {
        let most = if purpose == Purpose::Insert { MAX_LINK / FOR_INSERTS } else { MAX_LINK };
        self.take_of(now, most)
    }

    fn take_of(&self, now: u64, most: u32) -> Option<u32> {
        let mut pool = lock(&self.pool);
        let out_of_sight = |&(epoch, _): &(u64, u32)| epoch + GRACE <= now || seeded::bug("trim");
        let oldest =
            if pool.trimmed.front().is_some_and(out_of_sight) { pool.trimmed.pop_front() } else { None };
        let trimmed = oldest.map(|(_, link)| {
            let bucket: &Bucket<C> = self.bucket(link);
            // Entries that died there did so before the bucket was taken off its chain.
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
                    // Release: a thread that follows a link finds the chunk. Pairs with the load in `bucket`.
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

    /// Takes buckets without entries out of the chain of a bucket that the caller has locked.
    ///
    /// A bucket goes if it is free, or has no entry and too little room left. The first run of such buckets is taken,
    /// to be [retired](Self::retire) once the lock is released.
    ///
    /// A thread that is reading one of them goes on to the rest of the chain, because they keep their links.
    #[cold]
    pub(super) fn trim(&self, main: &mut BucketLock<'_, C>, now: u64) -> Option<Trimmed> {
        let (mut before, mut link) = (None, main.after.link());
        let mut trimmed: Option<Trimmed> = None;
        while link != 0 {
            let holder: &Bucket<C> = self.bucket(link);
            holder.reclaim_dead(now);
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

    /// Retires trimmed buckets: they are reused when nobody can read them any more. The caller has been pinned since
    /// it trimmed them, and has loaded this epoch since.
    pub(super) fn retire(&self, trimmed: Trimmed, epoch: u64) {
        let mut link = trimmed.first;
        let mut pool = lock(&self.pool);
        for _ in 0..trimmed.count {
            pool.trimmed.push_back((epoch, link));
            link = self.bucket(link).state().link();
        }
        self.used.fetch_sub(trimmed.count, Ordering::Relaxed);
    }

    /// Takes back a bucket that was in no chain.
    pub(super) fn give_back(&self, link: u32) {
        lock(&self.pool).free.push(link);
        self.used.fetch_sub(1, Ordering::Relaxed);
    }

    /// The bucket of a link that was found in a chain or taken.
    #[inline]
    pub(super) fn bucket(&self, link: u32) -> &Bucket<C> {
        let (chunk, place) = self.locate(link);
        // SAFETY: a link is given out after its chunk was stored, and the chunk has a place for it. A thread that has
        // the link synchronized with that. Chunks live as long as `self`.
        unsafe {
            let chunk = self.chunks[chunk].load(Ordering::Acquire);
            debug_assert!(!chunk.is_null(), "the chunk of a link is visible to a thread that follows it");
            &*chunk.add(place)
        }
    }

    /// The chunk of a link, and its index in the chunk.
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
        // Moving threads have more links.
        assert_eq!(overflow.take_of(1, 50), Some(40));
        overflow.give_back(7);
        assert_eq!((overflow.take_of(1, 40), overflow.take_of(1, 40)), (Some(7), None));
        assert!(overflow.has_room_for(1 << 20) && !overflow.has_room_for(MAX_LINK as usize));
    }
}
