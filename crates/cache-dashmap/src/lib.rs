//! In work.
#![forbid(unsafe_code)]

mod backend;
mod int;
mod obj;
mod table;

pub use backend::DashMapBackend;
pub use int::DashMapIntCache;
pub use obj::DashMapObjCache;
