//! Caches that are wrong on purpose, so that each check of the suite can be seen to fail.

mod hook;
mod int;

pub use hook::{Hook, Step};
pub use int::FaultyIntCache;
