//! Models of the fast paths against each other, against the slow path and against growth, and of the first insert.

use super::threads::{World, keys, keys_of_one_lane, race};
use crate::models::check;
use crate::primitive::Ordering;

/// Two threads insert the same key: there is one entry, with both adds in it.
#[test]
fn fast_insert_insert() {
    check(4, || {
        let [key] = keys(|_| true);
        let world = World::still(1);
        race(world.thread(), [Box::new(move |t| t.add_fast(key, 1)), Box::new(move |t| t.add_fast(key, 2))]);
    });
}

/// One thread inserts a key on the fast path, another on the slow path: there is one entry, with both adds in it.
#[test]
fn fast_insert_slow_insert() {
    check(4, || {
        let [key, other] = keys(|_| true);
        let world = World::still(1);
        race(
            world.thread(),
            [
                Box::new(move |t| t.add_fast(key, 1)),
                Box::new(move |t| {
                    t.add(key, 2);
                    t.set(other, 3);
                }),
            ],
        );
    });
}

/// A thread that finds an entry finds its key and its value.
#[test]
fn fast_insert_get() {
    check(3, || {
        let [one, two] = keys(|_| true);
        let world = World::still(1);
        race(
            world.thread(),
            [
                Box::new(move |t| {
                    t.add_fast(one, 1);
                    t.add_fast(two, 2);
                }),
                Box::new(move |t| {
                    t.get(two);
                    t.get(one);
                }),
            ],
        );
    });
}

/// Of two threads that remove a key, one removes it.
#[test]
fn fast_del_del() {
    check(4, || {
        let [key] = keys(|_| true);
        let world = World::still(1);
        let main = world.thread();
        main.set(key, 5);
        race(main, [Box::new(move |t| t.del_fast(key)), Box::new(move |t| t.del_fast(key))]);
    });
}

/// An insert and a concurrent removal do not undo each other.
#[test]
fn fast_del_insert() {
    check(3, || {
        let [one, two] = keys(|_| true);
        let world = World::still(1);
        let main = world.thread();
        main.set(one, 5);
        race(
            main,
            [
                Box::new(move |t| t.del_fast(one)),
                Box::new(move |t| {
                    t.add_fast(two, 1);
                    t.add_fast(one, 2);
                }),
            ],
        );
    });
}

/// A granule is not reused while a thread may still write to its last entry.
#[test]
fn fast_del_add_insert_other() {
    check(2, || {
        // The bucket is full: there is no other place.
        let [one, two, rest @ ..]: [u64; 5] = keys(|_| true);
        let world = World::moving(1);
        let main = world.thread();
        main.set(one, 5);
        rest.iter().for_each(|&key| main.set(key, 1));
        main.move_on(2);
        race(
            main,
            [
                Box::new(move |t| t.try_add(one, 1)),
                Box::new(move |t| {
                    t.del_fast(one);
                    t.move_on(3);
                    t.add_fast(two, 7);
                }),
            ],
        );
    });
}

/// The epoch moves on and an entry dies between an insert's load of the epoch and its load of the lanes, while a
/// writer still holds the entry.
#[test]
fn fast_insert_while_one_dies() {
    check(2, || {
        // The bucket is full: there is no other place.
        let [one, two, rest @ ..]: [u64; 5] = keys(|_| true);
        let world = World::moving(1);
        let main = world.thread();
        main.set(one, 5);
        rest.iter().for_each(|&key| main.set(key, 1));
        race(
            main,
            [
                Box::new(move |t| t.add_fast(two, 7)),
                Box::new(move |t| {
                    t.with_found(one, |cell| {
                        t.move_on(1);
                        t.del_fast(one);
                        // Acts as a writer that found the entry before: this comes before the removal.
                        cell.fetch_add(100, Ordering::AcqRel);
                    });
                }),
            ],
        );
    });
}

/// A key is inserted into the newest generation, and only once.
#[test]
fn fast_insert_growth() {
    check(2, || {
        let [key] = keys(|index| index & 1 == 0);
        let world = World::moving(2);
        let main = world.thread();
        race(
            main,
            [
                Box::new(move |t| {
                    t.resize(4);
                    t.add(key, 1);
                    t.move_all();
                }),
                Box::new(move |t| t.add_fast(key, 2)),
            ],
        );
    });
}

/// A key that is being moved is removed once, from where it is.
#[test]
fn fast_del_growth() {
    check(2, || {
        // One bucket of two is moved, and not before two of the three epochs have passed.
        let [key] = keys(|index| index & 1 == 0);
        let world = World::moving(2);
        let main = world.thread();
        main.set(key, 5);
        main.resize(4);
        main.move_on(2);
        race(
            main,
            [
                Box::new(move |t| {
                    t.move_on(1);
                    t.assist(1);
                    t.get(key);
                }),
                Box::new(move |t| t.del_fast(key)),
            ],
        );
    });
}

/// A thread that looks into a bucket while it is being filled finds complete entries, even for another key.
#[test]
fn fill_get() {
    check(2, || {
        let [key, other] = keys_of_one_lane();
        let world = World::moving(1);
        let main = world.thread();
        main.set(key, 5);
        main.resize(2);
        main.move_on(3);
        race(
            main,
            [
                Box::new(move |t| {
                    t.assist(1);
                }),
                Box::new(move |t| {
                    t.get(other);
                    t.get(key);
                }),
            ],
        );
    });
}

/// Concurrent first inserts allocate one table.
#[test]
fn first_insert() {
    check(3, || {
        let [one, two] = keys(|_| true);
        let world = World::vacant();
        race(
            world.thread(),
            [
                Box::new(move |t| t.add_fast(one, 1)),
                Box::new(move |t| {
                    t.add_fast(two, 2);
                    t.get(one);
                    t.del_fast(one);
                }),
            ],
        );
    });
}
