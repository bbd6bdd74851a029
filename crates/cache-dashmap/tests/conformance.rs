//! What every backend must do, run on this one.
#![allow(missing_docs, reason = "the macros write tests and modules only")]

use cache_dashmap::DashMapBackend;

cache_testkit::conformance!(DashMapBackend);
cache_testkit::probe_panics!(
    DashMapBackend, hash: Usable, eq: Usable, drop_key: Usable, drop_object: Usable
);
