use std::borrow::Borrow;
use std::collections::HashMap;
use std::ops::{ControlFlow, RangeInclusive};

use cache_bucket::{BucketBackend, BucketIntCache};
use cache_core::{AddError, Backend, HashBuilder, IntCache, IntCacheExt, Options, UpdateError};

use crate::bytes::Bytes;
use crate::hashers::with_hasher;
use crate::keys::{Keys, with_keys};

/// Runs the operations that bytes stand for on a cache of integers, and on a `HashMap` that must agree.
///
/// # Panics
///
/// If they do not agree.
///
/// # Examples
///
/// ```
/// cache_fuzz::int(b"any bytes are operations");
/// ```
pub fn int(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let (kind, hasher) = (bytes.byte(), bytes.byte());
    with_hasher!(
        hasher,
        |hasher, many| with_keys!(kind, K => Run::<K, _>::new(&mut bytes, hasher, many).run(bytes))
    );
    // What is still allocated after an input makes libFuzzer look for leaks, which takes it long.
    BucketBackend::reclaim();
}

struct Run<K: Keys, S> {
    cache: BucketIntCache<K::Key, S>,
    model: HashMap<u16, i64>,
    /// Numbers of keys are below this.
    keys: u16,
    /// How many keys may still be put in by the hundred.
    many: u16,
}

impl<K: Keys, S: HashBuilder> Run<K, S> {
    fn new(bytes: &mut Bytes<'_>, hasher: S, many: u16) -> Self {
        let options = Options::new().hasher(hasher);
        let (options, large) = match bytes.byte() {
            0 => (options.capacity(5000), false),
            1 => (options.capacity(200_000), true),
            _ => (options, false),
        };
        let cache = if large {
            BucketIntCache::with_large_pages(options)
        } else {
            BucketIntCache::with_options(options)
        };
        Self {
            cache,
            model: HashMap::new(),
            keys: [10, 100, 1000, u16::MAX][usize::from(bytes.byte() % 4)],
            many,
        }
    }

    fn run(mut self, mut bytes: Bytes<'_>) {
        while !bytes.is_empty() {
            self.step(&mut bytes);
            assert_eq!(self.cache.len(), self.model.len());
        }
        self.agree();
    }

    fn number(&self, bytes: &mut Bytes<'_>) -> u16 {
        bytes.short() % self.keys
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) {
        let op = bytes.byte();
        let number = self.number(bytes);
        let owned = K::key(number);
        let key: &K::Key = owned.borrow();
        let (cache, model) = (&self.cache, &mut self.model);
        match op % 32 {
            0 | 1 => {
                let value = bytes.value();
                cache.set(key, value);
                model.insert(number, value);
            }
            2 | 3 => {
                let delta = bytes.value();
                let value = model.entry(number).or_insert(0);
                *value = value.wrapping_add(delta);
                assert_eq!(cache.add(key, delta), *value);
            }
            4 => {
                let (delta, bounds) = (bytes.value(), bytes.value()..=bytes.value());
                let expected = match model.get(&number) {
                    None => Err(AddError::Absent),
                    Some(&current) => bounded(current, delta, &bounds),
                };
                assert_eq!(cache.try_add(key, delta, bounds), expected);
                model.extend(expected.ok().map(|sum| (number, sum)));
            }
            5 => {
                let (delta, bounds) = (bytes.value(), bytes.value()..=bytes.value());
                let expected = bounded(model.get(&number).copied().unwrap_or(0), delta, &bounds);
                assert_eq!(cache.try_add_or_insert(key, delta, bounds), expected);
                model.extend(expected.ok().map(|sum| (number, sum)));
            }
            6 | 7 => assert_eq!(cache.del(key), model.remove(&number).is_some()),
            8 => self.get_many(number, bytes.byte()),
            9 => self.fill(number, bytes.byte()),
            10 => self.drain(number, bytes.byte()),
            11 => {
                let least = bytes.value();
                cache.retain(&mut |_, value| value >= least);
                model.retain(|_, value| *value >= least);
            }
            // Rare, as it undoes so much.
            12 if number.is_multiple_of(8) => {
                cache.clear();
                model.clear();
            }
            13 => cache.shrink_to_fit(),
            14 if number.is_multiple_of(4) => self.agree(),
            15 if number.is_multiple_of(4) => BucketBackend::reclaim(),
            16 => {
                let value = bytes.value();
                assert_eq!(cache.swap(key, value), model.insert(number, value));
            }
            17 => {
                let value = bytes.value();
                let present = model.get(&number).copied();
                assert_eq!(cache.insert_new(key, value), present.map_or(Ok(()), Err));
                model.entry(number).or_insert(value);
            }
            18 => self.compare_exchange(number, key, bytes),
            19 | 20 => self.update(number, key, bytes, op % 32 == 20),
            21 | 22 => assert_eq!(cache.take(key), model.remove(&number)),
            23 | 24 => {
                let least = bytes.value();
                let removes = model.get(&number).is_some_and(|value| *value < least);
                assert_eq!(cache.del_if(key, |value| value < least), removes);
                if removes {
                    model.remove(&number);
                }
            }
            25 => assert_eq!(cache.contains(key), model.contains_key(&number)),
            26 => cache.reserve(usize::from(bytes.byte())),
            27 => {
                let limit = usize::from(bytes.byte());
                let mut shown = 0;
                let flow = cache.try_for_each(|_, value| {
                    shown += 1;
                    if shown > limit { ControlFlow::Break(value) } else { ControlFlow::Continue(()) }
                });
                assert_eq!(flow.is_break(), model.len() > limit);
                assert_eq!(shown, model.len().min(limit + 1));
            }
            _ => assert_eq!(cache.get(key), model.get(&number).copied()),
        }
    }

