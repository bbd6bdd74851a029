//! The suite for [`ObjCache`](cache_core::ObjCache): each test a function over a backend.

pub mod basic;
pub mod closures;
pub mod drops;
pub mod dynamic;
pub mod exchange;
pub mod iteration;
pub mod keys;
pub mod lin;
pub mod loads;
pub mod many;
pub mod model;
pub mod panics;
pub mod reentry;
pub mod retain;

use cache_core::{Backend, DefaultHashBuilder, Options, Value};

/// The object cache of a backend with `str` keys and everything at its default.
pub(crate) type StrCache<B, V> = <B as Backend>::Obj<V, str, DefaultHashBuilder>;

pub(crate) fn str_cache<B: Backend, V: Value>() -> StrCache<B, V> {
    B::obj(Options::new())
}
