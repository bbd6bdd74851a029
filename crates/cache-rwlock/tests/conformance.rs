//! What every backend must do, and what this one promises besides.

cache_testkit::conformance!(cache_rwlock::RwLockBackend);
cache_testkit::panics_in_keys!(cache_rwlock::RwLockBackend);
