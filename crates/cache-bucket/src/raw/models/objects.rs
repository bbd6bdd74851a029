//! Objects, whose removal and replacement must neither lose nor drop twice what is in a cell.

use std::sync::atomic::AtomicUsize;

use loom::thread;

use super::threads::{HASHER, Thread, World, keys};
use crate::models::{Tracked, check};
use crate::primitive::{Arc, AtomicPtr, Ordering};
use crate::raw::{Probe, Upsert, clone_of, replace, retire_arc};

type Objects = Thread<AtomicPtr<Tracked>>;

/// As `BucketObjCache::set`.
fn set(thread: &Objects, key: u64, object: Tracked) {
    let new = Arc::into_raw(Arc::new(object)).cast_mut();
    let (probe, hash) = Probe::new(&key, &HASHER);
    thread.pinned(|raw, pinned| {
        raw.upsert(pinned, hash, probe, new, &mut |cell| {
            let old = replace(cell, new)?;
            // SAFETY: we took it out of its cell, and with it the reference it stood for.
            Some(pinned.retire(unsafe { retire_arc(old) }))
        })
    });
}

/// As `BucketObjCache::get`, and looks at it after the pin too.
fn get(thread: &Objects, key: u64) -> Option<i64> {
    let (probe, hash) = Probe::new(&key, &HASHER);
    let found = thread.pinned(|raw, pinned| {
        let object = raw.get(pinned, hash, probe)?;
        // SAFETY: null, or found under the pin that lasts.
        unsafe { object.as_ref() }.map(Tracked::look);
        clone_of(object)
    });
    found.map(|object| object.look())
}

/// As `BucketObjCache::get_or_insert`.
fn get_or_insert(thread: &Objects, key: u64, object: Tracked) -> i64 {
    let ours = Arc::new(object);
    let new = Arc::into_raw(ours.clone()).cast_mut();
    let (probe, hash) = Probe::new(&key, &HASHER);
    let found = thread.pinned(|raw, pinned| {
        raw.upsert(pinned, hash, probe, new, &mut |cell| clone_of(cell.load(Ordering::Acquire))).0
    });
    match found {
        Upsert::Inserted => ours.look(),
        Upsert::Found(present) => {
            // SAFETY: it went into no cell.
            drop(unsafe { Arc::from_raw(new) });
            present.look()
        }
    }
}

/// Runs two threads on objects that are counted, and sees that each is dropped once.
fn run(
    made: usize,
    body: impl FnOnce(&std::sync::Arc<World<AtomicPtr<Tracked>>>, &std::sync::Arc<AtomicUsize>),
) {
    let dropped = std::sync::Arc::new(AtomicUsize::new(0));
    let world = World::moving(1);
    body(&world, &dropped);
    drop(world);
    assert_eq!(dropped.load(Ordering::Relaxed), made);
}

/// A thread that is handed to the one that will be it.
struct Sending(Objects);

// SAFETY: it is one thread's at a time.
unsafe impl Send for Sending {}

fn both(
    world: &std::sync::Arc<World<AtomicPtr<Tracked>>>,
    main: Objects,
    one: impl FnOnce(&Objects) + Send + 'static,
    two: impl FnOnce(&Objects),
) {
    let other = Sending(world.thread());
    let spawned = thread::spawn(move || {
        let Sending(thread) = { other };
        one(&thread);
    });
    two(&main);
    spawned.join().expect("it did not panic");
}

#[test]
fn object_set_del() {
    check(2, || {
        run(2, |world, dropped| {
            let [key] = keys(|_| true);
            let main = world.thread();
            set(&main, key, Tracked::new(1, dropped));
            let new = Tracked::new(2, dropped);
            both(
                world,
                main,
                move |t| set(t, key, new),
                |t| {
                    assert!(t.remove_quickly(key));
                    assert!(matches!(get(t, key), None | Some(2)));
                },
            );
        });
    });
}

#[test]
fn object_set_set_get() {
    check(2, || {
        run(3, |world, dropped| {
            let [key] = keys(|_| true);
            let main = world.thread();
            set(&main, key, Tracked::new(1, dropped));
            let (two, three) = (Tracked::new(2, dropped), Tracked::new(3, dropped));
            both(
                world,
                main,
                move |t| {
                    set(t, key, two);
                    t.move_on(2);
                    t.tidy();
                },
                |t| {
                    assert!(matches!(get(t, key), Some(1 | 2)));
                    set(t, key, three);
                    assert!(matches!(get(t, key), Some(2 | 3)));
                },
            );
        });
    });
}

#[test]
fn object_get_or_insert_del() {
    check(2, || {
        run(2, |world, dropped| {
            let [key] = keys(|_| true);
            let main = world.thread();
            set(&main, key, Tracked::new(1, dropped));
            let new = Tracked::new(2, dropped);
            both(
                world,
                main,
                move |t| {
                    assert!(matches!(get_or_insert(t, key, new), 1 | 2));
                },
                |t| {
                    assert!(t.remove_quickly(key));
                    t.move_on(3);
                    t.tidy();
                },
            );
        });
    });
}

/// An object is moved with its entry: what is set then is in the new generation only.
#[test]
fn object_set_growth() {
    check(2, || {
        run(2, |world, dropped| {
            let [key] = keys(|_| true);
            let main = world.thread();
            set(&main, key, Tracked::new(1, dropped));
            main.resize(2);
            main.move_on(2);
            let new = Tracked::new(2, dropped);
            both(
                world,
                main,
                move |t| set(t, key, new),
                |t| {
                    t.move_on(1);
                    t.assist(1);
                    assert!(matches!(get(t, key), Some(1 | 2)));
                    t.move_on(2);
                    t.tidy();
                },
            );
        });
    });
}
