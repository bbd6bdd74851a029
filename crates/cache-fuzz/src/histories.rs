use std::borrow::Borrow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use cache_bucket::{BucketBackend, BucketIntCache, BucketObjCache};
use cache_core::{Backend, HashBuilder, IntCache, ObjCache, Options};
use cache_testkit::history::{IntOp, IntSpec, MAX_OPS, ObjOp, ObjSpec, Spec, Window, check_windows, record};

use crate::bytes::Bytes;
use crate::hashers::with_hasher;
use crate::keys::{Keys, with_keys};

/// Keys that the threads work on; those from here on come and go beside them.
const KEYS: u16 = 3;
/// The most windows in one input.
const WINDOWS: usize = 24;

/// Lets threads run the operations that bytes stand for, and checks what they saw for linearizability.
///
/// # Panics
///
/// If no sequential order explains it.
///
/// # Examples
///
/// ```
/// cache_fuzz::histories(b"any bytes are operations of several threads");
/// ```
pub fn histories(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let (kind, hasher, objects) = (bytes.byte(), bytes.byte(), bytes.byte() % 2 == 1);
    with_hasher!(hasher, |hasher, many| with_keys!(kind, K => {
        if objects { of_objects::<K, _>(bytes, hasher, many) } else { of_integers::<K, _>(bytes, hasher, many) }
    }));
    // What is still allocated after an input makes libFuzzer look for leaks, which takes it long.
    BucketBackend::reclaim();
}

fn of_integers<K: Keys, S: HashBuilder>(mut bytes: Bytes<'_>, hasher: S, many: u16) {
    let cache: BucketIntCache<K::Key, S> = BucketIntCache::with_options(Options::new().hasher(hasher));
    let tide = Tide::new(&mut bytes, many);
    let (seed, windows) = windows::<IntSpec>(&mut bytes, int_op);
    let insert = |number| cache.set(K::key(number).borrow(), 0);
    let remove = |number| cache.del(K::key(number).borrow());
    let histories = tide.beside(
        insert,
        remove,
        || cache.shrink_to_fit(),
        || {
            record::<IntSpec>(&windows, usize::from(KEYS), seed, |key, op| {
                op.apply(&cache, K::key(key as u16).borrow())
            })
        },
    );
    assert_eq!(check_windows::<IntSpec>(&histories), Ok(()));
}

fn of_objects<K: Keys, S: HashBuilder>(mut bytes: Bytes<'_>, hasher: S, many: u16) {
    let cache: BucketObjCache<i64, K::Key, S> = BucketObjCache::with_options(Options::new().hasher(hasher));
    let tide = Tide::new(&mut bytes, many);
    let (seed, windows) = windows::<ObjSpec>(&mut bytes, obj_op);
    let insert = |number| cache.set(K::key(number).borrow(), Arc::new(0));
    let remove = |number| cache.del(K::key(number).borrow());
    let histories = tide.beside(
        insert,
        remove,
        || cache.shrink_to_fit(),
        || {
            record::<ObjSpec>(&windows, usize::from(KEYS), seed, |key, op| {
                op.apply(&cache, K::key(key as u16).borrow())
            })
        },
    );
    assert_eq!(check_windows::<ObjSpec>(&histories), Ok(()));
}

fn int_op(byte: u8, fresh: i64) -> IntOp {
    let delta = i64::from(byte >> 4) - 8;
    let recent = fresh - 100 * (1 + i64::from(byte >> 4) % 4);
    match byte % 16 {
        0 | 1 => IntOp::Get,
        2 => IntOp::Set(fresh),
        3 | 4 => IntOp::Add(delta),
        5 => IntOp::TryAdd(delta, i64::MIN..=fresh - 500),
        6 => IntOp::TryAddOrInsert(delta, i64::MIN..=fresh - 500),
        7 => IntOp::Swap(fresh),
        8 => IntOp::InsertNew(fresh),
        9 => IntOp::CompareExchange(recent, fresh),
        10 => IntOp::UpdateEven(delta),
        11 => IntOp::UpdateOrInsert(fresh, delta),
        12 => IntOp::Take,
        13 => IntOp::DelIfBelow(if delta < 0 { recent } else { i64::MAX }),
        _ => IntOp::Del,
    }
}

fn obj_op(byte: u8, fresh: i64) -> ObjOp {
    let number = i64::from(byte >> 4);
    match byte % 12 {
        0 => ObjOp::Get,
        1 => ObjOp::With,
        2 | 3 => ObjOp::Set(fresh),
        4 | 5 => ObjOp::GetOrInsert(fresh),
        6 => ObjOp::Swap(fresh),
        7 => ObjOp::UpdateEven(number - 8),
        8 => ObjOp::Take,
        9 => ObjOp::DelIfBelow(if number < 8 { fresh - 100 * number } else { i64::MAX }),
        10 => ObjOp::DelRead,
        _ => ObjOp::Del,
    }
}

/// The windows that bytes stand for, and the seed of where threads dawdle.
fn windows<S: Spec>(bytes: &mut Bytes<'_>, decode: fn(u8, i64) -> S::Op) -> (u64, Vec<Window<S::Op>>) {
    let threads = 2 + usize::from(bytes.byte() % 3);
    let seed = u64::from(bytes.short());
    let (mut windows, mut fresh) = (Vec::new(), 0);
    while !bytes.is_empty() && windows.len() < WINDOWS {
        let mut scripts = vec![Vec::new(); threads];
        // With the closing read of its key as many as can be checked.
        for turn in 0..MAX_OPS - 1 {
            let key = bytes.byte();
            // A byte in so many ends a window early.
            if bytes.is_empty() || key >= 0xf0 {
                break;
            }
            fresh += 100;
            scripts[turn % threads].push((usize::from(key) % usize::from(KEYS), decode(bytes.byte(), fresh)));
        }
        windows.push(Window { scripts });
    }
    (seed, windows)
}

/// Other keys that come and go meanwhile, so that the table moves.
struct Tide {
    /// None at all for 0.
    height: u16,
    shrinks: bool,
}

impl Tide {
    fn new(bytes: &mut Bytes<'_>, many: u16) -> Self {
        let byte = bytes.byte();
        Self { height: [0, 40, 400, 4000][usize::from(byte % 4)].min(many / 4), shrinks: byte & 4 != 0 }
    }

    fn beside<R>(
        &self,
        insert: impl Fn(u16) + Sync,
        remove: impl Fn(u16) -> bool + Sync,
        shrink: impl Fn() + Sync,
        body: impl FnOnce() -> R,
    ) -> R {
        if self.height == 0 {
            return body();
        }
        let stop = AtomicBool::new(false);
        let keys = || (KEYS..KEYS + self.height).take_while(|_| !stop.load(Ordering::Relaxed));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    for key in keys() {
                        insert(key);
                        if key % 16 == 0 {
                            thread::yield_now();
                        }
                    }
                    for key in keys() {
                        assert!(remove(key), "only the tide works on its keys");
                    }
                    if self.shrinks {
                        shrink();
                    }
                }
            });
            let result = body();
            stop.store(true, Ordering::Relaxed);
            result
        })
    }
}
