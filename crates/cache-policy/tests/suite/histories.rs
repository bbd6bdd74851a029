//! Linearizability of random concurrent histories. An eviction and an expiry are removals that nobody called.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use cache_core::{Backend, UpdateError};
use cache_policy::{Cache, ManualClock};
use cache_testkit::history::{Spec, check_windows, random_windows, record};
use cache_testkit::{Random, fresh_seed, scale};
use stateright::semantics::SequentialSpec;

/// Windows of each shape.
const WINDOWS: usize = 100;

/// Threads, keys and operations for each thread and window.
const SHAPES: [(usize, usize, usize); 3] = [(2, 1, 8), (3, 2, 7), (4, 2, 5)];

const KEYS: [&str; 2] = ["a", "a key that is longer than what fits beside a value"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Get,
    With,
    Insert(i64),
    Load(i64),
    UpdateEven(i64),
    Take,
    RemoveIfBelow(i64),
    /// Replaces the value that the same call reads first.
    ReplaceRead(i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ret {
    Value(Option<i64>),
    Inserted,
    Updated(Result<i64, UpdateError<i64>>),
    Removed(bool),
}

impl Op {
    fn apply<B: Backend>(self, cache: &Cache<i64, str, B>, key: &str) -> Ret {
        match self {
            Op::Get => Ret::Value(cache.get(key).map(|value| *value)),
            Op::With => Ret::Value(cache.with(key, |value| *value)),
            Op::Insert(value) => {
                cache.insert(key, value);
                Ret::Inserted
            }
            Op::Load(value) => {
                Ret::Value(Some(*cache.get_or_load(key, || Ok::<_, Infallible>(value)).unwrap()))
            }
            Op::UpdateEven(delta) => {
                Ret::Updated(match cache.update(key, |value| even_plus(*value, delta)) {
                    Ok(new) => Ok(*new),
                    Err(UpdateError::Kept { current }) => Err(UpdateError::Kept { current: *current }),
                    Err(_) => Err(UpdateError::Absent),
                })
            }
            Op::Take => Ret::Value(cache.take(key).map(|value| *value)),
            Op::RemoveIfBelow(limit) => Ret::Removed(cache.remove_if(key, |value| *value < limit)),
            Op::ReplaceRead(value) => match cache.get(key) {
                // What was replaced shows in the answer. A failure says nothing, as the value may be back by then.
                Some(current) => match cache.replace_if_same(key, &current, value) {
                    Ok(_) => Ret::Updated(Ok(*current)),
                    Err(_) => Ret::Removed(false),
                },
                None => Ret::Removed(false),
            },
        }
    }
}

fn even_plus(value: i64, delta: i64) -> Option<i64> {
    (value % 2 == 0).then(|| value.wrapping_add(delta))
}

/// One key: its value, `None` while it is absent. `LEAVES` says whether it may leave on its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Key<const LEAVES: bool> {
    value: Option<i64>,
    /// The value was loaded, and nobody but those who waited for the load has seen it since. A load that a write overtook, even
    /// one that changed nothing, is handed out to them and not stored.
    unseen: bool,
}

impl<const LEAVES: bool> Key<LEAVES> {
    const fn of(value: Option<i64>) -> Self {
        Key { value, unseen: false }
    }

    /// Whether the key is absent, or may have left just now, or may never have been stored.
    fn leaves(&mut self) -> bool {
        let leaves = LEAVES || self.unseen || self.value.is_none();
        if leaves {
            *self = Key::of(None);
        }
        leaves
    }
}

impl<const LEAVES: bool> SequentialSpec for Key<LEAVES> {
    type Op = Op;
    type Ret = Ret;

    fn invoke(&mut self, op: &Op) -> Ret {
        let value = &mut self.value;
        self.unseen &= matches!(op, Op::Load(_));
        match *op {
            Op::Get | Op::With => Ret::Value(*value),
            Op::Insert(new) => {
                *value = Some(new);
                Ret::Inserted
            }
            Op::Load(new) => Ret::Value(Some(*value.get_or_insert(new))),
            Op::UpdateEven(delta) => Ret::Updated(match *value {
                None => Err(UpdateError::Absent),
                Some(current) => {
                    let new = even_plus(current, delta);
                    *value = new.or(*value);
                    new.ok_or(UpdateError::Kept { current })
                }
            }),
            Op::Take => Ret::Value(value.take()),
            Op::RemoveIfBelow(limit) => Ret::Removed(value.take_if(|value| *value < limit).is_some()),
            Op::ReplaceRead(new) => match *value {
                Some(current) => {
                    *value = Some(new);
                    Ret::Updated(Ok(current))
                }
                None => Ret::Removed(false),
            },
        }
    }

    fn is_valid_step(&mut self, op: &Op, ret: &Ret) -> bool {
        match (*op, *ret) {
            (Op::Get | Op::With | Op::Take, Ret::Value(None))
            | (Op::UpdateEven(_), Ret::Updated(Err(UpdateError::Absent))) => self.leaves(),
            // It was absent, and the value was loaded.
            (Op::Load(value), Ret::Value(Some(loaded))) if loaded == value && self.value != Some(value) => {
                let leaves = self.leaves();
                *self = Key { value: Some(value), unseen: true };
                leaves
            }
            // The value that refused may leave later, too.
            (Op::RemoveIfBelow(limit), Ret::Removed(false)) => {
                self.value.is_none_or(|value| value >= limit) || self.leaves()
            }
            (Op::ReplaceRead(_), Ret::Removed(false)) => true,
            _ => self.invoke(op) == *ret,
        }
    }
}

impl<const LEAVES: bool> Spec for Key<LEAVES> {
    fn absent() -> Self {
        Key::of(None)
    }

    fn read() -> Op {
        Op::Get
    }

    fn from_read(answer: &Ret) -> Self {
        match answer {
            Ret::Value(value) => Key::of(*value),
            other => unreachable!("a get answered {other:?}"),
        }
    }

    fn random_op(random: &mut Random, fresh: i64) -> Op {
        match random.below(16) {
            0..3 => Op::Get,
            3 => Op::With,
            4..7 => Op::Insert(fresh),
            7..10 => Op::Load(fresh),
            10..12 => Op::UpdateEven(random.between(-9, 9)),
            12..14 => Op::Take,
            14 => Op::RemoveIfBelow(fresh - 100 * random.between(1, 8)),
            _ => Op::ReplaceRead(fresh),
        }
    }
}

fn run<const LEAVES: bool, B: Backend>(cache: &Cache<i64, str, B>) {
    let seed = fresh_seed();
    let mut random = Random::new(seed);
    for (threads, keys, ops) in SHAPES {
        let windows = random_windows::<Key<LEAVES>>(&mut random, scale(WINDOWS), threads, keys, ops);
        KEYS.iter().for_each(|key| _ = cache.remove(key));
        let histories =
            record::<Key<LEAVES>>(&windows, keys, random.next(), |key, op| op.apply(cache, KEYS[key]));
        if let Err(violation) = check_windows::<Key<LEAVES>>(&histories) {
            panic!("HOTCACHE_TEST_SEED={seed}: {violation}");
        }
    }
}

/// Runs histories on a cache while `meanwhile` is called again and again.
fn beside<const LEAVES: bool, B: Backend>(cache: &Cache<i64, str, B>, meanwhile: impl Fn() + Sync) {
    let done = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        struct Done<'a>(&'a std::sync::atomic::AtomicBool);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Release);
            }
        }
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                meanwhile();
                thread::yield_now();
            }
        });
        let _done = Done(&done);
        run::<LEAVES, B>(cache);
    });
}

