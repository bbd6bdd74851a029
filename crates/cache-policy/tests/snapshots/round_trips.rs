use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use cache_core::{Backend, IntCache, Key, ObjCache, ObjCacheExt, Options};
use cache_policy::snapshot::{Snapshot, SnapshotError};
use cache_policy::{Cache, Counters};
use cache_testkit::{Random, scale};
use serde::Serialize;
use serde::de::DeserializeOwned;

const KEYS: u64 = 5_000;

fn ints<B: Backend, K>(keys: impl Fn(u64) -> K::Owned)
where
    K: Key<Owned: Serialize + DeserializeOwned> + ?Sized,
{
    let before = B::int::<K, _>(Options::new());
    let value = |n: u64| (n as i64).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64);
    for n in 0..KEYS {
        before.set(std::borrow::Borrow::borrow(&keys(n)), value(n));
    }
    let mut bytes = Vec::new();
    assert_eq!(Snapshot::of_int(&before).write_to(&mut bytes).unwrap().entries, before.len() as u64);
    let after = B::int::<K, _>(Options::new());
    let restored = Snapshot::of_int(&after).read_from(&bytes[..]).unwrap();
    assert_eq!(restored.inserted, before.len() as u64);
    assert_eq!(after.len(), before.len());
    before.for_each(&mut |key, value| assert_eq!(after.get(key), Some(value), "{:?}", key.to_owned_key()));
}

pub(crate) fn integers<B: Backend>() {
    ints::<B, u64>(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    ints::<B, str>(|n| format!("{n} größer").as_str().into());
    ints::<B, [u8]>(|n| n.to_be_bytes().iter().map(|byte| byte ^ 0xff).collect());
    ints::<B, [u8; 4]>(|n| (n as u32).to_le_bytes());
    ints::<B, u128>(|n| u128::MAX - u128::from(n));
    ints::<B, i128>(|n| i128::from(n) - 100);
    ints::<B, (u32, bool)>(|n| (n as u32, n % 3 == 0));
    ints::<B, char>(|n| char::from_u32(n as u32).unwrap());
    ints::<B, std::net::IpAddr>(|n| std::net::Ipv6Addr::from(u128::from(n)).into());
}

pub(crate) fn objects<B: Backend>() {
    let before = B::obj::<String, str, _>(Options::new());
    // Long ones too: a value that is longer than a block.
    let value = |n: u64| "x".repeat(if n == 7 { 300_000 } else { n as usize % 200 });
    (0..KEYS).for_each(|n| before.insert(&n.to_string(), value(n)));
    let mut bytes = Vec::new();
    assert_eq!(Snapshot::of_obj(&before).write_to(&mut bytes).unwrap().entries, KEYS);
    let after = B::obj::<String, str, _>(Options::new());
    assert_eq!(Snapshot::of_obj(&after).read_from(&bytes[..]).unwrap().inserted, KEYS);
    for n in 0..KEYS {
        assert_eq!(after.get(&n.to_string()).as_deref(), Some(&value(n)));
    }
}

pub(crate) fn caches<B: Backend>() {
    let before: Cache<Option<u64>, str, B> = Cache::new();
    (0..KEYS).for_each(|n| _ = before.insert(&n.to_string(), (n % 3 > 0).then_some(n)));
    let mut bytes = Vec::new();
    assert_eq!(before.snapshot().write_to(&mut bytes).unwrap().entries, KEYS);
    let after: Cache<Option<u64>, str, B> = Cache::builder().max_entries(KEYS as usize).build();
    assert_eq!(after.snapshot().read_from(&bytes[..]).unwrap().inserted, KEYS);
    for n in 0..KEYS {
        assert_eq!(after.get(&n.to_string()).as_deref(), Some(&(n % 3 > 0).then_some(n)));
    }
}

pub(crate) fn counters<B: Backend>() {
    let before: Counters<u64, B> = Counters::new();
    (0..KEYS).for_each(|n| before.set(&n, n as i64 - 7).unwrap());
    let mut bytes = Vec::new();
    assert_eq!(before.snapshot().write_to(&mut bytes).unwrap().entries, KEYS);
    let after: Counters<u64, B> = Counters::builder().max_keys(KEYS as usize).build();
    assert_eq!(after.snapshot().read_from(&bytes[..]).unwrap().inserted, KEYS);
    assert_eq!(after.len() as u64, KEYS);
    (0..KEYS).for_each(|n| assert_eq!(after.get(&n), Some(n as i64 - 7)));
}

pub(crate) fn through_dyn<B: Backend>() {
    let ints: Box<dyn IntCache<u64>> = Box::new(B::int::<u64, _>(Options::new()));
    ints.set(&1, 2);
    let mut bytes = Vec::new();
    let _ = Snapshot::of_int(&*ints).write_to(&mut bytes).unwrap();
    ints.clear();
    assert_eq!(Snapshot::of_int(&ints).read_from(&bytes[..]).unwrap().inserted, 1);
    assert_eq!(ints.get(&1), Some(2));

    let objects: Arc<dyn ObjCache<u8>> = Arc::new(B::obj::<u8, str, _>(Options::new()));
    objects.insert("a", 1);
    let mut bytes = Vec::new();
    let _ = Snapshot::of_obj(&*objects).write_to(&mut bytes).unwrap();
    objects.clear();
    assert_eq!(Snapshot::of_obj(&objects).read_from(&bytes[..]).unwrap().inserted, 1);
    assert_eq!(objects.get("a").as_deref(), Some(&1));
}

/// Two halves of one value, which differ in nothing but a torn one.
type Pair = (u64, u64);

/// Takes snapshots while keys come and go, and checks that what stays is in each of them, with a value that it had.
pub(crate) fn beside_writers<B: Backend>() {
    const STAY: u64 = 500;
    let ints = B::int::<u64, _>(Options::new());
    let objects = B::obj::<Pair, u64, _>(Options::new());
    let cache: Cache<Pair, u64, B> = Cache::new();
    let counters: Counters<u64, B> = Counters::new();
    let write = |n: u64| {
        ints.set(&(n % STAY), n as i64);
        objects.insert(&(n % STAY), (n, n));
        cache.insert(&(n % STAY), (n, n));
        counters.set(&(n % STAY), n as i64).unwrap();
        // They come and go.
        let passing = STAY + n % 1_000;
        if n % 2 == 0 {
            ints.set(&passing, 1);
            objects.insert(&passing, (1, 1));
            cache.insert(&passing, (1, 1));
            counters.set(&passing, 1).unwrap();
        } else {
            ints.del(&(passing - 1));
            objects.del(&(passing - 1));
            cache.remove(&(passing - 1));
            counters.remove(&(passing - 1));
        }
    };
    (0..STAY).for_each(write);
    let (done, begun) = (AtomicBool::new(false), AtomicU64::new(STAY));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    write(begun.fetch_add(1, Ordering::AcqRel));
                }
            });
        }
        let stop = StopOnDrop(&done);
        for _ in 0..scale(20) {
            let mut files = [const { Vec::new() }; 4];
            let _ = Snapshot::of_int(&ints).write_to(&mut files[0]).unwrap();
            let _ = Snapshot::of_obj(&objects).write_to(&mut files[1]).unwrap();
            let _ = cache.snapshot().write_to(&mut files[2]).unwrap();
            let _ = counters.snapshot().write_to(&mut files[3]).unwrap();
            let last = begun.load(Ordering::Acquire);

            let after = B::int::<u64, _>(Options::new());
            let _ = Snapshot::of_int(&after).read_from(&files[0][..]).unwrap();
            check_kept("ints", last, |key| after.get(&key).map(|value| value as u64));
            let after = B::obj::<Pair, u64, _>(Options::new());
            let _ = Snapshot::of_obj(&after).read_from(&files[1][..]).unwrap();
            check_kept("objects", last, |key| after.get(&key).map(|pair| whole(*pair)));
            let after: Cache<Pair, u64, B> = Cache::new();
            let _ = after.snapshot().read_from(&files[2][..]).unwrap();
            check_kept("cache", last, |key| after.get(&key).map(|pair| whole(*pair)));
            let after: Counters<u64, B> = Counters::new();
            let _ = after.snapshot().read_from(&files[3][..]).unwrap();
            check_kept("counters", last, |key| after.get(&key).map(|value| value as u64));
        }
        drop(stop);
    });

    fn check_kept(what: &str, last: u64, get: impl Fn(u64) -> Option<u64>) {
        let kept: BTreeMap<u64, Option<u64>> = (0..STAY).map(|key| (key, get(key))).collect();
        for (key, value) in kept {
            assert!(
                value.is_some_and(|value| value % STAY == key && value < last),
                "{what}: {key} has {value:?}"
            );
        }
    }

    fn whole((one, other): Pair) -> u64 {
        assert_eq!(one, other);
        one
    }
}

