//! Models of operations during a resize, and of two threads that resize.
//!
//! Most models begin when the table has its next generation and two of the three epochs have passed. So the third may
//! pass, and entries may move, while a thread is pinned.

use std::sync::Arc;

use super::threads::{Body, Thread, World, keys, race};
use crate::models::check;
use crate::primitive::AtomicI64;

/// A table of two buckets with `key` in the first, which is the only one left to move, to a table of four.
fn about_to_move(key: u64) -> Thread<AtomicI64> {
    let world = World::moving(2);
    let main = world.thread();
    main.set(key, 5);
    main.resize(4);
    main.move_on(2);
    main
}

fn first_bucket() -> u64 {
    let [key] = keys(|index| index & 1 == 0);
    key
}

/// Moves the first bucket, if the epoch allows it.
fn move_first(thread: &Thread<AtomicI64>) {
    thread.move_on(1);
    thread.assist(1);
}

/// A key is found while it is moved, with its old or its new value.
#[test]
fn get_growth() {
    check(2, || {
        let key = first_bucket();
        race(
            about_to_move(key),
            [
                Box::new(move |t| {
                    move_first(t);
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

/// A growth from within an operation of the same thread, as a key's `Eq` may cause, moves no entry of that operation.
#[test]
fn growth_within_an_operation() {
    check(1, || {
        let key = first_bucket();
        let world = World::moving(2);
        let main = world.thread();
        main.set(key, 5);
        race(
            main,
            [
                Box::new(move |t| {
                    t.get(key);
                }),
                Box::new(move |t| {
                    t.with_found(key, |cell| {
                        t.resize(4);
                        t.move_all();
                        t.set(key, 6);
                        t.add_to(key, cell, 1);
                    });
                    t.get(key);
                }),
            ],
        );
    });
}

/// No add is lost while its entry is moved.
#[test]
fn add_growth() {
    check(2, || {
        let key = first_bucket();
        race(
            about_to_move(key),
            [
                Box::new(move |t| {
                    move_first(t);
                    t.add(key, 1);
                }),
                Box::new(move |t| t.add(key, 2)),
            ],
        );
    });
}

/// No add is lost that finds the table open while it is resized from the beginning.
#[test]
fn add_resize() {
    check(2, || {
        let key = first_bucket();
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
                Box::new(move |t| t.add(key, 2)),
            ],
        );
    });
}

/// A key is inserted into the old generation or the new one, but not into both.
#[test]
fn insert_growth() {
    check(2, || {
        let [key] = keys(|_| true);
        let world = World::still(1);
        race(
            world.thread(),
            [
                Box::new(move |t| {
                    t.resize(2);
                    t.add(key, 1);
                }),
                Box::new(move |t| t.add(key, 2)),
            ],
        );
    });
}

/// A removed key stays removed, though its entry is moved.
#[test]
fn del_growth() {
    check(2, || {
        let key = first_bucket();
        race(
            about_to_move(key),
            [
                Box::new(move |t| {
                    move_first(t);
                    t.get(key);
                }),
                Box::new(move |t| t.del(key)),
            ],
        );
    });
}

/// Two threads give the table a next one: one generation follows, and both their inserts are in it.
#[test]
fn resize_resize() {
    check(2, || {
        let [one, two] = keys(|_| true);
        let world = World::still(1);
        let grow = |key| -> Body {
            Box::new(move |t| {
                t.resize(2);
                t.add(key, 1);
            })
        };
        race(world.thread(), [grow(one), grow(two)]);
    });
}

/// Two threads move a bucket: each entry is moved once, or a second copy would outlive its removal.
#[test]
fn growth_growth() {
    check(2, || {
        let [one, two] = keys(|index| index & 1 == 0);
        let main = about_to_move(one);
        main.set(two, 2);
        main.move_on(1);
        let go = |key| -> Body {
            Box::new(move |t| {
                t.assist(2);
                t.del(key);
            })
        };
        race(main, [go(one), go(two)]);
    });
}

/// Two threads move different buckets: a thread that comes by the new root finds what either moved.
#[test]
fn assist_assist_get() {
    check(2, || {
        let [even] = keys(|index| index & 1 == 0);
        let [odd] = keys(|index| index & 1 == 1);
        let world: Arc<World<_>> = World::moving(2);
        let main = world.thread();
        main.set(even, 1);
        main.set(odd, 2);
        main.resize(4);
        main.move_on(3);
        let one = || -> Body {
            Box::new(|t| {
                t.assist(1);
            })
        };
        race(
            main,
            [
                one(),
                one(),
                Box::new(move |t| {
                    assert!(matches!(t.look(even), None | Some(1)));
                    t.get(even);
                }),
            ],
        );
    });
}

/// An old generation is freed when no thread looks at it any more.
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
                    t.collect();
                }),
                Box::new(move |t| {
                    t.get(key);
                }),
            ],
        );
    });
}

/// Two buckets are merged into one, while one key is removed and another inserted.
#[test]
fn shrink() {
    check(1, || {
        let [even] = keys(|index| index & 1 == 0);
        let [odd, new] = keys(|index| index & 1 == 1);
        let world = World::moving(2);
        let main = world.thread();
        main.set(even, 1);
        main.set(odd, 2);
        main.resize(1);
        main.move_on(3);
        race(
            main,
            [
                Box::new(move |t| {
                    t.assist(2);
                    t.get(even);
                }),
                Box::new(move |t| {
                    t.del(odd);
                    t.add(new, 3);
                }),
            ],
        );
    });
}

/// A table that two threads clear together is clear when a third finds it.
#[test]
fn grow_grow() {
    check(2, || {
        // The key's bucket is cleared by one of the two.
        let [key] = keys(|index| index & 3 == 2);
        let world = World::still(1);
        let main = world.thread();
        main.grow();
        main.grow();
        race(
            main,
            [Box::new(move |t| t.grow()), Box::new(move |t| t.grow()), Box::new(move |t| t.add(key, 1))],
        );
    });
}

/// Two threads begin to clear one table.
#[test]
fn grow_begins() {
    check(2, || {
        let world = World::<AtomicI64>::still(1);
        race(world.thread(), [Box::new(move |t| t.grow()), Box::new(move |t| t.grow())]);
    });
}
