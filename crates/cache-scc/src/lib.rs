//! In work.
#![forbid(unsafe_code)]

mod backend;
mod int;
mod obj;
mod pass;

pub use backend::SccBackend;
pub use int::SccIntCache;
pub use obj::SccObjCache;
