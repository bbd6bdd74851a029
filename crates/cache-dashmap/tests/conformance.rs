//! What every backend must do, run on this one.

use cache_dashmap::DashMapBackend;

cache_testkit::conformance!(DashMapBackend);
cache_testkit::probe_panics!(DashMapBackend, hash: Usable, eq: Usable, drop_key: Leaks, drop_object: Leaks);
