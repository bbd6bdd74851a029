//! What every backend must do, run on this one.

use cache_scc::SccBackend;

cache_testkit::conformance!(SccBackend);
cache_testkit::probe_panics!(
    SccBackend, hash: Usable, hasher: Usable, eq: Usable, borrow: Usable, clone: Usable, to_owned: Usable,
    drop_key: Leaks, drop_object: Usable, closure: Usable, loader: Usable
);
cache_testkit::probe_calls!(
    SccBackend,
    one_key: {
        hash: Hangs, hasher: Hangs, eq: Hangs, borrow: Hangs, clone: Usable, to_owned: Usable, drop_key:
        Usable, drop_object: Usable, closure: Hangs, loader: Usable
    },
    passes: {
        hash: Hangs, hasher: Usable, eq: Usable | Hangs, borrow: Hangs, clone: Hangs, to_owned: Usable,
        drop_key: Usable, drop_object: Usable, closure: Hangs, loader: Usable
    }
);
