//! The Space-Saving sketch: a count for each of the keys that are watched, and a heap that finds the lowest.

use std::collections::HashMap;

use cache_core::{DefaultHashBuilder, Key};

/// What one sample counts. Halving rounds up, by far less than one sample.
const UNIT: u64 = 1 << 20;

/// A key that is watched.
#[derive(Clone, Debug)]
pub(super) struct Slot<K> {
    pub(super) key: K,
    /// At least the number of samples of the key, times [`UNIT`].
    pub(super) count: u64,
    /// How much of the count may be that of the keys that had the slot before.
    pub(super) error: u64,
    /// The place in the heap.
    place: usize,
}

pub(super) struct Summary<K: Key + ?Sized> {
    most: usize,
    slots: Vec<Slot<K::Owned>>,
    by_key: HashMap<K::Owned, usize, DefaultHashBuilder>,
    /// Slots, in the order of a heap with the lowest count at the top.
    heap: Vec<usize>,
    total: u64,
}

impl<K: Key + ?Sized> Summary<K> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, slots: Vec::new(), by_key: HashMap::default(), heap: Vec::new(), total: 0 }
    }

    /// Counts a key. Halves all counts once there are `window` samples. Returns the key that had to give way, and its
    /// copy.
    pub(super) fn add(&mut self, key: &K, window: u64) -> Option<[K::Owned; 2]> {
        let (slot, forgotten) = match self.by_key.get(key) {
            Some(slot) => (*slot, None),
            None if self.slots.len() < self.most => (self.watch(key), None),
            None => {
                let (slot, forgotten) = self.replace_lowest(key);
                (slot, Some(forgotten))
            }
        };
        self.total += UNIT;
        self.slots[slot].count += UNIT;
        self.sink(self.slots[slot].place);
        if self.total >= window * UNIT {
            self.halve();
        }
        forgotten
    }

    /// All keys that are watched, and the number of samples, times [`UNIT`].
    pub(super) fn counts(&self) -> (Vec<Slot<K::Owned>>, u64) {
        (self.slots.clone(), self.total)
    }

    fn watch(&mut self, key: &K) -> usize {
        let slot = self.slots.len();
        let key = key.to_owned_key();
        self.by_key.insert(key.clone(), slot);
        self.slots.push(Slot { key, count: 0, error: 0, place: slot });
        self.heap.push(slot);
        // Its count of 0 is the lowest; it sinks when it is counted.
        let mut place = slot;
        while place > 0 {
            let above = (place - 1) / 2;
            self.swap(place, above);
            place = above;
        }
        slot
    }

    /// Lets a key have the slot with the lowest count, and that count: it may have been seen as often before.
    fn replace_lowest(&mut self, key: &K) -> (usize, [K::Owned; 2]) {
        let slot = self.heap[0];
        let key = key.to_owned_key();
        let copy = key.clone();
        self.by_key.insert(key, slot);
        let lowest = &mut self.slots[slot];
        lowest.error = lowest.count;
        let old = std::mem::replace(&mut lowest.key, copy);
        let forgotten =
            self.by_key.remove_entry::<K::Owned>(&old).map_or_else(|| old.clone(), |(key, _)| key);
        (slot, [old, forgotten])
    }

    fn halve(&mut self) {
        self.total = self.total.div_ceil(2);
        for slot in &mut self.slots {
            // What is certain is rounded down, and what is possible up.
            let certain = (slot.count - slot.error) / 2;
            slot.count = slot.count.div_ceil(2);
            slot.error = slot.count - certain;
        }
    }

    /// Moves a slot down the heap whose count has grown.
    fn sink(&mut self, mut place: usize) {
        let count = |summary: &Self, place: usize| summary.slots[summary.heap[place]].count;
        loop {
            let left = 2 * place + 1;
            let right = left + 1;
            let mut lowest = place;
            if left < self.heap.len() && count(self, left) < count(self, lowest) {
                lowest = left;
            }
            if right < self.heap.len() && count(self, right) < count(self, lowest) {
                lowest = right;
            }
            if lowest == place {
                break;
            }
            self.swap(place, lowest);
            place = lowest;
        }
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.heap.swap(one, other);
        self.slots[self.heap[one]].place = one;
        self.slots[self.heap[other]].place = other;
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Borrow;

    use super::*;

    /// A stream of keys of which few are frequent, the same in each run.
    fn skewed() -> impl Iterator<Item = u64> {
        let mut state = 7_u64;
        std::iter::repeat_with(move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let uniform = (state >> 40) as f64 / (1_u64 << 24) as f64;
            // The inverse of a distribution with a long tail.
            (1.0 / (uniform + 1e-5)) as u64
        })
    }

    fn check_heap<K: Key + ?Sized>(summary: &Summary<K>) {
        for place in 1..summary.heap.len() {
            let count = |place: usize| summary.slots[summary.heap[place]].count;
            assert!(count((place - 1) / 2) <= count(place));
        }
        for (slot, entry) in summary.slots.iter().enumerate() {
            assert_eq!(summary.heap[entry.place], slot);
            assert_eq!(summary.by_key.get(entry.key.borrow()), Some(&slot));
        }
        assert_eq!(summary.by_key.len(), summary.slots.len());
    }

    #[test]
    fn counts_are_bounded_as_promised() {
        const SLOTS: u64 = 32;
        let mut summary = Summary::<u64>::new(SLOTS as usize);
        let mut exact = HashMap::<u64, u64>::new();
        for (n, key) in skewed().take(20_000).enumerate() {
            let _ = summary.add(&key, u64::MAX / UNIT);
            *exact.entry(key).or_default() += UNIT;
            if n % 1_000 == 0 {
                check_heap(&summary);
            }
        }
        let (slots, total) = summary.counts();
        assert_eq!(total, 20_000 * UNIT);
        for slot in &slots {
            let exact = exact[&slot.key];
            assert!(slot.count - slot.error <= exact && exact <= slot.count, "{slot:?}: {exact}");
            assert!(slot.error <= total / SLOTS, "{slot:?}");
        }
        for (key, count) in exact.iter().filter(|(_, count)| **count > total / SLOTS) {
            assert!(slots.iter().any(|slot| slot.key == *key), "{key} is missed, with {count}");
        }
    }

    #[test]
    fn what_was_hot_fades() {
        let mut summary = Summary::<u64>::new(8);
        (0..10_000).for_each(|_| _ = summary.add(&1, 100));
        (0..1_000).for_each(|_| _ = summary.add(&2, 100));
        check_heap(&summary);
        let (slots, total) = summary.counts();
        let share =
            |key| slots.iter().find(|slot| slot.key == key).map(|slot| slot.count as f64 / total as f64);
        assert!(share(2) > Some(0.99) && share(1) < Some(0.01), "{slots:?}");
    }
}
