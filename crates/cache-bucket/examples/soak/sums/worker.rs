use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cache_bucket::BucketBackend;
use cache_core::{AddError, Backend, IntCache, IntCacheExt, ObjCache, ObjCacheExt};
use cache_testkit::Random;

use super::round::{Round, STOCK};

/// The prefix of keys that `retain` may remove at any time.
pub(super) const NOBODYS: &str = "nobody's";
/// The number of keys whose value follows from the key.
const TOLD: usize = 20_000;
/// The number of objects whose contents follow from their key.
const OBJECTS: usize = 5_000;
/// The greatest number of keys that a thread owns, in waves.
const OWN: [usize; 2] = [20, 3_000];
/// The number of operations until a wave turns, and between two reads of the clock.
const WAVE: u64 = 30_000;
const CLOCK: u64 = 256;
/// The bound up to which bounded adds may raise a stock key.
const ROOF: i64 = 1_000_000;

const ALIVE: u64 = 0x600d_0b1e_c700_0001;
static LIVING: AtomicI64 = AtomicI64::new(0);

/// An object that knows whether it was dropped.
pub(super) struct Canary {
    key: usize,
    state: AtomicU64,
}

impl Canary {
    fn new(key: usize) -> Self {
        LIVING.fetch_add(1, Ordering::Relaxed);
        Self { key, state: AtomicU64::new(ALIVE) }
    }

    fn check(&self, key: usize) {
        assert_eq!((self.state.load(Ordering::Relaxed), self.key), (ALIVE, key), "an object of another key");
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        assert_eq!(self.state.swap(0, Ordering::Relaxed), ALIVE, "an object was dropped twice");
        LIVING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Checks that no object lives. Called when all caches are dropped.
pub(super) fn assert_no_object_lives() {
    BucketBackend::reclaim();
    assert_eq!(LIVING.load(Ordering::Acquire), 0, "objects that were not dropped");
}

/// The work of one thread.
pub(super) struct Worker<'r> {
    round: &'r Round,
    thread: usize,
    random: Random,
    stock_keys: Vec<String>,
    /// The sum that the thread added to each stock key in this round.
    account: Vec<i64>,
    /// The expected values of its own keys.
    own: HashMap<usize, i64>,
    counted: usize,
    done: u64,
}

impl<'r> Worker<'r> {
    pub(super) fn new(round: &'r Round, thread: usize, seed: u64) -> Self {
        Self {
            round,
            thread,
            random: Random::new(seed ^ (thread as u64 + 1) << 40),
            stock_keys: (0..STOCK).map(Round::stock_key).collect(),
            account: vec![0; STOCK],
            own: HashMap::new(),
            counted: 0,
            done: 0,
        }
    }

    /// Works for a given time and enters its account; returns the number of operations.
    pub(super) fn work(&mut self, time: Duration) -> u64 {
        let end = Instant::now() + time;
        let before = self.done;
        while !self.done.is_multiple_of(CLOCK) || Instant::now() < end {
            self.done += 1;
            match self.random.below(100) {
                0..35 => self.stock(),
                35..65 => self.owned(),
                65..80 => self.told(),
                80..95 => self.objects(),
                95..99 => self.nobodys(),
                _ => self.seldom(),
            }
        }
        for (added, account) in self.round.added.iter().zip(&mut self.account) {
            added.fetch_add(std::mem::take(account), Ordering::AcqRel);
        }
        self.round.owners_keys.fetch_add(self.own.len().wrapping_sub(self.counted), Ordering::AcqRel);
        self.counted = self.own.len();
        self.done - before
    }

    /// Checks all its own keys.
    pub(super) fn check(&self) {
        for (key, value) in &self.own {
            assert_eq!(self.round.owned.get(&self.own_key(*key)), Some(*value), "an owned key");
        }
    }

    fn stock(&mut self) {
        let number = self.random.below(STOCK);
        let (stock, key) = (&self.round.stock, &*self.stock_keys[number]);
        let delta = self.random.between(-20, 25);
        let added = match self.random.below(5) {
            0 => {
                let mut out = [None; 4];
                let other = |step: usize| &*self.stock_keys[(number + step) % STOCK];
                stock.get_many(&[key, other(1), other(2), other(3)], &mut out);
                0
            }
            1 | 2 => {
                stock.add(key, delta);
                delta
            }
            3 => self.bounded(stock.try_add(key, delta, i64::MIN..=ROOF), delta),
            _ => self.bounded(stock.try_add_or_insert(key, delta, i64::MIN..=ROOF), delta),
        };
        self.account[number] += added;
    }

