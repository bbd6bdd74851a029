//! What every backend must do, run on this one.
//!
//! All but `obj::drops::before_the_cache_is_dropped`: flurry frees what was deleted in batches, and cannot be
//! told to free an incomplete one. This crate's page says so.

use cache_flurry::FlurryBackend;

cache_testkit::conformance!(FlurryBackend, except: reclaim);
cache_testkit::probe_panics!(
    FlurryBackend, hash: Usable, hasher: Usable, eq: Usable | Breaks | Hangs, borrow: Usable, clone: Breaks,
    to_owned: Usable, drop_key: Leaks | Breaks, drop_object: Leaks, closure: Usable, loader: Usable
);
cache_testkit::probe_calls!(
    FlurryBackend,
    one_key: {
        hash: Usable, hasher: Usable, eq: Hangs, borrow: Hangs, clone: Hangs, to_owned: Usable,
        drop_key: Usable, drop_object: Usable, closure: Usable, loader: Usable
    },
    passes: {
        hash: Usable, hasher: Usable, eq: Hangs, borrow: Usable, clone: Usable, to_owned: Usable,
        drop_key: Usable, drop_object: Usable, closure: Usable, loader: Usable
    }
);
