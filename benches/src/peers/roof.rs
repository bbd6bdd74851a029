//! The floor for one cache miss: the same hash into a bare array, where no key is stored or compared.
//!
//! Keys that hash alike share a place, so single values cannot be checked, but sums can.

use std::hash::BuildHasher;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use hotcache::DefaultHashBuilder;
use hotcache_bench_plan::Op;

use crate::keys::KeyIter;
use crate::peer::Object;
use crate::peers::Setup;
use crate::stream::value_of;
use crate::subject::{Batch, Checks, Objects, Subject, Tally};
use crate::trace::{Replayed, Requests};

/// A place for each hash, and the hash.
#[derive(Debug)]
struct Places<T> {
    places: Box<[T]>,
    hasher: DefaultHashBuilder,
}

impl<T> Places<T> {
    fn new(setup: &Setup, place: impl Fn() -> T) -> Self {
        let places = (0..setup.keys.next_power_of_two()).map(|_| place()).collect();
        Self { places, hasher: setup.hasher.clone() }
    }

    #[inline]
    fn of(&self, key: &str) -> &T {
        let hash = self.hasher.hash_one(key) as usize;
        &self.places[hash & (self.places.len() - 1)]
    }
}

/// An array of atomics.
#[derive(Debug)]
pub(super) struct IntRoof(Places<AtomicI64>);

impl IntRoof {
    pub(super) fn new(setup: &Setup) -> Self {
        Self(Places::new(setup, AtomicI64::default))
    }
}

impl Subject for IntRoof {
    fn run(&self, op: Op, batch: Batch<'_>) -> Tally {
        let keys = batch.keys;
        let mut tally = Tally::default();
        match op {
            Op::Get | Op::GetMany => {
                for key in keys {
                    tally.read(Some(self.0.of(key).load(Ordering::Acquire)));
                }
            }
            Op::Set => {
                for (key, value) in keys.zip(batch.first..) {
                    self.0.of(key).store(value, Ordering::Release);
                }
            }
            Op::Add => {
                for key in keys {
                    let sum = self.0.of(key).fetch_add(1, Ordering::AcqRel) + 1;
                    tally.sum = tally.sum.wrapping_add(sum);
                }
            }
            Op::Insert | Op::Del | Op::With => unreachable!("an array has no keys, and no plan asks for any"),
        }
        tally
    }

    fn replay(&self, requests: Requests<'_>, _objects: &mut Objects) -> Replayed {
        for (_, key) in requests {
            black_box(self.0.of(key).load(Ordering::Acquire));
        }
        Replayed::default()
    }

    fn fill(&self, keys: KeyIter<'_>) {
        for (number, key) in keys.enumerate() {
            self.0.of(key).store(value_of(number as u32), Ordering::Release);
        }
    }

    fn count(&self) -> usize {
        self.0.places.len()
    }

    fn total(&self) -> i64 {
        let values = self.0.places.iter().map(|place| place.load(Ordering::Acquire));
        values.fold(0, i64::wrapping_add)
    }

    fn checks(&self) -> Checks {
        Checks::Sum
    }
}

/// An array of objects that nobody replaces.
#[derive(Debug)]
pub(super) struct ObjRoof(Places<Arc<Object>>);

impl ObjRoof {
    pub(super) fn new(setup: &Setup) -> Self {
        Self(Places::new(setup, || Arc::new(Object::new(0))))
    }
}

impl Subject for ObjRoof {
    fn run(&self, op: Op, batch: Batch<'_>) -> Tally {
        assert!(op.reads(), "an array that nobody replaces can only be read");
        let mut tally = Tally::default();
        for key in batch.keys {
            let place = self.0.of(key);
            let id = if op == Op::With { place.id } else { black_box(Arc::clone(place)).id };
            tally.read(Some(id));
        }
        tally
    }

    fn replay(&self, requests: Requests<'_>, _objects: &mut Objects) -> Replayed {
        for (_, key) in requests {
            black_box(self.0.of(key).id);
        }
        Replayed::default()
    }

    fn fill(&self, _keys: KeyIter<'_>) {}

    fn count(&self) -> usize {
        self.0.places.len()
    }

    fn total(&self) -> i64 {
        0
    }

    fn checks(&self) -> Checks {
        Checks::None
    }
}