    fn compare_exchange(&mut self, number: u16, key: &K::Key, bytes: &mut Bytes<'_>) {
        let (guess, new) = (bytes.value(), bytes.value());
        let present = self.model.get(&number).copied();
        // A guess is hardly ever right.
        let current = present.filter(|_| new % 2 == 0).unwrap_or(guess);
        let expected = if present == Some(current) { Ok(()) } else { Err(present) };
        assert_eq!(self.cache.compare_exchange(key, current, new), expected);
        if expected.is_ok() {
            self.model.insert(number, new);
        }
    }

    /// `update`, or `update_or_insert`, with a closure that refuses odd values.
    fn update(&mut self, number: u16, key: &K::Key, bytes: &mut Bytes<'_>, inserts: bool) {
        let (first, delta) = (bytes.value(), bytes.value());
        let f = |value: i64| (value % 2 == 0).then(|| value.wrapping_add(delta));
        let expected = match self.model.get(&number).copied() {
            None if inserts => Ok(first),
            None => Err(UpdateError::Absent),
            Some(current) => f(current).ok_or(UpdateError::Kept { current }),
        };
        let result =
            if inserts { self.cache.update_or_insert(key, first, f) } else { self.cache.update(key, f) };
        assert_eq!(result, expected);
        self.model.extend(expected.ok().map(|value| (number, value)));
    }

    fn get_many(&self, first: u16, count: u8) {
        let numbers = (0..u16::from(count % 40)).map(|step| first.wrapping_add(step * 7) % self.keys);
        let owned: Vec<_> = numbers.clone().map(K::key).collect();
        let keys: Vec<&K::Key> = owned.iter().map(Borrow::borrow).collect();
        let mut out = vec![Some(1); keys.len()];
        self.cache.get_many(&keys, &mut out);
        assert_eq!(out, numbers.map(|number| self.model.get(&number).copied()).collect::<Vec<_>>());
    }

    /// Many inserts at once, so that few bytes make a table grow.
    fn fill(&mut self, first: u16, count: u8) {
        let count = (u16::from(count) * 16).min(self.many);
        self.many -= count;
        for step in 0..count {
            let number = first.wrapping_add(step) % self.keys;
            self.cache.set(K::key(number).borrow(), i64::from(step));
            self.model.insert(number, i64::from(step));
        }
    }

    fn drain(&mut self, first: u16, count: u8) {
        for step in 0..u16::from(count) * 16 {
            let number = first.wrapping_add(step) % self.keys;
            assert_eq!(self.cache.del(K::key(number).borrow()), self.model.remove(&number).is_some());
        }
    }

    /// Goes through both as a whole.
    fn agree(&self) {
        let mut seen = HashMap::new();
        self.cache.for_each(&mut |key, value| {
            use cache_core::Key;
            assert_eq!(seen.insert(key.to_owned_key(), value), None, "a key was met twice");
        });
        let expected: HashMap<_, _> =
            self.model.iter().map(|(number, value)| (K::key(*number), *value)).collect();
        assert_eq!(seen, expected);
    }
}

/// The bounded add of the specification.
fn bounded(current: i64, delta: i64, bounds: &RangeInclusive<i64>) -> Result<i64, AddError> {
    current.checked_add(delta).filter(|sum| bounds.contains(sum)).ok_or(AddError::OutOfBounds { current })
}
