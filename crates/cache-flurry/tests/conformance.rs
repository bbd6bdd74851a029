//! What every backend must do, run on this one.
//!
//! All but `obj::drops::before_the_cache_is_dropped`: flurry frees what was deleted in batches, and cannot be
//! told to free an incomplete one. This crate's page says so.

use cache_flurry::FlurryBackend;

cache_testkit::conformance!(FlurryBackend, except: reclaim);
cache_testkit::probe_panics!(FlurryBackend, hash: Usable, eq: Usable | Breaks | Hangs, drop_key: Leaks | Breaks, drop_object: Leaks);
