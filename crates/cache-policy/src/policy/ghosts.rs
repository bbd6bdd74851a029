//! Keys that were evicted lately.

/// Slots of a bucket. A key can be in any slot of its one bucket.
const WAYS: usize = 8;

/// Steps of the clock in the capacity of the cache: what is remembered of a time.
const STEPS: usize = 1024;

/// Bits of a slot that hold a time. The times wrap after 32 capacities, and no ghost lives that long.
const TIME_BITS: u32 = 15;
const TIME: u32 = (1 << TIME_BITS) - 1;
const MAIN: u32 = 1 << TIME_BITS;

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
#[derive(Debug)]
pub(super) struct Ghosts {
    slots: Vec<u32>,
    unit: u32,
    /// How long a key from each queue is remembered, in units.
    windows: [u32; 2],
    /// The clocks of both queues.
    now: [u32; 2],
}

impl Ghosts {
    /// Remembers `slots` keys, for so long each. All are counts of entries.
    pub(super) fn new(capacity: usize, slots: usize, small_window: usize, main_window: usize) -> Self {
        let unit = capacity.div_ceil(STEPS).max(1);
        let buckets = slots.div_ceil(WAYS).max(1);
        Self {
            slots: vec![0; buckets * WAYS],
            unit: unit as u32,
            windows: [small_window.div_ceil(unit) as u32, main_window.div_ceil(unit) as u32],
            now: [0; 2],
        }
    }

    /// Sets the clock of a queue.
    pub(super) fn set_now(&mut self, from: From, now: u32) {
        self.now[from as usize] = now;
    }

    /// Remembers a key that leaves `from`, with a time on that queue's clock.
    pub(super) fn record(&mut self, fingerprint: u32, from: From, time: u32) {
        let origin = if from == From::Main { MAIN } else { 0 };
        let slot = (fingerprint << 16) | origin | ((time / self.unit) & TIME);
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
            let rank = (u64::from(age) << 16) / u64::from(self.windows[from as usize].max(1));
            if rank >= oldest.1 {
                oldest = (place, rank);
            }
        }
        // 0 is the empty slot.
        self.slots[oldest.0] = slot.max(1);
    }

    /// Forgets a key, and tells what was remembered of it.
    pub(super) fn take(&mut self, fingerprint: u32) -> Option<Ghost> {
        let bucket = self.bucket(fingerprint);
        for place in bucket..bucket + WAYS {
            let there = self.slots[place];
            if there != 0 && there >> 16 == fingerprint & 0xffff {
                self.slots[place] = 0;
                let (from, age) = self.ghost(there);
                if age <= self.windows[from as usize] {
                    return Some(Ghost { from, age: age * self.unit });
                }
            }
        }
        None
    }

    fn ghost(&self, slot: u32) -> (From, u32) {
        let from = if slot & MAIN == 0 { From::Small } else { From::Main };
        (from, (self.now[from as usize] / self.unit).wrapping_sub(slot & TIME) & TIME)
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
