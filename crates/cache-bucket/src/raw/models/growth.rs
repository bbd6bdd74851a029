//! Operations while the table gets another size, and two who change it.

use super::threads::{World, keys, race};
use crate::models::check;

/// A key is found while it is moved, and with the value it had or has.
#[test]
fn get_growth() {
    check(3, || {
        let [key] = keys(|_| true);
        let world = World::moving(1);
        let main = world.thread();
        main.set(key, 5);
        race(
            main,
            [
                Box::new(move |t| {
                    t.resize(2);
                    t.move_all();
                    t.set(key, 6);
                    t.get(key);
                }),
                Box::new(move |t| {
                    t.get(key);
                    t.get(key);
                }),
            ],
        );
    });
}

/// No add is lost while its entry is moved.
#[test]
fn add_growth() {
    check(3, || {
        let [key] = keys(|_| true);
        let world = World::moving(1);
        let main = world.thread();
        main.set(key, 5);
        race(
            main,
            [
                Box::new(move |t| {
                    t.resize(2);
                    t.move_all();
                    t.add(key, 1);
                }),
                Box::new(move |t| {
                    t.add(key, 2);
                    t.add(key, 4);
                }),
            ],
        );
    });
}

/// A key is inserted into the old generation or the new one, not into both.
#[test]
fn insert_growth() {
    check(3, || {
        let [key] = keys(|_| true);
        let world = World::moving(1);
        race(
            world.thread(),
            [
                Box::new(move |t| {
                    t.resize(2);
                    t.add(key, 1);
                    t.move_all();
                    t.get(key);
                }),
                Box::new(move |t| t.add(key, 2)),
            ],
        );
    });
}

#[test]
fn del_growth() {
    check(3, || {
        let [key] = keys(|_| true);
        let world = World::moving(1);
        let main = world.thread();
        main.set(key, 5);
        race(
            main,
            [
                Box::new(move |t| {
                    t.resize(2);
                    t.move_all();
                    t.get(key);
                }),
                Box::new(move |t| {
                    t.del(key);
                    t.get(key);
                }),
            ],
        );
    });
}

/// Two who give the table a next one, and two who move: one generation follows, and each entry is moved once.
#[test]
fn growth_growth() {
    check(3, || {
        let [one, two] = keys(|index| index == 1);
        let world = World::moving(2);
        let main = world.thread();
        main.set(one, 1);
        main.set(two, 2);
        let grow = move |key| {
            move |t: &_| {
                let t: &super::threads::Thread<_> = t;
                t.resize(4);
                t.move_all();
                t.add(key, 10);
            }
        };
        race(main, [Box::new(grow(one)), Box::new(grow(two))]);
    });
}

/// Two move, each its buckets; who comes by the new root finds what either moved.
#[test]
fn assist_assist_get() {
    check(2, || {
        let [even] = keys(|index| index & 1 == 0);
        let [odd] = keys(|index| index & 1 == 1);
        let world = World::moving(2);
        let main = world.thread();
        main.set(even, 1);
        main.set(odd, 2);
        main.resize(4);
        main.move_on(3);
        race(
            main,
            [
                Box::new(|t| {
                    t.assist(1);
                }),
                Box::new(|t| {
                    t.assist(1);
                }),
                Box::new(move |t| {
                    t.get(even);
                    t.get(odd);
                }),
            ],
        );
    });
}

/// An old generation is freed when nobody looks at it any more.
#[test]
fn get_retired_generation() {
    check(3, || {
        let [key] = keys(|_| true);
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
                    t.move_on(2);
                    t.tidy();
                }),
                Box::new(move |t| {
                    t.get(key);
                }),
            ],
        );
    });
}

/// What lay in two buckets comes to lie in one, while one key goes and another comes.
#[test]
fn shrink() {
    check(3, || {
        let [even] = keys(|index| index & 1 == 0);
        let [odd, new] = keys(|index| index & 1 == 1);
        let world = World::moving(2);
        let main = world.thread();
        main.set(even, 1);
        main.set(odd, 2);
        race(
            main,
            [
                Box::new(move |t| {
                    t.resize(1);
                    t.move_all();
                    t.get(even);
                    t.get(new);
                }),
                Box::new(move |t| {
                    t.del(odd);
                    t.add(new, 3);
                    t.add(even, 4);
                }),
            ],
        );
    });
}
