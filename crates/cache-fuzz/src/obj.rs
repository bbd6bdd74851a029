use std::borrow::Borrow;
use std::collections::HashMap;
use std::sync::Arc;

use cache_bucket::{BucketBackend, BucketObjCache};
use cache_core::{Backend, HashBuilder, Key, ObjCache, ObjCacheExt, Options};
use cache_testkit::{Counted, Ledger};

use crate::bytes::Bytes;
use crate::hashers::with_hasher;
use crate::keys::{Keys, with_keys};

/// The most objects that one input makes; what comes after that only reads and removes.
const OBJECTS: usize = 8192;

/// Runs the operations that bytes stand for on a cache of objects, and on a `HashMap` that must hold the same ones; in
/// the end each was dropped once.
///
/// # Panics
///
/// If they do not agree, or an object was dropped too early, twice, or not.
///
/// # Examples
///
/// ```
/// cache_fuzz::obj(b"any bytes are operations");
/// ```
pub fn obj(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let (kind, hasher) = (bytes.byte(), bytes.byte());
    let ledger = Ledger::new(OBJECTS);
    with_hasher!(hasher, |hasher, many| {
        with_keys!(kind, K => Run::<K, _>::new(&mut bytes, hasher, many, &ledger).run(bytes));
    });
    assert_eq!(ledger.settle::<BucketBackend>(), Ok(()));
}

struct Run<'l, K: Keys, S: HashBuilder> {
    cache: BucketObjCache<Counted, K::Key, S>,
    /// The very object that must be there, by its number.
    model: HashMap<u16, usize>,
    keys: u16,
    many: u16,
    ledger: &'l Ledger,
    /// Objects that someone holds while the cache gives them up.
    held: Vec<Arc<Counted>>,
}

impl<'l, K: Keys, S: HashBuilder> Run<'l, K, S> {
    fn new(bytes: &mut Bytes<'_>, hasher: S, many: u16, ledger: &'l Ledger) -> Self {
        let cache = BucketObjCache::with_options(Options::new().hasher(hasher));
        let keys = [10, 100, 1000, u16::MAX][usize::from(bytes.byte() % 4)];
        Self { cache, model: HashMap::new(), keys, many, ledger, held: Vec::new() }
    }

    fn run(mut self, mut bytes: Bytes<'_>) {
        while !bytes.is_empty() {
            self.step(&mut bytes);
            assert_eq!(self.cache.len(), self.model.len());
        }
        self.agree();
        assert!(self.held.iter().all(|object| object.is_alive()));
    }

    /// A new object, while there may be more.
    fn object(&self) -> Option<Arc<Counted>> {
        (self.ledger.made() < OBJECTS).then(|| Arc::new(self.ledger.object()))
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) {
        let op = bytes.byte();
        let number = bytes.short() % self.keys;
        let owned = K::key(number);
        let key: &K::Key = owned.borrow();
        let is = self.model.get(&number).copied();
        match op % 24 {
            0..3 => self.set(number, key),
            3 => {
                if let Some(object) = self.object() {
                    let expected = *self.model.entry(number).or_insert(object.number());
                    assert_eq!(self.cache.get_or_insert(key, object).number(), expected);
                }
            }
            4 => {
                if let Some(object) = self.object() {
                    let expected = *self.model.entry(number).or_insert(object.number());
                    let loaded = self.cache.get_or_try_insert_with(key, || {
                        Arc::into_inner(object).ok_or("the only reference is lent to nobody")
                    });
                    assert_eq!(loaded.map(|object| object.number()).ok(), Some(expected));
                }
            }
            5 | 6 => assert_eq!(self.cache.del(key), self.model.remove(&number).is_some()),
            7 => assert_eq!(
                self.cache.with(key, |object| (object.number(), object.is_alive())),
                is.map(|is| (is, true))
            ),
            8 => self.held.extend(self.cache.get(key)),
            9 => self.fill(number, bytes.byte()),
            10 => {
                for step in 0..u16::from(bytes.byte()) * 8 {
                    let number = number.wrapping_add(step) % self.keys;
                    assert_eq!(self.cache.del(K::key(number).borrow()), self.model.remove(&number).is_some());
                }
            }
            11 => {
                let rest = usize::from(bytes.byte() % 4);
                self.cache.retain(&mut |_, object| object.number() % 4 != rest);
                self.model.retain(|_, is| *is % 4 != rest);
            }
            12 if number.is_multiple_of(8) => {
                self.cache.clear();
                self.model.clear();
            }
            13 => self.cache.shrink_to_fit(),
            14 if number.is_multiple_of(4) => self.agree(),
            15 if number.is_multiple_of(4) => {
                self.held.clear();
                BucketBackend::reclaim();
            }
            16 | 17 => {
                if let Some(object) = self.object() {
                    let new = object.number();
                    let old = self.cache.swap(key, object).map(|object| object.number());
                    assert_eq!(old, self.model.insert(number, new));
                }
            }
            18 => {
                // The object that is expected is the present one, or one that was there before.
                let current = self.cache.get(key).or_else(|| self.held.last().cloned());
                let current =
                    if bytes.byte().is_multiple_of(4) { self.held.last().cloned() } else { current };
                if let (Some(current), Some(object)) = (current, self.object()) {
                    let (new, same) = (object.number(), is == Some(current.number()));
                    let refused = self.cache.replace_if_same(key, &current, object);
                    assert_eq!(
                        refused.map_err(|object| object.number()),
                        if same { Ok(()) } else { Err(new) }
                    );
                    if same {
                        self.model.insert(number, new);
                    }
                }
            }
            19 => {
                if let Some(object) = self.object() {
                    let new = object.number();
                    let mut object = Some(object);
                    // Nobody else writes, so that it is called once.
                    let updated =
                        self.cache.update(key, |current| object.take().filter(|_| current.number() % 3 != 0));
                    let replaces = is.is_some_and(|is| is % 3 != 0);
                    assert_eq!(updated.is_ok(), replaces);
                    if replaces {
                        self.model.insert(number, new);
                    }
                }
            }
            20 => assert_eq!(self.cache.take(key).map(|object| object.number()), self.model.remove(&number)),
            21 => {
                let rest = usize::from(bytes.byte() % 2);
                let removes = is.is_some_and(|is| is % 2 == rest);
                assert_eq!(self.cache.del_if(key, |object| object.number() % 2 == rest), removes);
                if removes {
                    self.model.remove(&number);
                }
            }
            22 => assert_eq!(self.cache.contains(key), is.is_some()),
            _ => assert_eq!(self.cache.get(key).map(|object| object.number()), is),
        }
    }

    fn set(&mut self, number: u16, key: &K::Key) {
        if let Some(object) = self.object() {
            self.model.insert(number, object.number());
            self.cache.set(key, object);
        }
    }

    fn fill(&mut self, first: u16, count: u8) {
        let count = (u16::from(count) * 8).min(self.many);
        self.many -= count;
        for step in 0..count {
            let number = first.wrapping_add(step) % self.keys;
            self.set(number, K::key(number).borrow());
        }
    }

    fn agree(&self) {
        let mut seen = HashMap::new();
        self.cache.for_each(&mut |key, object| {
            assert!(object.is_alive());
            assert_eq!(seen.insert(key.to_owned_key(), object.number()), None, "a key was met twice");
        });
        let expected: HashMap<_, _> = self.model.iter().map(|(number, is)| (K::key(*number), *is)).collect();
        assert_eq!(seen, expected);
    }
}
