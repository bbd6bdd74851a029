//! What every backend must do, and what this crate's page says of callers' code.

cache_testkit::conformance!(cache_rwlock::RwLockBackend);
cache_testkit::panics_in_keys!(cache_rwlock::RwLockBackend);
cache_testkit::probe_calls!(
    cache_rwlock::RwLockBackend,
    one_key: {
        hash: Hangs, hasher: Hangs, eq: Hangs, borrow: Hangs, clone: Usable, to_owned: Usable, drop_key:
        Usable, drop_object: Usable, closure: Hangs, loader: Usable
    },
    passes: {
        hash: Usable, hasher: Usable, eq: Usable, borrow: Hangs, clone: Usable, to_owned: Hangs,
        drop_key: Usable, drop_object: Usable, closure: Hangs, loader: Usable
    }
);
