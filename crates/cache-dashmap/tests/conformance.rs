//! What every backend must do, and what this crate's page says of callers' code.

cache_testkit::conformance!(cache_dashmap::DashMapBackend);
cache_testkit::panics_in_keys!(cache_dashmap::DashMapBackend);
cache_testkit::probe_calls!(
    cache_dashmap::DashMapBackend,
    one_key: {
        hash: Hangs, hasher: Hangs, eq: Hangs, borrow: Hangs, clone: Usable, to_owned: Usable, drop_key:
        Usable, drop_object: Usable, closure: Hangs, loader: Usable
    },
    passes: {
        hash: Usable, hasher: Usable, eq: Usable, borrow: Hangs, clone: Usable, to_owned: Hangs,
        drop_key: Hangs, drop_object: Usable, closure: Hangs, loader: Usable
    }
);
