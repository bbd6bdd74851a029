//! Records operations on tables that grow and shrink meanwhile, and checks them for linearizability.

use std::sync::Arc;

use cache_bucket::{BucketIntCache, BucketObjCache};
use cache_core::{IntCache, ObjCache};
use cache_testkit::Random;
use cache_testkit::history::{History, IntSpec, ObjSpec, Spec, check_windows, random_windows_of, record};

use crate::progress::Progress;
use crate::tide::{Shore, beside};

/// The number of keys that are worked on at once, so that a window has many operations though each key has few.
const GROUPS: usize = 16;
/// The number of windows for one table. Recording stops after a second, and takes less here.
const WINDOWS: usize = 200;
/// The number of threads, keys in a group, and operations for each thread and group.
const SHAPES: [(usize, usize, usize); 4] = [(2, 1, 10), (3, 2, 7), (4, 1, 5), (8, 1, 2)];
/// Key lengths around which the table changes the way it keeps keys.
const LENGTHS: [usize; 8] = [1, 8, 9, 24, 41, 72, 73, 200];

/// Records and checks at least `operations` operations.
pub(crate) fn run(operations: u64, seed: u64) {
    let mut random = Random::new(seed);
    let mut progress = Progress::new("histories");
    let strings: Vec<String> = (0..2 * GROUPS).map(string).collect();
    let numbers: Vec<u64> = (0..2 * GROUPS as u64).map(|key| (key + 1) << 32).collect();
    let (mut recorded, mut windows, mut floods) = (0, 0, 0);
    let mut tables = 0;
    while recorded < operations {
        let shape = SHAPES[random.below(SHAPES.len())];
        let seed = random.next();
        let (events, histories, came) = match tables % 4 {
            0 => int_strings(shape, seed, &strings),
            1 => int_numbers(shape, seed, &numbers),
            2 => obj_strings(shape, seed, &strings),
            _ => obj_numbers(shape, seed, &numbers),
        };
        tables += 1;
        recorded += events;
        windows += histories;
        floods += came;
        progress.tell(
            recorded as f64 / operations as f64,
            &format!("{recorded} operations in {windows} windows, {floods} times grown and shrunk"),
        );
    }
    println!(
        "histories: {recorded} operations in {windows} windows on {tables} tables, all linearizable; the tables were \
         grown and shrunk {floods} times; {:.0} s",
        progress.elapsed().as_secs_f64()
    );
}

type Counts = (u64, u64, u64);
type Shape = (usize, usize, usize);

/// Makes a key of one of the lengths, or a little longer.
fn string(key: usize) -> String {
    let length = LENGTHS[key % LENGTHS.len()];
    format!("{key:>length$}")
}

fn int_strings(shape: Shape, seed: u64, keys: &[String]) -> Counts {
    let cache = BucketIntCache::<str>::default();
    let shore = Shore {
        insert: &|key| cache.set(&other(key), 0),
        remove: &|key| _ = cache.del(&other(key)),
        shrink: &|| cache.shrink_to_fit(),
    };
    check::<IntSpec>(&shore, shape, seed, |key, op| op.apply(&cache, &*keys[key]))
}

fn int_numbers(shape: Shape, seed: u64, keys: &[u64]) -> Counts {
    let cache = BucketIntCache::<u64>::default();
    let shore = Shore {
        insert: &|key| _ = cache.add(&key, 1),
        remove: &|key| _ = cache.del(&key),
        shrink: &|| cache.shrink_to_fit(),
    };
    check::<IntSpec>(&shore, shape, seed, |key, op| op.apply(&cache, &keys[key]))
}

fn obj_strings(shape: Shape, seed: u64, keys: &[String]) -> Counts {
    let cache = BucketObjCache::<i64, str>::default();
    let shore = Shore {
        insert: &|key| cache.set(&other(key), Arc::new(0)),
        remove: &|key| _ = cache.del(&other(key)),
        shrink: &|| cache.shrink_to_fit(),
    };
    check::<ObjSpec>(&shore, shape, seed, |key, op| op.apply(&cache, &*keys[key]))
}

fn obj_numbers(shape: Shape, seed: u64, keys: &[u64]) -> Counts {
    let cache = BucketObjCache::<i64, u64>::default();
    let shore = Shore {
        insert: &|key| drop(cache.get_or_insert(&key, Arc::new(0))),
        remove: &|key| _ = cache.del(&key),
        shrink: &|| cache.shrink_to_fit(),
    };
    check::<ObjSpec>(&shore, shape, seed, |key, op| op.apply(&cache, &keys[key]))
}

/// Makes a key of the tide, of any length.
fn other(key: u64) -> String {
    format!("tide {key:0width$}", width = (key % 90) as usize)
}

/// Runs and checks the windows of one table under the tide; returns the number of operations, windows and floods.
fn check<S: Spec>(
    shore: &Shore<'_>,
    (threads, keys, ops): Shape,
    seed: u64,
    apply: impl Fn(usize, &S::Op) -> S::Ret + Sync,
) -> Counts {
    let mut random = Random::new(seed);
    let windows = random_windows_of::<S>(&mut random, GROUPS, WINDOWS, threads, keys, ops);
    let (histories, floods) =
        beside(shore, random.next(), || record::<S>(&windows, GROUPS * keys, random.next(), apply));
    if let Err(violation) = check_windows::<S>(&histories) {
        panic!("{violation}");
    }
    let recorded = |history: &History<S>| history.len() as u64;
    let run = histories.iter().filter(|history| !history.is_empty()).count() as u64;
    (histories.iter().map(recorded).sum(), run, floods)
}