    fn bounded(&self, result: Result<i64, AddError>, delta: i64) -> i64 {
        match result {
            Ok(sum) => {
                assert!(sum <= ROOF);
                delta
            }
            Err(_) => 0,
        }
    }

    fn own_key(&self, key: usize) -> String {
        format!("{:02} {key:>width$}", self.thread, width = key % 77)
    }

    fn owned(&mut self) {
        let most = OWN[(self.done / WAVE) as usize % OWN.len()];
        let number = self.random.below(OWN[1]);
        let (owned, key) = (&self.round.owned, self.own_key(number));
        let is = self.own.get(&number).copied();
        let value = self.random.between(-1_000_000, 1_000_000);
        // If there are too many keys, present ones are removed.
        if number > most {
            assert_eq!(owned.del(&key), self.own.remove(&number).is_some());
            return;
        }
        match self.random.below(6) {
            0 => {
                owned.set(&key, value);
                self.own.insert(number, value);
            }
            1 => {
                let sum = is.unwrap_or(0) + value;
                assert_eq!(owned.add(&key, value), sum);
                self.own.insert(number, sum);
            }
            2 => {
                let expected = match is {
                    None => Err(AddError::Absent),
                    Some(current) if current + value < 0 => Err(AddError::OutOfBounds { current }),
                    Some(current) => Ok(current + value),
                };
                assert_eq!(owned.try_add(&key, value, 0..=i64::MAX), expected);
                if let Ok(sum) = expected {
                    self.own.insert(number, sum);
                }
            }
            3 => assert_eq!(owned.del(&key), self.own.remove(&number).is_some()),
            _ => assert_eq!(owned.get(&key), is),
        }
    }

    fn told(&mut self) {
        let told = &self.round.told;
        let key = self.random.below(TOLD) as u64;
        let value = !(key as i64) * 3;
        match self.random.below(5) {
            0 | 1 => told.set(&key, value),
            2 => _ = told.del(&key),
            3 => assert!(matches!(told.try_add(&key, 0, value..=value), Ok(_) | Err(AddError::Absent))),
            _ => assert!(told.get(&key).is_none_or(|is| is == value)),
        }
    }

    fn objects(&mut self) {
        let objects = &self.round.objects;
        let number = self.random.below(OBJECTS);
        let key = format!("{number:>width$}", width = number % 100);
        match self.random.below(6) {
            0 => objects.insert(&key, Canary::new(number)),
            1 => objects.get_or_insert(&key, Arc::new(Canary::new(number))).check(number),
            2 => _ = objects.del(&key),
            3 => objects.get_or_insert_with(&key, || Canary::new(number)).check(number),
            4 => {
                objects.with(&key, |object| object.check(number));
            }
            _ => {
                if let Some(object) = objects.get(&key) {
                    object.check(number);
                }
            }
        }
    }

    /// Works on keys that go when a thread calls `retain`, or by themselves.
    fn nobodys(&mut self) {
        let key = format!("{NOBODYS} {}", self.random.below(10_000));
        if self.random.one_in(3) {
            self.round.owned.del(&key);
        } else {
            self.round.owned.set(&key, 0);
        }
    }

    /// Does an operation on a whole table.
    fn seldom(&mut self) {
        let Round { stock, owned, told, objects, .. } = self.round;
        match self.random.below(2000) {
            0 => stock.shrink_to_fit(),
            1 => owned.shrink_to_fit(),
            2 => owned.retain(&mut |key, _| !key.starts_with(NOBODYS)),
            3 => told.clear(),
            4 => told.retain(&mut |key, value| {
                assert_eq!(value, !(*key as i64) * 3);
                key % 3 == 0
            }),
            5 => objects.retain(&mut |key, object| {
                let number = key.trim_start().parse().expect("keys are numbers");
                object.check(number);
                number % 5 != 0
            }),
            6 => objects.clear(),
            7 => objects.shrink_to_fit(),
            8 => told.shrink_to_fit(),
            9 => told.for_each(&mut |key, value| assert_eq!(value, !(*key as i64) * 3)),
            _ => {}
        }
    }
}
