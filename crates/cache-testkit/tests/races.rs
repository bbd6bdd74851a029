//! The checks for the races of the old design find them, every time: a hook holds each operation in its race window
//! until the other one is where it does harm.

use std::sync::Arc;
use std::sync::Barrier;

use cache_testkit::faulty::{FaultyIntCache, Hook, Step};
use cache_testkit::history::IntOp;
use cache_testkit::int::contention::sell_out;
use cache_testkit::int::races::{
    race_del_if_and_add, race_exchange_and_add, race_set_and_add, race_take_and_add, race_two_adds,
    race_two_sets,
};
use cache_testkit::{Kind, Reference, Signals};

/// Enough to show that it is no luck.
const TIMES: u64 = 100;

/// A cache whose hook may raise and wait for signals.
fn faulty(hook: impl Fn(&Signals, &IntOp, Step) + Send + Sync + 'static) -> FaultyIntCache {
    let signals = Signals::new();
    FaultyIntCache::new(Hook::new(move |operation, step| hook(&signals, operation, step)))
}

/// Both sets miss. The second ends first; then the first one's counter, still at 0, replaces the second's, and
/// there the add finds it.
#[test]
fn two_sets_of_a_new_key() {
    for seed in 0..TIMES {
        let cache = faulty(|signals, operation, step| match (operation, step) {
            (IntOp::Set(1), Step::Missed) => {
                signals.raise("first missed");
                signals.wait("second done");
            }
            (IntOp::Set(1), Step::Published) => {
                signals.raise("first published");
                signals.wait("added");
            }
            (IntOp::Set(2), Step::Missed) => signals.wait("first missed"),
            (IntOp::Set(2), Step::Done) => signals.raise("second done"),
            (IntOp::Add(5), Step::Entered) => signals.wait("first published"),
            (IntOp::Add(5), Step::Done) => signals.raise("added"),
            _ => {}
        });
        let found = race_two_sets(&cache, "a", 1, seed).expect_err("a set was lost");
        assert_eq!(found.kind(), Kind::Wrong);
        assert!(found.to_string().contains("Add(5) gave Sum(5)"), "{found}");
    }
}

/// Both miss; the set ends, and the add's own counter replaces what was set.
#[test]
fn a_set_and_an_add_of_a_new_key() {
    for seed in 0..TIMES {
        let cache = faulty(|signals, operation, step| match (operation, step) {
            (IntOp::Add(5), Step::Missed) => {
                signals.raise("add missed");
                signals.wait("set done");
            }
            (IntOp::Set(10), Step::Missed) => signals.wait("add missed"),
            (IntOp::Set(10), Step::Done) => signals.raise("set done"),
            _ => {}
        });
        let found = race_set_and_add(&cache, "a", 1, seed).expect_err("the set was lost");
        assert!(found.to_string().contains("Get gave Value(Some(5))"), "{found}");
    }
}

/// Both adds miss, and each counts from 0.
#[test]
fn two_adds_of_a_new_key() {
    for seed in 0..TIMES {
        let both = Barrier::new(2);
        let cache = FaultyIntCache::new(Hook::new(move |_, step| {
            if step == Step::Missed {
                both.wait();
            }
        }));
        let found = race_two_adds(&cache, "a", 1, seed).expect_err("an add was lost");
        assert!(found.to_string().contains("Add(1) gave Sum(1)"), "{found}");
    }
}

/// Two buyers find one piece in stock, and then both take it.
#[test]
fn a_bounded_add_that_checks_first() {
    for _ in 0..TIMES {
        let both = Barrier::new(2);
        let cache = FaultyIntCache::new(Hook::new(move |_, step| {
            if step == Step::Checked {
                both.wait();
            }
        }));
        sell_out(&cache, 2, 1).expect_err("one piece was sold twice");
    }
}

/// A cache whose removal, or exchange, has looked at the value when an add comes.
fn overtaken_by_an_add() -> FaultyIntCache {
    faulty(|signals, operation, step| match (operation, step) {
        (IntOp::Add(5), Step::Entered) => signals.wait("checked"),
        (IntOp::Add(5), Step::Done) => signals.raise("added"),
        (IntOp::Take | IntOp::DelIfBelow(_) | IntOp::CompareExchange(..), Step::Checked) => {
            signals.raise("checked");
            signals.wait("added");
        }
        _ => {}
    })
}

/// The take returns the value from before the add, and removes the sum.
#[test]
fn a_take_that_reads_first() {
    for seed in 0..TIMES {
        let found = race_take_and_add(&overtaken_by_an_add(), "a", 1, seed).expect_err("an add was lost");
        assert!(found.to_string().contains("Take gave Value(Some(1))"), "{found}");
    }
}

/// `del_if` decides on the value from before the add, and removes the sum.
#[test]
fn a_del_if_that_decides_first() {
    for seed in 0..TIMES {
        let found = race_del_if_and_add(&overtaken_by_an_add(), "a", 1, seed).expect_err("an add was lost");
        assert!(found.to_string().contains("DelIfBelow(3) gave Removed(true)"), "{found}");
    }
}

/// The exchange compares the value from before the add, and replaces the sum.
#[test]
fn an_exchange_that_compares_first() {
    for seed in 0..TIMES {
        let found = race_exchange_and_add(&overtaken_by_an_add(), "a", 1, seed).expect_err("an add was lost");
        assert!(found.to_string().contains("gave Exchanged(Ok(()))"), "{found}");
    }
}

/// The same scripts find nothing on a cache that is right: it is the fault that they find, not themselves.
#[test]
fn nothing_is_found_where_nothing_is() {
    use cache_core::{Backend, Options};
    let cache = Arc::new(Reference::int::<str, _>(Options::new()));
    for seed in 0..TIMES {
        for race in [
            race_two_sets,
            race_set_and_add,
            race_two_adds,
            race_take_and_add,
            race_del_if_and_add,
            race_exchange_and_add,
        ] {
            assert_eq!(race(&cache, "a", 1, seed), Ok(()));
        }
        assert_eq!(sell_out(&cache, 2, 1), Ok(()));
    }
}
