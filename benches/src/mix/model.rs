use hotcache_bench_plan::Cache;

use super::{Mixed, Step};
use crate::stream::value_of;
use crate::subject::OBJECTS;

/// A model of the map's contents, updated step by step.
#[derive(Debug)]
pub struct Model {
    cache: Cache,
    values: Vec<Option<i64>>,
    count: usize,
    total: i64,
}

/// How many values or objects a thread has stored in a sample.
struct Stored(i64);

impl Model {
    /// A map that is filled with this many keys.
    #[must_use]
    pub fn filled(cache: Cache, keys: usize) -> Self {
        let values: Vec<_> = (0..keys as u32).map(value_of).collect();
        let total = values.iter().sum();
        Self { cache, values: values.into_iter().map(Some).collect(), count: keys, total }
    }

    /// The number of keys.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The sum of all values.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.total
    }

    /// The value of a key.
    #[must_use]
    pub fn value(&self, key: u32) -> Option<i64> {
        self.values[key as usize]
    }

    /// Repeats the steps of a thread whose first stored value in this sample is `first`, and returns the results that
    /// the thread must have got. Reads of keys that other threads may have been changing are left out.
    pub(super) fn play(&mut self, steps: impl Iterator<Item = (Step, u32)>, first: i64) -> Mixed {
        let mut found = Mixed::default();
        let mut stored = Stored(0);
        for (step, key) in steps {
            let value = self.value(key);
            match step {
                Step::Read => found.read.read(value),
                Step::Look => {}
                Step::Set => self.put(key, Some(stored.next(self.cache, first))),
                Step::Add => {
                    let sum = value.unwrap_or(0).wrapping_add(1);
                    self.put(key, Some(sum));
                    found.added = found.added.wrapping_add(sum);
                }
                Step::Insert => {
                    // Integers begin at 0; an object is taken, whether or not it finds a place.
                    let new = if self.cache == Cache::Obj { stored.next(self.cache, first) } else { 0 };
                    self.put(key, value.or(Some(new)));
                }
                Step::Del => {
                    found.deleted += u64::from(value.is_some());
                    self.put(key, None);
                }
            }
        }
        found
    }

    fn put(&mut self, key: u32, value: Option<i64>) {
        let before = std::mem::replace(&mut self.values[key as usize], value);
        self.count = self.count + usize::from(value.is_some()) - usize::from(before.is_some());
        self.total = self.total.wrapping_add(value.unwrap_or(0)).wrapping_sub(before.unwrap_or(0));
    }
}

impl Stored {
    /// Returns the next value to store, which is one more each time. There are few objects, so their numbers wrap
    /// around.
    fn next(&mut self, cache: Cache, first: i64) -> i64 {
        let place = if cache == Cache::Obj { self.0 % OBJECTS as i64 } else { self.0 };
        self.0 += 1;
        first.wrapping_add(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::Tally;

    #[test]
    fn the_model_does_what_a_map_does() {
        let mut model = Model::filled(Cache::Int, 3);
        let steps = [
            (Step::Read, 2),
            (Step::Del, 0),
            (Step::Del, 0),
            (Step::Read, 0),
            (Step::Add, 0),
            (Step::Set, 1),
            (Step::Set, 2),
            (Step::Insert, 2),
            (Step::Read, 2),
        ];
        let found = model.play(steps.into_iter(), 100);
        // 3 was read, then 101; key 0 came back with 1.
        let read = Tally { hits: 2, sum: 104 };
        assert_eq!(found, Mixed { read, added: 1, deleted: 1, ..Mixed::default() });
        assert_eq!([0, 1, 2].map(|key| model.value(key)), [Some(1), Some(100), Some(101)]);
        assert_eq!((model.count(), model.total()), (3, 202));
    }

    #[test]
    fn objects_are_stored_in_turn() {
        let mut model = Model::filled(Cache::Obj, 2);
        let sets = (0..OBJECTS + 2).map(|_| (Step::Set, 1));
        model.play(sets, 100);
        assert_eq!(model.value(1), Some(101));
    }
}
