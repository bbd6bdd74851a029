//! What the fuzz targets in `fuzz/` do with the bytes they are given: any bytes are operations, and each is checked.
//!
//! The targets themselves need a nightly compiler and are no member of the workspace. What can be wrong in them is here,
//! built and run with every other test, on random bytes and on those in `corpus/` that a fuzzer once found worth keeping.
//!
//! | target | |
//! |---|---|
//! | [`int`] | one thread, integers, against a `HashMap` |
//! | [`obj`] | one thread, objects, against a `HashMap`, each object dropped once |
//! | [`histories`] | two to four threads, their histories checked for linearizability |
#![forbid(unsafe_code)]

mod bytes;
mod hashers;
mod histories;
mod int;
mod keys;
mod obj;

pub use histories::histories;
pub use int::int;
pub use obj::obj;
