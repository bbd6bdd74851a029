//! Caches that evict: throughput of hits, of misses with eviction and of mixes, and the longest single insert.
//!
//! Each row is a cache as its crate makes it, with the harness's hasher where it takes one. Keys are text, and values are
//! integers that callers share: our cache hands out a handle to the entry, as foyer does; others hold an `Arc`, which each
//! insert allocates, and each look-up clones and drops.
//!
//! A row is built anew for each group of works in each pass, so that medians and spreads are those of several caches. A
//! value is made from its key, and every value read is compared with that, whatever was evicted meanwhile.

mod entries;
mod inputs;
mod ours;
mod peer;
mod peers;
mod run;
mod series;
mod subject;
mod tested;

pub use entries::{Build, ENTRIES, Entry, Setup};
pub use peer::Peer;
pub use run::run;
pub use subject::{Driven, Found, Subject};
