//! The quick ways against each other, against the others, and against growth; and the first insert of all.

use super::threads::{World, keys, keys_of_one_lane, race};
use crate::models::check;
use crate::primitive::Ordering;

/// Two insert the same key: one entry, and both adds in it.
#[test]
fn quick_insert_insert() {
    check(4, || {
        let [key] = keys(|_| true);
        let world = World::still(1);
        race(
            world.thread(),
            [Box::new(move |t| t.add_quickly(key, 1)), Box::new(move |t| t.add_quickly(key, 2))],
        );
    });
}

/// The same with one who does it in the other way.
#[test]
fn quick_insert_slow_insert() {
    check(4, || {
        let [key, other] = keys(|_| true);
        let world = World::still(1);
        race(
            world.thread(),
            [
                Box::new(move |t| t.add_quickly(key, 1)),
                Box::new(move |t| {
                    t.add(key, 2);
                    t.set(other, 3);
                }),
            ],
        );
    });
}

/// Who finds an entry finds its key and its value.
#[test]
fn quick_insert_get() {
    check(3, || {
        let [one, two] = keys(|_| true);
        let world = World::still(1);
        race(
            world.thread(),
            [
                Box::new(move |t| {
                    t.add_quickly(one, 1);
                    t.add_quickly(two, 2);
                }),
                Box::new(move |t| {
                    t.get(two);
                    t.get(one);
                }),
            ],
        );
    });
}

/// Of two who remove a key, one did.
#[test]
fn quick_del_del() {
    check(4, || {
        let [key] = keys(|_| true);
        let world = World::still(1);
        let main = world.thread();
        main.set(key, 5);
        race(main, [Box::new(move |t| t.del_quickly(key)), Box::new(move |t| t.del_quickly(key))]);
    });
}

/// An insert and a removal beside it do not undo each other.
#[test]
fn quick_del_insert() {
    check(3, || {
        let [one, two] = keys(|_| true);
        let world = World::still(1);
        let main = world.thread();
        main.set(one, 5);
        race(
            main,
            [
                Box::new(move |t| t.del_quickly(one)),
                Box::new(move |t| {
                    t.add_quickly(two, 1);
                    t.add_quickly(one, 2);
                }),
            ],
        );
    });
}

/// A granule is not used again while someone may still write what was in it.
#[test]
fn quick_del_add_insert_other() {
    check(2, || {
        // The bucket is full, so that there is no other place.
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
                    t.del_quickly(one);
                    t.move_on(3);
                    t.add_quickly(two, 7);
                }),
            ],
        );
    });
}

/// The epoch moves on and an entry dies between an insert's look at the epoch and its look at the lanes, while a writer
/// still has the entry in hand.
#[test]
fn quick_insert_while_one_dies() {
    check(2, || {
        // The bucket is full, so that there is no other place.
        let [one, two, rest @ ..]: [u64; 5] = keys(|_| true);
        let world = World::moving(1);
        let main = world.thread();
        main.set(one, 5);
        rest.iter().for_each(|&key| main.set(key, 1));
        race(
            main,
            [
                Box::new(move |t| t.add_quickly(two, 7)),
                Box::new(move |t| {
                    t.with_found(one, |cell| {
                        t.move_on(1);
                        t.del_quickly(one);
                        // As a writer does that found the entry before: this comes before the removal.
                        cell.fetch_add(100, Ordering::AcqRel);
                    });
                }),
            ],
        );
    });
}

/// A key is inserted into the generation that is the newest, and once.
#[test]
fn quick_insert_growth() {
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
                Box::new(move |t| t.add_quickly(key, 2)),
            ],
        );
    });
}

/// A key that is moved is removed once, and from where it is.
#[test]
fn quick_del_growth() {
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
                Box::new(move |t| t.del_quickly(key)),
            ],
        );
    });
}

/// Who looks into a bucket that is being filled finds entries whole, though it is for another key.
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

/// The first insert gives the cache its table, and there is one.
#[test]
fn first_insert() {
    check(3, || {
        let [one, two] = keys(|_| true);
        let world = World::vacant();
        race(
            world.thread(),
            [
                Box::new(move |t| t.add_quickly(one, 1)),
                Box::new(move |t| {
                    t.add_quickly(two, 2);
                    t.get(one);
                    t.del_quickly(one);
                }),
            ],
        );
    });
}
