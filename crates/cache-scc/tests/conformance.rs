//! What every backend must do, run on this one.

use cache_scc::SccBackend;

cache_testkit::conformance!(SccBackend);
cache_testkit::probe_panics!(SccBackend, hash: Usable, eq: Usable, drop_key: Leaks, drop_object: Usable);
