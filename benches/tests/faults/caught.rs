//! Every fault is caught, by the check that is there for it.

use hotcache_bench::latency;
use hotcache_bench::peers::Entry;
use hotcache_bench_plan::{Cache, Dist, KeyCount, KeyType, Op, Profile, Work};

use crate::broken::{Fault, broken};
use crate::{counted, hot, mix, run, rwlock, works};

/// Every work must be refused by itself, so that no work's check stands in for another's.
#[track_caller]
fn assert_caught(entry: Entry, op: Op, by: &str) {
    for cache in Cache::ALL.into_iter().filter(|cache| cache.does(op)) {
        let works = if op.churns() || op.mix().is_some() { counted(cache, op) } else { works(cache, op) };
        for work in works {
            assert_refused(entry, work, by);
        }
    }
}

#[track_caller]
fn assert_refused(entry: Entry, work: Work, by: &str) {
    let cell = work.cell("rwlock");
    let error = run(rwlock(), &[entry], vec![work], 1).expect_err(&cell);
    assert!(error.contains(&cell), "{error:?} does not name {cell}");
    assert!(error.contains(by), "{error:?} does not say {by:?}");
}

#[test]
fn a_map_that_misses_is_caught() {
    for op in [Op::Get, Op::GetMany, Op::With] {
        assert_caught(broken!(Misses), op, "keys found");
    }
}

#[test]
fn a_map_that_returns_another_value_is_caught() {
    for op in [Op::Get, Op::GetMany, Op::With] {
        assert_caught(broken!(ReadsAnother), op, "the sum of the values read");
    }
}

#[test]
fn a_map_that_loses_adds_is_caught() {
    assert_caught(broken!(LosesAdds), Op::Add, "the sum of all adds");
}

#[test]
fn a_map_that_loses_inserts_is_caught() {
    assert_caught(broken!(LosesSets), Op::Insert, "keys after inserting all");
}

#[test]
fn a_map_that_keeps_what_it_says_it_deleted_is_caught() {
    assert_caught(broken!(KeepsDeleted), Op::Del, "keys left");
}

#[test]
fn a_map_that_denies_deleting_is_caught() {
    assert_caught(broken!(DeniesDeleting), Op::Del, "keys found to delete");
}

#[test]
fn a_map_that_loses_sets_is_caught() {
    // A lost set is overwritten by the next of its key unless it was the key's last, so this takes many keys; and
    // with more than one thread, keys that only one of them writes.
    let one = |cache, max_key, threads| Work {
        cache,
        op: Op::Set,
        max_key: KeyCount(max_key),
        threads,
        dist: Dist::Uniform,
        key_type: KeyType::Str,
        key_len: 6,
    };
    for cache in Cache::ALL {
        for work in [one(cache, 3_000, 1), one(cache, 0, 1), one(cache, 0, 2)] {
            // The map is whole when it is filled, and breaks afterwards.
            let error = run(rwlock(), &[broken!(LosesSets)], vec![work], 1).expect_err("sets are lost");
            assert!(error.contains(&work.cell("rwlock")), "{error}");
        }
    }
}

#[test]
fn a_map_that_is_wrong_about_a_hot_key_is_caught() {
    for threads in [1, 2] {
        let int = |op| hot(Cache::Int, op, threads);
        assert_refused(broken!(Misses), int(Op::Get), "keys found");
        assert_refused(broken!(ReadsAnother), int(Op::Get), "the sum of the values read");
        assert_refused(broken!(LosesAdds), int(Op::Add), "the sum of all adds");
        // Only the last set of a sample can be missed: the others are overwritten.
        assert_refused(broken!(LosesSets, once in 3), int(Op::Set), "the value that was set last");
        let obj = |op| hot(Cache::Obj, op, threads);
        assert_refused(broken!(Misses), obj(Op::With), "keys found");
        assert_refused(broken!(LosesSets, once in 3), obj(Op::Set), "the value that was set last");
    }
}

#[test]
fn a_map_that_is_wrong_about_keys_that_come_and_go_is_caught() {
    for op in [Op::Churn, Op::Reinsert] {
        assert_caught(broken!(LosesSets), op, "keys");
        // What is kept and inserted again within a sample leaves no trace, so there must be some at its end.
        assert_caught(broken!(KeepsDeleted, once in 10), op, "keys in the map");
        assert_caught(broken!(DeniesDeleting), op, "keys found to remove");
        assert_caught(broken!(ReadsAnother, once in 100), op, "the value of a key that came");
    }
}

#[test]
fn a_map_that_is_wrong_within_a_mix_is_caught() {
    // Keys that come and go: of two threads, each knows those that it alone writes to.
    let all = "get=60,set=10,add=10,insert=5,del=15";
    // Often enough to show in a sample, and not only when the map is looked through after it.
    assert_caught(broken!(Misses, once in 50), mix(all), "keys found that only one thread writes to");
    assert_caught(broken!(ReadsAnother, once in 50), mix(all), "the sum of the values read");
    assert_caught(broken!(LosesAdds, once in 50), mix(all), "the sum of");
    assert_caught(broken!(DeniesDeleting, once in 50), mix(all), "keys found to delete");
    let without_add = "get=60,set=25,del=15";
    assert_caught(broken!(Misses, once in 50), mix(without_add), "keys found that only one thread writes to");
    assert_caught(broken!(LosesSets, once in 50), mix(without_add), "");
    assert_caught(broken!(KeepsDeleted, once in 50), mix(without_add), "");
    assert_caught(broken!(DeniesDeleting, once in 50), mix(without_add), "keys found to delete");
    // Nothing but adds: all threads write to all keys.
    assert_caught(broken!(Misses, once in 50), mix("get=80,add=20"), "keys found");
    assert_caught(broken!(LosesAdds, once in 50), mix("get=80,add=20"), "the sum of");
    // Only read.
    assert_caught(broken!(Misses, once in 50), Op::Profile(Profile::Lists), "keys found");
    // A value that should have been replaced is read, added to or left.
    for op in [mix("get=60,set=10,add=10"), Op::Profile(Profile::WriteHeavy)] {
        // Often enough to be read before it is overwritten again, however few rounds a busy machine has time for.
        assert_caught(broken!(LosesOverwrites, once in 50), op, "the sum of");
    }
    let never_read = mix("set=10,del=1");
    assert_caught(broken!(LosesOverwrites, once in 10), never_read, "the sum of all values");
}

#[test]
fn a_map_that_is_wrong_while_it_grows_is_caught() {
    assert_caught(broken!(LosesSets, once in 50), Op::Grow, "keys after inserting all");
}

#[test]
fn a_map_that_is_wrong_while_it_is_timed_is_caught() {
    let timed = |entry: Entry, op, keys, by: &str| {
        let work = Work { max_key: KeyCount(keys), ..counted(Cache::Int, op)[1] };
        let cell = work.cell("rwlock");
        let error = latency::measure(&work, &entry, 200_000.0, || {}).expect_err(&cell);
        let error = format!("{error:#}");
        assert!(error.contains(&cell) && error.contains(by), "{error:?} does not name {cell} and {by:?}");
    };
    timed(broken!(Misses), Op::Get, 100, "keys found");
    timed(broken!(LosesAdds), Op::Add, 100, "the sum of all adds");
    timed(broken!(LosesSets), Op::Grow, 5_000, "keys after inserting all");
    timed(broken!(KeepsDeleted), Op::Churn, 100, "keys in the map");
    timed(broken!(DeniesDeleting), mix("get=8,set=1,del=1"), 100, "keys found to delete");
}
