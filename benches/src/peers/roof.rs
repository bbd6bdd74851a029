//! The floor for one cache miss: the same hash into a bare array, where no key is stored or compared.
//!
//! Keys that hash alike share a place, so single values cannot be checked, but sums can.

use std::hash::BuildHasher;
use std::hint::black_box;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use hotcache::DefaultHashBuilder;
use hotcache_bench_plan::Op;

use crate::keys::{KeyForm, KeyIter};
use crate::mix::{Mixed, Steps};
use crate::peer::{IntPeer, ObjPeer, Object};
use crate::peers::Setup;
use crate::subject::{Batch, Checks, Int, Obj, Objects, Subject, Tally};
use crate::timer::Timer;
use crate::trace::{Replayed, Requests};

/// A place for each hash of a key of type `K`, and the hash.
struct Places<T, K: ?Sized> {
    places: Box<[T]>,
    hasher: DefaultHashBuilder,
    keys: PhantomData<fn(&K)>,
}

impl<T, K: KeyForm + ?Sized> Places<T, K> {
    fn new(setup: &Setup, place: impl Fn() -> T) -> Self {
        let places = (0..setup.keys.next_power_of_two()).map(|_| place()).collect();
        Self { places, hasher: setup.hasher.clone(), keys: PhantomData }
    }

    #[inline]
    fn of(&self, key: &K) -> &T {
        let hash = self.hasher.hash_one(key) as usize;
        &self.places[hash & (self.places.len() - 1)]
    }
}

/// An array of atomics.
pub(super) struct IntRoof<K: ?Sized>(Int<Places<AtomicI64, K>>);

impl<K: KeyForm + ?Sized> IntRoof<K> {
    pub(super) fn new(setup: &Setup) -> Self {
        Self(Int(Places::new(setup, AtomicI64::default)))
    }
}

impl<K: KeyForm + ?Sized> IntPeer for Places<AtomicI64, K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<i64> {
        Some(self.of(key).load(Ordering::Acquire))
    }

    fn set(&self, key: &K, value: i64) {
        self.of(key).store(value, Ordering::Release);
    }

    fn add(&self, key: &K, delta: i64) -> i64 {
        self.of(key).fetch_add(delta, Ordering::AcqRel) + delta
    }

    fn insert_if_absent(&self, _key: &K) {
        unreachable!("{NO_KEYS}")
    }

    fn del(&self, _key: &K) -> bool {
        unreachable!("{NO_KEYS}")
    }

    fn count(&self) -> usize {
        self.places.len()
    }

    fn total(&self) -> i64 {
        let values = self.places.iter().map(|place| place.load(Ordering::Acquire));
        values.fold(0, i64::wrapping_add)
    }
}

/// An array of objects that are never replaced.
pub(super) struct ObjRoof<K: ?Sized>(Obj<Places<Arc<Object>, K>>);

impl<K: KeyForm + ?Sized> ObjRoof<K> {
    pub(super) fn new(setup: &Setup) -> Self {
        Self(Obj(Places::new(setup, || Arc::new(Object::new(0)))))
    }
}

impl<K: KeyForm + ?Sized> ObjPeer for Places<Arc<Object>, K> {
    type Key = K;

    fn get(&self, key: &K) -> Option<Arc<Object>> {
        Some(black_box(Arc::clone(self.of(key))))
    }

    fn with<R>(&self, key: &K, look: impl FnOnce(&Object) -> R) -> Option<R> {
        Some(look(self.of(key)))
    }

    fn set(&self, _key: &K, _value: Arc<Object>) {
        unreachable!("{NO_KEYS}")
    }

    fn insert_if_absent(&self, _key: &K, _value: Arc<Object>) {
        unreachable!("{NO_KEYS}")
    }

    fn del(&self, _key: &K) -> bool {
        unreachable!("{NO_KEYS}")
    }

    fn count(&self) -> usize {
        self.places.len()
    }

    fn total(&self) -> i64 {
        0
    }
}

/// Why an array is not asked for more.
const NO_KEYS: &str = "an array has no keys, and no plan asks for any";

/// Implements the operations of both roofs by forwarding them to their contents.
macro_rules! as_inside {
    () => {
        fn run(&self, op: Op, batch: Batch<'_>) -> Tally {
            self.0.run(op, batch)
        }

        fn timed(&self, op: Op, batch: Batch<'_>, timer: &mut Timer) -> Tally {
            self.0.timed(op, batch, timer)
        }

        fn mix(&self, steps: Steps<'_>, next: &mut i64, objects: &mut Objects) -> Mixed {
            self.0.mix(steps, next, objects)
        }

        fn mix_timed(
            &self,
            steps: Steps<'_>,
            next: &mut i64,
            objects: &mut Objects,
            timer: &mut Timer,
        ) -> Mixed {
            self.0.mix_timed(steps, next, objects, timer)
        }

        fn count(&self) -> usize {
            self.0.count()
        }

        fn total(&self) -> i64 {
            self.0.total()
        }
    };
}

impl<K: KeyForm + ?Sized> Subject for IntRoof<K> {
    as_inside!();

    fn replay(&self, requests: Requests<'_>, _objects: &mut Objects) -> Replayed {
        for (_, key) in requests.of::<K>() {
            black_box(self.0.0.of(key).load(Ordering::Acquire));
        }
        Replayed::default()
    }

    fn fill(&self, keys: KeyIter<'_>) {
        self.0.fill(keys);
    }

    fn checks(&self) -> Checks {
        Checks::Sum
    }
}

impl<K: KeyForm + ?Sized> Subject for ObjRoof<K> {
    as_inside!();

    fn replay(&self, requests: Requests<'_>, _objects: &mut Objects) -> Replayed {
        for (_, key) in requests.of::<K>() {
            black_box(self.0.0.of(key).id);
        }
        Replayed::default()
    }

    fn fill(&self, _keys: KeyIter<'_>) {}

    fn checks(&self) -> Checks {
        Checks::None
    }
}
