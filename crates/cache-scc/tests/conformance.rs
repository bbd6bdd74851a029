//! What every backend must do, run on this one.
#![allow(missing_docs, reason = "the macros write tests and modules only")]

use cache_scc::SccBackend;

cache_testkit::conformance!(SccBackend);
cache_testkit::probe_panics!(
    SccBackend, hash: Usable, eq: Usable, drop_key: Usable, drop_object: Usable
);
