//! Recorded requests, replayed.
//!
//! Two formats are supported, which the first line tells apart. They are read from files and pipes, plain or
//! compressed with zstd or gzip:
//!
//! * `.lis`, references to blocks: `first_block count 0 sequence`. Each block is read, and stored on a miss.
//! * Twitter's published cache traces: `timestamp,key,key_size,value_size,client_id,operation,ttl`.
//!
//! A trace does not tell whether a key was present, so the harness decides what to do with absent keys: see [`Step`].

mod lis;
mod model;
mod packed;
mod reader;
mod replay;
mod requests;
mod twitter;

pub use model::Model;
pub use reader::{Malformed, Trace, read};
pub(crate) use replay::describe;
pub use replay::run;
pub use requests::{Part, Replayed, Requests, Step};
