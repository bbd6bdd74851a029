//! The traits that every hotcache backend implements, and the policy they share.
//!
//! There are two kinds of cache. An [`IntCache`] maps a key to an `i64` that is read and changed in place: stock,
//! purchases per user, black and white lists. An [`ObjCache`] maps a key to an [`Arc`](std::sync::Arc) of any object:
//! event and item information. A [`Backend`] names an implementation and builds both.
//!
//! This crate stores nothing. It holds the traits, and the code that backends would otherwise duplicate:
//!
//! * [`Key`]: how callers borrow a key and how a cache owns it;
//! * [`counter`]: the atomic operations on an integer, including bounds checks;
//! * [`Loads`]: the table of loads in flight behind [`get_or_insert_with`](ObjCacheExt::get_or_insert_with) and
//!   [`get_or_load_async`](ObjCacheAsyncExt::get_or_load_async);
//! * [`Options`]: capacity, shards and hasher.
//!
//! # Consistency
//!
//! Every operation on one key is linearizable: it takes effect at one instant between its call and its return, in the
//! *happens-before* order of the memory model. A thread that [`IntCache::get`]s a value sees everything that happened
//! before the [`IntCache::set`] that stored it. Operations on many keys (`len`, `keys`, `for_each`, `retain`,
//! `clear`) are weakly consistent; each documents what that means.
#![forbid(unsafe_code)]

mod backend;
mod collect;
mod context;
pub mod counter;
mod error;
mod ext;
mod forward;
mod int;
mod key;
mod load_error;
mod loads;
mod mixed;
mod obj;
mod options;
mod reentry;
mod room;
#[doc(hidden)]
pub mod seeded;
mod sync;
mod waits;

pub use backend::{Backend, HashBuilder, Value};
pub use error::{AddError, UpdateError};
#[doc(hidden)]
pub use ext::inclusive;
pub use ext::{IntCacheExt, ObjCacheAsyncExt, ObjCacheExt};
pub use int::{IntCache, assert_one_for_each, assert_reservable, assert_same_length, only};
pub use key::{Composite, Key};
pub use load_error::{DynLoadError, LoadError};
pub use loads::{HasLoads, Loads};
#[doc(hidden)]
pub use mixed::{Mixed, MixedHasher, mix};
pub use obj::ObjCache;
pub use options::{DefaultHashBuilder, Options};
#[doc(hidden)]
pub use reentry::{NoReentry, reentry_allowed};
pub use room::Room;
pub use waits::while_dropping;

/// The owned form of `str` keys: up to 24 bytes without a heap allocation.
pub use compact_str::CompactString;
