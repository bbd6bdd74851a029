//! What every backend must do, run on this one.
#![allow(missing_docs, reason = "the macros write tests and modules only")]

use cache_flurry::FlurryBackend;

cache_testkit::conformance!(FlurryBackend);
cache_testkit::probe_panics!(
    FlurryBackend, hash: Usable, eq: Usable, drop_key: Usable, drop_object: Usable
);
