//! In work.
#![forbid(unsafe_code)]

mod backend;
mod int;
mod obj;

pub use backend::PapayaBackend;
pub use int::PapayaIntCache;
pub use obj::PapayaObjCache;
