//! Keys that were evicted lately.

use std::hint::black_box;
use std::mem;

/// Slots of a bucket. A key can be in any slot of its one bucket.
const WAYS: usize = 8;

/// The least steps of the clock in the capacity of the cache, and half of the most: what is remembered of a time.
const STEPS: usize = 1024;

/// Bits of a slot that hold a time. The times wrap after 16 capacities or more, and no ghost lives that long.
const TIME_BITS: u32 = 15;
const TIME: u32 = (1 << TIME_BITS) - 1;
const MAIN: u32 = 1 << TIME_BITS;

/// The most keys that wait to be put into their slots.
const PENDING: usize = 8;

/// The queue that a key was evicted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Small,
    Main,
}

/// A key that is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ghost {
    pub(super) from: From,
    /// How long ago the time was that it was recorded with, on the clock of its queue.
    pub(super) age: u32,
}

/// A table of fingerprints, with the queue and the time at which each was evicted.
///
/// It is a cache of its own: four bytes a slot, no pointers, and a new key takes the place of the oldest in its bucket. So a
/// key may be forgotten early, and one in some ten thousand others is taken for it. Both cost a hit at most.
///
/// A cache evicts several entries in a row, and each of their buckets is a cache miss. So they are put there together, when
/// the next key is looked for: then the processor waits for all of them at once.
#[derive(Debug)]
pub(super) struct Ghosts {
    slots: Vec<u32>,
    /// A step of the clock is so many bits of a time.
    shift: u32,
    /// How long a key from each queue is remembered, in steps.
    windows: [u32; 2],
    /// What makes an age in steps a share of its window.
    shares: [u32; 2],
    /// The clocks of both queues, in steps.
    now: [u32; 2],
    /// Fingerprints that are not in the table yet, each with the content of its slot.
    pending: [(u32, u32); PENDING],
    pending_len: usize,
}

impl Ghosts {
    /// Remembers `slots` keys, for so long each. All are counts of entries.
    pub(super) fn new(capacity: usize, slots: usize, small_window: usize, main_window: usize) -> Self {
        let shift = (capacity / STEPS).max(1).ilog2();
        let buckets = slots.div_ceil(WAYS).max(1);
        let windows = [small_window, main_window].map(|window| window.div_ceil(1 << shift) as u32);
        Self {
            slots: vec![0; buckets * WAYS],
            shift,
            windows,
            shares: windows.map(|window| (1 << 16) / window.max(1)),
            now: [0; 2],
            pending: [(0, 0); PENDING],
            pending_len: 0,
        }
    }

    /// Sets the clock of a queue.
    pub(super) fn set_now(&mut self, from: From, now: u32) {
        self.now[from as usize] = now >> self.shift;
    }

    /// Remembers a key that leaves `from`, with a time on that queue's clock.
    pub(super) fn record(&mut self, fingerprint: u32, from: From, time: u32) {
        if self.pending_len == PENDING {
            self.put_pending(fingerprint);
        }
        let origin = if from == From::Main { MAIN } else { 0 };
        let slot = (fingerprint << 16) | origin | ((time >> self.shift) & TIME);
        self.pending[self.pending_len] = (fingerprint, slot);
        self.pending_len += 1;
    }

    /// Puts what waits into its slots. `next` is a fingerprint that will be looked for afterwards.
    fn put_pending(&mut self, next: u32) {
        let pending = self.pending;
        let pending = &pending[..mem::take(&mut self.pending_len)];
        if pending.len() > 1 {
            // No read depends on another, so the processor does not wait for one before it starts the next.
            let fingerprints = pending.iter().map(|&(fingerprint, _)| fingerprint);
            for fingerprint in fingerprints.chain([next]) {
                black_box(self.slots[self.bucket(fingerprint)]);
            }
        }
        for &(fingerprint, slot) in pending {
            self.put(fingerprint, slot);
        }
    }

    fn put(&mut self, fingerprint: u32, slot: u32) {
        let bucket = self.bucket(fingerprint);
        let mut oldest = (bucket, 0);
        for place in bucket..bucket + WAYS {
            let there = self.slots[place];
            if there == 0 {
                oldest.0 = place;
                break;
            }
            let (from, age) = self.ghost(there);
            // In parts of its window, so that both queues give way alike.
            let rank = u64::from(age) * u64::from(self.shares[from as usize]);
            if rank >= oldest.1 {
                oldest = (place, rank);
            }
        }
        // 0 is the empty slot.
        self.slots[oldest.0] = slot.max(1);
    }

    /// Forgets a key, and tells what was remembered of it.
    pub(super) fn take(&mut self, fingerprint: u32) -> Option<Ghost> {
        self.put_pending(fingerprint);
        let bucket = self.bucket(fingerprint);
        for place in bucket..bucket + WAYS {
            let there = self.slots[place];
            if there != 0 && there >> 16 == fingerprint & 0xffff {
                self.slots[place] = 0;
                let (from, age) = self.ghost(there);
                if age <= self.windows[from as usize] {
                    return Some(Ghost { from, age: age << self.shift });
                }
            }
        }
        None
    }

    fn ghost(&self, slot: u32) -> (From, u32) {
        let from = if slot & MAIN == 0 { From::Small } else { From::Main };
        (from, self.now[from as usize].wrapping_sub(slot & TIME) & TIME)
    }

    /// The first slot of a key's bucket. High bits choose it, as the low ones are what is stored.
    fn bucket(&self, fingerprint: u32) -> usize {
        let buckets = (self.slots.len() / WAYS) as u64;
        ((u64::from(fingerprint) * buckets) >> 32) as usize * WAYS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_remembered_once_and_for_its_window() {
        let mut ghosts = Ghosts::new(100, 150, 90, 50);
        ghosts.set_now(From::Small, 1_000);
        ghosts.record(0xdead_beef, From::Small, 980);
        assert_eq!(ghosts.take(0xdead_0001), None);
        assert_eq!(ghosts.take(0xdead_beef), Some(Ghost { from: From::Small, age: 20 }));
        assert_eq!(ghosts.take(0xdead_beef), None);

        ghosts.record(7, From::Main, 0);
        ghosts.set_now(From::Main, 50);
        assert_eq!(ghosts.take(7), Some(Ghost { from: From::Main, age: 50 }));
        ghosts.record(7, From::Main, 0);
        ghosts.set_now(From::Main, 51);
        assert_eq!(ghosts.take(7), None);
    }

    #[test]
    fn the_oldest_of_a_bucket_gives_way() {
        let mut ghosts = Ghosts::new(1_000, 1, 1_000, 1_000);
        for time in 0..9 {
            ghosts.set_now(From::Small, time);
            ghosts.record(100 + time, From::Small, time);
        }
        assert_eq!(ghosts.take(100), None);
        for time in 1..9 {
            assert!(ghosts.take(100 + time).is_some());
        }
    }
}
