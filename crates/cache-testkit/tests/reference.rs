//! The specification passes the suite that it specifies.

cache_testkit::conformance!(cache_testkit::Reference);
cache_testkit::panics_in_keys!(cache_testkit::Reference);

// In processes of their own the same panics have the same outcomes.
mod probed {
    use cache_testkit::Reference;

    cache_testkit::probe_panics!(
        Reference, hash: Usable, hasher: Usable, eq: Usable, borrow: Usable, clone: Usable, to_owned: Usable,
        drop_key: Usable, drop_object: Usable, closure: Usable, loader: Usable
    );
}

// Everything that runs under the one lock waits for it for ever.
cache_testkit::probe_calls!(
    cache_testkit::Reference,
    one_key: {
        hash: Hangs, hasher: Hangs, eq: Hangs, borrow: Hangs, clone: Usable, to_owned: Usable, drop_key:
        Usable, drop_object: Usable, closure: Hangs, loader: Usable
    },
    passes: {
        hash: Usable, hasher: Usable, eq: Usable, borrow: Hangs, clone: Usable, to_owned: Hangs,
        drop_key: Usable, drop_object: Usable, closure: Hangs, loader: Usable
    }
);
