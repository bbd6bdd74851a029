//! Recorded requests, replayed.
//!
//! Two formats are read, told apart by the first line, plain or compressed with zstd:
//!
//! * `.lis`, references to blocks: `first_block count 0 sequence`. Each block is read, and stored on a miss.
//! * Twitter's published cache traces: `timestamp,key,key_size,value_size,client_id,operation,ttl`.

mod lis;
mod model;
mod reader;
mod replay;
mod requests;
mod twitter;

pub use model::Model;
pub use reader::{Malformed, Trace, read};
pub use replay::run;
pub use requests::{Part, Replayed, Requests, Step};
