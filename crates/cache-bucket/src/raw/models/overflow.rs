//! A bucket that is full, and what is put behind it. Loom's buckets have room for four entries.

use super::threads::{World, keys, race, race_of};
use crate::models::check;

/// What is in the bucket and what is put behind it is found.
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

/// The same where the chain is longer, so that who does not find a key follows it while it grows.
#[test]
fn append_get_behind() {
    check(2, || {
        // A table with fewer buckets would grow instead.
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

/// What is removed in the bucket hides nothing of what is behind it.
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

/// The last stray goes, so that nobody looks for strays any more, and comes back where it should be.
#[test]
fn stray_comes_near() {
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

/// A bucket is taken off a chain, and put into another: who stands in it finds what follows it in the first.
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
                // In place of what was removed in the first bucket; the second bucket is empty now.
                t.set(all[3], 2);
                t.set(others[4], 2);
            }),
        );
    });
}

/// Two append at once.
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
