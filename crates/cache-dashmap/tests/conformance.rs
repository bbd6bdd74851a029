//! What every backend must do, and what this one promises besides.

cache_testkit::conformance!(cache_dashmap::DashMapBackend);
cache_testkit::panics_in_keys!(cache_dashmap::DashMapBackend);
