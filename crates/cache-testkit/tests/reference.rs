//! The specification passes the suite that it specifies.

cache_testkit::conformance!(cache_testkit::Reference);
cache_testkit::panics_in_keys!(cache_testkit::Reference);

// In processes of their own the same panics have the same outcomes.
mod probed {
    use cache_testkit::Reference;

    cache_testkit::probe_panics!(Reference, hash: Usable, eq: Usable, drop_key: Usable, drop_object: Usable);
}
