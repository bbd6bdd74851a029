//! Models of objects: removal and replacement neither lose an object nor drop it twice.

use std::sync::atomic::AtomicUsize;

use loom::thread;

use super::threads::{HASHER, Thread, World, keys};
use crate::models::{Tracked, check};
use crate::primitive::{Arc, AtomicPtr, Ordering};
use crate::raw::{Probe, Upsert, clone_of, replace, retire_arc};

type Objects = Thread<AtomicPtr<Tracked>>;

/// Does what `BucketObjCache::set` does.
fn set(thread: &Objects, key: u64, object: Tracked) {
    let new = Arc::into_raw(Arc::new(object)).cast_mut();
    let (probe, hash) = Probe::new(&key, &HASHER);
    thread.pinned(|raw, pinned| {
        raw.upsert(pinned, hash, probe, new, &mut |cell| {
            let old = replace(cell, new)?;
            // SAFETY: we took the object out of its cell, and with it the reference.
            Some(pinned.retire(unsafe { retire_arc(old) }))
        })
    });
}

/// Does what `BucketObjCache::get` does, and reads the object after the pin, too.
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

/// Does what `BucketObjCache::get_or_insert` does.
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
            // SAFETY: the object went into no cell.
            drop(unsafe { Arc::from_raw(new) });
            present.look()
        }
    }
}

/// Runs two threads on counted objects, and checks that each is dropped once.
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

/// A thread of the model, to be sent to the thread that runs it.
struct Sending(Objects);

// SAFETY: one thread uses it at a time.
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
                    assert!(t.remove_fast(key));
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
                    t.collect();
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
                    assert!(t.remove_fast(key));
                    t.move_on(3);
                    t.collect();
                },
            );
        });
    });
}

/// An object is moved with its entry: a concurrent `set` changes the new generation only.
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
                    t.collect();
                },
            );
        });
    });
}
