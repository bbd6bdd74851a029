//! In work.
#![forbid(unsafe_code)]

mod backend;
mod int;
mod obj;

pub use backend::FlurryBackend;
pub use int::FlurryIntCache;
pub use obj::FlurryObjCache;
