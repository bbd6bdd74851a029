//! Models of operations in one bucket, without a resize.

use super::threads::{World, keys, race, race_of};
use crate::models::check;

/// Two threads insert the same key: there is one entry, with both adds in it.
#[test]
fn insert_insert() {
    check(4, || {
        let [key] = keys(|_| true);
        let world = World::still(1);
        race(world.thread(), [Box::new(move |t| t.add(key, 1)), Box::new(move |t| t.add(key, 2))]);
    });
}

/// Two threads insert two keys of one bucket: neither insert undoes the other.
#[test]
fn insert_two() {
    check(4, || {
        let [one, two] = keys(|_| true);
        let world = World::still(1);
        race(world.thread(), [Box::new(move |t| t.set(one, 1)), Box::new(move |t| t.set(two, 2))]);
    });
}

/// A thread that finds an entry finds its key and its value.
#[test]
fn get_insert() {
    check(3, || {
        let [one, two] = keys(|_| true);
        let world = World::still(1);
        race(
            world.thread(),
            [
                Box::new(move |t| {
                    t.set(one, 1);
                    t.set(two, 2);
                }),
                Box::new(move |t| {
                    t.get(two);
                    t.get(one);
                }),
            ],
        );
    });
}

/// An add comes before the removal, or makes a new entry.
#[test]
fn add_del() {
    check(4, || {
        let [key] = keys(|_| true);
        let world = World::still(1);
        let main = world.thread();
        main.set(key, 5);
        race(main, [Box::new(move |t| t.add(key, 1)), Box::new(move |t| t.del(key))]);
    });
}

#[test]
fn try_add_del() {
    check(2, || {
        let [key] = keys(|_| true);
        let world = World::still(1);
        let main = world.thread();
        main.set(key, 5);
        race(
            main,
            [
                Box::new(move |t| {
                    t.try_add(key, -4);
                    t.try_add(key, -4);
                }),
                Box::new(move |t| {
                    t.del(key);
                    t.add(key, 1);
                }),
            ],
        );
    });
}

/// Of two threads that remove a key, one removes it.
#[test]
fn del_del() {
    check(4, || {
        let [key] = keys(|_| true);
        let world = World::still(1);
        let main = world.thread();
        main.set(key, 5);
        race(main, [Box::new(move |t| t.del(key)), Box::new(move |t| t.del(key))]);
    });
}

/// An insert does not bring back an entry that is removed at the same time, though the removal does not change the
/// version.
#[test]
fn del_insert() {
    check(3, || {
        let [one, two, three] = keys(|_| true);
        let world = World::still(1);
        let main = world.thread();
        main.set(three, 3);
        main.del(three);
        main.set(one, 1);
        race(main, [Box::new(move |t| t.del(one)), Box::new(move |t| t.set(two, 2))]);
    });
}

#[test]
fn set_del_set() {
    check(2, || {
        let [key] = keys(|_| true);
        let world = World::still(1);
        let main = world.thread();
        main.set(key, 5);
        race(
            main,
            [
                Box::new(move |t| {
                    t.set(key, 6);
                    t.get(key);
                }),
                Box::new(move |t| {
                    t.del(key);
                    t.set(key, 7);
                }),
            ],
        );
    });
}

/// A granule is not reused while a thread may still read or write its last entry.
#[test]
fn add_del_insert_other() {
    check(2, || {
        // The bucket is full: there is no other place.
        let [one, two, rest @ ..]: [u64; 5] = keys(|_| true);
        let world = World::moving(1);
        let main = world.thread();
        main.set(one, 5);
        rest.iter().for_each(|&key| main.set(key, 1));
        // Moves the epoch on, so that an age counted from 0 is wrong.
        main.move_on(2);
        race(
            main,
            [
                Box::new(move |t| t.add(one, 1)),
                Box::new(move |t| {
                    t.del(one);
                    t.move_on(3);
                    t.set(two, 7);
                }),
            ],
        );
    });
}

/// One thread inserts, and another frees the granules of a removed entry in the same word of lanes. A thread that
/// finds the new entry in the word that the second wrote finds it complete.
///
/// Two threads are pinned from the beginning, so that no fence of theirs orders anything. The third of the epochs
/// that the removed entry waits for passes meanwhile.
#[test]
fn insert_free_get() {
    check(1, || {
        // Two of the four places are taken, so that the second insert finds no other.
        let [one, two, three, rest @ ..]: [u64; 5] = keys(|_| true);
        let world = World::moving(1);
        let main = world.thread();
        rest.iter().for_each(|&key| main.set(key, 1));
        main.set(one, 1);
        main.del(one);
        main.move_on(2);
        race_of(
            main,
            [
                (world.pinned_thread(), Box::new(move |t| t.set(two, 2))),
                (
                    world.pinned_thread(),
                    Box::new(move |t| {
                        assert!(matches!(t.look(two), None | Some(2)));
                    }),
                ),
            ],
            Box::new(move |t| {
                t.move_on(1);
                t.set(three, 3);
            }),
        );
    });
}