/// Restores while other keys come and go. Bounds are kept throughout, and no place of a counter is lost.
pub(crate) fn restored_beside_writers<B: Backend>() {
    const KEPT: u64 = 400;
    const MOST: usize = 1_000;
    const THREADS: u64 = 4;
    let before: Counters<u64, B> = Counters::new();
    let cached: Cache<u64, u64, B> = Cache::new();
    for n in 0..KEPT {
        before.set(&n, 1).unwrap();
        cached.insert(&n, n);
    }
    let mut files = [const { Vec::new() }; 2];
    let _ = before.snapshot().write_to(&mut files[0]).unwrap();
    let _ = cached.snapshot().write_to(&mut files[1]).unwrap();

    let counters: Counters<u64, B> = Counters::builder().max_keys(MOST).build();
    let cache: Cache<u64, u64, B> = Cache::builder().max_entries(MOST).build();
    let done = AtomicBool::new(false);
    let (mut inserted, mut refused) = (0, 0);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (counters, cache, done) = (&counters, &cache, &done);
            scope.spawn(move || {
                let mut random = Random::new(thread);
                while !done.load(Ordering::Acquire) {
                    let key = random.below(2_000) as u64;
                    if random.one_in(2) {
                        let _ = counters.add(&key, 1);
                        cache.insert(&key, key);
                    } else {
                        counters.remove(&key);
                        cache.remove(&key);
                    }
                }
            });
        }
        let stop = StopOnDrop(&done);
        for _ in 0..scale(100) {
            match counters.snapshot().read_from(&files[0][..]) {
                Ok(restored) => {
                    inserted += restored.inserted;
                    let sum = restored.inserted + restored.present + restored.refused;
                    assert_eq!((sum, restored.expired), (KEPT, 0));
                }
                Err(error) => {
                    assert!(matches!(error, SnapshotError::Full { .. }), "{error}");
                    refused += 1;
                }
            }
            assert!(counters.len() <= MOST);
            let restored = cache.snapshot().read_from(&files[1][..]).unwrap();
            assert_eq!(restored.inserted + restored.present, KEPT);
            assert!(cache.len() <= MOST + THREADS as usize);
        }
        drop(stop);
    });
    assert!(inserted > 0, "every restore was refused: {refused}");
    assert_eq!(counters.len(), counters.entries().len());
    assert_eq!(cache.len(), cache.entries().len());
    counters.clear();
    (0..MOST as u64).for_each(|key| counters.set(&key, 1).unwrap());
    assert!(counters.set(&5_000, 1).is_err());
}

/// Ends the writers where the test fails, too.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
