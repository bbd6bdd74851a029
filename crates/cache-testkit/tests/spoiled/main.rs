//! Each check of the suite fails on a cache that breaks its rule: the reference, with one operation spoiled.

mod fault;
mod int;
mod int_faults;
mod int_removal_faults;
mod obj;
mod obj_exchange_faults;
mod obj_faults;

use std::time::{Duration, Instant};

use cache_testkit::{ends_within, set_patience};
use fault::Fault;

/// What is known to hang or to leak is not waited for as long as what is not.
const PATIENCE: Duration = Duration::from_secs(3);

/// Longer than any test takes with that patience.
const LIMIT: Duration = Duration::from_secs(60);

/// A test that takes so many times as long as without the fault hangs.
const SLOWER: u32 = 10;

/// How often a fault is looked for.
const TRIES: usize = 20;

/// Nothing spoiled.
#[derive(Clone, Copy, Debug, Default)]
struct NoFault;

impl Fault for NoFault {}

/// Checks that `test` passes on a cache that is right and fails on the spoiled one.
fn check(name: &'static str, right: fn(), spoiled: fn()) {
    set_patience(PATIENCE);
    let began = Instant::now();
    ends_within(LIMIT, name, right).unwrap_or_else(|failure| panic!("without a fault: {failure}"));
    // Some faults make it hang, which need not be waited for as long as a machine may be busy.
    let limit = (began.elapsed() * SLOWER).clamp(PATIENCE * 5, LIMIT);
    // Some faults need threads to meet, and on a busy machine they do not meet every time.
    let found = (0..TRIES).any(|_| ends_within(limit, name, spoiled).is_err());
    assert!(found, "the fault was not found");
}

/// A fault: its name, and the methods that it spoils.
macro_rules! spoil {
    ($(#[$doc:meta])* $name:ident { $($method:item)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default)]
        struct $name;

        impl $crate::fault::Fault for $name {
            $($method)+
        }
    };
}
pub(crate) use spoil;

/// One test for each line: a fault, and a test of the suite that is to find it.
macro_rules! finds {
    ($($(#[$doc:meta])* $name:ident: $fault:ident by $($test:ident)::+;)+) => {$(
        #[test]
        fn $name() {
            $crate::check(
                stringify!($name),
                cache_testkit::$($test)::+::<$crate::fault::Spoiled<$crate::NoFault>>,
                cache_testkit::$($test)::+::<$crate::fault::Spoiled<$fault>>,
            );
        }
    )+};
}
pub(crate) use finds;
