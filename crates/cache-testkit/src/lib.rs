//! The conformance suite: what every hotcache backend must do, as generic functions that each backend runs.
//!
//! A backend needs one line, in `tests/conformance.rs`:
//!
//! ```
//! cache_testkit::conformance!(cache_testkit::Reference);
//! # fn main() {}
//! ```
//!
//! The macro stamps names only: `#[test] fn set_get_add_del` calls
//! [`int::basic::set_get_add_del::<B>()`](int::basic::set_get_add_del), under a [watchdog](watched()) that turns a
//! hang into a failure with a name. Four more are opt-in. [`panics_in_keys!`] and [`calls_from_keys!`] are for backends
//! that promise to survive callers' code that panics, or that calls the cache that runs it. [`probe_panics!`] and
//! [`probe_calls!`] are for those that do not, and hold their docs to what really happens.
//!
//! # The suites
//!
//! Tests are named `<cache>::<suite>::<what holds>`, so that a filter picks any of them: `cargo test -p
//! cache-rwlock --test conformance -- int::` runs all that is about integers and nothing else, `lin::` both
//! caches' histories, `obj::loads::` the loader rules.
//!
//! | suite | of | what it holds |
//! |---|---|---|
//! | `basic` | `int` `obj` | one key: set, get, add, del; tables of sums; options |
//! | `bounds` | `int` | bounded adds: refusals, overflow, empty ranges |
//! | `exchange` | `int` `obj` | swap, insert_new, compare_exchange, replace_if_same, updates; every value is a value |
//! | `removal` | `int` | take, del_if and retain lose no add, and each removal is told once |
//! | `many` | `int` `obj` | len, clear, keys, for_each, retain, get_many |
//! | `retain` | `int` `obj` | what is set while `retain` asks about what was there stays |
//! | `races` | `int` | the two races of the design that was replaced, as stress |
//! | `contention` | `int` | stock is not oversold, adds are not lost, removals are told once |
//! | `lin` | `int` `obj` | recorded histories are linearizable, also while the table grows |
//! | `model` | `int` `obj` | random sequences of all operations against a map |
//! | `keys` | `int` `obj` | empty, 1 MB, NUL, not ASCII, one's own types, a million, colliding hashes |
//! | `iteration` | `int` `obj` | what is present throughout is seen once while others write |
//! | `panics` | `int` `obj` | panics in closures and loaders leave the cache usable |
//! | `drops` | `obj` | each object dropped once, none that is held |
//! | `reentry` | `obj` | no object is dropped under a lock |
//! | `loads` | `obj` | one loader for each key, in threads and tasks; shared errors, hand-over, circles, writes that win |
//! | `dynamic` | `int` `obj` | `dyn`, and through every kind of pointer |
//!
//! # Settings
//!
//! | environment variable | |
//! |---|---|
//! | `HOTCACHE_TEST_SCALE` | sizes and rounds in per cent of the usual ([`scale()`]) |
//! | `HOTCACHE_TEST_SEED` | the seed of everything random; failures print theirs |
//! | `HOTCACHE_TEST_TIMEOUT` | seconds until the watchdog ends a test, 300 unless set |
//!
//! A seed repeats the operations and where threads dawdle, but not what the scheduler does.
//!
//! # How the tests are tested
//!
//! [`Reference`] is the specification, a mutex around a `HashMap`, and passes. The faulty caches in [`faulty`] and
//! in this crate's own tests each break one rule, with a hook in the race window where it takes one, and the check
//! for that rule fails on them every time.
#![forbid(unsafe_code)]

mod environment;
pub mod faulty;
pub mod hashers;
pub mod history;
pub mod int;
pub mod key_panics;
mod ledger;
mod macros;
pub mod obj;
mod patience;
mod probe;
mod proptests;
mod quiet;
mod random;
mod reentry;
mod reference;
mod samples;
mod scale;
mod signals;
mod tasks;
mod threads;
mod violation;
mod watchdog;

pub use ledger::{Counted, Ledger};
pub use patience::{patience, set_patience};
pub use probe::{Outcome, assert_all_named, assert_outcome, probe, serve_probe};
pub use quiet::quiet_panic;
pub use random::{Random, fresh_seed};
pub use reference::{Reference, ReferenceIntCache, ReferenceObjCache};
pub use scale::scale;
pub use signals::Signals;
pub use tasks::{Tasks, block_on, yield_now};
pub use threads::together;
pub use violation::{Kind, Violation};
pub use watchdog::{ends_within, watched};
