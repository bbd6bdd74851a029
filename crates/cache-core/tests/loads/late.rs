//! Who joins a load too late to take what it brings.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use cache_core::{ObjCache, ObjCacheExt};
use cache_testkit::{Signals, patience, quiet_panic, together};

use crate::gated::{Code, Gated, Probe, Step, has_run, in_the_next};

const KEY: Probe = Probe(1);
const OLD: u32 = 1;
const NEW: u32 = 2;

/// Time for a thread to go to sleep. A test that needs more passes without having seen what it is for.
const A_MOMENT: Duration = Duration::from_millis(50);

/// What a load is doing when the late caller joins it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum During {
    Publishing,
    Done,
}

/// `remove` tells of itself before a load starts and removes what that load has published. Then the same thread asks.
fn is_not_given_what_was_removed(during: During, remove: fn(&Gated)) {
    let signals = Arc::new(Signals::new());
    let gate = Arc::clone(&signals);
    let cache = Gated::new(move |step| match step {
        Step::Told => {
            gate.raise("told");
            gate.wait("published");
        }
        // The late caller's own load passes: everything is raised by then.
        Step::Published => {
            gate.raise("published");
            gate.wait("joining");
            if during == During::Publishing {
                thread::sleep(A_MOMENT);
            }
        }
        Step::Looked(_) => {}
    });
    let got = together(2, |thread| {
        if thread == 0 {
            signals.wait("told");
            let got = *cache.get_or_insert_with(&KEY, || OLD);
            signals.raise("loaded");
            got
        } else {
            remove(&cache);
            let signals = Arc::clone(&signals);
            in_the_next(Code::Eq, move || {
                signals.raise("joining");
                if during == During::Done {
                    signals.wait_for("loaded", A_MOMENT);
                }
            });
            let got = *cache.get_or_insert_with(&KEY, || NEW);
            assert!(has_run(), "it has not met the load");
            got
        }
    });
    assert_eq!(got, [OLD, NEW], "the second caller began after the removal had returned");
    assert_eq!(cache.get(&KEY).as_deref(), Some(&NEW));
}

fn del(cache: &Gated) {
    assert!(cache.del(&KEY));
}

fn retain_nothing(cache: &Gated) {
    cache.retain(&mut |_, _| false);
}

#[test]
fn after_a_del() {
    is_not_given_what_was_removed(During::Publishing, del);
    is_not_given_what_was_removed(During::Done, del);
}

#[test]
fn after_a_clear() {
    is_not_given_what_was_removed(During::Publishing, Gated::clear);
    is_not_given_what_was_removed(During::Done, Gated::clear);
}

#[test]
fn after_a_retain() {
    is_not_given_what_was_removed(During::Publishing, retain_nothing);
    is_not_given_what_was_removed(During::Done, retain_nothing);
}

/// The leader looks into the map before it loads. What it finds there may be removed before it passes it on.
#[test]
fn is_not_given_what_the_leader_found_before_it_was_removed() {
    let signals = Arc::new(Signals::new());
    let gate = Arc::clone(&signals);
    let cache = Gated::new(move |step| match step {
        Step::Looked(false) if !gate.is_raised("missed") => {
            gate.raise("missed");
            gate.wait("told");
        }
        Step::Looked(true) if !gate.is_raised("found") => {
            gate.raise("found");
            gate.wait("joining");
            thread::sleep(A_MOMENT);
        }
        Step::Told => {
            gate.raise("told");
            gate.wait("found");
        }
        _ => {}
    });
    let got = together(2, |thread| {
        if thread == 0 {
            *cache.get_or_insert_with(&KEY, || unreachable!("the object is there"))
        } else {
            signals.wait("missed");
            cache.insert(&KEY, OLD);
            assert!(cache.del(&KEY));
            let signals = Arc::clone(&signals);
            in_the_next(Code::Eq, move || signals.raise("joining"));
            *cache.get_or_insert_with(&KEY, || NEW)
        }
    });
    assert_eq!(got, [OLD, NEW], "the second caller began after the removal had returned");
}

/// Who missed before the object was published, and joined after, finds it in the map and does not load it again.
#[test]
fn finds_in_the_map_what_is_still_there() {
    let signals = Arc::new(Signals::new());
    let gate = Arc::clone(&signals);
    let cache = Gated::new(move |step| match step {
        Step::Looked(false) if gate.is_raised("loading") && !gate.is_raised("missed") => {
            gate.raise("missed");
            gate.wait("published");
        }
        Step::Published => {
            gate.raise("published");
            gate.wait("joining");
            thread::sleep(A_MOMENT);
        }
        _ => {}
    });
    let got = together(2, |thread| {
        if thread == 0 {
            *cache.get_or_insert_with(&KEY, || {
                signals.raise("loading");
                assert!(signals.wait_for("missed", patience()));
                OLD
            })
        } else {
            signals.wait("loading");
            let signals = Arc::clone(&signals);
            in_the_next(Code::Eq, move || signals.raise("joining"));
            *cache.get_or_insert_with(&KEY, || unreachable!("the object is in the map"))
        }
    });
    assert_eq!(got, [OLD, OLD]);
}

/// Who joins while an object is being published leads the next load if that panics.
#[test]
fn takes_over_when_publishing_panics() {
    let signals = Arc::new(Signals::new());
    let gate = Arc::clone(&signals);
    let cache = Gated::new(move |step| {
        if step == Step::Published && !gate.is_raised("published") {
            gate.raise("published");
            gate.wait("joining");
            thread::sleep(A_MOMENT);
            quiet_panic();
        }
    });
    let got = together(2, |thread| {
        if thread == 0 {
            let load = || cache.get_or_insert_with(&KEY, || OLD);
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(load)).is_err());
            OLD
        } else {
            signals.wait("published");
            cache.remove_silently(&KEY);
            let signals = Arc::clone(&signals);
            in_the_next(Code::Eq, move || signals.raise("joining"));
            *cache.get_or_insert_with(&KEY, || NEW)
        }
    });
    assert_eq!(got, [OLD, NEW]);
    assert_eq!(cache.get(&KEY).as_deref(), Some(&NEW));
}
