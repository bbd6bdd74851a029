//! The suite for [`IntCache`](cache_core::IntCache): each test a function over a backend.

pub mod basic;
pub mod bounds;
pub mod closures;
pub mod contention;
pub mod dynamic;
pub mod exchange;
pub mod iteration;
pub mod keys;
pub mod lin;
pub mod many;
pub mod model;
pub mod panics;
pub mod races;
pub mod removal;
pub mod retain;

use cache_core::{Backend, DefaultHashBuilder, Options};

/// The integer cache of a backend with `str` keys and everything at its default.
pub(crate) type StrCache<B> = <B as Backend>::Int<str, DefaultHashBuilder>;

pub(crate) fn str_cache<B: Backend>() -> StrCache<B> {
    B::int(Options::new())
}
