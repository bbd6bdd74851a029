//! Models of removals by value beside writers without locks: a removal sees every write that succeeds.

use super::threads::{World, keys, race};
use crate::models::check;

/// An add is included in the taken value, or makes a new counter.
#[test]
fn take_add() {
    check(3, || {
        let [key] = keys(|_| true);
        let world = World::moving(1);
        let main = world.thread();
        main.set(key, 5);
        race(main, [Box::new(move |t| t.add(key, 1)), Box::new(move |t| t.take(key))]);
    });
}

/// A counter is removed only if it is 0: no add is lost with it.
#[test]
fn del_if_add() {
    check(3, || {
        let [key] = keys(|_| true);
        let world = World::moving(1);
        let main = world.thread();
        main.set(key, 0);
        race(
            main,
            [
                Box::new(move |t| {
                    t.add(key, 1);
                    t.add(key, -1);
                }),
                Box::new(move |t| t.del_if(key, 0)),
            ],
        );
    });
}

#[test]
fn del_if_set() {
    check(3, || {
        let [key] = keys(|_| true);
        let world = World::moving(1);
        let main = world.thread();
        main.set(key, 0);
        race(main, [Box::new(move |t| t.set(key, 1)), Box::new(move |t| t.del_if(key, 0))]);
    });
}

/// Two threads that remove by value wait for writers, not for each other; one of them gets the value.
#[test]
fn take_take() {
    check(3, || {
        let [key] = keys(|_| true);
        let world = World::moving(1);
        let main = world.thread();
        main.set(key, 5);
        race(main, [Box::new(move |t| t.take(key)), Box::new(move |t| t.take(key))]);
    });
}

/// The table is serialized already. A writer opens it as soon as it may, and a writer that finds it open is waited
/// for again.
#[test]
fn take_beside_a_section() {
    check(2, || {
        let [key, other] = keys(|_| true);
        let world = World::moving(1);
        let main = world.thread();
        main.set(key, 5);
        main.set(other, 5);
        main.serialize();
        race(
            main,
            [
                Box::new(move |t| {
                    t.add(other, 1);
                    t.add(key, 1);
                }),
                Box::new(move |t| t.take(key)),
            ],
        );
    });
}

/// A removal does not wait for a thread in a closure, but it waits for what the closure writes.
#[test]
fn take_beside_a_closure() {
    check(3, || {
        let [key] = keys(|_| true);
        let world = World::moving(1);
        let main = world.thread();
        main.set(key, 5);
        race(main, [Box::new(move |t| t.in_closure(|| t.add(key, 1))), Box::new(move |t| t.take(key))]);
    });
}

/// A counter is removed by value while its table is resized.
#[test]
fn take_growth() {
    check(2, || {
        let [key] = keys(|_| true);
        let world = World::moving(1);
        let main = world.thread();
        main.set(key, 5);
        main.resize(2);
        race(
            main,
            [
                Box::new(move |t| t.add(key, 1)),
                Box::new(move |t| {
                    t.move_all();
                    t.take(key);
                }),
            ],
        );
    });
}

/// The table gets a next one while a removal waits.
#[test]
fn take_beside_growth() {
    check(2, || {
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
                Box::new(move |t| t.take(key)),
            ],
        );
    });
}
