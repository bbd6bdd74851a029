//! What every backend must do, run on this one.
#![allow(missing_docs, reason = "the macros write tests and modules only")]

use cache_papaya::PapayaBackend;

cache_testkit::conformance!(PapayaBackend);
cache_testkit::probe_panics!(
    PapayaBackend, hash: Usable, eq: Usable, drop_key: Usable, drop_object: Usable
);
