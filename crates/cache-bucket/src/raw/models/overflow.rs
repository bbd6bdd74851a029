//! Models of a full bucket and its overflow chain. Under loom a bucket has room for four entries.

use super::threads::{World, keys, race, race_of};
use crate::models::check;

/// Entries are found in the bucket and in the overflow chain that is appended.
#[test]
fn append_get() {
    check(2, || {
        let all: [u64; 5] = keys(|_| true);
        let world = World::still(1);
        let main = world.thread();
        for key in &all[..4] {
            main.set(*key, 1);
        }
        race(
            main,
            [
                Box::new(move |t| t.set(all[4], 2)),
                Box::new(move |t| {
                    t.get(all[4]);
                    t.get(all[0]);
                }),
            ],
        );
    });
}

/// Entries are found in a longer chain: a thread that does not find a key follows the chain while it grows.
#[test]
fn append_get_behind() {
    check(2, || {
        // A table with fewer buckets would grow.
        let all: [u64; 9] = keys(|index| index == 0);
        let world = World::still(8);
        let main = world.thread();
        for key in &all[..8] {
            main.set(*key, 1);
        }
        race(
            main,
            [
                Box::new(move |t| t.set(all[8], 2)),
                Box::new(move |t| {
                    t.get(all[8]);
                }),
            ],
        );
    });
}

/// A removal in the bucket hides nothing in the overflow chain.
#[test]
fn append_del_get() {
    check(2, || {
        let all: [u64; 5] = keys(|_| true);
        let world = World::still(1);
        let main = world.thread();
        for key in &all {
            main.set(*key, 1);
        }
        race(
            main,
            [
                Box::new(move |t| t.del(all[0])),
                Box::new(move |t| {
                    t.get(all[4]);
                    t.get(all[0]);
                }),
            ],
        );
    });
}

/// The last stray is removed, so that no thread looks for strays any more, and is inserted again in its home pair.
#[test]
fn stray_comes_home() {
    check(2, || {
        let all: [u64; 5] = keys(|_| true);
        let world = World::moving(1);
        let main = world.thread();
        for key in &all {
            main.set(*key, 1);
        }
        main.del(all[0]);
        main.move_on(3);
        race(
            main,
            [
                Box::new(move |t| {
                    t.del(all[4]);
                    t.set(all[4], 2);
                }),
                Box::new(move |t| {
                    t.get(all[4]);
                }),
            ],
        );
    });
}

/// A bucket is taken off a chain and put into another: a thread that is reading it finds the rest of the first chain.
#[test]
fn trim_get_behind() {
    check(1, || {
        let all: [u64; 9] = keys(|index| index == 0);
        let others: [u64; 5] = keys(|index| index == 1);
        let world = World::moving(8);
        let main = world.thread();
        for key in all.iter().chain(&others[..4]) {
            main.set(*key, 1);
        }
        for key in &all[3..8] {
            main.del(*key);
        }
        main.move_on(3);
        race_of(
            main,
            [(world.pinned_thread(), Box::new(move |t| assert_eq!(t.find(all[8]), Some(1))))],
            Box::new(move |t| {
                // Takes the place of the removed entry in the first bucket; the second bucket is empty now.
                t.set(all[3], 2);
                t.set(others[4], 2);
            }),
        );
    });
}

/// Two threads append at the same time.
#[test]
fn append_append() {
    check(1, || {
        let all: [u64; 6] = keys(|_| true);
        let world = World::still(1);
        let main = world.thread();
        for key in &all[..4] {
            main.set(*key, 1);
        }
        race(main, [Box::new(move |t| t.add(all[4], 2)), Box::new(move |t| t.add(all[5], 4))]);
    });
}
