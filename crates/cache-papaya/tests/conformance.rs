//! What every backend must do, run on this one.
//!
//! All but what this crate's page says papaya does not do: `obj::drops::before_the_cache_is_dropped`, as it
//! frees what was deleted in batches and cannot be told to free an incomplete one; and
//! `a_constant_hash_is_survived` and `equal_low_bits_are_survived` of both `keys` suites, of which
//! `limits.rs` tests the limit.

use cache_papaya::PapayaBackend;

cache_testkit::conformance!(PapayaBackend, except: collisions reclaim);
cache_testkit::probe_panics!(
    PapayaBackend, hash: Hangs, hasher: Leaks | Hangs, eq: Leaks, borrow: Usable, clone: Usable, to_owned: Usable,
    drop_key: Leaks, drop_object: Leaks, closure: Usable, loader: Usable
);
cache_testkit::probe_calls!(
    PapayaBackend,
    one_key: {
        hash: Hangs, hasher: Hangs, eq: Usable, borrow: Usable, clone: Usable, to_owned: Usable,
        drop_key: Usable, drop_object: Usable, closure: Usable, loader: Usable
    },
    passes: {
        hash: Usable, hasher: Usable, eq: Usable, borrow: Usable, clone: Usable, to_owned: Usable,
        drop_key: Usable, drop_object: Usable, closure: Usable, loader: Usable
    }
);