/// Where nothing is evicted and nothing expires, nothing may be missed.
pub(crate) fn unbounded<B: Backend>() {
    run::<false, B>(&Cache::builder().max_entries(1_000).build());
}

/// Other keys push these out.
pub(crate) fn evicted_at_any_time<B: Backend>() {
    let cache: Cache<i64, str, B> = Cache::builder().max_entries(4).statistics().build();
    let next = AtomicU64::new(0);
    beside::<true, B>(&cache, || {
        let n = next.fetch_add(1, Ordering::Relaxed) % 1_000;
        cache.insert(&format!("other {n}"), 0);
        assert!(cache.len() <= 4 + 5);
    });
    let stats = cache.statistics().unwrap();
    assert!(stats.evicted > 0, "{stats:?}");
}

/// Time passes between any two steps.
pub(crate) fn expired_at_any_time<B: Backend>() {
    let clock = ManualClock::new();
    let cache: Cache<i64, str, B> = Cache::builder()
        .max_entries(100)
        .time_to_live(Duration::from_nanos(3))
        .clock(clock.clone())
        .statistics()
        .build();
    beside::<true, B>(&cache, || {
        clock.advance(Duration::from_nanos(1));
        cache.maintain(10);
    });
    let stats = cache.statistics().unwrap();
    assert!(stats.expired > 0 && stats.hits > 0, "{stats:?}");
}
